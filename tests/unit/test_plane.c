/* The kernels of maps, of each instruction set: transforms against sums of their definition, lane by lane, and pulls against the
 * plain table; and a whole map by each set.
 */
#include "support.h"

#include "explore/project.h"

#include <math.h>
#include <stdlib.h>

enum { ELEMENT = 2 * LOCI__LANES };

static void check_fft(loci_context *context, const loci__kernels *kernels, size_t n) {
  loci_error error;
  loci__fft fft;
  assert_ok(loci__fft_init(&fft, context, n, &error), &error);
  float *x = loci__alloc_aligned(context, n * ELEMENT * sizeof *x);
  float *work = loci__alloc_aligned(context, n * ELEMENT * sizeof *x), *given = malloc(n * ELEMENT * sizeof *x);
  loci__random random;
  loci__random_init(&random, n);
  for (size_t i = 0; i < n * ELEMENT; i++) x[i] = given[i] = (float)loci__random_normal(&random);
  const float *got = kernels->fft_f32(&fft.plan, x, work);
  double wrong = 0, all = 0;
  for (size_t k = 0; k < n; k += 1 + n / 40)
    for (size_t l = 0; l < LOCI__LANES; l += 5) {
      double re = 0, im = 0;
      for (size_t j = 0; j < n; j++) {
        const double angle = -2 * 3.14159265358979323846 * (double)(j * k % n) / (double)n;
        const double a = (double)given[j * ELEMENT + l], b = (double)given[j * ELEMENT + LOCI__LANES + l];
        re += a * cos(angle) - b * sin(angle);
        im += a * sin(angle) + b * cos(angle);
      }
      wrong += pow(re - (double)got[k * ELEMENT + l], 2) + pow(im - (double)got[k * ELEMENT + LOCI__LANES + l], 2);
      all += re * re + im * im;
    }
  if (sqrt(wrong / all) > 1e-6) fail_msg("%s, length %zu: off by %.2e", kernels->name, n, sqrt(wrong / all));
  loci__free_aligned(context, x);
  loci__free_aligned(context, work);
  free(given);
  loci__fft_release(&fft);
}

static void test_fft(void **state) {
  (void)state;
  static const size_t lengths[] = {2, 4, 6, 8, 10, 12, 16, 30, 64, 90, 96, 100, 150, 240, 250, 360, 486, 512, 1350};
  loci_context *context = test_context_new(1, NULL);
  for (size_t t = 0; loci__kernels_name(t); t++) {
    const loci__kernels *kernels = loci__kernels_named(loci__kernels_name(t));
    for (size_t i = 0; kernels && i < LOCI__COUNT(lengths); i++) check_fft(context, kernels, lengths[i]);
  }
  assert_int_equal(loci__fft_length(1), 2);
  assert_int_equal(loci__fft_length(7), 8);
  assert_int_equal(loci__fft_length(91), 96);
  assert_int_equal(loci__fft_length(1345), 1350);
  test_context_free(context);
}

static void test_pull(void **state) {
  (void)state;
  enum { N = 60 };
  static uint32_t columns[N * 64];
  static float values[N * 64], xy[2 * N], got[2 * N], want[2 * N];
  size_t starts[N + 1] = {0};
  loci__random random;
  loci__random_init(&random, 4);
  for (size_t i = 0; i < N; i++) {
    starts[i + 1] = starts[i] + i % 5 * LOCI__LANES; /* rows of 0 to 64 entries */
    for (size_t e = starts[i]; e < starts[i + 1]; e++) {
      columns[e] = (uint32_t)loci__random_below(&random, N);
      values[e] = (float)loci__random_unit(&random);
    }
    xy[2 * i] = (float)(20 * loci__random_normal(&random));
    xy[2 * i + 1] = (float)(1e-3 * loci__random_normal(&random));
  }
  const loci__pull pull = {starts, columns, values, xy, 3, N - 1, want};
  loci__kernels_named("ref")->pull_f32(&pull);
  for (size_t t = 1; loci__kernels_name(t); t++) {
    const loci__kernels *kernels = loci__kernels_named(loci__kernels_name(t));
    if (!kernels) continue;
    for (size_t i = 0; i < 2 * N; i++) got[i] = 77;
    loci__pull fast = pull;
    fast.out = got;
    kernels->pull_f32(&fast);
    for (size_t i = 0; i < 2 * N; i++) {
      if (i < 6 || i >= 2 * (N - 1)) assert_true(got[i] == 77);
      else assert_true(fabs((double)got[i] - (double)want[i]) < 1e-5 * (1 + fabs((double)want[i])));
    }
  }
}

static void test_sets(void **state) {
  (void)state;
  enum { N = 700, DIM = 20 };
  loci_error error;
  static float rows[N * DIM], xy[2 * N];
  loci__random random;
  loci__random_init(&random, 9);
  for (size_t i = 0; i < N * DIM; i++)
    rows[i] = (float)(loci__random_normal(&random) + (i / DIM % 7 == i % DIM ? 5 : 0));
  for (size_t t = 0; loci__kernels_name(t); t++) {
    if (!loci__kernels_named(loci__kernels_name(t))) continue;
    loci_context *context = test_context_new(2, loci__kernels_name(t));
    for (int method = LOCI_PROJECTION_PCA; method <= LOCI_PROJECTION_UMAP; method++) {
      loci_project_options options;
      loci_project_options_init(&options);
      options.method = (loci_projection_method)method;
      options.epochs = method == LOCI_PROJECTION_TSNE && t == 0 ? 45 : 150; /* plain transforms take their time */
      assert_ok(loci_project(context, rows, N, DIM, &options, xy, NULL, &error), &error);
      loci_distortion distortion;
      assert_ok(loci_distortion_measure(context, rows, N, DIM, LOCI_METRIC_COSINE, xy, 15, 0, 1, NULL, NULL,
                                        &distortion, &error),
                &error);
      if (method != LOCI_PROJECTION_PCA && distortion.trustworthiness < 0.85)
        fail_msg("%s, %s: trustworthiness %.3f", loci__kernels_name(t), loci_projection_name(options.method),
                 distortion.trustworthiness);
    }
    test_context_free(context);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_fft), cmocka_unit_test(test_pull),
                                     cmocka_unit_test(test_sets)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
