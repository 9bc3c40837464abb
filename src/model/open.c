/* model/open.c: from a name to a model, and what is told about it.
 *
 * A file is one of word vectors (words.h), or one of a folder's and stands for that. "#sif" behind a name weights words.
 * A folder is taken for what its files say: modules.json names the chain (Transformer + Pooling + …, or StaticEmbedding
 * + …); without it the tensors decide (a static model's rows) or config.json's model_type does, and then the mean is
 * assumed for pooling, which is logged, since nothing in the folder says so.
 */
#include "../text/text.h"
#include "model.h"
#include "words.h"

#include <errno.h>
#include <stdio.h>

static const char builtin[] = "loci-static-en";
static const char sif_suffix[] = "#sif";

/* ---- finding ----------------------------------------------------------------------------------- */

/* *kind = LOCI_FILE_…, 0 when nothing is there. IO when that cannot be told. */
static loci_status look(loci_context *context, const char *path, int *kind, loci_error *error) {
  loci_file_info info;
  const int err = loci__file_stat(context, path, true, &info);
  *kind = err >= 0 ? info.kind : 0;
  return err >= 0 || err == -ENOENT || err == -ENOTDIR ? LOCI_OK : loci__fail_file(error, "look at", path, err);
}

loci_status loci__model_find(loci_context *context, const char *name, char **out, bool *by_name, loci_error *error) {
  bool unused;
  if (by_name == NULL) by_name = &unused;
  *by_name = false;
  int kind;
  LOCI__TRY(look(context, name, &kind, error));
  if (strchr(name, '/') != NULL || kind != 0) {
    if (kind == 0) return loci__fail(error, LOCI_ERROR_MODEL, "there is no model '%s': no such folder or file", name);
    char *path = loci__path_absolute(context, name);
    if (path == NULL) return loci__fail_memory(error, strlen(name), "a path");
    if (kind == LOCI_FILE_FOLDER) {
      *out = path;
      return LOCI_OK;
    }
    /* A file of a model folder stands for the folder. */
    static const char *const parts[] = {"model.safetensors", "model.safetensors.index.json", "modules.json",
                                        "config.json"};
    for (size_t i = 0; i < LOCI__COUNT(parts); i++)
      if (strcmp(loci__path_base(path), parts[i]) == 0) {
        *out = loci__path_folder(context, path);
        loci__free(context, path);
        return *out != NULL ? LOCI_OK : loci__fail_memory(error, strlen(name), "a path");
      }
    *out = path;
    return LOCI_OK;
  }
  *by_name = true;
  const char *folders = loci__context_options(context)->model_path;
  for (const char *p = folders; p != NULL && *p != '\0';) {
    const char *end = strchr(p, ':');
    const size_t n = end != NULL ? (size_t)(end - p) : strlen(p);
    char *folder = n > 0 ? loci__strndup(context, p, n) : NULL;
    char *path = folder != NULL ? loci__path_join(context, folder, name) : NULL;
    char *absolute = path != NULL ? loci__path_absolute(context, path) : NULL;
    const bool failed = n > 0 && absolute == NULL;
    loci__free(context, folder);
    loci__free(context, path);
    if (failed) return loci__fail_memory(error, n, "a path");
    kind = 0;
    const loci_status status = absolute != NULL ? look(context, absolute, &kind, error) : LOCI_OK;
    if (status == LOCI_OK && kind != 0) {
      *out = absolute;
      return LOCI_OK;
    }
    loci__free(context, absolute);
    LOCI__TRY(status);
    p += n + (end != NULL);
  }
  return loci__fail(error, LOCI_ERROR_MODEL,
                    "there is no model '%s': not a folder or file here, and not in the model path (%s); give the path "
                    "of a model's folder or of a file of word vectors",
                    name, folders != NULL && folders[0] != '\0' ? folders : "which is empty");
}

/* ---- README.md: language and licence ------------------------------------------------------------- */

/* The scalar, or the first item, of a key of the YAML block at the top; the arena's, or NULL. Only what model cards use:
 * "key: value" and "key:\n- value" at the left margin. */
static const char *card_value(loci_model *model, const char *text, const char *end, const char *key) {
  const size_t n = strlen(key);
  for (const char *line = text; line < end;) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    if (stop == NULL) stop = end;
    if ((size_t)(stop - line) > n && memcmp(line, key, n) == 0 && line[n] == ':') {
      const char *from = line + n + 1;
      for (int tries = 0; tries < 2; tries++) {
        const char *to = stop;
        while (from < to && strchr(" \t\r\"'-[", *from) != NULL) from++;
        const char *last = from;
        while (last < to && strchr("\r\"' ,]#", *last) == NULL) last++;
        if (last > from) return loci__arena_strndup(&model->arena, from, (size_t)(last - from));
        if (stop == end) return NULL;
        from = stop + 1; /* the next line may be a list's first item */
        stop = memchr(from, '\n', (size_t)(end - from));
        if (stop == NULL) stop = end;
        if (from >= end || (*from != '-' && *from != ' ')) return NULL;
      }
      return NULL;
    }
    line = stop + 1;
  }
  return NULL;
}

/* A card is told when it is there; one that cannot be read is as good as none. */
static void read_card(loci_model *model) {
  char *path = loci__path_join(model->context, model->path, "README.md");
  char *text = NULL;
  size_t length = 0;
  if (path != NULL && loci__file_exists(model->context, path) &&
      loci__file_read(model->context, path, 4 << 20, &text, &length, NULL) == LOCI_OK && length > 4 &&
      memcmp(text, "---\n", 4) == 0) {
    const char *end = strstr(text + 4, "\n---");
    if (end != NULL) {
      model->language = card_value(model, text + 4, end, "language");
      if (model->language != NULL && strcmp(model->language, "unknown") == 0) model->language = NULL;
      model->licence = card_value(model, text + 4, end, "license");
    }
  }
  loci__free(model->context, text);
  loci__free(model->context, path);
}

/* ---- opening ----------------------------------------------------------------------------------- */

static loci_status open_tokenizer(loci_model *model, const char *folder, loci_error *error) {
  static const char *const names[] = {"tokenizer.json", "vocab.txt", "tokenizer_config.json"};
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    char *path = loci__path_join(model->context, folder, names[i]);
    if (path == NULL) return loci__fail_memory(error, strlen(folder) + 32, "a path");
    const int err = loci__file_stat(model->context, path, true, &model->tokenizer_files[i]);
    if (err < 0) model->tokenizer_files[i] = (loci_file_info){0};
    const bool told = err >= 0 || err == -ENOENT;
    if (!told) loci__fail_file(error, "look at", path, err);
    loci__free(model->context, path);
    if (!told) return LOCI_ERROR_IO;
  }
  return loci_tokenizer_open(model->context, folder, &model->tokenizer, error);
}

/* do_lower_case: Python's str.lower before the tokenizer. One that lower-cases itself makes that idle. */
static loci_status check_lower_case(const loci_model *model, loci_error *error) {
  if (!model->lower_case) return LOCI_OK;
  loci__ids upper = {0}, lower = {0};
  loci_status status = loci__tokenizer_ids(model->tokenizer, "A", 1, false, 16, &upper, NULL, error);
  if (status == LOCI_OK) status = loci__tokenizer_ids(model->tokenizer, "a", 1, false, 16, &lower, NULL, error);
  if (status == LOCI_OK && (upper.n != lower.n || memcmp(upper.items, lower.items, upper.n * sizeof *upper.items) != 0))
    status = loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                        "'%s': do_lower_case with a tokenizer that keeps case is not implemented", model->path);
  loci__ids_release(&upper);
  loci__ids_release(&lower);
  return status;
}

static loci_status open_encoder(loci_model *model, const loci__modules *modules, loci_error *error) {
  const char *folder = modules->n > 0 ? modules->items[0].folder : model->path;
  model->kind = LOCI__MODEL_ENCODER;
  model->include_prompt = true;
  model->pooling = LOCI__POOL_MEAN;
  LOCI__TRY(loci__bert_open(model, folder, error));
  size_t next = 1;
  if (!modules->present) {
    loci__log(model->context, LOCI_LOG_WARNING,
              "'%s' does not say how its token vectors become one (no modules.json): the mean is assumed", model->path);
  } else if (modules->n < 2 || strcmp(modules->items[1].type, "Pooling") != 0) {
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "'%s': a Transformer followed by %s is not implemented (only Pooling)", model->path,
                      modules->n < 2 ? "nothing" : modules->items[1].type);
  } else {
    LOCI__TRY(loci__settings_pooling(model, modules->items[1].folder, error));
    next = 2;
  }
  model->pooling_text = loci__pool_text(model->pooling, &model->arena);
  if (model->pooling_text == NULL) return loci__fail_memory(error, 64, "the pooling's name");
  model->pooled_dim = loci__pool_count(model->pooling) * model->hidden_size;
  LOCI__TRY(loci__settings_steps(model, modules, next, error));
  if (model->max_tokens < loci__tokenizer_specials(model->tokenizer))
    return loci__fail(error, LOCI_ERROR_FORMAT, "'%s': max_seq_length %zu leaves no room for the special tokens",
                      model->path, model->max_tokens);
  return check_lower_case(model, error);
}

static loci_status open_static(loci_model *model, const loci__modules *modules, loci_error *error) {
  bool normalize;
  LOCI__TRY(loci__static_open(model, modules->n > 0 ? modules->items[0].folder : model->path, &normalize, error));
  model->pooling_text = "mean";
  LOCI__TRY(loci__settings_steps(model, modules, 1, error));
  return normalize ? loci__settings_normalize(model, error) : LOCI_OK;
}

static loci_status open_folder(loci_model *model, const loci__modules *modules, loci_error *error) {
  bool is_static = false;
  const char *folder = modules->n > 0 ? modules->items[0].folder : model->path;
  if (modules->present) {
    const char *first = modules->items[0].type;
    is_static = strcmp(first, "StaticEmbedding") == 0;
    if (!is_static && strcmp(first, "Transformer") != 0)
      return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                        "'%s': models that begin with the module '%s' are not implemented", model->path, first);
  } else {
    loci__settings_file config;
    LOCI__TRY(loci__settings_open(model->context, folder, "config.json", false, &config, error));
    const loci__json *type = loci__json_get(config.root, "model_type");
    const bool named = type != NULL && !loci__json_is(type, "model2vec"); /* as model2vec's distillation writes it */
    loci__settings_close(&config);
    if (!named) {
      LOCI__TRY(loci__weights_open(model->context, folder, &model->weights, error));
      is_static = loci__static_is(model->weights);
      if (!is_static)
        return loci__fail(error, LOCI_ERROR_MODEL,
                          "'%s': neither modules.json nor config.json nor the weights say what model this is",
                          model->path);
    }
  }
  /* Weights first: their absence says best what a wrong folder is. */
  if (model->weights == NULL && is_static)
    LOCI__TRY(loci__weights_open(model->context, folder, &model->weights, error));
  LOCI__TRY(open_tokenizer(model, folder, error));
  LOCI__TRY(is_static ? open_static(model, modules, error) : open_encoder(model, modules, error));
  LOCI__TRY(loci__prompts_read(model, error));
  read_card(model);
  return LOCI_OK;
}

static loci_status open_path(loci_model *model, const char *path, bool sif, loci_error *error) {
  int kind;
  LOCI__TRY(look(model->context, path, &kind, error));
  if (kind != LOCI_FILE_FOLDER) return loci__words_open(model, path, sif, error);
  loci__modules modules = {0};
  LOCI__TRY(loci__modules_read(model->context, path, &modules, error));
  const loci_status status = open_folder(model, &modules, error);
  loci__modules_release(&modules);
  LOCI__TRY(status);
  return sif ? loci__static_sif(model, error) : LOCI_OK;
}

/* Name and path as they are shown, "#sif" behind them where it was asked for, so that either opens the same model. */
static loci_status name_model(loci_model *model, const char *name, const char *path, bool sif, loci_error *error) {
  const char *texts[2] = {path, name};
  const char **places[2] = {&model->path, &model->name};
  for (int i = 0; i < 2; i++) {
    const size_t n = strlen(texts[i]);
    char *text = loci__arena_alloc(&model->arena, n + sizeof sif_suffix);
    if (text == NULL) return loci__fail_memory(error, n, "a path");
    memcpy(text, texts[i], n);
    memcpy(text + n, sif ? sif_suffix : "", sif ? sizeof sif_suffix : 1);
    *places[i] = text;
  }
  return LOCI_OK;
}

/* `name` without "#sif" behind it, unless a file is called so; allocated. */
static loci_status cut_suffix(loci_context *context, const char *name, char **out, bool *sif, loci_error *error) {
  *sif = loci__ends_with(name, sif_suffix);
  if (*sif) {
    int kind;
    LOCI__TRY(look(context, name, &kind, error));
    *sif = kind == 0;
  }
  *out = loci__strndup(context, name, strlen(name) - (*sif ? strlen(sif_suffix) : 0));
  return *out != NULL ? LOCI_OK : loci__fail_memory(error, strlen(name), "a model's name");
}

loci_status loci_model_open(loci_context *context, const char *name, loci_model **out, loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, 0, "the default context");
  if (name == NULL || name[0] == '\0') name = builtin;
  char *path = NULL, *bare = NULL;
  bool by_name, sif;
  LOCI__TRY(cut_suffix(context, name, &bare, &sif, error));
  loci_status status = loci__model_find(context, bare[0] != '\0' ? bare : builtin, &path, &by_name, error);
  loci_model *model = status == LOCI_OK ? loci__alloc_zero(context, 1, sizeof *model) : NULL;
  if (status == LOCI_OK && model == NULL) status = loci__fail_memory(error, sizeof *model, "a model");
  if (status == LOCI_OK) {
    model->context = context;
    loci__arena_init(&model->arena, context);
    status = name_model(model, by_name ? bare : loci__path_base(path), path, false, error);
  }
  if (status == LOCI_OK) {
    model->has_lock = pthread_mutex_init(&model->lock, NULL) == 0;
    if (!model->has_lock) status = loci__fail_memory(error, sizeof model->lock, "a lock");
  }
  if (status == LOCI_OK) status = open_path(model, path, sif, error);
  if (status == LOCI_OK && sif) status = name_model(model, model->name, path, true, error);
  loci__free(context, path);
  loci__free(context, bare);
  if (status != LOCI_OK) {
    loci_model_close(model);
    return status;
  }
  *out = model;
  return LOCI_OK;
}

void loci_model_close(loci_model *model) {
  if (model == NULL) return;
  loci_context *context = model->context;
  loci__encoder_free(model->encoder);
  for (size_t i = 0; i < model->n_owned; i++) loci__free_aligned(context, model->owned[i]);
  loci__free(context, model->owned);
  loci__free_aligned(context, model->table.owned_rows);
  loci__free(context, model->table.owned_weights);
  loci__free(context, model->table.owned_mapping);
  for (size_t i = 0; i < model->n_steps; i++) {
    loci__free(context, model->steps[i].owned);
    loci__safetensors_close(model->steps[i].file);
  }
  loci__free(context, model->steps);
  loci__free(context, model->prompts);
  loci__free(context, model->used);
  loci__safetensors_close(model->weights);
  loci_tokenizer_close(model->tokenizer);
  loci_tokenizer_close(model->split_tokenizer);
  loci_vectors_close(model->vectors);
  if (model->has_lock) pthread_mutex_destroy(&model->lock);
  loci__arena_release(&model->arena);
  loci__free(context, model);
}

/* ---- asking ------------------------------------------------------------------------------------ */

void loci_model_get_info(const loci_model *model, loci_model_info *info) {
  const size_t size = info->struct_size < sizeof *info ? info->struct_size : sizeof *info;
  const loci_model_info all = {
      .struct_size = info->struct_size,
      .name = model->name,
      .path = model->path,
      .architecture = model->architecture,
      .pooling = model->pooling_text,
      .similarity = model->similarity,
      .fingerprint = atomic_load(&model->has_fingerprint) ? model->fingerprint : NULL,
      .default_prompt = model->default_prompt,
      .language = model->language,
      .licence = model->licence,
      .dim = model->dim,
      .hidden_size = model->hidden_size,
      .n_layers = model->n_layers,
      .n_heads = model->n_heads,
      .vocabulary_size = model->vectors != NULL ? model->vectors->n : loci_tokenizer_vocabulary_size(model->tokenizer),
      .max_tokens = model->max_tokens,
      .n_parameters = model->n_parameters,
      .normalize = model->n_steps > 0 && model->steps[model->n_steps - 1].kind == LOCI__STEP_NORMALIZE,
  };
  memcpy(info, &all, size);
}

size_t loci_model_prompts(const loci_model *model) {
  return model->n_prompts;
}

const char *loci_model_prompt(const loci_model *model, size_t i, const char **name) {
  if (i >= model->n_prompts) return NULL;
  if (name != NULL) *name = model->prompts[i].name;
  return model->prompts[i].text;
}

const loci_tokenizer *loci_model_tokenizer(const loci_model *model) {
  return model->tokenizer;
}
