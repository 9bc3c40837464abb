/* store/segments.c: when segments are written, and how they come and go.
 *
 * Segments cover disjoint, ascending ranges of chunk ids. A new one takes the newest rows and swallows older ones
 * from the end as long as they are not more than twice as large as what it has already, or hold many removed rows
 * (the logarithmic method of Bentley and Saxe): a row is rewritten a number of times that grows with the logarithm
 * of the collection, and a search has few parts. Vectors come from the record, never from an older segment, so an
 * error of quantisation does not add up.
 *
 * Order of the steps: write the file and sync it (index/segment.c); then one transaction takes the old ones from the
 * list and puts the new one there; then files that are not listed are removed. A crash in between leaves a file too
 * many, which the next round removes. A reader with an older snapshot may find a file gone: it uses the record.
 */
#include <errno.h>
#include <inttypes.h>

#include "private.h"

/* Below this many new rows scanning the record is quicker than it is noticed (2,048 × 384 floats: about 1 ms). */
enum { SEGMENT_MIN_NEW = 2048 };

bool loci__segment_name_valid(const char *name) {
  return strlen(name) == 36 && strspn(name, "0123456789abcdef") == 32 && strcmp(name + 32, ".seg") == 0;
}

static bool is_leftover(const char *name) {
  return loci__segment_name_valid(name) || (loci__starts_with(name, "new-") && loci__ends_with(name, ".tmp"));
}

/* From which part on everything is written anew; n_parts = only the rows behind them. */
static size_t choose_first(const loci__rows *rows, bool force) {
  if (force) return 0;
  size_t first = rows->n_parts, new_rows = rows->n - rows->tail_first_row;
  for (size_t i = 0; i < rows->n_parts; i++)
    if (!rows->parts[i].segment || rows->parts[i].damaged) {
      first = i;
      break;
    }
  for (size_t i = first; i < rows->n_parts; i++) new_rows += rows->parts[i].n_live;
  bool wanted = first < rows->n_parts || new_rows >= SEGMENT_MIN_NEW;
  while (first > 0) {
    const loci__part *part = &rows->parts[first - 1];
    bool many_removed = part->n_live < part->n_listed - part->n_listed / 4;
    if (!many_removed && !(wanted && part->n_live <= 2 * new_rows)) break;
    wanted = true;
    new_rows += part->n_live;
    first--;
  }
  return wanted ? first : SIZE_MAX;
}

typedef struct row_source {
  loci__store *store;
  sqlite3_stmt *statement;
  float *vector;
} row_source;

static loci_status next_row(void *arg, size_t i, loci__segment_row *out, loci_error *error) {
  (void)i;
  row_source *source = arg;
  bool row;
  LOCI__TRY(loci__sql_step(source->store, source->statement, &row, "reading the vectors", error));
  if (!row) return loci__fail(error, LOCI_ERROR_INTERNAL, "a segment's rows ended too early");
  int64_t n_words = sqlite3_column_int64(source->statement, 2);
  out->id = sqlite3_column_int64(source->statement, 0);
  out->owner = sqlite3_column_int64(source->statement, 1);
  out->length = n_words < 0 ? 0 : n_words > UINT32_MAX ? UINT32_MAX : (uint32_t)n_words;
  out->vector = source->vector;
  return loci__store_vector(source->store, source->statement, 3, out->id, source->vector, error);
}

typedef struct plan {
  int64_t first_id; /* ids from here on are in the new segment */
  int64_t last_id;
  size_t n;
  uint64_t generation;
  char name[LOCI__SEGMENT_NAME];
} plan;

static loci_status write_file(loci__store *store, plan *p, loci_error *error) {
  const loci__store_model *model;
  LOCI__TRY(loci__store_model_now(store, &model, error));
  int rc = loci__file_mkdir(store->context, store->segments_folder, 0777);
  if (rc < 0 && rc != -EEXIST) return loci__fail_file(error, "make", store->segments_folder, rc);
  row_source source = {.store = store};
  source.vector = loci__alloc_aligned(store->context, model->dim * sizeof(float));
  if (!source.vector) return loci__fail_memory(error, model->dim * sizeof(float), "a vector");
  loci_status status = loci__sql_take(store, SQL_VECTORS_IN, &source.statement, error);
  if (status == LOCI_OK) {
    sqlite3_bind_int64(source.statement, 1, p->first_id);
    sqlite3_bind_int64(source.statement, 2, p->last_id);
    status = loci__segment_write(store->context, store->segments_folder, model->fingerprint, model->dim, p->n,
                                 p->generation, next_row, &source, p->name, error);
  }
  loci__sql_done(store, SQL_VECTORS_IN, source.statement);
  loci__free_aligned(store->context, source.vector);
  return status;
}

static loci_status write_list(loci__store *store, const plan *p, int64_t unlist_from, loci_error *error) {
  static const char what[] = "listing a segment";
  LOCI__TRY(loci__sql_run_with(store, SQL_UNLIST_FROM, unlist_from, 0, what, error));
  LOCI__TRY(loci__sql_run_with(store, SQL_FORGET_REMOVED, unlist_from, 0, what, error));
  if (p->n == 0) return LOCI_OK;
  sqlite3_stmt *statement;
  LOCI__TRY(loci__sql_take(store, SQL_LIST_SEGMENT, &statement, error));
  sqlite3_bind_int64(statement, 1, p->first_id);
  sqlite3_bind_int64(statement, 2, p->last_id);
  sqlite3_bind_int64(statement, 3, (int64_t)p->n);
  sqlite3_bind_int64(statement, 4, (int64_t)p->generation);
  sqlite3_bind_text(statement, 5, p->name, -1, SQLITE_STATIC);
  return loci__sql_run(store, SQL_LIST_SEGMENT, statement, what, error);
}

static loci_status list_segment(loci__store *store, const plan *p, int64_t unlist_from, loci_error *error) {
  LOCI__TRY(loci__store_begin_write(store, error));
  loci_status status = loci__store_poison(store, write_list(store, p, unlist_from, error));
  if (status == LOCI_OK) return loci__store_end(store, error);
  loci__store_rollback(store);
  return status;
}

/* ---- files that nobody lists ---------------------------------------------------------------------- */

typedef struct sweep {
  loci__store *store;
  loci__arena arena;
  const char *names[64]; /* at most so many a round: the folder is not changed while it is read */
  size_t n;
} sweep;

static int note_leftover(void *arg, const char *name) {
  sweep *s = arg;
  if (!is_leftover(name)) return 0;
  for (size_t i = 0; i < s->store->rows.n_parts; i++)
    if (strcmp(s->store->rows.parts[i].name, name) == 0) return 0;
  char *copy = loci__arena_strndup(&s->arena, name, strlen(name));
  if (copy) s->names[s->n++] = copy;
  return s->n == LOCI__COUNT(s->names);
}

/* Best effort: what is left over costs space and nothing else. Needs the rows of now. */
static void remove_leftovers(loci__store *store) {
  sweep s = {.store = store};
  loci__arena_init(&s.arena, store->context);
  (void)loci__file_readdir(store->context, store->segments_folder, note_leftover, &s);
  for (size_t i = 0; i < s.n; i++) {
    char *path = loci__path_join(store->context, store->segments_folder, s.names[i]);
    if (path) (void)loci__file_unlink(store->context, path);
    loci__free(store->context, path);
  }
  loci__arena_release(&s.arena);
}

/* ---- the whole ------------------------------------------------------------------------------------ */

/* Inside a read transaction: decides and writes the file. *unlist_from = INT64_MAX when there is nothing to do. */
static loci_status plan_and_write(loci__store *store, bool force, plan *p, int64_t *unlist_from, loci_error *error) {
  const loci__rows *rows = &store->rows;
  *unlist_from = INT64_MAX;
  LOCI__TRY(loci__rows_load(store, error));
  size_t first = choose_first(rows, force);
  if (first == SIZE_MAX || (rows->n == 0 && rows->n_parts == 0)) return LOCI_OK;
  size_t first_row = first < rows->n_parts ? rows->parts[first].first_row : rows->tail_first_row;
  int64_t generation;
  LOCI__TRY(loci__sql_integer(store, "SELECT coalesce(max(generation), 0) + 1 FROM segments", 1, &generation, error));
  p->generation = (uint64_t)generation;
  p->n = rows->n - first_row;
  if (p->n) {
    p->first_id = rows->ids[first_row];
    p->last_id = rows->ids[rows->n - 1];
    LOCI__TRY(write_file(store, p, error));
  }
  *unlist_from = first < rows->n_parts ? rows->parts[first].first_id : p->first_id;
  return LOCI_OK;
}

loci_status loci__store_build_segments(loci__store *store, bool force, loci_error *error) {
  if (!store->path) return LOCI_OK;
  if (!store->writable)
    return loci__fail(error, LOCI_ERROR_USAGE, "the collection '%s' was opened for reading", store->path);
  plan p = {0};
  int64_t unlist_from;
  LOCI__TRY(loci__store_begin_read(store, error));
  loci_status status = plan_and_write(store, force, &p, &unlist_from, error);
  if (status == LOCI_OK) status = loci__store_end(store, error);
  if (status != LOCI_OK) {
    loci__store_rollback(store);
    return status;
  }
  if (unlist_from == INT64_MAX) return LOCI_OK;
  LOCI__TRY(list_segment(store, &p, unlist_from, error));
  loci__rows_forget(store);
  store->damaged = false;
  /* A failure from here on leaves a sound store. */
  if (loci__store_begin_read(store, NULL) == LOCI_OK) {
    if (loci__rows_load(store, NULL) == LOCI_OK) remove_leftovers(store);
    loci__store_rollback(store);
  }
  return LOCI_OK;
}
