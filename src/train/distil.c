/* train/distil.c: an encoder distilled to a static model: a vector a piece, a text the sum of its pieces.
 *
 * The recipe (docs/distil.md has its measurements, and what lost):
 *  1. Token outputs: m_v = mean of the last hidden states of [SEP] v [CLS] (the order of model2vec's early versions).
 *  2. Teacher vectors t_i of sentences of a corpus, unit length.
 *  3. The student's space: the top `dim` eigenvectors U of Σ t tᵀ.
 *  4. Rows r_v = a/(a + p(v)) · U (m_v − mean m): smooth inverse frequency (Arora et al. 2017), a = 0.001.
 *  5. Training (fit.c): the normalised sum of a sentence's rows towards U t, as tokenlearn regresses a bag on the reduced
 *     teacher (its cosine loss).
 *  6. Norms to the power 0.8; half whitening of the training sentences' vectors (cf. Su et al. 2021, who whiten whole).
 *  7. int8 rows, one scale a row, which is the token's weight in the file.
 * Without a corpus: 1, then U from the PCA of the token outputs, and 4 with p(v) from the rank of v in the vocabulary
 * (Zipf), as model2vec does it; nothing is trained.
 *
 * Phases: every phase leaves its result in loci__distillation, which owns all of it. */
#include "distil.h"
#include "../kernel/kernel.h"
#include "../model/model.h"
#include "../text/text.h"
#include "sample.h"

#include <math.h>

static const double SIF_A = 1e-3;
static const double NORM_POWER = 0.8;
static const double WHITENING = 0.5; /* share of the exponent −1/2 */
enum { DEFAULT_TEXTS = 137216, TEACHER_TOKENS = 256, STUDENT_TOKENS = 254, TOKENS_A_TASK = 64 };

void loci_distil_options_init(loci_distil_options *options) {
  *options = (loci_distil_options){.struct_size = sizeof *options, .dim = 256, .seed = 1};
}

static void release(loci__distillation *d) {
  loci_context *context = d->context;
  loci__free(context, d->token_outputs);
  loci__free(context, d->teacher_vectors);
  loci__free(context, d->space);
  loci__free(context, d->rows);
  loci__free(context, d->probability);
  loci__free(context, d->texts);
  loci__free(context, d->starts);
  loci__free(context, d->tokens);
  loci__free(context, d->targets);
  loci__mapping_close(&d->corpus);
  loci_model_close(d->teacher);
}

/* ---- 1: token outputs ---- */

typedef struct loci__output_run {
  loci__distillation *d;
  int32_t first, last; /* [SEP], [CLS] */
} loci__output_run;

static loci_status output_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  const loci__output_run *run = arg;
  loci__distillation *d = run->d;
  int32_t ids[3 * TOKENS_A_TASK];
  size_t starts[TOKENS_A_TASK + 1];
  size_t from = task * TOKENS_A_TASK;
  size_t n = d->n_tokens - from < TOKENS_A_TASK ? d->n_tokens - from : TOKENS_A_TASK;
  for (size_t i = 0; i < n; i++) {
    starts[i] = 3 * i;
    ids[3 * i] = run->first;
    ids[3 * i + 1] = (int32_t)(from + i);
    ids[3 * i + 2] = run->last;
  }
  starts[n] = 3 * n;
  loci__encoder_session *session;
  LOCI__TRY(loci__encoder_session_new(d->teacher->encoder, 3 * n, &session, error));
  loci__encoder_hidden hidden;
  loci_status status =
      loci__encoder_run(d->teacher->encoder, session, ids, NULL, starts, n, &hidden, NULL, NULL, error);
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    float *out = d->token_outputs + (from + i) * d->hidden;
    const float *a = hidden.data + 3 * i * hidden.stride, *b = a + hidden.stride, *c = b + hidden.stride;
    for (size_t j = 0; j < d->hidden; j++) out[j] = (a[j] + b[j] + c[j]) / 3;
  }
  loci__encoder_session_free(session);
  return status;
}

static loci_status token_outputs(loci__distillation *d, loci_error *error) {
  LOCI__TRY(loci__meter_stage(&d->meter, "asking the teacher about pieces", "pieces", d->n_tokens, error));
  loci__ids specials = {0};
  loci_status status =
      loci__tokenizer_ids(loci_model_tokenizer(d->teacher), "", 0, true, SIZE_MAX, &specials, NULL, error);
  if (status == LOCI_OK && specials.n != 2) {
    status = loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                        "a teacher whose tokenizer adds %zu special tokens is not implemented (2 are)", specials.n);
  }
  d->token_outputs = loci__alloc_array(d->context, d->n_tokens * d->hidden, sizeof(float));
  if (status == LOCI_OK && d->token_outputs == NULL) {
    status = loci__fail_memory(error, d->n_tokens * d->hidden * sizeof(float), "token outputs");
  }
  if (status == LOCI_OK) {
    loci__output_run run = {d, specials.items[1], specials.items[0]};
    size_t tasks = (d->n_tokens + TOKENS_A_TASK - 1) / TOKENS_A_TASK;
    status = loci__pool_run(d->context, tasks, output_task, &run, error);
  }
  loci__ids_release(&specials);
  if (status == LOCI_OK) status = loci__meter_at(&d->meter, d->n_tokens, NULL, error);
  return status == LOCI_OK ? loci__meter_end(&d->meter, error) : status;
}

/* ---- 2: sentences ---- */

static loci_status tokenize_texts(loci__distillation *d, loci_error *error) {
  d->starts = loci__alloc_zero(d->context, d->n_texts + 1, sizeof *d->starts);
  if (d->starts == NULL) return loci__fail_memory(error, d->n_texts * sizeof *d->starts, "sentences");
  loci__ids ids = {0};
  loci_status status = LOCI_OK;
  size_t capacity = 0, used = 0;
  for (size_t i = 0; i < d->n_texts && status == LOCI_OK; i++) {
    status = loci__tokenizer_ids(loci_model_tokenizer(d->teacher), d->texts[i].data, d->texts[i].length, false,
                                 STUDENT_TOKENS, &ids, NULL, error);
    if (status != LOCI_OK) break;
    if (!loci__grow(d->context, &d->tokens, &capacity, used + ids.n + 1, sizeof *d->tokens)) {
      status = loci__fail_memory(error, (used + ids.n) * sizeof *d->tokens, "sentences");
      break;
    }
    if (ids.n > 0) memcpy(d->tokens + used, ids.items, ids.n * sizeof *d->tokens);
    used += ids.n;
    d->starts[i + 1] = used;
  }
  loci__ids_release(&ids);
  d->bags = (loci__bags){d->n_texts, d->starts, d->tokens};
  return status;
}

static loci_status teacher_vectors(loci__distillation *d, loci_error *error) {
  LOCI__TRY(loci__meter_stage(&d->meter, "asking the teacher about sentences", "sentences", d->n_texts, error));
  d->teacher_vectors = loci__alloc_array(d->context, d->n_texts * d->hidden, sizeof(float));
  if (d->teacher_vectors == NULL) {
    return loci__fail_memory(error, d->n_texts * d->hidden * sizeof(float), "the teacher's vectors");
  }
  loci_embed_options options;
  loci_embed_options_init(&options);
  options.max_tokens = TEACHER_TOKENS;
  const size_t block = 1024; /* texts a call: progress is told and a cancel answered in between */
  for (size_t at = 0; at < d->n_texts;) {
    size_t n = d->n_texts - at < block ? d->n_texts - at : block;
    LOCI__TRY(loci_embed(d->teacher, d->texts + at, n, &options, d->teacher_vectors + at * d->hidden, NULL, error));
    at += n;
    LOCI__TRY(loci__meter_at(&d->meter, at, NULL, error));
  }
  return loci__meter_end(&d->meter, error);
}

/* ---- 3: the student's space ---- */

typedef struct loci__gram {
  const float *x, *mean;
  size_t n, dim;
  double *out;
} loci__gram;

/* Row `task` of Σ (x − mean)(x − mean)ᵀ: one task a row, so that the order of additions is fixed. */
static loci_status gram_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  (void)error;
  const loci__gram *g = arg;
  double *row = g->out + task * g->dim;
  for (size_t j = 0; j < g->dim; j++) row[j] = 0;
  for (size_t i = 0; i < g->n; i++) {
    const float *x = g->x + i * g->dim;
    double a = (double)x[task] - (g->mean == NULL ? 0 : (double)g->mean[task]);
    for (size_t j = 0; j < g->dim; j++) row[j] += a * ((double)x[j] - (g->mean == NULL ? 0 : (double)g->mean[j]));
  }
  return LOCI_OK;
}

/* Eigenvectors (rows, descending) and values of the second-moment matrix of n × dim floats, about `mean` or 0. */
static loci_status principal(loci__distillation *d, const float *x, size_t n, size_t dim, const float *mean,
                             double *vectors, double *values, loci_error *error) {
  loci__gram gram = {x, mean, n, dim, vectors};
  LOCI__TRY(loci__pool_run(d->context, dim, gram_task, &gram, error));
  return loci__eigen_symmetric(d->context, dim, vectors, values, error);
}

static loci_status choose_space(loci__distillation *d, const float *mean, loci_error *error) {
  size_t h = d->hidden;
  double *vectors = loci__alloc_array(d->context, h * h + h, sizeof *vectors);
  d->space = loci__alloc_array(d->context, d->dim * h, sizeof(float));
  loci_status status = LOCI_OK;
  if (vectors == NULL || d->space == NULL) status = loci__fail_memory(error, h * h * sizeof *vectors, "a PCA");
  if (status == LOCI_OK) {
    LOCI__TRY(loci__meter_stage(&d->meter, "choosing the space", "steps", 1, error));
    status = d->n_texts > 0 ? principal(d, d->teacher_vectors, d->n_texts, h, NULL, vectors, vectors + h * h, error)
                            : principal(d, d->token_outputs, d->n_tokens, h, mean, vectors, vectors + h * h, error);
  }
  for (size_t i = 0; status == LOCI_OK && i < d->dim * h; i++) d->space[i] = (float)vectors[i];
  loci__free(d->context, vectors);
  return status;
}

/* ---- 4: first rows ---- */

static loci_status probabilities(loci__distillation *d, loci_error *error) {
  d->probability = loci__alloc_zero(d->context, d->n_tokens, sizeof *d->probability);
  uint64_t *counts = loci__alloc_zero(d->context, d->n_tokens, sizeof *counts);
  loci_status status = LOCI_OK;
  if (d->probability == NULL || counts == NULL) {
    status = loci__fail_memory(error, d->n_tokens * 16, "counts");
  } else if (d->n_texts > 0) {
    status = loci__sample_counts(&d->corpus, loci_model_tokenizer(d->teacher), &d->meter, counts, error);
    double total = 0;
    for (size_t v = 0; v < d->n_tokens; v++) total += (double)counts[v] + 1;
    for (size_t v = 0; v < d->n_tokens; v++) d->probability[v] = ((double)counts[v] + 1) / total;
    d->counted = (uint64_t)total - d->n_tokens;
  } else {
    double total = 0;
    for (size_t v = 0; v < d->n_tokens; v++) total += 1 / (double)(v + 2);
    for (size_t v = 0; v < d->n_tokens; v++) d->probability[v] = 1 / (double)(v + 2) / total;
  }
  loci__free(d->context, counts);
  return status;
}

static bool unused_piece(const char *piece) {
  return piece == NULL || loci__starts_with(piece, "[unused");
}

static loci_status first_rows(loci__distillation *d, loci_error *error) {
  const loci__kernels *kernels = loci__kernels_of(d->context);
  size_t h = d->hidden;
  d->rows = loci__alloc_zero(d->context, d->n_tokens * d->dim, sizeof(float));
  float *mean = loci__alloc_zero(d->context, 2 * h, sizeof *mean);
  loci_status status = LOCI_OK;
  if (d->rows == NULL || mean == NULL) status = loci__fail_memory(error, d->n_tokens * d->dim * sizeof(float), "rows");
  for (size_t j = 0; status == LOCI_OK && j < h; j++) {
    double sum = 0;
    for (size_t v = 0; v < d->n_tokens; v++) sum += (double)d->token_outputs[v * h + j];
    mean[j] = (float)(sum / (double)d->n_tokens);
  }
  if (status == LOCI_OK) status = choose_space(d, mean, error);
  if (status == LOCI_OK) status = probabilities(d, error);
  for (size_t v = 0; status == LOCI_OK && v < d->n_tokens; v++) {
    if (unused_piece(loci_tokenizer_piece(loci_model_tokenizer(d->teacher), (int32_t)v))) continue;
    float *centred = mean + h, *row = d->rows + v * d->dim;
    for (size_t j = 0; j < h; j++) centred[j] = d->token_outputs[v * h + j] - mean[j];
    kernels->dot_rows_f32(centred, d->space, h, d->dim, h, row);
    float weight = (float)(SIF_A / (SIF_A + d->probability[v]));
    for (size_t j = 0; j < d->dim; j++) row[j] *= weight;
  }
  loci__free(d->context, mean);
  return status;
}

/* ---- 5: training ---- */

static loci_status fit(loci__distillation *d, loci_error *error) {
  const loci__kernels *kernels = loci__kernels_of(d->context);
  d->targets = loci__alloc_array(d->context, d->n_texts * d->dim, sizeof(float));
  if (d->targets == NULL) return loci__fail_memory(error, d->n_texts * d->dim * sizeof(float), "targets");
  for (size_t i = 0; i < d->n_texts; i++) {
    float *y = d->targets + i * d->dim;
    kernels->dot_rows_f32(d->teacher_vectors + i * d->hidden, d->space, d->hidden, d->dim, d->hidden, y);
    loci__normalize(y, d->dim);
  }
  loci__free(d->context, d->teacher_vectors);
  d->teacher_vectors = NULL;
  const loci__fit_options options = {.epochs = 4, .batch = 512, .rate = 0.07, .pull = 1e-3, .seed = d->options.seed};
  return loci__fit_rows(d->context, &d->bags, d->targets, d->dim, d->rows, d->n_tokens, &options, &d->meter, error);
}

/* ---- 6: norms and half whitening ---- */

static loci_status whiten(loci__distillation *d, loci_error *error) {
  const loci__kernels *kernels = loci__kernels_of(d->context);
  size_t dim = d->dim;
  for (size_t v = 0; v < d->n_tokens; v++) {
    float *row = d->rows + v * dim;
    double norm = sqrt((double)kernels->dot_f32(row, row, dim));
    if (norm < 1e-12) continue;
    float factor = (float)pow(norm, NORM_POWER - 1);
    for (size_t j = 0; j < dim; j++) row[j] *= factor;
  }
  /* The sentences' vectors take the place of their targets, which are not needed any more. */
  for (size_t i = 0; i < d->n_texts; i++) {
    loci__bag_vector(d->context, &d->bags, i, d->rows, dim, d->targets + i * dim);
  }
  double *vectors = loci__alloc_array(d->context, dim * dim + dim, sizeof *vectors);
  float *turn = loci__alloc_array(d->context, dim * dim + dim, sizeof *turn);
  loci_status status = LOCI_OK;
  if (vectors == NULL || turn == NULL) status = loci__fail_memory(error, dim * dim * sizeof *vectors, "whitening");
  if (status == LOCI_OK) status = principal(d, d->targets, d->n_texts, dim, NULL, vectors, vectors + dim * dim, error);
  for (size_t k = 0; status == LOCI_OK && k < dim; k++) {
    double value = vectors[dim * dim + k] / (double)d->n_texts;
    double factor = value > 1e-12 ? pow(value, -WHITENING / 2) : 0;
    for (size_t j = 0; j < dim; j++) turn[k * dim + j] = (float)(factor * vectors[k * dim + j]);
  }
  for (size_t v = 0; status == LOCI_OK && v < d->n_tokens; v++) {
    float *row = d->rows + v * dim, *copy = turn + dim * dim;
    memcpy(copy, row, dim * sizeof *row);
    kernels->dot_rows_f32(copy, turn, dim, dim, dim, row);
  }
  loci__free(d->context, vectors);
  loci__free(d->context, turn);
  return status;
}

/* ---- 7: writing ---- */

static loci_status write_model(loci__distillation *d, const char *folder, loci_error *error) {
  const loci__kernels *kernels = loci__kernels_of(d->context);
  int8_t *codes = loci__alloc_array(d->context, d->n_tokens * d->dim, 1);
  float *scales = loci__alloc_array(d->context, d->n_tokens, sizeof *scales);
  loci__buffer card;
  loci__buffer_init(&card, d->context, 1 << 20);
  char *json = NULL, *path = loci__path_join(d->context, d->teacher->path, "tokenizer.json");
  size_t json_length = 0;
  loci_status status = LOCI_OK;
  if (codes == NULL || scales == NULL || path == NULL) {
    status = loci__fail_memory(error, d->n_tokens * d->dim, "the model's rows");
  }
  if (status == LOCI_OK) status = loci__file_read(d->context, path, (size_t)64 << 20, &json, &json_length, error);
  if (status == LOCI_OK) {
    for (size_t v = 0; v < d->n_tokens; v++) {
      scales[v] = kernels->quantize_i8(d->rows + v * d->dim, d->dim, codes + v * d->dim);
    }
    loci__distil_card(d, &card);
    status = loci__buffer_status(&card, "the model card", error);
  }
  if (status == LOCI_OK) {
    loci__static_out out = {.n_rows = d->n_tokens,
                            .dim = d->dim,
                            .codes = codes,
                            .n_tokens = d->n_tokens,
                            .weights = scales,
                            .normalize = true,
                            .tokenizer_json = json,
                            .tokenizer_length = json_length,
                            .card = card.data};
    status = loci__static_write(d->context, folder, &out, error);
  }
  loci__free(d->context, codes);
  loci__free(d->context, scales);
  loci__free(d->context, json);
  loci__free(d->context, path);
  loci__buffer_release(&card);
  return status;
}

static int count_entry(void *arg, const char *name) {
  (void)name;
  ++*(size_t *)arg;
  return 0;
}

static loci_status check_folder(loci_context *context, const char *folder, loci_error *error) {
  loci_file_info info;
  if (loci__file_stat(context, folder, true, &info) != 0) return LOCI_OK;
  size_t n = 0;
  int failed = loci__file_readdir(context, folder, count_entry, &n);
  if (failed != 0) return loci__fail_file(error, "read the folder", folder, failed);
  if (n == 0) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is not empty; name a new folder", folder);
}

static loci_status prepare(loci__distillation *d, const char *teacher, loci_error *error) {
  LOCI__TRY(loci_model_open(d->context, teacher, &d->teacher, error));
  if (d->teacher->kind != LOCI__MODEL_ENCODER) {
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is a static model already; the teacher must be an encoder",
                      teacher);
  }
  d->hidden = d->teacher->hidden_size;
  d->n_tokens = loci_tokenizer_vocabulary_size(loci_model_tokenizer(d->teacher));
  if (d->teacher->dim != d->hidden) {
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "a teacher whose vectors (%zu) are not as wide as its layers (%zu) is not implemented",
                      d->teacher->dim, d->hidden);
  }
  if (d->n_tokens > loci__encoder_get_config(d->teacher->encoder)->vocab_size) {
    return loci__fail(error, LOCI_ERROR_FORMAT,
                      "the teacher's tokenizer has more pieces (%zu) than its embeddings have rows", d->n_tokens);
  }
  d->dim = d->options.dim;
  if (d->dim < 8 || d->dim > d->hidden) {
    return loci__fail(error, LOCI_ERROR_USAGE, "dim %zu is not in 8…%zu", d->dim, d->hidden);
  }
  if (d->options.corpus == NULL) return LOCI_OK;
  return loci__mapping_open(&d->corpus, d->context, d->options.corpus, error);
}

static loci_status run(loci__distillation *d, const char *teacher, const char *folder, loci_error *error) {
  LOCI__TRY(check_folder(d->context, folder, error));
  LOCI__TRY(prepare(d, teacher, error));
  if (d->options.corpus != NULL) {
    size_t wanted = d->options.max_sentences > 0 ? (size_t)d->options.max_sentences : DEFAULT_TEXTS;
    LOCI__TRY(
        loci__sample_texts(d->context, &d->corpus, wanted, d->options.seed, &d->meter, &d->texts, &d->n_texts, error));
    LOCI__TRY(tokenize_texts(d, error));
    LOCI__TRY(teacher_vectors(d, error));
  } else {
    loci__log(d->context, LOCI_LOG_WARNING,
              "no corpus: PCA and weights by rank only, nothing is trained; --corpus FILE gives a better model");
  }
  LOCI__TRY(token_outputs(d, error));
  LOCI__TRY(first_rows(d, error));
  if (d->n_texts > 0) {
    LOCI__TRY(fit(d, error));
    LOCI__TRY(whiten(d, error));
  }
  return write_model(d, folder, error);
}

loci_status loci_distil(loci_context *context, const char *teacher, const loci_distil_options *options,
                        const char *folder, loci_error *error) {
  loci__distillation d = {.context = context};
  loci_distil_options_init(&d.options);
  if (options != NULL) {
    if (options->struct_size < sizeof(size_t) || options->struct_size > 4096) {
      return loci__fail(error, LOCI_ERROR_USAGE, "loci_distil_options: call loci_distil_options_init first");
    }
    memcpy(&d.options, options, options->struct_size < sizeof d.options ? options->struct_size : sizeof d.options);
  }
  if (teacher == NULL || folder == NULL || folder[0] == '\0') {
    return loci__fail(error, LOCI_ERROR_USAGE, "a teacher and a folder are needed");
  }
  d.corpus.data = "";
  loci__meter_init(&d.meter, d.options.progress, d.options.progress_user);
  loci_status status = run(&d, teacher, folder, error);
  release(&d);
  return status;
}
