/* train/classifier.c: an opened classifier (a supervised model of fastText's, .bin) and what it answers.
 *
 * The file stays mapped; of the input matrix only the rows that a text has are read. It may lie at any alignment there, so
 * rows are copied before they are added; the small output matrix is copied once.
 *
 * Ownership: the classifier owns the file and its tables. Threads: immutable; each call has scratch of its own.
 */
#include "classify.h"

#include <stdlib.h>

struct loci_classifier {
  loci_context *context;
  loci__fasttext *file;
  loci__dictionary dictionary;
  loci__labels labels;
  float *output; /* n_labels × dim */
};

/* One text after another. */
typedef struct asking {
  const loci_classifier *classifier;
  loci__line line;
  float *hidden, *row, *scores;
} asking;

static const char usual_prefix[] = "__label__";

static loci_status open_parts(loci_classifier *c, const char *path, loci_error *error) {
  const loci__fasttext *f = c->file;
  if (f->args.model != LOCI__FASTTEXT_SUPERVISED)
    return loci__fail(error, LOCI_ERROR_MODEL,
                      "%s: word vectors, not a classifier: `loci train classify` makes one, loci embed reads this",
                      path);
  if (f->n_labels == 0) return loci__fail(error, LOCI_ERROR_MODEL, "%s: a classifier without labels", path);
  size_t dim = (size_t)f->args.dim, size;
  if (!loci__mul(f->n_labels, dim * sizeof(float), &size)) size = SIZE_MAX / 2;
  c->output = loci__alloc_aligned(c->context, size);
  if (!c->output) return loci__fail_memory(error, size, "the labels' rows");
  memcpy(c->output, f->output_bytes, size);
  LOCI__TRY(
      loci__labels_init(&c->labels, c->context, f->args.loss, f->n_labels, dim, dim, 0, f->counts + f->n_words, error));
  c->dictionary = (loci__dictionary){.context = c->context,
                                     .n_words = f->n_words,
                                     .n_entries = f->n_entries,
                                     .entries = f->entries,
                                     .lengths = f->lengths,
                                     .label_prefix = usual_prefix,
                                     .min_n = f->args.min_n,
                                     .max_n = f->args.max_n,
                                     .word_ngrams = f->args.word_ngrams,
                                     .n_buckets = f->args.bucket};
  return loci__dictionary_index(&c->dictionary, error);
}

loci_status loci_classifier_open(loci_context *context, const char *path, loci_classifier **out, loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  if (!context) return loci__fail_memory(error, 0, "a context");
  if (!path || !*path) return loci__fail(error, LOCI_ERROR_USAGE, "name a classifier's file");
  loci_classifier *c = loci__alloc_zero(context, 1, sizeof *c);
  if (!c) return loci__fail_memory(error, sizeof *c, "a classifier");
  c->context = context;
  loci__mapping mapping;
  loci_status status = loci__mapping_open(&mapping, context, path, error);
  if (status == LOCI_OK) {
    status = loci__fasttext_parse(context, path, mapping.data, mapping.length, false, &c->file, error);
    if (status == LOCI_OK) c->file->mapping = mapping;
    else loci__mapping_close(&mapping);
  }
  if (status == LOCI_OK) status = open_parts(c, path, error);
  if (status != LOCI_OK) {
    loci_classifier_close(c);
    return status;
  }
  *out = c;
  return LOCI_OK;
}

void loci_classifier_close(loci_classifier *c) {
  if (!c) return;
  if (c->dictionary.context) loci__dictionary_release(&c->dictionary);
  if (c->labels.context) loci__labels_release(&c->labels);
  loci__free_aligned(c->context, c->output);
  loci__fasttext_close(c->file);
  loci__free(c->context, c);
}

size_t loci_classifier_labels(const loci_classifier *c) {
  return c->file->n_labels;
}

const char *loci_classifier_label(const loci_classifier *c, size_t i) {
  if (i >= c->file->n_labels) return NULL;
  const char *label = c->file->entries[c->file->n_words + i];
  return loci__starts_with(label, usual_prefix) ? label + sizeof usual_prefix - 1 : label;
}

/* ---- asking ---- */

static void asking_release(asking *a) {
  loci__line_release(&a->line);
  loci__free_aligned(a->classifier->context, a->hidden);
  loci__free(a->classifier->context, a->scores);
}

static loci_status asking_init(asking *a, const loci_classifier *c, loci_error *error) {
  *a = (asking){.classifier = c};
  loci__line_init(&a->line, c->context);
  size_t dim = (size_t)c->file->args.dim;
  a->hidden = loci__alloc_aligned(c->context, 2 * dim * sizeof *a->hidden);
  a->scores = loci__alloc_array(c->context, 4 * (c->file->n_labels + 1), sizeof *a->scores);
  if (a->hidden && a->scores) {
    a->row = a->hidden + dim;
    return LOCI_OK;
  }
  asking_release(a);
  return loci__fail_memory(error, (2 * dim + 4 * c->file->n_labels) * sizeof(float), "a text's vector");
}

/* The mean of the line's rows; false when it has none. */
static bool hidden_of(asking *a) {
  const loci_classifier *c = a->classifier;
  size_t dim = (size_t)c->file->args.dim;
  if (a->line.n_rows == 0) return false;
  memset(a->hidden, 0, dim * sizeof *a->hidden);
  for (size_t i = 0; i < a->line.n_rows; i++) {
    memcpy(a->row, c->file->input_bytes + (size_t)a->line.rows[i] * dim * sizeof *a->row, dim * sizeof *a->row);
    for (size_t j = 0; j < dim; j++) a->hidden[j] += a->row[j];
  }
  float share = (float)(1.0 / (double)a->line.n_rows);
  for (size_t j = 0; j < dim; j++) a->hidden[j] *= share;
  return true;
}

loci_status loci_classify(const loci_classifier *c, const char *text, size_t length, size_t k, uint32_t *labels,
                          float *probabilities, size_t *n, loci_error *error) {
  *n = 0;
  if (k == 0) return loci__fail(error, LOCI_ERROR_USAGE, "at least one label is to be asked for");
  asking a;
  LOCI__TRY(asking_init(&a, c, error));
  loci_status status = loci__line_read(&c->dictionary, text, length, &a.line, error);
  if (status == LOCI_OK && hidden_of(&a))
    *n = loci__labels_best(&c->labels, c->output, a.hidden, k, labels, probabilities, a.scores);
  asking_release(&a);
  return status;
}

/* ---- evaluation ---- */

typedef struct tally {
  uint64_t texts, without, gold, told, right;
} tally;

static void count_text(asking *a, size_t k, uint32_t *labels, float *probabilities, tally *t) {
  const loci_classifier *c = a->classifier;
  if (a->line.n_labels == 0 || !hidden_of(a)) {
    t->without++;
    return;
  }
  size_t n = loci__labels_best(&c->labels, c->output, a->hidden, k, labels, probabilities, a->scores);
  t->texts++;
  t->gold += a->line.n_labels;
  t->told += n;
  for (size_t i = 0; i < n; i++) {
    bool right = false;
    for (size_t j = 0; j < a->line.n_labels; j++) right |= a->line.labels[j] == labels[i];
    t->right += right;
  }
}

static loci_status eval_lines(asking *a, const loci__mapping *file, size_t k, uint32_t *labels, float *probabilities,
                              tally *t, loci_error *error) {
  for (size_t at = 0; at < file->length;) {
    const char *end = memchr(file->data + at, '\n', file->length - at);
    size_t stop = end ? (size_t)(end - file->data) : file->length;
    LOCI__TRY(loci__line_read(&a->classifier->dictionary, file->data + at, stop - at, &a->line, error));
    count_text(a, k, labels, probabilities, t);
    at = stop + 1;
  }
  return LOCI_OK;
}

loci_status loci_eval_classify(const loci_classifier *c, const char *path, size_t k, loci_classify_score *out,
                               loci_error *error) {
  *out = (loci_classify_score){0};
  if (k == 0) return loci__fail(error, LOCI_ERROR_USAGE, "at least one label is to be asked for");
  if (k > c->file->n_labels) k = c->file->n_labels;
  loci__mapping file;
  LOCI__TRY(loci__mapping_open(&file, c->context, path, error));
  uint32_t *labels = loci__alloc_array(c->context, k, sizeof *labels);
  float *probabilities = loci__alloc_array(c->context, k, sizeof *probabilities);
  asking a;
  tally t = {0};
  loci_status status = labels && probabilities ? asking_init(&a, c, error) : loci__fail_memory(error, k * 8, "labels");
  if (status == LOCI_OK) {
    status = eval_lines(&a, &file, k, labels, probabilities, &t, error);
    asking_release(&a);
  }
  loci__free(c->context, labels);
  loci__free(c->context, probabilities);
  loci__mapping_close(&file);
  LOCI__TRY(status);
  if (t.texts == 0)
    return loci__fail(error, LOCI_ERROR_FORMAT,
                      "%s: no line has a label that the model knows and a word (labels begin with %s)", path,
                      usual_prefix);
  out->n_texts = t.texts;
  out->n_without = t.without;
  out->precision = (double)t.right / (double)t.told;
  out->recall = (double)t.right / (double)t.gold;
  return LOCI_OK;
}
