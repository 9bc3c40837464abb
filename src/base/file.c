/* base/file.c: file calls through the context's table, and what is built on them: whole files, atomic replacement,
 * mappings. The hook `before` is asked first for every method, so a fault test sees each call once. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Asks the hook; leaves the enclosing function with −errno when it says so. */
#define ASK(files, method, path)                               \
  const loci_file_table *files = loci__context_files(context); \
  if (files == NULL) return -ENOMEM;                           \
  do {                                                         \
    int refused = files->before(files->user, method, path);    \
    if (refused != 0) return refused < 0 ? refused : -refused; \
  } while (0)

int loci__file_open(loci_context *context, const char *path, int flags, unsigned mode) {
  ASK(files, "open", path);
  int fd;
  do {
    fd = files->open(files->user, path, flags, mode);
  } while (fd == -EINTR);
  return fd;
}

int loci__file_close(loci_context *context, int fd) {
  const loci_file_table *files = loci__context_files(context);
  /* Closed whatever the hook says: a descriptor must not leak because a fault was injected. */
  int refused = files->before(files->user, "close", NULL);
  int result = files->close(files->user, fd);
  return refused != 0 ? (refused < 0 ? refused : -refused) : result;
}

int64_t loci__file_pread(loci_context *context, int fd, void *into, size_t size, int64_t offset) {
  ASK(files, "pread", NULL);
  int64_t n;
  do {
    n = files->pread(files->user, fd, into, size, offset);
  } while (n == -EINTR);
  return n;
}

static int64_t file_pwrite(loci_context *context, int fd, const void *from, size_t size, int64_t offset) {
  ASK(files, "pwrite", NULL);
  int64_t n;
  do {
    n = files->pwrite(files->user, fd, from, size, offset);
  } while (n == -EINTR);
  return n;
}

int loci__file_stat(loci_context *context, const char *path, bool follow, loci_file_info *out) {
  ASK(files, "stat", path);
  return files->stat(files->user, path, follow, out);
}

int loci__file_fstat(loci_context *context, int fd, loci_file_info *out) {
  ASK(files, "fstat", NULL);
  return files->fstat(files->user, fd, out);
}

int64_t loci__file_readlink(loci_context *context, const char *path, char *into, size_t size) {
  ASK(files, "readlink", path);
  return files->readlink(files->user, path, into, size);
}

int loci__file_fsync(loci_context *context, int fd) {
  ASK(files, "fsync", NULL);
  /* Never retried into success: after an error the kernel has dropped the dirty pages. */
  return files->fsync(files->user, fd);
}

int loci__file_fsync_folder(loci_context *context, const char *path) {
  ASK(files, "fsync_folder", path);
  return files->fsync_folder(files->user, path);
}

int loci__file_ftruncate(loci_context *context, int fd, int64_t size) {
  ASK(files, "ftruncate", NULL);
  return files->ftruncate(files->user, fd, size);
}

int loci__file_rename(loci_context *context, const char *from, const char *to) {
  ASK(files, "rename", from);
  return files->rename(files->user, from, to);
}

int loci__file_unlink(loci_context *context, const char *path) {
  ASK(files, "unlink", path);
  return files->unlink(files->user, path);
}

int loci__file_mkdir(loci_context *context, const char *path, unsigned mode) {
  ASK(files, "mkdir", path);
  return files->mkdir(files->user, path, mode);
}

int loci__file_rmdir(loci_context *context, const char *path) {
  ASK(files, "rmdir", path);
  return files->rmdir(files->user, path);
}

int loci__file_readdir(loci_context *context, const char *path, int (*each)(void *arg, const char *name), void *arg) {
  ASK(files, "readdir", path);
  return files->readdir(files->user, path, each, arg);
}

int loci__file_lock(loci_context *context, int fd, bool exclusive) {
  ASK(files, "lock", NULL);
  return files->lock(files->user, fd, exclusive);
}

int loci__file_unlock(loci_context *context, int fd) {
  ASK(files, "unlock", NULL);
  return files->unlock(files->user, fd);
}

int loci__file_mmap(loci_context *context, int fd, size_t size, const void **out) {
  ASK(files, "mmap", NULL);
  return files->mmap(files->user, fd, size, out);
}

int loci__file_munmap(loci_context *context, const void *memory, size_t size) {
  const loci_file_table *files = loci__context_files(context);
  return files->munmap(files->user, memory, size);
}

int loci__file_pread_all(loci_context *context, int fd, void *into, size_t size, int64_t offset) {
  char *at = into;
  while (size > 0) {
    int64_t n = loci__file_pread(context, fd, at, size, offset);
    if (n < 0) return (int)n;
    if (n == 0) return -EIO;
    at += n;
    size -= (size_t)n;
    offset += n;
  }
  return 0;
}

int loci__file_pwrite_all(loci_context *context, int fd, const void *from, size_t size, int64_t offset) {
  const char *at = from;
  while (size > 0) {
    int64_t n = file_pwrite(context, fd, at, size, offset);
    if (n < 0) return (int)n;
    if (n == 0) return -ENOSPC;
    at += n;
    size -= (size_t)n;
    offset += n;
  }
  return 0;
}

loci_status loci__file_read(loci_context *context, const char *path, size_t limit, char **data, size_t *length,
                            loci_error *error) {
  *data = NULL;
  *length = 0;
  int fd = loci__file_open(context, path, O_RDONLY, 0);
  if (fd < 0) return loci__fail_file(error, "open", path, fd);
  loci_status status = LOCI_OK;
  loci_file_info info;
  int failed = loci__file_fstat(context, fd, &info);
  if (failed < 0) {
    status = loci__fail_file(error, "stat", path, failed);
  } else if (info.kind == LOCI_FILE_FOLDER) {
    status = loci__fail_file(error, "read", path, EISDIR);
  } else if (info.size < 0 || (uint64_t)info.size > limit) {
    status = loci__fail(error, LOCI_ERROR_LIMIT, "'%s' has %lld bytes; at most %zu are read", path,
                        (long long)info.size, limit);
  }
  size_t size = status == LOCI_OK ? (size_t)info.size : 0;
  char *memory = status == LOCI_OK ? loci__alloc(context, size + 1) : NULL;
  if (status == LOCI_OK && memory == NULL) status = loci__fail_memory(error, size + 1, path);
  /* A file that shrinks meanwhile is read as far as it goes. */
  size_t got = 0;
  while (status == LOCI_OK && got < size) {
    int64_t n = loci__file_pread(context, fd, memory + got, size - got, (int64_t)got);
    if (n < 0) status = loci__fail_file(error, "read", path, (int)n);
    if (n <= 0) break;
    got += (size_t)n;
  }
  loci__file_close(context, fd);
  if (status != LOCI_OK) {
    loci__free(context, memory);
    return status;
  }
  memory[got] = '\0';
  *data = memory;
  *length = got;
  return LOCI_OK;
}

loci_status loci__file_write_atomic(loci_context *context, const char *path, const void *data, size_t length,
                                    loci_error *error) {
  loci__buffer temporary;
  loci__buffer_init(&temporary, context, 1 << 16);
  loci__buffer_printf(&temporary, "%s.%ld.tmp", path, (long)getpid());
  char *folder = loci__path_folder(context, path);
  loci_status status = loci__buffer_status(&temporary, "a temporary name", error);
  if (status == LOCI_OK && folder == NULL) status = loci__fail_memory(error, strlen(path), "a folder's name");
  if (status != LOCI_OK) {
    loci__buffer_release(&temporary);
    loci__free(context, folder);
    return status;
  }
  const char *verb = "create";
  int fd = loci__file_open(context, temporary.data, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  int failed = fd < 0 ? fd : 0;
  if (fd >= 0) {
    verb = "write";
    failed = loci__file_pwrite_all(context, fd, data, length, 0);
    if (failed == 0) failed = loci__file_fsync(context, fd);
    int closed = loci__file_close(context, fd);
    if (failed == 0) failed = closed;
    if (failed == 0) {
      verb = "rename";
      failed = loci__file_rename(context, temporary.data, path);
    }
    if (failed != 0) loci__file_unlink(context, temporary.data);
    if (failed == 0) {
      verb = "sync the folder of";
      failed = loci__file_fsync_folder(context, folder);
    }
  }
  if (failed != 0) status = loci__fail_file(error, verb, path, failed);
  loci__buffer_release(&temporary);
  loci__free(context, folder);
  return status;
}

bool loci__file_exists(loci_context *context, const char *path) {
  loci_file_info info;
  return loci__file_stat(context, path, true, &info) == 0;
}

loci_status loci__file_there(loci_context *context, const char *path, bool *there, loci_error *error) {
  loci_file_info info;
  const int err = loci__file_stat(context, path, true, &info);
  *there = err >= 0;
  return err >= 0 || err == -ENOENT || err == -ENOTDIR ? LOCI_OK : loci__fail_file(error, "look at", path, err);
}

loci_status loci__file_make_folders(loci_context *context, const char *path, loci_error *error) {
  char *copy = loci__strdup(context, path);
  if (copy == NULL) return loci__fail_memory(error, strlen(path), "a folder's name");
  loci_status status = LOCI_OK;
  for (char *at = copy + 1; status == LOCI_OK && copy[0] != '\0'; at++) {
    if (*at != '/' && *at != '\0') continue;
    char kept = *at;
    *at = '\0';
    loci_file_info info;
    int failed = loci__file_mkdir(context, copy, 0777);
    if (failed == -EEXIST) {
      failed = loci__file_stat(context, copy, true, &info);
      if (failed == 0 && info.kind != LOCI_FILE_FOLDER) failed = -ENOTDIR;
    }
    if (failed != 0) status = loci__fail_file(error, "make the folder", copy, failed);
    *at = kept;
    if (kept == '\0') break;
  }
  loci__free(context, copy);
  return status;
}

loci_status loci__mapping_open(loci__mapping *mapping, loci_context *context, const char *path, loci_error *error) {
  *mapping = (loci__mapping){.context = context, .data = ""};
  int fd = loci__file_open(context, path, O_RDONLY, 0);
  if (fd < 0) return loci__fail_file(error, "open", path, fd);
  loci_status status = LOCI_OK;
  int failed = loci__file_fstat(context, fd, &mapping->info);
  if (failed == 0 && mapping->info.kind != LOCI_FILE_REGULAR) {
    failed = mapping->info.kind == LOCI_FILE_FOLDER ? -EISDIR : -EINVAL;
  }
  if (failed == 0 && mapping->info.size > 0) {
    const void *memory = NULL;
    failed = loci__file_mmap(context, fd, (size_t)mapping->info.size, &memory);
    if (failed == 0) {
      mapping->data = memory;
      mapping->length = (size_t)mapping->info.size;
    }
  }
  if (failed != 0) status = loci__fail_file(error, "map", path, failed);
  loci__file_close(context, fd);
  return status;
}

void loci__mapping_close(loci__mapping *mapping) {
  if (mapping->length > 0) loci__file_munmap(mapping->context, mapping->data, mapping->length);
  mapping->data = "";
  mapping->length = 0;
}
