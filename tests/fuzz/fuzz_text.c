/* fuzz_text.c: any bytes through sniffing and the plain-text blocks, in every style; the blocks' lines must lie in the
 * text and rise; then through the sentences. The first byte chooses the style. */
#include "extract/sniff.h"
#include "extract/text.h"
#include "text/chunk.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_span(void *arg, size_t start, size_t length) {
  size_t *end = arg;
  if (length == 0 || start < *end) abort();
  *end = start + length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  loci__text_style style = (loci__text_style)(data[0] % 4);
  (void)loci__sniff("a.txt", (const char *)data + 1, size - 1);
  loci__buffer text;
  loci__buffer_init(&text, NULL, 0);
  loci__utf8_repair(&text, (const char *)data + 1, size - 1);
  uint32_t lines = 1;
  for (size_t i = 0; i < text.length; i++) {
    if (!text.data[i]) text.data[i] = ' ';
    lines += text.data[i] == '\n' || text.data[i] == '\r';
  }
  loci__document_builder builder;
  loci__document document;
  loci__builder_init(&builder, NULL);
  loci__text_blocks(&builder, text.data ? text.data : "", text.length, style);
  if (loci__builder_finish(&builder, "text", "UTF-8", &document, NULL) != LOCI_OK) abort();
  uint32_t last = 0;
  for (size_t i = 0; i < document.n_blocks; i++) {
    const loci__block *block = &document.blocks[i];
    if (block->line_start <= last && i) abort();
    if (block->line_end < block->line_start || block->line_end > lines) abort();
    if (!loci__utf8_valid(block->text, block->length)) abort();
    last = block->line_end;
    size_t end = 0;
    loci__sentences(block->text, block->length, check_span, &end);
  }
  loci__document_release(&document);
  loci__buffer_release(&text);
  return 0;
}
