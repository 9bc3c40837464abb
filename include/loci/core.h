/* loci/core.h: what every other public header stands on.
 *
 * Status codes, errors, the context (allocator, file table, threads, kernels, log) and progress.
 *
 * Rules that hold for the whole library:
 *  - A fallible call returns loci_status and takes, last, an optional loci_error *; on LOCI_OK the
 *    error is left as it was.
 *  - The library never prints, never exits, reads no environment variable and keeps no state outside
 *    a loci_context. A NULL context means a default one, made on first use and kept until the end of
 *    the process.
 *  - Strings are UTF-8 unless a function says otherwise, and belong to whoever made them.
 *  - Options structs start with `struct_size` and are filled by loci_<noun>_options_init().
 *  - init/release: structs the caller owns. new/free: heap objects. open/close: what a file stands behind.
 */
#ifndef LOCI_CORE_H
#define LOCI_CORE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LOCI_API          __attribute__((visibility("default")))
#define LOCI_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define LOCI_API
#define LOCI_PRINTF(f, a)
#endif

#define LOCI_VERSION_MAJOR 0
#define LOCI_VERSION_MINOR 1
#define LOCI_VERSION_PATCH 0
#define LOCI_VERSION       "0.1.0"

/* The version of the library that is running, "MAJOR.MINOR.PATCH". */
LOCI_API const char *loci_version(void);

/* ---- status and error ------------------------------------------------------------------------ */

typedef enum loci_status {
  LOCI_OK = 0,
  LOCI_ERROR_USAGE = 1,       /* an argument that the caller can correct */
  LOCI_ERROR_MEMORY = 2,      /* the allocator said no */
  LOCI_ERROR_IO = 3,          /* the operating system said no; the message names file and reason */
  LOCI_ERROR_FORMAT = 4,      /* bytes that are not what they should be; position = byte offset */
  LOCI_ERROR_NOT_FOUND = 5,   /* no such document, file, collection */
  LOCI_ERROR_MODEL = 6,       /* no such model, or not one that loci can open */
  LOCI_ERROR_UNSUPPORTED = 7, /* understood, but not implemented */
  LOCI_ERROR_MISMATCH = 8,    /* vectors of another model: the fingerprint is refused */
  LOCI_ERROR_LOCKED = 9,      /* another writer is at work; the message says which pid, since when */
  LOCI_ERROR_LIMIT = 10,      /* a limit was passed (length, depth, size) */
  LOCI_ERROR_CORRUPT = 11,    /* a store or segment that contradicts itself */
  LOCI_ERROR_CANCELLED = 12,  /* a progress callback asked to stop; what was committed stays */
  LOCI_ERROR_INTERNAL = 13    /* a fault of loci */
} loci_status;

/* A short English name of a status, never NULL ("out of memory"). */
LOCI_API const char *loci_status_text(loci_status status);

typedef struct loci_error {
  loci_status code;
  int64_t position; /* byte offset in what the message names, or -1 */
  char message[1024];
} loci_error;

/* ---- what a program may replace -------------------------------------------------------------- */

/* Memory. NULL members mean malloc, realloc, free. Called from every thread of the context's pool. */
typedef struct loci_allocator {
  void *user;
  void *(*allocate)(void *user, size_t size);
  void *(*resize)(void *user, void *memory, size_t size);
  void (*release)(void *user, void *memory);
} loci_allocator;

enum { LOCI_FILE_REGULAR = 1, LOCI_FILE_FOLDER = 2, LOCI_FILE_LINK = 3, LOCI_FILE_OTHER = 4 };

typedef struct loci_file_info {
  int kind; /* LOCI_FILE_... */
  int64_t size;
  int64_t mtime_ns;
  uint64_t device, inode;
} loci_file_info;

/* Every file call of loci goes through this table (SQLite's own through a shim that asks the same
 * table's `before` hook). Functions return 0 (or a descriptor, or a byte count) or -errno. NULL members
 * mean the POSIX function. Thread-safe: called from several threads. */
typedef struct loci_file_table {
  size_t struct_size;
  void *user;
  /* Asked before each method, with its name ("open", "pread", "fsync" …; SQLite's as "db-write" …) and
   * the path where known, else NULL: 0 to go on, an errno to fail with. The fault tests live here. */
  int (*before)(void *user, const char *method, const char *path);
  int (*open)(void *user, const char *path, int flags, unsigned mode); /* O_... flags of <fcntl.h> */
  int (*close)(void *user, int fd);
  int64_t (*pread)(void *user, int fd, void *into, size_t size, int64_t offset);
  int64_t (*pwrite)(void *user, int fd, const void *from, size_t size, int64_t offset);
  int (*stat)(void *user, const char *path, int follow_links, loci_file_info *out);
  int (*fstat)(void *user, int fd, loci_file_info *out);
  int64_t (*readlink)(void *user, const char *path, char *into, size_t size);
  int (*fsync)(void *user, int fd);
  int (*fsync_folder)(void *user, const char *path);
  int (*ftruncate)(void *user, int fd, int64_t size);
  int (*rename)(void *user, const char *from, const char *to);
  int (*unlink)(void *user, const char *path);
  int (*mkdir)(void *user, const char *path, unsigned mode);
  /* Calls `each` for every entry but . and .., in no order; stops when it answers non-zero. */
  int (*readdir)(void *user, const char *path, int (*each)(void *arg, const char *name), void *arg);
  int (*lock)(void *user, int fd, int exclusive); /* non-blocking; -EWOULDBLOCK when held by another */
  int (*unlock)(void *user, int fd);
  int (*mmap)(void *user, int fd, size_t size, const void **out); /* read-only, shared, from offset 0 */
  int (*munmap)(void *user, const void *memory, size_t size);
  int (*rmdir)(void *user, const char *path); /* an empty folder */
} loci_file_table;

typedef enum loci_log_level { LOCI_LOG_DEBUG = 0, LOCI_LOG_INFO = 1, LOCI_LOG_WARNING = 2 } loci_log_level;
typedef void (*loci_log_fn)(void *user, loci_log_level level, const char *message);

/* What a long call tells now and then (at most some ten times a second, always once at the end of a
 * stage). A non-zero answer cancels: the call returns LOCI_ERROR_CANCELLED and keeps what is committed. */
typedef struct loci_progress {
  const char *stage;    /* "reading", "embedding" … */
  const char *item;     /* what is being worked on, or NULL */
  const char *unit;     /* "files", "tokens" … */
  uint64_t done, total; /* total 0 = not known */
  double seconds;       /* since the call began */
} loci_progress;
typedef int (*loci_progress_fn)(void *user, const loci_progress *progress);

/* ---- context --------------------------------------------------------------------------------- */

typedef struct loci_context loci_context;

typedef struct loci_context_options {
  size_t struct_size;
  loci_allocator allocator;
  loci_file_table files;
  int threads;            /* of the pool; 0 = the processors this process may use */
  const char *isa;        /* "ref", "avx2", "avx512" …; NULL = the best that this machine has */
  const char *model_path; /* folders in which a model's name is looked up, ':' between; NULL = none */
  const char *helper;     /* the loci-extract program; NULL = found beside the library's installation */
  const char *cache;      /* folder for fingerprints of model files; NULL = no cache */
  loci_log_fn log;        /* NULL = silence */
  void *log_user;
} loci_context_options;

LOCI_API void loci_context_options_init(loci_context_options *options);

/* `options` may be NULL. Strings are copied. An isa that this build or machine does not have gives "ref": ask
 * loci_context_isa, and loci_context_isa_reason for why. */
LOCI_API loci_status loci_context_new(const loci_context_options *options, loci_context **out, loci_error *error);

/* Everything made with the context must be gone before. NULL is allowed. */
LOCI_API void loci_context_free(loci_context *context);

/* What `loci doctor` prints: the chosen instruction set and why, as text that lives with the context. */
LOCI_API const char *loci_context_isa(loci_context *context);
LOCI_API const char *loci_context_isa_reason(loci_context *context);
LOCI_API int loci_context_threads(loci_context *context);

/* Memory that a loci function gave away ("free with loci_memory_free") goes back here. */
LOCI_API void loci_memory_free(loci_context *context, void *memory);

#ifdef __cplusplus
}
#endif
#endif
