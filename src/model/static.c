/* model/static.c: static models, a vector a token and their mean a text.
 *
 * Two layouts, told apart by the name of the tensor:
 *   "embedding.weight"   sentence-transformers' StaticEmbedding: the mean of all tokens, unknown ones included
 *   "embeddings"         model2vec (Tulkens and van Dongen 2024): F32, F16 or int8 rows (int8 codes have no scale of
 *                        their own), optional "weights" (a factor a token) and "mapping" (token → row), unknown tokens
 *                        are dropped before the mean; config.json has normalize and max_length (512 when absent; null =
 *                        no limit)
 * model2vec also cuts a text at max_length × the median length of a piece in characters before it tokenizes, to save
 * time; loci cuts at max_length tokens only, so longer texts can differ from it.
 *
 * Rows stay in the mapping where they are F32 or int8. A text's vector is Σ weight · row over its tokens in order, times
 * 1/n: bits depend on the text alone.
 */
#include "../kernel/kernel.h"
#include "../text/text.h"
#include "model.h"
#include "words.h"

#include <math.h>

static const char st_rows[] = "embedding.weight", m2v_rows[] = "embeddings";

bool loci__static_is(const loci__safetensors *weights) {
  return loci__safetensors_find(weights, st_rows) != NULL || loci__safetensors_find(weights, m2v_rows) != NULL;
}

void loci__static_mean(loci_context *context, const loci__static *model, const int32_t *ids, size_t n, float *out) {
  const loci__kernels *k = loci__kernels_of(context);
  const size_t dim = model->dim;
  size_t counted = 0;
  memset(out, 0, dim * sizeof *out);
  for (size_t t = 0; t < n; t++) {
    const int32_t id = ids[t];
    if (id == model->dropped) continue;
    counted++;
    const size_t row = (size_t)(model->mapping != NULL ? model->mapping[id] : id);
    const float weight = model->weights != NULL ? model->weights[id] : 1.0f;
    if (model->codes != NULL) k->add_scaled_i8(weight, model->codes + row * dim, dim, out);
    else k->add_scaled_f32(weight, model->rows + row * dim, dim, out);
  }
  if (counted == 0) return;
  const float scale = 1.0f / (float)counted;
  for (size_t j = 0; j < dim; j++) out[j] *= scale;
}

static loci_status wrong(const loci__tensor *t, const char *what, loci_error *error) {
  char shape[160];
  loci__tensor_shape_text(t, shape);
  return loci__fail_at(error, LOCI_ERROR_FORMAT, t->offset, "%s: tensor '%s' of type %s and shape %s %s", t->path,
                       t->name, t->dtype_name, shape, what);
}

static loci_status read_rows(loci_model *model, const loci__tensor *t, loci_error *error) {
  loci__static *s = &model->table;
  if (t->rank != 2 || t->shape[0] == 0 || t->shape[1] == 0 || t->shape[0] > INT32_MAX)
    return wrong(t, "is no table of rows", error);
  s->n_rows = t->shape[0];
  s->dim = t->shape[1];
  if (t->dtype == LOCI__DTYPE_I8) {
    s->codes = (const int8_t *)t->data;
    return LOCI_OK;
  }
  if (t->dtype != LOCI__DTYPE_F32 && t->dtype != LOCI__DTYPE_F16 && t->dtype != LOCI__DTYPE_BF16 &&
      t->dtype != LOCI__DTYPE_F64)
    return wrong(t, "holds neither floats nor int8 codes", error);
  return loci__weights_floats(model->context, t, &s->rows, &s->owned_rows, error);
}

static loci_status read_weights(loci_model *model, const loci__tensor *t, loci_error *error) {
  loci__static *s = &model->table;
  if (t->rank != 1 || t->n_elements < s->n_tokens) return wrong(t, "has not one weight a token", error);
  s->owned_weights = loci__alloc_array(model->context, t->n_elements, sizeof(float));
  if (s->owned_weights == NULL) return loci__fail_memory(error, t->n_elements * sizeof(float), "the tokens' weights");
  LOCI__TRY(loci__tensor_floats(t, 0, t->n_elements, s->owned_weights, error));
  s->weights = s->owned_weights;
  return LOCI_OK;
}

static loci_status read_mapping(loci_model *model, const loci__tensor *t, loci_error *error) {
  loci__static *s = &model->table;
  if (t->rank != 1 || t->n_elements < s->n_tokens) return wrong(t, "has not one row number a token", error);
  s->owned_mapping = loci__alloc_array(model->context, t->n_elements, sizeof(int32_t));
  if (s->owned_mapping == NULL) return loci__fail_memory(error, t->n_elements * sizeof(int32_t), "the tokens' rows");
  for (size_t i = 0; i < t->n_elements; i++) {
    int64_t row;
    if (!loci__tensor_integer(t, i, &row) || row < 0 || (uint64_t)row >= s->n_rows)
      return wrong(t, "names a row that is not there", error);
    s->owned_mapping[i] = (int32_t)row;
  }
  s->mapping = s->owned_mapping;
  return LOCI_OK;
}

/* config.json of model2vec: normalize, max_length. */
static loci_status read_config(loci_model *model, const char *folder, bool *normalize, loci_error *error) {
  loci__settings_file file;
  LOCI__TRY(loci__settings_open(model->context, folder, "config.json", false, &file, error));
  loci_status status = LOCI_OK;
  model->max_tokens = 512;
  if (file.root != NULL) {
    status = loci__settings_bool(&file, "normalize", normalize, error);
    const loci__json *max = loci__json_get(file.root, "max_length");
    if (max != NULL && max->type == LOCI__JSON_NULL) model->max_tokens = SIZE_MAX;
    if (status == LOCI_OK) status = loci__settings_size(&file, "max_length", &model->max_tokens, error);
  }
  loci__settings_close(&file);
  return status;
}

loci_status loci__static_open(loci_model *model, const char *folder, bool *normalize, loci_error *error) {
  *normalize = false;
  loci__static *s = &model->table;
  model->kind = LOCI__MODEL_STATIC;
  model->architecture = "static";
  model->max_tokens = model->max_positions = SIZE_MAX;
  if (model->weights == NULL) LOCI__TRY(loci__weights_open(model->context, folder, &model->weights, error));
  const loci__tensor *rows = loci__safetensors_find(model->weights, st_rows);
  const bool model2vec = rows == NULL;
  if (rows == NULL) rows = loci__safetensors_find(model->weights, m2v_rows);
  if (rows == NULL)
    return loci__fail(error, LOCI_ERROR_FORMAT,
                      "%s: neither a tensor '%s' nor '%s': these are not the rows of a static "
                      "model",
                      loci__safetensors_path(model->weights, 0, NULL), st_rows, m2v_rows);
  LOCI__TRY(read_rows(model, rows, error));
  s->dropped = -1;
  LOCI__TRY(loci__weights_use(model, "rows", rows, error));
  s->n_tokens = loci_tokenizer_vocabulary_size(model->tokenizer);
  model->n_parameters = rows->n_elements;
  if (model2vec) {
    const loci__tensor *weights = loci__safetensors_find(model->weights, "weights");
    const loci__tensor *mapping = loci__safetensors_find(model->weights, "mapping");
    if (weights != NULL) {
      LOCI__TRY(read_weights(model, weights, error));
      LOCI__TRY(loci__weights_use(model, "weights", weights, error));
      model->n_parameters += weights->n_elements;
    }
    if (mapping != NULL) {
      LOCI__TRY(read_mapping(model, mapping, error));
      LOCI__TRY(loci__weights_use(model, "mapping", mapping, error));
    }
    s->dropped = loci__tokenizer_unknown(model->tokenizer);
    LOCI__TRY(read_config(model, folder, normalize, error));
  }
  if (s->mapping == NULL && s->n_rows < s->n_tokens)
    return loci__fail_at(error, LOCI_ERROR_FORMAT, rows->offset,
                         "%s: %zu rows for a vocabulary of %zu and no mapping: these files do not belong together",
                         rows->path, s->n_rows, s->n_tokens);
  model->dim = model->pooled_dim = model->hidden_size = s->dim;
  return LOCI_OK;
}

/* ---- "#sif" behind a folder's name ---------------------------------------------------------------- */

loci_status loci__static_sif(loci_model *model, loci_error *error) {
  loci__static *s = &model->table;
  if (model->kind != LOCI__MODEL_STATIC || !loci__tokenizer_has_words(model->tokenizer))
    return loci__fail(
        error, LOCI_ERROR_UNSUPPORTED,
        "'%s': \"#sif\" weights words by how frequent they are, and this model's tokens are none; open it "
        "without",
        model->path);
  if (s->mapping != NULL || s->n_rows < s->n_tokens)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "'%s': \"#sif\" over shared rows is not implemented", model->path);
  const loci__tensor *t = loci__safetensors_find(model->weights, "counts");
  uint64_t *counts = NULL;
  if (t != NULL) {
    if (t->rank != 1 || t->n_elements < s->n_tokens) return wrong(t, "has not one count a word", error);
    counts = loci__alloc_array(model->context, s->n_tokens, sizeof *counts);
    if (counts == NULL) return loci__fail_memory(error, s->n_tokens * sizeof *counts, "the words' counts");
    for (size_t i = 0; i < s->n_tokens; i++) {
      int64_t count;
      if (!loci__tensor_integer(t, i, &count) || count < 0) {
        loci__free(model->context, counts);
        return wrong(t, "holds a count that is none", error);
      }
      counts[i] = (uint64_t)count;
    }
  }
  float *weights = NULL;
  const loci_status status = loci__words_weights_of(model->context, counts, s->n_tokens, &weights, error);
  loci__free(model->context, counts);
  LOCI__TRY(status);
  if (t != NULL && loci__weights_use(model, "counts", t, error) != LOCI_OK) {
    loci__free(model->context, weights);
    return LOCI_ERROR_MEMORY;
  }
  for (size_t i = 0; i < s->n_tokens && s->weights != NULL; i++) weights[i] *= s->weights[i];
  loci__free(model->context, s->owned_weights);
  s->weights = s->owned_weights = weights;
  model->pooling_text = "sif";
  return LOCI_OK;
}
