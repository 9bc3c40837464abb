/* model/all_but_the_top.c: word vectors without their mean and their top directions (Mu and Viswanath 2018, "All-but-the-
 * Top").
 *
 * Trained vectors share a mean and a few directions of great variance, which carry frequency rather than meaning. Taken away
 * are the mean μ of the rows and, of x − μ, the components along the D principal directions (algorithm 1 subtracts those of
 * x, which differs by one vector that is the same for all words; of x − μ the outcome has mean 0).
 *
 * The covariance is summed from blocks of BLOCK rows as products in single precision, those of PARTS fixed parts of the rows
 * in double; directions are found by subspace iteration with Rayleigh–Ritz steps (Golub and Van Loan 2013, 8.2–8.3), in double.
 * The same bits at any number of threads. Zero rows (words without a vector) and rows that hold NaN or an infinity count for
 * nothing and stay as they are.
 */
#include "../kernel/kernel.h"
#include "words.h"

#include <math.h>

enum { BLOCK = 256, PARTS = 8, SPARE = 8, ROUNDS = 300 };

typedef struct removal {
  loci_context *context;
  const loci__kernels *kernels;
  float *rows;
  size_t n, dim, width, d, n_columns;
  double *sums, *covariance; /* PARTS × dim; PARTS × dim × dim, then the whole in the first */
  size_t counts[PARTS];
  double *mean;
  float *turned, *packed, *product, *zeros; /* a worker each: dim × BLOCK, width × BLOCK, dim × width; width */
  double *basis, *image, *small, *vectors;  /* n_columns × dim twice; n_columns² twice */
  double *values;
} removal;

static bool is_point(const float *x, size_t n) {
  bool zero = true;
  for (size_t j = 0; j < n; j++) {
    if (!isfinite(x[j])) return false;
    zero &= x[j] == 0;
  }
  return !zero;
}

static void part_of(const removal *r, size_t part, size_t *first, size_t *last) {
  const size_t n_blocks = (r->n + BLOCK - 1) / BLOCK, each = (n_blocks + PARTS - 1) / PARTS;
  *first = part * each * BLOCK < r->n ? part * each * BLOCK : r->n;
  *last = (part + 1) * each * BLOCK < r->n ? (part + 1) * each * BLOCK : r->n;
}

static loci_status sum_task(void *arg, size_t part, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  removal *r = arg;
  size_t first, last;
  part_of(r, part, &first, &last);
  double *sum = r->sums + part * r->dim;
  memset(sum, 0, r->dim * sizeof *sum);
  r->counts[part] = 0;
  for (size_t i = first; i < last; i++) {
    const float *x = r->rows + i * r->dim;
    if (!is_point(x, r->dim)) continue;
    r->counts[part]++;
    for (size_t j = 0; j < r->dim; j++) sum[j] += (double)x[j];
  }
  return LOCI_OK;
}

/* xᵀ·x of a block: its columns, about the mean, are the rows of both sides of the product. */
static loci_status covariance_task(void *arg, size_t part, size_t worker, loci_error *error) {
  (void)error;
  const removal *r = arg;
  const size_t dim = r->dim;
  float *turned = r->turned + worker * dim * BLOCK, *packed = r->packed + worker * r->width * BLOCK;
  float *product = r->product + worker * dim * r->width;
  double *covariance = r->covariance + part * dim * dim;
  size_t first, last;
  part_of(r, part, &first, &last);
  memset(covariance, 0, dim * dim * sizeof *covariance);
  for (size_t at = first; at < last; at += BLOCK) {
    const size_t count = last - at < BLOCK ? last - at : BLOCK;
    memset(turned, 0, dim * BLOCK * sizeof *turned);
    for (size_t i = 0; i < count; i++) {
      const float *x = r->rows + (at + i) * dim;
      if (!is_point(x, dim)) continue;
      for (size_t j = 0; j < dim; j++) turned[j * BLOCK + i] = (float)((double)x[j] - r->mean[j]);
    }
    memset(packed, 0, r->width * BLOCK * sizeof *packed);
    loci__gemm_pack(r->kernels, turned, BLOCK, dim, BLOCK, NULL, 0, BLOCK, packed);
    r->kernels->gemm_f32(&(loci__gemm){.x = turned,
                                       .x_stride = BLOCK,
                                       .m = dim,
                                       .packed = packed,
                                       .n = r->width,
                                       .k = BLOCK,
                                       .bias = r->zeros,
                                       .activation = LOCI__KERNEL_IDENTITY,
                                       .y = product,
                                       .y_stride = r->width});
    for (size_t j = 0; j < dim; j++)
      for (size_t k = 0; k < dim; k++) covariance[j * dim + k] += (double)product[j * r->width + k];
  }
  return LOCI_OK;
}

static double dot(const double *a, const double *b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* Gram–Schmidt, each twice. A column that vanishes (the rank is used up) becomes zero. */
static void orthonormalize(double *columns, size_t n, size_t dim) {
  for (size_t c = 0; c < n; c++) {
    double *x = columns + c * dim;
    const double before = sqrt(dot(x, x, dim));
    for (int pass = 0; pass < 2; pass++)
      for (size_t k = 0; k < c; k++) {
        const double *other = columns + k * dim, along = dot(x, other, dim);
        for (size_t j = 0; j < dim; j++) x[j] -= along * other[j];
      }
    const double length = sqrt(dot(x, x, dim));
    const double scale = length > 1e-13 * before && length > 0 ? 1 / length : 0;
    for (size_t j = 0; j < dim; j++) x[j] *= scale;
  }
}

/* Jacobi's rotations (Golub and Van Loan 2013, 8.5): a becomes diagonal, v's rows its eigenvectors. */
static void diagonalize(double *a, double *v, size_t n) {
  for (size_t i = 0; i < n * n; i++) v[i] = i / n == i % n;
  for (int sweep = 0; sweep < 60; sweep++) {
    double off = 0, all = 0;
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < n; j++) {
        all += a[i * n + j] * a[i * n + j];
        if (i != j) off += a[i * n + j] * a[i * n + j];
      }
    if (!(off > 1e-30 * all)) break;
    for (size_t p = 0; p < n; p++)
      for (size_t q = p + 1; q < n; q++) {
        if (a[p * n + q] == 0) continue;
        const double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
        const double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1),
                     s = t * c;
        for (size_t k = 0; k < n; k++) {
          const double x = a[k * n + p], y = a[k * n + q];
          a[k * n + p] = c * x - s * y;
          a[k * n + q] = s * x + c * y;
        }
        for (size_t k = 0; k < n; k++) {
          const double x = a[p * n + k], y = a[q * n + k];
          a[p * n + k] = c * x - s * y;
          a[q * n + k] = s * x + c * y;
          const double u = v[p * n + k], w = v[q * n + k];
          v[p * n + k] = c * u - s * w;
          v[q * n + k] = s * u + c * w;
        }
      }
  }
}

/* image = covariance · basis, column by column; both are kept as rows. */
static void multiply(const removal *r) {
  for (size_t c = 0; c < r->n_columns; c++)
    for (size_t j = 0; j < r->dim; j++)
      r->image[c * r->dim + j] = dot(r->covariance + j * r->dim, r->basis + c * r->dim, r->dim);
}

/* basis: its first d columns become eigenvectors, greatest first. Directions whose variances hardly differ may still be
 * turned among each other after the last round: then one is as good as the other. */
static void find_directions(removal *r) {
  const size_t m = r->n_columns, dim = r->dim;
  loci__random random;
  loci__random_init(&random, 1);
  for (size_t i = 0; i < m * dim; i++) r->basis[i] = loci__random_normal(&random);
  orthonormalize(r->basis, m, dim);
  for (int round = 0; round < ROUNDS; round++) {
    multiply(r);
    for (size_t i = 0; i < m; i++)
      for (size_t k = 0; k < m; k++) r->small[i * m + k] = dot(r->basis + i * dim, r->image + k * dim, dim);
    for (size_t i = 0; i < m; i++)
      for (size_t k = 0; k < i; k++)
        r->small[i * m + k] = r->small[k * m + i] = (r->small[i * m + k] + r->small[k * m + i]) / 2;
    diagonalize(r->small, r->vectors, m);
    /* Ritz vectors and their images, greatest value first; `taken` by setting a value to −1. */
    double *turned = r->values + m;
    double worst = 0, top = 0;
    for (size_t j = 0; j < dim; j++) {
      for (size_t c = 0; c < m; c++) turned[c] = r->basis[c * dim + j], turned[m + c] = r->image[c * dim + j];
      for (size_t c = 0; c < m; c++) {
        r->basis[c * dim + j] = dot(r->vectors + c * m, turned, m);
        r->image[c * dim + j] = dot(r->vectors + c * m, turned + m, m);
      }
    }
    for (size_t c = 0; c < m; c++) r->values[c] = r->small[c * m + c];
    for (size_t c = 0; c + 1 < m; c++) {
      size_t best = c;
      for (size_t k = c + 1; k < m; k++)
        if (r->values[k] > r->values[best]) best = k;
      const double t = r->values[c];
      r->values[c] = r->values[best], r->values[best] = t;
      for (size_t j = 0; j < dim && best != c; j++) {
        const double x = r->basis[c * dim + j], y = r->image[c * dim + j];
        r->basis[c * dim + j] = r->basis[best * dim + j], r->basis[best * dim + j] = x;
        r->image[c * dim + j] = r->image[best * dim + j], r->image[best * dim + j] = y;
      }
    }
    top = r->values[0];
    for (size_t c = 0; c < r->d; c++) {
      double residual = 0;
      for (size_t j = 0; j < dim; j++) {
        const double t = r->image[c * dim + j] - r->values[c] * r->basis[c * dim + j];
        residual += t * t;
      }
      if (residual > worst) worst = residual;
    }
    if (!(sqrt(worst) > 1e-9 * top)) return;
    memcpy(r->basis, r->image, m * dim * sizeof *r->basis);
    orthonormalize(r->basis, m, dim);
  }
}

static loci_status remove_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const removal *r = arg;
  const size_t first = task * BLOCK, last = first + BLOCK < r->n ? first + BLOCK : r->n;
  for (size_t i = first; i < last; i++) {
    float *x = r->rows + i * r->dim;
    if (!is_point(x, r->dim)) continue;
    for (size_t j = 0; j < r->dim; j++) x[j] = (float)((double)x[j] - r->mean[j]);
    for (size_t c = 0; c < r->d; c++) {
      const double *u = r->basis + c * r->dim;
      double along = 0;
      for (size_t j = 0; j < r->dim; j++) along += (double)x[j] * u[j];
      for (size_t j = 0; j < r->dim; j++) x[j] = (float)((double)x[j] - along * u[j]);
    }
  }
  return LOCI_OK;
}

static loci_status work(removal *r, double *share, loci_error *error) {
  const size_t dim = r->dim;
  LOCI__TRY(loci__pool_run(r->context, PARTS, sum_task, r, error));
  size_t n = 0;
  memset(r->mean, 0, dim * sizeof *r->mean);
  for (size_t p = 0; p < PARTS; p++) {
    n += r->counts[p];
    for (size_t j = 0; j < dim; j++) r->mean[j] += r->sums[p * dim + j];
  }
  if (n == 0) return LOCI_OK;
  for (size_t j = 0; j < dim; j++) r->mean[j] /= (double)n;
  if (r->d > 0) {
    LOCI__TRY(loci__pool_run(r->context, PARTS, covariance_task, r, error));
    double trace = 0;
    for (size_t p = 1; p < PARTS; p++)
      for (size_t i = 0; i < dim * dim; i++) r->covariance[i] += r->covariance[p * dim * dim + i];
    for (size_t j = 0; j < dim; j++) trace += r->covariance[j * dim + j];
    if (!isfinite(trace))
      return loci__fail(error, LOCI_ERROR_FORMAT, "vectors whose squares are beyond single precision have no variance");
    find_directions(r);
    for (size_t c = 0; c < r->d && share; c++) share[c] = trace > 0 ? r->values[c] / trace : 0;
  }
  return loci__pool_run(r->context, (r->n + BLOCK - 1) / BLOCK, remove_task, r, error);
}

loci_status loci__all_but_the_top(loci_context *context, float *rows, size_t n, size_t dim, size_t d, double *share,
                                  loci_error *error) {
  if (d >= dim)
    return loci__fail(error, LOCI_ERROR_USAGE, "of %zu dimensions at most %zu directions can be taken away", dim,
                      dim ? dim - 1 : 0);
  removal r = {.context = context, .kernels = loci__kernels_of(context), .rows = rows, .n = n, .dim = dim, .d = d};
  const size_t workers = loci__pool_size(context);
  r.width = loci__panels(r.kernels, dim);
  r.n_columns = d + SPARE < dim ? d + SPARE : dim;
  size_t squares;
  r.sums = loci__alloc_array(context, PARTS, dim * sizeof *r.sums);
  r.mean = loci__alloc_array(context, dim, sizeof *r.mean);
  if (loci__mul(dim, PARTS * dim, &squares)) r.covariance = loci__alloc_array(context, squares, sizeof *r.covariance);
  r.turned = loci__alloc_aligned(context, workers * dim * BLOCK * sizeof *r.turned);
  r.packed = loci__alloc_aligned(context, workers * r.width * BLOCK * sizeof *r.packed);
  r.product = loci__alloc_aligned(context, workers * dim * r.width * sizeof *r.product);
  r.zeros = loci__alloc_aligned(context, r.width * sizeof *r.zeros);
  r.basis = loci__alloc_array(context, r.n_columns, dim * sizeof *r.basis);
  r.image = loci__alloc_array(context, r.n_columns, dim * sizeof *r.image);
  r.small = loci__alloc_array(context, r.n_columns, r.n_columns * sizeof *r.small);
  r.vectors = loci__alloc_array(context, r.n_columns, r.n_columns * sizeof *r.vectors);
  r.values = loci__alloc_array(context, r.n_columns, 3 * sizeof *r.values);
  loci_status status = LOCI_OK;
  if (!r.sums || !r.mean || !r.covariance || !r.turned || !r.packed || !r.product || !r.zeros || !r.basis || !r.image ||
      !r.small || !r.vectors || !r.values) {
    status = loci__fail_memory(error, PARTS * dim * dim * sizeof *r.covariance, "a covariance");
  } else {
    memset(r.zeros, 0, r.width * sizeof *r.zeros);
    status = work(&r, share, error);
  }
  void *const memory[] = {r.sums, r.mean, r.covariance, r.basis, r.image, r.small, r.vectors, r.values};
  for (size_t i = 0; i < LOCI__COUNT(memory); i++) loci__free(context, memory[i]);
  float *const aligned[] = {r.turned, r.packed, r.product, r.zeros};
  for (size_t i = 0; i < LOCI__COUNT(aligned); i++) loci__free_aligned(context, aligned[i]);
  return status;
}
