/* train_ppmi.c: `loci train ppmi`, vectors of words from all of their co-occurrences at once.
 */
#include "train.h"

typedef struct values {
  loci__train_values common;
  uint64_t dim, window;
  loci__real shift, smoothing, sample, tolerance, alpha;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    LOCI__TRAIN_OPTIONS(AT(common), "5"),
    {"dim", 0, LOCI__OPTION_COUNT, AT(dim), "N", LOCI__OFFER_NOTHING, "width of the vectors (300)"},
    {"window", 0, LOCI__OPTION_COUNT, AT(window), "N", LOCI__OFFER_NOTHING,
     "words to either side, the near ones counting more (5)"},
    {"shift", 0, LOCI__OPTION_REAL, AT(shift), "REAL", LOCI__OFFER_NOTHING,
     "pairs must be this many times as frequent as by chance (1)"},
    {"smoothing", 0, LOCI__OPTION_REAL, AT(smoothing), "REAL", LOCI__OFFER_NOTHING,
     "power of the contexts' counts; below 1 rare contexts weigh less (0.75)"},
    {"sample", 0, LOCI__OPTION_REAL, AT(sample), "SHARE", LOCI__OFFER_NOTHING,
     "words more frequent than this are thinned out; 0 = none (0)"},
    {"tolerance", 0, LOCI__OPTION_REAL, AT(tolerance), "REAL", LOCI__OFFER_NOTHING,
     "of the singular values, relative (1e-4)"},
    {"alpha", 0, LOCI__OPTION_REAL, AT(alpha), "REAL", LOCI__OFFER_NOTHING,
     "words are rows of U times the singular values to this power (0.5)"},
};

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  loci_ppmi_options o;
  loci_ppmi_options_init(&o);
  if (v->dim) o.dim = (size_t)v->dim;
  if (v->window) o.window = (size_t)v->window;
  if (v->shift.given) o.shift = v->shift.value;
  if (v->smoothing.given) o.smoothing = v->smoothing.value;
  if (v->sample.given) o.sample = v->sample.value;
  if (v->tolerance.given) o.tolerance = v->tolerance.value;
  if (v->alpha.given) o.alpha = v->alpha.value;
  loci__train_start start;
  LOCI__TRY(loci__train_begin(&start, cli, &v->common, &o.common, error));
  return loci__train_end(&start, loci_train_ppmi(cli->context, start.corpus, &o, start.output, error), error);
}

const loci__command loci__command_train_ppmi = {
    .name = "train ppmi",
    .summary = "Learn vectors of words from their co-occurrences: best for small corpora",
    .arguments = "CORPUS",
    .about =
        "CORPUS is a file of UTF-8 text, a sentence or paragraph a line. Every pair of words within a window is "
        "counted, what is more frequent than by chance is kept (positive pointwise mutual information), and the table "
        "is cut to its greatest singular values. Writes the vectors, and beside them OUTPUT.vocab and OUTPUT.card.md. "
        "Prints the output's name.\n\n"
        "The method for texts under some 10 million words: word2vec sees a rare word's contexts too few times to move "
        "its vector away from where chance put it, while a table of counts has nothing to learn.\n\n"
        "The same corpus gives the same bytes at any number of threads. An interrupted or killed run leaves "
        "OUTPUT.checkpoint; the same command with --resume goes on from there.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci train ppmi corpus.txt -o vectors.bin", "300 dimensions, window 5"},
                 {"loci train ppmi corpus.txt -o vectors.txt --dim 100 --min-count 2 --shift 5",
                  "a small text: rarer words too, chance pairs less"}},
    .uses = LOCI__TRAIN_USES,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
