/* kernel/simd/distance_kernels.h: distances, quantisation and weighted sums over the vector type vf; see
 * encoder_kernels.h for how simd/ works.
 *
 * Sums: four vectors in turn, then a tail of part vectors, added in a fixed order; so a product's bits depend on its
 * two rows and their length only, and dot_rows gives the bits of dot.
 */
#ifndef LOCI_KERNEL_SIMD_DISTANCE_KERNELS_H
#define LOCI_KERNEL_SIMD_DISTANCE_KERNELS_H

#include "../kernel.h"
#include "unroll.h"

#include <math.h>

static inline __attribute__((always_inline)) float vf_sum_products(const float *a, const float *b, size_t n,
                                                                   const int difference) {
  vf sum[4] = {vf_zero(), vf_zero(), vf_zero(), vf_zero()};
  size_t i = 0;
  for (; i + 4 * VF_WIDTH <= n; i += 4 * VF_WIDTH) {
    VF_UNROLL
    for (size_t j = 0; j < 4; j++) {
      vf x = vf_load(a + i + j * VF_WIDTH), y = vf_load(b + i + j * VF_WIDTH);
      if (difference) x = y = vf_sub(x, y);
      sum[j] = vf_fma(x, y, sum[j]);
    }
  }
  for (; i + VF_WIDTH <= n; i += VF_WIDTH) {
    vf x = vf_load(a + i), y = vf_load(b + i);
    if (difference) x = y = vf_sub(x, y);
    sum[0] = vf_fma(x, y, sum[0]);
  }
  if (i < n) {
    vf x = vf_load_part(a + i, n - i), y = vf_load_part(b + i, n - i);
    if (difference) x = y = vf_sub(x, y);
    sum[1] = vf_fma(x, y, sum[1]);
  }
  return vf_sum(vf_add(vf_add(sum[0], sum[1]), vf_add(sum[2], sum[3])));
}

static float vf_dot_f32(const float *a, const float *b, size_t n) {
  return vf_sum_products(a, b, n, 0);
}

static float vf_l2sq_f32(const float *a, const float *b, size_t n) {
  return vf_sum_products(a, b, n, 1);
}

static void vf_dot_rows_f32(const float *query, const float *rows, size_t stride, size_t n_rows, size_t dim,
                            float *out) {
  for (size_t i = 0; i < n_rows; i++) out[i] = vf_sum_products(query, rows + i * stride, dim, 0);
}

static void vf_add_scaled_f32(float weight, const float *row, size_t n, float *acc) {
  vf factor = vf_set1(weight);
  size_t i = 0;
  for (; i + VF_WIDTH <= n; i += VF_WIDTH) vf_store(acc + i, vf_fma(factor, vf_load(row + i), vf_load(acc + i)));
  if (i < n) {
    vf_store_part(acc + i, n - i, vf_fma(factor, vf_load_part(row + i, n - i), vf_load_part(acc + i, n - i)));
  }
}

/* max |x|, NaN passed over */
static float vf_largest_size(const float *x, size_t n) {
  vf largest = vf_zero();
  size_t i = 0;
  /* vf_max gives its second operand when either is NaN */
  for (; i + VF_WIDTH <= n; i += VF_WIDTH) largest = vf_max(vf_abs(vf_load(x + i)), largest);
  if (i < n) largest = vf_max(vf_abs(vf_load_part(x + i, n - i)), largest);
  return vf_max_lanes(largest);
}

#endif
