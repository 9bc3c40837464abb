/* text/tokenizer.c: the public face of the tokenizer: open, encode, ask; the post-processor; the fingerprint. */
#include "parts.h"

#include "../base/file.h"

enum {
  MAX_FILE = 256 << 20, /* bytes of a tokenizer.json: the largest in use have 35 MB */
  MAX_CONFIG = 64 << 20
};

/* ---- open ------------------------------------------------------------------------------------ */

static loci_status open_json(loci_tokenizer *t, const char *path, loci_error *error) {
  char *text;
  size_t length;
  LOCI__TRY(loci__file_read(t->context, path, MAX_FILE, &text, &length, error));
  loci_status status = loci__tokenizer_parse_json(t, text, length, path, error);
  loci__free(t->context, text);
  return status;
}

/* loci.json beside a tokenizer of words, when it is there. */
static loci_status open_more(loci_tokenizer *t, const char *folder, loci_error *error) {
  if (t->cut == LOCI__CUT_PIECES) return LOCI_OK;
  char *path = loci__path_join(t->context, folder, "loci.json"), *text = NULL;
  size_t length = 0;
  bool there = false;
  loci_status status = path != NULL ? loci__file_there(t->context, path, &there, error)
                                    : loci__fail_memory(error, strlen(folder), "a path");
  if (status == LOCI_OK && there) status = loci__file_read(t->context, path, MAX_CONFIG, &text, &length, error);
  if (status == LOCI_OK && there) status = loci__tokenizer_parse_more(t, text, length, path, error);
  loci__free(t->context, text);
  loci__free(t->context, path);
  return status;
}

/* config_path NULL = a lone vocab.txt. */
static loci_status open_vocab(loci_tokenizer *t, const char *path, const char *config_path, loci_error *error) {
  char *text = NULL, *config = NULL;
  size_t length = 0, config_length = 0;
  loci_status status = loci__file_read(t->context, path, MAX_FILE, &text, &length, error);
  if (status == LOCI_OK && config_path != NULL)
    status = loci__file_read(t->context, config_path, MAX_CONFIG, &config, &config_length, error);
  if (status == LOCI_OK)
    status = loci__tokenizer_parse_vocab(t, text, length, path, config, config_length, config_path, error);
  loci__free(t->context, text);
  loci__free(t->context, config);
  return status;
}

static loci_status open_folder(loci_tokenizer *t, const char *folder, loci_error *error) {
  loci_context *context = t->context;
  char *json = loci__path_join(context, folder, "tokenizer.json");
  char *vocab = loci__path_join(context, folder, "vocab.txt");
  char *config = loci__path_join(context, folder, "tokenizer_config.json");
  loci_status status = LOCI_OK;
  bool has_json = false, has_vocab = false, has_config = false;
  if (json == NULL || vocab == NULL || config == NULL) status = loci__fail_memory(error, strlen(folder), "a path");
  if (status == LOCI_OK) status = loci__file_there(context, json, &has_json, error);
  if (status == LOCI_OK) status = loci__file_there(context, vocab, &has_vocab, error);
  if (status == LOCI_OK) status = loci__file_there(context, config, &has_config, error);
  if (status == LOCI_OK && has_json) {
    status = open_json(t, json, error);
    if (status == LOCI_OK) status = open_more(t, folder, error);
  } else if (status == LOCI_OK && has_vocab) status = open_vocab(t, vocab, has_config ? config : NULL, error);
  else if (status == LOCI_OK)
    status = loci__fail(error, LOCI_ERROR_MODEL, "'%s' has neither tokenizer.json nor vocab.txt", folder);
  loci__free(context, json);
  loci__free(context, vocab);
  loci__free(context, config);
  return status;
}

loci_status loci_tokenizer_open(loci_context *context, const char *path, loci_tokenizer **out, loci_error *error) {
  context = loci__context_of(context);
  if (path == NULL || out == NULL) return loci__fail(error, LOCI_ERROR_USAGE, "no tokenizer path given");
  *out = NULL;
  loci_file_info info;
  int err = loci__file_stat(context, path, true, &info);
  if (err < 0) return loci__fail_file(error, "open", path, err);
  loci_tokenizer *t = loci__alloc_zero(context, 1, sizeof(*t));
  if (t == NULL) return loci__fail_memory(error, sizeof(*t), "a tokenizer");
  t->context = t->added.context = t->vocab.context = context;
  loci_status status;
  if (info.kind == LOCI_FILE_FOLDER) status = open_folder(t, path, error);
  else if (loci__ends_with(path, ".json")) status = open_json(t, path, error);
  else status = open_vocab(t, path, NULL, error);
  if (status != LOCI_OK) {
    loci_tokenizer_close(t);
    return status;
  }
  *out = t;
  return LOCI_OK;
}

void loci_tokenizer_close(loci_tokenizer *t) {
  if (t == NULL) return;
  loci__vocab_release(&t->vocab);
  loci__added_release(&t->added);
  loci__free(t->context, t->before);
  loci__free(t->context, t->after);
  loci__free(t->context, t);
}

/* ---- what follows from the parsed parts ------------------------------------------------------ */

/* Ids as the reference deals them out: a token of the vocabulary keeps its id, others count on from its size. */
static loci_status number_added(loci_tokenizer *t, loci_error *error) {
  loci__added *added = &t->added;
  int32_t greatest = -1;
  for (size_t i = 0; i < added->n; i++) {
    loci__added_token *token = &added->tokens[i];
    token->id = loci__vocab_id(&t->vocab, token->content, token->length);
    if (token->id < 0) {
      int32_t size = (int32_t)t->vocab.n_pieces;
      token->id = greatest >= size ? greatest + 1 : size;
    }
    if (token->id > greatest) greatest = token->id;
    if ((size_t)token->id >= t->size) t->size = (size_t)token->id + 1;
  }
  /* Special tokens are matched first; the first of equal ones counts. */
  for (int special = 1; special >= 0; special--) {
    for (size_t i = 0; i < added->n; i++) {
      const loci__added_token *token = &added->tokens[i];
      if (token->special != (special != 0)) continue;
      if (!token->normalized) {
        LOCI__TRY(loci__matcher_add(added, &added->raw, i, token->content, token->length, error));
        continue;
      }
      loci__buffer normal;
      loci__buffer_init(&normal, t->context, 0);
      loci_status status = loci__normalize_plain(t->context, t->rules, token->content, token->length, &normal, error);
      if (status == LOCI_OK && normal.length == 0)
        status = loci__fail(error, LOCI_ERROR_UNSUPPORTED, "nothing is left of the added token '%s' once normalised",
                            token->content);
      if (status == LOCI_OK) status = loci__matcher_add(added, &added->normal, i, normal.data, normal.length, error);
      loci__buffer_release(&normal);
      LOCI__TRY(status);
    }
  }
  loci__matcher_finish(&added->raw);
  loci__matcher_finish(&added->normal);
  return LOCI_OK;
}

static uint8_t byte_kind(const loci_tokenizer *t, unsigned byte) {
  uint8_t flags = loci__unicode(byte)->flags;
  if (t->rules.clean && (flags & LOCI__CHAR_DROP) != 0) return LOCI__BYTE_SLOW;
  if ((flags & LOCI__CHAR_WHITE) != 0 || (t->rules.clean && (flags & LOCI__CHAR_SPACE) != 0)) return LOCI__BYTE_SPACE;
  if ((flags & LOCI__CHAR_PUNCT) != 0) return LOCI__BYTE_PUNCT;
  bool alnum = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
  return alnum ? LOCI__BYTE_WORD : LOCI__BYTE_SLOW;
}

loci_status loci__tokenizer_prepare(loci_tokenizer *t, loci_error *error) {
  if (t->max_chars > LOCI__MAX_WORD)
    return loci__fail(error, LOCI_ERROR_LIMIT, "words of up to %zu characters: the limit is %d", t->max_chars,
                      LOCI__MAX_WORD);
  t->size = t->vocab.n_ids;
  LOCI__TRY(number_added(t, error));
  for (unsigned b = 0; b < 256; b++) t->bytes[b] = b < 128 ? byte_kind(t, b) : LOCI__BYTE_SLOW;
  for (unsigned b = 0; b < 128; b++) {
    char c = (char)b;
    int32_t id = loci__vocab_id(&t->vocab, &c, 1);
    t->punct[b] = id >= 0 && t->max_chars >= 1 ? id : t->unknown;
  }
  return LOCI_OK;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

void loci_tokens_init(loci_tokens *tokens) {
  *tokens = (loci_tokens){0};
}

void loci_tokens_release(loci_tokens *tokens) {
  if (tokens == NULL) return;
  loci__free(tokens->context, tokens->ids);
  loci__free(tokens->context, tokens->type_ids);
  loci__free(tokens->context, tokens->starts);
  loci__free(tokens->context, tokens->ends);
  *tokens = (loci_tokens){0};
}

void loci__ids_release(loci__ids *ids) {
  loci__free(ids->context, ids->items);
  *ids = (loci__ids){0};
}

bool loci__sink_reserve(const loci__sink *sink, size_t n, size_t more) {
  size_t need;
  if (!loci__add(n, more, &need)) return false;
  loci_context *context = sink->context;
  if (sink->ids != NULL)
    return loci__grow(context, &sink->ids->items, &sink->ids->capacity, need, sizeof(*sink->ids->items));
  loci_tokens *t = sink->tokens;
  if (need <= t->capacity) return true;
  size_t capacity[4] = {t->capacity, t->capacity, t->capacity, t->capacity};
  if (!loci__grow(context, &t->ids, &capacity[0], need, sizeof(*t->ids)) ||
      !loci__grow(context, &t->type_ids, &capacity[1], need, sizeof(*t->type_ids)) ||
      !loci__grow(context, &t->starts, &capacity[2], need, sizeof(*t->starts)) ||
      !loci__grow(context, &t->ends, &capacity[3], need, sizeof(*t->ends)))
    return false;
  t->capacity = capacity[0];
  return true;
}

typedef loci_status (*encode_fn)(const loci_tokenizer *, const char *, size_t, const loci__sink *, size_t *,
                                 loci_error *);

/* An added token that contains U+FFFD must also be found where bytes are not UTF-8; words are pieces of the text only
 * where it is UTF-8. Then the repaired text is encoded and the offsets brought back. Rare and slow. */
static bool needs_repair(const loci_tokenizer *t, const char *text, size_t length) {
  return (t->cut != LOCI__CUT_PIECES || t->added.raw.replacement || t->added.normal.replacement) &&
         !loci__utf8_valid(text, length);
}

static loci_status encode_repaired(const loci_tokenizer *t, encode_fn encode, const char *text, size_t length,
                                   const loci__sink *sink, size_t *n, loci_error *error) {
  loci__buffer repaired;
  loci__buffer_init(&repaired, t->context, UINT32_MAX);
  loci__utf8_repair(&repaired, text, length);
  size_t first = *n;
  loci_status status = loci__buffer_status(&repaired, "a repaired text", error);
  if (status == LOCI_OK) status = encode(t, repaired.data, repaired.length, sink, n, error);
  if (status == LOCI_OK && sink->tokens != NULL) {
    /* Offsets ascend (a token may share its start with the one before): one walk for starts, one for ends. */
    uint32_t *lists[2] = {sink->tokens->starts, sink->tokens->ends};
    for (int l = 0; l < 2; l++) {
      size_t from = 0, to = 0;
      for (size_t i = first; i < *n; i++) {
        if (lists[l][i] < to) from = to = 0; /* overlapping added tokens */
        while (to < lists[l][i]) {
          size_t used;
          uint32_t c = loci__utf8_next(text + from, length - from, &used, NULL);
          char utf8[4];
          from += used;
          to += loci__utf8_put(c, utf8);
        }
        lists[l][i] = (uint32_t)from;
      }
    }
  }
  loci__buffer_release(&repaired);
  return status;
}

static loci_status encode_any(const loci_tokenizer *t, encode_fn encode, const char *text, size_t length,
                              const loci__sink *sink, size_t *n, loci_error *error) {
  if (length > UINT32_MAX)
    return loci__fail(error, LOCI_ERROR_LIMIT, "a text of %zu bytes: the limit is 2^32-1", length);
  if (length == 0) return LOCI_OK;
  return needs_repair(t, text, length) ? encode_repaired(t, encode, text, length, sink, n, error)
                                       : encode(t, text, length, sink, n, error);
}

static encode_fn encoder_of(const loci_tokenizer *t) {
  if (t->cut != LOCI__CUT_PIECES) return loci__encode_words;
  return t->added.normal.n_nodes > 0 ? loci__encode_plain : loci__encode_fast;
}

static void put_specials(loci_tokens *out, size_t at, const loci__special *specials, size_t n) {
  for (size_t i = 0; i < n; i++) {
    out->ids[at + i] = specials[i].id;
    out->type_ids[at + i] = specials[i].type;
    out->starts[at + i] = out->ends[at + i] = 0;
  }
}

static loci_status encode_tokens(const loci_tokenizer *t, encode_fn encode, const char *text, size_t length,
                                 int special, loci_tokens *out, loci_error *error) {
  if (out->context != NULL && out->context != t->context) loci_tokens_release(out);
  out->context = t->context;
  out->n_tokens = 0;
  loci__sink sink = {.context = t->context, .tokens = out};
  size_t before = special ? t->n_before : 0, after = special ? t->n_after : 0, n = before;
  if (!loci__sink_reserve(&sink, 0, before + after + 1)) return loci__fail_memory(error, before + after, "tokens");
  LOCI__TRY(encode_any(t, encode, text, length, &sink, &n, error));
  if (!loci__sink_reserve(&sink, n, after)) return loci__fail_memory(error, (n + after) * 16, "tokens");
  put_specials(out, 0, t->before, before);
  for (size_t i = before; i < n; i++) out->type_ids[i] = t->type;
  put_specials(out, n, t->after, after);
  out->n_tokens = n + after;
  return LOCI_OK;
}

loci_status loci_tokenizer_encode(const loci_tokenizer *tokenizer, const char *text, size_t length, int special,
                                  loci_tokens *out, loci_error *error) {
  return encode_tokens(tokenizer, encoder_of(tokenizer), text, length, special, out, error);
}

loci_status loci__tokenizer_encode_plain(const loci_tokenizer *tokenizer, const char *text, size_t length, int special,
                                         loci_tokens *out, loci_error *error) {
  const encode_fn encode = tokenizer->cut != LOCI__CUT_PIECES ? loci__encode_words : loci__encode_plain;
  return encode_tokens(tokenizer, encode, text, length, special, out, error);
}

loci_status loci__tokenizer_ids(const loci_tokenizer *t, const char *text, size_t length, bool special,
                                size_t max_tokens, loci__ids *out, size_t *n_whole, loci_error *error) {
  size_t before = special ? t->n_before : 0, after = special ? t->n_after : 0, n = before;
  if (max_tokens < before + after)
    return loci__fail(error, LOCI_ERROR_USAGE, "%zu tokens have no room for the %zu special ones", max_tokens,
                      before + after);
  if (out->context != NULL && out->context != t->context) loci__ids_release(out);
  out->context = t->context;
  out->n = 0;
  loci__sink sink = {.context = t->context, .ids = out};
  if (!loci__sink_reserve(&sink, 0, before + after + 1)) return loci__fail_memory(error, before + after, "tokens");
  LOCI__TRY(encode_any(t, encoder_of(t), text, length, &sink, &n, error));
  if (n_whole != NULL) *n_whole = n + after;
  if (n > max_tokens - after) n = max_tokens - after;
  if (!loci__sink_reserve(&sink, n, after)) return loci__fail_memory(error, (n + after) * 4, "tokens");
  for (size_t i = 0; i < before; i++) out->items[i] = t->before[i].id;
  for (size_t i = 0; i < after; i++) out->items[n + i] = t->after[i].id;
  out->n = n + after;
  return LOCI_OK;
}

static bool has_specials(const int32_t *ids, const loci__special *specials, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (ids[i] != specials[i].id) return false;
  return n > 0;
}

loci_status loci__tokenizer_frame(const loci_tokenizer *t, const int32_t *prompt, size_t n_prompt, const int32_t *ids,
                                  size_t n_ids, bool special, size_t max_tokens, bool keep_end, loci__ids *out,
                                  size_t *n_whole, loci_error *error) {
  /* Static models take no special tokens, so those of a framed text go, too. */
  if (n_ids >= t->n_before && has_specials(ids, t->before, t->n_before)) {
    ids += t->n_before;
    n_ids -= t->n_before;
  }
  if (n_ids >= t->n_after && has_specials(ids + n_ids - t->n_after, t->after, t->n_after)) n_ids -= t->n_after;
  const size_t before = special ? t->n_before : 0, after = special ? t->n_after : 0;
  size_t n = before, whole;
  if (max_tokens < before + after)
    return loci__fail(error, LOCI_ERROR_USAGE, "%zu tokens have no room for the %zu special ones", max_tokens,
                      before + after);
  if (!loci__add(n_prompt, n_ids, &whole) || !loci__add(whole, before + after, &whole))
    return loci__fail_memory(error, SIZE_MAX, "tokens");
  if (out->context != NULL && out->context != t->context) loci__ids_release(out);
  out->context = t->context;
  out->n = 0;
  const size_t most = whole < max_tokens ? whole : max_tokens, room = most - before - after;
  loci__sink sink = {.context = t->context, .ids = out};
  if (!loci__sink_reserve(&sink, 0, most + 1)) return loci__fail_memory(error, most * 4, "tokens");
  for (size_t i = 0; i < before; i++) out->items[i] = t->before[i].id;
  const size_t cut = keep_end ? whole - most : 0;
  for (size_t i = cut; i < n_prompt && n - before < room; i++) out->items[n++] = prompt[i];
  for (size_t i = cut > n_prompt ? cut - n_prompt : 0; i < n_ids && n - before < room; i++) out->items[n++] = ids[i];
  for (size_t i = 0; i < after; i++) out->items[n++] = t->after[i].id;
  out->n = n;
  if (n_whole != NULL) *n_whole = whole;
  return LOCI_OK;
}

/* ---- questions ------------------------------------------------------------------------------- */

size_t loci_tokenizer_vocabulary_size(const loci_tokenizer *tokenizer) {
  return tokenizer->size;
}

const char *loci_tokenizer_piece(const loci_tokenizer *tokenizer, int32_t id) {
  if (id < 0) return NULL;
  for (size_t i = 0; i < tokenizer->added.n; i++) {
    if (tokenizer->added.tokens[i].id == id) return tokenizer->added.tokens[i].content;
  }
  if (tokenizer->cut != LOCI__CUT_PIECES) return loci__tokenizer_word(tokenizer, id);
  return loci__vocab_piece(&tokenizer->vocab, (size_t)id, NULL);
}

int32_t loci_tokenizer_id(const loci_tokenizer *tokenizer, const char *piece, size_t length) {
  const loci__added_token *token = loci__added_find(&tokenizer->added, piece, length);
  if (token != NULL) return token->id;
  return tokenizer->cut != LOCI__CUT_PIECES ? loci__tokenizer_word_id(tokenizer, piece, length)
                                            : loci__vocab_id(&tokenizer->vocab, piece, length);
}

size_t loci__tokenizer_specials(const loci_tokenizer *tokenizer) {
  return tokenizer->n_before + tokenizer->n_after;
}

int32_t loci__tokenizer_type(const loci_tokenizer *tokenizer, bool special, size_t n, size_t i) {
  if (special && i < tokenizer->n_before) return tokenizer->before[i].type;
  if (special && i + tokenizer->n_after >= n) return tokenizer->after[i + tokenizer->n_after - n].type;
  return tokenizer->type;
}

int32_t loci__tokenizer_unknown(const loci_tokenizer *tokenizer) {
  return tokenizer->unknown;
}

/* ---- fingerprint ----------------------------------------------------------------------------- */

static void hash_bytes(loci__hash *hash, const char *bytes, size_t length) {
  loci__hash_add_u64(hash, length);
  loci__hash_add(hash, bytes, length);
}

static void add_pieces(const loci_tokenizer *t, loci__hash *hash) {
  loci__hash_add_text(hash, "wordpiece/1");
  loci__hash_add_u64(hash,
                     (uint64_t)(t->rules.clean | t->rules.chinese << 1 | t->rules.strip << 2 | t->rules.lower << 3));
  hash_bytes(hash, t->vocab.prefix, t->vocab.prefix_length);
  loci__hash_add_u64(hash, t->max_chars);
  loci__hash_add_u64(hash, (uint64_t)t->unknown);
  loci__hash_add_u64(hash, t->vocab.n_ids);
  for (size_t id = 0; id < t->vocab.n_ids; id++) {
    size_t length = 0;
    const char *piece = loci__vocab_piece(&t->vocab, id, &length);
    /* a hole is not an empty piece */
    if (piece == NULL) loci__hash_add_u64(hash, UINT64_MAX);
    else hash_bytes(hash, piece, length);
  }
}

void loci__tokenizer_fingerprint(const loci_tokenizer *t, loci__hash *hash) {
  if (t->cut != LOCI__CUT_PIECES) loci__tokenizer_words_fingerprint(t, hash);
  else add_pieces(t, hash);
  loci__hash_add_u64(hash, t->added.n);
  for (size_t i = 0; i < t->added.n; i++) {
    const loci__added_token *a = &t->added.tokens[i];
    hash_bytes(hash, a->content, a->length);
    loci__hash_add_u64(hash, (uint64_t)a->id);
    loci__hash_add_u64(
        hash, (uint64_t)(a->special | a->single_word << 1 | a->lstrip << 2 | a->rstrip << 3 | a->normalized << 4));
  }
  const loci__special *lists[2] = {t->before, t->after};
  size_t counts[2] = {t->n_before, t->n_after};
  for (int l = 0; l < 2; l++) {
    loci__hash_add_u64(hash, counts[l]);
    for (size_t i = 0; i < counts[l]; i++) {
      loci__hash_add_u64(hash, (uint64_t)lists[l][i].id);
      loci__hash_add_u64(hash, (uint64_t)lists[l][i].type);
    }
  }
  loci__hash_add_u64(hash, (uint64_t)t->type);
}
