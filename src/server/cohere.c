/* cohere.c: POST /v2/embed, with every embedding type. float and base64 are the vectors; int8 scales each vector by its own
 * largest number (loci__vector_int8), so cosines stay; uint8 is int8 + 128; ubinary has a bit a number, binary is ubinary − 128.
 * input_type is the role; classification and clustering take the model's prompt of that name, where it has one.
 */
#include "handlers.h"

enum { TYPE_FLOAT, TYPE_INT8, TYPE_UINT8, TYPE_BINARY, TYPE_UBINARY, TYPE_BASE64, N_TYPES };
static const char *const types[N_TYPES] = {"float", "int8", "uint8", "binary", "ubinary", "base64"};
enum { WANTED = 0, GIVEN = 1 /* job->choice */ };

static void put_bytes(loci__buffer *out, const int *values, size_t n) {
  loci__buffer_putc(out, '[');
  for (size_t i = 0; i < n; i++) loci__buffer_printf(out, i ? ",%d" : "%d", values[i]);
  loci__buffer_putc(out, ']');
}

/* A vector as whole numbers of the type; `bytes` and `values` have room for dim of them. */
static size_t quantize(const float *vector, size_t dim, int type, uint8_t *bytes, int *values) {
  const bool binary = type == TYPE_BINARY || type == TYPE_UBINARY;
  const size_t n = binary ? (dim + 7) / 8 : dim;
  if (binary) loci__vector_bits(vector, dim, bytes);
  else loci__vector_int8(vector, dim, (int8_t *)bytes);
  for (size_t i = 0; i < n; i++) {
    values[i] = binary ? bytes[i] : (int8_t)bytes[i];
    if (type == TYPE_UINT8) values[i] += 128;
    if (type == TYPE_BINARY) values[i] -= 128;
  }
  return n;
}

/* The vectors as one type; false when a number is not finite. */
static bool put_type(loci__buffer *out, const loci__job *job, int type, uint8_t *bytes, int *values) {
  for (size_t i = 0; i < job->n; i++) {
    const float *vector = job->vectors + i * job->dim;
    if (i) loci__buffer_putc(out, ',');
    if (type == TYPE_FLOAT) {
      if (!loci__put_floats(out, vector, job->dim)) return false;
    } else if (type == TYPE_BASE64) {
      if (!loci__put_base64(out, vector, job->dim)) return false;
    } else {
      put_bytes(out, values, quantize(vector, job->dim, type, bytes, values));
    }
  }
  return true;
}

static void put_texts(loci__json_writer *json, const loci__job *job) {
  loci__json_key(json, "texts");
  loci__json_open(json, '[');
  for (size_t i = 0; i < job->n; i++) loci__json_put_textn(json, job->inputs[i].data, job->inputs[i].length);
  loci__json_close(json, ']');
}

static void answer_embed(loci__job *job) {
  loci__request *r = job->request;
  loci_context *context = r->server->context;
  if (!job->failure.kind) loci__job_cut(job, "output_dimension");
  uint8_t *bytes = job->failure.kind ? NULL : loci__alloc_array(context, job->dim, sizeof *bytes);
  int *values = job->failure.kind ? NULL : loci__alloc_array(context, job->dim, sizeof *values);
  if (!job->failure.kind && (!bytes || !values))
    loci__failed(&job->failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the answer");
  if (loci__job_is_good(job)) {
    loci__buffer body;
    loci__json_writer json;
    bool finite = true, first = true;
    loci__buffer_init(&body, context, 0);
    loci__json_writer_init(&json, &body);
    loci__json_open(&json, '{');
    loci__json_key(&json, "id");
    loci__json_put_text(&json, r->id);
    loci__json_key(&json, "embeddings");
    loci__buffer_putc(&body, '{');
    for (int type = 0; type < N_TYPES && finite; type++) {
      if (!(job->choice[WANTED] >> type & 1)) continue;
      loci__buffer_printf(&body, "%s\"%s\":[", first ? "" : ",", types[type]);
      finite = put_type(&body, job, type, bytes, values);
      loci__buffer_putc(&body, ']');
      first = false;
    }
    loci__buffer_putc(&body, '}');
    json.after_key = false; /* its value was put by hand */
    put_texts(&json, job);
    loci__json_key(&json, "meta");
    loci__buffer_printf(
        &body, "{\"api_version\":{\"version\":\"2\"},\"billed_units\":{\"input_tokens\":%zu},\"truncated_inputs\":%zu}",
        r->n_tokens, r->n_truncated);
    json.after_key = false;
    loci__json_key(&json, "response_type");
    loci__json_put_text(&json, "embeddings_by_type");
    loci__json_close(&json, '}');
    if (finite) {
      loci__answer_json(r, 200, &body);
    } else {
      loci__buffer_release(&body);
      loci__failed(&job->failure, LOCI__FAILURE_NUMBER, NULL, "the model gives no finite vector for one of the inputs");
      loci__refuse(r, &job->failure);
    }
  }
  loci__free(context, bytes);
  loci__free(context, values);
}

static bool read_types(loci__job *job, const loci__json *list) {
  job->choice[WANTED] = 1 << TYPE_FLOAT;
  if (!list || list->type == LOCI__JSON_NULL) return true;
  if (list->type != LOCI__JSON_ARRAY)
    return loci__failed(&job->failure, LOCI__FAILURE_VALUE, "embedding_types",
                        "'embedding_types' must be an array of strings");
  int wanted = 0;
  for (const loci__json *v = loci__json_first(list); v; v = loci__json_next(list, v)) {
    int type = 0;
    while (type < N_TYPES && !loci__json_is(v, types[type])) type++;
    if (type == N_TYPES)
      return loci__failed(&job->failure, LOCI__FAILURE_VALUE, "embedding_types",
                          "'embedding_types' may hold float, int8, uint8, binary, ubinary, base64");
    wanted |= 1 << type;
  }
  if (wanted) job->choice[WANTED] = wanted;
  return true;
}

/* `inputs`: [{"content":[{"type":"text","text":…}]}]. */
static bool add_contents(loci__job *job, const loci__json *inputs) {
  loci__failure *f = &job->failure;
  for (const loci__json *v = loci__json_first(inputs); v; v = loci__json_next(inputs, v)) {
    const loci__json *content = loci__json_get(v, "content"), *part = content ? loci__json_first(content) : NULL;
    if (!content || content->type != LOCI__JSON_ARRAY || content->count != 1)
      return loci__failed(f, LOCI__FAILURE_VALUE, "inputs", "each of 'inputs' must have one 'content', of type text");
    const loci__json *text = loci__json_get(part, "text");
    if (!loci__json_is(loci__json_get(part, "type"), "text") || !text || text->type != LOCI__JSON_STRING)
      return loci__failed(f, LOCI__FAILURE_KIND, "inputs", "the model '%s' embeds text alone", job->served->id);
    if (!loci__job_add_text(job, text->text, text->length))
      return loci__failed(f, LOCI__FAILURE_MEMORY, NULL, "no memory for the inputs");
  }
  return true;
}

static bool read_inputs(loci__job *job, const loci__json *root) {
  const loci__json *texts = loci__json_get(root, "texts"), *images = loci__json_get(root, "images");
  const loci__json *inputs = loci__json_get(root, "inputs");
  loci__failure *f = &job->failure;
  if (images && images->type != LOCI__JSON_NULL)
    return loci__failed(f, LOCI__FAILURE_KIND, "images", "the model '%s' embeds text alone", job->served->id);
  if (texts && texts->type != LOCI__JSON_NULL) {
    if (texts->type != LOCI__JSON_ARRAY)
      return loci__failed(f, LOCI__FAILURE_VALUE, "texts", "'texts' must be an array of strings");
    if (!loci__job_add_inputs(job, texts, "texts", false)) return false;
  } else if (inputs && inputs->type == LOCI__JSON_ARRAY) {
    if (inputs->count > job->request->server->options.max_inputs)
      return loci__failed(f, LOCI__FAILURE_TOO_MANY, "inputs", "'inputs' has %u inputs; at most %llu are taken at once",
                          inputs->count, (unsigned long long)job->request->server->options.max_inputs);
    if (!add_contents(job, inputs)) return false;
  } else {
    return loci__failed(f, LOCI__FAILURE_VALUE, "texts", "'texts' is missing");
  }
  return job->n > 0 || loci__failed(f, LOCI__FAILURE_EMPTY, "texts", "'texts' is an empty array");
}

static bool read_body(loci__job *job) {
  static const char *const cuts[] = {"END", "START", "NONE"};
  static const char *const roles[] = {"search_document", "search_query", "classification", "clustering", "image"};
  loci__failure *f = &job->failure;
  const loci__json *root = job->document.nodes, *model = NULL, *role = NULL;
  int cut = 0, which = -1;
  bool given;
  if (!loci__field_text(root, "model", &model, f)) return false;
  if (!model) return loci__failed(f, LOCI__FAILURE_VALUE, "model", "'model' is missing");
  if (!loci__job_set_model(job, model) || !loci__field_text(root, "input_type", &role, f)) return false;
  if (!role) return loci__failed(f, LOCI__FAILURE_VALUE, "input_type", "'input_type' is missing");
  if (!loci__field_choice(root, "input_type", roles, LOCI__COUNT(roles), &which, f)) return false;
  if (which == 4)
    return loci__failed(f, LOCI__FAILURE_KIND, "input_type", "the model '%s' embeds text alone", job->served->id);
  job->role_may_be_unknown = true;
  if (!loci__job_set_role(job, role, "input_type", f) || !read_inputs(job, root) ||
      !read_types(job, loci__json_get(root, "embedding_types")) ||
      !loci__field_choice(root, "truncate", cuts, LOCI__COUNT(cuts), &cut, f) ||
      !loci__field_count(root, "output_dimension", UINT32_MAX, &job->number, &given, f))
    return false;
  if (given && job->number == 0)
    return loci__failed(f, LOCI__FAILURE_VALUE, "output_dimension", "'output_dimension' must be at least 1");
  uint64_t max_tokens = 0;
  if (!loci__field_count(root, "max_tokens", UINT32_MAX, &max_tokens, &given, f)) return false;
  if (given && max_tokens < 3)
    return loci__failed(f, LOCI__FAILURE_VALUE, "max_tokens", "'max_tokens' must be at least 3");
  job->max_tokens = (size_t)max_tokens;
  job->cut_start = cut == 1;
  job->refuse_long = cut == 2;
  return true;
}

loci__outcome loci__cohere_embed(loci__request *request) {
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
  job->answer = answer_embed;
  return read_body(job) ? loci__batcher_submit(job) : loci__job_refuse(job);
}

loci__outcome loci__cohere_rerank(loci__request *request) {
  return loci__tei_rerank(request);
}
