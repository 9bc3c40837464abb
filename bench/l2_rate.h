/* bench/l2_rate.h: the fp32 multiply rate of a micro-kernel whose weights come from the second-level cache: the mark
 * that encoder figures are shares of. */
#ifndef LOCI_BENCH_L2_RATE_H
#define LOCI_BENCH_L2_RATE_H

/* For bench_rate; arg: the vector width in bits, (void *)256 or (void *)512. Returns floating-point operations. */
double l2_fed_rate(void *arg);

#endif
