/* loci/train.h: learning vectors.
 *
 * Every trainer of words takes a corpus (loci/corpus.h) and an output path whose ending chooses the format
 * (loci/vectors.h): .bin word2vec (fastText's own for fastText and the classifier), .txt and .vec text, .npy, a folder
 * (no ending) a static model. Beside the output it writes OUTPUT.vocab ("word count" a line) and OUTPUT.card.md, the
 * model card (corpus, hash, settings, seed, command). A run that is cancelled or killed leaves OUTPUT.checkpoint, a
 * folder; the same call with `resume` goes on from there and gives the bits of an uninterrupted run.
 *
 * The same seed and corpus give the same bytes at any number of threads, but for `fast`.
 */
#ifndef LOCI_TRAIN_H
#define LOCI_TRAIN_H

#include "core.h"
#include "corpus.h"
#include "model.h"
#include "vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every trainer of words shares; a member of their options. */
typedef struct loci_train_common {
  loci_corpus_options corpus;
  const char *vocabulary;    /* a vocabulary to use instead of counting (loci_vocabulary_read), or NULL */
  uint64_t seed;             /* default 1 */
  int resume;                /* go on from OUTPUT.checkpoint if it is there; USAGE when it is of other settings */
  double checkpoint_seconds; /* between checkpoints; default 300; 0 = none but at the end of an interrupted run */
  size_t max_memory;         /* bytes, as in loci_corpus_options, for the whole run; 0 = no limit */
  const char *command;       /* for the card: the line that was typed, or NULL */
  loci_progress_fn progress;
  void *progress_user;
} loci_train_common;

typedef enum loci_mode {
  LOCI_MODE_DEFAULT = 0, /* seeded: the same bits at any number of threads */
  LOCI_MODE_EXACT = 1,   /* one thread, in the order and arithmetic of the reference program */
  LOCI_MODE_FAST = 2     /* lock-free updates: bits differ from run to run */
} loci_mode;

typedef enum loci_arch { LOCI_ARCH_SKIPGRAM = 0, LOCI_ARCH_CBOW = 1 } loci_arch;

/* ---- word2vec (Mikolov et al. 2013a, 2013b) ---- */

/* The vectors as they are when `share` of the training is done (0…1): to watch structure come into what began as chance.
 * `vectors` dies with the call. Anything but LOCI_OK ends the training. */
typedef loci_status (*loci_probe_fn)(void *user, double share, const loci_vectors *vectors, loci_error *error);

typedef struct loci_word2vec_options {
  size_t struct_size;
  loci_train_common common;
  loci_mode mode;
  loci_arch arch;
  size_t dim;          /* 300 */
  size_t window;       /* 5: each word's window is drawn from 1…window */
  size_t negative;     /* 5 noise words; 0 = none, then hierarchical must be set */
  int hierarchical;    /* hierarchical softmax, beside or instead of negative sampling */
  size_t epochs;       /* 5 */
  double sample;       /* 1e-4: subsampling of frequent words; 0 = none */
  double alpha;        /* first learning rate; 0 = .025 for skip-gram, .05 for CBOW */
  loci_probe_fn probe; /* called at the start (not of the exact mode), after a tenth and at the end; NULL = not */
  void *probe_user;
} loci_word2vec_options;

LOCI_API void loci_word2vec_options_init(loci_word2vec_options *options);
LOCI_API loci_status loci_train_word2vec(loci_context *context, const char *corpus,
                                         const loci_word2vec_options *options, const char *output, loci_error *error);

/* ---- GloVe (Pennington et al. 2014) ---- */

typedef struct loci_glove_options {
  size_t struct_size;
  loci_train_common common;
  loci_mode mode;                 /* LOCI_MODE_EXACT: doubles, one thread, the reference's order and random numbers */
  size_t dim;                     /* 300 */
  size_t window;                  /* 10, weighted 1/distance */
  int symmetric;                  /* 1 */
  size_t epochs;                  /* 25 */
  double x_max;                   /* 100 */
  double alpha;                   /* .75, the exponent of the weighting */
  double eta;                     /* .05, the first step of AdaGrad */
  const char *keep_cooccurrences; /* write them here (the reference's format), or NULL */
  double memory; /* gigabytes, as the reference's -memory: how many pairs are counted in memory, and so in
                                   * which order sums are made; 0 = 3, or max_memory where that is less */
} loci_glove_options;

LOCI_API void loci_glove_options_init(loci_glove_options *options);
LOCI_API loci_status loci_train_glove(loci_context *context, const char *corpus, const loci_glove_options *options,
                                      const char *output, loci_error *error);

/* Counts co-occurrences to a file of the reference's format (int32, int32, double, sorted by both words, 1-based), with its
 * bytes for the same vocabulary, window and memory (an external sort beyond that). Where no pair is left for that sort the
 * reference counts the first pair of all twice: so does LOCI_MODE_EXACT, and no other mode. */
LOCI_API loci_status loci_cooccurrences(loci_context *context, const char *corpus, const loci_glove_options *options,
                                        const char *output, loci_error *error);

/* ---- fastText (Bojanowski et al. 2017) ---- */

typedef struct loci_fasttext_options {
  size_t struct_size;
  loci_train_common common;
  loci_mode mode; /* default or LOCI_MODE_FAST */
  loci_arch arch;
  size_t dim;          /* 300 */
  size_t window;       /* 5 */
  size_t negative;     /* 5 */
  size_t epochs;       /* 5 */
  double sample;       /* 1e-4 */
  double alpha;        /* .05 */
  size_t min_n, max_n; /* 3, 6: characters of the n-grams; max_n 0 = words only */
  size_t buckets;      /* 2,000,000 */
} loci_fasttext_options;

LOCI_API void loci_fasttext_options_init(loci_fasttext_options *options);
LOCI_API loci_status loci_train_fasttext(loci_context *context, const char *corpus,
                                         const loci_fasttext_options *options, const char *output, loci_error *error);

/* ---- classification (Joulin et al. 2017) ---- */

typedef enum loci_loss {
  LOCI_LOSS_SOFTMAX = 0,
  LOCI_LOSS_NEGATIVE = 1,
  LOCI_LOSS_HIERARCHICAL = 2,
  LOCI_LOSS_ONE_VS_ALL = 3
} loci_loss;

typedef struct loci_classify_options {
  size_t struct_size;
  loci_train_common common; /* corpus: split at white space, no folding, min_count 1, as the reference */
  const char *label_prefix; /* "__label__" */
  size_t dim;               /* 100 */
  size_t epochs;            /* 5 */
  size_t word_ngrams;       /* 1: words alone; n: also the hashes of 2…n words in a row */
  size_t min_n, max_n;      /* 0, 0 */
  size_t buckets;           /* 2,000,000 when n-grams of either kind are used, else 0 */
  size_t negative;          /* 5 */
  loci_loss loss;
  double alpha;           /* .1 */
  const char *pretrained; /* word vectors to start from, or NULL */
} loci_classify_options;

LOCI_API void loci_classify_options_init(loci_classify_options *options);
/* `train`: a text a line, its labels among its words. */
LOCI_API loci_status loci_train_classify(loci_context *context, const char *train, const loci_classify_options *options,
                                         const char *output, loci_error *error);

typedef struct loci_classifier loci_classifier;
LOCI_API loci_status loci_classifier_open(loci_context *context, const char *path, loci_classifier **out,
                                          loci_error *error);
LOCI_API void loci_classifier_close(loci_classifier *classifier);
LOCI_API size_t loci_classifier_labels(const loci_classifier *classifier);
/* Without the prefix; owned by the classifier; NULL past the end. */
LOCI_API const char *loci_classifier_label(const loci_classifier *classifier, size_t i);
/* The k most probable labels, best first; *n = how many there are (fewer than k when there are no more; 0 for a text
 * without a known word). Probabilities are the fastText program's, which adds 1e-5 to each, but never above 1. The text is
 * split as that program splits a line. */
LOCI_API loci_status loci_classify(const loci_classifier *classifier, const char *text, size_t length, size_t k,
                                   uint32_t *labels, float *probabilities, size_t *n, loci_error *error);

typedef struct loci_classify_score {
  uint64_t n_texts, n_without; /* n_without: texts without a label the model knows, or without a word: left out */
  double precision, recall;    /* of the first k labels, as `fasttext test` has them */
} loci_classify_score;
LOCI_API loci_status loci_eval_classify(const loci_classifier *classifier, const char *path, size_t k,
                                        loci_classify_score *out, loci_error *error);

/* ---- counts and a truncated SVD: LSA (Deerwester et al. 1990), PPMI (Levy and Goldberg 2014) ---- */

typedef enum loci_weighting {
  LOCI_WEIGHTING_RAW = 0,
  LOCI_WEIGHTING_TFIDF = 1,
  LOCI_WEIGHTING_LOG_ENTROPY = 2,
  LOCI_WEIGHTING_SUBLINEAR_TFIDF = 3 /* 1 + ln tf instead of tf */
} loci_weighting;

typedef struct loci_lsa_options {
  size_t struct_size;
  loci_train_common common; /* corpus.min_count 2; a line is a document */
  size_t dim;               /* 300 */
  loci_weighting weighting; /* default log-entropy */
  uint64_t min_documents;   /* words in fewer documents are left out; default 2 */
  double most_share;        /* and words in more than this share of the documents; default 1 */
  double tolerance;         /* of the singular values, relative; default 1e-5 */
  double alpha;             /* words are rows of U·Σ^alpha; default 1 */
  const char *documents;    /* also write the documents' vectors here (.npy, labels are line numbers), or NULL */
} loci_lsa_options;

LOCI_API void loci_lsa_options_init(loci_lsa_options *options);
/* Words' vectors. A folder as output holds a model that folds texts in: dᵀ·U with the training's weights, which is
 * comparable with the documents' vectors, rows of V·Σ. */
LOCI_API loci_status loci_train_lsa(loci_context *context, const char *corpus, const loci_lsa_options *options,
                                    const char *output, loci_error *error);

typedef struct loci_ppmi_options {
  size_t struct_size;
  loci_train_common common;
  size_t dim;       /* 300 */
  size_t window;    /* 5, weighted by (window + 1 − distance) / window, as word2vec's drawn windows are on average */
  double shift;     /* log of it is taken from the PMI; 1 = none */
  double smoothing; /* .75: contexts' counts to this power */
  double sample;    /* 0: subsampling */
  double tolerance; /* of the singular values, relative; default 1e-4 */
  double alpha;     /* rows are U·Σ^alpha; default .5 */
} loci_ppmi_options;

LOCI_API void loci_ppmi_options_init(loci_ppmi_options *options);
LOCI_API loci_status loci_train_ppmi(loci_context *context, const char *corpus, const loci_ppmi_options *options,
                                     const char *output, loci_error *error);

/* ---- distillation ---- */

typedef struct loci_distil_options {
  size_t struct_size;
  const char *corpus;     /* UTF-8 text, a paragraph a line; NULL = PCA and rank-based weights only */
  size_t dim;             /* default 256 */
  uint64_t seed;          /* default 1 */
  uint64_t max_sentences; /* of the corpus that the teacher embeds; 0 = the default of the recipe */
  loci_progress_fn progress;
  void *progress_user;
} loci_distil_options;

LOCI_API void loci_distil_options_init(loci_distil_options *options);

/* Distils `teacher` into a static model (int8 rows, a weight a token) and writes it to `folder`, which must not
 * exist or be empty, with a model card. model2vec opens what is written. docs/distil.md names the papers.
 * The same seed and corpus give the same bytes at any number of threads. */
LOCI_API loci_status loci_distil(loci_context *context, const char *teacher, const loci_distil_options *options,
                                 const char *folder, loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
