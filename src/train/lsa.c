/* train/lsa.c: latent semantic analysis (Deerwester, Dumais, Furnas, Landauer, Harshman 1990, "Indexing by Latent Semantic
 * Analysis"): the term-document matrix X, weighted (terms.c), cut to its greatest singular values, X ≈ U·Σ·Vᵀ.
 *
 * A word is a row of U·Σ^alpha. A text d that was not there (its words' weights as the matrix has them) is folded in as
 * the pseudo-document dᵀ·U·Σ⁻¹, what a document of the training has got as its row of V; and documents are compared by their
 * rows of V·Σ. So documents are written as V·Σ, and a folder as output holds the rows global(word)·U, whose sum over a text's
 * words is dᵀ·U, the pseudo-document on the same scale; a static model takes the mean, which points the same way. (Without the
 * Σ, small singular values count as much as great ones: on MED and CISI every measure is worse, docs/cli/train-lsa.md.) That
 * is exact for raw counts and for tf-idf (up to length), and leaves out the damping of repeated words of the logarithmic
 * weightings: a sum over words cannot know how often each was there.
 */
#include "lsa.h"

#include <math.h>
#include <stdio.h>

enum { MOST_DIM = 4096 };

void loci_lsa_options_init(loci_lsa_options *options) {
  *options = (loci_lsa_options){.struct_size = sizeof *options,
                                .dim = 300,
                                .weighting = LOCI_WEIGHTING_LOG_ENTROPY,
                                .min_documents = 2,
                                .most_share = 1,
                                .tolerance = 1e-5,
                                .alpha = 1};
  loci__train_common_init(&options->common);
  options->common.corpus.min_count = 2;
}

static loci_status check(const loci_lsa_options *o, loci_error *error) {
  if (o->dim < 1 || o->dim > MOST_DIM)
    return loci__fail(error, LOCI_ERROR_USAGE, "dim %zu is not in 1…%d", o->dim, MOST_DIM);
  if (o->weighting < LOCI_WEIGHTING_RAW || o->weighting > LOCI_WEIGHTING_SUBLINEAR_TFIDF)
    return loci__fail(error, LOCI_ERROR_USAGE, "no such weighting: %d", (int)o->weighting);
  if (!(o->most_share > 0) || o->most_share > 1)
    return loci__fail(error, LOCI_ERROR_USAGE, "a share of the documents of %g is not in 0…1", o->most_share);
  if (!(o->tolerance > 0) || o->tolerance >= 1)
    return loci__fail(error, LOCI_ERROR_USAGE, "tolerance %g is not between 0 and 1", o->tolerance);
  if (!(fabs(o->alpha) <= 10)) return loci__fail(error, LOCI_ERROR_USAGE, "alpha %g is not in −10…10", o->alpha);
  if (o->documents != NULL && loci__vectors_format_of(o->documents) != LOCI_VECTORS_NPY)
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s': the documents' vectors are written as .npy", o->documents);
  return LOCI_OK;
}

static size_t svd_memory(size_t n_terms, size_t n_documents, const void *arg) {
  const loci_lsa_options *o = arg;
  return loci__svd_memory(n_terms, n_documents, o->dim) + n_terms * o->dim * sizeof(float);
}

/* The vocabulary becomes that of the terms. */
static loci_status keep_terms(loci__trainer *trainer, const loci__terms *terms, loci_error *error) {
  const char **words = loci__alloc_array(trainer->context, terms->n_terms, sizeof *words);
  uint32_t *lengths = loci__alloc_array(trainer->context, terms->n_terms, sizeof *lengths);
  uint64_t *counts = loci__alloc_array(trainer->context, terms->n_terms, sizeof *counts);
  loci_vocabulary *vocabulary = NULL;
  loci_status status = LOCI_OK;
  if (words == NULL || lengths == NULL || counts == NULL)
    status = loci__fail_memory(error, terms->n_terms * 20, "the list of words");
  for (size_t i = 0; status == LOCI_OK && i < terms->n_terms; i++) {
    size_t length = 0;
    words[i] = loci__vocabulary_word(trainer->vocabulary, terms->words[i], &length, &counts[i]);
    lengths[i] = (uint32_t)length;
  }
  if (status == LOCI_OK)
    status = loci__vocabulary_of(trainer->context, words, lengths, counts, terms->n_terms, &vocabulary, error);
  if (status == LOCI_OK) {
    loci_vocabulary_free(trainer->vocabulary);
    trainer->vocabulary = vocabulary;
    trainer->counts.n_words = loci__vocabulary_size(vocabulary);
    trainer->counts.n_tokens = loci__vocabulary_tokens(vocabulary);
  }
  loci__free(trainer->context, words);
  loci__free(trainer->context, lengths);
  loci__free(trainer->context, counts);
  return status;
}

static loci_status write_documents(loci__trainer *trainer, const char *path, loci__svd *svd, loci_error *error) {
  loci_context *context = trainer->context;
  for (size_t j = 0; j < svd->rank; j++)
    for (size_t i = 0; i < svd->n_columns; i++) svd->right[i * svd->rank + j] *= (float)svd->values[j];
  const size_t n = svd->n_columns;
  enum { DIGITS = 12 };
  char *text = loci__alloc_array(context, n, DIGITS);
  const char **labels = loci__alloc_array(context, n, sizeof *labels);
  uint32_t *lengths = loci__alloc_array(context, n, sizeof *lengths);
  loci_status status = LOCI_OK;
  if (text == NULL || labels == NULL || lengths == NULL) status = loci__fail_memory(error, n * 24, "labels");
  for (size_t i = 0; status == LOCI_OK && i < n; i++) {
    labels[i] = text + i * DIGITS;
    lengths[i] = (uint32_t)snprintf(text + i * DIGITS, DIGITS, "%zu", i + 1);
  }
  const loci__vectors_out out = {
      .n = n, .dim = svd->rank, .words = labels, .lengths = lengths, .rows = svd->right, .meter = &trainer->meter};
  if (status == LOCI_OK) status = loci__vectors_write(context, path, LOCI_VECTORS_NPY, LOCI_PRECISION_F32, &out, error);
  loci__free(context, text);
  loci__free(context, labels);
  loci__free(context, lengths);
  return status;
}

static loci_status write(loci__trainer *trainer, const loci_lsa_options *o, const loci__terms *terms, loci__svd *svd,
                         loci_error *error) {
  if (o->documents != NULL) LOCI__TRY(write_documents(trainer, o->documents, svd, error));
  LOCI__TRY(keep_terms(trainer, terms, error));
  const bool folds = trainer->format == LOCI_VECTORS_FOLDER;
  for (size_t j = 0; j < svd->rank; j++) {
    const float scale = (float)pow(svd->values[j], folds ? 0.0 : o->alpha);
    for (size_t i = 0; i < svd->n_rows; i++) svd->left[i * svd->rank + j] *= folds ? scale * terms->global[i] : scale;
  }
  loci__buffer more;
  loci__buffer_init(&more, trainer->context, 0);
  loci__buffer_printf(&more, "documents: %zu\nterms: %zu\n", terms->n_filled, terms->n_terms);
  loci__factor_tell(svd, &more);
  loci_status status = loci__buffer_status(&more, "the model card", error);
  if (status == LOCI_OK) status = loci__trainer_finish(trainer, svd->left, svd->rank, svd->rank, more.data, error);
  loci__buffer_release(&more);
  return status;
}

static loci_status train(loci__trainer *trainer, const loci_lsa_options *o, loci_error *error) {
  static const char *const weightings[] = {"raw", "tfidf", "log-entropy", "sublinear-tfidf"};
  loci__trainer_set(trainer, "dim", "%zu", o->dim);
  loci__trainer_set(trainer, "weighting", "%s", weightings[o->weighting]);
  loci__trainer_set(trainer, "min_documents", "%llu", (unsigned long long)o->min_documents);
  loci__trainer_set(trainer, "most_share", "%.7g", o->most_share);
  loci__trainer_set(trainer, "tolerance", "%.7g", o->tolerance);
  loci__trainer_set(trainer, "alpha", "%.7g", o->alpha);
  /* The stream's count of a word and of its place, a worker each. */
  LOCI__TRY(loci__trainer_open(trainer, 16 * loci__pool_size(trainer->context) + o->dim * sizeof(float), 1 << 20, true,
                               error));
  loci__terms terms;
  LOCI__TRY(loci__terms_count(trainer->context, &trainer->stream, loci__vocabulary_size(trainer->vocabulary),
                              o->min_documents, o->most_share, o->common.max_memory, svd_memory, o, &trainer->meter,
                              &terms, error));
  loci__svd svd = {0};
  loci_status status = loci__terms_weight(&terms, o->weighting, error);
  if (status == LOCI_OK)
    status = loci__factor(trainer, &terms.terms, &terms.documents, o->dim, o->tolerance, &svd, error);
  if (status == LOCI_OK && svd.rank < o->dim)
    loci__log(trainer->context, LOCI_LOG_WARNING,
              "%zu dimensions instead of %zu: %zu documents with %zu terms have no more", svd.rank, o->dim,
              terms.n_filled, terms.n_terms);
  if (status == LOCI_OK) status = write(trainer, o, &terms, &svd, error);
  loci__svd_release(&svd);
  loci__terms_release(&terms);
  return status;
}

loci_status loci_train_lsa(loci_context *context, const char *corpus, const loci_lsa_options *options,
                           const char *output, loci_error *error) {
  loci_lsa_options all;
  loci_lsa_options_init(&all);
  if (options != NULL) {
    if (options->struct_size < sizeof(size_t) || options->struct_size > 4096)
      return loci__fail(error, LOCI_ERROR_USAGE, "loci_lsa_options: call loci_lsa_options_init first");
    memcpy(&all, options, options->struct_size < sizeof all ? options->struct_size : sizeof all);
  }
  LOCI__TRY(check(&all, error));
  LOCI__TRY(loci__eigen_check(error));
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, 0, "a context");
  loci__trainer trainer;
  loci__trainer_init(&trainer, context, "lsa", corpus, output, &all.common);
  loci_status status = train(&trainer, &all, error);
  loci__trainer_close(&trainer);
  return status;
}
