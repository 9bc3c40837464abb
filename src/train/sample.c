/* train/sample.c: which texts of a corpus the teacher is asked about, and how often each piece occurs.
 *
 * The corpus is UTF-8 with a paragraph a line. Sentences of 3 to 40 words and, for one text in thirteen, whole paragraphs of
 * 41 to 149 words are candidates; both lists are shuffled with the seed and cut. Counts come from every k-th line, k so
 * chosen that about 100 MB are read: the shares of frequent pieces are settled long before.
 *
 * The corpus stays mapped while the texts are in use: they are views into it. */
#include "sample.h"
#include "../text/chunk.h"
#include "../text/text.h"

enum { COUNT_BYTES = 100 * 1000 * 1000 };

typedef struct loci__text_list {
  loci_context *context;
  loci_text *items;
  size_t n, capacity;
  bool failed;
} loci__text_list;

static void list_add(loci__text_list *list, const char *data, size_t length) {
  if (list->failed || !loci__grow(list->context, &list->items, &list->capacity, list->n + 1, sizeof *list->items)) {
    list->failed = true;
    return;
  }
  list->items[list->n++] = (loci_text){data, length};
}

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static size_t count_words(const char *text, size_t length) {
  size_t words = 0;
  bool inside = false;
  for (size_t i = 0; i < length; i++) {
    bool space = is_space(text[i]);
    words += !space && !inside;
    inside = !space;
  }
  return words;
}

typedef struct loci__line_state {
  loci__text_list *sentences;
  const char *line;
} loci__line_state;

static void on_sentence(void *arg, size_t start, size_t length) {
  loci__line_state *state = arg;
  size_t words = count_words(state->line + start, length);
  if (words >= 3 && words <= 40) list_add(state->sentences, state->line + start, length);
}

static void shuffle(loci__text_list *list, loci__random *random) {
  for (size_t i = list->n; i > 1; i--) {
    size_t j = (size_t)loci__random_below(random, i);
    loci_text t = list->items[i - 1];
    list->items[i - 1] = list->items[j];
    list->items[j] = t;
  }
}

/* Calls each(line, length) for every line that is not empty. */
static loci_status each_line(const loci__mapping *file, loci__meter *meter, void (*each)(void *, const char *, size_t),
                             void *arg, loci_error *error) {
  size_t at = 0, n = 0;
  while (at < file->length) {
    const char *line = file->data + at;
    const char *end = memchr(line, '\n', file->length - at);
    size_t length = end == NULL ? file->length - at : (size_t)(end - line);
    if (length > 0) each(arg, line, length);
    at += length + 1;
    if (++n % 1024 == 0) LOCI__TRY(loci__meter_at(meter, at, NULL, error));
  }
  return LOCI_OK;
}

typedef struct loci__candidates {
  loci__text_list sentences, paragraphs;
} loci__candidates;

static void on_line(void *arg, const char *line, size_t length) {
  loci__candidates *candidates = arg;
  size_t words = count_words(line, length);
  loci__line_state state = {&candidates->sentences, line};
  loci__sentences(line, length, on_sentence, &state);
  if (words > 40 && words < 150) list_add(&candidates->paragraphs, line, length);
}

loci_status loci__sample_texts(loci_context *context, const loci__mapping *corpus, size_t wanted, uint64_t seed,
                               loci__meter *meter, loci_text **texts, size_t *n, loci_error *error) {
  *texts = NULL;
  *n = 0;
  loci__candidates candidates = {{.context = context}, {.context = context}};
  loci_status status = loci__meter_stage(meter, "reading", "bytes", corpus->length, error);
  if (status == LOCI_OK) status = each_line(corpus, meter, on_line, &candidates, error);
  if (status == LOCI_OK && (candidates.sentences.failed || candidates.paragraphs.failed)) {
    status = loci__fail_memory(error, candidates.sentences.capacity * 2 * sizeof(loci_text), "the corpus's sentences");
  }
  if (status == LOCI_OK) {
    loci__random random;
    loci__random_init(&random, seed);
    shuffle(&candidates.sentences, &random);
    shuffle(&candidates.paragraphs, &random);
    /* One paragraph to 12.4 sentences: what the recipe was measured with (126,976 and 10,240). */
    size_t n_paragraphs = wanted * 5 / 67, n_sentences = wanted - n_paragraphs;
    if (n_paragraphs > candidates.paragraphs.n) n_paragraphs = candidates.paragraphs.n;
    if (n_sentences > candidates.sentences.n) n_sentences = candidates.sentences.n;
    loci_text *all = loci__alloc_array(context, n_sentences + n_paragraphs, sizeof *all);
    if (n_sentences + n_paragraphs == 0) {
      status = loci__fail(error, LOCI_ERROR_FORMAT, "the corpus has no sentence of 3 to 40 words (a paragraph a line)");
    } else if (all == NULL) {
      status = loci__fail_memory(error, (n_sentences + n_paragraphs) * sizeof *all, "the sample");
    } else {
      memcpy(all, candidates.sentences.items, n_sentences * sizeof *all);
      if (n_paragraphs > 0) memcpy(all + n_sentences, candidates.paragraphs.items, n_paragraphs * sizeof *all);
      *texts = all;
      *n = n_sentences + n_paragraphs;
    }
  }
  loci__free(context, candidates.sentences.items);
  loci__free(context, candidates.paragraphs.items);
  return status;
}

typedef struct loci__counting {
  const loci_tokenizer *tokenizer;
  uint64_t *counts;
  loci__ids ids;
  size_t every, line;
  loci_status status;
  loci_error *error;
} loci__counting;

static void count_line(void *arg, const char *line, size_t length) {
  loci__counting *c = arg;
  if (c->status != LOCI_OK || c->line++ % c->every != 0) return;
  c->status = loci__tokenizer_ids(c->tokenizer, line, length, false, SIZE_MAX, &c->ids, NULL, c->error);
  if (c->status != LOCI_OK) return;
  for (size_t i = 0; i < c->ids.n; i++) c->counts[c->ids.items[i]]++;
}

loci_status loci__sample_counts(const loci__mapping *corpus, const loci_tokenizer *tokenizer, loci__meter *meter,
                                uint64_t *counts, loci_error *error) {
  loci__counting counting = {
      .tokenizer = tokenizer, .counts = counts, .every = 1 + corpus->length / COUNT_BYTES, .error = error};
  loci_status status = loci__meter_stage(meter, "counting", "bytes", corpus->length, error);
  if (status == LOCI_OK) status = each_line(corpus, meter, count_line, &counting, error);
  if (status == LOCI_OK) status = counting.status;
  loci__ids_release(&counting.ids);
  return status;
}
