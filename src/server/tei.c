/* tei.c: text-embeddings-inference 1.9's routes. One model a server there, so these answer for the first one of -m.
 *
 * /rerank, /predict and /embed_sparse say that the model is not of that kind. Where TEI tells times in headers, so do we, in
 * milliseconds, those that we measure.
 */
#include "handlers.h"

static loci__job *begin(loci__request *request, loci__failure *failure, void (*answer)(loci__job *)) {
  loci__json_document document;
  if (!loci__fields_parse(request, &document, failure)) return NULL;
  loci__job *job = loci__job_new(request);
  if (!job) {
    loci__json_release(&document);
    loci__failed(failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the request");
    return NULL;
  }
  job->document = document;
  job->answer = answer;
  loci__job_set_model(job, NULL);
  return job;
}

/* truncate, truncation_direction, prompt_name of `object`. */
static bool read_parameters(loci__job *job, const loci__json *object) {
  static const char *const directions[] = {"Right", "Left", "right", "left"};
  bool truncate = true;
  int direction = 0;
  const loci__json *prompt = NULL;
  loci__failure *f = &job->failure;
  if (!loci__field_bool(object, "truncate", &truncate, f) ||
      !loci__field_choice(object, "truncation_direction", directions, LOCI__COUNT(directions), &direction, f) ||
      !loci__field_text(object, "prompt_name", &prompt, f))
    return false;
  job->refuse_long = !truncate;
  job->cut_start = direction % 2 == 1 && truncate;
  return loci__job_set_role(job, prompt, "prompt_name", f);
}

static bool some_input(loci__job *job) {
  return job->n > 0 || loci__failed(&job->failure, LOCI__FAILURE_EMPTY, "inputs", "`inputs` cannot be empty");
}

static void put_ms(loci__request *request, const char *name, double seconds) {
  char text[32];
  snprintf(text, sizeof text, "%.0f", seconds * 1e3);
  loci__http_put_header(request, name, text);
}

static void put_headers(loci__job *job) {
  loci__request *r = job->request;
  char count[24];
  loci__http_put_header(r, "x-compute-type", "cpu");
  put_ms(r, "x-compute-time", r->inferred);
  snprintf(count, sizeof count, "%zu", job->bytes);
  loci__http_put_header(r, "x-compute-characters", count);
  snprintf(count, sizeof count, "%zu", r->n_tokens);
  loci__http_put_header(r, "x-compute-tokens", count);
  put_ms(r, "x-total-time", loci__now() - r->began);
  put_ms(r, "x-queue-time", r->queued);
  put_ms(r, "x-inference-time", r->inferred);
}

static void refuse_number(loci__job *job) {
  loci__failed(&job->failure, LOCI__FAILURE_NUMBER, "inputs", "the model gives no finite vector for one of the inputs");
  loci__refuse(job->request, &job->failure);
}

/* ---- /embed -------------------------------------------------------------------------------------- */

static void answer_embed(loci__job *job) {
  if (!job->failure.kind) loci__job_cut(job, "dimensions");
  if (!loci__job_is_good(job)) return;
  loci__buffer body;
  loci__buffer_init(&body, job->request->server->context, 0);
  bool finite = true;
  for (size_t i = 0; i < job->n && finite; i++) {
    loci__buffer_putc(&body, i ? ',' : '[');
    finite = loci__put_floats(&body, job->vectors + i * job->dim, job->dim);
  }
  loci__buffer_putc(&body, ']');
  if (!finite) {
    loci__buffer_release(&body);
    refuse_number(job);
    return;
  }
  put_headers(job);
  loci__answer_json(job->request, 200, &body);
}

loci__outcome loci__tei_embed(loci__request *request) {
  loci__failure failure = {0};
  loci__job *job = begin(request, &failure, answer_embed);
  if (!job) return loci__refuse(request, &failure);
  const loci__json *root = job->document.nodes;
  bool given;
  bool good = loci__job_add_inputs(job, loci__json_get(root, "inputs"), "inputs", true) && some_input(job) &&
              read_parameters(job, root) && loci__field_bool(root, "normalize", &job->normalize, &job->failure) &&
              loci__field_count(root, "dimensions", UINT32_MAX, &job->number, &given, &job->failure);
  if (good && given && job->number == 0)
    good = loci__failed(&job->failure, LOCI__FAILURE_VALUE, "dimensions", "`dimensions` should be positive");
  return good ? loci__batcher_submit(job) : loci__job_refuse(job);
}

/* ---- /similarity ---------------------------------------------------------------------------------- */

/* Input 0 is the source. */
static void answer_similarity(loci__job *job) {
  if (!loci__job_is_good(job)) return;
  loci__buffer body;
  loci__json_writer json;
  loci__buffer_init(&body, job->request->server->context, 0);
  loci__json_writer_init(&json, &body);
  loci__json_open(&json, '[');
  for (size_t i = 1; i < job->n; i++)
    loci__json_put_float(&json, (float)loci_cosine(job->vectors, job->vectors + i * job->dim, job->dim));
  loci__json_close(&json, ']');
  put_headers(job);
  loci__answer_json(job->request, 200, &body);
}

loci__outcome loci__tei_similarity(loci__request *request) {
  loci__failure failure = {0};
  loci__job *job = begin(request, &failure, answer_similarity);
  if (!job) return loci__refuse(request, &failure);
  const loci__json *root = job->document.nodes, *inputs = loci__json_get(root, "inputs"), *source = NULL;
  const loci__json *sentences = loci__json_get(inputs, "sentences"), *parameters = loci__json_get(root, "parameters");
  bool good = true;
  if (!inputs || inputs->type != LOCI__JSON_OBJECT)
    good = loci__failed(&job->failure, LOCI__FAILURE_VALUE, "inputs", "'inputs' must be an object");
  good = good && loci__field_text(inputs, "source_sentence", &source, &job->failure);
  if (good && !source)
    good = loci__failed(&job->failure, LOCI__FAILURE_VALUE, "source_sentence", "'source_sentence' is missing");
  if (good && (!sentences || sentences->type != LOCI__JSON_ARRAY))
    good = loci__failed(&job->failure, LOCI__FAILURE_VALUE, "sentences", "'sentences' must be an array of strings");
  if (good && parameters && parameters->type != LOCI__JSON_NULL && parameters->type != LOCI__JSON_OBJECT)
    good = loci__failed(&job->failure, LOCI__FAILURE_VALUE, "parameters", "'parameters' must be an object");
  good = good && loci__job_add_inputs(job, source, "source_sentence", false) &&
         loci__job_add_inputs(job, sentences, "sentences", false);
  if (good && job->n == 1)
    good = loci__failed(&job->failure, LOCI__FAILURE_EMPTY, "sentences", "`inputs` cannot be empty");
  good = good && (!parameters || read_parameters(job, parameters));
  return good ? loci__batcher_submit(job) : loci__job_refuse(job);
}

/* ---- /embed_all: a vector a token ----------------------------------------------------------------- */

static bool put_token_vectors(loci__buffer *body, loci__job *job, size_t i) {
  loci_token_vectors tokens;
  loci_embed_info info = {0};
  loci_error error = {0};
  const loci_status status = loci_embed_tokens(job->model, &job->inputs[i], &job->options, &tokens, &info, &error);
  if (status != LOCI_OK) {
    loci__failure_from(&job->failure, status, &error);
    return false;
  }
  bool finite = true;
  loci__buffer_puts(body, i ? ",[" : "[");
  for (size_t t = 0; t < tokens.n_tokens && finite; t++) {
    if (t) loci__buffer_putc(body, ',');
    finite = loci__put_floats(body, tokens.vectors + t * tokens.dim, tokens.dim);
  }
  loci__buffer_putc(body, ']');
  loci_token_vectors_release(&tokens);
  job->infos[i] = info;
  if (!finite)
    loci__failed(&job->failure, LOCI__FAILURE_NUMBER, "inputs", "the model gives no finite vector for input %zu", i);
  return finite;
}

static void run_embed_all(loci__request *request, void *arg, const loci__failure *failure) {
  loci__job *job = arg;
  loci__buffer body;
  /* Vectors of tokens are many: what goes out at once is bounded. */
  loci__buffer_init(&body, request->server->context, (size_t)(16 * request->server->options.max_body));
  if (failure) job->failure = *failure;
  const double began = loci__now();
  request->n_inputs = job->n;
  request->model = job->served->id;
  if (!job->failure.kind) loci__job_load(job);
  loci__buffer_putc(&body, '[');
  for (size_t i = 0; i < job->n && !job->failure.kind; i++) put_token_vectors(&body, job, i);
  loci__buffer_putc(&body, ']');
  request->inferred = loci__now() - began;
  if (!job->failure.kind) loci__job_settle(job);
  if (!job->failure.kind && body.failed == LOCI_ERROR_LIMIT)
    loci__failed(&job->failure, LOCI__FAILURE_TOO_MANY, "inputs", "that would be an answer of more than %llu bytes",
                 (unsigned long long)body.limit);
  if (loci__job_is_good(job)) {
    put_headers(job);
    loci__answer_json(request, 200, &body);
  } else {
    loci__buffer_release(&body);
  }
  loci__job_free(job);
}

loci__outcome loci__tei_embed_all(loci__request *request) {
  loci__failure failure = {0};
  loci__job *job = begin(request, &failure, NULL);
  if (!job) return loci__refuse(request, &failure);
  const loci__json *root = job->document.nodes;
  const bool good = loci__job_add_inputs(job, loci__json_get(root, "inputs"), "inputs", true) && some_input(job) &&
                    read_parameters(job, root);
  return good ? loci__tasks_submit(request, run_embed_all, job) : loci__job_refuse(job);
}

/* ---- /tokenize, /decode --------------------------------------------------------------------------- */

/* Bytes to characters: `from` and `to` grow from call to call, so each text is walked once. */
typedef struct place {
  size_t byte, character;
} place;

static size_t character_at(place *p, const char *text, size_t length, size_t byte) {
  if (byte < p->byte) *p = (place){0};
  while (p->byte < byte && p->byte < length) {
    size_t used;
    loci__utf8_next(text + p->byte, length - p->byte, &used, NULL);
    p->byte += used;
    p->character++;
  }
  return p->character;
}

static bool put_tokens(loci__json_writer *json, loci__job *job, loci_tokens *tokens, size_t i, bool special) {
  const loci_tokenizer *tokenizer = loci_model_tokenizer(job->model);
  const loci_input *in = &job->inputs[i];
  loci__buffer text;
  loci_error error = {0};
  loci__buffer_init(&text, job->request->server->context, 0);
  for (size_t k = 0; job->options.prompt_name && k < loci_model_prompts(job->model); k++) {
    const char *name, *prompt = loci_model_prompt(job->model, k, &name);
    if (!strcmp(name, job->options.prompt_name)) loci__buffer_puts(&text, prompt);
  }
  loci__buffer_append(&text, in->data, in->length);
  const loci_status status = text.failed != LOCI_OK ? loci__fail_memory(&error, in->length, "a text")
                                                    : loci_tokenizer_encode(tokenizer, text.data ? text.data : "",
                                                                            text.length, special, tokens, &error);
  if (status != LOCI_OK) loci__failure_from(&job->failure, status, &error);
  loci__json_open(json, '[');
  place p = {0};
  for (size_t t = 0; status == LOCI_OK && t < tokens->n_tokens; t++) {
    const uint32_t start = tokens->starts[t], end = tokens->ends[t];
    const bool is_special = start == 0 && end == 0;
    loci__json_open(json, '{');
    loci__json_key(json, "id");
    loci__json_put_i64(json, tokens->ids[t]);
    loci__json_key(json, "text");
    const char *piece = loci_tokenizer_piece(tokenizer, tokens->ids[t]);
    if (is_special) loci__json_put_text(json, piece ? piece : "");
    else loci__json_put_textn(json, text.data + start, end - start);
    loci__json_key(json, "special");
    loci__json_put_bool(json, is_special);
    loci__json_key(json, "start");
    if (is_special) loci__json_put_null(json);
    else loci__json_put_u64(json, character_at(&p, text.data, text.length, start));
    loci__json_key(json, "stop");
    if (is_special) loci__json_put_null(json);
    else loci__json_put_u64(json, character_at(&p, text.data, text.length, end));
    loci__json_close(json, '}');
  }
  loci__json_close(json, ']');
  loci__buffer_release(&text);
  return status == LOCI_OK;
}

static void run_tokenize(loci__request *request, void *arg, const loci__failure *failure) {
  loci__job *job = arg;
  loci__buffer body;
  loci__json_writer json;
  loci_tokens tokens;
  loci_tokens_init(&tokens);
  loci__buffer_init(&body, request->server->context, 0);
  loci__json_writer_init(&json, &body);
  if (failure) job->failure = *failure;
  if (!job->failure.kind) loci__job_load(job);
  if (!job->failure.kind && !loci_model_tokenizer(job->model))
    loci__failed(&job->failure, LOCI__FAILURE_KIND, NULL, "the model has no tokenizer");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < job->n && !job->failure.kind; i++) put_tokens(&json, job, &tokens, i, job->choice[0] != 0);
  loci__json_close(&json, ']');
  loci_tokens_release(&tokens);
  if (loci__job_is_good(job)) loci__answer_json(request, 200, &body);
  else loci__buffer_release(&body);
  loci__job_free(job);
}

loci__outcome loci__tei_tokenize(loci__request *request) {
  loci__failure failure = {0};
  loci__job *job = begin(request, &failure, NULL);
  if (!job) return loci__refuse(request, &failure);
  const loci__json *root = job->document.nodes, *prompt = NULL;
  bool special = true;
  const bool good = loci__job_add_inputs(job, loci__json_get(root, "inputs"), "inputs", false) && some_input(job) &&
                    loci__field_bool(root, "add_special_tokens", &special, &job->failure) &&
                    loci__field_text(root, "prompt_name", &prompt, &job->failure) &&
                    loci__job_set_role(job, prompt, "prompt_name", &job->failure);
  job->choice[0] = special;
  return good ? loci__tasks_submit(request, run_tokenize, job) : loci__job_refuse(job);
}

static void run_decode(loci__request *request, void *arg, const loci__failure *failure) {
  loci__job *job = arg;
  loci__buffer body;
  loci__json_writer json;
  loci__buffer_init(&body, request->server->context, 0);
  loci__json_writer_init(&json, &body);
  if (failure) job->failure = *failure;
  if (!job->failure.kind) loci__job_load(job);
  loci__json_open(&json, '[');
  for (size_t i = 0; i < job->n && !job->failure.kind; i++) {
    char *text = NULL;
    size_t length = 0;
    loci_error error = {0};
    const loci_input *in = &job->inputs[i];
    const loci_status status = loci_tokenizer_decode(loci_model_tokenizer(job->model), in->ids, in->n_ids,
                                                     job->choice[0], &text, &length, &error);
    if (status != LOCI_OK) loci__failure_from(&job->failure, status, &error);
    else loci__json_put_textn(&json, text, length);
    loci_memory_free(request->server->context, text);
  }
  loci__json_close(&json, ']');
  if (loci__job_is_good(job)) loci__answer_json(request, 200, &body);
  else loci__buffer_release(&body);
  loci__job_free(job);
}

/* `ids`: an array of ids, or of arrays of them. */
static bool add_ids(loci__job *job, const loci__json *ids) {
  if (!ids || ids->type != LOCI__JSON_ARRAY)
    return loci__failed(&job->failure, LOCI__FAILURE_VALUE, "ids",
                        "'ids' must be an array of token ids, or of such arrays");
  const loci__json *first = loci__json_first(ids);
  if (!first) return loci__failed(&job->failure, LOCI__FAILURE_EMPTY, "ids", "`ids` cannot be empty");
  return loci__job_add_inputs(job, ids, "ids", true);
}

loci__outcome loci__tei_decode(loci__request *request) {
  loci__failure failure = {0};
  loci__job *job = begin(request, &failure, NULL);
  if (!job) return loci__refuse(request, &failure);
  const loci__json *root = job->document.nodes;
  bool skip = true;
  bool good =
      add_ids(job, loci__json_get(root, "ids")) && loci__field_bool(root, "skip_special_tokens", &skip, &job->failure);
  for (size_t i = 0; good && i < job->n; i++)
    if (!job->inputs[i].ids)
      good = loci__failed(&job->failure, LOCI__FAILURE_VALUE, "ids", "'ids' must hold token ids");
  job->choice[0] = skip;
  return good ? loci__tasks_submit(request, run_decode, job) : loci__job_refuse(job);
}

/* ---- /info, and what the model is not ------------------------------------------------------------- */

static void put_text(loci__json_writer *json, const char *key, const char *text) {
  loci__json_key(json, key);
  if (text) loci__json_put_text(json, text);
  else loci__json_put_null(json);
}

static void put_count(loci__json_writer *json, const char *key, uint64_t number) {
  loci__json_key(json, key);
  loci__json_put_u64(json, number);
}

static void run_info(loci__request *request, void *arg, const loci__failure *failure) {
  loci__job *job = arg;
  const loci__options *o = &request->server->options;
  if (failure) job->failure = *failure;
  if (!job->failure.kind) loci__job_load(job);
  if (loci__job_is_good(job)) {
    loci__buffer body;
    loci__json_writer json;
    loci__buffer_init(&body, request->server->context, 0);
    loci__json_writer_init(&json, &body);
    loci__json_open(&json, '{');
    put_text(&json, "model_id", job->served->id);
    char digest[65];
    loci__models_digest(request->server, job->served, digest);
    put_text(&json, "model_sha", *digest ? digest : NULL);
    put_text(&json, "model_dtype", "float32");
    put_text(&json, "served_model_name", job->served->id);
    loci__json_key(&json, "model_type");
    loci__json_open(&json, '{');
    loci__json_key(&json, "embedding");
    loci__json_open(&json, '{');
    put_text(&json, "pooling", job->info.pooling);
    loci__json_close(&json, '}');
    loci__json_close(&json, '}');
    put_count(&json, "max_concurrent_requests", o->queue);
    put_count(&json, "max_input_length", job->info.max_tokens == SIZE_MAX ? INT32_MAX : job->info.max_tokens);
    put_count(&json, "max_batch_tokens", o->batch_tokens);
    put_text(&json, "max_batch_requests", NULL);
    put_count(&json, "max_client_batch_size", o->max_inputs);
    loci__json_key(&json, "auto_truncate");
    loci__json_put_bool(&json, true);
    put_count(&json, "tokenization_workers", (uint64_t)loci_context_threads(request->server->context));
    put_text(&json, "version", loci_version());
    put_text(&json, "sha", NULL);
    put_text(&json, "docker_label", NULL);
    loci__json_close(&json, '}');
    loci__answer_json(request, 200, &body);
  }
  loci__job_free(job);
}

loci__outcome loci__tei_info(loci__request *request) {
  loci__failure failure = {0};
  loci__job *job = loci__job_new(request);
  if (!job) {
    loci__failed(&failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the request");
    return loci__refuse(request, &failure);
  }
  loci__job_set_model(job, NULL);
  return loci__tasks_submit(request, run_info, job);
}

static loci__outcome refuse_kind(loci__request *request, const char *what) {
  loci__failure failure = {0};
  loci__json_document document;
  if (loci__fields_parse(request, &document, &failure)) {
    loci__json_release(&document);
    loci__failed(&failure, LOCI__FAILURE_KIND, NULL, "the model '%s' is no %s",
                 loci__models_at(request->server->models, 0)->id, what);
  }
  return loci__refuse(request, &failure);
}

loci__outcome loci__tei_rerank(loci__request *request) {
  return refuse_kind(request, "re-ranker");
}

loci__outcome loci__tei_predict(loci__request *request) {
  return refuse_kind(request, "classifier");
}

loci__outcome loci__tei_embed_sparse(loci__request *request) {
  return refuse_kind(request, "sparse embedder");
}
