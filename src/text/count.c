/* count.c: a table of words with counts (count.h). */
#include "count.h"

enum { FIRST_SLOTS = 1 << 10 };

void loci__counts_init(loci__counts *counts, loci_context *context, loci__count_budget *budget) {
  *counts = (loci__counts){.context = context, .budget = budget};
  loci__arena_init(&counts->text, context);
}

void loci__counts_release(loci__counts *counts) {
  loci__arena_release(&counts->text);
  loci__free_aligned(counts->context, counts->slots);
  if (counts->budget != NULL) __atomic_fetch_sub(&counts->budget->used, counts->charged, __ATOMIC_RELAXED);
  loci__counts_init(counts, counts->context, counts->budget);
}

static loci_status charge(loci__counts *counts, size_t bytes, loci_error *error) {
  if (counts->budget == NULL) return LOCI_OK;
  size_t used = __atomic_add_fetch(&counts->budget->used, bytes, __ATOMIC_RELAXED);
  counts->charged += bytes;
  if (counts->budget->limit != 0 && used > counts->budget->limit)
    return loci__fail(error, LOCI_ERROR_LIMIT,
                      "counting needs %.1f MB of memory or more, %.1f MB are allowed; give more (--max-memory), or cut "
                      "the corpus into pieces",
                      (double)used * 1e-6, (double)counts->budget->limit * 1e-6);
  return LOCI_OK;
}

static void discharge(loci__counts *counts, size_t bytes) {
  counts->charged -= bytes;
  if (counts->budget != NULL) __atomic_fetch_sub(&counts->budget->used, bytes, __ATOMIC_RELAXED);
}

/* Multiplied once more: the hash's own top bits may be needed whole for tables of 2^32 slots. */
static inline size_t slot_of(const loci__counts *counts, uint32_t hash) {
  return (size_t)((hash * 0x9E3779B1u) >> counts->shift);
}

static loci_status grow(loci__counts *counts, loci_error *error) {
  size_t n = counts->n_slots == 0 ? FIRST_SLOTS : counts->n_slots * 2, bytes;
  if (counts->shift == 1 || !loci__mul(n, sizeof *counts->slots, &bytes))
    return loci__fail(error, LOCI_ERROR_LIMIT, "more than two thousand million different words");
  LOCI__TRY(charge(counts, bytes, error));
  loci__count_slot *slots = loci__alloc_aligned(counts->context, bytes), *old = counts->slots;
  if (slots == NULL) {
    discharge(counts, bytes);
    return loci__fail_memory(error, bytes, "a table of words");
  }
  /* A big table lies on more small pages than a processor keeps translations of: 0.83 s of processor time for 100 MB
   * became 0.68. */
  loci__advise_large(slots, bytes);
  memset(slots, 0, bytes);
  size_t n_old = counts->n_slots;
  counts->slots = slots;
  counts->n_slots = n;
  counts->shift = 32;
  for (size_t m = n; m > 1; m /= 2) counts->shift--;
  for (size_t i = 0; i < n_old; i++) {
    if (old[i].packed == 0) continue;
    size_t at = slot_of(counts, old[i].hash);
    while (slots[at].packed != 0) at = (at + 1) & (n - 1);
    slots[at] = old[i];
  }
  loci__free_aligned(counts->context, old);
  discharge(counts, n_old * sizeof *slots);
  return LOCI_OK;
}

/* The word's slot, or the empty one where it belongs. head and tail: its first 16 bytes. */
static inline loci__count_slot *probe(const loci__counts *counts, const char *word, uint32_t length, uint32_t hash,
                                      uint64_t head, uint64_t tail) {
  size_t mask = counts->n_slots - 1, at = slot_of(counts, hash);
  uint64_t code = (length <= 16 ? length : LOCI__COUNT_LONG) << 8;
  for (;; at = (at + 1) & mask) {
    loci__count_slot *slot = &counts->slots[at];
    if (slot->packed == 0) return slot;
    if (slot->hash != hash || slot->head != head || (slot->packed & 0xFF00) != code) continue;
    if (length <= 16) {
      if (slot->tail == tail) return slot;
      continue;
    }
    size_t there;
    const char *other = loci__count_word(slot, &there);
    if (there == length && memcmp(other, word, length) == 0) return slot;
  }
}

const loci__count_slot *loci__counts_find(const loci__counts *counts, const char *word, uint32_t length,
                                          uint32_t hash) {
  if (counts->n_slots == 0) return NULL;
  uint64_t head, tail;
  loci__word_load(word, length < 16 ? length : 16, &head, &tail);
  const loci__count_slot *slot = probe(counts, word, length, hash, head, tail);
  return slot->packed != 0 ? slot : NULL;
}

/* A word of more than 16 bytes, behind its length. */
static loci_status keep_long(loci__counts *counts, const char *word, uint32_t length, uint64_t *tail,
                             loci_error *error) {
  enum { HEAD = 16 };
  size_t size = HEAD + (((size_t)length + 1 + 15) & ~(size_t)15);
  LOCI__TRY(charge(counts, size, error));
  char *copy = loci__arena_alloc(&counts->text, size);
  if (copy == NULL) return loci__fail_memory(error, size, "a table of words");
  memset(copy + size - 16, 0, 16);
  memcpy(copy + HEAD - sizeof length, &length, sizeof length);
  memcpy(copy + HEAD, word, length);
  *tail = (uint64_t)(uintptr_t)(copy + HEAD);
  return LOCI_OK;
}

static inline loci_status add(loci__counts *counts, const char *word, uint32_t length, uint32_t hash, uint64_t count,
                              uint64_t first, loci_error *error) {
  if (counts->n >= counts->n_slots / 8 * 5) LOCI__TRY(grow(counts, error));
  uint64_t head, tail;
  loci__word_load(word, length < 16 ? length : 16, &head, &tail);
  loci__count_slot *slot = probe(counts, word, length, hash, head, tail);
  if (slot->packed == 0) {
    if (length > 16) LOCI__TRY(keep_long(counts, word, length, &tail, error));
    slot->head = head;
    slot->tail = tail;
    slot->hash = hash;
    slot->packed = first << 16 | (uint64_t)(length <= 16 ? length : LOCI__COUNT_LONG) << 8;
    counts->n++;
  } else if (first < slot->packed >> 16) {
    slot->packed = first << 16 | (slot->packed & 0xFFFF);
  }
  uint64_t sum = slot->count_low + count; /* both below 2^63 */
  if (sum <= UINT32_MAX) {
    slot->count_low = (uint32_t)sum;
    return LOCI_OK;
  }
  sum += (slot->packed & 0xFF) << 32;
  if (sum >> 40 != 0) return loci__fail(error, LOCI_ERROR_LIMIT, "a word occurs more than 2^40 times");
  slot->packed = (slot->packed & ~(uint64_t)0xFF) | sum >> 32;
  slot->count_low = (uint32_t)sum;
  return LOCI_OK;
}

loci_status loci__counts_add(loci__counts *counts, const char *word, uint32_t length, uint32_t hash, uint64_t count,
                             uint64_t first, loci_error *error) {
  return add(counts, word, length, hash, count, first, error);
}

loci_status loci__counts_add_tokens(loci__counts *counts, const loci__token *tokens, size_t n, uint64_t *n_words,
                                    loci_error *error) {
  enum { AHEAD = 12 }; /* a word's slot is asked for that long before it is looked at */
  for (size_t i = 0; i < n; i++) {
    if (i + AHEAD < n && counts->n_slots > 0)
      __builtin_prefetch(&counts->slots[slot_of(counts, tokens[i + AHEAD].hash)], 1);
    if (tokens[i].length == 0) continue; /* an empty word has the code of an empty slot */
    ++*n_words;
    if (tokens[i].length <= 16 && counts->n_slots > 0) { /* nearly always: a short word that is there */
      uint64_t head, tail;
      loci__word_load(tokens[i].word, tokens[i].length, &head, &tail);
      loci__count_slot *slot = probe(counts, tokens[i].word, tokens[i].length, tokens[i].hash, head, tail);
      if (slot->packed != 0 && tokens[i].at >= slot->packed >> 16 && slot->count_low < UINT32_MAX) {
        slot->count_low++;
        continue;
      }
    }
    LOCI__TRY(add(counts, tokens[i].word, tokens[i].length, tokens[i].hash, 1, tokens[i].at, error));
  }
  return LOCI_OK;
}

loci_status loci__counts_merge(loci__counts *counts, loci__counts *from, loci_error *error) {
  for (size_t i = 0; i < from->n_slots; i++) {
    const loci__count_slot *slot = &from->slots[i];
    if (slot->packed == 0) continue;
    size_t length;
    const char *word = loci__count_word(slot, &length);
    LOCI__TRY(add(counts, word, (uint32_t)length, slot->hash, loci__count_of(slot), loci__count_first(slot), error));
  }
  loci__counts_release(from);
  return LOCI_OK;
}
