/* test_corpus_vocabulary.c: counting, the order of words, files of vocabularies, the encoded corpus; the same at any number
 * of threads. The oracle is the splitter over the whole text at once and plain loops. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "text/corpus.h"
#include "text/split.h"

static const char *path_of(const char *name) {
  static char path[4][600];
  static unsigned next;
  char *out = path[next++ % 4];
  snprintf(out, sizeof path[0], "%s/%s", test_folder(), name);
  return out;
}

/* A text of several blocks: words of Zipf's kind, some not ASCII, lines of all lengths. */
static char *make_text(size_t size, uint64_t seed, size_t *length) {
  char *text = malloc(size + 64);
  size_t n = 0;
  loci__random random;
  loci__random_init(&random, seed);
  while (n < size) {
    double u = loci__random_unit(&random);
    unsigned word = (unsigned)(20000 * u * u * u * u);
    static const char *const forms[] = {"w%u", "Word%u", "\xC3\xA9t\xC3\xA9%u", "\xD0\x96%u", "x%u's", "%u", "a.b%u"};
    n += (size_t)snprintf(text + n, 40, forms[word % 7], word / 7);
    uint64_t gap = loci__random_below(&random, 40);
    if (gap == 0) n += (size_t)snprintf(text + n, 8, ".\n");
    else if (gap == 1) n += (size_t)snprintf(text + n, 8, "\n\n");
    else if (gap == 2) n += (size_t)snprintf(text + n, 8, ", ");
    else text[n++] = ' ';
  }
  *length = n;
  return text;
}

/* ---- the oracle ---- */

typedef struct word {
  char *text;
  uint64_t count, first;
} word;

typedef struct words {
  word *items;
  size_t n, capacity;
  uint64_t n_tokens;
} words;

static loci_status collect(void *arg, const char *text, size_t length, loci_error *error) {
  (void)error;
  words *w = arg;
  if (w->n == w->capacity) w->items = realloc(w->items, (w->capacity = w->capacity * 2 + 64) * sizeof *w->items);
  w->items[w->n] = (word){strndup(text, length), 1, w->n};
  w->n++;
  return LOCI_OK;
}

static int by_text(const void *a, const void *b) {
  const word *x = a, *y = b;
  int order = strcmp(x->text, y->text);
  return order != 0 ? order : (x->first > y->first) - (x->first < y->first);
}

static int by_count(const void *a, const void *b) {
  const word *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return (x->first > y->first) - (x->first < y->first);
}

static words plain_count(const loci__splitter *splitter, const char *text, size_t length) {
  words w = {0};
  loci_error error;
  assert_ok(loci__split_text(NULL, splitter, text, length, collect, &w, NULL, &error), &error);
  w.n_tokens = w.n;
  qsort(w.items, w.n, sizeof *w.items, by_text);
  size_t n = 0;
  for (size_t i = 0; i < w.n; i++) {
    if (n > 0 && strcmp(w.items[n - 1].text, w.items[i].text) == 0) {
      w.items[n - 1].count++;
      free(w.items[i].text);
    } else {
      w.items[n++] = w.items[i];
    }
  }
  w.n = n;
  qsort(w.items, n, sizeof *w.items, by_count);
  return w;
}

static void free_words(words *w) {
  for (size_t i = 0; i < w->n; i++) free(w->items[i].text);
  free(w->items);
}

static void test_count(void **state) {
  (void)state;
  loci_error error;
  size_t length;
  char *text = make_text(3 * LOCI__BLOCK / 2, 3, &length);
  const char *path = path_of("corpus.txt");
  test_write(path, text, length);
  for (int split = LOCI_SPLIT_WORDS; split <= LOCI_SPLIT_CHARS; split++) {
    loci_corpus_options options;
    loci_corpus_options_init(&options);
    options.split = (loci_split)split;
    options.min_count = 3;
    loci__splitter splitter;
    assert_ok(loci__splitter_of(&options, NULL, &splitter, &error), &error);
    words expected = plain_count(&splitter, text, length);
    size_t n_kept = 0;
    uint64_t n_tokens = 0;
    while (n_kept < expected.n && expected.items[n_kept].count >= 3) n_tokens += expected.items[n_kept++].count;
    static const int threads[] = {1, 2, 7};
    for (size_t t = 0; t < LOCI__COUNT(threads); t++) {
      loci_context *context = test_context_new(threads[t], NULL);
      loci_vocabulary *v;
      assert_ok(loci_vocabulary_count(context, path, &options, &v, &error), &error);
      loci_vocabulary_info info = {.struct_size = sizeof info};
      loci_vocabulary_get_info(v, &info);
      assert_int_equal(info.n_words, n_kept);
      assert_int_equal(info.n_tokens, n_tokens);
      assert_int_equal(info.n_all_words, expected.n);
      assert_int_equal(info.n_all_tokens, expected.n_tokens);
      assert_int_equal(info.n_bytes, length);
      char hash[33];
      loci__hash_once(text, length, hash);
      assert_string_equal(info.hash, hash);
      size_t lines = 0;
      for (size_t i = 0; i < length; i++) lines += text[i] == '\n';
      assert_int_equal(info.n_lines, lines + (text[length - 1] != '\n'));
      for (size_t i = 0; i < n_kept; i++) {
        uint64_t count;
        const char *w = loci_vocabulary_word(v, i, &count);
        assert_string_equal(w, expected.items[i].text);
        assert_int_equal(count, expected.items[i].count);
        assert_int_equal(loci_vocabulary_find(v, w, strlen(w)), i);
      }
      assert_int_equal(loci_vocabulary_find(v, "not there", 9), -1);
      assert_null(loci_vocabulary_word(v, n_kept, NULL));
      loci_vocabulary_free(v);
      test_context_free(context);
    }
    free_words(&expected);
  }
  free(text);
}

/* ---- the encoded corpus ---- */

typedef struct ids {
  const loci_vocabulary *vocabulary;
  int32_t *items;
  size_t n;
} ids;

static loci_status put_id(void *arg, const char *text, size_t length, loci_error *error) {
  (void)error;
  ids *out = arg;
  int32_t id = loci_vocabulary_find(out->vocabulary, text, length);
  if (id >= 0) out->items[out->n++] = id;
  return LOCI_OK;
}

static void test_stream(void **state) {
  (void)state;
  loci_error error;
  size_t length;
  char *text = make_text(5 * LOCI__BLOCK / 2, 5, &length);
  text[length - 1] = 'x'; /* the last line does not end */
  const char *path = path_of("stream-corpus.txt"), *file = path_of("stream");
  test_write(path, text, length);
  loci_corpus_options options;
  loci_corpus_options_init(&options);
  loci__splitter splitter;
  assert_ok(loci__splitter_of(&options, NULL, &splitter, &error), &error);
  char *first = NULL;
  size_t first_length = 0;
  static const int threads[] = {1, 2, 7};
  for (size_t t = 0; t < LOCI__COUNT(threads); t++) {
    loci_context *context = test_context_new(threads[t], NULL);
    loci_vocabulary *v;
    assert_ok(loci_vocabulary_count(context, path, &options, &v, &error), &error);
    loci__stream stream;
    remove(file);
    assert_ok(loci__stream_make(context, path, &splitter, v, file, NULL, &stream, &error), &error);
    if (t == 0) {
      ids expected = {.vocabulary = v, .items = malloc(length * sizeof(int32_t))};
      for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t n = end != NULL ? (size_t)(end - text) - at : length - at;
        assert_ok(loci__split_text(NULL, &splitter, text + at, n, put_id, &expected, NULL, &error), &error);
        expected.items[expected.n++] = LOCI__LINE_END;
        at += n + 1;
      }
      assert_int_equal(stream.n, expected.n);
      assert_memory_equal(stream.ids, expected.items, expected.n * sizeof(int32_t));
      assert_int_equal(stream.n_tokens, loci__vocabulary_tokens(v));
      free(expected.items);
      first = test_read(file, &first_length);
    } else {
      size_t n;
      char *now = test_read(file, &n);
      assert_int_equal(n, first_length);
      assert_memory_equal(now, first, n);
      free(now);
    }
    loci__stream_close(&stream);
    /* There already: the same file. */
    loci_file_info before, after;
    assert_int_equal(loci__file_stat(context, file, true, &before), 0);
    assert_ok(loci__stream_make(context, path, &splitter, v, file, NULL, &stream, &error), &error);
    assert_int_equal(loci__file_stat(context, file, true, &after), 0);
    assert_int_equal(before.inode, after.inode);
    loci__stream_close(&stream);
    /* Damaged: a word number that is not there; made anew. */
    size_t n;
    char *bytes = test_read(file, &n);
    int32_t bad = (int32_t)loci__vocabulary_size(v);
    memcpy(bytes + 64 + 40, &bad, 4);
    test_write(file, bytes, n);
    free(bytes);
    assert_ok(loci__stream_make(context, path, &splitter, v, file, NULL, &stream, &error), &error);
    assert_memory_equal(stream.mapping.data, first, first_length);
    loci__stream_close(&stream);
    loci_vocabulary_free(v);
    test_context_free(context);
  }
  free(first);
  free(text);
}

/* ---- files ---- */

static void test_files(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  static const char *const some[] = {"the", "of", "\xC3\xA9t\xC3\xA9", "abcdefghijklmnopqrstuvwxyz"};
  static const uint64_t counts[] = {100, 50, 50, 7};
  loci_vocabulary *v, *back;
  assert_ok(loci__vocabulary_of(context, some, NULL, counts, 4, &v, &error), &error);
  assert_int_equal(loci__vocabulary_tokens(v), 207);
  const char *path = path_of("v.vocab");
  assert_ok(loci_vocabulary_write(v, path, &error), &error);
  size_t length;
  char *text = test_read(path, &length);
  assert_string_equal(text, "the 100\nof 50\n\xC3\xA9t\xC3\xA9 50\nabcdefghijklmnopqrstuvwxyz 7\n");
  free(text);
  assert_ok(loci_vocabulary_read(context, path, &back, &error), &error);
  for (size_t i = 0; i < 4; i++) {
    uint64_t count;
    assert_string_equal(loci_vocabulary_word(back, i, &count), some[i]);
    assert_int_equal(count, counts[i]);
    assert_int_equal(loci_vocabulary_find(back, some[i], strlen(some[i])), i);
  }
  assert_ok(loci__vocabulary_sort_ties_by_bytes(back, &error), &error);
  assert_string_equal(loci_vocabulary_word(back, 1, NULL), "\xC3\xA9t\xC3\xA9"); /* signed bytes */
  loci_vocabulary_free(back);
  loci_vocabulary_free(v);

  static const char *const ties[] = {"b", "a", "c"};
  static const uint64_t equal[] = {5, 5, 9};
  assert_ok(loci__vocabulary_of(context, ties, NULL, equal, 3, &v, &error), &error);
  assert_ok(loci__vocabulary_sort_ties_by_bytes(v, &error), &error);
  assert_string_equal(loci_vocabulary_word(v, 0, NULL), "c");
  assert_string_equal(loci_vocabulary_word(v, 1, NULL), "a");
  assert_int_equal(loci_vocabulary_find(v, "b", 1), 2);
  loci_vocabulary_free(v);

  static const struct {
    const char *text;
    loci_status status;
    const char *says;
  } bad[] = {
      {"", LOCI_ERROR_FORMAT, "empty"},
      {"the 1\nof\n", LOCI_ERROR_FORMAT, "line 2"},
      {"the 1\nof x\n", LOCI_ERROR_FORMAT, "line 2"},
      {" 1\n", LOCI_ERROR_FORMAT, "line 1"},
      {"a 1\n\nb 2\n", LOCI_ERROR_FORMAT, "line 2"},
      {"\n\n\n\n\n\n\n\n", LOCI_ERROR_FORMAT, "line 1"},
      {"a 99999999999999999999\n", LOCI_ERROR_FORMAT, "line 1"},
      {"a 18446744073709551615\nb 1\n", LOCI_ERROR_FORMAT, "line 2"},
      {"a 1\na 1\n", LOCI_ERROR_FORMAT, "stood before"},
  };
  for (size_t i = 0; i < LOCI__COUNT(bad); i++) {
    test_write(path, bad[i].text, strlen(bad[i].text));
    assert_int_equal(loci_vocabulary_read(context, path, &v, &error), bad[i].status);
    assert_null(v);
    assert_non_null(strstr(error.message, bad[i].says));
    assert_non_null(strstr(error.message, "v.vocab"));
  }
  test_write(path, "a b 1\r\n", 7); /* a word may hold a space: the count is behind the last one */
  assert_ok(loci_vocabulary_read(context, path, &v, &error), &error);
  assert_int_equal(loci_vocabulary_find(v, "a b", 3), 0);
  loci_vocabulary_free(v);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_count), cmocka_unit_test(test_stream),
                                     cmocka_unit_test(test_files)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
