/* server/: loci over HTTP, a program of its own (loci-serve), so that nothing else links what it links.
 *
 * A face of the library like cli/: it includes the public header and base/, nothing else of the house.
 *
 * The way of a request: http.c reads it on one of its threads and asks admit (guard.c: host, origin, key, sizes) as soon as the
 * headers are there, then the route's handler (routes.c) with the whole body. A handler of a dialect (openai.c, tei.c,
 * ollama.c, cohere.c) reads its fields (fields.c), makes a job of its inputs and gives it to the batcher, which runs it at
 * once where that is cheap (static models), or puts the request to sleep, embeds its inputs beside those of others, and
 * wakes it. The job's `answer` then writes the response, always on a thread of http.c.
 *
 *   http.c      the only file that knows libmicrohttpd      batcher.c   the queue, batches by token budget
 *   tasks.c     what is neither quick nor a batch           guard.c     keys, Host, Origin
 *   models.c    which models there are; loaded on demand
 *   routes.c    paths to handlers, errors to dialects       metrics.c   Prometheus            log.c   JSON lines
 *   fields.c    JSON bodies                                 vectors.c   floats to JSON, base64, bytes
 *   options.c   what was typed                              main.c      start, signals, drain
 *
 * Ownership: a loci__request belongs to http.c and lives until its response is sent. A job belongs to the handler until it is
 * submitted, then to the batcher until its answer was called, which frees it. Everything is allocated with the server's
 * context (the request's too).
 * Threads: http.c's, one for the batches, one that watches for stalled connections. What they share is the batcher's
 * queue, the table of models and the counters; each of these has its own lock, and no lock is held over a call out.
 */
#ifndef LOCI_SERVER_SERVER_H
#define LOCI_SERVER_SERVER_H

#include "loci.h"

#include "../base/base.h"
#include "../base/file.h"
#include "../base/json.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct loci__server loci__server;
typedef struct loci__request loci__request;
typedef struct loci__route loci__route;
typedef struct loci__http loci__http;
typedef struct loci__guard loci__guard;
typedef struct loci__models loci__models;
typedef struct loci__served loci__served;
typedef struct loci__batcher loci__batcher;
typedef struct loci__tasks loci__tasks;
typedef struct loci__metrics loci__metrics;
typedef struct loci__logger loci__logger;

/* ---- what was typed (options.c) ---------------------------------------------------------------- */

typedef struct loci__list {
  const char **items; /* point into argv */
  size_t n, capacity;
} loci__list;

typedef struct loci__options {
  loci__list models;         /* [NAME=]MODEL */
  const char *host;          /* NULL = 127.0.0.1 */
  uint64_t port;             /* UINT64_MAX = not given */
  const char *socket;        /* a Unix socket's path */
  uint64_t metrics_port;     /* UINT64_MAX = /metrics stands beside the rest */
  const char *api_key_file;  /* a key a line */
  loci__list hosts, origins; /* further names in Host; origins of browsers that may ask */
  uint64_t max_body;         /* bytes */
  uint64_t max_inputs;       /* of a request */
  uint64_t queue;            /* requests that wait for a batch */
  uint64_t batch_tokens;     /* of a batch, at most */
  uint64_t latency_ms;       /* what a batch should take, at most */
  uint64_t max_connections;
  uint64_t max_loaded; /* models in memory */
  uint64_t idle_seconds, read_seconds, request_seconds, drain_seconds;
  uint64_t threads;
  const char *log_file; /* NULL = stderr */
  const char *model_path, *cache, *helper, *isa;
} loci__options;

/* USAGE, with the word that is wrong. */
loci_status loci__options_read(loci_context *context, loci__options *options, int argc, char **argv, loci_error *error);
void loci__options_release(loci_context *context, loci__options *options);

struct loci__server {
  loci_context *context;
  loci__options options;
  loci__http *http;
  loci__guard *guard;
  loci__models *models;
  loci__batcher *batcher;
  loci__tasks *tasks;
  loci__metrics *metrics;
  loci__logger *logger;
  int64_t started;         /* Unix time */
  _Atomic bool draining;   /* SIGTERM was seen: no new work */
  _Atomic uint64_t memory; /* bytes of bodies and vectors of the requests at hand */
};

/* ---- failures (routes.c) ------------------------------------------------------------------------- */

/* Why a request is not answered with what it asked for. Each dialect has its own words and codes for them. */
typedef enum loci__failure_kind {
  LOCI__FAILURE_NONE,
  LOCI__FAILURE_SYNTAX,    /* the body is no JSON, or no object */
  LOCI__FAILURE_VALUE,     /* a field that is missing, or has a wrong type or value */
  LOCI__FAILURE_EMPTY,     /* no input */
  LOCI__FAILURE_TOO_MANY,  /* more inputs than a request may have */
  LOCI__FAILURE_TOO_LONG,  /* an input is longer than the model takes, and must not be cut */
  LOCI__FAILURE_NO_MODEL,  /* no model of this name is served */
  LOCI__FAILURE_KIND,      /* the model cannot do that */
  LOCI__FAILURE_NOT_FOUND, /* no such path, collection, document */
  LOCI__FAILURE_METHOD,    /* the path is there, for another method */
  LOCI__FAILURE_KEY,       /* no key, or a wrong one */
  LOCI__FAILURE_FORBIDDEN, /* Host or Origin */
  LOCI__FAILURE_BODY,      /* the body is larger than allowed */
  LOCI__FAILURE_MALFORMED, /* HTTP itself is wrong; the connection ends */
  LOCI__FAILURE_BUSY,      /* the queue is full */
  LOCI__FAILURE_DRAINING,  /* the server is about to end */
  LOCI__FAILURE_MEMORY,    /* none is left */
  LOCI__FAILURE_TIME,      /* it took longer than a request may */
  LOCI__FAILURE_LOCKED,    /* a collection that another program is writing */
  LOCI__FAILURE_MISMATCH,  /* a collection of another model */
  LOCI__FAILURE_NUMBER,    /* the model gave what is no number */
  LOCI__FAILURE_GONE,      /* the client went away */
  LOCI__FAILURE_FAULT      /* anything else */
} loci__failure_kind;

typedef struct loci__failure {
  loci__failure_kind kind;
  const char *param; /* the field, or NULL; static */
  char message[512];
} loci__failure;

/* Fills `failure` and answers false, so that a check is one statement. */
bool loci__failed(loci__failure *failure, loci__failure_kind kind, const char *param, const char *format, ...)
    LOCI_PRINTF(4, 5);
/* Its name in metrics and logs. */
const char *loci__failure_name(loci__failure_kind kind);
/* From an error of the library. */
void loci__failure_from(loci__failure *failure, loci_status status, const loci_error *error);

/* ---- requests (http.c) ------------------------------------------------------------------------- */

enum { LOCI__ID_SIZE = 65, LOCI__MOST_HEADERS = 16 };

/* What a handler did: ANSWERED, or ASLEEP, after which the request is another thread's and must not be touched. */
typedef enum loci__outcome { LOCI__ANSWERED, LOCI__ASLEEP } loci__outcome;

typedef enum loci__dialect {
  LOCI__DIALECT_OPENAI,
  LOCI__DIALECT_TEI,
  LOCI__DIALECT_OLLAMA,
  LOCI__DIALECT_COHERE
} loci__dialect;

struct loci__request {
  loci__server *server;
  const char *method, *path; /* the path as sent, without the query */
  const char *query;         /* behind '?', or "" */
  const loci__route *route;  /* NULL = none */
  const char *tail;          /* of the path, behind a route that ends with '*' */
  char *body;                /* NUL-terminated behind length */
  size_t length;
  char id[LOCI__ID_SIZE];
  bool head;             /* HEAD: answered as GET, without the body */
  bool private_listener; /* came by the port of the metrics */

  loci__failure refused; /* before the body was read */
  int status;            /* of the answer, 0 before */
  double began;          /* loci__now when the headers were there */
  /* for log and metrics */
  const char *model; /* static or the served model's name, which outlives requests */
  size_t n_inputs, n_tokens, n_truncated, bytes_out;
  double queued, inferred; /* seconds */
  const char *error;       /* static, for the metrics */

  void *http; /* http.c's own */
};

struct loci__route {
  const char *method, *path; /* "/v1/models/" followed by '*': anything non-empty behind it */
  loci__outcome (*handle)(loci__request *request);
  loci__dialect dialect;
  unsigned flags; /* LOCI__ROUTE_... */
};
enum {
  LOCI__ROUTE_OPEN = 1,   /* no key is asked for */
  LOCI__ROUTE_PRIVATE = 2 /* only by --metrics-port, where that is given */
};

typedef struct loci__http_events {
  /* The headers are there: finds the route and checks. request->refused.kind set = the body is not wanted. */
  void (*admit)(loci__request *request);
  /* May so many bytes of body more be taken? Called before each piece; gives them back by loci__http_forget. */
  loci__outcome (*handle)(loci__request *request);
  void (*finished)(loci__request *request); /* sent, or the client is gone: the last word */
} loci__http_events;

/* Begins to listen, with the server's options; listening sockets are made first, so that a port in use fails here. */
loci_status loci__http_open(loci__server *server, const loci__http_events *events, loci__http **out, loci_error *error);
/* "http://127.0.0.1:8080" of listener i; NULL past the end. */
const char *loci__http_address(const loci__http *http, size_t i);
/* Takes no more connections; what is there is answered, and its connection then closed. */
void loci__http_drain(loci__http *http);
/* Waits until no request is at hand, at most `seconds`; the number that is. */
size_t loci__http_wait_idle(loci__http *http, double seconds);
void loci__http_close(loci__http *http);
size_t loci__http_connections(loci__http *http);

/* A header of the request, or NULL. Only from a handler or admit. */
const char *loci__http_header(loci__request *request, const char *name);
/* A header for the answer; name static, value copied. Ignored past LOCI__MOST_HEADERS. */
void loci__http_put_header(loci__request *request, const char *name, const char *value);
/* The answer. Takes what is in `body`, which is empty afterwards. */
void loci__http_respond(loci__request *request, int status, const char *type, loci__buffer *body);
/* Puts the request to sleep; `again` is called on a thread of http.c once loci__http_wake was. Call it before anything that
 * may wake. */
void loci__http_sleep(loci__request *request, void (*again)(loci__request *request, void *arg), void *arg);
void loci__http_wake(loci__request *request);
/* Has the client of a sleeping request gone? */
bool loci__http_gone(loci__request *request);

/* ---- guard.c ------------------------------------------------------------------------------------- */

/* Reads the keys. USAGE when `host` is not this machine and there are none. */
loci_status loci__guard_new(loci__server *server, loci__guard **out, loci_error *error);
void loci__guard_free(loci__server *server, loci__guard *guard);
/* Fills request->refused when the request must not pass. */
void loci__guard_check(loci__request *request);
/* Headers for a browser's origin that may ask; false when the request is a preflight, which it answers. */
bool loci__guard_cors(loci__request *request);
bool loci__guard_has_keys(const loci__guard *guard);

/* ---- routes.c ------------------------------------------------------------------------------------ */

void loci__routes_admit(loci__request *request);
loci__outcome loci__routes_handle(loci__request *request);
void loci__routes_finished(loci__request *request);
const loci__route *loci__route_at(size_t i); /* NULL past the end */
/* Answers with the failure in the dialect's shape. */
loci__outcome loci__refuse(loci__request *request, const loci__failure *failure);
/* Answers with JSON. A body that failed (memory) becomes an error. */
loci__outcome loci__answer_json(loci__request *request, int status, loci__buffer *body);

/* ---- fields.c ------------------------------------------------------------------------------------ */

/* The body as an object. `document` is to be released on true. */
bool loci__fields_parse(loci__request *request, loci__json_document *document, loci__failure *failure);
/* Optional members: absent and null leave *out alone. A wrong type is a failure that names the field. */
bool loci__field_text(const loci__json *object, const char *key, const loci__json **out, loci__failure *failure);
bool loci__field_bool(const loci__json *object, const char *key, bool *out, loci__failure *failure);
bool loci__field_count(const loci__json *object, const char *key, uint64_t most, uint64_t *out, bool *given,
                       loci__failure *failure);
/* One of n words; *out is its index. */
bool loci__field_choice(const loci__json *object, const char *key, const char *const *words, size_t n, int *out,
                        loci__failure *failure);
/* Members that are none of `known` (NULL at the end) are a failure. */
bool loci__fields_known(const loci__json *object, const char *const *known, loci__failure *failure);

/* ---- models.c ------------------------------------------------------------------------------------ */

/* One of the models that -m named. Immutable but for what models.c's lock guards. */
struct loci__served {
  char *id;      /* what clients call it */
  char *name;    /* what loci_model_open takes; NULL = built-in */
  size_t number; /* its place in the list */
  /* guarded by the lock of the models: */
  loci_model *model;
  loci_model_info info; /* while loaded */
  bool cheap;           /* a table look-up: embeds in microseconds */
  size_t n_users;
  double last_used, expires; /* loci__now; expires 0 = never by itself */
  uint64_t size;             /* bytes of its files */
  int64_t modified;          /* Unix time of them */
};

loci_status loci__models_new(loci__server *server, loci__models **out, loci_error *error);
void loci__models_free(loci__server *server, loci__models *models);
size_t loci__models_count(const loci__models *models);
loci__served *loci__models_at(loci__models *models, size_t i);
/* By id; id:latest too. NULL id = the first. NULL when there is none. */
loci__served *loci__models_find(loci__models *models, const char *id, size_t length);
/* The model, loaded when it is not, and in use until released. May take as long as loading does: not on an HTTP thread
 * unless `only_loaded`, which answers NULL (and OK) for one that is not. */
loci_status loci__models_use(loci__server *server, loci__served *served, bool only_loaded, const loci_model **out,
                             loci_error *error);
void loci__models_done(loci__server *server, loci__served *served);
/* Unloads as soon as nobody uses it (0), or when it was not used for so long; negative = never. */
/* Hex digits that name what the model computes (loci_model_fingerprint, twice); "" while it is not loaded. */
void loci__models_digest(loci__server *server, loci__served *served, char out[65]);
void loci__models_keep(loci__server *server, loci__served *served, double seconds);
/* Unloads what has expired. */
void loci__models_tidy(loci__server *server);
/* A copy of what the lock guards. The strings in `info` are good while the model is in use only. */
loci__served loci__models_look(loci__server *server, loci__served *served);

/* ---- batcher.c ----------------------------------------------------------------------------------- */

typedef struct loci__job loci__job;
struct loci__job {
  /* by the handler: */
  loci__request *request;
  loci__served *served;
  loci__json_document document; /* inputs point into it */
  loci_input *inputs;           /* the job's */
  size_t n, capacity;
  size_t bytes; /* of inputs */
  int32_t *ids; /* the job's, for inputs that are ids */
  size_t n_ids, ids_capacity;
  char *role;               /* the job's: the word that came, or NULL */
  const char *role_param;   /* the field that it came in */
  bool role_may_be_unknown; /* a word that stands for no prompt of the model means: none */
  size_t max_tokens;        /* 0 = the model's */
  bool normalize, refuse_long, cut_start;
  /* The vectors are there, or `failure` says why not: writes the answer. On an HTTP thread. */
  void (*answer)(loci__job *job);
  int choice[4];   /* the dialect's */
  uint64_t number; /* the dialect's */
  double loaded;   /* seconds that loading the model took */
  /* with the answer: */
  loci__failure failure;
  size_t dim;
  float *vectors; /* n × dim */
  loci_embed_info *infos;
  loci_model_info info; /* of the model, which is in use until the job is freed */
  const loci_model *model;
  /* the batcher's: */
  loci__job *next;
  loci_embed_options options;
  size_t n_done;
  bool ready, dead, in_batch;
  double submitted;
  uint64_t charged; /* bytes of server->memory */
};

loci__job *loci__job_new(loci__request *request); /* NULL when out of memory */
void loci__job_free(loci__job *job);
bool loci__job_add_text(loci__job *job, const char *text, size_t length);
/* An array of numbers in JSON. */
bool loci__job_add_ids(loci__job *job, const loci__json *array, loci__failure *failure);
/* Notes the word, which may be NULL, for when the model is there: the name of one of its prompts, else "query",
 * "search_query", "document", "search_document" or "passage". */
bool loci__job_set_role(loci__job *job, const loci__json *word, const char *param, loci__failure *failure);

/* For what is no part of a batch: the model into use, loaded when it is not, role and ids checked; on a thread that may
 * wait. The failure is the job's. */
bool loci__job_load(loci__job *job);
/* Counts tokens and truncation of job->infos for log, metrics and answer. */
void loci__job_settle(loci__job *job);

loci_status loci__batcher_new(loci__server *server, loci__batcher **out, loci_error *error);
/* Every job that waits is answered (DRAINING). */
void loci__batcher_stop(loci__batcher *batcher);
void loci__batcher_free(loci__batcher *batcher);
/* Takes the job, whose `answer` is called now or later. */
loci__outcome loci__batcher_submit(loci__job *job);
size_t loci__batcher_waiting(loci__batcher *batcher);

/* ---- tasks.c ------------------------------------------------------------------------------------- */

/* Writes the answer and frees `arg`; with `failure` it refuses. On a thread of tasks.c, or at once. */
typedef void (*loci__request_task_fn)(loci__request *request, void *arg, const loci__failure *failure);

loci_status loci__tasks_new(loci__server *server, loci__tasks **out, loci_error *error);
void loci__tasks_stop(loci__tasks *tasks);
void loci__tasks_free(loci__tasks *tasks);
loci__outcome loci__tasks_submit(loci__request *request, loci__request_task_fn run, void *arg);

/* ---- vectors.c ----------------------------------------------------------------------------------- */

/* "[0.1,…]"; false (nothing is put) when a number is not finite: a NaN never leaves. */
bool loci__put_floats(loci__buffer *out, const float *vector, size_t dim);
/* Base64 (RFC 4648, section 4, with padding) of the little-endian float32, in quotes. */
bool loci__put_base64(loci__buffer *out, const float *vector, size_t dim);
/* Cuts to `dim` and scales to length 1: Matryoshka. In place. */
void loci__vector_cut(float *vector, size_t dim);
/* Eight bits a number, scaled so that the largest of the vector is 127: the cosine of two such vectors is that of the
 * vectors, but for rounding. */
void loci__vector_int8(const float *vector, size_t dim, int8_t *out);
/* A bit a number, 1 = positive, the first the highest of its byte; (dim + 7) / 8 bytes. */
void loci__vector_bits(const float *vector, size_t dim, uint8_t *out);

/* ---- metrics.c, log.c ------------------------------------------------------------------ */

loci_status loci__metrics_new(loci__server *server, loci__metrics **out, loci_error *error);
void loci__metrics_free(loci__server *server, loci__metrics *metrics);
void loci__metrics_request(loci__metrics *metrics, const loci__request *request);
void loci__metrics_batch(loci__metrics *metrics, size_t n_inputs, size_t n_tokens, double seconds);
void loci__metrics_input(loci__metrics *metrics, size_t n_tokens);
void loci__metrics_failure(loci__metrics *metrics, loci__failure_kind kind);
void loci__metrics_cancelled(loci__metrics *metrics);
void loci__metrics_put(loci__server *server, loci__buffer *out);

loci_status loci__logger_open(loci__server *server, loci__logger **out, loci_error *error);
void loci__logger_close(loci__server *server, loci__logger *logger);
void loci__logger_reopen(loci__logger *logger); /* after the file was renamed */
void loci__log_request(loci__logger *logger, const loci__request *request);
/* An event with pairs of key and text, NULL at the end. */
void loci__log_event(loci__logger *logger, const char *event, ...);

#endif
