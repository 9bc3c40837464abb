/* loci/explore.h: the geometry of vectors: how near two are, and what lies around one.
 *
 * Everything works on loci_vectors (loci/vectors.h): words of a file, tokens of a static model. A number that is told to
 * a person goes with the name of its metric.
 */
#ifndef LOCI_EXPLORE_H
#define LOCI_EXPLORE_H

#include "core.h"
#include "vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum loci_metric {
  LOCI_METRIC_COSINE = 0, /* −1…1; 0 with a zero vector */
  LOCI_METRIC_DOT = 1,
  LOCI_METRIC_L2 = 2 /* a distance: smaller is nearer */
} loci_metric;

/* "cosine", "dot product", "L2 distance" */
LOCI_API const char *loci_metric_name(loci_metric metric);
/* In double precision. */
LOCI_API double loci_measure(const float *a, const float *b, size_t dim, loci_metric metric);

typedef struct loci_neighbor {
  size_t index; /* of the row */
  double score; /* by the metric */
} loci_neighbor;

/* The k rows nearest to `query` (dim floats), nearest first, equal ones in the order of the rows; rows named in
 * `exclude` (n_exclude of them) are left out. out: room for k; *n = how many there are. Same answer at any number of
 * threads; scores in double. Cost: one pass over all rows on the context's pool. */
LOCI_API loci_status loci_neighbors(const loci_vectors *vectors, const float *query, size_t k, loci_metric metric,
                                    const size_t *exclude, size_t n_exclude, loci_neighbor *out, size_t *n,
                                    loci_error *error);

/* The row of a word as it stands there, else in lower case (all of Unicode), or −1. */
LOCI_API int64_t loci_find_folded(const loci_vectors *vectors, const char *word, size_t length);

/* ---- analogies: a is to b as c is to what? ---- */

typedef enum loci_analogy_method {
  LOCI_ANALOGY_3COSADD = 0, /* cos(x, b − a + c) over unit vectors (Mikolov et al. 2013c) */
  LOCI_ANALOGY_3COSMUL = 1, /* cos(x, b)·cos(x, c) / (cos(x, a) + .001), cosines moved to 0…1 (Levy, Goldberg 2014) */
  LOCI_ANALOGY_PAIRDISTANCE = 2 /* cos(x − c, b − a) (the same) */
} loci_analogy_method;

typedef struct loci_analogy_question {
  size_t a, b, c;   /* rows: a is to b as c is to … */
  int64_t expected; /* row, or −1 */
  loci_analogy_method method;
  size_t most;      /* candidates: only the first so many rows; 0 = all */
  size_t n_control; /* random triples to hold the answer against; 0 = none */
  uint64_t seed;
} loci_analogy_question;

/* An answer never stands alone: a nearest word there always is, so its score stands beside what random triples get, and
 * beside the answer that the usual exclusion of the three given words hides (Nissim et al. 2020). */
typedef struct loci_analogy {
  size_t n, n_all;
  loci_neighbor answers[16];    /* by the method, a, b and c left out; best first */
  loci_neighbor answers_all[4]; /* nothing left out */
  size_t rank, rank_all;        /* of the expected row, from 1; 0 = none was expected */
  double cosine, cosine_all;    /* of the first answer with b − a + c, whatever the method */
  double cosine_expected;       /* of the expected row with it */
  size_t n_control;
  double control_median, control_95; /* cosine of the first answer for random triples: median, 95th percentile */
  double control_share;              /* of random triples whose answer is at least as near as this one's */
} loci_analogy;

LOCI_API loci_status loci_analogy_solve(const loci_vectors *vectors, const loci_analogy_question *question,
                                        loci_analogy *out, loci_error *error);

/* Many questions at once, 3CosAdd: for question i (three rows a, b, c at rows + 3·i) the best row and its cosine, the three
 * left out (best[i]) and not (best_all[i]); either may be NULL. One blocked product over all rows. */
LOCI_API loci_status loci_analogy_solve_many(const loci_vectors *vectors, const size_t *rows, size_t n, size_t most,
                                             loci_neighbor *best, loci_neighbor *best_all, loci_error *error);

/* Pairs of words in one relation, that loci brings along ("capital of a country: france paris …"), in English. */
LOCI_API size_t loci_relations(void);
LOCI_API const char *loci_relation_name(size_t relation); /* NULL past the end */
/* Pair i of it; 0 past the end. */
LOCI_API int loci_relation_pair(size_t relation, size_t i, const char **from, const char **to);

typedef struct loci_relation_score {
  size_t n_pairs;              /* whose words both are there */
  size_t n_questions;          /* pairs of pairs */
  size_t n_right, n_right_all; /* the three given words left out, and not */
} loci_relation_score;
/* Every two pairs of a relation as a question. */
LOCI_API loci_status loci_relation_accuracy(const loci_vectors *vectors, size_t relation, size_t most,
                                            loci_relation_score *out, loci_error *error);

/* The row that fits least: its mean cosine with the others is smallest (Mikolov's and gensim's doesnt_match takes the
 * distance to the mean of unit vectors: the same order). means: n mean cosines, or NULL. n ≥ 3. */
LOCI_API loci_status loci_odd_one_out(const loci_vectors *vectors, const size_t *rows, size_t n, size_t *odd,
                                      double *means, loci_error *error);

/* ---- directions ---- pairs: two rows each, at pairs + 2·i; an offset is unit(to) − unit(from) */

typedef struct loci_relation_report {
  size_t n;           /* pairs */
  double mean_cosine; /* of two offsets, over all pairs of pairs */
  size_t n_permutations;
  double shuffled; /* the same with every "to" given to another "from": its mean over the permutations */
  double p;        /* (1 + permutations that reach mean_cosine) / (1 + permutations) */
} loci_relation_report;

/* Do the offsets of a relation point one way? n ≥ 2. Seeded. */
LOCI_API loci_status loci_relation_measure(const loci_vectors *vectors, const size_t *pairs, size_t n,
                                           size_t n_permutations, uint64_t seed, loci_relation_report *out,
                                           loci_error *error);

/* out: dim floats, the mean of the unit offsets, of unit length: a direction. A direction has a meaning, a dimension has
 * none: a rotation of the space moves all dimensions and leaves every result here unchanged. */
LOCI_API loci_status loci_direction(const loci_vectors *vectors, const size_t *pairs, size_t n, float *out,
                                    loci_error *error);

typedef struct loci_interval {
  double value, low, high; /* 95 %, by the bootstrap over pairs; equal to value when n_pairs is 1 */
  size_t n_pairs;
} loci_interval;

/* How far each row (n_rows of them) lies along the direction of the pairs: the cosine of the row with it. */
LOCI_API loci_status loci_axis(const loci_vectors *vectors, const size_t *pairs, size_t n, const size_t *rows,
                               size_t n_rows, size_t n_resamples, uint64_t seed, loci_interval *out, loci_error *error);

/* The cosine of two relations' directions. */
LOCI_API loci_status loci_direction_cosine(const loci_vectors *vectors, const size_t *pairs, size_t n,
                                           const size_t *others, size_t n_others, size_t n_resamples, uint64_t seed,
                                           loci_interval *out, loci_error *error);

/* ---- bias: the word embedding association test (Caliskan, Bryson and Narayanan 2017) ---- */

typedef struct loci_weat_set {
  const char *name;
  const char *const *words;
  size_t n;
} loci_weat_set;

typedef struct loci_weat_report {
  double effect;    /* d: (mean s(x) − mean s(y)) / standard deviation of s over x and y (n − 1) */
  double statistic; /* Σ s(x) − Σ s(y) */
  double p;         /* share of equal-sized partitions of x and y whose statistic is greater than it */
  int exact;        /* all partitions were counted; else n_partitions drawn ones */
  uint64_t n_partitions;
  size_t n[4], n_seen[4]; /* words of the sets x, y, a, b; those that have a vector */
  double coverage;        /* n_seen / n over all four, 0…1 */
} loci_weat_report;

/* sets: x, y (targets), a, b (attributes). x and y are cut to equal size after unknown words are left out, as many as the
 * smaller has. LIMIT when less than 80 % of the words, or fewer than two of a set, have a vector: the figure would be of
 * other lists. Words are looked up as they are, then in lower case of ASCII. */
LOCI_API loci_status loci_weat(const loci_vectors *vectors, const loci_weat_set sets[4], uint64_t seed,
                               loci_weat_report *out, loci_error *error);

/* ---- paths: from one word to another by near neighbours ---- */

typedef struct loci_path {
  loci_context *context;
  size_t n;          /* words on the path, both ends included */
  size_t *rows;      /* n */
  double *cosines;   /* n − 1: of each with the next */
  double length;     /* Σ (1 − cosine): what is smallest */
  double weakest;    /* the smallest of the cosines */
  double direct;     /* cosine of the two ends */
  size_t n_shared;   /* rows among the k nearest of both ends … */
  size_t *shared;    /* … and which, nearest to the first end first */
  size_t n_expanded; /* rows whose neighbours were looked for */
} loci_path;

/* The shortest way from one row to another along near neighbours: a step goes from a row to one of its k nearest (by
 * cosine) on the way out, and from one of the k nearest of a row to it on the way in; it costs 1 − cosine, so that many
 * near steps are better than a few far ones. The way back is the same way. Only the first `most` rows may be steps (0 = all).
 * NOT_FOUND when there is no way; USAGE when an end has no direction. Same answer at any number of threads. */
LOCI_API loci_status loci_path_find(const loci_vectors *vectors, size_t from, size_t to, size_t k, size_t most,
                                    loci_path *out, loci_error *error);
LOCI_API void loci_path_release(loci_path *path);

#ifdef __cplusplus
}
#endif
#endif
