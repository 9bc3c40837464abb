/* ollama.c: what Ollama answers about embeddings. Vectors have length 1; `dimensions` below the model's cuts and scales again,
 * others are ignored, as there. keep_alive says how long the model is to stay in memory: seconds, or a duration ("5m"); 0
 * unloads it, a negative one keeps it.
 */
#include "handlers.h"

#include <time.h>

/* ---- /api/embed, /api/embeddings ------------------------------------------------------------------- */

enum { LEGACY = 0 /* job->choice */ };

static void put_count(loci__json_writer *json, const char *key, uint64_t number) {
  loci__json_key(json, key);
  loci__json_put_u64(json, number);
}

static void put_text(loci__json_writer *json, const char *key, const char *text) {
  loci__json_key(json, key);
  loci__json_put_text(json, text);
}

static uint64_t nanoseconds(double seconds) {
  return seconds > 0 ? (uint64_t)(seconds * 1e9) : 0;
}

static void answer_embed(loci__job *job) {
  loci__request *r = job->request;
  if (job->number >= job->dim) job->number = 0;
  if (!job->failure.kind) loci__job_cut(job, "dimensions");
  if (job->failure.kind == LOCI__FAILURE_TOO_LONG)
    snprintf(job->failure.message, sizeof job->failure.message, "the input length exceeds the context length");
  if (!loci__job_is_good(job)) return;
  loci__buffer body;
  loci__json_writer json;
  bool finite = true;
  loci__buffer_init(&body, r->server->context, 0);
  if (job->choice[LEGACY]) {
    loci__buffer_puts(&body, "{\"embedding\":");
    finite = loci__put_floats(&body, job->vectors, job->n ? job->dim : 0);
    loci__buffer_putc(&body, '}');
  } else {
    loci__buffer_puts(&body, "{\"model\":");
    loci__json_writer_init(&json, &body);
    loci__json_put_text(&json, job->served->id);
    loci__buffer_puts(&body, ",\"embeddings\":[");
    for (size_t i = 0; i < job->n && finite; i++) {
      if (i) loci__buffer_putc(&body, ',');
      finite = loci__put_floats(&body, job->vectors + i * job->dim, job->dim);
    }
    loci__buffer_printf(
        &body, "],\"total_duration\":%llu,\"load_duration\":%llu,\"prompt_eval_count\":%zu,\"truncated_inputs\":%zu}",
        (unsigned long long)nanoseconds(loci__now() - r->began), (unsigned long long)nanoseconds(job->loaded),
        r->n_tokens, r->n_truncated);
  }
  if (!finite) {
    loci__buffer_release(&body);
    loci__failed(&job->failure, LOCI__FAILURE_NUMBER, NULL, "the model gives no finite vector for one of the inputs");
    loci__refuse(r, &job->failure);
    return;
  }
  loci__answer_json(r, 200, &body);
}

/* Go's durations: "1h30m", "300ms", "-1s"; a bare number is seconds. */
static bool parse_duration(const char *text, size_t length, double *out) {
  static const struct {
    const char *unit;
    double seconds;
  } units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
  if (loci__parse_double(text, length, out)) return true;
  const bool negative = length > 0 && *text == '-';
  if (negative) text++, length--;
  double sum = 0;
  while (length > 0) {
    size_t n = 0, k = 0;
    double number;
    while (n < length && ((text[n] >= '0' && text[n] <= '9') || text[n] == '.')) n++;
    if (n == 0 || !loci__parse_double(text, n, &number)) return false;
    text += n, length -= n;
    for (k = 0; k < LOCI__COUNT(units); k++) {
      const size_t u = strlen(units[k].unit);
      if (u > length || memcmp(units[k].unit, text, u) != 0) continue;
      if (u < length && text[u] >= 'a' && text[u] <= 'z') continue; /* "m" of "ms" */
      sum += number * units[k].seconds;
      text += u, length -= u;
      break;
    }
    if (k == LOCI__COUNT(units)) return false;
  }
  *out = negative ? -sum : sum;
  return true;
}

static bool read_keep_alive(loci__job *job, const loci__json *root, double *seconds, bool *given) {
  const loci__json *value = loci__json_get(root, "keep_alive");
  *given = value && value->type != LOCI__JSON_NULL;
  if (!*given || loci__json_double(value, seconds)) return true;
  if (value->type == LOCI__JSON_STRING && value->length < 64 && parse_duration(value->text, value->length, seconds))
    return true;
  return loci__failed(&job->failure, LOCI__FAILURE_VALUE, "keep_alive",
                      "'keep_alive' must be seconds or a duration: \"5m\"");
}

static bool read_embed(loci__job *job, bool legacy) {
  loci__failure *f = &job->failure;
  const loci__json *root = job->document.nodes, *model = NULL, *options = loci__json_get(root, "options"), *role = NULL;
  const loci__json *input = loci__json_get(root, legacy ? "prompt" : "input");
  bool truncate = true, given;
  double keep = 0;
  if (!loci__field_text(root, "model", &model, f)) return false;
  if (!model) return loci__failed(f, LOCI__FAILURE_VALUE, "model", "model is required");
  if (!loci__job_set_model(job, model) || !loci__field_bool(root, "truncate", &truncate, f) ||
      !loci__field_count(root, "dimensions", UINT32_MAX, &job->number, &given, f) ||
      !read_keep_alive(job, root, &keep, &given) || !loci__field_text(root, "input_type", &role, f) ||
      !loci__job_set_role(job, role, "input_type", f))
    return false;
  if (options && options->type != LOCI__JSON_OBJECT && options->type != LOCI__JSON_NULL)
    return loci__failed(f, LOCI__FAILURE_VALUE, "options", "'options' must be an object");
  job->refuse_long = !truncate;
  if (given) loci__models_keep(job->request->server, job->served, keep);
  if (!input || input->type == LOCI__JSON_NULL) return true;
  /* A bare empty string is no input there; one in an array is. */
  if (input->type == LOCI__JSON_STRING && input->length == 0) return true;
  if (input->type != LOCI__JSON_STRING && (legacy || input->type != LOCI__JSON_ARRAY))
    return loci__failed(f, LOCI__FAILURE_VALUE, "input", "invalid input type");
  for (const loci__json *v = loci__json_first(input); input->type == LOCI__JSON_ARRAY && v;
       v = loci__json_next(input, v))
    if (v->type != LOCI__JSON_STRING) return loci__failed(f, LOCI__FAILURE_VALUE, "input", "invalid input type");
  return loci__job_add_inputs(job, input, legacy ? "prompt" : "input", false);
}

static loci__job *begin(loci__request *request, loci__failure *failure) {
  loci__json_document document;
  if (!loci__fields_parse(request, &document, failure)) return NULL;
  loci__job *job = loci__job_new(request);
  if (job) {
    job->document = document;
    return job;
  }
  loci__json_release(&document);
  loci__failed(failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the request");
  return NULL;
}

static loci__outcome embed(loci__request *request, bool legacy) {
  loci__failure failure = {0};
  loci__job *job = begin(request, &failure);
  if (!job) return loci__refuse(request, &failure);
  job->answer = answer_embed;
  job->choice[LEGACY] = legacy;
  if (!read_embed(job, legacy)) return loci__job_refuse(job);
  if (job->n > 0) return loci__batcher_submit(job);
  answer_embed(job);
  loci__job_free(job);
  return LOCI__ANSWERED;
}

loci__outcome loci__ollama_embed(loci__request *request) {
  return embed(request, false);
}

loci__outcome loci__ollama_embeddings(loci__request *request) {
  return embed(request, true);
}

/* ---- what models there are ------------------------------------------------------------------------ */

static void put_time(loci__json_writer *json, const char *key, int64_t when) {
  char text[32];
  const time_t t = (time_t)when;
  struct tm utc;
  gmtime_r(&t, &utc);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  put_text(json, key, text);
}

static void put_details(loci__json_writer *json, const char *family, uint64_t parameters) {
  char size[32];
  if (parameters >= 1000000000) snprintf(size, sizeof size, "%.1fB", (double)parameters / 1e9);
  else snprintf(size, sizeof size, "%.1fM", (double)parameters / 1e6);
  loci__json_key(json, "details");
  loci__json_open(json, '{');
  put_text(json, "parent_model", "");
  put_text(json, "format", "safetensors");
  put_text(json, "family", family);
  loci__json_key(json, "families");
  loci__json_open(json, '[');
  loci__json_put_text(json, family);
  loci__json_close(json, ']');
  put_text(json, "parameter_size", size);
  put_text(json, "quantization_level", "F32");
  loci__json_close(json, '}');
}

/* One of the list; a model that is not in memory tells little of itself. */
static void put_model(loci__json_writer *json, loci__server *server, loci__served *served, bool running) {
  const loci_model *model = NULL;
  char digest[65];
  loci__models_use(server, served, true, &model, NULL);
  const loci__served look = loci__models_look(server, served);
  loci__models_digest(server, served, digest);
  loci__json_open(json, '{');
  put_text(json, "name", served->id);
  put_text(json, "model", served->id);
  put_time(
      json, running ? "expires_at" : "modified_at",
      running ? (look.expires > 0 ? (int64_t)time(NULL) + (int64_t)(look.expires - loci__now()) : INT64_C(253402300799))
              : (look.modified ? look.modified : server->started));
  put_count(json, "size", look.size);
  put_text(json, "digest", digest);
  put_details(json, model ? look.info.architecture : "unknown", model ? look.info.n_parameters : 0);
  if (running) {
    put_count(json, "size_vram", 0);
    put_count(json, "context_length", look.info.max_tokens == SIZE_MAX ? INT32_MAX : look.info.max_tokens);
  }
  loci__json_close(json, '}');
  if (model) loci__models_done(server, served);
}

static void run_list(loci__request *request, void *arg, const loci__failure *failure) {
  if (failure) {
    loci__refuse(request, failure);
    return;
  }
  const bool running = arg != NULL;
  loci__server *server = request->server;
  loci__buffer body;
  loci__json_writer json;
  loci__buffer_init(&body, server->context, 0);
  loci__json_writer_init(&json, &body);
  loci__json_open(&json, '{');
  loci__json_key(&json, "models");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < loci__models_count(server->models); i++) {
    loci__served *served = loci__models_at(server->models, i);
    if (!running || loci__models_look(server, served).model) put_model(&json, server, served, running);
  }
  loci__json_close(&json, ']');
  loci__json_close(&json, '}');
  loci__answer_json(request, 200, &body);
}

/* Digests read a model's weights once. */
loci__outcome loci__ollama_tags(loci__request *request) {
  return loci__tasks_submit(request, run_list, NULL);
}

loci__outcome loci__ollama_ps(loci__request *request) {
  return loci__tasks_submit(request, run_list, request);
}

static void run_show(loci__request *request, void *arg, const loci__failure *failure) {
  loci__job *job = arg;
  if (failure) job->failure = *failure;
  if (!job->failure.kind) loci__job_load(job);
  if (loci__job_is_good(job)) {
    const loci_model_info *m = &job->info;
    char key[96];
    loci__buffer body;
    loci__json_writer json;
    loci__buffer_init(&body, request->server->context, 0);
    loci__json_writer_init(&json, &body);
    loci__json_open(&json, '{');
    put_text(&json, "license", m->licence ? m->licence : "");
    put_text(&json, "modelfile", "");
    put_text(&json, "parameters", "");
    put_text(&json, "template", "{{ .Prompt }}");
    put_details(&json, m->architecture, m->n_parameters);
    loci__json_key(&json, "model_info");
    loci__json_open(&json, '{');
    put_text(&json, "general.architecture", m->architecture);
    put_text(&json, "general.basename", m->name);
    put_count(&json, "general.parameter_count", m->n_parameters);
    const struct {
      const char *name;
      uint64_t value;
    } counts[] = {{"embedding_length", m->dim},
                  {"block_count", m->n_layers},
                  {"attention.head_count", m->n_heads},
                  {"context_length", m->max_tokens == SIZE_MAX ? INT32_MAX : m->max_tokens},
                  {"vocab_size", m->vocabulary_size}};
    for (size_t i = 0; i < LOCI__COUNT(counts); i++) {
      snprintf(key, sizeof key, "%s.%s", m->architecture, counts[i].name);
      put_count(&json, key, counts[i].value);
    }
    loci__json_close(&json, '}');
    loci__json_key(&json, "capabilities");
    loci__json_open(&json, '[');
    loci__json_put_text(&json, "embedding");
    loci__json_close(&json, ']');
    const loci__served look = loci__models_look(request->server, job->served);
    put_time(&json, "modified_at", look.modified);
    loci__json_close(&json, '}');
    loci__answer_json(request, 200, &body);
  }
  loci__job_free(job);
}

loci__outcome loci__ollama_show(loci__request *request) {
  loci__failure failure = {0};
  loci__job *job = begin(request, &failure);
  if (!job) return loci__refuse(request, &failure);
  const loci__json *root = job->document.nodes, *model = NULL;
  bool good = loci__field_text(root, "model", &model, &job->failure);
  if (good && !model) good = loci__field_text(root, "name", &model, &job->failure);
  if (good && !model) good = loci__failed(&job->failure, LOCI__FAILURE_VALUE, "model", "model is required");
  good = good && loci__job_set_model(job, model);
  return good ? loci__tasks_submit(request, run_show, job) : loci__job_refuse(job);
}

loci__outcome loci__ollama_version(loci__request *request) {
  loci__buffer body;
  loci__buffer_init(&body, request->server->context, 0);
  loci__buffer_printf(&body, "{\"version\":\"%s\"}", loci_version());
  return loci__answer_json(request, 200, &body);
}

/* What clients look for at the root. */
loci__outcome loci__ollama_root(loci__request *request) {
  loci__buffer body;
  loci__buffer_init(&body, request->server->context, 0);
  loci__buffer_puts(&body, "Ollama is running");
  loci__http_respond(request, 200, "text/plain; charset=utf-8", &body);
  return LOCI__ANSWERED;
}
