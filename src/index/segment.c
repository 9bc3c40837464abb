/* index/segment.c: the flat segment as a file. Written once, renamed into place, mapped, checked.
 *
 * Model of the world. A segment is a cache: whatever is wrong with one, the record in the store can make another, so
 * every doubt is an error (CORRUPT) and none is repaired here. Writing goes through a temporary name in the same
 * folder; only after fsync does the file get its name, which is the hash of the header, which holds checksums of all
 * the rest: two equal names are equal files. Phases of the writer: columns in memory and codes to the file block by
 * block, then columns, then the header.
 *
 * Reading trusts no size before it was recomputed from dim and n and compared. Codes are verified lazily, a block at
 * its first use (flat.c), so that opening a large segment costs only its columns: 24 bytes a row.
 *
 * Byte order: little-endian on disk; a big-endian machine refuses to open one (and works from the record).
 */
#include "segment_private.h"

#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "../kernel/kernel.h"

static const char segment_magic[8] = {'L', 'O', 'C', 'I', 'F', 'L', 'A', 'T'};

/* About 256 KiB of codes: small enough for a core's L2 (checksum and scan read it from there), large enough that a
 * task of the pool is worth its start. */
enum { SEGMENT_BLOCK_BYTES = 256 * 1024 };

static bool little_endian(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 1;
}

static bool section(size_t *at, size_t count, size_t size, uint64_t *start) {
  size_t bytes;
  *start = *at;
  if (!loci__mul(count, size, &bytes) || !loci__add(*at, bytes, at) || !loci__add(*at, SEGMENT_ALIGN - 1, at))
    return false;
  *at &= ~(size_t)(SEGMENT_ALIGN - 1);
  return true;
}

bool loci__segment_layout(segment_header *header, size_t dim, size_t n) {
  if (dim == 0 || dim > LOCI__SEGMENT_MAX_DIM || n == 0) return false;
  size_t stride = (dim + SEGMENT_ALIGN - 1) / SEGMENT_ALIGN * SEGMENT_ALIGN;
  size_t rows = SEGMENT_BLOCK_BYTES / stride;
  if (rows > SEGMENT_BLOCK_ROWS_MAX) rows = SEGMENT_BLOCK_ROWS_MAX;
  if (rows < 1) rows = 1;
  size_t n_blocks = n / rows + (n % rows != 0), at = SEGMENT_HEADER;
  header->dim = dim;
  header->n = n;
  header->stride = stride;
  header->block_rows = rows;
  header->n_blocks = n_blocks;
  if (!section(&at, n, 8, &header->ids_at) || !section(&at, n, 8, &header->owners_at) ||
      !section(&at, n, 4, &header->lengths_at) || !section(&at, n, 4, &header->scales_at) ||
      !section(&at, n_blocks, 8, &header->checksums_at) || !section(&at, n, stride, &header->codes_at))
    return false;
  header->file_size = at;
  return at <= INT64_MAX;
}

/* ---- writing ------------------------------------------------------------------------------------ */

typedef struct writer {
  loci_context *context;
  char *temporary;
  int fd;
  char *columns; /* [0, codes_at): the header and the columns */
  int8_t *block;
} writer;

static void writer_release(writer *w) {
  if (w->fd >= 0) (void)loci__file_close(w->context, w->fd);
  if (w->temporary) (void)loci__file_unlink(w->context, w->temporary);
  loci__free(w->context, w->temporary);
  loci__free_aligned(w->context, w->columns);
  loci__free_aligned(w->context, w->block);
}

static loci_status write_blocks(writer *w, const segment_header *header, loci__segment_row_fn next, void *arg,
                                loci_error *error) {
  const loci__kernels *kernels = loci__kernels_of(w->context);
  char *columns = w->columns;
  int64_t *ids = (void *)(columns + header->ids_at), *owners = (void *)(columns + header->owners_at);
  uint32_t *lengths = (void *)(columns + header->lengths_at);
  float *scales = (void *)(columns + header->scales_at);
  uint64_t *checksums = (void *)(columns + header->checksums_at);
  size_t dim = header->dim, stride = header->stride, n = header->n, i = 0;
  for (size_t b = 0; b < header->n_blocks; b++) {
    size_t rows = header->block_rows < n - i ? header->block_rows : n - i;
    memset(w->block, 0, rows * stride);
    for (size_t r = 0; r < rows; r++, i++) {
      loci__segment_row row = {0};
      LOCI__TRY(next(arg, i, &row, error));
      if (i && row.id <= ids[i - 1])
        return loci__fail(error, LOCI_ERROR_INTERNAL, "segment rows are not in ascending order");
      ids[i] = row.id;
      owners[i] = row.owner;
      lengths[i] = row.length;
      scales[i] = kernels->quantize_i8(row.vector, dim, w->block + r * stride);
    }
    checksums[b] = loci__hash64(w->block, rows * stride, b);
    int rc = loci__file_pwrite_all(w->context, w->fd, w->block, rows * stride,
                                   (int64_t)(header->codes_at + b * header->block_rows * stride));
    if (rc < 0) return loci__fail_file(error, "write", w->temporary, rc);
  }
  return LOCI_OK;
}

loci_status loci__segment_write(loci_context *context, const char *folder, const char fingerprint[33], size_t dim,
                                size_t n, uint64_t generation, loci__segment_row_fn next, void *arg,
                                char name[LOCI__SEGMENT_NAME], loci_error *error) {
  segment_header header = {.version = SEGMENT_VERSION, .header_size = SEGMENT_HEADER, .generation = generation};
  memcpy(header.magic, segment_magic, sizeof header.magic);
  memcpy(header.fingerprint, fingerprint, strnlen(fingerprint, 32));
  if (!little_endian())
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "segments are not written on big-endian machines");
  if (!loci__segment_layout(&header, dim, n))
    return loci__fail(error, LOCI_ERROR_LIMIT, "a segment of %zu rows of %zu dimensions cannot be laid out", n, dim);
  writer w = {.context = context, .fd = -1};
  loci_status status = LOCI_OK;
  char temporary[64], hash[33];
  snprintf(temporary, sizeof temporary, "new-%" PRIu64 ".tmp", generation);
  char *path = loci__path_join(context, folder, temporary), *final = NULL;
  size_t columns_size = header.codes_at;
  size_t block_size = (size_t)(header.block_rows < n ? header.block_rows : n) * header.stride;
  w.columns = loci__alloc_aligned(context, columns_size);
  w.block = loci__alloc_aligned(context, block_size);
  if (!path || !w.columns || !w.block) {
    status = loci__fail_memory(error, columns_size + block_size, "writing a segment");
    loci__free(context, path);
    goto done;
  }
  memset(w.columns, 0, columns_size);
  w.fd = loci__file_open(context, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (w.fd < 0) {
    status = loci__fail_file(error, "create", path, w.fd);
    loci__free(context, path);
    goto done;
  }
  w.temporary = path;
  status = write_blocks(&w, &header, next, arg, error);
  if (status != LOCI_OK) goto done;
  header.columns_checksum = loci__hash64(w.columns + SEGMENT_HEADER, columns_size - SEGMENT_HEADER, 0);
  header.header_checksum = loci__hash64(&header, offsetof(segment_header, header_checksum), 0);
  memcpy(w.columns, &header, sizeof header);
  int rc = loci__file_pwrite_all(context, w.fd, w.columns, columns_size, 0);
  /* The last block's padding: the file is as long as the header says. */
  if (rc >= 0) rc = loci__file_ftruncate(context, w.fd, (int64_t)header.file_size);
  if (rc < 0) {
    status = loci__fail_file(error, "write", w.temporary, rc);
    goto done;
  }
  rc = loci__file_fsync(context, w.fd);
  if (rc < 0) {
    status = loci__fail_file(error, "fsync", w.temporary, rc);
    goto done;
  }
  rc = loci__file_close(context, w.fd);
  w.fd = -1;
  if (rc < 0) {
    status = loci__fail_file(error, "close", w.temporary, rc);
    goto done;
  }
  loci__hash_once(&header, sizeof header, hash);
  snprintf(name, LOCI__SEGMENT_NAME, "%s.seg", hash);
  final = loci__path_join(context, folder, name);
  if (!final) {
    status = loci__fail_memory(error, strlen(folder), "writing a segment");
    goto done;
  }
  rc = loci__file_rename(context, w.temporary, final);
  if (rc < 0) {
    status = loci__fail_file(error, "rename", w.temporary, rc);
    goto done;
  }
  loci__free(context, w.temporary);
  w.temporary = NULL;
  rc = loci__file_fsync_folder(context, folder);
  if (rc < 0) status = loci__fail_file(error, "fsync", folder, rc);
done:
  loci__free(context, final);
  writer_release(&w);
  return status;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static loci_status corrupt(const loci__segment *segment, uint64_t position, const char *what, loci_error *error) {
  return loci__fail_at(
      error, LOCI_ERROR_CORRUPT, (int64_t)position,
      "segment '%s' is damaged: %s at byte %" PRIu64
      "; it is a cache: the store works without it, and the next `loci index` or `loci check` makes it anew",
      segment->path, what, position);
}

static loci_status check_header(loci__segment *segment, loci_error *error) {
  const loci__mapping *mapping = &segment->mapping;
  segment_header *header = &segment->header, expected = {0};
  if (mapping->length < SEGMENT_HEADER) return corrupt(segment, mapping->length, "it ends inside its header", error);
  memcpy(header, mapping->data, SEGMENT_HEADER);
  if (memcmp(header->magic, segment_magic, sizeof header->magic) != 0)
    return corrupt(segment, 0, "no segment begins like this", error);
  if (header->version != SEGMENT_VERSION || header->header_size != SEGMENT_HEADER)
    return corrupt(segment, 8, "a version that this loci does not know", error);
  if (header->header_checksum != loci__hash64(header, offsetof(segment_header, header_checksum), 0))
    return corrupt(segment, offsetof(segment_header, header_checksum), "the header's checksum is wrong", error);
  if (memchr(header->fingerprint, 0, 33) == NULL) return corrupt(segment, 16, "bad fingerprint", error);
  if (!loci__segment_layout(&expected, header->dim, header->n))
    return corrupt(segment, 56, "impossible number of rows or dimensions", error);
  if (expected.stride != header->stride || expected.block_rows != header->block_rows ||
      expected.n_blocks != header->n_blocks || expected.ids_at != header->ids_at ||
      expected.owners_at != header->owners_at || expected.lengths_at != header->lengths_at ||
      expected.scales_at != header->scales_at || expected.checksums_at != header->checksums_at ||
      expected.codes_at != header->codes_at || expected.file_size != header->file_size)
    return corrupt(segment, 80, "offsets that contradict the number of rows", error);
  if (header->file_size != mapping->length) return corrupt(segment, mapping->length, "wrong length", error);
  return LOCI_OK;
}

static loci_status check_columns(loci__segment *segment, loci_error *error) {
  const segment_header *header = &segment->header;
  const char *data = segment->mapping.data;
  if (loci__hash64(data + SEGMENT_HEADER, header->codes_at - SEGMENT_HEADER, 0) != header->columns_checksum)
    return corrupt(segment, SEGMENT_HEADER, "the checksum of ids and scales is wrong", error);
  segment->ids = (const void *)(data + header->ids_at);
  segment->owners = (const void *)(data + header->owners_at);
  segment->lengths = (const void *)(data + header->lengths_at);
  segment->scales = (const void *)(data + header->scales_at);
  segment->checksums = (const void *)(data + header->checksums_at);
  segment->codes = (const void *)(data + header->codes_at);
  /* A forged file with right checksums must not break what relies on the order. */
  size_t n = header->n;
  bool ascending = true, finite = true;
  for (size_t i = 1; i < n; i++) ascending &= segment->ids[i - 1] < segment->ids[i];
  for (size_t i = 0; i < n; i++) finite &= segment->scales[i] >= 0 && segment->scales[i] <= FLT_MAX;
  if (!ascending) return corrupt(segment, header->ids_at, "ids that do not ascend", error);
  if (!finite) return corrupt(segment, header->scales_at, "a scale that is no positive number", error);
  return LOCI_OK;
}

loci_status loci__segment_verify_block(const loci__segment *segment, size_t block, loci_error *error) {
  const segment_header *header = &segment->header;
  if (atomic_load_explicit(&segment->verified[block], memory_order_relaxed)) return LOCI_OK;
  size_t first = block * header->block_rows;
  size_t rows = header->block_rows < header->n - first ? header->block_rows : header->n - first;
  const int8_t *codes = segment->codes + first * header->stride;
  if (loci__hash64(codes, rows * header->stride, block) != segment->checksums[block])
    return corrupt(segment, header->codes_at + first * header->stride, "the checksum of a block of codes is wrong",
                   error);
  atomic_store_explicit(&segment->verified[block], 1, memory_order_relaxed);
  return LOCI_OK;
}

static loci_status check_all(const loci__segment *segment, loci_error *error) {
  char hash[33];
  loci__hash_once(&segment->header, SEGMENT_HEADER, hash);
  if (strncmp(loci__path_base(segment->path), hash, 32) != 0)
    return corrupt(segment, 0, "its name is not its content's hash", error);
  for (size_t b = 0; b < segment->header.n_blocks; b++) LOCI__TRY(loci__segment_verify_block(segment, b, error));
  return LOCI_OK;
}

loci_status loci__segment_open(loci_context *context, const char *path, bool verify, loci__segment **out,
                               loci_error *error) {
  *out = NULL;
  if (!little_endian())
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "segments are not read on big-endian machines");
  loci__segment *segment = loci__alloc_zero(context, 1, sizeof *segment);
  if (!segment) return loci__fail_memory(error, sizeof *segment, "a segment");
  segment->context = context;
  segment->path = loci__strdup(context, path);
  if (!segment->path) {
    loci__free(context, segment);
    return loci__fail_memory(error, strlen(path), "a segment");
  }
  loci_status status = loci__mapping_open(&segment->mapping, context, path, error);
  if (status != LOCI_OK) {
    loci__free(context, segment->path);
    loci__free(context, segment);
    return status;
  }
  status = check_header(segment, error);
  if (status == LOCI_OK) status = check_columns(segment, error);
  if (status == LOCI_OK) {
    segment->verified = loci__alloc_zero(context, segment->header.n_blocks, sizeof *segment->verified);
    if (!segment->verified) status = loci__fail_memory(error, segment->header.n_blocks, "a segment");
  }
  if (status == LOCI_OK && verify) status = check_all(segment, error);
  if (status != LOCI_OK) {
    loci__segment_close(segment);
    return status;
  }
  *out = segment;
  return LOCI_OK;
}

void loci__segment_close(loci__segment *segment) {
  if (!segment) return;
  loci_context *context = segment->context;
  loci__mapping_close(&segment->mapping);
  loci__free(context, (void *)segment->verified);
  loci__free(context, segment->path);
  loci__free(context, segment);
}

size_t loci__segment_rows(const loci__segment *segment) {
  return segment->header.n;
}

size_t loci__segment_dim(const loci__segment *segment) {
  return segment->header.dim;
}

const int64_t *loci__segment_ids(const loci__segment *segment) {
  return segment->ids;
}

const int64_t *loci__segment_owners(const loci__segment *segment) {
  return segment->owners;
}

const uint32_t *loci__segment_lengths(const loci__segment *segment) {
  return segment->lengths;
}

const char *loci__segment_fingerprint(const loci__segment *segment) {
  return segment->header.fingerprint;
}

uint64_t loci__segment_generation(const loci__segment *segment) {
  return segment->header.generation;
}

uint64_t loci__segment_bytes(const loci__segment *segment) {
  return segment->header.file_size;
}

void loci__segment_row_decode(const loci__segment *segment, size_t i, float *out) {
  const int8_t *codes = segment->codes + i * segment->header.stride;
  for (size_t j = 0; j < segment->header.dim; j++) out[j] = segment->scales[i] * (float)codes[j];
}
