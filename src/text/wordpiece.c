/* text/wordpiece.c: the fast encoder: text to WordPiece ids in one pass.
 *
 * WordPiece (Schuster & Nakajima 2012; greedy longest match as in Devlin et al. 2018): a word is cut into the longest
 * piece that begins it, then the longest that continues it, and so on; when nothing fits, the whole word is unknown.
 *
 * Two ways through a text, chosen word by word. Runs of ASCII letters and digits, up to the next ASCII space or
 * punctuation, are found and lower-cased 16 bytes at a time; most of English is then one lookup of the whole word. Any
 * other byte (beyond ASCII, or a control character that cleaning would drop from inside a word) hands over to the
 * stream of normalize.h from the beginning of its word until the next ASCII space or punctuation. Both write into the
 * caller's arrays; nothing is allocated per word.
 *
 * The code is written once and compiled twice: with offsets and without.
 */
#include "parts.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
  STACK_CHARS = 128, /* words up to this need no allocation; BERT's limit is 100 */
  CHAR_BYTES = 4,
  FIRST_ROOM = 1 << 15,
  TRIP = 1024 /* tokens that the ASCII loop may write before it asks for room again */
};

typedef struct encoder {
  const loci_tokenizer *tokenizer;
  const loci__sink *sink;
  int32_t *ids;
  uint32_t *starts, *ends; /* NULL without offsets */
  size_t n, capacity;
  bool failed;
  /* the word that the slow way is collecting */
  unsigned char *word;                       /* max_chars × 4 bytes and LOCI__KEY_PAD more */
  uint32_t *word_starts, *word_ends;         /* a byte of the word: where its character comes from */
  size_t word_bytes, word_chars, word_limit; /* chars go on counting beyond the limit, bytes do not */
  uint32_t word_start, word_end;
  loci__normalizer normalizer;
} encoder;

#define INLINE static inline __attribute__((always_inline))

static __attribute__((noinline)) void make_room(encoder *e, size_t more) {
  if (!loci__sink_reserve(e->sink, e->n, more)) {
    e->failed = true;
    return;
  }
  if (e->sink->tokens != NULL) {
    e->ids = e->sink->tokens->ids;
    e->starts = e->sink->tokens->starts;
    e->ends = e->sink->tokens->ends;
    e->capacity = e->sink->tokens->capacity;
  } else {
    e->ids = e->sink->ids->items;
    e->capacity = e->sink->ids->capacity;
  }
}

INLINE bool has_room(encoder *e, size_t more) {
  if (__builtin_expect(e->capacity - e->n < more, 0)) make_room(e, more);
  return !e->failed;
}

INLINE void put(encoder *e, int32_t id, uint32_t start, uint32_t end, bool offsets) {
  e->ids[e->n] = id;
  if (offsets) {
    e->starts[e->n] = start;
    e->ends[e->n] = end;
  }
  e->n++;
}

/* ---- the slow way ---------------------------------------------------------------------------- */

/* Cuts the collected word into pieces. */
INLINE void end_word(encoder *e, bool offsets) {
  if (e->word_chars == 0) return;
  const loci_tokenizer *t = e->tokenizer;
  size_t length = e->word_bytes, first = e->n;
  bool known = e->word_chars <= t->max_chars;
  e->word_chars = e->word_bytes = 0;
  if (!has_room(e, length + 1)) return;
  for (size_t at = 0; known && at < length;) {
    size_t used = 0;
    int32_t id =
        loci__pieces_longest(&t->vocab, at == 0 ? &t->vocab.first : &t->vocab.next, e->word + at, length - at, &used);
    known = id >= 0;
    if (!known) break;
    put(e, id, offsets ? e->word_starts[at] : 0, offsets ? e->word_ends[at + used - 1] : 0, offsets);
    at += used;
  }
  if (!known) {
    e->n = first;
    put(e, t->unknown, e->word_start, e->word_end, offsets);
  }
}

INLINE void collect(encoder *e, uint32_t c, uint32_t start, uint32_t end, bool offsets) {
  unsigned flags = loci__unicode(c)->flags;
  if ((flags & (LOCI__CHAR_WHITE | LOCI__CHAR_PUNCT)) != 0) {
    end_word(e, offsets);
    if ((flags & LOCI__CHAR_WHITE) != 0) return;
  }
  if (e->word_chars++ == 0) e->word_start = start;
  e->word_end = end;
  if (e->word_chars <= e->word_limit) {
    size_t n = loci__utf8_put(c, (char *)e->word + e->word_bytes);
    if (offsets) {
      for (size_t i = 0; i < n; i++) {
        e->word_starts[e->word_bytes + i] = start;
        e->word_ends[e->word_bytes + i] = end;
      }
    }
    e->word_bytes += n;
  }
  if ((flags & LOCI__CHAR_PUNCT) != 0) end_word(e, offsets);
}

static void collect_offsets(void *arg, uint32_t c, uint32_t start, uint32_t end) {
  collect(arg, c, start, end, true);
}

static void collect_ids(void *arg, uint32_t c, uint32_t start, uint32_t end) {
  collect(arg, c, start, end, false);
}

/* From `at` (the beginning of a word) to behind the next ASCII space or punctuation, or to the end. */
INLINE size_t slow_way(encoder *e, const char *text, size_t at, size_t end, bool offsets) {
  const uint8_t *bytes = e->tokenizer->bytes;
  loci__char_fn sink = offsets ? collect_offsets : collect_ids;
  while (at < end && !e->failed) {
    unsigned char byte = (unsigned char)text[at];
    if (byte < 0x80) {
      loci__normalize_push(&e->normalizer, byte, (uint32_t)at, (uint32_t)at + 1, sink, e);
      at++;
      if (bytes[byte] == LOCI__BYTE_SPACE || bytes[byte] == LOCI__BYTE_PUNCT) break;
    } else {
      size_t used;
      uint32_t c = loci__utf8_next(text + at, end - at, &used, NULL);
      loci__normalize_push(&e->normalizer, c, (uint32_t)at, (uint32_t)(at + used), sink, e);
      at += used;
    }
  }
  loci__normalize_flush(&e->normalizer, sink, e);
  end_word(e, offsets);
  if (e->normalizer.failed) e->failed = true;
  return at;
}

/* ---- the fast way ---------------------------------------------------------------------------- */

/* A word of ASCII letters and digits, in lower case where the rules say so, padded; it begins at byte `at`. */
static __attribute__((noinline)) void cut_word(encoder *e, const unsigned char *word, size_t length, size_t at,
                                               bool offsets) {
  const loci_tokenizer *t = e->tokenizer;
  size_t first = e->n;
  if (!has_room(e, length + TRIP)) return;
  for (size_t i = 0; i < length;) {
    size_t used = 0;
    int32_t id =
        loci__pieces_longest(&t->vocab, i == 0 ? &t->vocab.first : &t->vocab.next, word + i, length - i, &used);
    if (id < 0) {
      e->n = first;
      put(e, t->unknown, (uint32_t)at, (uint32_t)(at + length), offsets);
      return;
    }
    put(e, id, (uint32_t)(at + i), (uint32_t)(at + i + used), offsets);
    i += used;
  }
}

static bool is_alnum(unsigned char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* A word of 16 bytes or more, or near the end of the text. False (and nothing done) when it is not plain ASCII. */
static __attribute__((noinline)) bool any_word(encoder *e, const char *text, size_t *at, size_t end, bool offsets) {
  const loci_tokenizer *t = e->tokenizer;
  size_t start = *at, stop = start;
  while (stop < end && is_alnum((unsigned char)text[stop])) stop++;
  if (stop < end) {
    uint8_t kind = t->bytes[(unsigned char)text[stop]];
    if (kind != LOCI__BYTE_SPACE && kind != LOCI__BYTE_PUNCT) return false;
  }
  *at = stop;
  size_t length = stop - start;
  if (length > t->max_chars) {
    if (has_room(e, TRIP)) put(e, t->unknown, (uint32_t)start, (uint32_t)stop, offsets);
    return true;
  }
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[start + i];
    e->word[i] = t->rules.lower && c >= 'A' && c <= 'Z' ? c | 0x20 : c;
  }
  cut_word(e, e->word, length, start, offsets);
  return true;
}

#ifdef __SSE2__
/* Bytes within [low, low + span] give 0xFF: one addition moves them to the bottom of the signed range. */
INLINE __m128i in_range(__m128i v, char low, char span) {
  __m128i moved = _mm_add_epi8(v, _mm_set1_epi8((char)(-128 - low)));
  return _mm_cmplt_epi8(moved, _mm_set1_epi8((char)(-128 + span + 1)));
}
#endif

INLINE void encode_span(encoder *e, const char *text, size_t at, size_t end, bool offsets) {
  const loci_tokenizer *t = e->tokenizer;
  const uint8_t *bytes = t->bytes;
  const loci__pieces *first = &t->vocab.first;
#ifdef __SSE2__
  const __m128i upper_bit = _mm_set1_epi8(t->rules.lower ? 0x20 : 0);
  const size_t short_word = t->max_chars < LOCI__KEY_BYTES ? t->max_chars : LOCI__KEY_BYTES;
#endif
  while (at < end) {
    if (!has_room(e, TRIP)) return;
    size_t trip_end = e->n + TRIP / 2; /* a step writes at most one token without asking */
    while (at < end && e->n < trip_end) {
      unsigned char byte = (unsigned char)text[at];
      uint8_t kind = bytes[byte];
      if (kind == LOCI__BYTE_SPACE) {
        at++;
        continue;
      }
      if (kind == LOCI__BYTE_PUNCT) {
        put(e, t->punct[byte], (uint32_t)at, (uint32_t)at + 1, offsets);
        at++;
        continue;
      }
      if (kind == LOCI__BYTE_WORD) {
#ifdef __SSE2__
        if (end - at >= 16) {
          __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(text + at));
          __m128i capital = in_range(v, 'A', 25);
          v = _mm_or_si128(v, _mm_and_si128(capital, upper_bit));
          __m128i letter = in_range(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 25);
          __m128i digit = in_range(v, '0', 9);
          unsigned alnum = (unsigned)_mm_movemask_epi8(_mm_or_si128(letter, digit));
          size_t length = (size_t)__builtin_ctz(~alnum);
          if (length <= short_word && bytes[(unsigned char)text[at + length]] - 1u <= 1u) {
            loci__key key;
            key.low = (uint64_t)_mm_cvtsi128_si64(v) & loci__key_masks[length][0];
            key.high = ((uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(v, v)) & loci__key_masks[length][1]) |
                       (uint64_t)length << 56;
            int32_t id = loci__pieces_find_key(first, key);
            if (__builtin_expect(id >= 0, 1)) {
              put(e, id, (uint32_t)at, (uint32_t)(at + length), offsets);
            } else {
              unsigned char word[32];
              _mm_storeu_si128((__m128i *)(void *)word, v);
              _mm_storeu_si128((__m128i *)(void *)(word + 16), v);
              cut_word(e, word, length, at, offsets);
              if (e->failed) return;
            }
            at += length;
            continue;
          }
        }
#endif
        if (any_word(e, text, &at, end, offsets)) {
          if (e->failed) return;
          continue;
        }
      }
      at = slow_way(e, text, at, end, offsets);
      if (!has_room(e, TRIP)) return;
    }
  }
}

/* ---- a whole text ---------------------------------------------------------------------------- */

INLINE void encode_text(encoder *e, const char *text, size_t length, bool offsets) {
  const loci_tokenizer *t = e->tokenizer;
  loci__matching matching = loci__matching_begin(&t->added, &t->added.raw, text, length);
  loci__match match;
  size_t at = 0;
  while (loci__matching_next(&matching, &match)) {
    if (at < match.start) encode_span(e, text, at, match.start, offsets);
    if (e->failed || !has_room(e, 1)) return;
    put(e, match.token->id, (uint32_t)match.start, (uint32_t)match.end, offsets);
    at = match.end;
  }
  if (at < length) encode_span(e, text, at, length, offsets);
}

static __attribute__((noinline)) void encode_with_offsets(encoder *e, const char *text, size_t length) {
  encode_text(e, text, length, true);
}

static __attribute__((noinline)) void encode_ids_only(encoder *e, const char *text, size_t length) {
  encode_text(e, text, length, false);
}

loci_status loci__encode_fast(const loci_tokenizer *tokenizer, const char *text, size_t length, const loci__sink *sink,
                              size_t *n, loci_error *error) {
  unsigned char stack_word[STACK_CHARS * CHAR_BYTES + LOCI__KEY_PAD];
  uint32_t stack_offsets[2 * STACK_CHARS * CHAR_BYTES];
  bool offsets = sink->tokens != NULL;
  encoder e;
  e.tokenizer = tokenizer;
  e.sink = sink;
  e.n = *n;
  e.capacity = 0;
  e.failed = false;
  e.starts = e.ends = NULL;
  e.word = stack_word;
  e.word_starts = stack_offsets;
  e.word_ends = stack_offsets + STACK_CHARS * CHAR_BYTES;
  e.word_bytes = e.word_chars = 0;
  e.word_limit = tokenizer->max_chars;
  if (e.word_limit / CHAR_BYTES > length) e.word_limit = length * CHAR_BYTES; /* no text grows more than that */
  e.normalizer = (loci__normalizer){.rules = tokenizer->rules, .context = tokenizer->context};
  void *heap = NULL;
  if (e.word_limit > STACK_CHARS) {
    size_t room = e.word_limit * CHAR_BYTES;
    heap = loci__alloc(tokenizer->context, room * (offsets ? 9 : 1) + LOCI__KEY_PAD);
    if (heap == NULL) return loci__fail_memory(error, room * 9, "a word");
    e.word_starts = heap;
    e.word_ends = e.word_starts + room;
    e.word = offsets ? (unsigned char *)(e.word_ends + room) : heap;
  }
  /* English has 4.5 bytes a token; a long text that turns out to have few is not worth megabytes. */
  make_room(&e, (length / 4 < FIRST_ROOM ? length / 4 : FIRST_ROOM) + TRIP);
  if (!e.failed) (offsets ? encode_with_offsets : encode_ids_only)(&e, text, length);
  loci__free(tokenizer->context, heap);
  loci__normalizer_release(&e.normalizer);
  if (e.failed) return loci__fail_memory(error, length, "the tokens of a text");
  *n = e.n;
  return LOCI_OK;
}
