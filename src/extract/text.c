/* text.c: plain text to blocks: paragraphs at empty lines, list items at bullets, headings where the text itself says so.
 *
 * What counts as a heading, and no more: a line underlined with one punctuation character ("====", "----" …, as in
 * reStructuredText, where the order of first use gives the level; a line over it too), a numbered title that stands
 * alone ("2.3. The name", "Chapter 4. …", "Appendix A. …"), and "== Title" in AsciiDoc.
 *
 * Phases: 1. the text is cut into lines (with their page), running headers of pages are marked; 2. one pass makes
 * blocks. Each block's text keeps one '\n' for each line end, so a block's lines can be counted in its text.
 */
#include "text.h"

#include <stdlib.h>

enum { MAX_STYLES = 12 };

typedef struct line {
  uint32_t start, length; /* without white space at either end */
  uint32_t indent;        /* columns */
  uint32_t page;
  bool dropped; /* a running header, a page number */
} line;

typedef struct blocker {
  loci__document_builder *builder;
  const char *text;
  line *lines;
  size_t n, capacity;
  loci__text_style style;
  char underlines[MAX_STYLES][2]; /* character and whether a line stands over it, in order of first use */
  unsigned n_underlines;
} blocker;

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\f' || c == '\v';
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* ---- lines ----------------------------------------------------------------------------------- */

static bool cut_lines(blocker *b, size_t length) {
  const char *text = b->text;
  bool pages = b->style == LOCI__TEXT_PAGES;
  uint32_t page = pages ? 1 : 0;
  for (size_t at = 0; at < length;) {
    size_t end = at;
    while (end < length && text[end] != '\n' && text[end] != '\r') end++;
    size_t next = end + (end < length);
    if (end + 1 < length && text[end] == '\r' && text[end + 1] == '\n') next++;
    line row = {0};
    size_t start = at;
    while (start < end && is_blank(text[start])) {
      if (text[start] == '\f' && pages) page++;
      row.indent = text[start] == '\t' ? (row.indent | 7) + 1 : text[start] == '\f' ? 0 : row.indent + 1;
      start++;
    }
    size_t stop = end;
    while (stop > start && is_blank(text[stop - 1])) stop--;
    row.start = (uint32_t)start;
    row.length = (uint32_t)(stop - start);
    row.page = page;
    if (!loci__grow(b->builder->context, &b->lines, &b->capacity, b->n + 1, sizeof *b->lines)) {
      b->builder->failed = LOCI_ERROR_MEMORY;
      return false;
    }
    b->lines[b->n++] = row;
    at = next;
  }
  return true;
}

/* ---- running headers ------------------------------------------------------------------------- */

typedef struct edge {
  uint64_t hash; /* of the line with its digits taken as one */
  size_t line;
  bool outermost; /* the first or the last line of its page */
} edge;

static unsigned number_of(const char *text, size_t length, size_t *used);

/* "CHAPTER 2. GETTING AND INSTALLING": how LaTeX prints a running header. */
static bool is_capital_title(const char *text, size_t length) {
  size_t used;
  if (!number_of(text, length, &used)) return false;
  for (size_t i = 0; i < length; i++)
    if (text[i] >= 'a' && text[i] <= 'z') return false;
  return true;
}

static int by_hash(const void *a, const void *b) {
  const edge *x = a, *y = b;
  return x->hash < y->hash ? -1 : x->hash > y->hash ? 1 : x->line < y->line ? -1 : x->line > y->line;
}

static uint64_t hash_line(const char *text, size_t length) {
  uint64_t hash = 14695981039346656037u; /* FNV-1a, so that digits can be folded on the way */
  for (size_t i = 0; i < length; i++) {
    if (is_digit(text[i]) && i > 0 && is_digit(text[i - 1])) continue;
    hash = (hash ^ (is_digit(text[i]) ? '0' : (unsigned char)text[i])) * 1099511628211u;
  }
  return hash;
}

/* The first and the last two lines of a page are its edges. No text of the document is an edge that comes back on three
 * pages or more (the outermost one, if it is not short, on two), that is a number alone, or a numbered title in
 * capitals. */
static bool mark_edges(blocker *b) {
  loci_context *context = b->builder->context;
  edge *edges = NULL;
  size_t n = 0, capacity = 0;
  for (size_t first = 0; first < b->n;) {
    size_t last = first;
    while (last < b->n && b->lines[last].page == b->lines[first].page) last++;
    size_t picks[4], n_picks = 0;
    for (size_t i = first; i < last && n_picks < 2; i++)
      if (b->lines[i].length) picks[n_picks++] = i;
    size_t head = n_picks;
    for (size_t i = last; i-- > first && n_picks < head + 2;)
      if (b->lines[i].length && (!head || i > picks[head - 1])) picks[n_picks++] = i;
    if (!loci__grow(context, &edges, &capacity, n + n_picks, sizeof *edges)) {
      loci__free(context, edges);
      b->builder->failed = LOCI_ERROR_MEMORY;
      return false;
    }
    for (size_t i = 0; i < n_picks; i++) {
      const line *row = &b->lines[picks[i]];
      edges[n++] = (edge){hash_line(b->text + row->start, row->length), picks[i], i == 0 || i == head};
    }
    first = last;
  }
  if (n) qsort(edges, n, sizeof *edges, by_hash);
  uint64_t number = hash_line("0", 1);
  for (size_t i = 0; i < n;) {
    size_t end = i;
    while (end < n && edges[end].hash == edges[i].hash) end++;
    for (size_t j = i; j < end; j++) {
      line *row = &b->lines[edges[j].line];
      row->dropped = end - i >= 3 || edges[i].hash == number ||
                     (end - i == 2 && edges[i].outermost && edges[i + 1].outermost && row->length >= 12) ||
                     is_capital_title(b->text + row->start, row->length);
    }
    i = end;
  }
  loci__free(context, edges);
  return true;
}

/* ---- what a line is -------------------------------------------------------------------------- */

static size_t scalar_count(const char *text, size_t length) {
  size_t n = 0;
  for (size_t i = 0; i < length; i++) n += ((unsigned char)text[i] & 0xC0) != 0x80;
  return n;
}

/* One punctuation character over and over, at least three times: it, else 0. */
static char rule_of(const blocker *b, size_t i) {
  if (i >= b->n || b->lines[i].length < 3) return 0;
  const char *text = b->text + b->lines[i].start;
  if (!memchr("=-~^\"*+#'`:._", text[0], 13)) return 0;
  for (size_t k = 1; k < b->lines[i].length; k++)
    if (text[k] != text[0]) return 0;
  return text[0];
}

static uint32_t underline_level(blocker *b, char c, bool over) {
  unsigned i = 0;
  while (i < b->n_underlines && !(b->underlines[i][0] == c && b->underlines[i][1] == over)) i++;
  if (i == b->n_underlines && i < MAX_STYLES) {
    b->underlines[i][0] = c;
    b->underlines[i][1] = over;
    b->n_underlines++;
  }
  return i < 6 ? i + 1 : 6;
}

/* "1.", "2.3", "4.1.2.", "Chapter 7.", "Appendix B.": the number of components and the length with the blank behind;
 * 0 when none. */
static unsigned number_of(const char *text, size_t length, size_t *used) {
  size_t at = 0;
  bool named = false;
  static const char *const words[] = {"Chapter ", "Appendix ", "Part ", "CHAPTER ", "APPENDIX ", "PART "};
  for (size_t i = 0; i < LOCI__COUNT(words) && !named; i++) {
    size_t n = strlen(words[i]);
    named = length > n && !memcmp(text, words[i], n);
    if (named) at = n;
  }
  unsigned components = 0;
  size_t digits = 0;
  bool upper = false;
  for (;; components++) {
    size_t start = at;
    while (at < length && is_digit(text[at])) at++;
    if (at == start && components == 0 && at < length && text[at] >= 'A' && text[at] <= 'Z') at++, upper = true;
    digits = at - start;
    if (digits == 0 || digits > 3) break;
    if (at < length && text[at] == '.') at++;
    else {
      components++;
      break;
    }
  }
  bool dotted = at > 0 && text[at - 1] == '.';
  if (at < length && text[at] == ':' && named) at++, dotted = true;
  if (components == 0 || at >= length || text[at] != ' ') return 0;
  if (upper && components == 1 && !named) return 0;   /* "A. Smith" */
  if (components == 1 && !named && !dotted) return 0; /* "3 apples" */
  if (components == 1 && named && !dotted) return 0;  /* "Part 2 of …" */
  while (at < length && text[at] == ' ') at++;
  *used = at;
  return components;
}

/* A bullet or the number of a list item: length with the blank behind, else 0. */
static size_t bullet_of(const char *text, size_t length) {
  static const char *const bullets[] = {"* ", "- ", "+ ", "o ", "•", "◦", "▪", "‣", "·", "–"};
  for (size_t i = 0; i < LOCI__COUNT(bullets); i++) {
    size_t n = strlen(bullets[i]);
    if (length > n && !memcmp(text, bullets[i], n) && (bullets[i][0] != 'o' || length > 2)) return n;
  }
  size_t at = 0;
  if (length && text[0] == '(') at++;
  size_t start = at;
  while (at < length && at - start < 3 && is_digit(text[at])) at++;
  if (at == start && at < length && ((text[at] | 32) >= 'a' && (text[at] | 32) <= 'z') && at + 1 < length &&
      text[at + 1] == ')')
    at++;
  if (at == start || at + 1 >= length || (text[at] != '.' && text[at] != ')') || text[at + 1] != ' ') return 0;
  return at + 2;
}

static bool is_leader(const char *text, size_t length) { /* of a table of contents */
  return memmem(text, length, "....", 4) || memmem(text, length, ". . .", 5);
}

/* Whether lines [first, end), which stand between empty lines, are a numbered title; *level. */
static bool is_numbered_title(const blocker *b, size_t first, size_t end, uint32_t *level) {
  size_t limit = b->style == LOCI__TEXT_PAGES ? 1 : 3, bytes = 0, used = 0;
  if (end - first > limit) return false;
  const line *row = &b->lines[first];
  if (row->indent > 3) return false;
  const char *text = b->text + row->start;
  unsigned components = number_of(text, row->length, &used);
  if (!components || row->length == used) return false;
  for (size_t i = first; i < end; i++) {
    bytes += b->lines[i].length;
    size_t ignored;
    if (i > first && number_of(b->text + b->lines[i].start, b->lines[i].length, &ignored)) return false;
    if (is_leader(b->text + b->lines[i].start, b->lines[i].length)) return false;
  }
  const line *tail = &b->lines[end - 1];
  char last = b->text[tail->start + tail->length - 1];
  char begins = text[used];
  if (tail->length >= 3 && !memcmp(b->text + tail->start + tail->length - 3, "\xE2\x80\xA6", 3)) return false; /* … */
  if (bytes > 200 || last == '.' || last == ',' || last == ';' || last == ':') return false;
  if (begins >= 'a' && begins <= 'z' && components == 1) return false;
  if (components == 1 && is_digit(text[0])) {
    /* "1. Wash your hands" may be an item of a list: a neighbour with a number of one component makes it one. */
    size_t next = end;
    while (next < b->n && !b->lines[next].length) next++;
    if (next == b->n) return false;
    const line *after = &b->lines[next];
    if (number_of(b->text + after->start, after->length, &used) == 1 || bytes > 80) return false;
    size_t before = first;
    while (before > 0 && !b->lines[before - 1].length) before--;
    while (before > 0 && b->lines[before - 1].length) before--;
    if (before < first && b->lines[before].length &&
        number_of(b->text + b->lines[before].start, b->lines[before].length, &used) == 1)
      return false;
  }
  *level = components < 6 ? components : 6;
  return true;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void put_line(blocker *b, size_t i, bool first, bool folded) {
  loci__buffer *out = &b->builder->text;
  const line *row = &b->lines[i];
  const char *text = b->text + row->start;
  if (!first) loci__buffer_putc(out, '\n');
  if (!folded) {
    for (uint32_t k = 0; k < row->indent && k < 256; k++) loci__buffer_putc(out, ' ');
    loci__buffer_append(out, text, row->length);
    return;
  }
  for (size_t k = 0; k < row->length;) {
    size_t end = k;
    while (end < row->length && !is_blank(text[end])) end++;
    loci__buffer_append(out, text + k, end - k);
    while (end < row->length && is_blank(text[end])) end++;
    if (end < row->length) loci__buffer_putc(out, ' ');
    k = end;
  }
}

static void put_block(blocker *b, loci__block_kind kind, uint32_t level, size_t first, size_t end) {
  uint32_t page = b->lines[first].page;
  for (size_t i = first; i < end; i++) put_line(b, i, i == first, kind != LOCI__BLOCK_CODE);
  loci__builder_end(b->builder, kind, level, (uint32_t)first + 1, (uint32_t)end, page);
}

/* A run of lines without an empty one: [first, end). */
static void put_run(blocker *b, size_t first, size_t end) {
  size_t start = first; /* of the block at work */
  for (size_t i = first; i < end; i++) {
    const line *row = &b->lines[i];
    const char *text = b->text + row->start;
    /* Over- and underlined, then underlined. */
    char over = rule_of(b, i), under = 0;
    size_t title = i;
    if (over && i + 2 < end && rule_of(b, i + 2) == over && !rule_of(b, i + 1)) {
      title = i + 1;
      under = over;
    } else if (!over && i + 1 < end) {
      over = 0;
      under = rule_of(b, i + 1);
    }
    if (under &&
        scalar_count(b->text + b->lines[title].start, b->lines[title].length) <= b->lines[title + 1].length + 2 &&
        (i == start || over) && b->lines[title].length <= 200 && under != '.' && under != ':' && under != '_') {
      if (i > start) put_block(b, LOCI__BLOCK_PARAGRAPH, 0, start, i);
      put_line(b, title, true, true);
      loci__builder_end(b->builder, LOCI__BLOCK_HEADING, underline_level(b, under, over != 0), (uint32_t)i + 1,
                        (uint32_t)title + 2, row->page);
      i = title + 1;
      start = i + 1;
      continue;
    }
    if (rule_of(b, i)) { /* a rule of its own says nothing */
      if (i > start)
        put_block(b,
                  bullet_of(b->text + b->lines[start].start, b->lines[start].length) ? LOCI__BLOCK_ITEM
                                                                                     : LOCI__BLOCK_PARAGRAPH,
                  0, start, i);
      start = i + 1;
      continue;
    }
    if (b->style == LOCI__TEXT_ASCIIDOC && text[0] == '=' && row->indent == 0) {
      size_t marks = 0;
      while (marks < row->length && text[marks] == '=') marks++;
      if (marks <= 6 && marks < row->length && text[marks] == ' ') {
        if (i > start) put_block(b, LOCI__BLOCK_PARAGRAPH, 0, start, i);
        b->lines[i].start += (uint32_t)marks + 1;
        b->lines[i].length -= (uint32_t)marks + 1;
        put_block(b, LOCI__BLOCK_HEADING, (uint32_t)marks, i, i + 1);
        start = i + 1;
        continue;
      }
    }
    if (i > start && bullet_of(text, row->length)) {
      bool item = bullet_of(b->text + b->lines[start].start, b->lines[start].length) > 0;
      put_block(b, item ? LOCI__BLOCK_ITEM : LOCI__BLOCK_PARAGRAPH, 0, start, i);
      start = i;
    }
  }
  if (start >= end) return;
  uint32_t level = 0;
  if (start == first && is_numbered_title(b, start, end, &level)) put_block(b, LOCI__BLOCK_HEADING, level, start, end);
  else if (bullet_of(b->text + b->lines[start].start, b->lines[start].length))
    put_block(b, LOCI__BLOCK_ITEM, 0, start, end);
  else put_block(b, LOCI__BLOCK_PARAGRAPH, 0, start, end);
}

/* pdftotext often sets a heading's number apart: "1.6.2", an empty line, "Regular expressions". Whether the run
 * [first, end) is such a number and the next one its title; *level, and *title_end behind that. */
static bool is_parted_title(const blocker *b, size_t first, size_t end, uint32_t *level, size_t *title,
                            size_t *title_end) {
  const line *row = &b->lines[first];
  if (end - first != 1 || row->length > 20) return false;
  char number[24];
  memcpy(number, b->text + row->start, row->length);
  memcpy(number + row->length, " x", 2);
  size_t used, at = end;
  unsigned components = number_of(number, row->length + 2, &used);
  bool named = !is_digit(number[0]);
  if (!named && !(components >= 2 && used == row->length + 1)) return false;
  if (named) { /* "Chapter 4", without the full stop that number_of wants there */
    memcpy(number + row->length, ". x", 3);
    components = number_of(number, row->length + 3, &used);
    if (components != 1 || used != row->length + 2 || row->length < 6) return false;
  }
  while (at < b->n && !b->lines[at].length && b->lines[at].page == row->page) at++;
  if (at >= b->n || b->lines[at].dropped || b->lines[at].page != row->page) return false;
  const line *next = &b->lines[at];
  const char *text = b->text + next->start;
  bool alone = at + 1 >= b->n || !b->lines[at + 1].length || b->lines[at + 1].page != row->page;
  char last = next->length ? text[next->length - 1] : '.';
  bool letter = next->length && ((text[0] >= 'A' && text[0] <= 'Z') || (unsigned char)text[0] >= 128);
  if (!alone || !letter || next->length > 100 || last == '.' || last == ',' || last == ':' ||
      is_leader(text, next->length))
    return false;
  *level = components < 6 ? components : 6;
  *title = at;
  *title_end = at + 1;
  return true;
}

void loci__text_blocks(loci__document_builder *builder, const char *text, size_t length, loci__text_style style) {
  if (length > UINT32_MAX) {
    builder->failed = LOCI_ERROR_LIMIT;
    return;
  }
  /* No-break spaces (DocBook's "Chapter 1.", French punctuation) are spaces here. */
  char *spaced = NULL;
  if (memmem(text, length, "\xC2\xA0", 2)) {
    spaced = loci__alloc(builder->context, length);
    if (!spaced) {
      builder->failed = LOCI_ERROR_MEMORY;
      return;
    }
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
      bool no_break = text[i] == '\xC2' && i + 1 < length && text[i + 1] == '\xA0';
      spaced[n++] = no_break ? ' ' : text[i];
      i += no_break;
    }
    text = spaced;
    length = n;
  }
  blocker b = {.builder = builder, .text = text, .style = style};
  bool good = cut_lines(&b, length) && (style != LOCI__TEXT_PAGES || mark_edges(&b));
  for (size_t i = 0; good && i < b.n;) {
    if (!b.lines[i].length || b.lines[i].dropped) {
      i++;
      continue;
    }
    size_t end = i;
    while (end < b.n && b.lines[end].length && !b.lines[end].dropped && b.lines[end].page == b.lines[i].page) end++;
    uint32_t level;
    size_t title, title_end;
    if (style == LOCI__TEXT_PAGES && is_parted_title(&b, i, end, &level, &title, &title_end)) {
      put_line(&b, i, true, true);
      loci__buffer_putc(&builder->text, ' ');
      put_line(&b, title, true, true);
      loci__builder_end(builder, LOCI__BLOCK_HEADING, level, (uint32_t)i + 1, (uint32_t)title_end, b.lines[i].page);
      end = title_end;
    } else if (style == LOCI__TEXT_SOURCE) put_block(&b, LOCI__BLOCK_CODE, 0, i, end);
    else put_run(&b, i, end);
    i = end;
  }
  loci__free(builder->context, b.lines);
  loci__free(builder->context, spaced);
}
