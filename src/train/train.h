/* train/: what learns vectors. First the distillation of an encoder to a static model (docs/distil.md).
 *
 *   distil.c    loci_distil: the recipe from teacher and corpus to a written model
 *   sample.c    which sentences of a corpus the teacher is asked about
 *   fit.c       training the rows against the teacher's sentence vectors
 *   algebra.c   dense algebra by LAPACK, opened at first use: nothing else of loci loads it
 *
 * Ownership: a call owns everything it makes and gives it back before it returns. Threads: the teacher works on the pool,
 * the fit on the calling thread, so the same seed gives the same bytes at any number of threads.
 */
#ifndef LOCI_TRAIN_TRAIN_H
#define LOCI_TRAIN_TRAIN_H

#include "../base/base.h"
#include "../base/file.h"
#include "loci/train.h"

/* ---- algebra.c ---- */

/* Eigenvalues (descending) and eigenvectors (row i belongs to value i) of the symmetric n × n matrix a, which is
 * overwritten by the vectors. The sign of a vector is fixed: its entry of greatest magnitude is positive. UNSUPPORTED
 * with the package's name when no LAPACK is installed. */
loci_status loci__eigen_symmetric(loci_context *context, size_t n, double *a, double *values, loci_error *error);

/* The same by divide and conquer: several times faster from some hundred rows on, and other bits. */
loci_status loci__eigen_divide(loci_context *context, size_t n, double *a, double *values, loci_error *error);
/* OK when a LAPACK is there: asked before hours are spent. */
loci_status loci__eigen_check(loci_error *error);

/* ---- fit.c ---- */

/* Sentences as bags of token ids: sentence i is tokens[starts[i] … starts[i + 1]). */
typedef struct loci__bags {
  size_t n;
  const size_t *starts; /* n + 1 */
  const int32_t *tokens;
} loci__bags;

typedef struct loci__fit_options {
  size_t epochs, batch;
  double rate; /* of the mean rms of the rows; falls linearly to 0 */
  double pull; /* share of the way back to the first rows that a touched row goes a step */
  uint64_t seed;
} loci__fit_options;

/* Moves rows (n_rows × dim) so that the normalised sum of a sentence's rows points where its target (n × dim, unit
 * length) points: loss 1 − cosine, lazy Adam. */
loci_status loci__fit_rows(loci_context *context, const loci__bags *bags, const float *targets, size_t dim, float *rows,
                           size_t n_rows, const loci__fit_options *options, loci__meter *meter, loci_error *error);

/* out[d] = normalised sum of the sentence's rows; zero when it has none. */
void loci__bag_vector(loci_context *context, const loci__bags *bags, size_t i, const float *rows, size_t dim,
                      float *out);

#endif
