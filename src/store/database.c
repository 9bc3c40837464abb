/* store/database.c: statements kept by the handle, and SQLite's errors in our words.
 *
 * Each statement of the store stands in one table here, is prepared at its first use and kept. A statement that is
 * in use (a callback asks the store something while it is told rows) is not shared: the second user gets one of its
 * own, finalised when given back. So callbacks may call any reading function.
 */
#include <inttypes.h>
#include <stdio.h>

#include "private.h"

#define DOCUMENT_COLUMNS "id, root_id, path, title, format, size, mtime_ns, hash, skipped"
#define CHUNK_COLUMNS    "id, document_id, ordinal, line_start, line_end, page, n_tokens, heading, text"

const char *const loci__sql_texts[LOCI__SQL_COUNT] = {
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_DATA_VERSION] = "PRAGMA data_version",
    [SQL_MODEL] = "SELECT fingerprint, name, query_prompt, dim FROM model",
    [SQL_SET_MODEL] = "INSERT OR REPLACE INTO model(id, fingerprint, name, query_prompt, dim) VALUES(1, ?, ?, ?, ?)",
    [SQL_HAS_VECTORS] = "SELECT EXISTS(SELECT 1 FROM vectors)",
    [SQL_SETTING] = "SELECT value FROM settings WHERE key = ?",
    [SQL_SET_SETTING] = "INSERT OR REPLACE INTO settings(key, value) VALUES(?, ?)",
    [SQL_DELETE_SETTING] = "DELETE FROM settings WHERE key = ?",
    [SQL_ADD_ROOT] = "INSERT OR IGNORE INTO roots(path) VALUES(?)",
    [SQL_FIND_ROOT] = "SELECT id FROM roots WHERE path = ?",
    [SQL_REMOVE_ROOT] = "DELETE FROM roots WHERE id = ?",
    [SQL_ROOTS] = "SELECT id, path FROM roots ORDER BY id",
    [SQL_FIND_DOCUMENT] = "SELECT " DOCUMENT_COLUMNS " FROM documents WHERE path = ?",
    [SQL_GET_DOCUMENT] = "SELECT " DOCUMENT_COLUMNS " FROM documents WHERE id = ?",
    [SQL_DOCUMENTS] = "SELECT " DOCUMENT_COLUMNS " FROM documents ORDER BY path",
    /* "0" is the byte behind "/". */
    [SQL_DOCUMENTS_BELOW] = "SELECT " DOCUMENT_COLUMNS
                            " FROM documents"
                            " WHERE path = ?1 OR (path > ?1 || '/' AND path < ?1 || '0') ORDER BY path",
    [SQL_INSERT_DOCUMENT] =
        "INSERT INTO documents(root_id, path, title, format, size, mtime_ns, hash, skipped)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_UPDATE_DOCUMENT] =
        "UPDATE documents SET root_id = ?, path = ?, title = ?, format = ?, size = ?,"
        " mtime_ns = ?, hash = ?, skipped = ? WHERE id = ?",
    [SQL_TOUCH_DOCUMENT] = "UPDATE documents SET root_id = ?, size = ?, mtime_ns = ? WHERE id = ?",
    [SQL_DELETE_DOCUMENT] = "DELETE FROM documents WHERE id = ?",
    [SQL_INSERT_CHUNK] =
        "INSERT INTO chunks(document_id, ordinal, line_start, line_end, page, n_tokens, n_words,"
        " heading, text) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_CHUNKS] = "SELECT " CHUNK_COLUMNS " FROM chunks WHERE document_id = ? ORDER BY ordinal",
    [SQL_CHUNK] = "SELECT " CHUNK_COLUMNS " FROM chunks WHERE id = ?",
    [SQL_DELETE_CHUNKS] = "DELETE FROM chunks WHERE document_id = ?",
    [SQL_CHUNK_LENGTHS] = "SELECT id, n_words FROM chunks WHERE document_id = ? ORDER BY ordinal",
    [SQL_INSERT_WORDS] =
        "INSERT INTO words(rowid, title, heading, text)"
        " SELECT id, title, heading, text FROM chunk_words WHERE document_id = ?",
    [SQL_DELETE_WORDS] =
        "INSERT INTO words(words, rowid, title, heading, text)"
        " SELECT 'delete', id, title, heading, text FROM chunk_words WHERE document_id = ?",
    [SQL_INSERT_VECTOR] = "INSERT OR REPLACE INTO vectors(chunk_id, document_id, n_words, vector) VALUES(?, ?, ?, ?)",
    [SQL_VECTOR] = "SELECT vector FROM vectors WHERE chunk_id = ?",
    [SQL_DELETE_VECTORS] = "DELETE FROM vectors WHERE chunk_id IN (SELECT id FROM chunks WHERE document_id = ?)",
    [SQL_DROP_VECTORS] = "DELETE FROM vectors",
    [SQL_VECTORS_IN] =
        "SELECT chunk_id, document_id, n_words, vector FROM vectors"
        " WHERE chunk_id BETWEEN ? AND ? ORDER BY chunk_id",
    [SQL_ROWS_IN] =
        "SELECT chunk_id, document_id, n_words FROM vectors"
        " WHERE chunk_id BETWEEN ? AND ? ORDER BY chunk_id",
    [SQL_NOTE_REMOVED] =
        "INSERT OR IGNORE INTO removed(chunk_id) SELECT v.chunk_id FROM vectors v"
        " WHERE v.chunk_id IN (SELECT id FROM chunks WHERE document_id = ?)"
        " AND v.chunk_id <= (SELECT coalesce(max(last_id), 0) FROM segments)",
    [SQL_REMOVED] = "SELECT chunk_id FROM removed ORDER BY chunk_id",
    [SQL_FORGET_REMOVED] = "DELETE FROM removed WHERE chunk_id >= ?",
    [SQL_LAST_LISTED] = "SELECT coalesce(max(last_id), 0) FROM segments",
    [SQL_SEGMENTS] = "SELECT first_id, last_id, n, name FROM segments ORDER BY first_id",
    [SQL_LIST_SEGMENT] = "INSERT INTO segments(first_id, last_id, n, generation, name) VALUES(?, ?, ?, ?, ?)",
    [SQL_UNLIST_FROM] = "DELETE FROM segments WHERE first_id >= ?",
    [SQL_MATCH] = "SELECT loci_bm25(words) FROM words WHERE words MATCH ? LIMIT 1",
};

static loci_status fail_as(loci__store *store, int rc, const char *what, loci_error *error) {
  const char *path = store->path ? store->path : "(memory)";
  const char *text = store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(rc);
  switch (rc & 0xff) {
    case SQLITE_NOMEM: return loci__fail_memory(error, 0, what);
    case SQLITE_NOTADB:
      return loci__fail(error, LOCI_ERROR_FORMAT,
                        "'%s' is not a loci collection (no SQLite database); name another file with --store", path);
    case SQLITE_CORRUPT:
      return loci__fail(
          error, LOCI_ERROR_CORRUPT,
          "'%s' is damaged (%s: %s); run `loci check --deep`, then index anew into a new file or put back "
          "a copy",
          path, what, text);
    case SQLITE_FULL:
      return loci__fail(error, LOCI_ERROR_IO, "cannot write '%s': the disk is full; what was committed stays", path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return loci__fail(error, LOCI_ERROR_LOCKED, "another program has '%s' locked (%s); try again later", path, what);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return loci__fail(error, LOCI_ERROR_IO, "'%s' cannot be written (%s: %s)", path, what, text);
    case SQLITE_CANTOPEN: return loci__fail(error, LOCI_ERROR_IO, "cannot open '%s' (%s: %s)", path, what, text);
    case SQLITE_IOERR:
      if (rc == SQLITE_IOERR_NOMEM) return loci__fail_memory(error, 0, what);
      return loci__fail(error, LOCI_ERROR_IO, "input or output failed on '%s' (%s: %s); what was committed stays", path,
                        what, text);
    case SQLITE_TOOBIG: return loci__fail(error, LOCI_ERROR_LIMIT, "'%s': %s: %s", path, what, text);
    case SQLITE_ERROR:
      /* A statement that does not fit the schema: the file says it is ours and is not as we make it. */
      return loci__fail(error, LOCI_ERROR_CORRUPT,
                        "'%s' is no sound loci collection (%s: %s); index anew into a new file or put back a copy",
                        path, what, text);
    default: return loci__fail(error, LOCI_ERROR_INTERNAL, "SQLite error %d on '%s' (%s: %s)", rc, path, what, text);
  }
}

loci_status loci__store_fail(loci__store *store, int rc, const char *what, loci_error *error) {
  return store->last_failure = fail_as(store, rc, what, error);
}

loci_status loci__store_exec(loci__store *store, const char *sql, const char *what, loci_error *error) {
  int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
  return rc == SQLITE_OK ? LOCI_OK : loci__store_fail(store, rc, what, error);
}

loci_status loci__sql_take(loci__store *store, loci__sql which, sqlite3_stmt **out, loci_error *error) {
  *out = NULL;
  if (store->statements[which] && !store->taken[which]) {
    store->taken[which] = true;
    *out = store->statements[which];
    return LOCI_OK;
  }
  bool keep = store->statements[which] == NULL;
  int rc = sqlite3_prepare_v3(store->db, loci__sql_texts[which], -1, keep ? SQLITE_PREPARE_PERSISTENT : 0, out, NULL);
  if (rc != SQLITE_OK) return loci__store_fail(store, rc, "preparing a statement", error);
  if (keep) {
    store->statements[which] = *out;
    store->taken[which] = true;
  }
  return LOCI_OK;
}

void loci__sql_done(loci__store *store, loci__sql which, sqlite3_stmt *statement) {
  if (!statement) return;
  if (statement != store->statements[which]) {
    sqlite3_finalize(statement);
    return;
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  store->taken[which] = false;
}

loci_status loci__sql_step(loci__store *store, sqlite3_stmt *statement, bool *row, const char *what,
                           loci_error *error) {
  int rc = sqlite3_step(statement);
  *row = rc == SQLITE_ROW;
  return rc == SQLITE_ROW || rc == SQLITE_DONE ? LOCI_OK : loci__store_fail(store, rc, what, error);
}

loci_status loci__sql_run(loci__store *store, loci__sql which, sqlite3_stmt *statement, const char *what,
                          loci_error *error) {
  bool row;
  loci_status status = loci__sql_step(store, statement, &row, what, error);
  loci__sql_done(store, which, statement);
  return status;
}

loci_status loci__sql_run_with(loci__store *store, loci__sql which, int64_t first, int64_t second, const char *what,
                               loci_error *error) {
  sqlite3_stmt *statement;
  LOCI__TRY(loci__sql_take(store, which, &statement, error));
  int n = sqlite3_bind_parameter_count(statement);
  if (n >= 1) sqlite3_bind_int64(statement, 1, first);
  if (n >= 2) sqlite3_bind_int64(statement, 2, second);
  return loci__sql_run(store, which, statement, what, error);
}

loci_status loci__sql_integer(loci__store *store, const char *sql, int64_t otherwise, int64_t *out, loci_error *error) {
  sqlite3_stmt *statement = NULL;
  *out = otherwise;
  int rc = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
  if (rc == SQLITE_OK) {
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL) *out = sqlite3_column_int64(statement, 0);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) rc = SQLITE_OK;
  }
  loci_status status = rc == SQLITE_OK ? LOCI_OK : loci__store_fail(store, rc, "reading", error);
  sqlite3_finalize(statement);
  return status;
}

const char *loci__sql_text(sqlite3_stmt *statement, int column) {
  const char *text = (const char *)sqlite3_column_text(statement, column);
  return text ? text : "";
}

loci_status loci__store_needs(loci__store *store, int transaction, loci_error *error) {
  if (store->transaction >= transaction) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_USAGE, "this store function needs a %s transaction",
                    transaction == LOCI__WRITING ? "write" : "read");
}

loci_status loci__store_poison(loci__store *store, loci_status status) {
  if (status != LOCI_OK && store->transaction == LOCI__WRITING && store->poisoned == LOCI_OK) store->poisoned = status;
  return status;
}
