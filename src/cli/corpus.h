/* cli/corpus.h: the options about a corpus that `loci vocab` and `loci phrases` share (cli/train.h has them among its own),
 * from their rows in a table of options to the library's struct.
 */
#ifndef LOCI_CLI_CORPUS_H
#define LOCI_CLI_CORPUS_H

#include "cli.h"

typedef struct loci__corpus_values {
  const char *split;
  int fold;
  uint64_t ngram, max_word, max_memory;
  loci__number min_count;
} loci__corpus_values;

/* `at`: the offset of the loci__corpus_values in the values struct; the others: defaults, as text. */
#define LOCI__CORPUS_OPTION(name, kind, at, member, value, help) \
  { name, 0, LOCI__OPTION_##kind, (at) + offsetof(loci__corpus_values, member), value, LOCI__OFFER_NOTHING, help }
#define LOCI__CORPUS_OPTIONS(at, split_default, fold_default, max_word_default, min_count_help)                        \
  LOCI__CORPUS_OPTION("split", TEXT, at, split, "words|space|chars|MODEL",                                             \
                      "how text is cut: words (Unicode's rules), at white space, into n-grams of characters, or by a " \
                      "model's tokenizer (" split_default ")"),                                                        \
      LOCI__CORPUS_OPTION("ngram", COUNT, at, ngram, "N", "characters of an n-gram of --split chars (2)"),             \
      LOCI__CORPUS_OPTION("fold", CHOICE, at, fold, "lower|ascii|none",                                                \
                          "lower-casing: all of Unicode, A-Z only, none (" fold_default ")"),                          \
      LOCI__CORPUS_OPTION("min-count", NUMBER, at, min_count, "N", min_count_help),                                    \
      LOCI__CORPUS_OPTION("max-word", COUNT, at, max_word, "BYTES", "longer words are cut (" max_word_default ")"),    \
      LOCI__CORPUS_OPTION("max-memory", SIZE, at, max_memory, "SIZE", "refuse when more would be needed: 4G, 512M")

/* What was given into `options`, which was initialised. */
void loci__corpus_options_fill(const loci__corpus_values *values, loci__cli *cli, loci_corpus_options *options);

#endif
