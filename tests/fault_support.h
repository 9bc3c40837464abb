/* tests/fault_support.h: failing on purpose. The shape of the tests is SQLite's: move the point of failure from the
 * first call on until the scenario succeeds, once with a failure that passes and once with one that stays.
 *
 *   fault_init();                                        first of all, in main
 *   for (uint64_t n = 1;; n = fault_next(n, 100)) {
 *     … a fresh start …
 *     fault_arm(FAULT_MEMORY, n, sticky, 0, NULL);
 *     … the scenario; it may fail, cleanly …
 *     bool fired = fault_disarm();
 *     … nothing leaked, the store is sound …
 *     if (!fired) break;
 *   }
 *
 * Memory means the context's allocator and SQLite's (whose methods a test program may replace, a library may not);
 * files means the context's table and, through the shim, SQLite's VFS.
 */
#ifndef LOCI_TESTS_FAULT_SUPPORT_H
#define LOCI_TESTS_FAULT_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "loci/core.h"

typedef enum fault_kind { FAULT_MEMORY, FAULT_FILES } fault_kind;

void fault_init(void);

/* A context whose allocations and file calls can fail; fault_context_free checks nothing: use fault_living. */
loci_context *fault_context_new(int threads);
void fault_context_free(loci_context *context);

/* The n-th call from now on fails (n ≥ 1); sticky: and all behind it. err: the errno of failing file calls. For
 * FAULT_FILES with `only` not NULL, only methods whose name contains it are counted ("write", "sync"). */
void fault_arm(fault_kind kind, uint64_t n, bool sticky, int err, const char *only);
/* True when it struck. */
bool fault_disarm(void);
/* Calls counted since fault_arm. */
uint64_t fault_calls(void);

/* Blocks that live in allocators handed out by fault_context_new, and in SQLite. */
int64_t fault_living(void);

/* The next n of a sweep: each up to `dense`, then in growing steps, so that a sweep stays short; with
 * $LOCI_FAULT_ALL set each one. */
uint64_t fault_next(uint64_t n, uint64_t dense);

/* Copies the file `from` to `to` (both must work); aborts the test when it cannot. */
void fault_copy(const char *from, const char *to);

#endif
