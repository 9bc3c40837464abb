// What needs no browser: reading documents (packed, plain, damaged), search, colours. usage: node --test test/unit.test.mjs
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { after, test } from 'node:test';
import * as esbuild from 'esbuild';
import { fillPage, HOSTILE, makeDocument, neighboursOf, pack } from './document.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'loci-web-'));
after(() => rmSync(folder, { recursive: true }));
await esbuild.build({
  entryPoints: ['embedded', 'search', 'colour', 'labels'].map((name) => join(here, `../src/${name}.ts`)),
  bundle: true,
  format: 'esm',
  outdir: folder,
  outExtension: { '.js': '.mjs' },
});
const load = (name) => import(pathToFileURL(join(folder, `${name}.mjs`)).href);
const { EmbeddedSource, numbers } = await load('embedded');
const { LabelIndex, fold } = await load('search');
const colour = await load('colour');
const { shorten } = await load('labels');

const source = (value) => new EmbeddedSource({ textContent: typeof value === 'string' ? value : JSON.stringify(value), remove() {} });

test('a document: packed and plain give the same', async () => {
  const packed = await source(makeDocument(50)).open();
  const plain = await source(makeDocument(50, { packed: false })).open();
  assert.deepEqual(packed.x, plain.x);
  assert.deepEqual(packed.clusters, plain.clusters);
  assert.ok(Number.isNaN(plain.columns[0].values[3]) && Number.isNaN(packed.columns[0].values[3]));
  assert.deepEqual(packed.columns[1], plain.columns[1]);
  assert.deepEqual(packed.labels.slice(0, HOSTILE.length), HOSTILE);
});

test('neighbours come from the lists', async () => {
  for (const packed of [true, false]) {
    const s = source(makeDocument(500, { packed, k: 7 }));
    await s.open();
    for (const point of [0, 1, 499]) {
      const found = await s.neighbours(point);
      assert.deepEqual(found.map((f) => f.point), neighboursOf(point, 500, 7));
      assert.ok(Math.abs(found[6].score - 0.6) < 1e-6);
    }
  }
});

test('one point, two points, no clusters, no columns, a distance', async () => {
  const one = source({ ...makeDocument(1), clusters: null, columns: [] });
  const doc = await one.open();
  assert.equal(doc.n, 1);
  assert.equal(doc.clusters, null);
  assert.deepEqual(await one.neighbours(0), []);
  const two = source(makeDocument(2, { metric: 'L2 distance' }));
  assert.equal((await two.open()).scoreGrows, false);
  assert.equal((await two.neighbours(1))[0].point, 0);
});

test('damaged documents are refused with what is wrong', async () => {
  const good = makeDocument(20);
  const cases = [
    ['@LOCI_MAP@', /holds no map/],
    ['', /holds no map/],
    ['{"format": "loci-map"', /./],
    [{ ...good, format: 'other' }, /not a loci map/],
    [{ ...good, version: 2 }, /version 2/],
    [{ ...good, n: -1 }, /n is not a count/],
    [{ ...good, n: 21 }, /x has 80 bytes, expected 84/],
    [{ ...good, x: pack('i32', new Array(20).fill(1)) }, /type i32, expected f32/],
    [{ ...good, y: { type: 'f32', base64: '%%%' } }, /./],
    [{ ...good, labels: good.labels.slice(1) }, /labels/],
    [{ ...good, clusters: { ...good.clusters, of: pack('i32', new Array(20).fill(7)) } }, /7 is no cluster/],
    [{ ...good, columns: [{ name: 'a', kind: 'blob' }] }, /unknown kind/],
    [{ ...good, neighbors: null }, /neighbors/],
  ];
  for (const [value, message] of cases) await assert.rejects(source(value).open(), message);
  const outside = source({ ...good, neighbors: { ...good.neighbors, index: pack('u32', new Array(20 * good.neighbors.k).fill(4e9)) } });
  await outside.open();
  assert.deepEqual(await outside.neighbours(0), []);
});

test('numbers: null is not a number', () => {
  assert.deepEqual(numbers([1.5, null, 2], 'f32', 3, 'v'), Float32Array.of(1.5, NaN, 2));
  assert.throws(() => numbers([1], 'f32', 2, 'v'), /v has 1 numbers, expected 2/);
});

test('search: exact, beginning, word, anywhere; case and accents do not matter', () => {
  const index = new LabelIndex(['Paris', 'comparison', 'parison', 'the Paris metro', 'PÁRIS', 'zürich', '東京', 'Ångström']);
  assert.deepEqual(index.search('paris', 10).best, [0, 4, 2, 3, 1]);
  assert.deepEqual([...index.search('paris', 2).all], [0, 1, 2, 3, 4]);
  assert.equal(index.search('paris', 2).best.length, 2);
  assert.deepEqual(index.search('ZURICH', 9).best, [5]);
  assert.deepEqual(index.search('東', 9).best, [6]);
  assert.deepEqual(index.search('angstrom', 9).best, [7]);
  assert.deepEqual(index.search('   ', 9).best, []);
  assert.equal(fold('Straße'), 'straße');
});

test('the page: nothing in a document ends its element', () => {
  const page = fillPage('<script type="application/json" id="loci-map">@LOCI_MAP@</script>', makeDocument(20));
  assert.equal(page.match(/<\/script/gi).length, 1);
  const json = page.slice(page.indexOf('>') + 1, page.lastIndexOf('</script'));
  assert.deepEqual(JSON.parse(json).labels.slice(0, 3), HOSTILE.slice(0, 3));
});

test('long labels are cut between characters', () => {
  assert.equal(shorten('a\n b'), 'a b');
  assert.equal(shorten('👩‍👩‍👧‍👦'.repeat(30), 10).endsWith('…'), true);
  assert.equal(shorten('x'.repeat(5000)).length, 42);
});

// Machado, Oliveira and Fernandes (2009), severity 1; distances are CIE 1976 ΔE (2 is about what an eye can tell side by side).
const EYES = {
  usual: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};
const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
function lab(rgb, eye) {
  const l = rgb.map(linear);
  const [r, g, b] = [0, 3, 6].map((row) => Math.min(1, Math.max(0, eye[row] * l[0] + eye[row + 1] * l[1] + eye[row + 2] * l[2])));
  const f = (t) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

test('colours stay apart under three kinds of colour blindness', () => {
  for (const theme of ['dark', 'light']) {
    const all = [...colour.PALETTE[theme], colour.NOTHING[theme]];
    for (const [name, eye] of Object.entries(EYES))
      for (let i = 0; i < all.length; i++)
        for (let j = 0; j < i; j++) {
          const [a, b] = [lab(all[i], eye), lab(all[j], eye)];
          const apart = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
          assert.ok(apart > 12, `${theme}, ${name}: ${all[i]} and ${all[j]} are ${apart.toFixed(1)} apart`);
        }
  }
});

test('clusters of one colour lie far apart', () => {
  const places = [];
  for (let y = 0; y < 6; y++) for (let x = 0; x < 6; x++) places.push([x, y]);
  const of = colour.spread(places, places.map(() => 1), 7);
  for (let a = 0; a < 36; a++)
    for (let b = 0; b < a; b++)
      if (of[a] === of[b]) assert.ok(Math.hypot(places[a][0] - places[b][0], places[a][1] - places[b][1]) > 1);
  assert.equal(new Set(of).size, 7);
});

test('a number column: percentiles, logarithms, unknown values', () => {
  const values = Float32Array.from({ length: 1000 }, (_, i) => 10 ** (i / 200));
  values[5] = NaN;
  const c = colour.byNumber({ kind: 'number', name: 'n', values }, 'dark');
  assert.equal(c.scale.logarithmic, true);
  assert.deepEqual(c.colourOf(5), colour.NOTHING.dark);
  assert.notDeepEqual(c.colourOf(0), c.colourOf(999));
  const flat = colour.byNumber({ kind: 'number', name: 'n', values: new Float32Array(3).fill(2) }, 'light');
  assert.deepEqual(flat.colourOf(0), flat.colourOf(2));
  const none = colour.byNumber({ kind: 'number', name: 'n', values: new Float32Array(2).fill(NaN) }, 'light');
  assert.deepEqual(none.colourOf(0), colour.NOTHING.light);
});

test('a category column: the most frequent get colours, the rest is grey', () => {
  const categories = Array.from({ length: 12 }, (_, i) => `c${i}`);
  const values = Uint32Array.from({ length: 78 }, (_, i) => Math.floor((Math.sqrt(8 * i + 1) - 1) / 2)); // category c: c + 1 times
  const c = colour.byCategory({ kind: 'category', name: 'k', values, categories }, 'dark');
  assert.equal(c.entries[0].name, 'c11');
  assert.equal(c.entries.length, colour.MAX_CATEGORIES + 1);
  assert.equal(c.entries.at(-1).name, '5 more');
  assert.equal(c.entries.reduce((sum, e) => sum + e.count, 0), 78);
  assert.equal(c.groupOf(0), -1);
});
