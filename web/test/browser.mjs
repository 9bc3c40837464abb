// A headless Chromium with software WebGL for tests and bench/web. Waits are on conditions with generous limits, never on
// time, so that a slow machine is only slow.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

export const LIMIT = Number(process.env.LIMIT ?? 300_000); // milliseconds: far more than anything takes on a machine that others keep busy too

export function chromium() {
  const named = process.env.CHROMIUM;
  return [named, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path && existsSync(path)) ?? null;
}

export async function launch() {
  const browser = await puppeteer.launch({
    executablePath: chromium(),
    headless: true,
    timeout: LIMIT,
    protocolTimeout: LIMIT,
    args: [
      '--no-sandbox', // of no use for a page of our own, and containers often cannot have it
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--disable-dev-shm-usage',
      '--disable-extensions',
      '--disable-background-networking',
    ],
  });
  const folder = mkdtempSync(join(tmpdir(), 'loci-map-'));
  return {
    browser,
    /** A file: address of a page with this text. */
    address(name, text) {
      const path = join(folder, name);
      writeFileSync(path, text);
      return pathToFileURL(path).href;
    },
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks in the page until the answer is true-ish, and gives it. */
export async function until(page, what, question, ...args) {
  const end = Date.now() + LIMIT;
  let failure = '';
  for (;;) {
    try {
      const answer = await page.evaluate(question, ...args);
      if (answer) return answer;
    } catch (error) {
      failure = `: ${error.message}`;
    }
    if (Date.now() > end) throw new Error(`never: ${what}${failure}`);
    await new Promise((wake) => setTimeout(wake, 40));
  }
}

/**
 * Opens a page and collects what must not happen. before: run in the page ahead of its own script.
 * → {page, complaints: [text], asked: [address]}
 */
export async function open(browser, address, { before = null, theme = 'dark', width = 1280, height = 800 } = {}) {
  const page = await browser.newPage();
  const complaints = [];
  const asked = [];
  page.on('console', (message) => {
    if (['error', 'warn', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => asked.push(request.url()));
  await page.evaluateOnNewDocument(() => {
    window.__violations = [];
    document.addEventListener('securitypolicyviolation', (event) => window.__violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  if (before) await page.evaluateOnNewDocument(before);
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([
    { name: 'prefers-color-scheme', value: theme },
    { name: 'prefers-reduced-motion', value: 'reduce' },
  ]);
  await page.goto(address, { waitUntil: 'domcontentloaded', timeout: LIMIT });
  await until(page, 'the page is ready or says why not', () => document.documentElement.dataset.ready || document.documentElement.dataset.failed);
  return { page, complaints, asked };
}
