/* test_word2vec_exact.c: exact mode against the program's own output (tests/golden/make_word2vec.py), and what a run leaves
 * on disk: stopped and resumed at every place it gives the bytes of an uninterrupted one. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loci/train.h"
#include "loci/vectors.h"
#include "word2vec_corpus.h"

static char folder[128], corpus[192], output[192];

static loci_word2vec_options exact_options(void) {
  loci_word2vec_options o;
  loci_word2vec_options_init(&o);
  o.mode = LOCI_MODE_EXACT;
  o.common.corpus.split = LOCI_SPLIT_SPACE;
  o.common.corpus.fold = LOCI_FOLD_NONE;
  o.epochs = 1;
  o.dim = 20;
  return o;
}

static void start(unsigned n_lines) {
  snprintf(folder, sizeof folder, "%s", test_folder());
  snprintf(corpus, sizeof corpus, "%s/corpus.txt", folder);
  snprintf(output, sizeof output, "%s/vectors.bin", folder);
  word2vec_corpus_write(corpus, n_lines);
}

static uint64_t fnv(const char *data, size_t n) {
  uint64_t h = 0xCBF29CE484222325;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)data[i]) * 0x100000001B3;
  return h;
}

static bool beside(const char *ending) {
  char path[256];
  snprintf(path, sizeof path, "%s%s", output, ending);
  return access(path, F_OK) == 0;
}

static void equals_the_program(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error = {0};
  start(3000);
  char *golden = test_read(LOCI_SOURCE_DIR "/tests/golden/word2vec/exact.txt", NULL);
  int n = 0;
  for (char *line = strtok(golden, "\n"); line; line = strtok(NULL, "\n"), n++) {
    int cbow, hs, negative, dim, window;
    double sample;
    size_t size, length;
    unsigned long long hash;
    unsigned bits[4];
    assert_int_equal(sscanf(line, "%d %d %d %d %d %lf %zu %llx %x %x %x %x", &cbow, &hs, &negative, &dim, &window,
                            &sample, &size, &hash, &bits[0], &bits[1], &bits[2], &bits[3]),
                     12);
    loci_word2vec_options o = exact_options();
    o.arch = cbow ? LOCI_ARCH_CBOW : LOCI_ARCH_SKIPGRAM;
    o.hierarchical = hs;
    o.negative = (size_t)negative;
    o.dim = (size_t)dim;
    o.window = (size_t)window;
    o.sample = sample;
    assert_ok(loci_train_word2vec(context, corpus, &o, output, &error), &error);
    char *ours = test_read(output, &length);
    assert_int_equal(length, size);
    if (fnv(ours, length) != hash) {
      loci_vectors *vectors;
      assert_ok(loci_vectors_open(context, output, NULL, &vectors, &error), &error);
      unsigned got[4];
      memcpy(got, loci_vectors_row(vectors, 1), sizeof got);
      fail_msg("case '%s': row 1 begins %08x %08x %08x %08x", line, got[0], got[1], got[2], got[3]);
    }
    free(ours);
    assert_true(beside(".vocab"));
    assert_true(beside(".card.md"));
    assert_false(beside(".checkpoint"));
  }
  assert_int_equal(n, 6);
  free(golden);
  test_context_free(context);
}

/* ---- stopped and resumed ---- */

typedef struct stopper {
  int calls, stop_at;
} stopper;

static int stop(void *user, const loci_progress *progress) {
  stopper *s = user;
  (void)progress;
  return ++s->calls == s->stop_at;
}

static void resumes_to_the_same_bytes(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error = {0};
  start(400);
  loci_word2vec_options o = exact_options();
  o.hierarchical = 1;
  o.epochs = 3;
  assert_ok(loci_train_word2vec(context, corpus, &o, output, &error), &error);
  size_t length, again;
  char *whole = test_read(output, &length);
  /* Stop at the first call of the callback, resume, stop at the second of that run …: the meter tells some ten times a
   * second, so few calls fall into the training of so little; saving at each tick covers the places in between. */
  stopper s = {0, 0};
  o.common.progress = stop;
  o.common.progress_user = &s;
  o.common.resume = 1;
  bool saved = false;
  for (int stop_at = 1;; stop_at++) {
    s = (stopper){0, stop_at};
    unlink(output);
    loci_status status = loci_train_word2vec(context, corpus, &o, output, &error);
    if (status == LOCI_OK) break;
    assert_int_equal(status, LOCI_ERROR_CANCELLED);
    assert_false(beside(""));
    saved |= beside(".checkpoint/state");
    assert_true(stop_at < 200);
  }
  assert_true(saved);
  char *resumed = test_read(output, &again);
  assert_int_equal(length, again);
  assert_memory_equal(whole, resumed, length);
  assert_false(beside(".checkpoint"));
  free(whole);
  free(resumed);
  test_context_free(context);
}

/* ---- refusals ---- */

static void refused(loci_context *context, const loci_word2vec_options *o, const char *to, loci_status status,
                    const char *words) {
  loci_error error = {0};
  loci_status got = loci_train_word2vec(context, corpus, o, to, &error);
  if (got != status || !strstr(error.message, words))
    fail_msg("wanted %d with '%s', got %d: %s", (int)status, words, (int)got, error.message);
  assert_false(beside(".checkpoint"));
}

static void refuses_what_makes_no_sense(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  start(40);
  loci_word2vec_options o = exact_options();
  refused(context, &o, NULL, LOCI_ERROR_USAGE, "output");
  refused(context, &o, "x.doc", LOCI_ERROR_USAGE, "ending");
  refused(context, &o, corpus, LOCI_ERROR_USAGE, "corpus itself");
  refused(context, &o, "/nowhere/at/all.bin", LOCI_ERROR_IO, "/nowhere/at/all.bin");
#define REFUSED(member, value, words)                      \
  do {                                                     \
    o = exact_options();                                   \
    o.member = value;                                      \
    refused(context, &o, output, LOCI_ERROR_USAGE, words); \
  } while (0)
  REFUSED(dim, 0, "dim");
  REFUSED(dim, 1000000, "dim");
  REFUSED(window, 0, "window");
  REFUSED(negative, 0, "--negative");
  REFUSED(epochs, 0, "epochs");
  REFUSED(sample, -1, "sample");
  REFUSED(alpha, -1, "alpha");
  REFUSED(common.corpus.split, LOCI_SPLIT_WORDS, "exact");
  REFUSED(common.corpus.fold, LOCI_FOLD_LOWER, "exact");
  o = exact_options();
  o.common.corpus.min_count = 1000000;
  refused(context, &o, output, LOCI_ERROR_NOT_FOUND, "at least two");
  o = exact_options();
  o.common.max_memory = 1000;
  refused(context, &o, output, LOCI_ERROR_LIMIT, "--max-memory");

  test_write(corpus, "", 0);
  o = exact_options();
  refused(context, &o, output, LOCI_ERROR_NOT_FOUND, "word");
  test_write(corpus, "a b\nc\0d\n", 8);
  refused(context, &o, output, LOCI_ERROR_FORMAT, "NUL byte at 5");
  unlink(corpus);
  refused(context, &o, output, LOCI_ERROR_IO, "corpus.txt");
  test_context_free(context);
}

/* Learning rates that make everything overflow end in odd numbers, not in a crash. */
static void overflow_is_no_crash(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error = {0};
  start(100);
  for (int cbow = 0; cbow < 2; cbow++) {
    loci_word2vec_options o = exact_options();
    o.alpha = 10;
    o.epochs = 4;
    o.hierarchical = 1;
    o.arch = cbow ? LOCI_ARCH_CBOW : LOCI_ARCH_SKIPGRAM;
    assert_ok(loci_train_word2vec(context, corpus, &o, output, &error), &error);
  }
  test_context_free(context);
}

/* Vocabularies from elsewhere: without counts, of other words, with counts that no sum holds. */
static void odd_vocabularies_are_no_crash(void **state) {
  (void)state;
  static const struct {
    const char *text;
    loci_status status;
  } cases[] = {
      {"</s> 0\nw1 0\nw2 0\n", LOCI_ERROR_FORMAT},
      {"never 5\nseen 5\nhere 5\n", LOCI_OK},
      {"w1 18446744073709551615\nw2 18446744073709551615\nw3 7\n", LOCI_ERROR_FORMAT},
      {"w1 9223372036854775807\nw2 9223372036854775807\nw3 1\n", LOCI_OK},
      {"w3 5\nw1 9\nw2 6\nw9 0\nw4 50\n", LOCI_OK},
  };
  loci_context *context = test_context_new(2, NULL);
  loci_error error = {0};
  start(60);
  char path[192];
  snprintf(path, sizeof path, "%s/words.txt", folder);
  for (size_t i = 0; i < LOCI__COUNT(cases); i++) {
    test_write(path, cases[i].text, strlen(cases[i].text));
    for (int how = 0; how < 4; how++) {
      loci_word2vec_options o = exact_options();
      if (how % 2) o.mode = LOCI_MODE_DEFAULT;
      if (how / 2) o.hierarchical = 1;
      o.common.vocabulary = path;
      o.common.corpus.min_count = 0;
      loci_status status = loci_train_word2vec(context, corpus, &o, output, &error);
      if (status != cases[i].status) fail_msg("case %zu, %d: %d %s", i, how, (int)status, error.message);
    }
  }
  test_context_free(context);
}

/* ---- a disk that is full when the vectors are written ---- */

static int no_vectors(void *user, const char *method, const char *path) {
  const int *on = user;
  return *on && !strcmp(method, "open") && path && strstr(path, "vectors.bin") && !strstr(path, ".checkpoint") ? ENOSPC
                                                                                                               : 0;
}

static void a_full_disk_at_the_end_loses_nothing(void **state) {
  (void)state;
  loci_context_options options;
  loci_context_options_init(&options);
  int on = 0;
  options.files.user = &on;
  options.files.before = no_vectors;
  loci_context *context;
  loci_error error = {0};
  assert_ok(loci_context_new(&options, &context, &error), &error);
  start(300);
  loci_word2vec_options o = exact_options();
  assert_ok(loci_train_word2vec(context, corpus, &o, output, &error), &error);
  size_t length, again;
  char *whole = test_read(output, &length);
  unlink(output);
  on = 1;
  assert_int_equal(loci_train_word2vec(context, corpus, &o, output, &error), LOCI_ERROR_IO);
  assert_true(beside(".checkpoint/state"));
  on = 0;
  o.common.resume = 1;
  assert_ok(loci_train_word2vec(context, corpus, &o, output, &error), &error);
  char *resumed = test_read(output, &again);
  assert_int_equal(length, again);
  assert_memory_equal(whole, resumed, length);
  free(whole);
  free(resumed);
  loci_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equals_the_program),
      cmocka_unit_test(resumes_to_the_same_bytes),
      cmocka_unit_test(refuses_what_makes_no_sense),
      cmocka_unit_test(overflow_is_no_crash),
      cmocka_unit_test(odd_vocabularies_are_no_crash),
      cmocka_unit_test(a_full_disk_at_the_end_loses_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
