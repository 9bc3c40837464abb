/* store/words.c: the tokenizer of full-text search.
 *
 * The rules of SQLite's unicode61: a word is a run of letters, numbers and private-use characters (general
 * categories L*, N*, Co), lower-cased, without the diacritics of Latin. Beyond them:
 *  - case is folded, not lowered (Unicode C+F: ß = ss, ς = σ), Greek loses its accents and ё is е;
 *  - marks inside a word belong to it: vowel signs of Indic scripts stay, combining accents, Hebrew points and
 *    Arabic harakat are dropped (unicode61 cuts the word there);
 *  - full-width forms are their plain ones;
 *  - scripts that do not put spaces between words (Han, kana; Thai, Lao, Khmer, Burmese) and Hangul, whose words
 *    carry their particles, are indexed as single characters and as overlapping pairs at the same place, after
 *    the bigram method of Lucene's CJKAnalyzer. A query's run of two or more characters asks for its pairs, a
 *    lonely character for itself, so words of one, two or more characters are all found.
 *
 * Folding is idempotent: a word cut again is itself. The store relies on that when it hands words to FTS5 (each
 * quoted), which cuts them once more. test_words.c checks it for every scalar value.
 */
#include "words.h"

#include <utf8proc.h>

typedef enum kind {
  SEPARATOR, /* ends a word */
  LETTER,    /* part of a word */
  MARK,      /* part of a word that has begun, never its begin */
  IGNORED,   /* a combining accent or a format character inside a word: not there */
  PAIRED     /* a character of a script that is cut into pairs */
} kind;

static bool in(uint32_t c, uint32_t low, uint32_t high) {
  return c >= low && c <= high;
}

static bool is_paired(uint32_t c) {
  if (c < 0x0E00) return false;
  return in(c, 0x0E00, 0x0EFF) || in(c, 0x1000, 0x109F) || in(c, 0x1780, 0x17FF) || in(c, 0x1100, 0x11FF) ||
         in(c, 0x2E80, 0x2FDF) || in(c, 0x3005, 0x3007) || in(c, 0x3021, 0x3029) || in(c, 0x3038, 0x303C) ||
         in(c, 0x3041, 0x3096) || in(c, 0x309D, 0x30FA) || in(c, 0x30FC, 0x318F) || in(c, 0x31A0, 0x31BF) ||
         in(c, 0x31F0, 0x31FF) || in(c, 0x3400, 0x4DBF) || in(c, 0x4E00, 0x9FFF) || in(c, 0xA960, 0xA97F) ||
         in(c, 0xAC00, 0xD7FF) || in(c, 0xF900, 0xFAFF) || in(c, 0x1B000, 0x1B16F) || in(c, 0x20000, 0x3FFFF);
}

static bool is_ignored(uint32_t c) {
  return in(c, 0x0300, 0x036F) || in(c, 0x0591, 0x05C7) || in(c, 0x0610, 0x061A) || in(c, 0x064B, 0x065F) ||
         c == 0x0640 || c == 0x0670 || in(c, 0x06D6, 0x06ED) || in(c, 0x1AB0, 0x1AFF) || in(c, 0x1DC0, 0x1DFF) ||
         in(c, 0x20D0, 0x20FF) || in(c, 0xFE00, 0xFE0F) || in(c, 0xFE20, 0xFE2F);
}

static kind kind_of(uint32_t c) {
  if (c < 0x80) {
    bool word = in(c, '0', '9') || in(c, 'a', 'z') || in(c, 'A', 'Z');
    return word ? LETTER : SEPARATOR;
  }
  if (c == 0xAD || in(c, 0x200B, 0x200D) || c == 0x2060 || c == 0xFEFF) return IGNORED; /* soft hyphen, joiners */
  if (is_ignored(c)) return IGNORED;
  switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_CO: return is_paired(c) ? PAIRED : LETTER;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return is_paired(c) ? PAIRED : MARK;
    default: return SEPARATOR;
  }
}

static bool loses_accents(uint32_t c) {
  return c < 0x0250 || in(c, 0x0370, 0x03FF) || in(c, 0x1E00, 0x1FFF);
}

/* One step of folding, up to 4 values; 0 when nothing is left. */
static size_t fold_once(uint32_t c, uint32_t out[4]) {
  if (in(c, 0xFF01, 0xFF5E)) c -= 0xFEE0; /* full-width ASCII */
  if (c < 0x80) {
    out[0] = in(c, 'A', 'Z') ? c + 32 : c;
    return 1;
  }
  if (in(c, 0xAC00, 0xD7A3)) { /* Hangul syllables stay whole */
    out[0] = c;
    return 1;
  }
  /* The voiced kana decompose into a letter and a mark, but are letters of their own. */
  if (in(c, 0x3041, 0x30FF)) {
    out[0] = c;
    return 1;
  }
  utf8proc_option_t options = UTF8PROC_CASEFOLD;
  if (loses_accents(c) || in(c, 0xF900, 0xFAFF) || in(c, 0x2F800, 0x2FA1F)) options |= UTF8PROC_DECOMPOSE;
  if (in(c, 0xFF61, 0xFF9F)) options |= UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT; /* half-width kana */
  utf8proc_int32_t folded[16];
  int boundary = 0;
  utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, folded, 16, options, &boundary);
  if (n <= 0 || n > 16) {
    out[0] = c;
    return 1;
  }
  size_t m = 0;
  for (utf8proc_ssize_t i = 0; i < n && m < 4; i++) {
    uint32_t f = (uint32_t)folded[i];
    if (is_ignored(f)) continue;
    if (f == 0x0451) f = 0x0435; /* ё */
    out[m++] = f;
  }
  return m;
}

/* The folded form of one scalar value. A few signs (the angstrom's, the kelvin's) fold to letters that fold again. */
static size_t fold(uint32_t c, uint32_t out[4]) {
  size_t n = fold_once(c, out);
  for (int step = 0; step < 3 && n == 1 && out[0] != c; step++) {
    c = out[0];
    n = fold_once(c, out);
  }
  return n;
}

/* ---- the scanner --------------------------------------------------------------------------------- */

typedef struct scanner {
  loci__words_mode mode;
  loci__word_fn each;
  void *arg;
  /* the word under way */
  char word[LOCI__WORD_MAX + 4];
  size_t length, start, end;
  bool full;
  /* the run of paired characters under way: the last one, and how many there were */
  char last[4];
  size_t last_length, last_start, last_end, n_run;
} scanner;

static int end_word(scanner *s) {
  if (s->length == 0) return 0;
  size_t length = s->length;
  s->length = 0;
  s->full = false;
  return s->each(s->arg, s->word, length, s->start, s->end, false);
}

static int end_run(scanner *s) {
  size_t n = s->n_run;
  s->n_run = 0;
  /* A document's last character has been told already, and so have a query's pairs. */
  if (n != 1 || s->mode == LOCI__WORDS_DOCUMENT) return 0;
  return s->each(s->arg, s->last, s->last_length, s->last_start, s->last_end, false);
}

static void add_letter(scanner *s, uint32_t c, size_t start, size_t end) {
  if (s->length == 0) s->start = start;
  s->end = end;
  char bytes[4];
  size_t n = loci__utf8_put(c, bytes);
  /* Once cut, always cut: a shorter character behind the limit does not slip in. */
  if (s->full || s->length + n > LOCI__WORD_MAX) {
    s->full = true;
    return;
  }
  memcpy(s->word + s->length, bytes, n);
  s->length += n;
}

static int add_paired(scanner *s, uint32_t c, size_t start, size_t end) {
  char bytes[4], pair[8];
  size_t n = loci__utf8_put(c, bytes);
  int rc = 0;
  if (s->n_run) {
    memcpy(pair, s->last, s->last_length);
    memcpy(pair + s->last_length, bytes, n);
    rc = s->each(s->arg, pair, s->last_length + n, s->last_start, end, s->mode == LOCI__WORDS_DOCUMENT);
  }
  if (rc == 0 && s->mode == LOCI__WORDS_DOCUMENT) rc = s->each(s->arg, bytes, n, start, end, false);
  memcpy(s->last, bytes, n);
  s->last_length = n;
  s->last_start = start;
  s->last_end = end;
  s->n_run++;
  return rc;
}

static int add(scanner *s, uint32_t c, size_t start, size_t end) {
  kind k = kind_of(c);
  if (k == IGNORED) { /* the kana's voicing marks are not ignored: they are no part of the ignored ranges */
    if (s->length) s->end = end;
    return 0;
  }
  int rc = 0;
  if (k == SEPARATOR) {
    rc = end_word(s);
    return rc ? rc : end_run(s);
  }
  uint32_t folded[4];
  size_t n = fold(c, folded);
  for (size_t i = 0; i < n && rc == 0; i++) {
    uint32_t f = folded[i];
    kind fk = f == c ? k : kind_of(f);
    if (fk == PAIRED) {
      rc = end_word(s);
      if (rc == 0) rc = add_paired(s, f, start, end);
    } else if (fk == LETTER || (fk == MARK && s->length)) {
      rc = end_run(s);
      add_letter(s, f, start, end);
    }
  }
  return rc;
}

int loci__words_each(const char *text, size_t length, loci__words_mode mode, loci__word_fn each, void *arg) {
  scanner s;
  s.mode = mode;
  s.each = each;
  s.arg = arg;
  s.length = s.n_run = 0;
  s.full = false;
  for (size_t i = 0; i < length;) {
    unsigned char byte = (unsigned char)text[i];
    int rc = 0;
    size_t used = 1;
    if (byte < 0x80) {
      bool upper = in(byte, 'A', 'Z');
      if (upper || in(byte, 'a', 'z') || in(byte, '0', '9')) {
        if (s.n_run) rc = end_run(&s);
        if (s.length == 0) s.start = i;
        s.end = i + 1;
        if (!s.full && s.length < LOCI__WORD_MAX) s.word[s.length++] = (char)(upper ? byte + 32 : byte);
        else s.full = true;
      } else {
        rc = end_word(&s);
        if (rc == 0 && s.n_run) rc = end_run(&s);
      }
    } else {
      bool valid = true;
      uint32_t c = loci__utf8_next(text + i, length - i, &used, &valid);
      rc = add(&s, valid ? c : ' ', i, i + used);
    }
    if (rc) return rc;
    i += used;
  }
  int rc = end_word(&s);
  return rc ? rc : end_run(&s);
}

static int count_word(void *arg, const char *word, size_t length, size_t start, size_t end, bool same) {
  (void)word, (void)length, (void)start, (void)end;
  *(size_t *)arg += !same;
  return 0;
}

size_t loci__words_count(const char *text, size_t length) {
  size_t n = 0;
  (void)loci__words_each(text, length, LOCI__WORDS_DOCUMENT, count_word, &n);
  return n;
}
