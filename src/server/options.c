/* options.c: the words behind loci-serve. `loci serve` has the table with help; this reads what it passes on. Options are
 * --name value, or --name=value; there are no others.
 */
#include "server.h"

#include <stddef.h>

typedef enum kind { TEXT, LIST, COUNT } kind;

typedef struct option {
  const char *name;
  kind kind;
  size_t offset;
  uint64_t least, most;
} option;

#define AT(member) offsetof(loci__options, member)
static const option options[] = {
    {"model", LIST, AT(models), 0, 0},
    {"host", TEXT, AT(host), 0, 0},
    {"port", COUNT, AT(port), 0, 65535},
    {"socket", TEXT, AT(socket), 0, 0},
    {"metrics-port", COUNT, AT(metrics_port), 0, 65535},
    {"api-key-file", TEXT, AT(api_key_file), 0, 0},
    {"allow-host", LIST, AT(hosts), 0, 0},
    {"allow-origin", LIST, AT(origins), 0, 0},
    {"max-body", COUNT, AT(max_body), 1024, (uint64_t)1 << 31},
    {"max-inputs", COUNT, AT(max_inputs), 1, 1000000},
    {"queue", COUNT, AT(queue), 1, 100000},
    {"batch-tokens", COUNT, AT(batch_tokens), 1, 1 << 24},
    {"latency", COUNT, AT(latency_ms), 1, 600000},
    {"max-connections", COUNT, AT(max_connections), 1, 1000000},
    {"max-loaded", COUNT, AT(max_loaded), 1, 1000000},
    {"idle-timeout", COUNT, AT(idle_seconds), 1, 86400},
    {"read-timeout", COUNT, AT(read_seconds), 1, 86400},
    {"request-timeout", COUNT, AT(request_seconds), 1, 86400},
    {"drain-timeout", COUNT, AT(drain_seconds), 1, 86400},
    {"threads", COUNT, AT(threads), 1, 1024},
    {"log-file", TEXT, AT(log_file), 0, 0},
    {"model-path", TEXT, AT(model_path), 0, 0},
    {"cache", TEXT, AT(cache), 0, 0},
    {"helper", TEXT, AT(helper), 0, 0},
    {"isa", TEXT, AT(isa), 0, 0},
};

static void set_defaults(loci__options *o) {
  *o = (loci__options){.port = UINT64_MAX,
                       .metrics_port = UINT64_MAX,
                       .max_body = 32 << 20,
                       .max_inputs = 2048,
                       .queue = 512,
                       .batch_tokens = 16384,
                       .latency_ms = 100,
                       .max_connections = 4096,
                       .max_loaded = 4,
                       .idle_seconds = 75,
                       .read_seconds = 20,
                       .request_seconds = 300,
                       .drain_seconds = 30};
}

static loci_status set(loci_context *context, loci__options *o, const option *which, const char *value,
                       loci_error *error) {
  void *at = (char *)o + which->offset;
  if (which->kind == TEXT) {
    memcpy(at, &value, sizeof value);
  } else if (which->kind == LIST) {
    loci__list *list = at;
    if (!loci__grow(context, &list->items, &list->capacity, list->n + 1, sizeof *list->items))
      return loci__fail_memory(error, 0, "the options");
    list->items[list->n++] = value;
  } else {
    uint64_t number;
    if (!loci__parse_u64(value, &number) || number < which->least || number > which->most)
      return loci__fail(error, LOCI_ERROR_USAGE, "--%s must be a number from %llu to %llu, and not '%s'", which->name,
                        (unsigned long long)which->least, (unsigned long long)which->most, value);
    memcpy(at, &number, sizeof number);
  }
  return LOCI_OK;
}

loci_status loci__options_read(loci_context *context, loci__options *o, int argc, char **argv, loci_error *error) {
  set_defaults(o);
  for (int i = 0; i < argc; i++) {
    const char *word = argv[i];
    const option *found = NULL;
    const char *value = NULL;
    size_t length = 0;
    if (!strcmp(word, "-m")) word = "--model";
    if (!strncmp(word, "--", 2)) {
      value = strchr(word, '=');
      length = value ? (size_t)(value - word) - 2 : strlen(word) - 2;
      for (size_t k = 0; k < LOCI__COUNT(options); k++)
        if (strlen(options[k].name) == length && !strncmp(options[k].name, word + 2, length)) found = &options[k];
    }
    if (!found)
      return loci__fail(error, LOCI_ERROR_USAGE, "unknown option '%s'; `loci help serve` lists them", argv[i]);
    if (value) value++;
    else if (i + 1 < argc) value = argv[++i];
    else return loci__fail(error, LOCI_ERROR_USAGE, "--%s wants a value", found->name);
    LOCI__TRY(set(context, o, found, value, error));
  }
  return LOCI_OK;
}

void loci__options_release(loci_context *context, loci__options *o) {
  loci__free(context, o->models.items);
  loci__free(context, o->hosts.items);
  loci__free(context, o->origins.items);
}
