/* base/json_write.c: JSON out. Commas are kept here, so callers only say what they mean. */
#include "json.h"

void loci__json_writer_init(loci__json_writer *writer, loci__buffer *out) {
  *writer = (loci__json_writer){.out = out};
}

static void before_value(loci__json_writer *writer) {
  uint64_t bit = (uint64_t)1 << writer->depth;
  if (!writer->after_key && (writer->comma & bit) != 0) loci__buffer_putc(writer->out, ',');
  writer->comma |= bit;
  writer->after_key = false;
}

void loci__json_open(loci__json_writer *writer, char bracket) {
  before_value(writer);
  loci__buffer_putc(writer->out, bracket);
  if (writer->depth < 63) writer->depth++;
  writer->comma &= ~((uint64_t)1 << writer->depth);
}

void loci__json_close(loci__json_writer *writer, char bracket) {
  if (writer->depth > 0) writer->depth--;
  loci__buffer_putc(writer->out, bracket);
}

static void put_escaped(loci__buffer *out, const char *text, size_t length) {
  static const char hex[] = "0123456789abcdef";
  loci__buffer_putc(out, '"');
  size_t from = 0, at = 0;
  while (at < length) {
    unsigned char c = (unsigned char)text[at];
    size_t used = 1;
    char escape[8];
    const char *replacement = NULL;
    if (c == '"' || c == '\\') {
      escape[0] = '\\';
      escape[1] = (char)c;
      escape[2] = '\0';
      replacement = escape;
    } else if (c < 0x20 || c == 0x7F) {
      if (c == '\n') replacement = "\\n";
      else if (c == '\t') replacement = "\\t";
      else if (c == '\r') replacement = "\\r";
      else {
        memcpy(escape, "\\u00", 4);
        escape[4] = hex[c >> 4];
        escape[5] = hex[c & 15];
        escape[6] = '\0';
        replacement = escape;
      }
    } else if (c >= 0x80) {
      bool valid;
      loci__utf8_next(text + at, length - at, &used, &valid);
      if (!valid) replacement = "\xEF\xBF\xBD";
    }
    if (replacement != NULL) {
      loci__buffer_append(out, text + from, at - from);
      loci__buffer_puts(out, replacement);
      from = at + used;
    }
    at += used;
  }
  loci__buffer_append(out, text + from, length - from);
  loci__buffer_putc(out, '"');
}

void loci__json_key(loci__json_writer *writer, const char *key) {
  before_value(writer);
  put_escaped(writer->out, key, strlen(key));
  loci__buffer_putc(writer->out, ':');
  writer->after_key = true;
}

void loci__json_put_textn(loci__json_writer *writer, const char *text, size_t length) {
  before_value(writer);
  put_escaped(writer->out, text, length);
}

void loci__json_put_text(loci__json_writer *writer, const char *text) {
  loci__json_put_textn(writer, text, strlen(text));
}

void loci__json_put_i64(loci__json_writer *writer, int64_t value) {
  before_value(writer);
  loci__buffer_printf(writer->out, "%lld", (long long)value);
}

void loci__json_put_u64(loci__json_writer *writer, uint64_t value) {
  before_value(writer);
  loci__buffer_printf(writer->out, "%llu", (unsigned long long)value);
}

void loci__json_put_float(loci__json_writer *writer, float value) {
  char text[32];
  before_value(writer);
  loci__buffer_append(writer->out, text, loci__format_float(value, text));
}

void loci__json_put_double(loci__json_writer *writer, double value) {
  char text[32];
  before_value(writer);
  loci__buffer_append(writer->out, text, loci__format_double(value, text));
}

void loci__json_put_bool(loci__json_writer *writer, bool value) {
  before_value(writer);
  loci__buffer_puts(writer->out, value ? "true" : "false");
}

void loci__json_put_null(loci__json_writer *writer) {
  before_value(writer);
  loci__buffer_puts(writer->out, "null");
}
