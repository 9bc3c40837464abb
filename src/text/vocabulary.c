/* vocabulary.c: the words of a corpus, most frequent first.
 *
 * Counting: each worker counts its blocks in a table of its own (count.h), the tables are merged, rare words left out, the
 * rest sorted by falling count, then by first appearance. All of that depends on the corpus alone.
 *
 * A vocabulary: words in an arena, NUL-terminated and padded with zeros to 16 bytes; an index of word numbers, open
 * addressing. Immutable, but for loci__vocabulary_sort_ties_by_bytes, which its maker calls before it is shared.
 */
#include "vocabulary.h"

#include "count.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static loci_status vocabulary_new(loci_context *context, size_t n, loci_vocabulary **out, loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  if (n > INT32_MAX - 1) return loci__fail(error, LOCI_ERROR_LIMIT, "%zu words; at most 2^31 − 2 are counted", n);
  loci_vocabulary *v = loci__alloc_zero(context, 1, sizeof *v);
  if (v == NULL) return loci__fail_memory(error, sizeof *v, "a vocabulary");
  v->context = context;
  loci__arena_init(&v->text, context);
  v->n_slots = 16;
  while (v->n_slots < n * 2) v->n_slots *= 2;
  v->words = loci__alloc_array(context, n + 1, sizeof *v->words);
  v->lengths = loci__alloc_array(context, n + 1, sizeof *v->lengths);
  v->counts = loci__alloc_array(context, n + 1, sizeof *v->counts);
  v->slots = loci__alloc_array(context, v->n_slots, sizeof *v->slots);
  if (v->words == NULL || v->lengths == NULL || v->counts == NULL || v->slots == NULL) {
    loci_vocabulary_free(v);
    return loci__fail_memory(error, n * 32, "a vocabulary");
  }
  for (size_t i = 0; i < v->n_slots; i++) v->slots[i].id = -1;
  *out = v;
  return LOCI_OK;
}

void loci_vocabulary_free(loci_vocabulary *v) {
  if (v == NULL) return;
  loci__arena_release(&v->text);
  loci__free(v->context, v->words);
  loci__free(v->context, v->lengths);
  loci__free(v->context, v->counts);
  loci__free(v->context, v->slots);
  loci__free(v->context, v);
}

/* Puts word v->n behind the others. *there: it was among them before (nothing is added then). `word` may be short. */
static loci_status add(loci_vocabulary *v, const char *word, size_t length, uint64_t count, bool *there,
                       loci_error *error) {
  size_t size = (length + 1 + 15) & ~(size_t)15;
  char *copy = length < UINT32_MAX ? loci__arena_alloc(&v->text, size) : NULL;
  if (copy == NULL) return loci__fail_memory(error, size, "a vocabulary");
  memset(copy + size - 16, 0, 16);
  memcpy(copy, word, length);
  uint32_t hash = loci__word_hash(copy, length);
  loci__vocabulary_slot *slot = loci__vocabulary_probe(v, copy, (uint32_t)length, hash);
  *there = slot->id >= 0;
  if (*there) return LOCI_OK;
  slot->hash = hash;
  slot->id = (int32_t)v->n;
  v->words[v->n] = copy;
  v->lengths[v->n] = (uint32_t)length;
  v->counts[v->n] = count;
  v->n++;
  v->n_tokens += count;
  return LOCI_OK;
}

static void fill_info(loci_vocabulary *v) {
  v->info.n_words = v->n;
  v->info.n_tokens = v->n_tokens;
}

/* ---- counting ---- */

typedef struct counting {
  loci_context *context;
  loci__counts *tables; /* one a worker */
  size_t n_tables;
  loci__count_budget budget;
  uint64_t *n_tokens; /* one a worker, a cache line apart */
} counting;

enum { APART = 8 };

static loci_status count_tokens(void *arg, size_t block, size_t worker, const loci__token *tokens, size_t n,
                                loci_error *error) {
  (void)block;
  counting *c = arg;
  return loci__counts_add_tokens(&c->tables[worker], tokens, n, &c->n_tokens[worker * APART], error);
}

/* ---- the estimate ---- */

/* Of a big corpus, SAMPLES pieces at even distances are counted; the number of different words grows as a power of the
 * length (Heaps' law), whose exponent the first half of them and all of them tell. */
enum { SAMPLES = 8, SAMPLE = 1 << 18, BIG = 8 << 20 };

typedef struct sampling {
  loci__counts table;
  uint64_t n_tokens;
} sampling;

static loci_status sample_tokens(void *arg, const loci__token *tokens, size_t n, loci_error *error) {
  sampling *s = arg;
  return loci__counts_add_tokens(&s->table, tokens, n, &s->n_tokens, error);
}

/* Bytes that counting will need, about. */
static loci_status estimate(loci_context *context, const char *corpus, uint64_t size, const loci__splitter *splitter,
                            uint64_t *bytes, loci_error *error) {
  sampling s = {0};
  loci__counts_init(&s.table, context, NULL);
  loci__split *split = NULL;
  char *piece = loci__alloc(context, SAMPLE);
  int fd = -1;
  loci_status status = piece == NULL ? loci__fail_memory(error, SAMPLE, "reading a corpus") : LOCI_OK;
  if (status == LOCI_OK) {
    fd = loci__file_open(context, corpus, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) status = loci__fail_file(error, "open the corpus", corpus, fd);
  }
  if (status == LOCI_OK) status = loci__split_new(context, splitter, 1024, sample_tokens, &s, &split, error);
  double half = 1;
  for (uint64_t i = 0; i < SAMPLES && status == LOCI_OK; i++) {
    int failed = loci__file_pread_all(context, fd, piece, SAMPLE, (int64_t)(size / SAMPLES * i));
    if (failed < 0) status = loci__fail_file(error, "read", corpus, failed);
    loci__split_begin(split, 0);
    if (status == LOCI_OK) status = loci__split_feed(split, piece, SAMPLE, error);
    if (status == LOCI_OK) status = loci__split_end(split, error);
    if (i == SAMPLES / 2 - 1 && s.table.n > 0) half = (double)s.table.n;
  }
  if (status == LOCI_OK) {
    double exponent = log2((double)(s.table.n > 0 ? s.table.n : 1) / half);
    double workers = (double)loci__pool_size(context), part = (double)size / (SAMPLES * (double)SAMPLE);
    if (part < workers) workers = part;
    /* A table is between 5/16 and 5/8 full, and while it grows the smaller one is there too; a long word takes about as
     * much again. The vocabulary stands beside the merged table for a moment. */
    double all = (double)s.table.n * pow(part, exponent), each = (double)s.table.n * pow(part / workers, exponent);
    double slots = (double)sizeof(loci__count_slot) * 3, longs = (double)s.table.text.used / (double)(s.table.n + 1);
    *bytes = (uint64_t)((workers * each + all) * (slots + longs)) +
             loci__pool_size(context) * (LOCI__BLOCK + 2 * LOCI__BLOCK / 16);
  }
  loci__split_free(split);
  loci__counts_release(&s.table);
  loci__free(context, piece);
  if (fd >= 0) loci__file_close(context, fd);
  return status;
}

static loci_status check_memory(loci_context *context, const char *corpus, uint64_t size,
                                const loci__splitter *splitter, size_t limit, loci_error *error) {
  uint64_t bytes;
  if (size < BIG || (limit == 0 && loci__context_options(context)->log == NULL)) return LOCI_OK;
  LOCI__TRY(estimate(context, corpus, size, splitter, &bytes, error));
  if (limit != 0 && bytes > limit)
    return loci__fail(
        error, LOCI_ERROR_LIMIT,
        "counting the words of '%s' (%.1f MB) needs about %.1f MB of memory, %.1f MB are allowed; give more "
        "(--max-memory), or cut it into pieces",
        corpus, (double)size * 1e-6, (double)bytes * 1e-6, (double)limit * 1e-6);
  loci__log(context, LOCI_LOG_INFO, "about %.0f MB of memory to count the words of %.0f MB of text",
            (double)bytes * 1e-6, (double)size * 1e-6);
  return LOCI_OK;
}

static int compare_words(const char *a, size_t a_length, const char *b, size_t b_length) {
  int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
  return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static int by_count(const void *a, const void *b) {
  const loci__count_slot *x = a, *y = b;
  uint64_t x_count = loci__count_of(x), y_count = loci__count_of(y);
  if (x_count != y_count) return x_count > y_count ? -1 : 1;
  uint64_t x_first = loci__count_first(x), y_first = loci__count_first(y);
  if (x_first != y_first) return x_first < y_first ? -1 : 1;
  size_t x_length, y_length;
  const char *x_word = loci__count_word(x, &x_length), *y_word = loci__count_word(y, &y_length);
  return compare_words(x_word, x_length, y_word, y_length);
}

/* The merged table → a vocabulary. The table's slots are sorted in place. */
static loci_status take(counting *c, const char *corpus, const loci_corpus_options *options, loci_vocabulary **out,
                        loci_error *error) {
  loci__counts *table = &c->tables[0];
  size_t n = 0, length;
  const loci__count_slot *top = NULL;
  uint64_t all = 0;
  for (size_t i = 0; i < table->n_slots; i++) {
    if (table->slots[i].packed == 0) continue;
    if (top == NULL || by_count(&table->slots[i], top) < 0) top = &table->slots[i];
  }
  if (top == NULL) return loci__fail(error, LOCI_ERROR_NOT_FOUND, "'%s' holds no words", corpus);
  if (loci__count_of(top) < options->min_count) {
    const char *word = loci__count_word(top, &length);
    return loci__fail(error, LOCI_ERROR_NOT_FOUND,
                      "no word of '%s' occurs %llu times (the least count that is kept); the most frequent, \"%.*s\", "
                      "occurs %llu times",
                      corpus, (unsigned long long)options->min_count, (int)(length > 60 ? 60 : length), word,
                      (unsigned long long)loci__count_of(top));
  }
  for (size_t i = 0; i < c->n_tables; i++) all += c->n_tokens[i * APART];
  size_t n_all = table->n;
  for (size_t i = 0; i < table->n_slots; i++) {
    if (table->slots[i].packed == 0 || loci__count_of(&table->slots[i]) < options->min_count) continue;
    table->slots[n++] = table->slots[i];
  }
  table->n = n; /* the table is only a list from here on */
  qsort(table->slots, n, sizeof *table->slots, by_count);
  if (options->max_vocabulary != 0 && n > options->max_vocabulary) n = (size_t)options->max_vocabulary;
  LOCI__TRY(vocabulary_new(c->context, n, out, error));
  loci_status status = LOCI_OK;
  bool there;
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    const char *word = loci__count_word(&table->slots[i], &length);
    status = add(*out, word, length, loci__count_of(&table->slots[i]), &there, error);
  }
  if (status != LOCI_OK) {
    loci_vocabulary_free(*out);
    *out = NULL;
    return status;
  }
  (*out)->info.n_all_words = n_all;
  (*out)->info.n_all_tokens = all;
  return LOCI_OK;
}

loci_status loci__vocabulary_count(loci_context *context, const char *corpus, const loci_corpus_options *options,
                                   const loci_tokenizer *tokenizer, loci_vocabulary **out, loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, sizeof(void *), "the default context");
  loci_corpus_options fallback;
  loci_corpus_options_init(&fallback);
  if (options == NULL) options = &fallback;
  loci__splitter splitter;
  LOCI__TRY(loci__splitter_of(options, tokenizer, &splitter, error));
  uint64_t size;
  LOCI__TRY(loci__corpus_size(context, corpus, &size, error));
  LOCI__TRY(check_memory(context, corpus, size, &splitter, options->max_memory, error));

  counting c = {.context = context, .n_tables = loci__pool_size(context), .budget = {.limit = options->max_memory}};
  c.tables = loci__alloc_zero(context, c.n_tables, sizeof *c.tables);
  c.n_tokens = loci__alloc_zero(context, c.n_tables * APART, sizeof *c.n_tokens);
  loci_status status = LOCI_OK;
  if (c.tables == NULL || c.n_tokens == NULL) {
    status = loci__fail_memory(error, c.n_tables * sizeof *c.tables, "counting words");
    loci__free(context, c.tables);
    loci__free(context, c.n_tokens);
    return status;
  }
  for (size_t i = 0; i < c.n_tables; i++) loci__counts_init(&c.tables[i], context, &c.budget);
  loci__meter meter;
  loci__meter_init(&meter, options->progress, options->progress_user);
  status = loci__meter_stage(&meter, "counting words", "bytes", size, error);
  loci__corpus_job job = {
      .path = corpus, .splitter = &splitter, .meter = &meter, .hash = true, .tokens = count_tokens, .arg = &c};
  loci__corpus_totals totals;
  if (status == LOCI_OK) status = loci__corpus_run(context, &job, &totals, error);
  if (status == LOCI_OK)
    loci__log(context, LOCI_LOG_DEBUG, "counting took %zu bytes in %zu tables", c.budget.used, c.n_tables);
  for (size_t i = 1; i < c.n_tables && status == LOCI_OK; i++)
    status = loci__counts_merge(&c.tables[0], &c.tables[i], error);
  if (status == LOCI_OK) status = loci__meter_end(&meter, error);
  if (status == LOCI_OK) status = take(&c, corpus, options, out, error);
  if (status == LOCI_OK) {
    loci_vocabulary_info *info = &(*out)->info;
    info->n_lines = totals.n_lines;
    info->n_bytes = totals.n_bytes;
    info->n_cut = totals.n_cut;
    memcpy(info->hash, totals.hash, sizeof info->hash);
    fill_info(*out);
  }
  for (size_t i = 0; i < c.n_tables; i++) loci__counts_release(&c.tables[i]);
  loci__free(context, c.tables);
  loci__free(context, c.n_tokens);
  return status;
}

loci_status loci__split_model_open(loci_context *context, const loci_corpus_options *options, loci_tokenizer **out,
                                   loci_error *error) {
  *out = NULL;
  if (options == NULL || options->split != LOCI_SPLIT_MODEL) return LOCI_OK;
  const char *name = options->split_model;
  if (name == NULL) return loci__fail(error, LOCI_ERROR_USAGE, "splitting by a model needs the model (split_model)");
  const char *folders = loci__context_options(context)->model_path;
  if (strchr(name, '/') != NULL || loci__file_exists(context, name) || folders == NULL)
    return loci_tokenizer_open(context, name, out, error);
  for (const char *at = folders; *at != '\0';) {
    size_t n = strcspn(at, ":");
    char *folder = n > 0 ? loci__strndup(context, at, n) : NULL;
    char *path = folder != NULL ? loci__path_join(context, folder, name) : NULL;
    bool there = path != NULL && loci__file_exists(context, path);
    loci_status status = n > 0 && path == NULL ? loci__fail_memory(error, n, "a path") : LOCI_OK;
    if (there) status = loci_tokenizer_open(context, path, out, error);
    loci__free(context, folder);
    loci__free(context, path);
    if (there || status != LOCI_OK) return status;
    at += n + (at[n] == ':');
  }
  return loci__fail(error, LOCI_ERROR_MODEL,
                    "there is no model '%s' to split by: not a folder or file here, and not in the model path (%s)",
                    name, folders[0] != '\0' ? folders : "which is empty");
}

loci_status loci_vocabulary_count(loci_context *context, const char *corpus, const loci_corpus_options *options,
                                  loci_vocabulary **out, loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, sizeof(void *), "the default context");
  loci_tokenizer *tokenizer = NULL;
  LOCI__TRY(loci__split_model_open(context, options, &tokenizer, error));
  loci_status status = loci__vocabulary_count(context, corpus, options, tokenizer, out, error);
  loci_tokenizer_close(tokenizer);
  return status;
}

/* ---- other sources ---- */

loci_status loci__vocabulary_of(loci_context *context, const char *const *words, const uint32_t *lengths,
                                const uint64_t *counts, size_t n, loci_vocabulary **out, loci_error *error) {
  LOCI__TRY(vocabulary_new(context, n, out, error));
  loci_status status = LOCI_OK;
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    bool there;
    status = add(*out, words[i], lengths != NULL ? lengths[i] : strlen(words[i]), counts != NULL ? counts[i] : 0,
                 &there, error);
    if (status == LOCI_OK && there)
      status =
          loci__fail(error, LOCI_ERROR_FORMAT, "the word \"%.60s\" stands twice in a vocabulary (numbers %d and %zu)",
                     words[i], (int)loci_vocabulary_find(*out, words[i], lengths ? lengths[i] : strlen(words[i])), i);
  }
  if (status != LOCI_OK) {
    loci_vocabulary_free(*out);
    *out = NULL;
    return status;
  }
  fill_info(*out);
  (*out)->info.n_all_words = n;
  (*out)->info.n_all_tokens = (*out)->n_tokens;
  return LOCI_OK;
}

/* A line [begin, end) of "word count": the count is what stands behind the last space. */
static loci_status read_line(loci_vocabulary *v, const char *path, const char *data, size_t begin, size_t end,
                             size_t number, loci_error *error) {
  size_t stop = end;
  if (stop > begin && data[stop - 1] == '\r') stop--;
  size_t digits = stop;
  uint64_t count = 0;
  while (digits > begin && data[digits - 1] >= '0' && data[digits - 1] <= '9') digits--;
  bool good = digits < stop && digits > begin + 1 && (data[digits - 1] == ' ' || data[digits - 1] == '\t');
  for (size_t i = digits; i < stop && good; i++)
    good =
        !__builtin_mul_overflow(count, 10, &count) && !__builtin_add_overflow(count, (uint64_t)(data[i] - '0'), &count);
  uint64_t sum;
  if (!good)
    return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)begin,
                         "'%s', line %zu: a line of a vocabulary is a word, a space and its count", path, number);
  if (__builtin_add_overflow(v->n_tokens, count, &sum))
    return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)begin,
                         "'%s', line %zu: the counts add up to more than 2^64", path, number);
  bool there;
  LOCI__TRY(add(v, data + begin, digits - 1 - begin, count, &there, error));
  if (there)
    return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)begin, "'%s', line %zu: the word \"%.*s\" stood before",
                         path, number, (int)(digits - 1 - begin > 60 ? 60 : digits - 1 - begin), data + begin);
  return LOCI_OK;
}

loci_status loci_vocabulary_read(loci_context *context, const char *path, loci_vocabulary **out, loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  loci__mapping mapping;
  LOCI__TRY(loci__mapping_open(&mapping, context, path, error));
  size_t n = 0;
  for (size_t at = 0; at < mapping.length; n++) {
    const char *end = memchr(mapping.data + at, '\n', mapping.length - at);
    at = end != NULL ? (size_t)(end - mapping.data) + 1 : mapping.length;
  }
  /* The shortest line, "a 1", has four bytes: what is more stands behind a bad one. */
  if (n > mapping.length / 4 + 1) n = mapping.length / 4 + 1;
  loci_status status = LOCI_OK;
  if (n == 0)
    status = loci__fail(error, LOCI_ERROR_FORMAT, "'%s' is empty: it should hold a word and its count a line", path);
  if (status == LOCI_OK) status = vocabulary_new(context, n, out, error);
  size_t number = 1;
  for (size_t at = 0; at < mapping.length && status == LOCI_OK; number++) {
    const char *found = memchr(mapping.data + at, '\n', mapping.length - at);
    size_t end = found != NULL ? (size_t)(found - mapping.data) : mapping.length;
    status = read_line(*out, path, mapping.data, at, end, number, error);
    at = end + 1;
  }
  loci__mapping_close(&mapping);
  if (status != LOCI_OK) {
    loci_vocabulary_free(*out);
    *out = NULL;
    return status;
  }
  fill_info(*out);
  (*out)->info.n_all_words = (*out)->n;
  (*out)->info.n_all_tokens = (*out)->n_tokens;
  return LOCI_OK;
}

loci_status loci_vocabulary_write(const loci_vocabulary *v, const char *path, loci_error *error) {
  loci__buffer text;
  loci__buffer_init(&text, v->context, 0);
  for (size_t i = 0; i < v->n; i++) {
    char count[32];
    int digits = snprintf(count, sizeof count, " %llu\n", (unsigned long long)v->counts[i]);
    loci__buffer_append(&text, v->words[i], v->lengths[i]);
    loci__buffer_append(&text, count, (size_t)digits);
  }
  loci_status status = loci__buffer_status(&text, "a vocabulary", error);
  if (status == LOCI_OK)
    status = loci__file_write_atomic(v->context, path, text.length > 0 ? text.data : "", text.length, error);
  loci__buffer_release(&text);
  return status;
}

/* ---- questions ---- */

void loci_vocabulary_get_info(const loci_vocabulary *v, loci_vocabulary_info *info) {
  /* Only as much as the caller's version of the struct holds. */
  loci_vocabulary_info all = v->info;
  size_t size = info->struct_size != 0 && info->struct_size < sizeof all ? info->struct_size : sizeof all;
  all.struct_size = size;
  memcpy(info, &all, size);
}

const char *loci_vocabulary_word(const loci_vocabulary *v, size_t i, uint64_t *count) {
  return loci__vocabulary_word(v, i, NULL, count);
}

const char *loci__vocabulary_word(const loci_vocabulary *v, size_t i, size_t *length, uint64_t *count) {
  if (i >= v->n) return NULL;
  if (length != NULL) *length = v->lengths[i];
  if (count != NULL) *count = v->counts[i];
  return v->words[i];
}

int32_t loci_vocabulary_find(const loci_vocabulary *v, const char *word, size_t length) {
  if (length >= UINT32_MAX) return -1;
  char padded[16] = {0};
  if (length < 16) {
    if (length > 0) memcpy(padded, word, length);
    word = padded;
  }
  return loci__vocabulary_probe(v, word, (uint32_t)length, loci__word_hash(word, length))->id;
}

size_t loci__vocabulary_size(const loci_vocabulary *v) {
  return v->n;
}

uint64_t loci__vocabulary_tokens(const loci_vocabulary *v) {
  return v->n_tokens;
}

/* ---- another order ---- */

typedef struct item {
  const char *word;
  uint64_t count;
  uint32_t length;
} item;

/* Bytes are signed, and so is the 0 at the end of a word: what begins with a byte of 128 or more stands before ASCII, and
 * before the end of a shorter word. */
static int by_bytes(const void *a, const void *b) {
  const item *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  size_t least = x->length < y->length ? x->length : y->length, i = 0;
  while (i < least && x->word[i] == y->word[i]) i++;
  int one = i < x->length ? (signed char)x->word[i] : 0, other = i < y->length ? (signed char)y->word[i] : 0;
  return one != other ? one - other : x->length < y->length ? -1 : x->length > y->length;
}

loci_status loci__vocabulary_sort_ties_by_bytes(loci_vocabulary *v, loci_error *error) {
  if (v->n == 0) return LOCI_OK;
  item *items = loci__alloc_array(v->context, v->n, sizeof *items);
  if (items == NULL) return loci__fail_memory(error, v->n * sizeof *items, "sorting a vocabulary");
  for (size_t i = 0; i < v->n; i++) items[i] = (item){v->words[i], v->counts[i], v->lengths[i]};
  qsort(items, v->n, sizeof *items, by_bytes);
  for (size_t i = 0; i < v->n_slots; i++) v->slots[i].id = -1;
  for (size_t i = 0; i < v->n; i++) {
    v->words[i] = items[i].word;
    v->counts[i] = items[i].count;
    v->lengths[i] = items[i].length;
    uint32_t hash = loci__word_hash(items[i].word, items[i].length);
    loci__vocabulary_slot *slot = loci__vocabulary_probe(v, items[i].word, items[i].length, hash);
    slot->hash = hash;
    slot->id = (int32_t)i;
  }
  loci__free(v->context, items);
  return LOCI_OK;
}
