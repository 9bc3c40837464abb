/* train/factor.c: the factorisation within a training: its progress, its checkpoints.
 *
 * What a killed run goes on from is the Krylov basis (svd.c). A block never changes once it is made, so blocks are appended
 * to a file of their own in the checkpoint's folder, basis-GENERATION, and the checkpoint proper holds how many of them
 * count, a checksum for each, and the small matrices. A restart makes new blocks: a new file, and the old one goes when the
 * checkpoint that names the new one is down. Counts and matrices are made anew from the encoded corpus: that takes less
 * time than reading them back would.
 */
#include "lsa.h"

#include "../kernel/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum { MOST_BLOCKS = 4096 };

typedef struct factor_state {
  uint64_t n_blocks, generation, block_rows, capacity;
  double counters[8];
} factor_state;

typedef struct keeper {
  loci__trainer *trainer;
  factor_state state;
  uint64_t checksums[MOST_BLOCKS];
  size_t n_written; /* blocks of the file of generation `written` */
  uint64_t written;
} keeper;

static char *basis_path(const keeper *k, uint64_t generation) {
  char name[48];
  snprintf(name, sizeof name, "basis-%llu", (unsigned long long)generation);
  return loci__path_join(k->trainer->context, k->trainer->folder, name);
}

static size_t parts_of(keeper *k, const loci__svd_state *state, loci__part parts[4]) {
  size_t n = 0;
  parts[n++] = (loci__part){"svd", &k->state, sizeof k->state};
  parts[n++] = (loci__part){"projected", state->projected, state->capacity * state->capacity * sizeof(double)};
  parts[n++] = (loci__part){"coupling", state->coupling, LOCI__BLOCK * LOCI__BLOCK * sizeof(double)};
  parts[n++] = (loci__part){"checksums", k->checksums, sizeof k->checksums};
  return n;
}

static size_t block_bytes(const loci__svd_state *state) {
  return state->block_rows * LOCI__BLOCK * sizeof(double);
}

static loci_status append(keeper *k, const loci__svd_state *state, loci_error *error) {
  loci_context *context = k->trainer->context;
  if (k->written != state->generation) k->n_written = 0;
  char *path = basis_path(k, state->generation);
  if (path == NULL) return loci__fail_memory(error, 64, "a file's name");
  loci_status status = LOCI_OK;
  const char *verb = "create";
  int fd = loci__file_open(context, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666), failed = fd < 0 ? fd : 0;
  if (!failed) {
    verb = "write";
    for (size_t i = k->n_written; i < state->n_blocks && !failed; i++) {
      k->checksums[i] = loci__hash64(state->blocks[i], block_bytes(state), i);
      failed =
          loci__file_pwrite_all(context, fd, state->blocks[i], block_bytes(state), (int64_t)(i * block_bytes(state)));
    }
    if (!failed) failed = loci__file_fsync(context, fd);
    const int closed = loci__file_close(context, fd);
    if (!failed) failed = closed;
  }
  if (failed) status = loci__fail_file(error, verb, path, failed);
  loci__free(context, path);
  return status;
}

static loci_status save(keeper *k, const loci__svd_state *state, loci_error *error) {
  k->trainer->last_checkpoint = loci__now();
  LOCI__TRY(append(k, state, error));
  k->state = (factor_state){.n_blocks = state->n_blocks,
                            .generation = state->generation,
                            .block_rows = state->block_rows,
                            .capacity = state->capacity};
  memcpy(k->state.counters, state->counters, sizeof k->state.counters);
  loci__part parts[4];
  const size_t n = parts_of(k, state, parts);
  LOCI__TRY(loci__checkpoint_save(k->trainer, parts, n, error));
  if (k->written != state->generation) {
    char *old = basis_path(k, k->written);
    if (old != NULL) (void)loci__file_unlink(k->trainer->context, old);
    loci__free(k->trainer->context, old);
  }
  k->written = state->generation;
  k->n_written = state->n_blocks;
  return LOCI_OK;
}

static loci_status keep(void *arg, const loci__svd_state *state, loci_error *error) {
  keeper *k = arg;
  loci__trainer *trainer = k->trainer;
  const loci_status status = loci__meter_at(&trainer->meter, (uint64_t)state->counters[0], NULL, error);
  if (status == LOCI_ERROR_CANCELLED) {
    LOCI__TRY(save(k, state, error));
    return loci__fail(error, LOCI_ERROR_CANCELLED,
                      "stopped; '%s' holds what was computed so far: the same command with --resume goes on from there",
                      trainer->folder);
  }
  if (status != LOCI_OK || !loci__trainer_due(trainer)) return status;
  loci_error failure = {0};
  if (save(k, state, &failure) != LOCI_OK)
    loci__log(trainer->context, LOCI_LOG_WARNING, "%s; the run goes on%s", failure.message,
              trainer->saved ? ", the checkpoint before is still there" : "");
  return LOCI_OK;
}

static loci_status load(void *arg, loci__svd_state *state, loci_error *error) {
  keeper *k = arg;
  loci_context *context = k->trainer->context;
  if (state->capacity / LOCI__BLOCK + 1 > MOST_BLOCKS)
    return loci__fail(error, LOCI_ERROR_LIMIT, "too many dimensions for a checkpoint");
  loci__part parts[4];
  const size_t n = parts_of(k, state, parts);
  bool there = false;
  LOCI__TRY(loci__checkpoint_load(k->trainer, parts, n, &there, error));
  if (!there) return LOCI_OK;
  char *path = basis_path(k, k->state.generation);
  if (path == NULL) return loci__fail_memory(error, 64, "a file's name");
  loci_status status = LOCI_OK;
  if (k->state.block_rows != state->block_rows || k->state.capacity != state->capacity || k->state.n_blocks == 0 ||
      k->state.n_blocks > state->capacity / LOCI__BLOCK + 1)
    status = loci__fail(error, LOCI_ERROR_FORMAT, "the checkpoint in '%s' is of another matrix", k->trainer->folder);
  int fd = status == LOCI_OK ? loci__file_open(context, path, O_RDONLY | O_CLOEXEC, 0) : -1;
  if (status == LOCI_OK && fd < 0) status = loci__fail_file(error, "open", path, fd);
  for (size_t i = 0; status == LOCI_OK && i < k->state.n_blocks; i++) {
    const int failed =
        loci__file_pread_all(context, fd, state->blocks[i], block_bytes(state), (int64_t)(i * block_bytes(state)));
    if (failed && failed != -EIO) status = loci__fail_file(error, "read", path, failed);
    else if (failed || loci__hash64(state->blocks[i], block_bytes(state), i) != k->checksums[i])
      status = loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)(i * block_bytes(state)),
                             "'%s' is damaged at block %zu; without --resume the run begins anew", path, i);
  }
  if (fd >= 0) loci__file_close(context, fd);
  loci__free(context, path);
  if (status != LOCI_OK) return status;
  state->n_blocks = (size_t)k->state.n_blocks;
  state->generation = (size_t)k->state.generation;
  memcpy(state->counters, k->state.counters, sizeof state->counters);
  k->n_written = state->n_blocks;
  k->written = state->generation;
  return LOCI_OK;
}

loci_status loci__factor(loci__trainer *trainer, const loci__sparse *matrix, const loci__sparse *transpose, size_t rank,
                         double tolerance, loci__svd *out, loci_error *error) {
  keeper *k = loci__alloc_zero(trainer->context, 1, sizeof *k);
  if (k == NULL) return loci__fail_memory(error, sizeof *k, "a checkpoint");
  k->trainer = trainer;
  const loci__svd_options options = {.rank = rank,
                                     .tolerance = tolerance,
                                     .seed = trainer->common->seed,
                                     .transpose = transpose,
                                     .meter = &trainer->meter,
                                     .keep = keep,
                                     .load = load,
                                     .arg = k};
  const loci_status status = loci__svd_compute(matrix, &options, out, error);
  loci__free(trainer->context, k);
  return status;
}

void loci__factor_tell(const loci__svd *svd, loci__buffer *out) {
  double squares = 0;
  for (size_t i = 0; i < svd->rank; i++) squares += svd->values[i] * svd->values[i];
  loci__buffer_printf(out, "singular_values: %zu\nfirst_singular_value: %.9g\nlast_singular_value: %.9g\n", svd->rank,
                      svd->values[0], svd->values[svd->rank - 1]);
  loci__buffer_printf(out, "share_of_squares: %.6f\n", squares / svd->sum_squares);
}
