/* fuzz_segment.c: any bytes as a segment file; a header with a wrong checksum is put right first, so that what lies
 * behind it is reached. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "index/segment_private.h"

static void put_checksums_right(uint8_t *bytes, size_t size) {
  segment_header header;
  if (size < sizeof header) return;
  memcpy(&header, bytes, sizeof header);
  memcpy(header.magic, "LOCIFLAT", 8);
  header.version = SEGMENT_VERSION;
  header.header_size = SEGMENT_HEADER;
  header.file_size = size;
  if (header.codes_at >= SEGMENT_HEADER && header.codes_at <= size)
    header.columns_checksum = loci__hash64(bytes + SEGMENT_HEADER, header.codes_at - SEGMENT_HEADER, 0);
  header.header_checksum = loci__hash64(&header, offsetof(segment_header, header_checksum), 0);
  memcpy(bytes, &header, sizeof header);
}

static void use(const char *path) {
  for (int verify = 0; verify <= 1; verify++) {
    loci__segment *segment;
    if (loci__segment_open(NULL, path, verify != 0, &segment, NULL) != LOCI_OK) continue;
    size_t n = loci__segment_rows(segment), dim = loci__segment_dim(segment);
    float *scores = calloc(n, sizeof *scores), *query = calloc(dim, sizeof *query);
    if (!scores || !query) abort();
    query[0] = 1;
    (void)loci__segment_scan(segment, query, scores, NULL);
    loci__segment_row_decode(segment, n - 1, query);
    free(scores);
    free(query);
    loci__segment_close(segment);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char path[64];
  if (size > 1 << 20) return 0;
  if (!path[0]) snprintf(path, sizeof path, "/tmp/loci-fuzz-segment-%ld.seg", (long)getpid());
  uint8_t *copy = malloc(size + 1);
  if (!copy) return 0;
  memcpy(copy, data, size);
  for (int right = 0; right <= 1; right++) {
    if (right) put_checksums_right(copy, size);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(copy, 1, size, file) != size) abort();
    fclose(file);
    use(path);
  }
  free(copy);
  unlink(path);
  return 0;
}
