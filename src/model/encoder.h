/* model/encoder.h: the transformer encoder, inference only. Token ids in, last hidden states out, fp32.
 *
 * What it computes is the encoder of Vaswani et al. 2017 in BERT's arrangement (Devlin et al. 2019): embeddings (word +
 * position + type, LayerNorm), then per layer: self-attention, residual, LayerNorm, up, activation, down, residual,
 * LayerNorm. No padding anywhere: a batch is sequences laid end to end, and attention works on one at a time.
 *
 * Ownership: loci__encoder_new packs every matrix into tiles of its own (the caller may drop or unmap q…down and all
 * biases and norms afterwards); only the three embedding tables stay the caller's and must outlive the encoder.
 *
 * Threads: an encoder is immutable and shared. A session is one thread's scratch, allocated once from the shape; make
 * one for each worker of the pool and run different batches on different sessions. A run allocates nothing and
 * starts no threads.
 *
 * Determinism: a sequence's output has the same bits whatever else is in its batch, wherever it stands, whichever
 * session or thread runs it (per instruction set).
 *
 * Batches: the rate grows with the tokens of a run up to about 128 and is flat from there to about 512; beyond that
 * activations leave the L2 cache (MiniLM, 2 MB). Aim at LOCI__ENCODER_BATCH_TOKENS tokens a run; a longer sequence is a
 * run of its own. Sorting by length is not needed. To keep both cores busy, rather make several runs than one.
 */
#ifndef LOCI_MODEL_ENCODER_H
#define LOCI_MODEL_ENCODER_H

#include "../base/base.h"

enum { LOCI__ENCODER_BATCH_TOKENS = 256 };

typedef enum loci__activation {
  LOCI__ACTIVATION_GELU = 0,      /* x·Φ(x), by erf: "gelu" */
  LOCI__ACTIVATION_GELU_TANH = 1, /* "gelu_new", "gelu_pytorch_tanh", "gelu_fast" */
  LOCI__ACTIVATION_RELU = 2       /* "relu" */
} loci__activation;

typedef struct loci__encoder_config {
  size_t hidden_size; /* a multiple of n_heads */
  size_t n_layers;    /* 0 is allowed: the embeddings alone */
  size_t n_heads;
  size_t intermediate_size;
  size_t vocab_size;      /* rows of word */
  size_t max_positions;   /* rows of position */
  size_t type_vocab_size; /* rows of type; 0 = the model has no type embeddings */
  size_t position_offset; /* row of a sequence's first token: 0 for BERT, padding_idx + 1 for RoBERTa */
  float layer_norm_eps;
  loci__activation activation;
} loci__encoder_config;

/* Matrices are row-major [out, in], as PyTorch's Linear stores them: q, k, v, o hidden × hidden; up intermediate ×
 * hidden; down hidden × intermediate. Floats at any 4-byte alignment. A bias may be NULL (= zeros). */
typedef struct loci__encoder_layer_weights {
  const float *q, *q_bias, *k, *k_bias, *v, *v_bias;
  const float *o, *o_bias;                                /* attention.output.dense */
  const float *attention_norm_gain, *attention_norm_bias; /* attention.output.LayerNorm */
  const float *up, *up_bias;                              /* intermediate.dense */
  const float *down, *down_bias;                          /* output.dense */
  const float *output_norm_gain, *output_norm_bias;       /* output.LayerNorm */
} loci__encoder_layer_weights;

typedef struct loci__encoder_weights {
  const float *word;     /* vocab_size × hidden; stays the caller's, must outlive the encoder (mapped is fine) */
  const float *position; /* max_positions × hidden; likewise */
  const float *type;     /* type_vocab_size × hidden; likewise; NULL when type_vocab_size is 0 */
  const float *norm_gain, *norm_bias;        /* embeddings.LayerNorm */
  const loci__encoder_layer_weights *layers; /* n_layers */
} loci__encoder_weights;

typedef struct loci__encoder loci__encoder;
typedef struct loci__encoder_session loci__encoder_session;

/* Packs the weights (on the context's pool). USAGE for a shape that contradicts itself; the caller has checked that the
 * arrays are as long as the shape says. */
loci_status loci__encoder_new(loci_context *context, const loci__encoder_config *config,
                              const loci__encoder_weights *weights, loci__encoder **out, loci_error *error);
void loci__encoder_free(loci__encoder *encoder); /* NULL is allowed */
const loci__encoder_config *loci__encoder_get_config(const loci__encoder *encoder);
/* Tokens that one sequence may have: max_positions − position_offset. */
size_t loci__encoder_max_length(const loci__encoder *encoder);

/* Scratch for runs of at most max_tokens tokens (all sequences of a run together). The encoder must outlive it. */
loci_status loci__encoder_session_new(const loci__encoder *encoder, size_t max_tokens, loci__encoder_session **out,
                                      loci_error *error);
void loci__encoder_session_free(loci__encoder_session *session); /* NULL is allowed */

/* Hidden states: token t of the run (counted over all sequences, starts[0] = 0) is data[t·stride … + hidden_size). They
 * live in the session until its next run. */
typedef struct loci__encoder_hidden {
  const float *data;
  size_t stride; /* floats, ≥ hidden_size */
} loci__encoder_hidden;

/* For tests and probes: called with layer 0 = the embeddings after their LayerNorm, then 1…n_layers. */
typedef void (*loci__encoder_layer_fn)(void *user, size_t layer, const loci__encoder_hidden *hidden, size_t n_tokens);

/* Runs n sequences: sequence i is ids[starts[i] … starts[i+1]); starts has n + 1 entries, starts[0] = 0; an empty
 * sequence is allowed and gives no rows. type_ids NULL = all 0. layer may be NULL. LIMIT when a sequence is
 * longer than loci__encoder_max_length or the run than the session; USAGE for an id or type id outside its table. */
loci_status loci__encoder_run(const loci__encoder *encoder, loci__encoder_session *session, const int32_t *ids,
                              const int32_t *type_ids, const size_t *starts, size_t n, loci__encoder_hidden *out,
                              loci__encoder_layer_fn layer, void *layer_user, loci_error *error);

#endif
