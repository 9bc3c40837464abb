/* format/npy.c: NumPy's array files (numpy/lib/format.py, "Format Version 1.0" to 3.0), with the words beside them.
 *
 *   "\x93NUMPY", u8 major, u8 minor, header length (u16 little-endian for major 1, u32 for 2 and 3), then the header: a
 *   Python dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (n, dim), } padded with spaces, then the data
 *
 * Read: two dimensions, rows one after the other, little-endian float16, float32 (in place), float64. The words stand in a
 * text file, one a line, in the order of the rows.
 */
#include "vectors_private.h"

#include <stdio.h>

/* ---- the header's dictionary: only what NumPy writes, in any order ---- */

typedef struct header {
  char descr[16];
  bool fortran;
  bool has_descr, has_order, has_shape;
  uint64_t shape[2];
  size_t rank;
} header;

static const char *skip(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
  return at;
}

/* 'text' or "text"; NULL when there is none, or it is too long for out. */
static const char *text(const char *at, const char *end, char *out, size_t size) {
  if (at >= end || (*at != '\'' && *at != '"')) return NULL;
  const char quote = *at++;
  size_t n = 0;
  while (at < end && *at != quote) {
    if (n + 1 >= size) return NULL;
    out[n++] = *at++;
  }
  if (at >= end) return NULL;
  out[n] = '\0';
  return at + 1;
}

/* (3, 4) or (3, 4,) or (3,) or (); an L behind a number is Python 2's. */
static const char *shape(const char *at, const char *end, header *h) {
  if (at >= end || *at != '(') return NULL;
  at = skip(at + 1, end);
  h->rank = 0;
  while (at < end && *at != ')') {
    uint64_t value = 0;
    const char *first = at;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
      if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
        return NULL;
    if (at == first) return NULL;
    if (at < end && *at == 'L') at++;
    if (h->rank < 2) h->shape[h->rank] = value;
    h->rank++;
    at = skip(at, end);
    if (at < end && *at == ',') at = skip(at + 1, end);
    else if (at < end && *at != ')') return NULL;
  }
  return at < end ? at + 1 : NULL;
}

static bool parse_header(const char *at, const char *end, header *h) {
  *h = (header){0};
  at = skip(at, end);
  if (at >= end || *at++ != '{') return false;
  for (;;) {
    at = skip(at, end);
    if (at < end && *at == '}') break;
    char key[32];
    at = text(at, end, key, sizeof key);
    if (at == NULL) return false;
    at = skip(at, end);
    if (at >= end || *at++ != ':') return false;
    at = skip(at, end);
    if (strcmp(key, "descr") == 0 && !h->has_descr) {
      at = text(at, end, h->descr, sizeof h->descr);
      h->has_descr = true;
    } else if (strcmp(key, "fortran_order") == 0 && !h->has_order) {
      h->fortran = end - at >= 4 && memcmp(at, "True", 4) == 0;
      const bool no = end - at >= 5 && memcmp(at, "False", 5) == 0;
      at = h->fortran ? at + 4 : no ? at + 5 : NULL;
      h->has_order = true;
    } else if (strcmp(key, "shape") == 0 && !h->has_shape) {
      at = shape(at, end, h);
      h->has_shape = true;
    } else {
      return false;
    }
    if (at == NULL) return false;
    at = skip(at, end);
    if (at < end && *at == ',') at++;
    else if (at >= end || *at != '}') return false;
  }
  return h->has_descr && h->has_order && h->has_shape;
}

size_t loci__npy_header(size_t n, size_t dim, bool half, char out[160]) {
  char dictionary[128];
  int used = snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (%zu, %zu), }",
                      half ? "<f2" : "<f4", n, dim);
  /* The data begin at a multiple of 64, so that they can be mapped; a '\n' ends the header. */
  const size_t before = LOCI__NPY_MAGIC_SIZE + 4;
  const size_t total = (before + (size_t)used + 1 + 63) / 64 * 64, length = total - before;
  memcpy(out, LOCI__NPY_MAGIC "\x01\x00", LOCI__NPY_MAGIC_SIZE + 2);
  out[LOCI__NPY_MAGIC_SIZE + 2] = (char)(length & 0xff);
  out[LOCI__NPY_MAGIC_SIZE + 3] = (char)(length >> 8);
  memset(out + before, ' ', length);
  memcpy(out + before, dictionary, (size_t)used);
  out[total - 1] = '\n';
  return total;
}

/* ---- the words ---- */

char *loci__npy_labels_path(loci_context *context, const char *path, const char *extension) {
  size_t stem = strlen(path);
  if (loci__ends_with(path, ".npy")) stem -= 4;
  loci__buffer name;
  loci__buffer_init(&name, context, 0);
  loci__buffer_append(&name, path, stem);
  loci__buffer_puts(&name, extension);
  char *taken = loci__buffer_take(&name);
  loci__buffer_release(&name);
  return taken;
}

static loci_status find_labels(const loci_vectors *v, const loci__vectors_in *in, char **path, loci_error *error) {
  static const char *const endings[] = {".labels", ".txt"};
  *path = NULL;
  if (in->labels != NULL) {
    *path = loci__strdup(v->context, in->labels);
    return *path != NULL ? LOCI_OK : loci__fail_memory(error, strlen(in->labels), "a path");
  }
  for (size_t i = 0; i < LOCI__COUNT(endings); i++) {
    char *name = loci__npy_labels_path(v->context, v->path, endings[i]);
    if (name == NULL) return loci__fail_memory(error, strlen(v->path), "a path");
    bool there = false;
    const loci_status status = loci__file_there(v->context, name, &there, error);
    if (status == LOCI_OK && there) {
      *path = name;
      return LOCI_OK;
    }
    loci__free(v->context, name);
    LOCI__TRY(status);
  }
  return loci__fail(error, LOCI_ERROR_NOT_FOUND,
                    "%s: an array has no words: put them into a file of the same name that ends with .labels, one a "
                    "line, or name the file",
                    v->path);
}

static loci_status read_labels(loci_vectors *v, const loci__vectors_in *in, size_t rows, loci_error *error) {
  char *path;
  LOCI__TRY(find_labels(v, in, &path, error));
  loci__mapping labels;
  loci_status status = loci__mapping_open(&labels, v->context, path, error);
  if (status != LOCI_OK) {
    loci__free(v->context, path);
    return status;
  }
  size_t lines = 0, at = 0;
  while (at < labels.length && (lines < v->n || v->n == rows)) {
    const char *line = labels.data + at;
    const char *end = memchr(line, '\n', labels.length - at);
    size_t length = end != NULL ? (size_t)(end - line) : labels.length - at;
    at += length + (end != NULL);
    if (length > 0 && line[length - 1] == '\r') length--;
    if (lines < v->n) {
      if (length > UINT32_MAX) {
        status =
            loci__fail_at(error, LOCI_ERROR_FORMAT, line - labels.data, "%s: line %zu is too long", path, lines + 1);
        break;
      }
      v->words[lines] = line;
      v->lengths[lines] = (uint32_t)length;
    }
    lines++;
  }
  if (status == LOCI_OK && (lines < v->n || (v->n == rows && lines > rows)))
    status = loci__fail(error, LOCI_ERROR_FORMAT, "%s has %zu lines, %s %zu rows: they do not belong together", path,
                        lines, v->path, rows);
  if (status == LOCI_OK) status = loci__vectors_own_words(v, in, error);
  loci__mapping_close(&labels);
  loci__free(v->context, path);
  return status;
}

/* ---- the rows ---- */

loci_status loci__npy_read(loci_vectors *vectors, const loci__vectors_in *in, loci_error *error) {
  const unsigned char *bytes = (const unsigned char *)in->data;
  const size_t short_prefix = LOCI__NPY_MAGIC_SIZE + 4, long_prefix = LOCI__NPY_MAGIC_SIZE + 6;
  const unsigned major = in->length > LOCI__NPY_MAGIC_SIZE ? bytes[LOCI__NPY_MAGIC_SIZE] : 0;
  if (major > 3)
    return loci__fail_at(error, LOCI_ERROR_UNSUPPORTED, LOCI__NPY_MAGIC_SIZE,
                         "%s: version %u of the .npy format; loci reads 1 to 3", vectors->path, major);
  const size_t prefix = major == 1 ? short_prefix : long_prefix;
  size_t length = 0;
  if (major > 0 && in->length >= prefix) {
    const unsigned char *l = bytes + LOCI__NPY_MAGIC_SIZE + 2;
    length = (size_t)l[0] | (size_t)l[1] << 8;
    if (major > 1) length |= (size_t)l[2] << 16 | (size_t)l[3] << 24;
  }
  header h;
  if (major == 0 || in->length < prefix || in->length - prefix < length ||
      !parse_header(in->data + prefix, in->data + prefix + length, &h))
    return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)prefix, "%s: the header of this .npy file is broken",
                         vectors->path);
  const size_t width = strcmp(h.descr, "<f4") == 0   ? 4
                       : strcmp(h.descr, "<f2") == 0 ? 2
                       : strcmp(h.descr, "<f8") == 0 ? 8
                                                     : 0;
  if (width == 0)
    return loci__fail_at(error, LOCI_ERROR_UNSUPPORTED, (int64_t)prefix,
                         "%s: numbers of type '%s'; loci reads little-endian floats ('<f2', '<f4', '<f8'): "
                         "array.astype('<f4')",
                         vectors->path, h.descr);
  if (h.rank != 2 || h.fortran)
    return loci__fail_at(error, LOCI_ERROR_UNSUPPORTED, (int64_t)prefix,
                         "%s: %s; loci reads arrays of two dimensions with rows one after the other: "
                         "numpy.ascontiguousarray(array)",
                         vectors->path, h.fortran ? "columns lie one after the other" : "not two dimensions");
  const size_t start = prefix + length, left = in->length - start;
  size_t cells, size;
  if (h.shape[0] == 0 || h.shape[1] == 0 || !loci__mul((size_t)h.shape[0], (size_t)h.shape[1], &cells) ||
      !loci__mul(cells, width, &size) || size > left)
    return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)start,
                         "%s: %llu rows of %llu numbers, but %zu bytes of data: the file is cut short or empty",
                         vectors->path, (unsigned long long)h.shape[0], (unsigned long long)h.shape[1], left);
  if (size < left)
    loci__log(vectors->context, LOCI_LOG_WARNING, "%s: %zu bytes behind the array were not read", vectors->path,
              left - size);
  const size_t rows = (size_t)h.shape[0], n = rows < in->most ? rows : in->most, dim = (size_t)h.shape[1];
  const unsigned char *from = bytes + start;
  const bool mapped = width == 4 && (uintptr_t)from % _Alignof(float) == 0;
  LOCI__TRY(loci__vectors_reserve(vectors, in, n, dim, !mapped, error));
  if (mapped) vectors->rows = (const float *)(const void *)from;
  for (size_t i = 0; !mapped && i < n; i++) {
    float *to = vectors->owned_rows + i * dim;
    const unsigned char *row = from + i * dim * width;
    if (width == 4) {
      memcpy(to, row, dim * sizeof *to);
    } else {
      for (size_t j = 0; j < dim; j++) {
        uint16_t half;
        double wide;
        if (width == 2) {
          memcpy(&half, row + 2 * j, sizeof half);
          to[j] = loci__half_to_float(half);
        } else {
          memcpy(&wide, row + 8 * j, sizeof wide);
          to[j] = (float)wide;
        }
      }
    }
    vectors->n_not_finite += loci__floats_odd(to, dim);
  }
  return read_labels(vectors, in, rows, error);
}
