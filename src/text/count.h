/* text/count.h: a table of words with counts, that grows: one a worker, merged at the end.
 *
 * Open addressing, linear probing, at most 5/8 full, two slots a cache line. A word of up to 16 bytes, nearly every one, lies
 * in its slot, so that counting it touches one line; a longer one lies in an arena, its first 8 bytes in the slot too.
 * `first` is the least of the places where the word was seen.
 *
 * Ownership: a table owns its words. Threads: one a thread; `used` may be shared by several tables.
 */
#ifndef LOCI_TEXT_COUNT_H
#define LOCI_TEXT_COUNT_H

#include "split.h"

typedef struct loci__count_slot {
  uint64_t head; /* the first 8 bytes, zeros behind */
  uint64_t tail; /* the next 8; for a word of more than 16 bytes the address of the whole (NUL-terminated, padded) */
  uint32_t hash;
  uint32_t count_low;
  uint64_t packed; /* first << 16 | length code << 8 | bits 32…39 of the count; a length code of 0 = empty slot */
} loci__count_slot;

enum { LOCI__COUNT_LONG = 17 }; /* the length code of words of more than 16 bytes: a uint32_t before the whole */

static inline unsigned loci__count_code(const loci__count_slot *slot) {
  return (unsigned)(slot->packed >> 8 & 0xFF);
}

static inline uint64_t loci__count_of(const loci__count_slot *slot) {
  return (slot->packed & 0xFF) << 32 | slot->count_low;
}

static inline uint64_t loci__count_first(const loci__count_slot *slot) {
  return slot->packed >> 16;
}

/* The word's bytes, at least 16 of them readable; they lie in the slot unless it is long. */
static inline const char *loci__count_word(const loci__count_slot *slot, size_t *length) {
  unsigned code = loci__count_code(slot);
  if (code < LOCI__COUNT_LONG) {
    *length = code;
    return (const char *)&slot->head;
  }
  const char *word = (const char *)(uintptr_t)slot->tail;
  uint32_t whole;
  memcpy(&whole, word - sizeof whole, sizeof whole);
  *length = whole;
  return word;
}

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
/* Adds to a word's count; `first` (less than 2^48) is kept if it is less. At least 16 bytes are readable at word. LIMIT when
 * the budget does not allow it, and for counts of 2^40. */
loci_status loci__counts_add(loci__counts *counts, const char *word, uint32_t length, uint32_t hash, uint64_t count,
                             uint64_t first, loci_error *error);
/* Adds 1 for each of the words among them. *n_words += their number. */
loci_status loci__counts_add_tokens(loci__counts *counts, const loci__token *tokens, size_t n, uint64_t *n_words,
                                    loci_error *error);
/* The slot of a word, or NULL. */
const loci__count_slot *loci__counts_find(const loci__counts *counts, const char *word, uint32_t length, uint32_t hash);
/* Adds all of `from`, which is released. */
loci_status loci__counts_merge(loci__counts *counts, loci__counts *from, loci_error *error);

#endif
