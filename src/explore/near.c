/* explore/near.c: all pairs of points as blocked products, and the nearest points of each.
 *
 * Distances come from products in single precision, as s(x, y) = x·y − |y|²/2, which is greatest where the distance is
 * smallest. A product only leaves out what lies, with its rounding error, certainly beyond the bound at hand; what is left
 * is measured in double. So a product's bits decide nothing.
 *
 * Threads: a task is a block of points; it writes what belongs to its points.
 */
#include "cluster.h"

#include <float.h>
#include <math.h>

enum { BLOCK = LOCI__PAIRS_BLOCK, SLICE = 512 };

double loci__pairs_distance(const loci__pairs *p, size_t a, size_t b) {
  const size_t dim = p->points->dim;
  const float *x = p->points->rows + a * dim, *y = p->points->rows + b * dim;
  double sum = 0;
  for (size_t j = 0; j < dim; j++) {
    const double t = (double)x[j] - y[j];
    sum += t * t;
  }
  return sqrt(sum);
}

float loci__pairs_least(const loci__pairs *p, size_t point, double bound) {
  const double length = sqrt(p->squares[point]);
  const double cut = (p->squares[point] - bound * bound - p->slack * (length + p->greatest) * p->greatest) / 2;
  return cut > -FLT_MAX ? (float)cut - fabsf((float)cut) * FLT_EPSILON : -INFINITY;
}

void loci__pairs_multiply(const loci__pairs *p, const size_t *list, size_t first, size_t count, size_t worker,
                          loci__pairs_fn take, void *arg) {
  const size_t dim = p->points->dim, n_points = p->points->n;
  float *x = p->gathered + worker * BLOCK * dim, *scores = p->scores + worker * BLOCK * SLICE;
  for (size_t i = 0; i < count; i++)
    memcpy(x + i * dim, p->points->rows + (list ? list[first + i] : first + i) * dim, dim * sizeof *x);
  for (size_t c = 0; c < p->width; c += SLICE) {
    const size_t n = p->width - c < SLICE ? p->width - c : SLICE;
    const size_t real = n_points - c < n ? n_points - c : n; /* the rest pads the last panel */
    p->kernels->gemm_f32(&(loci__gemm){.x = x,
                                       .x_stride = dim,
                                       .m = count,
                                       .packed = p->packed + c * dim,
                                       .n = n,
                                       .k = dim,
                                       .bias = p->bias + c,
                                       .activation = LOCI__KERNEL_IDENTITY,
                                       .y = scores,
                                       .y_stride = SLICE});
    for (size_t i = 0; i < count; i++) take(arg, list ? list[first + i] : first + i, c, real, scores + i * SLICE);
  }
}

static void pack(loci__pairs *p) {
  const size_t n = p->points->n, dim = p->points->dim;
  loci__gemm_pack(p->kernels, p->points->rows, dim, n, dim, NULL, 0, dim, p->packed);
  double greatest = 0;
  for (size_t i = 0; i < p->width; i++) {
    double square = 0;
    for (size_t j = 0; i < n && j < dim; j++) {
      const double x = p->points->rows[i * dim + j];
      square += x * x;
    }
    if (i < n) p->squares[i] = square;
    p->bias[i] = i < n ? (float)(-square / 2) : -INFINITY;
    if (square > greatest) greatest = square;
  }
  p->greatest = sqrt(greatest);
  /* A sum of dim products is wrong by at most dim·ε·Σ|x·y| (Higham 2002, 3.1); twice, and the roundings of |y|²/2. */
  p->slack = 2 * ((double)dim + 4) * FLT_EPSILON;
}

loci_status loci__pairs_init(loci__pairs *p, const loci__points *points, loci_error *error) {
  loci_context *context = points->context;
  const size_t dim = points->dim, workers = loci__pool_size(context);
  *p = (loci__pairs){.points = points, .kernels = loci__kernels_of(context)};
  p->width = loci__panels(p->kernels, points->n);
  size_t size;
  if (loci__mul(p->width, dim * sizeof *p->packed, &size)) p->packed = loci__alloc_aligned(context, size);
  p->bias = loci__alloc_aligned(context, p->width * sizeof *p->bias);
  p->scores = loci__alloc_aligned(context, workers * BLOCK * SLICE * sizeof *p->scores);
  p->gathered = loci__alloc_aligned(context, workers * BLOCK * dim * sizeof *p->gathered);
  p->squares = loci__alloc_array(context, points->n, sizeof *p->squares);
  if (!p->packed || !p->bias || !p->scores || !p->gathered || !p->squares) {
    loci__pairs_release(p);
    return loci__fail_memory(error, p->width * dim * sizeof *p->packed, "all pairs of points");
  }
  memset(p->packed, 0, size);
  pack(p);
  return LOCI_OK;
}

void loci__pairs_release(loci__pairs *p) {
  loci_context *context = p->points->context;
  loci__free_aligned(context, p->packed);
  loci__free_aligned(context, p->bias);
  loci__free_aligned(context, p->scores);
  loci__free_aligned(context, p->gathered);
  loci__free(context, p->squares);
  p->packed = p->bias = p->scores = p->gathered = NULL;
  p->squares = NULL;
}

/* ---- the nearest ----------------------------------------------------------------------------------------- */

typedef struct nearest {
  const loci__pairs *pairs;
  size_t n_near;
  uint32_t *near;
  double *distances;
} nearest;

static void take_near(void *arg, size_t point, size_t first, size_t count, const float *scores) {
  const nearest *s = arg;
  uint32_t *near = s->near + point * s->n_near;
  double *distances = s->distances + point * s->n_near, *furthest = &distances[s->n_near - 1];
  float least = loci__pairs_least(s->pairs, point, *furthest);
  for (size_t j = 0; j < count; j++) {
    if (!(scores[j] >= least) || first + j == point) continue;
    const double found = loci__pairs_distance(s->pairs, point, first + j);
    if (!(found < *furthest)) continue;
    size_t at = s->n_near - 1;
    for (; at > 0 && found < distances[at - 1]; at--) distances[at] = distances[at - 1], near[at] = near[at - 1];
    distances[at] = found, near[at] = (uint32_t)(first + j);
    least = loci__pairs_least(s->pairs, point, *furthest);
  }
}

static loci_status near_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  nearest *s = arg;
  const size_t n = s->pairs->points->n, first = task * BLOCK, count = first + BLOCK < n ? BLOCK : n - first;
  for (size_t i = first * s->n_near; i < (first + count) * s->n_near; i++) s->distances[i] = INFINITY;
  loci__pairs_multiply(s->pairs, NULL, first, count, worker, take_near, s);
  return LOCI_OK;
}

loci_status loci__pairs_nearest(const loci__pairs *pairs, size_t n_near, uint32_t *near, double *distances,
                                loci_error *error) {
  nearest s = {pairs, n_near, near, distances};
  return loci__pool_run(pairs->points->context, (pairs->points->n + BLOCK - 1) / BLOCK, near_task, &s, error);
}
