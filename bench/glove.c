/* bench/glove.c: an iteration of GloVe's default optimiser over a file of co-occurrences.
 *
 *   bench-glove --pairs cooccurrences --words N [--dim 300] [--epochs 3] [--x-max 100] [--threads N] [--folder /tmp]
 *               [--isa NAME] [--own-time] [--json]
 *
 * The tiles are made once (their time is a row of its own), then epochs are run and timed; the cost of each is printed, so
 * that speed is never told without what was learned. bench/peers/glove.py makes the file of a corpus with the GloVe
 * programs, runs their optimiser on it and then this, and tells the ratio.
 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loci/core.h"
#include "train/glove.h"

enum { EPOCHS_MOST = 100 };

static void must(loci_status status, const loci_error *error) {
  if (status == LOCI_OK) return;
  fprintf(stderr, "bench-glove: %s\n", error->message);
  exit(1);
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static bench_figure figure_of(double *rates, size_t n) {
  qsort(rates, n, sizeof *rates, by_value);
  return (bench_figure){.median = rates[n / 2], .least = rates[0], .greatest = rates[n - 1]};
}

int main(int argc, char **argv) {
  const char *pairs_path = bench_option(argc, argv, "--pairs", NULL);
  const size_t n_words = (size_t)atol(bench_option(argc, argv, "--words", "0"));
  size_t epochs = (size_t)atol(bench_option(argc, argv, "--epochs", "3"));
  if (!pairs_path || n_words == 0) {
    fprintf(stderr, "bench-glove --pairs FILE --words N [--dim 300] [--epochs 3] [--threads N]\n");
    return 2;
  }
  if (epochs < 1 || epochs > EPOCHS_MOST) epochs = 3;
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = atoi(bench_option(argc, argv, "--threads", "0"));
  options.isa = bench_option(argc, argv, "--isa", NULL);
  loci_context *context;
  loci_error error;
  must(loci_context_new(&options, &context, &error), &error);
  char path[4096];
  snprintf(path, sizeof path, "%s/bench-glove.%ld", bench_option(argc, argv, "--folder", "/tmp"), (long)getpid());

  loci__glove_tiling tiling = {.n_words = n_words,
                               .dim = (size_t)atol(bench_option(argc, argv, "--dim", "300")),
                               .x_max = atof(bench_option(argc, argv, "--x-max", "100")),
                               .alpha = 0.75,
                               .seed = 1,
                               .key = "bench"};
  loci__meter meter;
  loci__meter_init(&meter, NULL, NULL);
  loci__mapping pairs;
  must(loci__cooccur_open(context, pairs_path, n_words, &pairs, &error), &error);
  const size_t n = pairs.length / sizeof(loci__cooccur_record);
  double began = bench_now();
  must(loci__glove_tiles_make(context, (const loci__cooccur_record *)(const void *)pairs.data, n, &tiling, path, &meter,
                              &error),
       &error);
  double making = (double)n / (bench_now() - began);
  loci__mapping_close(&pairs);
  loci__glove_tiles tiles;
  must(loci__glove_tiles_open(context, path, &tiling, &tiles, &error), &error);
  loci__glove_model model;
  must(loci__glove_model_init(context, n_words, tiling.dim, 1, &model, &error), &error);

  if (bench_flag(argc, argv, "--own-time")) bench_own_time();
  const bool json = bench_flag(argc, argv, "--json");
  char title[160];
  snprintf(title, sizeof title, "GloVe: %zu pairs of %zu words, dim %zu, %d threads, %s", n, n_words, tiling.dim,
           loci_context_threads(context), loci_context_isa(context));
  bench_table table;
  bench_begin(&table, title, json);
  uint32_t *order = calloc(tiles.n_blocks, sizeof *order);
  double rates[EPOCHS_MOST];
  for (size_t e = 0; e < epochs; e++) {
    double cost = 0;
    began = bench_now();
    loci__glove_diagonals(tiles.n_blocks, 1, e, order);
    for (size_t i = 0; i < tiles.n_blocks; i++) {
      must(loci__glove_diagonal(context, &tiles, &model, 0.05, order[i], &cost, &error), &error);
    }
    rates[e] = (double)n / (bench_now() - began);
    fprintf(json ? stderr : stdout, "epoch %zu: cost %.6f, %.3g pairs/s\n", e + 1, cost / (double)n, rates[e]);
  }
  bench_row(&table, "tiles made", (bench_figure){making, making, making}, "pairs/s", NAN, NULL, NAN, NULL);
  bench_row(&table, "iteration", figure_of(rates, epochs), "pairs/s", NAN, NULL, NAN, NULL);
  bench_end(&table);
  free(order);
  loci__glove_model_release(context, &model);
  loci__glove_tiles_close(&tiles);
  unlink(path);
  loci_context_free(context);
  return 0;
}
