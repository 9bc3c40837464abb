/* model/prompts.c: what a model wants to stand before a text.
 *
 * Many retrieval models were trained with a prefix that tells queries from documents, and lose much without it. A role
 * is a typed argument of loci_embed, so the prefix is never the caller's to remember. Prompts come from
 * config_sentence_transformers.json; families that are published without them there (E5: Wang et al. 2022; BGE: Xiao et
 * al. 2023; Nomic: Nussbaum et al. 2024; the wording is their model cards') are known by the folder's name.
 */
#include "model.h"

#include <ctype.h>

static loci_status add(loci_model *model, const char *name, size_t name_length, const char *text, size_t length,
                       loci_error *error) {
  if (!loci__grow(model->context, &model->prompts, &model->prompts_capacity, model->n_prompts + 1,
                  sizeof *model->prompts))
    return loci__fail_memory(error, sizeof *model->prompts, "a prompt");
  loci__prompt *p = &model->prompts[model->n_prompts];
  p->name = loci__arena_strndup(&model->arena, name, name_length);
  p->text = loci__arena_strndup(&model->arena, text, length);
  if (p->name == NULL || p->text == NULL) return loci__fail_memory(error, length, "a prompt");
  model->n_prompts++;
  return LOCI_OK;
}

static const char *find(const loci_model *model, const char *name) {
  for (size_t i = 0; i < model->n_prompts; i++)
    if (strcmp(model->prompts[i].name, name) == 0) return model->prompts[i].text;
  return NULL;
}

/* ---- the table ---- */

typedef struct family {
  const char *const parts[2]; /* both must stand in the folder's name, at word boundaries */
  const char *query, *document;
} family;

static const char bge_en[] = "Represent this sentence for searching relevant passages: ";
static const char bge_zh[] = "为这个句子生成表示以用于检索相关文章：";

static const family families[] = {
    {{"e5", NULL}, "query: ", "passage: "},
    {{"bge", "en"}, bge_en, ""},
    {{"bge", "zh"}, bge_zh, ""},
    {{"nomic", "embed"}, "search_query: ", "search_document: "},
};

/* Does `part` stand in `name` as a word of its own: between '-', '_', '.' or the ends? */
static bool has_word(const char *name, const char *part) {
  const size_t n = strlen(part);
  for (const char *p = name; *p != '\0'; p++) {
    size_t i = 0;
    while (i < n && tolower((unsigned char)p[i]) == part[i]) i++;
    if (i == n && (p == name || strchr("-_.", p[-1]) != NULL) && (p[n] == '\0' || strchr("-_.", p[n]) != NULL))
      return true;
  }
  return false;
}

/* The last part of the path, or, in the hub's cache (models--org--name/snapshots/<commit>), the model's name there. */
static const char *name_in_path(const char *path) {
  const char *last = loci__path_base(path);
  for (const char *p = strstr(path, "models--"); p != NULL; p = strstr(p + 1, "models--")) {
    const char *dashes = strstr(p + strlen("models--"), "--");
    if (dashes != NULL && (p == path || p[-1] == '/')) last = dashes + 2;
  }
  return last;
}

static loci_status from_table(loci_model *model, loci_error *error) {
  char name[256];
  const char *from = name_in_path(model->path);
  size_t n = strcspn(from, "/");
  if (n >= sizeof name) n = sizeof name - 1;
  memcpy(name, from, n);
  name[n] = '\0';
  /* Instruction-tuned relatives want another wording, which is the task's: nothing is guessed for them. */
  if (has_word(name, "instruct")) return LOCI_OK;
  for (size_t i = 0; i < LOCI__COUNT(families); i++) {
    const family *f = &families[i];
    if (!has_word(name, f->parts[0]) || (f->parts[1] != NULL && !has_word(name, f->parts[1]))) continue;
    model->n_prompts = 0;
    LOCI__TRY(add(model, "query", 5, f->query, strlen(f->query), error));
    LOCI__TRY(add(model, "document", 8, f->document, strlen(f->document), error));
    loci__log(
        model->context, LOCI_LOG_INFO,
        "'%s' names no prompts; by its name it is of the %s family, so queries begin with '%s' and documents with "
        "'%s'",
        model->path, f->parts[0], f->query, f->document);
    return LOCI_OK;
  }
  return LOCI_OK;
}

/* ---- reading and choosing ---- */

static loci_status read_file(loci_model *model, const loci__settings_file *file, loci_error *error) {
  const loci__json *prompts = loci__json_get(file->root, "prompts");
  if (prompts != NULL && prompts->type != LOCI__JSON_NULL) {
    if (prompts->type != LOCI__JSON_OBJECT)
      return loci__fail(error, LOCI_ERROR_FORMAT, "%s: \"prompts\" must be an object", file->path);
    for (const loci__json *v = loci__json_first(prompts); v != NULL; v = loci__json_next(prompts, v)) {
      if (v->type == LOCI__JSON_NULL) continue;
      if (v->type != LOCI__JSON_STRING || memchr(v->text, 0, v->length) != NULL ||
          memchr(v->key, 0, v->key_length) != NULL)
        return loci__fail(error, LOCI_ERROR_FORMAT, "%s: \"prompts\" must hold texts", file->path);
      LOCI__TRY(add(model, v->key, v->key_length, v->text, v->length, error));
    }
  }
  const loci__json *name = loci__json_get(file->root, "default_prompt_name");
  if (name != NULL && name->type != LOCI__JSON_NULL) {
    if (name->type != LOCI__JSON_STRING)
      return loci__fail(error, LOCI_ERROR_FORMAT, "%s: \"default_prompt_name\" must be a text", file->path);
    model->default_prompt = loci__arena_strndup(&model->arena, name->text, name->length);
    if (model->default_prompt == NULL) return loci__fail_memory(error, name->length, "a prompt's name");
    if (find(model, model->default_prompt) == NULL)
      return loci__fail(error, LOCI_ERROR_FORMAT, "%s: there is no prompt '%s', which \"default_prompt_name\" names",
                        file->path, model->default_prompt);
  }
  const loci__json *similarity = loci__json_get(file->root, "similarity_fn_name");
  if (similarity != NULL && similarity->type == LOCI__JSON_STRING) {
    model->similarity = loci__arena_strndup(&model->arena, similarity->text, similarity->length);
    if (model->similarity == NULL) return loci__fail_memory(error, similarity->length, "a similarity's name");
  }
  return LOCI_OK;
}

loci_status loci__prompts_read(loci_model *model, loci_error *error) {
  loci__settings_file file;
  model->similarity = "cosine";
  LOCI__TRY(loci__settings_open(model->context, model->path, "config_sentence_transformers.json", false, &file, error));
  loci_status status = file.root != NULL ? read_file(model, &file, error) : LOCI_OK;
  loci__settings_close(&file);
  LOCI__TRY(status);
  /* Newer writers put empty "query" and "document" prompts into every model's file: as good as none. */
  bool some = false;
  for (size_t i = 0; i < model->n_prompts; i++) some = some || model->prompts[i].text[0] != '\0';
  return some || model->default_prompt != NULL ? LOCI_OK : from_table(model, error);
}

const char *loci__prompts_for_role(const loci_model *model, loci_role role) {
  static const char *const query[] = {"query", "search_query"};
  static const char *const document[] = {"document", "passage", "corpus", "search_document"};
  const char *text = NULL;
  if (role == LOCI_ROLE_QUERY)
    for (size_t i = 0; i < LOCI__COUNT(query) && text == NULL; i++) text = find(model, query[i]);
  if (role == LOCI_ROLE_DOCUMENT)
    for (size_t i = 0; i < LOCI__COUNT(document) && text == NULL; i++) text = find(model, document[i]);
  if (text == NULL && model->default_prompt != NULL) text = find(model, model->default_prompt);
  return text != NULL ? text : "";
}

loci_status loci__prompts_choose(const loci_model *model, const loci_embed_options *options, const char **text,
                                 loci_error *error) {
  if (options->prompt_name == NULL) {
    *text = loci__prompts_for_role(model, options->role);
    return LOCI_OK;
  }
  *text = find(model, options->prompt_name);
  if (*text != NULL) return LOCI_OK;
  loci__buffer names;
  loci__buffer_init(&names, model->context, 0);
  for (size_t i = 0; i < model->n_prompts; i++) {
    if (i > 0) loci__buffer_puts(&names, ", ");
    loci__buffer_puts(&names, model->prompts[i].name);
  }
  const char *list = names.length > 0 ? names.data : "none";
  loci__fail(error, LOCI_ERROR_USAGE, "the model '%s' has no prompt '%s'; it has %s", model->name, options->prompt_name,
             list);
  loci__buffer_release(&names);
  return LOCI_ERROR_USAGE;
}
