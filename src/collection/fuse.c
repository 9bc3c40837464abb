/* fuse.c: BM25 and cosine of the same rows become one score.
 *
 * The default is the sum of standard scores: each side minus its mean over its deviation, both taken per query over
 * every row scanned (a row without a word of the query has BM25 0), so that "far above the other rows" means the same
 * on both sides, whatever their units. The cosine's weight is fixed; docs/search.md has the measurements. Standard
 * scores before a linear combination: Lee 1997, "Analyses of multiple evidence combination"; Bruch, Gai and Ingber
 * 2023, "An analysis of fusion functions for hybrid retrieval", who also show why ranks alone lose.
 * The choice beside it is reciprocal rank fusion: Cormack, Clarke and Büttcher 2009, sum of 1/(60 + rank).
 *
 * Pure functions over arrays. Single-threaded, so that sums have one order and the same bits.
 */
#include "collection.h"

#include <math.h>
#include <stdlib.h>

void loci__fuse_moments(const float *scores, size_t n, double *mean, double *deviation) {
  *mean = 0.0;
  *deviation = 0.0;
  if (n == 0) return;
  double sum = 0.0;
  for (size_t i = 0; i < n; i++) sum += (double)scores[i];
  double m = sum / (double)n;
  double squares = 0.0; /* second pass: no cancellation */
  for (size_t i = 0; i < n; i++) {
    double d = (double)scores[i] - m;
    squares += d * d;
  }
  *mean = m;
  *deviation = sqrt(squares / (double)n);
}

double loci__fuse_standard(double x, double mean, double deviation) {
  return deviation > 0.0 ? (x - mean) / deviation : 0.0;
}

typedef struct ranked {
  float score;
  uint32_t row;
} ranked;

static int compare_ranked(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->score != y->score) return x->score > y->score ? -1 : 1;
  return x->row < y->row ? -1 : 1;
}

loci_status loci__fuse_ranks(loci_context *context, const float *scores, size_t n, float lowest, uint32_t **out,
                             loci_error *error) {
  *out = NULL;
  if (n >= UINT32_MAX) return loci__fail(error, LOCI_ERROR_LIMIT, "more than 2^32 rows cannot be ranked");
  uint32_t *ranks = loci__alloc_zero(context, n + 1, sizeof *ranks);
  ranked *order = loci__alloc_array(context, n + 1, sizeof *order);
  if (ranks == NULL || order == NULL) {
    loci__free(context, ranks);
    loci__free(context, order);
    return loci__fail_memory(error, n * sizeof *order, "ranks");
  }
  size_t used = 0;
  for (size_t i = 0; i < n; i++) {
    if (scores[i] > lowest) order[used++] = (ranked){scores[i], (uint32_t)i};
  }
  qsort(order, used, sizeof *order, compare_ranked);
  for (size_t i = 0; i < used; i++) ranks[order[i].row] = (uint32_t)(i + 1);
  loci__free(context, order);
  *out = ranks;
  return LOCI_OK;
}

loci_status loci__fuse_prepare(loci_context *context, loci_search_mode mode, loci_fusion kind, double weight,
                               const float *cosine, const float *bm25, size_t n, loci__fusion *out, loci_error *error) {
  *out = (loci__fusion){.mode = mode, .kind = kind, .weight = weight > 0.0 ? weight : LOCI__FUSION_WEIGHT};
  if (cosine != NULL) loci__fuse_moments(cosine, n, &out->cosine_mean, &out->cosine_deviation);
  if (bm25 != NULL) loci__fuse_moments(bm25, n, &out->bm25_mean, &out->bm25_deviation);
  if (mode != LOCI_SEARCH_HYBRID || kind != LOCI_FUSION_RRF) return LOCI_OK;
  loci_status status = loci__fuse_ranks(context, cosine, n, -INFINITY, &out->cosine_ranks, error);
  if (status == LOCI_OK) status = loci__fuse_ranks(context, bm25, n, 0.0f, &out->bm25_ranks, error);
  if (status != LOCI_OK) loci__fuse_release(context, out);
  return status;
}

double loci__fuse_score(const loci__fusion *fusion, size_t row, double cosine, double bm25) {
  if (fusion->mode == LOCI_SEARCH_VECTOR) return cosine;
  if (fusion->mode == LOCI_SEARCH_TEXT) return bm25;
  if (fusion->kind == LOCI_FUSION_RRF) {
    double score = 0.0;
    if (fusion->cosine_ranks[row] != 0) score += 1.0 / (LOCI__RRF_K + (double)fusion->cosine_ranks[row]);
    if (fusion->bm25_ranks[row] != 0) score += 1.0 / (LOCI__RRF_K + (double)fusion->bm25_ranks[row]);
    return score;
  }
  return fusion->weight * loci__fuse_standard(cosine, fusion->cosine_mean, fusion->cosine_deviation) +
         loci__fuse_standard(bm25, fusion->bm25_mean, fusion->bm25_deviation);
}

void loci__fuse_release(loci_context *context, loci__fusion *fusion) {
  loci__free(context, fusion->cosine_ranks);
  loci__free(context, fusion->bm25_ranks);
  fusion->cosine_ranks = NULL;
  fusion->bm25_ranks = NULL;
}
