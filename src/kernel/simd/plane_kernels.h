/* kernel/simd/plane_kernels.h: what maps on a plane are made of; see encoder_kernels.h for how simd/ works. Included after
 * it.
 *
 * pull: VF_WIDTH edges at a time, their ends gathered as pairs (an 8-byte read an edge), the quotient by an estimate and a
 * Newton step. fft: Stockham's autosort form in radices 4, 2, 3, 5 with the sequences in the lanes, so that there is no
 * shuffle and a twiddle is one number for all lanes.
 */
#ifndef LOCI_KERNEL_SIMD_PLANE_KERNELS_H
#define LOCI_KERNEL_SIMD_PLANE_KERNELS_H

#include "encoder_kernels.h"

static void vf_pull_f32(const loci__pull *pull) {
  const vf one = vf_set1(1.0f);
  for (size_t i = pull->first; i < pull->last; i++) {
    const vf x = vf_set1(pull->xy[2 * i]), y = vf_set1(pull->xy[2 * i + 1]);
    vf fx = vf_zero(), fy = vf_zero();
    for (size_t e = pull->starts[i]; e < pull->starts[i + 1]; e += VF_WIDTH) {
      vf dx, dy;
      vf_load_pairs(pull->xy, pull->columns + e, &dx, &dy);
      dx = vf_sub(x, dx);
      dy = vf_sub(y, dy);
      const vf square = vf_fma(dx, dx, vf_fma(dy, dy, one));
      const vf weight = vf_mul(vf_load(pull->values + e), vf_reciprocal(square));
      fx = vf_fma(weight, dx, fx);
      fy = vf_fma(weight, dy, fy);
    }
    pull->out[2 * i] = vf_sum(fx);
    pull->out[2 * i + 1] = vf_sum(fy);
  }
}

typedef struct vfc {
  vf re, im;
} vfc;

VF_INLINE vfc vfc_load(const float *p) {
  return (vfc){vf_load(p), vf_load(p + LOCI__LANES)};
}
VF_INLINE void vfc_store(float *p, vfc x) {
  vf_store(p, x.re);
  vf_store(p + LOCI__LANES, x.im);
}
VF_INLINE vfc vfc_add(vfc a, vfc b) {
  return (vfc){vf_add(a.re, b.re), vf_add(a.im, b.im)};
}
VF_INLINE vfc vfc_sub(vfc a, vfc b) {
  return (vfc){vf_sub(a.re, b.re), vf_sub(a.im, b.im)};
}
/* a − i·b */
VF_INLINE vfc vfc_sub_i(vfc a, vfc b) {
  return (vfc){vf_add(a.re, b.im), vf_sub(a.im, b.re)};
}
/* a + i·b */
VF_INLINE vfc vfc_add_i(vfc a, vfc b) {
  return (vfc){vf_sub(a.re, b.im), vf_add(a.im, b.re)};
}
VF_INLINE vfc vfc_scale(vfc a, float factor) {
  return (vfc){vf_mul(a.re, vf_set1(factor)), vf_mul(a.im, vf_set1(factor))};
}
/* a + factor·b */
VF_INLINE vfc vfc_fma(vfc a, float factor, vfc b) {
  return (vfc){vf_fma(vf_set1(factor), b.re, a.re), vf_fma(vf_set1(factor), b.im, a.im)};
}
/* a·w, w one complex number */
VF_INLINE vfc vfc_turn(vfc a, const float *w) {
  const vf re = vf_set1(w[0]), im = vf_set1(w[1]);
  return (vfc){vf_fnma(a.im, im, vf_mul(a.re, re)), vf_fma(a.im, re, vf_mul(a.re, im))};
}

/* One pass: n = s·m·radix elements, s of them turned alike. In: q + s·(p + m·k); out: q + s·(radix·p + k). */
VF_INLINE void vfc_pass(const size_t radix, size_t m, size_t s, const float *twiddles, const float *x, float *y) {
  enum { ELEMENT = 2 * LOCI__LANES };
  for (size_t p = 0; p < m; p++, twiddles += 2 * (radix - 1)) {
    for (size_t q = 0; q < s; q++) {
      const float *from = x + (q + s * p) * ELEMENT;
      float *to = y + (q + s * radix * p) * ELEMENT;
      const size_t in = s * m * ELEMENT, out = s * ELEMENT;
      VF_UNROLL
      for (size_t v = 0; v < LOCI__LANES; v += VF_WIDTH) {
        const vfc a = vfc_load(from + v), b = vfc_load(from + in + v);
        if (radix == 2) {
          vfc_store(to + v, vfc_add(a, b));
          vfc_store(to + out + v, vfc_turn(vfc_sub(a, b), twiddles));
        } else if (radix == 3) {
          const vfc c = vfc_load(from + 2 * in + v), sum = vfc_add(b, c);
          const vfc mean = vfc_fma(a, -0.5f, sum), turned = vfc_scale(vfc_sub(b, c), 0.866025403784438647f);
          vfc_store(to + v, vfc_add(a, sum));
          vfc_store(to + out + v, vfc_turn(vfc_sub_i(mean, turned), twiddles));
          vfc_store(to + 2 * out + v, vfc_turn(vfc_add_i(mean, turned), twiddles + 2));
        } else if (radix == 4) {
          const vfc c = vfc_load(from + 2 * in + v), d = vfc_load(from + 3 * in + v);
          const vfc even = vfc_add(a, c), even_difference = vfc_sub(a, c);
          const vfc odd = vfc_add(b, d), odd_difference = vfc_sub(b, d);
          vfc_store(to + v, vfc_add(even, odd));
          vfc_store(to + out + v, vfc_turn(vfc_sub_i(even_difference, odd_difference), twiddles));
          vfc_store(to + 2 * out + v, vfc_turn(vfc_sub(even, odd), twiddles + 2));
          vfc_store(to + 3 * out + v, vfc_turn(vfc_add_i(even_difference, odd_difference), twiddles + 4));
        } else { /* 5: cosines and sines of 72° and 144° */
          const vfc c = vfc_load(from + 2 * in + v), d = vfc_load(from + 3 * in + v), e = vfc_load(from + 4 * in + v);
          const vfc near = vfc_add(b, e), far = vfc_add(c, d), near_sine = vfc_sub(b, e), far_sine = vfc_sub(c, d);
          const vfc first = vfc_fma(vfc_fma(a, 0.309016994374947424f, near), -0.809016994374947424f, far);
          const vfc second = vfc_fma(vfc_fma(a, -0.809016994374947424f, near), 0.309016994374947424f, far);
          const vfc first_sine = vfc_fma(vfc_scale(near_sine, 0.951056516295153572f), 0.587785252292473129f, far_sine);
          const vfc second_sine =
              vfc_fma(vfc_scale(near_sine, 0.587785252292473129f), -0.951056516295153572f, far_sine);
          vfc_store(to + v, vfc_add(a, vfc_add(near, far)));
          vfc_store(to + out + v, vfc_turn(vfc_sub_i(first, first_sine), twiddles));
          vfc_store(to + 2 * out + v, vfc_turn(vfc_sub_i(second, second_sine), twiddles + 2));
          vfc_store(to + 3 * out + v, vfc_turn(vfc_add_i(second, second_sine), twiddles + 4));
          vfc_store(to + 4 * out + v, vfc_turn(vfc_add_i(first, first_sine), twiddles + 6));
        }
      }
    }
  }
}

static float *vf_fft_f32(const loci__fft_plan *plan, float *x, float *work) {
  const float *twiddles = plan->twiddles;
  size_t m = plan->n, s = 1;
  for (size_t i = 0; i < plan->n_passes; i++) {
    const size_t radix = plan->radices[i];
    m /= radix;
    switch (radix) {
      case 2: vfc_pass(2, m, s, twiddles, x, work); break;
      case 3: vfc_pass(3, m, s, twiddles, x, work); break;
      case 4: vfc_pass(4, m, s, twiddles, x, work); break;
      default: vfc_pass(5, m, s, twiddles, x, work); break;
    }
    twiddles += 2 * m * (radix - 1);
    s *= radix;
    float *t = x;
    x = work;
    work = t;
  }
  return x;
}

#endif
