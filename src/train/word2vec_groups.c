/* train/word2vec_groups.c: word2vec's default mode: a seed gives the same bits at any number of threads.
 *
 * The stream goes by in groups of TASKS stretches, a number that never depends on the machine. Three phases a group:
 *
 *   draw   each task draws its steps, and marks the rows they touch
 *   train  each task takes its steps one after another. A row that it alone touches moves in place. Of a row that others
 *          touch too it has a private copy, made when it first moves the row; the original stands still meanwhile
 *   merge  rows are dealt out by their numbers; of each row with copies, what they moved by is summed in the order of the
 *          tasks and added to the original
 *
 * No phase reads what another task of the same phase writes, so only the phases' order matters, and every sum has a fixed
 * one. Merging is together with the next group's drawing in one run of the pool: two runs a group.
 *
 * Rare words make up most of the rows and have no copies: they cost what they cost in the fast mode. Frequent ones live in
 * copies, private to a core for the length of a stretch: no cache line is fought over.
 *
 * Summed moves overshoot where many tasks pull a row the same way: each believes that it is the only one. If one touch goes
 * the share a of the way to where it pulls, n touches go 1 − e^(−an); T = Σ n_k touches one after another would go
 * 1 − e^(−aT), and the tasks' sum goes Σ (1 − e^(−a·n_k)). The sum is weighed by the quotient: 1 for rare rows, 1/TASKS
 * (their mean) for the most frequent. `a` is proportional to the learning rate; PULL says how it was found.
 *
 * A checkpoint is taken between groups: matrices, epoch and place are all there is.
 */
#include "word2vec_engine.h"

#include <math.h>

enum {
  TASKS = 8,   /* of a group; a bit each in a byte of marks */
  KEPT = 256,  /* kept words of a stretch: a group takes milliseconds, and waking threads for it microseconds */
  USUAL = 6,   /* outputs of a step that KEPT is meant for: one and five noise words */
  MOST = 4,    /* places of a stretch a kept word, at most */
  LEAST = 64,  /* places of a stretch, at least */
  GROUPS = 64, /* of an epoch, at least, as long as stretches are longer than LEAST */
  AHEAD = 2    /* steps from asking for rows to using them, as in the fast mode */
};

/* a = PULL · rate. 20 MB of text, 100 numbers, 3 epochs, mean of five sets: 8 gave 24.3, 2 26.9, 1 27.6, .5 28.0, .2 28.3 (the
 * fast mode 27.3); next to 0, where moves are simply added up, the run diverged within an epoch. At six times the usual
 * rate .5 still learns as it should, .2 hardly. */
static const float PULL = 0.5f;

/* What a checkpoint keeps. */
typedef struct groups_state {
  uint64_t epoch, place;
} groups_state;

/* A private copy of a row. */
typedef struct copy {
  uint32_t row, touches;
  int32_t next; /* copy of the same part of this task, or −1 */
  int32_t same; /* copy of the same row of a later task (task · most_copies + copy), or −1 */
} copy;

typedef struct group_task {
  loci__stretch plans[2]; /* of the present group and of the next */
  copy *copies;
  float *rows; /* copy i at i · stride */
  size_t n_copies;
  int32_t parts[TASKS]; /* the first copy of each part */
  double loss;
  uint64_t n_looked;
} group_task;

typedef struct group_worker {
  loci__stepper stepper;
  int32_t *at;    /* row → copy, −1 = none; all −1 between tasks */
  uint32_t *rows; /* the different rows of a part */
} group_worker;

typedef struct groups_run {
  loci__engine engine;
  groups_state state, drawn; /* drawn: of the group that is drawn next */
  size_t n_rows, most_copies, n_workers;
  uint8_t *marks[2]; /* row → a bit for each task that touches it; of the present group and of the next */
  unsigned present;  /* which plans and marks */
  bool merge, draw;  /* what the second run of the pool does */
  group_task tasks[TASKS];
  group_worker *workers;
} groups_run;

/* ---- room ---- */

/* Kept words of a stretch: fewer when each step has more outputs than USUAL, so that the rows stay in the cache. */
static size_t kept_of(size_t longest) {
  size_t kept = longest > USUAL ? KEPT * USUAL / longest : KEPT;
  return kept > LEAST ? kept : LEAST;
}

/* Places that hold so many on average, and MOST times as many at most; fewer for a corpus that is not GROUPS such groups
 * long. */
static size_t reach_of(const loci__word2vec *run, size_t longest) {
  double threshold = run->options->sample * (double)run->n_tokens, kept = 0, all = 0, wanted = (double)kept_of(longest);
  for (size_t i = 0; i < run->n_words; i++) {
    double count = (double)run->counts[i], share = 1;
    if (threshold > 0 && count > threshold) share = (sqrt(count / threshold) + 1) * threshold / count;
    all += count;
    kept += count * (share < 1 ? share : 1);
  }
  double reach = kept > 0 ? wanted * all / kept : wanted;
  double part = (double)run->trainer->stream.n / (GROUPS * TASKS);
  if (reach > MOST * wanted) reach = MOST * wanted;
  if (reach > part) reach = part;
  return reach > LEAST ? (size_t)reach : LEAST;
}

static size_t copies_of(size_t reach, size_t window, size_t longest) {
  return reach * (1 + longest) + 2 * window;
}

size_t loci__word2vec_groups_bytes(const loci_word2vec_options *options, size_t longest) {
  size_t reach = MOST * kept_of(longest), stride = (options->dim + 15) / 16 * 16;
  return TASKS * (2 * (loci__stretch_bytes(reach, options->window, longest) + reach * longest * sizeof(float *)) +
                  copies_of(reach, options->window, longest) * (sizeof(copy) + stride * sizeof(float)));
}

static void release(groups_run *groups, loci_context *context) {
  for (size_t i = 0; i < TASKS; i++) {
    loci__stretch_release(&groups->tasks[i].plans[0], context);
    loci__stretch_release(&groups->tasks[i].plans[1], context);
    loci__free(context, groups->tasks[i].copies);
    loci__free_aligned(context, groups->tasks[i].rows);
  }
  for (size_t i = 0; groups->workers && i < groups->n_workers; i++) {
    loci__stepper_release(&groups->workers[i].stepper, context);
    loci__free(context, groups->workers[i].at);
    loci__free(context, groups->workers[i].rows);
  }
  loci__free(context, groups->workers);
  loci__free(context, groups->marks[0]);
  loci__free(context, groups->marks[1]);
  loci__engine_release(&groups->engine);
}

static loci_status init_worker(group_worker *worker, const groups_run *groups, loci_error *error) {
  const loci__engine *engine = &groups->engine;
  loci_context *context = engine->run->context;
  LOCI__TRY(loci__stepper_init(&worker->stepper, engine, error));
  worker->at = loci__alloc_array(context, groups->n_rows, sizeof *worker->at);
  worker->rows = loci__alloc_array(context, TASKS * groups->most_copies, sizeof *worker->rows);
  if (worker->at == NULL || worker->rows == NULL) {
    return loci__fail_memory(error, groups->n_rows * sizeof *worker->at, "a worker's table of rows");
  }
  memset(worker->at, 0xff, groups->n_rows * sizeof *worker->at);
  return LOCI_OK;
}

static loci_status init(groups_run *groups, loci__word2vec *run, loci_error *error) {
  loci_context *context = run->context;
  *groups = (groups_run){.n_workers = loci__pool_size(context), .n_rows = loci__engine_rows(run)};
  loci__engine *engine = &groups->engine;
  LOCI__TRY(loci__engine_init(engine, run, reach_of(run, loci__engine_longest(run)), error));
  size_t most = copies_of(engine->reach, engine->window, engine->longest);
  groups->most_copies = most < groups->n_rows ? most : groups->n_rows;
  for (size_t i = 0; i < TASKS; i++) {
    group_task *task = &groups->tasks[i];
    LOCI__TRY(loci__stretch_init(&task->plans[0], engine, error));
    LOCI__TRY(loci__stretch_init(&task->plans[1], engine, error));
    size_t size;
    task->copies = loci__alloc_array(context, groups->most_copies, sizeof *task->copies);
    task->rows =
        loci__mul(groups->most_copies, run->stride * sizeof(float), &size) ? loci__alloc_aligned(context, size) : NULL;
    for (size_t j = 0; j < 2; j++) {
      task->plans[j].moved_at =
          loci__alloc_array(context, engine->reach * engine->longest, sizeof *task->plans[j].moved_at);
      if (task->plans[j].moved_at == NULL) return loci__fail_memory(error, engine->reach * 8, "addresses of rows");
    }
    if (task->copies == NULL || task->rows == NULL) {
      return loci__fail_memory(error, groups->most_copies * run->stride * sizeof(float), "private copies of rows");
    }
  }
  groups->marks[0] = loci__alloc_zero(context, groups->n_rows, 1);
  groups->marks[1] = loci__alloc_zero(context, groups->n_rows, 1);
  groups->workers = loci__alloc_zero(context, groups->n_workers, sizeof *groups->workers);
  if (groups->marks[0] == NULL || groups->marks[1] == NULL || groups->workers == NULL) {
    return loci__fail_memory(error, groups->n_rows, "marks of rows");
  }
  for (size_t i = 0; i < groups->n_workers; i++) LOCI__TRY(init_worker(&groups->workers[i], groups, error));
  return LOCI_OK;
}

/* ---- draw ---- */

static inline void mark(uint8_t *marks, size_t row, uint8_t bit) {
  if (!(__atomic_load_n(&marks[row], __ATOMIC_RELAXED) & bit)) __atomic_fetch_or(&marks[row], bit, __ATOMIC_RELAXED);
}

static void draw(groups_run *groups, size_t task) {
  const loci__engine *engine = &groups->engine;
  loci__stretch *plan = &groups->tasks[task].plans[1 - groups->present];
  size_t from = groups->drawn.place + task * engine->reach;
  plan->n_words = plan->n_steps = plan->n_outputs = 0;
  if (from >= engine->n_places) return; /* the last group of an epoch may have fewer tasks */
  loci__stretch_draw(plan, engine, groups->drawn.epoch, from);
  uint8_t *marks = groups->marks[1 - groups->present], bit = (uint8_t)(1u << task);
  for (size_t i = 0; i < plan->n_words; i++) {
    if (plan->words[i] >= 0) mark(marks, (size_t)plan->words[i], bit);
  }
  for (size_t i = 0; i < plan->n_outputs; i++) mark(marks, plan->outputs[i], bit);
}

/* ---- train ---- */

/* Where the task moves a row: in place, or in its copy. *from: where the row is until then, the original if this is the first
 * time that the task meets it. */
static inline float *resolve(groups_run *groups, group_task *task, group_worker *worker, uint8_t bit, size_t row,
                             float **from) {
  const loci__word2vec *run = groups->engine.run;
  if (groups->marks[groups->present][row] == bit) return *from = loci__engine_row(run, row);
  int32_t at = worker->at[row];
  const bool is_new = at < 0;
  if (is_new) {
    at = worker->at[row] = (int32_t)task->n_copies++;
    int32_t *part = &task->parts[row % TASKS];
    task->copies[at] = (copy){.row = (uint32_t)row, .next = *part};
    *part = at;
  }
  task->copies[at].touches++;
  float *to = task->rows + (size_t)at * run->stride;
  *from = is_new ? loci__engine_row(run, row) : to;
  return to;
}

static inline void ask_for(const float *row, size_t stride) {
  for (size_t k = 0; k < stride; k += 16) __builtin_prefetch(row + k, 1, 3);
}

static loci_status train_task(void *arg, size_t number, size_t worker_number, loci_error *error) {
  (void)error;
  groups_run *groups = arg;
  const loci__engine *engine = &groups->engine;
  group_task *task = &groups->tasks[number];
  group_worker *worker = &groups->workers[worker_number];
  loci__stretch *plan = &task->plans[groups->present];
  loci__stepper *stepper = &worker->stepper;
  uint8_t bit = (uint8_t)(1u << number);
  size_t stride = engine->run->stride, asked = 0;
  task->n_copies = 0;
  memset(task->parts, 0xff, sizeof task->parts);
  for (size_t i = 0; i < plan->n_words; i++) {
    if (plan->words[i] < 0) continue;
    float *from, *to = resolve(groups, task, worker, bit, (size_t)plan->words[i], &from);
    if (from != to) memcpy(to, from, stride * sizeof *to); /* steps share their inputs, and move them many times */
    plan->inputs_at[i] = to;
  }
  for (size_t i = 0; i < plan->n_outputs; i++) {
    plan->moved_at[i] = resolve(groups, task, worker, bit, plan->outputs[i], &plan->outputs_at[i]);
  }
  float rate = loci__engine_rate(engine, groups->state.epoch, groups->state.place + number * engine->reach);
  stepper->loss = 0, stepper->n_looked = 0;
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
  task->loss += stepper->loss, task->n_looked += stepper->n_looked;
  for (size_t i = 0; i < task->n_copies; i++) worker->at[task->copies[i].row] = -1;
  return LOCI_OK;
}

/* ---- merge ---- */

static void merge_row(groups_run *groups, const group_worker *worker, size_t row, float rate) {
  const loci__engine *engine = &groups->engine;
  const loci__word2vec *run = engine->run;
  size_t stride = run->stride, n = 0;
  const float *copies[TASKS];
  float pull = PULL * rate, apart = 0, touches = 0;
  for (int32_t at = worker->at[row]; at >= 0; n++) {
    size_t task = (size_t)at / groups->most_copies, i = (size_t)at % groups->most_copies;
    const copy *c = &groups->tasks[task].copies[i];
    copies[n] = groups->tasks[task].rows + i * stride;
    apart += 1 - expf(-pull * (float)c->touches);
    touches += (float)c->touches;
    at = c->same;
  }
  engine->kernels->add_moves_f32(loci__engine_row(run, row), copies, n, (1 - expf(-pull * touches)) / apart, stride);
}

static void merge(groups_run *groups, size_t part, group_worker *worker) {
  const loci__engine *engine = &groups->engine;
  size_t n = 0;
  for (size_t task = TASKS; task-- > 0;) {
    copy *copies = groups->tasks[task].copies;
    for (int32_t i = groups->tasks[task].parts[part]; i >= 0; i = copies[i].next) {
      size_t row = copies[i].row;
      copies[i].same = worker->at[row];
      if (worker->at[row] < 0) worker->rows[n++] = (uint32_t)row;
      worker->at[row] = (int32_t)(task * groups->most_copies) + i;
    }
  }
  float rate = loci__engine_rate(engine, groups->state.epoch, groups->state.place);
  for (size_t i = 0; i < n; i++) {
    merge_row(groups, worker, worker->rows[i], rate);
    worker->at[worker->rows[i]] = -1;
  }
  /* and the marks of the task of this number go */
  const loci__stretch *plan = &groups->tasks[part].plans[groups->present];
  uint8_t *marks = groups->marks[groups->present];
  for (size_t i = 0; i < plan->n_words; i++) {
    if (plan->words[i] >= 0) __atomic_store_n(&marks[plan->words[i]], 0, __ATOMIC_RELAXED);
  }
  for (size_t i = 0; i < plan->n_outputs; i++) __atomic_store_n(&marks[plan->outputs[i]], 0, __ATOMIC_RELAXED);
}

static loci_status merge_and_draw(void *arg, size_t number, size_t worker, loci_error *error) {
  (void)error;
  groups_run *groups = arg;
  if (groups->merge && number < TASKS) merge(groups, number, &groups->workers[worker]);
  if (groups->draw && number >= TASKS) draw(groups, number - TASKS);
  return LOCI_OK;
}

/* ---- the run ---- */

static groups_state after(const groups_run *groups, groups_state state) {
  state.place += TASKS * groups->engine.reach;
  if (state.place < groups->engine.n_places) return state;
  return (groups_state){.epoch = state.epoch + 1};
}

/* The mean loss since the last call. */
static double loss_of(groups_run *groups) {
  double loss = 0;
  uint64_t n = 0;
  for (size_t i = 0; i < TASKS; i++) {
    loss += groups->tasks[i].loss, n += groups->tasks[i].n_looked;
    groups->tasks[i].loss = 0, groups->tasks[i].n_looked = 0;
  }
  return n ? loss / (double)n : NAN;
}

static loci_status train(groups_run *groups, loci__word2vec *run, loci_error *error) {
  bool there;
  LOCI__TRY(loci__word2vec_load(run, &groups->state, sizeof groups->state, &there, error));
  uint64_t epochs = groups->engine.epochs;
  groups->drawn = groups->state;
  groups->draw = true;
  LOCI__TRY(loci__pool_run(run->context, 2 * TASKS, merge_and_draw, groups, error));
  while (groups->state.epoch < epochs) {
    groups->present = 1 - groups->present;
    LOCI__TRY(loci__pool_run(run->context, TASKS, train_task, groups, error));
    groups->drawn = after(groups, groups->state);
    groups->merge = true;
    groups->draw = groups->drawn.epoch < epochs;
    LOCI__TRY(loci__pool_run(run->context, 2 * TASKS, merge_and_draw, groups, error));
    groups->state = groups->drawn;
    LOCI__TRY(loci__word2vec_tick(run, loci__engine_done(&groups->engine, groups->state.epoch, groups->state.place),
                                  loss_of(groups), &groups->state, sizeof groups->state, error));
  }
  return loci__word2vec_end(run, &groups->state, sizeof groups->state, error);
}

loci_status loci__word2vec_groups(loci__word2vec *run, loci_error *error) {
  groups_run *groups = loci__alloc(run->context, sizeof *groups);
  if (groups == NULL) return loci__fail_memory(error, sizeof *groups, "the run");
  loci_status status = init(groups, run, error);
  if (status == LOCI_OK) status = train(groups, run, error);
  release(groups, run->context);
  loci__free(run->context, groups);
  return status;
}
