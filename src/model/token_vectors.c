/* model/token_vectors.c: loci_embed_tokens, a vector for every token of one input: an encoder's last hidden states, a
 * static model's rows. The same prompt, cut and special tokens as in loci_embed, whose pooling these are the input of.
 */
#include "../text/text.h"
#include "model.h"
#include "words.h"

void loci_token_vectors_release(loci_token_vectors *out) {
  if (out == NULL) return;
  loci__free(out->context, out->ids);
  loci__free(out->context, out->vectors);
  *out = (loci_token_vectors){0};
}

static loci_status run_encoder(const loci_model *m, const loci__ids *ids, loci_token_vectors *out, loci_error *error) {
  const size_t starts[2] = {0, ids->n};
  loci__encoder_session *session = NULL;
  loci__encoder_hidden hidden;
  int32_t *types = loci__alloc_array(m->context, ids->n, sizeof *types);
  if (types == NULL) return loci__fail_memory(error, ids->n * sizeof *types, "the tokens' types");
  for (size_t i = 0; i < ids->n; i++) types[i] = loci__tokenizer_type(m->tokenizer, true, ids->n, i);
  loci_status status = loci__encoder_session_new(m->encoder, ids->n, &session, error);
  if (status == LOCI_OK)
    status = loci__encoder_run(m->encoder, session, ids->items, types, starts, 1, &hidden, NULL, NULL, error);
  for (size_t t = 0; status == LOCI_OK && t < ids->n; t++)
    memcpy(out->vectors + t * out->dim, hidden.data + t * hidden.stride, out->dim * sizeof *out->vectors);
  loci__encoder_session_free(session);
  loci__free(m->context, types);
  return status;
}

static loci_status fill(const loci_model *m, const loci__ids *ids, loci_token_vectors *out, loci_error *error) {
  size_t floats;
  out->context = m->context;
  out->n_tokens = ids->n;
  out->dim = m->kind == LOCI__MODEL_ENCODER ? m->hidden_size : m->table.dim;
  if (ids->n == 0) return LOCI_OK;
  if (!loci__mul(ids->n, out->dim, &floats)) return loci__fail_memory(error, SIZE_MAX, "the tokens' vectors");
  out->ids = loci__alloc_array(m->context, ids->n, sizeof *out->ids);
  out->vectors = loci__alloc_array(m->context, floats, sizeof *out->vectors);
  if (out->ids == NULL || out->vectors == NULL)
    return loci__fail_memory(error, floats * sizeof *out->vectors, "the tokens' vectors");
  memcpy(out->ids, ids->items, ids->n * sizeof *out->ids);
  if (m->kind == LOCI__MODEL_ENCODER) return run_encoder(m, ids, out, error);
  for (size_t t = 0; t < ids->n; t++)
    loci__static_mean(m->context, &m->table, ids->items + t, 1, out->vectors + t * out->dim);
  return LOCI_OK;
}

loci_status loci_embed_tokens(const loci_model *model, const loci_input *input, const loci_embed_options *options,
                              loci_token_vectors *out, loci_embed_info *info, loci_error *error) {
  *out = (loci_token_vectors){0};
  if (model->vectors != NULL && model->vectors->subwords != NULL)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "words that are known by their n-grams have no vectors of tokens");
  loci__ids ids = {0};
  loci_status status = loci__embed_ids(model, input, options, &ids, info, error);
  if (status == LOCI_OK) status = fill(model, &ids, out, error);
  loci__ids_release(&ids);
  if (status != LOCI_OK) loci_token_vectors_release(out);
  return status;
}
