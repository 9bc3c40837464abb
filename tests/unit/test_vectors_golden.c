/* Files of word vectors that other programs wrote (gensim, NumPy, word2vec, GloVe, fastText; tests/golden/make_vectors.py
 * has the versions): loci reads the bits that they read. */
#include "support.h"

#include "format/vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static loci_error error;

static const char *golden(const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/tests/golden/vectors/%s", LOCI_SOURCE_DIR, name);
  return path;
}

static loci_vectors *open_golden(loci_context *context, const char *name, const char *labels) {
  loci_vectors_options options = {.struct_size = sizeof options, .labels = labels};
  loci_vectors *v = NULL;
  assert_ok(loci__vectors_open_file(context, golden(name), &options, &v, &error), &error);
  return v;
}

typedef struct expected {
  char word[200];
  float row[16];
  size_t dim;
} expected;

/* The next line of *at, or false. */
static bool next_expected(const char **at, expected *out) {
  const char *tab = strchr(*at, '\t');
  if (tab == NULL) return false;
  assert_true((size_t)(tab - *at) < sizeof out->word);
  memcpy(out->word, *at, (size_t)(tab - *at));
  out->word[tab - *at] = '\0';
  out->dim = 0;
  const char *p = tab;
  do {
    char *end;
    const uint32_t bits = (uint32_t)strtoul(p + 1, &end, 16);
    assert_true(out->dim < 16);
    memcpy(&out->row[out->dim++], &bits, sizeof bits);
    p = end;
  } while (*p == ' ');
  *at = p + 1;
  return true;
}

/* The whole file, in order. */
static void same_table(const char *name, const char *wanted, loci_vectors_format format, const char *labels) {
  loci_context *context = test_context_new(2, NULL);
  loci_vectors *v = open_golden(context, name, labels);
  char *text = test_read(golden(wanted), NULL);
  const char *at = text;
  expected e;
  size_t n = 0;
  assert_int_equal(v->format, format);
  for (; next_expected(&at, &e); n++) {
    const char *word = loci_vectors_word(v, n, NULL);
    if (word == NULL || strcmp(word, e.word) != 0 || v->dim != e.dim ||
        memcmp(loci_vectors_row(v, n), e.row, e.dim * sizeof *e.row) != 0)
      fail_msg("%s: word %zu is '%s', not '%s', or has other numbers", name, n, word != NULL ? word : "", e.word);
  }
  assert_int_equal(n, v->n);
  assert_true(n > 10);
  free(text);
  loci_vectors_close(v);
  test_context_free(context);
}

static void test_tables(void **state) {
  (void)state;
  same_table("gensim.bin", "gensim.expected", LOCI_VECTORS_WORD2VEC, NULL);
  same_table("gensim.txt", "gensim.expected", LOCI_VECTORS_TEXT, NULL);
  same_table("gensim-glove.txt", "gensim.expected", LOCI_VECTORS_GLOVE, NULL);
  same_table("word2vec.bin", "word2vec.bin.expected", LOCI_VECTORS_WORD2VEC, NULL);
  same_table("word2vec.txt", "word2vec.txt.expected", LOCI_VECTORS_TEXT, NULL);
  same_table("glove.txt", "glove.txt.expected", LOCI_VECTORS_GLOVE, NULL);
}

static void test_arrays(void **state) {
  (void)state;
  char labels[512];
  snprintf(labels, sizeof labels, "%s", golden("array.labels"));
  for (int version = 1; version <= 2; version++) {
    for (int kind = 2; kind <= 8; kind *= 2) {
      char name[64], wanted[64];
      snprintf(name, sizeof name, "array-f%d-v%d.npy", kind, version);
      snprintf(wanted, sizeof wanted, "array-f%d.expected", kind);
      same_table(name, wanted, LOCI_VECTORS_NPY, labels);
    }
  }
}

/* Words that the model knows and words that it does not. n-grams that no bucket gives have no vector: then the expected
 * one is zero. */
static void asks(const char *name, const char *wanted, bool all_known) {
  loci_context *context = test_context_new(2, NULL);
  loci_vectors *v = open_golden(context, name, NULL);
  char *text = test_read(golden(wanted), NULL);
  const char *at = text;
  expected e;
  size_t n = 0, unseen = 0;
  for (; next_expected(&at, &e); n++) {
    float got[16] = {0};
    const loci_status status = loci_vectors_get(v, e.word, strlen(e.word), got, &error);
    if (status == LOCI_ERROR_NOT_FOUND) assert_false(all_known);
    else if (status != LOCI_OK) fail_msg("%s: %s", e.word, error.message);
    unseen += loci_vectors_find(v, e.word, strlen(e.word)) < 0;
    for (size_t j = 0; j < v->dim; j++)
      if (fabs((double)got[j] - (double)e.row[j]) > 1e-7)
        fail_msg("%s: '%s' has %.9g in place %zu, fastText %.9g", name, e.word, (double)got[j], j, (double)e.row[j]);
  }
  assert_true(n > 10 && unseen > 0);
  free(text);
  loci_vectors_close(v);
  test_context_free(context);
}

static void test_fasttext(void **state) {
  (void)state;
  asks("skipgram.bin", "skipgram.expected", true);
  asks("cbow.bin", "cbow.expected", true);
  asks("words-only.bin", "words-only.expected", false);
  asks("softmax.bin", "softmax.expected", false);
  asks("softmax-11.bin", "softmax-11.expected", false);
}

/* What the command prints has five digits. */
static void test_fasttext_listing(void **state) {
  (void)state;
  static const char *const names[] = {"skipgram", "cbow", "words-only"};
  loci_context *context = test_context_new(1, NULL);
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    char name[64];
    snprintf(name, sizeof name, "%s.bin", names[i]);
    loci_vectors *v = open_golden(context, name, NULL);
    snprintf(name, sizeof name, "%s.words", names[i]);
    char *text = test_read(golden(name), NULL);
    size_t lines = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
      char *at = strchr(line, ' ');
      float got[16] = {0};
      (void)loci_vectors_get(v, line, (size_t)(at - line), got, &error);
      for (size_t j = 0; j < v->dim; j++) {
        const double x = strtod(at, &at);
        assert_true(fabs((double)got[j] - x) <= 1e-5 + 5.1e-5 * fabs(x));
      }
    }
    assert_int_equal(lines, 13);
    free(text);
    loci_vectors_close(v);
  }
  test_context_free(context);
}

/* Read and written again, a model of fastText's is the same file; the version alone is the newest. */
static void test_fasttext_written(void **state) {
  (void)state;
  static const char *const names[] = {"skipgram.bin", "cbow.bin", "words-only.bin", "softmax.bin",
                                      "hs.bin",       "ns.bin",   "ova.bin"};
  loci_context *context = test_context_new(1, NULL);
  char *path = loci__path_join(context, test_folder(), "again.bin");
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    loci__fasttext *f = NULL;
    assert_ok(loci__fasttext_open(context, golden(names[i]), &f, &error), &error);
    assert_non_null(f->input);
    assert_non_null(f->output);
    assert_ok(loci__fasttext_write(context, path, f, &error), &error);
    loci__fasttext_close(f);
    size_t n, m;
    char *a = test_read(golden(names[i]), &n), *b = test_read(path, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
  }
  loci__free(context, path);
  test_context_free(context);
}

static void test_refused(void **state) {
  (void)state;
  static const struct { const char *name, *words; } files[] = {{"quantised.ftz", ".ftz"}, {"glove.bin", "GloVe"}};
  loci_context *context = test_context_new(1, NULL);
  for (size_t i = 0; i < LOCI__COUNT(files); i++) {
    loci_vectors *v = NULL;
    assert_int_equal(loci__vectors_open_file(context, golden(files[i].name), NULL, &v, &error), LOCI_ERROR_UNSUPPORTED);
    assert_null(v);
    if (strstr(error.message, files[i].words) == NULL) fail_msg("%s", error.message);
  }
  loci__fasttext *f = NULL;
  assert_int_equal(loci__fasttext_open(context, golden("quantised.ftz"), &f, &error), LOCI_ERROR_UNSUPPORTED);
  assert_null(f);
  test_context_free(context);
}

/* dictionary.cc's comment gives the rule; these are FNV-1a's own values where no byte is above 127. */
static void test_hash(void **state) {
  (void)state;
  assert_int_equal(loci__fasttext_hash("", 0), 0x811c9dc5);
  assert_int_equal(loci__fasttext_hash("a", 1), 0xe40c292c);
  assert_int_equal(loci__fasttext_hash("foobar", 6), 0xbf9cf968);
  /* "é" is c3 a9: each byte is extended by its sign before it is mixed in. */
  const uint32_t first = (UINT32_C(0x811c9dc5) ^ UINT32_C(0xffffffc3)) * UINT32_C(16777619);
  assert_int_equal(loci__fasttext_hash("\xc3\xa9", 2), (first ^ UINT32_C(0xffffffa9)) * UINT32_C(16777619));
  int32_t ids[64];
  /* <é>: of one character é alone, of two <é and é>, of three <é>. */
  assert_int_equal(loci__fasttext_ngrams("\xc3\xa9", 2, 1, 3, 1 << 30, ids, 64), 4);
  assert_int_equal(ids[0], (int32_t)(loci__fasttext_hash("<\xc3\xa9", 3) % (1u << 30)));
  assert_int_equal(ids[1], (int32_t)(loci__fasttext_hash("<\xc3\xa9>", 4) % (1u << 30)));
  assert_int_equal(ids[2], (int32_t)(loci__fasttext_hash("\xc3\xa9", 2) % (1u << 30)));
  assert_int_equal(ids[3], (int32_t)(loci__fasttext_hash("\xc3\xa9>", 3) % (1u << 30)));
  assert_int_equal(loci__fasttext_ngrams("</s>", 4, 1, 6, 100, ids, 64), 0);
  assert_int_equal(loci__fasttext_ngrams("word", 4, 3, 6, 100, ids, 2), 14 - 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tables),   cmocka_unit_test(test_arrays),
      cmocka_unit_test(test_fasttext), cmocka_unit_test(test_fasttext_listing),
      cmocka_unit_test(test_refused),  cmocka_unit_test(test_fasttext_written),
      cmocka_unit_test(test_hash),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
