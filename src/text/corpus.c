/* corpus.c: a file in blocks, on the pool.
 *
 * A task takes the block that begins at task × LOCI__BLOCK. Its words are those that begin behind the first white space of
 * ASCII at or behind the block's beginning (the first block: behind the file's), up to the first at or behind the next
 * block's: there every way of splitting starts anew (a line's end, for LOCI_SPLIT_MODEL). So the cuts follow from the
 * bytes alone. A block without white space has no words of its own; the task that began its word reads on, piece by piece,
 * and keeps max_word bytes of it.
 *
 * Blocks are read, and hashed, in the order of the file under one lock (a turnstile), then split in parallel.
 */
#include "split.h"

#include <fcntl.h>
#include <pthread.h>

enum { MORE = 1 << 16 /* bytes that are read at a time behind the end of a block */ };

typedef struct worker_state {
  loci__split *split;
  char *bytes; /* LOCI__BLOCK */
  char *more;  /* MORE */
  uint64_t n_newlines;
  /* of the present task, for the split's callback */
  const loci__corpus_job *job;
  size_t block, worker;
} worker_state;

typedef struct corpus_run {
  loci_context *context;
  const loci__corpus_job *job;
  int fd;
  uint64_t size;
  size_t n_workers;
  worker_state *workers;
  loci__hash *hash;
  pthread_mutex_t lock;
  pthread_cond_t turn;
  size_t next; /* the block whose turn it is to be read */
  bool failed;
  loci_status status; /* of the first failure: the others gave up because of it */
  loci_error error;
  bool last_is_newline;
} corpus_run;

static loci_status tokens_of_block(void *arg, const loci__token *tokens, size_t n, loci_error *error) {
  worker_state *w = arg;
  return w->job->tokens(w->job->arg, w->block, w->worker, tokens, n, error);
}

static loci_status read_at(const corpus_run *run, char *into, size_t size, uint64_t offset, loci_error *error) {
  int failed = loci__file_pread_all(run->context, run->fd, into, size, (int64_t)offset);
  return failed < 0 ? loci__fail_file(error, "read", run->job->path, failed) : LOCI_OK;
}

static bool is_cut(const corpus_run *run, unsigned char c) {
  if (run->job->splitter->split == LOCI_SPLIT_MODEL) return c == '\n';
  return c == ' ' || (unsigned char)(c - '\t') < 5;
}

/* The first cut at or behind `at`; n when there is none. */
static size_t find_cut(const corpus_run *run, const char *bytes, size_t at, size_t n) {
  while (at < n && !is_cut(run, (unsigned char)bytes[at])) at++;
  return at;
}

/* Reads the block when its turn has come. */
static loci_status read_block(corpus_run *run, worker_state *w, size_t block, size_t size, loci_error *error) {
  pthread_mutex_lock(&run->lock);
  while (run->next != block && !run->failed) pthread_cond_wait(&run->turn, &run->lock);
  loci_status status = LOCI_OK;
  if (run->failed) {
    status = loci__fail(error, LOCI_ERROR_CANCELLED, "cancelled");
  } else {
    status = read_at(run, w->bytes, size, (uint64_t)block * LOCI__BLOCK, error);
    if (status == LOCI_OK && run->hash != NULL) loci__hash_add(run->hash, w->bytes, size);
    if ((uint64_t)block * LOCI__BLOCK + size == run->size) run->last_is_newline = w->bytes[size - 1] == '\n';
    run->next = block + 1;
  }
  pthread_cond_broadcast(&run->turn);
  pthread_mutex_unlock(&run->lock);
  return status;
}

static loci_status split_block(corpus_run *run, worker_state *w, size_t block, size_t size, loci_error *error) {
  uint64_t begin = (uint64_t)block * LOCI__BLOCK, at = begin + size;
  size_t from = block == 0 ? 0 : find_cut(run, w->bytes, 0, size);
  if (from == size) return LOCI_OK; /* inside somebody's word */
  loci__split_begin(w->split, begin + from);
  LOCI__TRY(loci__split_feed(w->split, w->bytes + from, size - from, error));
  while (at < run->size) {
    size_t n = run->size - at < MORE ? (size_t)(run->size - at) : MORE;
    LOCI__TRY(read_at(run, w->more, n, at, error));
    size_t to = find_cut(run, w->more, 0, n);
    LOCI__TRY(loci__split_feed(w->split, w->more, to, error));
    if (to < n) break;
    at += n;
  }
  return loci__split_end(w->split, error);
}

static uint64_t count_newlines(const char *bytes, size_t n) {
  uint64_t count = 0;
  for (size_t i = 0; i < n; i++) count += bytes[i] == '\n';
  return count;
}

static loci_status run_block(void *arg, size_t block, size_t worker, loci_error *error) {
  corpus_run *run = arg;
  worker_state *w = &run->workers[worker];
  uint64_t left = run->size - (uint64_t)block * LOCI__BLOCK;
  size_t size = left < LOCI__BLOCK ? (size_t)left : LOCI__BLOCK;
  w->block = block;
  loci_status status = read_block(run, w, block, size, error);
  if (status == LOCI_OK) {
    w->n_newlines += count_newlines(w->bytes, size);
    status = split_block(run, w, block, size, error);
  }
  if (status == LOCI_OK && run->job->done != NULL) status = run->job->done(run->job->arg, block, worker, error);
  /* Worker 0 is the thread that called: no other may talk to its progress callback. */
  if (status == LOCI_OK && worker == 0 && run->job->meter != NULL)
    status = loci__meter_at(run->job->meter, (uint64_t)block * LOCI__BLOCK + size, NULL, error);
  if (status == LOCI_OK) return LOCI_OK;
  pthread_mutex_lock(&run->lock);
  if (!run->failed) {
    run->failed = true;
    run->status = status;
    if (error != NULL) run->error = *error;
  }
  pthread_cond_broadcast(&run->turn);
  pthread_mutex_unlock(&run->lock);
  if (run->job->stop != NULL) run->job->stop(run->job->arg);
  return status;
}

loci_status loci__corpus_size(loci_context *context, const char *path, uint64_t *size, loci_error *error) {
  loci_file_info info;
  int failed = loci__file_stat(context, path, true, &info);
  if (failed < 0) return loci__fail_file(error, "open the corpus", path, failed);
  if (info.kind != LOCI_FILE_REGULAR)
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is not a regular file: a corpus is read more than once", path);
  *size = info.size < 0 ? 0 : (uint64_t)info.size;
  return LOCI_OK;
}

static loci_status make_workers(corpus_run *run, loci_error *error) {
  run->workers = loci__alloc_zero(run->context, run->n_workers, sizeof *run->workers);
  if (run->workers == NULL) return loci__fail_memory(error, sizeof *run->workers, "reading a corpus");
  for (size_t i = 0; i < run->n_workers; i++) {
    worker_state *w = &run->workers[i];
    w->job = run->job;
    w->worker = i;
    w->bytes = loci__alloc(run->context, LOCI__BLOCK);
    w->more = loci__alloc(run->context, MORE);
    if (w->bytes == NULL || w->more == NULL) return loci__fail_memory(error, LOCI__BLOCK, "reading a corpus");
    LOCI__TRY(loci__split_new(run->context, run->job->splitter, 1024, tokens_of_block, w, &w->split, error));
  }
  return LOCI_OK;
}

loci_status loci__corpus_run(loci_context *context, const loci__corpus_job *job, loci__corpus_totals *totals,
                             loci_error *error) {
  *totals = (loci__corpus_totals){0};
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, sizeof(void *), "the default context");
  corpus_run run = {.context = context, .job = job, .fd = -1};
  LOCI__TRY(loci__corpus_size(context, job->path, &run.size, error));
  size_t n_blocks = (size_t)((run.size + LOCI__BLOCK - 1) / LOCI__BLOCK);
  run.n_workers = loci__pool_size(context);
  pthread_mutex_init(&run.lock, NULL);
  pthread_cond_init(&run.turn, NULL);
  loci_status status = LOCI_OK;
  run.fd = loci__file_open(context, job->path, O_RDONLY | O_CLOEXEC, 0);
  if (run.fd < 0) status = loci__fail_file(error, "open the corpus", job->path, run.fd);
  if (status == LOCI_OK && job->hash) {
    run.hash = loci__hash_new(context);
    if (run.hash == NULL) status = loci__fail_memory(error, 64, "a hash");
  }
  if (status == LOCI_OK) status = make_workers(&run, error);
  if (status == LOCI_OK) {
    status = loci__pool_run(context, n_blocks, run_block, &run, error);
    if (status != LOCI_OK && run.failed) {
      status = run.status;
      if (error != NULL) *error = run.error;
    }
  }
  if (status == LOCI_OK) {
    totals->n_bytes = run.size;
    for (size_t i = 0; i < run.n_workers; i++) {
      totals->n_lines += run.workers[i].n_newlines;
      totals->n_cut += loci__split_n_cut(run.workers[i].split);
    }
    if (run.size > 0 && !run.last_is_newline) totals->n_lines++;
    if (job->hash) loci__hash_hex(run.hash, totals->hash);
  }
  for (size_t i = 0; run.workers != NULL && i < run.n_workers; i++) {
    loci__split_free(run.workers[i].split);
    loci__free(context, run.workers[i].bytes);
    loci__free(context, run.workers[i].more);
  }
  loci__free(context, run.workers);
  loci__hash_free(context, run.hash);
  if (run.fd >= 0) loci__file_close(context, run.fd);
  pthread_cond_destroy(&run.turn);
  pthread_mutex_destroy(&run.lock);
  return status;
}

/* ---- options ---- */

void loci_corpus_options_init(loci_corpus_options *options) {
  *options = (loci_corpus_options){.struct_size = sizeof *options,
                                   .split = LOCI_SPLIT_WORDS,
                                   .fold = LOCI_FOLD_LOWER,
                                   .ngram = 2,
                                   .max_word = 1024,
                                   .min_count = 5};
}

loci_status loci__splitter_of(const loci_corpus_options *options, const loci_tokenizer *tokenizer,
                              loci__splitter *splitter, loci_error *error) {
  loci_corpus_options fallback;
  loci_corpus_options_init(&fallback);
  if (options == NULL) options = &fallback;
  *splitter = (loci__splitter){.split = options->split,
                               .fold = options->fold,
                               .tokenizer = options->split == LOCI_SPLIT_MODEL ? tokenizer : NULL,
                               .ngram = options->ngram != 0 ? options->ngram : fallback.ngram,
                               .max_word = options->max_word != 0 ? options->max_word : fallback.max_word};
  /* The ranges are those of a split. */
  loci__split *split = NULL;
  loci_status status = loci__split_new(NULL, splitter, 1, NULL, NULL, &split, error);
  loci__split_free(split);
  return status;
}
