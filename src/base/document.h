/* base/document.h: a document as plain text in blocks. What extract/ and the helper program give, and text/chunk takes;
 * how it is built, and its wire form, in which the helper program hands it over.
 */
#ifndef LOCI_BASE_DOCUMENT_H
#define LOCI_BASE_DOCUMENT_H

#include "base.h"

typedef enum loci__block_kind {
  LOCI__BLOCK_PARAGRAPH = 0, /* white space folded; a line end of the source is kept as '\n' */
  LOCI__BLOCK_HEADING = 1,   /* level 1…6 */
  LOCI__BLOCK_ITEM = 2,      /* of a list */
  LOCI__BLOCK_CODE = 3,      /* preformatted: '\n' and spaces kept */
  LOCI__BLOCK_TABLE = 4      /* rows by '\n', cells by '\t' */
} loci__block_kind;

/* Lines: when text holds exactly line_end − line_start '\n', the i-th of them ends line line_start + i; else (tags
 * over several lines, table rows) a place inside the block is told by interpolation between the two. */
typedef struct loci__block {
  loci__block_kind kind;
  uint32_t level;                /* headings: 1…6, else 0 */
  uint32_t line_start, line_end; /* of the source, from 1, inclusive; the decompressed source for .gz; a PDF has no
                                  * lines of its own: those of its text as pdftotext writes it */
  uint32_t page;                 /* from 1; 0 = none */
  const char *text;              /* valid UTF-8, no NUL inside, NUL-terminated, never empty */
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

/* ---- building -------------------------------------------------------------------------------- */

/* Append to `text` (a buffer, so failure is sticky), then end the block; finish hands the document over. Blocks of
 * white space only are not kept. */
typedef struct loci__document_builder {
  loci_context *context;
  loci__arena arena;
  loci__block *blocks;
  size_t n_blocks, capacity;
  loci__buffer text; /* of the block at work */
  const char *title;
  loci_status failed;
} loci__document_builder;

void loci__builder_init(loci__document_builder *builder, loci_context *context);
/* Leading and trailing white space of builder->text goes (CODE: leading and trailing empty lines; lines are not
 * adjusted for them: trim before if it matters), what is left becomes a block, the buffer is cleared. True when a
 * block was made. */
bool loci__builder_end(loci__document_builder *builder, loci__block_kind kind, uint32_t level, uint32_t line_start,
                       uint32_t line_end, uint32_t page);
/* White space folded; NULL or "" leaves the title as it is. */
void loci__builder_title(loci__document_builder *builder, const char *title, size_t length);
/* Fills *out and leaves the builder released, in failure too. format and encoding are copied. */
loci_status loci__builder_finish(loci__document_builder *builder, const char *format, const char *encoding,
                                 loci__document *out, loci_error *error);
void loci__builder_release(loci__document_builder *builder);

/* ---- wire form ------------------------------------------------------------------------------- */

/* Little-endian: u32 title length, title, u32 n_blocks, then per block u32 kind, level, line_start, line_end, page,
 * text length, text. */
void loci__document_write(const loci__document *document, loci__buffer *out);
/* Takes nothing on trust: every length against what is left, UTF-8 without NUL, kinds, levels, line_start ≤ line_end,
 * nothing behind the end. FORMAT with the byte position otherwise, *out empty. */
loci_status loci__document_read(loci_context *context, const char *bytes, size_t length, const char *format,
                                const char *encoding, loci__document *out, loci_error *error);

#endif
