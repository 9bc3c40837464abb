/* loci/eval.h: scores against benchmarks. */
#ifndef LOCI_EVAL_H
#define LOCI_EVAL_H

#include "core.h"
#include "model.h"
#include "vectors.h"

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

/* ---- word vectors ---- */

typedef struct loci_analogy_section {
  char name[64];
  uint64_t n, n_seen;   /* questions; those whose four words are all there */
  uint64_t n_right;     /* the three given words excluded from the answer */
  uint64_t n_right_all; /* nothing excluded */
} loci_analogy_section;

typedef struct loci_analogy_score {
  loci_analogy_section *sections; /* loci_analogy_score_release */
  size_t n_sections;
  loci_analogy_section semantic, syntactic, total; /* a name that starts with "gram" is syntactic */
  loci_context *context;
} loci_analogy_score;

typedef struct loci_analogy_options {
  size_t struct_size;
  size_t most;   /* only the first so many words are candidates (the files' order is by frequency); 0 = all */
  int keep_case; /* non-zero: questions are not lower-cased when a word is not there as it is */
  loci_progress_fn progress;
  void *progress_user;
} loci_analogy_options;

LOCI_API void loci_analogy_options_init(loci_analogy_options *options);
/* `path`: questions-words.txt: ": section", then four words a line. 3CosAdd over unit vectors. */
LOCI_API loci_status loci_eval_analogy(const loci_vectors *vectors, const char *path,
                                       const loci_analogy_options *options, loci_analogy_score *out, loci_error *error);
LOCI_API void loci_analogy_score_release(loci_analogy_score *score);

typedef struct loci_similarity_score {
  uint64_t n_pairs, n_seen; /* pairs; those whose words both have a vector */
  double spearman;          /* over the seen ones */
  double spearman_all;      /* unseen pairs at the mean of the seen cosines */
} loci_similarity_score;

/* `path`: word, word, score a line, separated by tabs, commas or spaces, with or without a heading; SimLex-999's and
 * WordSim-353's own layouts too. */
LOCI_API loci_status loci_eval_similarity(const loci_vectors *vectors, const char *path, loci_similarity_score *out,
                                          loci_error *error);

/* ---- clusters ---- */

/* How well labels agree with classes; of items that are in no cluster (−1) each is a cluster of its own. */
typedef struct loci_partition_score {
  double purity;                               /* Σ of each cluster's greatest class, over n */
  double homogeneity, completeness, v_measure; /* Rosenberg and Hirschberg 2007 */
  double adjusted_rand;                        /* Hubert and Arabie 1985; 0 expected by chance */
} loci_partition_score;

/* n ≥ 1 items; classes are any numbers. */
LOCI_API loci_status loci_partition_measure(loci_context *context, const int32_t *classes, const int32_t *labels,
                                            size_t n, loci_partition_score *out, loci_error *error);

typedef struct loci_cluster_score {
  uint64_t n, n_seen;  /* words; those that have a vector, which are clustered */
  uint64_t n_repeated; /* words that stood there before: the first class counts */
  uint64_t n_classes;  /* of the seen words: so many clusters are made */
  double inertia;      /* k-means, rows of unit length */
  loci_partition_score score;
} loci_cluster_score;

typedef struct loci_cluster_eval_options {
  size_t struct_size;
  size_t k;      /* clusters; 0 = as many as there are classes */
  size_t n_init; /* starts of k-means, the smallest inertia counts; 0 = 100 */
  uint64_t seed;
} loci_cluster_eval_options;

LOCI_API void loci_cluster_eval_options_init(loci_cluster_eval_options *options);

/* `path`: words with their classes. A line of two words, "class word", by tabs, commas or spaces; or columns that a heading
 * calls "category" (or "class") and "word"; or lines ": class" with the class's words below. Words are looked up as they
 * are, then in lower case. FORMAT when it is none of these, or fewer than two classes have a word that has a vector. */
LOCI_API loci_status loci_eval_cluster(const loci_vectors *vectors, const char *path,
                                       const loci_cluster_eval_options *options, loci_cluster_score *out,
                                       loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
