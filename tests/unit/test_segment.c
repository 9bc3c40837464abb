/* test_segment.c: flat segments as files and as arrays to scan; the best k. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "index/index.h"

typedef struct source {
  const float *rows;
  size_t dim;
  bool descending;
} source;

static loci_status next_row(void *arg, size_t i, loci__segment_row *out, loci_error *error) {
  (void)error;
  const source *s = arg;
  int64_t id = s->descending && i == 3 ? 1 : (int64_t)(3 * i + 1);
  *out = (loci__segment_row){id, (int64_t)i / 4, (uint32_t)i, s->rows + i * s->dim};
  return LOCI_OK;
}

static float *random_rows(size_t n, size_t dim) {
  float *rows = malloc(n * dim * sizeof *rows);
  assert_non_null(rows);
  loci__random random;
  loci__random_init(&random, n * dim);
  for (size_t i = 0; i < n * dim; i++) rows[i] = (float)loci__random_normal(&random);
  return rows;
}

static void scan_one(loci_context *context, size_t n, size_t dim) {
  const char *folder = test_folder();
  char name[LOCI__SEGMENT_NAME], path[256];
  loci_error error = {0};
  float *rows = random_rows(n, dim), *query = random_rows(1, dim), *scores = malloc(n * sizeof *scores);
  memset(rows + (n - 1) * dim, 0, dim * sizeof *rows); /* a zero row */
  source s = {rows, dim, false};
  assert_ok(loci__segment_write(context, folder, (const char[33]){"abc"}, dim, n, 7, next_row, &s, name, &error),
            &error);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  loci__segment *segment;
  for (int verify = 0; verify <= 1; verify++) {
    assert_ok(loci__segment_open(context, path, verify != 0, &segment, &error), &error);
    assert_int_equal(loci__segment_rows(segment), n);
    assert_int_equal(loci__segment_dim(segment), dim);
    assert_int_equal(loci__segment_generation(segment), 7);
    assert_string_equal(loci__segment_fingerprint(segment), "abc");
    assert_ok(loci__segment_scan(segment, query, scores, &error), &error);
    double query_sum = 0, query_most = 0;
    for (size_t j = 0; j < dim; j++) query_sum += fabs(query[j]), query_most = fmax(query_most, fabs(query[j]));
    for (size_t i = 0; i < n; i++) {
      double dot = 0, sum = 0, most = 0;
      for (size_t j = 0; j < dim; j++) {
        double x = rows[i * dim + j];
        dot += x * query[j];
        sum += fabs(x);
        most = fmax(most, fabs(x));
      }
      /* The bound of index/flat.c, and float rounding. */
      double step = most / 127, query_step = query_most / 127;
      double bound = step / 2 * query_sum + query_step / 2 * sum + (double)dim * step * query_step / 4;
      if (fabs(scores[i] - dot) > bound * 1.001 + 1e-6) fail_msg("row %zu: %g, not %g", i, (double)scores[i], dot);
      assert_int_equal(loci__segment_ids(segment)[i], 3 * i + 1);
      assert_int_equal(loci__segment_owners(segment)[i], i / 4);
      assert_int_equal(loci__segment_lengths(segment)[i], i);
    }
    loci__segment_close(segment);
  }
  float *exact = malloc(n * sizeof *exact);
  assert_ok(loci__flat_scan_f32(context, query, rows, dim, n, dim, exact, &error), &error);
  for (size_t i = 0; i < n; i++) assert_true(exact[i] == loci__dot(context, query, rows + i * dim, dim));
  unlink(path);
  free(rows);
  free(query);
  free(scores);
  free(exact);
}

static void scans_stay_within_the_bound(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  static const size_t sizes[][2] = {{1, 1},     {2, 3},     {1000, 7},  {1500, 63},  {1025, 64},
                                    {1024, 65}, {700, 384}, {690, 256}, {100, 4096}, {3, 65536}};
  for (size_t i = 0; i < LOCI__COUNT(sizes); i++) scan_one(context, sizes[i][0], sizes[i][1]);
  scan_one(context, 70000, 130); /* large enough for the pool */
  test_context_free(context);
}

static void bits_do_not_depend_on_threads(void **state) {
  (void)state;
  enum { N = 60000, DIM = 200 };
  const char *folder = test_folder();
  char name[LOCI__SEGMENT_NAME], path[256];
  loci_error error = {0};
  float *rows = random_rows(N, DIM), *scores[2];
  for (int threads = 1; threads <= 2; threads++) {
    loci_context *context = test_context_new(threads, NULL);
    source s = {rows, DIM, false};
    loci__segment *segment;
    if (threads == 1)
      assert_ok(loci__segment_write(context, folder, (const char[33]){""}, DIM, N, 1, next_row, &s, name, &error),
                &error);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    scores[threads - 1] = malloc(N * sizeof(float));
    assert_ok(loci__segment_open(context, path, false, &segment, &error), &error);
    assert_ok(loci__segment_scan(segment, rows, scores[threads - 1], &error), &error);
    loci__segment_close(segment);
    test_context_free(context);
  }
  assert_memory_equal(scores[0], scores[1], N * sizeof(float));
  free(scores[0]);
  free(scores[1]);
  free(rows);
}

static void refusals_leave_no_file(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  const char *folder = test_folder();
  char name[LOCI__SEGMENT_NAME], path[256];
  loci_error error = {0};
  float *rows = random_rows(8, 4);
  source s = {rows, 4, true};
  assert_int_equal(loci__segment_write(context, folder, (const char[33]){""}, 4, 8, 1, next_row, &s, name, &error),
                   LOCI_ERROR_INTERNAL);
  assert_int_equal(loci__segment_write(context, folder, (const char[33]){""}, 0, 8, 1, next_row, &s, name, &error),
                   LOCI_ERROR_LIMIT);
  assert_int_equal(
      loci__segment_write(context, folder, (const char[33]){""}, 4, SIZE_MAX / 2, 1, next_row, &s, name, &error),
      LOCI_ERROR_LIMIT);
  assert_int_equal(rmdir(folder), 0); /* empty */
  assert_int_equal(loci__segment_write(context, folder, (const char[33]){""}, 4, 8, 1, next_row, &s, name, &error),
                   LOCI_ERROR_IO);
  snprintf(path, sizeof path, "%s/none.seg", test_folder());
  loci__segment *segment;
  assert_int_not_equal(loci__segment_open(context, path, false, &segment, &error), LOCI_OK);
  assert_non_null(strstr(error.message, "none.seg"));
  test_write(path, "LOCIFLAT", 8);
  assert_int_equal(loci__segment_open(context, path, false, &segment, &error), LOCI_ERROR_CORRUPT);
  test_write(path, "", 0);
  assert_int_equal(loci__segment_open(context, path, false, &segment, &error), LOCI_ERROR_CORRUPT);
  free(rows);
  test_context_free(context);
}

static const float *sorted;
static int by_score(const void *a, const void *b) {
  size_t i = *(const size_t *)a, j = *(const size_t *)b;
  float x = isnan(sorted[i]) ? -INFINITY : sorted[i], y = isnan(sorted[j]) ? -INFINITY : sorted[j];
  return x > y ? -1 : x < y ? 1 : (i > j) - (i < j);
}

static void the_best_k_are_those_of_a_sort(void **state) {
  (void)state;
  loci__random random;
  loci__random_init(&random, 4);
  float scores[200];
  size_t expected[200], got[200];
  for (int round = 0; round < 2000; round++) {
    size_t n = loci__random_below(&random, 200), k = loci__random_below(&random, 220);
    for (size_t i = 0; i < n; i++) { /* many ties, some that are no numbers */
      uint64_t what = loci__random_below(&random, 30);
      scores[i] = what == 0   ? NAN
                  : what == 1 ? INFINITY
                  : what == 2 ? -INFINITY
                              : (float)loci__random_below(&random, 20) - 10;
      expected[i] = i;
    }
    sorted = scores;
    qsort(expected, n, sizeof *expected, by_score);
    size_t m = loci__top_k(NULL, scores, n, k, got);
    assert_int_equal(m, k < n ? k : n);
    for (size_t i = 0; i < m; i++) assert_int_equal(got[i], expected[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scans_stay_within_the_bound),
      cmocka_unit_test(bits_do_not_depend_on_threads),
      cmocka_unit_test(refusals_leave_no_file),
      cmocka_unit_test(the_best_k_are_those_of_a_sort),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
