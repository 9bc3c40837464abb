/* Two languages in one space: Procrustes against NumPy's SVD, a rotation that is found again, CSLS against NumPy and against
 * the plain formula over all pairs, Wilson's interval against published numbers, what is refused. */
#include "support.h"

#include "explore/align.h"
#include "format/vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define GOLDEN LOCI_SOURCE_DIR "/tests/golden/align/"

/* ---- golden files: "name rows columns", then the numbers ---- */

typedef struct golden {
  char *text, *at;
} golden;

static golden golden_open(const char *name) {
  char path[400];
  snprintf(path, sizeof path, "%s%s", GOLDEN, name);
  golden g = {.text = test_read(path, NULL)};
  g.at = strchr(g.text, '\n') + 1; /* the first line says what made it */
  return g;
}

/* NULL at the end. */
static double *golden_next(golden *g, const char *name, size_t *rows, size_t *columns) {
  const size_t length = strlen(name);
  if (*g->at == '\0') return NULL;
  assert_int_equal(strncmp(g->at, name, length), 0);
  *rows = strtoul(g->at + length, &g->at, 10);
  *columns = strtoul(g->at, &g->at, 10);
  double *out = malloc(*rows * *columns * sizeof *out);
  for (size_t i = 0; i < *rows * *columns; i++) out[i] = strtod(g->at, &g->at);
  while (*g->at == '\n') g->at++;
  return out;
}

static float *floats(const double *x, size_t n) {
  float *out = malloc(n * sizeof *out);
  for (size_t i = 0; i < n; i++) out[i] = (float)x[i];
  return out;
}

static void test_numpy(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  loci_error error;
  golden g = golden_open("procrustes.txt");
  size_t n, dim, cases = 0;
  for (double *x; (x = golden_next(&g, "x ", &n, &dim)); cases++) {
    double *y = golden_next(&g, "y ", &n, &dim);
    const size_t n_pairs = n;
    double *w = golden_next(&g, "w ", &n, &dim);
    float *fx = floats(x, n_pairs * dim), *fy = floats(y, n_pairs * dim);
    double *got = malloc(dim * dim * sizeof *got);
    assert_ok(loci_procrustes(context, fx, fy, n_pairs, dim, got, &error), &error);
    for (size_t i = 0; i < dim * dim; i++) assert_true(fabs(got[i] - w[i]) < 1e-9); /* the gate: 1e-5 */
    free(x), free(y), free(w), free(fx), free(fy), free(got);
  }
  assert_int_equal(cases, 2);
  free(g.text);
  test_context_free(context);
}

/* ---- rotations ---- */

/* dim × dim, orthogonal: Gram–Schmidt on random numbers. */
static void random_rotation(loci__random *random, size_t dim, double *q) {
  for (size_t i = 0; i < dim; i++) {
    for (size_t j = 0; j < dim; j++) q[i * dim + j] = loci__random_normal(random);
    for (int twice = 0; twice < 2; twice++)
      for (size_t k = 0; k < i; k++) {
        double along = 0;
        for (size_t j = 0; j < dim; j++) along += q[i * dim + j] * q[k * dim + j];
        for (size_t j = 0; j < dim; j++) q[i * dim + j] -= along * q[k * dim + j];
      }
    double square = 0;
    for (size_t j = 0; j < dim; j++) square += q[i * dim + j] * q[i * dim + j];
    for (size_t j = 0; j < dim; j++) q[i * dim + j] /= sqrt(square);
  }
}

static void rotate(const float *x, size_t n, size_t dim, const double *q, float *y) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < dim; j++) {
      double sum = 0;
      for (size_t k = 0; k < dim; k++) sum += x[i * dim + k] * q[k * dim + j];
      y[i * dim + j] = (float)sum;
    }
}

static void assert_orthogonal(const double *w, size_t dim) {
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j < dim; j++) {
      double sum = 0;
      for (size_t k = 0; k < dim; k++) sum += w[i * dim + k] * w[j * dim + k];
      assert_true(fabs(sum - (i == j)) < 1e-10);
    }
}

static loci_vectors *table(loci_context *context, const float *rows, size_t n, size_t dim) {
  loci_vectors *v;
  loci_error error;
  assert_ok(loci_vectors_new(context, "table", n, dim, &v, &error), &error);
  for (size_t i = 0; i < n; i++) {
    char word[16];
    const int length = snprintf(word, sizeof word, "w%zu", i);
    assert_ok(loci_vectors_add(v, word, (size_t)length, rows + i * dim, NULL, 0, &error), &error);
  }
  return v;
}

static void test_rotation_is_found(void **state) {
  (void)state;
  static const size_t dims[] = {1, 2, 3, 10, 37, 64};
  loci__random random;
  loci__random_init(&random, 11);
  for (size_t d = 0; d < LOCI__COUNT(dims); d++) {
    const size_t dim = dims[d], n = 3 * dim + 5;
    float *x = malloc(n * dim * sizeof *x), *y = malloc(n * dim * sizeof *y);
    double *q = malloc(dim * dim * sizeof *q), *first = NULL;
    for (size_t i = 0; i < n * dim; i++) x[i] = (float)loci__random_normal(&random);
    random_rotation(&random, dim, q);
    rotate(x, n, dim, q, y);
    for (int threads = 1; threads <= 3; threads += 2) {
      loci_context *context = test_context_new(threads, NULL);
      loci_error error;
      double *w = malloc(dim * dim * sizeof *w);
      assert_ok(loci_procrustes(context, x, y, n, dim, w, &error), &error);
      for (size_t i = 0; i < dim * dim; i++) assert_true(fabs(w[i] - q[i]) < 1e-6); /* the rows were rounded to float */
      assert_orthogonal(w, dim);
      if (first) assert_memory_equal(w, first, dim * dim * sizeof *w); /* any number of threads */
      if (first) free(w);
      else first = w;

      loci_vectors *source = table(context, x, n, dim), *target = table(context, y, n, dim), *mapped;
      size_t *pairs = malloc(2 * n * sizeof *pairs);
      for (size_t i = 0; i < 2 * n; i++) pairs[i] = i / 2;
      loci_alignment a;
      assert_ok(loci_align(source, target, pairs, n, NULL, &a, &error), &error);
      assert_true(fabs(a.fit - 1) < 1e-6);
      assert_int_equal(a.n_pairs, n);
      assert_ok(loci_align_vectors(&a, source, &mapped, &error), &error);
      for (size_t i = 0; i < n * dim; i++) assert_true(fabsf(loci_vectors_row(mapped, 0)[i] - y[i]) < 1e-5f);
      assert_int_equal(loci_vectors_find(mapped, "w3", 2), 3);
      loci_align_report report;
      assert_ok(loci_align_score(mapped, target, pairs, n, 0, &report, &error), &error);
      if (dim > 2) assert_int_equal(report.cosine.n_right, n); /* below, directions crowd */
      assert_int_equal(report.cosine.n, n);
      loci_alignment_release(&a);
      free(pairs);
      loci_vectors_close(mapped);
      loci_vectors_close(source);
      loci_vectors_close(target);
      test_context_free(context);
    }
    free(x), free(y), free(q), free(first);
  }
}

/* A few pairs and many dimensions: what they say holds, the rest stays orthogonal and where it was. */
static void test_few_pairs(void **state) {
  (void)state;
  enum { DIM = 20, N = 4 };
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci__random random;
  loci__random_init(&random, 2);
  float x[N * DIM] = {0}, y[N * DIM];
  double q[DIM * DIM], w[DIM * DIM];
  for (size_t i = 0; i < N * DIM; i++) x[i] = (float)loci__random_normal(&random);
  random_rotation(&random, DIM, q);
  rotate(x, N, DIM, q, y);
  assert_ok(loci_procrustes(context, x, y, N, DIM, w, &error), &error);
  assert_orthogonal(w, DIM);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < DIM; j++) {
      double sum = 0;
      for (size_t k = 0; k < DIM; k++) sum += x[i * DIM + k] * w[k * DIM + j];
      assert_true(fabs(sum - y[i * DIM + j]) < 1e-5);
    }
  /* The same points: nothing needs to move. */
  assert_ok(loci_procrustes(context, x, x, N, DIM, w, &error), &error);
  for (size_t i = 0; i < DIM; i++)
    for (size_t j = 0; j < DIM; j++) assert_true(fabs(w[i * DIM + j] - (i == j)) < 1e-9);
  /* No point at all, and points that are 0. */
  memset(y, 0, sizeof y);
  assert_ok(loci_procrustes(context, x, y, N, DIM, w, &error), &error);
  assert_orthogonal(w, DIM);
  assert_ok(loci_procrustes(context, x, y, 0, DIM, w, &error), &error);
  assert_orthogonal(w, DIM);
  y[3] = NAN;
  assert_int_equal(loci_procrustes(context, x, y, N, DIM, w, &error), LOCI_ERROR_USAGE);
  y[3] = INFINITY;
  assert_int_equal(loci_procrustes(context, x, y, N, DIM, w, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_procrustes(context, x, y, N, 0, w, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

/* ---- CSLS ---- */

static void test_csls_numpy(void **state) {
  (void)state;
  golden g = golden_open("csls.txt");
  size_t n_source, n_target, dim, n, k;
  double *source = golden_next(&g, "source ", &n_source, &dim), *target = golden_next(&g, "target ", &n_target, &dim);
  double *best = golden_next(&g, "best ", &n, &k), *scores = golden_next(&g, "score ", &n, &k);
  float *s = floats(source, n_source * dim), *t = floats(target, n_target * dim);
  for (int threads = 1; threads <= 3; threads += 2) {
    loci_context *context = test_context_new(threads, NULL);
    loci_vectors *from = table(context, s, n_source, dim), *to = table(context, t, n_target, dim);
    for (size_t i = 0; i < n; i++) {
      loci_neighbor found[5];
      size_t n_found;
      loci_error error;
      assert_ok(loci_csls(to, from, s + i * dim, k, 10, found, &n_found, &error), &error);
      assert_int_equal(n_found, k);
      for (size_t j = 0; j < k; j++) {
        assert_int_equal(found[j].index, (size_t)best[i * k + j]);
        assert_true(fabs(found[j].score - scores[i * k + j]) < 1e-6);
      }
    }
    loci_vectors_close(from);
    loci_vectors_close(to);
    test_context_free(context);
  }
  free(source), free(target), free(best), free(scores), free(s), free(t), free(g.text);
}

/* The k best of a plain search in double; ties and rows that are not finite. */
static void test_nearest_several(void **state) {
  (void)state;
  enum { N = 1300, M = 150, DIM = 19, K = 7 };
  static float rows[N * DIM], targets[M * DIM], penalties[N];
  static size_t left_out[M];
  static loci_neighbor out[M * K], before[M * K];
  loci__random random;
  loci__random_init(&random, 4);
  for (size_t i = 0; i < N * DIM; i++) rows[i] = (float)loci__random_normal(&random);
  for (size_t i = 0; i < M * DIM; i++) targets[i] = (float)loci__random_normal(&random);
  for (size_t i = 0; i < M; i++) loci__unit(targets + i * DIM, DIM, targets + i * DIM);
  for (size_t i = 0; i < N; i++) penalties[i] = (float)loci__random_unit(&random) / 2;
  for (size_t i = 0; i < M; i++) left_out[i] = i % 3 == 0 ? i : SIZE_MAX;
  rows[40 * DIM + 3] = NAN;
  rows[41 * DIM] = INFINITY;
  memset(rows + 42 * DIM, 0, DIM * sizeof *rows);
  for (int threads = 1; threads <= 3; threads += 2) {
    loci_context *context = test_context_new(threads, NULL);
    loci_error error;
    loci__packed_rows packed;
    assert_ok(loci__packed_rows_init(&packed, context, rows, N, DIM, &error), &error);
    const loci__wanted wanted = {.targets = targets, .m = M, .k = K, .penalties = penalties, .left_out = left_out};
    assert_ok(loci__packed_rows_nearest(&packed, &wanted, out, &error), &error);
    if (threads == 1) memcpy(before, out, sizeof out);
    else assert_memory_equal(before, out, sizeof out);
    for (size_t t = 0; t < M; t++) {
      const double last = out[t * K + K - 1].score;
      size_t better = 0;
      for (size_t j = 0; j < K; j++) {
        const loci_neighbor *o = &out[t * K + j];
        assert_true(o->index != left_out[t] && o->index != 40 && o->index != 41);
        const double plain =
            loci_measure(targets + t * DIM, rows + o->index * DIM, DIM, LOCI_METRIC_COSINE) - penalties[o->index];
        assert_true(fabs(plain - o->score) < 1e-5);
        if (j > 0) assert_true(o->score <= out[t * K + j - 1].score);
      }
      for (size_t i = 0; i < N; i++) {
        if (i == left_out[t] || i == 40 || i == 41) continue;
        const double plain = loci_measure(targets + t * DIM, rows + i * DIM, DIM, LOCI_METRIC_COSINE) - penalties[i];
        better += plain > last + 1e-5;
      }
      assert_true(better <= K - 1);
    }
    loci__packed_rows_release(&packed);
    /* Fewer rows than are wanted. */
    assert_ok(loci__packed_rows_init(&packed, context, rows, 3, DIM, &error), &error);
    assert_ok(loci__packed_rows_nearest(&packed, &(loci__wanted){.targets = targets, .m = 1, .k = K}, out, &error),
              &error);
    assert_true(out[2].index < 3 && out[3].index == SIZE_MAX && out[3].score == -INFINITY);
    loci__packed_rows_release(&packed);
    test_context_free(context);
  }
}

/* ---- refinement ---- */

/* Two noisy views of the same points. Few true pairs and some false ones: refinement finds the others and beats them. */
static void test_refinement(void **state) {
  (void)state;
  enum { N = 400, DIM = 12, GIVEN = 32 };
  static float x[N * DIM], y[N * DIM];
  loci__random random;
  loci__random_init(&random, 9);
  double q[DIM * DIM];
  random_rotation(&random, DIM, q);
  for (size_t i = 0; i < N * DIM; i++) x[i] = (float)loci__random_normal(&random);
  rotate(x, N, DIM, q, y);
  for (size_t i = 0; i < N * DIM; i++) y[i] += 0.3f * (float)loci__random_normal(&random);
  size_t pairs[2 * GIVEN], test[2 * (N - GIVEN)];
  for (size_t i = 0; i < GIVEN; i++) pairs[2 * i] = i, pairs[2 * i + 1] = i < GIVEN - 3 ? i : i + 1;
  for (size_t i = GIVEN; i < N; i++) test[2 * (i - GIVEN)] = test[2 * (i - GIVEN) + 1] = i;
  loci_align_report reports[2];
  double first[DIM * DIM];
  for (int threads = 1; threads <= 3; threads += 2) {
    loci_context *context = test_context_new(threads, NULL);
    loci_vectors *source = table(context, x, N, DIM), *target = table(context, y, N, DIM);
    loci_error error;
    loci_align_options o;
    loci_align_options_init(&o);
    for (size_t round = 0; round < 2; round++) {
      o.refinements = 5 * round;
      loci_alignment a;
      loci_vectors *mapped;
      assert_ok(loci_align(source, target, pairs, GIVEN, &o, &a, &error), &error);
      assert_orthogonal(a.w, DIM);
      if (round == 1 && threads == 1) memcpy(first, a.w, sizeof first);
      if (round == 1) assert_memory_equal(first, a.w, sizeof first);
      assert_ok(loci_align_vectors(&a, source, &mapped, &error), &error);
      assert_ok(loci_align_score(mapped, target, test, N - GIVEN, 0, &reports[round], &error), &error);
      loci_vectors_close(mapped);
      loci_alignment_release(&a);
    }
    assert_true(reports[1].cosine.value > reports[0].cosine.value);
    assert_true(reports[1].cosine.value > 0.9);
    loci_vectors_close(source);
    loci_vectors_close(target);
    test_context_free(context);
  }
}

static void test_several_partners(void **state) {
  (void)state;
  const float x[] = {1, 0, 0, 1}, y[] = {1, 0.1f, 0.9f, 0, -1, 0.2f};
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci_vectors *source = table(context, x, 2, 2), *target = table(context, y, 3, 2);
  /* Any partner will do; a word counts once. */
  const size_t pairs[] = {0, 0, 0, 1, 1, 2};
  loci_align_report report;
  assert_ok(loci_align_score(source, target, pairs, 3, 0, &report, &error), &error);
  assert_int_equal(report.cosine.n, 2);
  assert_int_equal(report.cosine.n_right, 2);
  assert_ok(loci_align_score(source, target, pairs, 0, 0, &report, &error), &error);
  assert_int_equal(report.cosine.n, 0);
  loci_vectors_close(source);
  loci_vectors_close(target);
  test_context_free(context);
}

static void test_wilson(void **state) {
  (void)state;
  /* Newcombe 1998 (Statistics in Medicine 17), table I: 81/263, 15/148, 0/20, 1/29, by Wilson's score without
   * continuity correction. */
  static const struct {
    size_t right, n;
    double low, high;
  } known[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0000, 0.1611}, {1, 29, 0.0061, 0.1718}};
  for (size_t i = 0; i < LOCI__COUNT(known); i++) {
    const loci_share s = loci_share_of(known[i].right, known[i].n);
    assert_true(fabs(s.low - known[i].low) < 5e-5);
    assert_true(fabs(s.high - known[i].high) < 5e-5);
  }
  const loci_share all = loci_share_of(7, 7), none = loci_share_of(0, 0);
  assert_true(all.value == 1 && all.high == 1 && all.low < 1);
  assert_true(none.low == 0 && none.high == 1);
}

static void test_refused(void **state) {
  (void)state;
  const float x[] = {1, 0, 0, 0, 0, NAN}, y[] = {1, 0, 0};
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci_vectors *two = table(context, x, 3, 2), *three = table(context, y, 1, 3);
  loci_alignment a;
  loci_neighbor found;
  loci_align_report report;
  size_t n;
  const size_t none[] = {1, 1, 2, 2, 1, 0}, beyond[] = {0, 9};
  assert_int_equal(loci_align(two, three, none, 1, NULL, &a, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_align(two, two, beyond, 1, NULL, &a, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_align(two, two, none, 0, NULL, &a, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_align(two, two, none, 3, NULL, &a, &error), LOCI_ERROR_USAGE); /* zero vectors and NaN */
  assert_int_equal(loci_align_score(two, three, none, 1, 0, &report, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_csls(two, three, x, 1, 0, &found, &n, &error), LOCI_ERROR_USAGE);
  const size_t one[] = {0, 0, 1, 1, 2, 2};
  assert_ok(loci_align(two, two, one, 3, NULL, &a, &error), &error); /* of which one is usable */
  assert_int_equal(a.n_pairs, 1);
  loci_alignment_release(&a);
  assert_ok(loci_csls(two, two, x, 1, 0, &found, &n, &error), &error);
  assert_int_equal(found.index, 0);
  loci_vectors_close(two);
  loci_vectors_close(three);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numpy),
      cmocka_unit_test(test_rotation_is_found),
      cmocka_unit_test(test_few_pairs),
      cmocka_unit_test(test_csls_numpy),
      cmocka_unit_test(test_nearest_several),
      cmocka_unit_test(test_refinement),
      cmocka_unit_test(test_several_partners),
      cmocka_unit_test(test_wilson),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
