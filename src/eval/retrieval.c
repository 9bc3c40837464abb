/* retrieval.c: search against judged queries, in BEIR's layout (Thakur et al. 2021): corpus.jsonl and queries.jsonl with
 * "_id", "title", "text" a line, qrels/<split>.tsv with a header and query, document, score a line.
 *
 * Phases: read the three files → the documents become rows of a collection in memory, whole (title and text as one row)
 * or cut as `loci index` cuts files → each judged query scores every row (collection/score.c) and a document counts
 * by its best row → the measures, averaged over the judged queries as pytrec_eval does. Text, vector and hybrid
 * are so compared on the same rows.
 *
 * A document that has no word of the query is not retrieved in text mode; in the other modes every document is ranked.
 */
#include "eval.h"

#include "../base/file.h"
#include "../base/json.h"
#include "../collection/collection.h"

#include <math.h>
#include <stdlib.h>

enum { FILE_LIMIT = 1 << 30 };

typedef struct entry {
  const char *id, *title, *text;
  size_t length;
} entry;

typedef struct judgement {
  size_t query, document; /* indices; document SIZE_MAX = not in the corpus: it counts as never found */
  int32_t relevance;
} judgement;

typedef struct benchmark {
  loci_context *context;
  loci__arena arena;
  entry *documents, *queries;
  size_t n_documents, documents_capacity, n_queries, queries_capacity;
  judgement *judgements; /* by query */
  size_t n_judgements, judgements_capacity;
} benchmark;

/* ---- ids ------------------------------------------------------------------------------------------------- */

typedef struct id_table {
  loci_context *context;
  const entry *entries;
  size_t *slots; /* plus one */
  size_t n_slots;
} id_table;

static loci_status make_table(loci_context *context, const entry *entries, size_t n, const char *what, id_table *out,
                              loci_error *error) {
  *out = (id_table){.context = context, .entries = entries, .n_slots = 16};
  while (out->n_slots < 2 * n) out->n_slots *= 2;
  out->slots = loci__alloc_zero(context, out->n_slots, sizeof *out->slots);
  if (out->slots == NULL) return loci__fail_memory(error, out->n_slots * sizeof *out->slots, "a table of ids");
  for (size_t i = 0; i < n; i++) {
    size_t slot = (size_t)loci__hash64(entries[i].id, strlen(entries[i].id), 0) & (out->n_slots - 1);
    for (; out->slots[slot] != 0; slot = (slot + 1) & (out->n_slots - 1)) {
      if (strcmp(entries[out->slots[slot] - 1].id, entries[i].id) == 0) {
        return loci__fail(error, LOCI_ERROR_FORMAT, "%s: the id '%s' stands there twice", what, entries[i].id);
      }
    }
    out->slots[slot] = i + 1;
  }
  return LOCI_OK;
}

static size_t find_id(const id_table *table, const char *id) {
  size_t slot = (size_t)loci__hash64(id, strlen(id), 0) & (table->n_slots - 1);
  for (; table->slots[slot] != 0; slot = (slot + 1) & (table->n_slots - 1)) {
    if (strcmp(table->entries[table->slots[slot] - 1].id, id) == 0) return table->slots[slot] - 1;
  }
  return SIZE_MAX;
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

static loci_status keep_member(benchmark *b, const loci__json *object, const char *key, bool required, const char **out,
                               size_t *length, const char *path, int64_t position, loci_error *error) {
  const loci__json *value = loci__json_get(object, key);
  *out = "";
  *length = 0;
  if (value == NULL || value->type == LOCI__JSON_NULL) {
    if (!required) return LOCI_OK;
    return loci__fail_at(error, LOCI_ERROR_FORMAT, position, "'%s': a line without \"%s\"", path, key);
  }
  if (value->type != LOCI__JSON_STRING && !(required && value->type == LOCI__JSON_NUMBER)) {
    return loci__fail_at(error, LOCI_ERROR_FORMAT, position, "'%s': \"%s\" is not a string", path, key);
  }
  *out = loci__arena_strndup(&b->arena, value->text, value->length);
  *length = value->length;
  return *out != NULL ? LOCI_OK : loci__fail_memory(error, value->length, "a line of a benchmark");
}

static loci_status add_line(benchmark *b, const char *path, const char *line, size_t length, int64_t position,
                            entry **list, size_t *n, size_t *capacity, loci_error *error) {
  loci__json_document json = {0};
  loci_status status = loci__json_parse(&json, b->context, line, length, path, error);
  if (status != LOCI_OK) {
    loci__json_release(&json);
    return loci__error_prefix(error, "the line at byte %lld", (long long)position);
  }
  entry e = {0};
  size_t ignored = 0;
  const loci__json *root = &json.nodes[0];
  status = keep_member(b, root, "_id", true, &e.id, &ignored, path, position, error);
  if (status == LOCI_OK) status = keep_member(b, root, "title", false, &e.title, &ignored, path, position, error);
  if (status == LOCI_OK) status = keep_member(b, root, "text", false, &e.text, &e.length, path, position, error);
  if (status == LOCI_OK && !loci__grow(b->context, list, capacity, *n + 1, sizeof **list)) {
    status = loci__fail_memory(error, sizeof e, "a line of a benchmark");
  }
  if (status == LOCI_OK) (*list)[(*n)++] = e;
  loci__json_release(&json);
  return status;
}

static loci_status read_lines(benchmark *b, const char *folder, const char *name, entry **list, size_t *n,
                              size_t *capacity, loci_error *error) {
  char *path = loci__path_join(b->context, folder, name), *data = NULL;
  size_t length = 0;
  if (path == NULL) return loci__fail_memory(error, 0, "a path");
  loci_status status = loci__file_read(b->context, path, FILE_LIMIT, &data, &length, error);
  for (size_t at = 0; at < length && status == LOCI_OK;) {
    const char *end = memchr(data + at, '\n', length - at);
    size_t line = end != NULL ? (size_t)(end - data) - at : length - at, used = line;
    while (used > 0 && strchr(" \t\r", data[at + used - 1]) != NULL) used--;
    if (used > 0) status = add_line(b, path, data + at, used, (int64_t)at, list, n, capacity, error);
    at += line + 1;
  }
  if (status == LOCI_OK && *n == 0) status = loci__fail(error, LOCI_ERROR_FORMAT, "'%s' is empty", path);
  loci__free(b->context, data);
  loci__free(b->context, path);
  return status;
}

typedef struct split_search {
  benchmark *b;
  char *only; /* the one .tsv that was seen */
  size_t n;
  bool failed;
} split_search;

static int note_split(void *arg, const char *name) {
  split_search *search = arg;
  if (!loci__ends_with(name, ".tsv")) return 0;
  search->n++;
  if (search->only != NULL) return 0;
  search->only = loci__strdup(search->b->context, name);
  search->failed = search->only == NULL;
  return search->failed;
}

/* The path of the judgements (loci__free). */
static loci_status find_split(benchmark *b, const char *folder, const char *split, char **out, loci_error *error) {
  static const char *const usual[] = {"test", "train", "dev"};
  char *qrels = loci__path_join(b->context, folder, "qrels");
  if (qrels == NULL) return loci__fail_memory(error, 0, "a path");
  *out = NULL;
  bool failed = false;
  size_t n = split != NULL ? 1 : LOCI__COUNT(usual);
  for (size_t i = 0; i < n && *out == NULL && !failed; i++) {
    loci__buffer name;
    loci__buffer_init(&name, b->context, 0);
    loci__buffer_printf(&name, "%s/%s.tsv", qrels, split != NULL ? split : usual[i]);
    char *path = loci__buffer_take(&name);
    failed = path == NULL;
    if (path != NULL && loci__file_exists(b->context, path)) *out = path;
    else loci__free(b->context, path);
  }
  if (*out == NULL && !failed && split == NULL) {
    split_search search = {.b = b};
    loci__file_readdir(b->context, qrels, note_split, &search);
    if (search.n == 1 && search.only != NULL) {
      *out = loci__path_join(b->context, qrels, search.only);
      failed = *out == NULL;
    }
    failed = failed || search.failed;
    loci__free(b->context, search.only);
  }
  loci_status status = LOCI_OK;
  if (failed) status = loci__fail_memory(error, 0, "a path");
  else if (*out == NULL) {
    status = loci__fail(error, LOCI_ERROR_NOT_FOUND, "'%s' holds no %s%s: name the split", qrels,
                        split != NULL ? split : "test.tsv, train.tsv or dev", split != NULL ? ".tsv" : ".tsv");
  }
  loci__free(b->context, qrels);
  return status;
}

static int compare_judgements(const void *a, const void *b) {
  const judgement *x = a, *y = b;
  if (x->query != y->query) return x->query < y->query ? -1 : 1;
  return (x->document > y->document) - (x->document < y->document);
}

/* One line of qrels, which is cut up in place. */
static loci_status add_judgement(benchmark *b, char *line, bool is_first, const id_table *documents,
                                 const id_table *queries, const char *path, int64_t position, loci_error *error) {
  char *first = strchr(line, '\t'), *second = first != NULL ? strchr(first + 1, '\t') : NULL;
  if (second == NULL) {
    return loci__fail_at(error, LOCI_ERROR_FORMAT, position, "'%s': a line without three tab-separated columns", path);
  }
  *first = *second = '\0';
  double relevance = 0.0;
  if (!loci__parse_double(second + 1, strlen(second + 1), &relevance) || fabs(relevance) > 1000.0 ||
      relevance != floor(relevance)) {
    if (is_first) return LOCI_OK; /* the header */
    return loci__fail_at(error, LOCI_ERROR_FORMAT, position, "'%s': '%s' is no whole score", path, second + 1);
  }
  size_t query = find_id(queries, line);
  if (query == SIZE_MAX) {
    return loci__fail_at(error, LOCI_ERROR_FORMAT, position, "'%s': the query '%s' is not in queries.jsonl", path,
                         line);
  }
  if (!loci__grow(b->context, &b->judgements, &b->judgements_capacity, b->n_judgements + 1, sizeof *b->judgements)) {
    return loci__fail_memory(error, sizeof *b->judgements, "judgements");
  }
  b->judgements[b->n_judgements++] = (judgement){query, find_id(documents, first + 1), (int32_t)relevance};
  return LOCI_OK;
}

static loci_status read_judgements(benchmark *b, const char *folder, const char *split, const id_table *documents,
                                   const id_table *queries, loci_error *error) {
  char *path = NULL, *data = NULL;
  size_t length = 0;
  LOCI__TRY(find_split(b, folder, split, &path, error));
  loci_status status = loci__file_read(b->context, path, FILE_LIMIT, &data, &length, error);
  for (size_t at = 0; at < length && status == LOCI_OK;) {
    size_t line = strcspn(data + at, "\r\n");
    char *text = data + at;
    bool is_end = at + line >= length;
    text[line] = '\0';
    if (line > 0) status = add_judgement(b, text, at == 0, documents, queries, path, (int64_t)at, error);
    at += line + 1;
    if (is_end) break;
  }
  if (status == LOCI_OK && b->n_judgements == 0) {
    status = loci__fail(error, LOCI_ERROR_FORMAT, "'%s' holds no judgements", path);
  }
  if (status == LOCI_OK) qsort(b->judgements, b->n_judgements, sizeof *b->judgements, compare_judgements);
  loci__free(b->context, data);
  loci__free(b->context, path);
  return status;
}

static loci_status read_benchmark(benchmark *b, const char *folder, const char *split, loci_error *error) {
  LOCI__TRY(read_lines(b, folder, "corpus.jsonl", &b->documents, &b->n_documents, &b->documents_capacity, error));
  LOCI__TRY(read_lines(b, folder, "queries.jsonl", &b->queries, &b->n_queries, &b->queries_capacity, error));
  id_table documents = {0}, queries = {0};
  loci_status status = make_table(b->context, b->documents, b->n_documents, "corpus.jsonl", &documents, error);
  if (status == LOCI_OK) status = make_table(b->context, b->queries, b->n_queries, "queries.jsonl", &queries, error);
  if (status == LOCI_OK) status = read_judgements(b, folder, split, &documents, &queries, error);
  loci__free(b->context, documents.slots);
  loci__free(b->context, queries.slots);
  return status;
}

/* ---- measuring ------------------------------------------------------------------------------------------------ */

typedef struct id_index {
  int64_t id;
  size_t index;
} id_index;

static int compare_id_index(const void *a, const void *b) {
  const id_index *x = a, *y = b;
  return (x->id > y->id) - (x->id < y->id);
}

typedef struct measuring {
  benchmark *b;
  loci_collection *collection;
  const loci_retrieval_options *options;
  id_index *by_id; /* documents of the store, by id */
  double *best;    /* of each document, −infinity = not retrieved */
  loci__ranked *ranked;
  int32_t *relevances; /* of the query at hand */
} measuring;

/* best[] from the rows' scores. */
static loci_status best_rows(measuring *m, const loci__row_scores *scores, loci_error *error) {
  size_t n = m->b->n_documents;
  for (size_t i = 0; i < n; i++) m->best[i] = -INFINITY;
  for (size_t i = 0; i < scores->rows.n; i++) {
    if (!(scores->fused[i] > -INFINITY)) continue;
    id_index key = {.id = scores->rows.document_ids[i]};
    const id_index *found = bsearch(&key, m->by_id, n, sizeof key, compare_id_index);
    if (found == NULL) return loci__fail(error, LOCI_ERROR_INTERNAL, "a row of no document");
    double cosine = scores->cosine != NULL ? (double)scores->cosine[i] : 0.0;
    double bm25 = scores->bm25 != NULL ? (double)scores->bm25[i] : 0.0;
    double score = loci__fuse_score(&scores->fusion, i, cosine, bm25);
    if (score > m->best[found->index]) m->best[found->index] = score;
  }
  return LOCI_OK;
}

/* judgements[first..end) are those of one query. */
static loci_status measure_query(measuring *m, size_t first, size_t end, loci__retrieval_measures *out,
                                 loci_error *error) {
  const entry *query = &m->b->queries[m->b->judgements[first].query];
  loci__row_scores scores;
  LOCI__TRY(loci__collection_score(m->collection, query->text, query->length, (loci_search_mode)m->options->mode,
                                   (loci_fusion)m->options->fusion, m->options->weight, false, &scores, error));
  loci_status status = best_rows(m, &scores, error);
  loci__row_scores_release(&scores);
  if (status != LOCI_OK) return status;
  size_t n = 0;
  for (size_t i = 0; i < m->b->n_documents; i++) {
    if (m->best[i] > -INFINITY) m->ranked[n++] = (loci__ranked){m->best[i], m->b->documents[i].id, 0};
  }
  loci__eval_sort(m->ranked, n);
  /* Few judgements a query: looked up from their side. */
  for (size_t j = first; j < end; j++) {
    const judgement *judged = &m->b->judgements[j];
    m->relevances[j - first] = judged->relevance;
    if (judged->document == SIZE_MAX || judged->relevance <= 0) continue;
    const char *id = m->b->documents[judged->document].id; /* the same pointer stands in ranked[] */
    for (size_t i = 0; i < n; i++) {
      if (m->ranked[i].id == id) {
        m->ranked[i].relevance = judged->relevance;
        break;
      }
    }
  }
  *out = loci__eval_measure(m->ranked, n, m->relevances, end - first);
  return LOCI_OK;
}

static loci_status measure_all(measuring *m, loci__meter *meter, loci_retrieval_score *out, loci_error *error) {
  benchmark *b = m->b;
  LOCI__TRY(loci__meter_stage(meter, "searching", "queries", 0, error));
  uint64_t n = 0;
  for (size_t first = 0, end = 0; first < b->n_judgements; first = end) {
    while (end < b->n_judgements && b->judgements[end].query == b->judgements[first].query) end++;
    loci__retrieval_measures measures;
    LOCI__TRY(measure_query(m, first, end, &measures, error));
    out->ndcg_10 += measures.ndcg_10;
    out->map += measures.average_precision;
    out->recall_100 += measures.recall_100;
    out->mrr_10 += measures.reciprocal_rank_10;
    LOCI__TRY(loci__meter_at(meter, ++n, NULL, error));
  }
  out->n_documents = b->n_documents;
  out->n_queries = n;
  out->ndcg_10 /= (double)n;
  out->map /= (double)n;
  out->recall_100 /= (double)n;
  out->mrr_10 /= (double)n;
  return loci__meter_end(meter, error);
}

static loci_status fill_collection(measuring *m, const loci_model *model, loci__meter *meter, loci_error *error) {
  benchmark *b = m->b;
  size_t n = b->n_documents;
  loci__collection_text *texts = loci__alloc_array(b->context, n, sizeof *texts);
  int64_t *ids = loci__alloc_array(b->context, n, sizeof *ids);
  loci_status status = LOCI_OK;
  if (texts == NULL || ids == NULL) status = loci__fail_memory(error, n * sizeof *texts, "documents");
  if (status == LOCI_OK) {
    for (size_t i = 0; i < n; i++) {
      const entry *e = &b->documents[i];
      texts[i] = (loci__collection_text){e->id, e->title, e->text, e->length};
    }
    status = loci__collection_add_texts(m->collection, model, texts, n, m->options->chunks != 0, meter, ids, error);
  }
  if (status == LOCI_OK) {
    for (size_t i = 0; i < n; i++) m->by_id[i] = (id_index){ids[i], i};
    qsort(m->by_id, n, sizeof *m->by_id, compare_id_index);
  }
  loci__free(b->context, texts);
  loci__free(b->context, ids);
  return status;
}

static loci_status measure(benchmark *b, const loci_model *model, const char *folder,
                           const loci_retrieval_options *options, loci_retrieval_score *out, loci_error *error) {
  LOCI__TRY(read_benchmark(b, folder, options->split, error));
  measuring m = {.b = b, .options = options};
  loci__meter meter;
  loci__meter_init(&meter, options->progress, options->progress_user);
  m.by_id = loci__alloc_array(b->context, b->n_documents, sizeof *m.by_id);
  m.best = loci__alloc_array(b->context, b->n_documents, sizeof *m.best);
  m.ranked = loci__alloc_array(b->context, b->n_documents, sizeof *m.ranked);
  m.relevances = loci__alloc_array(b->context, b->n_judgements, sizeof *m.relevances);
  loci_status status = LOCI_OK;
  if (m.by_id == NULL || m.best == NULL || m.ranked == NULL || m.relevances == NULL) {
    status = loci__fail_memory(error, b->n_documents * sizeof *m.ranked, "a ranking");
  }
  if (status == LOCI_OK) status = loci__collection_open_memory(b->context, &m.collection, error);
  if (status == LOCI_OK) status = fill_collection(&m, model, &meter, error);
  if (status == LOCI_OK) {
    loci__collection_lend_model(m.collection, model);
    status = loci__collection_begin_read(m.collection, error);
    if (status == LOCI_OK) {
      status = measure_all(&m, &meter, out, error);
      loci__collection_end_read(m.collection);
    }
    loci__collection_lend_model(m.collection, NULL);
  }
  loci_collection_close(m.collection);
  loci__free(b->context, m.by_id);
  loci__free(b->context, m.best);
  loci__free(b->context, m.ranked);
  loci__free(b->context, m.relevances);
  return status;
}

void loci_retrieval_options_init(loci_retrieval_options *options) {
  *options = (loci_retrieval_options){.struct_size = sizeof *options};
}

loci_status loci_eval_retrieval(loci_context *context, const loci_model *model, const char *folder,
                                const loci_retrieval_options *options, loci_retrieval_score *out, loci_error *error) {
  *out = (loci_retrieval_score){0};
  loci_retrieval_options filled;
  loci_retrieval_options_init(&filled);
  if (options != NULL) {
    memcpy(&filled, options, options->struct_size < sizeof filled ? options->struct_size : sizeof filled);
  }
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, 0, "the default context");
  if (folder == NULL) return loci__fail(error, LOCI_ERROR_USAGE, "loci_eval_retrieval: a folder is needed");
  if (model == NULL && (filled.mode != LOCI_SEARCH_TEXT || filled.chunks)) {
    return loci__fail(error, LOCI_ERROR_USAGE, "only whole documents in text mode are measured without a model");
  }
  benchmark b = {.context = context};
  loci__arena_init(&b.arena, context);
  loci_status status = measure(&b, model, folder, &filled, out, error);
  if (status != LOCI_OK) *out = (loci_retrieval_score){0};
  loci__free(context, b.documents);
  loci__free(context, b.queries);
  loci__free(context, b.judgements);
  loci__arena_release(&b.arena);
  return status;
}
