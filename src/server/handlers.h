/* handlers.h: the paths, a line each: LOCI__ROUTES(each) is each(method, path, handler, dialect, flags). A path that ends with
 * '*' has anything non-empty there. The first line that fits wins. */
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
  each("GET", "/v1/models/*", loci__openai_model, OPENAI, 0) \
  each("POST", "/embed", loci__tei_embed, TEI, 0) \
  each("POST", "/embed_all", loci__tei_embed_all, TEI, 0) \
  each("POST", "/embed_sparse", loci__tei_embed_sparse, TEI, 0) \
  each("POST", "/similarity", loci__tei_similarity, TEI, 0) \
  each("POST", "/tokenize", loci__tei_tokenize, TEI, 0) \
  each("POST", "/decode", loci__tei_decode, TEI, 0) \
  each("POST", "/rerank", loci__tei_rerank, TEI, 0) \
  each("POST", "/predict", loci__tei_predict, TEI, 0) \
  each("GET", "/info", loci__tei_info, TEI, 0) \
  each("POST", "/api/embed", loci__ollama_embed, OLLAMA, 0) \
  each("POST", "/api/embeddings", loci__ollama_embeddings, OLLAMA, 0) \
  each("GET", "/api/tags", loci__ollama_tags, OLLAMA, 0) \
  each("GET", "/api/ps", loci__ollama_ps, OLLAMA, 0) \
  each("POST", "/api/show", loci__ollama_show, OLLAMA, 0) \
  each("GET", "/api/version", loci__ollama_version, OLLAMA, 0) \
  each("GET", "/", loci__ollama_root, OLLAMA, LOCI__ROUTE_OPEN) \
  each("POST", "/v2/embed", loci__cohere_embed, COHERE, 0) \
  each("POST", "/v2/rerank", loci__cohere_rerank, COHERE, 0)
/* clang-format on */

/* routes.c */
loci__outcome loci__handle_health(loci__request *request);
loci__outcome loci__handle_ready(loci__request *request);
loci__outcome loci__handle_metrics(loci__request *request);
/* openai.c */
loci__outcome loci__openai_embeddings(loci__request *request);
loci__outcome loci__openai_models(loci__request *request);
loci__outcome loci__openai_model(loci__request *request);
/* tei.c */
loci__outcome loci__tei_embed(loci__request *request);
loci__outcome loci__tei_embed_all(loci__request *request);
loci__outcome loci__tei_embed_sparse(loci__request *request);
loci__outcome loci__tei_similarity(loci__request *request);
loci__outcome loci__tei_tokenize(loci__request *request);
loci__outcome loci__tei_decode(loci__request *request);
loci__outcome loci__tei_rerank(loci__request *request);
loci__outcome loci__tei_predict(loci__request *request);
loci__outcome loci__tei_info(loci__request *request);
/* ollama.c */
loci__outcome loci__ollama_embed(loci__request *request);
loci__outcome loci__ollama_embeddings(loci__request *request);
loci__outcome loci__ollama_tags(loci__request *request);
loci__outcome loci__ollama_ps(loci__request *request);
loci__outcome loci__ollama_show(loci__request *request);
loci__outcome loci__ollama_version(loci__request *request);
loci__outcome loci__ollama_root(loci__request *request);
/* cohere.c */
loci__outcome loci__cohere_embed(loci__request *request);
loci__outcome loci__cohere_rerank(loci__request *request);

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
