/* fields.c: bodies. JSON through base/json (RFC 8259, no key twice, depth ≤ 128), then members with their types checked; a
 * failure names the member, as the dialects want it told.
 *
 * Ownership: what is read points into the body, which lives as long as the request. */
#include "server.h"

bool loci__failed(loci__failure *failure, loci__failure_kind kind, const char *param, const char *format, ...) {
  failure->kind = kind;
  failure->param = param;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(failure->message, sizeof failure->message, format, arguments);
  va_end(arguments);
  return false;
}

bool loci__fields_parse(loci__request *request, loci__json_document *document, loci__failure *failure) {
  loci_error error = {0};
  const loci_status status = loci__json_parse(document, request->server->context, request->body ? request->body : "",
                                              request->length, "the body", &error);
  if (status == LOCI_ERROR_MEMORY) return loci__failed(failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the body");
  if (status != LOCI_OK) return loci__failed(failure, LOCI__FAILURE_SYNTAX, NULL, "%s", error.message);
  if (document->nodes[0].type == LOCI__JSON_OBJECT) return true;
  loci__json_release(document);
  return loci__failed(failure, LOCI__FAILURE_SYNTAX, NULL, "the body must be a JSON object");
}

static const loci__json *member(const loci__json *object, const char *key) {
  const loci__json *value = loci__json_get(object, key);
  return value && value->type != LOCI__JSON_NULL ? value : NULL;
}

bool loci__field_text(const loci__json *object, const char *key, const loci__json **out, loci__failure *failure) {
  const loci__json *value = member(object, key);
  if (!value) return true;
  if (value->type != LOCI__JSON_STRING)
    return loci__failed(failure, LOCI__FAILURE_VALUE, key, "'%s' must be a string", key);
  *out = value;
  return true;
}

bool loci__field_bool(const loci__json *object, const char *key, bool *out, loci__failure *failure) {
  const loci__json *value = member(object, key);
  if (!value || loci__json_bool(value, out)) return true;
  return loci__failed(failure, LOCI__FAILURE_VALUE, key, "'%s' must be true or false", key);
}

bool loci__field_count(const loci__json *object, const char *key, uint64_t most, uint64_t *out, bool *given,
                       loci__failure *failure) {
  const loci__json *value = member(object, key);
  *given = value != NULL;
  if (!value) return true;
  uint64_t number;
  if (!loci__json_u64(value, &number) || number > most)
    return loci__failed(failure, LOCI__FAILURE_VALUE, key, "'%s' must be a whole number, at most %llu", key,
                        (unsigned long long)most);
  *out = number;
  return true;
}

bool loci__field_choice(const loci__json *object, const char *key, const char *const *words, size_t n, int *out,
                        loci__failure *failure) {
  const loci__json *value = member(object, key);
  if (!value) return true;
  for (size_t i = 0; i < n; i++) {
    if (!loci__json_is(value, words[i])) continue;
    *out = (int)i;
    return true;
  }
  loci__buffer list;
  loci__buffer_init(&list, NULL, 400);
  for (size_t i = 0; i < n; i++)
    loci__buffer_printf(&list, "%s'%s'", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
  loci__failed(failure, LOCI__FAILURE_VALUE, key, "'%s' must be %s", key, list.data ? list.data : "another");
  loci__buffer_release(&list);
  return false;
}

bool loci__fields_known(const loci__json *object, const char *const *known, loci__failure *failure) {
  for (const loci__json *v = loci__json_first(object); v; v = loci__json_next(object, v)) {
    size_t i = 0;
    while (known[i] && !(strlen(known[i]) == v->key_length && !memcmp(known[i], v->key, v->key_length))) i++;
    if (!known[i])
      return loci__failed(failure, LOCI__FAILURE_VALUE, NULL, "there is no field '%.*s' here",
                          (int)(v->key_length < 60 ? v->key_length : 60), v->key);
  }
  return true;
}
