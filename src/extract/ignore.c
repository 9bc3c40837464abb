/* ignore.c: see ignore.h. gitignore(5); the reading of the files follows git's dir.c in effect: a UTF-8 byte order mark and
 * a '\r' before the line end go, a .gitignore that is a link is not read. The definition is what `git check-ignore`
 * answers, and the tests ask it.
 *
 * A stack of levels, one a folder; a level holds the compiled lines of its files. An ignore file that cannot be read is
 * said in the log and counts as empty: it must not stop a walk.
 */
#include "ignore.h"

#include "glob.h"

enum { IGNORE_FILE_LIMIT = 16 << 20 };

typedef struct rules {
  loci__glob **globs;
  size_t n, capacity;
} rules;

typedef struct level {
  size_t base; /* where a path relative to this folder begins */
  rules git, own, exclude;
  bool top; /* of a git work tree: no git rule above it counts */
} level;

struct loci__ignore {
  loci_context *context;
  rules caller;
  size_t root_base;
  bool no_ignore;
  level *levels;
  size_t n, capacity;
};

static void rules_release(loci_context *context, rules *list) {
  for (size_t i = 0; i < list->n; i++) loci__glob_free(context, list->globs[i]);
  loci__free(context, list->globs);
  memset(list, 0, sizeof *list);
}

/* Where a path below `folder` goes on. */
static size_t base_of(const char *folder) {
  size_t length = strlen(folder);
  return length && folder[length - 1] == '/' ? length : length + 1;
}

static loci_status add_line(loci_context *context, rules *list, const char *line, size_t length, loci_error *error) {
  loci__glob *glob;
  LOCI__TRY(loci__glob_new(context, line, length, &glob, error));
  if (!glob) return LOCI_OK;
  if (!loci__grow(context, &list->globs, &list->capacity, list->n + 1, sizeof *list->globs)) {
    loci__glob_free(context, glob);
    return loci__fail_memory(error, sizeof *list->globs, "ignore rules");
  }
  list->globs[list->n++] = glob;
  return LOCI_OK;
}

static loci_status add_file(loci_context *context, rules *list, const char *path, bool follow, loci_error *error) {
  loci_file_info info;
  if (loci__file_stat(context, path, follow, &info) < 0 || info.kind != LOCI_FILE_REGULAR) return LOCI_OK;
  char *text;
  size_t length;
  loci_error local = {0};
  loci_status status = loci__file_read(context, path, IGNORE_FILE_LIMIT, &text, &length, &local);
  if (status == LOCI_ERROR_MEMORY) return loci__fail_memory(error, (size_t)info.size, path);
  if (status != LOCI_OK) {
    loci__log(context, LOCI_LOG_WARNING, "ignore rules not read: %s", local.message);
    return LOCI_OK;
  }
  size_t at = length >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3) ? 3 : 0;
  while (at < length && status == LOCI_OK) {
    const char *end = memchr(text + at, '\n', length - at);
    size_t next = end ? (size_t)(end - text) : length, stop = next;
    if (stop > at && text[stop - 1] == '\r') stop--; /* without a '\n' behind it too, as git */
    status = add_line(context, list, text + at, stop - at, &local);
    if (status == LOCI_ERROR_LIMIT) {
      loci__log(context, LOCI_LOG_WARNING, "%s: %s: not used", path, local.message);
      status = LOCI_OK;
    }
    at = next + 1;
  }
  loci__free(context, text);
  return status == LOCI_OK ? LOCI_OK : loci__fail(error, status, "%s", local.message);
}

/* info/exclude of the repository of the work tree at `folder`: below .git, or, when .git is a file ("gitdir: …", of a
 * linked work tree or a submodule), below the folder named there or its commondir. */
static loci_status add_repository(loci_context *context, level *top, const char *folder, const char *dot_git,
                                  const loci_file_info *info, loci_error *error) {
  loci_status status = LOCI_OK;
  char *git = NULL, *common = NULL, *path = NULL, *text = NULL;
  size_t length;
  if (info->kind == LOCI_FILE_REGULAR) {
    if (loci__file_read(context, dot_git, 8192, &text, &length, NULL) != LOCI_OK) return LOCI_OK;
    if (!loci__starts_with(text, "gitdir: ")) goto done;
    text[strcspn(text, "\r\n")] = 0;
    git = loci__path_join(context, folder, text + 8);
    loci__free(context, text);
    text = NULL;
    path = git ? loci__path_join(context, git, "commondir") : NULL;
    if (path && loci__file_read(context, path, 8192, &text, &length, NULL) == LOCI_OK) {
      text[strcspn(text, "\r\n")] = 0;
      common = loci__path_join(context, git, text);
    }
    loci__free(context, path);
  } else {
    git = loci__strdup(context, dot_git);
  }
  path = git ? loci__path_join(context, common ? common : git, "info/exclude") : NULL;
  status = path ? add_file(context, &top->exclude, path, true, error) : loci__fail_memory(error, 4096, "a path");
done:
  loci__free(context, text);
  loci__free(context, git);
  loci__free(context, common);
  loci__free(context, path);
  return status;
}

loci_status loci__ignore_push(loci__ignore *ignore, const char *folder, loci_error *error) {
  loci_context *context = ignore->context;
  if (!loci__grow(context, &ignore->levels, &ignore->capacity, ignore->n + 1, sizeof *ignore->levels))
    return loci__fail_memory(error, sizeof *ignore->levels, "ignore rules");
  level *top = &ignore->levels[ignore->n++];
  *top = (level){.base = base_of(folder)};
  if (ignore->no_ignore) return LOCI_OK;
  char *dot_git = loci__path_join(context, folder, ".git");
  char *git = loci__path_join(context, folder, ".gitignore");
  char *own = loci__path_join(context, folder, ".lociignore");
  loci_status status = LOCI_OK;
  loci_file_info info;
  if (!dot_git || !git || !own) {
    status = loci__fail_memory(error, strlen(folder), "a path");
  } else {
    if (loci__file_stat(context, dot_git, true, &info) == 0) {
      top->top = true;
      status = add_repository(context, top, folder, dot_git, &info, error);
    }
    if (status == LOCI_OK) status = add_file(context, &top->git, git, false, error);
    if (status == LOCI_OK) status = add_file(context, &top->own, own, true, error);
  }
  loci__free(context, dot_git);
  loci__free(context, git);
  loci__free(context, own);
  if (status != LOCI_OK) loci__ignore_pop(ignore);
  return status;
}

void loci__ignore_pop(loci__ignore *ignore) {
  level *last = &ignore->levels[--ignore->n];
  rules_release(ignore->context, &last->git);
  rules_release(ignore->context, &last->own);
  rules_release(ignore->context, &last->exclude);
}

/* The folders from the work tree's top down to the one above root, pushed. */
static loci_status push_above(loci__ignore *ignore, const char *root, loci_error *error) {
  loci_context *context = ignore->context;
  char *path = loci__strdup(context, root);
  if (!path) return loci__fail_memory(error, strlen(root), "a path");
  loci_status status = LOCI_OK;
  size_t top = 0; /* length of the top's path; 0 = root is its own top, or there is none */
  bool here = true;
  for (size_t length = strlen(path); length > 0 && !top; here = false) {
    path[length] = 0;
    char *dot_git = loci__path_join(context, path, ".git");
    if (!dot_git) status = loci__fail_memory(error, length, "a path");
    bool found = dot_git && loci__file_exists(context, dot_git);
    loci__free(context, dot_git);
    if (status != LOCI_OK || (found && here)) break;
    if (found) top = length;
    while (length > 0 && path[length - 1] != '/') length--;
    if (length > 0) length--; /* the slash; at "/" nothing is left and the search ends below the file system's root */
  }
  if (top && status == LOCI_OK) {
    memcpy(path, root, strlen(root) + 1);
    for (size_t i = top; root[i] && status == LOCI_OK; i++) {
      if (root[i] != '/') continue;
      path[i] = 0;
      status = loci__ignore_push(ignore, path, error);
      path[i] = '/';
    }
  }
  loci__free(context, path);
  return status;
}

loci_status loci__ignore_new(loci_context *context, const char *root, const loci__walk_options *options,
                             loci__ignore **out, loci_error *error) {
  *out = NULL;
  loci__ignore *ignore = loci__alloc_zero(context, 1, sizeof *ignore);
  if (!ignore) return loci__fail_memory(error, sizeof *ignore, "ignore rules");
  ignore->context = context;
  ignore->no_ignore = options->no_ignore;
  ignore->root_base = base_of(root);
  loci_status status = LOCI_OK;
  for (size_t i = 0; i < options->n_exclude && status == LOCI_OK; i++)
    status = add_line(context, &ignore->caller, options->exclude[i], strlen(options->exclude[i]), error);
  if (status == LOCI_OK && !ignore->no_ignore) status = push_above(ignore, root, error);
  if (status != LOCI_OK) loci__ignore_free(ignore);
  else *out = ignore;
  return status;
}

void loci__ignore_free(loci__ignore *ignore) {
  if (!ignore) return;
  while (ignore->n) loci__ignore_pop(ignore);
  rules_release(ignore->context, &ignore->caller);
  loci__free(ignore->context, ignore->levels);
  loci__free(ignore->context, ignore);
}

/* 1 ignored, 0 taken back, -1 nothing said. */
static int ask(const rules *list, const char *relative, bool is_folder) {
  for (size_t i = list->n; i-- > 0;)
    if (loci__glob_matches(list->globs[i], relative, is_folder)) return !loci__glob_negated(list->globs[i]);
  return -1;
}

bool loci__ignore_says(const loci__ignore *ignore, const char *path, bool is_folder) {
  int said = ask(&ignore->caller, path + ignore->root_base, is_folder);
  for (size_t i = ignore->n; i-- > 0 && said < 0;)
    said = ask(&ignore->levels[i].own, path + ignore->levels[i].base, is_folder);
  for (size_t i = ignore->n; i-- > 0 && said < 0;) {
    const level *at = &ignore->levels[i];
    said = ask(&at->git, path + at->base, is_folder);
    if (at->top) {
      if (said < 0) said = ask(&at->exclude, path + at->base, is_folder);
      break;
    }
  }
  return said == 1;
}
