/* explore/project.h: the insides of loci/project.h.
 *
 *   knn.c        the exact graph of nearest neighbours: blocked products
 *   pca.c        principal components: covariance and Lanczos
 *   sparse.c     a graph made symmetric: the pairs that t-SNE and UMAP pull together
 *   affinity.c   t-SNE: perplexity to probabilities
 *   fft.c        transforms of sixteen lanes and what a plane of numbers needs of them
 *   field.c      Σ 1/(1 + |y − yⱼ|²) and its gradient everywhere, by a mesh
 *   tsne.c       t-SNE; tsne_plain.c: the same by all pairs, the oracle
 *   umap.c       UMAP: the fuzzy set, its curve, the walk; umap_plain.c: the forces as the paper has them
 *   distortion.c trustworthiness and the neighbours that are kept
 *   project.c    the public calls
 *
 * Ownership: a call owns all it makes. Threads: work goes to the context's pool in pieces whose number and bounds
 * depend on the data alone, and sums are put together in the order of the pieces: the same bits at any number of
 * threads.
 */
#ifndef LOCI_EXPLORE_PROJECT_H
#define LOCI_EXPLORE_PROJECT_H

#include "explore.h"

#include "../kernel/kernel.h"
#include "loci/project.h"

/* ---- knn.c ---- */

/* USAGE naming the first row with a NaN or an infinity. */
loci_status loci__rows_finite(loci_context *context, const float *rows, size_t n, size_t dim, loci_error *error);
/* What distances are measured between: unit rows for cosine, rows less their mean for L2 (which takes the common part
 * out of the products, where it would only be rounded). out: n × dim. halves: |row|²/2, or NULL. */
loci_status loci__rows_prepare(loci_context *context, const float *rows, size_t n, size_t dim, loci_metric metric,
                               float *out, float *halves, loci_error *error);
loci_status loci__graph_build(loci_context *context, const float *rows, size_t n, size_t dim, size_t k,
                              loci_metric metric, loci__meter *meter, loci_graph *out, loci_error *error);

/* ---- pca.c ---- */

/* Coordinates along the first two components: n × 2. explained: shares of the variance, or NULL. */
loci_status loci__pca_plane(loci_context *context, const float *rows, size_t n, size_t dim, loci_metric metric,
                            float *xy, double explained[2], loci_error *error);

/* ---- sparse.c ---- */

/* Symmetric, in compressed rows that are filled up to whole multiples of LOCI__LANES (entries to the row itself, value 0):
 * what pull_f32 reads. Columns ascend within a row. */
typedef struct loci__edges {
  loci_context *context;
  size_t n;
  size_t *starts;    /* n + 1 */
  uint32_t *lengths; /* true entries of a row */
  uint32_t *columns;
  float *values;
} loci__edges;

typedef enum loci__join {
  LOCI__JOIN_MEAN, /* (a + b) / 2, a pair that only one side knows counts 0 on the other: t-SNE */
  LOCI__JOIN_UNION /* a + b − a·b: UMAP's fuzzy union */
} loci__join;

/* values: n × width, of the first `width` neighbours of each point of the graph. */
loci_status loci__edges_make(const loci_graph *graph, const float *values, size_t width, loci__join join,
                             loci__edges *out, loci_error *error);
void loci__edges_release(loci__edges *edges);

/* ---- affinity.c ---- */

/* Conditional probabilities of each point's first `width` neighbours: Gaussian, of the given perplexity (van der Maaten
 * and Hinton 2008, eq. 1). out: n × width, rows that add up to 1/n. */
loci_status loci__affinities(const loci_graph *graph, size_t width, double perplexity, float *out, loci_error *error);

/* ---- fft.c ---- */

typedef struct loci__fft {
  loci_context *context;
  loci__fft_plan plan;
  float *twiddles;
} loci__fft;
loci_status loci__fft_init(loci__fft *fft, loci_context *context, size_t n, loci_error *error);
void loci__fft_release(loci__fft *fft);
/* The least even length ≥ n without prime factors but 2, 3 and 5. */
size_t loci__fft_length(size_t n);

/* ---- field.c ---- */

typedef struct loci__field loci__field;
loci_status loci__field_new(loci_context *context, size_t n, loci__field **out, loci_error *error);
void loci__field_free(loci__field *field);
/* The potential φ(y) = Σⱼ 1/(1 + |y − yⱼ|²) of n points xy, on a mesh. INTERNAL when a point is not finite. */
loci_status loci__field_set(loci__field *field, const float *xy, loci_error *error);
/* φ (the point's own 1 included) and its gradient at a point of those: out[3]. Any thread. */
void loci__field_at(const loci__field *field, const float *point, float out[3]);

/* ---- tsne.c ---- */

typedef struct loci__tsne {
  const loci__edges *edges;   /* Σ of all values = 1 */
  size_t exaggerated, epochs; /* of them all, the first `exaggerated` with pᵢⱼ times 12 */
  loci__meter *meter;
} loci__tsne;
/* xy: the beginning in, the map out. */
loci_status loci__tsne_run(loci_context *context, const loci__tsne *tsne, float *xy, double *kl, loci_error *error);
/* The divergence Σ p·ln(p/q) over the pairs of the graph, z = Σ 1/(1 + d²) over all pairs. */
loci_status loci__tsne_kl(const loci__edges *edges, const float *xy, double z, double *kl, loci_error *error);
/* tsne_plain.c: all pairs, in double: the oracle. gradient: 2n, a quarter of ∂KL/∂y, or NULL; z may be NULL. */
double loci__tsne_plain(const loci__edges *edges, const double *xy, double exaggeration, double *gradient, double *z);

/* ---- umap.c ---- */

/* Memberships of each point's first `width` neighbours (McInnes, Healy and Melville 2018, algorithm 3). out: n × width. */
loci_status loci__memberships(const loci_graph *graph, size_t width, float *out, loci_error *error);
/* a and b of 1/(1 + a·d^2b), fitted to exp(−(d − min_dist)) beyond min_dist and 1 before it. */
void loci__umap_curve(double min_dist, double *a, double *b);

typedef struct loci__umap {
  const loci__edges *edges; /* memberships, joined */
  double a, b;
  size_t epochs, negative; /* negative: random points that push for each edge that pulls */
  uint64_t seed;
  loci__meter *meter;
  size_t stop; /* epochs to do really; 0 = all: for tests */
} loci__umap;
loci_status loci__umap_run(loci_context *context, const loci__umap *umap, float *xy, loci_error *error);
/* A random point for the epoch's walk of point i: the walk's generator begins at loci__umap_begin. */
uint64_t loci__umap_begin(uint64_t seed, size_t epoch, size_t i);
size_t loci__umap_draw(uint64_t *state, size_t n);
/* umap_plain.c: the forces' factors of (yᵢ − yⱼ) at squared distance d2, and the whole walk with them, in double. */
double loci__umap_pull(double a, double b, double d2);
double loci__umap_push(double a, double b, double d2);
loci_status loci__umap_plain(loci_context *context, const loci__umap *umap, double *xy, loci_error *error);

/* ---- distortion.c ---- */

loci_status loci__distortion(loci_context *context, const float *rows, size_t n, size_t dim, loci_metric metric,
                             const float *xy, size_t k, size_t most, uint64_t seed, loci__meter *meter,
                             loci_distortion *out, loci_error *error);

#endif
