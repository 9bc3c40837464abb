/* k-means and HDBSCAN against scikit-learn's (tests/golden/cluster), against plain computations, and with what no one
 * should give them. */
#include "support.h"

#include "explore/cluster.h"
#include "format/vectors.h"
#include "loci/cluster.h"
#include "loci/eval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the golden file --------------------------------------------------------------------------------- */

typedef struct golden {
  char *text, *at;
  char line[80]; /* the first words of the line that was found */
} golden;

static golden golden_open(void) {
  golden g = {.text = test_read(LOCI_SOURCE_DIR "/tests/golden/cluster/cluster.txt", NULL)};
  g.at = g.text;
  return g;
}

/* Moves behind the word that begins the next line which begins with it; false when there is none. */
static bool golden_next(golden *g, const char *word) {
  const size_t length = strlen(word);
  while (g->at && *g->at) {
    char *line = g->at, *end = strchr(line, '\n');
    if (!strncmp(line, word, length) && line[length] == ' ') {
      g->at = line + length;
      return true;
    }
    g->at = end ? end + 1 : NULL;
  }
  return false;
}

static double golden_number(golden *g) {
  return strtod(g->at, &g->at);
}

static void golden_word(golden *g, char out[32]) {
  int used = 0;
  assert_int_equal(sscanf(g->at, " %31s%n", out, &used), 1);
  g->at += used;
}

static float *golden_rows(golden *g, const char *word, size_t n, size_t dim) {
  float *rows = malloc(n * dim * sizeof *rows);
  for (size_t i = 0; i < n; i++) {
    assert_true(golden_next(g, word));
    for (size_t j = 0; j < dim; j++) rows[i * dim + j] = (float)golden_number(g);
  }
  return rows;
}

static int32_t *golden_labels(golden *g, const char *word, size_t n) {
  int32_t *labels = malloc(n * sizeof *labels);
  assert_true(golden_next(g, word));
  for (size_t i = 0; i < n; i++) labels[i] = (int32_t)golden_number(g);
  return labels;
}

/* ---- k-means ------------------------------------------------------------------------------------------- */

static void k_means_is_scikit_learns(void **state) {
  (void)state;
  golden g = golden_open();
  size_t n_cases = 0;
  while (golden_next(&g, "kmeans")) {
    char name[32];
    golden_word(&g, name);
    const size_t n = (size_t)golden_number(&g), dim = (size_t)golden_number(&g), k = (size_t)golden_number(&g);
    const bool unit = golden_number(&g) != 0;
    float *x = golden_rows(&g, "x", n, dim), *centers = golden_rows(&g, "c", k, dim);
    assert_true(golden_next(&g, "="));
    const double inertia = golden_number(&g);
    const size_t iterations = (size_t)golden_number(&g);
    int32_t *labels = golden_labels(&g, "l", n);
    for (int plain = 0; plain < 2; plain++) {
      for (int threads = 1; threads <= 3; threads += 2) {
        loci_context *context = test_context_new(threads, NULL);
        loci_vectors v = {.context = context, .n = n, .dim = dim, .rows = x};
        loci_kmeans_options o;
        loci_kmeans_options_init(&o);
        o.k = k, o.centers = centers, o.plain = plain;
        o.metric = unit ? LOCI_METRIC_COSINE : LOCI_METRIC_L2;
        loci_clusters got;
        loci_error error;
        assert_ok(loci_kmeans(&v, NULL, 0, &o, &got, &error), &error);
        if (got.iterations != iterations || fabs(got.inertia - inertia) > 1e-5 * inertia)
          fail_msg("%s: inertia %.10g after %zu, scikit-learn %.10g after %zu", name, got.inertia, got.iterations,
                   inertia, iterations);
        for (size_t i = 0; i < n; i++)
          if (got.labels[i] != labels[i]) fail_msg("%s: row %zu in %d, not %d", name, i, got.labels[i], labels[i]);
        assert_true(got.converged);
        loci_clusters_release(&got);
        test_context_free(context);
      }
    }
    free(x), free(centers), free(labels);
    n_cases++;
  }
  assert_true(n_cases >= 6);
  free(g.text);
}

enum { N = 700, DIM = 24, K = 7 };

static float rows[N * DIM];

/* K groups, row i in group i mod K. */
static void fill(float spread) {
  loci__random random;
  loci__random_init(&random, 8);
  float means[K][DIM];
  for (size_t c = 0; c < K; c++)
    for (size_t j = 0; j < DIM; j++) means[c][j] = (float)loci__random_normal(&random);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < DIM; j++) rows[i * DIM + j] = means[i % K][j] + spread * (float)loci__random_normal(&random);
}

static double unit(size_t row, size_t j) {
  double square = 0;
  for (size_t i = 0; i < DIM; i++) square += (double)rows[row * DIM + i] * rows[row * DIM + i];
  return rows[row * DIM + j] / sqrt(square);
}

static void groups_are_found_and_told(void **state) {
  (void)state;
  fill(0.1f);
  loci_context *context = test_context_new(2, NULL);
  loci_vectors v = {.context = context, .n = N, .dim = DIM, .rows = rows};
  loci_kmeans_options o;
  loci_kmeans_options_init(&o);
  o.k = K;
  loci_clusters got;
  loci_error error;
  assert_ok(loci_kmeans(&v, NULL, 0, &o, &got, &error), &error);
  assert_int_equal(got.n, N);
  assert_int_equal(got.k, K);
  assert_null(got.strength);
  double inertia = 0;
  for (size_t i = 0; i < N; i++) {
    assert_int_equal(got.labels[i], got.labels[i % K]);
    for (size_t j = 0; j < DIM; j++) {
      const double d = unit(i, j) - got.centers[(size_t)got.labels[i] * DIM + j];
      inertia += d * d;
    }
  }
  assert_true(fabs(inertia - got.inertia) < 1e-5 * inertia);
  for (size_t c = 0; c < K; c++) {
    assert_int_equal(got.sizes[c], N / K);
    for (size_t j = 0; j < DIM; j++) { /* a centre is the mean of its members */
      double sum = 0;
      for (size_t i = 0; i < N; i++) sum += got.labels[i] == (int32_t)c ? unit(i, j) : 0;
      assert_true(fabs(sum / (double)got.sizes[c] - got.centers[c * DIM + j]) < 1e-6);
    }
  }
  loci_clusters_release(&got);
  test_context_free(context);
}

static void the_largest_cluster_is_the_first(void **state) {
  (void)state;
  fill(0.1f);
  size_t some[300], n = 0; /* 5 + 10 + 15 … rows of the groups */
  for (size_t i = 0; i < N && n < 300; i++)
    if (i / K < 5 * (i % K + 1)) some[n++] = i;
  loci_context *context = test_context_new(1, NULL);
  loci_vectors v = {.context = context, .n = N, .dim = DIM, .rows = rows};
  loci_kmeans_options o;
  loci_kmeans_options_init(&o);
  o.k = K;
  loci_clusters got;
  loci_error error;
  assert_ok(loci_kmeans(&v, some, n, &o, &got, &error), &error);
  for (size_t i = 0; i < n; i++) assert_int_equal(got.labels[i], K - 1 - some[i] % K);
  for (size_t c = 1; c < K; c++) assert_true(got.sizes[c] <= got.sizes[c - 1]);
  loci_clusters_release(&got);
  test_context_free(context);
}

/* The bounds leave nothing out, and threads change no bit. */
static void bounds_and_threads_change_nothing(void **state) {
  (void)state;
  fill(1.5f);
  loci_clusters first = {0};
  for (int variant = 0; variant < 4; variant++) {
    loci_context *context = test_context_new(variant & 1 ? 3 : 1, NULL);
    loci_vectors v = {.context = context, .n = N, .dim = DIM, .rows = rows};
    loci_kmeans_options o;
    loci_kmeans_options_init(&o);
    o.k = 40, o.plain = variant > 1, o.n_init = 2, o.metric = LOCI_METRIC_L2;
    loci_clusters got;
    loci_error error;
    assert_ok(loci_kmeans(&v, NULL, 0, &o, &got, &error), &error);
    assert_true(got.iterations > 4);
    if (variant == 0) {
      first = got;
      first.labels = memcpy(malloc(N * sizeof *got.labels), got.labels, N * sizeof *got.labels);
      first.centers = memcpy(malloc(40 * DIM * sizeof *got.centers), got.centers, 40 * DIM * sizeof *got.centers);
    }
    assert_true(got.inertia == first.inertia && got.iterations == first.iterations);
    assert_memory_equal(got.labels, first.labels, N * sizeof *got.labels);
    assert_memory_equal(got.centers, first.centers, 40 * DIM * sizeof *got.centers);
    loci_clusters_release(&got);
    test_context_free(context);
  }
  free(first.labels), free(first.centers);
}

static void odd_rows(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_kmeans_options o;
  loci_kmeans_options_init(&o);
  loci_clusters got;
  loci_error error;
  float few[] = {1, 0, NAN, 1, 0, 0, 0, 1, 1, 0, INFINITY, 1, 3, 0};
  loci_vectors v = {.context = context, .n = 7, .dim = 2, .rows = few};

  o.k = 2; /* rows 0, 3, 4 and 6 are points, and two of them differ: 3 and the others */
  assert_ok(loci_kmeans(&v, NULL, 0, &o, &got, &error), &error);
  assert_int_equal(got.n, 7);
  assert_int_equal(got.n_left_out, 3);
  const int32_t wanted[] = {0, -1, -1, 1, 0, -1, 0};
  assert_memory_equal(got.labels, wanted, sizeof wanted);
  assert_int_equal(got.sizes[0], 3);
  loci_clusters_release(&got);

  o.k = 4; /* as many as there are points, but not as many different ones */
  assert_ok(loci_kmeans(&v, NULL, 0, &o, &got, &error), &error);
  assert_int_equal(got.k, 2);
  assert_true(got.inertia == 0);
  loci_clusters_release(&got);

  o.metric = LOCI_METRIC_L2; /* the zero vector is a point, and lengths differ */
  o.k = 4;
  assert_ok(loci_kmeans(&v, NULL, 0, &o, &got, &error), &error);
  assert_int_equal(got.k, 4);
  assert_int_equal(got.n_left_out, 2);
  loci_clusters_release(&got);

  const size_t one[] = {3}, absent[] = {9}, none[] = {1};
  o.k = 1;
  assert_ok(loci_kmeans(&v, one, 1, &o, &got, &error), &error);
  assert_int_equal(got.k, 1);
  assert_true(got.centers[0] == 0 && got.centers[1] == 1);
  loci_clusters_release(&got);

  assert_int_equal(loci_kmeans(&v, absent, 1, &o, &got, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_kmeans(&v, none, 1, &o, &got, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_kmeans(&v, one, 0, &o, &got, &error), LOCI_ERROR_USAGE);
  o.k = 0;
  assert_int_equal(loci_kmeans(&v, NULL, 0, &o, &got, &error), LOCI_ERROR_USAGE);
  o.k = 8;
  assert_int_equal(loci_kmeans(&v, NULL, 0, &o, &got, &error), LOCI_ERROR_USAGE);
  assert_non_null(strstr(error.message, "8 clusters of 5 rows"));
  o.k = 2, o.metric = LOCI_METRIC_DOT;
  assert_int_equal(loci_kmeans(&v, NULL, 0, &o, &got, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

static int stop_at_second(void *user, const loci_progress *progress) {
  (void)user;
  return progress->done >= 1;
}

static void it_can_be_stopped(void **state) {
  (void)state;
  fill(1.0f);
  loci_context *context = test_context_new(1, NULL);
  loci_vectors v = {.context = context, .n = N, .dim = DIM, .rows = rows};
  loci_kmeans_options o;
  loci_kmeans_options_init(&o);
  o.k = 5, o.progress = stop_at_second;
  loci_clusters got;
  loci_error error;
  assert_int_equal(loci_kmeans(&v, NULL, 0, &o, &got, &error), LOCI_ERROR_CANCELLED);
  assert_null(got.labels);
  test_context_free(context);
}

/* ---- HDBSCAN ------------------------------------------------------------------------------------------- */

/* The same partition, whatever the numbers; what is in no cluster is in none on both sides. */
static bool same_partition(const int32_t *a, const int32_t *b, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if ((a[i] < 0) != (b[i] < 0)) return false;
    for (size_t j = 0; j < i; j++)
      if (a[i] >= 0 && a[j] >= 0 && (a[i] == a[j]) != (b[i] == b[j])) return false;
  }
  return true;
}

static void hdbscan_is_scikit_learns(void **state) {
  (void)state;
  golden g = golden_open();
  size_t n_cases = 0;
  while (golden_next(&g, "hdbscan")) {
    char name[32];
    golden_word(&g, name);
    const size_t n = (size_t)golden_number(&g), dim = (size_t)golden_number(&g);
    loci_hdbscan_options o;
    loci_hdbscan_options_init(&o);
    o.metric = LOCI_METRIC_L2;
    o.min_cluster_size = (size_t)golden_number(&g), o.min_samples = (size_t)golden_number(&g);
    o.leaf = golden_number(&g) != 0, o.allow_single = golden_number(&g) != 0;
    float *x = golden_rows(&g, "x", n, dim);
    int32_t *labels = golden_labels(&g, "l", n);
    assert_true(golden_next(&g, "p"));
    double *strength = malloc(n * sizeof *strength);
    for (size_t i = 0; i < n; i++) strength[i] = golden_number(&g);
    for (int threads = 1; threads <= 3; threads += 2) {
      loci_context *context = test_context_new(threads, NULL);
      loci_vectors v = {.context = context, .n = n, .dim = dim, .rows = x};
      loci_clusters got;
      loci_error error;
      assert_ok(loci_hdbscan(&v, NULL, 0, &o, &got, &error), &error);
      if (!same_partition(got.labels, labels, n)) fail_msg("%s: another partition", name);
      for (size_t i = 0; i < n; i++)
        if (fabs((double)got.strength[i] - strength[i]) > 1e-5)
          fail_msg("%s: row %zu: %g, scikit-learn %g", name, i, (double)got.strength[i], strength[i]);
      for (size_t c = 1; c < got.k; c++) assert_true(got.sizes[c] <= got.sizes[c - 1]);
      loci_clusters_release(&got);
      test_context_free(context);
    }
    free(x), free(labels), free(strength);
    n_cases++;
  }
  assert_true(n_cases >= 7);
  free(g.text);
}

/* The spanning tree's total cost, by Prim's algorithm over distances in double. */
static double cost_of_tree(const float *x, size_t n, size_t dim, size_t samples) {
  double *d = malloc(n * n * sizeof *d), *core = malloc(n * sizeof *core), *cost = malloc(n * sizeof *cost), sum = 0;
  bool *in = calloc(n, sizeof *in);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      double square = 0;
      for (size_t c = 0; c < dim; c++)
        square += ((double)x[i * dim + c] - x[j * dim + c]) * ((double)x[i * dim + c] - x[j * dim + c]);
      d[i * n + j] = sqrt(square);
    }
  for (size_t i = 0; i < n; i++) { /* the smallest distance that `samples` points do not pass */
    core[i] = INFINITY;
    for (size_t j = 0; j < n; j++) {
      size_t within = 0;
      for (size_t c = 0; c < n; c++) within += d[i * n + c] <= d[i * n + j];
      if (within >= samples && d[i * n + j] < core[i]) core[i] = d[i * n + j];
    }
    cost[i] = INFINITY;
  }
  cost[0] = 0;
  for (size_t step = 0; step < n; step++) {
    size_t next = n;
    for (size_t i = 0; i < n; i++)
      if (!in[i] && (next == n || cost[i] < cost[next])) next = i;
    in[next] = true, sum += cost[next];
    for (size_t i = 0; i < n; i++) cost[i] = fmin(cost[i], fmax(d[next * n + i], fmax(core[next], core[i])));
  }
  free(d), free(core), free(cost), free(in);
  return sum;
}

static void the_tree_is_the_least(void **state) {
  (void)state;
  enum { MOST = 300 };
  loci__edge edges[MOST];
  for (int round = 0; round < 6; round++) {
    fill(round % 2 ? 0.05f : 1.0f);
    const size_t n = round < 2 ? MOST : round < 4 ? 40 : 2, samples = round < 2 ? 5 : round < 4 ? 30 : 1;
    for (size_t i = 20; i < n && i < 30; i++) memcpy(rows + i * DIM, rows, DIM * sizeof *rows); /* duplicates */
    loci_context *context = test_context_new(2, NULL);
    loci_vectors v = {.context = context, .n = n, .dim = DIM, .rows = rows};
    loci__points points;
    loci__meter meter;
    loci__meter_init(&meter, NULL, NULL);
    loci_error error;
    assert_ok(loci__points_make(&v, NULL, 0, LOCI_METRIC_L2, &points, &error), &error);
    assert_ok(loci__spanning_tree(&points, samples, &meter, edges, &error), &error);
    double sum = 0;
    for (size_t i = 0; i + 1 < n; i++) sum += edges[i].weight;
    const double wanted = cost_of_tree(rows, n, DIM, samples);
    if (fabs(sum - wanted) > 1e-5 * wanted) fail_msg("%zu points: %.9g, not %.9g", n, sum, wanted);
    loci__points_release(&points);
    test_context_free(context);
  }
}

static void density_of_odd_rows(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  float few[200] = {1, 0, NAN, 1};
  loci_vectors v = {.context = context, .n = 1, .dim = 2, .rows = few};
  loci_hdbscan_options o;
  loci_hdbscan_options_init(&o);
  loci_clusters got;
  loci_error error;
  for (size_t n = 1; n <= 3; n++) { /* one point, and what is none: no cluster, no error */
    v.n = n;
    assert_ok(loci_hdbscan(&v, NULL, 0, &o, &got, &error), &error);
    assert_int_equal(got.k, 0);
    for (size_t i = 0; i < n; i++) assert_int_equal(got.labels[i], -1);
    loci_clusters_release(&got);
  }
  for (size_t i = 0; i < 100; i++) few[2 * i] = i < 50, few[2 * i + 1] = i >= 50; /* two points, fifty times each */
  v.n = 100;
  assert_ok(loci_hdbscan(&v, NULL, 0, &o, &got, &error), &error);
  assert_int_equal(got.k, 2);
  for (size_t i = 0; i < 100; i++) assert_true(got.labels[i] == got.labels[i / 50 * 50] && got.strength[i] == 1);
  loci_clusters_release(&got);
  for (size_t i = 0; i < 200; i++) few[i] = (i % 2 ? 3e38f : -3e38f) * (i / 100 ? 1.0f : 0.9f); /* no overflow */
  o.metric = LOCI_METRIC_L2;
  assert_ok(loci_hdbscan(&v, NULL, 0, &o, &got, &error), &error);
  assert_int_equal(got.k, 2);
  loci_clusters_release(&got);
  loci_kmeans_options k;
  loci_kmeans_options_init(&k);
  k.metric = LOCI_METRIC_L2, k.k = 2;
  assert_ok(loci_kmeans(&v, NULL, 0, &k, &got, &error), &error);
  assert_int_equal(got.sizes[0], 50);
  assert_true(fabs((double)got.centers[0]) > 2e38);
  loci_clusters_release(&got);
  o.min_cluster_size = 1;
  assert_int_equal(loci_hdbscan(&v, NULL, 0, &o, &got, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

/* ---- what a cluster is about --------------------------------------------------------------------------- */

static void clusters_are_told_by_their_members(void **state) {
  (void)state;
  fill(0.7f);
  loci_context *context = test_context_new(2, NULL);
  loci_vectors v = {.context = context, .n = N, .dim = DIM, .rows = rows};
  loci_error error;
  int32_t labels[N];
  size_t order[N];
  for (size_t i = 0; i < N; i++) {
    order[i] = N - 1 - i;
    labels[i] = (int32_t)(order[i] % K) - 1; /* one group is in no cluster */
  }
  enum { CLUSTERS = K - 1 };
  double centers[CLUSTERS][DIM] = {{0}}, cosine[N][CLUSTERS];
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < DIM && labels[i] >= 0; j++) centers[labels[i]][j] += unit(order[i], j);
  for (size_t i = 0; i < N; i++)
    for (size_t c = 0; c < CLUSTERS; c++) {
      double dot = 0, square = 0;
      for (size_t j = 0; j < DIM; j++)
        dot += centers[c][j] * unit(order[i], j), square += centers[c][j] * centers[c][j];
      cosine[i][c] = dot / sqrt(square);
    }
  loci_cluster_words words[CLUSTERS];
  for (size_t most = 0; most <= 100; most += 100) {
    assert_ok(loci_cluster_describe(&v, order, labels, N, CLUSTERS, most, words, &error), &error);
    for (int32_t c = 0; c < CLUSTERS; c++) {
      const size_t wanted = most ? (most - (size_t)c - 1 + K - 1) / K : N / K;
      assert_int_equal(words[c].n, wanted < LOCI_CLUSTER_WORDS ? wanted : LOCI_CLUSTER_WORDS);
      for (int typical = 0; typical < 2; typical++) {
        const loci_neighbor *list = typical ? words[c].typical : words[c].nearest;
        for (size_t w = 0; w < words[c].n;
             w++) { /* its score, and as many members with a better one as stand before it */
          size_t better = 0;
          for (size_t i = 0; i < N; i++) {
            if (labels[i] != c || (most && order[i] >= most)) continue;
            double other = -2;
            for (size_t o = 0; o < CLUSTERS; o++)
              other = (int32_t)o != c && cosine[i][o] > other ? cosine[i][o] : other;
            const double score = cosine[i][c] - (typical ? other : 0);
            better += score > list[w].score + 1e-6;
            if (order[i] == list[w].index) assert_true(fabs(score - list[w].score) < 1e-5);
          }
          assert_true(better <= w);
          assert_int_equal((int32_t)(list[w].index % K) - 1, c);
        }
      }
    }
  }
  labels[3] = CLUSTERS;
  assert_int_equal(loci_cluster_describe(&v, order, labels, N, CLUSTERS, 0, words, &error), LOCI_ERROR_USAGE);
  labels[3] = -1, order[0] = N;
  assert_int_equal(loci_cluster_describe(&v, order, labels, N, CLUSTERS, 0, words, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

/* ---- clusters and classes -------------------------------------------------------------------------------- */

static void measures_are_scikit_learns(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  golden g = golden_open();
  size_t n_cases = 0;
  while (golden_next(&g, "score")) {
    const size_t n = (size_t)golden_number(&g);
    int32_t *classes = golden_labels(&g, "t", n), *labels = golden_labels(&g, "l", n);
    assert_true(golden_next(&g, "="));
    double wanted[5];
    for (size_t i = 0; i < 5; i++) wanted[i] = golden_number(&g);
    loci_partition_score s;
    loci_error error;
    assert_ok(loci_partition_measure(context, classes, labels, n, &s, &error), &error);
    const double got[] = {s.homogeneity, s.completeness, s.v_measure, s.adjusted_rand, s.purity};
    for (size_t i = 0; i < 5; i++)
      if (fabs(got[i] - wanted[i]) > 1e-12) fail_msg("%zu items, %zu: %.17g, not %.17g", n, i, got[i], wanted[i]);
    for (size_t i = 0; i < n; i++) labels[i] = labels[i] ? labels[i] : -1; /* each alone is each a number of its own */
    loci_partition_score alone;
    assert_ok(loci_partition_measure(context, classes, labels, n, &alone, &error), &error);
    for (size_t i = 0; i < n; i++) labels[i] = labels[i] < 0 ? (int32_t)(1000 + i) : labels[i];
    assert_ok(loci_partition_measure(context, classes, labels, n, &s, &error), &error);
    assert_true(fabs(s.v_measure - alone.v_measure) < 1e-12 && fabs(s.purity - alone.purity) < 1e-12);
    free(classes), free(labels);
    n_cases++;
  }
  assert_true(n_cases >= 8);
  loci_partition_score s;
  loci_error error;
  assert_int_equal(loci_partition_measure(context, NULL, NULL, 0, &s, &error), LOCI_ERROR_USAGE);
  free(g.text);
  test_context_free(context);
}

static void evaluate(const char *text, loci_status wanted, loci_cluster_score *out) {
  char path[512];
  snprintf(path, sizeof path, "%s/words", test_folder());
  test_write(path, text, strlen(text));
  loci_context *context = test_context_new(1, NULL);
  loci_vectors *v;
  loci_error error;
  char vectors[512];
  snprintf(vectors, sizeof vectors, "%s/v.txt", test_folder());
  static const char rows_of_words[] =
      "7 2\ncat 1 0.1\ndog 1 0\nlion 1 0.2\nrun 0 1\nwalk 0.1 1\nspain -1 -1\nnil 0 0\n";
  test_write(vectors, rows_of_words, sizeof rows_of_words - 1);
  assert_ok(loci_vectors_open(context, vectors, NULL, &v, &error), &error);
  const loci_status status = loci_eval_cluster(v, path, NULL, out, &error);
  if (status != wanted) fail_msg("%s: %d (%s), not %d", text, status, status ? error.message : "", wanted);
  loci_vectors_close(v);
  test_context_free(context);
}

static void words_and_classes_are_read(void **state) {
  (void)state;
  static const char *const layouts[] = {
      "animal cat\nanimal dog\naction run\naction walk\nanimal Lion\naction fly\n",
      "# a comment\r\nanimal\tcat\r\n\r\naction\trun\r\nanimal\tdog\r\naction\twalk\r\nanimal\tlion\r\nanimal\tzebra",
      (",category,word\n0,animal,cat\n1,animal,dog\n2,animal,lion\n3,action,run\n4,action,walk\n5,action,swim\n"
       "6,action,\n"),
      "word;class\ncat;animal\ndog;animal\nlion;animal\nrun;action\nwalk;action\ngo;action\n",
      ": animal\ncat dog lion zebra\n: action\nrun\nwalk\n",
      "animal cat\nanimal dog\nanimal lion\naction run\naction walk\naction cat\naction go\n", /* the first class counts */
  };
  loci_cluster_score s;
  for (size_t i = 0; i < LOCI__COUNT(layouts); i++) {
    evaluate(layouts[i], LOCI_OK, &s);
    if (s.n != 6 || s.n_seen != 5 || s.n_classes != 2 || s.n_repeated != (i == 5))
      fail_msg("layout %zu: %d words, %d seen, %d classes", i, (int)s.n, (int)s.n_seen, (int)s.n_classes);
    assert_true(s.score.purity == 1 && s.score.adjusted_rand == 1);
  }
  evaluate("animal cat\nanimal dog\naction run\naction nil\n", LOCI_OK, &s); /* a zero vector is in no cluster */
  assert_true(s.n_seen == 4 && s.score.completeness < 1);
  evaluate("animal cat\nanimal dog\n", LOCI_ERROR_FORMAT, &s);
  evaluate("animal cat\naction fly\n", LOCI_ERROR_FORMAT, &s);
  evaluate("", LOCI_ERROR_FORMAT, &s);
  evaluate("cat\ndog\n", LOCI_ERROR_FORMAT, &s);
  evaluate("a\tb\tc\n", LOCI_ERROR_FORMAT, &s);
  evaluate("animal\tcat\nrun\n", LOCI_ERROR_FORMAT, &s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(k_means_is_scikit_learns),
      cmocka_unit_test(groups_are_found_and_told),
      cmocka_unit_test(the_largest_cluster_is_the_first),
      cmocka_unit_test(bounds_and_threads_change_nothing),
      cmocka_unit_test(odd_rows),
      cmocka_unit_test(it_can_be_stopped),
      cmocka_unit_test(hdbscan_is_scikit_learns),
      cmocka_unit_test(the_tree_is_the_least),
      cmocka_unit_test(density_of_odd_rows),
      cmocka_unit_test(clusters_are_told_by_their_members),
      cmocka_unit_test(measures_are_scikit_learns),
      cmocka_unit_test(words_and_classes_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
