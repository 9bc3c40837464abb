/* kernel/cpu.h: what the processor can do, and what the operating system lets it. */
#ifndef LOCI_KERNEL_CPU_H
#define LOCI_KERNEL_CPU_H

#include <stdbool.h>

typedef struct loci__cpu {
  bool avx2;        /* AVX2, FMA, F16C, BMI1/2, with the operating system saving ymm registers */
  bool avx512;      /* F, BW, DQ, VL and VNNI, with zmm and mask registers saved */
  bool avx512_bf16; /* reported only: no path uses it yet */
  bool amx;         /* tiles saved, bf16 and int8; reported only */
  char vendor[13];
} loci__cpu;

/* Asks the processor (CPUID, XGETBV) each time: some hundred nanoseconds, thousands under a hypervisor. */
void loci__cpu_detect(loci__cpu *cpu);

#endif
