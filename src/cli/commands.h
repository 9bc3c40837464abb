/* cli/commands.h: the commands, in the order of the overview, a line each. LOCI__COMMANDS(each) is each(name) for all;
 * the description of `name` is loci__command_<name>, in the file of that name. */
#ifndef LOCI_CLI_COMMANDS_H
#define LOCI_CLI_COMMANDS_H

/* clang-format off */
#define LOCI__COMMANDS(each) \
  each(index) \
  each(search) \
  each(similar) \
  each(get) \
  each(status) \
  each(forget) \
  each(reindex) \
  each(check) \
  each(doctor) \
  each(embed) \
  each(tokenize) \
  each(show) \
  each(vocab) \
  each(phrases) \
  each(train_word2vec) \
  each(train_glove) \
  each(train_fasttext) \
  each(train_lsa) \
  each(train_ppmi) \
  each(train_classify) \
  each(classify) \
  each(convert) \
  each(distil) \
  each(neighbors) \
  each(similarity) \
  each(odd_one_out) \
  each(analogy) \
  each(path) \
  each(relation) \
  each(axis) \
  each(bias) \
  each(cluster) \
  each(diagnose) \
  each(map) \
  each(explain) \
  each(tutorial) \
  each(align) \
  each(eval) \
  each(serve) \
  each(help) \
  each(completion)
/* clang-format on */

#endif
