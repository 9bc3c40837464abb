/* bench/cluster.c: k-means from given centres, for bench/peers/cluster.py, which makes the data and runs the peers.
 *
 *   bench-cluster ROWS CENTERS n dim k iterations threads [plain]
 *
 * ROWS and CENTERS are files of floats. Prints seconds, inertia and the number of iterations, of the whole call: copying,
 * iterating, the last labels.
 */
#include "bench.h"

#include "format/vectors.h"
#include "loci.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float *read_floats(const char *path, size_t n) {
  float *memory = malloc(n * sizeof *memory);
  FILE *file = fopen(path, "rb");
  if (!memory || !file || fread(memory, sizeof *memory, n, file) != n) {
    fprintf(stderr, "bench-cluster: cannot read %zu floats from %s\n", n, path);
    exit(1);
  }
  fclose(file);
  return memory;
}

int main(int argc, char **argv) {
  if (argc < 8) {
    fprintf(stderr, "bench-cluster ROWS CENTERS n dim k iterations threads [plain]\n");
    return 2;
  }
  const size_t n = strtoul(argv[3], NULL, 10), dim = strtoul(argv[4], NULL, 10), k = strtoul(argv[5], NULL, 10);
  float *rows = read_floats(argv[1], n * dim), *centers = read_floats(argv[2], k * dim);
  loci_context_options co;
  loci_context_options_init(&co);
  co.threads = atoi(argv[7]);
  loci_context *context;
  loci_error error;
  if (loci_context_new(&co, &context, &error) != LOCI_OK) return 1;
  const loci_vectors vectors = {.context = context, .n = n, .dim = dim, .rows = rows};
  loci_kmeans_options o;
  loci_kmeans_options_init(&o);
  o.k = k, o.centers = centers, o.metric = LOCI_METRIC_L2;
  o.most = strtoul(argv[6], NULL, 10);
  o.tolerance = -1;
  o.plain = argc > 8 && !strcmp(argv[8], "plain");
  loci_clusters found;
  const double began = bench_now();
  if (loci_kmeans(&vectors, NULL, 0, &o, &found, &error) != LOCI_OK) {
    fprintf(stderr, "bench-cluster: %s\n", error.message);
    return 1;
  }
  printf("%.3f %.6f %zu\n", bench_now() - began, found.inertia, found.iterations);
  loci_clusters_release(&found);
  loci_context_free(context);
  free(rows);
  free(centers);
  return 0;
}
