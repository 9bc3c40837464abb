/* index/flat.c: the flat scan: every row against one query.
 *
 * int8: rows and query are quantised symmetrically, x ≈ s·c with c in −127…127 and |x − s·c| ≤ s/2 for each
 * component, s = max|x|/127. With row errors e and query error f, the score differs from the exact dot product by
 * |q·e + x·f + e·f| ≤ (s_x/2)·‖q‖₁ + (s_q/2)·‖x‖₁ + dim·s_x·s_q/4; for unit vectors of 384 dimensions it is
 * some .002 in practice. A search takes the best few times k and rescores them from the record.
 *
 * The integer sum is exact, and a row's score does not depend on its neighbours or on the number of threads.
 * A block is verified (checksum) at its first scan; both passes then read it from the cache.
 *
 * The scan is bound by memory: docs/speed.md has its share of the bandwidth.
 */
#include "segment_private.h"

#include "../kernel/kernel.h"

/* Below this much a single thread is done before the pool has woken up (8 MiB at 10 GB/s: 0.8 ms). */
enum { FLAT_INLINE_BYTES = 8 * 1024 * 1024 };

/* A mapped file has small pages, across which the processor does not prefetch by itself: while one step is summed up,
 * the lines of a later one are asked for. Measured on 500,000 × 384 (bench/scan, AVX-512): 76 % of the bandwidth
 * without, 80 to 84 % with 4 to 16 KiB ahead, best at 8 KiB in steps of 6 KiB. */
enum { FLAT_STEP_BYTES = 6 * 1024, FLAT_AHEAD_BYTES = 8 * 1024 };

typedef struct scan_i8 {
  const loci__segment *segment;
  const loci__kernels *kernels;
  const int8_t *query;
  float scale;
  float *scores;
} scan_i8;

static loci_status scan_i8_block(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  const scan_i8 *scan = arg;
  const segment_header *header = &scan->segment->header;
  size_t first = task * header->block_rows;
  size_t rows = header->block_rows < header->n - first ? header->block_rows : header->n - first;
  LOCI__TRY(loci__segment_verify_block(scan->segment, task, error));
  int32_t sums[SEGMENT_BLOCK_ROWS_MAX];
  const int8_t *codes = scan->segment->codes + first * header->stride;
  const char *end = (const char *)scan->segment->codes + header->n * header->stride;
  size_t step = FLAT_STEP_BYTES / header->stride + 1;
  for (size_t r = 0; r < rows; r += step) {
    size_t n = step < rows - r ? step : rows - r;
    const char *ahead = (const char *)(codes + r * header->stride) + FLAT_AHEAD_BYTES;
    for (size_t at = 0; at < n * header->stride && ahead + at < end; at += 64) __builtin_prefetch(ahead + at, 0, 3);
    scan->kernels->dot_rows_i8(scan->query, codes + r * header->stride, header->stride, n, header->dim, sums + r);
  }
  const float *scales = scan->segment->scales + first;
  float *scores = scan->scores + first;
  for (size_t r = 0; r < rows; r++) scores[r] = scan->scale * scales[r] * (float)sums[r];
  return LOCI_OK;
}

loci_status loci__segment_scan(const loci__segment *segment, const float *query, float *scores, loci_error *error) {
  loci_context *context = segment->context;
  const segment_header *header = &segment->header;
  const loci__kernels *kernels = loci__kernels_of(context);
  int8_t *codes = loci__alloc_aligned(context, header->stride);
  if (!codes) return loci__fail_memory(error, header->stride, "a query");
  memset(codes, 0, header->stride);
  scan_i8 scan = {.segment = segment, .kernels = kernels, .query = codes, .scores = scores};
  scan.scale = kernels->quantize_i8(query, header->dim, codes);
  loci_status status = LOCI_OK;
  if (header->n * header->stride <= FLAT_INLINE_BYTES)
    for (size_t b = 0; b < header->n_blocks && status == LOCI_OK; b++) status = scan_i8_block(&scan, b, 0, error);
  else status = loci__pool_run(context, header->n_blocks, scan_i8_block, &scan, error);
  loci__free_aligned(context, codes);
  return status;
}

typedef struct scan_f32 {
  const loci__kernels *kernels;
  const float *query, *rows;
  size_t stride, n, dim, block_rows;
  float *scores;
} scan_f32;

static loci_status scan_f32_block(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const scan_f32 *scan = arg;
  size_t first = task * scan->block_rows;
  size_t rows = scan->block_rows < scan->n - first ? scan->block_rows : scan->n - first;
  scan->kernels->dot_rows_f32(scan->query, scan->rows + first * scan->stride, scan->stride, rows, scan->dim,
                              scan->scores + first);
  return LOCI_OK;
}

loci_status loci__flat_scan_f32(loci_context *context, const float *query, const float *rows, size_t stride, size_t n,
                                size_t dim, float *scores, loci_error *error) {
  if (n == 0) return LOCI_OK;
  scan_f32 scan = {.kernels = loci__kernels_of(context),
                   .query = query,
                   .rows = rows,
                   .stride = stride,
                   .n = n,
                   .dim = dim,
                   .scores = scores};
  scan.block_rows = FLAT_INLINE_BYTES / 16 / (stride * sizeof(float) + 1) + 1;
  size_t n_blocks = n / scan.block_rows + (n % scan.block_rows != 0);
  if (n * stride * sizeof(float) > FLAT_INLINE_BYTES)
    return loci__pool_run(context, n_blocks, scan_f32_block, &scan, error);
  for (size_t b = 0; b < n_blocks; b++) LOCI__TRY(scan_f32_block(&scan, b, 0, error));
  return LOCI_OK;
}

float loci__dot(loci_context *context, const float *a, const float *b, size_t dim) {
  return loci__kernels_of(context)->dot_f32(a, b, dim);
}
