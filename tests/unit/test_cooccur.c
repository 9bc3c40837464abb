/* test_cooccur.c: co-occurrences: byte-equal to the GloVe programs' (tests/golden/make_glove.py) at any number of threads,
 * against a plain count, and what happens to files and memory when something fails. */
#include "support.h"

#include <math.h>

#include "glove_corpus.h"
#include "train/cooccur.h"

static void count_golden(int threads) {
  FILE *golden = fopen(LOCI_SOURCE_DIR "/tests/golden/glove/cooccur.txt", "r");
  assert_non_null(golden);
  loci_context *context = test_context_new(threads, NULL);
  const char *folder = test_folder();
  char scratch[512], path[512], kind[32], next[32];
  snprintf(scratch, sizeof scratch, "%s/runs", folder);
  snprintf(path, sizeof path, "%s/pairs", folder);
  unsigned n_lines, n_words, n_cases = 0;
  size_t window, size;
  int symmetric;
  double amount;
  while (fscanf(golden, "%u %u -window-size %zu -symmetric %d %31s %lf", &n_lines, &n_words, &window, &symmetric, kind,
                &amount) == 6) {
    loci__cooccur_options options = {.window = window, .symmetric = symmetric != 0, .empty_run_repeats = true};
    if (strcmp(kind, "-memory") == 0) {
      loci__cooccur_limits(amount, &options.max_product, &options.overflow_length);
    } else {
      options.max_product = (uint64_t)amount;
      assert_int_equal(fscanf(golden, "%31s %lf", next, &amount), 2);
      options.overflow_length = (uint64_t)amount;
    }
    unsigned long long hash;
    assert_int_equal(fscanf(golden, "%zu %llx", &size, &hash), 2);
    glove_corpus c = glove_corpus_make(n_lines, n_words, 11, 3, NULL);
    loci_error error;
    loci__meter meter;
    loci__meter_init(&meter, NULL, NULL);
    uint64_t n;
    assert_ok(loci__cooccur_count(context, c.ids, c.n, c.n_words, &options, scratch, path, &meter, &n, &error), &error);
    size_t length;
    char *bytes = test_read(path, &length);
    assert_int_equal(length, size);
    assert_int_equal(n * 16, size);
    if (glove_fnv(bytes, length) != hash) fail_msg("case %u: other bytes", n_cases);
    assert_false(loci__file_exists(context, scratch));
    free(bytes);
    free(c.ids);
    n_cases++;
  }
  assert_int_equal(n_cases, 7);
  fclose(golden);
  test_context_free(context);
}

static void test_reference_bytes(void **state) {
  (void)state;
  count_golden(1);
  count_golden(2);
  count_golden(5);
}

/* Every pair of a small corpus by the definition. */
static void test_by_definition(void **state) {
  (void)state;
  enum { WORDS = 60, WINDOW = 4 };
  static double expected[WORDS][WORDS];
  glove_corpus c = glove_corpus_make(200, WORDS, 3, 1, NULL);
  loci_context *context = test_context_new(2, NULL);
  const char *folder = test_folder();
  char scratch[512], path[512];
  snprintf(scratch, sizeof scratch, "%s/runs", folder);
  snprintf(path, sizeof path, "%s/pairs", folder);
  for (int symmetric = 0; symmetric < 2; symmetric++) {
    memset(expected, 0, sizeof expected);
    for (size_t i = 0; i < c.n; i++) {
      for (size_t d = 1; d <= WINDOW && d <= i && c.ids[i] >= 0 && c.ids[i - d] >= 0; d++) {
        expected[c.ids[i - d]][c.ids[i]] += 1.0 / (double)d;
        if (symmetric) expected[c.ids[i]][c.ids[i - d]] += 1.0 / (double)d;
      }
    }
    loci__cooccur_options options = {
        .window = WINDOW, .symmetric = symmetric, .max_product = 300, .overflow_length = 100};
    loci_error error;
    loci__meter meter;
    loci__meter_init(&meter, NULL, NULL);
    assert_ok(loci__cooccur_count(context, c.ids, c.n, c.n_words, &options, scratch, path, &meter, NULL, &error),
              &error);
    loci__mapping file;
    assert_ok(loci__cooccur_open(context, path, c.n_words, &file, &error), &error);
    const loci__cooccur_record *records = (const void *)file.data;
    size_t n = file.length / sizeof *records, n_expected = 0;
    for (size_t a = 0; a < WORDS; a++) {
      for (size_t b = 0; b < WORDS; b++) n_expected += expected[a][b] > 0;
    }
    assert_int_equal(n, n_expected);
    for (size_t i = 0; i < n; i++) {
      double want = expected[records[i].word - 1][records[i].context - 1];
      assert_true(fabs(records[i].weight - want) <= 1e-12 * want);
    }
    loci__mapping_close(&file);
  }
  free(c.ids);
  test_context_free(context);
}

static void test_refused(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  const char *folder = test_folder();
  char scratch[512], path[512];
  snprintf(scratch, sizeof scratch, "%s/runs", folder);
  snprintf(path, sizeof path, "%s/pairs", folder);
  loci_error error;
  loci__meter meter;
  loci__meter_init(&meter, NULL, NULL);
  static const int32_t lonely[] = {0, -1, 1, -1, -1, 2, -1}, foreign[] = {0, 9};
  loci__cooccur_options options = {.window = 5, .symmetric = true, .max_product = 10, .overflow_length = 100};
#define COUNT(ids) loci__cooccur_count(context, ids, LOCI__COUNT(ids), 3, &options, scratch, path, &meter, NULL, &error)
  assert_int_equal(COUNT(lonely), LOCI_ERROR_NOT_FOUND);
  assert_int_equal(COUNT(foreign), LOCI_ERROR_CORRUPT);
  options.overflow_length = 10;
  assert_int_equal(COUNT(lonely), LOCI_ERROR_LIMIT);
  options = (loci__cooccur_options){.window = 256, .max_product = 10, .overflow_length = 1000};
  assert_int_equal(COUNT(lonely), LOCI_ERROR_USAGE);
#undef COUNT
  assert_false(loci__file_exists(context, path));
  assert_false(loci__file_exists(context, scratch));

  /* files that are none */
  loci__cooccur_record good[] = {{1, 1, 2.0}, {1, 3, 0.5}, {3, 1, 0.5}};
  loci__mapping file;
  test_write(path, good, sizeof good);
  assert_ok(loci__cooccur_open(context, path, 3, &file, &error), &error);
  loci__mapping_close(&file);
  assert_int_equal(loci__cooccur_open(context, path, 2, &file, &error), LOCI_ERROR_FORMAT);
  assert_int_equal(error.position, 16);
  test_write(path, good, sizeof good - 3);
  assert_int_equal(loci__cooccur_open(context, path, 3, &file, &error), LOCI_ERROR_FORMAT);
  test_write(path, good, 0);
  assert_int_equal(loci__cooccur_open(context, path, 3, &file, &error), LOCI_ERROR_FORMAT);
  good[1].weight = NAN;
  test_write(path, good, sizeof good);
  assert_int_equal(loci__cooccur_open(context, path, 3, &file, &error), LOCI_ERROR_FORMAT);
  good[1] = (loci__cooccur_record){1, 1, 1.0};
  test_write(path, good, sizeof good);
  assert_int_equal(loci__cooccur_open(context, path, 3, &file, &error), LOCI_ERROR_FORMAT);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reference_bytes),
      cmocka_unit_test(test_by_definition),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
