/* get.c: `loci get`, the stored text at a place.
 */
#include "cli.h"

typedef struct values {
  int json;
} values;

static const loci__option options[] = {
    {"json", 0, LOCI__OPTION_FLAG, offsetof(values, json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  const char *place = cli->arguments.items[0];
  loci_collection *collection = NULL;
  LOCI__TRY(loci__collection_open(cli, LOCI_COLLECTION_READ, &collection, error));
  loci_results results = {0};
  char *path = NULL;
  uint32_t line;
  loci_status status = loci__place_parse(cli, place, &path, &line, error);
  if (status == LOCI_OK) status = loci_collection_get(collection, path, line, &results, error);
  if (status == LOCI_OK) {
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    cli->nothing = !results.n;
    loci__results_put(&out, cli, place, strlen(place), &results, (loci__results_style){.json = v->json});
    status = loci__output_flush(cli, &out, error);
    loci__buffer_release(&out);
    loci_results_release(&results);
  }
  loci__free(NULL, path);
  loci_collection_close(collection);
  return status;
}

const loci__command loci__command_get = {
    .name = "get",
    .summary = "Print the stored text of a passage, or of a whole document",
    .arguments = "FILE[:LINE]",
    .about =
        "FILE is the path of an indexed document, or the end of it where that names one document. With LINE, the "
        "passage in which that line lies; without, every passage in order. Passages overlap a little. The text "
        "comes from the collection, so it is there although the file is not.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci get report.md:120", "the passage at line 120"}, {"loci get report.md", "the whole document"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_COLLECTION,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
