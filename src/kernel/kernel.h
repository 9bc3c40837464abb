/* kernel/: numbers in bulk. One table of functions per context, chosen once from what the processor can do.
 *
 * Every function has a plain C version in ref/ (the oracle, kept for ever) and versions per instruction set in
 * folders of their own, compiled with their own flags. No allocation, no threads, no state: everything is the
 * caller's. A row's arithmetic never depends on its neighbours: the same input row gives the same bits whatever
 * stands beside it (per instruction set).
 */
#ifndef LOCI_KERNEL_KERNEL_H
#define LOCI_KERNEL_KERNEL_H

#include "../base/base.h"

typedef struct loci__kernels {
  const char *name; /* "ref", "avx2", "avx512" */

  /* ---- distance ---- any alignment, any n ≥ 0; NaN and Inf follow IEEE */
  float (*dot_f32)(const float *a, const float *b, size_t n);
  float (*l2sq_f32)(const float *a, const float *b, size_t n);
  /* out[i] = dot(query, rows + i·stride), stride in floats. */
  void (*dot_rows_f32)(const float *query, const float *rows, size_t stride, size_t n_rows, size_t dim, float *out);
  /* out[i] = Σ query[j]·codes[i·stride + j], exact in 32 bits for dim ≤ 65,536. codes in −127…127. */
  void (*dot_rows_i8)(const int8_t *query, const int8_t *codes, size_t stride, size_t n_rows, size_t dim, int32_t *out);

  /* ---- quantise ---- symmetric: codes = round-half-even(x / scale), scale = max|x| / 127 (0 for a zero row) */
  float (*quantize_i8)(const float *x, size_t n, int8_t *codes); /* returns the scale */

  /* ---- static models ---- acc[j] += weight · row[j] */
  void (*add_scaled_f32)(float weight, const float *row, size_t n, float *acc);
  void (*add_scaled_i8)(float weight, const int8_t *row, size_t n, float *acc);

  /* The encoder's functions (gemm, attention, normalisation, activation) follow here. */
} loci__kernels;

/* The context's table; never NULL for a context that was made. */
const loci__kernels *loci__kernels_of(loci_context *context);

#endif
