/* doctor.c: `loci doctor`, what loci found on this machine.
 */
#include "cli.h"

#include <stdlib.h>

typedef struct values {
  int json;
} values;

static const loci__option options[] = {
    {"json", 0, LOCI__OPTION_FLAG, offsetof(values, json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

/* Pairs of what and value, as rows or as an object whose models are a list. */
typedef struct sheet {
  loci__cli *cli;
  loci__table table;
  loci__json_writer json;
  bool as_json;
  size_t n_models;
} sheet;

static void add(sheet *s, const char *what, const char *key, const char *value) {
  if (s->as_json) {
    loci__json_key(&s->json, key);
    loci__json_put_text(&s->json, value);
  } else {
    loci__table_add(&s->table, what);
    loci__table_add(&s->table, value);
  }
}

/* ---- models -------------------------------------------------------------------------------------- */

typedef struct names {
  char **items;
  size_t n, capacity;
} names;

static int keep_name(void *arg, const char *name) {
  names *list = arg;
  char *copy = *name == '.' ? NULL : loci__strdup(NULL, name);
  if (!copy || !loci__grow(NULL, &list->items, &list->capacity, list->n + 1, sizeof *list->items)) {
    loci__free(NULL, copy);
    return 0;
  }
  list->items[list->n++] = copy;
  return 0;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_model(sheet *s, const char *folder, const char *name) {
  char *path = loci__path_join(NULL, folder, name);
  loci_model *model = NULL;
  loci_error error = {0};
  loci_file_info file;
  if (!path || loci__file_stat(s->cli->context, path, true, &file) != 0 || file.kind != LOCI_FILE_FOLDER) {
    loci__free(NULL, path); /* a README beside the models is none */
    return;
  }
  loci_status status = loci_model_open(s->cli->context, path, &model, &error);
  loci_model_info info = {.struct_size = sizeof info};
  if (status == LOCI_OK) loci_model_get_info(model, &info);
  s->n_models++;
  if (s->as_json) {
    loci__json_open(&s->json, '{');
    loci__json_key(&s->json, "name");
    loci__json_put_text(&s->json, name);
    loci__json_key(&s->json, "path");
    loci__json_put_text(&s->json, path);
    if (status == LOCI_OK) {
      loci__json_key(&s->json, "architecture");
      loci__json_put_text(&s->json, info.architecture);
      loci__json_key(&s->json, "dim");
      loci__json_put_u64(&s->json, info.dim);
    } else {
      loci__json_key(&s->json, "error");
      loci__json_put_text(&s->json, error.message);
    }
    loci__json_close(&s->json, '}');
  } else {
    loci__table_add(&s->table, "model");
    if (status == LOCI_OK)
      loci__table_addf(&s->table, "%s (%s, %zu numbers) in %s", name, info.architecture, info.dim, folder);
    else loci__table_addf(&s->table, "%s cannot be opened: %s", name, error.message);
  }
  if (model) loci_model_close(model);
  loci__free(NULL, path);
}

static void add_models(sheet *s, const char *model_path) {
  while (*model_path) {
    size_t length = strcspn(model_path, ":");
    char *folder = loci__strndup(NULL, model_path, length);
    names list = {0};
    if (folder && loci__file_readdir(s->cli->context, folder, keep_name, &list) == 0 && list.n)
      qsort(list.items, list.n, sizeof *list.items, by_name);
    for (size_t i = 0; i < list.n; i++) {
      add_model(s, folder, list.items[i]);
      loci__free(NULL, list.items[i]);
    }
    loci__free(NULL, list.items);
    loci__free(NULL, folder);
    model_path += length + (model_path[length] == ':');
  }
}

/* ---- programs ------------------------------------------------------------------------------------ */

/* The first executable of this name in PATH, allocated, or NULL. */
static char *find_program(loci__cli *cli, const char *name) {
  const char *path = getenv("PATH");
  while (path && *path) {
    size_t length = strcspn(path, ":");
    char *folder = loci__strndup(NULL, path, length);
    char *file = folder ? loci__path_join(NULL, folder, name) : NULL;
    loci__free(NULL, folder);
    if (file && loci__file_exists(cli->context, file)) return file;
    loci__free(NULL, file);
    path += length + (path[length] == ':');
  }
  return NULL;
}

static void add_program(sheet *s, const char *name, const char *without) {
  char *file = find_program(s->cli, name);
  add(s, name, name, file ? file : without);
  loci__free(NULL, file);
}

/* -------------------------------------------------------------------------------------------------- */

static void add_context(sheet *s) {
  loci_context *context = s->cli->context;
  char threads[16];
  snprintf(threads, sizeof threads, "%d", loci_context_threads(context));
  add(s, "version", "version", loci_version());
  add(s, "instructions", "isa", loci_context_isa(context));
  add(s, "because", "isa_reason", loci_context_isa_reason(context));
  add(s, "threads", "threads", threads);
  add(s, "SQLite", "sqlite", loci_sqlite_version());
}

static loci_status run(loci__cli *cli, loci_error *error) {
  static const char *const headings[] = {"what", "value"};
  const values *v = cli->values;
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  sheet s = {.cli = cli, .as_json = v->json};
  loci__table_init(&s.table, headings, LOCI__COUNT(headings));
  loci__json_writer_init(&s.json, &out);
  if (s.as_json) loci__json_open(&s.json, '{');
  add_context(&s);
  char *store = NULL, *model_path = NULL;
  loci_status status = loci__environment_store(cli, &store, error);
  if (status == LOCI_OK) status = loci__environment_model_path(&model_path, error);
  if (status == LOCI_OK) {
    loci__buffer shown;
    loci__buffer_init(&shown, NULL, 0);
    loci__buffer_printf(&shown, "%s%s", store, loci__file_exists(cli->context, store) ? "" : " (not there yet)");
    add(&s, "collection", "collection", shown.data ? shown.data : store);
    loci__buffer_release(&shown);
    char *helper = loci__environment_program("loci-extract");
    add(&s, "loci-extract", "loci_extract",
        helper ? helper : "not found beside loci, so only plain text is read; `make install` installs it");
    loci__free(NULL, helper);
    add_program(&s, "pdftotext", "not found, so PDF files are skipped; it is in the package poppler-utils");
    add(&s, "models from", "model_path", model_path);
    if (s.as_json) {
      loci__json_key(&s.json, "models");
      loci__json_open(&s.json, '[');
    }
    add_models(&s, model_path);
    if (s.as_json) loci__json_close(&s.json, ']');
    if (!s.as_json && !s.n_models) {
      loci__table_add(&s.table, "model");
      loci__table_add(&s.table, "none found; give -m a folder that sentence-transformers or model2vec saved");
    }
    if (s.as_json) {
      loci__json_close(&s.json, '}');
      loci__buffer_putc(&out, '\n');
    } else {
      loci__table_put(&s.table, &out, cli);
    }
    status = loci__output_flush(cli, &out, error);
  }
  loci__free(NULL, store);
  loci__free(NULL, model_path);
  loci__table_release(&s.table);
  loci__buffer_release(&out);
  return status;
}

const loci__command loci__command_doctor = {
    .name = "doctor",
    .summary = "Say what loci found on this machine: instructions, models, helpers",
    .arguments = "",
    .about =
        "Prints the instruction set in use and why, the threads, where the collection lies, which helper programs "
        "are there, where models are looked for, and which are found.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci doctor", "before a report of a fault, for example"}, {"loci doctor --json", "for a program"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_COLLECTION,
    .values_size = sizeof(values),
    .run = run,
};
