/* test_lsa_retrieval.c: latent semantic analysis finds more than the words do, as the paper says it: MED, k = 100, mean precision at
 * nine recall levels against keyword matching with the same weights; on CISI raw counts gain nothing, as they did in 1990. The figures of
 * the reference are those of tests/golden/make_lsa_retrieval.py (scipy). Words in more than 15 %
 * of the documents take no part, as the paper left out common words. Needs $LOCI_DATA.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "train/lsa.h"

enum { RANK = 100, MOST_QUERIES = 128 };

typedef struct line {
  char *id, *text; /* title and text */
} line;

typedef struct lines {
  line *items;
  size_t n;
} lines;

static lines read_lines(const char *path) {
  size_t length, capacity = 0;
  char *bytes = test_read(path, &length);
  lines out = {0};
  for (const char *at = bytes; at < bytes + length;) {
    const char *end = memchr(at, '\n', (size_t)(bytes + length - at));
    if (end == NULL) end = bytes + length;
    loci__json_document json;
    loci_error error;
    assert_ok(loci__json_parse(&json, NULL, at, (size_t)(end - at), path, &error), &error);
    char *title = loci__json_strdup(NULL, loci__json_get(&json.nodes[0], "title"));
    char *text = loci__json_strdup(NULL, loci__json_get(&json.nodes[0], "text"));
    loci__buffer whole;
    loci__buffer_init(&whole, NULL, 0);
    loci__buffer_printf(&whole, "%s %s", title ? title : "", text ? text : "");
    for (size_t i = 0; i < whole.length; i++)
      if (whole.data[i] == '\n' || whole.data[i] == '\r') whole.data[i] = ' ';
    assert_true(loci__grow(NULL, &out.items, &capacity, out.n + 1, sizeof *out.items));
    out.items[out.n].id = loci__json_strdup(NULL, loci__json_get(&json.nodes[0], "_id"));
    out.items[out.n++].text = loci__buffer_take(&whole);
    loci__free(NULL, title);
    loci__free(NULL, text);
    loci__json_release(&json);
    at = end + 1;
  }
  free(bytes);
  return out;
}

static void free_lines(lines *l) {
  for (size_t i = 0; i < l->n; i++) {
    loci__free(NULL, l->items[i].id);
    loci__free(NULL, l->items[i].text);
  }
  loci__free(NULL, l->items);
}

static size_t index_of(const lines *l, const char *id, size_t length) {
  for (size_t i = 0; i < l->n; i++)
    if (strlen(l->items[i].id) == length && memcmp(l->items[i].id, id, length) == 0) return i;
  return SIZE_MAX;
}

/* judged[query · n_documents + document] */
static bool *read_judgements(const char *path, const lines *queries, const lines *documents) {
  size_t length;
  char *bytes = test_read(path, &length);
  bool *judged = calloc(queries->n * documents->n, sizeof *judged);
  for (char *at = strchr(bytes, '\n') + 1; at < bytes + length && *at;) {
    char *end = strchr(at, '\n'), *first = strchr(at, '\t'), *second = strchr(first + 1, '\t');
    const size_t query = index_of(queries, at, (size_t)(first - at));
    const size_t document = index_of(documents, first + 1, (size_t)(second - first - 1));
    if (query != SIZE_MAX && document != SIZE_MAX && atoi(second + 1) > 0)
      judged[query * documents->n + document] = true;
    if (end == NULL) break;
    at = end + 1;
  }
  free(bytes);
  return judged;
}

static const double *sorting;
static int by_similarity(const void *a, const void *b) {
  const size_t i = *(const size_t *)a, j = *(const size_t *)b;
  if (sorting[i] != sorting[j]) return sorting[i] > sorting[j] ? -1 : 1;
  return i < j ? -1 : i > j;
}

/* Mean precision at the recall levels .1 … .9; NAN for a query without a judged document. */
static double precision(const double *similarity, const bool *judged, size_t n) {
  size_t *order = malloc(n * sizeof *order), n_good = 0, hits = 0;
  double at[9] = {0}, sum = 0;
  for (size_t i = 0; i < n; i++) order[i] = i, n_good += judged[i];
  if (n_good == 0) {
    free(order);
    return NAN;
  }
  sorting = similarity;
  qsort(order, n, sizeof *order, by_similarity);
  for (size_t i = 0; i < n; i++) {
    hits += judged[order[i]];
    const double p = (double)hits / (double)(i + 1), recall = (double)hits / (double)n_good;
    for (size_t l = 0; l < 9; l++)
      if (recall >= (double)(l + 1) / 10 - 1e-12 && p > at[l]) at[l] = p;
  }
  for (size_t l = 0; l < 9; l++) sum += at[l];
  free(order);
  return sum / 9;
}

typedef struct asking {
  const loci_vocabulary *vocabulary;
  const loci__terms *terms;
  double *counts; /* n_terms */
} asking;

static loci_status add_word(void *arg, const char *word, size_t length, loci_error *error) {
  (void)error;
  asking *a = arg;
  const int32_t id = loci_vocabulary_find(a->vocabulary, word, length);
  for (size_t t = 0; id >= 0 && t < a->terms->n_terms; t++)
    if (a->terms->words[t] == (uint32_t)id) a->counts[t]++;
  return LOCI_OK;
}

static size_t no_more(size_t n_terms, size_t n_documents, const void *arg) {
  (void)n_terms, (void)n_documents, (void)arg;
  return 0;
}

typedef struct figures {
  double keyword, lsa;
  size_t n_terms;
} figures;

static figures measure(const char *set, loci_weighting weighting) {
  loci_error error;
  char path[600];
  snprintf(path, sizeof path, "retrieval/%s", set);
  char folder[512];
  snprintf(folder, sizeof folder, "%s", test_data(path));
  snprintf(path, sizeof path, "%s/corpus.jsonl", folder);
  lines documents = read_lines(path);
  snprintf(path, sizeof path, "%s/queries.jsonl", folder);
  lines queries = read_lines(path);
  snprintf(path, sizeof path, "%s/qrels/test.tsv", folder);
  bool *judged = read_judgements(path, &queries, &documents);

  char corpus[128], output[160];
  snprintf(corpus, sizeof corpus, "%s/corpus.txt", test_folder());
  snprintf(output, sizeof output, "%s.bin", corpus);
  FILE *file = fopen(corpus, "wb");
  assert_non_null(file);
  for (size_t i = 0; i < documents.n; i++) fprintf(file, "%s\n", documents.items[i].text);
  assert_int_equal(fclose(file), 0);

  loci_context *context = test_context_new(2, NULL);
  loci_train_common common;
  loci__train_common_init(&common);
  common.corpus.min_count = 1;
  loci__trainer trainer;
  loci__trainer_init(&trainer, context, "lsa", corpus, output, &common);
  assert_ok(loci__trainer_open(&trainer, 0, 0, true, &error), &error);
  loci__terms terms;
  assert_ok(loci__terms_count(context, &trainer.stream, loci__vocabulary_size(trainer.vocabulary), 2, 0.15, 0, no_more,
                              NULL, &trainer.meter, &terms, &error),
            &error);
  assert_ok(loci__terms_weight(&terms, weighting, &error), &error);
  loci__svd svd;
  const loci__svd_options options = {.rank = RANK, .seed = 1, .transpose = &terms.documents};
  assert_ok(loci__svd_compute(&terms.terms, &options, &svd, &error), &error);

  double *counts = malloc(terms.n_terms * sizeof *counts), *similarity = malloc(documents.n * sizeof *similarity);
  double sums[2] = {0};
  size_t n_queries = 0;
  for (size_t q = 0; q < queries.n; q++) {
    memset(counts, 0, terms.n_terms * sizeof *counts);
    asking asked = {trainer.vocabulary, &terms, counts};
    assert_ok(loci__split_text(context, &trainer.splitter, queries.items[q].text, strlen(queries.items[q].text),
                               add_word, &asked, NULL, &error),
              &error);
    for (size_t t = 0; t < terms.n_terms; t++)
      counts[t] = (weighting == LOCI_WEIGHTING_RAW ? counts[t] : log1p(counts[t])) * (double)terms.global[t];
    const bool *good = judged + q * documents.n;
    for (size_t d = 0; d < documents.n; d++) {
      double dot = 0, squares = 0;
      for (size_t p = terms.documents.starts[d]; p < terms.documents.starts[d + 1]; p++) {
        const double value = (double)terms.documents.values[p];
        dot += value * counts[terms.documents.columns[p]];
        squares += value * value;
      }
      similarity[d] = squares > 0 ? dot / sqrt(squares) : 0;
    }
    const double keyword = precision(similarity, good, documents.n);
    if (isnan(keyword)) continue;
    double place[RANK] = {0};
    for (size_t t = 0; t < terms.n_terms; t++)
      for (size_t j = 0; j < RANK && counts[t] != 0; j++) place[j] += counts[t] * (double)svd.left[t * svd.rank + j];
    for (size_t d = 0; d < documents.n; d++) {
      double dot = 0, squares = 0;
      for (size_t j = 0; j < RANK; j++) {
        const double value = (double)svd.right[d * svd.rank + j] * svd.values[j];
        dot += value * place[j];
        squares += value * value;
      }
      similarity[d] = squares > 0 ? dot / sqrt(squares) : 0;
    }
    sums[0] += keyword;
    sums[1] += precision(similarity, good, documents.n);
    n_queries++;
  }
  const figures out = {sums[0] / (double)n_queries, sums[1] / (double)n_queries, terms.n_terms};
  print_message("# %s, weighting %d: %zu terms, %zu queries, keyword %.4f, k=100 %.4f (%+.1f %%), values %.6f … %.6f\n",
                set, (int)weighting, terms.n_terms, n_queries, out.keyword, out.lsa, 100 * (out.lsa / out.keyword - 1),
                svd.values[0], svd.values[RANK - 1]);
  free(counts);
  free(similarity);
  free(judged);
  free_lines(&documents);
  free_lines(&queries);
  loci__svd_release(&svd);
  loci__terms_release(&terms);
  loci__trainer_close(&trainer);
  test_context_free(context);
  return out;
}

/* Within .003 of the reference's. */
static void assert_near(double got, double wanted) {
  if (!(fabs(got - wanted) <= 0.003)) fail_msg("%.4f, not %.4f", got, wanted);
}

static void med(void **state) {
  (void)state;
  if (test_data("retrieval/med/corpus.jsonl") == NULL) skip();
  const figures raw = measure("med", LOCI_WEIGHTING_RAW);
  assert_near(raw.keyword, 0.4615);
  assert_near(raw.lsa, 0.5174);
  assert_true(raw.lsa >= 1.10 * raw.keyword && raw.lsa <= 1.16 * raw.keyword);
  const figures entropy = measure("med", LOCI_WEIGHTING_LOG_ENTROPY);
  assert_near(entropy.keyword, 0.5296);
  assert_near(entropy.lsa, 0.7133);
  assert_true(entropy.lsa >= 1.25 * entropy.keyword);
}

static void cisi(void **state) {
  (void)state;
  if (test_data("retrieval/cisi/corpus.jsonl") == NULL) skip();
  const figures raw = measure("cisi", LOCI_WEIGHTING_RAW);
  assert_near(raw.keyword, 0.1515);
  assert_near(raw.lsa, 0.1376);
  assert_true(raw.lsa <= raw.keyword);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(med), cmocka_unit_test(cisi)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
