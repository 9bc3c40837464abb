/* explore/map_files.c: what others read a map from: the document, a table, a page, TensorFlow's projector.
 */
#include "map.h"

#include <math.h>

static const char MARKER[] = "@LOCI_MAP@";
enum { MOST_TEMPLATE = 64 << 20 };

/* ---- CSV (RFC 4180) ---- */

static void put_quoted(loci__buffer *out, const char *text, size_t length) {
  bool plain = length > 0;
  for (size_t i = 0; i < length && plain; i++) plain = !strchr("\",\r\n", text[i]) && text[i] != '\0';
  if (plain && text[0] != ' ' && text[length - 1] != ' ') {
    loci__utf8_repair(out, text, length);
    return;
  }
  loci__buffer_putc(out, '"');
  for (size_t i = 0, from = 0; i <= length; i++) {
    if (i < length && text[i] != '"') continue;
    loci__utf8_repair(out, text + from, i - from);
    if (i < length) loci__buffer_puts(out, "\"\"");
    from = i + 1;
  }
  loci__buffer_putc(out, '"');
}

static void put_float(loci__buffer *out, float value) {
  char text[32];
  loci__buffer_append(out, text, loci__format_float(value, text));
}

static void put_csv(const loci_map *map, loci__buffer *out) {
  loci__buffer_puts(out, "label,x,y");
  if (map->clusters) loci__buffer_puts(out, ",cluster,cluster_name");
  for (size_t c = 0; c < map->n_columns; c++) {
    loci__buffer_putc(out, ',');
    put_quoted(out, map->columns[c].name, strlen(map->columns[c].name));
  }
  for (size_t c = 0; c < map->k; c++) loci__buffer_printf(out, ",neighbor_%zu,score_%zu", c + 1, c + 1);
  loci__buffer_puts(out, "\r\n");
  for (size_t i = 0; i < map->n; i++) {
    put_quoted(out, map->labels[i], map->lengths[i]);
    loci__buffer_putc(out, ',');
    put_float(out, map->xy[2 * i]);
    loci__buffer_putc(out, ',');
    put_float(out, map->xy[2 * i + 1]);
    if (map->clusters && map->clusters[i] >= 0) {
      loci__buffer_printf(out, ",%d,", map->clusters[i] + 1);
      const char *name = map->told[map->clusters[i]].name;
      put_quoted(out, name, strlen(name));
    } else if (map->clusters) {
      loci__buffer_puts(out, ",,");
    }
    for (size_t c = 0; c < map->n_columns; c++) {
      char number[32];
      const char *text = loci__column_text(&map->columns[c], i, number);
      loci__buffer_putc(out, ',');
      if (text[0]) put_quoted(out, text, strlen(text));
    }
    for (size_t c = 0; c < map->k; c++) {
      const uint32_t j = map->neighbors[i * map->k + c];
      loci__buffer_putc(out, ',');
      put_quoted(out, map->labels[j], map->lengths[j]);
      loci__buffer_putc(out, ',');
      put_float(out, map->scores[i * map->k + c]);
    }
    loci__buffer_puts(out, "\r\n");
  }
}

static void put_format(const loci_map *map, loci_map_format format, loci__buffer *out) {
  if (format == LOCI_MAP_CSV) put_csv(map, out);
  else loci__map_put_json(map, format == LOCI_MAP_PACKED, out);
}

loci_status loci_map_text(const loci_map *map, loci_map_format format, char **text, size_t *length, loci_error *error) {
  loci__buffer out;
  loci__buffer_init(&out, map->context, 0);
  put_format(map, format, &out);
  const loci_status status = loci__buffer_status(&out, "a map", error);
  *length = out.length;
  *text = status == LOCI_OK ? loci__buffer_take(&out) : NULL;
  loci__buffer_release(&out);
  return status;
}

loci_status loci_map_write(const loci_map *map, loci_map_format format, const char *path, loci_error *error) {
  loci__buffer out;
  loci__buffer_init(&out, map->context, 0);
  put_format(map, format, &out);
  loci_status status = loci__buffer_status(&out, "a map", error);
  if (status == LOCI_OK) status = loci__file_write_atomic(map->context, path, out.data, out.length, error);
  loci__buffer_release(&out);
  return status;
}

/* ---- the page ---- */

/* JSON that means nothing to a reader of HTML or of a script: all of these stand in strings only. */
static void put_harmless(loci__buffer *out, const char *json, size_t length) {
  size_t from = 0;
  for (size_t i = 0; i < length; i++) {
    const unsigned char c = (unsigned char)json[i];
    const char *instead = c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : c == '&' ? "\\u0026" : NULL;
    size_t used = 1;
    if (c == 0xE2 && i + 2 < length && (unsigned char)json[i + 1] == 0x80 &&
        ((unsigned char)json[i + 2] | 1) == 0xA9) { /* U+2028, U+2029 */
      instead = (unsigned char)json[i + 2] == 0xA8 ? "\\u2028" : "\\u2029";
      used = 3;
    }
    if (instead == NULL) continue;
    loci__buffer_append(out, json + from, i - from);
    loci__buffer_puts(out, instead);
    i += used - 1;
    from = i + 1;
  }
  loci__buffer_append(out, json + from, length - from);
}

static loci_status find_marker(const char *page, size_t length, const char *path, size_t *at, loci_error *error) {
  const size_t marker = sizeof MARKER - 1;
  size_t found = 0;
  for (size_t i = 0; i + marker <= length; i++)
    if (page[i] == MARKER[0] && memcmp(page + i, MARKER, marker) == 0) *at = i, found++;
  if (found == 1) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_FORMAT, "'%s' has the marker %s %zu times, not once: it is no page for maps",
                    path, MARKER, found);
}

loci_status loci_map_write_html(const loci_map *map, const char *template_path, const char *path, loci_error *error) {
  char *page = NULL;
  size_t length, at = 0;
  LOCI__TRY(loci__file_read(map->context, template_path, MOST_TEMPLATE, &page, &length, error));
  loci_status status = find_marker(page, length, template_path, &at, error);
  loci__buffer json, out;
  loci__buffer_init(&json, map->context, 0);
  loci__buffer_init(&out, map->context, 0);
  if (status == LOCI_OK) {
    loci__map_put_json(map, true, &json);
    status = loci__buffer_status(&json, "a map", error);
  }
  if (status == LOCI_OK) {
    loci__buffer_append(&out, page, at);
    put_harmless(&out, json.data, json.length - 1); /* without its line end */
    loci__buffer_append(&out, page + at + sizeof MARKER - 1, length - at - (sizeof MARKER - 1));
    status = loci__buffer_status(&out, "a page", error);
  }
  if (status == LOCI_OK) status = loci__file_write_atomic(map->context, path, out.data, out.length, error);
  loci__buffer_release(&json);
  loci__buffer_release(&out);
  loci__free(map->context, page);
  return status;
}

/* ---- TensorFlow's projector ---- */

/* Fields have no tabs or line ends in that format, and no way to write them. */
static void put_field(loci__buffer *out, const char *text, size_t length) {
  const size_t from = out->length;
  loci__utf8_repair(out, text, length);
  for (size_t i = from; i < out->length; i++)
    if (out->data[i] == '\t' || out->data[i] == '\n' || out->data[i] == '\r' || out->data[i] == '\0')
      out->data[i] = ' ';
}

static void put_metadata(const loci_map *map, loci__buffer *out) {
  loci__buffer_puts(out, map->clusters ? "label\tx\ty\tcluster" : "label\tx\ty"); /* several columns have a heading */
  for (size_t c = 0; c < map->n_columns; c++) {
    loci__buffer_putc(out, '\t');
    put_field(out, map->columns[c].name, strlen(map->columns[c].name));
  }
  loci__buffer_putc(out, '\n');
  for (size_t i = 0; i < map->n; i++) {
    put_field(out, map->labels[i], map->lengths[i]);
    loci__buffer_putc(out, '\t');
    put_float(out, map->xy[2 * i]);
    loci__buffer_putc(out, '\t');
    put_float(out, map->xy[2 * i + 1]);
    if (map->clusters) {
      loci__buffer_putc(out, '\t');
      const char *name = map->clusters[i] >= 0 ? map->told[map->clusters[i]].name : "";
      put_field(out, name, strlen(name));
    }
    for (size_t c = 0; c < map->n_columns; c++) {
      char number[32];
      const char *text = loci__column_text(&map->columns[c], i, number);
      loci__buffer_putc(out, '\t');
      put_field(out, text, strlen(text));
    }
    loci__buffer_putc(out, '\n');
  }
}

static void put_config(const loci_map *map, loci__buffer *out) {
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "embeddings");
  loci__json_open(&json, '[');
  loci__json_open(&json, '{');
  loci__json_key(&json, "tensorName");
  loci__json_put_text(&json, map->title);
  loci__json_key(&json, "tensorShape");
  loci__json_open(&json, '[');
  loci__json_put_u64(&json, map->n);
  loci__json_put_u64(&json, map->dim);
  loci__json_close(&json, ']');
  loci__json_key(&json, "tensorPath");
  loci__json_put_text(&json, "tensors.tsv");
  loci__json_key(&json, "metadataPath");
  loci__json_put_text(&json, "metadata.tsv");
  loci__json_close(&json, '}');
  loci__json_close(&json, ']');
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}

/* The vectors may be gigabytes as text: a stream. */
static loci_status write_tensors(const loci_map *map, const char *path, loci_error *error) {
  loci__file_out file;
  LOCI__TRY(loci__file_out_open(&file, map->context, path, error));
  for (size_t i = 0; i < map->n; i++) {
    const float *row = loci_vectors_row(map->vectors, map->rows[i]);
    for (size_t j = 0; j < map->dim; j++) {
      char text[33];
      size_t length = loci__format_float(row[j], text);
      text[length++] = j + 1 < map->dim ? '\t' : '\n';
      loci__file_out_put(&file, text, length);
    }
  }
  return loci__file_out_close(&file, error);
}

loci_status loci_map_write_projector(const loci_map *map, const char *folder, loci_error *error) {
  static const char *const names[] = {"tensors.tsv", "metadata.tsv", "projector_config.json"};
  LOCI__TRY(loci__file_make_folders(map->context, folder, error));
  loci_status status = LOCI_OK;
  for (size_t f = 0; f < LOCI__COUNT(names) && status == LOCI_OK; f++) {
    char *path = loci__path_join(map->context, folder, names[f]);
    if (path == NULL) return loci__fail_memory(error, strlen(folder), "a path");
    loci__buffer out;
    loci__buffer_init(&out, map->context, 0);
    if (f == 0) {
      status = write_tensors(map, path, error);
    } else {
      if (f == 1) put_metadata(map, &out);
      else put_config(map, &out);
      status = loci__buffer_status(&out, names[f], error);
      if (status == LOCI_OK) status = loci__file_write_atomic(map->context, path, out.data, out.length, error);
    }
    loci__buffer_release(&out);
    loci__free(map->context, path);
  }
  return status;
}
