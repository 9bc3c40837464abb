/* text/: characters to token ids. Normalisation, WordPiece, vocabularies; sentences and chunks (chunk.h).
 *
 * The way of a text through the tokenizer (the reference is Hugging Face `tokenizers`):
 *   added tokens found in the raw text → cleaning, CJK spacing, NFD, stripping of accents, lower case → added tokens
 *   found in the normalised text → split at white space and punctuation → WordPiece → post-processor.
 *
 *   unicode.h, unicode_tables.c   properties of every scalar value, generated from the reference
 *   normalize.h                   the rules as a stream of characters with the bytes they come from
 *   vocab.h, vocab.c              pieces and ids; exact and longest-match lookup
 *   added.h, added.c              added tokens and where they stand in a text
 *   wordpiece.c                   the fast encoder
 *   plain.c                       the same, stage by stage: the oracle of the tests, and what encodes when an added
 *                                 token is to be matched in the normalised text
 *   tokenizer_json.c, tokenizer_vocab.c   opening; tokenizer.c: the public functions
 *
 * Ownership: a tokenizer owns its tables. Threads: immutable once opened, shared by all; what an encoding needs lies on
 * the stack or comes from the context's allocator and is gone at the end of the call.
 */
#ifndef LOCI_TEXT_TEXT_H
#define LOCI_TEXT_TEXT_H

#include "../base/base.h"
#include "loci/tokenizer.h"

/* Token ids without offsets. {0} is empty; the array is reused from call to call. */
typedef struct loci__ids {
  loci_context *context; /* set by the first encoding */
  int32_t *items;
  size_t n, capacity;
} loci__ids;

void loci__ids_release(loci__ids *ids);

/* The fast path of models: ids only. At most max_tokens come back, special tokens included: the text's own tokens are
 * cut at the end, the special ones stay (max_tokens ≥ loci__tokenizer_specials when `special`, else USAGE).
 * *n_whole (may be NULL) = their number before that. */
loci_status loci__tokenizer_ids(const loci_tokenizer *tokenizer, const char *text, size_t length, bool special,
                                size_t max_tokens, loci__ids *out, size_t *n_whole, loci_error *error);

/* How many tokens the post-processor adds. */
size_t loci__tokenizer_specials(const loci_tokenizer *tokenizer);
/* The type id of token i of n (special tokens included when `special`). */
int32_t loci__tokenizer_type(const loci_tokenizer *tokenizer, bool special, size_t n, size_t i);
/* The id of words that have no pieces ([UNK]). */
int32_t loci__tokenizer_unknown(const loci_tokenizer *tokenizer);

/* Feeds rules, vocabulary, added tokens and template in a canonical order: two tokenizers that add the same bytes give
 * the same ids for every text, whatever files they come from. */
void loci__tokenizer_fingerprint(const loci_tokenizer *tokenizer, loci__hash *hash);

/* As loci_tokenizer_encode, by the plain implementation. */
loci_status loci__tokenizer_encode_plain(const loci_tokenizer *tokenizer, const char *text, size_t length, int special,
                                         loci_tokens *out, loci_error *error);

#endif
