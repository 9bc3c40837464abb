/* train/fit.c: rows that add up to what the teacher says.
 *
 * Model: s = z / |z|, z = Σ rows[token]. Loss of a sentence: 1 − s·y, y the teacher's vector in the student's space.
 * Gradient: ∂/∂z = (−y + (s·y) s) / |z|, and every occurrence of a token gets it. Optimiser: Adam (Kingma and Ba 2015)
 * that touches only the rows of a batch, each row with its own step count for the bias correction ("lazy" Adam), as a
 * row of a rare piece is seen a few times in all. The rate falls linearly to 0; a touched row is pulled a little towards where it
 * began, so that rare pieces stay near what the teacher said of them alone.
 *
 * One thread, fixed order: the same seed gives the same bits. A pass over 100,000 sentences takes a few seconds, the
 * teacher's vectors for them take minutes. */
#include "../kernel/kernel.h"
#include "train.h"

#include <math.h>

typedef struct loci__fit {
  loci_context *context;
  const loci__kernels *kernels;
  size_t dim, n_rows;
  float *first, *second; /* Adam's moments, n_rows × dim */
  float *origin;         /* the rows at the start */
  uint32_t *steps;       /* of each row */
  uint32_t *slot;        /* of a token among the batch's distinct ones, + 1; 0 = not in the batch */
  int32_t *distinct;     /* the batch's tokens in order of appearance */
  size_t n_distinct;
  float *gradient;      /* n_distinct × dim */
  size_t gradient_rows; /* capacity */
  float *z;             /* one sentence */
} loci__fit;

static void fit_release(loci__fit *fit) {
  loci__free(fit->context, fit->first);
  loci__free(fit->context, fit->second);
  loci__free(fit->context, fit->origin);
  loci__free(fit->context, fit->steps);
  loci__free(fit->context, fit->slot);
  loci__free(fit->context, fit->distinct);
  loci__free(fit->context, fit->gradient);
  loci__free(fit->context, fit->z);
}

void loci__bag_vector(loci_context *context, const loci__bags *bags, size_t i, const float *rows, size_t dim,
                      float *out) {
  const loci__kernels *kernels = loci__kernels_of(context);
  memset(out, 0, dim * sizeof *out);
  for (size_t t = bags->starts[i]; t < bags->starts[i + 1]; t++) {
    kernels->add_scaled_f32(1, rows + (size_t)bags->tokens[t] * dim, dim, out);
  }
  double norm = sqrt((double)kernels->dot_f32(out, out, dim));
  if (norm < 1e-12) return;
  for (size_t d = 0; d < dim; d++) out[d] = (float)((double)out[d] / norm);
}

static loci_status batch_gradient(loci__fit *fit, const loci__bags *bags, const size_t *order, size_t n,
                                  const float *targets, const float *rows, loci_error *error) {
  size_t dim = fit->dim;
  fit->n_distinct = 0;
  for (size_t b = 0; b < n; b++) {
    size_t i = order[b];
    for (size_t t = bags->starts[i]; t < bags->starts[i + 1]; t++) {
      int32_t token = bags->tokens[t];
      if (fit->slot[token] == 0) {
        fit->distinct[fit->n_distinct++] = token;
        fit->slot[token] = (uint32_t)fit->n_distinct;
      }
    }
  }
  if (fit->n_distinct > fit->gradient_rows) {
    float *more = loci__resize_array(fit->context, fit->gradient, fit->n_distinct * dim, sizeof *more);
    if (more == NULL) return loci__fail_memory(error, fit->n_distinct * dim * sizeof *more, "gradients");
    fit->gradient = more;
    fit->gradient_rows = fit->n_distinct;
  }
  memset(fit->gradient, 0, fit->n_distinct * dim * sizeof *fit->gradient);
  for (size_t b = 0; b < n; b++) {
    size_t i = order[b];
    float *z = fit->z;
    memset(z, 0, dim * sizeof *z);
    for (size_t t = bags->starts[i]; t < bags->starts[i + 1]; t++) {
      fit->kernels->add_scaled_f32(1, rows + (size_t)bags->tokens[t] * dim, dim, z);
    }
    const float *y = targets + i * dim;
    float norm = sqrtf(fit->kernels->dot_f32(z, z, dim));
    if (norm < 1e-6f) norm = 1e-6f;
    float cosine = fit->kernels->dot_f32(z, y, dim) / norm;
    for (size_t d = 0; d < dim; d++) z[d] = (cosine * z[d] / norm - y[d]) / norm; /* ∂loss/∂z */
    for (size_t t = bags->starts[i]; t < bags->starts[i + 1]; t++) {
      size_t at = fit->slot[bags->tokens[t]] - 1;
      fit->kernels->add_scaled_f32(1, z, dim, fit->gradient + at * dim);
    }
  }
  return LOCI_OK;
}

static void adam(loci__fit *fit, float *rows, float rate, float pull) {
  const float b1 = 0.9f, b2 = 0.999f;
  for (size_t u = 0; u < fit->n_distinct; u++) {
    size_t token = (size_t)fit->distinct[u];
    uint32_t k = ++fit->steps[token];
    float c1 = 1 - powf(b1, (float)k), c2 = 1 - powf(b2, (float)k);
    const float *g = fit->gradient + u * fit->dim;
    float *m = fit->first + token * fit->dim, *v = fit->second + token * fit->dim, *r = rows + token * fit->dim;
    const float *r0 = fit->origin + token * fit->dim;
    for (size_t d = 0; d < fit->dim; d++) {
      m[d] = b1 * m[d] + (1 - b1) * g[d];
      v[d] = b2 * v[d] + (1 - b2) * g[d] * g[d];
      r[d] -= rate * (m[d] / c1) / (sqrtf(v[d] / c2) + 1e-10f);
      r[d] -= pull * (r[d] - r0[d]);
    }
    fit->slot[token] = 0;
  }
}

static void shuffle(size_t *order, size_t n, loci__random *random) {
  for (size_t i = n; i > 1; i--) {
    size_t j = (size_t)loci__random_below(random, i), t = order[i - 1];
    order[i - 1] = order[j];
    order[j] = t;
  }
}

/* The unit of the step: the mean over used rows of the root mean square of their entries. */
static double mean_rms(const loci__bags *bags, const float *rows, size_t dim, size_t n_rows, uint32_t *seen,
                       const loci__kernels *kernels) {
  double sum = 0;
  size_t used = 0;
  for (size_t t = 0; t < bags->starts[bags->n]; t++) seen[bags->tokens[t]] = 1;
  for (size_t v = 0; v < n_rows; v++) {
    if (seen[v] == 0) continue;
    seen[v] = 0;
    const float *r = rows + v * dim;
    sum += sqrt((double)kernels->dot_f32(r, r, dim) / (double)dim);
    used++;
  }
  return used == 0 ? 0 : sum / (double)used;
}

static loci_status fit_run(loci__fit *fit, const loci__bags *bags, const float *targets, float *rows, size_t *order,
                           const loci__fit_options *options, loci__meter *meter, loci_error *error) {
  loci__random random;
  loci__random_init(&random, options->seed);
  for (size_t i = 0; i < bags->n; i++) order[i] = i;
  double unit = mean_rms(bags, rows, fit->dim, fit->n_rows, fit->slot, fit->kernels);
  size_t batches = bags->n / options->batch;
  if (batches == 0) batches = 1;
  size_t total = batches * options->epochs, step = 0;
  LOCI__TRY(loci__meter_stage(meter, "training", "sentences", (uint64_t)options->epochs * bags->n, error));
  for (size_t epoch = 0; epoch < options->epochs; epoch++) {
    shuffle(order, bags->n, &random);
    for (size_t b = 0; b < batches; b++, step++) {
      size_t from = b * options->batch;
      size_t n = bags->n - from < options->batch ? bags->n - from : options->batch;
      LOCI__TRY(batch_gradient(fit, bags, order + from, n, targets, rows, error));
      adam(fit, rows, (float)(options->rate * unit * (1 - (double)step / (double)total)), (float)options->pull);
      LOCI__TRY(loci__meter_at(meter, (uint64_t)epoch * bags->n + from + n, NULL, error));
    }
  }
  return loci__meter_end(meter, error);
}

loci_status loci__fit_rows(loci_context *context, const loci__bags *bags, const float *targets, size_t dim, float *rows,
                           size_t n_rows, const loci__fit_options *options, loci__meter *meter, loci_error *error) {
  if (bags->n == 0) return LOCI_OK;
  loci__fit fit = {.context = context, .kernels = loci__kernels_of(context), .dim = dim, .n_rows = n_rows};
  fit.first = loci__alloc_zero(context, n_rows * dim, sizeof *fit.first);
  fit.second = loci__alloc_zero(context, n_rows * dim, sizeof *fit.second);
  fit.origin = loci__alloc_array(context, n_rows * dim, sizeof *fit.origin);
  fit.steps = loci__alloc_zero(context, n_rows, sizeof *fit.steps);
  fit.slot = loci__alloc_zero(context, n_rows, sizeof *fit.slot);
  fit.distinct = loci__alloc_array(context, n_rows, sizeof *fit.distinct);
  fit.z = loci__alloc_array(context, dim, sizeof *fit.z);
  size_t *order = loci__alloc_array(context, bags->n, sizeof *order);
  loci_status status;
  if (fit.first == NULL || fit.second == NULL || fit.origin == NULL || fit.steps == NULL || fit.slot == NULL ||
      fit.distinct == NULL || fit.z == NULL || order == NULL) {
    status = loci__fail_memory(error, n_rows * dim * 3 * sizeof(float), "the optimiser's state");
  } else {
    memcpy(fit.origin, rows, n_rows * dim * sizeof *rows);
    status = fit_run(&fit, bags, targets, rows, order, options, meter, error);
  }
  loci__free(context, order);
  fit_release(&fit);
  return status;
}
