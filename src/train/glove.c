/* train/glove.c: a run of GloVe from options to files (glove.h says which file does what).
 *
 *   vocabulary (equal counts in the order of the reference's vocab_count) → stream → co-occurrences → tiles → optimiser
 *
 * Each arrow is a file in OUTPUT.checkpoint, made atomically and known by a key, the hash of all settings: what an
 * interrupted run had made is taken over by the next, and a file that is no longer needed is removed at once.
 */
#include "glove.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>

#include "../text/text.h"

enum { MOST_DIM = 65536, MOST_EPOCHS = 1000000 };
#define GIGABYTE 1073741824.0

void loci_glove_options_init(loci_glove_options *options) {
  *options = (loci_glove_options){.struct_size = sizeof *options,
                                  .dim = 300,
                                  .window = 10,
                                  .symmetric = 1,
                                  .epochs = 25,
                                  .x_max = 100,
                                  .alpha = 0.75,
                                  .eta = 0.05};
  loci__train_common_init(&options->common);
}

static loci_status check(const loci_glove_options *o, loci_error *error) {
  if (o->dim < 1 || o->dim > MOST_DIM)
    return loci__fail(error, LOCI_ERROR_USAGE, "dim %zu is not in 1…%d", o->dim, MOST_DIM);
  if (o->window < 1 || o->window > 255)
    return loci__fail(error, LOCI_ERROR_USAGE, "window %zu is not in 1…255", o->window);
  if (o->epochs < 1 || o->epochs > MOST_EPOCHS)
    return loci__fail(error, LOCI_ERROR_USAGE, "epochs %zu is not in 1…%d", o->epochs, MOST_EPOCHS);
  if (!(o->x_max > 0) || !isfinite(o->x_max))
    return loci__fail(error, LOCI_ERROR_USAGE, "x_max %g is not above 0", o->x_max);
  if (!(o->alpha >= 0) || o->alpha > 10)
    return loci__fail(error, LOCI_ERROR_USAGE, "alpha %g is not in 0…10", o->alpha);
  if (!(o->eta > 0) || o->eta > 10) return loci__fail(error, LOCI_ERROR_USAGE, "eta %g is not in 0…10", o->eta);
  if (!(o->memory >= 0) || o->memory > 1e6)
    return loci__fail(error, LOCI_ERROR_USAGE, "memory %g is not in 0…1e6 gigabytes", o->memory);
  if (o->mode < LOCI_MODE_DEFAULT || o->mode > LOCI_MODE_FAST)
    return loci__fail(error, LOCI_ERROR_USAGE, "no such mode: %d", (int)o->mode);
  if (o->mode == LOCI_MODE_EXACT && o->common.seed > INT32_MAX)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "exact mode takes a seed of at most 2147483647, as the GloVe programs do");
  return LOCI_OK;
}

static size_t most_memory(const loci_glove_options *o) {
  const size_t one = o->common.max_memory, other = o->common.corpus.max_memory;
  return one && other ? (one < other ? one : other) : one ? one : other;
}

static double gigabytes(const loci_glove_options *o, double otherwise) {
  const double most = (double)most_memory(o) / GIGABYTE;
  if (o->memory > 0) return o->memory;
  return most > 0 && most < otherwise ? most : otherwise;
}

/* ---- words ---- */

static loci_status count_vocabulary(loci_context *context, const char *corpus, const loci_train_common *common,
                                    const loci_tokenizer *tokenizer, loci_vocabulary **out, loci_error *error) {
  if (common->vocabulary) return loci_vocabulary_read(context, common->vocabulary, out, error);
  loci_corpus_options options = common->corpus;
  if (!options.progress) {
    options.progress = common->progress;
    options.progress_user = common->progress_user;
  }
  if (options.max_memory == 0) options.max_memory = common->max_memory;
  LOCI__TRY(loci__vocabulary_count(context, corpus, &options, tokenizer, out, error));
  loci_status status = loci__vocabulary_sort_ties_by_bytes(*out, error);
  if (status == LOCI_OK) return LOCI_OK;
  loci_vocabulary_free(*out);
  *out = NULL;
  return status;
}

static loci_status count_for_trainer(loci__trainer *trainer, loci_error *error) {
  return count_vocabulary(trainer->context, trainer->corpus, trainer->common, trainer->splitter.tokenizer,
                          &trainer->vocabulary, error);
}

/* ---- pairs ---- */

typedef struct counting {
  loci_context *context;
  const char *corpus;
  const loci_glove_options *options;
  const loci__splitter *splitter;
  const loci_vocabulary *vocabulary;
  loci__meter *meter;
  const char *stream, *scratch, *pairs; /* paths */
} counting;

static loci_status count_pairs(const counting *c, uint64_t *n_pairs, loci_error *error) {
  const size_t n_words = loci__vocabulary_size(c->vocabulary), most = most_memory(c->options);
  loci__cooccur_options options = {.window = c->options->window,
                                   .symmetric = c->options->symmetric != 0,
                                   .empty_run_repeats = c->options->mode == LOCI_MODE_EXACT};
  loci__cooccur_limits(gigabytes(c->options, 3), &options.max_product, &options.overflow_length);
  const size_t needed = loci__cooccur_memory(&options, n_words);
  loci__log(c->context, LOCI_LOG_INFO, "up to %.2f GB of memory to count pairs of %zu words", (double)needed / 1e9,
            n_words);
  if (most && needed > most) {
    return loci__fail(error, LOCI_ERROR_LIMIT,
                      "counting pairs of %zu words takes up to %.2f GB, %.2f GB are allowed; give it less (--memory)",
                      n_words, (double)needed / 1e9, (double)most / 1e9);
  }
  loci__stream stream;
  LOCI__TRY(loci__stream_make(c->context, c->corpus, c->splitter, c->vocabulary, c->stream, c->meter, &stream, error));
  loci_status status = loci__cooccur_count(c->context, stream.ids, stream.n, n_words, &options, c->scratch, c->pairs,
                                           c->meter, n_pairs, error);
  loci__stream_close(&stream);
  if (status == LOCI_OK) loci__file_unlink(c->context, c->stream);
  return status;
}

/* ---- the run ---- */

typedef struct run {
  loci__trainer *trainer;
  const loci_glove_options *options;
  char *stream, *scratch, *pairs, *pairs_key, *tiles;
  char key[33];
} run;

static loci_status run_names(run *r, loci_error *error) {
  loci_context *context = r->trainer->context;
  const char *folder = r->trainer->folder;
  loci__hash_once(r->trainer->about.data, r->trainer->about.length, r->key);
  r->stream = loci__path_join(context, folder, "stream");
  r->scratch = loci__path_join(context, folder, "runs");
  r->pairs = loci__path_join(context, folder, "pairs");
  r->pairs_key = loci__path_join(context, folder, "pairs.key");
  r->tiles = loci__path_join(context, folder, "tiles");
  if (r->stream && r->scratch && r->pairs && r->pairs_key && r->tiles) return LOCI_OK;
  return loci__fail_memory(error, 5 * strlen(folder), "names of files");
}

static bool pairs_are_there(run *r) {
  char *key = NULL;
  size_t length;
  bool there = loci__file_exists(r->trainer->context, r->pairs) &&
               loci__file_read(r->trainer->context, r->pairs_key, 64, &key, &length, NULL) == LOCI_OK &&
               strcmp(key, r->key) == 0;
  loci__free(r->trainer->context, key);
  return there;
}

static loci_status make_pairs(run *r, loci_error *error) {
  loci__trainer *t = r->trainer;
  if (pairs_are_there(r)) return LOCI_OK;
  const counting c = {.context = t->context,
                      .corpus = t->corpus,
                      .options = r->options,
                      .splitter = &t->splitter,
                      .vocabulary = t->vocabulary,
                      .meter = &t->meter,
                      .stream = r->stream,
                      .scratch = r->scratch,
                      .pairs = r->pairs};
  uint64_t n_pairs;
  LOCI__TRY(count_pairs(&c, &n_pairs, error));
  loci__log(t->context, LOCI_LOG_INFO, "%llu pairs of words", (unsigned long long)n_pairs);
  return loci__file_write_atomic(t->context, r->pairs_key, r->key, strlen(r->key), error);
}

static loci_status copy_pairs(run *r, loci_error *error) {
  enum { BLOCK = 1 << 20 };
  loci_context *context = r->trainer->context;
  const char *to = r->options->keep_cooccurrences;
  loci__mapping from;
  LOCI__TRY(loci__mapping_open(&from, context, r->pairs, error));
  int out = loci__file_open(context, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  int failed = out < 0 ? out : 0;
  for (size_t at = 0; at < from.length && !failed; at += BLOCK) {
    const size_t n = from.length - at < BLOCK ? from.length - at : BLOCK;
    failed = loci__file_pwrite_all(context, out, from.data + at, n, (int64_t)at);
  }
  if (!failed) failed = loci__file_fsync(context, out);
  if (out >= 0) loci__file_close(context, out);
  loci__mapping_close(&from);
  return failed ? loci__fail_file(error, "write", to, failed) : LOCI_OK;
}

static loci_status keep_pairs(run *r, loci_error *error) {
  if (!r->options->keep_cooccurrences || !loci__file_exists(r->trainer->context, r->pairs)) return LOCI_OK;
  return copy_pairs(r, error);
}

static loci_status open_pairs(run *r, loci__mapping *pairs, loci_error *error) {
  return loci__cooccur_open(r->trainer->context, r->pairs, loci__vocabulary_size(r->trainer->vocabulary), pairs, error);
}

static loci_status run_exact(run *r, loci_error *error) {
  LOCI__TRY(make_pairs(r, error));
  LOCI__TRY(keep_pairs(r, error));
  loci__mapping pairs;
  LOCI__TRY(open_pairs(r, &pairs, error));
  loci_status status =
      loci__glove_train_exact(r->trainer, r->options, (const void *)pairs.data,
                              pairs.length / sizeof(loci__cooccur_record), gigabytes(r->options, 2), error);
  loci__mapping_close(&pairs);
  return status;
}

static loci_status run_blocked(run *r, loci_error *error) {
  loci__trainer *t = r->trainer;
  loci__glove_tiling tiling = {.n_words = loci__vocabulary_size(t->vocabulary),
                               .dim = r->options->dim,
                               .x_max = r->options->x_max,
                               .alpha = r->options->alpha,
                               .seed = r->options->common.seed};
  memcpy(tiling.key, r->key, sizeof tiling.key);
  loci__glove_tiles tiles;
  loci_status status = loci__glove_tiles_open(t->context, r->tiles, &tiling, &tiles, error);
  if (status == LOCI_ERROR_NOT_FOUND ||
      status == LOCI_ERROR_FORMAT) { /* they can always be made anew, with the same bytes */
    LOCI__TRY(make_pairs(r, error));
    loci__mapping pairs;
    LOCI__TRY(open_pairs(r, &pairs, error));
    status = loci__glove_tiles_make(t->context, (const void *)pairs.data, pairs.length / sizeof(loci__cooccur_record),
                                    &tiling, r->tiles, &t->meter, error);
    loci__mapping_close(&pairs);
    if (status == LOCI_OK) status = loci__glove_tiles_open(t->context, r->tiles, &tiling, &tiles, error);
  }
  LOCI__TRY(status);
  status = keep_pairs(r, error);
  if (status == LOCI_OK) {
    loci__file_unlink(t->context, r->pairs_key);
    loci__file_unlink(t->context, r->pairs);
    status = loci__glove_train_blocked(t, r->options, &tiles, error);
  }
  loci__glove_tiles_close(&tiles);
  return status;
}

static void put_settings(loci__trainer *trainer, const loci_glove_options *o) {
  loci__trainer_set(trainer, "mode", "%s", o->mode == LOCI_MODE_EXACT ? "exact" : "default");
  loci__trainer_set(trainer, "dim", "%zu", o->dim);
  loci__trainer_set(trainer, "window", "%zu", o->window);
  loci__trainer_set(trainer, "symmetric", "%s", o->symmetric ? "true" : "false");
  loci__trainer_set(trainer, "epochs", "%zu", o->epochs);
  loci__trainer_set(trainer, "x_max", "%.9g", o->x_max);
  loci__trainer_set(trainer, "alpha", "%.9g", o->alpha);
  loci__trainer_set(trainer, "eta", "%.9g", o->eta);
  loci__trainer_set(trainer, "memory", "%.17g", gigabytes(o, 3));
}

loci_status loci_train_glove(loci_context *context, const char *corpus, const loci_glove_options *options,
                             const char *output, loci_error *error) {
  loci_glove_options defaults;
  if (!options) {
    loci_glove_options_init(&defaults);
    options = &defaults;
  }
  context = loci__context_of(context);
  LOCI__TRY(check(options, error));
  loci__trainer trainer;
  loci__trainer_init(&trainer, context, "glove", corpus, output, &options->common);
  put_settings(&trainer, options);
  trainer.count = count_for_trainer;
  /* both matrices with their squares, and their sum at the end */
  const size_t per_word = options->mode == LOCI_MODE_EXACT
                              ? 4 * (options->dim + 1) * sizeof(double) + 4 * options->dim
                              : loci__glove_model_bytes(1, options->dim) + 4 * options->dim;
  run r = {.trainer = &trainer, .options = options};
  loci_status status = loci__trainer_open(&trainer, per_word, 0, false, error);
  if (status == LOCI_OK) status = run_names(&r, error);
  if (status == LOCI_OK) status = options->mode == LOCI_MODE_EXACT ? run_exact(&r, error) : run_blocked(&r, error);
  loci__free(context, r.stream);
  loci__free(context, r.scratch);
  loci__free(context, r.pairs);
  loci__free(context, r.pairs_key);
  loci__free(context, r.tiles);
  loci__trainer_close(&trainer);
  return status;
}

/* ---- co-occurrences alone ---- */

static char *with_ending(loci_context *context, const char *path, const char *ending) {
  loci__buffer name;
  loci__buffer_init(&name, context, 0);
  loci__buffer_printf(&name, "%s%s", path, ending);
  return loci__buffer_take(&name);
}

loci_status loci_cooccurrences(loci_context *context, const char *corpus, const loci_glove_options *options,
                               const char *output, loci_error *error) {
  loci_glove_options defaults;
  if (!options) {
    loci_glove_options_init(&defaults);
    options = &defaults;
  }
  context = loci__context_of(context);
  LOCI__TRY(check(options, error));
  if (!corpus || !output || !*output) return loci__fail(error, LOCI_ERROR_USAGE, "a corpus and an output are needed");
  const loci_corpus_options *o = &options->common.corpus;
  loci__splitter splitter = {.split = o->split, .fold = o->fold, .ngram = o->ngram, .max_word = o->max_word};
  loci_tokenizer *tokenizer = NULL;
  if (o->split == LOCI_SPLIT_MODEL) {
    if (!o->split_model) return loci__fail(error, LOCI_ERROR_USAGE, "splitting by a model needs a model");
    LOCI__TRY(loci_tokenizer_open(context, o->split_model, &tokenizer, error));
    splitter.tokenizer = tokenizer;
  }
  loci__meter meter;
  loci__meter_init(&meter, options->common.progress, options->common.progress_user);
  loci_vocabulary *vocabulary = NULL;
  char *stream = with_ending(context, output, ".stream"), *scratch = with_ending(context, output, ".runs");
  loci_status status = LOCI_OK;
  if (!stream || !scratch) status = loci__fail_memory(error, strlen(output), "names of files");
  if (status == LOCI_OK) {
    status = count_vocabulary(context, corpus, &options->common, tokenizer, &vocabulary, error);
  }
  if (status == LOCI_OK) {
    const counting c = {.context = context,
                        .corpus = corpus,
                        .options = options,
                        .splitter = &splitter,
                        .vocabulary = vocabulary,
                        .meter = &meter,
                        .stream = stream,
                        .scratch = scratch,
                        .pairs = output};
    status = count_pairs(&c, NULL, error);
    loci__file_unlink(context, stream);
  }
  loci_vocabulary_free(vocabulary);
  loci_tokenizer_close(tokenizer);
  loci__free(context, stream);
  loci__free(context, scratch);
  return status;
}
