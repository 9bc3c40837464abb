/* kernel/simd/glove_kernels.h: GloVe's steps over the vector type vf; see encoder_kernels.h for how simd/ works. Included
 * after it.
 *
 * A pair is a product over two rows and one pass that moves both rows and both rows of squares: 4 loads, 4 stores and 2
 * reciprocal roots a vector. Pairs come in runs of one row, so its 2 · stride floats stay in the first-level cache; what
 * comes from farther are the columns, which the list knows ahead: those of the pair AHEAD places on are fetched while
 * this one is worked on.
 */
#ifndef LOCI_KERNEL_SIMD_GLOVE_KERNELS_H
#define LOCI_KERNEL_SIMD_GLOVE_KERNELS_H

#include "encoder_kernels.h"

#include <math.h>

enum { VF_GLOVE_AHEAD = 2, VF_LINE = 16 };

VF_INLINE float vf_glove_product(const float *w, const float *c, size_t stride) {
  vf sum[4] = {vf_zero(), vf_zero(), vf_zero(), vf_zero()};
  size_t j = 0;
  for (; j + 4 * VF_WIDTH <= stride; j += 4 * VF_WIDTH) {
    VF_UNROLL
    for (size_t k = 0; k < 4; k++)
      sum[k] = vf_fma(vf_load(w + j + k * VF_WIDTH), vf_load(c + j + k * VF_WIDTH), sum[k]);
  }
  for (size_t k = 0; j < stride; j += VF_WIDTH, k++) sum[0] = vf_fma(vf_load(w + j), vf_load(c + j), sum[0]);
  return vf_sum(vf_add(vf_add(sum[0], sum[1]), vf_add(sum[2], sum[3])));
}

/* x −= t / √squares, squares += t² */
VF_INLINE void vf_glove_move(float *x, float *squares, vf was, vf t) {
  vf s = vf_load(squares);
  vf_store(x, vf_fnma(t, vf_rsqrt(s), was));
  vf_store(squares, vf_fma(t, t, s));
}

static double vf_glove_f32(const loci__glove_step *step) {
  const size_t stride = step->stride, n = step->n;
  const loci__glove_pair *pairs = step->pairs;
  const float eta = step->eta, clip = step->clip;
  double cost = 0;
  for (size_t i = 0; i < n; i++) {
    const size_t row = pairs[i].row, column = pairs[i].column;
    float *w = step->rows + 2 * row * stride, *c = step->columns + 2 * column * stride;
    float *w_bias = step->row_biases + 2 * row, *c_bias = step->column_biases + 2 * column;
    const loci__glove_pair *next = &pairs[i + VF_GLOVE_AHEAD < n ? i + VF_GLOVE_AHEAD : i];
    const float *c_next = step->columns + 2 * (size_t)next->column * stride;
    const float *w_next = step->rows + 2 * (size_t)next->row * stride;

    const float e = vf_glove_product(w, c, stride) + w_bias[0] + c_bias[0] - pairs[i].log_x;
    const float g = pairs[i].weight * e;
    if (!(fabsf(e) < INFINITY)) continue;
    cost += 0.5 * (double)g * (double)e;
    w_bias[0] -= g / sqrtf(w_bias[1]);
    c_bias[0] -= g / sqrtf(c_bias[1]);
    w_bias[1] += g * g;
    c_bias[1] += g * g;

    __builtin_prefetch(step->column_biases + 2 * (size_t)next->column, 1);
    if (w_next != w) {
      for (size_t j = 0; j < 2 * stride; j += VF_LINE) __builtin_prefetch(w_next + j, 1);
    }
    if (fabsf(g) > clip / 64) {
      const vf most = vf_set1(clip), least = vf_set1(-clip), factor = vf_set1(g), rate = vf_set1(eta);
      for (size_t j = 0; j < stride; j += VF_WIDTH) {
        vf x = vf_load(w + j), y = vf_load(c + j);
        vf t_w = vf_mul(vf_max(vf_min(vf_mul(factor, y), most), least), rate);
        vf t_c = vf_mul(vf_max(vf_min(vf_mul(factor, x), most), least), rate);
        vf_glove_move(w + j, w + stride + j, x, t_w);
        vf_glove_move(c + j, c + stride + j, y, t_c);
      }
      continue;
    }
    const vf factor = vf_set1(g * eta);
    for (size_t j = 0; j < stride; j += VF_LINE) {
      __builtin_prefetch(c_next + j, 1);
      __builtin_prefetch(c_next + stride + j, 1);
      VF_UNROLL
      for (size_t k = j; k < j + VF_LINE; k += VF_WIDTH) {
        vf x = vf_load(w + k), y = vf_load(c + k);
        vf_glove_move(w + k, w + stride + k, x, vf_mul(factor, y));
        vf_glove_move(c + k, c + stride + k, y, vf_mul(factor, x));
      }
    }
  }
  return cost;
}

#endif
