/* eval/cluster.c: do the clusters of words agree with the classes that people sort them into? k-means over the words' rows
 * of unit length, with as many clusters as classes; the figures are partition.c's.
 *
 * Layouts: see loci_eval_cluster. The separator is the first of tab, comma, semicolon and space that cuts the first line
 * with words in it into two fields or more.
 */
#include "loci/cluster.h"
#include "eval.h"
#include "words.h"

enum { MAX_COLUMNS = 16, MAX_CLASSES = 10000, N_INIT = 100 };

typedef struct words {
  loci_context *context;
  loci__buffer classes; /* names, NUL between */
  size_t *class_at, n_classes, class_capacity;
  size_t *rows;
  int32_t *class_of;
  size_t n, capacity; /* seen ones */
  uint64_t n_all, n_repeated;
  bool *taken;     /* a row each */
  int64_t current; /* of a line ": class" */
} words;

typedef struct layout {
  bool known;
  char separator;
  size_t class, word;
} layout;

void loci_cluster_eval_options_init(loci_cluster_eval_options *options) {
  *options = (loci_cluster_eval_options){.struct_size = sizeof *options, .seed = 1};
}

static loci_status class_number(words *w, const loci__eval_field *name, int64_t *out, loci_error *error) {
  for (size_t i = w->n_classes; i-- > 0;) { /* they come one after the other */
    const char *known = w->classes.data + w->class_at[i];
    if (strlen(known) == name->length && !memcmp(known, name->text, name->length)) {
      *out = (int64_t)i;
      return LOCI_OK;
    }
  }
  if (w->n_classes == MAX_CLASSES) return loci__fail(error, LOCI_ERROR_LIMIT, "more than %d classes", MAX_CLASSES);
  if (!loci__grow(w->context, &w->class_at, &w->class_capacity, w->n_classes + 1, sizeof *w->class_at))
    return loci__fail_memory(error, w->n_classes * sizeof *w->class_at, "the classes");
  w->class_at[w->n_classes] = w->classes.length;
  loci__buffer_append(&w->classes, name->text, name->length);
  loci__buffer_putc(&w->classes, 0);
  *out = (int64_t)w->n_classes++;
  return loci__buffer_status(&w->classes, "the classes", error);
}

static loci_status add_word(words *w, const loci_vectors *vectors, const loci__eval_field *word, int64_t class,
                            loci__buffer *lower, loci_error *error) {
  if (word->length == 0) return LOCI_OK;
  w->n_all++;
  const int64_t row = loci__eval_find(vectors, word, false, lower);
  LOCI__TRY(loci__buffer_status(lower, "a word", error));
  if (row < 0) return LOCI_OK;
  if (w->taken[row]) {
    w->n_all--, w->n_repeated++;
    return LOCI_OK;
  }
  w->taken[row] = true;
  const size_t n = w->n;
  size_t capacity = w->capacity; /* two arrays of one capacity */
  if (!loci__grow(w->context, &w->rows, &capacity, n + 1, sizeof *w->rows) ||
      !loci__grow(w->context, &w->class_of, &w->capacity, n + 1, sizeof *w->class_of))
    return loci__fail_memory(error, (n + 1) * sizeof *w->rows, "the words");
  w->rows[n] = (size_t)row;
  w->class_of[n] = (int32_t) class;
  w->n++;
  return LOCI_OK;
}

static bool is_named(const loci__eval_field *field, const char *name) {
  return field->length == strlen(name) && memcmp(field->text, name, field->length) == 0;
}

/* From the first line. *heading: it holds no words. */
static loci_status recognise(const loci__eval_lines *lines, layout *out, bool *heading, loci_error *error) {
  static const char separators[] = {'\t', ',', ';', ' '};
  for (size_t s = 0; s < LOCI__COUNT(separators); s++) {
    loci__eval_field fields[MAX_COLUMNS];
    size_t n = loci__eval_fields(lines->line, lines->line_length, separators[s], fields, MAX_COLUMNS);
    if (n < 2) continue;
    if (n > MAX_COLUMNS) n = MAX_COLUMNS;
    size_t class = SIZE_MAX, word = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
      if (is_named(&fields[i], "category") || is_named(&fields[i], "class")) class = i;
      if (is_named(&fields[i], "word")) word = i;
    }
    *heading = class != SIZE_MAX && word != SIZE_MAX;
    *out = *heading ? (layout){true, separators[s], class, word} : (layout){true, separators[s], 0, 1};
    if (*heading || n == 2) return LOCI_OK;
  }
  return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)lines->start,
                       "'%s', line %zu: \"class word\", columns named category and word, or \": class\" with its words "
                       "below are expected",
                       lines->path, lines->number);
}

static loci_status read_line(words *w, const loci_vectors *vectors, const loci__eval_lines *lines, layout *where,
                             loci__buffer *lower, loci_error *error) {
  loci__eval_field fields[MAX_COLUMNS];
  size_t n = loci__eval_fields(lines->line, lines->line_length, ' ', fields, MAX_COLUMNS);
  if (n == 0 || lines->line[0] == '#') return LOCI_OK;
  if (lines->line[0] == ':') {
    loci__eval_field name = {lines->line + 1, lines->line_length - 1};
    while (name.length > 0 && *name.text == ' ') name.text++, name.length--;
    return class_number(w, &name, &w->current, error);
  }
  if (w->current >= 0) { /* any number of words a line */
    if (n > MAX_COLUMNS)
      return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)lines->start, "'%s', line %zu: more than %d words",
                           lines->path, lines->number, MAX_COLUMNS);
    for (size_t i = 0; i < n; i++) LOCI__TRY(add_word(w, vectors, &fields[i], w->current, lower, error));
    return LOCI_OK;
  }
  if (!where->known) {
    bool heading;
    LOCI__TRY(recognise(lines, where, &heading, error));
    if (heading) return LOCI_OK;
  }
  n = loci__eval_fields(lines->line, lines->line_length, where->separator, fields, MAX_COLUMNS);
  if (n <= where->class || n <= where->word)
    return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)lines->start,
                         "'%s', line %zu: a class and a word are expected", lines->path, lines->number);
  int64_t class;
  LOCI__TRY(class_number(w, &fields[where->class], &class, error));
  return add_word(w, vectors, &fields[where->word], class, lower, error);
}

static loci_status read_words(words *w, const loci_vectors *vectors, const char *path, loci_error *error) {
  loci__eval_lines lines;
  LOCI__TRY(loci__eval_lines_open(&lines, w->context, path, error));
  loci__buffer lower;
  loci__buffer_init(&lower, w->context, 0);
  layout where = {0};
  loci_status status = LOCI_OK;
  while (status == LOCI_OK && loci__eval_lines_next(&lines))
    status = read_line(w, vectors, &lines, &where, &lower, error);
  loci__buffer_release(&lower);
  loci__eval_lines_close(&lines);
  return status;
}

static loci_status measure(const words *w, const loci_vectors *vectors, const char *path,
                           const loci_cluster_eval_options *options, loci_cluster_score *out, loci_error *error) {
  out->n = w->n_all, out->n_seen = w->n, out->n_repeated = w->n_repeated;
  bool *there = loci__alloc_zero(w->context, w->n_classes ? w->n_classes : 1, sizeof *there);
  if (there == NULL) return loci__fail_memory(error, w->n_classes, "the classes");
  for (size_t i = 0; i < w->n; i++) {
    out->n_classes += !there[w->class_of[i]];
    there[w->class_of[i]] = true;
  }
  loci__free(w->context, there);
  if (out->n_classes < 2)
    return loci__fail(error, LOCI_ERROR_FORMAT,
                      "'%s': of its %llu words in %zu classes %zu have a vector, in %llu classes: two classes at least "
                      "are needed",
                      path, (unsigned long long)w->n_all, w->n_classes, w->n, (unsigned long long)out->n_classes);
  loci_kmeans_options o;
  loci_kmeans_options_init(&o);
  o.k = options->k ? options->k : (size_t)out->n_classes;
  o.n_init = options->n_init ? options->n_init : N_INIT;
  o.seed = options->seed;
  loci_clusters clusters;
  LOCI__TRY(loci_kmeans(vectors, w->rows, w->n, &o, &clusters, error));
  out->inertia = clusters.inertia;
  const loci_status status = loci_partition_measure(w->context, w->class_of, clusters.labels, w->n, &out->score, error);
  loci_clusters_release(&clusters);
  return status;
}

loci_status loci_eval_cluster(const loci_vectors *vectors, const char *path, const loci_cluster_eval_options *options,
                              loci_cluster_score *out, loci_error *error) {
  *out = (loci_cluster_score){0};
  if (vectors == NULL || path == NULL)
    return loci__fail(error, LOCI_ERROR_USAGE, "loci_eval_cluster: vectors and a file of words and classes");
  loci_cluster_eval_options defaults;
  loci_cluster_eval_options_init(&defaults);
  words w = {.context = vectors->context, .current = -1};
  loci__buffer_init(&w.classes, w.context, 0);
  w.taken = loci__alloc_zero(w.context, vectors->n, sizeof *w.taken);
  loci_status status = w.taken ? read_words(&w, vectors, path, error)
                               : loci__fail_memory(error, vectors->n * sizeof *w.taken, "the words");
  if (status == LOCI_OK) status = measure(&w, vectors, path, options ? options : &defaults, out, error);
  loci__buffer_release(&w.classes);
  loci__free(w.context, w.class_at);
  loci__free(w.context, w.rows);
  loci__free(w.context, w.class_of);
  loci__free(w.context, w.taken);
  return status;
}
