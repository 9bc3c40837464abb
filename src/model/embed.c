/* model/embed.c: loci_embed, texts to vectors on the context's pool.
 *
 * Static models and word vectors: one phase, a task a block of texts: tokenize, add rows, normalise.
 *
 * Encoders: windows of texts, each in two phases. First the texts are tokenized, a task a block. Then they are sorted
 * by length, longest first (so that the last runs, which one worker may do while the others wait, are short), cut into
 * runs of about LOCI__ENCODER_BATCH_TOKENS tokens without padding, and encoded, a task a run; pooling, further modules and
 * normalisation follow in the same task.
 *
 * Neither windows nor blocks nor runs show in the result: a sequence's hidden states do not depend on its run
 * (encoder.h), and everything else works on one text alone. Each worker has scratch of its own, made on first use.
 * Progress is told by the calling thread, which works in the pool like the others.
 */
#include "../text/text.h"
#include "model.h"
#include "words.h"

#include <math.h>
#include <stdlib.h>

enum {
  STATIC_BLOCK = 256, /* texts a task: some 0.3 ms */
  TOKENIZE_BLOCK = 32,
  WINDOW_TEXTS = 4096,
  WINDOW_BYTES = 16 << 20,
  SMALLEST_RUN = 64 /* tokens: below that two runs on two cores cost more than one on one */
};

typedef struct scratch {
  loci__ids ids;
  loci__buffer text; /* prompt and text */
  float *vectors;    /* two of the widest */
  loci__encoder_session *session;
  size_t session_tokens;
  int32_t *run_ids, *run_types;
  size_t run_capacity, types_capacity;
  size_t *starts;
  size_t starts_capacity;
} scratch;

typedef struct sequence {
  size_t text;        /* its number in the call */
  const int32_t *ids; /* in its block's memory */
  size_t block, offset, n;
} sequence;

typedef struct block {
  int32_t *ids;
  size_t n, capacity;
} block;

typedef struct run {
  size_t first, n, n_tokens; /* of the sorted sequences */
} run;

typedef struct job {
  const loci_model *model;
  loci_context *context;
  const loci_text *texts;   /* or */
  const loci_input *inputs; /* not NULL: texts is */
  size_t n;
  const loci_embed_options *options;
  const char *prompt;
  size_t prompt_length, skip, max_tokens, n_steps, widest;
  float *vectors;
  loci_embed_info *infos;
  scratch *workers;
  size_t n_workers;
  pthread_t caller;
  loci__meter meter;
  _Atomic size_t done;
  /* the window at hand */
  size_t window, window_n;
  block *blocks;
  sequence *sequences;
  run *runs;
  size_t run_tokens; /* of the longest run */
} job;

void loci_embed_options_init(loci_embed_options *options) {
  *options = (loci_embed_options){.struct_size = sizeof *options, .normalize = LOCI_NORMALIZE_YES};
}

/* ---- one text ---------------------------------------------------------------------------------- */

static loci_text text_of(const job *j, size_t i) {
  const loci_text text =
      j->texts != NULL ? j->texts[i] : (loci_text){.data = j->inputs[i].data, .length = j->inputs[i].length};
  return text.data != NULL ? text : (loci_text){"", 0};
}

static size_t bytes_of(const job *j, size_t i) {
  if (j->texts != NULL) return j->texts[i].length;
  return j->inputs[i].ids != NULL ? j->inputs[i].n_ids * sizeof *j->inputs[i].ids : j->inputs[i].length;
}

static bool is_ids(const job *j, size_t i) {
  return j->inputs != NULL && j->inputs[i].ids != NULL;
}

/* Text i with its prompt. */
static loci_status prompted(job *j, scratch *s, size_t i, loci_text *out, loci_error *error) {
  *out = text_of(j, i);
  if (j->prompt_length == 0) return LOCI_OK;
  loci__buffer_clear(&s->text);
  loci__buffer_append(&s->text, j->prompt, j->prompt_length);
  loci__buffer_append(&s->text, out->data, out->length);
  LOCI__TRY(loci__buffer_status(&s->text, "a text with its prompt", error));
  *out = (loci_text){s->text.data, s->text.length};
  return LOCI_OK;
}

/* Text i had n tokens after cutting, `whole` before. */
static loci_status fill_info(job *j, size_t i, size_t n, size_t whole, loci_error *error) {
  if (whole > n && j->options->on_long == LOCI_ON_LONG_ERROR)
    return loci__fail(error, LOCI_ERROR_LIMIT, "text %zu (counted from 0) has %zu tokens, more than the %zu allowed", i,
                      whole, j->max_tokens);
  if (j->infos != NULL)
    j->infos[i] = (loci_embed_info){.n_tokens = (uint32_t)n,
                                    .n_tokens_whole = whole < UINT32_MAX ? (uint32_t)whole : UINT32_MAX,
                                    .truncated = whole > n};
  return LOCI_OK;
}

/* Input i is ids: the prompt's, and its own. */
static loci_status take_ids(job *j, scratch *s, size_t i, bool special, loci_error *error) {
  const loci_input *in = &j->inputs[i];
  const int64_t size = (int64_t)loci_tokenizer_vocabulary_size(j->model->tokenizer);
  for (size_t k = 0; k < in->n_ids; k++)
    if (in->ids[k] < 0 || in->ids[k] >= size)
      return loci__fail(error, LOCI_ERROR_USAGE,
                        "input %zu: token id %d is none of the model's, which go from 0 to %lld", i, in->ids[k],
                        (long long)size - 1);
  loci__ids prompt = {0};
  loci_status status = LOCI_OK;
  if (j->prompt_length > 0)
    status =
        loci__tokenizer_ids(j->model->tokenizer, j->prompt, j->prompt_length, false, SIZE_MAX, &prompt, NULL, error);
  size_t whole = 0;
  if (status == LOCI_OK)
    status =
        loci__tokenizer_frame(j->model->tokenizer, prompt.items, prompt.n, in->ids, in->n_ids, special, j->max_tokens,
                              j->options->on_long == LOCI_ON_LONG_TRUNCATE_START, &s->ids, &whole, error);
  loci__ids_release(&prompt);
  return status == LOCI_OK ? fill_info(j, i, s->ids.n, whole, error) : status;
}

/* A text that is too long, cut at its beginning. */
static loci_status keep_end(job *j, scratch *s, loci_text text, bool special, loci_error *error) {
  loci__ids whole = {0};
  loci_status status =
      loci__tokenizer_ids(j->model->tokenizer, text.data, text.length, false, SIZE_MAX, &whole, NULL, error);
  if (status == LOCI_OK)
    status = loci__tokenizer_frame(j->model->tokenizer, NULL, 0, whole.items, whole.n, special, j->max_tokens, true,
                                   &s->ids, NULL, error);
  loci__ids_release(&whole);
  return status;
}

/* Token ids of text i into s->ids, cut to the limit; fills its info. */
static loci_status tokenize(job *j, scratch *s, size_t i, bool special, loci_error *error) {
  if (is_ids(j, i)) return take_ids(j, s, i, special, error);
  loci_text text;
  LOCI__TRY(prompted(j, s, i, &text, error));
  size_t whole = 0;
  loci_status status =
      loci__tokenizer_ids(j->model->tokenizer, text.data, text.length, special, j->max_tokens, &s->ids, &whole, error);
  if (status == LOCI_OK && whole > j->max_tokens && j->options->on_long == LOCI_ON_LONG_TRUNCATE_START)
    status = keep_end(j, s, text, special, error);
  if (status != LOCI_OK) return loci__error_prefix(error, "text %zu", i);
  return fill_info(j, i, s->ids.n, whole, error);
}

/* From the pooled vector in s->vectors to the caller's row. */
static loci_status finish(job *j, scratch *s, size_t i, loci_error *error) {
  float *x = s->vectors, *y = s->vectors + j->widest;
  float *row = j->vectors + i * j->model->dim;
  for (size_t k = 0; k < j->n_steps; k++) {
    float *result = loci__step_run(j->context, &j->model->steps[k], x, y);
    if (result == y) {
      y = x;
      x = result;
    }
  }
  const size_t dim = j->model->dim;
  const double norm = loci__norm(x, dim);
  if (!isfinite(norm))
    return loci__fail(error, LOCI_ERROR_MODEL,
                      "text %zu gives a vector that is not finite: the weights of '%s' are damaged or out of range", i,
                      j->model->path);
  if (j->options->normalize) loci__scale(x, dim, norm, row);
  else memcpy(row, x, dim * sizeof *row);
  return LOCI_OK;
}

static loci_status tell(job *j, size_t more, loci_error *error) {
  const size_t done = atomic_fetch_add(&j->done, more) + more;
  return pthread_equal(pthread_self(), j->caller) ? loci__meter_at(&j->meter, done, NULL, error) : LOCI_OK;
}

static loci_status ready(job *j, scratch *s, loci_error *error) {
  if (s->vectors != NULL) return LOCI_OK;
  loci__buffer_init(&s->text, j->context, 0);
  s->vectors = loci__alloc_array(j->context, j->widest, 2 * sizeof *s->vectors);
  return s->vectors != NULL ? LOCI_OK : loci__fail_memory(error, j->widest * 2 * sizeof *s->vectors, "a vector");
}

/* ---- static models and words --------------------------------------------------------------------- */

/* Words that the model knows by their n-grams alone have no id: text i goes word by word. */
static loci_status words_mean(job *j, scratch *s, size_t i, loci_error *error) {
  loci_text text;
  size_t n, whole;
  if (j->options->on_long == LOCI_ON_LONG_TRUNCATE_START)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "words that are known by their n-grams are cut at the end of a text only");
  if (is_ids(j, i))
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "input %zu is token ids, and this model knows words by their n-grams: send the text", i);
  LOCI__TRY(prompted(j, s, i, &text, error));
  if (loci__words_mean(j->model, text.data, text.length, j->max_tokens, s->vectors, s->vectors + j->widest, &n, &whole,
                       error) != LOCI_OK)
    return loci__error_prefix(error, "text %zu", i);
  return fill_info(j, i, n, whole, error);
}

static loci_status static_task(void *arg, size_t task, size_t worker, loci_error *error) {
  job *j = arg;
  scratch *s = &j->workers[worker];
  LOCI__TRY(ready(j, s, error));
  const size_t from = task * STATIC_BLOCK, to = j->n - from < STATIC_BLOCK ? j->n : from + STATIC_BLOCK;
  for (size_t i = from; i < to; i++) {
    if (j->model->vectors != NULL && j->model->vectors->subwords != NULL) {
      LOCI__TRY(words_mean(j, s, i, error));
    } else {
      LOCI__TRY(tokenize(j, s, i, false, error));
      loci__static_mean(j->context, &j->model->table, s->ids.items, s->ids.n, s->vectors);
    }
    LOCI__TRY(finish(j, s, i, error));
  }
  return tell(j, to - from, error);
}

/* ---- encoders ----------------------------------------------------------------------------------- */

static loci_status tokenize_task(void *arg, size_t task, size_t worker, loci_error *error) {
  job *j = arg;
  scratch *s = &j->workers[worker];
  block *b = &j->blocks[task];
  LOCI__TRY(ready(j, s, error));
  const size_t from = task * TOKENIZE_BLOCK;
  const size_t to = j->window_n - from < TOKENIZE_BLOCK ? j->window_n : from + TOKENIZE_BLOCK;
  b->n = 0;
  for (size_t i = from; i < to; i++) {
    LOCI__TRY(tokenize(j, s, j->window + i, true, error));
    if (!loci__grow(j->context, &b->ids, &b->capacity, b->n + s->ids.n, sizeof *b->ids))
      return loci__fail_memory(error, (b->n + s->ids.n) * sizeof *b->ids, "token ids");
    if (s->ids.n > 0) memcpy(b->ids + b->n, s->ids.items, s->ids.n * sizeof *b->ids);
    j->sequences[i] = (sequence){.text = j->window + i, .block = task, .offset = b->n, .n = s->ids.n};
    b->n += s->ids.n;
  }
  return LOCI_OK;
}

static int longest_first(const void *a, const void *b) {
  const sequence *x = a, *y = b;
  if (x->n != y->n) return x->n > y->n ? -1 : 1;
  return x->text < y->text ? -1 : x->text > y->text;
}

/* Copies a run's ids and types end to end. *types is set when one is not 0. */
static loci_status gather(job *j, scratch *s, const run *r, const int32_t **types, loci_error *error) {
  if (!loci__grow(j->context, &s->run_ids, &s->run_capacity, r->n_tokens + 1, sizeof *s->run_ids) ||
      !loci__grow(j->context, &s->run_types, &s->types_capacity, r->n_tokens + 1, sizeof *s->run_types) ||
      !loci__grow(j->context, &s->starts, &s->starts_capacity, r->n + 1, sizeof *s->starts))
    return loci__fail_memory(error, r->n_tokens * 2 * sizeof *s->run_ids, "a run's tokens");
  size_t at = 0;
  bool typed = false;
  for (size_t q = 0; q < r->n; q++) {
    const sequence *one = &j->sequences[r->first + q];
    s->starts[q] = at;
    if (one->n > 0) memcpy(s->run_ids + at, one->ids, one->n * sizeof *s->run_ids);
    for (size_t t = 0; t < one->n; t++) {
      s->run_types[at + t] = loci__tokenizer_type(j->model->tokenizer, true, one->n, t);
      typed = typed || s->run_types[at + t] != 0;
    }
    at += one->n;
  }
  s->starts[r->n] = at;
  *types = typed ? s->run_types : NULL;
  return LOCI_OK;
}

static loci_status run_task(void *arg, size_t task, size_t worker, loci_error *error) {
  job *j = arg;
  scratch *s = &j->workers[worker];
  const run *r = &j->runs[task];
  const loci_model *m = j->model;
  LOCI__TRY(ready(j, s, error));
  if (s->session == NULL || s->session_tokens < j->run_tokens) {
    loci__encoder_session_free(s->session);
    s->session = NULL;
    LOCI__TRY(loci__encoder_session_new(m->encoder, j->run_tokens, &s->session, error));
    s->session_tokens = j->run_tokens;
  }
  const int32_t *types = NULL;
  LOCI__TRY(gather(j, s, r, &types, error));
  loci__encoder_hidden hidden;
  LOCI__TRY(loci__encoder_run(m->encoder, s->session, s->run_ids, types, s->starts, r->n, &hidden, NULL, NULL, error));
  for (size_t q = 0; q < r->n; q++) {
    const size_t n = s->starts[q + 1] - s->starts[q];
    if (n > 0)
      loci__pool_sequence(j->context, m->pooling, hidden.data + s->starts[q] * hidden.stride, hidden.stride, n, j->skip,
                          m->hidden_size, s->vectors);
    else /* a tokenizer without special tokens, and no text */
      memset(s->vectors, 0, m->pooled_dim * sizeof *s->vectors);
    LOCI__TRY(finish(j, s, j->sequences[r->first + q].text, error));
  }
  return tell(j, r->n, error);
}

/* Cuts the sorted sequences into runs; their number. */
static size_t plan_runs(job *j) {
  size_t total = 0;
  for (size_t i = 0; i < j->window_n; i++) total += j->sequences[i].n;
  size_t budget = (total + j->n_workers - 1) / j->n_workers;
  if (budget < SMALLEST_RUN) budget = SMALLEST_RUN;
  if (budget > LOCI__ENCODER_BATCH_TOKENS) budget = LOCI__ENCODER_BATCH_TOKENS;
  size_t n_runs = 0;
  j->run_tokens = 1;
  for (size_t i = 0; i < j->window_n;) {
    run r = {.first = i};
    do {
      r.n_tokens += j->sequences[i++].n;
      r.n++;
    } while (i < j->window_n && r.n_tokens + j->sequences[i].n <= budget);
    if (r.n_tokens > j->run_tokens) j->run_tokens = r.n_tokens;
    j->runs[n_runs++] = r;
  }
  return n_runs;
}

static loci_status encode_window(job *j, loci_error *error) {
  const size_t n_blocks = (j->window_n + TOKENIZE_BLOCK - 1) / TOKENIZE_BLOCK;
  LOCI__TRY(loci__pool_run(j->context, n_blocks, tokenize_task, j, error));
  for (size_t i = 0; i < j->window_n; i++) {
    sequence *q = &j->sequences[i];
    q->ids = q->n > 0 ? j->blocks[q->block].ids + q->offset : NULL;
  }
  qsort(j->sequences, j->window_n, sizeof *j->sequences, longest_first);
  return loci__pool_run(j->context, plan_runs(j), run_task, j, error);
}

static loci_status embed_encoder(job *j, loci_error *error) {
  const size_t most = j->n < WINDOW_TEXTS ? j->n : WINDOW_TEXTS;
  const size_t n_blocks = (most + TOKENIZE_BLOCK - 1) / TOKENIZE_BLOCK;
  j->blocks = loci__alloc_zero(j->context, n_blocks, sizeof *j->blocks);
  j->sequences = loci__alloc_array(j->context, most, sizeof *j->sequences);
  j->runs = loci__alloc_array(j->context, most, sizeof *j->runs);
  loci_status status = LOCI_OK;
  if (j->blocks == NULL || j->sequences == NULL || j->runs == NULL)
    status = loci__fail_memory(error, most * sizeof *j->sequences, "a window of texts");
  while (status == LOCI_OK && j->window < j->n) {
    size_t bytes = 0;
    j->window_n = 0;
    while (j->window_n < most && j->window + j->window_n < j->n && (j->window_n == 0 || bytes < WINDOW_BYTES))
      bytes += bytes_of(j, j->window + j->window_n++);
    status = encode_window(j, error);
    j->window += j->window_n;
  }
  for (size_t i = 0; j->blocks != NULL && i < n_blocks; i++) loci__free(j->context, j->blocks[i].ids);
  loci__free(j->context, j->blocks);
  loci__free(j->context, j->sequences);
  loci__free(j->context, j->runs);
  return status;
}

/* ---- the call ---------------------------------------------------------------------------------- */

/* Tokens of the prompt that pooling leaves out: all but the closing special token, as sentence-transformers counts. */
static loci_status prompt_tokens(job *j, loci_error *error) {
  if (j->model->include_prompt || j->prompt_length == 0 || j->model->kind != LOCI__MODEL_ENCODER) return LOCI_OK;
  loci__ids ids = {0};
  const loci_status status =
      loci__tokenizer_ids(j->model->tokenizer, j->prompt, j->prompt_length, true, j->max_tokens, &ids, NULL, error);
  j->skip = ids.n > 0 ? ids.n - 1 : 0;
  loci__ids_release(&ids);
  return status;
}

/* Prompt and length. */
static loci_status prepare(job *j, loci_error *error) {
  const loci_model *m = j->model;
  LOCI__TRY(loci__prompts_choose(m, j->options, &j->prompt, error));
  j->prompt_length = strlen(j->prompt);
  j->max_tokens = m->max_tokens;
  if (j->options->max_tokens > 0)
    j->max_tokens = j->options->max_tokens < m->max_positions ? j->options->max_tokens : m->max_positions;
  if (m->kind == LOCI__MODEL_ENCODER && j->max_tokens < loci__tokenizer_specials(m->tokenizer))
    return loci__fail(error, LOCI_ERROR_USAGE, "max_tokens %zu leaves no room for the model's %zu special tokens",
                      j->max_tokens, loci__tokenizer_specials(m->tokenizer));
  LOCI__TRY(prompt_tokens(j, error));
  if (j->options->on_long == LOCI_ON_LONG_TRUNCATE_START && j->skip > 0)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "'%s' leaves its prompt out of the mean, so a text cannot be cut at its beginning", m->name);
  return LOCI_OK;
}

static loci_status embed(job *j, loci_error *error) {
  const loci_model *m = j->model;
  LOCI__TRY(prepare(j, error));
  /* A Normalize at the end is what options.normalize decides about: it is never run twice. */
  j->n_steps = m->n_steps;
  if (m->n_steps > 0 && m->steps[m->n_steps - 1].kind == LOCI__STEP_NORMALIZE) j->n_steps--;
  j->widest = m->pooled_dim;
  for (size_t i = 0; i < m->n_steps; i++)
    if (m->steps[i].out > j->widest) j->widest = m->steps[i].out;
  j->n_workers = loci__pool_size(j->context);
  j->workers = loci__alloc_zero(j->context, j->n_workers, sizeof *j->workers);
  if (j->workers == NULL) return loci__fail_memory(error, j->n_workers * sizeof *j->workers, "the workers' scratch");
  loci_status status = loci__meter_stage(&j->meter, "embedding", "texts", j->n, error);
  if (status == LOCI_OK)
    status = m->kind == LOCI__MODEL_STATIC
                 ? loci__pool_run(j->context, (j->n + STATIC_BLOCK - 1) / STATIC_BLOCK, static_task, j, error)
                 : embed_encoder(j, error);
  if (status == LOCI_OK) status = loci__meter_at(&j->meter, j->n, NULL, error);
  if (status == LOCI_OK) status = loci__meter_end(&j->meter, error);
  for (size_t i = 0; i < j->n_workers; i++) {
    scratch *s = &j->workers[i];
    loci__ids_release(&s->ids);
    if (s->text.data != NULL) loci__buffer_release(&s->text);
    loci__free(j->context, s->vectors);
    loci__encoder_session_free(s->session);
    loci__free(j->context, s->run_ids);
    loci__free(j->context, s->run_types);
    loci__free(j->context, s->starts);
  }
  loci__free(j->context, j->workers);
  return status;
}

static loci_embed_options options_of(const loci_embed_options *options) {
  loci_embed_options all;
  loci_embed_options_init(&all);
  if (options != NULL) memcpy(&all, options, options->struct_size < sizeof all ? options->struct_size : sizeof all);
  return all;
}

loci_status loci__embed_ids(const loci_model *model, const loci_input *input, const loci_embed_options *options,
                            loci__ids *out, loci_embed_info *info, loci_error *error) {
  const loci_embed_options all = options_of(options);
  job j = {.model = model, .context = model->context, .inputs = input, .n = 1, .options = &all, .infos = info};
  scratch s = {.ids = *out};
  loci__buffer_init(&s.text, j.context, 0);
  loci_status status = prepare(&j, error);
  if (status == LOCI_OK) status = tokenize(&j, &s, 0, model->kind == LOCI__MODEL_ENCODER, error);
  loci__buffer_release(&s.text);
  *out = s.ids;
  return status;
}

static loci_status embed_any(const loci_model *model, const loci_text *texts, const loci_input *inputs, size_t n,
                             const loci_embed_options *options, float *vectors, loci_embed_info *infos,
                             loci_error *error) {
  const loci_embed_options all = options_of(options);
  if (n == 0) return LOCI_OK;
  if ((texts == NULL && inputs == NULL) || vectors == NULL)
    return loci__fail(error, LOCI_ERROR_USAGE, "loci_embed wants texts and a place for the vectors");
  job j = {.model = model,
           .context = model->context,
           .texts = texts,
           .inputs = inputs,
           .n = n,
           .options = &all,
           .vectors = vectors,
           .infos = infos,
           .caller = pthread_self()};
  loci__meter_init(&j.meter, all.progress, all.progress_user);
  return embed(&j, error);
}

loci_status loci_embed(const loci_model *model, const loci_text *texts, size_t n, const loci_embed_options *options,
                       float *vectors, loci_embed_info *infos, loci_error *error) {
  return embed_any(model, texts, NULL, n, options, vectors, infos, error);
}

loci_status loci_embed_inputs(const loci_model *model, const loci_input *inputs, size_t n,
                              const loci_embed_options *options, float *vectors, loci_embed_info *infos,
                              loci_error *error) {
  return embed_any(model, NULL, inputs, n, options, vectors, infos, error);
}
