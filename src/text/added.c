/* text/added.c: a trie of the added tokens, and the walk through their matches.
 *
 * A tokenizer has few of them and most texts none, so a text is scanned for their first bytes (memchr when there is one
 * such byte: '[' in BERT's vocabularies) and the trie walked from there. A walk is no longer than the longest token:
 * time is linear in the text.
 */
#include "added.h"

#include "unicode.h"

enum { MAX_ADDED = 16384 }; /* they are compared one by one when a file is read; the largest in use has some 1,000 */

void loci__added_release(loci__added *added) {
  for (size_t i = 0; i < added->n; i++) loci__free(added->context, added->tokens[i].content);
  loci__free(added->context, added->tokens);
  loci__free(added->context, added->raw.nodes);
  loci__free(added->context, added->normal.nodes);
  *added = (loci__added){0};
}

const loci__added_token *loci__added_find(const loci__added *added, const char *content, size_t length) {
  for (size_t i = 0; i < added->n; i++) {
    if (added->tokens[i].length == length && memcmp(added->tokens[i].content, content, length) == 0)
      return &added->tokens[i];
  }
  return NULL;
}

loci_status loci__added_add(loci__added *added, const loci__added_token *token, loci_error *error) {
  if (loci__added_find(added, token->content, token->length) != NULL) return LOCI_OK;
  if (added->n >= MAX_ADDED) return loci__fail(error, LOCI_ERROR_LIMIT, "more than %d added tokens", MAX_ADDED);
  loci__added_token copy = *token;
  copy.content = loci__strndup(added->context, token->content, token->length);
  if (copy.content == NULL ||
      !loci__grow(added->context, &added->tokens, &added->capacity, added->n + 1, sizeof(*added->tokens))) {
    loci__free(added->context, copy.content);
    return loci__fail_memory(error, token->length, "an added token");
  }
  added->tokens[added->n++] = copy;
  return LOCI_OK;
}

/* ---- matcher --------------------------------------------------------------------------------- */

static uint32_t child_of(const loci__matcher *matcher, uint32_t node, unsigned char byte) {
  uint32_t child = matcher->nodes[node].child;
  while (child != 0 && matcher->nodes[child].byte != byte) child = matcher->nodes[child].sibling;
  return child;
}

static bool new_node(loci__added *added, loci__matcher *matcher, unsigned char byte) {
  if (!loci__grow(added->context, &matcher->nodes, &matcher->capacity, matcher->n_nodes + 1, sizeof(*matcher->nodes)))
    return false;
  matcher->nodes[matcher->n_nodes++] = (loci__trie_node){.token = -1, .byte = byte};
  return true;
}

loci_status loci__matcher_add(loci__added *added, loci__matcher *matcher, size_t i, const char *bytes, size_t length,
                              loci_error *error) {
  if (matcher->n_nodes == 0 && !new_node(added, matcher, 0)) return loci__fail_memory(error, 64, "added tokens");
  uint32_t node = 0;
  for (size_t b = 0; b < length; b++) {
    unsigned char byte = (unsigned char)bytes[b];
    uint32_t child = child_of(matcher, node, byte);
    if (child == 0) {
      if (matcher->n_nodes >= UINT32_MAX || !new_node(added, matcher, byte))
        return loci__fail_memory(error, matcher->n_nodes * sizeof(*matcher->nodes), "added tokens");
      child = (uint32_t)(matcher->n_nodes - 1);
      matcher->nodes[child].sibling = matcher->nodes[node].child;
      matcher->nodes[node].child = child;
    }
    node = child;
    if (byte == 0xEF && length - b >= 3 && memcmp(bytes + b, "\xEF\xBF\xBD", 3) == 0) matcher->replacement = true;
  }
  if (matcher->nodes[node].token < 0) matcher->nodes[node].token = (int32_t)i;
  matcher->begins[(unsigned char)bytes[0]] = true;
  return LOCI_OK;
}

void loci__matcher_finish(loci__matcher *matcher) {
  int n = 0;
  matcher->single = -1;
  for (int b = 0; b < 256; b++) {
    if (!matcher->begins[b]) continue;
    matcher->single = n++ == 0 ? b : -1;
  }
  if (n != 1) matcher->single = -1;
}

/* ---- matching -------------------------------------------------------------------------------- */

/* The character that ends right before text[end], or U+FFFD when what stands there is not one. */
static uint32_t char_before(const char *text, size_t end, size_t *used) {
  for (size_t n = 1; n <= 4 && n <= end; n++) {
    if (((unsigned char)text[end - n] & 0xC0) == 0x80) continue;
    bool valid;
    uint32_t c = loci__utf8_next(text + end - n, n, used, &valid);
    if (valid && *used == n) return c;
    break;
  }
  *used = 1;
  return LOCI__REPLACEMENT;
}

static bool has(uint32_t c, unsigned flag) {
  return (loci__unicode(c)->flags & flag) != 0;
}

bool loci__matching_next(loci__matching *matching, loci__match *out) {
  const loci__matcher *matcher = matching->matcher;
  const char *text = matching->text;
  size_t length = matching->length, used;
  if (matcher->n_nodes == 0) return false;
  while (matching->at < length) {
    size_t start = matching->at;
    if (matcher->single >= 0) {
      const char *found = memchr(text + start, matcher->single, length - start);
      if (found == NULL) break;
      start = (size_t)(found - text);
    } else {
      while (start < length && !matcher->begins[(unsigned char)text[start]]) start++;
    }
    size_t end = start;
    int32_t token = -1;
    uint32_t node = 0;
    for (size_t i = start; i < length && (node = child_of(matcher, node, (unsigned char)text[i])) != 0; i++) {
      if (matcher->nodes[node].token >= 0) {
        token = matcher->nodes[node].token;
        end = i + 1;
      }
    }
    if (token < 0) {
      matching->at = start + 1;
      continue;
    }
    matching->at = end;
    const loci__added_token *added = &matching->added->tokens[token];
    if (added->single_word &&
        ((start > 0 && has(char_before(text, start, &used), LOCI__CHAR_WORD)) ||
         (end < length && has(loci__utf8_next(text + end, length - end, &used, NULL), LOCI__CHAR_WORD))))
      continue;
    if (added->lstrip) {
      while (start > matching->covered && has(char_before(text, start, &used), LOCI__CHAR_REGEX_SPACE)) start -= used;
      if (start < matching->covered) start = matching->covered;
    }
    if (added->rstrip) {
      if (end >= matching->space_begin && end < matching->space_end) {
        end = matching->space_end;
      } else {
        matching->space_begin = end;
        while (end < length) {
          uint32_t c = loci__utf8_next(text + end, length - end, &used, NULL);
          if (!has(c, LOCI__CHAR_REGEX_SPACE)) break;
          end += used;
        }
        matching->space_end = end;
      }
    }
    matching->covered = end;
    if (start >= end) continue; /* all of it was stripped white space of the one before */
    *out = (loci__match){start, end, added};
    return true;
  }
  matching->at = length;
  return false;
}
