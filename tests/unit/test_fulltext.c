/* test_fulltext.c: BM25 against a brute-force one, quoting, scripts without spaces, and published figures. */
#include "support.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "index/index.h"
#include "store/store.h"

static loci__store *memory_store(loci_context *context) {
  loci__store *store = NULL;
  loci_error error = {0};
  assert_ok(loci__store_open(context, NULL, LOCI__STORE_CREATE, &store, &error), &error);
  assert_ok(loci__store_begin_write(store, &error), &error);
  assert_ok(loci__store_set_model(store, (const char[33]){"m"}, "m", "", 1, &error), &error);
  assert_ok(loci__store_end(store, &error), &error);
  return store;
}

/* Each text a document of one chunk, so that row i is text i. */
static void put(loci__store *store, size_t number, const char *title, const char *heading, const char *text) {
  char path[32];
  snprintf(path, sizeof path, "/%06zu", number);
  loci__store_document document = {.path = path, .title = title};
  loci__store_chunk chunk = {.heading = heading, .text = text, .text_length = strlen(text)};
  loci_error error = {0};
  assert_ok(loci__store_put(store, &document, &chunk, 1, (float[]){1}, NULL, &error), &error);
}

static void begin_write(loci__store *store) {
  loci_error error = {0};
  assert_ok(loci__store_begin_write(store, &error), &error);
}

static void end(loci__store *store) {
  loci_error error = {0};
  assert_ok(loci__store_end(store, &error), &error);
}

static size_t search(loci__store *store, const char *query, size_t length, float *scores) {
  loci_error error = {0};
  size_t n_matches = 0;
  assert_ok(loci__store_begin_read(store, &error), &error);
  assert_ok(loci__store_scan_text(store, query, length, scores, &n_matches, &error), &error);
  end(store);
  return n_matches;
}

/* ---- against brute force -------------------------------------------------------------------------- */

enum { N_TEXTS = 300, N_VOCABULARY = 60 };

static void scores_are_bm25(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci__store *store = memory_store(context);
  loci__random random;
  loci__random_init(&random, 11);
  static int counts[N_TEXTS][N_VOCABULARY], lengths[N_TEXTS];
  double total = 0;
  begin_write(store);
  for (size_t i = 0; i < N_TEXTS; i++) {
    char fields[3][2048] = {"", "", ""};
    size_t n = 1 + loci__random_below(&random, 80);
    for (size_t k = 0; k < n; k++) {
      /* Zipf-like: small numbers are frequent. */
      size_t word = (size_t)(N_VOCABULARY * pow(loci__random_unit(&random), 3));
      size_t field = loci__random_below(&random, 10);
      char text[16];
      snprintf(text, sizeof text, "Word%zu ", word);
      strcat(fields[field < 2 ? field : 2], text);
      counts[i][word]++;
      lengths[i]++;
    }
    put(store, i, fields[0], fields[1], fields[2]);
    total += lengths[i];
  }
  end(store);
  static float scores[N_TEXTS];
  for (int round = 0; round < 50; round++) {
    char query[512] = "";
    int wanted[N_VOCABULARY + 5] = {0};
    for (size_t k = loci__random_below(&random, 50) + 1; k-- > 0;) {
      size_t word = loci__random_below(&random, N_VOCABULARY + 5); /* some are nowhere; some come twice */
      char text[16];
      snprintf(text, sizeof text, "wORD%zu, ", word);
      if (strlen(query) + 20 < sizeof query) strcat(query, text), wanted[word]++;
    }
    size_t n_matches = search(store, query, strlen(query), scores), expected_matches = 0;
    for (size_t i = 0; i < N_TEXTS; i++) {
      double expected = 0;
      for (size_t w = 0; w < N_VOCABULARY; w++) {
        if (!wanted[w] || !counts[i][w]) continue;
        double with = 0, tf = counts[i][w];
        for (size_t j = 0; j < N_TEXTS; j++) with += counts[j][w] > 0;
        expected += wanted[w] * log(1 + (N_TEXTS - with + .5) / (with + .5)) * tf * 1.9 /
                    (tf + .9 * (1 - .4 + .4 * lengths[i] / (total / N_TEXTS)));
      }
      expected_matches += expected > 0;
      if (fabs(scores[i] - expected) > 1e-4 * (1 + expected)) fail_msg("%g, not %g", (double)scores[i], expected);
    }
    assert_int_equal(n_matches, expected_matches);
  }
  loci__store_close(store);
  test_context_free(context);
}

static void no_query_is_read_as_a_language(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci__store *store = memory_store(context);
  float scores[3];
  begin_write(store);
  put(store, 0, "", "", "cats AND dogs NEAR text:title");
  put(store, 1, "", "", "nothing of that");
  put(store, 2, "", "", "a \"quoted\" word");
  end(store);
  static const char *const queries[] = {
      "dogs",      "\"dogs",        "dogs\"",          "dogs*", "^dogs", "dogs OR (",       "text : dogs",
      "NEAR(dogs", "dogs NOT dogs", "dogs AND absent", "-dogs", "{dogs", "dogs' OR 1=1 --", "\"\" dogs \"\"",
      "dogs + +",  ") dogs",
  };
  for (size_t i = 0; i < LOCI__COUNT(queries); i++) {
    size_t n = search(store, queries[i], strlen(queries[i]), scores);
    if (!(scores[0] > 0) || n < 1) fail_msg("'%s' finds nothing", queries[i]);
  }
  assert_int_equal(search(store, "", 0, scores), 0);
  assert_int_equal(search(store, "\"*^()\":", 7, scores), 0);
  assert_int_equal(search(store, "do\0gs dogs", 10, scores), 1);
  assert_int_equal(search(store, "NOT", 3, scores), 0);
  assert_int_equal(search(store, "near", 4, scores), 1);
  assert_int_equal(search(store, "quoted", 6, scores), 1);
  /* A query as long as a document, with thousands of words. */
  static char query[60000];
  size_t length = 0;
  for (int i = 0; i < 5000; i++) length += (size_t)snprintf(query + length, sizeof query - length, "w%d ", i);
  length += (size_t)snprintf(query + length, sizeof query - length, "quoted");
  assert_int_equal(search(store, query, length, scores), 1);
  loci__store_close(store);
  test_context_free(context);
}

static void words_without_spaces_are_found(void **state) {
  (void)state;
  static const struct {
    const char *text, *query;
    bool found;
  } cases[] = {
      {"\u6211\u4f4f\u5728\u5317\u4eac\u5e02\u6d77\u6dc0\u533a", "\u5317\u4eac", true},  /* Beijing */
      {"\u6211\u4f4f\u5728\u5317\u4eac\u5e02\u6d77\u6dc0\u533a", "\u4eac\u5317", false}, /* the other way round */
      {"\u6211\u4f4f\u5728\u5317\u4eac\u5e02\u6d77\u6dc0\u533a", "\u6d77", true},        /* one character */
      {"\u6771\u4eac\u90fd\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059", "\u9996\u90fd", true}, /* capital */
      {"\u6771\u4eac\u90fd\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059", "\u65e5\u672c", true},
      {"\u30c7\u30fc\u30bf\u30d9\u30fc\u30b9", "\u30c7\u30fc\u30bf", true},
      {"\uc11c\uc6b8\uc5d0\uc11c \uc654\ub2e4", "\uc11c\uc6b8", true},            /* Seoul, with a particle */
      {"\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22", "\u0e44\u0e17\u0e22", true}, /* Thai */
      {"Stra\u00dfe in M\u00fcnchen", "munchen STRASSE", true},
  };
  loci_context *context = test_context_new(1, NULL);
  for (size_t i = 0; i < LOCI__COUNT(cases); i++) {
    loci__store *store = memory_store(context);
    float score;
    begin_write(store);
    put(store, 0, "", "", cases[i].text);
    end(store);
    if ((search(store, cases[i].query, strlen(cases[i].query), &score) == 1) != cases[i].found)
      fail_msg("'%s' in '%s'", cases[i].query, cases[i].text);
    loci__store_close(store);
  }
  test_context_free(context);
}

/* ---- published figures ------------------------------------------------------------------------------ */

/* Lines of a JSON-lines file; ids are kept in order. */
typedef struct lines {
  char *data;
  size_t n, capacity;
  char **ids, **titles, **texts;
} lines;

static void read_lines(loci_context *context, const char *path, lines *out) {
  size_t length;
  out->data = test_read(path, &length);
  out->n = 0;
  size_t capacity = 16384;
  out->ids = calloc(capacity, sizeof *out->ids);
  out->titles = calloc(capacity, sizeof *out->titles);
  out->texts = calloc(capacity, sizeof *out->texts);
  loci_error error = {0};
  for (char *line = out->data, *next; line < out->data + length; line = next) {
    char *stop = memchr(line, '\n', (size_t)(out->data + length - line));
    next = stop ? stop + 1 : out->data + length;
    size_t n = stop ? (size_t)(stop - line) : (size_t)(out->data + length - line);
    if (n == 0) continue;
    loci__json_document json;
    assert_ok(loci__json_parse(&json, context, line, n, path, &error), &error);
    assert_true(out->n < capacity);
    out->ids[out->n] = loci__json_strdup(context, loci__json_get(json.nodes, "_id"));
    const loci__json *title = loci__json_get(json.nodes, "title");
    out->titles[out->n] = title ? loci__json_strdup(context, title) : NULL;
    out->texts[out->n] = loci__json_strdup(context, loci__json_get(json.nodes, "text"));
    assert_true(out->ids[out->n] && out->texts[out->n]);
    out->n++;
    loci__json_release(&json);
  }
}

static void release_lines(loci_context *context, lines *l) {
  for (size_t i = 0; i < l->n; i++) {
    loci__free(context, l->ids[i]);
    loci__free(context, l->titles[i]);
    loci__free(context, l->texts[i]);
  }
  free(l->ids);
  free(l->titles);
  free(l->texts);
  free(l->data);
}

static size_t find(const lines *l, const char *id) {
  for (size_t i = 0; i < l->n; i++)
    if (strcmp(l->ids[i], id) == 0) return i;
  return SIZE_MAX;
}

static int descending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

/* Mean nDCG@10 with linear gains, as trec_eval and BEIR compute it, over the queries that have a judgement. */
static double ndcg(loci__store *store, const lines *corpus, const lines *queries, const char *qrels_path) {
  size_t length;
  char *qrels = test_read(qrels_path, &length);
  double *gains = calloc(queries->n * corpus->n, sizeof *gains);
  assert_non_null(gains);
  for (char *line = strtok(qrels, "\n"); line; line = strtok(NULL, "\n")) {
    char query[64], document[64];
    double gain;
    if (sscanf(line, "%63[^\t]\t%63[^\t]\t%lf", query, document, &gain) != 3) continue;
    size_t q = find(queries, query), d = find(corpus, document);
    if (q != SIZE_MAX && d != SIZE_MAX) gains[q * corpus->n + d] = gain;
  }
  double sum = 0, n_judged = 0;
  float *scores = calloc(corpus->n, sizeof *scores);
  double *ideal = calloc(corpus->n, sizeof *ideal);
  for (size_t q = 0; q < queries->n; q++) {
    const double *gain = gains + q * corpus->n;
    memcpy(ideal, gain, corpus->n * sizeof *ideal);
    qsort(ideal, corpus->n, sizeof *ideal, descending);
    if (!(ideal[0] > 0)) continue;
    n_judged++;
    search(store, queries->texts[q], strlen(queries->texts[q]), scores);
    size_t best[10], k = loci__top_k(NULL, scores, corpus->n, 10, best);
    double dcg = 0, greatest = 0;
    for (size_t i = 0; i < k; i++) {
      if (scores[best[i]] > 0) dcg += gain[best[i]] / log2((double)i + 2);
      greatest += ideal[i] / log2((double)i + 2);
    }
    sum += dcg / greatest;
  }
  free(scores);
  free(ideal);
  free(gains);
  free(qrels);
  return sum / n_judged;
}

static void ranking_reaches_the_known_figures(void **state) {
  (void)state;
  static const struct {
    const char *name, *qrels;
    double figure;
  } sets[] = {{"med", NULL, .648},
              {"cran", NULL, .472},
              {"cisi", NULL, .295},
              {"cacm", NULL, .371},
              {"scifact", "train", .663}};
  if (!test_data("retrieval/med/corpus.jsonl")) skip();
  for (size_t i = 0; i < LOCI__COUNT(sets); i++) {
    char path[256];
    loci_context *context = test_context_new(1, NULL);
    lines corpus, queries;
    snprintf(path, sizeof path, "retrieval/%s/corpus.jsonl", sets[i].name);
    read_lines(context, test_data(path), &corpus);
    snprintf(path, sizeof path, "retrieval/%s/queries.jsonl", sets[i].name);
    read_lines(context, test_data(path), &queries);
    loci__store *store = memory_store(context);
    double began = loci__now();
    begin_write(store);
    for (size_t d = 0; d < corpus.n; d++) put(store, d, "", corpus.titles[d] ? corpus.titles[d] : "", corpus.texts[d]);
    end(store);
    double indexed = loci__now();
    const char *names[] = {sets[i].qrels, "test", "train", "dev"}, *qrels = NULL;
    for (size_t k = 0; k < LOCI__COUNT(names) && !qrels; k++) {
      if (!names[k]) continue;
      snprintf(path, sizeof path, "retrieval/%s/qrels/%s.tsv", sets[i].name, names[k]);
      qrels = test_data(path);
    }
    assert_non_null(qrels);
    double got = ndcg(store, &corpus, &queries, qrels);
    print_message("%-8s nDCG@10 %.3f (known: %.3f); %zu documents indexed in %.2f s, %.3f ms a query\n", sets[i].name,
                  got, sets[i].figure, corpus.n, indexed - began, (loci__now() - indexed) * 1e3 / (double)queries.n);
    if (fabs(got - sets[i].figure) > .01) fail_msg("%s: %.4f is not %.3f", sets[i].name, got, sets[i].figure);
    release_lines(context, &corpus);
    release_lines(context, &queries);
    loci__store_close(store);
    test_context_free(context);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scores_are_bm25),
      cmocka_unit_test(no_query_is_read_as_a_language),
      cmocka_unit_test(words_without_spaces_are_found),
      cmocka_unit_test(ranking_reaches_the_known_figures),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
