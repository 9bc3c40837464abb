/* train/word2vec_fast.c: word2vec's fast mode: every thread moves the shared rows, without locks (Hogwild: Niu et al.
 * 2011). Threads that meet in a row overwrite each other's sums now and then, which learning forgives; the bits depend
 * on who was faster. These races are meant, and are left out of the thread sanitizer's runs.
 *
 * A round gives each thread's share of some stretches to the pool, between rounds the driving thread tells the progress
 * and saves. A worker draws a whole stretch first; so the rows of the steps ahead are known and asked for before they are
 * needed: their latency, not the arithmetic, is what plain word2vec waits for.
 */
#include "word2vec_engine.h"

#include <math.h>

enum {
  REACH = 2048, /* places of a stretch: what is drawn of it stays in the second-level cache */
  ROUND = 128,  /* stretches of a round: some 100 ms on two threads */
  AHEAD = 2     /* steps from asking for rows to using them; 1…16 are alike: docs/speed.md */
};

/* What a checkpoint keeps. */
typedef struct fast_state {
  uint64_t epoch, place;
} fast_state;

typedef struct fast_worker {
  loci__stretch plan;
  loci__stepper stepper;
} fast_worker;

typedef struct fast_run {
  loci__engine engine;
  fast_state state;
  size_t n_workers;
  fast_worker *workers;
} fast_run;

size_t loci__word2vec_fast_bytes(const loci_word2vec_options *options, size_t longest, size_t threads) {
  return threads * loci__stretch_bytes(REACH, options->window, longest);
}

static void release(fast_run *fast, loci_context *context) {
  for (size_t i = 0; fast->workers && i < fast->n_workers; i++) {
    loci__stretch_release(&fast->workers[i].plan, context);
    loci__stepper_release(&fast->workers[i].stepper, context);
  }
  loci__free(context, fast->workers);
  loci__engine_release(&fast->engine);
}

static loci_status init(fast_run *fast, loci__word2vec *run, loci_error *error) {
  *fast = (fast_run){.n_workers = loci__pool_size(run->context)};
  LOCI__TRY(loci__engine_init(&fast->engine, run, REACH, error));
  fast->workers = loci__alloc_zero(run->context, fast->n_workers, sizeof *fast->workers);
  if (fast->workers == NULL) return loci__fail_memory(error, fast->n_workers * sizeof *fast->workers, "the workers");
  for (size_t i = 0; i < fast->n_workers; i++) {
    LOCI__TRY(loci__stretch_init(&fast->workers[i].plan, &fast->engine, error));
    LOCI__TRY(loci__stepper_init(&fast->workers[i].stepper, &fast->engine, error));
  }
  return LOCI_OK;
}

static inline void ask_for(const float *row, size_t stride) {
  for (size_t k = 0; k < stride; k += 16) __builtin_prefetch(row + k, 1, 3);
}

static loci_status word2vec_fast_work(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  fast_run *fast = arg;
  const loci__engine *engine = &fast->engine;
  const loci__word2vec *run = engine->run;
  loci__stretch *plan = &fast->workers[worker].plan;
  loci__stepper *stepper = &fast->workers[worker].stepper;
  size_t from = fast->state.place + task * REACH, stride = run->stride;
  float rate = loci__engine_rate(engine, fast->state.epoch, from);
  loci__stretch_draw(plan, engine, fast->state.epoch, from);
  for (size_t i = 0; i < plan->n_words; i++) {
    if (plan->words[i] >= 0) plan->inputs_at[i] = run->input + (size_t)plan->words[i] * stride;
  }
  for (size_t i = 0; i < plan->n_outputs; i++) plan->outputs_at[i] = loci__engine_row(run, plan->outputs[i]);
  size_t asked = 0; /* words whose rows were asked for */
  for (size_t i = 0; i < plan->n_steps + AHEAD; i++) {
    if (i < plan->n_steps) {
      const loci__stretch_step *step = &plan->steps[i];
      for (size_t end = step->first + step->n_left + step->n_right + 1u; asked < end; asked++) {
        if (plan->words[asked] >= 0) ask_for(plan->inputs_at[asked], stride);
      }
      for (size_t j = 0; j < step->n_outputs; j++) ask_for(plan->outputs_at[step->outputs + j], stride);
    }
    if (i >= AHEAD) loci__stepper_take(stepper, engine, plan, i - AHEAD, rate);
  }
  return LOCI_OK;
}

/* The mean loss since the last call. */
static double loss_of(fast_run *fast) {
  double loss = 0;
  uint64_t n = 0;
  for (size_t i = 0; i < fast->n_workers; i++) {
    loci__stepper *stepper = &fast->workers[i].stepper;
    loss += stepper->loss, n += stepper->n_looked;
    stepper->loss = 0, stepper->n_looked = 0;
  }
  return n ? loss / (double)n : NAN;
}

static loci_status train(fast_run *fast, loci__word2vec *run, loci_error *error) {
  bool there;
  LOCI__TRY(loci__word2vec_load(run, &fast->state, sizeof fast->state, &there, error));
  size_t n_places = fast->engine.n_places;
  while (fast->state.epoch < fast->engine.epochs) {
    size_t n = (n_places - fast->state.place + REACH - 1) / REACH;
    LOCI__TRY(loci__pool_run(run->context, n < ROUND ? n : ROUND, word2vec_fast_work, fast, error));
    fast->state.place += (n < ROUND ? n : ROUND) * REACH;
    if (fast->state.place >= n_places) {
      fast->state.place = 0;
      fast->state.epoch++;
    }
    LOCI__TRY(loci__word2vec_tick(run, loci__engine_done(&fast->engine, fast->state.epoch, fast->state.place),
                                  loss_of(fast), &fast->state, sizeof fast->state, error));
  }
  return loci__word2vec_end(run, &fast->state, sizeof fast->state, error);
}

loci_status loci__word2vec_fast(loci__word2vec *run, loci_error *error) {
  fast_run fast;
  loci_status status = init(&fast, run, error);
  if (status == LOCI_OK) status = train(&fast, run, error);
  release(&fast, run->context);
  return status;
}
