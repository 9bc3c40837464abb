/* train/fasttext_step.c: what a batch of words teaches.
 *
 * Negative sampling (Mikolov et al. 2013b) over hidden vectors h = mean of a word's rows (skip-gram) or of all rows of a
 * window's words (CBOW): for each pair with an output row o the weight is rate·(label − σ(h·o)) · how often it counts; o
 * moves by weight·h, and each row of the item by Σ weight·o.
 *
 * Everything is computed from the parameters as they were before the batch; weights are kept, and the applying phase adds
 * weight·h to outputs and gradients to inputs, a partition of the rows a task.
 */
#include "subword.h"

#include <math.h>

enum { LOOK_AHEAD = 1, TASK_ITEMS = 8 };

static size_t blocks_of_task(const loci__subword_plan *plan) {
  return plan->block < TASK_ITEMS ? TASK_ITEMS / plan->block : 1;
}

loci_status loci__subword_scratch_init(loci__subword_scratch *s, const loci__subword_plan *plan, loci_error *error) {
  loci_context *c = plan->context;
  *s = (loci__subword_scratch){.context = c};
  size_t pairs = (plan->cbow ? 1 : LOCI__SUBWORD_REPEATS * 2 * plan->window) + plan->n_noise;
  size_t n = pairs > plan->subwords->most ? pairs : plan->subwords->most;
  if (n < plan->block) n = plan->block;
  if (n < 2 * plan->window + 1) n = 2 * plan->window + 1;
  s->rows = loci__alloc_array(c, n, sizeof *s->rows);
  s->products = loci__alloc_array(c, n, sizeof *s->products);
  s->weights = loci__alloc_array(c, n, sizeof *s->weights);
  s->noise = loci__alloc_array(c, plan->n_noise + 1, sizeof *s->noise);
  if (s->rows && s->products && s->weights && s->noise) return LOCI_OK;
  loci__subword_scratch_release(s);
  return loci__fail_memory(error, 12 * n, "a thread's scratch");
}

void loci__subword_scratch_release(loci__subword_scratch *s) {
  loci__free(s->context, s->rows);
  loci__free(s->context, s->products);
  loci__free(s->context, s->weights);
  loci__free(s->context, s->noise);
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

/* Σ of the word's rows · scale. */
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

/* Against n_targets rows that belong (scratch->rows) and the block's noise behind them: weights to target_weights and
 * noise_weights, the gradient to `gradient`. `pairs`: how many pairs the item stands for. */
static void teach(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b,
                  loci__subword_scratch *scratch, size_t n_targets, size_t pairs, size_t block, const float *hidden,
                  float *target_weights, float *noise_weights, float *gradient) {
  const loci__kernels *k = net->kernels;
  const uint32_t *noise = b->noise + block * plan->n_noise;
  uint32_t *rows = scratch->rows;
  size_t n = n_targets + plan->n_noise;
  for (size_t j = 0; j < plan->n_noise; j++) rows[n_targets + j] = noise[j];
  k->dot_picked_f32(hidden, net->output, net->stride, rows, n, net->stride, scratch->products);
  k->logistic_f32(scratch->products, n, scratch->products);
  float *weights = scratch->weights, rate = b->rate;
  for (size_t j = 0; j < n_targets; j++) target_weights[j] = weights[j] = rate * (1 - scratch->products[j]);
  float share = plan->n_noise > 0 ? (float)plan->negative / (float)plan->n_noise : 0;
  for (size_t j = 0; j < plan->n_noise; j++) {
    /* a noise word is never the target itself: it stands against the other pairs only */
    size_t own = 0;
    for (size_t t = 0; t < n_targets; t++) own += rows[t] == noise[j];
    float weight = -rate * share * (float)(pairs - own) * scratch->products[n_targets + j];
    noise_weights[j] = weights[n_targets + j] = weight;
  }
  clear(gradient, net->stride);
  k->add_picked_f32(gradient, net->output, net->stride, rows, weights, n, net->stride);
  if (block != 0) return;
  double loss = 0;
  for (size_t j = 0; j < n_targets; j++) loss -= log((double)scratch->products[j] + 1e-7);
  for (size_t j = 0; j < plan->n_noise; j++)
    loss -= (double)share * (double)pairs * log(1 - (double)scratch->products[n_targets + j] + 1e-7);
  b->loss += loss;
  b->loss_pairs += (double)pairs;
}

/* ---- phases ---- */

static void sum_slots(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b,
                      loci__subword_scratch *scratch, size_t task) {
  size_t first = task * TASK_ITEMS, last = first + TASK_ITEMS;
  if (last > b->n_slots) last = b->n_slots;
  for (size_t s = first; s < last; s++) {
    if (s + LOOK_AHEAD < last) prefetch_word(plan, net, b->slot_word[s + LOOK_AHEAD]);
    sum_word(plan, net, scratch, b->slot_word[s], false, b->sums + s * net->stride);
  }
}

/* noise_weights are kept as [noise word][item of the block], the order in which they are applied. */
static void keep_noise(const loci__subword_plan *plan, loci__subword_batch *b, size_t block, size_t item,
                       const float *weights) {
  float *kept = b->noise_weights + block * plan->n_noise * plan->block + item;
  for (size_t j = 0; j < plan->n_noise; j++) kept[j * plan->block] = weights[j];
}

static void compute_skipgram(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b,
                             loci__subword_scratch *scratch, size_t block) {
  size_t first = block * plan->block, last = first + plan->block;
  if (last > b->n_slots) last = b->n_slots;
  if (block == 0) b->loss = b->loss_pairs = 0;
  prefetch_word(plan, net, b->slot_word[first]);
  prefetch_rows(net->output, net->stride, b->noise + block * plan->n_noise, plan->n_noise);
  for (size_t s = first; s < last; s++) {
    if (s + LOOK_AHEAD < last) prefetch_word(plan, net, b->slot_word[s + LOOK_AHEAD]);
    float *hidden = b->hidden + s * net->stride, *gradient = b->gradient + s * net->stride;
    size_t from = b->pair_starts[s], n = b->pair_starts[s + 1] - from;
    prefetch_rows(net->output, net->stride, b->pair_with + from, n);
    sum_word(plan, net, scratch, b->slot_word[s], true, hidden);
    memcpy(scratch->rows, b->pair_with + from, n * sizeof *scratch->rows);
    teach(plan, net, b, scratch, n, n, block, hidden, b->pair_weights + from, scratch->noise, gradient);
    keep_noise(plan, b, block, s - first, scratch->noise);
  }
}

static void compute_cbow(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b,
                         loci__subword_scratch *scratch, size_t block) {
  const loci__subwords *w = plan->subwords;
  size_t first = block * plan->block, last = first + plan->block;
  if (last > b->n_positions) last = b->n_positions;
  if (block == 0) b->loss = b->loss_pairs = 0;
  prefetch_rows(net->output, net->stride, b->noise + block * plan->n_noise, plan->n_noise);
  for (size_t i = first; i < last; i++) {
    prefetch_rows(net->output, net->stride, (const uint32_t *)b->words + i, 1);
    float *hidden = b->hidden + i * net->stride, *gradient = b->gradient + i * net->stride;
    size_t n = 0, n_rows = 0;
    for (size_t j = b->first[i]; j <= b->last[i]; j++) {
      if (j == i) continue;
      scratch->rows[n++] = b->slot_of[j];
      n_rows += w->starts[b->words[j] + 1] - w->starts[b->words[j]];
    }
    clear(hidden, net->stride);
    if (n == 0) { /* a word alone in its line predicts nothing */
      clear(gradient, net->stride);
      b->pair_weights[i] = 0;
      clear(scratch->noise, plan->n_noise);
      keep_noise(plan, b, block, i - first, scratch->noise);
      continue;
    }
    for (size_t j = 0; j < n; j++) scratch->weights[j] = 1.0f / (float)n_rows;
    net->kernels->add_picked_f32(hidden, b->sums, net->stride, scratch->rows, scratch->weights, n, net->stride);
    scratch->rows[0] = (uint32_t)b->words[i];
    teach(plan, net, b, scratch, 1, 1, block, hidden, b->pair_weights + i, scratch->noise, gradient);
    keep_noise(plan, b, block, i - first, scratch->noise);
  }
}

/* Blocks are small where little noise is shared; a task is several. */
static void compute(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b,
                    loci__subword_scratch *scratch, size_t task) {
  size_t first = task * blocks_of_task(plan), last = first + blocks_of_task(plan);
  for (size_t block = first; block < last && block < b->n_blocks; block++) {
    if (plan->cbow) compute_cbow(plan, net, b, scratch, block);
    else compute_skipgram(plan, net, b, scratch, block);
  }
}

static void collect(const loci__subword_net *net, loci__subword_batch *b, size_t task) {
  size_t first = task * TASK_ITEMS, last = first + TASK_ITEMS;
  if (last > b->n_slots) last = b->n_slots;
  for (size_t s = first; s < last; s++) {
    float *sum = b->slot_gradient + s * net->stride;
    clear(sum, net->stride);
    net->kernels->add_picked_f32(sum, b->gradient, net->stride, b->pair_with + b->pair_starts[s], NULL,
                                 b->pair_starts[s + 1] - b->pair_starts[s], net->stride);
  }
}

static void apply_inputs(const loci__subword_net *net, const float *gradients, const loci__subword_entry *entry,
                         size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (i + 4 < n) __builtin_prefetch(net->input + entry[i + 4].row * net->stride, 1);
    net->kernels->add_scaled_f32(1.0f, gradients + entry[i].from * net->stride, net->stride,
                                 net->input + entry[i].row * net->stride);
  }
}

static void apply_targets(const loci__subword_plan *plan, const loci__subword_net *net, const loci__subword_batch *b,
                          const loci__subword_entry *entry, size_t n) {
  for (size_t i = 0; i < n; i++) {
    size_t item = plan->cbow ? entry[i].from : b->pair_slot[entry[i].from];
    net->kernels->add_scaled_f32(b->pair_weights[entry[i].from], b->hidden + item * net->stride, net->stride,
                                 net->output + entry[i].row * net->stride);
  }
}

static void apply_noise(const loci__subword_plan *plan, const loci__subword_net *net, const loci__subword_batch *b,
                        loci__subword_scratch *scratch, const loci__subword_entry *entry, size_t n) {
  for (size_t j = 0; j < plan->block; j++) scratch->rows[j] = (uint32_t)j;
  for (size_t i = 0; plan->block == 1 && i < n; i++)
    net->kernels->add_scaled_f32(b->noise_weights[entry[i].from],
                                 b->hidden + entry[i].from / plan->n_noise * net->stride, net->stride,
                                 net->output + entry[i].row * net->stride);
  for (size_t i = 0; plan->block > 1 && i < n; i++) {
    size_t first = entry[i].from / plan->n_noise * plan->block;
    size_t items = b->n_items - first < plan->block ? b->n_items - first : plan->block;
    net->kernels->add_picked_f32(net->output + entry[i].row * net->stride, b->hidden + first * net->stride, net->stride,
                                 scratch->rows, b->noise_weights + entry[i].from * plan->block, items, net->stride);
  }
}

size_t loci__subword_tasks(const loci__subword_plan *plan, const loci__subword_batch *b, int phase) {
  size_t slots = (b->n_slots + TASK_ITEMS - 1) / TASK_ITEMS;
  switch (phase) {
    case LOCI__SUBWORD_SUM: return plan->cbow ? slots : 0;
    case LOCI__SUBWORD_COMPUTE: return (b->n_blocks + blocks_of_task(plan) - 1) / blocks_of_task(plan);
    case LOCI__SUBWORD_COLLECT: return plan->cbow ? slots : 0;
    default: return 2 * plan->n_partitions;
  }
}

void loci__subword_work(const loci__subword_plan *plan, const loci__subword_net *net, loci__subword_batch *b,
                        loci__subword_scratch *scratch, int phase, size_t task) {
  switch (phase) {
    case LOCI__SUBWORD_SUM: sum_slots(plan, net, b, scratch, task); return;
    case LOCI__SUBWORD_COMPUTE: compute(plan, net, b, scratch, task); return;
    case LOCI__SUBWORD_COLLECT: collect(net, b, task); return;
    default: break;
  }
  size_t p = task >> 1; /* inputs and outputs of a partition are two tasks */
  if (task & 1) {
    const loci__subword_entries *t = &b->targets, *noise = &b->noises;
    apply_targets(plan, net, b, t->items + t->starts[p], t->starts[p + 1] - t->starts[p]);
    apply_noise(plan, net, b, scratch, noise->items + noise->starts[p], noise->starts[p + 1] - noise->starts[p]);
  } else {
    const loci__subword_entries *e = &b->inputs;
    apply_inputs(net, plan->cbow ? b->slot_gradient : b->gradient, e->items + e->starts[p],
                 e->starts[p + 1] - e->starts[p]);
  }
}
