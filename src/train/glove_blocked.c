/* train/glove_blocked.c: GloVe's default optimiser: floats, tile by tile.
 *
 * An epoch goes over the diagonals of the tiles in an order drawn anew each time; the tiles of a diagonal are tasks of the
 * pool, great ones first, and meet again at its end. No row is ever touched by two tasks at once, no task waits for
 * another, and nothing depends on which worker takes which task: the same bits at any number of threads, without locks or
 * atomics. A lock-free mode beside it (Hogwild, as the reference has) would gain nothing.
 *
 * Between diagonals the state is whole: model, epoch, diagonals done, cost. That is what a checkpoint holds.
 */
#include "glove.h"

#include <stdio.h>

enum { PARTS = 4 };

static size_t stride_of(size_t dim) {
  return (dim + 15) / 16 * 16;
}

size_t loci__glove_model_bytes(size_t n_words, size_t dim) {
  size_t floats, bytes;
  if (!loci__mul(n_words, 4 * stride_of(dim) + 4, &floats) || !loci__mul(floats, sizeof(float), &bytes))
    return SIZE_MAX;
  return bytes;
}

loci_status loci__glove_model_init(loci_context *context, size_t n_words, size_t dim, uint64_t seed,
                                   loci__glove_model *model, loci_error *error) {
  const size_t stride = stride_of(dim), bytes = loci__glove_model_bytes(n_words, dim);
  *model = (loci__glove_model){.n_words = n_words, .dim = dim, .stride = stride};
  if (bytes != SIZE_MAX) {
    model->rows = loci__alloc_aligned(context, n_words * 2 * stride * sizeof(float));
    model->columns = loci__alloc_aligned(context, n_words * 2 * stride * sizeof(float));
    model->biases = loci__alloc_aligned(context, n_words * 4 * sizeof(float));
  }
  if (!model->rows || !model->columns || !model->biases) {
    loci__glove_model_release(context, model);
    return loci__fail_memory(error, bytes, "word vectors and their squared gradients");
  }
  loci__random random;
  loci__random_init(&random, seed);
  for (int side = 0; side < 2; side++) {
    float *rows = side ? model->columns : model->rows, *biases = model->biases + (size_t)side * 2 * n_words;
    for (size_t i = 0; i < n_words; i++) {
      float *row = rows + i * 2 * stride;
      for (size_t j = 0; j < stride; j++) {
        row[j] = j < dim ? (float)((loci__random_unit(&random) - 0.5) / (double)dim) : 0.0f;
        row[stride + j] = 1.0f;
      }
      biases[2 * i] = (float)((loci__random_unit(&random) - 0.5) / (double)dim);
      biases[2 * i + 1] = 1.0f;
    }
  }
  return LOCI_OK;
}

void loci__glove_model_release(loci_context *context, loci__glove_model *model) {
  loci__free_aligned(context, model->rows);
  loci__free_aligned(context, model->columns);
  loci__free_aligned(context, model->biases);
  *model = (loci__glove_model){0};
}

/* ---- a diagonal ---- */

typedef struct task_of_tile {
  size_t row_block;
  uint64_t n;
  double cost;
} task_of_tile;

typedef struct diagonal_run {
  const loci__kernels *kernels;
  const loci__glove_tiles *tiles;
  loci__glove_model *model;
  size_t diagonal;
  float eta;
  task_of_tile *tasks;
} diagonal_run;

static loci_status run_tile(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const diagonal_run *d = arg;
  const loci__glove_tiles *t = d->tiles;
  task_of_tile *mine = &d->tasks[task];
  const size_t tile = mine->row_block * t->n_blocks + (mine->row_block + d->diagonal) % t->n_blocks;
  const loci__glove_step step = {.pairs = t->pairs + t->starts[tile],
                                 .n = (size_t)mine->n,
                                 .rows = d->model->rows,
                                 .columns = d->model->columns,
                                 .row_biases = d->model->biases,
                                 .column_biases = d->model->biases + 2 * d->model->n_words,
                                 .stride = d->model->stride,
                                 .eta = d->eta,
                                 .clip = (float)LOCI__GLOVE_CLIP};
  mine->cost = d->kernels->glove_f32(&step);
  return LOCI_OK;
}

loci_status loci__glove_diagonal(loci_context *context, const loci__glove_tiles *tiles, loci__glove_model *model,
                                 double eta, size_t diagonal, double *cost, loci_error *error) {
  const size_t n = tiles->n_blocks;
  diagonal_run d = {.kernels = loci__kernels_of(context),
                    .tiles = tiles,
                    .model = model,
                    .diagonal = diagonal,
                    .eta = (float)eta,
                    .tasks = loci__alloc_array(context, n, sizeof *d.tasks)};
  if (!d.tasks) return loci__fail_memory(error, n * sizeof *d.tasks, "tasks");
  for (size_t i = 0; i < n; i++) { /* sorted by insertion, the greatest first: n is small */
    const size_t tile = i * n + (i + diagonal) % n;
    const task_of_tile mine = {.row_block = i, .n = tiles->starts[tile + 1] - tiles->starts[tile]};
    size_t at = i;
    for (; at > 0 && d.tasks[at - 1].n < mine.n; at--) d.tasks[at] = d.tasks[at - 1];
    d.tasks[at] = mine;
  }
  loci_status status = loci__pool_run(context, n, run_tile, &d, error);
  for (size_t i = 0; status == LOCI_OK && i < n; i++) *cost += d.tasks[i].cost;
  loci__free(context, d.tasks);
  return status;
}

void loci__glove_diagonals(size_t n_blocks, uint64_t seed, uint64_t epoch, uint32_t *order) {
  loci__random random;
  loci__random_init(&random, seed ^ (epoch + 1) * 0x9e3779b97f4a7c15u);
  for (size_t i = 0; i < n_blocks; i++) {
    size_t j = (size_t)loci__random_below(&random, i + 1);
    order[i] = order[j];
    order[j] = (uint32_t)i;
  }
}

/* ---- the run ---- */

typedef struct progress {
  uint64_t epoch, diagonals; /* done of the epoch */
  uint64_t pairs;            /* done of the epoch */
  double cost, last;         /* of the epoch so far; of the last whole one, a pair */
} progress;

typedef struct run {
  loci__trainer *trainer;
  const loci_glove_options *options;
  const loci__glove_tiles *tiles;
  loci__glove_model model;
  uint32_t *order;
  progress at;
} run;

static uint64_t diagonal_pairs(const loci__glove_tiles *t, size_t diagonal) {
  uint64_t n = 0;
  for (size_t i = 0; i < t->n_blocks; i++) {
    const size_t tile = i * t->n_blocks + (i + diagonal) % t->n_blocks;
    n += t->starts[tile + 1] - t->starts[tile];
  }
  return n;
}

static void put_parts(run *r, loci__part parts[PARTS]) {
  const loci__glove_model *model = &r->model;
  const size_t row_bytes = model->n_words * 2 * model->stride * sizeof(float);
  parts[0] = (loci__part){"rows", model->rows, row_bytes};
  parts[1] = (loci__part){"columns", model->columns, row_bytes};
  parts[2] = (loci__part){"biases", model->biases, model->n_words * 4 * sizeof(float)};
  parts[3] = (loci__part){"progress", &r->at, sizeof r->at};
}

/* A wish to stop before the first step or behind the last one. */
static loci_status stopped(loci__trainer *trainer, loci_status status, const loci__part *parts, loci_error *error) {
  if (status == LOCI_ERROR_CANCELLED) LOCI__TRY(loci__checkpoint_save(trainer, parts, PARTS, error));
  return status;
}

static loci_status go(run *r, loci_error *error) {
  const loci__glove_tiles *t = r->tiles;
  loci__part parts[PARTS];
  put_parts(r, parts);
  loci__trainer *trainer = r->trainer;
  loci_context *context = trainer->context;
  bool there;
  LOCI__TRY(loci__checkpoint_load(trainer, parts, PARTS, &there, error));
  if (there && (r->at.epoch > r->options->epochs || r->at.diagonals >= t->n_blocks || r->at.pairs > t->n_pairs)) {
    return loci__fail(error, LOCI_ERROR_FORMAT, "the checkpoint in '%s' is damaged", trainer->folder);
  }
  loci_status status = loci__meter_stage(&trainer->meter, "training", "pairs", t->n_pairs * r->options->epochs, error);
  if (status != LOCI_OK) return stopped(trainer, status, parts, error);
  while (r->at.epoch < r->options->epochs) {
    loci__glove_diagonals(t->n_blocks, r->options->common.seed, r->at.epoch, r->order);
    const size_t diagonal = r->order[r->at.diagonals];
    LOCI__TRY(loci__glove_diagonal(context, t, &r->model, r->options->eta, diagonal, &r->at.cost, error));
    r->at.pairs += diagonal_pairs(t, diagonal);
    if (++r->at.diagonals == t->n_blocks) {
      r->at = (progress){.epoch = r->at.epoch + 1, .last = r->at.cost / (double)t->n_pairs};
      loci__log(context, LOCI_LOG_INFO, "epoch %llu: cost %.6f", (unsigned long long)r->at.epoch, r->at.last);
    }
    const double loss = r->at.pairs ? r->at.cost / (double)r->at.pairs : r->at.last;
    LOCI__TRY(loci__trainer_tick(trainer, r->at.epoch * t->n_pairs + r->at.pairs, loss, parts, PARTS, error));
  }
  status = loci__meter_end(&trainer->meter, error);
  return status == LOCI_OK ? LOCI_OK : stopped(trainer, status, parts, error);
}

/* The words' vectors are w + c, as in the paper (4.2). */
static loci_status finish(run *r, loci_error *error) {
  loci__trainer *trainer = r->trainer;
  const loci__glove_model *model = &r->model;
  float *sums = loci__alloc_array(trainer->context, model->n_words * model->dim, sizeof *sums);
  if (!sums) return loci__fail_memory(error, model->n_words * model->dim * sizeof *sums, "word vectors");
  for (size_t i = 0; i < model->n_words; i++) {
    const float *w = model->rows + i * 2 * model->stride, *c = model->columns + i * 2 * model->stride;
    for (size_t j = 0; j < model->dim; j++) sums[i * model->dim + j] = w[j] + c[j];
  }
  char more[128];
  snprintf(more, sizeof more, "pairs: %llu\ncost: %.6f\n", (unsigned long long)r->tiles->n_pairs, r->at.last);
  loci_status status = loci__trainer_finish(trainer, sums, model->dim, model->dim, more, error);
  loci__free(trainer->context, sums);
  if (status == LOCI_OK) return LOCI_OK;
  loci__part parts[PARTS]; /* what was learned is kept */
  put_parts(r, parts);
  loci_error failure = {0};
  if (loci__checkpoint_save(trainer, parts, PARTS, &failure) != LOCI_OK) {
    loci__log(trainer->context, LOCI_LOG_WARNING, "%s", failure.message);
  }
  return status;
}

loci_status loci__glove_train_blocked(loci__trainer *trainer, const loci_glove_options *options,
                                      const loci__glove_tiles *tiles, loci_error *error) {
  loci_context *context = trainer->context;
  run r = {.trainer = trainer, .options = options, .tiles = tiles};
  r.order = loci__alloc_array(context, tiles->n_blocks, sizeof *r.order);
  if (!r.order) return loci__fail_memory(error, tiles->n_blocks * sizeof *r.order, "tasks");
  loci_status status = loci__glove_model_init(context, loci__vocabulary_size(trainer->vocabulary), options->dim,
                                              options->common.seed, &r.model, error);
  if (status == LOCI_OK) status = go(&r, error);
  if (status == LOCI_OK) status = finish(&r, error);
  loci__glove_model_release(context, &r.model);
  loci__free(context, r.order);
  return status;
}
