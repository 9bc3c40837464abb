/* test_corpus_bad.c: corpora as nobody wants them. Empty ones, junk, NUL bytes, words and lines without end, too little
 * memory, full disks, allocations that fail: clear errors, nothing lost, nothing left over. */
#include "support.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault_support.h"
#include "text/corpus.h"
#include "text/split.h"

static char corpus[600], stream_path[600];

static const char *folder(void) {
  static const char *made;
  if (made == NULL) made = test_folder();
  return made;
}

static void begin(const void *text, size_t length) {
  snprintf(corpus, sizeof corpus, "%s/corpus.txt", folder());
  snprintf(stream_path, sizeof stream_path, "%s/stream", folder());
  test_write(corpus, text, length);
  remove(stream_path);
}

static loci_corpus_options options_of(loci_split split, uint64_t min_count) {
  loci_corpus_options options;
  loci_corpus_options_init(&options);
  options.split = split;
  options.min_count = min_count;
  return options;
}

static void test_nothing(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  loci_vocabulary *v;
  static const char *const texts[] = {"", "\n", " \t\r\n \n", ". , !\n"};
  for (size_t i = 0; i < LOCI__COUNT(texts); i++) {
    begin(texts[i], strlen(texts[i]));
    loci_corpus_options options = options_of(LOCI_SPLIT_WORDS, 1);
    assert_int_equal(loci_vocabulary_count(context, corpus, &options, &v, &error), LOCI_ERROR_NOT_FOUND);
    assert_null(v);
    assert_non_null(strstr(error.message, corpus));
    assert_non_null(strstr(error.message, "no words"));
  }
  begin("word", 4);
  loci_corpus_options options = options_of(LOCI_SPLIT_WORDS, 5);
  assert_int_equal(loci_vocabulary_count(context, corpus, &options, &v, &error), LOCI_ERROR_NOT_FOUND);
  assert_non_null(strstr(error.message, "\"word\", occurs 1 times"));
  options.min_count = 1;
  assert_ok(loci_vocabulary_count(context, corpus, &options, &v, &error), &error);
  loci_vocabulary_info info = {.struct_size = sizeof info};
  loci_vocabulary_get_info(v, &info);
  assert_int_equal(info.n_words, 1);
  assert_int_equal(info.n_lines, 1);
  loci_vocabulary_free(v);
  assert_int_equal(loci_vocabulary_count(context, "/nowhere/none", &options, &v, &error), LOCI_ERROR_IO);
  assert_non_null(strstr(error.message, "/nowhere/none"));
  assert_int_equal(loci_vocabulary_count(context, folder(), &options, &v, &error), LOCI_ERROR_USAGE);
  options.split = LOCI_SPLIT_MODEL;
  assert_int_equal(loci_vocabulary_count(context, corpus, &options, &v, &error), LOCI_ERROR_USAGE);
  options = options_of(LOCI_SPLIT_CHARS, 1);
  options.ngram = 65;
  assert_int_equal(loci_vocabulary_count(context, corpus, &options, &v, &error), LOCI_ERROR_USAGE);
  options = options_of((loci_split)9, 1);
  assert_int_equal(loci_vocabulary_count(context, corpus, &options, &v, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

/* Every byte value, at random; every word that comes is UTF-8. */
static void test_junk(void **state) {
  (void)state;
  loci_error error;
  loci__random random;
  loci__random_init(&random, 4);
  size_t length = LOCI__BLOCK + 100000;
  char *junk = malloc(length);
  for (size_t i = 0; i < length; i++) junk[i] = (char)loci__random_next(&random);
  begin(junk, length);
  free(junk);
  for (int split = LOCI_SPLIT_WORDS; split <= LOCI_SPLIT_CHARS; split++) {
    loci_context *context = test_context_new(2, NULL);
    loci_corpus_options options = options_of((loci_split)split, 1);
    loci_vocabulary *v;
    assert_ok(loci_vocabulary_count(context, corpus, &options, &v, &error), &error);
    for (size_t i = 0; i < loci__vocabulary_size(v); i++) {
      size_t n;
      const char *word = loci__vocabulary_word(v, i, &n, NULL);
      assert_true(loci__utf8_valid(word, n));
      assert_int_equal(loci_vocabulary_find(v, word, n), i);
    }
    loci__splitter splitter;
    assert_ok(loci__splitter_of(&options, NULL, &splitter, &error), &error);
    loci__stream stream;
    remove(stream_path);
    assert_ok(loci__stream_make(context, corpus, &splitter, v, stream_path, NULL, &stream, &error), &error);
    assert_int_equal(stream.n_tokens, loci__vocabulary_tokens(v));
    loci__stream_close(&stream);
    loci_vocabulary_free(v);
    test_context_free(context);
  }
}

static void test_nul(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(1, NULL);
  static const char text[] = "a\0b a\0b\0 c\n\0";
  begin(text, sizeof text - 1);
  loci_corpus_options options = options_of(LOCI_SPLIT_SPACE, 1);
  loci_vocabulary *v;
  assert_ok(loci_vocabulary_count(context, corpus, &options, &v, &error), &error);
  assert_int_equal(loci__vocabulary_size(v), 4);
  assert_int_equal(loci_vocabulary_find(v, "a\0b", 3), 0);
  assert_int_equal(loci_vocabulary_find(v, "a\0b\0", 4), 1);
  assert_int_equal(loci_vocabulary_find(v, "\0", 1), 3);
  assert_int_equal(loci_vocabulary_find(v, "a", 1), -1);
  loci_vocabulary_free(v);
  options.split = LOCI_SPLIT_WORDS; /* a control character between words */
  assert_ok(loci_vocabulary_count(context, corpus, &options, &v, &error), &error);
  assert_int_equal(loci__vocabulary_size(v), 3);
  loci_vocabulary_free(v);
  test_context_free(context);
}

/* An allocator that knows how much was in use at most. */
static int64_t in_use, most_in_use;

static void account(int64_t change) {
  const int64_t now = __atomic_add_fetch(&in_use, change, __ATOMIC_RELAXED);
  int64_t most = __atomic_load_n(&most_in_use, __ATOMIC_RELAXED);
  while (now > most &&
         !__atomic_compare_exchange_n(&most_in_use, &most, now, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

static void *measured_allocate(void *user, size_t size) {
  (void)user;
  void *memory = malloc(size);
  if (memory != NULL) account((int64_t)malloc_usable_size(memory));
  return memory;
}

static void *measured_resize(void *user, void *memory, size_t size) {
  (void)user;
  account(-(int64_t)malloc_usable_size(memory));
  memory = realloc(memory, size);
  if (memory != NULL) account((int64_t)malloc_usable_size(memory));
  return memory;
}

static void measured_release(void *user, void *memory) {
  (void)user;
  account(-(int64_t)malloc_usable_size(memory));
  free(memory);
}

static loci_context *measured_context(int threads) {
  loci_error error;
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = threads;
  options.allocator = (loci_allocator){NULL, measured_allocate, measured_resize, measured_release};
  loci_context *context;
  assert_ok(loci_context_new(&options, &context, &error), &error);
  return context;
}

/* One line of 64 MB, a word of 3 MB in it, then Chinese without a space: memory stays small, and any number of threads gives
 * the same. LOCI_TEST_LONG: 1 GB. */
static void test_endless(void **state) {
  (void)state;
  loci_error error;
  size_t most = getenv("LOCI_TEST_LONG") != NULL ? (size_t)1 << 30 : (size_t)64 << 20;
  snprintf(corpus, sizeof corpus, "%s/endless.txt", folder());
  snprintf(stream_path, sizeof stream_path, "%s/endless.stream", folder());
  FILE *file = fopen(corpus, "wb");
  assert_non_null(file);
  static char block[1 << 20];
  size_t n = 0, n_long = 0;
  for (; n < 3; n++) { /* one word */
    memset(block, 'x', sizeof block);
    assert_int_equal(fwrite(block, 1, sizeof block, file), sizeof block);
  }
  memset(block, ' ', sizeof block);
  for (size_t i = 0; i + 9 < sizeof block; i += 9) memcpy(block + i, " word it.", 9);
  for (; n * sizeof block < most / 2; n++, n_long++)
    assert_int_equal(fwrite(block, 1, sizeof block, file), sizeof block);
  size_t n_chinese = 0; /* no white space from here on */
  for (size_t i = 0; i + 3 < sizeof block; i += 3) memcpy(block + i, "\xE4\xB8\xAD", 3);
  for (; n * sizeof block < most; n++, n_chinese++)
    assert_int_equal(fwrite(block, 1, sizeof block - 1, file), sizeof block - 1);
  fclose(file);
  for (int threads = 1; threads <= 3; threads += 2) {
    in_use = most_in_use = 0;
    loci_context *context = measured_context(threads);
    loci_corpus_options options = options_of(LOCI_SPLIT_WORDS, 1);
    options.max_word = 100;
    loci_vocabulary *v;
    assert_ok(loci_vocabulary_count(context, corpus, &options, &v, &error), &error);
    loci_vocabulary_info info = {.struct_size = sizeof info};
    loci_vocabulary_get_info(v, &info);
    assert_int_equal(info.n_cut, 1);
    assert_int_equal(info.n_words, 4); /* word, it, 中, x… */
    assert_int_equal(info.n_lines, 1);
    uint64_t count;
    const char *word = loci_vocabulary_word(v, 0, &count);
    assert_string_equal(word, "\xE4\xB8\xAD");
    assert_int_equal(count, n_chinese * ((sizeof block - 1) / 3));
    assert_string_equal(loci_vocabulary_word(v, 1, &count), "word");
    assert_int_equal(count, n_long * (sizeof block / 9));
    assert_int_equal(strlen(loci_vocabulary_word(v, 3, &count)), 100);
    assert_int_equal(count, 1);
    loci__splitter splitter;
    assert_ok(loci__splitter_of(&options, NULL, &splitter, &error), &error);
    loci__stream stream;
    remove(stream_path);
    assert_ok(loci__stream_make(context, corpus, &splitter, v, stream_path, NULL, &stream, &error), &error);
    assert_int_equal(stream.n_tokens, info.n_tokens);
    assert_int_equal(stream.ids[stream.n - 1], LOCI__LINE_END);
    loci__stream_close(&stream);
    loci_vocabulary_free(v);
    loci_context_free(context);
    assert_in_range(most_in_use, 1, 24 << 20);
  }
  remove(corpus);
  remove(stream_path);
}

static void test_memory(void **state) {
  (void)state;
  loci_error error;
  size_t length = (size_t)12 << 20; /* big enough for an estimate */
  char *text = malloc(length + 32);
  size_t n = 0;
  for (unsigned i = 0; n < length; i++) n += (size_t)snprintf(text + n, 32, "word%u\n", i);
  begin(text, n);
  loci_context *context = test_context_new(2, NULL);
  loci_corpus_options options = options_of(LOCI_SPLIT_WORDS, 1);
  options.max_memory = 1 << 24;
  loci_vocabulary *v;
  assert_int_equal(loci_vocabulary_count(context, corpus, &options, &v, &error), LOCI_ERROR_LIMIT);
  assert_non_null(strstr(error.message, "about"));
  assert_non_null(strstr(error.message, "--max-memory"));
  begin(text, 1 << 20); /* too small for one: found while counting */
  options.max_memory = 1 << 20;
  assert_int_equal(loci_vocabulary_count(context, corpus, &options, &v, &error), LOCI_ERROR_LIMIT);
  assert_non_null(strstr(error.message, "--max-memory"));
  options.max_memory = 1 << 27;
  assert_ok(loci_vocabulary_count(context, corpus, &options, &v, &error), &error);
  loci_vocabulary_free(v);
  options.max_memory = 0;
  options.max_vocabulary = 10;
  assert_ok(loci_vocabulary_count(context, corpus, &options, &v, &error), &error);
  assert_int_equal(loci__vocabulary_size(v), 10);
  loci_vocabulary_free(v);
  test_context_free(context);
  free(text);
}

/* ---- failing on purpose ---- */

static char *three_blocks(size_t *length) {
  size_t size = 2 * LOCI__BLOCK + 5000, n = 0;
  char *text = malloc(size + 64);
  for (unsigned i = 0; n < size; i++)
    n += (size_t)snprintf(text + n, 64, "word%u \xC3\xA9t\xC3\xA9 a-very-long-word-indeed%u\n", i % 100, i % 50);
  *length = n;
  return text;
}

/* Counts, encodes, joins phrases. */
static loci_status everything(loci_context *context, loci_error *error) {
  loci_corpus_options options = options_of(LOCI_SPLIT_WORDS, 2);
  loci_vocabulary *v;
  LOCI__TRY(loci_vocabulary_count(context, corpus, &options, &v, error));
  loci__splitter splitter;
  loci__stream stream;
  loci_status status = loci__splitter_of(&options, NULL, &splitter, error);
  if (status == LOCI_OK) {
    status = loci__stream_make(context, corpus, &splitter, v, stream_path, NULL, &stream, error);
    loci__stream_close(&stream);
  }
  char out[700];
  snprintf(out, sizeof out, "%s.vocab", stream_path);
  if (status == LOCI_OK) status = loci_vocabulary_write(v, out, error);
  loci_vocabulary_free(v);
  snprintf(out, sizeof out, "%s.phrases", stream_path);
  if (status == LOCI_OK) status = loci_phrases(context, corpus, NULL, out, NULL, error);
  return status;
}

static int count_temporary(void *arg, const char *name) {
  *(int *)arg += loci__ends_with(name, ".tmp");
  return 0;
}

static void sweep(fault_kind kind, const char *only, int err, loci_status expected) {
  size_t length;
  char *text = three_blocks(&length);
  begin(text, length);
  free(text);
  int failures = 0;
  for (uint64_t n = 1;; n = fault_next(n, kind == FAULT_MEMORY ? 40 : 12)) {
    for (int sticky = 0; sticky < 2; sticky++) {
      loci_context *context = fault_context_new(2);
      loci_error error = {0};
      remove(stream_path);
      fault_arm(kind, n, sticky, err, only);
      loci_status status = everything(context, &error);
      bool fired = fault_disarm();
      if (status != LOCI_OK) {
        failures++;
        /* base/ tells a path that could not be put together as the file call that wanted it. */
        bool told = status == LOCI_ERROR_IO && strstr(error.message, "Cannot allocate memory") != NULL;
        if (status != expected && !(told && kind == FAULT_MEMORY)) fail_msg("call %d: %s", (int)n, error.message);
        if (kind == FAULT_FILES) assert_non_null(strstr(error.message, folder()));
      }
      fault_context_free(context);
      assert_int_equal(fault_living(), 0);
      int temporary = 0;
      loci__file_readdir(NULL, folder(), count_temporary, &temporary);
      assert_int_equal(temporary, 0);
      if (!fired) {
        if (status != LOCI_OK) fail_msg("call %d: %s", (int)n, error.message);
        assert_true(failures > 3);
        return;
      }
    }
  }
}

static void test_no_memory(void **state) {
  (void)state;
  sweep(FAULT_MEMORY, NULL, 0, LOCI_ERROR_MEMORY);
}

static void test_full_disk(void **state) {
  (void)state;
  sweep(FAULT_FILES, "pwrite", ENOSPC, LOCI_ERROR_IO);
}

static void test_bad_disk(void **state) {
  (void)state;
  sweep(FAULT_FILES, "pread", EIO, LOCI_ERROR_IO);
}

/* A callback that says no. */
static int no(void *user, const loci_progress *progress) {
  (void)user;
  return progress->done > 0;
}

static void test_cancelled(void **state) {
  (void)state;
  loci_error error;
  size_t length;
  char *text = three_blocks(&length);
  begin(text, length);
  free(text);
  loci_context *context = test_context_new(2, NULL);
  loci_corpus_options options = options_of(LOCI_SPLIT_WORDS, 1);
  options.progress = no;
  loci_vocabulary *v;
  assert_int_equal(loci_vocabulary_count(context, corpus, &options, &v, &error), LOCI_ERROR_CANCELLED);
  test_context_free(context);
}

int main(void) {
  fault_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nothing),   cmocka_unit_test(test_junk),     cmocka_unit_test(test_nul),
      cmocka_unit_test(test_endless),   cmocka_unit_test(test_memory),   cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_full_disk), cmocka_unit_test(test_bad_disk), cmocka_unit_test(test_cancelled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
