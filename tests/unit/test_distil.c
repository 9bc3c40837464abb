/* tests/unit/test_distil.c: the fit's gradient against finite differences, the eigenvalue problem against its definition,
 * and a whole distillation of a tiny random teacher: the same bytes at any number of threads. */
#include "support.h"

#include "loci/model.h"
#include "model/model.h"
#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TEACHER LOCI_SOURCE_DIR "/tests/golden/models/tiny-e5"

/* ---- algebra ---- */

static void eigenvectors_solve_their_equation(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci__random random;
  loci__random_init(&random, 3);
  enum { N = 40 };
  static double a[N * N], vectors[N * N], values[N];
  for (size_t i = 0; i < N; i++) {
    for (size_t j = 0; j <= i; j++) a[i * N + j] = a[j * N + i] = loci__random_normal(&random);
  }
  memcpy(vectors, a, sizeof a);
  loci_status status = loci__eigen_symmetric(context, N, vectors, values, &error);
  if (status == LOCI_ERROR_UNSUPPORTED) {
    test_context_free(context);
    skip(); /* no LAPACK on this machine */
  }
  assert_ok(status, &error);
  for (size_t k = 0; k < N; k++) {
    const double *v = vectors + k * N;
    if (k > 0) assert_true(values[k] <= values[k - 1]);
    double greatest = 0;
    for (size_t i = 0; i < N; i++) {
      double sum = 0;
      for (size_t j = 0; j < N; j++) sum += a[i * N + j] * v[j];
      assert_true(fabs(sum - values[k] * v[i]) < 1e-10);
      if (fabs(v[i]) > fabs(greatest)) greatest = v[i];
    }
    assert_true(greatest > 0);
    for (size_t l = 0; l <= k; l++) {
      double dot = 0;
      for (size_t j = 0; j < N; j++) dot += v[j] * vectors[l * N + j];
      assert_true(fabs(dot - (k == l)) < 1e-12);
    }
  }
  test_context_free(context);
}

/* ---- fit ---- */

static double loss_of(loci_context *context, const loci__bags *bags, const float *targets, size_t dim,
                      const float *rows) {
  double loss = 0;
  float s[16];
  for (size_t i = 0; i < bags->n; i++) {
    loci__bag_vector(context, bags, i, rows, dim, s);
    double dot = 0;
    for (size_t d = 0; d < dim; d++) dot += (double)s[d] * (double)targets[i * dim + d];
    loss += 1 - dot;
  }
  return loss;
}

/* A first Adam step moves every entry by rate against the sign of its gradient: that sign is checked by differences. */
static void fit_goes_downhill(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  enum { ROWS = 12, DIM = 8, N = 6 };
  static const int32_t tokens[] = {0, 1, 2, 2, 3, 4, 5, 6, 7, 0, 8, 9, 9, 10, 1, 3};
  static const size_t starts[N + 1] = {0, 3, 5, 8, 11, 14, 16};
  loci__bags bags = {N, starts, tokens};
  float rows[ROWS * DIM], before[ROWS * DIM], targets[N * DIM];
  loci__random random;
  loci__random_init(&random, 11);
  for (size_t i = 0; i < ROWS * DIM; i++) rows[i] = (float)loci__random_normal(&random);
  for (size_t i = 0; i < N; i++) {
    for (size_t d = 0; d < DIM; d++) targets[i * DIM + d] = (float)loci__random_normal(&random);
    loci__normalize(targets + i * DIM, DIM);
  }
  memcpy(before, rows, sizeof rows);
  loci_error error;
  loci__meter meter;
  loci__meter_init(&meter, NULL, NULL);
  loci__fit_options options = {.epochs = 1, .batch = N, .rate = 1e-4, .pull = 0, .seed = 1};
  assert_ok(loci__fit_rows(context, &bags, targets, DIM, rows, ROWS, &options, &meter, &error), &error);
  size_t checked = 0;
  for (size_t i = 0; i < ROWS * DIM; i++) {
    float probe[ROWS * DIM];
    memcpy(probe, before, sizeof probe);
    const float h = 1e-2f;
    probe[i] = before[i] + h;
    double up = loss_of(context, &bags, targets, DIM, probe);
    probe[i] = before[i] - h;
    double slope = (up - loss_of(context, &bags, targets, DIM, probe)) / (2 * (double)h);
    if (i / DIM == 11) assert_true(rows[i] == before[i]); /* not in any sentence */
    if (fabs(slope) < 1e-3) continue;
    checked++;
    if ((rows[i] < before[i]) != (slope > 0))
      fail_msg("entry %zu: slope %g, moved %g", i, slope, (double)(rows[i] - before[i]));
  }
  assert_true(checked > 60);

  /* Many epochs bring the sentences to their targets as far as shared words allow. */
  options = (loci__fit_options){.epochs = 400, .batch = 3, .rate = 0.05, .pull = 0, .seed = 1};
  double first = loss_of(context, &bags, targets, DIM, before);
  assert_ok(loci__fit_rows(context, &bags, targets, DIM, rows, ROWS, &options, &meter, &error), &error);
  double last = loss_of(context, &bags, targets, DIM, rows);
  if (!(last < first / 20)) fail_msg("loss %g, then %g", first, last);
  test_context_free(context);
}

/* ---- the whole ---- */

static void write_corpus(const char *path) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  loci__random random;
  loci__random_init(&random, 5);
  static const char *const words[] = {"cat",   "dog",  "house", "river", "bank", "money",
                                      "walks", "runs", "the",   "a",     "in",   "on"};
  for (int i = 0; i < 300; i++) {
    int n = 4 + (int)loci__random_below(&random, 60);
    for (int j = 0; j < n; j++) {
      fprintf(file, "%s%s", words[loci__random_below(&random, LOCI__COUNT(words))], j % 9 == 8 ? ". " : " ");
    }
    fputs("end.\n", file);
  }
  fclose(file);
}

static char *distil(int threads, const char *corpus, const char *folder, size_t *length) {
  loci_context *context = test_context_new(threads, NULL);
  loci_distil_options options;
  loci_distil_options_init(&options);
  options.corpus = corpus;
  options.dim = 16;
  loci_error error;
  loci_status status = loci_distil(context, TEACHER, &options, folder, &error);
  if (status == LOCI_ERROR_UNSUPPORTED && strstr(error.message, "LAPACK") != NULL) {
    test_context_free(context);
    skip();
  }
  assert_ok(status, &error);
  loci_model *model;
  assert_ok(loci_model_open(context, folder, &model, &error), &error);
  float vector[16];
  loci_text text = {"the cat walks", 13};
  assert_ok(loci_embed(model, &text, 1, NULL, vector, NULL, &error), &error);
  assert_true(fabs(loci_cosine(vector, vector, 16) - 1) < 1e-6);
  loci_model_close(model);
  /* A folder that is not empty is left alone. */
  assert_int_equal(loci_distil(context, TEACHER, &options, folder, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
  char path[300];
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  return test_read(path, length);
}

static void same_bytes_at_any_number_of_threads(void **state) {
  (void)state;
  const char *folder = test_folder();
  char corpus[200], out[3][200];
  snprintf(corpus, sizeof corpus, "%s/corpus.txt", folder);
  write_corpus(corpus);
  char *bytes[3];
  size_t lengths[3];
  for (int i = 0; i < 3; i++) {
    snprintf(out[i], sizeof out[i], "%s/model%d", folder, i);
    bytes[i] = distil(i + 1, corpus, out[i], &lengths[i]);
    assert_int_equal(lengths[i], lengths[0]);
    assert_memory_equal(bytes[i], bytes[0], lengths[0]);
  }
  for (int i = 0; i < 3; i++) free(bytes[i]);
}

static void works_without_a_corpus(void **state) {
  (void)state;
  char out[200];
  snprintf(out, sizeof out, "%s/model", test_folder());
  size_t length;
  free(distil(2, NULL, out, &length));
  char card[300];
  snprintf(card, sizeof card, "%s/README.md", out);
  char *text = test_read(card, NULL);
  assert_non_null(strstr(text, "No corpus"));
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(eigenvectors_solve_their_equation),
      cmocka_unit_test(fit_goes_downhill),
      cmocka_unit_test(same_bytes_at_any_number_of_threads),
      cmocka_unit_test(works_without_a_corpus),
  };
  return cmocka_run_group_tests_name("distil", tests, NULL, NULL);
}
