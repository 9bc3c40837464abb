/* http.c: HTTP/1.1 over libmicrohttpd, which no other file knows.
 *
 * A request's life, on one of the daemon's threads: request line (an object is made) → headers (admit) → body, piece by
 * piece, against the limits → handle → the response. A handler may put the request to sleep: libmicrohttpd then leaves its
 * connection alone until another thread wakes it, and calls `again` on the connection's thread.
 *
 * What is refused by itself, because two programs in a row could read it differently (RFC 9112, section 6.3): more than one
 * Content-Length, Content-Length beside Transfer-Encoding, a coding other than chunked, white space or control characters
 * in a field's name, fields folded over lines. The connection is closed after it.
 *
 * A refused request's body is read to its end when it is small, so that the answer is not lost in a reset of the
 * connection; else the connection is closed at once.
 *
 * Stalled connections: libmicrohttpd's own time-out starts anew with every byte. So each connection stands in a list
 * with the time since which it has been in its present phase (head, body, work, writing), and a thread of its own shuts
 * down the sockets whose phase is over its time, and the longest idle one when there are more than --max-connections. It never
 * closes them: that stays libmicrohttpd's to do, which forgets the connection first.
 */
#include "server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  MOST_LISTENERS = 3,
  CONNECTION_MEMORY = 24 << 10, /* of libmicrohttpd, a connection: bounds the headers */
  DRAINED_BODY = 1 << 20,       /* of a refused request */
  FIRST_BODY = 4 << 10
};

typedef enum phase { PHASE_HEAD, PHASE_IDLE, PHASE_BODY, PHASE_WORK, PHASE_WRITE } phase;

typedef struct connection {
  struct connection *before, *after; /* by `since`: the first is in its phase longest */
  int fd;
  phase phase;
  double since;
  bool shut;
} connection;

typedef struct listener {
  loci__http *http;
  struct MHD_Daemon *daemon;
  int fd;
  bool metrics;
  char *address, *socket;
} listener;

struct loci__http {
  loci__server *server;
  loci__http_events events;
  listener listeners[MOST_LISTENERS];
  size_t n_listeners;
  pthread_mutex_t lock; /* of what follows */
  pthread_cond_t changed;
  connection *first, *last;
  size_t n_connections, n_active;
  bool stop;
  _Atomic bool draining;
  pthread_t watch;
  bool watching;
  uint64_t id_key[2];
  _Atomic uint64_t id_next;
};

/* What http.c knows of a request. */
typedef struct private {
  loci__request request;
  loci__http *http;
  struct MHD_Connection *connection;
  struct connection *at;
  char *target; /* path and query, cut apart */
  size_t capacity, discarded, charged;
  bool admitted, has_body, close;
  void (*again)(loci__request * request, void *arg);
  void *again_arg;
  struct {
    const char *name;
    char *value;
  } headers[LOCI__MOST_HEADERS];
  size_t n_headers;
  char *answer;
  size_t answer_length;
  const char *type;
}
private;

/* ---- connections --------------------------------------------------------------------------------- */

static void unlink_connection(loci__http *http, connection *c) {
  if (c->before) c->before->after = c->after;
  else http->first = c->after;
  if (c->after) c->after->before = c->before;
  else http->last = c->before;
}

static void append_connection(loci__http *http, connection *c) {
  c->before = http->last;
  c->after = NULL;
  if (http->last) http->last->after = c;
  else http->first = c;
  http->last = c;
}

static void enter(loci__http *http, connection *c, phase next) {
  if (!c) return;
  pthread_mutex_lock(&http->lock);
  if (c->phase == PHASE_WORK || c->phase == PHASE_BODY || c->phase == PHASE_WRITE) http->n_active--;
  c->phase = next;
  c->since = loci__now();
  if (next == PHASE_WORK || next == PHASE_BODY || next == PHASE_WRITE) http->n_active++;
  unlink_connection(http, c);
  append_connection(http, c);
  if (http->n_active == 0) pthread_cond_broadcast(&http->changed);
  pthread_mutex_unlock(&http->lock);
}

/* More than may be: the one that has been idle longest goes. Under the lock. */
static void make_room(loci__http *http) {
  if (http->n_connections <= http->server->options.max_connections) return;
  for (connection *c = http->first; c; c = c->after) {
    if (c->shut || (c->phase != PHASE_HEAD && c->phase != PHASE_IDLE)) continue;
    c->shut = true;
    shutdown(c->fd, SHUT_RDWR);
    return;
  }
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code) {
  loci__http *http = ((listener *)arg)->http;
  loci_context *memory = http->server->context;
  connection *c = *context;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    c = loci__alloc_zero(memory, 1, sizeof *c);
    if (!c || !info) {
      loci__free(memory, c);
      return; /* its first request is refused, see on_target */
    }
    c->fd = info->connect_fd;
    c->since = loci__now();
    pthread_mutex_lock(&http->lock);
    append_connection(http, c);
    http->n_connections++;
    make_room(http);
    pthread_mutex_unlock(&http->lock);
    *context = c;
  } else if (c) {
    pthread_mutex_lock(&http->lock);
    unlink_connection(http, c);
    http->n_connections--;
    pthread_mutex_unlock(&http->lock);
    loci__free(memory, c);
    *context = NULL;
  }
}

static void *watch_main(void *arg) {
  loci__http *http = arg;
  const loci__options *o = &http->server->options;
  const double limit[] = {[PHASE_HEAD] = (double)o->read_seconds,
                          [PHASE_IDLE] = (double)o->idle_seconds,
                          [PHASE_BODY] = (double)o->read_seconds,
                          [PHASE_WORK] = 1e30, /* the batcher's to bound */
                          [PHASE_WRITE] = 10.0 * (double)o->read_seconds};
  pthread_mutex_lock(&http->lock);
  while (!http->stop) {
    const double now = loci__now();
    for (connection *c = http->first; c; c = c->after) {
      if (c->shut || now - c->since < limit[c->phase]) continue;
      c->shut = true;
      shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&http->lock);
    loci__models_tidy(http->server);
    pthread_mutex_lock(&http->lock);
    if (http->stop) break;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 250000000;
    if (until.tv_nsec >= 1000000000) {
      until.tv_sec++;
      until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&http->changed, &http->lock, &until);
  }
  pthread_mutex_unlock(&http->lock);
  return NULL;
}

size_t loci__http_connections(loci__http *http) {
  pthread_mutex_lock(&http->lock);
  const size_t n = http->n_connections;
  pthread_mutex_unlock(&http->lock);
  return n;
}

/* ---- what is wrong with a head ------------------------------------------------------------------- */

typedef struct head {
  size_t n_lengths, n_codings, n_hosts;
  const char *length, *coding;
  bool malformed;
} head;

/* token (RFC 9110, section 5.6.2) */
static bool is_token(const char *text, size_t n) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  for (size_t i = 0; i < n; i++) {
    const char c = text[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr(others, c))))
      return false;
  }
  return n > 0;
}

static enum MHD_Result each_header(void *arg, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                   const char *value, size_t value_size) {
  (void)kind;
  head *h = arg;
  if (!is_token(key, key_size)) h->malformed = true;
  for (size_t i = 0; i < value_size; i++)
    if ((unsigned char)value[i] < ' ' && value[i] != '\t') h->malformed = true;
  if (!strcasecmp(key, "content-length")) {
    h->n_lengths++;
    h->length = value;
  } else if (!strcasecmp(key, "transfer-encoding")) {
    h->n_codings++;
    h->coding = value;
  } else if (!strcasecmp(key, "host")) h->n_hosts++;
  return MHD_YES;
}

/* Reads the head; false when it could be read in two ways. *length: of the body, UINT64_MAX = in chunks. */
static bool check_head(private *p, uint64_t *length) {
  head h = {0};
  MHD_get_connection_values_n(p->connection, MHD_HEADER_KIND, each_header, &h);
  *length = 0;
  if (h.malformed || h.n_lengths + h.n_codings > 1 || h.n_hosts > 1) return false;
  if (h.n_codings) {
    *length = UINT64_MAX;
    return !strcasecmp(h.coding, "chunked");
  }
  return h.n_lengths == 0 || (loci__parse_u64(h.length, length) && *length < UINT64_MAX);
}

/* ---- a request's beginning and end ---------------------------------------------------------------- */

static void make_id(private *p) {
  const char *given = MHD_lookup_connection_value(p->connection, MHD_HEADER_KIND, "x-request-id");
  size_t n = given ? strlen(given) : 0;
  bool good = n > 0 && n < LOCI__ID_SIZE;
  for (size_t i = 0; good && i < n; i++) good = strchr("-_.", given[i]) || is_token(&given[i], 1);
  for (size_t i = 0; good && i < n; i++) good = given[i] != '`' && given[i] != '\'' && given[i] != '%';
  if (good) {
    memcpy(p->request.id, given, n + 1);
    return;
  }
  const uint64_t number = p->http->id_next++;
  snprintf(p->request.id, sizeof p->request.id, "%016llx%08llx",
           (unsigned long long)(p->http->id_key[0] ^ loci__hash64(&number, sizeof number, p->http->id_key[1])),
           (unsigned long long)number);
}

static void charge(private *p, size_t bytes) {
  p->charged += bytes;
  p->http->server->memory += bytes;
}

/* Called with the request line, before the headers: the object is made here, or the connection ends. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *mhd) {
  const listener *l = arg;
  loci__http *http = l->http;
  private *p = loci__alloc_zero(http->server->context, 1, sizeof *p);
  if (!p) return NULL;
  p->http = http;
  p->connection = mhd;
  p->request.http = p;
  p->request.server = http->server;
  p->request.private_listener = l->metrics;
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  p->at = info ? info->socket_context : NULL;
  p->target = loci__strdup(http->server->context, target);
  if (!p->target || !p->at) {
    loci__free(http->server->context, p->target);
    loci__free(http->server->context, p);
    return NULL;
  }
  char *query = strchr(p->target, '?');
  p->request.query = "";
  if (query) {
    *query = 0;
    p->request.query = query + 1;
  }
  /* The absolute form, as proxies send it: the authority was checked as Host. */
  char *path = p->target;
  if (!strncasecmp(path, "http://", 7)) {
    path += 7;
    path += strcspn(path, "/");
    if (!*path) path = "/";
  }
  p->request.path = path;
  return p;
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code) {
  (void)mhd;
  (void)code;
  private *p = *context;
  loci__http *http = ((listener *)arg)->http;
  if (!p) return;
  loci_context *memory = http->server->context;
  if (p->admitted) http->events.finished(&p->request);
  enter(http, p->at, PHASE_IDLE);
  http->server->memory -= p->charged;
  for (size_t i = 0; i < p->n_headers; i++) loci__free(memory, p->headers[i].value);
  loci__free(memory, p->request.body);
  loci__free(memory, p->answer);
  loci__free(memory, p->target);
  loci__free(memory, p);
  *context = NULL;
}

/* ---- answers ------------------------------------------------------------------------------------- */

typedef struct answer {
  loci_context *context;
  char *bytes;
} answer;

static void release_answer(void *arg) {
  answer *a = arg;
  loci__free(a->context, a->bytes);
  loci__free(a->context, a);
}

static enum MHD_Result send_answer(private *p) {
  struct MHD_Response *response;
  const size_t length = p->answer_length;
  if (length == 0) {
    response = MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
  } else {
    answer *a = loci__alloc(p->http->server->context, sizeof *a);
    if (!a) return MHD_NO;
    *a = (answer){.context = p->http->server->context, .bytes = p->answer};
    response = MHD_create_response_from_buffer_with_free_callback_cls(length, p->answer, release_answer, a);
    if (!response) loci__free(p->http->server->context, a);
    else p->answer = NULL;
  }
  if (!response) return MHD_NO;
  p->request.bytes_out = length;
  bool good = true;
  if (p->type && length) good = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, p->type) == MHD_YES;
  good = good && MHD_add_response_header(response, "x-request-id", p->request.id) == MHD_YES;
  for (size_t i = 0; i < p->n_headers; i++)
    good = good && MHD_add_response_header(response, p->headers[i].name, p->headers[i].value) == MHD_YES;
  if (p->close || p->http->draining)
    good = good && MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
  enter(p->http, p->at, PHASE_WRITE);
  enum MHD_Result result = MHD_NO;
  if (good) result = MHD_queue_response(p->connection, (unsigned)p->request.status, response);
  MHD_destroy_response(response);
  return result;
}

void loci__http_put_header(loci__request *request, const char *name, const char *value) {
  private *p = request->http;
  if (p->n_headers == LOCI__MOST_HEADERS) return;
  char *copy = loci__strdup(request->server->context, value);
  if (!copy) return;
  p->headers[p->n_headers].name = name;
  p->headers[p->n_headers++].value = copy;
}

void loci__http_respond(loci__request *request, int status, const char *type, loci__buffer *body) {
  private *p = request->http;
  request->status = status;
  p->type = type;
  p->answer_length = body ? body->length : 0;
  p->answer = body && body->length ? loci__buffer_take(body) : NULL;
  if (body) loci__buffer_release(body);
  if (!p->answer) p->answer_length = 0;
}

const char *loci__http_header(loci__request *request, const char *name) {
  const private *p = request->http;
  return MHD_lookup_connection_value(p->connection, MHD_HEADER_KIND, name);
}

void loci__http_sleep(loci__request *request, void (*again)(loci__request *request, void *arg), void *arg) {
  private *p = request->http;
  p->again = again;
  p->again_arg = arg;
  MHD_suspend_connection(p->connection);
}

void loci__http_wake(loci__request *request) {
  const private *p = request->http;
  MHD_resume_connection(p->connection);
}

bool loci__http_gone(loci__request *request) {
  const private *p = request->http;
  struct pollfd fd = {.fd = p->at->fd, .events = POLLRDHUP};
  return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* ---- reading ------------------------------------------------------------------------------------- */

static enum MHD_Result run_handler(private *p) {
  enter(p->http, p->at, PHASE_WORK);
  /* Asleep, it may be woken, though not freed, by another thread: what comes next is on_request once more. */
  if (p->http->events.handle(&p->request) == LOCI__ASLEEP) return MHD_YES;
  return send_answer(p);
}

static enum MHD_Result begin(private *p, const char *method) {
  loci__request *r = &p->request;
  p->admitted = true;
  r->began = loci__now();
  r->head = !strcmp(method, "HEAD");
  static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
  r->method = r->head ? "GET" : "other";
  for (size_t i = 0; i < LOCI__COUNT(methods); i++)
    if (!strcmp(method, methods[i])) r->method = methods[i];
  make_id(p);
  enter(p->http, p->at, PHASE_BODY);
  uint64_t length;
  if (!check_head(p, &length)) {
    loci__failed(&r->refused, LOCI__FAILURE_MALFORMED, NULL,
                 "the head of the request can be read in more than one way: one Content-Length, or Transfer-Encoding: "
                 "chunked, and plain fields");
    p->close = true;
  }
  p->has_body = length > 0;
  p->http->events.admit(r);
  if (!r->refused.kind && length != UINT64_MAX && length > p->http->server->options.max_body)
    loci__failed(&r->refused, LOCI__FAILURE_BODY, NULL, "the body has %llu bytes; at most %llu are taken",
                 (unsigned long long)length, (unsigned long long)p->http->server->options.max_body);
  if (r->refused.kind == LOCI__FAILURE_NONE) return MHD_YES;
  const bool waits = MHD_lookup_connection_value(p->connection, MHD_HEADER_KIND, "expect") != NULL;
  if (p->has_body && !p->close && !waits && (length == UINT64_MAX || length <= DRAINED_BODY)) return MHD_YES;
  if (p->has_body) p->close = true;
  return run_handler(p);
}

static void refuse_body(private *p, loci__failure_kind kind, const char *why) {
  loci__failed(&p->request.refused, kind, NULL, "%s", why);
  loci__free(p->http->server->context, p->request.body);
  p->request.body = NULL;
  p->request.length = p->capacity = 0;
}

static enum MHD_Result take(private *p, const char *data, size_t n) {
  loci__request *r = &p->request;
  loci__server *server = p->http->server;
  if (r->refused.kind == LOCI__FAILURE_NONE) {
    size_t need;
    if (n > server->options.max_body || r->length > server->options.max_body - n) {
      refuse_body(p, LOCI__FAILURE_BODY, "the body is larger than this server takes");
    } else if (!loci__add(r->length, n + 1, &need)) {
      refuse_body(p, LOCI__FAILURE_BODY, "the body is larger than this server takes");
    } else if (need > p->capacity) {
      size_t capacity = p->capacity ? p->capacity : FIRST_BODY;
      while (capacity < need) capacity *= 2;
      /* All requests together may hold eight of the largest. */
      if (server->memory + capacity > 8 * server->options.max_body + (1 << 20)) {
        refuse_body(p, LOCI__FAILURE_BUSY, "the server holds as many requests as it has room for; try again");
      } else {
        char *body = loci__resize_array(server->context, r->body, capacity, 1);
        if (!body) {
          refuse_body(p, LOCI__FAILURE_MEMORY, "no memory for the body");
        } else {
          charge(p, capacity - p->capacity);
          r->body = body;
          p->capacity = capacity;
        }
      }
    }
  }
  if (r->refused.kind != LOCI__FAILURE_NONE) {
    p->discarded += n;
    return p->discarded <= DRAINED_BODY ? MHD_YES : MHD_NO;
  }
  memcpy(r->body + r->length, data, n);
  r->length += n;
  r->body[r->length] = 0;
  return MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **context) {
  (void)arg;
  (void)mhd;
  (void)url;
  (void)version;
  private *p = *context;
  if (!p) return MHD_NO;
  if (!p->admitted) return begin(p, method);
  if (*size > 0) {
    const enum MHD_Result result = take(p, data, *size);
    *size = 0;
    return result;
  }
  if (p->again) {
    void (*again)(loci__request *, void *) = p->again;
    p->again = NULL;
    again(&p->request, p->again_arg);
    return send_answer(p);
  }
  return run_handler(p);
}

/* Paths are compared as they were sent. */
static size_t unescape_nothing(void *arg, struct MHD_Connection *mhd, char *text) {
  (void)arg;
  (void)mhd;
  return strlen(text);
}

/* ---- listening ----------------------------------------------------------------------------------- */

static loci_status fail_listen(loci_error *error, int fd, const char *what, int err) {
  if (fd >= 0) close(fd);
  return loci__fail(error, LOCI_ERROR_IO, "cannot listen on %s: %s%s", what, strerror(err),
                    err == EADDRINUSE ? "; another program does: give another --port (0 = any that is free)" : "");
}

static loci_status put_address(loci__http *http, listener *l, const struct sockaddr *address, loci_error *error) {
  char text[128], host[INET6_ADDRSTRLEN + 2], port[8];
  if (getnameinfo(address, sizeof(struct sockaddr_in6), host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return loci__fail(error, LOCI_ERROR_IO, "cannot tell the address that is listened on");
  const bool six = address->sa_family == AF_INET6;
  snprintf(text, sizeof text, "http://%s%s%s:%s", six ? "[" : "", host, six ? "]" : "", port);
  l->address = loci__strdup(http->server->context, text);
  return l->address ? LOCI_OK : loci__fail_memory(error, sizeof text, "an address");
}

static loci_status listen_port(loci__http *http, listener *l, const char *host, uint64_t port, loci_error *error) {
  char number[8], what[300];
  snprintf(number, sizeof number, "%u", (unsigned)port);
  snprintf(what, sizeof what, "%.200s, port %s", host, number);
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
  struct addrinfo *found = NULL;
  const int result = getaddrinfo(host, number, &hints, &found);
  if (result != 0)
    return loci__fail(error, LOCI_ERROR_USAGE, "--host %.200s is no address of this machine: %s", host,
                      gai_strerror(result));
  const int one = 1, fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  union {
    struct sockaddr any;
    struct sockaddr_in6 six;
  } bound = {0};
  socklen_t size = sizeof bound;
  int err = 0;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1024) != 0 ||
      getsockname(fd, &bound.any, &size) != 0)
    err = errno;
  freeaddrinfo(found);
  if (err) return fail_listen(error, fd, what, err);
  l->fd = fd;
  return put_address(http, l, &bound.any, error);
}

/* A socket that a dead server left is taken away; a live one's is not. */
static loci_status listen_socket(loci__http *http, listener *l, const char *path, loci_error *error) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path)
    return loci__fail(error, LOCI_ERROR_USAGE, "--socket: the path has %zu bytes; a socket's has at most %zu",
                      strlen(path), sizeof address.sun_path - 1);
  memcpy(address.sun_path, path, strlen(path) + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail_listen(error, fd, path, errno);
  struct stat there;
  if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode)) {
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool alive = probe >= 0 && connect(probe, (struct sockaddr *)&address, sizeof address) == 0;
    if (probe >= 0) close(probe);
    if (alive) return fail_listen(error, fd, path, EADDRINUSE);
    loci__file_unlink(NULL, path);
  }
  /* Whoever may open the folder may not open the socket: only its owner. */
  const mode_t mask = umask(0177);
  const int result = bind(fd, (struct sockaddr *)&address, sizeof address), err = errno;
  umask(mask);
  if (result != 0 || listen(fd, 1024) != 0) return fail_listen(error, fd, path, result != 0 ? err : errno);
  l->fd = fd;
  l->socket = loci__strdup(http->server->context, path);
  loci__buffer text;
  loci__buffer_init(&text, http->server->context, 0);
  loci__buffer_printf(&text, "unix:%s", path);
  l->address = loci__buffer_take(&text);
  loci__buffer_release(&text);
  return l->socket && l->address ? LOCI_OK : loci__fail_memory(error, strlen(path), "an address");
}

static loci_status start_daemon(loci__http *http, listener *l, loci_error *error) {
  const loci__options *o = &http->server->options;
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  /* Twice the processors: while one thread writes a long answer, another one answers the short ones. */
  const unsigned threads = l->metrics ? 1 : cores < 1 ? 2 : cores > 8 ? 16 : (unsigned)cores * 2;
  /* libmicrohttpd divides the limit among its threads, unevenly used: make_room decides, this is only a far bound. */
  const unsigned limit = (unsigned)(o->max_connections > 50000 ? 200000 : 4 * o->max_connections + 4 * threads);
  l->http = http;
  struct MHD_OptionItem pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)threads, NULL}, {MHD_OPTION_END, 0, NULL}};
  l->daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, l,
      MHD_OPTION_LISTEN_SOCKET, l->fd, MHD_OPTION_ARRAY, threads > 1 ? pool : pool + 1, MHD_OPTION_CONNECTION_LIMIT,
      limit, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
      (unsigned)(o->idle_seconds + 10 * o->read_seconds), MHD_OPTION_NOTIFY_CONNECTION, on_connection, l,
      MHD_OPTION_URI_LOG_CALLBACK, on_target, l, MHD_OPTION_NOTIFY_COMPLETED, on_completed, l,
      MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
      MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
  if (!l->daemon) return loci__fail(error, LOCI_ERROR_IO, "cannot start to serve %s: %s", l->address, strerror(errno));
  return LOCI_OK;
}

/* As many files as the system lets us have: connections are files. */
static void raise_limits(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

static loci_status open_all(loci__http *http, loci_error *error) {
  const loci__options *o = &http->server->options;
  const bool only_socket = o->socket && !o->host && o->port == UINT64_MAX;
  listener *l = http->listeners;
  if (o->socket) {
    LOCI__TRY(listen_socket(http, &l[http->n_listeners], o->socket, error));
    http->n_listeners++;
  }
  const char *host = o->host ? o->host : "127.0.0.1";
  if (!only_socket) {
    LOCI__TRY(listen_port(http, &l[http->n_listeners], host, o->port == UINT64_MAX ? 8080 : o->port, error));
    http->n_listeners++;
  }
  if (o->metrics_port != UINT64_MAX) {
    l[http->n_listeners].metrics = true;
    LOCI__TRY(listen_port(http, &l[http->n_listeners], host, o->metrics_port, error));
    http->n_listeners++;
  }
  if (pthread_create(&http->watch, NULL, watch_main, http) != 0)
    return loci__fail(error, LOCI_ERROR_IO, "cannot start a thread: %s", strerror(errno));
  http->watching = true;
  for (size_t i = 0; i < http->n_listeners; i++) LOCI__TRY(start_daemon(http, &l[i], error));
  return LOCI_OK;
}

loci_status loci__http_open(loci__server *server, const loci__http_events *events, loci__http **out,
                            loci_error *error) {
  loci__http *http = loci__alloc_zero(server->context, 1, sizeof *http);
  if (!http) return loci__fail_memory(error, sizeof *http, "the server");
  http->server = server;
  http->events = *events;
  pthread_mutex_init(&http->lock, NULL);
  pthread_cond_init(&http->changed, NULL);
  for (size_t i = 0; i < MOST_LISTENERS; i++) http->listeners[i].fd = -1;
  raise_limits();
  loci_status status = LOCI_OK;
  if (getrandom(http->id_key, sizeof http->id_key, 0) != (ssize_t)sizeof http->id_key)
    status = loci__fail(error, LOCI_ERROR_IO, "no random numbers: %s", strerror(errno));
  *out = http;
  if (status == LOCI_OK) status = open_all(http, error);
  if (status != LOCI_OK) {
    loci__http_close(http);
    *out = NULL;
  }
  return status;
}

const char *loci__http_address(const loci__http *http, size_t i) {
  return i < http->n_listeners ? http->listeners[i].address : NULL;
}

void loci__http_drain(loci__http *http) {
  http->draining = true;
  for (size_t i = 0; i < http->n_listeners; i++) {
    listener *l = &http->listeners[i];
    if (!l->daemon || l->fd < 0) continue;
    /* Only its end is told here: it may be closed when the daemon has stopped. */
    MHD_quiesce_daemon(l->daemon);
    shutdown(l->fd, SHUT_RDWR);
  }
}

size_t loci__http_wait_idle(loci__http *http, double seconds) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += (time_t)seconds;
  until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock(&http->lock);
  while (http->n_active > 0 && pthread_cond_timedwait(&http->changed, &http->lock, &until) == 0) continue;
  const size_t n = http->n_active;
  pthread_mutex_unlock(&http->lock);
  return n;
}

void loci__http_close(loci__http *http) {
  if (!http) return;
  loci_context *memory = http->server->context;
  if (!http->draining) loci__http_drain(http);
  for (size_t i = 0; i < http->n_listeners; i++)
    if (http->listeners[i].daemon) MHD_stop_daemon(http->listeners[i].daemon);
  pthread_mutex_lock(&http->lock);
  http->stop = true;
  pthread_cond_broadcast(&http->changed);
  pthread_mutex_unlock(&http->lock);
  if (http->watching) pthread_join(http->watch, NULL);
  for (size_t i = 0; i < MOST_LISTENERS; i++) {
    listener *l = &http->listeners[i];
    if (l->fd >= 0) close(l->fd);
    if (l->socket) loci__file_unlink(memory, l->socket);
    loci__free(memory, l->address);
    loci__free(memory, l->socket);
  }
  pthread_cond_destroy(&http->changed);
  pthread_mutex_destroy(&http->lock);
  loci__free(memory, http);
}
