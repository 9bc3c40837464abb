/* base/file.h: files, through the context's table (the VFS), and paths.
 *
 * Nothing in loci calls open(2) and its kin but default_files.c: the fault tests replace the table.
 */
#ifndef LOCI_BASE_FILE_H
#define LOCI_BASE_FILE_H

#include "base.h"

/* Table calls with the `before` hook asked first. 0, a descriptor or a count; else −errno. EINTR is retried. */
int loci__file_open(loci_context *context, const char *path, int flags, unsigned mode);
int loci__file_close(loci_context *context, int fd);
int64_t loci__file_pread(loci_context *context, int fd, void *into, size_t size, int64_t offset);
int loci__file_stat(loci_context *context, const char *path, bool follow, loci_file_info *out);
int loci__file_fstat(loci_context *context, int fd, loci_file_info *out);
int64_t loci__file_readlink(loci_context *context, const char *path, char *into, size_t size);
int loci__file_fsync(loci_context *context, int fd);
int loci__file_fsync_folder(loci_context *context, const char *path);
int loci__file_ftruncate(loci_context *context, int fd, int64_t size);
int loci__file_rename(loci_context *context, const char *from, const char *to);
int loci__file_unlink(loci_context *context, const char *path);
int loci__file_mkdir(loci_context *context, const char *path, unsigned mode);
int loci__file_rmdir(loci_context *context, const char *path); /* an empty folder */
int loci__file_readdir(loci_context *context, const char *path, int (*each)(void *arg, const char *name), void *arg);
int loci__file_lock(loci_context *context, int fd, bool exclusive);
int loci__file_unlock(loci_context *context, int fd);
int loci__file_mmap(loci_context *context, int fd, size_t size, const void **out);
int loci__file_munmap(loci_context *context, const void *memory, size_t size);

/* All of `size` bytes or an error: short reads and writes are gone on with. pread_all: −EIO at the end of file. */
int loci__file_pread_all(loci_context *context, int fd, void *into, size_t size, int64_t offset);
int loci__file_pwrite_all(loci_context *context, int fd, const void *from, size_t size, int64_t offset);

/* A whole file into memory (loci__free), NUL-terminated behind `length`. LIMIT when longer than `limit`. */
loci_status loci__file_read(loci_context *context, const char *path, size_t limit, char **data, size_t *length,
                            loci_error *error);
/* Written beside, fsynced, renamed over `path`, folder fsynced: after a crash either the old or the new content. */
loci_status loci__file_write_atomic(loci_context *context, const char *path, const void *data, size_t length,
                                    loci_error *error);

/* The same as a stream, for what is too big to be held: open, put (failure is sticky), then close, which renames, or
 * abandon, which leaves `path` as it was. After a failed open or close nothing is left to be done; abandon is allowed
 * after either and on {0}. */
typedef struct loci__file_out {
  loci_context *context;
  char *path, *folder, *temporary;
  char *buffer; /* what is not written yet */
  size_t used;
  int64_t offset;
  int fd, failed; /* −errno */
  bool opened;
} loci__file_out;
loci_status loci__file_out_open(loci__file_out *out, loci_context *context, const char *path, loci_error *error);
void loci__file_out_put(loci__file_out *out, const void *data, size_t length);
loci_status loci__file_out_close(loci__file_out *out, loci_error *error);
void loci__file_out_abandon(loci__file_out *out);
bool loci__file_exists(loci_context *context, const char *path);
/* The same where absence means something: IO when it cannot be told. *there is false then. */
loci_status loci__file_there(loci_context *context, const char *path, bool *there, loci_error *error);
/* mkdir -p, mode 0777 less the umask. */
loci_status loci__file_make_folders(loci_context *context, const char *path, loci_error *error);

/* A read-only mapped file. A file of 0 bytes has data "" and length 0. */
typedef struct loci__mapping {
  loci_context *context;
  const char *data;
  size_t length;
  loci_file_info info;
} loci__mapping;
loci_status loci__mapping_open(loci__mapping *mapping, loci_context *context, const char *path, loci_error *error);
void loci__mapping_close(loci__mapping *mapping);

/* ---- paths: text only, no file is touched but by loci__path_absolute (getcwd) -------------------- */

/* folder + "/" + name (name alone when it is absolute or folder is ""); allocated. NULL when out of memory. */
char *loci__path_join(loci_context *context, const char *folder, const char *name);
const char *loci__path_base(const char *path);                    /* behind the last '/'; points into path */
char *loci__path_folder(loci_context *context, const char *path); /* before the last '/', "." or "/" */
const char *loci__path_extension(const char *path);               /* behind the last '.' of the base, or "" */
/* Absolute, with "." and ".." and double slashes resolved as text; links stay. Allocated. */
char *loci__path_absolute(loci_context *context, const char *path);

#endif
