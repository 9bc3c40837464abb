/* base/utf8.c: decoding with the maximal-subpart rule.
 *
 * The Unicode Standard, section 3.9, table 3-7 (well-formed sequences) and the practice "substitution of maximal
 * subparts" (table 3-8), which is what WHATWG decoders do. */
#include "base.h"

uint32_t loci__utf8_next(const char *text, size_t length, size_t *used, bool *valid) {
  const unsigned char *s = (const unsigned char *)text;
  unsigned char lead = s[0];
  if (valid != NULL) *valid = true;
  *used = 1;
  if (lead < 0x80) return lead;

  /* The range of the second byte depends on the lead; the others are always 80…BF. */
  size_t more;
  unsigned char low = 0x80, high = 0xBF;
  uint32_t scalar;
  if (lead >= 0xC2 && lead <= 0xDF) {
    more = 1;
    scalar = lead & 0x1Fu;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    more = 2;
    scalar = lead & 0x0Fu;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    more = 3;
    scalar = lead & 0x07u;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    if (valid != NULL) *valid = false;
    return LOCI__REPLACEMENT;
  }
  for (size_t i = 1; i <= more; i++) {
    if (i >= length || s[i] < low || s[i] > high) {
      if (valid != NULL) *valid = false;
      return LOCI__REPLACEMENT;
    }
    scalar = scalar << 6 | (s[i] & 0x3Fu);
    *used = i + 1;
    low = 0x80;
    high = 0xBF;
  }
  return scalar;
}

size_t loci__utf8_put(uint32_t scalar, char out[4]) {
  if (scalar > 0x10FFFF || (scalar >= 0xD800 && scalar <= 0xDFFF)) scalar = LOCI__REPLACEMENT;
  if (scalar < 0x80) {
    out[0] = (char)scalar;
    return 1;
  }
  if (scalar < 0x800) {
    out[0] = (char)(0xC0 | scalar >> 6);
    out[1] = (char)(0x80 | (scalar & 0x3F));
    return 2;
  }
  if (scalar < 0x10000) {
    out[0] = (char)(0xE0 | scalar >> 12);
    out[1] = (char)(0x80 | (scalar >> 6 & 0x3F));
    out[2] = (char)(0x80 | (scalar & 0x3F));
    return 3;
  }
  out[0] = (char)(0xF0 | scalar >> 18);
  out[1] = (char)(0x80 | (scalar >> 12 & 0x3F));
  out[2] = (char)(0x80 | (scalar >> 6 & 0x3F));
  out[3] = (char)(0x80 | (scalar & 0x3F));
  return 4;
}

/* Length of the leading run of ASCII, eight bytes at a time. */
static size_t ascii_run(const char *text, size_t length) {
  size_t i = 0;
  for (; i + 8 <= length; i += 8) {
    uint64_t word;
    memcpy(&word, text + i, 8);
    if ((word & 0x8080808080808080u) != 0) break;
  }
  while (i < length && (unsigned char)text[i] < 0x80) i++;
  return i;
}

bool loci__utf8_valid(const char *text, size_t length) {
  size_t at = 0;
  while (at < length) {
    at += ascii_run(text + at, length - at);
    if (at == length) break;
    size_t used;
    bool valid;
    loci__utf8_next(text + at, length - at, &used, &valid);
    if (!valid) return false;
    at += used;
  }
  return true;
}

void loci__utf8_repair(loci__buffer *out, const char *text, size_t length) {
  size_t at = 0, from = 0; /* text[from..at) is well-formed and not yet appended */
  while (at < length) {
    at += ascii_run(text + at, length - at);
    if (at == length) break;
    size_t used;
    bool valid;
    loci__utf8_next(text + at, length - at, &used, &valid);
    if (!valid) {
      loci__buffer_append(out, text + from, at - from);
      loci__buffer_append(out, "\xEF\xBF\xBD", 3);
      from = at + used;
    }
    at += used;
  }
  loci__buffer_append(out, text + from, at - from);
}
