/* explore/nearest_many.c: the best row for each of many targets, as one blocked product.
 *
 * Rows are taken in blocks of BLOCK, a block a task: its rows are scaled to unit length, packed once, and multiplied with
 * all targets (m × k times k × BLOCK, by the kernel table's gemm); only the best row of each target is kept. A target may
 * leave out up to three rows. The best of a block is kept a task, and tasks are put together in order, ties to the lower
 * row: the same answer at any number of threads.
 *
 * Cost: 2·m·n·dim multiplications and additions, and the rows are read once for every SLICE targets.
 */
#include "explore.h"

#include "../kernel/kernel.h"

#include <math.h>

enum { BLOCK = 512, SLICE = 192 };

typedef struct product {
  const loci__kernels *kernels;
  const loci_vectors *vectors;
  const loci__targets *targets;
  size_t n_rows, n_tasks, width;         /* width: BLOCK in whole panels */
  float *packed, *scores, *unit, *zeros; /* a worker each */
  loci_neighbor *best, *best_all;        /* n_tasks × m */
} product;

static void take(loci_neighbor *best, size_t row, float score) {
  if (score > best->score) *best = (loci_neighbor){row, score};
}

static void best_of_block(const product *p, const float *scores, size_t first, size_t count, size_t target,
                          size_t task) {
  const loci__targets *t = p->targets;
  const size_t *left_out = t->left_out ? t->left_out + 3 * target : NULL;
  loci_neighbor *all = &p->best_all[task * t->n + target], *best = &p->best[task * t->n + target];
  float greatest = -INFINITY;
  size_t at = 0;
  for (size_t i = 0; i < count; i++)
    if (scores[i] > greatest) greatest = scores[i], at = i;
  if (greatest == -INFINITY) return;
  take(all, first + at, greatest);
  const size_t row = first + at;
  if (!left_out || (row != left_out[0] && row != left_out[1] && row != left_out[2])) {
    take(best, row, greatest);
    return;
  }
  for (size_t i = 0; i < count; i++) /* rare: a given word was best here */
    if (first + i != left_out[0] && first + i != left_out[1] && first + i != left_out[2])
      take(best, first + i, scores[i]);
}

static loci_status block_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  const product *p = arg;
  const size_t dim = p->vectors->dim, m = p->targets->n, first = task * BLOCK;
  const size_t count = first + BLOCK < p->n_rows ? BLOCK : p->n_rows - first;
  float *packed = p->packed + worker * p->width * dim, *scores = p->scores + worker * SLICE * p->width;
  float *unit = p->unit + worker * BLOCK * dim;
  for (size_t i = 0; i < count; i++) loci__unit(p->vectors->rows + (first + i) * dim, dim, unit + i * dim);
  memset(packed, 0, p->width * dim * sizeof *packed);
  loci__gemm_pack(p->kernels, unit, dim, count, dim, NULL, 0, dim, packed);
  for (size_t s = 0; s < m; s += SLICE) {
    const size_t n = m - s < SLICE ? m - s : SLICE;
    p->kernels->gemm_f32(&(loci__gemm){.x = p->targets->rows + s * dim,
                                       .x_stride = dim,
                                       .m = n,
                                       .packed = packed,
                                       .n = p->width,
                                       .k = dim,
                                       .bias = p->zeros,
                                       .activation = LOCI__KERNEL_IDENTITY,
                                       .y = scores,
                                       .y_stride = p->width});
    for (size_t i = 0; i < n; i++) best_of_block(p, scores + i * p->width, first, count, s + i, task);
  }
  return LOCI_OK;
}

void loci__unit(const float *x, size_t dim, float *out) {
  double square = 0;
  for (size_t i = 0; i < dim; i++) square += (double)x[i] * x[i];
  const float scale = square > 0 ? (float)(1 / sqrt(square)) : 0;
  for (size_t i = 0; i < dim; i++) out[i] = x[i] * scale;
}

static void put_together(const product *p, const loci_neighbor *parts, loci_neighbor *out) {
  for (size_t t = 0; t < p->targets->n; t++) {
    out[t] = (loci_neighbor){0, -INFINITY};
    for (size_t task = 0; task < p->n_tasks; task++) {
      const loci_neighbor *part = &parts[task * p->targets->n + t];
      if (part->score > out[t].score) out[t] = *part;
    }
  }
}

loci_status loci__nearest_many(const loci_vectors *vectors, const loci__targets *targets, size_t most,
                               loci_neighbor *best, loci_neighbor *best_all, loci_error *error) {
  loci_context *context = vectors->context;
  const size_t dim = vectors->dim, workers = loci__pool_size(context);
  product p = {.kernels = loci__kernels_of(context), .vectors = vectors, .targets = targets};
  if (targets->n == 0) return LOCI_OK;
  p.n_rows = most && most < vectors->n ? most : vectors->n;
  p.n_tasks = (p.n_rows + BLOCK - 1) / BLOCK;
  p.width = loci__panels(p.kernels, BLOCK);
  const size_t floats = workers * (p.width * dim + SLICE * p.width + BLOCK * dim) + p.width,
               parts = p.n_tasks * targets->n;
  float *memory = loci__alloc_aligned(context, floats * sizeof *memory);
  p.best = loci__alloc_array(context, parts, 2 * sizeof *p.best);
  loci_status status = LOCI_OK;
  if (memory == NULL || p.best == NULL)
    status = loci__fail_memory(error, floats * sizeof *memory + parts * 2 * sizeof *p.best, "a blocked product");
  if (status == LOCI_OK) {
    p.packed = memory;
    p.scores = p.packed + workers * p.width * dim;
    p.unit = p.scores + workers * SLICE * p.width;
    p.zeros = p.unit + workers * BLOCK * dim;
    memset(p.zeros, 0, p.width * sizeof *p.zeros);
    p.best_all = p.best + parts;
    for (size_t i = 0; i < 2 * parts; i++) p.best[i] = (loci_neighbor){0, -INFINITY};
    status = loci__pool_run(context, p.n_tasks, block_task, &p, error);
  }
  if (status == LOCI_OK && best != NULL) put_together(&p, p.best, best);
  if (status == LOCI_OK && best_all != NULL) put_together(&p, p.best_all, best_all);
  loci__free(context, p.best);
  loci__free_aligned(context, memory);
  return status;
}
