/* train/noise.c: noise words by Walker's alias method (Walker 1977; Vose's construction, 1991): one random number, one
 * look-up. */
#include "subword.h"

#include <math.h>

loci_status loci__noise_make(loci_context *context, const uint64_t *counts, size_t n, double power, loci__noise *out,
                             loci_error *error) {
  *out = (loci__noise){.context = context, .n = n};
  out->keep = loci__alloc_array(context, n, sizeof *out->keep);
  out->alias = loci__alloc_array(context, n, sizeof *out->alias);
  double *share = loci__alloc_array(context, n, sizeof *share); /* × n: 1 = an even share */
  uint32_t *order =
      loci__alloc_array(context, n, sizeof *order); /* those below 1 from the front, others from the back */
  loci_status status = LOCI_OK;
  if (!out->keep || !out->alias || !share || !order) {
    status = loci__fail_memory(error, n * 24, "the table of noise words");
    loci__noise_release(out);
  } else {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += share[i] = pow((double)(counts[i] ? counts[i] : 1), power);
    size_t small = 0, large = n;
    for (size_t i = 0; i < n; i++) {
      share[i] *= (double)n / sum;
      if (share[i] < 1) order[small++] = (uint32_t)i;
      else order[--large] = (uint32_t)i;
      out->keep[i] = UINT32_MAX;
      out->alias[i] = (uint32_t)i; /* what rounding leaves over keeps itself */
    }
    while (small > 0 && large < n) {
      uint32_t less = order[--small], more = order[large];
      out->keep[less] = (uint32_t)(share[less] * 4294967295.0);
      out->alias[less] = more;
      share[more] -= 1 - share[less];
      if (share[more] < 1) {
        large++;
        order[small++] = more;
      }
    }
  }
  loci__free(context, share);
  loci__free(context, order);
  return status;
}

void loci__noise_release(loci__noise *noise) {
  loci__free(noise->context, noise->keep);
  loci__free(noise->context, noise->alias);
  noise->keep = noise->alias = NULL;
}
