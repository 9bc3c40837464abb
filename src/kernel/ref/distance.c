/* kernel/ref/distance.c: distances, quantisation and weighted sums in plain C: the oracle, kept for ever.
 *
 * Written for being right at a glance. Sums run in double, so that the fast versions are judged by something better
 * than themselves; the integer product is exact everywhere.
 */
#include "ref.h"

#include <math.h>

float loci__ref_dot_f32(const float *a, const float *b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return (float)sum;
}

float loci__ref_l2sq_f32(const float *a, const float *b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    double d = (double)a[i] - (double)b[i];
    sum += d * d;
  }
  return (float)sum;
}

void loci__ref_dot_rows_f32(const float *query, const float *rows, size_t stride, size_t n_rows, size_t dim,
                            float *out) {
  for (size_t i = 0; i < n_rows; i++) out[i] = loci__ref_dot_f32(query, rows + i * stride, dim);
}

void loci__ref_dot_rows_i8(const int8_t *query, const int8_t *codes, size_t stride, size_t n_rows, size_t dim,
                           int32_t *out) {
  for (size_t i = 0; i < n_rows; i++) {
    const int8_t *row = codes + i * stride;
    int32_t sum = 0;
    for (size_t j = 0; j < dim; j++) sum += (int32_t)query[j] * (int32_t)row[j];
    out[i] = sum;
  }
}

float loci__ref_quantize_i8(const float *x, size_t n, int8_t *codes) {
  float largest = 0;
  for (size_t i = 0; i < n; i++) {
    float size = fabsf(x[i]);
    if (size > largest) largest = size; /* false for NaN */
  }
  float scale = largest / 127.0f;
  for (size_t i = 0; i < n; i++) {
    float code = scale > 0 ? rintf(x[i] / scale) : 0;
    if (!(code == code)) code = 0;
    if (code > 127) code = 127; /* a subnormal scale is coarse */
    if (code < -127) code = -127;
    codes[i] = (int8_t)code;
  }
  return scale;
}

void loci__ref_add_scaled_f32(float weight, const float *row, size_t n, float *acc) {
  for (size_t i = 0; i < n; i++) acc[i] += weight * row[i];
}

void loci__ref_add_scaled_i8(float weight, const int8_t *row, size_t n, float *acc) {
  for (size_t i = 0; i < n; i++) acc[i] += weight * (float)row[i];
}
