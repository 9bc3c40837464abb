/* store/lock.c: one writer at a time.
 *
 * A file beside the database, "<store>.lock", locked for as long as the writing handle is open. The lock is the
 * kernel's, so it ends with the process that held it, however that died; the text in the file (pid and since when)
 * is only there to be told to the second writer. The file stays: removing it would let a third one lock a file that
 * is no longer there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

static loci_status tell_holder(const loci__lock *lock, const char *store_path, loci_error *error) {
  char text[128] = "";
  int64_t n = loci__file_pread(lock->context, lock->fd, text, sizeof text - 1, 0);
  text[n > 0 ? n : 0] = 0;
  char *end = text;
  long pid = strtol(text, &end, 10);
  end[strcspn(end, "\n")] = 0;
  if (n <= 0 || pid <= 0 || end == text)
    return loci__fail(error, LOCI_ERROR_LOCKED, "another process is writing to '%s'; wait until it is done",
                      store_path);
  return loci__fail(error, LOCI_ERROR_LOCKED, "process %ld has been writing to '%s' since%s; wait until it is done",
                    pid, store_path, end);
}

loci_status loci__lock_take(loci__lock *lock, loci_context *context, const char *store_path, loci_error *error) {
  size_t length = strlen(store_path);
  lock->context = context;
  lock->fd = -1;
  lock->path = loci__alloc(context, length + 6);
  if (!lock->path) return loci__fail_memory(error, length + 6, "the lock's path");
  memcpy(lock->path, store_path, length);
  memcpy(lock->path + length, ".lock", 6);
  lock->fd = loci__file_open(context, lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  loci_status status = LOCI_OK;
  if (lock->fd < 0) {
    status = loci__fail_file(error, "open", lock->path, lock->fd);
    goto failed;
  }
  int rc = loci__file_lock(context, lock->fd, true);
  if (rc == -EWOULDBLOCK || rc == -EAGAIN) {
    status = tell_holder(lock, store_path, error);
    goto failed;
  }
  if (rc < 0) {
    status = loci__fail_file(error, "lock", lock->path, rc);
    goto failed;
  }
  char text[96], when[40] = "";
  time_t now = time(NULL);
  struct tm parts;
  if (localtime_r(&now, &parts)) strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &parts);
  int n = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), when);
  /* What the file says is a courtesy: a full disk does not keep a writer from removing documents. */
  if (loci__file_ftruncate(context, lock->fd, 0) >= 0)
    (void)loci__file_pwrite_all(context, lock->fd, text, (size_t)n, 0);
  return LOCI_OK;
failed:
  if (lock->fd >= 0) (void)loci__file_close(context, lock->fd);
  loci__free(context, lock->path);
  lock->path = NULL;
  lock->fd = -1;
  return status;
}

void loci__lock_drop(loci__lock *lock) {
  if (!lock->path) return;
  (void)loci__file_ftruncate(lock->context, lock->fd, 0);
  (void)loci__file_unlock(lock->context, lock->fd);
  (void)loci__file_close(lock->context, lock->fd);
  loci__free(lock->context, lock->path);
  lock->path = NULL;
}
