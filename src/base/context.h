/* base/context.h: the insides of a context, for base/ alone. */
#ifndef LOCI_BASE_CONTEXT_H
#define LOCI_BASE_CONTEXT_H

#include "base.h"

#include <pthread.h>

typedef struct loci__pool loci__pool;

struct loci_context {
  loci_context_options options; /* complete: no NULL function, strings are copies */
  pthread_mutex_t lock;         /* guards the making of what follows */
  loci__pool *pool;             /* made on first use */
  const void *kernels;          /* filled by kernel/ through loci__context_kernels */
  const char *isa_name, *isa_reason;
};

void loci__pool_free(loci_context *context);
/* Puts the POSIX functions where the table has none (default_files.c). */
void loci__files_fill_defaults(loci_file_table *files);

#endif
