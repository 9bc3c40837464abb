/* model/words_write.c: words and rows as a static model's folder. See words.h.
 *
 * Row i is word i, the last row the unknown token's, zero, so that readers that count it in the mean get the right
 * direction. For LOCI_SPLIT_MODEL the tokens are the other model's: its tokenizer is written, and the row of a token that
 * is none of the words is zero.
 *
 * Phases: choose (which words have a row, which id each has) → rows in the wanted precision → static_write.c.
 */
#include "words.h"

#include "../kernel/kernel.h"

#include <stdio.h>

static const int32_t NONE = -1;

typedef struct folder {
  loci_context *context;
  const loci__words_out *in;
  size_t n;           /* rows */
  int32_t *source;    /* of row i: a word's number, or NONE: a zero row */
  const char **words; /* of the rows but the last */
  uint32_t *lengths;
  char unknown[64];
  /* what is written */
  float *rows, *weights;
  uint16_t *halves;
  int8_t *codes;
  int64_t *counts; /* torch before 2.3 knows no unsigned ones */
} folder;

/* ---- choosing ---------------------------------------------------------------------------------- */

static loci_status allocate(folder *f, size_t n, loci_error *error) {
  f->n = n;
  f->source = loci__alloc_array(f->context, n, sizeof *f->source);
  return f->source != NULL ? LOCI_OK : loci__fail_memory(error, n * sizeof *f->source, "the rows of a folder");
}

/* Words that JSON can hold, each once, and a name for the unknown token that is none of them. */
static loci_status choose_words(folder *f, const loci_vectors *table, loci_error *error) {
  const loci__vectors_out *v = f->in->vectors;
  size_t n = 0;
  LOCI__TRY(allocate(f, v->n + 1, error));
  f->words = loci__alloc_array(f->context, v->n, sizeof *f->words);
  f->lengths = loci__alloc_array(f->context, v->n, sizeof *f->lengths);
  if (f->words == NULL || f->lengths == NULL)
    return loci__fail_memory(error, v->n * sizeof *f->words, "the words of a folder");
  for (size_t i = 0; i < v->n; i++) {
    if (v->lengths[i] == 0 || !loci__utf8_valid(v->words[i], v->lengths[i]) ||
        loci_vectors_find(table, v->words[i], v->lengths[i]) != (int64_t)i)
      continue;
    f->words[n] = v->words[i];
    f->lengths[n] = v->lengths[i];
    f->source[n++] = (int32_t)i;
  }
  if (n == 0) return loci__fail(error, LOCI_ERROR_FORMAT, "no word is UTF-8: a folder cannot hold them");
  if (n < v->n)
    loci__log(f->context, LOCI_LOG_WARNING, "%zu of %zu words are not UTF-8, or were there before: left out", v->n - n,
              v->n);
  f->source[n] = NONE;
  f->n = n + 1;
  snprintf(f->unknown, sizeof f->unknown, "[UNK]");
  for (unsigned k = 2; loci_vectors_find(table, f->unknown, strlen(f->unknown)) >= 0; k++)
    snprintf(f->unknown, sizeof f->unknown, "[UNK%u]", k);
  return LOCI_OK;
}

static loci_status choose_pieces(folder *f, const loci_vectors *table, loci_error *error) {
  const loci_tokenizer *tokenizer = f->in->splitter->tokenizer;
  LOCI__TRY(allocate(f, loci_tokenizer_vocabulary_size(tokenizer), error));
  for (size_t i = 0; i < f->n; i++) {
    const char *piece = loci_tokenizer_piece(tokenizer, (int32_t)i);
    const bool known = piece != NULL && piece[0] != '\0' && (int32_t)i != loci__tokenizer_unknown(tokenizer);
    f->source[i] = known ? (int32_t)loci_vectors_find(table, piece, strlen(piece)) : NONE;
  }
  return LOCI_OK;
}

static loci_status choose(folder *f, loci_error *error) {
  const loci__vectors_out *v = f->in->vectors;
  if (v->n == 0 || v->n >= INT32_MAX)
    return loci__fail(error, LOCI_ERROR_LIMIT, "a folder of %zu words: 1 to %d are possible", v->n, INT32_MAX - 1);
  /* A table that borrows the words, for its lookup. */
  const char **words = loci__alloc_array(f->context, v->n, sizeof *words);
  uint32_t *lengths = loci__alloc_array(f->context, v->n, sizeof *lengths);
  loci_vectors table = {.context = f->context, .n = v->n, .words = words, .lengths = lengths};
  loci_status status = LOCI_OK;
  if (words == NULL || lengths == NULL)
    status = loci__fail_memory(error, v->n * sizeof *words, "the words of a folder");
  if (status == LOCI_OK) {
    memcpy(words, v->words, v->n * sizeof *words);
    memcpy(lengths, v->lengths, v->n * sizeof *lengths);
    status = loci__vectors_index(&table, error);
  }
  if (status == LOCI_OK)
    status =
        f->in->splitter->split == LOCI_SPLIT_MODEL ? choose_pieces(f, &table, error) : choose_words(f, &table, error);
  loci__free(f->context, table.slots);
  loci__free(f->context, words);
  loci__free(f->context, lengths);
  return status;
}

/* ---- rows -------------------------------------------------------------------------------------- */

static loci_status fill_rows(folder *f, loci_error *error) {
  const loci__vectors_out *v = f->in->vectors;
  const loci__kernels *k = loci__kernels_of(f->context);
  const size_t dim = v->dim, stride = v->stride > 0 ? v->stride : dim;
  size_t cells;
  if (dim == 0 || !loci__mul(f->n, dim, &cells))
    return loci__fail(error, LOCI_ERROR_USAGE, "%zu words of %zu numbers cannot be written", f->n, dim);
  const loci_precision precision = f->in->precision;
  if (precision == LOCI_PRECISION_F32) f->rows = loci__alloc_zero(f->context, cells, sizeof *f->rows);
  if (precision == LOCI_PRECISION_F16) f->halves = loci__alloc_zero(f->context, cells, sizeof *f->halves);
  if (precision == LOCI_PRECISION_INT8) {
    f->codes = loci__alloc_zero(f->context, cells, sizeof *f->codes);
    f->weights = loci__alloc_zero(f->context, f->n, sizeof *f->weights);
    if (f->weights == NULL) return loci__fail_memory(error, f->n * sizeof *f->weights, "a scale a word");
  }
  if (v->counts != NULL) f->counts = loci__alloc_zero(f->context, f->n, sizeof *f->counts);
  if ((f->rows == NULL && f->halves == NULL && f->codes == NULL) || (v->counts != NULL && f->counts == NULL))
    return loci__fail_memory(error, cells * sizeof *f->rows, "the rows of a folder");
  for (size_t i = 0; i < f->n; i++) {
    if (f->source[i] < 0) continue;
    const float *row = v->rows + (size_t)f->source[i] * stride;
    if (f->rows != NULL) memcpy(f->rows + i * dim, row, dim * sizeof *row);
    if (f->codes != NULL) f->weights[i] = k->quantize_i8(row, dim, f->codes + i * dim);
    for (size_t d = 0; f->halves != NULL && d < dim; d++) f->halves[i * dim + d] = loci__float_to_half(row[d]);
    if (f->counts != NULL) f->counts[i] = (int64_t)v->counts[f->source[i]];
  }
  return LOCI_OK;
}

/* ---- the folder -------------------------------------------------------------------------------- */

static loci_status write(folder *f, const char *path, loci_error *error) {
  const loci__splitter *splitter = f->in->splitter;
  const bool pieces = splitter->split == LOCI_SPLIT_MODEL;
  loci__buffer tokenizer, more;
  loci__buffer_init(&tokenizer, f->context, 0);
  loci__buffer_init(&more, f->context, 0);
  loci_status status = LOCI_OK;
  if (pieces) {
    status = loci__tokenizer_put_json(&tokenizer, splitter->tokenizer, error);
  } else {
    loci__tokenizer_put_words_json(&tokenizer, splitter, f->words, f->lengths, f->n - 1, f->unknown);
    loci__tokenizer_put_more_json(&more, splitter, f->in->lower_again);
  }
  if (status == LOCI_OK) status = loci__buffer_status(&tokenizer, "tokenizer.json", error);
  if (status == LOCI_OK) status = loci__buffer_status(&more, "loci.json", error);
  if (status == LOCI_OK) {
    const loci__static_out out = {.n_rows = f->n,
                                  .dim = f->in->vectors->dim,
                                  .codes = f->codes,
                                  .rows = f->rows,
                                  .halves = f->halves,
                                  .weights = f->weights,
                                  .counts = f->counts,
                                  .normalize = true,
                                  .tokenizer_json = tokenizer.data,
                                  .tokenizer_length = tokenizer.length,
                                  .more_json = pieces ? NULL : more.data,
                                  .card = f->in->card};
    status = loci__static_write(f->context, path, &out, error);
  }
  loci__buffer_release(&tokenizer);
  loci__buffer_release(&more);
  return status;
}

loci_status loci__words_write(loci_context *context, const char *path, const loci__words_out *words,
                              loci_error *error) {
  folder f = {.context = loci__context_of(context), .in = words};
  loci_status status = choose(&f, error);
  if (status == LOCI_OK) status = fill_rows(&f, error);
  if (status == LOCI_OK) status = write(&f, path, error);
  loci__free(f.context, f.source);
  loci__free(f.context, f.words);
  loci__free(f.context, f.lengths);
  loci__free(f.context, f.rows);
  loci__free(f.context, f.weights);
  loci__free(f.context, f.halves);
  loci__free(f.context, f.codes);
  loci__free(f.context, f.counts);
  return status;
}
