/* Files of word vectors: what is written reads back as the same bits, what other programs write in their own ways reads
 * the same, and what is broken is refused with file and place. */
#include "support.h"

#include "format/vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static loci_error error;

static const char *const words[] = {"the", "naïve", "日本語", "\xff\xfe", "</s>"};
enum { N = 5, DIM = 7 };

static float table[N][DIM];

static loci__vectors_out sample(void) {
  static uint32_t lengths[N];
  loci__random random;
  loci__random_init(&random, 7);
  for (size_t i = 0; i < N; i++) {
    lengths[i] = (uint32_t)strlen(words[i]);
    for (size_t j = 0; j < DIM; j++) table[i][j] = (float)loci__random_normal(&random);
  }
  table[1][0] = 1e-30f;
  table[1][1] = -0.0f;
  table[1][2] = 3.4028235e38f;
  table[1][3] = 1.4e-45f;
  return (loci__vectors_out){.n = N, .dim = DIM, .words = words, .lengths = lengths, .rows = &table[0][0]};
}

static void same(const loci_vectors *v, loci_vectors_format format) {
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(v, &info);
  assert_int_equal(info.format, format);
  assert_int_equal(info.n, N);
  assert_int_equal(info.dim, DIM);
  for (size_t i = 0; i < N; i++) {
    size_t length;
    const char *word = loci_vectors_word(v, i, &length);
    assert_int_equal(length, strlen(words[i]));
    assert_string_equal(word, words[i]);
    assert_memory_equal(loci_vectors_row(v, i), table[i], sizeof table[i]);
    assert_int_equal(loci_vectors_find(v, words[i], length), (int64_t)i);
  }
  assert_int_equal(loci_vectors_find(v, "absent", 6), -1);
  assert_null(loci_vectors_word(v, N, NULL));
  float out[DIM];
  assert_ok(loci_vectors_get(v, "the", 3, out, &error), &error);
  assert_memory_equal(out, table[0], sizeof out);
  assert_int_equal(loci_vectors_get(v, "absent", 6, out, &error), LOCI_ERROR_NOT_FOUND);
}

static void test_round_trip(void **state) {
  (void)state;
  static const struct {
    const char *name;
    loci_vectors_format given, read;
  } files[] = {{"a.bin", LOCI_VECTORS_UNKNOWN, LOCI_VECTORS_WORD2VEC},
               {"a.txt", LOCI_VECTORS_UNKNOWN, LOCI_VECTORS_TEXT},
               {"a.vec", LOCI_VECTORS_UNKNOWN, LOCI_VECTORS_TEXT},
               {"g.txt", LOCI_VECTORS_GLOVE, LOCI_VECTORS_GLOVE},
               {"a.npy", LOCI_VECTORS_UNKNOWN, LOCI_VECTORS_NPY}};
  for (int threads = 1; threads <= 3; threads += 2) {
    loci_context *context = test_context_new(threads, NULL);
    for (size_t i = 0; i < LOCI__COUNT(files); i++) {
      const loci__vectors_out out = sample();
      char *path = loci__path_join(context, test_folder(), files[i].name);
      assert_ok(loci__vectors_write(context, path, files[i].given, LOCI_PRECISION_F32, &out, &error), &error);
      loci_vectors *v = NULL;
      assert_ok(loci__vectors_open_file(context, path, NULL, &v, &error), &error);
      same(v, files[i].read);
      loci_vectors_close(v);
      loci__free(context, path);
    }
    test_context_free(context);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
