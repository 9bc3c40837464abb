/* base/string.c: small questions about strings, and numbers to text and back without the locale. */
#include "base.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool loci__starts_with(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool loci__ends_with(const char *text, const char *suffix) {
  size_t n = strlen(text), m = strlen(suffix);
  return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

bool loci__parse_u64(const char *text, uint64_t *out) {
  uint64_t value = 0;
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9') return false;
    if (__builtin_mul_overflow(value, 10u, &value)) return false;
    if (__builtin_add_overflow(value, (uint64_t)(*text - '0'), &value)) return false;
  }
  *out = value;
  return true;
}

/* strtod and printf follow the process's locale, which is the program's to set: the decimal point is put in and taken
 * out by hand, so that "0.5" means one half in every locale. */
static char decimal_point(void) {
  const char *point = localeconv()->decimal_point;
  return point != NULL && point[0] != '\0' && point[1] == '\0' ? point[0] : '.';
}

bool loci__parse_double(const char *text, size_t length, double *out) {
  char copy[64];
  if (length == 0 || length >= sizeof copy) return false;
  char point = decimal_point();
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    bool allowed = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == 'e' || c == 'E' || c == '.';
    if (!allowed) return false;
    copy[i] = c == '.' ? point : c;
  }
  copy[length] = '\0';
  char *end;
  double value = strtod(copy, &end);
  if (end != copy + length) return false;
  *out = value;
  return true;
}

static void restore_point(char *text) {
  char point = decimal_point();
  if (point == '.') return;
  char *at = strchr(text, point);
  if (at != NULL) *at = '.';
}

size_t loci__format_float_plain(float value, char out[32]) {
  if (!isfinite(value)) {
    memcpy(out, "null", 5);
    return 4;
  }
  /* 6 digits always suffice to write, 9 always to read back: try what lies between. */
  for (int digits = 6; digits <= 9; digits++) {
    snprintf(out, 32, "%.*g", digits, (double)value);
    if (digits == 9 || strtof(out, NULL) == value) break;
  }
  restore_point(out);
  return strlen(out);
}

size_t loci__format_double(double value, char out[32]) {
  if (!isfinite(value)) {
    memcpy(out, "null", 5);
    return 4;
  }
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(out, 32, "%.*g", digits, value);
    if (digits == 17 || strtod(out, NULL) == value) break;
  }
  restore_point(out);
  return strlen(out);
}
