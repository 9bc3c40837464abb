/* train/cooccur.h: how often two words stand near each other, weighted by 1/distance (Pennington et al. 2014, 4.2).
 *
 *   cooccur.c        the pass over the encoded corpus: a dense table for frequent pairs, sorted runs for the others
 *   cooccur_merge.c  table and runs → the file
 *
 * The file is that of the GloVe programs, and its bytes are those of their `cooccur` for the same vocabulary and
 * settings: records {int32 word, int32 context, double weight}, words from 1, sorted by both. The sums are floating-point
 * numbers, so their order belongs to the format; it follows from two numbers:
 *   max_product      a pair (a, b) of ranks from 1 with a < ⌊max_product / b⌋ is added to the table as it comes
 *   overflow_length  other pairs fill a buffer of so many records; when less than a token's worth is left it is sorted
 *                    (stable), equal pairs are summed in order, and the run is written
 * and in the end table and runs are merged through a binary heap, equal pairs summed as the heap gives them out.
 *
 * Threads: rows (first words) are cut into shards; every shard goes over all tokens and keeps what is its own, so each
 * sum is made by one thread in the order of the text. Bytes do not depend on the number of shards.
 */
#ifndef LOCI_TRAIN_COOCCUR_H
#define LOCI_TRAIN_COOCCUR_H

#include "../base/base.h"
#include "../base/file.h"

typedef struct loci__cooccur_options {
  size_t window; /* 1…255 */
  bool symmetric;
  uint64_t max_product, overflow_length;
  /* The reference's merge takes an empty last run for a run of one record, the first of the run before it, and so counts
   * that one twice. true: so do we. */
  bool empty_run_repeats;
} loci__cooccur_options;

typedef struct loci__cooccur_record {
  int32_t word, context; /* from 1 */
  double weight;
} loci__cooccur_record;

_Static_assert(sizeof(loci__cooccur_record) == 16, "the record of the file");

/* The reference's rule for its -memory, in gigabytes. */
void loci__cooccur_limits(double gigabytes, uint64_t *max_product, uint64_t *overflow_length);
/* Bytes that counting takes for a vocabulary of n_words; SIZE_MAX when that is no number. */
size_t loci__cooccur_memory(const loci__cooccur_options *options, size_t n_words);

/* Counts the n word numbers `ids` (−1 ends a line) of a vocabulary of n_words words with these counts, and writes `path`
 * (atomically; `scratch` is the path of the runs' file, removed in any case). NOT_FOUND when no line has two words. */
loci_status loci__cooccur_count(loci_context *context, const int32_t *ids, size_t n, size_t n_words,
                                const loci__cooccur_options *options, const char *scratch, const char *path,
                                loci__meter *meter, uint64_t *n_records, loci_error *error);

/* ---- what the two files share ---- */

typedef struct loci__cooccur_run {
  uint64_t offset; /* of the runs' file, bytes */
  uint64_t n;      /* records */
} loci__cooccur_run;

typedef struct loci__cooccur_table {
  const double *cells;
  const uint64_t *starts; /* n_words + 1: row a is cells[starts[a] … starts[a + 1]) */
  size_t n_words;
} loci__cooccur_table;

loci_status loci__cooccur_merge(loci_context *context, const loci__cooccur_table *table, int runs_file,
                                const char *runs_path, const loci__cooccur_run *runs, size_t n_runs,
                                bool empty_run_repeats, const char *path, loci__meter *meter, uint64_t *n_records,
                                loci_error *error);

/* The file, mapped and checked: whole records, words in 1…n_words, sorted, weights finite and above 0. FORMAT with the
 * offset. The records are mapping->data. */
loci_status loci__cooccur_open(loci_context *context, const char *path, size_t n_words, loci__mapping *mapping,
                               loci_error *error);

#endif
