/* kernel/ref/encoder.c: the encoder's kernels in plain C: the oracle of the vector versions, and the path of machines
 * without AVX2. Same packed weights (panels of 16), same order of summation over k; libm where it is exact.
 */
#include "../tables.h"
#include "ref.h"

#include <math.h>

static float gelu(float x) {
  if (x < -40.0f) return -0.0f; /* −Inf · 0 would be NaN */
  return (float)(0.5 * (double)x * erfc(-(double)x * 0.70710678118654752440));
}

static float gelu_tanh(float x) {
  if (x < -40.0f) return -0.0f;
  double u = 0.79788456080286535588 * ((double)x + 0.044715 * (double)x * (double)x * (double)x);
  return (float)(0.5 * (double)x * (1.0 + tanh(u)));
}

void loci__ref_activate_f32(int activation, const float *x, size_t n, float *y) {
  for (size_t i = 0; i < n; i++) {
    switch (activation) {
      case LOCI__KERNEL_GELU: y[i] = gelu(x[i]); break;
      case LOCI__KERNEL_GELU_TANH: y[i] = gelu_tanh(x[i]); break;
      case LOCI__KERNEL_RELU: y[i] = x[i] < 0 ? 0.0f : x[i]; break;
      default: y[i] = x[i]; break;
    }
  }
}

void loci__ref_gemm_f32(const loci__gemm *gemm) {
  for (size_t column = 0; column < gemm->n; column += LOCI__REF_PANEL) {
    const float *panel = gemm->packed + column * gemm->k;
    for (size_t i = 0; i < gemm->m; i++) {
      const float *x = gemm->x + i * gemm->x_stride;
      float sum[LOCI__REF_PANEL] = {0};
      for (size_t k = 0; k < gemm->k; k++) {
        for (size_t j = 0; j < LOCI__REF_PANEL; j++) sum[j] += x[k] * panel[k * LOCI__REF_PANEL + j];
      }
      float *y = gemm->y + i * gemm->y_stride + column;
      for (size_t j = 0; j < LOCI__REF_PANEL; j++) y[j] = sum[j] + gemm->bias[column + j];
      if (gemm->activation != LOCI__KERNEL_IDENTITY) {
        loci__ref_activate_f32(gemm->activation, y, LOCI__REF_PANEL, y);
      }
    }
  }
}

void loci__ref_layer_norm_f32(const loci__layer_norm *norm) {
  for (size_t i = 0; i < norm->m; i++) {
    const float *x = norm->x + i * norm->x_stride;
    const float *residual = norm->residual ? norm->residual + i * norm->residual_stride : NULL;
    float *y = norm->y + i * norm->y_stride;
    double sum = 0, squares = 0;
    for (size_t j = 0; j < norm->width; j++) {
      float value = residual ? x[j] + residual[j] : x[j];
      y[j] = value;
      sum += (double)value;
    }
    double mean = sum / (double)norm->width;
    for (size_t j = 0; j < norm->width; j++) {
      double d = (double)y[j] - mean;
      squares += d * d;
    }
    double scale = 1.0 / sqrt(squares / (double)norm->width + (double)norm->epsilon);
    for (size_t j = 0; j < norm->width; j++) {
      y[j] = (float)(((double)y[j] - mean) * scale * (double)norm->gain[j] + (double)norm->bias[j]);
    }
  }
}

float loci__ref_exp_sum_f32(const float *x, size_t n, float x_max, float scale, float *out) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    out[i] = (float)exp((double)((x[i] - x_max) * scale));
    sum += (double)out[i];
  }
  return (float)sum;
}

void loci__ref_attention_f32(const loci__attention *attention) {
  size_t length = attention->length, stride = attention->stride;
  float *scores = attention->scratch;
  for (size_t i = 0; i < length; i++) {
    const float *q = attention->q + i * stride;
    float largest = -INFINITY;
    for (size_t j = 0; j < length; j++) {
      const float *k = attention->k + j * stride;
      float sum = 0;
      for (size_t d = 0; d < attention->head_size; d++) sum += q[d] * k[d];
      scores[j] = sum;
      if (sum > largest) largest = sum;
    }
    float total = loci__ref_exp_sum_f32(scores, length, largest, attention->scale, scores);
    float *out = attention->out + i * attention->out_stride;
    for (size_t d = 0; d < attention->head_size; d++) out[d] = 0;
    for (size_t j = 0; j < length; j++) {
      const float *v = attention->v + j * stride;
      for (size_t d = 0; d < attention->head_size; d++) out[d] += scores[j] * v[d];
    }
    for (size_t d = 0; d < attention->head_size; d++) out[d] /= total;
  }
}

const loci__kernels loci__kernels_ref = {
    .name = "ref",
    .dot_f32 = loci__ref_dot_f32,
    .l2sq_f32 = loci__ref_l2sq_f32,
    .dot_rows_f32 = loci__ref_dot_rows_f32,
    .dot_rows_i8 = loci__ref_dot_rows_i8,
    .quantize_i8 = loci__ref_quantize_i8,
    .add_scaled_f32 = loci__ref_add_scaled_f32,
    .add_scaled_i8 = loci__ref_add_scaled_i8,
    .gemm_panel = LOCI__REF_PANEL,
    .gemm_f32 = loci__ref_gemm_f32,
    .layer_norm_f32 = loci__ref_layer_norm_f32,
    .attention_f32 = loci__ref_attention_f32,
    .attention_rows = 1,
    .activate_f32 = loci__ref_activate_f32,
    .exp_sum_f32 = loci__ref_exp_sum_f32,
    .skipgram_f32 = loci__ref_skipgram_f32,
    .cbow_f32 = loci__ref_cbow_f32,
    .add_moves_f32 = loci__ref_add_moves_f32,
    .dot_picked_f32 = loci__ref_dot_picked_f32,
    .add_picked_f32 = loci__ref_add_picked_f32,
    .logistic_f32 = loci__ref_logistic_f32,
    .block_sparse_f64 = loci__ref_block_sparse_f64,
    .block_sparse_f32 = loci__ref_block_sparse_f32,
    .block_inner_f64 = loci__ref_block_inner_f64,
    .block_update_f64 = loci__ref_block_update_f64,
    .glove_f32 = loci__ref_glove_f32,
    .pull_f32 = loci__ref_pull_f32,
    .fft_f32 = loci__ref_fft_f32,
};
