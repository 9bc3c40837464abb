// Makes the page: bundles src/main.ts, puts script, style and notices into src/page.html and writes one file that needs
// nothing else. The content policy names the hashes of the one script and the one style, so nothing else runs: no eval, no
// request to anywhere, no markup from text. usage: node build.mjs OUT
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
if (!out) throw new Error('usage: node build.mjs OUT');
const MARKER = '@LOCI_MAP@';
const TARGET = ['es2022', 'chrome105', 'firefox110', 'safari16'];

const bundle = await esbuild.build({
  entryPoints: [join(here, 'src/main.ts')],
  bundle: true,
  minify: true,
  format: 'iife',
  target: TARGET,
  charset: 'utf8',
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"' },
  metafile: true,
  write: false,
  logLevel: 'warning',
  absWorkingDir: here,
});
const script = bundle.outputFiles[0].text.trim();
const style = (await esbuild.transform(readFileSync(join(here, 'src/style.css'), 'utf8'), { loader: 'css', minify: true, charset: 'utf8', target: TARGET })).code.trim();

// Every package whose code is in the bundle, with the licence that came with it.
function packageOf(file) {
  for (let folder = dirname(resolve(here, file)); folder !== dirname(folder); folder = dirname(folder)) {
    const description = join(folder, 'package.json');
    if (existsSync(description)) {
      const json = JSON.parse(readFileSync(description, 'utf8'));
      if (json.name && json.version) return { folder, json };
    }
  }
  throw new Error(`no package holds ${file}`);
}
const inputs = Object.values(bundle.metafile.outputs)[0].inputs;
const packages = new Map();
for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
  if (!file.includes('node_modules/') || bytesInOutput === 0) continue;
  const { folder, json } = packageOf(file);
  packages.set(`${json.name} ${json.version}`, { folder, json });
}
// A package of a repository with many may come without a copy of the repository's licence: its sibling's text serves.
function licenceText(folder) {
  const name = readdirSync(folder).find((f) => /^(licen[cs]e|copying)(\.|$)/i.test(f));
  return name ? readFileSync(join(folder, name), 'utf8').trim() : null;
}
const texts = new Map();
for (const [name, { folder, json }] of packages) {
  const scope = json.name.split('/')[0];
  let text = licenceText(folder);
  if (!text)
    for (const other of packages.values()) if (other.json.name.split('/')[0] === scope && !text) text = licenceText(other.folder);
  if (!text) throw new Error(`${name} comes without its licence's text`);
  const known = texts.get(text);
  if (known) known.push(`${name} (${json.license})`);
  else texts.set(text, [`${name} (${json.license})`]);
}
const notices =
  'This page contains the parts named below, each under the licence that follows its name.\n\n' +
  [...texts].map(([text, names]) => `${names.sort().join('\n')}\n\n${text}`).join(`\n\n${'-'.repeat(72)}\n\n`) +
  '\n';

const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const fill = { CONTENT_POLICY: policy, STYLE: style, NOTICES: escaped(notices), SCRIPT: script };
let page = readFileSync(join(here, 'src/page.html'), 'utf8');
for (const [name, text] of Object.entries(fill)) {
  if (page.split(`@${name}@`).length !== 2) throw new Error(`@${name}@ is not once in page.html`);
  page = page.replace(`@${name}@`, () => text);
}

// What the page promises, checked on the page itself.
const refuse = (condition, why) => {
  if (condition) throw new Error(`the page ${why}`);
};
refuse(page.split(MARKER).length !== 2, 'does not hold the marker exactly once');
refuse(/<\/script/i.test(script) || /<!--/.test(script), 'has a script that ends too early');
refuse(/<\/style/i.test(style), 'has a style that ends too early');
refuse(/@import|url\(/.test(style), 'has a style that loads something');
refuse(/(?<![\w$.])(eval|Function)\(/.test(script), 'has a script that makes code from text');

mkdirSync(dirname(resolve(out)), { recursive: true });
writeFileSync(`${out}.part`, page);
renameSync(`${out}.part`, out);
writeFileSync(join(dirname(resolve(out)), 'map-notices.txt'), notices);
console.log(`${out}: ${Math.round(page.length / 1024)} KiB, ${packages.size} packages`);
