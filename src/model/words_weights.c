/* model/words_weights.c: smooth inverse frequency, a weight a word.
 *
 * Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", equation 3 and algorithm 1:
 * a word of probability p counts a / (a + p), a = 1e-3 (their figure 2: anything from 1e-4 to 1e-3 does). Their second
 * step takes the first singular vector of a set of texts' vectors out of each: that is a property of the set, so one
 * text's vector would depend on its neighbours, and it is no part of a model here.
 *
 * p is count / Σ counts, from the file's own counts, else from a file of counts, else by Zipf's law over the ranks
 * (p = 1 / (r · H_n), H_n = Σ 1/r), since files of vectors are ordered by frequency.
 */
#include "words.h"

static const double A = 1e-3;

loci_status loci__words_weights_of(loci_context *context, const uint64_t *counts, size_t n, float **out,
                                   loci_error *error) {
  *out = NULL;
  double total = 0.0;
  for (size_t i = 0; i < n; i++) total += counts != NULL ? (double)counts[i] : 1.0 / (double)(i + 1);
  if (!(total > 0.0))
    return loci__fail(error, LOCI_ERROR_FORMAT, "no word has a count, so there are no weights for \"#sif\"");
  float *weights = loci__alloc_array(context, n, sizeof *weights);
  if (weights == NULL) return loci__fail_memory(error, n * sizeof *weights, "the words' weights");
  for (size_t i = 0; i < n; i++) {
    const double p = (counts != NULL ? (double)counts[i] : 1.0 / (double)(i + 1)) / total;
    weights[i] = (float)(A / (A + p));
  }
  *out = weights;
  return LOCI_OK;
}

loci_status loci__words_counts(loci_context *context, const loci_vectors *vectors, const char *path, uint64_t *counts,
                               loci_error *error) {
  loci_vocabulary *vocabulary = NULL;
  LOCI__TRY(loci_vocabulary_read(context, path, &vocabulary, error));
  size_t n_found = 0;
  for (size_t i = 0; i < vectors->n; i++) {
    size_t length = 0;
    const char *word = loci_vectors_word(vectors, i, &length);
    const int32_t at = loci_vocabulary_find(vocabulary, word, length);
    counts[i] = 0;
    if (at >= 0) loci_vocabulary_word(vocabulary, (size_t)at, &counts[i]);
    n_found += at >= 0;
  }
  loci_vocabulary_free(vocabulary);
  if (n_found > 0) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_FORMAT, "'%s' has none of the words of '%s': remove or replace it", path,
                    vectors->path);
}

loci_status loci__words_weights(loci_context *context, const loci_vectors *vectors, const char *counts_path,
                                float **out, loci_error *error) {
  *out = NULL;
  if (vectors->counts != NULL || counts_path == NULL) {
    if (vectors->counts == NULL)
      loci__log(context, LOCI_LOG_INFO, "'%s' has no counts: weights by Zipf's law over the order of its words",
                vectors->path);
    return loci__words_weights_of(context, vectors->counts, vectors->n, out, error);
  }
  uint64_t *counts = loci__alloc_array(context, vectors->n, sizeof *counts);
  if (counts == NULL) return loci__fail_memory(error, vectors->n * sizeof *counts, "the words' counts");
  loci_status status = loci__words_counts(context, vectors, counts_path, counts, error);
  if (status == LOCI_OK) status = loci__words_weights_of(context, counts, vectors->n, out, error);
  loci__free(context, counts);
  return status;
}
