/* Any bytes as a table of text: with and without a header; and its numbers as strtof reads them, written and read back. */
#include "format/vectors_private.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void number(const char *text, size_t length) {
  char copy[64], *end;
  if (length >= sizeof copy) length = sizeof copy - 1;
  memcpy(copy, text, length);
  copy[length] = '\0';
  float got = 0;
  const size_t used = loci__scan_float(copy, strlen(copy), &got);
  /* strtof also takes hexadecimal numbers, "nan(…)" and leading white space. */
  if (strpbrk(copy, "xX(") != NULL || (copy[0] >= '\t' && copy[0] <= ' ')) return;
  const float wanted = strtof(copy, &end);
  if (used != (size_t)(end - copy)) __builtin_trap();
  if (used == 0 || isnan(wanted)) return;
  if (memcmp(&got, &wanted, sizeof got) != 0) __builtin_trap();
  char out[32];
  const size_t n = loci__format_float(got, out);
  if (isfinite(got) && (loci__scan_float(out, n, &got) != n || memcmp(&got, &wanted, sizeof got) != 0))
    __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  loci_error error;
  const char *text = (const char *)data;
  number(text, size);
  loci_vectors *v = NULL;
  loci_vectors_options options = {.struct_size = sizeof options, .most = size % 3 == 0 ? 2 : 0};
  if (loci__vectors_parse(NULL, "fuzz", data, size, &options, &v, &error) != LOCI_OK) return 0;
  if (v->format == LOCI_VECTORS_TEXT || v->format == LOCI_VECTORS_GLOVE) {
    for (size_t i = 0; i < v->n; i++) {
      if (memchr(v->words[i], '\n', v->lengths[i]) != NULL) __builtin_trap();
      if (loci_vectors_find(v, v->words[i], v->lengths[i]) < 0) __builtin_trap();
    }
  }
  loci_vectors_close(v);
  return 0;
}
