/* train/classify.h: text classification by linear models over rows of words (Joulin, Grave, Bojanowski and Mikolov 2017),
 * between its parts.
 *
 *   classify.c       loci_train_classify: dictionary, matrices, the run, checkpoints, the file
 *   classify_loss.c  a text's hidden vector against its label, by each loss; the labels' scores
 *   classifier.c     an opened model: loci_classifier_*, loci_classify, loci_eval_classify
 *   lines.[ch]       a line of text as rows and labels
 *
 * A text's hidden vector is the mean of its rows; one of the losses compares it with an output row a label (an inner node
 * of the labels' Huffman tree for hierarchical softmax).
 */
#ifndef LOCI_TRAIN_CLASSIFY_H
#define LOCI_TRAIN_CLASSIFY_H

#include "../kernel/kernel.h"
#include "alias.h"
#include "huffman.h"
#include "lines.h"
#include "lockstep.h"
#include "trainer.h"

/* ---- classify_loss.c ---- */

/* What a loss needs besides the matrices. Immutable; `scores` and the like are the caller's. */
typedef struct loci__labels {
  loci_context *context;
  const loci__kernels *kernels;
  int loss;         /* LOCI__FASTTEXT_… */
  size_t n, stride; /* labels; floats from output row to output row */
  size_t dim;       /* floats of a row that count (padding may be included) */
  size_t negative;
  uint32_t *all;          /* 0 … n − 1 */
  loci__huffman code;     /* hierarchical */
  int32_t (*children)[2]; /* of inner node i: an inner node, or −1 − label */
  loci__alias noise;      /* negative sampling */
} loci__labels;

/* counts: of labels, in the file's order. */
loci_status loci__labels_init(loci__labels *labels, loci_context *context, int loss, size_t n, size_t dim,
                              size_t stride, size_t negative, const int64_t *counts, loci_error *error);
void loci__labels_release(loci__labels *labels);

/* One step on a text: `target` among its labels (one-vs-all: all of `own`, n_own of them). Moves output, sets gradient (of
 * the hidden vector, times rate); answers the loss. scratch: 2 × n floats. */
double loci__labels_teach(const loci__labels *labels, float *output, const float *hidden, const uint32_t *own,
                          size_t n_own, uint32_t target, float rate, loci__random *random, float *scratch,
                          float *gradient);

/* The k best labels, best first, with the reference's probabilities; answers how many. scratch: 4·(n + 1) floats. */
size_t loci__labels_best(const loci__labels *labels, const float *output, const float *hidden, size_t k, uint32_t *best,
                         float *probabilities, float *scratch);

#endif
