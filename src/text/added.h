/* text/added.h: added tokens: strings that are found in a text before it is cut into words.
 *
 * Two matchers: one for the raw text, one (tokens with "normalized": true) for the normalised text. Matches are leftmost,
 * then longest, and do not overlap; a match that its token's single_word rule refuses is passed over as a whole.
 */
#ifndef LOCI_TEXT_ADDED_H
#define LOCI_TEXT_ADDED_H

#include "../base/base.h"

typedef struct loci__added_token {
  char *content;
  size_t length;
  int32_t id;
  bool special, single_word, lstrip, rstrip, normalized;
} loci__added_token;

typedef struct loci__trie_node {
  uint32_t child, sibling; /* 0 = none: node 0 is the root */
  int32_t token;           /* index into tokens, or −1 */
  unsigned char byte;
} loci__trie_node;

typedef struct loci__matcher {
  loci__trie_node *nodes;
  size_t n_nodes, capacity;
  bool begins[256]; /* some token begins with this byte */
  int single;       /* the only byte that tokens begin with, or −1 */
  bool replacement; /* some token contains U+FFFD */
} loci__matcher;

typedef struct loci__added {
  loci_context *context;
  loci__added_token *tokens; /* in the order of the file; content is unique */
  size_t n, capacity;
  loci__matcher raw, normal;
} loci__added;

/* {0} is releasable. */
void loci__added_release(loci__added *added);
/* content is copied. A content that is there already changes nothing (the first one counts). */
loci_status loci__added_add(loci__added *added, const loci__added_token *token, loci_error *error);
const loci__added_token *loci__added_find(const loci__added *added, const char *content, size_t length);
/* Adds token i to a matcher under the given bytes (its content, or that normalised). */
loci_status loci__matcher_add(loci__added *added, loci__matcher *matcher, size_t i, const char *bytes, size_t length,
                              loci_error *error);
/* Call once after the last token. */
void loci__matcher_finish(loci__matcher *matcher);

/* Walks through the matches of a text in order. */
typedef struct loci__match {
  size_t start, end; /* what the token covers, white space that it strips included; start may lie before the end of the
                        match before, when a token begins with white space that the one before stripped */
  const loci__added_token *token;
} loci__match;

typedef struct loci__matching {
  const loci__added *added;
  const loci__matcher *matcher;
  const char *text;
  size_t length, at, covered;    /* at: where the next match may begin; covered: end of the last token given */
  size_t space_begin, space_end; /* white space known from the last rstrip: keeps runs of it linear */
} loci__matching;

static inline loci__matching loci__matching_begin(const loci__added *added, const loci__matcher *matcher,
                                                  const char *text, size_t length) {
  return (loci__matching){.added = added, .matcher = matcher, .text = text, .length = length};
}
bool loci__matching_next(loci__matching *matching, loci__match *out);

#endif
