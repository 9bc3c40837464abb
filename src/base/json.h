/* base/json.h: JSON in (yajl's event parser, kept as a flat tree) and out.
 *
 * Reading: RFC 8259, UTF-8 checked, duplicate keys refused, depth ≤ 128, one value a text. Nodes lie in one array
 * in document order, so a child is the next node and a sibling is a stored jump away. Strings without escapes point
 * into the input, which must outlive the document.
 */
#ifndef LOCI_BASE_JSON_H
#define LOCI_BASE_JSON_H

#include "base.h"

typedef enum loci__json_type {
  LOCI__JSON_NULL,
  LOCI__JSON_FALSE,
  LOCI__JSON_TRUE,
  LOCI__JSON_NUMBER, /* text is the number as written */
  LOCI__JSON_STRING,
  LOCI__JSON_ARRAY,
  LOCI__JSON_OBJECT
} loci__json_type;

typedef struct loci__json {
  const char *key;  /* of an object's member, not NUL-terminated; NULL elsewhere */
  const char *text; /* string or number, NOT NUL-terminated */
  uint32_t key_length, length;
  uint32_t next;  /* index distance to the next sibling (1 + number of descendants) */
  uint32_t count; /* children */
  loci__json_type type;
} loci__json;

typedef struct loci__json_document {
  loci_context *context;
  loci__json *nodes; /* nodes[0] is the root */
  size_t n_nodes, capacity;
  loci__arena strings;
} loci__json_document;

/* FORMAT with the byte position on anything that is not JSON. `name` is what messages call the text. */
loci_status loci__json_parse(loci__json_document *document, loci_context *context, const char *text, size_t length,
                             const char *name, loci_error *error);
void loci__json_release(loci__json_document *document);

/* First child, or NULL; next sibling needs the parent to know the end: iterate with
 *   for (const loci__json *v = loci__json_first(p); v; v = loci__json_next(p, v)) */
const loci__json *loci__json_first(const loci__json *parent);
const loci__json *loci__json_next(const loci__json *parent, const loci__json *child);
/* Member by key (linear), or NULL when absent or `object` is NULL or not an object. */
const loci__json *loci__json_get(const loci__json *object, const char *key);

bool loci__json_is(const loci__json *value, const char *text); /* a string equal to text */
bool loci__json_u64(const loci__json *value, uint64_t *out);   /* a number without fraction, exponent or sign */
bool loci__json_double(const loci__json *value, double *out);
bool loci__json_bool(const loci__json *value, bool *out);
/* A string without NUL inside, copied NUL-terminated (loci__free); NULL when it is none or out of memory. */
char *loci__json_strdup(loci_context *context, const loci__json *value);

/* Writing: into a buffer; commas are kept for you. */
typedef struct loci__json_writer {
  loci__buffer *out;
  uint64_t comma; /* bit d: a value stands already at depth d */
  unsigned depth; /* ≤ 63 */
  bool after_key;
} loci__json_writer;
void loci__json_writer_init(loci__json_writer *writer, loci__buffer *out);
void loci__json_open(loci__json_writer *writer, char bracket);  /* '{' or '[' */
void loci__json_close(loci__json_writer *writer, char bracket); /* '}' or ']' */
void loci__json_key(loci__json_writer *writer, const char *key);
void loci__json_put_text(loci__json_writer *writer, const char *text);
void loci__json_put_textn(loci__json_writer *writer, const char *text, size_t length); /* bad UTF-8 → U+FFFD */
void loci__json_put_i64(loci__json_writer *writer, int64_t value);
void loci__json_put_u64(loci__json_writer *writer, uint64_t value);
void loci__json_put_float(loci__json_writer *writer, float value);   /* shortest; NaN, Inf → null */
void loci__json_put_double(loci__json_writer *writer, double value); /* likewise */
void loci__json_put_bool(loci__json_writer *writer, bool value);
void loci__json_put_null(loci__json_writer *writer);

#endif
