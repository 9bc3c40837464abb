/* The steps of word2vec: every fast kernel against the plain one at every width, odd numbers of inputs and outputs, rows
 * that occur twice; the plain one against the formulas in long double; padding stays zero.
 */
#include "support.h"

#include "kernel/kernel.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_INPUTS = 33, MOST_OUTPUTS = 26, MOST_WIDTH = 304, N_ROWS = MOST_INPUTS + MOST_OUTPUTS };

typedef struct world {
  float *rows, *scratch;
  float *inputs[MOST_INPUTS], *outputs[MOST_OUTPUTS];
  float labels[MOST_OUTPUTS];
  loci__word_step step;
} world;

static void world_init(world *w) {
  memset(w, 0, sizeof *w);
  w->rows = loci__alloc_aligned(NULL, (size_t)N_ROWS * MOST_WIDTH * sizeof(float));
  size_t scratch = loci__word_step_scratch(MOST_INPUTS, MOST_OUTPUTS, MOST_WIDTH);
  w->scratch = loci__alloc_aligned(NULL, scratch * sizeof(float));
  assert_non_null(w->rows);
  assert_non_null(w->scratch);
  for (size_t i = 0; i < scratch; i++) w->scratch[i] = NAN; /* nothing of it may be trusted */
}

static void world_release(world *w) {
  loci__free_aligned(NULL, w->rows);
  loci__free_aligned(NULL, w->scratch);
}

/* The same seed gives the same rows. `scale`: of a number. */
static void world_fill(world *w, uint64_t seed, size_t m, size_t n, size_t dim, float scale, bool twice) {
  loci__random random;
  loci__random_init(&random, seed);
  size_t width = (dim + 15) / 16 * 16;
  for (size_t r = 0; r < N_ROWS; r++) {
    float *row = w->rows + r * MOST_WIDTH;
    for (size_t k = 0; k < width; k++) row[k] = k < dim ? scale * (float)loci__random_normal(&random) : 0;
  }
  for (size_t i = 0; i < m; i++) w->inputs[i] = w->rows + i * MOST_WIDTH;
  if (twice && m > 2) w->inputs[m - 1] = w->inputs[m / 3];
  for (size_t j = 0; j < n; j++) {
    w->outputs[j] = w->rows + (MOST_INPUTS + j) * MOST_WIDTH;
    w->labels[j] = j == 0 || loci__random_below(&random, 4) == 0 ? 1.0f : 0.0f;
  }
  w->step = (loci__word_step){.inputs = w->inputs,
                              .outputs = w->outputs,
                              .moved = w->outputs,
                              .n_inputs = m,
                              .n_outputs = n,
                              .labels = w->labels,
                              .width = width,
                              .rate = 0.025f,
                              .scratch = w->scratch};
}

static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void assert_same(world *fast, world *plain, size_t n_gradients, const char *what, size_t dim) {
  for (size_t r = 0; r < N_ROWS; r++) {
    for (size_t k = 0; k < fast->step.width; k++) {
      float a = fast->rows[r * MOST_WIDTH + k], b = plain->rows[r * MOST_WIDTH + k];
      if (k >= dim) assert_true(a == 0 && b == 0);
      /* a gradient may be off by 2e-7 of the rate, and some 40 of them meet in a number */
      if (!(fabsf(a - b) <= 1e-6f * (1 + fabsf(b)))) {
        fail_msg("%s: %zu inputs, %zu outputs, dim %zu, row %zu, column %zu: %.9g against %.9g", what,
                 fast->step.n_inputs, fast->step.n_outputs, dim, r, k, (double)a, (double)b);
      }
    }
  }
  qsort(fast->scratch, n_gradients, sizeof(float), compare);
  qsort(plain->scratch, n_gradients, sizeof(float), compare);
  for (size_t i = 0; i < n_gradients; i++) {
    assert_true(fabsf(fast->scratch[i] - plain->scratch[i]) <= 2e-8f); /* NaN fails */
  }
}

static void check(const loci__kernels *table, world *fast, world *plain, size_t m, size_t n, size_t dim, float scale) {
  const loci__kernels *ref = loci__kernels_named("ref");
  uint64_t seed = m * 1000003 + n * 1009 + dim;
  for (int twice = 0; twice < 2; twice++) {
    world_fill(fast, seed, m, n, dim, scale, twice);
    world_fill(plain, seed, m, n, dim, scale, twice);
    table->skipgram_f32(&fast->step);
    ref->skipgram_f32(&plain->step);
    assert_same(fast, plain, m * n, "skipgram", dim);
    world_fill(fast, seed, m, n, dim, scale, twice);
    world_fill(plain, seed, m, n, dim, scale, twice);
    table->cbow_f32(&fast->step);
    ref->cbow_f32(&plain->step);
    assert_same(fast, plain, n, "cbow", dim);
  }
}

static void test_fast(void **state) {
  (void)state;
  world fast, plain;
  world_init(&fast);
  world_init(&plain);
  size_t n_tables = 0;
  for (size_t t = 0; loci__kernels_name(t); t++) {
    const loci__kernels *table = loci__kernels_named(loci__kernels_name(t));
    if (table == NULL || strcmp(table->name, "ref") == 0) continue;
    n_tables++;
    for (size_t dim = 1; dim <= 130; dim++) check(table, &fast, &plain, 1 + dim % 13, 1 + dim % 7, dim, 0.3f);
    check(table, &fast, &plain, 6, 6, 300, 0.2f);
    for (size_t m = 1; m <= MOST_INPUTS; m += m < 12 ? 1 : 7) {
      for (size_t n = 1; n <= MOST_OUTPUTS; n += n < 14 ? 1 : 6) check(table, &fast, &plain, m, n, 20, 0.4f);
    }
    check(table, &fast, &plain, 5, 6, 64, 10.0f); /* scores in the hundreds: σ is 0 or 1 */
    check(table, &fast, &plain, 5, 6, 64, 0.0f);
  }
  world_release(&fast);
  world_release(&plain);
  if (n_tables == 0) skip();
}

/* Moved rows that go elsewhere: the same numbers, and the outputs stand still. */
static void test_moved(void **state) {
  (void)state;
  world w, elsewhere;
  world_init(&w);
  world_init(&elsewhere);
  float *away = loci__alloc_aligned(NULL, (size_t)MOST_OUTPUTS * MOST_WIDTH * sizeof(float)), *moved[MOST_OUTPUTS];
  assert_non_null(away);
  for (size_t j = 0; j < MOST_OUTPUTS; j++) moved[j] = away + j * MOST_WIDTH;
  for (size_t t = 0; loci__kernels_name(t); t++) {
    const loci__kernels *table = loci__kernels_named(loci__kernels_name(t));
    if (table == NULL) continue;
    for (size_t n = 1; n <= 14; n++) {
      const size_t dim = 11 * n;
      for (int cbow = 0; cbow < 2; cbow++) {
        world_fill(&w, n, 4, n, dim, 0.4f, false);
        world_fill(&elsewhere, n, 4, n, dim, 0.4f, false);
        float *before = loci__alloc_aligned(NULL, (size_t)N_ROWS * MOST_WIDTH * sizeof(float));
        assert_non_null(before);
        memcpy(before, elsewhere.rows, (size_t)N_ROWS * MOST_WIDTH * sizeof(float));
        elsewhere.step.moved = moved;
        (cbow ? table->cbow_f32 : table->skipgram_f32)(&w.step);
        (cbow ? table->cbow_f32 : table->skipgram_f32)(&elsewhere.step);
        for (size_t i = 0; i < 4; i++) {
          assert_memory_equal(w.inputs[i], elsewhere.inputs[i], w.step.width * sizeof(float));
        }
        for (size_t j = 0; j < n; j++) {
          assert_memory_equal(w.outputs[j], moved[j], w.step.width * sizeof(float));
          assert_memory_equal(before + (MOST_INPUTS + j) * MOST_WIDTH, elsewhere.outputs[j],
                              w.step.width * sizeof(float));
        }
        loci__free_aligned(NULL, before);
      }
    }
  }
  loci__free_aligned(NULL, away);
  world_release(&w);
  world_release(&elsewhere);
}

static void test_moves_are_added(void **state) {
  (void)state;
  world w;
  world_init(&w);
  for (size_t t = 0; loci__kernels_name(t); t++) {
    const loci__kernels *table = loci__kernels_named(loci__kernels_name(t));
    if (table == NULL) continue;
    for (size_t n = 1; n <= 9; n++) {
      const size_t dim = 16 * n + 3;
      world_fill(&w, n, 1, n, dim, 0.5f, false);
      float *row = w.inputs[0], before[MOST_WIDTH];
      memcpy(before, row, w.step.width * sizeof *row);
      table->add_moves_f32(row, (const float *const *)w.outputs, n, 0.7f, w.step.width);
      for (size_t k = 0; k < w.step.width; k++) {
        double wanted = (double)before[k];
        for (size_t i = 0; i < n; i++) wanted += (double)0.7f * ((double)w.outputs[i][k] - (double)before[k]);
        assert_true(fabs((double)row[k] - wanted) <= 2e-6);
      }
    }
  }
  world_release(&w);
}

/* One block of outputs, rows that occur once: the formulas themselves. */
static void test_formulas(void **state) {
  (void)state;
  const loci__kernels *ref = loci__kernels_named("ref");
  enum { M = 5, N = 4, DIM = 37 };
  world w, before;
  world_init(&w);
  world_init(&before);
  for (int cbow = 0; cbow < 2; cbow++) {
    world_fill(&w, 7, M, N, DIM, 0.5f, false);
    world_fill(&before, 7, M, N, DIM, 0.5f, false);
    long double g[M][N], mean[DIM];
    for (size_t k = 0; k < DIM; k++) {
      mean[k] = 0;
      for (size_t i = 0; i < M; i++) mean[k] += (long double)before.inputs[i][k] / M;
    }
    for (size_t i = 0; i < M; i++) {
      for (size_t j = 0; j < N; j++) {
        long double score = 0;
        for (size_t k = 0; k < DIM; k++) {
          score += (cbow ? mean[k] : (long double)before.inputs[i][k]) * (long double)before.outputs[j][k];
        }
        g[i][j] = (long double)before.step.rate * ((long double)before.labels[j] - 1 / (1 + expl(-score)));
      }
    }
    (cbow ? ref->cbow_f32 : ref->skipgram_f32)(&w.step);
    for (size_t k = 0; k < DIM; k++) {
      for (size_t i = 0; i < M; i++) {
        long double x = before.inputs[i][k];
        for (size_t j = 0; j < N; j++) x += g[i][j] * (long double)before.outputs[j][k];
        assert_true(fabsl(x - (long double)w.inputs[i][k]) <= 4e-7L);
      }
      for (size_t j = 0; j < N; j++) {
        long double y = before.outputs[j][k];
        if (cbow) y += g[0][j] * mean[k];
        for (size_t i = 0; !cbow && i < M; i++) y += g[i][j] * (long double)before.inputs[i][k];
        assert_true(fabsl(y - (long double)w.outputs[j][k]) <= 4e-7L);
      }
    }
  }
  world_release(&w);
  world_release(&before);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_moved), cmocka_unit_test(test_moves_are_added),
                                     cmocka_unit_test(test_formulas), cmocka_unit_test(test_fast)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
