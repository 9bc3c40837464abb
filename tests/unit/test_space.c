/* Tables of vectors that no file stands behind: filled row by row, made of a collection's passages, opened by a model's
 * name; and words spelled alike, against the plain recurrence over all pairs. */
#include "support.h"

#include "loci/collection.h"
#include "loci/vectors.h"

#include <stdio.h>
#include <sys/stat.h>

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"

static void test_table(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_vectors *v;
  loci_error error;
  assert_int_equal(loci_vectors_new(context, "t", 0, 3, &v, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_vectors_new(context, "t", 3, 0, &v, &error), LOCI_ERROR_USAGE);
  assert_int_equal(loci_vectors_new(context, "t", SIZE_MAX / 8, SIZE_MAX / 8, &v, &error), LOCI_ERROR_LIMIT);
  assert_ok(loci_vectors_new(context, "t", 3, 2, &v, &error), &error);
  assert_int_equal(loci_vectors_find(v, "a", 1), -1);
  const float rows[] = {1, 2, 3, 4, 5, 6};
  assert_ok(loci_vectors_add(v, "a", 1, rows, NULL, 0, &error), &error);
  assert_ok(loci_vectors_add(v, "b c", 3, rows + 2, "the text", 8, &error), &error);
  assert_int_equal(loci_vectors_find(v, "b c", 3), 1);
  assert_int_equal(loci_vectors_find(v, "b", 1), -1);
  assert_ok(loci_vectors_add(v, "a", 1, rows + 4, "", 0, &error), &error); /* a second one: the first counts */
  assert_int_equal(loci_vectors_find(v, "a", 1), 0);
  assert_int_equal(loci_vectors_add(v, "d", 1, rows, NULL, 0, &error), LOCI_ERROR_LIMIT);
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(v, &info);
  assert_int_equal(info.n, 3);
  assert_int_equal(info.dim, 2);
  assert_int_equal(info.format, LOCI_VECTORS_MEMORY);
  assert_string_equal(info.path, "t");
  assert_memory_equal(loci_vectors_row(v, 0), rows, 2 * sizeof *rows);
  assert_memory_equal(loci_vectors_row(v, 2), rows + 4, 2 * sizeof *rows);
  size_t length;
  assert_null(loci_vectors_text(v, 0, &length));
  assert_string_equal(loci_vectors_text(v, 1, &length), "the text");
  assert_int_equal(length, 8);
  assert_string_equal(loci_vectors_text(v, 2, &length), "");
  assert_null(loci_vectors_text(v, 3, &length));
  loci_vectors_close(v);
  test_context_free(context);
}

/* ---- spelling ---- */

/* Optimal string alignment, whole table, bytes. */
static size_t plain_distance(const char *a, const char *b) {
  enum { MOST = 16 };
  size_t n = strlen(a), m = strlen(b), d[MOST][MOST];
  assert_true(n < MOST && m < MOST);
  for (size_t i = 0; i <= n; i++) d[i][0] = i;
  for (size_t j = 0; j <= m; j++) d[0][j] = j;
  for (size_t i = 1; i <= n; i++)
    for (size_t j = 1; j <= m; j++) {
      size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
      if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
        best = d[i - 2][j - 2] + 1;
      d[i][j] = best;
    }
  return d[n][m];
}

enum { N_WORDS = 3000 };

static void test_spellings(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_vectors *v;
  loci_error error;
  loci__random random;
  loci__random_init(&random, 3);
  static char words[N_WORDS][12];
  const float one = 1;
  assert_ok(loci_vectors_new(context, "t", N_WORDS, 1, &v, &error), &error);
  for (size_t i = 0; i < N_WORDS; i++) { /* short words of three letters: many are near */
    const size_t n = 1 + loci__random_below(&random, 8);
    for (size_t j = 0; j < n; j++) words[i][j] = (char)('a' + loci__random_below(&random, 3));
    assert_ok(loci_vectors_add(v, words[i], n, &one, NULL, 0, &error), &error);
  }
  for (size_t q = 0; q < 300; q++) {
    char asked[12] = "";
    const size_t n = 1 + loci__random_below(&random, 9);
    for (size_t j = 0; j < n; j++) asked[j] = (char)('a' + loci__random_below(&random, 4));
    const size_t limit = n < 4 ? 1 : 2;
    size_t got[4], wanted[4], n_wanted = 0;
    for (size_t d = 0; d <= limit; d++)
      for (size_t i = 0; i < N_WORDS && n_wanted < 4; i++)
        if (plain_distance(asked, words[i]) == d) wanted[n_wanted++] = i;
    assert_int_equal(loci_vectors_spellings(v, asked, n, got, 4), n_wanted);
    for (size_t i = 0; i < n_wanted; i++) assert_int_equal(got[i], wanted[i]);
  }
  size_t got[2];
  assert_int_equal(loci_vectors_spellings(v, "ABC", 3, got, 0), 0);
  assert_int_equal(loci_vectors_spellings(v, words[5], strlen(words[5]), got, 1), 1);
  char upper[12] = "";
  for (size_t i = 0; words[5][i]; i++) upper[i] = (char)(words[5][i] - 32);
  assert_int_equal(loci_vectors_spellings(v, upper, strlen(upper), got, 1), 1); /* ASCII case is folded */
  assert_string_equal(loci_vectors_word(v, got[0], NULL), words[5]);
  loci_vectors_close(v);

  /* Characters, not bytes; long words and bytes that are no text are nothing to stumble over. */
  char longer[300];
  memset(longer, 'x', sizeof longer);
  assert_ok(loci_vectors_new(context, "t", 4, 1, &v, &error), &error);
  assert_ok(loci_vectors_add(v, "\xC3\xA9t\xC3\xA9", 5, &one, NULL, 0, &error), &error); /* été */
  assert_ok(loci_vectors_add(v, longer, sizeof longer, &one, NULL, 0, &error), &error);
  assert_ok(loci_vectors_add(v, "\xFF\xFE\xFF\xFE", 4, &one, NULL, 0, &error), &error);
  assert_ok(loci_vectors_add(v, "", 0, &one, NULL, 0, &error), &error);
  assert_int_equal(loci_vectors_spellings(v, "et\xC3\xA9", 4, got, 2), 1);
  assert_int_equal(got[0], 0);
  assert_int_equal(loci_vectors_spellings(v, "ete", 3, got, 2), 0);
  assert_int_equal(loci_vectors_spellings(v, longer, sizeof longer - 1, got, 2), 0);
  assert_int_equal(loci_vectors_spellings(v, "", 0, got, 2), 1);
  loci_vectors_close(v);
  test_context_free(context);
}

/* ---- a collection's passages ---- */

static void put(const char *folder, const char *name, const char *text) {
  char path[500];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  test_write(path, text, strlen(text));
}

static int stop(void *user, const loci_progress *progress) {
  (void)user, (void)progress;
  return 1;
}

static void test_collection(void **state) {
  (void)state;
  char docs[300];
  snprintf(docs, sizeof docs, "%s/docs", test_folder());
  assert_int_equal(mkdir(docs, 0700), 0);
  loci_context *context = test_context_new(2, NULL);
  loci_collection *c;
  loci_vectors *v;
  loci_error error;
  assert_ok(loci_collection_open(context, NULL, LOCI_COLLECTION_CREATE, &c, &error), &error);
  assert_int_equal(loci_collection_vectors(c, NULL, &v, &error), LOCI_ERROR_NOT_FOUND);
  put(docs, "a.txt", "the first apple\n\nis green\n");
  put(docs, "b.txt", "the second banana\n");
  /* Many passages that begin on one line. */
  static char line[40000];
  for (size_t i = 0; i + 8 < sizeof line; i += 7) memcpy(line + i, "cherry ", 7);
  line[sizeof line - 8] = '\0';
  put(docs, "c.txt", line);
  loci_index_options options;
  loci_index_options_init(&options);
  options.model = MODELS "static-tiny";
  const char *paths[] = {docs};
  assert_ok(loci_collection_index(c, paths, 1, &options, NULL, &error), &error);

  loci_collection_vectors_options o;
  loci_collection_vectors_options_init(&o);
  o.progress = stop;
  assert_int_equal(loci_collection_vectors(c, &o, &v, &error), LOCI_ERROR_CANCELLED);
  o.progress = NULL;
  o.below = docs;
  o.text_bytes = 9;
  assert_ok(loci_collection_vectors(c, &o, &v, &error), &error);
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(v, &info);
  loci_collection_status status = {.struct_size = sizeof status};
  assert_ok(loci_collection_get_status(c, 0, &status, &error), &error);
  assert_int_equal(info.n, status.n_chunks);
  assert_int_equal(info.dim, status.dim);
  assert_true(info.n > 10);
  assert_true(loci_vectors_find(v, "c.txt:1 (2)", 11) >= 0);
  for (size_t i = 0; i < info.n; i++) {
    size_t length;
    const char *word = loci_vectors_word(v, i, &length);
    assert_int_equal(loci_vectors_find(v, word, length), (int64_t)i); /* each place is another */
    assert_non_null(loci_vectors_text(v, i, &length));
    assert_true(length <= 9);
  }
  /* The vector is the record's: similar documents say the same cosine. */
  const int64_t a = loci_vectors_find(v, "a.txt:1", 7), b = loci_vectors_find(v, "b.txt:1", 7);
  assert_true(a >= 0 && b >= 0);
  assert_string_equal(loci_vectors_text(v, (size_t)a, NULL), "the first");
  loci_search_options s;
  loci_search_options_init(&s);
  s.all = s.explain = 1;
  s.limit = 10000;
  loci_results found;
  assert_ok(loci_collection_similar(c, "a.txt", 1, &s, &found, &error), &error);
  bool compared = false;
  for (size_t i = 0; i < found.n; i++)
    if (strstr(found.items[i].path, "/b.txt")) {
      const double cosine = loci_cosine(loci_vectors_row(v, (size_t)a), loci_vectors_row(v, (size_t)b), info.dim);
      assert_true(cosine - found.items[i].cosine < 1e-6 && found.items[i].cosine - cosine < 1e-6);
      compared = true;
    }
  assert_true(compared);
  loci_results_release(&found);
  loci_collection_close(c);
  assert_string_equal(loci_vectors_word(v, (size_t)a, NULL), "a.txt:1"); /* outlives it */
  loci_vectors_close(v);
  test_context_free(context);
}

static void test_name(void **state) {
  (void)state;
  loci_context_options options;
  loci_context_options_init(&options);
  options.model_path = "/nowhere:" LOCI_SOURCE_DIR "/tests/golden/models";
  loci_context *context;
  loci_vectors *by_name, *by_path;
  loci_error error;
  assert_ok(loci_context_new(&options, &context, &error), &error);
  assert_ok(loci_vectors_open(context, "static-tiny", NULL, &by_name, &error), &error);
  assert_ok(loci_vectors_open(context, MODELS "static-tiny", NULL, &by_path, &error), &error);
  loci_vectors_info a = {.struct_size = sizeof a}, b = {.struct_size = sizeof b};
  loci_vectors_get_info(by_name, &a);
  loci_vectors_get_info(by_path, &b);
  assert_int_equal(a.n, b.n);
  assert_memory_equal(loci_vectors_row(by_name, 0), loci_vectors_row(by_path, 0), a.dim * sizeof(float));
  loci_vectors_close(by_name);
  loci_vectors_close(by_path);
  assert_int_equal(loci_vectors_open(context, "no-such-name", NULL, &by_name, &error), LOCI_ERROR_MODEL);
  assert_int_equal(loci_vectors_open(context, "./no-such-file", NULL, &by_name, &error), LOCI_ERROR_IO);
  loci_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_spellings),
      cmocka_unit_test(test_collection),
      cmocka_unit_test(test_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
