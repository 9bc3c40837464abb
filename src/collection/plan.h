/* collection/plan.h: what has to be done to bring a collection in step with its files. See plan.c. */
#ifndef LOCI_COLLECTION_PLAN_H
#define LOCI_COLLECTION_PLAN_H

#include "collection.h"

typedef struct loci__plan_root {
  int64_t id; /* 0 = not in the store yet */
  const char *path;
  const char **exclude;
  size_t n_exclude;
  uint64_t max_file_size;
  bool no_ignore, hidden;
  bool is_walked;  /* wholly or in part by this plan */
  bool is_changed; /* new, or with other options than those stored */
} loci__plan_root;

/* A file: of the store, of the disk, or of both. */
typedef struct loci__plan_file {
  const char *path;
  size_t root;            /* index of the deepest root that holds it; SIZE_MAX = none */
  int64_t size, mtime_ns; /* on disk */
  const char *skipped;    /* the walk's reason not to read it, or NULL */
  bool is_seen;           /* told by the walk */
  bool is_work;           /* to be read, or recorded as skipped */
  bool is_gone;           /* to be forgotten */
  bool is_recheck;        /* looks unchanged, but is to be hashed to be sure */
  /* of the store; id 0 = not there */
  int64_t id, root_id, known_size, known_mtime_ns;
  const char *known_hash, *known_skipped;
  uint32_t next_path, next_hash; /* chains, plus one */
} loci__plan_file;

typedef struct loci__plan {
  loci_context *context;
  loci__arena arena;
  loci__plan_root *roots;
  size_t n_roots, roots_capacity;
  loci__plan_file *files; /* those of the store first, by path, then new ones in the walk's order */
  size_t n_files, files_capacity;
  uint32_t *by_path, *by_hash; /* heads of chains, plus one */
  size_t n_slots;              /* a power of two */
  const char **unreadable;     /* paths at and below which nothing is taken for gone */
  size_t n_unreadable, unreadable_capacity;
  size_t n_work;
  bool is_upgraded; /* another version of loci read the files: what it could not read is tried again */
  uint64_t n_seen, n_new, n_changed, n_unchanged, n_gone, n_skipped;
} loci__plan;

/* Walks what `paths` name (n_paths 0 = every root) and compares with the store by size and mtime. `options` may be
 * NULL. Nothing is written; events for files that the walk skips are told. {0} is releasable. */
loci_status loci__plan_make(loci_collection *collection, const char *const *paths, size_t n_paths,
                            const loci_index_options *options, loci__plan *plan, loci_error *error);
void loci__plan_release(loci__plan *plan);
/* A document of the store with this content hash, or NULL. */
const loci__plan_file *loci__plan_find_hash(const loci__plan *plan, const char *hash);
/* What the store keeps as a file's mtime: negative when the file was modified so shortly before it was read that a later
 * change could bear the same time. now_ns: of the wall clock, before the file was read. */
int64_t loci__plan_mtime(int64_t mtime_ns, int64_t now_ns);
/* Whether path is `prefix` or lies below it. */
bool loci__path_is_below(const char *prefix, const char *path);
/* Writes new roots and changed walk options. Inside a write transaction; fills the roots' ids. */
loci_status loci__plan_put_roots(loci_collection *collection, loci__plan *plan, loci_error *error);
/* Notes that this version has read every file. Inside a write transaction. */
loci_status loci__plan_put_version(loci_collection *collection, loci_error *error);

#endif
