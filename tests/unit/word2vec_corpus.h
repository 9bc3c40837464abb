/* word2vec_corpus.h: the synthetic corpus of tests/golden/make_word2vec.py. */
#ifndef LOCI_TESTS_WORD2VEC_CORPUS_H
#define LOCI_TESTS_WORD2VEC_CORPUS_H

#include <stdint.h>
#include <stdio.h>

static inline unsigned word2vec_below(uint64_t *state, uint64_t n) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)((*state >> 33) % n);
}

/* 3,000 lines for the golden files; fewer for other tests. */
static inline void word2vec_corpus_write(const char *path, unsigned n_lines) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  uint64_t state = 7;
  for (unsigned line = 0; line < n_lines; line++) {
    unsigned length = line % 500 == 250 ? 1500 : word2vec_below(&state, 30);
    for (unsigned i = 0; i < length; i++) {
      unsigned a = word2vec_below(&state, 4000), b = word2vec_below(&state, a + 1);
      fprintf(file, "w%u", word2vec_below(&state, b + 1));
      fputc(word2vec_below(&state, 50) == 0 ? '\t' : ' ', file);
    }
    if (line % 97 == 0) {
      fputs("long", file);
      for (unsigned i = 0; i < 110 + line % 2; i++) fputc('x', file);
    }
    if (line % 10 == 3) fputc('\r', file);
    fputc('\n', file);
  }
  fputs("w1 w2 cut", file);
  assert_int_equal(fclose(file), 0);
}

#endif
