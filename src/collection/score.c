/* score.c: what a query gives each row of the store. The first half of a search, and what eval/ measures.
 *
 * The vectors' scores come from the segments' codes where there are segments: they are near (index/flat.c tells how
 * near), not exact; search.c takes the best few times k of them and computes those from the record. The error of codes
 * averages out of the mean and deviation of many rows; few rows are all computed from the record. BM25 is exact.
 * Both are computed over the same rows, which is what makes their standard scores comparable.
 */
#include "collection.h"

#include <math.h>

enum { EXACT_ROWS = 1024 }; /* some 1.5 ms */

static loci_status alloc_scores(loci_context *context, size_t n, float **out, loci_error *error) {
  *out = loci__alloc_array(context, n > 0 ? n : 1, sizeof **out);
  return *out != NULL ? LOCI_OK : loci__fail_memory(error, n * sizeof **out, "the scores of a search");
}

static loci_status embed_query(loci_collection *collection, const char *query, size_t length, size_t dim,
                               loci__row_scores *out, loci_error *error) {
  LOCI__TRY(alloc_scores(collection->context, dim, &out->query, error));
  loci_text text = {query, length};
  loci_embed_options embed;
  loci_embed_options_init(&embed);
  embed.role = LOCI_ROLE_QUERY;
  loci_embed_info info = {0};
  LOCI__TRY(loci_embed(loci__collection_model(collection), &text, 1, &embed, out->query, &info, error));
  out->query_truncated = info.truncated;
  return LOCI_OK;
}

/* cosine[] of every row for the query's vector. */
static loci_status scan(loci_collection *collection, loci__row_scores *out, loci_error *error) {
  size_t n = out->rows.n;
  LOCI__TRY(alloc_scores(collection->context, n, &out->cosine, error));
  if (n > EXACT_ROWS) return loci__store_scan(collection->store, out->query, out->cosine, error);
  size_t rows[EXACT_ROWS];
  for (size_t i = 0; i < n; i++) rows[i] = i;
  return loci__store_rescore(collection->store, out->query, rows, n, out->cosine, error);
}

/* In hybrid search the words that name the topic, if there are any, else all. */
static loci_status scan_text(loci_collection *collection, const char *query, size_t length, loci_search_mode mode,
                             float *bm25, loci_error *error) {
  loci__buffer topic;
  loci__buffer_init(&topic, collection->context, 0);
  if (mode == LOCI_SEARCH_HYBRID) loci__query_topic(&topic, query, length);
  loci_status status = loci__buffer_status(&topic, "a query", error);
  if (topic.length > 0) {
    query = topic.data;
    length = topic.length;
  }
  if (status == LOCI_OK) status = loci__store_scan_text(collection->store, query, length, bm25, NULL, error);
  loci__buffer_release(&topic);
  return status;
}

/* fused[] and n_matches from cosine[] and bm25[]. */
static loci_status fuse(loci__row_scores *out, loci_search_mode mode, loci_fusion kind, double weight,
                        loci_error *error) {
  size_t n = out->rows.n;
  LOCI__TRY(loci__fuse_prepare(out->context, mode, kind, weight, out->cosine, out->bm25, n, &out->fusion, error));
  LOCI__TRY(alloc_scores(out->context, n, &out->fused, error));
  out->n_matches = 0;
  for (size_t i = 0; i < n; i++) {
    double cosine = out->cosine != NULL ? (double)out->cosine[i] : 0.0;
    double bm25 = out->bm25 != NULL ? (double)out->bm25[i] : 0.0;
    bool is_match = mode != LOCI_SEARCH_TEXT || bm25 > 0.0;
    out->fused[i] = is_match ? (float)loci__fuse_score(&out->fusion, i, cosine, bm25) : -INFINITY;
    out->n_matches += is_match;
  }
  return LOCI_OK;
}

static loci_status score(loci_collection *collection, const char *query, size_t length, loci_search_mode mode,
                         loci_fusion fusion, double weight, bool both, loci__row_scores *out, loci_error *error) {
  LOCI__TRY(loci__store_get_rows(collection->store, &out->rows, error));
  if (out->rows.n == 0) return LOCI_OK;
  bool by_vector = mode != LOCI_SEARCH_TEXT || (both && loci__collection_model(collection) != NULL);
  bool by_text = mode != LOCI_SEARCH_VECTOR || both;
  if (by_vector) {
    loci_model_info info = {.struct_size = sizeof info};
    loci_model_get_info(loci__collection_model(collection), &info);
    LOCI__TRY(embed_query(collection, query, length, info.dim, out, error));
    LOCI__TRY(scan(collection, out, error));
  }
  if (by_text) {
    LOCI__TRY(alloc_scores(collection->context, out->rows.n, &out->bm25, error));
    LOCI__TRY(scan_text(collection, query, length, mode, out->bm25, error));
  }
  return fuse(out, mode, fusion, weight, error);
}

loci_status loci__collection_score(loci_collection *collection, const char *query, size_t length, loci_search_mode mode,
                                   loci_fusion fusion, double weight, bool both, loci__row_scores *out,
                                   loci_error *error) {
  *out = (loci__row_scores){.context = collection->context};
  loci_status status = score(collection, query, length, mode, fusion, weight, both, out, error);
  if (status != LOCI_OK) loci__row_scores_release(out);
  return status;
}

static loci_status score_vector(loci_collection *collection, const float *vector, size_t dim, loci__row_scores *out,
                                loci_error *error) {
  LOCI__TRY(loci__store_get_rows(collection->store, &out->rows, error));
  LOCI__TRY(alloc_scores(collection->context, dim, &out->query, error));
  memcpy(out->query, vector, dim * sizeof *vector);
  LOCI__TRY(scan(collection, out, error));
  return fuse(out, LOCI_SEARCH_VECTOR, LOCI_FUSION_STANDARD, 0.0, error);
}

loci_status loci__collection_score_vector(loci_collection *collection, const float *vector, size_t dim,
                                          loci__row_scores *out, loci_error *error) {
  *out = (loci__row_scores){.context = collection->context};
  loci_status status = score_vector(collection, vector, dim, out, error);
  if (status != LOCI_OK) loci__row_scores_release(out);
  return status;
}

void loci__row_scores_release(loci__row_scores *scores) {
  if (scores->context == NULL) return;
  loci__free(scores->context, scores->query);
  loci__free(scores->context, scores->cosine);
  loci__free(scores->context, scores->bm25);
  loci__free(scores->context, scores->fused);
  loci__fuse_release(scores->context, &scores->fusion);
  *scores = (loci__row_scores){0};
}

loci_status loci__collection_begin_read(loci_collection *collection, loci_error *error) {
  return loci__store_begin_read(collection->store, error);
}

void loci__collection_end_read(loci_collection *collection) {
  loci__store_rollback(collection->store); /* nothing was written */
}
