/* model/vectors.c: loci_vectors_open: a file of word vectors (format/), or a static model's folder as a table of its
 * tokens.
 *
 * A folder's rows are what its tokens count for in a text: weight · row, as floats. Tokens that the vocabulary does not
 * have (holes between ids) are left out.
 */
#include "../format/vectors.h"
#include "model.h"

void loci_vectors_options_init(loci_vectors_options *options) {
  *options = (loci_vectors_options){.struct_size = sizeof *options};
}

/* The rows of the table that `model` is; the caller closes `v` on failure. */
static loci_status fill(loci_vectors *v, const loci_model *model, size_t most, size_t max_memory, loci_error *error) {
  const loci__static *s = &model->table;
  size_t n = 0;
  for (size_t id = 0; id < s->n_tokens && n < most; id++)
    n += loci_tokenizer_piece(model->tokenizer, (int32_t)id) != NULL;
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
  for (size_t id = 0; id < s->n_tokens && v->n < n; id++) {
    const char *piece = loci_tokenizer_piece(model->tokenizer, (int32_t)id);
    if (piece == NULL) continue;
    const size_t length = strlen(piece), row = s->mapping != NULL ? (size_t)s->mapping[id] : id;
    const float weight = s->weights != NULL ? s->weights[id] : 1.0f;
    float *to = v->owned_rows + v->n * s->dim;
    for (size_t j = 0; j < s->dim; j++)
      to[j] = weight * (s->codes != NULL ? (float)s->codes[row * s->dim + j] : s->rows[row * s->dim + j]);
    v->words[v->n] = loci__arena_strndup(&v->text, piece, length);
    if (v->words[v->n] == NULL) return loci__fail_memory(error, length, "a token");
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

loci_status loci_vectors_open(loci_context *context, const char *path, const loci_vectors_options *options,
                              loci_vectors **out, loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, sizeof(loci_vectors), "a context");
  loci_file_info info;
  const int failed = loci__file_stat(context, path, true, &info);
  if (failed < 0) return loci__fail_file(error, "open", path, failed);
  return info.kind == LOCI_FILE_FOLDER ? open_folder(context, path, options, out, error)
                                       : loci__vectors_open_file(context, path, options, out, error);
}
