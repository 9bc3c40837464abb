/* kernel/ref/glove.c: GloVe's steps in plain C: the oracle of the vector versions, and the path of machines without. */
#include "ref.h"

#include <math.h>

static float clipped(float x, float most) {
  return x > most ? most : x < -most ? -most : x;
}

double loci__ref_glove_f32(const loci__glove_step *step) {
  const size_t stride = step->stride;
  double cost = 0;
  for (size_t i = 0; i < step->n; i++) {
    const loci__glove_pair *pair = &step->pairs[i];
    float *w = step->rows + 2 * (size_t)pair->row * stride, *c = step->columns + 2 * (size_t)pair->column * stride;
    float *w_squares = w + stride, *c_squares = c + stride;
    float *w_bias = step->row_biases + 2 * (size_t)pair->row, *c_bias = step->column_biases + 2 * (size_t)pair->column;
    float dot = 0;
    for (size_t j = 0; j < stride; j++) dot += w[j] * c[j];
    const float e = dot + w_bias[0] + c_bias[0] - pair->log_x, g = pair->weight * e;
    if (!isfinite(e)) continue;
    cost += 0.5 * (double)g * (double)e;
    const float most = fabsf(g) > step->clip / 64 ? step->clip : INFINITY;
    for (size_t j = 0; j < stride; j++) {
      const float t_w = clipped(g * c[j], most) * step->eta, t_c = clipped(g * w[j], most) * step->eta;
      w[j] -= t_w / sqrtf(w_squares[j]);
      c[j] -= t_c / sqrtf(c_squares[j]);
      w_squares[j] += t_w * t_w;
      c_squares[j] += t_c * t_c;
    }
    w_bias[0] -= g / sqrtf(w_bias[1]);
    c_bias[0] -= g / sqrtf(c_bias[1]);
    w_bias[1] += g * g;
    c_bias[1] += g * g;
  }
  return cost;
}
