// A page that carries its map: opens the embedded document, makes the app, and says when the first picture was drawn
// (data-ready on the root element: milliseconds since navigation).

import { App } from './app';
import { byId } from './dom';
import { EmbeddedSource } from './embedded';

declare global {
  interface Window {
    /** For tests and for programs that drive the page. */
    lociMap?: App;
  }
}

async function start(): Promise<void> {
  performance.mark('loci:start');
  const source = new EmbeddedSource(document.getElementById('loci-map'));
  const doc = await source.open();
  performance.mark('loci:read');
  byId('opening').textContent = `Drawing ${doc.n.toLocaleString('en')} points …`;
  let ready = false;
  const drawn = () => {
    if (ready) return;
    ready = true;
    performance.mark('loci:drawn');
    byId('opening').hidden = true;
    requestAnimationFrame(() => {
      document.documentElement.dataset['ready'] = String(Math.round(performance.now()));
      const idle = window.requestIdleCallback ?? ((f: () => void) => setTimeout(f, 50));
      idle(() => {
        app.prepare();
        void source.search(' ', 1);
      });
    });
  };
  const app = new App(doc, source, drawn);
  performance.mark('loci:made');
  window.lociMap = app;
}

start().catch((error: unknown) => {
  byId('opening').hidden = true;
  const box = byId('problem');
  box.textContent = `This map cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
  box.hidden = false;
  document.documentElement.dataset['failed'] = 'true';
});
