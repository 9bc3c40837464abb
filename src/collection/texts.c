/* texts.c: documents that come from no file, into a collection in memory. What eval/ measures on.
 *
 * The same rows as `loci index` would make of a file with this title and text, or one row a document, so that
 * BM25, vectors and their fusion are compared on equal terms.
 */
#include "collection.h"

#include "../text/chunk.h"

enum { GROUP_BYTES = 4 << 20 }; /* of texts embedded in one call */

typedef struct text_run {
  loci_collection *collection;
  const loci_model *model;
  const loci__collection_text *texts;
  bool chunks;
  size_t dim;
  loci__meter *meter;
  uint64_t n_done;
} text_run;

/* One row: the title's line, then the text. */
static loci_status whole(text_run *run, const loci__collection_text *text, loci__chunks *out, loci_error *error) {
  loci__arena_init(&out->arena, run->collection->context);
  loci__buffer joined;
  loci__buffer_init(&joined, run->collection->context, 0);
  loci__passage_text(&joined, text->title, NULL, text->text, text->length);
  loci_status status = loci__buffer_status(&joined, "a document", error);
  if (status == LOCI_OK) {
    char *copy = loci__arena_strndup(&out->arena, joined.data != NULL ? joined.data : "", joined.length);
    out->items = loci__alloc_zero(run->collection->context, 1, sizeof *out->items);
    if (copy == NULL || out->items == NULL) {
      status = loci__fail_memory(error, joined.length, "a document");
    } else {
      out->items[0] =
          (loci__chunk){.text = copy, .length = joined.length, .heading = "", .line_start = 1, .line_end = 1};
      out->n = out->capacity = 1;
    }
  }
  loci__buffer_release(&joined);
  return status;
}

static loci_status cut(text_run *run, const loci__collection_text *text, loci__chunks *out, loci_error *error) {
  loci__chunk_options options = {.max_tokens = loci__passage_tokens(run->model, 0), .overlap = 0.15};
  loci__block block = {
      .kind = LOCI__BLOCK_PARAGRAPH, .line_start = 1, .line_end = 1, .text = text->text, .length = text->length};
  loci__document document = {.title = text->title, .format = "text", .encoding = "UTF-8", .blocks = &block};
  document.n_blocks = text->length > 0 ? 1 : 0;
  return loci__chunk_document(run->collection->context, &document, loci_model_tokenizer(run->model), &options, out,
                              error);
}

static loci_status embed_chunks(text_run *run, const loci__collection_text *texts, const loci__chunks *chunks, size_t n,
                                size_t n_chunks, float *vectors, loci_error *error) {
  if (run->model == NULL) {
    memset(vectors, 0, n_chunks * run->dim * sizeof *vectors);
    return LOCI_OK;
  }
  loci_context *context = run->collection->context;
  loci__buffer text;
  loci__buffer_init(&text, context, 0);
  size_t *ends = loci__alloc_array(context, n_chunks, sizeof *ends);
  loci_text *inputs = loci__alloc_array(context, n_chunks, sizeof *inputs);
  loci_status status = LOCI_OK;
  if (ends == NULL || inputs == NULL) status = loci__fail_memory(error, n_chunks * sizeof *inputs, "texts to embed");
  size_t at = 0;
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    for (size_t j = 0; j < chunks[i].n; j++) {
      const loci__chunk *c = &chunks[i].items[j];
      loci__passage_text(&text, run->chunks ? texts[i].title : "", c->heading, c->text, c->length);
      ends[at++] = text.length;
    }
    status = loci__buffer_status(&text, "texts to embed", error);
  }
  if (status == LOCI_OK) {
    for (size_t i = 0, start = 0; i < n_chunks; start = ends[i++]) {
      inputs[i] = (loci_text){(text.data != NULL ? text.data : "") + start, ends[i] - start};
    }
    loci_embed_options embed;
    loci_embed_options_init(&embed);
    embed.role = LOCI_ROLE_DOCUMENT;
    status = loci_embed(run->model, inputs, n_chunks, &embed, vectors, NULL, error);
  }
  loci__free(context, inputs);
  loci__free(context, ends);
  loci__buffer_release(&text);
  return status;
}

static loci_status put_document(text_run *run, const loci__collection_text *text, const loci__chunks *chunks,
                                const float *vectors, int64_t *id, loci_error *error) {
  loci_context *context = run->collection->context;
  loci__store_chunk *rows = loci__alloc_zero(context, chunks->n > 0 ? chunks->n : 1, sizeof *rows);
  if (rows == NULL) return loci__fail_memory(error, chunks->n * sizeof *rows, "rows");
  for (size_t i = 0; i < chunks->n; i++) {
    const loci__chunk *c = &chunks->items[i];
    rows[i] = (loci__store_chunk){.ordinal = (uint32_t)i,
                                  .line_start = c->line_start,
                                  .line_end = c->line_end,
                                  .n_tokens = c->n_tokens,
                                  .heading = c->heading,
                                  .text = c->text,
                                  .text_length = c->length};
  }
  char hash[33];
  loci__hash_once(text->text, text->length, hash);
  loci__store_document document = {.path = text->id,
                                   .title = run->chunks ? text->title : "",
                                   .format = "text",
                                   .size = (int64_t)text->length,
                                   .hash = hash};
  loci_status status =
      loci__store_put(run->collection->store, &document, rows, chunks->n, chunks->n > 0 ? vectors : NULL, id, error);
  loci__free(context, rows);
  return status;
}

static loci_status add_group(text_run *run, const loci__collection_text *texts, loci__chunks *chunks, size_t n,
                             int64_t *ids, loci_error *error) {
  loci_context *context = run->collection->context;
  size_t n_chunks = 0, size = 0;
  loci_status status = LOCI_OK;
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    status = run->chunks ? cut(run, &texts[i], &chunks[i], error) : whole(run, &texts[i], &chunks[i], error);
    n_chunks += chunks[i].n;
  }
  if (status != LOCI_OK) return status;
  float *vectors = NULL;
  if (n_chunks > 0 && (!loci__mul(n_chunks, run->dim, &size) ||
                       (vectors = loci__alloc_array(context, size, sizeof *vectors)) == NULL)) {
    return loci__fail_memory(error, size, "vectors");
  }
  if (n_chunks > 0) status = embed_chunks(run, texts, chunks, n, n_chunks, vectors, error);
  const float *next = vectors;
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    status = put_document(run, &texts[i], &chunks[i], next, &ids[i], error);
    if (next != NULL) next += chunks[i].n * run->dim;
  }
  loci__free(context, vectors);
  run->n_done += n;
  if (status == LOCI_OK) status = loci__meter_at(run->meter, run->n_done, NULL, error);
  return status;
}

static loci_status add_all(text_run *run, size_t n, int64_t *ids, loci_error *error) {
  loci_context *context = run->collection->context;
  for (size_t first = 0; first < n;) {
    size_t count = 0, bytes = 0;
    while (first + count < n && bytes < GROUP_BYTES) bytes += run->texts[first + count++].length;
    loci__chunks *chunks = loci__alloc_zero(context, count, sizeof *chunks);
    if (chunks == NULL) return loci__fail_memory(error, count * sizeof *chunks, "passages");
    loci_status status = add_group(run, run->texts + first, chunks, count, ids + first, error);
    for (size_t i = 0; i < count; i++) loci__chunks_release(&chunks[i]);
    loci__free(context, chunks);
    if (status != LOCI_OK) return status;
    first += count;
  }
  return LOCI_OK;
}

loci_status loci__collection_add_texts(loci_collection *collection, const loci_model *model,
                                       const loci__collection_text *texts, size_t n, bool chunks, loci__meter *meter,
                                       int64_t *ids, loci_error *error) {
  if (model == NULL && chunks) {
    return loci__fail(error, LOCI_ERROR_USAGE, "passages are measured in a model's tokens: a model is needed");
  }
  loci_model_info info = {.struct_size = sizeof info, .dim = 1};
  if (model != NULL) loci_model_get_info(model, &info);
  text_run run = {.collection = collection,
                  .model = model,
                  .texts = texts,
                  .chunks = chunks,
                  .dim = model != NULL ? info.dim : 1,
                  .meter = meter};
  LOCI__TRY(loci__meter_stage(meter, "indexing", "documents", n, error));
  LOCI__TRY(loci__store_begin_write(collection->store, error));
  /* No fingerprint is needed to tell models apart in a store that lives for one measurement. */
  loci_status status = loci__store_set_model(collection->store, "00000000000000000000000000000000",
                                             model != NULL ? info.name : "none", "", run.dim, error);
  if (status == LOCI_OK) status = add_all(&run, n, ids, error);
  if (status == LOCI_OK) status = loci__store_end(collection->store, error);
  if (status != LOCI_OK) {
    loci__store_rollback(collection->store);
    return status;
  }
  return loci__meter_end(meter, error);
}
