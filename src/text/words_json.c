/* text/words_json.c: tokenizers of words as Hugging Face's tokenizer.json, read and written.
 *
 * Read: model WordLevel; normalizer null, Lowercase or what is written here; pre_tokenizer WhitespaceSplit, Whitespace
 * (\w+|[^\w\s]+), BertPreTokenizer or what is written here. Written, so that the reference cuts and folds a text as loci's
 * splitters do:
 *
 *   LOCI_SPLIT_WORDS   Split by the regular expression (?y{w})\X, Oniguruma's text segments in its mode of words, which are
 *                      those of UAX #29; then segments without a letter or number are removed
 *   LOCI_SPLIT_SPACE   Split at runs of ASCII white space
 *   LOCI_SPLIT_CHARS   n = 1: Split by \X, grapheme clusters, then as for words. n > 1: n-grams overlap, which no
 *                      pre-tokenizer can; a type of our own is written, so that the reference refuses the file instead of
 *                      reading it wrongly
 *   LOCI_FOLD_LOWER    U+0130 to "i", whose simple mapping that is, then Lowercase
 *   LOCI_FOLD_ASCII    26 Replaces
 *
 * The unknown token is a word of the vocabulary there. Unicode versions differ: docs/tokenizer-unicode.md.
 *
 * LOCI_SPLIT_MODEL writes no words but the other tokenizer itself (loci__tokenizer_put_json), a WordPiece one.
 *
 * What the file cannot say (the longest word, a second look in lower case) stands in loci.json beside it.
 */
#include "parts.h"
#include "split.h"

#include "../base/json.h"

#include <stdio.h>

/* ---- the rules as JSON ------------------------------------------------------------------------- */

static const char lower_json[] =
    "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\\u0130\"},\"content\":"
    "\"i\"},{\"type\":\"Lowercase\"}]}";

#define REMOVE_OTHERS                                                                            \
  "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\A[^\\\\p{L}\\\\p{N}]+\\\\z\"},\"behavior\":" \
  "\"Removed\",\"invert\":false}"
static const char words_json[] =
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?y{w})\\\\X\"},"
    "\"behavior\":\"Isolated\",\"invert\":false}," REMOVE_OTHERS "]}";
static const char characters_json[] =
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\X\"},"
    "\"behavior\":\"Isolated\",\"invert\":false}," REMOVE_OTHERS "]}";
static const char space_json[] =
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[\\\\t-\\\\r ]+\"},\"behavior\":\"Removed\",\"invert\":false}";
static const char ngram_type[] = "LociCharacters";

static void put_ascii_json(loci__buffer *out) {
  loci__buffer_puts(out, "{\"type\":\"Sequence\",\"normalizers\":[");
  for (char c = 'A'; c <= 'Z'; c++)
    loci__buffer_printf(out, "%s{\"type\":\"Replace\",\"pattern\":{\"String\":\"%c\"},\"content\":\"%c\"}",
                        c > 'A' ? "," : "", c, c | 0x20);
  loci__buffer_puts(out, "]}");
}

static void put_normalizer(loci__buffer *out, loci__word_fold fold) {
  if (fold == LOCI__WORD_FOLD_NONE) loci__buffer_puts(out, "null");
  if (fold == LOCI__WORD_FOLD_ASCII) put_ascii_json(out);
  if (fold == LOCI__WORD_FOLD_LOWER) loci__buffer_puts(out, lower_json);
  if (fold == LOCI__WORD_FOLD_REFERENCE) loci__buffer_puts(out, "{\"type\":\"Lowercase\"}");
}

static void put_pre_tokenizer(loci__buffer *out, const loci__splitter *splitter) {
  if (splitter->split == LOCI_SPLIT_WORDS) loci__buffer_puts(out, words_json);
  else if (splitter->split == LOCI_SPLIT_SPACE) loci__buffer_puts(out, space_json);
  else if (splitter->ngram == 1) loci__buffer_puts(out, characters_json);
  else loci__buffer_printf(out, "{\"type\":\"%s\",\"ngram\":%zu}", ngram_type, splitter->ngram);
}

/* ---- recognising them -------------------------------------------------------------------------- */

static bool same(const loci__json *a, const loci__json *b) {
  if (a->type != b->type || a->count != b->count) return false;
  if (a->type == LOCI__JSON_STRING || a->type == LOCI__JSON_NUMBER)
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
  if (a->type == LOCI__JSON_ARRAY) {
    const loci__json *y = loci__json_first(b);
    for (const loci__json *x = loci__json_first(a); x != NULL; x = loci__json_next(a, x), y = loci__json_next(b, y))
      if (!same(x, y)) return false;
  }
  if (a->type == LOCI__JSON_OBJECT) {
    for (const loci__json *x = loci__json_first(a); x != NULL; x = loci__json_next(a, x)) {
      const loci__json *y = loci__json_first(b);
      while (y != NULL && (y->key_length != x->key_length || memcmp(y->key, x->key, x->key_length) != 0))
        y = loci__json_next(b, y);
      if (y == NULL || !same(x, y)) return false;
    }
  }
  return true;
}

/* *is: the value is that of this text. */
static loci_status is_json(loci_context *context, const loci__json *value, const char *text, size_t length, bool *is,
                           loci_error *error) {
  loci__json_document document;
  LOCI__TRY(loci__json_parse(&document, context, text, length, "a rule", error));
  *is = same(value, document.nodes);
  loci__json_release(&document);
  return LOCI_OK;
}

static loci_status unsupported(const char *name, const char *what, const loci__json *value, loci_error *error) {
  const loci__json *type = loci__json_get(value, "type");
  if (type == NULL || type->type != LOCI__JSON_STRING)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: the %s has no type", name, what);
  return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: with a WordLevel model this %s '%.*s' is not implemented", name,
                    what, (int)(type->length < 64 ? type->length : 64), type->text);
}

static bool absent(const loci__json *value) {
  return value == NULL || value->type == LOCI__JSON_NULL;
}

static loci_status parse_normalizer(loci_tokenizer *t, const loci__json *value, const char *name, loci_error *error) {
  t->fold = LOCI__WORD_FOLD_NONE;
  if (absent(value)) return LOCI_OK;
  if (loci__json_is(loci__json_get(value, "type"), "Lowercase")) {
    t->fold = LOCI__WORD_FOLD_REFERENCE;
    return LOCI_OK;
  }
  static const loci__word_fold ours[] = {LOCI__WORD_FOLD_LOWER, LOCI__WORD_FOLD_ASCII};
  for (size_t i = 0; i < LOCI__COUNT(ours); i++) {
    loci__buffer text;
    bool is = false;
    loci__buffer_init(&text, t->context, 0);
    put_normalizer(&text, ours[i]);
    loci_status status = loci__buffer_status(&text, "a rule", error);
    if (status == LOCI_OK) status = is_json(t->context, value, text.data, text.length, &is, error);
    loci__buffer_release(&text);
    LOCI__TRY(status);
    if (is) {
      t->fold = ours[i];
      return LOCI_OK;
    }
  }
  return unsupported(name, "normalizer", value, error);
}

static loci_status parse_pre_tokenizer(loci_tokenizer *t, const loci__json *value, const char *name,
                                       loci_error *error) {
  static const struct {
    const char *type;
    loci__words_cut cut;
  } theirs[] = {
      {"WhitespaceSplit", LOCI__CUT_WHITE}, {"Whitespace", LOCI__CUT_CLASSES}, {"BertPreTokenizer", LOCI__CUT_BERT}};
  static const struct {
    const char *json;
    size_t length;
    loci_split split;
    size_t ngram;
  } ours[] = {{words_json, sizeof words_json - 1, LOCI_SPLIT_WORDS, 2},
              {space_json, sizeof space_json - 1, LOCI_SPLIT_SPACE, 2},
              {characters_json, sizeof characters_json - 1, LOCI_SPLIT_CHARS, 1}};
  if (absent(value))
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: a tokenizer without pre_tokenizer is not implemented", name);
  const loci__json *type = loci__json_get(value, "type");
  for (size_t i = 0; i < LOCI__COUNT(theirs); i++)
    if (loci__json_is(type, theirs[i].type)) {
      t->cut = theirs[i].cut;
      return LOCI_OK;
    }
  t->cut = LOCI__CUT_SPLITTER;
  t->splitter = (loci__splitter){.max_word = 1024};
  for (size_t i = 0; i < LOCI__COUNT(ours); i++) {
    bool is;
    LOCI__TRY(is_json(t->context, value, ours[i].json, ours[i].length, &is, error));
    if (!is) continue;
    t->splitter.split = ours[i].split;
    t->splitter.ngram = ours[i].ngram;
    return LOCI_OK;
  }
  if (loci__json_is(type, ngram_type)) {
    uint64_t n;
    if (!loci__json_u64(loci__json_get(value, "ngram"), &n) || n < 1 || n > LOCI__LONGEST_NGRAM)
      return loci__fail(error, LOCI_ERROR_FORMAT, "%s: 'ngram' is not a number from 1 to %d", name,
                        LOCI__LONGEST_NGRAM);
    t->splitter.split = LOCI_SPLIT_CHARS;
    t->splitter.ngram = (size_t)n;
    return LOCI_OK;
  }
  return unsupported(name, "pre_tokenizer", value, error);
}

/* ---- reading ------------------------------------------------------------------------------------ */

static loci_status parse_vocab(loci_tokenizer *t, const loci__json *model, const char *name, loci_error *error) {
  const loci__json *vocab = loci__json_get(model, "vocab");
  if (vocab == NULL || vocab->type != LOCI__JSON_OBJECT)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: the model has no vocab object", name);
  size_t bytes = 0;
  for (const loci__json *v = loci__json_first(vocab); v != NULL; v = loci__json_next(vocab, v)) bytes += v->key_length;
  /* No word continues another: a prefix that UTF-8 cannot hold. */
  LOCI__TRY(loci__vocab_init(&t->vocab, t->context, "\xFF", 1, vocab->count, bytes, error));
  for (const loci__json *v = loci__json_first(vocab); v != NULL; v = loci__json_next(vocab, v)) {
    uint64_t id;
    if (!loci__json_u64(v, &id) || id > INT32_MAX)
      return loci__fail(error, LOCI_ERROR_FORMAT, "%s: a token id is not a number from 0 to %d", name, INT32_MAX);
    if (loci__vocab_add(&t->vocab, v->key, v->key_length, (int32_t)id, error) != LOCI_OK)
      return loci__error_prefix(error, "%s", name);
  }
  if (loci__vocab_finish(&t->vocab, false, error) != LOCI_OK) return loci__error_prefix(error, "%s", name);
  const loci__json *unknown = loci__json_get(model, "unk_token");
  if (unknown == NULL || unknown->type != LOCI__JSON_STRING)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: 'unk_token' is not a string", name);
  t->unknown = loci__vocab_id(&t->vocab, unknown->text, unknown->length);
  if (t->unknown < 0)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: the unknown token '%.*s' is not in the vocabulary", name,
                      (int)(unknown->length < 64 ? unknown->length : 64), unknown->text);
  return LOCI_OK;
}

loci_status loci__tokenizer_parse_words(loci_tokenizer *t, const loci__json *root, const char *name,
                                        loci_error *error) {
  LOCI__TRY(parse_vocab(t, loci__json_get(root, "model"), name, error));
  LOCI__TRY(parse_normalizer(t, loci__json_get(root, "normalizer"), name, error));
  LOCI__TRY(parse_pre_tokenizer(t, loci__json_get(root, "pre_tokenizer"), name, error));
  if (t->cut == LOCI__CUT_SPLITTER) {
    if (t->fold == LOCI__WORD_FOLD_REFERENCE) /* not what is written here: the splitter cannot fold so */
      return unsupported(name, "normalizer", loci__json_get(root, "normalizer"), error);
    t->splitter.fold = t->fold == LOCI__WORD_FOLD_LOWER   ? LOCI_FOLD_LOWER
                       : t->fold == LOCI__WORD_FOLD_ASCII ? LOCI_FOLD_ASCII
                                                          : LOCI_FOLD_NONE;
  }
  loci__tokenizer_words_own(t);
  return LOCI_OK;
}

loci_status loci__tokenizer_parse_more(loci_tokenizer *t, const char *text, size_t length, const char *name,
                                       loci_error *error) {
  loci__json_document document;
  LOCI__TRY(loci__json_parse(&document, t->context, text, length, name, error));
  const loci__json *root = document.nodes, *most = loci__json_get(root, "max_word");
  const loci__json *again = loci__json_get(root, "lower_again");
  uint64_t max_word = t->splitter.max_word;
  bool lower_again = false;
  loci_status status = LOCI_OK;
  if (t->cut != LOCI__CUT_SPLITTER)
    status = loci__fail(error, LOCI_ERROR_FORMAT, "%s: the tokenizer beside it is not one of loci's", name);
  else if (most != NULL && (!loci__json_u64(most, &max_word) || max_word < 4 || max_word > LOCI__LONGEST_WORD))
    status =
        loci__fail(error, LOCI_ERROR_FORMAT, "%s: 'max_word' is not a number from 4 to %d", name, LOCI__LONGEST_WORD);
  else if (again != NULL && !loci__json_bool(again, &lower_again))
    status = loci__fail(error, LOCI_ERROR_FORMAT, "%s: 'lower_again' is neither true nor false", name);
  loci__json_release(&document);
  LOCI__TRY(status);
  loci__splitter splitter = t->splitter;
  splitter.max_word = (size_t)max_word;
  loci__tokenizer_set_splitter(t, &splitter, lower_again);
  return LOCI_OK;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void put_head(loci__buffer *out) {
  loci__buffer_puts(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
}

void loci__tokenizer_put_words_json(loci__buffer *out, const loci__splitter *splitter, const char *const *words,
                                    const uint32_t *lengths, size_t n, const char *unknown) {
  loci__json_writer json;
  put_head(out);
  loci__buffer_puts(out, "],\"normalizer\":");
  put_normalizer(out, splitter->fold == LOCI_FOLD_LOWER   ? LOCI__WORD_FOLD_LOWER
                      : splitter->fold == LOCI_FOLD_ASCII ? LOCI__WORD_FOLD_ASCII
                                                          : LOCI__WORD_FOLD_NONE);
  loci__buffer_puts(out, ",\"pre_tokenizer\":");
  put_pre_tokenizer(out, splitter);
  loci__buffer_puts(out, ",\"post_processor\":null,\"decoder\":null,\"model\":{\"type\":\"WordLevel\",\"vocab\":{");
  for (size_t i = 0; i <= n; i++) {
    if (i > 0) loci__buffer_putc(out, ',');
    loci__json_writer_init(&json, out);
    loci__json_put_textn(&json, i < n ? words[i] : unknown, i < n ? lengths[i] : strlen(unknown));
    loci__buffer_printf(out, ":%zu", i);
  }
  loci__buffer_puts(out, "},\"unk_token\":");
  loci__json_writer_init(&json, out);
  loci__json_put_text(&json, unknown);
  loci__buffer_puts(out, "}}");
}

void loci__tokenizer_put_more_json(loci__buffer *out, const loci__splitter *splitter, bool lower_again) {
  loci__buffer_printf(out, "{\"max_word\":%zu,\"lower_again\":%s}\n",
                      splitter->max_word > 0 ? splitter->max_word : (size_t)1024, lower_again ? "true" : "false");
}

loci_status loci__tokenizer_put_json(loci__buffer *out, const loci_tokenizer *t, loci_error *error) {
  if (t->cut != LOCI__CUT_PIECES)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "words that are words of another tokenizer are not implemented in a folder; write a file");
  loci__json_writer json;
  put_head(out);
  for (size_t i = 0; i < t->added.n; i++) {
    const loci__added_token *a = &t->added.tokens[i];
    if (i > 0) loci__buffer_putc(out, ',');
    loci__json_writer_init(&json, out);
    loci__json_open(&json, '{');
    loci__json_key(&json, "id");
    loci__json_put_i64(&json, a->id);
    loci__json_key(&json, "content");
    loci__json_put_textn(&json, a->content, a->length);
    const struct {
      const char *key;
      bool value;
    } flags[] = {{"single_word", a->single_word},
                 {"lstrip", a->lstrip},
                 {"rstrip", a->rstrip},
                 {"normalized", a->normalized},
                 {"special", a->special}};
    for (size_t f = 0; f < LOCI__COUNT(flags); f++) {
      loci__json_key(&json, flags[f].key);
      loci__json_put_bool(&json, flags[f].value);
    }
    loci__json_close(&json, '}');
  }
  const char *const truth[2] = {"false", "true"};
  loci__buffer_printf(out,
                      "],\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":%s,\"handle_chinese_chars\":%s,"
                      "\"strip_accents\":%s,\"lowercase\":%s},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
                      "\"post_processor\":null,\"decoder\":null,\"model\":{\"type\":\"WordPiece\",\"unk_token\":",
                      truth[t->rules.clean], truth[t->rules.chinese], truth[t->rules.strip], truth[t->rules.lower]);
  size_t length = 0;
  const char *piece = loci__vocab_piece(&t->vocab, (size_t)t->unknown, &length);
  loci__json_writer_init(&json, out);
  loci__json_put_textn(&json, piece, length);
  loci__buffer_puts(out, ",\"continuing_subword_prefix\":");
  loci__json_writer_init(&json, out);
  loci__json_put_textn(&json, t->vocab.prefix, t->vocab.prefix_length);
  loci__buffer_printf(out, ",\"max_input_chars_per_word\":%zu,\"vocab\":{", t->max_chars);
  for (size_t id = 0, n = 0; id < t->vocab.n_ids; id++) {
    piece = loci__vocab_piece(&t->vocab, id, &length);
    if (piece == NULL) continue;
    if (n++ > 0) loci__buffer_putc(out, ',');
    loci__json_writer_init(&json, out);
    loci__json_put_textn(&json, piece, length);
    loci__buffer_printf(out, ":%zu", id);
  }
  loci__buffer_puts(out, "}}}");
  return LOCI_OK;
}
