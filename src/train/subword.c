/* train/subword.c: the rows of each word: its own, then one for each of its character n-grams (hashed to buckets as the
 * fastText program does, format/fasttext.c).
 *
 * Rows of buckets are numbered by how many tokens of the corpus use them, the most used first: they lie together, and a
 * cache holds more of what is wanted. Ties go by bucket, so the numbering depends on the vocabulary alone.
 */
#include "subword.h"

#include <stdlib.h>

typedef struct use {
  uint64_t tokens;
  int32_t bucket;
} use;

static int by_use(const void *left, const void *right) {
  const use *a = left, *b = right;
  if (a->tokens != b->tokens) return a->tokens > b->tokens ? -1 : 1;
  return a->bucket < b->bucket ? -1 : a->bucket > b->bucket;
}

/* All words' buckets one after the other, without the words' own rows. */
typedef struct lists {
  int32_t *buckets;
  size_t n, capacity;
} lists;

static loci_status list_words(const loci_vocabulary *vocabulary, int32_t min_n, int32_t max_n, int32_t n_buckets,
                              loci__subwords *s, lists *l, loci_error *error) {
  for (size_t w = 0; w < s->n_words; w++) {
    s->starts[w] = (uint32_t)(l->n + w); /* each word before has its own row too */
    size_t length;
    const char *word = loci__vocabulary_word(vocabulary, w, &length, NULL);
    size_t n = max_n > 0 ? loci__fasttext_ngrams(word, length, min_n, max_n, n_buckets, NULL, 0) : 0;
    if (l->n + w + n + 1 > UINT32_MAX)
      return loci__fail(error, LOCI_ERROR_LIMIT,
                        "the vocabulary's words have more than 2³² n-grams; a higher minimum "
                        "count or a smaller largest n helps");
    if (n > 0 && !loci__grow(s->context, &l->buckets, &l->capacity, l->n + n, sizeof *l->buckets))
      return loci__fail_memory(error, (l->n + n) * sizeof *l->buckets, "the words' n-grams");
    if (n > 0) loci__fasttext_ngrams(word, length, min_n, max_n, n_buckets, l->buckets + l->n, n);
    l->n += n;
    if (n + 1 > s->most) s->most = n + 1;
  }
  s->starts[s->n_words] = (uint32_t)(l->n + s->n_words);
  return LOCI_OK;
}

/* Numbers the used buckets; row_of[b] is set for them. */
static loci_status number_buckets(const loci_vocabulary *vocabulary, loci__subwords *s, const lists *l,
                                  uint64_t *tokens, uint32_t *row_of, size_t n_buckets, loci_error *error) {
  size_t n_used = 0;
  for (size_t w = 0, at = 0; w < s->n_words; w++) {
    uint64_t count;
    loci__vocabulary_word(vocabulary, w, NULL, &count);
    for (size_t end = s->starts[w + 1] - (w + 1); at < end; at++) {
      uint64_t *t = &tokens[l->buckets[at]];
      n_used += *t == 0;
      *t += count + 1; /* a word of count 0 (a vocabulary without counts) uses it too */
    }
  }
  use *uses = loci__alloc_array(s->context, n_used + 1, sizeof *uses);
  s->buckets = loci__alloc_array(s->context, n_used + 1, sizeof *s->buckets);
  if (!uses || !s->buckets) {
    loci__free(s->context, uses);
    return loci__fail_memory(error, n_used * 20, "the numbering of the n-grams");
  }
  for (size_t b = 0, n = 0; b < n_buckets; b++)
    if (tokens[b]) uses[n++] = (use){tokens[b], (int32_t)b};
  qsort(uses, n_used, sizeof *uses, by_use);
  for (size_t i = 0; i < n_used; i++) {
    s->buckets[i] = uses[i].bucket;
    row_of[uses[i].bucket] = (uint32_t)(s->n_words + i);
  }
  loci__free(s->context, uses);
  s->n_rows = s->n_words + n_used;
  return LOCI_OK;
}

static loci_status make(const loci_vocabulary *vocabulary, int32_t min_n, int32_t max_n, int32_t n_buckets,
                        loci__subwords *s, lists *l, loci_error *error) {
  s->starts = loci__alloc_array(s->context, s->n_words + 1, sizeof *s->starts);
  if (!s->starts) return loci__fail_memory(error, s->n_words * sizeof *s->starts, "the words' rows");
  LOCI__TRY(list_words(vocabulary, min_n, max_n, n_buckets, s, l, error));
  size_t n = n_buckets > 0 ? (size_t)n_buckets : 1;
  uint64_t *tokens = loci__alloc_zero(s->context, n, sizeof *tokens);
  uint32_t *row_of = loci__alloc_array(s->context, n, sizeof *row_of);
  s->rows = loci__alloc_array(s->context, l->n + s->n_words, sizeof *s->rows);
  loci_status status = LOCI_OK;
  if (!tokens || !row_of || !s->rows) status = loci__fail_memory(error, n * 12, "the numbering of the n-grams");
  else status = number_buckets(vocabulary, s, l, tokens, row_of, n, error);
  if (status == LOCI_OK) {
    for (size_t w = 0, at = 0; w < s->n_words; w++) {
      uint32_t *row = s->rows + s->starts[w], *end = s->rows + s->starts[w + 1];
      *row++ = (uint32_t)w;
      while (row < end) *row++ = row_of[l->buckets[at++]];
    }
  }
  loci__free(s->context, tokens);
  loci__free(s->context, row_of);
  return status;
}

loci_status loci__subwords_make(loci_context *context, const loci_vocabulary *vocabulary, int32_t min_n, int32_t max_n,
                                int32_t n_buckets, loci__subwords *out, loci_error *error) {
  *out = (loci__subwords){.context = context, .n_words = loci__vocabulary_size(vocabulary), .most = 1};
  lists l = {0};
  loci_status status = make(vocabulary, min_n, max_n, n_buckets, out, &l, error);
  loci__free(context, l.buckets);
  if (status != LOCI_OK) loci__subwords_release(out);
  return status;
}

void loci__subwords_release(loci__subwords *subwords) {
  loci__free(subwords->context, subwords->starts);
  loci__free(subwords->context, subwords->rows);
  loci__free(subwords->context, subwords->buckets);
  *subwords = (loci__subwords){.context = subwords->context};
}
