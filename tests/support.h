/* tests/support.h: what every unit test shares. Include it first: it brings cmocka in the right order. */
#ifndef LOCI_TESTS_SUPPORT_H
#define LOCI_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/file.h"

/* Fails the test with the error's message unless the call is LOCI_OK. */
#define assert_ok(call, error)                                          \
  do {                                                                  \
    if ((call) != LOCI_OK) fail_msg("%s: %s", #call, (error)->message); \
  } while (0)

/* A fresh context of `threads` threads and `isa` (NULL = best) with a counting allocator: test_context_free fails the
 * test when something is still allocated. */
loci_context *test_context_new(int threads, const char *isa);
void test_context_free(loci_context *context);

/* A fresh empty folder (removed at exit), static storage per call number. */
const char *test_folder(void);

/* $LOCI_DATA/<path>, or NULL: then the test calls skip(). The same for the MiniLM folder ($LOCI_TEST_MODELS/<name>;
 * scripts/run-tests sets it to <build>/test-models, which scripts/fetch-test-models fills). */
const char *test_data(const char *path);
const char *test_model(const char *name);

/* Files as strings; aborts the test when it cannot. */
char *test_read(const char *path, size_t *length); /* free() */
void test_write(const char *path, const void *data, size_t length);

#endif
