/* tests/fault_support.c: see fault_support.h. */
#include "fault_support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "support.h"

/* The plan under way. Threads of a pool count too, so the counters are atomic; arming happens while nothing runs. */
static struct plan {
  bool armed, sticky;
  fault_kind kind;
  uint64_t n;
  int err;
  const char *only;
} plan;
static atomic_uint_fast64_t calls;
static atomic_bool struck;
static atomic_int_fast64_t living;

static bool strikes(fault_kind kind, const char *method) {
  if (!plan.armed || plan.kind != kind) return false;
  if (plan.only && (!method || !strstr(method, plan.only))) return false;
  uint64_t now = atomic_fetch_add(&calls, 1) + 1;
  if (now != plan.n && !(plan.sticky && now > plan.n)) return false;
  atomic_store(&struck, true);
  return true;
}

static void *fail_or_allocate(void *user, size_t size) {
  (void)user;
  if (strikes(FAULT_MEMORY, NULL)) return NULL;
  void *memory = malloc(size);
  if (memory) atomic_fetch_add(&living, 1);
  return memory;
}

static void *fail_or_resize(void *user, void *memory, size_t size) {
  (void)user;
  return strikes(FAULT_MEMORY, NULL) ? NULL : realloc(memory, size);
}

static void release(void *user, void *memory) {
  (void)user;
  if (memory) atomic_fetch_sub(&living, 1);
  free(memory);
}

static int before(void *user, const char *method, const char *path) {
  (void)user, (void)path;
  return strikes(FAULT_FILES, method) ? plan.err : 0;
}

/* ---- SQLite's memory: the size before each block --------------------------------------------------- */

enum { SQLITE_HEAD = 16 };

static void *sqlite_allocate(int size) {
  if (size <= 0 || strikes(FAULT_MEMORY, NULL)) return NULL;
  char *memory = malloc((size_t)size + SQLITE_HEAD);
  if (!memory) return NULL;
  memcpy(memory, &size, sizeof size);
  atomic_fetch_add(&living, 1);
  return memory + SQLITE_HEAD;
}

static void sqlite_release(void *memory) {
  if (!memory) return;
  atomic_fetch_sub(&living, 1);
  free((char *)memory - SQLITE_HEAD);
}

static void *sqlite_resize(void *memory, int size) {
  if (strikes(FAULT_MEMORY, NULL)) return NULL;
  char *grown = realloc((char *)memory - SQLITE_HEAD, (size_t)size + SQLITE_HEAD);
  if (!grown) return NULL;
  memcpy(grown, &size, sizeof size);
  return grown + SQLITE_HEAD;
}

static int sqlite_size(void *memory) {
  int size;
  memcpy(&size, (char *)memory - SQLITE_HEAD, sizeof size);
  return size;
}

static int sqlite_round(int size) {
  return (size + 7) & ~7;
}

static int sqlite_start(void *data) {
  (void)data;
  return SQLITE_OK;
}

static void sqlite_stop(void *data) {
  (void)data;
}

void fault_init(void) {
  static const sqlite3_mem_methods methods = {sqlite_allocate, sqlite_release, sqlite_resize, sqlite_size,
                                              sqlite_round,    sqlite_start,   sqlite_stop,   NULL};
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK || sqlite3_initialize() != SQLITE_OK) {
    fprintf(stderr, "SQLite does not take the test's allocator\n");
    abort();
  }
}

/* The hook is asked as ever; the disk itself is not waited for, since no test cuts the power. */
static int sync_nothing(void *user, int fd) {
  (void)user, (void)fd;
  return 0;
}

static int sync_no_folder(void *user, const char *path) {
  (void)user, (void)path;
  return 0;
}

loci_context *fault_context_new(int threads) {
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = threads;
  options.allocator = (loci_allocator){NULL, fail_or_allocate, fail_or_resize, release};
  options.files.struct_size = sizeof options.files;
  options.files.before = before;
  options.files.fsync = sync_nothing;
  options.files.fsync_folder = sync_no_folder;
  loci_context *context;
  loci_error error = {0};
  assert_ok(loci_context_new(&options, &context, &error), &error);
  return context;
}

void fault_context_free(loci_context *context) {
  loci_context_free(context);
}

void fault_arm(fault_kind kind, uint64_t n, bool sticky, int err, const char *only) {
  plan = (struct plan){true, sticky, kind, n, err, only};
  atomic_store(&calls, 0);
  atomic_store(&struck, false);
}

bool fault_disarm(void) {
  plan.armed = false;
  return atomic_load(&struck);
}

uint64_t fault_calls(void) {
  return atomic_load(&calls);
}

int64_t fault_living(void) {
  return atomic_load(&living);
}

uint64_t fault_next(uint64_t n, uint64_t dense) {
  if (n < dense || getenv("LOCI_FAULT_ALL")) return n + 1;
  return n + 1 + (n - dense) / 8 + n % 7; /* uneven, so that no rhythm of the calls is missed */
}

void fault_copy(const char *from, const char *to) {
  size_t length;
  char *bytes = test_read(from, &length);
  test_write(to, bytes, length);
  free(bytes);
}
