/* explore/map_json.c: the document that a map is; docs/map-format.md describes it member by member.
 */
#include "map.h"

#include <math.h>

static void key_text(loci__json_writer *json, const char *key, const char *value) {
  loci__json_key(json, key);
  loci__json_put_text(json, value);
}

static void key_number(loci__json_writer *json, const char *key, uint64_t value) {
  loci__json_key(json, key);
  loci__json_put_u64(json, value);
}

static void key_double(loci__json_writer *json, const char *key, double value) {
  loci__json_key(json, key);
  loci__json_put_double(json, value);
}

/* ---- numbers: plain, or base64 (RFC 4648, section 4) of little-endian words ---- */

typedef enum number_type { F32, I32, U32 } number_type;

static void put_base64(loci__buffer *out, const uint32_t *words, size_t n) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t bytes = 4 * n;
  if (!loci__buffer_reserve(out, (bytes + 2) / 3 * 4)) return;
  for (size_t i = 0; i < bytes; i += 3) {
    uint32_t group = 0;
    for (size_t b = i; b < i + 3; b++) group = group << 8 | (b < bytes ? words[b / 4] >> (8 * (b % 4)) & 255 : 0);
    char four[4];
    for (size_t d = 0; d < 4; d++) four[d] = digits[group >> (18 - 6 * d) & 63];
    if (i + 1 >= bytes) four[2] = '=';
    if (i + 2 >= bytes) four[3] = '=';
    loci__buffer_append(out, four, sizeof four);
  }
}

/* n words at `words`, every `stride`-th. */
static void put_numbers(loci__json_writer *json, bool packed, number_type type, const void *words, size_t n,
                        size_t stride) {
  static const char *const names[] = {"f32", "i32", "u32"};
  const char *at = words;
  if (!packed) {
    loci__json_open(json, '[');
    for (size_t i = 0; i < n; i++, at += 4 * stride) {
      uint32_t word;
      float number;
      memcpy(&word, at, sizeof word);
      memcpy(&number, at, sizeof number);
      if (type == F32) loci__json_put_float(json, number);
      else if (type == I32) loci__json_put_i64(json, (int32_t)word);
      else loci__json_put_u64(json, word);
    }
    loci__json_close(json, ']');
    return;
  }
  enum { CHUNK = 3 * 256 }; /* words: whole groups of three bytes */
  uint32_t chunk[CHUNK];
  loci__json_open(json, '{');
  key_text(json, "type", names[type]);
  key_number(json, "length", n);
  loci__json_key(json, "base64");
  loci__json_put_text(json, "");
  if (json->out->failed == LOCI_OK) json->out->length--; /* the closing quote comes after the digits */
  for (size_t i = 0; i < n; i += CHUNK) {
    const size_t count = n - i < CHUNK ? n - i : CHUNK;
    for (size_t c = 0; c < count; c++, at += 4 * stride) memcpy(&chunk[c], at, sizeof *chunk);
    put_base64(json->out, chunk, count);
  }
  loci__buffer_putc(json->out, '"');
  loci__json_close(json, '}');
}

static void put_strings(loci__json_writer *json, const char *const *texts, const uint32_t *lengths, size_t n) {
  loci__json_open(json, '[');
  for (size_t i = 0; i < n; i++) loci__json_put_textn(json, texts[i], lengths ? lengths[i] : strlen(texts[i]));
  loci__json_close(json, ']');
}

/* ---- members ---- */

static void put_neighbors(const loci_map *map, bool packed, loci__json_writer *json) {
  loci__json_key(json, "neighbors");
  loci__json_open(json, '{');
  key_number(json, "k", map->k);
  loci__json_key(json, "index");
  put_numbers(json, packed, U32, map->neighbors, map->n * map->k, 1);
  loci__json_key(json, "score");
  put_numbers(json, packed, F32, map->scores, map->n * map->k, 1);
  loci__json_close(json, '}');
}

static void put_clusters(const loci_map *map, bool packed, loci__json_writer *json) {
  loci__json_key(json, "clusters");
  if (map->clusters == NULL) {
    loci__json_put_null(json);
    return;
  }
  loci__json_open(json, '{');
  key_text(json, "method", map->clustering);
  key_number(json, "count", map->n_clusters);
  loci__json_key(json, "of");
  put_numbers(json, packed, I32, map->clusters, map->n, 1);
  loci__json_key(json, "names");
  loci__json_open(json, '[');
  for (size_t c = 0; c < map->n_clusters; c++) loci__json_put_text(json, map->told[c].name);
  loci__json_close(json, ']');
  loci__json_key(json, "sizes");
  loci__json_open(json, '[');
  for (size_t c = 0; c < map->n_clusters; c++) loci__json_put_u64(json, map->told[c].size);
  loci__json_close(json, ']');
  loci__json_key(json, "typical");
  loci__json_open(json, '[');
  for (size_t c = 0; c < map->n_clusters; c++) {
    loci__json_open(json, '[');
    for (size_t i = 0; i < map->told[c].n_typical; i++) loci__json_put_u64(json, map->told[c].typical[i]);
    loci__json_close(json, ']');
  }
  loci__json_close(json, ']');
  loci__json_close(json, '}');
}

static void put_columns(const loci_map *map, bool packed, loci__json_writer *json) {
  static const char *const kinds[] = {"number", "category", "text"};
  loci__json_key(json, "columns");
  loci__json_open(json, '[');
  for (size_t c = 0; c < map->n_columns; c++) {
    const loci__column *column = &map->columns[c];
    loci__json_open(json, '{');
    key_text(json, "name", column->name);
    key_text(json, "kind", kinds[column->kind]);
    loci__json_key(json, "values");
    if (column->kind == LOCI__COLUMN_NUMBER) put_numbers(json, packed, F32, column->numbers, map->n, 1);
    else if (column->kind == LOCI__COLUMN_TEXT) put_strings(json, column->texts, NULL, map->n);
    else {
      put_numbers(json, packed, U32, column->places, map->n, 1);
      loci__json_key(json, "categories");
      put_strings(json, column->texts, NULL, column->n_categories);
    }
    loci__json_close(json, '}');
  }
  loci__json_close(json, ']');
}

static void put_distortion(const loci_map *map, loci__json_writer *json) {
  const loci_distortion *d = &map->distortion;
  loci__json_key(json, "distortion");
  loci__json_open(json, '{');
  key_number(json, "k", d->k);
  key_double(json, "trustworthiness", d->k ? d->trustworthiness : (double)NAN);
  key_double(json, "kept", d->k ? d->kept : (double)NAN);
  key_number(json, "n_measured", d->n_measured);
  key_text(json, "statement", map->statement);
  loci__json_close(json, '}');
}

void loci__map_put_json(const loci_map *map, bool packed, loci__buffer *out) {
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  key_text(&json, "format", "loci-map");
  key_number(&json, "version", 1);
  key_text(&json, "program", "loci " LOCI_VERSION);
  key_text(&json, "title", map->title);
  key_number(&json, "n", map->n);
  key_number(&json, "dim", map->dim);
  key_number(&json, "n_left_out", map->n_left_out);
  key_text(&json, "method", loci_projection_name(map->projection));
  key_text(&json, "method_name", map->method);
  key_text(&json, "metric", loci_metric_name(map->metric));
  key_number(&json, "seed", map->seed);
  loci__json_key(&json, "x");
  put_numbers(&json, packed, F32, map->xy, map->n, 2);
  loci__json_key(&json, "y");
  put_numbers(&json, packed, F32, map->xy + 1, map->n, 2);
  loci__json_key(&json, "labels");
  put_strings(&json, map->labels, map->lengths, map->n);
  put_neighbors(map, packed, &json);
  put_clusters(map, packed, &json);
  put_columns(map, packed, &json);
  put_distortion(map, &json);
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}
