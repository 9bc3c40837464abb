/* model/: anything that turns input into vectors.
 *
 * The way of a text: prompt → tokens (text/) → vectors of tokens (encoder.h, or rows of a static model) → pooling →
 * further modules (Dense, Normalize) → L2.
 *
 *   open.c          names and folders, loci_model_open/close, what is told about a model
 *   settings.c      the small JSON files of a sentence-transformers folder, old and new spelling
 *   prompts.c       prompts by name and by role, and the table for models whose files forgot them
 *   bert.c          config.json + safetensors → encoder
 *   encoder*.c      the inference engine
 *   pool.c          hidden states of a sequence → one vector; Dense; L2
 *   static.c        static models: rows, weights, mapping; static_write.c: the way out
 *   fingerprint.c   what makes two models' vectors interchangeable
 *   words.h         files of word vectors; their way out as a static model
 *   embed.c         loci_embed: batches on the pool
 *
 * Ownership: a model owns everything below it, among it the mapping of its weights. Strings live in its arena.
 * Threads: immutable once opened and shared; only the fingerprint is computed later, under a lock.
 */
#ifndef LOCI_MODEL_MODEL_H
#define LOCI_MODEL_MODEL_H

#include "../base/base.h"
#include "../base/json.h"
#include "../format/format.h"
#include "../text/text.h"
#include "encoder.h"
#include "loci/model.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- pooling and the modules behind it (pool.c) ------------------------------------------------- */

/* A set; several concatenate in this order (sentence-transformers' Pooling). */
enum {
  LOCI__POOL_CLS = 1,
  LOCI__POOL_MAX = 2,
  LOCI__POOL_MEAN = 4,
  LOCI__POOL_MEAN_SQRT_LEN = 8,
  LOCI__POOL_WEIGHTED_MEAN = 16,
  LOCI__POOL_LAST = 32,
  LOCI__POOL_MODES = 6
};

size_t loci__pool_count(unsigned modes);
/* "cls+mean"; the arena's. NULL when out of memory. */
const char *loci__pool_text(unsigned modes, loci__arena *arena);

/* Token t of the sequence is hidden + t·stride, dim floats; n_tokens ≥ 1. The first `skip` tokens (a prompt that the
 * model leaves out) take no part but for cls. out: loci__pool_count(modes) × dim. */
void loci__pool_sequence(loci_context *context, unsigned modes, const float *hidden, size_t stride, size_t n_tokens,
                         size_t skip, size_t dim, float *out);

typedef enum loci__step_kind { LOCI__STEP_DENSE, LOCI__STEP_NORMALIZE } loci__step_kind;
typedef enum loci__dense_activation {
  LOCI__DENSE_IDENTITY,
  LOCI__DENSE_TANH,
  LOCI__DENSE_RELU,
  LOCI__DENSE_GELU,
  LOCI__DENSE_SIGMOID
} loci__dense_activation;

typedef struct loci__step {
  loci__step_kind kind;
  size_t in, out;             /* Normalize: equal */
  const float *weight, *bias; /* Dense: out × in, the model's; bias may be NULL */
  loci__dense_activation activation;
  loci__safetensors *file; /* where they lie */
  float *owned;            /* or converted to F32 */
} loci__step;

/* x: step->in floats in, step->out out. y: step->out floats, another place; the result lies in y for Dense, in x for
 * Normalize; returned. */
float *loci__step_run(loci_context *context, const loci__step *step, float *x, float *y);

/* √Σx², in double and in a fixed order; not finite when x is not. */
double loci__norm(const float *x, size_t dim);
/* out = x / norm, as loci__normalize does it; out may be x. */
void loci__scale(const float *x, size_t dim, double norm, float *out);
/* L2 in place; a zero vector (norm < 1e-12, torch's threshold) stays what it is. */
void loci__normalize(float *x, size_t dim);

/* ---- static models (static.c) -------------------------------------------------------------------- */

/* Token id t has the vector weights[t] · row(mapping[t]); a text has the mean over its tokens. */
typedef struct loci__static {
  size_t n_rows, dim, n_tokens; /* n_tokens: length of weights and mapping, or n_rows */
  const int8_t *codes;          /* one of codes and rows */
  const float *rows;
  const float *weights;   /* NULL = all 1 */
  const int32_t *mapping; /* NULL = the identity */
  int32_t dropped;        /* the id that takes no part ([UNK] of model2vec), or −1 */
  float *owned_rows, *owned_weights;
  int32_t *owned_mapping;
} loci__static;

/* out: dim floats, the mean over the ids that take part; all 0 when there is none. */
void loci__static_mean(loci_context *context, const loci__static *model, const int32_t *ids, size_t n, float *out);

/* ---- writing a static model (static_write.c) ------------------------------------------------------ */

typedef struct loci__static_out {
  size_t n_rows, dim;
  const int8_t *codes; /* n_rows × dim, or NULL: then rows or halves */
  const float *rows;
  const uint16_t *halves; /* float16 */
  size_t n_tokens;        /* of weights and mapping; 0 = n_rows */
  const float *weights;   /* or NULL */
  const int32_t *mapping; /* or NULL: then n_rows must be the vocabulary's size */
  const int64_t *counts;  /* how often each token stood in the corpus, or NULL */
  bool normalize;
  const char *tokenizer_json; /* its truncation and padding are left out of what is written */
  size_t tokenizer_length;
  const char *more_json; /* loci.json (words_json.c), or NULL: then none is written */
  const char *card;      /* README.md, or NULL: then none is written */
} loci__static_out;

/* Writes config.json, modules.json, tokenizer.json, model.safetensors (last, so that an interrupted call leaves no
 * folder that opens) and README.md into `folder`, which is made when missing. The layout is model2vec's: model2vec opens
 * it; sentence-transformers' StaticEmbedding opens it when rows are float, but knows neither weights nor mapping (fold the
 * weights into the rows for it). */
loci_status loci__static_write(loci_context *context, const char *folder, const loci__static_out *model,
                               loci_error *error);

/* ---- the model ------------------------------------------------------------------------------------ */

typedef struct loci__prompt {
  const char *name, *text;
} loci__prompt;

/* A tensor under the name that every spelling of it shares ("embeddings.LayerNorm.weight"). */
typedef struct loci__used {
  const char *name;
  const loci__tensor *tensor;
} loci__used;

typedef enum loci__model_kind { LOCI__MODEL_ENCODER, LOCI__MODEL_STATIC } loci__model_kind;

struct loci_model {
  loci_context *context;
  loci__arena arena;
  loci__model_kind kind;
  const char *name, *path, *architecture, *similarity, *language, *licence;

  loci_tokenizer *tokenizer;
  /* tokenizer.json, vocab.txt, tokenizer_config.json (words: the vectors, their card, their counts) before they were read;
   * or 0 */
  loci_file_info tokenizer_files[3];
  loci__safetensors *weights;
  loci__used *used; /* the tensors that count, in canonical order: views for the fingerprint */
  size_t n_used, used_capacity;

  /* encoder */
  loci__encoder *encoder;
  float **owned; /* tables that had to be converted; n_owned */
  size_t n_owned, owned_capacity;
  unsigned pooling;
  bool include_prompt;
  const char *pooling_text;

  /* static, and words: a view of `vectors` */
  loci__static table;
  struct loci_vectors *vectors;    /* NULL for a folder */
  loci_tokenizer *split_tokenizer; /* whose pieces are the words, or NULL */

  loci__step *steps;
  size_t n_steps, steps_capacity;
  size_t pooled_dim; /* before the steps */
  size_t dim, hidden_size, n_layers, n_heads, n_parameters;
  size_t max_tokens, max_positions; /* SIZE_MAX = no limit */
  bool lower_case;                  /* do_lower_case of sentence_bert_config.json */

  loci__prompt *prompts;
  size_t n_prompts, prompts_capacity;
  const char *default_prompt; /* a name, or NULL */

  pthread_mutex_t lock; /* of the next two */
  bool has_lock;
  _Atomic bool has_fingerprint;
  char fingerprint[33];
};

/* ---- settings.c ---- */

/* A parsed JSON file. {0} is releasable. */
typedef struct loci__settings_file {
  loci_context *context;
  char *path, *text;
  loci__json_document json;
  const loci__json *root; /* NULL = the file is not there */
} loci__settings_file;

/* `folder`/`name`. A missing file is OK with root NULL unless `required` (MODEL). FORMAT when it is no JSON object (or
 * array, for modules.json). */
loci_status loci__settings_open(loci_context *context, const char *folder, const char *name, bool required,
                                loci__settings_file *out, loci_error *error);
void loci__settings_close(loci__settings_file *file);
/* A member that must be a size when it is there. *out is left alone when it is absent or null. */
loci_status loci__settings_size(const loci__settings_file *file, const char *key, size_t *out, loci_error *error);
loci_status loci__settings_bool(const loci__settings_file *file, const char *key, bool *out, loci_error *error);

typedef struct loci__module {
  char type[64]; /* the last dotted part: "Transformer" */
  char *folder;  /* absolute; loci__free */
} loci__module;

enum { LOCI__MAX_MODULES = 32 };

typedef struct loci__modules {
  loci_context *context;
  loci__module items[LOCI__MAX_MODULES];
  size_t n;
  bool present; /* modules.json is there */
} loci__modules;

loci_status loci__modules_read(loci_context *context, const char *folder, loci__modules *out, loci_error *error);
void loci__modules_release(loci__modules *modules);

/* max_seq_length, do_lower_case of sentence_bert_config.json or one of its older names. */
loci_status loci__settings_transformer(loci_model *model, const char *folder, size_t *max_seq_length,
                                       loci_error *error);
loci_status loci__settings_pooling(loci_model *model, const char *folder, loci_error *error);
loci_status loci__settings_dense(loci_model *model, const char *folder, loci_error *error);
/* Modules from `first` on: Dense, Normalize. */
loci_status loci__settings_steps(loci_model *model, const loci__modules *modules, size_t first, loci_error *error);
/* A Normalize at the end, unless one stands there. */
loci_status loci__settings_normalize(loci_model *model, loci_error *error);

/* ---- prompts.c ---- */

/* config_sentence_transformers.json: prompts, default_prompt_name, similarity_fn_name. */
loci_status loci__prompts_read(loci_model *model, loci_error *error);
/* The text for these options, never NULL ("" = none). USAGE for a name that is not there. */
loci_status loci__prompts_choose(const loci_model *model, const loci_embed_options *options, const char **text,
                                 loci_error *error);
/* For a role without a prompt_name; never NULL. */
const char *loci__prompts_for_role(const loci_model *model, loci_role role);

/* ---- bert.c, static.c ---- */

/* Opens "model.safetensors" or "model.safetensors.index.json" in `folder`. */
loci_status loci__weights_open(loci_context *context, const char *folder, loci__safetensors **out, loci_error *error);
/* Notes a tensor for the fingerprint. `name` is copied. */
loci_status loci__weights_use(loci_model *model, const char *name, const loci__tensor *tensor, loci_error *error);
/* A tensor as floats: a view when it can be, else converted into *owned (loci__free_aligned). */
loci_status loci__weights_floats(loci_context *context, const loci__tensor *tensor, const float **out, float **owned,
                                 loci_error *error);
loci_status loci__bert_open(loci_model *model, const char *folder, loci_error *error);
/* *normalize: model2vec's config.json asks for it. */
loci_status loci__static_open(loci_model *model, const char *folder, bool *normalize, loci_error *error);
/* Weights words by smooth inverse frequency (words.h). UNSUPPORTED for a model whose tokens are no words. */
loci_status loci__static_sif(loci_model *model, loci_error *error);
/* Does this folder hold a static model's tensors? */
bool loci__static_is(const loci__safetensors *weights);

/* ---- open.c ---- */

/* The absolute path (allocated) of the folder or file that a model's name stands for: see loci_model_open. *by_name (may
 * be NULL): it was looked up in the model path. */
loci_status loci__model_find(loci_context *context, const char *name, char **out, bool *by_name, loci_error *error);

/* ---- embed.c ---- */

/* The ids that loci_embed would work on: prompt, special tokens, cut. `info` may be NULL. */
loci_status loci__embed_ids(const loci_model *model, const loci_input *input, const loci_embed_options *options,
                            loci__ids *out, loci_embed_info *info, loci_error *error);

/* ---- fingerprint.c: loci_model_fingerprint ---- embed.c: loci_embed ---- */

#endif
