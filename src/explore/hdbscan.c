/* explore/hdbscan.c: HDBSCAN* (Campello, Moulavi and Sander 2013; McInnes and Healy 2017).
 *
 * The edges of the spanning tree (density.c), cheapest first, join points into a dendrogram: node n + e is made by the
 * e-th edge, at density λ = 1 / weight. Read from the top it is condensed: a node whose two parts both have
 * min_cluster_size points ends a cluster and begins two; else the small part's points fall out of the cluster, which goes
 * on in the other. A cluster's stability is Σ over its points of the λ at which each left, less the λ at which the cluster
 * began. Of all sets of clusters, no one inside another, the one of greatest total stability is chosen (excess of mass),
 * from the leaves upwards; or the leaves. A point's strength is its own λ over the greatest λ of its cluster.
 *
 * Points at distance 0 have no finite λ; it is held at MOST_LAMBDA.
 */
#include "cluster.h"

#include <math.h>
#include <stdlib.h>

static const double MOST_LAMBDA = 1e30;

void loci_hdbscan_options_init(loci_hdbscan_options *options) {
  *options = (loci_hdbscan_options){.struct_size = sizeof *options};
}

typedef struct group {
  size_t parent; /* SIZE_MAX for the first */
  size_t size;
  double born, stability, greatest; /* λ at which it began; λ at which its last points left it */
  bool has_parts, chosen;
} group;

typedef struct hierarchy {
  loci_context *context;
  const loci_hdbscan_options *options;
  size_t n, least; /* points; min_cluster_size */
  loci__edge *edges;
  size_t *left, *right, *sizes; /* of node n + e: n − 1 each */
  size_t *stack;                /* pairs: node, group */
  group *groups;
  size_t n_groups;
  size_t *group_of; /* of a point: which it fell out of */
  double *lambda;   /* and at which density */
} hierarchy;

static int by_weight(const void *a, const void *b) {
  const loci__edge *x = a, *y = b;
  if (x->weight != y->weight) return x->weight < y->weight ? -1 : 1;
  if (x->a != y->a) return x->a < y->a ? -1 : 1;
  return (x->b > y->b) - (x->b < y->b);
}

static size_t root_of(size_t *parent, size_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

static size_t size_of(const hierarchy *h, size_t node) {
  return node < h->n ? 1 : h->sizes[node - h->n];
}

/* parent, made: n of scratch each; made[root] = the node that stands for the set. */
static void build(hierarchy *h, size_t *parent, size_t *made) {
  qsort(h->edges, h->n - 1, sizeof *h->edges, by_weight);
  for (size_t i = 0; i < h->n; i++) parent[i] = made[i] = i;
  for (size_t e = 0; e + 1 < h->n; e++) {
    const size_t a = root_of(parent, h->edges[e].a), b = root_of(parent, h->edges[e].b);
    h->left[e] = made[a];
    h->right[e] = made[b];
    h->sizes[e] = size_of(h, made[a]) + size_of(h, made[b]);
    parent[b] = a;
    made[a] = h->n + e;
  }
}

static double lambda_of(double weight) {
  return weight * MOST_LAMBDA > 1 ? 1 / weight : MOST_LAMBDA;
}

/* All points below a node leave a group; `top` is where the stack is free. */
static void leave(hierarchy *h, size_t node, size_t own, double lambda, size_t top) {
  group *g = &h->groups[own];
  const size_t bottom = top;
  h->stack[top++] = node;
  while (top > bottom) {
    const size_t at = h->stack[--top];
    if (at >= h->n) {
      h->stack[top++] = h->left[at - h->n];
      h->stack[top++] = h->right[at - h->n];
      continue;
    }
    h->group_of[at] = own;
    h->lambda[at] = lambda;
    g->stability += lambda - g->born;
    if (lambda > g->greatest) g->greatest = lambda;
  }
}

static size_t begin(hierarchy *h, size_t parent, size_t size, double lambda) {
  h->groups[h->n_groups] = (group){.parent = parent, .size = size, .born = lambda};
  return h->n_groups++;
}

/* Groups come out parents first. */
static void condense(hierarchy *h) {
  size_t top = 0;
  begin(h, SIZE_MAX, h->n, 0);
  h->stack[top++] = 2 * h->n - 2;
  h->stack[top++] = 0;
  while (top > 0) {
    const size_t own = h->stack[--top], node = h->stack[--top] - h->n;
    const size_t part[] = {h->left[node], h->right[node]};
    const size_t size[] = {size_of(h, part[0]), size_of(h, part[1])};
    const double lambda = lambda_of(h->edges[node].weight);
    if (size[0] >= h->least && size[1] >= h->least) {
      group *g = &h->groups[own];
      g->has_parts = true;
      g->stability += (double)(size[0] + size[1]) * (lambda - g->born);
      if (lambda > g->greatest) g->greatest = lambda;
      for (int i = 0; i < 2; i++) {
        h->stack[top++] = part[i];
        h->stack[top++] = begin(h, own, size[i], lambda);
      }
      continue;
    }
    for (int i = 0; i < 2; i++)
      if (size[i] < h->least) leave(h, part[i], own, lambda, top);
    for (int i = 0; i < 2; i++)
      if (size[i] >= h->least) {
        h->stack[top++] = part[i];
        h->stack[top++] = own;
      }
  }
}

/* Excess of mass: a group is chosen where it is at least as stable as what was chosen inside it. sums: n_groups. */
static void choose(hierarchy *h, double *sums) {
  for (size_t i = 0; i < h->n_groups; i++) sums[i] = 0;
  for (size_t i = h->n_groups; i-- > 0;) {
    group *g = &h->groups[i];
    const bool may = i > 0 || h->options->allow_single;
    g->chosen = may && (h->options->leaf ? !g->has_parts : !(sums[i] > g->stability));
    const double best = g->chosen ? g->stability : sums[i];
    if (i > 0) sums[g->parent] += best;
  }
  for (size_t i = 1; i < h->n_groups; i++) { /* of nested ones the outer one */
    for (size_t up = h->groups[i].parent; up != SIZE_MAX && h->groups[i].chosen; up = h->groups[up].parent)
      if (h->groups[up].chosen) h->groups[i].chosen = false;
  }
}

/* number: of each group, its label or −1. Returns how many clusters there are. */
static size_t label(const hierarchy *h, int32_t *number, int32_t *labels, float *strength) {
  size_t k = 0;
  for (size_t i = 0; i < h->n_groups; i++) {
    const group *g = &h->groups[i];
    number[i] = g->chosen ? (int32_t)k++ : g->parent == SIZE_MAX ? -1 : number[g->parent];
  }
  for (size_t i = 0; i < h->n; i++) {
    labels[i] = number[h->group_of[i]];
    strength[i] = 0;
    if (labels[i] < 0) continue;
    size_t own = h->group_of[i];
    while (!h->groups[own].chosen) own = h->groups[own].parent;
    const double greatest = h->groups[own].greatest;
    /* All points in one cluster would be no answer: only the core that stays to the end is in it. */
    if (own == 0 && h->lambda[i] < greatest) labels[i] = -1;
    else strength[i] = greatest > 0 && h->lambda[i] < greatest ? (float)(h->lambda[i] / greatest) : 1;
  }
  return k;
}

static loci_status cluster(hierarchy *h, const loci__points *p, loci_clusters *out, loci_error *error) {
  const size_t n = p->n, most_groups = 2 * (n / h->least) + 1;
  h->n = n;
  h->edges = loci__alloc_array(h->context, n, sizeof *h->edges);
  h->left = loci__alloc_array(h->context, n, sizeof *h->left);
  h->right = loci__alloc_array(h->context, n, sizeof *h->right);
  h->sizes = loci__alloc_array(h->context, n, sizeof *h->sizes);
  h->stack = loci__alloc_array(h->context, n, 4 * sizeof *h->stack);
  h->groups = loci__alloc_array(h->context, most_groups, sizeof *h->groups);
  h->group_of = loci__alloc_array(h->context, n, sizeof *h->group_of);
  h->lambda = loci__alloc_array(h->context, n, sizeof *h->lambda);
  int32_t *labels = loci__alloc_array(h->context, n, sizeof *labels);
  float *strength = loci__alloc_array(h->context, n, sizeof *strength);
  int32_t *number = loci__alloc_array(h->context, most_groups, sizeof *number);
  double *sums = loci__alloc_array(h->context, most_groups, sizeof *sums);
  loci_status status = LOCI_OK;
  if (!h->edges || !h->left || !h->right || !h->sizes || !h->stack || !h->groups || !h->group_of || !h->lambda ||
      !labels || !strength || !number || !sums)
    status = loci__fail_memory(error, n * 4 * sizeof *h->stack, "a hierarchy of clusters");
  loci__meter meter;
  loci__meter_init(&meter, h->options->progress, h->options->progress_user);
  if (status == LOCI_OK) status = loci__meter_stage(&meter, "clustering", "joined", n - 1, error);
  const size_t samples = h->options->min_samples ? h->options->min_samples : h->least;
  if (status == LOCI_OK) status = loci__spanning_tree(p, samples, &meter, h->edges, error);
  if (status == LOCI_OK) status = loci__meter_end(&meter, error);
  if (status == LOCI_OK) {
    build(h, h->stack, h->stack + n);
    condense(h);
    choose(h, sums);
    const size_t k = label(h, number, labels, strength);
    status = loci__clusters_make(p, labels, strength, k, out, error);
    out->converged = 1;
  }
  loci__free(h->context, labels);
  loci__free(h->context, strength);
  loci__free(h->context, number);
  loci__free(h->context, sums);
  void *const memory[] = {h->edges, h->left, h->right, h->sizes, h->stack, h->groups, h->group_of, h->lambda};
  for (size_t i = 0; i < LOCI__COUNT(memory); i++) loci__free(h->context, memory[i]);
  return status;
}

/* Too few rows for any cluster. */
static loci_status none(const loci__points *p, loci_clusters *out, loci_error *error) {
  int32_t *labels = loci__alloc_array(p->context, p->n ? p->n : 1, sizeof *labels);
  float *strength = loci__alloc_zero(p->context, p->n ? p->n : 1, sizeof *strength);
  loci_status status = labels && strength ? LOCI_OK : loci__fail_memory(error, p->n * sizeof *labels, "labels");
  for (size_t i = 0; i < p->n && status == LOCI_OK; i++) labels[i] = -1;
  if (status == LOCI_OK) status = loci__clusters_make(p, labels, strength, 0, out, error);
  out->converged = 1;
  loci__free(p->context, labels);
  loci__free(p->context, strength);
  return status;
}

loci_status loci_hdbscan(const loci_vectors *vectors, const size_t *rows, size_t n_rows,
                         const loci_hdbscan_options *options, loci_clusters *out, loci_error *error) {
  *out = (loci_clusters){.context = vectors->context};
  hierarchy h = {.context = vectors->context, .options = options};
  h.least = options->min_cluster_size ? options->min_cluster_size : 5;
  if (h.least < 2) return loci__fail(error, LOCI_ERROR_USAGE, "a cluster of one row: min_cluster_size is at least 2");
  loci__points points;
  LOCI__TRY(loci__points_make(vectors, rows, n_rows, options->metric, &points, error));
  const loci_status status =
      points.n < h.least || points.n < 2 ? none(&points, out, error) : cluster(&h, &points, out, error);
  loci__points_release(&points);
  if (status != LOCI_OK) loci_clusters_release(out);
  return status;
}
