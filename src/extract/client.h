/* extract/client.h: the library's end of the helper: one process, started when first asked, started again after it was
 * killed or died. Belongs to one thread at a time.
 */
#ifndef LOCI_EXTRACT_CLIENT_H
#define LOCI_EXTRACT_CLIENT_H

#include "../base/base.h"
#include "../base/helper_protocol.h"

typedef struct loci__helper loci__helper;

loci_status loci__helper_new(loci_context *context, loci__helper **out, loci_error *error);
void loci__helper_free(loci__helper *helper);
/* Kills the process, if one runs; the next request starts a fresh one. */
void loci__helper_stop(loci__helper *helper);

typedef struct loci__helper_answer {
  const char *skipped; /* static reason, or NULL: then the bytes are the answer */
  char *bytes;         /* loci__free; NUL-terminated behind length */
  size_t length;
  uint32_t n_replaced;
} loci__helper_answer;

/* One request. A helper that dies, lies or needs more than `seconds` is killed and the answer is `skipped`; an error is
 * loci's own: no memory, or a helper program that is not there or does not greet. */
loci_status loci__helper_ask(loci__helper *helper, loci__helper_operation operation, loci__helper_encoding encoding,
                             const char *bytes, size_t length, double seconds, loci__helper_answer *answer,
                             loci_error *error);

#endif
