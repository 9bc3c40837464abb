/* loci/bias.h: what loci brings along to measure associations with (loci_weat, loci/explore.h), and a direction taken out of
 * vectors, with what it leaves behind.
 */
#ifndef LOCI_BIAS_H
#define LOCI_BIAS_H

#include "core.h"
#include "explore.h"
#include "vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The tests that loci brings along, in English: four sets (targets x and y, attributes a and b) each. NULL past the end. */
LOCI_API size_t loci_weat_tests(void);
LOCI_API const loci_weat_set *loci_weat_test(size_t i);

typedef struct loci_debias_options {
  size_t struct_size;
  const size_t *pairs; /* two rows each ("man", "woman"): their mean difference is the direction that is taken out */
  size_t n_pairs;
  const size_t *keep; /* rows that are left as they are, beside those of the pairs ("king", "mother") */
  size_t n_keep;
  int equalize;  /* non-zero: the two of a pair end equally far from every other word (Bolukbasi et al. 2016) */
  size_t n_most; /* words to either side that the report looks at; 0 = 500, at most a tenth of all */
  uint64_t seed; /* of its clustering */
} loci_debias_options;

LOCI_API void loci_debias_options_init(loci_debias_options *options);

/* What is left (Gonen and Goldberg 2019): of the words that leaned most to either side before, two clusters are made, by
 * k-means; how many of them fall to the side on which they were? One half is chance. */
typedef struct loci_debias_report {
  size_t n_changed;                           /* words that were made neutral */
  size_t n_words;                             /* of both sides together */
  double projection_before, projection_after; /* mean |cosine| of all changed words with the direction */
  double clusters_before, clusters_after;     /* share of n_words that two clusters put on their side */
} loci_debias_report;

/* A table of the same words, of unit length, with the direction taken out of all but those that are kept. It hides an
 * association from tests along that direction and does not remove it from the vectors: see the report. USAGE without
 * pairs. report may be NULL. */
LOCI_API loci_status loci_debias(const loci_vectors *vectors, const loci_debias_options *options, loci_vectors **out,
                                 loci_debias_report *report, loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
