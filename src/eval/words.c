/* eval/words.c: lines, fields and words of the benchmarks of word vectors. */
#include "words.h"

enum { FILE_LIMIT = 1 << 30 };

loci_status loci__eval_lines_open(loci__eval_lines *lines, loci_context *context, const char *path, loci_error *error) {
  *lines = (loci__eval_lines){.context = context, .path = path};
  LOCI__TRY(loci__file_read(context, path, FILE_LIMIT, &lines->data, &lines->length, error));
  if (lines->length >= 3 && memcmp(lines->data, "\xEF\xBB\xBF", 3) == 0) lines->at = 3;
  return LOCI_OK;
}

void loci__eval_lines_close(loci__eval_lines *lines) {
  loci__free(lines->context, lines->data);
  lines->data = NULL;
}

bool loci__eval_lines_next(loci__eval_lines *lines) {
  if (lines->at >= lines->length) return false;
  lines->start = lines->at;
  lines->line = lines->data + lines->at;
  const char *end = memchr(lines->line, '\n', lines->length - lines->at);
  lines->line_length = end != NULL ? (size_t)(end - lines->line) : lines->length - lines->at;
  lines->at += lines->line_length + (end != NULL);
  if (lines->line_length > 0 && lines->line[lines->line_length - 1] == '\r') lines->line_length--;
  lines->number++;
  return true;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

size_t loci__eval_fields(const char *line, size_t length, char separator, loci__eval_field *out, size_t most) {
  size_t n = 0;
  for (size_t at = 0; at <= length;) {
    while (at < length && is_blank(line[at]) && line[at] != separator) at++;
    if (separator == ' ')
      while (at < length && is_blank(line[at])) at++;
    if (separator == ' ' && at == length) break;
    size_t end = at;
    while (end < length && (separator == ' ' ? !is_blank(line[end]) : line[end] != separator)) end++;
    size_t stop = end;
    while (stop > at && is_blank(line[stop - 1])) stop--;
    if (n < most) out[n] = (loci__eval_field){line + at, stop - at};
    n++;
    at = end + 1;
  }
  return n;
}

int64_t loci__eval_find(const loci_vectors *vectors, const loci__eval_field *word, bool keep_case,
                        loci__buffer *scratch) {
  const int64_t at = loci_vectors_find(vectors, word->text, word->length);
  if (at >= 0 || keep_case || !loci__word_lower(word->text, word->length, scratch)) return at;
  return scratch->failed == LOCI_OK ? loci_vectors_find(vectors, scratch->data, scratch->length) : -1;
}
