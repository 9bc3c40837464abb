/* word2vec's default and fast mode through the public call: the default one gives the same bytes at 1, 2, 3 and 7 threads
 * and after being stopped and resumed at several places, for each instruction set; both learn the topics of a made-up
 * corpus, by every architecture and loss. What is drawn for a stretch is checked place by place.
 */
#include "support.h"

#include "train/word2vec_engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "loci/train.h"
#include "loci/vectors.h"

enum { TOPICS = 12, WORDS = 8 };

/* Sanitizers make everything many times slower: less of it then, but all paths. */
static bool slowly(void) {
  return getenv("LOCI_SANITIZER") != NULL;
}

/* Lines of words of one topic each, with words of no topic between them. */
static const char *write_corpus(const char *folder, size_t n_lines) {
  static char path[256];
  snprintf(path, sizeof path, "%s/corpus.txt", folder);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  loci__random random;
  loci__random_init(&random, 5);
  for (size_t line = 0; line < n_lines; line++) {
    unsigned topic = (unsigned)loci__random_below(&random, TOPICS);
    for (size_t i = 0, n = 3 + loci__random_below(&random, 20); i < n; i++) {
      if (loci__random_below(&random, 3) == 0) {
        fprintf(file, "the%u ", (unsigned)(loci__random_below(&random, 2) * loci__random_below(&random, 8)));
      } else {
        fprintf(file, "t%uw%u ", topic, (unsigned)loci__random_below(&random, WORDS));
      }
    }
    fprintf(file, "\n");
  }
  assert_int_equal(fclose(file), 0);
  return path;
}

static loci_word2vec_options options_of(loci_mode mode, loci_arch arch, size_t negative, int hierarchical) {
  loci_word2vec_options options;
  loci_word2vec_options_init(&options);
  options.common.corpus.split = LOCI_SPLIT_SPACE;
  options.mode = mode;
  options.arch = arch;
  options.negative = negative;
  options.hierarchical = hierarchical;
  options.dim = 20;
  options.epochs = 3;
  options.sample = 1e-2;
  options.alpha = 0.05;
  return options;
}

static void train(loci_context *context, const char *corpus, const loci_word2vec_options *options, const char *output) {
  loci_error error;
  assert_ok(loci_train_word2vec(context, corpus, options, output, &error), &error);
}

static bool same_files(const char *a, const char *b) {
  size_t n, m;
  char *x = test_read(a, &n), *y = test_read(b, &m);
  bool same = n == m && memcmp(x, y, n) == 0;
  free(x), free(y);
  return same;
}

/* ---- the same bits ---- */

static const struct {
  const char *name;
  loci_arch arch;
  size_t negative;
  int hierarchical;
} kinds[] = {{"skip-gram, negative", LOCI_ARCH_SKIPGRAM, 5, 0},
             {"cbow, negative", LOCI_ARCH_CBOW, 5, 0},
             {"skip-gram, hierarchical", LOCI_ARCH_SKIPGRAM, 0, 1},
             {"cbow, hierarchical", LOCI_ARCH_CBOW, 0, 1},
             {"skip-gram, both", LOCI_ARCH_SKIPGRAM, 3, 1}};

static void test_threads(void **state) {
  (void)state;
  const char *folder = test_folder(), *corpus = write_corpus(folder, slowly() ? 200 : 800);
  static const int threads[] = {1, 2, 3, 7};
  char first[256], other[256];
  snprintf(first, sizeof first, "%s/first.bin", folder);
  snprintf(other, sizeof other, "%s/other.bin", folder);
  for (size_t isa = 0; loci__kernels_name(isa); isa++) {
    if (loci__kernels_named(loci__kernels_name(isa)) == NULL) continue;
    for (size_t kind = 0; kind < LOCI__COUNT(kinds); kind++) {
      loci_word2vec_options options =
          options_of(LOCI_MODE_DEFAULT, kinds[kind].arch, kinds[kind].negative, kinds[kind].hierarchical);
      for (size_t t = 0; t < LOCI__COUNT(threads); t++) {
        loci_context *context = test_context_new(threads[t], loci__kernels_name(isa));
        train(context, corpus, &options, t == 0 ? first : other);
        test_context_free(context);
        if (t > 0 && !same_files(first, other)) {
          fail_msg("%s, %s: %d threads gave other bits than 1", loci__kernels_name(isa), kinds[kind].name, threads[t]);
        }
      }
      options.common.seed++;
      loci_context *context = test_context_new(2, loci__kernels_name(isa));
      train(context, corpus, &options, other);
      test_context_free(context);
      assert_false(same_files(first, other));
    }
  }
}

/* Says stop when it has been told so many times that training goes on. */
typedef struct stopper {
  size_t left;
} stopper;

static int stop(void *user, const loci_progress *progress) {
  stopper *s = user;
  if (strcmp(progress->stage, "training") != 0) return 0;
  if (s->left == 0) return 1;
  s->left--;
  return 0;
}

static void test_resume(void **state) {
  (void)state;
  const char *folder = test_folder(), *corpus = write_corpus(folder, slowly() ? 500 : 1500);
  char whole[256], parts[256];
  snprintf(whole, sizeof whole, "%s/whole.bin", folder);
  snprintf(parts, sizeof parts, "%s/parts.bin", folder);
  for (size_t isa = 0; loci__kernels_name(isa); isa++) {
    if (loci__kernels_named(loci__kernels_name(isa)) == NULL) continue;
    for (size_t kind = 0; kind < LOCI__COUNT(kinds); kind += 2) {
      loci_word2vec_options options =
          options_of(LOCI_MODE_DEFAULT, kinds[kind].arch, kinds[kind].negative, kinds[kind].hierarchical);
      /* Progress is told every 0.1 s: long enough to be stopped. */
      options.epochs = isa == 0 || slowly() ? 5 : 40;
      loci_context *context = test_context_new(2, loci__kernels_name(isa));
      train(context, corpus, &options, whole);
      test_context_free(context);
      options.common.resume = 1;
      options.common.progress = stop;
      size_t stops = 0;
      for (loci_status status = LOCI_ERROR_CANCELLED; status != LOCI_OK;) {
        stopper s = {stops % 3};
        options.common.progress_user = &s;
        if (stops == 6) options.common.progress = NULL;
        context = test_context_new(stops % 2 ? 3 : 1, loci__kernels_name(isa));
        loci_error error;
        status = loci_train_word2vec(context, corpus, &options, parts, &error);
        test_context_free(context);
        if (status != LOCI_OK && status != LOCI_ERROR_CANCELLED) fail_msg("%s", error.message);
        stops += status != LOCI_OK;
      }
      assert_true(stops > 0);
      if (!same_files(whole, parts)) {
        fail_msg("%s, %s: other bits after %zu stops", loci__kernels_name(isa), kinds[kind].name, stops);
      }
    }
  }
}

/* ---- learning ---- */

static double cosine(const float *a, const float *b, size_t n) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < n; i++) {
    ab += (double)a[i] * (double)b[i], aa += (double)a[i] * (double)a[i], bb += (double)b[i] * (double)b[i];
  }
  return ab / sqrt(aa * bb);
}

static void test_learns(void **state) {
  (void)state;
  const char *folder = test_folder(), *corpus = write_corpus(folder, 3000);
  char output[256];
  snprintf(output, sizeof output, "%s/out.bin", folder);
  for (int mode = 0; mode < 2; mode++) {
    for (size_t kind = 0; kind < LOCI__COUNT(kinds); kind++) {
      loci_word2vec_options options = options_of(mode ? LOCI_MODE_FAST : LOCI_MODE_DEFAULT, kinds[kind].arch,
                                                 kinds[kind].negative, kinds[kind].hierarchical);
      options.epochs = 10;
      loci_context *context = test_context_new(2, NULL);
      train(context, corpus, &options, output);
      loci_vectors *vectors;
      loci_error error;
      assert_ok(loci_vectors_open(context, output, NULL, &vectors, &error), &error);
      double inside = 0, outside = 0;
      size_t n_inside = 0, n_outside = 0;
      for (unsigned a = 0; a < TOPICS * WORDS; a++) {
        for (unsigned b = 0; b < a; b++) {
          char x[32], y[32];
          size_t n = (size_t)snprintf(x, sizeof x, "t%uw%u", a / WORDS, a % WORDS);
          size_t m = (size_t)snprintf(y, sizeof y, "t%uw%u", b / WORDS, b % WORDS);
          int64_t i = loci_vectors_find(vectors, x, n), j = loci_vectors_find(vectors, y, m);
          assert_true(i >= 0 && j >= 0);
          double c = cosine(loci_vectors_row(vectors, (size_t)i), loci_vectors_row(vectors, (size_t)j), options.dim);
          assert_true(isfinite(c));
          if (a / WORDS == b / WORDS) {
            inside += c, n_inside++;
          } else {
            outside += c, n_outside++;
          }
        }
      }
      inside /= (double)n_inside, outside /= (double)n_outside;
      loci_vectors_close(vectors);
      test_context_free(context);
      if (inside < outside + 0.4) {
        fail_msg("%s mode, %s: cosine %.3f within topics, %.3f between them", mode ? "fast" : "default",
                 kinds[kind].name, inside, outside);
      }
    }
  }
}

/* ---- what is drawn ---- */

/* A stream of n places and its counts; an engine over it. */
typedef struct drawn {
  int32_t *ids;
  uint64_t *counts;
  loci_word2vec_options options;
  loci__trainer trainer;
  loci__word2vec run;
  loci__engine engine;
  loci__stretch plan;
} drawn;

static void drawn_init(drawn *d, loci_context *context, size_t n_words, size_t n, size_t reach) {
  *d = (drawn){.options = options_of(LOCI_MODE_DEFAULT, LOCI_ARCH_SKIPGRAM, 5, 0)};
  d->ids = loci__alloc_array(context, n, sizeof *d->ids);
  d->counts = loci__alloc_zero(context, n_words, sizeof *d->counts);
  loci__random random;
  loci__random_init(&random, 9);
  for (size_t i = 0; i < n; i++) {
    size_t word = (size_t)loci__random_below(&random, 1 + loci__random_below(&random, n_words));
    d->ids[i] = loci__random_below(&random, 15) == 0 ? LOCI__LINE_END : (int32_t)word;
    if (d->ids[i] >= 0) d->counts[word]++, d->run.n_tokens++;
  }
  d->trainer.stream = (loci__stream){.ids = d->ids, .n = n};
  d->run.context = context;
  d->run.trainer = &d->trainer;
  d->run.options = &d->options;
  d->run.n_words = n_words;
  d->run.counts = d->counts;
  d->run.stride = 32;
  loci_error error;
  assert_ok(loci__engine_init(&d->engine, &d->run, reach, &error), &error);
  assert_ok(loci__stretch_init(&d->plan, &d->engine, &error), &error);
}

static void drawn_release(drawn *d) {
  loci__stretch_release(&d->plan, d->run.context);
  loci__engine_release(&d->engine);
  loci__free(d->run.context, d->ids);
  loci__free(d->run.context, d->counts);
}

/* Appends the plan's own words, and for each step centre and number of context words; the windows must fit. */
static void check_plan(const drawn *d, const loci__stretch *plan, size_t *widths) {
  size_t n_words = d->run.n_words;
  for (size_t i = 0; i < plan->n_steps; i++) {
    const loci__stretch_step *step = &plan->steps[i];
    const int32_t *words = plan->words + step->first;
    size_t n = (size_t)step->n_left + step->n_right;
    assert_true(n > 0 && step->n_left <= d->engine.window && step->n_right <= d->engine.window);
    assert_true(step->first + n + 1 <= plan->n_words);
    for (size_t j = 0; j <= n; j++) assert_true(words[j] >= 0); /* no line is crossed */
    size_t width = step->n_left > step->n_right ? step->n_left : step->n_right;
    widths[width]++;
    const uint32_t *outputs = plan->outputs + step->outputs;
    assert_int_equal(outputs[0], n_words + (size_t)words[step->n_left]);
    for (size_t j = 0; j < step->n_outputs; j++) {
      assert_true(outputs[j] >= n_words && outputs[j] < 2 * n_words);
      assert_true(plan->labels[step->outputs + j] == (j == 0 ? 1.0f : 0.0f));
      for (size_t k = 0; k < j; k++) assert_true(outputs[j] != outputs[k]);
    }
  }
}

/* The words that stay do not depend on how the stream is cut, nor do the words a window may reach. */
static void test_plan(void **state) {
  (void)state;
  enum { N = 40000, V = 50 };
  loci_context *context = test_context_new(1, NULL);
  drawn whole, cut;
  drawn_init(&whole, context, V, N, N);
  drawn_init(&cut, context, V, N, 97);
  size_t widths[64] = {0}, n = 0, kept[V] = {0}, noise[V] = {0};
  loci__stretch_draw(&whole.plan, &whole.engine, 1, 0);
  check_plan(&whole, &whole.plan, widths);
  for (size_t from = 0; from < N; from += 97) {
    loci__stretch_draw(&cut.plan, &cut.engine, 1, from);
    check_plan(&cut, &cut.plan, widths);
    /* where this stretch's first step lies in the whole */
    for (size_t i = 0; i < cut.plan.n_steps; i++) {
      const loci__stretch_step *step = &cut.plan.steps[i], *same = &whole.plan.steps[n++];
      assert_true(n <= whole.plan.n_steps);
      const int32_t *words = cut.plan.words + step->first + step->n_left;
      const int32_t *all = whole.plan.words + same->first + same->n_left;
      size_t left = step->n_left < same->n_left ? step->n_left : same->n_left;
      size_t right = step->n_right < same->n_right ? step->n_right : same->n_right;
      assert_memory_equal(words - left, all - left, (left + right + 1) * sizeof *words);
    }
  }
  assert_int_equal(n, whole.plan.n_steps);
  /* subsampling: the share of each word that stays */
  for (size_t i = 0; i < whole.plan.n_words; i++) {
    if (whole.plan.words[i] >= 0) kept[whole.plan.words[i]]++;
  }
  double threshold = whole.options.sample * (double)whole.run.n_tokens;
  for (size_t w = 0; w < V; w++) {
    double count = (double)whole.counts[w], share = (sqrt(count / threshold) + 1) * threshold / count;
    if (share > 1) share = 1;
    double sigma = sqrt(count * share * (1 - share));
    assert_true(fabs((double)kept[w] - count * share) <= 4.5 * sigma + 1e-9);
  }
  /* noise: its shares are those of count^.75, but that a step has a word once and its centre never */
  size_t n_noise = 0;
  for (size_t i = 0; i < whole.plan.n_outputs; i++) {
    if (whole.plan.labels[i] == 0) noise[whole.plan.outputs[i] - V]++, n_noise++;
  }
  double sum = 0;
  for (size_t w = 0; w < V; w++) sum += pow((double)whole.counts[w], 0.75);
  for (size_t w = 0; w < V; w++) {
    double share = pow((double)whole.counts[w], 0.75) / sum;
    assert_true(fabs((double)noise[w] / (double)n_noise - share) <= 0.2 * share + 0.002);
  }
  /* another epoch draws otherwise */
  size_t steps = whole.plan.n_steps;
  loci__stretch_draw(&whole.plan, &whole.engine, 2, 0);
  assert_true(whole.plan.n_steps != steps || whole.plan.outputs[1] != cut.plan.outputs[1]);
  drawn_release(&whole);
  drawn_release(&cut);
  test_context_free(context);
}

static void test_alias(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci__alias alias;
  loci__random random;
  loci__random_init(&random, 3);
  static const double weights[] = {5, 0, 1, 10, 0.25, 3, 0, 7};
  enum { N = LOCI__COUNT(weights), DRAWS = 400000 };
  assert_ok(loci__alias_build(context, weights, N, &alias, &error), &error);
  size_t counts[N] = {0};
  for (size_t i = 0; i < DRAWS; i++) counts[loci__alias_draw(&alias, loci__random_next(&random))]++;
  for (size_t i = 0; i < N; i++) {
    double share = weights[i] / 26.25, sigma = sqrt(share * (1 - share) / DRAWS);
    assert_true(fabs((double)counts[i] / DRAWS - share) <= 4.5 * sigma);
  }
  loci__alias_release(&alias);
  assert_ok(loci__alias_build(context, (const double[]){0, 0, 0}, 3, &alias, &error), &error);
  memset(counts, 0, sizeof counts);
  for (size_t i = 0; i < 30000; i++) counts[loci__alias_draw(&alias, loci__random_next(&random))]++;
  for (size_t i = 0; i < 3; i++) assert_in_range(counts[i], 9500, 10500);
  loci__alias_release(&alias);
  assert_ok(loci__alias_build(context, (const double[]){2}, 1, &alias, &error), &error);
  assert_int_equal(loci__alias_draw(&alias, UINT64_MAX), 0);
  loci__alias_release(&alias);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_alias), cmocka_unit_test(test_plan),
                                     cmocka_unit_test(test_threads), cmocka_unit_test(test_resume),
                                     cmocka_unit_test(test_learns)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
