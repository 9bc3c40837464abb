/* index.c: `loci index`, which brings a collection up to date with folders and files.
 */
#include "cli.h"

typedef struct values {
  const char *model;
  int pooling;
  loci__words exclude;
  int dry_run, no_ignore, hidden, json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"model", 'm', LOCI__OPTION_TEXT, AT(model), "MODEL", LOCI__OFFER_MODEL,
     "the model that makes the vectors: a folder, a file or a name; default: the collection's, else the built-in one"},
    {"pooling", 0, LOCI__OPTION_CHOICE, AT(pooling), LOCI__POOLING_WORDS, LOCI__OFFER_NOTHING, LOCI__POOLING_HELP},
    {"exclude", 0, LOCI__OPTION_LIST, AT(exclude), "GLOB", LOCI__OFFER_NOTHING,
     "leave out what matches, as a line of .gitignore would; may be given several times"},
    {"dry-run", 0, LOCI__OPTION_FLAG, AT(dry_run), NULL, LOCI__OFFER_NOTHING,
     "only list what is new, changed, gone or skipped"},
    {"no-ignore", 0, LOCI__OPTION_FLAG, AT(no_ignore), NULL, LOCI__OFFER_NOTHING,
     "do not read .gitignore and .lociignore"},
    {"hidden", 0, LOCI__OPTION_FLAG, AT(hidden), NULL, LOCI__OFFER_NOTHING,
     "also files and folders whose name starts with a dot"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "the summary as a JSON object"},
};

/* Whether these vectors come from the built-in model. */
static bool is_built_in(loci_collection *collection, const char *model) {
  if (model) return !strcmp(model, "loci-static-en");
  loci_collection_status status = {.struct_size = sizeof status};
  if (!collection || loci_collection_get_status(collection, 0, &status, NULL) != LOCI_OK) return true;
  return !status.model || !*status.model || !strcmp(status.model, "loci-static-en");
}

static loci_status index_paths(loci__cli *cli, loci_collection *collection, loci_error *error) {
  const values *v = cli->values;
  loci__skips skips;
  loci__skips_init(&skips, cli, v->dry_run);
  loci_index_options o;
  loci_index_options_init(&o);
  o.model = v->model;
  o.exclude = v->exclude.items;
  o.n_exclude = v->exclude.n;
  o.dry_run = v->dry_run;
  o.no_ignore = v->no_ignore;
  o.hidden = v->hidden;
  o.event = loci__skips_event;
  o.event_user = &skips;
  o.progress = loci__progress_show;
  o.progress_user = cli;
  loci_index_report report = {0};
  loci_status status = loci_collection_index(collection, cli->arguments.items, cli->arguments.n, &o, &report, error);
  loci__progress_clear(cli);
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  if (status == LOCI_OK) {
    if (v->dry_run && !v->json) loci__table_put(&skips.rows, &out, cli);
    if (!v->dry_run) loci__skips_tell(&skips);
    if (report.n_truncated)
      loci__note(cli, "%llu passages were longer than the model takes and were cut",
                 (unsigned long long)report.n_truncated);
    if (report.n_unknown)
      loci__note(cli, "%llu passages have no word that the model knows: only their words find them",
                 (unsigned long long)report.n_unknown);
    if (v->json || (!v->dry_run && !cli->common.quiet))
      loci__report_put(&out, &report, v->json, v->dry_run ? LOCI__REPORT_DRY_RUN : LOCI__REPORT_INDEX);
    status = loci__output_flush(cli, &out, error);
    cli->nothing = report.n_skipped > 0;
  } else if (status == LOCI_ERROR_CANCELLED) {
    loci__buffer_puts(&out, "interrupted; ");
    loci__put_count(&out, report.n_new + report.n_changed, "file");
    loci__buffer_puts(&out, " kept, run the same command to go on");
    loci__fail(error, status, "%s", out.data ? out.data : "interrupted");
  }
  loci__buffer_release(&out);
  loci__skips_release(&skips);
  return status;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  values *v = cli->values;
  loci_collection *collection = NULL;
  char *pooled = NULL;
  LOCI__TRY(loci__environment_pooling(v->model, v->pooling, &pooled, error));
  if (pooled) v->model = pooled;
  /* A dry run looks and leaves no trace: it makes no collection. */
  int mode = v->dry_run ? LOCI_COLLECTION_READ : cli->arguments.n ? LOCI_COLLECTION_CREATE : LOCI_COLLECTION_WRITE;
  loci_status status = loci__collection_open(cli, mode, &collection, error);
  if (status == LOCI_ERROR_NOT_FOUND && v->dry_run && cli->arguments.n)
    status = loci_collection_open(cli->context, NULL, LOCI_COLLECTION_CREATE, &collection, error);
  if (status == LOCI_OK) {
    if (!v->dry_run && is_built_in(collection, v->model)) loci__environment_tell_limits(cli);
    status = index_paths(cli, collection, error);
  }
  if (collection) loci_collection_close(collection);
  loci__free(NULL, pooled);
  return status;
}

const loci__command loci__command_index = {
    .name = "index",
    .summary = "Bring a collection up to date with folders and files",
    .arguments = "[DIR|FILE…]",
    .about =
        "Reads text, Markdown, HTML and PDF files, also compressed with gzip, cuts them into passages, and stores each "
        "passage with its vector. A file that has not changed since is not read again; a file that is gone is "
        "forgotten, but only under a folder that is there and not empty. Without arguments, everything that was "
        "indexed before is looked at again.\n\n"
        "`.gitignore` and `.lociignore` files are followed. Files that cannot be read are skipped and listed by "
        "reason. Ctrl-C keeps what is done; the same command goes on.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci index ~/Documents", "new and changed files of a folder"},
                 {"loci index notes --exclude '*.log' --exclude build/", "without some"},
                 {"loci index --dry-run ~/Documents", "what would be done"},
                 {"loci index -c papers -m ~/models/all-MiniLM-L6-v2 ~/papers", "another collection and model"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_COLLECTION | LOCI__USES_INTERRUPT,
    .most = SIZE_MAX,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
