/* test_collection_faults.c: every n-th allocation and every n-th file call of `index` and `search` fails (R3, R4), and
 * the disk is full (R9). Whatever fails: an error or a file that is left for later, nothing leaked, no document lost
 * whose file is there, and a run without faults brings the collection in step.
 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault_support.h"
#include "loci/collection.h"

#define MODEL LOCI_SOURCE_DIR "/tests/golden/models/static-tiny"

static char folder[64], docs[128], start_path[128], path[128];

static void shell(const char *format, ...) {
  char command[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(command, sizeof command, format, arguments);
  va_end(arguments);
  assert_int_equal(system(command), 0);
}

static void put_file(const char *name, const char *text) {
  char file[256];
  snprintf(file, sizeof file, "%s/%s", docs, name);
  test_write(file, text, strlen(text));
}

static loci_status index_docs(loci_collection *collection, loci_index_report *report, loci_error *error) {
  loci_index_options options;
  loci_index_options_init(&options);
  options.model = MODEL;
  const char *paths[] = {docs};
  return loci_collection_index(collection, paths, 1, &options, report, error);
}

static loci_collection *open_collection(const char *where, int mode) {
  loci_error error = {0};
  loci_collection *collection = NULL;
  assert_ok(loci_collection_open(NULL, where, mode, &collection, &error), &error);
  return collection;
}

/* Five files, all in a segment; then one changes, one goes, one comes. */
static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "%s", test_folder());
  snprintf(docs, sizeof docs, "%s/docs", folder);
  snprintf(start_path, sizeof start_path, "%s/start.db", folder);
  snprintf(path, sizeof path, "%s/work.db", folder);
  assert_int_equal(mkdir(docs, 0700), 0);
  put_file("0.txt", "zero stays as it is\n");
  put_file("1.txt", "one is old\n");
  put_file("2.txt", "two will go\n");
  put_file("3.txt", "three stays, too\n");
  put_file("4.txt", "four and the last\n\nof the five files\n");
  loci_error error = {0};
  loci_collection *collection = open_collection(start_path, LOCI_COLLECTION_CREATE);
  assert_ok(index_docs(collection, NULL, &error), &error);
  assert_ok(loci_collection_reindex(collection, NULL, NULL, &error), &error);
  loci_collection_close(collection);
  put_file("1.txt", "one is a new text now\n");
  put_file("5.txt", "five has come\n");
  shell("rm %s/2.txt", docs);
  return 0;
}

static void restore_start(void) {
  shell("rm -rf %s* && cp %s %s && cp -r %s.segments %s.segments", path, start_path, path, start_path, path);
}

/* ---- what must hold --------------------------------------------------------------------------------------- */

static void print_finding(void *user, const char *finding) {
  (void)user;
  print_message("finding: %s\n", finding);
}

/* The text of a document, or "" when it is not there. */
static const char *text_of(loci_collection *collection, const char *name) {
  static char text[128];
  char file[256];
  loci_results results;
  loci_error error = {0};
  snprintf(file, sizeof file, "%s/%s", docs, name);
  loci_status status = loci_collection_get(collection, file, 1, &results, &error);
  if (status == LOCI_ERROR_NOT_FOUND) return "";
  assert_ok(status, &error);
  snprintf(text, sizeof text, "%s", results.items[0].text);
  loci_results_release(&results);
  return text;
}

static bool is_one_of(const char *text, const char *a, const char *b) {
  return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static void expect_sound(const char *what, uint64_t n, bool finished) {
  loci_error error = {0};
  uint64_t n_findings = 0;
  loci_collection *collection = open_collection(path, LOCI_COLLECTION_WRITE);
  assert_ok(loci_collection_check(collection, 1, print_finding, NULL, &n_findings, &error), &error);
  bool is_kept = strcmp(text_of(collection, "0.txt"), "zero stays as it is") == 0 &&
                 strcmp(text_of(collection, "3.txt"), "three stays, too") == 0 && *text_of(collection, "4.txt") != '\0';
  bool is_between = is_one_of(text_of(collection, "1.txt"), "one is old", "one is a new text now") &&
                    is_one_of(text_of(collection, "2.txt"), "two will go", "") &&
                    is_one_of(text_of(collection, "5.txt"), "five has come", "");
  if (n_findings || !is_kept || !is_between) {
    fail_msg("%s at %llu: %llu findings, kept %d, between %d", what, (unsigned long long)n,
             (unsigned long long)n_findings, is_kept, is_between);
  }
  if (!finished) assert_ok(index_docs(collection, NULL, &error), &error);
  assert_string_equal(text_of(collection, "1.txt"), "one is a new text now");
  assert_string_equal(text_of(collection, "2.txt"), "");
  assert_string_equal(text_of(collection, "5.txt"), "five has come");
  loci_collection_close(collection);
}

/* ---- scenarios ---------------------------------------------------------------------------------------------- */

typedef struct outcome {
  loci_status status;
  bool finished; /* no file was left for later */
  loci_error error;
} outcome;

static outcome index_scenario(loci_context *context) {
  outcome o = {0};
  loci_collection *collection = NULL;
  loci_index_report report = {0};
  o.status = loci_collection_open(context, path, LOCI_COLLECTION_WRITE, &collection, &o.error);
  if (o.status != LOCI_OK) return o;
  o.status = index_docs(collection, &report, &o.error);
  o.finished = o.status == LOCI_OK && report.n_new == 1 && report.n_changed == 1 && report.n_gone == 1;
  if (o.status == LOCI_OK && !o.finished) assert_true(report.n_skipped > 0 || report.n_seen < 5);
  loci_collection_close(collection);
  return o;
}

static char expected[512]; /* what an undisturbed search gives */

static outcome search_scenario(loci_context *context) {
  outcome o = {.finished = true};
  loci_collection *collection = NULL;
  o.status = loci_collection_open(context, path, LOCI_COLLECTION_READ, &collection, &o.error);
  if (o.status != LOCI_OK) return o;
  loci_results results = {0};
  loci_search_options options;
  loci_search_options_init(&options);
  options.explain = 1;
  for (int attempt = 0; attempt < 2; attempt++) { /* after a failure the handle can be used again */
    loci_error error = {0};
    loci_status status = loci_collection_search(collection, "the last of the five", 20, &options, &results, &error);
    if (attempt == 0) {
      o.status = status;
      o.error = error;
    }
    if (status == LOCI_OK) {
      char got[512] = "";
      for (size_t i = 0; i < results.n; i++) {
        size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s %d|", strrchr(results.items[i].path, '/'),
                 (int)(results.items[i].score * 1000));
      }
      if (expected[0] == '\0') memcpy(expected, got, sizeof got);
      assert_string_equal(got, expected);
      loci_results_release(&results);
      break;
    }
    assert_null(results.owner);
  }
  loci_collection_close(collection);
  return o;
}

static void sweep(const char *name, outcome (*scenario)(loci_context *), fault_kind kind, int err, uint64_t dense) {
  uint64_t total = 0, failures = 0;
  for (int sticky = 0; sticky <= 1; sticky++) {
    for (uint64_t n = 1;; n = fault_next(n, dense)) {
      if (scenario == index_scenario) restore_start();
      int64_t living = fault_living(); /* SQLite's: set_up has filled what it keeps */
      loci_context *context = fault_context_new(1);
      fault_arm(kind, n, sticky != 0, err, NULL);
      outcome o = scenario(context);
      bool struck = fault_disarm();
      total++;
      failures += o.status != LOCI_OK;
      fault_context_free(context); /* with its pool, which was made on first use */
      if (fault_living() != living) {
        fail_msg("%s at %llu: %lld blocks leaked", name, (unsigned long long)n, (long long)(fault_living() - living));
      }
      if (o.status != LOCI_OK && (o.error.code != o.status || !o.error.message[0])) {
        fail_msg("%s at %llu: status %d without an error", name, (unsigned long long)n, (int)o.status);
      }
      if (o.status != LOCI_OK && !struck) fail_msg("%s: fails without a fault: %s", name, o.error.message);
      if (kind == FAULT_MEMORY && o.status != LOCI_OK && o.status != LOCI_ERROR_MEMORY) {
        fail_msg("%s at %llu: no memory gave '%s'", name, (unsigned long long)n, o.error.message);
      }
      if (scenario == index_scenario) expect_sound(name, n, o.finished);
      if (!struck) break;
    }
  }
  print_message("%s: %llu runs, %llu of them failed as they should\n", name, (unsigned long long)total,
                (unsigned long long)failures);
  assert_true(failures > 0);
}

static void no_memory_while_indexing(void **state) {
  (void)state;
  sweep("index, memory", index_scenario, FAULT_MEMORY, 0, 40);
}

static void no_memory_while_searching(void **state) {
  (void)state;
  restore_start();
  sweep("search, memory", search_scenario, FAULT_MEMORY, 0, 100);
}

static void files_fail_while_indexing(void **state) {
  (void)state;
  sweep("index, EIO", index_scenario, FAULT_FILES, EIO, 60);
  sweep("index, ENOSPC", index_scenario, FAULT_FILES, ENOSPC, 30);
}

static void files_fail_while_searching(void **state) {
  (void)state;
  restore_start();
  sweep("search, EIO", search_scenario, FAULT_FILES, EIO, 100);
}

/* R9: full at some write; reads go on; with space again the same handle goes on. */
static void a_full_disk_stops_writing_and_nothing_else(void **state) {
  (void)state;
  for (uint64_t n = 1;; n = fault_next(n, 10)) {
    restore_start();
    loci_context *context = fault_context_new(1);
    loci_error error = {0};
    loci_collection *writer = NULL, *reader = NULL;
    assert_ok(loci_collection_open(context, path, LOCI_COLLECTION_WRITE, &writer, &error), &error);
    assert_ok(loci_collection_open(context, path, LOCI_COLLECTION_READ, &reader, &error), &error);
    fault_arm(FAULT_FILES, n, true, ENOSPC, "write");
    loci_status status = index_docs(writer, NULL, &error);
    loci_results results;
    loci_error reading = {0};
    assert_ok(loci_collection_search(reader, "the last of the five", 20, NULL, &results, &reading), &reading);
    assert_true(results.n >= 4);
    loci_results_release(&results);
    bool struck = fault_disarm();
    if (status != LOCI_OK) {
      assert_int_equal(status, LOCI_ERROR_IO);
      assert_ok(index_docs(writer, NULL, &error), &error);
    }
    loci_collection_close(reader);
    loci_collection_close(writer);
    fault_context_free(context);
    expect_sound("full disk", n, true);
    shell("test -z \"$(find %s -name '*.tmp')\"", folder);
    if (!struck) break;
  }
}

int main(void) {
  fault_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_memory_while_indexing),
      cmocka_unit_test(no_memory_while_searching),
      cmocka_unit_test(files_fail_while_indexing),
      cmocka_unit_test(files_fail_while_searching),
      cmocka_unit_test(a_full_disk_stops_writing_and_nothing_else),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
