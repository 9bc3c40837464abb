/* base/pool.c: the context's threads.
 *
 * One job at a time: n numbered tasks. Workers and the caller take the next number from an atomic counter, so a long
 * task on one thread never holds up the others (what a fixed split would do), and results do not depend on who ran
 * what. Workers sleep on a condition between jobs; there is no spinning barrier, which collapses when a neighbour
 * holds a core. The threads are made on first use.
 *
 * A call from inside a task runs inline with that task's worker number, so nothing can deadlock. */
#include "context.h"

#include <stdlib.h>

typedef struct loci__job {
  loci__task_fn task;
  void *arg;
  size_t n;
  size_t next;   /* atomic: the next task's number */
  size_t failed; /* atomic: the lowest task number that failed, n = none */
  loci_status status;
  loci_error error; /* of task `failed`; guarded by the pool's lock */
} loci__job;

struct loci__pool {
  pthread_mutex_t lock;
  pthread_cond_t wake, done;
  pthread_mutex_t turn; /* one job at a time */
  pthread_t *threads;
  size_t n_threads; /* without the caller */
  size_t running;   /* workers inside the present job */
  uint64_t generation;
  loci__job *job;
  size_t next_worker;
  bool stop;
};

/* Which pool this thread works for at the moment, and as whom: for calls from inside a task. */
static _Thread_local const loci__pool *inside;
static _Thread_local size_t inside_worker;

static void work(loci__pool *pool, loci__job *job, size_t worker) {
  const loci__pool *outer = inside;
  size_t outer_worker = inside_worker;
  inside = pool;
  inside_worker = worker;
  for (;;) {
    size_t task = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
    if (task >= job->n || __atomic_load_n(&job->failed, __ATOMIC_RELAXED) < task) break;
    loci_error error = {.code = LOCI_OK, .position = -1};
    loci_status status = job->task(job->arg, task, worker, &error);
    if (status == LOCI_OK) continue;
    pthread_mutex_lock(&pool->lock);
    if (task < job->failed) {
      __atomic_store_n(&job->failed, task, __ATOMIC_RELAXED);
      job->status = status;
      job->error = error;
    }
    pthread_mutex_unlock(&pool->lock);
  }
  inside = outer;
  inside_worker = outer_worker;
}

static void *worker_main(void *arg) {
  loci__pool *pool = arg;
  pthread_mutex_lock(&pool->lock);
  size_t worker = ++pool->next_worker; /* the caller is worker 0 */
  uint64_t seen = 0;
  for (;;) {
    while (!pool->stop && (pool->job == NULL || pool->generation == seen)) pthread_cond_wait(&pool->wake, &pool->lock);
    if (pool->stop) break;
    seen = pool->generation;
    loci__job *job = pool->job;
    pool->running++;
    pthread_mutex_unlock(&pool->lock);
    work(pool, job, worker);
    pthread_mutex_lock(&pool->lock);
    if (--pool->running == 0) pthread_cond_signal(&pool->done);
  }
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

static loci__pool *pool_of(loci_context *context) {
  loci__pool *pool = __atomic_load_n(&context->pool, __ATOMIC_ACQUIRE);
  if (pool != NULL) return pool;
  pthread_mutex_lock(&context->lock);
  pool = context->pool;
  if (pool == NULL) {
    size_t wanted = (size_t)(context->options.threads - 1);
    pool = loci__alloc_zero(context, 1, sizeof *pool);
    pthread_t *threads = wanted == 0 ? NULL : loci__alloc_zero(context, wanted, sizeof *threads);
    if (pool == NULL || (wanted > 0 && threads == NULL)) {
      loci__free(context, pool);
      loci__free(context, threads);
      pthread_mutex_unlock(&context->lock);
      return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_mutex_init(&pool->turn, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->threads = threads;
    /* Fewer threads than wanted are slower, not wrong. */
    while (pool->n_threads < wanted && pthread_create(&threads[pool->n_threads], NULL, worker_main, pool) == 0) {
      pool->n_threads++;
    }
    __atomic_store_n(&context->pool, pool, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&context->lock);
  return pool;
}

void loci__pool_free(loci_context *context) {
  loci__pool *pool = context->pool;
  if (pool == NULL) return;
  pthread_mutex_lock(&pool->lock);
  pool->stop = true;
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  for (size_t i = 0; i < pool->n_threads; i++) pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_cond_destroy(&pool->done);
  pthread_mutex_destroy(&pool->lock);
  pthread_mutex_destroy(&pool->turn);
  loci__free(context, pool->threads);
  loci__free(context, pool);
  context->pool = NULL;
}

size_t loci__pool_size(loci_context *context) {
  return (size_t)loci_context_threads(context);
}

static loci_status run_inline(size_t n, loci__task_fn task, void *arg, size_t worker, loci_error *error) {
  for (size_t i = 0; i < n; i++) LOCI__TRY(task(arg, i, worker, error));
  return LOCI_OK;
}

loci_status loci__pool_run(loci_context *context, size_t n, loci__task_fn task, void *arg, loci_error *error) {
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, sizeof *context, "the default context");
  if (n == 0) return LOCI_OK;
  if (context->pool != NULL && inside == context->pool) return run_inline(n, task, arg, inside_worker, error);
  loci__pool *pool = pool_of(context);
  if (pool == NULL) return loci__fail_memory(error, sizeof *pool, "the thread pool");

  loci__job job = {.task = task, .arg = arg, .n = n, .failed = n};
  /* One task is the caller's own affair: it waits for nobody's turn. */
  if (n == 1) {
    work(pool, &job, 0);
    if (job.failed == n) return LOCI_OK;
    if (error != NULL) *error = job.error;
    return job.status;
  }
  pthread_mutex_lock(&pool->turn);
  if (pool->n_threads > 0) {
    pthread_mutex_lock(&pool->lock);
    pool->job = &job;
    pool->generation++;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
  }
  work(pool, &job, 0);
  pthread_mutex_lock(&pool->lock);
  pool->job = NULL; /* a worker that wakes late finds nothing to do */
  while (pool->running > 0) pthread_cond_wait(&pool->done, &pool->lock);
  pthread_mutex_unlock(&pool->lock);
  pthread_mutex_unlock(&pool->turn);

  if (job.failed == n) return LOCI_OK;
  if (error != NULL) *error = job.error;
  return job.status;
}
