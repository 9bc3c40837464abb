/* cli/train.h: what the commands that learn vectors from a corpus share (`loci train word2vec`, `glove`, …): the options
 * about corpus, vocabulary, seed, memory and checkpoints, from their rows in a table of options to the library's struct.
 *
 *   typedef struct values {
 *     loci__train_values common;
 *     uint64_t dim; …
 *   } values;
 *
 *   static const loci__option options[] = {
 *       LOCI__TRAIN_OPTIONS(offsetof(values, common), "5"),
 *       {"dim", …},
 *   };
 *
 *   static loci_status run(loci__cli *cli, loci_error *error) {
 *     const values *v = cli->values;
 *     loci_…_options o;
 *     loci_…_options_init(&o);
 *     loci__train_start start;
 *     LOCI__TRY(loci__train_begin(&start, cli, &v->common, &o.common, error));
 *     …
 *     return loci__train_end(&start, loci_train_…(cli->context, start.corpus, &o, start.output, error), error);
 *   }
 *
 * The commands use LOCI__TRAIN_USES and take exactly one argument.
 */
#ifndef LOCI_CLI_TRAIN_H
#define LOCI_CLI_TRAIN_H

#include "cli.h"

enum { LOCI__TRAIN_USES = LOCI__USES_CONTEXT | LOCI__USES_INTERRUPT | LOCI__USES_THREADS | LOCI__USES_NOTES };

typedef struct loci__train_values {
  const char *output, *split, *vocabulary, *save_vocabulary;
  int fold, resume;
  uint64_t ngram, max_word, max_vocabulary, max_memory;
  loci__number min_count, seed, checkpoint;
} loci__train_values;

/* `at`: the offset of the loci__train_values in the values struct; `min_count`: the default, as text. */
#define LOCI__TRAIN_OPTION(letter, name, kind, at, member, value, offer, help) \
  { name, letter, LOCI__OPTION_##kind, (at) + offsetof(loci__train_values, member), value, LOCI__OFFER_##offer, help }
#define LOCI__TRAIN_OPTIONS(at, min_count_default)                                                                    \
  LOCI__TRAIN_OPTION('o', "output", TEXT, at, output, "FILE", FILE,                                                   \
                     "where to write; the ending chooses the format: .bin, .txt, .vec, .npy, none for a folder"),     \
      LOCI__TRAIN_OPTION(0, "split", TEXT, at, split, "words|space|chars|MODEL", NOTHING,                             \
                         "how text is cut: words (Unicode's rules), at white space, into n-grams of characters, "     \
                         "or by a model's tokenizer"),                                                                \
      LOCI__TRAIN_OPTION(0, "ngram", COUNT, at, ngram, "N", NOTHING, "characters of an n-gram of --split chars (2)"), \
      LOCI__TRAIN_OPTION(0, "fold", CHOICE, at, fold, "lower|ascii|none", NOTHING,                                    \
                         "lower-casing: all of Unicode, A-Z only, none"),                                             \
      LOCI__TRAIN_OPTION(0, "min-count", NUMBER, at, min_count, "N", NOTHING,                                         \
                         "leave out words that are rarer (" min_count_default ")"),                                   \
      LOCI__TRAIN_OPTION(0, "max-vocabulary", COUNT, at, max_vocabulary, "N", NOTHING,                                \
                         "keep so many of the most frequent words only"),                                             \
      LOCI__TRAIN_OPTION(0, "max-word", COUNT, at, max_word, "BYTES", NOTHING, "longer words are cut (1024)"),        \
      LOCI__TRAIN_OPTION(0, "vocabulary", TEXT, at, vocabulary, "FILE", FILE,                                         \
                         "take the words and counts of this file (\"word count\" a line) instead of counting"),       \
      LOCI__TRAIN_OPTION(0, "save-vocabulary", TEXT, at, save_vocabulary, "FILE", FILE,                               \
                         "write words and counts here too, beside OUTPUT.vocab"),                                     \
      LOCI__TRAIN_OPTION(0, "seed", NUMBER, at, seed, "N", NOTHING, "of the random choices (1)"),                     \
      LOCI__TRAIN_OPTION(0, "max-memory", SIZE, at, max_memory, "SIZE", NOTHING,                                      \
                         "refuse to start when more would be needed: 4G, 512M"),                                      \
      LOCI__TRAIN_OPTION(0, "resume", FLAG, at, resume, NULL, NOTHING,                                                \
                         "go on from OUTPUT.checkpoint, which an interrupted run leaves"),                            \
      LOCI__TRAIN_OPTION(0, "checkpoint", NUMBER, at, checkpoint, "SECONDS", NOTHING,                                 \
                         "between checkpoints (300); 0 = only when interrupted")

typedef struct loci__train_start {
  loci__cli *cli;
  const loci__train_values *values;
  const char *corpus, *output;
  loci__buffer command; /* for the card */
} loci__train_start;

/* Fills what was given into `common`, which was initialised. USAGE without an output. On success loci__train_end must
 * follow. */
loci_status loci__train_begin(loci__train_start *start, loci__cli *cli, const loci__train_values *values,
                              loci_train_common *common, loci_error *error);
/* `status` of the training: takes the progress line away, writes --save-vocabulary, prints the output's name. */
loci_status loci__train_end(loci__train_start *start, loci_status status, loci_error *error);

#endif
