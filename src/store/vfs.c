/* store/vfs.c: SQLite's unix VFS behind the context's `before` hook.
 *
 * SQLite keeps its own way to the disk, with its locks and shared memory, which are better tested than anything we
 * could put in their place. In front of each method stands one question to the context's file table: may this call
 * be made? The fault tests answer with an errno and so reach every file operation of the store. Methods are called
 * "db-open", "db-read", "db-write", "db-sync", "db-truncate", "db-size", "db-lock", "db-shm", "db-delete" and
 * "db-access".
 *
 * A VFS has to be registered with the process for SQLite to find it by name. Each store handle registers its own,
 * named after its address, never as the default, and takes it away when it closes: no other user of SQLite in the
 * process is touched. Memory-mapped reads (version 3 methods) are not offered.
 *
 * Unlocking and closing are never refused: SQLite has no way to deal with that, and neither has anybody else.
 */
#include <errno.h>
#include <stdio.h>

#include "private.h"

typedef struct shim_file {
  sqlite3_file base;
  loci__vfs *owner;
  const char *path;   /* SQLite keeps it alive as long as the file is open; NULL for temporary files */
  sqlite3_file *real; /* behind this struct */
} shim_file;

static loci__vfs *of(sqlite3_vfs *vfs) {
  return vfs->pAppData;
}

/* 0, or the errno that the hook wants. */
static int ask(const loci__vfs *vfs, const char *method, const char *path) {
  const loci_file_table *files = loci__context_files(vfs->context);
  return files->before ? files->before(files->user, method, path) : 0;
}

static int refused(int err, int otherwise) {
  if (err == ENOMEM) return SQLITE_IOERR_NOMEM;
  if (err == ENOSPC || err == EDQUOT) return SQLITE_FULL;
  /* What the unix VFS says of a place where nothing may be made. */
  if (err == EACCES || err == EPERM || err == EROFS) return SQLITE_CANTOPEN;
  return otherwise;
}

#define SHIM_ASK(file, method, otherwise)   \
  shim_file *f = (shim_file *)(file);       \
  int err = ask(f->owner, method, f->path); \
  if (err) return refused(err, otherwise)

static int shim_close(sqlite3_file *file) {
  shim_file *f = (shim_file *)file;
  return f->real->pMethods ? f->real->pMethods->xClose(f->real) : SQLITE_OK;
}

static int shim_read(sqlite3_file *file, void *into, int size, sqlite3_int64 offset) {
  SHIM_ASK(file, "db-read", SQLITE_IOERR_READ);
  return f->real->pMethods->xRead(f->real, into, size, offset);
}

static int shim_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 offset) {
  SHIM_ASK(file, "db-write", SQLITE_IOERR_WRITE);
  return f->real->pMethods->xWrite(f->real, from, size, offset);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size) {
  SHIM_ASK(file, "db-truncate", SQLITE_IOERR_TRUNCATE);
  return f->real->pMethods->xTruncate(f->real, size);
}

static int shim_sync(sqlite3_file *file, int flags) {
  SHIM_ASK(file, "db-sync", SQLITE_IOERR_FSYNC);
  return f->real->pMethods->xSync(f->real, flags);
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *size) {
  SHIM_ASK(file, "db-size", SQLITE_IOERR_FSTAT);
  return f->real->pMethods->xFileSize(f->real, size);
}

static int shim_lock(sqlite3_file *file, int level) {
  SHIM_ASK(file, "db-lock", SQLITE_IOERR_LOCK);
  return f->real->pMethods->xLock(f->real, level);
}

static int shim_unlock(sqlite3_file *file, int level) {
  shim_file *f = (shim_file *)file;
  return f->real->pMethods->xUnlock(f->real, level);
}

static int shim_check_reserved(sqlite3_file *file, int *out) {
  SHIM_ASK(file, "db-lock", SQLITE_IOERR_CHECKRESERVEDLOCK);
  return f->real->pMethods->xCheckReservedLock(f->real, out);
}

static int shim_control(sqlite3_file *file, int op, void *arg) {
  shim_file *f = (shim_file *)file;
  return f->real->pMethods->xFileControl(f->real, op, arg);
}

static int shim_sector_size(sqlite3_file *file) {
  shim_file *f = (shim_file *)file;
  return f->real->pMethods->xSectorSize(f->real);
}

static int shim_characteristics(sqlite3_file *file) {
  shim_file *f = (shim_file *)file;
  return f->real->pMethods->xDeviceCharacteristics(f->real);
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out) {
  SHIM_ASK(file, "db-shm", SQLITE_IOERR_SHMMAP);
  return f->real->pMethods->xShmMap(f->real, page, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int n, int flags) {
  shim_file *f = (shim_file *)file;
  if (!(flags & SQLITE_SHM_UNLOCK)) {
    int err = ask(f->owner, "db-shm", f->path);
    if (err) return refused(err, SQLITE_IOERR_SHMLOCK);
  }
  return f->real->pMethods->xShmLock(f->real, offset, n, flags);
}

static void shim_shm_barrier(sqlite3_file *file) {
  shim_file *f = (shim_file *)file;
  f->real->pMethods->xShmBarrier(f->real);
}

static int shim_shm_unmap(sqlite3_file *file, int remove) {
  shim_file *f = (shim_file *)file;
  return f->real->pMethods->xShmUnmap(f->real, remove);
}

static const sqlite3_io_methods shim_methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_check_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector_size,
    .xDeviceCharacteristics = shim_characteristics,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *file, int flags, int *out_flags) {
  loci__vfs *v = of(vfs);
  shim_file *f = (shim_file *)file;
  memset(f, 0, sizeof *f);
  f->owner = v;
  f->path = path;
  f->real = (sqlite3_file *)(void *)(f + 1);
  memset(f->real, 0, (size_t)v->real->szOsFile);
  int err = ask(v, "db-open", path);
  if (err) return refused(err, SQLITE_CANTOPEN);
  int rc = v->real->xOpen(v->real, path, f->real, flags, out_flags);
  /* SQLite closes whatever has methods, even after a failure. */
  if (f->real->pMethods) f->base.pMethods = &shim_methods;
  return rc;
}

static int shim_delete(sqlite3_vfs *vfs, const char *path, int sync) {
  loci__vfs *v = of(vfs);
  int err = ask(v, "db-delete", path);
  if (err) return refused(err, SQLITE_IOERR_DELETE);
  return v->real->xDelete(v->real, path, sync);
}

static int shim_access(sqlite3_vfs *vfs, const char *path, int flags, int *out) {
  loci__vfs *v = of(vfs);
  int err = ask(v, "db-access", path);
  if (err) return refused(err, SQLITE_IOERR_ACCESS);
  return v->real->xAccess(v->real, path, flags, out);
}

static int shim_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out) {
  loci__vfs *v = of(vfs);
  return v->real->xFullPathname(v->real, path, size, out);
}

static int shim_randomness(sqlite3_vfs *vfs, int size, char *out) {
  loci__vfs *v = of(vfs);
  return v->real->xRandomness(v->real, size, out);
}

static int shim_sleep(sqlite3_vfs *vfs, int microseconds) {
  loci__vfs *v = of(vfs);
  return v->real->xSleep(v->real, microseconds);
}

static int shim_time(sqlite3_vfs *vfs, double *out) {
  loci__vfs *v = of(vfs);
  return v->real->xCurrentTime(v->real, out);
}

static int shim_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *out) {
  loci__vfs *v = of(vfs);
  return v->real->xCurrentTimeInt64(v->real, out);
}

static int shim_last_error(sqlite3_vfs *vfs, int size, char *out) {
  loci__vfs *v = of(vfs);
  return v->real->xGetLastError ? v->real->xGetLastError(v->real, size, out) : 0;
}

loci_status loci__vfs_register(loci__vfs *v, loci_context *context, loci_error *error) {
  memset(v, 0, sizeof *v);
  v->context = context;
  int rc = sqlite3_initialize();
  if (rc == SQLITE_NOMEM) return loci__fail_memory(error, 0, "SQLite");
  v->real = rc == SQLITE_OK ? sqlite3_vfs_find("unix") : NULL;
  if (!v->real) v->real = rc == SQLITE_OK ? sqlite3_vfs_find(NULL) : NULL;
  if (!v->real || v->real->iVersion < 2)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "this SQLite has no VFS that loci can use");
  snprintf(v->name, sizeof v->name, "loci-%p", (void *)v);
  v->vfs = (sqlite3_vfs){
      .iVersion = 2,
      .szOsFile = (int)sizeof(shim_file) + v->real->szOsFile,
      .mxPathname = v->real->mxPathname,
      .zName = v->name,
      .pAppData = v,
      .xOpen = shim_open,
      .xDelete = shim_delete,
      .xAccess = shim_access,
      .xFullPathname = shim_full_path,
      .xRandomness = shim_randomness,
      .xSleep = shim_sleep,
      .xCurrentTime = shim_time,
      .xGetLastError = shim_last_error,
      .xCurrentTimeInt64 = shim_time_int64,
  };
  rc = sqlite3_vfs_register(&v->vfs, 0);
  if (rc == SQLITE_NOMEM) return loci__fail_memory(error, 0, "SQLite");
  if (rc != SQLITE_OK) return loci__fail(error, LOCI_ERROR_INTERNAL, "SQLite refused a VFS (%d)", rc);
  return LOCI_OK;
}

void loci__vfs_unregister(loci__vfs *v) {
  sqlite3_vfs_unregister(&v->vfs);
}
