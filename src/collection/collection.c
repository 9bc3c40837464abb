/* collection.c: a collection opened and closed, its model, its documents by name, its state.
 *
 * Phases: open (the store is there, no model yet) → a call that needs vectors opens the model and compares
 * fingerprints → later calls reuse it → close. A model whose vectors the store does not hold is refused by name,
 * because cosines between two models' vectors are numbers without meaning.
 */
#include "collection.h"

#include "plan.h"

#include <stdlib.h>

/* ---- open and close ---------------------------------------------------------------------------- */

static loci_status open_at(loci_context *context, const char *path, int mode, loci_collection **out,
                           loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, 0, "the default context");
  if (mode != LOCI_COLLECTION_READ && mode != LOCI_COLLECTION_WRITE && mode != LOCI_COLLECTION_CREATE) {
    return loci__fail(error, LOCI_ERROR_USAGE, "loci_collection_open: mode %d is none of READ, WRITE, CREATE", mode);
  }
  loci_collection *collection = loci__alloc_zero(context, 1, sizeof *collection);
  if (collection == NULL) return loci__fail_memory(error, sizeof *collection, "a collection");
  collection->context = context;
  collection->mode = mode;
  loci__arena_init(&collection->status, context);
  loci_status status = LOCI_OK;
  collection->path = path != NULL ? loci__path_absolute(context, path) : loci__strdup(context, "");
  if (collection->path == NULL) status = loci__fail_memory(error, 0, "the path of a collection");
  if (status == LOCI_OK && path != NULL && mode == LOCI_COLLECTION_CREATE) {
    char *folder = loci__path_folder(context, collection->path);
    if (folder == NULL) status = loci__fail_memory(error, 0, "the path of a collection");
    else status = loci__file_make_folders(context, folder, error);
    loci__free(context, folder);
  }
  if (status == LOCI_OK) {
    int store_mode = mode == LOCI_COLLECTION_READ    ? LOCI__STORE_READ
                     : mode == LOCI_COLLECTION_WRITE ? LOCI__STORE_WRITE
                                                     : LOCI__STORE_CREATE;
    status = loci__store_open(context, path != NULL ? collection->path : NULL, store_mode, &collection->store, error);
  }
  if (status != LOCI_OK) {
    loci_collection_close(collection);
    return status;
  }
  *out = collection;
  return LOCI_OK;
}

loci_status loci_collection_open(loci_context *context, const char *path, int mode, loci_collection **out,
                                 loci_error *error) {
  if (path != NULL && *path == '\0') {
    *out = NULL;
    return loci__fail(error, LOCI_ERROR_USAGE, "loci_collection_open: a path is needed");
  }
  if (path == NULL) return loci__collection_open_memory(context, out, error);
  return open_at(context, path, mode, out, error);
}

loci_status loci__collection_open_memory(loci_context *context, loci_collection **out, loci_error *error) {
  return open_at(context, NULL, LOCI_COLLECTION_CREATE, out, error);
}

void loci_collection_close(loci_collection *collection) {
  if (collection == NULL) return;
  loci_context *context = collection->context;
  loci__store_close(collection->store);
  loci_model_close(collection->model);
  loci__arena_release(&collection->status);
  loci__free(context, collection->model_asked);
  loci__free(context, collection->path);
  loci__free(context, collection);
}

/* ---- the model ----------------------------------------------------------------------------------- */

void loci__collection_lend_model(loci_collection *collection, const loci_model *model) {
  collection->lent = model;
}

const loci_model *loci__collection_model(const loci_collection *collection) {
  return collection->lent != NULL ? collection->lent : collection->model;
}

/* The model already open was asked for by this name? NULL is a name too: the built-in one. */
static bool is_open_by(const loci_collection *collection, const char *name) {
  if (collection->model == NULL) return false;
  if (name == NULL || collection->model_asked == NULL) return name == NULL && collection->model_asked == NULL;
  return strcmp(name, collection->model_asked) == 0;
}

static loci_status open_model(loci_collection *collection, const char *name, loci_error *error) {
  if (is_open_by(collection, name)) return LOCI_OK;
  loci_model *model = NULL;
  char *asked = NULL;
  if (name != NULL && (asked = loci__strdup(collection->context, name)) == NULL) {
    return loci__fail_memory(error, strlen(name), "a model's name");
  }
  char fingerprint[33];
  loci_status status = loci_model_open(collection->context, name, &model, error);
  if (status == LOCI_OK) status = loci_model_fingerprint(model, fingerprint, error);
  if (status != LOCI_OK) {
    loci_model_close(model);
    loci__free(collection->context, asked);
    return status;
  }
  loci_model_close(collection->model);
  loci__free(collection->context, collection->model_asked);
  collection->model = model;
  collection->model_asked = asked;
  memcpy(collection->fingerprint, fingerprint, sizeof fingerprint);
  return LOCI_OK;
}

loci_status loci__collection_use_model(loci_collection *collection, const char *name, bool check, loci_error *error) {
  loci__store_model stored;
  LOCI__TRY(loci__store_get_model(collection->store, &stored, error));
  bool has_model = stored.fingerprint[0] != '\0';
  bool is_given = name != NULL && *name != '\0';
  if (!is_given) name = has_model ? stored.name : NULL;
  loci_status status = open_model(collection, name, error);
  if (status != LOCI_OK) {
    if (!is_given && has_model) loci__error_prefix(error, "the model of the collection '%s'", collection->path);
    return status;
  }
  if (!check || !has_model || strcmp(stored.fingerprint, collection->fingerprint) == 0) return LOCI_OK;
  loci__store_counts counts;
  LOCI__TRY(loci__store_count(collection->store, &counts, error));
  if (counts.n_chunks == 0) return LOCI_OK;
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(collection->model, &info);
  return loci__fail(error, LOCI_ERROR_MISMATCH,
                    "the collection '%s' holds vectors of the model '%s' (%.8s…), not of '%s' (%.8s…)%s: "
                    "embed it anew with `loci reindex -m %s`",
                    collection->path, stored.name, stored.fingerprint, info.name, collection->fingerprint,
                    is_given ? "" : ", which its files are now", name != NULL ? name : info.name);
}

loci_status loci__collection_set_model(loci_collection *collection, loci_error *error) {
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(collection->model, &info);
  const char *query_prompt = "";
  for (size_t i = 0; i < loci_model_prompts(collection->model); i++) {
    const char *name = NULL, *text = loci_model_prompt(collection->model, i, &name);
    if (name != NULL && strcmp(name, "query") == 0 && text != NULL) query_prompt = text;
  }
  /* A name that is looked up stays a name, so that a collection moves with its models; a path becomes absolute. */
  const char *asked = collection->model_asked;
  const char *name = asked == NULL || *asked == '\0' ? info.name : asked;
  char *absolute = NULL;
  if (asked != NULL && *asked != '\0') {
    absolute = loci__path_absolute(collection->context, asked);
    if (absolute == NULL) return loci__fail_memory(error, strlen(asked), "a model's path");
    if (strchr(asked, '/') != NULL || strcmp(absolute, info.path) == 0) name = info.path;
  }
  loci__free(collection->context, absolute);
  return loci__store_set_model(collection->store, collection->fingerprint, name, query_prompt, info.dim, error);
}

/* At most `limit` bytes of text, cut at a space where there is one, never inside a character. */
static void append_cut(loci__buffer *out, const char *text, size_t limit) {
  size_t length = strlen(text);
  if (length > limit) {
    length = limit;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) length--;
    size_t space = length;
    while (space > limit / 2 && text[space] != ' ') space--;
    if (text[space] == ' ') length = space;
  }
  loci__buffer_append(out, text, length);
}

void loci__passage_text(loci__buffer *out, const char *title, const char *heading, const char *text, size_t length) {
  if (title != NULL && *title != '\0') {
    append_cut(out, title, LOCI__PREFIX_BYTES);
    loci__buffer_puts(out, heading != NULL && *heading != '\0' ? " > " : "\n");
  }
  if (heading != NULL && *heading != '\0') {
    append_cut(out, heading, LOCI__PREFIX_BYTES);
    loci__buffer_putc(out, '\n');
  }
  loci__buffer_append(out, text, length);
}

size_t loci__passage_tokens(const loci_model *model, size_t wanted) {
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(model, &info);
  size_t tokens = wanted == 0 || wanted > LOCI__PASSAGE_TOKENS ? LOCI__PASSAGE_TOKENS : wanted;
  size_t prefix = info.max_tokens / 4 < LOCI__PREFIX_TOKENS ? info.max_tokens / 4 : LOCI__PREFIX_TOKENS;
  size_t room = info.max_tokens - prefix;
  if (tokens > room) tokens = room;
  return tokens < 16 ? 16 : tokens;
}

/* ---- documents by name ----------------------------------------------------------------------------- */

typedef struct found_document {
  int64_t id;
  const char *tail;
  size_t tail_length, n_found;
  char first[512], second[512]; /* for the message; cut when longer */
} found_document;

static loci_status note_document(void *arg, const loci__store_document *document, loci_error *error) {
  (void)error;
  ((found_document *)arg)->id = document->id;
  return LOCI_OK;
}

static void copy_short(char *into, size_t size, const char *text) {
  size_t length = strlen(text);
  if (length >= size) length = size - 1;
  memcpy(into, text, length);
  into[length] = '\0';
}

static loci_status match_tail(void *arg, const loci__store_document *document, loci_error *error) {
  (void)error;
  found_document *found = arg;
  size_t length = strlen(document->path);
  if (length <= found->tail_length || document->path[length - found->tail_length - 1] != '/' ||
      strcmp(document->path + length - found->tail_length, found->tail) != 0) {
    return LOCI_OK;
  }
  if (found->n_found == 0) {
    found->id = document->id;
    copy_short(found->first, sizeof found->first, document->path);
  } else if (found->n_found == 1) {
    copy_short(found->second, sizeof found->second, document->path);
  }
  found->n_found++;
  return LOCI_OK;
}

typedef struct below_roots {
  loci_collection *collection;
  const char *name;
  found_document *found;
  bool is_found;
} below_roots;

static loci_status try_below(void *arg, int64_t id, const char *root, loci_error *error) {
  (void)id;
  below_roots *below = arg;
  if (below->is_found) return LOCI_OK;
  loci_context *context = below->collection->context;
  char *joined = loci__path_join(context, root, below->name);
  char *path = joined != NULL ? loci__path_absolute(context, joined) : NULL;
  loci_status status = LOCI_OK;
  if (path == NULL) status = loci__fail_memory(error, 0, "a path");
  else
    status =
        loci__store_find_document(below->collection->store, path, note_document, below->found, &below->is_found, error);
  loci__free(context, joined);
  loci__free(context, path);
  return status;
}

loci_status loci__collection_find(loci_collection *collection, const char *path, int64_t *document_id,
                                  loci_error *error) {
  if (path == NULL || *path == '\0') return loci__fail(error, LOCI_ERROR_USAGE, "a document's path is needed");
  found_document found = {0};
  char *absolute = loci__path_absolute(collection->context, path);
  if (absolute == NULL) return loci__fail_memory(error, 0, "a path");
  bool is_found = false;
  loci_status status = loci__store_find_document(collection->store, absolute, note_document, &found, &is_found, error);
  loci__free(collection->context, absolute);
  if (status == LOCI_OK && !is_found && *path != '/') {
    below_roots below = {collection, path, &found, false};
    status = loci__store_each_root(collection->store, try_below, &below, error);
    is_found = below.is_found;
  }
  if (status == LOCI_OK && !is_found && *path != '/') {
    found.tail = loci__starts_with(path, "./") ? path + 2 : path;
    found.tail_length = strlen(found.tail);
    status = loci__store_each_document(collection->store, "", match_tail, &found, error);
    if (status == LOCI_OK && found.n_found > 1) {
      return loci__fail(error, LOCI_ERROR_USAGE,
                        "'%s' fits %zu documents, among them '%s' and '%s': say more of the path", path, found.n_found,
                        found.first, found.second);
    }
    is_found = found.n_found == 1;
  }
  if (status != LOCI_OK) return status;
  if (!is_found) {
    return loci__fail(error, LOCI_ERROR_NOT_FOUND, "no document '%s' in the collection '%s'", path, collection->path);
  }
  *document_id = found.id;
  return LOCI_OK;
}

/* ---- status and health ------------------------------------------------------------------------------- */

typedef struct root_list {
  loci__arena *arena;
  loci_context *context;
  const char **paths;
  size_t n, capacity;
} root_list;

static loci_status add_root_path(void *arg, int64_t id, const char *path, loci_error *error) {
  (void)id;
  root_list *list = arg;
  const char *copy = loci__arena_strndup(list->arena, path, strlen(path));
  if (copy == NULL || !loci__grow(list->context, &list->paths, &list->capacity, list->n + 1, sizeof *list->paths)) {
    return loci__fail_memory(error, strlen(path), "the collection's roots");
  }
  list->paths[list->n++] = copy;
  return LOCI_OK;
}

static loci_status fill_status(loci_collection *collection, loci_collection_status *out, loci_error *error) {
  loci__arena *arena = &collection->status;
  loci__store_counts counts;
  LOCI__TRY(loci__store_count(collection->store, &counts, error));
  out->n_documents = counts.n_documents;
  out->n_chunks = counts.n_chunks;
  out->n_roots = counts.n_roots;
  out->store_bytes = counts.store_bytes;
  out->segment_bytes = counts.segment_bytes;
  out->n_rows_in_segments = counts.n_rows_in_segments;
  loci__store_model model;
  LOCI__TRY(loci__store_get_model(collection->store, &model, error));
  bool has_model = model.fingerprint[0] != '\0';
  out->path = collection->path;
  out->dim = has_model ? model.dim : 0;
  out->fingerprint = loci__arena_strndup(arena, model.fingerprint, strlen(model.fingerprint));
  out->model = has_model ? loci__arena_strndup(arena, model.name, strlen(model.name)) : "";
  if (out->fingerprint == NULL || out->model == NULL) return loci__fail_memory(error, 0, "a collection's status");

  root_list list = {.arena = arena, .context = collection->context};
  loci_status status = loci__store_each_root(collection->store, add_root_path, &list, error);
  if (status == LOCI_OK && list.n > 0) {
    const char **roots = loci__arena_alloc(arena, list.n * sizeof *roots);
    if (roots == NULL) status = loci__fail_memory(error, list.n * sizeof *roots, "the collection's roots");
    else memcpy(roots, list.paths, list.n * sizeof *roots);
    out->roots = roots;
  }
  loci__free(collection->context, list.paths);
  return status;
}

loci_status loci_collection_get_status(loci_collection *collection, int look, loci_collection_status *out,
                                       loci_error *error) {
  loci__arena_release(&collection->status);
  loci__arena_init(&collection->status, collection->context);
  loci_collection_status filled = {.struct_size = sizeof filled};
  LOCI__TRY(loci__store_begin_read(collection->store, error));
  loci_status status = fill_status(collection, &filled, error);
  if (status == LOCI_OK && look) {
    loci__plan plan;
    status = loci__plan_make(collection, NULL, 0, NULL, &plan, error);
    if (status == LOCI_OK) {
      filled.n_files_new = plan.n_new;
      filled.n_files_changed = plan.n_changed;
      filled.n_files_gone = plan.n_gone;
    }
    loci__plan_release(&plan);
  }
  if (status != LOCI_OK) {
    loci__store_rollback(collection->store);
    return status;
  }
  LOCI__TRY(loci__store_end(collection->store, error));
  size_t size = out->struct_size < sizeof filled ? out->struct_size : sizeof filled;
  filled.struct_size = out->struct_size;
  memcpy(out, &filled, size);
  return LOCI_OK;
}

static void ignore_finding(void *user, const char *finding) {
  (void)user;
  (void)finding;
}

loci_status loci_collection_check(loci_collection *collection, int deep, loci_check_fn found, void *user,
                                  uint64_t *n_findings, loci_error *error) {
  uint64_t n = 0;
  loci_status status =
      loci__store_check(collection->store, deep != 0, found != NULL ? found : ignore_finding, user, &n, error);
  if (n_findings != NULL) *n_findings = n;
  return status;
}

bool loci__collection_is_zero(const float *vector, size_t dim) {
  for (size_t d = 0; d < dim; d++)
    if (vector[d] != 0.0f) return false;
  return true;
}
