/* train/word2vec.c: word2vec (Mikolov et al. 2013a, "Efficient Estimation of Word Representations in Vector Space"; 2013b,
 * "Distributed Representations of Words and Phrases and their Compositionality"): what comes before and after the
 * learning, whatever the mode. See word2vec.h. */
#include "word2vec.h"

#include <math.h>

#include "../text/text.h"
#include "word2vec_text.h"

enum { MOST_DIM = 65536, MOST_WINDOW = 1000, MOST_NEGATIVE = 1000, ALIGN = 16 /* floats */ };

void loci_word2vec_options_init(loci_word2vec_options *options) {
  *options = (loci_word2vec_options){
      .struct_size = sizeof *options, .dim = 300, .window = 5, .negative = 5, .epochs = 5, .sample = 1e-4};
  loci__train_common_init(&options->common);
}

static loci_status check(const loci_word2vec_options *o, loci_error *error) {
  if (o->dim < 1 || o->dim > MOST_DIM)
    return loci__fail(error, LOCI_ERROR_USAGE, "dim %zu is not in 1…%d", o->dim, MOST_DIM);
  if (o->window < 1 || o->window > MOST_WINDOW)
    return loci__fail(error, LOCI_ERROR_USAGE, "window %zu is not in 1…%d", o->window, MOST_WINDOW);
  if (o->negative > MOST_NEGATIVE)
    return loci__fail(error, LOCI_ERROR_USAGE, "negative %zu is more than %d", o->negative, MOST_NEGATIVE);
  if (o->negative == 0 && !o->hierarchical)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "nothing to learn from: give noise words (--negative) or hierarchical softmax (--hs)");
  if (o->epochs < 1 || o->epochs > 1000000)
    return loci__fail(error, LOCI_ERROR_USAGE, "epochs %zu is not in 1…1000000", o->epochs);
  if (!(o->sample >= 0) || o->sample > 1)
    return loci__fail(error, LOCI_ERROR_USAGE, "sample %g is not in 0…1", o->sample);
  if (!(o->alpha >= 0) || o->alpha > 10)
    return loci__fail(error, LOCI_ERROR_USAGE, "the learning rate (alpha) %g is not in 0…10", o->alpha);
  if (o->arch != LOCI_ARCH_SKIPGRAM && o->arch != LOCI_ARCH_CBOW)
    return loci__fail(error, LOCI_ERROR_USAGE, "no such architecture: %d", (int)o->arch);
  if (o->mode < LOCI_MODE_DEFAULT || o->mode > LOCI_MODE_FAST)
    return loci__fail(error, LOCI_ERROR_USAGE, "no such mode: %d", (int)o->mode);
  const loci_corpus_options *corpus = &o->common.corpus;
  if (o->mode == LOCI_MODE_EXACT &&
      (corpus->split != LOCI_SPLIT_SPACE || corpus->fold != LOCI_FOLD_NONE || corpus->max_vocabulary > 0))
    return loci__fail(
        error, LOCI_ERROR_USAGE,
        "exact mode reads the text as the word2vec program does: split at spaces, no folding, no limit to "
        "the vocabulary");
  return LOCI_OK;
}

/* ---- what modes call ---- */

static size_t parts_of(loci__word2vec *run, const void *state, size_t size, loci__part parts[4]) {
  size_t row = run->stride * sizeof(float), n = 0;
  /* A part is written from or read into; which, the caller knows. */
  parts[n++] = (loci__part){"state", (void *)(uintptr_t)state, size};
  parts[n++] = (loci__part){"input", run->input, run->n_words * row};
  if (run->output) parts[n++] = (loci__part){"output", run->output, run->n_words * row};
  if (run->nodes) parts[n++] = (loci__part){"nodes", run->nodes, (run->n_words - 1) * row};
  return n;
}

loci_status loci__word2vec_load(loci__word2vec *run, void *state, size_t size, bool *there, loci_error *error) {
  loci__part parts[4];
  size_t n = parts_of(run, state, size, parts);
  LOCI__TRY(loci__checkpoint_load(run->trainer, parts, n, there, error));
  return loci__meter_stage(&run->trainer->meter, "training", "words", run->n_tokens * run->options->epochs, error);
}

static loci_status probe(const loci__word2vec *run, double share, loci_error *error) {
  const loci_word2vec_options *o = run->options;
  if (o->probe == NULL) return LOCI_OK;
  return loci__trainer_probe(run->trainer, o->probe, o->probe_user, share, run->input, run->stride, o->dim, error);
}

loci_status loci__word2vec_tick(loci__word2vec *run, uint64_t done, double loss, const void *state, size_t size,
                                loci_error *error) {
  const uint64_t total = run->n_tokens * run->options->epochs;
  if (!run->probed && done * 10 >= total) {
    run->probed = true;
    LOCI__TRY(probe(run, (double)done / (double)total, error));
  }
  loci__part parts[4];
  size_t n = parts_of(run, state, size, parts);
  return loci__trainer_tick(run->trainer, done, loss, parts, n, error);
}

loci_status loci__word2vec_end(loci__word2vec *run, const void *state, size_t size, loci_error *error) {
  run->end = loci__alloc(run->context, size);
  if (!run->end) return loci__fail_memory(error, size, "the last state");
  memcpy(run->end, state, size);
  run->end_size = size;
  return loci__meter_end(&run->trainer->meter, error);
}

/* The vectors could not be written: what was learned is kept. */
static loci_status keep(loci__word2vec *run, loci_status status) {
  if (status == LOCI_OK || run->end == NULL) return status;
  loci__part parts[4];
  size_t n = parts_of(run, run->end, run->end_size, parts);
  loci_error failure = {0};
  if (loci__checkpoint_save(run->trainer, parts, n, &failure) == LOCI_OK)
    loci__log(run->context, LOCI_LOG_WARNING,
              "'%s' holds what was learned: the same command with --resume only has to write it", run->trainer->folder);
  else loci__log(run->context, LOCI_LOG_WARNING, "%s", failure.message);
  return status;
}

/* ---- matrices ---- */

/* Row i depends on the seed and i alone. */
static void first_rows(const loci__word2vec *run) {
  size_t dim = run->options->dim;
  double range = (run->options->arch == LOCI_ARCH_CBOW ? 2.0 : 1.0) / (double)dim; /* found by trial: docs/speed.md */
  for (size_t i = 0; i < run->n_words; i++) {
    loci__random random;
    loci__random_init(&random, run->options->common.seed * UINT64_C(0x9E3779B97F4A7C15) + i);
    float *row = run->input + i * run->stride;
    for (size_t c = 0; c < dim; c++) row[c] = (float)((2 * loci__random_unit(&random) - 1) * range);
  }
}

static loci_status matrix(loci__word2vec *run, size_t rows, float **out, loci_error *error) {
  size_t n, bytes;
  if (!loci__mul(rows, run->stride, &n) || !loci__mul(n, sizeof(float), &bytes)) bytes = SIZE_MAX / 2;
  *out = loci__alloc_aligned(run->context, bytes);
  if (!*out) return loci__fail_memory(error, bytes, "a matrix");
  loci__advise_large(*out, bytes); /* its rows are met in no order */
  memset(*out, 0, bytes);
  return LOCI_OK;
}

static loci_status prepare(loci__word2vec *run, uint64_t *counts, loci_error *error) {
  for (size_t i = 0; i < run->n_words; i++) loci__vocabulary_word(run->trainer->vocabulary, i, NULL, &counts[i]);
  LOCI__TRY(matrix(run, run->n_words, &run->input, error));
  if (run->options->negative > 0) LOCI__TRY(matrix(run, run->n_words, &run->output, error));
  if (run->options->hierarchical) {
    LOCI__TRY(matrix(run, run->n_words - 1, &run->nodes, error));
    LOCI__TRY(loci__huffman_build(run->context, counts, run->n_words, &run->code, error));
  }
  if (run->options->mode != LOCI_MODE_EXACT) first_rows(run);
  return LOCI_OK;
}

static loci_status learn(loci__word2vec *run, loci_error *error) {
  if (run->options->mode != LOCI_MODE_EXACT) LOCI__TRY(probe(run, 0, error)); /* that one draws its rows itself */
  LOCI__TRY(run->options->mode == LOCI_MODE_EXACT ? loci__word2vec_exact(run, error) : loci__word2vec_run(run, error));
  return probe(run, 1, error);
}

/* ---- the whole ---- */

static void put_settings(loci__trainer *trainer, const loci_word2vec_options *o, float alpha) {
  static const char *const modes[] = {"default", "exact", "fast"};
  loci__trainer_set(trainer, "mode", "%s", modes[o->mode]);
  loci__trainer_set(trainer, "arch", "%s", o->arch == LOCI_ARCH_CBOW ? "cbow" : "skipgram");
  loci__trainer_set(trainer, "dim", "%zu", o->dim);
  loci__trainer_set(trainer, "window", "%zu", o->window);
  loci__trainer_set(trainer, "negative", "%zu", o->negative);
  loci__trainer_set(trainer, "hierarchical", "%s", o->hierarchical ? "true" : "false");
  loci__trainer_set(trainer, "epochs", "%zu", o->epochs);
  loci__trainer_set(trainer, "sample", "%.7g", o->sample);
  loci__trainer_set(trainer, "alpha", "%.7g", (double)alpha);
}

static loci_status train(loci__trainer *trainer, const loci_word2vec_options *o, loci_error *error) {
  bool exact = o->mode == LOCI_MODE_EXACT;
  loci__word2vec run = {.context = trainer->context, .trainer = trainer, .options = o};
  run.alpha = o->alpha > 0 ? (float)o->alpha : o->arch == LOCI_ARCH_CBOW ? 0.05f : 0.025f;
  run.stride = exact ? o->dim : (o->dim + ALIGN - 1) / ALIGN * ALIGN;
  put_settings(trainer, o, run.alpha);
  size_t matrices = 1U + (o->negative > 0) + (o->hierarchical != 0);
  size_t per_word = matrices * run.stride * sizeof(float) + sizeof(uint64_t);
  if (o->hierarchical) per_word += 160; /* a code of some 25 bits while the tree is there */
  size_t fixed = 1 << 20;
  if (exact) {
    trainer->count = loci__word2vec_count;
  } else {
    size_t more_per_word, more;
    loci__word2vec_run_bytes(o, loci__pool_size(run.context), &more_per_word, &more);
    per_word += more_per_word, fixed += more;
  }
  LOCI__TRY(loci__trainer_open(trainer, per_word, fixed, !exact, error));
  run.n_words = loci__vocabulary_size(trainer->vocabulary);
  run.n_tokens = loci__vocabulary_tokens(trainer->vocabulary);
  if (run.n_words < 2)
    return loci__fail(error, LOCI_ERROR_NOT_FOUND,
                      "the vocabulary has %zu word; vectors need at least two to differ (a lower --min-count?)",
                      run.n_words);
  if (run.n_tokens == 0)
    return loci__fail(error, LOCI_ERROR_FORMAT, "the vocabulary has no counts, from which noise words are drawn");
  if (run.n_words > INT32_MAX) return loci__fail(error, LOCI_ERROR_LIMIT, "%zu words are too many", run.n_words);
  uint64_t *counts = loci__alloc_array(run.context, run.n_words, sizeof *counts);
  run.counts = counts;
  loci_status status = counts ? LOCI_OK : loci__fail_memory(error, run.n_words * sizeof *counts, "counts");
  if (status == LOCI_OK) status = prepare(&run, counts, error);
  if (status == LOCI_OK) status = learn(&run, error);
  if (status == LOCI_OK) status = loci__trainer_finish(trainer, run.input, run.stride, o->dim, NULL, error);
  status = keep(&run, status);
  loci__free(run.context, run.end);
  loci__free(run.context, counts);
  loci__free_aligned(run.context, run.input);
  loci__free_aligned(run.context, run.output);
  loci__free_aligned(run.context, run.nodes);
  loci__huffman_release(&run.code);
  return status;
}

loci_status loci_train_word2vec(loci_context *context, const char *corpus, const loci_word2vec_options *options,
                                const char *output, loci_error *error) {
  loci_word2vec_options all;
  loci_word2vec_options_init(&all);
  if (options != NULL) {
    if (options->struct_size < sizeof(size_t) || options->struct_size > 4096)
      return loci__fail(error, LOCI_ERROR_USAGE, "loci_word2vec_options: call loci_word2vec_options_init first");
    memcpy(&all, options, options->struct_size < sizeof all ? options->struct_size : sizeof all);
  }
  LOCI__TRY(check(&all, error));
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, 0, "a context");
  loci__trainer trainer;
  loci__trainer_init(&trainer, context, "word2vec", corpus, output, &all.common);
  loci_status status = train(&trainer, &all, error);
  loci__trainer_close(&trainer);
  return status;
}
