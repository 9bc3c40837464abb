/* train/word2vec_engine.c: what the default and the fast mode share; see word2vec_engine.h. */
#include "word2vec_engine.h"

#include <math.h>

enum { LOOK = 64 /* each so-manieth step counts for the loss */ };

/* The last learning rate, of the first. word2vec's falls to nothing, gensim's to about this much when it reads a file
 * with two threads; this and the first rows' range were worth .7 of a point of quality: docs/speed.md. */
static const double LAST_SKIPGRAM = 0.1;
/* CBOW, 100 MB, 300 numbers, means of three seeds: with first rows of twice the range (word2vec.c) SimLex .9 and MEN .7 of a
 * point better than with a tenth, analogies .3 worse. */
static const double LAST_CBOW = 0.25;

static loci_status noise_of(loci__engine *engine, loci_error *error) {
  const loci__word2vec *run = engine->run;
  double *weights = loci__alloc_array(run->context, run->n_words, sizeof *weights);
  if (weights == NULL) return loci__fail_memory(error, run->n_words * sizeof *weights, "the noise words");
  for (size_t i = 0; i < run->n_words; i++) weights[i] = pow((double)run->counts[i], 0.75);
  loci_status status = loci__alias_build(run->context, weights, run->n_words, &engine->noise, error);
  loci__free(run->context, weights);
  return status;
}

loci_status loci__engine_init(loci__engine *engine, loci__word2vec *run, size_t reach, loci_error *error) {
  const loci_word2vec_options *options = run->options;
  const loci__stream *stream = &run->trainer->stream;
  *engine = (loci__engine){.run = run,
                           .kernels = loci__kernels_of(run->context),
                           .ids = stream->ids,
                           .n_places = stream->n,
                           .epochs = options->epochs,
                           .window = options->window,
                           .negative = options->negative,
                           .longest = loci__engine_longest(run),
                           .cbow = options->arch == LOCI_ARCH_CBOW,
                           .reach = reach};
  if (run->n_words > UINT32_MAX / 3) {
    return loci__fail(error, LOCI_ERROR_LIMIT, "%zu words are too many for rows of 32 bits", run->n_words);
  }
  if (options->window > UINT16_MAX / 4 || engine->longest > UINT16_MAX) {
    return loci__fail(error, LOCI_ERROR_LIMIT, "a window of %zu words with %zu outputs a step is too much",
                      options->window, engine->longest);
  }
  engine->scratch = loci__word_step_scratch(engine->cbow ? 1 : 2 * engine->window, engine->longest, run->stride);
  engine->keep = loci__alloc_array(run->context, run->n_words + 1, sizeof *engine->keep);
  if (engine->keep == NULL) return loci__fail_memory(error, run->n_words * sizeof *engine->keep, "the subsampling");
  engine->keep[0] = UINT32_MAX;
  double threshold = options->sample * (double)run->n_tokens;
  for (size_t i = 0; i < run->n_words; i++) {
    double count = (double)run->counts[i], share = 1;
    if (threshold > 0 && count > threshold) share = (sqrt(count / threshold) + 1) * threshold / count;
    engine->keep[i + 1] = share >= 1 ? UINT32_MAX : (uint32_t)(share * 4294967296.0);
  }
  if (options->negative == 0) return LOCI_OK;
  loci_status status = noise_of(engine, error);
  if (status != LOCI_OK) loci__engine_release(engine);
  return status;
}

void loci__engine_release(loci__engine *engine) {
  if (engine->run == NULL) return;
  loci__free(engine->run->context, engine->keep);
  loci__alias_release(&engine->noise);
  *engine = (loci__engine){0};
}

float loci__engine_rate(const loci__engine *engine, size_t epoch, size_t place) {
  double done = ((double)epoch * (double)engine->n_places + (double)place) /
                ((double)engine->epochs * (double)engine->n_places + 1);
  return engine->run->alpha * (float)(1 - (1 - (engine->cbow ? LAST_CBOW : LAST_SKIPGRAM)) * done);
}

uint64_t loci__engine_done(const loci__engine *engine, uint64_t epoch, uint64_t place) {
  double share = engine->n_places ? (double)place / (double)engine->n_places : 0;
  return epoch * engine->run->n_tokens + (uint64_t)(share * (double)engine->run->n_tokens);
}

/* ---- steps ---- */

loci_status loci__stepper_init(loci__stepper *stepper, const loci__engine *engine, loci_error *error) {
  loci_context *context = engine->run->context;
  *stepper = (loci__stepper){0};
  stepper->inputs = loci__alloc_array(context, 2 * engine->window, sizeof *stepper->inputs);
  stepper->scratch = loci__alloc_aligned(context, engine->scratch * sizeof *stepper->scratch);
  if (stepper->inputs == NULL || stepper->scratch == NULL) {
    loci__stepper_release(stepper, context);
    return loci__fail_memory(error, engine->scratch * sizeof *stepper->scratch, "the scores of a step");
  }
  memset(stepper->scratch, 0, engine->scratch * sizeof *stepper->scratch);
  stepper->step =
      (loci__word_step){.inputs = stepper->inputs, .width = engine->run->stride, .scratch = stepper->scratch};
  return LOCI_OK;
}

void loci__stepper_release(loci__stepper *stepper, loci_context *context) {
  loci__free(context, stepper->inputs);
  loci__free_aligned(context, stepper->scratch);
  *stepper = (loci__stepper){0};
}

/* A gradient is rate·(label − σ), and −log of the probability of the label is −log(1 − |label − σ|). */
static void look(loci__stepper *stepper, size_t n, float rate) {
  for (size_t i = 0; i < n; i++) {
    double off = fabs((double)stepper->scratch[i] / (double)rate);
    stepper->loss -= log(off < 1 - 1e-7 ? 1 - off : 1e-7);
  }
  stepper->n_looked += n;
}

void loci__stepper_take(loci__stepper *stepper, const loci__engine *engine, const loci__stretch *plan, size_t i,
                        float rate) {
  const loci__stretch_step *planned = &plan->steps[i];
  loci__word_step *step = &stepper->step;
  float *const *at = plan->inputs_at + planned->first;
  size_t n = 0, n_left = planned->n_left, n_all = n_left + planned->n_right;
  for (; n < n_left; n++) stepper->inputs[n] = at[n];
  for (; n < n_all; n++) stepper->inputs[n] = at[n + 1];
  step->n_inputs = n;
  step->outputs = plan->outputs_at + planned->outputs;
  step->moved = plan->moved_at ? plan->moved_at + planned->outputs : step->outputs;
  step->n_outputs = planned->n_outputs;
  step->labels = plan->labels + planned->outputs;
  step->rate = rate;
  if (engine->cbow) {
    engine->kernels->cbow_f32(step);
  } else {
    engine->kernels->skipgram_f32(step);
  }
  if (i % LOOK == 0) look(stepper, planned->n_outputs * (engine->cbow ? 1 : n), rate);
}

/* ---- the modes ---- */

loci_status loci__word2vec_run(loci__word2vec *run, loci_error *error) {
  return run->options->mode == LOCI_MODE_FAST ? loci__word2vec_fast(run, error) : loci__word2vec_groups(run, error);
}

void loci__word2vec_run_bytes(const loci_word2vec_options *options, size_t threads, size_t *per_word, size_t *fixed) {
  /* A code is not known yet; 40 bits are those of a word that stands once in 10^8. */
  size_t longest = (options->hierarchical ? 40 : 0) + (options->negative > 0 ? 1 + options->negative : 0);
  bool fast = options->mode == LOCI_MODE_FAST;
  *per_word = sizeof(uint32_t) + 2 * sizeof(loci__alias_entry) + 2 * sizeof(double);
  if (!fast)
    *per_word += (options->hierarchical ? 3 : 2) * (2 + threads * sizeof(int32_t)); /* marks, tables of copies */
  *fixed = fast ? loci__word2vec_fast_bytes(options, longest, threads) : loci__word2vec_groups_bytes(options, longest);
}
