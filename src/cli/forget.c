/* forget.c: `loci forget`, which takes documents out of a collection.
 */
#include "cli.h"

static loci_status run(loci__cli *cli, loci_error *error) {
  loci_collection *collection = NULL;
  LOCI__TRY(loci__collection_open(cli, LOCI_COLLECTION_WRITE, &collection, error));
  const char *given = cli->arguments.items[0];
  uint64_t n = 0;
  /* A path that is gone from the disk is relative to here too; failing that, the end of a stored path. */
  char *absolute = loci__path_absolute(NULL, given);
  loci_status status = absolute ? loci_collection_forget(collection, absolute, &n, error)
                                : loci__fail_memory(error, strlen(given), "a path");
  if (status == LOCI_ERROR_NOT_FOUND) status = loci_collection_forget(collection, given, &n, error);
  if (status == LOCI_OK && !cli->common.quiet) {
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    loci__buffer_puts(&out, "forgot ");
    loci__put_count(&out, n, "document");
    loci__buffer_putc(&out, '\n');
    status = loci__output_flush(cli, &out, error);
    loci__buffer_release(&out);
  }
  loci__free(NULL, absolute);
  loci_collection_close(collection);
  return status;
}

const loci__command loci__command_forget = {
    .name = "forget",
    .summary = "Take a file, or everything below a folder, out of the collection",
    .arguments = "PATH",
    .about =
        "The files themselves are left alone. A forgotten file that is still there comes back with the next "
        "`loci index` of its folder; `--exclude` and `.lociignore` keep it out.",
    .examples = {{"loci forget ~/Documents/old", "everything below a folder"},
                 {"loci forget report.md", "one document"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_COLLECTION,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .run = run,
};
