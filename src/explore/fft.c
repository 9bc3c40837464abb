/* explore/fft.c: what a transform of one length needs: its factors and its twiddles (kernel.h has the layout).
 */
#include "project.h"

#include <math.h>

size_t loci__fft_length(size_t n) {
  for (n = (n + 1) / 2 * 2;; n += 2) {
    size_t left = n;
    while (left % 2 == 0) left /= 2;
    while (left % 3 == 0) left /= 3;
    while (left % 5 == 0) left /= 5;
    if (left == 1) return n;
  }
}

/* Fours first: they do most of the work for their memory traffic. */
static size_t factors(size_t n, unsigned char *radices) {
  static const unsigned char order[] = {4, 2, 3, 5};
  size_t n_passes = 0;
  for (size_t i = 0; i < LOCI__COUNT(order); i++)
    for (; n % order[i] == 0; n /= order[i]) radices[n_passes++] = order[i];
  return n_passes;
}

loci_status loci__fft_init(loci__fft *fft, loci_context *context, size_t n, loci_error *error) {
  *fft = (loci__fft){.context = context, .plan = {.n = n}};
  fft->plan.n_passes = factors(n, fft->plan.radices);
  size_t total = 0, m = n;
  for (size_t i = 0; i < fft->plan.n_passes; i++) {
    m /= fft->plan.radices[i];
    total += 2 * m * ((size_t)fft->plan.radices[i] - 1);
  }
  float *at = fft->twiddles = loci__alloc_array(context, total + 1, sizeof *fft->twiddles);
  if (at == NULL) return loci__fail_memory(error, total * sizeof *at, "a Fourier transform");
  m = n;
  for (size_t i = 0; i < fft->plan.n_passes; i++) {
    const size_t radix = fft->plan.radices[i], whole = m;
    m /= radix;
    for (size_t p = 0; p < m; p++)
      for (size_t j = 1; j < radix; j++) {
        const double angle = -2 * 3.14159265358979323846 * (double)(p * j) / (double)whole;
        *at++ = (float)cos(angle);
        *at++ = (float)sin(angle);
      }
  }
  fft->plan.twiddles = fft->twiddles;
  return LOCI_OK;
}

void loci__fft_release(loci__fft *fft) {
  loci__free(fft->context, fft->twiddles);
  *fft = (loci__fft){0};
}
