/* loci/vectors.h: tables of vectors with a word to each: opened, made, asked, converted.
 *
 * Opened from word2vec .bin and .txt/.vec, GloVe .txt (no header), fastText .bin, .npy with a file of labels beside it,
 * and the tokens of a static model's folder, told apart by content (docs/vectors.md has the formats); or filled row by
 * row (loci_vectors_new). The passages of a collection are such a table, too: loci_collection_vectors.
 */
#ifndef LOCI_VECTORS_H
#define LOCI_VECTORS_H

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct loci_vectors loci_vectors;

typedef enum loci_vectors_format {
  LOCI_VECTORS_UNKNOWN = 0,
  LOCI_VECTORS_WORD2VEC = 1, /* .bin */
  LOCI_VECTORS_TEXT = 2,     /* .txt, .vec: "n dim" first */
  LOCI_VECTORS_GLOVE = 3,    /* text without that line */
  LOCI_VECTORS_FASTTEXT = 4, /* .bin with subwords */
  LOCI_VECTORS_NPY = 5,
  LOCI_VECTORS_FOLDER = 6, /* a static model */
  LOCI_VECTORS_MEMORY = 7  /* made by loci_vectors_new */
} loci_vectors_format;

typedef struct loci_vectors_options {
  size_t struct_size;
  const char *labels; /* .npy: a word a line; NULL = the same name with ".labels" or ".txt" instead of ".npy" */
  size_t max_memory;  /* bytes; LIMIT when the file needs more; 0 = no limit */
  size_t most;        /* only the first so many words; 0 = all */
} loci_vectors_options;

LOCI_API void loci_vectors_options_init(loci_vectors_options *options);

/* `path`: a file or a model's folder; what is neither there and has no '/' in it is a name looked up in the context's
 * model_path, as loci_model_open does it. `options` may be NULL. FORMAT with file and offset when it is broken; UNSUPPORTED
 * by name for .ftz, GloVe's .bin and models that have no vector a word. */
LOCI_API loci_status loci_vectors_open(loci_context *context, const char *path, const loci_vectors_options *options,
                                       loci_vectors **out, loci_error *error);
LOCI_API void loci_vectors_close(loci_vectors *vectors);

/* A table in memory with room for n rows of dim numbers, n and dim from 1. `name` stands for the path in messages. It is
 * filled by loci_vectors_add, in one thread, before anything else is asked of it, and closed like the others. */
LOCI_API loci_status loci_vectors_new(loci_context *context, const char *name, size_t n, size_t dim, loci_vectors **out,
                                      loci_error *error);
/* All is copied. `text`: what a person is shown beside the word, such as the passage it stands for; NULL = nothing.
 * LIMIT when the table is full. */
LOCI_API loci_status loci_vectors_add(loci_vectors *vectors, const char *word, size_t length, const float *row,
                                      const char *text, size_t text_length, loci_error *error);

typedef struct loci_vectors_info {
  size_t struct_size;
  loci_vectors_format format;
  const char *path;
  size_t n, dim;
  int has_counts, has_subwords;
} loci_vectors_info;

LOCI_API void loci_vectors_get_info(const loci_vectors *vectors, loci_vectors_info *info);
/* Word i and its length (words may hold any bytes but white space); NULL past the end. */
LOCI_API const char *loci_vectors_word(const loci_vectors *vectors, size_t i, size_t *length);
/* Row i: dim floats, owned by `vectors`. */
LOCI_API const float *loci_vectors_row(const loci_vectors *vectors, size_t i);
/* How often word i stood in the corpus, 0 when that is not known. */
LOCI_API uint64_t loci_vectors_count(const loci_vectors *vectors, size_t i);
/* The index of a word, or −1. The first of equal words counts. */
LOCI_API int64_t loci_vectors_find(const loci_vectors *vectors, const char *word, size_t length);
/* The text beside word i, NUL-terminated, or NULL: only tables made by loci_vectors_new have any. */
LOCI_API const char *loci_vectors_text(const loci_vectors *vectors, size_t i, size_t *length);
/* The rows whose words are spelled most like this one (at most 2 letters differ, 1 in words below 4; letters that differ
 * in ASCII case are equal), the best first, then in the order of the rows. Returns how many there are, at
 * most n. One pass over all words: for a message, not for a loop. */
LOCI_API size_t loci_vectors_spellings(const loci_vectors *vectors, const char *word, size_t length, size_t *out,
                                       size_t n);
/* The vector of any word: its row, else, with subwords, the mean of its n-grams. NOT_FOUND when there is none. */
LOCI_API loci_status loci_vectors_get(const loci_vectors *vectors, const char *word, size_t length, float *out,
                                      loci_error *error);

/* Writes a table: word2vec .bin, text (.txt, .vec) or .npy by the ending, USAGE for another; counts, where they are known, to
 * PATH.vocab. `card`: the text of PATH.card.md, or NULL. In one step, as loci_convert does it. */
LOCI_API loci_status loci_vectors_save(const loci_vectors *vectors, const char *path, const char *card,
                                       loci_error *error);

typedef enum loci_precision { LOCI_PRECISION_F32 = 0, LOCI_PRECISION_F16 = 1, LOCI_PRECISION_INT8 = 2 } loci_precision;

typedef struct loci_convert_options {
  size_t struct_size;
  loci_vectors_options input;
  loci_vectors_format format; /* LOCI_VECTORS_UNKNOWN: by the ending of the output */
  loci_precision precision;   /* F16: .npy and folders; INT8: folders; USAGE for a format that has no such thing */
  size_t prune; /* keep the N most frequent words (of the file's order when counts are not known); 0 = all */
  loci_progress_fn progress;
  void *progress_user;
  int all_but_the_top; /* non-zero: the mean is taken away from every vector, and its parts along … */
  size_t n_top;        /* … so many top principal directions (Mu and Viswanath 2018); not for fastText's format */
} loci_convert_options;

/* What a conversion read, wrote and left behind. */
typedef struct loci_convert_report {
  size_t struct_size;
  loci_vectors_format from, to;
  size_t n_read, n, dim; /* words of the input, words and numbers a word of the output */
  size_t n_pruned;       /* by `prune` */
  size_t n_duplicates;   /* words that stood there a second time */
  size_t n_unfit;        /* words that the output's format cannot hold (white space, a line end, none at all) */
  int dropped_subwords;  /* the input has vectors for words that are not in it; the output has not */
  int dropped_counts;    /* the input knew how often each word occurred; the output does not */
  double worst_error;    /* of a number, by the precision, over the greatest of its vector; 0 for float32 */
} loci_convert_report;

LOCI_API void loci_convert_options_init(loci_convert_options *options);
/* Counts, where they are known, are kept in OUTPUT.vocab ("word count" a line), and a model card beside the input
 * (INPUT.card.md) is copied. The output is replaced in one step; after a failure it is what it was. `report` may be
 * NULL. */
LOCI_API loci_status loci_convert(loci_context *context, const char *input, const loci_convert_options *options,
                                  const char *output, loci_convert_report *report, loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
