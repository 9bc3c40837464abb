/* explore/path.c: the shortest way between two rows along near neighbours.
 *
 * The graph: every row has a step to each of its k nearest rows, of cost 1 − cosine. It is never built: Dijkstra's search
 * (1959) from both ends (Pohl 1971) asks only for the neighbours of the rows that it reaches, BATCH of them in one blocked
 * product, the ones on top of the queue and those that are likely to come next. Both searches go along steps out of a row,
 * so a path is a → … → m ← … ← b: each two words on it are near because one is among the other's k nearest. It ends
 * when neither queue has a distance below the best path found. (The usual rule, that the two smallest add up to no less, needs
 * steps that both searches can take; here a row's nearest need not have it among theirs.)
 *
 * A row's neighbours are the same whatever batch they are asked for in, so the answer depends on neither batches nor
 * threads.
 */
#include "align.h"

#include <math.h>

enum { BATCH = 64 };

typedef struct step {
  double distance;
  uint32_t row;
} step;

typedef struct side {
  double *distances; /* n; INFINITY: not reached */
  uint32_t *before;  /* n: the row that it was reached from */
  bool *done;
  step *queue; /* a heap, the smallest first; a row may stand in it again with a smaller distance */
  size_t n_queue, capacity;
} side;

typedef struct search {
  loci_context *context;
  const loci_vectors *vectors;
  size_t k;
  loci__packed_rows rows;
  side sides[2];
  int32_t *lists; /* n: number of the row's list, −1: not known */
  uint32_t *neighbors;
  double *costs; /* k a list */
  size_t n_lists, neighbors_capacity, costs_capacity;
  float *targets; /* BATCH × dim */
  size_t left_out[BATCH];
  loci_neighbor *found; /* BATCH × k */
  double best;
  size_t meeting;
} search;

/* ---- the queue: equal distances in the order of the rows ---- */

static bool before(const step *a, const step *b) {
  return a->distance < b->distance || (a->distance == b->distance && a->row < b->row);
}

static bool push(search *s, side *q, step item) {
  if (!loci__grow(s->context, &q->queue, &q->capacity, q->n_queue + 1, sizeof *q->queue)) return false;
  size_t at = q->n_queue++;
  for (; at > 0 && before(&item, &q->queue[(at - 1) / 2]); at = (at - 1) / 2) q->queue[at] = q->queue[(at - 1) / 2];
  q->queue[at] = item;
  return true;
}

static step pop(side *q) {
  const step top = q->queue[0], last = q->queue[--q->n_queue];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < q->n_queue; at = child) {
    if (child + 1 < q->n_queue && before(&q->queue[child + 1], &q->queue[child])) child++;
    if (!before(&q->queue[child], &last)) break;
    q->queue[at] = q->queue[child];
  }
  q->queue[at] = last;
  return top;
}

/* Rows that are done with are taken off the top. */
static double smallest(side *q) {
  while (q->n_queue > 0 && q->done[q->queue[0].row]) pop(q);
  return q->n_queue > 0 ? q->queue[0].distance : INFINITY;
}

/* ---- neighbours ---- */

static loci_status look(search *s, const uint32_t *batch, size_t n, loci_error *error) {
  const size_t dim = s->vectors->dim, k = s->k;
  for (size_t i = 0; i < n; i++) {
    loci__unit(s->vectors->rows + batch[i] * dim, dim, s->targets + i * dim);
    s->left_out[i] = batch[i];
  }
  const loci__wanted wanted = {.targets = s->targets, .m = n, .k = k, .left_out = s->left_out};
  LOCI__TRY(loci__packed_rows_nearest(&s->rows, &wanted, s->found, error));
  if (!loci__grow(s->context, &s->neighbors, &s->neighbors_capacity, (s->n_lists + n) * k, sizeof *s->neighbors) ||
      !loci__grow(s->context, &s->costs, &s->costs_capacity, (s->n_lists + n) * k, sizeof *s->costs))
    return loci__fail_memory(error, (s->n_lists + n) * k * sizeof *s->costs, "the neighbours of a search");
  for (size_t i = 0; i < n; i++) {
    const size_t list = s->n_lists++;
    s->lists[batch[i]] = (int32_t)list;
    for (size_t j = 0; j < k; j++) {
      const size_t row = s->found[i * k + j].index;
      const bool there = row != SIZE_MAX;
      s->neighbors[list * k + j] = there ? (uint32_t)row : UINT32_MAX;
      double cosine = 0;
      if (there)
        cosine = loci_measure(s->vectors->rows + batch[i] * dim, s->vectors->rows + row * dim, dim, LOCI_METRIC_COSINE);
      s->costs[list * k + j] = 1 - cosine;
    }
  }
  return LOCI_OK;
}

/* The neighbours of `row`, and of rows that stand near the top of the queue. */
static loci_status need(search *s, const side *q, uint32_t row, loci_error *error) {
  if (s->lists[row] >= 0) return LOCI_OK;
  uint32_t batch[BATCH];
  size_t n = 0;
  batch[n++] = row;
  s->lists[row] = INT32_MAX; /* taken */
  for (size_t i = 0; i < q->n_queue && i < 4 * BATCH && n < BATCH; i++) {
    const uint32_t other = q->queue[i].row;
    if (q->done[other] || s->lists[other] >= 0) continue;
    s->lists[other] = INT32_MAX;
    batch[n++] = other;
  }
  return look(s, batch, n, error);
}

/* ---- the search ---- */

static loci_status advance(search *s, size_t which, loci_error *error) {
  side *mine = &s->sides[which], *theirs = &s->sides[1 - which];
  const step at = pop(mine);
  mine->done[at.row] = true;
  LOCI__TRY(need(s, mine, at.row, error));
  const size_t list = (size_t)s->lists[at.row];
  for (size_t j = 0; j < s->k; j++) {
    const uint32_t row = s->neighbors[list * s->k + j];
    if (row == UINT32_MAX) break;
    const double distance = at.distance + s->costs[list * s->k + j];
    if (!(distance < mine->distances[row])) continue;
    mine->distances[row] = distance;
    mine->before[row] = at.row;
    if (!push(s, mine, (step){distance, row}))
      return loci__fail_memory(error, mine->capacity * sizeof(step), "a queue");
    if (distance + theirs->distances[row] < s->best) {
      s->best = distance + theirs->distances[row];
      s->meeting = row;
    }
  }
  return LOCI_OK;
}

static loci_status go(search *s, size_t from, size_t to, loci_error *error) {
  const size_t ends[2] = {from, to};
  for (size_t i = 0; i < 2; i++) {
    s->sides[i].distances[ends[i]] = 0;
    if (!push(s, &s->sides[i], (step){0, (uint32_t)ends[i]})) return loci__fail_memory(error, sizeof(step), "a queue");
  }
  for (;;) {
    const double a = smallest(&s->sides[0]), b = smallest(&s->sides[1]);
    if (!(a < s->best) && !(b < s->best)) return LOCI_OK;
    LOCI__TRY(advance(s, a <= b ? 0 : 1, error));
  }
}

/* ---- what is told ---- */

static loci_status tell(search *s, size_t from, size_t to, loci_path *out, loci_error *error) {
  const loci_vectors *v = s->vectors;
  if (s->best == INFINITY)
    return loci__fail(error, LOCI_ERROR_NOT_FOUND,
                      "there is no way from '%s' to '%s' by the %zu nearest of each word: try more of them",
                      v->words[from], v->words[to], s->k);
  size_t out_steps = 0, in_steps = 0;
  for (size_t at = s->meeting; at != from; at = s->sides[0].before[at]) out_steps++;
  for (size_t at = s->meeting; at != to; at = s->sides[1].before[at]) in_steps++;
  out->n = out_steps + in_steps + 1;
  out->rows = loci__alloc_array(s->context, out->n, sizeof *out->rows);
  out->cosines = loci__alloc_array(s->context, out->n, sizeof *out->cosines);
  out->shared = loci__alloc_array(s->context, s->k, sizeof *out->shared);
  if (out->rows == NULL || out->cosines == NULL || out->shared == NULL)
    return loci__fail_memory(error, out->n * sizeof *out->rows, "a path");
  size_t place = out_steps;
  for (size_t at = s->meeting;; at = s->sides[0].before[at]) {
    out->rows[place] = at;
    if (place-- == 0) break;
  }
  place = out_steps;
  for (size_t at = s->meeting; at != to;) {
    at = s->sides[1].before[at];
    out->rows[++place] = at;
  }
  out->weakest = 1;
  for (size_t i = 0; i + 1 < out->n; i++) {
    out->cosines[i] =
        loci_measure(v->rows + out->rows[i] * v->dim, v->rows + out->rows[i + 1] * v->dim, v->dim, LOCI_METRIC_COSINE);
    out->length += 1 - out->cosines[i];
    if (out->cosines[i] < out->weakest) out->weakest = out->cosines[i];
  }
  out->direct = loci_measure(v->rows + from * v->dim, v->rows + to * v->dim, v->dim, LOCI_METRIC_COSINE);
  out->n_expanded = s->n_lists;
  const uint32_t *a = s->neighbors + (size_t)s->lists[from] * s->k, *b = s->neighbors + (size_t)s->lists[to] * s->k;
  for (size_t i = 0; i < s->k && a[i] != UINT32_MAX; i++)
    for (size_t j = 0; j < s->k; j++)
      if (a[i] == b[j]) out->shared[out->n_shared++] = a[i];
  return LOCI_OK;
}

static bool is_direction(const loci_vectors *v, size_t row) {
  double square = 0;
  for (size_t i = 0; i < v->dim; i++) square += (double)v->rows[row * v->dim + i] * v->rows[row * v->dim + i];
  return isfinite(square) && square > 0;
}

static loci_status prepare(search *s, size_t most, loci_error *error) {
  const size_t n = s->vectors->n, dim = s->vectors->dim;
  LOCI__TRY(loci__packed_rows_init(&s->rows, s->context, s->vectors->rows, most, dim, error));
  s->lists = loci__alloc_array(s->context, n, sizeof *s->lists);
  s->targets = loci__alloc_array(s->context, BATCH, dim * sizeof *s->targets);
  s->found = loci__alloc_array(s->context, BATCH, s->k * sizeof *s->found);
  bool there = s->lists != NULL && s->targets != NULL && s->found != NULL;
  for (size_t i = 0; i < 2; i++) {
    side *q = &s->sides[i];
    q->distances = loci__alloc_array(s->context, n, sizeof *q->distances);
    q->before = loci__alloc_array(s->context, n, sizeof *q->before);
    q->done = loci__alloc_zero(s->context, n, sizeof *q->done);
    there = there && q->distances != NULL && q->before != NULL && q->done != NULL;
    for (size_t j = 0; there && j < n; j++) q->distances[j] = INFINITY;
  }
  if (!there) return loci__fail_memory(error, n * 2 * sizeof(double), "a search");
  memset(s->lists, 0xff, n * sizeof *s->lists);
  return LOCI_OK;
}

loci_status loci_path_find(const loci_vectors *vectors, size_t from, size_t to, size_t k, size_t most, loci_path *out,
                           loci_error *error) {
  *out = (loci_path){.context = vectors->context};
  if (from >= vectors->n || to >= vectors->n || k == 0)
    return loci__fail(error, LOCI_ERROR_USAGE, "loci_path_find: rows that are there, and at least 1 neighbour");
  const size_t ends[2] = {from, to};
  for (size_t i = 0; i < 2; i++)
    if (!is_direction(vectors, ends[i]))
      return loci__fail(error, LOCI_ERROR_USAGE, "the vector of '%s' is zero or not finite: nothing is near to it",
                        vectors->words[ends[i]]);
  if (most == 0 || most > vectors->n) most = vectors->n;
  if (k > most) k = most;
  search s = {
      .context = vectors->context, .vectors = vectors, .k = k, .best = from == to ? 0 : INFINITY, .meeting = from};
  loci_status status = prepare(&s, most, error);
  if (status == LOCI_OK) status = go(&s, from, to, error);
  /* What both ends share is told even when the search had no need of it. */
  if (status == LOCI_OK) status = need(&s, &s.sides[0], (uint32_t)from, error);
  if (status == LOCI_OK) status = need(&s, &s.sides[1], (uint32_t)to, error);
  if (status == LOCI_OK) status = tell(&s, from, to, out, error);
  loci__packed_rows_release(&s.rows);
  for (size_t i = 0; i < 2; i++) {
    loci__free(s.context, s.sides[i].distances);
    loci__free(s.context, s.sides[i].before);
    loci__free(s.context, s.sides[i].done);
    loci__free(s.context, s.sides[i].queue);
  }
  loci__free(s.context, s.lists);
  loci__free(s.context, s.neighbors);
  loci__free(s.context, s.costs);
  loci__free(s.context, s.targets);
  loci__free(s.context, s.found);
  if (status != LOCI_OK) loci_path_release(out);
  return status;
}

void loci_path_release(loci_path *path) {
  loci__free(path->context, path->rows);
  loci__free(path->context, path->cosines);
  loci__free(path->context, path->shared);
  path->rows = path->shared = NULL;
  path->cosines = NULL;
}
