/* train/card_bias.c: the part of a model card that says which associations the vectors took over from their corpus.
 *
 * The association tests that loci brings along (loci/bias.h) are run on the words of the lists, whose rows are copied from
 * what the trainer made before it is written. The lists are English: a test of which less than 80 % of the words have a
 * vector is not run, and the card says so. Nothing in it depends on time or threads.
 */
#include "card.h"

#include "loci/bias.h"

enum { SEED = 1 };

static size_t words_of_lists(void) {
  size_t n = 0;
  for (size_t i = 0; i < loci_weat_tests(); i++)
    for (size_t s = 0; s < 4; s++) n += loci_weat_test(i)[s].n;
  return n;
}

static loci_status list_words(loci_context *context, loci_vectors **out, loci_error *error) {
  static const float nothing;
  LOCI__TRY(loci_vectors_new(context, "word lists", words_of_lists(), 1, out, error));
  for (size_t i = 0; i < loci_weat_tests(); i++)
    for (size_t s = 0; s < 4; s++) {
      const loci_weat_set *set = &loci_weat_test(i)[s];
      for (size_t w = 0; w < set->n; w++) {
        const size_t length = strlen(set->words[w]);
        if (loci_vectors_find(*out, set->words[w], length) >= 0) continue;
        LOCI__TRY(loci_vectors_add(*out, set->words[w], length, &nothing, NULL, 0, error));
      }
    }
  return LOCI_OK;
}

static loci_status put_tests(const loci_vectors *vectors, loci__buffer *out, loci_error *error) {
  loci__buffer_puts(
      out,
      "\n## Bias\n\nThe word embedding association test (Caliskan, Bryson and Narayanan 2017) with English "
      "words that loci brings along: d is\nthe effect size (-2 to 2), p the share of partitions of the "
      "targets that show more. `loci bias` measures with other lists.\n\n");
  for (size_t i = 0; i < loci_weat_tests(); i++) {
    const loci_weat_set *sets = loci_weat_test(i);
    loci_weat_report r;
    loci_error why;
    const loci_status status = loci_weat(vectors, sets, SEED, &r, &why);
    if (status != LOCI_OK && status != LOCI_ERROR_LIMIT) {
      if (error) *error = why;
      return status;
    }
    size_t n = 0, seen = 0;
    for (size_t s = 0; s < 4; s++) n += r.n[s], seen += r.n_seen[s];
    loci__buffer_printf(out, "- %s, %s with %s, %s: ", sets[0].name, sets[1].name, sets[2].name, sets[3].name);
    if (status == LOCI_OK)
      loci__buffer_printf(out, "d = %.2f, p = %.2g (%zu of %zu words have a vector)\n", r.effect, r.p, seen, n);
    else loci__buffer_printf(out, "not measured, since only %zu of %zu words have a vector\n", seen, n);
  }
  return LOCI_OK;
}

static loci_status measure(loci__trainer *trainer, const loci__vectors_out *made, const loci_vectors *lists,
                           loci_error *error) {
  loci_context *context = trainer->context;
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(lists, &info);
  loci_vectors *vectors;
  LOCI__TRY(loci_vectors_new(context, "vectors", info.n, made->dim, &vectors, error));
  const size_t stride = made->stride > 0 ? made->stride : made->dim;
  loci_status status = LOCI_OK;
  for (size_t i = 0; status == LOCI_OK && i < made->n; i++)
    if (loci_vectors_find(lists, made->words[i], made->lengths[i]) >= 0 &&
        loci_vectors_find(vectors, made->words[i], made->lengths[i]) < 0)
      status = loci_vectors_add(vectors, made->words[i], made->lengths[i], made->rows + i * stride, NULL, 0, error);
  if (status == LOCI_OK) status = put_tests(vectors, &trainer->bias, error);
  loci_vectors_close(vectors);
  return status;
}

loci_status loci__card_measure_bias(loci__trainer *trainer, const loci__vectors_out *made, loci_error *error) {
  loci_vectors *lists = NULL;
  loci__buffer_clear(&trainer->bias);
  loci_status status = list_words(trainer->context, &lists, error);
  if (status == LOCI_OK) status = measure(trainer, made, lists, error);
  loci_vectors_close(lists);
  LOCI__TRY(status);
  return loci__buffer_status(&trainer->bias, "the model card", error);
}
