/* train/lockstep.h: the pool's threads go through many short phases together.
 *
 * loci__pool_run puts threads to sleep and wakes them for each job, which costs tens of microseconds; a step of mini-batch
 * training lasts about as long. Here the threads stay awake: a phase is a number of tasks, threads claim the next one from
 * one atomic word, and whoever finishes a phase's last task opens the next phase. A thread that the system has taken the
 * core from holds up the others by the one task it has claimed, never by a share of its own.
 *
 * Who runs a task is left to chance, so tasks of one phase write to different places, and bits do not depend on threads.
 */
#ifndef LOCI_TRAIN_LOCKSTEP_H
#define LOCI_TRAIN_LOCKSTEP_H

#include "../base/base.h"

typedef struct loci__lockstep {
  /* Opens phase `phase` (0, 1, 2 …), alone: nothing else runs. Answers how many tasks it has, at most
   * LOCI__LOCKSTEP_TASKS; 0 = the end. */
  size_t (*open)(void *arg, uint64_t phase);
  /* Task `task` of that phase; worker as in loci__task_fn. Cannot fail. */
  void (*run)(void *arg, uint64_t phase, size_t task, size_t worker);
  void *arg;
} loci__lockstep;

enum { LOCI__LOCKSTEP_TASKS = 1 << 16 };

/* Returns when `open` has answered 0. */
loci_status loci__lockstep_run(loci_context *context, const loci__lockstep *steps, loci_error *error);

#endif
