/* train/ppmi.c: positive pointwise mutual information of words and their contexts, and its truncated SVD (Bullinaria and
 * Levy 2007; Levy and Goldberg 2014; the settings: Levy, Goldberg and Dagan 2015).
 *
 *   n(w, c)   how often c stands near w, a neighbour at distance d counting (window + 1 − d) / window
 *   M(w, c)   max(0, ln( n(w, c)·S / (n(w)·n(c)^smoothing) ) − ln shift),   S = Σ_c n(c)^smoothing
 *   a word    its row of U·Σ^alpha
 *
 * Counting: no pair is ever written down. The positions of each word are listed (4 bytes each, by counting sort; as many
 * words at a time as `positions` allows), and a word's row is summed up in one array of all words that stays in the
 * second-level cache. Counts are whole numbers (window + 1 − d), so sums are exact in any order. A first pass tells how many
 * entries are positive, so that the matrix takes exactly its size, and is refused before it is made when that is too much.
 *
 * Threads: a row belongs to one task. The entries of a row stand in the order in which its neighbours turned up.
 */
#include "lsa.h"

#include <math.h>
#include <stdio.h>

enum {
  MOST_DIM = 4096,
  MOST_WINDOW = 1000,
  MOST_POSITIONS = 1 << 26, /* in work at a time: 256 MB */
  TASK_POSITIONS = 1 << 15
};

void loci_ppmi_options_init(loci_ppmi_options *options) {
  *options = (loci_ppmi_options){.struct_size = sizeof *options,
                                 .dim = 300,
                                 .window = 5,
                                 .shift = 1,
                                 .smoothing = 0.75,
                                 .tolerance = 1e-4,
                                 .alpha = 0.5};
  loci__train_common_init(&options->common);
}

static loci_status check(const loci_ppmi_options *o, loci_error *error) {
  if (o->dim < 1 || o->dim > MOST_DIM)
    return loci__fail(error, LOCI_ERROR_USAGE, "dim %zu is not in 1…%d", o->dim, MOST_DIM);
  if (o->window < 1 || o->window > MOST_WINDOW)
    return loci__fail(error, LOCI_ERROR_USAGE, "window %zu is not in 1…%d", o->window, MOST_WINDOW);
  if (!(o->shift > 0) || !(o->shift <= 1e6))
    return loci__fail(error, LOCI_ERROR_USAGE, "shift %g is not above 0", o->shift);
  if (!(o->smoothing >= 0) || o->smoothing > 1)
    return loci__fail(error, LOCI_ERROR_USAGE, "smoothing %g is not in 0…1", o->smoothing);
  if (!(o->sample >= 0) || o->sample > 1)
    return loci__fail(error, LOCI_ERROR_USAGE, "sample %g is not in 0…1", o->sample);
  if (!(o->tolerance > 0) || o->tolerance >= 1)
    return loci__fail(error, LOCI_ERROR_USAGE, "tolerance %g is not between 0 and 1", o->tolerance);
  if (!(fabs(o->alpha) <= 10)) return loci__fail(error, LOCI_ERROR_USAGE, "alpha %g is not in −10…10", o->alpha);
  return LOCI_OK;
}

typedef struct pairs {
  loci_context *context;
  const loci_ppmi_options *options;
  const int32_t *ids;
  size_t n, n_words;
  int32_t *thinned;      /* ids after subsampling, or NULL */
  uint64_t *sums;        /* n(w) · window */
  double *context_share; /* n(c)^smoothing · shift / S, with n(c) · window for n(c) */
  size_t *places;        /* n_words + 1: where a word's positions begin */
  uint32_t *positions;   /* of the words first…last−1, from places[first] */
  size_t first, last;
  uint32_t *counts; /* a worker's: n_words, all 0 between words */
  uint32_t *met;    /* a worker's: words with a count, in order */
  size_t *sizes;    /* n_words + 1: positive entries of row w at w + 1; then where rows begin */
  loci__sparse *matrix;
} pairs;

/* Subsampling (Mikolov et al. 2013b, as the word2vec program does it): whether a token stays depends on the seed and its
 * place alone. */
static loci_status thin(pairs *p, const uint64_t *counts, uint64_t n_tokens, loci_error *error) {
  p->thinned = loci__alloc_array(p->context, p->n, sizeof *p->thinned);
  double *stay = loci__alloc_array(p->context, p->n_words, sizeof *stay);
  if (p->thinned == NULL || stay == NULL) {
    loci__free(p->context, stay);
    return loci__fail_memory(error, p->n * sizeof *p->thinned, "the subsampled corpus");
  }
  for (size_t i = 0; i < p->n_words; i++) {
    const double share = p->options->sample * (double)n_tokens / (double)(counts[i] > 0 ? counts[i] : 1);
    stay[i] = sqrt(share) + share;
  }
  loci__random random;
  loci__random_init(&random, p->options->common.seed);
  size_t n = 0;
  for (size_t i = 0; i < p->n; i++) {
    const int32_t id = p->ids[i];
    if (id != LOCI__LINE_END && loci__random_unit(&random) >= stay[id]) continue;
    p->thinned[n++] = id;
  }
  loci__free(p->context, stay);
  p->ids = p->thinned;
  p->n = n;
  return LOCI_OK;
}

/* sums and places; the most positions of one word. */
static uint64_t count_words(pairs *p) {
  const uint64_t window = p->options->window;
  uint64_t most = 0;
  for (size_t begin = 0; begin < p->n;) {
    size_t end = begin;
    while (end < p->n && p->ids[end] != LOCI__LINE_END) end++;
    for (size_t i = begin; i < end; i++) {
      /* Σ_{d=1…m} (window + 1 − d), m = neighbours on a side */
      const uint64_t left = i - begin < window ? i - begin : window;
      const uint64_t right = end - 1 - i < window ? end - 1 - i : window;
      p->sums[p->ids[i]] += left * (2 * window + 1 - left) / 2 + right * (2 * window + 1 - right) / 2;
      p->places[p->ids[i] + 1]++;
    }
    begin = end + 1;
  }
  for (size_t i = 0; i < p->n_words; i++) {
    if (p->places[i + 1] > most) most = p->places[i + 1];
    p->places[i + 1] += p->places[i];
  }
  return most;
}

static void list_positions(pairs *p) {
  const size_t base = p->places[p->first];
  for (size_t i = 0; i < p->n; i++) {
    const int32_t id = p->ids[i];
    if (id < (int32_t)p->first || id >= (int32_t)p->last) continue;
    p->positions[p->places[id]++ - base] = (uint32_t)i;
  }
  /* Every place has moved to the next word's. */
  for (size_t i = p->last; i-- > p->first + 1;) p->places[i] = p->places[i - 1];
  p->places[p->first] = base;
}

/* What stands near `word`: counts, and the words met. */
static size_t near_word(const pairs *p, size_t word, uint32_t *counts, uint32_t *met) {
  const size_t base = p->places[p->first], window = p->options->window;
  size_t n = 0;
  for (size_t at = p->places[word]; at < p->places[word + 1]; at++) {
    const size_t i = p->positions[at - base];
    for (size_t d = 1; d <= window && d <= i && p->ids[i - d] != LOCI__LINE_END; d++) {
      const uint32_t other = (uint32_t)p->ids[i - d];
      if (counts[other] == 0) met[n++] = other;
      counts[other] += (uint32_t)(window + 1 - d);
    }
    for (size_t d = 1; d <= window && i + d < p->n && p->ids[i + d] != LOCI__LINE_END; d++) {
      const uint32_t other = (uint32_t)p->ids[i + d];
      if (counts[other] == 0) met[n++] = other;
      counts[other] += (uint32_t)(window + 1 - d);
    }
  }
  return n;
}

/* The words that begin among a task's positions. */
static size_t word_at(const pairs *p, size_t place) {
  size_t low = p->first, high = p->last;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (p->places[middle] < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

static loci_status row_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  pairs *p = arg;
  uint32_t *counts = p->counts + worker * p->n_words, *met = p->met + worker * p->n_words;
  const size_t base = p->places[p->first], n = p->places[p->last] - base;
  const size_t first = task == 0 ? p->first : word_at(p, base + task * TASK_POSITIONS);
  const size_t last = task == n / TASK_POSITIONS ? p->last : word_at(p, base + (task + 1) * TASK_POSITIONS);
  for (size_t word = first; word < last; word++) {
    const size_t n_met = near_word(p, word, counts, met);
    const double sum = (double)p->sums[word];
    size_t at = p->matrix != NULL ? p->matrix->starts[word] : 0;
    for (size_t i = 0; i < n_met; i++) {
      const uint32_t other = met[i];
      const double ratio = (double)counts[other] / (sum * p->context_share[other]);
      counts[other] = 0;
      if (!(ratio > 1)) continue;
      if (p->matrix != NULL) {
        p->matrix->columns[at] = other;
        p->matrix->values[at] = (float)log(ratio);
      }
      at++;
    }
    if (p->matrix == NULL) p->sizes[word + 1] = at;
  }
  return LOCI_OK;
}

/* row_task over all words, as many at a time as their positions allow. */
static loci_status walk(pairs *p, loci__meter *meter, uint64_t done, loci_error *error) {
  for (p->first = 0; p->first < p->n_words; p->first = p->last) {
    p->last = p->first + 1;
    while (p->last < p->n_words && p->places[p->last + 1] - p->places[p->first] <= MOST_POSITIONS) p->last++;
    list_positions(p);
    const size_t n = p->places[p->last] - p->places[p->first];
    LOCI__TRY(loci__pool_run(p->context, n / TASK_POSITIONS + 1, row_task, p, error));
    LOCI__TRY(loci__meter_at(meter, done + p->places[p->last], NULL, error));
  }
  return LOCI_OK;
}

static loci_status fill(pairs *p, loci__trainer *trainer, loci__sparse *matrix, loci_error *error) {
  const loci_ppmi_options *o = p->options;
  const uint64_t most = count_words(p);
  const uint64_t n_tokens = p->places[p->n_words];
  if (most > UINT32_MAX / (o->window * (o->window + 1)))
    return loci__fail(
        error, LOCI_ERROR_LIMIT,
        "a word that stands in %llu places with a window of %zu: counts would not fit; a smaller --window",
        (unsigned long long)most, o->window);
  size_t widest = 0;
  for (size_t first = 0, last = 0; first < p->n_words; first = last) {
    for (last = first + 1; last < p->n_words && p->places[last + 1] - p->places[first] <= MOST_POSITIONS;) last++;
    if (p->places[last] - p->places[first] > widest) widest = p->places[last] - p->places[first];
  }
  p->positions = loci__alloc_array(p->context, widest > 0 ? widest : 1, sizeof *p->positions);
  if (p->positions == NULL) return loci__fail_memory(error, widest * sizeof *p->positions, "places of words");
  double total = 0;
  for (size_t i = 0; i < p->n_words; i++) total += pow((double)p->sums[i], o->smoothing);
  if (!(total > 0))
    return loci__fail(error, LOCI_ERROR_NOT_FOUND, "no word stands beside another one: every line has one word");
  for (size_t i = 0; i < p->n_words; i++)
    p->context_share[i] = pow((double)p->sums[i], o->smoothing) * o->shift / total;
  LOCI__TRY(loci__meter_stage(&trainer->meter, "counting pairs", "words", 2 * n_tokens, error));
  LOCI__TRY(walk(p, &trainer->meter, 0, error));
  for (size_t i = 0; i < p->n_words; i++) p->sizes[i + 1] += p->sizes[i];
  const size_t n_values = p->sizes[p->n_words];
  const size_t needed = 2 * n_values * (sizeof(uint32_t) + sizeof(float)) +
                        loci__svd_memory(p->n_words, p->n_words, o->dim) +
                        (widest + 2 * loci__pool_size(p->context) * p->n_words) * sizeof(uint32_t) +
                        (p->thinned != NULL ? p->n * sizeof(int32_t) : 0);
  loci__log(p->context, LOCI_LOG_INFO, "%zu words, %zu positive entries: about %.1f MB of memory", p->n_words, n_values,
            (double)needed / 1e6);
  if (o->common.max_memory > 0 && needed > o->common.max_memory)
    return loci__fail(error, LOCI_ERROR_LIMIT,
                      "%zu words with %zu positive entries need about %.1f MB of memory, %.1f MB are allowed; fewer "
                      "words (--min-count), a smaller --window, fewer dimensions (--dim) or more memory (--max-memory)",
                      p->n_words, n_values, (double)needed / 1e6, (double)o->common.max_memory / 1e6);
  if (n_values == 0)
    return loci__fail(error, LOCI_ERROR_NOT_FOUND, "no pair of words stands together more often than by chance");
  LOCI__TRY(loci__sparse_init(matrix, p->context, p->n_words, p->n_words, n_values, error));
  memcpy(matrix->starts, p->sizes, (p->n_words + 1) * sizeof *matrix->starts);
  p->matrix = matrix;
  LOCI__TRY(walk(p, &trainer->meter, n_tokens, error));
  return loci__meter_end(&trainer->meter, error);
}

loci_status loci__ppmi_matrix(loci__trainer *trainer, const loci_ppmi_options *options, loci__sparse *matrix,
                              loci_error *error) {
  *matrix = (loci__sparse){0};
  loci_context *context = trainer->context;
  pairs p = {.context = context,
             .options = options,
             .ids = trainer->stream.ids,
             .n = trainer->stream.n,
             .n_words = loci__vocabulary_size(trainer->vocabulary)};
  if (p.n > UINT32_MAX)
    return loci__fail(error, LOCI_ERROR_LIMIT, "a corpus of %zu words is more than positions are counted for", p.n);
  const size_t workers = loci__pool_size(context);
  uint64_t *frequencies = loci__alloc_array(context, p.n_words, sizeof *frequencies);
  p.sums = loci__alloc_zero(context, p.n_words, sizeof *p.sums);
  p.context_share = loci__alloc_array(context, p.n_words, sizeof *p.context_share);
  p.places = loci__alloc_zero(context, p.n_words + 1, sizeof *p.places);
  p.sizes = loci__alloc_zero(context, p.n_words + 1, sizeof *p.sizes);
  p.counts = loci__alloc_zero(context, workers * p.n_words, sizeof *p.counts);
  p.met = loci__alloc_array(context, workers * p.n_words, sizeof *p.met);
  loci_status status = LOCI_OK;
  if (frequencies == NULL || p.sums == NULL || p.context_share == NULL || p.places == NULL || p.sizes == NULL ||
      p.counts == NULL || p.met == NULL)
    status = loci__fail_memory(error, (workers + 4) * p.n_words * 8, "counting pairs");
  if (status == LOCI_OK && options->sample > 0) {
    for (size_t i = 0; i < p.n_words; i++) loci__vocabulary_word(trainer->vocabulary, i, NULL, &frequencies[i]);
    status = thin(&p, frequencies, trainer->stream.n_tokens, error);
  }
  if (status == LOCI_OK) status = fill(&p, trainer, matrix, error);
  loci__free(context, frequencies);
  loci__free(context, p.thinned);
  loci__free(context, p.sums);
  loci__free(context, p.context_share);
  loci__free(context, p.places);
  loci__free(context, p.positions);
  loci__free(context, p.sizes);
  loci__free(context, p.counts);
  loci__free(context, p.met);
  if (status != LOCI_OK) loci__sparse_release(matrix);
  return status;
}

static loci_status train(loci__trainer *trainer, const loci_ppmi_options *o, loci_error *error) {
  loci__trainer_set(trainer, "dim", "%zu", o->dim);
  loci__trainer_set(trainer, "window", "%zu", o->window);
  loci__trainer_set(trainer, "shift", "%.7g", o->shift);
  loci__trainer_set(trainer, "smoothing", "%.7g", o->smoothing);
  loci__trainer_set(trainer, "sample", "%.7g", o->sample);
  loci__trainer_set(trainer, "tolerance", "%.7g", o->tolerance);
  loci__trainer_set(trainer, "alpha", "%.7g", o->alpha);
  LOCI__TRY(loci__trainer_open(trainer, 32 + 8 * loci__pool_size(trainer->context) + o->dim * 3 * sizeof(float),
                               1 << 20, true, error));
  loci__sparse matrix, transpose = {0};
  LOCI__TRY(loci__ppmi_matrix(trainer, o, &matrix, error));
  loci__svd svd = {0};
  loci_status status = loci__sparse_transpose(&matrix, &transpose, error);
  if (status == LOCI_OK) status = loci__factor(trainer, &matrix, &transpose, o->dim, o->tolerance, &svd, error);
  if (status == LOCI_OK && svd.rank < o->dim)
    loci__log(trainer->context, LOCI_LOG_WARNING, "%zu dimensions instead of %zu: %zu words have no more", svd.rank,
              o->dim, svd.n_rows);
  loci__buffer more;
  loci__buffer_init(&more, trainer->context, 0);
  if (status == LOCI_OK) {
    for (size_t j = 0; j < svd.rank; j++) {
      const float scale = (float)pow(svd.values[j], o->alpha);
      for (size_t i = 0; i < svd.n_rows; i++) svd.left[i * svd.rank + j] *= scale;
    }
    loci__buffer_printf(&more, "entries: %zu\n", loci__sparse_count(&matrix));
    loci__factor_tell(&svd, &more);
    status = loci__buffer_status(&more, "the model card", error);
  }
  if (status == LOCI_OK) status = loci__trainer_finish(trainer, svd.left, svd.rank, svd.rank, more.data, error);
  loci__buffer_release(&more);
  loci__svd_release(&svd);
  loci__sparse_release(&transpose);
  loci__sparse_release(&matrix);
  return status;
}

loci_status loci_train_ppmi(loci_context *context, const char *corpus, const loci_ppmi_options *options,
                            const char *output, loci_error *error) {
  loci_ppmi_options all;
  loci_ppmi_options_init(&all);
  if (options != NULL) {
    if (options->struct_size < sizeof(size_t) || options->struct_size > 4096)
      return loci__fail(error, LOCI_ERROR_USAGE, "loci_ppmi_options: call loci_ppmi_options_init first");
    memcpy(&all, options, options->struct_size < sizeof all ? options->struct_size : sizeof all);
  }
  LOCI__TRY(check(&all, error));
  LOCI__TRY(loci__eigen_check(error));
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, 0, "a context");
  loci__trainer trainer;
  loci__trainer_init(&trainer, context, "ppmi", corpus, output, &all.common);
  loci_status status = train(&trainer, &all, error);
  loci__trainer_close(&trainer);
  return status;
}
