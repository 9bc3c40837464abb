/* train/word2vec.h: word2vec (Mikolov et al. 2013a, 2013b) between its parts.
 *
 *   word2vec.c         loci_train_word2vec: options checked, corpus opened, matrices made, one of the modes, the end
 *   word2vec_exact.c   LOCI_MODE_EXACT: the 2013 program, bit for bit
 *   word2vec_text.c    the text as that program reads it
 *   word2vec_engine.h  LOCI_MODE_DEFAULT (word2vec_groups.c) and LOCI_MODE_FAST (word2vec_fast.c), what both draw
 *                      (word2vec_plan.c, alias.c) and share (word2vec_engine.c)
 *   huffman.c          the code for hierarchical softmax
 *
 * A run: word2vec.c opens the trainer, fills a loci__word2vec and calls loci__word2vec_run or loci__word2vec_exact. A mode
 * first asks loci__word2vec_load whether there is a checkpoint (then the matrices and its own state are as they were
 * saved), then trains epoch after epoch and calls loci__word2vec_tick between its steps: that tells the progress, saves
 * when it is time to, and saves when the run is cancelled. A mode's state is a plain struct, the same bytes for the same
 * progress, that says everything but the matrices: place in the stream, epoch, random numbers. At last it calls
 * loci__word2vec_end.
 *
 * The vectors of words are the rows of `input` when the mode has returned.
 *
 * Ownership: word2vec.c owns all that is here; a mode owns its scratch. Threads: the driving thread calls load and tick,
 * no task of the pool runs meanwhile.
 */
#ifndef LOCI_TRAIN_WORD2VEC_H
#define LOCI_TRAIN_WORD2VEC_H

#include "huffman.h"
#include "trainer.h"

typedef struct loci__word2vec {
  loci_context *context;
  loci__trainer *trainer; /* its stream: word numbers, LOCI__LINE_END behind each line; its meter: see tick */
  const loci_word2vec_options *options; /* checked: dim, window, epochs ≥ 1; negative or hierarchical */
  float alpha;                          /* the first learning rate, resolved */
  size_t n_words;                       /* ≥ 2, < 2³¹ */
  uint64_t n_tokens;                    /* Σ counts; of one epoch */
  const uint64_t *counts;               /* n_words, descending (a vocabulary that was given: as it came) */
  size_t stride; /* floats from row to row: dim rounded up to 16 (rows 64-byte aligned, the rest zero); exact: dim */
  float *input;  /* n_words × stride, drawn from (−1, 1)/dim by the seed (as gensim draws; exact: as the program) */
  float *output; /* n_words × stride, zero; NULL without negative sampling */
  float *nodes;  /* (n_words − 1) × stride, zero; NULL without hierarchical softmax */
  loci__huffman code; /* when options->hierarchical */
  bool probed;        /* the tenth is behind */
  void *end;          /* see loci__word2vec_end */
  size_t end_size;
} loci__word2vec;

/* ---- what a mode calls (word2vec.c) ---- */

/* Matrices and state from the checkpoint when there is one and the run resumes; else *there is false and all is as it
 * was. USAGE and FORMAT as loci__checkpoint_load. */
loci_status loci__word2vec_load(loci__word2vec *run, void *state, size_t size, bool *there, loci_error *error);

/* Between steps, as often as is cheap (each 10 ms of work, say). `done`: tokens of all epochs trained on, of
 * epochs × n_tokens; `loss`: a mean per trained pair over the last while, NAN when not known. Saves matrices and state
 * when a checkpoint is due; CANCELLED, with a checkpoint saved, when the caller wants to stop. */
loci_status loci__word2vec_tick(loci__word2vec *run, uint64_t done, double loss, const void *state, size_t size,
                                loci_error *error);

/* When all epochs are trained on: the state from which a resumed run would have nothing left to train (copied). Should
 * the vectors not be written then (a full disk, an interruption), a checkpoint with it is saved, so that nothing is lost. */
loci_status loci__word2vec_end(loci__word2vec *run, const void *state, size_t size, loci_error *error);

/* ---- the modes: train all epochs ---- */

/* LOCI_MODE_DEFAULT and LOCI_MODE_FAST, by options->mode (word2vec_engine.c). */
loci_status loci__word2vec_run(loci__word2vec *run, loci_error *error);
/* What that needs beyond the matrices, for the memory estimate. `threads`: of the context's pool. */
void loci__word2vec_run_bytes(const loci_word2vec_options *options, size_t threads, size_t *per_word, size_t *fixed);

/* LOCI_MODE_EXACT (word2vec_exact.c). It draws the first rows itself. */
loci_status loci__word2vec_exact(loci__word2vec *run, loci_error *error);

#endif
