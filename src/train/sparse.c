/* train/sparse.c: compressed sparse rows (Saad 2003, 3.4): transposing and products with blocks of vectors.
 *
 * A product is done row by row, a row by one task: nothing is shared, so bits do not depend on who works on what. The
 * product with the transpose runs over a transposed copy: scattered reads are several times cheaper than scattered
 * additions, and need no private copies of the result.
 */
#include "lsa.h"

#include "../kernel/kernel.h"

enum { TASK_ENTRIES = 1 << 16 };

loci_status loci__sparse_init(loci__sparse *matrix, loci_context *context, size_t n_rows, size_t n_columns,
                              size_t n_values, loci_error *error) {
  *matrix = (loci__sparse){.context = context, .n_rows = n_rows, .n_columns = n_columns};
  if (n_rows > UINT32_MAX || n_columns > UINT32_MAX)
    return loci__fail(error, LOCI_ERROR_LIMIT, "a matrix of %zu × %zu", n_rows, n_columns);
  const size_t room = n_values > 0 ? n_values : 1;
  matrix->starts = loci__alloc_zero(context, n_rows + 1, sizeof *matrix->starts);
  matrix->columns = loci__alloc_array(context, room, sizeof *matrix->columns);
  matrix->values = loci__alloc_array(context, room, sizeof *matrix->values);
  if (matrix->starts == NULL || matrix->columns == NULL || matrix->values == NULL) {
    loci__sparse_release(matrix);
    return loci__fail_memory(error, room * (sizeof *matrix->columns + sizeof *matrix->values), "a sparse matrix");
  }
  return LOCI_OK;
}

void loci__sparse_release(loci__sparse *matrix) {
  loci__free(matrix->context, matrix->starts);
  loci__free(matrix->context, matrix->columns);
  loci__free(matrix->context, matrix->values);
  *matrix = (loci__sparse){0};
}

size_t loci__sparse_count(const loci__sparse *matrix) {
  return matrix->starts[matrix->n_rows];
}

/* By counting: entries are walked row by row, so a column's rows come out ascending. */
loci_status loci__sparse_transpose(const loci__sparse *matrix, loci__sparse *out, loci_error *error) {
  const size_t n = loci__sparse_count(matrix);
  LOCI__TRY(loci__sparse_init(out, matrix->context, matrix->n_columns, matrix->n_rows, n, error));
  size_t *at = out->starts;
  for (size_t p = 0; p < n; p++) at[matrix->columns[p] + 1]++;
  for (size_t j = 0; j < out->n_rows; j++) at[j + 1] += at[j];
  for (size_t i = 0; i < matrix->n_rows; i++) {
    for (size_t p = matrix->starts[i]; p < matrix->starts[i + 1]; p++) {
      const size_t to = at[matrix->columns[p]]++;
      out->columns[to] = (uint32_t)i;
      out->values[to] = matrix->values[p];
    }
  }
  /* Every start has moved to its row's end, the next row's start. */
  for (size_t j = out->n_rows; j > 0; j--) at[j] = at[j - 1];
  at[0] = 0;
  return LOCI_OK;
}

typedef struct product {
  const loci__sparse *matrix;
  const loci__kernels *kernels;
  const double *x;
  double *y;
  const float *single_x; /* or NULL: double precision */
  float *single_y;
} product;

/* The first row that ends behind entry `entry`. */
static size_t row_of(const loci__sparse *matrix, size_t entry) {
  size_t low = 0, high = matrix->n_rows;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (matrix->starts[middle] < entry) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* A task has the rows that begin among its TASK_ENTRIES entries. */
static loci_status multiply_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const product *p = arg;
  const size_t n = loci__sparse_count(p->matrix), n_tasks = n / TASK_ENTRIES + 1;
  const size_t first = task == 0 ? 0 : row_of(p->matrix, task * TASK_ENTRIES);
  const size_t last = task + 1 == n_tasks ? p->matrix->n_rows : row_of(p->matrix, (task + 1) * TASK_ENTRIES);
  const size_t *starts = p->matrix->starts;
  const uint32_t *columns = p->matrix->columns;
  const float *values = p->matrix->values;
  if (first >= last) return LOCI_OK;
  if (p->single_x == NULL) {
    p->kernels->block_sparse_f64(starts + first, columns, values, last - first, p->x, p->y + first * LOCI__BLOCK);
    return LOCI_OK;
  }
  if (p->single_y != NULL) {
    p->kernels->block_sparse_f32(starts + first, columns, values, last - first, p->single_x,
                                 p->single_y + first * LOCI__BLOCK);
    return LOCI_OK;
  }
  enum { ROWS = 32 };
  float rows[ROWS * LOCI__BLOCK];
  for (size_t row = first; row < last; row += ROWS) {
    const size_t n_rows = last - row < ROWS ? last - row : ROWS;
    p->kernels->block_sparse_f32(starts + row, columns, values, n_rows, p->single_x, rows);
    for (size_t i = 0; i < n_rows * LOCI__BLOCK; i++) p->y[row * LOCI__BLOCK + i] = (double)rows[i];
  }
  return LOCI_OK;
}

loci_status loci__sparse_multiply(const loci__sparse *matrix, const double *x, double *y, loci_error *error) {
  product p = {.matrix = matrix, .kernels = loci__kernels_of(matrix->context), .x = x, .y = y};
  return loci__pool_run(matrix->context, loci__sparse_count(matrix) / TASK_ENTRIES + 1, multiply_task, &p, error);
}

loci_status loci__sparse_multiply_f32(const loci__sparse *matrix, const float *x, float *y, double *double_y,
                                      loci_error *error) {
  product p = {
      .matrix = matrix, .kernels = loci__kernels_of(matrix->context), .single_x = x, .single_y = y, .y = double_y};
  return loci__pool_run(matrix->context, loci__sparse_count(matrix) / TASK_ENTRIES + 1, multiply_task, &p, error);
}
