/* model/convert.c: word vectors from one format to another.
 *
 * Open (whatever it is) → choose the words (repeated ones go, then those that the output cannot hold, then all but the N
 * most frequent) → pack their rows together → write. Packing happens in the table's own memory when the words keep their
 * order, so that a conversion takes the memory of one table.
 *
 * What lies beside the vectors goes with them: counts as OUTPUT.vocab, the model card as OUTPUT.card.md. They are written
 * first: if the vectors cannot be written, nothing stands there under their name.
 */
#include "../format/vectors.h"
#include "../kernel/kernel.h"
#include "../text/text.h"
#include "model.h"
#include "words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CARD_LIMIT = 4 << 20 };

void loci_convert_options_init(loci_convert_options *options) {
  *options = (loci_convert_options){.struct_size = sizeof *options};
  loci_vectors_options_init(&options->input);
}

typedef struct conversion {
  loci_context *context;
  const loci_convert_options *options;
  const char *output;
  loci_vectors *vectors;
  loci_vectors_format format;
  uint32_t *pick; /* words that are written, by their numbers in the input */
  size_t n;
  float *rows; /* a copy, when they could not be packed in place; loci__free_aligned */
  loci_convert_report report;
  loci__meter meter;
} conversion;

/* ---- which words ---- */

typedef struct ranked {
  uint64_t count;
  uint32_t word;
} ranked;

static int by_count(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return x->word < y->word ? -1 : x->word > y->word;
}

static loci_status prune(conversion *c, size_t most, loci_error *error) {
  if (most == 0 || c->n <= most) return LOCI_OK;
  const loci_vectors *v = c->vectors;
  if (v->counts != NULL) {
    ranked *order = loci__alloc_array(c->context, c->n, sizeof *order);
    if (order == NULL) return loci__fail_memory(error, c->n * sizeof *order, "the order of the words");
    for (size_t i = 0; i < c->n; i++) order[i] = (ranked){v->counts[c->pick[i]], c->pick[i]};
    qsort(order, c->n, sizeof *order, by_count);
    for (size_t i = 0; i < most; i++) c->pick[i] = order[i].word;
    loci__free(c->context, order);
  }
  c->report.n_pruned += c->n - most;
  c->n = most;
  return LOCI_OK;
}

static loci_status choose(conversion *c, loci_error *error) {
  const loci_vectors *v = c->vectors;
  c->pick = loci__alloc_array(c->context, v->n, sizeof *c->pick);
  if (c->pick == NULL) return loci__fail_memory(error, v->n * sizeof *c->pick, "the words' numbers");
  for (size_t i = 0; i < v->n; i++) {
    if (v->n_duplicates > 0 && loci_vectors_find(v, v->words[i], v->lengths[i]) != (int64_t)i) c->report.n_duplicates++;
    else if (!loci__vectors_word_fits(c->format, v->words[i], v->lengths[i])) c->report.n_unfit++;
    else c->pick[c->n++] = (uint32_t)i;
  }
  LOCI__TRY(prune(c, c->options->prune, error));
  if (c->n == 0)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: not one of its %zu words can be written to '%s'", v->path, v->n,
                      c->output);
  return LOCI_OK;
}

/* ---- their rows, together ---- */

/* The picked items of the table's arrays move to the front. */
static loci_status pack(conversion *c, loci_error *error) {
  loci_vectors *v = c->vectors;
  const size_t row = v->dim * sizeof(float);
  bool identity = true, rising = true;
  for (size_t i = 0; i < c->n; i++) {
    identity &= c->pick[i] == i;
    rising &= i == 0 || c->pick[i] > c->pick[i - 1];
  }
  if (identity) return LOCI_OK;
  if (rising && v->owned_rows != NULL) {
    for (size_t i = 0; i < c->n; i++) memmove(v->owned_rows + i * v->dim, v->rows + c->pick[i] * v->dim, row);
  } else {
    c->rows = loci__alloc_aligned(c->context, c->n * row);
    if (c->rows == NULL) return loci__fail_memory(error, c->n * row, "the vectors");
    for (size_t i = 0; i < c->n; i++) memcpy(c->rows + i * v->dim, v->rows + c->pick[i] * v->dim, row);
  }
  const char **words = loci__alloc_array(c->context, c->n, sizeof *words);
  uint32_t *lengths = loci__alloc_array(c->context, c->n, sizeof *lengths);
  uint64_t *counts = v->counts != NULL ? loci__alloc_array(c->context, c->n, sizeof *counts) : NULL;
  if (words == NULL || lengths == NULL || (v->counts != NULL && counts == NULL)) {
    loci__free(c->context, words);
    loci__free(c->context, lengths);
    loci__free(c->context, counts);
    return loci__fail_memory(error, c->n * sizeof *words, "the words");
  }
  for (size_t i = 0; i < c->n; i++) {
    words[i] = v->words[c->pick[i]];
    lengths[i] = v->lengths[c->pick[i]];
    if (counts != NULL) counts[i] = v->counts[c->pick[i]];
  }
  loci__free(c->context, v->words);
  loci__free(c->context, v->lengths);
  loci__free(c->context, v->counts);
  v->words = words;
  v->lengths = lengths;
  v->counts = counts;
  return LOCI_OK;
}

/* After pack: rows of the output, in memory of our own. */
static loci_status take_top_away(conversion *c, loci_error *error) {
  loci_vectors *v = c->vectors;
  if (!c->options->all_but_the_top) return LOCI_OK;
  if (c->format == LOCI_VECTORS_FASTTEXT)
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s': a fastText model's subwords keep their mean and top directions",
                      c->output);
  if (c->rows == NULL && v->owned_rows == NULL) {
    const size_t size = c->n * v->dim * sizeof *c->rows;
    c->rows = loci__alloc_aligned(c->context, size);
    if (c->rows == NULL) return loci__fail_memory(error, size, "the vectors");
    memcpy(c->rows, v->rows, size);
  }
  return loci__all_but_the_top(c->context, c->rows != NULL ? c->rows : v->owned_rows, c->n, v->dim, c->options->n_top,
                               NULL, error);
}

/* ---- what lies beside ---- */

static char *beside(loci_context *context, const char *path, const char *ending) {
  loci__buffer name;
  loci__buffer_init(&name, context, 0);
  loci__buffer_puts(&name, path);
  loci__buffer_puts(&name, ending);
  char *taken = loci__buffer_take(&name);
  loci__buffer_release(&name);
  return taken;
}

/* What lies beside an output that was there before would be taken for the new one's. */
static void tell_stale(const conversion *c, const char *ending) {
  char *path = beside(c->context, c->output, ending);
  if (path != NULL && loci__file_exists(c->context, path))
    loci__log(c->context, LOCI_LOG_WARNING, "'%s' was there before and is of other vectors: remove it", path);
  loci__free(c->context, path);
}

static loci_status write_counts(const conversion *c, loci_error *error) {
  const loci_vectors *v = c->vectors;
  char *path = beside(c->context, c->output, ".vocab");
  if (path == NULL) return loci__fail_memory(error, strlen(c->output), "a path");
  loci__file_out out;
  loci_status status = loci__file_out_open(&out, c->context, path, error);
  if (status == LOCI_OK) {
    for (size_t i = 0; i < c->n; i++) {
      char line[32];
      const int used = snprintf(line, sizeof line, " %llu\n", (unsigned long long)v->counts[i]);
      loci__file_out_put(&out, v->words[i], v->lengths[i]);
      loci__file_out_put(&out, line, (size_t)used);
    }
    status = loci__file_out_close(&out, error);
  }
  loci__free(c->context, path);
  return status;
}

static loci_status write_card(const conversion *c, const char *path, const char *text, size_t length,
                              loci_error *error) {
  loci__buffer card;
  loci__buffer_init(&card, c->context, 0);
  loci__buffer_append(&card, text, length);
  if (c->options->all_but_the_top)
    loci__buffer_printf(&card,
                        "\nThe mean of the vectors and their parts along the top %zu principal directions were taken "
                        "away afterwards (all-but-the-top).\n",
                        c->options->n_top);
  loci_status status = loci__buffer_status(&card, "a model card", error);
  if (status == LOCI_OK) status = loci__file_write_atomic(c->context, path, card.data, card.length, error);
  loci__buffer_release(&card);
  return status;
}

static loci_status copy_card(const conversion *c, loci_error *error) {
  char *from = beside(c->context, c->vectors->path, ".card.md"), *to = beside(c->context, c->output, ".card.md");
  bool there = false;
  loci_status status = from != NULL && to != NULL ? loci__file_there(c->context, from, &there, error)
                                                  : loci__fail_memory(error, strlen(c->output), "a path");
  if (status == LOCI_OK && there) {
    char *text;
    size_t length;
    status = loci__file_read(c->context, from, CARD_LIMIT, &text, &length, error);
    if (status == LOCI_OK) status = write_card(c, to, text, length, error);
    loci__free(c->context, text);
  }
  if (status == LOCI_OK && !there) tell_stale(c, ".card.md");
  loci__free(c->context, from);
  loci__free(c->context, to);
  return status;
}

/* ---- precision ---- */

/* The worst |x − written(x)| over the greatest |x| of its row. */
static loci_status rounding(const conversion *c, const float *rows, double *worst, loci_error *error) {
  const loci__kernels *k = loci__kernels_of(c->context);
  const size_t dim = c->vectors->dim;
  int8_t *codes = loci__alloc_array(c->context, dim, sizeof *codes);
  if (codes == NULL) return loci__fail_memory(error, dim, "a row's codes");
  for (size_t i = 0; i < c->n; i++) {
    const float *row = rows + i * dim;
    const bool half = c->options->precision == LOCI_PRECISION_F16;
    const float scale = half ? 0 : k->quantize_i8(row, dim, codes);
    double greatest = 0, off = 0;
    for (size_t j = 0; j < dim; j++) {
      if (!isfinite(row[j])) continue;
      const float written = half ? loci__half_to_float(loci__float_to_half(row[j])) : scale * (float)codes[j];
      const double d = fabs((double)row[j] - (double)written);
      off = d > off ? d : off;
      greatest = fabs((double)row[j]) > greatest ? fabs((double)row[j]) : greatest;
    }
    if (greatest > 0 && off / greatest > *worst) *worst = off / greatest;
  }
  loci__free(c->context, codes);
  return LOCI_OK;
}

/* ---- the whole ---- */

static loci_status check_output(conversion *c, const char *input, loci_error *error) {
  const loci_convert_options *o = c->options;
  c->format = o->format != LOCI_VECTORS_UNKNOWN ? o->format : loci__vectors_format_of(c->output);
  if (c->format == LOCI_VECTORS_UNKNOWN)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "'%s': the ending says the format: .bin (word2vec), .txt or .vec (text), .npy (an array and its "
                      ".labels), none (a folder, a static model)",
                      c->output);
  if ((o->precision == LOCI_PRECISION_F16 && c->format != LOCI_VECTORS_NPY && c->format != LOCI_VECTORS_FOLDER) ||
      (o->precision == LOCI_PRECISION_INT8 && c->format != LOCI_VECTORS_FOLDER))
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s': this format holds float32 numbers only; %s", c->output,
                      o->precision == LOCI_PRECISION_INT8 ? "int8 is for folders" : "float16 is for .npy and folders");
  loci_file_info in, out;
  const int failed = loci__file_stat(c->context, input, true, &in);
  if (failed < 0) return loci__fail_file(error, "open", input, failed);
  if (loci__file_stat(c->context, c->output, true, &out) == 0 && in.device == out.device && in.inode == out.inode)
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is the file that is read: name another output", c->output);
  return LOCI_OK;
}

/* Rows of the file that was read, the picked words' before the buckets'; by value, since they lie at any alignment. */
typedef struct fasttext_rows {
  const loci__fasttext *file;
  const uint32_t *pick;
  size_t n;
  float *row;
} fasttext_rows;

static const float *matrix_row(const fasttext_rows *r, const unsigned char *matrix, size_t i) {
  const size_t size = (size_t)r->file->args.dim * sizeof(float);
  const size_t from = i < r->n ? r->pick[i] : i - r->n + r->file->n_words;
  memcpy(r->row, matrix + from * size, size);
  return r->row;
}

static const float *input_row(void *arg, size_t i) {
  const fasttext_rows *r = arg;
  return matrix_row(r, r->file->input_bytes, i);
}

static const float *output_row(void *arg, size_t i) {
  const fasttext_rows *r = arg;
  return matrix_row(r, r->file->output_bytes, i);
}

/* Fewer words of the same model: words and, in unsupervised models, rows of output go; buckets and labels stay. What a
 * word that went away loses is its own row: it has the mean of its n-grams then. */
static loci_status write_fasttext(const conversion *c, loci_error *error) {
  const loci_vectors *v = c->vectors;
  const loci__fasttext *f = v->subwords;
  loci__fasttext out = *f;
  const size_t n = c->n + f->n_labels;
  fasttext_rows rows = {.file = f, .pick = c->pick, .n = c->n};
  out.entries = loci__alloc_array(c->context, n, sizeof *out.entries);
  out.lengths = loci__alloc_array(c->context, n, sizeof *out.lengths);
  out.counts = loci__alloc_array(c->context, n, sizeof *out.counts);
  rows.row = loci__alloc_array(c->context, v->dim, sizeof *rows.row);
  loci_status status = LOCI_OK;
  if (out.entries == NULL || out.lengths == NULL || out.counts == NULL || rows.row == NULL) {
    status = loci__fail_memory(error, n * sizeof *out.entries, "the dictionary");
  } else {
    for (size_t i = 0; i < n; i++) {
      const size_t from = i < c->n ? c->pick[i] : i - c->n + f->n_words;
      out.entries[i] = f->entries[from];
      out.lengths[i] = f->lengths[from];
      out.counts[i] = f->counts[from];
    }
    out.n_entries = n;
    out.n_words = c->n;
    out.n_input = f->n_input - f->n_words + c->n;
    out.input_row = input_row;
    out.rows_arg = &rows;
    if (f->args.model != LOCI__FASTTEXT_SUPERVISED) {
      out.n_output = c->n;
      out.output_row = output_row;
    }
    status = loci__fasttext_write(c->context, c->output, &out, error);
  }
  loci__free(c->context, out.entries);
  loci__free(c->context, out.lengths);
  loci__free(c->context, out.counts);
  loci__free(c->context, rows.row);
  return status;
}

/* Counts of the file's own, or of FILE.vocab; *counts stays NULL when there is neither. */
static loci_status find_counts(const conversion *c, uint64_t **counts, loci_error *error) {
  bool there = false;
  *counts = NULL;
  if (c->vectors->counts != NULL) return LOCI_OK;
  char *path = beside(c->context, c->vectors->path, ".vocab");
  loci_status status = path != NULL ? loci__file_there(c->context, path, &there, error)
                                    : loci__fail_memory(error, strlen(c->vectors->path), "a path");
  if (status == LOCI_OK && there) {
    *counts = loci__alloc_array(c->context, c->vectors->n, sizeof **counts);
    status = *counts != NULL ? loci__words_counts(c->context, c->vectors, path, *counts, error)
                             : loci__fail_memory(error, c->vectors->n * sizeof **counts, "the words' counts");
  }
  loci__free(c->context, path);
  return status;
}

/* A static model's folder: it cuts texts as the input's card says, or as the folder that was read does. */
static loci_status write_folder(const conversion *c, const loci__vectors_out *vectors, loci_error *error) {
  loci__vectors_out counted = *vectors;
  loci__words_out out = {.vectors = &counted, .precision = c->options->precision, .lower_again = true};
  uint64_t *counts = NULL;
  loci__splitter splitter;
  loci_tokenizer *tokenizer = NULL;
  char *card = NULL;
  bool has_card = false;
  loci_status status;
  if (c->vectors->format == LOCI_VECTORS_FOLDER) {
    status = loci_tokenizer_open(c->context, c->vectors->path, &tokenizer, error);
    if (status == LOCI_OK && !loci__tokenizer_splitter(tokenizer, &splitter, &out.lower_again))
      splitter = (loci__splitter){.split = LOCI_SPLIT_MODEL, .fold = LOCI_FOLD_NONE, .tokenizer = tokenizer};
  } else {
    status = loci__words_splitter(c->context, c->vectors->path, &splitter, &tokenizer, &has_card, error);
  }
  if (status == LOCI_OK && has_card) {
    size_t length;
    char *path = beside(c->context, c->vectors->path, ".card.md");
    status = path != NULL ? loci__file_read(c->context, path, CARD_LIMIT, &card, &length, error)
                          : loci__fail_memory(error, strlen(c->vectors->path), "a path");
    loci__free(c->context, path);
    out.lower_again = false;
  }
  if (status == LOCI_OK) status = find_counts(c, &counts, error);
  if (counts != NULL) counted.counts = counts;
  out.splitter = &splitter;
  out.card = card;
  if (status == LOCI_OK) status = loci__words_write(c->context, c->output, &out, error);
  loci__free(c->context, card);
  loci__free(c->context, counts);
  loci_tokenizer_close(tokenizer);
  return status;
}

static loci_status write_out(conversion *c, loci_error *error) {
  const loci_vectors *v = c->vectors;
  const float *rows = c->rows != NULL ? c->rows : v->rows;
  const loci__vectors_out out = {.n = c->n,
                                 .dim = v->dim,
                                 .words = v->words,
                                 .lengths = v->lengths,
                                 .rows = rows,
                                 .counts = v->counts,
                                 .meter = &c->meter};
  c->report.n = c->n;
  c->report.dim = v->dim;
  if (c->options->precision != LOCI_PRECISION_F32) LOCI__TRY(rounding(c, rows, &c->report.worst_error, error));
  if (c->format == LOCI_VECTORS_FOLDER) return write_folder(c, &out, error);
  if (c->format == LOCI_VECTORS_FASTTEXT) {
    LOCI__TRY(copy_card(c, error));
    return write_fasttext(c, error);
  }
  if (v->counts != NULL) LOCI__TRY(write_counts(c, error));
  else tell_stale(c, ".vocab");
  if (v->format != LOCI_VECTORS_FOLDER) LOCI__TRY(copy_card(c, error));
  return loci__vectors_write(c->context, c->output, c->format, c->options->precision, &out, error);
}

static loci_status run(conversion *c, const char *input, loci_error *error) {
  LOCI__TRY(check_output(c, input, error));
  LOCI__TRY(loci__meter_stage(&c->meter, "reading", "words", 0, error));
  LOCI__TRY(loci_vectors_open(c->context, input, &c->options->input, &c->vectors, error));
  const loci_vectors *v = c->vectors;
  c->report.from = v->format;
  c->report.to = c->format;
  c->report.n_read = v->n;
  if (c->format == LOCI_VECTORS_FASTTEXT && v->subwords == NULL)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "'%s': only a fastText model can be written as one: '%s' has no subwords", c->output, input);
  c->report.dropped_subwords = v->subwords != NULL && v->subwords->args.max_n > 0 && c->format != LOCI_VECTORS_FASTTEXT;
  LOCI__TRY(loci__meter_at(&c->meter, v->n, NULL, error));
  LOCI__TRY(loci__meter_end(&c->meter, error));
  LOCI__TRY(choose(c, error));
  if (c->format != LOCI_VECTORS_FASTTEXT) LOCI__TRY(pack(c, error));
  LOCI__TRY(take_top_away(c, error));
  LOCI__TRY(loci__meter_stage(&c->meter, "writing", "words", c->n, error));
  LOCI__TRY(write_out(c, error));
  /* It is done: a late "stop" changes nothing. */
  loci__meter_at(&c->meter, c->n, NULL, NULL);
  loci__meter_end(&c->meter, NULL);
  return LOCI_OK;
}

loci_status loci_convert(loci_context *context, const char *input, const loci_convert_options *options,
                         const char *output, loci_convert_report *report, loci_error *error) {
  loci_convert_options given;
  loci_convert_options_init(&given);
  if (options != NULL)
    memcpy(&given, options, options->struct_size < sizeof given ? options->struct_size : sizeof given);
  conversion c = {.context = loci__context_of(context), .options = &given, .output = output};
  if (c.context == NULL) return loci__fail_memory(error, sizeof c, "a context");
  loci__meter_init(&c.meter, given.progress, given.progress_user);
  const loci_status status = run(&c, input, error);
  loci__free_aligned(c.context, c.rows);
  loci__free(c.context, c.pick);
  loci_vectors_close(c.vectors);
  if (status == LOCI_OK && report != NULL) {
    c.report.struct_size = report->struct_size;
    memcpy(report, &c.report, report->struct_size < sizeof c.report ? report->struct_size : sizeof c.report);
  }
  return status;
}

/* ---- a table as it is ---- */

loci_status loci_vectors_save(const loci_vectors *vectors, const char *path, const char *card, loci_error *error) {
  const loci_convert_options options = {.struct_size = sizeof options};
  conversion c = {.context = vectors->context, .options = &options, .output = path, .n = vectors->n};
  c.format = loci__vectors_format_of(path);
  if (c.format != LOCI_VECTORS_WORD2VEC && c.format != LOCI_VECTORS_TEXT && c.format != LOCI_VECTORS_NPY)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "'%s': the ending says the format: .bin (word2vec), .txt or .vec (text), .npy (an array and its "
                      ".labels)",
                      path);
  c.vectors = (loci_vectors *)(uintptr_t)vectors; /* which is only read */
  if (vectors->counts != NULL) LOCI__TRY(write_counts(&c, error));
  else tell_stale(&c, ".vocab");
  if (card != NULL) {
    char *beside_it = beside(c.context, path, ".card.md");
    const loci_status status = beside_it != NULL
                                   ? loci__file_write_atomic(c.context, beside_it, card, strlen(card), error)
                                   : loci__fail_memory(error, strlen(path), "a path");
    loci__free(c.context, beside_it);
    LOCI__TRY(status);
  } else {
    tell_stale(&c, ".card.md");
  }
  const loci__vectors_out out = {.n = vectors->n,
                                 .dim = vectors->dim,
                                 .words = vectors->words,
                                 .lengths = vectors->lengths,
                                 .rows = vectors->rows,
                                 .counts = vectors->counts};
  return loci__vectors_write(c.context, path, c.format, LOCI_PRECISION_F32, &out, error);
}
