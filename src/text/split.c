/* split.c: bytes → words.
 *
 * LOCI_SPLIT_SPACE and _WORDS copy a word, folded, into the batch while they look for its end: ASCII sixteen bytes at a
 * time, other characters one by one. Words of UAX #29 come from an automaton over the classes of wordbreak.h: `prev` is the
 * last class that counts (what WB4 ignores never shows in it), and the only rules that look ahead (WB6, WB7b, WB12) hold
 * back the character in the middle, with what hangs on it, in `pend` until the next one decides. wordbreak.c says the same
 * rule by rule and is compared with it by the tests.
 *
 * LOCI_SPLIT_CHARS collects grapheme clusters (utf8proc) of a run and hands over each n of them; LOCI_SPLIT_MODEL collects
 * a line and gives it to the tokenizer.
 *
 * Invariants: text[start…used) is the unfinished word, at most max_word bytes; `held` is the beginning of a character whose
 * end was not fed yet.
 */
#include "split.h"
#include "text.h"
#include "wordbreak.h"

#include <utf8proc.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { BATCH_BYTES = 32 * 1024, SLACK = 64 };

/* A word (or an n-gram's cluster) being made. */
typedef enum pending { PEND_NONE, PEND_LETTER, PEND_NUMBER, PEND_HEBREW } pending;

struct loci__split {
  loci_context *context;
  loci__splitter splitter;
  loci__tokens_fn each;
  void *arg;
  loci__token *tokens;
  size_t n_tokens, batch;
  char *text; /* of the batch's words, and of the unfinished one */
  size_t capacity, used, start;
  uint64_t position; /* of the next byte that is fed */
  uint64_t word_at;
  uint64_t n_cut;
  char held[4];
  size_t n_held;
  uint8_t upper; /* what is put into A-Z: 0x20 or 0 */
  bool cut, has; /* the unfinished word: bytes were dropped; has a letter or number */
  /* words */
  bool zwj;        /* the last character was a ZWJ */
  bool odd;        /* prev is the first regional indicator of a pair */
  uint8_t prev;    /* loci__word_class; OTHER for all that no rule joins to what follows */
  uint8_t pending; /* what may follow so that pend is part of the word */
  loci__buffer pend;
  uint64_t pend_at;
  bool pend_cut;
  /* clusters */
  utf8proc_int32_t cluster_state;
  utf8proc_int32_t last; /* −1 = none */
  loci__buffer run;      /* the last clusters of the run, the unfinished one at its end */
  size_t cluster_start;  /* of the unfinished one, in run */
  bool cluster_has, cluster_cut;
  size_t n_clusters; /* of the run, finished */
  size_t n_kept;     /* of them, in ends */
  uint32_t ends[LOCI__LONGEST_NGRAM];
  uint64_t ats[LOCI__LONGEST_NGRAM + 1];
  bool cuts[LOCI__LONGEST_NGRAM];
  /* model */
  loci__buffer line;
  uint64_t line_at;
  loci__ids ids;
};

const unsigned char loci__word_mask[32] = {255, 255, 255, 255, 255, 255, 255, 255,
                                           255, 255, 255, 255, 255, 255, 255, 255};

uint64_t loci__word_hash_long(const char *word, size_t length, uint64_t h) {
  for (; length > 16; word += 16, length -= 16) {
    uint64_t a, b;
    memcpy(&a, word, 8);
    memcpy(&b, word + 8, 8);
    h = loci__word_round(h, a, b);
  }
  return h;
}

/* ---- words into the batch ---- */

static loci_status flush(loci__split *s, loci_error *error) {
  loci_status status = s->n_tokens == 0 ? LOCI_OK : s->each(s->arg, s->tokens, s->n_tokens, error);
  s->n_tokens = 0;
  size_t open = s->used - s->start;
  if (s->start > 0 && open > 0) memmove(s->text, s->text + s->start, open);
  s->start = 0;
  s->used = open;
  return status;
}

static inline loci_status emit(loci__split *s, loci_error *error) {
  size_t length = s->used - s->start;
  char *word = s->text + s->start;
  word[length] = '\0';
  s->tokens[s->n_tokens++] =
      (loci__token){.word = word, .length = (uint32_t)length, .hash = loci__word_hash(word, length), .at = s->word_at};
  s->n_cut += s->cut;
  s->start = ++s->used;
  s->cut = s->has = false;
  if (s->n_tokens == s->batch || s->capacity - s->used < s->splitter.max_word + SLACK) return flush(s, error);
  return LOCI_OK;
}

static inline loci_status emit_line_end(loci__split *s, uint64_t at, loci_error *error) {
  s->tokens[s->n_tokens++] = (loci__token){.word = "", .at = at};
  return s->n_tokens == s->batch ? flush(s, error) : LOCI_OK;
}

static inline void drop(loci__split *s) {
  s->used = s->start;
  s->cut = s->has = false;
}

static inline uint32_t folded(const loci__split *s, uint32_t c) {
  if (c < 0x80) return c - 'A' < 26 ? c | s->upper : c;
  return s->splitter.fold == LOCI_FOLD_LOWER ? c + (uint32_t)loci__word_of(c)->lower : c;
}

/* Appends a character to the unfinished word, unless it is full. */
static inline void put(loci__split *s, uint32_t c, uint64_t at) {
  if (s->used == s->start && !s->cut) s->word_at = at;
  char bytes[4];
  size_t n = loci__utf8_put(folded(s, c), bytes);
  if (s->cut || s->used - s->start + n > s->splitter.max_word) {
    s->cut = true;
    return;
  }
  memcpy(s->text + s->used, bytes, 4);
  s->used += n;
}

/* ---- white space ---- */

static inline bool is_space(unsigned char c) {
  return c == ' ' || (unsigned char)(c - '\t') < 5;
}

static loci_status step_space(loci__split *s, uint32_t c, uint64_t at, loci_error *error) {
  if (c < 0x80 && is_space((unsigned char)c)) {
    if (s->used > s->start) LOCI__TRY(emit(s, error));
    return c == '\n' ? emit_line_end(s, at, error) : LOCI_OK;
  }
  put(s, c, at);
  return LOCI_OK;
}

/* ---- words of UAX #29 ---- */

static inline bool is_letter(unsigned c) {
  return c == LOCI__WB_LETTER || c == LOCI__WB_HEBREW;
}

static inline bool is_ignored(unsigned c) {
  return c == LOCI__WB_EXTEND || c == LOCI__WB_FORMAT || c == LOCI__WB_ZWJ;
}

static loci_status end_word(loci__split *s, loci_error *error) {
  if (s->has) return emit(s, error);
  drop(s);
  return LOCI_OK;
}

static void put_pend(loci__split *s, uint32_t c, uint64_t at) {
  char bytes[4];
  size_t n = loci__utf8_put(folded(s, c), bytes);
  if (s->pend.length == 0 && !s->pend_cut) s->pend_at = at;
  if (s->pend_cut || s->pend.length + n > s->splitter.max_word) s->pend_cut = true;
  else loci__buffer_append(&s->pend, bytes, n);
}

/* What was held back becomes part of the unfinished word: character by character, as far as they fit. */
static void take_pend(loci__split *s) {
  size_t at = 0;
  while (at < s->pend.length && !s->cut) {
    size_t used;
    loci__utf8_next(s->pend.data + at, s->pend.length - at, &used, NULL);
    if (s->used - s->start + used > s->splitter.max_word) {
      s->cut = true;
      break;
    }
    if (s->used == s->start) s->word_at = s->pend_at;
    memcpy(s->text + s->used, s->pend.data + at, used);
    s->used += used;
    at += used;
  }
  s->cut = s->cut || s->pend_cut;
  loci__buffer_clear(&s->pend);
  s->pend_cut = false;
  s->pending = PEND_NONE;
}

/* Whether no boundary stands between the class `left`, behind all that WB4 ignores, and `right` (WB5, WB7a, WB8–WB10,
 * WB13–WB16; WB7 behind a Hebrew letter). */
static inline bool joins(const loci__split *s, unsigned left, unsigned right) {
  switch (left) {
    case LOCI__WB_LETTER: return is_letter(right) || right == LOCI__WB_NUMERIC || right == LOCI__WB_EXTEND_NUM_LET;
    case LOCI__WB_HEBREW:
      return is_letter(right) || right == LOCI__WB_NUMERIC || right == LOCI__WB_EXTEND_NUM_LET ||
             right == LOCI__WB_SINGLE_QUOTE;
    case LOCI__WB_NUMERIC: return right == LOCI__WB_NUMERIC || is_letter(right) || right == LOCI__WB_EXTEND_NUM_LET;
    case LOCI__WB_KATAKANA: return right == LOCI__WB_KATAKANA || right == LOCI__WB_EXTEND_NUM_LET;
    case LOCI__WB_EXTEND_NUM_LET:
      return is_letter(right) || right == LOCI__WB_NUMERIC || right == LOCI__WB_KATAKANA ||
             right == LOCI__WB_EXTEND_NUM_LET;
    case LOCI__WB_SINGLE_QUOTE: return is_letter(right); /* stored behind a Hebrew letter only */
    case LOCI__WB_REGIONAL: return right == LOCI__WB_REGIONAL && s->odd;
    default: return false;
  }
}

/* Whether `mid` between `left` and what is to come may be inside a word. */
static inline pending holds_back(unsigned left, unsigned mid) {
  bool q = mid == LOCI__WB_MID_NUM_LET || mid == LOCI__WB_SINGLE_QUOTE;
  if (is_letter(left)) {
    if (q || mid == LOCI__WB_MID_LETTER) return PEND_LETTER;
    return left == LOCI__WB_HEBREW && mid == LOCI__WB_DOUBLE_QUOTE ? PEND_HEBREW : PEND_NONE;
  }
  return left == LOCI__WB_NUMERIC && (q || mid == LOCI__WB_MID_NUM) ? PEND_NUMBER : PEND_NONE;
}

/* The classes that something to the right may hang on; a quotation mark counts only where WB7a has joined it. */
static inline unsigned as_left(unsigned c) {
  switch (c) {
    case LOCI__WB_LETTER:
    case LOCI__WB_HEBREW:
    case LOCI__WB_NUMERIC:
    case LOCI__WB_KATAKANA:
    case LOCI__WB_EXTEND_NUM_LET:
    case LOCI__WB_REGIONAL: return c;
    default: return LOCI__WB_OTHER;
  }
}

static loci_status step_words(loci__split *s, uint32_t c, uint64_t at, loci_error *error) {
  const loci__word_record *record = loci__word_of(c);
  unsigned class = record->class;
  if (s->pending != PEND_NONE) {
    if (is_ignored(class)) {
      put_pend(s, c, at);
      s->zwj = class == LOCI__WB_ZWJ;
      return LOCI_OK;
    }
    bool inside = s->pending == PEND_LETTER   ? is_letter(class)
                  : s->pending == PEND_NUMBER ? class == LOCI__WB_NUMERIC
                                              : class == LOCI__WB_HEBREW;
    if (!inside) {
      LOCI__TRY(end_word(s, error));
      s->prev = LOCI__WB_OTHER;
    }
    take_pend(s);
    if (inside) {
      put(s, c, at);
      s->has = s->has || (record->flags & LOCI__WORD_ALNUM) != 0;
      s->prev = (uint8_t) class;
      s->zwj = false;
      return LOCI_OK;
    }
  }
  if (class == LOCI__WB_CR || class == LOCI__WB_LF || class == LOCI__WB_NEWLINE) {
    LOCI__TRY(end_word(s, error));
    s->prev = LOCI__WB_OTHER;
    s->zwj = false;
    return c == '\n' ? emit_line_end(s, at, error) : LOCI_OK;
  }
  if (is_ignored(class)) {
    put(s, c, at);
    s->zwj = class == LOCI__WB_ZWJ;
    return LOCI_OK;
  }
  bool joined = (s->zwj && (record->flags & LOCI__WORD_PICTOGRAPH) != 0) || joins(s, s->prev, class);
  s->zwj = false;
  if (!joined) {
    pending held = holds_back(s->prev, class);
    if (held != PEND_NONE) {
      s->pending = (uint8_t)held;
      put_pend(s, c, at);
      return LOCI_OK;
    }
    LOCI__TRY(end_word(s, error));
  }
  s->odd = class == LOCI__WB_REGIONAL && !(joined && s->prev == LOCI__WB_REGIONAL && s->odd);
  s->prev = (uint8_t)(joined && class == LOCI__WB_SINGLE_QUOTE ? class : as_left(class));
  if (s->used == s->start && !s->cut && (record->flags & LOCI__WORD_SEPARATOR) != 0) return LOCI_OK;
  put(s, c, at);
  s->has = s->has || (record->flags & LOCI__WORD_ALNUM) != 0;
  return LOCI_OK;
}

static loci_status end_words(loci__split *s, loci_error *error) {
  if (s->pending != PEND_NONE) {
    LOCI__TRY(end_word(s, error));
    take_pend(s);
  }
  s->prev = LOCI__WB_OTHER;
  s->zwj = false;
  return end_word(s, error);
}

/* ---- n-grams of grapheme clusters ---- */

/* Hands over clusters first…first + n of those that are kept. */
static loci_status emit_clusters(loci__split *s, size_t first, size_t n, loci_error *error) {
  uint32_t from = first == 0 ? 0 : s->ends[first - 1], to = s->ends[first + n - 1];
  size_t length = to - from, most = s->splitter.max_word;
  const char *bytes = s->run.data + from;
  for (size_t i = first; i < first + n; i++) s->cut = s->cut || s->cuts[i];
  if (length > most) {
    s->cut = true;
    length = most;
    while (length > 0 && ((unsigned char)bytes[length] & 0xC0) == 0x80) length--;
  }
  memcpy(s->text + s->used, bytes, length);
  s->used += length;
  s->word_at = s->ats[first];
  return emit(s, error);
}

static loci_status end_run(loci__split *s, loci_error *error) {
  loci_status status = LOCI_OK;
  if (s->n_clusters > 0 && s->n_clusters < s->splitter.ngram) status = emit_clusters(s, 0, s->n_kept, error);
  loci__buffer_clear(&s->run);
  s->cluster_start = s->n_clusters = s->n_kept = 0;
  return status;
}

static loci_status end_cluster(loci__split *s, loci_error *error) {
  bool has = s->cluster_has, cut = s->cluster_cut;
  s->cluster_has = s->cluster_cut = false;
  LOCI__TRY(loci__buffer_status(&s->run, "characters of a corpus", error));
  if (!has) {
    s->run.length = s->cluster_start;
    return end_run(s, error);
  }
  size_t n = s->splitter.ngram;
  if (s->n_kept == n) { /* the first of them is in no further n-gram */
    uint32_t gone = s->ends[0];
    memmove(s->run.data, s->run.data + gone, s->run.length - gone);
    s->run.length -= gone;
    for (size_t i = 1; i < n; i++) s->ends[i - 1] = s->ends[i] - gone;
    memmove(s->cuts, s->cuts + 1, (n - 1) * sizeof *s->cuts);
    memmove(s->ats, s->ats + 1, n * sizeof *s->ats);
    s->n_kept--;
  }
  s->ends[s->n_kept] = (uint32_t)s->run.length;
  s->cuts[s->n_kept] = cut;
  s->n_kept++;
  s->n_clusters++;
  s->cluster_start = s->run.length;
  return s->n_kept == n ? emit_clusters(s, 0, n, error) : LOCI_OK;
}

static loci_status step_chars(loci__split *s, uint32_t c, uint64_t at, loci_error *error) {
  const loci__word_record *record = loci__word_of(c);
  if ((record->flags & LOCI__WORD_SEPARATOR) != 0) {
    if (s->last >= 0) LOCI__TRY(end_cluster(s, error));
    s->last = -1;
    LOCI__TRY(end_run(s, error));
    return c == '\n' ? emit_line_end(s, at, error) : LOCI_OK;
  }
  if (s->last < 0) {
    s->cluster_state = 0;
  } else if (utf8proc_grapheme_break_stateful(s->last, (utf8proc_int32_t)c, &s->cluster_state)) {
    LOCI__TRY(end_cluster(s, error));
  }
  s->last = (utf8proc_int32_t)c;
  if (s->run.length == s->cluster_start) s->ats[s->n_kept] = at;
  char bytes[4];
  size_t n = loci__utf8_put(folded(s, c), bytes);
  if (s->cluster_cut || s->run.length - s->cluster_start + n > s->splitter.max_word) s->cluster_cut = true;
  else loci__buffer_append(&s->run, bytes, n);
  s->cluster_has = s->cluster_has || (record->flags & LOCI__WORD_ALNUM) != 0;
  return LOCI_OK;
}

static loci_status end_chars(loci__split *s, loci_error *error) {
  if (s->last >= 0) LOCI__TRY(end_cluster(s, error));
  s->last = -1;
  return end_run(s, error);
}

/* ---- pieces of a tokenizer ---- */

/* The tokens of the first `length` bytes of the line. */
static loci_status emit_pieces(loci__split *s, size_t length, loci_error *error) {
  if (length == 0) return LOCI_OK;
  size_t n_whole = 0;
  const loci_tokenizer *tokenizer = s->splitter.tokenizer;
  LOCI__TRY(loci__tokenizer_ids(tokenizer, s->line.data, length, false, SIZE_MAX, &s->ids, &n_whole, error));
  for (size_t i = 0; i < s->ids.n; i++) {
    const char *piece = loci_tokenizer_piece(tokenizer, s->ids.items[i]);
    if (piece == NULL || piece[0] == '\0') continue;
    size_t size = strlen(piece);
    if (size > s->splitter.max_word) {
      s->cut = true;
      size = s->splitter.max_word;
      while (size > 0 && ((unsigned char)piece[size] & 0xC0) == 0x80) size--;
    }
    memcpy(s->text + s->used, piece, size);
    s->used += size;
    s->word_at = s->line_at + i; /* tells the tokens of a line apart; there are no more of them than bytes */
    LOCI__TRY(emit(s, error));
  }
  return LOCI_OK;
}

static loci_status feed_model(loci__split *s, const char *bytes, size_t n, loci_error *error) {
  while (n > 0) {
    const char *end = memchr(bytes, '\n', n);
    size_t more = end != NULL ? (size_t)(end - bytes) : n, room = LOCI__LONGEST_LINE - s->line.length;
    if (s->line.length == 0) s->line_at = s->position;
    size_t taken = more < room ? more : room;
    loci__buffer_append(&s->line, bytes, taken);
    LOCI__TRY(loci__buffer_status(&s->line, "a line of a corpus", error));
    bytes += taken;
    n -= taken;
    s->position += taken;
    if (end != NULL && taken == more) {
      LOCI__TRY(emit_pieces(s, s->line.length, error));
      loci__buffer_clear(&s->line);
      LOCI__TRY(emit_line_end(s, s->position, error));
      bytes++;
      n--;
      s->position++;
    } else if (s->line.length == LOCI__LONGEST_LINE) {
      size_t cut = s->line.length;
      while (cut > 0 && !is_space((unsigned char)s->line.data[cut - 1])) cut--;
      if (cut == 0) { /* no white space at all: before the last character */
        cut = s->line.length - 1;
        while (cut > s->line.length - 4 && ((unsigned char)s->line.data[cut] & 0xC0) == 0x80) cut--;
      }
      LOCI__TRY(emit_pieces(s, cut, error));
      memmove(s->line.data, s->line.data + cut, s->line.length - cut);
      s->line.length -= cut;
      s->line_at += cut;
    }
  }
  return LOCI_OK;
}

static loci_status end_model(loci__split *s, loci_error *error) {
  if (s->line.length > 0) LOCI__TRY(emit_pieces(s, s->line.length, error));
  loci__buffer_clear(&s->line);
  return LOCI_OK;
}

/* ---- feeding ---- */

static inline loci_status step(loci__split *s, uint32_t c, uint64_t at, loci_error *error) {
  switch (s->splitter.split) {
    case LOCI_SPLIT_SPACE: return step_space(s, c, at, error);
    case LOCI_SPLIT_CHARS: return step_chars(s, c, at, error);
    default: return step_words(s, c, at, error);
  }
}

/* Whether the bytes are the beginning of a character that may go on behind them. */
static bool is_beginning(const char *bytes, size_t n) {
  if (n >= 4) return false;
  unsigned char lead = (unsigned char)bytes[0];
  size_t whole = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1, used;
  if (n >= whole || lead > 0xF4) return false;
  loci__utf8_next(bytes, n, &used, NULL);
  return used == n;
}

#if defined(__SSE2__)
static inline __m128i between(__m128i x, char first, char last) {
  __m128i shifted = _mm_sub_epi8(x, _mm_set1_epi8(first)), most = _mm_set1_epi8((char)(last - first));
  return _mm_cmpeq_epi8(_mm_min_epu8(shifted, most), shifted);
}
#endif

/* The character at bytes[*i]. False: its end is not there yet, and what there is of it is held. */
static inline bool next_char(loci__split *s, const char *bytes, size_t n, size_t *i, uint32_t *c) {
  size_t used;
  if (n - *i < 4 && is_beginning(bytes + *i, n - *i)) {
    s->n_held = n - *i;
    memcpy(s->held, bytes + *i, s->n_held);
    *i = n;
    return false;
  }
  *c = loci__utf8_next(bytes + *i, n - *i, &used, NULL);
  *i += used;
  return true;
}

/* Characters one by one. */
static loci_status feed_plain(loci__split *s, const char *bytes, size_t n, loci_error *error) {
  for (size_t i = 0; i < n;) {
    uint64_t at = s->position + i;
    uint32_t c;
    if (next_char(s, bytes, n, &i, &c)) LOCI__TRY(step(s, c, at, error));
  }
  s->position += n;
  return LOCI_OK;
}

#if defined(__SSE2__)

static inline __m128i fold16(const loci__split *s, __m128i x) {
  return _mm_or_si128(x, _mm_and_si128(between(x, 'A', 'Z'), _mm_set1_epi8((char)s->upper)));
}

static loci_status feed_space(loci__split *s, const char *bytes, size_t n, loci_error *error) {
  for (size_t i = 0; i < n;) {
    if (s->used == s->start && !s->cut) {
      while (i < n && is_space((unsigned char)bytes[i])) {
        if (bytes[i] == '\n') LOCI__TRY(emit_line_end(s, s->position + i, error));
        i++;
      }
      if (i == n) break;
      s->word_at = s->position + i;
    }
    /* A store may reach 16 bytes behind the word, for which there is room. */
    unsigned stop = 0;
    while (stop == 0 && i + 16 <= n && s->used - s->start + 16 <= s->splitter.max_word) {
      __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(bytes + i));
      __m128i space = _mm_or_si128(between(x, '\t', '\r'), _mm_cmpeq_epi8(x, _mm_set1_epi8(' ')));
      stop = (unsigned)_mm_movemask_epi8(_mm_or_si128(space, x)); /* the top bit: not ASCII */
      _mm_storeu_si128((__m128i *)(void *)(s->text + s->used), fold16(s, x));
      size_t run = stop != 0 ? (size_t)__builtin_ctz(stop) : 16;
      s->used += run;
      i += run;
    }
    if (i == n) break;
    if (is_space((unsigned char)bytes[i])) {
      LOCI__TRY(emit(s, error));
      continue;
    }
    uint64_t at = s->position + i;
    uint32_t c;
    if (next_char(s, bytes, n, &i, &c)) put(s, c, at);
  }
  s->position += n;
  return LOCI_OK;
}

static inline bool is_ascii_letter(unsigned char c) {
  return (unsigned char)((c | 0x20) - 'a') < 26;
}

static inline bool is_ascii_digit(unsigned char c) {
  return (unsigned char)(c - '0') < 10;
}

/* Whether `mid` stands inside a word between these two (WB6, WB7, WB11, WB12 for ASCII). */
static inline bool inside_ascii(unsigned char left, unsigned char mid, unsigned char right) {
  if (mid == '.' || mid == '\'')
    return (is_ascii_letter(left) && is_ascii_letter(right)) || (is_ascii_digit(left) && is_ascii_digit(right));
  if (mid == ':') return is_ascii_letter(left) && is_ascii_letter(right);
  return is_ascii_digit(left) && is_ascii_digit(right);
}

static inline bool is_ascii_mid(unsigned char c) {
  return c == '.' || c == ',' || c == '\'' || c == ':' || c == ';';
}

typedef enum ended { ENDED, AT_OTHER, TOO_LONG } ended;

/* A word of ASCII that begins at bytes[*i], where nothing before it matters: copied, folded, to the batch. ENDED: *i is
 * behind it. AT_OTHER: a character that is not ASCII may belong to it; it stands at *i. TOO_LONG: it reaches the end of what
 * was fed, or is nearly max_word long, or what follows decides; nothing was done. */
static inline ended ascii_word(loci__split *s, const char *bytes, size_t n, size_t *i, bool *has) {
  size_t at = *i;
  char *out = s->text + s->used;
  *has = false;
  for (;;) {
    if (at + 18 > n || at - *i + 32 > s->splitter.max_word) return TOO_LONG;
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(bytes + at));
    __m128i letter = between(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 'z');
    __m128i alnum = _mm_or_si128(letter, between(x, '0', '9'));
    unsigned in = (unsigned)_mm_movemask_epi8(_mm_or_si128(alnum, _mm_cmpeq_epi8(x, _mm_set1_epi8('_'))));
    unsigned is = (unsigned)_mm_movemask_epi8(alnum), not_in = ~in & 0xFFFF;
    _mm_storeu_si128((__m128i *)(void *)(out + (at - *i)), fold16(s, x));
    unsigned run = not_in != 0 ? (unsigned)__builtin_ctz(not_in) : 16;
    *has = *has || (is & ((1u << run) - 1)) != 0;
    at += run;
    if (run == 16) continue;
    unsigned char c = (unsigned char)bytes[at];
    if (c >= 0x80) {
      s->used += at - *i;
      *i = at;
      return AT_OTHER;
    }
    if (is_ascii_mid(c)) {
      unsigned char next = (unsigned char)bytes[at + 1];
      if (next >= 0x80) return TOO_LONG;
      if (inside_ascii((unsigned char)bytes[at - 1], c, next)) {
        out[at - *i] = (char)c;
        at++;
        continue;
      }
    }
    s->used += at - *i;
    *i = at;
    return ENDED;
  }
}

static loci_status feed_words(loci__split *s, const char *bytes, size_t n, loci_error *error) {
  for (size_t i = 0; i < n;) {
    unsigned char c = (unsigned char)bytes[i];
    /* Nothing of ASCII joins what is unfinished: it ends here, and the fast way begins. */
    if (c < 0x80 && s->prev == LOCI__WB_OTHER && s->pending == PEND_NONE) {
      if (s->used > s->start || s->cut) LOCI__TRY(end_word(s, error));
      s->zwj = false;
      if (is_ascii_letter(c) || is_ascii_digit(c) || c == '_') {
        size_t from = i;
        bool has;
        ended how = ascii_word(s, bytes, n, &i, &has);
        if (how != TOO_LONG) {
          s->word_at = s->position + from;
          s->has = has;
          if (how == ENDED) {
            LOCI__TRY(end_word(s, error));
          } else {
            unsigned char last = (unsigned char)bytes[i - 1];
            s->prev = is_ascii_letter(last) ? LOCI__WB_LETTER
                      : last == '_'         ? LOCI__WB_EXTEND_NUM_LET
                                            : LOCI__WB_NUMERIC;
          }
          continue;
        }
      } else if (c == '\n') {
        LOCI__TRY(emit_line_end(s, s->position + i, error));
        i++;
        continue;
      } else if (c == ' ' || (i + 1 < n && (unsigned char)bytes[i + 1] < 0x80)) {
        i++; /* nothing hangs on it */
        continue;
      }
    }
    uint64_t at = s->position + i;
    uint32_t scalar;
    if (next_char(s, bytes, n, &i, &scalar)) LOCI__TRY(step_words(s, scalar, at, error));
  }
  s->position += n;
  return LOCI_OK;
}

#endif

/* Bytes at the start of what is fed that end the character which was held. *taken: how many. */
static loci_status feed_held(loci__split *s, const char *bytes, size_t n, size_t *taken, loci_error *error) {
  *taken = 0;
  while (s->n_held > 0) {
    size_t used, had = s->n_held;
    if (is_beginning(s->held, had)) {
      if (*taken == n) return LOCI_OK;
      s->held[s->n_held++] = bytes[(*taken)++];
      continue;
    }
    uint64_t at = s->position + *taken - had;
    uint32_t c = loci__utf8_next(s->held, had, &used, NULL);
    LOCI__TRY(step(s, c, at, error));
    memmove(s->held, s->held + used, had - used);
    s->n_held = had - used;
  }
  return LOCI_OK;
}

loci_status loci__split_feed(loci__split *s, const char *bytes, size_t n, loci_error *error) {
  if (s->splitter.split == LOCI_SPLIT_MODEL) return feed_model(s, bytes, n, error);
  size_t taken = 0;
  if (s->n_held > 0) {
    LOCI__TRY(feed_held(s, bytes, n, &taken, error));
    s->position += taken;
  }
  bytes += taken;
  n -= taken;
#if defined(__SSE2__)
  if (s->splitter.split == LOCI_SPLIT_SPACE) return feed_space(s, bytes, n, error);
  if (s->splitter.split == LOCI_SPLIT_WORDS) return feed_words(s, bytes, n, error);
#endif
  return feed_plain(s, bytes, n, error);
}

loci_status loci__split_end(loci__split *s, loci_error *error) {
  for (size_t at = 0; at < s->n_held;) {
    size_t used;
    uint32_t c = loci__utf8_next(s->held + at, s->n_held - at, &used, NULL);
    LOCI__TRY(step(s, c, s->position - s->n_held + at, error));
    at += used;
  }
  s->n_held = 0;
  switch (s->splitter.split) {
    case LOCI_SPLIT_WORDS: LOCI__TRY(end_words(s, error)); break;
    case LOCI_SPLIT_SPACE:
      if (s->used > s->start) LOCI__TRY(emit(s, error));
      break;
    case LOCI_SPLIT_CHARS: LOCI__TRY(end_chars(s, error)); break;
    case LOCI_SPLIT_MODEL: LOCI__TRY(end_model(s, error)); break;
  }
  LOCI__TRY(loci__buffer_status(&s->pend, "a word of a corpus", error));
  return flush(s, error);
}

void loci__split_begin(loci__split *s, uint64_t offset) {
  s->n_tokens = s->used = s->start = s->n_held = 0;
  s->position = offset;
  s->cut = s->has = s->zwj = s->odd = s->pend_cut = s->cluster_has = s->cluster_cut = false;
  s->prev = LOCI__WB_OTHER;
  s->pending = PEND_NONE;
  s->last = -1;
  s->cluster_start = s->n_clusters = s->n_kept = 0;
  loci__buffer_clear(&s->pend);
  loci__buffer_clear(&s->run);
  loci__buffer_clear(&s->line);
}

uint64_t loci__split_n_cut(const loci__split *s) {
  return s->n_cut;
}

loci_status loci__split_new(loci_context *context, const loci__splitter *splitter, size_t batch, loci__tokens_fn each,
                            void *arg, loci__split **out, loci_error *error) {
  *out = NULL;
  loci__splitter used = *splitter;
  if (used.max_word == 0) used.max_word = 1024;
  if (used.ngram == 0) used.ngram = 2;
  if (used.max_word < 4 || used.max_word > LOCI__LONGEST_WORD)
    return loci__fail(error, LOCI_ERROR_USAGE, "the longest word must have 4 to %d bytes", LOCI__LONGEST_WORD);
  if (used.ngram > LOCI__LONGEST_NGRAM)
    return loci__fail(error, LOCI_ERROR_USAGE, "n-grams have 1 to %d characters", LOCI__LONGEST_NGRAM);
  if ((unsigned)used.split > LOCI_SPLIT_MODEL || (unsigned)used.fold > LOCI_FOLD_NONE)
    return loci__fail(error, LOCI_ERROR_USAGE, "unknown way of splitting or folding");
  if (used.split == LOCI_SPLIT_MODEL && used.tokenizer == NULL)
    return loci__fail(error, LOCI_ERROR_USAGE, "splitting by a model needs the model");
  loci__split *s = loci__alloc_zero(context, 1, sizeof *s);
  if (s == NULL) return loci__fail_memory(error, sizeof *s, "splitting a text");
  s->context = context;
  s->splitter = used;
  s->each = each;
  s->arg = arg;
  s->batch = batch;
  s->upper = used.fold == LOCI_FOLD_NONE ? 0 : 0x20;
  s->capacity = (batch < 512 ? BATCH_BYTES / 8 : BATCH_BYTES) + used.max_word + 2 * SLACK;
  s->text = loci__alloc(context, s->capacity);
  s->tokens = loci__alloc_array(context, batch, sizeof *s->tokens);
  loci__buffer_init(&s->pend, context, 0);
  loci__buffer_init(&s->run, context, 0);
  loci__buffer_init(&s->line, context, 0);
  if (s->text == NULL || s->tokens == NULL) {
    loci_status status = loci__fail_memory(error, s->capacity, "splitting a text");
    loci__split_free(s);
    return status;
  }
  memset(s->text, 0, s->capacity);
  loci__split_begin(s, 0);
  *out = s;
  return LOCI_OK;
}

void loci__split_free(loci__split *s) {
  if (s == NULL) return;
  loci__free(s->context, s->text);
  loci__free(s->context, s->tokens);
  loci__buffer_release(&s->pend);
  loci__buffer_release(&s->run);
  loci__buffer_release(&s->line);
  loci__ids_release(&s->ids);
  loci__free(s->context, s);
}

/* ---- one text ---- */

typedef struct text_job {
  loci__word_fn each;
  void *arg;
} text_job;

static loci_status text_tokens(void *arg, const loci__token *tokens, size_t n, loci_error *error) {
  const text_job *job = arg;
  for (size_t i = 0; i < n; i++)
    if (tokens[i].length > 0) LOCI__TRY(job->each(job->arg, tokens[i].word, tokens[i].length, error));
  return LOCI_OK;
}

loci_status loci__split_text(loci_context *context, const loci__splitter *splitter, const char *text, size_t length,
                             loci__word_fn each, void *arg, uint64_t *n_cut, loci_error *error) {
  context = loci__context_of(context);
  text_job job = {each, arg};
  loci__split *split;
  LOCI__TRY(loci__split_new(context, splitter, 64, text_tokens, &job, &split, error));
  loci_status status = loci__split_feed(split, text, length, error);
  if (status == LOCI_OK) status = loci__split_end(split, error);
  if (n_cut != NULL) *n_cut += split->n_cut;
  loci__split_free(split);
  return status;
}
