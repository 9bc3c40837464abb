/* explore/analogy.c: a is to b as c is to what, and how much that means.
 *
 * With unit vectors all three methods are functions of three cosines a row, cos(x,a), cos(x,b), cos(x,c):
 *   3CosAdd       (cos(x,b) − cos(x,a) + cos(x,c)) / |b − a + c|
 *   3CosMul       p(b)·p(c) / (p(a) + ε), p = (cos + 1) / 2, ε = .001
 *   PairDistance  ((b − a)·x − (b − a)·c) / (|b − a|·|x − c|), |x − c|² = 2 − 2 cos(x,c)
 * (Mikolov, Yih, Zweig 2013; Levy and Goldberg 2014). One question is one pass over the rows in double.
 *
 * The control: random triples of the more frequent words, asked by 3CosAdd in one blocked product. A nearest row there
 * always is; how near it is means something only beside them.
 */
#include "explore.h"

#include "../index/index.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 2048, COMMON = 20000 };

static const double epsilon = 1e-3;

typedef struct scoring {
  const loci_vectors *vectors;
  const loci_analogy_question *question;
  const double *unit; /* a, b, c */
  size_t n;
  double bc_a;              /* |b − a + c| */
  double ba;                /* |b − a| */
  double ba_c;              /* (b − a)·c */
  double *scores, *cosines; /* of rows: by the method, and with b − a + c */
} scoring;

static void unit_row(const float *x, size_t dim, double *out) {
  double square = 0;
  for (size_t i = 0; i < dim; i++) square += (double)x[i] * x[i];
  const double scale = square > 0 ? 1 / sqrt(square) : 0;
  for (size_t i = 0; i < dim; i++) out[i] = x[i] * scale;
}

static double dot(const float *a, const float *b, size_t dim) {
  double sum = 0;
  for (size_t i = 0; i < dim; i++) sum += (double)a[i] * b[i];
  return sum;
}

static loci_status score_block(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const scoring *s = arg;
  const size_t dim = s->vectors->dim, first = task * BLOCK, last = first + BLOCK < s->n ? first + BLOCK : s->n;
  for (size_t i = first; i < last; i++) {
    const float *x = s->vectors->rows + i * dim;
    double xa = 0, xb = 0, xc = 0, xx = 0;
    for (size_t j = 0; j < dim; j++) {
      const double v = x[j];
      xa += v * s->unit[j];
      xb += v * s->unit[dim + j];
      xc += v * s->unit[2 * dim + j];
      xx += v * v;
    }
    const double length = sqrt(xx);
    if (!(length > 0)) {
      s->scores[i] = s->cosines[i] = -INFINITY;
      continue;
    }
    xa /= length, xb /= length, xc /= length;
    s->cosines[i] = s->bc_a > 0 ? (xb - xa + xc) / s->bc_a : 0;
    switch (s->question->method) {
      case LOCI_ANALOGY_3COSADD: s->scores[i] = s->cosines[i]; break;
      case LOCI_ANALOGY_3COSMUL: s->scores[i] = (xb + 1) / 2 * ((xc + 1) / 2) / ((xa + 1) / 2 + epsilon); break;
      case LOCI_ANALOGY_PAIRDISTANCE: {
        const double x_c = 2 - 2 * xc;
        /* x = c has no direction from c. */
        s->scores[i] = x_c > 1e-12 && s->ba > 0 ? (xb - xa - s->ba_c) / (s->ba * sqrt(x_c)) : -1;
        break;
      }
    }
  }
  return LOCI_OK;
}

static bool given(const loci_analogy_question *q, size_t row) {
  return row == q->a || row == q->b || row == q->c;
}

static size_t best_rows(const scoring *s, bool leave_out, loci_neighbor *out, size_t k) {
  size_t n = 0;
  for (size_t i = 0; i < s->n; i++) {
    if (!(s->scores[i] > -INFINITY) || (leave_out && given(s->question, i))) continue;
    if (n == k && s->scores[i] <= out[k - 1].score) continue;
    size_t at = n < k ? n++ : k - 1;
    for (; at > 0 && s->scores[i] > out[at - 1].score; at--) out[at] = out[at - 1];
    out[at] = (loci_neighbor){i, s->scores[i]};
  }
  return n;
}

static size_t rank_of(const scoring *s, size_t row, bool leave_out) {
  size_t before = 0;
  for (size_t i = 0; i < s->n; i++)
    if (i != row && !(leave_out && given(s->question, i)) &&
        (s->scores[i] > s->scores[row] || (s->scores[i] == s->scores[row] && i < row)))
      before++;
  return before + 1;
}

/* ---- many questions, and the control ------------------------------------------------------------- */

loci_status loci_analogy_solve_many(const loci_vectors *vectors, const size_t *rows, size_t n, size_t most,
                                    loci_neighbor *best, loci_neighbor *best_all, loci_error *error) {
  enum { BATCH = 4096 }; /* so that the scores that are kept stay small */
  const size_t dim = vectors->dim;
  float *targets = loci__alloc_array(vectors->context, n < BATCH ? n : BATCH, 4 * dim * sizeof *targets);
  if (n == 0) return LOCI_OK;
  if (targets == NULL)
    return loci__fail_memory(error, (n < BATCH ? n : BATCH) * 4 * dim * sizeof *targets, "questions");
  loci_status status = LOCI_OK;
  for (size_t first = 0; first < n && status == LOCI_OK; first += BATCH) {
    const size_t count = n - first < BATCH ? n - first : BATCH;
    float *unit = targets + count * dim;
    for (size_t i = 0; i < count; i++) {
      const size_t *r = rows + 3 * (first + i);
      for (size_t k = 0; k < 3; k++) loci__unit(vectors->rows + r[k] * dim, dim, unit + k * dim);
      float *target = targets + i * dim;
      for (size_t j = 0; j < dim; j++) target[j] = unit[dim + j] - unit[j] + unit[2 * dim + j];
      loci__unit(target, dim, target);
    }
    status = loci__nearest_many(vectors, &(loci__targets){count, targets, rows + 3 * first}, most,
                                best ? best + first : NULL, best_all ? best_all + first : NULL, error);
  }
  loci__free(vectors->context, targets);
  return status;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static loci_status control(const loci_vectors *vectors, const loci_analogy_question *q, loci_analogy *out,
                           loci_error *error) {
  loci_context *context = vectors->context;
  const size_t n = q->n_control, from = vectors->n < COMMON ? vectors->n : COMMON;
  size_t *rows = loci__alloc_array(context, n, 3 * sizeof *rows);
  loci_neighbor *best = loci__alloc_array(context, n, sizeof *best);
  double *values = loci__alloc_array(context, n, sizeof *values);
  loci_status status = LOCI_OK;
  if (rows == NULL || best == NULL || values == NULL)
    status = loci__fail_memory(error, n * (3 * sizeof *rows + sizeof *best), "random triples");
  if (status == LOCI_OK) {
    loci__random random;
    loci__random_init(&random, q->seed);
    for (size_t i = 0; i < 3 * n; i++) rows[i] = loci__random_below(&random, from);
    status = loci_analogy_solve_many(vectors, rows, n, q->most, best, NULL, error);
  }
  if (status == LOCI_OK) {
    size_t nearer = 0;
    for (size_t i = 0; i < n; i++) {
      values[i] = best[i].score;
      nearer += values[i] >= out->cosine;
    }
    qsort(values, n, sizeof *values, by_value);
    out->n_control = n;
    out->control_median = values[n / 2];
    out->control_95 = values[n * 95 / 100];
    out->control_share = (double)nearer / (double)n;
  }
  loci__free(context, rows);
  loci__free(context, best);
  loci__free(context, values);
  return status;
}

loci_status loci_analogy_solve(const loci_vectors *vectors, const loci_analogy_question *q, loci_analogy *out,
                               loci_error *error) {
  loci_context *context = vectors->context;
  const size_t dim = vectors->dim;
  *out = (loci_analogy){0};
  if (q->a >= vectors->n || q->b >= vectors->n || q->c >= vectors->n || q->expected >= (int64_t)vectors->n)
    return loci__fail(error, LOCI_ERROR_USAGE, "an analogy names a row that is not there (there are %zu)", vectors->n);
  if ((unsigned)q->method > LOCI_ANALOGY_PAIRDISTANCE)
    return loci__fail(error, LOCI_ERROR_USAGE, "there is no analogy method %d", (int)q->method);
  scoring s = {.vectors = vectors, .question = q, .n = q->most && q->most < vectors->n ? q->most : vectors->n};
  double *unit = loci__alloc_array(context, 3 * dim, sizeof *unit);
  s.scores = loci__alloc_array(context, s.n, 2 * sizeof *s.scores);
  loci_status status = LOCI_OK;
  if (unit == NULL || s.scores == NULL) status = loci__fail_memory(error, s.n * 2 * sizeof *s.scores, "scores");
  if (status == LOCI_OK) {
    const size_t given_rows[3] = {q->a, q->b, q->c};
    for (size_t k = 0; k < 3; k++) unit_row(vectors->rows + given_rows[k] * dim, dim, unit + k * dim);
    s.unit = unit;
    s.cosines = s.scores + s.n;
    double square = 0, offset = 0, with_c = 0;
    for (size_t j = 0; j < dim; j++) {
      const double d = unit[dim + j] - unit[j], t = d + unit[2 * dim + j];
      square += t * t;
      offset += d * d;
      with_c += d * unit[2 * dim + j];
    }
    s.bc_a = sqrt(square), s.ba = sqrt(offset), s.ba_c = with_c;
    status = loci__pool_run(context, (s.n + BLOCK - 1) / BLOCK, score_block, &s, error);
  }
  if (status == LOCI_OK) {
    out->n = best_rows(&s, true, out->answers, LOCI__COUNT(out->answers));
    out->n_all = best_rows(&s, false, out->answers_all, LOCI__COUNT(out->answers_all));
    if (out->n) out->cosine = s.cosines[out->answers[0].index];
    if (out->n_all) out->cosine_all = s.cosines[out->answers_all[0].index];
    if (q->expected >= 0 && (size_t)q->expected < s.n) {
      out->rank = rank_of(&s, (size_t)q->expected, true);
      out->rank_all = rank_of(&s, (size_t)q->expected, false);
      out->cosine_expected = s.cosines[q->expected];
    }
    if (q->n_control) status = control(vectors, q, out, error);
  }
  loci__free(context, s.scores);
  loci__free(context, unit);
  return status;
}

/* ---- relations, odd one out ------------------------------------------------------------------------ */

loci_status loci_relation_accuracy(const loci_vectors *vectors, size_t relation, size_t most, loci_relation_score *out,
                                   loci_error *error) {
  enum { MOST_PAIRS = 64 };
  loci_context *context = vectors->context;
  size_t pairs[MOST_PAIRS][2], n = 0;
  const char *from, *to;
  *out = (loci_relation_score){0};
  const size_t rows_there = most && most < vectors->n ? most : vectors->n;
  for (size_t i = 0; n < MOST_PAIRS && loci_relation_pair(relation, i, &from, &to); i++) {
    const int64_t a = loci_vectors_find(vectors, from, strlen(from)), b = loci_vectors_find(vectors, to, strlen(to));
    if (a < 0 || b < 0 || (size_t)a >= rows_there || (size_t)b >= rows_there) continue;
    pairs[n][0] = (size_t)a, pairs[n][1] = (size_t)b;
    n++;
  }
  out->n_pairs = n;
  out->n_questions = n > 1 ? n * (n - 1) : 0;
  if (out->n_questions == 0) return LOCI_OK;
  size_t *rows = loci__alloc_array(context, out->n_questions, 3 * sizeof *rows), at = 0;
  loci_neighbor *best = loci__alloc_array(context, out->n_questions, 2 * sizeof *best);
  loci_status status = LOCI_OK;
  if (rows == NULL || best == NULL)
    status = loci__fail_memory(error, out->n_questions * (3 * sizeof *rows + 2 * sizeof *best), "questions");
  for (size_t i = 0; i < n && status == LOCI_OK; i++)
    for (size_t j = 0; j < n; j++) {
      if (i == j) continue;
      rows[3 * at] = pairs[i][0], rows[3 * at + 1] = pairs[i][1], rows[3 * at + 2] = pairs[j][0];
      at++;
    }
  if (status == LOCI_OK) status = loci_analogy_solve_many(vectors, rows, at, most, best, best + at, error);
  for (size_t i = 0, q = 0; i < n && status == LOCI_OK; i++)
    for (size_t j = 0; j < n; j++) {
      if (i == j) continue;
      out->n_right += best[q].index == pairs[j][1];
      out->n_right_all += best[at + q].index == pairs[j][1];
      q++;
    }
  loci__free(context, rows);
  loci__free(context, best);
  return status;
}

loci_status loci_odd_one_out(const loci_vectors *vectors, const size_t *rows, size_t n, size_t *odd, double *means,
                             loci_error *error) {
  if (n < 3) return loci__fail(error, LOCI_ERROR_USAGE, "odd one out of %zu words: three are needed at least", n);
  const size_t dim = vectors->dim;
  float *unit = loci__alloc_array(vectors->context, n, dim * sizeof *unit);
  if (unit == NULL) return loci__fail_memory(error, n * dim * sizeof *unit, "unit vectors");
  for (size_t i = 0; i < n; i++) loci__unit(vectors->rows + rows[i] * dim, dim, unit + i * dim);
  double least = INFINITY;
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t j = 0; j < n; j++)
      if (j != i) sum += dot(unit + i * dim, unit + j * dim, dim);
    const double mean = sum / (double)(n - 1);
    if (means != NULL) means[i] = mean;
    if (mean < least) least = mean, *odd = i;
  }
  loci__free(vectors->context, unit);
  return LOCI_OK;
}
