/* markdown.c: Markdown (CommonMark with GitHub's tables, strikethrough, task lists and links) to blocks, through md4c.
 *
 * md4c calls with pieces of text that point into the source, so a block's lines are those of its first and last piece.
 * YAML front matter is not Markdown: it is stepped over, its title taken. Raw HTML gives its text.
 */
#include "helper.h"

#include <md4c.h>

typedef struct markdown {
  loci__document_builder builder;
  const char *source;
  size_t length;
  size_t at; /* a place in the source, and the line it lies in */
  uint32_t line;
  uint32_t first_line, last_line; /* of the block at work; first 0 = no text yet */
  unsigned items;                 /* depth of lists' items around */
  unsigned heading;               /* level, while in one */
  bool table, code, html, has_title;
  char *title;
} markdown;

static uint32_t line_of(markdown *m, size_t offset) {
  while (m->at < offset) m->line += m->source[m->at++] == '\n';
  while (m->at > offset) m->line -= m->source[--m->at] == '\n';
  return m->line;
}

static void end_block(markdown *m, loci__block_kind kind, uint32_t level) {
  if (m->first_line) {
    if (kind == LOCI__BLOCK_HEADING && level == 1 && !m->has_title) {
      m->has_title = true;
      loci__builder_title(&m->builder, m->builder.text.data, m->builder.text.length);
    }
    loci__builder_end(&m->builder, kind, level, m->first_line, m->last_line, 0);
  } else {
    loci__buffer_clear(&m->builder.text);
  }
  m->first_line = m->last_line = 0;
}

/* The block that text outside of tables, code and headings belongs to. */
static void end_running(markdown *m) {
  if (!m->table && !m->code && !m->html && !m->heading)
    end_block(m, m->items ? LOCI__BLOCK_ITEM : LOCI__BLOCK_PARAGRAPH, 0);
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *user) {
  markdown *m = user;
  end_running(m);
  switch (type) {
    case MD_BLOCK_LI: m->items++; break;
    case MD_BLOCK_H: m->heading = ((const MD_BLOCK_H_DETAIL *)detail)->level; break;
    case MD_BLOCK_CODE: m->code = true; break;
    case MD_BLOCK_HTML: m->html = true; break;
    case MD_BLOCK_TABLE: m->table = true; break;
    case MD_BLOCK_TR:
      if (m->first_line) loci__buffer_putc(&m->builder.text, '\n');
      break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
      if (m->builder.text.length && m->builder.text.data[m->builder.text.length - 1] != '\n')
        loci__buffer_putc(&m->builder.text, '\t');
      break;
    default: break;
  }
  return m->builder.failed || m->builder.text.failed;
}

/* Tags and comments out of raw HTML, in place; a tag leaves a space. */
static void strip_tags(loci__buffer *text) {
  size_t n = 0;
  for (size_t i = 0; i < text->length;) {
    const char *from = text->data + i;
    size_t left = text->length - i;
    const char *end = NULL;
    if (left >= 4 && !memcmp(from, "<!--", 4)) {
      end = memmem(from + 4, left - 4, "-->", 3);
      i = end ? (size_t)(end - text->data) + 3 : text->length;
    } else if (*from == '<' && left > 1 &&
               (from[1] == '/' || from[1] == '!' || ((from[1] | 32) >= 'a' && (from[1] | 32) <= 'z'))) {
      static const char *const raw[] = {"script", "style"};
      const char *close = NULL;
      for (size_t k = 0; k < LOCI__COUNT(raw) && !close; k++) {
        size_t size = strlen(raw[k]);
        if (left > size + 1 && !strncasecmp(from + 1, raw[k], size)) {
          close = strcasestr(from + 1, k ? "</style" : "</script");
          if (!close) close = text->data + text->length;
        }
      }
      if (close) i = (size_t)(close - text->data);
      end = i < text->length ? memchr(text->data + i, '>', text->length - i) : NULL;
      i = end ? (size_t)(end - text->data) + 1 : text->length;
    } else {
      text->data[n++] = *from;
      i++;
      continue;
    }
    text->data[n++] = ' '; /* n < i: a tag has at least two characters */
  }
  if (text->data) text->data[n] = 0;
  text->length = n;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *user) {
  (void)detail;
  markdown *m = user;
  switch (type) {
    case MD_BLOCK_H:
      end_block(m, LOCI__BLOCK_HEADING, m->heading);
      m->heading = 0;
      break;
    case MD_BLOCK_CODE:
      end_block(m, LOCI__BLOCK_CODE, 0);
      m->code = false;
      break;
    case MD_BLOCK_HTML:
      strip_tags(&m->builder.text);
      end_block(m, m->items ? LOCI__BLOCK_ITEM : LOCI__BLOCK_PARAGRAPH, 0);
      m->html = false;
      break;
    case MD_BLOCK_TABLE:
      end_block(m, LOCI__BLOCK_TABLE, 0);
      m->table = false;
      break;
    case MD_BLOCK_LI:
      end_running(m);
      m->items--;
      break;
    default: end_running(m); break;
  }
  return m->builder.failed || m->builder.text.failed;
}

static int span(MD_SPANTYPE type, void *detail, void *user) {
  (void)type;
  (void)detail;
  (void)user;
  return 0;
}

static int take_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *user) {
  markdown *m = user;
  loci__buffer *out = &m->builder.text;
  if (text >= m->source && text < m->source + m->length && size) {
    size_t offset = (size_t)(text - m->source);
    uint32_t first = line_of(m, offset);
    /* A line end that closes the piece belongs to the line that it ends. */
    uint32_t last = line_of(m, offset + size - 1);
    if (!m->first_line) m->first_line = first;
    m->last_line = last;
  }
  switch (type) {
    case MD_TEXT_BR:
    case MD_TEXT_SOFTBR: loci__buffer_putc(out, m->table || m->heading ? ' ' : '\n'); break;
    case MD_TEXT_NULLCHAR: break;
    case MD_TEXT_ENTITY:
      if (size < 3 || !helper_put_entity(out, text + 1, size - 2)) loci__buffer_append(out, text, size);
      break;
    case MD_TEXT_HTML:
      if (m->html) loci__buffer_append(out, text, size);
      break;
    default: loci__buffer_append(out, text, size); break;
  }
  return m->builder.failed || out->failed;
}

/* Front matter: "---" as the very first line, up to the next "---" or "..."; the title of a "title:" line. Returns where
 * the Markdown begins. */
static size_t front_matter(markdown *m) {
  const char *s = m->source;
  if (m->length < 8 || memcmp(s, "---", 3) != 0 || (s[3] != '\n' && s[3] != '\r')) return 0;
  const char *title = NULL;
  size_t title_length = 0;
  for (size_t at = 0; at < m->length;) {
    const char *newline = memchr(s + at, '\n', m->length - at);
    size_t next = newline ? (size_t)(newline - s) + 1 : m->length, end = next;
    while (end > at && (s[end - 1] == '\n' || s[end - 1] == '\r' || s[end - 1] == ' ')) end--;
    if (at > 0 && end - at == 3 && (!memcmp(s + at, "---", 3) || !memcmp(s + at, "...", 3))) {
      if (title) {
        loci__builder_title(&m->builder, title, title_length);
        m->has_title = true;
      }
      return next;
    }
    if (end - at > 6 && !memcmp(s + at, "title:", 6)) {
      size_t from = at + 6;
      while (from < end && s[from] == ' ') from++;
      if (end - from >= 2 && (s[from] == '"' || s[from] == '\'') && s[end - 1] == s[from]) from++, end--;
      title = s + from;
      title_length = end - from;
    }
    at = next;
  }
  return 0;
}

loci__helper_reason helper_markdown(const char *text, size_t length, loci__buffer *out) {
  if (length > UINT32_MAX / 2) return LOCI__HELPER_TOO_LARGE;
  markdown m = {.source = text, .length = length, .line = 1};
  loci__builder_init(&m.builder, NULL);
  size_t begin = front_matter(&m);
  MD_PARSER parser = {.flags = MD_DIALECT_GITHUB,
                      .enter_block = enter_block,
                      .leave_block = leave_block,
                      .enter_span = span,
                      .leave_span = span,
                      .text = take_text};
  int failed = md_parse(text + begin, (MD_SIZE)(length - begin), &parser, &m);
  loci__document document;
  if (failed) m.builder.failed = LOCI_ERROR_MEMORY; /* md4c fails for nothing else but a callback that said so */
  loci_status status = loci__builder_finish(&m.builder, "markdown", "UTF-8", &document, NULL);
  if (status != LOCI_OK) return status == LOCI_ERROR_LIMIT ? LOCI__HELPER_TOO_LARGE : LOCI__HELPER_DIED;
  loci__document_write(&document, out);
  loci__document_release(&document);
  return LOCI__HELPER_NONE;
}
