/* Every writing system that LOCI_DATA has: train, save, read back, nearest words; and no character is lost or cut.
 *
 * The texts: the Universal Declaration of Human Rights in some 390 languages (a line an article's paragraph), and the
 * captions of Multi30k in German, French and Czech. The oracle for splitting is a count: with min_count 1 and no folding
 * every letter and every digit of the text stands in exactly one word, so the words' letters, times how often the words
 * occur, must be the text's letters, scalar by scalar.
 */
#include "support.h"

#include "loci.h"

#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

typedef struct histogram {
  int64_t *counts; /* of scalars */
} histogram;

static bool is_letter(uint32_t scalar) {
  const utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)scalar);
  return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO) ||
         (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO);
}

static void count(histogram *h, const char *text, size_t length, int64_t times) {
  for (size_t i = 0, used; i < length; i += used) {
    bool valid;
    const uint32_t scalar = loci__utf8_next(text + i, length - i, &used, &valid);
    assert_true(valid); /* a word that was cut inside a character */
    if (is_letter(scalar)) h->counts[scalar] += times;
  }
}

static void check_split(loci_context *context, const char *path, loci_split split, const char *what) {
  histogram h = {calloc(0x110000, sizeof *h.counts)};
  size_t length;
  char *text = test_read(path, &length);
  count(&h, text, length, 1);
  free(text);
  loci_corpus_options o;
  loci_corpus_options_init(&o);
  o.split = split;
  o.fold = LOCI_FOLD_NONE;
  o.ngram = 1;
  o.min_count = 1;
  loci_error error;
  loci_vocabulary *vocabulary;
  assert_ok(loci_vocabulary_count(context, path, &o, &vocabulary, &error), &error);
  const char *word;
  uint64_t times;
  for (size_t i = 0; (word = loci_vocabulary_word(vocabulary, i, &times)) != NULL; i++)
    count(&h, word, strlen(word), -(int64_t)times);
  for (size_t scalar = 0; scalar < 0x110000; scalar++)
    if (h.counts[scalar] != 0)
      fail_msg("%s, split by %s: U+%04zX is off by %lld", path, what, scalar, (long long)h.counts[scalar]);
  loci_vocabulary_free(vocabulary);
  free(h.counts);
}

/* A script that writes words without spaces: more than half of the text's letters are of it. */
static bool without_spaces(const char *path) {
  size_t length, letters = 0, unspaced = 0;
  char *text = test_read(path, &length);
  for (size_t i = 0, used; i < length; i += used) {
    const uint32_t c = loci__utf8_next(text + i, length - i, &used, NULL);
    letters += is_letter(c);
    unspaced += (c >= 0x0E00 && c < 0x0F00) || (c >= 0x0F00 && c < 0x1000) || (c >= 0x1000 && c < 0x10A0) ||
                (c >= 0x1780 && c < 0x1800) || (c >= 0x3040 && c < 0xA4D0) || c >= 0x20000;
  }
  free(text);
  return unspaced * 2 > letters;
}

static void train_and_ask(loci_context *context, const char *path, const char *output, const char *vocabulary_path) {
  loci_error error;
  loci_word2vec_options o;
  loci_word2vec_options_init(&o);
  o.common.corpus.split = without_spaces(path) ? LOCI_SPLIT_CHARS : LOCI_SPLIT_WORDS;
  o.common.corpus.min_count = 1;
  o.dim = 16;
  o.epochs = 1;
  assert_ok(loci_train_word2vec(context, path, &o, output, &error), &error);
  loci_vectors *vectors;
  loci_vocabulary *vocabulary;
  assert_ok(loci_vectors_open(context, output, NULL, &vectors, &error), &error);
  assert_ok(loci_vocabulary_read(context, vocabulary_path, &vocabulary, &error), &error);
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(vectors, &info);
  assert_true(info.n > 10);
  assert_int_equal(info.dim, 16);
  for (size_t i = 0; i < info.n; i++) {
    size_t length;
    const char *word = loci_vectors_word(vectors, i, &length), *counted = loci_vocabulary_word(vocabulary, i, NULL);
    assert_non_null(counted);
    assert_string_equal(word, counted);
    assert_true(loci__utf8_valid(word, length));
  }
  for (size_t i = 0; i < 10; i++) {
    loci_neighbor found[3];
    size_t n;
    assert_ok(loci_neighbors(vectors, loci_vectors_row(vectors, i), 3, LOCI_METRIC_COSINE, &i, 1, found, &n, &error),
              &error);
    assert_int_equal(n, 3);
    assert_true(found[0].index != i && found[0].score >= found[2].score && found[0].score <= 1);
  }
  loci_vocabulary_free(vocabulary);
  loci_vectors_close(vectors);
}

typedef struct run {
  loci_context *context;
  const char *folder;
  size_t n;
} run;

static int one_text(void *arg, const char *name) {
  run *r = arg;
  if (!loci__ends_with(name, ".txt")) return 0;
  char path[512], output[512], vocabulary[600];
  snprintf(path, sizeof path, "%s/udhr/%s", r->folder, name);
  snprintf(output, sizeof output, "%s/%s.bin", r->folder, name);
  snprintf(vocabulary, sizeof vocabulary, "%s.vocab", output);
  loci_file_info info;
  assert_int_equal(loci__file_stat(r->context, path, true, &info), 0);
  if (info.size == 0) return 0; /* there is one */
  check_split(r->context, path, LOCI_SPLIT_WORDS, "words");
  check_split(r->context, path, LOCI_SPLIT_CHARS, "characters");
  train_and_ask(r->context, path, output, vocabulary);
  r->n++;
  return 0;
}

static void unpack(const char *format, const char *data, const char *folder) {
  char command[1200];
  snprintf(command, sizeof command, format, data, folder); /* NOLINT: the formats are below */
  if (system(command) != 0) fail_msg("%s failed", command);
}

static void declaration_of_human_rights(void **state) {
  (void)state;
  const char *data = test_data("parallel/udhr.tar.xz");
  if (data == NULL) skip();
  run r = {.context = test_context_new(2, NULL), .folder = test_folder()};
  unpack("tar -xJf '%s' -C '%s'", data, r.folder);
  char folder[512];
  snprintf(folder, sizeof folder, "%s/udhr", r.folder);
  assert_int_equal(loci__file_readdir(r.context, folder, one_text, &r), 0);
  assert_true(r.n > 300);
  test_context_free(r.context);
}

static void captions(void **state) {
  (void)state;
  if (test_data("parallel/multi30k/train.de.gz") == NULL) skip();
  loci_context *context = test_context_new(2, NULL);
  static const char *const languages[] = {"de", "fr", "cs"};
  for (size_t i = 0; i < LOCI__COUNT(languages); i++) {
    char name[64], path[512], output[512], vocabulary[600];
    const char *folder = test_folder();
    snprintf(name, sizeof name, "parallel/multi30k/train.%s.gz", languages[i]);
    snprintf(path, sizeof path, "%s/text", folder);
    snprintf(output, sizeof output, "%s/text.vec", folder);
    snprintf(vocabulary, sizeof vocabulary, "%s.vocab", output);
    unpack("gzip -dc '%s' >'%s/text'", test_data(name), folder);
    check_split(context, path, LOCI_SPLIT_WORDS, "words");
    train_and_ask(context, path, output, vocabulary);
  }
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(declaration_of_human_rights), cmocka_unit_test(captions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
