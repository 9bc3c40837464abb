/* format/vectors_write.c: tables of word vectors out: word2vec .bin and text, .npy with its labels.
 *
 * Every file is a stream to a temporary name that is renamed at the end. The text of a number is the shortest that reads
 * back as the same float. The binary form has a '\n' behind each row, as the original program writes it; every reader
 * takes it. Of an array the labels are written first: an array is never there without its words.
 */
#include "vectors_private.h"

#include <math.h>
#include <stdio.h>

loci_vectors_format loci__vectors_format_of(const char *path) {
  const char *extension = loci__path_extension(path);
  if (strcmp(extension, "bin") == 0) return LOCI_VECTORS_WORD2VEC;
  if (strcmp(extension, "txt") == 0 || strcmp(extension, "vec") == 0) return LOCI_VECTORS_TEXT;
  if (strcmp(extension, "npy") == 0) return LOCI_VECTORS_NPY;
  return *extension == '\0' ? LOCI_VECTORS_FOLDER : LOCI_VECTORS_UNKNOWN;
}

static bool is_white(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool loci__vectors_word_fits(loci_vectors_format format, const char *word, size_t length) {
  if (format == LOCI_VECTORS_FASTTEXT || format == LOCI_VECTORS_FOLDER) return memchr(word, '\0', length) == NULL;
  if (format == LOCI_VECTORS_NPY)
    return memchr(word, '\n', length) == NULL && (length == 0 || word[length - 1] != '\r');
  for (size_t i = 0; i < length; i++)
    if (is_white(word[i])) return false;
  return length > 0;
}

static loci_status check_words(const char *path, loci_vectors_format format, const loci__vectors_out *v,
                               loci_error *error) {
  for (size_t i = 0; i < v->n; i++)
    if (!loci__vectors_word_fits(format, v->words[i], v->lengths[i]))
      return loci__fail(error, LOCI_ERROR_FORMAT, "%s: word %zu ('%.*s') %s: this format cannot hold it", path, i,
                        v->lengths[i] > 100 ? 100 : (int)v->lengths[i], v->words[i],
                        v->lengths[i] == 0           ? "is empty"
                        : format == LOCI_VECTORS_NPY ? "has a line end in it"
                                                     : "has white space in it");
  return LOCI_OK;
}

static const float *row_of(const loci__vectors_out *v, size_t i) {
  return v->rows + i * (v->stride > 0 ? v->stride : v->dim);
}

/* Told every so many words. */
enum { STEP = 1024 };

static loci_status at_word(const loci__vectors_out *v, size_t i, loci_error *error) {
  return v->meter != NULL && i % STEP == 0 ? loci__meter_at(v->meter, i, NULL, error) : LOCI_OK;
}

static loci_status finish(loci__file_out *out, loci_status status, loci_error *error) {
  if (status == LOCI_OK) return loci__file_out_close(out, error);
  loci__file_out_abandon(out);
  return status;
}

static void put_text(loci__file_out *out, const char *text) {
  loci__file_out_put(out, text, strlen(text));
}

static void put_number(loci__file_out *out, float x) {
  char digits[33];
  digits[0] = ' ';
  if (isfinite(x)) {
    const size_t n = loci__format_float(x, digits + 1);
    loci__file_out_put(out, digits, n + 1);
  } else {
    put_text(out, isnan(x) ? " nan" : x > 0 ? " inf" : " -inf");
  }
}

static loci_status write_text(loci_context *context, const char *path, bool header, const loci__vectors_out *v,
                              loci_error *error) {
  loci__file_out out;
  LOCI__TRY(loci__file_out_open(&out, context, path, error));
  if (header) {
    char line[64];
    snprintf(line, sizeof line, "%zu %zu\n", v->n, v->dim);
    put_text(&out, line);
  }
  loci_status status = LOCI_OK;
  for (size_t i = 0; i < v->n && status == LOCI_OK; i++) {
    const float *row = row_of(v, i);
    loci__file_out_put(&out, v->words[i], v->lengths[i]);
    for (size_t j = 0; j < v->dim; j++) put_number(&out, row[j]);
    put_text(&out, "\n");
    status = at_word(v, i, error);
  }
  return finish(&out, status, error);
}

static loci_status write_word2vec(loci_context *context, const char *path, const loci__vectors_out *v,
                                  loci_error *error) {
  loci__file_out out;
  LOCI__TRY(loci__file_out_open(&out, context, path, error));
  char line[64];
  snprintf(line, sizeof line, "%zu %zu\n", v->n, v->dim);
  put_text(&out, line);
  loci_status status = LOCI_OK;
  for (size_t i = 0; i < v->n && status == LOCI_OK; i++) {
    loci__file_out_put(&out, v->words[i], v->lengths[i]);
    put_text(&out, " ");
    loci__file_out_put(&out, row_of(v, i), v->dim * sizeof(float));
    put_text(&out, "\n");
    status = at_word(v, i, error);
  }
  return finish(&out, status, error);
}

static loci_status write_labels(loci_context *context, const char *path, const loci__vectors_out *v,
                                loci_error *error) {
  char *name = loci__npy_labels_path(context, path, ".labels");
  if (name == NULL) return loci__fail_memory(error, strlen(path) + 16, "a path");
  loci__file_out out;
  loci_status status = loci__file_out_open(&out, context, name, error);
  if (status == LOCI_OK) {
    for (size_t i = 0; i < v->n; i++) {
      loci__file_out_put(&out, v->words[i], v->lengths[i]);
      put_text(&out, "\n");
    }
    status = loci__file_out_close(&out, error);
  }
  loci__free(context, name);
  return status;
}

static loci_status put_halves(loci__file_out *out, const char *path, const loci__vectors_out *v, loci_error *error) {
  for (size_t i = 0; i < v->n; i++) {
    const float *row = row_of(v, i);
    for (size_t j = 0; j < v->dim; j++) {
      const uint16_t half = loci__float_to_half(row[j]);
      if ((half & 0x7fff) == 0x7c00 && isfinite(row[j]))
        return loci__fail(error, LOCI_ERROR_LIMIT,
                          "%s: %g in the vector of '%.*s' does not fit into float16 (at most 65504): write float32",
                          path, (double)row[j], v->lengths[i] > 100 ? 100 : (int)v->lengths[i], v->words[i]);
      loci__file_out_put(out, &half, sizeof half);
    }
    LOCI__TRY(at_word(v, i, error));
  }
  return LOCI_OK;
}

static loci_status write_npy(loci_context *context, const char *path, bool half, const loci__vectors_out *v,
                             loci_error *error) {
  LOCI__TRY(write_labels(context, path, v, error));
  loci__file_out out;
  LOCI__TRY(loci__file_out_open(&out, context, path, error));
  char header[160];
  loci__file_out_put(&out, header, loci__npy_header(v->n, v->dim, half, header));
  loci_status status = LOCI_OK;
  if (half) {
    status = put_halves(&out, path, v, error);
  } else {
    for (size_t i = 0; i < v->n && status == LOCI_OK; i++) {
      loci__file_out_put(&out, row_of(v, i), v->dim * sizeof(float));
      status = at_word(v, i, error);
    }
  }
  return finish(&out, status, error);
}

loci_status loci__vectors_write(loci_context *context, const char *path, loci_vectors_format format,
                                loci_precision precision, const loci__vectors_out *vectors, loci_error *error) {
  context = loci__context_of(context);
  if (format == LOCI_VECTORS_UNKNOWN) format = loci__vectors_format_of(path);
  if (vectors->n == 0 || vectors->dim == 0)
    return loci__fail(error, LOCI_ERROR_USAGE, "%s: there are no words to write", path);
  if (format != LOCI_VECTORS_WORD2VEC && format != LOCI_VECTORS_TEXT && format != LOCI_VECTORS_GLOVE &&
      format != LOCI_VECTORS_NPY)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "'%s': the ending says the format: .bin (word2vec), .txt or .vec (text), .npy (an array and its "
                      ".labels)",
                      path);
  if (precision == LOCI_PRECISION_INT8 || (precision == LOCI_PRECISION_F16 && format != LOCI_VECTORS_NPY))
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s': this format holds float32 numbers only; %s", path,
                      precision == LOCI_PRECISION_INT8 ? "int8 is for folders" : "float16 is for .npy and folders");
  LOCI__TRY(check_words(path, format, vectors, error));
  switch (format) {
    case LOCI_VECTORS_WORD2VEC: return write_word2vec(context, path, vectors, error);
    case LOCI_VECTORS_NPY: return write_npy(context, path, precision == LOCI_PRECISION_F16, vectors, error);
    default: return write_text(context, path, format == LOCI_VECTORS_TEXT, vectors, error);
  }
}
