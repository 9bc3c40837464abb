/* train_classify.c: `loci train classify`, a classifier of texts from labelled lines.
 */
#include "train.h"

/* Not LOCI__TRAIN_OPTIONS: a classifier's file cannot say how text was split, so there is one way. */
typedef struct values {
  loci__train_values common;
  const char *prefix, *label, *pretrained;
  int loss;
  uint64_t dim, epochs, word_ngrams, min_n, buckets, negative;
  loci__number max_n;
  loci__real alpha;
} values;

#define AT(member)     offsetof(values, member)
#define COMMON(member) (offsetof(values, common) + offsetof(loci__train_values, member))
static const loci__option options[] = {
    {"output", 'o', LOCI__OPTION_TEXT, COMMON(output), "FILE", LOCI__OFFER_FILE, "where to write the model, a .bin"},
    {"dim", 0, LOCI__OPTION_COUNT, AT(dim), "N", LOCI__OFFER_NOTHING, "width of the vectors (100)"},
    {"epochs", 0, LOCI__OPTION_COUNT, AT(epochs), "N", LOCI__OFFER_NOTHING, "passes over the texts (5)"},
    {"alpha", 0, LOCI__OPTION_REAL, AT(alpha), "RATE", LOCI__OFFER_NOTHING, "first learning rate (0.1)"},
    {"word-ngrams", 0, LOCI__OPTION_COUNT, AT(word_ngrams), "N", LOCI__OFFER_NOTHING,
     "words, and up to N of them in a row (1)"},
    {"min-n", 0, LOCI__OPTION_COUNT, AT(min_n), "N", LOCI__OFFER_NOTHING,
     "characters of the shortest n-grams (1 with --max-n)"},
    {"max-n", 0, LOCI__OPTION_NUMBER, AT(max_n), "N", LOCI__OFFER_NOTHING,
     "characters of the longest n-grams; 0 = none (0)"},
    {"buckets", 0, LOCI__OPTION_COUNT, AT(buckets), "N", LOCI__OFFER_NOTHING,
     "rows that n-grams of either kind are hashed to (2000000)"},
    {"loss", 0, LOCI__OPTION_CHOICE, AT(loss), "softmax|negative|hs|one-vs-all", LOCI__OFFER_NOTHING,
     "one-vs-all for texts of several labels, hs for very many (softmax)"},
    {"negative", 0, LOCI__OPTION_COUNT, AT(negative), "N", LOCI__OFFER_NOTHING, "noise labels of --loss negative (5)"},
    {"label", 0, LOCI__OPTION_TEXT, AT(label), "PREFIX", LOCI__OFFER_NOTHING, "what labels begin with (__label__)"},
    {"pretrained", 0, LOCI__OPTION_TEXT, AT(pretrained), "FILE", LOCI__OFFER_FILE, "word vectors to start from"},
    {"min-count", 0, LOCI__OPTION_NUMBER, COMMON(min_count), "N", LOCI__OFFER_NOTHING,
     "leave out words that are rarer (1)"},
    {"seed", 0, LOCI__OPTION_NUMBER, COMMON(seed), "N", LOCI__OFFER_NOTHING, "of the random choices (1)"},
    {"max-memory", 0, LOCI__OPTION_SIZE, COMMON(max_memory), "SIZE", LOCI__OFFER_NOTHING,
     "refuse to start when more would be needed: 4G, 512M"},
    {"resume", 0, LOCI__OPTION_FLAG, COMMON(resume), NULL, LOCI__OFFER_NOTHING,
     "go on from OUTPUT.checkpoint, which an interrupted run leaves"},
    {"checkpoint", 0, LOCI__OPTION_NUMBER, COMMON(checkpoint), "SECONDS", LOCI__OFFER_NOTHING,
     "between checkpoints (300); 0 = only when interrupted"},
    {"prefix", 0, LOCI__OPTION_TEXT, AT(prefix), "NAME", LOCI__OFFER_FILE,
     "instead of --output: write NAME.bin, as the fastText program names its file"},
};

static const loci__spelling spellings[] = {
    {"input", LOCI__SPELLING_ARGUMENT, NULL, NULL},
    {"output", LOCI__SPELLING_OPTION, "prefix", NULL},
    {"dim", LOCI__SPELLING_OPTION, "dim", NULL},
    {"epoch", LOCI__SPELLING_OPTION, "epochs", NULL},
    {"lr", LOCI__SPELLING_OPTION, "alpha", NULL},
    {"wordNgrams", LOCI__SPELLING_OPTION, "word-ngrams", NULL},
    {"minn", LOCI__SPELLING_OPTION, "min-n", NULL},
    {"maxn", LOCI__SPELLING_OPTION, "max-n", NULL},
    {"bucket", LOCI__SPELLING_OPTION, "buckets", NULL},
    {"loss", LOCI__SPELLING_OPTION, "loss", "softmax=softmax|ns=negative|hs=hs|ova=one-vs-all|one-vs-all=one-vs-all"},
    {"neg", LOCI__SPELLING_OPTION, "negative", NULL},
    {"label", LOCI__SPELLING_OPTION, "label", NULL},
    {"pretrainedVectors", LOCI__SPELLING_OPTION, "pretrained", NULL},
    {"minCount", LOCI__SPELLING_OPTION, "min-count", NULL},
    {"seed", LOCI__SPELLING_OPTION, "seed", NULL},
    {"thread", LOCI__SPELLING_OPTION, "threads", NULL},
    {"verbose", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"lrUpdateRate", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"ws", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"t", LOCI__SPELLING_IGNORED, NULL, NULL},
    {"minCountLabel", LOCI__SPELLING_REFUSED, "labels are never left out for being rare", NULL},
    {"saveOutput", LOCI__SPELLING_REFUSED, "the output matrix is a part of the .bin", NULL},
};

static void fill(const values *v, loci_classify_options *o) {
  static const loci_loss losses[] = {LOCI_LOSS_SOFTMAX, LOCI_LOSS_NEGATIVE, LOCI_LOSS_HIERARCHICAL,
                                     LOCI_LOSS_ONE_VS_ALL};
  if (v->loss) o->loss = losses[v->loss - 1];
  if (v->dim) o->dim = (size_t)v->dim;
  if (v->epochs) o->epochs = (size_t)v->epochs;
  if (v->alpha.given) o->alpha = v->alpha.value;
  if (v->word_ngrams) o->word_ngrams = (size_t)v->word_ngrams;
  if (v->max_n.given) o->max_n = (size_t)v->max_n.value;
  if (o->max_n > 0) o->min_n = v->min_n ? (size_t)v->min_n : 1;
  if (v->buckets) o->buckets = (size_t)v->buckets;
  if (v->negative) o->negative = (size_t)v->negative;
  if (v->label) o->label_prefix = v->label;
  o->pretrained = v->pretrained;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  values *v = cli->values;
  loci_classify_options o;
  loci_classify_options_init(&o);
  fill(v, &o);
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
      status = loci__train_end(&start, loci_train_classify(cli->context, start.corpus, &o, start.output, error), error);
  }
  loci__buffer_release(&name);
  return status;
}

const loci__command loci__command_train_classify = {
    .name = "train classify",
    .summary = "Learn to label texts from labelled lines",
    .arguments = "TRAIN",
    .about =
        "TRAIN is a text a line, its labels among its words: `__label__question how do I cook rice`. Words are what "
        "stands between white space, as they are: lower-case the text first, the same way for training and for asking. "
        "Writes a model of the fastText program's, which `loci classify` and that program read, and OUTPUT.card.md "
        "(how it was made). Prints the output's name.\n\n"
        "The same seed and texts give the same bytes at any number of threads.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .spellings = spellings,
    .n_spellings = LOCI__COUNT(spellings),
    .examples = {{"loci train classify train.txt -o model.bin", "the fastText program's defaults"},
                 {"loci train classify train.txt -o model.bin --word-ngrams 2 --epochs 25 --alpha 0.5",
                  "pairs of words too, learned for longer"},
                 {"loci train classify -input train.txt -output model -wordNgrams 2 -loss hs",
                  "the fastText program's spelling"}},
    .uses = LOCI__TRAIN_USES,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
