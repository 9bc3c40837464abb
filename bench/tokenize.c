/* bench/tokenize.c: the tokenizer's rate on text, one thread, and the time to open it.
 *
 * usage: tokenize TOKENIZER FILE [--bytes N] [--cpu N] [--seconds S] [--json]
 *
 * TOKENIZER: a folder, tokenizer.json or vocab.txt. FILE: UTF-8 text, a paragraph a line; its first N bytes (default
 * 4,000,000, cut at a line's end) are tokenized line by line and as one text, as ids only (what models ask for) and with
 * type ids and offsets. bench/peers/wordpiece.py runs this and its peers on the same bytes.
 */
#include "bench.h"

#include "base/file.h"
#include "text/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct work {
  const loci_tokenizer *tokenizer;
  const char *path, *text;
  size_t length;
  bool lines, offsets, plain;
  loci_tokens tokens;
  loci__ids ids;
  size_t n_tokens;
} work;

static void die(const loci_error *error) {
  fprintf(stderr, "tokenize: %s\n", error->message);
  exit(1);
}

static void encode(work *w, const char *text, size_t length) {
  loci_error error;
  if (w->offsets || w->plain) {
    if ((w->plain ? loci__tokenizer_encode_plain : loci_tokenizer_encode)(w->tokenizer, text, length, 1, &w->tokens,
                                                                          &error) != LOCI_OK)
      die(&error);
    w->n_tokens += w->tokens.n_tokens;
  } else {
    if (loci__tokenizer_ids(w->tokenizer, text, length, true, SIZE_MAX, &w->ids, NULL, &error) != LOCI_OK) die(&error);
    w->n_tokens += w->ids.n;
  }
}

static double run(void *arg) {
  work *w = arg;
  w->n_tokens = 0;
  if (!w->lines) {
    encode(w, w->text, w->length);
  } else {
    for (size_t at = 0; at < w->length;) {
      const char *newline = memchr(w->text + at, '\n', w->length - at);
      size_t end = newline != NULL ? (size_t)(newline - w->text) : w->length;
      encode(w, w->text + at, end - at);
      at = end + 1;
    }
  }
  return (double)w->length * 1e-6;
}

static double open_once(void *arg) {
  work *w = arg;
  loci_tokenizer *tokenizer;
  loci_error error;
  if (loci_tokenizer_open(NULL, w->path, &tokenizer, &error) != LOCI_OK) die(&error);
  loci_tokenizer_close(tokenizer);
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 3 || argv[1][0] == '-' || argv[2][0] == '-') {
    fprintf(stderr, "usage: tokenize TOKENIZER FILE [--bytes N] [--cpu N] [--seconds S] [--json]\n");
    return 2;
  }
  double seconds = atof(bench_option(argc, argv, "--seconds", "1"));
  size_t limit = (size_t)atol(bench_option(argc, argv, "--bytes", "4000000"));
  if (bench_flag(argc, argv, "--cpu")) bench_pin(atoi(bench_option(argc, argv, "--cpu", "0")));
  loci_error error;
  char *text;
  size_t length;
  if (loci__file_read(NULL, argv[2], (size_t)1 << 32, &text, &length, &error) != LOCI_OK) die(&error);
  if (length > limit) {
    length = limit;
    while (length > 0 && text[length - 1] != '\n') length--;
  }
  loci_tokenizer *tokenizer;
  if (loci_tokenizer_open(NULL, argv[1], &tokenizer, &error) != LOCI_OK) die(&error);

  bench_table table;
  bench_begin(&table, "tokenize, one thread", bench_flag(argc, argv, "--json"));
  static const struct {
    const char *name;
    bool lines, offsets, plain;
  } rows[] = {{"lines, ids", true, false, false},
              {"lines, ids, types, offsets", true, true, false},
              {"one text, ids", false, false, false},
              {"one text, ids, types, offsets", false, true, false},
              {"lines, plain implementation", true, true, true}};
  double plain_tokens = 0, tokens = 0;
  for (size_t i = 0; i < LOCI__COUNT(rows); i++) {
    work w = {.tokenizer = tokenizer, .text = text, .length = length};
    w.lines = rows[i].lines;
    w.offsets = rows[i].offsets;
    w.plain = rows[i].plain;
    bench_figure figure = bench_rate(run, &w, 5, seconds);
    bench_row(&table, rows[i].name, figure, "MB/s", NAN, NULL, NAN, NULL);
    if (i == 0) tokens = (double)w.n_tokens;
    if (w.plain) plain_tokens = (double)w.n_tokens;
    loci_tokens_release(&w.tokens);
    loci__ids_release(&w.ids);
  }
  work w = {.path = argv[1]};
  bench_figure opens = bench_rate(open_once, &w, 20, seconds);
  bench_figure ms = {1e3 / opens.median, 1e3 / opens.greatest, 1e3 / opens.least};
  bench_row(&table, "open", ms, "ms", NAN, NULL, NAN, NULL);
  bench_end(&table);
  if (!bench_flag(argc, argv, "--json"))
    printf("%zu bytes, %.0f tokens, %.2f bytes a token\n", length, tokens, (double)length / tokens);
  loci_tokenizer_close(tokenizer);
  loci__free(NULL, text);
  return tokens == plain_tokens ? 0 : 1;
}
