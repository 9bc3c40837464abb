/* collection/: the main job. A folder of documents kept in step with a store, and searched by meaning and by words.
 *
 * Purpose: implements include/loci/collection.h. sync.c brings files into the store (walk, compare, extract, chunk,
 * embed, put), search.c gets them out again (scan, fuse, fold, show); the rest are parts of these two that can be
 * understood and tested alone: fuse.c (two lists of scores become one), fold.c (near-identical passages), language.c
 * (is this English?), sample.c (how near are random passages?).
 *
 * Ownership: a collection owns its store and at most one open model, which it opens when it is first needed and keeps.
 * Results own their strings in one arena and outlive the collection's next call, but not the context.
 * Threads: a handle belongs to one thread at a time; inside a call, extraction and embedding use the context's pool.
 */
#ifndef LOCI_COLLECTION_COLLECTION_H
#define LOCI_COLLECTION_COLLECTION_H

#include "../base/base.h"
#include "../base/file.h"
#include "../store/store.h"
#include "loci/collection.h"

struct loci_collection {
  loci_context *context;
  loci__store *store;
  char *path;             /* absolute; "" for a collection in memory */
  int mode;               /* LOCI_COLLECTION_... */
  loci_model *model;      /* NULL until needed */
  const loci_model *lent; /* instead of it: see loci__collection_lend_model */
  char *model_asked;      /* the name `model` was opened by; NULL = the built-in one */
  char fingerprint[33];   /* of `model`; "" while there is none */
  loci__arena status;     /* strings of the last loci_collection_get_status */
};

/* A collection that no file stands behind, for measuring (eval/). */
loci_status loci__collection_open_memory(loci_context *context, loci_collection **out, loci_error *error);

/* Lets score.c use a model that somebody else owns; NULL takes it back before the collection is closed. */
void loci__collection_lend_model(loci_collection *collection, const loci_model *model);

/* ---- the model (collection.c) ------------------------------------------------------------------ */

/* Opens `name` (NULL = the store's, else the built-in one) into collection->model and compares its fingerprint with
 * the store's: MISMATCH names both and the way on. `check` false leaves the comparison out (reindex). A store without
 * vectors takes any model. */
loci_status loci__collection_use_model(loci_collection *collection, const char *name, bool check, loci_error *error);
/* Writes the open model into the store. Inside a write transaction, while no chunk has a vector. */
loci_status loci__collection_set_model(loci_collection *collection, loci_error *error);
const loci_model *loci__collection_model(const loci_collection *collection); /* the open or lent one, or NULL */
/* Passages are cut at 256 of the model's tokens; title and headings in front of them get 120 bytes each, for which a
 * model that takes few tokens leaves room. */
#define LOCI__PASSAGE_TOKENS ((size_t)256)
#define LOCI__PREFIX_TOKENS  ((size_t)64)
#define LOCI__PREFIX_BYTES   ((size_t)120)

/* Tokens at which passages for this model are cut; wanted 0 = as many as may be. */
size_t loci__passage_tokens(const loci_model *model, size_t wanted);
/* Appends what is embedded of a passage: where it stands (title, headings), then its text (docs/search.md). */
void loci__passage_text(loci__buffer *out, const char *title, const char *heading, const char *text, size_t length);
/* The document that a person means by `path`: from the working folder or absolute, else below a root, else by a tail
 * that only one document has. NOT_FOUND, or USAGE naming two when several fit. */
loci_status loci__collection_find(loci_collection *collection, const char *path, int64_t *document_id,
                                  loci_error *error);

/* ---- fuse.c: two scores a row become one -------------------------------------------------------- */

/* Weight of the cosine beside BM25, both standardised; measured, see docs/search.md. */
#define LOCI__FUSION_WEIGHT 1.0
/* The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009). */
#define LOCI__RRF_K 60.0

typedef struct loci__fusion {
  loci_search_mode mode;
  loci_fusion kind;
  double weight;
  double cosine_mean, cosine_deviation, bm25_mean, bm25_deviation; /* over every row */
  uint32_t *cosine_ranks, *bm25_ranks; /* from 1, 0 = not among the rows of that side; for reciprocal ranks only */
} loci__fusion;

/* Mean and (population) deviation of n scores, in double precision; 0 and 0 for n = 0. */
void loci__fuse_moments(const float *scores, size_t n, double *mean, double *deviation);
/* (x − mean) / deviation; 0 when the deviation is 0. */
double loci__fuse_standard(double x, double mean, double deviation);
/* Ranks of n scores, the greatest first, ties in row order; rows whose score is ≤ `lowest` get 0. */
loci_status loci__fuse_ranks(loci_context *context, const float *scores, size_t n, float lowest, uint32_t **out,
                             loci_error *error);
/* cosine or bm25 may be NULL where the mode does not need it. weight 0 = LOCI__FUSION_WEIGHT. Allocates only for
 * reciprocal ranks. */
loci_status loci__fuse_prepare(loci_context *context, loci_search_mode mode, loci_fusion kind, double weight,
                               const float *cosine, const float *bm25, size_t n, loci__fusion *out, loci_error *error);
/* The score that row `row` is ranked by, given its cosine and BM25. */
double loci__fuse_score(const loci__fusion *fusion, size_t row, double cosine, double bm25);
void loci__fuse_release(loci_context *context, loci__fusion *fusion);

/* ---- scores of every row (score.c) -------------------------------------------------------------- */

/* What a query gives each row of the store, in a read transaction that the caller holds. */
typedef struct loci__row_scores {
  loci_context *context;
  loci__store_rows rows;
  float *query;  /* the query's vector; NULL in text mode */
  float *cosine; /* approximate (segments hold int8 codes); NULL in text mode */
  float *bm25;   /* 0 = no word of the query; NULL in vector mode */
  float *fused;  /* what rows are ranked by; −infinity = not a match */
  size_t n_matches;
  loci__fusion fusion;
  int query_truncated;
} loci__row_scores;

/* `both` computes the side that the mode does not need, too (for explain). {0} is releasable. */
loci_status loci__collection_score(loci_collection *collection, const char *query, size_t length, loci_search_mode mode,
                                   loci_fusion fusion, double weight, bool both, loci__row_scores *out,
                                   loci_error *error);
/* The same for a given vector (dim floats, copied), by cosine alone. */
loci_status loci__collection_score_vector(loci_collection *collection, const float *vector, size_t dim,
                                          loci__row_scores *out, loci_error *error);
void loci__row_scores_release(loci__row_scores *scores);
/* For those above that do not know the store. */
loci_status loci__collection_begin_read(loci_collection *collection, loci_error *error);
void loci__collection_end_read(loci_collection *collection);

/* ---- passage.c: the sentence that answers ---------------------------------------------------------- */

/* Fills best_start and best_length of each result: the sentence nearest to the query, by the model when that is cheap
 * (`query_vector` non-NULL and a static model), else by words shared with the query; none shared: length 0. */
loci_status loci__best_sentences(loci_collection *collection, const char *query, size_t length,
                                 const float *query_vector, loci_result *results, size_t n, loci_error *error);

/* ---- fold.c: near-identical passages ------------------------------------------------------------ */

typedef struct loci__fold loci__fold;
loci__fold *loci__fold_new(loci_context *context); /* NULL when out of memory */
void loci__fold_free(loci__fold *fold);
/* *copy_of: the number (from 0, in the order they were added) of the passage that `text` is a near copy of, or
 * SIZE_MAX: then it was added as a passage of its own. */
loci_status loci__fold_add(loci__fold *fold, const char *text, size_t length, size_t *copy_of, loci_error *error);

/* ---- sample.c: how near are random passages? ----------------------------------------------------- */

/* Draws rows, takes the cosine of every pair and stores the quantiles as a setting. Outside a transaction. */
loci_status loci__sample_pairs(loci_collection *collection, loci_error *error);
/* The stored quantiles (loci__free), ascending; NULL and 0 where none are stored. */
loci_status loci__sample_quantiles(loci_collection *collection, double **quantiles, size_t *n, loci_error *error);
/* Percentile of x (0…100) among n ascending quantiles; NaN for n < 2. */
double loci__sample_percentile(const double *quantiles, size_t n, double x);

/* ---- language.c: is this English? ---------------------------------------------------------------- */

typedef struct loci__language_count {
  uint64_t n_letters, n_latin, n_words, n_english, n_other; /* n_other: function words of other languages */
} loci__language_count;
void loci__language_add(loci__language_count *count, const char *text, size_t length);
/* Appends the words of a query that are not English function words (how, to, a, the …); nothing when all of them are. */
void loci__query_topic(loci__buffer *out, const char *query, size_t length);
/* NULL = English or not to be told; else what it seems to be ("another script", "another language"). */
const char *loci__language_verdict(const loci__language_count *count);

/* ---- texts.c: documents that come from no file ---------------------------------------------------- */

typedef struct loci__collection_text {
  const char *id; /* becomes the document's path; unique */
  const char *title;
  const char *text;
  size_t length;
} loci__collection_text;
/* Puts documents whole (one row each: title and text) or cut as files are. `model` NULL: no vectors, for text mode.
 * ids[i] receives the document's id. */
loci_status loci__collection_add_texts(loci_collection *collection, const loci_model *model,
                                       const loci__collection_text *texts, size_t n, bool chunks, loci__meter *meter,
                                       int64_t *ids, loci_error *error);

/* Whether every number of a vector is 0: a text none of whose words the model knows. */
bool loci__collection_is_zero(const float *vector, size_t dim);

#endif
