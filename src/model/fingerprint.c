/* model/fingerprint.c: what makes the vectors of two models interchangeable.
 *
 * XXH3-128 over the parsed description in a canonical order: the shape and the rules that act on a document's vector
 * (pooling, further modules, document prompt, length policy, width), the tokenizer's rules, every used weight as float32
 * under its canonical name. So the same model has the same fingerprint from shards or one file, with gamma/beta or
 * weight/bias, from F32 or a wider type of the same values. The query's prompt and the numeric precision of computing
 * are no part of it.
 *
 * Hashing reads every weight; so the result is kept in the context's cache folder under a key made of the cheap part and
 * device, inode, size and mtime of the files behind the dear part. A file changed less than two seconds ago is not
 * cached: a second change within the clock's tick would have the same key (git's "racy" problem). An entry that is not exactly a fingerprint is ignored
 * and written anew; a cache that cannot be written is no error.
 */
#include "../text/text.h"
#include "model.h"
#include "words.h"

#include <stdio.h>
#include <time.h>

enum { BLOCK = 16384 };
static const int64_t RACY_NS = 2000000000;

static void add_float(loci__hash *hash, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  loci__hash_add_u64(hash, bits);
}

/* What was parsed at opening: cheap, always computed. */
static void add_description(const loci_model *model, loci__hash *hash) {
  loci__hash_add_text(hash, "loci model 1");
  loci__hash_add_text(hash, model->architecture);
  loci__hash_add_u64(hash, model->dim);
  loci__hash_add_u64(hash, model->max_tokens == SIZE_MAX ? UINT64_MAX : (uint64_t)model->max_tokens);
  loci__hash_add_text(hash, loci__prompts_for_role(model, LOCI_ROLE_DOCUMENT));
  if (model->kind == LOCI__MODEL_ENCODER) {
    const loci__encoder_config *c = loci__encoder_get_config(model->encoder);
    loci__hash_add_u64(hash, c->hidden_size);
    loci__hash_add_u64(hash, c->n_layers);
    loci__hash_add_u64(hash, c->n_heads);
    loci__hash_add_u64(hash, c->intermediate_size);
    loci__hash_add_u64(hash, c->vocab_size);
    loci__hash_add_u64(hash, c->max_positions);
    loci__hash_add_u64(hash, c->type_vocab_size);
    loci__hash_add_u64(hash, c->position_offset);
    add_float(hash, c->layer_norm_eps);
    loci__hash_add_u64(hash, (uint64_t)c->activation);
    loci__hash_add_u64(hash, model->pooling);
    loci__hash_add_u64(hash, model->include_prompt);
  } else {
    loci__hash_add_u64(hash, (uint64_t)(int64_t)model->table.dropped);
    if (model->vectors != NULL || strcmp(model->pooling_text, "mean") != 0)
      loci__hash_add_text(hash, model->pooling_text);
    if (model->vectors != NULL && model->vectors->subwords != NULL) {
      loci__hash_add_u64(hash, (uint64_t)model->vectors->subwords->args.min_n);
      loci__hash_add_u64(hash, (uint64_t)model->vectors->subwords->args.max_n);
    }
  }
  loci__hash_add_u64(hash, model->n_steps);
  for (size_t i = 0; i < model->n_steps; i++) {
    const loci__step *s = &model->steps[i];
    loci__hash_add_u64(hash, (uint64_t)s->kind);
    loci__hash_add_u64(hash, s->in);
    loci__hash_add_u64(hash, s->out);
    loci__hash_add_u64(hash, s->kind == LOCI__STEP_DENSE ? (uint64_t)s->activation : 0);
  }
}

static loci_status add_tensors(const loci_model *model, loci__hash *hash, loci_error *error) {
  float *block = loci__alloc_array(model->context, BLOCK, sizeof *block);
  if (block == NULL) return loci__fail_memory(error, BLOCK * sizeof *block, "a block of weights");
  loci_status status = LOCI_OK;
  for (size_t i = 0; i < model->n_used && status == LOCI_OK; i++) {
    const loci__tensor *t = model->used[i].tensor;
    loci__hash_add_text(hash, model->used[i].name);
    loci__hash_add_u64(hash, t->rank);
    for (size_t d = 0; d < t->rank; d++) loci__hash_add_u64(hash, t->shape[d]);
    if (t->dtype == LOCI__DTYPE_F32) {
      loci__hash_add(hash, t->data, t->n_bytes);
      continue;
    }
    for (size_t at = 0; at < t->n_elements && status == LOCI_OK; at += BLOCK) {
      const size_t n = t->n_elements - at < BLOCK ? t->n_elements - at : BLOCK;
      status = loci__tensor_floats(t, at, n, block, error);
      loci__hash_add(hash, block, n * sizeof *block);
    }
  }
  loci__free(model->context, block);
  return status;
}

/* ---- the cache ---------------------------------------------------------------------------------- */

static void add_info(loci__hash *hash, const loci_file_info *info, int64_t *newest) {
  if (info->mtime_ns > *newest) *newest = info->mtime_ns;
  loci__hash_add_u64(hash, info->device);
  loci__hash_add_u64(hash, info->inode);
  loci__hash_add_u64(hash, (uint64_t)info->size);
  loci__hash_add_u64(hash, (uint64_t)info->mtime_ns);
}

static void add_files(loci__hash *hash, const loci__safetensors *file, int64_t *newest) {
  loci_file_info info;
  for (size_t i = 0; i < loci__safetensors_n_files(file); i++) {
    (void)loci__safetensors_path(file, i, &info);
    add_info(hash, &info, newest);
  }
}

static int64_t wall_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The entry's path, or NULL: no cache. */
static char *cache_path(const loci_model *model) {
  const char *folder = loci__context_options(model->context)->cache;
  if (folder == NULL || folder[0] == '\0') return NULL;
  loci__hash *hash = loci__hash_new(model->context);
  if (hash == NULL) return NULL;
  int64_t newest = INT64_MIN;
  loci__hash_add_text(hash, "loci fingerprint cache 1");
  add_description(model, hash);
  for (size_t i = 0; i < LOCI__COUNT(model->tokenizer_files); i++) add_info(hash, &model->tokenizer_files[i], &newest);
  if (model->weights != NULL) add_files(hash, model->weights, &newest);
  for (size_t i = 0; i < model->n_steps; i++)
    if (model->steps[i].file != NULL) add_files(hash, model->steps[i].file, &newest);
  char hex[33], name[64];
  loci__hash_hex(hash, hex);
  loci__hash_free(model->context, hash);
  if (newest > wall_clock() - RACY_NS) return NULL;
  snprintf(name, sizeof name, "fingerprints/%s", hex);
  return loci__path_join(model->context, folder, name);
}

static bool cache_read(const loci_model *model, const char *path, char out[33]) {
  char *text = NULL;
  size_t length = 0;
  bool good = false;
  if (path != NULL && loci__file_exists(model->context, path) &&
      loci__file_read(model->context, path, 4096, &text, &length, NULL) == LOCI_OK)
    good = length == 33 && text[32] == '\n' && strspn(text, "0123456789abcdef") == 32;
  if (good) {
    memcpy(out, text, 32);
    out[32] = '\0';
  }
  loci__free(model->context, text);
  return good;
}

static void cache_write(const loci_model *model, const char *path, const char fingerprint[33]) {
  if (path == NULL) return;
  char text[34];
  loci_error why = {0};
  snprintf(text, sizeof text, "%s\n", fingerprint);
  char *folder = loci__path_folder(model->context, path);
  loci_status status = folder != NULL ? loci__file_make_folders(model->context, folder, &why) : LOCI_ERROR_MEMORY;
  if (status == LOCI_OK) status = loci__file_write_atomic(model->context, path, text, 33, &why);
  if (status != LOCI_OK)
    loci__log(model->context, LOCI_LOG_INFO, "the model's fingerprint is not cached: %s", why.message);
  loci__free(model->context, folder);
}

/* ---- asking ------------------------------------------------------------------------------------ */

static loci_status compute(const loci_model *model, char out[33], loci_error *error) {
  loci__hash *hash = loci__hash_new(model->context);
  if (hash == NULL) return loci__fail_memory(error, 1024, "a hash");
  add_description(model, hash);
  loci__tokenizer_fingerprint(model->tokenizer, hash);
  const loci_status status = add_tensors(model, hash, error);
  if (status == LOCI_OK) loci__hash_hex(hash, out);
  loci__hash_free(model->context, hash);
  return status;
}

loci_status loci_model_fingerprint(loci_model *model, char out[33], loci_error *error) {
  loci_status status = LOCI_OK;
  pthread_mutex_lock(&model->lock);
  if (!atomic_load(&model->has_fingerprint)) {
    char *path = cache_path(model);
    if (!cache_read(model, path, model->fingerprint)) {
      status = compute(model, model->fingerprint, error);
      if (status == LOCI_OK) cache_write(model, path, model->fingerprint);
    }
    loci__free(model->context, path);
    if (status == LOCI_OK) atomic_store(&model->has_fingerprint, true);
  }
  if (status == LOCI_OK) memcpy(out, model->fingerprint, 33);
  pthread_mutex_unlock(&model->lock);
  return status;
}
