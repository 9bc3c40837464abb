/* store/fulltext.c: words in FTS5, ranked by BM25.
 *
 * FTS5 keeps the postings; what is a word and how matches are ranked is ours. A person's query is cut by the same
 * tokenizer as the documents; its distinct words become a MATCH expression of quoted strings joined by OR, so no
 * character of it is ever read as FTS5's query language.
 *
 * The ranking, after Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with
 * Lucene's idf, which is never negative:
 *
 *   score(d) = Σ_w  log(1 + (N − n_w + .5) / (n_w + .5)) · tf·(k1 + 1) / (tf + k1·(1 − b + b·|d| / avg))
 *
 * over the words w of the query, a repeated word as often as it stands there (no saturation by k3: measured, it is
 * worth +.065 nDCG@10 on CISI's long queries and costs .015 on MED's); tf counts title, heading and text of a chunk
 * together, |d| is its number of words, N the number of chunks, n_w those with w. k1 = .9 and b = .4 as in Anserini.
 *
 * Every matching row is scored, word at a time: FTS5 calls an auxiliary function for the first match only, and that
 * walks each word's postings with xQueryPhrase. Measured on 10,000 chunks of 90 words, "how to fix a slow laptop"
 * (9,399 rows match): 1.5 ms, against 45 ms for FTS5's bm25() row by row, which cuts each text again to know its length
 * (docs/speed.md). Lengths come with the rows.
 */
#include <math.h>
#include <stdlib.h>

#include "private.h"
#include "words.h"

static const double bm25_k1 = 0.9, bm25_b = 0.4;

/* Words in one MATCH. FTS5 limits the size of an expression; words are independent, so a longer query is asked in
 * parts. */
enum { TEXT_GROUP = 32 };

typedef struct query_word {
  const char *text;
  size_t length, count; /* count: how often the query has it */
} query_word;

struct loci__text_scan {
  loci__store *store;
  float *scores;
  size_t n_matches;
  const query_word *words; /* of the MATCH under way: phrase i is words[i] */
  size_t n_words;
  /* postings of the word at hand */
  uint32_t *rows, *counts;
  size_t n_postings, from;
  uint64_t n_documents_with;
};

/* ---- the tokenizer, as FTS5 wants it -------------------------------------------------------------- */

typedef struct fts5_bridge {
  void *context;
  int (*token)(void *context, int flags, const char *text, int length, int start, int end);
} fts5_bridge;

static int bridge_word(void *arg, const char *word, size_t length, size_t start, size_t end, bool same) {
  const fts5_bridge *bridge = arg;
  return bridge->token(bridge->context, same ? FTS5_TOKEN_COLOCATED : 0, word, (int)length, (int)start, (int)end);
}

static int tokenizer_create(void *context, const char **arguments, int n, Fts5Tokenizer **out) {
  (void)arguments, (void)n;
  *out = context; /* it has no state; FTS5 wants a pointer that is not NULL */
  return SQLITE_OK;
}

static void tokenizer_delete(Fts5Tokenizer *tokenizer) {
  (void)tokenizer;
}

static int tokenizer_run(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text, int length,
                         int (*token)(void *, int, const char *, int, int, int)) {
  (void)tokenizer;
  fts5_bridge bridge = {context, token};
  if (!text || length <= 0) return SQLITE_OK;
  return loci__words_each(text, (size_t)length, flags & FTS5_TOKENIZE_QUERY ? LOCI__WORDS_QUERY : LOCI__WORDS_DOCUMENT,
                          bridge_word, &bridge);
}

/* ---- the ranking function ------------------------------------------------------------------------- */

static int posting(const Fts5ExtensionApi *api, Fts5Context *context, void *arg) {
  struct loci__text_scan *scan = arg;
  const loci__rows *rows = &scan->store->rows;
  scan->n_documents_with++;
  size_t row = loci__rows_find(rows, scan->from, api->xRowid(context));
  if (row == rows->n) return SQLITE_OK; /* a chunk without a vector is no row */
  if (scan->n_postings == rows->n) return SQLITE_CORRUPT;
  scan->from = row + 1;
  uint32_t count = 0;
  Fts5PhraseIter iterator;
  int column, offset;
  int rc = api->xPhraseFirst(context, 0, &iterator, &column, &offset);
  if (rc != SQLITE_OK) return rc;
  for (; column >= 0; api->xPhraseNext(context, &iterator, &column, &offset)) count++;
  scan->rows[scan->n_postings] = (uint32_t)row;
  scan->counts[scan->n_postings++] = count;
  return SQLITE_OK;
}

static void add_word(struct loci__text_scan *scan, double count, double n, double average) {
  double with = (double)scan->n_documents_with;
  double idf = log(1 + (n - with + 0.5) / (with + 0.5));
  if (!(idf > 0)) return; /* more postings than chunks: a database at odds with itself */
  const uint32_t *words = scan->store->rows.words;
  float weight = (float)(count * idf * (bm25_k1 + 1)), plain = (float)(bm25_k1 * (1 - bm25_b));
  float slope = (float)(average > 0 ? bm25_k1 * bm25_b / average : 0);
  for (size_t i = 0; i < scan->n_postings; i++) {
    size_t row = scan->rows[i];
    float tf = (float)scan->counts[i];
    scan->n_matches += scan->scores[row] == 0.0F;
    scan->scores[row] += weight * tf / (tf + plain + slope * (float)words[row]);
  }
}

static void rank_all(const Fts5ExtensionApi *api, Fts5Context *context, sqlite3_context *result, int n,
                     sqlite3_value **values) {
  (void)n, (void)values;
  loci__store *store = api->xUserData(context);
  struct loci__text_scan *scan = store->text_scan;
  if (!scan) { /* called by a stranger's SQL */
    sqlite3_result_error(result, "loci_bm25 is the store's own function", -1);
    return;
  }
  sqlite3_int64 n_chunks = 0, n_words = 0;
  int rc = api->xRowCount(context, &n_chunks);
  if (rc == SQLITE_OK) rc = api->xColumnTotalSize(context, -1, &n_words);
  double average = n_chunks > 0 ? (double)n_words / (double)n_chunks : 0;
  for (int i = 0; i < api->xPhraseCount(context) && rc == SQLITE_OK; i++) {
    scan->n_postings = scan->from = 0;
    scan->n_documents_with = 0;
    rc = api->xQueryPhrase(context, i, scan, posting);
    double count = (size_t)i < scan->n_words ? (double)scan->words[i].count : 1;
    if (rc == SQLITE_OK) add_word(scan, count, (double)n_chunks, average);
  }
  if (rc != SQLITE_OK) sqlite3_result_error_code(result, rc);
  else sqlite3_result_int(result, 1);
}

loci_status loci__words_prepare(loci__store *store, loci_error *error) {
  if (store->words_ready) return LOCI_OK;
  fts5_api *api = NULL;
  sqlite3_stmt *statement = NULL;
  int rc = sqlite3_prepare_v2(store->db, "SELECT fts5(?)", -1, &statement, NULL);
  if (rc == SQLITE_ERROR)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "this SQLite was built without full-text search (FTS5)");
  if (rc == SQLITE_OK) rc = sqlite3_bind_pointer(statement, 1, (void *)&api, "fts5_api_ptr", NULL);
  if (rc == SQLITE_OK) {
    rc = sqlite3_step(statement);
    rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
  }
  sqlite3_finalize(statement);
  if (rc == SQLITE_OK && (!api || api->iVersion < 2))
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "this SQLite's full-text search is not one that loci can use");
  fts5_tokenizer tokenizer = {tokenizer_create, tokenizer_delete, tokenizer_run};
  if (rc == SQLITE_OK) rc = api->xCreateTokenizer(api, "loci", store, &tokenizer, NULL);
  if (rc == SQLITE_OK) rc = api->xCreateFunction(api, "loci_bm25", store, rank_all, NULL);
  if (rc != SQLITE_OK) return loci__store_fail(store, rc, "preparing full text", error);
  store->words_ready = true;
  return LOCI_OK;
}

/* ---- a query -------------------------------------------------------------------------------------- */

typedef struct query_words {
  loci__arena arena;
  query_word *words;
  size_t n, capacity;
} query_words;

static int collect(void *arg, const char *text, size_t length, size_t start, size_t end, bool same) {
  (void)start, (void)end, (void)same;
  query_words *query = arg;
  if (!loci__grow(query->arena.context, &query->words, &query->capacity, query->n + 1, sizeof *query->words)) return 1;
  query_word *w = &query->words[query->n];
  w->length = length;
  w->count = 1;
  w->text = loci__arena_strndup(&query->arena, text, length);
  if (!w->text) return 1;
  query->n++;
  return 0;
}

static int compare_words(const void *a, const void *b) {
  const query_word *x = a, *y = b;
  size_t n = x->length < y->length ? x->length : y->length;
  int order = memcmp(x->text, y->text, n);
  return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* Sorted, each word once with its count. */
static void unique(query_words *query) {
  if (query->n < 2) return;
  qsort(query->words, query->n, sizeof *query->words, compare_words);
  size_t n = 1;
  for (size_t i = 1; i < query->n; i++) {
    if (compare_words(&query->words[n - 1], &query->words[i]) == 0) query->words[n - 1].count++;
    else query->words[n++] = query->words[i];
  }
  query->n = n;
}

static loci_status match(loci__store *store, const char *expression, size_t length, loci_error *error) {
  sqlite3_stmt *statement;
  bool row;
  LOCI__TRY(loci__sql_take(store, SQL_MATCH, &statement, error));
  sqlite3_bind_text64(statement, 1, expression, length, SQLITE_STATIC, SQLITE_UTF8);
  loci_status status = loci__sql_step(store, statement, &row, "searching the full text", error);
  loci__sql_done(store, SQL_MATCH, statement);
  return status;
}

static loci_status scan_words(struct loci__text_scan *scan, const query_words *query, loci_error *error) {
  loci__store *store = scan->store;
  loci__buffer expression;
  loci__buffer_init(&expression, store->context, 0);
  loci_status status = LOCI_OK;
  for (size_t first = 0; first < query->n && status == LOCI_OK; first += TEXT_GROUP) {
    size_t end = first + TEXT_GROUP < query->n ? first + TEXT_GROUP : query->n;
    loci__buffer_clear(&expression);
    scan->words = query->words + first;
    scan->n_words = end - first;
    for (size_t i = first; i < end; i++) {
      loci__buffer_puts(&expression, i == first ? "\"" : " OR \"");
      loci__buffer_append(&expression, query->words[i].text, query->words[i].length);
      loci__buffer_putc(&expression, '"');
    }
    status = loci__buffer_status(&expression, "a query", error);
    if (status == LOCI_OK) status = match(store, expression.data, expression.length, error);
  }
  loci__buffer_release(&expression);
  return status;
}

loci_status loci__store_scan_text(loci__store *store, const char *query, size_t length, float *scores,
                                  size_t *n_matches, loci_error *error) {
  if (n_matches) *n_matches = 0;
  LOCI__TRY(loci__rows_load(store, error));
  size_t n = store->rows.n;
  if (n == 0) return LOCI_OK;
  if (n > UINT32_MAX) return loci__fail(error, LOCI_ERROR_LIMIT, "more than 2^32 chunks in one collection");
  memset(scores, 0, n * sizeof *scores);
  LOCI__TRY(loci__words_prepare(store, error));
  struct loci__text_scan scan = {.store = store, .scores = scores};
  query_words words = {0};
  loci__arena_init(&words.arena, store->context);
  loci_status status = LOCI_OK;
  if (loci__words_each(query, length, LOCI__WORDS_QUERY, collect, &words) != 0)
    status = loci__fail_memory(error, length, "a query");
  if (status == LOCI_OK && words.n) {
    unique(&words);
    scan.rows = loci__alloc_array(store->context, n, sizeof *scan.rows);
    scan.counts = loci__alloc_array(store->context, n, sizeof *scan.counts);
    if (!scan.rows || !scan.counts) status = loci__fail_memory(error, n * 8, "postings");
  }
  if (status == LOCI_OK) {
    store->text_scan = &scan;
    status = scan_words(&scan, &words, error);
    store->text_scan = NULL;
  }
  if (status == LOCI_OK && n_matches) *n_matches = scan.n_matches;
  loci__free(store->context, scan.rows);
  loci__free(store->context, scan.counts);
  loci__free(store->context, words.words);
  loci__arena_release(&words.arena);
  return status;
}
