/* train/sample.h: texts and counts of a corpus (sample.c). */
#ifndef LOCI_TRAIN_SAMPLE_H
#define LOCI_TRAIN_SAMPLE_H

#include "loci/model.h"
#include "train.h"

/* At most `wanted` texts, views into the corpus; *texts by loci__free. FORMAT when it has none. */
loci_status loci__sample_texts(loci_context *context, const loci__mapping *corpus, size_t wanted, uint64_t seed,
                               loci__meter *meter, loci_text **texts, size_t *n, loci_error *error);

/* Adds the pieces of (a share of) the corpus to counts[id]. */
loci_status loci__sample_counts(const loci__mapping *corpus, const loci_tokenizer *tokenizer, loci__meter *meter,
                                uint64_t *counts, loci_error *error);

#endif
