/* k-means against scikit-learn's from the same centres (tests/golden/cluster), against a plain computation, and with what
 * no one should give it. */
#include "support.h"

#include "format/vectors.h"
#include "loci/cluster.h"

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(k_means_is_scikit_learns),
      cmocka_unit_test(groups_are_found_and_told),
      cmocka_unit_test(the_largest_cluster_is_the_first),
      cmocka_unit_test(bounds_and_threads_change_nothing),
      cmocka_unit_test(odd_rows),
      cmocka_unit_test(it_can_be_stopped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
