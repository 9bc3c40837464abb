/* index/: nearest neighbours over vectors. First the flat segment: int8 codes in a file, scanned.
 *
 * A segment is immutable: header (magic, version, fingerprint, dim, n, generation), ids, int8 codes with one scale a
 * row, rows 64-byte aligned, a checksum a block; its name is its content's hash. It is a cache of the record in the
 * store and can be deleted at any time. Bytes are checked before they are used: a damaged segment is CORRUPT.
 * docs/store.md has the byte layout.
 *
 * Threads: an open segment is read-only and shared.
 */
#ifndef LOCI_INDEX_INDEX_H
#define LOCI_INDEX_INDEX_H

#include "../base/base.h"
#include "../base/file.h"

typedef struct loci__segment loci__segment;

enum { LOCI__SEGMENT_NAME = 48, LOCI__SEGMENT_MAX_DIM = 65536 };

/* One row. owner and length are the store's (the document, the number of words): kept so that a search needs no
 * table to get at them. */
typedef struct loci__segment_row {
  int64_t id, owner;
  uint32_t length;
  const float *vector; /* dim finite floats */
} loci__segment_row;

/* Writes a segment into `folder` (temporary name, fsync, rename, fsync of the folder); its name goes to name[].
 * next: gives row i (the vector is valid until the next call). ids ascend. n ≥ 1. On an error nothing stays. */
typedef loci_status (*loci__segment_row_fn)(void *arg, size_t i, loci__segment_row *out, loci_error *error);
loci_status loci__segment_write(loci_context *context, const char *folder, const char fingerprint[33], size_t dim,
                                size_t n, uint64_t generation, loci__segment_row_fn next, void *arg,
                                char name[LOCI__SEGMENT_NAME], loci_error *error);

/* Maps it and checks header, sizes, ids, owners, lengths and scales. The codes are verified block by block in the
 * first scan that touches them; `verify` does it here and also holds the name against the content. */
loci_status loci__segment_open(loci_context *context, const char *path, bool verify, loci__segment **out,
                               loci_error *error);
void loci__segment_close(loci__segment *segment);
size_t loci__segment_rows(const loci__segment *segment);
size_t loci__segment_dim(const loci__segment *segment);
const int64_t *loci__segment_ids(const loci__segment *segment);
const int64_t *loci__segment_owners(const loci__segment *segment);
const uint32_t *loci__segment_lengths(const loci__segment *segment);
const char *loci__segment_fingerprint(const loci__segment *segment);
uint64_t loci__segment_generation(const loci__segment *segment);
uint64_t loci__segment_bytes(const loci__segment *segment);
/* Row i decoded to floats (scale × code): for checks. */
void loci__segment_row_decode(const loci__segment *segment, size_t i, float *out);

/* scores[i] = approximate dot(query, row i) for every row; the scan runs on the context's pool in fixed blocks.
 * CORRUPT when a block's checksum is wrong (scores are then undefined).
 * |error| is bounded by the rows' and the query's quantisation (see index/flat.c). */
loci_status loci__segment_scan(const loci__segment *segment, const float *query, float *scores, loci_error *error);

/* The same, exactly, over n rows of dim floats in memory, `stride` floats apart. */
loci_status loci__flat_scan_f32(loci_context *context, const float *query, const float *rows, size_t stride, size_t n,
                                size_t dim, float *scores, loci_error *error);

/* Exact dot product of two vectors in memory. */
float loci__dot(loci_context *context, const float *a, const float *b, size_t dim);

/* The k greatest of n scores (ties: the lower index first), into out[] (indices, best first); returns min(k, n). NaN
 * counts as −infinity. */
size_t loci__top_k(loci_context *context, const float *scores, size_t n, size_t k, size_t *out);

#endif
