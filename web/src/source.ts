// Where a map's data comes from, apart from how it is shown. The view (app.ts and below) knows only these types; a page
// that carries its data has an EmbeddedSource (embedded.ts), a page of a server would have one that asks over HTTP.
// Calls are asynchronous for that reason. The document's members are explained in docs/map-format.md.

export type Numbers = Float32Array | Int32Array | Uint32Array;

/** One true neighbour: nearest by the vectors, whatever the picture shows. */
export interface Neighbour {
  point: number;
  score: number;
}

export interface Clusters {
  method: string;
  count: number;
  /** Cluster of each point; -1: in none. */
  of: Int32Array;
  names: string[];
  sizes: number[];
  typical: number[][];
}

export type Column =
  | { kind: 'number'; name: string; values: Float32Array }
  | { kind: 'category'; name: string; values: Uint32Array; categories: string[] }
  | { kind: 'text'; name: string; values: string[] };

export interface Distortion {
  k: number;
  /** null: too few points to measure. */
  trustworthiness: number | null;
  kept: number | null;
  nMeasured: number;
  statement: string;
}

export interface MapDocument {
  title: string;
  program: string;
  n: number;
  dim: number;
  nLeftOut: number;
  methodName: string;
  metric: string;
  /** Neighbours a point has. */
  k: number;
  /** Greater scores are nearer (cosine); false: smaller are (a distance). */
  scoreGrows: boolean;
  x: Float32Array;
  y: Float32Array;
  labels: string[];
  clusters: Clusters | null;
  columns: Column[];
  distortion: Distortion;
}

export interface Found {
  /** Every point that matches, in the order of points. */
  all: Uint32Array;
  /** The best of them, best first. */
  best: number[];
}

export interface MapSource {
  open(): Promise<MapDocument>;
  neighbours(point: number): Promise<Neighbour[]>;
  search(text: string, limit: number): Promise<Found>;
}
