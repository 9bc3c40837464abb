/* openai.c: POST /v1/embeddings, GET /v1/models, as OpenAI's API description of 2025 has them.
 *
 * `encoding_format` is honoured to the letter: its clients ask for base64 when their caller said nothing, and read floats
 * that come instead as zeros. Empty strings are embedded (LangChain sends them for empty documents), vectors always have
 * length 1. Further fields, which other servers have or ignore: input_type or prompt_name (the role), truncate (false: an
 * input that is too long is an error), normalize. `user` is ignored.
 */
#include "handlers.h"

enum { BASE64 = 0, FORMAT = 0 /* job->choice */ };

static void answer_embeddings(loci__job *job) {
  loci__request *r = job->request;
  if (!job->failure.kind) loci__job_cut(job, "dimensions");
  if (!loci__job_is_good(job)) return;
  loci__buffer body;
  loci__buffer_init(&body, r->server->context, 0);
  const bool base64 = job->choice[FORMAT] == 1;
  /* Room for all of it, where that can be told: the buffer does not grow, which would copy it. */
  if (base64) loci__buffer_reserve(&body, job->n * ((4 * job->dim + 2) / 3 * 4 + 64) + 256);
  loci__buffer_puts(&body, "{\"object\":\"list\",\"data\":[");
  bool finite = true;
  for (size_t i = 0; i < job->n && finite; i++) {
    const float *vector = job->vectors + i * job->dim;
    loci__buffer_printf(&body, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i ? "," : "", i);
    finite = base64 ? loci__put_base64(&body, vector, job->dim) : loci__put_floats(&body, vector, job->dim);
    loci__buffer_putc(&body, '}');
  }
  if (!finite) {
    loci__buffer_release(&body);
    loci__failed(&job->failure, LOCI__FAILURE_NUMBER, "input",
                 "the model gives no finite vector for one of the inputs");
    loci__refuse(r, &job->failure);
    return;
  }
  loci__buffer_puts(&body, "],\"model\":");
  loci__json_writer json;
  loci__json_writer_init(&json, &body);
  loci__json_put_text(&json, job->served->id);
  loci__buffer_printf(&body, ",\"usage\":{\"prompt_tokens\":%zu,\"total_tokens\":%zu,\"truncated_inputs\":%zu}}",
                      r->n_tokens, r->n_tokens, r->n_truncated);
  loci__answer_json(r, 200, &body);
}

static bool read_body(loci__job *job) {
  static const char *const formats[] = {"float", "base64"};
  loci__failure *f = &job->failure;
  const loci__json *root = job->document.nodes, *model = NULL, *role = NULL, *prompt = NULL;
  bool given, truncate = true;
  if (!loci__field_text(root, "model", &model, f)) return false;
  if (!model) return loci__failed(f, LOCI__FAILURE_VALUE, "model", "you must provide a model: 'model' is missing");
  if (!loci__job_set_model(job, model) || !loci__job_add_inputs(job, loci__json_get(root, "input"), "input", true))
    return false;
  if (job->n == 0) return loci__failed(f, LOCI__FAILURE_EMPTY, "input", "'input' is an empty array");
  if (!loci__field_choice(root, "encoding_format", formats, 2, &job->choice[FORMAT], f) ||
      !loci__field_count(root, "dimensions", UINT32_MAX, &job->number, &given, f))
    return false;
  if (given && job->number == 0)
    return loci__failed(f, LOCI__FAILURE_VALUE, "dimensions", "'dimensions' must be at least 1");
  if (!loci__field_text(root, "input_type", &role, f) || !loci__field_text(root, "prompt_name", &prompt, f) ||
      !loci__field_bool(root, "truncate", &truncate, f) || !loci__field_bool(root, "normalize", &job->normalize, f))
    return false;
  job->refuse_long = !truncate;
  return prompt ? loci__job_set_role(job, prompt, "prompt_name", f) : loci__job_set_role(job, role, "input_type", f);
}

loci__outcome loci__openai_embeddings(loci__request *request) {
  loci__failure failure = {0};
  loci__json_document document;
  if (!loci__fields_parse(request, &document, &failure)) return loci__refuse(request, &failure);
  loci__job *job = loci__job_new(request);
  if (!job) {
    loci__json_release(&document);
    loci__failed(&failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the request");
    return loci__refuse(request, &failure);
  }
  job->document = document;
  job->answer = answer_embeddings;
  return read_body(job) ? loci__batcher_submit(job) : loci__job_refuse(job);
}

/* ---- models -------------------------------------------------------------------------------------- */

static void put_model(loci__json_writer *json, loci__request *request, loci__served *served) {
  loci__json_open(json, '{');
  loci__json_key(json, "id");
  loci__json_put_text(json, served->id);
  loci__json_key(json, "object");
  loci__json_put_text(json, "model");
  loci__json_key(json, "created");
  loci__json_put_i64(json, request->server->started);
  loci__json_key(json, "owned_by");
  loci__json_put_text(json, "loci");
  loci__json_close(json, '}');
}

loci__outcome loci__openai_models(loci__request *request) {
  loci__buffer body;
  loci__json_writer json;
  loci__buffer_init(&body, request->server->context, 0);
  loci__json_writer_init(&json, &body);
  loci__json_open(&json, '{');
  loci__json_key(&json, "object");
  loci__json_put_text(&json, "list");
  loci__json_key(&json, "data");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < loci__models_count(request->server->models); i++)
    put_model(&json, request, loci__models_at(request->server->models, i));
  loci__json_close(&json, ']');
  loci__json_close(&json, '}');
  return loci__answer_json(request, 200, &body);
}

/* Ids may hold '/': whatever stands behind /v1/models/ is one. */
loci__outcome loci__openai_model(loci__request *request) {
  loci_context *context = request->server->context;
  char *id = loci__unescape(context, request->tail);
  loci__served *served = id ? loci__models_find(request->server->models, id, strlen(id)) : NULL;
  loci__failure failure = {0};
  if (!served) loci__failed(&failure, LOCI__FAILURE_NO_MODEL, "model", "model '%.100s' not found", id ? id : "?");
  loci__free(context, id);
  if (!served) return loci__refuse(request, &failure);
  loci__buffer body;
  loci__json_writer json;
  loci__buffer_init(&body, context, 0);
  loci__json_writer_init(&json, &body);
  put_model(&json, request, served);
  return loci__answer_json(request, 200, &body);
}
