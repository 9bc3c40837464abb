/* dialect.c: what the dialects have in common: inputs and models out of a body, and the beginning of every answer.
 */
#include "handlers.h"

loci__outcome loci__job_refuse(loci__job *job) {
  loci__outcome outcome = loci__refuse(job->request, &job->failure);
  loci__job_free(job);
  return outcome;
}

bool loci__job_is_good(loci__job *job) {
  if (job->failure.kind) {
    loci__refuse(job->request, &job->failure);
    return false;
  }
  char count[24];
  snprintf(count, sizeof count, "%zu", job->request->n_truncated);
  if (job->request->n_truncated) loci__http_put_header(job->request, "X-Embedding-Truncated", count);
  return true;
}

bool loci__job_set_model(loci__job *job, const loci__json *word) {
  loci__models *models = job->request->server->models;
  job->served = word ? loci__models_find(models, word->text, word->length) : loci__models_find(models, NULL, 0);
  if (job->served) return true;
  return loci__failed(&job->failure, LOCI__FAILURE_NO_MODEL, "model", "model '%.*s' not found",
                      (int)(word->length < 100 ? word->length : 100), word->text);
}

static bool add_one(loci__job *job, const loci__json *value, const char *key, bool ids) {
  if (value->type == LOCI__JSON_STRING) {
    if (loci__job_add_text(job, value->text, value->length)) return true;
    return loci__failed(&job->failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the inputs");
  }
  if (!ids || value->type != LOCI__JSON_ARRAY)
    return loci__failed(&job->failure, LOCI__FAILURE_VALUE, key, "'%s' must hold %s", key,
                        ids ? "strings or arrays of token ids" : "strings");
  if (!value->count)
    return loci__failed(&job->failure, LOCI__FAILURE_VALUE, key, "'%s': input %zu has no token", key, job->n);
  return loci__job_add_ids(job, value, &job->failure);
}

bool loci__job_add_inputs(loci__job *job, const loci__json *value, const char *key, bool ids) {
  if (!value || value->type == LOCI__JSON_NULL)
    return loci__failed(&job->failure, LOCI__FAILURE_VALUE, key, "'%s' is missing", key);
  if (value->type == LOCI__JSON_STRING) return add_one(job, value, key, ids);
  if (value->type != LOCI__JSON_ARRAY)
    return loci__failed(&job->failure, LOCI__FAILURE_VALUE, key, "'%s' must be a string or an array", key);
  const loci__json *first = loci__json_first(value);
  if (ids && first && first->type == LOCI__JSON_NUMBER) return add_one(job, value, key, ids);
  const uint64_t most = job->request->server->options.max_inputs;
  if (value->count > most)
    return loci__failed(&job->failure, LOCI__FAILURE_TOO_MANY, key,
                        "'%s' has %u inputs; at most %llu are taken at once", key, value->count,
                        (unsigned long long)most);
  for (const loci__json *v = first; v; v = loci__json_next(value, v))
    if (!add_one(job, v, key, ids)) return false;
  return true;
}

bool loci__job_cut(loci__job *job, const char *param) {
  const size_t wanted = (size_t)job->number, dim = job->dim;
  if (wanted == 0 || wanted == dim) return true;
  if (wanted > dim)
    return loci__failed(&job->failure, LOCI__FAILURE_VALUE, param, "'%s' is %zu, and the vectors of '%s' have %zu",
                        param, wanted, job->served->id, dim);
  for (size_t i = 0; i < job->n; i++) {
    memmove(job->vectors + i * wanted, job->vectors + i * dim, wanted * sizeof *job->vectors);
    if (job->normalize) loci__vector_cut(job->vectors + i * wanted, wanted);
  }
  job->dim = wanted;
  return true;
}

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *loci__unescape(loci_context *context, const char *text) {
  char *copy = loci__strdup(context, text), *to = copy;
  for (const char *c = text; copy && *c; c++) {
    if (*c != '%') {
      *to++ = *c;
      continue;
    }
    const int high = hex(c[1]), low = high < 0 ? -1 : hex(c[2]);
    if (low < 0 || high * 16 + low == 0) {
      loci__free(context, copy);
      return NULL;
    }
    *to++ = (char)(high * 16 + low);
    c += 2;
  }
  if (copy) *to = 0;
  if (copy && !loci__utf8_valid(copy, strlen(copy))) {
    loci__free(context, copy);
    return NULL;
  }
  return copy;
}
