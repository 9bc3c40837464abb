/* extract/: files to documents. Decides what a file is (by content, then by name), reads plain UTF-8 text itself and
 * hands everything else to the helper program loci-extract (HTML, Markdown, PDF, .gz, other encodings), which parses
 * hostile bytes under rlimits and seccomp and may die, hang or lie without harm: then the file is skipped with a
 * reason. Also: walking folders under ignore rules.
 *
 * Threads: an extractor belongs to one thread at a time and keeps one helper process; open one a worker.
 */
#ifndef LOCI_EXTRACT_EXTRACT_H
#define LOCI_EXTRACT_EXTRACT_H

#include "../base/base.h"
#include "../base/document.h"
#include "../base/file.h"

typedef struct loci__extractor loci__extractor;

loci_status loci__extractor_open(loci_context *context, loci__extractor **out, loci_error *error);
void loci__extractor_close(loci__extractor *extractor);

/* bytes: the whole file. On success either *out is filled, or *skipped is a static reason ("binary", "encrypted",
 * "broken", "helper died", "took too long", "not implemented: …", "empty" …; src/base/helper_protocol.h and sniff.c have
 * them all) and *out is empty. Errors are loci's own: no memory, or no helper program to start. */
loci_status loci__extract(loci__extractor *extractor, const char *path, const char *bytes, size_t length,
                          loci__document *out, const char **skipped, loci_error *error);

/* ---- walking (walk.c, ignore.c) ---------------------------------------------------------------- */

typedef struct loci__walk_options {
  const char *const *exclude; /* patterns of .gitignore's kind, relative to the root */
  size_t n_exclude;
  bool no_ignore, hidden;
  uint64_t max_file_size;
} loci__walk_options;

/* path is absolute; skipped NULL = a regular file to read, else the reason why not ("too large", "loop",
 * "not a regular file", "cannot read: …"). Ignored files are not told. A non-OK answer ends the walk. */
typedef loci_status (*loci__walk_fn)(void *arg, const char *path, const loci_file_info *info, const char *skipped,
                                     loci_error *error);

/* root: absolute, a folder or a file (which is told whatever the ignore rules say). Order: by name, byte-wise, a
 * folder's files where its name stands. Rules: .gitignore (as `git check-ignore` says, .git/info/exclude too) and
 * .lociignore of the same kind, from the root (and from the git work tree's top above it) down. .git is never
 * entered. Links to files are followed, to folders too, each folder once (device, inode): those come after everything
 * else, so that a file is told by its real path where it has one below root; "loop" and "folder seen before" tell the
 * others. */
loci_status loci__walk(loci_context *context, const char *root, const loci__walk_options *options, loci__walk_fn each,
                       void *arg, loci_error *error);

#endif
