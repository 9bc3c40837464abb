/* model/static_write.c: a static model as a folder that model2vec, and loci, open.
 *
 * config.json is what makes model2vec take the folder for its own; modules.json what sentence-transformers looks for.
 * max_length is written as null: a text is never cut without its reader's wish. tokenizer.json is the caller's (a teacher's,
 * as a rule) without its baked truncation and padding, which a loader that knows no max_seq_length would obey.
 */
#include "model.h"

#include <stdio.h>

/* Writes a JSON value as it was read. Numbers keep their value: whole ones as such, others as shortest doubles. */
static loci_status copy_value(loci_context *context, loci__json_writer *w, const loci__json *v, loci_error *error) {
  uint64_t u;
  double d;
  switch (v->type) {
    case LOCI__JSON_NULL: loci__json_put_null(w); break;
    case LOCI__JSON_FALSE: loci__json_put_bool(w, false); break;
    case LOCI__JSON_TRUE: loci__json_put_bool(w, true); break;
    case LOCI__JSON_NUMBER:
      if (loci__json_u64(v, &u)) loci__json_put_u64(w, u);
      else if (loci__json_double(v, &d)) loci__json_put_double(w, d);
      else return loci__fail(error, LOCI_ERROR_FORMAT, "tokenizer.json: a number that is none");
      break;
    case LOCI__JSON_STRING: loci__json_put_textn(w, v->text, v->length); break;
    case LOCI__JSON_ARRAY:
      loci__json_open(w, '[');
      for (const loci__json *c = loci__json_first(v); c != NULL; c = loci__json_next(v, c))
        LOCI__TRY(copy_value(context, w, c, error));
      loci__json_close(w, ']');
      break;
    case LOCI__JSON_OBJECT:
      loci__json_open(w, '{');
      for (const loci__json *c = loci__json_first(v); c != NULL; c = loci__json_next(v, c)) {
        char *key = loci__strndup(context, c->key, c->key_length);
        if (key == NULL) return loci__fail_memory(error, c->key_length, "a key");
        loci__json_key(w, key);
        loci__free(context, key);
        LOCI__TRY(copy_value(context, w, c, error));
      }
      loci__json_close(w, '}');
      break;
  }
  return LOCI_OK;
}

static loci_status copy_tokenizer(loci_context *context, const loci__static_out *model, loci__buffer *out,
                                  loci_error *error) {
  loci__json_document json;
  LOCI__TRY(loci__json_parse(&json, context, model->tokenizer_json, model->tokenizer_length, "tokenizer.json", error));
  const loci__json *root = &json.nodes[0];
  loci_status status = LOCI_OK;
  loci__json_writer w;
  loci__json_writer_init(&w, out);
  if (root->type != LOCI__JSON_OBJECT)
    status = loci__fail_at(error, LOCI_ERROR_FORMAT, 0, "tokenizer.json: an object is expected");
  loci__json_open(&w, '{');
  for (const loci__json *v = status == LOCI_OK ? loci__json_first(root) : NULL; v != NULL && status == LOCI_OK;
       v = loci__json_next(root, v)) {
    char *key = loci__strndup(context, v->key, v->key_length);
    if (key == NULL) {
      status = loci__fail_memory(error, v->key_length, "a key");
      break;
    }
    loci__json_key(&w, key);
    if (strcmp(key, "truncation") == 0 || strcmp(key, "padding") == 0) loci__json_put_null(&w);
    else status = copy_value(context, &w, v, error);
    loci__free(context, key);
  }
  loci__json_close(&w, '}');
  loci__json_release(&json);
  return status == LOCI_OK ? loci__buffer_status(out, "tokenizer.json", error) : status;
}

static loci_status write_file(loci_context *context, const char *folder, const char *name, const void *data,
                              size_t length, loci_error *error) {
  char *path = loci__path_join(context, folder, name);
  if (path == NULL) return loci__fail_memory(error, strlen(folder) + strlen(name) + 2, "a path");
  const loci_status status = loci__file_write_atomic(context, path, data, length, error);
  loci__free(context, path);
  return status;
}

static loci_status write_config(loci_context *context, const char *folder, const loci__static_out *model,
                                loci_error *error) {
  loci__buffer out;
  loci__buffer_init(&out, context, 0);
  loci__json_writer w;
  loci__json_writer_init(&w, &out);
  loci__json_open(&w, '{');
  loci__json_key(&w, "normalize");
  loci__json_put_bool(&w, model->normalize);
  loci__json_key(&w, "max_length");
  loci__json_put_null(&w);
  loci__json_key(&w, "embedding_dtype");
  loci__json_put_text(&w, model->codes != NULL ? "int8" : model->halves != NULL ? "float16" : "float32");
  if (model->mapping != NULL) {
    loci__json_key(&w, "vocabulary_quantization");
    loci__json_put_u64(&w, model->n_rows);
  }
  loci__json_close(&w, '}');
  loci__buffer_putc(&out, '\n');
  loci_status status = loci__buffer_status(&out, "config.json", error);
  if (status == LOCI_OK) status = write_file(context, folder, "config.json", out.data, out.length, error);
  loci__buffer_release(&out);
  return status;
}

static loci_status write_weights(loci_context *context, const char *folder, const loci__static_out *model,
                                 loci_error *error) {
  const size_t n_tokens = model->n_tokens > 0 ? model->n_tokens : model->n_rows;
  loci__tensor_out tensors[4];
  const bool codes = model->codes != NULL, halves = model->halves != NULL;
  size_t n = 0;
  tensors[n++] = (loci__tensor_out){.name = "embeddings",
                                    .dtype = codes    ? LOCI__DTYPE_I8
                                             : halves ? LOCI__DTYPE_F16
                                                      : LOCI__DTYPE_F32,
                                    .rank = 2,
                                    .shape = {model->n_rows, model->dim},
                                    .data = codes    ? (const void *)model->codes
                                            : halves ? (const void *)model->halves
                                                     : (const void *)model->rows};
  if (model->weights != NULL)
    tensors[n++] = (loci__tensor_out){
        .name = "weights", .dtype = LOCI__DTYPE_F32, .rank = 1, .shape = {n_tokens}, .data = model->weights};
  if (model->counts != NULL)
    tensors[n++] = (loci__tensor_out){
        .name = "counts", .dtype = LOCI__DTYPE_I64, .rank = 1, .shape = {n_tokens}, .data = model->counts};
  int64_t *wide = NULL;
  if (model->mapping != NULL) {
    wide = loci__alloc_array(context, n_tokens, sizeof *wide);
    if (wide == NULL) return loci__fail_memory(error, n_tokens * sizeof *wide, "the mapping");
    for (size_t i = 0; i < n_tokens; i++) wide[i] = model->mapping[i];
    tensors[n++] =
        (loci__tensor_out){.name = "mapping", .dtype = LOCI__DTYPE_I64, .rank = 1, .shape = {n_tokens}, .data = wide};
  }
  char *path = loci__path_join(context, folder, "model.safetensors");
  loci_status status = path != NULL ? loci__safetensors_write(context, path, tensors, n, NULL, 0, error)
                                    : loci__fail_memory(error, strlen(folder) + 32, "a path");
  loci__free(context, path);
  loci__free(context, wide);
  return status;
}

loci_status loci__static_write(loci_context *context, const char *folder, const loci__static_out *model,
                               loci_error *error) {
  static const char modules[] =
      "[\n  {\"idx\": 0, \"name\": \"0\", \"path\": \".\", \"type\": \"sentence_transformers.models.StaticEmbedding\"}";
  static const char normalize[] =
      ",\n  {\"idx\": 1, \"name\": \"1\", \"path\": \"1_Normalize\", \"type\": "
      "\"sentence_transformers.models.Normalize\"}";
  context = loci__context_of(context);
  if (model->n_rows == 0 || model->dim == 0 ||
      (model->codes != NULL) + (model->rows != NULL) + (model->halves != NULL) != 1)
    return loci__fail(error, LOCI_ERROR_USAGE, "a static model has rows of codes or of floats");
  loci__buffer text;
  loci__buffer_init(&text, context, 0);
  loci_status status = copy_tokenizer(context, model, &text, error);
  if (status == LOCI_OK) status = loci__file_make_folders(context, folder, error);
  if (status == LOCI_OK) status = write_file(context, folder, "tokenizer.json", text.data, text.length, error);
  if (status == LOCI_OK) status = write_config(context, folder, model, error);
  if (status == LOCI_OK) {
    loci__buffer_clear(&text);
    loci__buffer_puts(&text, modules);
    if (model->normalize) loci__buffer_puts(&text, normalize);
    loci__buffer_puts(&text, "\n]\n");
    status = loci__buffer_status(&text, "modules.json", error);
  }
  if (status == LOCI_OK) status = write_file(context, folder, "modules.json", text.data, text.length, error);
  if (status == LOCI_OK && model->more_json != NULL)
    status = write_file(context, folder, "loci.json", model->more_json, strlen(model->more_json), error);
  if (status == LOCI_OK && model->card != NULL)
    status = write_file(context, folder, "README.md", model->card, strlen(model->card), error);
  if (status == LOCI_OK) status = write_weights(context, folder, model, error);
  loci__buffer_release(&text);
  return status;
}
