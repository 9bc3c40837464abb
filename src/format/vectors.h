/* format/vectors.h: files of word vectors as a table of words and rows.
 *
 *   vectors.c        which format a file is in; the table and its lookup; writing by format
 *   word2vec.c       word2vec .bin
 *   vectors_text.c   word2vec text, .vec, GloVe text: the numbers of a line from the right, so that words may hold spaces
 *   npy.c            NumPy's .npy (versions 1–3; float16/32/64, C order), labels beside it
 *   fasttext.c       fastText .bin, version 12 (11 read), whole: words and labels, buckets, both matrices
 *
 * The public loci_vectors_open and loci_convert are in model/ (vectors.c, convert.c), which also knows how a static model's
 * folder is a table of words; the questions to an open table (loci_vectors_word, _row, _find …) are here.
 *
 * Ownership: a table owns what it says it owns. Threads: immutable once opened.
 */
#ifndef LOCI_FORMAT_VECTORS_H
#define LOCI_FORMAT_VECTORS_H

#include "format.h"
#include "loci/vectors.h"

typedef struct loci__fasttext loci__fasttext;

struct loci_vectors {
  loci_context *context;
  char *path;
  loci_vectors_format format;
  size_t n, dim;
  const char **words; /* NUL-terminated, in `text` */
  uint32_t *lengths;
  loci__arena text;
  const float *rows; /* n × dim */
  float *owned_rows; /* what rows points to when it is not mapped; loci__free_aligned */
  uint64_t *counts;  /* or NULL */
  int32_t *slots;    /* hash table over the words, n_slots a power of two, −1 = empty; made at opening */
  size_t n_slots;
  loci__fasttext *subwords; /* fastText's whole file, or NULL */
  loci__mapping mapping;    /* closed when data is not NULL */
};

/* One file of any of the formats but a folder. */
loci_status loci__vectors_open_file(loci_context *context, const char *path, const loci_vectors_options *options,
                                    loci_vectors **out, loci_error *error);
/* Makes the table of slots once words are there. */
loci_status loci__vectors_index(loci_vectors *vectors, loci_error *error);

/* What is written: n words with their rows. */
typedef struct loci__vectors_out {
  size_t n, dim;
  const char *const *words;
  const uint32_t *lengths;
  const float *rows;      /* n × dim, row i at rows + i·stride */
  size_t stride;          /* floats; 0 = dim */
  const uint64_t *counts; /* or NULL */
} loci__vectors_out;

/* By the ending: .bin, .txt/.vec, .npy (labels beside it in NAME.labels); USAGE for another ending. Streamed to a
 * temporary file, fsynced, renamed. Words with white space in them are refused for .bin and text (FORMAT, by name). */
loci_status loci__vectors_write(loci_context *context, const char *path, loci_vectors_format format,
                                loci_precision precision, const loci__vectors_out *vectors, loci_error *error);
/* LOCI_VECTORS_WORD2VEC, _TEXT, _NPY or _FOLDER (no ending); LOCI_VECTORS_UNKNOWN for another ending. */
loci_vectors_format loci__vectors_format_of(const char *path);

/* ---- fastText's file ---- */

enum {
  LOCI__FASTTEXT_HIERARCHICAL = 1,
  LOCI__FASTTEXT_NEGATIVE = 2,
  LOCI__FASTTEXT_SOFTMAX = 3,
  LOCI__FASTTEXT_OVA = 4
};
enum { LOCI__FASTTEXT_CBOW = 1, LOCI__FASTTEXT_SKIPGRAM = 2, LOCI__FASTTEXT_SUPERVISED = 3 };

typedef struct loci__fasttext_args {
  int32_t dim, ws, epoch, min_count, neg, word_ngrams, loss, model, bucket, min_n, max_n, lr_update_rate;
  double t;
} loci__fasttext_args;

struct loci__fasttext {
  loci_context *context;
  loci__fasttext_args args;
  size_t n_entries, n_words, n_labels; /* words first, then labels */
  int64_t n_tokens;
  const char **entries;
  uint32_t *lengths;
  int64_t *counts;
  loci__arena text;
  const float *input;  /* (n_words + bucket) × dim */
  const float *output; /* (n_words, or n_labels for supervised) × dim */
  float *owned_input, *owned_output;
  loci__mapping mapping;
};

/* UNSUPPORTED, by name, for a quantised model (.ftz). */
loci_status loci__fasttext_open(loci_context *context, const char *path, loci__fasttext **out, loci_error *error);
void loci__fasttext_close(loci__fasttext *file);
/* Writes `file` as version 12; streamed, atomic. */
loci_status loci__fasttext_write(loci_context *context, const char *path, const loci__fasttext *file,
                                 loci_error *error);

/* FNV-1a over sign-extended bytes, as fastText computes it. */
uint32_t loci__fasttext_hash(const char *text, size_t length);
/* Bucket numbers (h mod bucket, without n_words added) of the n-grams of "<word>"; the reference's order. At most
 * `capacity` are put; returns how many there are. */
size_t loci__fasttext_ngrams(const char *word, size_t length, int32_t min_n, int32_t max_n, int32_t bucket,
                             int32_t *out, size_t capacity);

#endif
