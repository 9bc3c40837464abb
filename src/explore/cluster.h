/* explore/cluster.h: what the files of clustering share.
 *
 *   points.c   the rows that are points, of unit length or as they are, about their mean
 *   kmeans.c   seeds, Lloyd's iterations, restarts
 *   assign.c   which centre is nearest to each point
 *   near.c     all pairs of points; the nearest of each
 *   density.c  how dense it is around each point, and the tree that joins them at least cost
 *   hdbscan.c  that tree as a hierarchy of clusters, and those of them that last
 *   clusters.c the answer: numbers by size, centres; what a cluster is about
 *
 * A clustering works on a copy of its rows: distances do not change when the mean is taken away, and numbers near 0 lose
 * less in single precision than a cloud far from it.
 */
#ifndef LOCI_EXPLORE_CLUSTER_H
#define LOCI_EXPLORE_CLUSTER_H

#include "../kernel/kernel.h"
#include "explore.h"
#include "loci/cluster.h"

typedef struct loci__points {
  loci_context *context;
  size_t n_rows; /* that were asked for */
  size_t n, dim;
  float *rows;     /* n × dim, about their mean, times scale; 64-byte aligned */
  size_t *origin;  /* n: which of the asked rows, ascending */
  double *mean;    /* dim: what was taken away */
  double scale;    /* a power of two: 1 unless squares would leave a float's range */
  double variance; /* of `rows`, mean over dimensions */
} loci__points;

/* rows NULL: all of the vectors. USAGE when a row is not there or the metric is the dot product. */
loci_status loci__points_make(const loci_vectors *vectors, const size_t *rows, size_t n_rows, loci_metric metric,
                              loci__points *out, loci_error *error);
void loci__points_release(loci__points *points);

/* ---- assign.c ---- */

/* Centres as a product wants them: s(x, c) = x·c − |c|²/2 is greatest where |x − c|² = |x|² − 2·s is smallest. */
typedef struct loci__assign {
  const loci__points *points;
  const loci__kernels *kernels;
  size_t k, width;      /* width: k in whole panels */
  float *packed, *bias; /* width × dim, width */
  int32_t *labels;      /* n: of the last call; −1 before */
  /* of the last call, when there are bounds */
  float *bounds;       /* n × width, or NULL */
  float *before;       /* k × dim: the centres */
  double *moved;       /* k + 1: how far each centre has come, all its moves added; at the end what none passes */
  float *drift;        /* width: the same */
  float *groups;       /* n × width / 16: bounds of sixteen centres together */
  float *own;          /* n: of the own centre, from below */
  double *group_moved; /* of each group: the greatest moves, the greatest growths of −|c|²/2, each added up */
  float *group_drift;  /* the same */
  float *centers;      /* k × dim: of this call, in the order of the groups */
  uint32_t *order;     /* k: the centre at each place; the place of each centre */
  uint32_t *places;
  size_t n_calls;
  float *lengths;  /* n: |x| */
  double greatest; /* |c| */
  bool fresh;      /* there is no last call */
  /* a worker each */
  float *scores, *picked;
  uint32_t *picks;
  size_t *counts;
  uint64_t *n_products;
} loci__assign;

/* plain: no bounds; every product is made in every call. */
loci_status loci__assign_init(loci__assign *a, const loci__points *points, size_t k, bool plain, loci_error *error);
void loci__assign_release(loci__assign *a);
/* labels of all points for these centres (k × dim), equal distances to the lower centre. The same labels with and without
 * bounds, by any kernels, at any number of threads. */
loci_status loci__assign_run(loci__assign *a, const float *centers, loci_error *error);
/* Points × centres that were multiplied so far. */
uint64_t loci__assign_products(const loci__assign *a);

/* ---- near.c ---- */

enum { LOCI__PAIRS_BLOCK = 128 };

/* Points packed, to be multiplied with points. */
typedef struct loci__pairs {
  const loci__points *points;
  const loci__kernels *kernels;
  size_t width; /* n in whole panels */
  float *packed, *bias, *scores, *gathered;
  double *squares; /* |x|² */
  double slack;    /* by how much a product may be wrong at most, as a squared distance over |x|·|y| */
  double greatest; /* |y| */
} loci__pairs;

/* `points` must outlive it. */
loci_status loci__pairs_init(loci__pairs *pairs, const loci__points *points, loci_error *error);
void loci__pairs_release(loci__pairs *pairs);
double loci__pairs_distance(const loci__pairs *pairs, size_t a, size_t b);
/* A product below this says that the distance is above `bound`; −Inf when none can. */
float loci__pairs_least(const loci__pairs *pairs, size_t point, double bound);
/* Told of a point: its products with points first … first + count. */
typedef void (*loci__pairs_fn)(void *arg, size_t point, size_t first, size_t count, const float *scores);
/* Points list[first … first + count) (list NULL: these points), at most LOCI__PAIRS_BLOCK, with all, slice by slice in
 * order. For a task of the pool. */
void loci__pairs_multiply(const loci__pairs *pairs, const size_t *list, size_t first, size_t count, size_t worker,
                          loci__pairs_fn take, void *arg);
/* The n_near < n nearest points of each point and their distances (n × n_near), nearest first, equal ones in order. */
loci_status loci__pairs_nearest(const loci__pairs *pairs, size_t n_near, uint32_t *near, double *distances,
                                loci_error *error);

/* ---- density.c ---- */

typedef struct loci__edge {
  size_t a, b;
  double weight;
} loci__edge;

/* The minimum spanning tree (n − 1 edges into out, in no order) of the points by mutual reachability: the greatest of the
 * distance of two and of their core distances, each the distance of its min_samples-th nearest point, itself counted. */
loci_status loci__spanning_tree(const loci__points *points, size_t min_samples, loci__meter *meter, loci__edge *out,
                                loci_error *error);

/* ---- clusters.c ---- */

/* labels: of each point, 0…k−1 or −1, all k with members. Fills labels, sizes, centres, inertia and n_left_out of *out
 * (empty, but for its context), the largest cluster first. strength: of each point, or NULL. */
loci_status loci__clusters_make(const loci__points *points, const int32_t *labels, const float *strength, size_t k,
                                loci_clusters *out, loci_error *error);

#endif
