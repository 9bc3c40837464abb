/* base/json_read.c: JSON in. yajl checks the grammar and the UTF-8 and calls us event by event; we lay the values out
 * as one flat array in document order. RFC 8259, with what it leaves open decided: duplicate keys are refused, nesting
 * ends at 128, exactly one value a text.
 *
 * yajl gives strings as pointers into the input when they hold no escape, else into a buffer of its own; the latter are
 * copied into the document's arena. Its allocations go through the context's allocator. */
#include "json.h"

#include <setjmp.h>
#include <yajl/yajl_parse.h>

enum { MAX_DEPTH = 128, LINEAR_KEYS = 16 };

typedef struct loci__json_parser {
  loci__json_document *document;
  const char *input;
  size_t input_length;
  const char *key; /* of the member that comes next */
  uint32_t key_length;
  uint32_t open[MAX_DEPTH]; /* node numbers of the open containers */
  unsigned depth;
  loci_status status;
  const char *why;
} loci__json_parser;

static int stop(loci__json_parser *parser, loci_status status, const char *why) {
  parser->status = status;
  parser->why = why;
  return 0;
}

/* A view of yajl's string: into the input, or copied. */
static const char *keep(loci__json_parser *parser, const unsigned char *text, size_t length) {
  uintptr_t at = (uintptr_t)text, from = (uintptr_t)parser->input;
  if (at >= from && at <= from + parser->input_length && length <= parser->input_length - (at - from)) {
    return parser->input + (at - from);
  }
  return loci__arena_strndup(&parser->document->strings, (const char *)text, length);
}

static loci__json *add(loci__json_parser *parser, loci__json_type type) {
  loci__json_document *document = parser->document;
  if (document->n_nodes >= UINT32_MAX / 2) {
    stop(parser, LOCI_ERROR_LIMIT, "too many values");
    return NULL;
  }
  if (!loci__grow(document->context, &document->nodes, &document->capacity, document->n_nodes + 1,
                  sizeof *document->nodes)) {
    stop(parser, LOCI_ERROR_MEMORY, "out of memory");
    return NULL;
  }
  loci__json *node = &document->nodes[document->n_nodes++];
  *node = (loci__json){.type = type, .next = 1};
  if (parser->depth > 0) {
    loci__json *parent = &document->nodes[parser->open[parser->depth - 1]];
    parent->count++;
    if (parent->type == LOCI__JSON_OBJECT) {
      node->key = parser->key;
      node->key_length = parser->key_length;
    }
  }
  return node;
}

static int on_null(void *user) {
  return add(user, LOCI__JSON_NULL) != NULL;
}

static int on_bool(void *user, int value) {
  return add(user, value ? LOCI__JSON_TRUE : LOCI__JSON_FALSE) != NULL;
}

static int on_text(loci__json_parser *parser, loci__json_type type, const unsigned char *text, size_t length) {
  loci__json *node = add(parser, type);
  if (node == NULL) return 0;
  node->text = keep(parser, text, length);
  node->length = (uint32_t)length;
  return node->text != NULL ? 1 : stop(parser, LOCI_ERROR_MEMORY, "out of memory");
}

static int on_number(void *user, const char *text, size_t length) {
  return on_text(user, LOCI__JSON_NUMBER, (const unsigned char *)text, length);
}

static int on_string(void *user, const unsigned char *text, size_t length) {
  return on_text(user, LOCI__JSON_STRING, text, length);
}

static int on_key(void *user, const unsigned char *text, size_t length) {
  loci__json_parser *parser = user;
  parser->key = keep(parser, text, length);
  parser->key_length = (uint32_t)length;
  return parser->key != NULL ? 1 : stop(parser, LOCI_ERROR_MEMORY, "out of memory");
}

static int open_container(loci__json_parser *parser, loci__json_type type) {
  if (parser->depth == MAX_DEPTH) return stop(parser, LOCI_ERROR_LIMIT, "nested deeper than 128");
  uint32_t at = (uint32_t)parser->document->n_nodes;
  if (add(parser, type) == NULL) return 0;
  parser->open[parser->depth++] = at;
  return 1;
}

static int on_open_object(void *user) {
  return open_container(user, LOCI__JSON_OBJECT);
}

static int on_open_array(void *user) {
  return open_container(user, LOCI__JSON_ARRAY);
}

static bool same_key(const loci__json *a, const loci__json *b) {
  return a->key_length == b->key_length && memcmp(a->key, b->key, a->key_length) == 0;
}

/* Refuses duplicate keys: pairwise for small objects, by a hash table of node numbers for large ones. */
static int check_keys(loci__json_parser *parser, const loci__json *object) {
  if (object->count <= LINEAR_KEYS) {
    for (const loci__json *a = loci__json_first(object); a != NULL; a = loci__json_next(object, a)) {
      for (const loci__json *b = loci__json_first(object); b != a; b = loci__json_next(object, b)) {
        if (same_key(a, b)) return stop(parser, LOCI_ERROR_FORMAT, "a key stands twice in one object");
      }
    }
    return 1;
  }
  size_t slots = 64;
  while (slots < (size_t)object->count * 2) slots *= 2;
  uint32_t *table = loci__alloc_zero(parser->document->context, slots, sizeof *table);
  if (table == NULL) return stop(parser, LOCI_ERROR_MEMORY, "out of memory");
  int result = 1;
  for (const loci__json *a = loci__json_first(object); a != NULL && result; a = loci__json_next(object, a)) {
    size_t slot = loci__hash64(a->key, a->key_length, 0) & (slots - 1);
    for (; table[slot] != 0; slot = (slot + 1) & (slots - 1)) {
      if (same_key(a, object + table[slot])) {
        result = stop(parser, LOCI_ERROR_FORMAT, "a key stands twice in one object");
        break;
      }
    }
    table[slot] = (uint32_t)(a - object);
  }
  loci__free(parser->document->context, table);
  return result;
}

static int on_close(void *user) {
  loci__json_parser *parser = user;
  loci__json_document *document = parser->document;
  uint32_t at = parser->open[--parser->depth];
  loci__json *container = &document->nodes[at];
  container->next = (uint32_t)(document->n_nodes - at);
  return container->type == LOCI__JSON_OBJECT ? check_keys(parser, container) : 1;
}

/* yajl does not check what its allocator answers, so it must never see NULL: when memory is out we jump out of the
 * parser instead. Its blocks hang in a list of our own, which is what frees them then. */
typedef struct loci__json_block {
  struct loci__json_block *before, *after;
} loci__json_block;

typedef struct loci__json_memory {
  loci_context *context;
  loci__json_block *blocks;
  jmp_buf out_of_memory;
} loci__json_memory;

static void *yajl_resize(void *user, void *memory, size_t size) {
  loci__json_memory *owner = user;
  loci__json_block *old = memory == NULL ? NULL : (loci__json_block *)memory - 1;
  size_t bytes;
  loci__json_block *block = NULL;
  if (loci__add(size, sizeof *block, &bytes)) block = loci__resize_array(owner->context, old, bytes, 1);
  if (block == NULL) longjmp(owner->out_of_memory, 1);
  if (old == NULL) {
    block->before = NULL;
    block->after = owner->blocks;
  }
  if (block->before != NULL) block->before->after = block;
  else owner->blocks = block;
  if (block->after != NULL) block->after->before = block;
  return block + 1;
}

static void *yajl_allocate(void *user, size_t size) {
  return yajl_resize(user, NULL, size);
}

static void yajl_release(void *user, void *memory) {
  loci__json_memory *owner = user;
  if (memory == NULL) return;
  loci__json_block *block = (loci__json_block *)memory - 1;
  if (block->before != NULL) block->before->after = block->after;
  else owner->blocks = block->after;
  if (block->after != NULL) block->after->before = block->before;
  loci__free(owner->context, block);
}

static loci_status describe(loci__json_parser *parser, yajl_handle yajl, yajl_status result, const char *name,
                            loci_error *error) {
  size_t position = yajl_get_bytes_consumed(yajl);
  const char *why = parser->why;
  loci_status status = parser->status;
  if (status == LOCI_OK) {
    status = LOCI_ERROR_FORMAT;
    why = result == yajl_status_ok ? "ends too early" : "not JSON";
  }
  if (status == LOCI_ERROR_MEMORY) return loci__fail_memory(error, parser->input_length, name);
  return loci__fail_at(error, status, (int64_t)position, "%s: %s (near byte %zu)", name, why, position);
}

/* In a function of its own, so that no local of the caller changes between setjmp and longjmp. */
static loci_status run_yajl(loci__json_parser *parser, const yajl_callbacks *callbacks, loci__json_memory *memory,
                            const char *name, loci_error *error) {
  yajl_alloc_funcs functions = {.malloc = yajl_allocate, .realloc = yajl_resize, .free = yajl_release, .ctx = memory};
  yajl_handle yajl = yajl_alloc(callbacks, &functions, parser);
  yajl_status result = yajl_parse(yajl, (const unsigned char *)parser->input, parser->input_length);
  if (result == yajl_status_ok) result = yajl_complete_parse(yajl);
  loci_status status = LOCI_OK;
  if (result != yajl_status_ok || parser->document->n_nodes == 0) {
    status = describe(parser, yajl, result, name, error);
  }
  yajl_free(yajl);
  return status;
}

loci_status loci__json_parse(loci__json_document *document, loci_context *context, const char *text, size_t length,
                             const char *name, loci_error *error) {
  *document = (loci__json_document){.context = context};
  loci__arena_init(&document->strings, context);
  if (length > UINT32_MAX / 2) {
    return loci__fail(error, LOCI_ERROR_LIMIT, "%s: %zu bytes of JSON; at most 2 GiB are read", name, length);
  }
  static const yajl_callbacks callbacks = {
      .yajl_null = on_null,
      .yajl_boolean = on_bool,
      .yajl_number = on_number,
      .yajl_string = on_string,
      .yajl_start_map = on_open_object,
      .yajl_map_key = on_key,
      .yajl_end_map = on_close,
      .yajl_start_array = on_open_array,
      .yajl_end_array = on_close,
  };
  loci__json_parser parser = {.document = document, .input = text, .input_length = length};
  loci__json_memory memory = {.context = context};
  loci_status status = LOCI_OK;
  if (setjmp(memory.out_of_memory) == 0) {
    status = run_yajl(&parser, &callbacks, &memory, name, error);
  } else {
    status = loci__fail_memory(error, length, name);
    while (memory.blocks != NULL) yajl_release(&memory, memory.blocks + 1);
  }
  if (status != LOCI_OK) loci__json_release(document);
  return status;
}

void loci__json_release(loci__json_document *document) {
  loci__free(document->context, document->nodes);
  loci__arena_release(&document->strings);
  document->nodes = NULL;
  document->n_nodes = document->capacity = 0;
}

const loci__json *loci__json_first(const loci__json *parent) {
  return parent == NULL || parent->count == 0 ? NULL : parent + 1;
}

const loci__json *loci__json_next(const loci__json *parent, const loci__json *child) {
  const loci__json *next = child + child->next;
  return next < parent + parent->next ? next : NULL;
}

const loci__json *loci__json_get(const loci__json *object, const char *key) {
  if (object == NULL || object->type != LOCI__JSON_OBJECT) return NULL;
  size_t length = strlen(key);
  for (const loci__json *v = loci__json_first(object); v != NULL; v = loci__json_next(object, v)) {
    if (v->key_length == length && memcmp(v->key, key, length) == 0) return v;
  }
  return NULL;
}

bool loci__json_is(const loci__json *value, const char *text) {
  return value != NULL && value->type == LOCI__JSON_STRING && value->length == strlen(text) &&
         memcmp(value->text, text, value->length) == 0;
}

bool loci__json_u64(const loci__json *value, uint64_t *out) {
  char digits[24];
  if (value == NULL || value->type != LOCI__JSON_NUMBER || value->length >= sizeof digits) return false;
  memcpy(digits, value->text, value->length);
  digits[value->length] = '\0';
  return loci__parse_u64(digits, out);
}

bool loci__json_double(const loci__json *value, double *out) {
  return value != NULL && value->type == LOCI__JSON_NUMBER && loci__parse_double(value->text, value->length, out);
}

bool loci__json_bool(const loci__json *value, bool *out) {
  if (value == NULL || (value->type != LOCI__JSON_TRUE && value->type != LOCI__JSON_FALSE)) return false;
  *out = value->type == LOCI__JSON_TRUE;
  return true;
}

char *loci__json_strdup(loci_context *context, const loci__json *value) {
  if (value == NULL || value->type != LOCI__JSON_STRING || memchr(value->text, 0, value->length) != NULL) return NULL;
  return loci__strndup(context, value->text, value->length);
}
