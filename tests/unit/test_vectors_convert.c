/* loci_convert and loci_vectors_open: from every format to every other the same words and bits; what is left behind is
 * counted; counts and the card go along. */
#include "support.h"

#include "format/vectors.h"
#include "loci/model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static loci_error error;
static loci_context *context;

static int setup(void **state) {
  (void)state;
  context = test_context_new(2, NULL);
  error = (loci_error){0};
  return 0;
}

static int teardown(void **state) {
  (void)state;
  test_context_free(context);
  return 0;
}

static const char *golden(const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/tests/golden/vectors/%s", LOCI_SOURCE_DIR, name);
  return path;
}

/* folder/name; a few live at a time. */
static const char *at(const char *folder, const char *name) {
  static char paths[8][512];
  static size_t next;
  char *path = paths[next++ % LOCI__COUNT(paths)];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static loci_convert_report convert(const char *input, const char *output, loci_vectors_format format, size_t prune) {
  loci_convert_options options;
  loci_convert_options_init(&options);
  options.format = format;
  options.prune = prune;
  loci_convert_report report = {.struct_size = sizeof report};
  assert_ok(loci_convert(context, input, &options, output, &report, &error), &error);
  return report;
}

static void same_words(const char *a, const char *b) {
  loci_vectors *x = NULL, *y = NULL;
  assert_ok(loci_vectors_open(context, a, NULL, &x, &error), &error);
  assert_ok(loci_vectors_open(context, b, NULL, &y, &error), &error);
  assert_int_equal(x->n, y->n);
  assert_int_equal(x->dim, y->dim);
  for (size_t i = 0; i < x->n; i++) {
    assert_string_equal(x->words[i], y->words[i]);
    assert_memory_equal(x->rows + i * x->dim, y->rows + i * y->dim, x->dim * sizeof(float));
    assert_true(y->counts == NULL || x->counts == NULL || x->counts[i] == y->counts[i]);
  }
  loci_vectors_close(x);
  loci_vectors_close(y);
}

static void test_every_way(void **state) {
  (void)state;
  static const struct {
    const char *name;
    loci_vectors_format format;
  } ways[] = {{"a.bin", LOCI_VECTORS_WORD2VEC},
              {"b.txt", LOCI_VECTORS_TEXT},
              {"c.vec", LOCI_VECTORS_TEXT},
              {"d.txt", LOCI_VECTORS_GLOVE},
              {"e.npy", LOCI_VECTORS_NPY}};
  const char *folder = test_folder();
  char before[512];
  snprintf(before, sizeof before, "%s", golden("skipgram.bin"));
  for (size_t i = 0; i < LOCI__COUNT(ways); i++)
    for (size_t j = 0; j < LOCI__COUNT(ways); j++) {
      char to[512];
      snprintf(to, sizeof to, "%s/%zu-%s", folder, i, ways[j].name);
      const loci_convert_report r = convert(
          before, to, i % 2 == 0 || ways[j].format == LOCI_VECTORS_GLOVE ? ways[j].format : LOCI_VECTORS_UNKNOWN, 0);
      assert_int_equal(r.to, ways[j].format);
      assert_int_equal(r.n, 40);
      assert_int_equal(r.dim, 5);
      assert_int_equal(r.n_unfit + r.n_duplicates + r.n_pruned, 0);
      assert_int_equal(r.dropped_subwords, r.from == LOCI_VECTORS_FASTTEXT);
      assert_false(r.dropped_counts);
      same_words(golden("skipgram.bin"), to);
      snprintf(before, sizeof before, "%s", to);
    }
}

/* The N most frequent words by the counts beside the file, else the first N. */
static void test_prune(void **state) {
  (void)state;
  const char *folder = test_folder();
  static const char text[] = "4 1\nrare 1\nthe 2\nof 3\nand 4\n", counts[] = "the 10\nof 5\nrare 1\nand 5\nother 9\n";
  test_write(at(folder, "v.txt"), text, sizeof text - 1);
  loci_convert_report r = convert(at(folder, "v.txt"), at(folder, "a.txt"), LOCI_VECTORS_UNKNOWN, 2);
  assert_int_equal(r.n_pruned, 2);
  char *got = test_read(at(folder, "a.txt"), NULL);
  assert_string_equal(got, "2 1\nrare 1\nthe 2\n");
  free(got);
  assert_false(loci__file_exists(context, at(folder, "a.txt.vocab")));
  test_write(at(folder, "v.txt.vocab"), counts, sizeof counts - 1);
  test_write(at(folder, "v.txt.card.md"), "---\nsplit: space\n---\n", 22);
  r = convert(at(folder, "v.txt"), at(folder, "b.txt"), LOCI_VECTORS_UNKNOWN, 3);
  got = test_read(at(folder, "b.txt"), NULL);
  assert_string_equal(got, "3 1\nthe 2\nof 3\nand 4\n");
  free(got);
  got = test_read(at(folder, "b.txt.vocab"), NULL);
  assert_string_equal(got, "the 10\nof 5\nand 5\n");
  free(got);
  got = test_read(at(folder, "b.txt.card.md"), NULL);
  assert_string_equal(got, "---\nsplit: space\n---\n");
  free(got);
  loci_vectors *v = NULL;
  assert_ok(loci_vectors_open(context, at(folder, "v.txt"), NULL, &v, &error), &error);
  assert_int_equal(loci_vectors_count(v, 1), 10);
  assert_int_equal(loci_vectors_count(v, 9), 0);
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(v, &info);
  assert_true(info.has_counts && !info.has_subwords);
  loci_vectors_close(v);
  /* Counts that cannot be read do not stand in the way. */
  test_write(at(folder, "v.txt.vocab"), "the many\n", 9);
  assert_ok(loci_vectors_open(context, at(folder, "v.txt"), NULL, &v, &error), &error);
  assert_null(v->counts);
  loci_vectors_close(v);
}

static void test_left_behind(void **state) {
  (void)state;
  const char *folder = test_folder();
  static const char text[] = "a 1 2\nof all 3 4\nb 5 6\na 7 8\n 9 10\n";
  test_write(at(folder, "v.txt"), text, sizeof text - 1);
  loci_convert_report r = convert(at(folder, "v.txt"), at(folder, "v.bin"), LOCI_VECTORS_UNKNOWN, 0);
  assert_int_equal(r.n_read, 5);
  assert_int_equal(r.n, 2);
  assert_int_equal(r.n_duplicates, 1);
  assert_int_equal(r.n_unfit, 2);
  r = convert(at(folder, "v.bin"), at(folder, "w.txt"), LOCI_VECTORS_UNKNOWN, 0);
  char *got = test_read(at(folder, "w.txt"), NULL);
  assert_string_equal(got, "2 2\na 1 2\nb 5 6\n");
  free(got);
  r = convert(at(folder, "v.txt"), at(folder, "v.npy"), LOCI_VECTORS_UNKNOWN, 0);
  assert_int_equal(r.n, 4);
  got = test_read(at(folder, "v.labels"), NULL);
  assert_string_equal(got, "a\nof all\nb\n\n");
  free(got);
}

static void test_halves(void **state) {
  (void)state;
  const char *folder = test_folder();
  loci_convert_options options;
  loci_convert_options_init(&options);
  options.precision = LOCI_PRECISION_F16;
  loci_convert_report r = {.struct_size = sizeof r};
  assert_ok(loci_convert(context, golden("skipgram.bin"), &options, at(folder, "h.npy"), &r, &error), &error);
  assert_true(r.worst_error > 0 && r.worst_error <= 0x1p-11);
  loci_vectors *a = NULL, *b = NULL;
  assert_ok(loci_vectors_open(context, golden("skipgram.bin"), NULL, &a, &error), &error);
  assert_ok(loci_vectors_open(context, at(folder, "h.npy"), NULL, &b, &error), &error);
  for (size_t i = 0; i < a->n * a->dim; i++)
    assert_true(fabs((double)a->rows[i] - (double)b->rows[i]) <= fabs((double)a->rows[i]) * 0x1p-11 + 0x1p-25);
  loci_vectors_close(a);
  loci_vectors_close(b);
  test_write(at(folder, "big.txt"), "1 2\na 1 70000\n", 14);
  test_write(at(folder, "big.npy"), "old", 3);
  assert_int_equal(loci_convert(context, at(folder, "big.txt"), &options, at(folder, "big.npy"), NULL, &error),
                   LOCI_ERROR_LIMIT);
  char *old = test_read(at(folder, "big.npy"), NULL); /* what was there is there */
  assert_string_equal(old, "old");
  free(old);
}

/* Into a folder and back: the same words, bits (but for the precision) and counts; the unknown token is no word. */
static void test_folders(void **state) {
  (void)state;
  static const double most[] = {
      [LOCI_PRECISION_F32] = 0, [LOCI_PRECISION_F16] = 0x1p-11, [LOCI_PRECISION_INT8] = 0.5 / 127 + 1e-6};
  const char *folder = test_folder();
  loci_vectors *a = NULL, *b = NULL;
  assert_ok(loci_vectors_open(context, golden("skipgram.bin"), NULL, &a, &error), &error);
  for (int precision = LOCI_PRECISION_F32; precision <= LOCI_PRECISION_INT8; precision++) {
    char model[512], text[512];
    snprintf(model, sizeof model, "%s/model-%d", folder, precision);
    snprintf(text, sizeof text, "%s/model-%d.txt", folder, precision);
    loci_convert_options options;
    loci_convert_options_init(&options);
    options.precision = (loci_precision)precision;
    loci_convert_report r = {.struct_size = sizeof r};
    assert_ok(loci_convert(context, golden("skipgram.bin"), &options, model, &r, &error), &error);
    assert_int_equal(r.to, LOCI_VECTORS_FOLDER);
    assert_true(r.worst_error <= most[precision] && (r.worst_error > 0) == (precision != LOCI_PRECISION_F32));
    r = convert(model, text, LOCI_VECTORS_UNKNOWN, 0);
    assert_int_equal(r.from, LOCI_VECTORS_FOLDER);
    assert_ok(loci_vectors_open(context, text, NULL, &b, &error), &error);
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
      assert_string_equal(a->words[i], b->words[i]);
      assert_true(b->counts != NULL && a->counts[i] == b->counts[i]);
      double greatest = 0;
      for (size_t j = 0; j < a->dim; j++) greatest = fmax(greatest, fabs((double)a->rows[i * a->dim + j]));
      for (size_t j = 0; j < a->dim; j++)
        assert_true(fabs((double)a->rows[i * a->dim + j] - (double)b->rows[i * a->dim + j]) <=
                    most[precision] * greatest);
    }
    loci_vectors_close(b);
  }
  loci_vectors_close(a);
}

static int stop(void *user, const loci_progress *progress) {
  (void)user;
  return strcmp(progress->stage, "writing") == 0;
}

static void test_refused(void **state) {
  (void)state;
  const char *folder = test_folder();
  char copy[512];
  snprintf(copy, sizeof copy, "%s", at(folder, "v.txt"));
  const char *input = copy;
  test_write(input, "1 2\na 1 2\n", 10);
  loci_convert_options options;
  loci_convert_options_init(&options);
#define REFUSED(output, status, words)                                                      \
  do {                                                                                      \
    assert_int_equal(loci_convert(context, input, &options, output, NULL, &error), status); \
    if (strstr(error.message, words) == NULL) fail_msg("%s", error.message);                \
    if ((output) != input) assert_false(loci__file_exists(context, output));                \
  } while (0)
  REFUSED(at(folder, "x.json"), LOCI_ERROR_USAGE, "ending");
  REFUSED(input, LOCI_ERROR_USAGE, "is the file that is read");
  REFUSED(at(folder, "no/such/x.bin"), LOCI_ERROR_IO, "no/such");
  options.format = LOCI_VECTORS_FASTTEXT;
  REFUSED(at(folder, "x.bin"), LOCI_ERROR_USAGE, "fastText");
  options.format = LOCI_VECTORS_UNKNOWN;
  options.precision = LOCI_PRECISION_INT8;
  REFUSED(at(folder, "x.npy"), LOCI_ERROR_USAGE, "folders");
  options.precision = LOCI_PRECISION_F16;
  REFUSED(at(folder, "x.bin"), LOCI_ERROR_USAGE, "float16");
  options.precision = LOCI_PRECISION_F32;
  options.progress = stop;
  REFUSED(at(folder, "x.bin"), LOCI_ERROR_CANCELLED, "");
  options.progress = NULL;
  input = at(folder, "absent.bin");
  REFUSED(at(folder, "x.bin"), LOCI_ERROR_IO, "absent.bin");
  loci_vectors *v = NULL;
  assert_int_equal(loci_vectors_open(context, at(folder, "absent.bin"), NULL, &v, &error), LOCI_ERROR_IO);
  assert_null(v);
}

/* Fewer words of a fastText model: those that stay have their vectors, those that went that of their n-grams. */
static void test_fasttext(void **state) {
  (void)state;
  const char *folder = test_folder(), *small = at(folder, "small.bin");
  const loci_convert_report r = convert(golden("skipgram.bin"), small, LOCI_VECTORS_FASTTEXT, 10);
  assert_int_equal(r.n_pruned, 30);
  assert_false(r.dropped_subwords);
  loci_vectors *a = NULL, *b = NULL;
  assert_ok(loci_vectors_open(context, golden("skipgram.bin"), NULL, &a, &error), &error);
  assert_ok(loci_vectors_open(context, small, NULL, &b, &error), &error);
  assert_int_equal(b->n, 10);
  static const char *const unseen[] = {"sunshine", "日本", "x"};
  float x[5], y[5];
  for (size_t i = 0; i < a->n + LOCI__COUNT(unseen); i++) {
    const char *word = i < a->n ? a->words[i] : unseen[i - a->n];
    assert_ok(loci_vectors_get(a, word, strlen(word), x, &error), &error);
    assert_ok(loci_vectors_get(b, word, strlen(word), y, &error), &error);
    if (i >= 10 && i < a->n) loci__fasttext_vector(a->subwords, -1, word, strlen(word), x);
    assert_memory_equal(x, y, sizeof x);
  }
  loci_vectors_close(a);
  loci_vectors_close(b);
  /* Every loss and architecture is the same file when all words stay. */
  static const char *const names[] = {"skipgram.bin", "cbow.bin", "words-only.bin", "softmax.bin", "hs.bin", "ns.bin"};
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    convert(golden(names[i]), small, LOCI_VECTORS_FASTTEXT, 0);
    size_t n, m;
    char *wanted = test_read(golden(names[i]), &n), *got = test_read(small, &m);
    assert_int_equal(n, m);
    assert_memory_equal(wanted, got, n);
    free(wanted);
    free(got);
  }
}

/* Matrices at any alignment are hashed. */
static void test_fingerprints(void **state) {
  (void)state;
  static const char *const names[] = {"skipgram.bin", "cbow.bin",       "words-only.bin",
                                      "softmax.bin",  "softmax-11.bin", "gensim.bin"};
  char seen[LOCI__COUNT(names)][33];
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    loci_model *model = NULL;
    assert_ok(loci_model_open(context, golden(names[i]), &model, &error), &error);
    assert_ok(loci_model_fingerprint(model, seen[i], &error), &error);
    for (size_t j = 0; j < i; j++) assert_string_not_equal(seen[i], seen[j]);
    loci_model_close(model);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_folders), TEST(test_every_way), TEST(test_prune),    TEST(test_left_behind),
      TEST(test_halves),  TEST(test_refused),   TEST(test_fasttext), TEST(test_fingerprints),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
