/* explore/umap_plain.c: UMAP's forces as its paper has them (section 3.2, and the small constant of its implementation), and
 * the walk of umap.c with them in double, point after point: the oracle of umap.c, kept for ever.
 *
 * With φ = 1/(1 + a·d^2b), an edge pulls down −ln φ and a random point pushes down −ln(1 − φ).
 */
#include "project.h"

#include <math.h>

double loci__umap_pull(double a, double b, double d2) {
  return -2 * a * b * pow(d2, b - 1) / (1 + a * pow(d2, b));
}

double loci__umap_push(double a, double b, double d2) {
  return 2 * b / ((0.001 + d2) * (1 + a * pow(d2, b)));
}

static double clipped(double x) {
  return x > 4 ? 4 : x < -4 ? -4 : x;
}

static void move(double factor, double rate, const double *other, double at[2]) {
  const double dx = at[0] - other[0], dy = at[1] - other[1];
  at[0] += rate * clipped(factor * dx);
  at[1] += rate * clipped(factor * dy);
}

static double between(const double *at, const double *other) {
  return (at[0] - other[0]) * (at[0] - other[0]) + (at[1] - other[1]) * (at[1] - other[1]);
}

/* One epoch of one point. */
static void walk(const loci__umap *u, size_t epoch, size_t i, double greatest, const double *before, double *after) {
  const loci__edges *edges = u->edges;
  const double rate = 1 - (double)epoch / (double)u->epochs;
  double at[2] = {before[2 * i], before[2 * i + 1]};
  uint64_t state = loci__umap_begin(u->seed, epoch, i);
  for (size_t e = edges->starts[i]; e < edges->starts[i] + edges->lengths[i]; e++) {
    const double share = (double)edges->values[e] / greatest;
    if (share * (double)u->epochs < 1) continue;
    /* Seen when the epochs so far, times its share, pass a whole number. */
    if (epoch == 0 || floor((double)epoch * share + 1e-6) <= floor(((double)epoch - 1) * share + 1e-6)) continue;
    const double *other = before + 2 * (size_t)edges->columns[e];
    for (int pull = 0; pull < 2; pull++) {
      const double d2 = between(at, other);
      if (d2 > 0) move(loci__umap_pull(u->a, u->b, d2), rate, other, at);
    }
    for (size_t s = 0; s < u->negative; s++) {
      const size_t drawn = loci__umap_draw(&state, edges->n);
      const double d2 = between(at, before + 2 * drawn);
      if (drawn != i && d2 > 0) move(loci__umap_push(u->a, u->b, d2), rate, before + 2 * drawn, at);
    }
  }
  after[2 * i] = at[0];
  after[2 * i + 1] = at[1];
}

loci_status loci__umap_plain(loci_context *context, const loci__umap *u, double *xy, loci_error *error) {
  const size_t n = u->edges->n;
  double greatest = 0, *before = loci__alloc_array(context, n, 2 * sizeof *before);
  if (before == NULL) return loci__fail_memory(error, n * 2 * sizeof *before, "a walk");
  for (size_t e = 0; e < u->edges->starts[n]; e++)
    if ((double)u->edges->values[e] > greatest) greatest = (double)u->edges->values[e];
  for (size_t epoch = 0; epoch < (u->stop ? u->stop : u->epochs); epoch++) {
    memcpy(before, xy, 2 * n * sizeof *before);
    for (size_t i = 0; i < n; i++) walk(u, epoch, i, greatest, before, xy);
  }
  loci__free(context, before);
  return LOCI_OK;
}
