// A map whose data lies in the page itself: the JSON document of docs/map-format.md in a script element. Long arrays come
// packed in base64; a reader takes plain arrays too. Neighbours are unpacked at the first question, not while the page opens.
// What is in the document is not trusted: lengths and point numbers are checked, and an error says what is wrong.

import { LabelIndex } from './search';
import type { Clusters, Column, Distortion, Found, MapDocument, MapSource, Neighbour, Numbers } from './source';

const MAKERS = { f32: Float32Array, i32: Int32Array, u32: Uint32Array } as const;
type Type = keyof typeof MAKERS;
type Json = Record<string, unknown>;

function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} is not an object`);
  return value as Json;
}

function text(value: unknown, fallback = ''): string {
  return typeof value === 'string' ? value : fallback;
}

function count(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new Error(`${what} is not a count`);
  return value as number;
}

function strings(value: unknown, length: number | null, what: string): string[] {
  if (!Array.isArray(value) || (length !== null && value.length !== length))
    throw new Error(`${what} is not a list of ${length ?? ''} texts`);
  return value.map((item) => (typeof item === 'string' ? item : String(item)));
}

function bytesOfBase64(encoded: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as unknown as { fromBase64?: (s: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (native) return native(encoded);
  const binary = atob(encoded);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** An array of numbers, plain or packed, of exactly this length. */
export function numbers<T extends Type>(value: unknown, type: T, length: number, what: string): InstanceType<(typeof MAKERS)[T]> {
  const Maker = MAKERS[type];
  let out: Numbers;
  if (Array.isArray(value)) {
    out = new Maker(value.length);
    for (let i = 0; i < value.length; i++) out[i] = typeof value[i] === 'number' ? value[i] : NaN;
  } else {
    const packed = object(value, what);
    if (packed['type'] !== type) throw new Error(`${what} has type ${String(packed['type'])}, expected ${type}`);
    const bytes = bytesOfBase64(text(packed['base64']));
    if (bytes.byteLength !== 4 * length) throw new Error(`${what} has ${bytes.byteLength} bytes, expected ${4 * length}`);
    if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1)
      for (let i = 0; i < bytes.length; i += 4) bytes.subarray(i, i + 4).reverse();
    out = new Maker(bytes.buffer, bytes.byteOffset, length);
  }
  if (out.length !== length) throw new Error(`${what} has ${out.length} numbers, expected ${length}`);
  return out as InstanceType<(typeof MAKERS)[T]>;
}

function readClusters(value: unknown, n: number): Clusters | null {
  if (value === null || value === undefined) return null;
  const json = object(value, 'clusters');
  const total = count(json['count'], 'clusters.count');
  const of = numbers(json['of'], 'i32', n, 'clusters.of');
  const sizes = new Array<number>(total).fill(0);
  for (let i = 0; i < n; i++) {
    const c = of[i] as number;
    if (c < -1 || c >= total) throw new Error(`clusters.of: ${c} is no cluster`);
    if (c >= 0) sizes[c]!++;
  }
  const typical = Array.isArray(json['typical']) ? json['typical'] : [];
  return {
    method: text(json['method']),
    count: total,
    of,
    names: strings(json['names'], total, 'clusters.names'),
    sizes,
    typical: sizes.map((_, c) =>
      (Array.isArray(typical[c]) ? (typical[c] as unknown[]) : []).filter((p): p is number => Number.isInteger(p) && (p as number) >= 0 && (p as number) < n)
    ),
  };
}

function readColumn(value: unknown, n: number): Column {
  const json = object(value, 'a column');
  const name = text(json['name'], 'column');
  switch (json['kind']) {
    case 'number':
      return { kind: 'number', name, values: numbers(json['values'], 'f32', n, name) };
    case 'category':
      return {
        kind: 'category',
        name,
        values: numbers(json['values'], 'u32', n, name),
        categories: strings(json['categories'], null, `${name}.categories`),
      };
    case 'text':
      return { kind: 'text', name, values: strings(json['values'], n, name) };
    default:
      throw new Error(`column ${name} has an unknown kind`);
  }
}

function readDistortion(value: unknown): Distortion {
  const json = object(value ?? {}, 'distortion');
  const share = (v: unknown) => (typeof v === 'number' && Number.isFinite(v) ? v : null);
  return {
    k: typeof json['k'] === 'number' ? json['k'] : 0,
    trustworthiness: share(json['trustworthiness']),
    kept: share(json['kept']),
    nMeasured: typeof json['n_measured'] === 'number' ? json['n_measured'] : 0,
    statement: text(json['statement'], 'Distances on this map are distorted: a flat picture cannot keep them all.'),
  };
}

export class EmbeddedSource implements MapSource {
  private json: Json | null = null;
  private document: MapDocument | null = null;
  private index: Uint32Array | null = null;
  private score: Float32Array | null = null;
  private labels: LabelIndex | null = null;

  constructor(private readonly element: Element | null) {}

  async open(): Promise<MapDocument> {
    const raw = this.element?.textContent ?? '';
    if (raw.startsWith('@') || raw.trim() === '')
      throw new Error('this page holds no map; loci map --html FILE writes one that does');
    const json = object(JSON.parse(raw), 'the map');
    this.element?.remove(); // the text is not needed twice
    if (json['format'] !== 'loci-map') throw new Error('this is not a loci map');
    if (json['version'] !== 1) throw new Error(`this map has version ${String(json['version'])}; this page reads version 1`);
    const n = count(json['n'], 'n');
    const neighbors = object(json['neighbors'], 'neighbors');
    const metric = text(json['metric'], 'cosine');
    this.json = neighbors;
    this.document = {
      title: text(json['title'], 'map'),
      program: text(json['program'], 'loci'),
      n,
      dim: count(json['dim'], 'dim'),
      nLeftOut: typeof json['n_left_out'] === 'number' ? json['n_left_out'] : 0,
      methodName: text(json['method_name'], text(json['method'])),
      metric,
      k: count(neighbors['k'], 'neighbors.k'),
      scoreGrows: !/distance/i.test(metric),
      x: numbers(json['x'], 'f32', n, 'x'),
      y: numbers(json['y'], 'f32', n, 'y'),
      labels: strings(json['labels'], n, 'labels'),
      clusters: readClusters(json['clusters'], n),
      columns: (Array.isArray(json['columns']) ? json['columns'] : []).map((c) => readColumn(c, n)),
      distortion: readDistortion(json['distortion']),
    };
    return this.document;
  }

  async neighbours(point: number): Promise<Neighbour[]> {
    const { n, k } = this.document!;
    if (!this.index || !this.score) {
      this.index = numbers(this.json!['index'], 'u32', n * k, 'neighbors.index');
      this.score = numbers(this.json!['score'], 'f32', n * k, 'neighbors.score');
      this.json = null;
    }
    const out: Neighbour[] = [];
    for (let j = point * k; j < (point + 1) * k; j++) {
      const other = this.index[j] as number;
      if (other < n) out.push({ point: other, score: this.score[j] as number });
    }
    return out;
  }

  async search(query: string, limit: number): Promise<Found> {
    this.labels ??= new LabelIndex(this.document!.labels);
    return this.labels.search(query, limit);
  }
}
