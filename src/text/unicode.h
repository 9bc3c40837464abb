/* text/unicode.h: what the reference tokenizer does with a Unicode scalar value (text/unicode_tables.c, generated).
 *
 * Models were trained with the tables that their tokenizer carried, which are older than today's Unicode, so these are
 * observed properties of the reference and not those of a Unicode version; docs/tokenizer-unicode.md lists the
 * differences. Two-stage lookup: blocks of 128 code points, equal blocks stored once, each entry the number of a record.
 */
#ifndef LOCI_TEXT_UNICODE_H
#define LOCI_TEXT_UNICODE_H

#include "../base/base.h"

enum {
  LOCI__CHAR_DROP = 1,         /* cleaning removes it (controls, format, private use, NUL, U+FFFD) */
  LOCI__CHAR_SPACE = 2,        /* cleaning makes it U+0020 */
  LOCI__CHAR_CHINESE = 4,      /* gets a space on either side */
  LOCI__CHAR_MARK = 8,         /* stripping accents removes it (after decomposition) */
  LOCI__CHAR_WHITE = 16,       /* the pre-tokenizer splits here and drops it */
  LOCI__CHAR_PUNCT = 32,       /* the pre-tokenizer makes it a word of its own */
  LOCI__CHAR_WORD = 64,        /* \w of the rules of added tokens */
  LOCI__CHAR_REGEX_SPACE = 128 /* \s of the rules of added tokens */
};

typedef struct loci__unicode_record {
  uint16_t nfd, lower;              /* where the full canonical decomposition and the lower case begin in the pool */
  uint8_t flags;                    /* LOCI__CHAR_... */
  uint8_t ccc;                      /* canonical combining class */
  uint8_t nfd_length, lower_length; /* 0 = the character itself; Hangul syllables are decomposed by arithmetic */
} loci__unicode_record;

extern const loci__unicode_record loci__unicode_records[];
extern const uint32_t loci__unicode_pool[];
extern const uint16_t loci__unicode_blocks[];
extern const uint16_t loci__unicode_index[];

/* c ≤ U+10FFFF. */
static inline const loci__unicode_record *loci__unicode(uint32_t c) {
  return &loci__unicode_records[loci__unicode_blocks[(uint32_t)loci__unicode_index[c >> 7] * 128 + (c & 127)]];
}

#endif
