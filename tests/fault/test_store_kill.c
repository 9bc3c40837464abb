/* test_store_kill.c: a writer killed at any moment (R2).
 *
 * The writer's n-th operation is a function of n alone, and n is written in the same transaction, so what a store
 * must hold can be worked out from the number that is found in it. The writer acknowledges n through a pipe after the
 * commit; the parent kills it some time later, opens the store and demands: n is the last one acknowledged or the one
 * behind it, every document is what the model says, and a deep check finds nothing. Every third round the first one
 * who opens the store after the kill is killed too.
 *
 * $LOCI_KILL_ROUNDS (default 40), $LOCI_KILL_SEED.
 */
#include "support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

enum { DIM = 16, N_PATHS = 30, MAX_CHUNKS = 6 };

static char path[128];

/* What operation n does. */
typedef struct operation {
  struct {
    size_t path;
    bool remove;
    size_t n_chunks;
  } steps[3];
  size_t n_steps;
  int after; /* 0 nothing, 1 segments when worth it, 2 segments for certain, 3 the handle is opened anew */
} operation;

static operation operation_of(uint64_t n) {
  loci__random random;
  loci__random_init(&random, n * 7919 + 13);
  operation o = {.n_steps = 1 + loci__random_below(&random, 3)};
  for (size_t i = 0; i < o.n_steps; i++) {
    o.steps[i].path = loci__random_below(&random, N_PATHS);
    o.steps[i].remove = loci__random_below(&random, 4) == 0;
    o.steps[i].n_chunks = 1 + loci__random_below(&random, MAX_CHUNKS);
  }
  uint64_t after = loci__random_below(&random, 20);
  o.after = after < 5 ? 2 : after == 5 ? 3 : after < 8 ? 1 : 0;
  return o;
}

static void text_of(uint64_t n, size_t chunk, char out[64]) {
  snprintf(out, 64, "operation%llu chunk%zu common words", (unsigned long long)n, chunk);
}

static loci_status find_id(void *arg, const loci__store_document *document, loci_error *error) {
  (void)error;
  *(int64_t *)arg = document->id;
  return LOCI_OK;
}

static loci_status put(loci__store *store, uint64_t n, size_t which, size_t n_chunks, loci_error *error) {
  char name[32], texts[MAX_CHUNKS][64];
  float vectors[MAX_CHUNKS * DIM];
  loci__store_chunk chunks[MAX_CHUNKS] = {{0}};
  for (size_t i = 0; i < n_chunks; i++) {
    text_of(n, i, texts[i]);
    chunks[i] = (loci__store_chunk){.ordinal = (uint32_t)i, .text = texts[i], .text_length = strlen(texts[i])};
    for (size_t j = 0; j < DIM; j++) vectors[i * DIM + j] = (float)(n % 1000) + (float)i + (float)j / 100;
  }
  snprintf(name, sizeof name, "/p/%02zu", which);
  loci__store_document document = {.path = name, .size = (int64_t)n};
  return loci__store_put(store, &document, chunks, n_chunks, vectors, NULL, error);
}

static loci_status transact(loci__store *store, uint64_t n, const operation *o, loci_error *error) {
  char number[24];
  LOCI__TRY(loci__store_begin_write(store, error));
  for (size_t i = 0; i < o->n_steps; i++) {
    if (!o->steps[i].remove) {
      LOCI__TRY(put(store, n, o->steps[i].path, o->steps[i].n_chunks, error));
      continue;
    }
    char name[32];
    int64_t id = 0;
    bool found;
    snprintf(name, sizeof name, "/p/%02zu", o->steps[i].path);
    LOCI__TRY(loci__store_find_document(store, name, find_id, &id, &found, error));
    if (found) LOCI__TRY(loci__store_remove(store, id, error));
  }
  snprintf(number, sizeof number, "%llu", (unsigned long long)n);
  LOCI__TRY(loci__store_set_setting(store, "operation", number, error));
  return loci__store_end(store, error);
}

static uint64_t last_operation(loci__store *store) {
  char *value = NULL;
  loci_error error = {0};
  uint64_t n = 0;
  assert_ok(loci__store_get_setting(store, "operation", &value, &error), &error);
  if (value) assert_true(loci__parse_u64(value, &n));
  loci__free(NULL, value);
  return n;
}

/* The child: never returns. Anything but success is told by its exit code. */
static void write_for_ever(int acknowledge) {
  loci_error error = {0};
  loci__store *store = NULL;
  if (loci__store_open(NULL, path, LOCI__STORE_WRITE, &store, &error) != LOCI_OK) goto failed;
  for (uint64_t n = last_operation(store) + 1;; n++) {
    operation o = operation_of(n);
    if (transact(store, n, &o, &error) != LOCI_OK) goto failed;
    if (write(acknowledge, &n, sizeof n) != sizeof n) _exit(3);
    if (o.after == 1 || o.after == 2)
      if (loci__store_build_segments(store, o.after == 2, &error) != LOCI_OK) goto failed;
    if (o.after == 3) {
      loci__store_close(store);
      if (loci__store_open(NULL, path, LOCI__STORE_WRITE, &store, &error) != LOCI_OK) goto failed;
    }
  }
failed:
  fprintf(stderr, "writer: %s\n", error.message);
  _exit(2);
}

static void nap(uint64_t microseconds) {
  struct timespec t = {0, (long)(microseconds % 1000000) * 1000};
  nanosleep(&t, NULL);
}

static void kill_and_wait(pid_t child) {
  int status;
  kill(child, SIGKILL);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (!WIFSIGNALED(status)) fail_msg("the writer ended by itself with code %d", WEXITSTATUS(status));
}

typedef struct comparison {
  const uint64_t *writer_of; /* of each path: the operation, 0 = not there */
  size_t n_found;
  loci__store *store;
} comparison;

typedef struct chunk_check {
  uint64_t n;
  size_t next;
} chunk_check;

static loci_status compare_chunk(void *arg, const loci__store_chunk *chunk, loci_error *error) {
  (void)error;
  chunk_check *c = arg;
  char expected[64];
  text_of(c->n, c->next++, expected);
  assert_string_equal(chunk->text, expected);
  return LOCI_OK;
}

static loci_status compare_document(void *arg, const loci__store_document *document, loci_error *error) {
  comparison *c = arg;
  size_t which = (size_t)atoi(document->path + 3);
  assert_true(which < N_PATHS);
  assert_int_equal(document->size, c->writer_of[which]);
  c->n_found++;
  chunk_check check = {.n = c->writer_of[which]};
  LOCI__TRY(loci__store_each_chunk(c->store, document->id, compare_chunk, &check, error));
  assert_true(check.next > 0);
  return LOCI_OK;
}

static void print_finding(void *user, const char *finding) {
  (void)user;
  print_message("finding: %s\n", finding);
}

static uint64_t expect_state(uint64_t acknowledged) {
  loci_error error = {0};
  loci__store *store;
  uint64_t n_findings = 0, writer_of[N_PATHS] = {0};
  assert_ok(loci__store_open(NULL, path, LOCI__STORE_WRITE, &store, &error), &error);
  uint64_t n = last_operation(store);
  if (n != acknowledged && n != acknowledged + 1)
    fail_msg("acknowledged %llu, found %llu", (unsigned long long)acknowledged, (unsigned long long)n);
  for (uint64_t i = 1; i <= n; i++) {
    operation o = operation_of(i);
    for (size_t k = 0; k < o.n_steps; k++) writer_of[o.steps[k].path] = o.steps[k].remove ? 0 : i;
  }
  size_t n_expected = 0;
  for (size_t i = 0; i < N_PATHS; i++) n_expected += writer_of[i] != 0;
  comparison c = {writer_of, 0, store};
  assert_ok(loci__store_each_document(store, "", compare_document, &c, &error), &error);
  assert_int_equal(c.n_found, n_expected);
  assert_ok(loci__store_check(store, true, print_finding, NULL, &n_findings, &error), &error);
  assert_int_equal(n_findings, 0);
  loci__store_close(store);
  return n;
}

static void nothing_acknowledged_is_lost(void **state) {
  (void)state;
  const char *rounds_text = getenv("LOCI_KILL_ROUNDS"), *seed_text = getenv("LOCI_KILL_SEED");
  uint64_t rounds = 40, seed = (uint64_t)getpid(), n = 0;
  if (rounds_text) loci__parse_u64(rounds_text, &rounds);
  if (seed_text) loci__parse_u64(seed_text, &seed);
  print_message("HARNESS=R2-store SEED=%llu ROUNDS=%llu\n", (unsigned long long)seed, (unsigned long long)rounds);
  loci__random random;
  loci__random_init(&random, seed);
  snprintf(path, sizeof path, "%s/kill.db", test_folder());
  loci_error error = {0};
  loci__store *store;
  assert_ok(loci__store_open(NULL, path, LOCI__STORE_CREATE, &store, &error), &error);
  assert_ok(loci__store_begin_write(store, &error), &error);
  assert_ok(loci__store_set_model(store, (const char[33]){"fingerprint"}, "model", "", DIM, &error), &error);
  assert_ok(loci__store_end(store, &error), &error);
  loci__store_close(store);
  for (uint64_t round = 0; round < rounds; round++) {
    int acknowledge[2];
    assert_int_equal(pipe(acknowledge), 0);
    pid_t child = fork();
    if (child == 0) {
      close(acknowledge[0]);
      write_for_ever(acknowledge[1]);
    }
    close(acknowledge[1]);
    nap(loci__random_below(&random, 120000));
    kill_and_wait(child);
    for (uint64_t told; read(acknowledge[0], &told, sizeof told) == sizeof told;) {
      assert_int_equal(told, n + 1);
      n = told;
    }
    close(acknowledge[0]);
    if (round % 3 == 2) { /* killed again while it puts the store in order */
      child = fork();
      if (child == 0) {
        loci__store *reader = NULL;
        loci__store_open(NULL, path, round % 2 ? LOCI__STORE_READ : LOCI__STORE_WRITE, &reader, NULL);
        for (;;) pause();
      }
      nap(loci__random_below(&random, 3000));
      kill_and_wait(child);
    }
    n = expect_state(n);
  }
  print_message("%llu operations survived %llu kills\n", (unsigned long long)n, (unsigned long long)rounds);
  assert_true(rounds < 20 || n > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_acknowledged_is_lost)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
