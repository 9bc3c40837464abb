/* test_metrics.c: the measures of eval/ against trec_eval's and scipy's values (tests/golden/make_metrics.py). */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "eval/eval.h"

enum { MOST = 512 };

static char ids[MOST][16], judged_ids[MOST][16];
static loci__ranked ranked[MOST];
static int32_t relevances[MOST];
static double xs[MOST], ys[MOST];

static void assert_near(double got, double expected, const char *what, const char *where) {
  if (!(fabs(got - expected) <= 1e-12)) fail_msg("%s of %s: %.17g instead of %.17g", what, where, got, expected);
}

static void check_query(FILE *file, const char *line) {
  int n = 0, n_judged = 0, query = 0;
  char text[256], where[32];
  assert_int_equal(sscanf(line, "query %d %d %d", &query, &n, &n_judged), 3);
  assert_true(n <= MOST && n_judged <= MOST);
  snprintf(where, sizeof where, "query %d", query);
  for (int i = 0; i < n; i++) {
    assert_non_null(fgets(text, sizeof text, file));
    assert_int_equal(sscanf(text, "r %lf %15s", &ranked[i].score, ids[i]), 2);
    ranked[i].id = ids[i];
    ranked[i].relevance = 0;
  }
  for (int i = 0; i < n_judged; i++) {
    assert_non_null(fgets(text, sizeof text, file));
    assert_int_equal(sscanf(text, "j %15s %d", judged_ids[i], &relevances[i]), 2);
    for (int j = 0; j < n; j++) {
      if (strcmp(judged_ids[i], ids[j]) == 0) ranked[j].relevance = relevances[i];
    }
  }
  double ndcg = 0, map = 0, recall = 0, mrr = 0;
  assert_non_null(fgets(text, sizeof text, file));
  assert_int_equal(sscanf(text, "= %lf %lf %lf %lf", &ndcg, &map, &recall, &mrr), 4);
  loci__eval_sort(ranked, (size_t)n);
  loci__retrieval_measures got = loci__eval_measure(ranked, (size_t)n, relevances, (size_t)n_judged);
  assert_near(got.ndcg_10, ndcg, "nDCG@10", where);
  assert_near(got.average_precision, map, "MAP", where);
  assert_near(got.recall_100, recall, "R@100", where);
  assert_near(got.reciprocal_rank_10, mrr, "MRR@10", where);
}

static void check_pairs(FILE *file, const char *line) {
  int n = 0;
  char text[256];
  assert_int_equal(sscanf(line, "pairs %d", &n), 1);
  assert_true(n <= MOST);
  for (int i = 0; i < n; i++) {
    assert_non_null(fgets(text, sizeof text, file));
    assert_int_equal(sscanf(text, "p %lf %lf", &xs[i], &ys[i]), 2);
  }
  double pearson = 0, spearman = 0, got = 0;
  loci_error error;
  assert_non_null(fgets(text, sizeof text, file));
  assert_int_equal(sscanf(text, "= %lf %lf", &pearson, &spearman), 2);
  loci_context *context = test_context_new(1, NULL);
  assert_ok(loci__eval_spearman(context, xs, ys, (size_t)n, &got, &error), &error);
  assert_near(loci__eval_pearson(xs, ys, (size_t)n), pearson, "Pearson", line);
  assert_near(got, spearman, "Spearman", line);
  test_context_free(context);
}

static void test_golden(void **state) {
  (void)state;
  FILE *file = fopen(LOCI_SOURCE_DIR "/tests/golden/metrics.txt", "r");
  assert_non_null(file);
  char line[256];
  int n_queries = 0, n_pairs = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (line[0] == 'q') check_query(file, line), n_queries++;
    else if (line[0] == 'p') check_pairs(file, line), n_pairs++;
    else fail_msg("unexpected line: %s", line);
  }
  fclose(file);
  assert_int_equal(n_queries, 12);
  assert_int_equal(n_pairs, 4);
}

static void test_correlation_without_variation(void **state) {
  (void)state;
  double x[] = {1, 1, 1}, y[] = {1, 2, 3}, got = 0;
  loci_error error;
  assert_true(isnan(loci__eval_pearson(x, y, 3)));
  assert_true(isnan(loci__eval_pearson(y, y, 1)));
  loci_context *context = test_context_new(1, NULL);
  assert_ok(loci__eval_spearman(context, x, y, 3, &got, &error), &error);
  assert_true(isnan(got));
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden),
                                     cmocka_unit_test(test_correlation_without_variation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
