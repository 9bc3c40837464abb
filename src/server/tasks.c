/* tasks.c: what is neither quick nor a part of a batch (token vectors, loading a model to describe it, collections) runs on a few
 * threads of its own, one request at a time each, so that no thread of http.c waits for a disk or a long computation.
 *
 * The queue has the same bound as that of the batches. A request sleeps while its task waits and runs; the task writes the
 * answer. A client that left before its task began costs nothing more.
 */
#include "server.h"

#include <pthread.h>

enum { TASK_THREADS = 2 };

typedef struct task {
  struct task *next;
  loci__request *request;
  loci__request_task_fn run;
  void *arg;
} task;

struct loci__tasks {
  loci__server *server;
  pthread_t threads[TASK_THREADS];
  size_t n_threads;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  task *first, *last;
  size_t n_waiting;
  bool stop;
};

static void do_nothing(loci__request *request, void *arg) {
  (void)request;
  (void)arg;
}

static void *task_main(void *arg) {
  loci__tasks *t = arg;
  for (;;) {
    pthread_mutex_lock(&t->lock);
    while (!t->first && !(t->stop && t->n_waiting == 0)) pthread_cond_wait(&t->changed, &t->lock);
    task *next = t->first;
    if (next) {
      t->first = next->next;
      if (!t->first) t->last = NULL;
    }
    const bool stop = t->stop;
    pthread_mutex_unlock(&t->lock);
    if (!next) return NULL;
    loci__request *request = next->request;
    loci__failure failure = {0};
    if (stop) loci__failed(&failure, LOCI__FAILURE_DRAINING, NULL, "the server is about to end");
    else if (loci__http_gone(request)) {
      loci__failed(&failure, LOCI__FAILURE_GONE, NULL, "the client went away");
      loci__metrics_cancelled(t->server->metrics);
    }
    next->run(request, next->arg, failure.kind ? &failure : NULL);
    loci__free(t->server->context, next);
    pthread_mutex_lock(&t->lock);
    t->n_waiting--;
    if (t->stop) pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    loci__http_wake(request);
  }
}

loci__outcome loci__tasks_submit(loci__request *request, loci__request_task_fn run, void *arg) {
  loci__server *server = request->server;
  loci__tasks *t = server->tasks;
  loci__failure failure = {0};
  task *mine = loci__alloc_zero(server->context, 1, sizeof *mine);
  if (!mine) loci__failed(&failure, LOCI__FAILURE_MEMORY, NULL, "no memory for the request");
  pthread_mutex_lock(&t->lock);
  if (mine && t->stop) loci__failed(&failure, LOCI__FAILURE_DRAINING, NULL, "the server is about to end");
  else if (mine && t->n_waiting >= server->options.queue)
    loci__failed(&failure, LOCI__FAILURE_BUSY, NULL, "too many requests wait already; try again");
  if (!failure.kind) t->n_waiting++;
  pthread_mutex_unlock(&t->lock);
  if (failure.kind) {
    loci__free(server->context, mine);
    run(request, arg, &failure);
    return LOCI__ANSWERED;
  }
  *mine = (task){.request = request, .run = run, .arg = arg};
  loci__http_sleep(request, do_nothing, NULL);
  pthread_mutex_lock(&t->lock);
  if (t->last) t->last->next = mine;
  else t->first = mine;
  t->last = mine;
  pthread_cond_signal(&t->changed);
  pthread_mutex_unlock(&t->lock);
  return LOCI__ASLEEP;
}

loci_status loci__tasks_new(loci__server *server, loci__tasks **out, loci_error *error) {
  loci__tasks *t = loci__alloc_zero(server->context, 1, sizeof *t);
  *out = t;
  if (!t) return loci__fail_memory(error, sizeof *t, "the tasks");
  t->server = server;
  pthread_mutex_init(&t->lock, NULL);
  pthread_cond_init(&t->changed, NULL);
  for (; t->n_threads < TASK_THREADS; t->n_threads++) {
    const int err = pthread_create(&t->threads[t->n_threads], NULL, task_main, t);
    if (err) return loci__fail(error, LOCI_ERROR_IO, "cannot start a thread: %s", strerror(err));
  }
  return LOCI_OK;
}

void loci__tasks_stop(loci__tasks *t) {
  if (!t) return;
  pthread_mutex_lock(&t->lock);
  t->stop = true;
  pthread_cond_broadcast(&t->changed);
  pthread_mutex_unlock(&t->lock);
  for (size_t i = 0; i < t->n_threads; i++) pthread_join(t->threads[i], NULL);
  t->n_threads = 0;
}

void loci__tasks_free(loci__tasks *t) {
  if (!t) return;
  loci__tasks_stop(t);
  pthread_cond_destroy(&t->changed);
  pthread_mutex_destroy(&t->lock);
  loci__free(t->server->context, t);
}
