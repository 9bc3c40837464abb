/* test_store.c: the record against a model in memory: documents, rows, vectors, full text, segments, locks, damage. */
#include "support.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/index.h"
#include "store/store.h"

enum { DIM = 32 };
static const char fingerprint[33] = "0123456789abcdef0123456789abcdef";

static char *store_path(const char *name) {
  static char paths[8][256];
  static int turn;
  char *out = paths[turn++ % 8];
  snprintf(out, sizeof paths[0], "%s/%s", test_folder(), name);
  return out;
}

static loci__store *open_store(loci_context *context, const char *path, int mode) {
  loci_error error = {0};
  loci__store *store = NULL;
  assert_ok(loci__store_open(context, path, mode, &store, &error), &error);
  return store;
}

static void random_vector(loci__random *random, float *out) {
  double norm = 0;
  for (int j = 0; j < DIM; j++) {
    out[j] = (float)loci__random_normal(random);
    norm += out[j] * out[j];
  }
  for (int j = 0; j < DIM; j++) out[j] /= (float)sqrt(norm);
}

static void begin_write(loci__store *store) {
  loci_error error = {0};
  assert_ok(loci__store_begin_write(store, &error), &error);
}

static void begin_read(loci__store *store) {
  loci_error error = {0};
  assert_ok(loci__store_begin_read(store, &error), &error);
}

static void end(loci__store *store) {
  loci_error error = {0};
  assert_ok(loci__store_end(store, &error), &error);
}

static void set_model(loci__store *store) {
  loci_error error = {0};
  assert_ok(loci__store_set_model(store, fingerprint, "test", "query: ", DIM, &error), &error);
}

static int64_t put_texts(loci__store *store, const char *path, const char *const *texts, size_t n,
                         const float *vectors) {
  loci_error error = {0};
  loci__store_chunk chunks[64] = {{0}};
  float zeros[64 * DIM] = {0};
  assert_true(n <= 64);
  for (size_t i = 0; i < n; i++) {
    chunks[i].ordinal = (uint32_t)i;
    chunks[i].line_start = (uint32_t)(10 * i + 1);
    chunks[i].line_end = (uint32_t)(10 * i + 9);
    chunks[i].n_tokens = 7;
    chunks[i].heading = "";
    chunks[i].text = texts[i];
    chunks[i].text_length = strlen(texts[i]);
  }
  loci__store_document document = {.root_id = 1,
                                   .path = path,
                                   .title = "",
                                   .format = "text",
                                   .size = 10,
                                   .mtime_ns = 20,
                                   .hash = "00112233445566778899aabbccddeeff"};
  int64_t id = 0;
  assert_ok(loci__store_put(store, &document, chunks, n, vectors ? vectors : zeros, &id, &error), &error);
  assert_true(id > 0);
  return id;
}

static void print_finding(void *user, const char *finding) {
  (void)user;
  print_message("finding: %s\n", finding);
}

static uint64_t check(loci__store *store, bool deep) {
  loci_error error = {0};
  uint64_t n = 99;
  assert_ok(loci__store_check(store, deep, print_finding, NULL, &n, &error), &error);
  return n;
}

/* ---- opening -------------------------------------------------------------------------------------- */

static void expect_open(loci_context *context, const char *path, int mode, loci_status expected, const char *words) {
  loci_error error = {0};
  loci__store *store = NULL;
  loci_status status = loci__store_open(context, path, mode, &store, &error);
  if (status != expected) fail_msg("%s: status %d, not %d: %s", path, status, expected, error.message);
  assert_null(store);
  if (!strstr(error.message, words)) fail_msg("'%s' does not say '%s'", error.message, words);
}

static void run_sql(const char *path, const char *sql) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  char *message = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s: %s", sql, message);
  sqlite3_close(db);
}

static void opening_tells_what_is_wrong(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  char *path = store_path("a.db");
  expect_open(context, path, LOCI__STORE_READ, LOCI_ERROR_NOT_FOUND, "loci index");
  expect_open(context, path, LOCI__STORE_WRITE, LOCI_ERROR_NOT_FOUND, path);
  expect_open(context, test_folder(), LOCI__STORE_READ, LOCI_ERROR_FORMAT, "not a file");
  expect_open(context, "", LOCI__STORE_CREATE, LOCI_ERROR_USAGE, "empty");
  expect_open(context, NULL, LOCI__STORE_READ, LOCI_ERROR_USAGE, "memory");
  char junk[20000];
  memset(junk, 'x', sizeof junk);
  test_write(path, junk, sizeof junk);
  for (int mode = 0; mode <= 2; mode++) expect_open(context, path, mode, LOCI_ERROR_FORMAT, "not a loci collection");
  path = store_path("b.db");
  test_write(path, "", 0);
  expect_open(context, path, LOCI__STORE_READ, LOCI_ERROR_NOT_FOUND, "holds no collection");
  path = store_path("c.db");
  run_sql(path, "CREATE TABLE t(a); PRAGMA application_id = 77");
  for (int mode = 0; mode <= 2; mode++) expect_open(context, path, mode, LOCI_ERROR_FORMAT, "another program");
  path = store_path("c2.db");
  run_sql(path, "CREATE TABLE t(a)");
  expect_open(context, path, LOCI__STORE_CREATE, LOCI_ERROR_FORMAT, "another program");
  path = store_path("d.db");
  loci__store_close(open_store(context, path, LOCI__STORE_CREATE));
  run_sql(path, "PRAGMA user_version = 2");
  for (int mode = 0; mode <= 2; mode++) expect_open(context, path, mode, LOCI_ERROR_FORMAT, "newer loci");
  test_context_free(context);
}

static void a_new_store_is_laid_out_as_designed(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  char path[300];
  snprintf(path, sizeof path, "%s/deep/er/x.db", test_folder());
  loci__store_close(open_store(context, path, LOCI__STORE_CREATE));
  char wal[310];
  snprintf(wal, sizeof wal, "%s-wal", path);
  assert_int_not_equal(access(wal, F_OK), 0); /* a clean close leaves one file */
  sqlite3 *db;
  sqlite3_stmt *statement;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db,
                                      "SELECT page_size, (SELECT journal_mode FROM pragma_journal_mode)"
                                      " FROM pragma_page_size",
                                      -1, &statement, NULL),
                   SQLITE_OK);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  assert_int_equal(sqlite3_column_int(statement, 0), 8192);
  assert_string_equal((const char *)sqlite3_column_text(statement, 1), "wal");
  sqlite3_finalize(statement);
  sqlite3_close(db);
  /* Nothing is left registered with SQLite but its own. */
  assert_string_equal(sqlite3_vfs_find(NULL)->zName, "unix");
  for (sqlite3_vfs *vfs = sqlite3_vfs_find(NULL); vfs; vfs = vfs->pNext) assert_null(strstr(vfs->zName, "loci"));
  test_context_free(context);
}

/* ---- model, settings, roots ----------------------------------------------------------------------- */

static loci_status note_root(void *arg, int64_t id, const char *path, loci_error *error) {
  (void)id, (void)error;
  strcat(arg, path);
  strcat(arg, ";");
  return LOCI_OK;
}

static void model_settings_and_roots(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  char *path = store_path("a.db");
  loci__store *store = open_store(context, path, LOCI__STORE_CREATE);
  loci_error error = {0};
  loci__store_model model;
  assert_ok(loci__store_get_model(store, &model, &error), &error);
  assert_string_equal(model.fingerprint, "");
  assert_int_equal(loci__store_set_model(store, fingerprint, "m", "", 3, &error), LOCI_ERROR_USAGE);
  begin_write(store);
  set_model(store);
  assert_ok(loci__store_get_model(store, &model, &error), &error);
  assert_string_equal(model.fingerprint, fingerprint);
  assert_string_equal(model.query_prompt, "query: ");
  assert_int_equal(model.dim, DIM);
  assert_ok(loci__store_set_setting(store, "a", "1", &error), &error);
  assert_ok(loci__store_set_setting(store, "a", "2", &error), &error);
  assert_ok(loci__store_set_setting(store, "b", "3", &error), &error);
  assert_ok(loci__store_set_setting(store, "b", NULL, &error), &error);
  int64_t id1, id2, id3;
  assert_ok(loci__store_add_root(store, "/z", &id1, &error), &error);
  assert_ok(loci__store_add_root(store, "/a", &id2, &error), &error);
  assert_ok(loci__store_add_root(store, "/z", &id3, &error), &error);
  assert_int_equal(id1, id3);
  assert_int_not_equal(id1, id2);
  end(store);
  /* What is rolled back is gone. */
  begin_write(store);
  assert_ok(loci__store_set_model(store, (const char[33]){"ffffffffffffffffffffffffffffffff"}, "x", "", 5, &error),
            &error);
  loci__store_rollback(store);
  assert_ok(loci__store_get_model(store, &model, &error), &error);
  assert_string_equal(model.fingerprint, fingerprint);
  loci__store_close(store);
  store = open_store(context, path, LOCI__STORE_READ);
  assert_int_equal(loci__store_begin_write(store, &error), LOCI_ERROR_USAGE);
  char *value;
  assert_ok(loci__store_get_setting(store, "a", &value, &error), &error);
  assert_string_equal(value, "2");
  loci__free(context, value);
  assert_ok(loci__store_get_setting(store, "b", &value, &error), &error);
  assert_null(value);
  char roots[64] = "";
  assert_ok(loci__store_each_root(store, note_root, roots, &error), &error);
  assert_string_equal(roots, "/z;/a;");
  loci__store_close(store);
  test_context_free(context);
}

/* ---- documents ------------------------------------------------------------------------------------ */

static loci_status note_path(void *arg, const loci__store_document *document, loci_error *error) {
  (void)error;
  strcat(arg, document->path);
  strcat(arg, ";");
  return LOCI_OK;
}

static loci_status note_text(void *arg, const loci__store_chunk *chunk, loci_error *error) {
  (void)error;
  strncat(arg, chunk->text, chunk->text_length);
  strcat(arg, "|");
  return LOCI_OK;
}

static void expect_paths(loci__store *store, const char *prefix, const char *expected) {
  char got[512] = "";
  loci_error error = {0};
  assert_ok(loci__store_each_document(store, prefix, note_path, got, &error), &error);
  assert_string_equal(got, expected);
}

static void documents_come_and_go(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci__store *store = open_store(context, store_path("a.db"), LOCI__STORE_CREATE);
  loci_error error = {0};
  const char *two[] = {"first text", "second text"}, *one[] = {"other"};
  begin_write(store);
  loci__store_document document = {.path = "/d/x", .skipped = "binary"};
  assert_ok(loci__store_put(store, &document, NULL, 0, NULL, NULL, &error), &error); /* needs no model */
  set_model(store);
  int64_t a = put_texts(store, "/d/a", two, 2, NULL);
  put_texts(store, "/d", one, 1, NULL);
  put_texts(store, "/d-e", one, 1, NULL);
  put_texts(store, "/d0", one, 1, NULL);
  put_texts(store, "/d/a/b", one, 1, NULL);
  end(store);
  expect_paths(store, "", "/d;/d-e;/d/a;/d/a/b;/d/x;/d0;");
  expect_paths(store, "/", "/d;/d-e;/d/a;/d/a/b;/d/x;/d0;");
  expect_paths(store, "/d", "/d;/d/a;/d/a/b;/d/x;");
  expect_paths(store, "/d/a/", "/d/a;/d/a/b;");
  expect_paths(store, "/e", "");
  char text[128] = "";
  assert_ok(loci__store_each_chunk(store, a, note_text, text, &error), &error);
  assert_string_equal(text, "first text|second text|");
  begin_write(store);
  assert_int_equal(put_texts(store, "/d/a", one, 1, NULL), a); /* replaced: same document, new chunks */
  assert_ok(loci__store_touch(store, a, 5, 6, 7, &error), &error);
  end(store);
  text[0] = 0;
  assert_ok(loci__store_each_chunk(store, a, note_text, text, &error), &error);
  assert_string_equal(text, "other|");
  bool found;
  assert_ok(loci__store_find_document(store, "/d/a", NULL, NULL, &found, &error), &error);
  assert_true(found);
  assert_ok(loci__store_find_document(store, "/d/aa", NULL, NULL, &found, &error), &error);
  assert_false(found);
  loci__store_counts counts;
  assert_ok(loci__store_count(store, &counts, &error), &error);
  assert_int_equal(counts.n_documents, 5);
  assert_int_equal(counts.n_skipped, 1);
  assert_int_equal(counts.n_chunks, 5);
  begin_write(store);
  assert_ok(loci__store_remove(store, a, &error), &error);
  loci__store_rollback(store);
  assert_ok(loci__store_get_document(store, a, NULL, NULL, &found, &error), &error);
  assert_true(found);
  begin_write(store);
  assert_ok(loci__store_remove(store, a, &error), &error);
  end(store);
  assert_ok(loci__store_get_document(store, a, NULL, NULL, &found, &error), &error);
  assert_false(found);
  assert_int_equal(check(store, true), 0);
  loci__store_close(store);
  test_context_free(context);
}

static void refusals_do_not_cost_the_transaction(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci__store *store = open_store(context, NULL, LOCI__STORE_CREATE);
  loci_error error = {0};
  loci__store_document document = {.path = "/x"};
  loci__store_chunk chunk = {.text = "t", .text_length = 1};
  float vector[DIM] = {0};
  const char *one[] = {"fine"};
  assert_int_equal(loci__store_put(store, &document, &chunk, 1, vector, NULL, &error), LOCI_ERROR_USAGE);
  begin_write(store);
  assert_int_equal(loci__store_begin_read(store, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci__store_put(store, &document, &chunk, 1, vector, NULL, &error), LOCI_ERROR_USAGE); /* no model */
  set_model(store);
  put_texts(store, "/y", one, 1, NULL);
  vector[3] = NAN;
  assert_int_equal(loci__store_put(store, &document, &chunk, 1, vector, NULL, &error), LOCI_ERROR_FORMAT);
  assert_int_equal(loci__store_put(store, &document, &chunk, 1, NULL, NULL, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci__store_set_model(store, fingerprint, "", "", DIM, &error), LOCI_ERROR_USAGE);
  end(store);
  expect_paths(store, "", "/y;");
  assert_int_equal(check(store, true), 0);
  loci__store_close(store);
  test_context_free(context);
}

/* ---- rows and scans: the store against a list in memory -------------------------------------------- */

typedef struct model_row {
  int64_t chunk_id, document_id;
  float vector[DIM];
} model_row;

typedef struct model_document {
  int64_t id;
  char path[32];
  size_t n;
  model_row rows[8];
} model_document;

typedef struct world {
  loci__store *store;
  loci__random random;
  model_document documents[128];
  size_t n, n_paths;
  int64_t greatest_id;
} world;

typedef struct chunk_ids {
  int64_t ids[64];
  size_t n;
} chunk_ids;

static loci_status note_chunk_id(void *arg, const loci__store_chunk *chunk, loci_error *error) {
  (void)error;
  chunk_ids *ids = arg;
  ids->ids[ids->n++] = chunk->id;
  return LOCI_OK;
}

static void world_put(world *w) {
  static const char *const texts[] = {"alpha beta", "beta gamma", "gamma delta", "delta alpha",
                                      "epsilon",    "zeta alpha", "eta",         "theta beta"};
  size_t which = loci__random_below(&w->random, LOCI__COUNT(w->documents));
  if (which > w->n) which = w->n;
  model_document *d = &w->documents[which];
  if (which == w->n) {
    snprintf(d->path, sizeof d->path, "/doc/%zu", w->n_paths++);
    w->n++;
  }
  d->n = loci__random_below(&w->random, 8) + 1;
  float vectors[8 * DIM];
  for (size_t i = 0; i < d->n; i++) {
    random_vector(&w->random, vectors + i * DIM);
    memcpy(d->rows[i].vector, vectors + i * DIM, sizeof d->rows[i].vector);
  }
  d->id = put_texts(w->store, d->path, texts, d->n, vectors);
  chunk_ids ids = {.n = 0};
  loci_error error = {0};
  assert_ok(loci__store_each_chunk(w->store, d->id, note_chunk_id, &ids, &error), &error);
  assert_int_equal(ids.n, d->n);
  for (size_t i = 0; i < d->n; i++) {
    assert_true(ids.ids[i] > w->greatest_id); /* never used again */
    d->rows[i].chunk_id = w->greatest_id = ids.ids[i];
    d->rows[i].document_id = d->id;
  }
}

static void world_remove(world *w) {
  if (w->n == 0) return;
  size_t which = loci__random_below(&w->random, w->n);
  loci_error error = {0};
  assert_ok(loci__store_remove(w->store, w->documents[which].id, &error), &error);
  w->documents[which] = w->documents[--w->n];
}

static int compare_rows(const void *a, const void *b) {
  const model_row *x = *(const model_row *const *)a, *y = *(const model_row *const *)b;
  return (x->chunk_id > y->chunk_id) - (x->chunk_id < y->chunk_id);
}

static void world_compare(world *w, loci__store *store) {
  static const model_row *expected[1024];
  static float scores[1024];
  size_t n = 0;
  for (size_t i = 0; i < w->n; i++)
    for (size_t j = 0; j < w->documents[i].n; j++) expected[n++] = &w->documents[i].rows[j];
  qsort(expected, n, sizeof *expected, compare_rows);
  loci__store_rows rows;
  loci_error error = {0};
  begin_read(store);
  assert_ok(loci__store_get_rows(store, &rows, &error), &error);
  assert_int_equal(rows.n, n);
  float query[DIM];
  random_vector(&w->random, query);
  assert_ok(loci__store_scan(store, query, scores, &error), &error);
  for (size_t i = 0; i < n; i++) {
    assert_int_equal(rows.chunk_ids[i], expected[i]->chunk_id);
    assert_int_equal(rows.document_ids[i], expected[i]->document_id);
    double dot = 0;
    for (int j = 0; j < DIM; j++) dot += (double)query[j] * expected[i]->vector[j];
    if (fabs(scores[i] - dot) > 0.02) fail_msg("row %zu: %g instead of %g", i, (double)scores[i], dot);
    float exact;
    assert_ok(loci__store_rescore(store, query, &i, 1, &exact, &error), &error);
    assert_true(fabs(exact - dot) < 1e-5);
  }
  end(store);
}

static void random_operations_match_a_model(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  char *path = store_path("a.db");
  static world w;
  memset(&w, 0, sizeof w);
  loci__random_init(&w.random, 7);
  w.store = open_store(context, path, LOCI__STORE_CREATE);
  loci_error error = {0};
  begin_write(w.store);
  set_model(w.store);
  end(w.store);
  loci__store *reader = open_store(context, path, LOCI__STORE_READ);
  for (int round = 0; round < 150; round++) {
    uint64_t what = loci__random_below(&w.random, 20);
    if (what < 14) {
      begin_write(w.store);
      for (uint64_t n = loci__random_below(&w.random, 4); n-- > 0;) what < 9 ? world_put(&w) : world_remove(&w);
      end(w.store);
    } else if (what < 16) {
      static world before;
      before = w;
      begin_write(w.store);
      world_put(&w);
      world_remove(&w);
      loci__store_rollback(w.store);
      loci__random random = w.random;
      w = before; /* ids of a transaction that was undone may come again */
      w.random = random;
    } else if (what < 19) {
      assert_ok(loci__store_build_segments(w.store, what == 18 || round % 7 == 0, &error), &error);
    } else {
      loci__store_close(w.store);
      w.store = open_store(context, path, LOCI__STORE_WRITE);
    }
    world_compare(&w, round % 2 ? w.store : reader);
  }
  assert_int_equal(check(w.store, true), 0);
  assert_int_equal(check(reader, true), 0);
  loci__store_close(reader);
  loci__store_close(w.store);
  test_context_free(context);
}

/* ---- segments are a cache -------------------------------------------------------------------------- */

static char *first_segment(const char *path) {
  static char name[600];
  char command[700];
  snprintf(command, sizeof command, "ls %s.segments/*.seg", path);
  FILE *list = popen(command, "r");
  assert_non_null(list);
  name[0] = 0;
  if (!fgets(name, sizeof name, list)) name[0] = 0;
  pclose(list);
  name[strcspn(name, "\n")] = 0;
  return name;
}

static int count_segments(const char *path) {
  char command[700], line[600];
  int n = 0;
  snprintf(command, sizeof command, "ls %s.segments 2>/dev/null", path);
  FILE *list = popen(command, "r");
  assert_non_null(list);
  while (fgets(line, sizeof line, list)) n++;
  pclose(list);
  return n;
}

static int warnings;
static void count_warnings(void *user, loci_log_level level, const char *message) {
  (void)user, (void)message;
  warnings += level == LOCI_LOG_WARNING;
}

static loci_context *listening_context(void) {
  loci_context_options options;
  loci_context_options_init(&options);
  options.log = count_warnings;
  options.threads = 1;
  loci_context *context;
  loci_error error;
  assert_ok(loci_context_new(&options, &context, &error), &error);
  warnings = 0;
  return context;
}

static void damaged_segments_are_noticed_said_and_rebuilt(void **state) {
  (void)state;
  loci_context *context = listening_context();
  char *path = store_path("a.db");
  static world w;
  memset(&w, 0, sizeof w);
  loci__random_init(&w.random, 3);
  w.store = open_store(context, path, LOCI__STORE_CREATE);
  loci_error error = {0};
  begin_write(w.store);
  set_model(w.store);
  for (int i = 0; i < 40; i++) world_put(&w);
  end(w.store);
  assert_ok(loci__store_build_segments(w.store, true, &error), &error);
  begin_write(w.store);
  world_remove(&w);
  world_put(&w);
  end(w.store);
  world_compare(&w, w.store);
  assert_int_equal(warnings, 0);
  loci__store_close(w.store);
  assert_int_equal(count_segments(path), 1);

  size_t length;
  char *bytes = test_read(first_segment(path), &length), *copy = malloc(length);
  assert_non_null(copy);
  /* One flipped byte anywhere: found, said, and the answers stay right. */
  for (size_t at = 0; at < length; at += at < 256 ? 7 : 211) {
    memcpy(copy, bytes, length);
    copy[at] = (char)(copy[at] ^ 0x20);
    test_write(first_segment(path), copy, length);
    warnings = 0;
    w.store = open_store(context, path, LOCI__STORE_READ);
    world_compare(&w, w.store);
    /* Padding behind the last row is no data: it is not covered and cannot matter. */
    if (warnings == 0 && check(w.store, false) == 0 && at < length - 64) fail_msg("byte %zu flipped, unnoticed", at);
    loci__store_close(w.store);
  }
  for (size_t cut = 0; cut < length; cut += length / 9 + 1) {
    test_write(first_segment(path), bytes, cut);
    w.store = open_store(context, path, LOCI__STORE_READ);
    warnings = 0;
    world_compare(&w, w.store);
    assert_true(warnings > 0);
    assert_true(check(w.store, true) > 0);
    loci__store_close(w.store);
  }
  /* A writer makes it anew. */
  w.store = open_store(context, path, LOCI__STORE_WRITE);
  assert_true(check(w.store, true) > 0);
  assert_int_equal(check(w.store, true), 0);
  world_compare(&w, w.store);
  loci__store_close(w.store);
  /* Without the folder nothing changes but time. */
  char command[400];
  snprintf(command, sizeof command, "rm -r %s.segments", path);
  assert_int_equal(system(command), 0);
  w.store = open_store(context, path, LOCI__STORE_WRITE);
  world_compare(&w, w.store);
  assert_ok(loci__store_build_segments(w.store, false, &error), &error);
  assert_int_equal(check(w.store, true), 0);
  assert_int_equal(count_segments(path), 1);
  world_compare(&w, w.store);
  loci__store_close(w.store);
  free(bytes);
  free(copy);
  loci_context_free(context);
}

static void put_many(loci__store *store, loci__random *random, size_t n) {
  static int number;
  static const char *texts[64];
  static float vectors[64 * DIM];
  for (size_t i = 0; i < 64; i++) texts[i] = "some words";
  begin_write(store);
  while (n) {
    size_t m = n < 64 ? n : 64;
    for (size_t i = 0; i < m; i++) random_vector(random, vectors + i * DIM);
    char path[32];
    snprintf(path, sizeof path, "/many/%d", number++);
    put_texts(store, path, texts, m, vectors);
    n -= m;
  }
  end(store);
}

static void segments_are_written_when_worth_it(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  char *path = store_path("a.db");
  loci__store *store = open_store(context, path, LOCI__STORE_CREATE);
  loci_error error = {0};
  loci__random random;
  loci__random_init(&random, 1);
  begin_write(store);
  set_model(store);
  end(store);
  put_many(store, &random, 100);
  assert_ok(loci__store_build_segments(store, false, &error), &error);
  assert_int_equal(count_segments(path), 0);
  put_many(store, &random, 9000);
  assert_ok(loci__store_build_segments(store, false, &error), &error);
  assert_int_equal(count_segments(path), 1);
  put_many(store, &random, 2500);
  assert_ok(loci__store_build_segments(store, false, &error), &error);
  assert_int_equal(count_segments(path), 2);
  put_many(store, &random, 2500); /* swallows the small one, and then the great one is not much greater */
  assert_ok(loci__store_build_segments(store, false, &error), &error);
  assert_int_equal(count_segments(path), 1);
  loci__store_counts counts;
  assert_ok(loci__store_count(store, &counts, &error), &error);
  assert_int_equal(counts.n_rows_in_segments, 14100);
  assert_true(counts.segment_bytes > 14100 * 64);
  assert_int_equal(check(store, true), 0);
  /* With most rows gone, the segment is made smaller. */
  begin_write(store);
  for (int64_t id = 1; id < 150; id++) assert_ok(loci__store_remove(store, id, &error), &error);
  end(store);
  assert_ok(loci__store_build_segments(store, false, &error), &error);
  assert_ok(loci__store_count(store, &counts, &error), &error);
  assert_int_equal(counts.n_rows_in_segments, counts.n_chunks);
  assert_int_equal(check(store, true), 0);
  begin_write(store);
  for (int64_t id = 1; id < 300; id++) assert_ok(loci__store_remove(store, id, &error), &error);
  end(store);
  assert_ok(loci__store_build_segments(store, false, &error), &error);
  assert_int_equal(check(store, true), 0);
  assert_ok(loci__store_count(store, &counts, &error), &error);
  assert_int_equal(counts.n_chunks, 0);
  assert_int_equal(count_segments(path), 0);
  loci__store_close(store);
  test_context_free(context);
}

static void reindex_with_another_model(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci__store *store = open_store(context, store_path("a.db"), LOCI__STORE_CREATE);
  loci_error error = {0};
  const char *texts[] = {"one", "two"};
  float vectors[4] = {1, 2, 3, 4}, got[2], scores[2];
  begin_write(store);
  set_model(store);
  int64_t id = put_texts(store, "/a", texts, 2, NULL);
  end(store);
  assert_ok(loci__store_build_segments(store, true, &error), &error);
  begin_write(store);
  assert_ok(loci__store_drop_vectors(store, &error), &error);
  assert_ok(loci__store_set_model(store, (const char[33]){"ffffffffffffffffffffffffffffffff"}, "two", "", 2, &error),
            &error);
  assert_ok(loci__store_put_vectors(store, id, vectors, 2, &error), &error);
  end(store);
  begin_read(store);
  loci__store_rows rows;
  assert_ok(loci__store_get_rows(store, &rows, &error), &error);
  assert_int_equal(rows.n, 2);
  assert_ok(loci__store_scan(store, (float[]){1, 10}, scores, &error), &error);
  assert_true(scores[0] == 21 && scores[1] == 43);
  bool found;
  assert_ok(loci__store_get_vector(store, rows.chunk_ids[1], got, &found, &error), &error);
  assert_true(found && got[0] == 3 && got[1] == 4);
  end(store);
  assert_int_equal(check(store, true), 0);
  /* Wrong number: nothing of the transaction stays. */
  begin_write(store);
  assert_int_equal(loci__store_put_vectors(store, id, vectors, 1, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci__store_end(store, &error), LOCI_ERROR_USAGE);
  assert_int_equal(check(store, true), 0);
  loci__store_close(store);
  test_context_free(context);
}

/* ---- several handles ------------------------------------------------------------------------------- */

static void readers_see_one_snapshot_and_never_wait(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  char *path = store_path("a.db");
  loci__store *writer = open_store(context, path, LOCI__STORE_CREATE);
  const char *one[] = {"snapshot"};
  begin_write(writer);
  set_model(writer);
  put_texts(writer, "/1", one, 1, NULL);
  end(writer);
  loci__store *reader = open_store(context, path, LOCI__STORE_READ);
  begin_read(reader);
  begin_write(writer);
  put_texts(writer, "/2", one, 1, NULL);
  expect_paths(reader, "", "/1;"); /* while a writer writes */
  end(writer);
  expect_paths(reader, "", "/1;"); /* and after it has committed */
  loci__store_rows rows;
  loci_error error = {0};
  assert_ok(loci__store_get_rows(reader, &rows, &error), &error);
  assert_int_equal(rows.n, 1);
  end(reader);
  begin_read(reader);
  expect_paths(reader, "", "/1;/2;");
  assert_ok(loci__store_get_rows(reader, &rows, &error), &error);
  assert_int_equal(rows.n, 2);
  end(reader);
  loci__store_close(writer);
  loci__store_close(reader);
  test_context_free(context);
}

static void a_second_writer_is_told_who_holds_the_lock(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  char *path = store_path("a.db"), words[32];
  loci__store *writer = open_store(context, path, LOCI__STORE_CREATE);
  snprintf(words, sizeof words, "process %ld", (long)getpid());
  expect_open(context, path, LOCI__STORE_WRITE, LOCI_ERROR_LOCKED, words);
  expect_open(context, path, LOCI__STORE_CREATE, LOCI_ERROR_LOCKED, " since 20");
  loci__store_close(open_store(context, path, LOCI__STORE_READ)); /* readers do not ask */
  loci__store_close(writer);
  loci__store_close(open_store(context, path, LOCI__STORE_WRITE));
  /* A writer that was killed blocks nobody. */
  int ready[2];
  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    loci__store *store = NULL;
    loci__store_open(context, path, LOCI__STORE_WRITE, &store, NULL);
    (void)!write(ready[1], store ? "y" : "n", 1);
    for (;;) pause();
  }
  char answer = 0;
  assert_int_equal(read(ready[0], &answer, 1), 1);
  assert_int_equal(answer, 'y');
  snprintf(words, sizeof words, "process %ld", (long)child);
  expect_open(context, path, LOCI__STORE_WRITE, LOCI_ERROR_LOCKED, words);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  loci__store_close(open_store(context, path, LOCI__STORE_WRITE));
  close(ready[0]);
  close(ready[1]);
  test_context_free(context);
}

static int refuse_shared_memory(void *user, const char *method, const char *path) {
  (void)user, (void)path;
  return strcmp(method, "db-shm") == 0 ? EROFS : 0;
}

static void a_collection_on_a_read_only_medium_can_be_read(void **state) {
  (void)state;
  char *path = store_path("with %20 and ?.db");
  loci_context_options options;
  loci_context_options_init(&options);
  options.files.struct_size = sizeof options.files;
  options.files.before = refuse_shared_memory;
  loci_context *context = test_context_new(1, NULL), *refusing;
  loci_error error = {0};
  assert_ok(loci_context_new(&options, &refusing, &error), &error);
  loci__store *store = open_store(context, path, LOCI__STORE_CREATE);
  const char *one[] = {"words"};
  begin_write(store);
  set_model(store);
  put_texts(store, "/1", one, 1, NULL);
  end(store);
  loci__store *reader = NULL;
  assert_int_not_equal(loci__store_open(refusing, path, LOCI__STORE_READ, &reader, &error), LOCI_OK);
  loci__store_close(store);
  assert_ok(loci__store_open(refusing, path, LOCI__STORE_READ, &reader, &error), &error);
  begin_read(reader);
  expect_paths(reader, "", "/1;");
  end(reader);
  loci__store_close(reader);
  loci_context_free(refusing);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(opening_tells_what_is_wrong),
      cmocka_unit_test(a_new_store_is_laid_out_as_designed),
      cmocka_unit_test(model_settings_and_roots),
      cmocka_unit_test(documents_come_and_go),
      cmocka_unit_test(refusals_do_not_cost_the_transaction),
      cmocka_unit_test(random_operations_match_a_model),
      cmocka_unit_test(damaged_segments_are_noticed_said_and_rebuilt),
      cmocka_unit_test(segments_are_written_when_worth_it),
      cmocka_unit_test(reindex_with_another_model),
      cmocka_unit_test(readers_see_one_snapshot_and_never_wait),
      cmocka_unit_test(a_second_writer_is_told_who_holds_the_lock),
      cmocka_unit_test(a_collection_on_a_read_only_medium_can_be_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
