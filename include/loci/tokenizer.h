/* loci/tokenizer.h: text to token ids and back.
 *
 * A tokenizer is immutable and shared by any number of threads; the tokens it gives belong to the caller.
 * Ids, type ids and offsets equal those of Hugging Face `tokenizers`, but offsets count bytes of the input.
 */
#ifndef LOCI_TOKENIZER_H
#define LOCI_TOKENIZER_H

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct loci_tokenizer loci_tokenizer;

/* Opens `path`: a tokenizer.json, a vocab.txt, or a folder that holds one (tokenizer.json wins). */
LOCI_API loci_status loci_tokenizer_open(loci_context *context, const char *path, loci_tokenizer **out,
                                         loci_error *error);
LOCI_API void loci_tokenizer_close(loci_tokenizer *tokenizer);

typedef struct loci_tokens {
  loci_context *context; /* set by the first encode; NULL while empty */
  size_t n_tokens, capacity;
  int32_t *ids;
  int32_t *type_ids;
  uint32_t *starts, *ends; /* byte offsets in the input, [start, end); both 0 for an added special token */
} loci_tokens;

/* {0} is an empty loci_tokens too. Encoding reuses its arrays. */
LOCI_API void loci_tokens_init(loci_tokens *tokens);
LOCI_API void loci_tokens_release(loci_tokens *tokens);

/* The whole of `text` (any bytes: what is not UTF-8 counts as U+FFFD per maximal subpart), never truncated.
 * `special` non-zero adds what the post-processor adds ([CLS], [SEP]). LIMIT for more than 2^32−1 bytes. */
LOCI_API loci_status loci_tokenizer_encode(const loci_tokenizer *tokenizer, const char *text, size_t length,
                                           int special, loci_tokens *out, loci_error *error);

/* The greatest id + 1, added tokens included. */
LOCI_API size_t loci_tokenizer_vocabulary_size(const loci_tokenizer *tokenizer);
/* The piece of an id, NUL-terminated, owned by the tokenizer; NULL for an id that is not there. */
LOCI_API const char *loci_tokenizer_piece(const loci_tokenizer *tokenizer, int32_t id);
/* Ids to text, as the reference's decoder does it (what normalisation took is not given back). *out is NUL-terminated, freed by
 * loci_memory_free; `length` may be NULL. USAGE for an id that is not there. */
LOCI_API loci_status loci_tokenizer_decode(const loci_tokenizer *tokenizer, const int32_t *ids, size_t n,
                                           int skip_special, char **out, size_t *length, loci_error *error);
/* The id of a piece, or -1. */
LOCI_API int32_t loci_tokenizer_id(const loci_tokenizer *tokenizer, const char *piece, size_t length);

#ifdef __cplusplus
}
#endif
#endif
