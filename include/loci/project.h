/* loci/project.h: many dimensions on a plane, and how much that distorts.
 *
 * The exact graph of nearest neighbours, three projections (PCA, t-SNE, UMAP) and what tells their distortion. Rows are
 * plain floats, row-major, so that everything with vectors can be laid out. They must be finite: USAGE names the first
 * row that is not. The same seed gives the same bits at any number of threads (per instruction set). All calls can be
 * cancelled by their progress callback.
 */
#ifndef LOCI_PROJECT_H
#define LOCI_PROJECT_H

#include "core.h"
#include "explore.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the graph of nearest neighbours ---- */

typedef struct loci_graph {
  loci_context *context;
  size_t n, k; /* points; neighbours of each */
  loci_metric metric;
  uint32_t *index; /* n × k: nearest first, itself left out, equal ones in the order of the rows */
  float *
      square; /* n × k: squared L2 distance; for cosine that of the unit vectors, 2 − 2·cosine (2 with a zero vector) */
} loci_graph;

/* Exact up to the rounding of float: blocked products of all pairs, the best of them measured again. metric: cosine or L2.
 * k is cut to n − 1. Cost: n²·dim multiplications; memory beside rows: 2·n·dim + 4·n·(k + 16) floats. n < 2³². */
LOCI_API loci_status loci_graph_build(loci_context *context, const float *rows, size_t n, size_t dim, size_t k,
                                      loci_metric metric, loci_progress_fn progress, void *progress_user,
                                      loci_graph *out, loci_error *error);
LOCI_API void loci_graph_release(loci_graph *graph);
/* By the graph's metric: the cosine, or the distance. */
LOCI_API double loci_graph_score(const loci_graph *graph, size_t point, size_t neighbor);

/* ---- projections ---- */

typedef enum loci_projection_method {
  LOCI_PROJECTION_PCA =
      0, /* the two directions of greatest variance: distances along them are true, the rest is lost */
  LOCI_PROJECTION_TSNE = 1, /* van der Maaten and Hinton 2008: near points stay near; sizes and gaps say little */
  LOCI_PROJECTION_UMAP = 2  /* McInnes, Healy and Melville 2018: likewise */
} loci_projection_method;

/* "pca", "tsne", "umap" */
LOCI_API const char *loci_projection_name(loci_projection_method method);

typedef struct loci_project_options {
  size_t struct_size;
  loci_projection_method method; /* t-SNE */
  loci_metric metric;            /* cosine: of unit vectors; or L2. PCA: L2 leaves the rows as they are */
  uint64_t seed;                 /* 1 */
  size_t epochs;                 /* 0 = t-SNE 250 + 600; UMAP 500 up to 10,000 points, else 200 */
  double perplexity;             /* t-SNE: 30; cut to (n − 1) / 3 */
  size_t n_neighbors;            /* UMAP: 15, the point itself counted */
  double min_dist;               /* UMAP: .1 */
  /* The graph of the same rows and metric, of as many neighbours as the method needs (loci_project_neighbors) or more,
   * or NULL: then one is made. */
  const loci_graph *graph;
  loci_progress_fn progress;
  void *progress_user;
} loci_project_options;

LOCI_API void loci_project_options_init(loci_project_options *options);
/* Neighbours a point that the method uses: 0 for PCA. */
LOCI_API size_t loci_project_neighbors(size_t n, const loci_project_options *options);
/* Bytes that loci_project takes at most beside the rows, its graph included. */
LOCI_API size_t loci_project_memory(size_t n, size_t dim, const loci_project_options *options);

typedef struct loci_project_report {
  size_t struct_size;
  size_t epochs;       /* 0 for PCA */
  double perplexity;   /* as it was used; t-SNE only, else 0 */
  double kl;           /* t-SNE: the divergence that is left (over the pairs of the graph); else 0 */
  double explained[2]; /* PCA: share of the variance along x and y; else 0 */
} loci_project_report;

/* xy: n × 2 floats. One point is laid at 0, 0; equal points lie on each other or close. `options` and `report` may be
 * NULL. */
LOCI_API loci_status loci_project(loci_context *context, const float *rows, size_t n, size_t dim,
                                  const loci_project_options *options, float *xy, loci_project_report *report,
                                  loci_error *error);

/* PCA as such: the n_components (≤ dim) directions of greatest variance of the rows. components: n_components × dim
 * floats, unit length, the entry of greatest magnitude positive; variances: of each (n − 1); coordinates: n ×
 * n_components, or NULL; mean: dim, or NULL. Past the rank variances are 0. */
LOCI_API loci_status loci_pca(loci_context *context, const float *rows, size_t n, size_t dim, size_t n_components,
                              float *components, double *variances, float *mean, float *coordinates, loci_error *error);

/* ---- distortion ---- */

typedef struct loci_distortion {
  size_t k;               /* neighbours that were compared: as asked, cut to under n / 2; 0 = too few points to tell */
  size_t n_measured;      /* points over which the means are */
  double trustworthiness; /* Venna and Kaski 2001: 1 = the k nearest on the plane are the k nearest by the vectors */
  double kept;            /* share of the k true neighbours that are among the k nearest on the plane */
} loci_distortion;

/* most: points to measure at most (drawn by the seed; each against all), 0 = all. */
LOCI_API loci_status loci_distortion_measure(loci_context *context, const float *rows, size_t n, size_t dim,
                                             loci_metric metric, const float *xy, size_t k, size_t most, uint64_t seed,
                                             loci_progress_fn progress, void *progress_user, loci_distortion *out,
                                             loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
