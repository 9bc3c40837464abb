/* text/tokenizer_json.c: reading Hugging Face's tokenizer.json (format "1.0").
 *
 * Read: model WordLevel (words_json.c), model WordPiece, normalizer BertNormalizer or null, pre_tokenizer BertPreTokenizer, post_processor
 * TemplateProcessing, BertProcessing or null, added_tokens. Anything else that would change ids is refused by name.
 * truncation and padding are settings of a training run baked into the file and are not looked at; the decoder neither.
 */
#include "parts.h"

#include "../base/json.h"

static loci_status unsupported(const char *name, const char *what, const loci__json *value, loci_error *error) {
  const loci__json *type = loci__json_get(value, "type");
  if (type == NULL || type->type != LOCI__JSON_STRING)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: the %s has no type", name, what);
  return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: the %s '%.*s' is not implemented", name, what,
                    (int)(type->length < 64 ? type->length : 64), type->text);
}

static bool absent(const loci__json *value) {
  return value == NULL || value->type == LOCI__JSON_NULL;
}

/* A string member, or the fallback when it is absent. */
static loci_status get_text(const char *name, const loci__json *object, const char *key, const char *fallback,
                            const char **text, size_t *length, loci_error *error) {
  const loci__json *value = loci__json_get(object, key);
  if (absent(value) && fallback != NULL) {
    *text = fallback;
    *length = strlen(fallback);
    return LOCI_OK;
  }
  if (value == NULL || value->type != LOCI__JSON_STRING)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: '%s' is not a string", name, key);
  *text = value->text;
  *length = value->length;
  return LOCI_OK;
}

static loci_status get_bool(const char *name, const loci__json *object, const char *key, bool fallback, bool *out,
                            loci_error *error) {
  const loci__json *value = loci__json_get(object, key);
  *out = fallback;
  if (absent(value) || loci__json_bool(value, out)) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_FORMAT, "%s: '%s' is neither true nor false", name, key);
}

/* A number from 0 to max. */
static loci_status get_number(const char *name, const loci__json *value, const char *what, uint64_t max, uint64_t *out,
                              loci_error *error) {
  if (value != NULL && loci__json_u64(value, out) && *out <= max) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_FORMAT, "%s: %s is not a number from 0 to %llu", name, what,
                    (unsigned long long)max);
}

/* ---- the parts ------------------------------------------------------------------------------- */

static loci_status parse_model(loci_tokenizer *t, const loci__json *model, const char *name, loci_error *error) {
  const loci__json *type = loci__json_get(model, "type");
  if (type == NULL ? loci__json_get(model, "max_input_chars_per_word") == NULL : !loci__json_is(type, "WordPiece"))
    return unsupported(name, "model", model, error);
  const char *prefix, *unknown;
  size_t prefix_length, unknown_length;
  LOCI__TRY(get_text(name, model, "continuing_subword_prefix", "##", &prefix, &prefix_length, error));
  LOCI__TRY(get_text(name, model, "unk_token", "[UNK]", &unknown, &unknown_length, error));
  uint64_t number = 100;
  const loci__json *chars = loci__json_get(model, "max_input_chars_per_word");
  if (!absent(chars)) LOCI__TRY(get_number(name, chars, "max_input_chars_per_word", INT32_MAX, &number, error));
  t->max_chars = (size_t)number;

  const loci__json *vocab = loci__json_get(model, "vocab");
  if (vocab == NULL || vocab->type != LOCI__JSON_OBJECT)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: the model has no vocab object", name);
  size_t bytes = 0;
  for (const loci__json *v = loci__json_first(vocab); v != NULL; v = loci__json_next(vocab, v)) bytes += v->key_length;
  LOCI__TRY(loci__vocab_init(&t->vocab, t->context, prefix, prefix_length, vocab->count, bytes, error));
  for (const loci__json *v = loci__json_first(vocab); v != NULL; v = loci__json_next(vocab, v)) {
    LOCI__TRY(get_number(name, v, "a token id", INT32_MAX, &number, error));
    if (loci__vocab_add(&t->vocab, v->key, v->key_length, (int32_t)number, error) != LOCI_OK)
      return loci__error_prefix(error, "%s", name);
  }
  if (loci__vocab_finish(&t->vocab, false, error) != LOCI_OK) return loci__error_prefix(error, "%s", name);
  t->unknown = loci__vocab_id(&t->vocab, unknown, unknown_length);
  if (t->unknown < 0)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: the unknown token '%.*s' is not in the vocabulary", name,
                      (int)(unknown_length < 64 ? unknown_length : 64), unknown);
  return LOCI_OK;
}

static loci_status parse_normalizer(loci_tokenizer *t, const loci__json *normalizer, const char *name,
                                    loci_error *error) {
  if (absent(normalizer)) return LOCI_OK;
  if (!loci__json_is(loci__json_get(normalizer, "type"), "BertNormalizer"))
    return unsupported(name, "normalizer", normalizer, error);
  LOCI__TRY(get_bool(name, normalizer, "clean_text", true, &t->rules.clean, error));
  LOCI__TRY(get_bool(name, normalizer, "handle_chinese_chars", true, &t->rules.chinese, error));
  LOCI__TRY(get_bool(name, normalizer, "lowercase", true, &t->rules.lower, error));
  /* strip_accents null means: as lowercase. */
  return get_bool(name, normalizer, "strip_accents", t->rules.lower, &t->rules.strip, error);
}

static loci_status parse_added(loci_tokenizer *t, const loci__json *list, const char *name, loci_error *error) {
  if (absent(list)) return LOCI_OK;
  if (list->type != LOCI__JSON_ARRAY)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: 'added_tokens' is not an array", name);
  for (const loci__json *v = loci__json_first(list); v != NULL; v = loci__json_next(list, v)) {
    loci__added_token token = {0};
    const char *content;
    LOCI__TRY(get_text(name, v, "content", NULL, &content, &token.length, error));
    if (token.length == 0) continue;
    if (memchr(content, '\0', token.length) != NULL)
      return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: an added token contains a NUL", name);
    LOCI__TRY(get_bool(name, v, "special", false, &token.special, error));
    LOCI__TRY(get_bool(name, v, "single_word", false, &token.single_word, error));
    LOCI__TRY(get_bool(name, v, "lstrip", false, &token.lstrip, error));
    LOCI__TRY(get_bool(name, v, "rstrip", false, &token.rstrip, error));
    LOCI__TRY(get_bool(name, v, "normalized", !token.special, &token.normalized, error));
    token.content = loci__strndup(t->context, content, token.length);
    if (token.content == NULL) return loci__fail_memory(error, token.length, "an added token");
    loci_status status = loci__added_add(&t->added, &token, error);
    loci__free(t->context, token.content);
    LOCI__TRY(status);
  }
  return LOCI_OK;
}

static loci_status add_special(loci_tokenizer *t, bool behind, int32_t id, int32_t type, loci_error *error) {
  loci__special **list = behind ? &t->after : &t->before;
  size_t *n = behind ? &t->n_after : &t->n_before;
  loci__special *grown = loci__resize_array(t->context, *list, *n + 1, sizeof(*grown));
  if (grown == NULL) return loci__fail_memory(error, (*n + 1) * sizeof(*grown), "special tokens");
  *list = grown;
  grown[(*n)++] = (loci__special){id, type};
  return LOCI_OK;
}

static loci_status parse_template(loci_tokenizer *t, const loci__json *processor, const char *name, loci_error *error) {
  const loci__json *single = loci__json_get(processor, "single");
  const loci__json *specials = loci__json_get(processor, "special_tokens");
  bool behind = false;
  if (single == NULL || single->type != LOCI__JSON_ARRAY)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: the template has no 'single' array", name);
  for (const loci__json *v = loci__json_first(single); v != NULL; v = loci__json_next(single, v)) {
    const loci__json *sequence = loci__json_get(v, "Sequence"), *special = loci__json_get(v, "SpecialToken");
    const loci__json *of = sequence != NULL ? sequence : special;
    uint64_t type;
    LOCI__TRY(get_number(name, loci__json_get(of, "type_id"), "a template's type_id", INT32_MAX, &type, error));
    if (sequence != NULL) {
      if (behind || !loci__json_is(loci__json_get(sequence, "id"), "A"))
        return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: a template for one text that is not one 'A'", name);
      behind = true;
      t->type = (int32_t)type;
      continue;
    }
    const char *id;
    size_t id_length;
    LOCI__TRY(get_text(name, special, "id", NULL, &id, &id_length, error));
    const loci__json *ids = NULL;
    for (const loci__json *s = loci__json_first(specials); s != NULL && ids == NULL; s = loci__json_next(specials, s)) {
      if (s->key != NULL && s->key_length == id_length && memcmp(s->key, id, id_length) == 0)
        ids = loci__json_get(s, "ids");
    }
    if (ids == NULL || ids->type != LOCI__JSON_ARRAY)
      return loci__fail(error, LOCI_ERROR_FORMAT, "%s: the template's special token '%.*s' has no ids", name,
                        (int)(id_length < 64 ? id_length : 64), id);
    for (const loci__json *i = loci__json_first(ids); i != NULL; i = loci__json_next(ids, i)) {
      uint64_t number;
      LOCI__TRY(get_number(name, i, "a special token's id", INT32_MAX, &number, error));
      LOCI__TRY(add_special(t, behind, (int32_t)number, (int32_t)type, error));
    }
  }
  if (!behind)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: a template for one text that is not one 'A'", name);
  return LOCI_OK;
}

/* {"sep": ["[SEP]", 102], "cls": ["[CLS]", 101]} */
static loci_status parse_bert_processing(loci_tokenizer *t, const loci__json *processor, const char *name,
                                         loci_error *error) {
  static const char *const keys[2] = {"cls", "sep"};
  for (int behind = 0; behind < 2; behind++) {
    const loci__json *pair = loci__json_get(processor, keys[behind]);
    const loci__json *word = pair != NULL && pair->type == LOCI__JSON_ARRAY ? loci__json_first(pair) : NULL;
    uint64_t id;
    LOCI__TRY(get_number(name, word != NULL ? loci__json_next(pair, word) : NULL, "the id of cls or sep", INT32_MAX,
                         &id, error));
    LOCI__TRY(add_special(t, behind == 1, (int32_t)id, 0, error));
  }
  return LOCI_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static loci_status check_pre_tokenizer(const loci__json *pre, const char *name, loci_error *error) {
  if (absent(pre))
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED, "%s: a tokenizer without pre_tokenizer is not implemented", name);
  return loci__json_is(loci__json_get(pre, "type"), "BertPreTokenizer")
             ? LOCI_OK
             : unsupported(name, "pre_tokenizer", pre, error);
}

static loci_status parse_root(loci_tokenizer *t, const loci__json *root, const char *name, loci_error *error) {
  const loci__json *model = loci__json_get(root, "model");
  if (model == NULL || model->type != LOCI__JSON_OBJECT)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: no 'model' object: not a tokenizer.json", name);
  if (loci__json_is(loci__json_get(model, "type"), "WordLevel")) {
    LOCI__TRY(loci__tokenizer_parse_words(t, root, name, error));
  } else {
    LOCI__TRY(parse_model(t, model, name, error));
    LOCI__TRY(parse_normalizer(t, loci__json_get(root, "normalizer"), name, error));
    LOCI__TRY(check_pre_tokenizer(loci__json_get(root, "pre_tokenizer"), name, error));
  }
  const loci__json *post = loci__json_get(root, "post_processor");
  if (loci__json_is(loci__json_get(post, "type"), "TemplateProcessing"))
    LOCI__TRY(parse_template(t, post, name, error));
  else if (loci__json_is(loci__json_get(post, "type"), "BertProcessing"))
    LOCI__TRY(parse_bert_processing(t, post, name, error));
  else if (!absent(post)) return unsupported(name, "post_processor", post, error);
  LOCI__TRY(parse_added(t, loci__json_get(root, "added_tokens"), name, error));
  if (loci__tokenizer_prepare(t, error) != LOCI_OK) return loci__error_prefix(error, "%s", name);
  if (t->cut != LOCI__CUT_PIECES && t->added.normal.n_nodes > 0)
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "%s: with a WordLevel model, added tokens that are matched in the normalised text are not "
                      "implemented",
                      name);
  return LOCI_OK;
}

loci_status loci__tokenizer_parse_json(loci_tokenizer *t, const char *text, size_t length, const char *name,
                                       loci_error *error) {
  loci__json_document document;
  LOCI__TRY(loci__json_parse(&document, t->context, text, length, name, error));
  loci_status status = parse_root(t, document.nodes, name, error);
  loci__json_release(&document);
  return status;
}
