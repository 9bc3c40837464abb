/* bench/train.c: word2vec: words a second of the text, and what share of the multiply rate that is.
 *
 * usage: train CORPUS [--modes fast,default] [--archs skipgram,cbow] [--dims 100,300] [--threads N] [--epochs N] [--window N]
 *              [--negative N] [--sample X] [--min-count N] [--repeat N] [--isa NAME] [--keep FOLDER] [--own-time] [--json]
 *
 * CORPUS is split at spaces and not folded, so that peers read the same words. Only the training counts, not counting and
 * encoding. --keep leaves the vectors as FOLDER/<mode>-<arch>-<dim>.bin, for their quality. --own-time divides by the
 * processor time of all threads, and multiplies by their number: for a machine with other work, on which wall-clock time
 * says little; it leaves waiting for the other threads out.
 *
 * Operations are nominal: (window + 1) context words × (1 + negative) outputs × 6 · dim a kept word for skip-gram, one
 * mean instead of the context words for CBOW (whose sums are left out). The rate is bench-peak's, of one thread × threads.
 */
#include "bench.h"
#include "multiply.h"

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
  fprintf(stderr, "train: %s\n", error.message);
  exit(1);
}

typedef struct watch {
  bool own;
  double began, ended;
  uint64_t words;
} watch;

static double now(const watch *w) {
  struct timespec t;
  clock_gettime(w->own ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int look(void *user, const loci_progress *progress) {
  watch *w = user;
  if (strcmp(progress->stage, "training") != 0) return 0;
  w->ended = now(w);
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

/* Share of the tokens that subsampling keeps. */
static double kept_of(loci_context *context, const char *corpus, const loci_word2vec_options *options) {
  loci_vocabulary *vocabulary;
  need(loci_vocabulary_count(context, corpus, &options->common.corpus, &vocabulary, &error));
  loci_vocabulary_info info = {.struct_size = sizeof info};
  loci_vocabulary_get_info(vocabulary, &info);
  double threshold = options->sample * (double)info.n_tokens, kept = 0;
  for (size_t i = 0; i < info.n_words; i++) {
    uint64_t count;
    loci_vocabulary_word(vocabulary, i, &count);
    double share = threshold > 0 ? (sqrt((double)count / threshold) + 1) * threshold / (double)count : 1;
    kept += (double)count * (share < 1 ? share : 1);
  }
  loci_vocabulary_free(vocabulary);
  return kept / (double)info.n_tokens;
}

int main(int argc, char **argv) {
  if (argc < 2 || argv[1][0] == '-') {
    fprintf(stderr,
            "usage: train CORPUS [--modes fast,default] [--archs skipgram,cbow] [--dims 100,300] [--threads N] …\n");
    return 2;
  }
  const char *corpus = argv[1], *keep = bench_option(argc, argv, "--keep", NULL);
  const char *modes = bench_option(argc, argv, "--modes", "fast,default");
  const char *archs = bench_option(argc, argv, "--archs", "skipgram,cbow");
  int repeat = atoi(bench_option(argc, argv, "--repeat", "1"));
  if (repeat < 1 || repeat > 99) repeat = 1;
  loci_context_options wanted;
  loci_context_options_init(&wanted);
  wanted.threads = atoi(bench_option(argc, argv, "--threads", "2"));
  wanted.isa = bench_option(argc, argv, "--isa", NULL);
  loci_context *context;
  need(loci_context_new(&wanted, &context, &error));
  watch w = {.own = bench_flag(argc, argv, "--own-time")};
  loci_word2vec_options options;
  loci_word2vec_options_init(&options);
  options.common.corpus.split = LOCI_SPLIT_SPACE;
  options.common.corpus.fold = LOCI_FOLD_NONE;
  options.common.corpus.min_count = (uint64_t)atoi(bench_option(argc, argv, "--min-count", "5"));
  options.common.checkpoint_seconds = 0;
  options.common.progress = look;
  options.common.progress_user = &w;
  options.epochs = (size_t)atoi(bench_option(argc, argv, "--epochs", "1"));
  options.window = (size_t)atoi(bench_option(argc, argv, "--window", "5"));
  options.negative = (size_t)atoi(bench_option(argc, argv, "--negative", "5"));
  options.sample = atof(bench_option(argc, argv, "--sample", "1e-4"));
  double kept = kept_of(context, corpus, &options);

  const bench_multiply *multiply = bench_multiply_fp32(512);
  double peak = multiply ? bench_rate(bench_multiply_registers, (void *)(uintptr_t)multiply, 20, 0.5).median : NAN;
  peak *= wanted.threads;
  bench_table table;
  char title[160], name[64], output[4096], folder[] = "/tmp/bench-train-XXXXXX";
  snprintf(title, sizeof title, "word2vec, %d thread%s, %zu epoch%s, %s; %.1f %% of the words kept", wanted.threads,
           wanted.threads == 1 ? "" : "s", options.epochs, options.epochs == 1 ? "" : "s", loci_context_isa(context),
           100 * kept);
  if (keep == NULL && mkdtemp(folder) == NULL) return 1;
  bench_begin(&table, title, bench_flag(argc, argv, "--json"));
  static const struct {
    const char *name;
    loci_mode mode;
  } all_modes[] = {{"fast", LOCI_MODE_FAST}, {"default", LOCI_MODE_DEFAULT}};
  for (size_t a = 0; a < 2; a++) {
    const char *arch = a == 0 ? "skipgram" : "cbow";
    if (!asked_for(archs, arch)) continue;
    options.arch = a == 0 ? LOCI_ARCH_SKIPGRAM : LOCI_ARCH_CBOW;
    for (const char *dims = bench_option(argc, argv, "--dims", "100,300"); dims; dims = strchr(dims, ',')) {
      dims += *dims == ',';
      options.dim = (size_t)atoi(dims);
      for (size_t m = 0; m < 2; m++) {
        if (!asked_for(modes, all_modes[m].name)) continue;
        options.mode = all_modes[m].mode;
        double rates[99];
        for (int i = 0; i < repeat; i++) {
          snprintf(output, sizeof output, "%s/%s-%s-%zu.bin", keep ? keep : folder, all_modes[m].name, arch,
                   options.dim);
          w.began = 0;
          need(loci_train_word2vec(context, corpus, &options, output, &error));
          rates[i] = (double)w.words / (w.ended - w.began) * (w.own ? wanted.threads : 1);
        }
        qsort(rates, (size_t)repeat, sizeof *rates, compare);
        bench_figure figure = {rates[repeat / 2] / 1e3, rates[0] / 1e3, rates[repeat - 1] / 1e3};
        double pairs = (a == 0 ? (double)options.window + 1 : 1) * (1 + (double)options.negative);
        double flops = figure.median * 1e3 * kept * pairs * 6 * (double)options.dim;
        snprintf(name, sizeof name, "%s, d = %zu, %s", arch, options.dim, all_modes[m].name);
        bench_row(&table, name, figure, "kwords/s", flops / peak, "fp32 multiply rate", NAN, "");
        static const char *const endings[] = {"", ".vocab", ".card.md"};
        for (size_t i = 0; keep == NULL && i < 3; i++) {
          snprintf(output, sizeof output, "%s/%s-%s-%zu.bin%s", folder, all_modes[m].name, arch, options.dim,
                   endings[i]);
          remove(output);
        }
      }
    }
  }
  bench_end(&table);
  if (keep == NULL) remove(folder);
  loci_context_free(context);
  return 0;
}
