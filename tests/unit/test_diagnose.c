/* Diagnostics and all-but-the-top against plain computations of their definitions. */
#include "support.h"

#include "format/vectors.h"
#include "loci/diagnose.h"
#include "model/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 400, DIM = 30, USABLE = N - 3 };

static float rows[N * DIM];
static double unit[N][DIM];
static uint64_t counts[N];

static void make_unit(void) {
  for (size_t i = 0; i < N; i++) {
    double square = 0;
    for (size_t j = 0; j < DIM; j++) square += (double)rows[i * DIM + j] * rows[i * DIM + j];
    for (size_t j = 0; j < DIM; j++) unit[i][j] = square > 0 ? rows[i * DIM + j] / sqrt(square) : 0;
  }
}

/* A cloud about a mean that is not 0, two strong directions; frequent rows are longer; three rows that are none. */
static void fill(void) {
  loci__random random;
  loci__random_init(&random, 6);
  for (size_t i = 0; i < N; i++) {
    const float length = 1 + (float)(N - i) / N, first = (float)loci__random_normal(&random),
                second = (float)loci__random_normal(&random);
    for (size_t j = 0; j < DIM; j++)
      rows[i * DIM + j] = length * (0.5f + (j % 2 ? first : -first) + (j < DIM / 2 ? second : 0) +
                                    0.7f * (float)loci__random_normal(&random));
    counts[i] = (N - i) / 7 + 1; /* with ties */
  }
  memset(rows + 100 * DIM, 0, DIM * sizeof *rows);
  rows[200 * DIM + 3] = NAN;
  rows[300 * DIM] = INFINITY;
  make_unit();
}

static bool usable(size_t i) {
  return i != 100 && i != 200 && i != 300;
}

static double dot(const double *a, const double *b) {
  double sum = 0;
  for (size_t j = 0; j < DIM; j++) sum += a[j] * b[j];
  return sum;
}

/* Rank correlation by comparing all pairs: Σ sign sums are ranks. */
static double spearman(const double *x, const double *y, size_t n) {
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < n; i++) {
    double a = 0, b = 0;
    for (size_t k = 0; k < n; k++) {
      a += (x[i] > x[k]) - (x[i] < x[k]);
      b += (y[i] > y[k]) - (y[i] < y[k]);
    }
    xy += a * b, xx += a * a, yy += b * b;
  }
  return xy / sqrt(xx * yy);
}

static void figures_are_their_definitions(void **state) {
  (void)state;
  fill();
  loci_diagnosis first = {0};
  for (int threads = 1; threads <= 3; threads += 2) {
    loci_context *context = test_context_new(threads, NULL);
    loci_vectors v = {.context = context, .format = LOCI_VECTORS_WORD2VEC, .n = N, .dim = DIM, .rows = rows};
    loci_diagnosis d;
    loci_error error;
    loci_diagnose_options o;
    loci_diagnose_options_init(&o);
    o.k = 5, o.most = 250;
    v.counts = counts;
    assert_ok(loci_diagnose(&v, &o, &d, &error), &error);
    assert_int_equal(d.n_zero, 1);
    assert_int_equal(d.n_not_finite, 2);
    double sum = 0, square = 0, mean[DIM] = {0};
    for (size_t i = 0; i < N; i++)
      for (size_t k = 0; k < N; k++) {
        if (i == k || !usable(i) || !usable(k)) continue;
        const double c = dot(unit[i], unit[k]);
        sum += c, square += c * c;
      }
    const double n_pairs = (double)USABLE * (USABLE - 1), mean_cosine = sum / n_pairs;
    assert_true(fabs(d.mean_cosine - mean_cosine) < 1e-9);
    assert_true(fabs(d.cosine_deviation - sqrt(square / n_pairs - mean_cosine * mean_cosine)) < 0.01);
    assert_true(d.cosine_95 > mean_cosine && d.cosine_99 > d.cosine_95 && d.n_pairs >= 10000);

    /* lengths, frequency */
    double lengths[USABLE], frequency[USABLE], center[USABLE], length = 0;
    for (size_t i = 0; i < N; i++)
      for (size_t j = 0; j < DIM && usable(i); j++) mean[j] += unit[i][j];
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
      if (!usable(i)) continue;
      double own = 0;
      for (size_t j = 0; j < DIM; j++) own += (double)rows[i * DIM + j] * rows[i * DIM + j];
      lengths[n] = sqrt(own), length += lengths[n];
      frequency[n] = (double)counts[i];
      center[n++] = dot(unit[i], mean);
    }
    assert_true(fabs(d.length_mean - length / USABLE) < 1e-9);
    assert_int_equal(d.frequency, LOCI_FREQUENCY_COUNTS);
    assert_true(fabs(d.frequency_length - spearman(frequency, lengths, n)) < 1e-9 && d.frequency_length > 0.2);
    assert_true(fabs(d.frequency_center - spearman(frequency, center, n)) < 1e-9);

    /* hubness, over the first 250 usable rows */
    size_t used[250], times[N] = {0};
    n = 0;
    for (size_t i = 0; n < 250; i++)
      if (usable(i)) used[n++] = i;
    for (size_t a = 0; a < 250; a++)
      for (size_t b = 0; b < 250; b++) {
        if (a == b) continue;
        size_t nearer = 0;
        for (size_t c = 0; c < 250; c++)
          nearer += c != a && dot(unit[used[a]], unit[used[c]]) > dot(unit[used[a]], unit[used[b]]);
        times[used[b]] += nearer < 5;
      }
    double second = 0, third = 0;
    size_t orphans = 0, most = 0;
    for (size_t a = 0; a < 250; a++) {
      const double t = (double)times[used[a]] - 5;
      second += t * t / 250, third += t * t * t / 250;
      orphans += times[used[a]] == 0;
      if (times[used[a]] > most) most = times[used[a]];
    }
    assert_int_equal(d.n_hub_rows, 250);
    assert_true(fabs(d.skewness - third / pow(second, 1.5)) < 1e-9);
    assert_int_equal(d.n_orphans, orphans);
    assert_int_equal(d.n_hubs, LOCI_HUBS);
    assert_true(d.hubs[0].score == (double)most);
    for (size_t h = 0; h < LOCI_HUBS; h++) {
      assert_true((double)times[d.hubs[h].index] == d.hubs[h].score);
      assert_true(h == 0 || d.hubs[h].score <= d.hubs[h - 1].score);
    }
    if (threads == 1) first = d;
    assert_true(first.mean_cosine == d.mean_cosine && first.cosine_deviation == d.cosine_deviation &&
                first.skewness == d.skewness && first.frequency_center == d.frequency_center);
    assert_memory_equal(first.shares, d.shares, sizeof d.shares);
    assert_memory_equal(first.hubs, d.hubs, sizeof d.hubs);

    v.counts = NULL; /* the order of the file stands for frequency */
    for (size_t i = 0; i < USABLE; i++) frequency[i] = -(double)i;
    assert_ok(loci_diagnose(&v, &o, &d, &error), &error);
    assert_int_equal(d.frequency, LOCI_FREQUENCY_ORDER);
    assert_true(fabs(d.frequency_length - spearman(frequency, lengths, USABLE)) < 1e-9);
    v.format = LOCI_VECTORS_MEMORY;
    assert_ok(loci_diagnose(&v, &o, &d, &error), &error);
    assert_true(d.frequency == LOCI_FREQUENCY_UNKNOWN && d.frequency_length == 0);
    test_context_free(context);
  }
}

/* Eigenvectors by power iteration and deflation, in double: the oracle. out: D × DIM. */
static void top_directions(size_t d, double out[][DIM], double *share) {
  double mean[DIM] = {0}, c[DIM][DIM] = {{0}}, trace = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < DIM; j++) mean[j] += rows[i * DIM + j] / (double)N;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < DIM; j++)
      for (size_t k = 0; k < DIM; k++) c[j][k] += (rows[i * DIM + j] - mean[j]) * (rows[i * DIM + k] - mean[k]);
  for (size_t j = 0; j < DIM; j++) trace += c[j][j];
  for (size_t e = 0; e < d; e++) {
    double x[DIM], y[DIM], length = 0;
    for (size_t j = 0; j < DIM; j++) x[j] = 1.0 + (double)((j * 7 + e) % 5);
    for (int round = 0; round < 3000; round++) {
      length = 0;
      for (size_t j = 0; j < DIM; j++) y[j] = dot(c[j], x), length += y[j] * y[j];
      for (size_t j = 0; j < DIM; j++) x[j] = y[j] / sqrt(length);
    }
    memcpy(out[e], x, sizeof x);
    share[e] = sqrt(length) / trace;
    for (size_t j = 0; j < DIM; j++)
      for (size_t k = 0; k < DIM; k++) c[j][k] -= sqrt(length) * x[j] * x[k];
  }
}

static void the_top_is_taken_away(void **state) {
  (void)state;
  enum { D = 3 };
  fill();
  for (size_t j = 0; j < DIM; j++)
    rows[100 * DIM + j] = rows[200 * DIM + j] = rows[300 * DIM + j] = 0.25f; /* all finite for the oracle */
  double top[D][DIM], share[D], got_share[D];
  top_directions(D, top, share);
  float *first = NULL;
  for (int threads = 1; threads <= 3; threads += 2) {
    loci_context *context = test_context_new(threads, NULL);
    loci_error error;
    float *got = malloc(sizeof rows);
    memcpy(got, rows, sizeof rows);
    assert_ok(loci__all_but_the_top(context, got, N, DIM, D, got_share, &error), &error);
    double mean[DIM] = {0};
    for (size_t i = 0; i < N; i++)
      for (size_t j = 0; j < DIM; j++) mean[j] += rows[i * DIM + j] / (double)N;
    for (size_t i = 0; i < N; i++) {
      double x[DIM];
      for (size_t j = 0; j < DIM; j++) x[j] = rows[i * DIM + j] - mean[j];
      for (size_t e = 0; e < D; e++) {
        const double along = dot(x, top[e]);
        for (size_t j = 0; j < DIM; j++) x[j] -= along * top[e][j];
      }
      for (size_t j = 0; j < DIM; j++)
        if (fabs(x[j] - got[i * DIM + j]) > 2e-4)
          fail_msg("row %zu, %zu: %g, not %g", i, j, (double)got[i * DIM + j], x[j]);
    }
    for (size_t e = 0; e < D; e++) assert_true(fabs(got_share[e] - share[e]) < 1e-5);
    if (first) assert_memory_equal(first, got, sizeof rows);
    else first = memcpy(malloc(sizeof rows), got, sizeof rows);
    free(got);
    assert_int_equal(loci__all_but_the_top(context, first, N, DIM, DIM, NULL, &error), LOCI_ERROR_USAGE);
    test_context_free(context);
  }
  free(first);
}

static void bad_rows_stay_and_do_no_harm(void **state) {
  (void)state;
  fill();
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  float *got = malloc(sizeof rows);
  memcpy(got, rows, sizeof rows);
  assert_ok(loci__all_but_the_top(context, got, N, DIM, 2, NULL, &error), &error);
  assert_memory_equal(got + 200 * DIM, rows + 200 * DIM, DIM * sizeof *got);
  for (size_t j = 0; j < DIM; j++) assert_true(got[100 * DIM + j] == 0);
  for (size_t i = 0; i < N * DIM; i++) assert_true(isfinite(got[i]) || i / DIM == 200 || i / DIM == 300);
  float one[] = {1, 2, 3}, same[] = {1, 2, 3, 1, 2, 3};
  assert_ok(loci__all_but_the_top(context, one, 1, 3, 2, NULL, &error), &error);
  assert_ok(loci__all_but_the_top(context, same, 2, 3, 1, NULL, &error), &error);
  for (size_t i = 0; i < 3; i++) assert_true(one[i] == 0 && same[i] == 0);
  free(got);
  test_context_free(context);
}

static void its_effect_is_seen(void **state) {
  (void)state;
  fill();
  loci_context *context = test_context_new(2, NULL);
  loci_vectors v = {.context = context, .format = LOCI_VECTORS_WORD2VEC, .n = N, .dim = DIM, .rows = rows};
  loci_diagnose_options o;
  loci_diagnose_options_init(&o);
  loci_diagnosis before, after;
  loci_error error;
  assert_ok(loci_diagnose(&v, &o, &before, &error), &error);
  o.all_but_the_top = 1, o.n_top = 2;
  assert_ok(loci_diagnose(&v, &o, &after, &error), &error);
  assert_true(before.mean_cosine > 0.05 && fabs(after.mean_cosine) < 0.02);
  assert_true(before.shares[0] > 2 * after.shares[0] && fabs(after.shares[0] - before.shares[2]) < 0.05);
  o.n_top = DIM;
  assert_int_equal(loci_diagnose(&v, &o, &after, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

static void few_rows(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  float few[] = {3, 4, 0, 0, 6, 8, 3, 4};
  loci_vectors v = {.context = context, .format = LOCI_VECTORS_TEXT, .n = 1, .dim = 2, .rows = few};
  loci_diagnosis d;
  loci_error error;
  assert_ok(loci_diagnose(&v, NULL, &d, &error), &error); /* one: nothing to compare it with */
  assert_true(d.length_mean == 5 && d.mean_cosine == 0 && d.k == 0 && d.skewness == 0 && d.n_pairs == 0);
  v.n = 4;
  assert_ok(loci_diagnose(&v, NULL, &d, &error), &error); /* all in one direction */
  assert_true(fabs(d.mean_cosine - 1) < 1e-6 && d.n_zero == 1 && d.k == 2 && d.n_hub_rows == 3 && d.skewness == 0);
  v.rows = few + 2, v.n = 1;
  assert_int_equal(loci_diagnose(&v, NULL, &d, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(figures_are_their_definitions),
      cmocka_unit_test(the_top_is_taken_away),
      cmocka_unit_test(bad_rows_stay_and_do_no_harm),
      cmocka_unit_test(its_effect_is_seen),
      cmocka_unit_test(few_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
