/* train/fasttext.c: word vectors from subwords (Bojanowski et al. 2017), from options to file; subword.h says how the parts
 * work together.
 *
 * The default mode goes through the corpus batch after batch, all threads together (lockstep.h); the next batch is filled
 * while the present one is computed. LOCI_MODE_FAST gives each thread its own part of the corpus and its own small batches, and
 * lets them all change the same rows without locks (Niu et al. 2011, "Hogwild").
 *
 * The state between steps is a place in the corpus and two matrices, all in the checkpoint.
 *
 * A model's file holds a row for every bucket; those that no word of the vocabulary uses are zero (the reference leaves
 * there the random numbers it began with).
 */
#include "subword.h"

#include <math.h>

enum {
  /* Words of a batch, and pairs of a word that are taken at once: docs/speed.md, "fastText". */
  BATCH = 64,
  FAST_BATCH = 32,
  AT_ONCE = 1,
  PARTITIONS = 16,
  /* No hidden vector may be meant by more than so many gradients of one batch, on average: they were all taken before any
   * of them was applied, and would overshoot together. */
  MOST_AT_ONCE = 16,
  /* … nor a batch hold more words than this share of the vocabulary: where few words are, all of them are alike. */
  BATCH_SHARE = 32,
  LEAST_BATCH = 8,
  STEPS_PER_TICK = 64,
  FAST_CHUNK = 1 << 15 /* words of the corpus */
};

/* Part of a checkpoint: plain bytes. */
typedef struct state {
  uint64_t epoch;
  loci__subword_place place;
} state;

typedef struct run {
  loci_context *context;
  loci__trainer *trainer;
  const loci_fasttext_options *options;
  loci__subwords subwords;
  loci__alias noise;
  float *keep;
  loci__subword_plan plan;
  loci__subword_net net;
  state now;
  loci__subword_batch *batches; /* default: the present and the next one; fast: one a thread */
  size_t n_batches;
  loci__subword_scratch *scratches; /* one a thread */
  size_t n_scratches;
  double loss, loss_pairs; /* since the last tick */
  /* default mode, within a round of steps */
  size_t current, steps_left;
  int phase;
  bool filling; /* this phase's task 0 fills the next batch */
} run;

void loci_fasttext_options_init(loci_fasttext_options *options) {
  *options = (loci_fasttext_options){.struct_size = sizeof *options,
                                     .dim = 300,
                                     .window = 5,
                                     .negative = 5,
                                     .epochs = 5,
                                     .sample = 1e-4,
                                     .alpha = .05,
                                     .min_n = 3,
                                     .max_n = 6,
                                     .buckets = 2000000};
  loci__train_common_init(&options->common);
}

/* ---- checks ---- */

static loci_status check(const loci_fasttext_options *o, loci_error *error) {
  if (o->dim < 1 || o->dim > 65536) return loci__fail(error, LOCI_ERROR_USAGE, "dim %zu is not in 1…65536", o->dim);
  if (o->window < 1 || o->window > 1000)
    return loci__fail(error, LOCI_ERROR_USAGE, "window %zu is not in 1…1000", o->window);
  if (o->negative < 1 || o->negative > 1000)
    return loci__fail(error, LOCI_ERROR_USAGE, "negative %zu is not in 1…1000", o->negative);
  if (o->epochs < 1 || o->epochs > 1000000)
    return loci__fail(error, LOCI_ERROR_USAGE, "epochs %zu is not in 1…1000000", o->epochs);
  if (!(o->sample >= 0) || o->sample > 1)
    return loci__fail(error, LOCI_ERROR_USAGE, "sample %g is not in 0…1", o->sample);
  if (!(o->alpha > 0) || o->alpha > 10)
    return loci__fail(error, LOCI_ERROR_USAGE, "the learning rate (alpha) %g is not above 0 and up to 10", o->alpha);
  if (o->max_n > 255 || (o->max_n > 0 && (o->min_n < 1 || o->min_n > o->max_n)))
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "n-grams of %zu to %zu characters: 1 ≤ min ≤ max ≤ 255, or max 0 for none", o->min_n, o->max_n);
  if (o->max_n > 0 && (o->buckets < 1 || o->buckets > INT32_MAX / 2))
    return loci__fail(error, LOCI_ERROR_USAGE, "buckets %zu is not in 1…%d", o->buckets, INT32_MAX / 2);
  if (o->arch != LOCI_ARCH_SKIPGRAM && o->arch != LOCI_ARCH_CBOW)
    return loci__fail(error, LOCI_ERROR_USAGE, "no such architecture: %d", (int)o->arch);
  if (o->mode == LOCI_MODE_EXACT)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "an exact mode of fastText is not implemented");
  if (o->mode != LOCI_MODE_DEFAULT && o->mode != LOCI_MODE_FAST)
    return loci__fail(error, LOCI_ERROR_USAGE, "no such mode: %d", (int)o->mode);
  return LOCI_OK;
}

/* ---- beginning ---- */

static size_t row_bytes(const run *r) {
  return r->net.stride * sizeof(float);
}

/* Row i depends on the seed and i alone. Padding stays zero. */
static loci_status first_rows(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const run *r = arg;
  enum { ROWS = 4096 };
  size_t dim = r->options->dim, end = (task + 1) * ROWS < r->subwords.n_rows ? (task + 1) * ROWS : r->subwords.n_rows;
  for (size_t i = task * ROWS; i < end; i++) {
    loci__random random;
    /* a bucket's row does not depend on the vocabulary it is met in */
    uint64_t name =
        i < r->subwords.n_words ? i : (UINT64_C(1) << 40) + (uint64_t)r->subwords.buckets[i - r->subwords.n_words];
    loci__random_init(&random, r->options->common.seed * UINT64_C(0x9E3779B97F4A7C15) + name);
    float *row = r->net.input + i * r->net.stride;
    for (size_t j = 0; j < dim; j++) row[j] = (float)((2 * loci__random_unit(&random) - 1) / (double)dim);
    for (size_t j = dim; j < r->net.stride; j++) row[j] = 0;
  }
  return LOCI_OK;
}

static loci_status matrix(run *r, size_t rows, float **out, loci_error *error) {
  size_t bytes;
  if (!loci__mul(rows, row_bytes(r), &bytes)) bytes = SIZE_MAX / 2;
  *out = loci__alloc_aligned(r->context, bytes);
  return *out ? LOCI_OK : loci__fail_memory(error, bytes, "a matrix of word vectors");
}

/* What is needed in all, now that the n-grams are known. */
static loci_status check_memory(run *r, loci_error *error) {
  size_t n_batches = r->options->mode == LOCI_MODE_FAST ? loci__pool_size(r->context) : 2;
  size_t batch = loci__subword_batch_bytes(&r->plan, r->net.stride);
  double needed = (double)(r->subwords.n_rows + r->subwords.n_words) * (double)row_bytes(r) +
                  (double)r->subwords.starts[r->subwords.n_words] * 4 + (double)n_batches * (double)batch;
  loci__log(r->context, LOCI_LOG_DEBUG, "batches of %zu words", r->plan.batch);
  loci__log(r->context, LOCI_LOG_INFO, "%zu words with %zu buckets of n-grams: about %.0f MB", r->subwords.n_words,
            r->subwords.n_rows - r->subwords.n_words, needed / 1e6);
  size_t most = r->options->common.max_memory;
  if (most == 0 || needed <= (double)most) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_LIMIT,
                    "%zu words and %zu buckets of n-grams need about %.0f MB, %.0f MB are allowed: fewer words "
                    "(--min-count), fewer buckets, a smaller dim or more memory (--max-memory)",
                    r->subwords.n_words, r->subwords.n_rows - r->subwords.n_words, needed / 1e6, (double)most / 1e6);
}

/* A word's chance to stay: √(t/f) + t/f (Mikolov et al. 2013b as the word2vec and fastText programs have it); and noise by
 * the reference's power of the counts, .5 (word2vec has .75). */
static loci_status prepare_words(run *r, loci_error *error) {
  const loci_vocabulary *v = r->trainer->vocabulary;
  double total = (double)loci__vocabulary_tokens(v), t = r->options->sample;
  size_t n = r->subwords.n_words;
  double *weights = loci__alloc_array(r->context, n, sizeof *weights);
  r->keep = loci__alloc_array(r->context, n, sizeof *r->keep);
  if (!weights || !r->keep) {
    loci__free(r->context, weights);
    return loci__fail_memory(error, n * 12, "counts of words");
  }
  for (size_t w = 0; w < n; w++) {
    uint64_t count;
    loci__vocabulary_word(v, w, NULL, &count);
    double share = (double)count / (total > 0 ? total : 1);
    r->keep[w] = t > 0 && share > 0 ? (float)(sqrt(t / share) + t / share) : 1;
    weights[w] = sqrt((double)count);
  }
  loci_status status = loci__alias_build(r->context, weights, n, &r->noise, error);
  loci__free(r->context, weights);
  return status;
}

/* How many gradients reach a word's hidden vector for each word that is trained, at most: the share of the running words
 * that have a row in common with it, each by how much of it they have. An output row's share as a target and as noise
 * (five times as often) is another bound. */
static loci_status busiest_share(run *r, double *out, loci_error *error) {
  const loci__subwords *s = &r->subwords;
  double *shares = loci__alloc_zero(r->context, s->n_rows + s->n_words, sizeof *shares);
  if (!shares) return loci__fail_memory(error, (s->n_rows + s->n_words) * sizeof *shares, "shares of rows");
  double *kept = shares + s->n_rows, all = 0, roots = 0, most = 0;
  for (size_t w = 0; w < s->n_words; w++) {
    uint64_t count;
    loci__vocabulary_word(r->trainer->vocabulary, w, NULL, &count);
    kept[w] = (double)count * (r->keep[w] < 1 ? (double)r->keep[w] : 1);
    all += kept[w];
    roots += sqrt((double)count);
    for (uint32_t i = s->starts[w]; i < s->starts[w + 1]; i++) shares[s->rows[i]] += kept[w];
  }
  for (size_t w = 0; w < s->n_words; w++) {
    uint64_t count;
    loci__vocabulary_word(r->trainer->vocabulary, w, NULL, &count);
    double sum = 0, target = (kept[w] / all + 5 * sqrt((double)count) / roots) / 6;
    for (uint32_t i = s->starts[w]; i < s->starts[w + 1]; i++) sum += shares[s->rows[i]];
    double share = sum / all / (double)(s->starts[w + 1] - s->starts[w]);
    if (share > most) most = share;
    if (target > most) most = target;
  }
  loci__free(r->context, shares);
  *out = all > 0 && roots > 0 ? most : 1;
  return LOCI_OK;
}

/* A small vocabulary, or one with a few words that are everywhere, gets small batches. */
static loci_status choose_batch(run *r, loci_error *error) {
  double share = 1;
  LOCI__TRY(busiest_share(r, &share, error));
  double most = MOST_AT_ONCE / share, part = (double)r->subwords.n_words / BATCH_SHARE;
  if (part < most) most = part;
  if (most < (double)r->plan.batch) r->plan.batch = most > LEAST_BATCH ? (size_t)most : LEAST_BATCH;
  return LOCI_OK;
}

static loci_status prepare_batches(run *r, loci_error *error) {
  size_t threads = loci__pool_size(r->context);
  r->n_batches = r->options->mode == LOCI_MODE_FAST ? threads : 2;
  r->batches = loci__alloc_zero(r->context, r->n_batches, sizeof *r->batches);
  r->scratches = loci__alloc_zero(r->context, threads, sizeof *r->scratches);
  if (!r->batches || !r->scratches) return loci__fail_memory(error, threads * sizeof *r->batches, "batches");
  for (size_t i = 0; i < r->n_batches; i++)
    LOCI__TRY(loci__subword_batch_init(&r->batches[i], &r->plan, r->net.stride, error));
  r->n_scratches = threads;
  for (size_t i = 0; i < threads; i++) LOCI__TRY(loci__subword_scratch_init(&r->scratches[i], &r->plan, error));
  return LOCI_OK;
}

/* A file of fastText's ends words with NUL. */
static loci_status check_words(const run *r, loci_error *error) {
  for (size_t i = 0; i < r->subwords.n_words; i++) {
    size_t length;
    const char *word = loci__vocabulary_word(r->trainer->vocabulary, i, &length, NULL);
    if (memchr(word, 0, length) != NULL)
      return loci__fail(error, LOCI_ERROR_FORMAT,
                        "word %zu of the vocabulary holds a NUL, which fastText's .bin cannot: "
                        "split at UAX #29 words, or name another kind of output",
                        i + 1);
  }
  return LOCI_OK;
}

static loci_status prepare(run *r, loci_error *error) {
  const loci_fasttext_options *o = r->options;
  LOCI__TRY(loci__meter_stage(&r->trainer->meter, "n-grams", "words", 0, error));
  LOCI__TRY(loci__subwords_make(r->context, r->trainer->vocabulary, (int32_t)o->min_n, (int32_t)o->max_n,
                                o->max_n > 0 ? (int32_t)o->buckets : 0, &r->subwords, error));
  bool cbow = o->arch == LOCI_ARCH_CBOW, fast = o->mode == LOCI_MODE_FAST;
  r->net.stride = (o->dim + 15) / 16 * 16;
  r->net.kernels = loci__kernels_of(r->context);
  r->plan = (loci__subword_plan){.context = r->context,
                                 .subwords = &r->subwords,
                                 .noise = &r->noise,
                                 .ids = r->trainer->stream.ids,
                                 .cbow = cbow,
                                 .window = o->window,
                                 .negative = o->negative,
                                 .batch = fast ? FAST_BATCH : BATCH,
                                 .at_once = AT_ONCE,
                                 .n_partitions = fast ? 1 : PARTITIONS};
  LOCI__TRY(prepare_words(r, error));
  r->plan.keep = r->keep;
  LOCI__TRY(choose_batch(r, error));
  LOCI__TRY(check_memory(r, error));
  LOCI__TRY(prepare_batches(r, error));
  LOCI__TRY(matrix(r, r->subwords.n_rows, &r->net.input, error));
  LOCI__TRY(matrix(r, r->subwords.n_words, &r->net.output, error));
  memset(r->net.output, 0, r->subwords.n_words * row_bytes(r));
  return loci__pool_run(r->context, (r->subwords.n_rows + 4095) / 4096, first_rows, r, error);
}

static void run_release(run *r) {
  for (size_t i = 0; r->batches && i < r->n_batches; i++)
    if (r->batches[i].context) loci__subword_batch_release(&r->batches[i]);
  for (size_t i = 0; r->scratches && i < r->n_scratches; i++)
    if (r->scratches[i].context) loci__subword_scratch_release(&r->scratches[i]);
  loci__free(r->context, r->batches);
  loci__free(r->context, r->scratches);
  loci__free(r->context, r->keep);
  loci__free_aligned(r->context, r->net.input);
  loci__free_aligned(r->context, r->net.output);
  if (r->noise.context) loci__alias_release(&r->noise);
  if (r->subwords.context) loci__subwords_release(&r->subwords);
}

/* ---- default mode ---- */

static uint64_t all_words(const run *r) {
  return r->options->epochs * r->trainer->stream.n_tokens;
}

static float rate_at(const run *r, uint64_t n_read) {
  double left = 1 - (double)n_read / (double)all_words(r);
  return (float)(r->options->alpha * (left > 0 ? left : 0));
}

static void fill(run *r, loci__subword_batch *batch) {
  batch->rate = rate_at(r, r->now.place.n_read);
  loci__subword_batch_fill(&r->plan, &r->now.place, batch);
}

/* The next phase of the present batch, or the first of the next one. */
static size_t open_phase(void *arg, uint64_t number) {
  run *r = arg;
  loci__subword_batch *batch = &r->batches[r->current];
  if (number == 0) {
    fill(r, batch);
    r->phase = -1;
  }
  for (;;) {
    if (++r->phase == LOCI__SUBWORD_PHASES) {
      r->loss += batch->loss;
      r->loss_pairs += batch->loss_pairs;
      if (--r->steps_left == 0) return 0;
      r->current ^= 1;
      batch = &r->batches[r->current];
      r->phase = 0;
    }
    if (batch->n_positions == 0) return 0;
    size_t n = loci__subword_tasks(&r->plan, batch, r->phase);
    if (n == 0) continue;
    r->filling = r->phase == LOCI__SUBWORD_COMPUTE && r->steps_left > 1;
    return n + r->filling;
  }
}

static void run_task(void *arg, uint64_t number, size_t task, size_t worker) {
  (void)number;
  run *r = arg;
  if (r->filling && task-- == 0) fill(r, &r->batches[r->current ^ 1]);
  else loci__subword_work(&r->plan, &r->net, &r->batches[r->current], &r->scratches[worker], r->phase, task);
}

static loci_status step_together(run *r, loci_error *error) {
  r->steps_left = STEPS_PER_TICK;
  loci__lockstep steps = {open_phase, run_task, r};
  return loci__lockstep_run(r->context, &steps, error);
}

/* ---- fast mode ---- */

typedef struct chunks {
  run *run;
  uint64_t first, n_read;
  double loss, pairs; /* of task 0 */
} chunks;

/* A part of the corpus by one thread. Other threads change the same rows at the same time: that is the mode. */
static loci_status train_chunk(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  chunks *c = arg;
  run *r = c->run;
  loci__subword_batch *batch = &r->batches[worker];
  loci__subword_place place = {.at = c->first + task * FAST_CHUNK, .n_read = c->n_read};
  place.end = place.at + FAST_CHUNK < r->trainer->stream.n ? place.at + FAST_CHUNK : r->trainer->stream.n;
  loci__random_init(&place.random, r->options->common.seed ^ (r->now.epoch << 48) ^ (place.at << 4));
  for (;;) {
    batch->rate = rate_at(r, c->n_read + (uint64_t)(place.n_read - c->n_read));
    loci__subword_batch_fill(&r->plan, &place, batch);
    if (batch->n_positions == 0) break;
    for (int phase = 0; phase < LOCI__SUBWORD_PHASES; phase++) {
      size_t n = loci__subword_tasks(&r->plan, batch, phase);
      for (size_t i = 0; i < n; i++) loci__subword_work(&r->plan, &r->net, batch, &r->scratches[worker], phase, i);
    }
    if (task == 0) {
      c->loss += batch->loss;
      c->pairs += batch->loss_pairs;
    }
  }
  __atomic_fetch_add(&r->now.place.n_read, place.n_read - c->n_read, __ATOMIC_RELAXED);
  return LOCI_OK;
}

static loci_status step_apart(run *r, loci_error *error) {
  loci__subword_place *place = &r->now.place;
  chunks c = {.run = r, .first = place->at, .n_read = place->n_read};
  size_t n = 4 * loci__pool_size(r->context);
  uint64_t left = (place->end - place->at + FAST_CHUNK - 1) / FAST_CHUNK;
  if (n > left) n = (size_t)left;
  LOCI__TRY(loci__pool_run(r->context, n, train_chunk, &c, error));
  place->at += n * FAST_CHUNK;
  if (place->at > place->end) place->at = place->end;
  r->loss += c.loss;
  r->loss_pairs += c.pairs;
  return LOCI_OK;
}

/* ---- the run ---- */

static loci_status learn(run *r, double *loss, loci_error *error) {
  loci__part parts[] = {{"state", &r->now, sizeof r->now},
                        {"input", r->net.input, r->subwords.n_rows * row_bytes(r)},
                        {"output", r->net.output, r->subwords.n_words * row_bytes(r)}};
  memset(&r->now, 0, sizeof r->now);
  loci__random_init(&r->now.place.random, r->options->common.seed);
  r->now.place.end = r->trainer->stream.n;
  bool there;
  LOCI__TRY(loci__checkpoint_load(r->trainer, parts, LOCI__COUNT(parts), &there, error));
  LOCI__TRY(loci__meter_stage(&r->trainer->meter, "training", "words", all_words(r), error));
  while (r->now.epoch < r->options->epochs) {
    r->loss = r->loss_pairs = 0;
    LOCI__TRY(r->options->mode == LOCI_MODE_FAST ? step_apart(r, error) : step_together(r, error));
    if (r->now.place.at >= r->now.place.end) {
      r->now.place.at = 0;
      r->now.epoch++;
    }
    if (r->loss_pairs > 0) *loss = r->loss / r->loss_pairs;
    LOCI__TRY(loci__trainer_tick(r->trainer, r->now.place.n_read, *loss, parts, LOCI__COUNT(parts), error));
  }
  return loci__meter_end(&r->trainer->meter, error);
}

/* ---- the end ---- */

/* The rows of a file of fastText's: words, then every bucket. */
typedef struct file_rows {
  const run *run;
  uint32_t *row_of; /* of a bucket; 0 = none (row 0 is a word's) */
} file_rows;

static const float *input_row(void *arg, size_t i) {
  const file_rows *f = arg;
  const run *r = f->run;
  if (i < r->subwords.n_words) return r->net.input + i * r->net.stride;
  uint32_t row = f->row_of[i - r->subwords.n_words];
  return row ? r->net.input + row * r->net.stride : NULL;
}

static const float *output_row(void *arg, size_t i) {
  const file_rows *f = arg;
  return f->run->net.output + i * f->run->net.stride;
}

static loci_status write_model(run *r, const char *path, loci_error *error) {
  const loci_fasttext_options *o = r->options;
  size_t n = r->subwords.n_words, n_buckets = o->max_n > 0 ? o->buckets : 0;
  LOCI__TRY(loci__meter_stage(&r->trainer->meter, "writing", "rows", n + n_buckets, error));
  loci__fasttext file = {
      .context = r->context,
      .args = {.dim = (int32_t)o->dim,
               .ws = (int32_t)o->window,
               .epoch = (int32_t)o->epochs,
               .min_count = (int32_t)(o->common.corpus.min_count < INT32_MAX ? o->common.corpus.min_count : INT32_MAX),
               .neg = (int32_t)o->negative,
               .word_ngrams = 1,
               .loss = LOCI__FASTTEXT_NEGATIVE,
               .model = o->arch == LOCI_ARCH_CBOW ? LOCI__FASTTEXT_CBOW : LOCI__FASTTEXT_SKIPGRAM,
               .bucket = (int32_t)n_buckets,
               .min_n = o->max_n > 0 ? (int32_t)o->min_n : 0,
               .max_n = (int32_t)o->max_n,
               .lr_update_rate = 100,
               .t = o->sample},
      .n_entries = n,
      .n_words = n,
      .n_tokens = (int64_t)loci__vocabulary_tokens(r->trainer->vocabulary)};
  file_rows rows = {.run = r, .row_of = loci__alloc_zero(r->context, n_buckets + 1, sizeof *rows.row_of)};
  file.entries = loci__alloc_array(r->context, n, sizeof *file.entries);
  file.lengths = loci__alloc_array(r->context, n, sizeof *file.lengths);
  file.counts = loci__alloc_array(r->context, n, sizeof *file.counts);
  loci_status status = LOCI_OK;
  if (!rows.row_of || !file.entries || !file.lengths || !file.counts) {
    status = loci__fail_memory(error, n * 20 + n_buckets * 4, "the model's file");
  } else {
    for (size_t i = 0; i < n; i++) {
      size_t length;
      uint64_t count;
      file.entries[i] = loci__vocabulary_word(r->trainer->vocabulary, i, &length, &count);
      file.lengths[i] = (uint32_t)length;
      file.counts[i] = (int64_t)count;
    }
    for (size_t i = n; i < r->subwords.n_rows; i++) rows.row_of[r->subwords.buckets[i - n]] = (uint32_t)i;
    file.input_row = input_row;
    file.output_row = output_row;
    file.rows_arg = &rows;
    status = loci__fasttext_write(r->context, path, &file, error);
  }
  loci__free(r->context, rows.row_of);
  loci__free(r->context, file.entries);
  loci__free(r->context, file.lengths);
  loci__free(r->context, file.counts);
  return status;
}

/* Words' vectors alone: the mean of each word's rows. */
static loci_status write_vectors(run *r, const char *more, loci_error *error) {
  float *rows;
  LOCI__TRY(matrix(r, r->subwords.n_words, &rows, error));
  memset(rows, 0, r->subwords.n_words * row_bytes(r));
  for (size_t w = 0; w < r->subwords.n_words; w++) {
    const uint32_t *list = r->subwords.rows + r->subwords.starts[w];
    size_t n = r->subwords.starts[w + 1] - r->subwords.starts[w];
    float *row = rows + w * r->net.stride, share = 1.0f / (float)n;
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < r->options->dim; j++) row[j] += r->net.input[list[i] * r->net.stride + j];
    for (size_t j = 0; j < r->options->dim; j++) row[j] *= share;
  }
  loci_status status = loci__trainer_finish(r->trainer, rows, r->net.stride, r->options->dim, more, error);
  loci__free_aligned(r->context, rows);
  return status;
}

static loci_status finish(run *r, double loss, loci_error *error) {
  loci__buffer more;
  loci__buffer_init(&more, r->context, 4096);
  if (r->options->max_n > 0)
    loci__buffer_printf(&more, "buckets_used: %zu\n", r->subwords.n_rows - r->subwords.n_words);
  if (loss == loss) loci__buffer_printf(&more, "loss: %.4f\n", loss);
  /* Vectors that know nothing have ln 2 an output. */
  const double nothing = (1 + (double)r->options->negative) * log(2.0);
  if (loss > 1.02 * nothing)
    loci__log(
        r->context, LOCI_LOG_WARNING,
        "the loss ends at %.2f, where vectors that know nothing have %.2f: the training diverged, do not use '%s'; "
        "a smaller --alpha helps",
        loss, nothing, r->trainer->output);
  loci_status status = loci__buffer_status(&more, "the model card", error);
  if (status == LOCI_OK && loci__ends_with(r->trainer->output, ".bin")) {
    status = write_model(r, r->trainer->output, error);
    if (status == LOCI_OK) status = loci__trainer_finish_written(r->trainer, r->options->dim, more.data, error);
  } else if (status == LOCI_OK) {
    status = write_vectors(r, more.data, error);
  }
  loci__buffer_release(&more);
  return status;
}

static void put_settings(loci__trainer *trainer, const loci_fasttext_options *o) {
  loci__trainer_set(trainer, "mode", "%s", o->mode == LOCI_MODE_FAST ? "fast" : "default");
  loci__trainer_set(trainer, "arch", "%s", o->arch == LOCI_ARCH_CBOW ? "cbow" : "skipgram");
  loci__trainer_set(trainer, "dim", "%zu", o->dim);
  loci__trainer_set(trainer, "window", "%zu", o->window);
  loci__trainer_set(trainer, "negative", "%zu", o->negative);
  loci__trainer_set(trainer, "epochs", "%zu", o->epochs);
  loci__trainer_set(trainer, "sample", "%.9g", o->sample);
  loci__trainer_set(trainer, "alpha", "%.9g", o->alpha);
  loci__trainer_set(trainer, "min_n", "%zu", o->min_n);
  loci__trainer_set(trainer, "max_n", "%zu", o->max_n);
  loci__trainer_set(trainer, "buckets", "%zu", o->max_n > 0 ? o->buckets : 0);
}

static loci_status train(loci__trainer *trainer, const loci_fasttext_options *o, loci_error *error) {
  put_settings(trainer, o);
  size_t stride = (o->dim + 15) / 16 * 16;
  /* rows of words and outputs, the words' lists of some 20 rows; rows of n-grams are added when they are known */
  LOCI__TRY(loci__trainer_open(trainer, 2 * stride * sizeof(float) + 100, 1 << 20, true, error));
  run r = {.context = trainer->context, .trainer = trainer, .options = o};
  double loss = NAN;
  r.subwords.n_words = loci__vocabulary_size(trainer->vocabulary);
  if (r.subwords.n_words < 2)
    return loci__fail(error, LOCI_ERROR_NOT_FOUND,
                      "the vocabulary has %zu word; vectors need at least two to differ (a lower --min-count?)",
                      r.subwords.n_words);
  if (r.subwords.n_words > INT32_MAX / 2)
    return loci__fail(error, LOCI_ERROR_LIMIT, "%zu words are too many", r.subwords.n_words);
  loci_status status = loci__ends_with(trainer->output, ".bin") ? check_words(&r, error) : LOCI_OK;
  if (status == LOCI_OK) status = prepare(&r, error);
  if (status == LOCI_OK) status = learn(&r, &loss, error);
  if (status == LOCI_OK) status = finish(&r, loss, error);
  run_release(&r);
  return status;
}

loci_status loci_train_fasttext(loci_context *context, const char *corpus, const loci_fasttext_options *options,
                                const char *output, loci_error *error) {
  loci_fasttext_options all;
  loci_fasttext_options_init(&all);
  if (options != NULL) {
    if (options->struct_size < sizeof(size_t) || options->struct_size > 4096)
      return loci__fail(error, LOCI_ERROR_USAGE, "loci_fasttext_options: call loci_fasttext_options_init first");
    memcpy(&all, options, options->struct_size < sizeof all ? options->struct_size : sizeof all);
  }
  LOCI__TRY(check(&all, error));
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, 0, "a context");
  loci__trainer trainer;
  loci__trainer_init(&trainer, context, "fasttext", corpus, output, &all.common);
  loci_status status = train(&trainer, &all, error);
  loci__trainer_close(&trainer);
  return status;
}
