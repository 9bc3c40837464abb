/* eval/: scores against benchmarks. Implements include/loci/eval.h; metrics.c holds the measures as pure functions over
 * arrays, sts.c and retrieval.c read the benchmarks' files and ask the model and the collection; partition.c and cluster.c
 * hold clusters against classes.
 *
 * Every measure is compared with an independent implementation's output in the tests (scipy's correlations, trec_eval
 * through pytrec_eval). Threads: everything here belongs to the calling thread; the model uses the pool.
 */
#ifndef LOCI_EVAL_EVAL_H
#define LOCI_EVAL_EVAL_H

#include "../base/base.h"
#include "loci/eval.h"

/* ---- correlation (metrics.c) ---- NaN when a side does not vary or n < 2 */

double loci__eval_pearson(const double *x, const double *y, size_t n);
/* Pearson of the ranks, ties getting the mean of their ranks. */
loci_status loci__eval_spearman(loci_context *context, const double *x, const double *y, size_t n, double *out,
                                loci_error *error);

/* ---- ranked retrieval (metrics.c) ---- */

typedef struct loci__ranked {
  double score;
  const char *id;    /* ties: the greater id first, byte-wise, as trec_eval does */
  int32_t relevance; /* of the judgement; 0 = not judged or not relevant */
} loci__ranked;

/* Sorts by score, then id. */
void loci__eval_sort(loci__ranked *items, size_t n);

typedef struct loci__retrieval_measures {
  double ndcg_10, average_precision, recall_100, reciprocal_rank_10;
} loci__retrieval_measures;

/* items: the ranking of one query, best first. relevances: all n_judged judgements of the query, in any order, sorted
 * by the call. nDCG's gain is the relevance itself (linear), its discount log2(rank + 1). All 0 without a relevant
 * document. */
loci__retrieval_measures loci__eval_measure(const loci__ranked *items, size_t n, int32_t *relevances, size_t n_judged);

#endif
