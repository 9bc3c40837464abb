/* Any bytes as JSON: parsed, the tree walked, written anew, and what was written must parse to the same shape. */
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rewrite(loci__json_writer *w, const loci__json *v) {
  uint64_t u;
  double d;
  switch (v->type) {
    case LOCI__JSON_NULL: loci__json_put_null(w); break;
    case LOCI__JSON_FALSE: loci__json_put_bool(w, false); break;
    case LOCI__JSON_TRUE: loci__json_put_bool(w, true); break;
    case LOCI__JSON_NUMBER:
      if (loci__json_u64(v, &u)) loci__json_put_u64(w, u);
      else loci__json_put_double(w, loci__json_double(v, &d) ? d : 0);
      break;
    case LOCI__JSON_STRING: loci__json_put_textn(w, v->text, v->length); break;
    case LOCI__JSON_ARRAY:
      loci__json_open(w, '[');
      for (const loci__json *c = loci__json_first(v); c != NULL; c = loci__json_next(v, c)) rewrite(w, c);
      loci__json_close(w, ']');
      break;
    case LOCI__JSON_OBJECT:
      loci__json_open(w, '{');
      for (const loci__json *c = loci__json_first(v); c != NULL; c = loci__json_next(v, c)) {
        char *key = loci__strndup(NULL, c->key, c->key_length);
        if (key == NULL) __builtin_trap();
        loci__json_key(w, key);
        loci__free(NULL, key);
        rewrite(w, c);
      }
      loci__json_close(w, '}');
      break;
  }
}

static unsigned depth_of(const loci__json *v) {
  unsigned deepest = 0;
  for (const loci__json *c = loci__json_first(v); c != NULL; c = loci__json_next(v, c)) {
    const unsigned d = depth_of(c);
    if (d > deepest) deepest = d;
  }
  return deepest + 1;
}

static bool keys_hold_nul(const loci__json_document *document) {
  for (size_t i = 0; i < document->n_nodes; i++)
    if (document->nodes[i].key != NULL && memchr(document->nodes[i].key, 0, document->nodes[i].key_length) != NULL)
      return true;
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  loci__json_document document, again;
  loci_error error;
  if (loci__json_parse(&document, NULL, (const char *)data, size, "fuzz", &error) != LOCI_OK) return 0;
  /* The writer nests to 63 and its keys end at a NUL. */
  if (depth_of(&document.nodes[0]) < 60 && !keys_hold_nul(&document)) {
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    loci__json_writer writer;
    loci__json_writer_init(&writer, &out);
    rewrite(&writer, &document.nodes[0]);
    if (out.failed != LOCI_OK) __builtin_trap();
    if (loci__json_parse(&again, NULL, out.data, out.length, "again", &error) != LOCI_OK) __builtin_trap();
    if (again.n_nodes != document.n_nodes) __builtin_trap();
    for (size_t i = 0; i < document.n_nodes; i++)
      if (again.nodes[i].count != document.nodes[i].count) __builtin_trap();
    loci__json_release(&again);
    loci__buffer_release(&out);
  }
  loci__json_release(&document);
  return 0;
}
