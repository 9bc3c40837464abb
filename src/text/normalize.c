/* text/normalize.c: canonical ordering of a run of non-starters.
 *
 * Runs are almost always one or two marks long and in order; hostile ones are as long as the text. Short runs are sorted
 * by insertion, long ones by counting classes: linear.
 */
#include "normalize.h"

enum { SHORT_RUN = 16 };

void loci__normalizer_release(loci__normalizer *normalizer) {
  loci__free(normalizer->context, normalizer->held);
  normalizer->held = NULL;
  normalizer->n_held = normalizer->capacity = 0;
}

bool loci__normalizer_hold(loci__normalizer *normalizer, uint32_t c, uint32_t start, uint32_t end, bool inserted) {
  if (!loci__grow(normalizer->context, &normalizer->held, &normalizer->capacity, normalizer->n_held + 1,
                  sizeof(*normalizer->held))) {
    normalizer->failed = true;
    return false;
  }
  normalizer->held[normalizer->n_held++] =
      (loci__held){.start = start, .c = c & 0x1FFFFF, .bytes = (end - start) & 7, .inserted = inserted};
  return true;
}

static uint8_t class_of(loci__held held) {
  return loci__unicode(held.c)->ccc;
}

void loci__normalizer_order(loci__normalizer *normalizer) {
  loci__held *held = normalizer->held;
  size_t n = normalizer->n_held, i = 1;
  while (i < n && class_of(held[i - 1]) <= class_of(held[i])) i++;
  if (i >= n) return;

  loci__held few[SHORT_RUN], *sorted = few;
  if (n <= SHORT_RUN) {
    for (i = 0; i < n; i++) {
      size_t at = i;
      for (; at > 0 && class_of(sorted[at - 1]) > class_of(held[i]); at--) sorted[at] = sorted[at - 1];
      sorted[at] = held[i];
    }
  } else {
    sorted = loci__alloc_array(normalizer->context, n, sizeof(*sorted));
    if (sorted == NULL) {
      normalizer->failed = true;
      return;
    }
    size_t begin[257] = {0};
    for (i = 0; i < n; i++) begin[class_of(held[i]) + 1]++;
    for (i = 1; i < 257; i++) begin[i] += begin[i - 1];
    for (i = 0; i < n; i++) sorted[begin[class_of(held[i])]++] = held[i];
  }
  /* Places stay in input order: the k-th character that has one gets the k-th place. */
  size_t from = 0;
  for (i = 0; i < n; i++) {
    if (sorted[i].inserted) continue;
    while (held[from].inserted) from++;
    sorted[i].start = held[from].start;
    sorted[i].bytes = held[from].bytes;
    from++;
  }
  memcpy(held, sorted, n * sizeof(*held));
  if (sorted != few) loci__free(normalizer->context, sorted);
}
