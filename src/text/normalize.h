/* text/normalize.h: BERT's normalisation as a stream: characters in, characters out with the bytes they come from.
 *
 * Order of the stages (Devlin et al. 2018, as the reference library does them): cleaning, spaces around CJK, canonical
 * decomposition with canonical ordering (Unicode 3.11, D108–D109), stripping of marks, lower case. A run of non-starters
 * is held until the next starter, because ordering may move its members.
 *
 * Where an output character "comes from" follows the reference to the letter: the first character of a decomposition
 * takes the place of the next input character *in output order*, the others share the place of the one before them. So
 * when ordering moves marks past one another, places stay in order and are dealt out anew.
 */
#ifndef LOCI_TEXT_NORMALIZE_H
#define LOCI_TEXT_NORMALIZE_H

#include "../base/base.h"
#include "unicode.h"

typedef struct loci__rules {
  bool clean, chinese, strip, lower;
} loci__rules;

/* A held non-starter. Small, because a whole text may be one run: 8 bytes for each 2 or more of input. */
typedef struct loci__held {
  uint32_t start; /* of the input character it was made from */
  uint32_t c : 21;
  uint32_t bytes : 3;    /* of that input character */
  uint32_t inserted : 1; /* not the first character of its decomposition */
} loci__held;

typedef struct loci__normalizer {
  loci__rules rules;
  uint32_t start, end; /* place of the last input character that was consumed */
  loci_context *context;
  loci__held *held;
  size_t n_held, capacity;
  bool failed; /* out of memory: the rest is not to be trusted */
} loci__normalizer;

void loci__normalizer_release(loci__normalizer *normalizer);
/* Puts the held run into canonical order (stable) and deals its places out anew. */
void loci__normalizer_order(loci__normalizer *normalizer);
bool loci__normalizer_hold(loci__normalizer *normalizer, uint32_t c, uint32_t start, uint32_t end, bool inserted);

typedef void (*loci__char_fn)(void *arg, uint32_t c, uint32_t start, uint32_t end);

/* c: decomposed and in order; stripped, or given to the sink in lower case. */
static inline __attribute__((always_inline)) void loci__normalize_last(const loci__normalizer *normalizer, uint32_t c,
                                                                       loci__char_fn sink, void *arg) {
  const loci__unicode_record *record = loci__unicode(c);
  if (normalizer->rules.strip && (record->flags & LOCI__CHAR_MARK) != 0) return;
  if (normalizer->rules.lower && record->lower_length != 0) {
    for (unsigned i = 0; i < record->lower_length; i++)
      sink(arg, loci__unicode_pool[record->lower + i], normalizer->start, normalizer->end);
  } else {
    sink(arg, c, normalizer->start, normalizer->end);
  }
}

/* Gives out what is held. Call it at the end of the text, too. */
static inline __attribute__((always_inline)) void loci__normalize_flush(loci__normalizer *normalizer,
                                                                        loci__char_fn sink, void *arg) {
  if (normalizer->n_held == 0) return;
  loci__normalizer_order(normalizer);
  for (size_t i = 0; i < normalizer->n_held; i++) {
    loci__held h = normalizer->held[i];
    if (!h.inserted) {
      normalizer->start = h.start;
      normalizer->end = h.start + h.bytes;
    }
    loci__normalize_last(normalizer, h.c, sink, arg);
  }
  normalizer->n_held = 0;
}

static inline __attribute__((always_inline)) void loci__normalize_one(loci__normalizer *normalizer, uint32_t c,
                                                                      const loci__unicode_record *record,
                                                                      uint32_t start, uint32_t end, bool inserted,
                                                                      loci__char_fn sink, void *arg) {
  if (record->ccc != 0 && loci__normalizer_hold(normalizer, c, start, end, inserted)) return;
  loci__normalize_flush(normalizer, sink, arg);
  if (!inserted) {
    normalizer->start = start;
    normalizer->end = end;
  }
  loci__normalize_last(normalizer, c, sink, arg);
}

/* One input character at bytes [start, end). The sink is called for every character that is ready. */
static inline __attribute__((always_inline)) void loci__normalize_push(loci__normalizer *normalizer, uint32_t c,
                                                                       uint32_t start, uint32_t end, loci__char_fn sink,
                                                                       void *arg) {
  const loci__unicode_record *record = loci__unicode(c);
  if (normalizer->rules.clean) {
    if ((record->flags & LOCI__CHAR_DROP) != 0) return;
    if ((record->flags & LOCI__CHAR_SPACE) != 0) {
      c = ' ';
      record = loci__unicode(c);
    }
  }
  bool spaced = normalizer->rules.chinese && (record->flags & LOCI__CHAR_CHINESE) != 0;
  if (!normalizer->rules.strip) {
    normalizer->start = start;
    normalizer->end = end;
    if (spaced) sink(arg, ' ', start, end);
    loci__normalize_last(normalizer, c, sink, arg);
    if (spaced) sink(arg, ' ', start, end);
    return;
  }
  if (spaced) loci__normalize_one(normalizer, ' ', loci__unicode(' '), start, end, false, sink, arg);
  if (record->nfd_length != 0) {
    for (unsigned i = 0; i < record->nfd_length; i++) {
      uint32_t d = loci__unicode_pool[record->nfd + i];
      loci__normalize_one(normalizer, d, loci__unicode(d), start, end, i > 0, sink, arg);
    }
  } else if (c - 0xAC00 < 11172) { /* Hangul syllables, Unicode 3.12 */
    uint32_t s = c - 0xAC00;
    loci__normalize_one(normalizer, 0x1100 + s / 588, loci__unicode(0), start, end, false, sink, arg);
    loci__normalize_one(normalizer, 0x1161 + s % 588 / 28, loci__unicode(0), start, end, true, sink, arg);
    if (s % 28 != 0) loci__normalize_one(normalizer, 0x11A7 + s % 28, loci__unicode(0), start, end, true, sink, arg);
  } else {
    loci__normalize_one(normalizer, c, record, start, end, false, sink, arg);
  }
  if (spaced) loci__normalize_one(normalizer, ' ', loci__unicode(' '), start, end, false, sink, arg);
}

#endif
