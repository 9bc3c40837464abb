/* store/store.c: the life of a handle: open, close, transactions; model, settings, roots, counts.
 *
 * Model of the world. The database is the truth and segments are a cache of it. A handle is a SQLite connection
 * with its own VFS in front (vfs.c), for a writer the lock too. States: idle, reading (a snapshot that does not
 * change until end), writing (BEGIN IMMEDIATE; nothing is seen by others before end). A write that fails poisons
 * its transaction: end() then undoes everything and says so, so a half-written document is never committed. SQLite
 * takes a transaction back itself after some errors (disk full, no memory); poisoning covers that too.
 *
 * Readers open the database for reading and writing, because a reader may be the first to come after a crash and
 * must put the WAL in order, but say query_only. On a medium that cannot be written SQLite falls back to reading;
 * when not even the WAL's index can be made there and no WAL is left, the file is opened as immutable.
 *
 * Opening is the price of every command, so it runs few statements, and the rest is prepared when it is needed.
 */
#include <errno.h>

#include "private.h"

/* Long enough for another connection's checkpoint or recovery; readers wait for nothing else. */
enum { STORE_BUSY_MS = 10000 };

static loci_status open_database(loci__store *store, int mode, bool immutable, loci_error *error) {
  loci__buffer uri;
  loci__buffer_init(&uri, store->context, 0);
  const char *name = store->path ? store->path : ":memory:";
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READWRITE;
  if (mode == LOCI__STORE_CREATE) flags |= SQLITE_OPEN_CREATE;
  if (immutable) {
    flags |= SQLITE_OPEN_URI;
    loci__buffer_puts(&uri, "file:");
    for (const char *p = store->path; *p; p++) {
      unsigned char c = (unsigned char)*p;
      if (c == '%' || c == '?' || c == '#' || c < 0x21 || c > 0x7E) loci__buffer_printf(&uri, "%%%02X", c);
      else loci__buffer_putc(&uri, (char)c);
    }
    loci__buffer_puts(&uri, "?immutable=1");
    loci_status status = loci__buffer_status(&uri, "a path", error);
    if (status != LOCI_OK) {
      loci__buffer_release(&uri);
      return status;
    }
    name = uri.data;
  }
  int rc = sqlite3_open_v2(name, &store->db, flags, store->vfs.name);
  loci__buffer_release(&uri);
  if (rc != SQLITE_OK) return loci__store_fail(store, rc, "opening", error);
  sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
  /* A file from a stranger is not allowed to run anything, nor to rewrite the tables below FTS5. */
  sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
  LOCI__TRY(loci__store_exec(
      store,
      mode == LOCI__STORE_READ ? "PRAGMA temp_store = MEMORY; PRAGMA query_only = 1" : "PRAGMA temp_store = MEMORY",
      "opening", error));
  return loci__schema_open(store, mode == LOCI__STORE_CREATE, error);
}

/* True when nothing is in the WAL, so that the database file alone is the whole truth. */
static bool no_wal(loci__store *store) {
  loci__buffer name;
  loci__buffer_init(&name, store->context, 0);
  loci__buffer_printf(&name, "%s-wal", store->path);
  loci_file_info info;
  bool none = loci__buffer_status(&name, "a path", NULL) == LOCI_OK &&
              (loci__file_stat(store->context, name.data, true, &info) < 0 || info.size == 0);
  loci__buffer_release(&name);
  return none;
}

static loci_status open_read_only_medium(loci__store *store, loci_status status, loci_error *error) {
  int rc = store->db ? sqlite3_extended_errcode(store->db) & 0xff : SQLITE_OK;
  if ((rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY) || !no_wal(store)) return status;
  sqlite3_close(store->db);
  store->db = NULL;
  return open_database(store, LOCI__STORE_READ, true, error);
}

static loci_status prepare_path(loci__store *store, const char *path, int mode, loci_error *error) {
  loci_context *context = store->context;
  store->path = loci__path_absolute(context, path);
  if (!store->path) return loci__fail_memory(error, strlen(path), "a path");
  size_t length = strlen(store->path);
  store->segments_folder = loci__alloc(context, length + 10);
  if (!store->segments_folder) return loci__fail_memory(error, length + 10, "a path");
  memcpy(store->segments_folder, store->path, length);
  memcpy(store->segments_folder + length, ".segments", 10);
  if (mode == LOCI__STORE_CREATE) {
    char *folder = loci__path_folder(context, store->path);
    if (!folder) return loci__fail_memory(error, length, "a path");
    loci_status status = loci__file_make_folders(context, folder, error);
    loci__free(context, folder);
    return status;
  }
  loci_file_info info;
  int rc = loci__file_stat(context, store->path, true, &info);
  if (rc == -ENOENT || rc == -ENOTDIR)
    return loci__fail(error, LOCI_ERROR_NOT_FOUND, "no collection at '%s'; make one with `loci index`", store->path);
  if (rc < 0) return loci__fail_file(error, "open", store->path, rc);
  if (info.kind != LOCI_FILE_REGULAR)
    return loci__fail(error, LOCI_ERROR_FORMAT, "'%s' is not a file; name another with --store", store->path);
  return LOCI_OK;
}

loci_status loci__store_open(loci_context *context, const char *path, int mode, loci__store **out, loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  if (!context) return loci__fail_memory(error, 0, "a context");
  if (!path && mode != LOCI__STORE_CREATE)
    return loci__fail(error, LOCI_ERROR_USAGE, "a store in memory can only be made");
  if (path && !*path) return loci__fail(error, LOCI_ERROR_USAGE, "the collection's path is empty");
  loci__store *store = loci__alloc_zero(context, 1, sizeof *store);
  if (!store) return loci__fail_memory(error, sizeof *store, "a store");
  store->context = context;
  store->lock.fd = -1;
  loci_status status = path ? prepare_path(store, path, mode, error) : LOCI_OK;
  if (status == LOCI_OK) status = loci__vfs_register(&store->vfs, context, error);
  if (status == LOCI_OK) store->registered = true;
  if (status == LOCI_OK && path && mode != LOCI__STORE_READ) {
    status = loci__lock_take(&store->lock, context, store->path, error);
    /* The holder may have died with its database half made: nothing to do, SQLite puts it in order. */
  }
  store->writable = mode != LOCI__STORE_READ;
  if (status == LOCI_OK) {
    status = open_database(store, mode, false, error);
    if (status != LOCI_OK && mode == LOCI__STORE_READ) status = open_read_only_medium(store, status, error);
  }
  if (status != LOCI_OK) {
    loci__store_close(store);
    return status;
  }
  *out = store;
  return LOCI_OK;
}

void loci__store_close(loci__store *store) {
  if (!store) return;
  if (store->db) {
    loci__store_rollback(store);
    for (size_t i = 0; i < LOCI__SQL_COUNT; i++) sqlite3_finalize(store->statements[i]);
    /* Best effort: readers at work keep the WAL, which is then part of the truth until the next close. */
    if (store->writable && store->path)
      (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_close(store->db);
  }
  loci__rows_forget(store);
  loci__lock_drop(&store->lock);
  if (store->registered) loci__vfs_unregister(&store->vfs);
  loci_context *context = store->context;
  loci__free(context, store->model.name);
  loci__free(context, store->model.query_prompt);
  loci__free(context, store->path);
  loci__free(context, store->segments_folder);
  loci__free(context, store);
}

/* ---- transactions -------------------------------------------------------------------------------- */

/* What is remembered from the last snapshot stays when nobody else has committed since. */
static loci_status compare_version(loci__store *store, loci_error *error) {
  sqlite3_stmt *statement;
  LOCI__TRY(loci__sql_take(store, SQL_DATA_VERSION, &statement, error));
  bool row;
  loci_status status = loci__sql_step(store, statement, &row, "reading", error);
  int64_t version = status == LOCI_OK && row ? sqlite3_column_int64(statement, 0) : -1;
  loci__sql_done(store, SQL_DATA_VERSION, statement);
  if (status != LOCI_OK) return status;
  if (store->rows.data_version != version) loci__rows_forget(store);
  if (store->model_version != version) store->model_known = false;
  store->rows.data_version = store->model_version = version;
  return LOCI_OK;
}

static loci_status begin(loci__store *store, int transaction, loci_error *error) {
  if (store->transaction != LOCI__IDLE)
    return loci__fail(error, LOCI_ERROR_USAGE, "a transaction of this store is under way already");
  /* A ROLLBACK that could not be done for want of memory is made up for here. */
  if (!sqlite3_get_autocommit(store->db)) LOCI__TRY(loci__store_exec(store, "ROLLBACK", "rolling back", error));
  loci__sql which = transaction == LOCI__WRITING ? SQL_BEGIN_WRITE : SQL_BEGIN_READ;
  LOCI__TRY(loci__sql_run_with(store, which, 0, 0, "beginning a transaction", error));
  store->transaction = transaction;
  store->poisoned = store->last_failure = LOCI_OK;
  loci_status status = compare_version(store, error); /* the first read: here the snapshot is taken */
  if (status != LOCI_OK) loci__store_rollback(store);
  return status;
}

loci_status loci__store_begin_write(loci__store *store, loci_error *error) {
  if (!store->writable)
    return loci__fail(error, LOCI_ERROR_USAGE, "the collection '%s' was opened for reading", store->path);
  return begin(store, LOCI__WRITING, error);
}

loci_status loci__store_begin_read(loci__store *store, loci_error *error) {
  return begin(store, LOCI__READING, error);
}

loci_status loci__store_end(loci__store *store, loci_error *error) {
  if (store->transaction == LOCI__IDLE) return loci__fail(error, LOCI_ERROR_USAGE, "no transaction to end");
  if (store->poisoned != LOCI_OK) {
    loci_status status = store->poisoned;
    loci__store_rollback(store);
    return loci__fail(error, status, "nothing of this transaction was kept, because a write in it failed (%s)",
                      loci_status_text(status));
  }
  if (sqlite3_get_autocommit(store->db)) {
    /* SQLite gives a transaction up by itself when memory or the disk fails it in a bad moment. The one failure that
     * no call of ours reports is a column's text that could not be copied: that is memory. */
    loci_status status = store->last_failure != LOCI_OK ? store->last_failure : LOCI_ERROR_MEMORY;
    loci__store_rollback(store);
    return loci__fail(error, status, "the transaction was given up, because something in it failed (%s)",
                      loci_status_text(status));
  }
  loci_status status = loci__sql_run_with(store, SQL_COMMIT, 0, 0, "committing", error);
  if (status != LOCI_OK) {
    loci__store_rollback(store);
    return status;
  }
  store->transaction = LOCI__IDLE;
  return LOCI_OK;
}

void loci__store_rollback(loci__store *store) {
  if (store->transaction == LOCI__WRITING) {
    loci__rows_forget(store);
    store->model_known = false;
  }
  store->transaction = LOCI__IDLE;
  store->poisoned = LOCI_OK;
  /* Not through a kept statement: without memory that could not be prepared, and this one must not fail to try. */
  if (!sqlite3_get_autocommit(store->db)) (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- the model ------------------------------------------------------------------------------------ */

static loci_status keep_text(loci__store *store, char **slot, const char *text, loci_error *error) {
  char *copy = loci__strdup(store->context, text);
  if (!copy) return loci__fail_memory(error, strlen(text) + 1, "a model's name");
  loci__free(store->context, *slot);
  *slot = copy;
  return LOCI_OK;
}

static loci_status read_model(loci__store *store, sqlite3_stmt *statement, loci_error *error) {
  loci__store_model *model = &store->model;
  bool row;
  memset(model->fingerprint, 0, sizeof model->fingerprint);
  model->dim = 0;
  LOCI__TRY(loci__sql_step(store, statement, &row, "reading the model", error));
  LOCI__TRY(keep_text(store, &model->name, row ? loci__sql_text(statement, 1) : "", error));
  LOCI__TRY(keep_text(store, &model->query_prompt, row ? loci__sql_text(statement, 2) : "", error));
  if (!row) return LOCI_OK;
  const char *fingerprint = loci__sql_text(statement, 0);
  int64_t dim = sqlite3_column_int64(statement, 3);
  if (strlen(fingerprint) > 32 || dim < 1 || dim > LOCI__SEGMENT_MAX_DIM)
    return loci__fail(error, LOCI_ERROR_CORRUPT, "'%s' names an impossible model (width %lld)",
                      store->path ? store->path : "(memory)", (long long)dim);
  memcpy(model->fingerprint, fingerprint, strlen(fingerprint));
  model->dim = (size_t)dim;
  return LOCI_OK;
}

loci_status loci__store_model_now(loci__store *store, const loci__store_model **out, loci_error *error) {
  *out = &store->model;
  if (store->model_known && store->transaction != LOCI__IDLE) return LOCI_OK;
  sqlite3_stmt *statement;
  LOCI__TRY(loci__sql_take(store, SQL_MODEL, &statement, error));
  loci_status status = read_model(store, statement, error);
  loci__sql_done(store, SQL_MODEL, statement);
  store->model_known = status == LOCI_OK && store->transaction != LOCI__IDLE;
  return status;
}

loci_status loci__store_get_model(loci__store *store, loci__store_model *out, loci_error *error) {
  const loci__store_model *model;
  memset(out, 0, sizeof *out);
  LOCI__TRY(loci__store_model_now(store, &model, error));
  *out = *model;
  return LOCI_OK;
}

loci_status loci__store_set_model(loci__store *store, const char fingerprint[33], const char *name,
                                  const char *query_prompt, size_t dim, loci_error *error) {
  LOCI__TRY(loci__store_needs(store, LOCI__WRITING, error));
  if (dim < 1 || dim > LOCI__SEGMENT_MAX_DIM)
    return loci__fail(error, LOCI_ERROR_LIMIT, "vectors of %zu dimensions are not stored (1 to %d)", dim,
                      LOCI__SEGMENT_MAX_DIM);
  sqlite3_stmt *statement;
  bool row;
  LOCI__TRY(loci__sql_take(store, SQL_HAS_VECTORS, &statement, error));
  loci_status status = loci__sql_step(store, statement, &row, "reading", error);
  bool has = status == LOCI_OK && row && sqlite3_column_int(statement, 0);
  loci__sql_done(store, SQL_HAS_VECTORS, statement);
  if (status != LOCI_OK) return status;
  if (has) return loci__fail(error, LOCI_ERROR_USAGE, "the collection holds vectors of its model; drop them first");
  LOCI__TRY(loci__sql_take(store, SQL_SET_MODEL, &statement, error));
  sqlite3_bind_text(statement, 1, fingerprint, (int)strnlen(fingerprint, 32), SQLITE_STATIC);
  sqlite3_bind_text(statement, 2, name ? name : "", -1, SQLITE_STATIC);
  sqlite3_bind_text(statement, 3, query_prompt ? query_prompt : "", -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 4, (int64_t)dim);
  store->model_known = false;
  return loci__store_poison(store, loci__sql_run(store, SQL_SET_MODEL, statement, "writing the model", error));
}

/* ---- settings and roots --------------------------------------------------------------------------- */

loci_status loci__store_get_setting(loci__store *store, const char *key, char **value, loci_error *error) {
  *value = NULL;
  sqlite3_stmt *statement;
  bool row;
  LOCI__TRY(loci__sql_take(store, SQL_SETTING, &statement, error));
  sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
  loci_status status = loci__sql_step(store, statement, &row, "reading a setting", error);
  if (status == LOCI_OK && row) {
    *value = loci__strdup(store->context, loci__sql_text(statement, 0));
    if (!*value) status = loci__fail_memory(error, 0, "a setting");
  }
  loci__sql_done(store, SQL_SETTING, statement);
  return status;
}

loci_status loci__store_set_setting(loci__store *store, const char *key, const char *value, loci_error *error) {
  LOCI__TRY(loci__store_needs(store, LOCI__WRITING, error));
  loci__sql which = value ? SQL_SET_SETTING : SQL_DELETE_SETTING;
  sqlite3_stmt *statement;
  LOCI__TRY(loci__sql_take(store, which, &statement, error));
  sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
  if (value) sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
  return loci__store_poison(store, loci__sql_run(store, which, statement, "writing a setting", error));
}

loci_status loci__store_add_root(loci__store *store, const char *path, int64_t *id, loci_error *error) {
  LOCI__TRY(loci__store_needs(store, LOCI__WRITING, error));
  sqlite3_stmt *statement;
  bool row;
  LOCI__TRY(loci__sql_take(store, SQL_ADD_ROOT, &statement, error));
  sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
  loci_status status = loci__sql_run(store, SQL_ADD_ROOT, statement, "adding a root", error);
  if (status != LOCI_OK) return loci__store_poison(store, status);
  LOCI__TRY(loci__sql_take(store, SQL_FIND_ROOT, &statement, error));
  sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
  status = loci__sql_step(store, statement, &row, "adding a root", error);
  if (status == LOCI_OK && id) *id = row ? sqlite3_column_int64(statement, 0) : 0;
  loci__sql_done(store, SQL_FIND_ROOT, statement);
  return loci__store_poison(store, status);
}

loci_status loci__store_remove_root(loci__store *store, int64_t id, loci_error *error) {
  LOCI__TRY(loci__store_needs(store, LOCI__WRITING, error));
  return loci__store_poison(store, loci__sql_run_with(store, SQL_REMOVE_ROOT, id, 0, "removing a root", error));
}

loci_status loci__store_each_root(loci__store *store, loci__store_root_fn each, void *arg, loci_error *error) {
  sqlite3_stmt *statement;
  LOCI__TRY(loci__sql_take(store, SQL_ROOTS, &statement, error));
  loci_status status;
  bool row;
  while ((status = loci__sql_step(store, statement, &row, "reading the roots", error)) == LOCI_OK && row) {
    status = each(arg, sqlite3_column_int64(statement, 0), loci__sql_text(statement, 1), error);
    if (status != LOCI_OK) break;
  }
  loci__sql_done(store, SQL_ROOTS, statement);
  return status;
}

/* ---- counts --------------------------------------------------------------------------------------- */

static uint64_t file_size(loci__store *store, const char *suffix) {
  loci__buffer name;
  loci_file_info info;
  loci__buffer_init(&name, store->context, 0);
  loci__buffer_printf(&name, "%s%s", store->path, suffix);
  bool there = loci__buffer_status(&name, "a path", NULL) == LOCI_OK &&
               loci__file_stat(store->context, name.data, true, &info) >= 0;
  loci__buffer_release(&name);
  return there ? (uint64_t)info.size : 0;
}

loci_status loci__store_count(loci__store *store, loci__store_counts *out, loci_error *error) {
  static const char *const queries[] = {
      "SELECT count(*) FROM documents WHERE skipped IS NULL",
      "SELECT count(*) FROM documents WHERE skipped IS NOT NULL",
      "SELECT count(*) FROM chunks",
      "SELECT count(*) FROM roots",
      "SELECT (SELECT coalesce(sum(n), 0) FROM segments) - (SELECT count(*) FROM removed)",
  };
  memset(out, 0, sizeof *out);
  uint64_t *const into[] = {&out->n_documents, &out->n_skipped, &out->n_chunks, &out->n_roots,
                            &out->n_rows_in_segments};
  for (size_t i = 0; i < LOCI__COUNT(queries); i++) {
    int64_t n = 0;
    LOCI__TRY(loci__sql_integer(store, queries[i], 0, &n, error));
    *into[i] = n > 0 ? (uint64_t)n : 0;
  }
  if (!store->path) return LOCI_OK;
  out->store_bytes = file_size(store, "") + file_size(store, "-wal");
  sqlite3_stmt *statement;
  LOCI__TRY(loci__sql_take(store, SQL_SEGMENTS, &statement, error));
  loci_status status;
  bool row;
  while ((status = loci__sql_step(store, statement, &row, "reading the segments", error)) == LOCI_OK && row) {
    char *path = loci__path_join(store->context, store->segments_folder, loci__sql_text(statement, 3));
    loci_file_info info;
    if (path && loci__file_stat(store->context, path, true, &info) >= 0) out->segment_bytes += (uint64_t)info.size;
    loci__free(store->context, path);
  }
  loci__sql_done(store, SQL_SEGMENTS, statement);
  return status;
}
