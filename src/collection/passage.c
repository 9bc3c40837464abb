/* passage.c: of each passage that is shown, the sentence that answers best.
 *
 * With a static model a sentence costs microseconds, so every sentence of every shown passage is embedded, in one call,
 * and the one with the greatest cosine to the query is told. An encoder would need longer for that than for the
 * search; there the sentence that shares most words with the query is told, and none when no word is shared.
 */
#include "collection.h"

#include "../text/chunk.h"

typedef struct span {
  size_t result, start, length;
} span;

typedef struct spans {
  loci_context *context;
  span *items;
  size_t n, capacity, result;
  bool failed;
} spans;

static void note_span(void *arg, size_t start, size_t length) {
  spans *list = arg;
  if (list->failed || length == 0) return;
  if (!loci__grow(list->context, &list->items, &list->capacity, list->n + 1, sizeof *list->items)) {
    list->failed = true;
    return;
  }
  list->items[list->n++] = (span){list->result, start, length};
}

/* The sentence with the greatest score above `lowest`; the first of equals. */
static void choose(const spans *list, const float *scores, float lowest, loci_result *results) {
  size_t best = SIZE_MAX;
  for (size_t i = 0; i < list->n; i++) {
    if (i > 0 && list->items[i].result != list->items[i - 1].result) best = SIZE_MAX;
    if (scores[i] > (best == SIZE_MAX ? lowest : scores[best])) {
      best = i;
      results[list->items[i].result].best_start = list->items[i].start;
      results[list->items[i].result].best_length = list->items[i].length;
    }
  }
}

static loci_status score_by_model(loci_collection *collection, const float *query, const spans *list,
                                  const loci_result *results, float *scores, loci_error *error) {
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(collection->model, &info);
  size_t size = 0;
  loci_text *texts = loci__alloc_array(collection->context, list->n, sizeof *texts);
  float *vectors =
      loci__mul(list->n, info.dim, &size) ? loci__alloc_array(collection->context, size, sizeof *vectors) : NULL;
  loci_status status = LOCI_OK;
  if (texts == NULL || vectors == NULL) status = loci__fail_memory(error, size, "the vectors of sentences");
  if (status == LOCI_OK) {
    for (size_t i = 0; i < list->n; i++) {
      texts[i] = (loci_text){results[list->items[i].result].text + list->items[i].start, list->items[i].length};
    }
    loci_embed_options embed;
    loci_embed_options_init(&embed);
    embed.role = LOCI_ROLE_DOCUMENT;
    status = loci_embed(collection->model, texts, list->n, &embed, vectors, NULL, error);
  }
  for (size_t i = 0; i < list->n && status == LOCI_OK; i++) {
    scores[i] = (float)loci_cosine(query, vectors + i * info.dim, info.dim);
  }
  loci__free(collection->context, vectors);
  loci__free(collection->context, texts);
  return status;
}

/* ---- words --------------------------------------------------------------------------------------------- */

static bool is_word_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* The next word at or after *at; false at the end. */
static bool next_word(const char *text, size_t length, size_t *at, size_t *start) {
  while (*at < length && !is_word_byte(text[*at])) ++*at;
  *start = *at;
  while (*at < length && is_word_byte(text[*at])) ++*at;
  return *at > *start;
}

static bool has_word(const char *text, size_t length, const char *word, size_t word_length) {
  size_t at = 0, start = 0;
  while (next_word(text, length, &at, &start)) {
    if (at - start != word_length) continue;
    size_t i = 0;
    while (i < word_length && lower(text[start + i]) == lower(word[i])) i++;
    if (i == word_length) return true;
  }
  return false;
}

/* Letters of the query's words that a sentence has: long words say more than "the". */
static float shared_words(const char *query, size_t query_length, const char *text, size_t length) {
  size_t at = 0, start = 0;
  float score = 0.0f;
  while (next_word(query, query_length, &at, &start)) {
    if (at - start >= 3 && has_word(text, length, query + start, at - start)) score += (float)(at - start - 2);
  }
  return score;
}

loci_status loci__best_sentences(loci_collection *collection, const char *query, size_t length,
                                 const float *query_vector, loci_result *results, size_t n, loci_error *error) {
  spans list = {.context = collection->context};
  for (size_t i = 0; i < n && !list.failed; i++) {
    list.result = i;
    results[i].best_start = results[i].best_length = 0;
    loci__sentences(results[i].text, strlen(results[i].text), note_span, &list);
  }
  float *scores = loci__alloc_array(collection->context, list.n > 0 ? list.n : 1, sizeof *scores);
  loci_status status = LOCI_OK;
  if (list.failed || scores == NULL) status = loci__fail_memory(error, list.n * sizeof *scores, "sentences");
  bool by_model = false;
  if (query_vector != NULL && collection->model != NULL) {
    loci_model_info info = {.struct_size = sizeof info};
    loci_model_get_info(collection->model, &info);
    by_model = info.architecture != NULL && strcmp(info.architecture, "static") == 0;
  }
  if (status == LOCI_OK && list.n > 0) {
    if (by_model) {
      status = score_by_model(collection, query_vector, &list, results, scores, error);
    } else {
      for (size_t i = 0; i < list.n; i++) {
        const char *text = results[list.items[i].result].text + list.items[i].start;
        scores[i] = shared_words(query, length, text, list.items[i].length);
      }
    }
  }
  if (status == LOCI_OK) choose(&list, scores, by_model ? -2.0f : 0.0f, results);
  loci__free(collection->context, scores);
  loci__free(collection->context, list.items);
  return status;
}
