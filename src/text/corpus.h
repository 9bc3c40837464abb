/* text/corpus.h: a corpus as a stream of words, its vocabulary, and the corpus as word numbers.
 *
 *   split.c        the bytes of a block → words, by each of the ways of loci_split
 *   corpus.c       a file in blocks, on the pool: every block goes to a function, in tasks of fixed cuts
 *   vocabulary.c   counting, the table of words, reading and writing it
 *   stream.c       the corpus once encoded: what trainers read, epoch after epoch
 *   phrases.c      word2phrase
 *
 * Trainers never see text: loci__stream_make turns the corpus into a file of int32 word numbers, −1 where a line ends;
 * words outside the vocabulary are left out (as word2vec, GloVe and fastText leave them out). It lies in the checkpoint's
 * folder, is mapped, and is made anew when it is not there.
 *
 * Ownership: a vocabulary owns its words. Threads: a vocabulary and a stream are immutable and shared.
 */
#ifndef LOCI_TEXT_CORPUS_H
#define LOCI_TEXT_CORPUS_H

#include "../base/base.h"
#include "../base/file.h"
#include "loci/corpus.h"
#include "loci/tokenizer.h"

enum { LOCI__LINE_END = -1 };

/* What is needed of a corpus once its options are resolved. `tokenizer` is the caller's (LOCI_SPLIT_MODEL: text/ opens no
 * models; the caller hands in its tokenizer). */
typedef struct loci__splitter {
  loci_split split;
  loci_fold fold;
  const loci_tokenizer *tokenizer;
  size_t ngram, max_word;
} loci__splitter;

/* One word. `word` dies with the call. Non-OK ends the splitting. */
typedef loci_status (*loci__word_fn)(void *arg, const char *word, size_t length, loci_error *error);

/* The words of one text in order (no line ends: '\n' is white space). *n_cut (may be NULL) += words longer than
 * max_word. Used for corpora block by block and for texts that are embedded. */
loci_status loci__split_text(loci_context *context, const loci__splitter *splitter, const char *text, size_t length,
                             loci__word_fn each, void *arg, uint64_t *n_cut, loci_error *error);

/* loci_vocabulary_count with the tokenizer at hand. */
loci_status loci__vocabulary_count(loci_context *context, const char *corpus, const loci_corpus_options *options,
                                   const loci_tokenizer *tokenizer, loci_vocabulary **out, loci_error *error);

/* A vocabulary of these words in this order (trainers that re-order, files of vectors). Words are copied; counts may be
 * NULL (all 0). */
loci_status loci__vocabulary_of(loci_context *context, const char *const *words, const uint32_t *lengths,
                                const uint64_t *counts, size_t n, loci_vocabulary **out, loci_error *error);
size_t loci__vocabulary_size(const loci_vocabulary *vocabulary);
uint64_t loci__vocabulary_tokens(const loci_vocabulary *vocabulary); /* Σ counts */
/* length may be NULL. */
const char *loci__vocabulary_word(const loci_vocabulary *vocabulary, size_t i, size_t *length, uint64_t *count);
/* Ties of equal counts by bytes instead of by first appearance: as signed numbers, in the order of GloVe's vocab_count on
 * x86-64. */
loci_status loci__vocabulary_sort_ties_by_bytes(loci_vocabulary *vocabulary, loci_error *error);

/* ---- the encoded corpus ---- */

typedef struct loci__stream {
  loci_context *context;
  loci__mapping mapping;
  const int32_t *ids; /* word numbers, LOCI__LINE_END at the end of each line (empty lines too) */
  size_t n;           /* line ends included */
  uint64_t n_tokens;  /* without them */
} loci__stream;

/* Encodes `corpus` into the file `path` (atomically; on the pool, same bytes at any number of threads), unless it is there
 * and was made from the same bytes, splitter and vocabulary (a header tells); maps it. IO with the path when the disk is
 * full. */
loci_status loci__stream_make(loci_context *context, const char *corpus, const loci__splitter *splitter,
                              const loci_vocabulary *vocabulary, const char *path, loci__meter *meter,
                              loci__stream *out, loci_error *error);
void loci__stream_close(loci__stream *stream);

#endif
