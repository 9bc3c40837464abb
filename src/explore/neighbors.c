/* explore/neighbors.c: metrics, and the rows nearest to a vector.
 *
 * Two passes. The first scores every row in float by the kernels, block by block on the pool, and keeps more candidates
 * than were asked for; the second measures those in double. A row can only be lost if float rounding misplaces it by
 * more than the spare candidates cover: SPARE of them stand between, and a row is 300 terms of relative error 6e-8.
 */
#include "explore.h"

#include "../index/index.h"
#include "../kernel/kernel.h"
#include "../text/text.h"

#include <math.h>

enum { BLOCK = 4096, SPARE = 64 };

const char *loci_metric_name(loci_metric metric) {
  static const char *const names[] = {"cosine", "dot product", "L2 distance"};
  return (unsigned)metric < LOCI__COUNT(names) ? names[metric] : "unknown metric";
}

double loci_measure(const float *a, const float *b, size_t dim, loci_metric metric) {
  double ab = 0, aa = 0, bb = 0, distance = 0;
  for (size_t i = 0; i < dim; i++) {
    const double x = a[i], y = b[i], d = x - y;
    ab += x * y;
    aa += x * x;
    bb += y * y;
    distance += d * d;
  }
  if (metric == LOCI_METRIC_DOT) return ab;
  if (metric == LOCI_METRIC_L2) return sqrt(distance);
  if (aa == 0 || bb == 0) return 0;
  const double cosine = ab / sqrt(aa * bb);
  return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
}

typedef struct scan {
  const loci__kernels *kernels;
  const loci_vectors *vectors;
  const float *query;
  loci_metric metric;
  float *scores; /* greater is nearer */
} scan;

static loci_status scan_block(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const scan *s = arg;
  const size_t dim = s->vectors->dim, first = task * BLOCK;
  const size_t last = first + BLOCK < s->vectors->n ? first + BLOCK : s->vectors->n;
  const float *row = s->vectors->rows + first * dim;
  for (size_t i = first; i < last; i++, row += dim) {
    if (s->metric == LOCI_METRIC_L2) {
      s->scores[i] = -s->kernels->l2sq_f32(s->query, row, dim);
      continue;
    }
    const float dot = s->kernels->dot_f32(s->query, row, dim);
    const float square = s->metric == LOCI_METRIC_COSINE ? s->kernels->dot_f32(row, row, dim) : 1.0f;
    s->scores[i] = square > 0 ? dot / sqrtf(square) : 0;
  }
  return LOCI_OK;
}

static bool nearer(const loci_neighbor *a, const loci_neighbor *b, loci_metric metric) {
  if (a->score != b->score) return metric == LOCI_METRIC_L2 ? a->score < b->score : a->score > b->score;
  return a->index < b->index;
}

/* Candidates (indices) measured and put in order; the first k into out. */
static size_t settle(const loci_vectors *vectors, const float *query, loci_metric metric, const size_t *candidates,
                     size_t n, size_t k, loci_neighbor *out) {
  size_t kept = 0;
  for (size_t c = 0; c < n; c++) {
    const loci_neighbor found = {
        candidates[c], loci_measure(query, vectors->rows + candidates[c] * vectors->dim, vectors->dim, metric)};
    if (isnan(found.score)) continue; /* a row that is not finite is near to nothing */
    if (kept == k && !nearer(&found, &out[k - 1], metric)) continue;
    size_t at = kept < k ? kept++ : k - 1;
    for (; at > 0 && nearer(&found, &out[at - 1], metric); at--) out[at] = out[at - 1];
    out[at] = found;
  }
  return kept;
}

loci_status loci_neighbors(const loci_vectors *vectors, const float *query, size_t k, loci_metric metric,
                           const size_t *exclude, size_t n_exclude, loci_neighbor *out, size_t *n, loci_error *error) {
  *n = 0;
  if (k == 0) return LOCI_OK;
  loci_context *context = vectors->context;
  if (k > vectors->n) k = vectors->n;
  const size_t wanted = vectors->n - k > SPARE ? k + SPARE : vectors->n;
  float *scores = loci__alloc_array(context, vectors->n, sizeof *scores);
  size_t *candidates = loci__alloc_array(context, wanted, sizeof *candidates);
  loci_status status = LOCI_OK;
  if (scores == NULL || candidates == NULL)
    status = loci__fail_memory(error, vectors->n * sizeof *scores, "the scores of all rows");
  if (status == LOCI_OK) {
    scan s = {loci__kernels_of(context), vectors, query, metric, scores};
    status = loci__pool_run(context, (vectors->n + BLOCK - 1) / BLOCK, scan_block, &s, error);
  }
  if (status == LOCI_OK) {
    size_t left_out = 0;
    for (size_t i = 0; i < n_exclude; i++)
      if (exclude[i] < vectors->n && scores[exclude[i]] != -INFINITY) {
        scores[exclude[i]] = -INFINITY;
        left_out++;
      }
    if (k > vectors->n - left_out) k = vectors->n - left_out;
    size_t found = loci__top_k(context, scores, vectors->n, wanted, candidates);
    while (found > 0 && !(scores[candidates[found - 1]] > -INFINITY)) found--; /* excluded, or not a number */
    *n = k > 0 ? settle(vectors, query, metric, candidates, found, k, out) : 0;
  }
  loci__free(context, candidates);
  loci__free(context, scores);
  return status;
}

int64_t loci_find_folded(const loci_vectors *vectors, const char *word, size_t length) {
  int64_t row = loci_vectors_find(vectors, word, length);
  if (row >= 0) return row;
  loci__buffer lower;
  loci__buffer_init(&lower, vectors->context, 0);
  if (loci__word_lower(word, length, &lower) && !lower.failed)
    row = loci_vectors_find(vectors, lower.data, lower.length);
  loci__buffer_release(&lower);
  return row;
}
