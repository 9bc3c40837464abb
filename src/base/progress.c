/* base/progress.c: time, and telling how far a long call has come. */
#include "base.h"

#include <time.h>

double loci__now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void loci__meter_init(loci__meter *meter, loci_progress_fn fn, void *user) {
  *meter = (loci__meter){.fn = fn, .user = user, .began = loci__now()};
}

static loci_status tell(loci__meter *meter, double now, loci_error *error) {
  if (meter->fn == NULL) return LOCI_OK;
  meter->last = now;
  meter->state.seconds = now - meter->began;
  if (meter->fn(meter->user, &meter->state) == 0) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_CANCELLED, "stopped while %s", meter->state.stage);
}

loci_status loci__meter_stage(loci__meter *meter, const char *stage, const char *unit, uint64_t total,
                              loci_error *error) {
  meter->state = (loci_progress){.stage = stage, .unit = unit, .total = total};
  return tell(meter, loci__now(), error);
}

loci_status loci__meter_at(loci__meter *meter, uint64_t done, const char *item, loci_error *error) {
  meter->state.done = done;
  meter->state.item = item;
  if (meter->fn == NULL) return LOCI_OK;
  double now = loci__now();
  return now - meter->last < 0.1 ? LOCI_OK : tell(meter, now, error);
}

loci_status loci__meter_end(loci__meter *meter, loci_error *error) {
  return tell(meter, loci__now(), error);
}
