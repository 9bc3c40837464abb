/* test_checkpoint.c: what was saved comes back; every damaged byte, every cut and every other setting is refused; an old
 * checkpoint outlives a failed new one. */
#include "support.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/trainer.h"

typedef struct fixture {
  loci_context *context;
  loci_train_common common;
  loci__trainer trainer;
  char folder[128], state[160];
} fixture;

static void start(fixture *f, loci_context *context, const char *about) {
  memset(f, 0, sizeof *f);
  f->context = context;
  f->common.resume = 1;
  snprintf(f->folder, sizeof f->folder, "%s", test_folder());
  snprintf(f->state, sizeof f->state, "%s/state", f->folder);
  f->trainer = (loci__trainer){.context = context, .common = &f->common, .folder = f->folder, .output = f->folder};
  loci__buffer_init(&f->trainer.about, context, 0);
  loci__buffer_puts(&f->trainer.about, about);
}

static void stop(fixture *f) {
  loci__buffer_release(&f->trainer.about);
  test_context_free(f->context);
}

typedef struct state {
  uint64_t step;
  float rows[1000];
  uint8_t odd[13];
} state;

static size_t parts_of(state *s, loci__part parts[4]) {
  parts[0] = (loci__part){"step", &s->step, sizeof s->step};
  parts[1] = (loci__part){"rows", s->rows, sizeof s->rows};
  parts[2] = (loci__part){"odd", s->odd, sizeof s->odd};
  parts[3] = (loci__part){"empty", NULL, 0};
  return 4;
}

static void fill(state *s, uint64_t seed) {
  memset(s, 0, sizeof *s);
  loci__random random;
  loci__random_init(&random, seed);
  s->step = seed;
  for (size_t i = 0; i < 1000; i++) s->rows[i] = (float)loci__random_normal(&random);
  for (size_t i = 0; i < sizeof s->odd; i++) s->odd[i] = (uint8_t)loci__random_next(&random);
}

static const char about[] = "method: test\nseed: 1\ndim: 10\n";

static void what_was_saved_comes_back(void **unused) {
  (void)unused;
  fixture f;
  loci_error error = {0};
  start(&f, test_context_new(1, NULL), about);
  state saved, loaded = {0};
  loci__part parts[4];
  bool there = true;
  size_t n = parts_of(&loaded, parts);
  assert_ok(loci__checkpoint_load(&f.trainer, parts, n, &there, &error), &error);
  assert_false(there);
  assert_false(f.trainer.saved);
  for (uint64_t seed = 1; seed < 4; seed++) {
    fill(&saved, seed);
    parts_of(&saved, parts);
    assert_ok(loci__checkpoint_save(&f.trainer, parts, n, &error), &error);
    assert_true(f.trainer.saved);
    memset(&loaded, 0, sizeof loaded);
    parts_of(&loaded, parts);
    assert_ok(loci__checkpoint_load(&f.trainer, parts, n, &there, &error), &error);
    assert_true(there);
    assert_memory_equal(&saved, &loaded, sizeof saved);
  }
  /* Without resume the old one goes, and is told to be gone. */
  f.common.resume = 0;
  assert_ok(loci__checkpoint_load(&f.trainer, parts, n, &there, &error), &error);
  assert_false(there);
  assert_int_equal(access(f.state, F_OK), -1);
  stop(&f);
}

static void damage_is_refused(void **unused) {
  (void)unused;
  fixture f;
  loci_error error = {0};
  start(&f, test_context_new(1, NULL), about);
  state saved, loaded = {0};
  loci__part parts[4];
  fill(&saved, 9);
  size_t n = parts_of(&saved, parts), length;
  assert_ok(loci__checkpoint_save(&f.trainer, parts, n, &error), &error);
  char *bytes = test_read(f.state, &length);
  parts_of(&loaded, parts);
  bool there;
  size_t refused = 0, harmless = 0;
  for (size_t at = 0; at < length; at += at < 600 ? 1 : 37) {
    bytes[at] ^= 0x10;
    test_write(f.state, bytes, length);
    bytes[at] ^= 0x10;
    loci_status status = loci__checkpoint_load(&f.trainer, parts, n, &there, &error);
    if (status == LOCI_OK) {
      /* Padding between the parts says nothing. */
      assert_memory_equal(&saved, &loaded, sizeof saved);
      harmless++;
      continue;
    }
    refused++;
    assert_false(there);
    if (status != LOCI_ERROR_FORMAT && status != LOCI_ERROR_UNSUPPORTED && status != LOCI_ERROR_USAGE)
      fail_msg("byte %zu: %s", at, error.message);
    assert_non_null(strstr(error.message, f.state));
  }
  assert_true(refused > 450);
  assert_true(harmless < 150);
  for (size_t cut = 0; cut < length; cut += 61) {
    test_write(f.state, bytes, cut);
    assert_int_equal(loci__checkpoint_load(&f.trainer, parts, n, &there, &error), LOCI_ERROR_FORMAT);
  }
  free(bytes);
  stop(&f);
}

static void another_run_is_refused_by_name(void **unused) {
  (void)unused;
  fixture f;
  loci_error error = {0};
  start(&f, test_context_new(1, NULL), about);
  state saved;
  loci__part parts[4];
  fill(&saved, 9);
  size_t n = parts_of(&saved, parts);
  bool there;
  assert_ok(loci__checkpoint_save(&f.trainer, parts, n, &error), &error);
  loci__buffer_clear(&f.trainer.about);
  loci__buffer_puts(&f.trainer.about, "method: test\nseed: 2\ndim: 10\n");
  assert_int_equal(loci__checkpoint_load(&f.trainer, parts, n, &there, &error), LOCI_ERROR_USAGE);
  assert_non_null(strstr(error.message, "\"seed: 1\""));
  assert_non_null(strstr(error.message, "\"seed: 2\""));
  /* The file stays: its owner may still want it. */
  assert_int_equal(access(f.state, F_OK), 0);

  /* The same settings with arrays of other sizes. */
  loci__buffer_clear(&f.trainer.about);
  loci__buffer_puts(&f.trainer.about, about);
  parts[1].size -= 4;
  assert_int_equal(loci__checkpoint_load(&f.trainer, parts, n, &there, &error), LOCI_ERROR_FORMAT);
  assert_int_equal(loci__checkpoint_load(&f.trainer, parts, n - 1, &there, &error), LOCI_ERROR_FORMAT);
  stop(&f);
}

/* ---- a disk that fails ---- */

typedef struct disk {
  const char *method; /* that fails */
  int calls, fail_at;
} disk;

static int disk_before(void *user, const char *method, const char *path) {
  disk *d = user;
  (void)path;
  if (!d->method || strcmp(method, d->method) != 0) return 0;
  return d->calls++ >= d->fail_at ? ENOSPC : 0;
}

static char warning[1024];
static int warnings;

static void keep_warning(void *user, loci_log_level level, const char *message) {
  (void)user;
  if (level != LOCI_LOG_WARNING) return;
  snprintf(warning, sizeof warning, "%s", message);
  warnings++;
}

static void a_full_disk_leaves_the_old_one(void **unused) {
  (void)unused;
  static const char *const methods[] = {"open", "pwrite", "ftruncate", "fsync", "close", "rename"};
  disk d = {0};
  loci_context_options options;
  loci_context_options_init(&options);
  options.files.user = &d;
  options.files.before = disk_before;
  options.log = keep_warning;
  loci_context *context;
  loci_error error = {0};
  assert_ok(loci_context_new(&options, &context, &error), &error);
  fixture f;
  start(&f, context, about);
  state old, newer, loaded = {0};
  loci__part parts[4];
  fill(&old, 1);
  fill(&newer, 2);
  size_t n = parts_of(&old, parts);
  assert_ok(loci__checkpoint_save(&f.trainer, parts, n, &error), &error);
  for (size_t m = 0; m < LOCI__COUNT(methods); m++) {
    for (int fail_at = 0; fail_at < 6; fail_at++) {
      d = (disk){methods[m], 0, fail_at};
      parts_of(&newer, parts);
      loci_status status = loci__checkpoint_save(&f.trainer, parts, n, &error);
      int calls = d.calls;
      d = (disk){0};
      bool there;
      parts_of(&loaded, parts);
      if (calls <= fail_at) { /* it was not reached */
        assert_int_equal(status, LOCI_OK);
        parts_of(&old, parts);
        assert_ok(loci__checkpoint_save(&f.trainer, parts, n, &error), &error);
        break;
      }
      assert_int_equal(status, LOCI_ERROR_IO);
      assert_non_null(strstr(error.message, "checkpoint"));
      assert_ok(loci__checkpoint_load(&f.trainer, parts, n, &there, &error), &error);
      assert_true(there);
      assert_memory_equal(&loaded, &old, sizeof old);
      char beside[192];
      snprintf(beside, sizeof beside, "%s.new", f.state);
      assert_int_equal(access(beside, F_OK), -1);
    }
  }

  /* A tick that is due on a full disk warns once and goes on; the next one is not due at once. */
  f.common.checkpoint_seconds = 3600;
  loci__meter_init(&f.trainer.meter, NULL, NULL);
  f.trainer.last_checkpoint = loci__now() - 4000;
  d = (disk){"pwrite", 0, 0};
  warnings = 0;
  parts_of(&newer, parts);
  assert_ok(loci__trainer_tick(&f.trainer, 1, NAN, parts, n, &error), &error);
  assert_ok(loci__trainer_tick(&f.trainer, 2, NAN, parts, n, &error), &error);
  assert_int_equal(warnings, 1);
  assert_non_null(strstr(warning, "No space left"));
  assert_non_null(strstr(warning, "still there"));
  d = (disk){0};
  bool there;
  parts_of(&loaded, parts);
  assert_ok(loci__checkpoint_load(&f.trainer, parts, n, &there, &error), &error);
  assert_memory_equal(&loaded, &old, sizeof old);
  loci__buffer_release(&f.trainer.about);
  loci_context_free(context);
}

/* ---- when ---- */

static int stop_at_once(void *user, const loci_progress *progress) {
  (void)user;
  (void)progress;
  return 1;
}

static char seen[64];

static int see(void *user, const loci_progress *progress) {
  (void)user;
  snprintf(seen, sizeof seen, "%s", progress->item ? progress->item : "");
  return 0;
}

static void ticks_save_when_due_and_when_stopped(void **unused) {
  (void)unused;
  fixture f;
  loci_error error = {0};
  start(&f, test_context_new(1, NULL), about);
  state s;
  loci__part parts[4];
  fill(&s, 3);
  size_t n = parts_of(&s, parts);
  f.common.checkpoint_seconds = 0; /* never but at the end */
  loci__meter_init(&f.trainer.meter, NULL, NULL);
  assert_false(loci__trainer_due(&f.trainer));
  assert_ok(loci__trainer_tick(&f.trainer, 1, NAN, parts, n, &error), &error);
  assert_int_equal(access(f.state, F_OK), -1);

  f.common.checkpoint_seconds = 10;
  f.trainer.last_checkpoint = loci__now() - 9;
  assert_false(loci__trainer_due(&f.trainer));
  f.trainer.last_checkpoint = loci__now() - 11;
  assert_true(loci__trainer_due(&f.trainer));
  assert_ok(loci__trainer_tick(&f.trainer, 1, NAN, parts, n, &error), &error);
  assert_int_equal(access(f.state, F_OK), 0);
  assert_false(loci__trainer_due(&f.trainer));
  unlink(f.state);

  loci__meter_init(&f.trainer.meter, see, NULL);
  assert_ok(loci__trainer_tick(&f.trainer, 1, 1.25, parts, n, &error), &error);
  assert_string_equal(seen, "loss 1.2500");

  loci__meter_init(&f.trainer.meter, stop_at_once, NULL);
  f.trainer.meter.state.stage = "training";
  assert_int_equal(loci__trainer_tick(&f.trainer, 1, NAN, parts, n, &error), LOCI_ERROR_CANCELLED);
  assert_non_null(strstr(error.message, "--resume"));
  assert_non_null(strstr(error.message, f.folder));
  assert_int_equal(access(f.state, F_OK), 0);
  stop(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_saved_comes_back),
      cmocka_unit_test(damage_is_refused),
      cmocka_unit_test(another_run_is_refused_by_name),
      cmocka_unit_test(a_full_disk_leaves_the_old_one),
      cmocka_unit_test(ticks_save_when_due_and_when_stopped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
