/* tests/support.c: a counting allocator, throw-away folders, data and models that may be absent. */
#include "support.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static long long living; /* blocks, atomic */

static void *count_allocate(void *user, size_t size) {
  (void)user;
  void *memory = malloc(size);
  if (memory != NULL) __atomic_add_fetch(&living, 1, __ATOMIC_RELAXED);
  return memory;
}

static void *count_resize(void *user, void *memory, size_t size) {
  (void)user;
  return realloc(memory, size);
}

static void count_release(void *user, void *memory) {
  (void)user;
  __atomic_sub_fetch(&living, 1, __ATOMIC_RELAXED);
  free(memory);
}

loci_context *test_context_new(int threads, const char *isa) {
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = threads;
  options.isa = isa;
  options.allocator = (loci_allocator){NULL, count_allocate, count_resize, count_release};
  loci_error error;
  loci_context *context;
  assert_ok(loci_context_new(&options, &context, &error), &error);
  return context;
}

void test_context_free(loci_context *context) {
  loci_context_free(context);
  assert_int_equal(__atomic_load_n(&living, __ATOMIC_RELAXED), 0);
}

static char folders[64][64];
static size_t n_folders;

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
  (void)info;
  (void)kind;
  (void)walk;
  return remove(path);
}

static void remove_folders(void) {
  for (size_t i = 0; i < n_folders; i++) nftw(folders[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_folder(void) {
  assert_true(n_folders < LOCI__COUNT(folders));
  if (n_folders == 0) atexit(remove_folders);
  char *name = folders[n_folders];
  strcpy(name, "/tmp/loci-test-XXXXXX");
  assert_non_null(mkdtemp(name));
  n_folders++;
  return name;
}

static const char *below(const char *folder, const char *path) {
  static char full[16][4096];
  static size_t turn;
  if (folder == NULL || folder[0] == '\0') return NULL;
  char *out = full[turn++ % LOCI__COUNT(full)];
  snprintf(out, sizeof full[0], "%s/%s", folder, path);
  return access(out, R_OK) == 0 ? out : NULL;
}

const char *test_data(const char *path) {
  return below(getenv("LOCI_DATA"), path);
}

const char *test_model(const char *name) {
  return below(getenv("LOCI_TEST_MODELS"), name);
}

char *test_read(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail_msg("cannot open %s", path);
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  char *data = malloc((size_t)size + 1);
  assert_non_null(data);
  assert_int_equal(fread(data, 1, (size_t)size, file), size);
  fclose(file);
  data[size] = '\0';
  if (length != NULL) *length = (size_t)size;
  return data;
}

void test_write(const char *path, const void *data, size_t length) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) fail_msg("cannot create %s", path);
  if (length > 0) assert_int_equal(fwrite(data, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
}
