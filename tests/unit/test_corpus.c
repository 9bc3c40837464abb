/* test_corpus.c: splitting. Word boundaries against Unicode's conformance file; the one-pass splitter against the rules one
 * by one, on random texts fed in random pieces; grapheme clusters against utf8proc; tables against utf8proc. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "text/split.h"
#include "text/wordbreak.h"

/* ---- words as a list of lines ---- */

typedef struct list {
  loci__buffer text;
} list;

static loci_status put_word(void *arg, const char *word, size_t length, loci_error *error) {
  (void)error;
  list *l = arg;
  assert_true(length > 0);
  loci__buffer_append(&l->text, word, length);
  loci__buffer_putc(&l->text, '|');
  return LOCI_OK;
}

static loci_status put_tokens(void *arg, const loci__token *tokens, size_t n, loci_error *error) {
  for (size_t i = 0; i < n; i++) {
    if (tokens[i].length == 0) {
      list *l = arg;
      loci__buffer_putc(&l->text, '\n');
      continue;
    }
    assert_int_equal(tokens[i].word[tokens[i].length], 0);
    assert_int_equal(tokens[i].hash, loci__word_hash_any(tokens[i].word, tokens[i].length));
    put_word(arg, tokens[i].word, tokens[i].length, error);
  }
  return LOCI_OK;
}

/* Fed in pieces of random length; seed 0: at once. */
static char *words_of(const loci__splitter *splitter, const char *text, size_t length, uint64_t seed, uint64_t *n_cut) {
  loci_error error;
  list l;
  loci__buffer_init(&l.text, NULL, 0);
  loci__split *split;
  assert_ok(loci__split_new(NULL, splitter, 1 + seed % 7, put_tokens, &l, &split, &error), &error);
  loci__random random;
  loci__random_init(&random, seed);
  loci__split_begin(split, 0);
  for (size_t at = 0; at < length;) {
    size_t n = seed == 0 ? length : 1 + (size_t)loci__random_below(&random, seed % 3 == 0 ? 3 : 40);
    if (n > length - at) n = length - at;
    /* A copy of its own, so that a sanitizer sees what is read behind it. */
    char *piece = malloc(n);
    memcpy(piece, text + at, n);
    assert_ok(loci__split_feed(split, piece, n, &error), &error);
    free(piece);
    at += n;
  }
  assert_ok(loci__split_end(split, &error), &error);
  if (n_cut != NULL) *n_cut = loci__split_n_cut(split);
  loci__split_free(split);
  return loci__buffer_take(&l.text);
}

static void check_words(loci_split split, loci_fold fold, const char *text, const char *expected) {
  loci__splitter splitter = {.split = split, .fold = fold, .ngram = 2, .max_word = 1024};
  for (uint64_t seed = 0; seed < 6; seed++) {
    char *got = words_of(&splitter, text, strlen(text), seed, NULL);
    assert_string_equal(got, expected);
    loci__free(NULL, got);
  }
}

/* ---- the oracle: rules one by one, on an array of scalars ---- */

static size_t scalars_of(const char *text, size_t length, uint32_t *out) {
  size_t n = 0, used;
  for (size_t at = 0; at < length; at += used) out[n++] = loci__utf8_next(text + at, length - at, &used, NULL);
  return n;
}

static bool is_ignored(uint32_t c) {
  unsigned class = loci__word_of(c)->class;
  return class == LOCI__WB_EXTEND || class == LOCI__WB_FORMAT || class == LOCI__WB_ZWJ;
}

static uint32_t fold_of(loci_fold fold, uint32_t c) {
  if (fold == LOCI_FOLD_NONE) return c;
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  return fold == LOCI_FOLD_LOWER ? (uint32_t)utf8proc_tolower((utf8proc_int32_t)c) : c;
}

static bool put_cut(loci__buffer *out, const loci__splitter *splitter, const uint32_t *text, size_t n) {
  size_t size = 0;
  bool cut = false;
  for (size_t i = 0; i < n && !cut; i++) {
    char bytes[4];
    size_t length = loci__utf8_put(fold_of(splitter->fold, text[i]), bytes);
    cut = size + length > splitter->max_word;
    if (cut) break;
    loci__buffer_append(out, bytes, length);
    size += length;
  }
  loci__buffer_putc(out, '|');
  return cut;
}

static char *plain_words(const loci__splitter *splitter, const char *text, size_t length, uint64_t *n_cut) {
  uint32_t *scalars = calloc(length + 1, sizeof *scalars);
  size_t n = scalars_of(text, length, scalars);
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  for (size_t begin = 0, end; begin < n; begin = end) {
    for (end = begin + 1; end < n && !loci__word_break(scalars, n, end);) end++;
    bool word = false;
    size_t from = begin;
    for (size_t i = begin; i < end; i++)
      word = word || ((loci__word_of(scalars[i])->flags & LOCI__WORD_ALNUM) != 0 && !is_ignored(scalars[i]));
    while (from < end && (loci__word_of(scalars[from])->flags & LOCI__WORD_SEPARATOR) != 0) from++;
    if (word) *n_cut += put_cut(&out, splitter, scalars + from, end - from);
    for (size_t i = begin; i < end; i++)
      if (scalars[i] == '\n') loci__buffer_putc(&out, '\n');
  }
  loci__buffer_append(&out, "", 0);
  free(scalars);
  return loci__buffer_take(&out);
}

static char *plain_space(const loci__splitter *splitter, const char *text, size_t length, uint64_t *n_cut) {
  uint32_t *scalars = calloc(length + 1, sizeof *scalars);
  size_t n = scalars_of(text, length, scalars);
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  for (size_t begin = 0; begin < n;) {
    size_t end = begin;
    while (end < n && !(scalars[end] == ' ' || (scalars[end] >= 9 && scalars[end] <= 13))) end++;
    if (end > begin) *n_cut += put_cut(&out, splitter, scalars + begin, end - begin);
    if (end < n && scalars[end] == '\n') loci__buffer_putc(&out, '\n');
    begin = end + 1;
  }
  loci__buffer_append(&out, "", 0);
  free(scalars);
  return loci__buffer_take(&out);
}

/* ---- random texts: characters that the rules speak of, more often than chance would have them ---- */

static const uint32_t interesting[] = {
    'a',     'Z',    '0',    '9',    '_',    '.',     ',',    ';',    ':',    '\'',   '"',     ' ',     ' ',
    '\n',    '\r',   '\t',   '-',    '!',    0,       0x85,   0xA0,   0xAD,   0xB7,   0xE9,    0xC9,    0x130,
    0x300,   0x308,  0x2019, 0x2028, 0x202F, 0x200B,  0x200C, 0x200D, 0x2060, 0xFEFF, 0x5D0,   0x5D1,   0x5F4,
    0x430,   0x416,  0x3A3,  0x30A2, 0x30FC, 0x3042,  0x4E00, 0x3000, 0xE01,  0xE33,  0xE31,   0x1780,  0x17D2,
    0x661,   0x66B,  0x640,  0x600,  0xD4E,  0x939,   0x94D,  0x200D, 0x1100, 0x1161, 0xAC00,  0x1F1E6, 0x1F1FF,
    0x1F468, 0x2764, 0xFE0F, 0x2139, 0x24C2, 0x1F3FB, 0xFF0E, 0xFF07, 0xFF9E, 0x1E9E, 0x10400, 0xFFFD,  0x10FFFF};

static size_t random_text(loci__random *random, char *text, size_t most) {
  size_t n = 0, wanted = (size_t)loci__random_below(random, most - 8);
  unsigned style = (unsigned)loci__random_below(random, 5);
  while (n < wanted) {
    uint64_t kind = loci__random_below(random, 20);
    if (style == 0 || kind < 9) { /* prose of ASCII */
      static const char letters[] = "etaoinshrdluETAON0123 ,.'_:;-\n  ";
      text[n++] = letters[loci__random_below(random, sizeof letters - 1)];
    } else if (kind == 9 && style != 1) { /* any byte */
      text[n++] = (char)loci__random_below(random, 256);
    } else if (kind == 10) { /* any scalar */
      n += loci__utf8_put((uint32_t)loci__random_below(random, 0x110000), text + n);
    } else {
      n += loci__utf8_put(interesting[loci__random_below(random, LOCI__COUNT(interesting))], text + n);
    }
  }
  return n;
}

static void test_random(void **state) {
  (void)state;
  loci__random random;
  loci__random_init(&random, 7);
  static char text[600];
  for (int round = 0; round < 30000; round++) {
    size_t n = random_text(&random, text, round % 50 == 0 ? sizeof text : 60);
    loci__splitter splitter = {.split = round % 3 == 0 ? LOCI_SPLIT_SPACE : LOCI_SPLIT_WORDS,
                               .fold = (loci_fold)(round % 7 % 3),
                               .max_word = round % 5 == 0 ? 4 + (size_t)loci__random_below(&random, 40) : 1024};
    uint64_t plain_cut = 0, cut;
    char *expected = splitter.split == LOCI_SPLIT_SPACE ? plain_space(&splitter, text, n, &plain_cut)
                                                        : plain_words(&splitter, text, n, &plain_cut);
    for (uint64_t seed = 0; seed < 3; seed++) {
      char *got = words_of(&splitter, text, n, seed == 0 ? 0 : seed + (uint64_t)round, &cut);
      if (strcmp(got, expected) != 0 || cut != plain_cut) {
        print_message("round %d, seed %d, max_word %zu:", round, (int)seed, splitter.max_word);
        for (size_t i = 0; i < n; i++) print_message(" %02x", (unsigned char)text[i]);
        print_message("\n%s\n%s\n", expected, got);
        fail();
      }
      loci__free(NULL, got);
    }
    loci__free(NULL, expected);
  }
}

/* ---- Unicode's own cases ---- */

static void test_conformance(void **state) {
  (void)state;
  const char *path = test_data("tokenizers/unicode/WordBreakTest.txt");
  if (path == NULL) skip();
  size_t length, n_cases = 0;
  char *file = test_read(path, &length);
  for (char *line = strtok(file, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    uint32_t text[64];
    bool breaks[65] = {false};
    size_t n = 0;
    for (char *at = line; *at != '\0' && *at != '#' && *at != '\t';) {
      if (strncmp(at, "\xC3\xB7", 2) == 0) { /* ÷ */
        breaks[n] = true;
        at += 2;
      } else if (strncmp(at, "\xC3\x97", 2) == 0) { /* × */
        at += 2;
      } else if (*at == ' ') {
        at++;
      } else {
        text[n++] = (uint32_t)strtoul(at, &at, 16);
      }
    }
    if (n == 0) continue;
    for (size_t i = 1; i < n; i++)
      if (loci__word_break(text, n, i) != breaks[i]) fail_msg("%s: boundary %zu", line, i);
    /* The one-pass splitter on the same. */
    char bytes[256];
    size_t size = 0;
    for (size_t i = 0; i < n; i++) size += loci__utf8_put(text[i], bytes + size);
    loci__splitter splitter = {.split = LOCI_SPLIT_WORDS, .fold = LOCI_FOLD_NONE, .max_word = 1024};
    uint64_t cut = 0;
    char *expected = plain_words(&splitter, bytes, size, &cut), *got = words_of(&splitter, bytes, size, 0, NULL);
    assert_string_equal(got, expected);
    loci__free(NULL, expected);
    loci__free(NULL, got);
    n_cases++;
  }
  free(file);
  assert_true(n_cases > 1800);
}

static void test_tables(void **state) {
  (void)state;
  for (uint32_t c = 0; c < 0x110000; c++) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    const loci__word_record *r = loci__word_of(c);
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    bool letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
    bool number = category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
    bool separator =
        (category >= UTF8PROC_CATEGORY_ZS && category <= UTF8PROC_CATEGORY_ZP) || category == UTF8PROC_CATEGORY_CC;
    assert_int_equal((r->flags & LOCI__WORD_ALNUM) != 0, letter || number);
    assert_int_equal((r->flags & LOCI__WORD_SEPARATOR) != 0, separator);
    assert_int_equal(c + (uint32_t)r->lower, utf8proc_tolower((utf8proc_int32_t)c));
  }
}

/* ---- by hand ---- */

static void test_examples(void **state) {
  (void)state;
  check_words(LOCI_SPLIT_WORDS, LOCI_FOLD_LOWER, "The cat's 3.14 e-mails, don\xE2\x80\x99t! __ a_b x.y 1,000.",
              "the|cat's|3.14|e|mails|don\xE2\x80\x99t|a_b|x.y|1,000|");
  check_words(LOCI_SPLIT_WORDS, LOCI_FOLD_LOWER, "\xC3\x89T\xC3\x89 \xD0\x9C\xD0\x98\xD0\xA0\n\xE4\xB8\xAD\xE6\x96\x87",
              "\xC3\xA9t\xC3\xA9|\xD0\xBC\xD0\xB8\xD1\x80|\n\xE4\xB8\xAD|\xE6\x96\x87|");
  check_words(LOCI_SPLIT_WORDS, LOCI_FOLD_ASCII, "\xC3\x89T\xC3\x89", "\xC3\x89t\xC3\x89|");
  check_words(LOCI_SPLIT_WORDS, LOCI_FOLD_NONE, "A.B. C", "A.B|C|");
  check_words(LOCI_SPLIT_SPACE, LOCI_FOLD_ASCII, "  The cat's,\tX\r\n\n \xC3\x89 ", "the|cat's,|x|\n\n\xC3\x89|");
  check_words(LOCI_SPLIT_SPACE, LOCI_FOLD_NONE,
              "a\xFF"
              "b \xE4\xB8 c",
              "a\xEF\xBF\xBD"
              "b|\xEF\xBF\xBD|c|");
  check_words(LOCI_SPLIT_CHARS, LOCI_FOLD_LOWER, "\xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97\xE3\x80\x82 A1",
              "\xE4\xB8\xAD\xE6\x96\x87|\xE6\x96\x87\xE5\xAD\x97|a1|");
  check_words(LOCI_SPLIT_CHARS, LOCI_FOLD_LOWER, "x, e\xCC\x81y\nab", "x|e\xCC\x81y|\nab|");
  check_words(LOCI_SPLIT_WORDS, LOCI_FOLD_LOWER, "", "");
}

/* ---- clusters: none is cut, none is lost ---- */

static void test_clusters(void **state) {
  (void)state;
  loci__random random;
  loci__random_init(&random, 11);
  static char text[300];
  static uint32_t scalars[300];
  for (int round = 0; round < 10000; round++) {
    size_t n = random_text(&random, text, 60), n_scalars = scalars_of(text, n, scalars), ngram = 1 + (size_t)round % 4;
    loci__splitter splitter = {.split = LOCI_SPLIT_CHARS, .fold = LOCI_FOLD_NONE, .ngram = ngram, .max_word = 1024};
    /* Plainly: clusters with utf8proc between separators; runs of those that have a letter or number; n-grams of runs. */
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    size_t starts[301], n_run = 0; /* of the run's clusters, and the end */
    utf8proc_int32_t grapheme = 0;
    for (size_t i = 0, end; i < n_scalars; i = end) {
      bool separator = (loci__word_of(scalars[i])->flags & LOCI__WORD_SEPARATOR) != 0, has = false;
      end = i + 1;
      grapheme = 0;
      while (!separator && end < n_scalars && (loci__word_of(scalars[end])->flags & LOCI__WORD_SEPARATOR) == 0 &&
             !utf8proc_grapheme_break_stateful((utf8proc_int32_t)scalars[end - 1], (utf8proc_int32_t)scalars[end],
                                               &grapheme))
        end++;
      for (size_t j = i; j < end; j++) has = has || (loci__word_of(scalars[j])->flags & LOCI__WORD_ALNUM) != 0;
      if (has) {
        starts[n_run++] = i;
        starts[n_run] = end;
      }
      if ((!has || end == n_scalars) && n_run > 0) {
        size_t size = n_run < ngram ? n_run : ngram;
        for (size_t j = 0; j + size <= n_run; j++)
          put_cut(&out, &splitter, scalars + starts[j], starts[j + size] - starts[j]);
        n_run = 0;
      }
      if (scalars[i] == '\n') loci__buffer_putc(&out, '\n');
    }
    loci__buffer_append(&out, "", 0);
    char *expected = loci__buffer_take(&out);
    for (uint64_t seed = 0; seed < 3; seed++) {
      char *got = words_of(&splitter, text, n, seed == 0 ? 0 : seed + (uint64_t)round, NULL);
      assert_string_equal(got, expected);
      loci__free(NULL, got);
    }
    loci__free(NULL, expected);
  }
}

static void test_text(void **state) {
  (void)state;
  loci_error error;
  list l;
  loci__buffer_init(&l.text, NULL, 0);
  loci__splitter splitter = {.split = LOCI_SPLIT_WORDS, .max_word = 8};
  uint64_t n_cut = 0;
  const char *text = "One two\nthree-hundredandfifty";
  assert_ok(loci__split_text(NULL, &splitter, text, strlen(text), put_word, &l, &n_cut, &error), &error);
  assert_string_equal(l.text.data, "one|two|three|hundreda|");
  assert_int_equal(n_cut, 1);
  loci__buffer_release(&l.text);
  splitter.max_word = 3;
  assert_int_equal(loci__split_text(NULL, &splitter, "a", 1, put_word, &l, NULL, &error), LOCI_ERROR_USAGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tables), cmocka_unit_test(test_conformance), cmocka_unit_test(test_examples),
      cmocka_unit_test(test_random), cmocka_unit_test(test_clusters),    cmocka_unit_test(test_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
