/* explore/knn.c: the k nearest neighbours of every row, exactly, by blocked products.
 *
 * Rows are made comparable first (unit length, or less their mean), cut into blocks of BLOCK and packed once. A product of
 * two blocks serves both: block I's rows see J's as candidates and J's see I's, so half of all pairs are multiplied. Pairs
 * of blocks are taken in rounds of a tournament, in which every block plays once: the tasks of a round touch different
 * blocks' candidates and need no locks. Candidates are kept a heap a row, ordered by score and then by number, so what a
 * heap holds in the end does not depend on the order in which candidates came.
 *
 * Scores are products in float; SPARE candidates more than k are kept, measured again as squared distances by subtraction
 * (which near points need: a product loses them to cancellation), put in order and cut to k.
 *
 * Cost: n²·dim multiplications and additions. Memory: two copies of the rows, n·(k + SPARE) candidates.
 */
#include "project.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 512, SLICE = 64, SPARE = 16, ROWS_A_TASK = 256 };

typedef struct candidate {
  float score; /* greater is nearer */
  uint32_t index;
} candidate;

typedef struct knn {
  loci_context *context;
  const loci__kernels *kernels;
  size_t n, dim, k, kept; /* kept = k + spare */
  size_t n_blocks, width; /* width: BLOCK in whole panels */
  bool cosine;
  float *rows, *packed, *halves, *biases; /* halves: |x|²/2; biases: −halves in blocks of `width` */
  candidate *heaps;                       /* n × kept, the farthest first */
  uint32_t *counts;                       /* n */
  float *thresholds;                      /* n: −Inf until the heap is full, then the farthest score */
  float *scores;                          /* SLICE × width a worker */
  size_t round;
  loci_graph *out;
} knn;

/* ---- rows ---- */

loci_status loci__rows_finite(loci_context *context, const float *rows, size_t n, size_t dim, loci_error *error) {
  (void)context;
  for (size_t i = 0; i < n; i++) {
    float sum = 0; /* x − x is 0, or NaN for what is not finite */
    for (size_t j = 0; j < dim; j++) sum += rows[i * dim + j] - rows[i * dim + j];
    if (!(sum == 0))
      return loci__fail(error, LOCI_ERROR_USAGE, "row %zu has a number that is not finite; leave it out and try again",
                        i);
  }
  return LOCI_OK;
}

typedef struct preparation {
  const float *rows;
  size_t n, dim;
  bool cosine;
  const double *mean;
  double *sums; /* n_tasks × dim */
  float *out, *halves;
} preparation;

static size_t last_of(size_t task, size_t n) {
  return (task + 1) * ROWS_A_TASK < n ? (task + 1) * ROWS_A_TASK : n;
}

static loci_status sum_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const preparation *p = arg;
  double *sum = p->sums + task * p->dim;
  memset(sum, 0, p->dim * sizeof *sum);
  for (size_t i = task * ROWS_A_TASK; i < last_of(task, p->n); i++)
    for (size_t j = 0; j < p->dim; j++) sum[j] += (double)p->rows[i * p->dim + j];
  return LOCI_OK;
}

static loci_status prepare_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const preparation *p = arg;
  for (size_t i = task * ROWS_A_TASK; i < last_of(task, p->n); i++) {
    const float *from = p->rows + i * p->dim;
    float *to = p->out + i * p->dim;
    if (p->cosine) loci__unit(from, p->dim, to);
    else
      for (size_t j = 0; j < p->dim; j++) to[j] = (float)((double)from[j] - p->mean[j]);
    if (p->halves == NULL) continue;
    double square = 0;
    for (size_t j = 0; j < p->dim; j++) square += (double)to[j] * (double)to[j];
    p->halves[i] = (float)(square / 2);
  }
  return LOCI_OK;
}

loci_status loci__rows_prepare(loci_context *context, const float *rows, size_t n, size_t dim, loci_metric metric,
                               float *out, float *halves, loci_error *error) {
  const size_t n_tasks = (n + ROWS_A_TASK - 1) / ROWS_A_TASK;
  preparation p = {
      .rows = rows, .n = n, .dim = dim, .cosine = metric == LOCI_METRIC_COSINE, .out = out, .halves = halves};
  double *mean = NULL;
  if (!p.cosine) {
    mean = loci__alloc_array(context, n_tasks + 1, dim * sizeof *mean);
    if (mean == NULL) return loci__fail_memory(error, (n_tasks + 1) * dim * sizeof *mean, "the mean of the rows");
    p.mean = mean;
    p.sums = mean + dim;
    LOCI__TRY(loci__pool_run(context, n_tasks, sum_task, &p, error));
    memset(mean, 0, dim * sizeof *mean);
    for (size_t t = 0; t < n_tasks; t++)
      for (size_t j = 0; j < dim; j++) mean[j] += p.sums[t * dim + j];
    for (size_t j = 0; j < dim; j++) mean[j] /= (double)n;
  }
  const loci_status status = loci__pool_run(context, n_tasks, prepare_task, &p, error);
  loci__free(context, mean);
  return status;
}

/* ---- candidates ---- */

static bool farther(candidate a, candidate b) {
  return a.score != b.score ? a.score < b.score : a.index > b.index;
}

/* Puts `found` where the farthest one was, or in a free place. */
static void offer(knn *k, size_t row, candidate found) {
  candidate *heap = k->heaps + row * k->kept;
  const size_t n = k->counts[row];
  size_t at;
  if (n < k->kept) {
    for (at = n; at > 0 && farther(found, heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = found;
    k->counts[row] = (uint32_t)(n + 1);
    if (n + 1 == k->kept) k->thresholds[row] = heap[0].score;
    return;
  }
  if (!farther(heap[0], found)) return;
  for (at = 0;;) {
    size_t child = 2 * at + 1;
    if (child >= n) break;
    if (child + 1 < n && farther(heap[child + 1], heap[child])) child++;
    if (!farther(heap[child], found)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = found;
  k->thresholds[row] = heap[0].score;
}

/* The scores of rows [first, first + m) with the rows of block j, offered to both sides; `twice`: to the first alone. */
static void take_scores(knn *k, const float *scores, size_t first, size_t m, size_t j, bool same) {
  const size_t other = j * BLOCK, count = other + BLOCK < k->n ? BLOCK : k->n - other;
  for (size_t r = 0; r < m; r++) {
    const size_t row = first + r;
    const float *s = scores + r * k->width, half = k->cosine ? 0 : k->halves[row];
    for (size_t c = 0; c < count; c++) {
      const float score = s[c] - half;
      if (score >= k->thresholds[row] && other + c != row) offer(k, row, (candidate){score, (uint32_t)(other + c)});
      if (!same && score >= k->thresholds[other + c]) offer(k, other + c, (candidate){score, (uint32_t)row});
    }
  }
}

static void multiply(knn *k, size_t i, size_t j, size_t worker) {
  float *scores = k->scores + worker * SLICE * k->width;
  const size_t first = i * BLOCK, last = first + BLOCK < k->n ? first + BLOCK : k->n;
  for (size_t row = first; row < last; row += SLICE) {
    const size_t m = last - row < SLICE ? last - row : SLICE;
    k->kernels->gemm_f32(&(loci__gemm){.x = k->rows + row * k->dim,
                                       .x_stride = k->dim,
                                       .m = m,
                                       .packed = k->packed + j * k->width * k->dim,
                                       .n = k->width,
                                       .k = k->dim,
                                       .bias = k->biases + j * k->width,
                                       .activation = LOCI__KERNEL_IDENTITY,
                                       .y = scores,
                                       .y_stride = k->width});
    take_scores(k, scores, row, m, j, i == j);
  }
}

static loci_status diagonal_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  multiply(arg, task, task, worker);
  return LOCI_OK;
}

/* The circle method: of 2m players the last stays, the others turn; in round r, pair t. */
static loci_status pair_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  knn *k = arg;
  const size_t players = (k->n_blocks + 1) / 2 * 2, turning = players - 1;
  size_t a = task == 0 ? turning : (k->round + task) % turning;
  size_t b = (k->round + turning - task) % turning;
  if (a > b) {
    const size_t t = a;
    a = b;
    b = t;
  }
  if (b < k->n_blocks) multiply(k, a, b, worker);
  return LOCI_OK;
}

static loci_status pack_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  knn *k = arg;
  const size_t first = task * BLOCK, count = first + BLOCK < k->n ? BLOCK : k->n - first;
  float *packed = k->packed + task * k->width * k->dim, *bias = k->biases + task * k->width;
  if (count < k->width) memset(packed, 0, k->width * k->dim * sizeof *packed);
  loci__gemm_pack(k->kernels, k->rows + first * k->dim, k->dim, count, k->dim, NULL, 0, k->dim, packed);
  for (size_t c = 0; c < k->width; c++) bias[c] = c < count && !k->cosine ? -k->halves[first + c] : 0;
  return LOCI_OK;
}

/* ---- the end ---- */

static int by_distance(const void *a, const void *b) {
  const candidate *p = a, *q = b;
  if (p->score != q->score) return p->score < q->score ? -1 : 1;
  return p->index < q->index ? -1 : p->index > q->index;
}

static loci_status settle_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  knn *k = arg;
  for (size_t i = task * ROWS_A_TASK; i < last_of(task, k->n); i++) {
    candidate *heap = k->heaps + i * k->kept;
    for (size_t c = 0; c < k->counts[i]; c++) {
      const bool zero = k->cosine && (k->halves[i] == 0 || k->halves[heap[c].index] == 0);
      heap[c].score =
          zero ? 2.0f : k->kernels->l2sq_f32(k->rows + i * k->dim, k->rows + heap[c].index * k->dim, k->dim);
    }
    qsort(heap, k->counts[i], sizeof *heap, by_distance);
    for (size_t c = 0; c < k->k; c++) {
      k->out->index[i * k->k + c] = heap[c].index;
      k->out->square[i * k->k + c] = heap[c].score;
    }
  }
  return LOCI_OK;
}

static loci_status compute(knn *k, const float *rows, loci_metric metric, loci__meter *meter, loci_error *error) {
  LOCI__TRY(loci__rows_prepare(k->context, rows, k->n, k->dim, metric, k->rows, k->halves, error));
  LOCI__TRY(loci__pool_run(k->context, k->n_blocks, pack_task, k, error));
  for (size_t i = 0; i < k->n; i++) k->thresholds[i] = -INFINITY;
  const size_t players = (k->n_blocks + 1) / 2 * 2, rounds = k->n_blocks > 1 ? players - 1 : 0;
  LOCI__TRY(loci__meter_stage(meter, "finding neighbours", "rounds", rounds + 1, error));
  LOCI__TRY(loci__pool_run(k->context, k->n_blocks, diagonal_task, k, error));
  for (k->round = 0; k->round < rounds; k->round++) {
    LOCI__TRY(loci__meter_at(meter, k->round + 1, NULL, error));
    LOCI__TRY(loci__pool_run(k->context, players / 2, pair_task, k, error));
  }
  LOCI__TRY(loci__pool_run(k->context, (k->n + ROWS_A_TASK - 1) / ROWS_A_TASK, settle_task, k, error));
  return loci__meter_at(meter, rounds + 1, NULL, error);
}

loci_status loci__graph_build(loci_context *context, const float *rows, size_t n, size_t dim, size_t k,
                              loci_metric metric, loci__meter *meter, loci_graph *out, loci_error *error) {
  context = loci__context_of(context);
  *out = (loci_graph){.context = context, .n = n, .metric = metric};
  if (metric != LOCI_METRIC_COSINE && metric != LOCI_METRIC_L2)
    return loci__fail(error, LOCI_ERROR_USAGE, "neighbours of every row are by cosine or L2 distance, not by %s",
                      loci_metric_name(metric));
  if (n == 0 || dim == 0) return loci__fail(error, LOCI_ERROR_USAGE, "there are no rows");
  if (n > UINT32_MAX) return loci__fail(error, LOCI_ERROR_LIMIT, "%zu rows; the most is 4,294,967,295", n);
  LOCI__TRY(loci__rows_finite(context, rows, n, dim, error));
  out->k = k < n ? k : n - 1;
  if (out->k == 0) return LOCI_OK;
  knn q = {.context = context,
           .kernels = loci__kernels_of(context),
           .n = n,
           .dim = dim,
           .k = out->k,
           .kept = n - 1 - out->k > SPARE ? out->k + SPARE : n - 1,
           .cosine = metric == LOCI_METRIC_COSINE,
           .out = out};
  q.width = loci__panels(q.kernels, BLOCK);
  q.n_blocks = (n + BLOCK - 1) / BLOCK;
  size_t cells, numbers, all;
  loci_status status = LOCI_OK;
  if (!loci__mul(n, dim, &cells) || !loci__mul(n, q.kept, &numbers) || !loci__mul(q.n_blocks * q.width, dim, &all) ||
      !loci__mul(all, sizeof(float), &all))
    status = loci__fail(error, LOCI_ERROR_LIMIT, "%zu rows of %zu numbers are too many", n, dim);
  if (status == LOCI_OK) {
    q.rows = loci__alloc_aligned(context, cells * sizeof *q.rows);
    q.packed = loci__alloc_aligned(context, all);
    q.scores = loci__alloc_aligned(context, loci__pool_size(context) * SLICE * q.width * sizeof *q.scores);
    q.biases = loci__alloc_aligned(context, q.n_blocks * q.width * sizeof *q.biases);
    q.halves = loci__alloc_array(context, n, sizeof *q.halves);
    q.thresholds = loci__alloc_array(context, n, sizeof *q.thresholds);
    q.heaps = loci__alloc_array(context, n, q.kept * sizeof *q.heaps);
    q.counts = loci__alloc_zero(context, n, sizeof *q.counts);
    out->index = loci__alloc_array(context, n, out->k * sizeof *out->index);
    out->square = loci__alloc_array(context, n, out->k * sizeof *out->square);
    if (!q.rows || !q.packed || !q.scores || !q.biases || !q.halves || !q.thresholds || !q.heaps || !q.counts ||
        !out->index || !out->square)
      status = loci__fail_memory(error, 2 * all + numbers * sizeof *q.heaps, "the graph of nearest neighbours");
  }
  if (status == LOCI_OK) status = compute(&q, rows, metric, meter, error);
  loci__free_aligned(context, q.rows);
  loci__free_aligned(context, q.packed);
  loci__free_aligned(context, q.scores);
  loci__free_aligned(context, q.biases);
  loci__free(context, q.halves);
  loci__free(context, q.thresholds);
  loci__free(context, q.heaps);
  loci__free(context, q.counts);
  if (status != LOCI_OK) loci_graph_release(out);
  return status;
}

loci_status loci_graph_build(loci_context *context, const float *rows, size_t n, size_t dim, size_t k,
                             loci_metric metric, loci_progress_fn progress, void *progress_user, loci_graph *out,
                             loci_error *error) {
  loci__meter meter;
  loci__meter_init(&meter, progress, progress_user);
  return loci__graph_build(context, rows, n, dim, k, metric, &meter, out, error);
}

void loci_graph_release(loci_graph *graph) {
  if (graph == NULL) return;
  loci__free(graph->context, graph->index);
  loci__free(graph->context, graph->square);
  *graph = (loci_graph){0};
}

double loci_graph_score(const loci_graph *graph, size_t point, size_t neighbor) {
  const double square = (double)graph->square[point * graph->k + neighbor];
  if (graph->metric == LOCI_METRIC_L2) return sqrt(square);
  const double cosine = 1 - square / 2;
  return cosine < -1 ? -1 : cosine;
}
