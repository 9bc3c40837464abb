/* base/document.h: a document as plain text in blocks. What extract/ and the helper program give, and text/chunk takes.
 */
#ifndef LOCI_BASE_DOCUMENT_H
#define LOCI_BASE_DOCUMENT_H

#include "base.h"

typedef enum loci__block_kind {
  LOCI__BLOCK_PARAGRAPH = 0, /* white space folded, lines of the source joined by '\n' where they matter (code) */
  LOCI__BLOCK_HEADING = 1,   /* level 1…6 */
  LOCI__BLOCK_ITEM = 2,      /* of a list */
  LOCI__BLOCK_CODE = 3,      /* preformatted: '\n' and spaces kept */
  LOCI__BLOCK_TABLE = 4      /* rows by '\n', cells by '\t' */
} loci__block_kind;

typedef struct loci__block {
  loci__block_kind kind;
  uint32_t level;                /* headings: 1…6, else 0 */
  uint32_t line_start, line_end; /* of the source, from 1, inclusive; the decompressed source for .gz */
  uint32_t page;                 /* from 1; 0 = none */
  const char *text;              /* valid UTF-8, no NUL inside, NUL-terminated */
  size_t length;
} loci__block;

typedef struct loci__document {
  loci__arena arena;    /* owns every string and the blocks */
  const char *title;    /* "" when the source names none */
  const char *format;   /* "text", "markdown", "html", "pdf" */
  const char *encoding; /* of the source, "UTF-8" … */
  loci__block *blocks;
  size_t n_blocks;
} loci__document;

/* {0} is releasable. */
void loci__document_release(loci__document *document);

#endif
