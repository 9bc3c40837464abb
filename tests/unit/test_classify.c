/* Classifiers: lines as the fastText program reads them, what each loss learns, the same bits at any number of threads and
 * after a stop, the file and its predictions, several labels, bad input.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "loci/train.h"
#include "train/lines.h"

/* ---- lines ---- */

static void test_lines(void **state) {
  (void)state;
  static const char *const entries[] = {"</s>", "how", "rice", "__label__food", "__label__place"};
  static const uint32_t lengths[] = {4, 3, 4, 13, 14};
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci__dictionary d = {.context = context,
                        .n_words = 3,
                        .n_entries = 5,
                        .entries = entries,
                        .lengths = lengths,
                        .label_prefix = "__label__"};
  assert_ok(loci__dictionary_index(&d, &error), &error);
  loci__line line;
  loci__line_init(&line, context);
  static const char text[] = "  how\tto \v__label__place cook\frice\0how __label__other\r __label__food";
  assert_ok(loci__line_read(&d, text, sizeof text - 1, &line, &error), &error);
  static const uint32_t rows[] = {1, 2, 1, 0}; /* "to" and "cook" are unknown; the end of the line is a word */
  assert_int_equal(line.n_rows, 4);
  assert_memory_equal(line.rows, rows, sizeof rows);
  assert_int_equal(line.n_labels, 2);
  assert_int_equal(line.labels[0], 1);
  assert_int_equal(line.labels[1], 0);
  assert_int_equal(line.n_tokens, 9);
  assert_ok(loci__line_read(&d, "", 0, &line, &error), &error);
  assert_int_equal(line.n_rows, 1);
  assert_ok(loci__line_read(&d, "rice </s> how", 13, &line, &error), &error);
  assert_int_equal(line.n_rows, 2); /* a line that says so ends there */

  /* Word n-grams: h = h(1st)·116049371 + h(2nd) …, signed 32-bit hashes widened to 64 bits; unknown words count, labels
   * do not. */
  d.word_ngrams = 3;
  d.n_buckets = 1000;
  assert_ok(loci__line_read(&d, "how __label__food x", 19, &line, &error), &error);
  uint64_t h[3] = {(uint64_t)(int64_t)(int32_t)loci__fasttext_hash("how", 3),
                   (uint64_t)(int64_t)(int32_t)loci__fasttext_hash("x", 1),
                   (uint64_t)(int64_t)(int32_t)loci__fasttext_hash("</s>", 4)};
  uint64_t two = h[0] * 116049371u + h[1], three = two * 116049371u + h[2], last = h[1] * 116049371u + h[2];
  const uint32_t wanted[] = {1, 0, (uint32_t)(3 + two % 1000), (uint32_t)(3 + three % 1000),
                             (uint32_t)(3 + last % 1000)};
  assert_int_equal(line.n_rows, 5);
  assert_memory_equal(line.rows, wanted, sizeof wanted);

  d.word_ngrams = 1; /* n-grams of unknown words too, but none of the end of the line */
  d.min_n = 2;
  d.max_n = 3;
  assert_ok(loci__line_read(&d, "how ab", 6, &line, &error), &error);
  int32_t how[16], ab[16];
  size_t n_how = loci__fasttext_ngrams("how", 3, 2, 3, 1000, how, 16),
         n_ab = loci__fasttext_ngrams("ab", 2, 2, 3, 1000, ab, 16);
  assert_int_equal(line.n_rows, 1 + n_how + n_ab + 1);
  for (size_t i = 0; i < n_how; i++) assert_int_equal(line.rows[1 + i], 3 + how[i]);
  for (size_t i = 0; i < n_ab; i++) assert_int_equal(line.rows[1 + n_how + i], 3 + ab[i]);
  loci__line_release(&line);
  loci__dictionary_release(&d);
  test_context_free(context);
}

/* ---- whole runs ---- */

/* Lines whose label is told by two of their seven words; `several`: every third line has a second topic too. */
static void write_texts(const char *path, size_t n_lines, uint64_t seed, bool several) {
  static const char *const labels[] = {"ship", "music", "farm", "law"};
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  loci__random random;
  loci__random_init(&random, seed);
  for (size_t i = 0; i < n_lines; i++) {
    size_t topics = several && i % 3 == 0 ? 2 : 1, first = loci__random_below(&random, 4);
    for (size_t t = 0; t < topics; t++) {
      const char *label = labels[(first + t) % 4];
      fprintf(file, "__label__%s %sword%llu %sword%llu ", label, label,
              (unsigned long long)loci__random_below(&random, 9), label,
              (unsigned long long)loci__random_below(&random, 9));
    }
    for (int j = 0; j < 5; j++) fprintf(file, "the%llu ", (unsigned long long)loci__random_below(&random, 30));
    fputc('\n', file);
  }
  fclose(file);
}

static void options_of(loci_classify_options *o) {
  loci_classify_options_init(o);
  o->dim = 10;
  o->epochs = 8;
  o->alpha = .3;
  o->buckets = 5000;
}

typedef struct files {
  char train[256], test[256], model[256], other[256];
} files;

static void files_of(files *f) {
  const char *folder = test_folder();
  snprintf(f->train, sizeof f->train, "%s/train.txt", folder);
  snprintf(f->test, sizeof f->test, "%s/test.txt", folder);
  snprintf(f->model, sizeof f->model, "%s/model.bin", folder);
  snprintf(f->other, sizeof f->other, "%s/other.bin", folder);
}

static double precision_of(const files *f, const loci_classify_options *o, size_t k, double *recall) {
  loci_context *context = test_context_new(2, NULL);
  loci_error error;
  assert_ok(loci_train_classify(context, f->train, o, f->model, &error), &error);
  loci_classifier *c;
  assert_ok(loci_classifier_open(context, f->model, &c, &error), &error);
  loci_classify_score score;
  assert_ok(loci_eval_classify(c, f->test, k, &score, &error), &error);
  loci_classifier_close(c);
  test_context_free(context);
  *recall = score.recall;
  return score.precision;
}

static void test_learns(void **state) {
  (void)state;
  files f;
  files_of(&f);
  write_texts(f.train, 1500, 1, false);
  write_texts(f.test, 300, 2, false);
  for (int loss = LOCI_LOSS_SOFTMAX; loss <= LOCI_LOSS_ONE_VS_ALL; loss++) {
    for (int grams = 0; grams < 3; grams++) {
      loci_classify_options o;
      options_of(&o);
      o.loss = (loci_loss)loss;
      o.word_ngrams = grams == 1 ? 2 : 1;
      o.min_n = grams == 2 ? 3 : 0;
      o.max_n = grams == 2 ? 5 : 0;
      double recall, precision = precision_of(&f, &o, 1, &recall);
      if (precision < .97) fail_msg("loss %d, n-grams %d: precision %.3f", loss, grams, precision);
      assert_true(fabs(precision - recall) < 1e-12);
    }
  }
}

static void test_several_labels(void **state) {
  (void)state;
  files f;
  files_of(&f);
  write_texts(f.train, 1500, 1, true);
  write_texts(f.test, 300, 2, true);
  loci_classify_options o;
  options_of(&o);
  o.loss = LOCI_LOSS_ONE_VS_ALL;
  double recall, precision = precision_of(&f, &o, 2, &recall);
  /* 4 labels for 3 lines are right at best; 2 are told for each line */
  assert_true(recall > .95);
  assert_true(fabs(precision - recall * (4.0 / 3) / 2) < 1e-9);
}

/* A sorted file is learned as well as a mixed one. */
static void test_sorted(void **state) {
  (void)state;
  files f;
  files_of(&f);
  FILE *file = fopen(f.train, "wb");
  for (int label = 0; label < 6; label++)
    for (int i = 0; i < 200; i++) fprintf(file, "__label__%d word%d_%d and so on\n", label, label, i % 10);
  fclose(file);
  file = fopen(f.test, "wb");
  for (int label = 0; label < 6; label++) fprintf(file, "__label__%d word%d_3 on\nunlabelled\n", label, label);
  fclose(file);
  loci_classify_options o;
  options_of(&o);
  double recall;
  assert_true(precision_of(&f, &o, 1, &recall) == 1);
}

static char *train(int threads, const char *corpus, const loci_classify_options *o, const char *output,
                   size_t *length) {
  loci_context *context = test_context_new(threads, NULL);
  loci_error error;
  assert_ok(loci_train_classify(context, corpus, o, output, &error), &error);
  test_context_free(context);
  return test_read(output, length);
}

static int stop_later(void *user, const loci_progress *progress) {
  int *left = user;
  return !strcmp(progress->stage, "training") && progress->done < progress->total && (*left)-- <= 0;
}

static void test_same_bits(void **state) {
  (void)state;
  files f;
  files_of(&f);
  write_texts(f.train, 6000, 1, true);
  for (int loss = LOCI_LOSS_SOFTMAX; loss <= LOCI_LOSS_ONE_VS_ALL; loss++) {
    loci_classify_options o;
    options_of(&o);
    o.loss = (loci_loss)loss;
    o.word_ngrams = 2;
    size_t length, again;
    char *whole = train(1, f.train, &o, f.model, &length), *three = train(3, f.train, &o, f.model, &again);
    assert_int_equal(length, again);
    assert_memory_equal(whole, three, length);
    o.common.resume = 1;
    int stops = 0;
    for (loci_status status = LOCI_ERROR_CANCELLED; status != LOCI_OK;) {
      int left = stops == 0 ? 0 : 1;
      o.common.progress = stop_later;
      o.common.progress_user = &left;
      loci_context *context = test_context_new(1 + stops % 3, NULL);
      loci_error error = {0};
      status = loci_train_classify(context, f.train, &o, f.other, &error);
      test_context_free(context);
      if (status != LOCI_OK && status != LOCI_ERROR_CANCELLED) fail_msg("%s", error.message);
      assert_true(++stops < 300);
    }
    char *parts = test_read(f.other, &again);
    assert_int_equal(length, again);
    assert_memory_equal(whole, parts, length);
    free(whole), free(three), free(parts);
  }
}

/* Probabilities: those of softmax add up to 1 (and 1e-5 a label); order; limits; texts without a known word. */
static void test_answers(void **state) {
  (void)state;
  files f;
  files_of(&f);
  write_texts(f.train, 800, 1, false);
  loci_classify_options o;
  options_of(&o);
  o.common.corpus.min_count = 0;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  assert_ok(loci_train_classify(context, f.train, &o, f.model, &error), &error);
  loci_classifier *c;
  assert_ok(loci_classifier_open(context, f.model, &c, &error), &error);
  assert_int_equal(loci_classifier_labels(c), 4);
  assert_null(loci_classifier_label(c, 4));
  uint32_t labels[9];
  float p[9];
  size_t n;
  static const char text[] = "shipword3 shipword4 the1";
  assert_ok(loci_classify(c, text, strlen(text), 9, labels, p, &n, &error), &error);
  assert_int_equal(n, 4);
  assert_string_equal(loci_classifier_label(c, labels[0]), "ship");
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    assert_true(p[i] >= 0 && p[i] <= 1 && (i == 0 || p[i] <= p[i - 1]));
    sum += (double)p[i];
  }
  assert_true(fabs(sum - 1.00004) < 2e-5);
  assert_ok(loci_classify(c, text, strlen(text), 1, labels, p, &n, &error), &error);
  assert_int_equal(n, 1);
  assert_int_equal(loci_classify(c, text, strlen(text), 0, labels, p, &n, &error), LOCI_ERROR_USAGE);
  loci_classify_score score;
  test_write(f.test, "nothing known and no label\n", 27);
  assert_int_equal(loci_eval_classify(c, f.test, 1, &score, &error), LOCI_ERROR_FORMAT);
  loci_classifier_close(c);
  test_context_free(context);
}

/* Vectors to start from bring their words along. */
static void test_pretrained(void **state) {
  (void)state;
  files f;
  files_of(&f);
  char vectors[300];
  snprintf(vectors, sizeof vectors, "%s.vec", f.train);
  FILE *file = fopen(vectors, "wb");
  fputs("4 2\nrowing 9 0\nboat 9 0\nviolin 0 9\nharp 0 9\n", file);
  fclose(file);
  file = fopen(f.train, "wb");
  for (int i = 0; i < 50; i++) fputs("__label__water boat\n__label__music violin\n", file);
  fclose(file);
  file = fopen(f.test, "wb"); /* words that the labelled lines do not have */
  fputs("__label__water rowing\n__label__music harp\n", file);
  fclose(file);
  loci_classify_options o;
  options_of(&o);
  o.dim = 2;
  o.pretrained = vectors;
  double recall;
  assert_true(precision_of(&f, &o, 1, &recall) == 1);
  o.dim = 3;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  assert_int_equal(loci_train_classify(context, f.train, &o, f.model, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

static void refused(const files *f, const loci_classify_options *o, loci_status code) {
  loci_context *context = test_context_new(2, NULL);
  loci_error error = {0};
  loci_status status = loci_train_classify(context, f->train, o, f->model, &error);
  if (status != code) fail_msg("status %d, not %d: %s", (int)status, (int)code, error.message);
  assert_true(strlen(error.message) > 10);
  test_context_free(context);
  assert_false(loci__file_exists(NULL, f->model));
}

static void test_refusals(void **state) {
  (void)state;
  files f;
  files_of(&f);
  loci_classify_options o;
  options_of(&o);
  refused(&f, &o, LOCI_ERROR_IO);
  write_texts(f.train, 50, 1, false);
#define BAD(change, code)    \
  do {                       \
    options_of(&o);          \
    change;                  \
    refused(&f, &o, (code)); \
  } while (0)
  BAD(o.dim = 0, LOCI_ERROR_USAGE);
  BAD(o.epochs = 0, LOCI_ERROR_USAGE);
  BAD(o.alpha = -1, LOCI_ERROR_USAGE);
  BAD(o.word_ngrams = 0, LOCI_ERROR_USAGE);
  BAD(o.max_n = 300, LOCI_ERROR_USAGE);
  BAD((o.word_ngrams = 2, o.buckets = 0), LOCI_ERROR_USAGE);
  BAD(o.loss = (loci_loss)9, LOCI_ERROR_USAGE);
  BAD(o.label_prefix = "", LOCI_ERROR_USAGE);
  BAD(o.label_prefix = "#", LOCI_ERROR_FORMAT); /* no label */
  BAD(o.common.corpus.fold = LOCI_FOLD_LOWER, LOCI_ERROR_UNSUPPORTED);
  BAD(o.common.corpus.min_count = 1000000, LOCI_ERROR_FORMAT);
  BAD(o.common.max_memory = 100, LOCI_ERROR_LIMIT);
#undef BAD
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  options_of(&o);
  assert_int_equal(loci_train_classify(context, f.train, &o, "model.vec", &error), LOCI_ERROR_USAGE);
  loci_classifier *c;
  assert_int_equal(loci_classifier_open(context, f.train, &c, &error), LOCI_ERROR_FORMAT);
  assert_null(c);
  char vectors[512];
  snprintf(vectors, sizeof vectors, "%s/tests/golden/vectors/skipgram.bin", LOCI_SOURCE_DIR);
  assert_int_equal(loci_classifier_open(context, vectors, &c, &error), LOCI_ERROR_MODEL);
  test_context_free(context);
  test_write(f.train, "", 0);
  refused(&f, &o, LOCI_ERROR_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines),      cmocka_unit_test(test_learns),    cmocka_unit_test(test_several_labels),
      cmocka_unit_test(test_sorted),     cmocka_unit_test(test_same_bits), cmocka_unit_test(test_answers),
      cmocka_unit_test(test_pretrained), cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
