/* loci/map.h: a whole map of a table of vectors: places on a plane, true neighbours, clusters and their names, metadata, and
 * how much the picture distorts; and the files that others read it from.
 *
 * docs/map-format.md describes the document; docs/map.md the methods.
 */
#ifndef LOCI_MAP_H
#define LOCI_MAP_H

#include "core.h"
#include "project.h"
#include "vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Something known of every row of the vectors. All numbers (empty ones: not known) make a column of numbers; few different
 * values one of categories; else it is text. */
typedef struct loci_map_column {
  const char *name;
  const char *const *values; /* of each row of the vectors; NULL = not known */
} loci_map_column;

typedef enum loci_map_clusters {
  LOCI_MAP_CLUSTERS_NONE = 0,
  LOCI_MAP_CLUSTERS_KMEANS = 1,
  LOCI_MAP_CLUSTERS_HDBSCAN = 2 /* all pairs, several times */
} loci_map_clusters;

typedef struct loci_map_options {
  size_t struct_size;
  loci_project_options project; /* its graph is made here; its progress counts for all */
  size_t most;                  /* only the first so many rows; 0 = all */
  size_t neighbors;             /* told of every point, ≤ 100; 10 */
  loci_map_clusters clusters;   /* k-means */
  size_t n_clusters;            /* k-means: 0 = the root of half the points, at most 50 */
  const char *title;            /* NULL = the vectors' path */
  const loci_map_column *columns;
  size_t n_columns;
} loci_map_options;

LOCI_API void loci_map_options_init(loci_map_options *options);

typedef struct loci_map loci_map;

/* Rows with a NaN or an infinity have no place and are left out. Words, counts and texts of the vectors are copied; the
 * vectors must live as long as the map for LOCI_MAP_PROJECTOR alone. USAGE when nothing is left. */
LOCI_API loci_status loci_map_new(const loci_vectors *vectors, const loci_map_options *options, loci_map **out,
                                  loci_error *error);
LOCI_API void loci_map_free(loci_map *map); /* NULL is fine */

typedef struct loci_map_info {
  size_t struct_size;
  size_t n, dim, n_left_out;
  const size_t *rows; /* n: which row of the vectors a point is */
  const float *xy;    /* n × 2 */
  size_t k;           /* neighbours told of each */
  size_t n_clusters;
  const int32_t *labels; /* n: the cluster, or −1; NULL without clusters */
  loci_distortion distortion;
  loci_project_report report;
  const char *method;    /* "t-SNE (perplexity 30, 850 epochs)" */
  const char *statement; /* a sentence about the distortion, to go with every picture */
} loci_map_info;
LOCI_API void loci_map_get_info(const loci_map *map, loci_map_info *info);
/* The name of a cluster; NULL past the end. */
LOCI_API const char *loci_map_cluster_name(const loci_map *map, size_t cluster);

typedef enum loci_map_format {
  LOCI_MAP_JSON = 0,   /* the document with plain arrays */
  LOCI_MAP_PACKED = 1, /* the document with its long arrays in base64 */
  LOCI_MAP_CSV = 2     /* RFC 4180, a point a line: label, x, y, cluster, columns, neighbours */
} loci_map_format;

/* *text: allocated (loci_memory_free), NUL-terminated. */
LOCI_API loci_status loci_map_text(const loci_map *map, loci_map_format format, char **text, size_t *length,
                                   loci_error *error);
LOCI_API loci_status loci_map_write(const loci_map *map, loci_map_format format, const char *path, loci_error *error);
/* The page `template_path` with the packed document in the place of its marker. FORMAT when that is not there once. */
LOCI_API loci_status loci_map_write_html(const loci_map *map, const char *template_path, const char *path,
                                         loci_error *error);
/* For TensorFlow's Embedding Projector: tensors.tsv (the vectors), metadata.tsv, projector_config.json; the folder is made. */
LOCI_API loci_status loci_map_write_projector(const loci_map *map, const char *folder, loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
