/* train/fasttext_batch.c: the corpus as batches: which words, in which windows, against which noise, and which rows they
 * will change.
 *
 * Filling a batch touches no parameters, so the next one is filled by one thread while the others compute the present one.
 * All random numbers of training are drawn here, in the order of the corpus.
 *
 * Frequent words are thinned out as in word2vec and fastText (Mikolov et al. 2013b); a window is drawn for each word and
 * ends with its line, or with the batch.
 */
#include "subword.h"

/* What a batch's lists may hold. A batch also ends where its words' rows would not fit. */
typedef struct sizes {
  size_t list, pairs, outputs, rows;
} sizes;

static bool sizes_of(const loci__subword_plan *plan, sizes *s) {
  s->rows = plan->batch * 32 > plan->subwords->most ? plan->batch * 32 : plan->subwords->most;
  if (!loci__mul(plan->batch, 2 * plan->window, &s->list)) return false;
  s->pairs = plan->cbow ? plan->batch : s->list;
  return loci__mul(s->pairs, 1 + plan->negative, &s->outputs) && s->list < UINT32_MAX && s->rows < UINT32_MAX &&
         s->outputs < UINT32_MAX;
}

size_t loci__subword_batch_bytes(const loci__subword_plan *plan, size_t stride) {
  sizes s;
  if (!sizes_of(plan, &s)) return SIZE_MAX;
  size_t vectors = plan->batch * stride * (plan->cbow ? 4 : 2) * sizeof(float);
  return vectors + (s.rows + s.outputs) * sizeof(loci__subword_entry) + s.outputs * 8 + plan->batch * 40 + s.list * 8 +
         plan->subwords->n_words * 12;
}

static bool entries_init(loci_context *context, loci__subword_entries *e, size_t capacity, size_t n_partitions) {
  e->items = loci__alloc_array(context, capacity, sizeof *e->items);
  e->starts = loci__alloc_array(context, n_partitions + 1, sizeof *e->starts);
  return e->items && e->starts;
}

static void entries_release(loci_context *context, loci__subword_entries *e) {
  loci__free(context, e->items);
  loci__free(context, e->starts);
}

static float *vectors(loci_context *context, size_t n, size_t stride) {
  size_t size;
  if (!loci__mul(n, stride * sizeof(float), &size)) return NULL;
  return loci__alloc_aligned(context, size);
}

loci_status loci__subword_batch_init(loci__subword_batch *b, const loci__subword_plan *plan, size_t stride,
                                     loci_error *error) {
  loci_context *c = plan->context;
  *b = (loci__subword_batch){.context = c, .capacity = plan->batch};
  sizes s;
  if (!sizes_of(plan, &s)) return loci__fail(error, LOCI_ERROR_LIMIT, "the window is too wide");
  size_t n = plan->batch, n_words = plan->subwords->n_words;
  b->words = loci__alloc_array(c, n, sizeof *b->words);
  b->first = loci__alloc_array(c, n, sizeof *b->first);
  b->last = loci__alloc_array(c, n, sizeof *b->last);
  b->line = loci__alloc_array(c, n, sizeof *b->line);
  b->slot_of = loci__alloc_array(c, n, sizeof *b->slot_of);
  b->slot_word = loci__alloc_array(c, n, sizeof *b->slot_word);
  b->list_starts = loci__alloc_array(c, n + 2, sizeof *b->list_starts);
  b->list = loci__alloc_array(c, s.list, sizeof *b->list);
  b->list_slot = loci__alloc_array(c, s.list, sizeof *b->list_slot);
  b->rows = loci__alloc_array(c, s.outputs, sizeof *b->rows);
  b->weights = loci__alloc_array(c, s.outputs, sizeof *b->weights);
  b->stamp = loci__alloc_zero(c, n_words, sizeof *b->stamp);
  b->slot_now = loci__alloc_array(c, n_words, sizeof *b->slot_now);
  b->repeats = loci__alloc_array(c, n_words, sizeof *b->repeats);
  b->hidden = vectors(c, n, stride);
  b->gradient = vectors(c, n, stride);
  if (plan->cbow) {
    b->sums = vectors(c, n, stride);
    b->slot_gradient = vectors(c, n, stride);
  }
  bool all = b->words && b->first && b->last && b->line && b->slot_of && b->slot_word && b->list_starts && b->list &&
             b->list_slot && b->rows && b->weights && b->stamp && b->slot_now && b->repeats && b->hidden &&
             b->gradient && (!plan->cbow || (b->sums && b->slot_gradient));
  /* both are tried, so that a failure leaves nothing half said */
  all &= entries_init(c, &b->inputs, s.rows, plan->n_partitions);
  all &= entries_init(c, &b->outputs, s.outputs, plan->n_partitions);
  if (all) return LOCI_OK;
  loci__subword_batch_release(b);
  return loci__fail_memory(error, loci__subword_batch_bytes(plan, stride), "a batch of words");
}

void loci__subword_batch_release(loci__subword_batch *b) {
  loci_context *c = b->context;
  loci__free(c, b->words), loci__free(c, b->first), loci__free(c, b->last), loci__free(c, b->line);
  loci__free(c, b->slot_of), loci__free(c, b->slot_word), loci__free(c, b->list_starts);
  loci__free(c, b->list), loci__free(c, b->list_slot), loci__free(c, b->rows), loci__free(c, b->weights);
  loci__free(c, b->stamp), loci__free(c, b->slot_now), loci__free(c, b->repeats);
  loci__free_aligned(c, b->hidden), loci__free_aligned(c, b->gradient);
  loci__free_aligned(c, b->sums), loci__free_aligned(c, b->slot_gradient);
  entries_release(c, &b->inputs), entries_release(c, &b->outputs);
  *b = (loci__subword_batch){.context = c};
}

static uint32_t rows_of(const loci__subwords *s, int32_t word) {
  return s->starts[word + 1] - s->starts[word];
}

/* Words that stay, and the lines they stand in. */
static void take_words(const loci__subword_plan *plan, loci__subword_place *place, loci__subword_batch *b) {
  size_t n = 0, most_rows = plan->batch * 32, n_rows = 0;
  uint32_t line = 0;
  uint64_t at = place->at;
  while (at < place->end && n < b->capacity) {
    int32_t word = plan->ids[at];
    if (word == LOCI__LINE_END) {
      line = (uint32_t)n;
      at++;
      continue;
    }
    uint32_t rows = rows_of(plan->subwords, word);
    if (n > 0 && n_rows + rows > most_rows) break;
    at++;
    place->n_read++;
    float keep = plan->keep[word];
    if (keep < 1 && (float)(loci__random_next(&place->random) >> 40) * 0x1p-24f >= keep) continue;
    b->words[n] = word;
    b->line[n++] = line;
    n_rows += rows;
  }
  place->at = at;
  b->n_positions = n;
}

static void draw_windows(const loci__subword_plan *plan, loci__random *random, loci__subword_batch *b) {
  for (size_t i = 0; i < b->n_positions; i++) {
    size_t reach = 1 + (size_t)((loci__random_next(random) >> 32) * plan->window >> 32);
    uint32_t line = b->line[i];
    size_t first = i > reach && i - reach > line ? i - reach : line, last = i;
    while (last < i + reach && last + 1 < b->n_positions && b->line[last + 1] == line) last++;
    b->first[i] = (uint32_t)first;
    b->last[i] = (uint32_t)last;
  }
}

static void make_slots(const loci__subword_plan *plan, loci__subword_batch *b) {
  if (++b->stamped == 0) { /* once in 2³² batches */
    memset(b->stamp, 0, plan->subwords->n_words * sizeof *b->stamp);
    b->stamped = 1;
  }
  b->n_slots = 0;
  for (size_t i = 0; i < b->n_positions; i++) {
    int32_t word = b->words[i];
    bool known = b->stamp[word] == b->stamped;
    if (!known || (!plan->cbow && b->repeats[word] == LOCI__SUBWORD_REPEATS)) {
      b->stamp[word] = b->stamped;
      b->slot_now[word] = (uint32_t)b->n_slots;
      b->slot_word[b->n_slots++] = word;
      b->repeats[word] = 0;
    }
    b->repeats[word]++;
    b->slot_of[i] = b->slot_now[word];
  }
}

/* Lists by slot: counts, their running sum, then the places; list_starts[s + 1] serves as slot s's cursor, so that in the
 * end each start stands where it belongs. */
static void make_lists(const loci__subword_plan *plan, loci__subword_batch *b) {
  uint32_t *starts = b->list_starts;
  memset(starts, 0, (b->n_slots + 2) * sizeof *starts);
  for (size_t i = 0; i < b->n_positions; i++) {
    if (!plan->cbow) {
      starts[b->slot_of[i] + 2] += b->last[i] - b->first[i];
      continue;
    }
    for (size_t j = b->first[i]; j <= b->last[i]; j++)
      if (j != i) starts[b->slot_of[j] + 2]++;
  }
  for (size_t s = 2; s < b->n_slots + 2; s++) starts[s] += starts[s - 1];
  for (size_t i = 0; i < b->n_positions; i++) {
    for (size_t j = b->first[i]; j <= b->last[i]; j++) {
      if (j == i) continue;
      uint32_t slot = b->slot_of[plan->cbow ? j : i];
      uint32_t at = starts[slot + 1]++;
      b->list[at] = plan->cbow ? (uint32_t)i : (uint32_t)b->words[j];
      b->list_slot[at] = slot;
    }
  }
}

/* A noise word is never the target itself. */
static uint32_t draw_noise(const loci__subword_plan *plan, loci__random *random, uint32_t target) {
  for (int i = 0; i < 64; i++) {
    uint32_t word = loci__alias_draw(plan->noise, loci__random_next(random));
    if (word != target) return word;
  }
  return target > 0 ? 0 : 1; /* hardly any other word is drawn: the next best one */
}

static void make_pairs(const loci__subword_plan *plan, loci__random *random, loci__subword_batch *b) {
  b->n_pairs = plan->cbow ? b->n_positions : b->list_starts[b->n_slots];
  uint32_t *row = b->rows;
  for (size_t p = 0; p < b->n_pairs; p++) {
    uint32_t target = *row++ = plan->cbow ? (uint32_t)b->words[p] : b->list[p];
    for (size_t j = 0; j < plan->negative; j++) *row++ = draw_noise(plan, random, target);
  }
}

/* ---- who writes to which row: counting sort by partition ---- */

/* Counts in starts[0 … n_partitions) become cursors in starts[1 … n_partitions]; when all is placed, starts. */
static void counts_to_cursors(loci__subword_entries *e, size_t n_partitions) {
  uint32_t sum = 0, count = e->starts[0];
  e->starts[0] = 0;
  for (size_t p = 1; p <= n_partitions; p++) {
    uint32_t next = p < n_partitions ? e->starts[p] : 0;
    e->starts[p] = sum;
    sum += count;
    count = next;
  }
}

static void sort_inputs(const loci__subword_plan *plan, loci__subword_batch *b) {
  const loci__subwords *w = plan->subwords;
  uint32_t mask = (uint32_t)plan->n_partitions - 1;
  loci__subword_entries *e = &b->inputs;
  memset(e->starts, 0, (plan->n_partitions + 1) * sizeof *e->starts);
  for (size_t s = 0; s < b->n_slots; s++)
    for (uint32_t r = w->starts[b->slot_word[s]]; r < w->starts[b->slot_word[s] + 1]; r++)
      e->starts[w->rows[r] & mask]++;
  counts_to_cursors(e, plan->n_partitions);
  for (size_t s = 0; s < b->n_slots; s++)
    for (uint32_t r = w->starts[b->slot_word[s]]; r < w->starts[b->slot_word[s] + 1]; r++)
      e->items[e->starts[(w->rows[r] & mask) + 1]++] = (loci__subword_entry){.row = w->rows[r], .item = (uint32_t)s};
}

static void sort_outputs(const loci__subword_plan *plan, loci__subword_batch *b) {
  uint32_t mask = (uint32_t)plan->n_partitions - 1, at = 0;
  size_t width = 1 + plan->negative, n = b->n_pairs * width;
  loci__subword_entries *e = &b->outputs;
  memset(e->starts, 0, (plan->n_partitions + 1) * sizeof *e->starts);
  for (size_t i = 0; i < n; i++) e->starts[b->rows[i] & mask]++;
  counts_to_cursors(e, plan->n_partitions);
  for (size_t p = 0; p < b->n_pairs; p++) {
    uint32_t item = plan->cbow ? (uint32_t)p : b->list_slot[p];
    for (size_t j = 0; j < width; j++, at++)
      e->items[e->starts[(b->rows[at] & mask) + 1]++] = (loci__subword_entry){b->rows[at], item, at};
  }
}

void loci__subword_batch_fill(const loci__subword_plan *plan, loci__subword_place *place, loci__subword_batch *b) {
  take_words(plan, place, b);
  draw_windows(plan, &place->random, b);
  make_slots(plan, b);
  make_lists(plan, b);
  make_pairs(plan, &place->random, b);
  b->n_items = plan->cbow ? b->n_positions : b->n_slots;
  sort_inputs(plan, b);
  sort_outputs(plan, b);
}
