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
    return loci__fail(error, LOCI_ERROR_LIMIT, "counting needs %zu bytes or more; at most %zu are allowed", used,
                      counts->budget->limit);
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
  memset(slots, 0, bytes);
  size_t n_old = counts->n_slots;
  counts->slots = slots;
  counts->n_slots = n;
  counts->shift = 32;
  for (size_t m = n; m > 1; m /= 2) counts->shift--;
  for (size_t i = 0; i < n_old; i++) {
    if (old[i].word == NULL) continue;
    size_t at = slot_of(counts, old[i].hash);
    while (slots[at].word != NULL) at = (at + 1) & (n - 1);
    slots[at] = old[i];
  }
  loci__free_aligned(counts->context, old);
  discharge(counts, n_old * sizeof *slots);
  return LOCI_OK;
}

/* The word's slot, or the empty one where it belongs. */
static inline loci__count_slot *probe(const loci__counts *counts, const char *word, uint32_t length, uint32_t hash) {
  size_t mask = counts->n_slots - 1, at = slot_of(counts, hash);
  uint64_t a, b;
  loci__word_load(word, length < 16 ? length : 16, &a, &b);
  for (;; at = (at + 1) & mask) {
    loci__count_slot *slot = &counts->slots[at];
    if (slot->word == NULL) return slot;
    if (slot->hash != hash || slot->length != length) continue;
    uint64_t c, d;
    memcpy(&c, slot->word, 8);
    memcpy(&d, slot->word + 8, 8);
    if (a == c && b == d && (length <= 16 || memcmp(word + 16, slot->word + 16, length - 16) == 0)) return slot;
  }
}

loci__count_slot *loci__counts_find(const loci__counts *counts, const char *word, uint32_t length, uint32_t hash) {
  if (counts->n_slots == 0) return NULL;
  loci__count_slot *slot = probe(counts, word, length, hash);
  return slot->word != NULL ? slot : NULL;
}

static loci_status insert(loci__counts *counts, loci__count_slot *slot, const char *word, uint32_t length,
                          loci_error *error) {
  size_t size = ((size_t)length + 1 + 15) & ~(size_t)15;
  LOCI__TRY(charge(counts, size, error));
  char *copy = loci__arena_alloc(&counts->text, size);
  if (copy == NULL) return loci__fail_memory(error, size, "a table of words");
  memset(copy + size - 16, 0, 16);
  memcpy(copy, word, length);
  slot->word = copy;
  slot->length = length;
  counts->n++;
  return LOCI_OK;
}

loci_status loci__counts_add(loci__counts *counts, const char *word, uint32_t length, uint32_t hash, uint64_t count,
                             uint64_t first, loci_error *error) {
  if (counts->n >= counts->n_slots / 8 * 5) LOCI__TRY(grow(counts, error));
  loci__count_slot *slot = probe(counts, word, length, hash);
  if (slot->word == NULL) {
    LOCI__TRY(insert(counts, slot, word, length, error));
    slot->hash = hash;
    slot->first = first;
  } else if (first < slot->first) {
    slot->first = first;
  }
  slot->count += count;
  return LOCI_OK;
}

loci_status loci__counts_merge(loci__counts *counts, loci__counts *from, loci_error *error) {
  for (size_t i = 0; i < from->n_slots; i++) {
    const loci__count_slot *slot = &from->slots[i];
    if (slot->word == NULL) continue;
    LOCI__TRY(loci__counts_add(counts, slot->word, slot->length, slot->hash, slot->count, slot->first, error));
  }
  loci__counts_release(from);
  return LOCI_OK;
}
