/* loci/corpus.h: a corpus as words: splitting, counting, phrases.
 *
 * A corpus is a file of UTF-8 text, a sentence or paragraph a line, of any size, with lines and words of any length
 * (ill-formed bytes count as U+FFFD; a NUL is an ordinary control character). It is streamed, never held.
 */
#ifndef LOCI_CORPUS_H
#define LOCI_CORPUS_H

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum loci_split {
  LOCI_SPLIT_WORDS = 0, /* UAX #29 word boundaries; a segment without a letter or number is left out */
  LOCI_SPLIT_SPACE = 1, /* white space of ASCII, as the word2vec, GloVe and fastText programs split */
  LOCI_SPLIT_CHARS = 2, /* overlapping n-grams of grapheme clusters, within runs of letters and numbers */
  LOCI_SPLIT_MODEL = 3  /* the pieces of a model's tokenizer */
} loci_split;

typedef enum loci_fold {
  LOCI_FOLD_LOWER = 0, /* lower case, the whole of Unicode (the scalar's simple mapping) */
  LOCI_FOLD_ASCII = 1, /* A-Z only */
  LOCI_FOLD_NONE = 2
} loci_fold;

typedef struct loci_corpus_options {
  size_t struct_size;
  loci_split split;
  loci_fold fold;
  const char *split_model; /* LOCI_SPLIT_MODEL: a model's name or folder, or a tokenizer's file */
  size_t ngram;            /* LOCI_SPLIT_CHARS: n, default 2; a shorter run is one token */
  size_t max_word;         /* bytes of a word; longer ones are cut at a character, and counted as cut; default 1,024 */
  uint64_t min_count;      /* rarer words are no part of the vocabulary; default 5 */
  uint64_t max_vocabulary; /* only so many of the most frequent; 0 = no limit */
  size_t max_memory;       /* bytes; LIMIT, with the estimate, when more would be needed; 0 = no limit */
  loci_progress_fn progress;
  void *progress_user;
} loci_corpus_options;

LOCI_API void loci_corpus_options_init(loci_corpus_options *options);

/* ---- vocabulary: words, most frequent first; equal counts in the order of their first appearance ---- */

typedef struct loci_vocabulary loci_vocabulary;

typedef struct loci_vocabulary_info {
  size_t struct_size;
  size_t n_words;                     /* kept */
  uint64_t n_tokens;                  /* of kept words, in the corpus */
  uint64_t n_all_words, n_all_tokens; /* rare ones included; equal to the above for a vocabulary that was read */
  uint64_t n_lines, n_bytes;
  uint64_t n_cut; /* words longer than max_word */
  char hash[33];  /* of the corpus's bytes (XXH3-128); "" for a vocabulary that was read */
} loci_vocabulary_info;

/* Counts with the context's threads; the same vocabulary at any number of them. NOT_FOUND for a corpus without words, or
 * without one that is frequent enough (the message says which). */
LOCI_API loci_status loci_vocabulary_count(loci_context *context, const char *corpus,
                                           const loci_corpus_options *options, loci_vocabulary **out,
                                           loci_error *error);
/* "word count" a line, as word2vec's -save-vocab and GloVe's vocab_count write it. The order of the file is kept. */
LOCI_API loci_status loci_vocabulary_read(loci_context *context, const char *path, loci_vocabulary **out,
                                          loci_error *error);
LOCI_API loci_status loci_vocabulary_write(const loci_vocabulary *vocabulary, const char *path, loci_error *error);
LOCI_API void loci_vocabulary_free(loci_vocabulary *vocabulary);

LOCI_API void loci_vocabulary_get_info(const loci_vocabulary *vocabulary, loci_vocabulary_info *info);
/* Word i, NUL-terminated, owned by the vocabulary; *count may be NULL. NULL past the end. */
LOCI_API const char *loci_vocabulary_word(const loci_vocabulary *vocabulary, size_t i, uint64_t *count);
/* The index of a word, or −1. */
LOCI_API int32_t loci_vocabulary_find(const loci_vocabulary *vocabulary, const char *word, size_t length);

/* ---- phrases (Mikolov et al. 2013b, eq. 6; word2phrase) ---- */

typedef struct loci_phrases_options {
  size_t struct_size;
  loci_corpus_options corpus; /* split defaults to LOCI_SPLIT_SPACE here, as in word2phrase */
  double threshold;           /* default 100 */
} loci_phrases_options;

typedef struct loci_phrases_info {
  uint64_t n_tokens, n_phrases, n_joined; /* distinct pairs over the threshold; places where two words were joined */
} loci_phrases_info;

LOCI_API void loci_phrases_options_init(loci_phrases_options *options);

/* Writes the corpus with its phrases joined by "_" to `output` (byte-equal to word2phrase's for LOCI_SPLIT_SPACE without
 * folding, where that program's fixed table of hashes does not drop words). `info` may be NULL. */
LOCI_API loci_status loci_phrases(loci_context *context, const char *corpus, const loci_phrases_options *options,
                                  const char *output, loci_phrases_info *info, loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
