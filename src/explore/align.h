/* explore/align.h: the insides of loci/align.h, and the products that paths share with it.
 *
 *   nearest_several.c  the k rows nearest to each of many vectors, rows packed once
 *   procrustes.c       the rotation between two sets of points
 *   align.c            learned, refined, applied, measured; CSLS
 */
#ifndef LOCI_EXPLORE_ALIGN_H
#define LOCI_EXPLORE_ALIGN_H

#include "explore.h"

#include "../kernel/kernel.h"
#include "loci/align.h"

/* ---- nearest_several.c ---- */

/* Rows made unit vectors and packed for products; immutable, for any number of calls. */
typedef struct loci__packed_rows {
  loci_context *context;
  const loci__kernels *kernels;
  size_t n, dim, n_blocks, width;
  float *packed; /* n_blocks × width × dim */
} loci__packed_rows;

loci_status loci__packed_rows_init(loci__packed_rows *rows, loci_context *context, const float *from, size_t n,
                                   size_t dim, loci_error *error);
void loci__packed_rows_release(loci__packed_rows *rows);

typedef struct loci__wanted {
  const float *targets; /* m × dim, unit length */
  size_t m, k;
  const float *penalties; /* of each row, taken off its cosine; NULL = none */
  const size_t *left_out; /* for each target a row that is no answer (SIZE_MAX: none), or NULL */
} loci__wanted;

/* For each target the k rows of greatest score, best first, equal ones in the order of the rows: out, m × k. Where there
 * are fewer: index SIZE_MAX, score −Inf. Rows that are not finite are never there. */
loci_status loci__packed_rows_nearest(const loci__packed_rows *rows, const loci__wanted *wanted, loci_neighbor *out,
                                      loci_error *error);

/* ---- procrustes.c ---- */

/* Where a decomposition ended, which is a good place for the next of a like matrix to begin. */
typedef struct loci__procrustes_start {
  double *v; /* dim × dim, the caller's */
  bool known;
} loci__procrustes_start;

/* `start` may be NULL. */
loci_status loci__procrustes(loci_context *context, const float *x, const float *y, size_t n, size_t dim,
                             loci__procrustes_start *start, double *w, loci_error *error);

#endif
