/* test_glove.c: GloVe: the exact mode against the GloVe programs (tests/golden/make_glove.py), the kernels against plain C,
 * the tiles against the pairs they are made of, the same bits at any number of threads and after an interruption. */
#include "support.h"

#include <math.h>
#include <unistd.h>

#include "glove_corpus.h"
#include "loci/corpus.h"
#include "loci/vectors.h"
#include "train/glove.h"

static void path_in(char out[512], const char *folder, const char *name) {
  snprintf(out, 512, "%s/%s", folder, name);
}

static void write_corpus(const char *path, size_t n_lines, unsigned n_words, uint64_t seed) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  glove_corpus c = glove_corpus_make(n_lines, n_words, seed, 1, file);
  free(c.ids);
  assert_int_equal(fclose(file), 0);
}

/* ---- random numbers and order of the reference ---- */

static void test_c_random(void **state) {
  (void)state;
  static const uint32_t of_7[] = {1045618677, 1863967299, 1272579899, 461085871, 21961325};
  loci__c_random random;
  loci__c_random_init(&random, 7);
  for (size_t i = 0; i < LOCI__COUNT(of_7); i++) assert_int_equal(loci__c_random_next(&random), of_7[i]);
  loci__c_random_init(&random, 0);
  assert_int_equal(loci__c_random_next(&random), 1804289383);
#if defined(__GLIBC__)
  srand(12345);
  loci__c_random_init(&random, 12345);
  for (size_t i = 0; i < 2000; i++) assert_int_equal(loci__c_random_next(&random), rand());
#endif
}

static void test_shuffle(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  const char *folder = test_folder();
  char scratch[512], path[512];
  path_in(scratch, folder, "runs");
  path_in(path, folder, "pairs");
  glove_corpus c = glove_corpus_make(600, 120, 5, 3, NULL);
  loci__cooccur_options options = {.window = 10, .symmetric = true, .empty_run_repeats = true};
  loci__cooccur_limits(1, &options.max_product, &options.overflow_length);
  loci_error error;
  loci__meter meter;
  loci__meter_init(&meter, NULL, NULL);
  uint64_t n;
  assert_ok(loci__cooccur_count(context, c.ids, c.n, c.n_words, &options, scratch, path, &meter, &n, &error), &error);
  size_t length;
  char *records = test_read(path, &length), *shuffled = malloc(length);
  uint32_t *order = malloc(n * sizeof *order);
  assert_ok(loci__glove_shuffle(context, n, 1000, 3, order, &error), &error);
  for (size_t i = 0; i < n; i++) memcpy(shuffled + i * 16, records + (size_t)order[i] * 16, 16);
  FILE *golden = fopen(LOCI_SOURCE_DIR "/tests/golden/glove/shuffle.txt", "r");
  assert_non_null(golden);
  size_t size;
  unsigned long long hash;
  assert_int_equal(fscanf(golden, "%zu %llx", &size, &hash), 2);
  fclose(golden);
  assert_int_equal(size, length);
  assert_true(glove_fnv(shuffled, length) == hash);
  assert_int_equal(loci__glove_shuffle(context, n, 10, 3, order, &error), LOCI_ERROR_LIMIT);
  free(order);
  free(records);
  free(shuffled);
  free(c.ids);
  test_context_free(context);
}

/* ---- exact ---- */

static void exact_options(loci_glove_options *o) {
  loci_glove_options_init(o);
  o->mode = LOCI_MODE_EXACT;
  o->common.corpus.split = LOCI_SPLIT_SPACE;
  o->common.corpus.fold = LOCI_FOLD_NONE;
  o->common.corpus.min_count = 3;
  o->common.seed = 7;
  o->dim = 9;
  o->epochs = 15;
  o->x_max = 10;
  o->memory = 1;
}

static void test_exact(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  const char *folder = test_folder();
  char corpus[512], output[512];
  path_in(corpus, folder, "corpus.txt");
  path_in(output, folder, "vectors.txt");
  write_corpus(corpus, 600, 120, 5);
  loci_glove_options o;
  exact_options(&o);
  loci_error error;
  assert_ok(loci_train_glove(context, corpus, &o, output, &error), &error);
  loci_vectors *vectors;
  assert_ok(loci_vectors_open(context, output, NULL, &vectors, &error), &error);
  FILE *golden = fopen(LOCI_SOURCE_DIR "/tests/golden/glove/exact.txt", "r");
  assert_non_null(golden);
  char word[64];
  size_t n = 0;
  while (fscanf(golden, "%63s", word) == 1) {
    double x[9];
    for (size_t i = 0; i < 9; i++) assert_int_equal(fscanf(golden, "%lf", &x[i]), 1);
    if (strcmp(word, "<unk>") == 0) continue;
    assert_string_equal(loci_vectors_word(vectors, n, NULL), word);
    for (size_t i = 0; i < 9; i++) {
      /* half a unit of the six digits that are written, and what rounding gives */
      double difference = fabs(x[i] - (double)loci_vectors_row(vectors, n)[i]);
      if (!(difference <= 1e-5)) fail_msg("%s, %zu: off by %g", word, i, difference);
    }
    n++;
  }
  assert_int_equal(n, 99);
  fclose(golden);
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(vectors, &info);
  assert_int_equal(info.n, n);
  loci_vectors_close(vectors);
  test_context_free(context);
}

/* ---- kernels ---- */

enum { ROWS = 40, PAIRS = 300 };

static double kernel_step(const char *name, size_t stride, size_t dim, float weight, float clip, float *rows,
                          float *columns, float *biases) {
  loci__glove_pair pairs[PAIRS];
  uint64_t random = 5;
  for (size_t i = 0; i < PAIRS; i++) {
    pairs[i] = (loci__glove_pair){.row = glove_below(&random, 8) == 0 ? glove_below(&random, ROWS) : (uint32_t)(i / 30),
                                  .column = glove_below(&random, ROWS),
                                  .log_x = (float)glove_below(&random, 1000) / 100.0f - 3.0f,
                                  .weight = weight};
  }
  pairs[17].log_x = NAN;
  for (size_t side = 0; side < 2; side++) {
    for (size_t r = 0; r < ROWS; r++) {
      float *row = (side ? columns : rows) + r * 2 * stride;
      for (size_t i = 0; i < stride; i++) {
        row[i] = i < dim ? ((float)glove_below(&random, 2001) - 1000.0f) / 4000.0f : 0.0f;
        row[stride + i] = 1.0f + (float)glove_below(&random, 100);
      }
    }
  }
  for (size_t i = 0; i < 4 * ROWS; i++) biases[i] = i % 2 ? 1.0f : 0.1f;
  const loci__glove_step step = {.pairs = pairs,
                                 .n = PAIRS,
                                 .rows = rows,
                                 .columns = columns,
                                 .row_biases = biases,
                                 .column_biases = biases + 2 * ROWS,
                                 .stride = stride,
                                 .eta = 0.05f,
                                 .clip = clip};
  return loci__kernels_named(name)->glove_f32(&step);
}

static void test_kernels(void **state) {
  (void)state;
  static const float weights[] = {0.01f, 0.5f, 0.5f}, clips[] = {100.0f, 100.0f, 0.2f}; /* the last one clips */
  for (size_t k = 1; loci__kernels_name(k); k++) {
    const char *name = loci__kernels_name(k);
    if (!loci__kernels_named(name)) continue;
    for (size_t dim = 1; dim <= 130; dim += dim < 20 ? 1 : 11) {
      const size_t stride = (dim + 15) / 16 * 16, n = ROWS * 2 * stride;
      float *one[2], *other[2], biases[4 * ROWS], other_biases[4 * ROWS];
      for (int i = 0; i < 2; i++) {
        one[i] = aligned_alloc(64, n * sizeof(float));
        other[i] = aligned_alloc(64, n * sizeof(float));
      }
      for (size_t w = 0; w < LOCI__COUNT(weights); w++) {
        double a = kernel_step("ref", stride, dim, weights[w], clips[w], one[0], one[1], biases);
        double b = kernel_step(name, stride, dim, weights[w], clips[w], other[0], other[1], other_biases);
        if (!(fabs(a - b) <= 1e-3 * fabs(a))) fail_msg("%s, dim %zu: cost %g instead of %g", name, dim, b, a);
        for (int side = 0; side < 2; side++) {
          for (size_t i = 0; i < n; i++) {
            float x = one[side][i], y = other[side][i];
            if (!(fabsf(x - y) <= 2e-3f * (1.0f + fabsf(x)))) {
              fail_msg("%s, dim %zu, weight %g, at %zu: %g instead of %g", name, dim, (double)weights[w], i, (double)y,
                       (double)x);
            }
            if (i % (2 * stride) >= dim && i % (2 * stride) < stride) assert_true(y == 0);
          }
        }
      }
      for (int i = 0; i < 2; i++) {
        free(one[i]);
        free(other[i]);
      }
    }
  }
}

/* ---- tiles ---- */

static int by_words(const void *a, const void *b) {
  const loci__glove_pair *x = a, *y = b;
  if (x->row != y->row) return x->row < y->row ? -1 : 1;
  return (x->column > y->column) - (x->column < y->column);
}

static void test_tiles(void **state) {
  (void)state;
  loci_context *context = test_context_new(3, NULL);
  const char *folder = test_folder();
  char scratch[512], path[512], tiles_path[512];
  path_in(scratch, folder, "runs");
  path_in(path, folder, "pairs");
  path_in(tiles_path, folder, "tiles");
  glove_corpus c = glove_corpus_make(3000, 900, 2, 1, NULL);
  loci__cooccur_options options = {.window = 5, .symmetric = false};
  loci__cooccur_limits(0.01, &options.max_product, &options.overflow_length);
  loci_error error;
  loci__meter meter;
  loci__meter_init(&meter, NULL, NULL);
  assert_ok(loci__cooccur_count(context, c.ids, c.n, c.n_words, &options, scratch, path, &meter, NULL, &error), &error);
  loci__mapping pairs;
  assert_ok(loci__cooccur_open(context, path, c.n_words, &pairs, &error), &error);
  const loci__cooccur_record *records = (const void *)pairs.data;
  const size_t n = pairs.length / sizeof *records;
  loci__glove_tiling tiling = {.n_words = c.n_words, .dim = 5, .x_max = 3, .alpha = 0.75, .seed = 1, .key = "k"};
  loci__glove_tiles tiles;
  assert_int_equal(loci__glove_tiles_open(context, tiles_path, &tiling, &tiles, &error), LOCI_ERROR_NOT_FOUND);
  assert_ok(loci__glove_tiles_make(context, records, n, &tiling, tiles_path, &meter, &error), &error);
  assert_ok(loci__glove_tiles_open(context, tiles_path, &tiling, &tiles, &error), &error);
  assert_int_equal(tiles.n_pairs, n);
  assert_true(tiles.n_blocks > 4);
  /* every record, once */
  loci__glove_pair *sorted = malloc(n * sizeof *sorted);
  memcpy(sorted, tiles.pairs, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, by_words);
  for (size_t i = 0; i < n; i++) {
    assert_int_equal(sorted[i].row + 1, records[i].word);
    assert_int_equal(sorted[i].column + 1, records[i].context);
    assert_true(fabs((double)sorted[i].log_x - log(records[i].weight)) < 1e-6);
    double weight = records[i].weight > 3 ? 1 : pow(records[i].weight / 3, 0.75);
    assert_true(fabs((double)sorted[i].weight - weight) < 1e-6);
  }
  free(sorted);
  loci__glove_tiles_close(&tiles);
  tiling.key[0] = 'x';
  assert_int_equal(loci__glove_tiles_open(context, tiles_path, &tiling, &tiles, &error), LOCI_ERROR_NOT_FOUND);
  tiling.key[0] = 'k';
  /* damage: a pair outside of its tile, a file that is cut off */
  size_t length;
  char *bytes = test_read(tiles_path, &length);
  memset(bytes + length - 16, 0x7f, 4);
  test_write(tiles_path, bytes, length);
  assert_int_equal(loci__glove_tiles_open(context, tiles_path, &tiling, &tiles, &error), LOCI_ERROR_FORMAT);
  test_write(tiles_path, bytes, length - 16);
  assert_int_equal(loci__glove_tiles_open(context, tiles_path, &tiling, &tiles, &error), LOCI_ERROR_FORMAT);
  free(bytes);
  loci__mapping_close(&pairs);
  free(c.ids);
  test_context_free(context);
}

/* ---- runs ---- */

static char *train(int threads, const char *corpus, const loci_glove_options *o, const char *output, size_t *length) {
  loci_context *context = test_context_new(threads, NULL);
  loci_error error;
  assert_ok(loci_train_glove(context, corpus, o, output, &error), &error);
  test_context_free(context);
  char *bytes = test_read(output, length);
  unlink(output);
  return bytes;
}

/* Stops at the first sign of progress beyond *user, which becomes that. */
static int stop_later(void *user, const loci_progress *progress) {
  uint64_t *after = user;
  if (strcmp(progress->stage, "training") != 0 || progress->done <= *after) return 0;
  *after = progress->done;
  return 1;
}

static void check_runs(loci_glove_options *o) {
  const char *folder = test_folder();
  char corpus[512], output[512], checkpoint[512];
  path_in(corpus, folder, "corpus.txt");
  path_in(output, folder, "vectors.bin");
  path_in(checkpoint, folder, "vectors.bin.checkpoint");
  write_corpus(corpus, 2000, 700, 9);
  size_t length, other;
  char *one = train(1, corpus, o, output, &length);
  static const int threads[] = {2, 3, 7};
  for (size_t i = 0; i < LOCI__COUNT(threads); i++) {
    char *same = train(threads[i], corpus, o, output, &other);
    assert_int_equal(other, length);
    assert_memory_equal(same, one, length);
    free(same);
  }
  /* interrupted twice, gone on with */
  loci_context *context = test_context_new(2, NULL);
  loci_error error;
  uint64_t after = 0;
  o->common.progress = stop_later;
  o->common.progress_user = &after;
  assert_int_equal(loci_train_glove(context, corpus, o, output, &error), LOCI_ERROR_CANCELLED);
  assert_true(loci__file_exists(context, checkpoint));
  assert_false(loci__file_exists(context, output));
  o->common.resume = 1;
  loci_status status = loci_train_glove(context, corpus, o, output, &error);
  assert_true(status == LOCI_ERROR_CANCELLED || status == LOCI_OK); /* OK: the first stop was at the end */
  if (status == LOCI_OK) assert_int_equal(unlink(output), 0);
  if (status == LOCI_ERROR_CANCELLED) {
    o->eta = 0.04; /* other settings are refused */
    assert_int_equal(loci_train_glove(context, corpus, o, output, &error), LOCI_ERROR_USAGE);
    o->eta = 0.05;
  }
  o->common.progress = NULL;
  test_context_free(context);
  char *resumed = train(2, corpus, o, output, &other);
  assert_int_equal(other, length);
  assert_memory_equal(resumed, one, length);
  assert_false(loci__file_exists(NULL, checkpoint));
  o->common.resume = 0;
  free(resumed);
  free(one);
}

static void test_runs(void **state) {
  (void)state;
  loci_glove_options o;
  loci_glove_options_init(&o);
  o.common.checkpoint_seconds = 0;
  o.dim = 100;
  o.epochs = 8;
  o.memory = 0.01;
  check_runs(&o);
}

static void test_runs_exact(void **state) {
  (void)state;
  loci_glove_options o;
  exact_options(&o);
  o.epochs = 4;
  o.memory = 0.01;
  check_runs(&o);
}

/* Two halves of a vocabulary that meet seldom: their words are near their own kind. */
static void test_learns(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  const char *folder = test_folder();
  char corpus[512], output[512];
  path_in(corpus, folder, "corpus.txt");
  path_in(output, folder, "vectors.npy");
  FILE *file = fopen(corpus, "w");
  assert_non_null(file);
  uint64_t random = 1;
  for (int line = 0; line < 3000; line++) {
    unsigned kind = glove_below(&random, 2);
    for (int i = 0; i < 12; i++) {
      fprintf(file, "%c%u ", 'a' + (int)(glove_below(&random, 8) == 0 ? 1 - kind : kind), glove_below(&random, 20));
    }
    fputc('\n', file);
  }
  fclose(file);
  loci_glove_options o;
  loci_glove_options_init(&o);
  o.dim = 16;
  o.epochs = 20;
  loci_error error;
  assert_ok(loci_train_glove(context, corpus, &o, output, &error), &error);
  loci_vectors *vectors;
  assert_ok(loci_vectors_open(context, output, NULL, &vectors, &error), &error);
  double same = 0, other = 0;
  for (size_t i = 0; i < 40; i++) {
    for (size_t j = 0; j < i; j++) {
      double dot = 0, a = 0, b = 0;
      const float *x = loci_vectors_row(vectors, i), *y = loci_vectors_row(vectors, j);
      for (size_t k = 0; k < 16; k++) {
        dot += (double)x[k] * (double)y[k];
        a += (double)x[k] * (double)x[k];
        b += (double)y[k] * (double)y[k];
      }
      *(loci_vectors_word(vectors, i, NULL)[0] == loci_vectors_word(vectors, j, NULL)[0] ? &same : &other) +=
          dot / sqrt(a * b);
    }
  }
  if (!(same / 380 > other / 400 + 0.2)) fail_msg("mean cosine %g within, %g across", same / 380, other / 400);
  loci_vectors_close(vectors);
  test_context_free(context);
}

static void test_refused(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  const char *folder = test_folder();
  char corpus[512], output[512], checkpoint[512];
  path_in(corpus, folder, "corpus.txt");
  path_in(output, folder, "vectors.bin");
  path_in(checkpoint, folder, "vectors.bin.checkpoint");
  test_write(corpus, "one\ntwo\none\ntwo\n", 16);
  loci_glove_options o;
  loci_glove_options_init(&o);
  o.common.corpus.min_count = 1;
  loci_error error;
  assert_int_equal(loci_train_glove(context, corpus, &o, output, &error), LOCI_ERROR_NOT_FOUND);
  assert_int_equal(loci_cooccurrences(context, corpus, &o, output, &error), LOCI_ERROR_NOT_FOUND);
  test_write(corpus, "one two\n", 8);
  o.common.max_memory = 1000;
  assert_int_equal(loci_train_glove(context, corpus, &o, output, &error), LOCI_ERROR_LIMIT);
  o.common.max_memory = 0;
  o.window = 0;
  assert_int_equal(loci_train_glove(context, corpus, &o, output, &error), LOCI_ERROR_USAGE);
  o.window = 10;
  o.x_max = 0;
  assert_int_equal(loci_train_glove(context, corpus, &o, output, &error), LOCI_ERROR_USAGE);
  o.x_max = NAN;
  assert_int_equal(loci_train_glove(context, corpus, &o, output, &error), LOCI_ERROR_USAGE);
  o.x_max = 100;
  o.mode = LOCI_MODE_EXACT;
  o.common.seed = (uint64_t)1 << 31;
  assert_int_equal(loci_train_glove(context, corpus, &o, output, &error), LOCI_ERROR_USAGE);
  o.mode = LOCI_MODE_DEFAULT;
  assert_false(loci__file_exists(context, output));
  assert_false(loci__file_exists(context, checkpoint));
  o.dim = 4;
  o.epochs = 1;
  assert_ok(loci_train_glove(context, corpus, &o, output, &error), &error); /* two words, one line */
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_c_random),   cmocka_unit_test(test_shuffle), cmocka_unit_test(test_exact),
      cmocka_unit_test(test_kernels),    cmocka_unit_test(test_tiles),   cmocka_unit_test(test_runs),
      cmocka_unit_test(test_runs_exact), cmocka_unit_test(test_learns),  cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
