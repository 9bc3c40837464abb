/* store/schema.c: the tables, and what is checked before a file is believed to be a collection.
 *
 * documents   a file, also one that was skipped (then with the reason and no chunks)
 * chunks      what is searched and shown; ids ascend and are never used again (AUTOINCREMENT)
 * vectors     the record: one row a chunk, dim little-endian float32; n_words and document_id are repeated here
 *             so that rows newer than the segments need no join
 * words       full text (FTS5, external content: it stores no text; columnsize=0: lengths are n_words)
 * segments    the list of segment files; id ranges are disjoint
 * removed     ids inside a listed range that are gone
 *
 * Everything that belongs together is written in one transaction, so no state in between can be seen, and there are
 * no triggers. The file is made in rollback mode first, with the schema and the application id in one transaction,
 * and then switched to WAL: a crash leaves either no collection or a whole one.
 */
#include <inttypes.h>
#include <stdio.h>

#include "private.h"

static const char schema_sql[] =
    "CREATE TABLE model(id INTEGER PRIMARY KEY CHECK(id = 1), fingerprint TEXT NOT NULL, name TEXT NOT NULL,"
    " query_prompt TEXT NOT NULL, dim INTEGER NOT NULL);"
    "CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE roots(id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE);"
    "CREATE TABLE documents(id INTEGER PRIMARY KEY AUTOINCREMENT, root_id INTEGER NOT NULL,"
    " path TEXT NOT NULL UNIQUE, title TEXT NOT NULL, format TEXT NOT NULL, size INTEGER NOT NULL,"
    " mtime_ns INTEGER NOT NULL, hash TEXT NOT NULL, skipped TEXT);"
    "CREATE TABLE chunks(id INTEGER PRIMARY KEY AUTOINCREMENT, document_id INTEGER NOT NULL,"
    " ordinal INTEGER NOT NULL, line_start INTEGER NOT NULL, line_end INTEGER NOT NULL, page INTEGER NOT NULL,"
    " n_tokens INTEGER NOT NULL, n_words INTEGER NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE UNIQUE INDEX chunks_of ON chunks(document_id, ordinal);"
    "CREATE TABLE vectors(chunk_id INTEGER PRIMARY KEY, document_id INTEGER NOT NULL, n_words INTEGER NOT NULL,"
    " vector BLOB NOT NULL);"
    "CREATE VIEW chunk_words(id, document_id, title, heading, text) AS"
    " SELECT c.id, c.document_id, d.title, c.heading, c.text FROM chunks c JOIN documents d ON d.id = c.document_id;"
    "CREATE VIRTUAL TABLE words USING fts5(title, heading, text, content = 'chunk_words', content_rowid = 'id',"
    " columnsize = 0, tokenize = 'loci');"
    "CREATE TABLE segments(first_id INTEGER PRIMARY KEY, last_id INTEGER NOT NULL, n INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, name TEXT NOT NULL);"
    "CREATE TABLE removed(chunk_id INTEGER PRIMARY KEY);";

static loci_status create(loci__store *store, loci_error *error) {
  char ids[96];
  snprintf(ids, sizeof ids, "PRAGMA application_id = %d; PRAGMA user_version = %d;", LOCI__STORE_APPLICATION_ID,
           LOCI__STORE_SCHEMA);
  LOCI__TRY(loci__words_prepare(store, error)); /* FTS5 asks for the tokenizer when the table is made */
  LOCI__TRY(loci__store_exec(store, "PRAGMA page_size = 8192; BEGIN IMMEDIATE", "making the collection", error));
  loci_status status = loci__store_exec(store, schema_sql, "making the collection", error);
  if (status == LOCI_OK) status = loci__store_exec(store, ids, "making the collection", error);
  if (status == LOCI_OK) status = loci__store_exec(store, "COMMIT", "making the collection", error);
  if (status != LOCI_OK && !sqlite3_get_autocommit(store->db))
    (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
  return status;
}

/* application_id of a file that SQLite accepts. */
static loci_status check_ids(loci__store *store, bool may_create, loci_error *error) {
  const char *path = store->path ? store->path : "(memory)";
  int64_t application = 0, version = 0, n_objects = 0;
  LOCI__TRY(loci__sql_integer(store, "PRAGMA application_id", 0, &application, error));
  LOCI__TRY(loci__sql_integer(store, "PRAGMA user_version", 0, &version, error));
  if (application == 0 && version == 0) {
    LOCI__TRY(loci__sql_integer(store, "SELECT count(*) FROM sqlite_schema", 0, &n_objects, error));
    if (n_objects == 0) {
      if (may_create) return create(store, error);
      return loci__fail(error, LOCI_ERROR_NOT_FOUND, "'%s' holds no collection yet; make one with `loci index`", path);
    }
  }
  if (application != LOCI__STORE_APPLICATION_ID)
    return loci__fail(error, LOCI_ERROR_FORMAT,
                      "'%s' is a database of another program (application id %" PRId64
                      "), not a loci collection; name another file with --store",
                      path, application);
  if (version != LOCI__STORE_SCHEMA)
    return loci__fail(error, LOCI_ERROR_FORMAT,
                      version > LOCI__STORE_SCHEMA
                          ? "'%s' was made by a newer loci (schema %" PRId64 ", this one knows %d); update loci"
                          : "'%s' has schema %" PRId64 ", this loci knows %d; index anew into a new file",
                      path, version, LOCI__STORE_SCHEMA);
  return LOCI_OK;
}

loci_status loci__schema_open(loci__store *store, bool may_create, loci_error *error) {
  LOCI__TRY(check_ids(store, may_create, error));
  if (store->writable && store->path)
    LOCI__TRY(loci__store_exec(store,
                               "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384",
                               "switching to WAL", error));
  return LOCI_OK;
}
