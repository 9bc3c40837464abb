/* train/distil.h: what a distillation holds between its phases (distil.c), and its model card (distil_card.c). */
#ifndef LOCI_TRAIN_DISTIL_H
#define LOCI_TRAIN_DISTIL_H

#include "../base/file.h"
#include "../base/json.h"
#include "train.h"

typedef struct loci__distillation {
  loci_context *context;
  loci_distil_options options;
  loci__meter meter;
  loci_model *teacher;
  size_t n_tokens, hidden, dim;
  loci__mapping corpus;
  uint64_t counted; /* pieces behind the probabilities; 0 = by rank */

  loci_text *texts; /* views into the corpus */
  size_t n_texts;
  size_t *starts; /* their pieces */
  int32_t *tokens;
  loci__bags bags;

  float *token_outputs;   /* n_tokens × hidden */
  float *teacher_vectors; /* n_texts × hidden; gone once the targets are made */
  float *space;           /* dim × hidden, orthonormal rows */
  double *probability;    /* of each piece */
  float *rows;            /* n_tokens × dim: the student */
  float *targets;         /* n_texts × dim */
} loci__distillation;

/* README.md: how it was made, from what, with which settings, and what it cannot do. */
void loci__distil_card(const loci__distillation *d, loci__buffer *out);

#endif
