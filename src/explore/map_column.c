/* explore/map_column.c: what is known of every point: numbers when all that is known is numbers, categories when there are few
 * different values, else texts.
 */
#include "map.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_CATEGORIES = 1000 };

void loci__column_release(loci_context *context, loci__column *column) {
  loci__free(context, column->name);
  loci__free(context, column->numbers);
  loci__free(context, column->places);
  loci__free(context, column->texts);
  *column = (loci__column){0};
}

static bool is_known(const char *value) {
  return value != NULL && value[0] != '\0';
}

/* All that is known is numbers, and something is. */
static bool read_numbers(const char *const *values, size_t n, float *numbers) {
  size_t known = 0;
  for (size_t i = 0; i < n; i++) {
    numbers[i] = NAN;
    if (!is_known(values[i])) continue;
    double number;
    if (!loci__parse_double(values[i], strlen(values[i]), &number)) return false;
    numbers[i] = (float)number;
    known++;
  }
  return known > 0;
}

typedef struct place {
  const char *value;
  size_t point;
} place;

static int by_value(const void *a, const void *b) {
  const int order = strcmp(((const place *)a)->value, ((const place *)b)->value);
  if (order != 0) return order;
  return ((const place *)a)->point < ((const place *)b)->point ? -1 : 1;
}

static const char *copy(loci_map *map, const char *text) {
  return loci__arena_strndup(&map->arena, text, strlen(text));
}

/* Sorted values in runs: few runs are categories, by name; "" is the one of what is not known. */
static loci_status sort_values(loci_map *map, const char *const *values, loci__column *out, loci_error *error) {
  const size_t n = map->n;
  place *order = loci__alloc_array(map->context, n, sizeof *order);
  if (order == NULL) return loci__fail_memory(error, n * sizeof *order, "metadata");
  for (size_t i = 0; i < n; i++) order[i] = (place){values[i] ? values[i] : "", i};
  qsort(order, n, sizeof *order, by_value);
  size_t n_values = 0;
  for (size_t i = 0; i < n; i++) n_values += i == 0 || strcmp(order[i].value, order[i - 1].value) != 0;
  loci_status status = LOCI_OK;
  if (n_values <= MOST_CATEGORIES && (n_values <= n / 2 || n < 3)) {
    out->kind = LOCI__COLUMN_CATEGORY;
    out->places = loci__alloc_array(map->context, n, sizeof *out->places);
    out->texts = loci__alloc_array(map->context, n_values, sizeof *out->texts);
    if (!out->places || !out->texts) status = loci__fail_memory(error, n * sizeof *out->places, "metadata");
    for (size_t i = 0; i < n && status == LOCI_OK; i++) {
      if (i == 0 || strcmp(order[i].value, order[i - 1].value) != 0) {
        out->texts[out->n_categories] = copy(map, order[i].value);
        if (out->texts[out->n_categories++] == NULL) status = loci__fail_memory(error, n, "metadata");
      }
      out->places[order[i].point] = (uint32_t)(out->n_categories - 1);
    }
  }
  loci__free(map->context, order);
  return status;
}

loci_status loci__column_make(loci_map *map, const char *name, const char *const *values, loci__column *out,
                              loci_error *error) {
  *out = (loci__column){.kind = LOCI__COLUMN_TEXT, .name = loci__strdup(map->context, name)};
  out->numbers = loci__alloc_array(map->context, map->n, sizeof *out->numbers);
  loci_status status = LOCI_OK;
  if (!out->name || !out->numbers) status = loci__fail_memory(error, map->n * sizeof *out->numbers, "metadata");
  if (status == LOCI_OK && read_numbers(values, map->n, out->numbers)) {
    out->kind = LOCI__COLUMN_NUMBER;
    return LOCI_OK;
  }
  loci__free(map->context, out->numbers);
  out->numbers = NULL;
  if (status == LOCI_OK) status = sort_values(map, values, out, error);
  if (status == LOCI_OK && out->kind == LOCI__COLUMN_TEXT) {
    out->texts = loci__alloc_array(map->context, map->n, sizeof *out->texts);
    if (out->texts == NULL) status = loci__fail_memory(error, map->n * sizeof *out->texts, "metadata");
    for (size_t i = 0; i < map->n && status == LOCI_OK; i++) {
      out->texts[i] = copy(map, values[i] ? values[i] : "");
      if (out->texts[i] == NULL) status = loci__fail_memory(error, map->n, "metadata");
    }
  }
  if (status != LOCI_OK) loci__column_release(map->context, out);
  return status;
}

loci_status loci__column_numbers(loci_map *map, const char *name, const float *numbers, loci__column *out,
                                 loci_error *error) {
  *out = (loci__column){.kind = LOCI__COLUMN_NUMBER, .name = loci__strdup(map->context, name)};
  out->numbers = loci__alloc_array(map->context, map->n, sizeof *out->numbers);
  if (!out->name || !out->numbers) {
    loci__column_release(map->context, out);
    return loci__fail_memory(error, map->n * sizeof *numbers, "metadata");
  }
  memcpy(out->numbers, numbers, map->n * sizeof *numbers);
  return LOCI_OK;
}

const char *loci__column_text(const loci__column *column, size_t i, char number[32]) {
  if (column->kind == LOCI__COLUMN_TEXT) return column->texts[i];
  if (column->kind == LOCI__COLUMN_CATEGORY) return column->texts[column->places[i]];
  number[0] = '\0';
  if (isfinite(column->numbers[i])) loci__format_float(column->numbers[i], number);
  return number;
}
