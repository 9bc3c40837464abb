/* html.c: HTML to blocks, through libxml2's HTML parser, read as events.
 *
 * Events rather than a tree: memory stays flat, depth is ours to bound (libxml2 gives up a tree at 256 levels and cuts
 * its line numbers at 65,535), and the parser's own line counter is exact at each event.
 *
 * Model. Each open element has a frame that inherits from its parent: dropped, inside pre, inside main, the kind of
 * block its text belongs to. Text goes into the block at work, white space folded; a run of white space that holds a
 * line end becomes '\n', so lines can be counted. The beginning or end of a block element ends the block at work.
 *
 * Boilerplate is what the page itself calls so: elements (script, style, nav, form controls, …; header, footer, aside
 * outside of an article), roles (navigation, banner, contentinfo, search …), hidden ones, and the class names that
 * DocBook, Sphinx, MediaWiki and the usual themes give to navigation. When the page marks its main part and that holds
 * a good part of the text, the rest goes. When nothing would be left, the page is read again with none of this but
 * scripts and styles dropped: some text beats none.
 *
 * A table is one block, rows by '\n' and cells by '\t', until something in it (a heading, a list, another table,
 * preformatted text) shows that it lays out a page: from there on its cells are paragraphs.
 */
#include "helper.h"

#include <libxml/HTMLparser.h>
#include <libxml/SAX2.h>

enum { MAX_DEPTH = 1024 }; /* deeper elements keep their text, not their structure */

typedef enum element_kind {
  INLINE,
  BLOCK, /* ends the block at work on either side */
  HEADING,
  LIST,
  ITEM,
  PRE,
  TABLE,
  ROW,
  CELL,
  LINE_BREAK,
  TITLE,
  MAIN,
  ARTICLE,
  SECTION,
  PAGE_PART, /* header, footer, aside: boilerplate outside of articles */
  NAVIGATION,
  CHROME, /* form controls, media */
  NEVER   /* script, style … */
} element_kind;

static const struct {
  const char *name;
  element_kind kind;
} elements[] = {
    {"p", BLOCK},         {"div", BLOCK},        {"section", SECTION},  {"ul", LIST},          {"ol", LIST},
    {"dl", LIST},         {"blockquote", BLOCK}, {"figure", BLOCK},     {"figcaption", BLOCK}, {"address", BLOCK},
    {"details", BLOCK},   {"summary", BLOCK},    {"center", BLOCK},     {"hr", BLOCK},         {"body", BLOCK},
    {"html", BLOCK},      {"head", BLOCK},       {"fieldset", BLOCK},   {"form", BLOCK},       {"dir", BLOCK},
    {"hgroup", BLOCK},    {"legend", BLOCK},     {"frameset", BLOCK},   {"noframes", BLOCK},   {"h1", HEADING},
    {"h2", HEADING},      {"h3", HEADING},       {"h4", HEADING},       {"h5", HEADING},       {"h6", HEADING},
    {"li", ITEM},         {"dt", ITEM},          {"dd", ITEM},          {"pre", PRE},          {"listing", PRE},
    {"xmp", PRE},         {"plaintext", PRE},    {"table", TABLE},      {"tr", ROW},           {"td", CELL},
    {"th", CELL},         {"caption", ROW},      {"br", LINE_BREAK},    {"title", TITLE},      {"main", MAIN},
    {"article", ARTICLE}, {"header", PAGE_PART}, {"footer", PAGE_PART}, {"aside", PAGE_PART},  {"nav", NAVIGATION},
    {"menu", NAVIGATION}, {"button", CHROME},    {"select", CHROME},    {"option", CHROME},    {"textarea", CHROME},
    {"datalist", CHROME}, {"iframe", CHROME},    {"object", CHROME},    {"applet", CHROME},    {"audio", CHROME},
    {"video", CHROME},    {"canvas", CHROME},    {"map", CHROME},       {"dialog", CHROME},    {"script", NEVER},
    {"style", NEVER},     {"template", NEVER},   {"noscript", CHROME},  {"svg", NEVER},        {"math", INLINE},
};

static const char *const boilerplate_names[] = {
    /* DocBook */ "navheader",
    "navfooter",
    "toc",
    "list-of-figures",
    "list-of-tables",
    "list-of-examples",
    /* Sphinx, docutils */ "headerlink",
    "related",
    "sphinxsidebar",
    "sphinxsidebarwrapper",
    "contents",
    "wy-nav-side",
    "wy-breadcrumbs",
    "rst-footer-buttons",
    /* MediaWiki */ "mw-editsection",
    "navbox",
    "catlinks",
    "noprint",
    "mw-jump-link",
    "printfooter",
    /* themes */ "sidebar",
    "navbar",
    "breadcrumb",
    "breadcrumbs",
    "footer",
    "site-footer",
    "site-header",
    "skip-link",
    "skiplink",
    "skip-to-content",
    "pagination",
    "cookie-banner",
    "menu",
    "navigation",
    "nav",
    "tableofcontents",
    "table-of-contents",
    "anchorjs-link",
    "permalink"};

static const char *const boilerplate_roles[] = {"navigation", "banner",  "contentinfo", "search",
                                                "menu",       "menubar", "toolbar",     "complementary"};

typedef struct frame {
  element_kind kind;
  bool dropped, pre, in_main, in_article;
  uint8_t level;  /* of the heading around, 0 = none */
  uint8_t item;   /* inside a list's item */
  uint16_t table; /* frame number + 1 of the table around that is read as one block, 0 = none */
} frame;

typedef struct html {
  loci__document_builder builder;
  htmlParserCtxtPtr parser;
  frame stack[MAX_DEPTH];
  size_t depth, beyond;
  bool plain; /* second reading: nothing but scripts is dropped */

  loci__buffer title;
  bool has_title;
  uint32_t first_line, last_line; /* of the block at work, 0 = no text yet */
  uint32_t space_line;            /* line of the last character but white space */
  bool space;                     /* white space waits */
  bool break_before;              /* a <br> or a row waits: '\n' */
  char cell_before;               /* '\t' waits */

  bool *in_main; /* a flag for each block */
  size_t in_main_capacity;
  size_t main_text, all_text, dropped_text;
  bool failed;
} html;

static element_kind kind_of(const char *name) {
  for (size_t i = 0; i < LOCI__COUNT(elements); i++)
    if (!strcmp(elements[i].name, name)) return elements[i].kind;
  return INLINE;
}

/* Whether one of the white-space separated words is in the list; ASCII case does not count. */
static bool has_word(const char *words, const char *const *list, size_t n) {
  while (*words) {
    size_t skip = strspn(words, " \t\r\n\f");
    words += skip;
    size_t length = strcspn(words, " \t\r\n\f");
    for (size_t i = 0; length && i < n; i++)
      if (strlen(list[i]) == length && !strncasecmp(words, list[i], length)) return true;
    words += length;
  }
  return false;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void end_block(html *h) {
  const frame *top = &h->stack[h->depth - 1];
  loci__block_kind kind = LOCI__BLOCK_PARAGRAPH;
  uint32_t level = 0;
  if (top->table) kind = LOCI__BLOCK_TABLE;
  else if (top->level) kind = LOCI__BLOCK_HEADING, level = top->level;
  else if (top->pre) kind = LOCI__BLOCK_CODE;
  else if (top->item) kind = LOCI__BLOCK_ITEM;
  if (h->first_line) {
    size_t length = h->builder.text.length;
    if (loci__builder_end(&h->builder, kind, level, h->first_line, h->last_line, 0)) {
      if (!loci__grow(NULL, &h->in_main, &h->in_main_capacity, h->builder.n_blocks, sizeof *h->in_main)) {
        h->failed = true;
        return;
      }
      h->in_main[h->builder.n_blocks - 1] = top->in_main;
      h->all_text += length;
      if (top->in_main) h->main_text += length;
    }
  } else {
    loci__buffer_clear(&h->builder.text);
  }
  h->first_line = h->last_line = 0;
  h->space = h->break_before = false;
  h->cell_before = 0;
}

/* The boundary of a block element. Inside a table that is read as one block it is a blank. */
static void boundary(html *h) {
  const frame *top = &h->stack[h->depth - 1];
  if (top->table) h->space = true;
  else end_block(h);
}

/* The table around lays out a page: what it gave so far is a block, what follows is not a table. */
static void becomes_layout(html *h) {
  size_t table = h->stack[h->depth - 1].table;
  if (!table) return;
  end_block(h);
  for (size_t i = table - 1; i < h->depth; i++) h->stack[i].table = 0;
}

/* ---- events ---------------------------------------------------------------------------------- */

static uint32_t line_now(const html *h) {
  int line = h->parser->input ? h->parser->input->line : 1;
  return line > 0 ? (uint32_t)line : 1;
}

static bool is_boilerplate(const html *h, const frame *parent, element_kind kind, const xmlChar **attributes) {
  if (kind == NEVER) return true;
  if (h->plain) return false;
  if (kind == NAVIGATION || kind == CHROME) return true;
  if (kind == PAGE_PART && !parent->in_article && !parent->in_main) return true;
  for (size_t i = 0; attributes && attributes[i]; i += 2) {
    const char *name = (const char *)attributes[i], *value = (const char *)attributes[i + 1];
    if (!strcmp(name, "hidden")) return true;
    if (!value) continue;
    if (!strcmp(name, "aria-hidden") && !strcmp(value, "true")) return true;
    if (!strcmp(name, "role") && has_word(value, boilerplate_roles, LOCI__COUNT(boilerplate_roles))) return true;
    if ((!strcmp(name, "class") || !strcmp(name, "id")) &&
        has_word(value, boilerplate_names, LOCI__COUNT(boilerplate_names)))
      return true;
    if (!strcmp(name, "style") && (strstr(value, "display:none") || strstr(value, "display: none"))) return true;
  }
  return false;
}

static bool has_role(const xmlChar **attributes, const char *role) {
  for (size_t i = 0; attributes && attributes[i]; i += 2)
    if (!strcmp((const char *)attributes[i], "role") && attributes[i + 1] &&
        !strcmp((const char *)attributes[i + 1], role))
      return true;
  return false;
}

static void start_element(void *user, const xmlChar *name, const xmlChar **attributes) {
  html *h = user;
  if (h->beyond || h->depth == MAX_DEPTH) {
    h->beyond++;
    return;
  }
  element_kind kind = kind_of((const char *)name);
  const frame *parent = &h->stack[h->depth - 1];
  frame top = *parent;
  top.kind = kind;
  bool body = !strcmp((const char *)name, "body") || !strcmp((const char *)name, "html");
  if (!top.dropped && !body && is_boilerplate(h, parent, kind, attributes)) {
    if (kind != INLINE) boundary(h);
    top.dropped = true;
  }
  if (top.dropped) {
    h->stack[h->depth++] = top;
    return;
  }
  if (kind == MAIN || has_role(attributes, "main")) top.in_main = true;
  switch (kind) {
    case INLINE:
    case TITLE: break;
    case LINE_BREAK: h->break_before = true; break;
    case HEADING:
      becomes_layout(h);
      end_block(h);
      top.table = h->stack[h->depth - 1].table;
      top.level = (uint8_t)(name[1] - '0');
      top.pre = false;
      break;
    case PRE:
      becomes_layout(h);
      end_block(h);
      top.table = h->stack[h->depth - 1].table;
      top.pre = true;
      break;
    case ITEM:
      boundary(h);
      top.item = 1;
      break;
    case TABLE:
      becomes_layout(h);
      end_block(h);
      top.table = (uint16_t)(h->depth + 1);
      break;
    case ROW:
      if (top.table) {
        h->break_before = h->first_line != 0;
        h->cell_before = 0;
        h->space = false;
      } else {
        end_block(h);
      }
      break;
    case CELL:
      if (!top.table) end_block(h);
      else if (h->first_line && !h->break_before) h->cell_before = '\t', h->space = false;
      break;
    case LIST:
      becomes_layout(h);
      end_block(h);
      top.table = 0;
      break;
    case ARTICLE:
    case SECTION:
      boundary(h);
      top.in_article = true;
      break;
    default: boundary(h); break;
  }
  h->stack[h->depth++] = top;
}

static void end_element(void *user, const xmlChar *name) {
  html *h = user;
  (void)name;
  if (h->beyond) {
    h->beyond--;
    return;
  }
  if (h->depth <= 1) return;
  frame *top = &h->stack[h->depth - 1];
  if (!top->dropped) {
    switch (top->kind) {
      case INLINE:
      case LINE_BREAK: break;
      case TITLE: h->has_title = h->title.length > 0; break;
      case TABLE:
      case HEADING:
      case PRE: end_block(h); break;
      case ROW:
      case CELL:
        if (!top->table) end_block(h);
        break;
      default: boundary(h); break;
    }
  }
  h->depth--;
}

/* Spaces and line ends stay; the empty lines at either end go with the block (builder). */
static void put_pre(html *h, const char *text, size_t length, uint32_t line) {
  for (size_t i = 0; i < length; i++) {
    if (text[i] == '\n') {
      line++;
    } else if (text[i] != ' ' && text[i] != '\t') {
      if (!h->first_line) h->first_line = line;
      h->last_line = line;
    }
  }
  loci__buffer_append(&h->builder.text, text, length);
}

static void characters(void *user, const xmlChar *chars, int n) {
  html *h = user;
  const char *text = (const char *)chars;
  size_t length = n > 0 ? (size_t)n : 0;
  const frame *top = &h->stack[h->depth - 1];
  if (top->dropped) {
    h->dropped_text += length;
    return;
  }
  if (top->kind == TITLE) {
    if (!h->has_title) loci__buffer_append(&h->title, text, length);
    return;
  }
  /* The parser stands behind the text. */
  uint32_t line = line_now(h), newlines = 0;
  for (size_t i = 0; i < length; i++) newlines += text[i] == '\n';
  line = line > newlines ? line - newlines : 1;
  if (top->pre) {
    if (h->break_before && h->first_line) loci__buffer_putc(&h->builder.text, '\n');
    h->break_before = false;
    put_pre(h, text, length, line);
    return;
  }
  for (size_t i = 0; i < length;) {
    char c = text[i];
    size_t white = c == ' ' || (c >= '\t' && c <= '\r') ? 1 : 0;
    if (!white && c == '\xC2' && i + 1 < length && text[i + 1] == '\xA0') white = 2; /* no-break space */
    if (white) {
      h->space = true;
      line += c == '\n';
      i += white;
      continue;
    }
    if (!h->first_line) h->first_line = line;
    else if (h->cell_before) loci__buffer_putc(&h->builder.text, h->cell_before);
    else if (h->break_before) loci__buffer_putc(&h->builder.text, '\n');
    else if (h->space) loci__buffer_putc(&h->builder.text, line > h->space_line && !top->table ? '\n' : ' ');
    h->cell_before = 0;
    h->space = h->break_before = false;
    size_t end = i;
    while (end < length && !(text[end] == ' ' || (text[end] >= '\t' && text[end] <= '\r')) &&
           !(text[end] == '\xC2' && end + 1 < length && text[end + 1] == '\xA0'))
      end++;
    loci__buffer_append(&h->builder.text, text + i, end - i);
    h->last_line = h->space_line = line;
    i = end;
  }
}

static void ignore_error(void *user, const char *message, ...) {
  (void)user;
  (void)message;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_html(html *h, const char *text, size_t length, bool plain) {
  memset(h, 0, sizeof *h);
  loci__builder_init(&h->builder, NULL);
  loci__buffer_init(&h->title, NULL, 1 << 16);
  h->plain = plain;
  h->depth = 1; /* the frame of no element */
  h->stack[0].kind = BLOCK;
  h->parser = htmlNewParserCtxt();
  if (!h->parser) return false;
  xmlSAXHandlerPtr sax = h->parser->sax;
  memset(sax, 0, sizeof *sax);
  sax->startElement = start_element;
  sax->endElement = end_element;
  sax->characters = characters;
  sax->ignorableWhitespace = characters;
  sax->cdataBlock = characters; /* scripts and styles, which are dropped, and what claims to be one of them */
  sax->error = ignore_error;
  sax->warning = ignore_error;
  h->parser->userData = h;
  htmlDocPtr none = htmlCtxtReadMemory(h->parser, text, (int)length, NULL, "UTF-8",
                                       HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                           HTML_PARSE_NONET | HTML_PARSE_NODEFDTD | HTML_PARSE_IGNORE_ENC);
  if (none) xmlFreeDoc(none);
  bool memory = h->parser->errNo == XML_ERR_NO_MEMORY;
  htmlFreeParserCtxt(h->parser);
  h->parser = NULL;
  h->depth = 1;
  end_block(h);
  return !memory && !h->failed;
}

static void release(html *h) {
  loci__builder_release(&h->builder);
  loci__buffer_release(&h->title);
  loci__free(NULL, h->in_main);
}

/* The main part alone, when it is a good part of the whole. */
static void keep_main(html *h) {
  if (!h->main_text || (h->main_text < 200 && h->main_text * 4 < h->all_text)) return;
  size_t n = 0;
  for (size_t i = 0; i < h->builder.n_blocks; i++)
    if (h->in_main[i]) h->builder.blocks[n++] = h->builder.blocks[i];
  h->builder.n_blocks = n;
}

loci__helper_reason helper_html(const char *text, size_t length, loci__buffer *out) {
  if (length > INT32_MAX) return LOCI__HELPER_TOO_LARGE;
  html *h = loci__alloc(NULL, sizeof *h);
  if (!h) return LOCI__HELPER_DIED;
  bool good = read_html(h, text, length, false);
  if (good && !h->builder.n_blocks && h->dropped_text) {
    release(h);
    good = read_html(h, text, length, true);
  }
  keep_main(h);
  if (h->title.failed == LOCI_OK && h->title.length) loci__builder_title(&h->builder, h->title.data, h->title.length);
  else
    for (size_t i = 0; i < h->builder.n_blocks; i++) {
      const loci__block *block = &h->builder.blocks[i];
      if (block->kind != LOCI__BLOCK_HEADING || block->level != 1) continue;
      loci__builder_title(&h->builder, block->text, block->length);
      break;
    }
  if (!good && !h->builder.failed) h->builder.failed = LOCI_ERROR_MEMORY;
  loci__document document;
  loci_status status = loci__builder_finish(&h->builder, "html", "UTF-8", &document, NULL);
  loci__builder_init(&h->builder, NULL);
  release(h);
  loci__free(NULL, h);
  if (status != LOCI_OK) return status == LOCI_ERROR_LIMIT ? LOCI__HELPER_TOO_LARGE : LOCI__HELPER_DIED;
  loci__document_write(&document, out);
  loci__document_release(&document);
  return LOCI__HELPER_NONE;
}

bool helper_put_entity(loci__buffer *out, const char *name, size_t length) {
  uint32_t scalar = 0;
  if (length > 1 && name[0] == '#') {
    bool hex = name[1] == 'x' || name[1] == 'X';
    if (length == (hex ? 2u : 1u) || length > 10) return false;
    for (size_t i = hex ? 2 : 1; i < length; i++) {
      char c = (char)(name[i] | 32);
      uint32_t digit = name[i] >= '0' && name[i] <= '9' ? (uint32_t)(name[i] - '0')
                       : hex && c >= 'a' && c <= 'f'    ? (uint32_t)(c - 'a' + 10)
                                                        : 99;
      if (digit == 99) return false;
      scalar = scalar * (hex ? 16 : 10) + digit;
      if (scalar > 0x10FFFF) scalar = LOCI__REPLACEMENT;
    }
    if (scalar == 0 || (scalar >= 0xD800 && scalar < 0xE000)) scalar = LOCI__REPLACEMENT;
  } else {
    char copy[40];
    if (length == 0 || length >= sizeof copy) return false;
    memcpy(copy, name, length);
    copy[length] = 0;
    const htmlEntityDesc *entity = htmlEntityLookup((const xmlChar *)copy);
    if (!entity && !strcmp(copy, "apos")) scalar = '\'';
    if (!entity && !scalar) return false;
    if (entity) scalar = entity->value;
  }
  char bytes[4];
  loci__buffer_append(out, bytes, loci__utf8_put(scalar, bytes));
  return true;
}
