/* extract/glob.h: patterns of .gitignore's kind, compiled.
 *
 * Syntax and meaning are git's (gitignore(5), wildmatch with WM_PATHNAME): '?', '*', classes, '\' escapes, "**" for any
 * number of folders, '!' to take back, a trailing '/' for folders only; a pattern without a '/' but at its end matches
 * a name at any depth, any other a path from the folder that the pattern belongs to. Bytes are compared, case counts.
 *
 * Matching runs the pattern as a nondeterministic automaton, one bit a place: time is O(pattern × path) for every
 * pattern, where backtracking matchers need exponential time for "*a*a*a*b".
 */
#ifndef LOCI_EXTRACT_GLOB_H
#define LOCI_EXTRACT_GLOB_H

#include "../base/base.h"

typedef struct loci__glob loci__glob; /* immutable: any number of threads may match */

/* One line of an ignore file, without its line end. *out is NULL for a line that says nothing (empty, a comment). A
 * pattern that can match nothing (an open bracket) is kept and matches nothing, as in git. Patterns of more than
 * 4,096 places give LIMIT. */
loci_status loci__glob_new(loci_context *context, const char *line, size_t length, loci__glob **out, loci_error *error);
void loci__glob_free(loci_context *context, loci__glob *glob);

bool loci__glob_negated(const loci__glob *glob); /* starts with '!' */

/* Whether the pattern itself (its '!' set aside) says something about `path`, which is relative to the pattern's
 * folder, without a leading or trailing '/'. Parents are the caller's business. */
bool loci__glob_matches(const loci__glob *glob, const char *path, bool is_folder);

/* Whether the pattern speaks of the file `path` or of a folder above it: "docs/" and "docs" take in "docs/a/b.md", "*.md"
 * every Markdown file, "docs" + "/" + "*.md" those in docs. A '!' in front turns the answer round. */
bool loci__glob_covers(const loci__glob *glob, const char *path);

/* The same in one call, for a pattern that is used once. False when out of memory or when the pattern says nothing. */
bool loci__glob_match(const char *pattern, const char *path);

#endif
