/* explore/map.c: a map is made: which rows, the graph of nearest neighbours (once, for the projection and for what is told),
 * the projection, the clusters, the distortion.
 */
#include "map.h"

#include "cluster.h"
#include "loci/cluster.h"

#include <math.h>
#include <stdio.h>

enum { MOST_NEIGHBORS = 100, TRUST = 15, MEASURED = 4000, NAMED_BY = 3, FEW = 20000, STARTS = 3 };

void loci_map_options_init(loci_map_options *options) {
  *options = (loci_map_options){.struct_size = sizeof *options, .neighbors = 10, .clusters = LOCI_MAP_CLUSTERS_KMEANS};
  loci_project_options_init(&options->project);
}

void loci_map_free(loci_map *map) {
  if (map == NULL) return;
  loci_context *context = map->context;
  for (size_t c = 0; map->told != NULL && c < map->n_clusters; c++) loci__free(context, map->told[c].name);
  for (size_t c = 0; map->columns != NULL && c < map->n_columns; c++) loci__column_release(context, &map->columns[c]);
  loci__free(context, map->told);
  loci__free(context, map->columns);
  loci__free(context, map->title);
  loci__free(context, map->method);
  loci__free(context, map->statement);
  loci__free(context, map->rows);
  loci__free(context, map->xy);
  loci__free(context, map->labels);
  loci__free(context, map->lengths);
  loci__free(context, map->neighbors);
  loci__free(context, map->scores);
  loci__free(context, map->clusters);
  loci__arena_release(&map->arena);
  loci__free(context, map);
}

/* ---- rows ---- */

static bool is_finite(const float *row, size_t dim) {
  float sum = 0;
  for (size_t j = 0; j < dim; j++) sum += row[j] - row[j];
  return sum == 0;
}

/* Which rows have a place. *copied: them one after the other when some have not, else NULL. */
static loci_status choose_rows(loci_map *map, size_t n, const float **rows, float **copied, loci_error *error) {
  const float *all = loci_vectors_row(map->vectors, 0);
  map->rows = loci__alloc_array(map->context, n, sizeof *map->rows);
  if (map->rows == NULL) return loci__fail_memory(error, n * sizeof *map->rows, "a map");
  for (size_t i = 0; i < n; i++)
    if (is_finite(all + i * map->dim, map->dim)) map->rows[map->n++] = i;
  map->n_left_out = n - map->n;
  *rows = all;
  if (map->n == 0)
    return loci__fail(error, LOCI_ERROR_USAGE, "none of the %zu rows is finite: there is nothing to map", n);
  if (map->n_left_out == 0) return LOCI_OK;
  *copied = loci__alloc_array(map->context, map->n, map->dim * sizeof **copied);
  if (*copied == NULL) return loci__fail_memory(error, map->n * map->dim * sizeof **copied, "the rows of a map");
  for (size_t i = 0; i < map->n; i++)
    memcpy(*copied + i * map->dim, all + map->rows[i] * map->dim, map->dim * sizeof **copied);
  *rows = *copied;
  return LOCI_OK;
}

static loci_status copy_labels(loci_map *map, loci_error *error) {
  map->labels = loci__alloc_array(map->context, map->n, sizeof *map->labels);
  map->lengths = loci__alloc_array(map->context, map->n, sizeof *map->lengths);
  if (!map->labels || !map->lengths) return loci__fail_memory(error, map->n * sizeof *map->labels, "labels");
  for (size_t i = 0; i < map->n; i++) {
    size_t length = 0;
    const char *word = loci_vectors_word(map->vectors, map->rows[i], &length);
    map->labels[i] = loci__arena_strndup(&map->arena, word ? word : "", word ? length : 0);
    map->lengths[i] = (uint32_t)length;
    if (map->labels[i] == NULL) return loci__fail_memory(error, length, "labels");
  }
  return LOCI_OK;
}

/* ---- neighbours ---- */

static loci_status copy_neighbors(loci_map *map, const loci_graph *graph, size_t wanted, loci_error *error) {
  map->k = wanted < graph->k ? wanted : graph->k;
  if (map->k == 0) return LOCI_OK;
  map->neighbors = loci__alloc_array(map->context, map->n, map->k * sizeof *map->neighbors);
  map->scores = loci__alloc_array(map->context, map->n, map->k * sizeof *map->scores);
  if (!map->neighbors || !map->scores)
    return loci__fail_memory(error, map->n * map->k * sizeof *map->scores, "neighbours");
  for (size_t i = 0; i < map->n; i++)
    for (size_t c = 0; c < map->k; c++) {
      map->neighbors[i * map->k + c] = graph->index[i * graph->k + c];
      map->scores[i * map->k + c] = (float)loci_graph_score(graph, i, c);
    }
  return LOCI_OK;
}

/* ---- clusters ---- */

/* "france, germany, italy": the words most typical of a cluster. */
static loci_status name_cluster(loci_map *map, size_t cluster, const loci_cluster_words *words, const uint32_t *points,
                                loci_error *error) {
  loci__map_cluster *told = &map->told[cluster];
  loci__buffer name;
  loci__buffer_init(&name, map->context, 0);
  for (size_t i = 0; i < words->n && i < LOCI__COUNT(told->typical); i++) {
    const uint32_t point = points[words->typical[i].index];
    told->typical[told->n_typical++] = point;
    if (i >= NAMED_BY) continue;
    if (i > 0) loci__buffer_puts(&name, ", ");
    loci__utf8_repair(&name, map->labels[point], map->lengths[point]);
  }
  if (name.length == 0) loci__buffer_printf(&name, "cluster %zu", cluster + 1);
  const loci_status status = loci__buffer_status(&name, "a cluster's name", error);
  if (status == LOCI_OK) told->name = loci__buffer_take(&name);
  loci__buffer_release(&name);
  if (status == LOCI_OK && told->name == NULL) return loci__fail_memory(error, name.length, "a cluster's name");
  return status;
}

static loci_status tell_clusters(loci_map *map, const loci_clusters *found, loci_error *error) {
  map->n_clusters = found->k;
  map->clusters = loci__alloc_array(map->context, map->n, sizeof *map->clusters);
  if (map->clusters == NULL) return loci__fail_memory(error, map->n * sizeof *map->clusters, "clusters");
  memcpy(map->clusters, found->labels, map->n * sizeof *map->clusters);
  if (found->k == 0) return LOCI_OK;
  size_t highest = map->rows[map->n - 1];
  map->told = loci__alloc_zero(map->context, found->k, sizeof *map->told);
  loci_cluster_words *words = loci__alloc_zero(map->context, found->k, sizeof *words);
  uint32_t *points = loci__alloc_array(map->context, highest + 1, sizeof *points); /* by row of the vectors */
  loci_status status = LOCI_OK;
  if (!map->told || !words || !points)
    status = loci__fail_memory(error, found->k * sizeof *words, "what clusters are about");
  if (status == LOCI_OK)
    status = loci_cluster_describe(map->vectors, map->n_left_out ? map->rows : NULL, map->clusters, map->n, found->k, 0,
                                   words, error);
  for (size_t i = 0; i < map->n && status == LOCI_OK; i++) points[map->rows[i]] = (uint32_t)i;
  for (size_t c = 0; c < found->k && status == LOCI_OK; c++) {
    map->told[c].size = found->sizes[c];
    status = name_cluster(map, c, &words[c], points, error);
  }
  loci__free(map->context, words);
  loci__free(map->context, points);
  return status;
}

/* Points that clustering sees: under cosine a zero vector is none. */
static size_t count_usable(const loci_map *map) {
  if (map->metric != LOCI_METRIC_COSINE) return map->n;
  size_t usable = 0;
  for (size_t i = 0; i < map->n; i++) {
    const float *row = loci_vectors_row(map->vectors, map->rows[i]);
    bool any = false;
    for (size_t j = 0; j < map->dim && !any; j++) any = row[j] != 0;
    usable += any;
  }
  return usable;
}

static loci_status make_clusters(loci_map *map, const loci_map_options *o, loci_error *error) {
  const size_t usable = count_usable(map);
  if (o->clusters == LOCI_MAP_CLUSTERS_NONE || usable == 0) return LOCI_OK;
  const size_t *rows = map->n_left_out ? map->rows : NULL;
  loci_clusters found = {0};
  loci_status status;
  if (o->clusters == LOCI_MAP_CLUSTERS_HDBSCAN) {
    loci_hdbscan_options density;
    loci_hdbscan_options_init(&density);
    density.metric = map->metric;
    density.progress = o->project.progress;
    density.progress_user = o->project.progress_user;
    map->clustering = "HDBSCAN";
    status = loci_hdbscan(map->vectors, rows, map->n, &density, &found, error);
  } else {
    loci_kmeans_options means;
    loci_kmeans_options_init(&means);
    const size_t usual = (size_t)fmin(50, fmax(1, floor(sqrt((double)usable / 2))));
    means.k = o->n_clusters ? o->n_clusters : usual;
    if (means.k > usable) means.k = usable;
    means.metric = map->metric;
    means.n_init = map->n <= FEW ? STARTS : 1; /* ten, as `loci cluster` has it, would take longer than all the rest */
    means.seed = map->seed;
    means.progress = o->project.progress;
    means.progress_user = o->project.progress_user;
    map->clustering = "k-means";
    status = loci_kmeans(map->vectors, rows, map->n, &means, &found, error);
  }
  if (status == LOCI_OK) status = tell_clusters(map, &found, error);
  loci_clusters_release(&found);
  return status;
}

/* ---- metadata ---- */

static loci_status add_texts(loci_map *map, const char *name, const char **values, loci_error *error) {
  const loci_status status = loci__column_make(map, name, values, &map->columns[map->n_columns], error);
  if (status == LOCI_OK) map->n_columns++;
  return status;
}

/* The columns that were given, and what the vectors know of themselves. */
static loci_status make_columns(loci_map *map, const loci_map_options *o, loci_error *error) {
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(map->vectors, &info);
  map->columns = loci__alloc_zero(map->context, o->n_columns + 2, sizeof *map->columns);
  const char **values = loci__alloc_array(map->context, map->n, sizeof *values);
  float *counts = info.has_counts ? loci__alloc_array(map->context, map->n, sizeof *counts) : NULL;
  loci_status status = LOCI_OK;
  if (!map->columns || !values || (info.has_counts && !counts))
    status = loci__fail_memory(error, map->n * sizeof *values, "metadata");
  for (size_t c = 0; c < o->n_columns && status == LOCI_OK; c++) {
    for (size_t i = 0; i < map->n; i++) values[i] = o->columns[c].values[map->rows[i]];
    status = add_texts(map, o->columns[c].name, values, error);
  }
  if (status == LOCI_OK && counts != NULL) {
    for (size_t i = 0; i < map->n; i++) counts[i] = (float)loci_vectors_count(map->vectors, map->rows[i]);
    status = loci__column_numbers(map, "count", counts, &map->columns[map->n_columns], error);
    if (status == LOCI_OK) map->n_columns++;
  }
  bool any = false;
  for (size_t i = 0; i < map->n && status == LOCI_OK; i++) {
    values[i] = loci_vectors_text(map->vectors, map->rows[i], NULL);
    any = any || values[i] != NULL;
  }
  if (status == LOCI_OK && any) status = add_texts(map, "text", values, error);
  loci__free(map->context, values);
  loci__free(map->context, counts);
  return status;
}

/* ---- words about it ---- */

static char *print(loci_context *context, const char *format, ...) LOCI_PRINTF(2, 3);
static char *print(loci_context *context, const char *format, ...) {
  char text[640];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return loci__strdup(context, text);
}

static loci_status describe(loci_map *map, const loci_map_options *o, loci_error *error) {
  const loci_project_report *r = &map->report;
  const loci_distortion *d = &map->distortion;
  char told[256];
  if (map->projection == LOCI_PROJECTION_PCA)
    map->method =
        print(map->context, "PCA (%.1f %% and %.1f %% of the variance)", 100 * r->explained[0], 100 * r->explained[1]);
  else if (map->projection == LOCI_PROJECTION_TSNE)
    map->method = print(map->context, "t-SNE (perplexity %g, %zu epochs)", r->perplexity, r->epochs);
  else map->method = print(map->context, "UMAP (%zu neighbours, %zu epochs)", o->project.n_neighbors, r->epochs);
  if (d->k > 0)
    snprintf(told, sizeof told,
             "of the %zu points nearest on the map, %.0f %% are among the %zu nearest by the vectors "
             "(trustworthiness %.3f of 1)",
             d->k, 100 * d->kept, d->k, d->trustworthiness);
  else snprintf(told, sizeof told, "the points are too few to say how much");
  map->statement =
      print(map->context, "Distances on this map are distorted: %s. %s", told,
            map->projection == LOCI_PROJECTION_PCA
                ? "What lies apart is apart; what lies together may be far apart in the dimensions that are not shown."
                : "That points lie together says something; how large a group is and how wide a gap says little.");
  if (!map->method || !map->statement) return loci__fail_memory(error, 640, "a map");
  return LOCI_OK;
}

/* ---- all of it ---- */

static loci_status make(loci_map *map, const loci_map_options *o, size_t n, loci_error *error) {
  float *copied = NULL;
  const float *rows = NULL;
  loci_graph graph = {0};
  loci_project_options project = o->project;
  loci_status status = choose_rows(map, n, &rows, &copied, error);
  if (status == LOCI_OK) status = copy_labels(map, error);
  if (status == LOCI_OK) {
    map->xy = loci__alloc_array(map->context, map->n, 2 * sizeof *map->xy);
    if (map->xy == NULL) status = loci__fail_memory(error, map->n * 2 * sizeof *map->xy, "a map");
  }
  const size_t wanted = o->neighbors < MOST_NEIGHBORS ? o->neighbors : MOST_NEIGHBORS;
  if (status == LOCI_OK) {
    const size_t used = loci_project_neighbors(map->n, &project), k = used > wanted ? used : wanted;
    if (k > 0)
      status = loci_graph_build(map->context, rows, map->n, map->dim, k, map->metric, project.progress,
                                project.progress_user, &graph, error);
    project.graph = used > 0 ? &graph : NULL;
  }
  if (status == LOCI_OK) status = copy_neighbors(map, &graph, wanted, error);
  if (status == LOCI_OK)
    status = loci_project(map->context, rows, map->n, map->dim, &project, map->xy, &map->report, error);
  loci_graph_release(&graph);
  if (status == LOCI_OK)
    status = loci_distortion_measure(map->context, rows, map->n, map->dim, map->metric, map->xy, TRUST, MEASURED,
                                     map->seed, project.progress, project.progress_user, &map->distortion, error);
  loci__free(map->context, copied);
  if (status == LOCI_OK) status = make_clusters(map, o, error);
  if (status == LOCI_OK) status = make_columns(map, o, error);
  return status == LOCI_OK ? describe(map, o, error) : status;
}

loci_status loci_map_new(const loci_vectors *vectors, const loci_map_options *options, loci_map **out,
                         loci_error *error) {
  *out = NULL;
  loci_map_options o;
  loci_map_options_init(&o);
  if (options != NULL) o = *options;
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(vectors, &info);
  loci_map *map = loci__alloc_zero(vectors->context, 1, sizeof *map);
  if (map == NULL) return loci__fail_memory(error, sizeof *map, "a map");
  map->context = vectors->context;
  map->vectors = vectors;
  map->dim = info.dim;
  map->metric = o.project.metric;
  map->projection = o.project.method;
  map->seed = o.project.seed;
  loci__arena_init(&map->arena, map->context);
  map->title = loci__strdup(map->context, o.title ? o.title : info.path ? info.path : "vectors");
  loci_status status = map->title ? LOCI_OK : loci__fail_memory(error, 64, "a map");
  if (status == LOCI_OK) status = make(map, &o, o.most && o.most < info.n ? o.most : info.n, error);
  if (status == LOCI_OK) *out = map;
  else loci_map_free(map);
  return status;
}

void loci_map_get_info(const loci_map *map, loci_map_info *info) {
  const size_t size = info->struct_size < sizeof *info ? info->struct_size : sizeof *info;
  const loci_map_info all = {.struct_size = info->struct_size,
                             .n = map->n,
                             .dim = map->dim,
                             .n_left_out = map->n_left_out,
                             .rows = map->rows,
                             .xy = map->xy,
                             .k = map->k,
                             .n_clusters = map->n_clusters,
                             .labels = map->clusters,
                             .distortion = map->distortion,
                             .report = map->report,
                             .method = map->method,
                             .statement = map->statement};
  memcpy(info, &all, size);
}

const char *loci_map_cluster_name(const loci_map *map, size_t cluster) {
  return cluster < map->n_clusters ? map->told[cluster].name : NULL;
}
