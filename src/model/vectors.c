/* model/vectors.c: loci_vectors_open: a file of word vectors (format/) with the counts that lie beside it, or a static
 * model's folder as a table of its tokens.
 *
 * FILE.vocab ("word count" a line) is what trainers of loci write beside their vectors. One that cannot be read is told in
 * the log and left alone: the vectors do not depend on it.
 *
 * A folder's rows are what its tokens count for in a text: weight · row, as floats. Holes between ids are left out, and so
 * is the unknown token where it takes no part in a text.
 */
#include "../format/vectors.h"
#include "../text/corpus.h"
#include "model.h"

#include <errno.h>

void loci_vectors_options_init(loci_vectors_options *options) {
  *options = (loci_vectors_options){.struct_size = sizeof *options};
}

/* A token that the table has, or NULL. */
static const char *piece_of(const loci_model *model, size_t id) {
  return (int32_t)id == model->table.dropped ? NULL : loci_tokenizer_piece(model->tokenizer, (int32_t)id);
}

/* The rows of the table that `model` is; the caller closes `v` on failure. */
static loci_status fill(loci_vectors *v, const loci_model *model, size_t most, size_t max_memory, loci_error *error) {
  const loci__static *s = &model->table;
  size_t n = 0;
  for (size_t id = 0; id < s->n_tokens && n < most; id++) n += piece_of(model, id) != NULL;
  if (n == 0) return loci__fail(error, LOCI_ERROR_FORMAT, "%s: its vocabulary is empty", v->path);
  size_t cells, bytes;
  if (!loci__mul(n, s->dim, &cells) || !loci__mul(cells, sizeof(float), &bytes))
    return loci__fail(error, LOCI_ERROR_LIMIT, "%s: %zu tokens of %zu numbers are too many", v->path, n, s->dim);
  if (bytes > max_memory)
    return loci__fail(error, LOCI_ERROR_LIMIT,
                      "%s: the vectors would take %.1f MB of memory, more than the %.1f MB allowed", v->path,
                      (double)bytes / 1e6, (double)max_memory / 1e6);
  v->words = loci__alloc_array(v->context, n, sizeof *v->words);
  v->lengths = loci__alloc_array(v->context, n, sizeof *v->lengths);
  v->owned_rows = loci__alloc_aligned(v->context, bytes);
  if (v->words == NULL || v->lengths == NULL || v->owned_rows == NULL) return loci__fail_memory(error, bytes, v->path);
  v->rows = v->owned_rows;
  v->dim = s->dim;
  const loci__tensor *counts = loci__safetensors_find(model->weights, "counts");
  if (counts != NULL && counts->rank == 1 && counts->n_elements >= s->n_tokens) {
    v->counts = loci__alloc_zero(v->context, n, sizeof *v->counts);
    if (v->counts == NULL) return loci__fail_memory(error, n * sizeof *v->counts, "the counts");
  }
  for (size_t id = 0; id < s->n_tokens && v->n < n; id++) {
    const char *piece = piece_of(model, id);
    if (piece == NULL) continue;
    const size_t length = strlen(piece), row = s->mapping != NULL ? (size_t)s->mapping[id] : id;
    const float weight = s->weights != NULL ? s->weights[id] : 1.0f;
    float *to = v->owned_rows + v->n * s->dim;
    for (size_t j = 0; j < s->dim; j++)
      to[j] = weight * (s->codes != NULL ? (float)s->codes[row * s->dim + j] : s->rows[row * s->dim + j]);
    v->words[v->n] = loci__arena_strndup(&v->text, piece, length);
    if (v->words[v->n] == NULL) return loci__fail_memory(error, length, "a token");
    int64_t count;
    if (v->counts != NULL && loci__tensor_integer(counts, id, &count) && count > 0) v->counts[v->n] = (uint64_t)count;
    v->lengths[v->n++] = (uint32_t)length;
  }
  return loci__vectors_index(v, error);
}

static loci_status open_folder(loci_context *context, const char *path, const loci_vectors_options *options,
                               loci_vectors **out, loci_error *error) {
  loci_model *model;
  LOCI__TRY(loci_model_open(context, path, &model, error));
  if (model->kind != LOCI__MODEL_STATIC) {
    loci_model_close(model);
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "%s: a transformer gives no vector a word: only a static model's folder is a table of words",
                      path);
  }
  loci_vectors *v = loci__alloc_zero(context, 1, sizeof *v);
  loci_status status = v != NULL ? LOCI_OK : loci__fail_memory(error, sizeof *v, path);
  if (status == LOCI_OK) {
    v->context = context;
    v->format = LOCI_VECTORS_FOLDER;
    loci__arena_init(&v->text, context);
    v->path = loci__strdup(context, path);
    if (v->path == NULL) status = loci__fail_memory(error, strlen(path), "a path");
  }
  if (status == LOCI_OK)
    status = fill(v, model, options != NULL && options->most > 0 ? options->most : SIZE_MAX,
                  options != NULL && options->max_memory > 0 ? options->max_memory : SIZE_MAX, error);
  loci_model_close(model);
  if (status != LOCI_OK) loci_vectors_close(v);
  else *out = v;
  return status;
}

/* Words that FILE.vocab does not name have count 0. */
static loci_status read_counts(loci_vectors *v, const loci_vectors_options *options, loci_error *error) {
  loci__buffer name;
  loci__buffer_init(&name, v->context, 0);
  loci__buffer_printf(&name, "%s.vocab", v->path);
  loci_status status = loci__buffer_status(&name, "a path", error);
  bool there = false;
  if (status == LOCI_OK) status = loci__file_there(v->context, name.data, &there, error);
  loci_vocabulary *vocabulary = NULL;
  if (status == LOCI_OK && there) {
    loci_error what;
    const loci_status read = loci_vocabulary_read(v->context, name.data, &vocabulary, &what);
    if (read == LOCI_ERROR_MEMORY) status = loci__fail_memory(error, v->n * sizeof *v->counts, "the counts");
    else if (read != LOCI_OK) loci__log(v->context, LOCI_LOG_WARNING, "counts are not used: %s", what.message);
  }
  const size_t limit = options != NULL && options->max_memory > 0 ? options->max_memory : SIZE_MAX;
  if (status == LOCI_OK && vocabulary != NULL) {
    const size_t bytes = v->n * sizeof *v->counts;
    v->counts = loci__alloc_zero(v->context, v->n, sizeof *v->counts);
    if (bytes > limit - (v->used < limit ? v->used : limit))
      status = loci__fail(error, LOCI_ERROR_LIMIT, "%s: its counts would take more memory than is allowed", v->path);
    else if (v->counts == NULL) status = loci__fail_memory(error, bytes, "the counts");
  }
  for (size_t i = 0; status == LOCI_OK && vocabulary != NULL && i < loci__vocabulary_size(vocabulary); i++) {
    uint64_t count;
    size_t length;
    const char *word = loci__vocabulary_word(vocabulary, i, &length, &count);
    const int64_t at = loci_vectors_find(v, word, length);
    if (at >= 0) v->counts[at] = count;
  }
  loci_vocabulary_free(vocabulary);
  loci__buffer_release(&name);
  return status;
}

loci_status loci_vectors_open(loci_context *context, const char *path, const loci_vectors_options *options,
                              loci_vectors **out, loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, sizeof(loci_vectors), "a context");
  loci_file_info info;
  const int failed = loci__file_stat(context, path, true, &info);
  if (failed == -ENOENT && strchr(path, '/') == NULL) { /* a name: once found it is a path */
    char *found = NULL;
    LOCI__TRY(loci__model_find(context, path, &found, NULL, error));
    const loci_status status = strchr(found, '/') != NULL
                                   ? loci_vectors_open(context, found, options, out, error)
                                   : loci__fail(error, LOCI_ERROR_INTERNAL, "'%s' was found nowhere", path);
    loci__free(context, found);
    return status;
  }
  if (failed < 0) return loci__fail_file(error, "open", path, failed);
  if (info.kind == LOCI_FILE_FOLDER) return open_folder(context, path, options, out, error);
  loci_vectors *v;
  LOCI__TRY(loci__vectors_open_file(context, path, options, &v, error));
  const loci_status status = v->counts == NULL ? read_counts(v, options, error) : LOCI_OK;
  if (status != LOCI_OK) loci_vectors_close(v);
  else *out = v;
  return status;
}
