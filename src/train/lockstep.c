/* train/lockstep.c: phases of tasks over threads that stay awake.
 *
 * `ticket` holds the phase (modulo 2^24), its number of tasks and the next task in one word, so that a claim is one
 * addition and always belongs to the phase it was taken from. A thread that comes too late leaves a claim beyond the
 * last task and waits for the word to show another phase: pausing at first, then giving its core away.
 *
 *   bits 63…40 phase   39…20 tasks   19…0 next
 *
 * Each thread overshoots a phase at most once, so `next` cannot run into `tasks` (threads < 2^19).
 */
#include "lockstep.h"

#include <sched.h>

enum { FIELD = 20, SPINS = 400 };
#define FIELD_MASK ((UINT64_C(1) << FIELD) - 1)

typedef struct lockstep {
  const loci__lockstep *steps;
  uint64_t phase; /* written by the one who opens it, read behind an acquire of ticket */
  uint64_t ticket;
  uint64_t done;
} lockstep;

static void open_phase(lockstep *l, uint64_t phase) {
  size_t n = l->steps->open(l->steps->arg, phase);
  l->phase = phase;
  __atomic_store_n(&l->done, 0, __ATOMIC_RELAXED);
  uint64_t ticket = (phase & 0xFFFFFF) << 2 * FIELD | (uint64_t)n << FIELD;
  __atomic_store_n(&l->ticket, ticket, __ATOMIC_RELEASE);
}

static void pause_core(unsigned *spins) {
  if (++*spins < SPINS) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  } else {
    sched_yield();
  }
}

static void wait_beyond(const lockstep *l, uint64_t ticket) {
  unsigned spins = 0;
  while (__atomic_load_n(&l->ticket, __ATOMIC_ACQUIRE) >> 2 * FIELD == ticket >> 2 * FIELD) pause_core(&spins);
}

static loci_status thread(void *arg, size_t task_number, size_t worker, loci_error *error) {
  (void)task_number, (void)error;
  lockstep *l = arg;
  for (;;) {
    uint64_t ticket = __atomic_fetch_add(&l->ticket, 1, __ATOMIC_ACQ_REL);
    uint64_t n = ticket >> FIELD & FIELD_MASK, task = ticket & FIELD_MASK;
    if (n == 0) return LOCI_OK;
    if (task >= n) {
      wait_beyond(l, ticket);
      continue;
    }
    uint64_t phase = l->phase; /* cannot change before this task is done */
    l->steps->run(l->steps->arg, phase, (size_t)task, worker);
    if (__atomic_add_fetch(&l->done, 1, __ATOMIC_ACQ_REL) == n) open_phase(l, phase + 1);
  }
}

loci_status loci__lockstep_run(loci_context *context, const loci__lockstep *steps, loci_error *error) {
  lockstep l = {.steps = steps};
  open_phase(&l, 0);
  return loci__pool_run(context, loci__pool_size(context), thread, &l, error);
}
