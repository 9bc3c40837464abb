/* base/float_text.c: text to the nearest float and back, fast.
 *
 * Tables of vectors are hundreds of millions of short decimals, so the common case takes no library call: w · 10^e with
 * w < 2^53 and |e| ≤ 22 is one correctly rounded operation in double (Clinger 1990, "How to read floating point numbers
 * accurately"). Narrowing that double to float rounds a second time, which can differ from rounding once only when the
 * double lies exactly on the middle of two floats; then, and for all else, strtof decides. The result is strtof's for
 * every text.
 *
 * The way back tries 6, 7, 8 and 9 digits, as printf("%.6g") … would, until the text reads back as the same float: the
 * digits are one rounded product of the value and a power of ten. Where that product lies too near to the middle between
 * two integers for its last bit to be trusted, printf decides. tests/unit/test_float_text.c compares millions both ways.
 */
#include "base.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

enum { LONGEST = 256 };

static const double power_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The number is text[0…length): strtof in the C locale, whatever the process's is. */
static bool plain(const char *text, size_t length, float *out) {
  char copy[LONGEST];
  if (length >= sizeof copy) return false;
  const char *point = localeconv()->decimal_point;
  memcpy(copy, text, length);
  copy[length] = '\0';
  if (point != NULL && point[0] != '\0' && point[1] == '\0') {
    char *at = strchr(copy, '.');
    if (at != NULL) *at = point[0];
  }
  char *end;
  *out = strtof(copy, &end);
  return end == copy + length;
}

/* "nan", "inf", "infinity" in any case. */
static size_t scan_word(const char *text, size_t length, bool negative, float *out) {
  size_t used = 0;
  float value = 0;
  if (length >= 3 && strncasecmp(text, "nan", 3) == 0) {
    value = NAN;
    used = 3;
  } else if (length >= 8 && strncasecmp(text, "infinity", 8) == 0) {
    value = INFINITY;
    used = 8;
  } else if (length >= 3 && strncasecmp(text, "inf", 3) == 0) {
    value = INFINITY;
    used = 3;
  }
  if (used > 0) *out = negative ? -value : value;
  return used;
}

size_t loci__scan_float(const char *text, size_t length, float *out) {
  const char *at = text, *const end = text + length;
  bool negative = false;
  if (at < end && (*at == '-' || *at == '+')) negative = *at++ == '-';
  uint64_t w = 0;
  const char *const first = at;
  for (; at < end && (unsigned char)(*at - '0') < 10; at++) w = w * 10 + (uint64_t)(*at - '0');
  ptrdiff_t digits = at - first;
  int64_t exponent = 0;
  if (at < end && *at == '.') {
    const char *const fraction = ++at;
    for (; at < end && (unsigned char)(*at - '0') < 10; at++) w = w * 10 + (uint64_t)(*at - '0');
    exponent = fraction - at;
    digits += at - fraction;
  }
  if (digits == 0) {
    if (at != first) return 0; /* a lone point */
    const size_t used = scan_word(at, (size_t)(end - at), negative, out);
    return used > 0 ? (size_t)(at - text) + used : 0;
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    const char *e = at + 1;
    bool below = false;
    if (e < end && (*e == '-' || *e == '+')) below = *e++ == '-';
    if (e < end && (unsigned char)(*e - '0') < 10) {
      int64_t value = 0;
      for (; e < end && (unsigned char)(*e - '0') < 10; e++)
        if (value < 100000) value = value * 10 + (*e - '0');
      exponent += below ? -value : value;
      at = e;
    }
  }
  const size_t used = (size_t)(at - text);
  if (digits <= 19 && w < (UINT64_C(1) << 53) && exponent >= -22 && exponent <= 22) {
    const double value = exponent < 0 ? (double)w / power_of_ten[-exponent] : (double)w * power_of_ten[exponent];
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    /* 29 bits are cut off by narrowing: "one and then zeros" is the middle. */
    if ((bits & 0x1fffffff) != 0x10000000) {
      *out = negative ? -(float)value : (float)value;
      return used;
    }
  }
  return plain(text, used, out) ? used : 0;
}

/* ---- the way back ---- */

/* w · 10^-scale as the nearest float; false when narrowing could err. */
static bool nearest(int64_t w, int scale, float *out) {
  const double value = scale < 0 ? (double)w * power_of_ten[-scale] : (double)w / power_of_ten[scale];
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  *out = (float)value;
  return (bits & 0x1fffffff) != 0x10000000;
}

/* The digits of w (`precision` of them, the first one the place of 10^exponent) as printf's %g puts them. */
static size_t put_digits(bool negative, int64_t w, int precision, int exponent, char *out) {
  char digits[20];
  int n = precision;
  for (int i = precision - 1; i >= 0; i--, w /= 10) digits[i] = (char)('0' + w % 10);
  while (n > 1 && digits[n - 1] == '0') n--;
  char *at = out;
  if (negative) *at++ = '-';
  if (exponent < -4 || exponent >= precision) {
    *at++ = digits[0];
    if (n > 1) *at++ = '.';
    for (int i = 1; i < n; i++) *at++ = digits[i];
    const int size = exponent < 0 ? -exponent : exponent;
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    *at++ = (char)('0' + size / 10);
    *at++ = (char)('0' + size % 10);
  } else if (exponent < 0) {
    *at++ = '0';
    *at++ = '.';
    for (int i = -1; i > exponent; i--) *at++ = '0';
    for (int i = 0; i < n; i++) *at++ = digits[i];
  } else {
    for (int i = 0; i <= exponent; i++) *at++ = i < n ? digits[i] : '0';
    if (n > exponent + 1) *at++ = '.';
    for (int i = exponent + 1; i < n; i++) *at++ = digits[i];
  }
  *at = '\0';
  return (size_t)(at - out);
}

size_t loci__format_float(float value, char out[32]) {
  const bool negative = signbit(value) != 0;
  const double x = negative ? -(double)value : (double)value;
  if (x == 0) {
    memcpy(out, negative ? "-0" : "0", negative ? 3 : 2);
    return negative ? 2 : 1;
  }
  if (!(x >= 1e-13 && x < 1e15)) return loci__format_float_plain(value, out);
  int binary;
  frexp(x, &binary);
  /* ⌊log10 x⌋, or one less, then made exact; floats are never at a negative power of ten. */
  int exponent = (int)floor((binary - 1) * 0.30102999566398120);
  const int next = exponent + 1;
  if (next < 0 ? x * power_of_ten[-next] >= 1 : x >= power_of_ten[next]) exponent = next;
  for (int precision = 6; precision <= 9; precision++) {
    const int scale = precision - 1 - exponent;
    const double scaled = scale < 0 ? x / power_of_ten[-scale] : x * power_of_ten[scale];
    int64_t w = (int64_t)(scaled + 0.5);
    if (fabs(scaled - (double)w) > 0.5 - 1e-6) break; /* near the middle */
    float back;
    if (precision < 9 && (!nearest(w, scale, &back) || back != (float)x)) {
      if (!nearest(w, scale, &back)) break;
      continue;
    }
    int top = exponent;
    if (w >= (int64_t)power_of_ten[precision]) {
      w /= 10; /* 9.9999996 → 10.0000 */
      top++;
    }
    return put_digits(negative, w, precision, top, out);
  }
  return loci__format_float_plain(value, out);
}
