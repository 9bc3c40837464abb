/* sentence.c: where sentences of running text end.
 *
 * Follows UAX #29 (sentence boundaries) where it matters: a terminator, its closing quotes and brackets, white space, and
 * not a lower-case letter behind (SB8, SB9–SB11); full-width terminators and those of other scripts end a sentence with
 * or without white space; a full stop inside a number or a word does not (SB6, SB7). Beyond it: an empty line ends a
 * sentence, and a full stop behind a known abbreviation, an initial or the number that opens a sentence does not.
 *
 * One pass; looking back from a full stop is bounded, so time is linear.
 */
#include "chunk.h"

#include <utf8proc.h>

enum { LONGEST_ABBREVIATION = 8 };

/* In lower case, without the full stop. Ambiguous ones ("no", "etc") are here: gluing two sentences costs less than
 * cutting one. */
static const char *const abbreviations[] = {
    "mr",  "mrs", "ms",   "dr",   "prof", "st",  "sr",  "jr",  "rev",  "gen",  "col",  "sgt",  "capt", "lt",     "hon",
    "vs",  "cf",  "eg",   "ie",   "e.g",  "i.e", "etc", "al",  "fig",  "figs", "eq",   "eqs",  "sec",  "ch",     "vol",
    "no",  "nos", "p",    "pp",   "ed",   "eds", "inc", "ltd", "corp", "co",   "dept", "univ", "assn", "approx", "ca",
    "est", "jan", "feb",  "mar",  "apr",  "jun", "jul", "aug", "sep",  "sept", "oct",  "nov",  "dec",  "a.m",    "p.m",
    "u.s", "u.k", "ph.d", "resp", "viz",  "z.b", "d.h", "bzw", "usw",  "nr",   "bspw", "vgl",
};

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Ends a sentence wherever it stands. */
static bool is_terminator(uint32_t c) {
  switch (c) {
    case 0x3002: /* 。 */
    case 0xFF61: /* ｡ */
    case 0xFF01: /* ！ */
    case 0xFF1F: /* ？ */
    case 0x0964: /* । */
    case 0x0965: /* ॥ */
    case 0x061F: /* ؟ */
    case 0x06D4: /* ۔ */
    case 0x0589: /* ։ */
    case 0x1362: /* ። */
    case 0x104B: /* ။ */
    case 0x17D4: /* ។ */ return true;
    default: return false;
  }
}

static bool is_closer(uint32_t c) {
  if (c < 128) return c == '"' || c == '\'' || c == ')' || c == ']' || c == '}';
  switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PF: return true;
    default: return c == 0x201C || c == 0x2018; /* German closes with what English opens with */
  }
}

/* Whether the full stop at text[at] belongs to what stands before it. `start` is where the sentence began. */
static bool is_abbreviation(const char *text, size_t start, size_t at) {
  size_t word = at;
  while (word > start && at - word <= LONGEST_ABBREVIATION && (is_letter(text[word - 1]) || text[word - 1] == '.'))
    word--;
  size_t length = at - word;
  if (length > 0 && length <= LONGEST_ABBREVIATION && (word == start || !((unsigned char)text[word - 1] & 0x80))) {
    if (length == 1 && text[word] >= 'A' && text[word] <= 'Z') return true; /* an initial */
    char lower[LONGEST_ABBREVIATION + 1];
    for (size_t i = 0; i < length; i++)
      lower[i] = (char)(is_letter(text[word + i]) ? text[word + i] | 32 : text[word + i]);
    lower[length] = 0;
    for (size_t i = 0; i < LOCI__COUNT(abbreviations); i++)
      if (!strcmp(lower, abbreviations[i])) return true;
    return false;
  }
  /* "1. Wash", "2.3. The name": the number that the sentence opens with. */
  size_t number = at;
  while (number > start && at - number < 12 && (is_digit(text[number - 1]) || text[number - 1] == '.')) number--;
  return number == start && number < at;
}

/* Behind a terminator that ends at `at`: its like, closing quotes and brackets. */
static size_t past_closers(const char *text, size_t length, size_t at) {
  while (at < length) {
    size_t used;
    uint32_t c = loci__utf8_next(text + at, length - at, &used, NULL);
    if (c != '.' && c != '!' && c != '?' && !is_terminator(c) && !is_closer(c)) break;
    at += used;
  }
  return at;
}

void loci__sentences(const char *text, size_t length, void (*each)(void *arg, size_t start, size_t length), void *arg) {
  size_t start = 0;
  while (start < length && is_space(text[start])) start++;
  for (size_t at = start; at < length;) {
    size_t end = 0; /* of the sentence, when one ends here */
    unsigned char c = (unsigned char)text[at];
    if (c == '\n') {
      size_t next = at + 1;
      while (next < length && (text[next] == ' ' || text[next] == '\t' || text[next] == '\r')) next++;
      if (next < length && text[next] == '\n') end = at;
      at = next;
    } else if (c == '.' || c == '!' || c == '?') {
      size_t behind = past_closers(text, length, at + 1);
      size_t next = behind;
      while (next < length && is_space(text[next])) next++;
      if (next > behind && next < length && !(c == '.' && behind == at + 1 && is_abbreviation(text, start, at))) {
        size_t used;
        uint32_t follows = loci__utf8_next(text + next, length - next, &used, NULL);
        if (utf8proc_category((utf8proc_int32_t)follows) != UTF8PROC_CATEGORY_LL) end = behind;
      }
      at = behind;
    } else if (c < 128) {
      at++;
    } else {
      size_t used;
      uint32_t scalar = loci__utf8_next(text + at, length - at, &used, NULL);
      at += used;
      if (is_terminator(scalar) || (scalar == 0x2026 && at < length && is_space(text[at]))) {
        size_t behind = past_closers(text, length, at), next = behind;
        while (next < length && is_space(text[next])) next++;
        uint32_t follows = next < length ? loci__utf8_next(text + next, length - next, &used, NULL) : 0;
        if (utf8proc_category((utf8proc_int32_t)follows) != UTF8PROC_CATEGORY_LL) end = behind;
        at = behind;
      }
    }
    if (!end) continue;
    size_t stop = end;
    while (stop > start && is_space(text[stop - 1])) stop--;
    if (stop > start) each(arg, start, stop - start);
    start = end;
    while (start < length && is_space(text[start])) start++;
    if (at < start) at = start;
  }
  size_t stop = length;
  while (stop > start && is_space(text[stop - 1])) stop--;
  if (stop > start) each(arg, start, stop - start);
}
