/* test_collection.c: files into a collection and out again, with tiny models whose weights are random: what is told here
 * is which files and passages are there and how many results come, not whether they are good (tests/quality).
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loci/collection.h"

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"

typedef struct fixture {
  loci_context *context;
  loci_collection *collection;
  char store[300], docs[300];
} fixture;

static const char *path_of(const char *folder, const char *name) {
  static char paths[16][600];
  static int turn;
  char path[sizeof paths[0]]; /* folder may be one of paths */
  char *out = paths[turn++ % 16];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return memcpy(out, path, sizeof path);
}

static void put(const char *path, const char *text) {
  test_write(path, text, strlen(text));
}

static void fixture_open(fixture *f) {
  const char *folder = test_folder();
  f->context = test_context_new(2, NULL);
  snprintf(f->store, sizeof f->store, "%s/store/collection.db", folder);
  snprintf(f->docs, sizeof f->docs, "%s/docs", folder);
  assert_int_equal(mkdir(f->docs, 0700), 0);
  loci_error error;
  assert_ok(loci_collection_open(f->context, f->store, LOCI_COLLECTION_CREATE, &f->collection, &error), &error);
}

static void fixture_close(fixture *f) {
  loci_error error;
  uint64_t n_findings = 1;
  assert_ok(loci_collection_check(f->collection, 1, NULL, NULL, &n_findings, &error), &error);
  assert_int_equal(n_findings, 0);
  loci_collection_close(f->collection);
  test_context_free(f->context);
}

static loci_index_report index_paths(fixture *f, const char *const *paths, size_t n, loci_index_options *options) {
  loci_index_options own;
  loci_index_report report;
  loci_error error;
  if (options == NULL) {
    loci_index_options_init(&own);
    own.model = MODELS "static-tiny";
    options = &own;
  }
  assert_ok(loci_collection_index(f->collection, paths, n, options, &report, &error), &error);
  return report;
}

static loci_index_report index_docs(fixture *f) {
  const char *paths[] = {f->docs};
  return index_paths(f, paths, 1, NULL);
}

static loci_collection_status status_of(fixture *f, int look) {
  loci_collection_status status = {.struct_size = sizeof status};
  loci_error error;
  assert_ok(loci_collection_get_status(f->collection, look, &status, &error), &error);
  return status;
}

static loci_results search(fixture *f, const char *query, const loci_search_options *options) {
  loci_results results;
  loci_error error;
  assert_ok(loci_collection_search(f->collection, query, strlen(query), options, &results, &error), &error);
  return results;
}

static size_t count(fixture *f, const char *query, const loci_search_options *options) {
  loci_results results = search(f, query, options);
  size_t n = results.n;
  for (size_t i = 0; i < n; i++) {
    assert_int_equal(results.items[i].rank, i + 1);
    if (i > 0) assert_true(results.items[i - 1].score >= results.items[i].score);
  }
  loci_results_release(&results);
  return n;
}

/* ---- synchronising ------------------------------------------------------------------------------------- */

static void assert_report(loci_index_report r, uint64_t n_new, uint64_t changed, uint64_t unchanged, uint64_t gone,
                          uint64_t skipped) {
  assert_int_equal(r.n_new, n_new);
  assert_int_equal(r.n_changed, changed);
  assert_int_equal(r.n_unchanged, unchanged);
  assert_int_equal(r.n_gone, gone);
  assert_int_equal(r.n_skipped, skipped);
}

static void test_sync(void **state) {
  (void)state;
  fixture f;
  fixture_open(&f);
  put(path_of(f.docs, "a.txt"), "the first apple\n\nis green\n");
  put(path_of(f.docs, "b.txt"), "the second banana\n");
  put(path_of(f.docs, "c.txt"), "a third cherry\n");
  test_write(path_of(f.docs, "d.bin"), "\0\1\2\3\0\0\0\xFF\xFE\0", 10);
  assert_report(index_docs(&f), 4, 0, 0, 0, 1);
  assert_report(index_docs(&f), 0, 0, 4, 0, 1);

  /* Same content, another time: nothing is embedded. */
  put(path_of(f.docs, "b.txt"), "the second banana\n");
  loci_index_report report = index_docs(&f);
  assert_int_equal(report.n_changed + report.n_chunks, 0);
  assert_int_equal(report.n_unchanged, 4);

  put(path_of(f.docs, "b.txt"), "the second blueberry\n");
  put(path_of(f.docs, "e.txt"), "a fifth elderberry\n");
  assert_int_equal(unlink(path_of(f.docs, "c.txt")), 0);
  loci_collection_status status = status_of(&f, 1);
  assert_int_equal(status.n_files_new, 1);
  assert_int_equal(status.n_files_changed, 1);
  assert_int_equal(status.n_files_gone, 1);

  loci_index_options options;
  loci_index_options_init(&options);
  options.dry_run = 1;
  const char *paths[] = {f.docs};
  assert_report(index_paths(&f, paths, 1, &options), 1, 1, 2, 1, 1);
  status = status_of(&f, 1);
  assert_int_equal(status.n_files_gone, 1);

  assert_report(index_paths(&f, NULL, 0, NULL), 1, 1, 2, 1, 1);
  loci_search_options text;
  loci_search_options_init(&text);
  text.mode = LOCI_SEARCH_TEXT;
  assert_int_equal(count(&f, "blueberry", &text), 1);
  assert_int_equal(count(&f, "banana", &text), 0);
  assert_int_equal(count(&f, "cherry", &text), 0);
  assert_int_equal(count(&f, "green", &text), 1);
  status = status_of(&f, 1);
  assert_int_equal(status.n_files_new + status.n_files_changed + status.n_files_gone, 0);
  assert_int_equal(status.n_roots, 1);
  assert_string_equal(status.roots[0], f.docs);
  fixture_close(&f);
}

static void test_roots(void **state) {
  (void)state;
  fixture f;
  fixture_open(&f);
  const char *sub = path_of(f.docs, "sub"), *hidden = path_of(f.docs, "drafts");
  assert_int_equal(mkdir(sub, 0700), 0);
  assert_int_equal(mkdir(hidden, 0700), 0);
  put(path_of(f.docs, "a.txt"), "apple\n");
  put(path_of(sub, "b.txt"), "banana\n");
  put(path_of(hidden, "c.txt"), "cherry\n");
  put(path_of(f.docs, ".lociignore"), "drafts/\n");
  assert_report(index_docs(&f), 2, 0, 0, 0, 0);

  /* A folder below a root is a part of it, and what is outside is left alone. */
  put(path_of(f.docs, "a.txt"), "apricot\n");
  put(path_of(sub, "b.txt"), "blackberry\n");
  const char *paths[] = {sub};
  assert_report(index_paths(&f, paths, 1, NULL), 0, 1, 0, 0, 0);
  assert_int_equal(status_of(&f, 0).n_roots, 1);
  assert_report(index_docs(&f), 0, 1, 1, 0, 0);

  /* What the root's rules hide becomes a root of its own when it is asked for, and then stays. */
  paths[0] = hidden;
  assert_report(index_paths(&f, paths, 1, NULL), 1, 0, 0, 0, 0);
  assert_int_equal(status_of(&f, 0).n_roots, 2);
  assert_report(index_paths(&f, NULL, 0, NULL), 0, 0, 3, 0, 0);
  assert_report(index_docs(&f), 0, 0, 3, 0, 0);

  /* A root that is empty, or not there, forgets nothing. */
  char away[400];
  snprintf(away, sizeof away, "%s.away", f.docs);
  assert_int_equal(rename(f.docs, away), 0);
  assert_report(index_paths(&f, NULL, 0, NULL), 0, 0, 0, 0, 0);
  assert_int_equal(mkdir(f.docs, 0700), 0);
  assert_report(index_paths(&f, NULL, 0, NULL), 0, 0, 0, 0, 0);
  assert_int_equal(status_of(&f, 0).n_documents, 3);
  loci_error error;
  paths[0] = path_of(f.docs, "nowhere");
  assert_int_equal(loci_collection_index(f.collection, paths, 1, NULL, NULL, &error), LOCI_ERROR_NOT_FOUND);
  assert_int_equal(rmdir(f.docs), 0);
  assert_int_equal(rename(away, f.docs), 0);
  assert_int_equal(unlink(path_of(sub, "b.txt")), 0);
  assert_report(index_paths(&f, NULL, 0, NULL), 0, 0, 2, 1, 0);

  uint64_t n = 0;
  assert_ok(loci_collection_forget(f.collection, hidden, &n, &error), &error);
  assert_int_equal(n, 1);
  assert_int_equal(status_of(&f, 0).n_roots, 1);
  assert_ok(loci_collection_forget(f.collection, "a.txt", &n, &error), &error);
  assert_int_equal(n, 1);
  assert_int_equal(loci_collection_forget(f.collection, "a.txt", &n, &error), LOCI_ERROR_NOT_FOUND);
  fixture_close(&f);
}

/* --exclude is remembered: a run without it, and `status`, see the same files. */
static void test_exclude_is_kept(void **state) {
  (void)state;
  fixture f;
  fixture_open(&f);
  put(path_of(f.docs, "a.txt"), "apple\n");
  put(path_of(f.docs, "b.log"), "banana\n");
  const char *paths[] = {f.docs}, *exclude[] = {"*.log"};
  loci_index_options options;
  loci_index_options_init(&options);
  options.model = MODELS "static-tiny";
  options.exclude = exclude;
  options.n_exclude = 1;
  assert_report(index_paths(&f, paths, 1, &options), 1, 0, 0, 0, 0);
  assert_report(index_paths(&f, NULL, 0, NULL), 0, 0, 1, 0, 0);
  assert_int_equal(status_of(&f, 1).n_files_new, 0);
  fixture_close(&f);
}

typedef struct cancel_after {
  uint64_t n_files;
  uint64_t seen;
} cancel_after;

static int cancel(void *user, const loci_progress *progress) {
  cancel_after *c = user;
  c->seen = progress->done;
  return strcmp(progress->stage, "indexing") == 0 && progress->done >= c->n_files;
}

static void test_cancel_and_go_on(void **state) {
  (void)state;
  fixture f;
  fixture_open(&f);
  char name[32], text[64];
  for (int i = 0; i < 200; i++) {
    snprintf(name, sizeof name, "f%03d.txt", i);
    snprintf(text, sizeof text, "document number%d of many\n", i);
    put(path_of(f.docs, name), text);
  }
  cancel_after after = {.n_files = 64};
  loci_index_options options;
  loci_index_options_init(&options);
  options.model = MODELS "static-tiny";
  options.progress = cancel;
  options.progress_user = &after;
  const char *paths[] = {f.docs};
  loci_error error;
  loci_index_report report;
  assert_int_equal(loci_collection_index(f.collection, paths, 1, &options, &report, &error), LOCI_ERROR_CANCELLED);
  uint64_t kept = status_of(&f, 0).n_documents;
  assert_int_equal(kept, report.n_new);
  assert_true(kept >= 64 && kept <= 200);
  report = index_docs(&f);
  assert_int_equal(report.n_new, 200 - kept);
  assert_int_equal(report.n_unchanged, kept);
  fixture_close(&f);
}

/* A file that moves, and the untouched passages of one that changes, are not embedded again (by an encoder). */
static void test_vectors_are_reused(void **state) {
  (void)state;
  fixture f;
  fixture_open(&f);
  loci_index_options options;
  loci_index_options_init(&options);
  options.model = MODELS "bge-tiny-en";
  const char *paths[] = {f.docs};
  put(path_of(f.docs, "a.txt"), "apple pie and more of it\n");
  loci_index_report report = index_paths(&f, paths, 1, &options);
  assert_true(report.n_tokens > 0);
  loci_results before = search(&f, "pie", NULL), after;
  assert_int_equal(before.n, 1);
  assert_int_equal(rename(path_of(f.docs, "a.txt"), path_of(f.docs, "z.txt")), 0);
  report = index_paths(&f, paths, 1, &options);
  assert_report(report, 1, 0, 0, 1, 0);
  assert_int_equal(report.n_tokens, 0);
  assert_int_equal(report.n_chunks, 1);
  after = search(&f, "pie", NULL);
  assert_int_equal(after.n, 1);
  assert_true(before.items[0].cosine == after.items[0].cosine);
  assert_string_equal(strrchr(after.items[0].path, '/'), "/z.txt");
  loci_results_release(&before);
  loci_results_release(&after);
  fixture_close(&f);
}

/* ---- searching ------------------------------------------------------------------------------------------- */

static void fill(fixture *f) {
  char name[32], text[256];
  for (int i = 0; i < 40; i++) {
    snprintf(name, sizeof name, "f%02d.%s", i, i % 4 == 0 ? "md.txt" : "txt");
    snprintf(text, sizeof text, "%s thing number%d stands here\n\nwith another%d line that says%d more\n",
             i % 2 ? "odd" : "even", i, i, i);
    put(path_of(f->docs, name), text);
  }
  static const char copy[] = "one passage that three files share: it is long enough to be told apart from a phrase\n";
  put(path_of(f->docs, "copy1.txt"), copy);
  put(path_of(f->docs, "copy2.txt"), copy);
  put(path_of(f->docs, "copy3.txt"), copy);
  index_docs(f);
}

static void test_number_of_results(void **state) {
  (void)state;
  fixture f;
  fixture_open(&f);
  fill(&f);
  uint64_t n_chunks = status_of(&f, 0).n_chunks;
  loci_search_options o;
  static const size_t limits[] = {0, 1, 2, 5, 41, 42, 1000};
  for (int mode = LOCI_SEARCH_HYBRID; mode <= LOCI_SEARCH_VECTOR; mode++) {
    for (size_t i = 0; i < LOCI__COUNT(limits); i++) {
      loci_search_options_init(&o);
      o.mode = (loci_search_mode)mode;
      o.limit = limits[i];
      size_t expected = limits[i] < 41 ? limits[i] : 41; /* 40 documents and one for the three copies */
      assert_int_equal(count(&f, "odd thing number7", &o), expected);
      o.fusion = LOCI_FUSION_RRF;
      assert_int_equal(count(&f, "odd thing number7", &o), expected);
      o.all = 1;
      assert_int_equal(count(&f, "odd thing number7", &o), limits[i] < n_chunks ? limits[i] : n_chunks);
    }
  }
  loci_search_options_init(&o);
  o.mode = LOCI_SEARCH_TEXT;
  o.limit = 100;
  assert_int_equal(count(&f, "odd", &o), 20);
  assert_int_equal(count(&f, "even odd", &o), 40);
  assert_int_equal(count(&f, "passage", &o), 1);
  assert_int_equal(count(&f, "nosuchword", &o), 0);
  o.all = 1;
  assert_int_equal(count(&f, "passage", &o), 3);
  o.all = 0;
  o.path_glob = "*.md.txt";
  assert_int_equal(count(&f, "even odd", &o), 10);
  o.mode = LOCI_SEARCH_HYBRID;
  assert_int_equal(count(&f, "even odd", &o), 10);
  o.path_glob = "docs/f0*";
  assert_int_equal(count(&f, "even odd", &o), 10);
  o.path_glob = "!docs/f0*";
  assert_int_equal(count(&f, "even odd", &o), 31);
  o.path_glob = "/nowhere/**";
  assert_int_equal(count(&f, "even odd", &o), 0);
  fixture_close(&f);
}

static void test_result_fields(void **state) {
  (void)state;
  fixture f;
  fixture_open(&f);
  fill(&f);
  loci_search_options o;
  loci_search_options_init(&o);
  o.explain = 1;
  loci_results results = search(&f, "number7 another7", &o);
  assert_int_equal(results.n, 10);
  const loci_result *first = &results.items[0];
  assert_string_equal(strrchr(first->path, '/'), "/f07.txt");
  assert_true(first->line_start >= 1 && first->line_end <= 3);
  assert_true(first->bm25 > 0 && first->rank_text >= 1 && first->rank_text <= 2);
  for (size_t i = 0; i < results.n; i++) {
    const loci_result *r = &results.items[i];
    assert_true(r->cosine >= -1.001 && r->cosine <= 1.001);
    assert_true(r->cosine_percentile >= 0 && r->cosine_percentile <= 100);
    assert_true(r->rank_vector >= 1 && r->rank_vector <= results.n_rows);
    assert_true(fabs(r->score - r->cosine_standard - r->bm25_standard) < 1e-9);
    assert_true(r->best_start + r->best_length <= strlen(r->text));
    assert_true(r->best_length > 0);
  }
  loci_results_release(&results);
  o.mode = LOCI_SEARCH_TEXT;
  o.explain = 0;
  results = search(&f, "three files", &o);
  assert_int_equal(results.n, 1);
  assert_int_equal(results.items[0].n_folded, 2);
  assert_string_equal(strrchr(results.items[0].path, '/'), "/copy1.txt"); /* ties: by path */
  assert_true(isnan(results.items[0].cosine));
  loci_results_release(&results);
  loci_error error;
  assert_int_equal(loci_collection_search(f.collection, " \n", 2, NULL, &results, &error), LOCI_ERROR_USAGE);
  assert_int_equal(results.n, 0);
  fixture_close(&f);
}

/* What segments hold is rescored from the record: they change nothing but time. */
static void test_segments_change_nothing(void **state) {
  (void)state;
  fixture f;
  fixture_open(&f);
  fill(&f);
  loci_search_options o;
  loci_search_options_init(&o);
  o.mode = LOCI_SEARCH_VECTOR;
  loci_results before = search(&f, "odd thing number7", &o);
  loci_error error;
  assert_ok(loci_collection_reindex(f.collection, NULL, NULL, &error), &error); /* makes a segment of all rows */
  loci_results after = search(&f, "odd thing number7", &o);
  assert_int_equal(before.n, after.n);
  for (size_t i = 0; i < before.n; i++) {
    assert_string_equal(before.items[i].path, after.items[i].path);
    assert_true(before.items[i].score == after.items[i].score);
  }
  loci_results_release(&before);
  loci_results_release(&after);
  fixture_close(&f);
}

static void test_similar_and_get(void **state) {
  (void)state;
  fixture f;
  fixture_open(&f);
  fill(&f);
  loci_error error;
  loci_results results;
  loci_search_options o;
  loci_search_options_init(&o);
  o.limit = 100;
  assert_ok(loci_collection_similar(f.collection, "copy1.txt", 1, &o, &results, &error), &error);
  assert_int_equal(results.n, 41); /* everything but the document itself; its two copies are one */
  assert_string_equal(strrchr(results.items[0].path, '/'), "/copy2.txt");
  assert_true(fabs(results.items[0].cosine - 1.0) < 1e-5);
  assert_int_equal(results.items[0].n_folded, 1);
  loci_results_release(&results);

  assert_ok(loci_collection_get(f.collection, "docs/f07.txt", 0, &results, &error), &error);
  assert_true(results.n >= 1);
  assert_non_null(strstr(results.items[0].text, "number7"));
  loci_results_release(&results);
  assert_ok(loci_collection_get(f.collection, path_of(f.docs, "f07.txt"), 3, &results, &error), &error);
  assert_int_equal(results.n, 1);
  assert_non_null(strstr(results.items[0].text, "another7"));
  loci_results_release(&results);
  assert_int_equal(loci_collection_get(f.collection, "f07.txt", 99, &results, &error), LOCI_ERROR_NOT_FOUND);
  assert_int_equal(loci_collection_get(f.collection, "f99.txt", 0, &results, &error), LOCI_ERROR_NOT_FOUND);
  assert_int_equal(mkdir(path_of(f.docs, "x"), 0700), 0);
  put(path_of(f.docs, "x/f07.txt"), "another file of this name\n");
  put(path_of(f.docs, "x/deep.txt"), "a file found by its tail\n");
  index_docs(&f);
  assert_ok(loci_collection_get(f.collection, "deep.txt", 0, &results, &error), &error);
  loci_results_release(&results);
  assert_int_equal(loci_collection_get(f.collection, "nowhere/deep.txt", 0, &results, &error), LOCI_ERROR_NOT_FOUND);
  fixture_close(&f);
}

/* ---- models ------------------------------------------------------------------------------------------------ */

static void test_other_models_are_refused(void **state) {
  (void)state;
  fixture f;
  fixture_open(&f);
  fill(&f);
  loci_error error;
  loci_results results;
  loci_search_options o;
  loci_search_options_init(&o);
  o.model = MODELS "bge-tiny-en";
  assert_int_equal(loci_collection_search(f.collection, "odd", 3, &o, &results, &error), LOCI_ERROR_MISMATCH);
  assert_non_null(strstr(error.message, "static-tiny"));
  assert_non_null(strstr(error.message, "loci reindex -m " MODELS "bge-tiny-en"));
  loci_index_options options;
  loci_index_options_init(&options);
  options.model = MODELS "bge-tiny-en";
  const char *paths[] = {f.docs};
  assert_int_equal(loci_collection_index(f.collection, paths, 1, &options, NULL, &error), LOCI_ERROR_MISMATCH);
  assert_int_equal(count(&f, "odd", NULL), 10); /* the collection's own model is still at hand */

  loci_index_report report;
  assert_ok(loci_collection_reindex(f.collection, &options, &report, &error), &error);
  assert_int_equal(report.n_chunks, status_of(&f, 0).n_chunks);
  assert_string_equal(status_of(&f, 0).model, MODELS "bge-tiny-en");
  assert_int_equal(count(&f, "odd", &o), 10);
  o.model = MODELS "static-tiny";
  assert_int_equal(loci_collection_search(f.collection, "odd", 3, &o, &results, &error), LOCI_ERROR_MISMATCH);
  assert_int_equal(count(&f, "odd", NULL), 10);
  fixture_close(&f);
}

static void test_empty_collection(void **state) {
  (void)state;
  fixture f;
  fixture_open(&f);
  assert_int_equal(count(&f, "anything", NULL), 0);
  loci_collection_status status = status_of(&f, 1);
  assert_int_equal(status.n_documents + status.n_roots + status.n_files_new, 0);
  assert_string_equal(status.model, "");
  assert_report(index_docs(&f), 0, 0, 0, 0, 0);
  assert_int_equal(count(&f, "anything", NULL), 0);
  fixture_close(&f);
  loci_collection *collection = NULL;
  loci_error error;
  loci_context *context = test_context_new(1, NULL);
  assert_int_equal(loci_collection_open(context, "/nowhere/at/all.db", LOCI_COLLECTION_READ, &collection, &error),
                   LOCI_ERROR_NOT_FOUND);
  assert_null(collection);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sync),
      cmocka_unit_test(test_roots),
      cmocka_unit_test(test_exclude_is_kept),
      cmocka_unit_test(test_cancel_and_go_on),
      cmocka_unit_test(test_vectors_are_reused),
      cmocka_unit_test(test_number_of_results),
      cmocka_unit_test(test_result_fields),
      cmocka_unit_test(test_segments_change_nothing),
      cmocka_unit_test(test_similar_and_get),
      cmocka_unit_test(test_other_models_are_refused),
      cmocka_unit_test(test_empty_collection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
