/* text/chunk.h: a document's blocks cut into chunks that fit the model.
 *
 * Split at headings, then paragraphs, then sentences, then (a sentence longer than a chunk) at token boundaries; no
 * chunk has more than max_tokens of the tokenizer's own tokens, special tokens included. Consecutive chunks of one
 * section overlap by whole sentences up to `overlap` of max_tokens. A chunk never crosses a heading of level ≤ its
 * own section's, small sections below one heading may share a chunk.
 */
#ifndef LOCI_TEXT_CHUNK_H
#define LOCI_TEXT_CHUNK_H

#include "../base/base.h"
#include "../base/document.h"
#include "loci/tokenizer.h"

typedef struct loci__chunk {
  const char *text; /* NUL-terminated, owned by the chunks' arena */
  size_t length;
  const char *heading; /* "Chapter > Section", the path of headings above; "" when there are none */
  uint32_t line_start, line_end, page;
  uint32_t n_tokens; /* special tokens included */
} loci__chunk;

typedef struct loci__chunks {
  loci__arena arena;
  loci__chunk *items;
  size_t n, capacity;
} loci__chunks;

typedef struct loci__chunk_options {
  size_t max_tokens; /* ≥ 16; default 256 */
  double overlap;    /* default 0.15 */
} loci__chunk_options;

loci_status loci__chunk_document(loci_context *context, const loci__document *document, const loci_tokenizer *tokenizer,
                                 const loci__chunk_options *options, loci__chunks *out, loci_error *error);
void loci__chunks_release(loci__chunks *chunks);

/* Sentence boundaries of running text: calls each(start, length) in order; spans cover everything but white space
 * between sentences. UAX #29 rules where they matter, with abbreviations and decimal points kept together. */
void loci__sentences(const char *text, size_t length, void (*each)(void *arg, size_t start, size_t length), void *arg);

#endif
