// The map as a whole: what is chosen, hovered, searched, coloured and shown alone; panel, picture and keyboard hang on it.
// Every change goes through one of the methods below, which tell the picture, the panel and (for screen readers) the live
// region. Answers of the source may arrive late: each carries the question's number, and an answer to an old one is dropped.

import { byCategory, byCluster, byNumber, css, hex, mix, plain, NOTHING, type Colouring, type Rgb, type Theme } from './colour';
import { byId, element, figure, settings } from './dom';
import { listen } from './keys';
import type { Name } from './labels';
import { shorten } from './labels';
import { Panel } from './panel';
import { Picture, type Look } from './picture';
import type { MapDocument, MapSource, Neighbour } from './source';

const MOST_FOUND = 50;
const NAMES_IN_SIGHT = 2500;

const LOOK: Record<Theme, Look> = {
  dark: { ink: hex('#f2f5f9'), halo: '#0b0e13', plate: 'rgb(24 30 40 / .92)' },
  light: { ink: hex('#14181f'), halo: '#fbfbf9', plate: 'rgb(255 255 255 / .94)' },
};

export class App {
  private readonly panel: Panel;
  private readonly picture: Picture;
  private readonly places: [number, number][];
  private readonly tip = byId('tip');
  private readonly live = byId('live');
  private readonly host = byId('picture');
  private readonly system = window.matchMedia('(prefers-color-scheme: light)');
  private theme: Theme = 'dark';
  private colouring: Colouring;
  private chosen = -1;
  private neighbours: Neighbour[] = [];
  private hovered = -1;
  private found: { best: number[]; all: Uint32Array } | null = null;
  private alone: number | null = null;
  private history: number[] = [];
  private question = 0;
  private searching = 0;
  private clusterNames: Name[] = [];

  constructor(
    private readonly doc: MapDocument,
    private readonly source: MapSource,
    private readonly drawn: () => void
  ) {
    document.title = doc.title;
    this.theme = this.chosenTheme();
    this.picture = new Picture(this.host, byId<HTMLCanvasElement>('points'), byId<HTMLCanvasElement>('names'), doc.x, doc.y, LOOK[this.theme], {
      onPoint: (point, x, y) => this.hover(point, x, y),
      onClick: (point) => (point < 0 ? this.close() : void this.choose(point, 'picture')),
      onDraw: () => this.drawn(),
      names: () => this.names(),
    });
    this.places = this.clusterPlaces();
    this.colouring = this.colouringOf(doc.clusters ? 'cluster' : 'none');
    this.panel = new Panel(doc, {
      search: (text) => void this.search(text),
      choose: (point, from) => void this.choose(point, from),
      hover: (point) => this.hover(point),
      back: () => void this.back(),
      close: () => this.close(),
      colourBy: (key) => this.colourBy(key),
      isolate: (group) => this.isolate(group),
      showAll: () => this.isolate(null),
      toMap: () => this.host.focus(),
    });
    this.buttons();
    this.host.setAttribute('aria-label', `Map of ${figure(doc.n)} points: ${doc.title}`);
    listen(this.host, {
      search: () => this.panel.focusSearch(),
      help: () => this.help(),
      escape: () => (this.hovered >= 0 ? this.hover(-1) : this.close()),
      zoom: (times) => this.picture.zoomBy(times),
      fit: () => this.picture.fit(),
      pan: (x, y) => this.picture.panBy(x, y),
      toward: (dx, dy, name) => this.toward(dx, dy, name),
      neighbour: (rank) => this.neighbour(rank),
      list: () => (this.chosen < 0 ? this.toward(0, 0, '') : this.panel.focusNeighbours()),
      back: () => void this.back(),
      singleKeys: () => settings.get('keys') !== 'off',
    });
    this.system.addEventListener('change', () => this.applyTheme());
    this.applyTheme();
  }

  // ---- what a person can do ------------------------------------------------------------------------------

  async choose(point: number, from: 'picture' | 'search' | 'list' | 'keys' | 'back'): Promise<void> {
    const question = ++this.question;
    const neighbours = await this.source.neighbours(point);
    if (question !== this.question) return;
    if (this.chosen >= 0 && this.chosen !== point && from !== 'back') this.history.push(this.chosen);
    this.chosen = point;
    this.neighbours = neighbours;
    this.hovered = -1;
    this.tip.hidden = true;
    if (from === 'search') {
      this.panel.clearSearch();
      this.setFound(null);
      this.host.focus({ preventScroll: true });
    }
    this.showChosen();
    if (from !== 'picture') this.picture.show(point, from === 'search');
    if (from === 'list') this.panel.focusNeighbours();
    const nearest = neighbours.slice(0, 3).map((n) => this.doc.labels[n.point]).join(', ');
    this.say(`${this.doc.labels[point]}.${nearest ? ` Nearest by ${this.doc.metric}: ${nearest}.` : ''}`);
  }

  close(): void {
    this.question++;
    if (this.chosen < 0) return;
    this.chosen = -1;
    this.neighbours = [];
    this.history = [];
    if (byId('details').contains(document.activeElement)) this.host.focus({ preventScroll: true });
    this.showChosen();
    this.say('Nothing chosen.');
  }

  async back(): Promise<void> {
    const point = this.history.pop();
    if (point === undefined) this.say('No way back.');
    else await this.choose(point, 'back');
  }

  async search(text: string): Promise<void> {
    const question = ++this.searching;
    if (text.trim() === '') {
      this.panel.showResults(null, 0);
      this.setFound(null);
      return;
    }
    const found = await this.source.search(text, MOST_FOUND);
    if (question !== this.searching) return;
    this.panel.showResults(found.best, found.all.length);
    this.setFound(found);
    this.say(found.all.length === 0 ? 'Nothing found.' : `${figure(found.all.length)} found. First: ${this.doc.labels[found.best[0]!]}.`);
  }

  hover(point: number, x?: number, y?: number): void {
    if (point !== this.hovered) {
      this.hovered = point;
      this.mark();
    }
    this.tip.hidden = point < 0 || x === undefined;
    if (point < 0 || x === undefined || y === undefined) return;
    if (this.tip.dataset['point'] !== String(point)) {
      this.tip.dataset['point'] = String(point);
      this.tip.replaceChildren(
        element('b', {}, element('bdi', {}, shorten(this.doc.labels[point]!, 120))),
        ...this.panel.metadata(point).map(([name, value]) => element('div', {}, element('span', { class: 'muted' }, `${name} `), element('bdi', {}, shorten(value, 240))))
      );
    }
    const box = this.tip.getBoundingClientRect();
    const left = x + 16 + box.width > innerWidth ? x - box.width - 12 : x + 16;
    const top = y + 16 + box.height > innerHeight ? y - box.height - 12 : y + 16;
    this.tip.style.transform = `translate(${Math.max(4, Math.round(left))}px, ${Math.max(4, Math.round(top))}px)`;
  }

  colourBy(key: string): void {
    this.alone = null;
    this.colouring = this.colouringOf(key);
    this.recolour();
    this.say(`Coloured by ${byId<HTMLSelectElement>('colour-by').selectedOptions[0]?.textContent ?? key}.`);
  }

  isolate(group: number | null): void {
    this.alone = group === this.alone ? null : group;
    this.recolour();
    if (this.alone !== null && this.colouring.groupOf) {
      const { groupOf } = this.colouring;
      const members: number[] = [];
      for (let i = 0; i < this.doc.n; i++) if (groupOf(i) === this.alone) members.push(i);
      this.picture.showAll(members);
      this.say(`${this.colouring.entries.find((e) => e.group === this.alone)?.name ?? ''} alone, ${figure(members.length)} points.`);
    } else this.say('All points.');
  }

  /** The true neighbour that the picture shows in this direction, nearest by the vectors. */
  private toward(dx: number, dy: number, name: string): void {
    if (this.chosen < 0) {
      const middle = this.picture.pointInMiddle();
      if (middle >= 0) void this.choose(middle, 'keys');
      return;
    }
    const { positions } = this.picture;
    const x = positions[2 * this.chosen]!;
    const y = positions[2 * this.chosen + 1]!;
    const next = this.neighbours.find(({ point }) => {
      const vx = positions[2 * point]! - x;
      const vy = positions[2 * point + 1]! - y;
      const along = vx * dx + vy * dy;
      return along > 0 && along >= Math.abs(vx * dy - vy * dx);
    });
    if (next) void this.choose(next.point, 'keys');
    else this.say(`No neighbour of ${this.doc.labels[this.chosen]} lies ${name}.`);
  }

  private neighbour(rank: number): void {
    const next = this.neighbours[rank - 1];
    if (next) void this.choose(next.point, 'keys');
  }

  private help(): void {
    byId<HTMLDialogElement>('help').showModal();
  }

  private buttons(): void {
    byId('zoom-in').addEventListener('click', () => this.picture.zoomBy(1.6));
    byId('zoom-out').addEventListener('click', () => this.picture.zoomBy(1 / 1.6));
    byId('fit').addEventListener('click', () => this.picture.fit());
    byId('help-button').addEventListener('click', () => this.help());
    byId('help-close').addEventListener('click', () => byId<HTMLDialogElement>('help').close());
    byId('theme').addEventListener('click', () => {
      const order = ['auto', 'dark', 'light'];
      settings.set('theme', order[(order.indexOf(document.documentElement.dataset['theme'] ?? 'auto') + 1) % 3]!);
      this.applyTheme();
      this.say(`Theme: ${document.documentElement.dataset['theme']}.`);
    });
    const keys = byId<HTMLInputElement>('single-keys');
    keys.checked = settings.get('keys') !== 'off';
    keys.addEventListener('change', () => settings.set('keys', keys.checked ? 'on' : 'off'));
  }

  // ---- what is shown -------------------------------------------------------------------------------------

  private say(message: string): void {
    this.live.textContent = message;
  }

  private chosenTheme(): Theme {
    const set = settings.get('theme');
    document.documentElement.dataset['theme'] = set === 'dark' || set === 'light' ? set : 'auto';
    return set === 'dark' || set === 'light' ? set : this.system.matches ? 'light' : 'dark';
  }

  private applyTheme(): void {
    this.theme = this.chosenTheme();
    const set = document.documentElement.dataset['theme']!;
    byId('theme').setAttribute('aria-label', `Theme: ${set}`);
    byId('theme').title = `Theme: ${set}`;
    this.colouring = this.colouringOf(this.colouring.key);
    this.picture.setLook(LOOK[this.theme]);
    this.recolour();
  }

  private colouringOf(key: string): Colouring {
    if (key.startsWith('column:')) {
      const column = this.doc.columns.find((c) => `column:${c.name}` === key);
      if (column?.kind === 'number') return byNumber(column, this.theme);
      if (column?.kind === 'category') return byCategory(column, this.theme);
    }
    if (this.doc.clusters) return byCluster(this.doc, this.places, this.theme);
    return plain(this.theme);
  }

  /** Colours of all points; those outside a search or a group shown alone step back. */
  private recolour(): void {
    const { n } = this.doc;
    const bytes = new Uint8Array(4 * n);
    const { colouring } = this;
    const strong = n > 30000 ? 175 : n > 3000 ? 205 : 230;
    const back = mix(NOTHING[this.theme], hex(this.theme === 'dark' ? '#0b0e13' : '#fbfbf9'), 0.45);
    const isFound = this.found && this.found.all.length > 0 ? new Uint8Array(n) : null;
    if (isFound) for (const p of this.found!.all) isFound[p] = 1;
    for (let i = 0; i < n; i++) {
      const out = (this.alone !== null && colouring.groupOf && colouring.groupOf(i) !== this.alone) || (isFound && !isFound[i]);
      const c = out ? back : colouring.colourOf(i);
      bytes[4 * i] = c[0];
      bytes[4 * i + 1] = c[1];
      bytes[4 * i + 2] = c[2];
      bytes[4 * i + 3] = out ? 70 : isFound ? 255 : strong;
    }
    this.nameClusters();
    this.panel.showLegend(colouring, this.theme, this.alone);
    this.picture.setColours(bytes);
  }

  private setFound(found: { best: number[]; all: Uint32Array } | null): void {
    if (found === null && this.found === null) return;
    this.found = found;
    this.mark();
    this.recolour();
  }

  private strength(score: number): number {
    const scores = this.neighbours.map((n) => n.score);
    const low = Math.min(...scores);
    const high = Math.max(...scores);
    const share = high > low ? (score - low) / (high - low) : 1;
    return this.doc.scoreGrows ? share : 1 - share;
  }

  private mark(): void {
    this.picture.setMarks({
      chosen: this.chosen,
      neighbours: this.neighbours.map((n) => ({ point: n.point, strength: this.strength(n.score) })),
      hovered: this.hovered === this.chosen ? -1 : this.hovered,
      found: this.found?.best ?? [],
    });
  }

  private showChosen(): void {
    this.mark();
    if (this.chosen < 0) {
      this.panel.showPoint(null);
      return;
    }
    const near = new Set(this.picture.nearInPicture(this.chosen, this.neighbours.length));
    // Bars are the cosine itself, or for a distance the nearest one's share of it.
    const bar = (score: number) => (this.doc.scoreGrows ? score : (this.neighbours[0]?.score ?? 0) / score || 1);
    const rows = this.neighbours.map((n) => ({ ...n, bar: bar(n.score), near: near.has(n.point) }));
    this.panel.showPoint({
      point: this.chosen,
      neighbours: rows,
      near: rows.filter((r) => r.near).length,
      canGoBack: this.history.length > 0,
    });
  }

  /** Where a cluster's name stands: at its member nearest to the median of its members. */
  private clusterPlaces(): [number, number][] {
    const { clusters, n } = this.doc;
    if (!clusters) return [];
    const { positions } = this.picture;
    const members: number[][] = Array.from({ length: clusters.count }, () => []);
    for (let i = 0; i < n; i++) members[clusters.of[i]!]?.push(i);
    return members.map((list) => {
      if (list.length === 0) return [0, 0];
      const middle = (axis: 0 | 1) => Float32Array.from(list, (p) => positions[2 * p + axis]!).sort()[list.length >> 1]!;
      const x = middle(0);
      const y = middle(1);
      let best = list[0]!;
      let gap = Infinity;
      for (const p of list) {
        const d = (positions[2 * p]! - x) ** 2 + (positions[2 * p + 1]! - y) ** 2;
        if (d < gap) {
          gap = d;
          best = p;
        }
      }
      return [positions[2 * best]!, positions[2 * best + 1]!];
    });
  }

  private nameClusters(): void {
    const { clusters } = this.doc;
    this.clusterNames = [];
    if (!clusters) return;
    // Names step back while a search is shown.
    const ink = this.found ? mix(LOOK[this.theme].ink, hex(LOOK[this.theme].halo), 0.45) : LOOK[this.theme].ink;
    const colours = new Map<number, Rgb>(this.colouring.key === 'cluster' ? this.colouring.entries.map((e) => [e.group, e.colour]) : []);
    const largest = Math.max(1, ...clusters.sizes);
    const order = clusters.sizes.map((_, c) => c).sort((a, b) => clusters.sizes[b]! - clusters.sizes[a]!);
    for (const c of order) {
      if (clusters.sizes[c] === 0) continue;
      if (this.alone !== null && this.colouring.key === 'cluster' && this.alone !== c) continue;
      const tint = colours.get(c);
      this.clusterNames.push({
        text: clusters.names[c]!,
        x: this.places[c]![0],
        y: this.places[c]![1],
        size: Math.round(12 + 5 * Math.sqrt(clusters.sizes[c]! / largest)),
        weight: this.found ? 500 : 650,
        colour: css(tint && !this.found ? mix(tint, ink, 0.5) : ink),
        gap: 0,
      });
    }
  }

  private *names(): Iterable<Name> {
    const ink = css(LOOK[this.theme].ink);
    const gap = this.picture.radius() + 5;
    const named = new Set<number>();
    const name = (p: number, size: number, weight: number, more: Partial<Name> = {}): Name => {
      named.add(p);
      const [x, y] = this.picture.screenOf(p);
      return { text: this.doc.labels[p]!, x, y, size, weight, colour: ink, gap, ...more };
    };
    if (this.chosen >= 0) {
      yield name(this.chosen, 15, 700, { plate: true, gap: gap + 6 });
      for (const { point } of this.neighbours) yield name(point, 12.5, 600, { gap: gap + 1 });
    }
    if (this.found) for (const p of this.found.best) if (!named.has(p)) yield name(p, 12.5, 600);
    if (this.picture.zoom < 16)
      for (const cluster of this.clusterNames) {
        const [x, y] = this.picture.screen(cluster.x, cluster.y);
        yield { ...cluster, x, y };
      }
    const { groupOf } = this.colouring;
    for (const p of this.picture.inSight(NAMES_IN_SIGHT) ?? [])
      if (!named.has(p) && (this.alone === null || !groupOf || groupOf(p) === this.alone)) yield name(p, 11.5, 450);
  }

  // ---- for tests and for programs that drive the page ----------------------------------------------------

  prepare(): void {
    this.picture.prepare();
  }

  /** Read-only: what is chosen, where a point is on the screen (CSS pixels of the window), which names are drawn. */
  get state() {
    const box = this.host.getBoundingClientRect();
    return {
      chosen: this.chosen,
      hovered: this.hovered,
      zoom: this.picture.zoom,
      frames: this.picture.frames,
      renderer: this.picture.renderer,
      names: [...this.picture.namesDrawn],
      at: (point: number): [number, number] => {
        const [x, y] = this.picture.screenOf(point);
        return [box.left + x, box.top + y];
      },
      under: (x: number, y: number): number => this.picture.pointAt(x - box.left, y - box.top),
    };
  }
}
