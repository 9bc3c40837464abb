/* Any bytes as a NumPy array: the last 64 of them (fewer when there are not so many) are the file of its words. */
#include "format/vectors_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static int labels = -1;
  static char path[64];
  if (labels < 0) {
    labels = memfd_create("labels", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", labels);
  }
  const size_t n = size < 128 ? size / 2 : 64;
  if (labels < 0 || ftruncate(labels, 0) < 0 || pwrite(labels, data + size - n, n, 0) != (ssize_t)n) abort();
  loci_error error;
  loci_vectors *v = NULL;
  const loci_vectors_options options = {.struct_size = sizeof options, .labels = path, .most = size % 3 == 0 ? 2 : 0};
  if (loci__vectors_parse(NULL, "fuzz", data, size - n, &options, &v, &error) != LOCI_OK) return 0;
  float sum = 0;
  for (size_t i = 0; i < v->n; i++) {
    for (size_t j = 0; j < v->dim; j++) sum += v->rows[i * v->dim + j];
    if (loci_vectors_find(v, v->words[i], v->lengths[i]) < 0) __builtin_trap();
  }
  if (sum == 1.5f && v->n == 0) __builtin_trap();
  loci_vectors_close(v);
  return 0;
}
