/* train/subword.h: word vectors from subwords (Bojanowski, Grave, Joulin and Mikolov 2017), between its parts.
 *
 *   fasttext.c        loci_train_fasttext: options, matrices, the run, checkpoints, the file
 *   fasttext_step.c   what a batch of words teaches: hidden vectors, gradients, their application
 *   fasttext_batch.c  the corpus as batches: subsampling, windows, noise, who writes to which row
 *   subword.c         the rows of each word: its own and those of its n-grams
 *   alias.[ch]        noise words, drawn in constant time
 *   lockstep.[ch]     threads that go through short phases together
 *
 * A word's hidden vector is the mean of its rows; a row's gradient is the whole gradient of the hidden vector, not its
 * share, as in the fastText program (so a word moves as fast as it would alone).
 *
 * Model of the world: a batch is some thousand words of the corpus. All of its gradients are taken from the parameters as
 * they were before the batch; then they are applied, each row by one task and in the order of the batch. So nothing
 * depends on threads. What that buys, besides: all occurrences of a word in a batch share one hidden vector, which moves
 * from pair to pair as in the fastText program, and one gradient: rows are gathered and scattered once for them, not once
 * a pair. LOCI_MODE_FAST is the same with a small batch for each thread and no order between threads.
 *
 * Only buckets that some word of the vocabulary has an n-gram in have a row here; the others would never be trained.
 *
 * Ownership: fasttext.c owns all of it. Threads: parameters are read by every task of a computing phase and written by
 * the tasks of an applying one, each its own rows.
 */
#ifndef LOCI_TRAIN_SUBWORD_H
#define LOCI_TRAIN_SUBWORD_H

#include "../kernel/kernel.h"
#include "alias.h"
#include "lockstep.h"
#include "trainer.h"

/* ---- subword.c ---- */

typedef struct loci__subwords {
  loci_context *context;
  size_t n_words, n_rows; /* rows: words, then the used buckets, those in the most tokens first */
  uint32_t *starts;       /* n_words + 1: word w has the rows rows[starts[w]] … rows[starts[w + 1] − 1] */
  uint32_t *rows;         /* a word's own first, then its n-grams' in the reference's order, repetitions kept */
  int32_t *buckets;       /* n_rows − n_words: the bucket of row n_words + i */
  size_t most;            /* rows of the word that has most */
} loci__subwords;

loci_status loci__subwords_make(loci_context *context, const loci_vocabulary *vocabulary, int32_t min_n, int32_t max_n,
                                int32_t n_buckets, loci__subwords *out, loci_error *error);
void loci__subwords_release(loci__subwords *subwords);

/* ---- fasttext_batch.c ---- */

/* What does not change during a run. */
typedef struct loci__subword_plan {
  loci_context *context;
  const loci__subwords *subwords;
  const loci__alias *noise;
  const int32_t *ids; /* the stream */
  const float *keep;  /* a word's chance to stay when frequent ones are thinned out, ≥ 1 = always */
  bool cbow;
  size_t window, negative;
  size_t batch;        /* words of a batch */
  size_t at_once;      /* pairs of a word whose gradients are taken from the same hidden vector */
  size_t n_partitions; /* of the rows, for the applying phase; a power of two */
} loci__subword_plan;

/* A place in the corpus. Plain bytes: part of a checkpoint. */
typedef struct loci__subword_place {
  uint64_t at, end; /* in the stream: the next to be read; where this run of it ends */
  uint64_t n_read;  /* words read (subsampled ones too) since the beginning of training */
  loci__random random;
} loci__subword_place;

/* Row `row` gets something of item `item`: an output row weights[at] times its hidden vector, an input row its gradient. */
typedef struct loci__subword_entry {
  uint32_t row, item, at;
} loci__subword_entry;

/* Entries in the order of their rows' partitions: partition p is items[starts[p]] … items[starts[p + 1] − 1]. */
typedef struct loci__subword_entries {
  loci__subword_entry *items;
  uint32_t *starts; /* n_partitions + 1 */
} loci__subword_entries;

/* Items are what has a hidden vector: for skip-gram the slots, for CBOW the positions.
 * Slots are the batch's distinct words; for skip-gram one that occurs more than LOCI__SUBWORD_REPEATS times takes several.
 * A pair is one word to be predicted (a target) with its noise: of a slot and a context word for skip-gram, in the order of
 * the slots; of a position and its word for CBOW. */
typedef struct loci__subword_batch {
  loci_context *context;
  size_t capacity; /* positions */
  float rate;
  size_t n_positions;
  int32_t *words;         /* n_positions */
  uint32_t *first, *last; /* n_positions: the window of position i, itself included */
  uint32_t *line;         /* n_positions: where its line begins in this batch */
  uint32_t *slot_of;      /* n_positions */
  size_t n_slots, n_items, n_pairs;
  int32_t *slot_word;    /* n_slots */
  uint32_t *list_starts; /* n_slots + 1, into `list` */
  uint32_t
      *list; /* skip-gram: context words, those of one pair after the other; CBOW: positions in whose window it is */
  uint32_t *list_slot; /* of each of them */
  uint32_t *rows;      /* n_pairs × (1 + negative): the target's output row, then the noise words' */
  loci__subword_entries inputs, outputs;
  /* filled by the step: */
  float *hidden, *gradient;    /* n_items × stride */
  float *sums, *slot_gradient; /* CBOW: n_slots × stride */
  float *weights;              /* of `rows` */
  double loss, loss_pairs;     /* of the first task's items */
  /* scratch of the filling */
  uint32_t *stamp, *slot_now, *repeats; /* n_words */
  uint32_t stamped;
} loci__subword_batch;

enum { LOCI__SUBWORD_REPEATS = 4 };

/* Bytes of one batch with all that belongs to it. */
size_t loci__subword_batch_bytes(const loci__subword_plan *plan, size_t stride);
loci_status loci__subword_batch_init(loci__subword_batch *batch, const loci__subword_plan *plan, size_t stride,
                                     loci_error *error);
void loci__subword_batch_release(loci__subword_batch *batch);
/* The next words from `place`; n_positions 0 when there are none before its end. */
void loci__subword_batch_fill(const loci__subword_plan *plan, loci__subword_place *place, loci__subword_batch *batch);

/* ---- fasttext_step.c ---- */

typedef struct loci__subword_net {
  const loci__kernels *kernels;
  size_t stride;         /* floats of a row: dim rounded up to 16, the padding zero */
  float *input, *output; /* n_rows × stride, n_words × stride */
} loci__subword_net;

/* One thread's numbers. */
typedef struct loci__subword_scratch {
  loci_context *context;
  uint32_t *rows;
  float *weights;
} loci__subword_scratch;

loci_status loci__subword_scratch_init(loci__subword_scratch *scratch, const loci__subword_plan *plan,
                                       loci_error *error);
void loci__subword_scratch_release(loci__subword_scratch *scratch);

/* The phases of a batch in order; LOCI__SUBWORD_PHASES of CBOW, the second and fourth of skip-gram. */
enum {
  LOCI__SUBWORD_SUM,     /* CBOW: each slot's rows */
  LOCI__SUBWORD_COMPUTE, /* hidden vectors, what they predict, gradients */
  LOCI__SUBWORD_COLLECT, /* CBOW: each slot's gradient */
  LOCI__SUBWORD_APPLY,
  LOCI__SUBWORD_PHASES
};
size_t loci__subword_tasks(const loci__subword_plan *plan, const loci__subword_batch *batch, int phase);
void loci__subword_work(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *batch,
                        loci__subword_scratch *scratch, int phase, size_t task);

#endif
