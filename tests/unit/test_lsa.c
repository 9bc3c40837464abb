/* loci_train_lsa: the example of Deerwester et al. 1990 with its query, files, a model that folds in, refusals, the same bytes at
 * any number of threads, a run that is stopped and gone on with.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loci/model.h"
#include "loci/vectors.h"
#include "lsa_titles.h"
#include "train/lsa.h"

static char folder[128];

static const char *path_of(const char *name) {
  static char paths[64][256];
  static int next;
  char *path = paths[next++ % 64];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static const double title_values[9] = {3.340883752, 2.541701,    2.353943518, 1.644532292, 1.50483155,
                                       1.30638195,  0.845903083, 0.560134423, 0.36367684};

static void options_for_titles(loci_lsa_options *o, size_t dim) {
  test_write(path_of("titles.txt"), lsa_titles, sizeof lsa_titles - 1);
  test_write(path_of("words"), lsa_title_words, sizeof lsa_title_words - 1);
  loci_lsa_options_init(o);
  o->common.vocabulary = path_of("words");
  o->dim = dim;
  o->weighting = LOCI_WEIGHTING_RAW;
}

static double cosine(const float *a, const float *b, size_t n) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < n; i++)
    dot += (double)a[i] * (double)b[i], aa += (double)a[i] * (double)a[i], bb += (double)b[i] * (double)b[i];
  return dot / sqrt(aa * bb);
}

/* A word's row of U·Σ has the length that its row of the matrix has, when nothing is cut off: Σ² is UᵀXXᵀU. */
static void singular_values_of_the_paper(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  loci_lsa_options o;
  options_for_titles(&o, 9);
  assert_ok(loci_train_lsa(context, path_of("titles.txt"), &o, path_of("nine.bin"), &error), &error);
  loci_vectors *words;
  assert_ok(loci_vectors_open(context, path_of("nine.bin"), NULL, &words, &error), &error);
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(words, &info);
  assert_int_equal(info.n, 12);
  assert_int_equal(info.dim, 9);
  for (size_t j = 0; j < 9; j++) {
    double squares = 0, greatest = 0;
    for (size_t i = 0; i < 12; i++) {
      const double x = (double)loci_vectors_row(words, i)[j];
      squares += x * x;
      if (fabs(x) > fabs(greatest)) greatest = x;
    }
    assert_true(fabs(sqrt(squares) - title_values[j]) < 1e-5 * title_values[j]);
    assert_true(greatest > 0);
  }
  loci_vectors_close(words);
  test_context_free(context);
}

/* "human computer interaction": in two dimensions all of c1…c5 are near it, though c3 and c5 share no word with it, and none of
 * m1…m4 is. */
static void the_query_of_the_paper(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  loci_lsa_options o;
  options_for_titles(&o, 2);
  o.alpha = 0;
  o.documents = path_of("titles.npy");
  assert_ok(loci_train_lsa(context, path_of("titles.txt"), &o, path_of("two.vec"), &error), &error);
  loci_vectors *words, *documents;
  assert_ok(loci_vectors_open(context, path_of("two.vec"), NULL, &words, &error), &error);
  assert_ok(loci_vectors_open(context, path_of("titles.npy"), NULL, &documents, &error), &error);
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(documents, &info);
  assert_int_equal(info.n, 9);
  assert_int_equal(info.dim, 2);
  float query[2] = {0};
  static const char *const text[] = {"human", "computer"};
  for (size_t w = 0; w < 2; w++) {
    const int64_t at = loci_vectors_find(words, text[w], strlen(text[w]));
    assert_true(at >= 0);
    for (size_t j = 0; j < 2; j++) query[j] += loci_vectors_row(words, (size_t)at)[j];
  }
  static const double wanted[9] = {0.998, 0.937, 0.998, 0.987, 0.908, -0.124, -0.106, -0.099, 0.050};
  for (size_t d = 0; d < 9; d++) {
    char label[4];
    snprintf(label, sizeof label, "%zu", d + 1);
    size_t length;
    assert_string_equal(loci_vectors_word(documents, d, &length), label);
    const double near = cosine(query, loci_vectors_row(documents, d), 2);
    assert_true(fabs(near - wanted[d]) < 6e-4);
    assert_true(d < 5 ? near > 0.9 : near < 0.1);
  }
  loci_vectors_close(words);
  loci_vectors_close(documents);
  test_context_free(context);
}

/* A document of the training, folded in by the model of a folder, comes to lie where it lay. */
static void a_folder_folds_in(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  loci_lsa_options o;
  options_for_titles(&o, 3);
  o.documents = path_of("three.npy");
  assert_ok(loci_train_lsa(context, path_of("titles.txt"), &o, path_of("three"), &error), &error);
  loci_model *model;
  assert_ok(loci_model_open(context, path_of("three"), &model, &error), &error);
  loci_vectors *documents;
  assert_ok(loci_vectors_open(context, path_of("three.npy"), NULL, &documents, &error), &error);
  loci_embed_options embed;
  loci_embed_options_init(&embed);
  const char *line = lsa_titles;
  for (size_t d = 0; d < 9; d++) {
    const char *end = strchr(line, '\n');
    const loci_text text = {line, (size_t)(end - line)};
    float out[3];
    assert_ok(loci_embed(model, &text, 1, &embed, out, NULL, &error), &error);
    assert_true(cosine(out, loci_vectors_row(documents, d), 3) > 0.99999);
    line = end + 1;
  }
  loci_model_close(model);
  loci_vectors_close(documents);
  test_context_free(context);
}

static void refusals(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(1, NULL);
  loci_lsa_options o;
  options_for_titles(&o, 0);
  assert_int_equal(loci_train_lsa(context, path_of("titles.txt"), &o, path_of("x.bin"), &error), LOCI_ERROR_USAGE);
  options_for_titles(&o, 2);
  o.documents = "documents.txt";
  assert_int_equal(loci_train_lsa(context, path_of("titles.txt"), &o, path_of("x.bin"), &error), LOCI_ERROR_USAGE);
  o.documents = NULL;
  o.min_documents = 10;
  assert_int_equal(loci_train_lsa(context, path_of("titles.txt"), &o, path_of("x.bin"), &error), LOCI_ERROR_NOT_FOUND);
  o.min_documents = 1;
  o.tolerance = 0;
  assert_int_equal(loci_train_lsa(context, path_of("titles.txt"), &o, path_of("x.bin"), &error), LOCI_ERROR_USAGE);
  o.tolerance = 1e-5;
  o.common.max_memory = 1000;
  const loci_status status = loci_train_lsa(context, path_of("titles.txt"), &o, path_of("x.bin"), &error);
  if (status != LOCI_ERROR_LIMIT) fail_msg("%d: %s", (int)status, error.message);
  o.common.max_memory = 0;
  /* More dimensions than there are: fewer come out. */
  o.dim = 50;
  assert_ok(loci_train_lsa(context, path_of("titles.txt"), &o, path_of("fifty.bin"), &error), &error);
  loci_vectors *words;
  assert_ok(loci_vectors_open(context, path_of("fifty.bin"), NULL, &words, &error), &error);
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(words, &info);
  assert_int_equal(info.dim, 9);
  loci_vectors_close(words);
  assert_int_equal(access(path_of("x.bin"), F_OK), -1);
  assert_int_equal(access(path_of("x.bin.checkpoint"), F_OK), -1);
  test_context_free(context);
}

/* A corpus large enough that the SVD iterates. */
static void write_corpus(void) {
  FILE *file = fopen(path_of("corpus.txt"), "wb");
  assert_non_null(file);
  loci__random random;
  loci__random_init(&random, 9);
  for (size_t line = 0; line < 3000; line++) {
    const uint64_t topic = loci__random_below(&random, 40);
    for (size_t i = 0; i < 25; i++) {
      const uint64_t a = loci__random_below(&random, 1500), b = loci__random_below(&random, a + 1);
      if (loci__random_below(&random, 3) == 0) fprintf(file, "t%u ", (unsigned)(topic * 20 + b % 20));
      else fprintf(file, "w%u ", (unsigned)b);
    }
    fputc('\n', file);
  }
  assert_int_equal(fclose(file), 0);
}

static loci_status run(int threads, int resume, loci_progress_fn progress, void *user, const char *output,
                       loci_error *error) {
  loci_context *context = test_context_new(threads, NULL);
  loci_lsa_options o;
  loci_lsa_options_init(&o);
  o.dim = 30;
  o.common.resume = resume;
  o.common.checkpoint_seconds = progress != NULL ? 1e-9 : 0;
  o.common.progress = progress;
  o.common.progress_user = user;
  o.documents = path_of("documents.npy");
  const loci_status status = loci_train_lsa(context, path_of("corpus.txt"), &o, output, error);
  test_context_free(context);
  return status;
}

static void assert_same_file(const char *a, const char *b) {
  size_t length, again;
  char *x = test_read(a, &length), *y = test_read(b, &again);
  assert_int_equal(length, again);
  assert_memory_equal(x, y, length);
  free(x);
  free(y);
}

/* The SVD is done, and saved its basis at every step. */
static int stop_at_writing(void *user, const loci_progress *progress) {
  (void)user;
  return strcmp(progress->stage, "writing") == 0;
}

static void threads_and_resume(void **state) {
  (void)state;
  loci_error error;
  write_corpus();
  assert_ok(run(1, 0, NULL, NULL, path_of("one.bin"), &error), &error);
  test_write(path_of("kept.npy"), "", 0);
  assert_int_equal(rename(path_of("documents.npy"), path_of("kept.npy")), 0);
  static const int threads[] = {2, 3, 7};
  for (size_t i = 0; i < LOCI__COUNT(threads); i++) {
    assert_ok(run(threads[i], 0, NULL, NULL, path_of("many.bin"), &error), &error);
    assert_same_file(path_of("one.bin"), path_of("many.bin"));
    assert_same_file(path_of("kept.npy"), path_of("documents.npy"));
  }
  assert_int_equal(run(2, 0, stop_at_writing, NULL, path_of("stopped.bin"), &error), LOCI_ERROR_CANCELLED);
  assert_int_equal(access(path_of("stopped.bin.checkpoint/basis-0"), F_OK), 0);
  assert_int_equal(access(path_of("stopped.bin"), F_OK), -1);
  assert_ok(run(3, 1, NULL, NULL, path_of("stopped.bin"), &error), &error);
  assert_same_file(path_of("one.bin"), path_of("stopped.bin"));
  assert_int_equal(access(path_of("stopped.bin.checkpoint"), F_OK), -1);
}

/* A basis that was tampered with is told, and left where it is. */
static void a_damaged_checkpoint(void **state) {
  (void)state;
  loci_error error;
  assert_int_equal(run(2, 0, stop_at_writing, NULL, path_of("damaged.bin"), &error), LOCI_ERROR_CANCELLED);
  FILE *file = fopen(path_of("damaged.bin.checkpoint/basis-0"), "r+b");
  assert_non_null(file);
  assert_int_equal(fseek(file, 70000, SEEK_SET), 0);
  fputc('x', file);
  fclose(file);
  assert_int_equal(run(2, 1, NULL, NULL, path_of("damaged.bin"), &error), LOCI_ERROR_FORMAT);
  assert_ok(run(2, 0, NULL, NULL, path_of("damaged.bin"), &error), &error);
  assert_same_file(path_of("one.bin"), path_of("damaged.bin"));
}

int main(void) {
  snprintf(folder, sizeof folder, "%s", test_folder());
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(singular_values_of_the_paper),
      cmocka_unit_test(the_query_of_the_paper),
      cmocka_unit_test(a_folder_folds_in),
      cmocka_unit_test(refusals),
      cmocka_unit_test(threads_and_resume),
      cmocka_unit_test(a_damaged_checkpoint),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
