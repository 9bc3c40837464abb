/* explore/pca.c: principal components (Pearson 1901; Hotelling 1933).
 *
 * The covariance matrix C is made by blocked products in float over CHUNK rows at a time, summed in double, when it is not
 * too large (COVARIANCE_MOST); else it stays a product, C·v = Zᵀ(Z·v) over the centred rows Z. Its greatest eigenpairs
 * come from Lanczos' method (1950) with full orthogonalisation, in double, from a fixed start: some dozens of products
 * with C, and no LAPACK. A step that ends in nothing (an invariant space: low rank, equal eigenvalues) goes on with a
 * new direction. The tridiagonal problem is solved by QL with implicit shifts (Dubrulle, Martin and Wilkinson 1968); a
 * pair's residual is the last number of its eigenvector times the next coefficient, so that "done" is known, not hoped.
 */
#include "project.h"

#include <math.h>
#include <stdlib.h>

enum {
  COVARIANCE_MOST = 2048, /* columns: 32 MB of doubles */
  CHUNK = 256,            /* rows of a float sum */
  SUPER = 16,             /* chunks that are prepared together */
  SLICE = 64,             /* rows of C a task */
  PARTS = 32,             /* sums of a product without C */
  ROWS_A_TASK = 256,
  STEPS = 600
};
static const double DONE = 1e-11; /* residual over the greatest eigenvalue */

typedef struct covariance {
  loci_context *context;
  const loci__kernels *kernels;
  const float *rows;
  size_t n, dim;
  double *mean;
  double *c;    /* dim × dim, or NULL */
  double *sums; /* PARTS × dim, or n_tasks × dim while the mean is made */
  double trace;
  /* while C is made: a super-block's rows turned to columns, and packed by chunks */
  float *columns, *packed, *biases,
      *products;       /* dim × SUPER·CHUNK; SUPER × width × CHUNK; width; a worker SLICE × width */
  size_t width, first; /* first row of the super-block */
  const double *v;
} covariance;

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

/* ---- C, and products with it ---- */

static loci_status mean_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const covariance *p = arg;
  double *sum = p->sums + task * p->dim;
  memset(sum, 0, p->dim * sizeof *sum);
  for (size_t i = p->n * task / PARTS; i < p->n * (task + 1) / PARTS; i++)
    for (size_t j = 0; j < p->dim; j++) sum[j] += (double)p->rows[i * p->dim + j];
  return LOCI_OK;
}

static loci_status turn_task(void *arg, size_t chunk, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const covariance *p = arg;
  const size_t first = p->first + chunk * CHUNK, count = first < p->n ? least(CHUNK, p->n - first) : 0;
  float *columns = p->columns + chunk * CHUNK;
  for (size_t i = 0; i < CHUNK; i++)
    for (size_t j = 0; j < p->dim; j++)
      columns[j * SUPER * CHUNK + i] =
          i < count ? (float)((double)p->rows[(first + i) * p->dim + j] - p->mean[j]) : 0.0f;
  float *packed = p->packed + chunk * p->width * CHUNK;
  memset(packed, 0, p->width * CHUNK * sizeof *packed);
  loci__gemm_pack(p->kernels, columns, SUPER * CHUNK, p->dim, CHUNK, NULL, 0, CHUNK, packed);
  return LOCI_OK;
}

static loci_status multiply_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  const covariance *p = arg;
  const size_t first = task * SLICE, m = least(SLICE, p->dim - first);
  float *products = p->products + worker * SLICE * p->width;
  for (size_t chunk = 0; chunk < SUPER && p->first + chunk * CHUNK < p->n; chunk++) {
    p->kernels->gemm_f32(&(loci__gemm){.x = p->columns + first * SUPER * CHUNK + chunk * CHUNK,
                                       .x_stride = SUPER * CHUNK,
                                       .m = m,
                                       .packed = p->packed + chunk * p->width * CHUNK,
                                       .n = p->width,
                                       .k = CHUNK,
                                       .bias = p->biases,
                                       .activation = LOCI__KERNEL_IDENTITY,
                                       .y = products,
                                       .y_stride = p->width});
    for (size_t i = 0; i < m; i++)
      for (size_t j = 0; j < p->dim; j++) p->c[(first + i) * p->dim + j] += (double)products[i * p->width + j];
  }
  return LOCI_OK;
}

static loci_status make_matrix(covariance *p, loci_error *error) {
  p->width = loci__panels(p->kernels, p->dim);
  p->columns = loci__alloc_aligned(p->context, p->dim * SUPER * CHUNK * sizeof *p->columns);
  p->packed = loci__alloc_aligned(p->context, SUPER * p->width * CHUNK * sizeof *p->packed);
  p->biases = loci__alloc_zero(p->context, p->width, sizeof *p->biases);
  p->products = loci__alloc_aligned(p->context, loci__pool_size(p->context) * SLICE * p->width * sizeof *p->products);
  p->c = loci__alloc_zero(p->context, p->dim * p->dim, sizeof *p->c);
  loci_status status = LOCI_OK;
  if (!p->columns || !p->packed || !p->biases || !p->products || !p->c)
    status = loci__fail_memory(error, p->dim * p->dim * sizeof *p->c, "a covariance matrix");
  for (p->first = 0; p->first < p->n && status == LOCI_OK; p->first += SUPER * CHUNK) {
    const size_t left = p->n - p->first;
    status = loci__pool_run(p->context, least(SUPER, (left + CHUNK - 1) / CHUNK), turn_task, p, error);
    if (status == LOCI_OK) status = loci__pool_run(p->context, (p->dim + SLICE - 1) / SLICE, multiply_task, p, error);
  }
  for (size_t j = 0; j < p->dim && status == LOCI_OK; j++) p->trace += p->c[j * p->dim + j];
  loci__free_aligned(p->context, p->columns);
  loci__free_aligned(p->context, p->packed);
  loci__free(p->context, p->biases);
  loci__free_aligned(p->context, p->products);
  return status;
}

/* Zᵀ(Z·v) of one part of the rows; v NULL: the sum of squares, in the first number. */
static loci_status part_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const covariance *p = arg;
  double *sum = p->sums + task * p->dim;
  memset(sum, 0, p->dim * sizeof *sum);
  for (size_t i = p->n * task / PARTS; i < p->n * (task + 1) / PARTS; i++) {
    const float *row = p->rows + i * p->dim;
    double along = 0;
    if (p->v == NULL) {
      for (size_t j = 0; j < p->dim; j++) along += ((double)row[j] - p->mean[j]) * ((double)row[j] - p->mean[j]);
      sum[0] += along;
      continue;
    }
    for (size_t j = 0; j < p->dim; j++) along += ((double)row[j] - p->mean[j]) * p->v[j];
    for (size_t j = 0; j < p->dim; j++) sum[j] += ((double)row[j] - p->mean[j]) * along;
  }
  return LOCI_OK;
}

static loci_status matrix_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const covariance *p = arg;
  for (size_t i = task * SLICE; i < least((task + 1) * SLICE, p->dim); i++) {
    double sum = 0;
    for (size_t j = 0; j < p->dim; j++) sum += p->c[i * p->dim + j] * p->v[j];
    p->sums[i] = sum;
  }
  return LOCI_OK;
}

/* out = C·v (not over n − 1). */
static loci_status apply(covariance *p, const double *v, double *out, loci_error *error) {
  p->v = v;
  if (p->c != NULL) {
    LOCI__TRY(loci__pool_run(p->context, (p->dim + SLICE - 1) / SLICE, matrix_task, p, error));
    memcpy(out, p->sums, p->dim * sizeof *out);
    return LOCI_OK;
  }
  LOCI__TRY(loci__pool_run(p->context, PARTS, part_task, p, error));
  memset(out, 0, p->dim * sizeof *out);
  for (size_t t = 0; t < PARTS; t++)
    for (size_t j = 0; j < p->dim; j++) out[j] += p->sums[t * p->dim + j];
  return LOCI_OK;
}

static loci_status covariance_init(covariance *p, loci_error *error) {
  p->sums = loci__alloc_array(p->context, PARTS, p->dim * sizeof *p->sums);
  p->mean = loci__alloc_zero(p->context, p->dim, sizeof *p->mean);
  if (!p->sums || !p->mean) return loci__fail_memory(error, PARTS * p->dim * sizeof *p->sums, "principal components");
  LOCI__TRY(loci__pool_run(p->context, PARTS, mean_task, p, error));
  for (size_t t = 0; t < PARTS; t++)
    for (size_t j = 0; j < p->dim; j++) p->mean[j] += p->sums[t * p->dim + j];
  for (size_t j = 0; j < p->dim; j++) p->mean[j] /= (double)p->n;
  if (p->dim <= COVARIANCE_MOST) return make_matrix(p, error);
  LOCI__TRY(loci__pool_run(p->context, PARTS, part_task, p, error));
  for (size_t t = 0; t < PARTS; t++) p->trace += p->sums[t * p->dim];
  return LOCI_OK;
}

static void covariance_release(covariance *p) {
  loci__free(p->context, p->c);
  loci__free(p->context, p->sums);
  loci__free(p->context, p->mean);
}

/* ---- the tridiagonal problem ---- */

/* Eigenvalues of the symmetric tridiagonal matrix (diagonal d, below it e[0…m−2]; e has m numbers) into d, in no order;
 * the rotations are applied to the columns of z (n_rows × m). False when it does not converge. */
static bool solve_tridiagonal(double *d, double *e, size_t m, double *z, size_t n_rows) {
  e[m - 1] = 0;
  for (size_t l = 0; l < m; l++) {
    for (size_t sweep = 0;; sweep++) {
      size_t end = l;
      while (end + 1 < m && fabs(e[end]) > 1e-16 * (fabs(d[end]) + fabs(d[end + 1]))) end++;
      if (end == l) break;
      if (sweep == 60) return false;
      double g = (d[l + 1] - d[l]) / (2 * e[l]), r = hypot(g, 1);
      g = d[end] - d[l] + e[l] / (g + (g < 0 ? -r : r));
      double s = 1, c = 1, p = 0;
      size_t i = end;
      bool apart = false;
      while (!apart && i-- > l) {
        double f = s * e[i], b = c * e[i];
        r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) { /* it falls apart here */
          d[i + 1] -= p;
          e[end] = 0;
          apart = true;
          continue;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        for (size_t row = 0; row < n_rows; row++) {
          double *pair = z + row * m + i;
          f = pair[1];
          pair[1] = s * pair[0] + c * f;
          pair[0] = c * pair[0] - s * f;
        }
      }
      if (apart) continue;
      d[l] -= p;
      e[l] = g;
      e[end] = 0;
    }
  }
  return true;
}

/* The `wanted` greatest of d, greatest first. */
static void greatest(const double *d, size_t m, size_t wanted, size_t *order) {
  for (size_t w = 0; w < wanted; w++) {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < m; i++) {
      bool taken = false;
      for (size_t v = 0; v < w; v++) taken = taken || order[v] == i;
      if (!taken && (best == SIZE_MAX || d[i] > d[best])) best = i;
    }
    order[w] = best;
  }
}

/* ---- Lanczos ---- */

typedef struct lanczos {
  covariance *c;
  size_t wanted, most, m; /* most steps; steps done */
  double *basis;          /* (most + 1) × dim */
  double *alpha, *beta;   /* most each */
  double *d, *e, *z;      /* most, most, most × wanted or a row */
  size_t *order;          /* wanted */
  loci__random random;
} lanczos;

/* x less its parts along the basis, twice. */
static void orthogonalise(const lanczos *l, double *x, size_t n_basis) {
  const size_t dim = l->c->dim;
  for (int pass = 0; pass < 2; pass++) {
    for (size_t b = 0; b < n_basis; b++) {
      const double *q = l->basis + b * dim;
      double along = 0;
      for (size_t j = 0; j < dim; j++) along += q[j] * x[j];
      for (size_t j = 0; j < dim; j++) x[j] -= along * q[j];
    }
  }
}

static double norm(const double *x, size_t dim) {
  double square = 0;
  for (size_t j = 0; j < dim; j++) square += x[j] * x[j];
  return sqrt(square);
}

/* basis[at] = a new direction, of unit length. */
static void new_direction(lanczos *l, size_t at) {
  double *q = l->basis + at * l->c->dim, length = 0;
  while (!(length > 1e-8)) {
    for (size_t j = 0; j < l->c->dim; j++) q[j] = loci__random_normal(&l->random);
    const double before = norm(q, l->c->dim);
    orthogonalise(l, q, at);
    length = norm(q, l->c->dim) / before;
  }
  length = norm(q, l->c->dim);
  for (size_t j = 0; j < l->c->dim; j++) q[j] /= length;
}

static bool solve(lanczos *l, size_t n_rows) {
  memcpy(l->d, l->alpha, l->m * sizeof *l->d);
  memcpy(l->e, l->beta, l->m * sizeof *l->e);
  if (!solve_tridiagonal(l->d, l->e, l->m, l->z, n_rows)) return false;
  greatest(l->d, l->m, l->wanted, l->order);
  return true;
}

/* Do the wanted pairs stand? */
static bool is_done(lanczos *l, bool *failed) {
  if (l->m < l->wanted) return false;
  memset(l->z, 0, l->m * sizeof *l->z);
  l->z[l->m - 1] = 1;
  *failed = !solve(l, 1);
  if (*failed) return false;
  const double scale = l->d[l->order[0]];
  for (size_t w = 0; w < l->wanted; w++)
    if (fabs(l->z[l->order[w]] * l->beta[l->m - 1]) > DONE * scale) return false;
  return true;
}

static loci_status iterate(lanczos *l, loci_error *error) {
  const size_t dim = l->c->dim;
  new_direction(l, 0);
  for (bool failed = false; l->m < l->most; l->m++) {
    double *q = l->basis + l->m * dim, *next = q + dim;
    /* A space that closed by itself tells nothing of what lies outside of it: `beta` 0 must not pass for done. */
    if (l->m % 8 == 0 && l->m > 0 && l->beta[l->m - 1] > 0 && is_done(l, &failed)) return LOCI_OK;
    if (failed) return loci__fail(error, LOCI_ERROR_INTERNAL, "the principal components did not converge");
    LOCI__TRY(apply(l->c, q, next, error));
    double along = 0;
    for (size_t j = 0; j < dim; j++) along += q[j] * next[j];
    l->alpha[l->m] = along;
    if (l->m + 1 == l->most) {
      l->beta[l->m++] = 0;
      return LOCI_OK;
    }
    const double before = norm(next, dim);
    orthogonalise(l, next, l->m + 1);
    const double length = norm(next, dim);
    if (!(length > 1e-13 * (before > l->alpha[0] ? before : l->alpha[0]))) {
      double found = 0; /* nothing outside of this space varies when its variance is all there is */
      for (size_t i = 0; i <= l->m; i++) found += l->alpha[i];
      l->beta[l->m] = 0;
      if (l->m + 1 >= l->wanted && found >= (1 - 1e-12) * l->c->trace) {
        l->m++;
        return LOCI_OK;
      }
      new_direction(l, l->m + 1);
      continue;
    }
    l->beta[l->m] = length;
    for (size_t j = 0; j < dim; j++) next[j] /= length;
  }
  return LOCI_OK;
}

/* z: the chosen pairs' vectors in the basis, column by column; a component is basisᵀ·z. */
static loci_status finish(lanczos *l, float *components, double *variances, loci_error *error) {
  const size_t dim = l->c->dim, m = l->m;
  memset(l->z, 0, m * m * sizeof *l->z);
  for (size_t i = 0; i < m; i++) l->z[i * m + i] = 1;
  if (!solve(l, m)) return loci__fail(error, LOCI_ERROR_INTERNAL, "the principal components did not converge");
  double *x = l->basis + m * dim; /* the last one is free now */
  for (size_t w = 0; w < l->wanted; w++) {
    memset(x, 0, dim * sizeof *x);
    for (size_t b = 0; b < m; b++) {
      const double share = l->z[b * m + l->order[w]], *q = l->basis + b * dim;
      for (size_t j = 0; j < dim; j++) x[j] += share * q[j];
    }
    size_t at = 0;
    for (size_t j = 1; j < dim; j++)
      if (fabs(x[j]) > fabs(x[at])) at = j;
    const double scale = (x[at] < 0 ? -1 : 1) / norm(x, dim);
    for (size_t j = 0; j < dim; j++) components[w * dim + j] = (float)(x[j] * scale);
    const double value = l->d[l->order[w]];
    variances[w] = value > 1e-12 * l->d[l->order[0]] && l->c->n > 1 ? value / (double)(l->c->n - 1) : 0;
  }
  return LOCI_OK;
}

static loci_status components_of(covariance *c, size_t wanted, float *components, double *variances,
                                 loci_error *error) {
  lanczos l = {.c = c, .wanted = wanted};
  l.most = STEPS > 4 * wanted + 200 ? STEPS : 4 * wanted + 200;
  if (l.most > c->dim) l.most = c->dim;
  loci__random_init(&l.random, 1);
  l.basis = loci__alloc_array(c->context, l.most + 1, c->dim * sizeof *l.basis);
  l.alpha = loci__alloc_array(c->context, l.most, 4 * sizeof *l.alpha);
  l.z = loci__alloc_array(c->context, l.most, l.most * sizeof *l.z);
  l.order = loci__alloc_array(c->context, wanted, sizeof *l.order);
  loci_status status = LOCI_OK;
  if (!l.basis || !l.alpha || !l.z || !l.order)
    status = loci__fail_memory(error, l.most * c->dim * sizeof *l.basis, "principal components");
  if (status == LOCI_OK) {
    l.beta = l.alpha + l.most;
    l.d = l.beta + l.most;
    l.e = l.d + l.most;
    status = iterate(&l, error);
  }
  if (status == LOCI_OK) status = finish(&l, components, variances, error);
  loci__free(c->context, l.basis);
  loci__free(c->context, l.alpha);
  loci__free(c->context, l.z);
  loci__free(c->context, l.order);
  return status;
}

/* ---- coordinates ---- */

typedef struct coordinates {
  const covariance *c;
  const float *components;
  size_t n_components;
  float *out;
} coordinates;

static loci_status coordinates_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const coordinates *p = arg;
  const size_t dim = p->c->dim;
  for (size_t i = task * ROWS_A_TASK; i < least((task + 1) * ROWS_A_TASK, p->c->n); i++) {
    const float *row = p->c->rows + i * dim;
    for (size_t w = 0; w < p->n_components; w++) {
      double along = 0;
      for (size_t j = 0; j < dim; j++) along += ((double)row[j] - p->c->mean[j]) * (double)p->components[w * dim + j];
      p->out[i * p->n_components + w] = (float)along;
    }
  }
  return LOCI_OK;
}

static loci_status pca(loci_context *context, const float *rows, size_t n, size_t dim, size_t wanted, float *components,
                       double *variances, double *trace, float *mean, float *out, loci_error *error) {
  covariance c = {.context = context, .kernels = loci__kernels_of(context), .rows = rows, .n = n, .dim = dim};
  loci_status status = covariance_init(&c, error);
  if (status == LOCI_OK) status = components_of(&c, wanted, components, variances, error);
  if (status == LOCI_OK && out != NULL) {
    coordinates p = {&c, components, wanted, out};
    status = loci__pool_run(context, (n + ROWS_A_TASK - 1) / ROWS_A_TASK, coordinates_task, &p, error);
  }
  if (status == LOCI_OK && mean != NULL)
    for (size_t j = 0; j < dim; j++) mean[j] = (float)c.mean[j];
  *trace = n > 1 ? c.trace / (double)(n - 1) : 0;
  covariance_release(&c);
  return status;
}

loci_status loci_pca(loci_context *context, const float *rows, size_t n, size_t dim, size_t n_components,
                     float *components, double *variances, float *mean, float *coordinates_out, loci_error *error) {
  context = loci__context_of(context);
  if (n == 0 || dim == 0 || n_components == 0 || n_components > dim)
    return loci__fail(error, LOCI_ERROR_USAGE, "%zu principal components of %zu rows of %zu numbers", n_components, n,
                      dim);
  LOCI__TRY(loci__rows_finite(context, rows, n, dim, error));
  double trace;
  return pca(context, rows, n, dim, n_components, components, variances, &trace, mean, coordinates_out, error);
}

loci_status loci__pca_plane(loci_context *context, const float *rows, size_t n, size_t dim, loci_metric metric,
                            float *xy, double explained[2], loci_error *error) {
  const size_t wanted = dim < 2 ? dim : 2;
  float *unit = NULL, *components = loci__alloc_array(context, wanted, dim * sizeof *components);
  float *line = wanted < 2 ? loci__alloc_array(context, n, sizeof *line) : NULL;
  if (metric == LOCI_METRIC_COSINE) unit = loci__alloc_array(context, n, dim * sizeof *unit);
  double variances[2] = {0}, trace = 0;
  loci_status status = LOCI_OK;
  if (!components || (wanted < 2 && !line) || (metric == LOCI_METRIC_COSINE && !unit))
    status = loci__fail_memory(error, n * dim * sizeof *unit, "principal components");
  if (status == LOCI_OK && unit != NULL) status = loci__rows_prepare(context, rows, n, dim, metric, unit, NULL, error);
  if (status == LOCI_OK)
    status =
        pca(context, unit ? unit : rows, n, dim, wanted, components, variances, &trace, NULL, line ? line : xy, error);
  for (size_t i = 0; status == LOCI_OK && line != NULL && i < n; i++) xy[2 * i] = line[i], xy[2 * i + 1] = 0;
  if (explained != NULL)
    for (int w = 0; w < 2; w++) explained[w] = trace > 0 ? variances[w] / trace : 0;
  loci__free(context, unit);
  loci__free(context, line);
  loci__free(context, components);
  return status;
}
