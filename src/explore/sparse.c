/* explore/sparse.c: a graph of nearest neighbours made symmetric. i may be among j's neighbours without j being among i's:
 * the pair gets one value from both sides' values, 0 where a side does not know the other.
 *
 * Rows are put in the order of their columns; what points at a row is collected in the order of the points; the two lists
 * are merged. Rows are filled up to whole vectors for the kernel that walks them.
 */
#include "project.h"

#include <stdlib.h>

enum { ROWS_A_TASK = 256 };

typedef struct entry {
  uint32_t column;
  float value;
} entry;

typedef struct making {
  const loci_graph *graph;
  const float *values;
  size_t width;
  loci__join join;
  entry *own;     /* n × width, in order */
  size_t *starts; /* n + 1: of what points at a row */
  entry *others;
  loci__edges *out;
  bool fill;
} making;

static int by_column(const void *a, const void *b) {
  const entry *p = a, *q = b;
  return p->column < q->column ? -1 : p->column > q->column;
}

static size_t end_of(const making *m, size_t task) {
  return (task + 1) * ROWS_A_TASK < m->graph->n ? (task + 1) * ROWS_A_TASK : m->graph->n;
}

static loci_status order_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const making *m = arg;
  for (size_t i = task * ROWS_A_TASK; i < end_of(m, task); i++) {
    entry *row = m->own + i * m->width;
    for (size_t c = 0; c < m->width; c++)
      row[c] = (entry){m->graph->index[i * m->graph->k + c], m->values[i * m->width + c]};
    qsort(row, m->width, sizeof *row, by_column);
  }
  return LOCI_OK;
}

static float joined(loci__join join, float a, float b) {
  return join == LOCI__JOIN_MEAN ? (a + b) / 2 : a + b - a * b;
}

/* Counts the pairs of each row, or writes them. */
static loci_status merge_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const making *m = arg;
  for (size_t i = task * ROWS_A_TASK; i < end_of(m, task); i++) {
    const entry *a = m->own + i * m->width, *a_end = a + m->width;
    const entry *b = m->others + m->starts[i], *b_end = m->others + m->starts[i + 1];
    size_t n = 0;
    uint32_t *columns = m->fill ? m->out->columns + m->out->starts[i] : NULL;
    float *values = m->fill ? m->out->values + m->out->starts[i] : NULL;
    while (a < a_end || b < b_end) {
      const bool left = a < a_end && (b == b_end || a->column <= b->column);
      const bool right = b < b_end && (a == a_end || b->column <= a->column);
      if (m->fill) {
        columns[n] = left ? a->column : b->column;
        values[n] = joined(m->join, left ? a->value : 0, right ? b->value : 0);
      }
      n++;
      a += left;
      b += right;
    }
    m->out->lengths[i] = (uint32_t)n;
    if (!m->fill) continue;
    for (; m->out->starts[i] + n < m->out->starts[i + 1]; n++) columns[n] = (uint32_t)i, values[n] = 0;
  }
  return LOCI_OK;
}

/* What points at each row, by counting. */
static void turn_round(making *m) {
  const size_t n = m->graph->n, k = m->graph->k;
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < m->width; c++) m->starts[m->graph->index[i * k + c] + 1]++;
  for (size_t i = 0; i < n; i++) m->starts[i + 1] += m->starts[i];
  for (size_t i = n; i-- > 0;)
    for (size_t c = 0; c < m->width; c++)
      m->others[--m->starts[m->graph->index[i * k + c] + 1]] = (entry){(uint32_t)i, m->values[i * m->width + c]};
  memmove(m->starts, m->starts + 1, n * sizeof *m->starts); /* starts[i + 1] was where row i begins */
  m->starts[n] = n * m->width;
}

static loci_status make(making *m, loci_context *context, loci_error *error) {
  loci__edges *out = m->out;
  const size_t n = m->graph->n, n_tasks = (n + ROWS_A_TASK - 1) / ROWS_A_TASK;
  LOCI__TRY(loci__pool_run(context, n_tasks, order_task, m, error));
  turn_round(m);
  LOCI__TRY(loci__pool_run(context, n_tasks, merge_task, m, error));
  out->starts[0] = 0;
  for (size_t i = 0; i < n; i++)
    out->starts[i + 1] = out->starts[i] + (out->lengths[i] + LOCI__LANES - 1) / LOCI__LANES * LOCI__LANES;
  out->columns = loci__alloc_array(context, out->starts[n], sizeof *out->columns);
  out->values = loci__alloc_array(context, out->starts[n], sizeof *out->values);
  if (!out->columns || !out->values)
    return loci__fail_memory(error, out->starts[n] * 2 * sizeof *out->values, "the edges of a map");
  m->fill = true;
  return loci__pool_run(context, n_tasks, merge_task, m, error);
}

loci_status loci__edges_make(const loci_graph *graph, const float *values, size_t width, loci__join join,
                             loci__edges *out, loci_error *error) {
  loci_context *context = graph->context;
  *out = (loci__edges){.context = context, .n = graph->n};
  making m = {.graph = graph, .values = values, .width = width, .join = join, .out = out};
  m.own = loci__alloc_array(context, graph->n, width * sizeof *m.own);
  m.others = loci__alloc_array(context, graph->n, width * sizeof *m.others);
  m.starts = loci__alloc_zero(context, graph->n + 1, sizeof *m.starts);
  out->starts = loci__alloc_array(context, graph->n + 1, sizeof *out->starts);
  out->lengths = loci__alloc_array(context, graph->n, sizeof *out->lengths);
  loci_status status = LOCI_OK;
  if (!m.own || !m.others || !m.starts || !out->starts || !out->lengths)
    status = loci__fail_memory(error, graph->n * width * 2 * sizeof *m.own, "the edges of a map");
  if (status == LOCI_OK) status = make(&m, context, error);
  loci__free(context, m.own);
  loci__free(context, m.others);
  loci__free(context, m.starts);
  if (status != LOCI_OK) loci__edges_release(out);
  return status;
}

void loci__edges_release(loci__edges *edges) {
  loci__free(edges->context, edges->starts);
  loci__free(edges->context, edges->lengths);
  loci__free(edges->context, edges->columns);
  loci__free(edges->context, edges->values);
  *edges = (loci__edges){0};
}
