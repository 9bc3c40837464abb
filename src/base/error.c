/* base/error.c: statuses and messages. A failure is one statement: `return loci__fail(error, CODE, "…", …)`. */
#include "base.h"

#include <stdio.h>
#include <stdlib.h>

const char *loci_status_text(loci_status status) {
  switch (status) {
    case LOCI_OK: return "ok";
    case LOCI_ERROR_USAGE: return "wrong use";
    case LOCI_ERROR_MEMORY: return "out of memory";
    case LOCI_ERROR_IO: return "input/output error";
    case LOCI_ERROR_FORMAT: return "wrong format";
    case LOCI_ERROR_NOT_FOUND: return "not found";
    case LOCI_ERROR_MODEL: return "no such model";
    case LOCI_ERROR_UNSUPPORTED: return "not implemented";
    case LOCI_ERROR_MISMATCH: return "vectors of another model";
    case LOCI_ERROR_LOCKED: return "locked";
    case LOCI_ERROR_LIMIT: return "limit passed";
    case LOCI_ERROR_CORRUPT: return "damaged";
    case LOCI_ERROR_CANCELLED: return "cancelled";
    case LOCI_ERROR_INTERNAL: return "internal error";
  }
  return "unknown status";
}

static loci_status fail(loci_error *error, loci_status code, int64_t position, const char *format, va_list arguments)
    LOCI_PRINTF(4, 0);

static loci_status fail(loci_error *error, loci_status code, int64_t position, const char *format, va_list arguments) {
  if (error != NULL) {
    error->code = code;
    error->position = position;
    vsnprintf(error->message, sizeof error->message, format, arguments);
  }
  return code;
}

loci_status loci__fail(loci_error *error, loci_status code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fail(error, code, -1, format, arguments);
  va_end(arguments);
  return code;
}

loci_status loci__fail_at(loci_error *error, loci_status code, int64_t position, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fail(error, code, position, format, arguments);
  va_end(arguments);
  return code;
}

loci_status loci__fail_memory(loci_error *error, size_t size, const char *what) {
  return loci__fail(error, LOCI_ERROR_MEMORY, "out of memory: %zu bytes for %s", size, what);
}

loci_status loci__fail_file(loci_error *error, const char *verb, const char *path, int err) {
  char reason[128];
  int number = err < 0 ? -err : err;
  /* The XSI form is not declared beside _GNU_SOURCE; the GNU form may answer a static string. */
  const char *text = strerror_r(number, reason, sizeof reason);
  return loci__fail(error, LOCI_ERROR_IO, "cannot %s '%s': %s", verb, path, text);
}

loci_status loci__error_prefix(loci_error *error, const char *format, ...) {
  if (error == NULL) return LOCI_ERROR_INTERNAL;
  char old[sizeof error->message];
  memcpy(old, error->message, sizeof old);
  va_list arguments;
  va_start(arguments, format);
  int used = vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  if (used >= 0 && (size_t)used < sizeof error->message) {
    /* What does not fit any more is cut at the end: the place comes first. */
    size_t at = (size_t)used, left = sizeof error->message - at;
    size_t n = strlen(old) + 2;
    if (n >= left) n = left - 1;
    char tail[sizeof old + 2] = {':', ' '};
    memcpy(tail + 2, old, sizeof old);
    memcpy(error->message + at, tail, n);
    error->message[at + n] = '\0';
  }
  return error->code;
}
