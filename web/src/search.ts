// Labels by what a person types: case and accents do not matter. An exact label comes first, then labels that begin so,
// then those where a word begins so, then the rest that contain it; equal ones stay in the order of points (for word vectors:
// the more frequent word first).

import type { Found } from './source';

export function fold(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return text.normalize('NFKD').replace(/\p{M}+/gu, '').toLowerCase();
}

const WORD = /[\p{L}\p{N}]/u;

export class LabelIndex {
  private readonly folded: string[];

  constructor(labels: string[]) {
    this.folded = labels.map(fold);
  }

  search(text: string, limit: number): Found {
    const query = fold(text.trim());
    if (query === '') return { all: new Uint32Array(0), best: [] };
    const all: number[] = [];
    const ranked: number[][] = [[], [], [], []];
    for (let i = 0; i < this.folded.length; i++) {
      const label = this.folded[i]!;
      const at = label.indexOf(query);
      if (at < 0) continue;
      all.push(i);
      let rank = 3;
      if (at === 0) rank = label.length === query.length ? 0 : 1;
      else if (!WORD.test(label[at - 1]!)) rank = 2;
      const list = ranked[rank]!;
      if (list.length < limit) list.push(i);
    }
    return { all: Uint32Array.from(all), best: ranked.flat().slice(0, limit) };
  }
}
