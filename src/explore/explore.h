/* explore/: meaning as geometry. Neighbours first.
 *
 *   neighbors.c      metrics, the rows nearest to a vector
 *   nearest_many.c   the nearest row of each of many vectors, as one blocked product
 *   analogy.c        analogies, with what keeps a single hit from passing for proof
 *   relations.c      pairs of words in a relation
 *   direction.c      what offsets share: relations, axes, intervals
 *   weat.c           the word embedding association test; weat_lists.c: words for it
 *   debias.c         a direction taken out, and what is left (bias.h)
 *   diagnose.c       hubs, a common direction, lengths that tell frequency
 *   points.c, assign.c, kmeans.c, near.c, density.c, hdbscan.c, clusters.c   clusters (cluster.h)
 *   path.c           from one word to another by near neighbours
 *   nearest_several.c, procrustes.c, align.c    two languages in one space (align.h)
 *
 * Threads: vectors are shared and read-only; a call works on the context's pool in blocks of fixed size, so its answer
 * does not depend on how many threads there are.
 */
#ifndef LOCI_EXPLORE_EXPLORE_H
#define LOCI_EXPLORE_EXPLORE_H

#include "../base/base.h"
#include "../format/vectors.h"
#include "loci/explore.h"

/* out = x of unit length; a zero vector stays zero. out may be x. */
void loci__unit(const float *x, size_t dim, float *out);

typedef struct loci__targets {
  size_t n;
  const float *rows;      /* n × dim, unit length */
  const size_t *left_out; /* three rows a target that are no answer, or NULL */
} loci__targets;

/* For each target the row of greatest cosine among the first `most` (0 = all): best with the rows left out, best_all
 * without leaving out; either may be NULL. Score −Inf where nothing is left. */
loci_status loci__nearest_many(const loci_vectors *vectors, const loci__targets *targets, size_t most,
                               loci_neighbor *best, loci_neighbor *best_all, loci_error *error);

#endif
