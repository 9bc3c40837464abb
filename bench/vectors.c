/* bench/vectors.c: files of word vectors written and opened, megabytes of file a second.
 *
 * usage: vectors FOLDER [--words N] [--dim N] [--threads N] [--seconds S] [--own-time] [--json]
 *
 * Writes a table of N words (default 50,000 of 300 numbers, normal with deviation 0.1) into FOLDER in each format, and opens
 * each: the system's cache is warm, so it is the parsing that is measured. bench/peers/vectors.py opens the same files.
 */
#include "bench.h"

#include "format/vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct work {
  loci_context *context;
  loci__vectors_out out;
  loci_vectors_format format;
  char path[1024];
  double size;
} work;

static void die(const loci_error *error) {
  fprintf(stderr, "vectors: %s\n", error->message);
  exit(1);
}

static double megabytes(const work *w) {
  loci_file_info info;
  return loci__file_stat(w->context, w->path, true, &info) == 0 ? (double)info.size * 1e-6 : 0;
}

static double write_one(void *arg) {
  work *w = arg;
  loci_error error;
  if (loci__vectors_write(w->context, w->path, w->format, LOCI_PRECISION_F32, &w->out, &error) != LOCI_OK) die(&error);
  return megabytes(w);
}

static double open_one(void *arg) {
  work *w = arg;
  loci_error error;
  loci_vectors *v;
  if (loci__vectors_open_file(w->context, w->path, NULL, &v, &error) != LOCI_OK) die(&error);
  loci_vectors_close(v);
  return megabytes(w);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name, *what;
    loci_vectors_format format;
  } formats[] = {{"w.bin", "word2vec .bin", LOCI_VECTORS_WORD2VEC},
                 {"w.txt", "text", LOCI_VECTORS_TEXT},
                 {"g.txt", "GloVe text", LOCI_VECTORS_GLOVE},
                 {"w.npy", ".npy", LOCI_VECTORS_NPY}};
  if (argc < 2) return fprintf(stderr, "usage: vectors FOLDER [options]\n"), 2;
  const size_t n = strtoul(bench_option(argc, argv, "--words", "50000"), NULL, 10);
  const size_t dim = strtoul(bench_option(argc, argv, "--dim", "300"), NULL, 10);
  const double seconds = strtod(bench_option(argc, argv, "--seconds", "2"), NULL);
  if (bench_flag(argc, argv, "--own-time")) bench_own_time();
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = atoi(bench_option(argc, argv, "--threads", "1"));
  loci_error error;
  work w = {0};
  if (loci_context_new(&options, &w.context, &error) != LOCI_OK) die(&error);
  char *names = malloc(n * 16);
  const char **words = malloc(n * sizeof *words);
  uint32_t *lengths = malloc(n * sizeof *lengths);
  float *rows = malloc(n * dim * sizeof *rows);
  if (names == NULL || words == NULL || lengths == NULL || rows == NULL) return 1;
  loci__random random;
  loci__random_init(&random, 1);
  for (size_t i = 0; i < n; i++) {
    words[i] = names + 16 * i;
    lengths[i] = (uint32_t)snprintf(names + 16 * i, 16, "word%zu", i);
    for (size_t j = 0; j < dim; j++) rows[i * dim + j] = (float)(0.1 * loci__random_normal(&random));
  }
  w.out = (loci__vectors_out){.n = n, .dim = dim, .words = words, .lengths = lengths, .rows = rows};
  bench_table table;
  char title[128];
  snprintf(title, sizeof title, "word vectors, %zu x %zu, %d thread(s): MB of file a second", n, dim,
           loci_context_threads(w.context));
  bench_begin(&table, title, bench_flag(argc, argv, "--json"));
  for (size_t i = 0; i < LOCI__COUNT(formats); i++) {
    char name[64];
    w.format = formats[i].format;
    snprintf(w.path, sizeof w.path, "%s/%s", argv[1], formats[i].name);
    snprintf(name, sizeof name, "write %s", formats[i].what);
    bench_row(&table, name, bench_rate(write_one, &w, 2, seconds), "MB/s", NAN, NULL, NAN, NULL);
    snprintf(name, sizeof name, "open %s", formats[i].what);
    bench_row(&table, name, bench_rate(open_one, &w, 3, seconds), "MB/s", NAN, NULL, NAN, NULL);
  }
  bench_end(&table);
  free(names);
  free(words);
  free(lengths);
  free(rows);
  loci_context_free(w.context);
  return 0;
}
