/* explore/diagnose.c: what is odd about a space of vectors.
 *
 * The mean cosine of all pairs follows from the sum S of the unit rows: (|S|² − n) / (n·(n − 1)); how cosines spread is asked
 * of random pairs. Shares of variance come from the directions that all-but-the-top would take away. Hubness counts, over the
 * first rows among each other, how often each is among the k nearest (near.c): the third moment of these counts over their
 * standard deviation's third power. Blocks of fixed size are added in order: the same bits at any number of threads.
 */
#include "loci/diagnose.h"
#include "../base/file.h"
#include "../format/vectors.h"
#include "../model/words.h"
#include "cluster.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 1024, K = 10, HUB_ROWS = 20000, PAIRS = 100000 };

void loci_diagnose_options_init(loci_diagnose_options *options) {
  *options = (loci_diagnose_options){.struct_size = sizeof *options, .seed = 1};
}

typedef struct diagnosing {
  loci_context *context;
  const loci_vectors *vectors;
  const float *rows;
  size_t n, dim;
  double *lengths; /* n; −1 = not finite */
  double *sums;    /* a block each: Σ unit rows; then the mean row */
  double *centers; /* n: cosine with the mean row */
  size_t *usable, n_usable;
} diagnosing;

static loci_status length_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const diagnosing *d = arg;
  const size_t first = task * BLOCK, last = first + BLOCK < d->n ? first + BLOCK : d->n;
  double *sum = d->sums + task * d->dim;
  memset(sum, 0, d->dim * sizeof *sum);
  for (size_t i = first; i < last; i++) {
    const float *x = d->rows + i * d->dim;
    double square = 0;
    for (size_t j = 0; j < d->dim; j++) square += (double)x[j] * x[j];
    d->lengths[i] = isfinite(square) ? sqrt(square) : -1;
    if (!(d->lengths[i] > 0)) continue;
    for (size_t j = 0; j < d->dim; j++) sum[j] += (double)x[j] / d->lengths[i];
  }
  return LOCI_OK;
}

static loci_status center_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const diagnosing *d = arg;
  const size_t first = task * BLOCK, last = first + BLOCK < d->n_usable ? first + BLOCK : d->n_usable;
  double square = 0;
  for (size_t j = 0; j < d->dim; j++) square += d->sums[j] * d->sums[j];
  for (size_t i = first; i < last; i++) {
    const float *x = d->rows + d->usable[i] * d->dim;
    double dot = 0;
    for (size_t j = 0; j < d->dim; j++) dot += (double)x[j] * d->sums[j];
    d->centers[i] = square > 0 ? dot / (d->lengths[d->usable[i]] * sqrt(square)) : 0;
  }
  return LOCI_OK;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* ---- correlation ----------------------------------------------------------------------------------------- */

typedef struct ranked {
  double value;
  size_t at;
} ranked;

static int by_rank(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->value != y->value) return x->value < y->value ? -1 : 1;
  return (x->at > y->at) - (x->at < y->at);
}

/* Values become ranks, ties at their mean. */
static void rank(double *values, size_t n, ranked *order) {
  for (size_t i = 0; i < n; i++) order[i] = (ranked){values[i], i};
  qsort(order, n, sizeof *order, by_rank);
  for (size_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && order[end].value == order[i].value;) end++;
    for (size_t t = i; t < end; t++) values[order[t].at] = (double)(i + end - 1) / 2;
  }
}

/* Of ranks: their means are (n − 1) / 2. 0 when a side does not vary. */
static double correlation(const double *x, const double *y, size_t n) {
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < n; i++) {
    const double a = x[i] - (double)(n - 1) / 2, b = y[i] - (double)(n - 1) / 2;
    xy += a * b, xx += a * a, yy += b * b;
  }
  return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/* Frequencies of the usable rows. */
static loci_status frequencies(const diagnosing *d, double *out, loci_frequency_source *source, loci_error *error) {
  const loci_vectors *v = d->vectors;
  uint64_t *counts = NULL;
  *source = v->format == LOCI_VECTORS_MEMORY || v->format == LOCI_VECTORS_UNKNOWN ? LOCI_FREQUENCY_UNKNOWN
                                                                                  : LOCI_FREQUENCY_ORDER;
  loci_status status = LOCI_OK;
  if (!v->counts && v->path && *source == LOCI_FREQUENCY_ORDER) {
    loci__buffer path;
    bool there = false;
    loci__buffer_init(&path, d->context, 0);
    loci__buffer_printf(&path, "%s.vocab", v->path);
    status = loci__buffer_status(&path, "a path", error);
    if (status == LOCI_OK) status = loci__file_there(d->context, path.data, &there, error);
    if (status == LOCI_OK && there) {
      counts = loci__alloc_array(d->context, v->n, sizeof *counts);
      status = counts ? loci__words_counts(d->context, v, path.data, counts, error)
                      : loci__fail_memory(error, v->n * sizeof *counts, "the words' counts");
    }
    loci__buffer_release(&path);
  }
  const uint64_t *known = v->counts ? v->counts : counts;
  if (known) *source = LOCI_FREQUENCY_COUNTS;
  for (size_t i = 0; i < d->n_usable && status == LOCI_OK; i++)
    out[i] = known ? (double)known[d->usable[i]] : -(double)d->usable[i];
  loci__free(d->context, counts);
  return status;
}

static loci_status correlate(const diagnosing *d, loci_diagnosis *out, loci_error *error) {
  const size_t n = d->n_usable;
  double *frequency = loci__alloc_array(d->context, n, sizeof *frequency);
  double *lengths = loci__alloc_array(d->context, n, sizeof *lengths);
  ranked *order = loci__alloc_array(d->context, n, sizeof *order);
  loci_status status = frequency && lengths && order ? frequencies(d, frequency, &out->frequency, error)
                                                     : loci__fail_memory(error, n * sizeof *order, "ranks");
  if (status == LOCI_OK && out->frequency != LOCI_FREQUENCY_UNKNOWN) {
    for (size_t i = 0; i < n; i++) lengths[i] = d->lengths[d->usable[i]];
    rank(frequency, n, order);
    rank(lengths, n, order);
    rank(d->centers, n, order);
    out->frequency_length = correlation(frequency, lengths, n);
    out->frequency_center = correlation(frequency, d->centers, n);
  }
  loci__free(d->context, frequency);
  loci__free(d->context, lengths);
  loci__free(d->context, order);
  return status;
}

/* ---- anisotropy ------------------------------------------------------------------------------------------ */

static loci_status spread(const diagnosing *d, uint64_t seed, loci_diagnosis *out, loci_error *error) {
  const size_t n = d->n_usable;
  if (n < 2) return LOCI_OK;
  double *cosines = loci__alloc_array(d->context, PAIRS, sizeof *cosines), mean = 0, square = 0;
  if (cosines == NULL) return loci__fail_memory(error, PAIRS * sizeof *cosines, "random pairs");
  loci__random random;
  loci__random_init(&random, seed);
  for (size_t p = 0; p < PAIRS; p++) {
    const size_t a = loci__random_below(&random, n), b = (a + 1 + loci__random_below(&random, n - 1)) % n;
    cosines[p] =
        loci_measure(d->rows + d->usable[a] * d->dim, d->rows + d->usable[b] * d->dim, d->dim, LOCI_METRIC_COSINE);
    mean += cosines[p];
  }
  mean /= PAIRS;
  for (size_t p = 0; p < PAIRS; p++) square += (cosines[p] - mean) * (cosines[p] - mean);
  qsort(cosines, PAIRS, sizeof *cosines, by_value);
  out->n_pairs = PAIRS;
  out->cosine_deviation = sqrt(square / PAIRS);
  out->cosine_95 = cosines[(size_t)(0.95 * (PAIRS - 1))];
  out->cosine_99 = cosines[(size_t)(0.99 * (PAIRS - 1))];
  loci__free(d->context, cosines);
  return LOCI_OK;
}

static loci_status variance(const diagnosing *d, loci_diagnosis *out, loci_error *error) {
  size_t size;
  if (d->dim < 2) return LOCI_OK;
  float *copy = loci__mul(d->n, d->dim * sizeof *copy, &size) ? loci__alloc_aligned(d->context, size) : NULL;
  if (copy == NULL) return loci__fail_memory(error, d->n * d->dim * sizeof *copy, "a copy of the vectors");
  memcpy(copy, d->rows, size);
  out->n_directions = d->dim - 1 < LOCI_DIRECTIONS ? d->dim - 1 : LOCI_DIRECTIONS;
  const loci_status status =
      loci__all_but_the_top(d->context, copy, d->n, d->dim, out->n_directions, out->shares, error);
  loci__free_aligned(d->context, copy);
  return status;
}

/* ---- hubness --------------------------------------------------------------------------------------------- */

static void count_hubs(const diagnosing *d, const loci__points *p, const uint32_t *near, double *counts,
                       loci_diagnosis *out) {
  double second = 0, third = 0;
  memset(counts, 0, p->n * sizeof *counts);
  for (size_t i = 0; i < p->n * out->k; i++) counts[near[i]]++;
  for (size_t i = 0; i < p->n; i++) {
    const double t = counts[i] - (double)out->k; /* their mean */
    second += t * t, third += t * t * t;
    out->n_orphans += counts[i] == 0;
    const loci_neighbor found = {d->usable[p->origin[i]], counts[i]};
    size_t at = out->n_hubs < LOCI_HUBS ? out->n_hubs++ : LOCI_HUBS;
    for (; at > 0 && out->hubs[at - 1].score < found.score; at--)
      if (at < LOCI_HUBS) out->hubs[at] = out->hubs[at - 1];
    if (at < LOCI_HUBS) out->hubs[at] = found;
  }
  second /= (double)p->n, third /= (double)p->n;
  out->skewness = second > 0 ? third / pow(second, 1.5) : 0;
}

static loci_status hubness(const diagnosing *d, const loci_diagnose_options *o, loci_diagnosis *out,
                           loci_error *error) {
  const loci_vectors table = {.context = d->context, .n = d->n, .dim = d->dim, .rows = d->rows};
  const size_t most = o->most ? o->most : HUB_ROWS;
  loci__points points;
  loci__pairs pairs;
  LOCI__TRY(loci__points_make(&table, d->usable, d->n_usable < most ? d->n_usable : most, LOCI_METRIC_COSINE, &points,
                              error));
  out->n_hub_rows = points.n;
  out->k = o->k ? o->k : K;
  if (points.n < 2 || out->k >= points.n) out->k = points.n > 1 ? points.n - 1 : 0;
  if (out->k == 0) {
    loci__points_release(&points);
    return LOCI_OK;
  }
  uint32_t *near = loci__alloc_array(d->context, points.n, out->k * sizeof *near);
  double *distances = loci__alloc_array(d->context, points.n, out->k * sizeof *distances);
  double *counts = loci__alloc_array(d->context, points.n, sizeof *counts);
  loci_status status = near && distances && counts
                           ? loci__pairs_init(&pairs, &points, error)
                           : loci__fail_memory(error, points.n * out->k * sizeof *distances, "neighbours");
  if (status == LOCI_OK) {
    status = loci__pairs_nearest(&pairs, out->k, near, distances, error);
    loci__pairs_release(&pairs);
  }
  if (status == LOCI_OK) count_hubs(d, &points, near, counts, out);
  loci__free(d->context, near);
  loci__free(d->context, distances);
  loci__free(d->context, counts);
  loci__points_release(&points);
  return status;
}

/* ---- all of it ------------------------------------------------------------------------------------------- */

static loci_status look(diagnosing *d, const loci_diagnose_options *o, loci_diagnosis *out, loci_error *error) {
  const size_t n_blocks = (d->n + BLOCK - 1) / BLOCK;
  LOCI__TRY(loci__pool_run(d->context, n_blocks, length_task, d, error));
  for (size_t i = 0; i < d->n; i++) {
    if (d->lengths[i] > 0) {
      d->usable[d->n_usable++] = i;
      out->length_mean += d->lengths[i];
    } else {
      out->n_zero += d->lengths[i] == 0;
      out->n_not_finite += d->lengths[i] < 0;
    }
  }
  const size_t n = d->n_usable;
  if (n == 0) return loci__fail(error, LOCI_ERROR_USAGE, "none of %zu vectors has a direction", d->n);
  out->length_mean /= (double)n;
  double square = 0;
  for (size_t i = 0; i < n; i++) {
    const double t = d->lengths[d->usable[i]] - out->length_mean;
    out->length_deviation += t * t;
  }
  out->length_deviation = sqrt(out->length_deviation / (double)n);
  for (size_t b = 1; b < n_blocks; b++)
    for (size_t j = 0; j < d->dim; j++) d->sums[j] += d->sums[b * d->dim + j];
  for (size_t j = 0; j < d->dim; j++) square += d->sums[j] * d->sums[j];
  if (n > 1) out->mean_cosine = (square - (double)n) / ((double)n * (double)(n - 1));
  LOCI__TRY(loci__pool_run(d->context, (n + BLOCK - 1) / BLOCK, center_task, d, error));
  LOCI__TRY(correlate(d, out, error));
  LOCI__TRY(spread(d, o->seed, out, error));
  LOCI__TRY(variance(d, out, error));
  return hubness(d, o, out, error);
}

loci_status loci_diagnose(const loci_vectors *vectors, const loci_diagnose_options *options, loci_diagnosis *out,
                          loci_error *error) {
  loci_diagnose_options o;
  loci_diagnose_options_init(&o);
  if (options != NULL) memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
  *out = (loci_diagnosis){.n = vectors->n, .dim = vectors->dim};
  loci_context *context = vectors->context;
  diagnosing d = {.context = context, .vectors = vectors, .rows = vectors->rows, .n = vectors->n, .dim = vectors->dim};
  float *copy = NULL;
  size_t size;
  loci_status status = LOCI_OK;
  if (o.all_but_the_top) {
    copy = loci__mul(d.n, d.dim * sizeof *copy, &size) ? loci__alloc_aligned(context, size) : NULL;
    if (copy == NULL) return loci__fail_memory(error, d.n * d.dim * sizeof *copy, "a copy of the vectors");
    memcpy(copy, vectors->rows, size);
    status = loci__all_but_the_top(context, copy, d.n, d.dim, o.n_top, NULL, error);
    d.rows = copy;
  }
  d.lengths = loci__alloc_array(context, d.n, sizeof *d.lengths);
  d.centers = loci__alloc_array(context, d.n, sizeof *d.centers);
  d.usable = loci__alloc_array(context, d.n, sizeof *d.usable);
  d.sums = loci__alloc_array(context, (d.n + BLOCK - 1) / BLOCK, d.dim * sizeof *d.sums);
  if (status == LOCI_OK && (!d.lengths || !d.centers || !d.usable || !d.sums))
    status = loci__fail_memory(error, d.n * sizeof *d.lengths, "lengths");
  if (status == LOCI_OK) status = look(&d, &o, out, error);
  loci__free(context, d.lengths);
  loci__free(context, d.centers);
  loci__free(context, d.usable);
  loci__free(context, d.sums);
  loci__free_aligned(context, copy);
  return status;
}
