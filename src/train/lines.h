/* train/lines.h: a line of text as the fastText program reads it: which rows of the input matrix it is, and its labels.
 *
 * Tokens are what stands between white space (ASCII's, and NUL); the end of the line is a token too, "</s>", a word like
 * any other. A token that the dictionary knows is its row and those of its character n-grams; an unknown one only the
 * latter. Word n-grams are hashed from the tokens' hashes, unknown ones included, labels left out.
 *
 * Ownership: a dictionary borrows entries, owns its table. Threads: a dictionary is immutable once made; a line is one
 * thread's.
 */
#ifndef LOCI_TRAIN_LINES_H
#define LOCI_TRAIN_LINES_H

#include "../format/vectors.h"

#define LOCI__LINES_END "</s>"

typedef struct loci__dictionary {
  loci_context *context;
  size_t n_words, n_entries; /* words first, then labels */
  const char *const *entries;
  const uint32_t *lengths;
  const char *label_prefix; /* of unknown tokens that are labels */
  int32_t min_n, max_n, word_ngrams, n_buckets;
  const uint32_t *row_of; /* of a bucket: its row; NULL: n_words + bucket */
  int32_t *slots;         /* −1 = empty; by the token's hash */
  size_t n_slots;         /* a power of two */
} loci__dictionary;

/* Fills slots and n_slots; everything else is set. */
loci_status loci__dictionary_index(loci__dictionary *dictionary, loci_error *error);
void loci__dictionary_release(loci__dictionary *dictionary);
/* The entry's index, or −1. */
int32_t loci__dictionary_find(const loci__dictionary *dictionary, const char *token, size_t length);

typedef struct loci__line {
  loci_context *context;
  uint32_t *rows, *labels; /* labels: from 0 */
  int32_t *hashes, *buckets;
  size_t n_rows, n_labels, n_hashes;
  size_t rows_capacity, labels_capacity, hashes_capacity, buckets_capacity;
  uint64_t n_tokens; /* the end of the line included */
} loci__line;

void loci__line_init(loci__line *line, loci_context *context);
void loci__line_release(loci__line *line);
/* Overwrites `line`. `text` may hold line ends: they are white space. */
loci_status loci__line_read(const loci__dictionary *dictionary, const char *text, size_t length, loci__line *line,
                            loci_error *error);

/* The next token of text[*at … length): its start, *n its length; NULL at the end. */
const char *loci__line_token(const char *text, size_t length, size_t *at, size_t *n);

#endif
