/* bench/search.c: what a person waits for. The command from exec to exit, warm page cache: `loci index` of a folder into a
 * fresh collection, then `loci search` on it, one process a question.
 *
 * usage: search --loci PROGRAM --folder DOCUMENTS [--model MODEL] [--n 50] [--json]
 *
 * The rows of the table: the whole index run (documents and chunks a second), and milliseconds of a search as
 * median, least and greatest of n runs over twenty questions in turn. 10,000 chunks are wanted for the gate: the
 * number that the folder gave is printed first.
 */
#include "bench.h"

#include "loci/collection.h"

#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *const questions[] = {"how to undo my last change",
                                        "a program waits for ever",
                                        "which file holds the settings",
                                        "copy a folder to another machine",
                                        "meaning of ownership and borrowing",
                                        "alert when a disk is nearly full",
                                        "remove a branch that is merged",
                                        "text search in many files",
                                        "encrypt a message",
                                        "names of the months",
                                        "measure how long something takes",
                                        "share work between threads",
                                        "the history of the city",
                                        "a table with two columns",
                                        "what happens when memory runs out",
                                        "install on an old computer",
                                        "protect a password",
                                        "sort a list of numbers",
                                        "write a test first",
                                        "licence of the software"};

enum { N_QUESTIONS = sizeof questions / sizeof questions[0], MOST = 1000 };

/* Seconds from exec to exit, output thrown away; exits when the program fails. */
static double run(char *const argv[]) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0); /* files that were skipped */
  pid_t child;
  int status = 0;
  double began = bench_now();
  if (posix_spawn(&child, argv[0], &actions, NULL, argv, environ) != 0 || waitpid(child, &status, 0) != child ||
      !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "search: %s %s failed\n", argv[0], argv[1]);
    exit(1);
  }
  double seconds = bench_now() - began;
  posix_spawn_file_actions_destroy(&actions);
  return seconds;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static bench_figure summary(double *values, size_t n) {
  qsort(values, n, sizeof *values, compare);
  return (bench_figure){(values[(n - 1) / 2] + values[n / 2]) / 2, values[0], values[n - 1]};
}

static bench_figure one(double value) {
  return (bench_figure){value, value, value};
}

/* Chunks and documents of the collection. */
static void look(const char *store, double *n_chunks, double *n_documents) {
  loci_error error;
  loci_collection *collection = NULL;
  loci_collection_status status = {.struct_size = sizeof status};
  if (loci_collection_open(NULL, store, LOCI_COLLECTION_READ, &collection, &error) != LOCI_OK ||
      loci_collection_get_status(collection, 0, &status, &error) != LOCI_OK) {
    fprintf(stderr, "search: %s\n", error.message);
    exit(1);
  }
  *n_chunks = (double)status.n_chunks;
  *n_documents = (double)status.n_documents;
  loci_collection_close(collection);
}

int main(int argc, char **argv) {
  const char *loci = bench_option(argc, argv, "--loci", NULL), *folder = bench_option(argc, argv, "--folder", NULL);
  const char *model = bench_option(argc, argv, "--model", NULL);
  long n = strtol(bench_option(argc, argv, "--n", "50"), NULL, 10);
  if (loci == NULL || folder == NULL || n < 1 || n > MOST) {
    fprintf(stderr, "usage: search --loci PROGRAM --folder DOCUMENTS [--model MODEL] [--n 50] [--json]\n");
    return 2;
  }
  char place[] = "/tmp/loci-bench-XXXXXX", store[64], command[96];
  if (mkdtemp(place) == NULL) return 1;
  snprintf(store, sizeof store, "%s/collection.db", place);
  char *index[] = {(char *)loci,      (char *)"index",
                   (char *)"--store", store,
                   (char *)folder,    (char *)(model ? "-m" : NULL),
                   (char *)model,     NULL};
  double index_seconds = run(index), n_chunks = 0, n_documents = 0;
  look(store, &n_chunks, &n_documents);

  bench_table table;
  bench_begin(&table, "the command, exec to exit", bench_flag(argc, argv, "--json"));
  bench_row(&table, "index", one(n_documents / index_seconds), "documents/s", NAN, NULL, NAN, NULL);
  bench_row(&table, "index", one(n_chunks / index_seconds), "chunks/s", NAN, NULL, NAN, NULL);
  bench_row(&table, "collection", one(n_chunks), "chunks", NAN, NULL, NAN, NULL);
  static const char *const modes[] = {"hybrid", "vector", "text"};
  static double seconds[MOST];
  for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++) {
    for (long i = -3; i < n; i++) { /* three to warm up */
      const char *question = questions[(size_t)(i + 3) % N_QUESTIONS];
      char *search[] = {(char *)loci,     (char *)"search", (char *)"--store", store,
                        (char *)"--mode", (char *)modes[m], (char *)question,  NULL};
      double taken = run(search) * 1000.0;
      if (i >= 0) seconds[i] = taken;
    }
    char name[32];
    snprintf(name, sizeof name, "search, %s", modes[m]);
    bench_row(&table, name, summary(seconds, (size_t)n), "ms", NAN, NULL, NAN, NULL);
  }
  bench_end(&table);
  snprintf(command, sizeof command, "rm -rf %s", place);
  return system(command) == 0 ? 0 : 1;
}
