/* log.c: JSON lines, one an event or request. Neither texts nor vectors nor keys stand in them, nor a query; what a client
 * chose (its request id, an unknown path) passes through the JSON writer, so it can forge no line.
 *
 * A line is written with one call, so lines of several threads do not mix; after SIGHUP the file is opened anew, for
 * programs that rotate it.
 */
#include "server.h"

#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

struct loci__logger {
  loci_context *context;
  const char *path; /* NULL = stderr */
  pthread_mutex_t lock;
  int fd;
};

static int open_file(const loci__logger *logger) {
  if (!logger->path) return STDERR_FILENO;
  return loci__file_open(logger->context, logger->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

loci_status loci__logger_open(loci__server *server, loci__logger **out, loci_error *error) {
  loci__logger *logger = loci__alloc_zero(server->context, 1, sizeof *logger);
  *out = logger;
  if (!logger) return loci__fail_memory(error, sizeof *logger, "the log");
  logger->context = server->context;
  logger->path = server->options.log_file;
  pthread_mutex_init(&logger->lock, NULL);
  logger->fd = open_file(logger);
  if (logger->fd < 0) return loci__fail_file(error, "open", logger->path, logger->fd);
  return LOCI_OK;
}

void loci__logger_close(loci__server *server, loci__logger *logger) {
  if (!logger) return;
  if (logger->fd >= 0 && logger->path) loci__file_close(logger->context, logger->fd);
  pthread_mutex_destroy(&logger->lock);
  loci__free(server->context, logger);
}

void loci__logger_reopen(loci__logger *logger) {
  if (!logger->path) return;
  const int fd = open_file(logger);
  if (fd < 0) return; /* on with the old one */
  pthread_mutex_lock(&logger->lock);
  const int old = logger->fd;
  logger->fd = fd;
  pthread_mutex_unlock(&logger->lock);
  loci__file_close(logger->context, old);
}

static void begin(loci__json_writer *json, loci__buffer *line, const char *event) {
  struct timespec now;
  struct tm utc;
  char text[64];
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  const size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(text + n, sizeof text - n, ".%03dZ", (int)(now.tv_nsec / 1000000));
  loci__json_writer_init(json, line);
  loci__json_open(json, '{');
  loci__json_key(json, "time");
  loci__json_put_text(json, text);
  loci__json_key(json, "event");
  loci__json_put_text(json, event);
}

static void end(loci__logger *logger, loci__json_writer *json, loci__buffer *line) {
  loci__json_close(json, '}');
  loci__buffer_putc(line, '\n');
  if (line->failed != LOCI_OK) return;
  pthread_mutex_lock(&logger->lock);
  /* A log that cannot be written is no reason to serve no more. */
  const ssize_t written = write(logger->fd, line->data, line->length);
  (void)written;
  pthread_mutex_unlock(&logger->lock);
}

static void put_text(loci__json_writer *json, const char *key, const char *text) {
  loci__json_key(json, key);
  loci__json_put_text(json, text);
}

static void put_number(loci__json_writer *json, const char *key, uint64_t number) {
  loci__json_key(json, key);
  loci__json_put_u64(json, number);
}

/* Milliseconds with three digits. */
static void put_ms(loci__json_writer *json, const char *key, double seconds) {
  loci__json_key(json, key);
  loci__json_put_double(json, (double)(int64_t)(seconds * 1e6 + 0.5) / 1e3);
}

void loci__log_request(loci__logger *logger, const loci__request *request) {
  loci__buffer line;
  loci__json_writer json;
  loci__buffer_init(&line, logger->context, 0);
  loci__buffer_reserve(&line, 400);
  begin(&json, &line, "request");
  put_text(&json, "id", request->id);
  put_text(&json, "method", request->head ? "HEAD" : request->method);
  /* Unknown paths are whatever somebody sent: they stay out. */
  put_text(&json, "route", request->route ? request->route->path : "unknown");
  put_number(&json, "status", (uint64_t)request->status);
  put_ms(&json, "ms", loci__now() - request->began);
  put_number(&json, "bytes_in", request->length);
  put_number(&json, "bytes_out", request->bytes_out);
  if (request->model) {
    put_text(&json, "model", request->model);
    put_number(&json, "inputs", request->n_inputs);
    put_number(&json, "tokens", request->n_tokens);
    put_number(&json, "truncated", request->n_truncated);
    put_ms(&json, "queued_ms", request->queued);
    put_ms(&json, "inference_ms", request->inferred);
  }
  if (request->error) put_text(&json, "error", request->error);
  end(logger, &json, &line);
  loci__buffer_release(&line);
}

void loci__log_event(loci__logger *logger, const char *event, ...) {
  loci__buffer line;
  loci__json_writer json;
  loci__buffer_init(&line, logger->context, 0);
  begin(&json, &line, event);
  va_list pairs;
  va_start(pairs, event);
  for (const char *key = va_arg(pairs, const char *); key; key = va_arg(pairs, const char *))
    put_text(&json, key, va_arg(pairs, const char *));
  va_end(pairs);
  end(logger, &json, &line);
  loci__buffer_release(&line);
}
