/* explore/affinity.c: how strongly a point holds to its neighbours (van der Maaten and Hinton 2008, section 2): a Gaussian
 * over its distances, as narrow as makes the entropy of the probabilities ln(perplexity).
 *
 * With b = 1/(2σ²), H(b) falls from ln(width) to ln(number of nearest points). Newton's method on t = ln b,
 * dH/dt = −b²·Var(d²), kept inside a bracket: some five steps. Distances are taken from the nearest one on, so that nothing
 * underflows. Equal distances leave nothing to choose: then all probabilities are equal.
 */
#include "project.h"

#include <math.h>

enum { POINTS_A_TASK = 128, STEPS = 64 };
static const double DONE = 1e-6;

typedef struct affinities {
  const loci_graph *graph;
  size_t width;
  double entropy; /* wanted */
  float *out;
} affinities;

/* p[j] = exp(−b·(d[j] − d[0])); *spread = Var(d) under them, *entropy theirs. Returns their sum. */
static double weigh(const float *d, size_t n, double b, double *p, double *entropy, double *spread) {
  double sum = 0, first = 0, second = 0;
  for (size_t j = 0; j < n; j++) {
    const double beyond = (double)d[j] - (double)d[0];
    p[j] = exp(-b * beyond);
    sum += p[j];
    first += p[j] * beyond;
    second += p[j] * beyond * beyond;
  }
  first /= sum;
  *spread = second / sum - first * first;
  *entropy = log(sum) + b * first;
  return sum;
}

static void one_point(const affinities *a, size_t i, double *p) {
  const float *d = a->graph->square + i * a->graph->k;
  const size_t n = a->width;
  double low = -INFINITY, high = INFINITY, mean = 0, entropy, spread, sum = 0;
  for (size_t j = 0; j < n; j++) mean += (double)d[j] - (double)d[0];
  mean /= (double)n;
  double t = mean > 0 ? -log(mean) : 0;
  for (int step = 0; step < STEPS; step++) {
    const double b = exp(t);
    sum = weigh(d, n, b, p, &entropy, &spread);
    if (mean == 0 || fabs(entropy - a->entropy) < DONE || t > 600) break;
    if (entropy > a->entropy) low = t;
    else high = t;
    const double slope = b * b * spread;
    double next = slope > 0 ? t + (entropy - a->entropy) / slope : (entropy > a->entropy ? INFINITY : -INFINITY);
    if (!(next > low && next < high) || fabs(next - t) > 4)
      next = low == -INFINITY ? t - 2 : high == INFINITY ? t + 2 : (low + high) / 2;
    t = next;
  }
  const double scale = 1 / (sum * (double)a->graph->n);
  for (size_t j = 0; j < n; j++) a->out[i * n + j] = (float)(p[j] * scale);
}

static loci_status affinity_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  const affinities *a = arg;
  const size_t last = (task + 1) * POINTS_A_TASK < a->graph->n ? (task + 1) * POINTS_A_TASK : a->graph->n;
  double *p = loci__alloc_array(a->graph->context, a->width, sizeof *p);
  if (p == NULL) return loci__fail_memory(error, a->width * sizeof *p, "probabilities");
  for (size_t i = task * POINTS_A_TASK; i < last; i++) one_point(a, i, p);
  loci__free(a->graph->context, p);
  return LOCI_OK;
}

loci_status loci__affinities(const loci_graph *graph, size_t width, double perplexity, float *out, loci_error *error) {
  affinities a = {.graph = graph, .width = width, .entropy = log(perplexity), .out = out};
  return loci__pool_run(graph->context, (graph->n + POINTS_A_TASK - 1) / POINTS_A_TASK, affinity_task, &a, error);
}
