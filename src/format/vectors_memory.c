/* format/vectors_memory.c: a table of words and rows that a program fills: no file stands behind it.
 *
 * Phases: new (room for `capacity` rows, none there) → add, row by row, each found at once by its word → asked like any
 * other table, from any thread. n counts the rows that are there.
 */
#include "vectors_private.h"

loci_status loci_vectors_new(loci_context *context, const char *name, size_t n, size_t dim, loci_vectors **out,
                             loci_error *error) {
  *out = NULL;
  if (n == 0 || dim == 0)
    return loci__fail(error, LOCI_ERROR_USAGE, "loci_vectors_new: a table of %zu rows of %zu numbers holds nothing", n,
                      dim);
  context = loci__context_of(context);
  loci_vectors *v = context != NULL ? loci__alloc_zero(context, 1, sizeof *v) : NULL;
  if (v == NULL) return loci__fail_memory(error, sizeof *v, "a table of vectors");
  v->context = context;
  v->format = LOCI_VECTORS_MEMORY;
  loci__arena_init(&v->text, context);
  v->path = loci__strdup(context, name);
  const loci__vectors_in in = {.max_memory = SIZE_MAX, .most = SIZE_MAX};
  loci_status status = v->path != NULL ? LOCI_OK : loci__fail_memory(error, strlen(name) + 1, "a name");
  if (status == LOCI_OK) status = loci__vectors_reserve(v, &in, n, dim, true, error);
  if (status == LOCI_OK) {
    v->n = 0;
    v->capacity = n;
    v->texts = loci__alloc_zero(context, n, sizeof *v->texts);
    v->text_lengths = loci__alloc_zero(context, n, sizeof *v->text_lengths);
    if (v->texts == NULL || v->text_lengths == NULL)
      status = loci__fail_memory(error, n * sizeof *v->texts, "the texts of a table");
  }
  if (status == LOCI_OK) status = loci__vectors_make_slots(v, n, error);
  if (status != LOCI_OK) {
    loci_vectors_close(v);
    return status;
  }
  *out = v;
  return LOCI_OK;
}

loci_status loci_vectors_add(loci_vectors *vectors, const char *word, size_t length, const float *row, const char *text,
                             size_t text_length, loci_error *error) {
  const size_t i = vectors->n;
  if (i >= vectors->capacity)
    return loci__fail(error, LOCI_ERROR_LIMIT, "%s: the table has room for %zu rows, and all are taken", vectors->path,
                      vectors->capacity);
  if (length > UINT32_MAX || text_length > UINT32_MAX)
    return loci__fail(error, LOCI_ERROR_LIMIT, "%s: the word or text of row %zu is too long", vectors->path, i);
  vectors->words[i] = loci__arena_strndup(&vectors->text, word, length);
  if (text != NULL) vectors->texts[i] = loci__arena_strndup(&vectors->text, text, text_length);
  if (vectors->words[i] == NULL || (text != NULL && vectors->texts[i] == NULL))
    return loci__fail_memory(error, length + text_length, "a row of a table");
  vectors->lengths[i] = (uint32_t)length;
  vectors->text_lengths[i] = text != NULL ? (uint32_t)text_length : 0;
  memcpy(vectors->owned_rows + i * vectors->dim, row, vectors->dim * sizeof *row);
  vectors->n_not_finite += loci__floats_odd(row, vectors->dim);
  vectors->n++;
  loci__vectors_put_slot(vectors, i);
  return LOCI_OK;
}

const char *loci_vectors_text(const loci_vectors *vectors, size_t i, size_t *length) {
  if (i >= vectors->n || vectors->texts == NULL || vectors->texts[i] == NULL) return NULL;
  if (length != NULL) *length = vectors->text_lengths[i];
  return vectors->texts[i];
}
