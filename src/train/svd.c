/* train/svd.c: the greatest singular values and vectors of a sparse matrix.
 *
 * Method: block Krylov–Schur (thick-restart Lanczos: Wu and Simon 2000; block form: Zhou and Saad 2008) on the Gram matrix
 * of the smaller side, G = FᵀF, with full orthogonalisation, in double precision. Against the randomised subspace iteration
 * (Halko, Martinsson, Tropp 2011) that the field uses for this: the same sparse products build one space of all powers
 * instead of keeping the last, which is worth orders of magnitude in accuracy (Musco and Musco 2015), so fewer products are
 * needed; and it can tell when it is done: the residual of a Ritz pair is known without a further product. Against
 * ARPACK's: 32 columns at a time make every step a matrix product that runs at the processor's rate.
 *
 * A step: z = G·q for the last block q (two sparse products); z is orthogonalised against the last two blocks, then against
 * all (what Lanczos' recurrence gives, then what rounding put back: together "twice is enough"), in three sweeps over the
 * basis; z = q'·r by Cholesky QR, twice (Yamamoto et al. 2015). The coefficients are the projected matrix T = QᵀGQ. A
 * check solves T's eigenproblem: the pair (θ, Qw) has the residual ‖r·w_last‖. Ritz values err by the square of it, so
 * a pair is done when residual² ≤ tolerance/2 · θ² (less after a restart). When the basis is full it is replaced by its best Ritz vectors, and the
 * block in work goes on from there.
 *
 * A column that vanishes (the space is invariant: low rank) is replaced by a random one with a zero in r; when the values
 * found add up to the matrix's sum of squares nothing is left to find. A side of up to some thousand rows is solved whole.
 *
 * The sparse products run in single precision when the tolerance allows it (from 1e-6 on): they are bound by the bytes they
 * read. Their rounding is noise without direction, of which a singular vector sees the share 1/√n; orthogonality, the
 * projected matrix and its eigenproblem are double throughout, and the values that are given are ‖A·v‖ in double, whose
 * error is quadratic in the vector's.
 *
 * Values under 3e-7 of the greatest cannot be told from 0 by way of G, and count as 0.
 */
#include "lsa.h"

#include "../kernel/kernel.h"

#include <math.h>

enum {
  BLOCK = LOCI__BLOCK,
  SQUARE = BLOCK * BLOCK,
  CHUNK = 64,        /* rows of two blocks that stay in the first-level cache during a sweep: 2 × 16 KB */
  MOST_SLICES = 64,  /* tasks of a sweep: each has sums of its own */
  DENSE_ROWS = 1024, /* solved whole up to here, */
  DENSE_MOST = 8192  /* and up to here when the rank is a great share of it */
};

static const double zero_share = 3e-7; /* of the greatest singular value: what counts as 0 */

/* A restarted space gains little a step, so a step's gain says less of what is still missing: measured on 50,000 documents,
 * rank 300, a wanted 1e-5 came out as 1.1e-4 after a restart and as 8e-7 without. */
static const double restarted_share = 1.0 / 200;

typedef struct krylov {
  loci_context *context;
  const loci__kernels *kernels;
  const loci__svd_options *options;
  const loci__sparse *there, *back; /* other = there·basis, basis = back·other */
  size_t n, n_other, rank;
  double tolerance, sum_squares;
  size_t slice_rows, n_slices;
  size_t max_blocks;            /* then comes a restart */
  double **blocks;              /* max_blocks + 1 of n × BLOCK */
  size_t n_blocks;              /* whole ones; blocks[n_blocks] is next, orthonormal to them */
  bool whole;                   /* a restart was just made: the next block meets every one before it */
  double *z, *other;            /* n × BLOCK, n_other × BLOCK */
  float *single, *single_other; /* the same for products in single precision, or NULL */
  double *partial;              /* n_slices × (max_blocks + 1) × SQUARE */
  double *sums, *coefficients;
  double *projected, coupling[SQUARE];
  double *vectors, *values; /* of the last check; row i belongs to value i */
  double greatest;          /* column norm of G·q met: the scale of what counts as nothing */
  size_t n_products, n_restarts, next_check;
  loci__random random;
} krylov;

/* ---- sweeps over the basis ------------------------------------------------------------------------- */

typedef struct sweep {
  const krylov *k;
  double *z;
  bool zero;             /* z = 0 first */
  double *const *update; /* z −= update[i]·coefficients[i] */
  size_t n_update;
  const double *coefficients;
  double *const *inner; /* sums[i] = inner[i]ᵀ·z; z itself may be among them */
  size_t n_inner;
} sweep;

static loci_status sweep_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const sweep *s = arg;
  const krylov *k = s->k;
  const size_t first = task * k->slice_rows, last = first + k->slice_rows < k->n ? first + k->slice_rows : k->n;
  double *sums = k->partial + task * (k->max_blocks + 1) * SQUARE;
  memset(sums, 0, s->n_inner * SQUARE * sizeof *sums);
  for (size_t row = first; row < last; row += CHUNK) {
    const size_t n = last - row < CHUNK ? last - row : CHUNK, at = row * BLOCK;
    if (s->zero) memset(s->z + at, 0, n * BLOCK * sizeof *s->z);
    for (size_t i = 0; i < s->n_update; i++)
      k->kernels->block_update_f64(s->update[i] + at, s->coefficients + i * SQUARE, n, s->z + at);
    for (size_t i = 0; i < s->n_inner; i++)
      k->kernels->block_inner_f64(s->inner[i] + at, s->z + at, n, sums + i * SQUARE);
  }
  return LOCI_OK;
}

static loci_status run_sweep(krylov *k, const sweep *s, loci_error *error) {
  LOCI__TRY(loci__pool_run(k->context, k->n_slices, sweep_task, (void *)(uintptr_t)s, error));
  memset(k->sums, 0, s->n_inner * SQUARE * sizeof *k->sums);
  for (size_t slice = 0; slice < k->n_slices; slice++) {
    const double *from = k->partial + slice * (k->max_blocks + 1) * SQUARE;
    for (size_t i = 0; i < s->n_inner * SQUARE; i++) k->sums[i] += from[i];
  }
  return LOCI_OK;
}

/* ---- small matrices --------------------------------------------------------------------------------- */

/* gram = rᵀ·r, r upper triangular; false when a column is nothing, or nearly a combination of those before it. */
static bool cholesky(const double *gram, double least_square, double *r) {
  memset(r, 0, SQUARE * sizeof *r);
  for (size_t j = 0; j < BLOCK; j++) {
    double pivot = gram[j * BLOCK + j];
    for (size_t i = 0; i < j; i++) pivot -= r[i * BLOCK + j] * r[i * BLOCK + j];
    if (!(pivot > 1e-10 * gram[j * BLOCK + j]) || !(pivot > least_square)) return false;
    const double root = sqrt(pivot);
    r[j * BLOCK + j] = root;
    for (size_t c = j + 1; c < BLOCK; c++) {
      double sum = gram[j * BLOCK + c];
      for (size_t i = 0; i < j; i++) sum -= r[i * BLOCK + j] * r[i * BLOCK + c];
      r[j * BLOCK + c] = sum / root;
    }
  }
  return true;
}

/* out = −r⁻¹, upper triangular. */
static void minus_inverse(const double *r, double *out) {
  memset(out, 0, SQUARE * sizeof *out);
  for (size_t j = 0; j < BLOCK; j++) {
    out[j * BLOCK + j] = -1.0 / r[j * BLOCK + j];
    for (size_t i = j; i-- > 0;) {
      double sum = 0;
      for (size_t t = i + 1; t <= j; t++) sum += r[i * BLOCK + t] * out[t * BLOCK + j];
      out[i * BLOCK + j] = -sum / r[i * BLOCK + i];
    }
  }
}

/* a = a·b for upper triangular ones: r of the second factorisation times r of the first is a = second·first. */
static void multiply_square(const double *a, const double *b, double *out) {
  for (size_t i = 0; i < BLOCK; i++) {
    for (size_t j = 0; j < BLOCK; j++) {
      double sum = 0;
      for (size_t t = 0; t < BLOCK; t++) sum += a[i * BLOCK + t] * b[t * BLOCK + j];
      out[i * BLOCK + j] = sum;
    }
  }
}

/* ---- an orthonormal block ----------------------------------------------------------------------------- */

static void fill_random(krylov *k, double *block, size_t column) {
  for (size_t i = 0; i < k->n; i++) block[i * BLOCK + column] = loci__random_unit(&k->random) - 0.5;
}

/* Gram–Schmidt within a block, twice a column; a column that is nothing becomes random (*replaced), its diagonal of r 0.
 * The rare way: one thread. r may be NULL. */
static void orthonormalise_slowly(krylov *k, double *block, double least, double *r, bool *replaced) {
  if (r != NULL) memset(r, 0, SQUARE * sizeof *r);
  for (size_t j = 0; j < BLOCK; j++) {
    for (bool random = false;;) {
      double before = 0, after = 0;
      for (size_t i = 0; i < k->n; i++) before += block[i * BLOCK + j] * block[i * BLOCK + j];
      for (int turn = 0; turn < 2; turn++) {
        for (size_t c = 0; c < j; c++) {
          double dot = 0;
          for (size_t i = 0; i < k->n; i++) dot += block[i * BLOCK + c] * block[i * BLOCK + j];
          for (size_t i = 0; i < k->n; i++) block[i * BLOCK + j] -= dot * block[i * BLOCK + c];
          if (r != NULL && !random) r[c * BLOCK + j] += dot;
        }
      }
      for (size_t i = 0; i < k->n; i++) after += block[i * BLOCK + j] * block[i * BLOCK + j];
      const double norm = sqrt(after);
      if (random ? norm > 0 : norm > least && norm > 1e-8 * sqrt(before)) {
        for (size_t i = 0; i < k->n; i++) block[i * BLOCK + j] /= norm;
        if (r != NULL && !random) r[j * BLOCK + j] = norm;
        break;
      }
      random = *replaced = true;
      fill_random(k, block, j);
    }
  }
}

/* k->z, whose Gram matrix is `gram`, = blocks[to]·r. */
static loci_status orthonormalise(krylov *k, const double *gram, size_t to, double *r, loci_error *error) {
  const double least = 1e-13 * k->greatest;
  double first[SQUARE], second[SQUARE];
  if (cholesky(gram, least * least, first)) {
    minus_inverse(first, second);
    double *block = k->blocks[to], *z = k->z;
    sweep s = {.k = k,
               .z = block,
               .zero = true,
               .update = &z,
               .n_update = 1,
               .coefficients = second,
               .inner = &block,
               .n_inner = 1};
    LOCI__TRY(run_sweep(k, &s, error));
    if (cholesky(k->sums, 0, second)) {
      double inverse[SQUARE];
      multiply_square(second, first, r);
      minus_inverse(second, inverse);
      sweep again = {.k = k, .z = k->z, .zero = true, .update = &block, .n_update = 1, .coefficients = inverse};
      LOCI__TRY(run_sweep(k, &again, error));
      k->blocks[to] = k->z;
      k->z = block;
      return LOCI_OK;
    }
  }
  bool replaced = false;
  orthonormalise_slowly(k, k->z, least, r, &replaced);
  /* What was divided by a small norm, or is random, has parts of the basis again. */
  for (int turn = 0; turn < 2 && k->n_blocks > 0; turn++) {
    sweep inner = {.k = k, .z = k->z, .inner = k->blocks, .n_inner = k->n_blocks};
    LOCI__TRY(run_sweep(k, &inner, error));
    memcpy(k->coefficients, k->sums, k->n_blocks * SQUARE * sizeof *k->sums);
    sweep update = {.k = k, .z = k->z, .update = k->blocks, .n_update = k->n_blocks, .coefficients = k->coefficients};
    LOCI__TRY(run_sweep(k, &update, error));
    bool ignored = false;
    orthonormalise_slowly(k, k->z, 0, NULL, &ignored);
  }
  double *block = k->blocks[to];
  k->blocks[to] = k->z;
  k->z = block;
  return LOCI_OK;
}

/* ---- steps ---------------------------------------------------------------------------------------------- */

static loci_status single_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const sweep *s = arg;
  const krylov *k = s->k;
  const size_t first = task * k->slice_rows, last = first + k->slice_rows < k->n ? first + k->slice_rows : k->n;
  for (size_t i = first * BLOCK; i < last * BLOCK; i++) k->single[i] = (float)s->z[i];
  return LOCI_OK;
}

/* y = G·x */
static loci_status apply(krylov *k, double *x, double *y, loci_error *error) {
  if (k->single != NULL) {
    sweep s = {.k = k, .z = x};
    LOCI__TRY(loci__pool_run(k->context, k->n_slices, single_task, &s, error));
    LOCI__TRY(loci__sparse_multiply_f32(k->there, k->single, k->single_other, NULL, error));
    LOCI__TRY(loci__sparse_multiply_f32(k->back, k->single_other, NULL, y, error));
    k->n_products++;
    return LOCI_OK;
  }
  LOCI__TRY(loci__sparse_multiply(k->there, x, k->other, error));
  LOCI__TRY(loci__sparse_multiply(k->back, k->other, y, error));
  k->n_products++;
  return LOCI_OK;
}

static size_t columns_of(const krylov *k) {
  return k->max_blocks * BLOCK;
}

/* T's blocks (i, j) and (j, i) += c, for c = Q_iᵀ·G·q_j. */
static void put_projected(krylov *k, size_t i, size_t j, const double *c) {
  const size_t width = columns_of(k);
  for (size_t a = 0; a < BLOCK; a++) {
    for (size_t b = 0; b < BLOCK; b++) {
      if (i == j) {
        k->projected[(i * BLOCK + a) * width + j * BLOCK + b] += (c[a * BLOCK + b] + c[b * BLOCK + a]) / 2;
      } else {
        k->projected[(i * BLOCK + a) * width + j * BLOCK + b] += c[a * BLOCK + b];
        k->projected[(j * BLOCK + b) * width + i * BLOCK + a] += c[a * BLOCK + b];
      }
    }
  }
}

/* Takes blocks[n_blocks] into the basis and makes the next one. */
static loci_status step(krylov *k, loci_error *error) {
  const size_t now = k->n_blocks, width = columns_of(k);
  LOCI__TRY(apply(k, k->blocks[now], k->z, error));
  for (size_t a = 0; a < BLOCK; a++) {
    for (size_t j = 0; j < width; j++) {
      k->projected[(now * BLOCK + a) * width + j] = 0;
      k->projected[j * width + now * BLOCK + a] = 0;
    }
  }
  k->n_blocks++;
  const size_t first = k->whole || now == 0 ? 0 : now - 1, n_near = now + 1 - first;
  k->whole = false;

  /* The last inner product of the first sweep is zᵀ·z, for the scale. */
  double *near[3] = {0}, **list = near;
  if (n_near > 2) list = k->blocks;
  else
    for (size_t i = 0; i < n_near; i++) near[i] = k->blocks[first + i];
  sweep local = {.k = k, .z = k->z, .inner = list, .n_inner = n_near};
  LOCI__TRY(run_sweep(k, &local, error));
  memcpy(k->coefficients, k->sums, n_near * SQUARE * sizeof *k->sums);
  for (size_t i = 0; i < n_near; i++) put_projected(k, first + i, now, k->coefficients + i * SQUARE);
  for (size_t a = 0; a < BLOCK; a++) {
    const double size = fabs(k->coefficients[(n_near - 1) * SQUARE + a * BLOCK + a]);
    if (size > k->greatest) k->greatest = size;
  }
  sweep all = {.k = k,
               .z = k->z,
               .update = list,
               .n_update = n_near,
               .coefficients = k->coefficients,
               .inner = k->blocks,
               .n_inner = k->n_blocks};
  LOCI__TRY(run_sweep(k, &all, error));
  memcpy(k->coefficients, k->sums, k->n_blocks * SQUARE * sizeof *k->sums);
  for (size_t i = 0; i < k->n_blocks; i++) put_projected(k, i, now, k->coefficients + i * SQUARE);
  double *z = k->z;
  sweep last = {.k = k,
                .z = k->z,
                .update = k->blocks,
                .n_update = k->n_blocks,
                .coefficients = k->coefficients,
                .inner = &z,
                .n_inner = 1};
  LOCI__TRY(run_sweep(k, &last, error));
  double gram[SQUARE];
  memcpy(gram, k->sums, sizeof gram);
  return orthonormalise(k, gram, k->n_blocks, k->coupling, error);
}

/* Ritz values and the vectors of T; *done when the first `rank` are as good as was asked for. */
static loci_status check(krylov *k, bool *done, loci_error *error) {
  const size_t m = k->n_blocks * BLOCK, width = columns_of(k);
  for (size_t i = 0; i < m; i++) memcpy(k->vectors + i * m, k->projected + i * width, m * sizeof *k->vectors);
  LOCI__TRY(loci__eigen_divide(k->context, m, k->vectors, k->values, error));
  double total = 0;
  for (size_t i = 0; i < m; i++) total += k->values[i] > 0 ? k->values[i] : 0;
  *done = total >= k->sum_squares * (1 - 1e-12) && m >= k->rank;
  if (*done || m < k->rank) return LOCI_OK;
  const double floor = 1e-12 * k->values[0];
  const double share = sqrt(k->tolerance / 2 * (k->n_restarts > 0 ? restarted_share : 1));
  for (size_t i = 0; i < k->rank; i++) {
    double square = 0;
    const double *last = k->vectors + i * m + m - BLOCK;
    for (size_t a = 0; a < BLOCK; a++) {
      double sum = 0;
      for (size_t b = a; b < BLOCK; b++) sum += k->coupling[a * BLOCK + b] * last[b];
      square += sum * sum;
    }
    const double limit = k->values[i] > 0 ? k->values[i] * share : 0;
    if (square > limit * limit && square > floor * floor) return LOCI_OK;
  }
  *done = true;
  return LOCI_OK;
}

/* ---- Ritz vectors in the basis' place -------------------------------------------------------------------- */

typedef struct rotation {
  const krylov *k;
  size_t n_from, n_to;
  double *minus; /* n_to × n_from squares: −W */
  double *scratch;
} rotation;

static loci_status rotate_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  const rotation *r = arg;
  const krylov *k = r->k;
  const size_t row = task * CHUNK, n = k->n - row < CHUNK ? k->n - row : CHUNK, at = row * BLOCK;
  double *out = r->scratch + worker * r->n_to * CHUNK * BLOCK;
  memset(out, 0, r->n_to * CHUNK * BLOCK * sizeof *out);
  for (size_t j = 0; j < r->n_to; j++) {
    for (size_t i = 0; i < r->n_from; i++)
      k->kernels->block_update_f64(k->blocks[i] + at, r->minus + (j * r->n_from + i) * SQUARE, n,
                                   out + j * CHUNK * BLOCK);
  }
  for (size_t j = 0; j < r->n_to; j++) memcpy(k->blocks[j] + at, out + j * CHUNK * BLOCK, n * BLOCK * sizeof *out);
  return LOCI_OK;
}

/* The first n_to · BLOCK Ritz vectors (zeros past the last) become blocks 0…n_to−1. */
static loci_status rotate(krylov *k, size_t n_to, loci_error *error) {
  const size_t n_from = k->n_blocks, m = n_from * BLOCK;
  rotation r = {.k = k, .n_from = n_from, .n_to = n_to};
  r.minus = loci__alloc_array(k->context, n_from * n_to, SQUARE * sizeof *r.minus);
  r.scratch = loci__alloc_array(k->context, loci__pool_size(k->context) * n_to, CHUNK * BLOCK * sizeof *r.scratch);
  loci_status status = LOCI_OK;
  if (r.minus == NULL || r.scratch == NULL) {
    status = loci__fail_memory(error, n_from * n_to * SQUARE * sizeof *r.minus, "singular vectors");
  } else {
    for (size_t j = 0; j < n_to; j++) {
      for (size_t i = 0; i < n_from; i++) {
        double *square = r.minus + (j * n_from + i) * SQUARE;
        for (size_t a = 0; a < BLOCK; a++) {
          for (size_t b = 0; b < BLOCK; b++) {
            const size_t vector = j * BLOCK + b;
            square[a * BLOCK + b] = vector < m ? -k->vectors[vector * m + i * BLOCK + a] : 0;
          }
        }
      }
    }
    status = loci__pool_run(k->context, (k->n + CHUNK - 1) / CHUNK, rotate_task, &r, error);
  }
  loci__free(k->context, r.minus);
  loci__free(k->context, r.scratch);
  return status;
}

static loci_status restart(krylov *k, loci_error *error) {
  /* Enough beside the wanted ones for those to go on converging, and room for a few steps. */
  size_t keep = (k->rank + BLOCK - 1) / BLOCK + 2;
  if (keep + 4 > k->max_blocks) keep = k->max_blocks - 4;
  LOCI__TRY(rotate(k, keep, error));
  double *next = k->blocks[k->n_blocks];
  k->blocks[k->n_blocks] = k->blocks[keep];
  k->blocks[keep] = next;
  const size_t width = columns_of(k);
  memset(k->projected, 0, width * width * sizeof *k->projected);
  for (size_t i = 0; i < keep * BLOCK; i++) k->projected[i * width + i] = k->values[i];
  k->n_blocks = keep;
  k->n_restarts++;
  k->whole = true;
  return LOCI_OK;
}

/* ---- a run ------------------------------------------------------------------------------------------------ */

static size_t default_blocks(size_t rank) {
  return (rank * 4 + BLOCK - 1) / BLOCK + 4;
}

static bool is_dense(size_t n, size_t rank, size_t max_blocks) {
  return n <= DENSE_ROWS || (n <= DENSE_MOST && max_blocks * BLOCK > n / 4 * 3) || rank > n / 2;
}

static loci_status iterate(krylov *k, loci_error *error) {
  const loci__svd_options *o = k->options;
  loci__svd_state state = {.block_rows = k->n,
                           .blocks = k->blocks,
                           .projected = k->projected,
                           .coupling = k->coupling,
                           .capacity = columns_of(k)};
  if (o->load != NULL) LOCI__TRY(o->load(o->arg, &state, error));
  if (state.n_blocks > 0) {
    k->n_blocks = state.n_blocks - 1;
    k->n_restarts = state.generation;
    k->n_products = (size_t)state.counters[0];
    k->next_check = (size_t)state.counters[1];
    k->greatest = state.counters[2];
    k->whole = state.counters[3] != 0;
    for (size_t i = 0; i < 4; i++) {
      k->random.s[i] = (uint64_t)0;
      memcpy(&k->random.s[i], &state.counters[4 + i], sizeof k->random.s[i]);
    }
  } else {
    for (size_t j = 0; j < BLOCK; j++) fill_random(k, k->z, j);
    double *z = k->z;
    sweep s = {.k = k, .z = k->z, .inner = &z, .n_inner = 1};
    LOCI__TRY(run_sweep(k, &s, error));
    double gram[SQUARE], r[SQUARE];
    memcpy(gram, k->sums, sizeof gram);
    LOCI__TRY(orthonormalise(k, gram, 0, r, error));
    k->next_check = (2 * k->rank + BLOCK - 1) / BLOCK + 1;
  }
  for (bool done = false; !done;) {
    LOCI__TRY(step(k, error));
    if (o->meter != NULL && o->keep == NULL) LOCI__TRY(loci__meter_at(o->meter, k->n_products, NULL, error));
    if (k->n_blocks >= k->next_check || k->n_blocks == k->max_blocks) {
      LOCI__TRY(check(k, &done, error));
      if (done) break;
      if (k->n_restarts > 200)
        return loci__fail(error, LOCI_ERROR_INTERNAL, "the singular values did not converge in %zu restarts",
                          k->n_restarts);
      const size_t more = k->n_blocks / 8;
      k->next_check = k->n_blocks + (more > 2 ? more : 2);
      if (k->n_blocks == k->max_blocks) {
        LOCI__TRY(restart(k, error));
        k->next_check = k->n_blocks + (more > 2 ? more : 2);
      }
    }
    if (o->keep != NULL) {
      state.n_blocks = k->n_blocks + 1;
      state.generation = k->n_restarts;
      state.counters[0] = (double)k->n_products;
      state.counters[1] = (double)k->next_check;
      state.counters[2] = k->greatest;
      state.counters[3] = k->whole;
      for (size_t i = 0; i < 4; i++) memcpy(&state.counters[4 + i], &k->random.s[i], sizeof k->random.s[i]);
      LOCI__TRY(o->keep(o->arg, &state, error));
    }
  }
  return rotate(k, (k->rank + BLOCK - 1) / BLOCK, error);
}

/* G whole, column block by column block. */
static loci_status solve_whole(krylov *k, loci_error *error) {
  const size_t n = k->n;
  double *unit = k->blocks[0];
  for (size_t j = 0; j < n; j += BLOCK) {
    const size_t width = n - j < BLOCK ? n - j : BLOCK;
    memset(unit, 0, n * BLOCK * sizeof *unit);
    for (size_t c = 0; c < width; c++) unit[(j + c) * BLOCK + c] = 1;
    LOCI__TRY(apply(k, unit, k->z, error));
    for (size_t i = 0; i < n; i++) memcpy(k->vectors + i * n + j, k->z + i * BLOCK, width * sizeof *k->vectors);
    if (k->options->meter != NULL) LOCI__TRY(loci__meter_at(k->options->meter, k->n_products, NULL, error));
  }
  LOCI__TRY(loci__eigen_divide(k->context, n, k->vectors, k->values, error));
  const size_t n_blocks = (k->rank + BLOCK - 1) / BLOCK;
  for (size_t b = 0; b < n_blocks; b++) {
    for (size_t c = 0; c < BLOCK; c++) {
      const size_t vector = b * BLOCK + c;
      for (size_t i = 0; i < n; i++) k->blocks[b][i * BLOCK + c] = vector < n ? k->vectors[vector * n + i] : 0;
    }
  }
  return LOCI_OK;
}

/* Values that are equal but for rounding may stand in the wrong order: neighbours change places, seldom. */
static void sort_values(loci__svd *svd) {
  for (size_t j = 1; j < svd->rank; j++) {
    for (size_t c = j; c > 0 && svd->values[c] > svd->values[c - 1]; c--) {
      const double value = svd->values[c];
      svd->values[c] = svd->values[c - 1], svd->values[c - 1] = value;
      for (size_t i = 0; i < svd->n_rows + svd->n_columns; i++) {
        float *row = i < svd->n_rows ? svd->left + i * svd->rank : svd->right + (i - svd->n_rows) * svd->rank;
        const float x = row[c];
        row[c] = row[c - 1], row[c - 1] = x;
      }
    }
  }
}

/* Blocks of Ritz vectors → both sides, and the signs. */
static loci_status finish(krylov *k, bool basis_is_left, loci__svd *out, loci_error *error) {
  size_t rank = k->rank;
  if (!(k->sum_squares > 0)) return loci__fail(error, LOCI_ERROR_FORMAT, "the matrix is 0: it has no singular values");
  out->rank = rank;
  out->values = loci__alloc_array(k->context, rank, sizeof *out->values);
  size_t left = 0, right = 0;
  if (!loci__mul(out->n_rows, rank, &left) || !loci__mul(out->n_columns, rank, &right))
    return loci__fail_memory(error, SIZE_MAX, "singular vectors");
  out->left = loci__alloc_array(k->context, left, sizeof *out->left);
  out->right = loci__alloc_array(k->context, right, sizeof *out->right);
  if (out->values == NULL || out->left == NULL || out->right == NULL)
    return loci__fail_memory(error, (left + right) * sizeof *out->left, "singular vectors");
  float *basis = basis_is_left ? out->left : out->right, *others = basis_is_left ? out->right : out->left;
  for (size_t first = 0; first < rank; first += BLOCK) {
    const size_t width = rank - first < BLOCK ? rank - first : BLOCK;
    const double *block = k->blocks[first / BLOCK];
    LOCI__TRY(loci__sparse_multiply(k->there, block, k->other, error));
    double squares[BLOCK] = {0};
    for (size_t i = 0; i < k->n_other; i++)
      for (size_t c = 0; c < BLOCK; c++) squares[c] += k->other[i * BLOCK + c] * k->other[i * BLOCK + c];
    for (size_t c = 0; c < width; c++) out->values[first + c] = sqrt(squares[c]);
    for (size_t i = 0; i < k->n; i++)
      for (size_t c = 0; c < width; c++) basis[i * rank + first + c] = (float)block[i * BLOCK + c];
    for (size_t i = 0; i < k->n_other; i++)
      for (size_t c = 0; c < width; c++)
        others[i * rank + first + c] =
            squares[c] > 0 ? (float)(k->other[i * BLOCK + c] / out->values[first + c]) : 0.0f;
  }
  float *greatest = loci__alloc_zero(k->context, rank, sizeof *greatest);
  if (greatest == NULL) return loci__fail_memory(error, rank * sizeof *greatest, "signs");
  for (size_t i = 0; i < out->n_rows; i++) {
    const float *row = out->left + i * rank;
    for (size_t j = 0; j < rank; j++)
      if (fabsf(row[j]) > fabsf(greatest[j])) greatest[j] = row[j];
  }
  for (size_t j = 0; j < rank; j++) greatest[j] = greatest[j] < 0 ? -1.0f : 1.0f;
  for (size_t i = 0; i < out->n_rows; i++)
    for (size_t j = 0; j < rank; j++) out->left[i * rank + j] *= greatest[j];
  for (size_t i = 0; i < out->n_columns; i++)
    for (size_t j = 0; j < rank; j++) out->right[i * rank + j] *= greatest[j];
  loci__free(k->context, greatest);
  sort_values(out);
  while (rank > 1 && !(out->values[rank - 1] > zero_share * out->values[0])) rank--;
  for (size_t i = 1; rank < out->rank && i < out->n_rows; i++)
    memmove(out->left + i * rank, out->left + i * out->rank, rank * sizeof *out->left);
  for (size_t i = 1; rank < out->rank && i < out->n_columns; i++)
    memmove(out->right + i * rank, out->right + i * out->rank, rank * sizeof *out->right);
  out->rank = rank;
  return LOCI_OK;
}

static void release(krylov *k, size_t n_allocated) {
  for (size_t i = 0; k->blocks != NULL && i < n_allocated; i++) loci__free_aligned(k->context, k->blocks[i]);
  loci__free(k->context, k->blocks);
  loci__free_aligned(k->context, k->z);
  loci__free_aligned(k->context, k->other);
  loci__free_aligned(k->context, k->single);
  loci__free_aligned(k->context, k->single_other);
  loci__free(k->context, k->partial);
  loci__free(k->context, k->sums);
  loci__free(k->context, k->coefficients);
  loci__free(k->context, k->projected);
  loci__free(k->context, k->vectors);
  loci__free(k->context, k->values);
}

static void *aligned(loci_context *context, size_t rows, size_t each) {
  size_t size = 0;
  return loci__mul(rows, BLOCK * each, &size) ? loci__alloc_aligned(context, size) : NULL;
}

loci_status loci__svd_compute(const loci__sparse *matrix, const loci__svd_options *options, loci__svd *out,
                              loci_error *error) {
  *out = (loci__svd){.context = matrix->context, .n_rows = matrix->n_rows, .n_columns = matrix->n_columns};
  if (options->rank == 0 || matrix->n_rows == 0 || matrix->n_columns == 0)
    return loci__fail(error, LOCI_ERROR_USAGE, "singular values of a %zu × %zu matrix, %zu wanted", matrix->n_rows,
                      matrix->n_columns, options->rank);
  const bool left = matrix->n_rows <= matrix->n_columns;
  loci__sparse own = {0};
  if (options->transpose == NULL) LOCI__TRY(loci__sparse_transpose(matrix, &own, error));
  const loci__sparse *transpose = options->transpose != NULL ? options->transpose : &own;
  krylov k = {.context = matrix->context,
              .kernels = loci__kernels_of(matrix->context),
              .options = options,
              .there = left ? transpose : matrix,
              .back = left ? matrix : transpose,
              .n = left ? matrix->n_rows : matrix->n_columns,
              .n_other = left ? matrix->n_columns : matrix->n_rows,
              .tolerance = options->tolerance > 0 ? options->tolerance : 1e-5};
  k.rank = options->rank < k.n ? options->rank : k.n;
  k.max_blocks = options->max_blocks > 0 ? options->max_blocks : default_blocks(k.rank);
  const bool dense = is_dense(k.n, k.rank, k.max_blocks);
  const size_t n_rank = (k.rank + BLOCK - 1) / BLOCK;
  size_t allocated = 0;
  loci_status status = LOCI_OK;
  if (dense && k.n > DENSE_MOST)
    status = loci__fail(error, LOCI_ERROR_LIMIT, "%zu dimensions of a %zu × %zu matrix: at most half as many as it has",
                        k.rank, matrix->n_rows, matrix->n_columns);
  if (dense) k.max_blocks = n_rank;
  else if (k.max_blocks < n_rank + 6) k.max_blocks = n_rank + 6;
  k.slice_rows = (k.n + MOST_SLICES - 1) / MOST_SLICES;
  k.slice_rows = (k.slice_rows < 2048 ? 2048 : k.slice_rows + CHUNK - 1) / CHUNK * CHUNK;
  k.n_slices = (k.n + k.slice_rows - 1) / k.slice_rows;
  loci__random_init(&k.random, options->seed);
  if (status == LOCI_OK && options->meter != NULL)
    status = loci__meter_stage(options->meter, "singular values", "products",
                               dense ? (k.n + BLOCK - 1) / BLOCK : default_blocks(k.rank), error);
  for (size_t i = 0; i < loci__sparse_count(matrix); i++)
    k.sum_squares += (double)matrix->values[i] * (double)matrix->values[i];
  out->sum_squares = k.sum_squares;
  const size_t order = dense ? k.n : columns_of(&k);
  if (status == LOCI_OK) {
    const size_t more = k.max_blocks + 1;
    k.blocks = loci__alloc_zero(k.context, more, sizeof *k.blocks);
    while (k.blocks != NULL && allocated < more &&
           (k.blocks[allocated] = aligned(k.context, k.n, sizeof(double))) != NULL)
      allocated++;
    k.z = aligned(k.context, k.n, sizeof *k.z);
    k.other = aligned(k.context, k.n_other, sizeof *k.other);
    k.vectors = loci__alloc_array(k.context, order, order * sizeof *k.vectors);
    k.values = loci__alloc_array(k.context, order, sizeof *k.values);
    bool enough = allocated == more && k.z != NULL && k.other != NULL && k.vectors != NULL && k.values != NULL;
    if (!dense && k.tolerance >= 1e-6) {
      k.single = aligned(k.context, k.n, sizeof *k.single);
      k.single_other = aligned(k.context, k.n_other, sizeof *k.single_other);
      enough = enough && k.single != NULL && k.single_other != NULL;
    }
    if (!dense) {
      k.partial = loci__alloc_array(k.context, k.n_slices * more, SQUARE * sizeof *k.partial);
      k.sums = loci__alloc_array(k.context, more, SQUARE * sizeof *k.sums);
      k.coefficients = loci__alloc_array(k.context, more, SQUARE * sizeof *k.coefficients);
      k.projected = loci__alloc_zero(k.context, order * order, sizeof *k.projected);
      enough = enough && k.partial != NULL && k.sums != NULL && k.coefficients != NULL && k.projected != NULL;
    }
    if (!enough) status = loci__fail_memory(error, more * k.n * BLOCK * sizeof(double), "singular vectors");
  }
  if (status == LOCI_OK) status = dense ? solve_whole(&k, error) : iterate(&k, error);
  if (status == LOCI_OK) status = finish(&k, left, out, error);
  out->n_products = k.n_products;
  out->n_restarts = k.n_restarts;
  release(&k, allocated);
  loci__sparse_release(&own);
  if (status != LOCI_OK) loci__svd_release(out);
  return status;
}

void loci__svd_release(loci__svd *svd) {
  loci__free(svd->context, svd->values);
  loci__free(svd->context, svd->left);
  loci__free(svd->context, svd->right);
  *svd = (loci__svd){0};
}

size_t loci__svd_memory(size_t n_rows, size_t n_columns, size_t rank) {
  const size_t n = n_rows < n_columns ? n_rows : n_columns, other = n_rows < n_columns ? n_columns : n_rows;
  if (rank > n) rank = n;
  const size_t blocks = default_blocks(rank), order = blocks * BLOCK;
  if (is_dense(n, rank, blocks)) {
    return (n * n * 3 + (n * 2 + other) * BLOCK + n * rank) * sizeof(double) + (n + other) * rank * sizeof(float);
  }
  return ((blocks + 3) * n * BLOCK + other * 2 * BLOCK + 4 * order * order + (MOST_SLICES + 2) * blocks * SQUARE) *
             sizeof(double) +
         (n + other) * rank * sizeof(float);
}
