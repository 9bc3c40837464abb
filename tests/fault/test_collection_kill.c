/* test_collection_kill.c: `index`, `forget` and `reindex` killed at any moment (R2).
 *
 * The n-th step is a function of n alone: some files change, one may go, then the collection is brought in step, or a
 * file is forgotten, or everything is embedded anew (which rewrites the segments). Every file's text names the step
 * that wrote it. The writer acknowledges n through a pipe after the step; the parent kills it some time later and
 * demands: a deep check finds nothing, each document is what step n left, or what step n + 1 makes of it. Every
 * third round the first who opens the collection after the kill is killed too.
 *
 * $LOCI_KILL_ROUNDS (default 100), $LOCI_KILL_SEED.
 */
#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loci/collection.h"

#define MODEL LOCI_SOURCE_DIR "/tests/golden/models/static-tiny"

enum { N_FILES = 8 };
typedef enum action { INDEX, FORGET, REINDEX } action;

static char docs[128], path[128];

typedef struct step {
  size_t changed[2], removed; /* removed N_FILES = none */
  action action;
} step;

static step step_of(uint64_t n) {
  loci__random random;
  loci__random_init(&random, n * 104729 + 7);
  step s = {.removed = N_FILES};
  for (size_t i = 0; i < 2; i++) s.changed[i] = loci__random_below(&random, N_FILES);
  if (loci__random_below(&random, 3) == 0) s.removed = loci__random_below(&random, N_FILES);
  uint64_t which = loci__random_below(&random, 10);
  s.action = which == 0 ? REINDEX : which == 1 ? FORGET : INDEX;
  if (s.action == FORGET && s.removed == N_FILES) s.removed = loci__random_below(&random, N_FILES);
  return s;
}

/* The writer of each file after step n, 0 = not there. */
static void state_after(uint64_t n, uint64_t files[N_FILES]) {
  memset(files, 0, N_FILES * sizeof *files);
  for (uint64_t i = 1; i <= n; i++) {
    step s = step_of(i);
    if (s.action == INDEX) files[s.changed[0]] = files[s.changed[1]] = i;
    if (s.action != REINDEX && s.removed < N_FILES) files[s.removed] = 0;
  }
}

static void file_path(size_t i, char out[256]) {
  snprintf(out, 256, "%s/%zu.txt", docs, i);
}

/* The longer the step's number mod 5, the more passages. */
static void write_file(size_t i, uint64_t n) {
  char file[256];
  file_path(i, file);
  FILE *out = fopen(file, "w");
  if (out == NULL) _exit(4);
  fprintf(out, "step %llu wrote this\n", (unsigned long long)n);
  for (uint64_t line = 0; line < n % 5 * 40; line++)
    fprintf(out, "\nline %llu says little\n", (unsigned long long)line);
  fclose(out);
}

static loci_status index_docs(loci_collection *collection, loci_error *error) {
  loci_index_options options;
  loci_index_options_init(&options);
  options.model = MODEL;
  const char *paths[] = {docs};
  return loci_collection_index(collection, paths, 1, &options, NULL, error);
}

/* Repeating a step that was cut off changes nothing but what was missing. */
static loci_status take_step(loci_collection *collection, uint64_t n, loci_error *error) {
  step s = step_of(n);
  char file[256];
  if (s.action == REINDEX) return loci_collection_reindex(collection, NULL, NULL, error);
  if (s.action == INDEX) {
    for (size_t i = 0; i < 2; i++) write_file(s.changed[i], n);
  }
  if (s.removed < N_FILES) {
    file_path(s.removed, file);
    unlink(file);
  }
  if (s.action == INDEX) return index_docs(collection, error);
  loci_status status = loci_collection_forget(collection, file, NULL, error);
  return status == LOCI_ERROR_NOT_FOUND ? LOCI_OK : status;
}

/* The child: never returns. */
static void write_for_ever(uint64_t n, int acknowledge) {
  loci_error error = {0};
  loci_collection *collection = NULL;
  if (loci_collection_open(NULL, path, LOCI_COLLECTION_WRITE, &collection, &error) == LOCI_OK) {
    while (take_step(collection, ++n, &error) == LOCI_OK) {
      if (write(acknowledge, &n, sizeof n) != sizeof n) _exit(3);
      if (n % 16 == 0) {
        loci_collection_close(collection);
        if (loci_collection_open(NULL, path, LOCI_COLLECTION_WRITE, &collection, &error) != LOCI_OK) break;
      }
    }
  }
  fprintf(stderr, "writer at step %llu: %s\n", (unsigned long long)n, error.message);
  _exit(2);
}

static void nap(uint64_t microseconds) {
  struct timespec t = {0, (long)microseconds * 1000};
  nanosleep(&t, NULL);
}

static void kill_and_wait(pid_t child) {
  int status;
  kill(child, SIGKILL);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (!WIFSIGNALED(status)) fail_msg("the writer ended by itself with code %d", WEXITSTATUS(status));
}

static void print_finding(void *user, const char *finding) {
  (void)user;
  print_message("finding: %s\n", finding);
}

/* The step that wrote a document as the collection has it; 0 = not there. */
static uint64_t writer_of(loci_collection *collection, size_t i) {
  char file[256];
  loci_results results;
  loci_error error = {0};
  file_path(i, file);
  loci_status status = loci_collection_get(collection, file, 0, &results, &error);
  if (status == LOCI_ERROR_NOT_FOUND) return 0;
  assert_ok(status, &error);
  unsigned long long n = 0;
  assert_int_equal(sscanf(results.items[0].text, "step %llu wrote", &n), 1);
  loci_results_release(&results);
  return n;
}

static void expect_state(uint64_t acknowledged) {
  loci_error error = {0};
  loci_collection *collection = NULL;
  uint64_t n_findings = 0, before[N_FILES], after[N_FILES];
  assert_ok(loci_collection_open(NULL, path, LOCI_COLLECTION_WRITE, &collection, &error), &error);
  assert_ok(loci_collection_check(collection, 1, print_finding, NULL, &n_findings, &error), &error);
  assert_int_equal(n_findings, 0);
  state_after(acknowledged, before);
  state_after(acknowledged + 1, after);
  for (size_t i = 0; i < N_FILES; i++) {
    uint64_t found = writer_of(collection, i);
    if (found != before[i] && found != after[i]) {
      fail_msg("acknowledged %llu: file %zu is of step %llu instead of %llu or %llu", (unsigned long long)acknowledged,
               i, (unsigned long long)found, (unsigned long long)before[i], (unsigned long long)after[i]);
    }
  }
  loci_results results;
  if (acknowledged > 0) {
    assert_ok(loci_collection_search(collection, "step", 4, NULL, &results, &error), &error);
    loci_results_release(&results);
  }
  loci_collection_close(collection);
}

static void nothing_acknowledged_is_lost(void **state) {
  (void)state;
  const char *rounds_text = getenv("LOCI_KILL_ROUNDS"), *seed_text = getenv("LOCI_KILL_SEED");
  uint64_t rounds = 100, seed = (uint64_t)getpid(), n = 0;
  if (rounds_text) loci__parse_u64(rounds_text, &rounds);
  if (seed_text) loci__parse_u64(seed_text, &seed);
  print_message("HARNESS=R2-collection SEED=%llu ROUNDS=%llu\n", (unsigned long long)seed, (unsigned long long)rounds);
  loci__random random;
  loci__random_init(&random, seed);
  const char *folder = test_folder();
  snprintf(docs, sizeof docs, "%s/docs", folder);
  snprintf(path, sizeof path, "%s/kill.db", folder);
  assert_int_equal(mkdir(docs, 0700), 0);
  loci_error error = {0};
  loci_collection *collection = NULL;
  assert_ok(loci_collection_open(NULL, path, LOCI_COLLECTION_CREATE, &collection, &error), &error);
  assert_ok(index_docs(collection, &error), &error);
  loci_collection_close(collection);
  for (uint64_t round = 0; round < rounds; round++) {
    int acknowledge[2];
    assert_int_equal(pipe(acknowledge), 0);
    pid_t child = fork();
    if (child == 0) {
      close(acknowledge[0]);
      write_for_ever(n, acknowledge[1]);
    }
    close(acknowledge[1]);
    nap(loci__random_below(&random, 250000));
    kill_and_wait(child);
    for (uint64_t told; read(acknowledge[0], &told, sizeof told) == sizeof told;) {
      assert_int_equal(told, n + 1);
      n = told;
    }
    close(acknowledge[0]);
    if (round % 3 == 2) { /* killed again while it puts things in order */
      child = fork();
      if (child == 0) {
        loci_collection *other = NULL;
        loci_collection_open(NULL, path, round % 2 ? LOCI_COLLECTION_READ : LOCI_COLLECTION_WRITE, &other, NULL);
        for (;;) pause();
      }
      nap(loci__random_below(&random, 3000));
      kill_and_wait(child);
    }
    expect_state(n);
  }
  print_message("%llu steps survived %llu kills\n", (unsigned long long)n, (unsigned long long)rounds);
  assert_true(rounds < 20 || n > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_acknowledged_is_lost)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
