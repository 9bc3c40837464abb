/* extract/text.h: plain text to blocks. */
#ifndef LOCI_EXTRACT_TEXT_H
#define LOCI_EXTRACT_TEXT_H

#include "extract.h"

typedef enum loci__text_style {
  LOCI__TEXT_PLAIN,
  LOCI__TEXT_ASCIIDOC, /* "== Title" are headings too */
  LOCI__TEXT_SOURCE,   /* blocks are CODE, split at empty lines */
  LOCI__TEXT_PAGES     /* a PDF's text: form feeds part pages, whose running headers and numbers go */
} loci__text_style;

/* text: valid UTF-8 without NUL. Lines end with '\n', "\r\n" or '\r'. Time and memory are linear in length. */
void loci__text_blocks(loci__document_builder *builder, const char *text, size_t length, loci__text_style style);

#endif
