/* kernel/ref/block.c: products of a sparse matrix and of tall blocks in plain C: the oracle, kept for ever.
 */
#include "ref.h"

void loci__ref_block_sparse_f64(const size_t *starts, const uint32_t *columns, const float *values, size_t n_rows,
                                const double *x, double *y) {
  for (size_t i = 0; i < n_rows; i++) {
    double *out = y + i * LOCI__BLOCK;
    for (size_t j = 0; j < LOCI__BLOCK; j++) out[j] = 0;
    for (size_t p = starts[i]; p < starts[i + 1]; p++) {
      const double *row = x + (size_t)columns[p] * LOCI__BLOCK;
      for (size_t j = 0; j < LOCI__BLOCK; j++) out[j] += (double)values[p] * row[j];
    }
  }
}

void loci__ref_block_sparse_f32(const size_t *starts, const uint32_t *columns, const float *values, size_t n_rows,
                                const float *x, float *y) {
  for (size_t i = 0; i < n_rows; i++) {
    for (size_t j = 0; j < LOCI__BLOCK; j++) {
      double sum = 0; /* so that the fast versions are judged by something better than themselves */
      for (size_t p = starts[i]; p < starts[i + 1]; p++)
        sum += (double)values[p] * (double)x[(size_t)columns[p] * LOCI__BLOCK + j];
      y[i * LOCI__BLOCK + j] = (float)sum;
    }
  }
}

void loci__ref_block_inner_f64(const double *x, const double *y, size_t n_rows, double *c) {
  for (size_t r = 0; r < n_rows; r++) {
    const double *a = x + r * LOCI__BLOCK, *b = y + r * LOCI__BLOCK;
    for (size_t i = 0; i < LOCI__BLOCK; i++) {
      for (size_t j = 0; j < LOCI__BLOCK; j++) c[i * LOCI__BLOCK + j] += a[i] * b[j];
    }
  }
}

void loci__ref_block_update_f64(const double *x, const double *c, size_t n_rows, double *y) {
  for (size_t r = 0; r < n_rows; r++) {
    const double *a = x + r * LOCI__BLOCK;
    double *b = y + r * LOCI__BLOCK;
    for (size_t i = 0; i < LOCI__BLOCK; i++) {
      for (size_t j = 0; j < LOCI__BLOCK; j++) b[j] -= a[i] * c[i * LOCI__BLOCK + j];
    }
  }
}
