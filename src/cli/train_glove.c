/* train_glove.c: `loci train glove`, vectors of words by GloVe.
 */
#include "train.h"

typedef struct values {
  loci__train_values common;
  const char *keep, *save_file;
  int symmetric, exact, fast;
  uint64_t dim, window, epochs;
  loci__real x_max, alpha, eta, memory;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    LOCI__TRAIN_OPTIONS(AT(common), "5"),
    {"dim", 0, LOCI__OPTION_COUNT, AT(dim), "N", LOCI__OFFER_NOTHING, "width of the vectors (300)"},
    {"window", 0, LOCI__OPTION_COUNT, AT(window), "N", LOCI__OFFER_NOTHING,
     "words to either side that count, at a distance of d as 1/d (10)"},
    {"symmetric", 0, LOCI__OPTION_CHOICE, AT(symmetric), "yes|no", LOCI__OFFER_NOTHING,
     "no: only words to the left are contexts (yes)"},
    {"epochs", 0, LOCI__OPTION_COUNT, AT(epochs), "N", LOCI__OFFER_NOTHING, "passes over the co-occurrences (25)"},
    {"x-max", 0, LOCI__OPTION_REAL, AT(x_max), "X", LOCI__OFFER_NOTHING,
     "pairs that are rarer weigh less; 10 for small corpora (100)"},
    {"alpha", 0, LOCI__OPTION_REAL, AT(alpha), "A", LOCI__OFFER_NOTHING, "a pair's weight is (count / X)^A (0.75)"},
    {"eta", 0, LOCI__OPTION_REAL, AT(eta), "RATE", LOCI__OFFER_NOTHING, "first step of AdaGrad (0.05)"},
    {"memory", 0, LOCI__OPTION_REAL, AT(memory), "GB", LOCI__OFFER_NOTHING,
     "count pairs in about so many gigabytes, the others on disk (3, or --max-memory)"},
    {"cooccurrences", 0, LOCI__OPTION_TEXT, AT(keep), "FILE", LOCI__OFFER_FILE,
     "write the pairs here too, in the format of the GloVe programs"},
    {"save-file", 0, LOCI__OPTION_TEXT, AT(save_file), "NAME", LOCI__OFFER_FILE,
     "as -o NAME.txt: the glove program's way to name its output"},
    {"exact", 0, LOCI__OPTION_FLAG, AT(exact), NULL, LOCI__OFFER_NOTHING,
     "the GloVe programs' vectors to 1e-5: their order and random numbers, doubles, one thread, split at spaces, no "
     "folding"},
    {"fast", 0, LOCI__OPTION_FLAG, AT(fast), NULL, LOCI__OFFER_NOTHING,
     "the same as without: threads never wait for each other's words here"},
};

static const loci__spelling spellings[] = {
    {"vector-size", LOCI__SPELLING_OPTION, "dim", NULL},
    {"iter", LOCI__SPELLING_OPTION, "epochs", NULL},
    {"x-max", LOCI__SPELLING_OPTION, "x-max", NULL},
    {"alpha", LOCI__SPELLING_OPTION, "alpha", NULL},
    {"eta", LOCI__SPELLING_OPTION, "eta", NULL},
    {"window-size", LOCI__SPELLING_OPTION, "window", NULL},
    {"symmetric", LOCI__SPELLING_OPTION, "symmetric", "0=no|1=yes"},
    {"memory", LOCI__SPELLING_OPTION, "memory", NULL},
    {"threads", LOCI__SPELLING_OPTION, "threads", NULL},
    {"seed", LOCI__SPELLING_OPTION, "seed", NULL},
    {"min-count", LOCI__SPELLING_OPTION, "min-count", NULL},
    {"max-vocab", LOCI__SPELLING_OPTION, "max-vocabulary", NULL},
    {"vocab-file", LOCI__SPELLING_OPTION, "vocabulary", NULL},
    {"save-file", LOCI__SPELLING_OPTION, "save-file", NULL},
    /* values that mean what happens here anyway */
    {"binary", LOCI__SPELLING_OPTION, "save-file", "0="},
    {"model", LOCI__SPELLING_OPTION, "save-file", "2="},
    {"distance-weighting", LOCI__SPELLING_OPTION, "save-file", "1="},
    {"grad-clip", LOCI__SPELLING_OPTION, "save-file", "100=|100.0="},
    {"save-gradsq", LOCI__SPELLING_OPTION, "save-file", "0="},
    {"save-init-param", LOCI__SPELLING_OPTION, "save-file", "0="},
    {"load-init-param", LOCI__SPELLING_OPTION, "save-file", "0="},
    {"load-init-gradsq", LOCI__SPELLING_OPTION, "save-file", "0="},
    {"write-header", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"verbose", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"checkpoint-every", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"overflow-file", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"temp-file", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"array-size", LOCI__SPELLING_REFUSED, "the size of the shuffle's chunks follows from -memory", NULL},
    {"max-product", LOCI__SPELLING_REFUSED, "which pairs are counted in memory follows from -memory", NULL},
    {"overflow-length", LOCI__SPELLING_REFUSED, "which pairs are counted in memory follows from -memory", NULL},
    {"input-file", LOCI__SPELLING_REFUSED, "the corpus is the argument; its co-occurrences are counted here", NULL},
    {"gradsq-file", LOCI__SPELLING_REFUSED, "squared gradients are part of the checkpoint (--resume)", NULL},
    {"init-param-file", LOCI__SPELLING_REFUSED, "a run goes on from its checkpoint (--resume)", NULL},
    {"init-gradsq-file", LOCI__SPELLING_REFUSED, "a run goes on from its checkpoint (--resume)", NULL},
};

static void fill(const values *v, loci_glove_options *o) {
  if (v->exact) {
    o->mode = LOCI_MODE_EXACT;
    o->common.corpus.split = LOCI_SPLIT_SPACE;
    o->common.corpus.fold = LOCI_FOLD_NONE;
  }
  if (v->fast) o->mode = LOCI_MODE_FAST;
  if (v->dim) o->dim = (size_t)v->dim;
  if (v->window) o->window = (size_t)v->window;
  if (v->epochs) o->epochs = (size_t)v->epochs;
  if (v->symmetric) o->symmetric = v->symmetric == 1;
  if (v->x_max.given) o->x_max = v->x_max.value;
  if (v->alpha.given) o->alpha = v->alpha.value;
  if (v->eta.given) o->eta = v->eta.value;
  if (v->memory.given) o->memory = v->memory.value;
  o->keep_cooccurrences = v->keep;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  if (v->exact && v->fast) return loci__fail(error, LOCI_ERROR_USAGE, "--exact and --fast exclude each other");
  if (v->save_file && v->common.output)
    return loci__fail(error, LOCI_ERROR_USAGE, "--save-file and --output both name the output; give one of them");
  loci_glove_options o;
  loci_glove_options_init(&o);
  fill(v, &o);
  loci__train_values common = v->common;
  loci__buffer name;
  loci__buffer_init(&name, NULL, 0);
  loci_status status = LOCI_OK;
  if (v->save_file) {
    loci__buffer_printf(&name, "%s.txt", v->save_file);
    status = loci__buffer_status(&name, "the output's name", error);
    common.output = name.data;
  }
  loci__train_start start;
  if (status == LOCI_OK) status = loci__train_begin(&start, cli, &common, &o.common, error);
  if (status == LOCI_OK) {
    status = loci__train_end(&start, loci_train_glove(cli->context, start.corpus, &o, start.output, error), error);
  }
  loci__buffer_release(&name);
  return status;
}

const loci__command loci__command_train_glove = {
    .name = "train glove",
    .summary = "Learn vectors of words from a corpus, by GloVe",
    .arguments = "CORPUS",
    .about =
        "CORPUS is a file of UTF-8 text of any size, a sentence or paragraph a line. Counts how often words stand near "
        "each other (on disk where memory does not suffice), then learns vectors whose products are the logarithms of "
        "those counts. Writes the vectors, and beside them OUTPUT.vocab (words and counts) and OUTPUT.card.md (how "
        "they "
        "were made). Prints the output's name.\n\n"
        "The same seed and corpus give the same bytes at any number of threads. An interrupted or killed run leaves "
        "OUTPUT.checkpoint; the same command with --resume goes on from there, without counting again, and gives the "
        "bytes of an uninterrupted run.\n\n"
        "Below 10 million words of text, `loci train ppmi` is likely to give better vectors.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .spellings = spellings,
    .n_spellings = LOCI__COUNT(spellings),
    .examples = {{"loci train glove corpus.txt -o vectors.bin", "300 dimensions, window 10, 25 passes"},
                 {"loci train glove corpus.txt -o vectors.txt --dim 100 --x-max 10 --memory 1", "smaller, as text"},
                 {"loci train glove corpus.txt -o vectors.bin --resume", "go on after an interruption"},
                 {"loci train glove corpus.txt -save-file vectors -vector-size 50 -iter 15 -seed 7 --exact",
                  "the GloVe programs' spelling, and their vectors"}},
    .uses = LOCI__TRAIN_USES,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
