/* explore/nearest_several.c: the k rows of greatest cosine for each of many vectors.
 *
 * Rows are scaled to unit length and packed once, in blocks of BLOCK. A task takes SLICE targets through all blocks, a
 * matrix product each (its bias is what the caller takes off a row's cosine), and keeps the best k of each target in a list
 * in order. A target's list sees the rows in their order whatever the number of threads, so its answer is the same.
 *
 * Cost: 2·m·n·dim multiplications and additions; a copy of the rows.
 */
#include "align.h"

#include <math.h>

enum { BLOCK = 512, SLICE = 64 };

typedef struct packing {
  loci__packed_rows *rows;
  const float *from;
  float *unit; /* BLOCK × dim a worker */
} packing;

static loci_status pack_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  const packing *p = arg;
  const loci__packed_rows *r = p->rows;
  const size_t first = task * BLOCK, count = first + BLOCK < r->n ? BLOCK : r->n - first;
  float *unit = p->unit + worker * BLOCK * r->dim, *packed = r->packed + task * r->width * r->dim;
  for (size_t i = 0; i < count; i++) loci__unit(p->from + (first + i) * r->dim, r->dim, unit + i * r->dim);
  memset(packed, 0, r->width * r->dim * sizeof *packed);
  loci__gemm_pack(r->kernels, unit, r->dim, count, r->dim, NULL, 0, r->dim, packed);
  return LOCI_OK;
}

loci_status loci__packed_rows_init(loci__packed_rows *rows, loci_context *context, const float *from, size_t n,
                                   size_t dim, loci_error *error) {
  *rows = (loci__packed_rows){.context = context, .kernels = loci__kernels_of(context), .n = n, .dim = dim};
  rows->n_blocks = (n + BLOCK - 1) / BLOCK;
  rows->width = loci__panels(rows->kernels, BLOCK);
  size_t floats, bytes;
  if (!loci__mul(rows->n_blocks * rows->width, dim, &floats) || !loci__mul(floats, sizeof(float), &bytes))
    return loci__fail(error, LOCI_ERROR_LIMIT, "%zu rows of %zu numbers are too many", n, dim);
  packing p = {rows, from, loci__alloc_array(context, loci__pool_size(context) * BLOCK, dim * sizeof *p.unit)};
  rows->packed = loci__alloc_aligned(context, bytes + 64);
  loci_status status = rows->packed != NULL && p.unit != NULL
                           ? loci__pool_run(context, rows->n_blocks, pack_task, &p, error)
                           : loci__fail_memory(error, bytes, "the rows of a product");
  loci__free(context, p.unit);
  if (status != LOCI_OK) loci__packed_rows_release(rows);
  return status;
}

void loci__packed_rows_release(loci__packed_rows *rows) {
  if (rows->packed != NULL) loci__free_aligned(rows->context, rows->packed);
  rows->packed = NULL;
}

typedef struct product {
  const loci__packed_rows *rows;
  const loci__wanted *wanted;
  loci_neighbor *out;
  float *biases; /* n_blocks × width: −penalty */
  float *scores; /* SLICE × width a worker */
} product;

static void keep(loci_neighbor *list, size_t k, size_t row, float score) {
  size_t at = k - 1;
  for (; at > 0 && list[at - 1].score < (double)score; at--) list[at] = list[at - 1];
  list[at] = (loci_neighbor){row, score};
}

static loci_status slice_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  const product *p = arg;
  const loci__packed_rows *r = p->rows;
  const loci__wanted *w = p->wanted;
  const size_t first = task * SLICE, count = first + SLICE < w->m ? SLICE : w->m - first, k = w->k;
  float *scores = p->scores + worker * SLICE * r->width;
  for (size_t i = 0; i < count * k; i++) p->out[first * k + i] = (loci_neighbor){SIZE_MAX, -INFINITY};
  for (size_t block = 0; block < r->n_blocks; block++) {
    const size_t start = block * BLOCK, n = start + BLOCK < r->n ? BLOCK : r->n - start;
    r->kernels->gemm_f32(&(loci__gemm){.x = w->targets + first * r->dim,
                                       .x_stride = r->dim,
                                       .m = count,
                                       .packed = r->packed + block * r->width * r->dim,
                                       .n = r->width,
                                       .k = r->dim,
                                       .bias = p->biases + (w->penalties ? block * r->width : 0),
                                       .activation = LOCI__KERNEL_IDENTITY,
                                       .y = scores,
                                       .y_stride = r->width});
    for (size_t t = 0; t < count; t++) {
      loci_neighbor *list = p->out + (first + t) * k;
      const float *row = scores + t * r->width;
      const size_t never = w->left_out ? w->left_out[first + t] : SIZE_MAX;
      float least = (float)list[k - 1].score;
      for (size_t i = 0; i < n; i++) {
        if (!(row[i] > least) || start + i == never) continue;
        keep(list, k, start + i, row[i]);
        least = (float)list[k - 1].score;
      }
    }
  }
  return LOCI_OK;
}

loci_status loci__packed_rows_nearest(const loci__packed_rows *rows, const loci__wanted *wanted, loci_neighbor *out,
                                      loci_error *error) {
  if (wanted->m == 0 || wanted->k == 0) return LOCI_OK;
  loci_context *context = rows->context;
  product p = {.rows = rows, .wanted = wanted, .out = out};
  const size_t n_biases = wanted->penalties ? rows->n_blocks * rows->width : rows->width;
  const size_t n_scores = loci__pool_size(context) * SLICE * rows->width;
  p.biases = loci__alloc_aligned(context, n_biases * sizeof *p.biases);
  p.scores = loci__alloc_aligned(context, n_scores * sizeof *p.scores);
  loci_status status = LOCI_OK;
  if (p.biases == NULL || p.scores == NULL)
    status = loci__fail_memory(error, (n_biases + n_scores) * sizeof *p.scores, "a product");
  if (status == LOCI_OK) {
    memset(p.biases, 0, n_biases * sizeof *p.biases);
    for (size_t i = 0; wanted->penalties && i < rows->n; i++)
      p.biases[i / BLOCK * rows->width + i % BLOCK] = -wanted->penalties[i];
    status = loci__pool_run(context, (wanted->m + SLICE - 1) / SLICE, slice_task, &p, error);
  }
  if (p.biases != NULL) loci__free_aligned(context, p.biases);
  if (p.scores != NULL) loci__free_aligned(context, p.scores);
  return status;
}
