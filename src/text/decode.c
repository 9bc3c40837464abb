/* text/decode.c: token ids back to text, as the reference's decoders do it.
 *
 * WordPiece: pieces that continue a word lose their "##" and stand without a space before them, then the spaces that the
 * splitter made around English punctuation and contractions go (`cleanup`, which every published tokenizer of the family has
 * on). Words: joined by spaces. Decoding does not undo normalisation: lower case stays lower.
 */
#include "parts.h"
#include "text.h"

static const struct {
  const char *from, *to;
} cleanups[] = {{" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
                {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};

/* Replaces every `from` in one token's text; each rule sees what the one before it left. */
static void replace(loci__buffer *text, loci__buffer *spare, const char *from, const char *to) {
  if (text->data == NULL || strstr(text->data, from) == NULL) return;
  loci__buffer_clear(spare);
  const char *at = text->data, *found;
  for (; (found = strstr(at, from)) != NULL; at = found + strlen(from)) {
    loci__buffer_append(spare, at, (size_t)(found - at));
    loci__buffer_puts(spare, to);
  }
  loci__buffer_puts(spare, at);
  loci__buffer_clear(text);
  loci__buffer_append(text, spare->data, spare->length);
}

static bool is_special(const loci_tokenizer *tokenizer, int32_t id) {
  for (size_t i = 0; i < tokenizer->added.n; i++)
    if (tokenizer->added.tokens[i].id == id) return tokenizer->added.tokens[i].special;
  return false;
}

loci_status loci_tokenizer_decode(const loci_tokenizer *tokenizer, const int32_t *ids, size_t n, int skip_special,
                                  char **out, size_t *length, loci_error *error) {
  loci__buffer whole, one, spare;
  loci__buffer_init(&whole, tokenizer->context, 0);
  loci__buffer_init(&one, tokenizer->context, 0);
  loci__buffer_init(&spare, tokenizer->context, 0);
  const bool pieces = tokenizer->cut == LOCI__CUT_PIECES;
  loci_status status = LOCI_OK;
  bool first = true;
  loci__buffer_puts(&whole, "");
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    const char *piece = loci_tokenizer_piece(tokenizer, ids[i]);
    if (piece == NULL) {
      status = loci__fail(error, LOCI_ERROR_USAGE, "token id %d is none of the model's", ids[i]);
      break;
    }
    if (skip_special && is_special(tokenizer, ids[i])) continue;
    loci__buffer_clear(&one);
    if (!first && pieces && loci__starts_with(piece, "##")) piece += 2;
    else if (!first) loci__buffer_putc(&one, ' ');
    loci__buffer_puts(&one, piece);
    for (size_t k = 0; pieces && k < LOCI__COUNT(cleanups); k++)
      replace(&one, &spare, cleanups[k].from, cleanups[k].to);
    loci__buffer_append(&whole, one.data, one.length);
    first = false;
  }
  if (status == LOCI_OK && (one.failed != LOCI_OK || spare.failed != LOCI_OK)) whole.failed = LOCI_ERROR_MEMORY;
  if (status == LOCI_OK) status = loci__buffer_status(&whole, "a text", error);
  *out = NULL;
  if (status == LOCI_OK) {
    if (length != NULL) *length = whole.length;
    *out = loci__buffer_take(&whole);
    if (*out == NULL) status = loci__fail_memory(error, 1, "a text");
  }
  loci__buffer_release(&whole);
  loci__buffer_release(&one);
  loci__buffer_release(&spare);
  return status;
}
