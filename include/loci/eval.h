/* loci/eval.h: scores against benchmarks. */
#ifndef LOCI_EVAL_H
#define LOCI_EVAL_H

#include "core.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct loci_sts_score {
  uint64_t n_pairs, n_truncated;
  double spearman, pearson; /* of the cosine against the gold scores, −1…1 */
} loci_sts_score;

/* `path`: STS-B's tab-separated file (score in column 5, sentences in 6 and 7), a SICK file (header with
 * sentence_A, sentence_B, relatedness_score), or three tab-separated columns score, sentence, sentence in either
 * order; which one it is, is told by its header and first line. Lines without a score are left out. */
LOCI_API loci_status loci_eval_sts(const loci_model *model, const char *path, loci_sts_score *out, loci_error *error);

typedef struct loci_retrieval_score {
  uint64_t n_documents, n_queries;
  double ndcg_10, map, recall_100, mrr_10;
} loci_retrieval_score;

typedef struct loci_retrieval_options {
  size_t struct_size;
  const char *split; /* qrels/<split>.tsv; NULL = test, else train, else dev, else the only file */
  int mode;          /* enum loci_search_mode of collection.h */
  int fusion;        /* enum loci_fusion */
  double weight;     /* 0 = the default */
  int chunks;        /* non-zero: documents are cut as `index` cuts them, the best chunk counts */
  loci_progress_fn progress;
  void *progress_user;
} loci_retrieval_options;

LOCI_API void loci_retrieval_options_init(loci_retrieval_options *options);

/* `folder` in BEIR's layout: corpus.jsonl, queries.jsonl, qrels. A document is title + text. nDCG as
 * pytrec_eval computes it. `model` may be NULL for LOCI_SEARCH_TEXT without chunks. */
LOCI_API loci_status loci_eval_retrieval(loci_context *context, const loci_model *model, const char *folder,
                                         const loci_retrieval_options *options, loci_retrieval_score *out,
                                         loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
