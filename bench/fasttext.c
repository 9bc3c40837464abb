/* bench/fasttext.c: vectors from subwords: words a second of the text.
 *
 * usage: fasttext CORPUS [--modes fast,default] [--archs skipgram,cbow] [--dims 100,300] [--threads N] [--epochs N]
 *                 [--max-n N] [--buckets N] [--repeat N] [--isa NAME] [--keep FOLDER] [--own-time] [--json]
 *
 * CORPUS is split at spaces and not folded, so that the peer reads the same words. Only the training counts, not counting,
 * encoding and writing. --keep leaves the models as FOLDER/<mode>-<arch>-<dim>.bin. --own-time divides by the processor
 * time of all threads and multiplies by their number: for a machine with other work.
 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"
#include "loci/train.h"

static loci_error error;

static void need(loci_status status) {
  if (status == LOCI_OK) return;
  fprintf(stderr, "fasttext: %s\n", error.message);
  exit(1);
}

typedef struct watch {
  bool own;
  double began, ended;
  uint64_t words;
} watch;

static int look(void *user, const loci_progress *progress) {
  watch *w = user;
  if (strcmp(progress->stage, "training") != 0) return 0;
  struct timespec t;
  clock_gettime(w->own ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  w->ended = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
  if (w->began == 0) w->began = w->ended;
  w->words = progress->total;
  return 0;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static bool asked_for(const char *list, const char *name) {
  size_t n = strlen(name);
  for (const char *at = list; at != NULL; at = strchr(at, ',')) {
    at += *at == ',';
    if (strncmp(at, name, n) == 0 && (at[n] == ',' || at[n] == '\0')) return true;
  }
  return false;
}

static bench_figure measure(loci_context *context, const char *corpus, const loci_fasttext_options *options, watch *w,
                            int repeat, int threads, const char *keep, const char *name) {
  double rates[99];
  char folder[] = "/tmp/bench-fasttext-XXXXXX", output[4096];
  if (keep == NULL && mkdtemp(folder) == NULL) exit(1);
  snprintf(output, sizeof output, "%s/%s.bin", keep ? keep : folder, name);
  for (int i = 0; i < repeat; i++) {
    w->began = 0;
    need(loci_train_fasttext(context, corpus, options, output, &error));
    rates[i] = (double)w->words / (w->ended - w->began) * (w->own ? threads : 1);
  }
  static const char *const endings[] = {"", ".vocab", ".card.md"};
  for (size_t i = 0; keep == NULL && i < 3; i++) {
    snprintf(output, sizeof output, "%s/%s.bin%s", folder, name, endings[i]);
    remove(output);
  }
  if (keep == NULL) remove(folder);
  qsort(rates, (size_t)repeat, sizeof *rates, compare);
  return (bench_figure){rates[repeat / 2] / 1e3, rates[0] / 1e3, rates[repeat - 1] / 1e3};
}

int main(int argc, char **argv) {
  if (argc < 2 || argv[1][0] == '-') {
    fprintf(stderr, "usage: fasttext CORPUS [--modes fast,default] [--archs skipgram,cbow] [--dims 100,300] …\n");
    return 2;
  }
  const char *archs = bench_option(argc, argv, "--archs", "skipgram,cbow");
  const char *modes = bench_option(argc, argv, "--modes", "fast,default");
  int repeat = atoi(bench_option(argc, argv, "--repeat", "1"));
  if (repeat < 1 || repeat > 99) repeat = 1;
  loci_context_options wanted;
  loci_context_options_init(&wanted);
  wanted.threads = atoi(bench_option(argc, argv, "--threads", "2"));
  wanted.isa = bench_option(argc, argv, "--isa", NULL);
  loci_context *context;
  need(loci_context_new(&wanted, &context, &error));
  watch w = {.own = bench_flag(argc, argv, "--own-time")};
  loci_fasttext_options options;
  loci_fasttext_options_init(&options);
  options.common.corpus.split = LOCI_SPLIT_SPACE;
  options.common.corpus.fold = LOCI_FOLD_NONE;
  options.common.checkpoint_seconds = 0;
  options.common.progress = look;
  options.common.progress_user = &w;
  options.epochs = (size_t)atoi(bench_option(argc, argv, "--epochs", "1"));
  options.max_n = (size_t)atoi(bench_option(argc, argv, "--max-n", "6"));
  options.buckets = (size_t)atoi(bench_option(argc, argv, "--buckets", "2000000"));
  bench_table table;
  char title[160], name[64];
  snprintf(title, sizeof title, "fastText, n-grams to %zu, %d thread%s, %zu epoch%s, %s", options.max_n, wanted.threads,
           wanted.threads == 1 ? "" : "s", options.epochs, options.epochs == 1 ? "" : "s", loci_context_isa(context));
  bench_begin(&table, title, bench_flag(argc, argv, "--json"));
  for (size_t a = 0; a < 2; a++) {
    const char *arch = a == 0 ? "skipgram" : "cbow";
    if (!asked_for(archs, arch)) continue;
    options.arch = a == 0 ? LOCI_ARCH_SKIPGRAM : LOCI_ARCH_CBOW;
    for (const char *dims = bench_option(argc, argv, "--dims", "100,300"); dims; dims = strchr(dims, ',')) {
      dims += *dims == ',';
      options.dim = (size_t)atoi(dims);
      for (size_t m = 0; m < 2; m++) {
        const char *mode = m == 0 ? "fast" : "default";
        if (!asked_for(modes, mode)) continue;
        options.mode = m == 0 ? LOCI_MODE_FAST : LOCI_MODE_DEFAULT;
        snprintf(name, sizeof name, "%s-%s-%zu", mode, arch, options.dim);
        bench_figure figure = measure(context, argv[1], &options, &w, repeat, wanted.threads,
                                      bench_option(argc, argv, "--keep", NULL), name);
        snprintf(name, sizeof name, "%s, d = %zu, %s", arch, options.dim, mode);
        bench_row(&table, name, figure, "kwords/s", NAN, "", NAN, "");
      }
    }
  }
  bench_end(&table);
  loci_context_free(context);
  return 0;
}
