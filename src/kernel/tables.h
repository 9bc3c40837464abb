/* kernel/tables.h: the tables that this build has, for kernel.c. One constant per instruction set. */
#ifndef LOCI_KERNEL_TABLES_H
#define LOCI_KERNEL_TABLES_H

#include "kernel.h"

extern const loci__kernels loci__kernels_ref;
#if defined(__x86_64__)
extern const loci__kernels loci__kernels_avx2;
extern const loci__kernels loci__kernels_avx512;
#endif

#endif
