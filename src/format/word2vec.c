/* format/word2vec.c: word2vec's binary format (Mikolov et al. 2013; word2vec.c, distance.c).
 *
 *   "n dim\n", then n times: the word's bytes, a space, dim float32 (little-endian), and mostly a '\n'
 *
 * The original program writes the '\n' behind a row and its readers drop every '\n' in front of a word; gensim writes none.
 * Rows lie at any alignment between the words, so they are copied.
 */
#include "vectors_private.h"

bool loci__word2vec_fits(const char *data, size_t length, uint64_t n, uint64_t dim) {
  if (dim > length / sizeof(float)) return false;
  size_t at = 0;
  for (uint64_t i = 0; i < n; i++) {
    while (at < length && data[at] == '\n') at++;
    const char *space = at < length ? memchr(data + at, ' ', length - at) : NULL;
    if (space == NULL) return false;
    at = (size_t)(space - data) + 1;
    if (length - at < dim * sizeof(float)) return false;
    at += (size_t)dim * sizeof(float);
  }
  while (at < length && data[at] == '\n') at++;
  return at == length;
}

loci_status loci__word2vec_read(loci_vectors *vectors, const loci__vectors_in *in, loci_error *error) {
  uint64_t promised, dim64;
  size_t at;
  if (!loci__vectors_header(in->data, in->length, &promised, &dim64, &at))
    return loci__fail_at(error, LOCI_ERROR_FORMAT, 0, "%s: no header of word2vec", vectors->path);
  /* A row takes its floats and at least the space. */
  const size_t left = in->length - at;
  if (dim64 == 0 || dim64 > left / sizeof(float) || promised > left / (dim64 * sizeof(float) + 1))
    return loci__fail_at(error, LOCI_ERROR_FORMAT, 0,
                         "%s: the header promises %llu words of %llu numbers, more than the file's %zu bytes can hold: "
                         "it is cut short, or no word2vec file",
                         vectors->path, (unsigned long long)promised, (unsigned long long)dim64, in->length);
  const size_t n = promised < in->most ? (size_t)promised : in->most;
  const size_t dim = (size_t)dim64, row = dim * sizeof(float);
  LOCI__TRY(loci__vectors_reserve(vectors, in, n, dim, true, error));
  for (size_t i = 0; i < n; i++) {
    while (at < in->length && in->data[at] == '\n') at++;
    const char *word = in->data + at;
    const char *space = at < in->length ? memchr(word, ' ', in->length - at) : NULL;
    if (space == NULL || (size_t)(space - word) > UINT32_MAX)
      return loci__fail_at(
          error, LOCI_ERROR_FORMAT, (int64_t)at,
          "%s: word %zu of %llu, at byte %zu, is not ended by a space: the file is cut short or broken", vectors->path,
          i + 1, (unsigned long long)promised, at);
    const size_t length = (size_t)(space - word);
    at += length + 1;
    if (in->length - at < row)
      return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)at,
                           "%s: the vector of word %zu of %llu, at byte %zu, is cut off by the end of the file",
                           vectors->path, i + 1, (unsigned long long)promised, at);
    vectors->words[i] = word;
    vectors->lengths[i] = (uint32_t)length;
    float *to = vectors->owned_rows + i * dim;
    memcpy(to, in->data + at, row);
    vectors->n_not_finite += loci__floats_odd(to, dim);
    at += row;
  }
  if (n == promised) {
    while (at < in->length && (in->data[at] == '\n' || in->data[at] == '\r')) at++;
    if (at < in->length)
      loci__log(vectors->context, LOCI_LOG_WARNING, "%s: %zu bytes behind the last of %zu words were not read",
                vectors->path, in->length - at, n);
  }
  return loci__vectors_own_words(vectors, in, error);
}
