/* chunk.c: a document's blocks to chunks that fit the model. See chunk.h.
 *
 * Model. A unit is what is never parted: a sentence of a paragraph, an item or a heading, a line of code, a row of a
 * table; a unit longer than a chunk is cut into several at token boundaries. A run is the units from one heading to the
 * next. A chunk is consecutive units with the separators that stood between them.
 *
 * Phases: 1. units, with their tokens counted: text is encoded once, in slices of some 16 kB that end between units, and
 * tokens are dealt to units by their offsets. 2. Units are packed: sections first (which runs may share a chunk), then
 * each group of runs is parted evenly, so that no tiny rest is left: n chunks where n are needed, each closed at its
 * share of the tokens, at the end of a block when one is near.
 *
 * Counts are sums over units. That is exact where the tokenizer never joins text over white space, nor over the ends of
 * sentences without white space (CJK), as WordPiece does not; the tests encode every chunk again. A unit that had to
 * be cut inside a word ends its chunk, so that halves of words never meet again.
 *
 * Lines of a unit are those of its place in the block (see base/document.h): exact when the block's text has a '\n' for
 * each line end of the source, interpolated within the block otherwise.
 *
 * Time is linear in the text: a cut looks at a window of bounded length.
 */
#include "chunk.h"

enum {
  SLICE = 16 << 10,      /* bytes encoded at a time */
  WINDOW_PER_TOKEN = 64, /* a piece of a unit has at most so many bytes a token of the limit */
  MAX_GAP = 64,          /* white space between units is kept as it is up to this */
  MAX_LEVEL = 6
};

typedef struct unit {
  const char *text;
  size_t length;
  uint32_t n_tokens;
  uint32_t line_start, line_end, page;
  uint8_t level;    /* of a heading, else 0 */
  bool opens_block; /* the first of its block */
  bool ends_chunk;  /* cut inside a word */
  bool item;        /* of an item, which a line end parts from what stands before it; other blocks an empty line */
} unit;

typedef struct chunker {
  loci_context *context;
  const loci_tokenizer *tokenizer;
  loci__chunks *out;
  uint32_t limit;   /* tokens of a chunk without the special ones */
  uint32_t special; /* how many these are */
  uint32_t overlap; /* tokens */
  unit *units;
  size_t n, capacity;
  loci_tokens tokens;
  loci_status failed;
  loci_error *error;

  /* Of the block at work. */
  const loci__block *block;
  size_t n_newlines;
  size_t line_at, newlines_at; /* a place in the block and the '\n' before it */
  size_t block_units;          /* its first unit */
  size_t first_uncounted;      /* the first unit whose tokens are not counted yet */
  size_t slice_start;          /* the offset of that */

  loci__buffer text, path; /* scratch for a chunk's text and heading */
} chunker;

/* ---- lines ----------------------------------------------------------------------------------- */

/* Newlines of the block before `offset`; calls come in rising order but for bounded steps back. */
static size_t newlines_before(chunker *c, size_t offset) {
  const char *text = c->block->text;
  while (c->line_at < offset) c->newlines_at += text[c->line_at++] == '\n';
  while (c->line_at > offset) c->newlines_at -= text[--c->line_at] == '\n';
  return c->newlines_at;
}

/* The line that the byte at `offset` lies on; `up` rounds an estimate up. */
static uint32_t line_of(chunker *c, size_t offset, bool up) {
  const loci__block *block = c->block;
  uint64_t span = block->line_end - block->line_start, before = newlines_before(c, offset);
  if (c->n_newlines == span) return block->line_start + (uint32_t)before;
  uint64_t whole = block->length, part = offset;
  if (c->n_newlines) {
    whole = c->n_newlines + 1;
    part = before + (up ? 1 : 0);
  }
  uint64_t line = span * part / whole;
  if (up && span * part % whole) line++;
  return block->line_start + (uint32_t)(line < span ? line : span);
}

/* ---- phase 1: units -------------------------------------------------------------------------- */

static bool encode(chunker *c, const char *text, size_t length) {
  if (c->failed) return false;
  c->failed = loci_tokenizer_encode(c->tokenizer, text, length, 0, &c->tokens, c->error);
  return c->failed == LOCI_OK;
}

static unit *add_unit(chunker *c, size_t start, size_t length) {
  if (c->failed) return NULL;
  if (!loci__grow(c->context, &c->units, &c->capacity, c->n + 1, sizeof *c->units)) {
    c->failed = loci__fail_memory(c->error, (c->n + 1) * sizeof *c->units, "the sentences of a document");
    return NULL;
  }
  const loci__block *block = c->block;
  unit *u = &c->units[c->n];
  *u = (unit){.text = block->text + start, .length = length, .page = block->page, .level = (uint8_t)block->level};
  u->line_start = line_of(c, start, false);
  u->line_end = line_of(c, start + length - 1, true);
  if (u->line_end < u->line_start) u->line_end = u->line_start;
  if (c->n == c->block_units) {
    u->opens_block = true;
    u->item = block->kind == LOCI__BLOCK_ITEM;
  }
  c->n++;
  return u;
}

static bool is_space(char ch) {
  return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

/* The end of a beginning of about `size` bytes that ends between characters; at least one character. */
static size_t whole_characters(const char *text, size_t length, size_t size) {
  if (length <= size) return length;
  size_t end = size;
  while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80) end--;
  if (end > 0) return end;
  size_t used;
  loci__utf8_next(text, length, &used, NULL);
  return used;
}

/* The length of the longest good beginning of text[0..length) that fits a chunk with an eighth to spare, so that the
 * heading above it does; *n_tokens is the number of its tokens, *clean whether it ends at white space or with the text.
 * Encodes a window of bounded size. */
static size_t cut(chunker *c, const char *text, size_t length, uint32_t *n_tokens, bool *clean) {
  const uint32_t limit = c->limit - c->limit / 8;
  size_t window = whole_characters(text, length, (size_t)limit * 8);
  for (;;) {
    if (!encode(c, text, window)) return length;
    if (c->tokens.n_tokens > limit || window == length || window >= (size_t)limit * (WINDOW_PER_TOKEN / 2)) break;
    window = whole_characters(text, length, window * 2);
  }
  size_t n = c->tokens.n_tokens;
  *clean = true;
  *n_tokens = (uint32_t)n;
  if (n <= limit && window == length) return length;
  /* A cut at white space, if one lies in the second half: what stands on either side is encoded as it was. */
  size_t from = n <= limit ? window : c->tokens.starts[limit], half = from / 2;
  size_t at = from;
  while (at > half && !is_space(text[at - 1])) at--;
  if (at > half) {
    size_t stop = at;
    while (stop > 0 && is_space(text[stop - 1])) stop--;
    if (stop > 0) {
      uint32_t count = 0;
      while (count < n && c->tokens.starts[count] < stop) count++;
      *n_tokens = count;
      return stop;
    }
  }
  /* Inside a word: the beginning is counted anew, since half a word may have more tokens than its share. */
  *clean = false;
  at = whole_characters(text, length, from);
  for (;;) {
    if (!encode(c, text, at)) return length;
    if (c->tokens.n_tokens <= limit || at <= 4) break; /* a character has no more than four bytes */
    at = whole_characters(text, length, at - at / 4);
  }
  *n_tokens = (uint32_t)c->tokens.n_tokens;
  return at;
}

/* A unit longer than a chunk, in pieces. */
static void add_pieces(chunker *c, size_t start, size_t length) {
  const char *text = c->block->text;
  while (length && !c->failed) {
    uint32_t n_tokens;
    bool clean;
    size_t piece = cut(c, text + start, length, &n_tokens, &clean);
    if (c->failed) return;
    unit *u = add_unit(c, start, piece);
    if (!u) return;
    u->n_tokens = n_tokens;
    u->ends_chunk = !clean;
    start += piece;
    length -= piece;
    while (length && is_space(text[start])) start++, length--;
  }
}

/* Deals the tokens of the slice that ends at `end` to the units since first_uncounted. A unit that turns out to be
 * longer than a chunk is taken back with those behind it, and cut. */
static void count_slice(chunker *c, size_t end) {
  size_t first = c->first_uncounted, last = c->n;
  c->first_uncounted = c->n;
  if (c->failed || first == last) return;
  const char *base = c->block->text + c->slice_start;
  if (!encode(c, base, end - c->slice_start)) return;
  size_t t = 0;
  bool long_one = false;
  for (size_t i = first; i < last; i++) {
    size_t stop = (size_t)(c->units[i].text + c->units[i].length - base);
    size_t before = t;
    while (t < c->tokens.n_tokens && c->tokens.starts[t] < stop) t++;
    c->units[i].n_tokens = (uint32_t)(t - before);
    long_one |= c->units[i].n_tokens > c->limit;
  }
  if (!long_one) return;
  size_t n_kept = last - first;
  unit *kept = loci__alloc_array(c->context, n_kept, sizeof *kept);
  if (!kept) {
    c->failed = loci__fail_memory(c->error, n_kept * sizeof *kept, "the sentences of a document");
    return;
  }
  memcpy(kept, c->units + first, n_kept * sizeof *kept);
  c->n = first;
  for (size_t i = 0; i < n_kept && !c->failed; i++) {
    size_t start = (size_t)(kept[i].text - c->block->text);
    if (kept[i].n_tokens > c->limit) {
      add_pieces(c, start, kept[i].length);
    } else {
      unit *u = add_unit(c, start, kept[i].length);
      if (u) u->n_tokens = kept[i].n_tokens;
    }
  }
  loci__free(c->context, kept);
  c->first_uncounted = c->n;
}

static void take_span(void *arg, size_t start, size_t length) {
  chunker *c = arg;
  if (c->failed) return;
  if (c->first_uncounted == c->n) c->slice_start = start;
  /* So long that its tokens cannot be few: not encoded as a whole. */
  if (length > (size_t)c->limit * WINDOW_PER_TOKEN) {
    count_slice(c, start);
    add_pieces(c, start, length);
    c->first_uncounted = c->n;
    return;
  }
  if (!add_unit(c, start, length)) return;
  if (start + length - c->slice_start >= SLICE) count_slice(c, start + length);
}

static void take_lines(chunker *c) {
  const char *text = c->block->text;
  size_t length = c->block->length;
  for (size_t at = 0; at < length && !c->failed;) {
    const char *newline = memchr(text + at, '\n', length - at);
    size_t end = newline ? (size_t)(newline - text) : length, stop = end;
    while (stop > at && is_space(text[stop - 1])) stop--;
    if (stop > at) take_span(c, at, stop - at);
    at = end + 1;
  }
}

static void take_block(chunker *c, const loci__block *block) {
  c->block = block;
  c->n_newlines = 0;
  for (size_t i = 0; i < block->length; i++) c->n_newlines += block->text[i] == '\n';
  c->line_at = c->newlines_at = 0;
  c->block_units = c->first_uncounted = c->n;
  if (block->kind == LOCI__BLOCK_CODE || block->kind == LOCI__BLOCK_TABLE) take_lines(c);
  else if (block->kind == LOCI__BLOCK_HEADING && block->length <= SLICE) take_span(c, 0, block->length);
  else loci__sentences(block->text, block->length, take_span, c);
  count_slice(c, block->length);
}

/* ---- headings -------------------------------------------------------------------------------- */

/* The headings above a unit, by level: unit number + 1, 0 = none. */
typedef struct headings {
  size_t at[MAX_LEVEL + 1];
} headings;

static void enter_heading(headings *path, uint8_t level, size_t i) {
  path->at[level] = i + 1;
  for (int l = level + 1; l <= MAX_LEVEL; l++) path->at[l] = 0;
}

/* What two paths share. */
static void share(headings *a, const headings *b) {
  bool same = true;
  for (int l = 1; l <= MAX_LEVEL; l++) {
    same = same && a->at[l] == b->at[l];
    if (!same) a->at[l] = 0;
  }
}

static const char *path_text(chunker *c, const headings *path) {
  loci__buffer_clear(&c->path);
  for (int l = 1; l <= MAX_LEVEL; l++) {
    if (!path->at[l]) continue;
    const unit *u = &c->units[path->at[l] - 1];
    if (c->path.length) loci__buffer_puts(&c->path, " > ");
    size_t length = u->length < 200 ? u->length : whole_characters(u->text, u->length, 200);
    for (size_t i = 0; i < length; i++) loci__buffer_putc(&c->path, u->text[i] == '\n' ? ' ' : u->text[i]);
  }
  return c->path.failed ? NULL
                        : loci__arena_strndup(&c->out->arena, c->path.length ? c->path.data : "", c->path.length);
}

/* ---- phase 2: packing ------------------------------------------------------------------------ */

/* Units [first, end) become a chunk; path is the headings in force at `first`, before it. */
static void emit(chunker *c, size_t first, size_t end, const headings *before) {
  if (c->failed || first >= end) return;
  headings path = *before, common = {0};
  bool has_body = false;
  loci__chunk chunk = {.line_start = c->units[first].line_start, .page = c->units[first].page, .n_tokens = c->special};
  loci__buffer_clear(&c->text);
  for (size_t i = first; i < end; i++) {
    const unit *u = &c->units[i];
    if (u->level) {
      /* A heading's further sentences or pieces belong to it. */
      if (u->opens_block) enter_heading(&path, u->level, i);
    } else if (!has_body) {
      common = path;
      has_body = true;
    } else {
      share(&common, &path);
    }
    if (i > first && u->opens_block) {
      loci__buffer_puts(&c->text, u->item ? "\n" : "\n\n");
    } else if (i > first) {
      /* Both lie in one block's text, so does what stands between them. */
      const char *gap = c->units[i - 1].text + c->units[i - 1].length;
      size_t length = (size_t)(u->text - gap);
      if (length > MAX_GAP) loci__buffer_putc(&c->text, memchr(gap, '\n', length) ? '\n' : ' ');
      else loci__buffer_append(&c->text, gap, length);
    }
    loci__buffer_append(&c->text, u->text, u->length);
    chunk.n_tokens += u->n_tokens;
    if (u->line_end > chunk.line_end) chunk.line_end = u->line_end;
    if (u->line_start < chunk.line_start) chunk.line_start = u->line_start;
  }
  loci__chunks *out = c->out;
  chunk.heading = path_text(c, has_body ? &common : &path);
  chunk.length = c->text.length;
  chunk.text = c->text.failed ? NULL : loci__arena_strndup(&out->arena, c->text.data, c->text.length);
  if (!chunk.heading || !chunk.text || !loci__grow(c->context, &out->items, &out->capacity, out->n + 1, sizeof chunk)) {
    c->failed = loci__fail_memory(c->error, chunk.length, "a chunk");
    return;
  }
  out->items[out->n++] = chunk;
}

/* How many units before `at`, back to `floor`, the next chunk repeats: whole ones, up to the overlap, and so that the
 * unit at `at` still fits. */
static size_t repeat_from(const chunker *c, size_t floor, size_t at) {
  uint32_t used = 0, room = c->limit - c->units[at].n_tokens;
  size_t from = at;
  while (from > floor && !c->units[from - 1].level && !c->units[from - 1].ends_chunk) {
    uint32_t more = c->units[from - 1].n_tokens;
    if (used + more > c->overlap || used + more > room) break;
    used += more;
    from--;
  }
  return from;
}

/* Parts units [first, end), which belong together, into chunks. *path is moved over them. */
static void part(chunker *c, size_t first, size_t end, headings *path) {
  uint64_t total = 0;
  for (size_t i = first; i < end; i++) total += c->units[i].n_tokens;
  /* Even shares: each chunk but the first repeats up to `overlap`. */
  uint64_t n_chunks =
      total <= c->limit ? 1 : (total - c->overlap + c->limit - c->overlap - 1) / (c->limit - c->overlap);
  uint64_t share_of = total <= c->limit ? c->limit : (total + (n_chunks - 1) * c->overlap + n_chunks - 1) / n_chunks;
  if (share_of > c->limit) share_of = c->limit;
  size_t begin = first;
  headings before = *path;
  uint32_t used = 0;
  for (size_t i = first; i < end && !c->failed; i++) {
    const unit *u = &c->units[i];
    bool close = used + u->n_tokens > c->limit || (i > begin && c->units[i - 1].ends_chunk);
    if (!close && i > begin && total > c->limit && !c->units[i - 1].level) {
      close = used >= share_of;
      /* Near the share, a block that would pass it stays whole for the next chunk. */
      if (u->opens_block && used >= share_of - share_of / 4) {
        uint64_t block = 0;
        for (size_t k = i; k < end && block <= c->limit && (k == i || !c->units[k].opens_block); k++)
          block += c->units[k].n_tokens;
        close = close || used + block > share_of;
      }
    }
    if (close && i > begin) {
      emit(c, begin, i, &before);
      size_t from = repeat_from(c, begin + 1, i);
      before = *path;
      begin = from;
      used = 0;
      for (size_t k = from; k < i; k++) used += c->units[k].n_tokens;
    }
    used += u->n_tokens;
    if (u->level && u->opens_block) enter_heading(path, u->level, i);
  }
  emit(c, begin, end, &before);
}

/* Where the run that begins at `first` (with a heading, or the document) ends: at the next heading. */
static size_t run_end(const chunker *c, size_t first, uint64_t *n_tokens) {
  size_t i = first;
  *n_tokens = 0;
  do {
    *n_tokens += c->units[i].n_tokens;
    i++;
  } while (i < c->n && !(c->units[i].level && c->units[i].opens_block));
  return i;
}

/* Groups runs and parts each group. A run joins the group before it when that is small and both fit one chunk: below
 * the group's own heading up to a quarter of a chunk, beside it up to an eighth; a group of headings alone always takes
 * what lies below it. */
static void pack(chunker *c) {
  headings path = {0};
  for (size_t first = 0; first < c->n && !c->failed;) {
    uint64_t used, more;
    size_t end = run_end(c, first, &used);
    uint8_t floor = c->units[first].level;
    bool has_body = !c->units[end - 1].level;
    while (end < c->n) {
      uint8_t level = c->units[end].level;
      size_t next = run_end(c, end, &more);
      if (level < floor) break;
      bool below = level > floor;
      bool joins = used + more <= c->limit && used < c->limit / (below ? 4 : 8);
      if (!joins && !(below && !has_body && used + c->units[end].n_tokens <= c->limit)) break;
      has_body = has_body || !c->units[next - 1].level;
      used += more;
      end = next;
    }
    part(c, first, end, &path);
    first = end;
  }
}

/* ---- the whole ------------------------------------------------------------------------------- */

loci_status loci__chunk_document(loci_context *context, const loci__document *document, const loci_tokenizer *tokenizer,
                                 const loci__chunk_options *options, loci__chunks *out, loci_error *error) {
  memset(out, 0, sizeof *out);
  loci__arena_init(&out->arena, context);
  size_t max_tokens = options && options->max_tokens ? options->max_tokens : 256;
  double overlap = options ? options->overlap : 0.15;
  if (max_tokens < 16 || max_tokens > 1 << 20 || !(overlap >= 0 && overlap <= 0.5))
    return loci__fail(error, LOCI_ERROR_USAGE, "chunks of %zu tokens with an overlap of %g: 16 or more, and 0 to 0.5",
                      max_tokens, overlap);
  chunker c = {.context = context, .tokenizer = tokenizer, .out = out, .error = error};
  loci_tokens_init(&c.tokens);
  loci__buffer_init(&c.text, context, 0);
  loci__buffer_init(&c.path, context, 0);
  c.failed = loci_tokenizer_encode(tokenizer, "", 0, 1, &c.tokens, error);
  c.special = (uint32_t)c.tokens.n_tokens;
  if (!c.failed && c.special + 8 > max_tokens)
    c.failed = loci__fail(error, LOCI_ERROR_USAGE, "chunks of %zu tokens leave no room beside %u special ones",
                          max_tokens, c.special);
  if (!c.failed) {
    c.limit = (uint32_t)max_tokens - c.special;
    c.overlap = (uint32_t)((double)max_tokens * overlap);
    if (c.overlap > c.limit / 2) c.overlap = c.limit / 2;
    for (size_t i = 0; i < document->n_blocks && !c.failed; i++) take_block(&c, &document->blocks[i]);
    if (!c.failed) pack(&c);
  }
  loci_tokens_release(&c.tokens);
  loci__buffer_release(&c.text);
  loci__buffer_release(&c.path);
  loci__free(context, c.units);
  if (c.failed) loci__chunks_release(out);
  return c.failed;
}

void loci__chunks_release(loci__chunks *chunks) {
  loci_context *context = chunks->arena.context;
  if (context || chunks->arena.blocks || chunks->items) {
    loci__free(context, chunks->items);
    loci__arena_release(&chunks->arena);
  }
  memset(chunks, 0, sizeof *chunks);
}
