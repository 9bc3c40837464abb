/* text/tokenizer_vocab.c: BERT's vocab.txt: a piece a line, its id the line's number from 0.
 *
 * Lines end at '\n' or "\r\n"; white space at their end is cut; of two equal lines the later counts (its earlier id
 * stands for nothing). The rules that the file does not say come from tokenizer_config.json beside it, or are BERT's:
 * lower case, [CLS] before, [SEP] behind, words of at most 100 characters.
 */
#include "parts.h"

#include "../base/json.h"

/* Special tokens: the key in tokenizer_config.json and BERT's name. */
static const char *const special_names[][2] = {{"unk_token", "[UNK]"},
                                               {"sep_token", "[SEP]"},
                                               {"pad_token", "[PAD]"},
                                               {"cls_token", "[CLS]"},
                                               {"mask_token", "[MASK]"}};

/* The text is UTF-8. */
static size_t trim_end(const char *line, size_t length) {
  while (length > 0) {
    size_t n = 1, used;
    while (n < 4 && n < length && ((unsigned char)line[length - n] & 0xC0) == 0x80) n++;
    uint32_t c = loci__utf8_next(line + length - n, n, &used, NULL);
    if (used != n || (loci__unicode(c)->flags & LOCI__CHAR_WHITE) == 0) break;
    length -= n;
  }
  return length;
}

static loci_status parse_lines(loci_tokenizer *t, const char *text, size_t length, const char *name,
                               loci_error *error) {
  if (!loci__utf8_valid(text, length)) {
    size_t at = 0, used;
    for (bool valid = true; valid; at += used) loci__utf8_next(text + at, length - at, &used, &valid);
    return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)(at - used), "%s: not UTF-8 at byte %zu", name, at - used);
  }
  size_t n = 1;
  for (size_t i = 0; i < length; i++) n += text[i] == '\n';
  LOCI__TRY(loci__vocab_init(&t->vocab, t->context, "##", 2, n, length, error));
  size_t at = 0;
  for (int32_t id = 0; at < length; id++) {
    const char *newline = memchr(text + at, '\n', length - at);
    size_t end = newline != NULL ? (size_t)(newline - text) : length;
    if (loci__vocab_add(&t->vocab, text + at, trim_end(text + at, end - at), id, error) != LOCI_OK) {
      if (error != NULL) error->position = (int64_t)at;
      return loci__error_prefix(error, "%s, line %ld", name, (long)id + 1);
    }
    at = end + 1;
  }
  if (loci__vocab_finish(&t->vocab, true, error) != LOCI_OK) return loci__error_prefix(error, "%s", name);
  return LOCI_OK;
}

static loci_status config_bool(const loci__json *config, const char *key, bool fallback, bool *out, const char *name,
                               loci_error *error) {
  const loci__json *value = loci__json_get(config, key);
  *out = fallback;
  if (value == NULL || value->type == LOCI__JSON_NULL || loci__json_bool(value, out)) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_FORMAT, "%s: '%s' is neither true nor false", name, key);
}

static loci_status parse_config(loci_tokenizer *t, const loci__json *config, const char *config_name, const char *name,
                                loci_error *error) {
  t->rules.clean = true;
  LOCI__TRY(config_bool(config, "do_lower_case", true, &t->rules.lower, config_name, error));
  LOCI__TRY(config_bool(config, "tokenize_chinese_chars", true, &t->rules.chinese, config_name, error));
  LOCI__TRY(config_bool(config, "strip_accents", t->rules.lower, &t->rules.strip, config_name, error));
  t->max_chars = 100;
  int32_t ids[LOCI__COUNT(special_names)];
  for (size_t i = 0; i < LOCI__COUNT(special_names); i++) {
    /* Written as a string or as an object with a content. */
    const loci__json *value = loci__json_get(config, special_names[i][0]);
    if (value != NULL && value->type == LOCI__JSON_OBJECT) value = loci__json_get(value, "content");
    bool named = value != NULL && value->type == LOCI__JSON_STRING;
    loci__added_token token = {.special = true};
    token.length = named ? value->length : strlen(special_names[i][1]);
    token.content = loci__strndup(t->context, named ? value->text : special_names[i][1], token.length);
    if (token.content == NULL) return loci__fail_memory(error, token.length, "a special token");
    ids[i] = loci__vocab_id(&t->vocab, token.content, token.length);
    bool needed = i == 0 || i == 1 || i == 3;
    loci_status status = LOCI_OK;
    if (ids[i] >= 0) status = loci__added_add(&t->added, &token, error);
    else if (needed)
      status =
          loci__fail(error, LOCI_ERROR_FORMAT, "%s: no line '%.64s': not a WordPiece vocabulary", name, token.content);
    loci__free(t->context, token.content);
    LOCI__TRY(status);
  }
  t->unknown = ids[0];
  t->after = loci__alloc_zero(t->context, 1, sizeof(*t->after));
  t->before = loci__alloc_zero(t->context, 1, sizeof(*t->before));
  if (t->after == NULL || t->before == NULL) return loci__fail_memory(error, sizeof(*t->after), "special tokens");
  t->n_before = t->n_after = 1;
  t->before[0].id = ids[3];
  t->after[0].id = ids[1];
  return loci__tokenizer_prepare(t, error);
}

loci_status loci__tokenizer_parse_vocab(loci_tokenizer *t, const char *text, size_t length, const char *name,
                                        const char *config, size_t config_length, const char *config_name,
                                        loci_error *error) {
  LOCI__TRY(parse_lines(t, text, length, name, error));
  if (config == NULL) return parse_config(t, NULL, "", name, error);
  loci__json_document document;
  LOCI__TRY(loci__json_parse(&document, t->context, config, config_length, config_name, error));
  loci_status status = parse_config(t, document.nodes, config_name, name, error);
  loci__json_release(&document);
  return status;
}
