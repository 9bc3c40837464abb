// The picture: points (points.ts), over them lines, rings and names (labels.ts), and a camera that d3-zoom moves with
// pointer, wheel and touch. It knows positions, colours and what is marked; what these mean is app.ts's business. Positions
// are scaled to a square of 1,000 units at opening, y downwards as on the screen. Which point is under the pointer is asked
// of a k-d tree, not of the graphics processor: exact, and the same without one. Changes only ask for a frame; a frame
// draws everything once, so points and names never come apart.

import { select, type Selection } from 'd3-selection';
import 'd3-transition';
import { zoom, zoomIdentity, type ZoomBehavior, type ZoomTransform } from 'd3-zoom';
import KDBush from 'kdbush';
import type { Rgb } from './colour';
import { css } from './colour';
import { LabelLayer, type Name } from './labels';
import { pointRenderer, type PointRenderer } from './points';

export interface Marks {
  chosen: number;
  neighbours: { point: number; strength: number }[];
  hovered: number;
  /** Points to ring: the best that a search found. */
  found: number[];
}

export interface Look {
  ink: Rgb;
  halo: string;
  plate: string;
}

export interface Handlers {
  /** A point under the pointer, −1: none; x and y in the window. */
  onPoint(point: number, x: number, y: number): void;
  onClick(point: number): void;
  onDraw(): void;
  /** Names to draw, most wanted first. */
  names(): Iterable<Name>;
}

export const SIZE = 1000;
const PICK_PIXELS = 14;
const MOST_NAMES = 160;
const DEEPEST = 2 ** 14;
const FARTHEST = 1 / 4;
const FLIGHT = 450; // milliseconds

export class Picture {
  readonly positions: Float32Array;
  /** What all points fill, in units. */
  private readonly box: { width: number; height: number };
  private tree: KDBush | null = null;
  private readonly points: PointRenderer;
  private readonly labels: LabelLayer;
  private readonly behaviour: ZoomBehavior<HTMLElement, unknown>;
  private readonly selection: Selection<HTMLElement, unknown, null, undefined>;
  private view: ZoomTransform = zoomIdentity;
  private fitK = 1;
  private width = 0;
  private height = 0;
  private colours: Uint8Array;
  private marks: Marks = { chosen: -1, neighbours: [], hovered: -1, found: [] };
  private asked = false;
  private readonly calm = window.matchMedia('(prefers-reduced-motion: reduce)');
  frames = 0;

  constructor(
    private readonly host: HTMLElement,
    points: HTMLCanvasElement,
    names: HTMLCanvasElement,
    x: Float32Array,
    y: Float32Array,
    private look: Look,
    private readonly handlers: Handlers
  ) {
    [this.positions, this.box] = scaled(x, y);
    this.colours = new Uint8Array(4 * x.length);
    this.labels = new LabelLayer(names);
    this.points = pointRenderer(points, this.positions, () => this.ask());
    this.selection = select(host);
    this.behaviour = zoom<HTMLElement, unknown>()
      .clickDistance(4)
      .on('zoom', (event: { transform: ZoomTransform }) => {
        this.view = event.transform;
        this.ask();
      });
    this.selection.call(this.behaviour);
    new ResizeObserver(() => this.measure()).observe(host);
    this.measure();

    host.addEventListener('click', (event) => {
      const [px, py] = this.inHost(event);
      this.handlers.onClick(this.pointAt(px, py));
    });
    host.addEventListener('pointermove', (event) => {
      if (event.buttons !== 0) return this.handlers.onPoint(-1, 0, 0);
      const [px, py] = this.inHost(event);
      this.handlers.onPoint(this.pointAt(px, py), event.clientX, event.clientY);
    });
    host.addEventListener('pointerleave', () => this.handlers.onPoint(-1, 0, 0));
  }

  get renderer(): string {
    return this.points.kind;
  }

  private inHost(event: MouseEvent): [number, number] {
    const box = this.host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** The window has a size (again): what was in the middle stays there, and all that was in sight stays in sight. */
  private measure(): void {
    const width = Math.max(1, this.host.clientWidth);
    const height = Math.max(1, this.host.clientHeight);
    if (width === this.width && height === this.height) return;
    const first = this.width === 0;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [mx, my] = first ? [0, 0] : this.middle();
    const times = this.view.k / this.fitK;
    this.width = width;
    this.height = height;
    this.fitK = Math.min((0.92 * width) / this.box.width, (0.88 * height) / this.box.height);
    this.points.resize(width, height, ratio);
    this.labels.resize(width, height, ratio);
    this.behaviour
      .scaleExtent([this.fitK * FARTHEST, this.fitK * DEEPEST])
      .extent([
        [0, 0],
        [width, height],
      ])
      .translateExtent([
        [-4 * SIZE, -4 * SIZE],
        [4 * SIZE, 4 * SIZE],
      ]);
    this.go(mx, my, this.fitK * (first ? 1 : times), false);
    this.ask();
  }

  private index(): KDBush {
    if (!this.tree) {
      const n = this.positions.length / 2;
      this.tree = new KDBush(Math.max(1, n), 64, Float32Array);
      for (let i = 0; i < n; i++) this.tree.add(this.positions[2 * i]!, this.positions[2 * i + 1]!);
      this.tree.finish();
    }
    return this.tree;
  }

  /** Builds what the first question would otherwise wait for. */
  prepare(): void {
    this.index();
  }

  setLook(look: Look): void {
    this.look = look;
    this.ask();
  }

  /** Four bytes a point: red, green, blue, opacity. The array is kept. */
  setColours(colours: Uint8Array): void {
    this.colours = colours;
    this.points.setColours(colours);
    this.ask();
  }

  setMarks(marks: Marks): void {
    this.marks = marks;
    this.ask();
  }

  /** Radius of a point in pixels: as large as the room allows, growing slowly with the zoom. */
  radius(): number {
    const n = this.positions.length / 2;
    const room = Math.sqrt((this.width * this.height) / Math.max(1, n));
    const base = Math.min(5, Math.max(1.1, 0.27 * room));
    return Math.min(9, base * Math.max(0.5, this.view.k / this.fitK) ** 0.42);
  }

  // ---- drawing -------------------------------------------------------------------------------------------

  private ask(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  private draw(): void {
    this.points.draw(this.view, this.radius(), this.marks.chosen >= 0 ? 0.5 : 1);
    this.labels.begin();
    this.drawMarks();
    this.labels.draw(this.handlers.names(), this.look.halo, this.look.plate, MOST_NAMES);
    this.frames++;
    this.handlers.onDraw();
  }

  private drawMarks(): void {
    const { chosen, neighbours, hovered, found } = this.marks;
    const c = this.labels.context;
    const r = this.radius();
    if (chosen >= 0) {
      const [x, y] = this.screenOf(chosen);
      c.strokeStyle = css(this.look.ink);
      c.lineCap = 'round';
      for (const { point, strength } of neighbours) {
        const [nx, ny] = this.screenOf(point);
        c.globalAlpha = 0.25 + 0.5 * strength;
        c.lineWidth = 0.8 + 1.6 * strength;
        c.beginPath();
        c.moveTo(x, y);
        c.lineTo(nx, ny);
        c.stroke();
      }
      c.globalAlpha = 1;
    }
    const ring = (point: number, size: number, line: number, gap: number) => {
      const [x, y] = this.screenOf(point);
      if (x < -20 || y < -20 || x > this.width + 20 || y > this.height + 20) return;
      c.beginPath();
      c.arc(x, y, size, 0, 2 * Math.PI);
      c.fillStyle = css([this.colours[4 * point]!, this.colours[4 * point + 1]!, this.colours[4 * point + 2]!]);
      c.fill();
      c.lineWidth = line + 2;
      c.strokeStyle = this.look.halo;
      c.stroke();
      if (gap > 0) {
        c.beginPath();
        c.arc(x, y, size + gap, 0, 2 * Math.PI);
      }
      c.lineWidth = line;
      c.strokeStyle = css(this.look.ink);
      c.stroke();
    };
    for (const point of found) ring(point, Math.max(3.5, r), 1.25, 0);
    for (const { point } of neighbours) ring(point, Math.max(4, r + 1), 1.5, 0);
    if (hovered >= 0) ring(hovered, Math.max(5, r + 2), 2, 0);
    if (chosen >= 0) ring(chosen, Math.max(6, r + 2), 2.5, 3);
  }

  get namesDrawn(): readonly string[] {
    return this.labels.drawn;
  }

  // ---- places --------------------------------------------------------------------------------------------

  /** Pixels inside the host. */
  screen(x: number, y: number): [number, number] {
    return [this.view.k * x + this.view.x, this.view.k * y + this.view.y];
  }

  screenOf(point: number): [number, number] {
    return this.screen(this.positions[2 * point]!, this.positions[2 * point + 1]!);
  }

  private middle(): [number, number] {
    return this.view.invert([this.width / 2, this.height / 2]);
  }

  /** The point nearest to a place of the host, −1 when none is near. */
  pointAt(px: number, py: number): number {
    const [x, y] = this.view.invert([px, py]);
    const reach = Math.max(PICK_PIXELS, this.radius() + 3) / this.view.k;
    return this.byDistance(x, y, this.index().within(x, y, reach))[0] ?? -1;
  }

  private byDistance(x: number, y: number, points: number[]): number[] {
    const square = (p: number) => (this.positions[2 * p]! - x) ** 2 + (this.positions[2 * p + 1]! - y) ** 2;
    return points
      .map((p) => [square(p), p] as const)
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
      .map(([, p]) => p);
  }

  /** The `most` points of the picture nearest to a place, nearest first. */
  private around(x: number, y: number, most: number): number[] {
    const n = this.positions.length / 2;
    const tree = this.index();
    let reach = SIZE * Math.sqrt((most + 1) / n) * 0.1;
    let near = tree.within(x, y, reach);
    while (near.length < Math.min(most, n) && reach < 8 * SIZE) {
      reach *= 1.7;
      near = tree.within(x, y, reach);
    }
    return this.byDistance(x, y, near).slice(0, most);
  }

  /** The point nearest to the middle of the window. */
  pointInMiddle(): number {
    const [x, y] = this.middle();
    return this.around(x, y, 1)[0] ?? -1;
  }

  /** The nearest in the picture of a point, itself left out. */
  nearInPicture(point: number, most: number): number[] {
    return this.around(this.positions[2 * point]!, this.positions[2 * point + 1]!, most + 1)
      .filter((p) => p !== point)
      .slice(0, most);
  }

  /** Points inside the window in their order, or null when there are more than `most`. */
  inSight(most: number): number[] | null {
    const n = this.positions.length / 2;
    // Far out nothing is asked: the tree would give nearly every point.
    if (n > most && n / this.zoom ** 2 > 12 * most) return null;
    const [left, top] = this.view.invert([0, 0]);
    const [right, bottom] = this.view.invert([this.width, this.height]);
    const inside = this.index().range(left, top, right, bottom);
    return inside.length > most ? null : inside.sort((a, b) => a - b);
  }

  // ---- the camera ----------------------------------------------------------------------------------------

  /** How many times closer than where everything is in sight. */
  get zoom(): number {
    return this.view.k / this.fitK;
  }

  private go(x: number, y: number, k: number, fly: boolean): void {
    const held = Math.min(this.fitK * DEEPEST, Math.max(this.fitK * FARTHEST, k));
    const to = zoomIdentity.translate(this.width / 2, this.height / 2).scale(held).translate(-x, -y);
    if (fly && !this.calm.matches) this.selection.transition().duration(FLIGHT).call(this.behaviour.transform, to);
    else this.selection.call(this.behaviour.transform, to);
  }

  fit(): void {
    this.go(0, 0, this.fitK, true);
  }

  zoomBy(times: number): void {
    const [x, y] = this.middle();
    this.go(x, y, this.view.k * times, true);
  }

  panBy(px: number, py: number): void {
    const [x, y] = this.middle();
    this.go(x + px / this.view.k, y + py / this.view.k, this.view.k, true);
  }

  /** Brings a point into sight: moves only when it lies outside the middle of the window, or always when `closer`. */
  show(point: number, closer: boolean): void {
    const x = this.positions[2 * point]!;
    const y = this.positions[2 * point + 1]!;
    if (!closer) {
      const [px, py] = this.screen(x, y);
      if (px > 0.1 * this.width && px < 0.9 * this.width && py > 0.1 * this.height && py < 0.9 * this.height) return;
      this.go(x, y, this.view.k, true);
      return;
    }
    const near = this.around(x, y, 60);
    const last = near[near.length - 1] ?? point;
    const reach = Math.max(1e-3, Math.hypot(this.positions[2 * last]! - x, this.positions[2 * last + 1]! - y));
    const k = Math.min(this.fitK * 128, (0.4 * Math.min(this.width, this.height)) / reach);
    this.go(x, y, Math.max(this.view.k, k), true);
  }

  /** Brings many points into sight. */
  showAll(points: Iterable<number>): void {
    const box = new Box();
    for (const p of points) box.add(this.positions[2 * p]!, this.positions[2 * p + 1]!);
    if (box.left > box.right) return;
    const k = 0.85 / Math.max((box.right - box.left) / this.width, (box.bottom - box.top) / this.height, 1e-9);
    this.go((box.left + box.right) / 2, (box.top + box.bottom) / 2, Math.min(this.fitK * 64, k), true);
  }
}

class Box {
  left = Infinity;
  right = -Infinity;
  top = Infinity;
  bottom = -Infinity;

  add(x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    if (x < this.left) this.left = x;
    if (x > this.right) this.right = x;
    if (y < this.top) this.top = y;
    if (y > this.bottom) this.bottom = y;
  }
}

/** The positions in a square of SIZE around 0, y downwards; what is no number goes to the middle. */
function scaled(x: Float32Array, y: Float32Array): [Float32Array, { width: number; height: number }] {
  const box = new Box();
  for (let i = 0; i < x.length; i++) box.add(x[i]!, -y[i]!);
  const width = Math.max(0, box.right - box.left);
  const height = Math.max(0, box.bottom - box.top);
  const scale = SIZE / (Math.max(width, height) || 1);
  const out = new Float32Array(2 * x.length);
  for (let i = 0; i < x.length; i++) {
    const px = (x[i]! - (box.left + box.right) / 2) * scale;
    const py = (-y[i]! - (box.top + box.bottom) / 2) * scale;
    if (Number.isFinite(px) && Number.isFinite(py)) {
      out[2 * i] = px;
      out[2 * i + 1] = py;
    }
  }
  return [out, { width: Math.max(1, width * scale), height: Math.max(1, height * scale) }];
}
