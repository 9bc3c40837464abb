/* bench/explore.c: maps of a file of vectors: seconds of the graph of nearest neighbours, of a projection and of measuring its
 * distortion.
 *
 *   bench-explore [--method pca|tsne|umap] [--threads N] [--most N] [--epochs N] [--seed N] [--out XY] FILE
 *
 * A line of JSON: seconds_graph (its share of the peak is products over seconds; bench/peak has the peak), seconds_layout
 * (probabilities, beginning and epochs), seconds (both), kl, trustworthiness(15) over all points or 4,000 of them. XY gets
 * the coordinates as raw little-endian floats. bench/peers/explore.py runs it beside openTSNE, scikit-learn and umap-learn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "loci.h"

static int fail(const loci_error *error) {
  fprintf(stderr, "bench-explore: %s\n", error->message);
  return 1;
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[argc - 1] : "-";
  if (path[0] == '-') {
    fprintf(
        stderr,
        "bench-explore [--method pca|tsne|umap] [--threads N] [--most N] [--epochs N] [--seed N] [--out XY] FILE\n");
    return 2;
  }
  const char *method = bench_option(argc, argv, "--method", "tsne"), *out = bench_option(argc, argv, "--out", "");
  loci_error error;
  loci_context_options context_options;
  loci_context_options_init(&context_options);
  context_options.threads = (int)strtol(bench_option(argc, argv, "--threads", "2"), NULL, 10);
  loci_context *context;
  if (loci_context_new(&context_options, &context, &error) != LOCI_OK) return fail(&error);
  loci_vectors_options open_options;
  loci_vectors_options_init(&open_options);
  open_options.most = (size_t)strtoul(bench_option(argc, argv, "--most", "0"), NULL, 10);
  loci_vectors *vectors;
  if (loci_vectors_open(context, path, &open_options, &vectors, &error) != LOCI_OK) return fail(&error);
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(vectors, &info);
  const float *rows = loci_vectors_row(vectors, 0);

  loci_project_options options;
  loci_project_options_init(&options);
  options.epochs = (size_t)strtoul(bench_option(argc, argv, "--epochs", "0"), NULL, 10);
  options.seed = strtoul(bench_option(argc, argv, "--seed", "1"), NULL, 10);
  options.method = !strcmp(method, "pca")    ? LOCI_PROJECTION_PCA
                   : !strcmp(method, "umap") ? LOCI_PROJECTION_UMAP
                                             : LOCI_PROJECTION_TSNE;
  float *xy = malloc(info.n * 2 * sizeof *xy);
  if (xy == NULL) return 1;
  loci_graph graph = {0};
  const size_t k = loci_project_neighbors(info.n, &options);
  const double began = bench_now();
  if (k > 0 &&
      loci_graph_build(context, rows, info.n, info.dim, k, options.metric, NULL, NULL, &graph, &error) != LOCI_OK)
    return fail(&error);
  const double after_graph = bench_now();
  if (k > 0) options.graph = &graph;
  loci_project_report report;
  if (loci_project(context, rows, info.n, info.dim, &options, xy, &report, &error) != LOCI_OK) return fail(&error);
  const double after = bench_now();
  loci_distortion distortion;
  if (loci_distortion_measure(context, rows, info.n, info.dim, options.metric, xy, 15, 4000, 1, NULL, NULL, &distortion,
                              &error) != LOCI_OK)
    return fail(&error);
  printf(
      "{\"method\": \"%s\", \"n\": %zu, \"dim\": %zu, \"isa\": \"%s\", \"seconds_graph\": %.3f, \"seconds_layout\": "
      "%.3f, "
      "\"seconds\": %.3f, \"epochs\": %zu, \"kl\": %.4f, \"trustworthiness\": %.4f, \"kept\": %.4f, "
      "\"seconds_distortion\": %.3f}\n",
      method, info.n, info.dim, loci_context_isa(context), after_graph - began, after - after_graph, after - began,
      report.epochs, report.kl, distortion.trustworthiness, distortion.kept, bench_now() - after);
  if (out[0]) {
    FILE *file = fopen(out, "wb");
    if (file == NULL || fwrite(xy, sizeof *xy, 2 * info.n, file) != 2 * info.n || fclose(file) != 0) {
      perror(out);
      return 1;
    }
  }
  free(xy);
  loci_graph_release(&graph);
  loci_vectors_close(vectors);
  loci_context_free(context);
  return 0;
}
