/* test_phrases.c: phrases. The oracle is the output of word2phrase (tests/golden/make_phrases.sh), and, for texts of several
 * blocks, the definition applied word by word. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "text/corpus.h"
#include "text/split.h"

static void put_joined(const char *in, int threads, uint64_t min_count, double threshold, const char *out,
                       loci_phrases_info *info) {
  loci_error error;
  loci_context *context = test_context_new(threads, NULL);
  loci_phrases_options options;
  loci_phrases_options_init(&options);
  options.corpus.min_count = min_count;
  options.threshold = threshold;
  assert_ok(loci_phrases(context, in, &options, out, info, &error), &error);
  test_context_free(context);
}

static void test_word2phrase(void **state) {
  (void)state;
  static const struct {
    uint64_t min_count;
    double threshold;
    const char *file;
  } cases[] = {{5, 4, "joined-5-4.txt"}, {1, 8, "joined-1-8.txt"}, {2, 0, "joined-2-0.txt"}};
  for (size_t i = 0; i < LOCI__COUNT(cases); i++) {
    char golden[600], out[600];
    snprintf(golden, sizeof golden, "%s/tests/golden/phrases/%s", LOCI_SOURCE_DIR, cases[i].file);
    snprintf(out, sizeof out, "%s/joined", test_folder());
    put_joined(LOCI_SOURCE_DIR "/tests/golden/phrases/text.txt", 2, cases[i].min_count, cases[i].threshold, out, NULL);
    size_t n, n_wanted;
    char *got = test_read(out, &n), *wanted = test_read(golden, &n_wanted);
    assert_int_equal(n, n_wanted);
    assert_memory_equal(got, wanted, n);
    free(got);
    free(wanted);
  }
}

/* ---- word by word ---- */

enum { KINDS = 400 };

/* Words of two letters, so that counts are arrays. Writes text and what is to come of it. */
static char *make_text(size_t size, uint64_t min_count, float threshold, char **joined, size_t *length,
                       size_t *joined_length, uint64_t *n_joined) {
  loci__random random;
  loci__random_init(&random, 9);
  char *text = malloc(size + 16), *out = malloc(size + size / 2 + 64);
  int *words = malloc(size * sizeof *words); /* −1 = end of line */
  static uint64_t count[KINDS], pair[KINDS][KINDS];
  memset(count, 0, sizeof count);
  memset(pair, 0, sizeof pair);
  size_t n = 0, at = 0, n_words = 0;
  int last = -1;
  while (at + 8 < size) {
    double u = loci__random_unit(&random);
    int word = (int)(KINDS * u * u);
    if (last >= 0 && loci__random_below(&random, 3) == 0) word = (last * 7 + 1) % KINDS;
    words[n++] = word;
    n_words++;
    count[word]++;
    if (last >= 0) pair[last][word]++;
    last = word;
    text[at++] = (char)('a' + word / 20);
    text[at++] = (char)('a' + word % 20);
    text[at++] = ' ';
    if (loci__random_below(&random, 10) == 0) {
      words[n++] = -1;
      text[at - 1] = '\n';
    }
  }
  *length = at;
  size_t to = 0;
  bool before = false;
  last = -1;
  *n_joined = 0;
  for (size_t i = 0; i < n; i++) {
    int word = words[i];
    if (word < 0) {
      out[to++] = '\n';
      last = -1;
      continue;
    }
    bool join = false;
    if (last >= 0 && !before && count[last] >= min_count && count[word] >= min_count && pair[last][word] >= min_count) {
      float score = (float)(pair[last][word] - min_count) / (float)count[last] / (float)count[word] * (float)n_words;
      join = score > threshold;
    }
    *n_joined += join;
    out[to++] = join ? '_' : ' ';
    out[to++] = (char)('a' + word / 20);
    out[to++] = (char)('a' + word % 20);
    before = join;
    last = word;
  }
  *joined = out;
  *joined_length = to;
  free(words);
  return text;
}

static void test_blocks(void **state) {
  (void)state;
  char *wanted, in[600], out[600];
  size_t length, wanted_length;
  uint64_t n_joined;
  char *text = make_text(5 * LOCI__BLOCK / 2, 50, 2, &wanted, &length, &wanted_length, &n_joined);
  snprintf(in, sizeof in, "%s/in", test_folder());
  snprintf(out, sizeof out, "%s/out", test_folder());
  test_write(in, text, length);
  static const int threads[] = {1, 2, 3};
  for (size_t t = 0; t < LOCI__COUNT(threads); t++) {
    loci_phrases_info info;
    put_joined(in, threads[t], 50, 2, out, &info);
    size_t n;
    char *got = test_read(out, &n);
    assert_int_equal(n, wanted_length);
    assert_memory_equal(got, wanted, n);
    assert_int_equal(info.n_joined, n_joined);
    assert_true(n_joined > 10000);
    free(got);
  }
  free(wanted);
  free(text);
}

static void test_bad(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  char in[600], out[600];
  snprintf(in, sizeof in, "%s/in", test_folder());
  snprintf(out, sizeof out, "%s/none", test_folder());
  test_write(in, " \n ", 3);
  assert_int_equal(loci_phrases(context, in, NULL, out, NULL, &error), LOCI_ERROR_NOT_FOUND);
  assert_non_null(strstr(error.message, in));
  assert_false(loci__file_exists(context, out));
  assert_int_equal(loci_phrases(context, test_folder(), NULL, out, NULL, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_phrases(context, "/none", NULL, out, NULL, &error), LOCI_ERROR_IO);
  loci_phrases_options options;
  loci_phrases_options_init(&options);
  options.corpus.min_count = 0;
  assert_int_equal(loci_phrases(context, in, &options, out, NULL, &error), LOCI_ERROR_USAGE);
  loci_phrases_options_init(&options);
  options.corpus.max_memory = 1000;
  test_write(in, "a b\n", 4);
  assert_int_equal(loci_phrases(context, in, &options, out, NULL, &error), LOCI_ERROR_LIMIT);
  test_write(in, "last word", 9); /* no line's end: nothing is lost */
  assert_ok(loci_phrases(context, in, NULL, out, NULL, &error), &error);
  size_t n;
  char *got = test_read(out, &n);
  assert_string_equal(got, " last word");
  free(got);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_word2phrase), cmocka_unit_test(test_blocks),
                                     cmocka_unit_test(test_bad)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
