/* base/default_files.c: the POSIX functions behind the file table. The only place of loci that calls open(2) and its
 * kin. Each answers −errno on failure. */
#include "context.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int no_hook(void *user, const char *method, const char *path) {
  (void)user;
  (void)method;
  (void)path;
  return 0;
}

static int posix_open(void *user, const char *path, int flags, unsigned mode) {
  (void)user;
  int fd = open(path, flags | O_CLOEXEC, mode);
  return fd < 0 ? -errno : fd;
}

static int posix_close(void *user, int fd) {
  (void)user;
  return close(fd) < 0 ? -errno : 0;
}

static int64_t posix_pread(void *user, int fd, void *into, size_t size, int64_t offset) {
  (void)user;
  ssize_t n = pread(fd, into, size, offset);
  return n < 0 ? -errno : n;
}

static int64_t posix_pwrite(void *user, int fd, const void *from, size_t size, int64_t offset) {
  (void)user;
  ssize_t n = pwrite(fd, from, size, offset);
  return n < 0 ? -errno : n;
}

static void info_of(const struct stat *s, loci_file_info *out) {
  out->kind = S_ISREG(s->st_mode)   ? LOCI_FILE_REGULAR
              : S_ISDIR(s->st_mode) ? LOCI_FILE_FOLDER
              : S_ISLNK(s->st_mode) ? LOCI_FILE_LINK
                                    : LOCI_FILE_OTHER;
  out->size = s->st_size;
  out->mtime_ns = (int64_t)s->st_mtim.tv_sec * 1000000000 + s->st_mtim.tv_nsec;
  out->device = s->st_dev;
  out->inode = s->st_ino;
}

static int posix_stat(void *user, const char *path, int follow_links, loci_file_info *out) {
  (void)user;
  struct stat s;
  if ((follow_links ? stat(path, &s) : lstat(path, &s)) < 0) return -errno;
  info_of(&s, out);
  return 0;
}

static int posix_fstat(void *user, int fd, loci_file_info *out) {
  (void)user;
  struct stat s;
  if (fstat(fd, &s) < 0) return -errno;
  info_of(&s, out);
  return 0;
}

static int64_t posix_readlink(void *user, const char *path, char *into, size_t size) {
  (void)user;
  ssize_t n = readlink(path, into, size);
  return n < 0 ? -errno : n;
}

static int posix_fsync(void *user, int fd) {
  (void)user;
  return fsync(fd) < 0 ? -errno : 0;
}

static int posix_fsync_folder(void *user, const char *path) {
  (void)user;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int result = fsync(fd) < 0 ? -errno : 0;
  close(fd);
  return result;
}

static int posix_ftruncate(void *user, int fd, int64_t size) {
  (void)user;
  return ftruncate(fd, size) < 0 ? -errno : 0;
}

static int posix_rename(void *user, const char *from, const char *to) {
  (void)user;
  return rename(from, to) < 0 ? -errno : 0;
}

static int posix_unlink(void *user, const char *path) {
  (void)user;
  return unlink(path) < 0 ? -errno : 0;
}

static int posix_mkdir(void *user, const char *path, unsigned mode) {
  (void)user;
  return mkdir(path, mode) < 0 ? -errno : 0;
}

static int posix_rmdir(void *user, const char *path) {
  (void)user;
  return rmdir(path) < 0 ? -errno : 0;
}

static int posix_readdir(void *user, const char *path, int (*each)(void *arg, const char *name), void *arg) {
  (void)user;
  DIR *folder = opendir(path);
  if (folder == NULL) return -errno;
  int result = 0;
  for (;;) {
    errno = 0;
    struct dirent *entry = readdir(folder);
    if (entry == NULL) {
      result = -errno;
      break;
    }
    const char *name = entry->d_name;
    if (name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))) continue;
    if (each(arg, name) != 0) break;
  }
  closedir(folder);
  return result;
}

static int posix_lock(void *user, int fd, int exclusive) {
  (void)user;
  return flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0 ? -errno : 0;
}

static int posix_unlock(void *user, int fd) {
  (void)user;
  return flock(fd, LOCK_UN) < 0 ? -errno : 0;
}

static int posix_mmap(void *user, int fd, size_t size, const void **out) {
  (void)user;
  void *memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return -errno;
  *out = memory;
  return 0;
}

static int posix_munmap(void *user, const void *memory, size_t size) {
  (void)user;
  return munmap((void *)(uintptr_t)memory, size) < 0 ? -errno : 0;
}

void loci__files_fill_defaults(loci_file_table *files) {
  files->struct_size = sizeof *files;
#define FILL(member, function) \
  if (files->member == NULL) files->member = (function)
  FILL(before, no_hook);
  FILL(open, posix_open);
  FILL(close, posix_close);
  FILL(pread, posix_pread);
  FILL(pwrite, posix_pwrite);
  FILL(stat, posix_stat);
  FILL(fstat, posix_fstat);
  FILL(readlink, posix_readlink);
  FILL(fsync, posix_fsync);
  FILL(fsync_folder, posix_fsync_folder);
  FILL(ftruncate, posix_ftruncate);
  FILL(rename, posix_rename);
  FILL(unlink, posix_unlink);
  FILL(mkdir, posix_mkdir);
  FILL(readdir, posix_readdir);
  FILL(lock, posix_lock);
  FILL(unlock, posix_unlock);
  FILL(mmap, posix_mmap);
  FILL(munmap, posix_munmap);
  FILL(rmdir, posix_rmdir);
#undef FILL
}
