/* Neighbours against a plain search in double, for the three metrics; exclusion, zero vectors, ties, threads. */
#include "support.h"

#include "format/vectors.h"
#include "loci/explore.h"

#include <math.h>

enum { N = 5000, DIM = 37, K = 20 };

static float rows[N * DIM];

static void fill(void) {
  loci__random random;
  loci__random_init(&random, 5);
  for (size_t i = 0; i < N * DIM; i++) rows[i] = (float)loci__random_normal(&random);
  memset(rows + 7 * DIM, 0, DIM * sizeof *rows);                 /* a zero vector */
  memcpy(rows + 100 * DIM, rows + 99 * DIM, DIM * sizeof *rows); /* two equal rows */
}

static bool better(loci_metric metric, double a, size_t i, double b, size_t j) {
  if (a != b) return metric == LOCI_METRIC_L2 ? a < b : a > b;
  return i < j;
}

static void test_against_plain(void **state) {
  (void)state;
  fill();
  for (int threads = 1; threads <= 3; threads += 2) {
    loci_context *context = test_context_new(threads, NULL);
    loci_vectors vectors = {.context = context, .n = N, .dim = DIM, .rows = rows};
    for (int metric = LOCI_METRIC_COSINE; metric <= LOCI_METRIC_L2; metric++) {
      const size_t of[] = {0, 7, 99, 4999};
      for (size_t q = 0; q < LOCI__COUNT(of); q++) {
        const float *query = rows + of[q] * DIM;
        loci_neighbor found[K];
        size_t n;
        assert_int_equal(loci_neighbors(&vectors, query, K, (loci_metric)metric, &of[q], 1, found, &n, NULL), LOCI_OK);
        assert_int_equal(n, K);
        /* By brute force: the found ones are in order, and no other row is better than the last. */
        double last = found[K - 1].score;
        for (size_t i = 0; i < K; i++) {
          assert_true(found[i].index != of[q]);
          assert_true(found[i].score == loci_measure(query, rows + found[i].index * DIM, DIM, (loci_metric)metric));
          if (i > 0)
            assert_true(
                better((loci_metric)metric, found[i - 1].score, found[i - 1].index, found[i].score, found[i].index));
        }
        size_t before = 0;
        for (size_t i = 0; i < N; i++)
          if (i != of[q] && better((loci_metric)metric, loci_measure(query, rows + i * DIM, DIM, (loci_metric)metric),
                                   i, last, found[K - 1].index))
            before++;
        assert_int_equal(before, K - 1);
      }
    }
    test_context_free(context);
  }
}

static void test_identities(void **state) {
  (void)state;
  loci__random random;
  loci__random_init(&random, 9);
  float a[64], b[64];
  for (int t = 0; t < 100; t++) {
    double aa = 0, bb = 0;
    for (size_t i = 0; i < 64; i++) {
      a[i] = (float)loci__random_normal(&random), b[i] = (float)loci__random_normal(&random);
      aa += (double)a[i] * a[i], bb += (double)b[i] * b[i];
    }
    for (size_t i = 0; i < 64; i++) a[i] = (float)(a[i] / sqrt(aa)), b[i] = (float)(b[i] / sqrt(bb));
    const double cosine = loci_measure(a, b, 64, LOCI_METRIC_COSINE), l2 = loci_measure(a, b, 64, LOCI_METRIC_L2);
    assert_true(fabs(cosine - loci_measure(a, b, 64, LOCI_METRIC_DOT)) < 1e-6);
    assert_true(fabs(cosine - (1 - l2 * l2 / 2)) < 1e-6);
  }
  const float zero[64] = {0};
  assert_true(loci_measure(a, zero, 64, LOCI_METRIC_COSINE) == 0);
  assert_true(loci_measure(zero, zero, 64, LOCI_METRIC_L2) == 0);
}

static void test_few(void **state) {
  (void)state;
  fill();
  loci_context *context = test_context_new(2, NULL);
  loci_vectors vectors = {.context = context, .n = 3, .dim = DIM, .rows = rows};
  const size_t all[] = {0, 1, 2, 2};
  loci_neighbor found[8];
  size_t n = 9;
  assert_int_equal(loci_neighbors(&vectors, rows, 8, LOCI_METRIC_COSINE, NULL, 0, found, &n, NULL), LOCI_OK);
  assert_int_equal(n, 3);
  assert_int_equal(found[0].index, 0);
  assert_int_equal(loci_neighbors(&vectors, rows, 8, LOCI_METRIC_COSINE, all, 2, found, &n, NULL), LOCI_OK);
  assert_int_equal(n, 1);
  assert_int_equal(found[0].index, 2);
  assert_int_equal(loci_neighbors(&vectors, rows, 8, LOCI_METRIC_L2, all, 4, found, &n, NULL), LOCI_OK);
  assert_int_equal(n, 0);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_plain), cmocka_unit_test(test_identities),
                                     cmocka_unit_test(test_few)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
