/* kernel/ref/plane.c: what maps on a plane are made of, in plain C: the oracle, kept for ever. The transform sums its terms
 * one by one in double. */
#include "ref.h"

#include <math.h>

void loci__ref_pull_f32(const loci__pull *pull) {
  for (size_t i = pull->first; i < pull->last; i++) {
    float fx = 0, fy = 0;
    for (size_t e = pull->starts[i]; e < pull->starts[i + 1]; e++) {
      const float dx = pull->xy[2 * i] - pull->xy[2 * pull->columns[e]];
      const float dy = pull->xy[2 * i + 1] - pull->xy[2 * pull->columns[e] + 1];
      const float weight = pull->values[e] / (1 + dx * dx + dy * dy);
      fx += weight * dx;
      fy += weight * dy;
    }
    pull->out[2 * i] = fx;
    pull->out[2 * i + 1] = fy;
  }
}

/* One pass of Stockham's form for any radix, lane by lane. */
static void pass(size_t radix, size_t m, size_t s, const float *twiddles, const float *x, float *y) {
  enum { ELEMENT = 2 * LOCI__LANES };
  double cosines[5], sines[5];
  for (size_t k = 0; k < radix; k++) {
    const double angle = -2 * 3.14159265358979323846 * (double)k / (double)radix;
    cosines[k] = cos(angle), sines[k] = sin(angle);
  }
  for (size_t p = 0; p < m; p++) {
    for (size_t j = 0; j < radix; j++) {
      const float *w = twiddles + 2 * (p * (radix - 1) + (j > 0 ? j - 1 : 0));
      const double wr = j > 0 ? (double)w[0] : 1, wi = j > 0 ? (double)w[1] : 0;
      for (size_t i = 0; i < s * LOCI__LANES; i++) {
        const size_t q = i / LOCI__LANES, lane = i % LOCI__LANES;
        double re = 0, im = 0;
        for (size_t k = 0; k < radix; k++) {
          const float *a = x + (q + s * (p + m * k)) * ELEMENT + lane;
          const double c = cosines[j * k % radix], d = sines[j * k % radix];
          re += (double)a[0] * c - (double)a[LOCI__LANES] * d;
          im += (double)a[0] * d + (double)a[LOCI__LANES] * c;
        }
        float *to = y + (q + s * (radix * p + j)) * ELEMENT + lane;
        to[0] = (float)(re * wr - im * wi);
        to[LOCI__LANES] = (float)(re * wi + im * wr);
      }
    }
  }
}

float *loci__ref_fft_f32(const loci__fft_plan *plan, float *x, float *work) {
  const float *twiddles = plan->twiddles;
  size_t m = plan->n, s = 1;
  for (size_t i = 0; i < plan->n_passes; i++) {
    const size_t radix = plan->radices[i];
    m /= radix;
    pass(radix, m, s, twiddles, x, work);
    twiddles += 2 * m * (radix - 1);
    s *= radix;
    float *t = x;
    x = work;
    work = t;
  }
  return x;
}
