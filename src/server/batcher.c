/* batcher.c: jobs, and the queue that makes batches of them.
 *
 * A job is the inputs of one request. What costs microseconds (a few texts of a static model that is loaded) is embedded at
 * once, on the thread that read the request. Everything else waits in one queue, at most --queue jobs, for the one thread
 * that opens models and embeds; a full queue is told at once (429), after a look whether somebody who waits has left.
 *
 * A batch: the first job's model, prompt and length decide which others may join. Jobs take turns, QUANTUM tokens each,
 * until the budget is full, so a request of 2,048 texts and one of a single word are served side by side; whoever is not
 * done goes to the end of the queue. The budget is what the model did in the time of --latency so far, at most --batch-tokens.
 * Nothing of this shows in the vectors: loci_embed gives a text the same bits whatever stands beside it.
 *
 * A failure of a batch (a model whose weights give NaN for one text) is found again job by job, so that it is only the
 * failure of the request that caused it.
 *
 * A client that went away is noticed before each batch, when the queue is full and, when a batch has no other, within it; its
 * job leaves the queue. A job that is older than --request-timeout leaves it, too.
 *
 * Threads: the queue's lock guards the list and n_waiting. A job in the list is the batch thread's but for `next`; once
 * woken, it is the HTTP thread's. */
#include "server.h"

#include <errno.h>
#include <pthread.h>

enum {
  QUANTUM = 1024,       /* tokens that a job takes before the next one's turn */
  SMALLEST_BATCH = 512, /* tokens, whatever the latency: below that the parts cost more than they bring */
  MOST_INPUTS = 8192,
  CHEAP_BYTES = 64 << 10, /* of inputs that are embedded at once: below a millisecond */
  CHEAP_INPUTS = 256,     /* what loci_embed does as one task, for which it waits for nobody */
  CHEAP_FACTOR = 64
};

typedef struct item {
  loci__job *job;
  size_t index;
} item;

struct loci__batcher {
  loci__server *server;
  pthread_t thread;
  bool started;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  loci__job *first, *last;
  size_t n_waiting; /* submitted and not woken */
  bool stop;
  /* the batch thread's */
  item *items;
  loci_input *inputs;
  size_t n_items, capacity, inputs_capacity;
  double took;   /* the last batch, seconds */
  double *rates; /* tokens a second of each model in batches so far; 0 = not known */
  loci_tokens tokens;
};

/* ---- jobs ---------------------------------------------------------------------------------------- */

loci__job *loci__job_new(loci__request *request) {
  loci__job *job = loci__alloc_zero(request->server->context, 1, sizeof *job);
  if (!job) return NULL;
  job->request = request;
  job->normalize = true;
  return job;
}

void loci__job_free(loci__job *job) {
  if (!job) return;
  loci__server *server = job->request->server;
  if (job->model) loci__models_done(server, job->served);
  server->memory -= job->charged;
  loci__json_release(&job->document);
  loci__free(server->context, job->inputs);
  loci__free(server->context, job->ids);
  loci__free(server->context, job->role);
  loci__free(server->context, job->vectors);
  loci__free(server->context, job->infos);
  loci__free(server->context, job);
}

bool loci__job_add_text(loci__job *job, const char *text, size_t length) {
  if (!loci__grow(job->request->server->context, &job->inputs, &job->capacity, job->n + 1, sizeof *job->inputs))
    return false;
  job->inputs[job->n++] = (loci_input){.data = text, .length = length};
  job->bytes += length;
  return true;
}

bool loci__job_add_ids(loci__job *job, const loci__json *array, loci__failure *failure) {
  loci_context *context = job->request->server->context;
  /* The inputs point into the ids, which may move: they keep places until the last is there (see settle_ids). */
  if (!loci__grow(context, &job->ids, &job->ids_capacity, job->n_ids + array->count + 1, sizeof *job->ids) ||
      !loci__grow(context, &job->inputs, &job->capacity, job->n + 1, sizeof *job->inputs))
    return loci__failed(failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the token ids");
  const size_t from = job->n_ids;
  for (const loci__json *v = loci__json_first(array); v; v = loci__json_next(array, v)) {
    uint64_t id;
    if (!loci__json_u64(v, &id) || id > INT32_MAX)
      return loci__failed(failure, LOCI__FAILURE_VALUE, "input", "input %zu: token ids are whole numbers from 0 on",
                          job->n);
    job->ids[job->n_ids++] = (int32_t)id;
  }
  job->inputs[job->n++] = (loci_input){.length = from, .n_ids = array->count, .ids = job->ids};
  job->bytes += array->count * 4;
  return true;
}

static void settle_ids(loci__job *job) {
  if (!job->ids) return;
  for (size_t i = 0; i < job->n; i++) {
    loci_input *in = &job->inputs[i];
    if (!in->ids) continue;
    in->ids = job->ids + in->length;
    in->length = 0;
  }
}

bool loci__job_set_role(loci__job *job, const loci__json *word, const char *param, loci__failure *failure) {
  if (!word) return true;
  job->role_param = param;
  job->role = loci__json_strdup(job->request->server->context, word);
  if (job->role) return true;
  return loci__failed(failure, LOCI__FAILURE_VALUE, param, "'%s' is no name", param);
}

/* The word to an option of loci_embed, now that the model is known. */
static bool choose_role(loci__job *job) {
  static const struct {
    const char *word;
    loci_role role;
  } words[] = {{"query", LOCI_ROLE_QUERY},
               {"search_query", LOCI_ROLE_QUERY},
               {"document", LOCI_ROLE_DOCUMENT},
               {"search_document", LOCI_ROLE_DOCUMENT},
               {"passage", LOCI_ROLE_DOCUMENT}};
  if (!job->role) return true;
  for (size_t i = 0; i < loci_model_prompts(job->model); i++) {
    const char *name;
    loci_model_prompt(job->model, i, &name);
    if (strcmp(name, job->role) != 0) continue;
    job->options.prompt_name = job->role;
    return true;
  }
  for (size_t i = 0; i < LOCI__COUNT(words); i++) {
    if (strcmp(words[i].word, job->role) != 0) continue;
    job->options.role = words[i].role;
    return true;
  }
  if (job->role_may_be_unknown) return true;
  loci__buffer names;
  loci__buffer_init(&names, NULL, 300);
  for (size_t i = 0; i < loci_model_prompts(job->model); i++) {
    const char *name;
    loci_model_prompt(job->model, i, &name);
    loci__buffer_printf(&names, ", '%s'", name);
  }
  loci__failed(&job->failure, LOCI__FAILURE_VALUE, job->role_param,
               "'%s': there is no prompt '%.60s'; there are 'query' and 'document'%s", job->role_param, job->role,
               names.data ? names.data : "");
  loci__buffer_release(&names);
  return false;
}

static bool check_ids(loci__job *job) {
  const int64_t size = (int64_t)loci_tokenizer_vocabulary_size(loci_model_tokenizer(job->model));
  for (size_t i = 0; job->ids && i < job->n; i++) {
    const loci_input *in = &job->inputs[i];
    for (size_t k = 0; in->ids && k < in->n_ids; k++) {
      if (in->ids[k] < size) continue;
      return loci__failed(
          &job->failure, LOCI__FAILURE_VALUE, "input",
          "input %zu: %d is no token of the model '%s', whose ids end at %lld. Ids of another tokenizer (as "
          "LangChain's OpenAIEmbeddings sends them) mean nothing here: send text, "
          "check_embedding_ctx_length=False there",
          i, in->ids[k], job->served->id, (long long)size - 1);
    }
  }
  return true;
}

void loci__failure_from(loci__failure *failure, loci_status status, const loci_error *error) {
  loci__failure_kind kind = LOCI__FAILURE_FAULT;
  switch (status) {
    case LOCI_ERROR_MEMORY: kind = LOCI__FAILURE_MEMORY; break;
    case LOCI_ERROR_USAGE:
    case LOCI_ERROR_FORMAT:
    case LOCI_ERROR_LIMIT: kind = LOCI__FAILURE_VALUE; break;
    case LOCI_ERROR_NOT_FOUND: kind = LOCI__FAILURE_NOT_FOUND; break;
    case LOCI_ERROR_UNSUPPORTED: kind = LOCI__FAILURE_KIND; break;
    case LOCI_ERROR_LOCKED: kind = LOCI__FAILURE_LOCKED; break;
    case LOCI_ERROR_MISMATCH: kind = LOCI__FAILURE_MISMATCH; break;
    case LOCI_ERROR_CANCELLED: kind = LOCI__FAILURE_TIME; break;
    default: break;
  }
  loci__failed(failure, kind, NULL, "%s", error->message);
}

/* The model is in use: what of the job depends on it. False with job->failure. */
static bool make_ready(loci__job *job) {
  loci__server *server = job->request->server;
  job->ready = true;
  job->info = (loci_model_info){.struct_size = sizeof job->info};
  loci_model_get_info(job->model, &job->info);
  job->dim = job->info.dim;
  loci_embed_options_init(&job->options);
  job->options.normalize = job->normalize ? LOCI_NORMALIZE_YES : LOCI_NORMALIZE_NO;
  job->options.max_tokens = job->max_tokens;
  if (job->cut_start) job->options.on_long = LOCI_ON_LONG_TRUNCATE_START;
  settle_ids(job);
  if (!choose_role(job) || !check_ids(job)) return false;
  size_t floats, bytes;
  if (job->n == 0) return true;
  if (!loci__mul(job->n, job->dim, &floats) || !loci__mul(floats, sizeof *job->vectors, &bytes))
    return loci__failed(&job->failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the vectors");
  if (server->memory + bytes > 16 * server->options.max_body + (8 << 20))
    return loci__failed(&job->failure, LOCI__FAILURE_BUSY, NULL,
                        "the server holds as many requests as it has room for; try again");
  job->charged = bytes;
  server->memory += bytes;
  job->vectors = loci__alloc_array(server->context, floats, sizeof *job->vectors);
  job->infos = loci__alloc_zero(server->context, job->n, sizeof *job->infos);
  if (!job->vectors || !job->infos)
    return loci__failed(&job->failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the vectors");
  return true;
}

/* What is told of the inputs once they are embedded. */
void loci__job_settle(loci__job *job) {
  loci__request *r = job->request;
  for (size_t i = 0; i < job->n; i++) {
    r->n_tokens += job->infos[i].n_tokens;
    r->n_truncated += job->infos[i].truncated != 0;
    if (job->infos[i].truncated && job->refuse_long && !job->failure.kind)
      loci__failed(&job->failure, LOCI__FAILURE_TOO_LONG, "input",
                   "input %zu has %u tokens, and the model '%s' takes %u; shorten it, or allow that it is cut", i,
                   job->infos[i].n_tokens_whole, job->served->id, job->infos[i].n_tokens);
    loci__metrics_input(r->server->metrics, job->infos[i].n_tokens);
  }
}

bool loci__job_load(loci__job *job) {
  loci_error error = {0};
  const loci_status status = loci__models_use(job->request->server, job->served, false, &job->model, &error);
  if (status != LOCI_OK) loci__failure_from(&job->failure, status, &error);
  return status == LOCI_OK && make_ready(job);
}

static void fail_embedding(loci__job *job, loci_status status, const loci_error *error) {
  if (status == LOCI_ERROR_MODEL)
    loci__failed(&job->failure, LOCI__FAILURE_NUMBER, "input",
                 "the model '%s' gives no finite vector for one of the inputs", job->served->id);
  else loci__failure_from(&job->failure, status, error);
}

/* ---- the queue ----------------------------------------------------------------------------------- */

static void unlink_job(loci__batcher *b, loci__job *job) {
  loci__job **at = &b->first, *before = NULL;
  while (*at != job) {
    before = *at;
    at = &before->next;
  }
  *at = job->next;
  if (b->last == job) b->last = before;
  job->next = NULL;
}

static void append_job(loci__batcher *b, loci__job *job) {
  job->next = NULL;
  if (b->last) b->last->next = job;
  else b->first = job;
  b->last = job;
}

static void answer_again(loci__request *request, void *arg) {
  (void)request;
  loci__job *job = arg;
  job->answer(job);
  loci__job_free(job);
}

/* Takes the job out and lets its HTTP thread answer. */
static void wake(loci__batcher *b, loci__job *job) {
  pthread_mutex_lock(&b->lock);
  unlink_job(b, job);
  b->n_waiting--;
  pthread_mutex_unlock(&b->lock);
  loci__http_wake(job->request);
}

/* Looks who has left, under the lock; only those who are in no batch go. Returns a list of them. */
static loci__job *take_gone(loci__batcher *b) {
  loci__job *gone = NULL, *next;
  for (loci__job *job = b->first; job; job = next) {
    next = job->next;
    if (job->in_batch || !loci__http_gone(job->request)) continue;
    unlink_job(b, job);
    b->n_waiting--;
    job->next = gone;
    gone = job;
  }
  return gone;
}

static void wake_gone(loci__batcher *b, loci__job *gone) {
  while (gone) {
    loci__job *next = gone->next;
    gone->next = NULL;
    loci__failed(&gone->failure, LOCI__FAILURE_GONE, NULL, "the client went away");
    loci__metrics_cancelled(b->server->metrics);
    loci__http_wake(gone->request);
    gone = next;
  }
}

static loci__outcome refuse_job(loci__job *job, loci__failure_kind kind, const char *why) {
  loci__failed(&job->failure, kind, NULL, "%s", why);
  job->answer(job);
  loci__job_free(job);
  return LOCI__ANSWERED;
}

static loci__outcome embed_now(loci__job *job) {
  loci_error error = {0};
  const double began = loci__now();
  if (make_ready(job)) {
    const loci_status status =
        loci_embed_inputs(job->model, job->inputs, job->n, &job->options, job->vectors, job->infos, &error);
    if (status != LOCI_OK) fail_embedding(job, status, &error);
    else loci__job_settle(job);
  }
  job->request->inferred = loci__now() - began;
  job->answer(job);
  loci__job_free(job);
  return LOCI__ANSWERED;
}

loci__outcome loci__batcher_submit(loci__job *job) {
  loci__server *server = job->request->server;
  loci__batcher *b = server->batcher;
  job->request->n_inputs = job->n;
  job->request->model = job->served->id;
  job->submitted = loci__now();
  loci__models_use(server, job->served, true, &job->model, NULL);
  if (job->model && job->served->cheap && job->bytes <= CHEAP_BYTES && job->n <= CHEAP_INPUTS) return embed_now(job);
  pthread_mutex_lock(&b->lock);
  loci__job *gone = b->n_waiting >= server->options.queue ? take_gone(b) : NULL;
  const bool stop = b->stop, full = b->n_waiting >= server->options.queue;
  if (!stop && !full) b->n_waiting++;
  pthread_mutex_unlock(&b->lock);
  wake_gone(b, gone);
  if (stop) return refuse_job(job, LOCI__FAILURE_DRAINING, "the server is about to end");
  if (full) return refuse_job(job, LOCI__FAILURE_BUSY, "too many requests wait already; try again");
  loci__http_sleep(job->request, answer_again, job);
  pthread_mutex_lock(&b->lock);
  append_job(b, job);
  pthread_cond_signal(&b->changed);
  pthread_mutex_unlock(&b->lock);
  return LOCI__ASLEEP;
}

size_t loci__batcher_waiting(loci__batcher *b) {
  pthread_mutex_lock(&b->lock);
  const size_t n = b->n_waiting;
  pthread_mutex_unlock(&b->lock);
  return n;
}

/* ---- batches ------------------------------------------------------------------------------------- */

static bool same_options(const loci__job *a, const loci__job *b) {
  const loci_embed_options *x = &a->options, *y = &b->options;
  const bool one = !x->prompt_name == !y->prompt_name && (!x->prompt_name || !strcmp(x->prompt_name, y->prompt_name));
  return a->served == b->served && one && x->role == y->role && x->max_tokens == y->max_tokens &&
         x->on_long == y->on_long && x->normalize == y->normalize;
}

/* Tokens of an input, at most those that will be worked on; of a static model about. */
static size_t count_tokens(loci__batcher *b, const loci__job *job, size_t i) {
  const loci_input *in = &job->inputs[i];
  size_t n = in->ids ? in->n_ids + 2 : in->length / 4 + 1;
  if (!in->ids && !job->served->cheap &&
      loci_tokenizer_encode(loci_model_tokenizer(job->model), in->data, in->length, 1, &b->tokens, NULL) == LOCI_OK)
    n = b->tokens.n_tokens;
  return n < job->info.max_tokens ? n : job->info.max_tokens;
}

static bool put_item(loci__batcher *b, loci__job *job, size_t index) {
  loci_context *context = b->server->context;
  if (!loci__grow(context, &b->items, &b->capacity, b->n_items + 1, sizeof *b->items) ||
      !loci__grow(context, &b->inputs, &b->inputs_capacity, b->n_items + 1, sizeof *b->inputs))
    return false;
  b->items[b->n_items] = (item){.job = job, .index = index};
  b->inputs[b->n_items++] = job->inputs[index];
  return true;
}

/* The first job of the queue that can be worked on: its model is opened, its options are known. NULL when there is none. */
static loci__job *next_job(loci__batcher *b) {
  for (;;) {
    pthread_mutex_lock(&b->lock);
    loci__job *job = b->first;
    if (job) job->in_batch = true;
    pthread_mutex_unlock(&b->lock);
    if (!job || job->ready) return job;
    loci_error error = {0};
    const double began = loci__now();
    job->request->queued = began - job->submitted;
    loci_status status = LOCI_OK;
    if (!job->model) {
      status = loci__models_use(b->server, job->served, false, &job->model, &error);
      job->loaded = loci__now() - began;
    }
    if (status != LOCI_OK) loci__failure_from(&job->failure, status, &error);
    else if (make_ready(job)) return job;
    wake(b, job);
  }
}

/* Chooses the batch around `first`. Returns its tokens. */
static size_t gather(loci__batcher *b, loci__job *first) {
  const loci__options *o = &b->server->options;
  loci__job *members[256];
  size_t n_members = 0, begun[256];
  pthread_mutex_lock(&b->lock);
  for (loci__job *job = b->first; job && n_members < LOCI__COUNT(members); job = job->next) {
    /* Others of the same model come in only when they are ready, which costs nothing now that it is open. */
    if (job != first && job->served != first->served) continue;
    job->in_batch = true;
    members[n_members++] = job;
  }
  pthread_mutex_unlock(&b->lock);
  size_t n = 0;
  for (size_t i = 0; i < n_members; i++) {
    loci__job *job = members[i];
    if (!job->ready) {
      job->request->queued = loci__now() - job->submitted;
      loci_error error = {0};
      loci_status status = LOCI_OK;
      if (!job->model) status = loci__models_use(b->server, job->served, false, &job->model, &error);
      if (status != LOCI_OK) loci__failure_from(&job->failure, status, &error);
      if (status != LOCI_OK || !make_ready(job)) {
        wake(b, job);
        continue;
      }
    }
    if (same_options(first, job)) {
      begun[n] = job->n_done;
      members[n++] = job;
    } else {
      pthread_mutex_lock(&b->lock);
      job->in_batch = false;
      pthread_mutex_unlock(&b->lock);
    }
  }
  const double most = (double)o->batch_tokens * (first->served->cheap ? CHEAP_FACTOR : 1);
  const double rate = b->rates[first->served->number];
  double budget = rate > 0 ? rate * (double)o->latency_ms / 1e3 : most;
  if (budget < SMALLEST_BATCH) budget = SMALLEST_BATCH;
  if (budget > most) budget = most;
  size_t total = 0;
  b->n_items = 0;
  for (bool more = true; more;) {
    more = false;
    for (size_t i = 0; i < n; i++) {
      loci__job *job = members[i];
      for (size_t turn = 0; begun[i] < job->n && turn < QUANTUM;) {
        if (total > 0 && ((double)total >= budget || b->n_items >= MOST_INPUTS)) return total;
        const size_t tokens = count_tokens(b, job, begun[i]);
        if (!put_item(b, job, begun[i])) return total;
        begun[i]++;
        turn += tokens + 1;
        total += tokens + 1;
      }
      more = more || begun[i] < job->n;
    }
  }
  return total;
}

/* Stops a batch that nobody waits for any more. */
static int watch_batch(void *arg, const loci_progress *progress) {
  (void)progress;
  const loci__batcher *b = arg;
  const double now = loci__now();
  for (size_t i = 0; i < b->n_items; i++) {
    const loci__job *job = b->items[i].job;
    if (i > 0 && job == b->items[i - 1].job) continue;
    if (now - job->submitted < (double)b->server->options.request_seconds && !loci__http_gone(job->request)) return 0;
  }
  return 1;
}

/* Embeds items [from, from + n) of the batch, which are of one job when `job` is not NULL. */
static loci_status embed_items(loci__batcher *b, size_t from, size_t n, float *vectors, loci_embed_info *infos,
                               loci_error *error) {
  const loci__job *first = b->items[from].job;
  loci_embed_options options = first->options;
  options.progress = watch_batch;
  options.progress_user = b;
  return loci_embed_inputs(first->model, b->inputs + from, n, &options, vectors, infos, error);
}

static void keep_results(loci__batcher *b, size_t from, size_t n, const float *vectors, const loci_embed_info *infos) {
  for (size_t i = 0; i < n; i++) {
    const item *at = &b->items[from + i];
    const size_t dim = at->job->dim;
    memcpy(at->job->vectors + at->index * dim, vectors + i * dim, dim * sizeof *vectors);
    at->job->infos[at->index] = infos[i];
    at->job->n_done++;
  }
}

static int by_job(const void *x, const void *y) {
  const item *a = x, *b = y;
  if (a->job != b->job) return (uintptr_t)a->job < (uintptr_t)b->job ? -1 : 1;
  return a->index < b->index ? -1 : a->index > b->index;
}

/* Job by job, so that each fails for itself. */
static void embed_apart(loci__batcher *b, float *vectors, loci_embed_info *infos) {
  qsort(b->items, b->n_items, sizeof *b->items, by_job);
  for (size_t i = 0; i < b->n_items; i++) b->inputs[i] = b->items[i].job->inputs[b->items[i].index];
  for (size_t from = 0, to; from < b->n_items; from = to) {
    loci__job *job = b->items[from].job;
    for (to = from; to < b->n_items && b->items[to].job == job; to++) continue;
    loci_error error = {0};
    const loci_status status = embed_items(b, from, to - from, vectors, infos, &error);
    if (status == LOCI_OK) keep_results(b, from, to - from, vectors, infos);
    else if (status != LOCI_ERROR_CANCELLED) fail_embedding(job, status, &error);
  }
}

static void run_batch(loci__batcher *b, size_t n_tokens) {
  loci__server *server = b->server;
  loci__job *first = b->items[0].job;
  size_t floats;
  float *vectors = NULL;
  loci_embed_info *infos = NULL;
  const double began = loci__now();
  if (loci__mul(b->n_items, first->dim, &floats)) vectors = loci__alloc_array(server->context, floats, sizeof *vectors);
  infos = loci__alloc_array(server->context, b->n_items, sizeof *infos);
  if (!vectors || !infos) {
    for (size_t i = 0; i < b->n_items; i++)
      loci__failed(&b->items[i].job->failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the vectors");
  } else {
    loci_error error = {0};
    const loci_status status = embed_items(b, 0, b->n_items, vectors, infos, &error);
    if (status == LOCI_OK) keep_results(b, 0, b->n_items, vectors, infos);
    else if (status != LOCI_ERROR_CANCELLED) embed_apart(b, vectors, infos);
  }
  loci__free(server->context, vectors);
  loci__free(server->context, infos);
  const double took = loci__now() - began, rate = (double)n_tokens / (took > 1e-6 ? took : 1e-6);
  double *known = &b->rates[first->served->number];
  *known = *known > 0 ? 0.8 * *known + 0.2 * rate : rate;
  loci__metrics_batch(server->metrics, b->n_items, n_tokens, took);
  b->took = took;
}

/* Who is done, has failed, has left or is late is woken; the others of the batch go to the end. */
static void settle_batch(loci__batcher *b) {
  const double now = loci__now();
  loci__job *next;
  loci__job *stop = NULL; /* the first that was put at the end: those behind it were looked at */
  pthread_mutex_lock(&b->lock);
  next = b->first;
  pthread_mutex_unlock(&b->lock);
  for (loci__job *job = next; job && job != stop; job = next) {
    pthread_mutex_lock(&b->lock);
    next = job->next;
    const bool mine = job->in_batch;
    job->in_batch = false;
    pthread_mutex_unlock(&b->lock);
    if (mine) job->request->inferred += b->took;
    if (now - job->submitted > (double)b->server->options.request_seconds && !job->failure.kind && job->n_done < job->n)
      loci__failed(&job->failure, LOCI__FAILURE_TIME, NULL, "it took longer than the %llu s that a request may take",
                   (unsigned long long)b->server->options.request_seconds);
    if (job->failure.kind || job->n_done == job->n) {
      if (!job->failure.kind) loci__job_settle(job);
      wake(b, job);
    } else if (mine) {
      pthread_mutex_lock(&b->lock);
      unlink_job(b, job);
      append_job(b, job);
      pthread_mutex_unlock(&b->lock);
      if (!stop) stop = job;
    }
  }
}

static void *batch_main(void *arg) {
  loci__batcher *b = arg;
  for (;;) {
    pthread_mutex_lock(&b->lock);
    while (!b->stop && !b->first) pthread_cond_wait(&b->changed, &b->lock);
    const bool stop = b->stop;
    loci__job *gone = take_gone(b);
    pthread_mutex_unlock(&b->lock);
    wake_gone(b, gone);
    if (stop) break;
    loci__job *first = next_job(b);
    if (!first) continue;
    const size_t n_tokens = gather(b, first);
    if (b->n_items) run_batch(b, n_tokens);
    else loci__failed(&first->failure, LOCI__FAILURE_MEMORY, NULL, "no memory for a batch");
    settle_batch(b);
  }
  /* Somebody may have been counted, and not be in the list yet. */
  for (;;) {
    pthread_mutex_lock(&b->lock);
    while (!b->first && b->n_waiting) pthread_cond_wait(&b->changed, &b->lock);
    loci__job *job = b->first;
    pthread_mutex_unlock(&b->lock);
    if (!job) return NULL;
    loci__failed(&job->failure, LOCI__FAILURE_DRAINING, NULL, "the server is about to end");
    wake(b, job);
  }
}

loci_status loci__batcher_new(loci__server *server, loci__batcher **out, loci_error *error) {
  loci__batcher *b = loci__alloc_zero(server->context, 1, sizeof *b);
  *out = b;
  if (!b) return loci__fail_memory(error, sizeof *b, "the queue");
  b->server = server;
  pthread_mutex_init(&b->lock, NULL);
  pthread_cond_init(&b->changed, NULL);
  loci_tokens_init(&b->tokens);
  b->rates = loci__alloc_zero(server->context, loci__models_count(server->models), sizeof *b->rates);
  if (!b->rates) return loci__fail_memory(error, sizeof *b->rates, "the queue");
  const int err = pthread_create(&b->thread, NULL, batch_main, b);
  if (err) return loci__fail(error, LOCI_ERROR_IO, "cannot start a thread: %s", strerror(err));
  b->started = true;
  return LOCI_OK;
}

void loci__batcher_stop(loci__batcher *b) {
  if (!b || !b->started) return;
  pthread_mutex_lock(&b->lock);
  b->stop = true;
  pthread_cond_broadcast(&b->changed);
  pthread_mutex_unlock(&b->lock);
  pthread_join(b->thread, NULL);
  b->started = false;
}

void loci__batcher_free(loci__batcher *b) {
  if (!b) return;
  loci__batcher_stop(b);
  loci__free(b->server->context, b->items);
  loci__free(b->server->context, b->inputs);
  loci__free(b->server->context, b->rates);
  loci_tokens_release(&b->tokens);
  pthread_cond_destroy(&b->changed);
  pthread_mutex_destroy(&b->lock);
  loci__free(b->server->context, b);
}
