/* corpus.c: the options about a corpus (corpus.h).
 */
#include "corpus.h"

void loci__corpus_options_fill(const loci__corpus_values *v, loci__cli *cli, loci_corpus_options *options) {
  static const char *const splits[] = {"words", "space", "chars"}; /* in the order of loci_split */
  if (v->split) {
    options->split = LOCI_SPLIT_MODEL;
    for (size_t i = 0; i < LOCI__COUNT(splits); i++)
      if (!strcmp(v->split, splits[i])) options->split = (loci_split)i;
    options->split_model = options->split == LOCI_SPLIT_MODEL ? v->split : NULL;
  }
  if (v->fold) options->fold = (loci_fold)(v->fold - 1);
  if (v->ngram) options->ngram = (size_t)v->ngram;
  if (v->max_word) options->max_word = (size_t)v->max_word;
  if (v->min_count.given) options->min_count = v->min_count.value;
  options->max_memory = (size_t)v->max_memory;
  options->progress = loci__progress_show;
  options->progress_user = cli;
}
