/* environment.c: where things lie. The XDG base folders, the model path, the collection's file; and the context made
 * from them. The library reads no environment: everything that it should know of it passes through here.
 */
#include "cli.h"

#include <stdlib.h>

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static loci_status no_memory(loci_error *error) {
  return loci__fail_memory(error, 0, "a path");
}

loci_status loci__environment_folder(loci__xdg kind, const char *rest, char **out, loci_error *error) {
  static const char *const names[] = {"XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"};
  static const char *const below_home[] = {".local/share", ".local/state", ".cache"};
  const char *folder = variable(names[kind]), *home = variable("HOME");
  loci__buffer path;
  loci__buffer_init(&path, NULL, 0);
  /* The specification has relative paths ignored. */
  if (folder && *folder == '/') loci__buffer_puts(&path, folder);
  else if (home) loci__buffer_printf(&path, "%s/%s", home, below_home[kind]);
  else
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "neither %s nor HOME is set, so there is no place for loci's files; "
                      "set one of them%s",
                      names[kind], kind == LOCI__XDG_DATA ? ", or give --store FILE" : "");
  loci__buffer_puts(&path, "/loci");
  if (rest) loci__buffer_printf(&path, "/%s", rest);
  *out = loci__buffer_take(&path);
  loci__buffer_release(&path);
  return *out ? LOCI_OK : no_memory(error);
}

/* The folder of the running program, or NULL. */
static char *program_folder(void) {
  char path[4096];
  int64_t length = loci__file_readlink(NULL, "/proc/self/exe", path, sizeof path - 1);
  if (length <= 0 || (size_t)length >= sizeof path) return NULL;
  path[length] = 0;
  return loci__path_folder(NULL, path);
}

loci_status loci__environment_model_path(char **out, loci_error *error) {
  loci__buffer path;
  loci__buffer_init(&path, NULL, 0);
  if (variable("LOCI_MODEL_PATH")) loci__buffer_printf(&path, "%s:", variable("LOCI_MODEL_PATH"));
  char *folder = program_folder(), *data = NULL;
  if (folder) {
    char *mark = loci__path_join(NULL, folder, "CMakeCache.txt");
    if (mark && loci__file_exists(NULL, mark))
      loci__buffer_printf(&path, "%s/models:", folder); /* the build tree, which links the source's models */
    else loci__buffer_printf(&path, "%s/../share/loci/models:", folder);
    loci__free(NULL, mark);
    loci__free(NULL, folder);
  }
  loci_status status = loci__environment_folder(LOCI__XDG_DATA, "models", &data, NULL);
  if (status == LOCI_OK) loci__buffer_puts(&path, data);
  loci__free(NULL, data);
  status = loci__buffer_status(&path, "the model path", error);
  if (status == LOCI_OK && path.length && path.data[path.length - 1] == ':') path.data[--path.length] = 0;
  *out = loci__buffer_take(&path);
  loci__buffer_release(&path);
  if (status != LOCI_OK) return status;
  return *out ? LOCI_OK : no_memory(error);
}

char *loci__environment_program(const char *name) {
  /* The build tree's, and the installation's. */
  static const char *const places[] = {"libexec/loci", "../libexec/loci"};
  char *folder = program_folder(), *found = NULL;
  for (size_t i = 0; folder && !found && i < LOCI__COUNT(places); i++) {
    char *below = loci__path_join(NULL, folder, places[i]);
    char *joined = below ? loci__path_join(NULL, below, name) : NULL;
    loci__free(NULL, below);
    if (joined && loci__file_exists(NULL, joined)) found = loci__path_absolute(NULL, joined);
    loci__free(NULL, joined);
  }
  loci__free(NULL, folder);
  return found;
}

char *loci__environment_data(const char *name) {
  /* The build tree's, and the installation's. */
  static const char *const places[] = {"share/loci", "../share/loci"};
  char *folder = program_folder(), *found = NULL;
  for (size_t i = 0; folder && !found && i < LOCI__COUNT(places); i++) {
    char *data = loci__path_join(NULL, folder, places[i]), *joined = data ? loci__path_join(NULL, data, name) : NULL;
    if (joined && loci__file_exists(NULL, joined)) found = loci__path_absolute(NULL, joined);
    loci__free(NULL, joined);
    loci__free(NULL, data);
  }
  loci__free(NULL, folder);
  return found;
}

loci_status loci__environment_context(loci__cli *cli, loci_error *error) {
  loci_context_options options;
  loci_context_options_init(&options);
  const char *threads = variable("LOCI_THREADS");
  uint64_t n;
  if (threads) {
    if (!loci__parse_u64(threads, &n) || n < 1 || n > 1024)
      return loci__fail(error, LOCI_ERROR_USAGE,
                        "LOCI_THREADS is '%s'; set it to a number from 1 to 1024, or not at all", threads);
    options.threads = (int)n;
  }
  if (cli->common.threads > 1024) return loci__fail(error, LOCI_ERROR_USAGE, "--threads is at most 1024");
  if (cli->common.threads) options.threads = (int)cli->common.threads;
  options.isa = variable("LOCI_ISA");
  options.log = loci__log_show;
  options.log_user = cli;
  char *model_path = NULL, *cache = NULL, *helper = loci__environment_program("loci-extract");
  loci_status status = loci__environment_model_path(&model_path, error);
  if (status == LOCI_OK) {
    /* Without a home there is no cache, and all goes on. */
    loci__environment_folder(LOCI__XDG_CACHE, NULL, &cache, NULL);
    options.model_path = model_path;
    options.cache = cache;
    options.helper = helper; /* NULL: the library looks beside itself */
    status = loci_context_new(&options, &cli->context, error);
    /* The set is chosen at first use; one that was asked for by name must not fail only then. */
    if (status == LOCI_OK && options.isa && strcmp(loci_context_isa(cli->context), options.isa) != 0)
      status = loci__fail(error, LOCI_ERROR_USAGE, "LOCI_ISA=%s: %s; without it the best one is taken", options.isa,
                          loci_context_isa_reason(cli->context));
  }
  loci__free(NULL, model_path);
  loci__free(NULL, cache);
  loci__free(NULL, helper);
  return status;
}

loci_status loci__environment_store(const loci__cli *cli, char **out, loci_error *error) {
  const char *file = cli->common.store, *name = cli->common.collection;
  if (!file && !name) file = variable("LOCI_STORE");
  if (file) {
    *out = loci__path_absolute(NULL, file);
    return *out ? LOCI_OK : no_memory(error);
  }
  if (!name) name = "default";
  if (strchr(name, '/') || *name == '.')
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is no name of a collection; for a file write --store %s", name,
                      name);
  char rest[300];
  if ((size_t)snprintf(rest, sizeof rest, "collections/%s.db", name) >= 255)
    return loci__fail(error, LOCI_ERROR_USAGE, "the name of the collection is too long; give a shorter one");
  return loci__environment_folder(LOCI__XDG_DATA, rest, out, error);
}

loci_status loci__collection_open(loci__cli *cli, int mode, loci_collection **out, loci_error *error) {
  char *path = NULL;
  LOCI__TRY(loci__environment_store(cli, &path, error));
  loci_status status;
  if (mode != LOCI_COLLECTION_CREATE && !loci__file_exists(cli->context, path)) {
    const char *option = cli->common.store ? " --store " : cli->common.collection ? " -c " : "";
    const char *value = cli->common.store ? cli->common.store : cli->common.collection ? cli->common.collection : "";
    status = loci__fail(error, LOCI_ERROR_NOT_FOUND,
                        "there is no collection at '%s' yet; `loci index FOLDER%s%s` makes it", path, option, value);
  } else {
    status = loci_collection_open(cli->context, path, mode, out, error);
  }
  loci__free(NULL, path);
  return status;
}

static void tell_once(loci__cli *cli, const char *name, const char *text) {
  if (cli->common.quiet) return;
  char *folder = NULL;
  if (loci__environment_folder(LOCI__XDG_STATE, NULL, &folder, NULL) != LOCI_OK) return;
  char *mark = loci__path_join(NULL, folder, name);
  if (mark && !loci__file_exists(cli->context, mark)) {
    loci__note(cli, "note: %s (Said once.)", text);
    /* Where the mark cannot be written it is said again: no reason to fail. */
    if (loci__file_make_folders(NULL, folder, NULL) == LOCI_OK) loci__file_write_atomic(NULL, mark, "", 0, NULL);
  }
  loci__free(NULL, mark);
  loci__free(NULL, folder);
}

void loci__environment_tell_limits(loci__cli *cli) {
  tell_once(cli, "told-limits-of-loci-static-en",
            "the built-in model knows English, and takes a text as a bag of word pieces: their order and their context "
            "are lost. Another one: -m MODEL.");
}

void loci__environment_tell_static(loci__cli *cli) {
  tell_once(cli, "told-static-is-static",
            "a static model: this word has the same vector in every sentence, whatever it means there. A model that "
            "reads the sentence (a transformer, -m MODEL) gives it another in each.");
}

loci_status loci__environment_pooling(const char *model, int pooling, char **out, loci_error *error) {
  static const char suffix[] = "#sif";
  *out = NULL;
  if (pooling == 0) return LOCI_OK;
  if (model == NULL)
    return loci__fail(error, LOCI_ERROR_USAGE, "--pooling is for word vectors: name them with -m vectors.bin");
  const bool has = loci__ends_with(model, suffix);
  if (has == (pooling == 2)) return LOCI_OK;
  if (has) return loci__fail(error, LOCI_ERROR_USAGE, "'%s' says sif, and --pooling mean", model);
  loci__buffer name;
  loci__buffer_init(&name, NULL, 0);
  loci__buffer_puts(&name, model);
  loci__buffer_puts(&name, suffix);
  *out = loci__buffer_take(&name);
  loci__buffer_release(&name);
  return *out != NULL ? LOCI_OK : loci__fail_memory(error, strlen(model), "a model's name");
}

char *loci__environment_place(loci__cli *cli, const char *path) {
  if (loci__file_exists(cli->context, path)) return loci__path_absolute(NULL, path);
  return loci__strdup(NULL, path);
}
