/* kernel/avx512/kernels.c: the AVX-512 table (F, BW, DQ, VL, VNNI). The float kernels are simd/'s; here are the integer
 * ones.
 */
#if defined(__AVX512VNNI__)

#include "vector.h"

#include "../simd/block_kernels.h"
#include "../simd/distance_kernels.h"
#include "../simd/encoder_kernels.h"
#include "../simd/glove_kernels.h"
#include "../simd/picked_kernels.h"
#include "../simd/plane_kernels.h"
#include "../simd/word_kernels.h"
#include "../tables.h"

/* VPDPBUSD multiplies unsigned by signed bytes, so codes are shifted by 128 and 128·Σ query taken off at the end; all
 * sums are modulo 2³², hence exact when the result fits. */
static void dot_rows_i8(const int8_t *query, const int8_t *codes, size_t stride, size_t n_rows, size_t dim,
                        int32_t *out) {
  const __m512i shift = _mm512_set1_epi8((char)0x80);
  size_t whole = dim / 64 * 64, part = dim - whole;
  __mmask64 mask = (__mmask64)(((uint64_t)1 << part) - 1);
  __m512i query_tail = _mm512_maskz_loadu_epi8(mask, query + whole);
  __m512i total = _mm512_dpbusd_epi32(_mm512_setzero_si512(), shift, query_tail);
  for (size_t j = 0; j < whole; j += 64) total = _mm512_dpbusd_epi32(total, shift, _mm512_loadu_si512(query + j));
  uint32_t taken_off = (uint32_t)_mm512_reduce_add_epi32(total);

  for (size_t i = 0; i < n_rows; i++) {
    const int8_t *row = codes + i * stride;
    __m512i a = _mm512_setzero_si512(), b = a;
    size_t j = 0;
    for (; j + 128 <= whole; j += 128) {
      __m512i x = _mm512_xor_si512(_mm512_loadu_si512(row + j), shift);
      __m512i y = _mm512_xor_si512(_mm512_loadu_si512(row + j + 64), shift);
      a = _mm512_dpbusd_epi32(a, x, _mm512_loadu_si512(query + j));
      b = _mm512_dpbusd_epi32(b, y, _mm512_loadu_si512(query + j + 64));
    }
    if (j < whole) {
      __m512i x = _mm512_xor_si512(_mm512_loadu_si512(row + j), shift);
      a = _mm512_dpbusd_epi32(a, x, _mm512_loadu_si512(query + j));
    }
    if (part) {
      __m512i x = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, row + whole), shift);
      b = _mm512_dpbusd_epi32(b, x, query_tail);
    }
    out[i] = (int32_t)((uint32_t)_mm512_reduce_add_epi32(_mm512_add_epi32(a, b)) - taken_off);
  }
}

static __m128i quantize_16(__m512 x, __m512 scale) {
  __m512 code = _mm512_div_ps(x, scale);
  __mmask16 number = _mm512_cmp_ps_mask(code, code, _CMP_ORD_Q);
  code = _mm512_max_ps(_mm512_min_ps(code, _mm512_set1_ps(127.0f)), _mm512_set1_ps(-127.0f));
  return _mm512_cvtepi32_epi8(_mm512_maskz_cvtps_epi32(number, code)); /* rounds half to even */
}

static float quantize_i8(const float *x, size_t n, int8_t *codes) {
  float scale = vf_largest_size(x, n) / 127.0f;
  if (!(scale > 0)) {
    memset(codes, 0, n);
    return scale;
  }
  __m512 divisor = _mm512_set1_ps(scale);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) _mm_storeu_si128((__m128i *)(codes + i), quantize_16(vf_load(x + i), divisor));
  if (i < n) _mm_mask_storeu_epi8(codes + i, vf_mask(n - i), quantize_16(vf_load_part(x + i, n - i), divisor));
  return scale;
}

static void add_scaled_i8(float weight, const int8_t *row, size_t n, float *acc) {
  vf factor = vf_set1(weight);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    vf x = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(row + i))));
    vf_store(acc + i, vf_fma(factor, x, vf_load(acc + i)));
  }
  if (i < n) {
    vf x = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(vf_mask(n - i), row + i)));
    vf_store_part(acc + i, n - i, vf_fma(factor, x, vf_load_part(acc + i, n - i)));
  }
}

const loci__kernels loci__kernels_avx512 = {
    .name = "avx512",
    .dot_f32 = vf_dot_f32,
    .l2sq_f32 = vf_l2sq_f32,
    .dot_rows_f32 = vf_dot_rows_f32,
    .dot_rows_i8 = dot_rows_i8,
    .quantize_i8 = quantize_i8,
    .add_scaled_f32 = vf_add_scaled_f32,
    .add_scaled_i8 = add_scaled_i8,
    .gemm_panel = VF_COLUMNS,
    .gemm_f32 = vf_gemm_f32,
    .layer_norm_f32 = vf_layer_norm_f32,
    .attention_f32 = vf_attention_f32,
    .attention_rows = VF_ROWS,
    .activate_f32 = vf_activate_f32,
    .exp_sum_f32 = vf_exp_sum_f32,
    .skipgram_f32 = vf_skipgram_f32,
    .cbow_f32 = vf_cbow_f32,
    .add_moves_f32 = vf_add_moves_f32,
    .dot_picked_f32 = vf_dot_picked_f32,
    .add_picked_f32 = vf_add_picked_f32,
    .logistic_f32 = vf_logistic_f32,
    .block_sparse_f64 = vd_block_sparse_f64,
    .block_sparse_f32 = vf_block_sparse_f32,
    .block_inner_f64 = vd_block_inner_f64,
    .block_update_f64 = vd_block_update_f64,
    .glove_f32 = vf_glove_f32,
    .pull_f32 = vf_pull_f32,
    .fft_f32 = vf_fft_f32,
};

#endif
