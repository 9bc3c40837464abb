/* explore/procrustes.c: the rotation that brings one set of points onto another.
 *
 * Schönemann (1966): for M = XᵀY = U·S·Vᵀ, W = U·Vᵀ is the orthogonal matrix nearest to bringing X onto Y. The
 * decomposition is Hestenes' one-sided Jacobi (1958): pairs of columns of B = M·V are turned until all are orthogonal; then
 * their lengths are the singular values and their directions U. It finds small singular values, and with them the
 * directions that hang on them, as exactly as large ones (Demmel and Veselić 1992), which an eigendecomposition of MᵀM
 * would not.
 *
 * Pairs of columns are taken in the rounds of a tournament (Brent and Luk 1985): in a round every column plays once, so a
 * round's rotations touch different columns and are shared out to the pool; the result does not depend on how.
 *
 * What has no length has no direction: for the columns of B that vanish, U is completed by what is left of the same
 * columns of V after U's part is taken out of them, so that W leaves alone what no pair says anything about.
 */
#include "align.h"

#include <float.h>
#include <math.h>

enum { SWEEPS = 60, PAIRS_A_TASK = 8, ROWS_A_TASK = 8 };

/* ---- XᵀY ---- */

typedef struct cross {
  const float *x, *y;
  size_t n, dim;
  double *out; /* column-major: column j is XᵀY's j-th */
} cross;

/* Columns [first, first + ROWS_A_TASK): each is a sum over all pairs in their order. */
static loci_status cross_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const cross *c = arg;
  const size_t dim = c->dim, first = task * ROWS_A_TASK;
  const size_t last = first + ROWS_A_TASK < dim ? first + ROWS_A_TASK : dim;
  for (size_t p = 0; p < c->n; p++) {
    const float *x = c->x + p * dim, *y = c->y + p * dim;
    for (size_t j = first; j < last; j++) {
      double *column = c->out + j * dim;
      const double factor = y[j];
      for (size_t i = 0; i < dim; i++) column[i] += factor * (double)x[i];
    }
  }
  return LOCI_OK;
}

/* ---- one-sided Jacobi ---- */

static double dot(const double *a, const double *b, size_t n) {
  double sums[4] = {0};
  size_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (size_t k = 0; k < 4; k++) sums[k] += a[i + k] * b[i + k];
  for (; i < n; i++) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static void turn(double *a, double *b, size_t n, double c, double s) {
  for (size_t i = 0; i < n; i++) {
    const double x = a[i], y = b[i];
    a[i] = c * x - s * y;
    b[i] = s * x + c * y;
  }
}

typedef struct jacobi {
  size_t dim, n_players, round;
  double *b, *v;   /* column-major; B = M·V */
  double tiny;     /* a column shorter than this is nothing */
  unsigned *turns; /* a task: rotations that were needed */
} jacobi;

/* Who plays in place `at` of round `round`: the last player stays, the others go round. */
static size_t player(const jacobi *j, size_t at) {
  const size_t n = j->n_players;
  return at == n - 1 ? n - 1 : (at + j->round) % (n - 1);
}

static bool orthogonalise(const jacobi *j, size_t p, size_t q) {
  const size_t dim = j->dim;
  double *a = j->b + p * dim, *b = j->b + q * dim;
  const double aa = dot(a, a, dim), bb = dot(b, b, dim), ab = dot(a, b, dim);
  const double least = j->tiny * j->tiny;
  if (aa <= least || bb <= least) return false;
  if (fabs(ab) <= 4 * DBL_EPSILON * sqrt(aa) * sqrt(bb)) return false;
  const double zeta = (bb - aa) / (2 * ab);
  const double t = (zeta >= 0 ? 1 : -1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
  const double c = 1 / sqrt(1 + t * t), s = c * t;
  turn(a, b, dim, c, s);
  turn(j->v + p * dim, j->v + q * dim, dim, c, s);
  return true;
}

static loci_status jacobi_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const jacobi *j = arg;
  const size_t half = j->n_players / 2, last = (task + 1) * PAIRS_A_TASK < half ? (task + 1) * PAIRS_A_TASK : half;
  for (size_t i = task * PAIRS_A_TASK; i < last; i++) {
    size_t p = player(j, i), q = player(j, j->n_players - 1 - i);
    if (p > q) {
      const size_t other = p;
      p = q, q = other;
    }
    if (q < j->dim) j->turns[task] += orthogonalise(j, p, q); /* with an odd number of columns one player is nobody */
  }
  return LOCI_OK;
}

static loci_status decompose(loci_context *context, jacobi *j, loci_error *error) {
  const size_t n_tasks = (j->n_players / 2 + PAIRS_A_TASK - 1) / PAIRS_A_TASK;
  for (size_t sweep = 0; sweep < SWEEPS; sweep++) {
    unsigned turns = 0;
    for (j->round = 0; j->round < j->n_players - 1; j->round++) {
      memset(j->turns, 0, n_tasks * sizeof *j->turns);
      LOCI__TRY(loci__pool_run(context, n_tasks, jacobi_task, j, error));
      for (size_t i = 0; i < n_tasks; i++) turns += j->turns[i];
    }
    if (turns == 0) return LOCI_OK;
  }
  return loci__fail(error, LOCI_ERROR_INTERNAL, "the singular value decomposition did not end in %d sweeps", SWEEPS);
}

/* x less its parts along the first n of U's columns that are `done`, twice; its length afterwards. */
static double without(const double *u, const bool *done, size_t dim, double *x) {
  for (int twice = 0; twice < 2; twice++)
    for (size_t j = 0; j < dim; j++) {
      if (!done[j]) continue;
      const double along = dot(u + j * dim, x, dim);
      for (size_t i = 0; i < dim; i++) x[i] -= along * u[j * dim + i];
    }
  return sqrt(dot(x, x, dim));
}

/* B becomes U. */
static void complete(const jacobi *j, bool *done) {
  const size_t dim = j->dim;
  for (size_t c = 0; c < dim; c++) {
    double *b = j->b + c * dim;
    const double length = sqrt(dot(b, b, dim));
    done[c] = length > j->tiny;
    if (done[c])
      for (size_t i = 0; i < dim; i++) b[i] /= length;
  }
  for (size_t c = 0; c < dim; c++) {
    if (done[c]) continue;
    double *b = j->b + c * dim;
    memcpy(b, j->v + c * dim, dim * sizeof *b);
    double length = without(j->b, done, dim, b);
    for (size_t axis = 0; length < 0.1 / sqrt((double)dim) && axis < dim;
         axis++) { /* some axis is free: dim > n done */
      memset(b, 0, dim * sizeof *b);
      b[axis] = 1;
      length = without(j->b, done, dim, b);
    }
    for (size_t i = 0; i < dim; i++) b[i] /= length;
    done[c] = true;
  }
}

/* B = M·V for the V that another, like problem ended with: its columns are nearly orthogonal already. */
static loci_status start_from(loci_context *context, jacobi *j, const double *v, loci_error *error) {
  const size_t dim = j->dim;
  double *m = loci__alloc_array(context, dim * dim, sizeof *m);
  if (m == NULL) return loci__fail_memory(error, dim * dim * sizeof *m, "a singular value decomposition");
  memcpy(m, j->b, dim * dim * sizeof *m);
  memcpy(j->v, v, dim * dim * sizeof *v);
  memset(j->b, 0, dim * dim * sizeof *m);
  for (size_t c = 0; c < dim; c++)
    for (size_t k = 0; k < dim; k++) {
      const double factor = v[c * dim + k];
      for (size_t i = 0; i < dim; i++) j->b[c * dim + i] += factor * m[k * dim + i];
    }
  loci__free(context, m);
  return LOCI_OK;
}

loci_status loci__procrustes(loci_context *context, const float *x, const float *y, size_t n, size_t dim,
                             loci__procrustes_start *start, double *w, loci_error *error) {
  size_t cells;
  if (dim == 0 || !loci__mul(dim, dim, &cells) || cells > SIZE_MAX / 64)
    return loci__fail(error, LOCI_ERROR_USAGE, "a rotation of %zu dimensions is none", dim);
  jacobi j = {.dim = dim, .n_players = dim + dim % 2};
  if (j.n_players < 2) j.n_players = 2;
  const size_t n_tasks = (j.n_players / 2 + PAIRS_A_TASK - 1) / PAIRS_A_TASK;
  j.b = loci__alloc_zero(context, cells, sizeof *j.b);
  j.v = loci__alloc_zero(context, cells, sizeof *j.v);
  j.turns = loci__alloc_array(context, n_tasks, sizeof *j.turns);
  bool *done = loci__alloc_array(context, dim, sizeof *done);
  loci_status status = LOCI_OK;
  if (j.b == NULL || j.v == NULL || j.turns == NULL || done == NULL)
    status = loci__fail_memory(error, 2 * cells * sizeof *j.b, "a singular value decomposition");
  if (status == LOCI_OK) {
    cross c = {x, y, n, dim, j.b};
    status = loci__pool_run(context, (dim + ROWS_A_TASK - 1) / ROWS_A_TASK, cross_task, &c, error);
  }
  if (status == LOCI_OK) {
    double square = 0;
    for (size_t i = 0; i < dim; i++) j.v[i * dim + i] = 1;
    for (size_t i = 0; i < dim; i++) square += dot(j.b + i * dim, j.b + i * dim, dim);
    if (!isfinite(square))
      status = loci__fail(error, LOCI_ERROR_USAGE, "a pair of vectors has a number that is not finite");
    j.tiny = sqrt(square) * (double)dim * DBL_EPSILON; /* what rounding leaves of a column that is none */
  }
  if (status == LOCI_OK && start != NULL && start->known) status = start_from(context, &j, start->v, error);
  if (status == LOCI_OK) status = decompose(context, &j, error);
  if (status == LOCI_OK) {
    complete(&j, done);
    if (start != NULL) {
      memcpy(start->v, j.v, cells * sizeof *j.v);
      start->known = true;
    }
    memset(w, 0, cells * sizeof *w);
    for (size_t c = 0; c < dim; c++) /* W = Σ u·vᵀ */
      for (size_t i = 0; i < dim; i++) {
        const double u = j.b[c * dim + i], *v = j.v + c * dim;
        for (size_t k = 0; k < dim; k++) w[i * dim + k] += u * v[k];
      }
  }
  loci__free(context, j.b);
  loci__free(context, j.v);
  loci__free(context, j.turns);
  loci__free(context, done);
  return status;
}

loci_status loci_procrustes(loci_context *context, const float *x, const float *y, size_t n, size_t dim, double *w,
                            loci_error *error) {
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, 0, "the default context");
  return loci__procrustes(context, x, y, n, dim, NULL, w, error);
}
