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
  /* Transposing writes all over them. */
  loci__advise_large(matrix->columns, room * sizeof *matrix->columns);
  loci__advise_large(matrix->values, room * sizeof *matrix->values);
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

/* The first row that begins at entry `entry` or behind it. */
static size_t row_of(const loci__sparse *matrix, size_t entry) {
  size_t low = 0, high = matrix->n_rows;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (matrix->starts[middle] < entry) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* By counting, in PARTS runs of rows: each counts its columns, sums over columns and runs say where a run's entries of a
 * column begin, and each puts its own there. Rows are walked in order, so a column's rows come out ascending. */
typedef struct turning {
  const loci__sparse *from;
  const size_t *ends; /* of from's rows */
  loci__sparse *to;
  size_t *at; /* PARTS × n_columns */
} turning;

enum { PARTS = 8 };

static size_t part_begin(const loci__sparse *matrix, size_t part) {
  return part == PARTS ? matrix->n_rows : row_of(matrix, loci__sparse_count(matrix) / PARTS * part);
}

static loci_status count_part(void *arg, size_t part, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const turning *t = arg;
  size_t *at = t->at + part * t->from->n_columns;
  const size_t first = part_begin(t->from, part), last = part_begin(t->from, part + 1);
  for (size_t i = first; i < last; i++) {
    for (size_t p = t->from->starts[i]; p < t->ends[i]; p++) at[t->from->columns[p]]++;
  }
  return LOCI_OK;
}

static loci_status fill_part(void *arg, size_t part, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const turning *t = arg;
  size_t *at = t->at + part * t->from->n_columns;
  const size_t first = part_begin(t->from, part), last = part_begin(t->from, part + 1);
  for (size_t i = first; i < last; i++) {
    for (size_t p = t->from->starts[i]; p < t->ends[i]; p++) {
      const size_t to = at[t->from->columns[p]]++;
      t->to->columns[to] = (uint32_t)i;
      t->to->values[to] = t->from->values[p];
    }
  }
  return LOCI_OK;
}

loci_status loci__sparse_transpose_into(const loci__sparse *matrix, const size_t *ends, loci__sparse *out,
                                        loci_error *error) {
  turning t = {.from = matrix, .ends = ends ? ends : matrix->starts + 1, .to = out};
  t.at = loci__alloc_zero(matrix->context, PARTS * matrix->n_columns, sizeof *t.at);
  if (t.at == NULL) return loci__fail_memory(error, PARTS * matrix->n_columns * sizeof *t.at, "a transpose");
  loci_status status = loci__pool_run(matrix->context, PARTS, count_part, &t, error);
  if (status == LOCI_OK) {
    size_t sum = 0;
    for (size_t j = 0; j < matrix->n_columns; j++) {
      out->starts[j] = sum;
      for (size_t part = 0; part < PARTS; part++) {
        const size_t n = t.at[part * matrix->n_columns + j];
        t.at[part * matrix->n_columns + j] = sum;
        sum += n;
      }
    }
    out->starts[matrix->n_columns] = sum;
    status = loci__pool_run(matrix->context, PARTS, fill_part, &t, error);
  }
  loci__free(matrix->context, t.at);
  return status;
}

loci_status loci__sparse_transpose(const loci__sparse *matrix, loci__sparse *out, loci_error *error) {
  LOCI__TRY(
      loci__sparse_init(out, matrix->context, matrix->n_columns, matrix->n_rows, loci__sparse_count(matrix), error));
  const loci_status status = loci__sparse_transpose_into(matrix, NULL, out, error);
  if (status != LOCI_OK) loci__sparse_release(out);
  return status;
}

typedef struct product {
  const loci__sparse *matrix;
  const loci__kernels *kernels;
  const double *x;
  double *y;
  const float *single_x; /* or NULL: double precision */
  float *single_y;
} product;

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
