/* train/huffman.h: the Huffman code of a vocabulary, for hierarchical softmax (Morin and Bengio 2005; Huffman 1952).
 *
 * The tree is the one of the word2vec program, which fastText builds too: counts lie in descending order, so that the two
 * rarest nodes are found by walking a word pointer down and an inner-node pointer up; a tie takes the inner node. The
 * first taken of a pair is bit 0.
 *
 * Ownership: the code owns its arrays. Threads: immutable once built.
 */
#ifndef LOCI_TRAIN_HUFFMAN_H
#define LOCI_TRAIN_HUFFMAN_H

#include "../base/base.h"

typedef struct loci__huffman {
  loci_context *context;
  size_t n;         /* words; the inner nodes are 0…n−2, the root is n−2 */
  size_t longest;   /* bits of the longest code */
  size_t *begin;    /* n + 1: word i has the bits begin[i] … begin[i+1] − 1, root first */
  uint32_t *points; /* the inner node at which bit k is decided */
  uint8_t *bits;    /* 0 or 1 */
} loci__huffman;

/* n ≥ 2 counts, in descending order but for the first (word2vec keeps </s> there whatever its count); USAGE for fewer
 * than two, LIMIT beyond 2³¹ words. {0} is releasable. */
loci_status loci__huffman_build(loci_context *context, const uint64_t *counts, size_t n, loci__huffman *out,
                                loci_error *error);
void loci__huffman_release(loci__huffman *code);

#endif
