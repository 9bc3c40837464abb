/* test_words_faults.c: every n-th allocation and every n-th file call fails while word vectors are opened as a model (with
 * card and counts), embedded with, measured, written as a folder and opened again. Whatever fails: an error that says so,
 * nothing leaked, and the run without faults gives what it gave before.
 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault_support.h"
#include "loci/eval.h"
#include "loci/model.h"

#define GOLDEN LOCI_SOURCE_DIR "/tests/golden/words_eval/"

static char folder[64], vectors_path[160], sif_path[160], out_path[160];

static const char card[] = "---\nlanguage: en\nsplit: words\nfold: lower\nmax_word: 64\n---\n";

static int set_up(void **state) {
  (void)state;
  char path[200];
  snprintf(folder, sizeof folder, "%s", test_folder());
  snprintf(vectors_path, sizeof vectors_path, "%s/v.vec", folder);
  snprintf(sif_path, sizeof sif_path, "%s/v.vec#sif", folder);
  snprintf(out_path, sizeof out_path, "%s/out", folder);
  fault_copy(GOLDEN "vectors.vec", vectors_path);
  snprintf(path, sizeof path, "%s.card.md", vectors_path);
  test_write(path, card, sizeof card - 1);
  snprintf(path, sizeof path, "%s.vocab", vectors_path);
  test_write(path, "a1 50\nb1 40\na2 10\n", 18);
  return 0;
}

typedef struct outcome {
  float vectors[2][12];
  char fingerprint[33];
  uint64_t n_right;
  double spearman;
} outcome;

static loci_status embed(loci_context *context, const char *name, outcome *out, loci_error *error) {
  static const loci_text texts[2] = {{"A1 and b1, a2!", 14}, {"a2 \xFF b7 a9", 10}};
  loci_model *model = NULL;
  loci_status status = loci_model_open(context, name, &model, error);
  if (status == LOCI_OK) status = loci_embed(model, texts, 2, NULL, out->vectors[0], NULL, error);
  if (status == LOCI_OK) status = loci_model_fingerprint(model, out->fingerprint, error);
  loci_tokens tokens = {0};
  if (status == LOCI_OK)
    status = loci_tokenizer_encode(loci_model_tokenizer(model), texts[1].data, texts[1].length, 1, &tokens, error);
  loci_tokens_release(&tokens);
  loci_model_close(model);
  return status;
}

static loci_status measure(loci_context *context, outcome *out, loci_error *error) {
  loci_vectors *vectors = NULL;
  loci_status status = loci_vectors_open(context, vectors_path, NULL, &vectors, error);
  loci_analogy_score score;
  if (status == LOCI_OK) status = loci_eval_analogy(vectors, GOLDEN "questions.txt", NULL, &score, error);
  if (status == LOCI_OK) {
    out->n_right = score.total.n_right;
    loci_analogy_score_release(&score);
    loci_similarity_score similarity;
    status = loci_eval_similarity(vectors, GOLDEN "ties.csv", &similarity, error);
    out->spearman = similarity.spearman;
  }
  loci_vectors_close(vectors);
  return status;
}

static loci_status convert(loci_context *context, outcome *out, loci_error *error) {
  loci_convert_options options;
  loci_convert_options_init(&options);
  options.precision = LOCI_PRECISION_INT8;
  loci_status status = loci_convert(context, vectors_path, &options, out_path, NULL, error);
  return status == LOCI_OK ? embed(context, out_path, out, error) : status;
}

static loci_status run(int which, loci_context *context, outcome *out, loci_error *error) {
  if (which == 0) return embed(context, sif_path, out, error);
  if (which == 1) return measure(context, out, error);
  char command[256];
  snprintf(command, sizeof command, "rm -rf %s", out_path);
  assert_int_equal(system(command), 0);
  return convert(context, out, error);
}

static void sweep(int which, fault_kind kind, bool sticky, int err) {
  outcome whole = {0};
  loci_error error = {0};
  loci_context *context = fault_context_new(1);
  assert_ok(run(which, context, &whole, &error), &error);
  fault_context_free(context);
  const int64_t living = fault_living();
  for (uint64_t n = 1;; n = fault_next(n, 150)) {
    outcome got = {0};
    context = fault_context_new(1);
    error = (loci_error){0};
    fault_arm(kind, n, sticky, err, NULL);
    const loci_status status = run(which, context, &got, &error);
    const bool fired = fault_disarm();
    if (status != LOCI_OK && error.message[0] == '\0') fail_msg("failure %llu is not explained", (unsigned long long)n);
    if (status == LOCI_OK) assert_memory_equal(&got, &whole, sizeof whole);
    if (!fired) assert_ok(status, &error);
    fault_context_free(context);
    if (fault_living() != living) fail_msg("failure %llu leaks", (unsigned long long)n);
    if (!fired) break;
  }
}

#define SWEEPS(name, which)                        \
  static void test_##name##_memory(void **state) { \
    (void)state;                                   \
    sweep(which, FAULT_MEMORY, false, 0);          \
    sweep(which, FAULT_MEMORY, true, 0);           \
  }                                                \
  static void test_##name##_files(void **state) {  \
    (void)state;                                   \
    sweep(which, FAULT_FILES, false, EIO);         \
    sweep(which, FAULT_FILES, true, EIO);          \
  }

SWEEPS(embed, 0)
SWEEPS(measure, 1)
SWEEPS(convert, 2)

int main(void) {
  fault_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_embed_memory),   cmocka_unit_test(test_embed_files),
      cmocka_unit_test(test_measure_memory), cmocka_unit_test(test_measure_files),
      cmocka_unit_test(test_convert_memory), cmocka_unit_test(test_convert_files),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
