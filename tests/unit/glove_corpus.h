/* glove_corpus.h: the synthetic corpus of tests/golden/make_glove.py, as text and as numbers by rank. */
#ifndef LOCI_TESTS_GLOVE_CORPUS_H
#define LOCI_TESTS_GLOVE_CORPUS_H

#include <stdio.h>
#include <stdlib.h>

typedef struct glove_corpus {
  int32_t *ids; /* −1 ends a line */
  size_t n, n_words;
} glove_corpus;

typedef struct glove_word {
  unsigned number;
  uint64_t count;
} glove_word;

static inline unsigned glove_below(uint64_t *state, uint64_t n) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)((*state >> 33) % n);
}

static inline int glove_by_count(const void *a, const void *b) {
  const glove_word *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  char one[16], other[16];
  snprintf(one, sizeof one, "w%u", x->number);
  snprintf(other, sizeof other, "w%u", y->number);
  return strcmp(one, other);
}

/* file may be NULL: then no text is written. free() ids. */
static inline glove_corpus glove_corpus_make(size_t n_lines, unsigned n_words, uint64_t seed, uint64_t min_count,
                                             FILE *file) {
  glove_corpus c = {0};
  glove_word *words = calloc(n_words, sizeof *words);
  int32_t *rank = calloc(n_words, sizeof *rank);
  c.ids = malloc(n_lines * 41 * sizeof *c.ids);
  for (unsigned i = 0; i < n_words; i++) words[i].number = i;
  size_t n = 0;
  for (size_t line = 0; line < n_lines; line++) {
    unsigned length = glove_below(&seed, 40);
    for (unsigned i = 0; i < length; i++) {
      unsigned word = glove_below(&seed, n_words) + 1;
      word = glove_below(&seed, word) + 1;
      word = glove_below(&seed, word);
      words[word].count++;
      if (file) fprintf(file, i ? " w%u" : "w%u", word);
      c.ids[n++] = (int32_t)word;
    }
    if (file) fputc('\n', file);
    c.ids[n++] = -1;
  }
  qsort(words, n_words, sizeof *words, glove_by_count);
  for (unsigned i = 0; i < n_words; i++) {
    rank[words[i].number] = words[i].count >= min_count ? (int32_t)i : -1;
    c.n_words += words[i].count >= min_count;
  }
  for (size_t i = 0; i < n; i++) {
    int32_t id = c.ids[i] < 0 ? -2 : rank[c.ids[i]];
    if (id != -1) c.ids[c.n++] = id == -2 ? -1 : id;
  }
  free(words);
  free(rank);
  return c;
}

static inline uint64_t glove_fnv(const void *data, size_t size) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; i++) h = (h ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
  return h;
}

#endif
