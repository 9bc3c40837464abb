/* test_words_eval.c: analogies and word similarity: gensim's figures on the same files (tests/golden/make_words_eval.py), a
 * brute force over every question, the same result at any number of threads and with any instruction set, layouts of the
 * published sets, and what is refused.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/kernel.h"
#include "loci/eval.h"

#define GOLDEN LOCI_SOURCE_DIR "/tests/golden/words_eval/"

static loci_error error;

static loci_vectors *open_vectors(loci_context *context, const char *path) {
  loci_vectors *vectors = NULL;
  assert_ok(loci_vectors_open(context, path, NULL, &vectors, &error), &error);
  return vectors;
}

static loci_analogy_score analogy(const loci_vectors *vectors, size_t most) {
  loci_analogy_options options;
  loci_analogy_options_init(&options);
  options.most = most;
  loci_analogy_score score;
  assert_ok(loci_eval_analogy(vectors, GOLDEN "questions.txt", &options, &score, &error), &error);
  return score;
}

static const loci_analogy_section *section(const loci_analogy_score *score, const char *name) {
  if (!strcmp(name, "total")) return &score->total;
  for (size_t i = 0; i < score->n_sections; i++)
    if (!strcmp(score->sections[i].name, name)) return &score->sections[i];
  fail_msg("no section '%s'", name);
  return NULL;
}

static void test_golden(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  loci_vectors *vectors = open_vectors(context, GOLDEN "vectors.vec");
  size_t length, n_checked = 0;
  char *text = test_read(GOLDEN "gensim.txt", &length);
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    char name[64];
    unsigned long long most, n, right;
    double missing, spearman;
    if (sscanf(line, "analogy %llu %63s %llu %llu", &most, name, &n, &right) == 4) {
      loci_analogy_score score = analogy(vectors, (size_t)most);
      const loci_analogy_section *s = section(&score, name);
      assert_int_equal(s->n_seen, n);
      assert_int_equal(s->n_right, right);
      loci_analogy_score_release(&score);
      n_checked++;
    } else if (sscanf(line, "similarity %63s %lf %lf", name, &missing, &spearman) == 3) {
      char path[512];
      snprintf(path, sizeof path, "%s%s", GOLDEN, name);
      loci_similarity_score score;
      assert_ok(loci_eval_similarity(vectors, path, &score, &error), &error);
      assert_true(fabs(score.spearman - spearman) < 1e-6);
      assert_true(fabs(100.0 * (double)(score.n_pairs - score.n_seen) / (double)score.n_pairs - missing) < 1e-4);
      n_checked++;
    }
  }
  assert_int_equal(n_checked, 12);
  free(text);
  loci_vectors_close(vectors);
  test_context_free(context);
}

/* Every candidate of every question, in double. */
static void brute(const loci_vectors *v, const size_t four[4], bool *right, bool *right_all) {
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(v, &info);
  double *unit = calloc(info.n * info.dim, sizeof *unit);
  for (size_t i = 0; i < info.n; i++) {
    const float *row = loci_vectors_row(v, i);
    double norm = 0;
    for (size_t d = 0; d < info.dim; d++) norm += (double)row[d] * (double)row[d];
    for (size_t d = 0; d < info.dim; d++) unit[i * info.dim + d] = (double)row[d] / sqrt(norm);
  }
  double best = -INFINITY, best_all = -INFINITY;
  size_t at = 0, at_all = 0;
  for (size_t i = 0; i < info.n; i++) {
    double score = 0;
    for (size_t d = 0; d < info.dim; d++)
      score += unit[i * info.dim + d] *
               (unit[four[1] * info.dim + d] - unit[four[0] * info.dim + d] + unit[four[2] * info.dim + d]);
    if (score > best_all) best_all = score, at_all = i;
    if (score > best && i != four[0] && i != four[1] && i != four[2]) best = score, at = i;
  }
  *right = at == four[3];
  *right_all = at_all == four[3];
  free(unit);
}

static void test_brute_force(void **state) {
  (void)state;
  loci_vectors *vectors = open_vectors(NULL, GOLDEN "vectors.vec");
  size_t length, n = 0, n_right = 0, n_right_all = 0;
  char *text = test_read(GOLDEN "questions.txt", &length);
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    char words[4][32];
    if (line[0] == ':' || sscanf(line, "%31s %31s %31s %31s", words[0], words[1], words[2], words[3]) != 4) continue;
    size_t four[4];
    bool seen = true, right, right_all;
    for (int k = 0; k < 4; k++) {
      for (char *c = words[k]; *c; c++) *c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
      const int64_t i = loci_vectors_find(vectors, words[k], strlen(words[k]));
      seen = seen && i >= 0;
      four[k] = i >= 0 ? (size_t)i : 0;
    }
    if (!seen) continue;
    brute(vectors, four, &right, &right_all);
    n++;
    n_right += right;
    n_right_all += right_all;
  }
  loci_analogy_score score = analogy(vectors, 0);
  assert_int_equal(score.total.n_seen, n);
  assert_int_equal(score.total.n_right, n_right);
  assert_int_equal(score.total.n_right_all, n_right_all);
  assert_true(n_right > n_right_all); /* the offset's own words are nearest: both countings are exercised */
  assert_int_equal(score.semantic.n_right + score.syntactic.n_right, n_right);
  loci_analogy_score_release(&score);
  free(text);
  loci_vectors_close(vectors);
}

/* Several blocks of candidates: 5,000 words, most of them far from every answer, equal ones among them. */
static void test_threads(void **state) {
  (void)state;
  enum { MORE = 5000, DIM = 12 };
  char path[128];
  snprintf(path, sizeof path, "%s/many.vec", test_folder());
  size_t length;
  char *text = test_read(GOLDEN "vectors.vec", &length), *rows = strchr(text, '\n') + 1;
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fprintf(f, "%d %d\n%s", 240 + MORE, DIM, rows);
  loci__random random;
  loci__random_init(&random, 3);
  for (int i = 0; i < MORE; i++) {
    fprintf(f, "c%d", i);
    for (int d = 0; d < DIM; d++) fprintf(f, " %.2f", i % 7 == 0 ? 0.5 : loci__random_normal(&random));
    fprintf(f, "\n");
  }
  fclose(f);
  free(text);
  loci_analogy_score first = {0};
  for (size_t isa = 0; loci__kernels_name(isa) != NULL; isa++)
    for (int threads = 1; threads <= 3; threads++) {
      if (loci__kernels_named(loci__kernels_name(isa)) == NULL) continue;
      loci_context *context = test_context_new(threads, loci__kernels_name(isa));
      loci_vectors *vectors = open_vectors(context, path);
      loci_analogy_score score = analogy(vectors, 0);
      if (first.total.n == 0) first.total = score.total;
      assert_memory_equal(&score.total, &first.total, sizeof first.total);
      loci_analogy_score_release(&score);
      loci_vectors_close(vectors);
      test_context_free(context);
    }
  assert_int_equal(first.total.n_seen, 210);
}

static const char *file(const char *text) {
  static char path[128];
  static const char *folder;
  if (folder == NULL) folder = test_folder();
  snprintf(path, sizeof path, "%s/data", folder);
  test_write(path, text, strlen(text));
  return path;
}

static void expect_similarity(const loci_vectors *v, const char *text, uint64_t n_pairs, uint64_t n_seen, double rho) {
  loci_similarity_score score;
  assert_ok(loci_eval_similarity(v, file(text), &score, &error), &error);
  assert_int_equal(score.n_pairs, n_pairs);
  assert_int_equal(score.n_seen, n_seen);
  if (!(fabs(score.spearman - rho) < 1e-12)) fail_msg("%s: %.17g, not %.17g", text, score.spearman, rho);
}

static void test_layouts(void **state) {
  (void)state;
  char path[128];
  snprintf(path, sizeof path, "%s/v.vec", test_folder());
  /* Cosines with "a": b .8, c .6, d 0 */
  static const char rows[] = "5 2\na 1 0\nb 4 3\nc 3 4\nd 0 1\ne-n 1 1\n";
  test_write(path, rows, sizeof rows - 1);
  loci_vectors *v = open_vectors(NULL, path);
  expect_similarity(v, "a\tb\t9\na\tc\t8\na\td\t1\n", 3, 3, 1);
  expect_similarity(v, "a b 1\r\na c 8\r\na d 9\r\n\r\n", 3, 3, -1);
  expect_similarity(v,
                    "\xEF\xBB\xBF"
                    "a;b;9;x\na;c;1;y\na;d;8;z\n",
                    3, 3, .5);
  expect_similarity(v, "Word 1,Word 2,Human (mean)\nA,b,9\na,C,8\na,d,1\nnone,a,4\n", 4, 3, 1);
  expect_similarity(v, "# comment\na\tb\t9\t1\t2\na\tc\t8\t1\t2\na\td\t1\t1\t2\n", 3, 3, 1);
  expect_similarity(v, "word1\tword2\tPOS\tSimLex999\tconc\na\tb\tN\t9\t1\na\tc\tN\t8\t2\na\td\tN\t1\t3\n", 3, 3, 1);
  expect_similarity(v, "a-n b-v 9\na-n c-j 8\na-n d-n 1\n", 3, 3, 1);
  expect_similarity(v, "a b 5\na c 5\na d 1\n", 3, 3, sqrt(3) / 2); /* a tie has the mean rank */
  loci_similarity_score score;
  assert_int_equal(loci_eval_similarity(v, file("a b 1\na c\n"), &score, &error), LOCI_ERROR_FORMAT);
  assert_int_equal(error.position, 6);
  assert_int_equal(loci_eval_similarity(v, file("a b\n"), &score, &error), LOCI_ERROR_FORMAT);
  assert_int_equal(loci_eval_similarity(v, file(""), &score, &error), LOCI_ERROR_FORMAT);
  assert_int_equal(loci_eval_similarity(v, "/nowhere", &score, &error), LOCI_ERROR_IO);
  loci_analogy_score analogies;
  assert_int_equal(loci_eval_analogy(v, file("a b c\n"), NULL, &analogies, &error), LOCI_ERROR_FORMAT);
  assert_non_null(strstr(error.message, "line 1"));
  assert_int_equal(loci_eval_analogy(v, file(": alone\n"), NULL, &analogies, &error), LOCI_ERROR_FORMAT);
  assert_ok(loci_eval_analogy(v, file("a b c none\n"), NULL, &analogies, &error), &error); /* nothing is seen */
  assert_int_equal(analogies.n_sections, 1);
  assert_int_equal(analogies.total.n, 1);
  assert_int_equal(analogies.total.n_seen, 0);
  loci_analogy_score_release(&analogies);
  loci_vectors_close(v);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden),
      cmocka_unit_test(test_brute_force),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_layouts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
