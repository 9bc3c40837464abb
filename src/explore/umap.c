/* explore/umap.c: uniform manifold approximation and projection (McInnes, Healy and Melville 2018).
 *
 * A point belongs to its nearest neighbour wholly and to others less with distance, so that its memberships add up to
 * log2(k); both sides' memberships are joined by the fuzzy union. The map is walked into: an edge of membership w is seen in
 * the share w/w_max of the epochs, and then pulls both its ends together, while `negative` random points push.
 *
 * umap-learn walks over the edges and moves points as it goes: one thread, or another map each time. Here an epoch is a walk
 * of every point over its own edges against the picture of the epoch before: it moves step by step (so that many edges do
 * not add up to one great leap), the others stand still, and the new picture is taken when all are done. An edge is seen
 * from both its ends; each end takes both pulls that it would get (as head and as tail), then the pushes: in the other order
 * the map is looser, trustworthiness .885 for .899 on 10,000 words (umap-learn .903). Points draw their random ones from
 * generators of their own. So the bits do not depend on the threads, and there are no locks.
 *
 * The forces have a power each; they are read from a table over the bits of d² (32 pieces an octave, linear, within 3e-4):
 * umap_plain.c computes them.
 */
#include "project.h"

#include <math.h>

enum { POINTS_A_TASK = 256, PIECES = 32, LOW = -20, HIGH = 16, N_PIECES = (HIGH - LOW) * PIECES };
static const float CLIP = 4;

/* ---- memberships ---- */

typedef struct memberships {
  const loci_graph *graph;
  size_t width;
  double mean; /* of all distances, for points whose neighbours all lie on them */
  float *out;
} memberships;

static double distance_of(const loci_graph *graph, size_t entry) {
  const double square = (double)graph->square[entry];
  return graph->metric == LOCI_METRIC_COSINE ? square / 2 : sqrt(square); /* 1 − cosine, as umap-learn has it */
}

/* Σ of the memberships at width sigma. */
static double total(const memberships *m, size_t i, double nearest, double sigma) {
  double sum = 0;
  for (size_t c = 0; c < m->width; c++) {
    const double beyond = distance_of(m->graph, i * m->graph->k + c) - nearest;
    sum += beyond > 0 ? exp(-beyond / sigma) : 1;
  }
  return sum;
}

static void one_point(const memberships *m, size_t i) {
  const size_t row = i * m->graph->k;
  double nearest = 0, mean = 0, low = 0, high = INFINITY, sigma = 1;
  for (size_t c = 0; c < m->width; c++) {
    const double d = distance_of(m->graph, row + c);
    if (nearest == 0) nearest = d;
    mean += d;
  }
  mean /= (double)(m->width + 1); /* the point itself is counted */
  const double target = log2((double)(m->width + 1));
  for (int step = 0; step < 64; step++) {
    const double sum = total(m, i, nearest, sigma);
    if (fabs(sum - target) < 1e-5) break;
    if (sum > target) high = sigma;
    else low = sigma;
    sigma = high == INFINITY ? 2 * sigma : (low + high) / 2;
  }
  const double least = 1e-3 * (nearest > 0 ? mean : m->mean);
  if (sigma < least) sigma = least;
  for (size_t c = 0; c < m->width; c++) {
    const double beyond = distance_of(m->graph, row + c) - nearest;
    m->out[i * m->width + c] = beyond > 0 && sigma > 0 ? (float)exp(-beyond / sigma) : 1.0f;
  }
}

static loci_status membership_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const memberships *m = arg;
  for (size_t i = task * POINTS_A_TASK; i < (task + 1) * POINTS_A_TASK && i < m->graph->n; i++) one_point(m, i);
  return LOCI_OK;
}

loci_status loci__memberships(const loci_graph *graph, size_t width, float *out, loci_error *error) {
  memberships m = {.graph = graph, .width = width, .out = out};
  for (size_t i = 0; i < graph->n; i++)
    for (size_t c = 0; c < width; c++) m.mean += distance_of(graph, i * graph->k + c);
  m.mean /= (double)(graph->n * (width + 1));
  return loci__pool_run(graph->context, (graph->n + POINTS_A_TASK - 1) / POINTS_A_TASK, membership_task, &m, error);
}

/* ---- the curve ---- */

/* Least squares by Levenberg's and Marquardt's method over 300 distances, as umap-learn fits it. */
void loci__umap_curve(double min_dist, double *a_out, double *b_out) {
  enum { N = 300 };
  double a = 1, b = 1, damp = 1e-3, before = INFINITY;
  for (int step = 0; step < 200; step++) {
    double aa = 0, ab = 0, bb = 0, ga = 0, gb = 0, square = 0;
    for (int i = 0; i < N; i++) {
      const double x = 3.0 * i / (N - 1), want = x < min_dist ? 1 : exp(-(x - min_dist));
      const double power = x > 0 ? pow(x, 2 * b) : 0, value = 1 / (1 + a * power), rest = want - value;
      const double da = -value * value * power, db = x > 0 ? -value * value * a * power * 2 * log(x) : 0;
      aa += da * da, ab += da * db, bb += db * db;
      ga += da * rest, gb += db * rest;
      square += rest * rest;
    }
    const double p = aa * (1 + damp), q = bb * (1 + damp), determinant = p * q - ab * ab;
    if (!(determinant > 0)) break;
    const double step_a = (ga * q - gb * ab) / determinant, step_b = (gb * p - ga * ab) / determinant;
    double after = 0;
    for (int i = 0; i < N; i++) {
      const double x = 3.0 * i / (N - 1), want = x < min_dist ? 1 : exp(-(x - min_dist));
      const double rest = want - 1 / (1 + (a + step_a) * (x > 0 ? pow(x, 2 * (b + step_b)) : 0));
      after += rest * rest;
    }
    before = square;
    if (after < before && a + step_a > 0 && b + step_b > 0) {
      a += step_a;
      b += step_b;
      damp /= 10;
      if (fabs(step_a) < 1e-12 * a && fabs(step_b) < 1e-12 * b) break;
    } else {
      damp *= 10;
      if (damp > 1e12) break;
    }
  }
  *a_out = a;
  *b_out = b;
}

/* ---- the walk ---- */

typedef struct piece {
  float value, slope; /* slope: of the whole piece */
} piece;

typedef struct walk {
  const loci__umap *u;
  size_t n, epoch;
  float rate, greatest;
  float *next;         /* an edge: the epoch in which it is seen next */
  const float *before; /* the picture */
  float *after;
  piece pull[N_PIECES + 1], push[N_PIECES + 1];
} walk;

static double at_piece(size_t i) {
  return ldexp(1 + (double)(i % PIECES) / PIECES, LOW + (int)(i / PIECES));
}

static void fill_tables(walk *w) {
  for (size_t i = 0; i <= N_PIECES; i++) {
    w->pull[i].value = (float)loci__umap_pull(w->u->a, w->u->b, at_piece(i));
    w->push[i].value = (float)loci__umap_push(w->u->a, w->u->b, at_piece(i));
  }
  for (size_t i = 0; i < N_PIECES; i++) {
    w->pull[i].slope = w->pull[i + 1].value - w->pull[i].value;
    w->push[i].slope = w->push[i + 1].value - w->push[i].value;
  }
  w->pull[N_PIECES].slope = w->push[N_PIECES].slope = 0;
}

/* Of a positive float: the exponent and five bits of the fraction choose the piece, the other bits the place in it. */
static inline float look_up(const piece *table, float d2) {
  enum { SHIFT = 23 - 5, FIRST = (127 + LOW) << 5 };
  if (d2 < 0x1p-20f) return table[0].value;
  if (d2 >= 0x1p16f) return table[N_PIECES].value;
  uint32_t bits;
  memcpy(&bits, &d2, sizeof bits);
  const piece *p = table + ((bits >> SHIFT) - FIRST);
  return p->value + p->slope * ((float)(bits & ((1u << SHIFT) - 1)) * 0x1p-18f);
}

static inline float clipped(float x) {
  return x > CLIP ? CLIP : x < -CLIP ? -CLIP : x;
}

/* `at` moves by the force of `other`. */
static inline void move(const piece *table, float rate, const float *other, float at[2]) {
  const float dx = at[0] - other[0], dy = at[1] - other[1], d2 = dx * dx + dy * dy;
  if (!(d2 > 0)) return;
  const float factor = look_up(table, d2);
  at[0] += rate * clipped(factor * dx);
  at[1] += rate * clipped(factor * dy);
}

/* splitmix64 (Steele, Lea and Flood 2014) over a state of the point's own. */
static inline uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t loci__umap_begin(uint64_t seed, size_t epoch, size_t i) {
  return mix(mix(seed + 0x9e3779b97f4a7c15u * (epoch + 1)) + i);
}

size_t loci__umap_draw(uint64_t *state, size_t n) {
  *state += 0x9e3779b97f4a7c15u;
  return (size_t)(((mix(*state) >> 32) * (uint64_t)n) >> 32);
}

static loci_status walk_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const walk *w = arg;
  const loci__edges *edges = w->u->edges;
  const float now = (float)w->epoch;
  for (size_t i = task * POINTS_A_TASK; i < (task + 1) * POINTS_A_TASK && i < w->n; i++) {
    float at[2] = {w->before[2 * i], w->before[2 * i + 1]};
    uint64_t state = loci__umap_begin(w->u->seed, w->epoch, i);
    for (size_t e = edges->starts[i]; e < edges->starts[i] + edges->lengths[i]; e++) {
      if (w->next[e] > now) continue;
      w->next[e] += w->greatest / edges->values[e];
      const float *other = w->before + 2 * (size_t)edges->columns[e];
      move(w->pull, w->rate, other, at);
      move(w->pull, w->rate, other, at);
      for (size_t s = 0; s < w->u->negative; s++) {
        const size_t drawn = loci__umap_draw(&state, w->n);
        if (drawn != i) move(w->push, w->rate, w->before + 2 * drawn, at);
      }
    }
    w->after[2 * i] = at[0];
    w->after[2 * i + 1] = at[1];
  }
  return LOCI_OK;
}

static loci_status walk_all(walk *w, loci_context *context, float *xy, float *spare, loci_error *error) {
  const loci__umap *u = w->u;
  const size_t n_edges = u->edges->starts[w->n], stop = u->stop ? u->stop : u->epochs;
  for (size_t e = 0; e < n_edges; e++)
    if (u->edges->values[e] > w->greatest) w->greatest = u->edges->values[e];
  /* An edge that would not be seen in all epochs is none. */
  for (size_t e = 0; e < n_edges; e++)
    w->next[e] = u->edges->values[e] * (float)u->epochs < w->greatest ? INFINITY : w->greatest / u->edges->values[e];
  fill_tables(w);
  float *before = xy, *after = spare;
  LOCI__TRY(loci__meter_stage(u->meter, "laying out", "epochs", stop, error));
  for (w->epoch = 0; w->epoch < stop; w->epoch++) {
    LOCI__TRY(loci__meter_at(u->meter, w->epoch, NULL, error));
    w->rate = 1 - (float)w->epoch / (float)u->epochs;
    w->before = before;
    w->after = after;
    LOCI__TRY(loci__pool_run(context, (w->n + POINTS_A_TASK - 1) / POINTS_A_TASK, walk_task, w, error));
    float *t = before;
    before = after;
    after = t;
  }
  if (before != xy) memcpy(xy, before, 2 * w->n * sizeof *xy);
  return loci__meter_at(u->meter, stop, NULL, error);
}

loci_status loci__umap_run(loci_context *context, const loci__umap *umap, float *xy, loci_error *error) {
  const size_t n = umap->edges->n, n_edges = umap->edges->starts[n];
  walk *w = loci__alloc_zero(context, 1, sizeof *w);
  float *next = loci__alloc_array(context, n_edges + 1, sizeof *next);
  float *spare = loci__alloc_array(context, n, 2 * sizeof *spare);
  loci_status status = LOCI_OK;
  if (!w || !next || !spare) status = loci__fail_memory(error, (n_edges + 2 * n) * sizeof *next, "a walk");
  if (status == LOCI_OK) {
    w->u = umap;
    w->n = n;
    w->next = next;
    status = walk_all(w, context, xy, spare, error);
  }
  loci__free(context, w);
  loci__free(context, next);
  loci__free(context, spare);
  return status;
}
