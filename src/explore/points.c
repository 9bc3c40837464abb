/* explore/points.c: rows as points to be clustered: those that can be one, of unit length or as they are, about their
 * mean.
 *
 * Blocks of fixed size on the pool; the sums of blocks are added in order, so that the mean has the same bits at any
 * number of threads.
 */
#include "cluster.h"

#include <math.h>

enum { BLOCK = 2048 };

typedef struct making {
  const loci_vectors *vectors;
  const size_t *rows;
  loci__points *points;
  bool unit;
  float *scales;              /* of each asked row; 0 = no point */
  double *sums;               /* a block each: dim */
  double *squares, *greatest; /* a block each */
} making;

static const float *row_of(const making *m, size_t i) {
  return m->vectors->rows + (m->rows ? m->rows[i] : i) * m->vectors->dim;
}

static loci_status look_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const making *m = arg;
  const size_t dim = m->vectors->dim, n = m->points->n_rows, first = task * BLOCK;
  const size_t last = first + BLOCK < n ? first + BLOCK : n;
  for (size_t i = first; i < last; i++) {
    const float *x = row_of(m, i);
    double square = 0;
    for (size_t j = 0; j < dim; j++) square += (double)x[j] * x[j];
    /* Its square is not finite when a number is not: floats do not overflow a double's square. */
    if (!isfinite(square)) m->scales[i] = 0;
    else if (!m->unit) m->scales[i] = 1;
    else m->scales[i] = square > 0 ? (float)(1 / sqrt(square)) : 0;
    if (!isfinite(m->scales[i])) m->scales[i] = 0; /* a length below what a float's inverse can say */
  }
  return LOCI_OK;
}

static loci_status copy_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const making *m = arg;
  const loci__points *p = m->points;
  const size_t first = task * BLOCK, last = first + BLOCK < p->n ? first + BLOCK : p->n;
  double *sum = m->sums + task * p->dim;
  memset(sum, 0, p->dim * sizeof *sum);
  double greatest = 0;
  for (size_t i = first; i < last; i++) {
    const float *x = row_of(m, p->origin[i]), scale = m->scales[p->origin[i]];
    float *out = p->rows + i * p->dim;
    for (size_t j = 0; j < p->dim; j++) {
      out[j] = x[j] * scale;
      sum[j] += (double)out[j];
      greatest = fmax(greatest, fabs((double)out[j]));
    }
  }
  m->greatest[task] = greatest;
  return LOCI_OK;
}

static loci_status center_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const making *m = arg;
  const loci__points *p = m->points;
  const size_t first = task * BLOCK, last = first + BLOCK < p->n ? first + BLOCK : p->n;
  double square = 0;
  for (size_t i = first; i < last; i++) {
    float *x = p->rows + i * p->dim;
    for (size_t j = 0; j < p->dim; j++) {
      x[j] = (float)(((double)x[j] - p->mean[j]) * p->scale);
      square += (double)x[j] * x[j];
    }
  }
  m->squares[task] = square;
  return LOCI_OK;
}

static loci_status make(making *m, loci_error *error) {
  loci__points *p = m->points;
  loci_context *context = p->context;
  LOCI__TRY(loci__pool_run(context, (p->n_rows + BLOCK - 1) / BLOCK, look_task, m, error));
  for (size_t i = 0; i < p->n_rows; i++)
    if (m->scales[i] != 0) p->origin[p->n++] = i;
  if (p->n == 0) return LOCI_OK;
  size_t size;
  const size_t n_blocks = (p->n + BLOCK - 1) / BLOCK;
  if (!loci__mul(p->n, p->dim * sizeof *p->rows, &size) || !(p->rows = loci__alloc_aligned(context, size)))
    return loci__fail_memory(error, p->n * p->dim * sizeof *p->rows, "the points of a clustering");
  m->sums = loci__alloc_array(context, n_blocks, p->dim * sizeof *m->sums);
  m->squares = loci__alloc_array(context, n_blocks, sizeof *m->squares);
  m->greatest = loci__alloc_array(context, n_blocks, sizeof *m->greatest);
  if (!m->sums || !m->squares || !m->greatest)
    return loci__fail_memory(error, n_blocks * p->dim * sizeof *m->sums, "a mean");
  LOCI__TRY(loci__pool_run(context, n_blocks, copy_task, m, error));
  for (size_t b = 0; b < n_blocks; b++)
    for (size_t j = 0; j < p->dim; j++) p->mean[j] += m->sums[b * p->dim + j];
  for (size_t j = 0; j < p->dim; j++) p->mean[j] /= (double)p->n;
  double greatest = 0;
  int exponent;
  for (size_t b = 0; b < n_blocks; b++) greatest = fmax(greatest, m->greatest[b]);
  frexp(greatest, &exponent);
  p->scale = exponent > 40 || exponent < -40 ? ldexp(1, -exponent) : 1;
  LOCI__TRY(loci__pool_run(context, n_blocks, center_task, m, error));
  for (size_t b = 0; b < n_blocks; b++) p->variance += m->squares[b];
  p->variance /= (double)p->n * (double)p->dim;
  return LOCI_OK;
}

loci_status loci__points_make(const loci_vectors *vectors, const size_t *rows, size_t n_rows, loci_metric metric,
                              loci__points *out, loci_error *error) {
  loci_context *context = vectors->context;
  *out = (loci__points){.context = context, .n_rows = rows ? n_rows : vectors->n, .dim = vectors->dim, .scale = 1};
  if (metric != LOCI_METRIC_COSINE && metric != LOCI_METRIC_L2)
    return loci__fail(error, LOCI_ERROR_USAGE, "clusters need a distance: cosine or L2, not the %s",
                      loci_metric_name(metric));
  if (out->n_rows == 0 || out->dim == 0) return loci__fail(error, LOCI_ERROR_USAGE, "there are no rows to cluster");
  if (out->n_rows > INT32_MAX) return loci__fail(error, LOCI_ERROR_LIMIT, "more than %d rows", INT32_MAX);
  for (size_t i = 0; rows && i < n_rows; i++)
    if (rows[i] >= vectors->n)
      return loci__fail(error, LOCI_ERROR_USAGE, "there is no row %zu: the vectors have %zu", rows[i], vectors->n);
  making m = {.vectors = vectors, .rows = rows, .points = out, .unit = metric == LOCI_METRIC_COSINE};
  m.scales = loci__alloc_array(context, out->n_rows, sizeof *m.scales);
  out->origin = loci__alloc_array(context, out->n_rows, sizeof *out->origin);
  out->mean = loci__alloc_zero(context, out->dim, sizeof *out->mean);
  loci_status status = m.scales && out->origin && out->mean
                           ? make(&m, error)
                           : loci__fail_memory(error, out->n_rows * sizeof *out->origin, "the points of a clustering");
  loci__free(context, m.scales);
  loci__free(context, m.sums);
  loci__free(context, m.squares);
  loci__free(context, m.greatest);
  if (status != LOCI_OK) loci__points_release(out);
  return status;
}

void loci__points_release(loci__points *points) {
  loci__free_aligned(points->context, points->rows);
  loci__free(points->context, points->origin);
  loci__free(points->context, points->mean);
  *points = (loci__points){.context = points->context};
}
