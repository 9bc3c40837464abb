/* format/vectors_private.h: between the readers of word vectors.
 *
 * A reader is given an empty table with `context`, `path` and `format` set, and the bytes. It calls
 * loci__vectors_reserve once it knows how much there is (and has held that against the bytes: what is promised in a header
 * is never allocated on trust), fills rows, points words[i] into the bytes, and calls loci__vectors_own_words. The caller
 * makes the index, and closes the table when the reader fails.
 */
#ifndef LOCI_FORMAT_VECTORS_PRIVATE_H
#define LOCI_FORMAT_VECTORS_PRIVATE_H

#include "vectors.h"

typedef struct loci__vectors_in {
  const char *data;
  size_t length;
  const char *labels;
  size_t max_memory, most; /* SIZE_MAX = no limit */
} loci__vectors_in;

/* Counts `bytes` for `what` against max_memory: LIMIT. */
loci_status loci__vectors_charge(loci_vectors *vectors, const loci__vectors_in *in, size_t bytes, const char *what,
                                 loci_error *error);
/* Sets n and dim; room for words and lengths, and for owned rows when `rows`. n, dim ≥ 1. */
loci_status loci__vectors_reserve(loci_vectors *vectors, const loci__vectors_in *in, size_t n, size_t dim, bool rows,
                                  loci_error *error);
/* Copies the words that words[] and lengths[] describe. */
loci_status loci__vectors_own_words(loci_vectors *vectors, const loci__vectors_in *in, loci_error *error);
/* True when one of n floats is NaN or infinite. */
bool loci__floats_odd(const float *x, size_t n);

/* "n dim" and nothing else in the first line: true, *used = its length with the '\n'. Numbers beyond 64 bits are cut to
 * UINT64_MAX. */
bool loci__vectors_header(const char *data, size_t length, uint64_t *n, uint64_t *dim, size_t *used);

/* in->data begins with the header in both. */
loci_status loci__word2vec_read(loci_vectors *vectors, const loci__vectors_in *in, loci_error *error);
/* data, behind the header, is n words and rows of floats, and nothing is left over. */
bool loci__word2vec_fits(const char *data, size_t length, uint64_t n, uint64_t dim);
/* vectors->format TEXT (a header) or GLOVE (none). */
loci_status loci__vectors_text_read(loci_vectors *vectors, const loci__vectors_in *in, loci_error *error);
/* The line at data ends with exactly dim numbers behind a word. */
bool loci__vectors_text_line(const char *data, size_t length, size_t dim);
/* The dim of a file without a header, from its first lines; 0 when they are no text of vectors. */
size_t loci__vectors_text_dim(const char *data, size_t length);

enum { LOCI__NPY_MAGIC_SIZE = 6 };
#define LOCI__NPY_MAGIC "\x93NUMPY"
loci_status loci__npy_read(loci_vectors *vectors, const loci__vectors_in *in, loci_error *error);
/* The header of an array of n × dim, '<f4' or '<f2'; returns its length, at most 128. */
size_t loci__npy_header(size_t n, size_t dim, bool half, char out[160]);
/* NAME.npy → NAME.labels; loci__free. */
char *loci__npy_labels_path(loci_context *context, const char *path, const char *extension);

enum { LOCI__FASTTEXT_MAGIC = 793712314 };
loci_status loci__fasttext_read(loci_vectors *vectors, const loci__vectors_in *in, loci_error *error);

#endif
