/* The tokenizer against the pinned reference: every scalar value, 110,000 generated strings, other rules.
 *
 * tests/golden/make_tokenizer_golden.py (which says what is hashed) asked the reference and stored hashes; this program
 * makes the same inputs and compares. Each input also goes through the plain encoder and the ids-only way, which must
 * agree with the fast one. MiniLM's vocabulary is needed for the first two and comes with the test models.
 */
#include "support.h"

#include "base/json.h"
#include "text/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define GOLDEN LOCI_SOURCE_DIR "/tests/golden/tokenizer/"

/* ---- the generator, as in the script --------------------------------------------------------- */

static struct {
  loci__json_document document;
  char *text;
  const loci__json *fragments, *ranges;
  const loci__json **fragment; /* by number */
  uint32_t (*range)[2];
} generator;

static uint64_t below(uint64_t *state, uint64_t n) { /* splitmix64 */
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return (z ^ z >> 31) % n;
}

/* Surrogates, too, as three bytes: they are not UTF-8. */
static void put_code(loci__buffer *out, uint32_t c) {
  char bytes[4];
  if (c >= 0xD800 && c <= 0xDFFF) {
    loci__buffer_putc(out, (char)(0xE0 | c >> 12));
    loci__buffer_putc(out, (char)(0x80 | (c >> 6 & 63)));
    loci__buffer_putc(out, (char)(0x80 | (c & 63)));
  } else {
    loci__buffer_append(out, bytes, loci__utf8_put(c, bytes));
  }
}

static void put_fragment(loci__buffer *out, uint64_t *state) {
  const loci__json *f = generator.fragment[below(state, generator.fragments->count)];
  loci__buffer_append(out, f->text, f->length);
}

static void generate(uint64_t seed, loci__buffer *out) {
  uint64_t state = seed;
  loci__buffer_clear(out);
  if (seed % 1000 == 7) {
    for (uint64_t n = 1 + below(&state, 3); n > 0; n--) {
      const uint32_t *range = generator.range[below(&state, generator.ranges->count)];
      if (below(&state, 2) != 0) put_code(out, range[0] + (uint32_t)below(&state, range[1] - range[0] + 1));
      else put_fragment(out, &state);
    }
    size_t unit = out->length;
    for (size_t times = 100000 / unit; times > 0; times--) {
      assert_true(loci__buffer_reserve(out, unit));
      loci__buffer_append(out, out->data, unit);
    }
    return;
  }
  for (uint64_t parts = below(&state, 14); parts > 0; parts--) {
    uint64_t kind = below(&state, 16);
    if (kind < 7) {
      put_fragment(out, &state);
    } else if (kind < 13) {
      const uint32_t *range = generator.range[below(&state, generator.ranges->count)];
      for (uint64_t n = 1 + below(&state, 6); n > 0; n--)
        put_code(out, range[0] + (uint32_t)below(&state, range[1] - range[0] + 1));
    } else if (kind == 13) {
      put_code(out, (uint32_t)below(&state, 0x110000));
    } else if (kind == 14) {
      for (uint64_t n = 1 + below(&state, 3); n > 0; n--) loci__buffer_putc(out, (char)(128 + below(&state, 128)));
    } else {
      loci__buffer_putc(out, (char)(97 + below(&state, 26)));
      for (uint64_t n = 1 + below(&state, 4); n > 0; n--) put_code(out, 0x300 + (uint32_t)below(&state, 0x70));
    }
    if (below(&state, 4) == 0) loci__buffer_putc(out, ' ');
  }
}

static int load_generator(void **state) {
  (void)state;
  loci_error error;
  size_t length;
  generator.text = test_read(GOLDEN "generator.json", &length);
  assert_ok(loci__json_parse(&generator.document, NULL, generator.text, length, "generator.json", &error), &error);
  generator.fragments = loci__json_get(generator.document.nodes, "fragments");
  generator.ranges = loci__json_get(generator.document.nodes, "ranges");
  generator.fragment = calloc(generator.fragments->count, sizeof *generator.fragment);
  generator.range = calloc(generator.ranges->count, sizeof *generator.range);
  assert_true(generator.fragment != NULL && generator.range != NULL);
  size_t i = 0;
  for (const loci__json *v = loci__json_first(generator.fragments); v != NULL;
       v = loci__json_next(generator.fragments, v))
    generator.fragment[i++] = v;
  i = 0;
  for (const loci__json *v = loci__json_first(generator.ranges); v != NULL; v = loci__json_next(generator.ranges, v)) {
    uint64_t a = 0, b = 0;
    const loci__json *low = loci__json_first(v);
    assert_true(loci__json_u64(low, &a) && loci__json_u64(loci__json_next(v, low), &b));
    generator.range[i][0] = (uint32_t)a;
    generator.range[i++][1] = (uint32_t)b;
  }
  return 0;
}

static int unload_generator(void **state) {
  (void)state;
  loci__json_release(&generator.document);
  free(generator.text);
  free(generator.fragment);
  free(generator.range);
  return 0;
}

/* ---- the reference's hashes ------------------------------------------------------------------ */

/* The stored hash of `<tokenizer> <kind> <block>`, or NULL behind the last one. */
static bool find_hash(const char *hashes, const char *tokenizer, const char *kind, size_t block, uint64_t *hash) {
  char key[96];
  snprintf(key, sizeof key, "\n%s %s %zu ", tokenizer, kind, block);
  const char *line = strstr(hashes, key);
  if (line == NULL) return false;
  *hash = strtoull(line + strlen(key), NULL, 16);
  return true;
}

static void put_u32(loci__buffer *out, uint32_t value) {
  unsigned char bytes[4] = {(unsigned char)value, (unsigned char)(value >> 8), (unsigned char)(value >> 16),
                            (unsigned char)(value >> 24)};
  loci__buffer_append(out, bytes, 4);
}

typedef struct session {
  const loci_tokenizer *tokenizer;
  const char *what;
  size_t block;
  loci_tokens tokens, plain;
  loci__ids ids;
  loci__buffer packed;
} session;

static void session_begin(session *s, const loci_tokenizer *tokenizer) {
  *s = (session){.tokenizer = tokenizer};
  loci__buffer_init(&s->packed, NULL, 0);
}

static void session_end(session *s) {
  loci_tokens_release(&s->tokens);
  loci_tokens_release(&s->plain);
  loci__ids_release(&s->ids);
  loci__buffer_release(&s->packed);
}

/* Encodes in the three ways, which must agree, and packs the answer behind the others. */
static void add_answer(session *s, const char *text, size_t length) {
  loci_error error;
  size_t whole;
  assert_ok(loci_tokenizer_encode(s->tokenizer, text, length, 1, &s->tokens, &error), &error);
  assert_ok(loci__tokenizer_encode_plain(s->tokenizer, text, length, 1, &s->plain, &error), &error);
  assert_ok(loci__tokenizer_ids(s->tokenizer, text, length, true, SIZE_MAX, &s->ids, &whole, &error), &error);
  size_t n = s->tokens.n_tokens;
  if (s->plain.n_tokens != n || s->ids.n != n || whole != n) fail_msg("%s: other numbers of tokens", s->what);
  if (n > 0 &&
      (memcmp(s->plain.ids, s->tokens.ids, n * 4) != 0 || memcmp(s->ids.items, s->tokens.ids, n * 4) != 0 ||
       memcmp(s->plain.starts, s->tokens.starts, n * 4) != 0 || memcmp(s->plain.ends, s->tokens.ends, n * 4) != 0 ||
       memcmp(s->plain.type_ids, s->tokens.type_ids, n * 4) != 0)) {
    char hex[2 * 64 + 1] = "";
    for (size_t i = 0; i < length && i < 64; i++) snprintf(hex + 2 * i, 3, "%02x", (unsigned char)text[i]);
    fail_msg("%s, block %zu: fast, plain and ids-only differ on %s", s->what, s->block, hex);
  }
  put_u32(&s->packed, (uint32_t)n);
  for (size_t i = 0; i < n; i++) {
    put_u32(&s->packed, (uint32_t)s->tokens.ids[i]);
    put_u32(&s->packed, (uint32_t)s->tokens.type_ids[i]);
    put_u32(&s->packed, s->tokens.starts[i]);
    put_u32(&s->packed, s->tokens.ends[i]);
    assert_int_equal(loci__tokenizer_type(s->tokenizer, true, n, i), s->tokens.type_ids[i]);
  }
}

static void check_block(session *s, uint64_t wanted) {
  loci_error error;
  assert_ok(loci__buffer_status(&s->packed, "answers", &error), &error);
  uint64_t hash = loci__hash64(s->packed.data, s->packed.length, 0);
  if (hash != wanted)
    fail_msg("%s, block %zu: hash %016" PRIx64 ", the reference's is %016" PRIx64, s->what, s->block, hash, wanted);
  loci__buffer_clear(&s->packed);
}

static size_t check_strings(const loci_tokenizer *tokenizer, const char *name, const char *hashes) {
  session s;
  loci__buffer text;
  uint64_t wanted;
  session_begin(&s, tokenizer);
  loci__buffer_init(&text, NULL, 0);
  s.what = name;
  for (; find_hash(hashes, name, "strings", s.block, &wanted); s.block++) {
    for (uint64_t i = 0; i < 1000; i++) {
      generate(s.block * 1000 + i, &text);
      add_answer(&s, text.length > 0 ? text.data : "", text.length);
    }
    check_block(&s, wanted);
  }
  loci__buffer_release(&text);
  session_end(&s);
  return s.block * 1000;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void open_minilm(loci_context *context, loci_tokenizer **out) {
  const char *folder = test_model("minilm");
  *out = NULL;
  if (folder == NULL) {
    print_message("[  NOTE  ] no test model 'minilm'\n");
    return;
  }
  loci_error error;
  assert_ok(loci_tokenizer_open(context, folder, out, &error), &error);
}

static void every_scalar_value(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_tokenizer *tokenizer;
  open_minilm(context, &tokenizer);
  if (tokenizer == NULL) {
    test_context_free(context);
    skip();
  }
  char *hashes = test_read(GOLDEN "hashes.txt", NULL);
  session s;
  session_begin(&s, tokenizer);
  size_t n = 0;
  for (int between = 0; between < 2; between++) {
    s.what = between ? "between" : "alone";
    for (uint32_t c = 0; c < 0x110000; c++) {
      char text[6] = "a";
      if (c < 0xD800 || c > 0xDFFF) {
        size_t length = loci__utf8_put(c, text + between);
        if (between) text[1 + length++] = 'b';
        add_answer(&s, text, length + (between ? 1 : 0));
        n++;
      }
      if (c % 4096 == 4095) {
        uint64_t wanted = 0;
        s.block = c / 4096;
        assert_true(find_hash(hashes, "minilm", s.what, s.block, &wanted));
        check_block(&s, wanted);
      }
    }
  }
  assert_int_equal(n, 2 * (0x110000 - 0x800));
  session_end(&s);
  free(hashes);
  loci_tokenizer_close(tokenizer);
  test_context_free(context);
}

static void generated_strings(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_tokenizer *tokenizer;
  open_minilm(context, &tokenizer);
  if (tokenizer == NULL) {
    test_context_free(context);
    skip();
  }
  char *hashes = test_read(GOLDEN "hashes.txt", NULL);
  assert_true(check_strings(tokenizer, "minilm", hashes) >= 100000);
  free(hashes);
  loci_tokenizer_close(tokenizer);
  test_context_free(context);
}

static void other_rules(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  char *hashes = test_read(GOLDEN "hashes.txt", NULL);
  loci_error error;
  for (int n = 0; n < 12; n++) {
    char path[4096], name[16];
    snprintf(name, sizeof name, "rules-%d", n);
    snprintf(path, sizeof path, GOLDEN "%s.json", name);
    loci_tokenizer *tokenizer;
    assert_ok(loci_tokenizer_open(context, path, &tokenizer, &error), &error);
    assert_true(check_strings(tokenizer, name, hashes) >= 10000);
    loci_tokenizer_close(tokenizer);
  }
  free(hashes);
  test_context_free(context);
}

/* The same answers written out, so that a difference can be read. */
static void readable_cases(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  size_t length;
  char *json = test_read(GOLDEN "cases.json", &length);
  loci__json_document document;
  assert_ok(loci__json_parse(&document, context, json, length, "cases.json", &error), &error);
  loci_tokenizer *tokenizer = NULL;
  char open_name[32] = "";
  loci_tokens tokens = {0};
  size_t n = 0;
  for (const loci__json *c = loci__json_first(document.nodes); c != NULL; c = loci__json_next(document.nodes, c)) {
    const loci__json *name = loci__json_get(c, "tokenizer"), *hex = loci__json_get(c, "hex");
    if (!loci__json_is(name, open_name)) {
      loci_tokenizer_close(tokenizer);
      snprintf(open_name, sizeof open_name, "%.*s", (int)name->length, name->text);
      if (strcmp(open_name, "minilm") == 0) {
        open_minilm(context, &tokenizer);
      } else {
        char path[4096];
        snprintf(path, sizeof path, GOLDEN "%s.json", open_name);
        assert_ok(loci_tokenizer_open(context, path, &tokenizer, &error), &error);
      }
    }
    if (tokenizer == NULL) continue;
    char *text = calloc(hex->length / 2 + 1, 1);
    assert_non_null(text);
    for (uint32_t i = 0; i < hex->length / 2; i++) {
      char two[3] = {hex->text[2 * i], hex->text[2 * i + 1], '\0'};
      text[i] = (char)strtol(two, NULL, 16);
    }
    assert_ok(loci_tokenizer_encode(tokenizer, text, hex->length / 2, 1, &tokens, &error), &error);
    const loci__json *lists[3] = {loci__json_get(c, "ids"), loci__json_get(c, "types"), loci__json_get(c, "offsets")};
    bool same = tokens.n_tokens == lists[0]->count;
    size_t i = 0;
    const loci__json *id = loci__json_first(lists[0]), *type = loci__json_first(lists[1]),
                     *offset = loci__json_first(lists[2]);
    for (; same && id != NULL; i++) {
      uint64_t a = 0, b = 0, start = 0, end = 0;
      const loci__json *first = loci__json_first(offset);
      assert_true(loci__json_u64(id, &a) && loci__json_u64(type, &b) && loci__json_u64(first, &start) &&
                  loci__json_u64(loci__json_next(offset, first), &end));
      same = tokens.ids[i] == (int32_t)a && tokens.type_ids[i] == (int32_t)b && tokens.starts[i] == start &&
             tokens.ends[i] == end;
      id = loci__json_next(lists[0], id);
      type = loci__json_next(lists[1], type);
      offset = loci__json_next(lists[2], offset);
    }
    if (!same) fail_msg("%s: %.*s: other tokens (near the %zuth)", open_name, (int)hex->length, hex->text, i);
    free(text);
    n++;
  }
  assert_true(n >= 100);
  loci_tokens_release(&tokens);
  loci_tokenizer_close(tokenizer);
  loci__json_release(&document);
  free(json);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(readable_cases),
      cmocka_unit_test(other_rules),
      cmocka_unit_test(every_scalar_value),
      cmocka_unit_test(generated_strings),
  };
  return cmocka_run_group_tests(tests, load_generator, unload_generator);
}
