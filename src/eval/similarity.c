/* eval/similarity.c: word similarity, Spearman's rank correlation of cosines with what people said.
 *
 * Layouts: word, word, score by tabs, commas, semicolons or spaces, the first of these that makes three columns of the
 * first line; a heading (a first line whose score column is no number) may name the columns: WordSim-353's combined.csv
 * ("Word 1,Word 2,Human (mean)") and set files, SimLex-999's own file ("word1 word2 POS SimLex999 …": the score is the
 * column so named), MEN, RG-65 and MC-30 as they are distributed. MEN's "sun-n" tags are cut when every word has one.
 * A pair is seen when both words have a vector: the row of the word as it is, else in lower case, else, in a file with
 * subwords, that of its n-grams.
 */
#include "eval.h"
#include "words.h"

#include <math.h>

enum { MAX_COLUMNS = 32 };

typedef struct pair {
  loci__eval_field words[2];
  double gold;
} pair;

typedef struct pairs {
  loci_context *context;
  pair *items;
  size_t n, capacity;
} pairs;

typedef struct layout {
  char separator;
  size_t score;
} layout;

static bool parse_score(const loci__eval_field *field, double *out) {
  return field->length > 0 && loci__parse_double(field->text, field->length, out) && isfinite(*out);
}

static bool is_named(const loci__eval_field *field, const char *name) {
  return field->length == strlen(name) && memcmp(field->text, name, field->length) == 0;
}

/* From the first line that is not empty. *heading: it holds no pair. */
static loci_status recognise(const loci__eval_lines *lines, layout *out, bool *heading, loci_error *error) {
  static const char separators[] = {'\t', ',', ';', ' '};
  for (size_t s = 0; s < LOCI__COUNT(separators); s++) {
    loci__eval_field fields[MAX_COLUMNS];
    size_t n = loci__eval_fields(lines->line, lines->line_length, separators[s], fields, MAX_COLUMNS);
    if (n < 3) continue;
    if (n > MAX_COLUMNS) n = MAX_COLUMNS;
    double score;
    *out = (layout){separators[s], 2};
    *heading = !parse_score(&fields[2], &score);
    for (size_t i = 2; i < n && *heading; i++)
      if (is_named(&fields[i], "SimLex999")) out->score = i;
    return LOCI_OK;
  }
  return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)lines->start,
                       "'%s', line %zu: two words and a score are expected, by tabs, commas or spaces", lines->path,
                       lines->number);
}

static loci_status read_pairs(loci__eval_lines *lines, pairs *list, loci_error *error) {
  layout where = {0};
  bool known = false;
  while (loci__eval_lines_next(lines)) {
    loci__eval_field fields[MAX_COLUMNS];
    if (loci__eval_fields(lines->line, lines->line_length, ' ', fields, MAX_COLUMNS) == 0) continue;
    if (lines->line[0] == '#') continue; /* the comments of the WordSim-353 sets */
    bool heading = false;
    if (!known) LOCI__TRY(recognise(lines, &where, &heading, error));
    known = true;
    if (heading) continue;
    const size_t n = loci__eval_fields(lines->line, lines->line_length, where.separator, fields, MAX_COLUMNS);
    pair p = {.words = {fields[0], fields[1]}};
    if (n <= where.score || !parse_score(&fields[where.score], &p.gold) || p.words[0].length == 0 ||
        p.words[1].length == 0)
      return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)lines->start,
                           "'%s', line %zu: two words and a score in column %zu are expected", lines->path,
                           lines->number, where.score + 1);
    if (!loci__grow(list->context, &list->items, &list->capacity, list->n + 1, sizeof p))
      return loci__fail_memory(error, (list->n + 1) * sizeof p, "the pairs");
    list->items[list->n++] = p;
  }
  if (list->n < 2) return loci__fail(error, LOCI_ERROR_FORMAT, "'%s' holds fewer than two scored pairs", lines->path);
  return LOCI_OK;
}

/* "sun-n", "run-v", "red-j" */
static bool is_tagged(const loci__eval_field *word) {
  return word->length > 2 && word->text[word->length - 2] == '-' &&
         memchr("nvj", word->text[word->length - 1], 3) != NULL;
}

static void cut_tags(pairs *list) {
  for (size_t i = 0; i < list->n; i++)
    if (!is_tagged(&list->items[i].words[0]) || !is_tagged(&list->items[i].words[1])) return;
  for (size_t i = 0; i < list->n; i++)
    for (int k = 0; k < 2; k++) list->items[i].words[k].length -= 2;
}

/* *there false: it has none. */
static loci_status vector_of(const loci_vectors *vectors, const loci__eval_field *word, loci__buffer *lower, size_t dim,
                             float *out, bool *there, loci_error *error) {
  const int64_t at = loci__eval_find(vectors, word, false, lower);
  LOCI__TRY(loci__buffer_status(lower, "a word", error));
  *there = at >= 0;
  if (*there) {
    memcpy(out, loci_vectors_row(vectors, (size_t)at), dim * sizeof *out);
    return LOCI_OK;
  }
  loci_error why;
  const loci_status status = loci_vectors_get(vectors, word->text, word->length, out, &why);
  *there = status == LOCI_OK;
  if (status == LOCI_OK || status == LOCI_ERROR_NOT_FOUND) return LOCI_OK;
  if (error != NULL) *error = why;
  return status;
}

typedef struct columns {
  double *seen_cosines, *seen_gold, *cosines, *gold;
  bool *is_seen;
  float *a, *b;
} columns;

static loci_status score_pairs(const loci_vectors *vectors, const pairs *list, const columns *c, size_t dim,
                               loci_similarity_score *out, loci_error *error) {
  loci__buffer lower;
  loci__buffer_init(&lower, list->context, 0);
  loci_status status = LOCI_OK;
  size_t n = 0;
  double total = 0.0;
  for (size_t i = 0; i < list->n && status == LOCI_OK; i++) {
    bool first = false, second = false;
    status = vector_of(vectors, &list->items[i].words[0], &lower, dim, c->a, &first, error);
    if (status == LOCI_OK) status = vector_of(vectors, &list->items[i].words[1], &lower, dim, c->b, &second, error);
    c->gold[i] = list->items[i].gold;
    c->is_seen[i] = first && second;
    if (!c->is_seen[i]) continue;
    c->cosines[i] = c->seen_cosines[n] = loci_cosine(c->a, c->b, dim);
    c->seen_gold[n++] = list->items[i].gold;
    total += c->cosines[i];
  }
  loci__buffer_release(&lower);
  LOCI__TRY(status);
  for (size_t i = 0; i < list->n; i++)
    if (!c->is_seen[i]) c->cosines[i] = n > 0 ? total / (double)n : 0.0;
  out->n_pairs = list->n;
  out->n_seen = n;
  LOCI__TRY(loci__eval_spearman(list->context, c->seen_cosines, c->seen_gold, n, &out->spearman, error));
  return loci__eval_spearman(list->context, c->cosines, c->gold, list->n, &out->spearman_all, error);
}

static loci_status score_list(const loci_vectors *vectors, const pairs *list, loci_similarity_score *out,
                              loci_error *error) {
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(vectors, &info);
  loci__arena arena;
  loci__arena_init(&arena, list->context);
  const size_t size = list->n * sizeof(double);
  const columns c = {.seen_cosines = loci__arena_alloc(&arena, size),
                     .seen_gold = loci__arena_alloc(&arena, size),
                     .cosines = loci__arena_alloc(&arena, size),
                     .gold = loci__arena_alloc(&arena, size),
                     .is_seen = loci__arena_alloc(&arena, list->n * sizeof(bool)),
                     .a = loci__arena_alloc(&arena, info.dim * sizeof(float)),
                     .b = loci__arena_alloc(&arena, info.dim * sizeof(float))};
  const bool ok = c.seen_cosines != NULL && c.seen_gold != NULL && c.cosines != NULL && c.gold != NULL &&
                  c.is_seen != NULL && c.a != NULL && c.b != NULL;
  const loci_status status =
      ok ? score_pairs(vectors, list, &c, info.dim, out, error) : loci__fail_memory(error, 4 * size, "the pairs");
  loci__arena_release(&arena);
  return status;
}

loci_status loci_eval_similarity(const loci_vectors *vectors, const char *path, loci_similarity_score *out,
                                 loci_error *error) {
  *out = (loci_similarity_score){0};
  if (vectors == NULL || path == NULL)
    return loci__fail(error, LOCI_ERROR_USAGE, "loci_eval_similarity: vectors and a file of pairs");
  pairs list = {.context = vectors->context};
  loci__eval_lines lines;
  LOCI__TRY(loci__eval_lines_open(&lines, list.context, path, error));
  loci_status status = read_pairs(&lines, &list, error);
  if (status == LOCI_OK) {
    cut_tags(&list);
    status = score_list(vectors, &list, out, error);
  }
  loci__free(list.context, list.items);
  loci__eval_lines_close(&lines);
  return status;
}
