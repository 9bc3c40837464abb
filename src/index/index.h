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

/* Writes a segment into `folder` (temporary name, fsync, rename, fsync of the folder); its name goes to name[].
 * next: gives row i's id and vector (dim floats, valid until the next call). ids ascend. */
typedef loci_status (*loci__segment_row_fn)(void *arg, size_t i, int64_t *id, const float **vector, loci_error *error);
loci_status loci__segment_write(loci_context *context, const char *folder, const char fingerprint[33], size_t dim,
                                size_t n, uint64_t generation, loci__segment_row_fn next, void *arg, char name[48],
                                loci_error *error);

/* Maps it and checks header, sizes and ids; verify also recomputes every block's checksum. */
loci_status loci__segment_open(loci_context *context, const char *path, bool verify, loci__segment **out,
                               loci_error *error);
void loci__segment_close(loci__segment *segment);
size_t loci__segment_rows(const loci__segment *segment);
size_t loci__segment_dim(const loci__segment *segment);
const int64_t *loci__segment_ids(const loci__segment *segment);
const char *loci__segment_fingerprint(const loci__segment *segment);
uint64_t loci__segment_generation(const loci__segment *segment);
/* Row i decoded to floats (scale × code): for checks. */
void loci__segment_row(const loci__segment *segment, size_t i, float *out);

/* scores[i] = approximate dot(query, row i) for every row; the scan runs on the context's pool in fixed blocks.
 * |error| is bounded by the rows' and the query's quantisation (see index/flat.c). */
loci_status loci__segment_scan(const loci__segment *segment, const float *query, float *scores, loci_error *error);

/* The k greatest of n scores (ties: the lower index first), into out[] (indices, best first); returns min(k, n). NaN
 * counts as −infinity. */
size_t loci__top_k(loci_context *context, const float *scores, size_t n, size_t k, size_t *out);

#endif
