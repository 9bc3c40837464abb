/* base/file_out.c: a big file written as a stream and put in its place at the end, so that a full disk or a crash leaves
 * what was there before. Bytes are gathered in blocks; a failed write is kept and told by close. */
#include "file.h"

#include <fcntl.h>
#include <unistd.h>

enum { BLOCK = 1 << 18 };

static void release(loci__file_out *out) {
  loci__free(out->context, out->path);
  loci__free(out->context, out->folder);
  loci__free(out->context, out->temporary);
  loci__free(out->context, out->buffer);
  *out = (loci__file_out){0};
}

void loci__file_out_abandon(loci__file_out *out) {
  if (out->opened) {
    loci__file_close(out->context, out->fd);
    loci__file_unlink(out->context, out->temporary);
  }
  release(out);
}

loci_status loci__file_out_open(loci__file_out *out, loci_context *context, const char *path, loci_error *error) {
  *out = (loci__file_out){.context = loci__context_of(context)};
  loci__buffer name;
  loci__buffer_init(&name, out->context, 1 << 16);
  loci__buffer_printf(&name, "%s.%ld.tmp", path, (long)getpid());
  out->temporary = loci__buffer_take(&name);
  out->path = loci__strdup(out->context, path);
  out->folder = loci__path_folder(out->context, path);
  out->buffer = loci__alloc(out->context, BLOCK);
  loci_status status = LOCI_OK;
  if (out->temporary == NULL || out->path == NULL || out->folder == NULL || out->buffer == NULL) {
    status = loci__fail_memory(error, BLOCK, path);
  } else {
    out->fd = loci__file_open(out->context, out->temporary, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    out->opened = out->fd >= 0;
    if (!out->opened) status = loci__fail_file(error, "create", path, out->fd);
  }
  loci__buffer_release(&name);
  if (status != LOCI_OK) release(out);
  return status;
}

static void put_through(loci__file_out *out, const void *data, size_t length) {
  if (out->failed == 0 && length > 0)
    out->failed = loci__file_pwrite_all(out->context, out->fd, data, length, out->offset);
  out->offset += (int64_t)length;
}

void loci__file_out_put(loci__file_out *out, const void *data, size_t length) {
  if (!out->opened || length == 0) return;
  if (length > BLOCK - out->used) {
    put_through(out, out->buffer, out->used);
    out->used = 0;
    if (length >= BLOCK) {
      put_through(out, data, length);
      return;
    }
  }
  memcpy(out->buffer + out->used, data, length);
  out->used += length;
}

loci_status loci__file_out_close(loci__file_out *out, loci_error *error) {
  if (!out->opened) return loci__fail(error, LOCI_ERROR_INTERNAL, "a file that is not open was closed");
  put_through(out, out->buffer, out->used);
  const char *verb = "write";
  int failed = out->failed;
  if (failed == 0) failed = loci__file_fsync(out->context, out->fd);
  const int closed = loci__file_close(out->context, out->fd);
  if (failed == 0) failed = closed;
  if (failed == 0) {
    verb = "rename";
    failed = loci__file_rename(out->context, out->temporary, out->path);
  }
  if (failed != 0) {
    loci__file_unlink(out->context, out->temporary);
  } else {
    verb = "sync the folder of";
    failed = loci__file_fsync_folder(out->context, out->folder);
  }
  const loci_status status = failed == 0 ? LOCI_OK : loci__fail_file(error, verb, out->path, failed);
  release(out);
  return status;
}
