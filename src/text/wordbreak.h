/* text/wordbreak.h: where words end in running text (Unicode 15.0, UAX #29 section 4).
 *
 * wordbreak_tables.c, generated, gives each scalar value its class; wordbreak.c applies the rules one by one, as they are
 * written: the oracle of split.c, which does the same byte by byte, in one pass and without looking back.
 */
#ifndef LOCI_TEXT_WORDBREAK_H
#define LOCI_TEXT_WORDBREAK_H

#include "../base/base.h"

/* The values of Word_Break, in the order of the tables. */
typedef enum loci__word_class {
  LOCI__WB_OTHER,
  LOCI__WB_CR,
  LOCI__WB_LF,
  LOCI__WB_NEWLINE,
  LOCI__WB_EXTEND,
  LOCI__WB_ZWJ,
  LOCI__WB_FORMAT,
  LOCI__WB_REGIONAL,
  LOCI__WB_KATAKANA,
  LOCI__WB_HEBREW,
  LOCI__WB_LETTER,
  LOCI__WB_SINGLE_QUOTE,
  LOCI__WB_DOUBLE_QUOTE,
  LOCI__WB_MID_NUM_LET,
  LOCI__WB_MID_LETTER,
  LOCI__WB_MID_NUM,
  LOCI__WB_NUMERIC,
  LOCI__WB_EXTEND_NUM_LET,
  LOCI__WB_SPACE
} loci__word_class;

enum {
  LOCI__WORD_PICTOGRAPH = 1, /* Extended_Pictographic */
  LOCI__WORD_ALNUM = 2,      /* general category L or N */
  LOCI__WORD_SEPARATOR = 4   /* Z or Cc: never a part of a token */
};

typedef struct loci__word_record {
  int32_t lower; /* added to a scalar it gives the simple lower case */
  uint8_t class; /* loci__word_class */
  uint8_t flags; /* LOCI__WORD_... */
} loci__word_record;

extern const loci__word_record loci__word_records[];
extern const uint8_t loci__word_blocks[];
extern const uint16_t loci__word_index[];

/* c ≤ U+10FFFF. */
static inline const loci__word_record *loci__word_of(uint32_t c) {
  return &loci__word_records[loci__word_blocks[(uint32_t)loci__word_index[c >> 7] * 128 + (c & 127)]];
}

/* Whether a word boundary stands before text[i], 0 < i < n. Looks as far to both sides as the rules ask: linear in the
 * worst case, for each i. */
bool loci__word_break(const uint32_t *text, size_t n, size_t i);

#endif
