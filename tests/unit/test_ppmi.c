/* loci_train_ppmi: the matrix against counting pair by pair, windows and smoothing and shift, lines, threads, resume, refusals.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loci/vectors.h"
#include "train/lsa.h"

static char folder[128];

static const char *path_of(const char *name) {
  static char paths[64][256];
  static int next;
  char *path = paths[next++ % 64];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

enum { WORDS = 50 };

static void write_corpus(const char *path, size_t n_lines, size_t n_words, uint64_t seed) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  loci__random random;
  loci__random_init(&random, seed);
  for (size_t line = 0; line < n_lines; line++) {
    for (uint64_t i = loci__random_below(&random, 30); i-- > 0;) {
      const uint64_t a = loci__random_below(&random, n_words), b = loci__random_below(&random, a + 1);
      fprintf(file, "w%u ", (unsigned)((b * 7 + line % 5) % n_words));
    }
    fputc('\n', file);
  }
  assert_int_equal(fclose(file), 0);
}

/* Straight from the formula, pair by pair. */
static void expect_matrix(const loci_ppmi_options *o) {
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  loci__trainer trainer;
  loci__trainer_init(&trainer, context, "ppmi", path_of("small.txt"), path_of("out.bin"), &o->common);
  assert_ok(loci__trainer_open(&trainer, 0, 0, true, &error), &error);
  const size_t n_words = loci__vocabulary_size(trainer.vocabulary);
  assert_true(n_words <= WORDS && n_words > 40);
  loci__sparse matrix;
  assert_ok(loci__ppmi_matrix(&trainer, o, &matrix, &error), &error);

  static double n[WORDS][WORDS], sums[WORDS];
  memset(n, 0, sizeof n);
  memset(sums, 0, sizeof sums);
  const int32_t *ids = trainer.stream.ids;
  for (size_t i = 0; i < trainer.stream.n; i++) {
    for (size_t j = i + 1; j < trainer.stream.n && j - i <= o->window && ids[i] >= 0 && ids[j] >= 0; j++) {
      const double weight = (double)(o->window + 1 - (j - i)) / (double)o->window;
      n[ids[i]][ids[j]] += weight;
      n[ids[j]][ids[i]] += weight;
    }
  }
  double total = 0;
  for (size_t w = 0; w < n_words; w++) {
    for (size_t c = 0; c < n_words; c++) sums[w] += n[w][c];
    total += pow(sums[w], o->smoothing);
  }
  size_t positive = 0;
  for (size_t w = 0; w < n_words; w++) {
    double row[WORDS] = {0};
    for (size_t p = matrix.starts[w]; p < matrix.starts[w + 1]; p++) {
      assert_true(row[matrix.columns[p]] == 0);
      row[matrix.columns[p]] = (double)matrix.values[p];
    }
    for (size_t c = 0; c < n_words; c++) {
      double wanted = n[w][c] > 0 ? log(n[w][c] * total / (sums[w] * pow(sums[c], o->smoothing))) - log(o->shift) : 0;
      if (wanted < 0) wanted = 0;
      positive += wanted > 0;
      assert_true(fabs(row[c] - wanted) < 1e-6);
    }
  }
  assert_true(loci__sparse_count(&matrix) == positive && positive > 0);
  loci__sparse_release(&matrix);
  loci__trainer_close(&trainer);
  test_context_free(context);
}

static void matrix_by_the_formula(void **state) {
  (void)state;
  write_corpus(path_of("small.txt"), 300, WORDS, 2);
  loci_ppmi_options o;
  loci_ppmi_options_init(&o);
  o.common.corpus.min_count = 1;
  expect_matrix(&o);
  o.window = 2;
  o.smoothing = 1;
  expect_matrix(&o);
  o.window = 12;
  o.smoothing = 0.5;
  o.shift = 1.5;
  expect_matrix(&o);
}

static loci_status run(int threads, int resume, double sample, loci_progress_fn progress, void *user,
                       const char *output, loci_error *error) {
  loci_context *context = test_context_new(threads, NULL);
  loci_ppmi_options o;
  loci_ppmi_options_init(&o);
  o.dim = 30;
  o.sample = sample;
  o.common.corpus.min_count = 2;
  o.common.resume = resume;
  o.common.checkpoint_seconds = progress != NULL ? 1e-9 : 0;
  o.common.progress = progress;
  o.common.progress_user = user;
  const loci_status status = loci_train_ppmi(context, path_of("corpus.txt"), &o, output, error);
  test_context_free(context);
  return status;
}

static void assert_same_file(const char *a, const char *b) {
  size_t length, again;
  char *x = test_read(a, &length), *y = test_read(b, &again);
  assert_int_equal(length, again);
  assert_memory_equal(x, y, length);
  free(x);
  free(y);
}

static int stop_at_writing(void *user, const loci_progress *progress) {
  (void)user;
  return strcmp(progress->stage, "writing") == 0;
}

static void threads_and_resume(void **state) {
  (void)state;
  loci_error error;
  write_corpus(path_of("corpus.txt"), 4000, 2200, 3);
  for (int thinned = 0; thinned < 2; thinned++) {
    const double sample = thinned ? 1e-2 : 0;
    assert_ok(run(1, 0, sample, NULL, NULL, path_of("one.bin"), &error), &error);
    static const int threads[] = {2, 3, 7};
    for (size_t i = 0; i < LOCI__COUNT(threads); i++) {
      assert_ok(run(threads[i], 0, sample, NULL, NULL, path_of("many.bin"), &error), &error);
      assert_same_file(path_of("one.bin"), path_of("many.bin"));
    }
    assert_int_equal(run(2, 0, sample, stop_at_writing, NULL, path_of("stopped.bin"), &error), LOCI_ERROR_CANCELLED);
    assert_int_equal(access(path_of("stopped.bin.checkpoint/state"), F_OK), 0);
    assert_ok(run(3, 1, sample, NULL, NULL, path_of("stopped.bin"), &error), &error);
    assert_same_file(path_of("one.bin"), path_of("stopped.bin"));
    unlink(path_of("stopped.bin"));
  }
}

/* Words of one group stand together: their vectors must. */
static void groups(void **state) {
  (void)state;
  loci_error error;
  FILE *file = fopen(path_of("groups.txt"), "wb");
  assert_non_null(file);
  loci__random random;
  loci__random_init(&random, 6);
  for (size_t line = 0; line < 500; line++) {
    for (size_t i = 0; i < 10; i++) fprintf(file, "%c%u ", "ab"[line % 2], (unsigned)loci__random_below(&random, 10));
    fputc('\n', file);
  }
  assert_int_equal(fclose(file), 0);
  loci_context *context = test_context_new(2, NULL);
  loci_ppmi_options o;
  loci_ppmi_options_init(&o);
  o.dim = 2;
  assert_ok(loci_train_ppmi(context, path_of("groups.txt"), &o, path_of("groups.vec"), &error), &error);
  loci_vectors *words;
  assert_ok(loci_vectors_open(context, path_of("groups.vec"), NULL, &words, &error), &error);
  for (size_t i = 0; i < 20; i++) {
    for (size_t j = 0; j < 20; j++) {
      const float *a = loci_vectors_row(words, i), *b = loci_vectors_row(words, j);
      const float dot = a[0] * b[0] + a[1] * b[1];
      const float lengths = sqrtf((a[0] * a[0] + a[1] * a[1]) * (b[0] * b[0] + b[1] * b[1]));
      const bool same = loci_vectors_word(words, i, NULL)[0] == loci_vectors_word(words, j, NULL)[0];
      assert_true(same ? dot > 0.9f * lengths : dot < 0.1f * lengths);
    }
  }
  loci_vectors_close(words);
  test_context_free(context);
}

static void refusals(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(1, NULL);
  loci_ppmi_options o;
  loci_ppmi_options_init(&o);
  o.common.corpus.min_count = 1;
  test_write(path_of("lonely.txt"), "a\nb\nc\n", 6);
  assert_int_equal(loci_train_ppmi(context, path_of("lonely.txt"), &o, path_of("x.bin"), &error), LOCI_ERROR_NOT_FOUND);
  o.shift = 1e5;
  assert_int_equal(loci_train_ppmi(context, path_of("small.txt"), &o, path_of("x.bin"), &error), LOCI_ERROR_NOT_FOUND);
  o.shift = 1;
  o.common.max_memory = 300000;
  assert_int_equal(loci_train_ppmi(context, path_of("small.txt"), &o, path_of("x.bin"), &error), LOCI_ERROR_LIMIT);
  o.common.max_memory = 0;
  o.window = 0;
  assert_int_equal(loci_train_ppmi(context, path_of("small.txt"), &o, path_of("x.bin"), &error), LOCI_ERROR_USAGE);
  o.window = 5;
  o.smoothing = 2;
  assert_int_equal(loci_train_ppmi(context, path_of("small.txt"), &o, path_of("x.bin"), &error), LOCI_ERROR_USAGE);
  assert_int_equal(access(path_of("x.bin"), F_OK), -1);
  test_context_free(context);
}

int main(void) {
  snprintf(folder, sizeof folder, "%s", test_folder());
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matrix_by_the_formula),
      cmocka_unit_test(threads_and_resume),
      cmocka_unit_test(groups),
      cmocka_unit_test(refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
