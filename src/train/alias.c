/* train/alias.c: the table of alias.h. Columns of equal width; those whose weight is under the mean are filled up from
 * those above it, one donor at a time. In doubles; a column that rounding leaves over is its own number alone. */
#include "alias.h"

#include <math.h>

static uint32_t cut_of(double share) {
  double cut = share * 4294967296.0;
  return cut >= 4294967295.0 ? UINT32_MAX : (uint32_t)cut;
}

loci_status loci__alias_build(loci_context *context, const double *weights, size_t n, loci__alias *out,
                              loci_error *error) {
  *out = (loci__alias){.context = context, .n = n};
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += weights[i];
  out->entries = loci__alloc_array(context, n, sizeof *out->entries);
  double *share = loci__alloc_array(context, n, sizeof *share);
  uint32_t *waiting =
      loci__alloc_array(context, n, sizeof *waiting); /* poor ones from the front, rich ones from the end */
  if (out->entries == NULL || share == NULL || waiting == NULL) {
    loci__free(context, share);
    loci__free(context, waiting);
    loci__alias_release(out);
    return loci__fail_memory(error, n * (sizeof *out->entries + sizeof *share + sizeof *waiting), "a table of noise");
  }
  size_t n_poor = 0, rich = n;
  for (size_t i = 0; i < n; i++) {
    share[i] = sum > 0 ? weights[i] / sum * (double)n : 1.0;
    out->entries[i] = (loci__alias_entry){.cut = UINT32_MAX, .other = (uint32_t)i};
    if (share[i] < 1.0) {
      waiting[n_poor++] = (uint32_t)i;
    } else {
      waiting[--rich] = (uint32_t)i;
    }
  }
  while (n_poor > 0 && rich < n) {
    uint32_t poor = waiting[--n_poor], donor = waiting[rich];
    out->entries[poor] = (loci__alias_entry){.cut = cut_of(share[poor]), .other = donor};
    share[donor] -= 1.0 - share[poor];
    if (share[donor] < 1.0) {
      rich++;
      waiting[n_poor++] = donor; /* never beyond `rich`: one was taken from either end */
    }
  }
  loci__free(context, share);
  loci__free(context, waiting);
  return LOCI_OK;
}

void loci__alias_release(loci__alias *alias) {
  loci__free(alias->context, alias->entries);
  *alias = (loci__alias){0};
}
