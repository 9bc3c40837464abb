/* test_card.c: the model card: keys once each, hostile names quoted, the warning where it belongs. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "train/card.h"

typedef struct fixture {
  loci_context *context;
  loci_train_common common;
  loci__trainer trainer;
  loci__buffer card;
} fixture;

static void start(fixture *f, const char *method, uint64_t n_tokens) {
  memset(f, 0, sizeof *f);
  f->context = test_context_new(1, NULL);
  loci__train_common_init(&f->common);
  loci__trainer_init(&f->trainer, f->context, method, "some/corpus.txt", "out/v.bin", &f->common);
  loci__trainer_set(&f->trainer, "dim", "%d", 100);
  loci__trainer_set(&f->trainer, "window", "%d", 5);
  f->trainer.splitter = (loci__splitter){.split = LOCI_SPLIT_WORDS, .fold = LOCI_FOLD_LOWER, .max_word = 1024};
  f->trainer.counts = (loci_vocabulary_info){.n_words = 1234, .n_tokens = n_tokens};
  f->trainer.corpus_bytes = 77;
  strcpy(f->trainer.corpus_hash, "0123456789abcdef0123456789abcdef");
  loci__buffer_init(&f->card, f->context, 0);
}

static const char *write_card(fixture *f, const char *more) {
  loci_error error = {0};
  loci__buffer_clear(&f->card);
  loci__card_write(&f->trainer, 100, more, &f->card);
  assert_ok(loci__buffer_status(&f->card, "card", &error), &error);
  return f->card.data;
}

static void stop(fixture *f) {
  loci__buffer_release(&f->card);
  loci__trainer_close(&f->trainer);
  test_context_free(f->context);
}

static size_t times(const char *text, const char *line) {
  size_t n = 0;
  for (const char *at = text; (at = strstr(at, line)); at++) n++;
  return n;
}

static void keys_stand_there_once(void **state) {
  (void)state;
  static const char *const lines[] = {"\nmethod: word2vec\n",
                                      "\nlanguage: unknown\n",
                                      "\nsplit: words\n",
                                      "\nfold: lower\n",
                                      "\ndim: 100\n",
                                      "\nwindow: 5\n",
                                      "\nwords: 1234\n",
                                      "\ntokens: 20000000\n",
                                      "\ncorpus: \"corpus.txt\"\n",
                                      "\ncorpus_bytes: 77\n",
                                      "\ncorpus_hash: xxh3-128:0123456789abcdef0123456789abcdef\n",
                                      "\nseed: 1\n",
                                      "\nmin_count: 5\n",
                                      "\nloci: " LOCI_VERSION "\n",
                                      "\nloss: 1.5\n"};
  fixture f;
  start(&f, "word2vec", 20000000);
  const char *card = write_card(&f, "loss: 1.5\n");
  assert_memory_equal(card, "---\n", 4);
  const char *end = strstr(card + 4, "\n---\n");
  assert_non_null(end);
  for (size_t i = 0; i < LOCI__COUNT(lines); i++) {
    if (times(card, lines[i]) != 1) fail_msg("'%s' %zu times in:\n%s", lines[i], times(card, lines[i]), card);
    assert_true(strstr(card, lines[i]) < end);
  }
  assert_int_equal(times(card, "\ncommand: "), 0);
  stop(&f);
}

static void a_hostile_command_stays_in_its_line(void **state) {
  (void)state;
  fixture f;
  start(&f, "word2vec", 20000000);
  f.common.command = "loci train 'a\"b\\c\nseed: 2'\x01\xFF";
  const char *card = write_card(&f, NULL);
  if (!strstr(card, "\ncommand: \"loci train 'a\\\"b\\\\c\\nseed: 2'\\x01\xEF\xBF\xBD\"\n")) fail_msg("%s", card);
  assert_int_equal(times(card, "\nseed: "), 1);
  stop(&f);
}

static void little_text_is_warned_of(void **state) {
  (void)state;
  static const struct {
    const char *method;
    uint64_t n_tokens;
    bool warns;
  } cases[] = {{"word2vec", 9999999, true}, {"word2vec", 10000000, false},
               {"glove", 5, true},          {"fasttext", 5, true},
               {"ppmi", 5, false},          {"lsa", 5, false}};
  for (size_t i = 0; i < LOCI__COUNT(cases); i++) {
    fixture f;
    start(&f, cases[i].method, cases[i].n_tokens);
    const char *card = write_card(&f, NULL);
    assert_int_equal(strstr(card, "Warning") != NULL, cases[i].warns);
    assert_int_equal(strstr(card, "loci train ppmi") != NULL && cases[i].warns, cases[i].warns);
    stop(&f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_stand_there_once),
      cmocka_unit_test(a_hostile_command_stays_in_its_line),
      cmocka_unit_test(little_text_is_warned_of),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
