// How fast the map page answers, in a headless Chromium with software WebGL (no graphics card): a page of N points opened, a
// letter typed into the search, a point clicked. Each time ends when the graphics process has drawn what the answer changed.
// Beside the wall clock stands the processor time of all processes of the browser: on a machine with other work the truer one,
// and what one free core would need at most.
// usage: MAP=…/map.html node bench.mjs [N]     (bench/web does all of it)
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { launch, open, until } from './browser.mjs';
import { fillPage, makeDocument } from './document.mjs';

const n = Number(process.argv[2] ?? 100_000);
const map = process.env.MAP;
const box = await launch();
const text = fillPage(readFileSync(map, 'utf8'), makeDocument(n));
const address = box.address('bench.html', text);

const system = await box.browser.target().createCDPSession();
/** Processor time of the whole browser so far, in milliseconds. */
async function spent() {
  const { processInfo } = await system.send('SystemInfo.getProcessInfo');
  return 1000 * processInfo.reduce((sum, process) => sum + process.cpuTime, 0);
}
const own = { opened: [], search: [], click: [], zoom: [] };
let mark = 0;
const begin = async () => (mark = await spent());
const end = async (name, time) => {
  times[name].push(time);
  own[name].push((await spent()) - mark);
};

// In the page: until everything asked of the graphics processor is done.
const tools = () => {
  window.__drawn = () => {
    const gl = document.getElementById('points').getContext('webgl2');
    gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    return performance.now();
  };
  document.addEventListener('DOMContentLoaded', () => {
    const ready = () => document.documentElement.dataset.ready && (window.__opened ??= window.__drawn());
    new MutationObserver(ready).observe(document.documentElement, { attributes: true });
    ready();
  });
  window.__watch = (kind, id, what) => {
    window.__answer = new Promise((done) => {
      let began = 0;
      addEventListener(kind, (event) => (began = event.timeStamp), { capture: true, once: true });
      new MutationObserver((_, observer) => {
        observer.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => done(window.__drawn() - began)));
      }).observe(document.getElementById(id), what);
    });
  };
};
const steps = {};
const times = { opened: [], search: [], click: [], zoom: [] };
for (let round = 0; round < 5; round++) {
  await begin();
  const { page } = await open(box.browser, address, { before: tools });
  await end('opened', await until(page, 'opened', () => window.__opened));
  for (const [name, at] of await page.evaluate(() => performance.getEntriesByType('mark').map((m) => [m.name, m.startTime]))) (steps[name] ??= []).push(at);
  for (let i = 0; i < 4; i++) {
    await page.focus('#search');
    await page.evaluate(() => document.getElementById('search').select());
    const query = `word ${31 + 7 * (4 * round + i)}`;
    for (const [at, letter] of [...query].entries()) {
      if (at === query.length - 1) {
        const before = query.slice(0, -1);
        await until(page, 'the letters before', (b) => document.getElementById('search').value === b, before);
        await page.evaluate(() => window.__watch('keydown', 'results', { childList: true }));
        await begin();
      }
      await page.keyboard.press(letter === ' ' ? 'Space' : letter);
    }
    await end('search', await page.evaluate(() => window.__answer));
    await page.keyboard.press('Escape');
    await page.focus('#picture');
    const target = await page.evaluate((from) => {
      for (let p = from; ; p++) {
        const [x, y] = lociMap.state.at(p).map(Math.round);
        if (x > 400 && x < 1180 && y > 20 && y < 780 && p !== lociMap.state.chosen && lociMap.state.under(x, y) === p) return [p, x, y];
      }
    }, 1000 * i + 100 * round + 20);
    await page.evaluate(() => window.__watch('mousedown', 'details', { attributes: true, attributeFilter: ['data-point'] }));
    await begin();
    await page.mouse.click(target[1], target[2]);
    await end('click', await page.evaluate(() => window.__answer));
    await begin();
    await end(
      'zoom',
      await page.evaluate(
        () =>
          new Promise((done) => {
            const { frames } = lociMap.state;
            const began = performance.now();
            document.getElementById('picture').dispatchEvent(new WheelEvent('wheel', { deltaY: -40, clientX: 700, clientY: 400, cancelable: true, bubbles: true }));
            const look = () => (lociMap.state.frames > frames ? done(window.__drawn() - began) : requestAnimationFrame(look));
            look();
          })
      )
    );
  }
  await page.close();
}
const version = await box.browser.version();
await box.close();

console.log(`${n} points, page of ${(Buffer.byteLength(text) / 1e6).toFixed(1)} MB, ${version}, SwiftShader, ${cpus().length} × ${cpus()[0].model}`);
console.log('milliseconds: median (least to greatest)');
const middle = (list) => Math.round(list.sort((a, b) => a - b)[list.length >> 1]);
for (const [name, gate] of [['opened', 3000], ['search', 1000], ['click', 1000], ['zoom', 0]]) {
  const t = times[name].sort((a, b) => a - b);
  const f = (v) => Math.round(v);
  console.log(`${name.padEnd(8)}${f(t[t.length >> 1])} (${f(t[0])} to ${f(t.at(-1))})${gate ? `, gate ${gate}` : ''}; processor time ${middle(own[name])} (${f(own[name][0])} to ${f(own[name].at(-1))})`);
}
console.log(`opening, median after the address was given: ${['start', 'read', 'made', 'drawn'].map((s) => `${s} ${middle(steps[`loci:${s}`])}`).join(', ')}`);
