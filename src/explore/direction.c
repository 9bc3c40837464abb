/* explore/direction.c: offsets between words that stand in a relation, and the direction that they share.
 *
 * The offset of a pair is unit(to) − unit(from), made unit length itself, so that a pair of distant words counts no more
 * than one of near words. The mean cosine of all pairs of offsets follows from their sum S: (|S|² − n) / (n·(n − 1)).
 *
 * Permutations ask whether that is more than words of these two kinds would show anyhow: every "to" goes to another
 * "from" (Sattolo's shuffle leaves none in its place). Intervals are percentile bootstraps over pairs. All in double, all
 * functions of dot products alone, so that a rotation of the space changes nothing.
 */
#include "explore.h"

#include <math.h>
#include <stdlib.h>

typedef struct offsets {
  loci_context *context;
  size_t n, dim;
  double *from, *to; /* n × dim, unit */
  double *unit;      /* n × dim, offsets of unit length */
} offsets;

static void unit_row(const float *x, size_t dim, double *out) {
  double square = 0;
  for (size_t i = 0; i < dim; i++) square += (double)x[i] * x[i];
  const double scale = square > 0 ? 1 / sqrt(square) : 0;
  for (size_t i = 0; i < dim; i++) out[i] = x[i] * scale;
}

static void unit_offset(const double *from, const double *to, size_t dim, double *out) {
  double square = 0;
  for (size_t i = 0; i < dim; i++) {
    out[i] = to[i] - from[i];
    square += out[i] * out[i];
  }
  const double scale = square > 0 ? 1 / sqrt(square) : 0;
  for (size_t i = 0; i < dim; i++) out[i] *= scale;
}

static void offsets_release(offsets *o) {
  loci__free(o->context, o->from);
}

static loci_status offsets_make(const loci_vectors *vectors, const size_t *pairs, size_t n, offsets *out,
                                loci_error *error) {
  *out = (offsets){.context = vectors->context, .n = n, .dim = vectors->dim};
  for (size_t i = 0; i < 2 * n; i++)
    if (pairs[i] >= vectors->n)
      return loci__fail(error, LOCI_ERROR_USAGE, "a pair names row %zu of %zu", pairs[i], vectors->n);
  out->from = loci__alloc_array(vectors->context, n, 3 * out->dim * sizeof *out->from);
  if (out->from == NULL) return loci__fail_memory(error, n * 3 * out->dim * sizeof *out->from, "offsets");
  out->to = out->from + n * out->dim;
  out->unit = out->to + n * out->dim;
  for (size_t i = 0; i < n; i++) {
    unit_row(vectors->rows + pairs[2 * i] * out->dim, out->dim, out->from + i * out->dim);
    unit_row(vectors->rows + pairs[2 * i + 1] * out->dim, out->dim, out->to + i * out->dim);
    unit_offset(out->from + i * out->dim, out->to + i * out->dim, out->dim, out->unit + i * out->dim);
  }
  return LOCI_OK;
}

/* sum: dim doubles of scratch. to_of: which "to" goes with each "from". */
static double mean_cosine(const offsets *o, const size_t *to_of, double *sum, double *offset) {
  memset(sum, 0, o->dim * sizeof *sum);
  double own = 0; /* Σ |offset|², n unless two words are equal */
  for (size_t i = 0; i < o->n; i++) {
    unit_offset(o->from + i * o->dim, o->to + to_of[i] * o->dim, o->dim, offset);
    for (size_t j = 0; j < o->dim; j++) {
      sum[j] += offset[j];
      own += offset[j] * offset[j];
    }
  }
  double square = 0;
  for (size_t j = 0; j < o->dim; j++) square += sum[j] * sum[j];
  return (square - own) / ((double)o->n * (double)(o->n - 1));
}

loci_status loci_relation_measure(const loci_vectors *vectors, const size_t *pairs, size_t n, size_t n_permutations,
                                  uint64_t seed, loci_relation_report *out, loci_error *error) {
  *out = (loci_relation_report){.n = n, .n_permutations = n_permutations};
  if (n < 2) return loci__fail(error, LOCI_ERROR_USAGE, "a relation of %zu pairs: two are needed at least", n);
  offsets o;
  LOCI__TRY(offsets_make(vectors, pairs, n, &o, error));
  size_t *to_of = loci__alloc_array(o.context, n, sizeof *to_of);
  double *scratch = loci__alloc_array(o.context, 2 * o.dim, sizeof *scratch);
  loci_status status = LOCI_OK;
  if (to_of == NULL || scratch == NULL) status = loci__fail_memory(error, n * sizeof *to_of, "permutations");
  if (status == LOCI_OK) {
    for (size_t i = 0; i < n; i++) to_of[i] = i;
    out->mean_cosine = mean_cosine(&o, to_of, scratch, scratch + o.dim);
    loci__random random;
    loci__random_init(&random, seed);
    size_t reached = 0;
    double sum = 0;
    for (size_t p = 0; p < n_permutations; p++) {
      for (size_t i = 0; i < n; i++) to_of[i] = i;
      for (size_t i = n - 1; i > 0; i--) {
        const size_t j = loci__random_below(&random, i), t = to_of[i];
        to_of[i] = to_of[j], to_of[j] = t;
      }
      const double shuffled = mean_cosine(&o, to_of, scratch, scratch + o.dim);
      sum += shuffled;
      reached += shuffled >= out->mean_cosine;
    }
    out->shuffled = n_permutations ? sum / (double)n_permutations : 0;
    out->p = (1 + (double)reached) / (1 + (double)n_permutations);
  }
  loci__free(o.context, to_of);
  loci__free(o.context, scratch);
  offsets_release(&o);
  return status;
}

/* ---- the shared direction ---------------------------------------------------------------------------- */

/* Of the pairs named in `chosen` (NULL = all). false when they cancel out. */
static bool direction_of(const offsets *o, const size_t *chosen, double *out) {
  memset(out, 0, o->dim * sizeof *out);
  for (size_t i = 0; i < o->n; i++) {
    const double *u = o->unit + (chosen ? chosen[i] : i) * o->dim;
    for (size_t j = 0; j < o->dim; j++) out[j] += u[j];
  }
  double square = 0;
  for (size_t j = 0; j < o->dim; j++) square += out[j] * out[j];
  const double scale = square > 1e-24 ? 1 / sqrt(square) : 0;
  for (size_t j = 0; j < o->dim; j++) out[j] *= scale;
  return scale > 0;
}

static loci_status no_direction(loci_error *error) {
  return loci__fail(error, LOCI_ERROR_USAGE, "the pairs share no direction: their offsets are zero or cancel out");
}

loci_status loci_direction(const loci_vectors *vectors, const size_t *pairs, size_t n, float *out, loci_error *error) {
  if (n == 0) return loci__fail(error, LOCI_ERROR_USAGE, "a direction of no pairs");
  offsets o;
  LOCI__TRY(offsets_make(vectors, pairs, n, &o, error));
  double *direction = loci__alloc_array(o.context, o.dim, sizeof *direction);
  loci_status status = LOCI_OK;
  if (direction == NULL) status = loci__fail_memory(error, o.dim * sizeof *direction, "a direction");
  else if (!direction_of(&o, NULL, direction)) status = no_direction(error);
  else
    for (size_t j = 0; j < o.dim; j++) out[j] = (float)direction[j];
  loci__free(o.context, direction);
  offsets_release(&o);
  return status;
}

static double dot(const double *a, const double *b, size_t dim) {
  double sum = 0;
  for (size_t i = 0; i < dim; i++) sum += a[i] * b[i];
  return sum;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Values of the resamples → the middle 95 %. */
static void bounds(double *values, size_t n, loci_interval *out) {
  qsort(values, n, sizeof *values, by_value);
  out->low = values[(size_t)((double)(n - 1) * 0.025)];
  out->high = values[(size_t)((double)(n - 1) * 0.975 + 0.5)];
}

static void resample(loci__random *random, size_t *chosen, size_t n) {
  for (size_t i = 0; i < n; i++) chosen[i] = loci__random_below(random, n);
}

typedef struct axis_memory {
  size_t *chosen;
  double *direction, *rows, *values; /* values: a resample each, of one row after the other */
} axis_memory;

static loci_status axis_run(const offsets *o, const axis_memory *m, size_t n_rows, size_t n_resamples, uint64_t seed,
                            loci_interval *out, loci_error *error) {
  if (!direction_of(o, NULL, m->direction)) return no_direction(error);
  for (size_t r = 0; r < n_rows; r++) {
    const double value = dot(m->direction, m->rows + r * o->dim, o->dim);
    out[r] = (loci_interval){value, value, value, o->n};
  }
  if (o->n < 2 || n_resamples == 0) return LOCI_OK;
  loci__random random;
  loci__random_init(&random, seed);
  for (size_t s = 0; s < n_resamples; s++) {
    resample(&random, m->chosen, o->n);
    direction_of(o, m->chosen, m->direction); /* the zero vector when they cancel out: a value of 0 */
    for (size_t r = 0; r < n_rows; r++)
      m->values[r * n_resamples + s] = dot(m->direction, m->rows + r * o->dim, o->dim);
  }
  for (size_t r = 0; r < n_rows; r++) bounds(m->values + r * n_resamples, n_resamples, &out[r]);
  return LOCI_OK;
}

loci_status loci_axis(const loci_vectors *vectors, const size_t *pairs, size_t n, const size_t *rows, size_t n_rows,
                      size_t n_resamples, uint64_t seed, loci_interval *out, loci_error *error) {
  if (n == 0) return loci__fail(error, LOCI_ERROR_USAGE, "an axis of no pairs");
  offsets o;
  LOCI__TRY(offsets_make(vectors, pairs, n, &o, error));
  loci_context *context = o.context;
  size_t resamples = n_resamples ? n_resamples : 1;
  axis_memory m = {
      .chosen = loci__alloc_array(context, n, sizeof *m.chosen),
      .direction = loci__alloc_array(context, o.dim, sizeof *m.direction),
      .rows = loci__alloc_array(context, n_rows ? n_rows : 1, o.dim * sizeof *m.rows),
      .values = loci__alloc_array(context, n_rows ? n_rows : 1, resamples * sizeof *m.values),
  };
  loci_status status = LOCI_OK;
  if (m.chosen == NULL || m.direction == NULL || m.rows == NULL || m.values == NULL)
    status = loci__fail_memory(error, n_rows * (o.dim + resamples) * sizeof *m.rows, "an axis");
  for (size_t r = 0; r < n_rows && status == LOCI_OK; r++) {
    if (rows[r] >= vectors->n) status = loci__fail(error, LOCI_ERROR_USAGE, "there is no row %zu", rows[r]);
    else unit_row(vectors->rows + rows[r] * o.dim, o.dim, m.rows + r * o.dim);
  }
  if (status == LOCI_OK) status = axis_run(&o, &m, n_rows, n_resamples, seed, out, error);
  loci__free(context, m.chosen);
  loci__free(context, m.direction);
  loci__free(context, m.rows);
  loci__free(context, m.values);
  offsets_release(&o);
  return status;
}

typedef struct cosine_memory {
  size_t *chosen;
  double *first, *second, *values;
} cosine_memory;

static loci_status cosine_run(const offsets *a, const offsets *b, const cosine_memory *m, size_t n_resamples,
                              uint64_t seed, loci_interval *out, loci_error *error) {
  if (!direction_of(a, NULL, m->first) || !direction_of(b, NULL, m->second)) return no_direction(error);
  const double value = dot(m->first, m->second, a->dim);
  *out = (loci_interval){value, value, value, a->n < b->n ? a->n : b->n};
  if (out->n_pairs < 2 || n_resamples == 0) return LOCI_OK;
  loci__random random;
  loci__random_init(&random, seed);
  for (size_t s = 0; s < n_resamples; s++) {
    resample(&random, m->chosen, a->n);
    direction_of(a, m->chosen, m->first);
    resample(&random, m->chosen, b->n);
    direction_of(b, m->chosen, m->second);
    m->values[s] = dot(m->first, m->second, a->dim);
  }
  bounds(m->values, n_resamples, out);
  return LOCI_OK;
}

loci_status loci_direction_cosine(const loci_vectors *vectors, const size_t *pairs, size_t n, const size_t *others,
                                  size_t n_others, size_t n_resamples, uint64_t seed, loci_interval *out,
                                  loci_error *error) {
  if (n == 0 || n_others == 0) return loci__fail(error, LOCI_ERROR_USAGE, "a direction of no pairs");
  offsets a, b;
  LOCI__TRY(offsets_make(vectors, pairs, n, &a, error));
  loci_status status = offsets_make(vectors, others, n_others, &b, error);
  if (status != LOCI_OK) {
    offsets_release(&a);
    return status;
  }
  loci_context *context = a.context;
  cosine_memory m = {
      .chosen = loci__alloc_array(context, n > n_others ? n : n_others, sizeof *m.chosen),
      .first = loci__alloc_array(context, a.dim, sizeof *m.first),
      .second = loci__alloc_array(context, a.dim, sizeof *m.second),
      .values = loci__alloc_array(context, n_resamples ? n_resamples : 1, sizeof *m.values),
  };
  if (m.chosen == NULL || m.first == NULL || m.second == NULL || m.values == NULL)
    status = loci__fail_memory(error, n_resamples * sizeof *m.values, "resamples");
  else status = cosine_run(&a, &b, &m, n_resamples, seed, out, error);
  loci__free(context, m.chosen);
  loci__free(context, m.first);
  loci__free(context, m.second);
  loci__free(context, m.values);
  offsets_release(&a);
  offsets_release(&b);
  return status;
}
