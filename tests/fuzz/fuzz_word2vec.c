/* Any bytes as a file of word vectors; those that are told to be word2vec's binary format are read by its own rule again.
 * Every word is found, at its first place. */
#include "format/vectors_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  loci_error error;
  loci_vectors *v = NULL;
  loci_vectors_options options = {.struct_size = sizeof options, .most = size % 3 == 0 ? 2 : 0};
  if (loci__vectors_parse(NULL, "fuzz", data, size, &options, &v, &error) != LOCI_OK) return 0;
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(v, &info);
  uint64_t n, dim;
  size_t used, again = 0;
  if (info.format == LOCI_VECTORS_WORD2VEC) {
    if (!loci__vectors_header((const char *)data, size, &n, &dim, &used) || info.dim != dim || info.n > n)
      __builtin_trap();
  }
  float sum = 0;
  for (size_t i = 0; i < info.n; i++) {
    size_t length;
    const char *word = loci_vectors_word(v, i, &length);
    const int64_t at = loci_vectors_find(v, word, length);
    if (at < 0 || (size_t)at > i || word[length] != '\0') __builtin_trap();
    again += (size_t)at < i;
    for (size_t j = 0; j < info.dim; j++) sum += loci_vectors_row(v, i)[j];
  }
  if (again != v->n_duplicates || (sum == 1.5f && info.n == 0)) __builtin_trap();
  loci_vectors_close(v);
  return 0;
}
