/* base/context.c: the one place where state lives.
 *
 * A context holds the options (strings copied), the pool (made on first use) and, as an opaque pointer, the kernel
 * table that kernel/ fills on first use. The default context is made once, when somebody passes NULL, and lives until
 * the end of the process. */
#include "base.h"

#include "context.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *default_allocate(void *user, size_t size) {
  (void)user;
  return malloc(size);
}

static void *default_resize(void *user, void *memory, size_t size) {
  (void)user;
  return realloc(memory, size);
}

static void default_release(void *user, void *memory) {
  (void)user;
  free(memory);
}

void loci_context_options_init(loci_context_options *options) {
  *options = (loci_context_options){.struct_size = sizeof *options};
  options->files.struct_size = sizeof options->files;
}

static int processors(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (int)n : 1;
}

static bool copy_text(loci_context *context, const char **text) {
  if (*text == NULL) return true;
  *text = loci__strdup(context, *text);
  return *text != NULL;
}

loci_status loci_context_new(const loci_context_options *options, loci_context **out, loci_error *error) {
  *out = NULL;
  loci_context_options all;
  loci_context_options_init(&all);
  if (options != NULL) {
    if (options->struct_size < sizeof(size_t) || options->struct_size > 4096) {
      return loci__fail(error, LOCI_ERROR_USAGE,
                        "loci_context_options: struct_size %zu; call "
                        "loci_context_options_init first",
                        options->struct_size);
    }
    memcpy(&all, options, options->struct_size < sizeof all ? options->struct_size : sizeof all);
    all.struct_size = sizeof all;
  }
  if (all.allocator.allocate == NULL) all.allocator.allocate = default_allocate;
  if (all.allocator.resize == NULL) all.allocator.resize = default_resize;
  if (all.allocator.release == NULL) all.allocator.release = default_release;
  loci__files_fill_defaults(&all.files);
  if (all.threads < 0 || all.threads > 1024) {
    return loci__fail(error, LOCI_ERROR_USAGE, "threads: %d is not in 0…1024", all.threads);
  }
  if (all.threads == 0) all.threads = processors();

  loci_context *context = all.allocator.allocate(all.allocator.user, sizeof *context);
  if (context == NULL) return loci__fail_memory(error, sizeof *context, "a context");
  memset(context, 0, sizeof *context);
  context->options = all;
  const char **texts[] = {&context->options.isa, &context->options.model_path, &context->options.helper,
                          &context->options.cache};
  bool copied = true;
  for (size_t i = 0; i < LOCI__COUNT(texts); i++) {
    /* After a failure the rest must not be freed as if it were ours. */
    if (!copied) *texts[i] = NULL;
    copied = copied && copy_text(context, texts[i]);
  }
  pthread_mutex_init(&context->lock, NULL);
  if (!copied) {
    loci_context_free(context);
    return loci__fail_memory(error, 64, "a context's strings");
  }
  *out = context;
  return LOCI_OK;
}

void loci_context_free(loci_context *context) {
  if (context == NULL) return;
  loci__pool_free(context);
  const char *texts[] = {context->options.isa, context->options.model_path, context->options.helper,
                         context->options.cache};
  for (size_t i = 0; i < LOCI__COUNT(texts); i++) loci__free(context, (void *)(uintptr_t)texts[i]);
  pthread_mutex_destroy(&context->lock);
  loci_allocator allocator = context->options.allocator;
  allocator.release(allocator.user, context);
}

/* The default context: the only static state, made once and never freed. */
static pthread_once_t default_once = PTHREAD_ONCE_INIT;
static loci_context *default_context;

static void make_default(void) {
  loci_context_new(NULL, &default_context, NULL);
}

loci_context *loci__context_of(loci_context *context) {
  if (context != NULL) return context;
  pthread_once(&default_once, make_default);
  return default_context;
}

const loci_context_options *loci__context_options(loci_context *context) {
  context = loci__context_of(context);
  return context == NULL ? NULL : &context->options;
}

const loci_file_table *loci__context_files(loci_context *context) {
  context = loci__context_of(context);
  return context == NULL ? NULL : &context->options.files;
}

int loci_context_threads(loci_context *context) {
  context = loci__context_of(context);
  return context == NULL ? 1 : context->options.threads;
}

void loci__log(loci_context *context, loci_log_level level, const char *format, ...) {
  const loci_context_options *options = loci__context_options(context);
  if (options == NULL || options->log == NULL) return;
  char message[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  options->log(options->log_user, level, message);
}

const void *loci__context_kernels(loci_context *context,
                                  const void *(*make)(const char *isa, const char **name, const char **reason)) {
  context = loci__context_of(context);
  if (context == NULL) return NULL;
  const void *kernels = __atomic_load_n(&context->kernels, __ATOMIC_ACQUIRE);
  if (kernels != NULL) return kernels;
  pthread_mutex_lock(&context->lock);
  if (context->kernels == NULL) {
    const char *name = NULL, *reason = NULL;
    kernels = make(context->options.isa, &name, &reason);
    context->isa_name = name;
    context->isa_reason = reason;
    __atomic_store_n(&context->kernels, kernels, __ATOMIC_RELEASE);
  }
  kernels = context->kernels;
  pthread_mutex_unlock(&context->lock);
  return kernels;
}

const char *loci__context_isa_name(loci_context *context) {
  context = loci__context_of(context);
  return context == NULL ? NULL : context->isa_name;
}

const char *loci__context_isa_reason(loci_context *context) {
  context = loci__context_of(context);
  return context == NULL ? NULL : context->isa_reason;
}
