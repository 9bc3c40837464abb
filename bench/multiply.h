/* bench/multiply.h: how fast this machine multiplies: micro-kernels that do nothing else. bench/peak prints them all; other
 * programs take one as the mark that their figures are shares of.
 */
#ifndef LOCI_BENCH_MULTIPLY_H
#define LOCI_BENCH_MULTIPLY_H

#include <stdbool.h>
#include <stddef.h>

typedef struct bench_multiply {
  const char *precision; /* "fp32", "bf16", "int8" */
  int bits;              /* of a vector */
  const char *instruction;
  const char *unit;               /* "GFLOP/s", "GOP/s" */
  double (*registers)(void);      /* some 10⁶ operations without memory; returns their number */
  double (*stream)(size_t bytes); /* the same with weights read once from `bytes` of memory (a power of two ≤ 1 MiB) */
} bench_multiply;

/* Kernel i that this processor can run; NULL past the end. */
const bench_multiply *bench_multiply_at(size_t i);

/* The widest fp32 kernel of at most `bits`, or NULL. */
const bench_multiply *bench_multiply_fp32(int bits);

/* For bench_rate: arg is a bench_multiply; 512 KiB of weights, inside every L2 and outside every L1. */
double bench_multiply_l2(void *arg);
double bench_multiply_registers(void *arg);

#endif
