/* base/buffer.c: growable bytes with a limit and a sticky failure. */
#include "base.h"

#include <stdio.h>

void loci__buffer_init(loci__buffer *buffer, loci_context *context, size_t limit) {
  *buffer = (loci__buffer){.context = context, .limit = limit == 0 ? SIZE_MAX / 4 : limit};
}

void loci__buffer_release(loci__buffer *buffer) {
  loci__free(buffer->context, buffer->data);
  loci__buffer_init(buffer, buffer->context, buffer->limit);
}

void loci__buffer_clear(loci__buffer *buffer) {
  buffer->length = 0;
  buffer->failed = LOCI_OK;
  if (buffer->data != NULL) buffer->data[0] = '\0';
}

bool loci__buffer_reserve(loci__buffer *buffer, size_t more) {
  if (buffer->failed != LOCI_OK) return false;
  size_t limit = buffer->limit == 0 ? SIZE_MAX / 4 : buffer->limit;
  size_t need;
  if (!loci__add(buffer->length, more, &need) || need > limit) {
    buffer->failed = LOCI_ERROR_LIMIT;
    return false;
  }
  if (!loci__grow(buffer->context, &buffer->data, &buffer->capacity, need + 1, 1)) {
    buffer->failed = LOCI_ERROR_MEMORY;
    return false;
  }
  return true;
}

void loci__buffer_append(loci__buffer *buffer, const void *data, size_t length) {
  if (!loci__buffer_reserve(buffer, length)) return;
  if (length > 0) memcpy(buffer->data + buffer->length, data, length);
  buffer->length += length;
  buffer->data[buffer->length] = '\0';
}

void loci__buffer_puts(loci__buffer *buffer, const char *text) {
  loci__buffer_append(buffer, text, strlen(text));
}

void loci__buffer_putc(loci__buffer *buffer, char c) {
  loci__buffer_append(buffer, &c, 1);
}

void loci__buffer_printf(loci__buffer *buffer, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0) {
    buffer->failed = LOCI_ERROR_INTERNAL;
  } else if (loci__buffer_reserve(buffer, (size_t)length)) {
    vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, again);
    buffer->length += (size_t)length;
  }
  va_end(again);
}

loci_status loci__buffer_status(const loci__buffer *buffer, const char *what, loci_error *error) {
  switch (buffer->failed) {
    case LOCI_OK: return LOCI_OK;
    case LOCI_ERROR_LIMIT: return loci__fail(error, LOCI_ERROR_LIMIT, "%s: more than %zu bytes", what, buffer->limit);
    case LOCI_ERROR_MEMORY: return loci__fail_memory(error, buffer->length, what);
    default: return loci__fail(error, LOCI_ERROR_INTERNAL, "%s: could not be formatted", what);
  }
}

char *loci__buffer_take(loci__buffer *buffer) {
  if (buffer->data == NULL) loci__buffer_append(buffer, "", 0);
  char *data = buffer->failed == LOCI_OK ? buffer->data : NULL;
  if (data != NULL) {
    buffer->data = NULL;
    buffer->length = buffer->capacity = 0;
  }
  return data;
}
