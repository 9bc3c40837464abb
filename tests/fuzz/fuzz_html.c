/* fuzz_html.c: any bytes, made UTF-8 as the library makes them, through the HTML worker; what it writes must be a
 * document that the library accepts. */
#include "helper/helper.h"

#include <stdlib.h>

#include <libxml/parser.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool ready;
  if (!ready) xmlInitParser();
  ready = true;
  loci__buffer text, out;
  loci__buffer_init(&text, NULL, 0);
  loci__buffer_init(&out, NULL, 64 << 20);
  loci__utf8_repair(&text, (const char *)data, size);
  for (size_t i = 0; i < text.length; i++)
    if (!text.data[i]) text.data[i] = ' ';
  if (text.data && helper_html(text.data, text.length, &out) == LOCI__HELPER_NONE) {
    loci__document document;
    if (loci__document_read(NULL, out.data, out.length, "html", "UTF-8", &document, NULL) != LOCI_OK) abort();
    uint32_t lines = 1;
    for (size_t i = 0; i < text.length; i++) lines += text.data[i] == '\n';
    for (size_t i = 0; i < document.n_blocks; i++)
      if (document.blocks[i].line_end > lines) abort();
    loci__document_release(&document);
  }
  loci__buffer_release(&text);
  loci__buffer_release(&out);
  return 0;
}
