/* text/words.c: a tokenizer whose tokens are words: a splitter and a table of words.
 *
 * The table is somebody's (a file of word vectors, loci__tokenizer_of_words) or the tokenizer's own vocabulary (model
 * WordLevel of a tokenizer.json). A text is cut into words, by a corpus's splitter or by one of Hugging Face's
 * pre-tokenizers, each word is folded as the rules say and looked up; where the rules say so, one that is not there is
 * looked up once more in lower case. What is not there then is one unknown token: it counts, it has a place in the text,
 * and models leave it out.
 *
 * Places: the words are cut without folding, since then they have the length of what they were made from, and folded
 * afterwards. Where no places are wanted the splitter folds, as it does for the corpus. Both ways give the same ids
 * (tests/unit).
 */
#include "parts.h"
#include "split.h"
#include "wordbreak.h"

enum { WORDS_AT_ONCE = 64, UTF8_ROOM = 4 };

static const char unknown_piece[] = "[UNK]";

typedef struct words {
  const loci_tokenizer *tokenizer;
  const loci__sink *sink; /* or, when that is NULL, each */
  loci__word_id_fn each;
  void *each_arg;
  size_t most; /* calls of each */
  const char *text;
  size_t length;
  size_t n;
  loci__word_fold fold, again; /* of a word before it is looked up; of one that was not there */
  loci__buffer folded, lower;
} words;

/* ---- folding ----------------------------------------------------------------------------------- */

static bool has_capital(const char *word, size_t length) {
  for (size_t i = 0; i < length; i++)
    if ((word[i] >= 'A' && word[i] <= 'Z') || (unsigned char)word[i] >= 0x80) return true;
  return false;
}

/* Puts the folded word into `out` (cleared); false when nothing can change, and `out` is left alone. */
static bool fold_word(loci__word_fold fold, const char *word, size_t length, loci__buffer *out) {
  if (fold == LOCI__WORD_FOLD_NONE || !has_capital(word, length)) return false;
  loci__buffer_clear(out);
  for (size_t at = 0; at < length;) {
    const unsigned char byte = (unsigned char)word[at];
    if (byte < 0x80 || fold == LOCI__WORD_FOLD_ASCII) {
      loci__buffer_putc(out, (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte));
      at++;
      continue;
    }
    size_t used;
    char utf8[UTF8_ROOM];
    const uint32_t c = loci__utf8_next(word + at, length - at, &used, NULL);
    at += used;
    const loci__unicode_record *record = loci__unicode(c);
    if (fold == LOCI__WORD_FOLD_REFERENCE && record->lower_length > 0) {
      for (size_t i = 0; i < record->lower_length; i++)
        loci__buffer_append(out, utf8, loci__utf8_put(loci__unicode_pool[record->lower + i], utf8));
    } else if (fold == LOCI__WORD_FOLD_REFERENCE) {
      loci__buffer_append(out, utf8, loci__utf8_put(c, utf8));
    } else {
      loci__buffer_append(out, utf8, loci__utf8_put(c + (uint32_t)loci__word_of(c)->lower, utf8));
    }
  }
  return true;
}

bool loci__word_lower(const char *word, size_t length, loci__buffer *out) {
  return fold_word(LOCI__WORD_FOLD_LOWER, word, length, out);
}

/* ---- looking up -------------------------------------------------------------------------------- */

static int32_t find(const loci_tokenizer *t, const char *word, size_t length) {
  return length > 0 ? t->words.find(t->words.table, word, length) : -1;
}

/* The other tokenizer's unknown token stands for any word: its vector, if it has one, says nothing. */
static bool is_nothing(const loci_tokenizer *t, const char *word, size_t length) {
  if (t->cut != LOCI__CUT_SPLITTER || t->splitter.split != LOCI_SPLIT_MODEL) return false;
  const char *piece = loci_tokenizer_piece(t->splitter.tokenizer, loci__tokenizer_unknown(t->splitter.tokenizer));
  return piece != NULL && strlen(piece) == length && memcmp(piece, word, length) == 0;
}

/* One word of the text, at word[0..length), wherever that lies. */
static loci_status put_word(words *w, const char *word, size_t length, size_t start, size_t end, loci_error *error) {
  const loci_tokenizer *t = w->tokenizer;
  if (fold_word(w->fold, word, length, &w->folded)) {
    LOCI__TRY(loci__buffer_status(&w->folded, "a word", error));
    word = w->folded.data;
    length = w->folded.length;
  }
  const bool nothing = is_nothing(t, word, length);
  int32_t id = nothing ? -1 : find(t, word, length);
  if (id < 0 && !nothing && fold_word(w->again, word, length, &w->lower)) {
    LOCI__TRY(loci__buffer_status(&w->lower, "a word", error));
    id = find(t, w->lower.data, w->lower.length);
  }
  if (id < 0) id = t->unknown;
  if (w->sink == NULL) return w->n++ < w->most ? w->each(w->each_arg, id, word, length, error) : LOCI_OK;
  if (!loci__sink_reserve(w->sink, w->n, 1)) return loci__fail_memory(error, w->n * 16, "the words of a text");
  if (w->sink->tokens != NULL) {
    w->sink->tokens->ids[w->n] = id;
    w->sink->tokens->starts[w->n] = (uint32_t)start;
    w->sink->tokens->ends[w->n] = (uint32_t)end;
  } else {
    w->sink->ids->items[w->n] = id;
  }
  w->n++;
  return LOCI_OK;
}

static loci_status each_words(void *arg, const loci__token *tokens, size_t n, loci_error *error) {
  words *w = arg;
  for (size_t i = 0; i < n; i++)
    if (tokens[i].length > 0)
      LOCI__TRY(put_word(w, tokens[i].word, tokens[i].length, (size_t)tokens[i].at,
                         (size_t)tokens[i].at + tokens[i].length, error));
  return LOCI_OK;
}

/* ---- cutting ----------------------------------------------------------------------------------- */

/* The pieces of another tokenizer, at their places. */
static loci_status cut_by_tokenizer(words *w, size_t from, size_t to, loci_error *error) {
  const loci_tokenizer *other = w->tokenizer->splitter.tokenizer;
  loci_tokens tokens = {0};
  loci_status status = loci_tokenizer_encode(other, w->text + from, to - from, 0, &tokens, error);
  for (size_t i = 0; i < tokens.n_tokens && status == LOCI_OK; i++) {
    const char *piece = loci_tokenizer_piece(other, tokens.ids[i]);
    if (piece == NULL || piece[0] == '\0') continue;
    status = put_word(w, piece, strlen(piece), from + tokens.starts[i], from + tokens.ends[i], error);
  }
  loci_tokens_release(&tokens);
  return status;
}

/* What a character is to a pre-tokenizer: 0 ends a word and is dropped, 1 and 2 make words of their own kinds, 3 is a
 * word alone. */
static unsigned kind_of(loci__words_cut cut, uint32_t c) {
  const unsigned flags = loci__unicode(c)->flags;
  if (cut == LOCI__CUT_CLASSES) /* \w+|[^\w\s]+ */
    return (flags & LOCI__CHAR_WORD) != 0 ? 1 : (flags & LOCI__CHAR_REGEX_SPACE) != 0 ? 0 : 2;
  if ((flags & LOCI__CHAR_WHITE) != 0) return 0;
  return cut == LOCI__CUT_BERT && (flags & LOCI__CHAR_PUNCT) != 0 ? 3 : 1;
}

static loci_status cut_by_kind(words *w, size_t from, size_t to, loci_error *error) {
  const loci__words_cut cut = w->tokenizer->cut;
  size_t start = from;
  unsigned kind = 0;
  for (size_t at = from; at < to;) {
    size_t used;
    const unsigned next = kind_of(cut, loci__utf8_next(w->text + at, to - at, &used, NULL));
    if (kind != 0 && (next != kind || kind == 3)) LOCI__TRY(put_word(w, w->text + start, at - start, start, at, error));
    if (next != kind || kind == 3) start = at;
    kind = next;
    at += used;
  }
  return kind != 0 ? put_word(w, w->text + start, to - start, start, to, error) : LOCI_OK;
}

static loci_status cut_span(words *w, size_t from, size_t to, loci_error *error) {
  const loci_tokenizer *t = w->tokenizer;
  if (from >= to) return LOCI_OK;
  if (t->cut != LOCI__CUT_SPLITTER) return cut_by_kind(w, from, to, error);
  const bool places = w->sink != NULL && w->sink->tokens != NULL;
  if (places && t->splitter.split == LOCI_SPLIT_MODEL) return cut_by_tokenizer(w, from, to, error);
  loci__splitter splitter = t->splitter;
  if (places) splitter.fold = LOCI_FOLD_NONE;
  loci__split *split;
  LOCI__TRY(loci__split_new(t->context, &splitter, WORDS_AT_ONCE, each_words, w, &split, error));
  loci__split_begin(split, from);
  loci_status status = loci__split_feed(split, w->text + from, to - from, error);
  if (status == LOCI_OK) status = loci__split_end(split, error);
  loci__split_free(split);
  return status;
}

/* Whether cutting gives words as they are to be looked up: pieces of another tokenizer are not folded at all. */
static bool folds_itself(const loci_tokenizer *t, bool places) {
  return t->cut == LOCI__CUT_SPLITTER && (!places || t->splitter.split == LOCI_SPLIT_MODEL);
}

loci_status loci__encode_words(const loci_tokenizer *t, const char *text, size_t length, const loci__sink *sink,
                               size_t *n, loci_error *error) {
  words w = {.tokenizer = t, .sink = sink, .text = text, .length = length, .n = *n, .fold = t->fold, .again = t->again};
  if (folds_itself(t, sink->tokens != NULL)) w.fold = LOCI__WORD_FOLD_NONE;
  loci__buffer_init(&w.folded, t->context, 0);
  loci__buffer_init(&w.lower, t->context, 0);
  loci__matching matching = loci__matching_begin(&t->added, &t->added.raw, text, length);
  loci__match match;
  size_t at = 0;
  loci_status status = LOCI_OK;
  while (status == LOCI_OK && loci__matching_next(&matching, &match)) {
    status = cut_span(&w, at, match.start, error);
    if (status != LOCI_OK) break;
    if (!loci__sink_reserve(sink, w.n, 1)) {
      status = loci__fail_memory(error, w.n * 16, "the words of a text");
      break;
    }
    if (sink->tokens != NULL) {
      sink->tokens->ids[w.n] = match.token->id;
      sink->tokens->starts[w.n] = (uint32_t)match.start;
      sink->tokens->ends[w.n] = (uint32_t)match.end;
    } else {
      sink->ids->items[w.n] = match.token->id;
    }
    w.n++;
    at = match.end;
  }
  if (status == LOCI_OK) status = cut_span(&w, at, length, error);
  loci__buffer_release(&w.folded);
  loci__buffer_release(&w.lower);
  *n = w.n;
  return status;
}

loci_status loci__tokenizer_each_word(const loci_tokenizer *t, const char *text, size_t length, size_t max_tokens,
                                      loci__word_id_fn each, void *arg, size_t *n_whole, loci_error *error) {
  words w = {.tokenizer = t, .each = each, .each_arg = arg, .most = max_tokens, .text = text, .length = length};
  w.fold = folds_itself(t, false) ? LOCI__WORD_FOLD_NONE : t->fold;
  w.again = t->again;
  loci__buffer_init(&w.folded, t->context, 0);
  loci__buffer_init(&w.lower, t->context, 0);
  const loci_status status = cut_span(&w, 0, length, error);
  loci__buffer_release(&w.folded);
  loci__buffer_release(&w.lower);
  *n_whole = w.n;
  return status;
}

bool loci__tokenizer_has_words(const loci_tokenizer *tokenizer) {
  return tokenizer->cut != LOCI__CUT_PIECES;
}

/* ---- making ------------------------------------------------------------------------------------ */

static loci__word_fold fold_of(loci_fold fold) {
  return fold == LOCI_FOLD_LOWER ? LOCI__WORD_FOLD_LOWER
                                 : (fold == LOCI_FOLD_ASCII ? LOCI__WORD_FOLD_ASCII : LOCI__WORD_FOLD_NONE);
}

void loci__tokenizer_set_splitter(loci_tokenizer *t, const loci__splitter *splitter, bool lower_again) {
  t->cut = LOCI__CUT_SPLITTER;
  t->splitter = *splitter;
  t->fold = fold_of(splitter->fold);
  t->again = lower_again && splitter->fold != LOCI_FOLD_LOWER ? LOCI__WORD_FOLD_LOWER : LOCI__WORD_FOLD_NONE;
}

bool loci__tokenizer_splitter(const loci_tokenizer *t, loci__splitter *out, bool *lower_again) {
  if (t->cut != LOCI__CUT_SPLITTER) return false;
  *out = t->splitter;
  *lower_again = t->again != LOCI__WORD_FOLD_NONE;
  return true;
}

loci_status loci__tokenizer_of_words(loci_context *context, const loci__splitter *splitter,
                                     const loci__word_table *table, bool lower_again, loci_tokenizer **out,
                                     loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  if (table->n >= INT32_MAX)
    return loci__fail(error, LOCI_ERROR_LIMIT, "a table of %zu words: the limit is %d", table->n, INT32_MAX - 1);
  loci_tokenizer *t = loci__alloc_zero(context, 1, sizeof *t);
  if (t == NULL) return loci__fail_memory(error, sizeof *t, "a tokenizer");
  t->context = t->added.context = t->vocab.context = context;
  t->words = *table;
  t->unknown = (int32_t)table->n;
  t->size = table->n + 1;
  t->unknown_piece = unknown_piece;
  loci__tokenizer_set_splitter(t, splitter, lower_again);
  *out = t;
  return LOCI_OK;
}

/* The tokenizer's own vocabulary as a table (WordLevel). */
static int32_t find_own(const void *table, const char *word, size_t length) {
  return loci__vocab_id(table, word, length);
}

static const char *own_word(const void *table, size_t i, size_t *length) {
  return loci__vocab_piece(table, i, length);
}

void loci__tokenizer_words_own(loci_tokenizer *t) {
  t->words = (loci__word_table){.table = &t->vocab, .n = t->vocab.n_ids, .find = find_own, .word = own_word};
}

const char *loci__tokenizer_word(const loci_tokenizer *t, int32_t id) {
  if (t->unknown_piece != NULL && id == t->unknown) return t->unknown_piece;
  return (size_t)id < t->words.n ? t->words.word(t->words.table, (size_t)id, NULL) : NULL;
}

int32_t loci__tokenizer_word_id(const loci_tokenizer *t, const char *piece, size_t length) {
  const int32_t id = find(t, piece, length);
  if (id >= 0 || t->unknown_piece == NULL) return id;
  return length == strlen(t->unknown_piece) && memcmp(piece, t->unknown_piece, length) == 0 ? t->unknown : -1;
}

/* ---- fingerprint ------------------------------------------------------------------------------- */

void loci__tokenizer_words_fingerprint(const loci_tokenizer *t, loci__hash *hash) {
  loci__hash_add_text(hash, "words/1");
  loci__hash_add_u64(hash, (uint64_t)t->cut);
  loci__hash_add_u64(hash, (uint64_t)t->fold);
  loci__hash_add_u64(hash, (uint64_t)t->again);
  if (t->cut == LOCI__CUT_SPLITTER) {
    loci__hash_add_u64(hash, (uint64_t)t->splitter.split);
    loci__hash_add_u64(hash, t->splitter.split == LOCI_SPLIT_CHARS ? t->splitter.ngram : 0);
    loci__hash_add_u64(hash, t->splitter.max_word);
    if (t->splitter.split == LOCI_SPLIT_MODEL) loci__tokenizer_fingerprint(t->splitter.tokenizer, hash);
  }
  loci__hash_add_u64(hash, (uint64_t)t->unknown);
  loci__hash_add_u64(hash, t->words.n);
  for (size_t i = 0; i < t->words.n; i++) {
    size_t length = 0;
    const char *word = t->words.word(t->words.table, i, &length);
    if (word == NULL) {
      loci__hash_add_u64(hash, UINT64_MAX);
    } else {
      loci__hash_add_u64(hash, length);
      loci__hash_add(hash, word, length);
    }
  }
}
