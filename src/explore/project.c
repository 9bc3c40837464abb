/* explore/project.c: the public call for all projections: what is wanted, the graph if there is none yet, the beginning
 * (principal components, with a little noise so that equal points part), the method.
 */
#include "project.h"

#include <math.h>

enum { TSNE_EXAGGERATED = 250, TSNE_EPOCHS = 850, UMAP_FEW = 10000 };

const char *loci_projection_name(loci_projection_method method) {
  static const char *const names[] = {"pca", "tsne", "umap"};
  return (unsigned)method < LOCI__COUNT(names) ? names[method] : "unknown";
}

void loci_project_options_init(loci_project_options *options) {
  *options = (loci_project_options){.struct_size = sizeof *options,
                                    .method = LOCI_PROJECTION_TSNE,
                                    .metric = LOCI_METRIC_COSINE,
                                    .seed = 1,
                                    .perplexity = 30,
                                    .n_neighbors = 15,
                                    .min_dist = 0.1};
}

static double perplexity_of(size_t n, const loci_project_options *o) {
  const double most = (double)(n - 1) / 3;
  return o->perplexity < most ? o->perplexity : most > 1 ? most : 1;
}

size_t loci_project_neighbors(size_t n, const loci_project_options *o) {
  if (o->method == LOCI_PROJECTION_PCA || n < 2) return 0;
  const size_t k = o->method == LOCI_PROJECTION_TSNE ? (size_t)(3 * perplexity_of(n, o)) : o->n_neighbors - 1;
  return k < 1 ? 1 : k < n - 1 ? k : n - 1;
}

size_t loci_project_memory(size_t n, size_t dim, const loci_project_options *options) {
  loci_project_options defaults;
  loci_project_options_init(&defaults);
  if (options == NULL) options = &defaults;
  const double rows = (double)n * (double)dim * sizeof(float), points = (double)n;
  const double k = (double)loci_project_neighbors(n, options);
  /* PCA's copy of unit rows; the graph: two copies of the rows and the heaps, then the graph itself beside the edges on
   * their way to be symmetric (two lists of 8 bytes, then up to twice the neighbours and half a vector a row). */
  const double graph = 2 * rows + points * (k + 16) * 8 + points * k * 8;
  const double edges = points * k * 8 + points * k * 4 + points * k * 16 + points * (2 * k + 8) * 8;
  const double layout = points * 64 + 1e8;
  double bytes = options->method == LOCI_PROJECTION_PCA ? rows + points * 8
                 : graph > edges + layout               ? graph
                                                        : edges + layout;
  if (bytes < rows) bytes = rows;
  return bytes < (double)(SIZE_MAX / 2) ? (size_t)bytes : SIZE_MAX / 2;
}

typedef struct projecting {
  loci_context *context;
  const loci_project_options *o;
  const loci_graph *graph;
  loci__meter *meter;
  size_t width;
  float *xy;
  loci_project_report *report;
} projecting;

/* The map of the principal components, `size` large, with noise. largest: the greatest coordinate becomes `size`; else the
 * deviation of x. */
static void begin(float *xy, size_t n, double size, bool largest, double noise, uint64_t seed) {
  double scale = 0;
  for (size_t i = 0; i < 2 * n; i++) {
    const double x = (double)xy[i];
    if (largest) scale = fabs(x) > scale ? fabs(x) : scale;
    else if (i % 2 == 0) scale += x * x;
  }
  if (!largest) scale = sqrt(scale / (double)n);
  scale = scale > 0 ? size / scale : 0;
  loci__random random;
  loci__random_init(&random, seed);
  for (size_t i = 0; i < 2 * n; i++) xy[i] = (float)((double)xy[i] * scale + noise * loci__random_normal(&random));
}

static loci_status run_tsne(projecting *p, loci_error *error) {
  const double perplexity = perplexity_of(p->graph->n, p->o);
  float *values = loci__alloc_array(p->context, p->graph->n, p->width * sizeof *values);
  if (values == NULL) return loci__fail_memory(error, p->graph->n * p->width * sizeof *values, "probabilities");
  loci__edges edges = {0};
  loci_status status = loci__affinities(p->graph, p->width, perplexity, values, error);
  if (status == LOCI_OK) status = loci__edges_make(p->graph, values, p->width, LOCI__JOIN_MEAN, &edges, error);
  loci__free(p->context, values);
  if (status != LOCI_OK) return status;
  const size_t epochs = p->o->epochs ? p->o->epochs : TSNE_EPOCHS;
  const loci__tsne tsne = {.edges = &edges,
                           .exaggerated = p->o->epochs ? epochs / 3 : TSNE_EXAGGERATED,
                           .epochs = epochs,
                           .meter = p->meter};
  begin(p->xy, p->graph->n, 1e-4, false, 1e-6, p->o->seed);
  p->report->epochs = epochs;
  p->report->perplexity = perplexity;
  status = loci__tsne_run(p->context, &tsne, p->xy, &p->report->kl, error);
  loci__edges_release(&edges);
  return status;
}

static loci_status run_umap(projecting *p, loci_error *error) {
  float *values = loci__alloc_array(p->context, p->graph->n, p->width * sizeof *values);
  if (values == NULL) return loci__fail_memory(error, p->graph->n * p->width * sizeof *values, "memberships");
  loci__edges edges = {0};
  loci_status status = loci__memberships(p->graph, p->width, values, error);
  if (status == LOCI_OK) status = loci__edges_make(p->graph, values, p->width, LOCI__JOIN_UNION, &edges, error);
  loci__free(p->context, values);
  if (status != LOCI_OK) return status;
  loci__umap umap = {.edges = &edges,
                     .epochs = p->o->epochs              ? p->o->epochs
                               : p->graph->n <= UMAP_FEW ? 500
                                                         : 200,
                     .negative = 5,
                     .seed = p->o->seed,
                     .meter = p->meter};
  loci__umap_curve(p->o->min_dist, &umap.a, &umap.b);
  begin(p->xy, p->graph->n, 10, true, 1e-4, p->o->seed);
  p->report->epochs = umap.epochs;
  status = loci__umap_run(p->context, &umap, p->xy, error);
  loci__edges_release(&edges);
  return status;
}

static loci_status check(const loci_project_options *o, size_t n, size_t dim, loci_error *error) {
  if (n == 0 || dim == 0) return loci__fail(error, LOCI_ERROR_USAGE, "there are no rows to map");
  if ((unsigned)o->method > LOCI_PROJECTION_UMAP)
    return loci__fail(error, LOCI_ERROR_USAGE, "projection method %d is unknown", (int)o->method);
  if (o->metric != LOCI_METRIC_COSINE && o->metric != LOCI_METRIC_L2)
    return loci__fail(error, LOCI_ERROR_USAGE, "maps are by cosine or L2 distance, not by %s",
                      loci_metric_name(o->metric));
  if (o->method == LOCI_PROJECTION_TSNE && !(o->perplexity >= 1))
    return loci__fail(error, LOCI_ERROR_USAGE, "a perplexity is 1 or greater");
  if (o->method == LOCI_PROJECTION_UMAP && o->n_neighbors < 2)
    return loci__fail(error, LOCI_ERROR_USAGE, "UMAP needs at least 2 neighbours, the point itself counted");
  if (o->method == LOCI_PROJECTION_UMAP && !(o->min_dist >= 0 && o->min_dist < 3))
    return loci__fail(error, LOCI_ERROR_USAGE, "min_dist lies between 0 and 3");
  if (o->graph != NULL &&
      (o->graph->n != n || o->graph->k < loci_project_neighbors(n, o) || o->graph->metric != o->metric))
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "the graph is of other rows, of another metric or has too few neighbours");
  return LOCI_OK;
}

loci_status loci_project(loci_context *context, const float *rows, size_t n, size_t dim,
                         const loci_project_options *options, float *xy, loci_project_report *report,
                         loci_error *error) {
  context = loci__context_of(context);
  loci_project_options o;
  loci_project_options_init(&o);
  if (options != NULL) o = *options;
  LOCI__TRY(check(&o, n, dim, error));
  LOCI__TRY(loci__rows_finite(context, rows, n, dim, error));
  loci__meter meter;
  loci__meter_init(&meter, o.progress, o.progress_user);
  loci_project_report result = {.struct_size = sizeof result};
  loci_graph made = {0};
  projecting p = {.context = context,
                  .o = &o,
                  .graph = o.graph,
                  .meter = &meter,
                  .width = loci_project_neighbors(n, &o),
                  .xy = xy,
                  .report = &result};
  loci_status status = LOCI_OK;
  if (p.width > 0 && p.graph == NULL) {
    status = loci__graph_build(context, rows, n, dim, p.width, o.metric, &meter, &made, error);
    p.graph = &made;
  }
  double explained[2];
  if (status == LOCI_OK) status = loci__meter_stage(&meter, "principal components", "rows", n, error);
  if (status == LOCI_OK) status = loci__pca_plane(context, rows, n, dim, o.metric, xy, explained, error);
  if (status == LOCI_OK && o.method == LOCI_PROJECTION_PCA) memcpy(result.explained, explained, sizeof explained);
  if (status == LOCI_OK && p.width > 0)
    status = o.method == LOCI_PROJECTION_TSNE ? run_tsne(&p, error) : run_umap(&p, error);
  loci_graph_release(&made);
  if (status == LOCI_OK && report != NULL) *report = result;
  return status;
}
