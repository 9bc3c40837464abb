/* train/glove.h: GloVe (Pennington, Socher and Manning 2014): vectors whose products are the logarithms of co-occurrences.
 *
 *   glove.c          loci_train_glove, loci_cooccurrences: options → corpus → co-occurrences → one of the optimisers → files
 *   glove_tiles.c    the co-occurrence matrix cut into tiles, which is what the default optimiser reads
 *   glove_blocked.c  the default optimiser: floats, tiles on the pool, the same bits at any number of threads
 *   glove_exact.c    the reference's optimiser: doubles, one thread, its order
 *   glove_shuffle.c  the reference's shuffle and its random numbers
 *
 * In OUTPUT.checkpoint: stream (the encoded corpus, until the counts are made), pairs (exact: the co-occurrences, with
 * pairs.key: what they were counted from), tiles (default), checkpoint (the optimiser's state).
 *
 * Ownership and threads: one thread drives a run; each struct here belongs to it. Only tiles and models go to the pool.
 */
#ifndef LOCI_TRAIN_GLOVE_H
#define LOCI_TRAIN_GLOVE_H

#include "../kernel/kernel.h"
#include "cooccur.h"
#include "trainer.h"

#define LOCI__GLOVE_CLIP 100.0 /* gradient components are cut to ± this */

/* ---- glove_tiles.c ---- */

typedef struct loci__glove_tiling {
  size_t n_words, dim;
  double x_max, alpha;
  uint64_t seed;
  char key[33]; /* hash of all that the tiles depend on */
} loci__glove_tiling;

/* Words are dealt out to n_blocks blocks as rows and as columns; tile (i, j) is pairs[starts[i·n_blocks + j] …], in the
 * order in which it is worked off. Immutable. */
typedef struct loci__glove_tiles {
  loci__mapping mapping;
  size_t n_words, n_blocks;
  uint64_t n_pairs;
  const uint64_t *starts;                     /* n_blocks² + 1 */
  const uint16_t *row_blocks, *column_blocks; /* of each word */
  const loci__glove_pair *pairs;
} loci__glove_tiles;

/* Writes the tiles of n checked records to `path`, atomically. */
loci_status loci__glove_tiles_make(loci_context *context, const loci__cooccur_record *records, size_t n,
                                   const loci__glove_tiling *tiling, const char *path, loci__meter *meter,
                                   loci_error *error);
/* Maps and checks them: every pair lies in its tile. NOT_FOUND: there are none, or they have another key. */
loci_status loci__glove_tiles_open(loci_context *context, const char *path, const loci__glove_tiling *tiling,
                                   loci__glove_tiles *tiles, loci_error *error);
void loci__glove_tiles_close(loci__glove_tiles *tiles);
/* Blocks that so many pairs of so many words are cut into. */
size_t loci__glove_blocks(uint64_t n_pairs, size_t n_words);

/* ---- glove_blocked.c ---- */

/* As loci__glove_step has it. */
typedef struct loci__glove_model {
  size_t n_words, dim, stride;
  float *rows, *columns; /* n_words × 2·stride */
  float *biases;         /* of rows, then of columns: n_words × 2 each */
} loci__glove_model;

size_t loci__glove_model_bytes(size_t n_words, size_t dim); /* SIZE_MAX on overflow */
/* Vectors and biases uniform in ±½/dim, squares 1. {0} is releasable. */
loci_status loci__glove_model_init(loci_context *context, size_t n_words, size_t dim, uint64_t seed,
                                   loci__glove_model *model, loci_error *error);
void loci__glove_model_release(loci_context *context, loci__glove_model *model);
/* The tiles (i, i + diagonal mod n_blocks): no two share a row or a column, so they run at once on the pool and the result
 * does not depend on who is faster. *cost += their Σ ½·f·e². */
loci_status loci__glove_diagonal(loci_context *context, const loci__glove_tiles *tiles, loci__glove_model *model,
                                 double eta, size_t diagonal, double *cost, loci_error *error);
/* The order of the diagonals in an epoch: order has n_blocks. */
void loci__glove_diagonals(size_t n_blocks, uint64_t seed, uint64_t epoch, uint32_t *order);
loci_status loci__glove_train_blocked(loci__trainer *trainer, const loci_glove_options *options,
                                      const loci__glove_tiles *tiles, loci_error *error);

/* ---- glove_exact.c ---- */

typedef struct loci__glove_exact {
  size_t n_words, dim;
  double *weights, *squares; /* 2·n_words rows (words, then contexts) of dim + 1: the vector and its bias */
  double *moves;             /* 2 · dim */
} loci__glove_exact;

loci_status loci__glove_exact_init(loci_context *context, size_t n_words, size_t dim, uint32_t seed,
                                   loci__glove_exact *model, loci_error *error);
void loci__glove_exact_release(loci_context *context, loci__glove_exact *model);
/* One record; returns its cost. */
double loci__glove_exact_step(loci__glove_exact *model, const loci__cooccur_record *record, double eta, double x_max,
                              double alpha);
loci_status loci__glove_train_exact(loci__trainer *trainer, const loci_glove_options *options,
                                    const loci__cooccur_record *records, size_t n, double gigabytes, loci_error *error);

/* ---- glove_shuffle.c ---- */

/* srand and rand of the GNU C library: the additive feedback generator x³¹ + x³ + 1 over 32 bits. */
typedef struct loci__c_random {
  uint32_t state[31];
  unsigned next;
} loci__c_random;
void loci__c_random_init(loci__c_random *random, uint32_t seed);
uint32_t loci__c_random_next(loci__c_random *random); /* 0 … 2³¹ − 1 */

/* Where the reference's `shuffle -seed` with chunks of `chunk` records brings n records: order[i] is the old place of the
 * i-th. */
loci_status loci__glove_shuffle(loci_context *context, size_t n, size_t chunk, uint32_t seed, uint32_t *order,
                                loci_error *error);

#endif
