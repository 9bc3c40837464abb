/* loci/cluster.h: groups of vectors that nobody named.
 *
 * k-means cuts all rows into k groups around means; HDBSCAN finds groups that are denser than what lies around them, as
 * many as there are, and leaves the rest outside. Both see rows of unit length with LOCI_METRIC_COSINE, rows as they are
 * with LOCI_METRIC_L2. A row with NaN or an infinity in it, and under cosine the zero vector, is in no cluster.
 */
#ifndef LOCI_CLUSTER_H
#define LOCI_CLUSTER_H

#include "core.h"
#include "explore.h"
#include "vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Row i of what was clustered is row i of the vectors, or rows[i] when rows were named. */
typedef struct loci_clusters {
  loci_context *context;
  size_t n, k, dim;
  int32_t *labels; /* n: 0…k−1, or −1: in no cluster */
  float *strength; /* n: how firmly it belongs there, 0…1 (HDBSCAN's membership); NULL after k-means */
  size_t *sizes;   /* k; the largest first, of equal ones the one with the first row, unless centres were given */
  float *centers;  /* k × dim: the mean of the members, of unit length before they were summed under cosine */
  double inertia;  /* Σ squared distance of a member from its centre */
  size_t iterations;
  int converged;
  size_t n_left_out; /* rows that are no points: not finite, or zero under cosine */
} loci_clusters;

LOCI_API void loci_clusters_release(loci_clusters *clusters);

typedef struct loci_kmeans_options {
  size_t struct_size;
  size_t k;             /* 1…n; fewer clusters come back when there are fewer distinct rows */
  loci_metric metric;   /* LOCI_METRIC_COSINE or LOCI_METRIC_L2 */
  size_t n_init;        /* restarts, of which the smallest inertia counts; 0 = 10 up to 20,000 rows, else 1 */
  size_t most;          /* iterations; 0 = 300 */
  double tolerance;     /* stops when Σ |move of a centre|² is at most this much of the mean variance of a dimension;
                        * negative = only when no row changes its cluster. Default 1e-4 */
  const float *centers; /* k × dim: where the centres begin, instead of k-means++; NULL = k-means++. One run */
  uint64_t seed;
  int plain; /* non-zero: every distance in every iteration, without the bounds that spare most of them */
  loci_progress_fn progress;
  void *progress_user;
} loci_kmeans_options;

LOCI_API void loci_kmeans_options_init(loci_kmeans_options *options);

/* Lloyd's iterations from greedy k-means++ (Arthur and Vassilvitskii 2007). rows: which n_rows rows, NULL = all. The same
 * bits at any number of threads. USAGE for k of 0 or above the number of rows. */
LOCI_API loci_status loci_kmeans(const loci_vectors *vectors, const size_t *rows, size_t n_rows,
                                 const loci_kmeans_options *options, loci_clusters *out, loci_error *error);

typedef struct loci_hdbscan_options {
  size_t struct_size;
  loci_metric metric;      /* LOCI_METRIC_COSINE or LOCI_METRIC_L2 */
  size_t min_cluster_size; /* what is smaller is no cluster, at least 2; 0 = 5 */
  size_t min_samples;      /* a row is dense as far as its so many nearest rows reach, itself counted; 0 = as above */
  int leaf;                /* non-zero: the finest clusters instead of the most persistent ones */
  int allow_single;        /* non-zero: all may be one cluster */
  loci_progress_fn progress;
  void *progress_user;
} loci_hdbscan_options;

LOCI_API void loci_hdbscan_options_init(loci_hdbscan_options *options);

/* Clusters by density (Campello, Moulavi and Sander 2013): exact, all pairs are measured, 2·n²·dim multiplications for the
 * neighbours and up to as much again, a few times over, for the tree. Fewer rows than min_cluster_size are no error:
 * none of them is in a cluster. */
LOCI_API loci_status loci_hdbscan(const loci_vectors *vectors, const size_t *rows, size_t n_rows,
                                  const loci_hdbscan_options *options, loci_clusters *out, loci_error *error);

/* ---- what a cluster is about ---- */

enum { LOCI_CLUSTER_WORDS = 16 };

typedef struct loci_cluster_words {
  size_t n; /* of each: LOCI_CLUSTER_WORDS, or fewer when there are not as many members */
  loci_neighbor nearest[LOCI_CLUSTER_WORDS]; /* members by their cosine with the centre */
  loci_neighbor
      typical[LOCI_CLUSTER_WORDS]; /* members by that cosine less the greatest with another cluster's centre */
} loci_cluster_words;

/* For labels 0…k−1 or −1 of n rows (rows NULL: the first n of the vectors), from whatever clustering: out[0…k). `index` is a
 * row of the vectors. Centres are means of unit vectors. Only the first `most` vectors are candidates, 0 = all: files
 * hold frequent words first, and a frequent word tells more to a reader. */
LOCI_API loci_status loci_cluster_describe(const loci_vectors *vectors, const size_t *rows, const int32_t *labels,
                                           size_t n, size_t k, size_t most, loci_cluster_words *out, loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
