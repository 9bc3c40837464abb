/* store/private.h: what the files of store/ share. The schema is in schema.c, the life of a handle in store.c. */
#ifndef LOCI_STORE_PRIVATE_H
#define LOCI_STORE_PRIVATE_H

#include <sqlite3.h>

#include "../index/index.h"
#include "store.h"

enum { LOCI__STORE_APPLICATION_ID = 0x4C4F4349, /* "LOCI" */ LOCI__STORE_SCHEMA = 1 };

/* ---- SQLite behind the context's hook (vfs.c) ---- */
typedef struct loci__vfs {
  sqlite3_vfs vfs;
  sqlite3_vfs *real;
  loci_context *context;
  char name[40];
} loci__vfs;
/* Registers a VFS of a name of its own (never the default), for one store handle. */
loci_status loci__vfs_register(loci__vfs *vfs, loci_context *context, loci_error *error);
void loci__vfs_unregister(loci__vfs *vfs);

/* ---- the writer's lock (lock.c) ---- */
typedef struct loci__lock {
  loci_context *context;
  char *path;
  int fd;
} loci__lock;
/* LOCKED with pid and time of the holder when another has it. */
loci_status loci__lock_take(loci__lock *lock, loci_context *context, const char *store_path, loci_error *error);
void loci__lock_drop(loci__lock *lock);

/* ---- rows (rows.c) ---- */
typedef struct loci__part { /* a listed segment, as far as it is usable */
  loci__segment *segment;   /* NULL: missing or damaged, its rows come from the record */
  char name[LOCI__SEGMENT_NAME];
  int64_t first_id, last_id;
  uint64_t n_listed;
  uint32_t *live; /* positions that are still in the record; NULL = all */
  size_t n_live, first_row, pending;
  bool damaged; /* found by a scan: still mapped, no longer used */
} loci__part;

typedef struct loci__rows {
  bool valid;
  int64_t data_version;
  int64_t *owned_ids, *owned_documents;
  uint32_t *owned_words;
  const int64_t *ids, *documents;
  const uint32_t *words;
  size_t n, tail_first_row; /* rows from here on are newer than every segment */
  loci__part *parts;
  size_t n_parts;
} loci__rows;

enum { LOCI__IDLE = 0, LOCI__READING, LOCI__WRITING };

/* Statements that are kept, one slot each; taken while in use so that nested calls get a fresh one. */
typedef enum loci__sql {
  SQL_BEGIN_READ,
  SQL_BEGIN_WRITE,
  SQL_COMMIT,
  SQL_ROLLBACK,
  SQL_DATA_VERSION,
  SQL_MODEL,
  SQL_SET_MODEL,
  SQL_HAS_VECTORS,
  SQL_SETTING,
  SQL_SET_SETTING,
  SQL_DELETE_SETTING,
  SQL_ADD_ROOT,
  SQL_FIND_ROOT,
  SQL_REMOVE_ROOT,
  SQL_ROOTS,
  SQL_FIND_DOCUMENT,
  SQL_GET_DOCUMENT,
  SQL_DOCUMENTS,
  SQL_DOCUMENTS_BELOW,
  SQL_INSERT_DOCUMENT,
  SQL_UPDATE_DOCUMENT,
  SQL_TOUCH_DOCUMENT,
  SQL_DELETE_DOCUMENT,
  SQL_INSERT_CHUNK,
  SQL_CHUNKS,
  SQL_CHUNK,
  SQL_DELETE_CHUNKS,
  SQL_CHUNK_LENGTHS,
  SQL_INSERT_WORDS,
  SQL_DELETE_WORDS,
  SQL_INSERT_VECTOR,
  SQL_VECTOR,
  SQL_DELETE_VECTORS,
  SQL_DROP_VECTORS,
  SQL_VECTORS_IN,
  SQL_ROWS_IN,
  SQL_NOTE_REMOVED,
  SQL_REMOVED,
  SQL_FORGET_REMOVED,
  SQL_LAST_LISTED,
  SQL_SEGMENTS,
  SQL_LIST_SEGMENT,
  SQL_UNLIST_FROM,
  SQL_MATCH,
  LOCI__SQL_COUNT
} loci__sql;

struct loci__store {
  loci_context *context;
  char *path;            /* NULL = in memory */
  char *segments_folder; /* NULL in memory */
  sqlite3 *db;
  loci__vfs vfs;
  loci__lock lock;
  bool registered, writable, words_ready;
  int transaction;
  loci_status poisoned;     /* the first failure of a write in this transaction: end() undoes it all */
  loci_status last_failure; /* of SQLite inside of the present transaction: why it gave the transaction up, if it did */
  sqlite3_stmt *statements[LOCI__SQL_COUNT];
  bool taken[LOCI__SQL_COUNT];
  loci__store_model model;
  bool model_known;
  int64_t model_version;
  loci__rows rows;
  bool damaged;                      /* a listed segment was found missing or damaged */
  struct loci__text_scan *text_scan; /* while a full-text scan is under way */
};

/* ---- statements (database.c) ---- */
extern const char *const loci__sql_texts[LOCI__SQL_COUNT];
/* The error of SQLite's last call, with path and next step. */
loci_status loci__store_fail(loci__store *store, int rc, const char *what, loci_error *error);
loci_status loci__store_exec(loci__store *store, const char *sql, const char *what, loci_error *error);
/* A kept statement (or a fresh one when it is in use), without bindings. Give back with loci__sql_done. */
loci_status loci__sql_take(loci__store *store, loci__sql which, sqlite3_stmt **out, loci_error *error);
void loci__sql_done(loci__store *store, loci__sql which, sqlite3_stmt *statement);
/* Steps once: *row tells whether there is one. */
loci_status loci__sql_step(loci__store *store, sqlite3_stmt *statement, bool *row, const char *what, loci_error *error);
/* Runs a statement without rows and gives it back. Bindings must have been made. */
loci_status loci__sql_run(loci__store *store, loci__sql which, sqlite3_stmt *statement, const char *what,
                          loci_error *error);
/* take + bind up to two integers + run. */
loci_status loci__sql_run_with(loci__store *store, loci__sql which, int64_t first, int64_t second, const char *what,
                               loci_error *error);
/* One integer of one row, `otherwise` when there is no row or NULL. */
loci_status loci__sql_integer(loci__store *store, const char *sql, int64_t otherwise, int64_t *out, loci_error *error);
/* Column text that is never NULL. */
const char *loci__sql_text(sqlite3_stmt *statement, int column);
loci_status loci__store_needs(loci__store *store, int transaction, loci_error *error);
/* Notes a failed write (poison) and returns its code. */
loci_status loci__store_poison(loci__store *store, loci_status status);

/* ---- schema.c ---- */
loci_status loci__schema_open(loci__store *store, bool create, loci_error *error);

/* ---- store.c ---- the model of this transaction, read once */
loci_status loci__store_model_now(loci__store *store, const loci__store_model **out, loci_error *error);

/* ---- rows.c, segments.c ---- */
loci_status loci__rows_load(loci__store *store, loci_error *error);
void loci__rows_forget(loci__store *store); /* after anything that changes rows */
/* Index of chunk_id at or after `from` (ids ascend), or n when it is not there. */
size_t loci__rows_find(const loci__rows *rows, size_t from, int64_t chunk_id);
/* Copies the vector in a column to out[model's dim]; CORRUPT when it has another width. */
loci_status loci__store_vector(loci__store *store, sqlite3_stmt *statement, int column, int64_t chunk_id, float *out,
                               loci_error *error);
/* 32 hex digits and ".seg": nothing else is opened or removed, whatever a database says. */
bool loci__segment_name_valid(const char *name);

/* ---- fulltext.c ---- */
/* Registers tokenizer and ranking function with the connection, once. */
loci_status loci__words_prepare(loci__store *store, loci_error *error);

#endif
