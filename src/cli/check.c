/* check.c: `loci check`, whether a collection is what it should be.
 */
#include "cli.h"

typedef struct values {
  int deep;
} values;

static const loci__option options[] = {
    {"deep", 0, LOCI__OPTION_FLAG, offsetof(values, deep), NULL, LOCI__OFFER_NOTHING,
     "every row: vectors, full text, and the segments against the vectors of record"},
};

typedef struct findings {
  loci__cli *cli;
  loci__buffer out;
} findings;

static void found(void *user, const char *finding) {
  findings *f = user;
  if (f->cli->out_terminal) loci__put_shown(&f->out, finding, strlen(finding), 0);
  else loci__put_field(&f->out, finding, strlen(finding));
  loci__buffer_putc(&f->out, '\n');
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  loci_collection *collection = NULL;
  /* Open for writing, damaged segments are rebuilt; beside another writer, or on a disk that is read only, looking
   * is still worth it. */
  loci_status status = loci__collection_open(cli, LOCI_COLLECTION_WRITE, &collection, error);
  if (status == LOCI_ERROR_LOCKED || status == LOCI_ERROR_IO) {
    loci__note(cli, "only looking, not repairing: %s", error->message);
    status = loci__collection_open(cli, LOCI_COLLECTION_READ, &collection, error);
  }
  if (status != LOCI_OK) return status;
  findings f = {.cli = cli};
  loci__buffer_init(&f.out, NULL, 0);
  uint64_t n = 0;
  status = loci_collection_check(collection, v->deep, found, &f, &n, error);
  if (status == LOCI_OK && !n && !cli->common.quiet) loci__buffer_puts(&f.out, "healthy\n");
  if (status == LOCI_OK) status = loci__output_flush(cli, &f.out, error);
  if (status == LOCI_OK && n)
    status = loci__fail(error, LOCI_ERROR_FORMAT,
                        "%llu %s; damaged segments were rebuilt where that was possible, "
                        "`loci check` again says what is left, and `loci index` and `loci reindex` make the rest anew",
                        (unsigned long long)n, n == 1 ? "finding" : "findings");
  loci__buffer_release(&f.out);
  loci_collection_close(collection);
  return status;
}

const loci__command loci__command_check = {
    .name = "check",
    .summary = "Verify a collection, and rebuild damaged segments",
    .arguments = "",
    .about =
        "Checks the database and the checksums of the segments; with --deep every row. Each finding is a line. "
        "The exit code is 0 when there is none, else 4.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci check", "in a moment"}, {"loci check --deep -c papers", "everything, of another collection"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_COLLECTION,
    .values_size = sizeof(values),
    .run = run,
};
