/* bench/multiply.c: multiply rates from registers and from a cache.
 *
 * A kernel adds ROWS × VECTORS products a step into accumulators that stay in registers: one row of weights is loaded,
 * and one number of each of ROWS inputs is broadcast to it, as the inner loop of any matrix product does. `registers`
 * leaves the loads away. Nothing else happens: no packing, no edges, no result that anybody reads.
 *
 * Multiply-adds are inline assembly: gcc 12 copies and spills the accumulators of some intrinsics (VPDPBUSD, VDPBF16PS),
 * which halves the rate. Target attributes, so that this file needs no flags of its own.
 */
#include "multiply.h"

#if defined(__x86_64__)

#include "kernel/cpu.h"

#include <immintrin.h>
#include <stdint.h>

enum { MOST_BYTES = 1 << 20, ROWS = 6, LOOPS = 4096 };

static _Alignas(64) char weights[MOST_BYTES];
static _Alignas(64) int32_t inputs[64 * ROWS]; /* zeros: the same rate, and no number can overflow */
static volatile int sink;

/* Through a copy: an accumulator whose address is taken would live in memory. */
#define KEEP(VECTOR, value)            \
  do {                                 \
    VECTOR kept = value;               \
    sink = ((volatile int *)&kept)[0]; \
  } while (0)

/* VECTOR: type; WIDTH: bytes; VECTORS: of a row of weights; OPERATIONS: of one multiply-add instruction. */
#define KERNEL(name, isa, VECTOR, WIDTH, VECTORS, OPERATIONS, SET1, ASM)                                         \
  __attribute__((target(isa))) static double name##_registers(void) {                                            \
    VECTOR c[12] = {{0}}, x = SET1(0), w = SET1(0);                                                              \
    __asm__("" : "+v"(x), "+v"(w));                                                                              \
    for (size_t k = 0; k < LOOPS; k++) {                                                                         \
      _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) __asm__ volatile(ASM : "+v"(c[i]) : "v"(x), "v"(w)); \
    }                                                                                                            \
    _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) KEEP(VECTOR, c[i]);                                    \
    return (double)LOOPS * 12 * OPERATIONS;                                                                      \
  }                                                                                                              \
  __attribute__((target(isa))) static double name##_stream(size_t bytes) {                                       \
    VECTOR c[ROWS][VECTORS] = {{{0}}};                                                                           \
    size_t steps = bytes / (VECTORS * WIDTH);                                                                    \
    for (size_t k = 0; k < steps; k++) {                                                                         \
      const VECTOR *row = (const VECTOR *)(const void *)(weights + k * VECTORS * WIDTH);                         \
      const int32_t *a = inputs + (k & 63) * ROWS;                                                               \
      VECTOR w[VECTORS];                                                                                         \
      _Pragma("GCC unroll 4") for (int j = 0; j < VECTORS; j++) w[j] = row[j];                                   \
      _Pragma("GCC unroll 6") for (int i = 0; i < ROWS; i++) {                                                   \
        VECTOR x = SET1(a[i]);                                                                                   \
        _Pragma("GCC unroll 4") for (int j = 0; j < VECTORS;                                                     \
                                     j++) __asm__ volatile(ASM : "+v"(c[i][j]) : "v"(x), "v"(w[j]));             \
      }                                                                                                          \
    }                                                                                                            \
    _Pragma("GCC unroll 6") for (int i = 0; i < ROWS; i++) {                                                     \
      _Pragma("GCC unroll 4") for (int j = 0; j < VECTORS; j++) KEEP(VECTOR, c[i][j]);                           \
    }                                                                                                            \
    return (double)steps * ROWS * VECTORS * OPERATIONS;                                                          \
  }

KERNEL(fp32_256, "avx2,fma", __m256i, 32, 2, 16, _mm256_set1_epi32, "vfmadd231ps %2, %1, %0")
KERNEL(fp32_512, "avx512f", __m512i, 64, 4, 32, _mm512_set1_epi32, "vfmadd231ps %2, %1, %0")
KERNEL(bf16_512, "avx512f", __m512i, 64, 4, 64, _mm512_set1_epi32, "vdpbf16ps %2, %1, %0")
KERNEL(int8_512, "avx512f", __m512i, 64, 4, 128, _mm512_set1_epi32, "vpdpbusd %2, %1, %0")

static const struct {
  bench_multiply kernel;
  size_t needs; /* offset of a flag in loci__cpu */
} kernels[] = {
    {{"fp32", 256, "VFMADD231PS", "GFLOP/s", fp32_256_registers, fp32_256_stream}, offsetof(loci__cpu, avx2)},
    {{"fp32", 512, "VFMADD231PS", "GFLOP/s", fp32_512_registers, fp32_512_stream}, offsetof(loci__cpu, avx512)},
    {{"bf16", 512, "VDPBF16PS", "GFLOP/s", bf16_512_registers, bf16_512_stream}, offsetof(loci__cpu, avx512_bf16)},
    {{"int8", 512, "VPDPBUSD", "GOP/s", int8_512_registers, int8_512_stream}, offsetof(loci__cpu, avx512)},
};

const bench_multiply *bench_multiply_at(size_t i) {
  loci__cpu cpu;
  loci__cpu_detect(&cpu);
  for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
    if (*(const bool *)((const char *)&cpu + kernels[k].needs) && i-- == 0) return &kernels[k].kernel;
  }
  return NULL;
}

#else

const bench_multiply *bench_multiply_at(size_t i) {
  (void)i;
  return NULL; /* not implemented for this processor */
}

#endif

const bench_multiply *bench_multiply_fp32(int bits) {
  const bench_multiply *found = NULL, *next;
  for (size_t i = 0; (next = bench_multiply_at(i)) != NULL; i++) {
    if (next->precision[0] == 'f' && next->bits <= bits) found = next;
  }
  return found;
}

double bench_multiply_l2(void *arg) {
  const bench_multiply *multiply = arg;
  double operations = 0;
  for (int i = 0; i < 16; i++) operations += multiply->stream(512 << 10);
  return operations;
}

double bench_multiply_registers(void *arg) {
  const bench_multiply *multiply = arg;
  double operations = 0;
  for (int i = 0; i < 64; i++) operations += multiply->registers();
  return operations;
}
