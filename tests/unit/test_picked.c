/* The kernels over picked rows: every length 1…130 and the widths of real models, misaligned, NaN and Inf, one to twenty
 * rows; a product's bits do not depend on the rows beside it. The oracle is the plain table.
 */
#include "support.h"

#include "kernel/kernel.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { N_ROWS = 24, LONGEST = 12288 };

static const size_t more[] = {300, 304, 384, 768, 1024, 3072, 4096, 12288};

static size_t length_of(size_t i) {
  return i < 130 ? i + 1 : more[i - 130];
}
enum { N_LENGTHS = 130 + LOCI__COUNT(more) };

typedef struct field {
  float *base, *x, *acc, *want;
  float weights[N_ROWS], out[N_ROWS], expected[N_ROWS];
  uint32_t rows[N_ROWS];
} field;

static void fill(field *f, loci__random *random, size_t dim, size_t stride) {
  for (size_t i = 0; i < N_ROWS * stride; i++) f->base[i] = (float)loci__random_normal(random);
  for (size_t i = 0; i < dim; i++) f->x[i] = (float)loci__random_normal(random);
  for (size_t i = 0; i < N_ROWS; i++) {
    f->rows[i] = (uint32_t)loci__random_below(random, N_ROWS);
    f->weights[i] = (float)loci__random_normal(random);
  }
}

static void near_or_same(float got, float want, double bound, const char *what, size_t dim) {
  if (isnan(want) ? isnan(got) : isinf(want) ? got == want : fabs((double)got - (double)want) <= bound) return;
  fail_msg("%s, dim %zu: %.9g for %.9g", what, dim, (double)got, (double)want);
}

static void compare(const loci__kernels *fast, const loci__kernels *ref, field *f, size_t dim, size_t stride,
                    size_t n) {
  double bound = 4e-7 * sqrt((double)dim) * 8 + 1e-6;
  fast->dot_picked_f32(f->x, f->base, stride, f->rows, n, dim, f->out);
  ref->dot_picked_f32(f->x, f->base, stride, f->rows, n, dim, f->expected);
  for (size_t i = 0; i < n; i++) {
    near_or_same(f->out[i], f->expected[i], bound, "dot", dim);
    float alone;
    fast->dot_picked_f32(f->x, f->base, stride, f->rows + i, 1, dim, &alone);
    assert_memory_equal(&alone, &f->out[i], sizeof alone);
  }
  for (int weighted = 0; weighted < 2; weighted++) {
    for (size_t j = 0; j < dim; j++) f->acc[j] = f->want[j] = f->x[j];
    f->acc[dim] = 77;
    fast->add_picked_f32(f->acc, f->base, stride, f->rows, weighted ? f->weights : NULL, n, dim);
    ref->add_picked_f32(f->want, f->base, stride, f->rows, weighted ? f->weights : NULL, n, dim);
    for (size_t j = 0; j < dim; j++) near_or_same(f->acc[j], f->want[j], 2e-5, "sum", dim);
    assert_true(f->acc[dim] == 77);
  }
}

static void test_rows(void **state) {
  (void)state;
  const loci__kernels *ref = loci__kernels_named("ref");
  field f = {.base = malloc((N_ROWS * (LONGEST + 16) + 16) * sizeof(float)),
             .x = malloc((LONGEST + 16) * sizeof(float)),
             .acc = malloc((LONGEST + 16) * sizeof(float)),
             .want = malloc((LONGEST + 16) * sizeof(float))};
  loci__random random;
  loci__random_init(&random, 5);
  for (size_t t = 1; loci__kernels_name(t); t++) {
    const loci__kernels *fast = loci__kernels_named(loci__kernels_name(t));
    if (!fast) continue;
    for (size_t i = 0; i < N_LENGTHS; i++) {
      size_t dim = length_of(i), stride = dim + i % 5;
      fill(&f, &random, dim, stride);
      size_t n = dim > 400 ? 11 : 1 + i % N_ROWS;
      compare(fast, ref, &f, dim, stride, n);
      compare(fast, ref, &f, dim, stride, 0);
      f.x++, f.acc++, f.base++; /* misaligned */
      compare(fast, ref, &f, dim, stride, n);
      f.x--, f.acc--, f.base--;
      f.base[f.rows[0] * stride + dim - 1] = i % 2 ? NAN : INFINITY;
      compare(fast, ref, &f, dim, stride, n > 3 ? 3 : n);
    }
  }
  free(f.base), free(f.x), free(f.acc), free(f.want);
}

static void test_logistic(void **state) {
  (void)state;
  const loci__kernels *ref = loci__kernels_named("ref");
  enum { N = 4001 };
  static float x[N + 5], y[N + 5], want[N + 5];
  for (size_t i = 0; i < N; i++) x[i] = ((float)i - N / 2) / 20;
  x[N] = NAN, x[N + 1] = INFINITY, x[N + 2] = -INFINITY, x[N + 3] = -1000, x[N + 4] = 1000;
  ref->logistic_f32(x, N + 5, want);
  for (size_t t = 1; loci__kernels_name(t); t++) {
    const loci__kernels *fast = loci__kernels_named(loci__kernels_name(t));
    if (!fast) continue;
    for (size_t n = 1; n <= 130; n++) {
      memset(y, 0, sizeof y);
      fast->logistic_f32(x + 1900, n, y);
      for (size_t i = 0; i < n; i++)
        near_or_same(y[i], want[1900 + i], 4e-7 * (double)want[1900 + i] * 8, "logistic", n);
      assert_true(y[n] == 0);
    }
    fast->logistic_f32(x, N + 5, y);
    for (size_t i = 0; i < N + 5; i++) {
      double bound = x[i] < -87 ? 2e-38 : 4e-7 * (double)want[i] * fmax(1, fabs((double)x[i]));
      near_or_same(y[i], want[i], bound, "logistic", i);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_logistic)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
