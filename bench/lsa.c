/* bench/lsa.c: latent semantic analysis of a file of documents, a line each: seconds to count and weight them, and to have the
 * first singular values and vectors, at several tolerances; with the share of the squares that they hold.
 *
 *   bench-lsa [--dim N] [--threads N] [--tolerance T] [--json] FILE
 *
 * bench/peers/lsa.py runs it beside scikit-learn on the same documents.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "train/lsa.h"

static size_t no_more(size_t n_terms, size_t n_documents, const void *arg) {
  (void)n_terms, (void)n_documents, (void)arg;
  return 0;
}

static double middle(const double x[3]) {
  const double low = x[0] < x[1] ? x[0] : x[1], high = x[0] < x[1] ? x[1] : x[0];
  return x[2] < low ? low : x[2] > high ? high : x[2];
}

static int fail(const loci_error *error) {
  fprintf(stderr, "bench-lsa: %s\n", error->message);
  return 1;
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[argc - 1] : NULL;
  if (path == NULL || path[0] == '-') {
    fprintf(stderr, "bench-lsa [--dim N] [--threads N] [--tolerance T] [--json] FILE\n");
    return 2;
  }
  const size_t dim = (size_t)strtoul(bench_option(argc, argv, "--dim", "300"), NULL, 10);
  const char *only = bench_option(argc, argv, "--tolerance", "");
  const bool json = bench_flag(argc, argv, "--json");
  loci_error error;
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = (int)strtol(bench_option(argc, argv, "--threads", "2"), NULL, 10);
  loci_context *context;
  if (loci_context_new(&options, &context, &error) != LOCI_OK) return fail(&error);

  /* Three times, of which the middle one is told. */
  loci__terms terms = {0};
  loci__trainer trainer;
  char output[64];
  double words[3], counting[3];
  for (size_t i = 0; i < 3; i++) {
    if (i > 0) {
      loci__terms_release(&terms);
      loci__trainer_close(&trainer);
      remove(output);
    }
    snprintf(output, sizeof output, "/tmp/bench-lsa-XXXXXX");
    if (mkdtemp(output) == NULL) return 1;
    char file[80];
    snprintf(file, sizeof file, "%s/out.bin", output);
    loci_train_common common;
    loci__train_common_init(&common);
    common.corpus.min_count = 5;
    loci__trainer_init(&trainer, context, "lsa", path, file, &common);
    const double began = bench_now();
    if (loci__trainer_open(&trainer, 0, 0, true, &error) != LOCI_OK) return fail(&error);
    words[i] = bench_now() - began;
    if (loci__terms_count(context, &trainer.stream, loci__vocabulary_size(trainer.vocabulary), 5, 0.5, 0, no_more, NULL,
                          &trainer.meter, &terms, &error) != LOCI_OK ||
        loci__terms_weight(&terms, LOCI_WEIGHTING_SUBLINEAR_TFIDF, &error) != LOCI_OK)
      return fail(&error);
    counting[i] = bench_now() - began;
  }
  if (json)
    printf(
        "{\"documents\": %zu, \"terms\": %zu, \"entries\": %zu, \"words_seconds\": %.3f, \"counting_seconds\": %.3f}\n",
        terms.n_documents, terms.n_terms, loci__sparse_count(&terms.terms), middle(words), middle(counting));
  else
    printf("%zu documents, %zu terms, %zu entries: counted and weighted in %.2f s (words to numbers: %.2f s)\n",
           terms.n_documents, terms.n_terms, loci__sparse_count(&terms.terms), middle(counting), middle(words));
  fflush(stdout);
  static const double tolerances[] = {2e-2, 1e-3, 1e-5};
  for (size_t i = 0; i < (only[0] ? 1 : LOCI__COUNT(tolerances)); i++) {
    const double tolerance = only[0] ? strtod(only, NULL) : tolerances[i];
    const loci__svd_options how = {.rank = dim, .tolerance = tolerance, .seed = 1, .transpose = &terms.documents};
    loci__svd svd;
    const double began = bench_now();
    if (loci__svd_compute(&terms.terms, &how, &svd, &error) != LOCI_OK) return fail(&error);
    const double seconds = bench_now() - began;
    double squares = 0;
    for (size_t j = 0; j < svd.rank; j++) squares += svd.values[j] * svd.values[j];
    if (json)
      printf(
          "{\"tolerance\": %g, \"seconds\": %.3f, \"squares\": %.4f, \"products\": %zu, \"restarts\": %zu, \"first\": "
          "%.6f, \"last\": %.6f}\n",
          tolerance, seconds, squares, svd.n_products, svd.n_restarts, svd.values[0], svd.values[svd.rank - 1]);
    else
      printf("tolerance %g: %.2f s, sum of squares %.2f of %.2f, %zu products, values %.4f … %.4f\n", tolerance,
             seconds, squares, svd.sum_squares, svd.n_products, svd.values[0], svd.values[svd.rank - 1]);
    fflush(stdout);
    loci__svd_release(&svd);
  }
  loci__terms_release(&terms);
  loci__trainer_close(&trainer);
  remove(output);
  loci_context_free(context);
  return 0;
}
