/* loci_embed_inputs, loci_embed_tokens, loci_tokenizer_decode: token ids are their text; cutting at the beginning; vectors of
 * tokens are what pooling averages; decoding is the reference's (tests/golden/make_decode.py). */
#include "support.h"

#include "base/json.h"
#include "loci/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static loci_error error;
static loci_context *context;
static loci_model *model;

static const char built_in[] = LOCI_SOURCE_DIR "/models/loci-static-en";

static int open_model(void **state) {
  (void)state;
  context = test_context_new(2, NULL);
  assert_ok(loci_model_open(context, built_in, &model, &error), &error);
  return 0;
}

static int close_model(void **state) {
  (void)state;
  loci_model_close(model);
  test_context_free(context);
  return 0;
}

static size_t width(const loci_model *m) {
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(m, &info);
  return info.dim;
}

/* Ids with and without special tokens, beside the text itself. */
static void check_ids(const loci_model *m, const loci_embed_options *options) {
  static const char *const texts[] = {"how to fix a slow laptop", "", "Zwölf Boxkämpfer",
                                      "one two three four five six seven"};
  const size_t dim = width(m);
  for (size_t i = 0; i < LOCI__COUNT(texts); i++) {
    loci_tokens bare, framed;
    loci_tokens_init(&bare);
    loci_tokens_init(&framed);
    const loci_tokenizer *t = loci_model_tokenizer(m);
    assert_ok(loci_tokenizer_encode(t, texts[i], strlen(texts[i]), 0, &bare, &error), &error);
    assert_ok(loci_tokenizer_encode(t, texts[i], strlen(texts[i]), 1, &framed, &error), &error);
    static const int32_t nothing[1];
    const loci_input inputs[] = {{.data = texts[i], .length = strlen(texts[i])},
                                 {.ids = bare.ids ? bare.ids : nothing, .n_ids = bare.n_tokens},
                                 {.ids = framed.ids, .n_ids = framed.n_tokens}};
    float *vectors = malloc(3 * dim * sizeof *vectors), *alone = malloc(dim * sizeof *alone);
    loci_embed_info infos[3], info;
    assert_ok(loci_embed_inputs(m, inputs, 3, options, vectors, infos, &error), &error);
    const loci_text text = {texts[i], strlen(texts[i])};
    assert_ok(loci_embed(m, &text, 1, options, alone, &info, &error), &error);
    for (size_t k = 0; k < 3; k++) {
      assert_memory_equal(vectors + k * dim, alone, dim * sizeof *alone);
      assert_int_equal(infos[k].n_tokens, info.n_tokens);
      assert_int_equal(infos[k].n_tokens_whole, info.n_tokens_whole);
    }
    free(vectors);
    free(alone);
    loci_tokens_release(&bare);
    loci_tokens_release(&framed);
  }
}

static void test_ids(void **state) {
  (void)state;
  loci_embed_options options;
  loci_embed_options_init(&options);
  check_ids(model, NULL);
  options.max_tokens = 4;
  check_ids(model, &options);
  options.on_long = LOCI_ON_LONG_TRUNCATE_START;
  check_ids(model, &options);
  const int32_t wrong[] = {5, 1 << 30}, negative[] = {-1};
  float vector[1024];
  loci_input input = {.ids = wrong, .n_ids = 2};
  assert_int_equal(loci_embed_inputs(model, &input, 1, NULL, vector, NULL, &error), LOCI_ERROR_USAGE);
  input = (loci_input){.ids = negative, .n_ids = 1};
  assert_int_equal(loci_embed_inputs(model, &input, 1, NULL, vector, NULL, &error), LOCI_ERROR_USAGE);
}

static void test_encoder(void **state) {
  (void)state;
  const char *folder = test_model("minilm");
  if (folder == NULL) skip();
  loci_model *mini;
  assert_ok(loci_model_open(context, folder, &mini, &error), &error);
  loci_embed_options options;
  loci_embed_options_init(&options);
  check_ids(mini, NULL);
  options.max_tokens = 5;
  check_ids(mini, &options);
  options.on_long = LOCI_ON_LONG_TRUNCATE_START;
  check_ids(mini, &options);
  /* Cut at its beginning, a text is its end. */
  const loci_text whole = {"red green blue yellow", 21}, end = {"green blue yellow", 17};
  float a[384], b[384];
  loci_embed_info info;
  assert_ok(loci_embed(mini, &whole, 1, &options, a, &info, &error), &error);
  assert_true(info.truncated && info.n_tokens == 5 && info.n_tokens_whole == 6);
  assert_ok(loci_embed(mini, &end, 1, NULL, b, NULL, &error), &error);
  assert_memory_equal(a, b, sizeof a);
  /* The mean of the tokens' vectors, scaled to length 1, is the vector. */
  loci_token_vectors tokens;
  const loci_input input = {.data = end.data, .length = end.length};
  assert_ok(loci_embed_tokens(mini, &input, NULL, &tokens, &info, &error), &error);
  assert_int_equal(tokens.n_tokens, 5);
  assert_int_equal(tokens.dim, 384);
  assert_int_equal(tokens.ids[0], 101);
  double mean[384] = {0}, norm = 0;
  for (size_t d = 0; d < 384; d++) {
    for (size_t t = 0; t < 5; t++) mean[d] += (double)tokens.vectors[t * 384 + d] / 5;
    norm += mean[d] * mean[d];
  }
  for (size_t d = 0; d < 384; d++) assert_true(fabs(mean[d] / sqrt(norm) - (double)b[d]) < 1e-6);
  loci_token_vectors_release(&tokens);
  loci_model_close(mini);
}

static void test_static_tokens(void **state) {
  (void)state;
  const loci_input input = {.data = "slow laptop", .length = 11}, empty = {.data = "", .length = 0};
  loci_token_vectors tokens;
  loci_embed_info info;
  assert_ok(loci_embed_tokens(model, &input, NULL, &tokens, &info, &error), &error);
  assert_int_equal(tokens.n_tokens, 2);
  const loci_text one = {"slow", 4};
  loci_embed_options options;
  loci_embed_options_init(&options);
  options.normalize = LOCI_NORMALIZE_NO;
  float vector[1024];
  assert_ok(loci_embed(model, &one, 1, &options, vector, NULL, &error), &error);
  assert_memory_equal(vector, tokens.vectors, tokens.dim * sizeof *vector);
  loci_token_vectors_release(&tokens);
  assert_ok(loci_embed_tokens(model, &empty, NULL, &tokens, NULL, &error), &error);
  assert_int_equal(tokens.n_tokens, 0);
  loci_token_vectors_release(&tokens);
}

static void check_decoded(const loci__json *ids, const loci__json *wanted, int skip_special) {
  int32_t list[256];
  size_t n = 0, length;
  for (const loci__json *v = loci__json_first(ids); v != NULL; v = loci__json_next(ids, v)) {
    uint64_t id;
    assert_true(loci__json_u64(v, &id) && n < LOCI__COUNT(list));
    list[n++] = (int32_t)id;
  }
  char *text;
  assert_ok(loci_tokenizer_decode(loci_model_tokenizer(model), list, n, skip_special, &text, &length, &error), &error);
  if (length != wanted->length || memcmp(text, wanted->text, length) != 0)
    fail_msg("'%s', and not '%.*s'", text, (int)wanted->length, wanted->text);
  loci_memory_free(context, text);
}

static void test_decode(void **state) {
  (void)state;
  size_t length, n = 0;
  char *file = test_read(LOCI_SOURCE_DIR "/tests/golden/decode.json", &length);
  loci__json_document document;
  assert_ok(loci__json_parse(&document, context, file, length, "decode.json", &error), &error);
  const loci__json *cases = loci__json_get(document.nodes, "cases");
  for (const loci__json *c = loci__json_first(cases); c != NULL; c = loci__json_next(cases, c), n++) {
    check_decoded(loci__json_get(c, "ids"), loci__json_get(c, "text"), 1);
    check_decoded(loci__json_get(c, "ids"), loci__json_get(c, "whole"), 0);
  }
  assert_int_equal(n, 134);
  loci__json_release(&document);
  free(file);
  const int32_t none[] = {1 << 29};
  char *text;
  assert_int_equal(loci_tokenizer_decode(loci_model_tokenizer(model), none, 1, 1, &text, NULL, &error),
                   LOCI_ERROR_USAGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_ids), cmocka_unit_test(test_encoder),
                                     cmocka_unit_test(test_static_tokens), cmocka_unit_test(test_decode)};
  return cmocka_run_group_tests(tests, open_model, close_model);
}
