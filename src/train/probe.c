/* train/probe.c: the rows of a training as a table of vectors, for one look at them. The words and rows are copied: a probe
 * may keep the training waiting, never change it.
 */
#include "trainer.h"

static loci_status fill(loci_vectors *vectors, const loci__trainer *trainer, const float *rows, size_t stride,
                        loci_error *error) {
  loci_context *context = vectors->context;
  vectors->words = loci__alloc_array(context, vectors->n, sizeof *vectors->words);
  vectors->lengths = loci__alloc_array(context, vectors->n, sizeof *vectors->lengths);
  vectors->owned_rows = loci__alloc_aligned(context, vectors->n * vectors->dim * sizeof(float));
  if (!vectors->words || !vectors->lengths || !vectors->owned_rows)
    return loci__fail_memory(error, vectors->n * vectors->dim * sizeof(float), "a look at the vectors");
  vectors->rows = vectors->owned_rows;
  for (size_t i = 0; i < vectors->n; i++) {
    size_t length;
    const char *word = loci__vocabulary_word(trainer->vocabulary, i, &length, NULL);
    vectors->words[i] = loci__arena_strndup(&vectors->text, word, length);
    if (!vectors->words[i]) return loci__fail_memory(error, length, "a word");
    vectors->lengths[i] = (uint32_t)length;
    memcpy(vectors->owned_rows + i * vectors->dim, rows + i * stride, vectors->dim * sizeof(float));
  }
  return loci__vectors_index(vectors, error);
}

loci_status loci__trainer_probe(const loci__trainer *trainer, loci_probe_fn probe, void *user, double share,
                                const float *rows, size_t stride, size_t dim, loci_error *error) {
  loci_context *context = trainer->context;
  loci_vectors *vectors = loci__alloc_zero(context, 1, sizeof *vectors);
  if (vectors == NULL) return loci__fail_memory(error, sizeof *vectors, "a look at the vectors");
  vectors->context = context;
  vectors->n = loci__vocabulary_size(trainer->vocabulary);
  vectors->dim = dim;
  loci__arena_init(&vectors->text, context);
  vectors->path = loci__strdup(context, trainer->output);
  loci_status status = vectors->path ? fill(vectors, trainer, rows, stride, error)
                                     : loci__fail_memory(error, strlen(trainer->output), "a name");
  if (status == LOCI_OK) status = probe(user, share, vectors, error);
  loci_vectors_close(vectors);
  return status;
}
