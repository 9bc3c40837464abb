/* model/pool.c: from the vectors of a sequence's tokens to one vector, and the modules behind that.
 *
 * Pooling as sentence-transformers' Pooling module does it (Reimers and Gurevych 2019; weighted mean: Muennighoff 2022).
 * Sums run over the tokens in order, each dimension for itself, so a vector's bits depend on its own tokens alone.
 */
#include "../kernel/kernel.h"
#include "model.h"

#include <math.h>

static const char *const mode_names[LOCI__POOL_MODES] = {"cls",          "max",      "mean", "mean_sqrt_len_tokens",
                                                         "weightedmean", "lasttoken"};

size_t loci__pool_count(unsigned modes) {
  size_t n = 0;
  for (unsigned i = 0; i < LOCI__POOL_MODES; i++) n += (modes >> i) & 1u;
  return n;
}

const char *loci__pool_text(unsigned modes, loci__arena *arena) {
  loci__buffer text;
  loci__buffer_init(&text, arena->context, 0);
  for (unsigned i = 0; i < LOCI__POOL_MODES; i++) {
    if ((modes >> i & 1u) == 0) continue;
    if (text.length > 0) loci__buffer_putc(&text, '+');
    loci__buffer_puts(&text, mode_names[i]);
  }
  const char *kept = text.failed == LOCI_OK ? loci__arena_strndup(arena, text.data, text.length) : NULL;
  loci__buffer_release(&text);
  return kept;
}

void loci__pool_sequence(loci_context *context, unsigned modes, const float *hidden, size_t stride, size_t n_tokens,
                         size_t skip, size_t dim, float *out) {
  const loci__kernels *k = loci__kernels_of(context);
  if (skip > n_tokens) skip = n_tokens;
  const size_t counted = n_tokens - skip;
  if (modes & LOCI__POOL_CLS) {
    memcpy(out, hidden, dim * sizeof *out);
    out += dim;
  }
  if (modes & LOCI__POOL_MAX) {
    /* −1e9 is what the reference puts in place of tokens that do not count. */
    for (size_t j = 0; j < dim; j++) out[j] = -1e9f;
    for (size_t t = skip; t < n_tokens; t++) {
      const float *row = hidden + t * stride;
      for (size_t j = 0; j < dim; j++) out[j] = row[j] > out[j] ? row[j] : out[j];
    }
    out += dim;
  }
  if (modes & (LOCI__POOL_MEAN | LOCI__POOL_MEAN_SQRT_LEN)) {
    float *sum = out;
    memset(sum, 0, dim * sizeof *sum);
    for (size_t t = skip; t < n_tokens; t++) k->add_scaled_f32(1.0f, hidden + t * stride, dim, sum);
    const float n = (float)(counted > 0 ? counted : 1);
    const float divisors[2] = {n, sqrtf(n)};
    /* The root's place lies behind the mean's: fill it first, since the sum stands in the mean's. */
    if ((modes & LOCI__POOL_MEAN) && (modes & LOCI__POOL_MEAN_SQRT_LEN))
      for (size_t j = 0; j < dim; j++) out[dim + j] = sum[j] / divisors[1];
    const float divisor = divisors[(modes & LOCI__POOL_MEAN) ? 0 : 1];
    for (size_t j = 0; j < dim; j++) out[j] = sum[j] / divisor;
    out += dim * loci__pool_count(modes & (LOCI__POOL_MEAN | LOCI__POOL_MEAN_SQRT_LEN));
  }
  if (modes & LOCI__POOL_WEIGHTED_MEAN) {
    double total = 0;
    memset(out, 0, dim * sizeof *out);
    for (size_t t = skip; t < n_tokens; t++) {
      k->add_scaled_f32((float)(t + 1), hidden + t * stride, dim, out);
      total += (double)(t + 1);
    }
    const float divisor = total > 0 ? (float)total : 1.0f;
    for (size_t j = 0; j < dim; j++) out[j] /= divisor;
    out += dim;
  }
  if (modes & LOCI__POOL_LAST) {
    if (counted > 0) memcpy(out, hidden + (n_tokens - 1) * stride, dim * sizeof *out);
    else memset(out, 0, dim * sizeof *out);
  }
}

static float activate(loci__dense_activation activation, float x) {
  switch (activation) {
    case LOCI__DENSE_IDENTITY: break;
    case LOCI__DENSE_TANH: return tanhf(x);
    case LOCI__DENSE_RELU: return x > 0 ? x : 0;
    case LOCI__DENSE_GELU: return (float)(0.5 * (double)x * (1.0 + erf((double)x * 0.70710678118654752440)));
    case LOCI__DENSE_SIGMOID: return (float)(1.0 / (1.0 + exp(-(double)x)));
  }
  return x;
}

float *loci__step_run(loci_context *context, const loci__step *step, float *x, float *y) {
  if (step->kind == LOCI__STEP_NORMALIZE) {
    loci__normalize(x, step->in);
    return x;
  }
  loci__kernels_of(context)->dot_rows_f32(x, step->weight, step->in, step->out, step->in, y);
  for (size_t j = 0; j < step->out; j++)
    y[j] = activate(step->activation, step->bias != NULL ? y[j] + step->bias[j] : y[j]);
  return y;
}

double loci__norm(const float *x, size_t dim) {
  /* Four chains: fixed, and no waiting for one addition after the other. */
  double s[4] = {0, 0, 0, 0};
  size_t j = 0;
  for (; j + 4 <= dim; j += 4)
    for (size_t c = 0; c < 4; c++) s[c] += (double)x[j + c] * (double)x[j + c];
  for (; j < dim; j++) s[j % 4] += (double)x[j] * (double)x[j];
  return sqrt((s[0] + s[1]) + (s[2] + s[3]));
}

void loci__scale(const float *x, size_t dim, double norm, float *out) {
  const double scale = norm >= 1e-12 ? 1.0 / norm : 1.0;
  for (size_t j = 0; j < dim; j++) out[j] = (float)((double)x[j] * scale);
}

void loci__normalize(float *x, size_t dim) {
  loci__scale(x, dim, loci__norm(x, dim), x);
}

double loci_cosine(const float *a, const float *b, size_t dim) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t j = 0; j < dim; j++) {
    dot += (double)a[j] * (double)b[j];
    aa += (double)a[j] * (double)a[j];
    bb += (double)b[j] * (double)b[j];
  }
  const double norm = sqrt(aa) * sqrt(bb);
  return norm > 0 ? dot / norm : 0;
}
