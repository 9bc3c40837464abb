/* test_vectors_faults.c: every n-th allocation and every n-th file call of an opening or a conversion of word vectors
 * fails, once or from then on, and the disk is full. Whatever fails: an error, nothing leaked, and the output either whole
 * or what it was before. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault_support.h"
#include "loci/vectors.h"

typedef struct scenario {
  const char *input, *output; /* output NULL: it is opened only */
  loci_vectors_format format;
  size_t prune;
} scenario;

static const scenario scenarios[] = {
    {"word2vec.bin", NULL, LOCI_VECTORS_UNKNOWN, 0},    {"glove.txt", NULL, LOCI_VECTORS_UNKNOWN, 0},
    {"skipgram.bin", NULL, LOCI_VECTORS_UNKNOWN, 0},    {"array.npy", NULL, LOCI_VECTORS_UNKNOWN, 0},
    {"skipgram.bin", "o.bin", LOCI_VECTORS_UNKNOWN, 0}, {"skipgram.bin", "o.bin", LOCI_VECTORS_FASTTEXT, 7},
    {"glove.txt", "o.npy", LOCI_VECTORS_UNKNOWN, 5},    {"skipgram.bin", "o.txt", LOCI_VECTORS_UNKNOWN, 9},
    {"array.npy", "o.txt", LOCI_VECTORS_GLOVE, 0},
};

static char folder[128];

static char *in_folder(const char *name) {
  static char paths[4][256];
  static size_t next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static loci_status run(const scenario *s, loci_context *context, loci_error *error) {
  loci_convert_options options;
  loci_convert_options_init(&options);
  options.format = s->format;
  options.prune = s->prune;
  if (s->output != NULL) return loci_convert(context, in_folder(s->input), &options, in_folder(s->output), NULL, error);
  loci_vectors *v = NULL;
  const loci_status status = loci_vectors_open(context, in_folder(s->input), NULL, &v, error);
  assert_true((status == LOCI_OK) == (v != NULL));
  if (v != NULL) {
    float x[16];
    assert_true(loci_vectors_get(v, loci_vectors_word(v, 3, NULL), strlen(loci_vectors_word(v, 3, NULL)), x, error) ==
                LOCI_OK);
  }
  loci_vectors_close(v);
  return status;
}

static void sweep(const scenario *s, fault_kind kind, bool sticky, int err, const char *only, const char *wanted,
                  size_t length) {
  for (uint64_t n = 1;; n = fault_next(n, 30)) {
    if (s->output != NULL) test_write(in_folder(s->output), "before", 6);
    const int64_t living = fault_living();
    loci_context *context = fault_context_new(1);
    loci_error error = {0};
    fault_arm(kind, n, sticky, err, only);
    const loci_status status = run(s, context, &error);
    const bool fired = fault_disarm();
    fault_context_free(context);
    if (fault_living() != living) fail_msg("%s, call %llu: blocks leaked", s->input, (unsigned long long)n);
    if (s->output != NULL) {
      size_t got_length;
      char *got = test_read(in_folder(s->output), &got_length);
      const bool whole = got_length == length && memcmp(got, wanted, length) == 0;
      if (!whole && strcmp(got, "before") != 0)
        fail_msg("%s, call %llu: half an output", s->input, (unsigned long long)n);
      assert_true(whole || status != LOCI_OK);
      free(got);
      char left[300];
      snprintf(left, sizeof left, "%s.%ld.tmp", in_folder(s->output), (long)getpid());
      /* A temporary file stays only when it could not be removed. */
      if (access(left, F_OK) == 0) {
        assert_true(kind == FAULT_FILES && fired);
        unlink(left);
      }
    }
    if (status != LOCI_OK) {
      assert_true(fired);
      if (error.message[0] == '\0') fail_msg("%s, call %llu: no message", s->input, (unsigned long long)n);
      if (kind == FAULT_MEMORY && status != LOCI_ERROR_MEMORY)
        fail_msg("%s to %s, allocation %llu: %s", s->input, s->output ? s->output : "-", (unsigned long long)n,
                 error.message);
    }
    if (!fired) break;
  }
}

static void test_sweeps(void **state) {
  (void)state;
  for (size_t i = 0; i < LOCI__COUNT(scenarios); i++) {
    const scenario *s = &scenarios[i];
    loci_error error = {0};
    char *wanted = NULL;
    size_t length = 0;
    assert_ok(run(s, NULL, &error), &error);
    if (s->output != NULL) wanted = test_read(in_folder(s->output), &length);
    for (int sticky = 0; sticky <= 1; sticky++) {
      sweep(s, FAULT_MEMORY, sticky != 0, 0, NULL, wanted, length);
      sweep(s, FAULT_FILES, sticky != 0, EIO, NULL, wanted, length);
      if (s->output != NULL) sweep(s, FAULT_FILES, sticky != 0, ENOSPC, "write", wanted, length);
    }
    free(wanted);
  }
}

static int make_folder(void **state) {
  (void)state;
  static const char *const names[][2] = {{"word2vec.bin", "word2vec.bin"},
                                         {"glove.txt", "glove.txt"},
                                         {"skipgram.bin", "skipgram.bin"},
                                         {"array-f2-v1.npy", "array.npy"},
                                         {"array.labels", "array.labels"}};
  snprintf(folder, sizeof folder, "%s", test_folder());
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    char from[512];
    snprintf(from, sizeof from, "%s/tests/golden/vectors/%s", LOCI_SOURCE_DIR, names[i][0]);
    fault_copy(from, in_folder(names[i][1]));
  }
  test_write(in_folder("glove.txt.vocab"), "sun 9\nmoon 8\n", 13);
  test_write(in_folder("skipgram.bin.card.md"), "---\nsplit: space\n---\n", 21);
  return 0;
}

int main(void) {
  fault_init();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweeps)};
  return cmocka_run_group_tests(tests, make_folder, NULL);
}
