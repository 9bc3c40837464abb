/* sts.c: semantic textual similarity. The cosine of two sentences' vectors against what people said (Cer et al. 2017).
 *
 * Three layouts are told apart by the first line: SICK's header, STS-B's seven columns (score fifth, sentences sixth and
 * seventh), and three columns with the score first or last. Quotes are characters like any other, as the files mean
 * them. Lines without a score are left out; a line without its sentences is an error with its byte offset.
 */
#include "eval.h"

#include "../base/file.h"
#include "../model/model.h"

#include <math.h>

enum { FILE_LIMIT = 1 << 30, MAX_COLUMNS = 32 };

typedef struct layout {
  size_t score, a, b, n_columns;
} layout;

typedef struct pairs {
  loci_context *context;
  double *gold;
  loci_text *texts; /* two a pair */
  size_t n, gold_capacity, texts_capacity;
} pairs;

/* Columns of line[0..length); at most MAX_COLUMNS, the last taking the rest. */
static size_t split(const char *line, size_t length, loci_text *columns) {
  size_t n = 0, start = 0;
  for (size_t i = 0; i <= length; i++) {
    if (i < length && (line[i] != '\t' || n + 1 == MAX_COLUMNS)) continue;
    columns[n++] = (loci_text){line + start, i - start};
    start = i + 1;
  }
  return n;
}

static bool is_column(const loci_text *column, const char *name) {
  return column->length == strlen(name) && memcmp(column->data, name, column->length) == 0;
}

static bool parse_score(const loci_text *column, double *out) {
  const char *text = column->data;
  size_t length = column->length;
  while (length > 0 && (*text == ' ' || *text == '\r')) text++, length--;
  while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\r')) length--;
  return length > 0 && loci__parse_double(text, length, out) && isfinite(*out);
}

static loci_status recognise(const char *path, const loci_text *columns, size_t n, layout *out, bool *is_header,
                             loci_error *error) {
  double score = 0.0;
  *is_header = false;
  size_t a = SIZE_MAX, b = SIZE_MAX, s = SIZE_MAX;
  for (size_t i = 0; i < n; i++) {
    if (is_column(&columns[i], "sentence_A")) a = i;
    if (is_column(&columns[i], "sentence_B")) b = i;
    if (is_column(&columns[i], "relatedness_score")) s = i;
  }
  if (a != SIZE_MAX && b != SIZE_MAX && s != SIZE_MAX) {
    *out = (layout){s, a, b, (a > b ? (a > s ? a : s) : (b > s ? b : s)) + 1};
    *is_header = true;
    return LOCI_OK;
  }
  if (n >= 7) *out = (layout){4, 5, 6, 7};
  else if (n == 3 && parse_score(&columns[0], &score)) *out = (layout){0, 1, 2, 3};
  else if (n == 3 && (parse_score(&columns[2], &score) || columns[0].length > 0)) *out = (layout){2, 0, 1, 3};
  else {
    return loci__fail_at(
        error, LOCI_ERROR_FORMAT, 0,
        "'%s': the first line has %zu tab-separated columns; expected are STS-B's 7, SICK's header, or "
        "score, sentence, sentence",
        path, n);
  }
  return LOCI_OK;
}

static loci_status add_pair(pairs *list, double gold, loci_text a, loci_text b, loci_error *error) {
  if (!loci__grow(list->context, &list->gold, &list->gold_capacity, list->n + 1, sizeof *list->gold) ||
      !loci__grow(list->context, &list->texts, &list->texts_capacity, 2 * list->n + 2, sizeof *list->texts)) {
    return loci__fail_memory(error, sizeof *list->texts, "sentence pairs");
  }
  list->gold[list->n] = gold;
  list->texts[2 * list->n] = a;
  list->texts[2 * list->n + 1] = b;
  list->n++;
  return LOCI_OK;
}

static loci_status parse(const char *path, const char *data, size_t length, pairs *list, loci_error *error) {
  layout where = {0};
  bool is_first = true;
  for (size_t at = 0; at < length;) {
    const char *line = data + at, *end = memchr(line, '\n', length - at);
    size_t line_length = end != NULL ? (size_t)(end - line) : length - at;
    size_t next = at + line_length + (end != NULL);
    if (line_length > 0 && line[line_length - 1] == '\r') line_length--;
    loci_text columns[MAX_COLUMNS];
    size_t n = split(line, line_length, columns);
    bool is_header = false;
    if (is_first) LOCI__TRY(recognise(path, columns, n, &where, &is_header, error));
    is_first = false;
    double gold = 0.0;
    bool has_score = !is_header && n > where.score && parse_score(&columns[where.score], &gold);
    if (has_score && n < where.n_columns) {
      return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)at, "'%s': a line has %zu columns instead of %zu", path,
                           n, where.n_columns);
    }
    if (has_score) LOCI__TRY(add_pair(list, gold, columns[where.a], columns[where.b], error));
    at = next;
  }
  if (list->n < 2) return loci__fail(error, LOCI_ERROR_FORMAT, "'%s' holds fewer than two scored pairs", path);
  return LOCI_OK;
}

static loci_status score_pairs(const loci_model *model, const pairs *list, loci_sts_score *out, loci_error *error) {
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(model, &info);
  size_t size = 0;
  float *vectors =
      loci__mul(2 * list->n, info.dim, &size) ? loci__alloc_array(list->context, size, sizeof *vectors) : NULL;
  loci_embed_info *infos = loci__alloc_array(list->context, 2 * list->n, sizeof *infos);
  double *cosines = loci__alloc_array(list->context, list->n, sizeof *cosines);
  loci_status status = LOCI_OK;
  if (vectors == NULL || infos == NULL || cosines == NULL) status = loci__fail_memory(error, size, "vectors");
  if (status == LOCI_OK) status = loci_embed(model, list->texts, 2 * list->n, NULL, vectors, infos, error);
  if (status == LOCI_OK) {
    for (size_t i = 0; i < list->n; i++) {
      cosines[i] = loci_cosine(vectors + 2 * i * info.dim, vectors + (2 * i + 1) * info.dim, info.dim);
      out->n_truncated += (uint64_t)(infos[2 * i].truncated != 0) + (uint64_t)(infos[2 * i + 1].truncated != 0);
    }
    out->n_pairs = list->n;
    out->pearson = loci__eval_pearson(cosines, list->gold, list->n);
    status = loci__eval_spearman(list->context, cosines, list->gold, list->n, &out->spearman, error);
  }
  loci__free(list->context, vectors);
  loci__free(list->context, infos);
  loci__free(list->context, cosines);
  return status;
}

loci_status loci_eval_sts(const loci_model *model, const char *path, loci_sts_score *out, loci_error *error) {
  *out = (loci_sts_score){0};
  if (model == NULL || path == NULL) return loci__fail(error, LOCI_ERROR_USAGE, "loci_eval_sts: a model and a file");
  loci_context *context = model->context;
  char *data = NULL;
  size_t length = 0;
  LOCI__TRY(loci__file_read(context, path, FILE_LIMIT, &data, &length, error));
  pairs list = {.context = context};
  size_t bom = length >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  loci_status status = parse(path, data + bom, length - bom, &list, error);
  if (status == LOCI_OK) status = score_pairs(model, &list, out, error);
  loci__free(context, list.gold);
  loci__free(context, list.texts);
  loci__free(context, data);
  return status;
}
