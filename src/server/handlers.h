/* handlers.h: the paths, a line each: LOCI__ROUTES(each) is each(method, path, handler, dialect, flags). A path that ends with
 * '*' has anything non-empty there. The first line that fits wins. openapi.c describes the same paths. */
#ifndef LOCI_SERVER_HANDLERS_H
#define LOCI_SERVER_HANDLERS_H

#include "server.h"

/* clang-format off */
#define LOCI__ROUTES(each) \
  each("GET", "/health", loci__handle_health, TEI, LOCI__ROUTE_OPEN) \
  each("GET", "/ping", loci__handle_health, TEI, LOCI__ROUTE_OPEN) \
  each("GET", "/ready", loci__handle_ready, TEI, LOCI__ROUTE_OPEN) \
  each("GET", "/metrics", loci__handle_metrics, TEI, LOCI__ROUTE_OPEN | LOCI__ROUTE_PRIVATE) \
  each("POST", "/v1/embeddings", loci__openai_embeddings, OPENAI, 0) \
  each("POST", "/embeddings", loci__openai_embeddings, OPENAI, 0) \
  each("GET", "/v1/models", loci__openai_models, OPENAI, 0) \
  each("GET", "/v1/models/*", loci__openai_model, OPENAI, 0)
/* clang-format on */

/* routes.c */
loci__outcome loci__handle_health(loci__request *request);
loci__outcome loci__handle_ready(loci__request *request);
loci__outcome loci__handle_metrics(loci__request *request);
/* openai.c */
loci__outcome loci__openai_embeddings(loci__request *request);
loci__outcome loci__openai_models(loci__request *request);
loci__outcome loci__openai_model(loci__request *request);

/* ---- what the dialects share (dialect.c) ---- */

/* Finishes a job's answer: its failure, or nothing (true). Frees nothing. Sets the header that tells of truncation. */
bool loci__job_is_good(loci__job *job);
/* A failure before the job was submitted. */
loci__outcome loci__job_refuse(loci__job *job);
/* The served model that `word` names; NULL word = the first. */
bool loci__job_set_model(loci__job *job, const loci__json *word);
/* A member that is a string, an array of strings, an array of ids, or an array of either: the inputs. At most the server's
 * limit of them. `ids`: may there be any. An empty array is left to the caller: job->n is 0. */
bool loci__job_add_inputs(loci__job *job, const loci__json *value, const char *key, bool ids);
/* Width of the answer's vectors: job->number when it is not 0, and cuts them to it. False with the failure when the model is
 * narrower. */
bool loci__job_cut(loci__job *job, const char *param);
/* %XX undone, NUL-terminated (loci__free); NULL for what is no UTF-8 or has a NUL, or when out of memory. */
char *loci__unescape(loci_context *context, const char *text);

#endif
