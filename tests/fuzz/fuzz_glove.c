/* fuzz_glove.c: what a training by GloVe finds in the folder of an interrupted run: the file of tiles and that of
 * co-occurrences. First byte: which of them, and the number of words. A file of tiles that is accepted is trained on: its
 * rows and columns must be safe to follow. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "train/glove.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static loci_context *context;
  static int file = -1;
  static char path[64];
  if (!context) {
    loci_context_options options;
    loci_context_options_init(&options);
    options.threads = 1;
    if (loci_context_new(&options, &context, NULL) != LOCI_OK) abort();
    file = memfd_create("glove", 0);
    if (file < 0) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  }
  if (size < 1) return 0;
  const size_t n_words = 1 + (data[0] & 31);
  if (ftruncate(file, 0) != 0 || pwrite(file, data + 1, size - 1, 0) != (ssize_t)size - 1) abort();
  if (data[0] & 128) {
    loci__mapping pairs;
    if (loci__cooccur_open(context, path, n_words, &pairs, NULL) == LOCI_OK) {
      const loci__cooccur_record *records = (const void *)pairs.data;
      for (size_t i = 0; i < pairs.length / sizeof *records; i++) {
        if (records[i].word < 1 || (size_t)records[i].context > n_words || !(records[i].weight > 0)) abort();
      }
      loci__mapping_close(&pairs);
    }
    return 0;
  }
  loci__glove_tiling tiling = {.n_words = n_words, .dim = 3, .x_max = 10, .alpha = 0.75, .seed = 1, .key = "fuzz"};
  loci__glove_tiles tiles;
  if (loci__glove_tiles_open(context, path, &tiling, &tiles, NULL) != LOCI_OK) return 0;
  loci__glove_model model;
  double cost = 0;
  if (loci__glove_model_init(context, n_words, 3, 1, &model, NULL) == LOCI_OK) {
    for (size_t d = 0; d < tiles.n_blocks && d < 8; d++) {
      if (loci__glove_diagonal(context, &tiles, &model, 0.05, d, &cost, NULL) != LOCI_OK) abort();
    }
    loci__glove_model_release(context, &model);
  }
  loci__glove_tiles_close(&tiles);
  return 0;
}
