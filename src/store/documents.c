/* store/documents.c: documents and chunks, in and out.
 *
 * A document is replaced as a whole: its old chunks leave the full text, the vectors and the table, and the new ones
 * get new ids. Its own id stays. Rows of a listed segment are not taken out of the file: their ids are noted in
 * `removed`, and a search leaves them out.
 *
 * Order matters in one place: FTS5 keeps no text, so a chunk is taken out of it by giving the same words again, read
 * through chunk_words, which still has to hold the old title and text at that moment.
 */
#include <inttypes.h>
#include <limits.h>
#include <math.h>

#include "private.h"
#include "words.h"

static const char *or_empty(const char *text) {
  return text ? text : "";
}

static void bind_text(sqlite3_stmt *statement, int at, const char *text) {
  sqlite3_bind_text(statement, at, or_empty(text), -1, SQLITE_STATIC);
}

/* ---- writing -------------------------------------------------------------------------------------- */

static loci_status forget_contents(loci__store *store, int64_t document_id, loci_error *error) {
  static const char what[] = "removing a document";
  LOCI__TRY(loci__words_prepare(store, error));
  LOCI__TRY(loci__sql_run_with(store, SQL_DELETE_WORDS, document_id, 0, what, error));
  LOCI__TRY(loci__sql_run_with(store, SQL_NOTE_REMOVED, document_id, 0, what, error));
  LOCI__TRY(loci__sql_run_with(store, SQL_DELETE_VECTORS, document_id, 0, what, error));
  return loci__sql_run_with(store, SQL_DELETE_CHUNKS, document_id, 0, what, error);
}

static loci_status find_id(loci__store *store, const char *path, int64_t *id, loci_error *error) {
  sqlite3_stmt *statement;
  bool row;
  *id = 0;
  LOCI__TRY(loci__sql_take(store, SQL_FIND_DOCUMENT, &statement, error));
  bind_text(statement, 1, path);
  loci_status status = loci__sql_step(store, statement, &row, "finding a document", error);
  if (status == LOCI_OK && row) *id = sqlite3_column_int64(statement, 0);
  loci__sql_done(store, SQL_FIND_DOCUMENT, statement);
  return status;
}

static loci_status write_document(loci__store *store, const loci__store_document *document, int64_t *id,
                                  loci_error *error) {
  loci__sql which = *id ? SQL_UPDATE_DOCUMENT : SQL_INSERT_DOCUMENT;
  sqlite3_stmt *statement;
  LOCI__TRY(loci__sql_take(store, which, &statement, error));
  sqlite3_bind_int64(statement, 1, document->root_id);
  bind_text(statement, 2, document->path);
  bind_text(statement, 3, document->title);
  bind_text(statement, 4, document->format);
  sqlite3_bind_int64(statement, 5, document->size);
  sqlite3_bind_int64(statement, 6, document->mtime_ns);
  bind_text(statement, 7, document->hash);
  if (document->skipped) bind_text(statement, 8, document->skipped);
  if (*id) sqlite3_bind_int64(statement, 9, *id);
  loci_status status = loci__sql_run(store, which, statement, "writing a document", error);
  if (status == LOCI_OK && !*id) *id = sqlite3_last_insert_rowid(store->db);
  return status;
}

static loci_status write_vector(loci__store *store, int64_t chunk_id, int64_t document_id, int64_t n_words,
                                const float *vector, size_t dim, loci_error *error) {
  sqlite3_stmt *statement;
  LOCI__TRY(loci__sql_take(store, SQL_INSERT_VECTOR, &statement, error));
  sqlite3_bind_int64(statement, 1, chunk_id);
  sqlite3_bind_int64(statement, 2, document_id);
  sqlite3_bind_int64(statement, 3, n_words);
  sqlite3_bind_blob64(statement, 4, vector, dim * sizeof *vector, SQLITE_STATIC);
  return loci__sql_run(store, SQL_INSERT_VECTOR, statement, "writing a vector", error);
}

static loci_status write_chunk(loci__store *store, int64_t document_id, const loci__store_chunk *chunk, int64_t n_words,
                               int64_t *id, loci_error *error) {
  sqlite3_stmt *statement;
  LOCI__TRY(loci__sql_take(store, SQL_INSERT_CHUNK, &statement, error));
  sqlite3_bind_int64(statement, 1, document_id);
  sqlite3_bind_int64(statement, 2, chunk->ordinal);
  sqlite3_bind_int64(statement, 3, chunk->line_start);
  sqlite3_bind_int64(statement, 4, chunk->line_end);
  sqlite3_bind_int64(statement, 5, chunk->page);
  sqlite3_bind_int64(statement, 6, chunk->n_tokens);
  sqlite3_bind_int64(statement, 7, n_words);
  bind_text(statement, 8, chunk->heading);
  sqlite3_bind_text64(statement, 9, or_empty(chunk->text), chunk->text_length, SQLITE_STATIC, SQLITE_UTF8);
  loci_status status = loci__sql_run(store, SQL_INSERT_CHUNK, statement, "writing a chunk", error);
  if (status == LOCI_OK) *id = sqlite3_last_insert_rowid(store->db);
  return status;
}

/* What a caller gives is checked before anything is written, so that a refusal does not cost the transaction. */
static loci_status check_put(loci__store *store, const loci__store_document *document, const loci__store_chunk *chunks,
                             size_t n, const float *vectors, size_t *dim, loci_error *error) {
  const loci__store_model *model;
  LOCI__TRY(loci__store_needs(store, LOCI__WRITING, error));
  LOCI__TRY(loci__store_model_now(store, &model, error));
  *dim = model->dim;
  if (document && (!document->path || !*document->path))
    return loci__fail(error, LOCI_ERROR_USAGE, "a document without a path");
  if (n == 0) return LOCI_OK;
  if (!vectors) return loci__fail(error, LOCI_ERROR_USAGE, "chunks without vectors");
  if (*dim == 0) return loci__fail(error, LOCI_ERROR_USAGE, "the collection has no model yet");
  for (size_t i = 0; chunks && i < n; i++)
    if (chunks[i].text_length > INT_MAX / 2)
      return loci__fail(error, LOCI_ERROR_LIMIT, "chunk %zu of '%s' is too long (%zu bytes)", i, document->path,
                        chunks[i].text_length);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < *dim; j++)
      if (!isfinite(vectors[i * *dim + j]))
        return loci__fail(error, LOCI_ERROR_FORMAT, "the vector of chunk %zu of '%s' holds a number that is not finite",
                          i, document ? document->path : "a document");
  return LOCI_OK;
}

static loci_status put(loci__store *store, const loci__store_document *document, const loci__store_chunk *chunks,
                       size_t n, const float *vectors, size_t dim, int64_t *document_id, loci_error *error) {
  int64_t id;
  LOCI__TRY(find_id(store, document->path, &id, error));
  if (id) LOCI__TRY(forget_contents(store, id, error));
  LOCI__TRY(write_document(store, document, &id, error));
  size_t title_words = document->title ? loci__words_count(document->title, strlen(document->title)) : 0;
  for (size_t i = 0; i < n; i++) {
    const char *heading = or_empty(chunks[i].heading);
    int64_t chunk_id, n_words = (int64_t)(title_words + loci__words_count(heading, strlen(heading)) +
                                          loci__words_count(or_empty(chunks[i].text), chunks[i].text_length));
    LOCI__TRY(write_chunk(store, id, &chunks[i], n_words, &chunk_id, error));
    LOCI__TRY(write_vector(store, chunk_id, id, n_words, vectors + i * dim, dim, error));
  }
  if (n) {
    LOCI__TRY(loci__words_prepare(store, error));
    LOCI__TRY(loci__sql_run_with(store, SQL_INSERT_WORDS, id, 0, "indexing the words of a document", error));
  }
  if (document_id) *document_id = id;
  return LOCI_OK;
}

loci_status loci__store_put(loci__store *store, const loci__store_document *document, const loci__store_chunk *chunks,
                            size_t n, const float *vectors, int64_t *document_id, loci_error *error) {
  size_t dim;
  LOCI__TRY(check_put(store, document, chunks, n, vectors, &dim, error));
  loci__rows_forget(store);
  return loci__store_poison(store, put(store, document, chunks, n, vectors, dim, document_id, error));
}

loci_status loci__store_touch(loci__store *store, int64_t document_id, int64_t root_id, int64_t size, int64_t mtime_ns,
                              loci_error *error) {
  LOCI__TRY(loci__store_needs(store, LOCI__WRITING, error));
  sqlite3_stmt *statement;
  LOCI__TRY(loci__sql_take(store, SQL_TOUCH_DOCUMENT, &statement, error));
  sqlite3_bind_int64(statement, 1, root_id);
  sqlite3_bind_int64(statement, 2, size);
  sqlite3_bind_int64(statement, 3, mtime_ns);
  sqlite3_bind_int64(statement, 4, document_id);
  return loci__store_poison(store, loci__sql_run(store, SQL_TOUCH_DOCUMENT, statement, "writing a document", error));
}

loci_status loci__store_remove(loci__store *store, int64_t document_id, loci_error *error) {
  LOCI__TRY(loci__store_needs(store, LOCI__WRITING, error));
  loci__rows_forget(store);
  loci_status status = forget_contents(store, document_id, error);
  if (status == LOCI_OK)
    status = loci__sql_run_with(store, SQL_DELETE_DOCUMENT, document_id, 0, "removing a document", error);
  return loci__store_poison(store, status);
}

/* Every segment leaves the list; its file goes when the next one is written. */
static loci_status unlist_segments(loci__store *store, loci_error *error) {
  LOCI__TRY(loci__sql_run_with(store, SQL_UNLIST_FROM, INT64_MIN, 0, "dropping the segments", error));
  return loci__sql_run_with(store, SQL_FORGET_REMOVED, INT64_MIN, 0, "dropping the segments", error);
}

loci_status loci__store_drop_vectors(loci__store *store, loci_error *error) {
  LOCI__TRY(loci__store_needs(store, LOCI__WRITING, error));
  loci__rows_forget(store);
  loci_status status = unlist_segments(store, error);
  if (status == LOCI_OK) status = loci__sql_run_with(store, SQL_DROP_VECTORS, 0, 0, "dropping the vectors", error);
  return loci__store_poison(store, status);
}

static loci_status put_vectors(loci__store *store, sqlite3_stmt *chunks, int64_t document_id, const float *vectors,
                               size_t n, size_t dim, int64_t last_listed, loci_error *error) {
  bool row;
  sqlite3_bind_int64(chunks, 1, document_id);
  for (size_t i = 0;; i++) {
    LOCI__TRY(loci__sql_step(store, chunks, &row, "reading the chunks", error));
    if (row != (i < n))
      return loci__fail(error, LOCI_ERROR_USAGE, "%zu vectors for a document with %s chunks", n,
                        row ? "more" : "fewer");
    if (!row) return LOCI_OK;
    int64_t chunk_id = sqlite3_column_int64(chunks, 0);
    /* A segment would go on showing the old vector. */
    if (i == 0 && chunk_id <= last_listed) LOCI__TRY(unlist_segments(store, error));
    LOCI__TRY(
        write_vector(store, chunk_id, document_id, sqlite3_column_int64(chunks, 1), vectors + i * dim, dim, error));
  }
}

loci_status loci__store_put_vectors(loci__store *store, int64_t document_id, const float *vectors, size_t n,
                                    loci_error *error) {
  size_t dim;
  LOCI__TRY(check_put(store, NULL, NULL, n, vectors, &dim, error));
  loci__rows_forget(store);
  int64_t last = 0;
  loci_status status = loci__sql_integer(store, loci__sql_texts[SQL_LAST_LISTED], 0, &last, error);
  sqlite3_stmt *statement = NULL;
  if (status == LOCI_OK) status = loci__sql_take(store, SQL_CHUNK_LENGTHS, &statement, error);
  if (status == LOCI_OK) status = put_vectors(store, statement, document_id, vectors, n, dim, last, error);
  loci__sql_done(store, SQL_CHUNK_LENGTHS, statement);
  return loci__store_poison(store, status);
}

/* ---- reading -------------------------------------------------------------------------------------- */

static loci_status tell_document(sqlite3_stmt *statement, loci__store_document_fn each, void *arg, loci_error *error) {
  loci__store_document document = {
      .id = sqlite3_column_int64(statement, 0),
      .root_id = sqlite3_column_int64(statement, 1),
      .path = loci__sql_text(statement, 2),
      .title = loci__sql_text(statement, 3),
      .format = loci__sql_text(statement, 4),
      .size = sqlite3_column_int64(statement, 5),
      .mtime_ns = sqlite3_column_int64(statement, 6),
      .hash = loci__sql_text(statement, 7),
      .skipped = (const char *)sqlite3_column_text(statement, 8),
  };
  return each ? each(arg, &document, error) : LOCI_OK;
}

static uint32_t column_u32(sqlite3_stmt *statement, int column) {
  int64_t value = sqlite3_column_int64(statement, column);
  return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static loci_status tell_chunk(sqlite3_stmt *statement, loci__store_chunk_fn each, void *arg, loci_error *error) {
  loci__store_chunk chunk = {
      .id = sqlite3_column_int64(statement, 0),
      .document_id = sqlite3_column_int64(statement, 1),
      .ordinal = column_u32(statement, 2),
      .line_start = column_u32(statement, 3),
      .line_end = column_u32(statement, 4),
      .page = column_u32(statement, 5),
      .n_tokens = column_u32(statement, 6),
      .heading = loci__sql_text(statement, 7),
      .text = loci__sql_text(statement, 8),
      .text_length = (size_t)sqlite3_column_bytes(statement, 8),
  };
  return each ? each(arg, &chunk, error) : LOCI_OK;
}

loci_status loci__store_find_document(loci__store *store, const char *path, loci__store_document_fn each, void *arg,
                                      bool *found, loci_error *error) {
  sqlite3_stmt *statement;
  bool row;
  if (found) *found = false;
  LOCI__TRY(loci__sql_take(store, SQL_FIND_DOCUMENT, &statement, error));
  bind_text(statement, 1, path);
  loci_status status = loci__sql_step(store, statement, &row, "finding a document", error);
  if (found) *found = row;
  if (status == LOCI_OK && row) status = tell_document(statement, each, arg, error);
  loci__sql_done(store, SQL_FIND_DOCUMENT, statement);
  return status;
}

loci_status loci__store_get_document(loci__store *store, int64_t id, loci__store_document_fn each, void *arg,
                                     bool *found, loci_error *error) {
  sqlite3_stmt *statement;
  bool row;
  if (found) *found = false;
  LOCI__TRY(loci__sql_take(store, SQL_GET_DOCUMENT, &statement, error));
  sqlite3_bind_int64(statement, 1, id);
  loci_status status = loci__sql_step(store, statement, &row, "reading a document", error);
  if (found) *found = row;
  if (status == LOCI_OK && row) status = tell_document(statement, each, arg, error);
  loci__sql_done(store, SQL_GET_DOCUMENT, statement);
  return status;
}

loci_status loci__store_each_document(loci__store *store, const char *prefix, loci__store_document_fn each, void *arg,
                                      loci_error *error) {
  size_t length = prefix ? strlen(prefix) : 0;
  while (length && prefix[length - 1] == '/') length--;
  loci__sql which = length ? SQL_DOCUMENTS_BELOW : SQL_DOCUMENTS;
  sqlite3_stmt *statement;
  bool row;
  LOCI__TRY(loci__sql_take(store, which, &statement, error));
  if (length) sqlite3_bind_text64(statement, 1, prefix, length, SQLITE_STATIC, SQLITE_UTF8);
  loci_status status;
  while ((status = loci__sql_step(store, statement, &row, "reading the documents", error)) == LOCI_OK && row) {
    status = tell_document(statement, each, arg, error);
    if (status != LOCI_OK) break;
  }
  loci__sql_done(store, which, statement);
  return status;
}

loci_status loci__store_each_chunk(loci__store *store, int64_t document_id, loci__store_chunk_fn each, void *arg,
                                   loci_error *error) {
  sqlite3_stmt *statement;
  bool row;
  LOCI__TRY(loci__sql_take(store, SQL_CHUNKS, &statement, error));
  sqlite3_bind_int64(statement, 1, document_id);
  loci_status status;
  while ((status = loci__sql_step(store, statement, &row, "reading the chunks", error)) == LOCI_OK && row) {
    status = tell_chunk(statement, each, arg, error);
    if (status != LOCI_OK) break;
  }
  loci__sql_done(store, SQL_CHUNKS, statement);
  return status;
}

loci_status loci__store_get_chunk(loci__store *store, int64_t chunk_id, loci__store_chunk_fn each, void *arg,
                                  bool *found, loci_error *error) {
  sqlite3_stmt *statement;
  bool row;
  if (found) *found = false;
  LOCI__TRY(loci__sql_take(store, SQL_CHUNK, &statement, error));
  sqlite3_bind_int64(statement, 1, chunk_id);
  loci_status status = loci__sql_step(store, statement, &row, "reading a chunk", error);
  if (found) *found = row;
  if (status == LOCI_OK && row) status = tell_chunk(statement, each, arg, error);
  loci__sql_done(store, SQL_CHUNK, statement);
  return status;
}

loci_status loci__store_get_vector(loci__store *store, int64_t chunk_id, float *out, bool *found, loci_error *error) {
  const loci__store_model *model;
  sqlite3_stmt *statement;
  bool row;
  if (found) *found = false;
  LOCI__TRY(loci__store_model_now(store, &model, error));
  LOCI__TRY(loci__sql_take(store, SQL_VECTOR, &statement, error));
  sqlite3_bind_int64(statement, 1, chunk_id);
  loci_status status = loci__sql_step(store, statement, &row, "reading a vector", error);
  if (status == LOCI_OK && row) status = loci__store_vector(store, statement, 0, chunk_id, out, error);
  if (found) *found = row && status == LOCI_OK;
  loci__sql_done(store, SQL_VECTOR, statement);
  return status;
}
