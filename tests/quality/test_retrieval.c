/* test_retrieval.c: search by words reaches the reference figures, and hybrid search with the built-in model is better on
 * every set. nDCG@10 over whole documents, title and text as one row (docs/search.md). Needs $LOCI_DATA.
 */
#include "support.h"

#include <stdio.h>

#include "loci/collection.h"
#include "loci/eval.h"

typedef struct set {
  const char *name;
  double bm25; /* k1 .9, b .4, no stemming, computed independently */
} set;

static const set sets[] = {
    {"med", 0.648}, {"cran", 0.472}, {"cisi", 0.295}, {"cacm", 0.371}, {"scifact", 0.663},
};

static double ndcg(loci_context *context, const loci_model *model, const char *folder, loci_search_mode mode) {
  loci_retrieval_options options;
  loci_retrieval_options_init(&options);
  options.mode = (int)mode;
  options.split = strstr(folder, "scifact") != NULL ? "train" : NULL;
  loci_retrieval_score score;
  loci_error error;
  assert_ok(loci_eval_retrieval(context, model, folder, &options, &score, &error), &error);
  return score.ndcg_10;
}

static const char *folder_of(const set *s) {
  char path[64];
  snprintf(path, sizeof path, "retrieval/%s", s->name);
  return test_data(path);
}

static void test_words(void **state) {
  (void)state;
  if (folder_of(&sets[0]) == NULL) skip();
  loci_context *context = test_context_new(2, NULL);
  for (size_t i = 0; i < LOCI__COUNT(sets); i++) {
    double got = ndcg(context, NULL, folder_of(&sets[i]), LOCI_SEARCH_TEXT);
    print_message("# %s: BM25 %.4f\n", sets[i].name, got);
    if (!(got > sets[i].bm25 - 0.01 && got < sets[i].bm25 + 0.01)) {
      fail_msg("%s: %.4f instead of %.3f", sets[i].name, got, sets[i].bm25);
    }
  }
  test_context_free(context);
}

static void test_hybrid_of_the_built_in_model(void **state) {
  (void)state;
  static const char path[] = LOCI_SOURCE_DIR "/models/loci-static-en";
  if (folder_of(&sets[0]) == NULL || !loci__file_exists(NULL, path)) skip();
  loci_context *context = test_context_new(2, NULL);
  loci_model *model = NULL;
  loci_error error;
  assert_ok(loci_model_open(context, path, &model, &error), &error);
  double sum = 0, sum_bm25 = 0, sum_vector = 0;
  for (size_t i = 0; i < LOCI__COUNT(sets); i++) {
    double hybrid = ndcg(context, model, folder_of(&sets[i]), LOCI_SEARCH_HYBRID);
    double bm25 = ndcg(context, model, folder_of(&sets[i]), LOCI_SEARCH_TEXT);
    double vector = ndcg(context, model, folder_of(&sets[i]), LOCI_SEARCH_VECTOR);
    print_message("# %s: hybrid %.4f, BM25 %.4f, vectors %.4f\n", sets[i].name, hybrid, bm25, vector);
    if (hybrid < bm25) fail_msg("%s: hybrid %.4f is below BM25 %.4f", sets[i].name, hybrid, bm25);
    sum += hybrid;
    sum_bm25 += bm25;
    sum_vector += vector;
  }
  print_message("# mean: hybrid %.4f, BM25 %.4f, vectors %.4f\n", sum / 5, sum_bm25 / 5, sum_vector / 5);
  assert_true(sum / 5 >= sum_bm25 / 5 + 0.02);
  assert_true(sum_vector / 5 >= 0.43); /* .475 measured */
  loci_model_close(model);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_hybrid_of_the_built_in_model)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
