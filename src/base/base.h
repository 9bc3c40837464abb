/* base/: the ground floor. Errors, memory, buffers, UTF-8, JSON, files, threads, hashes, random numbers, progress.
 *
 * Uses nothing of the house but the public core header. Everything here takes the context it works for; a NULL
 * context is the default one. Names are loci__<noun>_<verb>. Built as an archive that is linked into the library
 * and into each program, so the library itself exports loci_* only.
 *
 * Ownership: what a function allocates comes from the context's allocator and goes back by loci__free with the same
 * context. Threads: a context may be used from any thread; the other objects here belong to one thread at a time.
 */
#ifndef LOCI_BASE_BASE_H
#define LOCI_BASE_BASE_H

#include "loci/core.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LOCI__COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Returns from the caller on anything but LOCI_OK: only where nothing is to be released. */
#define LOCI__TRY(call)                                       \
  do {                                                        \
    loci_status loci__try_status = (call);                    \
    if (loci__try_status != LOCI_OK) return loci__try_status; \
  } while (0)

/* ---- errors (error.c) ------------------------------------------------------------------------ */

/* Writes code and message (error may be NULL) and returns code, so that a failure is one statement. */
loci_status loci__fail(loci_error *error, loci_status code, const char *format, ...) LOCI_PRINTF(3, 4);
/* The same with a byte position. */
loci_status loci__fail_at(loci_error *error, loci_status code, int64_t position, const char *format, ...)
    LOCI_PRINTF(4, 5);
/* Out of memory: `size` bytes wanted for `what`. */
loci_status loci__fail_memory(loci_error *error, size_t size, const char *what);
/* A failed file call: "cannot <verb> '<path>': <strerror>". err is an errno, positive or negative. */
loci_status loci__fail_file(loci_error *error, const char *verb, const char *path, int err);
/* Puts "<format>: " before the message that is there, and returns its code. */
loci_status loci__error_prefix(loci_error *error, const char *format, ...) LOCI_PRINTF(2, 3);

/* ---- context (context.c) --------------------------------------------------------------------- */

loci_context *loci__context_of(loci_context *context); /* NULL → the default one; NULL only when out of memory */
const loci_file_table *loci__context_files(loci_context *context);
const loci_context_options *loci__context_options(loci_context *context);
void loci__log(loci_context *context, loci_log_level level, const char *format, ...) LOCI_PRINTF(3, 4);
/* The kernel table, made by `make` on first use (kernel/ is above base/). Thread-safe. `make` answers a table for every
 * isa, and says which it is and why. */
const void *loci__context_kernels(loci_context *context,
                                  const void *(*make)(const char *isa, const char **name, const char **reason));
/* What `make` said of the name and the reason; NULL before. */
const char *loci__context_isa_name(loci_context *context);
const char *loci__context_isa_reason(loci_context *context);

/* ---- memory (memory.c) ----------------------------------------------------------------------- */

bool loci__mul(size_t a, size_t b, size_t *out); /* false on overflow */
bool loci__add(size_t a, size_t b, size_t *out);

/* NULL when size is 0 or nothing is to be had; callers report with loci__fail_memory. */
void *loci__alloc(loci_context *context, size_t size);
void *loci__alloc_zero(loci_context *context, size_t count, size_t size);  /* count × size, checked, zeroed */
void *loci__alloc_array(loci_context *context, size_t count, size_t size); /* count × size, checked */
void *loci__resize_array(loci_context *context, void *memory, size_t count, size_t size);
void loci__free(loci_context *context, void *memory);
char *loci__strdup(loci_context *context, const char *text);
char *loci__strndup(loci_context *context, const char *text, size_t length);
/* 64-byte aligned; freed by loci__free_aligned only. */
void *loci__alloc_aligned(loci_context *context, size_t size);
void loci__free_aligned(loci_context *context, void *memory);
/* Says of memory that was not written yet that large pages suit it: for arrays of megabytes that are read in no order. A
 * hint: nothing happens where the system has none. */
void loci__advise_large(void *memory, size_t size);
/* Grows *array (of `size`-byte items, *capacity of them) so that it holds `need`; doubling. */
bool loci__grow(loci_context *context, void *array_pointer, size_t *capacity, size_t need, size_t size);

/* ---- arena (memory.c): many small things that die together ------------------------------------- */

typedef struct loci__arena {
  loci_context *context;
  void *blocks;
  char *next;
  size_t left;
  size_t used; /* bytes given out */
} loci__arena;

void loci__arena_init(loci__arena *arena, loci_context *context);
void loci__arena_release(loci__arena *arena);
void *loci__arena_alloc(loci__arena *arena, size_t size); /* 16-byte aligned, NULL when out of memory */
char *loci__arena_strndup(loci__arena *arena, const char *text, size_t length);

/* ---- buffer (buffer.c): growable bytes with a limit -------------------------------------------- */

/* Failure is sticky: append freely, ask loci__buffer_status once at the end. data is always NUL-terminated once
 * anything was appended. */
typedef struct loci__buffer {
  loci_context *context;
  char *data;
  size_t length, capacity, limit;
  loci_status failed;
} loci__buffer;

void loci__buffer_init(loci__buffer *buffer, loci_context *context, size_t limit); /* limit 0 = SIZE_MAX/4 */
void loci__buffer_release(loci__buffer *buffer);
void loci__buffer_clear(loci__buffer *buffer); /* keeps the memory */
void loci__buffer_append(loci__buffer *buffer, const void *data, size_t length);
void loci__buffer_puts(loci__buffer *buffer, const char *text);
void loci__buffer_putc(loci__buffer *buffer, char c);
void loci__buffer_printf(loci__buffer *buffer, const char *format, ...) LOCI_PRINTF(2, 3);
bool loci__buffer_reserve(loci__buffer *buffer, size_t more);
loci_status loci__buffer_status(const loci__buffer *buffer, const char *what, loci_error *error);
/* Hands the memory over (loci__free); "" becomes an allocated empty string. NULL when failed. */
char *loci__buffer_take(loci__buffer *buffer);

/* ---- UTF-8 (utf8.c) -------------------------------------------------------------------------- */

enum { LOCI__REPLACEMENT = 0xFFFD };
/* Decodes one scalar value at text[0..length), length ≥ 1; *used ≥ 1. A maximal subpart of an ill-formed sequence
 * (Unicode 3.9, table 3-8; as WHATWG decoders cut it) gives U+FFFD and its length. *valid may be NULL. */
uint32_t loci__utf8_next(const char *text, size_t length, size_t *used, bool *valid);
size_t loci__utf8_put(uint32_t scalar, char out[4]); /* 1…4 bytes */
bool loci__utf8_valid(const char *text, size_t length);
/* Appends text with every maximal subpart replaced by U+FFFD. */
void loci__utf8_repair(loci__buffer *out, const char *text, size_t length);

/* ---- numbers and strings (string.c) ------------------------------------------------------------ */

bool loci__starts_with(const char *text, const char *prefix);
bool loci__ends_with(const char *text, const char *suffix);
bool loci__parse_u64(const char *text, uint64_t *out); /* the whole of text, decimal, no sign, no overflow */
bool loci__parse_double(const char *text, size_t length, double *out); /* C locale always; the whole of it */
/* The decimal number (or nan, inf, infinity) that text begins with, as strtof reads it in the C locale: correctly
 * rounded. Returns the bytes it takes, 0 when there is none or it has 256 bytes or more. */
size_t loci__scan_float(const char *text, size_t length, float *out);
/* Shortest decimal text that reads back as the same float; at most 16 bytes with the NUL; "0" for −0 is "-0".
 * NaN and infinities give "null" (JSON has none). Returns the length. */
size_t loci__format_float(float value, char out[32]);
/* The same bytes by printf alone: what loci__format_float is measured by, and falls back to. */
size_t loci__format_float_plain(float value, char out[32]);
size_t loci__format_double(double value, char out[32]);

/* ---- hashes (hash.c): XXH3 128, for content and fingerprints; not for secrets -------------------- */

typedef struct loci__hash loci__hash;
loci__hash *loci__hash_new(loci_context *context); /* NULL when out of memory */
void loci__hash_free(loci_context *context, loci__hash *hash);
void loci__hash_add(loci__hash *hash, const void *data, size_t length);
void loci__hash_add_text(loci__hash *hash, const char *text); /* length first, so that fields cannot run together */
void loci__hash_add_u64(loci__hash *hash, uint64_t value);    /* little-endian */
void loci__hash_hex(const loci__hash *hash, char out[33]);
void loci__hash_once(const void *data, size_t length, char out[33]);
uint64_t loci__hash64(const void *data, size_t length, uint64_t seed); /* for tables and checksums of blocks */

/* ---- random numbers (random.c): xoshiro256**, seeded by splitmix64 ------------------------------- */

typedef struct loci__random {
  uint64_t s[4];
} loci__random;
void loci__random_init(loci__random *random, uint64_t seed);
uint64_t loci__random_next(loci__random *random);
uint64_t loci__random_below(loci__random *random, uint64_t n); /* unbiased */
double loci__random_unit(loci__random *random);                /* [0, 1) */
double loci__random_normal(loci__random *random);              /* mean 0, deviation 1 (Box–Muller) */

/* ---- threads (pool.c) ------------------------------------------------------------------------ */

/* One task. worker is in [0, loci__pool_size), and no two tasks run with one worker number at a time, so it can
 * index scratch. error belongs to the task's run. */
typedef loci_status (*loci__task_fn)(void *arg, size_t task, size_t worker, loci_error *error);

/* Workers, the calling thread included; at least 1. */
size_t loci__pool_size(loci_context *context);
/* Runs tasks 0…n−1, each once, on the pool and the calling thread; idle workers take the next task, so uneven ones
 * balance. After a failure no new task starts; the failure of the lowest task number that ran is returned. Calls
 * from several threads take turns, but for those of one task; a call from inside a task runs inline. */
loci_status loci__pool_run(loci_context *context, size_t n, loci__task_fn task, void *arg, loci_error *error);

/* ---- time and progress (progress.c) ------------------------------------------------------------ */

double loci__now(void); /* seconds, monotonic */

typedef struct loci__meter {
  loci_progress_fn fn;
  void *user;
  loci_progress state;
  double began, last;
} loci__meter;
void loci__meter_init(loci__meter *meter, loci_progress_fn fn, void *user);
/* A new stage; total 0 = not known. */
loci_status loci__meter_stage(loci__meter *meter, const char *stage, const char *unit, uint64_t total,
                              loci_error *error);
/* Sets done (and item, may be NULL); tells at most every 0.1 s. CANCELLED when the callback says so. */
loci_status loci__meter_at(loci__meter *meter, uint64_t done, const char *item, loci_error *error);
/* Tells the last state of the stage for certain. */
loci_status loci__meter_end(loci__meter *meter, loci_error *error);

#endif
