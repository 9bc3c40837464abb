/* main.c: loci-serve. Options → context → what the server is made of → listening; then signals decide.
 *
 * SIGTERM and SIGINT: no new connection, /ready says 503, what is at hand is answered, then the end; a second one, or
 * --drain-timeout, ends at once. SIGHUP opens the log anew. Signals are blocked in every thread and waited for in this one.
 *
 * stdout has a line "listening on URL" a listener, once it can be asked; stderr has the log. Exit codes are those of `loci`.
 */
#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int exit_code(loci_status status) {
  switch (status) {
    case LOCI_OK: return 0;
    case LOCI_ERROR_USAGE:
    case LOCI_ERROR_MISMATCH: return 2;
    case LOCI_ERROR_MODEL: return 3;
    case LOCI_ERROR_FORMAT:
    case LOCI_ERROR_NOT_FOUND:
    case LOCI_ERROR_UNSUPPORTED:
    case LOCI_ERROR_LIMIT:
    case LOCI_ERROR_CORRUPT: return 4;
    default: return 5;
  }
}

static loci_status make_context(loci__server *server, loci_error *error) {
  const loci__options *o = &server->options;
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = (int)o->threads;
  options.model_path = o->model_path;
  options.cache = o->cache;
  options.helper = o->helper;
  options.isa = o->isa;
  LOCI__TRY(loci_context_new(&options, &server->context, error));
  if (o->isa && strcmp(loci_context_isa(server->context), o->isa) != 0)
    return loci__fail(error, LOCI_ERROR_USAGE, "LOCI_ISA=%s: %s; without it the best one is taken", o->isa,
                      loci_context_isa_reason(server->context));
  return LOCI_OK;
}

/* The first model must be there, and open: what is wrong with it is to be said now. */
static loci_status open_first_model(loci__server *server, loci_error *error) {
  const loci_model *model;
  loci__served *first = loci__models_at(server->models, 0);
  LOCI__TRY(loci__models_use(server, first, false, &model, error));
  loci__models_done(server, first);
  return LOCI_OK;
}

static loci_status start(loci__server *server, loci_error *error) {
  static const loci__http_events events = {
      .admit = loci__routes_admit, .handle = loci__routes_handle, .finished = loci__routes_finished};
  LOCI__TRY(make_context(server, error));
  server->started = (int64_t)time(NULL);
  LOCI__TRY(loci__logger_open(server, &server->logger, error));
  LOCI__TRY(loci__metrics_new(server, &server->metrics, error));
  LOCI__TRY(loci__guard_new(server, &server->guard, error));
  LOCI__TRY(loci__models_new(server, &server->models, error));
  LOCI__TRY(open_first_model(server, error));
  LOCI__TRY(loci__batcher_new(server, &server->batcher, error));
  LOCI__TRY(loci__tasks_new(server, &server->tasks, error));
  LOCI__TRY(loci__http_open(server, &events, &server->http, error));
  for (size_t i = 0; loci__http_address(server->http, i); i++) {
    printf("listening on %s\n", loci__http_address(server->http, i));
    loci__log_event(server->logger, "listening", "address", loci__http_address(server->http, i), "version",
                    loci_version(), NULL);
  }
  fflush(stdout);
  return LOCI_OK;
}

static void serve(loci__server *server, const sigset_t *signals) {
  int number;
  while (sigwait(signals, &number) == 0 && number == SIGHUP) loci__logger_reopen(server->logger);
  loci__log_event(server->logger, "draining", NULL);
  server->draining = true;
  loci__http_drain(server->http);
  /* In slices, so that a second signal is heard. */
  const struct timespec no_time = {0};
  const double until = loci__now() + (double)server->options.drain_seconds;
  size_t left = loci__http_wait_idle(server->http, 0.05);
  while (left > 0 && loci__now() < until && sigtimedwait(signals, NULL, &no_time) <= 0)
    left = loci__http_wait_idle(server->http, 0.05);
  char count[24];
  snprintf(count, sizeof count, "%zu", left);
  loci__log_event(server->logger, "stopped", "unanswered", count, NULL);
}

static void stop(loci__server *server) {
  loci__batcher_stop(server->batcher);
  loci__tasks_stop(server->tasks);
  loci__http_close(server->http);
  loci__batcher_free(server->batcher);
  loci__tasks_free(server->tasks);
  loci__models_free(server, server->models);
  loci__guard_free(server, server->guard);
  loci__metrics_free(server, server->metrics);
  loci__logger_close(server, server->logger);
}

int main(int argc, char **argv) {
  static loci__server server;
  loci_error error = {0};
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, NULL);
  signal(SIGPIPE, SIG_IGN);
  loci_status status = loci__options_read(NULL, &server.options, argc - 1, argv + 1, &error);
  if (status == LOCI_OK) status = start(&server, &error);
  if (status == LOCI_OK) serve(&server, &signals);
  else fprintf(stderr, "loci serve: %s\n", error.message[0] ? error.message : loci_status_text(status));
  stop(&server);
  loci_context *context = server.context;
  loci__options_release(NULL, &server.options);
  loci_context_free(context);
  return exit_code(status);
}
