/* loci/align.h: two languages in one space.
 *
 * Vectors of two languages, each learned from texts of its own, have much the same shape. A dictionary of some hundred
 * pairs of words says how to turn one onto the other: by an orthogonal matrix, which leaves every cosine and length within
 * a language what it was (Xing et al. 2015; Smith et al. 2017). Afterwards a word's nearest neighbours in the other language
 * are its translations, or so one hopes: loci_align_score measures it on pairs that were not learned from.
 */
#ifndef LOCI_ALIGN_H
#define LOCI_ALIGN_H

#include "core.h"
#include "explore.h"
#include "vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The orthogonal matrix W (dim × dim, row-major) for which Σ |xᵢ·W − yᵢ|² is smallest over n pairs of rows: U·Vᵀ of the
 * singular value decomposition XᵀY = U·S·Vᵀ (Schönemann 1966). Sums and decomposition in double. Fewer independent pairs
 * than dimensions leave W open in the others: it is completed there so that it moves as little as it may. */
LOCI_API loci_status loci_procrustes(loci_context *context, const float *x, const float *y, size_t n, size_t dim,
                                     double *w, loci_error *error);

typedef struct loci_align_options {
  size_t struct_size;
  size_t refinements; /* rounds in which words that are each other's nearest by CSLS join the dictionary; default 5 */
  size_t csls_k;      /* neighbours that CSLS takes the mean of; default 10 */
  size_t most;        /* in a refinement, only the first so many words of either side; default 15000, 0 = all */
  loci_progress_fn progress;
  void *progress_user;
} loci_align_options;

LOCI_API void loci_align_options_init(loci_align_options *options);

typedef struct loci_alignment {
  loci_context *context;
  size_t dim;
  double *w;        /* dim × dim, row-major, orthogonal: x becomes x·W */
  size_t n_pairs;   /* that were given */
  size_t n_refined; /* that the last round added */
  double fit;       /* mean cosine of the given pairs, mapped */
} loci_alignment;

/* pairs: rows of source and target, two each, at pairs + 2·i. Rows count as unit vectors. USAGE when the widths differ or
 * there is no pair; a pair with a zero vector or one that is not finite is left out. Same bits at any number of
 * threads. */
LOCI_API loci_status loci_align(const loci_vectors *source, const loci_vectors *target, const size_t *pairs, size_t n,
                                const loci_align_options *options, loci_alignment *out, loci_error *error);
LOCI_API void loci_alignment_release(loci_alignment *alignment);

/* The source's words with their vectors mapped: a table like any other. */
LOCI_API loci_status loci_align_vectors(const loci_alignment *alignment, const loci_vectors *source, loci_vectors **out,
                                        loci_error *error);

typedef struct loci_share {
  double value, low, high; /* Wilson's interval, 95 % */
  size_t n_right, n;
} loci_share;
/* A share with the interval that it comes with when n is small (Wilson 1927). */
LOCI_API loci_share loci_share_of(size_t n_right, size_t n);

typedef struct loci_align_report {
  loci_share cosine,
      csls; /* P@1: of the distinct words of the source, those whose nearest word is one of their partners */
} loci_align_report;

/* How well words are translated: `mapped` (loci_align_vectors) into `target`, over pairs that should not be those that were
 * learned from. All words of the target are candidates. csls_k 0 = 10. */
LOCI_API loci_status loci_align_score(const loci_vectors *mapped, const loci_vectors *target, const size_t *pairs,
                                      size_t n, size_t csls_k, loci_align_report *out, loci_error *error);

/* The k rows of `vectors` nearest to `query` (dim floats), which stands in the space of `from` (the mapped words of another
 * language), by cross-domain similarity local scaling (Conneau et al. 2018): 2·cos(x, y) − r(x) − r(y), r the mean cosine
 * with the csls_k nearest rows of the other language. It takes from words that are near to everything what cosine gives
 * them for nothing. Looked for among the 1,000 rows (or 10·k) of greatest cosine. */
LOCI_API loci_status loci_csls(const loci_vectors *vectors, const loci_vectors *from, const float *query, size_t k,
                               size_t csls_k, loci_neighbor *out, size_t *n, loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
