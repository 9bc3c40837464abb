/* train_lsa.c: `loci train lsa`, latent semantic analysis of a file of documents.
 */
#include "train.h"

typedef struct values {
  loci__train_values common;
  const char *documents;
  int weighting;
  uint64_t dim, min_documents;
  loci__real most_share, tolerance, alpha;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    LOCI__TRAIN_OPTIONS(AT(common), "2"),
    {"dim", 0, LOCI__OPTION_COUNT, AT(dim), "N", LOCI__OFFER_NOTHING,
     "singular values, the width of the vectors (300)"},
    {"weighting", 0, LOCI__OPTION_CHOICE, AT(weighting), "log-entropy|tfidf|sublinear-tfidf|raw", LOCI__OFFER_NOTHING,
     "how counts become entries of the matrix (log-entropy)"},
    {"min-documents", 0, LOCI__OPTION_COUNT, AT(min_documents), "N", LOCI__OFFER_NOTHING,
     "leave out words that stand in fewer documents (2)"},
    {"max-documents", 0, LOCI__OPTION_REAL, AT(most_share), "SHARE", LOCI__OFFER_NOTHING,
     "leave out words that stand in more than this share of the documents (1)"},
    {"tolerance", 0, LOCI__OPTION_REAL, AT(tolerance), "REAL", LOCI__OFFER_NOTHING,
     "of the singular values, relative; 0.02 takes half the time (1e-5)"},
    {"alpha", 0, LOCI__OPTION_REAL, AT(alpha), "REAL", LOCI__OFFER_NOTHING,
     "words are rows of U times the singular values to this power (1); a folder has its own scale"},
    {"documents", 0, LOCI__OPTION_TEXT, AT(documents), "FILE.npy", LOCI__OFFER_FILE,
     "write the documents' vectors too, with their line numbers in FILE.labels"},
};

static loci_status run(loci__cli *cli, loci_error *error) {
  static const loci_weighting weightings[] = {LOCI_WEIGHTING_LOG_ENTROPY, LOCI_WEIGHTING_TFIDF,
                                              LOCI_WEIGHTING_SUBLINEAR_TFIDF, LOCI_WEIGHTING_RAW};
  const values *v = cli->values;
  loci_lsa_options o;
  loci_lsa_options_init(&o);
  if (v->dim) o.dim = (size_t)v->dim;
  if (v->weighting) o.weighting = weightings[v->weighting - 1];
  if (v->min_documents) o.min_documents = v->min_documents;
  if (v->most_share.given) o.most_share = v->most_share.value;
  if (v->tolerance.given) o.tolerance = v->tolerance.value;
  if (v->alpha.given) o.alpha = v->alpha.value;
  o.documents = v->documents;
  loci__train_start start;
  LOCI__TRY(loci__train_begin(&start, cli, &v->common, &o.common, error));
  return loci__train_end(&start, loci_train_lsa(cli->context, start.corpus, &o, start.output, error), error);
}

const loci__command loci__command_train_lsa = {
    .name = "train lsa",
    .summary = "Learn vectors of words and documents by latent semantic analysis",
    .arguments = "CORPUS",
    .about =
        "CORPUS is a file of UTF-8 text in which a line is a document. Words and documents are counted against each "
        "other, weighted, and the table is cut to its greatest singular values: words that stand in the same documents "
        "come to lie together. Writes the words' vectors, and beside them OUTPUT.vocab and OUTPUT.card.md. Prints the "
        "output's name.\n\n"
        "A folder as output (a name without an ending) is a model that puts any text where it would have stood among "
        "the documents: `loci embed --model FOLDER`.\n\n"
        "The same corpus gives the same bytes at any number of threads. An interrupted or killed run leaves "
        "OUTPUT.checkpoint; the same command with --resume goes on from there.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci train lsa documents.txt -o words.txt", "log-entropy, 300 dimensions"},
                 {"loci train lsa documents.txt -o words.bin --dim 100 --weighting tfidf --documents documents.npy",
                  "TF-IDF as scikit-learn has it, with the documents' vectors"},
                 {"loci train lsa documents.txt -o folding", "a model that folds new texts in"}},
    .uses = LOCI__TRAIN_USES,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
