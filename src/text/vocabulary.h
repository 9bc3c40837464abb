/* text/vocabulary.h: the insides of a vocabulary, for vocabulary.c, stream.c and phrases.c. */
#ifndef LOCI_TEXT_VOCABULARY_H
#define LOCI_TEXT_VOCABULARY_H

#include "split.h"

typedef struct loci__vocabulary_slot {
  uint32_t hash;
  int32_t id; /* −1 = empty */
} loci__vocabulary_slot;

struct loci_vocabulary {
  loci_context *context;
  size_t n;
  uint64_t n_tokens;
  const char **words; /* in text, padded with zeros to a multiple of 16 bytes, at least one of them */
  uint32_t *lengths;
  uint64_t *counts;
  loci__arena text;
  loci__vocabulary_slot *slots; /* a power of two, at most half full */
  size_t n_slots;
  loci_vocabulary_info info;
};

/* The word's slot, or the empty one where it belongs. 16 bytes must be readable at `word`. */
static inline loci__vocabulary_slot *loci__vocabulary_probe(const loci_vocabulary *v, const char *word, uint32_t length,
                                                            uint32_t hash) {
  size_t mask = v->n_slots - 1, at = hash & mask;
  uint64_t a, b;
  loci__word_load(word, length < 16 ? length : 16, &a, &b);
  for (;; at = (at + 1) & mask) {
    loci__vocabulary_slot *slot = &v->slots[at];
    if (slot->id < 0) return slot;
    if (slot->hash != hash || v->lengths[slot->id] != length) continue;
    const char *there = v->words[slot->id];
    uint64_t c, d;
    memcpy(&c, there, 8);
    memcpy(&d, there + 8, 8);
    if (a == c && b == d && (length <= 16 || memcmp(word + 16, there + 16, length - 16) == 0)) return slot;
  }
}

#endif
