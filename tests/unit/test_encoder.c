/* The encoder against PyTorch and sentence-transformers (stored outputs), and against itself: the same bits whatever
 * stands beside a sequence, wherever it stands and whichever thread runs it.
 */
#include "support.h"

#include "format/format.h"
#include "kernel/kernel.h"
#include "model/encoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the generators of tests/golden/make_*.py ----------------------------------------------------------- */

static uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

typedef struct shape {
  const char *name;
  loci__encoder_config config;
} shape;

enum { VOCAB = 50, POSITIONS = 64, N_SEQUENCES = 4, MOST_LAYERS = 3, MOST_TENSORS = 5 + 16 * MOST_LAYERS };
static const size_t lengths[N_SEQUENCES] = {1, 2, 9, 33};

#define SHAPE(name, hidden, layers, heads, inner, types, offset, eps, act)    \
  {                                                                           \
    name, {                                                                   \
      hidden, layers, heads, inner, VOCAB, POSITIONS, types, offset, eps, act \
    }                                                                         \
  }

static const shape shapes[] = {
    SHAPE("head32", 64, 2, 2, 128, 2, 0, 1e-12f, LOCI__ACTIVATION_GELU),
    SHAPE("head64", 128, 2, 2, 512, 2, 0, 1e-12f, LOCI__ACTIVATION_GELU),
    SHAPE("head20", 60, 3, 3, 100, 2, 0, 1e-5f, LOCI__ACTIVATION_GELU_TANH),
    SHAPE("head96", 96, 2, 1, 70, 1, 2, 1e-5f, LOCI__ACTIVATION_RELU),
    SHAPE("head8", 40, 2, 5, 33, 2, 0, 1e-12f, LOCI__ACTIVATION_GELU),
};

typedef struct model {
  loci__encoder_layer_weights layers[MOST_LAYERS];
  loci__encoder_weights weights;
  float *tensors[MOST_TENSORS];
  uint64_t n_tensors;
} model;

static const float *take(model *m, size_t n, float scale, float add) {
  float *x = malloc(n * sizeof *x);
  assert_non_null(x);
  uint64_t base = m->n_tensors << 32;
  m->tensors[m->n_tensors++] = x;
  for (size_t i = 0; i < n; i++) {
    x[i] = add + scale * ((float)((int32_t)(mix(base | i) >> 40) - (1 << 23)) / (float)(1 << 23));
  }
  return x;
}

static void model_make(model *m, const loci__encoder_config *c) {
  memset(m, 0, sizeof *m);
  size_t h = c->hidden_size, inner = c->intermediate_size;
  m->weights.word = take(m, c->vocab_size * h, 1, 0);
  m->weights.position = take(m, c->max_positions * h, 1, 0);
  m->weights.type = take(m, c->type_vocab_size * h, 1, 0);
  m->weights.norm_gain = take(m, h, 0.25f, 1);
  m->weights.norm_bias = take(m, h, 0.25f, 0);
  m->weights.layers = m->layers;
  for (size_t i = 0; i < c->n_layers; i++) {
    loci__encoder_layer_weights *l = &m->layers[i];
    const float **squares[] = {&l->q, &l->q_bias, &l->k, &l->k_bias, &l->v, &l->v_bias, &l->o, &l->o_bias};
    for (size_t j = 0; j < 8; j += 2) {
      *squares[j] = take(m, h * h, 0.125f, 0);
      *squares[j + 1] = take(m, h, 0.25f, 0);
    }
    l->attention_norm_gain = take(m, h, 0.25f, 1);
    l->attention_norm_bias = take(m, h, 0.25f, 0);
    l->up = take(m, inner * h, 0.125f, 0);
    l->up_bias = take(m, inner, 0.25f, 0);
    l->down = take(m, h * inner, 0.125f, 0);
    l->down_bias = take(m, h, 0.25f, 0);
    l->output_norm_gain = take(m, h, 0.25f, 1);
    l->output_norm_bias = take(m, h, 0.25f, 0);
  }
}

static void model_release(model *m) {
  for (size_t i = 0; i < m->n_tensors; i++) free(m->tensors[i]);
}

static loci_error error;

/* ---- every layer against PyTorch -------------------------------------------------------------------------- */

typedef struct layer_check {
  const shape *shape;
  const char *isa;
  const float *golden; /* of this sequence: layer after layer */
  size_t first, n_tokens;
  size_t n_seen;
  double worst;
} layer_check;

static void check_layer(void *user, size_t layer, const loci__encoder_hidden *hidden, size_t n_tokens) {
  layer_check *check = user;
  (void)n_tokens;
  size_t width = check->shape->config.hidden_size;
  assert_int_equal(layer, check->n_seen);
  for (size_t t = 0; t < check->n_tokens; t++) {
    for (size_t j = 0; j < width; j++) {
      double got = (double)hidden->data[(check->first + t) * hidden->stride + j];
      double want = (double)check->golden[(layer * check->n_tokens + t) * width + j];
      if (!(fabs(got - want) <= check->worst)) check->worst = fabs(got - want);
      if (!(fabs(got - want) <= 1e-5)) {
        fail_msg("%s %s, layer %zu, token %zu, element %zu: %.9g, PyTorch %.9g", check->isa, check->shape->name, layer,
                 t, j, got, want);
      }
    }
  }
  check->n_seen++;
}

static void test_layers(void **state) {
  (void)state;
  for (size_t s = 0; s < LOCI__COUNT(shapes); s++) {
    const loci__encoder_config *config = &shapes[s].config;
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/encoder/%s.f32", LOCI_SOURCE_DIR, shapes[s].name);
    size_t size;
    char *golden = test_read(path, &size);
    assert_int_equal(size, 45 * (config->n_layers + 1) * config->hidden_size * sizeof(float));
    model m;
    model_make(&m, config);
    for (size_t i = 0; loci__kernels_name(i); i++) {
      if (loci__kernels_named(loci__kernels_name(i)) == NULL) continue;
      loci_context *context = test_context_new(1, loci__kernels_name(i));
      loci__encoder *encoder;
      loci__encoder_session *session;
      assert_ok(loci__encoder_new(context, config, &m.weights, &encoder, &error), &error);
      assert_int_equal(loci__encoder_max_length(encoder), POSITIONS - config->position_offset);
      assert_ok(loci__encoder_session_new(encoder, 45, &session, &error), &error);
      int32_t ids[45], types[45];
      size_t starts[N_SEQUENCES + 1] = {0};
      for (size_t q = 0; q < N_SEQUENCES; q++) {
        starts[q + 1] = starts[q] + lengths[q];
        for (size_t t = 0; t < lengths[q]; t++) {
          ids[starts[q] + t] = (int32_t)(mix(1000 + 100 * q + t) % VOCAB);
          types[starts[q] + t] = (int32_t)(mix(5000 + 100 * q + t) % config->type_vocab_size);
        }
      }
      double worst = 0;
      for (size_t q = 0; q < N_SEQUENCES; q++) { /* each sequence is looked at in a run of all */
        layer_check check = {
            &shapes[s],
            loci__kernels_name(i),
            (const float *)(const void *)golden + starts[q] * (config->n_layers + 1) * config->hidden_size,
            starts[q],
            lengths[q],
            0,
            0};
        loci__encoder_hidden hidden;
        assert_ok(
            loci__encoder_run(encoder, session, ids, types, starts, N_SEQUENCES, &hidden, check_layer, &check, &error),
            &error);
        assert_int_equal(check.n_seen, config->n_layers + 1);
        if (check.worst > worst) worst = check.worst;
      }
      print_message("%s %s: largest difference from PyTorch %.2g\n", loci__kernels_name(i), shapes[s].name, worst);
      loci__encoder_session_free(session);
      loci__encoder_free(encoder);
      test_context_free(context);
    }
    model_release(&m);
    free(golden);
  }
}

/* ---- the same bits ------------------------------------------------------------------------------------------ */

typedef struct batch {
  const loci__encoder *encoder;
  loci__encoder_session *sessions[2];
  const int32_t *ids;   /* of all sequences */
  const size_t *starts; /* of all sequences */
  size_t n, batch_size; /* sequences; a task is batch_size of them */
  size_t width;
  float *out; /* all tokens × width */
} batch;

static loci_status run_batch(void *arg, size_t task, size_t worker, loci_error *e) {
  batch *b = arg;
  size_t first = task * b->batch_size, n = b->n - first < b->batch_size ? b->n - first : b->batch_size;
  size_t starts[65];
  for (size_t i = 0; i <= n; i++) starts[i] = b->starts[first + i] - b->starts[first];
  loci__encoder_hidden hidden;
  LOCI__TRY(loci__encoder_run(b->encoder, b->sessions[worker], b->ids + b->starts[first], NULL, starts, n, &hidden,
                              NULL, NULL, e));
  for (size_t t = 0; t < starts[n]; t++) {
    memcpy(b->out + (b->starts[first] + t) * b->width, hidden.data + t * hidden.stride, b->width * sizeof(float));
  }
  return LOCI_OK;
}

static void test_bits(void **state) {
  (void)state;
  enum { N = 64 };
  static const size_t batch_sizes[] = {1, 2, 3, 7, 64};
  for (size_t s = 0; s < 3; s++) {
    const loci__encoder_config *config = &shapes[s].config;
    model m;
    model_make(&m, config);
    size_t starts[N + 1] = {0};
    for (size_t i = 0; i < N; i++) starts[i + 1] = starts[i] + mix(i) % 64 + (i % 9 != 0);
    int32_t *ids = malloc(starts[N] * sizeof *ids);
    for (size_t t = 0; t < starts[N]; t++) ids[t] = (int32_t)(mix(t + 77) % VOCAB);
    size_t bytes = starts[N] * config->hidden_size * sizeof(float);
    float *want = malloc(bytes), *got = malloc(bytes);
    for (size_t i = 0; loci__kernels_name(i); i++) {
      if (loci__kernels_named(loci__kernels_name(i)) == NULL) continue;
      for (int threads = 1; threads <= 2; threads++) {
        loci_context *context = test_context_new(threads, loci__kernels_name(i));
        batch b = {.ids = ids, .starts = starts, .n = N, .width = config->hidden_size};
        loci__encoder *encoder;
        assert_ok(loci__encoder_new(context, config, &m.weights, &encoder, &error), &error);
        b.encoder = encoder;
        for (int w = 0; w < 2; w++) {
          assert_ok(loci__encoder_session_new(encoder, starts[N], &b.sessions[w], &error), &error);
        }
        for (size_t j = 0; j < LOCI__COUNT(batch_sizes); j++) {
          b.batch_size = batch_sizes[j];
          b.out = j == 0 && threads == 1 ? want : got;
          memset(b.out, 0xff, bytes);
          assert_ok(loci__pool_run(context, (N + b.batch_size - 1) / b.batch_size, run_batch, &b, &error), &error);
          if (b.out == got) assert_memory_equal(got, want, bytes);
        }
        for (int w = 0; w < 2; w++) loci__encoder_session_free(b.sessions[w]);
        loci__encoder_free(encoder);
        test_context_free(context);
      }
    }
    free(want), free(got), free(ids);
    model_release(&m);
  }
}

/* ---- what it refuses ------------------------------------------------------------------------------------------ */

static void test_refusals(void **state) {
  (void)state;
  model m;
  loci__encoder_config config = shapes[0].config;
  model_make(&m, &config);
  loci_context *context = test_context_new(1, NULL);
  loci__encoder *encoder;
  loci__encoder_config bad = config;
  bad.n_heads = 3;
  assert_int_equal(loci__encoder_new(context, &bad, &m.weights, &encoder, &error), LOCI_ERROR_USAGE);
  assert_null(encoder);
  bad = config, bad.position_offset = POSITIONS;
  assert_int_equal(loci__encoder_new(context, &bad, &m.weights, &encoder, &error), LOCI_ERROR_USAGE);
  bad = config, bad.hidden_size = SIZE_MAX / 2 - 1;
  assert_int_not_equal(loci__encoder_new(context, &bad, &m.weights, &encoder, &error), LOCI_OK);

  assert_ok(loci__encoder_new(context, &config, &m.weights, &encoder, &error), &error);
  loci__encoder_session *session;
  assert_int_equal(loci__encoder_session_new(encoder, 0, &session, &error), LOCI_ERROR_USAGE);
  assert_ok(loci__encoder_session_new(encoder, 80, &session, &error), &error);
  int32_t ids[128] = {0}, types[128] = {0};
  loci__encoder_hidden hidden;
  size_t long_one[] = {0, 65}, too_many[] = {0, 50, 100}, backwards[] = {0, 5, 3}, good[] = {0, 0, 3}, late[] = {1, 3};
#define RUN(starts, n) loci__encoder_run(encoder, session, ids, types, starts, n, &hidden, NULL, NULL, &error)
  assert_int_equal(RUN(long_one, 1), LOCI_ERROR_LIMIT);
  assert_int_equal(RUN(too_many, 2), LOCI_ERROR_LIMIT);
  assert_int_equal(RUN(backwards, 2), LOCI_ERROR_USAGE);
  assert_int_equal(RUN(late, 1), LOCI_ERROR_USAGE);
  assert_int_equal(RUN(good, 0), LOCI_OK);
  assert_int_equal(RUN(good, 2), LOCI_OK);
  for (int i = 0; i < 2; i++) {
    ids[1] = i ? VOCAB : -1;
    assert_int_equal(RUN(good, 2), LOCI_ERROR_USAGE);
    ids[1] = 0, types[1] = i ? 2 : -1;
    assert_int_equal(RUN(good, 2), LOCI_ERROR_USAGE);
    types[1] = 0;
  }
  loci__encoder_session_free(session);
  loci__encoder_free(encoder);
  test_context_free(context);
  model_release(&m);
}

/* No layers: the embeddings alone; no biases; no types. */
static void test_bare(void **state) {
  (void)state;
  model m;
  loci__encoder_config config = shapes[0].config;
  model_make(&m, &config);
  loci_context *context = test_context_new(1, NULL);
  loci__encoder *encoder;
  loci__encoder_session *session;
  loci__encoder_hidden hidden;
  int32_t ids[4] = {1, 2, 3, 4};
  size_t starts[] = {0, 4};
  config.type_vocab_size = 0;
  for (size_t i = 0; i < config.n_layers; i++) {
    loci__encoder_layer_weights *l = &m.layers[i];
    l->q_bias = l->k_bias = l->v_bias = l->o_bias = l->up_bias = l->down_bias = NULL;
  }
  for (size_t layers = 0; layers < 2; layers++) {
    config.n_layers = layers;
    assert_ok(loci__encoder_new(context, &config, &m.weights, &encoder, &error), &error);
    assert_ok(loci__encoder_session_new(encoder, 4, &session, &error), &error);
    assert_ok(loci__encoder_run(encoder, session, ids, NULL, starts, 1, &hidden, NULL, NULL, &error), &error);
    for (size_t t = 0; t < 4; t++) {
      for (size_t j = 0; j < config.hidden_size; j++) assert_true(isfinite(hidden.data[t * hidden.stride + j]));
    }
    loci__encoder_session_free(session);
    loci__encoder_free(encoder);
  }
  test_context_free(context);
  model_release(&m);
}

/* Every allocation that fails is a MEMORY error and loses nothing. */
static size_t fail_at;
static void *failing_allocate(void *user, size_t size) {
  (void)user;
  return fail_at-- == 0 ? NULL : malloc(size);
}
static void *failing_resize(void *user, void *memory, size_t size) {
  (void)user;
  return fail_at-- == 0 ? NULL : realloc(memory, size);
}
static void plain_release(void *user, void *memory) {
  (void)user;
  free(memory);
}

static void test_out_of_memory(void **state) {
  (void)state;
  model m;
  model_make(&m, &shapes[2].config);
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = 1;
  options.allocator = (loci_allocator){NULL, failing_allocate, failing_resize, plain_release};
  bool finished = false;
  for (size_t n = 0; n < 100 && !finished; n++) {
    fail_at = SIZE_MAX;
    loci_context *context;
    assert_ok(loci_context_new(&options, &context, &error), &error);
    fail_at = n;
    loci__encoder *encoder;
    loci__encoder_session *session = NULL;
    loci_status status = loci__encoder_new(context, &shapes[2].config, &m.weights, &encoder, &error);
    if (status == LOCI_OK) status = loci__encoder_session_new(encoder, 10, &session, &error);
    finished = status == LOCI_OK;
    if (!finished) assert_int_equal(status, LOCI_ERROR_MEMORY);
    loci__encoder_session_free(session);
    loci__encoder_free(encoder);
    fail_at = SIZE_MAX;
    loci_context_free(context);
  }
  assert_true(finished);
  model_release(&m);
}

/* ---- MiniLM against sentence-transformers ------------------------------------------------------------------------ */

enum { N_TEXTS = 2048, N_WHOLE = 96, N_DIMS = 24, DIM = 384 };

static uint64_t below(uint64_t *s, uint64_t n) {
  uint64_t x = mix(*s);
  *s += 0x9E3779B97F4A7C15u;
  return x % n;
}

static size_t text_tokens(size_t i, uint64_t *s) {
  if (i == 1) return 512;
  if (i == 2) return 2;
  if (i % 64 < 54) return 3 + below(s, 30);
  if (i % 64 < 61) return 33 + below(s, 96);
  if (i % 64 < 63) return 129 + below(s, 128);
  return 257 + below(s, 256);
}

static const float *tensor(const loci__safetensors *file, const char *format, size_t layer) {
  char name[160];
  snprintf(name, sizeof name, format, layer);
  const loci__tensor *t = loci__safetensors_find(file, name);
  if (t == NULL) fail_msg("no tensor %s", name);
  const float *view = loci__tensor_view(t);
  assert_non_null(view);
  return view;
}

/* Row numbers of vocab.txt whose piece is two or more letters a-z. */
static size_t read_words(const char *folder, int32_t **words) {
  char path[4200];
  snprintf(path, sizeof path, "%s/vocab.txt", folder);
  size_t size, n = 0;
  char *text = test_read(path, &size);
  *words = malloc(40000 * sizeof **words);
  int32_t row = 0;
  for (char *line = text; line < text + size; row++) {
    size_t length = strcspn(line, "\n");
    if (length >= 2 && strspn(line, "abcdefghijklmnopqrstuvwxyz") >= length) (*words)[n++] = row;
    line += length + 1;
  }
  free(text);
  return n;
}

typedef struct minilm_run {
  const loci__encoder *encoder;
  loci__encoder_session *sessions[2];
  const loci__kernels *kernels;
  const int32_t *words;
  size_t n_words, step;
  const float *golden;
  double worst[2]; /* a worker */
  size_t n_compared[2];
} minilm_run;

static loci_status run_text(void *arg, size_t task, size_t worker, loci_error *e) {
  minilm_run *r = arg;
  size_t i = task * r->step;
  uint64_t s = 1000 + i;
  size_t starts[2] = {0, text_tokens(i, &s)}, n = starts[1];
  int32_t ids[512];
  ids[0] = 101, ids[n - 1] = 102;
  for (size_t t = 1; t + 1 < n; t++) ids[t] = r->words[below(&s, r->n_words)];
  loci__encoder_hidden hidden;
  LOCI__TRY(loci__encoder_run(r->encoder, r->sessions[worker], ids, NULL, starts, 1, &hidden, NULL, NULL, e));
  float vector[DIM] = {0};
  for (size_t t = 0; t < n; t++)
    r->kernels->add_scaled_f32(1.0f / (float)n, hidden.data + t * hidden.stride, DIM, vector);
  double length = sqrt((double)r->kernels->dot_f32(vector, vector, DIM));
  const float *whole = r->golden + i * DIM, *some = r->golden + (size_t)N_WHOLE * DIM + i * N_DIMS;
  for (size_t d = 0; d < N_DIMS + (i < N_WHOLE ? DIM : 0u); d++) {
    size_t at = d < N_DIMS ? below(&s, DIM) : d - N_DIMS;
    double want = (double)(d < N_DIMS ? some[d] : whole[at]);
    double difference = fabs((double)vector[at] / length - want);
    if (!(difference <= r->worst[worker])) r->worst[worker] = difference;
    r->n_compared[worker]++;
  }
  return LOCI_OK;
}

static void test_minilm(void **state) {
  (void)state;
  const char *folder = test_model("minilm");
  if (folder == NULL) skip();
  char path[4200];
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  size_t size;
  char *golden = test_read(LOCI_SOURCE_DIR "/tests/golden/minilm/vectors.f32", &size);
  assert_int_equal(size, (N_WHOLE * DIM + N_TEXTS * N_DIMS) * sizeof(float));
  int32_t *words;
  size_t n_words = read_words(folder, &words);
  static const struct {
    const char *isa;
    size_t step; /* every step-th text, so that the slow paths take seconds too */
  } runs[] = {{"avx512", 1}, {"avx2", 8}, {"ref", 128}};
  for (size_t i = 0; i < LOCI__COUNT(runs); i++) {
    if (loci__kernels_named(runs[i].isa) == NULL) continue;
    loci_context *context = test_context_new(2, runs[i].isa);
    loci__safetensors *file;
    assert_ok(loci__safetensors_open(context, path, &file, &error), &error);
    loci__encoder_config config = {DIM, 6, 12, 1536, 30522, 512, 2, 0, 1e-12f, LOCI__ACTIVATION_GELU};
    loci__encoder_layer_weights layers[6];
    for (size_t l = 0; l < 6; l++) {
#define TENSOR(name) tensor(file, "encoder.layer.%zu." name, l)
      layers[l] = (loci__encoder_layer_weights){TENSOR("attention.self.query.weight"),
                                                TENSOR("attention.self.query.bias"),
                                                TENSOR("attention.self.key.weight"),
                                                TENSOR("attention.self.key.bias"),
                                                TENSOR("attention.self.value.weight"),
                                                TENSOR("attention.self.value.bias"),
                                                TENSOR("attention.output.dense.weight"),
                                                TENSOR("attention.output.dense.bias"),
                                                TENSOR("attention.output.LayerNorm.weight"),
                                                TENSOR("attention.output.LayerNorm.bias"),
                                                TENSOR("intermediate.dense.weight"),
                                                TENSOR("intermediate.dense.bias"),
                                                TENSOR("output.dense.weight"),
                                                TENSOR("output.dense.bias"),
                                                TENSOR("output.LayerNorm.weight"),
                                                TENSOR("output.LayerNorm.bias")};
    }
    loci__encoder_weights weights = {tensor(file, "embeddings.word_embeddings.weight", 0),
                                     tensor(file, "embeddings.position_embeddings.weight", 0),
                                     tensor(file, "embeddings.token_type_embeddings.weight", 0),
                                     tensor(file, "embeddings.LayerNorm.weight", 0),
                                     tensor(file, "embeddings.LayerNorm.bias", 0),
                                     layers};
    loci__encoder *encoder;
    assert_ok(loci__encoder_new(context, &config, &weights, &encoder, &error), &error);
    minilm_run run = {.encoder = encoder,
                      .kernels = loci__kernels_of(context),
                      .words = words,
                      .n_words = n_words,
                      .step = runs[i].step,
                      .golden = (const float *)(const void *)golden};
    for (int w = 0; w < 2; w++) assert_ok(loci__encoder_session_new(encoder, 512, &run.sessions[w], &error), &error);
    size_t n = (N_TEXTS + run.step - 1) / run.step;
    assert_ok(loci__pool_run(context, n, run_text, &run, &error), &error);
    double worst = fmax(run.worst[0], run.worst[1]);
    print_message("%s: %zu texts, %zu numbers, largest difference from sentence-transformers %.3g\n", runs[i].isa, n,
                  run.n_compared[0] + run.n_compared[1], worst);
    assert_true(worst <= 2e-6);
    assert_true(run.n_compared[0] + run.n_compared[1] >= n * N_DIMS);
    for (int w = 0; w < 2; w++) loci__encoder_session_free(run.sessions[w]);
    loci__encoder_free(encoder);
    loci__safetensors_close(file);
    test_context_free(context);
  }
  free(words), free(golden);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_layers), cmocka_unit_test(test_bits),          cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_bare),   cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_minilm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
