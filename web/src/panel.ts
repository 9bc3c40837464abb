// The panel: search box, the chosen point with its true neighbours, legend. It draws what app.ts tells it and tells app.ts
// what a person did; it decides nothing. All text from the map is set as text.

import { css, numberColour, type Colouring, type Theme } from './colour';
import { byId, element, figure, plural } from './dom';
import { shorten } from './labels';
import type { Column, MapDocument } from './source';

export interface Actions {
  search(text: string): void;
  choose(point: number, from: 'search' | 'list'): void;
  hover(point: number): void;
  back(): void;
  close(): void;
  colourBy(key: string): void;
  isolate(group: number): void;
  showAll(): void;
  toMap(): void;
}

export interface Shown {
  point: number;
  neighbours: { point: number; score: number; bar: number; near: boolean }[];
  near: number;
  canGoBack: boolean;
}

/** A list of buttons is one stop of the Tab key; arrows, Home and End walk it. */
function walkable(list: HTMLElement): void {
  list.addEventListener('keydown', (event) => {
    const buttons = [...list.querySelectorAll('button')];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = buttons[Math.min(Math.max(to, 0), buttons.length - 1)]!;
    buttons[at]!.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

export class Panel {
  private readonly search = byId<HTMLInputElement>('search');
  private readonly results = byId('results');
  private readonly found = byId('found');
  private readonly details = byId('details');
  private readonly list = byId('neighbours');
  private readonly legend = byId('legend');
  private readonly select = byId<HTMLSelectElement>('colour-by');
  private options: number[] = [];
  private active = -1;

  constructor(
    private readonly doc: MapDocument,
    private readonly actions: Actions
  ) {
    byId('title').textContent = doc.title;
    const about = [plural(doc.n, 'point'), `${figure(doc.dim)} dimensions`, doc.methodName].filter(Boolean);
    byId('about').append(...about.flatMap((part, i) => [i > 0 ? ' · ' : '', element('span', {}, part)]));
    this.caveat();
    this.choices();
    this.search.disabled = false;
    this.search.addEventListener('input', () => actions.search(this.search.value));
    this.search.addEventListener('keydown', (event) => this.searchKey(event));
    walkable(this.list);
    walkable(this.legend);
    byId('back').addEventListener('click', () => actions.back());
    byId('close').addEventListener('click', () => actions.close());
    byId('show-all').addEventListener('click', () => actions.showAll());
    this.select.addEventListener('change', () => actions.colourBy(this.select.value));
  }

  /** How far the picture can be believed: always in sight. */
  private caveat(): void {
    const d = this.doc.distortion;
    byId('statement').textContent = d.statement;
    const meters = byId('meters');
    const meter = (name: string, value: number, shown: string, title: string) => {
      const bar = element('span', { class: 'bar', 'aria-hidden': 'true' }, element('i'));
      (bar.firstChild as HTMLElement).style.width = `${Math.round(100 * Math.max(0, Math.min(1, value)))}%`;
      meters.append(element('div', { class: 'meter', title }, element('span', {}, name), element('b', {}, shown), bar));
    };
    if (d.trustworthiness !== null)
      meter(`trustworthiness (${d.k})`, d.trustworthiness, d.trustworthiness.toFixed(3), '1: every point that looks near is near (Venna and Kaski 2001)');
    if (d.kept !== null)
      meter('true neighbours kept', d.kept, `${Math.round(100 * d.kept)} %`, `of a point's ${d.k} true neighbours, the share that is among the ${d.k} nearest of the picture`);
    if (this.doc.nLeftOut > 0)
      byId('statement').textContent += ` ${plural(this.doc.nLeftOut, 'row')} without a place (no number in them) left out.`;
  }

  private choices(): void {
    const add = (key: string, name: string) => this.select.append(element('option', { value: key }, name));
    if (this.doc.clusters) add('cluster', `cluster (${this.doc.clusters.method})`);
    else add('none', 'nothing');
    for (const c of this.doc.columns) if (c.kind !== 'text') add(`column:${c.name}`, shorten(c.name));
    byId('colours').hidden = this.select.options.length < 2 && !this.doc.clusters;
  }

  focusSearch(): void {
    this.search.focus();
    this.search.select();
  }

  clearSearch(): void {
    this.search.value = '';
    this.showResults(null, 0);
  }

  clusterName(point: number): string {
    const c = this.doc.clusters;
    if (!c) return '';
    const of = c.of[point]!;
    return of < 0 ? 'in no cluster' : c.names[of]!;
  }

  showResults(best: number[] | null, total: number): void {
    this.options = best ?? [];
    this.active = -1;
    this.results.replaceChildren(
      ...this.options.map((point, i) => {
        const option = element('li', { role: 'option', id: `result-${i}`, 'aria-selected': 'false', 'data-point': point },
          element('bdi', { class: 'label' }, shorten(this.doc.labels[point]!, 80)),
          element('span', { class: 'muted' }, shorten(this.clusterName(point), 28)));
        option.addEventListener('mousedown', (event) => event.preventDefault());
        option.addEventListener('click', () => this.actions.choose(point, 'search'));
        option.addEventListener('pointerenter', () => this.actions.hover(point));
        return option;
      })
    );
    this.results.hidden = this.options.length === 0;
    this.search.setAttribute('aria-expanded', String(this.options.length > 0));
    this.search.removeAttribute('aria-activedescendant');
    this.found.textContent =
      best === null ? '' : total === 0 ? 'No label contains this.' : total > best.length ? `${figure(total)} found, the first ${best.length} listed` : plural(total, 'found', 'found');
  }

  private activate(i: number): void {
    this.results.children[this.active]?.setAttribute('aria-selected', 'false');
    this.active = i;
    const option = this.results.children[i];
    if (!option) {
      this.search.removeAttribute('aria-activedescendant');
      return;
    }
    option.setAttribute('aria-selected', 'true');
    option.scrollIntoView({ block: 'nearest' });
    this.search.setAttribute('aria-activedescendant', option.id);
    this.actions.hover(this.options[i]!);
  }

  private searchKey(event: KeyboardEvent): void {
    const n = this.options.length;
    if (event.key === 'ArrowDown' && n > 0) this.activate((this.active + 1) % n);
    else if (event.key === 'ArrowUp' && n > 0) this.activate((this.active + n) % (n + 1) === n ? n - 1 : (this.active - 1 + n) % n);
    else if (event.key === 'Enter' && n > 0) this.actions.choose(this.options[Math.max(0, this.active)]!, 'search');
    else if (event.key === 'Escape') {
      if (this.search.value === '') this.actions.toMap();
      else {
        this.search.value = '';
        this.actions.search('');
      }
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  focusNeighbours(): void {
    this.list.querySelector<HTMLElement>('button[tabindex="0"]')?.focus();
  }

  private value(c: Column, point: number): string {
    if (c.kind === 'number') return figure(c.values[point]!);
    if (c.kind === 'category') return c.categories[c.values[point]!] ?? 'not known';
    return c.values[point]!;
  }

  metadata(point: number): [string, string][] {
    const rows: [string, string][] = this.doc.columns.map((c) => [c.name, this.value(c, point)]);
    if (this.doc.clusters) rows.unshift(['cluster', this.clusterName(point)]);
    return rows;
  }

  showPoint(shown: Shown | null): void {
    this.details.hidden = shown === null;
    byId('hint').hidden = shown !== null;
    this.details.dataset['point'] = shown ? String(shown.point) : '';
    if (!shown) {
      this.list.replaceChildren();
      return;
    }
    byId('chosen').textContent = this.doc.labels[shown.point]!;
    byId<HTMLButtonElement>('back').disabled = !shown.canGoBack;
    byId('metadata').replaceChildren(
      ...this.metadata(shown.point).flatMap(([name, value]) => [element('dt', {}, element('bdi', {}, name)), element('dd', {}, element('bdi', {}, shorten(value, 600)))])
    );
    const k = shown.neighbours.length;
    byId('nearest-title').textContent = k > 0 ? `${k} nearest by ${this.doc.metric}` : 'No neighbours in this file';
    this.list.replaceChildren(
      ...shown.neighbours.map((item, rank) => {
        const label = this.doc.labels[item.point]!;
        const score = item.score.toFixed(3);
        const bar = element('i', { 'aria-hidden': 'true' });
        bar.style.width = `${Math.round(100 * Math.min(1, Math.max(0.02, item.bar)))}%`;
        const button = element('button', {
            type: 'button',
            tabindex: rank === 0 ? 0 : -1,
            'data-point': item.point,
            'aria-label': `${rank + 1}: ${label}, ${this.doc.metric} ${score}, ${item.near ? 'also near' : 'far'} in the picture`,
            class: item.near ? 'near' : 'far',
            title: item.near ? 'also near in the picture' : 'far in the picture',
          },
          bar,
          element('bdi', { class: 'label' }, shorten(label, 80)),
          element('span', { class: 'where', 'aria-hidden': 'true' }, item.near ? '' : 'far'),
          element('span', { class: 'score' }, score));
        button.addEventListener('click', () => this.actions.choose(item.point, 'list'));
        button.addEventListener('pointerenter', () => this.actions.hover(item.point));
        button.addEventListener('focus', () => this.actions.hover(item.point));
        return element('li', {}, button);
      })
    );
    byId('kept-here').textContent = k > 0 ? `From the vectors, not the picture: ${shown.near} of these ${k} ${shown.near === 1 ? 'is' : 'are'} among its ${k} nearest in the picture.` : '';
  }

  showLegend(colouring: Colouring, theme: Theme, alone: number | null): void {
    this.select.value = colouring.key;
    byId('show-all').hidden = alone === null;
    if (colouring.scale) {
      const { low, high, logarithmic } = colouring.scale;
      const ramp = element('div', { class: 'ramp', role: 'img', 'aria-label': `from ${figure(low)} to ${figure(high)}` });
      const stops = Array.from({ length: 11 }, (_, i) => css(numberColour(i / 10, theme)));
      ramp.style.background = `linear-gradient(to right, ${stops.join(', ')})`;
      this.legend.replaceChildren(
        element('li', { class: 'scale' }, ramp, element('span', {}, figure(low)), element('span', { class: 'muted' }, logarithmic ? 'logarithmic' : ''), element('span', {}, figure(high)))
      );
      return;
    }
    const focused = (document.activeElement as HTMLElement | null)?.dataset['group'];
    this.legend.replaceChildren(
      ...colouring.entries.map((entry, i) => {
        const swatch = element('i', { class: 'swatch', 'aria-hidden': 'true' });
        swatch.style.background = css(entry.colour);
        const button = element('button', { type: 'button', tabindex: i === 0 ? 0 : -1, 'aria-pressed': String(alone === entry.group), 'data-group': entry.group },
          swatch, element('bdi', { class: 'label' }, shorten(entry.name, 60)), element('span', { class: 'score' }, figure(entry.count)));
        button.addEventListener('click', () => this.actions.isolate(entry.group));
        return element('li', {}, button);
      })
    );
    if (focused !== undefined) this.legend.querySelector<HTMLElement>(`[data-group="${CSS.escape(focused)}"]`)?.focus();
  }
}
