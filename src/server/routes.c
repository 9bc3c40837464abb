/* routes.c: which path is whose, and how each dialect tells that something is wrong.
 *
 *   OpenAI  {"error":{"message","type","param","code"}}, all four keys; 400, 401, 404, 429, 5xx
 *   TEI     {"error","error_type"}; 422 Validation, 413 too many inputs, 424 Backend, 429 Overloaded, 503 Unhealthy
 *   Ollama  {"error"}
 *   Cohere  {"id","message"}
 *
 * 429 and 503 carry Retry-After; what should not be tried again says so (x-should-retry), which OpenAI's clients read.
 */
#include "handlers.h"

static const loci__route routes[] = {
#define LOCI__ROUTE(method, path, handler, dialect, flags) {method, path, handler, LOCI__DIALECT_##dialect, flags},
    LOCI__ROUTES(LOCI__ROUTE)
#undef LOCI__ROUTE
};

const loci__route *loci__route_at(size_t i) {
  return i < LOCI__COUNT(routes) ? &routes[i] : NULL;
}

static bool path_fits(const loci__route *route, const char *path, const char **tail) {
  const size_t n = strlen(route->path);
  *tail = "";
  if (route->path[n - 1] != '*') return !strcmp(route->path, path);
  if (strncmp(route->path, path, n - 1) != 0 || !path[n - 1]) return false;
  *tail = path + n - 1;
  return true;
}

/* ---- failures ------------------------------------------------------------------------------------ */

typedef struct words {
  const char *name;                /* metrics, logs */
  int openai, tei, ollama, cohere; /* status codes */
  const char *type, *code;         /* OpenAI's */
  const char *error_type;          /* TEI's */
} words;

static const words failures[] = {
    [LOCI__FAILURE_NONE] = {"none", 500, 500, 500, 500, "server_error", NULL, "Backend"},
    [LOCI__FAILURE_SYNTAX] = {"syntax", 400, 422, 400, 400, "invalid_request_error", NULL, "Validation"},
    [LOCI__FAILURE_VALUE] = {"validation", 400, 422, 400, 400, "invalid_request_error", NULL, "Validation"},
    [LOCI__FAILURE_EMPTY] = {"empty", 400, 400, 400, 400, "invalid_request_error", NULL, "Empty"},
    [LOCI__FAILURE_TOO_MANY] = {"too_many", 400, 422, 400, 400, "invalid_request_error", NULL, "Validation"},
    [LOCI__FAILURE_TOO_LONG] = {"too_long", 400, 422, 400, 400, "invalid_request_error", "context_length_exceeded",
                                "Validation"},
    [LOCI__FAILURE_NO_MODEL] = {"model", 404, 404, 404, 404, "invalid_request_error", "model_not_found", "Validation"},
    [LOCI__FAILURE_KIND] = {"kind", 400, 424, 400, 400, "invalid_request_error", "unsupported", "Backend"},
    [LOCI__FAILURE_NOT_FOUND] = {"not_found", 404, 404, 404, 404, "invalid_request_error", "not_found", "Validation"},
    [LOCI__FAILURE_METHOD] = {"method", 405, 405, 405, 405, "invalid_request_error", "method_not_allowed",
                              "Validation"},
    [LOCI__FAILURE_KEY] = {"key", 401, 401, 401, 401, "invalid_request_error", "invalid_api_key", "Validation"},
    [LOCI__FAILURE_FORBIDDEN] = {"forbidden", 403, 403, 403, 403, "invalid_request_error", "forbidden", "Validation"},
    [LOCI__FAILURE_BODY] = {"body", 413, 413, 413, 413, "invalid_request_error", "request_too_large", "Validation"},
    [LOCI__FAILURE_MALFORMED] = {"malformed", 400, 400, 400, 400, "invalid_request_error", "malformed", "Validation"},
    [LOCI__FAILURE_BUSY] = {"overloaded", 429, 429, 429, 429, "rate_limit_error", "rate_limit_exceeded", "Overloaded"},
    [LOCI__FAILURE_DRAINING] = {"draining", 503, 503, 503, 503, "server_error", "draining", "Unhealthy"},
    [LOCI__FAILURE_MEMORY] = {"memory", 503, 503, 503, 503, "server_error", "out_of_memory", "Overloaded"},
    [LOCI__FAILURE_TIME] = {"time", 504, 424, 504, 504, "server_error", "timeout", "Backend"},
    [LOCI__FAILURE_LOCKED] = {"locked", 503, 503, 503, 503, "server_error", "locked", "Overloaded"},
    [LOCI__FAILURE_MISMATCH] = {"mismatch", 409, 409, 409, 409, "invalid_request_error", "model_mismatch",
                                "Validation"},
    [LOCI__FAILURE_NUMBER] = {"number", 500, 424, 500, 500, "server_error", "not_finite", "Backend"},
    [LOCI__FAILURE_GONE] = {"cancelled", 499, 499, 499, 499, "invalid_request_error", "cancelled", "Backend"},
    [LOCI__FAILURE_FAULT] = {"fault", 500, 424, 500, 500, "server_error", NULL, "Backend"},
};

const char *loci__failure_name(loci__failure_kind kind) {
  return failures[kind].name;
}

static void put_optional(loci__json_writer *json, const char *key, const char *text) {
  loci__json_key(json, key);
  if (text) loci__json_put_text(json, text);
  else loci__json_put_null(json);
}

static int put_failure(loci__json_writer *json, loci__dialect dialect, const loci__request *request,
                       const loci__failure *failure) {
  const words *w = &failures[failure->kind];
  switch (dialect) {
    case LOCI__DIALECT_TEI:
      put_optional(json, "error", failure->message);
      put_optional(json, "error_type", w->error_type);
      return w->tei;
    case LOCI__DIALECT_OLLAMA: put_optional(json, "error", failure->message); return w->ollama;
    case LOCI__DIALECT_COHERE:
      put_optional(json, "id", request->id);
      put_optional(json, "message", failure->message);
      return w->cohere;
    case LOCI__DIALECT_OPENAI: break;
  }
  loci__json_key(json, "error");
  loci__json_open(json, '{');
  put_optional(json, "message", failure->message);
  put_optional(json, "type", w->type);
  put_optional(json, "param", failure->param);
  put_optional(json, "code", w->code);
  loci__json_close(json, '}');
  return w->openai;
}

loci__outcome loci__refuse(loci__request *request, const loci__failure *failure) {
  static const char nothing[] =
      "{\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\",\"param\":null,\"code\":null}}";
  loci__buffer body;
  loci__json_writer json;
  loci__buffer_init(&body, request->server->context, 0);
  loci__json_writer_init(&json, &body);
  loci__json_open(&json, '{');
  const int status =
      put_failure(&json, request->route ? request->route->dialect : LOCI__DIALECT_OPENAI, request, failure);
  loci__json_close(&json, '}');
  request->error = failures[failure->kind].name;
  loci__metrics_failure(request->server->metrics, failure->kind);
  if (status == 401) loci__http_put_header(request, "WWW-Authenticate", "Bearer");
  if (status == 429 || status == 503) loci__http_put_header(request, "Retry-After", "1");
  if (status >= 500 && status != 503) loci__http_put_header(request, "x-should-retry", "false");
  if (body.failed != LOCI_OK) {
    loci__buffer_release(&body);
    loci__buffer_init(&body, NULL, 0);
    loci__buffer_puts(&body, nothing);
  }
  loci__http_respond(request, status, "application/json", &body);
  return LOCI__ANSWERED;
}

loci__outcome loci__answer_json(loci__request *request, int status, loci__buffer *body) {
  if (body->failed == LOCI_OK) {
    loci__http_respond(request, status, "application/json", body);
    return LOCI__ANSWERED;
  }
  loci__buffer_release(body);
  loci__failure failure;
  loci__failed(&failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the answer");
  return loci__refuse(request, &failure);
}

/* ---- the events of http.c ------------------------------------------------------------------------- */

/* The dialect of a path that is not there, or not for this method, is that of its neighbours. */
static const loci__route *nearest(const char *path) {
  const loci__route *best = NULL;
  size_t longest = 1;
  for (size_t i = 0; i < LOCI__COUNT(routes); i++) {
    size_t n = 0;
    while (path[n] && path[n] == routes[i].path[n]) n++;
    if (n > longest) {
      longest = n;
      best = &routes[i];
    }
  }
  return best;
}

void loci__routes_admit(loci__request *request) {
  bool path_is_there = false;
  const char *tail;
  for (size_t i = 0; i < LOCI__COUNT(routes) && !request->route; i++) {
    if (!path_fits(&routes[i], request->path, &tail)) continue;
    if (routes[i].flags & LOCI__ROUTE_PRIVATE && request->server->options.metrics_port != UINT64_MAX &&
        !request->private_listener)
      continue;
    if (request->private_listener && !(routes[i].flags & LOCI__ROUTE_OPEN)) continue;
    path_is_there = true;
    if (strcmp(routes[i].method, request->method) != 0) continue;
    request->route = &routes[i];
    request->tail = tail;
  }
  if (!request->refused.kind) loci__guard_check(request);
  if (request->refused.kind || request->route || !strcmp(request->method, "OPTIONS")) return;
  loci__failed(&request->refused, path_is_there ? LOCI__FAILURE_METHOD : LOCI__FAILURE_NOT_FOUND, NULL,
               path_is_there ? "this path is for another method"
                             : "there is nothing at this path; docs/server.md lists what is");
}

loci__outcome loci__routes_handle(loci__request *request) {
  if (request->refused.kind) {
    const loci__route *route = request->route;
    if (!route) request->route = nearest(request->path);
    loci__refuse(request, &request->refused);
    request->route = route;
    return LOCI__ANSWERED;
  }
  if (!loci__guard_cors(request)) return LOCI__ANSWERED;
  return request->route->handle(request);
}

void loci__routes_finished(loci__request *request) {
  loci__metrics_request(request->server->metrics, request);
  loci__log_request(request->server->logger, request);
}

/* ---- health, metrics ------------------------------------------------------------------------------ */

loci__outcome loci__handle_health(loci__request *request) {
  loci__http_respond(request, 200, NULL, NULL);
  return LOCI__ANSWERED;
}

/* The first model is in memory, and nobody has asked us to end. */
loci__outcome loci__handle_ready(loci__request *request) {
  if (request->server->draining) {
    loci__failure failure;
    loci__failed(&failure, LOCI__FAILURE_DRAINING, NULL, "the server is about to end");
    return loci__refuse(request, &failure);
  }
  return loci__handle_health(request);
}

loci__outcome loci__handle_metrics(loci__request *request) {
  loci__buffer body;
  loci__buffer_init(&body, request->server->context, 0);
  loci__metrics_put(request->server, &body);
  if (body.failed != LOCI_OK) return loci__answer_json(request, 500, &body);
  loci__http_respond(request, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
  return LOCI__ANSWERED;
}
