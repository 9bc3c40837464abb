/* explore/map.h: the insides of a map (loci/map.h).
 *
 *   map.c         making one: rows, graph, projection, clusters, distortion
 *   map_column.c  metadata: numbers, categories, texts
 *   map_json.c    the document (docs/map-format.md)
 *   map_files.c   CSV, the page, TensorFlow's projector
 *
 * A map owns copies of all it tells, and borrows the vectors. Immutable once made.
 */
#ifndef LOCI_EXPLORE_MAP_H
#define LOCI_EXPLORE_MAP_H

#include "../base/file.h"
#include "../base/json.h"
#include "loci/map.h"
#include "project.h"

typedef enum loci__column_kind { LOCI__COLUMN_NUMBER, LOCI__COLUMN_CATEGORY, LOCI__COLUMN_TEXT } loci__column_kind;

typedef struct loci__column {
  char *name;
  loci__column_kind kind;
  float *numbers;     /* NUMBER: n, NaN = not known */
  uint32_t *places;   /* CATEGORY: n, in categories */
  const char **texts; /* TEXT: n; CATEGORY: the categories */
  size_t n_categories;
} loci__column;

typedef struct loci__map_cluster {
  char *name;
  size_t size, n_typical;
  uint32_t typical[10]; /* points */
} loci__map_cluster;

struct loci_map {
  loci_context *context;
  const loci_vectors *vectors;
  loci_metric metric;
  loci_projection_method projection;
  uint64_t seed;
  size_t n, dim, n_left_out, k;
  char *title, *method, *statement;
  size_t *rows;
  float *xy;
  const char **labels; /* in `arena` */
  uint32_t *lengths;
  uint32_t *neighbors; /* n × k */
  float *scores;
  int32_t *clusters; /* or NULL */
  const char *clustering;
  size_t n_clusters;
  loci__map_cluster *told;
  loci__column *columns;
  size_t n_columns;
  loci_distortion distortion;
  loci_project_report report;
  loci__arena arena;
};

/* The value of each point, "" or NULL = not known; texts are copied into the arena. */
loci_status loci__column_make(loci_map *map, const char *name, const char *const *values, loci__column *out,
                              loci_error *error);
/* A column of numbers as they are. */
loci_status loci__column_numbers(loci_map *map, const char *name, const float *numbers, loci__column *out,
                                 loci_error *error);
void loci__column_release(loci_context *context, loci__column *column);
/* The value of a point as text; "" where it is not known. `number` holds a number's text. */
const char *loci__column_text(const loci__column *column, size_t i, char number[32]);

/* Appends the document. packed: long arrays in base64. */
void loci__map_put_json(const loci_map *map, bool packed, loci__buffer *out);

#endif
