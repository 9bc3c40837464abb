/* store/check.c: is everything as it was written?
 *
 * Findings are told one by one; an answer other than OK means that checking itself could not go on (no memory, a
 * write error while rebuilding). Quick: the database's pages and the segments with every checksum. Deep: also each
 * row of every table against the others, the words against the text, and the segments' codes against the record
 * (half a step of the quantiser for each component).
 *
 * All of it reads one snapshot. FTS5's own check is a write statement to SQLite (it writes nothing): a reading handle
 * is allowed it for that moment, and does without when a writer is at work.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "private.h"
#include "words.h"

/* After so many of one kind the rest is only counted. */
enum { CHECK_TOLD = 20 };

typedef struct checker {
  loci__store *store;
  void (*found)(void *user, const char *finding);
  void *user;
  uint64_t n;
  uint64_t told;
} checker;

static void tell(checker *c, const char *format, ...) LOCI_PRINTF(2, 3);
static void tell(checker *c, const char *format, ...) {
  char text[1400];
  va_list arguments;
  c->n++;
  if (c->told++ >= CHECK_TOLD || !c->found) return;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  c->found(c->user, text);
}

static void begin_kind(checker *c) {
  if (c->told > CHECK_TOLD && c->found) {
    char text[64];
    snprintf(text, sizeof text, "… and %" PRIu64 " more of this kind", c->told - CHECK_TOLD);
    c->found(c->user, text);
  }
  c->told = 0;
}

/* An error that says the data is bad is a finding; one of memory or cancellation is an error. */
static loci_status finding_or_error(checker *c, loci_status status, loci_error *inner, loci_error *error) {
  if (status == LOCI_OK) return LOCI_OK;
  if (status == LOCI_ERROR_MEMORY || status == LOCI_ERROR_INTERNAL)
    return loci__fail(error, status, "%s", inner->message);
  tell(c, "%s", inner->message);
  return LOCI_OK;
}

/* Each row of `sql` is a finding: its first column, as text, put into `format` (one %s). */
static loci_status each_finding(checker *c, const char *sql, const char *what, loci_error *error) {
  loci__store *store = c->store;
  sqlite3_stmt *statement = NULL;
  loci_error inner = {0};
  begin_kind(c);
  loci_status status = LOCI_OK;
  int rc = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
  while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
    const char *text = loci__sql_text(statement, 0);
    if (strcmp(text, "ok") != 0) tell(c, "%s: %s", what, text);
    rc = SQLITE_OK;
  }
  if (rc != SQLITE_OK && rc != SQLITE_DONE) status = loci__store_fail(store, rc, what, &inner);
  sqlite3_finalize(statement);
  return finding_or_error(c, status, &inner, error);
}

/* ---- segments ------------------------------------------------------------------------------------- */

/* Row i of the segment against the record; the segment's rows that were removed are not compared. */
static loci_status compare_codes(checker *c, const loci__part *part, float *codes, float *record, loci_error *error) {
  loci__store *store = c->store;
  size_t dim = store->model.dim;
  for (size_t i = 0; i < part->n_live; i++) {
    size_t at = part->live ? part->live[i] : i;
    int64_t id = loci__segment_ids(part->segment)[at];
    bool found = false;
    loci_error inner = {0};
    loci_status status = loci__store_get_vector(store, id, record, &found, &inner);
    LOCI__TRY(finding_or_error(c, status, &inner, error));
    if (status != LOCI_OK) continue;
    if (!found) {
      tell(c, "segment '%s' holds chunk %" PRId64 ", which the record does not", part->name, id);
      continue;
    }
    loci__segment_row_decode(part->segment, at, codes);
    float greatest = 0, worst = 0;
    for (size_t j = 0; j < dim; j++) {
      greatest = fmaxf(greatest, fabsf(record[j]));
      worst = fmaxf(worst, fabsf(record[j] - codes[j]));
    }
    /* Half a step, and a little for the rounding of scale and product. */
    if (!(worst <= greatest / 127 * 0.5F * 1.001F + 1e-30F))
      tell(c, "segment '%s' has another vector for chunk %" PRId64 " than the record", part->name, id);
  }
  return LOCI_OK;
}

static loci_status check_segments(checker *c, bool deep, loci_error *error) {
  loci__store *store = c->store;
  loci_error inner = {0};
  begin_kind(c);
  loci_status status = loci__rows_load(store, &inner);
  LOCI__TRY(finding_or_error(c, status, &inner, error));
  if (status != LOCI_OK) return LOCI_OK;
  size_t dim = store->model.dim ? store->model.dim : 1;
  float *both = loci__alloc_array(store->context, 2 * dim, sizeof *both);
  if (!both) return loci__fail_memory(error, 2 * dim * sizeof *both, "a vector");
  for (size_t i = 0; i < store->rows.n_parts && status == LOCI_OK; i++) {
    loci__part *part = &store->rows.parts[i];
    if (!part->segment) {
      tell(c, "segment '%s' is missing, damaged or of another model; its rows are read from the database", part->name);
      continue;
    }
    loci__segment *verified = NULL;
    char *path = loci__path_join(store->context, store->segments_folder, part->name);
    status = path ? loci__segment_open(store->context, path, true, &verified, &inner)
                  : loci__fail_memory(&inner, 0, "a path");
    loci__free(store->context, path);
    loci__segment_close(verified);
    if (status != LOCI_OK && status != LOCI_ERROR_MEMORY) part->damaged = store->damaged = true;
    bool sound = status == LOCI_OK;
    status = finding_or_error(c, status, &inner, error);
    if (sound && deep) status = compare_codes(c, part, both, both + dim, error);
  }
  loci__free(store->context, both);
  return status;
}

/* ---- rows ----------------------------------------------------------------------------------------- */

static loci_status check_vectors(checker *c, loci_error *error) {
  loci__store *store = c->store;
  sqlite3_stmt *statement;
  bool row;
  begin_kind(c);
  size_t dim = store->model.dim;
  float *vector = loci__alloc_array(store->context, dim + 1, sizeof *vector);
  if (!vector) return loci__fail_memory(error, dim * sizeof *vector, "a vector");
  loci_error inner = {0};
  loci_status status = loci__sql_take(store, SQL_VECTORS_IN, &statement, &inner);
  if (status == LOCI_OK) {
    sqlite3_bind_int64(statement, 1, INT64_MIN);
    sqlite3_bind_int64(statement, 2, INT64_MAX);
  }
  while (status == LOCI_OK) {
    status = loci__sql_step(store, statement, &row, "reading the vectors", &inner);
    if (status != LOCI_OK || !row) break;
    int64_t id = sqlite3_column_int64(statement, 0);
    loci_status one = loci__store_vector(store, statement, 3, id, vector, &inner);
    status = finding_or_error(c, one, &inner, error);
    if (one != LOCI_OK) continue;
    bool finite = true;
    for (size_t j = 0; j < dim; j++) finite &= isfinite(vector[j]) != 0;
    if (!finite) tell(c, "the vector of chunk %" PRId64 " holds a number that is not finite", id);
  }
  loci__sql_done(store, SQL_VECTORS_IN, statement);
  loci__free(store->context, vector);
  return finding_or_error(c, status, &inner, error);
}

static loci_status check_lengths(checker *c, loci_error *error) {
  loci__store *store = c->store;
  sqlite3_stmt *statement = NULL;
  loci_error inner = {0};
  loci_status status = LOCI_OK;
  begin_kind(c);
  int rc = sqlite3_prepare_v2(store->db,
                              "SELECT c.id, c.n_words, w.title, w.heading, w.text FROM chunks c"
                              " JOIN chunk_words w ON w.id = c.id",
                              -1, &statement, NULL);
  while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
    size_t n = 0;
    for (int column = 2; column <= 4; column++) {
      const char *text = loci__sql_text(statement, column);
      n += loci__words_count(text, (size_t)sqlite3_column_bytes(statement, column));
    }
    if ((int64_t)n != sqlite3_column_int64(statement, 1))
      tell(c, "chunk %" PRId64 " has %zu words, and %lld are written down", (int64_t)sqlite3_column_int64(statement, 0),
           n, (long long)sqlite3_column_int64(statement, 1));
    rc = SQLITE_OK;
  }
  if (rc != SQLITE_OK && rc != SQLITE_DONE) status = loci__store_fail(store, rc, "reading the chunks", &inner);
  sqlite3_finalize(statement);
  return finding_or_error(c, status, &inner, error);
}

/* FTS5's check takes the write lock, so it runs in a transaction of its own. */
static loci_status check_words(checker *c, loci_error *error) {
  loci__store *store = c->store;
  loci_error inner = {0};
  begin_kind(c);
  LOCI__TRY(loci__words_prepare(store, error));
  if (!store->writable) {
    sqlite3_busy_timeout(store->db, 0);
    (void)sqlite3_exec(store->db, "PRAGMA query_only = 0", NULL, NULL, NULL);
  }
  int rc = sqlite3_exec(store->db, "INSERT INTO words(words, rank) VALUES('integrity-check', 1)", NULL, NULL, NULL);
  loci_status status = LOCI_OK;
  if (rc != SQLITE_OK) status = loci__store_fail(store, rc, "the full text is not in step with the chunks", &inner);
  if (!store->writable) {
    (void)sqlite3_exec(store->db, "PRAGMA query_only = 1", NULL, NULL, NULL);
    sqlite3_busy_timeout(store->db, 10000);
    int base = rc & 0xff;
    if (base == SQLITE_BUSY || base == SQLITE_LOCKED || base == SQLITE_READONLY) return LOCI_OK;
  }
  return finding_or_error(c, status, &inner, error);
}

static loci_status check_rows(checker *c, loci_error *error) {
  static const struct {
    const char *sql, *what;
  } rules[] = {
      {"SELECT id FROM chunks WHERE document_id NOT IN (SELECT id FROM documents)", "chunk of no document"},
      {"SELECT chunk_id FROM vectors WHERE chunk_id NOT IN (SELECT id FROM chunks)", "vector of no chunk"},
      {"SELECT id FROM chunks WHERE id NOT IN (SELECT chunk_id FROM vectors)",
       "chunk without a vector (an unfinished reindex; run `loci reindex`)"},
      {"SELECT v.chunk_id FROM vectors v JOIN chunks c ON c.id = v.chunk_id"
       " WHERE v.document_id <> c.document_id OR v.n_words <> c.n_words",
       "vector that contradicts its chunk"},
      {"SELECT DISTINCT d.path FROM documents d JOIN chunks c ON c.document_id = d.id WHERE d.skipped IS NOT NULL",
       "skipped document with chunks"},
      {"SELECT chunk_id FROM removed WHERE chunk_id IN (SELECT chunk_id FROM vectors)",
       "chunk noted as removed that is there"},
      {"SELECT chunk_id FROM removed WHERE chunk_id > (SELECT coalesce(max(last_id), 0) FROM segments)",
       "chunk noted as removed that no segment holds"},
      {"SELECT name FROM segments s WHERE s.n <> (SELECT count(*) FROM vectors v"
       " WHERE v.chunk_id BETWEEN s.first_id AND s.last_id) + (SELECT count(*) FROM removed r"
       " WHERE r.chunk_id BETWEEN s.first_id AND s.last_id)",
       "segment whose rows are not those of its range"},
      {"SELECT path FROM documents d WHERE (SELECT count(*) FROM chunks c WHERE c.document_id = d.id) <>"
       " (SELECT coalesce(max(ordinal) - min(ordinal) + 1, 0) FROM chunks c WHERE c.document_id = d.id)",
       "document with a gap in its chunks"},
  };
  for (size_t i = 0; i < LOCI__COUNT(rules); i++) LOCI__TRY(each_finding(c, rules[i].sql, rules[i].what, error));
  LOCI__TRY(check_vectors(c, error));
  return check_lengths(c, error);
}

static loci_status check_snapshot(checker *c, bool deep, loci_error *error) {
  loci__store *store = c->store;
  const loci__store_model *model;
  loci_error inner = {0};
  loci_status status = loci__store_model_now(store, &model, &inner);
  LOCI__TRY(finding_or_error(c, status, &inner, error));
  LOCI__TRY(each_finding(c, deep ? "PRAGMA integrity_check(100)" : "PRAGMA quick_check(100)", "the database", error));
  LOCI__TRY(check_segments(c, deep, error));
  return deep ? check_rows(c, error) : LOCI_OK;
}

loci_status loci__store_check(loci__store *store, bool deep, void (*found)(void *user, const char *finding), void *user,
                              uint64_t *n_findings, loci_error *error) {
  checker c = {.store = store, .found = found, .user = user};
  if (n_findings) *n_findings = 0;
  LOCI__TRY(loci__store_begin_read(store, error));
  loci_status status = check_snapshot(&c, deep, error);
  bool damaged = store->damaged;
  loci__store_rollback(store);
  if (status == LOCI_OK && deep) status = check_words(&c, error);
  begin_kind(&c);
  if (n_findings) *n_findings = c.n;
  if (status == LOCI_OK && damaged && store->writable) status = loci__store_build_segments(store, false, error);
  return status;
}
