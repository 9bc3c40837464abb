/* loci/collection.h: a folder of documents, searchable by meaning. The main job.
 *
 * A collection is one SQLite file with its segments folder beside it (docs/store.md). One writer at a time (a
 * second gets LOCKED), any number of readers, which never wait. A handle belongs to one thread at a time; open
 * the same collection several times for several threads.
 */
#ifndef LOCI_COLLECTION_H
#define LOCI_COLLECTION_H

#include "core.h"
#include "model.h"
#include "vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct loci_collection loci_collection;

/* The version of SQLite that keeps collections, "3.40.1". */
LOCI_API const char *loci_sqlite_version(void);

enum {
  LOCI_COLLECTION_READ = 0,  /* must exist */
  LOCI_COLLECTION_WRITE = 1, /* must exist */
  LOCI_COLLECTION_CREATE = 2 /* made, with its folders, when it is not there */
};

/* path NULL: a collection in memory that ends with its handle, whatever the mode. */
LOCI_API loci_status loci_collection_open(loci_context *context, const char *path, int mode, loci_collection **out,
                                          loci_error *error);
LOCI_API void loci_collection_close(loci_collection *collection);

/* ---- index ----------------------------------------------------------------------------------- */

typedef struct loci_index_report {
  uint64_t n_seen, n_new, n_changed, n_unchanged, n_gone, n_skipped; /* files */
  uint64_t n_chunks, n_tokens, n_bytes;                              /* embedded by this call; bytes of files read */
  uint64_t n_truncated; /* chunks cut at the model's length (should be 0: chunks are measured in its tokens) */
  double seconds;
  uint64_t n_unknown; /* chunks of words that the model does not know: their vector is 0 */
} loci_index_report;

/* Called once a skipped file (reason: "binary", "encrypted", "too large", …) and, in a dry run, once for every
 * file with action "new", "changed", "gone". path belongs to the call. */
typedef void (*loci_index_event_fn)(void *user, const char *action, const char *path, const char *reason);

typedef struct loci_index_options {
  size_t struct_size;
  const char *model;          /* NULL = the collection's, else the built-in one */
  const char *const *exclude; /* globs as in .gitignore */
  size_t n_exclude;
  int dry_run;
  int no_ignore;          /* do not read .gitignore and .lociignore */
  int hidden;             /* files and folders whose name starts with a dot, too */
  uint64_t max_file_size; /* bytes; default 64 MiB */
  size_t chunk_tokens;    /* default and limit 256 tokens of the model */
  loci_index_event_fn event;
  void *event_user;
  loci_progress_fn progress;
  void *progress_user;
} loci_index_options;

LOCI_API void loci_index_options_init(loci_index_options *options);

/* Brings the collection up to date with `paths` (folders become roots; files are roots of their own). n_paths 0 =
 * every root already there. Gone files are forgotten only below a root that is there and not empty.
 * Another model's fingerprint gives MISMATCH. report may be NULL. */
LOCI_API loci_status loci_collection_index(loci_collection *collection, const char *const *paths, size_t n_paths,
                                           const loci_index_options *options, loci_index_report *report,
                                           loci_error *error);

/* Embeds everything anew from the stored text, with `options->model` (NULL = the collection's). */
LOCI_API loci_status loci_collection_reindex(loci_collection *collection, const loci_index_options *options,
                                             loci_index_report *report, loci_error *error);

/* Forgets a file, or everything below a folder; n_forgotten may be NULL. NOT_FOUND when nothing matches. */
LOCI_API loci_status loci_collection_forget(loci_collection *collection, const char *path, uint64_t *n_forgotten,
                                            loci_error *error);

/* ---- search ---------------------------------------------------------------------------------- */

typedef enum loci_search_mode { LOCI_SEARCH_HYBRID = 0, LOCI_SEARCH_VECTOR = 1, LOCI_SEARCH_TEXT = 2 } loci_search_mode;
typedef enum loci_fusion { LOCI_FUSION_STANDARD = 0, LOCI_FUSION_RRF = 1 } loci_fusion;

typedef struct loci_search_options {
  size_t struct_size;
  size_t limit; /* k, default 10: exactly min(k, matches) results come back */
  loci_search_mode mode;
  loci_fusion fusion;
  double weight;             /* of the cosine in LOCI_FUSION_STANDARD; 0 = the default (docs/search.md) */
  const char *path_glob;     /* only paths that match (as in .gitignore, against the whole path), or NULL */
  int all;                   /* every chunk is a result: no folding, several of a document */
  int explain;               /* fill the explain fields */
  const char *model;         /* NULL = the collection's; another fingerprint gives MISMATCH */
  loci_progress_fn progress; /* only to cancel */
  void *progress_user;
} loci_search_options;

LOCI_API void loci_search_options_init(loci_search_options *options);

typedef struct loci_result {
  size_t rank; /* from 1 */
  double score;
  int64_t chunk_id, document_id;
  const char *path;               /* absolute */
  const char *title;              /* of the document, or "" */
  const char *heading;            /* "Chapter > Section", or "" */
  const char *text;               /* of the chunk */
  uint32_t line_start, line_end;  /* from 1; of the extracted text where the source has no lines */
  uint32_t page;                  /* from 1; 0 = the format has none */
  size_t best_start, best_length; /* the best sentence, bytes of text; length 0 = not known */
  size_t n_folded;                /* near-identical passages and further chunks of the document behind this one */
  /* with explain: */
  double cosine, bm25;                   /* NaN where not computed */
  double cosine_percentile;              /* among random pairs of this collection, 0…100; NaN */
  double cosine_standard, bm25_standard; /* what was fused */
  size_t rank_vector, rank_text;         /* from 1; 0 = not among the rows of that side */
} loci_result;

typedef struct loci_results {
  size_t n;
  loci_result *items;
  uint64_t n_rows;     /* chunks scanned */
  int query_truncated; /* the query was longer than the model takes */
  void *owner;         /* of the strings */
} loci_results;

LOCI_API void loci_results_release(loci_results *results);

LOCI_API loci_status loci_collection_search(loci_collection *collection, const char *query, size_t length,
                                            const loci_search_options *options, loci_results *out, loci_error *error);

/* What is near a place: `path` (absolute, or relative to a root, or a unique tail), line 0 = the whole document's
 * first chunk. The document itself is not among the results. By vectors, whatever the mode; LOCI_SEARCH_TEXT is USAGE. */
LOCI_API loci_status loci_collection_similar(loci_collection *collection, const char *path, uint32_t line,
                                             const loci_search_options *options, loci_results *out, loci_error *error);

/* The chunk at a line (0 = every chunk of the document, in order). */
LOCI_API loci_status loci_collection_get(loci_collection *collection, const char *path, uint32_t line,
                                         loci_results *out, loci_error *error);

typedef struct loci_collection_vectors_options {
  size_t struct_size;
  const char *below; /* an absolute folder: paths below it are told relative to it; NULL = all absolute */
  size_t text_bytes; /* of each passage's beginning, kept beside its vector; default 400, 0 = no text */
  loci_progress_fn progress;
  void *progress_user;
} loci_collection_vectors_options;

LOCI_API void loci_collection_vectors_options_init(loci_collection_vectors_options *options);

/* Every passage as a row of a table (loci/vectors.h): its vector of record, its place "path:line" for a word ("path:line
 * (2)" for the second that begins on a line), its beginning for a text. All is copied: the table outlives the collection.
 * NOT_FOUND when there are no passages. */
LOCI_API loci_status loci_collection_vectors(loci_collection *collection,
                                             const loci_collection_vectors_options *options, loci_vectors **out,
                                             loci_error *error);

/* ---- status and health ----------------------------------------------------------------------- */

typedef struct loci_collection_status {
  size_t struct_size;
  const char *path;
  const char *model, *fingerprint; /* "" while empty */
  size_t dim;
  uint64_t n_documents, n_chunks, n_roots;
  uint64_t store_bytes, segment_bytes;
  uint64_t n_rows_in_segments;
  uint64_t n_files_new, n_files_changed, n_files_gone; /* only when asked to look at the files */
  const char *const *roots;
} loci_collection_status;

/* `look` non-zero walks the roots and compares size and mtime. Strings live until the next call on the handle. */
LOCI_API loci_status loci_collection_get_status(loci_collection *collection, int look, loci_collection_status *out,
                                                loci_error *error);

/* Verifies the database, the segments' checksums and, with `deep`, every row (vectors finite and of the right
 * width, full text in step with the chunks, segments equal to the record). Each finding is told to `found`;
 * n_findings 0 = healthy. Damaged segments are rebuilt when the collection is open for writing. */
typedef void (*loci_check_fn)(void *user, const char *finding);
LOCI_API loci_status loci_collection_check(loci_collection *collection, int deep, loci_check_fn found, void *user,
                                           uint64_t *n_findings, loci_error *error);

#ifdef __cplusplus
}
#endif
#endif
