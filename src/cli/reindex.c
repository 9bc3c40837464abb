/* reindex.c: `loci reindex`, new vectors from the stored text.
 */
#include "cli.h"

typedef struct values {
  const char *model;
  int json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"model", 'm', LOCI__OPTION_TEXT, AT(model), "MODEL", LOCI__OFFER_MODEL,
     "the model to change to; default: the collection's"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "the summary as a JSON object"},
};

static loci_status reindex(loci__cli *cli, loci_collection *collection, loci_error *error) {
  const values *v = cli->values;
  loci__skips skips;
  loci__skips_init(&skips, cli, false);
  loci_index_options o;
  loci_index_options_init(&o);
  o.model = v->model;
  o.event = loci__skips_event;
  o.event_user = &skips;
  o.progress = loci__progress_show;
  o.progress_user = cli;
  loci_index_report report = {0};
  loci_status status = loci_collection_reindex(collection, &o, &report, error);
  loci__progress_clear(cli);
  if (status == LOCI_OK) {
    loci__skips_tell(&skips);
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    if (v->json || !cli->common.quiet) loci__report_put(&out, &report, v->json, LOCI__REPORT_REINDEX);
    status = loci__output_flush(cli, &out, error);
    loci__buffer_release(&out);
  } else if (status == LOCI_ERROR_CANCELLED) {
    loci__fail(error, status, "interrupted; run the same command to go on");
  }
  loci__skips_release(&skips);
  return status;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  loci_collection *collection = NULL;
  LOCI__TRY(loci__collection_open(cli, LOCI_COLLECTION_WRITE, &collection, error));
  loci_status status = reindex(cli, collection, error);
  loci_collection_close(collection);
  return status;
}

const loci__command loci__command_reindex = {
    .name = "reindex",
    .summary = "Make the vectors of a collection anew, with another model if wanted",
    .arguments = "",
    .about =
        "The vectors of two models cannot be compared, so a collection holds those of one, and refuses another "
        "by name. This makes them all anew from the stored text; the files themselves are not read.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci reindex -m ~/models/all-MiniLM-L6-v2", "change to another model"},
                 {"loci reindex", "the same model, after its files changed"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_COLLECTION | LOCI__USES_INTERRUPT,
    .values_size = sizeof(values),
    .run = run,
};
