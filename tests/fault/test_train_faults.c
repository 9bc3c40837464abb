/* test_train_faults.c: every n-th allocation and every n-th file call of a small training fails, once or from then on, and
 * the disk is full. Whatever fails: an error (or, where the call does not matter, none), nothing leaked, the output either
 * whole or not there, and the same call with `resume` and without faults gives the bytes of an undisturbed run.
 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/word2vec_corpus.h"
#include "fault_support.h"
#include "train_cases.h"

static char folder[128], corpus[192];

typedef struct scenario {
  const train_case *c;
  char output[256];
  char *wanted;
  size_t length;
} scenario;

static bool output_is_whole(const scenario *s) {
  size_t length;
  char *got = test_read(s->output, &length);
  bool same = length == s->length && memcmp(got, s->wanted, length) == 0;
  free(got);
  return same;
}

static void remove_outputs(const scenario *s) {
  char command[640];
  snprintf(command, sizeof command, "rm -rf '%s' '%s'.*", s->output, s->output);
  assert_int_equal(system(command), 0);
}

static void sweep(const scenario *s, fault_kind kind, bool sticky, int err, const char *only) {
  const char *what = kind == FAULT_MEMORY ? "allocation" : only ? only : "file call";
  loci_error error = {0};
  uint64_t n = 1;
  for (;; n = fault_next(n, 40)) {
    remove_outputs(s);
    /* Saves at every step, and looks for a checkpoint: every path is gone. */
    train_setting setting = {.resume = 1, .checkpoint_seconds = 1e-9, .epochs = 1};
    int64_t living = fault_living();
    loci_context *context = fault_context_new(1);
    fault_arm(kind, n, sticky, err, only);
    loci_status status = s->c->run(context, corpus, &setting, s->output, &error);
    bool fired = fault_disarm();
    fault_context_free(context);
    if (fault_living() != living)
      fail_msg("%s, %s %llu: %lld blocks leaked", s->c->name, what, (unsigned long long)n,
               (long long)(fault_living() - living));
    if (access(s->output, F_OK) == 0 && !output_is_whole(s))
      fail_msg("%s, %s %llu: half an output", s->c->name, what, (unsigned long long)n);
    if (status == LOCI_OK) {
      assert_true(output_is_whole(s));
    } else {
      assert_true(fired);
      if (error.message[0] == '\0') fail_msg("%s, %s %llu: no message", s->c->name, what, (unsigned long long)n);
      if (kind == FAULT_MEMORY && status != LOCI_ERROR_MEMORY)
        fail_msg("%s, allocation %llu: %s", s->c->name, (unsigned long long)n, error.message);
    }
    context = fault_context_new(1);
    setting.checkpoint_seconds = 0;
    unlink(s->output);
    status = s->c->run(context, corpus, &setting, s->output, &error);
    fault_context_free(context);
    if (status != LOCI_OK) fail_msg("%s, after %s %llu: %s", s->c->name, what, (unsigned long long)n, error.message);
    if (!output_is_whole(s)) fail_msg("%s, after %s %llu: other bytes", s->c->name, what, (unsigned long long)n);
    if (!fired) break;
  }
  print_message("%s: %llu of %s\n", s->c->name, (unsigned long long)n, what);
}

static void start(const train_case *c, scenario *s) {
  *s = (scenario){.c = c};
  snprintf(s->output, sizeof s->output, "%s/%s", folder, c->output);
  loci_error error = {0};
  train_setting setting = {.epochs = 1};
  loci_context *context = fault_context_new(1);
  assert_ok(c->run(context, corpus, &setting, s->output, &error), &error);
  fault_context_free(context);
  s->wanted = test_read(s->output, &s->length);
}

static void every_case(void (*each)(const scenario *s)) {
  for (size_t i = 0; i < LOCI__COUNT(train_cases); i++) {
    scenario s;
    start(&train_cases[i], &s);
    each(&s);
    free(s.wanted);
  }
}

static void memory(const scenario *s) {
  sweep(s, FAULT_MEMORY, false, 0, NULL);
  sweep(s, FAULT_MEMORY, true, 0, NULL);
}

static void files(const scenario *s) {
  sweep(s, FAULT_FILES, false, EIO, NULL);
  sweep(s, FAULT_FILES, true, EIO, NULL);
}

/* A run that ends removes its checkpoint; wherever that comes to a stop, the next one begins anew or goes on. */
static void removal(const scenario *s) {
  sweep(s, FAULT_FILES, true, EIO, "unlink");
}

static void full_disk(const scenario *s) {
  sweep(s, FAULT_FILES, true, ENOSPC, "pwrite");
}

static void memory_runs_out(void **unused) {
  (void)unused;
  every_case(memory);
}

static void files_fail(void **unused) {
  (void)unused;
  every_case(files);
}

static void files_cannot_be_removed(void **unused) {
  (void)unused;
  every_case(removal);
}

static void the_disk_is_full(void **unused) {
  (void)unused;
  every_case(full_disk);
}

int main(void) {
  fault_init();
  snprintf(folder, sizeof folder, "%s", test_folder());
  snprintf(corpus, sizeof corpus, "%s/corpus.txt", folder);
  word2vec_corpus_write(corpus, 6);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_runs_out),
      cmocka_unit_test(files_fail),
      cmocka_unit_test(files_cannot_be_removed),
      cmocka_unit_test(the_disk_is_full),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
