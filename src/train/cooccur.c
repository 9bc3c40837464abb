/* train/cooccur.c: the pass over the encoded corpus (see cooccur.h for what is counted and what decides the bytes).
 *
 * Phases, over and over until the corpus is gone:
 *   scan   every shard goes on from the same token until a step's worth of tokens is done or the buffer of all shards
 *          together is full; each counts all pairs for that, so all stop at the same token without talking
 *   sort   (buffer full, or the end) each shard sorts its part of the buffer by pair, radix, stable
 *   write  the sums of equal pairs go to the runs' file, each shard at its place: shards are ranges of rows, so their
 *          parts behind each other are one sorted run
 *
 * A buffered pair is one number: row within the shard, column, distance, from high bits to low. The distance is enough:
 * the weight is 1/distance.
 */
#include "cooccur.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>

enum {
  STEP = 1 << 20,    /* tokens between two looks at progress and cancellation */
  WINDOW_MOST = 255, /* a distance is eight bits of a buffered pair */
  DIGIT_BITS = 11,
  BLOCK = 1 << 16 /* records written at a time */
};

typedef struct shard {
  uint32_t first, n; /* rows */
  unsigned column_bits;
  uint64_t *pairs, *sorted; /* `sorted` is scratch, and the result after the sort */
  size_t n_pairs, capacity;
  uint64_t distinct, offset; /* of the run at work */
  size_t position, in_line;  /* next token; words of its line before it */
  uint64_t buffered;         /* pairs of all shards in the buffer */
  loci__cooccur_record *block;
} shard;

typedef struct counting {
  loci_context *context;
  const loci__cooccur_options *options;
  const int32_t *ids;
  size_t n, n_words, n_shards, stop;
  uint64_t threshold;
  double *cells;
  uint64_t *starts;
  uint32_t *limits; /* a pair (a, b), from 0, is of the table if a + 1 < limits[b] */
  double weights[WINDOW_MOST + 1];
  shard *shards;
  loci__cooccur_run *runs;
  size_t n_runs, runs_capacity;
  int file;
  const char *scratch;
  uint64_t file_size;
} counting;

void loci__cooccur_limits(double gigabytes, uint64_t *max_product, uint64_t *overflow_length) {
  /* n·(ln n + 2γ − 1) ≈ the number of pairs with a product up to n (Dirichlet's divisor sum) */
  const double constant = 0.1544313298;
  double cells = 0.85 * gigabytes * 1073741824.0 / (double)sizeof(loci__cooccur_record);
  double n = 1e5;
  for (int i = 0; i < 10000 && fabs(cells - n * (log(n) + constant)) > 1e-3; i++) {
    double next = cells / (log(n) + constant);
    if (!(next > 1)) { /* too little for a table; the reference's iteration does not end here */
      n = 1;
      break;
    }
    n = next;
  }
  *max_product = (uint64_t)n;
  *overflow_length = (uint64_t)cells / 6;
}

static uint64_t row_width(uint64_t max_product, uint64_t rank, size_t n_words) {
  uint64_t width = max_product / rank;
  return width < n_words ? width : n_words;
}

size_t loci__cooccur_memory(const loci__cooccur_options *options, size_t n_words) {
  uint64_t cells = 0;
  for (uint64_t a = 1; a <= n_words; a++) {
    uint64_t width = row_width(options->max_product, a, n_words);
    if (width == 0) break;
    cells += width;
  }
  size_t table, buffer, both;
  if (!loci__mul((size_t)cells, sizeof(double), &table) ||
      !loci__mul((size_t)options->overflow_length, 2 * sizeof(uint64_t), &buffer) || !loci__add(table, buffer, &both) ||
      !loci__add(both, n_words * (sizeof(uint64_t) + sizeof(uint32_t)), &both)) {
    return SIZE_MAX;
  }
  return both;
}

/* ---- scan ---- */

static loci_status push(counting *c, shard *s, uint32_t row, uint32_t column, size_t distance) {
  if (s->n_pairs == s->capacity && !loci__grow(c->context, &s->pairs, &s->capacity, s->n_pairs + 1, sizeof *s->pairs)) {
    return LOCI_ERROR_MEMORY;
  }
  s->pairs[s->n_pairs++] = (((uint64_t)(row - s->first) << s->column_bits | column) << 8) | distance;
  return LOCI_OK;
}

static loci_status scan(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  counting *c = arg;
  shard *s = &c->shards[task];
  const int32_t *ids = c->ids;
  const size_t window = c->options->window;
  const bool symmetric = c->options->symmetric;
  const uint32_t first = s->first, span = s->n;
  size_t position = s->position, in_line = s->in_line;
  uint64_t buffered = s->buffered;
  loci_status status = LOCI_OK;
  for (; position < c->stop && buffered < c->threshold; position++) {
    if (ids[position] < 0) {
      in_line = 0;
      continue;
    }
    const uint32_t target = (uint32_t)ids[position], limit = c->limits[target];
    const size_t reach = in_line < window ? in_line : window;
    const bool mine = symmetric && target - first < span;
    double *row = c->cells + c->starts[target];
    for (size_t d = 1; d <= reach; d++) {
      const uint32_t other = (uint32_t)ids[position - d];
      if (other + 1 < limit) {
        if (other - first < span) c->cells[c->starts[other] + target] += c->weights[d];
        if (mine) row[other] += c->weights[d];
      } else {
        buffered += symmetric ? 2 : 1;
        if (other - first < span) status = push(c, s, other, target, d);
        if (mine && status == LOCI_OK) status = push(c, s, target, other, d);
        if (status != LOCI_OK) return loci__fail_memory(error, s->capacity * 2 * sizeof *s->pairs, "pairs of words");
      }
    }
    in_line++;
  }
  s->position = position;
  s->in_line = in_line;
  s->buffered = buffered;
  return LOCI_OK;
}

/* ---- sort ---- */

static unsigned bits_of(uint64_t n) { /* of the numbers below n */
  unsigned bits = 0;
  while (bits < 63 && ((uint64_t)1 << bits) < n) bits++;
  return bits;
}

/* Least significant digit first: stable, so equal pairs stay in the order of the text. The distance is no part of the
 * key. */
static loci_status sort_shard(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  counting *c = arg;
  shard *s = &c->shards[task];
  s->distinct = 0;
  if (s->n_pairs == 0) return LOCI_OK;
  s->sorted = loci__alloc_array(c->context, s->n_pairs, sizeof *s->sorted);
  if (!s->sorted) return loci__fail_memory(error, s->n_pairs * sizeof *s->sorted, "sorting pairs of words");
  const unsigned key_bits = bits_of(s->n) + s->column_bits;
  uint64_t *from = s->pairs, *to = s->sorted;
  for (unsigned done = 0; done < key_bits; done += DIGIT_BITS) {
    const unsigned shift = 8 + done;
    size_t places[1 << DIGIT_BITS] = {0};
    for (size_t i = 0; i < s->n_pairs; i++) places[from[i] >> shift & ((1 << DIGIT_BITS) - 1)]++;
    size_t next = 0;
    for (size_t i = 0; i < LOCI__COUNT(places); i++) {
      size_t here = places[i];
      places[i] = next;
      next += here;
    }
    for (size_t i = 0; i < s->n_pairs; i++) to[places[from[i] >> shift & ((1 << DIGIT_BITS) - 1)]++] = from[i];
    uint64_t *swap = from;
    from = to;
    to = swap;
  }
  if (from == s->pairs) { /* an even number of passes, or none */
    s->pairs = s->sorted;
    s->sorted = from;
    s->capacity = s->n_pairs; /* of what `pairs` is now */
  }
  for (size_t i = 0; i < s->n_pairs; i++) s->distinct += i == 0 || s->sorted[i] >> 8 != s->sorted[i - 1] >> 8;
  return LOCI_OK;
}

/* ---- write ---- */

static loci_status write_shard(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  counting *c = arg;
  shard *s = &c->shards[task];
  if (s->n_pairs == 0) return LOCI_OK;
  if (!s->block) s->block = loci__alloc_array(c->context, BLOCK, sizeof *s->block);
  if (!s->block) return loci__fail_memory(error, BLOCK * sizeof *s->block, "writing pairs of words");
  const uint64_t column_mask = ((uint64_t)1 << s->column_bits) - 1;
  uint64_t offset = s->offset;
  size_t n = 0;
  for (size_t i = 0; i < s->n_pairs;) {
    const uint64_t key = s->sorted[i] >> 8;
    double sum = c->weights[s->sorted[i] & 255];
    for (i++; i < s->n_pairs && s->sorted[i] >> 8 == key; i++) sum += c->weights[s->sorted[i] & 255];
    s->block[n++] = (loci__cooccur_record){.word = (int32_t)(s->first + (key >> s->column_bits) + 1),
                                           .context = (int32_t)((key & column_mask) + 1),
                                           .weight = sum};
    if (n == BLOCK || i == s->n_pairs) {
      int failed = loci__file_pwrite_all(c->context, c->file, s->block, n * sizeof *s->block, (int64_t)offset);
      if (failed) return loci__fail_file(error, "write", c->scratch, failed);
      offset += n * sizeof *s->block;
      n = 0;
    }
  }
  loci__free(c->context, s->sorted);
  s->sorted = NULL;
  return LOCI_OK;
}

static loci_status write_run(counting *c, loci_error *error) {
  LOCI__TRY(loci__pool_run(c->context, c->n_shards, sort_shard, c, error));
  if (!loci__grow(c->context, &c->runs, &c->runs_capacity, c->n_runs + 1, sizeof *c->runs)) {
    return loci__fail_memory(error, (c->n_runs + 1) * sizeof *c->runs, "runs of pairs");
  }
  loci__cooccur_run *run = &c->runs[c->n_runs];
  *run = (loci__cooccur_run){.offset = c->file_size};
  for (size_t i = 0; i < c->n_shards; i++) {
    c->shards[i].offset = c->file_size + run->n * sizeof(loci__cooccur_record);
    run->n += c->shards[i].distinct;
  }
  LOCI__TRY(loci__pool_run(c->context, c->n_shards, write_shard, c, error));
  c->n_runs++;
  c->file_size += run->n * sizeof(loci__cooccur_record);
  for (size_t i = 0; i < c->n_shards; i++) {
    c->shards[i].n_pairs = 0;
    c->shards[i].buffered = 0;
  }
  return LOCI_OK;
}

/* ---- the whole ---- */

/* Ranges of rows with about as many tokens each: a row's work is its word's count. */
static loci_status cut_shards(counting *c, loci_error *error) {
  uint64_t *counts = loci__alloc_zero(c->context, c->n_words, sizeof *counts);
  c->n_shards = loci__pool_size(c->context);
  if (c->n_shards > c->n_words) c->n_shards = c->n_words;
  c->shards = loci__alloc_zero(c->context, c->n_shards, sizeof *c->shards);
  if (!counts || !c->shards) {
    loci__free(c->context, counts);
    return loci__fail_memory(error, c->n_words * sizeof *counts, "counting pairs");
  }
  uint64_t tokens = 0;
  for (size_t i = 0; i < c->n; i++) {
    if (c->ids[i] < 0) continue;
    if ((size_t)c->ids[i] >= c->n_words) {
      loci__free(c->context, counts);
      return loci__fail_at(error, LOCI_ERROR_CORRUPT, (int64_t)i, "the encoded corpus holds word %d of %zu", c->ids[i],
                           c->n_words);
    }
    counts[c->ids[i]]++;
    tokens++;
  }
  uint64_t seen = 0;
  size_t row = 0;
  for (size_t i = 0; i < c->n_shards; i++) {
    shard *s = &c->shards[i];
    s->first = (uint32_t)row;
    s->column_bits = bits_of(c->n_words);
    size_t left = c->n_shards - 1 - i;
    while (row < c->n_words - left && (left == 0 || row == s->first || seen < tokens / c->n_shards * (i + 1))) {
      seen += counts[row++];
    }
    s->n = (uint32_t)(row - s->first);
  }
  loci__free(c->context, counts);
  return LOCI_OK;
}

static loci_status make_table(counting *c, loci_error *error) {
  c->starts = loci__alloc_array(c->context, c->n_words + 1, sizeof *c->starts);
  c->limits = loci__alloc_array(c->context, c->n_words, sizeof *c->limits);
  if (!c->starts || !c->limits) return loci__fail_memory(error, c->n_words * 12, "counting pairs");
  uint64_t cells = 0;
  for (size_t i = 0; i < c->n_words; i++) {
    uint64_t limit = c->options->max_product / (i + 1);
    c->starts[i] = cells;
    c->limits[i] = limit < c->n_words + 1 ? (uint32_t)limit : (uint32_t)c->n_words + 1;
    cells += row_width(c->options->max_product, i + 1, c->n_words);
  }
  c->starts[c->n_words] = cells;
  c->cells = loci__alloc_zero(c->context, cells ? (size_t)cells : 1, sizeof *c->cells);
  if (!c->cells) return loci__fail_memory(error, (size_t)cells * sizeof *c->cells, "the table of frequent pairs");
  return LOCI_OK;
}

static loci_status count_all(counting *c, loci__meter *meter, loci_error *error) {
  LOCI__TRY(loci__meter_stage(meter, "co-occurrences", "tokens", c->n, error));
  for (;;) {
    const shard *s = &c->shards[0];
    c->stop = c->n - s->position > STEP ? s->position + STEP : c->n;
    LOCI__TRY(loci__pool_run(c->context, c->n_shards, scan, c, error));
    LOCI__TRY(loci__meter_at(meter, s->position, NULL, error));
    bool full = s->buffered >= c->threshold;
    if (full) LOCI__TRY(write_run(c, error));
    if (s->position < c->n) continue;
    LOCI__TRY(write_run(c, error)); /* the last may be empty; it counts in the merge (empty_run_repeats) */
    return loci__meter_end(meter, error);
  }
}

static void release_shards(counting *c) {
  for (size_t i = 0; c->shards && i < c->n_shards; i++) {
    loci__free(c->context, c->shards[i].pairs);
    loci__free(c->context, c->shards[i].sorted);
    loci__free(c->context, c->shards[i].block);
  }
  loci__free(c->context, c->shards);
  c->shards = NULL;
}

loci_status loci__cooccur_count(loci_context *context, const int32_t *ids, size_t n, size_t n_words,
                                const loci__cooccur_options *options, const char *scratch, const char *path,
                                loci__meter *meter, uint64_t *n_records, loci_error *error) {
  const uint64_t per_token = options->window * (options->symmetric ? 2 : 1);
  if (options->window == 0 || options->window > WINDOW_MOST) {
    return loci__fail(error, LOCI_ERROR_USAGE, "the window is 1 to %d words", WINDOW_MOST);
  }
  if (options->overflow_length <= per_token) {
    return loci__fail(error, LOCI_ERROR_LIMIT,
                      "the memory for co-occurrences holds %llu pairs, and one word brings up to %llu: allow more",
                      (unsigned long long)options->overflow_length, (unsigned long long)per_token);
  }
  if (n_words >= (1u << 28)) return loci__fail(error, LOCI_ERROR_LIMIT, "more than 2^28 words");
  counting c = {.context = context,
                .options = options,
                .ids = ids,
                .n = n,
                .n_words = n_words,
                .threshold = options->overflow_length - per_token,
                .file = -1,
                .scratch = scratch};
  for (size_t d = 1; d <= options->window; d++) c.weights[d] = 1.0 / (double)d;

  c.file = loci__file_open(context, scratch, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (c.file < 0) return loci__fail_file(error, "create", scratch, c.file);
  loci_status status = cut_shards(&c, error);
  if (status == LOCI_OK) status = make_table(&c, error);
  if (status == LOCI_OK) status = count_all(&c, meter, error);
  release_shards(&c);
  if (status == LOCI_OK) {
    loci__cooccur_table table = {.cells = c.cells, .starts = c.starts, .n_words = n_words};
    status = loci__cooccur_merge(context, &table, c.file, scratch, c.runs, c.n_runs, options->empty_run_repeats, path,
                                 meter, n_records, error);
  }
  loci__file_close(context, c.file);
  loci__file_unlink(context, scratch);
  loci__free(context, c.runs);
  loci__free(context, c.cells);
  loci__free(context, c.starts);
  loci__free(context, c.limits);
  return status;
}
