/* train/alias.h: drawing from a fixed discrete distribution in constant time (Walker 1977; built as Vose 1991).
 *
 * Ownership: the table owns its entries. Threads: immutable once built.
 */
#ifndef LOCI_TRAIN_ALIAS_H
#define LOCI_TRAIN_ALIAS_H

#include "../base/base.h"

/* Half of a column's rectangle, and what the other half stands for: the number itself below `cut`, else `other`. */
typedef struct loci__alias_entry {
  uint32_t cut, other;
} loci__alias_entry;

typedef struct loci__alias {
  loci_context *context;
  size_t n;
  loci__alias_entry *entries;
} loci__alias;

/* n ≥ 1 weights, < 2³², finite, ≥ 0; all of them 0 is the uniform distribution. Number i is drawn with probability
 * weight[i] / Σ weight, to within 2⁻³² · (1 + 1/n). {0} is releasable. */
loci_status loci__alias_build(loci_context *context, const double *weights, size_t n, loci__alias *out,
                              loci_error *error);
void loci__alias_release(loci__alias *alias);

/* The entry that decides for these 64 random bits; to be asked for ahead of a draw. */
static inline const loci__alias_entry *loci__alias_entry_of(const loci__alias *alias, uint64_t random) {
  return &alias->entries[(random >> 32) * alias->n >> 32];
}

/* `random`: 64 bits. */
static inline uint32_t loci__alias_draw(const loci__alias *alias, uint64_t random) {
  const loci__alias_entry *entry = loci__alias_entry_of(alias, random);
  return (uint32_t)random < entry->cut ? (uint32_t)(entry - alias->entries) : entry->other;
}

#endif
