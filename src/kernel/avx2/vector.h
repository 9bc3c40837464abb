/* kernel/avx2/vector.h: eight floats, as simd/ writes its kernels. Names: vf_… */
#ifndef LOCI_KERNEL_AVX2_VECTOR_H
#define LOCI_KERNEL_AVX2_VECTOR_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "../simd/unroll.h"

#define VF_ROWS_COUNT      6
#define VF_WORD_ROWS_COUNT 2

enum {
  VF_WIDTH = 8,
  VF_PANEL = 2,            /* vectors of a panel's row */
  VF_ROWS = VF_ROWS_COUNT, /* 6 × 2 accumulators, 2 of weights, 1 broadcast: 15 of 16 registers */
  /* Word steps: 2 × 6 accumulators, 2 inputs, 1 output: 15; 6 outputs, their changes, an input before and after, 1
   * gradient: 15. */
  VF_WORD_ROWS = VF_WORD_ROWS_COUNT,
  VF_WORD_VECTORS = 1
};

typedef __m256 vf;

static inline __m256i vf_mask(size_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vf vf_zero(void) {
  return _mm256_setzero_ps();
}
static inline vf vf_set1(float x) {
  return _mm256_set1_ps(x);
}
static inline vf vf_load(const float *p) {
  return _mm256_loadu_ps(p);
}
static inline void vf_store(float *p, vf x) {
  _mm256_storeu_ps(p, x);
}
/* The first n < VF_WIDTH floats; zeros behind them. */
static inline vf vf_load_part(const float *p, size_t n) {
  return _mm256_maskload_ps(p, vf_mask(n));
}
static inline void vf_store_part(float *p, size_t n, vf x) {
  _mm256_maskstore_ps(p, vf_mask(n), x);
}
/* x, but `other` from lane n on. */
static inline vf vf_first(vf x, size_t n, vf other) {
  return _mm256_blendv_ps(other, x, _mm256_castsi256_ps(vf_mask(n)));
}
static inline vf vf_add(vf a, vf b) {
  return _mm256_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b) {
  return _mm256_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b) {
  return _mm256_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b) {
  return _mm256_div_ps(a, b);
}
static inline vf vf_fma(vf a, vf b, vf c) {
  return _mm256_fmadd_ps(a, b, c);
} /* a·b + c */
static inline vf vf_fnma(vf a, vf b, vf c) {
  return _mm256_fnmadd_ps(a, b, c);
} /* c − a·b */
/* 1/√a within 1e-6, for a that is neither tiny nor huge: the estimate of 12 bits and one step of Newton's */
static inline vf vf_rsqrt(vf a) {
  vf y = _mm256_rsqrt_ps(a);
  return _mm256_mul_ps(_mm256_mul_ps(_mm256_set1_ps(0.5f), y),
                       _mm256_fnmadd_ps(_mm256_mul_ps(a, y), y, _mm256_set1_ps(3.0f)));
}
/* 1/a within 2^−22 of it, a normal */
static inline vf vf_reciprocal(vf a) {
  vf y = _mm256_rcp_ps(a);
  return _mm256_fmadd_ps(y, _mm256_fnmadd_ps(a, y, _mm256_set1_ps(1.0f)), y);
}
/* Lane l: the pair of floats number index[l]. */
static inline void vf_load_pairs(const float *pairs, const uint32_t *index, vf *x, vf *y) {
  const double *from = (const double *)(const void *)pairs;
  __m256 a = _mm256_castpd_ps(_mm256_i32gather_pd(from, _mm_loadu_si128((const __m128i *)index), 8));
  __m256 b = _mm256_castpd_ps(_mm256_i32gather_pd(from, _mm_loadu_si128((const __m128i *)(index + 4)), 8));
  *x = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88)), 0xd8));
  *y = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd)), 0xd8));
}
/* b when either is NaN */
static inline vf vf_max(vf a, vf b) {
  return _mm256_max_ps(a, b);
}
static inline vf vf_min(vf a, vf b) {
  return _mm256_min_ps(a, b);
}
static inline vf vf_abs(vf a) {
  return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
static inline vf vf_floor(vf x) {
  return _mm256_round_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
/* x − floor(x) */
static inline vf vf_fraction(vf x) {
  return _mm256_sub_ps(x, vf_floor(x));
}
/* p · 2^floor(x) for x < 128, 0 for x < −126 */
static inline vf vf_scale(vf p, vf x) {
  __m256i bits = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(vf_floor(x)), _mm256_set1_epi32(127)), 23);
  vf in_range = _mm256_cmp_ps(x, _mm256_set1_ps(-126.0f), _CMP_NLT_UQ);
  return _mm256_and_ps(in_range, _mm256_mul_ps(p, _mm256_castsi256_ps(bits)));
}

static inline float vf_sum(vf x) {
  __m128 b = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  b = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}
static inline float vf_max_lanes(vf x) {
  __m128 b = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  b = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

/* Rows become columns: x[i] lane j ↔ x[j] lane i. */
static inline __attribute__((always_inline)) void vf_transpose(vf x[8]) {
  __m256 t[8];
  VF_UNROLL
  for (int i = 0; i < 4; i++) {
    t[2 * i] = _mm256_unpacklo_ps(x[2 * i], x[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_ps(x[2 * i], x[2 * i + 1]);
  }
  VF_UNROLL
  for (int i = 0; i < 2; i++) {
    x[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    x[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    x[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    x[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
  VF_UNROLL
  for (int i = 0; i < 4; i++) {
    t[i] = _mm256_permute2f128_ps(x[i], x[4 + i], 0x20);
    t[4 + i] = _mm256_permute2f128_ps(x[i], x[4 + i], 0x31);
  }
  VF_UNROLL
  for (int i = 0; i < 8; i++) x[i] = t[i];
}

/* out[i] = sum of the lanes of x[i], i < n ≤ 8; all 8 floats of out are written. Pairs, quads, then the halves. x is used
 * up. */
static inline __attribute__((always_inline)) void vf_sums(const size_t n, vf *x, float *out) {
  const size_t n2 = (n + 1) / 2, n4 = (n2 + 1) / 2;
  VF_UNROLL
  for (size_t i = 0; i < n2; i++) {
    vf a = x[2 * i], b = x[2 * i + 1 < n ? 2 * i + 1 : 2 * i];
    x[i] = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
  }
  VF_UNROLL
  for (size_t i = 0; i < n4; i++) {
    __m256d a = _mm256_castps_pd(x[2 * i]), b = _mm256_castps_pd(x[2 * i + 1 < n2 ? 2 * i + 1 : 2 * i]);
    x[i] = _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(a, b)), _mm256_castpd_ps(_mm256_unpackhi_pd(a, b)));
  }
  vf a = x[0], b = x[n4 > 1 ? 1 : 0];
  _mm256_storeu_ps(out, _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31)));
}

/* ---- four doubles: vd_… ---- */

enum {
  VD_WIDTH = 4,
  VD_VECS = 2, /* vectors of a tile's row; tiles of 4 rows: 8 accumulators */
  VD_SETS = 1  /* of accumulators of a sparse row: 8 vectors a row hide the latency */
};

typedef __m256d vd;

static inline vd vd_zero(void) {
  return _mm256_setzero_pd();
}
static inline vd vd_set1(double x) {
  return _mm256_set1_pd(x);
}
static inline vd vd_load(const double *p) {
  return _mm256_loadu_pd(p);
}
static inline void vd_store(double *p, vd x) {
  _mm256_storeu_pd(p, x);
}
static inline vd vd_add(vd a, vd b) {
  return _mm256_add_pd(a, b);
}
static inline vd vd_fma(vd a, vd b, vd c) {
  return _mm256_fmadd_pd(a, b, c);
} /* a·b + c */
static inline vd vd_fnma(vd a, vd b, vd c) {
  return _mm256_fnmadd_pd(a, b, c);
} /* c − a·b */

#endif
