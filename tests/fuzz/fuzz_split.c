/* fuzz_split.c: any bytes as a text, split each way: fed at once and in pieces the words must be the same, UTF-8, of at most
 * max_word bytes, and those of the rules one by one. The first three bytes choose the way, max_word and the pieces. */
#include "text/split.h"
#include "text/wordbreak.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct words {
  loci__buffer text;
  size_t max_word;
} words;

static loci_status put(void *arg, const loci__token *tokens, size_t n, loci_error *error) {
  (void)error;
  words *w = arg;
  for (size_t i = 0; i < n; i++) {
    if (tokens[i].length > w->max_word || !loci__utf8_valid(tokens[i].word, tokens[i].length)) abort();
    if (tokens[i].length == 0) {
      loci__buffer_putc(&w->text, '\n');
    } else {
      loci__buffer_append(&w->text, tokens[i].word, tokens[i].length);
      loci__buffer_putc(&w->text, '|');
    }
  }
  return LOCI_OK;
}

static void split(const loci__splitter *splitter, const char *text, size_t length, size_t piece, words *w) {
  loci__buffer_init(&w->text, NULL, 0);
  w->max_word = splitter->max_word;
  loci__split *s;
  if (loci__split_new(NULL, splitter, 1 + piece % 5, put, w, &s, NULL) != LOCI_OK) abort();
  loci__split_begin(s, 0);
  for (size_t at = 0; at < length; at += piece)
    if (loci__split_feed(s, text + at, length - at < piece ? length - at : piece, NULL) != LOCI_OK) abort();
  if (loci__split_end(s, NULL) != LOCI_OK) abort();
  loci__split_free(s);
}

/* Words by the rules, folding left out. */
static void plain(const loci__splitter *splitter, const char *text, size_t length, loci__buffer *out) {
  uint32_t *c = calloc(length + 1, sizeof *c);
  size_t n = 0, used;
  for (size_t at = 0; at < length; at += used) c[n++] = loci__utf8_next(text + at, length - at, &used, NULL);
  loci__buffer_init(out, NULL, 0);
  for (size_t begin = 0, end; begin < n; begin = end) {
    bool word = false, full = false;
    for (end = begin + 1; end < n && !loci__word_break(c, n, end);) end++;
    for (size_t i = begin; i < end; i++) {
      unsigned class = loci__word_of(c[i])->class;
      word = word || ((loci__word_of(c[i])->flags & LOCI__WORD_ALNUM) != 0 && class != LOCI__WB_EXTEND &&
                      class != LOCI__WB_FORMAT && class != LOCI__WB_ZWJ);
    }
    size_t from = begin, bytes = 0;
    while (from < end && (loci__word_of(c[from])->flags & LOCI__WORD_SEPARATOR) != 0) from++;
    for (size_t i = from; word && i < end && !full; i++) {
      char utf8[4];
      size_t size = loci__utf8_put(c[i], utf8);
      full = bytes + size > splitter->max_word;
      if (!full) loci__buffer_append(out, utf8, size);
      bytes += size;
    }
    if (word) loci__buffer_putc(out, '|');
    for (size_t i = begin; i < end; i++)
      if (c[i] == '\n') loci__buffer_putc(out, '\n');
  }
  free(c);
}

static void same(const loci__buffer *a, const loci__buffer *b) {
  if (a->length != b->length || (a->length > 0 && memcmp(a->data, b->data, a->length) != 0)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 3 || size > 5000) return 0;
  loci__splitter splitter = {.split = (loci_split)(data[0] % 3),
                             .fold = (loci_fold)(data[0] / 3 % 3),
                             .ngram = 1 + data[0] / 9 % 4,
                             .max_word = 4 + data[1] * (size_t)(data[1] % 2 ? 1 : 8)};
  const char *text = (const char *)data + 3;
  size_t length = size - 3;
  words whole, pieces;
  split(&splitter, text, length, length + 1, &whole);
  split(&splitter, text, length, 1 + data[2] % 50, &pieces);
  same(&whole.text, &pieces.text);
  if (splitter.split == LOCI_SPLIT_WORDS && splitter.fold == LOCI_FOLD_NONE) {
    loci__buffer expected;
    plain(&splitter, text, length, &expected);
    same(&whole.text, &expected);
    loci__buffer_release(&expected);
  }
  loci__buffer_release(&whole.text);
  loci__buffer_release(&pieces.text);
  return 0;
}
