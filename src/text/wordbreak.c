/* wordbreak.c: the word boundary rules of UAX #29 (Unicode 15.0), one by one, in their order and under their numbers.
 *
 * Plain on purpose: split.c is tested against it, and it against the conformance file of Unicode.
 */
#include "wordbreak.h"

static loci__word_class class_of(uint32_t c) {
  return (loci__word_class)loci__word_of(c)->class;
}

static bool is_newline(loci__word_class c) {
  return c == LOCI__WB_CR || c == LOCI__WB_LF || c == LOCI__WB_NEWLINE;
}

static bool is_ignored(loci__word_class c) {
  return c == LOCI__WB_EXTEND || c == LOCI__WB_FORMAT || c == LOCI__WB_ZWJ;
}

static bool is_letter(loci__word_class c) {
  return c == LOCI__WB_LETTER || c == LOCI__WB_HEBREW;
}

static bool is_mid_num_let_q(loci__word_class c) {
  return c == LOCI__WB_MID_NUM_LET || c == LOCI__WB_SINGLE_QUOTE;
}

/* The place of the last character before `at` that WB4 leaves standing; n when there is none. What is ignored needs
 * something before it that it hangs on: behind a line's end, or at the start, it stands for itself. */
static size_t before(const uint32_t *text, size_t n, size_t at) {
  while (at > 0) {
    at--;
    if (!is_ignored(class_of(text[at]))) return at;
    if (at == 0 || is_newline(class_of(text[at - 1]))) return at;
  }
  return n;
}

static size_t after(const uint32_t *text, size_t n, size_t at) {
  do at++;
  while (at < n && is_ignored(class_of(text[at])));
  return at < n ? at : n;
}

bool loci__word_break(const uint32_t *text, size_t n, size_t i) {
  loci__word_class last = class_of(text[i - 1]), next = class_of(text[i]);
  if (last == LOCI__WB_CR && next == LOCI__WB_LF) return false;                                           /* WB3 */
  if (is_newline(last)) return true;                                                                      /* WB3a */
  if (is_newline(next)) return true;                                                                      /* WB3b */
  if (last == LOCI__WB_ZWJ && (loci__word_of(text[i])->flags & LOCI__WORD_PICTOGRAPH) != 0) return false; /* WB3c */
  if (last == LOCI__WB_SPACE && next == LOCI__WB_SPACE) return false;                                     /* WB3d */
  if (is_ignored(next)) return false;                                                                     /* WB4 */

  size_t a = before(text, n, i), aa = a < n ? before(text, n, a) : n, bb = after(text, n, i);
  loci__word_class left = class_of(text[a]), right = next;
  loci__word_class left2 = aa < n ? class_of(text[aa]) : LOCI__WB_OTHER;
  loci__word_class right2 = bb < n ? class_of(text[bb]) : LOCI__WB_OTHER;
  if (is_letter(left) && is_letter(right)) return false; /* WB5 */
  if (is_letter(left) && (right == LOCI__WB_MID_LETTER || is_mid_num_let_q(right)) && is_letter(right2))
    return false; /* WB6 */
  if (is_letter(left2) && (left == LOCI__WB_MID_LETTER || is_mid_num_let_q(left)) && is_letter(right))
    return false;                                                                                           /* WB7 */
  if (left == LOCI__WB_HEBREW && right == LOCI__WB_SINGLE_QUOTE) return false;                              /* WB7a */
  if (left == LOCI__WB_HEBREW && right == LOCI__WB_DOUBLE_QUOTE && right2 == LOCI__WB_HEBREW) return false; /* WB7b */
  if (left2 == LOCI__WB_HEBREW && left == LOCI__WB_DOUBLE_QUOTE && right == LOCI__WB_HEBREW) return false;  /* WB7c */
  if (left == LOCI__WB_NUMERIC && right == LOCI__WB_NUMERIC) return false;                                  /* WB8 */
  if (is_letter(left) && right == LOCI__WB_NUMERIC) return false;                                           /* WB9 */
  if (left == LOCI__WB_NUMERIC && is_letter(right)) return false;                                           /* WB10 */
  if (left2 == LOCI__WB_NUMERIC && (left == LOCI__WB_MID_NUM || is_mid_num_let_q(left)) && right == LOCI__WB_NUMERIC)
    return false; /* WB11 */
  if (left == LOCI__WB_NUMERIC && (right == LOCI__WB_MID_NUM || is_mid_num_let_q(right)) && right2 == LOCI__WB_NUMERIC)
    return false;                                                            /* WB12 */
  if (left == LOCI__WB_KATAKANA && right == LOCI__WB_KATAKANA) return false; /* WB13 */
  bool joins = is_letter(left) || left == LOCI__WB_NUMERIC || left == LOCI__WB_KATAKANA;
  if ((joins || left == LOCI__WB_EXTEND_NUM_LET) && right == LOCI__WB_EXTEND_NUM_LET) return false; /* WB13a */
  if (left == LOCI__WB_EXTEND_NUM_LET && (is_letter(right) || right == LOCI__WB_NUMERIC || right == LOCI__WB_KATAKANA))
    return false; /* WB13b */
  if (left == LOCI__WB_REGIONAL && right == LOCI__WB_REGIONAL) {
    size_t run = 0; /* WB15, WB16: pairs from the first of the run */
    for (size_t at = i; (at = before(text, n, at)) < n && class_of(text[at]) == LOCI__WB_REGIONAL;) run++;
    return run % 2 == 0;
  }
  return true; /* WB999 */
}
