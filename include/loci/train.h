/* loci/train.h: learning vectors. */
#ifndef LOCI_TRAIN_H
#define LOCI_TRAIN_H

#include "core.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

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
