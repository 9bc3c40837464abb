/* train.c: what the commands that learn vectors share (train.h).
 */
#include "train.h"

/* A word as a shell would have it back. */
static void put_quoted(loci__buffer *out, const char *word) {
  if (*word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+@%")]) {
    loci__buffer_puts(out, word);
    return;
  }
  loci__buffer_putc(out, '\'');
  for (; *word; word++) {
    if (*word == '\'') loci__buffer_puts(out, "'\\''");
    else loci__buffer_putc(out, *word);
  }
  loci__buffer_putc(out, '\'');
}

static void fill_corpus(const loci__train_values *v, loci_corpus_options *corpus) {
  static const char *const splits[] = {"words", "space", "chars"}; /* in the order of loci_split */
  if (v->split) {
    corpus->split = LOCI_SPLIT_MODEL;
    for (size_t i = 0; i < LOCI__COUNT(splits); i++)
      if (!strcmp(v->split, splits[i])) corpus->split = (loci_split)i;
    corpus->split_model = corpus->split == LOCI_SPLIT_MODEL ? v->split : NULL;
  }
  if (v->fold) corpus->fold = (loci_fold)(v->fold - 1);
  if (v->ngram) corpus->ngram = (size_t)v->ngram;
  if (v->max_word) corpus->max_word = (size_t)v->max_word;
  if (v->min_count.given) corpus->min_count = v->min_count.value;
  if (v->max_vocabulary) corpus->max_vocabulary = v->max_vocabulary;
}

loci_status loci__train_begin(loci__train_start *start, loci__cli *cli, const loci__train_values *values,
                              loci_train_common *common, loci_error *error) {
  *start = (loci__train_start){.cli = cli, .values = values, .corpus = cli->arguments.items[0]};
  if (!values->output)
    return loci__fail(error, LOCI_ERROR_USAGE, "say where to write the vectors: loci %s %s -o FILE", cli->command->name,
                      start->corpus);
  start->output = values->output;
  fill_corpus(values, &common->corpus);
  common->vocabulary = values->vocabulary;
  if (values->seed.given) common->seed = values->seed.value;
  common->resume = values->resume > 0;
  if (values->checkpoint.given) common->checkpoint_seconds = (double)values->checkpoint.value;
  common->max_memory = (size_t)values->max_memory;
  common->progress = loci__progress_show;
  common->progress_user = cli;
  loci__buffer_init(&start->command, NULL, 0);
  loci__buffer_puts(&start->command, "loci");
  for (int i = 0; i < cli->argc; i++) {
    if (!strcmp(cli->argv[i], "--resume")) continue; /* the card says how to make the vectors anew */
    loci__buffer_putc(&start->command, ' ');
    put_quoted(&start->command, cli->argv[i]);
  }
  loci_status status = loci__buffer_status(&start->command, "the command", error);
  if (status != LOCI_OK) loci__buffer_release(&start->command);
  common->command = start->command.data;
  return status;
}

static loci_status save_vocabulary(const loci__train_start *start, loci_error *error) {
  loci__buffer path;
  loci__buffer_init(&path, NULL, 0);
  size_t length = strlen(start->output);
  while (length > 1 && start->output[length - 1] == '/') length--;
  loci__buffer_printf(&path, "%.*s.vocab", (int)length, start->output);
  loci_vocabulary *vocabulary = NULL;
  loci_status status = loci__buffer_status(&path, "a file's name", error);
  if (status == LOCI_OK) status = loci_vocabulary_read(start->cli->context, path.data, &vocabulary, error);
  if (status == LOCI_OK) status = loci_vocabulary_write(vocabulary, start->values->save_vocabulary, error);
  loci_vocabulary_free(vocabulary);
  loci__buffer_release(&path);
  return status;
}

loci_status loci__train_end(loci__train_start *start, loci_status status, loci_error *error) {
  loci__cli *cli = start->cli;
  loci__progress_clear(cli);
  loci__buffer_release(&start->command);
  if (status == LOCI_OK && start->values->save_vocabulary) status = save_vocabulary(start, error);
  if (status != LOCI_OK || cli->common.quiet) return status;
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__put_path(&out, cli, start->output, start->output);
  loci__buffer_putc(&out, '\n');
  status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}
