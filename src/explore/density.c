/* explore/density.c: the minimum spanning tree of mutual reachability (Campello, Moulavi and Sander 2013), exactly.
 *
 * All pairs come from near.c: products leave out what is certainly too far, and what is left is measured in double, so that
 * the tree is that of the true distances.
 *
 * 1. The NEAR nearest points of each point; the min_samples-th distance is its core distance.
 * 2. Borůvka's algorithm (1926): in each round every component takes its cheapest edge to another one. A point's edge is
 *    looked for among its nearest first. Every other edge of it costs at least its furthest known neighbour's distance,
 *    `reach`; only points for which that is below the best edge their component has so far are multiplied with all
 *    others, and what they learn (an edge, or a greater `reach`) holds for the rounds to come: edges to other components
 *    become fewer, never cheaper.
 *
 * Threads: a task is a block of points; it writes what belongs to its points, and reads what the round before left.
 */
#include "cluster.h"

#include <math.h>

enum { BLOCK = LOCI__PAIRS_BLOCK, NEAR = 16 };

typedef struct outgoing {
  size_t to; /* SIZE_MAX = none known */
  double weight;
} outgoing;

typedef struct density {
  const loci__points *points;
  loci_context *context;
  loci__pairs pairs;
  size_t n_near; /* neighbours of each: `near` and their distances, nearest first */
  uint32_t *near;
  double *distances;
  double *core, *reach;
  outgoing *edges, *best; /* a point's cheapest edge out of its component; a component's, by its root */
  size_t *from;           /* the point that the component's best edge starts at */
  size_t *component, *parent;
  size_t *search, n_search; /* points that must be multiplied with all */
} density;

/* ---- rounds ---------------------------------------------------------------------------------------------- */

static double greater(double a, double b) {
  return a > b ? a : b;
}

static void take_outgoing(void *arg, size_t point, size_t first, size_t count, const float *scores) {
  const density *d = arg;
  outgoing *edge = &d->edges[point];
  const size_t own = d->component[point];
  float least = loci__pairs_least(&d->pairs, point, edge->weight);
  for (size_t j = 0; j < count; j++) {
    const size_t other = first + j;
    if (!(scores[j] >= least) || d->component[other] == own || !(d->core[other] < edge->weight)) continue;
    const double weight =
        greater(greater(d->core[point], d->core[other]), loci__pairs_distance(&d->pairs, point, other));
    if (!(weight < edge->weight)) continue;
    *edge = (outgoing){other, weight};
    least = loci__pairs_least(&d->pairs, point, weight);
  }
}

/* Only an edge that is cheaper than the component's best one is of use. */
static loci_status search_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  density *d = arg;
  const size_t first = task * BLOCK, count = first + BLOCK < d->n_search ? BLOCK : d->n_search - first;
  for (size_t i = first; i < first + count; i++) {
    const size_t point = d->search[i];
    d->edges[point] = (outgoing){SIZE_MAX, d->best[d->component[point]].weight};
  }
  loci__pairs_multiply(&d->pairs, d->search, first, count, worker, take_outgoing, d);
  for (size_t i = first; i < first + count; i++) d->reach[d->search[i]] = d->edges[d->search[i]].weight;
  return LOCI_OK;
}

static size_t root_of(size_t *parent, size_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

static void offer(density *d, size_t point, outgoing edge) {
  const size_t own = d->component[point];
  if (edge.to != SIZE_MAX && edge.weight < d->best[own].weight) d->best[own] = edge, d->from[own] = point;
}

/* The cheapest edge of a point among its nearest, unless the one that is known still leads out. */
static void look_near(density *d, size_t point) {
  outgoing *edge = &d->edges[point];
  if (edge->to != SIZE_MAX && d->component[edge->to] != d->component[point]) return;
  *edge = (outgoing){SIZE_MAX, INFINITY};
  for (size_t i = 0; i < d->n_near; i++) {
    const size_t other = d->near[point * d->n_near + i];
    if (d->component[other] == d->component[point]) continue;
    const double weight = greater(greater(d->core[point], d->core[other]), d->distances[point * d->n_near + i]);
    if (weight < edge->weight) *edge = (outgoing){other, weight};
  }
}

static loci_status one_round(density *d, loci__edge *out, size_t *n_edges, loci_error *error) {
  const size_t n = d->points->n;
  for (size_t i = 0; i < n; i++) {
    d->component[i] = root_of(d->parent, i);
    d->best[i] = (outgoing){SIZE_MAX, INFINITY};
  }
  for (size_t i = 0; i < n; i++) {
    look_near(d, i);
    offer(d, i, d->edges[i]);
  }
  d->n_search = 0;
  for (size_t i = 0; i < n; i++)
    if (d->reach[i] < d->edges[i].weight && d->reach[i] < d->best[d->component[i]].weight) d->search[d->n_search++] = i;
  LOCI__TRY(loci__pool_run(d->context, (d->n_search + BLOCK - 1) / BLOCK, search_task, d, error));
  for (size_t i = 0; i < d->n_search; i++) offer(d, d->search[i], d->edges[d->search[i]]);
  /* Among equal weights components may choose in a circle: the edge that would close it is left out, and is no cheaper. */
  for (size_t c = 0; c < n; c++) {
    if (d->component[c] != c || d->best[c].to == SIZE_MAX) continue;
    const size_t a = root_of(d->parent, c), b = root_of(d->parent, d->best[c].to);
    if (a == b) continue;
    d->parent[a > b ? a : b] = a > b ? b : a;
    out[(*n_edges)++] = (loci__edge){d->from[c], d->best[c].to, d->best[c].weight};
  }
  return LOCI_OK;
}

/* ---- all of it ------------------------------------------------------------------------------------------- */

static loci_status allocate(density *d, loci_error *error) {
  const size_t n = d->points->n;
  d->near = loci__alloc_array(d->context, n, d->n_near * sizeof *d->near);
  d->distances = loci__alloc_array(d->context, n, d->n_near * sizeof *d->distances);
  d->core = loci__alloc_array(d->context, n, sizeof *d->core);
  d->reach = loci__alloc_array(d->context, n, sizeof *d->reach);
  d->edges = loci__alloc_array(d->context, n, sizeof *d->edges);
  d->best = loci__alloc_array(d->context, n, sizeof *d->best);
  d->from = loci__alloc_array(d->context, n, sizeof *d->from);
  d->component = loci__alloc_array(d->context, n, sizeof *d->component);
  d->parent = loci__alloc_array(d->context, n, sizeof *d->parent);
  d->search = loci__alloc_array(d->context, n, sizeof *d->search);
  if (!d->near || !d->distances || !d->core || !d->reach || !d->edges || !d->best || !d->from || !d->component ||
      !d->parent || !d->search)
    return loci__fail_memory(error, n * d->n_near * sizeof *d->distances, "the neighbours of all points");
  return LOCI_OK;
}

static void release(density *d) {
  void *const memory[] = {d->near, d->distances, d->core,      d->reach,  d->edges,
                          d->best, d->from,      d->component, d->parent, d->search};
  for (size_t i = 0; i < LOCI__COUNT(memory); i++) loci__free(d->context, memory[i]);
}

static loci_status span(density *d, size_t min_samples, loci__meter *meter, loci__edge *out, loci_error *error) {
  const size_t n = d->points->n;
  LOCI__TRY(allocate(d, error));
  LOCI__TRY(loci__pairs_nearest(&d->pairs, d->n_near, d->near, d->distances, error));
  for (size_t i = 0; i < n; i++) {
    d->core[i] = min_samples > 1 ? d->distances[i * d->n_near + min_samples - 2] : 0;
    d->reach[i] = greater(d->core[i], d->distances[i * d->n_near + d->n_near - 1]);
    d->edges[i] = (outgoing){SIZE_MAX, INFINITY};
    d->parent[i] = i;
  }
  size_t n_edges = 0;
  while (n_edges + 1 < n) {
    const size_t before = n_edges;
    LOCI__TRY(loci__meter_at(meter, n_edges, NULL, error));
    LOCI__TRY(one_round(d, out, &n_edges, error));
    if (n_edges == before) return loci__fail(error, LOCI_ERROR_INTERNAL, "points that no edge joins");
  }
  return LOCI_OK;
}

loci_status loci__spanning_tree(const loci__points *points, size_t min_samples, loci__meter *meter, loci__edge *out,
                                loci_error *error) {
  const size_t n = points->n;
  if (n < 2) return LOCI_OK;
  density d = {.points = points, .context = points->context};
  if (min_samples > n) min_samples = n;
  d.n_near = min_samples > NEAR ? min_samples : NEAR;
  if (d.n_near > n - 1) d.n_near = n - 1;
  LOCI__TRY(loci__pairs_init(&d.pairs, points, error));
  const loci_status status = span(&d, min_samples, meter, out, error);
  loci__pairs_release(&d.pairs);
  release(&d);
  return status;
}
