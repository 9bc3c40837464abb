/* fuzz_checkpoint.c: any bytes as a checkpoint; wrong checksums are put right first, so that what lies behind them is
 * reached. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/trainer.h"

enum { HEADER = 64, ENTRY = 64, SIZE_AT = 40, AT_AT = 48, CHECKSUM_AT = 56 };

static uint64_t get64(const uint8_t *bytes) {
  uint64_t value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

static void put_checksums_right(uint8_t *bytes, size_t size) {
  uint32_t n;
  if (size < HEADER) return;
  memcpy(bytes, "LOCICKPT\1\0\0\0", 12);
  memcpy(&n, bytes + 12, sizeof n);
  if (n > (size - HEADER) / ENTRY) return;
  uint64_t whole = size, sum;
  memcpy(bytes + 16, &whole, sizeof whole);
  for (uint32_t i = 0; i < n; i++) {
    uint8_t *entry = bytes + HEADER + i * ENTRY;
    uint64_t length = get64(entry + SIZE_AT), at = get64(entry + AT_AT);
    if (at > size || length > size - at) continue;
    sum = loci__hash64(bytes + at, length, i);
    memcpy(entry + CHECKSUM_AT, &sum, sizeof sum);
  }
  sum = loci__hash64(bytes + HEADER, n * ENTRY, n);
  memcpy(bytes + 24, &sum, sizeof sum);
  sum = loci__hash64(bytes, 56, 0);
  memcpy(bytes + 56, &sum, sizeof sum);
}

static void use(char *folder) {
  loci_context *context = loci__context_of(NULL);
  loci_train_common common = {.resume = 1};
  loci__trainer trainer = {.context = context, .common = &common, .folder = folder, .output = folder};
  loci__buffer_init(&trainer.about, context, 0);
  loci__buffer_puts(&trainer.about, "method: test\ndim: 4\n");
  uint64_t step = 0;
  float rows[16] = {0};
  const loci__part parts[] = {{"step", &step, sizeof step}, {"rows", rows, sizeof rows}};
  bool there;
  (void)loci__checkpoint_load(&trainer, parts, 2, &there, NULL);
  loci__buffer_release(&trainer.about);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char folder[64], path[80];
  if (size > 1 << 20) return 0;
  if (!folder[0]) {
    snprintf(folder, sizeof folder, "/tmp/loci-fuzz-checkpoint-%ld", (long)getpid());
    snprintf(path, sizeof path, "%s/state", folder);
    mkdir(folder, 0700);
  }
  uint8_t *copy = malloc(size + 1);
  if (!copy) return 0;
  memcpy(copy, data, size);
  for (int right = 0; right <= 1; right++) {
    if (right) put_checksums_right(copy, size);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(copy, 1, size, file) != size) abort();
    fclose(file);
    use(folder);
  }
  free(copy);
  unlink(path);
  return 0;
}
