/* similar.c: `loci similar`, what is near a passage of the collection.
 */
#include "cli.h"

typedef struct values {
  uint64_t limit;
  const char *path;
  int json, explain, all;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"limit", 'n', LOCI__OPTION_COUNT, AT(limit), "N", LOCI__OFFER_NOTHING, "how many results at most (10)"},
    {"path", 0, LOCI__OPTION_TEXT, AT(path), "GLOB", LOCI__OFFER_NOTHING, "only documents whose path matches"},
    {"all", 0, LOCI__OPTION_FLAG, AT(all), NULL, LOCI__OFFER_NOTHING,
     "every passage is a result: several of a document, and those that are alike"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
    {"explain", 0, LOCI__OPTION_FLAG, AT(explain), NULL, LOCI__OFFER_NOTHING,
     "the cosine and how far it stands out among random pairs"},
};

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  const char *place = cli->arguments.items[0];
  loci_collection *collection = NULL;
  LOCI__TRY(loci__collection_open(cli, LOCI_COLLECTION_READ, &collection, error));
  loci_search_options o;
  loci_search_options_init(&o);
  if (v->limit) o.limit = v->limit > SIZE_MAX ? SIZE_MAX : (size_t)v->limit;
  o.path_glob = v->path;
  o.all = v->all;
  o.explain = v->explain;
  o.progress = loci__progress_cancel;
  loci_results results = {0};
  char *path = NULL;
  uint32_t line;
  loci_status status = loci__place_parse(cli, place, &path, &line, error);
  if (status == LOCI_OK) status = loci_collection_similar(collection, path, line, &o, &results, error);
  if (status == LOCI_OK) {
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    cli->nothing = !results.n;
    if (!results.n && !v->json) loci__note(cli, "nothing found; `loci status` says what the collection holds");
    loci__results_put(&out, cli, place, strlen(place), &results,
                      (loci__results_style){.json = v->json, .explain = v->explain, .excerpt = true});
    status = loci__output_flush(cli, &out, error);
    loci__buffer_release(&out);
    loci_results_release(&results);
  }
  loci__free(NULL, path);
  loci_collection_close(collection);
  return status;
}

const loci__command loci__command_similar = {
    .name = "similar",
    .summary = "Find what is near a passage of the collection",
    .arguments = "FILE[:LINE]",
    .about =
        "FILE is the path of an indexed document, or the end of it where that names one document. The passage "
        "that LINE lies in is the question; without LINE, the first one. The document itself is left out.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci similar report.md:120", "documents near the passage at line 120"},
                 {"loci similar report.md -n 3", "near its beginning"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_COLLECTION | LOCI__USES_INTERRUPT,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
