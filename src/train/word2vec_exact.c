/* train/word2vec_exact.c: word2vec as the program of 2013 computes it on one thread, bit for bit (Mikolov et al. 2013a,
 * 2013b; version 0.1c, x86-64, built -O2 -ffp-contract=off).
 *
 * What makes the bits, beside the order of the sums (plain loops over single floats, compiled without contraction):
 *  - random numbers: r ← r · 25214903917 + 11 mod 2⁶⁴, from 1 for the first rows, from 0 for the training; a draw of a
 *    share takes the low 16 bits, a noise word the bits from the 16th up, a window r mod window;
 *  - noise words: a table of 10⁸ places, word i having a share of count^¾; here as the places where each word begins,
 *    found by the same comparisons of doubles, since a word's places are consecutive (4 bytes a word instead of 400 MB);
 *    place of word 0 (</s>): any other word with equal chance;
 *  - the sigmoid: 1,000 steps over (−6, 6), rounded to float;
 *  - sentences: up to 1,000 words, ended by </s>; words that subsampling drops are drawn for when read; the words of a
 *    sentence that the end of the file cuts off are counted and never trained on; an empty sentence draws a window;
 *  - the learning rate: falls with the words read, looked at when more than 10,000 came since.
 * Epochs after the first begin at the start of the file, the generator and the rate going on. (The program's releases
 * differ there: one of them never clears its mark of the end of the file, so that a single thread stops after one pass.
 * What is promised as equal is one epoch.)
 *
 * Checkpoints are taken between sentences. One thread does all of it.
 */
#include <math.h>

#include "word2vec.h"
#include "word2vec_text.h"

enum { SENTENCE = 1000, SIGMOID_STEPS = 1000, SIGMOID_RANGE = 6, NOISE_PLACES = 100000000, GUIDE_SHIFT = 10 };

/* Everything but the matrices; as it stands in the checkpoint. */
typedef struct exact_state {
  uint64_t random;
  int64_t offset;      /* in the corpus */
  uint64_t epochs;     /* that are over */
  uint64_t words;      /* read in this epoch */
  uint64_t noted;      /* of those, counted in `all` */
  uint64_t all;        /* words of all epochs, as the rate knows them */
  double loss, n_loss; /* since the last report */
  float rate;
  uint32_t unused;
} exact_state;

typedef struct exact_run {
  loci__word2vec *run;
  loci__word2vec_reader reader;
  exact_state state;
  size_t dim, window, negative;
  float first_rate, sample;
  uint64_t n_tokens, n_epochs;
  int32_t sentence[SENTENCE];
  size_t length;
  float sigmoid[SIGMOID_STEPS];
  float loss_true[SIGMOID_STEPS], loss_false[SIGMOID_STEPS]; /* −log σ, −log(1 − σ): for the report only */
  uint32_t *noise;                                           /* n_words + 1: the first place of each word */
  uint32_t *guide;                                           /* the word at every 2^GUIDE_SHIFT-th place */
  float *hidden, *errors;                                    /* dim each */
} exact_run;

static uint64_t draw(exact_run *x) {
  x->state.random = x->state.random * UINT64_C(25214903917) + 11;
  return x->state.random;
}

/* ---- tables ---- */

static void make_sigmoid(exact_run *x) {
  for (int i = 0; i < SIGMOID_STEPS; i++) {
    float e = (float)exp((double)(((float)i / (float)SIGMOID_STEPS * 2 - 1) * SIGMOID_RANGE));
    x->sigmoid[i] = e / (e + 1);
    x->loss_true[i] = -logf(x->sigmoid[i]);
    x->loss_false[i] = -logf(1 - x->sigmoid[i]);
  }
}

/* The program fills place after place and goes on to the next word, by one, at the first place p with p/10⁸ beyond the
 * sum of shares so far. */
static void make_noise(exact_run *x) {
  const loci__word2vec *run = x->run;
  size_t n = run->n_words;
  double total = 0, sum = 0;
  for (size_t i = 0; i < n; i++) total += pow((double)run->counts[i], 0.75);
  int64_t place = 0;
  for (size_t i = 0; i < n; i++) {
    x->noise[i] = (uint32_t)place;
    if (place == NOISE_PLACES) continue; /* no place is left for the rarest words */
    sum += pow((double)run->counts[i], 0.75) / total;
    int64_t last = (int64_t)(sum * NOISE_PLACES) - 2;
    if (last < place) last = place;
    while (last < NOISE_PLACES - 1 && !((double)last / (double)NOISE_PLACES > sum)) last++;
    place = i + 1 == n ? NOISE_PLACES : last + 1;
  }
  x->noise[n] = NOISE_PLACES;
  uint32_t word = 0;
  for (size_t g = 0; g <= NOISE_PLACES >> GUIDE_SHIFT; g++) {
    while (x->noise[word + 1] <= g << GUIDE_SHIFT) word++;
    x->guide[g] = word;
  }
}

static size_t noise_word(const exact_run *x, uint64_t place) {
  size_t word = x->guide[place >> GUIDE_SHIFT];
  while (x->noise[word + 1] <= place) word++;
  return word;
}

static void first_rows(const loci__word2vec *run) {
  uint64_t random = 1;
  size_t n = run->n_words * run->stride; /* the stride is dim */
  for (size_t i = 0; i < n; i++) {
    random = random * UINT64_C(25214903917) + 11;
    run->input[i] = (float)(((double)((float)(random & 0xFFFF) / 65536.0f) - 0.5) / (double)run->options->dim);
  }
}

/* ---- reading ---- */

static void follow_rate(exact_run *x) {
  exact_state *s = &x->state;
  if (s->words - s->noted <= 10000) return;
  s->all += s->words - s->noted;
  s->noted = s->words;
  s->rate = x->first_rate * (1 - (float)s->all / (float)(x->n_epochs * x->n_tokens + 1));
  if ((double)s->rate < (double)x->first_rate * 0.0001) s->rate = (float)((double)x->first_rate * 0.0001);
}

/* Frequent words are dropped with a chance of 1 − (√(f/t) + 1) · t/f. */
static bool keeps(exact_run *x, size_t word) {
  if (!(x->sample > 0)) return true;
  float t = x->sample * (float)x->n_tokens;
  double f = (double)x->run->counts[word];
  float share = (float)((sqrt((double)((float)x->run->counts[word] / t)) + 1) * (double)t / f);
  return !(share < (float)(draw(x) & 0xFFFF) / 65536.0f);
}

static loci_status read_sentence(exact_run *x, bool *ended, loci_error *error) {
  char word[LOCI__WORD2VEC_WORD + 1];
  size_t length;
  x->length = 0;
  *ended = false;
  while (x->length < SENTENCE) {
    LOCI__TRY(loci__word2vec_reader_next(&x->reader, word, &length, error));
    if (length == 0) {
      *ended = true;
      break;
    }
    int32_t id = loci_vocabulary_find(x->run->trainer->vocabulary, word, length);
    if (id < 0) continue;
    x->state.words++;
    if (id == 0) break;
    if (keeps(x, (size_t)id)) x->sentence[x->length++] = id;
  }
  return LOCI_OK;
}

/* ---- learning ---- */

static float dot(const float *a, const float *b, size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

static void add_scaled(float *to, float by, const float *from, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] += by * from[i];
}

/* f in [−6, 6]; a NaN (of a learning rate that made everything overflow) is taken as −6, never as an index. */
static size_t sigmoid_step(float f) {
  float step = (f + SIGMOID_RANGE) * (SIGMOID_STEPS / SIGMOID_RANGE / 2);
  return step > 0 ? (size_t)step : 0;
}

static void note_loss(exact_run *x, bool label, float f) {
  float loss = f >= SIGMOID_RANGE    ? (label ? 0 : f)
               : f <= -SIGMOID_RANGE ? (label ? -f : 0)
               : label               ? x->loss_true[sigmoid_step(f)]
                                     : x->loss_false[sigmoid_step(f)];
  x->state.loss += (double)loss;
}

/* One step of the logistic regression that tells `label` from `from`: errors += g·to, to += g·from. */
static void learn(exact_run *x, float *to, float g, const float *from) {
  add_scaled(x->errors, g, to, x->dim);
  add_scaled(to, g, from, x->dim);
}

/* All outputs for `word`, given the vector `from`. */
static void learn_word(exact_run *x, size_t word, const float *from) {
  loci__word2vec *run = x->run;
  float rate = x->state.rate;
  if (run->nodes) {
    for (size_t k = run->code.begin[word]; k < run->code.begin[word + 1]; k++) {
      float *node = run->nodes + run->code.points[k] * run->stride;
      float f = dot(from, node, x->dim);
      note_loss(x, !run->code.bits[k], f);
      if (f <= -SIGMOID_RANGE || f >= SIGMOID_RANGE) continue;
      learn(x, node, ((float)(1 - run->code.bits[k]) - x->sigmoid[sigmoid_step(f)]) * rate, from);
    }
  }
  for (size_t d = 0; run->output && d <= x->negative; d++) {
    size_t target = word;
    bool label = d == 0;
    if (!label) {
      uint64_t random = draw(x);
      target = noise_word(x, (random >> 16) % NOISE_PLACES);
      if (target == 0) target = (size_t)(random % (run->n_words - 1)) + 1;
      if (target == word) continue;
    }
    float *row = run->output + target * run->stride, f = dot(from, row, x->dim), g;
    note_loss(x, label, f);
    if (f > SIGMOID_RANGE) g = (float)(label - 1) * rate;
    else if (f < -SIGMOID_RANGE) g = (float)label * rate;
    else g = ((float)label - x->sigmoid[sigmoid_step(f)]) * rate;
    learn(x, row, g, from);
  }
  x->state.n_loss++;
}

/* The word in the middle from the mean of those around it. */
static void learn_cbow(exact_run *x, size_t word, size_t begin, size_t end, size_t middle) {
  loci__word2vec *run = x->run;
  size_t n = end - begin - 1;
  if (n == 0) return;
  memset(x->hidden, 0, x->dim * sizeof *x->hidden);
  memset(x->errors, 0, x->dim * sizeof *x->errors);
  for (size_t i = begin; i < end; i++) {
    if (i == middle) continue;
    const float *row = run->input + (size_t)x->sentence[i] * run->stride;
    for (size_t c = 0; c < x->dim; c++) x->hidden[c] += row[c];
  }
  for (size_t c = 0; c < x->dim; c++) x->hidden[c] /= (float)n;
  learn_word(x, word, x->hidden);
  for (size_t i = begin; i < end; i++) {
    if (i == middle) continue;
    float *row = run->input + (size_t)x->sentence[i] * run->stride;
    for (size_t c = 0; c < x->dim; c++) row[c] += x->errors[c];
  }
}

/* The word in the middle from each of those around it. */
static void learn_skipgram(exact_run *x, size_t word, size_t begin, size_t end, size_t middle) {
  loci__word2vec *run = x->run;
  for (size_t i = begin; i < end; i++) {
    if (i == middle) continue;
    float *row = run->input + (size_t)x->sentence[i] * run->stride;
    memset(x->errors, 0, x->dim * sizeof *x->errors);
    learn_word(x, word, row);
    for (size_t c = 0; c < x->dim; c++) row[c] += x->errors[c];
  }
}

static void learn_place(exact_run *x, size_t middle) {
  size_t reach = x->window - (size_t)(draw(x) % x->window);
  if (x->length == 0) return;
  size_t begin = middle > reach ? middle - reach : 0, end = x->length - middle > reach ? middle + reach + 1 : x->length;
  size_t word = (size_t)x->sentence[middle];
  if (x->run->options->arch == LOCI_ARCH_CBOW) learn_cbow(x, word, begin, end, middle);
  else learn_skipgram(x, word, begin, end, middle);
}

/* ---- the run ---- */

static loci_status train(exact_run *x, loci_error *error) {
  exact_state *s = &x->state;
  double loss = NAN;
  while (s->epochs < x->n_epochs) {
    if (s->n_loss > 10000) {
      loss = s->loss / s->n_loss;
      s->loss = s->n_loss = 0;
    }
    s->offset = loci__word2vec_reader_tell(&x->reader);
    LOCI__TRY(loci__word2vec_tick(x->run, s->all + (s->words - s->noted), loss, s, sizeof *s, error));
    follow_rate(x);
    bool ended;
    LOCI__TRY(read_sentence(x, &ended, error));
    if (ended || s->words > x->n_tokens) {
      s->all += s->words - s->noted;
      s->words = s->noted = 0;
      s->epochs++;
      loci__word2vec_reader_seek(&x->reader, 0);
      continue;
    }
    learn_place(x, 0);
    for (size_t i = 1; i < x->length; i++) {
      follow_rate(x);
      learn_place(x, i);
    }
  }
  s->offset = 0;
  return loci__word2vec_end(x->run, s, sizeof *s, error);
}

static loci_status prepare(exact_run *x, loci_error *error) {
  loci__word2vec *run = x->run;
  const loci_word2vec_options *o = run->options;
  x->dim = o->dim;
  x->window = o->window;
  x->negative = o->negative;
  x->first_rate = run->alpha;
  x->sample = (float)o->sample;
  x->n_tokens = run->n_tokens;
  x->n_epochs = o->epochs;
  x->state.rate = x->first_rate;
  make_sigmoid(x);
  x->hidden = loci__alloc_array(run->context, x->dim, sizeof *x->hidden);
  x->errors = loci__alloc_array(run->context, x->dim, sizeof *x->errors);
  if (!x->hidden || !x->errors) return loci__fail_memory(error, x->dim * 8, "a word's errors");
  if (run->output) {
    x->noise = loci__alloc_array(run->context, run->n_words + 1, sizeof *x->noise);
    x->guide = loci__alloc_array(run->context, (NOISE_PLACES >> GUIDE_SHIFT) + 1, sizeof *x->guide);
    if (!x->noise || !x->guide) return loci__fail_memory(error, run->n_words * 4, "the table of noise words");
    make_noise(x);
  }
  first_rows(run);
  bool there;
  LOCI__TRY(loci__word2vec_load(run, &x->state, sizeof x->state, &there, error));
  LOCI__TRY(loci__word2vec_reader_open(&x->reader, run->context, run->trainer->corpus, error));
  if (there) loci__word2vec_reader_seek(&x->reader, x->state.offset);
  return LOCI_OK;
}

loci_status loci__word2vec_exact(loci__word2vec *run, loci_error *error) {
  exact_run *x = loci__alloc_zero(run->context, 1, sizeof *x);
  if (!x) return loci__fail_memory(error, sizeof *x, "the training");
  x->run = run;
  loci_status status = prepare(x, error);
  if (status == LOCI_OK) status = train(x, error);
  loci__word2vec_reader_close(&x->reader);
  loci__free(run->context, x->noise);
  loci__free(run->context, x->guide);
  loci__free(run->context, x->hidden);
  loci__free(run->context, x->errors);
  loci__free(run->context, x);
  return status;
}
