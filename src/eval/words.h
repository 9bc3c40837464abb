/* eval/words.h: what the two measures of word vectors share (words.c): lines cut into words, words looked up. */
#ifndef LOCI_EVAL_WORDS_H
#define LOCI_EVAL_WORDS_H

#include "../base/base.h"
#include "../base/file.h"
#include "../model/words.h"
#include "loci/eval.h"

typedef struct loci__eval_field {
  const char *text;
  size_t length;
} loci__eval_field;

/* A text file in memory, line by line. */
typedef struct loci__eval_lines {
  loci_context *context;
  const char *path;
  char *data;
  size_t length, at;    /* at: where the next line begins */
  size_t start, number; /* of the line at hand: its offset and its number from 1 */
  const char *line;
  size_t line_length;
} loci__eval_lines;

loci_status loci__eval_lines_open(loci__eval_lines *lines, loci_context *context, const char *path, loci_error *error);
void loci__eval_lines_close(loci__eval_lines *lines);
/* The next line without its end ("\n", "\r\n"; a byte-order mark is left out); false at the end of the file. */
bool loci__eval_lines_next(loci__eval_lines *lines);

/* The fields of a line, cut at `separator`; ' ' = at runs of spaces and tabs. At most `most` are put; how many there
 * are. Spaces around a field are cut. */
size_t loci__eval_fields(const char *line, size_t length, char separator, loci__eval_field *out, size_t most);

/* The number of a word as it is, else, unless keep_case, in lower case; −1. `scratch` is the caller's, initialised. */
int64_t loci__eval_find(const loci_vectors *vectors, const loci__eval_field *word, bool keep_case,
                        loci__buffer *scratch);

#endif
