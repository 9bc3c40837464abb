/* format/fasttext.c: fastText's model file, read and written whole (Bojanowski et al. 2017; Joulin et al. 2017; the layout
 * is that of fastText 0.9.2, version 12).
 *
 *   i32 magic, i32 version
 *   i32 dim, ws, epoch, min_count, neg, word_ngrams, loss, model, bucket, min_n, max_n, lr_update_rate, f64 t
 *   i32 entries, words, labels, i64 tokens, i64 pruned n-grams (−1: not pruned)
 *   entries × { bytes, NUL, i64 count, u8 type (0 word, 1 label) }: words first, most frequent first
 *   u8 quantised, i64 rows, i64 columns, rows × columns f32: input, a row a word, then a row a bucket
 *   u8 quantised, i64 rows, i64 columns, f32…: output, a row a word (or a label, for supervised models)
 *
 * Version 11 is the same, but its supervised models use no character n-grams whatever their max_n says. Quantised models
 * (.ftz) are refused by name. All numbers are little-endian and at any alignment.
 *
 * The n-grams of a word w are the substrings of min_n…max_n characters (bytes that do not continue a UTF-8 sequence begin
 * one) of "<w>", without "<" and ">" alone; an n-gram's row is n_words + hash mod bucket. "</s>", the end of a line, has
 * none.
 */
#include "vectors_private.h"

enum { VERSION = 12, MAX_N = 255, ENTRY_LEAST = 1 + 8 + 1 };

static const char end_of_line[] = "</s>";

/* ---- n-grams ---- */

/* FNV-1a, but each byte is sign-extended before it is mixed in: the reference's char was signed when the first models were
 * published, and has stayed so. */
static uint32_t mix(uint32_t h, char byte) {
  const int32_t extended = (int8_t)byte;
  return (h ^ (uint32_t)extended) * UINT32_C(16777619);
}

static const uint32_t hash_start = UINT32_C(2166136261);

uint32_t loci__fasttext_hash(const char *text, size_t length) {
  uint32_t h = hash_start;
  for (size_t i = 0; i < length; i++) h = mix(h, text[i]);
  return h;
}

/* Byte i of "<word>". */
static char padded(const char *word, size_t length, size_t i) {
  return i == 0 ? '<' : i <= length ? word[i - 1] : '>';
}

static bool continues(char byte) {
  return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Calls `each` for the bucket of every n-gram, in the reference's order. */
static void each_ngram(const char *word, size_t length, int32_t min_n, int32_t max_n, int32_t bucket,
                       void (*each)(void *arg, int32_t id), void *arg) {
  if (max_n <= 0 || bucket <= 0 || (length == sizeof end_of_line - 1 && memcmp(word, end_of_line, length) == 0)) return;
  const size_t end = length + 2;
  for (size_t i = 0; i < end; i++) {
    if (continues(padded(word, length, i))) continue;
    uint32_t h = hash_start;
    size_t j = i;
    for (int32_t n = 1; j < end && n <= max_n; n++) {
      h = mix(h, padded(word, length, j++));
      while (j < end && continues(padded(word, length, j))) h = mix(h, padded(word, length, j++));
      if (n >= min_n && !(n == 1 && (i == 0 || j == end))) each(arg, (int32_t)(h % (uint32_t)bucket));
    }
  }
}

typedef struct listing {
  int32_t *out;
  size_t count, capacity;
} listing;

static void list_ngram(void *arg, int32_t id) {
  listing *l = arg;
  if (l->count < l->capacity) l->out[l->count] = id;
  l->count++;
}

size_t loci__fasttext_ngrams(const char *word, size_t length, int32_t min_n, int32_t max_n, int32_t bucket,
                             int32_t *out, size_t capacity) {
  listing l = {.out = out, .capacity = capacity};
  each_ngram(word, length, min_n, max_n, bucket, list_ngram, &l);
  return l.count;
}

/* ---- vectors of words ---- */

/* The reference adds float by float in the order of the n-grams, and multiplies by the float nearest to 1/n. */
static void add_row(const loci__fasttext *file, size_t row, float *out) {
  const size_t dim = (size_t)file->args.dim;
  if (file->input != NULL) {
    const float *from = file->input + row * dim;
    for (size_t j = 0; j < dim; j++) out[j] += from[j];
    return;
  }
  const unsigned char *from = file->input_bytes + row * dim * sizeof(float);
  for (size_t j = 0; j < dim; j++) {
    float x;
    memcpy(&x, from + j * sizeof x, sizeof x);
    out[j] += x;
  }
}

typedef struct adding {
  const loci__fasttext *file;
  float *out;
  size_t parts;
} adding;

static void add_ngram(void *arg, int32_t id) {
  adding *a = arg;
  add_row(a->file, a->file->n_words + (size_t)id, a->out);
  a->parts++;
}

bool loci__fasttext_vector(const loci__fasttext *file, int64_t i, const char *word, size_t length, float *out) {
  const loci__fasttext_args *a = &file->args;
  adding sum = {.file = file, .out = out};
  memset(out, 0, (size_t)a->dim * sizeof *out);
  if (i >= 0) {
    add_row(file, (size_t)i, out);
    sum.parts = 1;
  }
  each_ngram(word, length, a->min_n, a->max_n, a->bucket, add_ngram, &sum);
  if (sum.parts == 0) return false;
  const float scale = (float)(1.0 / (double)sum.parts);
  for (size_t j = 0; j < (size_t)a->dim; j++) out[j] *= scale;
  return true;
}

/* ---- reading ---- */

/* Bytes in order; what was read past the end is 0 and `short_by` tells. */
typedef struct cursor {
  const char *data;
  size_t length, at;
  bool past;
} cursor;

static void take(cursor *c, void *out, size_t size) {
  if (c->length - c->at < size) {
    c->past = true;
    memset(out, 0, size);
    return;
  }
  memcpy(out, c->data + c->at, size);
  c->at += size;
}

static int32_t take_i32(cursor *c) {
  int32_t v;
  take(c, &v, sizeof v);
  return v;
}

static int64_t take_i64(cursor *c) {
  int64_t v;
  take(c, &v, sizeof v);
  return v;
}

static loci_status broken(const char *path, size_t at, const char *what, loci_error *error) {
  return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)at, "%s: byte %zu: %s: the file is cut short or broken", path,
                       at, what);
}

static loci_status read_args(cursor *c, const char *path, loci__fasttext_args *a, loci_error *error) {
  const size_t start = c->at;
  int32_t *const fields[] = {&a->dim,  &a->ws,    &a->epoch,  &a->min_count, &a->neg,   &a->word_ngrams,
                             &a->loss, &a->model, &a->bucket, &a->min_n,     &a->max_n, &a->lr_update_rate};
  for (size_t i = 0; i < LOCI__COUNT(fields); i++) *fields[i] = take_i32(c);
  take(c, &a->t, sizeof a->t);
  if (c->past) return broken(path, start, "settings that are not whole", error);
  if (a->dim < 1 || a->bucket < 0 || a->loss < LOCI__FASTTEXT_HIERARCHICAL || a->loss > LOCI__FASTTEXT_OVA ||
      a->model < LOCI__FASTTEXT_CBOW || a->model > LOCI__FASTTEXT_SUPERVISED || a->max_n > MAX_N || a->min_n < 0 ||
      a->max_n < 0 || (a->max_n > 0 && a->bucket == 0))
    return broken(path, start, "settings that cannot be (dim, loss, model, buckets or n-grams)", error);
  return LOCI_OK;
}

static loci_status read_entries(cursor *c, const char *path, loci__fasttext *f, loci_error *error) {
  const size_t start = c->at;
  const int32_t n = take_i32(c), n_words = take_i32(c), n_labels = take_i32(c);
  f->n_tokens = take_i64(c);
  const int64_t pruned = take_i64(c);
  if (c->past || n < 0 || n_words < 0 || n_labels < 0 || (int64_t)n_words + n_labels != n ||
      (size_t)n > (c->length - c->at) / ENTRY_LEAST)
    return broken(path, start, "the sizes of the dictionary", error);
  f->n_entries = (size_t)n;
  f->n_words = (size_t)n_words;
  f->n_labels = (size_t)n_labels;
  if (n > 0) {
    f->entries = loci__alloc_array(f->context, f->n_entries, sizeof *f->entries);
    f->lengths = loci__alloc_array(f->context, f->n_entries, sizeof *f->lengths);
    f->counts = loci__alloc_array(f->context, f->n_entries, sizeof *f->counts);
    if (f->entries == NULL || f->lengths == NULL || f->counts == NULL)
      return loci__fail_memory(error, f->n_entries * sizeof *f->entries, path);
  }
  for (size_t i = 0; i < f->n_entries; i++) {
    const char *word = c->data + c->at;
    const char *nul = memchr(word, '\0', c->length - c->at);
    if (nul == NULL || (size_t)(nul - word) > UINT32_MAX)
      return broken(path, c->at, "a word of the dictionary has no end", error);
    const size_t at = c->at;
    f->entries[i] = word;
    f->lengths[i] = (uint32_t)(nul - word);
    c->at += f->lengths[i] + 1;
    f->counts[i] = take_i64(c);
    uint8_t type;
    take(c, &type, sizeof type);
    if (c->past || f->counts[i] < 0 || type != (i < f->n_words ? 0 : 1))
      return broken(path, at, "a word of the dictionary", error);
  }
  /* Only quantised models drop buckets. The pairs stand here. */
  if (pruned > 0) {
    if ((uint64_t)pruned > (c->length - c->at) / 8) return broken(path, c->at, "the pruned n-grams", error);
    c->at += (size_t)pruned * 8;
  }
  uint8_t quantised;
  const size_t flag = c->at;
  take(c, &quantised, 1);
  if (c->past) return broken(path, flag, "no matrices", error);
  if (quantised != 0)
    return loci__fail_at(error, LOCI_ERROR_UNSUPPORTED, (int64_t)flag,
                         "%s: a quantised fastText model (.ftz): loci reads the .bin that it was made from", path);
  if (pruned >= 0) return broken(path, start, "pruned n-grams in a model that is not quantised", error);
  return LOCI_OK;
}

static loci_status read_matrix(cursor *c, const char *path, int32_t dim, const char *what, const unsigned char **bytes,
                               size_t *rows, loci_error *error) {
  const size_t start = c->at;
  const int64_t m = take_i64(c), n = take_i64(c);
  size_t size;
  if (c->past || m < 0 || n != dim || !loci__mul((size_t)m, (size_t)n, &size) ||
      !loci__mul(size, sizeof(float), &size) || size > c->length - c->at)
    return broken(path, start, what, error);
  *bytes = (const unsigned char *)c->data + c->at;
  *rows = (size_t)m;
  c->at += size;
  return LOCI_OK;
}

/* The floats in place, or a copy. */
static loci_status as_floats(const loci__fasttext *f, const unsigned char *bytes, size_t rows, const float **out,
                             float **owned, loci_error *error) {
  const size_t size = rows * (size_t)f->args.dim * sizeof(float);
  if ((uintptr_t)bytes % _Alignof(float) == 0 || size == 0) {
    *out = (const float *)(const void *)bytes;
    return LOCI_OK;
  }
  *owned = loci__alloc_aligned(f->context, size);
  if (*owned == NULL) return loci__fail_memory(error, size, "a matrix");
  memcpy(*owned, bytes, size);
  *out = *owned;
  return LOCI_OK;
}

static loci_status parse(cursor *c, const char *path, bool floats, loci__fasttext *f, loci_error *error) {
  if (take_i32(c) != LOCI__FASTTEXT_MAGIC || c->past)
    return loci__fail_at(error, LOCI_ERROR_FORMAT, 0, "%s: no fastText model", path);
  const int32_t version = take_i32(c);
  if (c->past) return broken(path, 4, "no version", error);
  if (version != VERSION && version != VERSION - 1)
    return loci__fail_at(error, LOCI_ERROR_UNSUPPORTED, 4, "%s: version %d of fastText's format; loci reads 11 and 12",
                         path, (int)version);
  LOCI__TRY(read_args(c, path, &f->args, error));
  if (version == VERSION - 1 && f->args.model == LOCI__FASTTEXT_SUPERVISED) f->args.max_n = 0;
  LOCI__TRY(read_entries(c, path, f, error));
  const size_t input = c->at;
  LOCI__TRY(read_matrix(c, path, f->args.dim, "the input matrix", &f->input_bytes, &f->n_input, error));
  const bool buckets = f->args.max_n > 0 || f->args.word_ngrams > 1;
  if (f->n_input < f->n_words + (buckets ? (size_t)f->args.bucket : 0))
    return broken(path, input, "fewer rows than words and buckets", error);
  const size_t flag = c->at;
  uint8_t quantised;
  take(c, &quantised, 1);
  if (c->past || quantised > 1) return broken(path, flag, "no output matrix", error);
  LOCI__TRY(read_matrix(c, path, f->args.dim, "the output matrix", &f->output_bytes, &f->n_output, error));
  if (f->n_output < (f->args.model == LOCI__FASTTEXT_SUPERVISED ? f->n_labels : f->n_words))
    return broken(path, flag, "fewer rows of output than words or labels", error);
  if (c->at < c->length)
    loci__log(f->context, LOCI_LOG_WARNING, "%s: %zu bytes behind the model were not read", path, c->length - c->at);
  if (floats) {
    LOCI__TRY(as_floats(f, f->input_bytes, f->n_input, &f->input, &f->owned_input, error));
    LOCI__TRY(as_floats(f, f->output_bytes, f->n_output, &f->output, &f->owned_output, error));
  } else {
    if ((uintptr_t)f->input_bytes % _Alignof(float) == 0) f->input = (const float *)(const void *)f->input_bytes;
    if ((uintptr_t)f->output_bytes % _Alignof(float) == 0) f->output = (const float *)(const void *)f->output_bytes;
  }
  return LOCI_OK;
}

loci_status loci__fasttext_parse(loci_context *context, const char *name, const void *bytes, size_t length, bool floats,
                                 loci__fasttext **out, loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  loci__fasttext *f = loci__alloc_zero(context, 1, sizeof *f);
  if (f == NULL) return loci__fail_memory(error, sizeof *f, name);
  f->context = context;
  loci__arena_init(&f->text, context);
  cursor c = {.data = bytes, .length = length};
  const loci_status status = parse(&c, name, floats, f, error);
  if (status != LOCI_OK) loci__fasttext_close(f);
  else *out = f;
  return status;
}

loci_status loci__fasttext_open(loci_context *context, const char *path, loci__fasttext **out, loci_error *error) {
  *out = NULL;
  loci__mapping mapping;
  LOCI__TRY(loci__mapping_open(&mapping, context, path, error));
  const loci_status status = loci__fasttext_parse(context, path, mapping.data, mapping.length, true, out, error);
  if (status != LOCI_OK) loci__mapping_close(&mapping);
  else (*out)->mapping = mapping;
  return status;
}

void loci__fasttext_close(loci__fasttext *file) {
  if (file == NULL) return;
  loci__free(file->context, file->entries);
  loci__free(file->context, file->lengths);
  loci__free(file->context, file->counts);
  loci__free_aligned(file->context, file->owned_input);
  loci__free_aligned(file->context, file->owned_output);
  loci__arena_release(&file->text);
  if (file->mapping.data != NULL) loci__mapping_close(&file->mapping);
  loci__free(file->context, file);
}

/* ---- as a table of words ---- */

typedef struct rows_work {
  loci_vectors *vectors;
  size_t per_task;
} rows_work;

static loci_status fill_rows(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  (void)error;
  const rows_work *w = arg;
  loci_vectors *v = w->vectors;
  const size_t first = task * w->per_task, end = first + w->per_task < v->n ? first + w->per_task : v->n;
  for (size_t i = first; i < end; i++)
    loci__fasttext_vector(v->subwords, (int64_t)i, v->words[i], v->lengths[i], v->owned_rows + i * v->dim);
  return LOCI_OK;
}

/* The table's rows are the vectors that fastText tells for its words, so they are computed; without n-grams they are the
 * rows of the matrix itself. */
loci_status loci__fasttext_read(loci_vectors *vectors, const loci__vectors_in *in, loci_error *error) {
  loci__fasttext *f;
  LOCI__TRY(loci__fasttext_parse(vectors->context, vectors->path, in->data, in->length, false, &f, error));
  vectors->subwords = f;
  const size_t n = f->n_words < in->most ? f->n_words : in->most;
  LOCI__TRY(loci__vectors_charge(vectors, in, f->n_entries * (sizeof *f->entries + sizeof *f->lengths + 8),
                                 "the dictionary", error));
  const bool mapped = f->args.max_n == 0 && f->input != NULL;
  LOCI__TRY(loci__vectors_reserve(vectors, in, n, (size_t)f->args.dim, !mapped, error));
  LOCI__TRY(loci__vectors_charge(vectors, in, n * sizeof *vectors->counts, "the counts", error));
  vectors->counts = loci__alloc_array(vectors->context, n, sizeof *vectors->counts);
  if (vectors->counts == NULL) return loci__fail_memory(error, n * sizeof *vectors->counts, "the counts");
  for (size_t i = 0; i < n; i++) {
    vectors->words[i] = f->entries[i];
    vectors->lengths[i] = f->lengths[i];
    vectors->counts[i] = (uint64_t)f->counts[i];
  }
  if (mapped) {
    vectors->rows = f->input;
    return LOCI_OK;
  }
  rows_work work = {.vectors = vectors, .per_task = 1024};
  return loci__pool_run(vectors->context, (n + work.per_task - 1) / work.per_task, fill_rows, &work, error);
}

/* ---- writing ---- */

static void put_i32(loci__file_out *out, int32_t value) {
  loci__file_out_put(out, &value, sizeof value);
}

static void put_i64(loci__file_out *out, int64_t value) {
  loci__file_out_put(out, &value, sizeof value);
}

static void put_matrix_head(loci__file_out *out, size_t rows, int32_t dim) {
  const uint8_t quantised = 0;
  loci__file_out_put(out, &quantised, sizeof quantised);
  put_i64(out, (int64_t)rows);
  put_i64(out, dim);
}

static void put_matrix(loci__file_out *out, const float *floats, const unsigned char *bytes, size_t rows, int32_t dim) {
  put_matrix_head(out, rows, dim);
  loci__file_out_put(out, floats != NULL ? (const void *)floats : bytes, rows * (size_t)dim * sizeof(float));
}

/* Row by row; `zeros` has dim of them. */
static void put_rows(loci__file_out *out, const float *(*row)(void *arg, size_t i), void *arg, size_t rows, int32_t dim,
                     const float *zeros) {
  put_matrix_head(out, rows, dim);
  for (size_t i = 0; i < rows; i++) {
    const float *floats = row(arg, i);
    loci__file_out_put(out, floats != NULL ? floats : zeros, (size_t)dim * sizeof(float));
  }
}

loci_status loci__fasttext_write(loci_context *context, const char *path, const loci__fasttext *file,
                                 loci_error *error) {
  const loci__fasttext_args *a = &file->args;
  const size_t n_input = file->n_input > 0 ? file->n_input : file->n_words + (size_t)a->bucket;
  const size_t outputs = a->model == LOCI__FASTTEXT_SUPERVISED ? file->n_labels : file->n_words;
  const size_t n_output = file->n_output > 0 ? file->n_output : outputs;
  if (file->n_words + file->n_labels != file->n_entries || file->n_entries > INT32_MAX || a->dim < 1 || a->bucket < 0)
    return loci__fail(error, LOCI_ERROR_INTERNAL, "%s: a fastText model that contradicts itself", path);
  for (size_t i = 0; i < file->n_entries; i++)
    if (memchr(file->entries[i], '\0', file->lengths[i]) != NULL)
      return loci__fail(error, LOCI_ERROR_FORMAT,
                        "%s: word %zu holds a NUL byte, which ends a word in fastText's format", path, i);
  float *zeros = loci__alloc_zero(context, (size_t)a->dim, sizeof *zeros);
  if (zeros == NULL) return loci__fail_memory(error, (size_t)a->dim * sizeof *zeros, "a row");
  loci__file_out out;
  loci_status opened = loci__file_out_open(&out, context, path, error);
  if (opened != LOCI_OK) {
    loci__free(context, zeros);
    return opened;
  }
  put_i32(&out, LOCI__FASTTEXT_MAGIC);
  put_i32(&out, VERSION);
  const int32_t fields[] = {a->dim,  a->ws,    a->epoch,  a->min_count, a->neg,   a->word_ngrams,
                            a->loss, a->model, a->bucket, a->min_n,     a->max_n, a->lr_update_rate};
  loci__file_out_put(&out, fields, sizeof fields);
  loci__file_out_put(&out, &a->t, sizeof a->t);
  put_i32(&out, (int32_t)file->n_entries);
  put_i32(&out, (int32_t)file->n_words);
  put_i32(&out, (int32_t)file->n_labels);
  put_i64(&out, file->n_tokens);
  put_i64(&out, -1);
  for (size_t i = 0; i < file->n_entries; i++) {
    const uint8_t type = i < file->n_words ? 0 : 1;
    loci__file_out_put(&out, file->entries[i], file->lengths[i]);
    loci__file_out_put(&out, "", 1);
    put_i64(&out, file->counts != NULL ? file->counts[i] : 0);
    loci__file_out_put(&out, &type, 1);
  }
  if (file->input_row != NULL) put_rows(&out, file->input_row, file->rows_arg, n_input, a->dim, zeros);
  else put_matrix(&out, file->input, file->input_bytes, n_input, a->dim);
  if (file->output_row != NULL) put_rows(&out, file->output_row, file->rows_arg, n_output, a->dim, zeros);
  else put_matrix(&out, file->output, file->output_bytes, n_output, a->dim);
  loci__free(context, zeros);
  return loci__file_out_close(&out, error);
}
