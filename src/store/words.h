/* store/words.h: text cut into the words that full-text search knows. */
#ifndef LOCI_STORE_WORDS_H
#define LOCI_STORE_WORDS_H

#include "../base/base.h"

enum { LOCI__WORD_MAX = 255 }; /* bytes; a longer word is known by its beginning */

typedef enum loci__words_mode { LOCI__WORDS_DOCUMENT = 0, LOCI__WORDS_QUERY = 1 } loci__words_mode;

/* A word: folded UTF-8 (not NUL-terminated, lives during the call), and where it stands in the text. `same` is true
 * for a word at the place of the one before (the pair that begins with a single character). Non-zero stops. */
typedef int (*loci__word_fn)(void *arg, const char *word, size_t length, size_t start, size_t end, bool same);

/* Calls `each` for every word, in order; returns its first non-zero answer, else 0. Any bytes are allowed; what is
 * not UTF-8 separates words. No allocation. Cutting a word again gives that word (in QUERY mode). */
int loci__words_each(const char *text, size_t length, loci__words_mode mode, loci__word_fn each, void *arg);

/* Number of places (words that are not `same`) in DOCUMENT mode: the length BM25 counts. */
size_t loci__words_count(const char *text, size_t length);

#endif
