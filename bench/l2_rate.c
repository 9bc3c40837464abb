/* bench/l2_rate.c: C[6 × 64] += A[6 × k]·B[k × 64] in AVX-512, C[6 × 16] in AVX2, with 512 KiB of B (inside every L2,
 * outside every L1) read once a call and A broadcast from L1. Nothing else happens: no packing, no tail, no result
 * that anybody reads. Target attributes, so that this file needs no flags of its own.
 */
#include "l2_rate.h"

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>

enum { BYTES = 512 << 10, ROWS = 6 };

static _Alignas(64) float weights[BYTES / sizeof(float)];
static _Alignas(64) float inputs[64 * ROWS];
static volatile float sink;

__attribute__((target("avx512f"))) static double rate_512(void) {
  __m512 c[ROWS][4];
  for (int i = 0; i < ROWS; i++) {
    for (int j = 0; j < 4; j++) c[i][j] = _mm512_setzero_ps();
  }
  size_t steps = BYTES / 256;
  for (size_t k = 0; k < steps; k++) {
    const float *b = weights + k * 64, *a = inputs + (k & 63) * ROWS;
    __m512 b0 = _mm512_load_ps(b), b1 = _mm512_load_ps(b + 16), b2 = _mm512_load_ps(b + 32),
           b3 = _mm512_load_ps(b + 48);
#pragma GCC unroll 6
    for (int i = 0; i < ROWS; i++) {
      __m512 x = _mm512_set1_ps(a[i]);
      c[i][0] = _mm512_fmadd_ps(x, b0, c[i][0]);
      c[i][1] = _mm512_fmadd_ps(x, b1, c[i][1]);
      c[i][2] = _mm512_fmadd_ps(x, b2, c[i][2]);
      c[i][3] = _mm512_fmadd_ps(x, b3, c[i][3]);
    }
  }
  __m512 sum = _mm512_setzero_ps();
  for (int i = 0; i < ROWS; i++) {
    for (int j = 0; j < 4; j++) sum = _mm512_add_ps(sum, c[i][j]);
  }
  sink = _mm512_reduce_add_ps(sum);
  return (double)steps * ROWS * 64 * 2;
}

__attribute__((target("avx2,fma"))) static double rate_256(void) {
  __m256 c[ROWS][2];
  for (int i = 0; i < ROWS; i++) c[i][0] = c[i][1] = _mm256_setzero_ps();
  size_t steps = BYTES / 64;
  for (size_t k = 0; k < steps; k++) {
    const float *b = weights + k * 16, *a = inputs + (k & 63) * ROWS;
    __m256 b0 = _mm256_load_ps(b), b1 = _mm256_load_ps(b + 8);
#pragma GCC unroll 6
    for (int i = 0; i < ROWS; i++) {
      __m256 x = _mm256_set1_ps(a[i]);
      c[i][0] = _mm256_fmadd_ps(x, b0, c[i][0]);
      c[i][1] = _mm256_fmadd_ps(x, b1, c[i][1]);
    }
  }
  __m256 sum = _mm256_setzero_ps();
  for (int i = 0; i < ROWS; i++) sum = _mm256_add_ps(sum, _mm256_add_ps(c[i][0], c[i][1]));
  float out[8];
  _mm256_storeu_ps(out, sum);
  sink = out[0];
  return (double)steps * ROWS * 16 * 2;
}

double l2_fed_rate(void *arg) {
  double operations = 0;
  for (int i = 0; i < 8; i++) operations += (uintptr_t)arg == 512 ? rate_512() : rate_256();
  return operations;
}

#else

double l2_fed_rate(void *arg) {
  (void)arg;
  return 0; /* not implemented for this processor */
}

#endif
