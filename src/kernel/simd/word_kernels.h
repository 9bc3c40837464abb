/* kernel/simd/word_kernels.h: the steps of word2vec over the vector type vf; see encoder_kernels.h for how simd/ works.
 *
 * Skip-gram, inputs sharing their noise words (Ji et al., "Parallelizing Word2Vec in Shared and Distributed Memory",
 * arXiv 1604.04661): with inputs X and outputs Y the scores are X·Yᵀ, the gradients G = rate·(label − σ), and
 * X += G·Y, Y += Gᵀ·X. That paper copies rows together and calls a matrix product three times; here the rows stay where
 * they are and two passes over the columns do all of it:
 *   scores: tiles of VF_WORD_ROWS × LOCI__WORD_BLOCK sums in registers; lanes are added up many sums at a time (vf_sums)
 *   moves:  VF_WORD_VECTORS columns of a block of outputs and of their changes stay in registers while the inputs go by,
 *           so that a gradient is broadcast once for both sides.
 *
 * Gradients lie block of outputs by block of outputs, [input][output] within one.
 */
#ifndef LOCI_KERNEL_SIMD_WORD_KERNELS_H
#define LOCI_KERNEL_SIMD_WORD_KERNELS_H

#include "encoder_kernels.h"

/* scores[i · outs + j] = x[i] · y[j]; up to VF_WIDTH floats behind them are overwritten. */
VF_INLINE void vf_word_scores(const size_t rows, const size_t outs, float *const *x, float *const *y, size_t width,
                              float *scores) {
  vf acc[VF_WORD_ROWS * LOCI__WORD_BLOCK];
  const float *from[VF_WORD_ROWS], *to[LOCI__WORD_BLOCK];
  VF_UNROLL
  for (size_t i = 0; i < rows; i++) from[i] = x[i];
  VF_UNROLL
  for (size_t j = 0; j < outs; j++) to[j] = y[j];
  VF_UNROLL
  for (size_t i = 0; i < rows; i++) {
    VF_UNROLL
    for (size_t j = 0; j < outs; j++) acc[i * outs + j] = vf_zero();
  }
  for (size_t k = 0; k < width; k += VF_WIDTH) {
    vf in[VF_WORD_ROWS];
    VF_UNROLL
    for (size_t i = 0; i < rows; i++) in[i] = vf_load(from[i] + k);
    VF_UNROLL
    for (size_t j = 0; j < outs; j++) {
      vf out = vf_load(to[j] + k);
      VF_UNROLL
      for (size_t i = 0; i < rows; i++) {
        acc[i * outs + j] = vf_fma(in[i], out, acc[i * outs + j]);
        VF_DONE(acc[i * outs + j]);
      }
    }
  }
  const size_t n = rows * outs;
  VF_UNROLL
  for (size_t s = 0; s < n; s += VF_WIDTH) vf_sums(n - s < VF_WIDTH ? n - s : VF_WIDTH, acc + s, scores + s);
}

/* g[i] = −rate·σ(g[i]) for n floats and what fills the last vector. */
VF_INLINE void vf_word_sigmoid(float *g, size_t n, float rate) {
  vf down = vf_set1(-rate), one = vf_set1(1.0f), steep = vf_set1(-VF_LOG2_E), most = vf_set1(126.0f);
  for (size_t i = 0; i < n; i += VF_WIDTH) {
    vf e = vf_exp2(vf_min(most, vf_mul(steep, vf_load(g + i))));
    vf_store(g + i, vf_div(down, vf_add(one, e)));
  }
}

/* Columns k … k + vecs·VF_WIDTH of a block of outputs and of all inputs. */
VF_INLINE void vf_word_moves(const size_t outs, const size_t vecs, float *const *x, size_t n_inputs, float *const *y,
                             float *const *moved_y, size_t k, const float *g) {
  vf before[LOCI__WORD_BLOCK][VF_WORD_VECTORS], after[LOCI__WORD_BLOCK][VF_WORD_VECTORS];
  VF_UNROLL
  for (size_t j = 0; j < outs; j++) {
    VF_UNROLL
    for (size_t v = 0; v < vecs; v++) before[j][v] = after[j][v] = vf_load(y[j] + k + v * VF_WIDTH);
  }
  for (size_t i = 0; i < n_inputs; i++) {
    float *row = x[i] + k;
    vf in[VF_WORD_VECTORS], moved[VF_WORD_VECTORS];
    VF_UNROLL
    for (size_t v = 0; v < vecs; v++) in[v] = moved[v] = vf_load(row + v * VF_WIDTH);
    VF_UNROLL
    for (size_t j = 0; j < outs; j++) {
      vf gradient = vf_set1(g[j]);
      VF_UNROLL
      for (size_t v = 0; v < vecs; v++) {
        moved[v] = vf_fma(gradient, before[j][v], moved[v]);
        after[j][v] = vf_fma(gradient, in[v], after[j][v]);
        VF_DONE(after[j][v]);
      }
    }
    VF_UNROLL
    for (size_t v = 0; v < vecs; v++) vf_store(row + v * VF_WIDTH, moved[v]);
    g += outs;
  }
  VF_UNROLL
  for (size_t j = 0; j < outs; j++) {
    VF_UNROLL
    for (size_t v = 0; v < vecs; v++) vf_store(moved_y[j] + k + v * VF_WIDTH, after[j][v]);
  }
}

VF_INLINE void vf_word_move(const size_t outs, float *const *x, size_t n_inputs, float *const *y, float *const *moved_y,
                            size_t width, const float *g) {
  size_t k = 0;
  for (; k + VF_WORD_VECTORS * VF_WIDTH <= width; k += VF_WORD_VECTORS * VF_WIDTH) {
    vf_word_moves(outs, VF_WORD_VECTORS, x, n_inputs, y, moved_y, k, g);
  }
  if (VF_WORD_VECTORS > 1 && k < width) vf_word_moves(outs, 1, x, n_inputs, y, moved_y, k, g);
}

/* cbow, the part of one block: g[j] = mean · y[j]. */
VF_INLINE void vf_word_means(const size_t outs, float *mean, float *const *y, size_t width, float *g) {
  float *const x[1] = {mean};
  vf_word_scores(1, outs, x, y, width, g);
}

/* cbow: change += Σ g·y, moved y = y + g·mean. */
VF_INLINE void vf_word_mean_move(const size_t outs, const float *mean, float *const *y, float *const *moved_y,
                                 size_t width, const float *g, float *change) {
  vf gradient[LOCI__WORD_BLOCK];
  VF_UNROLL
  for (size_t j = 0; j < outs; j++) gradient[j] = vf_set1(g[j]);
  for (size_t k = 0; k < width; k += VF_WIDTH) {
    vf in = vf_load(mean + k), sum = vf_load(change + k);
    VF_UNROLL
    for (size_t j = 0; j < outs; j++) {
      vf out = vf_load(y[j] + k);
      sum = vf_fma(gradient[j], out, sum);
      vf_store(moved_y[j] + k, vf_fma(gradient[j], in, out));
    }
    vf_store(change + k, sum);
  }
}

/* ---- one function a size of block ---- */

typedef void (*vf_word_scores_fn)(float *const *x, float *const *y, size_t width, float *scores);
typedef void (*vf_word_move_fn)(float *const *x, size_t n_inputs, float *const *y, float *const *moved_y, size_t width,
                                const float *g);
typedef void (*vf_word_mean_move_fn)(const float *mean, float *const *y, float *const *moved_y, size_t width,
                                     const float *g, float *change);

#define VF_WORD_SCORES(rows, outs)                                                                            \
  static void vf_word_scores_##rows##_##outs(float *const *x, float *const *y, size_t width, float *scores) { \
    vf_word_scores(rows, outs, x, y, width, scores);                                                          \
  }
#define VF_WORD_SCORES_ROW(rows) \
  VF_WORD_SCORES(rows, 1)        \
  VF_WORD_SCORES(rows, 2)        \
  VF_WORD_SCORES(rows, 3)        \
  VF_WORD_SCORES(rows, 4)        \
  VF_WORD_SCORES(rows, 5)        \
  VF_WORD_SCORES(rows, 6)
#define VF_WORD_MOVES(outs)                                                                                     \
  static void vf_word_move_##outs(float *const *x, size_t n_inputs, float *const *y, float *const *moved_y,     \
                                  size_t width, const float *g) {                                               \
    vf_word_move(outs, x, n_inputs, y, moved_y, width, g);                                                      \
  }                                                                                                             \
  static void vf_word_mean_move_##outs(const float *mean, float *const *y, float *const *moved_y, size_t width, \
                                       const float *g, float *change) {                                         \
    vf_word_mean_move(outs, mean, y, moved_y, width, g, change);                                                \
  }

VF_WORD_SCORES_ROW(1)
VF_WORD_SCORES_ROW(2)
#if VF_WORD_ROWS_COUNT > 2
VF_WORD_SCORES_ROW(3)
VF_WORD_SCORES_ROW(4)
#endif
VF_WORD_MOVES(1)
VF_WORD_MOVES(2)
VF_WORD_MOVES(3)
VF_WORD_MOVES(4)
VF_WORD_MOVES(5)
VF_WORD_MOVES(6)

#define VF_WORD_SCORES_OF(rows)                                                                                 \
  {                                                                                                             \
    vf_word_scores_##rows##_1, vf_word_scores_##rows##_2, vf_word_scores_##rows##_3, vf_word_scores_##rows##_4, \
        vf_word_scores_##rows##_5, vf_word_scores_##rows##_6                                                    \
  }

/* [rows − 1][outs − 1] */
static const vf_word_scores_fn vf_word_scores_of[VF_WORD_ROWS][LOCI__WORD_BLOCK] = {
    VF_WORD_SCORES_OF(1),
    VF_WORD_SCORES_OF(2),
#if VF_WORD_ROWS_COUNT > 2
    VF_WORD_SCORES_OF(3),
    VF_WORD_SCORES_OF(4),
#endif
};
static const vf_word_move_fn vf_word_move_of[LOCI__WORD_BLOCK] = {vf_word_move_1, vf_word_move_2, vf_word_move_3,
                                                                  vf_word_move_4, vf_word_move_5, vf_word_move_6};
static const vf_word_mean_move_fn vf_word_mean_move_of[LOCI__WORD_BLOCK] = {vf_word_mean_move_1, vf_word_mean_move_2,
                                                                            vf_word_mean_move_3, vf_word_mean_move_4,
                                                                            vf_word_mean_move_5, vf_word_mean_move_6};

VF_INLINE size_t vf_word_block(size_t n, size_t begin) {
  return n - begin < LOCI__WORD_BLOCK ? n - begin : LOCI__WORD_BLOCK;
}

/* Adds rate·label: n_inputs gradients of each output whose label is not 0. */
VF_INLINE void vf_word_labels(const loci__word_step *step, size_t n_inputs, float *g) {
  for (size_t begin = 0; begin < step->n_outputs; begin += LOCI__WORD_BLOCK) {
    size_t outs = vf_word_block(step->n_outputs, begin);
    for (size_t j = 0; j < outs; j++) {
      float up = step->rate * step->labels[begin + j];
      if (up == 0) continue;
      for (size_t i = 0; i < n_inputs; i++) g[i * outs + j] += up;
    }
    g += n_inputs * outs;
  }
}

static void vf_skipgram_f32(const loci__word_step *step) {
  size_t m = step->n_inputs, n = step->n_outputs, width = step->width;
  size_t n_tiles = (m + VF_WORD_ROWS - 1) / VF_WORD_ROWS;
  float *g = step->scratch;
  for (size_t begin = 0; begin < n; begin += LOCI__WORD_BLOCK) {
    size_t outs = vf_word_block(n, begin);
    for (size_t t = 0; t < n_tiles; t++) {
      size_t row = vf_tile_start(m, n_tiles, t), rows = vf_tile_start(m, n_tiles, t + 1) - row;
      vf_word_scores_of[rows - 1][outs - 1](step->inputs + row, step->outputs + begin, width,
                                            g + m * begin + row * outs);
    }
  }
  vf_word_sigmoid(g, m * n, step->rate);
  vf_word_labels(step, m, g);
  for (size_t begin = 0; begin < n; begin += LOCI__WORD_BLOCK) {
    size_t outs = vf_word_block(n, begin);
    vf_word_move_of[outs - 1](step->inputs, m, step->outputs + begin, step->moved + begin, width, g + m * begin);
  }
}

static void vf_cbow_f32(const loci__word_step *step) {
  size_t m = step->n_inputs, n = step->n_outputs, width = step->width;
  float *g = step->scratch, *mean = g + (n + 15) / 16 * 16 + 64, *change = mean + width;
  vf share = vf_set1(1.0f / (float)m);
  for (size_t k = 0; k < width; k += VF_WIDTH) {
    vf sum = vf_load(step->inputs[0] + k);
    for (size_t i = 1; i < m; i++) sum = vf_add(sum, vf_load(step->inputs[i] + k));
    vf_store(mean + k, vf_mul(sum, share));
    vf_store(change + k, vf_zero());
  }
  float *const means[1] = {mean};
  for (size_t begin = 0; begin < n; begin += LOCI__WORD_BLOCK) {
    vf_word_scores_of[0][vf_word_block(n, begin) - 1](means, step->outputs + begin, width, g + begin);
  }
  vf_word_sigmoid(g, n, step->rate);
  vf_word_labels(step, 1, g);
  for (size_t begin = 0; begin < n; begin += LOCI__WORD_BLOCK) {
    vf_word_mean_move_of[vf_word_block(n, begin) - 1](mean, step->outputs + begin, step->moved + begin, width,
                                                      g + begin, change);
  }
  for (size_t i = 0; i < m; i++) {
    float *row = step->inputs[i];
    for (size_t k = 0; k < width; k += VF_WIDTH) vf_store(row + k, vf_add(vf_load(row + k), vf_load(change + k)));
  }
}

static void vf_add_moves_f32(float *row, const float *const *copies, size_t n, float weight, size_t width) {
  vf factor = vf_set1(weight);
  for (size_t k = 0; k < width; k += VF_WIDTH) {
    vf before = vf_load(row + k), sum = vf_zero();
    for (size_t i = 0; i < n; i++) sum = vf_add(sum, vf_sub(vf_load(copies[i] + k), before));
    vf_store(row + k, vf_fma(factor, sum, before));
  }
}

#endif
