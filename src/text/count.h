/* text/count.h: a table of words with counts, that grows: one a worker, merged at the end.
 *
 * Open addressing, linear probing, at most 5/8 full, two slots a cache line; words lie in an arena, padded with zeros to
 * 16 bytes, so that short ones are compared as two numbers. `first` is the least of the places where the word was seen.
 *
 * Ownership: a table owns its words. Threads: one a thread; `used` may be shared by several tables.
 */
#ifndef LOCI_TEXT_COUNT_H
#define LOCI_TEXT_COUNT_H

#include "split.h"

typedef struct loci__count_slot {
  const char *word; /* NULL = empty */
  uint64_t count, first;
  uint32_t hash, length;
} loci__count_slot;

/* Bytes that several tables may use together. */
typedef struct loci__count_budget {
  size_t limit; /* 0 = none */
  size_t used;  /* atomic */
} loci__count_budget;

typedef struct loci__counts {
  loci_context *context;
  loci__count_budget *budget; /* or NULL */
  loci__arena text;
  loci__count_slot *slots;
  size_t n, n_slots; /* n_slots: a power of two, or 0 */
  unsigned shift;    /* 32 − log2(n_slots) */
  size_t charged;    /* bytes told to the budget */
} loci__counts;

void loci__counts_init(loci__counts *counts, loci_context *context, loci__count_budget *budget);
void loci__counts_release(loci__counts *counts);
/* Adds to a word's count; `first` is kept if it is less. At least 16 bytes are readable at word. LIMIT when the budget does
 * not allow it. */
loci_status loci__counts_add(loci__counts *counts, const char *word, uint32_t length, uint32_t hash, uint64_t count,
                             uint64_t first, loci_error *error);
/* The slot of a word, or NULL. */
loci__count_slot *loci__counts_find(const loci__counts *counts, const char *word, uint32_t length, uint32_t hash);
/* Adds all of `from`, which is released. */
loci_status loci__counts_merge(loci__counts *counts, loci__counts *from, loci_error *error);

#endif
