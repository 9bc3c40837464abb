/* store/: the record. One SQLite file with documents, chunks, metadata, full text and vectors; segments beside it.
 *
 * Knows a model only as a fingerprint, a name and a width. docs/store.md has the schema and what an acknowledgement
 * means (committed = synchronous=FULL). One writer: a lock file beside the database (pid, since when); readers never
 * wait and see one snapshot between loci__store_begin_read and loci__store_end.
 *
 * Threads: a store handle belongs to one thread at a time.
 */
#ifndef LOCI_STORE_STORE_H
#define LOCI_STORE_STORE_H

#include "../base/base.h"
#include "../base/file.h"

typedef struct loci__store loci__store;

enum { LOCI__STORE_READ = 0, LOCI__STORE_WRITE = 1, LOCI__STORE_CREATE = 2 };

/* path NULL with LOCI__STORE_CREATE: a private store in memory, without lock file and segments (for measuring). */
loci_status loci__store_open(loci_context *context, const char *path, int mode, loci__store **out, loci_error *error);
void loci__store_close(loci__store *store); /* a writer checkpoints the WAL */

/* ---- transactions ---- begin_write on a READ handle is USAGE; end commits, rollback forgets. */
loci_status loci__store_begin_write(loci__store *store, loci_error *error);
loci_status loci__store_begin_read(loci__store *store, loci_error *error);
loci_status loci__store_end(loci__store *store, loci_error *error);
void loci__store_rollback(loci__store *store);

/* ---- the model of the vectors ---- */
typedef struct loci__store_model {
  char fingerprint[33]; /* "" = none yet */
  char *name;           /* how the user called it; strings live until the next call of loci__store_get_model */
  char *query_prompt;
  size_t dim;
} loci__store_model;
loci_status loci__store_get_model(loci__store *store, loci__store_model *out, loci_error *error);
/* Only allowed while no chunk has a vector (reindex removes them first). */
loci_status loci__store_set_model(loci__store *store, const char fingerprint[33], const char *name,
                                  const char *query_prompt, size_t dim, loci_error *error);

/* ---- settings ---- small key/value texts ("chunk_tokens"); value NULL when absent; free with loci__free */
loci_status loci__store_get_setting(loci__store *store, const char *key, char **value, loci_error *error);
loci_status loci__store_set_setting(loci__store *store, const char *key, const char *value, loci_error *error);

/* ---- roots ---- absolute paths, in the order they were added */
loci_status loci__store_add_root(loci__store *store, const char *path, int64_t *id, loci_error *error);
loci_status loci__store_remove_root(loci__store *store, int64_t id, loci_error *error);
typedef loci_status (*loci__store_root_fn)(void *arg, int64_t id, const char *path, loci_error *error);
loci_status loci__store_each_root(loci__store *store, loci__store_root_fn each, void *arg, loci_error *error);

/* ---- documents and chunks ---- */
typedef struct loci__store_document {
  int64_t id, root_id;
  const char *path, *title, *format;
  int64_t size, mtime_ns;
  const char *hash; /* 32 hex digits of the file's bytes; for skipped files the hash too, so that they are not reread */
  const char *skipped; /* NULL, or the reason why the file has no chunks */
} loci__store_document;

typedef struct loci__store_chunk {
  int64_t id, document_id;
  uint32_t ordinal, line_start, line_end, page, n_tokens;
  const char *heading, *text;
  size_t text_length;
} loci__store_chunk;

/* Inserts, or replaces the document of the same path with all its chunks, full-text rows and vectors. vectors: n ×
 * dim floats (NULL only when n is 0). Inside a write transaction. Ids are given and never used again. */
loci_status loci__store_put(loci__store *store, const loci__store_document *document, const loci__store_chunk *chunks,
                            size_t n, const float *vectors, int64_t *document_id, loci_error *error);
/* Same content, other size/mtime/root: only these are written. */
loci_status loci__store_touch(loci__store *store, int64_t document_id, int64_t root_id, int64_t size, int64_t mtime_ns,
                              loci_error *error);
loci_status loci__store_remove(loci__store *store, int64_t document_id, loci_error *error);
/* Reindex with unchanged chunks, in one write transaction: every vector is dropped, the model set anew, then each
 * document's chunks get theirs in ordinal order (vectors: n × dim floats, n = the document's chunks). */
loci_status loci__store_drop_vectors(loci__store *store, loci_error *error);
loci_status loci__store_put_vectors(loci__store *store, int64_t document_id, const float *vectors, size_t n,
                                    loci_error *error);

/* Strings given to callbacks live during the call. A non-OK answer ends the iteration and is returned. */
typedef loci_status (*loci__store_document_fn)(void *arg, const loci__store_document *document, loci_error *error);
typedef loci_status (*loci__store_chunk_fn)(void *arg, const loci__store_chunk *chunk, loci_error *error);
loci_status loci__store_find_document(loci__store *store, const char *path, loci__store_document_fn each, void *arg,
                                      bool *found, loci_error *error);
loci_status loci__store_get_document(loci__store *store, int64_t id, loci__store_document_fn each, void *arg,
                                     bool *found, loci_error *error);
/* By path, byte-wise; prefix "" = all, else documents whose path is prefix or lies below it. */
loci_status loci__store_each_document(loci__store *store, const char *prefix, loci__store_document_fn each, void *arg,
                                      loci_error *error);
loci_status loci__store_each_chunk(loci__store *store, int64_t document_id, loci__store_chunk_fn each, void *arg,
                                   loci_error *error);
loci_status loci__store_get_chunk(loci__store *store, int64_t chunk_id, loci__store_chunk_fn each, void *arg,
                                  bool *found, loci_error *error);
/* dim floats of the record. */
loci_status loci__store_get_vector(loci__store *store, int64_t chunk_id, float *out, bool *found, loci_error *error);

typedef struct loci__store_counts {
  uint64_t n_documents, n_skipped, n_chunks, n_roots, n_rows_in_segments;
  uint64_t store_bytes, segment_bytes;
} loci__store_counts;
loci_status loci__store_count(loci__store *store, loci__store_counts *out, loci_error *error);

/* ---- scanning ---- rows = chunks with a vector, ids ascending; a row's number holds inside one read transaction */
typedef struct loci__store_rows {
  size_t n;
  const int64_t *chunk_ids;    /* ascending */
  const int64_t *document_ids; /* of each row */
} loci__store_rows;
loci_status loci__store_get_rows(loci__store *store, loci__store_rows *out, loci_error *error);
/* scores[row] ≈ dot(query, vector): segment codes, and the record for rows newer than the segments. A damaged
 * segment is logged, left out (its rows come from the record) and noted for rebuilding. */
loci_status loci__store_scan(loci__store *store, const float *query, float *scores, loci_error *error);
/* Exact dot products of the given rows from the record. */
loci_status loci__store_rescore(loci__store *store, const float *query, const size_t *rows, size_t n, float *scores,
                                loci_error *error);
/* scores[row] = BM25 (k1 .9, b .4; docs/search.md), 0 for rows without a word of the query. The query is a person's
 * words: tokenised as the documents were, OR-ed, never handed to MATCH raw. n_matches may be NULL. */
loci_status loci__store_scan_text(loci__store *store, const char *query, size_t length, float *scores,
                                  size_t *n_matches, loci_error *error);

/* Writes a new flat segment when enough rows are newer than the last, or `force`. Outside a transaction. */
loci_status loci__store_build_segments(loci__store *store, bool force, loci_error *error);

/* Each finding is told; damaged segments are noted and, on a WRITE handle, rebuilt. */
loci_status loci__store_check(loci__store *store, bool deep, void (*found)(void *user, const char *finding), void *user,
                              uint64_t *n_findings, loci_error *error);

#endif
