/* train/checkpoint.c: the state of a training to a file and back.
 *
 * Model of the world. OUTPUT.checkpoint/state is always whole: a new one is written beside it (state.new), fsynced and
 * renamed over it, so that after a crash, a full disk or a kill either the old or the new one is there. One process
 * writes it (the folder's lock). It belongs to one run: its key is the hash of trainer->about, a text that names corpus,
 * vocabulary, seed and every setting; the text is kept in the file, so that a refusal can say what differs.
 *
 * The file, little-endian: a header of 64 bytes; a table of n_parts entries of 64 bytes, entry 0 the text; the parts, each
 * at a multiple of 64; a checksum (XXH3, 64 bits) over the header, one over the table and one a part.
 *
 * Reading takes nothing on trust: the table must be the one that this run would write, so no size of the file's is used
 * before it was found equal to one of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>

#include "trainer.h"

enum { CHECKPOINT_VERSION = 1, CHECKPOINT_ALIGN = 64, CHECKPOINT_ABOUT_LIMIT = 64 * 1024, CHECKPOINT_PARTS = 64 };

static const char magic[8] = {'L', 'O', 'C', 'I', 'C', 'K', 'P', 'T'};

typedef struct checkpoint_header {
  char magic[8];
  uint32_t version, n_parts;
  uint64_t file_size, table_checksum, unused[3];
  uint64_t checksum; /* of what stands before it */
} checkpoint_header;

typedef struct checkpoint_entry {
  char name[40]; /* NUL-padded */
  uint64_t size, at, checksum;
} checkpoint_entry;

_Static_assert(sizeof(checkpoint_header) == 64 && sizeof(checkpoint_entry) == 64, "the layout is the format");

typedef struct checkpoint {
  checkpoint_header header;
  checkpoint_entry entries[CHECKPOINT_PARTS];
} checkpoint;

static size_t aligned(size_t at) {
  return (at + CHECKPOINT_ALIGN - 1) / CHECKPOINT_ALIGN * CHECKPOINT_ALIGN;
}

/* Where everything stands; no checksum yet. Our own arrays are in memory, so no sum of their sizes overflows. */
static loci_status lay_out(checkpoint *file, const loci__trainer *trainer, const loci__part *parts, size_t n,
                           loci_error *error) {
  memset(file, 0, sizeof *file);
  if (n + 1 > CHECKPOINT_PARTS) return loci__fail(error, LOCI_ERROR_INTERNAL, "a checkpoint of %zu parts", n);
  memcpy(file->header.magic, magic, sizeof magic);
  file->header.version = CHECKPOINT_VERSION;
  file->header.n_parts = (uint32_t)(n + 1);
  size_t at = aligned(sizeof file->header + (n + 1) * sizeof *file->entries);
  for (size_t i = 0; i <= n; i++) {
    checkpoint_entry *entry = &file->entries[i];
    const char *name = i == 0 ? "about" : parts[i - 1].name;
    if (strlen(name) >= sizeof entry->name) return loci__fail(error, LOCI_ERROR_INTERNAL, "part '%s'", name);
    memcpy(entry->name, name, strlen(name));
    entry->size = i == 0 ? trainer->about.length : parts[i - 1].size;
    entry->at = at;
    at = aligned(at + entry->size);
  }
  file->header.file_size = at;
  return LOCI_OK;
}

static const void *data_of(const loci__trainer *trainer, const loci__part *parts, size_t i) {
  return i == 0 ? trainer->about.data : parts[i - 1].data;
}

/* ---- writing ---- */

static int put(loci_context *context, int fd, checkpoint *file, const loci__trainer *trainer, const loci__part *parts) {
  size_t n = file->header.n_parts;
  for (size_t i = 0; i < n; i++) {
    checkpoint_entry *entry = &file->entries[i];
    const void *data = data_of(trainer, parts, i);
    entry->checksum = loci__hash64(data, entry->size, i);
    int failed = loci__file_pwrite_all(context, fd, data, entry->size, (int64_t)entry->at);
    if (failed) return failed;
  }
  file->header.table_checksum = loci__hash64(file->entries, n * sizeof *file->entries, n);
  file->header.checksum = loci__hash64(&file->header, offsetof(checkpoint_header, checksum), 0);
  int failed = loci__file_pwrite_all(context, fd, file, sizeof file->header + n * sizeof *file->entries, 0);
  /* The last part's padding: the file is as long as the header says. */
  if (!failed) failed = loci__file_ftruncate(context, fd, (int64_t)file->header.file_size);
  return failed ? failed : loci__file_fsync(context, fd);
}

loci_status loci__checkpoint_save(loci__trainer *trainer, const loci__part *parts, size_t n, loci_error *error) {
  loci_context *context = trainer->context;
  checkpoint file;
  LOCI__TRY(lay_out(&file, trainer, parts, n, error));
  /* Counted from the attempt: a disk that is full is not written to at every step. */
  trainer->last_checkpoint = loci__now();
  char *path = loci__path_join(context, trainer->folder, "state");
  char *beside = loci__path_join(context, trainer->folder, "state.new");
  loci_status status = LOCI_OK;
  if (!path || !beside) {
    status = loci__fail_memory(error, strlen(trainer->folder), "a checkpoint's name");
    goto done;
  }
  const char *verb = "create";
  int fd = loci__file_open(context, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  int failed = fd < 0 ? fd : 0;
  if (!failed) {
    verb = "write";
    failed = put(context, fd, &file, trainer, parts);
    int closed = loci__file_close(context, fd);
    if (!failed) failed = closed;
    if (!failed) {
      verb = "rename";
      failed = loci__file_rename(context, beside, path);
    }
    if (failed) (void)loci__file_unlink(context, beside);
  }
  if (!failed) {
    trainer->saved = true;
    verb = "sync";
    failed = loci__file_fsync_folder(context, trainer->folder);
  }
  if (failed) {
    status = loci__fail_file(error, verb, beside, failed);
    loci__error_prefix(error, "the checkpoint was not saved");
  }
done:
  loci__free(context, path);
  loci__free(context, beside);
  return status;
}

/* ---- reading ---- */

static loci_status damaged(const char *path, uint64_t at, const char *what, loci_error *error) {
  return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)at,
                       "checkpoint '%s' is damaged: %s at byte %llu; without --resume the training begins anew", path,
                       what, (unsigned long long)at);
}

/* The first line in which two texts differ, for people. */
static loci_status other_settings(const char *path, const char *theirs, const char *ours, loci_error *error) {
  const char *a = theirs, *b = ours;
  while (*a && *b) {
    size_t length_a = strcspn(a, "\n"), length_b = strcspn(b, "\n");
    if (length_a != length_b || memcmp(a, b, length_a) != 0) break;
    a += length_a + (a[length_a] != '\0');
    b += length_b + (b[length_b] != '\0');
  }
  return loci__fail(
      error, LOCI_ERROR_USAGE,
      "checkpoint '%s' belongs to another run (it has \"%.*s\", this one \"%.*s\"); repeat the settings of "
      "that run, or leave --resume out to begin anew",
      path, (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

static loci_status read_at(loci_context *context, int fd, const char *path, void *into, size_t size, uint64_t at,
                           loci_error *error) {
  int failed = loci__file_pread_all(context, fd, into, size, (int64_t)at);
  return failed ? loci__fail_file(error, "read", path, failed) : LOCI_OK;
}

/* The text that the file belongs to against ours, before anything else of it is compared: other settings have other
 * tables, and the settings are what the user can do something about. */
static loci_status check_about(const loci__trainer *trainer, int fd, const char *path, const checkpoint_entry *entry,
                               uint64_t file_size, loci_error *error) {
  if (memcmp(entry->name, "about\0", 6) != 0 || entry->size > CHECKPOINT_ABOUT_LIMIT || entry->at > file_size ||
      entry->size > file_size - entry->at)
    return damaged(path, sizeof(checkpoint_header), "no table of parts begins like this", error);
  size_t size = (size_t)entry->size;
  char *theirs = loci__alloc(trainer->context, size + 1);
  if (!theirs) return loci__fail_memory(error, size + 1, "a checkpoint's settings");
  loci_status status = read_at(trainer->context, fd, path, theirs, size, entry->at, error);
  if (status == LOCI_OK) {
    theirs[size] = '\0';
    if (loci__hash64(theirs, size, 0) != entry->checksum)
      status = damaged(path, entry->at, "the checksum of the settings is wrong", error);
    else if (size != trainer->about.length || memcmp(theirs, trainer->about.data, size) != 0)
      status = other_settings(path, theirs, trainer->about.data, error);
  }
  loci__free(trainer->context, theirs);
  return status;
}

static loci_status read_parts(const loci__trainer *trainer, int fd, const char *path, const loci__part *parts, size_t n,
                              loci_error *error) {
  checkpoint ours, theirs;
  LOCI__TRY(lay_out(&ours, trainer, parts, n, error));
  loci_file_info info;
  int failed = loci__file_fstat(trainer->context, fd, &info);
  if (failed) return loci__fail_file(error, "stat", path, failed);
  uint64_t size = info.size < 0 ? 0 : (uint64_t)info.size;
  if (size < sizeof theirs.header + sizeof *theirs.entries)
    return damaged(path, size, "it ends inside its header", error);
  LOCI__TRY(read_at(trainer->context, fd, path, &theirs.header, sizeof theirs.header, 0, error));
  const checkpoint_header *header = &theirs.header;
  if (memcmp(header->magic, magic, sizeof magic) != 0) return damaged(path, 0, "no checkpoint begins like this", error);
  if (header->version != CHECKPOINT_VERSION)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "checkpoint '%s' has version %u; this loci knows version %d", path,
                      (unsigned)header->version, CHECKPOINT_VERSION);
  if (header->checksum != loci__hash64(header, offsetof(checkpoint_header, checksum), 0))
    return damaged(path, offsetof(checkpoint_header, checksum), "the header's checksum is wrong", error);
  if (header->n_parts < 1 || header->n_parts > CHECKPOINT_PARTS)
    return damaged(path, offsetof(checkpoint_header, n_parts), "impossible number of parts", error);
  size_t table = header->n_parts * sizeof *theirs.entries;
  if (size < sizeof theirs.header + table) return damaged(path, size, "it ends inside its table", error);
  LOCI__TRY(read_at(trainer->context, fd, path, theirs.entries, table, sizeof theirs.header, error));
  if (header->table_checksum != loci__hash64(theirs.entries, table, header->n_parts))
    return damaged(path, sizeof theirs.header, "the checksum of the table is wrong", error);
  LOCI__TRY(check_about(trainer, fd, path, &theirs.entries[0], size, error));
  if (header->n_parts != n + 1 || header->file_size != ours.header.file_size)
    return damaged(path, offsetof(checkpoint_header, n_parts), "not the parts of these settings", error);
  if (size != header->file_size) return damaged(path, size, "it is shorter or longer than it says", error);
  for (size_t i = 1; i <= n; i++) {
    const checkpoint_entry *entry = &theirs.entries[i];
    if (memcmp(entry, &ours.entries[i], offsetof(checkpoint_entry, checksum)) != 0)
      return damaged(path, sizeof theirs.header + i * sizeof *entry, "not the parts of these settings", error);
    LOCI__TRY(read_at(trainer->context, fd, path, parts[i - 1].data, parts[i - 1].size, entry->at, error));
    if (loci__hash64(parts[i - 1].data, parts[i - 1].size, i) != entry->checksum)
      return damaged(path, entry->at, "a checksum is wrong", error);
  }
  return LOCI_OK;
}

loci_status loci__checkpoint_load(loci__trainer *trainer, const loci__part *parts, size_t n, bool *there,
                                  loci_error *error) {
  loci_context *context = trainer->context;
  *there = false;
  char *path = loci__path_join(context, trainer->folder, "state");
  if (!path) return loci__fail_memory(error, strlen(trainer->folder), "a checkpoint's name");
  loci_status status = loci__file_there(context, path, there, error);
  if (status != LOCI_OK || !*there) goto done;
  if (!trainer->common->resume) {
    *there = false;
    int failed = loci__file_unlink(context, path);
    if (failed) status = loci__fail_file(error, "remove", path, failed);
    else
      loci__log(context, LOCI_LOG_WARNING, "the checkpoint of an earlier run to '%s' is dropped: no --resume",
                trainer->output);
    goto done;
  }
  /* Whatever comes of it, the folder must not be removed. */
  trainer->saved = true;
  int fd = loci__file_open(context, path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    status = loci__fail_file(error, "open", path, fd);
    goto done;
  }
  status = read_parts(trainer, fd, path, parts, n, error);
  loci__file_close(context, fd);
  if (status == LOCI_OK) loci__log(context, LOCI_LOG_INFO, "going on from '%s'", path);
done:
  if (status != LOCI_OK) *there = false;
  loci__free(context, path);
  return status;
}

/* ---- when ---- */

bool loci__trainer_due(const loci__trainer *trainer) {
  double every = trainer->common->checkpoint_seconds;
  return every > 0 && loci__now() - trainer->last_checkpoint >= every;
}

loci_status loci__trainer_tick(loci__trainer *trainer, uint64_t done, double loss, const loci__part *parts, size_t n,
                               loci_error *error) {
  trainer->item[0] = '\0';
  if (!isnan(loss)) snprintf(trainer->item, sizeof trainer->item, "loss %.4f", loss);
  loci_status status = loci__meter_at(&trainer->meter, done, trainer->item[0] ? trainer->item : NULL, error);
  if (status == LOCI_ERROR_CANCELLED) {
    LOCI__TRY(loci__checkpoint_save(trainer, parts, n, error));
    return loci__fail(error, LOCI_ERROR_CANCELLED,
                      "stopped; '%s' holds what was learned so far: the same command with --resume goes on from there",
                      trainer->folder);
  }
  if (status != LOCI_OK || !loci__trainer_due(trainer)) return status;
  loci_error failure = {0};
  if (loci__checkpoint_save(trainer, parts, n, &failure) != LOCI_OK)
    loci__log(trainer->context, LOCI_LOG_WARNING, "%s; the training goes on%s", failure.message,
              trainer->saved ? ", the checkpoint before is still there" : "");
  return LOCI_OK;
}
