/* train/lines.c: lines to rows and labels, by the rules of the fastText program (see lines.h). */
#include "lines.h"

static bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\v' || c == '\f' || c == '\0';
}

const char *loci__line_token(const char *text, size_t length, size_t *at, size_t *n) {
  size_t i = *at;
  while (i < length && is_space(text[i])) i++;
  size_t start = i;
  while (i < length && !is_space(text[i])) i++;
  *at = i;
  *n = i - start;
  return i > start ? text + start : NULL;
}

/* ---- dictionary ---- */

static size_t slot_of(const loci__dictionary *d, const char *token, size_t length, uint32_t hash) {
  /* the hash's low bits are its best mixed ones */
  size_t mask = d->n_slots - 1, slot = hash & mask;
  while (d->slots[slot] >= 0) {
    size_t i = (size_t)d->slots[slot];
    if (d->lengths[i] == length && memcmp(d->entries[i], token, length) == 0) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

loci_status loci__dictionary_index(loci__dictionary *d, loci_error *error) {
  size_t n = 16;
  while (n < 2 * d->n_entries) n *= 2;
  d->slots = loci__alloc_array(d->context, n, sizeof *d->slots);
  if (!d->slots) return loci__fail_memory(error, n * sizeof *d->slots, "the dictionary's table");
  d->n_slots = n;
  memset(d->slots, 0xff, n * sizeof *d->slots);
  for (size_t i = 0; i < d->n_entries; i++) {
    size_t slot = slot_of(d, d->entries[i], d->lengths[i], loci__fasttext_hash(d->entries[i], d->lengths[i]));
    if (d->slots[slot] < 0) d->slots[slot] = (int32_t)i; /* the first of equal entries counts */
  }
  return LOCI_OK;
}

void loci__dictionary_release(loci__dictionary *d) {
  loci__free(d->context, d->slots);
  d->slots = NULL;
}

int32_t loci__dictionary_find(const loci__dictionary *d, const char *token, size_t length) {
  return d->slots[slot_of(d, token, length, loci__fasttext_hash(token, length))];
}

/* ---- line ---- */

void loci__line_init(loci__line *line, loci_context *context) {
  *line = (loci__line){.context = context};
}

void loci__line_release(loci__line *line) {
  loci__free(line->context, line->rows);
  loci__free(line->context, line->labels);
  loci__free(line->context, line->hashes);
  loci__free(line->context, line->buckets);
  loci__line_init(line, line->context);
}

static loci_status push(loci__line *line, uint32_t **list, size_t *n, size_t *capacity, uint32_t value,
                        loci_error *error) {
  if (*n == *capacity && !loci__grow(line->context, list, capacity, *n + 1, sizeof **list))
    return loci__fail_memory(error, *n * sizeof **list, "a line");
  (*list)[(*n)++] = value;
  return LOCI_OK;
}

static loci_status push_bucket(const loci__dictionary *d, loci__line *line, uint32_t bucket, loci_error *error) {
  uint32_t row = d->row_of ? d->row_of[bucket] : (uint32_t)d->n_words + bucket;
  return push(line, &line->rows, &line->n_rows, &line->rows_capacity, row, error);
}

static loci_status push_ngrams(const loci__dictionary *d, loci__line *line, const char *word, size_t length,
                               loci_error *error) {
  if (d->max_n <= 0) return LOCI_OK;
  size_t n =
      loci__fasttext_ngrams(word, length, d->min_n, d->max_n, d->n_buckets, line->buckets, line->buckets_capacity);
  if (n > line->buckets_capacity) {
    if (!loci__grow(line->context, &line->buckets, &line->buckets_capacity, n, sizeof *line->buckets))
      return loci__fail_memory(error, n * sizeof *line->buckets, "a word's n-grams");
    loci__fasttext_ngrams(word, length, d->min_n, d->max_n, d->n_buckets, line->buckets, n);
  }
  for (size_t i = 0; i < n; i++) LOCI__TRY(push_bucket(d, line, (uint32_t)line->buckets[i], error));
  return LOCI_OK;
}

static loci_status read_token(const loci__dictionary *d, loci__line *line, const char *token, size_t length,
                              loci_error *error) {
  uint32_t hash = loci__fasttext_hash(token, length);
  int32_t entry = d->slots[slot_of(d, token, length, hash)];
  line->n_tokens++;
  size_t prefix = strlen(d->label_prefix);
  bool label =
      entry >= 0 ? (size_t)entry >= d->n_words : length >= prefix && memcmp(token, d->label_prefix, prefix) == 0;
  if (label) {
    if (entry < 0) return LOCI_OK;
    return push(line, &line->labels, &line->n_labels, &line->labels_capacity, (uint32_t)entry - (uint32_t)d->n_words,
                error);
  }
  if (entry >= 0) LOCI__TRY(push(line, &line->rows, &line->n_rows, &line->rows_capacity, (uint32_t)entry, error));
  LOCI__TRY(push_ngrams(d, line, token, length, error));
  if (d->word_ngrams < 2) return LOCI_OK;
  if (line->n_hashes == line->hashes_capacity &&
      !loci__grow(line->context, &line->hashes, &line->hashes_capacity, line->n_hashes + 1, sizeof *line->hashes))
    return loci__fail_memory(error, line->n_hashes * sizeof *line->hashes, "a line");
  line->hashes[line->n_hashes++] = (int32_t)hash;
  return LOCI_OK;
}

/* Hashes are signed in the reference, and widened with their sign. */
static loci_status push_word_ngrams(const loci__dictionary *d, loci__line *line, loci_error *error) {
  if (d->word_ngrams < 2 || d->n_buckets < 1) return LOCI_OK;
  size_t most = (size_t)d->word_ngrams;
  for (size_t i = 0; i < line->n_hashes; i++) {
    uint64_t hash = (uint64_t)(int64_t)line->hashes[i];
    for (size_t j = i + 1; j < line->n_hashes && j < i + most; j++) {
      hash = hash * 116049371u + (uint64_t)(int64_t)line->hashes[j];
      LOCI__TRY(push_bucket(d, line, (uint32_t)(hash % (uint64_t)d->n_buckets), error));
    }
  }
  return LOCI_OK;
}

loci_status loci__line_read(const loci__dictionary *d, const char *text, size_t length, loci__line *line,
                            loci_error *error) {
  line->n_rows = line->n_labels = line->n_hashes = 0;
  line->n_tokens = 0;
  static const char end[] = LOCI__LINES_END;
  size_t at = 0, n;
  const char *token;
  while ((token = loci__line_token(text, length, &at, &n)) != NULL)
    if (n == sizeof end - 1 && memcmp(token, end, n) == 0) break; /* a line that says so ends there */
    else LOCI__TRY(read_token(d, line, token, n, error));
  LOCI__TRY(read_token(d, line, end, sizeof end - 1, error));
  return push_word_ngrams(d, line, error);
}
