/* test_fuse.c: the parts of a search that need no store: fusion, folding, percentiles, the language notice. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "collection/collection.h"

/* ---- fusion --------------------------------------------------------------------------------------------- */

static void test_moments(void **state) {
  (void)state;
  float scores[] = {2, 4, 4, 4, 5, 5, 7, 9};
  double mean = 1, deviation = 1;
  loci__fuse_moments(scores, 8, &mean, &deviation);
  assert_float_equal(mean, 5.0, 1e-12);
  assert_float_equal(deviation, 2.0, 1e-12);
  loci__fuse_moments(scores, 0, &mean, &deviation);
  assert_true(mean == 0.0 && deviation == 0.0);
  assert_true(loci__fuse_standard(3.0, 1.0, 0.0) == 0.0);
  assert_float_equal(loci__fuse_standard(9.0, 5.0, 2.0), 2.0, 1e-12);
}

static void test_standard_scores(void **state) {
  (void)state;
  /* By hand: cosine mean .5, deviation √.05; BM25 mean 1, deviation √3 (three rows without a word count as 0). */
  float cosine[] = {0.2f, 0.4f, 0.6f, 0.8f}, bm25[] = {4, 0, 0, 0};
  loci_error error;
  loci__fusion fusion;
  loci_context *context = test_context_new(1, NULL);
  assert_ok(
      loci__fuse_prepare(context, LOCI_SEARCH_HYBRID, LOCI_FUSION_STANDARD, 2.0, cosine, bm25, 4, &fusion, &error),
      &error);
  for (size_t i = 0; i < 4; i++) {
    double expected = 2.0 * ((double)cosine[i] - 0.5) / sqrt(0.05) + ((double)bm25[i] - 1.0) / sqrt(3.0);
    assert_float_equal(loci__fuse_score(&fusion, i, (double)cosine[i], (double)bm25[i]), expected, 1e-6);
  }
  loci__fuse_release(context, &fusion);
  assert_ok(
      loci__fuse_prepare(context, LOCI_SEARCH_HYBRID, LOCI_FUSION_STANDARD, 0.0, cosine, bm25, 4, &fusion, &error),
      &error);
  assert_float_equal(fusion.weight, LOCI__FUSION_WEIGHT, 1e-12);
  loci__fuse_release(context, &fusion);
  test_context_free(context);
}

static void test_reciprocal_ranks(void **state) {
  (void)state;
  float cosine[] = {0.1f, 0.9f, 0.5f, 0.5f}, bm25[] = {3, 0, 0, 1};
  loci_error error;
  loci__fusion fusion;
  loci_context *context = test_context_new(1, NULL);
  assert_ok(loci__fuse_prepare(context, LOCI_SEARCH_HYBRID, LOCI_FUSION_RRF, 0.0, cosine, bm25, 4, &fusion, &error),
            &error);
  double expected[] = {1.0 / 64 + 1.0 / 61, 1.0 / 61, 1.0 / 62, 1.0 / 63 + 1.0 / 62};
  for (size_t i = 0; i < 4; i++) {
    assert_float_equal(loci__fuse_score(&fusion, i, (double)cosine[i], (double)bm25[i]), expected[i], 1e-12);
  }
  loci__fuse_release(context, &fusion);
  test_context_free(context);
}

/* ---- folding --------------------------------------------------------------------------------------------- */

static size_t add(loci__fold *fold, const char *text) {
  size_t copy_of = 0;
  loci_error error;
  assert_ok(loci__fold_add(fold, text, strlen(text), &copy_of, &error), &error);
  return copy_of;
}

static const char manual[] =
    "The package maintainer scripts are run by dpkg when the package is installed, upgraded or removed. They must be "
    "idempotent: an error must not leave the system broken, and running a script a second time has to do no harm. "
    "Scripts that ask questions have to use debconf, so that an unattended installation is possible at all times.";
static const char manual_as_pdf[] =
    "The package maintainer scripts are run by dpkg when the package is\ninstalled, upgraded or removed. They must be "
    "idempotent: an error must\nnot leave the system broken, and running a script a second time has to\ndo no harm. "
    "Scripts that ask questions have to use debconf, so that an\nunattended installation is possible at all times.\n";
static const char manual_tail[] =
    "must not leave the system broken, and running a script a second time has to do no harm. Scripts that ask "
    "questions "
    "have to use debconf, so that an unattended installation is possible at all times.";
static const char neighbour[] =
    "Scripts that ask questions have to use debconf, so that an unattended installation is possible at all times. A "
    "package without configuration has none of this and can leave the scripts out. Files under /etc are conffiles: "
    "dpkg asks before it overwrites one that the administrator has changed, and keeps a copy of the new version beside "
    "it. What a program writes while it runs belongs under /var, never under /usr, which may be mounted read-only.";

static void test_fold_copies(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci__fold *fold = loci__fold_new(context);
  assert_true(add(fold, "Windows performance tips") == SIZE_MAX);
  assert_true(add(fold, manual) == SIZE_MAX);
  assert_int_equal(add(fold, manual_as_pdf), 1);
  assert_int_equal(add(fold, manual_tail), 1);
  assert_true(add(fold, neighbour) == SIZE_MAX);
  assert_int_equal(add(fold, "WINDOWS  performance: tips"), 0);
  /* A short passage inside a longer one is not its copy. */
  assert_true(add(fold, "Windows performance tips for old laptops") == SIZE_MAX);
  assert_true(add(fold, "running a script a second time has to do no harm") == SIZE_MAX);
  assert_true(add(fold, "tips") == SIZE_MAX);
  assert_true(add(fold, "!?") == SIZE_MAX);
  assert_true(add(fold, "!!") == SIZE_MAX);
  loci__fold_free(fold);
  test_context_free(context);
}

/* The table grows with many passages and stays right. */
static void test_fold_many(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci__fold *fold = loci__fold_new(context);
  char text[512];
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 500; i++) {
      int length = 0;
      for (int word = 0; word < 40; word++)
        length += snprintf(text + length, sizeof text - (size_t)length, "w%d ", i * 41 + word);
      size_t expected = round == 0 ? SIZE_MAX : (size_t)i;
      assert_true(add(fold, text) == expected);
    }
  }
  loci__fold_free(fold);
  test_context_free(context);
}

/* ---- percentiles -------------------------------------------------------------------------------------------- */

static void test_percentile(void **state) {
  (void)state;
  double quantiles[] = {0, 1, 1, 1, 2};
  assert_float_equal(loci__sample_percentile(quantiles, 5, -1), 0, 1e-12);
  assert_float_equal(loci__sample_percentile(quantiles, 5, 0.5), 12.5, 1e-12);
  assert_float_equal(loci__sample_percentile(quantiles, 5, 1), 25, 1e-12);
  assert_float_equal(loci__sample_percentile(quantiles, 5, 1.5), 87.5, 1e-12);
  assert_float_equal(loci__sample_percentile(quantiles, 5, 3), 100, 1e-12);
  assert_true(isnan(loci__sample_percentile(quantiles, 1, 1)));
  assert_true(isnan(loci__sample_percentile(quantiles, 5, (double)NAN)));
}

/* ---- language ------------------------------------------------------------------------------------------------ */

static const char *verdict(const char *text, int times) {
  loci__language_count count = {0};
  for (int i = 0; i < times; i++) loci__language_add(&count, text, strlen(text));
  return loci__language_verdict(&count);
}

static void test_language(void **state) {
  (void)state;
  assert_null(verdict(manual, 5));
  assert_null(verdict("int main(void) { return left + right + items[i]; } /* the end */", 20));
  assert_null(verdict("Les chats.", 1)); /* too little to tell */
  assert_string_equal(
      verdict("Der Hund und die Katze sind nicht mit dem Ball auf das Dach gegangen, das ist ein Jammer. ", 10),
      "another language");
  assert_string_equal(
      verdict("Le chat est dans la maison et le chien que nous avons ne dort pas sur les fauteuils. ", 10),
      "another language");
  assert_string_equal(verdict("El perro que vive en la casa de los vecinos no duerme por las noches, una pena. ", 10),
                      "another language");
  assert_string_equal(verdict("Кошка сидит на крыше, а собака спит в доме. ", 20), "another script");
  assert_string_equal(verdict("猫は屋根の上に座っていて、犬は家の中で寝ています。", 20), "another script");
}

static void assert_topic(const char *query, const char *expected) {
  loci_context *context = test_context_new(1, NULL);
  loci__buffer topic;
  loci__buffer_init(&topic, context, 0);
  loci__buffer_puts(&topic, "");
  loci__query_topic(&topic, query, strlen(query));
  assert_string_equal(topic.data, expected);
  loci__buffer_release(&topic);
  test_context_free(context);
}

static void test_topic(void **state) {
  (void)state;
  assert_topic("How to fix a slow laptop?", "fix slow laptop");
  assert_topic("what is it", "");
  assert_topic("the  caf\xC3\xA9 of \"Rick's\"", "caf\xC3\xA9 Rick");
  assert_topic("thesaurus-like", "thesaurus like");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_moments),          cmocka_unit_test(test_standard_scores),
                                     cmocka_unit_test(test_reciprocal_ranks), cmocka_unit_test(test_fold_copies),
                                     cmocka_unit_test(test_fold_many),        cmocka_unit_test(test_percentile),
                                     cmocka_unit_test(test_language),         cmocka_unit_test(test_topic)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
