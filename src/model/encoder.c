/* model/encoder.c: packs a model's weights once and runs batches of sequences through the layers.
 *
 * Phases: loci__encoder_new checks the shape, packs every matrix (one pool task a layer) and is done with the caller's
 * arrays; loci__encoder_run goes over the batch layer by layer. Nothing is written to an encoder after new.
 *
 * Layout. A head's columns are padded to whole panels (head_pad ≥ head size; equal for 32, 64, 96, 128), so a row of
 * `qkv` is 3 × n_heads × head_pad floats, q heads first; the packed q, k, v rows of the padding are zero, hence the
 * padding of scores and of `context` is zero, and the output projection has depth n_heads × head_pad with zero weights
 * there. Rows of every activation buffer are an odd number of cache lines apart, so that the rows of a tile do not fall
 * into one set of the first-level cache.
 *
 * A run works on blocks of BLOCK tokens inside each step of a layer where rows are independent (everything but
 * attention), so that a block's intermediate activations stay in the second-level cache while the weights stream by.
 */
#include "encoder.h"

#include "../kernel/kernel.h"

#include <math.h>
#include <sys/mman.h>

/* Rows of up/down that are in work at a time: 126 = 9 tiles of 14 rows; 126 × 1,536 floats = 774 KB of a 2 MB L2.
 * Measured with bench/encode, see docs/speed.md. */
enum { BLOCK = 126 };

enum { LINE = 16 }; /* floats of a cache line */

typedef struct packed_layer {
  float *qkv, *qkv_bias;
  float *o, *o_bias;
  float *up, *up_bias;
  float *down, *down_bias;
  float *attention_gain, *attention_bias, *output_gain, *output_bias;
} packed_layer;

struct loci__encoder {
  loci_context *context;
  const loci__kernels *kernels;
  loci__encoder_config config;
  size_t head_size, head_pad;
  size_t qkv_width, context_width;         /* 3·n_heads·head_pad and n_heads·head_pad, in whole panels each */
  size_t hidden_width, intermediate_width; /* in whole panels */
  const float *word, *position, *type;
  float *embedding_gain, *embedding_bias;
  packed_layer *layers;
  float *memory; /* everything packed, one block */
};

struct loci__encoder_session {
  const loci__encoder *encoder;
  size_t max_tokens, max_length;
  size_t hidden_stride, qkv_stride, context_stride, intermediate_stride;
  float *hidden, *qkv, *mixed, *projected, *intermediate, *scratch;
  float *memory;
};

/* ---- making -------------------------------------------------------------------------------------- */

static loci_status check_config(const loci__encoder_config *c, loci_error *error) {
  if (c->hidden_size == 0 || c->n_heads == 0 || c->intermediate_size == 0 || c->vocab_size == 0) {
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "encoder: hidden size, heads, intermediate size and vocabulary must not be 0");
  }
  if (c->hidden_size % c->n_heads != 0) {
    return loci__fail(error, LOCI_ERROR_USAGE, "encoder: hidden size %zu is not a multiple of %zu heads",
                      c->hidden_size, c->n_heads);
  }
  if (c->position_offset >= c->max_positions) {
    return loci__fail(error, LOCI_ERROR_USAGE, "encoder: %zu positions, but the first token's is number %zu",
                      c->max_positions, c->position_offset);
  }
  /* Far above any model; keeps every product below within size_t. */
  if (c->hidden_size > 1u << 16 || c->intermediate_size > 1u << 18 || c->n_layers > 1u << 12 ||
      c->max_positions > 1u << 24 || c->vocab_size > 1u << 28 || c->type_vocab_size > 1u << 16) {
    return loci__fail(error, LOCI_ERROR_LIMIT,
                      "encoder: a size is beyond what loci takes (hidden %zu, intermediate %zu, "
                      "layers %zu, positions %zu, vocabulary %zu, types %zu)",
                      c->hidden_size, c->intermediate_size, c->n_layers, c->max_positions, c->vocab_size,
                      c->type_vocab_size);
  }
  return LOCI_OK;
}

/* Asks for huge pages inside a block that is read from end to end again and again: with small ones every page of weights
 * costs a walk of the page table. A hint; where it is refused only time is lost. */
static void prefer_huge_pages(void *memory, size_t size) {
#ifdef MADV_HUGEPAGE
  const uintptr_t huge = (uintptr_t)2 << 20;
  uintptr_t start = ((uintptr_t)memory + huge - 1) / huge * huge, end = ((uintptr_t)memory + size) / huge * huge;
  if (start < end) madvise((char *)memory + (start - (uintptr_t)memory), end - start, MADV_HUGEPAGE);
#else
  (void)memory, (void)size;
#endif
}

/* Takes `count` floats of the block, whole cache lines; with base NULL only counts. */
static float *take(float *base, size_t *used, size_t count) {
  float *at = base ? base + *used : NULL;
  *used += (count + LINE - 1) / LINE * LINE;
  return at;
}

/* Vectors first, then matrices; *n_vectors = the floats of the former. */
static size_t lay_out(loci__encoder *encoder, float *base, size_t *n_vectors) {
  const loci__encoder_config *config = &encoder->config;
  size_t used = 0, hidden = encoder->hidden_width, intermediate = encoder->intermediate_width;
  encoder->embedding_gain = take(base, &used, hidden);
  encoder->embedding_bias = take(base, &used, hidden);
  for (size_t i = 0; i < config->n_layers; i++) {
    packed_layer *layer = &encoder->layers[i];
    layer->qkv_bias = take(base, &used, encoder->qkv_width);
    layer->o_bias = take(base, &used, hidden);
    layer->up_bias = take(base, &used, intermediate);
    layer->down_bias = take(base, &used, hidden);
    layer->attention_gain = take(base, &used, hidden);
    layer->attention_bias = take(base, &used, hidden);
    layer->output_gain = take(base, &used, hidden);
    layer->output_bias = take(base, &used, hidden);
  }
  *n_vectors = used;
  for (size_t i = 0; i < config->n_layers; i++) {
    packed_layer *layer = &encoder->layers[i];
    layer->qkv = take(base, &used, encoder->qkv_width * config->hidden_size);
    layer->o = take(base, &used, hidden * encoder->context_width);
    layer->up = take(base, &used, intermediate * config->hidden_size);
    layer->down = take(base, &used, hidden * config->intermediate_size);
  }
  return used;
}

static void copy_vector(float *into, const float *from, size_t n) {
  if (from) memcpy(into, from, n * sizeof *into);
}

typedef struct packing {
  loci__encoder *encoder;
  const loci__encoder_layer_weights *layers;
  const size_t *depth_of; /* of the output projection: hidden column → padded column */
} packing;

static void pack_heads(const loci__encoder *encoder, const float *w, const float *bias, size_t part, float *packed,
                       float *packed_bias) {
  size_t hidden = encoder->config.hidden_size, heads = encoder->config.n_heads;
  for (size_t head = 0; head < heads; head++) {
    size_t column = (part * heads + head) * encoder->head_pad, row = head * encoder->head_size;
    loci__gemm_pack(encoder->kernels, w + row * hidden, hidden, encoder->head_size, hidden, NULL, column, hidden,
                    packed);
    if (bias) copy_vector(packed_bias + column, bias + row, encoder->head_size);
  }
}

static loci_status pack_layer(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const packing *work = arg;
  const loci__encoder *encoder = work->encoder;
  const loci__encoder_layer_weights *from = &work->layers[task];
  packed_layer *to = &encoder->layers[task];
  size_t hidden = encoder->config.hidden_size, intermediate = encoder->config.intermediate_size;
  pack_heads(encoder, from->q, from->q_bias, 0, to->qkv, to->qkv_bias);
  pack_heads(encoder, from->k, from->k_bias, 1, to->qkv, to->qkv_bias);
  pack_heads(encoder, from->v, from->v_bias, 2, to->qkv, to->qkv_bias);
  loci__gemm_pack(encoder->kernels, from->o, hidden, hidden, hidden, work->depth_of, 0, encoder->context_width, to->o);
  loci__gemm_pack(encoder->kernels, from->up, hidden, intermediate, hidden, NULL, 0, hidden, to->up);
  loci__gemm_pack(encoder->kernels, from->down, intermediate, hidden, intermediate, NULL, 0, intermediate, to->down);
  copy_vector(to->o_bias, from->o_bias, hidden);
  copy_vector(to->up_bias, from->up_bias, intermediate);
  copy_vector(to->down_bias, from->down_bias, hidden);
  copy_vector(to->attention_gain, from->attention_norm_gain, hidden);
  copy_vector(to->attention_bias, from->attention_norm_bias, hidden);
  copy_vector(to->output_gain, from->output_norm_gain, hidden);
  copy_vector(to->output_bias, from->output_norm_bias, hidden);
  return LOCI_OK;
}

loci_status loci__encoder_new(loci_context *context, const loci__encoder_config *config,
                              const loci__encoder_weights *weights, loci__encoder **out, loci_error *error) {
  *out = NULL;
  LOCI__TRY(check_config(config, error));
  if (weights->type == NULL && config->type_vocab_size != 0) {
    return loci__fail(error, LOCI_ERROR_USAGE, "encoder: %zu token types without their embeddings",
                      config->type_vocab_size);
  }
  context = loci__context_of(context);
  const loci__kernels *kernels = loci__kernels_of(context);
  loci__encoder *encoder = loci__alloc_zero(context, 1, sizeof *encoder);
  if (encoder == NULL) return loci__fail_memory(error, sizeof *encoder, "the encoder");
  encoder->context = context;
  encoder->kernels = kernels;
  encoder->config = *config;
  encoder->word = weights->word;
  encoder->position = weights->position;
  encoder->type = weights->type;
  encoder->head_size = config->hidden_size / config->n_heads;
  encoder->head_pad = loci__panels(kernels, encoder->head_size);
  encoder->context_width = config->n_heads * encoder->head_pad;
  encoder->qkv_width = 3 * encoder->context_width;
  encoder->hidden_width = loci__panels(kernels, config->hidden_size);
  encoder->intermediate_width = loci__panels(kernels, config->intermediate_size);

  loci_status status = LOCI_OK;
  size_t *depth_of = loci__alloc_array(context, config->hidden_size, sizeof *depth_of);
  size_t floats = 0, n_vectors = 0, bytes = SIZE_MAX;
  if (config->n_layers > 0) encoder->layers = loci__alloc_zero(context, config->n_layers, sizeof *encoder->layers);
  if (encoder->layers != NULL || config->n_layers == 0) {
    floats = lay_out(encoder, NULL, &n_vectors);
    if (loci__mul(floats, sizeof(float), &bytes)) encoder->memory = loci__alloc_aligned(context, bytes);
  }
  if (depth_of == NULL || encoder->memory == NULL) {
    status = loci__fail_memory(error, bytes, "the encoder's packed weights");
  } else {
    prefer_huge_pages(encoder->memory, bytes);
    /* Packing writes every float of a matrix but the padding. */
    bool padded = encoder->head_pad != encoder->head_size || encoder->hidden_width != config->hidden_size ||
                  encoder->intermediate_width != config->intermediate_size;
    memset(encoder->memory, 0, padded ? bytes : n_vectors * sizeof(float));
    lay_out(encoder, encoder->memory, &n_vectors);
    copy_vector(encoder->embedding_gain, weights->norm_gain, config->hidden_size);
    copy_vector(encoder->embedding_bias, weights->norm_bias, config->hidden_size);
    for (size_t i = 0; i < config->hidden_size; i++) {
      depth_of[i] = i / encoder->head_size * encoder->head_pad + i % encoder->head_size;
    }
    packing work = {encoder, weights->layers, depth_of};
    status = loci__pool_run(context, config->n_layers, pack_layer, &work, error);
  }
  loci__free(context, depth_of);
  if (status != LOCI_OK) {
    loci__encoder_free(encoder);
    return status;
  }
  *out = encoder;
  return LOCI_OK;
}

void loci__encoder_free(loci__encoder *encoder) {
  if (encoder == NULL) return;
  loci__free_aligned(encoder->context, encoder->memory);
  loci__free(encoder->context, encoder->layers);
  loci__free(encoder->context, encoder);
}

const loci__encoder_config *loci__encoder_get_config(const loci__encoder *encoder) {
  return &encoder->config;
}

size_t loci__encoder_max_length(const loci__encoder *encoder) {
  return encoder->config.max_positions - encoder->config.position_offset;
}

/* ---- sessions ------------------------------------------------------------------------------------- */

/* Floats from row to row: whole lines, an odd number of them. */
static size_t stride_of(size_t width) {
  size_t lines = (width + LINE - 1) / LINE;
  return (lines | 1) * LINE;
}

loci_status loci__encoder_session_new(const loci__encoder *encoder, size_t max_tokens, loci__encoder_session **out,
                                      loci_error *error) {
  *out = NULL;
  if (max_tokens == 0 || max_tokens > 1u << 24) {
    return loci__fail(error, LOCI_ERROR_USAGE, "encoder: a session for %zu tokens", max_tokens);
  }
  loci_context *context = encoder->context;
  loci__encoder_session *session = loci__alloc_zero(context, 1, sizeof *session);
  if (session == NULL) return loci__fail_memory(error, sizeof *session, "an encoder session");
  session->encoder = encoder;
  session->max_tokens = max_tokens;
  session->max_length = loci__encoder_max_length(encoder);
  if (session->max_length > max_tokens) session->max_length = max_tokens;
  session->hidden_stride = stride_of(encoder->hidden_width);
  session->qkv_stride = stride_of(encoder->qkv_width);
  session->context_stride = stride_of(encoder->context_width);
  session->intermediate_stride = stride_of(encoder->intermediate_width);
  size_t block = max_tokens < BLOCK ? max_tokens : BLOCK;

  struct {
    float **at;
    size_t rows, stride;
  } parts[] = {
      {&session->hidden, max_tokens, session->hidden_stride},
      {&session->qkv, max_tokens, session->qkv_stride},
      {&session->mixed, max_tokens, session->context_stride},
      {&session->projected, block, session->hidden_stride},
      {&session->intermediate, block, session->intermediate_stride},
      {&session->scratch, 1,
       stride_of(loci__attention_scratch(encoder->kernels, session->max_length, encoder->head_pad))},
  };
  size_t floats = 0, part, bytes = SIZE_MAX;
  bool fits = true;
  for (size_t i = 0; i < LOCI__COUNT(parts); i++) {
    fits = fits && loci__mul(parts[i].rows, parts[i].stride, &part) && loci__add(floats, part, &floats);
  }
  if (fits && loci__mul(floats, sizeof(float), &bytes)) session->memory = loci__alloc_aligned(context, bytes);
  if (session->memory == NULL) {
    loci__free(context, session);
    return loci__fail_memory(error, bytes, "an encoder session's activations");
  }
  prefer_huge_pages(session->memory, bytes);
  memset(session->memory, 0, bytes);
  float *next = session->memory;
  for (size_t i = 0; i < LOCI__COUNT(parts); i++) {
    *parts[i].at = next;
    next += parts[i].rows * parts[i].stride;
  }
  *out = session;
  return LOCI_OK;
}

void loci__encoder_session_free(loci__encoder_session *session) {
  if (session == NULL) return;
  loci_context *context = session->encoder->context;
  loci__free_aligned(context, session->memory);
  loci__free(context, session);
}

/* ---- running -------------------------------------------------------------------------------------- */

static loci_status check_batch(const loci__encoder *encoder, const loci__encoder_session *session, const int32_t *ids,
                               const int32_t *type_ids, const size_t *starts, size_t n, loci_error *error) {
  const loci__encoder_config *config = &encoder->config;
  if (n == 0) return LOCI_OK;
  if (starts[0] != 0)
    return loci__fail(error, LOCI_ERROR_USAGE, "encoder: the first sequence starts at %zu", starts[0]);
  for (size_t i = 0; i < n; i++) {
    if (starts[i + 1] < starts[i])
      return loci__fail(error, LOCI_ERROR_USAGE, "encoder: sequence %zu ends before it starts", i);
    if (starts[i + 1] - starts[i] > loci__encoder_max_length(encoder)) {
      return loci__fail(error, LOCI_ERROR_LIMIT, "encoder: sequence %zu has %zu tokens, the model takes %zu", i,
                        starts[i + 1] - starts[i], loci__encoder_max_length(encoder));
    }
  }
  if (starts[n] > session->max_tokens) {
    return loci__fail(error, LOCI_ERROR_LIMIT, "encoder: a run of %zu tokens in a session of %zu", starts[n],
                      session->max_tokens);
  }
  for (size_t t = 0; t < starts[n]; t++) {
    if (ids[t] < 0 || (size_t)ids[t] >= config->vocab_size) {
      return loci__fail(error, LOCI_ERROR_USAGE,
                        "encoder: token id %d, but the model has %zu rows; does the tokenizer "
                        "belong to it?",
                        (int)ids[t], config->vocab_size);
    }
    if (type_ids && config->type_vocab_size > 0 &&
        (type_ids[t] < 0 || (size_t)type_ids[t] >= config->type_vocab_size)) {
      return loci__fail(error, LOCI_ERROR_USAGE, "encoder: type id %d, but the model has %zu types", (int)type_ids[t],
                        config->type_vocab_size);
    }
  }
  return LOCI_OK;
}

static void normalise(const loci__encoder *encoder, const float *x, const float *residual, size_t stride, size_t m,
                      const float *gain, const float *bias, float *y) {
  loci__layer_norm norm = {.x = x,
                           .x_stride = stride,
                           .residual = residual,
                           .residual_stride = stride,
                           .m = m,
                           .width = encoder->config.hidden_size,
                           .gain = gain,
                           .bias = bias,
                           .epsilon = encoder->config.layer_norm_eps,
                           .y = y,
                           .y_stride = stride};
  encoder->kernels->layer_norm_f32(&norm);
}

/* (word + type) + position, in this order, as the reference implementations of BERT add them. */
static void embed(const loci__encoder *encoder, loci__encoder_session *session, const int32_t *ids,
                  const int32_t *type_ids, const size_t *starts, size_t n) {
  size_t width = encoder->config.hidden_size;
  for (size_t i = 0; i < n; i++) {
    for (size_t t = starts[i]; t < starts[i + 1]; t++) {
      float *to = session->hidden + t * session->hidden_stride;
      const float *word = encoder->word + (size_t)ids[t] * width;
      const float *position = encoder->position + (encoder->config.position_offset + t - starts[i]) * width;
      memcpy(to, word, width * sizeof *to);
      if (encoder->config.type_vocab_size > 0) {
        const float *type = encoder->type + (type_ids ? (size_t)type_ids[t] : 0) * width;
        for (size_t j = 0; j < width; j++) to[j] += type[j];
      }
      for (size_t j = 0; j < width; j++) to[j] += position[j];
    }
  }
  normalise(encoder, session->hidden, NULL, session->hidden_stride, n ? starts[n] : 0, encoder->embedding_gain,
            encoder->embedding_bias, session->hidden);
}

static void attend(const loci__encoder *encoder, loci__encoder_session *session, const size_t *starts, size_t n) {
  float scale = 1.0f / sqrtf((float)encoder->head_size);
  for (size_t i = 0; i < n; i++) {
    for (size_t head = 0; head < encoder->config.n_heads; head++) {
      const float *q = session->qkv + starts[i] * session->qkv_stride + head * encoder->head_pad;
      loci__attention attention = {
          .q = q,
          .k = q + encoder->context_width,
          .v = q + 2 * encoder->context_width,
          .stride = session->qkv_stride,
          .length = starts[i + 1] - starts[i],
          .head_size = encoder->head_pad,
          .scale = scale,
          .scratch = session->scratch,
          .out = session->mixed + starts[i] * session->context_stride + head * encoder->head_pad,
          .out_stride = session->context_stride};
      encoder->kernels->attention_f32(&attention);
    }
  }
}

static void multiply(const loci__encoder *encoder, const float *x, size_t x_stride, size_t m, const float *packed,
                     size_t n, size_t k, const float *bias, int activation, float *y, size_t y_stride,
                     const float *next) {
  loci__gemm gemm = {x, x_stride, m, packed, n, k, bias, activation, y, y_stride, next};
  encoder->kernels->gemm_f32(&gemm);
}

static int kernel_activation(loci__activation activation) {
  switch (activation) {
    case LOCI__ACTIVATION_GELU_TANH: return LOCI__KERNEL_GELU_TANH;
    case LOCI__ACTIVATION_RELU: return LOCI__KERNEL_RELU;
    default: return LOCI__KERNEL_GELU;
  }
}

/* next: the packed matrix that will be wanted after this layer */
static void run_layer(const loci__encoder *encoder, loci__encoder_session *session, const packed_layer *layer,
                      const float *next, const size_t *starts, size_t n) {
  size_t n_tokens = starts[n], stride = session->hidden_stride;
  size_t hidden = encoder->config.hidden_size, intermediate = encoder->config.intermediate_size;
  int activation = kernel_activation(encoder->config.activation);
  multiply(encoder, session->hidden, stride, n_tokens, layer->qkv, encoder->qkv_width, hidden, layer->qkv_bias,
           LOCI__KERNEL_IDENTITY, session->qkv, session->qkv_stride, layer->o);
  attend(encoder, session, starts, n);
  size_t n_blocks = (n_tokens + BLOCK - 1) / BLOCK;
  for (size_t block = 0; block < n_blocks; block++) {
    size_t start = n_tokens * block / n_blocks, m = n_tokens * (block + 1) / n_blocks - start;
    float *rows = session->hidden + start * stride;
    multiply(encoder, session->mixed + start * session->context_stride, session->context_stride, m, layer->o,
             encoder->hidden_width, encoder->context_width, layer->o_bias, LOCI__KERNEL_IDENTITY, session->projected,
             stride, layer->up);
    normalise(encoder, session->projected, rows, stride, m, layer->attention_gain, layer->attention_bias, rows);
    multiply(encoder, rows, stride, m, layer->up, encoder->intermediate_width, hidden, layer->up_bias, activation,
             session->intermediate, session->intermediate_stride, layer->down);
    multiply(encoder, session->intermediate, session->intermediate_stride, m, layer->down, encoder->hidden_width,
             intermediate, layer->down_bias, LOCI__KERNEL_IDENTITY, session->projected, stride,
             block + 1 < n_blocks ? layer->o : next);
    normalise(encoder, session->projected, rows, stride, m, layer->output_gain, layer->output_bias, rows);
  }
}

loci_status loci__encoder_run(const loci__encoder *encoder, loci__encoder_session *session, const int32_t *ids,
                              const int32_t *type_ids, const size_t *starts, size_t n, loci__encoder_hidden *out,
                              loci__encoder_layer_fn layer, void *layer_user, loci_error *error) {
  LOCI__TRY(check_batch(encoder, session, ids, type_ids, starts, n, error));
  out->data = session->hidden;
  out->stride = session->hidden_stride;
  if (n == 0) return LOCI_OK;
  embed(encoder, session, ids, type_ids, starts, n);
  if (layer) layer(layer_user, 0, out, starts[n]);
  for (size_t i = 0; i < encoder->config.n_layers; i++) {
    const packed_layer *after = &encoder->layers[(i + 1) % encoder->config.n_layers];
    run_layer(encoder, session, &encoder->layers[i], after->qkv, starts, n);
    if (layer) layer(layer_user, i + 1, out, starts[n]);
  }
  return LOCI_OK;
}
