/* store/rows.c: what a search scans: one row a chunk with a vector, in order of id.
 *
 * Rows come from the listed segments (less the ids noted as removed) and, behind them, from the record. A listed
 * segment that is missing, damaged or not the one the list speaks of is told to the log and replaced by its range
 * of the record: slower and never wrong. It stays mapped while the handle remembers rows, since pointers into it
 * may have been given out.
 *
 * With one segment, nothing removed and nothing new, the arrays given out are the segment's own; else they are
 * joined in memory, 20 bytes a row.
 */
#include <inttypes.h>

#include "private.h"

void loci__rows_forget(loci__store *store) {
  loci__rows *rows = &store->rows;
  loci_context *context = store->context;
  for (size_t i = 0; i < rows->n_parts; i++) {
    loci__segment_close(rows->parts[i].segment);
    loci__free(context, rows->parts[i].live);
  }
  loci__free(context, rows->parts);
  loci__free(context, rows->owned_ids);
  loci__free(context, rows->owned_documents);
  loci__free(context, rows->owned_words);
  int64_t version = rows->data_version;
  memset(rows, 0, sizeof *rows);
  rows->data_version = version;
}

size_t loci__rows_find(const loci__rows *rows, size_t from, int64_t chunk_id) {
  /* Galloping: the caller asks in ascending order, and neighbours are near. */
  size_t n = rows->n, step = 1, low = from;
  if (from >= n) return n;
  if (rows->ids[from] == chunk_id) return from;
  while (low + step < n && rows->ids[low + step] < chunk_id) {
    low += step;
    step *= 2;
  }
  size_t high = low + step < n ? low + step : n - 1;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (rows->ids[middle] < chunk_id) low = middle + 1;
    else high = middle;
  }
  return rows->ids[low] == chunk_id ? low : n;
}

/* ---- loading -------------------------------------------------------------------------------------- */

typedef struct builder {
  int64_t *ids, *documents;
  uint32_t *words;
  size_t n, ids_capacity, documents_capacity, words_capacity;
} builder;

static loci_status reserve(loci__store *store, builder *b, size_t more, loci_error *error) {
  size_t need;
  if (!loci__add(b->n, more, &need) || !loci__grow(store->context, &b->ids, &b->ids_capacity, need, sizeof *b->ids) ||
      !loci__grow(store->context, &b->documents, &b->documents_capacity, need, sizeof *b->documents) ||
      !loci__grow(store->context, &b->words, &b->words_capacity, need, sizeof *b->words))
    return loci__fail_memory(error, more * 20, "the rows");
  return LOCI_OK;
}

static void builder_release(loci__store *store, builder *b) {
  loci__free(store->context, b->ids);
  loci__free(store->context, b->documents);
  loci__free(store->context, b->words);
}

static loci_status add_from_record(loci__store *store, builder *b, int64_t first, int64_t last, loci_error *error) {
  sqlite3_stmt *statement;
  bool row;
  LOCI__TRY(loci__sql_take(store, SQL_ROWS_IN, &statement, error));
  sqlite3_bind_int64(statement, 1, first);
  sqlite3_bind_int64(statement, 2, last);
  loci_status status;
  while ((status = loci__sql_step(store, statement, &row, "reading the rows", error)) == LOCI_OK && row) {
    status = reserve(store, b, 1, error);
    if (status != LOCI_OK) break;
    int64_t n_words = sqlite3_column_int64(statement, 2);
    b->ids[b->n] = sqlite3_column_int64(statement, 0);
    b->documents[b->n] = sqlite3_column_int64(statement, 1);
    b->words[b->n++] = n_words < 0 ? 0 : n_words > UINT32_MAX ? UINT32_MAX : (uint32_t)n_words;
  }
  loci__sql_done(store, SQL_ROWS_IN, statement);
  return status;
}

static loci_status add_from_segment(loci__store *store, builder *b, const loci__part *part, loci_error *error) {
  const int64_t *ids = loci__segment_ids(part->segment), *owners = loci__segment_owners(part->segment);
  const uint32_t *lengths = loci__segment_lengths(part->segment);
  LOCI__TRY(reserve(store, b, part->n_live, error));
  if (!part->live) {
    memcpy(b->ids + b->n, ids, part->n_live * sizeof *ids);
    memcpy(b->documents + b->n, owners, part->n_live * sizeof *owners);
    memcpy(b->words + b->n, lengths, part->n_live * sizeof *lengths);
  } else {
    for (size_t i = 0; i < part->n_live; i++) {
      b->ids[b->n + i] = ids[part->live[i]];
      b->documents[b->n + i] = owners[part->live[i]];
      b->words[b->n + i] = lengths[part->live[i]];
    }
  }
  b->n += part->n_live;
  return LOCI_OK;
}

static loci_status read_parts(loci__store *store, loci_error *error) {
  loci__rows *rows = &store->rows;
  sqlite3_stmt *statement;
  bool row;
  size_t capacity = 0;
  LOCI__TRY(loci__sql_take(store, SQL_SEGMENTS, &statement, error));
  loci_status status;
  int64_t before = 0;
  while ((status = loci__sql_step(store, statement, &row, "reading the segments", error)) == LOCI_OK && row) {
    if (!loci__grow(store->context, &rows->parts, &capacity, rows->n_parts + 1, sizeof *rows->parts)) {
      status = loci__fail_memory(error, sizeof *rows->parts, "the segments");
      break;
    }
    loci__part *part = &rows->parts[rows->n_parts];
    memset(part, 0, sizeof *part);
    part->first_id = sqlite3_column_int64(statement, 0);
    part->last_id = sqlite3_column_int64(statement, 1);
    part->n_listed = (uint64_t)sqlite3_column_int64(statement, 2);
    const char *name = loci__sql_text(statement, 3);
    if (loci__segment_name_valid(name)) memcpy(part->name, name, strlen(name) + 1);
    if (part->first_id <= before || part->last_id < part->first_id) {
      status = loci__fail(error, LOCI_ERROR_CORRUPT, "'%s' lists segments whose ranges overlap; run `loci check`",
                          store->path ? store->path : "(memory)");
      break;
    }
    before = part->last_id;
    rows->n_parts++;
  }
  loci__sql_done(store, SQL_SEGMENTS, statement);
  return status;
}

static loci_status note_damage(loci__store *store, loci__part *part, const char *why, loci_error *error) {
  (void)error;
  loci__segment_close(part->segment);
  part->segment = NULL;
  store->damaged = true;
  loci__log(store->context, LOCI_LOG_WARNING,
            "segment '%s' of '%s' is not used and will be made anew by the next writer: %s", part->name, store->path,
            why);
  return LOCI_OK;
}

static loci_status open_part(loci__store *store, loci__part *part, loci_error *error) {
  const loci__store_model *model;
  LOCI__TRY(loci__store_model_now(store, &model, error));
  if (!part->name[0] || !store->segments_folder) return note_damage(store, part, "its name is no segment's", error);
  char *path = loci__path_join(store->context, store->segments_folder, part->name);
  if (!path) return loci__fail_memory(error, 0, "a path");
  loci_error inner = {0};
  loci_status status = loci__segment_open(store->context, path, false, &part->segment, &inner);
  loci__free(store->context, path);
  if (status == LOCI_ERROR_MEMORY) return loci__fail(error, status, "%s", inner.message);
  if (status != LOCI_OK) return note_damage(store, part, inner.message, error);
  size_t n = loci__segment_rows(part->segment);
  const int64_t *ids = loci__segment_ids(part->segment);
  if (strcmp(loci__segment_fingerprint(part->segment), model->fingerprint) != 0 ||
      loci__segment_dim(part->segment) != model->dim)
    return note_damage(store, part, "it was made with another model", error);
  if (n != part->n_listed || ids[0] != part->first_id || ids[n - 1] != part->last_id)
    return note_damage(store, part, "it is not the one that was listed", error);
  part->n_live = n;
  return LOCI_OK;
}

/* Marks what is gone in each part. Both lists ascend: one walk. */
static loci_status apply_removed(loci__store *store, loci_error *error) {
  loci__rows *rows = &store->rows;
  sqlite3_stmt *statement;
  bool row;
  size_t p = 0, at = 0;
  LOCI__TRY(loci__sql_take(store, SQL_REMOVED, &statement, error));
  loci_status status;
  while ((status = loci__sql_step(store, statement, &row, "reading what was removed", error)) == LOCI_OK && row) {
    int64_t id = sqlite3_column_int64(statement, 0);
    while (p < rows->n_parts && rows->parts[p].last_id < id) p++, at = 0;
    if (p == rows->n_parts) break;
    loci__part *part = &rows->parts[p];
    if (!part->segment) continue;
    size_t n = loci__segment_rows(part->segment);
    const int64_t *ids = loci__segment_ids(part->segment);
    if (!part->live) {
      part->live = loci__alloc_array(store->context, n, sizeof *part->live);
      if (!part->live) {
        status = loci__fail_memory(error, n * sizeof *part->live, "the rows");
        break;
      }
      part->n_live = 0;
      at = 0;
    }
    for (; at < n && ids[at] < id; at++) part->live[part->n_live++] = (uint32_t)at;
    if (at < n && ids[at] == id) at++;
    /* What follows the last removed id of a part is added when the walk leaves it. */
    part->pending = at;
  }
  loci__sql_done(store, SQL_REMOVED, statement);
  if (status != LOCI_OK) return status;
  for (p = 0; p < rows->n_parts; p++) {
    loci__part *part = &rows->parts[p];
    if (!part->live) continue;
    for (at = part->pending; at < loci__segment_rows(part->segment); at++) part->live[part->n_live++] = (uint32_t)at;
  }
  return LOCI_OK;
}

static loci_status load(loci__store *store, builder *b, loci_error *error) {
  loci__rows *rows = &store->rows;
  LOCI__TRY(read_parts(store, error));
  for (size_t i = 0; i < rows->n_parts; i++) {
    LOCI__TRY(open_part(store, &rows->parts[i], error));
    if (rows->parts[i].segment && loci__segment_rows(rows->parts[i].segment) > UINT32_MAX)
      LOCI__TRY(note_damage(store, &rows->parts[i], "more rows than this loci handles", error));
  }
  if (rows->n_parts) LOCI__TRY(apply_removed(store, error));
  int64_t last = rows->n_parts ? rows->parts[rows->n_parts - 1].last_id : 0;
  if (last < INT64_MAX) { /* the newest first: whether there are any decides if the segment's arrays can be lent */
    builder tail = {0};
    loci_status status = add_from_record(store, &tail, last + 1, INT64_MAX, error);
    if (status != LOCI_OK) {
      builder_release(store, &tail);
      return status;
    }
    if (rows->n_parts == 0) {
      *b = tail;
      rows->tail_first_row = 0;
      return LOCI_OK;
    }
    loci__part *only = &rows->parts[0];
    if (rows->n_parts == 1 && tail.n == 0 && only->segment && !only->live) {
      builder_release(store, &tail);
      rows->ids = loci__segment_ids(only->segment);
      rows->documents = loci__segment_owners(only->segment);
      rows->words = loci__segment_lengths(only->segment);
      rows->n = rows->tail_first_row = only->n_live;
      return LOCI_OK;
    }
    for (size_t i = 0; i < rows->n_parts && status == LOCI_OK; i++) {
      loci__part *part = &rows->parts[i];
      part->first_row = b->n;
      if (part->segment) status = add_from_segment(store, b, part, error);
      else status = add_from_record(store, b, part->first_id, part->last_id, error);
      part->n_live = b->n - part->first_row;
    }
    rows->tail_first_row = b->n;
    if (status == LOCI_OK && tail.n) status = reserve(store, b, tail.n, error);
    if (status == LOCI_OK && tail.n) {
      memcpy(b->ids + b->n, tail.ids, tail.n * sizeof *tail.ids);
      memcpy(b->documents + b->n, tail.documents, tail.n * sizeof *tail.documents);
      memcpy(b->words + b->n, tail.words, tail.n * sizeof *tail.words);
      b->n += tail.n;
    }
    builder_release(store, &tail);
    return status;
  }
  return LOCI_OK;
}

loci_status loci__rows_load(loci__store *store, loci_error *error) {
  loci__rows *rows = &store->rows;
  LOCI__TRY(loci__store_needs(store, LOCI__READING, error));
  if (rows->valid) return LOCI_OK;
  loci__rows_forget(store);
  builder b = {0};
  loci_status status = load(store, &b, error);
  if (status != LOCI_OK) {
    builder_release(store, &b);
    loci__rows_forget(store);
    return status;
  }
  if (!rows->ids) {
    rows->owned_ids = b.ids;
    rows->owned_documents = b.documents;
    rows->owned_words = b.words;
    rows->ids = b.ids;
    rows->documents = b.documents;
    rows->words = b.words;
    rows->n = b.n;
  }
  rows->valid = true;
  return LOCI_OK;
}

loci_status loci__store_get_rows(loci__store *store, loci__store_rows *out, loci_error *error) {
  memset(out, 0, sizeof *out);
  LOCI__TRY(loci__rows_load(store, error));
  out->n = store->rows.n;
  out->chunk_ids = store->rows.ids;
  out->document_ids = store->rows.documents;
  return LOCI_OK;
}

/* ---- scanning ------------------------------------------------------------------------------------- */

loci_status loci__store_vector(loci__store *store, sqlite3_stmt *statement, int column, int64_t chunk_id, float *out,
                               loci_error *error) {
  size_t dim = store->model.dim;
  const void *blob = sqlite3_column_blob(statement, column);
  size_t size = (size_t)sqlite3_column_bytes(statement, column);
  if (!blob && size == 0 && sqlite3_errcode(store->db) == SQLITE_NOMEM)
    return loci__fail_memory(error, dim * sizeof *out, "a vector");
  if (!blob || size != dim * sizeof *out)
    return loci__fail(error, LOCI_ERROR_CORRUPT,
                      "'%s': the vector of chunk %" PRId64 " has %zu bytes instead of %zu; run `loci reindex`",
                      store->path ? store->path : "(memory)", chunk_id, size, dim * sizeof *out);
  memcpy(out, blob, size); /* SQLite's pointer may be aligned to anything */
  return LOCI_OK;
}

static loci_status scan_record(loci__store *store, const float *query, size_t first_row, size_t n, float *scores,
                               loci_error *error) {
  if (n == 0) return LOCI_OK;
  const loci__rows *rows = &store->rows;
  size_t dim = store->model.dim;
  float *vector = loci__alloc_aligned(store->context, dim * sizeof *vector);
  if (!vector) return loci__fail_memory(error, dim * sizeof *vector, "a vector");
  sqlite3_stmt *statement = NULL;
  loci_status status = loci__sql_take(store, SQL_VECTORS_IN, &statement, error);
  if (status == LOCI_OK) {
    sqlite3_bind_int64(statement, 1, rows->ids[first_row]);
    sqlite3_bind_int64(statement, 2, rows->ids[first_row + n - 1]);
  }
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    bool row;
    status = loci__sql_step(store, statement, &row, "scanning the vectors", error);
    if (status != LOCI_OK) break;
    if (!row || sqlite3_column_int64(statement, 0) != rows->ids[first_row + i]) {
      status = loci__fail(error, LOCI_ERROR_CORRUPT, "'%s': the vectors changed within one snapshot",
                          store->path ? store->path : "(memory)");
      break;
    }
    status = loci__store_vector(store, statement, 3, rows->ids[first_row + i], vector, error);
    if (status == LOCI_OK) scores[first_row + i] = loci__dot(store->context, query, vector, dim);
  }
  loci__sql_done(store, SQL_VECTORS_IN, statement);
  loci__free_aligned(store->context, vector);
  return status;
}

static loci_status scan_part(loci__store *store, loci__part *part, const float *query, float *scores,
                             loci_error *error) {
  if (!part->segment || part->damaged) return scan_record(store, query, part->first_row, part->n_live, scores, error);
  loci_error inner = {0};
  loci_status status;
  if (!part->live) {
    status = loci__segment_scan(part->segment, query, scores + part->first_row, &inner);
  } else {
    size_t n = loci__segment_rows(part->segment);
    float *all = loci__alloc_array(store->context, n, sizeof *all);
    if (!all) return loci__fail_memory(error, n * sizeof *all, "scores");
    status = loci__segment_scan(part->segment, query, all, &inner);
    if (status == LOCI_OK)
      for (size_t i = 0; i < part->n_live; i++) scores[part->first_row + i] = all[part->live[i]];
    loci__free(store->context, all);
  }
  if (status == LOCI_OK) return LOCI_OK;
  if (status != LOCI_ERROR_CORRUPT) return loci__fail(error, status, "%s", inner.message);
  part->damaged = store->damaged = true;
  loci__log(store->context, LOCI_LOG_WARNING, "%s", inner.message);
  return scan_record(store, query, part->first_row, part->n_live, scores, error);
}

loci_status loci__store_scan(loci__store *store, const float *query, float *scores, loci_error *error) {
  const loci__store_model *model;
  LOCI__TRY(loci__rows_load(store, error));
  LOCI__TRY(loci__store_model_now(store, &model, error));
  loci__rows *rows = &store->rows;
  for (size_t i = 0; i < rows->n_parts; i++) LOCI__TRY(scan_part(store, &rows->parts[i], query, scores, error));
  return scan_record(store, query, rows->tail_first_row, rows->n - rows->tail_first_row, scores, error);
}

loci_status loci__store_rescore(loci__store *store, const float *query, const size_t *wanted, size_t n, float *scores,
                                loci_error *error) {
  const loci__store_model *model;
  LOCI__TRY(loci__rows_load(store, error));
  LOCI__TRY(loci__store_model_now(store, &model, error));
  if (n == 0) return LOCI_OK;
  float *vector = loci__alloc_aligned(store->context, model->dim * sizeof *vector);
  if (!vector) return loci__fail_memory(error, model->dim * sizeof *vector, "a vector");
  loci_status status = LOCI_OK;
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    bool found = false;
    if (wanted[i] >= store->rows.n) {
      status = loci__fail(error, LOCI_ERROR_USAGE, "there is no row %zu", wanted[i]);
      break;
    }
    int64_t id = store->rows.ids[wanted[i]];
    status = loci__store_get_vector(store, id, vector, &found, error);
    if (status == LOCI_OK && !found)
      status =
          loci__fail(error, LOCI_ERROR_CORRUPT, "'%s': chunk %" PRId64 " has lost its vector; run `loci check --deep`",
                     store->path ? store->path : "(memory)", id);
    if (status == LOCI_OK) scores[i] = loci__dot(store->context, query, vector, model->dim);
  }
  loci__free_aligned(store->context, vector);
  return status;
}
