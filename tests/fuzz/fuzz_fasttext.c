/* Any bytes as a fastText model: every word and some others are asked; and the n-grams of any bytes as a word, against
 * substrings cut one by one. */
#include "format/vectors_private.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool begins(char byte) {
  return ((unsigned char)byte & 0xc0) != 0x80;
}

static void ngrams(const char *word, size_t length) {
  char padded[66] = "<";
  if (length > 64) length = 64;
  memcpy(padded + 1, word, length);
  padded[length + 1] = '>';
  const size_t end = length + 2;
  int32_t ids[512];
  const size_t n = loci__fasttext_ngrams(word, length, 2, 5, 1000, ids, 512);
  size_t at = 0;
  for (size_t i = 0; i < end; i++) {
    if (!begins(padded[i])) continue;
    size_t characters = 1;
    for (size_t j = i + 1; j <= end && characters <= 5; j++) {
      if (j < end && !begins(padded[j])) continue;
      if (characters >= 2) {
        const int32_t wanted = (int32_t)(loci__fasttext_hash(padded + i, j - i) % 1000);
        if (at >= n || ids[at++] != wanted) __builtin_trap();
      }
      characters++;
    }
  }
  if (at != n && !(length == 4 && memcmp(word, "</s>", 4) == 0)) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  loci_error error;
  const char *bytes = (const char *)data;
  if (!(size >= 4 && memcmp(bytes, "</s>", 4) == 0)) ngrams(bytes, size);
  loci__fasttext *file = NULL;
  if (loci__fasttext_parse(NULL, "fuzz", data, size, true, &file, &error) == LOCI_OK) {
    if (file->input == NULL || file->output == NULL) __builtin_trap();
    loci__fasttext_close(file);
  }
  loci_vectors *v = NULL;
  if (loci__vectors_parse(NULL, "fuzz", data, size, NULL, &v, &error) != LOCI_OK) return 0;
  float *out = malloc(v->dim * sizeof *out);
  if (out != NULL) {
    (void)loci_vectors_get(v, "unseen", 6, out, &error);
    (void)loci_vectors_get(v, bytes, size < 20 ? size : 20, out, &error);
    for (size_t i = 0; i < v->n; i++)
      if (loci_vectors_get(v, v->words[i], v->lengths[i], out, &error) != LOCI_OK) __builtin_trap();
  }
  free(out);
  loci_vectors_close(v);
  return 0;
}
