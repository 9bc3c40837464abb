/* Term-document matrices: the nine titles of Deerwester et al. 1990 by hand, scikit-learn's tf-idf (make_tfidf.py), log-entropy,
 * limits, threads.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>

#include "lsa_titles.h"
#include "train/lsa.h"

/* Ids of made-up documents. */
static loci__stream stream_of(const int32_t *ids, size_t n) {
  return (loci__stream){.ids = ids, .n = n};
}

static size_t no_more(size_t n_terms, size_t n_documents, const void *arg) {
  (void)n_terms, (void)n_documents, (void)arg;
  return 0;
}

static void count(loci_context *context, const int32_t *ids, size_t n, size_t n_words, uint64_t least, double most,
                  loci__terms *out) {
  loci_error error;
  loci__meter meter;
  loci__meter_init(&meter, NULL, NULL);
  const loci__stream stream = stream_of(ids, n);
  assert_ok(loci__terms_count(context, &stream, n_words, least, most, 0, no_more, NULL, &meter, out, &error), &error);
}

static float at(const loci__sparse *m, size_t row, size_t column) {
  for (size_t p = m->starts[row]; p < m->starts[row + 1]; p++)
    if (m->columns[p] == column) return m->values[p];
  return 0;
}

static void titles_by_hand(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  loci_error error;
  loci__terms terms;
  count(context, lsa_title_ids, LOCI__COUNT(lsa_title_ids), 12, 2, 1, &terms);
  assert_int_equal(terms.n_terms, 12);
  assert_int_equal(terms.n_documents, 9);
  assert_int_equal(terms.n_filled, 9);
  assert_int_equal(loci__sparse_count(&terms.terms), 28);
  assert_true(at(&terms.terms, 5, 3) == 2.0f); /* "system" twice in c4 */
  assert_int_equal(terms.frequencies[5], 3);
  assert_ok(loci__terms_weight(&terms, LOCI_WEIGHTING_RAW, &error), &error);
  for (size_t t = 0; t < 12; t++)
    for (size_t d = 0; d < 9; d++) assert_true(at(&terms.terms, t, d) == at(&terms.documents, d, t));
  loci__terms_release(&terms);
  /* Three documents at least: user, system, trees, graph. At most 3 of 9: all. At most 2: the other eight. */
  count(context, lsa_title_ids, LOCI__COUNT(lsa_title_ids), 12, 3, 1, &terms);
  assert_int_equal(terms.n_terms, 4);
  assert_int_equal(terms.words[0], 3);
  loci__terms_release(&terms);
  count(context, lsa_title_ids, LOCI__COUNT(lsa_title_ids), 12, 1, 2.0 / 9, &terms);
  assert_int_equal(terms.n_terms, 8);
  loci__terms_release(&terms);
  test_context_free(context);
}

static void weights(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  /* Columns human, system, EPS of row c4; all others are 0. */
  static const struct {
    loci_weighting weighting;
    double human, system, eps, sum, system_squares;
  } wanted[] = {
      {LOCI_WEIGHTING_TFIDF, 0.446147674, 0.775825048, 0.446147674, 15.439050514004391, 0.9543159007536647},
      {LOCI_WEIGHTING_SUBLINEAR_TFIDF, 0.489866373, 0.721153155, 0.489866373, 15.471816018332015, 0.8724732685406399},
      {LOCI_WEIGHTING_LOG_ENTROPY, 0.474483591, 0.578751903, 0.474483591, 0, 0},
  };
  for (size_t i = 0; i < LOCI__COUNT(wanted); i++) {
    loci__terms terms;
    count(context, lsa_title_ids, LOCI__COUNT(lsa_title_ids), 12, 1, 1, &terms);
    assert_ok(loci__terms_weight(&terms, wanted[i].weighting, &error), &error);
    const loci__sparse *m = &terms.documents;
    assert_true(fabs((double)at(m, 3, LSA_HUMAN) - wanted[i].human) < 1e-7);
    assert_true(fabs((double)at(m, 3, LSA_SYSTEM) - wanted[i].system) < 1e-7);
    assert_true(fabs((double)at(m, 3, LSA_EPS) - wanted[i].eps) < 1e-7);
    double sum = 0, squares = 0;
    for (size_t d = 0; d < 9; d++) {
      for (size_t t = 0; t < 12; t++) {
        sum += (double)at(m, d, t);
        assert_true(at(m, d, t) == at(&terms.terms, t, d));
      }
      squares += pow((double)at(m, d, LSA_SYSTEM), 2);
    }
    if (wanted[i].sum > 0) {
      assert_true(fabs(sum - wanted[i].sum) < 1e-5);
      assert_true(fabs(squares - wanted[i].system_squares) < 1e-6);
    }
    loci__terms_release(&terms);
  }
  test_context_free(context);
}

static void entropy_of_even_and_single_words(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  /* Word 0 once in each of four documents, word 1 in one only; an empty line between. */
  static const int32_t ids[] = {0, 1, -1, 0, -1, -1, 0, -1, 0};
  loci__terms terms;
  count(context, ids, LOCI__COUNT(ids), 2, 1, 1, &terms);
  assert_int_equal(terms.n_documents, 5);
  assert_int_equal(terms.n_filled, 4);
  assert_ok(loci__terms_weight(&terms, LOCI_WEIGHTING_LOG_ENTROPY, &error), &error);
  assert_true(fabs((double)terms.global[0]) < 1e-7);
  assert_true(fabs((double)terms.global[1] - 1) < 1e-7);
  assert_true(fabs((double)at(&terms.terms, 1, 0) - log(2)) < 1e-7);
  loci__terms_release(&terms);
  test_context_free(context);
}

static void limits(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci__meter meter;
  loci__meter_init(&meter, NULL, NULL);
  const loci__stream stream = stream_of(lsa_title_ids, LOCI__COUNT(lsa_title_ids));
  loci__terms terms;
  assert_int_equal(loci__terms_count(context, &stream, 12, 2, 1, 100, no_more, NULL, &meter, &terms, &error),
                   LOCI_ERROR_LIMIT);
  assert_int_equal(loci__terms_count(context, &stream, 12, 10, 1, 0, no_more, NULL, &meter, &terms, &error),
                   LOCI_ERROR_NOT_FOUND);
  test_context_free(context);
}

/* Long documents and many of them, against counting with a table. */
static void against_a_table(void **state) {
  (void)state;
  enum { WORDS = 60, DOCUMENTS = 9000, LENGTH = 70 };
  loci__random random;
  loci__random_init(&random, 4);
  int32_t *ids = malloc(DOCUMENTS * (LENGTH + 1) * sizeof *ids);
  uint16_t *table = calloc(WORDS * DOCUMENTS, sizeof *table);
  size_t n = 0;
  for (size_t d = 0; d < DOCUMENTS; d++) {
    for (uint64_t i = loci__random_below(&random, LENGTH); i-- > 0;) {
      const size_t word = (size_t)loci__random_below(&random, 1 + loci__random_below(&random, WORDS));
      ids[n++] = (int32_t)word;
      table[word * DOCUMENTS + d]++;
    }
    if (d + 1 < DOCUMENTS) ids[n++] = LOCI__LINE_END;
  }
  for (int threads = 1; threads <= 3; threads++) {
    loci_context *context = test_context_new(threads, NULL);
    loci__terms terms;
    count(context, ids, n, WORDS, 1, 1, &terms);
    assert_int_equal(terms.n_terms, WORDS);
    size_t entries = 0;
    for (size_t w = 0; w < WORDS; w++) {
      for (size_t p = terms.terms.starts[w]; p < terms.terms.starts[w + 1]; p++)
        assert_true(terms.terms.values[p] == (float)table[w * DOCUMENTS + terms.terms.columns[p]]);
      for (size_t d = 0; d < DOCUMENTS; d++) entries += table[w * DOCUMENTS + d] > 0;
    }
    assert_int_equal(loci__sparse_count(&terms.terms), entries);
    loci__terms_release(&terms);
    test_context_free(context);
  }
  free(ids);
  free(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(titles_by_hand),
      cmocka_unit_test(weights),
      cmocka_unit_test(entropy_of_even_and_single_words),
      cmocka_unit_test(limits),
      cmocka_unit_test(against_a_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
