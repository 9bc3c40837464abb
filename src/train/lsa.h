/* train/lsa.h: counts and a truncated SVD: latent semantic analysis and PPMI.
 *
 *   sparse.c   compressed sparse rows: transposing, products with blocks of vectors, on the pool
 *   svd.c      the greatest singular values and vectors of a sparse matrix
 *   terms.c    the encoded corpus → term-document matrix; weightings
 *   factor.c   the factorisation within a training: checkpoints of its basis
 *   lsa.c      loci_train_lsa
 *   ppmi.c     loci_train_ppmi: the encoded corpus → co-occurrences → positive pointwise mutual information
 *
 * Ownership: a matrix and a decomposition own their arrays. Threads: everything runs on the pool in tasks whose cuts
 * depend on the matrix alone, and what tasks sum is added up in their order: the same bits at any number of threads.
 */
#ifndef LOCI_TRAIN_LSA_H
#define LOCI_TRAIN_LSA_H

#include "../base/base.h"
#include "train.h"
#include "trainer.h"

/* ---- sparse.c ---- */

typedef struct loci__sparse {
  loci_context *context;
  size_t n_rows, n_columns;
  size_t *starts;    /* n_rows + 1 */
  uint32_t *columns; /* in any order within a row; a transpose has them ascending */
  float *values;
} loci__sparse;

/* Arrays for n_values entries; what they hold is not set but starts, all 0. {0} and a failed one are releasable. */
loci_status loci__sparse_init(loci__sparse *matrix, loci_context *context, size_t n_rows, size_t n_columns,
                              size_t n_values, loci_error *error);
void loci__sparse_release(loci__sparse *matrix);
size_t loci__sparse_count(const loci__sparse *matrix);
loci_status loci__sparse_transpose(const loci__sparse *matrix, loci__sparse *out, loci_error *error);
/* Into arrays that are there, with room for it; its starts are set. ends: where each row of `matrix` ends when that is before
 * the next one begins, or NULL. */
loci_status loci__sparse_transpose_into(const loci__sparse *matrix, const size_t *ends, loci__sparse *out,
                                        loci_error *error);
/* y = A·x: blocks of LOCI__BLOCK columns, x of n_columns rows, y of n_rows. */
loci_status loci__sparse_multiply(const loci__sparse *matrix, const double *x, double *y, loci_error *error);

/* The same in single precision; double_y (exactly one of y and it is not NULL) takes the sums as doubles. */
loci_status loci__sparse_multiply_f32(const loci__sparse *matrix, const float *x, float *y, double *double_y,
                                      loci_error *error);

/* ---- svd.c ---- */

typedef struct loci__svd {
  loci_context *context;
  size_t n_rows, n_columns, rank; /* rank: of those asked for, the values that are not 0 */
  double *values;                 /* descending */
  float *left, *right; /* n_rows × rank, n_columns × rank; a column's greatest magnitude in `left` is positive */
  double sum_squares;  /* of all entries of the matrix: Σ of all squared singular values */
  size_t n_products, n_restarts; /* with blocks, there and back; for the card */
} loci__svd;

/* What a run in work is: handed to `keep` between steps. */
typedef struct loci__svd_state {
  size_t n_blocks;   /* of the basis, the next one included */
  size_t generation; /* restarts so far: the blocks are new ones then */
  size_t block_rows; /* a block is block_rows × LOCI__BLOCK doubles */
  double *const *blocks;
  double *projected;  /* capacity × capacity: the matrix seen from the basis */
  double *coupling;   /* LOCI__BLOCK × LOCI__BLOCK */
  size_t capacity;    /* columns: of `projected` */
  double counters[8]; /* the rest, exactly representable */
} loci__svd_state;

typedef struct loci__svd_options {
  size_t rank;
  double tolerance; /* of singular values, relative; 0 = 1e-5 */
  uint64_t seed;
  const loci__sparse *transpose; /* of the matrix, or NULL: then it is made */
  size_t max_blocks;             /* of the basis before a restart; 0 = the default for the rank */
  loci__meter *meter;
  /* Called between steps instead of the meter; may be NULL. */
  loci_status (*keep)(void *arg, const loci__svd_state *state, loci_error *error);
  /* Called once at the start with the capacity; fills state and blocks (which it finds allocated up to the capacity) and
   * sets n_blocks when there is something to go on from. May be NULL. */
  loci_status (*load)(void *arg, loci__svd_state *state, loci_error *error);
  void *arg;
} loci__svd_options;

loci_status loci__svd_compute(const loci__sparse *matrix, const loci__svd_options *options, loci__svd *out,
                              loci_error *error);
void loci__svd_release(loci__svd *svd);
/* Bytes that loci__svd_compute takes beside the matrix and its transpose. */
size_t loci__svd_memory(size_t n_rows, size_t n_columns, size_t rank);

/* ---- factor.c ---- */

/* loci__svd_compute with the trainer's meter and checkpoints. `transpose` of the matrix. */
loci_status loci__factor(loci__trainer *trainer, const loci__sparse *matrix, const loci__sparse *transpose, size_t rank,
                         double tolerance, loci__svd *out, loci_error *error);
/* Further lines for the card. */
void loci__factor_tell(const loci__svd *svd, loci__buffer *out);

/* ---- terms.c ---- */

typedef struct loci__terms {
  loci_context *context;
  loci__sparse terms, documents; /* terms × documents, and its transpose (before weighting: only room for it) */
  size_t n_terms, n_documents;   /* documents: lines, empty ones too */
  size_t n_filled;               /* documents with at least one term */
  uint32_t *words;               /* n_terms: the word of a term, ascending */
  uint32_t *frequencies;         /* n_terms: documents that hold it */
  float *global;                 /* n_terms: the part of the weight that does not depend on the document */
} loci__terms;

/* Counts the stream's words line by line. Words in fewer than min_documents lines, or in more than most_share of those that
 * are not empty, are no terms. `max_memory` 0 = no limit; `more`: bytes that the caller will need beside a matrix of so
 * many terms and documents. NOT_FOUND when no term is left. */
typedef size_t (*loci__terms_more_fn)(size_t n_terms, size_t n_documents, const void *arg);
loci_status loci__terms_count(loci_context *context, const loci__stream *stream, size_t n_words, uint64_t min_documents,
                              double most_share, size_t max_memory, loci__terms_more_fn more, const void *arg,
                              loci__meter *meter, loci__terms *out, loci_error *error);
/* Counts become weights, in both matrices. Once. */
loci_status loci__terms_weight(loci__terms *terms, loci_weighting weighting, loci_error *error);
void loci__terms_release(loci__terms *terms);

/* ---- ppmi.c ---- */

/* The matrix M of an open trainer's corpus, for its tests; loci__sparse_release. */
loci_status loci__ppmi_matrix(loci__trainer *trainer, const loci_ppmi_options *options, loci__sparse *matrix,
                              loci_error *error);

#endif
