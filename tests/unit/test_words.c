/* test_words.c: the tokenizer of full text: what is a word, folding, pairs, any bytes. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/words.h"

static int append(void *arg, const char *word, size_t length, size_t start, size_t end, bool same) {
  assert_true(end > start);
  strncat(arg, word, length);
  strcat(arg, same ? "+" : "|");
  return 0;
}

static void expect(const char *text, loci__words_mode mode, const char *expected) {
  char got[2048] = "";
  assert_int_equal(loci__words_each(text, strlen(text), mode, append, got), 0);
  if (strcmp(got, expected) != 0) fail_msg("'%s' gave '%s', not '%s'", text, got, expected);
}

static void words_of_many_scripts(void **state) {
  (void)state;
  const loci__words_mode d = LOCI__WORDS_DOCUMENT, q = LOCI__WORDS_QUERY;
  expect("", d, "");
  expect("  ... --", d, "");
  expect("Don't panic: 42 IPv6-adresses!", d, "don|t|panic|42|ipv6|adresses|");
  expect("caf\u00e9 CAF\u00c9 cafe\u0301", d, "cafe|cafe|cafe|");
  expect("Stra\u00dfe STRASSE", d, "strasse|strasse|");
  expect("\u039f\u03b4\u03cc\u03c2 \u039f\u0394\u039f\u03a3", d, "\u03bf\u03b4\u03bf\u03c3|\u03bf\u03b4\u03bf\u03c3|");
  expect("\u0451\u043b\u043a\u0430 \u0401\u041b\u041a\u0410 \u043c\u043e\u0439", d,
         "\u0435\u043b\u043a\u0430|\u0435\u043b\u043a\u0430|\u043c\u043e\u0439|");
  expect("\u0939\u093f\u0928\u094d\u0926\u0940", d, "\u0939\u093f\u0928\u094d\u0926\u0940|"); /* one word, marks kept */
  expect("\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", d, "\u05e9\u05dc\u05d5\u05dd|");       /* points dropped */
  expect("\uff21\uff22\uff23\uff11", d, "abc1|");
  expect("co\u00adoperate zero\u200bwidth", d, "cooperate|zerowidth|");
  /* Chinese: characters, and each pair at the place of its first. */
  expect("\u4e1c\u4eac\u5927\u5b66", d, "\u4e1c|\u4e1c\u4eac+\u4eac|\u4eac\u5927+\u5927|\u5927\u5b66+\u5b66|");
  expect("\u4e1c\u4eac\u5927\u5b66", q, "\u4e1c\u4eac|\u4eac\u5927|\u5927\u5b66|");
  expect("\u4e1c", q, "\u4e1c|");
  expect("\u30b3\u30fc\u30d2\u30fc", q, "\u30b3\u30fc|\u30fc\u30d2|\u30d2\u30fc|");
  expect("\uff76\uff85", q, "\u30ab\u30ca|"); /* half-width kana */
  expect("Linux\u7cfb\u7edfv2", d, "linux|\u7cfb|\u7cfb\u7edf+\u7edf|v2|");
  expect("\uc11c\uc6b8\uc5d0\uc11c", q, "\uc11c\uc6b8|\uc6b8\uc5d0|\uc5d0\uc11c|");
  expect("\u4e1c a \u4eac", q, "\u4e1c|a|\u4eac|");
  expect(
      "a\xff\xfe"
      "b\xc3",
      d, "a|b|");
  assert_int_equal(loci__words_count("\u4e1c\u4eac a b", 10), 4);
}

static void a_long_word_is_known_by_its_beginning(void **state) {
  (void)state;
  static char text[5000], got[6000];
  memset(text, 'x', 4000);
  got[0] = 0;
  loci__words_each(text, 4000, LOCI__WORDS_DOCUMENT, append, got);
  assert_int_equal(strlen(got), LOCI__WORD_MAX + 1);
  /* Never a cut character. */
  for (size_t i = 0; i < 4000; i += 2) memcpy(text + i, "\u0436", 2);
  got[0] = 0;
  loci__words_each(text, 4000, LOCI__WORDS_DOCUMENT, append, got);
  assert_true(loci__utf8_valid(got, strlen(got)));
}

typedef struct again {
  const char *word;
  size_t length;
  size_t n;
} again;

static int count_same(void *arg, const char *word, size_t length, size_t start, size_t end, bool same) {
  (void)start, (void)end, (void)same;
  again *a = arg;
  a->n++;
  return length != a->length || memcmp(word, a->word, length) != 0;
}

static int cut_again(void *arg, const char *word, size_t length, size_t start, size_t end, bool same) {
  (void)start, (void)end, (void)same;
  assert_true(length > 0 && length <= LOCI__WORD_MAX && loci__utf8_valid(word, length));
  assert_null(memchr(word, '"', length));
  assert_null(memchr(word, 0, length));
  again a = {word, length, 0};
  if (loci__words_each(word, length, LOCI__WORDS_QUERY, count_same, &a) != 0 || a.n != 1)
    fail_msg("U+%04X: a word cut again is not itself", *(unsigned *)arg);
  return 0;
}

static void cutting_again_changes_nothing(void **state) {
  (void)state;
  for (unsigned c = 0; c < 0x110000; c++) {
    if (c >= 0xD800 && c < 0xE000) continue;
    char text[16];
    size_t n = loci__utf8_put(c, text);
    loci__words_each(text, n, LOCI__WORDS_QUERY, cut_again, &c);
    text[0] = 'a'; /* between letters */
    n = 1 + loci__utf8_put(c, text + 1);
    text[n++] = 'b';
    loci__words_each(text, n, LOCI__WORDS_QUERY, cut_again, &c);
    loci__words_each(text, n, LOCI__WORDS_DOCUMENT, cut_again, &c);
  }
}

static int check_place(void *arg, const char *word, size_t length, size_t start, size_t end, bool same) {
  (void)same;
  assert_true(start < end && end <= *(size_t *)arg && length > 0 && word);
  return 0;
}

static void any_bytes_are_allowed(void **state) {
  (void)state;
  loci__random random;
  loci__random_init(&random, 5);
  for (int round = 0; round < 20000; round++) {
    char text[64];
    size_t n = loci__random_below(&random, sizeof text);
    for (size_t i = 0; i < n; i++) text[i] = (char)loci__random_below(&random, 256);
    assert_int_equal(loci__words_each(text, n, LOCI__WORDS_DOCUMENT, check_place, &n), 0);
    assert_int_equal(loci__words_each(text, n, LOCI__WORDS_QUERY, cut_again, &round), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_of_many_scripts),
      cmocka_unit_test(a_long_word_is_known_by_its_beginning),
      cmocka_unit_test(cutting_again_changes_nothing),
      cmocka_unit_test(any_bytes_are_allowed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
