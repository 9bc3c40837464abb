/* train_word2vec.c: `loci train word2vec`, vectors of words by word2vec.
 */
#include "train.h"

typedef struct values {
  loci__train_values common;
  int arch, hs, exact, fast, format;
  uint64_t dim, window, epochs;
  loci__number negative;
  loci__real sample, alpha;
  const char *probe;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    LOCI__TRAIN_OPTIONS(AT(common), "5"),
    {"arch", 0, LOCI__OPTION_CHOICE, AT(arch), "skipgram|cbow", LOCI__OFFER_NOTHING,
     "a word tells those around it, or they tell it (skipgram)"},
    {"dim", 0, LOCI__OPTION_COUNT, AT(dim), "N", LOCI__OFFER_NOTHING, "width of the vectors (300)"},
    {"window", 0, LOCI__OPTION_COUNT, AT(window), "N", LOCI__OFFER_NOTHING,
     "words to either side, each time a number drawn from 1 to N (5)"},
    {"negative", 0, LOCI__OPTION_NUMBER, AT(negative), "N", LOCI__OFFER_NOTHING,
     "noise words for each true one; 0 = no negative sampling (5)"},
    {"hs", 0, LOCI__OPTION_FLAG, AT(hs), NULL, LOCI__OFFER_NOTHING,
     "hierarchical softmax, beside the noise words or (--negative 0) instead of them"},
    {"epochs", 0, LOCI__OPTION_COUNT, AT(epochs), "N", LOCI__OFFER_NOTHING, "passes over the corpus (5)"},
    {"sample", 0, LOCI__OPTION_REAL, AT(sample), "SHARE", LOCI__OFFER_NOTHING,
     "words more frequent than this are thinned out; 0 = none (1e-4)"},
    {"alpha", 0, LOCI__OPTION_REAL, AT(alpha), "RATE", LOCI__OFFER_NOTHING, "first learning rate (0.025, CBOW 0.05)"},
    {"exact", 0, LOCI__OPTION_FLAG, AT(exact), NULL, LOCI__OFFER_NOTHING,
     "the vectors of the word2vec program of 2013, bit for bit: one thread, split at spaces, no folding"},
    {"fast", 0, LOCI__OPTION_FLAG, AT(fast), NULL, LOCI__OFFER_NOTHING,
     "threads do not wait for each other: faster, other bits each time"},
    {"probe", 0, LOCI__OPTION_TEXT, AT(probe), "FILE", LOCI__OFFER_FILE,
     "tell the Spearman correlation with these pairs of words (see eval similarity) at the start, after a tenth and at "
     "the end"},
    {"format", 0, LOCI__OPTION_CHOICE, AT(format), "text|binary", LOCI__OFFER_NOTHING,
     "insist that the output's ending means this format"},
};

static const loci__spelling spellings[] = {
    {"train", LOCI__SPELLING_ARGUMENT, NULL, NULL},
    {"output", LOCI__SPELLING_OPTION, "output", NULL},
    {"size", LOCI__SPELLING_OPTION, "dim", NULL},
    {"window", LOCI__SPELLING_OPTION, "window", NULL},
    {"sample", LOCI__SPELLING_OPTION, "sample", NULL},
    {"hs", LOCI__SPELLING_OPTION, "hs", "0=|1=yes"},
    {"negative", LOCI__SPELLING_OPTION, "negative", NULL},
    {"threads", LOCI__SPELLING_OPTION, "threads", NULL},
    {"iter", LOCI__SPELLING_OPTION, "epochs", NULL},
    {"min-count", LOCI__SPELLING_OPTION, "min-count", NULL},
    {"alpha", LOCI__SPELLING_OPTION, "alpha", NULL},
    {"cbow", LOCI__SPELLING_OPTION, "arch", "0=skipgram|1=cbow"},
    {"binary", LOCI__SPELLING_OPTION, "format", "0=text|1=binary"},
    {"save-vocab", LOCI__SPELLING_OPTION, "save-vocabulary", NULL},
    {"read-vocab", LOCI__SPELLING_OPTION, "vocabulary", NULL},
    {"debug", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"classes", LOCI__SPELLING_REFUSED, "classes of words are not written; cluster the vectors afterwards", NULL},
};

static loci_status check_format(const values *v, const char *output, loci_error *error) {
  const char *ending = loci__path_extension(output);
  bool binary = !strcmp(ending, "bin"), text = !strcmp(ending, "txt") || !strcmp(ending, "vec");
  if (v->format == 1 && !text)
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s': text wants an output that ends in .txt or .vec", output);
  if (v->format == 2 && !binary)
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s': the binary format wants an output that ends in .bin", output);
  return LOCI_OK;
}

/* Structure comes into what begins as chance: near 0 at the start. */
static loci_status tell_probe(void *user, double share, const loci_vectors *vectors, loci_error *error) {
  loci__cli *cli = user;
  const values *v = cli->values;
  loci_similarity_score score;
  LOCI__TRY(loci_eval_similarity(vectors, v->probe, &score, error));
  loci__progress_clear(cli);
  loci__note(cli, "probe at %.0f %%: Spearman %.3f over %llu pairs", 100 * share, score.spearman,
             (unsigned long long)score.n_seen);
  return LOCI_OK;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  loci_word2vec_options o;
  loci_word2vec_options_init(&o);
  if (v->exact && v->fast)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "--exact and --fast exclude each other: one is for the bits, one for the "
                      "time");
  if (v->exact) {
    o.mode = LOCI_MODE_EXACT;
    o.common.corpus.split = LOCI_SPLIT_SPACE;
    o.common.corpus.fold = LOCI_FOLD_NONE;
  }
  if (v->fast) o.mode = LOCI_MODE_FAST;
  if (v->arch == 2) o.arch = LOCI_ARCH_CBOW;
  if (v->dim) o.dim = (size_t)v->dim;
  if (v->window) o.window = (size_t)v->window;
  if (v->epochs) o.epochs = (size_t)v->epochs;
  if (v->negative.given) o.negative = (size_t)v->negative.value;
  if (v->sample.given) o.sample = v->sample.value;
  if (v->alpha.given) o.alpha = v->alpha.value;
  o.hierarchical = v->hs > 0;
  if (v->probe) o.probe = tell_probe, o.probe_user = cli;
  if (v->common.output) LOCI__TRY(check_format(v, v->common.output, error));
  loci__train_start start;
  LOCI__TRY(loci__train_begin(&start, cli, &v->common, &o.common, error));
  return loci__train_end(&start, loci_train_word2vec(cli->context, start.corpus, &o, start.output, error), error);
}

const loci__command loci__command_train_word2vec = {
    .name = "train word2vec",
    .summary = "Learn vectors of words from a corpus, by word2vec",
    .arguments = "CORPUS",
    .about =
        "CORPUS is a file of UTF-8 text of any size, a sentence or paragraph a line. Writes the vectors, and beside "
        "them "
        "OUTPUT.vocab (words and counts) and OUTPUT.card.md (how they were made). Prints the output's name.\n\n"
        "The same seed and corpus give the same bytes at any number of threads, but for --fast. An interrupted or "
        "killed "
        "run leaves OUTPUT.checkpoint; the same command with --resume goes on from there and gives the bytes of an "
        "uninterrupted run.\n\n"
        "Below 10 million words of text, `loci train ppmi` is likely to give better vectors.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .spellings = spellings,
    .n_spellings = LOCI__COUNT(spellings),
    .examples = {{"loci train word2vec corpus.txt -o vectors.bin", "skip-gram with 5 noise words, 300 dimensions"},
                 {"loci train word2vec corpus.txt -o vectors.txt --arch cbow --dim 100 --epochs 3", "CBOW, as text"},
                 {"loci train word2vec corpus.txt -o vectors.bin --resume", "go on after an interruption"},
                 {"loci train word2vec -train corpus.txt -output vectors.bin -binary 1 -cbow 0 -size 100 --exact",
                  "the word2vec program's spelling, and its bits"}},
    .uses = LOCI__TRAIN_USES,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
