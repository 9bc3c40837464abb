/* loci_embed with real weights: all-MiniLM-L6-v2 from text to vector, at 512 tokens, against what sentence-transformers
 * gives (tests/golden/make_minilm_vectors.py); and the same bits in any company. Skips without the model. */
#include "support.h"

#include "loci/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Instrumented builds look for other faults and take an eighth of the texts. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW 1
#endif
#endif
#ifdef SLOW
enum { N_USED = 256 };
#else
enum { N_USED = 2048 };
#endif
enum { DIM = 384, N_TEXTS = 2048, N_WHOLE = 96, N_DIMS = 24 }; /* as in the golden script */

static loci_error error;
static char *vocabulary;
static const char *words[40000];
static size_t n_words;
static loci_text texts[N_TEXTS];
static uint32_t lengths[N_TEXTS];
static uint64_t seeds[N_TEXTS]; /* of the numbers behind a text's words: the dimensions that are stored */
static loci_model *model1, *model2;
static loci_context *context1, *context2;

/* splitmix64 */
static uint64_t below(uint64_t *s, uint64_t n) {
  *s += 0x9E3779B97F4A7C15u;
  uint64_t x = *s;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return (x ^ (x >> 31)) % n;
}

static size_t n_tokens(size_t i, uint64_t *s) {
  if (i == 1) return 512;
  if (i == 2) return 2;
  const size_t kind = i % 64;
  if (kind < 54) return 3 + below(s, 30);
  if (kind < 61) return 33 + below(s, 96);
  if (kind < 63) return 129 + below(s, 128);
  return 257 + below(s, 256);
}

static void make_texts(const char *folder) {
  char path[4200];
  snprintf(path, sizeof path, "%s/vocab.txt", folder);
  size_t size;
  vocabulary = test_read(path, &size);
  for (char *line = strtok(vocabulary, "\n"); line != NULL; line = strtok(NULL, "\n"))
    if (strlen(line) >= 2 && strspn(line, "abcdefghijklmnopqrstuvwxyz") == strlen(line)) words[n_words++] = line;
  for (size_t i = 0; i < N_TEXTS; i++) {
    uint64_t s = 1000 + i;
    lengths[i] = (uint32_t)n_tokens(i, &s);
    char *text = malloc(512 * 20 + 1), *at = text;
    *at = '\0';
    for (size_t t = 2; t < lengths[i]; t++) at += sprintf(at, "%s%s", t > 2 ? " " : "", words[below(&s, n_words)]);
    texts[i] = (loci_text){text, (size_t)(at - text)};
    seeds[i] = s;
  }
}

static int set_up(void **state) {
  (void)state;
  const char *folder = test_model("minilm");
  if (folder == NULL) return 0;
  make_texts(folder);
  context1 = test_context_new(1, NULL);
  context2 = test_context_new(2, NULL);
  assert_ok(loci_model_open(context1, folder, &model1, &error), &error);
  assert_ok(loci_model_open(context2, folder, &model2, &error), &error);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  loci_model_close(model1);
  loci_model_close(model2);
  if (context1 != NULL) loci_context_free(context1);
  if (context2 != NULL) test_context_free(context2);
  for (size_t i = 0; i < N_TEXTS; i++) free((char *)(uintptr_t)texts[i].data);
  free(vocabulary);
  return 0;
}

static loci_embed_options long_texts(void) {
  loci_embed_options options;
  loci_embed_options_init(&options);
  options.max_tokens = 512; /* beyond the model's own 256 */
  options.on_long = LOCI_ON_LONG_ERROR;
  return options;
}

static void test_vectors(void **state) {
  (void)state;
  if (model2 == NULL) skip();
  size_t size;
  char *golden = test_read(LOCI_SOURCE_DIR "/tests/golden/minilm/vectors.f32", &size);
  assert_int_equal(size, (N_WHOLE * DIM + N_TEXTS * N_DIMS) * sizeof(float));
  const float *whole = (const float *)(const void *)golden, *some = whole + N_WHOLE * DIM;
  float *vectors = malloc(sizeof(float) * DIM * N_TEXTS);
  loci_embed_info *infos = malloc(sizeof *infos * N_TEXTS);
  const loci_embed_options options = long_texts();
  assert_ok(loci_embed(model2, texts, N_USED, &options, vectors, infos, &error), &error);
  double worst = 0;
  size_t compared = 0;
  for (size_t i = 0; i < N_USED; i++) {
    assert_int_equal(infos[i].n_tokens, lengths[i]);
    assert_int_equal(infos[i].truncated, 0);
    uint64_t s = seeds[i];
    for (size_t d = 0; d < N_DIMS + (i < N_WHOLE ? DIM : 0u); d++) {
      const size_t at = d < N_DIMS ? below(&s, DIM) : d - N_DIMS;
      const double want = (double)(d < N_DIMS ? some[i * N_DIMS + d] : whole[i * DIM + at]);
      const double difference = fabs((double)vectors[i * DIM + at] - want);
      if (!(difference <= worst)) worst = difference;
      compared++;
    }
  }
  print_message("%d texts, %zu numbers, largest difference from sentence-transformers %.3g\n", N_USED, compared, worst);
  assert_true(worst <= 2e-6);
  free(golden), free(vectors), free(infos);
}

/* Without the option the model's own limit holds, and it is told. */
static void test_truncation(void **state) {
  (void)state;
  if (model1 == NULL) skip();
  float cut[DIM], same[DIM];
  loci_embed_info info;
  assert_ok(loci_embed(model1, texts + 1, 1, NULL, cut, &info, &error), &error);
  assert_int_equal(info.n_tokens, 256);
  assert_int_equal(info.n_tokens_whole, 512);
  assert_int_equal(info.truncated, 1);
  /* what is left is the text's first 254 words */
  const char *end = texts[1].data;
  for (int n = 0; n < 254; n++) end = strchr(end, ' ') + 1;
  const loci_text first = {texts[1].data, (size_t)(end - 1 - texts[1].data)};
  assert_ok(loci_embed(model1, &first, 1, NULL, same, &info, &error), &error);
  assert_int_equal(info.n_tokens, 256);
  assert_int_equal(info.truncated, 0);
  assert_memory_equal(cut, same, sizeof cut);
}

static void test_bits(void **state) {
  (void)state;
  if (model1 == NULL) skip();
  enum { N = N_USED < 2048 ? 16 : 130 };
  static const size_t batches[] = {2, 3, 7, 64, N};
  float *alone = malloc(sizeof(float) * DIM * N), *together = malloc(sizeof(float) * DIM * N);
  const loci_embed_options options = long_texts();
  for (size_t i = 0; i < N; i++)
    assert_ok(loci_embed(model1, texts + i, 1, &options, alone + i * DIM, NULL, &error), &error);
  for (size_t b = 0; b < LOCI__COUNT(batches); b++) {
    const loci_model *model = b % 2 == 0 ? model2 : model1;
    for (size_t i = 0; i < N; i += batches[b]) {
      const size_t n = N - i < batches[b] ? N - i : batches[b];
      assert_ok(loci_embed(model, texts + i, n, &options, together + i * DIM, NULL, &error), &error);
    }
    assert_memory_equal(alone, together, sizeof(float) * DIM * N);
  }
  /* turned round, so that every text has another place and other company */
  static loci_text turned[N];
  for (size_t i = 0; i < N; i++) turned[i] = texts[N - 1 - i];
  assert_ok(loci_embed(model2, turned, N, &options, together, NULL, &error), &error);
  for (size_t i = 0; i < N; i++)
    assert_memory_equal(alone + i * DIM, together + (N - 1 - i) * DIM, sizeof(float) * DIM);
  free(alone), free(together);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_vectors),
      cmocka_unit_test(test_truncation),
      cmocka_unit_test(test_bits),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
