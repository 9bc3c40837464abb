/* reindex.c: what changes a collection without reading files. loci_collection_reindex and loci_collection_forget.
 *
 * Reindexing embeds the stored passages anew, with another model or the same, in one write transaction: readers see
 * the old vectors with the old fingerprint until it is finished, and then the new ones; a cancel, an error or a kill
 * leaves the old ones. Its price is a write-ahead log as large as the new vectors. Passages stay cut as they are: one
 * that is too long for the new model is truncated, counted and told.
 */
#include "collection.h"

#include "plan.h"

enum { GROUP_BYTES = 4 << 20 }; /* of passages embedded in one call */

typedef struct document_list {
  loci_context *context;
  int64_t *ids;
  size_t n, capacity;
} document_list;

static loci_status note_document(void *arg, const loci__store_document *document, loci_error *error) {
  document_list *list = arg;
  if (!loci__grow(list->context, &list->ids, &list->capacity, list->n + 1, sizeof *list->ids)) {
    return loci__fail_memory(error, sizeof *list->ids, "a list of documents");
  }
  list->ids[list->n++] = document->id;
  return LOCI_OK;
}

/* ---- reindex ------------------------------------------------------------------------------------------- */

/* Passages of some documents, on their way through the model. */
typedef struct group {
  loci_collection *collection;
  loci_index_report *report;
  loci__meter *meter;
  loci__buffer text;
  char *title;
  size_t *ends; /* of each passage in text */
  size_t n_chunks, ends_capacity;
  int64_t *ids;   /* of the documents */
  size_t *counts; /* their passages */
  size_t n_documents, ids_capacity, counts_capacity;
  uint64_t n_done;
  size_t dim;
} group;

static loci_status add_chunk(void *arg, const loci__store_chunk *chunk, loci_error *error) {
  group *g = arg;
  loci__passage_text(&g->text, g->title, chunk->heading, chunk->text, chunk->text_length);
  LOCI__TRY(loci__buffer_status(&g->text, "passages to embed", error));
  if (!loci__grow(g->collection->context, &g->ends, &g->ends_capacity, g->n_chunks + 1, sizeof *g->ends)) {
    return loci__fail_memory(error, sizeof *g->ends, "passages to embed");
  }
  g->ends[g->n_chunks++] = g->text.length;
  return LOCI_OK;
}

static loci_status keep_title(void *arg, const loci__store_document *document, loci_error *error) {
  group *g = arg;
  loci__free(g->collection->context, g->title);
  g->title = loci__strdup(g->collection->context, document->title != NULL ? document->title : "");
  return g->title != NULL ? LOCI_OK : loci__fail_memory(error, 0, "a title");
}

static int tell_embedding(void *user, const loci_progress *progress) {
  group *g = user;
  uint64_t done = g->n_done;
  if (progress->total > 0) done += g->n_documents * progress->done / progress->total;
  return loci__meter_at(g->meter, done, NULL, NULL) != LOCI_OK;
}

static loci_status embed_group(group *g, loci_error *error) {
  if (g->n_chunks == 0) return LOCI_OK;
  loci_context *context = g->collection->context;
  size_t size = 0;
  loci_status status = LOCI_OK;
  loci_text *texts = loci__alloc_array(context, g->n_chunks, sizeof *texts);
  loci_embed_info *infos = loci__alloc_array(context, g->n_chunks, sizeof *infos);
  float *vectors = loci__mul(g->n_chunks, g->dim, &size) ? loci__alloc_array(context, size, sizeof *vectors) : NULL;
  if (texts == NULL || infos == NULL || vectors == NULL) status = loci__fail_memory(error, size, "vectors");
  if (status == LOCI_OK) {
    for (size_t i = 0, start = 0; i < g->n_chunks; start = g->ends[i++]) {
      texts[i] = (loci_text){g->text.data + start, g->ends[i] - start};
    }
    loci_embed_options embed;
    loci_embed_options_init(&embed);
    embed.role = LOCI_ROLE_DOCUMENT;
    embed.progress = tell_embedding;
    embed.progress_user = g;
    status = loci_embed(g->collection->model, texts, g->n_chunks, &embed, vectors, infos, error);
  }
  const float *next = vectors;
  for (size_t i = 0; i < g->n_documents && status == LOCI_OK; i++) {
    status = loci__store_put_vectors(g->collection->store, g->ids[i], next, g->counts[i], error);
    next += g->counts[i] * g->dim;
  }
  for (size_t i = 0; i < g->n_chunks && status == LOCI_OK; i++) {
    g->report->n_tokens += infos[i].n_tokens;
    g->report->n_truncated += infos[i].truncated != 0;
    g->report->n_unknown += infos[i].n_tokens > 0 && loci__collection_is_zero(vectors + i * g->dim, g->dim);
  }
  if (status == LOCI_OK) {
    g->report->n_chunks += g->n_chunks;
    g->report->n_changed += g->n_documents;
    g->n_done += g->n_documents;
    g->n_chunks = g->n_documents = 0;
    loci__buffer_clear(&g->text);
  }
  loci__free(context, vectors);
  loci__free(context, infos);
  loci__free(context, texts);
  return status;
}

static loci_status add_document(group *g, int64_t id, loci_error *error) {
  loci_context *context = g->collection->context;
  bool found = false;
  size_t before = g->n_chunks;
  LOCI__TRY(loci__store_get_document(g->collection->store, id, keep_title, g, &found, error));
  LOCI__TRY(loci__store_each_chunk(g->collection->store, id, add_chunk, g, error));
  if (g->n_chunks == before) { /* a skipped file */
    g->n_done++;
    return LOCI_OK;
  }
  if (!loci__grow(context, &g->ids, &g->ids_capacity, g->n_documents + 1, sizeof *g->ids) ||
      !loci__grow(context, &g->counts, &g->counts_capacity, g->n_documents + 1, sizeof *g->counts)) {
    return loci__fail_memory(error, 0, "a list of documents");
  }
  g->ids[g->n_documents] = id;
  g->counts[g->n_documents++] = g->n_chunks - before;
  return g->text.length < GROUP_BYTES ? LOCI_OK : embed_group(g, error);
}

static loci_status embed_all(group *g, const document_list *list, loci_error *error) {
  LOCI__TRY(loci__store_drop_vectors(g->collection->store, error));
  LOCI__TRY(loci__collection_set_model(g->collection, error));
  LOCI__TRY(loci__meter_stage(g->meter, "embedding", "documents", list->n, error));
  for (size_t i = 0; i < list->n; i++) {
    LOCI__TRY(add_document(g, list->ids[i], error));
    LOCI__TRY(loci__meter_at(g->meter, g->n_done, NULL, error));
  }
  LOCI__TRY(embed_group(g, error));
  return loci__meter_end(g->meter, error);
}

static loci_status reindex(loci_collection *collection, const char *model, loci__meter *meter,
                           loci_index_report *report, loci_error *error) {
  loci__store *store = collection->store;
  LOCI__TRY(loci__collection_use_model(collection, model, false, error));
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(collection->model, &info);
  document_list list = {.context = collection->context};
  group g = {.collection = collection, .report = report, .meter = meter, .dim = info.dim};
  loci__buffer_init(&g.text, collection->context, 0);
  loci_status status = loci__store_begin_write(store, error);
  if (status == LOCI_OK) {
    status = loci__store_each_document(store, "", note_document, &list, error);
    if (status == LOCI_OK) status = embed_all(&g, &list, error);
    if (status == LOCI_OK) status = loci__store_end(store, error);
    if (status != LOCI_OK) loci__store_rollback(store);
  }
  loci__buffer_release(&g.text);
  loci__free(collection->context, g.title);
  loci__free(collection->context, g.ends);
  loci__free(collection->context, g.ids);
  loci__free(collection->context, g.counts);
  loci__free(collection->context, list.ids);
  if (status == LOCI_OK) status = loci__store_build_segments(store, true, error);
  if (status == LOCI_OK) status = loci__sample_pairs(collection, error);
  if (status == LOCI_OK && report->n_truncated > 0) {
    loci__log(collection->context, LOCI_LOG_WARNING,
              "%llu passages were longer than the model '%s' takes (%zu tokens) and were cut: `loci forget` and "
              "`loci index` cut the files anew",
              (unsigned long long)report->n_truncated, info.name, info.max_tokens);
  }
  return status;
}

loci_status loci_collection_reindex(loci_collection *collection, const loci_index_options *options,
                                    loci_index_report *report, loci_error *error) {
  loci_index_options filled;
  loci_index_options_init(&filled);
  if (options != NULL) {
    memcpy(&filled, options, options->struct_size < sizeof filled ? options->struct_size : sizeof filled);
  }
  loci_index_report own;
  if (report == NULL) report = &own;
  *report = (loci_index_report){0};
  if (collection->mode == LOCI_COLLECTION_READ) {
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is open for reading only", collection->path);
  }
  double began = loci__now();
  loci__meter meter;
  loci__meter_init(&meter, filled.progress, filled.progress_user);
  loci_status status = reindex(collection, filled.model, &meter, report, error);
  report->seconds = loci__now() - began;
  return status;
}

/* ---- forget ---------------------------------------------------------------------------------------------- */

typedef struct root_search {
  loci_context *context;
  const char *path;
  int64_t *ids;
  size_t n, capacity;
} root_search;

static loci_status note_root(void *arg, int64_t id, const char *root, loci_error *error) {
  root_search *search = arg;
  if (!loci__path_is_below(search->path, root)) return LOCI_OK;
  if (!loci__grow(search->context, &search->ids, &search->capacity, search->n + 1, sizeof *search->ids)) {
    return loci__fail_memory(error, sizeof *search->ids, "the collection's roots");
  }
  search->ids[search->n++] = id;
  return LOCI_OK;
}

static loci_status forget_lists(loci_collection *collection, const document_list *list, const root_search *roots,
                                loci_error *error) {
  LOCI__TRY(loci__store_begin_write(collection->store, error));
  loci_status status = LOCI_OK;
  for (size_t i = 0; i < list->n && status == LOCI_OK; i++) {
    status = loci__store_remove(collection->store, list->ids[i], error);
  }
  for (size_t i = 0; i < roots->n && status == LOCI_OK; i++) {
    status = loci__store_remove_root(collection->store, roots->ids[i], error);
  }
  if (status == LOCI_OK) status = loci__store_end(collection->store, error);
  if (status != LOCI_OK) loci__store_rollback(collection->store);
  return status;
}

loci_status loci_collection_forget(loci_collection *collection, const char *path, uint64_t *n_forgotten,
                                   loci_error *error) {
  if (n_forgotten != NULL) *n_forgotten = 0;
  if (collection->mode == LOCI_COLLECTION_READ) {
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is open for reading only", collection->path);
  }
  if (path == NULL || *path == '\0') return loci__fail(error, LOCI_ERROR_USAGE, "a path to forget is needed");
  loci_context *context = collection->context;
  char *absolute = loci__path_absolute(context, path);
  if (absolute == NULL) return loci__fail_memory(error, strlen(path), "a path");
  document_list list = {.context = context};
  root_search roots = {.context = context, .path = absolute};
  loci_status status = loci__store_each_document(collection->store, absolute, note_document, &list, error);
  if (status == LOCI_OK) status = loci__store_each_root(collection->store, note_root, &roots, error);
  if (status == LOCI_OK && list.n == 0 && roots.n == 0) { /* no such place: perhaps below a root, or a tail */
    int64_t id = 0;
    status = loci__collection_find(collection, path, &id, error);
    loci__store_document one = {.id = id};
    if (status == LOCI_OK) status = note_document(&list, &one, error);
  }
  if (status == LOCI_OK) status = forget_lists(collection, &list, &roots, error);
  if (status == LOCI_OK && n_forgotten != NULL) *n_forgotten = list.n;
  loci__free(context, list.ids);
  loci__free(context, roots.ids);
  loci__free(context, absolute);
  return status;
}
