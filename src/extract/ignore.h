/* extract/ignore.h: the ignore rules in force while a tree is walked.
 *
 * Three sources, the first that says something decides: the caller's exclude patterns (relative to the root), then
 * .lociignore files from the deepest folder up, then git's: .gitignore files from the deepest folder up to the top of
 * its work tree, then info/exclude of the repository. Within a file the last matching line decides. A work tree inside
 * another starts git's rules anew, as git does. Not read: the user's core.excludesFile and the index (a tracked file
 * that a pattern names counts as ignored: `git check-ignore --no-index`).
 *
 * Belongs to one walk.
 */
#ifndef LOCI_EXTRACT_IGNORE_H
#define LOCI_EXTRACT_IGNORE_H

#include "extract.h"

typedef struct loci__ignore loci__ignore;

/* root: absolute, without a '/' at the end but for "/" itself. Reads the rules of the folders above root that belong to
 * its git work tree; those of root come with loci__ignore_push. */
loci_status loci__ignore_new(loci_context *context, const char *root, const loci__walk_options *options,
                             loci__ignore **out, loci_error *error);
void loci__ignore_free(loci__ignore *ignore);

/* Enters a folder (root first, then one below the last pushed one), or leaves the last. */
loci_status loci__ignore_push(loci__ignore *ignore, const char *folder, loci_error *error);
void loci__ignore_pop(loci__ignore *ignore);

/* Whether an entry of the last pushed folder is ignored. is_folder is false for a link to a folder (so git has it). */
bool loci__ignore_says(const loci__ignore *ignore, const char *path, bool is_folder);

#endif
