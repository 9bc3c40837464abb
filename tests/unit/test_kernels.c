/* Every fast kernel against the plain one: every length 1…130 and the widths of real models, misaligned, with NaN and
 * Inf; rows do not depend on their neighbours. The plain ones against sums in long double.
 */
#include "support.h"

#include "kernel/kernel.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static const size_t long_lengths[] = {384, 768, 1024, 3072, 4096, 12288};
enum { N_LENGTHS = 131 + 6, LONGEST = 12288, SLACK = 64 };

static size_t length_of(size_t i) {
  return i <= 130 ? i : long_lengths[i - 131];
}

/* The tables to test: everything but ref that this machine has. */
static size_t fast_tables(const loci__kernels *out[8]) {
  size_t n = 0;
  for (size_t i = 0; loci__kernels_name(i); i++) {
    const loci__kernels *table = loci__kernels_named(loci__kernels_name(i));
    if (table && strcmp(table->name, "ref") != 0) out[n++] = table;
  }
  return n;
}

/* Kept: asking the processor costs microseconds under a hypervisor. */
static const loci__kernels *ref_table(void) {
  static const loci__kernels *table;
  if (table == NULL) table = loci__kernels_named("ref");
  return table;
}

static float *floats(size_t n) {
  float *x = malloc((n + SLACK) * sizeof *x);
  assert_non_null(x);
  return x;
}

static void fill(loci__random *random, float *x, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] = (float)loci__random_normal(random);
}

static bool same_kind(float a, float b) {
  if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
  if (isinf(a) || isinf(b)) return a == b;
  return true;
}

/* |a − b| ≤ bound, NaN with NaN, infinities alike */
static void assert_near(float a, float b, double bound, const char *table, const char *what, size_t n) {
  if (same_kind(a, b) && (!isfinite(a) || fabs((double)a - (double)b) <= bound)) return;
  fail_msg("%s %s, length %zu: %.9g against %.9g, bound %.3g", table, what, n, (double)a, (double)b, bound);
}

static void test_tables(void **state) {
  (void)state;
  assert_non_null(ref_table());
  assert_null(loci__kernels_named("avx1024"));
  assert_null(loci__kernels_name(100));
  loci_context *context = test_context_new(1, "ref");
  assert_string_equal(loci__kernels_of(context)->name, "ref");
  assert_string_equal(loci_context_isa(context), "ref");
  assert_string_equal(loci_context_isa_reason(context), "asked for by name");
  test_context_free(context);
  context = test_context_new(1, "avx1024"); /* what cannot be had is plain C, and says so */
  assert_string_equal(loci_context_isa(context), "ref");
  assert_string_equal(loci_context_isa_reason(context), "no such instruction set in this build");
  test_context_free(context);
  context = test_context_new(1, NULL);
  const loci__kernels *fast[8];
  size_t n = fast_tables(fast);
  assert_string_equal(loci_context_isa(context), n ? fast[n - 1]->name : "ref");
  test_context_free(context);
}

static void test_ref_dot(void **state) {
  (void)state;
  loci__random random;
  loci__random_init(&random, 1);
  float *a = floats(LONGEST), *b = floats(LONGEST);
  fill(&random, a, LONGEST);
  fill(&random, b, LONGEST);
  for (size_t i = 0; i < N_LENGTHS; i++) {
    size_t n = length_of(i);
    long double dot = 0, l2 = 0, size = 0;
    for (size_t j = 0; j < n; j++) {
      long double x = a[j], y = b[j];
      dot += x * y, l2 += (x - y) * (x - y), size += fabsl(x * y);
    }
    assert_near(ref_table()->dot_f32(a, b, n), (float)dot, (double)size * 6e-8 + 1e-7 * fabs((double)dot), "ref", "dot",
                n);
    assert_near(ref_table()->l2sq_f32(a, b, n), (float)l2, 1.2e-7 * (double)l2, "ref", "l2sq", n);
  }
  free(a), free(b);
}

static void test_dot(void **state) {
  (void)state;
  const loci__kernels *fast[8], *ref = ref_table();
  loci__random random;
  loci__random_init(&random, 2);
  float *a = floats(LONGEST), *b = floats(LONGEST);
  for (size_t t = 0, n_tables = fast_tables(fast); t < n_tables; t++) {
    for (size_t i = 0; i < N_LENGTHS; i++) {
      size_t n = length_of(i);
      for (size_t shift = 0; shift < 4; shift++) {
        float *x = a + shift, *y = b + (shift * 3) % 5;
        fill(&random, x, n + 8);
        fill(&random, y, n + 8);
        x[n] = y[n] = NAN; /* must not be read into the sum */
        double size = 0, l2 = 0;
        for (size_t j = 0; j < n; j++) {
          size += fabs((double)x[j] * (double)y[j]);
          l2 += ((double)x[j] - (double)y[j]) * ((double)x[j] - (double)y[j]);
        }
        double bound = FLT_EPSILON * (4 + sqrt((double)n));
        assert_near(fast[t]->dot_f32(x, y, n), ref->dot_f32(x, y, n), bound * size, fast[t]->name, "dot", n);
        assert_near(fast[t]->l2sq_f32(x, y, n), ref->l2sq_f32(x, y, n), bound * l2, fast[t]->name, "l2sq", n);
        if (n == 0) continue;
        static const float special[] = {NAN, INFINITY, -INFINITY, 0.0f};
        for (size_t s = 0; s < LOCI__COUNT(special); s++) {
          size_t at = loci__random_below(&random, n);
          float kept = x[at];
          x[at] = special[s];
          y[n - 1] = s == 1 ? 0 : y[n - 1]; /* Inf·0 may be among them */
          assert_near(fast[t]->dot_f32(x, y, n), ref->dot_f32(x, y, n), bound * size, fast[t]->name, "special dot", n);
          assert_near(fast[t]->l2sq_f32(x, y, n), ref->l2sq_f32(x, y, n), bound * (l2 + size + 50), fast[t]->name,
                      "special l2sq", n);
          x[at] = kept;
        }
      }
    }
  }
  free(a), free(b);
}

static void test_dot_rows(void **state) {
  (void)state;
  enum { ROWS = 5 };
  const loci__kernels *fast[8], *ref = ref_table();
  loci__random random;
  loci__random_init(&random, 3);
  float *query = floats(LONGEST), *rows = floats(ROWS * (LONGEST + 3));
  int8_t *code_query = malloc(LONGEST + SLACK), *codes = malloc(ROWS * (LONGEST + 3) + SLACK);
  for (size_t t = 0, n_tables = fast_tables(fast); t < n_tables; t++) {
    for (size_t i = 0; i < N_LENGTHS; i++) {
      size_t n = length_of(i), stride = n + 3;
      fill(&random, query + 1, n);
      fill(&random, rows + 2, ROWS * stride);
      float out[ROWS];
      fast[t]->dot_rows_f32(query + 1, rows + 2, stride, ROWS, n, out);
      for (size_t r = 0; r < ROWS; r++) {
        float alone = fast[t]->dot_f32(query + 1, rows + 2 + r * stride, n);
        assert_memory_equal(&alone, &out[r], sizeof alone);
      }
      for (size_t j = 0; j < n; j++) code_query[j + 1] = (int8_t)((int)loci__random_below(&random, 255) - 127);
      for (size_t j = 0; j < ROWS * stride; j++) codes[j + 3] = (int8_t)((int)loci__random_below(&random, 255) - 127);
      if (i % 3 == 0) memset(code_query + 1, 127, n), memset(codes + 3, i % 2 ? 127 : -127, stride);
      int32_t want[ROWS], got[ROWS];
      ref->dot_rows_i8(code_query + 1, codes + 3, stride, ROWS, n, want);
      fast[t]->dot_rows_i8(code_query + 1, codes + 3, stride, ROWS, n, got);
      assert_memory_equal(want, got, sizeof want);
    }
  }
  free(query), free(rows), free(code_query), free(codes);
}

/* The widest sums there may be: 65,536 products of ±127·127. */
static void test_dot_rows_i8_extremes(void **state) {
  (void)state;
  enum { DIM = 65536 };
  int8_t *a = malloc(DIM), *b = malloc(DIM);
  memset(a, 127, DIM);
  for (int sign = -1; sign <= 1; sign += 2) {
    memset(b, sign * 127, DIM);
    for (size_t i = 0; loci__kernels_name(i); i++) {
      const loci__kernels *table = loci__kernels_named(loci__kernels_name(i));
      if (table == NULL) continue;
      int32_t out;
      table->dot_rows_i8(a, b, DIM, 1, DIM, &out);
      assert_int_equal(out, sign * 127 * 127 * DIM);
    }
  }
  free(a), free(b);
}

static void test_quantize(void **state) {
  (void)state;
  const loci__kernels *fast[8], *ref = ref_table();
  loci__random random;
  loci__random_init(&random, 4);
  float *x = floats(LONGEST);
  int8_t *want = malloc(LONGEST + SLACK), *got = malloc(LONGEST + SLACK);
  for (size_t t = 0, n_tables = fast_tables(fast); t < n_tables; t++) {
    for (size_t i = 0; i < N_LENGTHS; i++) {
      size_t n = length_of(i);
      for (size_t kind = 0; kind < 7; kind++) {
        float *in = x + kind % 3;
        fill(&random, in, n);
        for (size_t j = 0; j < n; j++) {
          if (kind == 1) in[j] = 0;
          if (kind == 2) in[j] *= 1e-42f;                      /* a subnormal scale */
          if (kind == 3) in[j] = (float)(int)(in[j] * 60) / 2; /* halves, once scaled: ties */
        }
        if (kind == 3 && n) in[n - 1] = 127;
        if (kind == 4 && n) in[n / 2] = NAN;
        if (kind == 5 && n) in[n / 2] = -INFINITY;
        want[n] = got[n] = 99; /* must stay */
        float a = ref->quantize_i8(in, n, want), b = fast[t]->quantize_i8(in, n, got);
        assert_memory_equal(&a, &b, sizeof a);
        assert_memory_equal(want, got, n + 1);
        if (kind == 0 && n) {
          for (size_t j = 0; j < n; j++) assert_true(fabsf((float)want[j] * a - in[j]) <= a * 0.5001f);
        }
      }
    }
  }
  free(x), free(want), free(got);
}

static void test_add_scaled(void **state) {
  (void)state;
  const loci__kernels *fast[8], *ref = ref_table();
  loci__random random;
  loci__random_init(&random, 5);
  float *row = floats(LONGEST), *want = floats(LONGEST), *got = floats(LONGEST);
  int8_t *codes = malloc(LONGEST + SLACK);
  for (size_t t = 0, n_tables = fast_tables(fast); t < n_tables; t++) {
    for (size_t i = 0; i < N_LENGTHS; i++) {
      size_t n = length_of(i);
      fill(&random, row + 1, n);
      fill(&random, want + 2, n);
      if (n > 3) row[2] = NAN, row[3] = INFINITY;
      for (size_t j = 0; j < n; j++) codes[j + 3] = (int8_t)((int)loci__random_below(&random, 256) - 128);
      want[n + 2] = got[n + 2] = 7;
      memcpy(got + 2, want + 2, n * sizeof *got);
      ref->add_scaled_f32(0.7f, row + 1, n, want + 2);
      fast[t]->add_scaled_f32(0.7f, row + 1, n, got + 2);
      for (size_t j = 0; j < n; j++) assert_near(got[j + 2], want[j + 2], 2e-6, fast[t]->name, "add_scaled_f32", n);
      memset(want + 2, 0, n * sizeof *want);
      memset(got + 2, 0, n * sizeof *got);
      ref->add_scaled_i8(0.01f, codes + 3, n, want + 2);
      fast[t]->add_scaled_i8(0.01f, codes + 3, n, got + 2);
      for (size_t j = 0; j < n; j++) assert_near(got[j + 2], want[j + 2], 1e-6, fast[t]->name, "add_scaled_i8", n);
      assert_true(want[n + 2] == 7 && got[n + 2] == 7);
    }
  }
  free(row), free(want), free(got), free(codes);
}

static void test_activations(void **state) {
  (void)state;
  enum { N = 200001 };
  const loci__kernels *fast[8], *ref = ref_table();
  float *x = floats(N), *want = floats(N), *got = floats(N);
  for (size_t i = 0; i < N; i++) x[i] = ((float)i - 100000) * 1.5e-4f; /* −15 … 15 */
  static const float special[] = {NAN,   INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 0.0f,
                                  -0.0f, 1e-40f,   -1e-40f,   50,      -50,      -39};
  memcpy(x, special, sizeof special);
  for (size_t t = 0, n_tables = fast_tables(fast); t < n_tables; t++) {
    for (int kind = LOCI__KERNEL_IDENTITY; kind <= LOCI__KERNEL_RELU; kind++) {
      ref->activate_f32(kind, x, N, want);
      fast[t]->activate_f32(kind, x, N, got);
      for (size_t i = 0; i < N; i++) {
        assert_near(got[i], want[i], 1.2e-7 * fmax(1, fabs((double)x[i])), fast[t]->name, "activation", i);
      }
      for (size_t n = 0; n <= 130; n++) { /* the same bits wherever an element stands; nothing behind is written */
        float out[132];
        out[n] = 7;
        fast[t]->activate_f32(kind, x + 99990, n, out);
        assert_memory_equal(out, got + 99990, n * sizeof *out);
        assert_true(out[n] == 7);
      }
    }
  }
  free(x), free(want), free(got);
}

static void test_exp_sum(void **state) {
  (void)state;
  const loci__kernels *fast[8], *ref = ref_table();
  loci__random random;
  loci__random_init(&random, 6);
  float *x = floats(LONGEST), *want = floats(LONGEST), *got = floats(LONGEST);
  for (size_t t = 0, n_tables = fast_tables(fast); t < n_tables; t++) {
    for (size_t i = 1; i < N_LENGTHS; i++) {
      size_t n = length_of(i);
      for (size_t kind = 0; kind < 3; kind++) {
        fill(&random, x + 1, n);
        float largest = -INFINITY;
        for (size_t j = 1; j <= n; j++) {
          x[j] *= kind == 1 ? 100.0f : 4.0f;
          if (x[j] > largest) largest = x[j];
        }
        if (kind == 2) x[n] = NAN, x[1] = -INFINITY;
        float a = ref->exp_sum_f32(x + 1, n, largest, 0.5f, want),
              b = fast[t]->exp_sum_f32(x + 1, n, largest, 0.5f, got);
        assert_near(b, a, 1e-6 * fabs((double)a), fast[t]->name, "sum of exp", n);
        for (size_t j = 0; j < n; j++) {
          double size = fmin(1e3, fabs((double)(x[j + 1] - largest)));
          assert_near(got[j], want[j], (2e-7 + 1e-7 * size) * fabs((double)want[j]) + 1.3e-38, fast[t]->name, "exp", n);
        }
      }
    }
  }
  free(x), free(want), free(got);
}

/* ---- matrix product --------------------------------------------------------------------------------- */

static void *aligned(size_t n) {
  void *memory = aligned_alloc(64, (n * sizeof(float) + 64) / 64 * 64 + 64);
  assert_non_null(memory);
  return memory;
}

/* x · Wᵀ + bias by `table` on m rows of x, into y (row stride = whole panels). */
static void multiply(const loci__kernels *table, const float *x, size_t x_stride, size_t m, const float *w, size_t n,
                     size_t k, const float *bias, int activation, float *y) {
  size_t width = loci__panels(table, n);
  float *packed = aligned(width * k), *padded = aligned(width);
  memset(packed, 0, width * k * sizeof *packed);
  memset(padded, 0, width * sizeof *padded);
  memcpy(padded, bias, n * sizeof *bias);
  loci__gemm_pack(table, w, k, n, k, NULL, 0, k, packed);
  loci__gemm gemm = {x, x_stride, m, packed, width, k, padded, activation, y, width, NULL};
  table->gemm_f32(&gemm);
  free(packed), free(padded);
}

static void test_gemm(void **state) {
  (void)state;
  enum { M = 64, N = 100, K = 131 };
  loci__random random;
  loci__random_init(&random, 7);
  float *x = floats(M * K), *w = floats(N * K), bias[N];
  static const size_t ns[] = {1, 15, 16, 17, 32, 33, 64, 100}, ks[] = {1, 2, 7, 32, 64, 131};
  fill(&random, x, M * K);
  fill(&random, w, N * K);
  fill(&random, bias, N);
  float *y = aligned(M * 128), *alone = aligned(128);
  for (size_t i = 0; loci__kernels_name(i); i++) {
    const loci__kernels *table = loci__kernels_named(loci__kernels_name(i));
    if (table == NULL) continue;
    for (size_t in = 0; in < LOCI__COUNT(ns); in++) {
      for (size_t ik = 0; ik < LOCI__COUNT(ks); ik++) {
        size_t n = ns[in], k = ks[ik], width = loci__panels(table, n), x_stride = k + (ik & 1);
        for (size_t m = 0; m <= M; m += m < 30 ? 1 : 17) {
          int activation = (int)(m % 4);
          multiply(table, x, x_stride, m, w, n, k, bias, activation, y);
          for (size_t r = 0; r < m; r++) {
            for (size_t c = 0; c < n; c++) {
              double sum = (double)bias[c], size = fabs(sum);
              for (size_t d = 0; d < k; d++) {
                double product = (double)x[r * x_stride + d] * (double)w[c * k + d];
                sum += product, size += fabs(product);
              }
              float before = (float)sum, after;
              ref_table()->activate_f32(activation, &before, 1, &after);
              assert_near(y[r * width + c], after, FLT_EPSILON * (3 + sqrt((double)k)) * size, table->name, "gemm", m);
            }
            for (size_t c = n; c < width; c++) assert_true(y[r * width + c] == 0);
          }
          if (m == 0 || in != 5) continue; /* a row has the same bits alone */
          for (size_t r = 0; r < m; r += 5) {
            multiply(table, x + r * x_stride, x_stride, 1, w, n, k, bias, activation, alone);
            assert_memory_equal(alone, y + r * width, width * sizeof *y);
          }
        }
      }
    }
  }
  free(x), free(w), free(y), free(alone);
}

/* A NaN in a row stays in it. */
static void test_gemm_special(void **state) {
  (void)state;
  enum { M = 33, N = 64, K = 40 };
  loci__random random;
  loci__random_init(&random, 8);
  float x[M * K], w[N * K], bias[N];
  fill(&random, x, M * K);
  fill(&random, w, N * K);
  fill(&random, bias, N);
  float *clean = aligned(M * N), *y = aligned(M * N);
  for (size_t i = 0; loci__kernels_name(i); i++) {
    const loci__kernels *table = loci__kernels_named(loci__kernels_name(i));
    if (table == NULL) continue;
    x[7 * K + 3] = 1, x[8 * K + 3] = 1;
    multiply(table, x, K, M, w, N, K, bias, LOCI__KERNEL_IDENTITY, clean);
    x[7 * K + 3] = NAN, x[8 * K + 3] = INFINITY;
    multiply(table, x, K, M, w, N, K, bias, LOCI__KERNEL_IDENTITY, y);
    for (size_t r = 0; r < M; r++) {
      if (r != 7 && r != 8) assert_memory_equal(y + r * N, clean + r * N, N * sizeof *y);
    }
    for (size_t c = 0; c < N; c++) assert_true(isnan(y[7 * N + c]) && isinf(y[8 * N + c]));
  }
  free(clean), free(y);
}

/* ---- normalisation and attention ----------------------------------------------------------------------- */

static void test_layer_norm(void **state) {
  (void)state;
  enum { M = 3 };
  const loci__kernels *fast[8], *ref = ref_table();
  loci__random random;
  loci__random_init(&random, 9);
  size_t most = LONGEST + 4;
  float *x = floats(M * most), *residual = floats(M * most), *gain = floats(most), *bias = floats(most);
  float *want = floats(M * most), *got = floats(M * most);
  for (size_t t = 0, n_tables = fast_tables(fast); t < n_tables; t++) {
    for (size_t i = 1; i < N_LENGTHS; i++) {
      size_t n = length_of(i), stride = n + 3;
      fill(&random, x, M * stride);
      fill(&random, residual, M * stride);
      fill(&random, gain, n);
      fill(&random, bias, n);
      for (size_t j = 0; j < n; j++) x[j] += 20;                               /* a mean far from 0 */
      for (size_t j = 0; j < n; j++) x[stride + j] = residual[stride + j] = 3; /* no variance */
      for (int with = 0; with < 2; with++) {
        loci__layer_norm norm = {x, stride, with ? residual : NULL, stride, M, n, gain, bias, 1e-5f, want, stride};
        ref->layer_norm_f32(&norm);
        norm.y = got;
        got[n] = 7;
        fast[t]->layer_norm_f32(&norm);
        assert_true(got[n] == 7);
        for (size_t r = 0; r < M; r++) {
          for (size_t j = 0; j < n; j++) {
            assert_near(got[r * stride + j], want[r * stride + j], 6e-5 * (1 + fabs((double)gain[j])) * (n < 8 ? 8 : 1),
                        fast[t]->name, "layer norm", n);
          }
        }
        /* in place, and a row alone: the same bits */
        memcpy(want, with ? residual : x, M * stride * sizeof *want);
        norm.y = want, norm.residual = with ? want : NULL, norm.x = with ? x : want, norm.m = M;
        fast[t]->layer_norm_f32(&norm);
        for (size_t r = 0; r < M; r++) assert_memory_equal(want + r * stride, got + r * stride, n * sizeof *want);
      }
    }
  }
  free(x), free(residual), free(gain), free(bias), free(want), free(got);
}

static void test_attention(void **state) {
  (void)state;
  enum { MOST = 520 };
  loci__random random;
  loci__random_init(&random, 10);
  static const size_t lengths[] = {1, 2, 3, 7, 13, 14, 15, 16, 17, 29, 31, 32, 33, 47, 64, 65, 127, 130, 257, 512};
  static const size_t head_sizes[] = {32, 64, 96};
  size_t stride = 3 * 96 + 16;
  float *qkv = floats(MOST * stride), *out = floats(MOST * 96);
  double *scores = malloc(MOST * sizeof *scores);
  fill(&random, qkv, MOST * stride);
  for (size_t i = 0; loci__kernels_name(i); i++) {
    const loci__kernels *table = loci__kernels_named(loci__kernels_name(i));
    if (table == NULL) continue;
    for (size_t h = 0; h < LOCI__COUNT(head_sizes); h++) {
      for (size_t l = 0; l < LOCI__COUNT(lengths); l++) {
        size_t size = head_sizes[h], length = lengths[l];
        float *scratch = aligned(loci__attention_scratch(table, length, size));
        float scale = 1.0f / sqrtf((float)size);
        loci__attention attention = {qkv, qkv + 96, qkv + 192, stride, length, size, scale, scratch, out, size};
        table->attention_f32(&attention);
        for (size_t r = 0; r<length; r += length> 64 ? 13 : 1) {
          double largest = -INFINITY, total = 0;
          for (size_t c = 0; c < length; c++) {
            scores[c] = 0;
            for (size_t d = 0; d < size; d++)
              scores[c] += (double)qkv[r * stride + d] * (double)qkv[c * stride + 96 + d];
            scores[c] *= (double)scale;
            largest = fmax(largest, scores[c]);
          }
          for (size_t c = 0; c < length; c++) total += scores[c] = exp(scores[c] - largest);
          for (size_t d = 0; d < size; d++) {
            double sum = 0;
            for (size_t c = 0; c < length; c++) sum += scores[c] * (double)qkv[c * stride + 192 + d];
            assert_near(out[r * size + d], (float)(sum / total), 3e-6, table->name, "attention", length);
          }
        }
        free(scratch);
      }
    }
  }
  free(qkv), free(out), free(scores);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tables),
      cmocka_unit_test(test_ref_dot),
      cmocka_unit_test(test_dot),
      cmocka_unit_test(test_dot_rows),
      cmocka_unit_test(test_dot_rows_i8_extremes),
      cmocka_unit_test(test_quantize),
      cmocka_unit_test(test_add_scaled),
      cmocka_unit_test(test_activations),
      cmocka_unit_test(test_exp_sum),
      cmocka_unit_test(test_gemm),
      cmocka_unit_test(test_gemm_special),
      cmocka_unit_test(test_layer_norm),
      cmocka_unit_test(test_attention),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
