/* Paths against Dijkstra over the whole graph, both ways; what is refused. */
#include "support.h"

#include "explore/align.h"
#include "format/vectors.h"

#include <math.h>
#include <stdio.h>

enum { N = 400, DIM = 9, MOST_K = 12 };

static float rows[N * DIM];
static size_t nearest[N][MOST_K];
static double cost[N][MOST_K];

static loci_vectors *table(loci_context *context, const float *from, size_t n, size_t dim) {
  loci_vectors *v;
  loci_error error;
  assert_ok(loci_vectors_new(context, "table", n, dim, &v, &error), &error);
  for (size_t i = 0; i < n; i++) {
    char word[16];
    const int length = snprintf(word, sizeof word, "w%zu", i);
    assert_ok(loci_vectors_add(v, word, (size_t)length, from + i * dim, NULL, 0, &error), &error);
  }
  return v;
}

/* The whole graph by brute force in double. */
static void make_graph(size_t k) {
  for (size_t i = 0; i < N; i++) {
    bool taken[N] = {false};
    taken[i] = true;
    for (size_t j = 0; j < k; j++) {
      double best = -2;
      size_t at = 0;
      for (size_t o = 0; o < N; o++) {
        const double cosine = taken[o] ? -2 : loci_measure(rows + i * DIM, rows + o * DIM, DIM, LOCI_METRIC_COSINE);
        if (cosine > best) best = cosine, at = o;
      }
      taken[at] = true;
      nearest[i][j] = at;
      cost[i][j] = 1 - best;
    }
  }
}

static void dijkstra(size_t from, size_t k, double *distances) {
  bool done[N] = {false};
  for (size_t i = 0; i < N; i++) distances[i] = INFINITY;
  distances[from] = 0;
  for (;;) {
    size_t at = N;
    for (size_t i = 0; i < N; i++)
      if (!done[i] && distances[i] < INFINITY && (at == N || distances[i] < distances[at])) at = i;
    if (at == N) return;
    done[at] = true;
    for (size_t j = 0; j < k; j++) {
      const double d = distances[at] + cost[at][j];
      if (d < distances[nearest[at][j]]) distances[nearest[at][j]] = d;
    }
  }
}

static bool is_step(size_t a, size_t b, size_t k) {
  for (size_t j = 0; j < k; j++)
    if (nearest[a][j] == b || nearest[b][j] == a) return true;
  return false;
}

static void test_against_dijkstra(void **state) {
  (void)state;
  static double from_a[N], from_b[N];
  loci__random random;
  loci__random_init(&random, 8);
  for (size_t i = 0; i < N * DIM; i++) rows[i] = (float)loci__random_normal(&random);
  for (size_t k = 2; k <= MOST_K; k += 5) {
    make_graph(k);
    size_t n_found = 0, n_none = 0;
    for (size_t q = 0; q < 40; q++) {
      const size_t a = loci__random_below(&random, N), b = loci__random_below(&random, N);
      dijkstra(a, k, from_a);
      dijkstra(b, k, from_b);
      double best = INFINITY;
      for (size_t i = 0; i < N; i++)
        if (from_a[i] + from_b[i] < best) best = from_a[i] + from_b[i];
      loci_context *context = test_context_new(q % 2 ? 1 : 3, NULL);
      loci_vectors *v = table(context, rows, N, DIM);
      loci_path there, back;
      loci_error error;
      const loci_status status = loci_path_find(v, a, b, k, 0, &there, &error);
      if (best == INFINITY) {
        assert_int_equal(status, LOCI_ERROR_NOT_FOUND);
        n_none++;
      } else {
        assert_ok(status, &error);
        assert_true(fabs(there.length - best) < 1e-9);
        assert_int_equal(there.rows[0], a);
        assert_int_equal(there.rows[there.n - 1], b);
        double weakest = 1;
        for (size_t i = 0; i + 1 < there.n; i++) {
          assert_true(is_step(there.rows[i], there.rows[i + 1], k));
          const double cosine =
              loci_measure(rows + there.rows[i] * DIM, rows + there.rows[i + 1] * DIM, DIM, LOCI_METRIC_COSINE);
          assert_true(cosine == there.cosines[i]);
          weakest = cosine < weakest ? cosine : weakest;
        }
        assert_true(weakest == there.weakest);
        size_t n_shared = 0;
        for (size_t i = 0; i < k; i++)
          for (size_t j = 0; j < k; j++) n_shared += nearest[a][i] == nearest[b][j];
        assert_int_equal(there.n_shared, n_shared);
        assert_ok(loci_path_find(v, b, a, k, 0, &back, &error), &error);
        assert_true(fabs(back.length - there.length) < 1e-12);
        loci_path_release(&back);
        loci_path_release(&there);
        n_found++;
      }
      loci_vectors_close(v);
      test_context_free(context);
    }
    assert_true(n_found > 10);
    (void)n_none;
  }
}

/* A rotation of the space changes no path. */
static void test_rotation(void **state) {
  (void)state;
  static float turned[N * DIM];
  loci__random random;
  loci__random_init(&random, 21);
  double q[DIM * DIM];
  for (size_t i = 0; i < DIM; i++) {
    double square = 0;
    for (size_t j = 0; j < DIM; j++) q[i * DIM + j] = loci__random_normal(&random);
    for (int twice = 0; twice < 2; twice++)
      for (size_t k = 0; k < i; k++) {
        double along = 0;
        for (size_t j = 0; j < DIM; j++) along += q[i * DIM + j] * q[k * DIM + j];
        for (size_t j = 0; j < DIM; j++) q[i * DIM + j] -= along * q[k * DIM + j];
      }
    for (size_t j = 0; j < DIM; j++) square += q[i * DIM + j] * q[i * DIM + j];
    for (size_t j = 0; j < DIM; j++) q[i * DIM + j] /= sqrt(square);
  }
  for (size_t i = 0; i < N * DIM; i++) rows[i] = (float)loci__random_normal(&random);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < DIM; j++) {
      double sum = 0;
      for (size_t k = 0; k < DIM; k++) sum += rows[i * DIM + k] * q[k * DIM + j];
      turned[i * DIM + j] = (float)sum;
    }
  loci_context *context = test_context_new(2, NULL);
  loci_vectors *a = table(context, rows, N, DIM), *b = table(context, turned, N, DIM);
  for (size_t i = 0; i < 20; i++) {
    loci_path x, y;
    loci_error error;
    assert_ok(loci_path_find(a, i, N - 1 - i, 10, 0, &x, &error), &error);
    assert_ok(loci_path_find(b, i, N - 1 - i, 10, 0, &y, &error), &error);
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.rows, y.rows, x.n * sizeof *x.rows);
    assert_true(fabs(x.length - y.length) < 1e-5);
    loci_path_release(&x);
    loci_path_release(&y);
  }
  loci_vectors_close(a);
  loci_vectors_close(b);
  test_context_free(context);
}

static void test_odd(void **state) {
  (void)state;
  /* Two groups that nothing connects by one neighbour each, a zero row and one with NaN; two points; one. */
  const float some[] = {1, 0, 0, 1, 0.1f, 0, 0, 1, 0, 0, 1, 0.1f, 0, 0, 0, NAN, 1, 0};
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci_vectors *v = table(context, some, 6, 3);
  loci_path path;
  assert_int_equal(loci_path_find(v, 0, 2, 1, 0, &path, &error), LOCI_ERROR_NOT_FOUND);
  assert_ok(loci_path_find(v, 0, 2, 100, 0, &path, &error), &error); /* everybody is a neighbour */
  loci_path_release(&path);
  assert_int_equal(loci_path_find(v, 0, 4, 2, 0, &path, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_path_find(v, 5, 0, 2, 0, &path, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_path_find(v, 0, 6, 2, 0, &path, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_path_find(v, 0, 1, 0, 0, &path, &error), LOCI_ERROR_USAGE);
  assert_ok(loci_path_find(v, 1, 1, 2, 0, &path, &error), &error); /* from a word to itself */
  assert_int_equal(path.n, 1);
  assert_true(path.length == 0 && path.direct > 0.999999);
  loci_path_release(&path);
  loci_vectors_close(v);
  v = table(context, some, 2, 3);
  assert_ok(loci_path_find(v, 0, 1, 10, 0, &path, &error), &error);
  assert_int_equal(path.n, 2);
  loci_path_release(&path);
  loci_vectors_close(v);
  v = table(context, some, 1, 3);
  assert_ok(loci_path_find(v, 0, 0, 10, 0, &path, &error), &error);
  assert_int_equal(path.n, 1);
  loci_path_release(&path);
  loci_vectors_close(v);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_dijkstra),
      cmocka_unit_test(test_rotation),
      cmocka_unit_test(test_odd),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
