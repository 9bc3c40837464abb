/* Relations, axes and WEAT against plain computations of their definitions. */
#include "support.h"

#include "format/vectors.h"
#include "loci/explore.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 80, DIM = 20, PAIRS = 12 };

static float rows[N * DIM];
static size_t pairs[2 * PAIRS];

/* Rows 0 … 11 and 12 … 23: pairs that share a direction, not quite; the rest noise. */
static void fill(void) {
  loci__random random;
  loci__random_init(&random, 4);
  float shared[DIM];
  for (size_t j = 0; j < DIM; j++) shared[j] = (float)loci__random_normal(&random);
  for (size_t i = 0; i < N * DIM; i++) rows[i] = (float)loci__random_normal(&random);
  for (size_t i = 0; i < PAIRS; i++) {
    for (size_t j = 0; j < DIM; j++)
      rows[(PAIRS + i) * DIM + j] = rows[i * DIM + j] + shared[j] + 0.5f * (float)loci__random_normal(&random);
    pairs[2 * i] = i;
    pairs[2 * i + 1] = PAIRS + i;
  }
}

static void unit_offset(size_t from, size_t to, double *out) {
  double a = 0, b = 0, square = 0;
  for (size_t j = 0; j < DIM; j++) {
    a += (double)rows[from * DIM + j] * rows[from * DIM + j];
    b += (double)rows[to * DIM + j] * rows[to * DIM + j];
  }
  for (size_t j = 0; j < DIM; j++) {
    out[j] = rows[to * DIM + j] / sqrt(b) - rows[from * DIM + j] / sqrt(a);
    square += out[j] * out[j];
  }
  for (size_t j = 0; j < DIM; j++) out[j] /= sqrt(square);
}

static double dot(const double *a, const double *b) {
  double sum = 0;
  for (size_t j = 0; j < DIM; j++) sum += a[j] * b[j];
  return sum;
}

static void a_relation_is_the_mean_of_all_cosines(void **state) {
  (void)state;
  fill();
  loci_context *context = test_context_new(1, NULL);
  loci_vectors v = {.context = context, .n = N, .dim = DIM, .rows = rows};
  loci_error error;
  double u[PAIRS][DIM], sum = 0;
  for (size_t i = 0; i < PAIRS; i++) unit_offset(pairs[2 * i], pairs[2 * i + 1], u[i]);
  for (size_t i = 0; i < PAIRS; i++)
    for (size_t k = 0; k < PAIRS; k++)
      if (i != k) sum += dot(u[i], u[k]);
  loci_relation_report report;
  assert_ok(loci_relation_measure(&v, pairs, PAIRS, 500, 1, &report, &error), &error);
  assert_true(fabs(report.mean_cosine - sum / (PAIRS * (PAIRS - 1))) < 1e-12);
  assert_true(report.p < 0.01 && report.shuffled < report.mean_cosine);
  size_t noise[2 * PAIRS]; /* pairs that share nothing: p is not small */
  for (size_t i = 0; i < 2 * PAIRS; i++) noise[i] = 40 + i;
  assert_ok(loci_relation_measure(&v, noise, PAIRS, 500, 1, &report, &error), &error);
  if (!(report.p > 0.05 && fabs(report.mean_cosine) < 0.1))
    fail_msg("p %g, mean cosine %g", report.p, report.mean_cosine);
  assert_int_equal(loci_relation_measure(&v, pairs, 1, 10, 1, &report, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

static void an_axis_is_a_cosine_with_an_interval(void **state) {
  (void)state;
  fill();
  loci_context *context = test_context_new(1, NULL);
  loci_vectors v = {.context = context, .n = N, .dim = DIM, .rows = rows};
  loci_error error;
  double direction[DIM] = {0}, u[DIM];
  float shared[DIM];
  for (size_t i = 0; i < PAIRS; i++) {
    unit_offset(pairs[2 * i], pairs[2 * i + 1], u);
    for (size_t j = 0; j < DIM; j++) direction[j] += u[j];
  }
  const size_t asked[] = {0, PAIRS, 70};
  loci_interval found[3], again[3], one;
  assert_ok(loci_axis(&v, pairs, PAIRS, asked, 3, 500, 1, found, &error), &error);
  assert_ok(loci_axis(&v, pairs, PAIRS, asked, 3, 500, 1, again, &error), &error);
  assert_memory_equal(found, again, sizeof found);
  assert_ok(loci_direction(&v, pairs, PAIRS, shared, &error), &error);
  for (size_t r = 0; r < 3; r++) {
    double x[DIM], xx = 0;
    for (size_t j = 0; j < DIM; j++) x[j] = rows[asked[r] * DIM + j], xx += x[j] * x[j];
    assert_true(fabs(found[r].value - dot(x, direction) / sqrt(xx * dot(direction, direction))) < 1e-12);
    assert_true(found[r].low <= found[r].value && found[r].value <= found[r].high && found[r].low < found[r].high);
    assert_true(fabs(found[r].value - loci_measure(rows + asked[r] * DIM, shared, DIM, LOCI_METRIC_COSINE)) < 1e-6);
  }
  assert_ok(loci_axis(&v, pairs, 1, asked, 1, 500, 1, &one, &error), &error);
  assert_true(one.low == one.value && one.high == one.value && one.n_pairs == 1);
  assert_ok(loci_direction_cosine(&v, pairs, 6, pairs + 12, 6, 300, 1, &one, &error), &error);
  assert_true(one.value > 0.5 && one.low <= one.value && one.value <= one.high);
  const size_t back_and_forth[] = {0, 1, 1, 0};
  assert_int_equal(loci_direction(&v, back_and_forth, 2, shared, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

static const char *const names[] = {"a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3",
                                    "c0", "c1", "c2", "c3", "d0", "d1", "d2", "d3"};

static loci_vectors *open_named(loci_context *context) {
  char path[600];
  snprintf(path, sizeof path, "%s/v.txt", test_folder());
  FILE *f = fopen(path, "w");
  fprintf(f, "%zu %d\n", LOCI__COUNT(names), DIM);
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    fprintf(f, "%s", names[i]);
    for (size_t j = 0; j < DIM; j++) fprintf(f, " %.9g", (double)rows[i * DIM + j]);
    fprintf(f, "\n");
  }
  fclose(f);
  loci_error error;
  loci_vectors *v;
  assert_ok(loci_vectors_open(context, path, NULL, &v, &error), &error);
  return v;
}

static double association(size_t w, size_t first_a, size_t first_b) {
  double s = 0;
  for (size_t i = 0; i < 4; i++)
    s += loci_measure(rows + w * DIM, rows + (first_a + i) * DIM, DIM, LOCI_METRIC_COSINE) / 4 -
         loci_measure(rows + w * DIM, rows + (first_b + i) * DIM, DIM, LOCI_METRIC_COSINE) / 4;
  return s;
}

static void weat_by_its_definition(void **state) {
  (void)state;
  fill();
  loci_context *context = test_context_new(1, NULL);
  loci_vectors *v = open_named(context);
  loci_weat_set sets[4] = {{"a", names, 4}, {"b", names + 4, 4}, {"c", names + 8, 4}, {"d", names + 12, 4}};
  loci_weat_report report;
  loci_error error;
  assert_ok(loci_weat(v, sets, 1, &report, &error), &error);
  double s[8], mean = 0, square = 0, x = 0;
  for (size_t i = 0; i < 8; i++) s[i] = association(i, 8, 12), mean += s[i] / 8;
  for (size_t i = 0; i < 8; i++) square += (s[i] - mean) * (s[i] - mean);
  for (size_t i = 0; i < 4; i++) x += s[i] - s[4 + i];
  assert_true(fabs(report.effect - x / 4 / sqrt(square / 7)) < 1e-9);
  assert_true(fabs(report.statistic - x) < 1e-9);
  unsigned greater = 0, all = 0;
  for (unsigned mask = 0; mask < 256; mask++) { /* every half of the eight */
    double part = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < 8; i++) {
      n += mask >> i & 1;
      part += mask >> i & 1 ? s[i] : -s[i];
    }
    all += n == 4;
    greater += n == 4 && part > x + 1e-12;
  }
  assert_int_equal(report.n_partitions, all);
  assert_true(report.exact && fabs(report.p - (double)greater / all) < 1e-12);
  /* Unknown words are counted; below 80 % there is no figure. */
  const char *const few[] = {"a0", "a1", "a2", "zzz"}, *const upper[] = {"B0", "b1", "b2", "b3"};
  sets[0].words = few, sets[1].words = upper;
  assert_ok(loci_weat(v, sets, 1, &report, &error), &error);
  assert_int_equal(report.n_seen[0], 3);
  assert_int_equal(report.n_seen[1], 4);
  const char *const none[] = {"x", "y", "z", "a0"};
  sets[0].words = none;
  assert_int_equal(loci_weat(v, sets, 1, &report, &error), LOCI_ERROR_LIMIT);
  loci_vectors_close(v);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_relation_is_the_mean_of_all_cosines),
                                     cmocka_unit_test(an_axis_is_a_cosine_with_an_interval),
                                     cmocka_unit_test(weat_by_its_definition)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
