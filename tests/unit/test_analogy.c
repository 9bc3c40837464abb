/* Analogies: each method against its definition, by brute force over vectors; ranks; the blocked product against single
 * questions; a planted parallelogram; a rotation leaves everything as it was; the same answer at any number of threads. */
#include "support.h"

#include "format/vectors.h"
#include "loci/explore.h"

#include <math.h>
#include <stdlib.h>

enum { N = 1500, DIM = 24 };

static float rows[N * DIM], turned[N * DIM];

static void fill(void) {
  loci__random random;
  loci__random_init(&random, 3);
  for (size_t i = 0; i < N * DIM; i++) rows[i] = (float)loci__random_normal(&random);
  for (size_t j = 0; j < DIM; j++) /* rows 0 − 3: a parallelogram, not quite */
    rows[3 * DIM + j] = rows[DIM + j] - rows[j] + rows[2 * DIM + j] + 0.1f * rows[4 * DIM + j];
  memset(rows + 50 * DIM, 0, DIM * sizeof *rows);
}

static void unit_of(size_t row, double *out) {
  double square = 0;
  for (size_t j = 0; j < DIM; j++) square += (double)rows[row * DIM + j] * rows[row * DIM + j];
  for (size_t j = 0; j < DIM; j++) out[j] = square > 0 ? rows[row * DIM + j] / sqrt(square) : 0;
}

static double cosine(const double *a, const double *b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t j = 0; j < DIM; j++) ab += a[j] * b[j], aa += a[j] * a[j], bb += b[j] * b[j];
  return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* By the definition. */
static double defined(loci_analogy_method method, size_t a, size_t b, size_t c, size_t x) {
  double u[4][DIM], t[DIM], offset[DIM];
  unit_of(a, u[0]), unit_of(b, u[1]), unit_of(c, u[2]), unit_of(x, u[3]);
  for (size_t j = 0; j < DIM; j++) {
    t[j] = u[1][j] - u[0][j] + u[2][j];
    offset[j] = u[3][j] - u[2][j];
  }
  if (method == LOCI_ANALOGY_3COSADD) return cosine(u[3], t);
  if (method == LOCI_ANALOGY_3COSMUL)
    return (cosine(u[3], u[1]) + 1) / 2 * ((cosine(u[3], u[2]) + 1) / 2) / ((cosine(u[3], u[0]) + 1) / 2 + 1e-3);
  for (size_t j = 0; j < DIM; j++) t[j] = u[1][j] - u[0][j];
  return cosine(offset, t);
}

static void methods_by_definition(void **state) {
  (void)state;
  fill();
  loci_context *context = test_context_new(2, NULL);
  loci_vectors vectors = {.context = context, .n = N, .dim = DIM, .rows = rows};
  loci_error error;
  for (int method = LOCI_ANALOGY_3COSADD; method <= LOCI_ANALOGY_PAIRDISTANCE; method++)
    for (size_t c = 2; c < 12; c++) {
      const loci_analogy_question q = {0, 1, c, (int64_t)c + 1, (loci_analogy_method)method, 0, 0, 1};
      loci_analogy a;
      assert_ok(loci_analogy_solve(&vectors, &q, &a, &error), &error);
      assert_int_equal(a.n, 16);
      size_t better[2] = {0, 0};
      const double mine = defined(q.method, 0, 1, c, c + 1);
      for (size_t x = 0; x < N; x++) {
        if (x == 50 || x == c + 1 || (x == c && method == LOCI_ANALOGY_PAIRDISTANCE)) continue;
        const double score = defined(q.method, 0, 1, c, x);
        better[1] += score > mine;
        better[0] += score > mine && x != 0 && x != 1 && x != c;
        if (x != 0 && x != 1 && x != c && score > a.answers[0].score + 1e-9)
          fail_msg("method %d, c %zu, row %zu: %.12g > %.12g", method, c, x, score, a.answers[0].score);
      }
      assert_int_equal(a.rank, better[0] + 1);
      assert_int_equal(a.rank_all, better[1] + 1);
      assert_true(fabs(a.answers[0].score - defined(q.method, 0, 1, c, a.answers[0].index)) < 1e-7);
      assert_true(fabs(a.cosine_expected - defined(LOCI_ANALOGY_3COSADD, 0, 1, c, c + 1)) < 1e-7);
      if (c == 2) assert_int_equal(a.answers[0].index, 3); /* the planted one */
    }
  loci_analogy a;
  assert_int_equal(loci_analogy_solve(&vectors, &(loci_analogy_question){.a = N, .expected = -1}, &a, &error),
                   LOCI_ERROR_USAGE);
  test_context_free(context);
}

static void many_are_as_one(void **state) {
  (void)state;
  fill();
  enum { QUESTIONS = 500 };
  static size_t questions[3 * QUESTIONS];
  static loci_neighbor best[2][QUESTIONS], all[2][QUESTIONS];
  loci__random random;
  loci__random_init(&random, 8);
  for (size_t i = 0; i < LOCI__COUNT(questions); i++) questions[i] = loci__random_below(&random, N);
  loci_error error;
  for (int threads = 1; threads <= 3; threads += 2) {
    loci_context *context = test_context_new(threads, NULL);
    loci_vectors vectors = {.context = context, .n = N, .dim = DIM, .rows = rows};
    loci_neighbor *b = best[threads == 3], *l = all[threads == 3];
    assert_ok(loci_analogy_solve_many(&vectors, questions, QUESTIONS, 0, b, l, &error), &error);
    for (size_t i = 0; i < QUESTIONS; i += 7) {
      const size_t *r = questions + 3 * i;
      loci_analogy one;
      assert_ok(
          loci_analogy_solve(&vectors, &(loci_analogy_question){r[0], r[1], r[2], -1, LOCI_ANALOGY_3COSADD, 0, 0, 1},
                             &one, &error),
          &error);
      assert_true(fabs(one.answers[0].score - b[i].score) < 2e-6);
      assert_true(fabs(one.answers_all[0].score - l[i].score) < 2e-6);
      assert_true(b[i].index != r[0] && b[i].index != r[1] && b[i].index != r[2]);
    }
    test_context_free(context);
  }
  assert_memory_equal(best[0], best[1], sizeof best[0]);
  assert_memory_equal(all[0], all[1], sizeof all[0]);
}

/* No dimension has a meaning of its own: Householder reflections turn all vectors, and nothing changes. */
static void a_rotation_changes_nothing(void **state) {
  (void)state;
  fill();
  memcpy(turned, rows, sizeof turned);
  loci__random random;
  loci__random_init(&random, 77);
  for (int t = 0; t < 8; t++) {
    double v[DIM], square = 0;
    for (size_t j = 0; j < DIM; j++) v[j] = loci__random_normal(&random), square += v[j] * v[j];
    for (size_t i = 0; i < N; i++) {
      double d = 0;
      for (size_t j = 0; j < DIM; j++) d += v[j] * turned[i * DIM + j];
      for (size_t j = 0; j < DIM; j++) turned[i * DIM + j] -= (float)(2 * d * v[j] / square);
    }
  }
  loci_context *context = test_context_new(1, NULL);
  loci_vectors before = {.context = context, .n = N, .dim = DIM, .rows = rows};
  loci_vectors after = {.context = context, .n = N, .dim = DIM, .rows = turned};
  loci_error error;
  const loci_analogy_question q = {0, 1, 2, 3, LOCI_ANALOGY_3COSADD, 0, 200, 1};
  loci_analogy a, b;
  assert_ok(loci_analogy_solve(&before, &q, &a, &error), &error);
  assert_ok(loci_analogy_solve(&after, &q, &b, &error), &error);
  assert_int_equal(a.rank, b.rank);
  assert_int_equal(a.rank_all, b.rank_all);
  assert_true(fabs(a.cosine - b.cosine) < 1e-5 && fabs(a.control_median - b.control_median) < 1e-5);
  for (size_t i = 0; i < 5; i++) assert_int_equal(a.answers[i].index, b.answers[i].index);
  const size_t five[] = {1, 3, 4, 5, 6};
  size_t odd, odd_turned;
  double means[5], means_turned[5];
  assert_ok(loci_odd_one_out(&before, five, 5, &odd, means, &error), &error);
  assert_ok(loci_odd_one_out(&after, five, 5, &odd_turned, means_turned, &error), &error);
  assert_int_equal(odd, odd_turned);
  for (size_t i = 0; i < 5; i++) assert_true(fabs(means[i] - means_turned[i]) < 1e-5);
  test_context_free(context);
}

static void relations_are_pairs(void **state) {
  (void)state;
  assert_true(loci_relations() >= 6);
  for (size_t r = 0; r < loci_relations(); r++) {
    const char *from, *to, *other, *other_to;
    assert_non_null(loci_relation_name(r));
    assert_true(loci_relation_pair(r, 5, &from, &to));
    for (size_t i = 0; loci_relation_pair(r, i, &from, &to); i++) {
      assert_true(strcmp(from, to) != 0);
      for (size_t j = 0; j < i && loci_relation_pair(r, j, &other, &other_to); j++)
        if (!strcmp(from, other) && !strcmp(to, other_to)) fail_msg("%s %s stands twice", from, to);
    }
  }
  assert_null(loci_relation_name(loci_relations()));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(methods_by_definition), cmocka_unit_test(many_are_as_one),
                                     cmocka_unit_test(a_rotation_changes_nothing),
                                     cmocka_unit_test(relations_are_pairs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
