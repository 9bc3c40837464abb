/* train_cases.h: the trainers that the fault tests go through, each a function from a corpus to an output. A trainer that
 * is added here is killed, starved of memory and cut off from its disk. */
#ifndef LOCI_TESTS_TRAIN_CASES_H
#define LOCI_TESTS_TRAIN_CASES_H

#include <stdio.h>

#include "loci/train.h"

/* What the tests set of every trainer's loci_train_common. */
typedef struct train_setting {
  int resume;
  double checkpoint_seconds;
  size_t epochs;
} train_setting;

typedef struct train_case {
  const char *name;
  const char *output; /* its ending matters */
  loci_status (*run)(loci_context *context, const char *corpus, const train_setting *setting, const char *output,
                     loci_error *error);
} train_case;

static inline void train_common(loci_train_common *common, const train_setting *setting) {
  common->resume = setting->resume;
  common->checkpoint_seconds = setting->checkpoint_seconds;
  common->corpus.min_count = 2;
}

static inline void word2vec_options(loci_word2vec_options *o, const train_setting *setting) {
  loci_word2vec_options_init(o);
  train_common(&o->common, setting);
  o->common.corpus.split = LOCI_SPLIT_SPACE;
  o->common.corpus.fold = LOCI_FOLD_NONE;
  o->dim = 12;
  o->epochs = setting->epochs;
}

static inline loci_status train_word2vec_exact(loci_context *context, const char *corpus, const train_setting *setting,
                                               const char *output, loci_error *error) {
  loci_word2vec_options o;
  word2vec_options(&o, setting);
  o.mode = LOCI_MODE_EXACT;
  o.hierarchical = 1;
  return loci_train_word2vec(context, corpus, &o, output, error);
}

static inline loci_status train_word2vec_skipgram(loci_context *context, const char *corpus,
                                                  const train_setting *setting, const char *output, loci_error *error) {
  loci_word2vec_options o;
  word2vec_options(&o, setting);
  o.common.corpus.split = LOCI_SPLIT_WORDS;
  o.common.corpus.fold = LOCI_FOLD_LOWER;
  return loci_train_word2vec(context, corpus, &o, output, error);
}

static inline loci_status train_word2vec_cbow(loci_context *context, const char *corpus, const train_setting *setting,
                                              const char *output, loci_error *error) {
  loci_word2vec_options o;
  word2vec_options(&o, setting);
  o.arch = LOCI_ARCH_CBOW;
  o.hierarchical = 1;
  return loci_train_word2vec(context, corpus, &o, output, error);
}

static inline loci_status train_fasttext(loci_context *context, const char *corpus, const train_setting *setting,
                                         const char *output, loci_error *error) {
  loci_fasttext_options o;
  loci_fasttext_options_init(&o);
  train_common(&o.common, setting);
  o.dim = 12;
  o.buckets = 500;
  o.epochs = setting->epochs;
  return loci_train_fasttext(context, corpus, &o, output, error);
}

static inline loci_status train_lsa(loci_context *context, const char *corpus, const train_setting *setting,
                                    const char *output, loci_error *error) {
  loci_lsa_options o;
  loci_lsa_options_init(&o);
  train_common(&o.common, setting);
  o.dim = 10 * setting->epochs; /* how long it takes */
  return loci_train_lsa(context, corpus, &o, output, error);
}

static inline loci_status train_ppmi(loci_context *context, const char *corpus, const train_setting *setting,
                                     const char *output, loci_error *error) {
  loci_ppmi_options o;
  loci_ppmi_options_init(&o);
  train_common(&o.common, setting);
  o.dim = 10 * setting->epochs;
  o.sample = 0.2;
  return loci_train_ppmi(context, corpus, &o, output, error);
}

static inline void glove_options(loci_glove_options *o, const train_setting *setting) {
  loci_glove_options_init(o);
  train_common(&o->common, setting);
  o->dim = 24;
  o->window = 4;
  o->epochs = setting->epochs > 1 ? setting->epochs * 8 : 1; /* long beside the counting, to be killed in it */
  o->memory = 2e-5;                                          /* most pairs go over the disk */
}

static inline loci_status train_glove(loci_context *context, const char *corpus, const train_setting *setting,
                                      const char *output, loci_error *error) {
  loci_glove_options o;
  glove_options(&o, setting);
  return loci_train_glove(context, corpus, &o, output, error);
}

static inline loci_status train_glove_exact(loci_context *context, const char *corpus, const train_setting *setting,
                                            const char *output, loci_error *error) {
  loci_glove_options o;
  glove_options(&o, setting);
  o.mode = LOCI_MODE_EXACT;
  o.epochs = setting->epochs;
  o.memory = 2e-3; /* the shuffle takes no less */
  return loci_train_glove(context, corpus, &o, output, error);
}

static const train_case train_cases[] = {
    {"word2vec, exact", "exact.bin", train_word2vec_exact},
    {"word2vec, skip-gram", "skipgram.vec", train_word2vec_skipgram},
    {"word2vec, CBOW", "cbow.npy", train_word2vec_cbow},
    {"fastText", "fasttext.bin", train_fasttext},
    {"lsa", "lsa.bin", train_lsa},
    {"ppmi", "ppmi.bin", train_ppmi},
    {"GloVe", "glove.bin", train_glove},
    {"GloVe, exact", "glove-exact.txt", train_glove_exact},
};

#endif
