/* model/words.h: word vectors as models.
 *
 *   words.c          a file of word vectors → a model of architecture "words"
 *   words_weights.c  smooth inverse frequency: a weight a word (Arora, Liang and Ma 2017)
 *   all_but_the_top.c  rows without their mean and top directions
 *   words_write.c    words and rows → a static model's folder that loci, model2vec and sentence-transformers open
 *
 * A text is split as the corpus was (FILE.card.md beside the vectors says how; without a card UAX #29 words), each word
 * is looked up as it is, else in lower case; its vector counts with weight 1, or a / (a + p) for "#sif"; a file with
 * subwords has vectors for other words too, else they take no part. The mean is the text's vector.
 *
 * Ownership: the model owns the open file and the splitter's tokenizer. Threads: as every model.
 */
#ifndef LOCI_MODEL_WORDS_H
#define LOCI_MODEL_WORDS_H

#include "../format/vectors.h"
#include "../text/corpus.h"
#include "../text/text.h"
#include "model.h"

/* Fills an empty model (context, arena, name, path) from a file of word vectors. */
loci_status loci__words_open(loci_model *model, const char *path, bool sif, loci_error *error);
/* The mean of a text's words, subwords included: what models with subwords embed by. out, scratch: dim floats.
 * *n_tokens ≤ max_tokens words counted, of *n_whole. */
loci_status loci__words_mean(const loci_model *model, const char *text, size_t length, size_t max_tokens, float *out,
                             float *scratch, size_t *n_tokens, size_t *n_whole, loci_error *error);

/* SIF weights, one a word (loci__free): from the vectors' own counts, else from the file of counts, else (NULL) by Zipf's
 * law. _of: from n counts, or from the ranks alone (NULL). */
loci_status loci__words_weights(loci_context *context, const loci_vectors *vectors, const char *counts_path,
                                float **out, loci_error *error);
loci_status loci__words_weights_of(loci_context *context, const uint64_t *counts, size_t n, float **out,
                                   loci_error *error);

/* counts[i] = how often word i stands in a file of counts ("word count" a line), 0 for one that is not there. FORMAT when
 * none is. */
loci_status loci__words_counts(loci_context *context, const loci_vectors *vectors, const char *path, uint64_t *counts,
                               loci_error *error);

/* The tokenizer of LOCI_SPLIT_MODEL: `name` is a tokenizer's file, a folder that holds one, or a model's name in the
 * context's model path. */
loci_status loci__split_tokenizer_open(loci_context *context, const char *name, loci_tokenizer **out,
                                       loci_error *error);

/* How the words of a file of vectors were cut: what the front matter of FILE.card.md says (loci__words_put_splitter),
 *   split: words|space|chars|model    fold: lower|ascii|none    ngram: 2    max_word: 1024    split_model: "PATH"
 * else UAX #29 words as they stand. *tokenizer: the splitter's, the caller's to close; or NULL. *there: there
 * is such a card. */
loci_status loci__words_splitter(loci_context *context, const char *path, loci__splitter *out,
                                 loci_tokenizer **tokenizer, bool *there, loci_error *error);

/* Appends these lines (ngram only for chars; split_model, JSON-quoted, only for model). */
void loci__words_put_splitter(loci__buffer *out, const loci__splitter *splitter, const char *split_model);

/* Takes the mean of n rows and their top d principal directions away, in place (Mu and Viswanath 2018). share: d numbers,
 * each direction's part of the variance, or NULL. USAGE unless d < dim. */
loci_status loci__all_but_the_top(loci_context *context, float *rows, size_t n, size_t dim, size_t d, double *share,
                                  loci_error *error);

/* ---- a static model's folder ---- */

typedef struct loci__words_out {
  const loci__vectors_out *vectors; /* words in the order of their ids; counts may be NULL */
  const loci__splitter *splitter;   /* how texts are cut and folded */
  bool lower_again;                 /* a word that is not there is looked up in lower case: false for what was trained
                                       here, true for files whose splitting is not known */
  loci_precision precision;         /* INT8: a scale a word, as `weights` */
  const char *card;                 /* README.md, or NULL */
} loci__words_out;

/* Writes config.json, modules.json, tokenizer.json and model.safetensors (rows, counts) into `folder`, made when missing.
 * The model normalises (L2), so that it gives the same vectors wherever it is opened: elsewhere unknown words count in
 * the mean's divisor. Words that are not UTF-8, and repeated ones, are left out (their number is logged). Character
 * n-grams of n > 1 overlap, which no tokenizer.json of Hugging Face can say: those folders only loci opens. */
loci_status loci__words_write(loci_context *context, const char *folder, const loci__words_out *words,
                              loci_error *error);

#endif
