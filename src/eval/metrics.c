/* metrics.c: the measures. Correlation (Pearson; Spearman with ties averaged) and ranked retrieval as trec_eval
 * defines it: m_ndcg_cut, m_map, m_recall; Järvelin and Kekäläinen 2002 for nDCG. Cut-offs are those of BEIR's tables
 * (Thakur et al. 2021), whose nDCG is pytrec_eval's: linear gain.
 */
#include "eval.h"

#include <math.h>
#include <stdlib.h>

/* ---- correlation --------------------------------------------------------------------------------------- */

double loci__eval_pearson(const double *x, const double *y, size_t n) {
  if (n < 2) return (double)NAN;
  double mean_x = 0.0, mean_y = 0.0;
  for (size_t i = 0; i < n; i++) {
    mean_x += x[i];
    mean_y += y[i];
  }
  mean_x /= (double)n;
  mean_y /= (double)n;
  double xx = 0.0, yy = 0.0, xy = 0.0;
  for (size_t i = 0; i < n; i++) {
    double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  if (!(xx > 0.0) || !(yy > 0.0)) return (double)NAN;
  double r = xy / sqrt(xx) / sqrt(yy);
  return r > 1.0 ? 1.0 : r < -1.0 ? -1.0 : r;
}

typedef struct indexed {
  double value;
  size_t at;
} indexed;

static int compare_indexed(const void *a, const void *b) {
  const indexed *x = a, *y = b;
  if (x->value != y->value) return x->value < y->value ? -1 : 1;
  return (x->at > y->at) - (x->at < y->at);
}

static void rank(const double *values, size_t n, indexed *scratch, double *ranks) {
  for (size_t i = 0; i < n; i++) scratch[i] = (indexed){values[i], i};
  qsort(scratch, n, sizeof *scratch, compare_indexed);
  for (size_t first = 0, end = 0; first < n; first = end) {
    while (end < n && scratch[end].value == scratch[first].value) end++;
    if (end == first) end = first + 1; /* NaN equals nothing */
    double mean = ((double)first + (double)(end - 1)) / 2.0 + 1.0;
    for (size_t i = first; i < end; i++) ranks[scratch[i].at] = mean;
  }
}

loci_status loci__eval_spearman(loci_context *context, const double *x, const double *y, size_t n, double *out,
                                loci_error *error) {
  *out = (double)NAN;
  if (n < 2) return LOCI_OK;
  indexed *scratch = loci__alloc_array(context, n, sizeof *scratch);
  double *ranks_x = loci__alloc_array(context, n, sizeof *ranks_x);
  double *ranks_y = loci__alloc_array(context, n, sizeof *ranks_y);
  loci_status status = LOCI_OK;
  if (scratch == NULL || ranks_x == NULL || ranks_y == NULL) {
    status = loci__fail_memory(error, n * sizeof *scratch, "ranks");
  } else {
    rank(x, n, scratch, ranks_x);
    rank(y, n, scratch, ranks_y);
    *out = loci__eval_pearson(ranks_x, ranks_y, n);
  }
  loci__free(context, scratch);
  loci__free(context, ranks_x);
  loci__free(context, ranks_y);
  return status;
}

/* ---- ranked retrieval ------------------------------------------------------------------------------------ */

static int compare_ranked(const void *a, const void *b) {
  const loci__ranked *x = a, *y = b;
  if (x->score != y->score) return x->score > y->score ? -1 : 1;
  return -strcmp(x->id, y->id);
}

void loci__eval_sort(loci__ranked *items, size_t n) {
  if (n > 1) qsort(items, n, sizeof *items, compare_ranked);
}

static int compare_relevance(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x < y) - (x > y);
}

loci__retrieval_measures loci__eval_measure(const loci__ranked *items, size_t n, int32_t *relevances, size_t n_judged) {
  loci__retrieval_measures out = {0};
  if (n_judged > 1) qsort(relevances, n_judged, sizeof *relevances, compare_relevance);
  size_t n_relevant = 0;
  while (n_relevant < n_judged && relevances[n_relevant] > 0) n_relevant++;
  if (n_relevant == 0) return out;
  double ideal = 0.0, gained = 0.0, precisions = 0.0;
  for (size_t i = 0; i < n_relevant && i < 10; i++) ideal += (double)relevances[i] / log2((double)i + 2.0);
  size_t n_found = 0, n_found_100 = 0;
  for (size_t i = 0; i < n; i++) {
    if (items[i].relevance <= 0) continue;
    n_found++;
    precisions += (double)n_found / (double)(i + 1);
    if (i < 10) gained += (double)items[i].relevance / log2((double)i + 2.0);
    if (i < 10 && n_found == 1) out.reciprocal_rank_10 = 1.0 / (double)(i + 1);
    if (i < 100) n_found_100++;
  }
  out.ndcg_10 = gained / ideal;
  out.average_precision = precisions / (double)n_relevant;
  out.recall_100 = (double)n_found_100 / (double)n_relevant;
  return out;
}
