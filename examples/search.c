/* search.c: indexes a folder and asks it a question.
 *
 *   cc -o search search.c $(pkg-config --cflags --libs loci)
 *   ./search FOLDER "how to fix a slow laptop" [MODEL-FOLDER]
 */
#include <loci.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  if (argc < 3) return fprintf(stderr, "usage: search FOLDER QUESTION [MODEL]\n"), 2;
  loci_context *context = NULL;
  loci_collection *collection = NULL;
  loci_results results = {0};
  loci_error error = {0};
  loci_index_options options;
  loci_index_options_init(&options);
  if (argc > 3) options.model = argv[3];

  loci_status status = loci_context_new(NULL, &context, &error);
  if (!status) status = loci_collection_open(context, "example.db", LOCI_COLLECTION_CREATE, &collection, &error);
  if (!status) {
    const char *paths[] = {argv[1]};
    status = loci_collection_index(collection, paths, 1, &options, NULL, &error);
  }
  if (!status) status = loci_collection_search(collection, argv[2], strlen(argv[2]), NULL, &results, &error);
  if (status) fprintf(stderr, "search: %s\n", error.message);
  for (size_t i = 0; i < results.n; i++)
    printf("%.3f %s:%u %s\n", results.items[i].score, results.items[i].path, results.items[i].line_start,
           results.items[i].heading);
  loci_results_release(&results);
  if (collection) loci_collection_close(collection);
  loci_context_free(context);
  return status != 0;
}
