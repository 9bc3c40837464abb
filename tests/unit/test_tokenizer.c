/* The tokenizer by example; tests/golden holds the reference's answers in bulk (test_tokenizer_golden). */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

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

/* ---- what is refused ------------------------------------------------------------------------- */

#define MODEL(type) \
  "\"model\":{\"type\":\"" type "\",\"unk_token\":\"[UNK]\",\"vocab\":{\"[UNK]\":0,\"a\":1,\"##b\":2}}"
#define PRE "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}"

static void unknown_kinds_are_named(void **state) {
  (void)state;
  static const struct {
    const char *json;
    loci_status status;
    const char *says;
  } cases[] = {
      {"{" PRE "," MODEL("BPE") "}", LOCI_ERROR_UNSUPPORTED, "model 'BPE'"},
      {"{" PRE "," MODEL("Unigram") "}", LOCI_ERROR_UNSUPPORTED, "model 'Unigram'"},
      {"{" PRE ",\"normalizer\":{\"type\":\"NFKC\"}," MODEL("WordPiece") "}", LOCI_ERROR_UNSUPPORTED,
       "normalizer 'NFKC'"},
      {"{\"pre_tokenizer\":{\"type\":\"Metaspace\"}," MODEL("WordPiece") "}", LOCI_ERROR_UNSUPPORTED, "'Metaspace'"},
      {"{" MODEL("WordPiece") "}", LOCI_ERROR_UNSUPPORTED, "without pre_tokenizer"},
      {"{" PRE ",\"post_processor\":{\"type\":\"ByteLevel\"}," MODEL("WordPiece") "}", LOCI_ERROR_UNSUPPORTED,
       "'ByteLevel'"},
      {"{" PRE ",\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}", LOCI_ERROR_FORMAT, "'[UNK]' is not in"},
      {"{" PRE ",\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"a\":0}}}", LOCI_ERROR_FORMAT, "the id 0"},
      {"{" PRE ",\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":-1}}}", LOCI_ERROR_FORMAT, "a token id"},
      {"{" PRE ",\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":2000000000}}}", LOCI_ERROR_LIMIT, "2000000000"},
      {"{\"model\":7}", LOCI_ERROR_FORMAT, "not a tokenizer.json"},
      {"[", LOCI_ERROR_FORMAT, "tokenizer.json"},
  };
  loci_context *context = test_context_new(1, NULL);
  for (size_t i = 0; i < LOCI__COUNT(cases); i++) {
    loci_error error = {0};
    loci_tokenizer *t = NULL;
    const char *folder = folder_with("tokenizer.json", cases[i].json, strlen(cases[i].json));
    assert_int_equal(loci_tokenizer_open(context, folder, &t, &error), cases[i].status);
    assert_null(t);
    if (strstr(error.message, cases[i].says) == NULL || strstr(error.message, "tokenizer.json") == NULL)
      fail_msg("'%s' does not say '%s'", error.message, cases[i].says);
  }
  loci_error error;
  loci_tokenizer *t;
  assert_int_equal(loci_tokenizer_open(context, test_folder(), &t, &error), LOCI_ERROR_MODEL);
  assert_int_equal(loci_tokenizer_open(context, "/nowhere/at/all", &t, &error), LOCI_ERROR_IO);
  assert_int_equal(loci_tokenizer_open(context, folder_with("vocab.txt", "[UNK]\n\xFF\n", 8), &t, &error),
                   LOCI_ERROR_FORMAT);
  assert_int_equal(error.position, 6);
  assert_int_equal(loci_tokenizer_open(context, folder_with("vocab.txt", "[UNK]\na\n", 8), &t, &error),
                   LOCI_ERROR_FORMAT);
  test_context_free(context);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void fingerprint_of(const loci_tokenizer *t, char out[33]) {
  loci__hash *hash = loci__hash_new(NULL);
  assert_non_null(hash);
  loci__tokenizer_fingerprint(t, hash);
  loci__hash_hex(hash, out);
  loci__hash_free(NULL, hash);
}

/* The same rules from either kind of file are the same tokenizer; other rules are another. */
static void files_and_fingerprints(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci_tokenizer *t;
  char first[33], second[33];
  static const char small[] = "[UNK]\n[CLS]\n[SEP]\na\n##b\n";
  static const char json[] =
      "{\"truncation\":{\"max_length\":2,\"strategy\":\"LongestFirst\",\"stride\":0},\"padding\":{\"strategy\":{"
      "\"Fixed\":64}},"
      "\"added_tokens\":[{\"id\":0,\"content\":\"[UNK]\",\"special\":true},{\"id\":2,\"content\":\"[SEP]\",\"special\":"
      "true},"
      "{\"id\":1,\"content\":\"[CLS]\",\"special\":true}],\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":"
      "true,"
      "\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":false}," PRE
      ",\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",2],\"cls\":[\"[CLS]\",1]},"
      "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"max_input_chars_per_word\":100,"
      "\"vocab\":{\"##b\":4,\"a\":3,\"[SEP]\":2,\"[CLS]\":1,\"[UNK]\":0}}}";
  const char *folder = folder_with("vocab.txt", small, sizeof small - 1);
  assert_ok(loci_tokenizer_open(context, folder, &t, &error), &error);
  EXPECT(t, "aB", ((int32_t[]){3, 4}), ((uint32_t[]){0, 1, 1, 2}));
  fingerprint_of(t, first);
  loci_tokenizer_close(t);

  char path[4096];
  snprintf(path, sizeof path, "%s/tokenizer_config.json", folder);
  static const char config[] = "{\"do_lower_case\": false, \"unk_token\": {\"content\": \"[UNK]\"}}";
  test_write(path, config, sizeof config - 1);
  assert_ok(loci_tokenizer_open(context, folder, &t, &error), &error);
  EXPECT(t, "aB", ((int32_t[]){0}), ((uint32_t[]){0, 2}));
  fingerprint_of(t, second);
  assert_string_not_equal(first, second);
  loci_tokenizer_close(t);

  /* truncation and padding that are baked into the file are not looked at */
  assert_ok(loci_tokenizer_open(context, folder_with("tokenizer.json", json, sizeof json - 1), &t, &error), &error);
  EXPECT(t, "ab ab ab", ((int32_t[]){3, 4, 3, 4, 3, 4}), ((uint32_t[]){0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 7, 8}));
  loci_tokenizer_close(t);

  /* a line given twice: the later one counts */
  static const char twice[] = "[UNK]\n[CLS]\r\n[SEP]\na \na\n";
  assert_ok(loci_tokenizer_open(context, folder_with("vocab.txt", twice, sizeof twice - 1), &t, &error), &error);
  EXPECT(t, "a", ((int32_t[]){4}), ((uint32_t[]){0, 1}));
  assert_null(loci_tokenizer_piece(t, 3));
  loci_tokenizer_close(t);
  test_context_free(context);
}

/* ---- memory ---------------------------------------------------------------------------------- */

typedef struct meter {
  size_t now, peak, calls, fail_at; /* fail_at: the number of the call that fails, 0 = none */
} meter;

static void *meter_allocate(void *user, size_t size) {
  meter *m = user;
  if (++m->calls == m->fail_at) return NULL;
  size_t *block = malloc(size + 16);
  if (block == NULL) return NULL;
  block[0] = size;
  m->now += size;
  if (m->now > m->peak) m->peak = m->now;
  return block + 2;
}

static void meter_release(void *user, void *memory) {
  if (memory == NULL) return;
  size_t *block = (size_t *)memory - 2;
  ((meter *)user)->now -= block[0];
  free(block);
}

static void *meter_resize(void *user, void *memory, size_t size) {
  meter *m = user;
  if (memory == NULL) return meter_allocate(user, size);
  if (++m->calls == m->fail_at) return NULL;
  size_t *block = (size_t *)memory - 2, old = block[0];
  block = realloc(block, size + 16);
  if (block == NULL) return NULL;
  block[0] = size;
  m->now += size;
  if (m->now > m->peak) m->peak = m->now; /* old and new may have stood side by side */
  m->now -= old;
  return block + 2;
}

static loci_context *meter_context(meter *m) {
  loci_context_options options;
  loci_context *context;
  loci_error error;
  loci_context_options_init(&options);
  options.threads = 1;
  options.allocator = (loci_allocator){m, meter_allocate, meter_resize, meter_release};
  assert_ok(loci_context_new(&options, &context, &error), &error);
  return context;
}

/* Every allocation fails once: MEMORY, and nothing is lost. */
static void out_of_memory(void **state) {
  (void)state;
  static const char text[] =
      "foo Ab "
      "un\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC"
      "\x96\xCC\x81\xCC\x96"
      "\xCC\x81\xCC\x96\xCC\x81\xCC\x96 \xFF! abcdefghijklmnopqrstuvw [MASK]";
  for (int rules = 0; rules < 12; rules += 3) {
    char path[4096];
    snprintf(path, sizeof path, LOCI_SOURCE_DIR "/tests/golden/tokenizer/rules-%d.json", rules);
    bool done = false;
    for (size_t n = 1; !done; n++) {
      meter m = {0};
      loci_context *context = meter_context(&m);
      loci_error error = {0};
      loci_tokenizer *t = NULL;
      loci_tokens tokens = {0};
      loci__ids ids = {0};
      size_t before = m.now;
      m.fail_at = m.calls + n;
      loci_status status = loci_tokenizer_open(context, path, &t, &error);
      if (status == LOCI_OK) status = loci_tokenizer_encode(t, text, sizeof text - 1, 1, &tokens, &error);
      if (status == LOCI_OK) status = loci__tokenizer_ids(t, text, sizeof text - 1, true, 64, &ids, NULL, &error);
      done = m.calls < m.fail_at;
      if (done) assert_ok(status, &error);
      else assert_int_equal(status, LOCI_ERROR_MEMORY);
      loci_tokens_release(&tokens);
      loci__ids_release(&ids);
      loci_tokenizer_close(t);
      assert_int_equal(m.now, before);
      loci_context_free(context);
      assert_int_equal(m.now, 0);
    }
  }
}

/* ---- hostile shapes -------------------------------------------------------------------------- */

static const char *const shapes[] = {
    "a",                            /* unbroken */
    "unaff",                        /* unbroken, made of pieces */
    "\xCC\x81",                     /* all combining, in order */
    "\xCC\x81\xCC\x96",             /* all combining, out of order */
    "\xCD\x84\xE0\xBD\xB3",         /* combining that decompose */
    "\xF0\x9E\xA3\x90",             /* combining that is not stripped */
    "\xF0\x9F\x91\xA9\xE2\x80\x8D", /* ZWJ chain */
    "([{",                          /* nested brackets */
    "a.a.",                         /* abbreviations */
    "\n",
    " ",
    "\xE6\x9D\xB1", /* CJK */
    "\xEA\xB0\x81", /* Hangul: three Jamo each */
    "\xCE\x90",     /* decomposes to three */
    "\xFF",         /* not UTF-8 */
    "\xE2\x82",
    "[MAS", /* begins like an added token */
    "[MASK]",
    "[MASK] ",
    "qzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqz"
    " ", /* 98 unknown */
    "thethethethethethethethethethethethethethethethethethethethethethethethethethethethethethethetheq"
    "\xC3\xA9 ",
    "\x01",
    "\x00",
};

static double seconds_of(const loci_tokenizer *t, const char *text, size_t length, loci_tokens *tokens, bool plain) {
  loci_error error;
  clock_t begin = clock();
  assert_ok((plain ? loci__tokenizer_encode_plain : loci_tokenizer_encode)(t, text, length, 1, tokens, &error), &error);
  return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

/* R7: time(4n) ≤ 5 · time(n), n = 1 MB (a quarter of it for the plain encoder); ≤ 2 s a MB; memory ≤ 20 times the
 * input. Processor time, in pairs measured one after the other, up to eight pairs: a busy machine spoils some, a
 * quadratic step all of them. */
static void time_is_linear(void **state) {
  (void)state;
  enum { N = 1 << 20 };
#ifdef __GLIBC__
  /* Memory stays with the process: else the small arrays come from the heap and the large ones from fresh pages. */
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
  char *text = malloc(4 * N + 256);
  assert_non_null(text);
  loci_error error;
  loci_tokenizer *t;
  meter m = {0};
  loci_context *context = meter_context(&m);
  assert_ok(loci_tokenizer_open(context, folder_with("vocab.txt", vocab, sizeof vocab - 1), &t, &error), &error);
  for (size_t s = 0; s < LOCI__COUNT(shapes); s++) {
    size_t unit = shapes[s][0] == '\0' ? 1 : strlen(shapes[s]);
    for (size_t i = 0; i < 4 * N; i += unit) memcpy(text + i, shapes[s], unit);
    for (int plain = 0; plain < 2; plain++) {
      const size_t n = plain ? N / 4 : N;
      double best = 1e9, small = 0;
      for (int attempt = 0; attempt < 8 && best > 5; attempt++) {
        loci_tokens tokens = {0};
        small = seconds_of(t, text, n, &tokens, plain);
        loci_tokens_release(&tokens);
        size_t before = m.now;
        m.peak = before;
        double large = seconds_of(t, text, 4 * n, &tokens, plain);
        if (large < best * small) best = large / small;
        /* the tokens themselves (16 bytes each, while they grow half as much again) belong to the caller */
        size_t own = m.peak - before, results = 16 * tokens.capacity * 3 / 2;
        if (own > 20 * 4 * n + results) fail_msg("shape %zu: %zu bytes for a text of %zu", s, own, 4 * n);
        loci_tokens_release(&tokens);
      }
      if (best > 5)
        fail_msg("shape %zu, plain %d: %zu bytes take %.1f times as long as a quarter", s, plain, 4 * n, best);
      assert_true(small < 2);
    }
  }
  loci_tokenizer_close(t);
  loci_context_free(context);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_are_cut),          cmocka_unit_test(unknown_kinds_are_named),
      cmocka_unit_test(files_and_fingerprints), cmocka_unit_test(out_of_memory),
      cmocka_unit_test(time_is_linear),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
