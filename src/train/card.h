/* train/card.h: the model card that stands beside what a trainer wrote. */
#ifndef LOCI_TRAIN_CARD_H
#define LOCI_TRAIN_CARD_H

#include "trainer.h"

/* Front matter in YAML (what a program asks), then text (what a person should know). `more`: further lines of the front
 * matter, or NULL. */
void loci__card_write(const loci__trainer *trainer, size_t dim, const char *more, loci__buffer *out);

/* Runs the association tests that loci brings along on what was made, for the card that is written next. */
loci_status loci__card_measure_bias(loci__trainer *trainer, const loci__vectors_out *made, loci_error *error);

/* A YAML scalar in double quotes, whatever bytes it has. */
void loci__card_quote(loci__buffer *out, const char *text);

#endif
