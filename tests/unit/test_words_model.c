/* test_words_model.c: a file of word vectors is a model: means and weights computed here by hand, the card's splitting,
 * places of words, fingerprints, what is refused.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "loci/model.h"
#include "model/words.h"
#include "text/parts.h"

static const char vectors[] =
    "6 3\n"
    "the 1 0 0\n"
    "cat 0 1 0\n"
    "dog 0 0.75 0.25\n"
    "Paris 0 0 1\n"
    "sat 0.5 0.5 0\n"
    "z\xC3\xB3\xC5\x82w 0.25 0 0.5\n"; /* żółw without its dot: "zółw" */

static char folder[64];

static const char *file(const char *name, const char *text) {
  static char path[4][192];
  static int next;
  char *out = path[next++ % 4];
  snprintf(out, sizeof path[0], "%s/%s", folder, name);
  if (text != NULL) test_write(out, text, strlen(text));
  return out;
}

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "%s", test_folder());
  file("v.vec", vectors);
  return 0;
}

static loci_model *open_model(const char *name) {
  loci_error error = {0};
  loci_model *model = NULL;
  assert_ok(loci_model_open(NULL, name, &model, &error), &error);
  return model;
}

static void embed(const loci_model *model, const char *text, int normalize, float out[3]) {
  loci_error error = {0};
  loci_embed_options options;
  loci_embed_options_init(&options);
  options.normalize = normalize;
  const loci_text one = {text, strlen(text)};
  assert_ok(loci_embed(model, &one, 1, &options, out, NULL, &error), &error);
}

static void expect(const loci_model *model, const char *text, double x, double y, double z) {
  float out[3];
  embed(model, text, LOCI_NORMALIZE_NO, out);
  const double wanted[3] = {x, y, z};
  for (int d = 0; d < 3; d++)
    if (fabs(out[d] - wanted[d]) > 1e-6) fail_msg("'%s'[%d]: %.9g, not %.9g", text, d, (double)out[d], wanted[d]);
}

static void test_mean(void **state) {
  (void)state;
  loci_model *m = open_model(file("v.vec", NULL));
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(m, &info);
  assert_string_equal(info.architecture, "words");
  assert_string_equal(info.pooling, "mean");
  assert_string_equal(info.name, "v.vec");
  assert_int_equal(info.dim, 3);
  assert_int_equal(info.vocabulary_size, 6);
  expect(m, "The cat sat.", 0.5, 0.5, 0);         /* "The" is not there, "the" is */
  expect(m, "cat cat dog", 0, 2.75 / 3, .25 / 3); /* a word counts as often as it stands there */
  expect(m, "Paris", 0, 0, 1);
  expect(m, "paris", 0, 0, 0); /* not the other way round */
  expect(m, "Z\xC3\x93\xC5\x81W!", .25, 0, .5);
  expect(m, "", 0, 0, 0);
  expect(m, "unknown words cat", 0, 1, 0);
  expect(m, "bad \xFF\xFE bytes, the\x00cat", 1, 0, 0);
  float out[3];
  embed(m, "xyzzy", LOCI_NORMALIZE_YES, out);
  assert_true(out[0] == 0 && out[1] == 0 && out[2] == 0);
  embed(m, "the cat", LOCI_NORMALIZE_YES, out);
  assert_true(fabs(out[0] - sqrt(.5)) < 1e-6 && fabs(out[1] - sqrt(.5)) < 1e-6);
  loci_model_close(m);
}

/* a / (a + p) */
static double weight(double p) {
  return 1e-3 / (1e-3 + p);
}

static void test_sif(void **state) {
  (void)state;
  char name[256];
  snprintf(name, sizeof name, "%s#sif", file("v.vec", NULL));
  loci_model *m = open_model(name);
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(m, &info);
  assert_string_equal(info.pooling, "sif");
  assert_string_equal(info.name, "v.vec#sif");
  const double h = 1 + 1. / 2 + 1. / 3 + 1. / 4 + 1. / 5 + 1. / 6;
  expect(m, "the Paris", weight(1 / h) / 2, 0, weight(1 / h / 4) / 2);
  /* A collection keeps the path, and it opens the same model. */
  loci_model *again = open_model(info.path);
  char a[33], b[33];
  loci_error error = {0};
  assert_ok(loci_model_fingerprint(m, a, &error), &error);
  assert_ok(loci_model_fingerprint(again, b, &error), &error);
  assert_string_equal(a, b);
  loci_model_close(again);
  loci_model_close(m);
  /* From counts beside the file; a word that has none is as rare as can be. */
  file("counted.vec", vectors);
  file("counted.vec.vocab", "the 70\ncat 20\ndog 10\n");
  snprintf(name, sizeof name, "%s#sif", file("counted.vec", NULL));
  m = open_model(name);
  expect(m, "the cat Paris", weight(.7) / 3, weight(.2) / 3, 1. / 3);
  assert_ok(loci_model_fingerprint(m, b, &error), &error);
  assert_string_not_equal(a, b);
  loci_model_close(m);
  file("counted.vec.vocab", "other 70\n");
  assert_int_equal(loci_model_open(NULL, name, &m, &error), LOCI_ERROR_FORMAT);
}

static void put_card(const char *name, const char *lines) {
  char text[1024];
  snprintf(text, sizeof text, "---\nlanguage: en\n%s---\n# card\nfold: none\n", lines);
  file(name, text);
}

static void test_card(void **state) {
  (void)state;
  file("s.vec", "4 3\na.b 1 0 0\na 0 1 0\nb 0 0 1\n\xD0\xB6 1 1 1\n");
  loci_model *m = open_model(file("s.vec", NULL));
  expect(m, "a.b", 1, 0, 0); /* UAX #29 does not cut it, either */
  expect(m, "a-b", 0, .5, .5);
  loci_model_close(m);
  put_card("s.vec.card.md", "split: space\nfold: lower\nmax_word: 1024\n");
  m = open_model(file("s.vec", NULL));
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(m, &info);
  assert_string_equal(info.language, "en");
  expect(m, "a-b A", 0, 1, 0);
  expect(m, "\xD0\x96", 1, 1, 1);
  char space[33], lower[33];
  loci_error error = {0};
  assert_ok(loci_model_fingerprint(m, space, &error), &error);
  loci_model_close(m);
  put_card("s.vec.card.md", "split: words\nfold: lower\n");
  m = open_model(file("s.vec", NULL));
  assert_ok(loci_model_fingerprint(m, lower, &error), &error);
  assert_string_not_equal(space, lower);
  loci_model_close(m);
  put_card("s.vec.card.md", "split: chars\nngram: 1\nfold: lower\n");
  m = open_model(file("s.vec", NULL));
  expect(m, "ab", 0, .5, .5);
  loci_model_close(m);
  put_card("s.vec.card.md", "split: magic\n");
  assert_int_equal(loci_model_open(NULL, file("s.vec", NULL), &m, &error), LOCI_ERROR_FORMAT);
  put_card("s.vec.card.md", "split: chars\nngram: 0\n");
  assert_int_equal(loci_model_open(NULL, file("s.vec", NULL), &m, &error), LOCI_ERROR_FORMAT);
  put_card("s.vec.card.md", "split: model\n");
  assert_int_equal(loci_model_open(NULL, file("s.vec", NULL), &m, &error), LOCI_ERROR_FORMAT);
  put_card("s.vec.card.md", "split: model\nsplit_model: \"/nowhere/at all\"\n");
  assert_int_equal(loci_model_open(NULL, file("s.vec", NULL), &m, &error), LOCI_ERROR_MODEL);
}

/* What is written into a card is read back. */
static void test_splitter_lines(void **state) {
  (void)state;
  for (int split = 0; split < 3; split++)
    for (int fold = 0; fold < 3; fold++) {
      const loci__splitter splitter = {.split = (loci_split)split, .fold = (loci_fold)fold, .ngram = 3, .max_word = 99};
      loci__buffer lines;
      loci__buffer_init(&lines, NULL, 0);
      loci__words_put_splitter(&lines, &splitter, NULL);
      put_card("v.vec.card.md", lines.data);
      loci__buffer_release(&lines);
      loci_model *m = open_model(file("v.vec", NULL));
      const loci__splitter *read = &m->tokenizer->splitter;
      assert_int_equal(read->split, split);
      assert_int_equal(read->fold, fold);
      assert_int_equal(read->ngram, split == LOCI_SPLIT_CHARS ? 3 : 2);
      assert_int_equal(read->max_word, 99);
      loci_model_close(m);
    }
  unlink(file("v.vec.card.md", NULL));
}

/* Ids with and without places are the same, and a place is the text that the word was made from. */
static void test_places(void **state) {
  (void)state;
  static const char *const texts[] = {"The cat, the dog.",
                                      "Z\xC3\x93\xC5\x81W  \xD0\x96\xD0\xB6\xD0\xB6 cat's 3.14",
                                      "bad \xFF cat \xE2\x82 dog",
                                      "\xE6\x9D\xB1\xE4\xBA\xAC cat\xF0\x9F\x90\x88the",
                                      "\xC4\xB0stanbul \xC8\xBA the",
                                      "",
                                      "   "};
  for (int fold = 0; fold < 3; fold++) {
    char card[64];
    static const char *const folds[] = {"lower", "ascii", "none"};
    for (int split = 0; split < 3; split++) {
      static const char *const splits[] = {"words", "space", "chars"};
      snprintf(card, sizeof card, "split: %s\nfold: %s\n", splits[split], folds[fold]);
      put_card("v.vec.card.md", card);
      loci_model *m = open_model(file("v.vec", NULL));
      const loci_tokenizer *t = loci_model_tokenizer(m);
      assert_int_equal(loci_tokenizer_vocabulary_size(t), 7);
      assert_string_equal(loci_tokenizer_piece(t, 6), "[UNK]");
      assert_int_equal(loci_tokenizer_id(t, "dog", 3), 2);
      assert_int_equal(loci_tokenizer_id(t, "nothing", 7), -1);
      for (size_t i = 0; i < LOCI__COUNT(texts); i++) {
        loci_error error = {0};
        loci_tokens tokens = {0};
        loci__ids ids = {0};
        const size_t length = strlen(texts[i]);
        assert_ok(loci_tokenizer_encode(t, texts[i], length, 1, &tokens, &error), &error);
        assert_ok(loci__tokenizer_ids(t, texts[i], length, true, SIZE_MAX, &ids, NULL, &error), &error);
        assert_int_equal(tokens.n_tokens, ids.n);
        for (size_t k = 0; k < ids.n; k++) {
          assert_int_equal(tokens.ids[k], ids.items[k]);
          assert_true(tokens.starts[k] < tokens.ends[k] && tokens.ends[k] <= length);
          if (k > 0) assert_true(tokens.starts[k] > tokens.starts[k - 1]);
          if (tokens.ids[k] == 1) assert_memory_equal(texts[i] + tokens.starts[k], "cat", 3);
          if (tokens.ids[k] == 5) assert_int_equal(tokens.ends[k] - tokens.starts[k], 6);
        }
        loci_tokens_release(&tokens);
        loci__ids_release(&ids);
      }
      loci_model_close(m);
    }
  }
  unlink(file("v.vec.card.md", NULL));
}

static void test_refused(void **state) {
  (void)state;
  loci_error error = {0};
  loci_model *m;
  assert_int_equal(loci_model_open(NULL, file("nothing.vec", NULL), &m, &error), LOCI_ERROR_MODEL);
  assert_int_equal(loci_model_open(NULL, file("junk.bin", "\x01\x02\x03"), &m, &error), LOCI_ERROR_FORMAT);
  assert_non_null(strstr(error.message, "junk.bin"));
  char name[256];
  snprintf(name, sizeof name, "%s#sif", LOCI_SOURCE_DIR "/tests/golden/models/static-tiny");
  assert_int_equal(loci_model_open(NULL, name, &m, &error), LOCI_ERROR_UNSUPPORTED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_mean),           cmocka_unit_test(test_sif),    cmocka_unit_test(test_card),
      cmocka_unit_test(test_splitter_lines), cmocka_unit_test(test_places), cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
