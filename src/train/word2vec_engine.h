/* train/word2vec_engine.h: the insides of word2vec's default and fast modes.
 *
 *   word2vec_engine.c  what both modes share: tables made once, the learning rate, loci__word2vec_run
 *   word2vec_plan.c    a stretch of the stream → the steps to be taken over it: everything that is drawn
 *   word2vec_groups.c  the default mode: the same bits at any number of threads
 *   word2vec_fast.c    the fast mode: lock-free
 *   alias.c            noise words
 *
 * The world: the stream is cut into stretches of `reach` places. All that is random about a stretch depends on the seed,
 * the epoch and the stretch alone: whether a place keeps its word (subsampling) is a hash of the place, so that a stretch
 * knows the words its neighbours keep and windows reach over the cuts; windows and noise come from a generator of the
 * stretch. So nothing of the random numbers belongs into a checkpoint, and who works on a stretch does not matter.
 *
 * A step is a centre word's (kernel.h, loci__word_step). Skip-gram: the context's words are the inputs. Outputs: with
 * negative sampling the centre (label 1) and up to `negative` noise words (label 0) that all inputs share; with
 * hierarchical softmax the inner nodes of the centre's code (label 1 − bit).
 *
 * Rows have one numbering: words as inputs 0 … n−1, as outputs n … 2n−1, inner nodes from 2n.
 */
#ifndef LOCI_TRAIN_WORD2VEC_ENGINE_H
#define LOCI_TRAIN_WORD2VEC_ENGINE_H

#include "../kernel/kernel.h"
#include "alias.h"
#include "word2vec.h"

typedef struct loci__engine {
  loci__word2vec *run;
  const loci__kernels *kernels;
  const int32_t *ids; /* the stream */
  size_t n_places;    /* of an epoch: line ends included */
  size_t epochs, window, negative;
  size_t longest; /* outputs of a step, at most */
  bool cbow;
  size_t reach;   /* places of a stretch */
  size_t scratch; /* floats of a step's */
  uint32_t *keep; /* [id + 1]: a word stays when the upper half of its place's hash is not above this; [0]: line ends */
  loci__alias noise;
} loci__engine;

/* One step. Its inputs are words[first … first + n_left) and words[first + n_left + 1 … + n_right). */
typedef struct loci__stretch_step {
  uint32_t first, outputs; /* indexes into words and outputs */
  uint16_t n_left, n_right, n_outputs;
} loci__stretch_step;

typedef struct loci__stretch {
  size_t n_words, n_steps, n_outputs, n_noise;
  int32_t *words;    /* kept, in order, LOCI__LINE_END between lines; rows as inputs */
  uint32_t *noise;   /* n_noise rows: what the steps of skip-gram choose their noise words from */
  uint32_t *outputs; /* rows */
  float *labels;     /* of outputs */
  loci__stretch_step *steps;
  float **inputs_at; /* room for the addresses of words[i] and outputs[i] */
  float **outputs_at;
  float **moved_at; /* where outputs[i] goes once it has moved; NULL: it moves in place */
} loci__stretch;

loci_status loci__engine_init(loci__engine *engine, loci__word2vec *run, size_t reach, loci_error *error);
void loci__engine_release(loci__engine *engine);

/* Outputs of a step, at most. */
static inline size_t loci__engine_longest(const loci__word2vec *run) {
  size_t negative = run->options->negative;
  return (run->nodes ? run->code.longest : 0) + (negative > 0 ? 1 + negative : 0);
}

/* Rows that there are. */
static inline size_t loci__engine_rows(const loci__word2vec *run) {
  return run->n_words * 2 + (run->nodes ? run->n_words - 1 : 0);
}

static inline float *loci__engine_row(const loci__word2vec *run, size_t row) {
  size_t n = run->n_words;
  if (row < n) return run->input + row * run->stride;
  return row < 2 * n ? run->output + (row - n) * run->stride : run->nodes + (row - 2 * n) * run->stride;
}

/* The learning rate at a place of an epoch: linear to a tenth of the first, with CBOW to a quarter. */
float loci__engine_rate(const loci__engine *engine, size_t epoch, size_t place);
/* Tokens trained on before that place, as loci__word2vec_tick wants them. */
uint64_t loci__engine_done(const loci__engine *engine, uint64_t epoch, uint64_t place);

/* Bytes of a plan; room for one, and its release. */
size_t loci__stretch_bytes(size_t reach, size_t window, size_t longest);
loci_status loci__stretch_init(loci__stretch *plan, const loci__engine *engine, loci_error *error);
void loci__stretch_release(loci__stretch *plan, loci_context *context);
/* The steps of the places begin … begin + reach, as far as there are any. */
void loci__stretch_draw(loci__stretch *plan, const loci__engine *engine, size_t epoch, size_t begin);

/* ---- steps ---- */

/* What one thread needs to take steps. */
typedef struct loci__stepper {
  loci__word_step step;
  float **inputs; /* 2 · window */
  float *scratch;
  double loss; /* of the pairs looked at, summed */
  uint64_t n_looked;
} loci__stepper;

loci_status loci__stepper_init(loci__stepper *stepper, const loci__engine *engine, loci_error *error);
void loci__stepper_release(loci__stepper *stepper, loci_context *context);

/* Takes step i of a plan whose addresses are filled in; each 64th one counts for the loss. */
void loci__stepper_take(loci__stepper *stepper, const loci__engine *engine, const loci__stretch *plan, size_t i,
                        float rate);

/* ---- the modes ---- */

loci_status loci__word2vec_groups(loci__word2vec *run, loci_error *error);
loci_status loci__word2vec_fast(loci__word2vec *run, loci_error *error);
/* Bytes at most, beyond matrices and what grows with the words (loci__word2vec_run_bytes). */
size_t loci__word2vec_groups_bytes(const loci_word2vec_options *options, size_t longest);
size_t loci__word2vec_fast_bytes(const loci_word2vec_options *options, size_t longest, size_t threads);

#endif
