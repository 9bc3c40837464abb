/* model/settings.c: the small JSON files of a sentence-transformers folder.
 *
 *   modules.json                   the chain: [{"idx","name","path","type"}], type a dotted Python name. Only its last
 *                                  part counts: "sentence_transformers.models.Pooling" (to 2025) and
 *                                  "sentence_transformers.sentence_transformer.modules.Pooling" are the same module
 *   sentence_bert_config.json      max_seq_length, do_lower_case (older names: sentence_<family>_config.json)
 *   <n>_Pooling/config.json        old: pooling_mode_* booleans, word_embedding_dimension; new: pooling_mode (a text or
 *                                  a list), embedding_dimension; both: include_prompt
 *   <n>_Dense/config.json          in_features, out_features, bias, activation_function
 *
 * A module's path stays inside the model's folder. What is not understood is refused by name, never left out: a
 * skipped module would give wrong vectors without a word.
 */
#include "model.h"

#include <stdio.h>

enum { MAX_SETTINGS = 16 << 20 };

/* ---- one file ---------------------------------------------------------------------------------- */

loci_status loci__settings_open(loci_context *context, const char *folder, const char *name, bool required,
                                loci__settings_file *out, loci_error *error) {
  *out = (loci__settings_file){.context = context};
  out->path = loci__path_join(context, folder, name);
  if (out->path == NULL) return loci__fail_memory(error, strlen(folder) + strlen(name) + 2, "a path");
  bool there;
  loci_status status = loci__file_there(context, out->path, &there, error);
  if (status == LOCI_OK && !there) {
    if (!required) return LOCI_OK;
    status = loci__fail(error, LOCI_ERROR_MODEL, "'%s' is missing: this is no complete model folder", out->path);
  }
  if (status != LOCI_OK) {
    loci__settings_close(out);
    return status;
  }
  size_t length = 0;
  status = loci__file_read(context, out->path, MAX_SETTINGS, &out->text, &length, error);
  if (status == LOCI_OK) {
    status = loci__json_parse(&out->json, context, out->text, length, out->path, error);
    if (status != LOCI_OK) {
      out->json = (loci__json_document){0};
    } else {
      out->root = &out->json.nodes[0];
      if (out->root->type != LOCI__JSON_OBJECT && out->root->type != LOCI__JSON_ARRAY)
        status = loci__fail_at(error, LOCI_ERROR_FORMAT, 0, "%s: an object is expected", out->path);
    }
  }
  if (status != LOCI_OK) loci__settings_close(out);
  return status;
}

void loci__settings_close(loci__settings_file *file) {
  if (file->json.nodes != NULL) loci__json_release(&file->json);
  loci__free(file->context, file->text);
  loci__free(file->context, file->path);
  *file = (loci__settings_file){0};
}

static const loci__json *member(const loci__settings_file *file, const char *key) {
  const loci__json *v = loci__json_get(file->root, key);
  return v == NULL || v->type == LOCI__JSON_NULL ? NULL : v;
}

loci_status loci__settings_size(const loci__settings_file *file, const char *key, size_t *out, loci_error *error) {
  const loci__json *v = member(file, key);
  uint64_t value;
  if (v == NULL) return LOCI_OK;
  if (!loci__json_u64(v, &value) || value > SIZE_MAX / 2)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: \"%s\" must be a whole number ≥ 0", file->path, key);
  *out = (size_t)value;
  return LOCI_OK;
}

loci_status loci__settings_bool(const loci__settings_file *file, const char *key, bool *out, loci_error *error) {
  const loci__json *v = member(file, key);
  if (v == NULL) return LOCI_OK;
  if (!loci__json_bool(v, out))
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: \"%s\" must be true or false", file->path, key);
  return LOCI_OK;
}

/* ---- modules.json ------------------------------------------------------------------------------ */

/* Behind the last dot of a JSON string: [*text, *text + result). */
static size_t last_part(const loci__json *v, const char **text) {
  size_t from = v->length;
  while (from > 0 && v->text[from - 1] != '.') from--;
  *text = v->text + from;
  return v->length - from;
}

static bool stays_inside(const char *path) {
  if (path[0] == '/') return false;
  for (const char *p = path; *p != '\0';) {
    const char *end = strchr(p, '/');
    const size_t n = end != NULL ? (size_t)(end - p) : strlen(p);
    if (n == 2 && p[0] == '.' && p[1] == '.') return false;
    p += n + (end != NULL);
  }
  return true;
}

static loci_status read_module(loci__modules *out, const char *folder, const loci__settings_file *file,
                               const loci__json *v, loci_error *error) {
  if (out->n == LOCI__MAX_MODULES)
    return loci__fail(error, LOCI_ERROR_LIMIT, "%s: more than %d modules", file->path, LOCI__MAX_MODULES);
  const loci__json *type = loci__json_get(v, "type"), *path = loci__json_get(v, "path");
  if (type == NULL || type->type != LOCI__JSON_STRING)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: module %zu has no \"type\"", file->path, out->n);
  loci__module *m = &out->items[out->n];
  const char *text;
  const size_t n = last_part(type, &text);
  if (n == 0 || n >= sizeof m->type || memchr(text, 0, n) != NULL)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: module %zu has a \"type\" that is no name", file->path, out->n);
  memcpy(m->type, text, n);
  m->type[n] = '\0';
  char *sub = NULL;
  if (path == NULL || path->type != LOCI__JSON_STRING || memchr(path->text, 0, path->length) != NULL)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: module %zu has no \"path\"", file->path, out->n);
  sub = loci__strndup(out->context, path->text, path->length);
  if (sub == NULL) return loci__fail_memory(error, path->length + 1, "a path");
  loci_status status = LOCI_OK;
  if (!stays_inside(sub)) {
    status = loci__fail(error, LOCI_ERROR_FORMAT, "%s: module %zu has the path '%s', which leaves the model's folder",
                        file->path, out->n, sub);
  } else {
    m->folder = sub[0] == '\0' || strcmp(sub, ".") == 0 ? loci__strdup(out->context, folder)
                                                        : loci__path_join(out->context, folder, sub);
    if (m->folder == NULL) status = loci__fail_memory(error, strlen(folder) + strlen(sub) + 2, "a path");
  }
  loci__free(out->context, sub);
  if (status == LOCI_OK) out->n++;
  return status;
}

loci_status loci__modules_read(loci_context *context, const char *folder, loci__modules *out, loci_error *error) {
  *out = (loci__modules){.context = context};
  loci__settings_file file;
  LOCI__TRY(loci__settings_open(context, folder, "modules.json", false, &file, error));
  loci_status status = LOCI_OK;
  if (file.root != NULL) {
    out->present = true;
    if (file.root->type != LOCI__JSON_ARRAY || file.root->count == 0)
      status = loci__fail_at(error, LOCI_ERROR_FORMAT, 0, "%s: a list of modules is expected", file.path);
    /* The order is idx's, and every writer lists them in that order; another one is refused rather than guessed. */
    uint64_t expected = 0;
    for (const loci__json *v = status == LOCI_OK ? loci__json_first(file.root) : NULL; v != NULL && status == LOCI_OK;
         v = loci__json_next(file.root, v)) {
      uint64_t idx;
      const loci__json *given = loci__json_get(v, "idx");
      if (given != NULL && (!loci__json_u64(given, &idx) || idx != expected))
        status = loci__fail(error, LOCI_ERROR_FORMAT, "%s: modules are not in the order of their \"idx\"", file.path);
      else status = read_module(out, folder, &file, v, error);
      expected++;
    }
  }
  loci__settings_close(&file);
  if (status != LOCI_OK) loci__modules_release(out);
  return status;
}

void loci__modules_release(loci__modules *modules) {
  for (size_t i = 0; i < modules->n; i++) loci__free(modules->context, modules->items[i].folder);
  modules->n = 0;
}

/* ---- sentence_bert_config.json ------------------------------------------------------------------ */

loci_status loci__settings_transformer(loci_model *model, const char *folder, size_t *max_seq_length,
                                       loci_error *error) {
  static const char *const names[] = {"sentence_bert_config.json",       "sentence_roberta_config.json",
                                      "sentence_distilbert_config.json", "sentence_camembert_config.json",
                                      "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
                                      "sentence_xlnet_config.json"};
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    loci__settings_file file;
    LOCI__TRY(loci__settings_open(model->context, folder, names[i], false, &file, error));
    if (file.root == NULL) {
      loci__settings_close(&file);
      continue;
    }
    loci_status status = loci__settings_size(&file, "max_seq_length", max_seq_length, error);
    if (status == LOCI_OK) status = loci__settings_bool(&file, "do_lower_case", &model->lower_case, error);
    loci__settings_close(&file);
    return status;
  }
  return LOCI_OK;
}

/* ---- pooling ----------------------------------------------------------------------------------- */

static bool add_mode(const loci__json *v, unsigned *modes) {
  static const struct {
    const char *name;
    unsigned mode;
  } names[] = {{"cls", LOCI__POOL_CLS},
               {"max", LOCI__POOL_MAX},
               {"mean", LOCI__POOL_MEAN},
               {"mean_sqrt_len_tokens", LOCI__POOL_MEAN_SQRT_LEN},
               {"weightedmean", LOCI__POOL_WEIGHTED_MEAN},
               {"lasttoken", LOCI__POOL_LAST}};
  for (size_t i = 0; i < LOCI__COUNT(names); i++)
    if (loci__json_is(v, names[i].name)) {
      *modes |= names[i].mode;
      return true;
    }
  return false;
}

static loci_status read_modes(const loci__settings_file *file, unsigned *modes, loci_error *error) {
  const loci__json *mode = member(file, "pooling_mode");
  bool known = true;
  *modes = 0;
  if (mode != NULL) {
    if (mode->type == LOCI__JSON_ARRAY)
      for (const loci__json *v = loci__json_first(mode); v != NULL; v = loci__json_next(mode, v))
        known = add_mode(v, modes) && known;
    else known = add_mode(mode, modes);
    if (!known || *modes == 0)
      return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                        "%s: \"pooling_mode\" is not made of cls, max, mean, mean_sqrt_len_tokens, weightedmean and "
                        "lasttoken",
                        file->path);
    return LOCI_OK;
  }
  static const struct {
    const char *key;
    unsigned mode;
  } keys[] = {{"pooling_mode_cls_token", LOCI__POOL_CLS},
              {"pooling_mode_max_tokens", LOCI__POOL_MAX},
              {"pooling_mode_mean_tokens", LOCI__POOL_MEAN},
              {"pooling_mode_mean_sqrt_len_tokens", LOCI__POOL_MEAN_SQRT_LEN},
              {"pooling_mode_weightedmean_tokens", LOCI__POOL_WEIGHTED_MEAN},
              {"pooling_mode_lasttoken", LOCI__POOL_LAST}};
  for (size_t i = 0; i < LOCI__COUNT(keys); i++) {
    /* The mean's default is true, also beside another mode (Pooling.__init__). */
    bool on = keys[i].mode == LOCI__POOL_MEAN;
    LOCI__TRY(loci__settings_bool(file, keys[i].key, &on, error));
    if (on) *modes |= keys[i].mode;
  }
  if (*modes == 0) return loci__fail(error, LOCI_ERROR_FORMAT, "%s: every pooling mode is switched off", file->path);
  return LOCI_OK;
}

loci_status loci__settings_pooling(loci_model *model, const char *folder, loci_error *error) {
  loci__settings_file file;
  LOCI__TRY(loci__settings_open(model->context, folder, "config.json", true, &file, error));
  size_t dim = model->hidden_size;
  loci_status status = read_modes(&file, &model->pooling, error);
  if (status == LOCI_OK) status = loci__settings_bool(&file, "include_prompt", &model->include_prompt, error);
  if (status == LOCI_OK) status = loci__settings_size(&file, "word_embedding_dimension", &dim, error);
  if (status == LOCI_OK) status = loci__settings_size(&file, "embedding_dimension", &dim, error);
  if (status == LOCI_OK && dim != model->hidden_size)
    status = loci__fail(error, LOCI_ERROR_FORMAT, "%s: pools vectors of %zu, but the model's have %zu", file.path, dim,
                        model->hidden_size);
  loci__settings_close(&file);
  return status;
}

/* ---- Dense and Normalize ------------------------------------------------------------------------ */

static loci_status new_step(loci_model *model, loci__step_kind kind, loci__step **out, loci_error *error) {
  if (!loci__grow(model->context, &model->steps, &model->steps_capacity, model->n_steps + 1, sizeof *model->steps))
    return loci__fail_memory(error, sizeof *model->steps, "a module");
  *out = &model->steps[model->n_steps++];
  **out = (loci__step){.kind = kind, .in = model->dim, .out = model->dim};
  return LOCI_OK;
}

static loci_status read_activation(const loci__settings_file *file, loci__dense_activation *out, loci_error *error) {
  static const struct {
    const char *name;
    loci__dense_activation activation;
  } names[] = {{"Tanh", LOCI__DENSE_TANH},
               {"Identity", LOCI__DENSE_IDENTITY},
               {"ReLU", LOCI__DENSE_RELU},
               {"GELU", LOCI__DENSE_GELU},
               {"Sigmoid", LOCI__DENSE_SIGMOID}};
  const loci__json *v = member(file, "activation_function");
  *out = LOCI__DENSE_TANH;
  if (v == NULL) return LOCI_OK;
  if (v->type == LOCI__JSON_STRING) {
    const char *text;
    const size_t n = last_part(v, &text);
    for (size_t i = 0; i < LOCI__COUNT(names); i++)
      if (strlen(names[i].name) == n && memcmp(names[i].name, text, n) == 0) {
        *out = names[i].activation;
        return LOCI_OK;
      }
  }
  return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: activation_function '%.*s' is not implemented", file->path,
                    (int)(v->length < 100 ? v->length : 100), v->text != NULL ? v->text : "");
}

loci_status loci__settings_dense(loci_model *model, const char *folder, loci_error *error) {
  loci__step *step;
  LOCI__TRY(new_step(model, LOCI__STEP_DENSE, &step, error));
  loci__settings_file file;
  LOCI__TRY(loci__settings_open(model->context, folder, "config.json", true, &file, error));
  bool bias = true, residual = false;
  step->in = step->out = 0;
  loci_status status = loci__settings_size(&file, "in_features", &step->in, error);
  if (status == LOCI_OK) status = loci__settings_size(&file, "out_features", &step->out, error);
  if (status == LOCI_OK) status = loci__settings_bool(&file, "bias", &bias, error);
  if (status == LOCI_OK) status = loci__settings_bool(&file, "residual", &residual, error);
  if (status == LOCI_OK) status = read_activation(&file, &step->activation, error);
  if (status == LOCI_OK && residual)
    status = loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: a residual Dense module is not implemented", file.path);
  if (status == LOCI_OK && (step->in != model->dim || step->out == 0))
    status = loci__fail(error, LOCI_ERROR_FORMAT, "%s: takes %zu numbers to %zu, but the module before it gives %zu",
                        file.path, step->in, step->out, model->dim);
  if (status == LOCI_OK) status = loci__weights_open(model->context, folder, &step->file, error);
  const loci__tensor *weight = NULL, *offset = NULL;
  if (status == LOCI_OK) {
    weight = loci__safetensors_find(step->file, "linear.weight");
    offset = loci__safetensors_find(step->file, "linear.bias");
    if (weight == NULL || weight->rank != 2 || weight->shape[0] != step->out || weight->shape[1] != step->in ||
        (bias && (offset == NULL || offset->rank != 1 || offset->shape[0] != step->out)))
      status = loci__fail(error, LOCI_ERROR_FORMAT,
                          "%s: linear.weight or linear.bias is missing or not of the shape "
                          "that config.json says",
                          loci__safetensors_path(step->file, 0, NULL));
  }
  if (status == LOCI_OK) {
    /* Both as one block when either must be converted. */
    step->weight = loci__tensor_view(weight);
    step->bias = bias ? loci__tensor_view(offset) : NULL;
    if (step->weight == NULL || (bias && step->bias == NULL)) {
      const size_t n = weight->n_elements + (bias ? offset->n_elements : 0);
      step->owned = loci__alloc_array(model->context, n, sizeof(float));
      if (step->owned == NULL) status = loci__fail_memory(error, n * sizeof(float), "a Dense module");
      if (status == LOCI_OK) status = loci__tensor_floats(weight, 0, weight->n_elements, step->owned, error);
      if (status == LOCI_OK && bias)
        status = loci__tensor_floats(offset, 0, offset->n_elements, step->owned + weight->n_elements, error);
      step->weight = step->owned;
      step->bias = bias && step->owned != NULL ? step->owned + weight->n_elements : NULL;
    }
    /* Numbered, so that two Dense modules cannot change places unnoticed. */
    char name[64];
    snprintf(name, sizeof name, "dense.%zu.weight", model->n_steps);
    if (status == LOCI_OK) status = loci__weights_use(model, name, weight, error);
    snprintf(name, sizeof name, "dense.%zu.bias", model->n_steps);
    if (status == LOCI_OK && bias) status = loci__weights_use(model, name, offset, error);
    model->n_parameters += weight->n_elements + (bias ? offset->n_elements : 0);
    model->dim = step->out;
  }
  loci__settings_close(&file);
  return status;
}

loci_status loci__settings_normalize(loci_model *model, loci_error *error) {
  if (model->n_steps > 0 && model->steps[model->n_steps - 1].kind == LOCI__STEP_NORMALIZE) return LOCI_OK;
  loci__step *step;
  return new_step(model, LOCI__STEP_NORMALIZE, &step, error);
}

loci_status loci__settings_steps(loci_model *model, const loci__modules *modules, size_t first, loci_error *error) {
  model->dim = model->pooled_dim;
  for (size_t i = first; i < modules->n; i++) {
    const loci__module *m = &modules->items[i];
    if (strcmp(m->type, "Normalize") == 0) {
      loci__step *step;
      LOCI__TRY(new_step(model, LOCI__STEP_NORMALIZE, &step, error));
    } else if (strcmp(m->type, "Dense") == 0) {
      LOCI__TRY(loci__settings_dense(model, m->folder, error));
    } else {
      return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "'%s': the module '%s' is not implemented", model->path,
                        m->type);
    }
  }
  return LOCI_OK;
}
