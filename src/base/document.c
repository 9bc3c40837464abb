/* document.c: documents built, released, written to and read from their wire form.
 *
 * A builder collects blocks in a growing array and their text in an arena; finish copies the array into the arena, so
 * that a finished document is one arena and dies in one call. The wire form crosses the border between the helper
 * program, which read hostile bytes and may be in an attacker's hands, and the library: reading it checks everything.
 */
#include "document.h"

void loci__document_release(loci__document *document) {
  if (document->arena.context || document->arena.blocks) loci__arena_release(&document->arena);
  memset(document, 0, sizeof *document);
}

/* ---- building -------------------------------------------------------------------------------- */

void loci__builder_init(loci__document_builder *builder, loci_context *context) {
  memset(builder, 0, sizeof *builder);
  builder->context = context;
  builder->title = "";
  loci__arena_init(&builder->arena, context);
  loci__buffer_init(&builder->text, context, 0);
}

void loci__builder_release(loci__document_builder *builder) {
  loci__arena_release(&builder->arena);
  loci__buffer_release(&builder->text);
  loci__free(builder->context, builder->blocks);
  memset(builder, 0, sizeof *builder);
}

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool loci__builder_end(loci__document_builder *builder, loci__block_kind kind, uint32_t level, uint32_t line_start,
                       uint32_t line_end, uint32_t page) {
  if (builder->text.failed) builder->failed = builder->text.failed;
  const char *text = builder->text.data;
  size_t start = 0, end = builder->text.length;
  while (end > 0 && is_space(text[end - 1])) end--;
  if (kind == LOCI__BLOCK_CODE) {
    /* The first line's indentation is content; empty lines before it are not. */
    for (size_t i = 0; i < end && is_space(text[i]); i++)
      if (text[i] == '\n') start = i + 1;
  } else {
    while (start < end && is_space(text[start])) start++;
  }
  bool made = false;
  if (start < end && !builder->failed) {
    char *copy = loci__arena_strndup(&builder->arena, text + start, end - start);
    if (!copy || !loci__grow(builder->context, &builder->blocks, &builder->capacity, builder->n_blocks + 1,
                             sizeof *builder->blocks)) {
      builder->failed = LOCI_ERROR_MEMORY;
    } else {
      if (line_end < line_start) line_end = line_start;
      builder->blocks[builder->n_blocks++] = (loci__block){.kind = kind,
                                                           .level = level,
                                                           .line_start = line_start,
                                                           .line_end = line_end,
                                                           .page = page,
                                                           .text = copy,
                                                           .length = end - start};
      made = true;
    }
  }
  loci__buffer_clear(&builder->text);
  return made;
}

void loci__builder_title(loci__document_builder *builder, const char *title, size_t length) {
  char *copy = title && length ? loci__arena_strndup(&builder->arena, title, length) : NULL;
  if (title && length && !copy) builder->failed = LOCI_ERROR_MEMORY;
  if (!copy) return;
  size_t n = 0;
  for (size_t i = 0; i < length; i++) {
    if (!is_space(copy[i])) copy[n++] = copy[i];
    else if (n && copy[n - 1] != ' ') copy[n++] = ' ';
  }
  while (n && copy[n - 1] == ' ') n--;
  copy[n] = 0;
  if (n) builder->title = copy;
}

loci_status loci__builder_finish(loci__document_builder *builder, const char *format, const char *encoding,
                                 loci__document *out, loci_error *error) {
  memset(out, 0, sizeof *out);
  size_t size = builder->n_blocks * sizeof *builder->blocks; /* an array of that size is in memory already */
  loci__block *blocks = NULL;
  char *format_copy = NULL, *encoding_copy = NULL;
  if (!builder->failed) {
    blocks = size ? loci__arena_alloc(&builder->arena, size) : NULL;
    format_copy = loci__arena_strndup(&builder->arena, format, strlen(format));
    encoding_copy = loci__arena_strndup(&builder->arena, encoding, strlen(encoding));
    if ((size && !blocks) || !format_copy || !encoding_copy) builder->failed = LOCI_ERROR_MEMORY;
  }
  if (builder->failed) {
    loci_status status = builder->failed;
    loci__builder_release(builder);
    return status == LOCI_ERROR_MEMORY ? loci__fail_memory(error, size, "a document")
                                       : loci__fail(error, status, "a document is too long");
  }
  if (size) memcpy(blocks, builder->blocks, size);
  out->arena = builder->arena;
  out->title = builder->title;
  out->format = format_copy;
  out->encoding = encoding_copy;
  out->blocks = blocks;
  out->n_blocks = builder->n_blocks;
  loci__arena_init(&builder->arena, builder->context);
  loci__builder_release(builder);
  return LOCI_OK;
}

/* ---- wire form ------------------------------------------------------------------------------- */

static void put_u32(loci__buffer *out, uint32_t value) {
  unsigned char bytes[4] = {(unsigned char)value, (unsigned char)(value >> 8), (unsigned char)(value >> 16),
                            (unsigned char)(value >> 24)};
  loci__buffer_append(out, bytes, sizeof bytes);
}

static void put_text(loci__buffer *out, const char *text, size_t length) {
  if (length > UINT32_MAX) {
    if (!out->failed) out->failed = LOCI_ERROR_LIMIT;
    return;
  }
  put_u32(out, (uint32_t)length);
  loci__buffer_append(out, text, length);
}

void loci__document_write(const loci__document *document, loci__buffer *out) {
  put_text(out, document->title, strlen(document->title));
  put_u32(out, (uint32_t)document->n_blocks);
  for (size_t i = 0; i < document->n_blocks; i++) {
    const loci__block *block = &document->blocks[i];
    put_u32(out, (uint32_t)block->kind);
    put_u32(out, block->level);
    put_u32(out, block->line_start);
    put_u32(out, block->line_end);
    put_u32(out, block->page);
    put_text(out, block->text, block->length);
  }
}

typedef struct reader {
  const char *bytes;
  size_t length, at;
  bool failed;
} reader;

static uint32_t get_u32(reader *in) {
  if (in->failed || in->length - in->at < 4) {
    in->failed = true;
    return 0;
  }
  const unsigned char *p = (const unsigned char *)in->bytes + in->at;
  in->at += 4;
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static const char *get_text(reader *in, size_t *length) {
  size_t n = get_u32(in);
  if (in->failed || in->length - in->at < n || memchr(in->bytes + in->at, 0, n) ||
      !loci__utf8_valid(in->bytes + in->at, n)) {
    in->failed = true;
    *length = 0;
    return "";
  }
  in->at += n;
  *length = n;
  return in->bytes + in->at - n;
}

loci_status loci__document_read(loci_context *context, const char *bytes, size_t length, const char *format,
                                const char *encoding, loci__document *out, loci_error *error) {
  memset(out, 0, sizeof *out);
  loci__document_builder builder;
  loci__builder_init(&builder, context);
  reader in = {.bytes = bytes, .length = length};
  size_t n;
  const char *title = get_text(&in, &n);
  if (!in.failed) loci__builder_title(&builder, title, n);
  uint32_t n_blocks = get_u32(&in);
  for (uint32_t i = 0; i < n_blocks && !in.failed && !builder.failed; i++) {
    uint32_t kind = get_u32(&in), level = get_u32(&in), start = get_u32(&in), end = get_u32(&in), page = get_u32(&in);
    const char *text = get_text(&in, &n);
    bool heading = kind == LOCI__BLOCK_HEADING;
    if (kind > LOCI__BLOCK_TABLE || (heading ? level < 1 || level > 6 : level != 0) || start < 1 || start > end ||
        n == 0)
      in.failed = true;
    if (in.failed) break;
    loci__buffer_append(&builder.text, text, n);
    loci__builder_end(&builder, (loci__block_kind)kind, level, start, end, page);
  }
  if (!builder.failed && (in.failed || in.at != in.length)) {
    loci__builder_release(&builder);
    return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)in.at, "not a document at byte %zu", in.at);
  }
  return loci__builder_finish(&builder, format, encoding, out, error);
}
