/* kernel/simd/picked_kernels.h: sums over rows picked by number, which trainers of word vectors are made of; see
 * encoder_kernels.h for how simd/ works. Included after it.
 *
 * dot_picked: eight rows at a time share the loads of x, one accumulator a row in ascending order, so a product's bits do
 * not depend on which rows stand beside it. add_picked: a tile of accumulators stays in registers while the rows pass, in
 * the order given; one pass over acc however many rows there are.
 */
#ifndef LOCI_KERNEL_SIMD_PICKED_KERNELS_H
#define LOCI_KERNEL_SIMD_PICKED_KERNELS_H

#include "encoder_kernels.h"

VF_INLINE void vf_dot_picked_some(const float *x, const float *base, size_t stride, const uint32_t *rows, size_t dim,
                                  float *out, const size_t n) {
  vf sum[8];
  const float *row[8];
  VF_UNROLL
  for (size_t r = 0; r < n; r++) {
    sum[r] = vf_zero();
    row[r] = base + rows[r] * stride;
  }
  size_t i = 0;
  for (; i + VF_WIDTH <= dim; i += VF_WIDTH) {
    vf part = vf_load(x + i);
    VF_UNROLL
    for (size_t r = 0; r < n; r++) sum[r] = vf_fma(part, vf_load(row[r] + i), sum[r]);
  }
  if (i < dim) {
    vf part = vf_load_part(x + i, dim - i);
    VF_UNROLL
    for (size_t r = 0; r < n; r++) sum[r] = vf_fma(part, vf_load_part(row[r] + i, dim - i), sum[r]);
  }
  VF_UNROLL
  for (size_t r = 0; r < n; r++) out[r] = vf_sum(sum[r]);
}

static void vf_dot_picked_f32(const float *x, const float *base, size_t stride, const uint32_t *rows, size_t n_rows,
                              size_t dim, float *out) {
  size_t r = 0;
  for (; r + 8 <= n_rows; r += 8) vf_dot_picked_some(x, base, stride, rows + r, dim, out + r, 8);
  if (r + 4 <= n_rows) vf_dot_picked_some(x, base, stride, rows + r, dim, out + r, 4), r += 4;
  if (r + 2 <= n_rows) vf_dot_picked_some(x, base, stride, rows + r, dim, out + r, 2), r += 2;
  if (r < n_rows) vf_dot_picked_some(x, base, stride, rows + r, dim, out + r, 1);
}

/* `vecs` vectors of acc, all of them whole. */
VF_INLINE void vf_add_picked_tile(float *acc, const float *base, size_t stride, const uint32_t *rows,
                                  const float *weights, size_t n_rows, const size_t vecs) {
  vf sum[12];
  VF_UNROLL
  for (size_t j = 0; j < vecs; j++) sum[j] = vf_load(acc + j * VF_WIDTH);
  for (size_t r = 0; r < n_rows; r++) {
    const float *row = base + rows[r] * stride;
    vf weight = vf_set1(weights ? weights[r] : 1.0f);
    VF_UNROLL
    for (size_t j = 0; j < vecs; j++) sum[j] = vf_fma(weight, vf_load(row + j * VF_WIDTH), sum[j]);
  }
  VF_UNROLL
  for (size_t j = 0; j < vecs; j++) vf_store(acc + j * VF_WIDTH, sum[j]);
}

static void vf_add_picked_f32(float *acc, const float *base, size_t stride, const uint32_t *rows, const float *weights,
                              size_t n_rows, size_t dim) {
  size_t vecs = dim / VF_WIDTH, n_tiles = (vecs + 11) / 12;
  for (size_t t = 0; t < n_tiles; t++) { /* tiles as even as can be: 19 vectors are 10 + 9 */
    size_t from = vecs * t / n_tiles, n = vecs * (t + 1) / n_tiles - from;
    float *part = acc + from * VF_WIDTH;
    const float *columns = base + from * VF_WIDTH;
    switch (n) {
      case 12: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 12); break;
      case 11: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 11); break;
      case 10: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 10); break;
      case 9: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 9); break;
      case 8: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 8); break;
      case 7: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 7); break;
      case 6: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 6); break;
      case 5: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 5); break;
      case 4: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 4); break;
      case 3: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 3); break;
      case 2: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 2); break;
      default: vf_add_picked_tile(part, columns, stride, rows, weights, n_rows, 1); break;
    }
  }
  size_t from = vecs * VF_WIDTH, left = dim - from;
  if (left == 0) return;
  vf sum = vf_load_part(acc + from, left);
  for (size_t r = 0; r < n_rows; r++)
    sum = vf_fma(vf_set1(weights ? weights[r] : 1.0f), vf_load_part(base + rows[r] * stride + from, left), sum);
  vf_store_part(acc + from, left, sum);
}

/* 1 / (1 + 2^(−x·log2 e)); the power is cut at 2^126, where the quotient is 1e-38. */
VF_INLINE vf vf_logistic(vf x) {
  vf power = vf_min(vf_set1(126.0f), vf_mul(x, vf_set1(-VF_LOG2_E)));
  return vf_div(vf_set1(1.0f), vf_add(vf_set1(1.0f), vf_exp2(power)));
}

static void vf_logistic_f32(const float *x, size_t n, float *y) {
  size_t i = 0;
  for (; i + VF_WIDTH <= n; i += VF_WIDTH) vf_store(y + i, vf_logistic(vf_load(x + i)));
  if (i < n) vf_store_part(y + i, n - i, vf_logistic(vf_load_part(x + i, n - i)));
}

#endif
