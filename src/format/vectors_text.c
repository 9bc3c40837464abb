/* format/vectors_text.c: tables of words as text: word2vec's (a header "n dim", then a word and its numbers a line), the
 * .vec of fastText (the same), GloVe's (no header).
 *
 * The numbers of a line are its last dim fields, and what stands before them is the word: words with spaces in them occur
 * (". . ." in GloVe's 840B table). Fields are parted by spaces or tabs; a line may end with "\r\n" or with a space, as
 * word2vec's and fastText's do; empty lines do not count; the last line needs no '\n'. Bytes of words are kept as they are,
 * UTF-8 or not.
 *
 * The file is cut into chunks at line ends; lines are counted (so that the table has its size before it is filled, and a
 * promise in the header is only ever compared), then parsed, chunk by chunk on the pool.
 */
#include "vectors_private.h"

enum { CHUNK = 1 << 21, FIRST_LINES = 32, SHOWN = 40 };

static bool is_gap(char c) {
  return c == ' ' || c == '\t';
}

/* The line that begins at `at`: *end is the place of its '\n' (or the end of the bytes). Answers where what belongs to it
 * ends: without gaps and '\r'. */
static const char *line_end(const char *at, const char *all_end, const char **end) {
  const char *found = memchr(at, '\n', (size_t)(all_end - at));
  *end = found != NULL ? found : all_end;
  const char *last = *end;
  while (last > at && (is_gap(last[-1]) || last[-1] == '\r')) last--;
  return last;
}

/* The numbers of one line, out NULL when they are not wanted: the field's bytes must be one number and no more. */
static bool parse_field(const char *field, const char *end, float *out) {
  float value;
  if (loci__scan_float(field, (size_t)(end - field), &value) != (size_t)(end - field)) return false;
  if (out != NULL) *out = value;
  return true;
}

/* dim numbers, each behind one gap, to the end: the usual line, at one pass. */
static bool parse_rest(const char *at, const char *end, size_t dim, float *out) {
  for (size_t i = 0; i < dim; i++) {
    if (at == end || !is_gap(*at)) return false;
    at++;
    const size_t used = loci__scan_float(at, (size_t)(end - at), out + i);
    if (used == 0) return false;
    at += used;
  }
  return at == end;
}

/* From the right: the word is line[0…*length). *found: numbers found at the end, for the message. */
static bool parse_line(const char *line, const char *end, size_t dim, float *out, size_t *length, size_t *found) {
  const char *at = end;
  for (*found = 0; *found < dim; ++*found) {
    const char *field_end = at;
    while (at > line && !is_gap(at[-1])) at--;
    if (at == line || !parse_field(at, field_end, out != NULL ? out + (dim - 1 - *found) : NULL)) return false;
    while (at > line && is_gap(at[-1])) at--;
  }
  *length = (size_t)(at - line);
  return true;
}

bool loci__vectors_text_line(const char *data, size_t length, size_t dim) {
  const char *next;
  const char *end = line_end(data, data + length, &next);
  size_t word, found;
  return dim > 0 && parse_line(data, end, dim, NULL, &word, &found);
}

size_t loci__vectors_text_dim(const char *data, size_t length) {
  size_t seen[FIRST_LINES], n_lines = 0, best = 0, most = 0;
  const char *at = data, *const all_end = data + length;
  while (n_lines < FIRST_LINES && at < all_end) {
    const char *next;
    const char *end = line_end(at, all_end, &next);
    size_t word;
    if (end > at) parse_line(at, end, SIZE_MAX, NULL, &word, &seen[n_lines++]);
    at = next < all_end ? next + 1 : all_end;
  }
  /* All fields but the first may be numbers, and a word may end with one ("no 1"), so what most lines have is it. */
  for (size_t i = 0; i < n_lines; i++) {
    size_t n = 0;
    for (size_t j = 0; j < n_lines; j++) n += seen[j] == seen[i];
    if (n > most || (n == most && seen[i] > best)) {
      most = n;
      best = seen[i];
    }
  }
  return best;
}

/* ---- chunks ---- */

typedef struct chunk {
  size_t begin, end; /* bytes: whole lines */
  size_t first, n;   /* rows */
  size_t odd;
} chunk;

typedef struct work {
  loci_vectors *vectors;
  const char *data;
  size_t length, header;
  chunk *chunks;
  size_t n_chunks;
} work;

/* Where the line that `at` lies in began, and its number: only for messages, so it may cost a pass. */
static loci_status broken(const work *w, const char *line, const char *end, size_t found, loci_error *error) {
  size_t number = 1;
  for (const char *at = w->data; at < line; number++) {
    const char *next = memchr(at, '\n', (size_t)(line - at));
    if (next == NULL) break;
    at = next + 1;
  }
  const size_t shown = (size_t)(end - line) < SHOWN ? (size_t)(end - line) : SHOWN;
  char start[SHOWN + 1];
  for (size_t i = 0; i < shown; i++) start[i] = (unsigned char)line[i] < 32 ? '?' : line[i];
  start[shown] = '\0';
  return loci__fail_at(error, LOCI_ERROR_FORMAT, line - w->data,
                       "%s: line %zu ('%s%s') ends with %zu numbers behind a word, not %zu: the file is cut short or "
                       "broken there",
                       w->vectors->path, number, start, shown < (size_t)(end - line) ? "…" : "", found,
                       w->vectors->dim);
}

static loci_status count_lines(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  (void)error;
  const work *w = arg;
  chunk *c = &w->chunks[task];
  const char *at = w->data + c->begin, *const all_end = w->data + c->end;
  while (at < all_end) {
    const char *next;
    c->n += line_end(at, all_end, &next) > at;
    at = next < all_end ? next + 1 : all_end;
  }
  return LOCI_OK;
}

static loci_status parse_chunk(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  const work *w = arg;
  chunk *c = &w->chunks[task];
  loci_vectors *v = w->vectors;
  const char *at = w->data + c->begin, *const all_end = w->data + c->end;
  for (size_t row = c->first; at < all_end && row < v->n;) {
    const char *next;
    const char *end = line_end(at, all_end, &next);
    if (end > at) {
      float *to = v->owned_rows + row * v->dim;
      const char *space = memchr(at, ' ', (size_t)(end - at));
      size_t length = space != NULL ? (size_t)(space - at) : 0, found = 0;
      if (space == NULL || !parse_rest(space, end, v->dim, to)) {
        if (!parse_line(at, end, v->dim, to, &length, &found)) return broken(w, at, end, found, error);
      }
      if (length > UINT32_MAX) return broken(w, at, end, v->dim, error);
      v->words[row] = at;
      v->lengths[row] = (uint32_t)length;
      c->odd += loci__floats_odd(to, v->dim);
      row++;
    }
    at = next < all_end ? next + 1 : all_end;
  }
  return LOCI_OK;
}

/* Cuts at the first line end at or behind each multiple of CHUNK; one pass over each byte at most. */
static loci_status cut(work *w, loci_error *error) {
  const size_t most = (w->length - w->header) / CHUNK + 1;
  w->chunks = loci__alloc_zero(w->vectors->context, most, sizeof *w->chunks);
  if (w->chunks == NULL) return loci__fail_memory(error, most * sizeof *w->chunks, w->vectors->path);
  size_t at = w->header;
  while (at < w->length) {
    chunk *c = &w->chunks[w->n_chunks++];
    c->begin = at;
    size_t end = w->length;
    if (w->length - at > CHUNK) {
      const char *from = w->data + at + CHUNK - 1;
      const char *found = memchr(from, '\n', w->length - at - (CHUNK - 1));
      if (found != NULL) end = (size_t)(found - w->data) + 1;
    }
    c->end = at = end;
  }
  return LOCI_OK;
}

static loci_status read_all(work *w, const loci__vectors_in *in, uint64_t promised, size_t dim, loci_error *error) {
  loci_vectors *v = w->vectors;
  LOCI__TRY(cut(w, error));
  LOCI__TRY(loci__pool_run(v->context, w->n_chunks, count_lines, w, error));
  size_t lines = 0;
  for (size_t i = 0; i < w->n_chunks; i++) {
    w->chunks[i].first = lines;
    lines += w->chunks[i].n;
  }
  const bool header = v->format == LOCI_VECTORS_TEXT;
  if (header && lines < promised && lines < in->most)
    return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)w->length,
                         "%s: the header promises %llu words, the file has %zu: it is cut short", v->path,
                         (unsigned long long)promised, lines);
  size_t n = header && lines > promised ? (size_t)promised : lines;
  if (n > in->most) n = in->most;
  else if (n < lines)
    loci__log(v->context, LOCI_LOG_WARNING, "%s: %zu lines behind the %zu that the header promises were not read",
              v->path, lines - n, n);
  /* A row takes at least two bytes a number: so the table is never more than twice the file. */
  if (dim > w->length || n > w->length / 2 / dim + 1)
    return loci__fail_at(error, LOCI_ERROR_FORMAT, 0,
                         "%s: %zu lines of %zu numbers do not fit into the file's %zu bytes: it is cut short or broken",
                         v->path, n, dim, w->length);
  LOCI__TRY(loci__vectors_reserve(v, in, n, dim, true, error));
  LOCI__TRY(loci__pool_run(v->context, w->n_chunks, parse_chunk, w, error));
  for (size_t i = 0; i < w->n_chunks; i++) v->n_not_finite += w->chunks[i].odd;
  return loci__vectors_own_words(v, in, error);
}

/* With `most`: the bytes up to the end of so many lines. */
static size_t bytes_of(const char *data, size_t length, size_t header, size_t most) {
  const char *at = data + header, *const all_end = data + length;
  for (size_t n = 0; n < most && at < all_end;) {
    const char *next;
    n += line_end(at, all_end, &next) > at;
    at = next < all_end ? next + 1 : all_end;
  }
  return (size_t)(at - data);
}

loci_status loci__vectors_text_read(loci_vectors *vectors, const loci__vectors_in *in, loci_error *error) {
  uint64_t promised = 0, dim64 = 0;
  size_t header = 0;
  if (vectors->format == LOCI_VECTORS_TEXT) {
    if (!loci__vectors_header(in->data, in->length, &promised, &dim64, &header))
      return loci__fail_at(error, LOCI_ERROR_FORMAT, 0, "%s: no header", vectors->path);
    if (promised == 0 || dim64 == 0 || dim64 > in->length)
      return loci__fail_at(error, LOCI_ERROR_FORMAT, 0, "%s: the header promises %llu words of %llu numbers",
                           vectors->path, (unsigned long long)promised, (unsigned long long)dim64);
  } else {
    dim64 = loci__vectors_text_dim(in->data, in->length);
    if (dim64 == 0) return loci__fail_at(error, LOCI_ERROR_FORMAT, 0, "%s: no lines of vectors", vectors->path);
  }
  work w = {.vectors = vectors, .data = in->data, .length = in->length, .header = header};
  if (in->most < SIZE_MAX) w.length = bytes_of(in->data, in->length, header, in->most);
  vectors->dim = (size_t)dim64;
  const loci_status status = read_all(&w, in, promised, (size_t)dim64, error);
  loci__free(vectors->context, w.chunks);
  return status;
}
