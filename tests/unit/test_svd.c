/* Sparse algebra and the truncated SVD: kernels against plain C, singular values and vectors against a dense Jacobi, known
 * spectra, low rank, equal values, threads. */
#include "support.h"

#include "kernel/kernel.h"
#include "train/lsa.h"

#include <math.h>
#include <stdlib.h>

/* ---- kernels ---- */

static void kernels_agree(void **state) {
  (void)state;
  loci__random random;
  loci__random_init(&random, 3);
  enum { ROWS = 133 };
  double *x = malloc(ROWS * LOCI__BLOCK * sizeof *x), *y = malloc(ROWS * LOCI__BLOCK * sizeof *y);
  double *a = malloc(ROWS * LOCI__BLOCK * sizeof *a), *b = malloc(ROWS * LOCI__BLOCK * sizeof *b);
  size_t starts[ROWS + 1];
  uint32_t *columns = malloc(ROWS * 40 * sizeof *columns);
  float *values = malloc(ROWS * 40 * sizeof *values);
  for (size_t i = 0; i < ROWS * LOCI__BLOCK; i++)
    x[i] = loci__random_normal(&random), y[i] = loci__random_normal(&random);
  float *single_x = malloc(ROWS * LOCI__BLOCK * sizeof *single_x),
        *single_a = malloc(ROWS * LOCI__BLOCK * sizeof *single_a);
  float *single_b = malloc(ROWS * LOCI__BLOCK * sizeof *single_b);
  for (size_t i = 0; i < ROWS * LOCI__BLOCK; i++) single_x[i] = (float)x[i];
  starts[0] = 0;
  for (size_t i = 0; i < ROWS; i++) {
    size_t p = starts[i];
    for (size_t j = i % 37; j-- > 0; p++) {
      columns[p] = (uint32_t)loci__random_below(&random, ROWS);
      values[p] = (float)loci__random_normal(&random);
    }
    starts[i + 1] = p;
  }
  const loci__kernels *ref = loci__kernels_named("ref");
  size_t n_compared = 0;
  for (size_t t = 0; loci__kernels_name(t) != NULL; t++) {
    const loci__kernels *fast = loci__kernels_named(loci__kernels_name(t));
    if (fast == NULL) continue;
    n_compared++;
    for (size_t n = 0; n <= ROWS; n++) {
      ref->block_sparse_f64(starts, columns, values, n, x, a);
      fast->block_sparse_f64(starts, columns, values, n, x, b);
      for (size_t i = 0; i < n * LOCI__BLOCK; i++) assert_true(fabs(a[i] - b[i]) < 1e-12);
      ref->block_sparse_f32(starts, columns, values, n, single_x, single_a);
      fast->block_sparse_f32(starts, columns, values, n, single_x, single_b);
      for (size_t i = 0; i < n * LOCI__BLOCK; i++) assert_true(fabsf(single_a[i] - single_b[i]) < 2e-5f);
      double c[LOCI__BLOCK * LOCI__BLOCK], d[LOCI__BLOCK * LOCI__BLOCK];
      for (size_t i = 0; i < LOCI__COUNT(c); i++) c[i] = d[i] = x[i % 64];
      ref->block_inner_f64(x, y, n, c);
      fast->block_inner_f64(x, y, n, d);
      for (size_t i = 0; i < LOCI__COUNT(c); i++) assert_true(fabs(c[i] - d[i]) < 1e-11);
      memcpy(a, y, ROWS * LOCI__BLOCK * sizeof *a);
      memcpy(b, y, ROWS * LOCI__BLOCK * sizeof *b);
      ref->block_update_f64(x, c, n, a);
      fast->block_update_f64(x, c, n, b);
      for (size_t i = 0; i < ROWS * LOCI__BLOCK; i++) assert_true(fabs(a[i] - b[i]) < 1e-10);
    }
  }
  assert_true(n_compared > 0);
  free(single_x), free(single_a), free(single_b), free(x), free(y), free(a), free(b), free(columns), free(values);
}

/* ---- matrices ---- */

static void from_dense(loci__sparse *out, loci_context *context, const double *a, size_t rows, size_t columns) {
  loci_error error;
  size_t n = 0;
  for (size_t i = 0; i < rows * columns; i++) n += a[i] != 0;
  assert_ok(loci__sparse_init(out, context, rows, columns, n, &error), &error);
  for (size_t i = 0, p = 0; i < rows; i++) {
    for (size_t j = 0; j < columns; j++) {
      if (a[i * columns + j] == 0) continue;
      out->columns[p] = (uint32_t)j;
      out->values[p++] = (float)a[i * columns + j];
    }
    out->starts[i + 1] = p;
  }
}

/* One-sided Jacobi (Hestenes 1958) on the columns of a (rows ≥ columns): values descending, right vectors as columns of v. */
static void jacobi(const double *a, size_t rows, size_t columns, double *values, double *v) {
  double *w = malloc(rows * columns * sizeof *w);
  memcpy(w, a, rows * columns * sizeof *w);
  for (size_t i = 0; i < columns * columns; i++) v[i] = i / columns == i % columns;
  for (int sweep = 0; sweep < 60; sweep++) {
    double off = 0;
    for (size_t p = 0; p + 1 < columns; p++) {
      for (size_t q = p + 1; q < columns; q++) {
        double aa = 0, bb = 0, ab = 0;
        for (size_t i = 0; i < rows; i++) {
          aa += w[i * columns + p] * w[i * columns + p];
          bb += w[i * columns + q] * w[i * columns + q];
          ab += w[i * columns + p] * w[i * columns + q];
        }
        if (fabs(ab) <= 1e-15 * sqrt(aa * bb)) continue;
        off += 1;
        const double zeta = (bb - aa) / (2 * ab), t = (zeta >= 0 ? 1 : -1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
        const double c = 1 / sqrt(1 + t * t), s = c * t;
        for (size_t i = 0; i < rows + columns; i++) {
          double *row = i < rows ? w + i * columns : v + (i - rows) * columns;
          const double x = row[p], y = row[q];
          row[p] = c * x - s * y;
          row[q] = s * x + c * y;
        }
      }
    }
    if (off == 0) break;
  }
  for (size_t j = 0; j < columns; j++) {
    double sum = 0;
    for (size_t i = 0; i < rows; i++) sum += w[i * columns + j] * w[i * columns + j];
    values[j] = sqrt(sum);
  }
  for (size_t j = 0; j < columns; j++) {
    size_t best = j;
    for (size_t c = j + 1; c < columns; c++)
      if (values[c] > values[best]) best = c;
    const double t = values[j];
    values[j] = values[best], values[best] = t;
    for (size_t i = 0; i < columns; i++) {
      const double x = v[i * columns + j];
      v[i * columns + j] = v[i * columns + best], v[i * columns + best] = x;
    }
  }
  free(w);
}

static void check_vectors(const loci__sparse *m, const loci__svd *svd, double tolerance) {
  /* ‖Aᵀu − σv‖ and ‖u‖, ‖v‖; the sign. */
  for (size_t j = 0; j < svd->rank; j++) {
    double left = 0, right = 0, greatest = 0;
    double *product = calloc(svd->n_columns, sizeof *product);
    for (size_t i = 0; i < svd->n_rows; i++) {
      const double u = (double)svd->left[i * svd->rank + j];
      left += u * u;
      if (fabs(u) > fabs(greatest)) greatest = u;
      for (size_t p = m->starts[i]; p < m->starts[i + 1]; p++) product[m->columns[p]] += u * (double)m->values[p];
    }
    double off = 0;
    for (size_t i = 0; i < svd->n_columns; i++) {
      const double v = (double)svd->right[i * svd->rank + j], d = product[i] - svd->values[j] * v;
      right += v * v;
      off += d * d;
    }
    free(product);
    assert_true(greatest > 0);
    assert_true(fabs(left - 1) < 1e-5 && fabs(right - 1) < 1e-5);
    assert_true(sqrt(off) <= tolerance * svd->values[0]);
  }
}

static void small_against_jacobi(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  loci__random random;
  loci__random_init(&random, 5);
  static const size_t shapes[][2] = {{1, 1}, {12, 9}, {9, 12}, {40, 70}, {70, 40}, {33, 33}, {1, 20}};
  for (size_t s = 0; s < LOCI__COUNT(shapes); s++) {
    const size_t rows = shapes[s][0], columns = shapes[s][1];
    double *a = calloc(rows * columns, sizeof *a);
    for (size_t i = 0; i < rows * columns; i++)
      if (loci__random_below(&random, 3) == 0 || i == 0) a[i] = (double)(float)loci__random_normal(&random);
    double *tall = malloc(rows * columns * sizeof *tall);
    const bool turn = rows < columns;
    const size_t n = turn ? columns : rows, m = turn ? rows : columns;
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < columns; j++) tall[turn ? j * rows + i : i * columns + j] = a[i * columns + j];
    double *values = malloc(m * sizeof *values), *v = malloc(m * m * sizeof *v);
    jacobi(tall, n, m, values, v);
    loci__sparse sparse;
    from_dense(&sparse, context, a, rows, columns);
    loci__svd svd;
    assert_ok(loci__svd_compute(&sparse, &(loci__svd_options){.rank = m, .seed = 1}, &svd, &error), &error);
    for (size_t i = 0; i < m; i++) {
      if (i < svd.rank) assert_true(fabs(svd.values[i] - values[i]) <= 1e-9 * values[0]);
      else assert_true(values[i] <= 1e-6 * values[0]);
    }
    check_vectors(&sparse, &svd, 2e-6);
    loci__svd_release(&svd);
    loci__sparse_release(&sparse);
    free(a), free(tall), free(values), free(v);
  }
  test_context_free(context);
}

/* The space of the first vectors against Jacobi's: the sine of the largest principal angle is at most the Frobenius norm of
 * what is left of ours after its projection on the other. */
static void subspace_against_jacobi(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  loci__random random;
  loci__random_init(&random, 17);
  enum { ROWS = 160, COLUMNS = 90 };
  double *a = calloc(ROWS * COLUMNS, sizeof *a), *v = malloc(COLUMNS * COLUMNS * sizeof *v), values[COLUMNS];
  for (size_t i = 0; i < ROWS * COLUMNS; i++) { /* counts like a text's: few large, many small */
    if (loci__random_below(&random, 5) == 0) a[i] = (double)(float)exp(loci__random_normal(&random) * 1.5);
  }
  jacobi(a, ROWS, COLUMNS, values, v);
  loci__sparse sparse;
  from_dense(&sparse, context, a, ROWS, COLUMNS);
  static const size_t ranks[] = {1, 5, 10, 30};
  for (size_t r = 0; r < LOCI__COUNT(ranks); r++) {
    const size_t k = ranks[r];
    assert_true(values[k] < values[k - 1] * 0.999); /* else the space is not one */
    loci__svd svd;
    assert_ok(loci__svd_compute(&sparse, &(loci__svd_options){.rank = k, .seed = 1}, &svd, &error), &error);
    assert_int_equal(svd.rank, k);
    double outside = 0;
    for (size_t j = 0; j < k; j++) {
      double rest[COLUMNS];
      for (size_t i = 0; i < COLUMNS; i++) rest[i] = (double)svd.right[i * k + j];
      for (size_t q = 0; q < k; q++) {
        double dot = 0;
        for (size_t i = 0; i < COLUMNS; i++) dot += v[i * COLUMNS + q] * (double)svd.right[i * k + j];
        for (size_t i = 0; i < COLUMNS; i++) rest[i] -= dot * v[i * COLUMNS + q];
      }
      for (size_t i = 0; i < COLUMNS; i++) outside += rest[i] * rest[i];
    }
    if (sqrt(outside) > 1e-3) fail_msg("rank %zu: sine of the angle up to %g", k, sqrt(outside));
    loci__svd_release(&svd);
  }
  loci__sparse_release(&sparse);
  free(a), free(v);
  test_context_free(context);
}

/* A = Σ σ_j u_j v_jᵀ with u, v from products of Householder reflections: a known spectrum, dense. */
static double *known_spectrum(size_t rows, size_t columns, const double *sigma, size_t n_sigma, uint64_t seed) {
  loci__random random;
  loci__random_init(&random, seed);
  double *a = calloc(rows * columns, sizeof *a);
  for (size_t i = 0; i < n_sigma; i++) a[i * columns + i] = sigma[i];
  double *w = malloc((rows > columns ? rows : columns) * sizeof *w);
  for (int turn = 0; turn < 3; turn++) {
    double norm = 0;
    for (size_t i = 0; i < rows; i++) w[i] = loci__random_normal(&random), norm += w[i] * w[i];
    for (size_t j = 0; j < columns; j++) {
      double dot = 0;
      for (size_t i = 0; i < rows; i++) dot += w[i] * a[i * columns + j];
      for (size_t i = 0; i < rows; i++) a[i * columns + j] -= 2 * dot / norm * w[i];
    }
    norm = 0;
    for (size_t j = 0; j < columns; j++) w[j] = loci__random_normal(&random), norm += w[j] * w[j];
    for (size_t i = 0; i < rows; i++) {
      double dot = 0, *row = a + i * columns;
      for (size_t j = 0; j < columns; j++) dot += w[j] * row[j];
      for (size_t j = 0; j < columns; j++) row[j] -= 2 * dot / norm * w[j];
    }
  }
  free(w);
  return a;
}

static void known_spectra(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  enum { ROWS = 1300, COLUMNS = 1100, RANK = 40 };
  double *sigma = malloc(COLUMNS * sizeof *sigma);
  for (int kind = 0; kind < 3; kind++) {
    for (size_t i = 0; i < COLUMNS; i++) {
      const double x = (double)i;
      sigma[i] = kind == 0   ? 100 * pow(0.93, x)
                 : kind == 1 ? 50 / sqrt(1 + x)
                             : (i < 45 ? 10 + 0.1 * (44 - x) : 5 - 0.004 * x);
    }
    double *a = known_spectrum(ROWS, COLUMNS, sigma, COLUMNS, 7 + (uint64_t)kind);
    loci__sparse sparse;
    from_dense(&sparse, context, a, ROWS, COLUMNS);
    free(a);
    loci__svd svd;
    assert_ok(loci__svd_compute(&sparse, &(loci__svd_options){.rank = RANK, .seed = 1}, &svd, &error), &error);
    assert_int_equal(svd.rank, RANK);
    assert_true(svd.n_products < COLUMNS / LOCI__BLOCK); /* not solved whole */
    for (size_t i = 0; i < RANK; i++) {
      if (fabs(svd.values[i] - sigma[i]) > 1e-5 * sigma[i])
        fail_msg("kind %d value %zu: %.9g, not %.9g", kind, i, svd.values[i], sigma[i]);
    }
    check_vectors(&sparse, &svd, 2e-3);
    loci__svd_release(&svd);
    loci__sparse_release(&sparse);
  }
  free(sigma);
  test_context_free(context);
}

/* Restarts: a basis with room for a few blocks only. */
static void restarts(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  enum { ROWS = 1200, COLUMNS = 1400, RANK = 60 };
  double *sigma = malloc(ROWS * sizeof *sigma);
  for (size_t i = 0; i < ROWS; i++) sigma[i] = 30 / pow(1 + (double)i, 0.4);
  double *a = known_spectrum(ROWS, COLUMNS, sigma, ROWS, 11);
  loci__sparse sparse;
  from_dense(&sparse, context, a, ROWS, COLUMNS);
  free(a);
  loci__svd svd;
  assert_ok(loci__svd_compute(&sparse, &(loci__svd_options){.rank = RANK, .seed = 1, .max_blocks = 8}, &svd, &error),
            &error);
  assert_true(svd.n_restarts > 0);
  for (size_t i = 0; i < RANK; i++) {
    if (fabs(svd.values[i] - sigma[i]) > 1e-5 * sigma[i])
      fail_msg("value %zu: %.9g, not %.9g (%zu restarts)", i, svd.values[i], sigma[i], svd.n_restarts);
  }
  check_vectors(&sparse, &svd, 2e-3);
  loci__svd_release(&svd);
  loci__sparse_release(&sparse);
  free(sigma);
  test_context_free(context);
}

/* A rank below the one asked for; and equal values, more than a block has columns. */
static void low_rank_and_equal_values(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  enum { N = 1500 };
  loci__sparse sparse;
  assert_ok(loci__sparse_init(&sparse, context, N, N, N, &error), &error);
  for (size_t i = 0; i < N; i++) {
    sparse.columns[i] = (uint32_t)((i * 7) % N);
    sparse.values[i] = i < 20 ? 3.0f : 1.0f;
    sparse.starts[i + 1] = i + 1;
  }
  loci__svd svd;
  assert_ok(loci__svd_compute(&sparse, &(loci__svd_options){.rank = 100, .seed = 1}, &svd, &error), &error);
  assert_int_equal(svd.rank, 100);
  for (size_t i = 0; i < svd.rank; i++) assert_true(fabs(svd.values[i] - (i < 20 ? 3 : 1)) < 1e-6);
  check_vectors(&sparse, &svd, 1e-5);
  loci__svd_release(&svd);

  for (size_t i = 0; i < N; i++) {
    sparse.columns[i] = (uint32_t)(i % 50);
    sparse.values[i] = 1.0f + (float)(i % 50);
  }
  assert_ok(loci__svd_compute(&sparse, &(loci__svd_options){.rank = 100, .seed = 1}, &svd, &error), &error);
  assert_int_equal(svd.rank, 50);
  for (size_t i = 0; i < 50; i++) assert_true(fabs(svd.values[i] - sqrt(30.0) * (double)(50 - i)) < 1e-5);
  loci__svd_release(&svd);

  for (size_t i = 0; i < N; i++) sparse.values[i] = 0;
  assert_int_equal(loci__svd_compute(&sparse, &(loci__svd_options){.rank = 5, .seed = 1}, &svd, &error),
                   LOCI_ERROR_FORMAT);
  loci__sparse_release(&sparse);
  test_context_free(context);
}

static void same_bits_at_any_number_of_threads(void **state) {
  (void)state;
  loci_error error;
  static const int threads[] = {1, 2, 3, 7};
  char first[33] = "";
  for (size_t t = 0; t < LOCI__COUNT(threads); t++) {
    loci_context *context = test_context_new(threads[t], NULL);
    loci__random random;
    loci__random_init(&random, 13);
    enum { ROWS = 5000, COLUMNS = 4000, EACH = 25 };
    loci__sparse sparse;
    assert_ok(loci__sparse_init(&sparse, context, ROWS, COLUMNS, ROWS * EACH, &error), &error);
    for (size_t i = 0; i < ROWS; i++) {
      for (size_t j = 0; j < EACH; j++) {
        sparse.columns[i * EACH + j] =
            (uint32_t)(COLUMNS / EACH * j + loci__random_below(&random, 1 + COLUMNS / EACH / (1 + j)));
        sparse.values[i * EACH + j] = (float)loci__random_unit(&random);
      }
      sparse.starts[i + 1] = (i + 1) * EACH;
    }
    loci__svd svd;
    assert_ok(loci__svd_compute(&sparse, &(loci__svd_options){.rank = 30, .seed = 1}, &svd, &error), &error);
    loci__hash *hash = loci__hash_new(context);
    assert_non_null(hash);
    loci__hash_add(hash, svd.values, svd.rank * sizeof *svd.values);
    loci__hash_add(hash, svd.left, svd.n_rows * svd.rank * sizeof *svd.left);
    loci__hash_add(hash, svd.right, svd.n_columns * svd.rank * sizeof *svd.right);
    char hex[33];
    loci__hash_hex(hash, hex);
    loci__hash_free(context, hash);
    if (t == 0) memcpy(first, hex, sizeof first);
    assert_string_equal(hex, first);
    loci__svd_release(&svd);
    loci__sparse_release(&sparse);
    test_context_free(context);
  }
}

/* Stopped after every number of steps, and gone on with from what was handed out: the same bits. */
typedef struct saved {
  size_t stop_at, n_calls;
  loci__svd_state state;
  double *blocks, *projected, coupling[LOCI__BLOCK * LOCI__BLOCK];
} saved;

static loci_status keep_and_stop(void *arg, const loci__svd_state *state, loci_error *error) {
  saved *s = arg;
  if (++s->n_calls < s->stop_at) return LOCI_OK;
  s->state = *state;
  const size_t block = state->block_rows * LOCI__BLOCK;
  s->blocks = malloc(state->n_blocks * block * sizeof *s->blocks);
  for (size_t i = 0; i < state->n_blocks; i++) memcpy(s->blocks + i * block, state->blocks[i], block * sizeof(double));
  s->projected = malloc(state->capacity * state->capacity * sizeof *s->projected);
  memcpy(s->projected, state->projected, state->capacity * state->capacity * sizeof *s->projected);
  memcpy(s->coupling, state->coupling, sizeof s->coupling);
  return loci__fail(error, LOCI_ERROR_CANCELLED, "stopped");
}

static loci_status load_saved(void *arg, loci__svd_state *state, loci_error *error) {
  (void)error;
  const saved *s = arg;
  if (s->blocks == NULL) return LOCI_OK;
  assert_int_equal(state->capacity, s->state.capacity);
  const size_t block = state->block_rows * LOCI__BLOCK;
  state->n_blocks = s->state.n_blocks;
  state->generation = s->state.generation;
  memcpy(state->counters, s->state.counters, sizeof state->counters);
  for (size_t i = 0; i < state->n_blocks; i++) memcpy(state->blocks[i], s->blocks + i * block, block * sizeof(double));
  memcpy(state->projected, s->projected, state->capacity * state->capacity * sizeof *s->projected);
  memcpy(state->coupling, s->coupling, sizeof s->coupling);
  return LOCI_OK;
}

static void stopped_and_gone_on_with(void **state) {
  (void)state;
  loci_error error;
  loci_context *context = test_context_new(2, NULL);
  enum { ROWS = 1200, COLUMNS = 1300, RANK = 60 };
  double *sigma = malloc(ROWS * sizeof *sigma);
  for (size_t i = 0; i < ROWS; i++) sigma[i] = 30 / pow(1 + (double)i, 0.4);
  double *a = known_spectrum(ROWS, COLUMNS, sigma, ROWS, 17);
  loci__sparse sparse;
  from_dense(&sparse, context, a, ROWS, COLUMNS);
  free(a);
  free(sigma);
  /* A basis so small that there are restarts between the stops, too. */
  loci__svd_options o = {.rank = RANK, .seed = 3, .max_blocks = 8};
  loci__svd whole, svd;
  assert_ok(loci__svd_compute(&sparse, &o, &whole, &error), &error);
  assert_true(whole.n_restarts > 0);
  size_t stops = 0;
  for (size_t at = 1; at < whole.n_products; at += 4, stops++) {
    saved s = {.stop_at = at};
    o.keep = keep_and_stop, o.load = load_saved, o.arg = &s;
    assert_int_equal(loci__svd_compute(&sparse, &o, &svd, &error), LOCI_ERROR_CANCELLED);
    o.keep = NULL;
    assert_ok(loci__svd_compute(&sparse, &o, &svd, &error), &error);
    assert_int_equal(svd.n_products, whole.n_products);
    assert_memory_equal(svd.values, whole.values, RANK * sizeof *svd.values);
    assert_memory_equal(svd.left, whole.left, ROWS * RANK * sizeof *svd.left);
    assert_memory_equal(svd.right, whole.right, COLUMNS * RANK * sizeof *svd.right);
    loci__svd_release(&svd);
    free(s.blocks);
    free(s.projected);
  }
  assert_true(stops >= 3);
  loci__svd_release(&whole);
  loci__sparse_release(&sparse);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kernels_agree),
      cmocka_unit_test(small_against_jacobi),
      cmocka_unit_test(subspace_against_jacobi),
      cmocka_unit_test(known_spectra),
      cmocka_unit_test(restarts),
      cmocka_unit_test(low_rank_and_equal_values),
      cmocka_unit_test(stopped_and_gone_on_with),
      cmocka_unit_test(same_bits_at_any_number_of_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
