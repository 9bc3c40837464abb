/* format/vectors.h: files of word vectors as a table of words and rows.
 *
 *   vectors.c        which format a file is in; the table and its lookup
 *   vectors_write.c  writing by format
 *   word2vec.c       word2vec .bin
 *   vectors_text.c   word2vec text, .vec, GloVe text: the numbers of a line from the right, so that words may hold spaces
 *   vectors_memory.c a table filled row by row
 *   vectors_spelling.c  words spelled like another
 *   npy.c            NumPy's .npy (versions 1–3; float16/32/64, C order), labels beside it
 *   fasttext.c       fastText .bin, version 12 (11 read), whole: words and labels, buckets, both matrices
 *
 * A reader works on the bytes of a mapped file. Rows that lie in it as aligned floats (.npy of float32) are used in place;
 * all others are copied once, and the pages that were read belong to the system's cache, not to the process.
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
  size_t n_duplicates;      /* words that stand there a second time: the first counts */
  size_t n_not_finite;      /* rows with NaN or an infinity in them (not looked for in rows that stay in the mapping) */
  size_t used;              /* bytes of memory: what max_memory limits */
  size_t capacity;          /* of a table in memory: rows there is room for */
  const char **texts;       /* beside the words, each NULL or in `text`; or NULL */
  uint32_t *text_lengths;
};

/* One file of any of the formats but a folder. */
loci_status loci__vectors_open_file(loci_context *context, const char *path, const loci_vectors_options *options,
                                    loci_vectors **out, loci_error *error);
/* The same of bytes: `bytes` must outlive the table. For fuzzing, and for what is in memory already. */
loci_status loci__vectors_parse(loci_context *context, const char *name, const void *bytes, size_t length,
                                const loci_vectors_options *options, loci_vectors **out, loci_error *error);
/* Makes the table of slots once words are there. */
loci_status loci__vectors_index(loci_vectors *vectors, loci_error *error);
/* An empty table of slots for n words, and word i put into it (a second one of equal bytes is counted, not put). */
loci_status loci__vectors_make_slots(loci_vectors *vectors, size_t n, loci_error *error);
void loci__vectors_put_slot(loci_vectors *vectors, size_t i);

/* What is written: n words with their rows. */
typedef struct loci__vectors_out {
  size_t n, dim;
  const char *const *words;
  const uint32_t *lengths;
  const float *rows;      /* n × dim, row i at rows + i·stride */
  size_t stride;          /* floats; 0 = dim */
  const uint64_t *counts; /* or NULL */
  loci__meter *meter;     /* or NULL: told how many words are written; when it says stop, nothing is left */
} loci__vectors_out;

/* By the ending: .bin, .txt/.vec, .npy (labels beside it in NAME.labels); USAGE for another ending. Streamed to a
 * temporary file, fsynced, renamed. Words with white space in them are refused for .bin and text (FORMAT, by name). */
loci_status loci__vectors_write(loci_context *context, const char *path, loci_vectors_format format,
                                loci_precision precision, const loci__vectors_out *vectors, loci_error *error);
/* Whether a format can hold a word: .bin and text none with white space nor "", arrays none with a line end, fastText's none
 * with a NUL. */
bool loci__vectors_word_fits(loci_vectors_format format, const char *word, size_t length);
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
  const float *input;  /* (n_words + bucket) × dim; NULL: see input_bytes */
  const float *output; /* (n_words, or n_labels for supervised) × dim */
  float *owned_input, *owned_output;
  size_t n_input, n_output; /* rows of each; 0 = as the two lines above say (for writing) */
  /* Of a file that was read: the matrices as they lie there, aligned or not. The format has no padding, so `input` can
   * point there in one file of four. */
  const unsigned char *input_bytes, *output_bytes;
  /* For writing, of matrices that do not lie in one piece: row i, NULL = zeros. They go before the pointers above. */
  const float *(*input_row)(void *arg, size_t i), *(*output_row)(void *arg, size_t i);
  void *rows_arg;
  loci__mapping mapping;
};

/* UNSUPPORTED, by name, for a quantised model (.ftz). */
loci_status loci__fasttext_open(loci_context *context, const char *path, loci__fasttext **out, loci_error *error);
void loci__fasttext_close(loci__fasttext *file);
/* The same of bytes that outlive it. `floats` false: input and output stay NULL where they are not aligned, and nothing is
 * copied. */
loci_status loci__fasttext_parse(loci_context *context, const char *name, const void *bytes, size_t length, bool floats,
                                 loci__fasttext **out, loci_error *error);
/* The vector of a word as fastText tells it: the mean of its row (i ≥ 0: its number; −1: not in the vocabulary) and those
 * of its n-grams. False when it has neither: then out is 0. */
bool loci__fasttext_vector(const loci__fasttext *file, int64_t i, const char *word, size_t length, float *out);
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
