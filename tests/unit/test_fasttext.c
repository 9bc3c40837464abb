/* Vectors from subwords: the rows of words, threads in step, a batch against the same written plainly in doubles, the same
 * bits at any number of threads and after a stop, files and their vectors of unseen words, bad input.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "loci/vectors.h"
#include "train/subword.h"

/* ---- rows of words ---- */

static void test_rows_of_words(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  static const char *const words[] = {"the", "cat", "cats", "größe", "a"};
  static const uint32_t lengths[] = {3, 3, 4, 7, 1};
  static const uint64_t counts[] = {50, 20, 10, 5, 5};
  loci_vocabulary *v;
  loci__subwords s;
  assert_ok(loci__vocabulary_of(context, words, lengths, counts, 5, &v, &error), &error);
  assert_ok(loci__subwords_make(context, v, 3, 6, 1000, &s, &error), &error);
  assert_int_equal(s.n_words, 5);
  size_t most = 0;
  for (size_t w = 0; w < 5; w++) {
    int32_t buckets[64];
    size_t n = loci__fasttext_ngrams(words[w], lengths[w], 3, 6, 1000, buckets, 64);
    assert_int_equal(s.starts[w + 1] - s.starts[w], n + 1);
    assert_int_equal(s.rows[s.starts[w]], w);
    for (size_t i = 0; i < n; i++) assert_int_equal(s.buckets[s.rows[s.starts[w] + 1 + i] - 5], buckets[i]);
    if (n + 1 > most) most = n + 1;
  }
  assert_int_equal(s.most, most);
  /* the n-grams of the most frequent word come first */
  int32_t of_the[8];
  size_t n = loci__fasttext_ngrams("the", 3, 3, 6, 1000, of_the, 8);
  for (size_t i = 0; i < n; i++) assert_true(s.rows[s.starts[0] + 1 + i] < 5 + n);
  loci__subwords_release(&s);
  assert_ok(loci__subwords_make(context, v, 0, 0, 0, &s, &error), &error);
  assert_int_equal(s.n_rows, 5);
  assert_int_equal(s.most, 1);
  loci__subwords_release(&s);
  loci_vocabulary_free(v);
  test_context_free(context);
}

/* ---- lockstep ---- */

enum { PHASES = 300 };

typedef struct phases {
  uint64_t opened, running;
  unsigned tasks[PHASES][16];
} phases;

static size_t open_phase(void *arg, uint64_t phase) {
  phases *p = arg;
  assert_int_equal(p->opened, phase);
  assert_int_equal(__atomic_load_n(&p->running, __ATOMIC_ACQUIRE), 0);
  p->opened++;
  return phase < PHASES ? 1 + phase % 16 : 0;
}

static void run_task(void *arg, uint64_t phase, size_t task, size_t worker) {
  phases *p = arg;
  (void)worker;
  __atomic_add_fetch(&p->running, 1, __ATOMIC_ACQ_REL);
  assert_int_equal(p->opened, phase + 1);
  __atomic_add_fetch(&p->tasks[phase][task], 1, __ATOMIC_RELAXED);
  __atomic_sub_fetch(&p->running, 1, __ATOMIC_ACQ_REL);
}

static void test_lockstep(void **state) {
  (void)state;
  for (int threads = 1; threads <= 5; threads += 2) {
    loci_context *context = test_context_new(threads, NULL);
    phases *p = calloc(1, sizeof *p);
    loci_error error;
    loci__lockstep steps = {open_phase, run_task, p};
    assert_ok(loci__lockstep_run(context, &steps, &error), &error);
    assert_int_equal(p->opened, PHASES + 1);
    for (size_t i = 0; i < PHASES; i++)
      for (size_t t = 0; t < 16; t++) assert_int_equal(p->tasks[i][t], t < 1 + i % 16);
    free(p);
    test_context_free(context);
  }
}

/* ---- a batch against the same in doubles ---- */

enum { N_WORDS = 40, N_IDS = 400, DIM = 13, STRIDE = 16 };

typedef struct small_net {
  loci_context *context;
  loci_vocabulary *vocabulary;
  loci__subwords subwords;
  loci__alias noise;
  loci__subword_plan plan;
  loci__subword_batch batch;
  loci__subword_scratch scratch;
  loci__subword_net net;
  float keep[N_WORDS];
  int32_t ids[N_IDS];
} small_net;

static void small_net_init(small_net *s, const char *isa, bool cbow) {
  *s = (small_net){.context = test_context_new(1, isa)};
  loci_error error;
  static char text[N_WORDS][8];
  const char *words[N_WORDS];
  uint32_t lengths[N_WORDS];
  uint64_t counts[N_WORDS];
  double weights[N_WORDS];
  for (size_t i = 0; i < N_WORDS; i++) {
    lengths[i] = (uint32_t)snprintf(text[i], sizeof text[i], "w%zuord", i * 7);
    words[i] = text[i];
    counts[i] = 1000 / (i + 1);
    weights[i] = sqrt((double)counts[i]);
    s->keep[i] = i < 3 ? .5f : 1;
  }
  loci__random random;
  loci__random_init(&random, 3);
  for (size_t i = 0; i < N_IDS; i++)
    s->ids[i] = loci__random_below(&random, 9)
                    ? (int32_t)loci__random_below(&random, 1 + loci__random_below(&random, N_WORDS))
                    : LOCI__LINE_END;
  assert_ok(loci__vocabulary_of(s->context, words, lengths, counts, N_WORDS, &s->vocabulary, &error), &error);
  assert_ok(loci__subwords_make(s->context, s->vocabulary, 2, 4, 60, &s->subwords, &error), &error);
  assert_ok(loci__alias_build(s->context, weights, N_WORDS, &s->noise, &error), &error);
  s->plan = (loci__subword_plan){.context = s->context,
                                 .subwords = &s->subwords,
                                 .noise = &s->noise,
                                 .ids = s->ids,
                                 .keep = s->keep,
                                 .cbow = cbow,
                                 .window = 4,
                                 .negative = 5,
                                 .batch = 150,
                                 .at_once = 3,
                                 .n_partitions = 4};
  assert_ok(loci__subword_batch_init(&s->batch, &s->plan, STRIDE, &error), &error);
  assert_ok(loci__subword_scratch_init(&s->scratch, &s->plan, &error), &error);
  s->net = (loci__subword_net){.kernels = loci__kernels_of(s->context), .stride = STRIDE};
  s->net.input = loci__alloc_aligned(s->context, s->subwords.n_rows * STRIDE * sizeof(float));
  s->net.output = loci__alloc_aligned(s->context, N_WORDS * STRIDE * sizeof(float));
  for (size_t i = 0; i < s->subwords.n_rows * STRIDE; i++)
    s->net.input[i] = i % STRIDE < DIM ? (float)loci__random_normal(&random) / 2 : 0;
  for (size_t i = 0; i < N_WORDS * STRIDE; i++)
    s->net.output[i] = i % STRIDE < DIM ? (float)loci__random_normal(&random) / 2 : 0;
}

static void small_net_release(small_net *s) {
  loci__subword_batch_release(&s->batch);
  loci__subword_scratch_release(&s->scratch);
  loci__alias_release(&s->noise);
  loci__subwords_release(&s->subwords);
  loci_vocabulary_free(s->vocabulary);
  loci__free_aligned(s->context, s->net.input);
  loci__free_aligned(s->context, s->net.output);
  test_context_free(s->context);
}

typedef struct plain_net {
  double *input, *output, *new_input, *new_output;
} plain_net;

/* Row o against h: what h's rows get goes to gradient, what o gets is weight · `giver`. */
static double plain_weight(const plain_net *p, const double *h, size_t o, double label, double rate, double *gradient) {
  double x = 0;
  for (size_t j = 0; j < DIM; j++) x += h[j] * p->output[o * DIM + j];
  double g = rate * (label - 1 / (1 + exp(-x)));
  for (size_t j = 0; j < DIM; j++) gradient[j] += g * p->output[o * DIM + j];
  return g;
}

static void plain_add_word(const small_net *s, plain_net *p, int32_t word, const double *gradient) {
  for (uint32_t r = s->subwords.starts[word]; r < s->subwords.starts[word + 1]; r++)
    for (size_t j = 0; j < DIM; j++) p->new_input[s->subwords.rows[r] * DIM + j] += gradient[j];
}

static size_t plain_sum_word(const small_net *s, const plain_net *p, int32_t word, double *sum) {
  for (uint32_t r = s->subwords.starts[word]; r < s->subwords.starts[word + 1]; r++)
    for (size_t j = 0; j < DIM; j++) sum[j] += p->input[s->subwords.rows[r] * DIM + j];
  return s->subwords.starts[word + 1] - s->subwords.starts[word];
}

/* Pair after pair: each group of three from the hidden vector as the groups before left it; outputs get the first one. */
static void plain_item(const small_net *s, plain_net *p, const double *start, const size_t *pairs, size_t n,
                       double *gradient) {
  double h[DIM], weights[150 * 6];
  memcpy(h, start, sizeof h);
  for (size_t i = 0; i < n; i += 3) {
    double sum[DIM] = {0};
    for (size_t k = i; k < n && k < i + 3; k++)
      for (size_t j = 0; j < 6; j++)
        weights[k * 6 + j] = plain_weight(p, h, s->batch.rows[pairs[k] * 6 + j], j == 0, (double)s->batch.rate, sum);
    for (size_t j = 0; j < DIM; j++) h[j] += sum[j];
  }
  for (size_t j = 0; j < DIM; j++) gradient[j] = h[j] - start[j];
  for (size_t k = 0; k < n * 6; k++)
    for (size_t j = 0; j < DIM; j++)
      p->new_output[s->batch.rows[pairs[k / 6] * 6 + k % 6] * DIM + j] += weights[k] * start[j];
}

/* Windows and noise are the batch's; everything else is done again, position by position. */
static void plain_batch(const small_net *s, plain_net *p) {
  const loci__subword_batch *b = &s->batch;
  size_t taken = 0;
  for (size_t item = 0; item < b->n_items; item++) {
    double h[DIM] = {0}, gradient[DIM] = {0};
    size_t pairs[150], n = 0, rows = 0;
    if (s->plan.cbow) {
      for (size_t j = b->first[item]; j <= b->last[item]; j++)
        if (j != item) rows += plain_sum_word(s, p, b->words[j], h);
      if (rows == 0) continue;
      assert_int_equal(b->rows[item * 6], b->words[item]);
      pairs[n++] = item;
    } else {
      rows = plain_sum_word(s, p, b->slot_word[item], h);
      for (size_t i = 0; i < b->n_positions; i++) {
        if (b->slot_of[i] != item) continue;
        assert_int_equal(b->words[i], b->slot_word[item]);
        for (size_t j = b->first[i]; j <= b->last[i]; j++) {
          if (j == i) continue;
          assert_int_equal(b->rows[taken * 6], b->words[j]);
          pairs[n++] = taken++;
        }
      }
    }
    for (size_t k = 0; k < n; k++)
      for (size_t j = 1; j < 6; j++) assert_true(b->rows[pairs[k] * 6 + j] != b->rows[pairs[k] * 6]);
    for (size_t j = 0; j < DIM; j++) h[j] /= (double)rows;
    plain_item(s, p, h, pairs, n, gradient);
    if (!s->plan.cbow) plain_add_word(s, p, b->slot_word[item], gradient);
    for (size_t j = b->first[item]; s->plan.cbow && j <= b->last[item]; j++)
      if (j != item) plain_add_word(s, p, b->words[j], gradient);
  }
  if (!s->plan.cbow) assert_int_equal(taken, b->n_pairs);
}

static double *doubles(const float *from, size_t rows) {
  double *to = malloc(rows * DIM * sizeof *to);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < DIM; j++) to[i * DIM + j] = (double)from[i * STRIDE + j];
  return to;
}

static void near_rows(const float *got, const double *want, size_t rows, const char *what) {
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < STRIDE; j++) {
      double w = j < DIM ? want[i * DIM + j] : 0;
      if (fabs((double)got[i * STRIDE + j] - w) > 2e-5)
        fail_msg("%s row %zu column %zu: %g for %g", what, i, j, (double)got[i * STRIDE + j], w);
    }
  }
}

static void check_batches(const char *isa, bool cbow) {
  small_net s;
  small_net_init(&s, isa, cbow);
  loci__subword_place place = {.end = N_IDS};
  loci__random_init(&place.random, 5);
  size_t batches = 0, positions = 0;
  for (;; batches++) {
    s.batch.rate = .004f;
    loci__subword_batch_fill(&s.plan, &place, &s.batch);
    if (s.batch.n_positions == 0) break;
    positions += s.batch.n_positions;
    for (size_t i = 0; i < s.batch.n_positions; i++) {
      assert_true(s.batch.first[i] <= i && i <= s.batch.last[i] && s.batch.last[i] - s.batch.first[i] <= 8);
      for (size_t j = s.batch.first[i]; j <= s.batch.last[i]; j++) assert_int_equal(s.batch.line[j], s.batch.line[i]);
    }
    plain_net p = {.input = doubles(s.net.input, s.subwords.n_rows),
                   .output = doubles(s.net.output, N_WORDS),
                   .new_input = doubles(s.net.input, s.subwords.n_rows),
                   .new_output = doubles(s.net.output, N_WORDS)};
    for (int phase = 0; phase < LOCI__SUBWORD_PHASES; phase++)
      for (size_t t = loci__subword_tasks(&s.plan, &s.batch, phase); t-- > 0;) /* in whatever order */
        loci__subword_work(&s.plan, &s.net, &s.batch, &s.scratch, phase, t);
    plain_batch(&s, &p);
    near_rows(s.net.input, p.new_input, s.subwords.n_rows, "input");
    near_rows(s.net.output, p.new_output, N_WORDS, "output");
    free(p.input), free(p.output), free(p.new_input), free(p.new_output);
  }
  assert_true(batches >= 2 && batches <= 4);
  assert_true(positions > 200 && positions < place.n_read);
  assert_int_equal(place.at, N_IDS);
  small_net_release(&s);
}

static void test_batches(void **state) {
  (void)state;
  for (size_t i = 0; loci__kernels_name(i); i++) {
    if (!loci__kernels_named(loci__kernels_name(i))) continue;
    check_batches(loci__kernels_name(i), false);
    check_batches(loci__kernels_name(i), true);
  }
}

/* ---- whole runs ---- */

/* Two topics whose words never meet; each word has forms with one stem. */
static void write_corpus(const char *path, size_t n_lines) {
  static const char *const topics[2][6] = {{"sailor", "harbour", "anchor", "vessel", "captain", "island"},
                                           {"violin", "concert", "singer", "melody", "orchestra", "trumpet"}};
  static const char *const forms[] = {"", "s", "like"};
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  loci__random random;
  loci__random_init(&random, 11);
  for (size_t i = 0; i < n_lines; i++) {
    for (int j = 0; j < 8; j++)
      fprintf(file, "%s%s ", topics[i & 1][loci__random_below(&random, 6)], forms[loci__random_below(&random, 3)]);
    fputc('\n', file);
  }
  fclose(file);
}

static char *train(int threads, const char *corpus, const loci_fasttext_options *o, const char *output,
                   size_t *length) {
  loci_context *context = test_context_new(threads, NULL);
  loci_error error;
  assert_ok(loci_train_fasttext(context, corpus, o, output, &error), &error);
  test_context_free(context);
  return test_read(output, length);
}

static void options_of(loci_fasttext_options *o) {
  loci_fasttext_options_init(o);
  o->dim = 20;
  o->buckets = 3000;
  o->sample = 0;
  o->epochs = 2;
}

static void test_same_bits(void **state) {
  (void)state;
  const char *folder = test_folder();
  char corpus[256], output[256];
  snprintf(corpus, sizeof corpus, "%s/corpus.txt", folder);
  snprintf(output, sizeof output, "%s/model.bin", folder);
  write_corpus(corpus, 1500);
  loci_fasttext_options o;
  for (int cbow = 0; cbow < 2; cbow++) {
    options_of(&o);
    o.arch = cbow ? LOCI_ARCH_CBOW : LOCI_ARCH_SKIPGRAM;
    size_t length, again;
    char *one = train(1, corpus, &o, output, &length);
    static const int threads[] = {2, 3, 7};
    for (size_t t = 0; t < 3; t++) {
      char *other = train(threads[t], corpus, &o, output, &again);
      assert_int_equal(length, again);
      assert_memory_equal(one, other, length);
      free(other);
    }
    o.common.seed = 2;
    char *other = train(2, corpus, &o, output, &again);
    assert_int_equal(length, again);
    assert_true(memcmp(one, other, length) != 0);
    free(one), free(other);
  }
}

/* Stops when training has told `left` times how far it is. */
static int stop_later(void *user, const loci_progress *progress) {
  int *left = user;
  return !strcmp(progress->stage, "training") && progress->done < progress->total && (*left)-- <= 0;
}

static void test_stopped_and_resumed(void **state) {
  (void)state;
  const char *folder = test_folder();
  char corpus[256], output[256], other[256];
  snprintf(corpus, sizeof corpus, "%s/corpus.txt", folder);
  snprintf(output, sizeof output, "%s/model.bin", folder);
  snprintf(other, sizeof other, "%s/other.bin", folder);
  write_corpus(corpus, 20000);
  loci_fasttext_options o;
  options_of(&o);
  size_t length, again;
  char *whole = train(2, corpus, &o, output, &length);
  o.common.resume = 1;
  int stops = 0;
  for (;;) {
    int left = 1;
    o.common.progress = stop_later;
    o.common.progress_user = &left;
    loci_context *context = test_context_new(1 + stops % 3, NULL);
    loci_error error = {0};
    loci_status status = loci_train_fasttext(context, corpus, &o, other, &error);
    test_context_free(context);
    if (status == LOCI_OK) break;
    if (status != LOCI_ERROR_CANCELLED) fail_msg("%s", error.message);
    assert_true(++stops < 200);
  }
  assert_true(stops > 0);
  char *parts = test_read(other, &again);
  assert_int_equal(length, again);
  assert_memory_equal(whole, parts, length);
  free(whole), free(parts);
}

static double cosine(const loci_vectors *v, const char *a, const char *b) {
  float x[20], y[20];
  loci_error error;
  assert_ok(loci_vectors_get(v, a, strlen(a), x, &error), &error);
  assert_ok(loci_vectors_get(v, b, strlen(b), y, &error), &error);
  double xy = 0, xx = 0, yy = 0;
  for (size_t j = 0; j < 20; j++) {
    xy += (double)x[j] * (double)y[j], xx += (double)x[j] * (double)x[j], yy += (double)y[j] * (double)y[j];
  }
  return xy / sqrt(xx * yy);
}

/* What is learned: topics, in each mode and architecture, also for words that were never seen; and the vectors written as
 * text are those of the model. */
static void test_learns(void **state) {
  (void)state;
  const char *folder = test_folder();
  char corpus[256], output[256], text[256];
  snprintf(corpus, sizeof corpus, "%s/corpus.txt", folder);
  snprintf(output, sizeof output, "%s/model.bin", folder);
  snprintf(text, sizeof text, "%s/model.vec", folder);
  write_corpus(corpus, 4000);
  for (int i = 0; i < 4; i++) {
    loci_fasttext_options o;
    options_of(&o);
    o.arch = i & 1 ? LOCI_ARCH_CBOW : LOCI_ARCH_SKIPGRAM;
    o.mode = i & 2 ? LOCI_MODE_FAST : LOCI_MODE_DEFAULT;
    loci_context *context = test_context_new(2, NULL);
    loci_error error;
    assert_ok(loci_train_fasttext(context, corpus, &o, output, &error), &error);
    loci_vectors *v;
    assert_ok(loci_vectors_open(context, output, NULL, &v, &error), &error);
    assert_true(cosine(v, "sailor", "harbourlike") > cosine(v, "sailor", "violinlike") + .3);
    assert_true(cosine(v, "concert", "singers") > cosine(v, "concert", "islands") + .3);
    assert_true(cosine(v, "sailorish", "vessels") > cosine(v, "sailorish", "trumpets") + .2);
    if (i == 0) {
      assert_ok(loci_train_fasttext(context, corpus, &o, text, &error), &error);
      loci_vectors *w;
      assert_ok(loci_vectors_open(context, text, NULL, &w, &error), &error);
      loci_vectors_info info = {.struct_size = sizeof info};
      loci_vectors_get_info(w, &info);
      assert_int_equal(info.n, 36);
      for (size_t j = 0; j < info.n; j++) {
        float x[20];
        size_t length;
        const char *word = loci_vectors_word(w, j, &length);
        assert_ok(loci_vectors_get(v, word, length, x, &error), &error);
        for (size_t k = 0; k < 20; k++) assert_true(fabsf(x[k] - loci_vectors_row(w, j)[k]) < 1e-6f);
      }
      loci_vectors_close(w);
    }
    loci_vectors_close(v);
    test_context_free(context);
  }
}

static void refused(const char *corpus, const loci_fasttext_options *o, const char *output, loci_status code) {
  loci_context *context = test_context_new(2, NULL);
  loci_error error = {0};
  loci_status status = loci_train_fasttext(context, corpus, o, output, &error);
  if (status != code) fail_msg("status %d, not %d: %s", (int)status, (int)code, error.message);
  assert_true(strlen(error.message) > 10);
  test_context_free(context);
}

static void test_refusals(void **state) {
  (void)state;
  const char *folder = test_folder();
  char corpus[256], output[256];
  snprintf(corpus, sizeof corpus, "%s/corpus.txt", folder);
  snprintf(output, sizeof output, "%s/model.bin", folder);
  loci_fasttext_options o;
  options_of(&o);
  refused(corpus, &o, output, LOCI_ERROR_IO); /* not there */
  write_corpus(corpus, 300);
#define BAD(change, code)                \
  do {                                   \
    options_of(&o);                      \
    change;                              \
    refused(corpus, &o, output, (code)); \
  } while (0)
  BAD(o.dim = 0, LOCI_ERROR_USAGE);
  BAD(o.window = 0, LOCI_ERROR_USAGE);
  BAD(o.negative = 0, LOCI_ERROR_USAGE);
  BAD(o.epochs = 0, LOCI_ERROR_USAGE);
  BAD(o.sample = -1, LOCI_ERROR_USAGE);
  BAD(o.alpha = 0, LOCI_ERROR_USAGE);
  BAD(o.alpha = NAN, LOCI_ERROR_USAGE);
  BAD(o.min_n = 7, LOCI_ERROR_USAGE);
  BAD(o.buckets = 0, LOCI_ERROR_USAGE);
  BAD(o.mode = LOCI_MODE_EXACT, LOCI_ERROR_UNSUPPORTED);
  BAD(o.common.max_memory = 10000, LOCI_ERROR_LIMIT);
  BAD(o.common.corpus.min_count = 1000000, LOCI_ERROR_NOT_FOUND);
#undef BAD
  options_of(&o);
  refused(corpus, &o, corpus, LOCI_ERROR_USAGE);
  test_write(corpus, "", 0);
  refused(corpus, &o, output, LOCI_ERROR_NOT_FOUND);
  test_write(corpus, "one one one one one one", 23);
  refused(corpus, &o, output, LOCI_ERROR_NOT_FOUND);
  /* NUL in a word, which the file cannot hold */
  test_write(corpus, "a\0b c a\0b c a\0b c", 17);
  o.common.corpus.split = LOCI_SPLIT_SPACE;
  o.common.corpus.min_count = 2;
  refused(corpus, &o, output, LOCI_ERROR_FORMAT);
  assert_false(loci__file_exists(NULL, output));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows_of_words),
      cmocka_unit_test(test_lockstep),
      cmocka_unit_test(test_batches),
      cmocka_unit_test(test_same_bits),
      cmocka_unit_test(test_stopped_and_resumed),
      cmocka_unit_test(test_learns),
      cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
