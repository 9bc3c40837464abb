/* Maps against what is plainly computed: neighbours by all pairs in double, principal components of a matrix with known ones,
 * the mesh and t-SNE's gradient by all pairs, finite differences of the divergence, UMAP's walk in double, distortion by
 * sorting. And: the same bits at any number of threads, cancelling, odd input.
 */
#include "support.h"

#include "explore/project.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Points of a few blobs, so that there is something to see. */
static float *blobs(size_t n, size_t dim, uint64_t seed) {
  float *rows = malloc(n * dim * sizeof *rows);
  loci__random random;
  loci__random_init(&random, seed);
  float centres[8][64];
  for (size_t b = 0; b < 8; b++)
    for (size_t j = 0; j < dim; j++) centres[b][j] = 2 * (float)loci__random_normal(&random);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < dim; j++) rows[i * dim + j] = centres[i % 8][j] + (float)loci__random_normal(&random);
  return rows;
}

/* ---- neighbours ---- */

static double square_between(const float *a, const float *b, size_t dim, loci_metric metric) {
  if (metric == LOCI_METRIC_COSINE) return 2 - 2 * loci_measure(a, b, dim, metric);
  const double distance = loci_measure(a, b, dim, metric);
  return distance * distance;
}

static void check_graph(const float *rows, size_t n, size_t dim, size_t k, loci_metric metric, int threads) {
  loci_error error;
  loci_context *context = test_context_new(threads, NULL);
  loci_graph graph;
  assert_ok(loci_graph_build(context, rows, n, dim, k, metric, NULL, NULL, &graph, &error), &error);
  assert_int_equal(graph.k, k < n ? k : n - 1);
  for (size_t i = 0; i < n; i += 1 + n / 100) {
    double last = -1;
    for (size_t c = 0; c < graph.k; c++) {
      const size_t j = graph.index[i * graph.k + c];
      assert_true(j < n && j != i);
      for (size_t d = 0; d < c; d++) assert_true(graph.index[i * graph.k + d] != j);
      const double square = square_between(rows + i * dim, rows + j * dim, dim, metric);
      assert_true(fabs(square - (double)graph.square[i * graph.k + c]) <= 2e-5 * (1 + square));
      assert_true((double)graph.square[i * graph.k + c] >= last);
      last = (double)graph.square[i * graph.k + c];
    }
    size_t nearer = 0; /* by more than rounding */
    for (size_t j = 0; j < n; j++)
      nearer += j != i && square_between(rows + i * dim, rows + j * dim, dim, metric) < last - 1e-5 * (1 + last);
    assert_true(nearer < graph.k || graph.k == 0);
  }
  loci_graph_release(&graph);
  test_context_free(context);
}

static void test_graph(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 3, 17, 511, 512, 513, 1025, 2100};
  for (size_t s = 0; s < LOCI__COUNT(sizes); s++)
    for (int metric = LOCI_METRIC_COSINE; metric <= LOCI_METRIC_L2; metric += 2) {
      float *rows = blobs(sizes[s], 19, s);
      memset(rows, 0, 19 * sizeof *rows); /* a zero vector */
      if (sizes[s] > 20) memcpy(rows + 5 * 19, rows + 9 * 19, 19 * sizeof *rows);
      check_graph(rows, sizes[s], 19, 12, (loci_metric)metric, 1 + (int)(s % 3));
      free(rows);
    }
  /* Far from 0 nothing is lost to cancellation. */
  float *rows = blobs(600, 5, 1);
  for (size_t i = 0; i < 600 * 5; i++) rows[i] += 1000;
  check_graph(rows, 600, 5, 7, LOCI_METRIC_L2, 2);
  /* All equal: the first ones, in order. */
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  for (size_t i = 0; i < 600 * 5; i++) rows[i] = 3;
  loci_graph graph;
  assert_ok(loci_graph_build(context, rows, 600, 5, 3, LOCI_METRIC_COSINE, NULL, NULL, &graph, &error), &error);
  assert_int_equal(graph.index[500 * 3], 0);
  assert_int_equal(graph.index[500 * 3 + 2], 2);
  assert_int_equal(graph.index[0], 1);
  loci_graph_release(&graph);
  test_context_free(context);
  free(rows);
}

/* ---- principal components ---- */

static void test_pca(void **state) {
  (void)state;
  enum { N = 4500, WIDE = 2100 };
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  loci__random random;
  loci__random_init(&random, 3);
  for (size_t t = 0; t < 3; t++) {
    /* Known directions: Householder's reflection of the axes; deviations 5, 3, 2, 1, .5, then .1; the mean is not 0. */
    const size_t dim = t == 0 ? 6 : t == 1 ? 300 : WIDE, n = t == 2 ? 400 : N;
    float *rows = malloc(n * dim * sizeof *rows), *coordinates = malloc(n * 3 * sizeof *coordinates);
    float *components = malloc(3 * dim * sizeof *components), *mean = malloc(dim * sizeof *mean);
    double *v = malloc(dim * sizeof *v), square = 0, variances[3];
    for (size_t j = 0; j < dim; j++) v[j] = loci__random_normal(&random), square += v[j] * v[j];
    for (size_t i = 0; i < n; i++) {
      double *x = malloc(dim * sizeof *x), along = 0;
      for (size_t j = 0; j < dim; j++) {
        static const double deviations[] = {5, 3, 2, 1, .5};
        x[j] = loci__random_normal(&random) * (j < 5 ? deviations[j] : t == 2 ? 0.01 : 0.1);
        along += v[j] * x[j];
      }
      for (size_t j = 0; j < dim; j++) rows[i * dim + j] = (float)(x[j] - 2 * along / square * v[j] + 7);
      free(x);
    }
    assert_ok(loci_pca(context, rows, n, dim, 3, components, variances, mean, coordinates, &error), &error);
    for (size_t w = 0; w < 3; w++) {
      const double deviation = sqrt(variances[w]), want = w == 0 ? 5 : w == 1 ? 3 : 2;
      assert_true(fabs(deviation / want - 1) < 0.15);
      double length = 0, variance = 0, dot = 0, residual = 0;
      for (size_t j = 0; j < dim; j++) {
        length += (double)components[w * dim + j] * (double)components[w * dim + j];
        dot += (double)components[w * dim + j] * (double)components[(w + 1) % 3 * dim + j];
      }
      assert_true(fabs(length - 1) < 1e-6 && fabs(dot) < 1e-6);
      /* An eigenvector: the covariance with its own coordinates is the variance times itself. */
      for (size_t i = 0; i < n; i++)
        variance += (double)coordinates[i * 3 + w] * (double)coordinates[i * 3 + w] / (double)(n - 1);
      assert_true(fabs(variance / variances[w] - 1) < 1e-5);
      for (size_t j = 0; j < dim; j++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
          sum += ((double)rows[i * dim + j] - (double)mean[j]) * (double)coordinates[i * 3 + w];
        sum = sum / (double)(n - 1) / variances[w] - (double)components[w * dim + j];
        residual += sum * sum;
      }
      assert_true(sqrt(residual) < 1e-5);
    }
    free(rows), free(coordinates), free(components), free(mean), free(v);
  }
  /* Low rank: two points, the rest of the variances 0; one column; all equal. */
  float rows[2 * 40] = {0}, components[40 * 40], coordinates[2 * 40];
  double variances[40];
  rows[3] = 3;
  rows[40 + 4] = 4;
  assert_ok(loci_pca(context, rows, 2, 40, 40, components, variances, NULL, coordinates, &error), &error);
  assert_true(fabs(variances[0] - 12.5) < 1e-6 && variances[1] == 0 && variances[39] == 0);
  assert_true(fabs(fabs((double)coordinates[0]) - 2.5) < 1e-6);
  const float line[] = {1, 2, 6};
  assert_ok(loci_pca(context, line, 3, 1, 1, components, variances, NULL, coordinates, &error), &error);
  assert_true(fabs(variances[0] - 7) < 1e-6 && fabs((double)coordinates[2] - 3) < 1e-6);
  assert_int_equal(loci_pca(context, line, 3, 1, 2, components, variances, NULL, NULL, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

/* ---- the mesh ---- */

static void check_field(loci_context *context, size_t n, double size, double bound) {
  loci_error error;
  float *xy = malloc(2 * n * sizeof *xy);
  loci__random random;
  loci__random_init(&random, n);
  for (size_t i = 0; i < 2 * n; i++) xy[i] = (float)(size * loci__random_normal(&random) + 5);
  loci__field *field;
  assert_ok(loci__field_new(context, n, &field, &error), &error);
  assert_ok(loci__field_set(field, xy, &error), &error);
  double wrong = 0, all = 0, potential_wrong = 0, potential_all = 0;
  for (size_t i = 0; i < n; i++) {
    double want[3] = {0};
    for (size_t j = 0; j < n; j++) {
      const double dx = (double)xy[2 * i] - (double)xy[2 * j], dy = (double)xy[2 * i + 1] - (double)xy[2 * j + 1];
      const double w = 1 / (1 + dx * dx + dy * dy);
      want[0] += w;
      want[1] -= 2 * w * w * dx;
      want[2] -= 2 * w * w * dy;
    }
    float got[3];
    loci__field_at(field, xy + 2 * i, got);
    for (int c = 1; c < 3; c++) wrong += pow((double)got[c] - want[c], 2), all += want[c] * want[c];
    potential_wrong += pow((double)got[0] - want[0], 2);
    potential_all += want[0] * want[0];
  }
  if (sqrt(wrong / all) > bound || sqrt(potential_wrong / potential_all) > bound)
    fail_msg("%zu points, size %g: gradient off by %.2e, potential by %.2e", n, size, sqrt(wrong / all),
             sqrt(potential_wrong / potential_all));
  loci__field_free(field);
  free(xy);
}

static void test_field(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  check_field(context, 2000, 40, 3e-2); /* sparse: one neighbour's push is all there is */
  check_field(context, 2000, 10, 6e-3);
  check_field(context, 700, 1, 1e-3);
  check_field(context, 500, 1e-4, 2e-2); /* the first epochs: all points within a cell */
  check_field(context, 2, 30, 1e-6);     /* few: all pairs */
  check_field(context, 450, 2000, 50);   /* ran away: a coarse mesh, only not a crash */
  float bad[] = {0, 0, NAN, 1};
  loci_error error;
  loci__field *field;
  assert_ok(loci__field_new(context, 2, &field, &error), &error);
  assert_int_equal(loci__field_set(field, bad, &error), LOCI_ERROR_INTERNAL);
  loci__field_free(field);
  test_context_free(context);
}

/* ---- t-SNE ---- */

static void make_edges(loci_context *context, size_t n, loci_graph *graph, loci__edges *edges) {
  loci_error error;
  float *rows = blobs(n, 12, 4), *values = malloc(n * 30 * sizeof *values);
  assert_ok(loci_graph_build(context, rows, n, 12, 30, LOCI_METRIC_L2, NULL, NULL, graph, &error), &error);
  assert_ok(loci__affinities(graph, 30, 10, values, &error), &error);
  for (size_t i = 0; i < n; i++) { /* the perplexity is 10 */
    double sum = 0, entropy = 0;
    for (size_t c = 0; c < 30; c++) {
      const double p = (double)values[i * 30 + c] * (double)n;
      sum += p;
      if (p > 0) entropy -= p * log(p);
    }
    assert_true(fabs(sum - 1) < 1e-5 && fabs(exp(entropy) - 10) < 1e-3);
  }
  assert_ok(loci__edges_make(graph, values, 30, LOCI__JOIN_MEAN, edges, &error), &error);
  free(rows), free(values);
}

static void test_tsne_gradient(void **state) {
  (void)state;
  enum { N = 500 };
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  loci_graph graph;
  loci__edges edges;
  make_edges(context, N, &graph, &edges);
  /* Symmetric, of sum 1, in order, filled up. */
  double sum = 0;
  for (size_t i = 0; i < N; i++) {
    assert_int_equal(edges.starts[i] % LOCI__LANES, 0);
    for (size_t e = edges.starts[i]; e < edges.starts[i + 1]; e++) {
      sum += (double)edges.values[e];
      const size_t j = edges.columns[e];
      if (e >= edges.starts[i] + edges.lengths[i]) {
        assert_true(j == i && edges.values[e] == 0);
        continue;
      }
      assert_true(j != i && (e == edges.starts[i] || edges.columns[e - 1] < j));
      size_t back = edges.starts[j];
      while (back < edges.starts[j] + edges.lengths[j] && edges.columns[back] != i) back++;
      assert_true(back < edges.starts[j] + edges.lengths[j] && edges.values[back] == edges.values[e]);
    }
  }
  assert_true(fabs(sum - 1) < 1e-5);
  /* Finite differences of the divergence are four times the plain gradient. */
  static double xy[2 * N], gradient[2 * N];
  static float single[2 * N], pulled[2 * N];
  loci__random random;
  loci__random_init(&random, 8);
  for (size_t i = 0; i < 2 * N; i++) xy[i] = single[i] = (float)(8 * loci__random_normal(&random));
  double z, largest = 0;
  const double kl = loci__tsne_plain(&edges, xy, 1, gradient, &z);
  for (size_t i = 0; i < 2 * N; i += 97) {
    const double at = xy[i], h = 1e-5;
    xy[i] = at + h;
    const double up = loci__tsne_plain(&edges, xy, 1, NULL, NULL);
    xy[i] = at - h;
    const double down = loci__tsne_plain(&edges, xy, 1, NULL, NULL);
    xy[i] = at;
    assert_true(fabs((up - down) / (2 * h) - 4 * gradient[i]) < 1e-6);
  }
  /* The fast one: edges by the kernel, all pairs by the mesh. */
  loci__field *field;
  assert_ok(loci__field_new(context, N, &field, &error), &error);
  assert_ok(loci__field_set(field, single, &error), &error);
  loci__kernels_of(context)->pull_f32(&(loci__pull){.starts = edges.starts,
                                                    .columns = edges.columns,
                                                    .values = edges.values,
                                                    .xy = single,
                                                    .first = 0,
                                                    .last = N,
                                                    .out = pulled});
  double potential = -N, wrong = 0;
  for (size_t i = 0; i < N; i++) {
    float at[3];
    loci__field_at(field, single + 2 * i, at);
    potential += (double)at[0];
  }
  assert_true(fabs(potential / z - 1) < 2e-3);
  for (size_t i = 0; i < N; i++) {
    float at[3];
    loci__field_at(field, single + 2 * i, at);
    for (size_t c = 0; c < 2; c++) {
      const double got = (double)pulled[2 * i + c] + (double)at[1 + c] / 2 / potential;
      wrong = fmax(wrong, fabs(got - gradient[2 * i + c]));
      largest = fmax(largest, fabs(gradient[2 * i + c]));
    }
  }
  assert_true(wrong < 5e-3 * largest);
  double fast;
  assert_ok(loci__tsne_kl(&edges, single, z, &fast, &error), &error);
  assert_true(fabs(fast - kl) < 1e-9);
  loci__field_free(field);
  loci__edges_release(&edges);
  loci_graph_release(&graph);
  test_context_free(context);
}

/* ---- UMAP ---- */

static void test_umap(void **state) {
  (void)state;
  enum { N = 400 };
  double a, b;
  loci__umap_curve(0.1, &a, &b);
  assert_true(fabs(a - 1.576943460) < 1e-5 && fabs(b - 0.895060878) < 1e-5); /* umap-learn 0.5.12 */
  /* Forces are slopes: down −ln φ, and down −ln(1 − φ) but for the small constant. */
  for (double d = 0.2; d < 20; d *= 1.3) {
    const double h = 1e-6;
#define PHI(x) (1 / (1 + a * pow((x), 2 * b)))
    const double pull = (log(PHI(d + h)) - log(PHI(d - h))) / (2 * h);
    const double push = (log(1 - PHI(d + h)) - log(1 - PHI(d - h))) / (2 * h);
    assert_true(fabs(loci__umap_pull(a, b, d * d) * d / pull - 1) < 1e-6);
    assert_true(fabs(loci__umap_push(a, b, d * d) * d * (0.001 + d * d) / (d * d) / push - 1) < 1e-6);
  }
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  float *rows = blobs(N, 12, 4), *values = malloc(N * 14 * sizeof *values);
  loci_graph graph;
  assert_ok(loci_graph_build(context, rows, N, 12, 14, LOCI_METRIC_L2, NULL, NULL, &graph, &error), &error);
  assert_ok(loci__memberships(&graph, 14, values, &error), &error);
  for (size_t i = 0; i < N; i++) {
    double sum = 0;
    for (size_t c = 0; c < 14; c++) sum += (double)values[i * 14 + c];
    assert_true(values[i * 14] == 1 && fabs(sum - log2(15)) < 1e-3);
  }
  loci__edges edges;
  assert_ok(loci__edges_make(&graph, values, 14, LOCI__JOIN_UNION, &edges, &error), &error);
  /* The walk with tables in float keeps to the one with powers in double, while rounding has not yet grown. */
  static float fast[2 * N];
  static double plain[2 * N];
  loci__random random;
  loci__random_init(&random, 8);
  for (size_t i = 0; i < 2 * N; i++) plain[i] = fast[i] = (float)(5 * loci__random_normal(&random));
  loci__meter meter;
  loci__meter_init(&meter, NULL, NULL);
  /* a small: pulls that do not leap over their aim, which would make any rounding grow. */
  loci__umap umap = {
      .edges = &edges, .a = 0.02, .b = b, .epochs = 200, .negative = 5, .seed = 3, .meter = &meter, .stop = 2};
  assert_ok(loci__umap_run(context, &umap, fast, &error), &error);
  assert_ok(loci__umap_plain(context, &umap, plain, &error), &error);
  double moved = 0;
  size_t near = 0;
  for (size_t i = 0; i < 2 * N; i++) {
    near += fabs((double)fast[i] - plain[i]) < 0.02;
    moved = fmax(moved, fabs(plain[i]));
  }
  if (near <= 2 * N * 3 / 4 || moved < 5)
    fail_msg("%zu of %d coordinates agree, the farthest is %g", near, 2 * N, moved);
  loci__edges_release(&edges);
  loci_graph_release(&graph);
  test_context_free(context);
  free(rows), free(values);
}

/* ---- distortion ---- */

static int by_double(const void *a, const void *b) {
  const double p = *(const double *)a, q = *(const double *)b;
  return p < q ? -1 : p > q;
}

static void test_distortion(void **state) {
  (void)state;
  enum { N = 700, DIM = 9, K = 10 };
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  float *rows = blobs(N, DIM, 2);
  static float xy[2 * N];
  loci__random random;
  loci__random_init(&random, 6);
  for (size_t i = 0; i < N; i++) {
    xy[2 * i] = rows[i * DIM] + (float)loci__random_normal(&random);
    xy[2 * i + 1] = rows[i * DIM + 1];
  }
  for (int metric = LOCI_METRIC_COSINE; metric <= LOCI_METRIC_L2; metric += 2) {
    double penalty = 0, kept = 0;
    for (size_t i = 0; i < N; i++) {
      static double map[N], truth[N], sorted_map[N], sorted_truth[N];
      for (size_t j = 0; j < N; j++) {
        map[j] = sorted_map[j] = j == i ? -1 : loci_measure(xy + 2 * i, xy + 2 * j, 2, LOCI_METRIC_L2);
        truth[j] = sorted_truth[j] =
            j == i ? -9 : square_between(rows + i * DIM, rows + j * DIM, DIM, (loci_metric)metric);
      }
      qsort(sorted_map, N, sizeof(double), by_double);
      qsort(sorted_truth, N, sizeof(double), by_double);
      for (size_t j = 0; j < N; j++) {
        if (j == i || map[j] > sorted_map[K]) continue;
        size_t place = 0;
        while (sorted_truth[place] < truth[j]) place++;
        if (place > K) penalty += (double)(place - K);
        else kept++;
      }
    }
    const double want = 1 - 2.0 / (N * K * (2.0 * N - 3 * K - 1)) * penalty;
    loci_distortion got;
    assert_ok(
        loci_distortion_measure(context, rows, N, DIM, (loci_metric)metric, xy, K, 0, 1, NULL, NULL, &got, &error),
        &error);
    assert_int_equal(got.n_measured, N);
    assert_true(fabs(got.trustworthiness - want) < 1e-6 && fabs(got.kept - kept / (N * K)) < 1e-4);
    loci_distortion sample;
    assert_ok(
        loci_distortion_measure(context, rows, N, DIM, (loci_metric)metric, xy, K, 300, 1, NULL, NULL, &sample, &error),
        &error);
    assert_int_equal(sample.n_measured, 300);
    assert_true(fabs(sample.trustworthiness - want) < 0.05);
    /* The vectors themselves, two of them, distort nothing. */
    assert_ok(loci_distortion_measure(context, xy, N, 2, LOCI_METRIC_L2, xy, K, 0, 1, NULL, NULL, &got, &error),
              &error);
    assert_true(got.trustworthiness > 0.999999 && got.kept > 0.9999);
  }
  loci_distortion few;
  assert_ok(loci_distortion_measure(context, rows, 2, DIM, LOCI_METRIC_L2, xy, K, 0, 1, NULL, NULL, &few, &error),
            &error);
  assert_int_equal(few.k, 0);
  assert_ok(loci_distortion_measure(context, rows, 5, DIM, LOCI_METRIC_L2, xy, K, 0, 1, NULL, NULL, &few, &error),
            &error);
  assert_int_equal(few.k, 2);
  free(rows);
  test_context_free(context);
}

/* ---- against scikit-learn and openTSNE (tests/golden/make_project.py) ---- */

static float *golden_floats(const char *name, size_t n) {
  char path[300];
  snprintf(path, sizeof path, LOCI_SOURCE_DIR "/tests/golden/project/%s", name);
  size_t length;
  char *bytes = test_read(path, &length);
  assert_int_equal(length, n * sizeof(float));
  return (float *)(void *)bytes;
}

static double golden_number(const char *text, const char *name) {
  const char *at = strstr(text, name);
  assert_non_null(at);
  return strtod(at + strlen(name), NULL);
}

static void test_golden(void **state) {
  (void)state;
  enum { N = 400, DIM = 20 };
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  size_t length;
  char *numbers = test_read(LOCI_SOURCE_DIR "/tests/golden/project/numbers.txt", &length);
  float *rows = golden_floats("rows.f32", N * DIM), *xy = golden_floats("xy.f32", N * 2);
  float *pca = golden_floats("pca.f32", N * 3), *directions = golden_floats("components.f32", 3 * DIM);
  static float components[3 * DIM], coordinates[N * 3];
  double variances[3];
  assert_ok(loci_pca(context, rows, N, DIM, 3, components, variances, NULL, coordinates, &error), &error);
  for (size_t w = 0; w < 3; w++) {
    char name[] = "variance_0 ";
    name[9] = (char)('0' + w);
    assert_true(fabs(variances[w] / golden_number(numbers, name) - 1) < 1e-6);
    double largest = 0, wrong = 0;
    for (size_t i = 0; i < N; i++) {
      largest = fmax(largest, fabs((double)pca[i * 3 + w]));
      wrong = fmax(wrong, fabs((double)pca[i * 3 + w] - (double)coordinates[i * 3 + w]));
    }
    assert_true(wrong < 1e-5 * largest);
    for (size_t j = 0; j < DIM; j++)
      assert_true(fabs((double)components[w * DIM + j] - (double)directions[w * DIM + j]) < 1e-5);
  }
  for (int metric = LOCI_METRIC_COSINE; metric <= LOCI_METRIC_L2; metric += 2)
    for (size_t k = 5; k <= 15; k += 10) {
      char name[40];
      snprintf(name, sizeof name, "trust_%s_%zu ", metric == LOCI_METRIC_L2 ? "l2" : "cosine", k);
      loci_distortion got;
      assert_ok(
          loci_distortion_measure(context, rows, N, DIM, (loci_metric)metric, xy, k, 0, 1, NULL, NULL, &got, &error),
          &error);
      assert_true(fabs(got.trustworthiness - golden_number(numbers, name)) < 1e-6);
    }
  loci_graph graph;
  loci__edges edges;
  float *values = malloc(N * 60 * sizeof *values);
  assert_ok(loci_graph_build(context, rows, N, DIM, 60, LOCI_METRIC_L2, NULL, NULL, &graph, &error), &error);
  assert_ok(loci__affinities(&graph, 60, 20, values, &error), &error);
  assert_ok(loci__edges_make(&graph, values, 60, LOCI__JOIN_MEAN, &edges, &error), &error);
  static double plain[2 * N];
  for (size_t i = 0; i < 2 * N; i++) plain[i] = (double)xy[i];
  assert_true(fabs(loci__tsne_plain(&edges, plain, 1, NULL, NULL) - golden_number(numbers, "kl ")) < 1e-5);
  loci__edges_release(&edges);
  loci_graph_release(&graph);
  test_context_free(context);
  free(values), free(rows), free(xy), free(pca), free(directions), free(numbers);
}

/* ---- whole maps ---- */

static void test_maps(void **state) {
  (void)state;
  enum { N = 1100, DIM = 16 };
  loci_error error;
  float *rows = blobs(N, DIM, 5);
  static float first[2 * N], again[2 * N];
  for (int method = LOCI_PROJECTION_PCA; method <= LOCI_PROJECTION_UMAP; method++) {
    loci_project_options options;
    loci_project_options_init(&options);
    options.method = (loci_projection_method)method;
    options.epochs = 120;
    for (int threads = 1; threads <= 3; threads++) {
      loci_context *context = test_context_new(threads, NULL);
      loci_project_report report;
      assert_ok(loci_project(context, rows, N, DIM, &options, threads == 1 ? first : again, &report, &error), &error);
      if (threads > 1) assert_memory_equal(first, again, sizeof first);
      if (threads == 1) {
        loci_distortion distortion;
        assert_ok(loci_distortion_measure(context, rows, N, DIM, LOCI_METRIC_COSINE, first, 15, 0, 1, NULL, NULL,
                                          &distortion, &error),
                  &error);
        if (method != LOCI_PROJECTION_PCA) assert_true(distortion.trustworthiness > 0.9);
        if (method == LOCI_PROJECTION_PCA)
          assert_true(report.explained[0] >= report.explained[1] && report.explained[1] > 0);
        if (method == LOCI_PROJECTION_TSNE) assert_true(report.kl > 0.3 && report.kl < 4);
      }
      test_context_free(context);
    }
    if (method == LOCI_PROJECTION_PCA) continue;
    loci_context *context = test_context_new(2, NULL);
    options.seed = 2;
    assert_ok(loci_project(context, rows, N, DIM, &options, again, NULL, &error), &error);
    assert_true(memcmp(first, again, sizeof first) != 0);
    /* A graph made before, with more neighbours than are needed, gives the same map. */
    loci_graph graph;
    assert_ok(loci_graph_build(context, rows, N, DIM, 95, LOCI_METRIC_COSINE, NULL, NULL, &graph, &error), &error);
    options.seed = 1;
    options.graph = &graph;
    assert_ok(loci_project(context, rows, N, DIM, &options, again, NULL, &error), &error);
    assert_memory_equal(first, again, sizeof first);
    graph.k = 3;
    assert_int_equal(loci_project(context, rows, N, DIM, &options, again, NULL, &error), LOCI_ERROR_USAGE);
    loci_graph_release(&graph);
    test_context_free(context);
  }
  free(rows);
}

static int stop_at(void *user, const loci_progress *progress) {
  return !strcmp(progress->stage, user);
}

static void test_cancel(void **state) {
  (void)state;
  loci_error error;
  float *rows = blobs(600, 8, 5), xy[1200];
  loci_context *context = test_context_new(2, NULL);
  static const char *const stages[] = {"finding neighbours", "laying out"};
  for (size_t s = 0; s < LOCI__COUNT(stages); s++)
    for (int method = LOCI_PROJECTION_TSNE; method <= LOCI_PROJECTION_UMAP; method++) {
      loci_project_options options;
      loci_project_options_init(&options);
      options.method = (loci_projection_method)method;
      options.progress = stop_at;
      options.progress_user = (void *)(uintptr_t)stages[s];
      assert_int_equal(loci_project(context, rows, 600, 8, &options, xy, NULL, &error), LOCI_ERROR_CANCELLED);
    }
  test_context_free(context);
  free(rows);
}

static void test_odd_input(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  float rows[60 * 3], xy[120];
  for (int method = LOCI_PROJECTION_PCA; method <= LOCI_PROJECTION_UMAP; method++) {
    loci_project_options options;
    loci_project_options_init(&options);
    options.method = (loci_projection_method)method;
    options.epochs = 50;
    for (size_t kind = 0; kind < 3; kind++) {
      for (size_t i = 0; i < 60 * 3; i++) /* 3-d points; all equal; all zero */
        rows[i] = kind == 0 ? (float)((i * 7919) % 101) - 50 : kind == 1 ? 2 : 0;
      static const size_t sizes[] = {1, 2, 3, 4, 5, 60};
      for (size_t s = 0; s < LOCI__COUNT(sizes); s++)
        for (size_t dim = 1; dim <= 3; dim += 2) {
          options.metric = s % 2 ? LOCI_METRIC_L2 : LOCI_METRIC_COSINE;
          memset(xy, 0xff, sizeof xy);
          assert_ok(loci_project(context, rows, sizes[s], dim, &options, xy, NULL, &error), &error);
          for (size_t i = 0; i < 2 * sizes[s]; i++) assert_true(isfinite(xy[i]));
          if (sizes[s] == 1) assert_true(xy[0] == 0 && xy[1] == 0);
        }
    }
    rows[7] = NAN;
    assert_int_equal(loci_project(context, rows, 60, 3, &options, xy, NULL, &error), LOCI_ERROR_USAGE);
    assert_non_null(strstr(error.message, "row 2 "));
    rows[7] = -INFINITY;
    assert_int_equal(loci_project(context, rows, 60, 3, &options, xy, NULL, &error), LOCI_ERROR_USAGE);
    assert_int_equal(loci_project(context, rows, 0, 3, &options, xy, NULL, &error), LOCI_ERROR_USAGE);
    options.metric = LOCI_METRIC_DOT;
    assert_int_equal(loci_project(context, rows, 2, 3, &options, xy, NULL, &error), LOCI_ERROR_USAGE);
  }
  /* A million points are told before they are laid out. */
  loci_project_options options;
  loci_project_options_init(&options);
  const size_t bytes = loci_project_memory(1000000, 300, &options);
  assert_true(bytes > 3000000000u && bytes < 8000000000u);
  options.perplexity = 0;
  assert_int_equal(loci_project(context, rows, 2, 3, &options, xy, NULL, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_graph),  cmocka_unit_test(test_pca),
                                     cmocka_unit_test(test_field),  cmocka_unit_test(test_tsne_gradient),
                                     cmocka_unit_test(test_umap),   cmocka_unit_test(test_distortion),
                                     cmocka_unit_test(test_golden), cmocka_unit_test(test_maps),
                                     cmocka_unit_test(test_cancel), cmocka_unit_test(test_odd_input)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
