/* A direction taken out of vectors: nothing is left along it, the kept stay, pairs are equalised, a rotation changes nothing,
 * and groups that the direction did not make stay groups. The part of model cards that tells associations. */
#include "support.h"

#include "format/vectors.h"
#include "loci/bias.h"
#include "train/card.h"

#include <math.h>
#include <stdio.h>

enum { N = 300, DIM = 8, N_PAIRS = 3 };

static loci_vectors *table(loci_context *context, const float *rows) {
  loci_vectors *v;
  loci_error error;
  assert_ok(loci_vectors_new(context, "table", N, DIM, &v, &error), &error);
  for (size_t i = 0; i < N; i++) {
    char word[16];
    const int length = snprintf(word, sizeof word, "w%zu", i);
    assert_ok(loci_vectors_add(v, word, (size_t)length, rows + i * DIM, NULL, 0, &error), &error);
  }
  return v;
}

static double cosine(const loci_vectors *v, size_t i, size_t j) {
  return loci_measure(loci_vectors_row(v, i), loci_vectors_row(v, j), DIM, LOCI_METRIC_COSINE);
}

static const size_t pairs[2 * N_PAIRS] = {0, 1, 2, 3, 4, 5}, keep[] = {6, 7};

/* Pairs differ along the first axis; words lean along it, and those that lean have company along the second. */
static void fill(float *rows) {
  loci__random random;
  loci__random_init(&random, 17);
  for (size_t i = 0; i < N * DIM; i++) rows[i] = 0.3f * (float)loci__random_normal(&random);
  for (size_t i = 0; i < N; i++) {
    const float side = i % 2 ? 1.0f : -1.0f;
    rows[i * DIM] += side;
    rows[i * DIM + 1] += side;
  }
  for (size_t p = 0; p < 2 * N_PAIRS; p += 2)
    for (size_t j = 1; j < DIM; j++) rows[(p + 1) * DIM + j] = rows[p * DIM + j];
  memset(rows + 20 * DIM, 0, DIM * sizeof *rows);
}

static loci_vectors *debias(const loci_vectors *v, int equalize, loci_debias_report *report) {
  loci_debias_options o;
  loci_debias_options_init(&o);
  o.pairs = pairs, o.n_pairs = N_PAIRS, o.keep = keep, o.n_keep = 2, o.equalize = equalize;
  loci_vectors *out;
  loci_error error;
  assert_ok(loci_debias(v, &o, &out, report, &error), &error);
  return out;
}

static void test_direction_is_gone(void **state) {
  (void)state;
  static float rows[N * DIM], turned[N * DIM];
  fill(rows);
  loci_context *context = test_context_new(2, NULL);
  loci_vectors *v = table(context, rows);
  float direction[DIM];
  loci_error error;
  assert_ok(loci_direction(v, pairs, N_PAIRS, direction, &error), &error);
  loci_debias_report report;
  loci_vectors *out = debias(v, 0, &report);
  for (size_t i = 0; i < N; i++) {
    const float *row = loci_vectors_row(out, i);
    if (i < 8) {
      assert_true(loci_measure(row, loci_vectors_row(v, i), DIM, LOCI_METRIC_COSINE) > 0.999999);
      continue;
    }
    assert_true(fabs(loci_measure(row, direction, DIM, LOCI_METRIC_COSINE)) < 1e-6);
    if (i != 20) assert_true(fabs(loci_measure(row, row, DIM, LOCI_METRIC_DOT) - 1) < 1e-5);
  }
  assert_int_equal(report.n_changed, N - 9); /* the zero row, too, is left alone */
  assert_true(report.projection_before > 0.3 && report.projection_after < 1e-6);
  assert_true(report.n_words > 0 && report.clusters_before > 0.9);
  assert_true(report.clusters_after > 0.9); /* hidden, not removed */
  loci_vectors_close(out);

  /* The two of a pair: as far from every other word. */
  out = debias(v, 1, &report);
  for (size_t p = 0; p < N_PAIRS; p++)
    for (size_t i = 8; i < N; i++)
      assert_true(fabs(cosine(out, pairs[2 * p], i) - cosine(out, pairs[2 * p + 1], i)) < 1e-6);
  loci_vectors_close(out);

  /* A permutation of axes with signs is a rotation: all cosines and figures stay. */
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < DIM; j++) turned[i * DIM + j] = rows[i * DIM + (j + 3) % DIM] * (j % 3 ? 1.0f : -1.0f);
  loci_vectors *w = table(context, turned);
  loci_debias_report again;
  loci_vectors *a = debias(v, 1, &report), *b = debias(w, 1, &again);
  for (size_t i = 0; i < 60; i++)
    for (size_t j = 0; j < 60; j++) assert_true(fabs(cosine(a, i, j) - cosine(b, i, j)) < 1e-5);
  assert_true(fabs(report.projection_before - again.projection_before) < 1e-6);
  assert_true(fabs(report.clusters_after - again.clusters_after) < 0.05);
  loci_vectors_close(a);
  loci_vectors_close(b);
  loci_vectors_close(w);

  loci_debias_options o;
  loci_debias_options_init(&o);
  assert_int_equal(loci_debias(v, &o, &out, NULL, &error), LOCI_ERROR_USAGE);
  const size_t beyond[] = {0, N};
  o.pairs = beyond, o.n_pairs = 1;
  assert_int_equal(loci_debias(v, &o, &out, NULL, &error), LOCI_ERROR_USAGE);
  loci_vectors_close(v);
  test_context_free(context);
}

/* Random vectors of all words of the lists, and of too few. */
static void test_card(void **state) {
  (void)state;
  enum { MOST = 200 };
  static float rows[MOST * DIM];
  static const char *words[MOST];
  static uint32_t lengths[MOST];
  loci__random random;
  loci__random_init(&random, 3);
  for (size_t i = 0; i < MOST * DIM; i++) rows[i] = (float)loci__random_normal(&random);
  size_t n = 0;
  for (size_t t = 0; t < loci_weat_tests(); t++)
    for (size_t s = 0; s < 4; s++)
      for (size_t w = 0; w < loci_weat_test(t)[s].n && n < MOST; w++) {
        words[n] = loci_weat_test(t)[s].words[w];
        lengths[n] = (uint32_t)strlen(words[n]);
        n++;
      }
  assert_null(loci_weat_test(loci_weat_tests()));
  loci_context *context = test_context_new(2, NULL);
  loci_error error;
  loci__trainer trainer = {.context = context};
  loci__buffer_init(&trainer.bias, context, 0);
  const loci__vectors_out made = {
      .n = n, .dim = DIM - 2, .words = words, .lengths = lengths, .rows = rows, .stride = DIM};
  assert_ok(loci__card_measure_bias(&trainer, &made, &error), &error);
  loci_vectors *v;
  assert_ok(loci_vectors_new(context, "t", n, DIM - 2, &v, &error), &error);
  for (size_t i = 0; i < n; i++)
    if (loci_vectors_find(v, words[i], lengths[i]) < 0)
      assert_ok(loci_vectors_add(v, words[i], lengths[i], rows + i * DIM, NULL, 0, &error), &error);
  for (size_t t = 0; t < loci_weat_tests(); t++) {
    loci_weat_report r;
    char wanted[100];
    assert_ok(loci_weat(v, loci_weat_test(t), 1, &r, &error), &error);
    snprintf(wanted, sizeof wanted, "d = %.2f, p = %.2g", r.effect, r.p);
    assert_non_null(strstr(trainer.bias.data, wanted));
  }
  loci_vectors_close(v);
  const loci__vectors_out few = {.n = 5, .dim = DIM, .words = words, .lengths = lengths, .rows = rows};
  assert_ok(loci__card_measure_bias(&trainer, &few, &error), &error);
  assert_non_null(strstr(trainer.bias.data, "not measured, since only 5 of 40 words"));
  assert_null(strstr(trainer.bias.data, "d = "));
  loci__buffer_release(&trainer.bias);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_direction_is_gone),
      cmocka_unit_test(test_card),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
