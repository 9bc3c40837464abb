/* main.c: loci-extract's main process: one request after another from standard input, each in a child. See helper.h.
 *
 * It holds the request's bytes, which children inherit, and copies their answers, unread, from memory files to the
 * socket. It ends when the library closes the socket. Its own faults (no memory, no fork) end it: the library then
 * starts another.
 */
#include "helper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libxml/parser.h>

typedef struct request {
  loci__helper_operation operation;
  loci__helper_encoding encoding;
  char *bytes;
  size_t length;
} request;

static bool read_all(char *into, size_t length) {
  while (length) {
    ssize_t n = read(0, into, length);
    if (n > 0) {
      into += n;
      length -= (size_t)n;
    } else if (!(n < 0 && errno == EINTR)) {
      return false;
    }
  }
  return true;
}

static uint32_t get_u32(const unsigned char *in) {
  return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static void put_u32(unsigned char *out, uint32_t value) {
  for (int i = 0; i < 4; i++) out[i] = (unsigned char)(value >> 8 * i);
}

/* False at the end of the requests, or when what comes is none. */
static bool read_request(request *out) {
  unsigned char header[LOCI__HELPER_HEADER_SIZE];
  if (!read_all((char *)header, sizeof header) || get_u32(header) != LOCI__HELPER_REQUEST) return false;
  uint64_t length = get_u32(header + 16) | (uint64_t)get_u32(header + 20) << 32;
  if (length > LOCI__HELPER_INPUT_LIMIT) return false;
  out->operation = (loci__helper_operation)get_u32(header + 4);
  out->encoding = (loci__helper_encoding)get_u32(header + 8);
  out->length = (size_t)length;
  out->bytes = loci__alloc(NULL, out->length + 1);
  if (!out->bytes || !read_all(out->bytes, out->length)) return false;
  out->bytes[out->length] = 0;
  return true;
}

/* ---- the child ------------------------------------------------------------------------------- */

/* The answer begins with n_replaced; the rest is the reply's bytes. */
static void work(const request *ask, void *decoder, int answer) {
  if (!helper_confine_worker()) _exit(HELPER_EXIT_REASON + LOCI__HELPER_DIED);
  loci__buffer out;
  loci__buffer_init(&out, NULL, LOCI__HELPER_OUTPUT_LIMIT - 4);
  loci__helper_reason reason = LOCI__HELPER_BROKEN;
  uint32_t n_replaced = 0;
  unsigned char number[4];
  switch (ask->operation) {
    case LOCI__HELPER_GUNZIP: reason = helper_gunzip(ask->bytes, ask->length, &out); break;
    case LOCI__HELPER_HTML: reason = helper_html(ask->bytes, ask->length, &out); break;
    case LOCI__HELPER_MARKDOWN: reason = helper_markdown(ask->bytes, ask->length, &out); break;
    case LOCI__HELPER_PDF: reason = helper_pdf(ask->bytes, ask->length, &out); break;
    case LOCI__HELPER_DECODE:
      reason = helper_decode(decoder, ask->encoding, ask->bytes, ask->length, &out, &n_replaced);
      break;
    case LOCI__HELPER_DETECT:
      put_u32(number, (uint32_t)helper_detect(ask->bytes, ask->length));
      loci__buffer_append(&out, number, sizeof number);
      reason = LOCI__HELPER_NONE;
      break;
  }
  if (reason == LOCI__HELPER_NONE && out.failed)
    reason = out.failed == LOCI_ERROR_LIMIT ? LOCI__HELPER_TOO_LARGE : LOCI__HELPER_DIED;
  if (reason != LOCI__HELPER_NONE) _exit(HELPER_EXIT_REASON + (int)reason);
  put_u32(number, n_replaced);
  bool good = helper_write_all(answer, number, sizeof number) && helper_write_all(answer, out.data, out.length);
  _exit(good ? 0 : HELPER_EXIT_REASON + LOCI__HELPER_DIED);
}

static loci__helper_reason run_worker(const request *ask, void *decoder, int answer) {
  pid_t pid = fork();
  if (pid == 0) work(ask, decoder, answer);
  if (pid < 0) return LOCI__HELPER_DIED;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return LOCI__HELPER_DIED;
  return helper_reason_of(status);
}

/* ---- answering ------------------------------------------------------------------------------- */

static loci__helper_reason run(request *ask, int answer) {
  static void *decoders[LOCI__ENCODING_COUNT]; /* opened once each, kept */
  void *decoder = NULL;
  if (ask->operation == LOCI__HELPER_DECODE) {
    if (ask->encoding <= LOCI__ENCODING_NONE || ask->encoding >= LOCI__ENCODING_COUNT) return LOCI__HELPER_BROKEN;
    if (!decoders[ask->encoding]) decoders[ask->encoding] = helper_decoder_open(ask->encoding);
    decoder = decoders[ask->encoding];
    if (!decoder) return LOCI__HELPER_BROKEN;
  }
  if (ask->operation != LOCI__HELPER_PDF) return run_worker(ask, decoder, answer);
  int printed = helper_memory_file("printed");
  if (printed < 0) return LOCI__HELPER_DIED;
  loci__helper_reason reason = helper_run_pdftotext(ask->bytes, ask->length, printed);
  struct stat info;
  if (reason == LOCI__HELPER_NONE && (fstat(printed, &info) < 0 || info.st_size <= 0)) reason = LOCI__HELPER_BROKEN;
  if (reason == LOCI__HELPER_NONE) {
    void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, printed, 0);
    if (map == MAP_FAILED) {
      reason = LOCI__HELPER_DIED;
    } else {
      request text = {.operation = LOCI__HELPER_PDF, .bytes = map, .length = (size_t)info.st_size};
      reason = run_worker(&text, NULL, answer);
      munmap(map, (size_t)info.st_size);
    }
  }
  close(printed);
  return reason;
}

static bool reply(loci__helper_reason reason, int answer) {
  unsigned char header[LOCI__HELPER_HEADER_SIZE] = {0}, number[4] = {0};
  struct stat info = {0};
  if (reason == LOCI__HELPER_NONE &&
      (fstat(answer, &info) < 0 || info.st_size < 4 || pread(answer, number, sizeof number, 0) != sizeof number))
    reason = LOCI__HELPER_DIED;
  uint64_t size = reason == LOCI__HELPER_NONE ? (uint64_t)info.st_size - 4 : 0;
  put_u32(header, LOCI__HELPER_REPLY);
  put_u32(header + 4, reason == LOCI__HELPER_NONE ? LOCI__HELPER_OK : LOCI__HELPER_SKIP);
  put_u32(header + 8, (uint32_t)reason);
  put_u32(header + 12, get_u32(number));
  put_u32(header + 16, (uint32_t)size);
  put_u32(header + 20, (uint32_t)(size >> 32));
  if (!helper_write_all(1, header, sizeof header)) return false;
  for (off_t at = 4; size;) {
    ssize_t n = sendfile(1, answer, &at, (size_t)size);
    if (n <= 0 && !(n < 0 && errno == EINTR)) return false;
    if (n > 0) size -= (uint64_t)n;
  }
  return true;
}

int main(int argc, char **argv) {
  if (argc > 1) {
    bool version = !strcmp(argv[1], "--version");
    fputs(version ? "loci-extract " LOCI_VERSION "\n"
                  : "loci-extract reads documents for the loci library, which starts it; it has no use of its own.\n",
          version ? stdout : stderr);
    return version ? 0 : 1;
  }
  xmlInitParser(); /* before any fork, so that no child does it again */
  unsigned char greeting[LOCI__HELPER_GREETING_SIZE];
  memcpy(greeting, LOCI__HELPER_GREETING, 16);
  put_u32(greeting + 16, LOCI__HELPER_VERSION);
  if (!helper_write_all(1, greeting, sizeof greeting)) return 1;
  request ask = {0};
  while (read_request(&ask)) {
    int answer = helper_memory_file("answer");
    if (answer < 0) return 1;
    bool told = reply(run(&ask, answer), answer);
    close(answer);
    loci__free(NULL, ask.bytes);
    ask = (request){0};
    if (!told) return 1;
  }
  return 0;
}
