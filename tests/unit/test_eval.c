/* test_eval.c: the benchmarks' files read, well-formed and not. The figures themselves: test_metrics, tests/quality. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "loci/collection.h"
#include "loci/eval.h"

static const char *put(const char *folder, const char *name, const char *text) {
  static char path[400];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  test_write(path, text, strlen(text));
  return path;
}

static const char *benchmark(const char *corpus, const char *queries, const char *judgements) {
  const char *folder = test_folder();
  char qrels[300];
  snprintf(qrels, sizeof qrels, "%s/qrels", folder);
  assert_int_equal(mkdir(qrels, 0700), 0);
  put(folder, "corpus.jsonl", corpus);
  put(folder, "queries.jsonl", queries);
  put(qrels, "test.tsv", judgements);
  return folder;
}

static const char corpus[] =
    "{\"_id\": \"d1\", \"title\": \"Apples\", \"text\": \"green and red\"}\n"
    "{\"_id\": \"d2\", \"title\": \"\", \"text\": \"bananas are yellow\"}\r\n\n"
    "{\"_id\": \"d3\", \"text\": \"apples and bananas\", \"metadata\": {}}\n"
    "{\"_id\": 4, \"text\": \"\"}";
static const char queries[] =
    "{\"_id\": \"q1\", \"text\": \"apples\"}\n{\"_id\": \"q2\", \"text\": \"yellow\"}\n"
    "{\"_id\": \"q3\", \"text\": \"not judged\"}\n";

static loci_status evaluate(const char *folder, loci_retrieval_score *score, loci_error *error) {
  loci_retrieval_options options;
  loci_retrieval_options_init(&options);
  options.mode = LOCI_SEARCH_TEXT;
  loci_context *context = test_context_new(1, NULL);
  loci_status status = loci_eval_retrieval(context, NULL, folder, &options, score, error);
  test_context_free(context);
  return status;
}

static void test_retrieval_by_hand(void **state) {
  (void)state;
  /* q1 finds d1 and d3, of equal length and score: the greater id first, so the relevant d1 is second. q2 finds d2 first;
   * its other relevant document is not in the corpus. */
  const char *folder =
      benchmark(corpus, queries, "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\nq2\td9\t1\nq1\t4\t0\n");
  loci_retrieval_score score;
  loci_error error;
  assert_ok(evaluate(folder, &score, &error), &error);
  assert_int_equal(score.n_documents, 4);
  assert_int_equal(score.n_queries, 2);
  double q1 = 1 / log2(3), q2 = 2 / (2 + 1 / log2(3));
  assert_true(fabs(score.ndcg_10 - (q1 + q2) / 2) < 1e-12);
  assert_true(fabs(score.map - (0.5 + 0.5) / 2) < 1e-12);
  assert_true(fabs(score.recall_100 - (1 + 0.5) / 2) < 1e-12);
  assert_true(fabs(score.mrr_10 - (0.5 + 1) / 2) < 1e-12);
}

static void expect_failure(const char *folder, loci_status expected, const char *in_message) {
  loci_retrieval_score score;
  loci_error error = {0};
  assert_int_equal(evaluate(folder, &score, &error), expected);
  if (strstr(error.message, in_message) == NULL) fail_msg("'%s' without '%s'", error.message, in_message);
}

static void test_broken_benchmarks(void **state) {
  (void)state;
  static const char good[] = "a\tb\tc\nq1\td1\t1\n";
  expect_failure(benchmark("{\"_id\": \"x\", \"text\": \"y\"}\n{oops}\n", queries, good), LOCI_ERROR_FORMAT, "byte 26");
  expect_failure(benchmark("{\"text\": \"y\"}\n", queries, good), LOCI_ERROR_FORMAT, "_id");
  expect_failure(benchmark("[1]\n", queries, good), LOCI_ERROR_FORMAT, "_id");
  expect_failure(benchmark("{\"_id\": \"x\", \"text\": 7}\n", queries, good), LOCI_ERROR_FORMAT, "text");
  expect_failure(benchmark("\n\n", queries, good), LOCI_ERROR_FORMAT, "empty");
  expect_failure(benchmark("{\"_id\": \"d\"}\n{\"_id\": \"d\"}\n", queries, good), LOCI_ERROR_FORMAT, "twice");
  expect_failure(benchmark(corpus, queries, "q1\td1\n"), LOCI_ERROR_FORMAT, "columns");
  expect_failure(benchmark(corpus, queries, "a\tb\tc\nq1\td1\tmuch\n"), LOCI_ERROR_FORMAT, "much");
  expect_failure(benchmark(corpus, queries, "a\tb\tc\nq9\td1\t1\n"), LOCI_ERROR_FORMAT, "q9");
  expect_failure(benchmark(corpus, queries, "a\tb\tc\n"), LOCI_ERROR_FORMAT, "no judgements");
  expect_failure("/nowhere", LOCI_ERROR_IO, "/nowhere/corpus.jsonl");
}

static loci_sts_score sts(const char *text, loci_status expected, const char *in_message) {
  loci_context *context = test_context_new(1, NULL);
  loci_model *model = NULL;
  loci_error error = {0};
  loci_sts_score score;
  const char *path = put(test_folder(), "pairs.tsv", text);
  assert_ok(loci_model_open(context, LOCI_SOURCE_DIR "/tests/golden/models/static-tiny", &model, &error), &error);
  loci_status status = loci_eval_sts(model, path, &score, &error);
  if (status != expected) fail_msg("%s: %s", text, error.message);
  if (in_message != NULL) assert_non_null(strstr(error.message, in_message));
  loci_model_close(model);
  test_context_free(context);
  return score;
}

/* The same pairs in each layout give the same score, to the bit. */
static void test_sts_layouts(void **state) {
  (void)state;
  loci_sts_score a =
      sts("main\tx\t2012\t1\t5.0\tthe green apple\tthe green apple\n"
          "main\tx\t2012\t2\t1.5\tthe \"red\" one\ta banana\n"
          "main\tx\t2012\t3\t\tnot scored\tnot scored\n"
          "main\tx\t2012\t4\t3\tone two three\tthree two\textra\n",
          LOCI_OK, NULL);
  loci_sts_score b =
      sts("5.0\tthe green apple\tthe green apple\n1.5\tthe \"red\" one\ta banana\n3\tone two three\tthree two\n",
          LOCI_OK, NULL);
  loci_sts_score c =
      sts("\xEF\xBB\xBFthe green apple\tthe green apple\t5.0\r\nthe \"red\" one\ta banana\t1.5\r\n"
          "one two three\tthree two\t3",
          LOCI_OK, NULL);
  loci_sts_score d =
      sts("pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment\n1\tthe green apple\tthe green apple\t"
          "5.0\tX\n2\tthe \"red\" one\ta banana\t1.5\tX\n3\tone two three\tthree two\t3\tX\n",
          LOCI_OK, NULL);
  assert_int_equal(a.n_pairs, 3);
  assert_true(a.pearson >= -1 && a.pearson <= 1 && a.spearman >= -1 && a.spearman <= 1);
  const loci_sts_score *others[] = {&b, &c, &d};
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(others[i]->n_pairs, 3);
    assert_true(others[i]->pearson == a.pearson && others[i]->spearman == a.spearman);
  }
  sts("only one column\n", LOCI_ERROR_FORMAT, "columns");
  sts("a\tb\t5\n", LOCI_ERROR_FORMAT, "fewer than two");
  sts("x\ty\tz\tw\t5\ta\tb\nx\ty\tz\tw\t5\ta\n", LOCI_ERROR_FORMAT, "6 columns instead of 7");
  sts("", LOCI_ERROR_FORMAT, "fewer than two");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_retrieval_by_hand), cmocka_unit_test(test_broken_benchmarks),
                                     cmocka_unit_test(test_sts_layouts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
