/* explore/assign.c: which centre is nearest to each point.
 *
 * All distances as one blocked product: BLOCK points a task times all centres, SLICE of them at a time, the centres packed
 * once; −|c|²/2 goes along as the product's bias. A point's row of the product has the same bits whatever stands beside
 * it, so labels do not depend on threads or blocks.
 */
#include "cluster.h"

#include <math.h>

enum { BLOCK = 256, SLICE = 512 };

loci_status loci__assign_init(loci__assign *a, const loci__points *points, size_t k, loci_error *error) {
  loci_context *context = points->context;
  *a = (loci__assign){.points = points, .kernels = loci__kernels_of(context), .k = k};
  a->width = loci__panels(a->kernels, k);
  const size_t slice = a->width < SLICE ? a->width : SLICE, workers = loci__pool_size(context);
  size_t size;
  if (loci__mul(a->width, points->dim * sizeof *a->packed, &size)) a->packed = loci__alloc_aligned(context, size);
  a->bias = loci__alloc_aligned(context, a->width * sizeof *a->bias);
  a->scores = loci__alloc_aligned(context, workers * BLOCK * slice * sizeof *a->scores);
  a->labels = loci__alloc_array(context, points->n, sizeof *a->labels);
  if (!a->packed || !a->bias || !a->scores || !a->labels) {
    loci__assign_release(a);
    return loci__fail_memory(error, a->width * points->dim * sizeof *a->packed, "the centres of a clustering");
  }
  memset(a->packed, 0, size);
  for (size_t i = 0; i < points->n; i++) a->labels[i] = -1;
  return LOCI_OK;
}

void loci__assign_release(loci__assign *a) {
  loci_context *context = a->points->context;
  loci__free_aligned(context, a->packed);
  loci__free_aligned(context, a->bias);
  loci__free_aligned(context, a->scores);
  loci__free(context, a->labels);
  *a = (loci__assign){.points = a->points};
}

static loci_status assign_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  const loci__assign *a = arg;
  const loci__points *p = a->points;
  const size_t first = task * BLOCK, count = first + BLOCK < p->n ? BLOCK : p->n - first;
  const size_t slice = a->width < SLICE ? a->width : SLICE;
  float *scores = a->scores + worker * BLOCK * slice, best[BLOCK];
  for (size_t i = 0; i < count; i++) best[i] = -INFINITY, a->labels[first + i] = 0;
  for (size_t c = 0; c < a->width; c += slice) {
    const size_t n = a->width - c < slice ? a->width - c : slice;
    a->kernels->gemm_f32(&(loci__gemm){.x = p->rows + first * p->dim,
                                       .x_stride = p->dim,
                                       .m = count,
                                       .packed = a->packed + c * p->dim,
                                       .n = n,
                                       .k = p->dim,
                                       .bias = a->bias + c,
                                       .activation = LOCI__KERNEL_IDENTITY,
                                       .y = scores,
                                       .y_stride = slice});
    for (size_t i = 0; i < count; i++) {
      const float *row = scores + i * slice;
      float greatest = best[i];
      for (size_t j = 0; j < n; j++)
        if (row[j] > greatest) greatest = row[j], a->labels[first + i] = (int32_t)(c + j);
      best[i] = greatest;
    }
  }
  return LOCI_OK;
}

loci_status loci__assign_run(loci__assign *a, const float *centers, loci_error *error) {
  const loci__points *p = a->points;
  loci__gemm_pack(a->kernels, centers, p->dim, a->k, p->dim, NULL, 0, p->dim, a->packed);
  for (size_t c = 0; c < a->width; c++) {
    double square = 0;
    for (size_t j = 0; c < a->k && j < p->dim; j++) {
      const double x = centers[c * p->dim + j];
      square += x * x;
    }
    a->bias[c] = c < a->k ? (float)(-square / 2) : -INFINITY;
  }
  a->n_products += (uint64_t)p->n * a->k;
  return loci__pool_run(p->context, (p->n + BLOCK - 1) / BLOCK, assign_task, a, error);
}
