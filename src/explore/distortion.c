/* explore/distortion.c: how far a map can be trusted (Venna and Kaski 2001).
 *
 * For a point, its k nearest on the map are looked up in the true order of all points by the vectors: what stands there
 * beyond place k counts by how far beyond; what stands within is a true neighbour kept. The true order takes all distances
 * of a point, so on large maps a sample of the points is measured, each against all. Products are blocked: SLICE points
 * at a time against packed blocks of rows.
 */
#include "project.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 512, SLICE = 16, MOST_NEAR = 256 };

typedef struct measuring {
  loci_context *context;
  const loci__kernels *kernels;
  const float *xy;
  size_t n, dim, k, width;
  bool cosine;
  float *rows, *packed, *halves, *biases;
  float *scores; /* a worker: SLICE × (blocks × width) */
  size_t stride; /* blocks × width */
  uint32_t *points;
  size_t n_points;
  double *penalties; /* a point: Σ of places beyond k */
  uint32_t *kept;    /* a point */
} measuring;

static loci_status pack_task(void *arg, size_t block, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const measuring *m = arg;
  const size_t first = block * BLOCK, count = first + BLOCK < m->n ? BLOCK : m->n - first;
  float *packed = m->packed + block * m->width * m->dim, *bias = m->biases + block * m->width;
  if (count < m->width) memset(packed, 0, m->width * m->dim * sizeof *packed);
  loci__gemm_pack(m->kernels, m->rows + first * m->dim, m->dim, count, m->dim, NULL, 0, m->dim, packed);
  for (size_t c = 0; c < m->width; c++) bias[c] = c < count && !m->cosine ? -m->halves[first + c] : 0;
  return LOCI_OK;
}

/* The k nearest to point i on the map, in no order. */
static void nearest_on_map(const measuring *m, size_t i, uint32_t *near) {
  float distances[MOST_NEAR], farthest = INFINITY;
  size_t n = 0, at = 0; /* at: the farthest kept */
  for (size_t j = 0; j < m->n; j++) {
    const float dx = m->xy[2 * i] - m->xy[2 * j], dy = m->xy[2 * i + 1] - m->xy[2 * j + 1], d = dx * dx + dy * dy;
    if (!(d < farthest) || j == i) continue;
    if (n < m->k) at = n++;
    near[at] = (uint32_t)j;
    distances[at] = d;
    if (n < m->k) continue;
    for (size_t c = at = 0; c < n; c++) /* of equal ones the last that came goes first */
      if (distances[c] > distances[at] || (distances[c] == distances[at] && near[c] > near[at])) at = c;
    farthest = distances[at];
  }
}

static int by_size(const void *a, const void *b) {
  const float p = *(const float *)a, q = *(const float *)b;
  return p < q ? -1 : p > q;
}

/* Places of the near ones in the true order: 1 + how many are nearer. */
static void rank(const measuring *m, const float *scores, size_t point, const uint32_t *near) {
  const size_t i = m->points[point];
  float limits[MOST_NEAR];
  size_t above[MOST_NEAR + 1] = {0}; /* scores above exactly so many limits */
  for (size_t c = 0; c < m->k; c++) limits[c] = scores[near[c] / BLOCK * m->width + near[c] % BLOCK];
  qsort(limits, m->k, sizeof *limits, by_size);
  for (size_t first = 0; first < m->n; first += BLOCK) {
    const size_t count = first + BLOCK < m->n ? BLOCK : m->n - first;
    const float *s = scores + first / BLOCK * m->width;
    for (size_t c = 0; c < count; c++) {
      if (!(s[c] > limits[0]) || first + c == i) continue;
      size_t low = 1, high = m->k; /* limits below s[c] */
      while (low < high) {
        const size_t middle = (low + high) / 2;
        if (s[c] > limits[middle]) low = middle + 1;
        else high = middle;
      }
      above[low]++;
    }
  }
  double penalty = 0;
  uint32_t kept = 0;
  size_t nearer = 0;
  for (size_t c = m->k; c-- > 0;) { /* from the nearest on: limits ascend */
    nearer += above[c + 1];
    if (nearer + 1 > m->k) penalty += (double)(nearer + 1 - m->k);
    else kept++;
  }
  m->penalties[point] = penalty;
  m->kept[point] = kept;
}

static loci_status measure_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  const measuring *m = arg;
  const size_t first = task * SLICE, count = first + SLICE < m->n_points ? SLICE : m->n_points - first;
  float *scores = m->scores + worker * SLICE * (m->stride + m->dim), *x = scores + SLICE * m->stride;
  for (size_t p = 0; p < count; p++)
    memcpy(x + p * m->dim, m->rows + m->points[first + p] * m->dim, m->dim * sizeof *x);
  for (size_t block = 0; block * BLOCK < m->n; block++)
    m->kernels->gemm_f32(&(loci__gemm){.x = x,
                                       .x_stride = m->dim,
                                       .m = count,
                                       .packed = m->packed + block * m->width * m->dim,
                                       .n = m->width,
                                       .k = m->dim,
                                       .bias = m->biases + block * m->width,
                                       .activation = LOCI__KERNEL_IDENTITY,
                                       .y = scores + block * m->width,
                                       .y_stride = m->stride});
  uint32_t near[MOST_NEAR];
  for (size_t p = 0; p < count; p++) {
    nearest_on_map(m, m->points[first + p], near);
    rank(m, scores + p * m->stride, first + p, near);
  }
  return LOCI_OK;
}

/* All points, or `most` of them drawn without putting back, in ascending order. */
static void choose(measuring *m, uint64_t seed) {
  loci__random random;
  loci__random_init(&random, seed);
  size_t taken = 0;
  for (size_t i = 0; i < m->n && taken < m->n_points; i++)
    if (m->n - i == m->n_points - taken || loci__random_below(&random, m->n - i) < m->n_points - taken)
      m->points[taken++] = (uint32_t)i;
}

static loci_status compute(measuring *m, const float *rows, loci_metric metric, uint64_t seed, loci__meter *meter,
                           loci_distortion *out, loci_error *error) {
  LOCI__TRY(loci__rows_prepare(m->context, rows, m->n, m->dim, metric, m->rows, m->halves, error));
  LOCI__TRY(loci__pool_run(m->context, (m->n + BLOCK - 1) / BLOCK, pack_task, m, error));
  choose(m, seed);
  LOCI__TRY(loci__meter_stage(meter, "measuring distortion", "points", m->n_points, error));
  LOCI__TRY(loci__pool_run(m->context, (m->n_points + SLICE - 1) / SLICE, measure_task, m, error));
  double penalty = 0, kept = 0;
  for (size_t p = 0; p < m->n_points; p++) penalty += m->penalties[p], kept += m->kept[p];
  const double n = (double)m->n, k = (double)m->k, measured = (double)m->n_points;
  *out = (loci_distortion){.k = m->k,
                           .n_measured = m->n_points,
                           .trustworthiness = 1 - 2 / (measured * k * (2 * n - 3 * k - 1)) * penalty,
                           .kept = kept / (measured * k)};
  return loci__meter_at(meter, m->n_points, NULL, error);
}

loci_status loci__distortion(loci_context *context, const float *rows, size_t n, size_t dim, loci_metric metric,
                             const float *xy, size_t k, size_t most, uint64_t seed, loci__meter *meter,
                             loci_distortion *out, loci_error *error) {
  context = loci__context_of(context);
  *out = (loci_distortion){0};
  if (metric != LOCI_METRIC_COSINE && metric != LOCI_METRIC_L2)
    return loci__fail(error, LOCI_ERROR_USAGE, "distortion is by cosine or L2 distance, not by %s",
                      loci_metric_name(metric));
  LOCI__TRY(loci__rows_finite(context, rows, n, dim, error));
  LOCI__TRY(loci__rows_finite(context, xy, n, 2, error));
  if (k > MOST_NEAR) k = MOST_NEAR;
  if (2 * k >= n) k = n > 2 ? (n - 1) / 2 : 0; /* the scale is one only below half */
  if (k == 0) return LOCI_OK;
  measuring m = {.context = context,
                 .kernels = loci__kernels_of(context),
                 .xy = xy,
                 .n = n,
                 .dim = dim,
                 .k = k,
                 .cosine = metric == LOCI_METRIC_COSINE,
                 .n_points = most > 0 && most < n ? most : n};
  m.width = loci__panels(m.kernels, BLOCK);
  m.stride = (n + BLOCK - 1) / BLOCK * m.width;
  size_t cells, all;
  loci_status status = LOCI_OK;
  if (!loci__mul(n, dim, &cells) || !loci__mul(m.stride, dim, &all) || !loci__mul(all, sizeof(float), &all))
    status = loci__fail(error, LOCI_ERROR_LIMIT, "%zu rows of %zu numbers are too many", n, dim);
  if (status == LOCI_OK) {
    m.rows = loci__alloc_aligned(context, cells * sizeof *m.rows);
    m.packed = loci__alloc_aligned(context, all);
    m.scores = loci__alloc_aligned(context, loci__pool_size(context) * SLICE * (m.stride + dim) * sizeof *m.scores);
    m.biases = loci__alloc_aligned(context, m.stride * sizeof *m.biases);
    m.halves = loci__alloc_array(context, n, sizeof *m.halves);
    m.points = loci__alloc_array(context, m.n_points, sizeof *m.points);
    m.penalties = loci__alloc_array(context, m.n_points, sizeof *m.penalties);
    m.kept = loci__alloc_array(context, m.n_points, sizeof *m.kept);
    if (!m.rows || !m.packed || !m.scores || !m.biases || !m.halves || !m.points || !m.penalties || !m.kept)
      status = loci__fail_memory(error, 2 * all, "measuring distortion");
  }
  if (status == LOCI_OK) status = compute(&m, rows, metric, seed, meter, out, error);
  loci__free_aligned(context, m.rows);
  loci__free_aligned(context, m.packed);
  loci__free_aligned(context, m.scores);
  loci__free_aligned(context, m.biases);
  loci__free(context, m.halves);
  loci__free(context, m.points);
  loci__free(context, m.penalties);
  loci__free(context, m.kept);
  return status;
}

loci_status loci_distortion_measure(loci_context *context, const float *rows, size_t n, size_t dim, loci_metric metric,
                                    const float *xy, size_t k, size_t most, uint64_t seed, loci_progress_fn progress,
                                    void *progress_user, loci_distortion *out, loci_error *error) {
  loci__meter meter;
  loci__meter_init(&meter, progress, progress_user);
  return loci__distortion(context, rows, n, dim, metric, xy, k, most, seed, &meter, out, error);
}
