/* index/segment_private.h: the byte layout of a flat segment, shared by its writer, its reader and its scan.
 *
 *   0      header (256 bytes), little-endian, its own checksum last
 *   …      ids       n × int64, ascending
 *   …      owners    n × int64
 *   …      lengths   n × uint32
 *   …      scales    n × float32
 *   …      checksums n_blocks × uint64 (XXH3-64 of each block of codes)
 *   …      codes     n × stride int8, a row = dim codes and zeros up to a multiple of 64
 *
 * Every section starts at a multiple of 64. The header holds one checksum over everything between it and the codes,
 * so it covers the whole file; the file's name is the XXH3-128 of the header.
 */
#ifndef LOCI_INDEX_SEGMENT_PRIVATE_H
#define LOCI_INDEX_SEGMENT_PRIVATE_H

#include "index.h"

enum { SEGMENT_VERSION = 1, SEGMENT_ALIGN = 64, SEGMENT_HEADER = 256, SEGMENT_BLOCK_ROWS_MAX = 1024 };

typedef struct segment_header {
  char magic[8]; /* "LOCIFLAT" */
  uint32_t version, header_size;
  char fingerprint[40]; /* 32 hex digits, zeros behind */
  uint64_t dim, n, generation;
  uint64_t stride, block_rows, n_blocks;
  uint64_t ids_at, owners_at, lengths_at, scales_at, checksums_at, codes_at, file_size;
  uint64_t columns_checksum; /* XXH3-64 of [header_size, codes_at) */
  char reserved[256 - 8 - 8 - 40 - 14 * 8 - 8];
  uint64_t header_checksum; /* XXH3-64 of the bytes before it */
} segment_header;
_Static_assert(sizeof(segment_header) == SEGMENT_HEADER, "the header is 256 bytes");

struct loci__segment {
  loci_context *context;
  loci__mapping mapping;
  segment_header header; /* a copy: what was checked cannot change under us */
  const int64_t *ids, *owners;
  const uint32_t *lengths;
  const float *scales;
  const uint64_t *checksums;
  const int8_t *codes;
  _Atomic unsigned char *verified; /* a flag a block, set after its checksum was found right */
  char *path;
};

/* Everything in the header that follows from dim and n; false when the sizes overflow. */
bool loci__segment_layout(segment_header *header, size_t dim, size_t n);
/* Verifies block b once; CORRUPT with its position. */
loci_status loci__segment_verify_block(const loci__segment *segment, size_t block, loci_error *error);

#endif
