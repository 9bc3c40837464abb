/* plan.c: what has to be done to bring a collection in step with its files.
 *
 * Phases: load what the store knows (every document with size, mtime and content hash) and the roots → resolve the
 * paths a person gave into scopes (a root and a path in it) → walk each scope and compare → mark what is gone. The
 * result is a list of files with a verdict; sync.c carries it out, `index --dry-run` tells it, `status` counts it.
 * Nothing is written here.
 *
 * Whose file is it? A file belongs to the deepest root that holds it. So roots may lie in each other: each one's ignore
 * rules speak for its own files only, and walking the outer one neither takes nor forgets files of the inner one. A
 * path below a root that is there is brought up to date as a part of it; only when that root's rules hide all of it
 * does it become a root of its own, since it was asked for by name.
 *
 * When is a file changed? When its size, mtime or root is not what the store knows, and then its content's hash is not
 * either. A file modified less than two seconds before it was read could change again under the same mtime: the store
 * keeps that mtime negative, and the next run hashes the file to be sure (git calls such entries racy).
 *
 * When is a file gone? When its root was walked, is there and is not empty, and the walk did not tell the file: a
 * folder that is not mounted today, or cannot be read, forgets nothing.
 */
#include "plan.h"

#include "../extract/extract.h"

#include <errno.h>
#include <stdio.h>

#define NO_ROOT               SIZE_MAX
#define NOT_YET               "not implemented" /* how the reasons begin that a newer version may do without */
#define DEFAULT_MAX_FILE_SIZE ((uint64_t)64 << 20)

bool loci__path_is_below(const char *prefix, const char *path) {
  size_t length = strlen(prefix);
  while (length > 0 && prefix[length - 1] == '/') length--; /* "/" holds everything */
  return strncmp(prefix, path, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static const char *keep(loci__plan *plan, const char *text) {
  return loci__arena_strndup(&plan->arena, text, strlen(text));
}

/* Coarsest times of file systems in use: FAT's, two seconds. */
#define RACY_NS ((int64_t)2000000000)

static const char version_setting[] = "read_by";

int64_t loci__plan_mtime(int64_t mtime_ns, int64_t now_ns) {
  return mtime_ns > now_ns - RACY_NS && mtime_ns > 0 ? -mtime_ns : mtime_ns;
}

/* ---- the table of files --------------------------------------------------------------------------- */

static size_t slot_of(const loci__plan *plan, const char *text) {
  return (size_t)loci__hash64(text, strlen(text), 0) & (plan->n_slots - 1);
}

static void link_file(loci__plan *plan, size_t i) {
  loci__plan_file *file = &plan->files[i];
  size_t slot = slot_of(plan, file->path);
  file->next_path = plan->by_path[slot];
  plan->by_path[slot] = (uint32_t)(i + 1);
  if (file->known_hash != NULL && *file->known_hash != '\0') {
    slot = slot_of(plan, file->known_hash);
    file->next_hash = plan->by_hash[slot];
    plan->by_hash[slot] = (uint32_t)(i + 1);
  }
}

/* Appends a copy of *file; its strings must live in the arena already. */
static loci_status add_file(loci__plan *plan, const loci__plan_file *file, size_t *index, loci_error *error) {
  if (plan->n_files >= UINT32_MAX - 1) return loci__fail(error, LOCI_ERROR_LIMIT, "more than 2^32 files");
  if (plan->n_files >= plan->n_slots || plan->by_path == NULL) {
    size_t n_slots = plan->by_path == NULL ? 1024 : plan->n_slots * 2;
    uint32_t *by_path = loci__alloc_zero(plan->context, n_slots, sizeof *by_path);
    uint32_t *by_hash = loci__alloc_zero(plan->context, n_slots, sizeof *by_hash);
    if (by_path == NULL || by_hash == NULL) {
      loci__free(plan->context, by_path);
      loci__free(plan->context, by_hash);
      return loci__fail_memory(error, n_slots * sizeof *by_path, "the table of files");
    }
    loci__free(plan->context, plan->by_path);
    loci__free(plan->context, plan->by_hash);
    plan->by_path = by_path;
    plan->by_hash = by_hash;
    plan->n_slots = n_slots;
    for (size_t i = 0; i < plan->n_files; i++) link_file(plan, i);
  }
  if (!loci__grow(plan->context, &plan->files, &plan->files_capacity, plan->n_files + 1, sizeof *plan->files)) {
    return loci__fail_memory(error, sizeof *plan->files, "the table of files");
  }
  *index = plan->n_files;
  plan->files[plan->n_files++] = *file;
  link_file(plan, *index);
  return LOCI_OK;
}

static loci__plan_file *find_file(const loci__plan *plan, const char *path) {
  if (plan->by_path == NULL) return NULL;
  uint32_t link = plan->by_path[slot_of(plan, path)];
  for (; link != 0; link = plan->files[link - 1].next_path) {
    if (strcmp(plan->files[link - 1].path, path) == 0) return &plan->files[link - 1];
  }
  return NULL;
}

const loci__plan_file *loci__plan_find_hash(const loci__plan *plan, const char *hash) {
  if (plan->by_hash == NULL) return NULL;
  uint32_t link = plan->by_hash[slot_of(plan, hash)];
  for (; link != 0; link = plan->files[link - 1].next_hash) {
    const loci__plan_file *file = &plan->files[link - 1];
    if (strcmp(file->known_hash, hash) == 0 && file->known_skipped == NULL) return file;
  }
  return NULL;
}

static loci_status load_document(void *arg, const loci__store_document *document, loci_error *error) {
  loci__plan *plan = arg;
  loci__plan_file file = {.path = keep(plan, document->path),
                          .root = NO_ROOT,
                          .id = document->id,
                          .root_id = document->root_id,
                          .known_size = document->size,
                          .known_mtime_ns = document->mtime_ns,
                          .known_hash = keep(plan, document->hash != NULL ? document->hash : ""),
                          .known_skipped = document->skipped != NULL ? keep(plan, document->skipped) : NULL};
  if (file.path == NULL || file.known_hash == NULL || (document->skipped != NULL && file.known_skipped == NULL)) {
    return loci__fail_memory(error, strlen(document->path), "the table of files");
  }
  size_t index = 0;
  return add_file(plan, &file, &index, error);
}

/* ---- roots ---------------------------------------------------------------------------------------- */

/* The walk options of a root are kept as a setting, so that a later `index` without them, and `status`, see the same
 * files: lines "hidden", "no-ignore", "max-file-size BYTES" and an "exclude PATTERN" each. */
static void setting_key(const loci__plan_root *root, char out[64]) {
  snprintf(out, 64, "root.%lld.walk", (long long)root->id);
}

static loci_status add_exclude(loci__plan *plan, loci__plan_root *root, const char *pattern, size_t length,
                               loci_error *error) {
  const char **list = loci__arena_alloc(&plan->arena, (root->n_exclude + 1) * sizeof *list);
  char *copy = loci__arena_strndup(&plan->arena, pattern, length);
  if (list == NULL || copy == NULL) return loci__fail_memory(error, length, "exclude patterns");
  if (root->n_exclude > 0) memcpy(list, root->exclude, root->n_exclude * sizeof *list);
  list[root->n_exclude++] = copy;
  root->exclude = list;
  return LOCI_OK;
}

static loci_status load_walk(loci_collection *collection, loci__plan *plan, loci__plan_root *root, loci_error *error) {
  char key[64], *text = NULL;
  setting_key(root, key);
  LOCI__TRY(loci__store_get_setting(collection->store, key, &text, error));
  if (text == NULL) return LOCI_OK;
  loci_status status = LOCI_OK;
  for (const char *line = text; *line != '\0' && status == LOCI_OK;) {
    size_t length = strcspn(line, "\n");
    if (length == 6 && memcmp(line, "hidden", 6) == 0) root->hidden = true;
    else if (length == 9 && memcmp(line, "no-ignore", 9) == 0) root->no_ignore = true;
    else if (length > 8 && memcmp(line, "exclude ", 8) == 0) {
      status = add_exclude(plan, root, line + 8, length - 8, error);
    } else if (length > 14 && length < 36 && memcmp(line, "max-file-size ", 14) == 0) {
      char number[24] = {0};
      memcpy(number, line + 14, length - 14);
      if (!loci__parse_u64(number, &root->max_file_size)) root->max_file_size = DEFAULT_MAX_FILE_SIZE;
    }
    line += length + (line[length] == '\n');
  }
  loci__free(plan->context, text);
  return status;
}

static loci_status add_root(loci__plan *plan, int64_t id, const char *path, size_t *index, loci_error *error) {
  loci__plan_root root = {
      .id = id, .path = keep(plan, path), .max_file_size = DEFAULT_MAX_FILE_SIZE, .is_changed = id == 0};
  if (root.path == NULL ||
      !loci__grow(plan->context, &plan->roots, &plan->roots_capacity, plan->n_roots + 1, sizeof *plan->roots)) {
    return loci__fail_memory(error, strlen(path), "the collection's roots");
  }
  *index = plan->n_roots;
  plan->roots[plan->n_roots++] = root;
  return LOCI_OK;
}

static loci_status load_root(void *arg, int64_t id, const char *path, loci_error *error) {
  size_t index = 0;
  return add_root(arg, id, path, &index, error);
}

static size_t deepest_root(const loci__plan *plan, const char *path) {
  size_t best = NO_ROOT, best_length = 0;
  for (size_t i = 0; i < plan->n_roots; i++) {
    size_t length = strlen(plan->roots[i].path);
    if (loci__path_is_below(plan->roots[i].path, path) && (best == NO_ROOT || length > best_length)) {
      best = i;
      best_length = length;
    }
  }
  return best;
}

/* Options that were given win over the stored ones and are stored in their place. */
static loci_status apply_options(loci__plan *plan, loci__plan_root *root, const loci_index_options *options,
                                 loci_error *error) {
  if (options == NULL) return LOCI_OK;
  if (options->hidden && !root->hidden) root->hidden = root->is_changed = true;
  if (options->no_ignore && !root->no_ignore) root->no_ignore = root->is_changed = true;
  uint64_t limit = options->max_file_size;
  if (limit != 0 && limit != DEFAULT_MAX_FILE_SIZE && limit != root->max_file_size) {
    root->max_file_size = limit;
    root->is_changed = true;
  }
  if (options->n_exclude == 0) return LOCI_OK;
  root->is_changed = true;
  root->n_exclude = 0;
  for (size_t i = 0; i < options->n_exclude; i++) {
    LOCI__TRY(add_exclude(plan, root, options->exclude[i], strlen(options->exclude[i]), error));
  }
  return LOCI_OK;
}

loci_status loci__plan_put_roots(loci_collection *collection, loci__plan *plan, loci_error *error) {
  for (size_t i = 0; i < plan->n_roots; i++) {
    loci__plan_root *root = &plan->roots[i];
    if (!root->is_changed) continue;
    if (root->id == 0) LOCI__TRY(loci__store_add_root(collection->store, root->path, &root->id, error));
    loci__buffer text;
    loci__buffer_init(&text, plan->context, 0);
    loci__buffer_puts(&text, root->hidden ? "hidden\n" : "");
    loci__buffer_puts(&text, root->no_ignore ? "no-ignore\n" : "");
    if (root->max_file_size != DEFAULT_MAX_FILE_SIZE) {
      loci__buffer_printf(&text, "max-file-size %llu\n", (unsigned long long)root->max_file_size);
    }
    for (size_t j = 0; j < root->n_exclude; j++) loci__buffer_printf(&text, "exclude %s\n", root->exclude[j]);
    char key[64];
    setting_key(root, key);
    loci_status status = loci__buffer_status(&text, "exclude patterns", error);
    if (status == LOCI_OK) status = loci__store_set_setting(collection->store, key, text.data, error);
    loci__buffer_release(&text);
    if (status != LOCI_OK) return status;
    root->is_changed = false;
  }
  return LOCI_OK;
}

loci_status loci__plan_put_version(loci_collection *collection, loci_error *error) {
  return loci__store_set_setting(collection->store, version_setting, loci_version(), error);
}

/* ---- walking --------------------------------------------------------------------------------------- */

typedef struct walk_state {
  loci__plan *plan;
  const loci_index_options *options;
  size_t root;
  const char *scope;
  uint64_t n_told; /* files of the scope */
} walk_state;

static void tell(const loci_index_options *options, const char *action, const char *path, const char *reason) {
  if (options != NULL && options->event != NULL) options->event(options->event_user, action, path, reason);
}

/* Reasons that may pass without the file changing are not stored, so the file is tried again. */
static bool is_passing(const char *reason) {
  return loci__starts_with(reason, "cannot");
}

static loci_status note_file(void *arg, const char *path, const loci_file_info *info, const char *skipped,
                             loci_error *error) {
  walk_state *state = arg;
  loci__plan *plan = state->plan;
  bool is_passing_by = skipped != NULL && is_passing(skipped);
  if (is_passing_by) { /* before the scope is looked at: an unreadable folder may lie above it */
    const char *copy = keep(plan, path);
    if (copy == NULL || !loci__grow(plan->context, &plan->unreadable, &plan->unreadable_capacity,
                                    plan->n_unreadable + 1, sizeof *plan->unreadable)) {
      return loci__fail_memory(error, strlen(path), "the table of files");
    }
    plan->unreadable[plan->n_unreadable++] = copy;
  }
  if (!loci__path_is_below(state->scope, path) || deepest_root(plan, path) != state->root) return LOCI_OK;
  loci__plan_file *file = find_file(plan, path);
  if (file != NULL && file->is_seen) return LOCI_OK; /* two scopes of one root may overlap */
  state->n_told++;
  plan->n_seen++;
  bool is_file = info != NULL && info->kind == LOCI_FILE_REGULAR;
  if (is_passing_by || (skipped != NULL && !is_file)) {
    if (file != NULL) file->is_seen = is_passing_by;
    plan->n_skipped++;
    tell(state->options, "skipped", path, skipped);
    return LOCI_OK;
  }
  if (file == NULL) {
    loci__plan_file fresh = {.path = keep(plan, path), .root = state->root};
    size_t index = 0;
    if (fresh.path == NULL) return loci__fail_memory(error, strlen(path), "the table of files");
    LOCI__TRY(add_file(plan, &fresh, &index, error));
    file = &plan->files[index];
  }
  if (file->is_gone) { /* another root's rules hide it, this one's do not */
    file->is_gone = false;
    plan->n_gone--;
  }
  file->is_seen = true;
  file->root = state->root;
  file->size = info->size;
  file->mtime_ns = info->mtime_ns;
  if (skipped != NULL && (file->skipped = keep(plan, skipped)) == NULL) {
    return loci__fail_memory(error, strlen(skipped), "the table of files");
  }
  bool is_racy = file->known_mtime_ns < 0 && file->known_mtime_ns == -file->mtime_ns;
  bool is_same = file->id != 0 && file->known_size == file->size &&
                 (is_racy || file->known_mtime_ns == file->mtime_ns) && file->root_id == plan->roots[file->root].id;
  /* "too large" is the walk's word and hangs on an option: what it says now counts. */
  bool was_large = file->known_skipped != NULL && strcmp(file->known_skipped, "too large") == 0;
  bool may_read_now =
      plan->is_upgraded && file->known_skipped != NULL && loci__starts_with(file->known_skipped, NOT_YET);
  if (is_same && is_racy && skipped == NULL && !may_read_now) {
    file->is_work = file->is_recheck = true;
    plan->n_work++;
    return LOCI_OK;
  }
  if (is_same && !may_read_now && (skipped != NULL ? file->known_skipped != NULL : !was_large)) {
    plan->n_unchanged++;
    if (file->known_skipped != NULL) {
      plan->n_skipped++;
      tell(state->options, "skipped", path, file->known_skipped);
    }
    return LOCI_OK;
  }
  file->is_work = true;
  plan->n_work++;
  if (file->id == 0) plan->n_new++;
  else plan->n_changed++;
  return LOCI_OK;
}

static loci_status walk_scope(loci_collection *collection, loci__plan *plan, size_t root, const char *scope,
                              const loci_index_options *options, uint64_t *n_told, loci_error *error) {
  const loci__plan_root *r = &plan->roots[root];
  loci__walk_options walk = {.exclude = r->exclude,
                             .n_exclude = r->n_exclude,
                             .no_ignore = r->no_ignore,
                             .hidden = r->hidden,
                             .max_file_size = r->max_file_size};
  walk_state state = {plan, options, root, scope, 0};
  loci_status status = loci__walk(collection->context, r->path, &walk, note_file, &state, error);
  *n_told = state.n_told;
  return status;
}

static int stop_at_first(void *arg, const char *name) {
  (void)name;
  *(bool *)arg = true;
  return 1;
}

/* There, and if it is a folder, with something in it. */
static bool is_there(loci_context *context, const char *path, bool *is_empty) {
  loci_file_info info;
  *is_empty = false;
  if (loci__file_stat(context, path, true, &info) != 0) return false;
  if (info.kind != LOCI_FILE_FOLDER) return true;
  bool has_entry = false;
  if (loci__file_readdir(context, path, stop_at_first, &has_entry) < 0 && !has_entry) return false;
  *is_empty = !has_entry;
  return true;
}

static void mark_gone(loci__plan *plan, size_t root, const char *scope) {
  for (size_t i = 0; i < plan->n_files; i++) {
    loci__plan_file *file = &plan->files[i];
    if (file->id == 0 || file->is_seen || file->is_gone || !loci__path_is_below(scope, file->path) ||
        deepest_root(plan, file->path) != root) {
      continue;
    }
    bool is_hidden_from_us = false;
    for (size_t j = 0; j < plan->n_unreadable && !is_hidden_from_us; j++) {
      is_hidden_from_us = loci__path_is_below(plan->unreadable[j], file->path);
    }
    if (is_hidden_from_us) continue;
    file->is_gone = true;
    plan->n_gone++;
  }
}

static loci_status sync_scope(loci_collection *collection, loci__plan *plan, size_t root, const char *scope,
                              const loci_index_options *options, uint64_t *n_told, loci_error *error) {
  bool is_empty = false;
  *n_told = 0;
  plan->roots[root].is_walked = true;
  if (!is_there(collection->context, plan->roots[root].path, &is_empty)) {
    loci__log(collection->context, LOCI_LOG_WARNING, "'%s' is not there or cannot be read: what was indexed is kept",
              plan->roots[root].path);
    return LOCI_OK;
  }
  LOCI__TRY(walk_scope(collection, plan, root, scope, options, n_told, error));
  if (is_empty) {
    bool has_documents = false;
    for (size_t i = 0; i < plan->n_files && !has_documents; i++) {
      has_documents = plan->files[i].id != 0 && deepest_root(plan, plan->files[i].path) == root;
    }
    if (has_documents) {
      loci__log(collection->context, LOCI_LOG_WARNING,
                "'%s' is empty (not mounted?): what was indexed is kept; `loci forget` forgets it",
                plan->roots[root].path);
    }
    return LOCI_OK;
  }
  mark_gone(plan, root, scope);
  return LOCI_OK;
}

static loci_status sync_path(loci_collection *collection, loci__plan *plan, const char *path,
                             const loci_index_options *options, loci_error *error) {
  loci_file_info info;
  int failure = loci__file_stat(collection->context, path, true, &info);
  if (failure == -ENOENT || failure == -ENOTDIR) {
    return loci__fail(error, LOCI_ERROR_NOT_FOUND, "'%s' is not there; `loci forget` forgets what was indexed of it",
                      path);
  }
  if (failure != 0) return loci__fail_file(error, "look at", path, failure);
  if (info.kind != LOCI_FILE_FOLDER && info.kind != LOCI_FILE_REGULAR) {
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is neither a file nor a folder", path);
  }
  size_t root = deepest_root(plan, path);
  uint64_t n_told = 0;
  if (root != NO_ROOT) {
    LOCI__TRY(apply_options(plan, &plan->roots[root], options, error));
    LOCI__TRY(sync_scope(collection, plan, root, path, options, &n_told, error));
  }
  if (root == NO_ROOT || (n_told == 0 && strcmp(plan->roots[root].path, path) != 0)) {
    LOCI__TRY(add_root(plan, 0, path, &root, error));
    LOCI__TRY(apply_options(plan, &plan->roots[root], options, error));
    LOCI__TRY(sync_scope(collection, plan, root, path, options, &n_told, error));
  }
  for (size_t i = 0; i < plan->n_roots; i++) { /* roots that lie in what was named */
    if (i != root && !plan->roots[i].is_walked && loci__path_is_below(path, plan->roots[i].path)) {
      LOCI__TRY(sync_scope(collection, plan, i, plan->roots[i].path, options, &n_told, error));
    }
  }
  return LOCI_OK;
}

static loci_status sync_paths(loci_collection *collection, loci__plan *plan, const char *const *paths, size_t n_paths,
                              const loci_index_options *options, loci_error *error) {
  for (size_t i = 0; i < n_paths; i++) {
    char *path = loci__path_absolute(collection->context, paths[i]);
    if (path == NULL) return loci__fail_memory(error, strlen(paths[i]), "a path");
    const char *kept = keep(plan, path);
    loci__free(collection->context, path);
    if (kept == NULL) return loci__fail_memory(error, strlen(paths[i]), "a path");
    LOCI__TRY(sync_path(collection, plan, kept, options, error));
  }
  return LOCI_OK;
}

loci_status loci__plan_make(loci_collection *collection, const char *const *paths, size_t n_paths,
                            const loci_index_options *options, loci__plan *plan, loci_error *error) {
  *plan = (loci__plan){.context = collection->context};
  loci__arena_init(&plan->arena, collection->context);
  LOCI__TRY(loci__store_each_root(collection->store, load_root, plan, error));
  for (size_t i = 0; i < plan->n_roots; i++) LOCI__TRY(load_walk(collection, plan, &plan->roots[i], error));
  LOCI__TRY(loci__store_each_document(collection->store, "", load_document, plan, error));
  char *version = NULL;
  LOCI__TRY(loci__store_get_setting(collection->store, version_setting, &version, error));
  plan->is_upgraded = version == NULL || strcmp(version, loci_version()) != 0;
  loci__free(collection->context, version);
  if (n_paths == 0) {
    size_t n_roots = plan->n_roots;
    uint64_t n_told = 0;
    for (size_t i = 0; i < n_roots; i++) {
      LOCI__TRY(apply_options(plan, &plan->roots[i], options, error));
      LOCI__TRY(sync_scope(collection, plan, i, plan->roots[i].path, options, &n_told, error));
    }
  }
  LOCI__TRY(sync_paths(collection, plan, paths, n_paths, options, error));
  for (size_t i = 0; i < plan->n_files; i++) {
    if (plan->files[i].is_gone) tell(options, "gone", plan->files[i].path, NULL);
  }
  return LOCI_OK;
}

void loci__plan_release(loci__plan *plan) {
  if (plan->context == NULL) return;
  loci__free(plan->context, plan->roots);
  loci__free(plan->context, plan->files);
  loci__free(plan->context, plan->by_path);
  loci__free(plan->context, plan->by_hash);
  loci__free(plan->context, plan->unreadable);
  loci__arena_release(&plan->arena);
  *plan = (loci__plan){0};
}
