/* loci/model.h: models, and texts to vectors.
 *
 * A model is immutable after loci_model_open and shared by every thread; loci_embed takes what scratch it
 * needs from the context's pool. The same text gives the same bits whatever stands beside it in the call and
 * however many threads work (per instruction set).
 */
#ifndef LOCI_MODEL_H
#define LOCI_MODEL_H

#include "core.h"
#include "tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct loci_model loci_model;

/* `name`: a folder or file (anything with a '/' in it, or that exists), else a name looked up in the context's
 * model_path; NULL or "" = the built-in model ("loci-static-en"). A file of word vectors (loci/vectors.h) is a model too:
 * the mean of its words' vectors, or, when "#sif" stands behind its name, their weighted mean (Arora et al. 2017: a word
 * of probability p counts a / (a + p), a = 1e-3; p from the saved counts, else from Zipf's law over the ranks). MODEL when nothing is there; FORMAT with file
 * and offset when it is broken; UNSUPPORTED, by name, for architectures that are not there yet. */
LOCI_API loci_status loci_model_open(loci_context *context, const char *name, loci_model **out, loci_error *error);
LOCI_API void loci_model_close(loci_model *model);

typedef struct loci_model_info {
  size_t struct_size;
  const char *name;           /* what to show: the name it was opened by, or the folder's last part */
  const char *path;           /* absolute folder or file */
  const char *architecture;   /* "bert", "static", "words" */
  const char *pooling;        /* "mean", "cls" …, as in the model's files; "+" between several */
  const char *similarity;     /* "cosine", "dot" … */
  const char *fingerprint;    /* 32 hex digits, see docs/store.md; NULL until loci_model_fingerprint was asked */
  const char *default_prompt; /* default_prompt_name of the model's files, or NULL */
  const char *language;       /* "en" where a model card of loci says so, else NULL */
  const char *licence;        /* where the model card says so, else NULL */
  size_t dim;                 /* of the vectors it gives */
  size_t hidden_size, n_layers, n_heads, vocabulary_size;
  size_t max_tokens; /* special tokens included; SIZE_MAX = no limit (static models) */
  size_t n_parameters;
  int normalize; /* the model's own modules end with Normalize */
} loci_model_info;

/* Fills `info` up to its struct_size; the strings live with the model. */
LOCI_API void loci_model_get_info(const loci_model *model, loci_model_info *info);

/* Number of prompts; name and text of prompt i (owned by the model, NULL past the end). */
LOCI_API size_t loci_model_prompts(const loci_model *model);
LOCI_API const char *loci_model_prompt(const loci_model *model, size_t i, const char **name);

/* A hash over the parsed, canonical description (weights, tokenizer rules, pooling, normalisation, document
 * prompt, length policy, width). Two models with one fingerprint give interchangeable vectors.
 * Reads every weight once; cached by device, inode, size and mtime when the context has a cache folder. */
LOCI_API loci_status loci_model_fingerprint(loci_model *model, char out[33], loci_error *error);

LOCI_API const loci_tokenizer *loci_model_tokenizer(const loci_model *model);

typedef struct loci_text {
  const char *data;
  size_t length; /* bytes */
} loci_text;

typedef enum loci_role {
  LOCI_ROLE_DEFAULT = 0, /* the model's default prompt, else none */
  LOCI_ROLE_QUERY = 1,
  LOCI_ROLE_DOCUMENT = 2
} loci_role;

/* TRUNCATE cuts the end off, TRUNCATE_START the beginning, prompt included. */
enum { LOCI_ON_LONG_TRUNCATE = 0, LOCI_ON_LONG_ERROR = 1, LOCI_ON_LONG_TRUNCATE_START = 2 };
enum { LOCI_NORMALIZE_YES = 1, LOCI_NORMALIZE_NO = 0 };

typedef struct loci_embed_options {
  size_t struct_size;
  loci_role role;
  const char *prompt_name; /* wins over role; USAGE when the model has none of that name */
  size_t max_tokens;       /* 0 = the model's; never more than the model's positions */
  int on_long;             /* LOCI_ON_LONG_... */
  int normalize;           /* default LOCI_NORMALIZE_YES: L2; the zero vector stays zero */
  loci_progress_fn progress;
  void *progress_user;
} loci_embed_options;

LOCI_API void loci_embed_options_init(loci_embed_options *options);

typedef struct loci_embed_info {
  uint32_t n_tokens;       /* special tokens and prompt included, after truncation */
  uint32_t n_tokens_whole; /* before truncation */
  int truncated;
} loci_embed_info;

/* vectors: n × dim floats, row-major, the caller's. infos: n, or NULL. Options NULL = the defaults.
 * With LOCI_ON_LONG_ERROR a text that is too long gives LIMIT and the message names its index. */
LOCI_API loci_status loci_embed(const loci_model *model, const loci_text *texts, size_t n,
                                const loci_embed_options *options, float *vectors, loci_embed_info *infos,
                                loci_error *error);

/* A text, or, when ids is not NULL, the token ids of one: those of the model's own tokenizer, with or without the special
 * tokens around them, which are put where they are missing. */
typedef struct loci_input {
  const char *data;
  size_t length; /* bytes */
  const int32_t *ids;
  size_t n_ids;
} loci_input;

/* loci_embed of either. The ids of a text give the bits of the text. USAGE, naming the input's index, for an id that the
 * model does not have; UNSUPPORTED for ids where words are known by their n-grams. */
LOCI_API loci_status loci_embed_inputs(const loci_model *model, const loci_input *inputs, size_t n,
                                       const loci_embed_options *options, float *vectors, loci_embed_info *infos,
                                       loci_error *error);

/* A vector for each token of one input, special ones and prompt included: an encoder's last hidden states, a static model's
 * rows; not normalised. UNSUPPORTED where words are known by their n-grams. */
typedef struct loci_token_vectors {
  loci_context *context;
  size_t n_tokens, dim;
  int32_t *ids;
  float *vectors; /* n_tokens × dim */
} loci_token_vectors;

LOCI_API void loci_token_vectors_release(loci_token_vectors *out); /* {0} and NULL are allowed */
LOCI_API loci_status loci_embed_tokens(const loci_model *model, const loci_input *input,
                                       const loci_embed_options *options, loci_token_vectors *out,
                                       loci_embed_info *info, loci_error *error);

/* Cosine of two vectors in double precision; 0 when either is the zero vector. */
LOCI_API double loci_cosine(const float *a, const float *b, size_t dim);

#ifdef __cplusplus
}
#endif
#endif
