/* bench/corpus.c: MB/s of reading a corpus: counting its vocabulary by each way of splitting, encoding it, and, beside them,
 * a plain read of the same bytes (in blocks, with a sum over them, one thread) and splitting alone (from memory, one
 * thread, words thrown away).
 *
 * usage: corpus FILE [--threads N] [--seconds S] [--scratch FOLDER] [--model TOKENIZER] [--only TEXT] [--own-time] [--json]
 *
 * FILE should lie in the page cache (it is read once before): what is measured is this program, not a disk.
 */
#include "bench.h"

#include "base/file.h"
#include "text/split.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct work {
  loci_context *context;
  const char *path;
  loci_corpus_options options;
  loci_tokenizer *tokenizer;
  loci_vocabulary *vocabulary;
  char *memory;
  size_t length;
  char stream[600];
  uint64_t sum;
} work;

static void die(const loci_error *error) {
  fprintf(stderr, "corpus: %s\n", error->message);
  exit(1);
}

static double plain_read(void *arg) {
  work *w = arg;
  static char block[LOCI__BLOCK];
  int fd = loci__file_open(w->context, w->path, O_RDONLY, 0);
  uint64_t sum = 0;
  size_t n = 0;
  for (int64_t got; (got = loci__file_pread(w->context, fd, block, sizeof block, (int64_t)n)) > 0; n += (size_t)got)
    for (size_t i = 0; i + 8 <= (size_t)got; i += 8) {
      uint64_t word;
      memcpy(&word, block + i, 8);
      sum += word;
    }
  w->sum += sum;
  loci__file_close(w->context, fd);
  return (double)n * 1e-6;
}

static loci_status nothing(void *arg, const loci__token *tokens, size_t n, loci_error *error) {
  (void)error;
  work *w = arg;
  w->sum += tokens[n - 1].hash;
  return LOCI_OK;
}

static double split_alone(void *arg) {
  work *w = arg;
  loci_error error;
  loci__splitter splitter;
  loci__split *split = NULL;
  if (loci__splitter_of(&w->options, w->tokenizer, &splitter, &error) != LOCI_OK ||
      loci__split_new(w->context, &splitter, 1024, nothing, w, &split, &error) != LOCI_OK)
    die(&error);
  loci__split_begin(split, 0);
  if (loci__split_feed(split, w->memory, w->length, &error) != LOCI_OK || loci__split_end(split, &error) != LOCI_OK)
    die(&error);
  loci__split_free(split);
  return (double)w->length * 1e-6;
}

static double count(void *arg) {
  work *w = arg;
  loci_error error;
  loci_vocabulary_free(w->vocabulary);
  if (loci__vocabulary_count(w->context, w->path, &w->options, w->tokenizer, &w->vocabulary, &error) != LOCI_OK)
    die(&error);
  loci_vocabulary_info info = {.struct_size = sizeof info};
  loci_vocabulary_get_info(w->vocabulary, &info);
  return (double)info.n_bytes * 1e-6;
}

static double encode(void *arg) {
  work *w = arg;
  loci_error error;
  loci__splitter splitter;
  loci__stream stream;
  remove(w->stream);
  if (loci__splitter_of(&w->options, w->tokenizer, &splitter, &error) != LOCI_OK ||
      loci__stream_make(w->context, w->path, &splitter, w->vocabulary, w->stream, NULL, &stream, &error) != LOCI_OK)
    die(&error);
  loci__stream_close(&stream);
  remove(w->stream);
  return (double)w->length * 1e-6;
}

static void row(bench_table *table, work *w, const char *name, const char *only, double (*what)(void *arg),
                double seconds, bench_figure read) {
  if (strstr(name, only) == NULL) return;
  bench_figure figure = bench_rate(what, w, 3, seconds);
  bench_row(table, name, figure, "MB/s", figure.median / read.median, "a plain read", NAN, NULL);
}

int main(int argc, char **argv) {
  if (argc < 2 || argv[1][0] == '-') {
    fputs(
        "usage: corpus FILE [--threads N] [--seconds S] [--scratch FOLDER] [--model TOKENIZER] [--only TEXT] "
        "[--own-time] [--json]\n",
        stderr);
    return 2;
  }
  loci_error error;
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = atoi(bench_option(argc, argv, "--threads", "2"));
  double seconds = atof(bench_option(argc, argv, "--seconds", "3"));
  if (bench_flag(argc, argv, "--own-time"))
    bench_own_time(); /* for tuning: with one thread, on a machine that is not quiet */
  work w = {.path = argv[1]};
  if (loci_context_new(&options, &w.context, &error) != LOCI_OK) die(&error);
  snprintf(w.stream, sizeof w.stream, "%s/loci-bench-stream", bench_option(argc, argv, "--scratch", "/tmp"));
  if (loci__file_read(w.context, w.path, SIZE_MAX / 2, &w.memory, &w.length, &error) != LOCI_OK) die(&error);

  static const struct {
    const char *name;
    loci_split split;
    loci_fold fold;
  } ways[] = {{"white space, ASCII folding", LOCI_SPLIT_SPACE, LOCI_FOLD_ASCII},
              {"white space, no folding", LOCI_SPLIT_SPACE, LOCI_FOLD_NONE},
              {"words of UAX #29, lower case", LOCI_SPLIT_WORDS, LOCI_FOLD_LOWER},
              {"2-grams of characters", LOCI_SPLIT_CHARS, LOCI_FOLD_LOWER},
              {"a model's pieces", LOCI_SPLIT_MODEL, LOCI_FOLD_NONE}};
  const char *model = bench_option(argc, argv, "--model", NULL);
  if (model != NULL && loci_tokenizer_open(w.context, model, &w.tokenizer, &error) != LOCI_OK) die(&error);
  const char *only = bench_option(argc, argv, "--only", ""); /* rows whose names contain it */
  bench_table table;
  char title[200];
  snprintf(title, sizeof title, "a corpus of %.1f MB, %d threads", (double)w.length * 1e-6, options.threads);
  bench_begin(&table, title, bench_flag(argc, argv, "--json"));
  bench_figure read = bench_rate(plain_read, &w, 3, seconds / 3);
  bench_row(&table, "plain read, one thread", read, "MB/s", NAN, NULL, NAN, NULL);
  for (size_t i = 0; i < LOCI__COUNT(ways); i++) {
    if (ways[i].split == LOCI_SPLIT_MODEL && w.tokenizer == NULL) continue;
    char name[100];
    loci_corpus_options_init(&w.options);
    w.options.split = ways[i].split;
    w.options.fold = ways[i].fold;
    snprintf(name, sizeof name, "split alone, one thread: %s", ways[i].name);
    row(&table, &w, name, only, split_alone, seconds / 3, read);
    snprintf(name, sizeof name, "count: %s", ways[i].name);
    row(&table, &w, name, only, count, seconds, read);
    snprintf(name, sizeof name, "encode: %s", ways[i].name);
    if (strstr(name, only) != NULL) count(&w);
    row(&table, &w, name, only, encode, seconds, read);
  }
  bench_end(&table);
  loci_vocabulary_free(w.vocabulary);
  loci_tokenizer_close(w.tokenizer);
  loci__free(w.context, w.memory);
  loci_context_free(w.context);
  return w.sum == 42 ? 3 : 0; /* so that nothing is optimised away */
}
