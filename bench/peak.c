/* bench/peak.c: what this machine can do at most: multiply rates by precision, from registers and with weights from the
 * second-level cache, and memory bandwidth. Everything else in bench/ is a share of one of these.
 *
 * usage: peak [--json] [--seconds S] [--cpu N] [--own-time]
 *
 * One thread. A limit is best read from the greatest repetition: neighbours only ever slow it down.
 */
#include "bench.h"
#include "multiply.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef struct region {
  char *at;
  size_t bytes, rounds;
} region;

#if defined(__x86_64__)
#define WIDE __attribute__((target("avx2"))) /* every machine that has a fast kernel */
#else
#define WIDE
#endif

/* Reads every cache line into eight sums of 32 bytes. */
WIDE static double read_all(void *arg) {
  region *r = arg;
  typedef uint64_t half_line __attribute__((vector_size(32)));
  half_line a = {0}, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (size_t round = 0; round < r->rounds; round++) {
    for (size_t i = 0; i + 256 <= r->bytes; i += 256) {
      const half_line *p = (const half_line *)(const void *)(r->at + i);
      a ^= p[0], b ^= p[1], c ^= p[2], d ^= p[3], e ^= p[4], f ^= p[5], g ^= p[6], h ^= p[7];
    }
    __asm__ volatile("" ::: "memory");
  }
  a ^= b ^ c ^ d ^ e ^ f ^ g ^ h;
  volatile uint64_t keep = a[0] ^ a[1] ^ a[2] ^ a[3];
  (void)keep;
  return (double)r->rounds * (double)(r->bytes / 256 * 256);
}

static double write_all(void *arg) {
  region *r = arg;
  for (size_t round = 0; round < r->rounds; round++) {
    memset(r->at, (int)round + 1, r->bytes);
    __asm__ volatile("" ::: "memory");
  }
  return (double)r->rounds * (double)r->bytes;
}

static bench_figure scaled(bench_figure figure, double by) {
  return (bench_figure){figure.median * by, figure.least * by, figure.greatest * by};
}

int main(int argc, char **argv) {
  bool json = bench_flag(argc, argv, "--json");
  if (bench_flag(argc, argv, "--own-time")) bench_own_time();
  double seconds = atof(bench_option(argc, argv, "--seconds", "0.5"));
  const char *cpu = bench_option(argc, argv, "--cpu", NULL);
  if (cpu != NULL && !bench_pin(atoi(cpu))) {
    fprintf(stderr, "peak: cannot stay on processor %s\n", cpu);
    return 1;
  }
  bench_table table;
  char name[96];
  bench_begin(&table, "what this machine can do, 1 thread", json);
  const bench_multiply *multiply;
  double fp32 = NAN;
  for (size_t i = 0; (multiply = bench_multiply_at(i)) != NULL; i++) {
    snprintf(name, sizeof name, "%s %d-bit %s, registers", multiply->precision, multiply->bits, multiply->instruction);
    bench_figure registers = bench_rate(bench_multiply_registers, (void *)(uintptr_t)multiply, 20, seconds);
    if (multiply->precision[0] == 'f') fp32 = registers.median;
    bench_row(&table, name, scaled(registers, 1e-9), multiply->unit, NAN, "", registers.median / fp32, "fp32");
    snprintf(name, sizeof name, "%s %d-bit %s, weights from L2", multiply->precision, multiply->bits,
             multiply->instruction);
    bench_figure l2 = bench_rate(bench_multiply_l2, (void *)(uintptr_t)multiply, 20, seconds);
    bench_row(&table, name, scaled(l2, 1e-9), multiply->unit, l2.median / registers.median, "registers", NAN, "");
  }
  static const struct {
    const char *name;
    size_t bytes;
  } sizes[] = {
      {"L1, 16 KiB", 16 << 10}, {"L2, 512 KiB", 512 << 10}, {"L3, 8 MiB", 8 << 20}, {"memory, 1 GiB", 1 << 30}};
  size_t most = (size_t)1 << 30;
  char *memory = mmap(NULL, most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    fprintf(stderr, "peak: no memory for the bandwidth rows\n");
    return 1;
  }
  madvise(memory, most, MADV_HUGEPAGE);
  memset(memory, 1, most);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    region r = {memory, sizes[i].bytes, most / 8 / sizes[i].bytes + 1};
    snprintf(name, sizeof name, "read %s", sizes[i].name);
    bench_row(&table, name, scaled(bench_rate(read_all, &r, 5, seconds), 1e-9), "GB/s", NAN, "", NAN, "");
  }
  region r = {memory, most, 1};
  bench_row(&table, "write memory, 1 GiB (memset)", scaled(bench_rate(write_all, &r, 5, seconds), 1e-9), "GB/s", NAN,
            "", NAN, "");
  bench_end(&table);
  munmap(memory, most);
  return 0;
}
