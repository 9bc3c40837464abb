// Maps made up for tests and bench/web: n points in groups, hostile labels among them. Neighbours follow a rule that has
// nothing to do with the picture (neighbour j of point i is (i + 7919·(j + 1)) mod n), so a page that took them from the
// picture would be found out.

const STEP = 7919;

/** Mulberry32: the same map every time. */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const HOSTILE = [
  '<script>window.__stolen = 1</script>',
  '<img src=x onerror="window.__stolen = 2">',
  '"><svg onload="window.__stolen = 3">',
  '</script><script>window.__stolen = 4</script>',
  '@LOCI_MAP@ $& $1 `${1}` {{constructor}}',
  '\u202eright to left override',
  'שלום עולם',
  'Zürich Ångström naïve',
  '東京 北京 서울',
  '👩‍👩‍👧‍👦 family',
  'x'.repeat(5000),
  '',
];

export function neighboursOf(point, n, k) {
  return Array.from({ length: k }, (_, j) => (point + STEP * (j + 1)) % n);
}

const TYPES = { f32: Float32Array, i32: Int32Array, u32: Uint32Array };
export function pack(type, values) {
  const array = TYPES[type].from(values);
  return { type, length: array.length, base64: Buffer.from(array.buffer).toString('base64') };
}

export function labelOf(i) {
  return i < HOSTILE.length ? HOSTILE[i] : `word ${i}`;
}

/** options: {packed: true, k: 10, metric: 'cosine'} */
export function makeDocument(n, options = {}) {
  const { packed = true, metric = 'cosine' } = options;
  const k = Math.min(options.k ?? 10, Math.max(0, n - 1));
  const numbers = (type, values) => (packed ? pack(type, values) : Array.from(TYPES[type].from(values), (v) => (Number.isNaN(v) ? null : v)));
  const next = random(20081);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const groups = Math.max(1, Math.min(60, Math.floor(n / 20)));
  const centres = Array.from({ length: groups }, () => [14 * normal(), 9 * normal(), 0.4 + 1.6 * next()]);
  const x = new Float32Array(n);
  const y = new Float32Array(n);
  const of = new Int32Array(n);
  const typical = Array.from({ length: groups }, () => []);
  for (let i = 0; i < n; i++) {
    const g = Math.floor(next() ** 1.6 * groups);
    const [cx, cy, r] = centres[g];
    x[i] = cx + r * normal();
    y[i] = cy + r * normal();
    of[i] = next() < 0.06 ? -1 : g;
    if (of[i] >= 0 && typical[g].length < 10) typical[g].push(i);
  }
  const index = new Uint32Array(n * k);
  const score = new Float32Array(n * k);
  for (let i = 0; i < n; i++)
    neighboursOf(i, n, k).forEach((p, j) => {
      index[i * k + j] = p;
      score[i * k + j] = metric === 'cosine' ? 0.9 - 0.05 * j : 0.5 + 0.25 * j;
    });
  const languages = ['english', 'deutsch', 'français', '<b>bold</b>', 'español', 'italiano', 'suomi', 'polski', 'svenska'];
  const sizes = typical.map((_, g) => of.filter((v) => v === g).length);
  return {
    format: 'loci-map',
    version: 1,
    program: 'loci test',
    title: `${n} made-up points <title>`,
    n,
    dim: 300,
    n_left_out: 0,
    method: 'tsne',
    method_name: 't-SNE (perplexity 30)',
    metric,
    seed: 1,
    x: numbers('f32', x),
    y: numbers('f32', y),
    labels: Array.from({ length: n }, (_, i) => labelOf(i)),
    neighbors: { k, index: numbers('u32', index), score: numbers('f32', score) },
    clusters: {
      method: 'HDBSCAN',
      count: groups,
      of: numbers('i32', of),
      names: typical.map((_, g) => (g === 0 ? '<i>group</i> 0' : `group ${g}, of words`)),
      sizes,
      typical,
    },
    columns: [
      { name: 'count', kind: 'number', values: numbers('f32', Float32Array.from({ length: n }, (_, i) => (i === 3 ? NaN : 1e7 / (i + 1)))) },
      { name: 'language', kind: 'category', values: numbers('u32', Uint32Array.from({ length: n }, (_, i) => Math.floor(next() ** 2 * languages.length))), categories: languages },
      { name: 'text', kind: 'text', values: Array.from({ length: n }, (_, i) => `the text of point ${i} <u>`) },
    ],
    distortion: {
      k: 15,
      trustworthiness: 0.874,
      kept: 0.31,
      n_measured: 2000,
      statement: 'Distances on this map are distorted: of the 15 true neighbours of a point, 31 % are among its 15 nearest here.',
    },
  };
}

/** The page with a document in its marker's place, escaped as docs/map-format.md says. */
export function fillPage(template, document) {
  const escapes = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' };
  const json = (typeof document === 'string' ? document : JSON.stringify(document)).replace(/[<>&\u2028\u2029]/g, (c) => escapes[c]);
  const parts = template.split('@LOCI_MAP@');
  if (parts.length !== 2) throw new Error('the page does not hold the marker exactly once');
  return parts[0] + json + parts[1];
}
