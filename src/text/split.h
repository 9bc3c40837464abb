/* text/split.h: the bytes of a corpus → words, in batches; the blocks of a file → the pool.
 *
 * A split is fed bytes in pieces of any size, cut anywhere (inside a character too), and gives the same words for any
 * cutting. It needs memory for one batch and one word, whatever is fed: of a longer word the first max_word bytes are kept.
 * LOCI_SPLIT_MODEL holds one line, or LOCI__LONGEST_LINE bytes of a longer one.
 *
 * Ownership: a split owns its buffers; tokens die with the call that they are handed to. Threads: one a thread.
 */
#ifndef LOCI_TEXT_SPLIT_H
#define LOCI_TEXT_SPLIT_H

#include "corpus.h"

enum {
  LOCI__LONGEST_LINE = 1 << 20, /* LOCI_SPLIT_MODEL: a longer line is cut at white space, or else at a character */
  LOCI__LONGEST_WORD = 1 << 20, /* greatest max_word */
  LOCI__LONGEST_NGRAM = 64,
  LOCI__BLOCK = 1 << 20 /* bytes of a file that a task takes: fits a second-level cache */
};

/* A word, or the end of a line (length 0). */
typedef struct loci__token {
  const char *word; /* NUL behind it, and at least 16 readable bytes from its start */
  uint32_t length;
  uint32_t hash; /* loci__word_hash */
  uint64_t at;   /* byte offset of what it was made from */
} loci__token;

typedef loci_status (*loci__tokens_fn)(void *arg, const loci__token *tokens, size_t n, loci_error *error);

typedef struct loci__split loci__split;

/* USAGE for values out of range. `batch`: tokens handed over at a time. */
loci_status loci__split_new(loci_context *context, const loci__splitter *splitter, size_t batch, loci__tokens_fn each,
                            void *arg, loci__split **out, loci_error *error);
void loci__split_free(loci__split *split);
/* A new text, whose first byte has this offset. */
void loci__split_begin(loci__split *split, uint64_t offset);
loci_status loci__split_feed(loci__split *split, const char *bytes, size_t n, loci_error *error);
/* The end of the text: what is unfinished is given, and the last batch. */
loci_status loci__split_end(loci__split *split, loci_error *error);
/* Words that were longer than max_word, since it was made. */
uint64_t loci__split_n_cut(const loci__split *split);

/* ---- hashing: 16 bytes at a time, multiplied to 128 bits and folded; tables only ---- */

static inline uint64_t loci__word_mix(uint64_t a, uint64_t b) {
  unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

extern const unsigned char loci__word_mask[32]; /* 16 times 255, 16 times 0 */

/* The first `length` ≤ 16 of 16 readable bytes, zeros behind. Without a branch: lengths cannot be foretold. */
static inline void loci__word_load(const char *word, size_t length, uint64_t *a, uint64_t *b) {
  uint64_t low, high, low_mask, high_mask;
  memcpy(&low, word, 8);
  memcpy(&high, word + 8, 8);
  memcpy(&low_mask, loci__word_mask + 16 - length, 8);
  memcpy(&high_mask, loci__word_mask + 24 - length, 8);
  *a = low & low_mask;
  *b = high & high_mask;
}

/* 16 bytes into the state. */
static inline uint64_t loci__word_round(uint64_t h, uint64_t a, uint64_t b) {
  return loci__word_mix(a ^ h ^ 0xA0761D6478BD642Fu, b ^ 0xE7037ED1A0B428DBu);
}

/* split.c: all of a word of more than 16 bytes but the last 1…16. */
uint64_t loci__word_hash_long(const char *word, size_t length, uint64_t h);

/* At least 16 bytes must be readable at `word`. The machine's byte order: tables are not stored. */
static inline uint32_t loci__word_hash(const char *word, size_t length) {
  uint64_t a, b, h = length * 0x9E3779B97F4A7C15u;
  if (length > 16) {
    h = loci__word_hash_long(word, length, h);
    word += length - 16; /* bytes that were taken already may come again: the length is part of the hash */
    length = 16;
  }
  loci__word_load(word, length, &a, &b);
  h = loci__word_round(h, a, b);
  return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

/* For words from elsewhere. */
static inline uint32_t loci__word_hash_any(const char *word, size_t length) {
  char padded[16] = {0};
  if (length >= 16) return loci__word_hash(word, length);
  memcpy(padded, word, length);
  return loci__word_hash(padded, length);
}

/* ---- a file in blocks (corpus.c) ---- */

/* What became of a corpus. */
typedef struct loci__corpus_totals {
  uint64_t n_bytes, n_lines, n_cut;
  char hash[33];
} loci__corpus_totals;

typedef struct loci__corpus_job {
  const char *path;
  const loci__splitter *splitter;
  loci__meter *meter; /* or NULL; told from the calling thread only; its stage is the caller's */
  bool hash;
  /* The tokens of a block, in order; no two calls with one worker number at a time. A word belongs to the block in which
   * its run of bytes without white space begins. */
  loci_status (*tokens)(void *arg, size_t block, size_t worker, const loci__token *tokens, size_t n, loci_error *error);
  /* The block is done; may be NULL. Called for every block, blocks without words too; in no order. */
  loci_status (*done)(void *arg, size_t block, size_t worker, loci_error *error);
  /* Some task failed, whatever the cause: whoever waits for its block must give up. May be NULL. */
  void (*stop)(void *arg);
  void *arg;
} loci__corpus_job;

/* Reads the corpus once, blocks in parallel. Cuts depend on the file alone. */
loci_status loci__corpus_run(loci_context *context, const loci__corpus_job *job, loci__corpus_totals *totals,
                             loci_error *error);
/* Regular file and its size; IO or USAGE (not a file) with its name. */
loci_status loci__corpus_size(loci_context *context, const char *path, uint64_t *size, loci_error *error);
/* LOCI_SPLIT_MODEL: the tokenizer of split_model, a path or a name that is looked up in the context's model path; else
 * NULL. */
loci_status loci__split_model_open(loci_context *context, const loci_corpus_options *options, loci_tokenizer **out,
                                   loci_error *error);
/* Options → splitter: defaults filled in, ranges checked. */
loci_status loci__splitter_of(const loci_corpus_options *options, const loci_tokenizer *tokenizer,
                              loci__splitter *splitter, loci_error *error);

#endif
