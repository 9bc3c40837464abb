/* train/fasttext_step.c: what a batch of words teaches.
 *
 * Negative sampling (Mikolov et al. 2013b) over hidden vectors h = mean of a word's rows (skip-gram) or of all rows of a
 * window's words (CBOW): for each output row o of a pair the weight is rate·(label − σ(h·o)); o moves by weight·h, and h by
 * Σ weight·o, which each row of the item gets in whole.
 *
 * Input and output rows are read as they were before the batch. A skip-gram item's h moves on after every few of its pairs
 * (plan->at_once), as it would if its rows were changed at once: taken from one h, the gradients of some forty rows all
 * pull the same way, and overshoot. Its output rows are moved by the h it began with: the h half way, the mean of what its
 * pairs saw, holds a part of the output row itself, which grew by that in each step, and 10 MB of text diverged.
 */
#include "subword.h"

#include <math.h>

enum { LOOK_AHEAD = 1, TASK_ITEMS = 8 };

loci_status loci__subword_scratch_init(loci__subword_scratch *s, const loci__subword_plan *plan, loci_error *error) {
  loci_context *c = plan->context;
  *s = (loci__subword_scratch){.context = c};
  size_t n = plan->subwords->most > 2 * plan->window + 1 ? plan->subwords->most : 2 * plan->window + 1;
  s->rows = loci__alloc_array(c, n, sizeof *s->rows);
  s->weights = loci__alloc_array(c, n, sizeof *s->weights);
  if (s->rows && s->weights) return LOCI_OK;
  loci__subword_scratch_release(s);
  return loci__fail_memory(error, 8 * n, "a thread's scratch");
}

void loci__subword_scratch_release(loci__subword_scratch *s) {
  loci__free(s->context, s->rows);
  loci__free(s->context, s->weights);
  *s = (loci__subword_scratch){.context = s->context};
}

static void clear(float *x, size_t n) {
  memset(x, 0, n * sizeof *x);
}

/* Hints only: the beginnings of the rows; the processor's own prefetcher goes on from there. */
static void prefetch_rows(const float *base, size_t stride, const uint32_t *rows, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const float *row = base + rows[i] * stride;
    for (size_t j = 0; j < stride && j < 64; j += 16) __builtin_prefetch(row + j);
  }
}

static void prefetch_word(const loci__subword_plan *plan, const loci__subword_net *net, int32_t word) {
  const loci__subwords *w = plan->subwords;
  prefetch_rows(net->input, net->stride, w->rows + w->starts[word], w->starts[word + 1] - w->starts[word]);
}

/* The sum of the word's rows, or their mean. */
static void sum_word(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_scratch *scratch,
                     int32_t word, bool mean, float *out) {
  const loci__subwords *w = plan->subwords;
  size_t n = w->starts[word + 1] - w->starts[word];
  clear(out, net->stride);
  if (mean) {
    float share = 1.0f / (float)n;
    for (size_t i = 0; i < n; i++) scratch->weights[i] = share;
  }
  net->kernels->add_picked_f32(out, net->input, net->stride, w->rows + w->starts[word], mean ? scratch->weights : NULL,
                               n, net->stride);
}

/* Pairs first … first + n − 1 against h: their weights, and `sum` moved by Σ weight·o (h itself, or what gathers it). */
static void teach(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b, size_t first,
                  size_t n, const float *h, float *sum, bool tell) {
  const loci__kernels *k = net->kernels;
  size_t width = 1 + plan->negative, n_rows = n * width;
  const uint32_t *rows = b->rows + first * width;
  float *weights = b->weights + first * width, rate = b->rate;
  k->dot_picked_f32(h, net->output, net->stride, rows, n_rows, net->stride, weights);
  k->logistic_f32(weights, n_rows, weights);
  if (tell) {
    for (size_t i = 0; i < n_rows; i++)
      b->loss -= log((i % width == 0 ? (double)weights[i] : 1 - (double)weights[i]) + 1e-7);
    b->loss_pairs += (double)n;
  }
  for (size_t i = 0; i < n_rows; i++) weights[i] *= -rate;
  for (size_t i = 0; i < n_rows; i += width) weights[i] += rate;
  k->add_picked_f32(sum, net->output, net->stride, rows, weights, n_rows, net->stride);
}

/* ---- phases: items first … last − 1 ---- */

static void sum_slots(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b,
                      loci__subword_scratch *scratch, size_t first, size_t last) {
  for (size_t s = first; s < last; s++) {
    if (s + LOOK_AHEAD < last) prefetch_word(plan, net, b->slot_word[s + LOOK_AHEAD]);
    sum_word(plan, net, scratch, b->slot_word[s], false, b->sums + s * net->stride);
  }
}

static void compute_skipgram(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b,
                             loci__subword_scratch *scratch, size_t first, size_t last) {
  size_t width = 1 + plan->negative;
  prefetch_word(plan, net, b->slot_word[first]);
  prefetch_rows(net->output, net->stride, b->rows + b->list_starts[first] * width, width);
  for (size_t s = first; s < last; s++) {
    if (s + LOOK_AHEAD < last) prefetch_word(plan, net, b->slot_word[s + LOOK_AHEAD]);
    float *h = b->hidden + s * net->stride, *gradient = b->gradient + s * net->stride;
    sum_word(plan, net, scratch, b->slot_word[s], true, h);
    memcpy(gradient, h, net->stride * sizeof *h);
    for (size_t p = b->list_starts[s], end = b->list_starts[s + 1]; p < end; p += plan->at_once) {
      size_t n = end - p < plan->at_once ? end - p : plan->at_once;
      if (p + n < b->n_pairs)
        prefetch_rows(net->output, net->stride, b->rows + (p + n) * width,
                      (b->n_pairs - p - n < plan->at_once ? b->n_pairs - p - n : plan->at_once) * width);
      teach(plan, net, b, p, n, h, h, first == 0);
    }
    for (size_t j = 0; j < net->stride; j++) {
      float before = gradient[j];
      gradient[j] = h[j] - before;
      h[j] = before;
    }
  }
}

static void compute_cbow(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b,
                         loci__subword_scratch *scratch, size_t first, size_t last) {
  const loci__subwords *w = plan->subwords;
  size_t width = 1 + plan->negative;
  prefetch_rows(net->output, net->stride, b->rows + first * width, width);
  for (size_t i = first; i < last; i++) {
    if (i + 1 < last) prefetch_rows(net->output, net->stride, b->rows + (i + 1) * width, width);
    float *h = b->hidden + i * net->stride, *gradient = b->gradient + i * net->stride;
    size_t n = 0, n_rows = 0;
    for (size_t j = b->first[i]; j <= b->last[i]; j++) {
      if (j == i) continue;
      scratch->rows[n++] = b->slot_of[j];
      n_rows += w->starts[b->words[j] + 1] - w->starts[b->words[j]];
    }
    clear(h, net->stride);
    clear(gradient, net->stride);
    if (n == 0) { /* a word alone in its line predicts nothing */
      clear(b->weights + i * width, width);
      continue;
    }
    for (size_t j = 0; j < n; j++) scratch->weights[j] = 1.0f / (float)n_rows;
    net->kernels->add_picked_f32(h, b->sums, net->stride, scratch->rows, scratch->weights, n, net->stride);
    teach(plan, net, b, i, 1, h, gradient, first == 0);
  }
}

static void compute(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b,
                    loci__subword_scratch *scratch, size_t first, size_t last) {
  if (first == 0) b->loss = b->loss_pairs = 0;
  if (plan->cbow) compute_cbow(plan, net, b, scratch, first, last);
  else compute_skipgram(plan, net, b, scratch, first, last);
}

static void collect(const loci__subword_net *net, loci__subword_batch *b, size_t first, size_t last) {
  for (size_t s = first; s < last; s++) {
    float *sum = b->slot_gradient + s * net->stride;
    clear(sum, net->stride);
    net->kernels->add_picked_f32(sum, b->gradient, net->stride, b->list + b->list_starts[s], NULL,
                                 b->list_starts[s + 1] - b->list_starts[s], net->stride);
  }
}

/* rows += weights[at] · vectors[item], or 1 · vectors[item]. */
static void apply(const loci__subword_net *net, float *rows, const float *vectors, const float *weights,
                  const loci__subword_entries *entries, size_t partition) {
  const loci__subword_entry *e = entries->items + entries->starts[partition];
  size_t n = entries->starts[partition + 1] - entries->starts[partition];
  for (size_t i = 0; i < n; i++) {
    if (i + 4 < n) prefetch_rows(rows, net->stride, &e[i + 4].row, 1);
    net->kernels->add_scaled_f32(weights ? weights[e[i].at] : 1.0f, vectors + e[i].item * net->stride, net->stride,
                                 rows + e[i].row * net->stride);
  }
}

size_t loci__subword_tasks(const loci__subword_plan *plan, const loci__subword_batch *b, int phase) {
  switch (phase) {
    case LOCI__SUBWORD_SUM:
    case LOCI__SUBWORD_COLLECT: return plan->cbow ? (b->n_slots + TASK_ITEMS - 1) / TASK_ITEMS : 0;
    case LOCI__SUBWORD_COMPUTE: return (b->n_items + TASK_ITEMS - 1) / TASK_ITEMS;
    default: return 2 * plan->n_partitions;
  }
}

void loci__subword_work(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b,
                        loci__subword_scratch *scratch, int phase, size_t task) {
  size_t first = task * TASK_ITEMS, last = first + TASK_ITEMS;
  size_t n = phase == LOCI__SUBWORD_COMPUTE ? b->n_items : b->n_slots;
  if (last > n) last = n;
  switch (phase) {
    case LOCI__SUBWORD_SUM: sum_slots(plan, net, b, scratch, first, last); return;
    case LOCI__SUBWORD_COMPUTE: compute(plan, net, b, scratch, first, last); return;
    case LOCI__SUBWORD_COLLECT: collect(net, b, first, last); return;
    default: break;
  }
  /* outputs and inputs of a partition are two tasks */
  if (task & 1) apply(net, net->output, b->hidden, b->weights, &b->outputs, task >> 1);
  else apply(net, net->input, plan->cbow ? b->slot_gradient : b->gradient, NULL, &b->inputs, task >> 1);
}
