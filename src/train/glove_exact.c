/* train/glove_exact.c: GloVe as the GloVe programs compute it with one thread: doubles, their random first values, their
 * shuffle, one record after the other, equation 8 of the paper with AdaGrad. Vectors agree to about 1e-10 (a compiler that
 * contracts products and sums rounds otherwise than one that does not); it is as slow as that program.
 *
 * Biases move by the whole gradient (no eta), as there.
 */
#include "glove.h"

#include <math.h>
#include <stdio.h>

enum { PARTS = 3, STEP = 1 << 14 /* records between two looks at progress, cancellation and the clock */ };

loci_status loci__glove_exact_init(loci_context *context, size_t n_words, size_t dim, uint32_t seed,
                                   loci__glove_exact *model, loci_error *error) {
  size_t n;
  *model = (loci__glove_exact){.n_words = n_words, .dim = dim};
  if (loci__mul(2 * n_words, dim + 1, &n)) {
    model->weights = loci__alloc_array(context, n, sizeof *model->weights);
    model->squares = loci__alloc_array(context, n, sizeof *model->squares);
    model->moves = loci__alloc_array(context, 2 * dim, sizeof *model->moves);
  }
  if (!model->weights || !model->squares || !model->moves) {
    loci__glove_exact_release(context, model);
    return loci__fail_memory(error, 2 * n_words * (dim + 1) * 2 * sizeof(double), "word vectors");
  }
  loci__c_random random;
  loci__c_random_init(&random, seed);
  for (size_t i = 0; i < n; i++) {
    model->weights[i] = (loci__c_random_next(&random) / 2147483647.0 - 0.5) / (double)dim;
    model->squares[i] = 1.0;
  }
  return LOCI_OK;
}

void loci__glove_exact_release(loci_context *context, loci__glove_exact *model) {
  loci__free(context, model->weights);
  loci__free(context, model->squares);
  loci__free(context, model->moves);
  *model = (loci__glove_exact){0};
}

static double clipped(double x) {
  return fmin(fmax(x, -LOCI__GLOVE_CLIP), LOCI__GLOVE_CLIP);
}

static double finite_or_0(double x) {
  return isfinite(x) ? x : 0;
}

double loci__glove_exact_step(loci__glove_exact *model, const loci__cooccur_record *record, double eta, double x_max,
                              double alpha) {
  const size_t dim = model->dim, row = (size_t)record->word - 1, column = (size_t)record->context - 1 + model->n_words;
  double *w = model->weights + row * (dim + 1), *c = model->weights + column * (dim + 1);
  double *w_squares = model->squares + row * (dim + 1), *c_squares = model->squares + column * (dim + 1);
  double *w_move = model->moves, *c_move = model->moves + dim;
  double e = 0;
  for (size_t i = 0; i < dim; i++) e += w[i] * c[i];
  e += w[dim] + c[dim] - log(record->weight);
  double g = record->weight > x_max ? e : pow(record->weight / x_max, alpha) * e;
  if (!isfinite(e) || !isfinite(g)) return 0;
  const double cost = 0.5 * g * e;
  double w_sum = 0, c_sum = 0;
  for (size_t i = 0; i < dim; i++) {
    const double t_w = clipped(g * c[i]) * eta, t_c = clipped(g * w[i]) * eta;
    w_move[i] = t_w / sqrt(w_squares[i]);
    c_move[i] = t_c / sqrt(c_squares[i]);
    w_sum += w_move[i];
    c_sum += c_move[i];
    w_squares[i] += t_w * t_w;
    c_squares[i] += t_c * t_c;
  }
  if (isfinite(w_sum) && isfinite(c_sum)) {
    for (size_t i = 0; i < dim; i++) {
      w[i] -= w_move[i];
      c[i] -= c_move[i];
    }
  }
  w[dim] -= finite_or_0(g / sqrt(w_squares[dim]));
  c[dim] -= finite_or_0(g / sqrt(c_squares[dim]));
  w_squares[dim] += g * g;
  c_squares[dim] += g * g;
  return cost;
}

/* ---- the run ---- */

typedef struct progress {
  uint64_t epoch, next; /* records done of the epoch */
  double cost, last;    /* of the epoch so far; of the last whole one, a record */
} progress;

typedef struct run {
  loci__trainer *trainer;
  const loci_glove_options *options;
  const loci__cooccur_record *records;
  size_t n;
  uint32_t *order;
  loci__glove_exact model;
  progress at;
} run;

static void put_parts(run *r, loci__part parts[PARTS]) {
  const size_t bytes = 2 * r->model.n_words * (r->model.dim + 1) * sizeof(double);
  parts[0] = (loci__part){"weights", r->model.weights, bytes};
  parts[1] = (loci__part){"squares", r->model.squares, bytes};
  parts[2] = (loci__part){"progress", &r->at, sizeof r->at};
}

/* A wish to stop before the first step or behind the last one. */
static loci_status stopped(loci__trainer *trainer, loci_status status, const loci__part *parts, loci_error *error) {
  if (status == LOCI_ERROR_CANCELLED) LOCI__TRY(loci__checkpoint_save(trainer, parts, PARTS, error));
  return status;
}

static loci_status go(run *r, loci_error *error) {
  loci__part parts[PARTS];
  put_parts(r, parts);
  bool there;
  LOCI__TRY(loci__checkpoint_load(r->trainer, parts, PARTS, &there, error));
  if (there && (r->at.epoch > r->options->epochs || r->at.next > r->n)) {
    return loci__fail(error, LOCI_ERROR_FORMAT, "the checkpoint in '%s' is damaged", r->trainer->folder);
  }
  loci__meter *meter = &r->trainer->meter;
  loci_status status = loci__meter_stage(meter, "training", "pairs", r->n * r->options->epochs, error);
  if (status != LOCI_OK) return stopped(r->trainer, status, parts, error);
  while (r->at.epoch < r->options->epochs) {
    size_t end = r->n - r->at.next > STEP ? (size_t)r->at.next + STEP : r->n;
    for (size_t i = (size_t)r->at.next; i < end; i++) {
      r->at.cost += loci__glove_exact_step(&r->model, &r->records[r->order[i]], r->options->eta, r->options->x_max,
                                           r->options->alpha);
    }
    r->at.next = end;
    if (end == r->n) r->at = (progress){.epoch = r->at.epoch + 1, .last = r->at.cost / (double)r->n};
    const double loss = r->at.next ? r->at.cost / (double)r->at.next : r->at.last;
    LOCI__TRY(loci__trainer_tick(r->trainer, r->at.epoch * r->n + r->at.next, loss, parts, PARTS, error));
  }
  status = loci__meter_end(meter, error);
  return status == LOCI_OK ? LOCI_OK : stopped(r->trainer, status, parts, error);
}

static loci_status finish(run *r, loci_error *error) {
  const size_t n_words = r->model.n_words, dim = r->model.dim;
  loci_context *context = r->trainer->context;
  float *rows = loci__alloc_array(context, n_words * dim, sizeof *rows);
  if (!rows) return loci__fail_memory(error, n_words * dim * sizeof *rows, "word vectors");
  for (size_t i = 0; i < n_words; i++) {
    const double *w = r->model.weights + i * (dim + 1), *c = w + n_words * (dim + 1);
    for (size_t j = 0; j < dim; j++) rows[i * dim + j] = (float)(w[j] + c[j]);
  }
  char more[128];
  snprintf(more, sizeof more, "pairs: %zu\ncost: %.6f\n", r->n, r->at.last);
  loci_status status = loci__trainer_finish(r->trainer, rows, dim, dim, more, error);
  loci__free(context, rows);
  if (status == LOCI_OK) return LOCI_OK;
  loci__part parts[PARTS]; /* what was learned is kept */
  put_parts(r, parts);
  loci_error failure = {0};
  if (loci__checkpoint_save(r->trainer, parts, PARTS, &failure) != LOCI_OK) {
    loci__log(context, LOCI_LOG_WARNING, "%s", failure.message);
  }
  return status;
}

loci_status loci__glove_train_exact(loci__trainer *trainer, const loci_glove_options *options,
                                    const loci__cooccur_record *records, size_t n, double gigabytes,
                                    loci_error *error) {
  loci_context *context = trainer->context;
  run r = {.trainer = trainer, .options = options, .records = records, .n = n};
  const uint32_t seed = (uint32_t)options->common.seed;
  const size_t chunk = (size_t)(0.95 * gigabytes * 1073741824.0 / (double)sizeof *records);
  r.order = loci__alloc_array(context, n, sizeof *r.order);
  if (!r.order) return loci__fail_memory(error, n * sizeof *r.order, "shuffling");
  loci_status status = loci__glove_shuffle(context, n, chunk, seed, r.order, error);
  if (status == LOCI_OK) {
    status = loci__glove_exact_init(context, loci__vocabulary_size(trainer->vocabulary), options->dim, seed, &r.model,
                                    error);
  }
  if (status == LOCI_OK) status = go(&r, error);
  if (status == LOCI_OK) status = finish(&r, error);
  loci__glove_exact_release(context, &r.model);
  loci__free(context, r.order);
  return status;
}
