/* The tokenizer by example; tests/golden holds the reference's answers in bulk (test_tokenizer_golden). */
#include "support.h"

#include <stdio.h>

#include "text/text.h"

static const char vocab[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nun\n##aff\n##able\n,\n!\nwant\n##ed\n\xE6\x9D\xB1\ne\n##e\nx\n";

static const char *folder_with(const char *name, const void *data, size_t length) {
  const char *folder = test_folder();
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  test_write(path, data, length);
  return folder;
}

static void expect(const loci_tokenizer *t, const char *text, size_t length, const int32_t *ids,
                   const uint32_t *offsets, size_t n) {
  loci_error error;
  for (int plain = 0; plain < 2; plain++) {
    loci_tokens tokens = {0};
    assert_ok((plain ? loci__tokenizer_encode_plain : loci_tokenizer_encode)(t, text, length, 0, &tokens, &error),
              &error);
    assert_int_equal(tokens.n_tokens, n);
    for (size_t i = 0; i < n; i++) {
      assert_int_equal(tokens.ids[i], ids[i]);
      assert_int_equal(tokens.starts[i], offsets[2 * i]);
      assert_int_equal(tokens.ends[i], offsets[2 * i + 1]);
    }
    loci_tokens_release(&tokens);
  }
}
#define EXPECT(t, text, ids, offsets) expect(t, text, sizeof(text) - 1, ids, offsets, LOCI__COUNT(ids))

static void words_are_cut(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci_tokenizer *t;
  assert_ok(loci_tokenizer_open(context, folder_with("vocab.txt", vocab, sizeof vocab - 1), &t, &error), &error);
  EXPECT(t, "UNaffable, the wanted!", ((int32_t[]){6, 7, 8, 9, 5, 11, 12, 10}),
         ((uint32_t[]){0, 2, 2, 5, 5, 9, 9, 10, 11, 14, 15, 19, 19, 21, 21, 22}));
  /* accents go, CJK stands alone, what has no pieces is unknown as a whole */
  EXPECT(t, "\xC3\xA9\xC3\x89 the\xE6\x9D\xB1the unwanted", ((int32_t[]){14, 15, 5, 13, 5, 1}),
         ((uint32_t[]){0, 2, 2, 4, 5, 8, 8, 11, 11, 14, 15, 23}));
  /* a control character vanishes from inside a word; so do bytes that are not UTF-8 */
  EXPECT(t, "t\x01he t\xFFhe \xE2\x82", ((int32_t[]){5, 5}), ((uint32_t[]){0, 4, 5, 9}));
  EXPECT(t, "x[MASK]the", ((int32_t[]){16, 4, 5}), ((uint32_t[]){0, 1, 1, 7, 7, 10}));
  expect(t, "", 0, NULL, NULL, 0);

  loci_tokens tokens;
  loci_tokens_init(&tokens);
  assert_ok(loci_tokenizer_encode(t, "the", 3, 1, &tokens, &error), &error);
  assert_int_equal(tokens.n_tokens, 3);
  assert_int_equal(tokens.ids[0], 2);
  assert_int_equal(tokens.ids[2], 3);
  assert_int_equal(tokens.ends[2], 0);
  loci_tokens_release(&tokens);

  loci__ids ids = {0};
  size_t whole;
  assert_ok(loci__tokenizer_ids(t, "the the the the", 15, true, 4, &ids, &whole, &error), &error);
  assert_int_equal(whole, 6);
  assert_int_equal(ids.n, 4);
  assert_int_equal(ids.items[0], 2);
  assert_int_equal(ids.items[2], 5);
  assert_int_equal(ids.items[3], 3);
  assert_int_equal(loci__tokenizer_ids(t, "the", 3, true, 1, &ids, NULL, &error), LOCI_ERROR_USAGE);
  loci__ids_release(&ids);

  assert_int_equal(loci_tokenizer_vocabulary_size(t), 17);
  assert_string_equal(loci_tokenizer_piece(t, 7), "##aff");
  assert_null(loci_tokenizer_piece(t, 17));
  assert_int_equal(loci_tokenizer_id(t, "##aff", 5), 7);
  assert_int_equal(loci_tokenizer_id(t, "aff", 3), -1);
  assert_int_equal(loci__tokenizer_unknown(t), 1);
  assert_int_equal(loci__tokenizer_specials(t), 2);
  loci_tokenizer_close(t);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_are_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
