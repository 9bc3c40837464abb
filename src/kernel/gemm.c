/* kernel/gemm.c: the packed form of a weight matrix, the same for every instruction set but for the panel's width.
 *
 * Goto and van de Geijn 2008 ("Anatomy of high-performance matrix multiplication"), with the whole depth in one block:
 * the weights W[n, k] are cut into panels of gemm_panel rows; a panel is stored depth by depth, so that the
 * micro-kernel reads it as one stream.
 */
#include "kernel.h"

size_t loci__panels(const loci__kernels *kernels, size_t width) {
  size_t panel = kernels->gemm_panel;
  return (width + panel - 1) / panel * panel;
}

void loci__gemm_pack(const loci__kernels *kernels, const float *w, size_t stride, size_t n_rows, size_t k,
                     const size_t *position, size_t column, size_t packed_k, float *packed) {
  size_t panel = kernels->gemm_panel;
  for (size_t i = 0, n; i < n_rows; i += n) {
    size_t at = column + i, lane = at % panel;
    n = n_rows - i < panel - lane ? n_rows - i : panel - lane;
    float *into = packed + (at - lane) * packed_k + lane;
    const float *from = w + i * stride;
    /* Depth by depth: a panel's rows are read side by side, each a stream, and written as one. */
    for (size_t j = 0; j < k; j++) {
      float *row = into + (position ? position[j] : j) * panel;
      for (size_t r = 0; r < n; r++) row[r] = from[r * stride + j];
    }
  }
}

size_t loci__attention_scratch(const loci__kernels *kernels, size_t length, size_t head_size) {
  size_t keys = loci__panels(kernels, length);
  return 2 * keys * head_size + kernels->attention_rows * (keys + 16);
}
