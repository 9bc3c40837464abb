/* kernel/simd/encoder_kernels.h: the encoder's kernels, written once over the vector type vf. Included, after its
 * vector.h, by one file of each instruction set; everything here is static there.
 *
 * The matrix product keeps a tile of up to VF_ROWS × VF_PANEL vectors in registers over the whole depth k: one vector
 * row of weights is loaded and each row's scalar broadcast to it. An element is one accumulator that takes k's products
 * in ascending order by FMA, so its bits depend on its own row and column only; tiles of fewer rows are the same code
 * with a smaller constant. m rows are spread evenly over the least number of tiles.
 *
 * exp(x) = 2^t, t = x·log2 e: minimax polynomial of degree 6 on 0…1, relative error 2e-9 before rounding; rounding t
 * adds 6e-8·|x|, which softmax multiplies by exp(x). GELU: x·Φ(x) = max(x, 0) − |x|·Φ(−|x|), where Φ(−a) = exp(−a²/2)·G(a); G is a polynomial
 * of degree 11 fitted on [0, 6.2] with the weight a·exp(−a²/2), error of the whole 2e-8 before rounding. Both
 * polynomials: iteratively reweighted least squares on Chebyshev nodes, in double precision.
 */
#ifndef LOCI_KERNEL_SIMD_ENCODER_KERNELS_H
#define LOCI_KERNEL_SIMD_ENCODER_KERNELS_H

#include "../kernel.h"
#include "unroll.h"

#include <math.h>

#define VF_INLINE static inline __attribute__((always_inline))

/* ---- elementary functions --------------------------------------------------------------------- */

#define VF_LOG2_E 1.44269504088896341f

/* 2^t = 2^n · 2^r with n = floor(t) and r exact in 0…1, for t < 128; 0 below −126, where floats are subnormal. */
VF_INLINE vf vf_exp2(vf t) {
  vf r = vf_fraction(t);
  vf p = vf_set1(2.1612987569e-04f);
  p = vf_fma(p, r, vf_set1(1.2467827386e-03f));
  p = vf_fma(p, r, vf_set1(9.6754534022e-03f));
  p = vf_fma(p, r, vf_set1(5.5485279830e-02f));
  p = vf_fma(p, r, vf_set1(2.4022930570e-01f));
  p = vf_fma(p, r, vf_set1(6.9314704443e-01f));
  p = vf_fma(p, r, vf_set1(1.0f));
  return vf_scale(p, t);
}

VF_INLINE vf vf_gelu(vf x) {
  vf a = vf_min(vf_set1(6.2f), vf_abs(x));
  vf e = vf_exp2(vf_mul(vf_mul(a, a), vf_set1(-0.5f * VF_LOG2_E)));
  vf g = vf_set1(-1.3390155671e-07f);
  g = vf_fma(g, a, vf_set1(3.8650848813e-06f));
  g = vf_fma(g, a, vf_set1(-4.9911964705e-05f));
  g = vf_fma(g, a, vf_set1(3.8591395894e-04f));
  g = vf_fma(g, a, vf_set1(-2.0282617553e-03f));
  g = vf_fma(g, a, vf_set1(7.8587096800e-03f));
  g = vf_fma(g, a, vf_set1(-2.3954506468e-02f));
  g = vf_fma(g, a, vf_set1(6.0637568606e-02f));
  g = vf_fma(g, a, vf_set1(-1.3213661754e-01f));
  g = vf_fma(g, a, vf_set1(2.4977540149e-01f));
  g = vf_fma(g, a, vf_set1(-3.9891238635e-01f));
  g = vf_fma(g, a, vf_set1(4.9999861770e-01f));
  return vf_fnma(vf_mul(a, e), g, vf_max(vf_zero(), x));
}

/* 0.5·x·(1 + tanh u) = x / (1 + exp(−2u)), u = √(2/π)·(x + 0.044715·x³). */
VF_INLINE vf vf_gelu_tanh(vf x) {
  vf inside = vf_max(vf_set1(-30.0f), x); /* exp would overflow; the result is under 1e-36 there */
  vf cube = vf_mul(vf_mul(inside, inside), inside);
  vf u = vf_fma(vf_set1(0.044715f), cube, inside);
  vf minus_2u = vf_mul(u, vf_set1(-1.5957691216057308f * VF_LOG2_E));
  return vf_div(inside, vf_add(vf_set1(1.0f), vf_exp2(vf_min(vf_set1(127.0f), minus_2u))));
}

VF_INLINE vf vf_activate(int activation, vf x) {
  switch (activation) {
    case LOCI__KERNEL_GELU: return vf_gelu(x);
    case LOCI__KERNEL_GELU_TANH: return vf_gelu_tanh(x);
    case LOCI__KERNEL_RELU: return vf_max(vf_zero(), x);
    default: return x;
  }
}

VF_INLINE void vf_activate_constant(int activation, const float *x, size_t n, float *y) {
  size_t i = 0;
  for (; i + VF_WIDTH <= n; i += VF_WIDTH) vf_store(y + i, vf_activate(activation, vf_load(x + i)));
  if (i < n) vf_store_part(y + i, n - i, vf_activate(activation, vf_load_part(x + i, n - i)));
}

static void vf_activate_f32(int activation, const float *x, size_t n, float *y) {
  switch (activation) {
    case LOCI__KERNEL_GELU: vf_activate_constant(LOCI__KERNEL_GELU, x, n, y); break;
    case LOCI__KERNEL_GELU_TANH: vf_activate_constant(LOCI__KERNEL_GELU_TANH, x, n, y); break;
    case LOCI__KERNEL_RELU: vf_activate_constant(LOCI__KERNEL_RELU, x, n, y); break;
    default: vf_activate_constant(LOCI__KERNEL_IDENTITY, x, n, y); break;
  }
}

static float vf_exp_sum_f32(const float *x, size_t n, float x_max, float scale, float *out) {
  vf sum = vf_zero(), largest = vf_set1(x_max), factor = vf_set1(scale * VF_LOG2_E);
  size_t i = 0;
  for (; i + VF_WIDTH <= n; i += VF_WIDTH) {
    vf e = vf_exp2(vf_mul(vf_sub(vf_load(x + i), largest), factor));
    vf_store(out + i, e);
    sum = vf_add(sum, e);
  }
  if (i < n) {
    vf e = vf_exp2(vf_mul(vf_sub(vf_load_part(x + i, n - i), largest), factor));
    vf_store_part(out + i, n - i, e);
    sum = vf_add(sum, vf_first(e, n - i, vf_zero()));
  }
  return vf_sum(sum);
}

/* ---- the tile ----------------------------------------------------------------------------------- */

/* acc = x[rows × k] · b[k × vecs·VF_WIDTH]; rows and vecs are constants where this is inlined.
 *
 * Rows are reached from one pointer for each five (offsets 0, 1, 2, 3, 4 strides: the address modes of x86), hidden from
 * the optimiser: left to itself gcc 12 keeps one offset a row and spills them into vector registers. */
VF_INLINE void vf_tile(const size_t rows, const size_t vecs, const float *x, size_t x_stride, const float *b,
                       size_t b_stride, size_t k, const float *ahead, size_t ahead_step, vf acc[VF_ROWS][VF_PANEL]) {
  VF_UNROLL
  for (size_t i = 0; i < rows; i++) {
    VF_UNROLL
    for (size_t j = 0; j < vecs; j++) acc[i][j] = vf_zero();
  }
  const float *five[(VF_ROWS + 4) / 5];
  VF_UNROLL
  for (size_t g = 0; g < (rows + 4) / 5; g++) {
    five[g] = x + 5 * g * x_stride;
    __asm__("" : "+r"(five[g]));
  }
  for (size_t p = 0; p < k; p++) {
    vf w[VF_PANEL];
    VF_UNROLL
    for (size_t j = 0; j < vecs; j++) w[j] = vf_load(b + j * VF_WIDTH);
    VF_UNROLL
    for (size_t i = 0; i < rows; i++) {
      vf value = vf_set1(five[i / 5][i % 5 * x_stride]);
      VF_UNROLL
      for (size_t j = 0; j < vecs; j++) {
        acc[i][j] = vf_fma(value, w[j], acc[i][j]);
        VF_DONE(acc[i][j]);
      }
    }
    VF_UNROLL
    for (size_t g = 0; g < (rows + 4) / 5; g++) five[g]++;
    b += b_stride;
    __builtin_prefetch(ahead, 0, 2);
    ahead += ahead_step;
  }
}

/* y = tile · row_scale[i] + bias; row_scale NULL = 1, bias NULL = 0. */
VF_INLINE void vf_tile_store(const size_t rows, const size_t vecs, const float *x, size_t x_stride, const float *b,
                             size_t b_stride, size_t k, const float *ahead, size_t ahead_step, const float *row_scale,
                             const float *bias, float *y, size_t y_stride) {
  vf acc[VF_ROWS][VF_PANEL];
  vf_tile(rows, vecs, x, x_stride, b, b_stride, k, ahead, ahead_step, acc);
  VF_UNROLL
  for (size_t j = 0; j < vecs; j++) {
    vf add = bias ? vf_load(bias + j * VF_WIDTH) : vf_zero();
    VF_UNROLL
    for (size_t i = 0; i < rows; i++) {
      vf value = acc[i][j];
      if (row_scale) value = vf_mul(value, vf_set1(row_scale[i]));
      if (bias) value = vf_add(value, add);
      vf_store(y + i * y_stride + j * VF_WIDTH, value);
    }
  }
}

typedef struct vf_tile_call {
  const float *x;
  size_t x_stride;
  const float *b;
  size_t b_stride, k;
  const float *ahead; /* to be prefetched: one address a step of k, ahead_step floats on */
  size_t ahead_step;
  const float *row_scale, *bias;
  float *y;
  size_t y_stride;
} vf_tile_call;

#define VF_TILE_FUNCTIONS(rows)                                                                                        \
  static void vf_tile_##rows##_1(const vf_tile_call *c) {                                                              \
    vf_tile_store(rows, 1, c->x, c->x_stride, c->b, c->b_stride, c->k, c->ahead, c->ahead_step, c->row_scale, c->bias, \
                  c->y, c->y_stride);                                                                                  \
  }                                                                                                                    \
  static void vf_tile_##rows##_2(const vf_tile_call *c) {                                                              \
    vf_tile_store(rows, 2, c->x, c->x_stride, c->b, c->b_stride, c->k, c->ahead, c->ahead_step, c->row_scale, c->bias, \
                  c->y, c->y_stride);                                                                                  \
  }

typedef void (*vf_tile_fn)(const vf_tile_call *call);

VF_TILE_FUNCTIONS(1)
VF_TILE_FUNCTIONS(2)
VF_TILE_FUNCTIONS(3)
VF_TILE_FUNCTIONS(4)
VF_TILE_FUNCTIONS(5)
VF_TILE_FUNCTIONS(6)
#if VF_ROWS_COUNT > 6
VF_TILE_FUNCTIONS(7)
VF_TILE_FUNCTIONS(8)
VF_TILE_FUNCTIONS(9)
VF_TILE_FUNCTIONS(10)
VF_TILE_FUNCTIONS(11)
VF_TILE_FUNCTIONS(12)
VF_TILE_FUNCTIONS(13)
VF_TILE_FUNCTIONS(14)
#endif

#define VF_TILE_PAIR(rows) \
  { vf_tile_##rows##_1, vf_tile_##rows##_2 }

/* [rows − 1][vecs − 1] */
static const vf_tile_fn vf_tiles[VF_ROWS][VF_PANEL] = {
    VF_TILE_PAIR(1),  VF_TILE_PAIR(2),  VF_TILE_PAIR(3), VF_TILE_PAIR(4),  VF_TILE_PAIR(5),  VF_TILE_PAIR(6),
#if VF_ROWS_COUNT > 6
    VF_TILE_PAIR(7),  VF_TILE_PAIR(8),  VF_TILE_PAIR(9), VF_TILE_PAIR(10), VF_TILE_PAIR(11), VF_TILE_PAIR(12),
    VF_TILE_PAIR(13), VF_TILE_PAIR(14),
#endif
};

/* Tile t of n_tiles over m rows starts here; tiles differ by at most one row. */
VF_INLINE size_t vf_tile_start(size_t m, size_t n_tiles, size_t t) {
  size_t base = m / n_tiles, more = m % n_tiles;
  return t * base + (t < more ? t : more);
}

/* ---- matrix product ------------------------------------------------------------------------------ */

enum { VF_COLUMNS = VF_PANEL * VF_WIDTH };

static void vf_gemm_f32(const loci__gemm *gemm) {
  if (gemm->m == 0) return;
  size_t n_tiles = (gemm->m + VF_ROWS - 1) / VF_ROWS;
  vf_tile_call call = {.x_stride = gemm->x_stride, .b_stride = VF_COLUMNS, .k = gemm->k, .y_stride = gemm->y_stride};
  for (size_t column = 0; column < gemm->n; column += VF_COLUMNS) {
    call.b = gemm->packed + column * gemm->k;
    call.bias = gemm->bias + column;
    const float *next = column + VF_COLUMNS < gemm->n ? call.b + VF_COLUMNS * gemm->k : gemm->next;
    call.ahead_step = next ? (VF_COLUMNS + n_tiles - 1) / n_tiles : 0;
    for (size_t t = 0; t < n_tiles; t++) {
      size_t row = vf_tile_start(gemm->m, n_tiles, t), end = vf_tile_start(gemm->m, n_tiles, t + 1);
      call.x = gemm->x + row * gemm->x_stride;
      call.y = gemm->y + row * gemm->y_stride + column;
      call.ahead = next ? next + t * call.ahead_step * gemm->k : call.b;
      vf_tiles[end - row - 1][VF_PANEL - 1](&call);
      if (gemm->activation == LOCI__KERNEL_IDENTITY) continue;
      for (size_t i = 0; i < end - row; i++) {
        float *y = call.y + i * gemm->y_stride;
        vf_activate_f32(gemm->activation, y, VF_COLUMNS, y);
      }
    }
  }
}

/* ---- layer normalisation --------------------------------------------------------------------------- */

static void vf_layer_norm_f32(const loci__layer_norm *norm) {
  size_t width = norm->width, whole = width / VF_WIDTH * VF_WIDTH, part = width - whole;
  for (size_t row = 0; row < norm->m; row++) {
    const float *x = norm->x + row * norm->x_stride;
    const float *residual = norm->residual ? norm->residual + row * norm->residual_stride : NULL;
    float *y = norm->y + row * norm->y_stride;
    vf sum = vf_zero();
    for (size_t i = 0; i < whole; i += VF_WIDTH) {
      vf value = vf_load(x + i);
      if (residual) value = vf_add(value, vf_load(residual + i));
      vf_store(y + i, value);
      sum = vf_add(sum, value);
    }
    if (part) {
      vf value = vf_load_part(x + whole, part);
      if (residual) value = vf_add(value, vf_load_part(residual + whole, part));
      vf_store_part(y + whole, part, value);
      sum = vf_add(sum, value);
    }
    vf mean = vf_set1(vf_sum(sum) / (float)width), squares = vf_zero();
    for (size_t i = 0; i < whole; i += VF_WIDTH) {
      vf d = vf_sub(vf_load(y + i), mean);
      squares = vf_fma(d, d, squares);
    }
    if (part) {
      vf d = vf_first(vf_sub(vf_load_part(y + whole, part), mean), part, vf_zero());
      squares = vf_fma(d, d, squares);
    }
    vf scale = vf_set1(1.0f / sqrtf(vf_sum(squares) / (float)width + norm->epsilon));
    for (size_t i = 0; i < whole; i += VF_WIDTH) {
      vf value = vf_mul(vf_sub(vf_load(y + i), mean), scale);
      vf_store(y + i, vf_fma(value, vf_load(norm->gain + i), vf_load(norm->bias + i)));
    }
    if (part) {
      vf value = vf_mul(vf_sub(vf_load_part(y + whole, part), mean), scale);
      vf gain = vf_load_part(norm->gain + whole, part), bias = vf_load_part(norm->bias + whole, part);
      vf_store_part(y + whole, part, vf_fma(value, gain, bias));
    }
  }
}

/* ---- attention -------------------------------------------------------------------------------------- */

/* Keys become columns: panels of VF_COLUMNS keys, each head_size rows; keys past the end are zeros. */
static void vf_attention_keys(const loci__attention *attention, float *packed) {
  size_t length = attention->length, head_size = attention->head_size;
  for (size_t key = 0; key < length; key += VF_WIDTH) {
    size_t n = length - key < VF_WIDTH ? length - key : VF_WIDTH;
    float *panel = packed + key / VF_COLUMNS * VF_COLUMNS * head_size + key % VF_COLUMNS;
    const float *k = attention->k + key * attention->stride;
    for (size_t d = 0; d < head_size; d += VF_WIDTH) {
      vf block[VF_WIDTH];
      if (n == VF_WIDTH) {
        VF_UNROLL
        for (size_t i = 0; i < VF_WIDTH; i++) block[i] = vf_load(k + i * attention->stride + d);
      } else {
        for (size_t i = 0; i < VF_WIDTH; i++) block[i] = i < n ? vf_load(k + i * attention->stride + d) : vf_zero();
      }
      vf_transpose(block);
      VF_UNROLL
      for (size_t i = 0; i < VF_WIDTH; i++) vf_store(panel + (d + i) * VF_COLUMNS, block[i]);
    }
  }
}

/* The greatest of n ≥ 1 numbers; NaN may be passed over. */
VF_INLINE float vf_greatest(const float *x, size_t n) {
  vf a = vf_set1(-INFINITY), b = a;
  size_t i = 0;
  for (; i + 2 * VF_WIDTH <= n; i += 2 * VF_WIDTH) {
    a = vf_max(a, vf_load(x + i));
    b = vf_max(b, vf_load(x + i + VF_WIDTH));
  }
  for (; i + VF_WIDTH <= n; i += VF_WIDTH) a = vf_max(a, vf_load(x + i));
  if (i < n) b = vf_max(b, vf_first(vf_load_part(x + i, n - i), n - i, b));
  return vf_max_lanes(vf_max(a, b));
}

/* Values side by side: panels of VF_COLUMNS of the head's columns, each `length` rows. In place they lie a whole row of
 * q, k and v apart, a page for each, and every tile of rows reads them all. */
static void vf_attention_values(const loci__attention *attention, float *packed) {
  for (size_t d = 0; d < attention->head_size; d += VF_COLUMNS) {
    const float *v = attention->v + d;
    for (size_t i = 0; i < attention->length; i++) {
      VF_UNROLL
      for (size_t j = 0; j < VF_COLUMNS; j += VF_WIDTH) vf_store(packed + j, vf_load(v + j));
      v += attention->stride;
      packed += VF_COLUMNS;
    }
  }
}

static void vf_attention_f32(const loci__attention *attention) {
  size_t length = attention->length, head_size = attention->head_size;
  if (length == 0) return;
  size_t columns = (length + VF_COLUMNS - 1) / VF_COLUMNS * VF_COLUMNS;
  size_t score_stride = columns + 16; /* so that rows do not all fall into one set of the cache */
  float *keys = attention->scratch, *values = keys + columns * head_size, *scores = values + columns * head_size;
  vf_attention_keys(attention, keys);
  vf_attention_values(attention, values);
  size_t n_tiles = (length + VF_ROWS - 1) / VF_ROWS;
  for (size_t t = 0; t < n_tiles; t++) {
    size_t row = vf_tile_start(length, n_tiles, t), rows = vf_tile_start(length, n_tiles, t + 1) - row;
    vf_tile_call call = {.x = attention->q + row * attention->stride,
                         .x_stride = attention->stride,
                         .b_stride = VF_COLUMNS,
                         .k = head_size,
                         .ahead = attention->q,
                         .y_stride = score_stride};
    for (size_t key = 0; key < length; key += VF_COLUMNS) {
      call.b = keys + key * head_size;
      call.y = scores + key;
      vf_tiles[rows - 1][length - key <= VF_WIDTH ? 0 : VF_PANEL - 1](&call);
    }
    float inverse[VF_ROWS];
    for (size_t i = 0; i < rows; i++) {
      float *score = scores + i * score_stride;
      inverse[i] = 1.0f / vf_exp_sum_f32(score, length, vf_greatest(score, length), attention->scale, score);
    }
    vf_tile_call mix = {.x = scores,
                        .x_stride = score_stride,
                        .b_stride = VF_COLUMNS,
                        .k = length,
                        .ahead = attention->q,
                        .row_scale = inverse,
                        .y_stride = attention->out_stride};
    for (size_t d = 0; d < head_size; d += VF_COLUMNS) {
      mix.b = values + d * length;
      mix.y = attention->out + row * attention->out_stride + d;
      vf_tiles[rows - 1][VF_PANEL - 1](&mix);
    }
  }
}

#endif
