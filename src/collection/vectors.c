/* vectors.c: the passages of a collection as a table of vectors, for what works on tables: neighbours, clusters, maps.
 *
 * One read transaction; rows in the order of the passages' ids, so a document's stand together. A word of the table is a
 * place, as `loci search` prints it.
 */
#include "collection.h"

typedef struct vectors_run {
  loci_collection *collection;
  loci_collection_vectors_options options;
  loci__buffer path, word;
  loci_vectors *vectors;
  float *row;
  uint32_t line, copy; /* where the passage before began, and how many of its document began there */
} vectors_run;

void loci_collection_vectors_options_init(loci_collection_vectors_options *options) {
  *options = (loci_collection_vectors_options){.struct_size = sizeof *options, .text_bytes = 400};
}

static loci_status take_document(void *arg, const loci__store_document *document, loci_error *error) {
  vectors_run *run = arg;
  const char *below = run->options.below, *path = document->path;
  const size_t length = below != NULL ? strlen(below) : 0;
  if (length > 1 && strncmp(path, below, length) == 0 && path[length] == '/' && path[length + 1] != '\0')
    path += length + 1;
  run->copy = 0;
  loci__buffer_clear(&run->path);
  loci__buffer_puts(&run->path, path);
  return loci__buffer_status(&run->path, "a path", error);
}

static loci_status take_chunk(void *arg, const loci__store_chunk *chunk, loci_error *error) {
  vectors_run *run = arg;
  loci__buffer_clear(&run->word);
  loci__buffer_printf(&run->word, "%s:%u", run->path.data, chunk->line_start);
  run->copy = run->copy > 0 && run->line == chunk->line_start ? run->copy + 1 : 1;
  run->line = chunk->line_start;
  if (run->copy > 1) loci__buffer_printf(&run->word, " (%u)", run->copy);
  LOCI__TRY(loci__buffer_status(&run->word, "a place", error));
  size_t length = chunk->text_length < run->options.text_bytes ? chunk->text_length : run->options.text_bytes;
  while (length > 0 && length < chunk->text_length && ((unsigned char)chunk->text[length] & 0xC0) == 0x80) length--;
  return loci_vectors_add(run->vectors, run->word.data, run->word.length, run->row,
                          run->options.text_bytes > 0 ? chunk->text : NULL, length, error);
}

static loci_status take_rows(vectors_run *run, loci__meter *meter, loci_error *error) {
  loci_collection *c = run->collection;
  loci__store_model model;
  loci__store_rows rows;
  LOCI__TRY(loci__store_get_model(c->store, &model, error));
  LOCI__TRY(loci__store_get_rows(c->store, &rows, error));
  if (rows.n == 0 || model.dim == 0)
    return loci__fail(error, LOCI_ERROR_NOT_FOUND,
                      "the collection '%s' holds no passages; `loci index FOLDER` adds some", c->path);
  LOCI__TRY(loci__meter_stage(meter, "reading", "passages", rows.n, error));
  LOCI__TRY(loci_vectors_new(c->context, c->path, rows.n, model.dim, &run->vectors, error));
  run->row = loci__alloc_array(c->context, model.dim, sizeof *run->row);
  if (run->row == NULL) return loci__fail_memory(error, model.dim * sizeof *run->row, "a vector");
  for (size_t i = 0; i < rows.n; i++) {
    bool found = false;
    if (i == 0 || rows.document_ids[i] != rows.document_ids[i - 1])
      LOCI__TRY(loci__store_get_document(c->store, rows.document_ids[i], take_document, run, &found, error));
    else found = true;
    if (found) LOCI__TRY(loci__store_get_vector(c->store, rows.chunk_ids[i], run->row, &found, error));
    if (found) LOCI__TRY(loci__store_get_chunk(c->store, rows.chunk_ids[i], take_chunk, run, &found, error));
    if (!found)
      return loci__fail(error, LOCI_ERROR_CORRUPT,
                        "'%s': passage %lld has lost its vector, text or document; see "
                        "`loci check`",
                        c->path, (long long)rows.chunk_ids[i]);
    LOCI__TRY(loci__meter_at(meter, i + 1, NULL, error));
  }
  return loci__meter_end(meter, error);
}

loci_status loci_collection_vectors(loci_collection *collection, const loci_collection_vectors_options *options,
                                    loci_vectors **out, loci_error *error) {
  *out = NULL;
  vectors_run run = {.collection = collection};
  loci_collection_vectors_options_init(&run.options);
  if (options != NULL)
    memcpy(&run.options, options,
           options->struct_size < sizeof run.options ? options->struct_size : sizeof run.options);
  loci__meter meter;
  loci__meter_init(&meter, run.options.progress, run.options.progress_user);
  loci__buffer_init(&run.path, collection->context, 0);
  loci__buffer_init(&run.word, collection->context, 0);
  LOCI__TRY(loci__store_begin_read(collection->store, error));
  loci_status status = take_rows(&run, &meter, error);
  if (status == LOCI_OK) status = loci__store_end(collection->store, error);
  else loci__store_rollback(collection->store);
  loci__free(collection->context, run.row);
  loci__buffer_release(&run.path);
  loci__buffer_release(&run.word);
  if (status != LOCI_OK) loci_vectors_close(run.vectors);
  else *out = run.vectors;
  return status;
}
