/* kernel/ref/picked.c: sums over rows picked by number, in plain C: the oracle, kept for ever. */
#include "ref.h"

#include <math.h>

void loci__ref_dot_picked_f32(const float *x, const float *base, size_t stride, const uint32_t *rows, size_t n_rows,
                              size_t dim, float *out) {
  for (size_t i = 0; i < n_rows; i++) out[i] = loci__ref_dot_f32(x, base + rows[i] * stride, dim);
}

void loci__ref_add_picked_f32(float *acc, const float *base, size_t stride, const uint32_t *rows, const float *weights,
                              size_t n_rows, size_t dim) {
  for (size_t j = 0; j < dim; j++) {
    double sum = (double)acc[j];
    for (size_t i = 0; i < n_rows; i++)
      sum += (weights ? (double)weights[i] : 1.0) * (double)base[rows[i] * stride + j];
    acc[j] = (float)sum;
  }
}

void loci__ref_logistic_f32(const float *x, size_t n, float *y) {
  for (size_t i = 0; i < n; i++) y[i] = (float)(1.0 / (1.0 + exp(-(double)x[i])));
}
