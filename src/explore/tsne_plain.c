/* explore/tsne_plain.c: t-SNE's divergence and gradient by all pairs, in double: the oracle of tsne.c and field.c, kept for
 * ever. O(n²).
 */
#include "project.h"

#include <math.h>

double loci__tsne_plain(const loci__edges *edges, const double *xy, double exaggeration, double *gradient, double *z) {
  const size_t n = edges->n;
  double total = 0, kl = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      const double dx = xy[2 * i] - xy[2 * j], dy = xy[2 * i + 1] - xy[2 * j + 1];
      if (i != j) total += 1 / (1 + dx * dx + dy * dy);
    }
  if (z != NULL) *z = total;
  for (size_t i = 0; i < n; i++) {
    double gx = 0, gy = 0;
    for (size_t e = edges->starts[i]; e < edges->starts[i] + edges->lengths[i]; e++) {
      const size_t j = edges->columns[e];
      const double p = (double)edges->values[e];
      const double dx = xy[2 * i] - xy[2 * j], dy = xy[2 * i + 1] - xy[2 * j + 1], w = 1 / (1 + dx * dx + dy * dy);
      gx += exaggeration * p * w * dx;
      gy += exaggeration * p * w * dy;
      if (p > 0) kl += p * log(p * total / w);
    }
    for (size_t j = 0; j < n && gradient != NULL; j++) {
      const double dx = xy[2 * i] - xy[2 * j], dy = xy[2 * i + 1] - xy[2 * j + 1], w = 1 / (1 + dx * dx + dy * dy);
      gx -= w * w * dx / total;
      gy -= w * w * dy / total;
    }
    if (gradient != NULL) gradient[2 * i] = gx, gradient[2 * i + 1] = gy;
  }
  return kl;
}
