/* serve.c: `loci serve`, which becomes loci-serve (same process, so signals reach it): the command links no server, and the
 * server reads no environment. What it finds there goes along as options.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct values {
  loci__words models, hosts, origins;
  const char *host, *socket, *keys, *log;
  loci__number port, metrics_port;
  uint64_t max_body, max_inputs, queue, batch_tokens, latency, max_connections, max_loaded;
  uint64_t idle, read, request, drain;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"model", 'm', LOCI__OPTION_LIST, AT(models), "[NAME=]MODEL", LOCI__OFFER_MODEL,
     "a folder, a file or a name, and what clients call it (the last part of the folder); several times for several; "
     "default: the built-in model"},
    {"host", 0, LOCI__OPTION_TEXT, AT(host), "ADDR", LOCI__OFFER_NOTHING,
     "the address to listen on; one that other machines reach wants --api-key-file (127.0.0.1)"},
    {"port", 0, LOCI__OPTION_NUMBER, AT(port), "N", LOCI__OFFER_NOTHING, "0 takes one that is free (8080)"},
    {"socket", 0, LOCI__OPTION_TEXT, AT(socket), "PATH", LOCI__OFFER_FILE,
     "a Unix socket, which only its owner may open; without --host and --port nothing else is listened on"},
    {"api-key-file", 0, LOCI__OPTION_TEXT, AT(keys), "FILE", LOCI__OFFER_FILE,
     "a key a line; requests must bring one of them: Authorization: Bearer KEY"},
    {"allow-host", 0, LOCI__OPTION_LIST, AT(hosts), "NAME", LOCI__OFFER_NOTHING,
     "a further name by which clients know this server, as it stands in Host"},
    {"allow-origin", 0, LOCI__OPTION_LIST, AT(origins), "ORIGIN", LOCI__OFFER_NOTHING,
     "an origin whose pages may ask, exactly: https://example.org; default: none"},
    {"metrics-port", 0, LOCI__OPTION_NUMBER, AT(metrics_port), "N", LOCI__OFFER_NOTHING,
     "/metrics by this port alone; default: beside the rest"},
    {"max-body", 0, LOCI__OPTION_SIZE, AT(max_body), "SIZE", LOCI__OFFER_NOTHING, "of a request (32M)"},
    {"max-inputs", 0, LOCI__OPTION_COUNT, AT(max_inputs), "N", LOCI__OFFER_NOTHING, "texts of a request (2048)"},
    {"queue", 0, LOCI__OPTION_COUNT, AT(queue), "N", LOCI__OFFER_NOTHING,
     "requests that may wait; further ones are told to try again (512)"},
    {"batch-tokens", 0, LOCI__OPTION_COUNT, AT(batch_tokens), "N", LOCI__OFFER_NOTHING,
     "tokens of a batch, at most (16384)"},
    {"latency", 0, LOCI__OPTION_COUNT, AT(latency), "MS", LOCI__OFFER_NOTHING,
     "milliseconds that a batch should take, at most: batches are cut to it (100)"},
    {"max-connections", 0, LOCI__OPTION_COUNT, AT(max_connections), "N", LOCI__OFFER_NOTHING,
     "open connections; for a further one the longest idle one is closed (4096)"},
    {"max-loaded", 0, LOCI__OPTION_COUNT, AT(max_loaded), "N", LOCI__OFFER_NOTHING,
     "models in memory; for a further one the longest unused one goes (4)"},
    {"idle-timeout", 0, LOCI__OPTION_COUNT, AT(idle), "S", LOCI__OFFER_NOTHING,
     "seconds after which an unused connection is closed (75)"},
    {"read-timeout", 0, LOCI__OPTION_COUNT, AT(read), "S", LOCI__OFFER_NOTHING,
     "seconds in which a request's head must be there, and then its body (20)"},
    {"request-timeout", 0, LOCI__OPTION_COUNT, AT(request), "S", LOCI__OFFER_NOTHING,
     "seconds that a request may take (300)"},
    {"drain-timeout", 0, LOCI__OPTION_COUNT, AT(drain), "S", LOCI__OFFER_NOTHING,
     "seconds in which requests at hand are answered after SIGTERM (30)"},
    {"log-file", 0, LOCI__OPTION_TEXT, AT(log), "FILE", LOCI__OFFER_FILE,
     "the log, opened anew after SIGHUP; default: standard error"},
};

/* The words of the new program. */
typedef struct words {
  char **items;
  size_t n, capacity;
  bool failed;
} words;

static void add_word(words *w, char *word) {
  if (!word || !loci__grow(NULL, &w->items, &w->capacity, w->n + 2, sizeof *w->items)) {
    loci__free(NULL, word);
    w->failed = true;
    return;
  }
  w->items[w->n++] = word;
  w->items[w->n] = NULL;
}

static void add_option(words *w, const char *name, const char *value) {
  if (!value) return;
  loci__buffer text;
  loci__buffer_init(&text, NULL, 0);
  loci__buffer_printf(&text, "--%s=%s", name, value);
  add_word(w, loci__buffer_take(&text));
  loci__buffer_release(&text);
}

static void add_number(words *w, const char *name, uint64_t value, int given) {
  char digits[24];
  snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
  add_option(w, name, given ? digits : NULL);
}

static loci_status add_environment(loci__cli *cli, words *w, loci_error *error) {
  char *model_path = NULL, *cache = NULL, *helper = loci__environment_program("loci-extract");
  const loci_status status = loci__environment_model_path(&model_path, error);
  if (status == LOCI_OK) {
    loci__environment_folder(LOCI__XDG_CACHE, NULL, &cache, NULL);
    add_option(w, "model-path", model_path);
    add_option(w, "cache", cache);
    add_option(w, "helper", helper);
    const char *isa = getenv("LOCI_ISA"), *threads = getenv("LOCI_THREADS");
    add_option(w, "isa", isa && *isa ? isa : NULL);
    if (cli->common.threads) add_number(w, "threads", cli->common.threads, 1);
    else add_option(w, "threads", threads && *threads ? threads : NULL);
  }
  loci__free(NULL, model_path);
  loci__free(NULL, cache);
  loci__free(NULL, helper);
  return status;
}

static void add_values(words *w, const values *v) {
  for (size_t i = 0; i < v->models.n; i++) add_option(w, "model", v->models.items[i]);
  for (size_t i = 0; i < v->hosts.n; i++) add_option(w, "allow-host", v->hosts.items[i]);
  for (size_t i = 0; i < v->origins.n; i++) add_option(w, "allow-origin", v->origins.items[i]);
  add_option(w, "host", v->host);
  add_option(w, "socket", v->socket);
  add_option(w, "api-key-file", v->keys);
  add_option(w, "log-file", v->log);
  add_number(w, "port", v->port.value, v->port.given);
  add_number(w, "metrics-port", v->metrics_port.value, v->metrics_port.given);
  const struct {
    const char *name;
    uint64_t value;
  } counts[] = {
      {"max-body", v->max_body},         {"max-inputs", v->max_inputs}, {"queue", v->queue},
      {"batch-tokens", v->batch_tokens}, {"latency", v->latency},       {"max-connections", v->max_connections},
      {"max-loaded", v->max_loaded},     {"idle-timeout", v->idle},     {"read-timeout", v->read},
      {"request-timeout", v->request},   {"drain-timeout", v->drain}};
  for (size_t i = 0; i < LOCI__COUNT(counts); i++) add_number(w, counts[i].name, counts[i].value, counts[i].value != 0);
}

static loci_status run(loci__cli *cli, loci_error *error) {
  words w = {0};
  char *program = loci__environment_program("loci-serve");
  loci_status status = LOCI_OK;
  if (!program)
    status =
        loci__fail(error, LOCI_ERROR_IO, "loci-serve is not there; it belongs below libexec/loci of the installation");
  if (status == LOCI_OK) {
    add_word(&w, loci__strdup(NULL, program));
    add_values(&w, cli->values);
    status = add_environment(cli, &w, error);
  }
  if (status == LOCI_OK && w.failed) status = loci__fail_memory(error, 0, "the options");
  if (status == LOCI_OK) {
    execv(program, w.items);
    status = loci__fail(error, LOCI_ERROR_IO, "cannot start '%s': %s", program, strerror(errno));
  }
  for (size_t i = 0; i < w.n; i++) loci__free(NULL, w.items[i]);
  loci__free(NULL, w.items);
  loci__free(NULL, program);
  return status;
}

const loci__command loci__command_serve = {
    .name = "serve",
    .summary = "Serve models over HTTP",
    .arguments = "",
    .about =
        "Clients of OpenAI's API work unchanged: their base URL is http://127.0.0.1:8080/v1. What else is answered "
        "stands in "
        "docs/server.md. The vectors are those of `loci embed`, to the bit, whatever else is being served.\n\n"
        "Listens on this machine alone, unless --host says otherwise. Prints `listening on URL` when it can be asked; "
        "the "
        "log, JSON lines without texts or keys, is on standard error. SIGTERM: what is at hand is answered, then the "
        "server "
        "ends.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci serve", "the built-in model, on 127.0.0.1:8080"},
                 {"loci serve -m ~/models/all-MiniLM-L6-v2 -m tiny=vectors.bin --port 0", "two models, a free port"},
                 {"loci serve --host 0.0.0.0 --api-key-file keys", "for other machines, with keys"}},
    .uses = LOCI__USES_THREADS,
    .values_size = sizeof(values),
    .run = run,
};
