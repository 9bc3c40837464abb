/* Fuzz target: bodies of requests, through every dialect's reader to its answer, without HTTP. The first byte chooses the
 * path; http.c is replaced by what stands here: a request that is answered at once and never sleeps. The model is word
 * vectors made below, so embedding is quick. */
#include "server/handlers.h"

#include <stdlib.h>
#include <unistd.h>

static loci__server server;
static const char *const paths[] = {"/v1/embeddings",  "/embed",    "/embed_all", "/similarity",   "/tokenize",
                                    "/decode",         "/rerank",   "/predict",   "/embed_sparse", "/api/embed",
                                    "/api/embeddings", "/api/show", "/v2/embed",  "/v2/rerank"};

/* ---- http.c's part ---- */

static loci__buffer answered;

const char *loci__http_header(loci__request *request, const char *name) {
  (void)request;
  (void)name;
  return NULL;
}

void loci__http_put_header(loci__request *request, const char *name, const char *value) {
  (void)request;
  (void)name;
  (void)value;
}

void loci__http_respond(loci__request *request, int status, const char *type, loci__buffer *body) {
  (void)type;
  if (request->status) abort(); /* twice */
  request->status = status;
  loci__buffer_clear(&answered);
  if (!body) return;
  loci__buffer_append(&answered, body->data, body->length);
  loci__buffer_release(body);
}

void loci__http_sleep(loci__request *request, void (*again)(loci__request *, void *), void *arg) {
  (void)request;
  (void)again;
  (void)arg;
  abort();
}

void loci__http_wake(loci__request *request) {
  (void)request;
}

bool loci__http_gone(loci__request *request) {
  (void)request;
  return false;
}

size_t loci__http_connections(loci__http *http) {
  (void)http;
  return 0;
}

/* tasks.c's: at once. */
loci__outcome loci__tasks_submit(loci__request *request, loci__request_task_fn run, void *arg) {
  run(request, arg, NULL);
  return LOCI__ANSWERED;
}

/* ---- the target ---- */

static void start(void) {
  static char folder[] = "/tmp/fuzz-requests-XXXXXX";
  static char path[64], typed[80];
  static const char *items[1];
  static const char vectors[] = "4 3\nthe 1 0 0\ncat 0 1 0\ndog 0 0.6 0.8\nsleeps 0 0 1\n";
  if (!mkdtemp(folder)) abort();
  snprintf(path, sizeof path, "%s/tiny.vec", folder);
  FILE *f = fopen(path, "w");
  if (!f || fputs(vectors, f) < 0 || fclose(f) != 0) abort();
  snprintf(typed, sizeof typed, "m=%s", path);
  items[0] = typed;
  loci_error error;
  if (loci__options_read(NULL, &server.options, 0, NULL, &error) != LOCI_OK) abort();
  server.options.models = (loci__list){.items = items, .n = 1};
  server.options.max_inputs = 64;
  server.options.log_file = "/dev/null";
  const loci_model *model;
  if (loci__logger_open(&server, &server.logger, &error) != LOCI_OK ||
      loci__metrics_new(&server, &server.metrics, &error) != LOCI_OK ||
      loci__models_new(&server, &server.models, &error) != LOCI_OK ||
      loci__batcher_new(&server, &server.batcher, &error) != LOCI_OK ||
      loci__models_use(&server, loci__models_at(server.models, 0), false, &model, &error) != LOCI_OK)
    abort();
  unlink(path);
  rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool started;
  if (!started) start();
  started = true;
  if (size < 1 || size > 1 << 14) return 0;
  loci__request request = {.server = &server, .method = "POST", .query = "", .id = "fuzz"};
  request.path = paths[data[0] % LOCI__COUNT(paths)];
  for (size_t i = 0; loci__route_at(i); i++)
    if (!strcmp(loci__route_at(i)->path, request.path)) request.route = loci__route_at(i);
  request.length = size - 1;
  request.body = malloc(size);
  memcpy(request.body, data + 1, size - 1);
  request.body[size - 1] = 0;
  if (request.route->handle(&request) != LOCI__ANSWERED || !request.status) abort();
  /* Whatever is answered is JSON, and an error has a message. */
  loci__json_document document;
  loci_error error;
  if (loci__json_parse(&document, NULL, answered.data, answered.length, "the answer", &error) != LOCI_OK) abort();
  loci__json_release(&document);
  free(request.body);
  return 0;
}
