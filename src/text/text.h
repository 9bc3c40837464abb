/* text/: characters to token ids. Normalisation, WordPiece, words, vocabularies; sentences and chunks (chunk.h); corpora
 * (corpus.h).
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
 *   words.c, words_json.c         tokenizers whose tokens are words; their files
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
#include "corpus.h"
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

/* The same for ids that are there already: prompt and ids end to end, in the special tokens, which are put where `ids` does
 * not begin or end with them. What is too long is cut at its end, or, with `keep_end`, at its beginning. */
loci_status loci__tokenizer_frame(const loci_tokenizer *tokenizer, const int32_t *prompt, size_t n_prompt,
                                  const int32_t *ids, size_t n_ids, bool special, size_t max_tokens, bool keep_end,
                                  loci__ids *out, size_t *n_whole, loci_error *error);

/* How many tokens the post-processor adds. */
size_t loci__tokenizer_specials(const loci_tokenizer *tokenizer);
/* The type id of token i of n (special tokens included when `special`). */
int32_t loci__tokenizer_type(const loci_tokenizer *tokenizer, bool special, size_t n, size_t i);
/* The id of words that have no pieces ([UNK]). */
int32_t loci__tokenizer_unknown(const loci_tokenizer *tokenizer);

/* Feeds rules, vocabulary, added tokens and template in a canonical order: two tokenizers that add the same bytes give
 * the same ids for every text, whatever files they come from. */
void loci__tokenizer_fingerprint(const loci_tokenizer *tokenizer, loci__hash *hash);

/* ---- tokenizers of words (words.c) ---- */

/* Words and their numbers 0…n−1, somebody else's. */
typedef struct loci__word_table {
  const void *table;
  size_t n;
  int32_t (*find)(const void *table, const char *word, size_t length);      /* its number, or −1 */
  const char *(*word)(const void *table, size_t i, size_t *length_or_null); /* NUL-terminated; NULL past the end */
} loci__word_table;

/* A tokenizer whose ids are the numbers of words in `table`: a text is split as a corpus is, each word folded as the
 * splitter says and looked up; with `lower_again` one that is not there is looked up in lower case. Other words have the
 * id n, "[UNK]": loci__tokenizer_unknown. No special tokens. The table, and the splitter's tokenizer, must outlive it. */
loci_status loci__tokenizer_of_words(loci_context *context, const loci__splitter *splitter,
                                     const loci__word_table *table, bool lower_again, loci_tokenizer **out,
                                     loci_error *error);

/* Puts the word in lower case (LOCI_FOLD_LOWER) into `out`, which is emptied; false, and `out` as it was, for one that has
 * none: ASCII without capitals. */
bool loci__word_lower(const char *word, size_t length, loci__buffer *out);

bool loci__tokenizer_has_words(const loci_tokenizer *tokenizer);
/* The rules of one that cuts as a corpus is cut; false for another. */
bool loci__tokenizer_splitter(const loci_tokenizer *tokenizer, loci__splitter *out, bool *lower_again);

/* One word of a text, folded; `id` may be the unknown one. `word` dies with the call. */
typedef loci_status (*loci__word_id_fn)(void *arg, int32_t id, const char *word, size_t length, loci_error *error);
/* Calls for the first max_tokens words of a text, in order. *n_whole = how many there are. A tokenizer of words only. */
loci_status loci__tokenizer_each_word(const loci_tokenizer *tokenizer, const char *text, size_t length,
                                      size_t max_tokens, loci__word_id_fn each, void *arg, size_t *n_whole,
                                      loci_error *error);

/* tokenizer.json of a tokenizer of words (words_json.c): ids are places in the list, `unknown` has the id n and must be
 * none of them. Not for LOCI_SPLIT_MODEL. Words must be UTF-8 and different. */
void loci__tokenizer_put_words_json(loci__buffer *out, const loci__splitter *splitter, const char *const *words,
                                    const uint32_t *lengths, size_t n, const char *unknown);
/* loci.json beside it: what that file cannot say. */
void loci__tokenizer_put_more_json(loci__buffer *out, const loci__splitter *splitter, bool lower_again);
/* tokenizer.json of an open WordPiece tokenizer, without its post-processor. */
loci_status loci__tokenizer_put_json(loci__buffer *out, const loci_tokenizer *tokenizer, loci_error *error);

/* As loci_tokenizer_encode, by the plain implementation. */
loci_status loci__tokenizer_encode_plain(const loci_tokenizer *tokenizer, const char *text, size_t length, int special,
                                         loci_tokens *out, loci_error *error);

#endif
