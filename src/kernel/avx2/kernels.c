/* kernel/avx2/kernels.c: the AVX2 table (AVX2 and FMA). The float kernels are simd/'s; here are the integer ones.
 */
#if defined(__AVX2__) && defined(__FMA__)

#include "vector.h"

#include "../simd/block_kernels.h"
#include "../simd/distance_kernels.h"
#include "../simd/encoder_kernels.h"
#include "../simd/glove_kernels.h"
#include "../simd/picked_kernels.h"
#include "../simd/plane_kernels.h"
#include "../simd/word_kernels.h"
#include "../tables.h"

static uint32_t sum_epi32(__m256i x) {
  __m128i b = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  b = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4e));
  b = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0xb1));
  return (uint32_t)_mm_cvtsi128_si32(b);
}

/* Widened to 16 bits, where VPMADDWD is exact (VPMADDUBSW would saturate: 2·255·127 > 32,767). */
static __m256i multiply_16(const int8_t *a, const int8_t *b) {
  return _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)a)),
                           _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)b)));
}

static void dot_rows_i8(const int8_t *query, const int8_t *codes, size_t stride, size_t n_rows, size_t dim,
                        int32_t *out) {
  size_t whole = dim / 16 * 16, part = dim - whole;
  int8_t query_tail[16] = {0}, row_tail[16] = {0};
  if (part) memcpy(query_tail, query + whole, part);
  for (size_t i = 0; i < n_rows; i++) {
    const int8_t *row = codes + i * stride;
    __m256i a = _mm256_setzero_si256(), b = a;
    size_t j = 0;
    for (; j + 32 <= whole; j += 32) {
      a = _mm256_add_epi32(a, multiply_16(query + j, row + j));
      b = _mm256_add_epi32(b, multiply_16(query + j + 16, row + j + 16));
    }
    if (j < whole) a = _mm256_add_epi32(a, multiply_16(query + j, row + j));
    if (part) {
      memcpy(row_tail, row + whole, part);
      b = _mm256_add_epi32(b, multiply_16(query_tail, row_tail));
    }
    out[i] = (int32_t)sum_epi32(_mm256_add_epi32(a, b));
  }
}

static __m128i quantize_8(__m256 x, __m256 scale) {
  __m256 code = _mm256_div_ps(x, scale);
  code = _mm256_and_ps(code, _mm256_cmp_ps(code, code, _CMP_ORD_Q)); /* NaN becomes 0 */
  code = _mm256_max_ps(_mm256_min_ps(code, _mm256_set1_ps(127.0f)), _mm256_set1_ps(-127.0f));
  __m256i wide = _mm256_cvtps_epi32(code); /* rounds half to even */
  __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  return _mm_packs_epi16(half, half);
}

static float quantize_i8(const float *x, size_t n, int8_t *codes) {
  float scale = vf_largest_size(x, n) / 127.0f;
  if (!(scale > 0)) {
    memset(codes, 0, n);
    return scale;
  }
  __m256 divisor = _mm256_set1_ps(scale);
  size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm_storel_epi64((__m128i *)(codes + i), quantize_8(vf_load(x + i), divisor));
  if (i < n) {
    int8_t tail[16];
    _mm_storeu_si128((__m128i *)tail, quantize_8(vf_load_part(x + i, n - i), divisor));
    memcpy(codes + i, tail, n - i);
  }
  return scale;
}

static void add_scaled_i8(float weight, const int8_t *row, size_t n, float *acc) {
  vf factor = vf_set1(weight);
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    vf x = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(row + i))));
    vf_store(acc + i, vf_fma(factor, x, vf_load(acc + i)));
  }
  if (i < n) {
    int8_t tail[8] = {0};
    memcpy(tail, row + i, n - i);
    vf x = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)tail)));
    vf_store_part(acc + i, n - i, vf_fma(factor, x, vf_load_part(acc + i, n - i)));
  }
}

const loci__kernels loci__kernels_avx2 = {
    .name = "avx2",
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
