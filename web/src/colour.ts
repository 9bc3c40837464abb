// Colours of points: by cluster, by a category, by a number. Categories take the palette of Okabe and Ito (2008), which stays
// apart under the kinds of colour blindness (test/unit.test.mjs simulates them); its yellow is kept for the dark page, where
// its blue is lighter, and its black for the light one. Numbers take cividis (Nuñez, Anderton and Renslow 2018). A colour alone names nothing:
// clusters have their names on the map. There are more clusters than colours, so each takes the colour whose other bearers
// lie farthest off in the picture.

import { interpolateCividis } from 'd3-scale-chromatic';
import type { Column, MapDocument } from './source';

export type Rgb = readonly [number, number, number];
export type Theme = 'dark' | 'light';

export function hex(code: string): Rgb {
  const v = parseInt(code.slice(1), 16);
  return [v >> 16, (v >> 8) & 255, v & 255];
}

export const PALETTE: Record<Theme, Rgb[]> = {
  dark: ['#56b4e9', '#e69f00', '#009e73', '#f0e442', '#cc79a7', '#d55e00', '#2f7fd6'].map(hex),
  light: ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#1f2328'].map(hex),
};
export const NOTHING: Record<Theme, Rgb> = { dark: hex('#6b7280'), light: hex('#c3c7cd') };

export function css(c: Rgb): string {
  return `rgb(${c[0]} ${c[1]} ${c[2]})`;
}

export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  const m = (i: 0 | 1 | 2) => Math.round(a[i] * (1 - share) + b[i] * share);
  return [m(0), m(1), m(2)];
}

/** A place of the palette for each cluster. */
export function spread(places: readonly (readonly [number, number])[], sizes: readonly number[], colours: number): number[] {
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const of = new Array<number>(sizes.length).fill(0);
  const bearers: number[][] = Array.from({ length: colours }, () => []);
  for (const c of order) {
    let best = 0;
    let bestGap = -1;
    for (let colour = 0; colour < colours; colour++) {
      let gap = Infinity;
      for (const other of bearers[colour]!)
        gap = Math.min(gap, Math.hypot(places[c]![0] - places[other]![0], places[c]![1] - places[other]![1]));
      if (gap > bestGap) {
        bestGap = gap;
        best = colour;
      }
    }
    of[c] = best;
    bearers[best]!.push(c);
  }
  return of;
}

/** Cividis without the end that the page's background swallows; share 0…1. */
export function numberColour(share: number, theme: Theme): Rgb {
  const t = theme === 'dark' ? 0.16 + 0.84 * share : 0.88 * share;
  const m = /(\d+)\D+(\d+)\D+(\d+)/.exec(interpolateCividis(t))!;
  return [Number(m[1]), Number(m[2]), Number(m[3])];
}

export interface Entry {
  /** What `groupOf` gives for its points. */
  group: number;
  name: string;
  count: number;
  colour: Rgb;
}

/** How points are coloured now. Groups can be shown alone; a number has none, it has a scale. */
export interface Colouring {
  key: string;
  groupOf: ((point: number) => number) | null;
  entries: Entry[];
  scale: { low: number; high: number; logarithmic: boolean } | null;
  colourOf(point: number): Rgb;
}

/** Categories that get a colour of their own; the rest are one grey group. */
export const MAX_CATEGORIES = 7;

export function byCluster(doc: MapDocument, places: readonly (readonly [number, number])[], theme: Theme): Colouring {
  const clusters = doc.clusters!;
  const palette = PALETTE[theme];
  const colours = spread(places, clusters.sizes, palette.length).map((c) => palette[c]!);
  const entries: Entry[] = clusters.names.map((name, c) => ({ group: c, name, count: clusters.sizes[c]!, colour: colours[c]! }));
  entries.sort((a, b) => b.count - a.count);
  const none = doc.n - clusters.sizes.reduce((a, b) => a + b, 0);
  if (none > 0) entries.push({ group: -1, name: 'in no cluster', count: none, colour: NOTHING[theme] });
  return {
    key: 'cluster',
    groupOf: (p) => clusters.of[p]!,
    entries,
    scale: null,
    colourOf: (p) => colours[clusters.of[p]!] ?? NOTHING[theme],
  };
}

export function byCategory(column: Column & { kind: 'category' }, theme: Theme): Colouring {
  const { values, categories } = column;
  const counts = new Array<number>(categories.length).fill(0);
  let unknown = 0;
  for (const v of values) {
    if (v < counts.length) counts[v]!++;
    else unknown++;
  }
  const order = counts.map((_, c) => c).filter((c) => counts[c]! > 0);
  order.sort((a, b) => counts[b]! - counts[a]! || a - b);
  const groupOfCategory = new Array<number>(categories.length).fill(-1);
  const entries: Entry[] = order.slice(0, MAX_CATEGORIES).map((c, place) => {
    groupOfCategory[c] = place;
    return { group: place, name: categories[c]!, count: counts[c]!, colour: PALETTE[theme][place]! };
  });
  const rest = order.slice(MAX_CATEGORIES);
  const others = rest.reduce((sum, c) => sum + counts[c]!, unknown);
  if (others > 0)
    entries.push({
      group: -1,
      name: rest.length > 0 ? `${rest.length} more` : 'not known',
      count: others,
      colour: NOTHING[theme],
    });
  const groupOf = (p: number) => groupOfCategory[values[p]!] ?? -1;
  return {
    key: `column:${column.name}`,
    groupOf,
    entries,
    scale: null,
    colourOf: (p) => PALETTE[theme][groupOf(p)] ?? NOTHING[theme],
  };
}

/** From the 1st to the 99th percentile; by logarithms when the values are positive and spread over three decades. */
export function byNumber(column: Column & { kind: 'number' }, theme: Theme): Colouring {
  const known = column.values.filter((v) => Number.isFinite(v)).sort();
  const at = (share: number) => known[Math.min(known.length - 1, Math.floor(share * known.length))] ?? 0;
  const low = at(0.01);
  const high = at(0.99);
  const logarithmic = (known[0] ?? 0) > 0 && known[known.length - 1]! / known[0]! >= 1000;
  const f = logarithmic ? Math.log : (v: number) => v;
  const from = f(low);
  const width = f(high) - from || 1;
  const steps = Array.from({ length: 256 }, (_, i) => numberColour(i / 255, theme));
  return {
    key: `column:${column.name}`,
    groupOf: null,
    entries: [],
    scale: { low, high, logarithmic },
    colourOf(p) {
      const v = column.values[p]!;
      if (!Number.isFinite(v)) return NOTHING[theme];
      return steps[Math.round(255 * Math.min(1, Math.max(0, (f(v) - from) / width)))]!;
    },
  };
}

/** One colour for all: a map without clusters. */
export function plain(theme: Theme): Colouring {
  const colour = PALETTE[theme][0]!;
  return { key: 'none', groupOf: null, entries: [], scale: null, colourOf: () => colour };
}
