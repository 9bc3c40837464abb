/* format/vectors.c: which format a file of word vectors is in, the table it becomes, and the questions to it.
 *
 * A file is known by its bytes, not by its name: .bin is word2vec's ending and fastText's (and that of a GloVe program's
 * raw dump, which has no words in it and is refused), .txt has a header or not. Order of the questions: magic numbers;
 * a first line "n dim", then whether a line of text or binary floats follow; lines that end with numbers.
 *
 * The lookup is an open-addressing table of word numbers (linear probing, at most half full) over XXH3 of the bytes.
 */
#include "vectors_private.h"

#include <math.h>

/* ---- lifetime ---- */

void loci_vectors_close(loci_vectors *vectors) {
  if (vectors == NULL) return;
  loci_context *context = vectors->context;
  loci__free(context, vectors->path);
  loci__free(context, vectors->words);
  loci__free(context, vectors->lengths);
  loci__free(context, vectors->counts);
  loci__free(context, vectors->slots);
  loci__free(context, vectors->texts);
  loci__free(context, vectors->text_lengths);
  loci__free_aligned(context, vectors->owned_rows);
  loci__fasttext_close(vectors->subwords);
  loci__arena_release(&vectors->text);
  if (vectors->mapping.data != NULL) loci__mapping_close(&vectors->mapping);
  loci__free(context, vectors);
}

loci_status loci__vectors_charge(loci_vectors *vectors, const loci__vectors_in *in, size_t bytes, const char *what,
                                 loci_error *error) {
  size_t sum;
  if (!loci__add(vectors->used, bytes, &sum) || sum > in->max_memory)
    return loci__fail(error, LOCI_ERROR_LIMIT,
                      "%s: %s would take %.1f MB of memory, more than the %.1f MB allowed: raise the limit, or read "
                      "fewer words",
                      vectors->path, what, ((double)vectors->used + (double)bytes) / 1e6, (double)in->max_memory / 1e6);
  vectors->used = sum;
  return LOCI_OK;
}

static size_t slots_for(size_t n) {
  size_t slots = 16;
  while (slots < 2 * n) slots *= 2;
  return slots;
}

loci_status loci__vectors_reserve(loci_vectors *vectors, const loci__vectors_in *in, size_t n, size_t dim, bool rows,
                                  loci_error *error) {
  if (n == 0 || dim == 0 || n > INT32_MAX / 2 || dim > INT32_MAX)
    return loci__fail(error, n == 0 ? LOCI_ERROR_FORMAT : LOCI_ERROR_LIMIT,
                      n == 0 ? "%s: there are no words in it" : "%s: %zu words of %zu numbers are more than loci reads",
                      vectors->path, n, dim);
  size_t cells, bytes;
  if (!loci__mul(n, dim, &cells) || !loci__mul(cells, sizeof(float), &bytes))
    return loci__fail_at(error, LOCI_ERROR_FORMAT, 0, "%s: %zu words of %zu numbers cannot be", vectors->path, n, dim);
  const size_t each = sizeof *vectors->words + sizeof *vectors->lengths;
  LOCI__TRY(loci__vectors_charge(vectors, in, n * each + slots_for(n) * sizeof *vectors->slots, "the words", error));
  if (rows) LOCI__TRY(loci__vectors_charge(vectors, in, bytes, "the vectors", error));
  vectors->words = loci__alloc_array(vectors->context, n, sizeof *vectors->words);
  vectors->lengths = loci__alloc_array(vectors->context, n, sizeof *vectors->lengths);
  if (vectors->words == NULL || vectors->lengths == NULL) return loci__fail_memory(error, n * each, vectors->path);
  if (rows) {
    vectors->owned_rows = loci__alloc_aligned(vectors->context, bytes);
    if (vectors->owned_rows == NULL) return loci__fail_memory(error, bytes, vectors->path);
    vectors->rows = vectors->owned_rows;
  }
  vectors->n = n;
  vectors->dim = dim;
  return LOCI_OK;
}

loci_status loci__vectors_own_words(loci_vectors *vectors, const loci__vectors_in *in, loci_error *error) {
  size_t bytes = vectors->n;
  for (size_t i = 0; i < vectors->n; i++) bytes += vectors->lengths[i];
  LOCI__TRY(loci__vectors_charge(vectors, in, bytes, "the words", error));
  char *at = loci__arena_alloc(&vectors->text, bytes);
  if (at == NULL) return loci__fail_memory(error, bytes, vectors->path);
  for (size_t i = 0; i < vectors->n; i++) {
    const size_t length = vectors->lengths[i];
    memcpy(at, vectors->words[i], length);
    at[length] = '\0';
    vectors->words[i] = at;
    at += length + 1;
  }
  return LOCI_OK;
}

bool loci__floats_odd(const float *x, size_t n) {
  uint32_t odd = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    odd |= (uint32_t)((bits & 0x7f800000u) == 0x7f800000u);
  }
  return odd != 0;
}

/* ---- which format ---- */

bool loci__vectors_header(const char *data, size_t length, uint64_t *n, uint64_t *dim, size_t *used) {
  uint64_t numbers[2] = {0, 0};
  size_t at = 0;
  if (length > 80) length = 80;
  for (int i = 0; i < 2; i++) {
    while (at < length && (data[at] == ' ' || data[at] == '\t')) at++;
    const size_t begin = at;
    for (; at < length && data[at] >= '0' && data[at] <= '9'; at++)
      if (__builtin_mul_overflow(numbers[i], 10u, &numbers[i]) ||
          __builtin_add_overflow(numbers[i], (uint64_t)(data[at] - '0'), &numbers[i]))
        numbers[i] = UINT64_MAX / 10;
    if (at == begin) return false;
  }
  while (at < length && (data[at] == ' ' || data[at] == '\t' || data[at] == '\r')) at++;
  if (at >= length || data[at] != '\n') return false;
  *n = numbers[0];
  *dim = numbers[1];
  *used = at + 1;
  return true;
}

typedef struct magic {
  const char *bytes;
  size_t length;
  const char *what;
} magic;

/* What people take for word vectors, and what to do instead. */
static const magic foreign[] = {
    {"\x1f\x8b", 2, "compressed by gzip: gunzip it first"},
    {"PK\x03\x04", 4, "a zip archive (or .npz): unpack it first"},
    {"BZh", 3, "compressed by bzip2: bunzip2 it first"},
    {"\xfd"
     "7zXZ",
     5, "compressed by xz: unxz it first"},
    {"\x28\xb5\x2f\xfd", 4, "compressed by zstd: unzstd it first"},
    {"\x80\x02", 2, "a Python pickle, gensim's own format: write it with save_word2vec_format"},
    {"\x80\x03", 2, "a Python pickle, gensim's own format: write it with save_word2vec_format"},
    {"\x80\x04", 2, "a Python pickle, gensim's own format: write it with save_word2vec_format"},
    {"\x80\x05", 2, "a Python pickle, gensim's own format: write it with save_word2vec_format"},
    {"GGUF", 4, "a GGUF model, not a table of words"},
    {"\x89HDF", 4, "an HDF5 file"},
};

/* GloVe's .bin: doubles of both matrices and nothing else, small numbers without words. */
static bool looks_like_doubles(const char *data, size_t length) {
  if (length < 16 || length % 16 != 0) return false;
  const size_t n = length / 8 < 4096 ? length / 8 : 4096;
  size_t small = 0;
  for (size_t i = 0; i < n; i++) {
    double x;
    memcpy(&x, data + 8 * i, sizeof x);
    if (!isfinite(x) || fabs(x) > 1000) return false;
    small += fabs(x) > 1e-12;
  }
  return small * 10 >= n * 9;
}

/* FORMAT or UNSUPPORTED when it is none of them. */
static loci_status detect(const char *path, const char *data, size_t length, loci_vectors_format *format,
                          loci_error *error) {
  if (length == 0) return loci__fail_at(error, LOCI_ERROR_FORMAT, 0, "%s: an empty file", path);
  if (length >= LOCI__NPY_MAGIC_SIZE && memcmp(data, LOCI__NPY_MAGIC, LOCI__NPY_MAGIC_SIZE) == 0) {
    *format = LOCI_VECTORS_NPY;
    return LOCI_OK;
  }
  const int32_t fasttext = LOCI__FASTTEXT_MAGIC;
  if (length >= sizeof fasttext && memcmp(data, &fasttext, sizeof fasttext) == 0) {
    *format = LOCI_VECTORS_FASTTEXT;
    return LOCI_OK;
  }
  for (size_t i = 0; i < LOCI__COUNT(foreign); i++)
    if (length >= foreign[i].length && memcmp(data, foreign[i].bytes, foreign[i].length) == 0)
      return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: %s", path, foreign[i].what);
  uint64_t n, dim;
  size_t used;
  if (loci__vectors_header(data, length, &n, &dim, &used)) {
    /* A table of text whose first line is broken is still told apart from floats: those have bytes that no text has. */
    const char *rest = data + used;
    const size_t left = length - used;
    bool controls = false;
    for (size_t i = 0; i < left && i < 4096; i++)
      controls |= (unsigned char)rest[i] < 32 && rest[i] != '\n' && rest[i] != '\r' && rest[i] != '\t';
    const bool text = (dim <= left && loci__vectors_text_line(rest, left, (size_t)dim)) ||
                      (!controls && !loci__word2vec_fits(rest, left, n, dim));
    *format = text ? LOCI_VECTORS_TEXT : LOCI_VECTORS_WORD2VEC;
    return LOCI_OK;
  }
  if (loci__vectors_text_dim(data, length) > 0) {
    *format = LOCI_VECTORS_GLOVE;
    return LOCI_OK;
  }
  if (looks_like_doubles(data, length))
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "%s: looks like GloVe's .bin, doubles without the words they belong to: take the .txt that the "
                      "same program writes",
                      path);
  return loci__fail_at(error, LOCI_ERROR_FORMAT, 0,
                       "%s: none of the formats of word vectors (word2vec .bin and text, GloVe text, fastText .bin, "
                       ".npy)",
                       path);
}

/* ---- opening ---- */

/* The table of bytes; owns `mapping` from here on when it is not NULL. */
static loci_status open_bytes(loci_context *context, const char *path, const char *data, size_t length,
                              loci__mapping *mapping, const loci_vectors_options *options, loci_vectors **out,
                              loci_error *error) {
  loci_vectors *v = loci__alloc_zero(context, 1, sizeof *v);
  if (v == NULL) {
    if (mapping != NULL) loci__mapping_close(mapping);
    return loci__fail_memory(error, sizeof *v, path);
  }
  v->context = context;
  loci__arena_init(&v->text, context);
  if (mapping != NULL) v->mapping = *mapping;
  v->path = loci__strdup(context, path);
  loci__vectors_in in = {.data = data, .length = length, .max_memory = SIZE_MAX, .most = SIZE_MAX};
  if (options != NULL) {
    in.labels = options->labels;
    if (options->max_memory > 0) in.max_memory = options->max_memory;
    if (options->most > 0) in.most = options->most;
  }
  loci_status status = v->path != NULL ? LOCI_OK : loci__fail_memory(error, strlen(path) + 1, "a path");
  if (status == LOCI_OK) status = detect(path, data, length, &v->format, error);
  if (status == LOCI_OK) {
    switch (v->format) {
      case LOCI_VECTORS_WORD2VEC: status = loci__word2vec_read(v, &in, error); break;
      case LOCI_VECTORS_TEXT:
      case LOCI_VECTORS_GLOVE: status = loci__vectors_text_read(v, &in, error); break;
      case LOCI_VECTORS_NPY: status = loci__npy_read(v, &in, error); break;
      case LOCI_VECTORS_FASTTEXT: status = loci__fasttext_read(v, &in, error); break;
      case LOCI_VECTORS_UNKNOWN:
      case LOCI_VECTORS_MEMORY:
      case LOCI_VECTORS_FOLDER: status = loci__fail(error, LOCI_ERROR_INTERNAL, "%s: no format", path); break;
    }
  }
  if (status == LOCI_OK) status = loci__vectors_index(v, error);
  if (status != LOCI_OK) {
    loci_vectors_close(v);
    return status;
  }
  if (v->n_duplicates > 0)
    loci__log(context, LOCI_LOG_WARNING, "%s: %zu words stand there more than once: the first of each counts", path,
              v->n_duplicates);
  if (v->n_not_finite > 0)
    loci__log(context, LOCI_LOG_WARNING, "%s: %zu vectors hold NaN or an infinity", path, v->n_not_finite);
  *out = v;
  return LOCI_OK;
}

loci_status loci__vectors_parse(loci_context *context, const char *name, const void *bytes, size_t length,
                                const loci_vectors_options *options, loci_vectors **out, loci_error *error) {
  *out = NULL;
  return open_bytes(loci__context_of(context), name, bytes, length, NULL, options, out, error);
}

loci_status loci__vectors_open_file(loci_context *context, const char *path, const loci_vectors_options *options,
                                    loci_vectors **out, loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  loci__mapping mapping;
  LOCI__TRY(loci__mapping_open(&mapping, context, path, error));
  return open_bytes(context, path, mapping.data, mapping.length, &mapping, options, out, error);
}

/* ---- the table of slots ---- */

static size_t slot_of(const loci_vectors *vectors, const char *word, size_t length) {
  return (size_t)loci__hash64(word, length, 0) & (vectors->n_slots - 1);
}

loci_status loci__vectors_make_slots(loci_vectors *vectors, size_t n, loci_error *error) {
  const size_t n_slots = slots_for(n);
  vectors->slots = loci__alloc_array(vectors->context, n_slots, sizeof *vectors->slots);
  if (vectors->slots == NULL) return loci__fail_memory(error, n_slots * sizeof *vectors->slots, "the table of words");
  vectors->n_slots = n_slots;
  memset(vectors->slots, 0xff, n_slots * sizeof *vectors->slots);
  return LOCI_OK;
}

void loci__vectors_put_slot(loci_vectors *vectors, size_t i) {
  const size_t length = vectors->lengths[i];
  size_t slot = slot_of(vectors, vectors->words[i], length);
  for (; vectors->slots[slot] >= 0; slot = (slot + 1) & (vectors->n_slots - 1)) {
    const size_t other = (size_t)vectors->slots[slot];
    if (vectors->lengths[other] == length && memcmp(vectors->words[other], vectors->words[i], length) == 0) break;
  }
  if (vectors->slots[slot] >= 0) vectors->n_duplicates++;
  else vectors->slots[slot] = (int32_t)i;
}

loci_status loci__vectors_index(loci_vectors *vectors, loci_error *error) {
  LOCI__TRY(loci__vectors_make_slots(vectors, vectors->n, error));
  for (size_t i = 0; i < vectors->n; i++) loci__vectors_put_slot(vectors, i);
  return LOCI_OK;
}

int64_t loci_vectors_find(const loci_vectors *vectors, const char *word, size_t length) {
  if (vectors->n_slots == 0) return -1;
  size_t slot = slot_of(vectors, word, length);
  for (; vectors->slots[slot] >= 0; slot = (slot + 1) & (vectors->n_slots - 1)) {
    const size_t i = (size_t)vectors->slots[slot];
    if (vectors->lengths[i] == length && memcmp(vectors->words[i], word, length) == 0) return (int64_t)i;
  }
  return -1;
}

/* ---- questions ---- */

void loci_vectors_get_info(const loci_vectors *vectors, loci_vectors_info *info) {
  const loci_vectors_info all = {.struct_size = info->struct_size,
                                 .format = vectors->format,
                                 .path = vectors->path,
                                 .n = vectors->n,
                                 .dim = vectors->dim,
                                 .has_counts = vectors->counts != NULL,
                                 .has_subwords = vectors->subwords != NULL && vectors->subwords->args.max_n > 0};
  memcpy(info, &all, info->struct_size < sizeof all ? info->struct_size : sizeof all);
}

const char *loci_vectors_word(const loci_vectors *vectors, size_t i, size_t *length) {
  if (i >= vectors->n) return NULL;
  if (length != NULL) *length = vectors->lengths[i];
  return vectors->words[i];
}

const float *loci_vectors_row(const loci_vectors *vectors, size_t i) {
  return i < vectors->n ? vectors->rows + i * vectors->dim : NULL;
}

uint64_t loci_vectors_count(const loci_vectors *vectors, size_t i) {
  return vectors->counts != NULL && i < vectors->n ? vectors->counts[i] : 0;
}

loci_status loci_vectors_get(const loci_vectors *vectors, const char *word, size_t length, float *out,
                             loci_error *error) {
  const int64_t i = loci_vectors_find(vectors, word, length);
  if (i >= 0) {
    memcpy(out, vectors->rows + (size_t)i * vectors->dim, vectors->dim * sizeof *out);
    return LOCI_OK;
  }
  if (vectors->subwords != NULL) {
    /* With `most` words read, the file may know more. */
    const loci__fasttext *f = vectors->subwords;
    int64_t known = -1;
    for (size_t j = vectors->n; j < f->n_words && known < 0; j++)
      if (f->lengths[j] == length && memcmp(f->entries[j], word, length) == 0) known = (int64_t)j;
    if (loci__fasttext_vector(f, known, word, length, out)) return LOCI_OK;
  }
  return loci__fail(error, LOCI_ERROR_NOT_FOUND, "%s: no vector of '%.*s'", vectors->path,
                    length > 200 ? 200 : (int)length, word);
}
