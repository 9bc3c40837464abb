/* explore/tsne.c: t-distributed stochastic neighbour embedding (van der Maaten and Hinton 2008).
 *
 * The gradient of KL(P‖Q), a quarter of it, is Σⱼ pᵢⱼ·w·(yᵢ − yⱼ) − Σⱼ w²·(yᵢ − yⱼ)/Z with w = 1/(1 + |yᵢ − yⱼ|²) and
 * Z = Σ w: the first sum over the edges (kernel pull_f32), the second half the gradient of the field's potential over Z
 * (field.c). Descent with momentum and gains (Jacobs 1988), as openTSNE (Poličar, Stražar and Zupan 2024) has it by
 * default: momentum .8; the rate n / exaggeration (Belkina et al. 2019); pᵢⱼ twelvefold in the first epochs, which lets
 * clusters pass each other; no step longer than 5.
 *
 * An epoch is a few jobs on the pool: the field's four, the forces, the step. Points are cut into blocks of fixed size, and
 * a block's part of Z is added in the order of the blocks.
 */
#include "project.h"

#include <math.h>

enum { BLOCK = 256, STEP_BLOCK = 1024, CENTRE_EVERY = 50 };
static const float EXAGGERATION = 12, MOMENTUM = 0.8f, LONGEST = 5, LEAST_GAIN = 0.01f;

typedef struct descent {
  loci_context *context;
  const loci__kernels *kernels;
  const loci__edges *edges;
  loci__field *field;
  size_t n;
  float *xy, *pulls, *pushes, *moves, *gains; /* 2n each; pushes: half of ∇φ */
  double *sums;                               /* a block: its part of Z */
  float exaggeration, rate, push;             /* push: 1/Z */
} descent;

static loci_status force_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const descent *d = arg;
  const size_t first = task * BLOCK, last = first + BLOCK < d->n ? first + BLOCK : d->n;
  d->kernels->pull_f32(&(loci__pull){.starts = d->edges->starts,
                                     .columns = d->edges->columns,
                                     .values = d->edges->values,
                                     .xy = d->xy,
                                     .first = first,
                                     .last = last,
                                     .out = d->pulls});
  double sum = 0;
  for (size_t i = first; i < last; i++) {
    float at[3];
    loci__field_at(d->field, d->xy + 2 * i, at);
    sum += (double)at[0];
    d->pushes[2 * i] = at[1] / 2;
    d->pushes[2 * i + 1] = at[2] / 2;
  }
  d->sums[task] = sum;
  return LOCI_OK;
}

static loci_status step_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const descent *d = arg;
  const size_t last = (task + 1) * STEP_BLOCK < d->n ? (task + 1) * STEP_BLOCK : d->n;
  for (size_t i = task * STEP_BLOCK; i < last; i++) {
    float *move = d->moves + 2 * i, *gain = d->gains + 2 * i;
    for (size_t c = 0; c < 2; c++) {
      const float gradient = d->exaggeration * d->pulls[2 * i + c] + d->push * d->pushes[2 * i + c];
      const float shrunk = gain[c] * 0.8f;
      gain[c] = (move[c] > 0) != (gradient > 0) ? gain[c] + 0.2f : shrunk > LEAST_GAIN ? shrunk : LEAST_GAIN;
      move[c] = MOMENTUM * move[c] - d->rate * gain[c] * gradient;
    }
    const float square = move[0] * move[0] + move[1] * move[1];
    if (square > LONGEST * LONGEST) {
      const float scale = LONGEST / sqrtf(square);
      move[0] *= scale;
      move[1] *= scale;
    }
    d->xy[2 * i] += move[0];
    d->xy[2 * i + 1] += move[1];
  }
  return LOCI_OK;
}

static void centre(float *xy, size_t n) {
  double mean[2] = {0, 0};
  for (size_t i = 0; i < n; i++) mean[0] += (double)xy[2 * i], mean[1] += (double)xy[2 * i + 1];
  for (size_t i = 0; i < 2 * n; i++) xy[i] -= (float)(mean[i % 2] / (double)n);
}

/* Forces at the present map; Z less each point's own 1. */
static loci_status forces(descent *d, double *z, loci_error *error) {
  const size_t n_blocks = (d->n + BLOCK - 1) / BLOCK;
  LOCI__TRY(loci__field_set(d->field, d->xy, error));
  LOCI__TRY(loci__pool_run(d->context, n_blocks, force_task, d, error));
  *z = -(double)d->n;
  for (size_t b = 0; b < n_blocks; b++) *z += d->sums[b];
  if (!(*z > 1e-12)) *z = 1e-12; /* all points infinitely far from each other, by the mesh's rounding */
  return LOCI_OK;
}

static loci_status descend(descent *d, const loci__tsne *tsne, double *kl, loci_error *error) {
  double z;
  for (size_t i = 0; i < 2 * d->n; i++) d->gains[i] = 1;
  LOCI__TRY(loci__meter_stage(tsne->meter, "laying out", "epochs", tsne->epochs, error));
  for (size_t epoch = 0; epoch < tsne->epochs; epoch++) {
    LOCI__TRY(loci__meter_at(tsne->meter, epoch, NULL, error));
    if (epoch % CENTRE_EVERY == 0) centre(d->xy, d->n);
    d->exaggeration = epoch < tsne->exaggerated ? EXAGGERATION : 1;
    d->rate = (float)d->n / d->exaggeration;
    if (epoch == tsne->exaggerated) { /* another objective: what was learned of the slope is void */
      memset(d->moves, 0, 2 * d->n * sizeof *d->moves);
      for (size_t i = 0; i < 2 * d->n; i++) d->gains[i] = 1;
    }
    LOCI__TRY(forces(d, &z, error));
    d->push = (float)(1 / z);
    LOCI__TRY(loci__pool_run(d->context, (d->n + STEP_BLOCK - 1) / STEP_BLOCK, step_task, d, error));
  }
  centre(d->xy, d->n);
  LOCI__TRY(loci__meter_at(tsne->meter, tsne->epochs, NULL, error));
  LOCI__TRY(forces(d, &z, error));
  return loci__tsne_kl(d->edges, d->xy, z, kl, error);
}

loci_status loci__tsne_run(loci_context *context, const loci__tsne *tsne, float *xy, double *kl, loci_error *error) {
  const size_t n = tsne->edges->n;
  descent d = {.context = context, .kernels = loci__kernels_of(context), .edges = tsne->edges, .n = n, .xy = xy};
  float *memory = loci__alloc_zero(context, 8 * n, sizeof *memory);
  d.sums = loci__alloc_array(context, (n + BLOCK - 1) / BLOCK, sizeof *d.sums);
  loci_status status = LOCI_OK;
  if (!memory || !d.sums) status = loci__fail_memory(error, 8 * n * sizeof *memory, "a descent");
  if (status == LOCI_OK) status = loci__field_new(context, n, &d.field, error);
  if (status == LOCI_OK) {
    d.pulls = memory;
    d.pushes = memory + 2 * n;
    d.moves = memory + 4 * n;
    d.gains = memory + 6 * n;
    status = descend(&d, tsne, kl, error);
  }
  loci__field_free(d.field);
  loci__free(context, d.sums);
  loci__free(context, memory);
  return status;
}

/* ---- what is left ---- */

typedef struct divergence {
  const loci__edges *edges;
  const float *xy;
  double *sums;
} divergence;

/* Σ p·(ln p + ln(1 + d²)) and Σ p of a block. */
static loci_status kl_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const divergence *d = arg;
  const size_t last = (task + 1) * BLOCK < d->edges->n ? (task + 1) * BLOCK : d->edges->n;
  double sum = 0, total = 0;
  for (size_t i = task * BLOCK; i < last; i++)
    for (size_t e = d->edges->starts[i]; e < d->edges->starts[i] + d->edges->lengths[i]; e++) {
      const double p = (double)d->edges->values[e];
      if (!(p > 0)) continue;
      const float *other = d->xy + 2 * (size_t)d->edges->columns[e];
      const double dx = (double)d->xy[2 * i] - (double)other[0], dy = (double)d->xy[2 * i + 1] - (double)other[1];
      sum += p * log(p * (1 + dx * dx + dy * dy));
      total += p;
    }
  d->sums[2 * task] = sum;
  d->sums[2 * task + 1] = total;
  return LOCI_OK;
}

loci_status loci__tsne_kl(const loci__edges *edges, const float *xy, double z, double *kl, loci_error *error) {
  const size_t n_blocks = (edges->n + BLOCK - 1) / BLOCK;
  divergence d = {edges, xy, loci__alloc_array(edges->context, n_blocks, 2 * sizeof *d.sums)};
  if (d.sums == NULL) return loci__fail_memory(error, n_blocks * 2 * sizeof *d.sums, "a divergence");
  const loci_status status = loci__pool_run(edges->context, n_blocks, kl_task, &d, error);
  *kl = 0;
  for (size_t b = 0; b < n_blocks && status == LOCI_OK; b++) *kl += d.sums[2 * b] + d.sums[2 * b + 1] * log(z);
  loci__free(edges->context, d.sums);
  return status;
}
