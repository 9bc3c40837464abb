/* loci/diagnose.h: what is odd about a space of vectors: hubs, a common direction, lengths that tell frequency.
 */
#ifndef LOCI_DIAGNOSE_H
#define LOCI_DIAGNOSE_H

#include "core.h"
#include "explore.h"
#include "vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum loci_frequency_source {
  LOCI_FREQUENCY_UNKNOWN = 0, /* rows of a table that was made in memory have no order */
  LOCI_FREQUENCY_ORDER = 1,   /* the order of the file, which most files have by frequency */
  LOCI_FREQUENCY_COUNTS = 2   /* of the file, or of FILE.vocab beside it */
} loci_frequency_source;

typedef struct loci_diagnose_options {
  size_t struct_size;
  size_t k;            /* neighbours that count for hubness; 0 = 10 */
  size_t most;         /* hubness is of the first so many rows among each other, all pairs: 0 = 20,000 */
  int all_but_the_top; /* non-zero: of the vectors without their mean and … */
  size_t n_top;        /* … so many top directions (as loci_convert_options have it) */
  uint64_t seed;       /* of the random pairs */
} loci_diagnose_options;

LOCI_API void loci_diagnose_options_init(loci_diagnose_options *options);

enum { LOCI_HUBS = 10, LOCI_DIRECTIONS = 10 };

/* Rows that are zero or not finite count for nothing but their number. */
typedef struct loci_diagnosis {
  size_t n, dim; /* all rows */
  size_t n_zero, n_not_finite;
  double length_mean, length_deviation; /* of a row */

  /* anisotropy: 0 for directions that are used evenly, near 1 for one narrow cone (Ethayarajh 2019) */
  double mean_cosine;                            /* of two rows, over all pairs */
  size_t n_pairs;                                /* random ones, for: */
  double cosine_deviation, cosine_95, cosine_99; /* standard deviation; what 95 and 99 % of them do not pass */
  size_t n_directions;
  double shares[LOCI_DIRECTIONS]; /* of the variance, along each of the top principal directions */

  /* frequency: Spearman's rank correlation, ties at the mean of their ranks; 0 when unknown */
  loci_frequency_source frequency;
  double frequency_length; /* with a row's length */
  double frequency_center; /* with its cosine with the mean row */

  /* hubness: N(x), in how many rows' k nearest (by cosine) a row is (Radovanović, Nanopoulos and Ivanović 2010) */
  size_t n_hub_rows, k;
  double skewness;  /* of N: 0 when all are alike, far above 0 when a few rows are everybody's neighbours */
  size_t n_orphans; /* rows that are in nobody's */
  size_t n_hubs;
  loci_neighbor hubs[LOCI_HUBS]; /* rows of greatest N; score is N */
} loci_diagnosis;

/* `options` may be NULL. Costs 2·most²·dim multiplications and a few passes over all rows. USAGE when no row is left. */
LOCI_API loci_status loci_diagnose(const loci_vectors *vectors, const loci_diagnose_options *options,
                                   loci_diagnosis *out, loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
