/* kernel/avx512/vector.h: sixteen floats, as simd/ writes its kernels. Names: vf_… */
#ifndef LOCI_KERNEL_AVX512_VECTOR_H
#define LOCI_KERNEL_AVX512_VECTOR_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "../simd/unroll.h"

#define VF_ROWS_COUNT      14
#define VF_WORD_ROWS_COUNT 4

enum {
  VF_WIDTH = 16,
  VF_PANEL = 2,            /* vectors of a panel's row */
  VF_ROWS = VF_ROWS_COUNT, /* 14 × 2 accumulators, 2 of weights, 1 broadcast: 31 of 32 registers */
  /* Word steps: 4 × 6 accumulators, 4 inputs, 1 output: 29; 6 outputs × 2 vectors, their changes, 2 inputs before and
   * after, 1 gradient: 29. */
  VF_WORD_ROWS = VF_WORD_ROWS_COUNT,
  VF_WORD_VECTORS = 2
};

typedef __m512 vf;

static inline __mmask16 vf_mask(size_t n) {
  return (__mmask16)((1u << n) - 1u);
}
static inline vf vf_zero(void) {
  return _mm512_setzero_ps();
}
static inline vf vf_set1(float x) {
  return _mm512_set1_ps(x);
}
static inline vf vf_load(const float *p) {
  return _mm512_loadu_ps(p);
}
static inline void vf_store(float *p, vf x) {
  _mm512_storeu_ps(p, x);
}
/* The first n < VF_WIDTH floats; zeros behind them. */
static inline vf vf_load_part(const float *p, size_t n) {
  return _mm512_maskz_loadu_ps(vf_mask(n), p);
}
static inline void vf_store_part(float *p, size_t n, vf x) {
  _mm512_mask_storeu_ps(p, vf_mask(n), x);
}
/* x, but `other` from lane n on. */
static inline vf vf_first(vf x, size_t n, vf other) {
  return _mm512_mask_blend_ps(vf_mask(n), other, x);
}
static inline vf vf_add(vf a, vf b) {
  return _mm512_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b) {
  return _mm512_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b) {
  return _mm512_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b) {
  return _mm512_div_ps(a, b);
}
static inline vf vf_fma(vf a, vf b, vf c) {
  return _mm512_fmadd_ps(a, b, c);
} /* a·b + c */
static inline vf vf_fnma(vf a, vf b, vf c) {
  return _mm512_fnmadd_ps(a, b, c);
} /* c − a·b */
/* 1/√a within 2^−14 */
static inline vf vf_rsqrt(vf a) {
  return _mm512_rsqrt14_ps(a);
}
/* 1/a within 2^−23 of it, a normal */
static inline vf vf_reciprocal(vf a) {
  vf y = _mm512_rcp14_ps(a);
  return _mm512_fmadd_ps(y, _mm512_fnmadd_ps(a, y, _mm512_set1_ps(1.0f)), y);
}
/* Lane l: the pair of floats number index[l]. */
static inline void vf_load_pairs(const float *pairs, const uint32_t *index, vf *x, vf *y) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  __m512 a = _mm512_castpd_ps(_mm512_i32gather_pd(_mm256_loadu_si256((const __m256i *)index), pairs, 8));
  __m512 b = _mm512_castpd_ps(_mm512_i32gather_pd(_mm256_loadu_si256((const __m256i *)(index + 8)), pairs, 8));
  *x = _mm512_permutex2var_ps(a, even, b);
  *y = _mm512_permutex2var_ps(a, odd, b);
}
/* b when either is NaN */
static inline vf vf_max(vf a, vf b) {
  return _mm512_max_ps(a, b);
}
static inline vf vf_min(vf a, vf b) {
  return _mm512_min_ps(a, b);
}
static inline vf vf_abs(vf a) {
  return _mm512_abs_ps(a);
}
/* x − floor(x), 0 for infinities */
static inline vf vf_fraction(vf x) {
  return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
/* p · 2^floor(x) for x < 128, 0 for x < −126 */
static inline vf vf_scale(vf p, vf x) {
  return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x, _mm512_set1_ps(-126.0f), _CMP_NLT_UQ), p, x);
}

static inline float vf_sum(vf x) {
  __m256 a = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  b = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}
static inline float vf_max_lanes(vf x) {
  __m256 a = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  b = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

/* Rows become columns: x[i] lane j ↔ x[j] lane i. Pairs, quads, then 128-bit blocks. */
static inline __attribute__((always_inline)) void vf_transpose(vf x[16]) {
  __m512 t[16];
  VF_UNROLL
  for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_ps(x[2 * i], x[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_ps(x[2 * i], x[2 * i + 1]);
  }
  VF_UNROLL
  for (int i = 0; i < 4; i++) {
    __m512d a = _mm512_castps_pd(t[4 * i]), b = _mm512_castps_pd(t[4 * i + 1]);
    __m512d c = _mm512_castps_pd(t[4 * i + 2]), d = _mm512_castps_pd(t[4 * i + 3]);
    x[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    x[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    x[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    x[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
  VF_UNROLL
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_f32x4(x[i], x[4 + i], 0x88);
    t[4 + i] = _mm512_shuffle_f32x4(x[i], x[4 + i], 0xdd);
    t[8 + i] = _mm512_shuffle_f32x4(x[8 + i], x[12 + i], 0x88);
    t[12 + i] = _mm512_shuffle_f32x4(x[8 + i], x[12 + i], 0xdd);
  }
  VF_UNROLL
  for (int i = 0; i < 4; i++) {
    x[i] = _mm512_shuffle_f32x4(t[i], t[8 + i], 0x88);
    x[8 + i] = _mm512_shuffle_f32x4(t[i], t[8 + i], 0xdd);
    x[4 + i] = _mm512_shuffle_f32x4(t[4 + i], t[12 + i], 0x88);
    x[12 + i] = _mm512_shuffle_f32x4(t[4 + i], t[12 + i], 0xdd);
  }
}

/* out[i] = sum of the lanes of x[i], i < n ≤ 16; all 16 floats of out are written. Pairs, quads, then 128-bit blocks:
 * half of the additions are of other rows' lanes, so that 16 sums cost 45 operations. x is used up. */
static inline __attribute__((always_inline)) void vf_sums(const size_t n, vf *x, float *out) {
  const size_t n2 = (n + 1) / 2, n4 = (n2 + 1) / 2, n8 = (n4 + 1) / 2;
  VF_UNROLL
  for (size_t i = 0; i < n2; i++) {
    vf a = x[2 * i], b = x[2 * i + 1 < n ? 2 * i + 1 : 2 * i];
    x[i] = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  }
  VF_UNROLL
  for (size_t i = 0; i < n4; i++) {
    __m512d a = _mm512_castps_pd(x[2 * i]), b = _mm512_castps_pd(x[2 * i + 1 < n2 ? 2 * i + 1 : 2 * i]);
    x[i] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
  }
  VF_UNROLL
  for (size_t i = 0; i < n8; i++) {
    vf a = x[2 * i], b = x[2 * i + 1 < n4 ? 2 * i + 1 : 2 * i];
    x[i] = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  }
  vf a = x[0], b = x[n8 > 1 ? 1 : 0];
  _mm512_storeu_ps(out, _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd)));
}

/* ---- eight doubles: vd_… ---- */

enum {
  VD_WIDTH = 8,
  VD_VECS = 4, /* vectors of a tile's row; tiles of 4 rows: 16 accumulators */
  VD_SETS = 2  /* of accumulators of a sparse row: latency 4, two FMA a cycle, 4 vectors a row */
};

typedef __m512d vd;

static inline vd vd_zero(void) {
  return _mm512_setzero_pd();
}
static inline vd vd_set1(double x) {
  return _mm512_set1_pd(x);
}
static inline vd vd_load(const double *p) {
  return _mm512_loadu_pd(p);
}
static inline void vd_store(double *p, vd x) {
  _mm512_storeu_pd(p, x);
}
static inline vd vd_add(vd a, vd b) {
  return _mm512_add_pd(a, b);
}
static inline vd vd_fma(vd a, vd b, vd c) {
  return _mm512_fmadd_pd(a, b, c);
} /* a·b + c */
static inline vd vd_fnma(vd a, vd b, vd c) {
  return _mm512_fnmadd_pd(a, b, c);
} /* c − a·b */

#endif
