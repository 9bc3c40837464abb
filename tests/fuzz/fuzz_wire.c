/* fuzz_wire.c: what a lying helper might send as a document. Whatever is accepted must keep every promise of
 * base/document.h and come back the same when it is written and read again. */
#include "base/document.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  loci__document document, again;
  if (loci__document_read(NULL, (const char *)data, size, "html", "UTF-8", &document, NULL) != LOCI_OK) return 0;
  for (size_t i = 0; i < document.n_blocks; i++) {
    const loci__block *block = &document.blocks[i];
    if (block->length == 0 || strlen(block->text) != block->length || !loci__utf8_valid(block->text, block->length) ||
        block->line_start < 1 || block->line_start > block->line_end ||
        (block->kind == LOCI__BLOCK_HEADING ? block->level < 1 || block->level > 6 : block->level != 0))
      abort();
  }
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__document_write(&document, &out);
  if (loci__document_read(NULL, out.data, out.length, "html", "UTF-8", &again, NULL) != LOCI_OK ||
      again.n_blocks != document.n_blocks)
    abort();
  loci__document_release(&again);
  loci__document_release(&document);
  loci__buffer_release(&out);
  return 0;
}
