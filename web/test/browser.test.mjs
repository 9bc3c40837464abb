// The page in a browser: 100,000 points, driven by mouse and keyboard as a person would, answers computed here from the
// document by other means. usage: MAP=…/map.html node --test test/browser.test.mjs   (LOCI=…/loci for the last test)
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chromium, launch, open, until } from './browser.mjs';
import { fillPage, HOSTILE, labelOf, makeDocument, neighboursOf } from './document.mjs';

const map = process.env.MAP;
const missing = !map || !existsSync(map) ? 'no page: make web' : !chromium() ? 'no Chromium' : false;
const N = 100_000;
const K = 10;

describe('map', { skip: missing }, () => {
  const template = missing ? '' : readFileSync(map, 'utf8');
  const document_ = missing ? null : makeDocument(N);
  const unpack = (packed) => new Float32Array(Uint8Array.from(Buffer.from(packed.base64, 'base64')).buffer);
  let box; // the browser
  let page;
  let complaints;
  let asked;
  let address;

  before(async () => {
    box = await launch();
    address = box.address('big.html', fillPage(template, document_));
    ({ page, complaints, asked } = await open(box.browser, address));
  });
  after(async () => {
    await box?.close();
  });

  const state = () => page.evaluate(() => ({ ...lociMap.state, at: null, under: null }));
  const chosen = (point) => until(page, `point ${point} is chosen`, (p) => lociMap.state.chosen === p && document.getElementById('details').dataset.point === String(p), point);
  const textOf = (selector) => page.$eval(selector, (e) => e.textContent);
  const rows = () => page.$$eval('#neighbours button', (list) => list.map((b) => [Number(b.dataset.point), b.querySelector('.score').textContent]));
  const expectNeighbours = async (point) =>
    assert.deepEqual(await rows(), neighboursOf(point, N, K).map((p, j) => [p, (0.9 - 0.05 * j).toFixed(3)]));
  const toMap = () => page.focus('#picture');
  const choose = async (point) => {
    await page.evaluate((p) => lociMap.choose(p, 'picture'), point);
    await chosen(point);
  };
  /** Decoded in another page: the map's own policy lets nothing in. → share of pixels unlike the commonest one */
  const painted = async (of) => {
    const clip = await of.$eval('#picture', (e) => {
      const { x, y, width, height } = e.getBoundingClientRect();
      return { x: x + 8, y: y + 8, width: width - 80, height: height - 16 };
    });
    const shot = await of.screenshot({ clip, encoding: 'base64' });
    const blank = await box.browser.newPage();
    try {
      return await blank.evaluate(async (data) => {
        const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
        const context = canvas.getContext('2d');
        context.drawImage(bitmap, 0, 0);
        const { data: bytes } = context.getImageData(0, 0, bitmap.width, bitmap.height);
        let coloured = 0;
        for (let i = 0; i < bytes.length; i += 4)
          if (Math.max(bytes[i], bytes[i + 1], bytes[i + 2]) - Math.min(bytes[i], bytes[i + 1], bytes[i + 2]) > 40) coloured++;
        return coloured / (bytes.length / 4);
      }, shot);
    } finally {
      await blank.close();
    }
  };

  test('opens, draws with WebGL, asks nobody for anything', async () => {
    assert.equal((await state()).renderer, 'webgl');
    assert.ok((await painted(page)) > 0.02, 'the picture has coloured points');
    assert.deepEqual(asked.filter((a) => !a.startsWith('data:')), [address]);
    assert.equal(await page.title(), document_.title);
    assert.match(await textOf('#about'), /100,000 points · 300 dimensions · t-SNE/);
  });

  test('says that distances are distorted, and how much', async () => {
    assert.equal(await textOf('#statement'), document_.distortion.statement);
    assert.match(await textOf('#meters'), /trustworthiness \(15\)0\.874/);
    assert.match(await textOf('#meters'), /true neighbours kept31 %/);
    const visible = await page.$eval('#statement', (e) => e.getBoundingClientRect().bottom <= innerHeight && e.getBoundingClientRect().height > 0);
    assert.ok(visible);
  });

  test('names of clusters are on the picture', async () => {
    const names = (await until(page, 'names are drawn', () => lociMap.state.names.length > 5 && lociMap.state.names));
    for (const name of names) assert.ok(document_.clusters.names.includes(name), name);
  });

  test('search lists, marks and goes there', async () => {
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'search');
    await page.keyboard.type('word 4321');
    const expected = document_.labels.filter((l) => l.includes('word 4321')).length;
    await until(page, 'found', (n) => document.getElementById('found').textContent === `${n} found`, expected);
    assert.equal(await textOf('#results li bdi'), 'word 4321');
    assert.equal(await page.$eval('#search', (e) => e.getAttribute('aria-expanded')), 'true');
    await until(page, 'its name is drawn', () => lociMap.state.names.includes('word 4321'));
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.$eval('#search', (e) => e.getAttribute('aria-activedescendant')), 'result-0');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await chosen(4321);
    await expectNeighbours(4321);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'picture');
    assert.equal(await page.$eval('#search', (e) => e.value), '');
    assert.match(await textOf('#live'), /^word 4321\. Nearest by cosine: word 12240, word 20159, /);
    const [x, y] = await page.evaluate(() => lociMap.state.at(4321));
    assert.ok(x > 372 && x < 1280 && y > 0 && y < 800, `the point is in sight: ${x}, ${y}`);
    assert.ok((await state()).zoom > 2, 'closer than before');
  });

  test('a search that finds nothing, and Escape', async () => {
    await page.focus('#search');
    await page.keyboard.type('no such label');
    await until(page, 'nothing', () => document.getElementById('found').textContent === 'No label contains this.');
    await page.keyboard.press('Escape');
    await until(page, 'empty', () => document.getElementById('found').textContent === '' && document.getElementById('search').value === '');
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'picture');
  });

  test('a click chooses the point under it, with neighbours from the file', async () => {
    await toMap();
    await page.keyboard.press('0');
    await until(page, 'everything is in sight', () => Math.abs(lociMap.state.zoom - 1) < 1e-6);
    const target = await page.evaluate(() => {
      for (let p = 500; p < 3000; p++) {
        const [x, y] = lociMap.state.at(p);
        if (x > 400 && x < 1180 && y > 20 && y < 780 && p !== lociMap.state.chosen && lociMap.state.under(Math.round(x), Math.round(y)) === p) return [p, Math.round(x), Math.round(y)];
      }
      return null;
    });
    await page.mouse.click(target[1], target[2]);
    await chosen(target[0]);
    assert.equal(await textOf('#chosen'), labelOf(target[0]));
    await expectNeighbours(target[0]);
    // The neighbours of this document lie anywhere in the picture, and the page says so.
    assert.match(await textOf('#kept-here'), /^From the vectors, not the picture: [0-3] of these 10 (is|are) among its 10 nearest in the picture\.$/);
    assert.ok((await page.$$eval('#neighbours .far', (l) => l.length)) >= 7);
  });

  test('hovering shows label and columns', async () => {
    const target = await page.evaluate(() => {
      for (let p = 5000; p < 9000; p++) {
        const [x, y] = lociMap.state.at(p);
        if (x > 400 && x < 1180 && y > 20 && y < 780 && p !== lociMap.state.chosen && lociMap.state.under(Math.round(x), Math.round(y)) === p) return [p, Math.round(x), Math.round(y)];
      }
      return null;
    });
    await page.mouse.move(target[1], target[2]);
    await until(page, 'the tip', (p) => !document.getElementById('tip').hidden && document.getElementById('tip').dataset.point === String(p), target[0]);
    const tip = await textOf('#tip');
    for (const part of [labelOf(target[0]), 'count', 'language', `the text of point ${target[0]} <u>`]) assert.ok(tip.includes(part), part);
    await page.mouse.move(600, 2);
    await page.mouse.move(200, 400);
    await until(page, 'no tip', () => document.getElementById('tip').hidden);
  });

  test('dragging moves the picture and chooses nothing; the wheel zooms', async () => {
    const before_ = await page.evaluate(() => [lociMap.state.chosen, ...lociMap.state.at(7)]);
    await page.mouse.move(700, 400);
    await page.mouse.down();
    await page.mouse.move(760, 430, { steps: 4 });
    await page.mouse.up();
    await until(page, 'moved', ([, x, y]) => Math.abs(lociMap.state.at(7)[0] - x - 60) < 1.5 && Math.abs(lociMap.state.at(7)[1] - y - 30) < 1.5, before_);
    assert.equal((await state()).chosen, before_[0]);
    const { zoom } = await state();
    await page.mouse.wheel({ deltaY: -300 });
    await until(page, 'closer', (z) => lociMap.state.zoom > z * 1.2, zoom);
  });

  test('arrows go to the true neighbour in that direction', async () => {
    const x = unpack(document_.x);
    const y = unpack(document_.y);
    const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    let tried = 0;
    for (const point of [777, 31_415]) {
      for (const [key, [dx, dy]] of Object.entries(directions)) {
        await choose(point);
        await toMap();
        const next = neighboursOf(point, N, K).find((p) => {
          const angle = Math.atan2(y[p] - y[point], x[p] - x[point]) - Math.atan2(dy, dx);
          return Math.cos(angle) >= Math.SQRT1_2 - 1e-9;
        });
        await page.keyboard.press(key);
        if (next === undefined) await until(page, 'it says so', () => /^No neighbour of .* lies (left|right|up|down)\.$/.test(document.getElementById('live').textContent));
        else {
          tried++;
          await chosen(next);
          await page.keyboard.press('Backspace');
          await chosen(point);
        }
      }
    }
    assert.ok(tried >= 4);
  });

  test('digits, Enter and the list; plus, minus, nought; Shift and arrows', async () => {
    await choose(100);
    await toMap();
    await page.keyboard.press('3');
    await chosen(neighboursOf(100, N, K)[2]);
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowDown');
    const second = neighboursOf(neighboursOf(100, N, K)[2], N, K)[1];
    await until(page, 'the second has the focus', (p) => document.activeElement.dataset.point === String(p) && lociMap.state.hovered === p, second);
    await page.keyboard.press('Enter');
    await chosen(second);
    await toMap();
    await page.keyboard.press('0');
    await until(page, 'all', () => Math.abs(lociMap.state.zoom - 1) < 1e-6);
    await page.keyboard.press('+');
    await until(page, 'in', () => lociMap.state.zoom > 1.4);
    await page.keyboard.press('-');
    await until(page, 'out', () => lociMap.state.zoom < 1.1);
    const [x] = await page.evaluate(() => lociMap.state.at(7));
    await page.keyboard.down('Shift');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.up('Shift');
    await until(page, 'moved', (before_) => lociMap.state.at(7)[0] < before_ - 60, x);
  });

  test('help opens and closes; Escape closes the point; single keys can be switched off', async () => {
    await page.keyboard.press('?');
    await until(page, 'help', () => document.getElementById('help').open);
    assert.match(await textOf('#notices'), /d3-zoom .*\(ISC\)[\s\S]*Permission to use, copy, modify/);
    await page.click('#single-keys');
    await page.keyboard.press('Escape');
    await until(page, 'no help', () => !document.getElementById('help').open);
    await toMap();
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'picture');
    await page.click('#help-button');
    await page.click('#single-keys');
    await page.click('#help-close');
    await choose(4);
    await toMap();
    await page.keyboard.press('Escape');
    await until(page, 'nothing chosen', () => lociMap.state.chosen === -1 && document.getElementById('details').hidden);
  });

  test('colour by a category and by a number; one group alone', async () => {
    await page.select('#colour-by', 'column:language');
    await until(page, 'the legend', () => document.querySelectorAll('#legend button').length === 8);
    const counts = await page.$$eval('#legend .score', (l) => l.map((e) => Number(e.textContent.replaceAll(',', ''))));
    assert.equal(counts.reduce((a, b) => a + b), N);
    assert.ok((await page.$$eval('#legend bdi', (l) => l.map((e) => e.textContent))).includes('<b>bold</b>'));
    await page.click('#legend button');
    await until(page, 'alone', () => document.querySelector('#legend button').getAttribute('aria-pressed') === 'true' && /alone/.test(document.getElementById('live').textContent));
    await page.click('#show-all');
    await until(page, 'all', () => !document.querySelector('#legend [aria-pressed=true]'));
    await page.select('#colour-by', 'column:count');
    await until(page, 'a scale', () => document.querySelector('#legend .ramp') && /logarithmic/.test(document.getElementById('legend').textContent));
    await page.select('#colour-by', 'cluster');
    await until(page, 'clusters', () => document.querySelectorAll('#legend button').length === 61);
  });

  test('hostile labels are text', async () => {
    const elements = () => page.evaluate(() => ['script', 'img', 'svg', 'i', 'b', 'u'].map((tag) => document.querySelectorAll(tag).length));
    await choose(50);
    const usual = await elements();
    assert.deepEqual(usual.slice(0, 2), [1, 0]);
    for (let p = 0; p < HOSTILE.length; p++) {
      await choose(p);
      assert.equal(await textOf('#chosen'), HOSTILE[p]);
      assert.deepEqual(await elements(), usual);
    }
    await page.focus('#search');
    await page.keyboard.type('<script>');
    await until(page, 'two found', () => document.getElementById('found').textContent === '2 found');
    assert.equal(await textOf('#results li bdi'), HOSTILE[0]);
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => window.__stolen), undefined);
  });

  test('dark, light, and the switch between them', async () => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const scheme = (value) => page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }, { name: 'prefers-reduced-motion', value: 'reduce' }]);
    const dark = await ground();
    await scheme('light');
    const light = await until(page, 'light', (d) => getComputedStyle(document.body).backgroundColor !== d && getComputedStyle(document.body).backgroundColor, dark);
    await until(page, 'the palette follows', () => document.querySelector('#legend .swatch').style.background.includes('114'));
    await page.click('#theme');
    await until(page, 'dark by choice', (d) => getComputedStyle(document.body).backgroundColor === d, dark);
    await page.click('#theme');
    await until(page, 'light by choice', (l) => getComputedStyle(document.body).backgroundColor === l, light);
    await page.click('#theme');
    await scheme('dark');
    await until(page, 'auto', (d) => getComputedStyle(document.body).backgroundColor === d, dark);
  });

  test('everything that can be used has a name and can be reached by Tab', async () => {
    const unnamed = await page.evaluate(() =>
      [...document.querySelectorAll('button, input, select, [tabindex]')]
        .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length))
        .map((e) => e.id || e.outerHTML.slice(0, 80))
    );
    assert.deepEqual(unnamed, []);
    await choose(12);
    await page.focus('.skip');
    const reached = new Set();
    for (let i = 0; i < 20; i++) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.closest('[id]')?.id));
    }
    for (const id of ['picture', 'zoom-in', 'theme', 'help-button', 'search', 'close', 'neighbours', 'colour-by', 'legend']) assert.ok(reached.has(id), `${id} is reached`);
  });

  test('a narrow window shows picture and panel', async () => {
    await page.setViewport({ width: 420, height: 800 });
    await until(page, 'measured again', () => document.getElementById('names').getBoundingClientRect().width === 420 && lociMap.state.names.length > 0);
    const [picture, panel] = await page.evaluate(() => ['picture', 'panel'].map((id) => document.getElementById(id).getBoundingClientRect().height));
    assert.ok(picture > 300 && panel > 300, `${picture} ${panel}`);
    await page.setViewport({ width: 1280, height: 800 });
  });

  test('a lost graphics context comes back', async () => {
    const frames = (await state()).frames;
    await page.evaluate(() => {
      const gl = document.getElementById('points').getContext('webgl2');
      window.__lose = gl.getExtension('WEBGL_lose_context');
      window.__lose.loseContext();
    });
    await until(page, 'lost', () => document.getElementById('points').getContext('webgl2').isContextLost());
    await page.evaluate(() => window.__lose.restoreContext());
    await until(page, 'drawn again', (f) => lociMap.state.frames > f && !document.getElementById('points').getContext('webgl2').isContextLost(), frames);
    await toMap();
    await page.keyboard.press('Escape');
    assert.ok((await painted(page)) > 0.02);
  });

  test('all the while nothing was refused, nothing failed, nobody was asked', async () => {
    assert.deepEqual(await page.evaluate(() => window.__violations), []);
    assert.deepEqual(complaints.filter((c) => !/WebGL|CONTEXT_LOST|GPU stall|GL Driver/i.test(c)), []);
    assert.deepEqual(asked.filter((a) => !a.startsWith('data:')), [address]);
    await page.close();
  });

  test('without WebGL the same picture is painted', async () => {
    const without = () => {
      const { getContext } = HTMLCanvasElement.prototype;
      HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        return kind.startsWith('webgl') ? null : getContext.call(this, kind, ...rest);
      };
    };
    const other = (await open(box.browser, box.address('plain.html', fillPage(template, makeDocument(3000, { packed: false }))), { before: without })).page;
    assert.equal(await other.evaluate(() => lociMap.state.renderer), 'canvas');
    assert.ok((await painted(other)) > 0.01);
    await other.close();
  });

  test('one point, two in one place, no clusters', async () => {
    const two = { ...makeDocument(2), x: [5, 5], y: [1, 1], clusters: null, columns: [], distortion: { k: 0, trustworthiness: null, kept: null, n_measured: 0, statement: 'Too few to measure.' } };
    for (const [name, document] of [['one.html', makeDocument(1)], ['two.html', two]]) {
      const { page: small, complaints: wrong } = await open(box.browser, box.address(name, fillPage(template, document)));
      await small.focus('#picture');
      await small.keyboard.press('ArrowLeft');
      await until(small, 'chosen', () => lociMap.state.chosen === 0);
      await small.keyboard.press('1');
      await until(small, 'answered', (n) => lociMap.state.chosen === n - 1, document.n);
      assert.deepEqual(wrong, []);
      await small.close();
    }
  });

  test('an empty or damaged page says so', async () => {
    for (const [name, text, message] of [
      ['empty.html', template, /holds no map/],
      ['damaged.html', fillPage(template, { ...makeDocument(20), n: 21 }), /x has 80 bytes, expected 84/],
    ]) {
      const { page: bad } = await open(box.browser, box.address(name, text));
      assert.match(await bad.$eval('#problem', (e) => e.textContent), message);
      assert.ok(await bad.$eval('#problem', (e) => e.checkVisibility()));
      await bad.close();
    }
  });

  const loci = process.env.LOCI;
  const hasMap = loci && existsSync(loci) && /\bmap\b/.test(execFileSync(loci, ['--commands'], { encoding: 'utf8' }));
  test('what `loci map` writes opens', { skip: hasMap ? false : 'no loci with the command map' }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loci-vectors-'));
    try {
      const lines = Array.from({ length: 60 }, (_, i) => `word${i} ${Array.from({ length: 8 }, (_, d) => Math.sin(1 + i * (d + 1)).toFixed(5)).join(' ')}`);
      writeFileSync(join(folder, 'v.txt'), `60 8\n${lines.join('\n')}\n`);
      execFileSync(loci, ['map', join(folder, 'v.txt'), '--html', join(folder, 'm.html'), '--method', 'pca', '--template', map]);
      const { page: real, complaints: wrong } = await open(box.browser, box.address('real.html', readFileSync(join(folder, 'm.html'), 'utf8')));
      await real.focus('#search');
      await real.keyboard.type('word17');
      await real.keyboard.press('Enter');
      await until(real, 'chosen', () => document.getElementById('chosen').textContent === 'word17');
      assert.ok((await real.$$('#neighbours button')).length > 0);
      assert.deepEqual(wrong, []);
      await real.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
