/* test_store_faults.c: every n-th allocation and every n-th file call of the store fails (R3, R4), and the disk is
 * full (R9). Whatever fails: an error, nothing leaked, the store sound, and either all or nothing of a transaction. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault_support.h"
#include "store/store.h"

enum { DIM = 8, SETTLED = 12 };

static char folder[64], start_path[128], path[128];

static loci_status put(loci__store *store, const char *name, size_t n, const char *word, loci_error *error) {
  loci__store_chunk chunks[8] = {{0}};
  float vectors[8 * DIM];
  for (size_t i = 0; i < n; i++) {
    chunks[i].ordinal = (uint32_t)i;
    chunks[i].heading = "Heading";
    chunks[i].text = word;
    chunks[i].text_length = strlen(word);
    for (size_t j = 0; j < DIM; j++) vectors[i * DIM + j] = (float)(i * 3 + j) / 10;
  }
  loci__store_document document = {.path = name, .title = "Title", .format = "text"};
  return loci__store_put(store, &document, chunks, n, vectors, NULL, error);
}

/* The state every scenario starts from: some documents, some rows in a segment, one removed, some newer. */
static void make_start(void) {
  loci_error error = {0};
  loci__store *store;
  char name[32];
  assert_ok(loci__store_open(NULL, start_path, LOCI__STORE_CREATE, &store, &error), &error);
  assert_ok(loci__store_begin_write(store, &error), &error);
  assert_ok(loci__store_set_model(store, (const char[33]){"fingerprint"}, "model", "", DIM, &error), &error);
  for (int i = 0; i < SETTLED; i++) {
    snprintf(name, sizeof name, "/settled/%02d", i);
    assert_ok(put(store, name, 3, "settled words of an old document", &error), &error);
  }
  assert_ok(loci__store_end(store, &error), &error);
  assert_ok(loci__store_build_segments(store, true, &error), &error);
  assert_ok(loci__store_begin_write(store, &error), &error);
  assert_ok(put(store, "/settled/00", 2, "settled again", &error), &error);
  assert_ok(loci__store_end(store, &error), &error);
  loci__store_close(store);
}

static void shell(const char *format, const char *a, const char *b) {
  char command[512];
  snprintf(command, sizeof command, format, a, b);
  assert_int_equal(system(command), 0);
}

static void restore_start(void) {
  static char segment[300], copy[300];
  unlink(path);
  char aside[160];
  static const char *const suffixes[] = {"-wal", "-shm", "-journal", ".lock"};
  for (size_t i = 0; i < LOCI__COUNT(suffixes); i++) {
    snprintf(aside, sizeof aside, "%s%s", path, suffixes[i]);
    unlink(aside);
  }
  fault_copy(start_path, path);
  if (!segment[0]) { /* its name is looked up once; the copy is made each time */
    char listing[200];
    snprintf(listing, sizeof listing, "ls %s.segments", start_path);
    FILE *list = popen(listing, "r");
    char name[100] = "";
    assert_non_null(list);
    assert_non_null(fgets(name, sizeof name, list));
    pclose(list);
    name[strcspn(name, "\n")] = 0;
    snprintf(segment, sizeof segment, "%s.segments/%s", start_path, name);
    snprintf(copy, sizeof copy, "%s.segments/%s", path, name);
    shell("mkdir -p %s.segments%s", path, "");
  }
  fault_copy(segment, copy);
}

/* ---- what must hold after any failure -------------------------------------------------------------- */

static void print_finding(void *user, const char *finding) {
  (void)user;
  print_message("finding: %s\n", finding);
}

typedef struct seen {
  int settled, again, new_ones;
} seen;

static loci_status see(void *arg, const loci__store_document *document, loci_error *error) {
  (void)error;
  seen *s = arg;
  s->settled += loci__starts_with(document->path, "/settled");
  s->new_ones += loci__starts_with(document->path, "/new");
  return LOCI_OK;
}

static seen look(loci__store *store) {
  loci_error error = {0};
  seen s = {0};
  assert_ok(loci__store_each_document(store, "", see, &s, &error), &error);
  return s;
}

/* Reopens without faults: sound, and before or after the scenario's transaction. */
static void expect_sound(bool committed, bool tried, const char *what, uint64_t n) {
  loci_error error = {0};
  loci__store *store;
  uint64_t n_findings = 0;
  assert_ok(loci__store_open(NULL, path, LOCI__STORE_WRITE, &store, &error), &error);
  assert_ok(loci__store_check(store, true, print_finding, NULL, &n_findings, &error), &error);
  seen s = look(store);
  bool before = s.settled == SETTLED && s.new_ones == 0, after = s.settled == SETTLED - 1 && s.new_ones == 2;
  if (n_findings || !(before || after) || (committed && !after) || (!tried && !before))
    fail_msg("%s at %llu: %llu findings, %d settled, %d new (%s)", what, (unsigned long long)n,
             (unsigned long long)n_findings, s.settled, s.new_ones, committed ? "committed" : "not committed");
  loci__store_close(store);
}

/* ---- scenarios ------------------------------------------------------------------------------------- */

typedef struct outcome {
  loci_status status;
  bool committed, tried;
  loci_error error;
} outcome;

static loci_status write_batch(loci__store *store, outcome *o) {
  loci_error *error = &o->error;
  bool found;
  LOCI__TRY(loci__store_begin_write(store, error));
  LOCI__TRY(put(store, "/new/1", 3, "new words", error));
  LOCI__TRY(put(store, "/new/2", 1, "more new words", error));
  LOCI__TRY(put(store, "/settled/01", 4, "settled words, other ones", error));
  LOCI__TRY(loci__store_find_document(store, "/settled/02", NULL, NULL, &found, error));
  LOCI__TRY(loci__store_remove(store, 3, error));
  o->tried = true;
  LOCI__TRY(loci__store_end(store, error));
  o->committed = true;
  return LOCI_OK;
}

static outcome index_scenario(loci_context *context) {
  outcome o = {0};
  loci__store *store = NULL;
  o.status = loci__store_open(context, path, LOCI__STORE_WRITE, &store, &o.error);
  if (o.status != LOCI_OK) return o;
  o.status = write_batch(store, &o);
  if (o.status != LOCI_OK) loci__store_rollback(store);
  if (o.status == LOCI_OK) o.status = loci__store_build_segments(store, true, &o.error);
  loci__store_close(store);
  return o;
}

static loci_status search(loci__store *store, loci_error *error) {
  float query[DIM] = {1, 2}, scores[128], vector[DIM];
  size_t best[2] = {0, 5}, n_matches;
  loci__store_rows rows;
  bool found;
  LOCI__TRY(loci__store_begin_read(store, error));
  LOCI__TRY(loci__store_get_rows(store, &rows, error));
  assert_int_equal(rows.n, 3 * SETTLED - 1);
  LOCI__TRY(loci__store_scan(store, query, scores, error));
  LOCI__TRY(loci__store_rescore(store, query, best, 2, scores, error));
  LOCI__TRY(loci__store_scan_text(store, "settled DOCUMENT \u4e1c\u4eac", 23, scores, &n_matches, error));
  assert_int_equal(n_matches, 3 * SETTLED - 1);
  LOCI__TRY(loci__store_get_chunk(store, rows.chunk_ids[1], NULL, NULL, &found, error));
  assert_true(found);
  LOCI__TRY(loci__store_get_vector(store, rows.chunk_ids[1], vector, &found, error));
  LOCI__TRY(loci__store_get_document(store, rows.document_ids[1], NULL, NULL, &found, error));
  assert_true(found);
  return loci__store_end(store, error);
}

static outcome search_scenario(loci_context *context) {
  outcome o = {0};
  loci__store *store = NULL;
  o.status = loci__store_open(context, path, LOCI__STORE_READ, &store, &o.error);
  if (o.status != LOCI_OK) return o;
  o.status = search(store, &o.error);
  if (o.status != LOCI_OK) {
    /* The failure has passed (or not): a second try on the same handle must not be worse than an error. */
    loci__store_rollback(store);
    (void)search(store, NULL);
  }
  loci__store_close(store);
  return o;
}

static outcome create_scenario(loci_context *context) {
  outcome o = {0};
  loci__store *store = NULL;
  o.status = loci__store_open(context, path, LOCI__STORE_CREATE, &store, &o.error);
  if (o.status == LOCI_OK) loci__store_close(store);
  return o;
}

static void sweep(const char *name, outcome (*scenario)(loci_context *), fault_kind kind, int err, uint64_t dense) {
  uint64_t total = 0, failures = 0;
  for (int sticky = 0; sticky <= 1; sticky++) {
    for (uint64_t n = 1;; n = fault_next(n, dense)) {
      restore_start();
      bool create = scenario == create_scenario;
      if (create) unlink(path);
      loci_context *context = fault_context_new(1);
      int64_t living = fault_living();
      fault_arm(kind, n, sticky != 0, err, NULL);
      outcome o = scenario(context);
      bool struck = fault_disarm();
      total++;
      failures += o.status != LOCI_OK;
      /* SQLite's own caches are filled once; ours leave nothing. */
      if (fault_living() != living)
        fail_msg("%s at %llu: %lld blocks leaked", name, (unsigned long long)n, (long long)(fault_living() - living));
      fault_context_free(context);
      if (o.status != LOCI_OK && (o.error.code != o.status || !o.error.message[0]))
        fail_msg("%s at %llu: status %d without an error", name, (unsigned long long)n, o.status);
      if (o.status != LOCI_OK && !struck) fail_msg("%s: fails without a fault: %s", name, o.error.message);
      if (kind == FAULT_MEMORY && o.status != LOCI_OK && o.status != LOCI_ERROR_MEMORY)
        fail_msg("%s at %llu: no memory gave '%s'", name, (unsigned long long)n, o.error.message);
      if (create) {
        loci__store *store;
        assert_ok(loci__store_open(NULL, path, LOCI__STORE_CREATE, &store, &o.error), &o.error);
        loci__store_close(store);
      } else {
        expect_sound(o.committed, o.tried, name, n);
      }
      if (!struck) break;
    }
  }
  print_message("%s: %llu runs, %llu of them failed as they should\n", name, (unsigned long long)total,
                (unsigned long long)failures);
  assert_true(failures > 0);
}

static void no_memory_while_indexing(void **state) {
  (void)state;
  sweep("index, memory", index_scenario, FAULT_MEMORY, 0, 60);
}

static void no_memory_while_searching(void **state) {
  (void)state;
  sweep("search, memory", search_scenario, FAULT_MEMORY, 0, 60);
}

static void no_memory_while_creating(void **state) {
  (void)state;
  sweep("create, memory", create_scenario, FAULT_MEMORY, 0, 60);
}

static void files_fail_while_indexing(void **state) {
  (void)state;
  sweep("index, EIO", index_scenario, FAULT_FILES, EIO, 60);
  sweep("index, ENOSPC", index_scenario, FAULT_FILES, ENOSPC, 60);
}

static void files_fail_while_searching(void **state) {
  (void)state;
  sweep("search, EIO", search_scenario, FAULT_FILES, EIO, 60);
}

static void files_fail_while_creating(void **state) {
  (void)state;
  sweep("create, EIO", create_scenario, FAULT_FILES, EIO, 60);
}

/* R9: full at some write, reads go on; then there is space again and the same handle goes on. */
static void a_full_disk_stops_writing_and_nothing_else(void **state) {
  (void)state;
  for (uint64_t n = 1;; n = fault_next(n, 10)) {
    restore_start();
    loci_context *context = fault_context_new(1);
    loci_error error = {0};
    loci__store *store, *reader;
    assert_ok(loci__store_open(context, path, LOCI__STORE_WRITE, &store, &error), &error);
    assert_ok(loci__store_open(context, path, LOCI__STORE_READ, &reader, &error), &error);
    outcome o = {0};
    fault_arm(FAULT_FILES, n, true, ENOSPC, "write");
    o.status = write_batch(store, &o);
    if (o.status != LOCI_OK) loci__store_rollback(store);
    loci_status built = loci__store_build_segments(store, true, &error);
    if (!o.committed) assert_ok(search(reader, &error), &error);
    bool struck = fault_disarm();
    if (!o.committed) {
      assert_int_equal(o.status, LOCI_ERROR_IO);
      o.status = write_batch(store, &o);
      assert_ok(o.status, &o.error);
    }
    if (struck && built != LOCI_OK) assert_int_equal(built, LOCI_ERROR_IO);
    assert_ok(loci__store_build_segments(store, true, &error), &error);
    loci__store_close(reader);
    loci__store_close(store);
    fault_context_free(context);
    expect_sound(true, true, "full disk", n);
    char pattern[200];
    snprintf(pattern, sizeof pattern, "%s.segments", path);
    shell("test -z \"$(find %s -name '*.tmp'%s)\"", pattern, "");
    if (!struck) break;
  }
}

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "%s", test_folder());
  snprintf(start_path, sizeof start_path, "%s/start.db", folder);
  snprintf(path, sizeof path, "%s/work.db", folder);
  make_start();
  return 0;
}

int main(void) {
  fault_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_memory_while_indexing),
      cmocka_unit_test(no_memory_while_searching),
      cmocka_unit_test(no_memory_while_creating),
      cmocka_unit_test(files_fail_while_indexing),
      cmocka_unit_test(files_fail_while_searching),
      cmocka_unit_test(files_fail_while_creating),
      cmocka_unit_test(a_full_disk_stops_writing_and_nothing_else),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
