/* test_train_kill.c: trainings killed at any moment, and gone on with. Each trainer of train_cases.h runs in a child that
 * saves checkpoints all the time; the parent kills it after a random while, again and again, then lets it come to its end:
 * the output must have the bytes of a run that nobody disturbed.
 *
 * $LOCI_KILL_ROUNDS (default 12 kills a trainer), $LOCI_KILL_SEED.
 */
#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/word2vec_corpus.h"
#include "train_cases.h"

static char folder[128], corpus[192];

static void nap(double seconds) {
  struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&t, NULL);
}

static loci_context *new_context(int threads) {
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = threads;
  loci_context *context = NULL;
  loci_error error;
  if (loci_context_new(&options, &context, &error) != LOCI_OK) _exit(3);
  return context;
}

static void check_case(const train_case *c, loci__random *random, uint64_t kills) {
  char whole[256], output[256], state[320];
  snprintf(whole, sizeof whole, "%s/whole-%s", folder, c->output);
  snprintf(output, sizeof output, "%s/killed-%s", folder, c->output);
  snprintf(state, sizeof state, "%s.checkpoint/state", output);
  loci_error error = {0};
  train_setting setting = {.epochs = 4};
  loci_context *context = new_context(1);
  double began = loci__now();
  assert_ok(c->run(context, corpus, &setting, whole, &error), &error);
  double takes = loci__now() - began;
  loci_context_free(context);

  setting = (train_setting){.resume = 1, .checkpoint_seconds = takes / 50, .epochs = 4};
  uint64_t resumed = 0, done = 0;
  for (uint64_t round = 0; !done; round++) {
    resumed += access(state, F_OK) == 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      context = new_context(1 + (int)(round % 3));
      loci_status status = c->run(context, corpus, &setting, output, &error);
      if (status != LOCI_OK) fprintf(stderr, "%s: %s\n", c->name, error.message);
      _exit(status == LOCI_OK ? 0 : 4);
    }
    if (round < kills) {
      nap(takes * 0.7 * (double)loci__random_below(random, 1000) / 1000);
      kill(child, SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
      fail_msg("%s: the child ended with %d", c->name, WEXITSTATUS(status));
    done = WIFEXITED(status);
  }
  print_message("%s: gone on with %llu times\n", c->name, (unsigned long long)resumed);
  if (kills >= 10) assert_true(resumed > 0);
  size_t length, again;
  char *a = test_read(whole, &length), *b = test_read(output, &again);
  assert_int_equal(length, again);
  assert_memory_equal(a, b, length);
  assert_int_equal(access(state, F_OK), -1);
  free(a);
  free(b);
}

static void killed_runs_give_the_same_bytes(void **unused) {
  (void)unused;
  const char *rounds_text = getenv("LOCI_KILL_ROUNDS"), *seed_text = getenv("LOCI_KILL_SEED");
  uint64_t rounds = 12, seed = (uint64_t)getpid();
  if (rounds_text) loci__parse_u64(rounds_text, &rounds);
  if (seed_text) loci__parse_u64(seed_text, &seed);
  print_message("HARNESS=train-kill SEED=%llu ROUNDS=%llu\n", (unsigned long long)seed, (unsigned long long)rounds);
  loci__random random;
  loci__random_init(&random, seed);
  snprintf(folder, sizeof folder, "%s", test_folder());
  snprintf(corpus, sizeof corpus, "%s/corpus.txt", folder);
  word2vec_corpus_write(corpus, 2000);
  for (size_t i = 0; i < LOCI__COUNT(train_cases); i++) check_case(&train_cases[i], &random, rounds);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(killed_runs_give_the_same_bytes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
