/* text/plain.c: the plain encoder: stage after stage over the whole text, each as its rule is worded.
 *
 * The oracle of the fast encoder's tests (itself tested against the reference library), and what encodes when a
 * tokenizer has added tokens that are matched in the normalised text. Slow (some 10 MB/s) but linear; at its height it
 * holds two arrays of 8 bytes a character.
 */
#include "parts.h"

/* A character of the normalised text and the input character that it comes from. */
typedef struct character {
  uint32_t start;
  uint32_t c : 21;
  uint32_t bytes : 3;
} character;

typedef struct characters {
  loci_context *context;
  character *items;
  size_t n, capacity;
  bool failed;
} characters;

/* Empty, with room for n: exactly, because growing by doubling would break the promise of 20 bytes for each of the input. */
static void reserve(characters *list, size_t n) {
  list->n = 0;
  if (n <= list->capacity || list->failed) return;
  loci__free(list->context, list->items);
  list->capacity = 0;
  list->items = loci__alloc_array(list->context, n, sizeof(*list->items));
  if (list->items == NULL) list->failed = true;
  else list->capacity = n;
}

/* There is room. */
static void append(characters *list, uint32_t c, character from) {
  list->items[list->n++] = (character){.start = from.start, .c = c & 0x1FFFFF, .bytes = from.bytes};
}

static uint8_t flags_of(uint32_t c) {
  return loci__unicode(c)->flags;
}

/* ---- the stages ------------------------------------------------------------------------------ */

static void clean(characters *list) {
  size_t n = 0;
  for (size_t i = 0; i < list->n; i++) {
    character it = list->items[i];
    if ((flags_of(it.c) & LOCI__CHAR_DROP) != 0) continue;
    if ((flags_of(it.c) & LOCI__CHAR_SPACE) != 0) it.c = ' ';
    list->items[n++] = it;
  }
  list->n = n;
}

static void space_chinese(const characters *in, characters *out) {
  size_t n = in->n;
  for (size_t i = 0; i < in->n; i++) n += (flags_of(in->items[i].c) & LOCI__CHAR_CHINESE) != 0 ? 2 : 0;
  reserve(out, n);
  if (out->failed) return;
  for (size_t i = 0; i < in->n; i++) {
    character it = in->items[i];
    bool chinese = (flags_of(it.c) & LOCI__CHAR_CHINESE) != 0;
    if (chinese) append(out, ' ', it);
    append(out, it.c, it);
    if (chinese) append(out, ' ', it);
  }
}

static size_t decompose(uint32_t c, uint32_t out[4]) {
  const loci__unicode_record *r = loci__unicode(c);
  if (c >= 0xAC00 && c <= 0xD7A3) {
    uint32_t s = c - 0xAC00;
    out[0] = 0x1100 + s / (21 * 28);
    out[1] = 0x1161 + s % (21 * 28) / 28;
    out[2] = 0x11A7 + s % 28;
    return s % 28 == 0 ? 2 : 3;
  }
  if (r->nfd_length == 0) {
    out[0] = c;
    return 1;
  }
  for (size_t i = 0; i < r->nfd_length; i++) out[i] = loci__unicode_pool[r->nfd + i];
  return r->nfd_length;
}

/* NFD; `bytes` 0 marks a character that is not the first of its decomposition until places are dealt out. */
static void decompose_all(loci_context *context, const characters *in, characters *out) {
  size_t n = 0;
  uint32_t d[4];
  for (size_t i = 0; i < in->n; i++) n += decompose(in->items[i].c, d);
  reserve(out, n);
  if (out->failed) return;
  for (size_t i = 0; i < in->n; i++) {
    n = decompose(in->items[i].c, d);
    for (size_t k = 0; k < n; k++) {
      character from = in->items[i];
      if (k > 0) from.bytes = 0;
      append(out, d[k], from);
    }
  }
  /* Canonical ordering: every run of non-starters, class after class. */
  character *sorted = NULL;
  size_t room = 0;
  for (size_t i = 0; i < out->n;) {
    size_t end = i;
    bool seen[256] = {false};
    while (end < out->n && loci__unicode(out->items[end].c)->ccc != 0)
      seen[loci__unicode(out->items[end++].c)->ccc] = true;
    size_t length = end - i;
    if (length >= 2) {
      if (!loci__grow(context, &sorted, &room, length, sizeof(*sorted))) {
        out->failed = true;
        break;
      }
      n = 0;
      for (unsigned class = 1; class < 256; class ++) {
        for (size_t k = i; seen[class] && k < end; k++) {
          if (loci__unicode(out->items[k].c)->ccc == class) sorted[n++] = out->items[k];
        }
      }
      memcpy(out->items + i, sorted, length * sizeof(*sorted));
    }
    i = end + (length == 0);
  }
  loci__free(context, sorted);
  /* Places: the k-th first character takes the k-th input character's, the others that of the one before. */
  size_t next = 0;
  character last = {0};
  for (size_t i = 0; i < out->n; i++) {
    if (out->items[i].bytes != 0) last = in->items[next++];
    out->items[i].start = last.start;
    out->items[i].bytes = last.bytes;
  }
}

static void strip(characters *list) {
  size_t n = 0;
  for (size_t i = 0; i < list->n; i++) {
    if ((flags_of(list->items[i].c) & LOCI__CHAR_MARK) == 0) list->items[n++] = list->items[i];
  }
  list->n = n;
}

static void lower(const characters *in, characters *out) {
  size_t n = 0;
  for (size_t i = 0; i < in->n; i++) {
    uint8_t length = loci__unicode(in->items[i].c)->lower_length;
    n += length > 1 ? length : 1;
  }
  reserve(out, n);
  if (out->failed) return;
  for (size_t i = 0; i < in->n; i++) {
    const loci__unicode_record *r = loci__unicode(in->items[i].c);
    if (r->lower_length == 0) append(out, in->items[i].c, in->items[i]);
    for (size_t k = 0; k < r->lower_length; k++) append(out, loci__unicode_pool[r->lower + k], in->items[i]);
  }
}

/* Decodes text[start, end) and normalises it into list (emptied before). */
static void normalize(loci_context *context, loci__rules rules, const char *text, size_t start, size_t end,
                      characters *list) {
  characters other = {.context = context};
  size_t n = 0, used;
  for (size_t at = start; at < end; at += used, n++) loci__utf8_next(text + at, end - at, &used, NULL);
  reserve(list, n);
  if (list->failed) return;
  while (start < end) {
    uint32_t c = loci__utf8_next(text + start, end - start, &used, NULL);
    append(list, c, (character){.start = (uint32_t)start, .bytes = used & 7});
    start += used;
  }
  for (int stage = 0; stage < 5 && !list->failed; stage++) {
    bool swapped = true;
    if (stage == 0 && rules.clean) clean(list);
    if (stage == 1 && rules.chinese) space_chinese(list, &other);
    else if (stage == 2 && rules.strip) decompose_all(context, list, &other);
    else if (stage == 4 && rules.lower) lower(list, &other);
    else swapped = false;
    if (stage == 3 && rules.strip) strip(list);
    if (swapped) {
      characters result = other;
      other = *list;
      *list = result;
    }
  }
  loci__free(context, other.items);
}

loci_status loci__normalize_plain(loci_context *context, loci__rules rules, const char *text, size_t length,
                                  loci__buffer *out, loci_error *error) {
  characters list = {.context = context};
  normalize(context, rules, text, 0, length, &list);
  for (size_t i = 0; i < list.n && !list.failed; i++) {
    char utf8[4];
    loci__buffer_append(out, utf8, loci__utf8_put(list.items[i].c, utf8));
  }
  loci__free(context, list.items);
  if (list.failed) return loci__fail_memory(error, length, "a normalised text");
  return loci__buffer_status(out, "a normalised text", error);
}

/* ---- words ----------------------------------------------------------------------------------- */

typedef struct plain {
  const loci_tokenizer *tokenizer;
  const loci__sink *sink;
  size_t n;
  char *word; /* room for max_chars characters and the prefix before them */
} plain;

static bool put(plain *p, int32_t id, size_t start, size_t end) {
  if (!loci__sink_reserve(p->sink, p->n, 1)) return false;
  if (p->sink->tokens != NULL) {
    p->sink->tokens->ids[p->n] = id;
    p->sink->tokens->starts[p->n] = (uint32_t)start;
    p->sink->tokens->ends[p->n] = (uint32_t)end;
  } else {
    p->sink->ids->items[p->n] = id;
  }
  p->n++;
  return true;
}

static bool cut(plain *p, const character *word, size_t n_chars) {
  const loci_tokenizer *t = p->tokenizer;
  const loci__vocab *vocab = &t->vocab;
  size_t first = p->n, end_of_word = word[n_chars - 1].start + word[n_chars - 1].bytes;
  if (n_chars > t->max_chars) return put(p, t->unknown, word[0].start, end_of_word);
  size_t longest = vocab->first.max_bytes > vocab->next.max_bytes ? vocab->first.max_bytes : vocab->next.max_bytes;
  for (size_t at = 0; at < n_chars;) {
    /* The rest of the word behind the prefix, as far as a piece can reach. */
    size_t prefix = at > 0 ? vocab->prefix_length : 0, length = prefix, end = at;
    memcpy(p->word, vocab->prefix, prefix);
    while (end < n_chars && length - prefix < longest) length += loci__utf8_put(word[end++].c, p->word + length);
    int32_t id = -1;
    for (; end > at; end--) {
      const loci__pieces *pieces = at > 0 ? &vocab->next : &vocab->first;
      id = loci__pieces_find(vocab, pieces, (const unsigned char *)p->word + prefix, length - prefix);
      if (id >= 0) break;
      char utf8[4];
      length -= loci__utf8_put(word[end - 1].c, utf8);
    }
    if (id < 0) {
      p->n = first;
      return put(p, t->unknown, word[0].start, end_of_word);
    }
    if (!put(p, id, word[at].start, word[end - 1].start + word[end - 1].bytes)) return false;
    at = end;
  }
  return true;
}

static bool split(plain *p, const character *chars, size_t n) {
  for (size_t i = 0; i < n;) {
    size_t end = i + 1;
    unsigned flags = flags_of(chars[i].c);
    if ((flags & LOCI__CHAR_WHITE) == 0) {
      if ((flags & LOCI__CHAR_PUNCT) == 0) {
        while (end < n && (flags_of(chars[end].c) & (LOCI__CHAR_WHITE | LOCI__CHAR_PUNCT)) == 0) end++;
      }
      if (!cut(p, chars + i, end - i)) return false;
    }
    i = end;
  }
  return true;
}

/* Splits a normalised piece at the added tokens that are matched there. */
static bool match_normal(plain *p, const characters *list) {
  const loci_tokenizer *t = p->tokenizer;
  if (t->added.normal.n_nodes == 0 || list->n == 0) return split(p, list->items, list->n);
  loci__buffer text;
  loci__buffer_init(&text, t->context, 0);
  for (size_t i = 0; i < list->n; i++) {
    char utf8[4];
    loci__buffer_append(&text, utf8, loci__utf8_put(list->items[i].c, utf8));
  }
  bool ok = text.failed == LOCI_OK;
  loci__match match;
  loci__matching matching = loci__matching_begin(&t->added, &t->added.normal, text.data, text.length);
  size_t at = 0, i = 0; /* byte and character up to which everything was given */
  while (ok && loci__matching_next(&matching, &match)) {
    char utf8[4];
    if (match.start < at) { /* begins in white space that the one before stripped */
      while (at > match.start) at -= loci__utf8_put(list->items[--i].c, utf8);
    }
    size_t begin = i;
    while (at < match.start) at += loci__utf8_put(list->items[i++].c, utf8);
    ok = split(p, list->items + begin, i - begin);
    size_t first = i;
    while (at < match.end) at += loci__utf8_put(list->items[i++].c, utf8);
    if (ok && i > first)
      ok = put(p, match.token->id, list->items[first].start, list->items[i - 1].start + list->items[i - 1].bytes);
  }
  if (ok) ok = split(p, list->items + i, list->n - i);
  loci__buffer_release(&text);
  return ok;
}

loci_status loci__encode_plain(const loci_tokenizer *tokenizer, const char *text, size_t length, const loci__sink *sink,
                               size_t *n, loci_error *error) {
  const loci__vocab *vocab = &tokenizer->vocab;
  size_t longest = vocab->first.max_bytes > vocab->next.max_bytes ? vocab->first.max_bytes : vocab->next.max_bytes;
  plain p = {.tokenizer = tokenizer, .sink = sink, .n = *n};
  p.word = loci__alloc_zero(tokenizer->context, vocab->prefix_length + longest + 4 + LOCI__KEY_PAD, 1);
  if (p.word == NULL) return loci__fail_memory(error, longest, "a word");
  characters list = {.context = tokenizer->context};
  loci__matching matching = loci__matching_begin(&tokenizer->added, &tokenizer->added.raw, text, length);
  loci__match match;
  size_t at = 0;
  bool ok = true;
  while (ok && loci__matching_next(&matching, &match)) {
    if (at < match.start) {
      normalize(tokenizer->context, tokenizer->rules, text, at, match.start, &list);
      ok = !list.failed && match_normal(&p, &list);
    }
    if (ok) ok = put(&p, match.token->id, match.start, match.end);
    at = match.end;
  }
  if (ok && at < length) {
    normalize(tokenizer->context, tokenizer->rules, text, at, length, &list);
    ok = !list.failed && match_normal(&p, &list);
  }
  loci__free(tokenizer->context, list.items);
  loci__free(tokenizer->context, p.word);
  if (!ok) return loci__fail_memory(error, length, "the tokens of a text");
  *n = p.n;
  return LOCI_OK;
}
