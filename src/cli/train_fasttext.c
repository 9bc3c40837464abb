/* train_fasttext.c: `loci train fasttext`, vectors of words and of their parts.
 */
#include "train.h"

typedef struct values {
  loci__train_values common;
  const char *prefix;
  int arch, fast, loss;
  uint64_t dim, window, epochs, negative, buckets, min_n;
  loci__number max_n;
  loci__real sample, alpha;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    LOCI__TRAIN_OPTIONS(AT(common), "5"),
    {"arch", 0, LOCI__OPTION_CHOICE, AT(arch), "skipgram|cbow", LOCI__OFFER_NOTHING,
     "a word tells those around it, or they tell it (skipgram)"},
    {"dim", 0, LOCI__OPTION_COUNT, AT(dim), "N", LOCI__OFFER_NOTHING, "width of the vectors (300)"},
    {"window", 0, LOCI__OPTION_COUNT, AT(window), "N", LOCI__OFFER_NOTHING,
     "words to either side, each time a number drawn from 1 to N (5)"},
    {"negative", 0, LOCI__OPTION_COUNT, AT(negative), "N", LOCI__OFFER_NOTHING, "noise words for each true one (5)"},
    {"epochs", 0, LOCI__OPTION_COUNT, AT(epochs), "N", LOCI__OFFER_NOTHING, "passes over the corpus (5)"},
    {"sample", 0, LOCI__OPTION_REAL, AT(sample), "SHARE", LOCI__OFFER_NOTHING,
     "words more frequent than this are thinned out; 0 = none (1e-4)"},
    {"alpha", 0, LOCI__OPTION_REAL, AT(alpha), "RATE", LOCI__OFFER_NOTHING, "first learning rate (0.05)"},
    {"min-n", 0, LOCI__OPTION_COUNT, AT(min_n), "N", LOCI__OFFER_NOTHING, "characters of the shortest n-grams (3)"},
    {"max-n", 0, LOCI__OPTION_NUMBER, AT(max_n), "N", LOCI__OFFER_NOTHING,
     "characters of the longest n-grams; 0 = words only (6)"},
    {"buckets", 0, LOCI__OPTION_COUNT, AT(buckets), "N", LOCI__OFFER_NOTHING,
     "rows that the n-grams are hashed to (2000000)"},
    {"loss", 0, LOCI__OPTION_CHOICE, AT(loss), "negative|hs|softmax|one-vs-all", LOCI__OFFER_NOTHING,
     "negative, noise words, is what there is (negative)"},
    {"fast", 0, LOCI__OPTION_FLAG, AT(fast), NULL, LOCI__OFFER_NOTHING,
     "threads do not wait for each other: faster, other bits each time"},
    {"prefix", 0, LOCI__OPTION_TEXT, AT(prefix), "NAME", LOCI__OFFER_FILE,
     "instead of --output: write NAME.bin, as the fastText program names its file"},
};

static const loci__spelling spellings[] = {
    {"input", LOCI__SPELLING_ARGUMENT, NULL, NULL},
    {"output", LOCI__SPELLING_OPTION, "prefix", NULL},
    {"dim", LOCI__SPELLING_OPTION, "dim", NULL},
    {"ws", LOCI__SPELLING_OPTION, "window", NULL},
    {"epoch", LOCI__SPELLING_OPTION, "epochs", NULL},
    {"minCount", LOCI__SPELLING_OPTION, "min-count", NULL},
    {"neg", LOCI__SPELLING_OPTION, "negative", NULL},
    {"loss", LOCI__SPELLING_OPTION, "loss", "ns=negative|hs=hs|softmax=softmax|ova=one-vs-all|one-vs-all=one-vs-all"},
    {"bucket", LOCI__SPELLING_OPTION, "buckets", NULL},
    {"minn", LOCI__SPELLING_OPTION, "min-n", NULL},
    {"maxn", LOCI__SPELLING_OPTION, "max-n", NULL},
    {"t", LOCI__SPELLING_OPTION, "sample", NULL},
    {"lr", LOCI__SPELLING_OPTION, "alpha", NULL},
    {"thread", LOCI__SPELLING_OPTION, "threads", NULL},
    {"seed", LOCI__SPELLING_OPTION, "seed", NULL},
    {"lrUpdateRate", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"verbose", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"label", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"minCountLabel", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"wordNgrams", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"saveOutput", LOCI__SPELLING_REFUSED, "the output matrix is a part of the .bin", NULL},
    {"pretrainedVectors", LOCI__SPELLING_REFUSED, "only `loci train classify` starts from vectors", NULL},
};

/* What differs from the defaults. */
static loci_status fill(const values *v, loci_fasttext_options *o, loci_error *error) {
  if (v->loss > 1)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "word vectors by another loss than noise words: not implemented");
  if (v->fast) o->mode = LOCI_MODE_FAST;
  if (v->arch == 2) o->arch = LOCI_ARCH_CBOW;
  if (v->dim) o->dim = (size_t)v->dim;
  if (v->window) o->window = (size_t)v->window;
  if (v->negative) o->negative = (size_t)v->negative;
  if (v->epochs) o->epochs = (size_t)v->epochs;
  if (v->sample.given) o->sample = v->sample.value;
  if (v->alpha.given) o->alpha = v->alpha.value;
  if (v->min_n) o->min_n = (size_t)v->min_n;
  if (v->max_n.given) o->max_n = (size_t)v->max_n.value;
  if (v->buckets) o->buckets = (size_t)v->buckets;
  return LOCI_OK;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  values *v = cli->values;
  loci_fasttext_options o;
  loci_fasttext_options_init(&o);
  LOCI__TRY(fill(v, &o, error));
  if (v->prefix && v->common.output)
    return loci__fail(error, LOCI_ERROR_USAGE, "--prefix and --output exclude each other");
  loci__buffer name;
  loci__buffer_init(&name, NULL, 0);
  loci_status status = LOCI_OK;
  if (v->prefix) {
    loci__buffer_printf(&name, "%s.bin", v->prefix);
    status = loci__buffer_status(&name, "the output's name", error);
    v->common.output = name.data;
  }
  loci__train_start start;
  if (status == LOCI_OK) {
    status = loci__train_begin(&start, cli, &v->common, &o.common, error);
    if (status == LOCI_OK)
      status = loci__train_end(&start, loci_train_fasttext(cli->context, start.corpus, &o, start.output, error), error);
  }
  loci__buffer_release(&name);
  return status;
}

const loci__command loci__command_train_fasttext = {
    .name = "train fasttext",
    .summary = "Learn vectors of words and of their parts, by fastText",
    .arguments = "CORPUS",
    .about =
        "A word's vector is the mean of its own and those of its character n-grams, so words that were never seen have "
        "one too, and rare ones learn from those that share their parts. CORPUS is a file of UTF-8 text of any size, a "
        "sentence or paragraph a line.\n\n"
        "An output that ends in .bin is a model of the fastText program's, n-grams included; another ending gives the "
        "vectors of the vocabulary's words alone. Beside it stand OUTPUT.vocab (words and counts) and OUTPUT.card.md "
        "(how they were made). Prints the output's name.\n\n"
        "The same seed and corpus give the same bytes at any number of threads, but for --fast. An interrupted or "
        "killed run leaves OUTPUT.checkpoint; the same command with --resume goes on from there.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .spellings = spellings,
    .n_spellings = LOCI__COUNT(spellings),
    .examples = {{"loci train fasttext corpus.txt -o model.bin", "skip-gram, n-grams of 3 to 6 characters"},
                 {"loci train fasttext corpus.txt -o vectors.vec --arch cbow --dim 100", "words' vectors as text"},
                 {"loci train fasttext -input corpus.txt -output model -minn 2 -maxn 5 -ws 5 -epoch 10",
                  "the fastText program's spelling"}},
    .uses = LOCI__TRAIN_USES,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
