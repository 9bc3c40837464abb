/* train/classify.c: a classifier from labelled lines (Joulin et al. 2017), from options to file; classify.h says how the
 * parts work together.
 *
 * Model of the world. Lines are learned one by one, in an order drawn anew for each epoch (so a file that is sorted by
 * label does no harm; the reference takes a file as it is), by one thread: each step starts from what the one before left,
 * which is what small sets need, and makes the bits independent of threads. Another thread reads the lines ahead, a group
 * at a time (lockstep.h).
 *
 * The dictionary is the reference's: words by frequency, "</s>" (one a line) among them, then labels, of which none is
 * too rare. Only buckets that occur have a row while training; in the file the others are zero.
 */
#include "classify.h"

#include <math.h>
#include <stdlib.h>

enum { GROUP = 256 /* lines that are read ahead */, GROUPS_PER_TICK = 16 };

/* Part of a checkpoint: plain bytes. */
typedef struct state {
  uint64_t epoch, next, n_read; /* the next line of the epoch's order; tokens since the beginning */
  loci__random random;
} state;

typedef struct group {
  loci__line lines[GROUP];
  size_t n;
  loci_status status;
  loci_error error;
} group;

typedef struct run {
  loci_context *context;
  loci__trainer *trainer;
  const loci_classify_options *options;
  size_t n_buckets;
  /* dictionary */
  loci_vectors *pretrained;
  loci__dictionary dictionary;
  const char **entries;
  uint32_t *lengths;
  int64_t *counts;
  size_t n_labels;
  uint32_t *row_of; /* of a bucket */
  size_t n_rows;
  uint64_t n_tokens; /* of the file, labels and ends of lines included */
  /* text */
  loci__mapping text;
  size_t *line_starts; /* n_lines + 1 */
  size_t n_lines;
  uint32_t *order; /* of this epoch */
  /* parameters */
  const loci__kernels *kernels;
  size_t stride;
  float *input, *output;
  loci__labels labels;
  float *hidden, *gradient, *scratch;
  state now;
  group *groups; /* two: learned from, read ahead */
  size_t current, groups_left, read_next;
  bool reading;
  double loss;
  uint64_t n_steps;
} run;

void loci_classify_options_init(loci_classify_options *options) {
  *options = (loci_classify_options){.struct_size = sizeof *options,
                                     .label_prefix = "__label__",
                                     .dim = 100,
                                     .epochs = 5,
                                     .word_ngrams = 1,
                                     .buckets = 2000000,
                                     .negative = 5,
                                     .loss = LOCI_LOSS_SOFTMAX,
                                     .alpha = .1};
  loci__train_common_init(&options->common);
  options->common.corpus.split = LOCI_SPLIT_SPACE;
  options->common.corpus.fold = LOCI_FOLD_NONE;
  options->common.corpus.min_count = 1;
}

static loci_status check(const loci_classify_options *o, loci_error *error) {
  if (o->dim < 1 || o->dim > 65536) return loci__fail(error, LOCI_ERROR_USAGE, "dim %zu is not in 1…65536", o->dim);
  if (o->epochs < 1 || o->epochs > 1000000)
    return loci__fail(error, LOCI_ERROR_USAGE, "epochs %zu is not in 1…1000000", o->epochs);
  if (o->word_ngrams < 1 || o->word_ngrams > 100)
    return loci__fail(error, LOCI_ERROR_USAGE, "n-grams of %zu words are not in 1…100", o->word_ngrams);
  if (o->max_n > 255 || (o->max_n > 0 && (o->min_n < 1 || o->min_n > o->max_n)))
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "n-grams of %zu to %zu characters: 1 ≤ min ≤ max ≤ 255, or max 0 for none", o->min_n, o->max_n);
  if ((o->max_n > 0 || o->word_ngrams > 1) && (o->buckets < 1 || o->buckets > INT32_MAX / 2))
    return loci__fail(error, LOCI_ERROR_USAGE, "buckets %zu is not in 1…%d", o->buckets, INT32_MAX / 2);
  if (o->loss < LOCI_LOSS_SOFTMAX || o->loss > LOCI_LOSS_ONE_VS_ALL)
    return loci__fail(error, LOCI_ERROR_USAGE, "no such loss: %d", (int)o->loss);
  if (o->loss == LOCI_LOSS_NEGATIVE && (o->negative < 1 || o->negative > 1000))
    return loci__fail(error, LOCI_ERROR_USAGE, "negative %zu is not in 1…1000", o->negative);
  if (!(o->alpha > 0) || o->alpha > 100)
    return loci__fail(error, LOCI_ERROR_USAGE, "the learning rate (alpha) %g is not above 0 and up to 100", o->alpha);
  if (!o->label_prefix || !*o->label_prefix)
    return loci__fail(error, LOCI_ERROR_USAGE, "labels need a prefix that tells them from words");
  const loci_corpus_options *c = &o->common.corpus;
  if (c->split != LOCI_SPLIT_SPACE || c->fold != LOCI_FOLD_NONE || c->max_vocabulary > 0)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "a classifier's file cannot say how its text was split, so it is split at white space and not "
                      "folded: prepare the text (the same way for training and for asking)");
  return LOCI_OK;
}

/* ---- the dictionary ---- */

/* Words with their counts while they are gathered. */
typedef struct gathering {
  run *r;
  size_t n, n_labels, capacity;
} gathering;

static loci_status gather(gathering *g, size_t at, const char *word, size_t length, uint64_t count) {
  run *r = g->r;
  r->entries[at] = word;
  r->lengths[at] = (uint32_t)length;
  r->counts[at] = (int64_t)count;
  return LOCI_OK;
}

static bool is_label(const run *r, const char *word, size_t length) {
  size_t prefix = strlen(r->options->label_prefix);
  return length >= prefix && memcmp(word, r->options->label_prefix, prefix) == 0;
}

/* Words from the front, labels from `n_words` on; called twice: first to count them. Words come in descending order, so
 * "</s>" is put where its count belongs. */
static void gather_words(gathering *g, bool put) {
  run *r = g->r;
  const loci_vocabulary *v = r->trainer->vocabulary;
  uint64_t least = r->options->common.corpus.min_count, ends = r->n_lines;
  size_t n = 0, labels = 0, n_words = g->n;
  bool end_put = ends < least || ends == 0;
  for (size_t i = 0, all = loci__vocabulary_size(v); i <= all; i++) {
    size_t length = 0;
    uint64_t count = 0;
    const char *word = i < all ? loci__vocabulary_word(v, i, &length, &count) : NULL;
    if (!end_put && (!word || count < ends)) {
      if (put) gather(g, n, LOCI__LINES_END, strlen(LOCI__LINES_END), ends);
      n++;
      end_put = true;
    }
    if (!word || (length == strlen(LOCI__LINES_END) && memcmp(word, LOCI__LINES_END, length) == 0)) continue;
    if (is_label(r, word, length)) {
      if (put) gather(g, n_words + labels, word, length, count);
      labels++;
    } else if (count >= least) {
      if (put) gather(g, n, word, length, count);
      n++;
    }
  }
  g->n = n;
  g->n_labels = labels;
}

/* Words of the vectors to start from that the text does not have stand behind the others, counted once each. */
static size_t gather_pretrained(gathering *g, bool put, const loci__dictionary *known) {
  run *r = g->r;
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(r->pretrained, &info);
  size_t n = 0;
  for (size_t i = 0; i < info.n; i++) {
    size_t length;
    const char *word = loci_vectors_word(r->pretrained, i, &length);
    if (length == 0 || length > UINT32_MAX || memchr(word, 0, length) || is_label(r, word, length) ||
        loci__dictionary_find(known, word, length) >= 0 || loci_vectors_find(r->pretrained, word, length) != (int64_t)i)
      continue;
    if (put) gather(g, g->n + n, word, length, 1);
    n++;
  }
  return n;
}

static loci_status index_entries(run *r, size_t n_words, size_t n_entries, loci_error *error) {
  const loci_classify_options *o = r->options;
  if (r->dictionary.context) loci__dictionary_release(&r->dictionary);
  r->dictionary = (loci__dictionary){.context = r->context,
                                     .n_words = n_words,
                                     .n_entries = n_entries,
                                     .entries = r->entries,
                                     .lengths = r->lengths,
                                     .label_prefix = o->label_prefix,
                                     .min_n = (int32_t)o->min_n,
                                     .max_n = (int32_t)o->max_n,
                                     .word_ngrams = (int32_t)o->word_ngrams,
                                     .n_buckets = (int32_t)r->n_buckets};
  return loci__dictionary_index(&r->dictionary, error);
}

static loci_status make_dictionary(run *r, loci_error *error) {
  gathering g = {.r = r};
  gather_words(&g, false);
  size_t n_words = g.n, more = 0;
  if (r->pretrained) {
    loci_vectors_info info = {.struct_size = sizeof info};
    loci_vectors_get_info(r->pretrained, &info);
    more = info.n;
  }
  size_t all = n_words + g.n_labels + more;
  r->entries = loci__alloc_array(r->context, all + 1, sizeof *r->entries);
  r->lengths = loci__alloc_array(r->context, all + 1, sizeof *r->lengths);
  r->counts = loci__alloc_array(r->context, all + 1, sizeof *r->counts);
  if (!r->entries || !r->lengths || !r->counts) return loci__fail_memory(error, all * 20, "the dictionary");
  if (all > INT32_MAX / 2) return loci__fail(error, LOCI_ERROR_LIMIT, "%zu words are too many", all);
  gather_words(&g, true);
  if (r->pretrained) { /* once with the text's words alone, to know the others */
    LOCI__TRY(index_entries(r, n_words, n_words, error));
    n_words += gather_pretrained(&g, true, &r->dictionary);
    g.n = n_words;
    gathering labels = {.r = r, .n = n_words};
    /* labels again, behind all words; words come to the same places */
    gather_words(&labels, true);
  }
  r->n_labels = g.n_labels;
  if (r->n_labels == 0)
    return loci__fail(error, LOCI_ERROR_FORMAT,
                      "%s: no label: a text a line, with words that begin with %s among its words", r->trainer->corpus,
                      r->options->label_prefix);
  if (n_words == 0)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: no word is frequent enough; a smaller --min-count",
                      r->trainer->corpus);
  return index_entries(r, n_words, n_words + r->n_labels, error);
}

/* ---- the text ---- */

static loci_status find_lines(run *r, loci_error *error) {
  size_t capacity = 0;
  for (size_t at = 0; at < r->text.length;) {
    if (!loci__grow(r->context, &r->line_starts, &capacity, r->n_lines + 2, sizeof *r->line_starts))
      return loci__fail_memory(error, r->n_lines * sizeof *r->line_starts, "the lines' places");
    r->line_starts[r->n_lines++] = at;
    const char *end = memchr(r->text.data + at, '\n', r->text.length - at);
    at = end ? (size_t)(end - r->text.data) + 1 : r->text.length;
    r->line_starts[r->n_lines] = at;
  }
  if (r->n_lines > UINT32_MAX) return loci__fail(error, LOCI_ERROR_LIMIT, "more than 2³² lines");
  r->order = loci__alloc_array(r->context, r->n_lines + 1, sizeof *r->order);
  return r->order ? LOCI_OK : loci__fail_memory(error, r->n_lines * sizeof *r->order, "the order of the lines");
}

static loci_status read_line(const run *r, size_t i, loci__line *line, loci_error *error) {
  size_t at = r->line_starts[i], end = r->line_starts[i + 1];
  return loci__line_read(&r->dictionary, r->text.data + at, end - at, line, error);
}

/* Counts tokens; finds which buckets occur, and numbers them in the order of their numbers. */
static loci_status scan_lines(run *r, loci_error *error) {
  size_t n_words = r->dictionary.n_words;
  uint8_t *used = loci__alloc_zero(r->context, r->n_buckets + 1, 1);
  if (!used) return loci__fail_memory(error, r->n_buckets, "the buckets");
  loci__line line;
  loci__line_init(&line, r->context);
  LOCI__TRY(loci__meter_stage(&r->trainer->meter, "reading", "lines", r->n_lines, error));
  loci_status status = LOCI_OK;
  for (size_t i = 0; status == LOCI_OK && i < r->n_lines; i++) {
    status = read_line(r, i, &line, error);
    r->n_tokens += line.n_tokens;
    for (size_t j = 0; j < line.n_rows; j++)
      if (line.rows[j] >= n_words) used[line.rows[j] - n_words] = 1;
    if (status == LOCI_OK && i % 1024 == 0) status = loci__meter_at(&r->trainer->meter, i, NULL, error);
  }
  r->n_rows = n_words;
  if (status == LOCI_OK && r->n_buckets > 0) {
    r->row_of = loci__alloc_array(r->context, r->n_buckets, sizeof *r->row_of);
    if (!r->row_of) status = loci__fail_memory(error, r->n_buckets * sizeof *r->row_of, "the buckets");
    for (size_t b = 0; r->row_of && b < r->n_buckets; b++) r->row_of[b] = used[b] ? (uint32_t)r->n_rows++ : 0;
    r->dictionary.row_of = r->row_of;
  }
  loci__line_release(&line);
  loci__free(r->context, used);
  return status;
}

/* ---- parameters ---- */

static loci_status matrix(run *r, size_t rows, float **out, loci_error *error) {
  size_t bytes;
  if (!loci__mul(rows, r->stride * sizeof(float), &bytes)) bytes = SIZE_MAX / 2;
  *out = loci__alloc_aligned(r->context, bytes);
  if (!*out) return loci__fail_memory(error, bytes, "a matrix");
  memset(*out, 0, bytes);
  return LOCI_OK;
}

/* A row's first numbers depend on the seed and its place in the file alone. */
static void first_row(const run *r, size_t file_row, float *row) {
  loci__random random;
  loci__random_init(&random, r->options->common.seed * UINT64_C(0x9E3779B97F4A7C15) + file_row);
  size_t dim = r->options->dim;
  for (size_t j = 0; j < dim; j++) row[j] = (float)((2 * loci__random_unit(&random) - 1) / (double)dim);
}

static loci_status make_matrices(run *r, loci_error *error) {
  size_t n_words = r->dictionary.n_words, dim = r->options->dim;
  size_t most = r->options->common.max_memory;
  double needed = ((double)r->n_rows + (double)r->n_labels) * (double)r->stride * sizeof(float);
  loci__log(r->context, LOCI_LOG_INFO, "%zu words, %zu labels, %zu buckets: about %.0f MB", n_words, r->n_labels,
            r->n_rows - n_words, needed / 1e6);
  if (most > 0 && needed > (double)most)
    return loci__fail(error, LOCI_ERROR_LIMIT,
                      "%zu rows need about %.0f MB, %.0f MB are allowed: a smaller dim, a "
                      "greater --min-count, fewer buckets or more memory (--max-memory)",
                      r->n_rows + r->n_labels, needed / 1e6, (double)most / 1e6);
  LOCI__TRY(matrix(r, r->n_rows, &r->input, error));
  LOCI__TRY(matrix(r, r->n_labels, &r->output, error));
  for (size_t i = 0; i < n_words; i++) {
    float *row = r->input + i * r->stride;
    int64_t at = r->pretrained ? loci_vectors_find(r->pretrained, r->entries[i], r->lengths[i]) : -1;
    if (at >= 0) memcpy(row, loci_vectors_row(r->pretrained, (size_t)at), dim * sizeof *row);
    else first_row(r, i, row);
  }
  for (size_t b = 0; b < r->n_buckets; b++)
    if (r->row_of[b]) first_row(r, n_words + b, r->input + r->row_of[b] * r->stride);
  size_t scratch = 2 * r->n_labels + 2;
  r->hidden = loci__alloc_aligned(r->context, 2 * r->stride * sizeof *r->hidden);
  r->scratch = loci__alloc_array(r->context, scratch, sizeof *r->scratch);
  r->groups = loci__alloc_zero(r->context, 2, sizeof *r->groups);
  if (!r->hidden || !r->scratch || !r->groups) return loci__fail_memory(error, scratch * 4, "a step");
  r->gradient = r->hidden + r->stride;
  for (size_t g = 0; g < 2; g++)
    for (size_t i = 0; i < GROUP; i++) loci__line_init(&r->groups[g].lines[i], r->context);
  static const int losses[] = {LOCI__FASTTEXT_SOFTMAX, LOCI__FASTTEXT_NEGATIVE, LOCI__FASTTEXT_HIERARCHICAL,
                               LOCI__FASTTEXT_OVA};
  return loci__labels_init(&r->labels, r->context, losses[r->options->loss], r->n_labels, r->stride, r->stride,
                           r->options->negative, r->counts + n_words, error);
}

/* ---- learning ---- */

/* Fisher and Yates; the epoch's order depends on the seed and its number alone. */
static void draw_order(run *r) {
  loci__random random;
  loci__random_init(&random, r->options->common.seed + (r->now.epoch + 1) * UINT64_C(0xD1B54A32D192ED03));
  for (size_t i = 0; i < r->n_lines; i++) r->order[i] = (uint32_t)i;
  for (size_t i = r->n_lines; i > 1; i--) {
    size_t j = (size_t)loci__random_below(&random, i);
    uint32_t kept = r->order[i - 1];
    r->order[i - 1] = r->order[j];
    r->order[j] = kept;
  }
}

static void learn_line(run *r, const loci__line *line) {
  double left = 1 - (double)r->now.n_read / ((double)r->options->epochs * (double)r->n_tokens);
  r->now.n_read += line->n_tokens;
  if (line->n_rows == 0 || line->n_labels == 0) return;
  memset(r->hidden, 0, r->stride * sizeof *r->hidden);
  r->kernels->add_picked_f32(r->hidden, r->input, r->stride, line->rows, NULL, line->n_rows, r->stride);
  float share = 1.0f / (float)line->n_rows;
  for (size_t j = 0; j < r->stride; j++) r->hidden[j] *= share;
  uint32_t target = line->labels[line->n_labels > 1 ? loci__random_below(&r->now.random, line->n_labels) : 0];
  r->loss +=
      loci__labels_teach(&r->labels, r->output, r->hidden, line->labels, line->n_labels, target,
                         (float)(r->options->alpha * (left > 0 ? left : 0)), &r->now.random, r->scratch, r->gradient);
  r->n_steps++;
  for (size_t i = 0; i < line->n_rows; i++)
    r->kernels->add_scaled_f32(share, r->gradient, r->stride, r->input + line->rows[i] * r->stride);
}

/* Lines of the order from read_next on. */
static void read_group(run *r, group *g) {
  size_t left = r->n_lines - r->read_next;
  g->n = left < GROUP ? left : GROUP;
  g->status = LOCI_OK;
  for (size_t i = 0; i < g->n && g->status == LOCI_OK; i++)
    g->status = read_line(r, r->order[r->read_next + i], &g->lines[i], &g->error);
  r->read_next += g->n;
}

static size_t open_phase(void *arg, uint64_t number) {
  run *r = arg;
  if (number == 0) {
    read_group(r, &r->groups[r->current]);
  } else {
    r->now.next += r->groups[r->current].n;
    if (--r->groups_left == 0) return 0;
    r->current ^= 1;
  }
  group *g = &r->groups[r->current];
  if (g->status != LOCI_OK || g->n == 0) return 0;
  r->reading = r->groups_left > 1;
  return 1 + r->reading;
}

static void run_task(void *arg, uint64_t number, size_t task, size_t worker) {
  (void)number, (void)worker;
  run *r = arg;
  if (task == 1) {
    read_group(r, &r->groups[r->current ^ 1]);
    return;
  }
  group *g = &r->groups[r->current];
  for (size_t i = 0; i < g->n; i++) learn_line(r, &g->lines[i]);
}

static loci_status learn(run *r, double *loss, loci_error *error) {
  size_t row = r->stride * sizeof(float);
  loci__part parts[] = {{"state", &r->now, sizeof r->now},
                        {"input", r->input, r->n_rows * row},
                        {"output", r->output, r->n_labels * row}};
  loci__random_init(&r->now.random, r->options->common.seed);
  bool there;
  LOCI__TRY(loci__checkpoint_load(r->trainer, parts, LOCI__COUNT(parts), &there, error));
  LOCI__TRY(loci__meter_stage(&r->trainer->meter, "training", "words", r->n_tokens * r->options->epochs, error));
  draw_order(r);
  while (r->now.epoch < r->options->epochs) {
    r->groups_left = GROUPS_PER_TICK;
    r->read_next = (size_t)r->now.next;
    r->loss = 0;
    r->n_steps = 0;
    loci__lockstep steps = {open_phase, run_task, r};
    LOCI__TRY(loci__lockstep_run(r->context, &steps, error));
    for (size_t g = 0; g < 2; g++) {
      if (r->groups[g].status == LOCI_OK) continue;
      if (error) *error = r->groups[g].error;
      return r->groups[g].status;
    }
    if (r->now.next >= r->n_lines) {
      r->now.next = 0;
      r->now.epoch++;
      draw_order(r);
    }
    if (r->n_steps > 0) *loss = r->loss / (double)r->n_steps;
    LOCI__TRY(loci__trainer_tick(r->trainer, r->now.n_read, *loss, parts, LOCI__COUNT(parts), error));
  }
  return loci__meter_end(&r->trainer->meter, error);
}

/* ---- the end ---- */

static const float *input_row(void *arg, size_t i) {
  const run *r = arg;
  size_t n_words = r->dictionary.n_words;
  if (i < n_words) return r->input + i * r->stride;
  uint32_t row = r->row_of[i - n_words];
  return row ? r->input + row * r->stride : NULL;
}

static const float *output_row(void *arg, size_t i) {
  const run *r = arg;
  return r->output + i * r->stride;
}

static loci_status write_model(run *r, loci_error *error) {
  const loci_classify_options *o = r->options;
  LOCI__TRY(loci__meter_stage(&r->trainer->meter, "writing", "rows", r->dictionary.n_words + r->n_buckets, error));
  uint64_t least = o->common.corpus.min_count;
  loci__fasttext file = {.context = r->context,
                         .args = {.dim = (int32_t)o->dim,
                                  .ws = 5,
                                  .epoch = (int32_t)o->epochs,
                                  .min_count = (int32_t)(least < INT32_MAX ? least : INT32_MAX),
                                  .neg = (int32_t)o->negative,
                                  .word_ngrams = (int32_t)o->word_ngrams,
                                  .loss = r->labels.loss,
                                  .model = LOCI__FASTTEXT_SUPERVISED,
                                  .bucket = (int32_t)r->n_buckets,
                                  .min_n = o->max_n > 0 ? (int32_t)o->min_n : 0,
                                  .max_n = (int32_t)o->max_n,
                                  .lr_update_rate = 100,
                                  .t = 1e-4},
                         .n_entries = r->dictionary.n_entries,
                         .n_words = r->dictionary.n_words,
                         .n_labels = r->n_labels,
                         .n_tokens = (int64_t)r->n_tokens,
                         .entries = r->entries,
                         .lengths = r->lengths,
                         .counts = r->counts,
                         .input_row = input_row,
                         .output_row = output_row,
                         .rows_arg = r};
  return loci__fasttext_write(r->context, r->trainer->output, &file, error);
}

static loci_status finish(run *r, double loss, loci_error *error) {
  LOCI__TRY(write_model(r, error));
  loci__buffer more;
  loci__buffer_init(&more, r->context, 4096);
  loci__buffer_printf(&more, "labels: %zu\n", r->n_labels);
  if (loss == loss) loci__buffer_printf(&more, "loss: %.4f\n", loss);
  loci_status status = loci__buffer_status(&more, "the model card", error);
  if (status == LOCI_OK) status = loci__trainer_finish_written(r->trainer, r->options->dim, more.data, error);
  loci__buffer_release(&more);
  return status;
}

static void run_release(run *r) {
  if (r->groups)
    for (size_t g = 0; g < 2; g++)
      for (size_t i = 0; i < GROUP; i++)
        if (r->groups[g].lines[i].context) loci__line_release(&r->groups[g].lines[i]);
  loci__free(r->context, r->groups);
  if (r->labels.context) loci__labels_release(&r->labels);
  if (r->dictionary.context) loci__dictionary_release(&r->dictionary);
  loci__free(r->context, r->entries);
  loci__free(r->context, r->lengths);
  loci__free(r->context, r->counts);
  loci__free(r->context, r->row_of);
  loci__free(r->context, r->line_starts);
  loci__free(r->context, r->order);
  loci__free(r->context, r->scratch);
  loci__free_aligned(r->context, r->input);
  loci__free_aligned(r->context, r->output);
  loci__free_aligned(r->context, r->hidden);
  if (r->text.data) loci__mapping_close(&r->text);
  loci_vectors_close(r->pretrained);
}

static loci_status open_pretrained(run *r, loci_error *error) {
  if (!r->options->pretrained) return LOCI_OK;
  LOCI__TRY(loci_vectors_open(r->context, r->options->pretrained, NULL, &r->pretrained, error));
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(r->pretrained, &info);
  if (info.dim == r->options->dim) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_USAGE, "%s: vectors of %zu numbers, but dim is %zu (--dim %zu)",
                    r->options->pretrained, info.dim, r->options->dim, info.dim);
}

static loci_status train_all(run *r, loci_error *error) {
  LOCI__TRY(open_pretrained(r, error));
  LOCI__TRY(loci__mapping_open(&r->text, r->context, r->trainer->corpus, error));
  LOCI__TRY(find_lines(r, error));
  LOCI__TRY(make_dictionary(r, error));
  LOCI__TRY(scan_lines(r, error));
  LOCI__TRY(make_matrices(r, error));
  double loss = NAN;
  LOCI__TRY(learn(r, &loss, error));
  return finish(r, loss, error);
}

static void put_settings(loci__trainer *trainer, const loci_classify_options *o, size_t n_buckets) {
  static const char *const losses[] = {"softmax", "negative", "hierarchical", "one-vs-all"};
  loci__trainer_set(trainer, "loss", "%s", losses[o->loss]);
  loci__trainer_set(trainer, "dim", "%zu", o->dim);
  loci__trainer_set(trainer, "epochs", "%zu", o->epochs);
  loci__trainer_set(trainer, "alpha", "%.9g", o->alpha);
  loci__trainer_set(trainer, "word_ngrams", "%zu", o->word_ngrams);
  loci__trainer_set(trainer, "min_n", "%zu", o->min_n);
  loci__trainer_set(trainer, "max_n", "%zu", o->max_n);
  loci__trainer_set(trainer, "buckets", "%zu", n_buckets);
  if (o->loss == LOCI_LOSS_NEGATIVE) loci__trainer_set(trainer, "negative", "%zu", o->negative);
  loci__trainer_set(trainer, "min_count", "%llu", (unsigned long long)o->common.corpus.min_count);
  loci__trainer_set(trainer, "label_prefix", "%s", o->label_prefix);
  if (o->pretrained) loci__trainer_set(trainer, "pretrained", "%s", o->pretrained);
}

loci_status loci_train_classify(loci_context *context, const char *train, const loci_classify_options *options,
                                const char *output, loci_error *error) {
  loci_classify_options all;
  loci_classify_options_init(&all);
  if (options != NULL) {
    if (options->struct_size < sizeof(size_t) || options->struct_size > 4096)
      return loci__fail(error, LOCI_ERROR_USAGE, "loci_classify_options: call loci_classify_options_init first");
    memcpy(&all, options, options->struct_size < sizeof all ? options->struct_size : sizeof all);
  }
  LOCI__TRY(check(&all, error));
  if (output && !loci__ends_with(output, ".bin"))
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s': a classifier is written as fastText's .bin: name it so", output);
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, 0, "a context");
  run r = {.context = context, .options = &all, .stride = (all.dim + 15) / 16 * 16};
  r.kernels = loci__kernels_of(context);
  r.n_buckets = all.max_n > 0 || all.word_ngrams > 1 ? all.buckets : 0;
  loci_train_common common = all.common;
  common.corpus.min_count = 1; /* labels are never too rare; words are left out later */
  loci__trainer trainer;
  loci__trainer_init(&trainer, context, "classify", train, output, &common);
  r.trainer = &trainer;
  put_settings(&trainer, &all, r.n_buckets);
  loci_status status = loci__trainer_open(&trainer, r.stride * sizeof(float), 1 << 20, false, error);
  if (status == LOCI_OK) status = train_all(&r, error);
  run_release(&r);
  loci__trainer_close(&trainer);
  return status;
}
