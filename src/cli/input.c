/* input.c: texts from a file or stdin, whole or line by line, in memory bounded by what one call hands out.
 *
 * A regular file is read through the context's file table at offsets; what has no offsets (stdin, a pipe, a process
 * substitution) with read(2), which the table does not know.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { READ_SIZE = 1 << 18 };

loci_status loci__input_open(loci__input *input, loci_context *context, const char *path, loci_error *error) {
  *input = (loci__input){.context = context, .name = path, .fd = -1};
  loci__buffer_init(&input->bytes, NULL, 0);
  if (!strcmp(path, "-")) {
    input->name = "standard input";
    input->fd = STDIN_FILENO;
    return LOCI_OK;
  }
  int fd = loci__file_open(context, path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return loci__fail_file(error, "open", path, fd);
  input->fd = fd;
  loci_file_info info;
  int status = loci__file_fstat(context, fd, &info);
  if (status < 0) return loci__fail_file(error, "read", path, status);
  if (info.kind == LOCI_FILE_FOLDER) return loci__fail_file(error, "read", path, EISDIR);
  input->regular = info.kind == LOCI_FILE_REGULAR;
  return LOCI_OK;
}

void loci__input_close(loci__input *input) {
  if (input->fd >= 0 && input->fd != STDIN_FILENO) loci__file_close(input->context, input->fd);
  loci__buffer_release(&input->bytes);
  input->fd = -1;
}

/* Reads once; sets `ended` at the end. */
static loci_status read_more(loci__input *input, loci_error *error) {
  if (!loci__buffer_reserve(&input->bytes, READ_SIZE)) return loci__fail_memory(error, READ_SIZE, input->name);
  char *into = input->bytes.data + input->bytes.length;
  int64_t n;
  if (input->regular) {
    n = loci__file_pread(input->context, input->fd, into, READ_SIZE, input->offset);
  } else {
    do {
      n = read(input->fd, into, READ_SIZE);
      if (n < 0) n = -errno;
    } while (n == -EINTR && !loci__interrupted());
    if (n == -EINTR) return loci__fail(error, LOCI_ERROR_CANCELLED, "interrupted");
  }
  if (n < 0) return loci__fail_file(error, "read", input->name, (int)n);
  input->offset += n;
  input->bytes.length += (size_t)n;
  input->bytes.data[input->bytes.length] = 0;
  input->ended = n == 0;
  return LOCI_OK;
}

loci_status loci__input_all(loci__input *input, const char **data, size_t *length, loci_error *error) {
  while (!input->ended) LOCI__TRY(read_more(input, error));
  *data = input->bytes.data + input->start;
  *length = input->bytes.length - input->start;
  return LOCI_OK;
}

loci_status loci__input_lines(loci__input *input, size_t most, loci_text **texts, size_t *capacity, size_t *n,
                              loci_error *error) {
  loci__buffer *bytes = &input->bytes;
  if (input->start) {
    memmove(bytes->data, bytes->data + input->start, bytes->length - input->start);
    bytes->length -= input->start;
    input->start = 0;
  }
  *n = 0;
  size_t at = 0, searched = 0;
  while (*n < most) {
    const char *end = bytes->length > searched ? memchr(bytes->data + searched, '\n', bytes->length - searched) : NULL;
    if (!end && !input->ended) {
      searched = bytes->length;
      LOCI__TRY(read_more(input, error));
      continue;
    }
    if (!end && at == bytes->length) break; /* a last line without its "\n" counts, nothing behind the "\n" does not */
    size_t stop = end ? (size_t)(end - bytes->data) : bytes->length;
    if (!loci__grow(NULL, texts, capacity, *n + 1, sizeof **texts))
      return loci__fail_memory(error, *n * sizeof **texts, "the lines");
    /* The buffer may still move: offsets now, pointers below. */
    (*texts)[*n].data = NULL;
    (*texts)[*n].length = stop - at;
    ++*n;
    at = searched = end ? stop + 1 : stop;
  }
  size_t start = 0;
  for (size_t i = 0; i < *n; i++) {
    loci_text *text = &(*texts)[i];
    text->data = bytes->data + start;
    start += text->length + 1;
    if (text->length && text->data[text->length - 1] == '\r') text->length--;
  }
  input->start = at;
  input->n_read += *n;
  return LOCI_OK;
}
