/* metrics.c: counters in Prometheus' text format (version 0.0.4), under text-embeddings-inference's names where it has the
 * thing, else under loci_. Labels come from fixed sets only: routes of the table, models of -m, kinds of failure; never from a
 * request.
 *
 * Histograms have TEI's buckets: 35 of them, each half as large again, from 15 µs on; lengths and sizes have powers of two.
 * Every number is an atomic of its own: a scrape may see a request in one and not yet in another.
 */
#include "server.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

enum { N_SECONDS = 35, N_POWERS = 18, MOST_ROUTES = 64 };

typedef struct histogram {
  _Atomic uint64_t buckets[N_SECONDS + 1]; /* each counted once, not added up */
  _Atomic uint64_t count, sum;             /* nanoseconds, or units */
} histogram;

struct loci__metrics {
  double bounds[N_SECONDS]; /* seconds */
  _Atomic uint64_t requests[MOST_ROUTES], successes[MOST_ROUTES];
  _Atomic uint64_t failures[LOCI__FAILURE_FAULT + 1];
  _Atomic uint64_t unknown, cancelled, inputs, tokens, truncated;
  histogram duration, queued, inference, length, batch_inputs, batch_tokens;
};

loci_status loci__metrics_new(loci__server *server, loci__metrics **out, loci_error *error) {
  loci__metrics *m = loci__alloc_zero(server->context, 1, sizeof *m);
  *out = m;
  if (!m) return loci__fail_memory(error, sizeof *m, "the counters");
  double bound = 15e-6;
  for (size_t i = 0; i < N_SECONDS; i++, bound *= 1.5) m->bounds[i] = bound;
  return LOCI_OK;
}

void loci__metrics_free(loci__server *server, loci__metrics *metrics) {
  loci__free(server->context, metrics);
}

/* ---- counting ------------------------------------------------------------------------------------ */

static void add(_Atomic uint64_t *counter, uint64_t n) {
  atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(_Atomic uint64_t *counter) {
  return atomic_load_explicit(counter, memory_order_relaxed);
}

static void observe_seconds(const loci__metrics *m, histogram *h, double seconds) {
  size_t i = 0;
  while (i < N_SECONDS && seconds > m->bounds[i]) i++;
  add(&h->buckets[i], 1);
  add(&h->count, 1);
  add(&h->sum, (uint64_t)(seconds * 1e9));
}

static void observe_size(histogram *h, size_t size) {
  size_t i = 0;
  while (i < N_POWERS && size > (size_t)1 << i) i++;
  add(&h->buckets[i], 1);
  add(&h->count, 1);
  add(&h->sum, size);
}

static size_t index_of(const loci__route *route) {
  for (size_t i = 0; loci__route_at(i) && i < MOST_ROUTES; i++)
    if (loci__route_at(i) == route) return i;
  return MOST_ROUTES;
}

void loci__metrics_request(loci__metrics *m, const loci__request *request) {
  const size_t route = request->route ? index_of(request->route) : MOST_ROUTES;
  const bool good = request->status >= 200 && request->status < 400;
  if (route == MOST_ROUTES) {
    add(&m->unknown, 1);
  } else {
    add(&m->requests[route], 1);
    if (good) add(&m->successes[route], 1);
  }
  if (!request->model) return;
  observe_seconds(m, &m->duration, loci__now() - request->began);
  observe_seconds(m, &m->queued, request->queued);
  observe_seconds(m, &m->inference, request->inferred);
  add(&m->inputs, request->n_inputs);
  add(&m->tokens, request->n_tokens);
  add(&m->truncated, request->n_truncated);
}

void loci__metrics_failure(loci__metrics *m, loci__failure_kind kind) {
  add(&m->failures[kind], 1);
}

void loci__metrics_input(loci__metrics *m, size_t n_tokens) {
  observe_size(&m->length, n_tokens);
}

void loci__metrics_batch(loci__metrics *m, size_t n_inputs, size_t n_tokens, double seconds) {
  (void)seconds;
  observe_size(&m->batch_inputs, n_inputs);
  observe_size(&m->batch_tokens, n_tokens);
}

void loci__metrics_cancelled(loci__metrics *m) {
  add(&m->cancelled, 1);
}

/* ---- telling ------------------------------------------------------------------------------------- */

static void head(loci__buffer *out, const char *name, const char *type, const char *help) {
  loci__buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(loci__buffer *out, const char *name, const char *type, const char *help, uint64_t value) {
  head(out, name, type, help);
  loci__buffer_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void put_histogram(loci__buffer *out, const loci__metrics *m, histogram *h, const char *name, const char *help,
                          bool seconds) {
  char number[32];
  uint64_t sum = 0;
  head(out, name, "histogram", help);
  for (size_t i = 0; i < (seconds ? (size_t)N_SECONDS : (size_t)N_POWERS); i++) {
    sum += get(&h->buckets[i]);
    loci__format_double(seconds ? m->bounds[i] : (double)((size_t)1 << i), number);
    loci__buffer_printf(out, "%s_bucket{le=\"%s\"} %llu\n", name, number, (unsigned long long)sum);
  }
  loci__format_double((double)get(&h->sum) / (seconds ? 1e9 : 1.0), number);
  sum += get(&h->buckets[seconds ? N_SECONDS : N_POWERS]);
  loci__buffer_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %s\n%s_count %llu\n", name, (unsigned long long)sum,
                      name, number, name, (unsigned long long)sum);
}

static void put_routes(loci__buffer *out, loci__metrics *m, bool all, const char *name, const char *help) {
  head(out, name, "counter", help);
  for (size_t i = 0; loci__route_at(i) && i < MOST_ROUTES; i++) {
    const loci__route *route = loci__route_at(i);
    const uint64_t n = get(all ? &m->requests[i] : &m->successes[i]);
    if (n)
      loci__buffer_printf(out, "%s{method=\"%s\",path=\"%s\"} %llu\n", name, route->method, route->path,
                          (unsigned long long)n);
  }
}

static uint64_t resident_bytes(loci__server *server) {
  /* "size resident …", in pages */
  char text[128];
  const int fd = loci__file_open(server->context, "/proc/self/statm", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return 0;
  const int64_t length = loci__file_pread(server->context, fd, text, sizeof text - 1, 0);
  loci__file_close(server->context, fd);
  text[length > 0 ? length : 0] = 0;
  const char *space = strchr(text, ' ');
  return space ? strtoull(space, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void loci__metrics_put(loci__server *server, loci__buffer *out) {
  loci__metrics *m = server->metrics;
  put_routes(out, m, true, "te_request_count", "Requests, by route.");
  put_routes(out, m, false, "te_request_success", "Requests that were answered with what they asked for, by route.");
  head(out, "te_request_failure", "counter", "Requests that were refused, by reason.");
  for (size_t i = 1; i < LOCI__COUNT(m->failures); i++)
    if (get(&m->failures[i]))
      loci__buffer_printf(out, "te_request_failure{err=\"%s\"} %llu\n", loci__failure_name((loci__failure_kind)i),
                          (unsigned long long)get(&m->failures[i]));
  put_histogram(out, m, &m->duration, "te_request_duration", "Seconds from a request's head to its last byte sent.",
                true);
  put_histogram(out, m, &m->queued, "te_request_queue_duration", "Seconds in the queue.", true);
  put_histogram(out, m, &m->inference, "te_request_inference_duration",
                "Seconds in batches that a request took part in.", true);
  put_histogram(out, m, &m->length, "te_request_input_length", "Tokens of an input.", false);
  put_histogram(out, m, &m->batch_inputs, "te_batch_next_size", "Inputs of a batch.", false);
  put_histogram(out, m, &m->batch_tokens, "te_batch_next_tokens", "Tokens of a batch.", false);
  one(out, "te_queue_size", "gauge", "Requests that wait for a batch, or are in it.",
      loci__batcher_waiting(server->batcher));
  one(out, "te_embed_count", "counter", "Inputs that were to be embedded.", get(&m->inputs));
  one(out, "loci_tokens_total", "counter", "Tokens that were embedded.", get(&m->tokens));
  one(out, "loci_truncated_inputs_total", "counter", "Inputs that were cut at the model's length.", get(&m->truncated));
  one(out, "loci_cancelled_requests_total", "counter", "Requests whose client went away before they were answered.",
      get(&m->cancelled));
  one(out, "loci_unknown_requests_total", "counter", "Requests for a path or method that is not there.",
      get(&m->unknown));
  one(out, "loci_connections", "gauge", "Open connections.", loci__http_connections(server->http));
  one(out, "loci_request_bytes", "gauge", "Memory of bodies and vectors of the requests at hand.", server->memory);
  head(out, "loci_model_loaded", "gauge", "1 for a model that is in memory.");
  for (size_t i = 0; i < loci__models_count(server->models); i++) {
    loci__served *s = loci__models_at(server->models, i);
    loci__buffer_puts(out, "loci_model_loaded{model=\"");
    for (const char *c = s->id; *c; c++) {
      if (*c == '\\' || *c == '"') loci__buffer_putc(out, '\\');
      if (*c == '\n') loci__buffer_puts(out, "\\n");
      else loci__buffer_putc(out, *c);
    }
    loci__buffer_printf(out, "\"} %d\n", loci__models_look(server, s).model != NULL);
  }
  one(out, "process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes(server));
  one(out, "process_start_time_seconds", "gauge", "Start, in Unix time.", (uint64_t)server->started);
}
