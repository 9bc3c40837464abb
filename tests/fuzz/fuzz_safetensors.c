/* Any bytes as a safetensors file: parsed, and every tensor that passed is read to its end. */
#include "format/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  loci__safetensors *file = NULL;
  loci_error error;
  if (loci__safetensors_parse(NULL, "fuzz", data, size, &file, &error) != LOCI_OK) return 0;
  for (size_t i = 0; i < loci__safetensors_count(file); i++) {
    const loci__tensor *t = loci__safetensors_at(file, i);
    if (loci__safetensors_find(file, t->name) != t) __builtin_trap();
    char shape[160];
    loci__tensor_shape_text(t, shape);
    float block[64];
    int64_t n;
    for (size_t at = 0; at < t->n_elements; at += 64) {
      const size_t count = t->n_elements - at < 64 ? t->n_elements - at : 64;
      if (loci__tensor_floats(t, at, count, block, &error) != LOCI_OK) break;
      (void)loci__tensor_integer(t, at, &n);
    }
  }
  loci__safetensors_close(file);
  return 0;
}
