/* test_words_folder.c: tokenizers of words as tokenizer.json (Hugging Face's own ids, tests/golden/make_wordlevel.py), and
 * folders written from word vectors: they open again with the same splitting and give the vectors of the file.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "format/format.h"
#include "loci/model.h"
#include "loci/vectors.h"
#include "text/parts.h"

#define GOLDEN LOCI_SOURCE_DIR "/tests/golden/wordlevel/"

static char folder[64];
static loci_error error;

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "%s", test_folder());
  return 0;
}

static void compare_ids(const char *name, const loci__json *texts) {
  char path[512];
  size_t length;
  loci_tokenizer *t = NULL;
  snprintf(path, sizeof path, GOLDEN "%s.json", name);
  assert_ok(loci_tokenizer_open(NULL, path, &t, &error), &error);
  snprintf(path, sizeof path, GOLDEN "%s.ids", name);
  char *ids = test_read(path, &length), *line = ids;
  loci_tokens tokens = {0};
  for (const loci__json *v = loci__json_first(texts); v != NULL; v = loci__json_next(texts, v)) {
    assert_ok(loci_tokenizer_encode(t, v->text, v->length, 0, &tokens, &error), &error);
    char *end = strchr(line, '\n');
    *end = '\0';
    for (size_t i = 0; i < tokens.n_tokens; i++) {
      long id = -1, start = -1, stop = -1;
      int used = 0;
      if (sscanf(line, " %ld:%ld:%ld%n", &id, &start, &stop, &used) != 3 || id != tokens.ids[i] ||
          start != (long)tokens.starts[i] || stop != (long)tokens.ends[i])
        fail_msg("%s: token %zu of \"%.*s\" is %d:%u:%u, the reference has \"%.24s\"", name, i, (int)v->length, v->text,
                 tokens.ids[i], tokens.starts[i], tokens.ends[i], line);
      line += used;
    }
    if (*line != '\0') fail_msg("%s: the reference has more: \"%s\"", name, line);
    line = end + 1;
  }
  loci_tokens_release(&tokens);
  loci_tokenizer_close(t);
  free(ids);
}

static void test_golden(void **state) {
  (void)state;
  static const char *const names[] = {"whitespacesplit",  "whitespace",       "whitespace-cased", "bert",
                                      "loci-words-lower", "loci-words-ascii", "loci-words-none",  "loci-space-lower",
                                      "loci-space-ascii", "loci-space-none",  "loci-chars-lower", "loci-chars-ascii",
                                      "loci-chars-none"};
  size_t length;
  char *text = test_read(GOLDEN "texts.json", &length);
  loci__json_document document;
  assert_ok(loci__json_parse(&document, NULL, text, length, "texts.json", &error), &error);
  for (size_t i = 0; i < LOCI__COUNT(names); i++) compare_ids(names[i], document.nodes);
  loci__json_release(&document);
  free(text);
}

static const char *put(const char *name, const char *text) {
  static char paths[64][160];
  static int next;
  char *path = paths[next++ % 64];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  if (text != NULL) test_write(path, text, strlen(text));
  return path;
}

enum { DIM = 4, N_TEXTS = 5 };
static const char *const texts[N_TEXTS] = {"The Cat sat on a mat, 3.14 cats", "caf\xC3\xA9 CAF\xC3\x89 \xC4\xB0t",
                                           "nothing of this", "on the mat\xFF", "cat\xE6\x9D\xB1\xE4\xBA\xAC"};
static const char rows[] =
    "14 4\nthe 1 0 0.5 0.25\ncat 0 1 -0.75 0.1\nsat 0.3 0.3 0.3 0.3\nmat -1 0.2 0.01 0\nCat 0.7 -0.7 0 1\ncaf\xC3\xA9 "
    "0 0 "
    "1 0.9\n3.14 0.2 0.4 0.6 -0.8\na 0.1 0 0 1\nca 0.5 0.5 0 0\nat 0 0.5 0.5 0\nc 1 2 3 4\n\xE6\x9D\xB1 0 0 0 1\n[UNK] "
    "1 1 "
    "1 1\nt 0.3 0.2 0.1 0\n";

static void embed(const char *name, int normalize, float out[N_TEXTS][DIM], char fingerprint[33]) {
  loci_model *model = NULL;
  assert_ok(loci_model_open(NULL, name, &model, &error), &error);
  loci_text all[N_TEXTS];
  for (size_t i = 0; i < N_TEXTS; i++) all[i] = (loci_text){texts[i], strlen(texts[i])};
  loci_embed_options options;
  loci_embed_options_init(&options);
  options.normalize = normalize;
  assert_ok(loci_embed(model, all, N_TEXTS, &options, out[0], NULL, &error), &error);
  assert_ok(loci_model_fingerprint(model, fingerprint, &error), &error);
  loci_model_close(model);
}

static void convert(const char *from, const char *to, loci_precision precision) {
  loci_convert_options options;
  loci_convert_options_init(&options);
  options.precision = precision;
  char command[256];
  snprintf(command, sizeof command, "rm -rf '%s'", to);
  assert_int_equal(system(command), 0);
  assert_ok(loci_convert(NULL, from, &options, to, NULL, &error), &error);
}

static void compare(const char *file, const char *path, double tolerance) {
  float a[N_TEXTS][DIM], b[N_TEXTS][DIM];
  char fingerprints[2][33];
  embed(file, LOCI_NORMALIZE_YES, a, fingerprints[0]);
  embed(path, LOCI_NORMALIZE_YES, b, fingerprints[1]);
  for (size_t i = 0; i < N_TEXTS; i++)
    for (size_t d = 0; d < DIM; d++)
      if (!(fabs((double)a[i][d] - (double)b[i][d]) <= tolerance))
        fail_msg("%s and %s, text %zu: %g and %g", file, path, i, (double)a[i][d], (double)b[i][d]);
}

/* Every way of splitting and folding, every precision, mean and weights: the file's vectors and the folder's. */
static void test_folders(void **state) {
  (void)state;
  static const char *const cards[] = {NULL,
                                      "split: words\nfold: lower\n",
                                      "split: words\nfold: ascii\n",
                                      "split: words\nfold: none\n",
                                      "split: space\nfold: lower\nmax_word: 4\n",
                                      "split: space\nfold: none\n",
                                      "split: chars\nfold: lower\nngram: 1\n",
                                      "split: chars\nfold: lower\nngram: 2\n",
                                      "split: model\nsplit_model: \"" LOCI_SOURCE_DIR
                                      "/tests/golden/models/static-tiny/0_StaticEmbedding\"\n"};
  static const double tolerances[] = {1e-6, 2e-3, 2e-2};
  const char *file = put("v.vec", rows), *out = put("out", NULL);
  put("v.vec.vocab", "the 50\ncat 20\nsat 10\nmat 5\na 3\nt 2\n");
  char sif_file[200], sif_out[200], card[256];
  snprintf(sif_file, sizeof sif_file, "%s#sif", file);
  snprintf(sif_out, sizeof sif_out, "%s#sif", out);
  for (size_t c = 0; c < LOCI__COUNT(cards); c++) {
    if (cards[c] != NULL) {
      snprintf(card, sizeof card, "---\n%s---\n", cards[c]);
      put("v.vec.card.md", card);
    }
    /* A cased vocabulary without a second look in lower case: the file has one, the folder of a trainer has not. */
    const bool same = cards[c] == NULL || strstr(cards[c], "fold: lower") != NULL;
    for (int p = 0; p < 3 && same; p++) {
      convert(file, out, (loci_precision)p);
      compare(file, out, tolerances[p]);
      if (c < 8) compare(sif_file, sif_out, tolerances[p]);
    }
    convert(file, out, LOCI_PRECISION_F32);
    loci_model *model = NULL;
    assert_ok(loci_model_open(NULL, out, &model, &error), &error);
    loci__splitter splitter = {0};
    bool again = false;
    if (c < 8) {
      assert_true(loci__tokenizer_splitter(loci_model_tokenizer(model), &splitter, &again));
      assert_int_equal(again, cards[c] == NULL);
      assert_int_equal(splitter.max_word, c == 4 ? 4 : 1024);
      assert_int_equal(splitter.split, c < 4 ? LOCI_SPLIT_WORDS : c < 6 ? LOCI_SPLIT_SPACE : LOCI_SPLIT_CHARS);
      if (c >= 6) assert_int_equal(splitter.ngram, c - 5);
    }
    loci_model_close(model);
  }
}

/* A folder of a folder is the same model; its words are a table again. */
static void test_again(void **state) {
  (void)state;
  char card[64];
  snprintf(card, sizeof card, "---\nsplit: words\nfold: lower\n---\n");
  put("v.vec.card.md", card);
  const char *file = put("v.vec", rows), *out = put("out", NULL), *again = put("again", NULL);
  convert(file, out, LOCI_PRECISION_F32);
  convert(out, again, LOCI_PRECISION_F32);
  compare(file, again, 1e-6);
  loci_vectors *v = NULL;
  assert_ok(loci_vectors_open(NULL, out, NULL, &v, &error), &error);
  assert_int_equal(loci_vectors_find(v, "mat", 3), 3);
  loci_vectors_close(v);
}

/* Words that JSON cannot hold are left out. */
static void test_odd_words(void **state) {
  (void)state;
  const char *file = put("odd.vec", "3 2\n\xFF\xFE 1 0\ncat 0 1\nDog 1 1\n"), *out = put("odd", NULL);
  convert(file, out, LOCI_PRECISION_F32);
  loci_tokenizer *t = NULL;
  assert_ok(loci_tokenizer_open(NULL, out, &t, &error), &error);
  assert_int_equal(loci_tokenizer_vocabulary_size(t), 3);
  assert_int_equal(loci_tokenizer_id(t, "Dog", 3), 1);
  assert_int_equal(loci_tokenizer_id(t, "[UNK]", 5), 2);
  loci_tokenizer_close(t);
  file = put("none.vec", "1 2\n\xFF\xFE 1 0\n");
  assert_int_equal(loci_convert(NULL, file, NULL, put("none", NULL), NULL, &error), LOCI_ERROR_FORMAT);
}

static void refuse(const char *json, loci_status status) {
  loci_tokenizer *t = NULL;
  assert_int_equal(loci_tokenizer_open(NULL, put("t.json", json), &t, &error), status);
  loci_tokenizer_close(t);
}

static void test_refused(void **state) {
  (void)state;
#define MODEL "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"[UNK]\":1},\"unk_token\":\"[UNK]\"}"
#define PRE   ",\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"}"
  refuse("{" MODEL PRE "}", LOCI_OK);
  refuse("{" MODEL "}", LOCI_ERROR_UNSUPPORTED);
  refuse("{" MODEL ",\"pre_tokenizer\":{\"type\":\"Digits\"}}", LOCI_ERROR_UNSUPPORTED);
  refuse("{" MODEL PRE ",\"normalizer\":{\"type\":\"NFKC\"}}", LOCI_ERROR_UNSUPPORTED);
  refuse("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"b\"}" PRE "}", LOCI_ERROR_FORMAT);
  refuse("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0}}" PRE "}", LOCI_ERROR_FORMAT);
  refuse("{\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"b\"}" PRE "}", LOCI_ERROR_FORMAT);
  refuse("{" MODEL ",\"pre_tokenizer\":{\"type\":\"LociCharacters\",\"ngram\":0}}", LOCI_ERROR_FORMAT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden),    cmocka_unit_test(test_folders), cmocka_unit_test(test_again),
      cmocka_unit_test(test_odd_words), cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
