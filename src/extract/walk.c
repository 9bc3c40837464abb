/* walk.c: a tree of folders told file by file, in a fixed order, each folder once.
 *
 * First the real folders below root, names in byte order; a link to a folder is put aside and followed afterwards, so
 * that a file is told by its real path wherever it has one. A folder is known by device and inode: one that was walked
 * already is not walked again, and a link to a folder that it lies in is told as "loop". The order depends on names
 * alone, so two walks of an unchanged tree tell the same.
 */
#include "extract.h"

#include "ignore.h"

#include <errno.h>
#include <stdlib.h>

typedef struct identity {
  uint64_t device, inode;
} identity;

typedef struct walk {
  loci_context *context;
  const char *root;
  const loci__walk_options *options;
  loci__walk_fn each;
  void *arg;
  loci__ignore *ignore;
  identity *seen; /* open addressing, {0, 0} free */
  size_t n_seen, seen_capacity;
  char **links; /* to folders, put aside */
  size_t n_links, links_capacity;
} walk;

typedef struct names {
  loci_context *context;
  char **items;
  size_t n, capacity;
  bool failed;
} names;

static void names_release(names *list) {
  for (size_t i = 0; i < list->n; i++) loci__free(list->context, list->items[i]);
  loci__free(list->context, list->items);
}

static int take_name(void *arg, const char *name) {
  names *list = arg;
  char *copy = loci__strdup(list->context, name);
  if (!copy || !loci__grow(list->context, &list->items, &list->capacity, list->n + 1, sizeof *list->items)) {
    loci__free(list->context, copy);
    list->failed = true;
    return 1;
  }
  list->items[list->n++] = copy;
  return 0;
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- folders seen ---------------------------------------------------------------------------- */

static size_t slot_of(const walk *w, identity id) {
  uint64_t pair[2] = {id.device, id.inode};
  size_t i = (size_t)loci__hash64(pair, sizeof pair, 0) & (w->seen_capacity - 1);
  while ((w->seen[i].device || w->seen[i].inode) && !(w->seen[i].device == id.device && w->seen[i].inode == id.inode))
    i = (i + 1) & (w->seen_capacity - 1);
  return i;
}

/* *fresh: not seen before; it is now. */
static loci_status see(walk *w, const loci_file_info *info, bool *fresh, loci_error *error) {
  if ((w->n_seen + 1) * 2 > w->seen_capacity) {
    size_t old_capacity = w->seen_capacity, capacity = old_capacity ? old_capacity * 2 : 64;
    identity *old = w->seen, *grown = loci__alloc_zero(w->context, capacity, sizeof *grown);
    if (!grown) return loci__fail_memory(error, capacity * sizeof *grown, "the folders of a walk");
    w->seen = grown;
    w->seen_capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++)
      if (old[i].device || old[i].inode) grown[slot_of(w, old[i])] = old[i];
    loci__free(w->context, old);
  }
  identity id = {info->device, info->inode};
  size_t slot = slot_of(w, id);
  *fresh = !(w->seen[slot].device == id.device && w->seen[slot].inode == id.inode);
  if (*fresh) {
    w->seen[slot] = id;
    w->n_seen++;
  }
  return LOCI_OK;
}

/* ---- telling --------------------------------------------------------------------------------- */

static loci_status tell_failure(walk *w, const char *path, const loci_file_info *info, int err, loci_error *error) {
  if (err == -ENOMEM) return loci__fail_file(error, "read", path, err);
  loci_error failure = {0};
  loci__fail_file(&failure, "read", "", err); /* "cannot read '': <why>" */
  const char *why = strstr(failure.message, "'': ");
  loci__buffer reason;
  loci__buffer_init(&reason, w->context, 0);
  loci__buffer_printf(&reason, "cannot read: %s", why ? why + 4 : "unknown error");
  loci_status status = loci__buffer_status(&reason, "a message", error);
  if (status == LOCI_OK) status = w->each(w->arg, path, info, reason.data, error);
  loci__buffer_release(&reason);
  return status;
}

static loci_status tell_file(walk *w, const char *path, const loci_file_info *info, loci_error *error) {
  const char *skipped = NULL;
  if (info->kind != LOCI_FILE_REGULAR) skipped = "not a regular file";
  else if (w->options->max_file_size && (uint64_t)info->size > w->options->max_file_size) skipped = "too large";
  return w->each(w->arg, path, info, skipped, error);
}

/* ---- walking --------------------------------------------------------------------------------- */

static loci_status walk_folder(walk *w, const char *folder, const loci_file_info *folder_info, loci_error *error);

static loci_status walk_entry(walk *w, const char *path, loci_error *error) {
  loci_file_info info = {0};
  int err = loci__file_stat(w->context, path, false, &info);
  bool is_folder = err == 0 && info.kind == LOCI_FILE_FOLDER;
  if (loci__ignore_says(w->ignore, path, is_folder)) return LOCI_OK;
  bool is_link = err == 0 && info.kind == LOCI_FILE_LINK;
  if (is_link) err = loci__file_stat(w->context, path, true, &info);
  if (err == -ELOOP) return w->each(w->arg, path, &info, "loop", error);
  if (err < 0) return tell_failure(w, path, &info, err, error);
  if (info.kind != LOCI_FILE_FOLDER) return tell_file(w, path, &info, error);
  if (!is_link) {
    bool fresh;
    LOCI__TRY(see(w, &info, &fresh, error));
    return fresh ? walk_folder(w, path, &info, error) : LOCI_OK;
  }
  char *copy = loci__strdup(w->context, path);
  if (!copy || !loci__grow(w->context, &w->links, &w->links_capacity, w->n_links + 1, sizeof *w->links)) {
    loci__free(w->context, copy);
    return loci__fail_memory(error, strlen(path), "a path");
  }
  w->links[w->n_links++] = copy;
  return LOCI_OK;
}

static loci_status walk_folder(walk *w, const char *folder, const loci_file_info *folder_info, loci_error *error) {
  names list = {.context = w->context};
  loci_status status = LOCI_OK;
  int err = loci__file_readdir(w->context, folder, take_name, &list);
  if (list.failed) {
    status = loci__fail_memory(error, list.n * sizeof *list.items, "the names of a folder");
  } else if (err < 0) {
    status = tell_failure(w, folder, folder_info, err, error);
  } else {
    if (list.n) qsort(list.items, list.n, sizeof *list.items, by_bytes);
    status = loci__ignore_push(w->ignore, folder, error);
    if (status == LOCI_OK) {
      for (size_t i = 0; i < list.n && status == LOCI_OK; i++) {
        const char *name = list.items[i];
        if (!strcmp(name, ".git") || (name[0] == '.' && !w->options->hidden)) continue;
        char *path = loci__path_join(w->context, folder, name);
        status = path ? walk_entry(w, path, error) : loci__fail_memory(error, strlen(folder), "a path");
        loci__free(w->context, path);
      }
      loci__ignore_pop(w->ignore);
    }
  }
  names_release(&list);
  return status;
}

/* Whether the folder `info` is one that `path` lies in. */
static bool lies_in(walk *w, char *path, const loci_file_info *info) {
  bool found = false;
  for (size_t i = strlen(path); i-- > 0 && !found;) {
    if (path[i] != '/') continue;
    loci_file_info parent;
    path[i] = 0;
    found = loci__file_stat(w->context, i ? path : "/", true, &parent) == 0 && parent.device == info->device &&
            parent.inode == info->inode;
    path[i] = '/';
  }
  return found;
}

static loci_status walk_link(walk *w, char *path, loci_error *error) {
  loci_file_info info;
  int err = loci__file_stat(w->context, path, true, &info);
  if (err < 0) return tell_failure(w, path, &(loci_file_info){0}, err, error);
  bool fresh;
  LOCI__TRY(see(w, &info, &fresh, error));
  if (!fresh) return w->each(w->arg, path, &info, lies_in(w, path, &info) ? "loop" : "folder seen before", error);
  /* The rules of the folders between root and the link are in force again. */
  loci_status status = loci__ignore_push(w->ignore, w->root, error);
  size_t pushed = status == LOCI_OK;
  for (size_t i = strlen(w->root) + (w->root[1] != 0); path[i] && status == LOCI_OK; i++) {
    if (path[i] != '/') continue;
    path[i] = 0;
    status = loci__ignore_push(w->ignore, path, error);
    path[i] = '/';
    pushed += status == LOCI_OK;
  }
  if (status == LOCI_OK) status = walk_folder(w, path, &info, error);
  while (pushed--) loci__ignore_pop(w->ignore);
  return status;
}

loci_status loci__walk(loci_context *context, const char *root, const loci__walk_options *options, loci__walk_fn each,
                       void *arg, loci_error *error) {
  loci_file_info info;
  int err = loci__file_stat(context, root, true, &info);
  if (err < 0) return loci__fail_file(error, "read", root, err);
  walk w = {.context = context, .options = options, .each = each, .arg = arg};
  if (info.kind != LOCI_FILE_FOLDER) return tell_file(&w, root, &info, error);
  char *path = loci__path_absolute(context, root); /* no slash at the end */
  if (!path) return loci__fail_memory(error, strlen(root), "a path");
  w.root = path;
  /* A root that cannot be listed is an error: an empty walk would look like a folder whose files are gone. */
  names probe = {.context = context};
  err = loci__file_readdir(context, path, take_name, &probe);
  loci_status status = LOCI_OK;
  if (probe.failed) status = loci__fail_memory(error, probe.n * sizeof *probe.items, "the names of a folder");
  else if (err < 0) status = loci__fail_file(error, "read", path, err);
  names_release(&probe);
  bool fresh;
  if (status == LOCI_OK) status = loci__ignore_new(context, path, options, &w.ignore, error);
  if (status == LOCI_OK) status = see(&w, &info, &fresh, error);
  if (status == LOCI_OK) status = walk_folder(&w, path, &info, error);
  for (size_t i = 0; i < w.n_links && status == LOCI_OK; i++) status = walk_link(&w, w.links[i], error);
  for (size_t i = 0; i < w.n_links; i++) loci__free(context, w.links[i]);
  loci__free(context, w.links);
  loci__free(context, w.seen);
  loci__ignore_free(w.ignore);
  loci__free(context, path);
  return status;
}
