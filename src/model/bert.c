/* model/bert.c: a BERT's config.json and tensors, handed to the encoder.
 *
 * Names are those of Hugging Face's BertModel, behind any prefix ("bert." of a masked language model, none of a bare
 * encoder), with LayerNorm's parameters as weight/bias or, in files made from TensorFlow, gamma/beta. What inference
 * does not need is left where it is: embeddings.position_ids, the pooler, cls.*.
 *
 * Every shape is compared with config.json before the encoder sees a pointer. The encoder packs the matrices and
 * keeps only the three embedding tables: these stay views of the mapping, or are kept converted when the file holds
 * another type than F32.
 */
#include "model.h"

#include "loci/tokenizer.h"

#include <stdio.h>

enum { MAX_LAYERS = 1024, MAX_SIDE = 1 << 26 };

loci_status loci__weights_open(loci_context *context, const char *folder, loci__safetensors **out, loci_error *error) {
  static const char *const names[] = {"model.safetensors", "model.safetensors.index.json"};
  *out = NULL;
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    char *path = loci__path_join(context, folder, names[i]);
    if (path == NULL) return loci__fail_memory(error, strlen(folder) + 32, "a path");
    bool there;
    loci_status status = loci__file_there(context, path, &there, error);
    if (status == LOCI_OK && there) status = loci__safetensors_open(context, path, out, error);
    loci__free(context, path);
    if (there || status != LOCI_OK) return status;
  }
  char *pickle = loci__path_join(context, folder, "pytorch_model.bin");
  if (pickle == NULL) return loci__fail_memory(error, strlen(folder) + 32, "a path");
  const bool there = loci__file_exists(context, pickle);
  loci__free(context, pickle);
  if (there)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "'%s' has its weights only as a pickle (pytorch_model.bin), which is a program and never opened: "
                      "get or make model.safetensors",
                      folder);
  return loci__fail(error, LOCI_ERROR_MODEL, "'%s' holds no model.safetensors: this is no complete model folder",
                    folder);
}

loci_status loci__weights_use(loci_model *model, const char *name, const loci__tensor *tensor, loci_error *error) {
  if (!loci__grow(model->context, &model->used, &model->used_capacity, model->n_used + 1, sizeof *model->used))
    return loci__fail_memory(error, sizeof *model->used, "a table of tensors");
  const char *copy = loci__arena_strndup(&model->arena, name, strlen(name));
  if (copy == NULL) return loci__fail_memory(error, strlen(name) + 1, "a tensor's name");
  model->used[model->n_used++] = (loci__used){copy, tensor};
  return LOCI_OK;
}

loci_status loci__weights_floats(loci_context *context, const loci__tensor *tensor, const float **out, float **owned,
                                 loci_error *error) {
  *owned = NULL;
  *out = loci__tensor_view(tensor);
  if (*out != NULL) return LOCI_OK;
  size_t bytes;
  if (!loci__mul(tensor->n_elements, sizeof(float), &bytes) || bytes == 0)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: tensor '%s' is empty", tensor->path, tensor->name);
  *owned = loci__alloc_aligned(context, bytes);
  if (*owned == NULL) return loci__fail_memory(error, bytes, tensor->name);
  const loci_status status = loci__tensor_floats(tensor, 0, tensor->n_elements, *owned, error);
  if (status != LOCI_OK) {
    loci__free_aligned(context, *owned);
    *owned = NULL;
  }
  *out = *owned;
  return status;
}

/* ---- config.json ------------------------------------------------------------------------------- */

static loci_status expect_text(const loci__settings_file *file, const char *key, const char *expected,
                               loci_error *error) {
  const loci__json *v = loci__json_get(file->root, key);
  if (v == NULL || v->type == LOCI__JSON_NULL || loci__json_is(v, expected)) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: %s '%.*s' is not implemented (only '%s')", file->path, key,
                    (int)(v->length < 100 ? v->length : 100), v->text != NULL ? v->text : "", expected);
}

static loci_status read_activation(const loci__settings_file *file, loci__activation *out, loci_error *error) {
  static const struct {
    const char *name;
    loci__activation activation;
  } names[] = {{"gelu", LOCI__ACTIVATION_GELU},
               {"gelu_new", LOCI__ACTIVATION_GELU_TANH},
               {"gelu_pytorch_tanh", LOCI__ACTIVATION_GELU_TANH},
               {"gelu_fast", LOCI__ACTIVATION_GELU_TANH},
               {"relu", LOCI__ACTIVATION_RELU}};
  const loci__json *v = loci__json_get(file->root, "hidden_act");
  *out = LOCI__ACTIVATION_GELU;
  if (v == NULL || v->type == LOCI__JSON_NULL) return LOCI_OK;
  for (size_t i = 0; i < LOCI__COUNT(names); i++)
    if (loci__json_is(v, names[i].name)) {
      *out = names[i].activation;
      return LOCI_OK;
    }
  return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: hidden_act '%.*s' is not implemented", file->path,
                    (int)(v->length < 100 ? v->length : 100), v->text != NULL ? v->text : "");
}

static loci_status read_config(const loci__settings_file *file, loci__encoder_config *c, loci_error *error) {
  *c = (loci__encoder_config){.layer_norm_eps = 1e-12f, .type_vocab_size = 2};
  const struct {
    const char *key;
    size_t *value;
  } sizes[] = {{"hidden_size", &c->hidden_size},        {"num_hidden_layers", &c->n_layers},
               {"num_attention_heads", &c->n_heads},    {"intermediate_size", &c->intermediate_size},
               {"vocab_size", &c->vocab_size},          {"max_position_embeddings", &c->max_positions},
               {"type_vocab_size", &c->type_vocab_size}};
  for (size_t i = 0; i < LOCI__COUNT(sizes); i++) {
    LOCI__TRY(loci__settings_size(file, sizes[i].key, sizes[i].value, error));
    const bool may_be_zero = sizes[i].value == &c->type_vocab_size || sizes[i].value == &c->n_layers;
    if ((*sizes[i].value == 0 && !may_be_zero) || *sizes[i].value > MAX_SIDE)
      return loci__fail(error, LOCI_ERROR_FORMAT, "%s: \"%s\" is missing or not a size that a model can have",
                        file->path, sizes[i].key);
  }
  if (c->hidden_size % c->n_heads != 0 || c->n_layers > MAX_LAYERS)
    return loci__fail(error, LOCI_ERROR_FORMAT,
                      "%s: hidden_size %zu cannot be divided among %zu heads, or too many layers", file->path,
                      c->hidden_size, c->n_heads);
  const loci__json *eps = loci__json_get(file->root, "layer_norm_eps");
  double value;
  if (eps != NULL && eps->type != LOCI__JSON_NULL) {
    if (!loci__json_double(eps, &value) || !(value >= 0) || value > 1)
      return loci__fail(error, LOCI_ERROR_FORMAT, "%s: \"layer_norm_eps\" must lie in 0…1", file->path);
    c->layer_norm_eps = (float)value;
  }
  LOCI__TRY(expect_text(file, "position_embedding_type", "absolute", error));
  bool decoder = false;
  LOCI__TRY(loci__settings_bool(file, "is_decoder", &decoder, error));
  if (decoder) return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: is_decoder is not implemented", file->path);
  return read_activation(file, &c->activation, error);
}

/* ---- tensors ----------------------------------------------------------------------------------- */

typedef struct loading {
  loci_model *model;
  char prefix[128];
  float **converted; /* freed after packing */
  size_t n_converted, capacity;
  loci_error *error;
} loading;

/* The prefix before "embeddings.word_embeddings.weight", the shortest when several models lie in the file. */
static loci_status find_prefix(loading *l) {
  static const char anchor[] = "embeddings.word_embeddings.weight";
  const loci__safetensors *file = l->model->weights;
  bool found = false;
  for (size_t i = 0; i < loci__safetensors_count(file); i++) {
    const char *name = loci__safetensors_at(file, i)->name;
    const size_t n = strlen(name);
    if (!loci__ends_with(name, anchor)) continue;
    const size_t before = n - (sizeof anchor - 1);
    if (before >= sizeof l->prefix || (before > 0 && name[before - 1] != '.')) continue;
    if (found && before >= strlen(l->prefix)) continue;
    memcpy(l->prefix, name, before);
    l->prefix[before] = '\0';
    found = true;
  }
  if (found) return LOCI_OK;
  return loci__fail(l->error, LOCI_ERROR_FORMAT, "%s: no tensor '%s': these are not the weights of a BERT",
                    loci__safetensors_path(file, 0, NULL), anchor);
}

/* A tensor of the wanted shape (columns 0 = a vector). `other` is its second possible name. */
static loci_status take(loading *l, const char *name, const char *other, size_t rows, size_t columns, bool keep,
                        const float **out) {
  const loci__safetensors *file = l->model->weights;
  char full[384];
  snprintf(full, sizeof full, "%s%s", l->prefix, name);
  const loci__tensor *t = loci__safetensors_find(file, full);
  if (t == NULL && other != NULL) {
    snprintf(full, sizeof full, "%s%s", l->prefix, other);
    t = loci__safetensors_find(file, full);
  }
  if (t == NULL)
    return loci__fail(l->error, LOCI_ERROR_FORMAT, "%s: tensor '%s%s' is missing",
                      loci__safetensors_path(file, 0, NULL), l->prefix, name);
  const size_t rank = columns == 0 ? 1 : 2;
  if (t->rank != rank || t->shape[0] != rows || (rank == 2 && t->shape[1] != columns)) {
    char shape[160];
    loci__tensor_shape_text(t, shape);
    return loci__fail_at(l->error, LOCI_ERROR_FORMAT, t->offset,
                         columns == 0 ? "%s: tensor '%s' has the shape %s, config.json says [%zu]"
                                      : "%s: tensor '%s' has the shape %s, config.json says [%zu, %zu]",
                         t->path, t->name, shape, rows, columns);
  }
  l->model->n_parameters += t->n_elements;
  LOCI__TRY(loci__weights_use(l->model, name, t, l->error));
  float *owned = NULL;
  LOCI__TRY(loci__weights_floats(l->model->context, t, out, &owned, l->error));
  if (owned == NULL) return LOCI_OK;
  loci_model *m = l->model;
  const bool room = keep
                        ? loci__grow(m->context, &m->owned, &m->owned_capacity, m->n_owned + 1, sizeof *m->owned)
                        : loci__grow(m->context, &l->converted, &l->capacity, l->n_converted + 1, sizeof *l->converted);
  if (!room) {
    loci__free_aligned(m->context, owned);
    return loci__fail_memory(l->error, sizeof owned, "a table of tensors");
  }
  if (keep) m->owned[m->n_owned++] = owned;
  else l->converted[l->n_converted++] = owned;
  return LOCI_OK;
}

static loci_status take_linear(loading *l, const char *base, size_t out, size_t in, const float **weight,
                               const float **bias) {
  char name[192];
  snprintf(name, sizeof name, "%s.weight", base);
  LOCI__TRY(take(l, name, NULL, out, in, false, weight));
  snprintf(name, sizeof name, "%s.bias", base);
  return take(l, name, NULL, out, 0, false, bias);
}

static loci_status take_norm(loading *l, const char *base, size_t dim, const float **gain, const float **bias) {
  char name[192], other[192];
  snprintf(name, sizeof name, "%s.LayerNorm.weight", base);
  snprintf(other, sizeof other, "%s.LayerNorm.gamma", base);
  LOCI__TRY(take(l, name, other, dim, 0, false, gain));
  snprintf(name, sizeof name, "%s.LayerNorm.bias", base);
  snprintf(other, sizeof other, "%s.LayerNorm.beta", base);
  return take(l, name, other, dim, 0, false, bias);
}

static loci_status take_layer(loading *l, size_t i, const loci__encoder_config *c, loci__encoder_layer_weights *w) {
  const size_t h = c->hidden_size;
  char base[128];
#define BASE(text) (snprintf(base, sizeof base, "encoder.layer.%zu." text, i), base)
  LOCI__TRY(take_linear(l, BASE("attention.self.query"), h, h, &w->q, &w->q_bias));
  LOCI__TRY(take_linear(l, BASE("attention.self.key"), h, h, &w->k, &w->k_bias));
  LOCI__TRY(take_linear(l, BASE("attention.self.value"), h, h, &w->v, &w->v_bias));
  LOCI__TRY(take_linear(l, BASE("attention.output.dense"), h, h, &w->o, &w->o_bias));
  LOCI__TRY(take_norm(l, BASE("attention.output"), h, &w->attention_norm_gain, &w->attention_norm_bias));
  LOCI__TRY(take_linear(l, BASE("intermediate.dense"), c->intermediate_size, h, &w->up, &w->up_bias));
  LOCI__TRY(take_linear(l, BASE("output.dense"), h, c->intermediate_size, &w->down, &w->down_bias));
  return take_norm(l, BASE("output"), h, &w->output_norm_gain, &w->output_norm_bias);
#undef BASE
}

static loci_status make_encoder(loci_model *model, const loci__encoder_config *c, loci_error *error) {
  loading l = {.model = model, .error = error};
  loci__encoder_layer_weights *layers = NULL;
  loci__encoder_weights w = {0};
  loci_status status = find_prefix(&l);
  if (status == LOCI_OK && c->n_layers > 0) {
    layers = loci__alloc_zero(model->context, c->n_layers, sizeof *layers);
    if (layers == NULL) status = loci__fail_memory(error, c->n_layers * sizeof *layers, "the layers' table");
  }
  w.layers = layers;
  const size_t h = c->hidden_size;
  if (status == LOCI_OK) status = take(&l, "embeddings.word_embeddings.weight", NULL, c->vocab_size, h, true, &w.word);
  if (status == LOCI_OK)
    status = take(&l, "embeddings.position_embeddings.weight", NULL, c->max_positions, h, true, &w.position);
  if (status == LOCI_OK && c->type_vocab_size > 0)
    status = take(&l, "embeddings.token_type_embeddings.weight", NULL, c->type_vocab_size, h, true, &w.type);
  if (status == LOCI_OK) status = take_norm(&l, "embeddings", h, &w.norm_gain, &w.norm_bias);
  for (size_t i = 0; i < c->n_layers && status == LOCI_OK; i++) status = take_layer(&l, i, c, &layers[i]);
  if (status == LOCI_OK) status = loci__encoder_new(model->context, c, &w, &model->encoder, error);
  for (size_t i = 0; i < l.n_converted; i++) loci__free_aligned(model->context, l.converted[i]);
  loci__free(model->context, l.converted);
  loci__free(model->context, layers);
  return status;
}

loci_status loci__bert_open(loci_model *model, const char *folder, loci_error *error) {
  loci__settings_file file;
  LOCI__TRY(loci__settings_open(model->context, folder, "config.json", true, &file, error));
  const loci__json *type = loci__json_get(file.root, "model_type");
  loci_status status = LOCI_OK;
  loci__encoder_config config;
  if (type == NULL || type->type != LOCI__JSON_STRING)
    status = loci__fail(error, LOCI_ERROR_MODEL, "%s: no \"model_type\": not a model that loci knows", file.path);
  else if (!loci__json_is(type, "bert"))
    status = loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                        "%s: models of the type '%.*s' are not implemented (only bert and static models)", file.path,
                        (int)(type->length < 100 ? type->length : 100), type->text);
  else status = read_config(&file, &config, error);
  loci__settings_close(&file);
  LOCI__TRY(status);

  model->architecture = "bert";
  model->hidden_size = config.hidden_size;
  model->n_layers = config.n_layers;
  model->n_heads = config.n_heads;
  LOCI__TRY(loci__weights_open(model->context, folder, &model->weights, error));
  LOCI__TRY(make_encoder(model, &config, error));
  model->max_positions = loci__encoder_max_length(model->encoder);

  size_t limit = SIZE_MAX;
  LOCI__TRY(loci__settings_transformer(model, folder, &limit, error));
  if (limit == SIZE_MAX) {
    /* As sentence-transformers: without max_seq_length the tokenizer's model_max_length counts too. It may be a number
     * beyond every size ("no limit"), which is as good as absent. */
    loci__settings_file tokenizer;
    LOCI__TRY(loci__settings_open(model->context, folder, "tokenizer_config.json", false, &tokenizer, error));
    uint64_t value;
    if (loci__json_u64(loci__json_get(tokenizer.root, "model_max_length"), &value) && value > 0 && value < SIZE_MAX)
      limit = (size_t)value;
    loci__settings_close(&tokenizer);
  }
  model->max_tokens = limit < model->max_positions ? limit : model->max_positions;
  if (loci_tokenizer_vocabulary_size(model->tokenizer) > config.vocab_size)
    return loci__fail(
        error, LOCI_ERROR_FORMAT,
        "'%s': the tokenizer has %zu pieces, but the weights have rows for %zu: these files do not belong "
        "together",
        folder, loci_tokenizer_vocabulary_size(model->tokenizer), config.vocab_size);
  return LOCI_OK;
}
