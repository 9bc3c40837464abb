/* format/safetensors.c: tensors in a file, read in place and written.
 *
 * The format (huggingface/safetensors, README "Format" and the reference reader's validation):
 *
 *   8 bytes    N, unsigned little-endian: length of the header, at most 100,000,000
 *   N bytes    JSON, first byte '{', may end with spaces: name → {"dtype", "shape", "data_offsets": [begin, end]},
 *              and "__metadata__": text → text
 *   the rest   the buffer; offsets count from its start
 *
 * Checked before anything is handed out: no name twice (base/json refuses that), every product of a shape and its
 * type's size equal to end − begin, the tensors laid end to end cover the whole buffer without hole or overlap. So a
 * view can be used without looking at the file's length again. 0-d and empty tensors are legal.
 *
 * Sharded models have an index beside the shards ("weight_map": name → file). Only plain file names are followed: a
 * model folder does not reach outside itself. A tensor counts only in the shard that the map names.
 */
#include "../base/json.h"
#include "format.h"

#include <stdlib.h>

enum { MAX_HEADER = 100000000, MAX_INDEX = 100000000, MAX_SHARDS = 1024 };

typedef struct shard {
  loci__mapping mapping;
  char *path;
} shard;

struct loci__safetensors {
  loci_context *context;
  loci__arena arena;     /* names */
  loci__tensor *tensors; /* by name */
  size_t n_tensors, tensors_capacity;
  const char *(*metadata)[2];
  size_t n_metadata, metadata_capacity;
  shard *shards;
  size_t n_shards, shards_capacity;
};

typedef struct dtype_row {
  const char *name;
  loci__dtype dtype;
  unsigned bits;
} dtype_row;

static const dtype_row dtypes[] = {
    {"F32", LOCI__DTYPE_F32, 32},          {"F16", LOCI__DTYPE_F16, 16},
    {"BF16", LOCI__DTYPE_BF16, 16},        {"I8", LOCI__DTYPE_I8, 8},
    {"I64", LOCI__DTYPE_I64, 64},          {"U8", LOCI__DTYPE_U8, 8},
    {"BOOL", LOCI__DTYPE_BOOL, 8},         {"I16", LOCI__DTYPE_I16, 16},
    {"U16", LOCI__DTYPE_U16, 16},          {"I32", LOCI__DTYPE_I32, 32},
    {"U32", LOCI__DTYPE_U32, 32},          {"U64", LOCI__DTYPE_U64, 64},
    {"F64", LOCI__DTYPE_F64, 64},          {"C64", LOCI__DTYPE_C64, 64},
    {"F8_E4M3", LOCI__DTYPE_OTHER, 8},     {"F8_E5M2", LOCI__DTYPE_OTHER, 8},
    {"F8_E8M0", LOCI__DTYPE_OTHER, 8},     {"F8_E4M3FNUZ", LOCI__DTYPE_OTHER, 8},
    {"F8_E5M2FNUZ", LOCI__DTYPE_OTHER, 8}, {"F6_E2M3", LOCI__DTYPE_OTHER, 6},
    {"F6_E3M2", LOCI__DTYPE_OTHER, 6},     {"F4", LOCI__DTYPE_OTHER, 4},
};

static const dtype_row *dtype_by_name(const loci__json *value) {
  for (size_t i = 0; i < LOCI__COUNT(dtypes); i++)
    if (loci__json_is(value, dtypes[i].name)) return &dtypes[i];
  return NULL;
}

static const dtype_row *dtype_of(loci__dtype dtype) {
  if (dtype == LOCI__DTYPE_OTHER) return NULL;
  for (size_t i = 0; i < LOCI__COUNT(dtypes); i++)
    if (dtypes[i].dtype == dtype) return &dtypes[i];
  return NULL;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const loci__tensor *)a)->name, ((const loci__tensor *)b)->name);
}

static int by_offset(const void *a, const void *b) {
  const loci__tensor *x = a, *y = b;
  if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
  return x->n_bytes < y->n_bytes ? -1 : x->n_bytes > y->n_bytes; /* empty ones before the one that begins there */
}

/* ---- reading one file -------------------------------------------------------------------------- */

typedef struct header {
  loci__safetensors *file;
  const char *path;
  const unsigned char *bytes;
  size_t length; /* of the whole file */
  size_t data;   /* offset of the buffer */
  loci_error *error;
} header;

static loci_status broken(const header *h, int64_t position, const char *what, const char *tensor) {
  if (tensor != NULL)
    return loci__fail_at(h->error, LOCI_ERROR_FORMAT, position,
                         "%s: tensor '%s' %s: the file is damaged or incomplete, fetch it again", h->path, tensor,
                         what);
  return loci__fail_at(h->error, LOCI_ERROR_FORMAT, position,
                       "%s: %s: the file is damaged or not a safetensors file, fetch it again", h->path, what);
}

/* Where a JSON text stands in the file, for messages. Texts with escapes live elsewhere: then the header's start. */
static int64_t position_of(const header *h, const char *text) {
  const uintptr_t at = (uintptr_t)text, begin = (uintptr_t)h->bytes;
  return at >= begin && at < begin + h->length ? (int64_t)(at - begin) : 8;
}

static loci_status read_tensor(header *h, const loci__json *entry, loci__tensor *out) {
  loci__safetensors *file = h->file;
  if (entry->key_length > 4096 || memchr(entry->key, 0, entry->key_length) != NULL)
    return broken(h, position_of(h, entry->key), "a tensor's name holds a NUL or is longer than 4096 bytes", NULL);
  char *name = loci__arena_strndup(&file->arena, entry->key, entry->key_length);
  if (name == NULL) return loci__fail_memory(h->error, entry->key_length, "a tensor's name");
  const int64_t here = position_of(h, entry->key);
  if (entry->type != LOCI__JSON_OBJECT) return broken(h, here, "is not described by an object", name);

  const loci__json *dtype = loci__json_get(entry, "dtype"), *shape = loci__json_get(entry, "shape"),
                   *offsets = loci__json_get(entry, "data_offsets");
  if (dtype == NULL || dtype->type != LOCI__JSON_STRING) return broken(h, here, "has no dtype", name);
  const dtype_row *type = dtype_by_name(dtype);
  if (type == NULL)
    return loci__fail_at(h->error, LOCI_ERROR_UNSUPPORTED, here, "%s: tensor '%s' has the unknown type '%.*s'", h->path,
                         name, (int)(dtype->length < 40 ? dtype->length : 40), dtype->text);
  if (shape == NULL || shape->type != LOCI__JSON_ARRAY) return broken(h, here, "has no shape", name);
  if (shape->count > LOCI__MAX_RANK)
    return loci__fail_at(h->error, LOCI_ERROR_UNSUPPORTED, here, "%s: tensor '%s' has %u dimensions, loci reads %d",
                         h->path, name, (unsigned)shape->count, LOCI__MAX_RANK);
  if (offsets == NULL || offsets->type != LOCI__JSON_ARRAY || offsets->count != 2)
    return broken(h, here, "has no data_offsets [begin, end]", name);

  *out = (loci__tensor){.name = name, .dtype = type->dtype, .dtype_name = type->name, .path = h->path};
  size_t elements = 1;
  for (const loci__json *v = loci__json_first(shape); v != NULL; v = loci__json_next(shape, v)) {
    uint64_t side;
    if (!loci__json_u64(v, &side) || side > SIZE_MAX) return broken(h, here, "has a shape that is not of sizes", name);
    out->shape[out->rank++] = (size_t)side;
    if (!loci__mul(elements, (size_t)side, &elements)) return broken(h, here, "has a shape that overflows", name);
  }
  const loci__json *first = loci__json_first(offsets);
  uint64_t begin, end;
  if (!loci__json_u64(first, &begin) || !loci__json_u64(loci__json_next(offsets, first), &end))
    return broken(h, here, "has data_offsets that are not sizes", name);
  const size_t buffer = h->length - h->data;
  if (begin > end || end > buffer) return broken(h, here, "lies outside the file", name);

  size_t bits;
  if (!loci__mul(elements, type->bits, &bits)) return broken(h, here, "has a shape that overflows", name);
  if (bits % 8 != 0) return broken(h, here, "does not end at a whole byte", name);
  if (bits / 8 != (size_t)(end - begin)) return broken(h, here, "has another size than its shape and type say", name);
  out->n_elements = elements;
  out->n_bytes = bits / 8;
  out->offset = (int64_t)(h->data + (size_t)begin);
  out->data = h->bytes + h->data + (size_t)begin;
  return LOCI_OK;
}

static loci_status read_metadata(header *h, const loci__json *object) {
  loci__safetensors *file = h->file;
  if (object->type != LOCI__JSON_OBJECT)
    return broken(h, position_of(h, object->key), "__metadata__ is no object", NULL);
  for (const loci__json *v = loci__json_first(object); v != NULL; v = loci__json_next(object, v)) {
    if (v->type != LOCI__JSON_STRING)
      return broken(h, position_of(h, v->key), "__metadata__ holds something else than text", NULL);
    if (!loci__grow(file->context, &file->metadata, &file->metadata_capacity, file->n_metadata + 1,
                    sizeof *file->metadata))
      return loci__fail_memory(h->error, sizeof *file->metadata, "metadata");
    const char *key = loci__arena_strndup(&file->arena, v->key, v->key_length);
    const char *value = loci__arena_strndup(&file->arena, v->text, v->length);
    if (key == NULL || value == NULL) return loci__fail_memory(h->error, v->length, "metadata");
    file->metadata[file->n_metadata][0] = key;
    file->metadata[file->n_metadata++][1] = value;
  }
  return LOCI_OK;
}

/* Appends the tensors of one file's bytes, unsorted but checked. path lives as long as the object. */
static loci_status read_header(loci__safetensors *file, const char *path, const void *bytes, size_t length,
                               loci_error *error) {
  header h = {.file = file, .path = path, .bytes = bytes, .length = length, .error = error};
  if (length < 8) return broken(&h, 0, "shorter than its 8-byte header length", NULL);
  uint64_t n;
  memcpy(&n, h.bytes, sizeof n);
  if (n > MAX_HEADER) return broken(&h, 0, "the header is said to be longer than 100 MB", NULL);
  if (n > length - 8) return broken(&h, 0, "the header is said to be longer than the file", NULL);
  if (n == 0 || h.bytes[8] != '{') return broken(&h, 8, "the header does not begin with '{'", NULL);
  h.data = 8 + (size_t)n;

  loci__json_document json;
  loci_status status = loci__json_parse(&json, file->context, (const char *)h.bytes + 8, (size_t)n, path, error);
  if (status != LOCI_OK) {
    if (error != NULL && error->position >= 0) error->position += 8;
    return status;
  }
  const loci__json *root = &json.nodes[0];
  const size_t before = file->n_tensors;
  size_t need;
  if (root->type != LOCI__JSON_OBJECT) status = broken(&h, 8, "the header is no JSON object", NULL);
  else if (!loci__add(before, root->count, &need) ||
           (need > 0 &&
            !loci__grow(file->context, &file->tensors, &file->tensors_capacity, need, sizeof *file->tensors)))
    status = loci__fail_memory(error, root->count * sizeof *file->tensors, "the tensors' table");
  for (const loci__json *v = status == LOCI_OK ? loci__json_first(root) : NULL; v != NULL && status == LOCI_OK;
       v = loci__json_next(root, v)) {
    if (v->key_length == 12 && memcmp(v->key, "__metadata__", 12) == 0) {
      status = read_metadata(&h, v);
    } else {
      status = read_tensor(&h, v, &file->tensors[file->n_tensors]);
      if (status == LOCI_OK) file->n_tensors++;
    }
  }
  loci__json_release(&json);
  if (status != LOCI_OK) return status;

  /* End to end: each tensor begins where the one before ended, the last ends with the file. */
  const size_t count = file->n_tensors - before;
  if (count > 1) qsort(file->tensors + before, count, sizeof *file->tensors, by_offset);
  size_t at = h.data;
  for (size_t i = before; i < file->n_tensors; i++) {
    const loci__tensor *t = &file->tensors[i];
    if ((size_t)t->offset < at) return broken(&h, t->offset, "overlaps the one before it", t->name);
    if ((size_t)t->offset > at) return broken(&h, (int64_t)at, "begins behind a hole", t->name);
    at += t->n_bytes;
  }
  if (at != length) return broken(&h, (int64_t)at, "there are bytes that belong to no tensor", NULL);
  return LOCI_OK;
}

/* ---- opening ----------------------------------------------------------------------------------- */

static loci_status new_file(loci_context *context, loci__safetensors **out, loci_error *error) {
  context = loci__context_of(context);
  loci__safetensors *file = loci__alloc_zero(context, 1, sizeof *file);
  if (file == NULL) return loci__fail_memory(error, sizeof *file, "a safetensors file");
  file->context = context;
  loci__arena_init(&file->arena, context);
  *out = file;
  return LOCI_OK;
}

void loci__safetensors_close(loci__safetensors *file) {
  if (file == NULL) return;
  for (size_t i = 0; i < file->n_shards; i++) {
    if (file->shards[i].mapping.context != NULL) loci__mapping_close(&file->shards[i].mapping);
    loci__free(file->context, file->shards[i].path);
  }
  loci__free(file->context, file->shards);
  loci__free(file->context, (void *)file->metadata);
  loci__free(file->context, file->tensors);
  loci__arena_release(&file->arena);
  loci__free(file->context, file);
}

/* Takes `path`, which is freed with the object. */
static loci_status add_shard(loci__safetensors *file, char *path, bool map, loci_error *error) {
  if (!loci__grow(file->context, &file->shards, &file->shards_capacity, file->n_shards + 1, sizeof *file->shards)) {
    loci__free(file->context, path);
    return loci__fail_memory(error, sizeof *file->shards, "a shard");
  }
  shard *s = &file->shards[file->n_shards++];
  *s = (shard){.path = path};
  if (!map) return LOCI_OK;
  loci_status status = loci__mapping_open(&s->mapping, file->context, path, error);
  if (status != LOCI_OK) s->mapping.context = NULL;
  return status;
}

static loci_status finish(loci__safetensors *file, loci_status status, loci__safetensors **out, loci_error *error) {
  if (status == LOCI_OK && file->n_tensors > 1) qsort(file->tensors, file->n_tensors, sizeof *file->tensors, by_name);
  for (size_t i = 1; status == LOCI_OK && i < file->n_tensors; i++)
    if (strcmp(file->tensors[i - 1].name, file->tensors[i].name) == 0)
      status = loci__fail(error, LOCI_ERROR_FORMAT, "%s: tensor '%s' is in '%s' too", file->tensors[i].path,
                          file->tensors[i].name, file->tensors[i - 1].path);
  if (status != LOCI_OK) {
    loci__safetensors_close(file);
    return status;
  }
  *out = file;
  return LOCI_OK;
}

loci_status loci__safetensors_parse(loci_context *context, const char *name, const void *bytes, size_t length,
                                    loci__safetensors **out, loci_error *error) {
  *out = NULL;
  loci__safetensors *file = NULL;
  LOCI__TRY(new_file(context, &file, error));
  char *path = loci__strdup(file->context, name);
  loci_status status =
      path != NULL ? add_shard(file, path, false, error) : loci__fail_memory(error, strlen(name) + 1, "a name");
  if (status == LOCI_OK) status = read_header(file, file->shards[0].path, bytes, length, error);
  return finish(file, status, out, error);
}

/* Reads shard s and keeps of its tensors those that the map places there. */
static loci_status read_shard(loci__safetensors *file, size_t s, const loci__json *map, loci_error *error) {
  const size_t before = file->n_tensors;
  const shard *sh = &file->shards[s];
  LOCI__TRY(read_header(file, sh->path, sh->mapping.data, sh->mapping.length, error));
  if (file->n_tensors - before > 1)
    qsort(file->tensors + before, file->n_tensors - before, sizeof *file->tensors, by_name);
  const char *base = loci__path_base(sh->path);
  /* Mark what the map names: one pass over the map with a binary search each. */
  size_t wanted = 0;
  const size_t count = file->n_tensors - before;
  bool *keep = count > 0 ? loci__alloc_zero(file->context, count, sizeof *keep) : NULL;
  if (count > 0 && keep == NULL) return loci__fail_memory(error, count, "the shard's table");
  loci_status status = LOCI_OK;
  for (const loci__json *v = loci__json_first(map); v != NULL && status == LOCI_OK; v = loci__json_next(map, v)) {
    if (!loci__json_is(v, base)) continue;
    char *name = loci__strndup(file->context, v->key, v->key_length);
    if (name == NULL) {
      status = loci__fail_memory(error, v->key_length, "a tensor's name");
      break;
    }
    const loci__tensor key = {.name = name};
    const loci__tensor *found = count > 0 ? bsearch(&key, file->tensors + before, count, sizeof key, by_name) : NULL;
    if (found == NULL)
      status = loci__fail(error, LOCI_ERROR_FORMAT, "%s: tensor '%s' is missing, which the index places in this file",
                          sh->path, name);
    else keep[found - (file->tensors + before)] = true;
    loci__free(file->context, name);
  }
  for (size_t i = 0; i < count; i++)
    if (keep[i]) file->tensors[before + wanted++] = file->tensors[before + i];
  loci__free(file->context, keep);
  file->n_tensors = before + wanted;
  return status;
}

static loci_status open_index(loci__safetensors *file, const char *path, loci_error *error) {
  char *text = NULL;
  size_t length = 0;
  LOCI__TRY(loci__file_read(file->context, path, MAX_INDEX, &text, &length, error));
  loci__json_document json;
  loci_status status = loci__json_parse(&json, file->context, text, length, path, error);
  if (status != LOCI_OK) {
    loci__free(file->context, text);
    return status;
  }
  const loci__json *map = loci__json_get(&json.nodes[0], "weight_map");
  char *folder = loci__path_folder(file->context, path);
  if (folder == NULL) status = loci__fail_memory(error, strlen(path), "a path");
  else if (map == NULL || map->type != LOCI__JSON_OBJECT)
    status = loci__fail_at(error, LOCI_ERROR_FORMAT, 0, "%s: no object \"weight_map\"", path);
  for (const loci__json *v = status == LOCI_OK ? loci__json_first(map) : NULL; v != NULL && status == LOCI_OK;
       v = loci__json_next(map, v)) {
    const bool plain = v->type == LOCI__JSON_STRING && v->length > 0 && memchr(v->text, '/', v->length) == NULL &&
                       memchr(v->text, 0, v->length) == NULL && !loci__json_is(v, ".") && !loci__json_is(v, "..");
    char *name = plain ? loci__strndup(file->context, v->text, v->length) : NULL;
    if (name == NULL) {
      status = plain ? loci__fail_memory(error, v->length, "a shard's name")
                     : loci__fail(error, LOCI_ERROR_FORMAT,
                                  "%s: \"weight_map\" names something else than a file beside it for tensor '%.*s'",
                                  path, (int)(v->key_length < 200 ? v->key_length : 200), v->key);
      break;
    }
    size_t s = 0;
    while (s < file->n_shards && strcmp(loci__path_base(file->shards[s].path), name) != 0) s++;
    if (s == file->n_shards) {
      char *full = s < MAX_SHARDS ? loci__path_join(file->context, folder, name) : NULL;
      if (s >= MAX_SHARDS) status = loci__fail(error, LOCI_ERROR_LIMIT, "%s: more than %d shards", path, MAX_SHARDS);
      else if (full == NULL) status = loci__fail_memory(error, strlen(folder) + strlen(name) + 2, "a path");
      else status = add_shard(file, full, true, error);
    }
    loci__free(file->context, name);
  }
  for (size_t s = 0; s < file->n_shards && status == LOCI_OK; s++) status = read_shard(file, s, map, error);
  loci__free(file->context, folder);
  loci__json_release(&json);
  loci__free(file->context, text);
  return status;
}

loci_status loci__safetensors_open(loci_context *context, const char *path, loci__safetensors **out,
                                   loci_error *error) {
  *out = NULL;
  loci__safetensors *file = NULL;
  LOCI__TRY(new_file(context, &file, error));
  loci_status status;
  if (loci__ends_with(path, ".index.json")) {
    status = open_index(file, path, error);
  } else {
    char *copy = loci__strdup(file->context, path);
    status = copy != NULL ? add_shard(file, copy, true, error) : loci__fail_memory(error, strlen(path) + 1, "a path");
    if (status == LOCI_OK)
      status = read_header(file, copy, file->shards[0].mapping.data, file->shards[0].mapping.length, error);
  }
  return finish(file, status, out, error);
}

/* ---- asking ------------------------------------------------------------------------------------ */

size_t loci__safetensors_count(const loci__safetensors *file) {
  return file->n_tensors;
}

const loci__tensor *loci__safetensors_at(const loci__safetensors *file, size_t i) {
  return i < file->n_tensors ? &file->tensors[i] : NULL;
}

const loci__tensor *loci__safetensors_find(const loci__safetensors *file, const char *name) {
  if (file->n_tensors == 0) return NULL;
  const loci__tensor key = {.name = name};
  return bsearch(&key, file->tensors, file->n_tensors, sizeof key, by_name);
}

const char *loci__safetensors_metadata(const loci__safetensors *file, const char *key) {
  for (size_t i = 0; i < file->n_metadata; i++)
    if (strcmp(file->metadata[i][0], key) == 0) return file->metadata[i][1];
  return NULL;
}

size_t loci__safetensors_n_files(const loci__safetensors *file) {
  return file->n_shards;
}

const char *loci__safetensors_path(const loci__safetensors *file, size_t i, loci_file_info *info) {
  if (i >= file->n_shards) return NULL;
  if (info != NULL) *info = file->shards[i].mapping.info;
  return file->shards[i].path;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static int for_writing(const void *a, const void *b) {
  const loci__tensor_out *x = *(const loci__tensor_out *const *)a, *y = *(const loci__tensor_out *const *)b;
  const dtype_row *dx = dtype_of(x->dtype), *dy = dtype_of(y->dtype);
  if (dx->bits != dy->bits) return dx->bits > dy->bits ? -1 : 1;
  return strcmp(x->name, y->name);
}

loci_status loci__safetensors_write(loci_context *context, const char *path, const loci__tensor_out *tensors,
                                    size_t n_tensors, const char *const (*metadata)[2], size_t n_metadata,
                                    loci_error *error) {
  context = loci__context_of(context);
  for (size_t i = 0; i < n_tensors; i++)
    if (dtype_of(tensors[i].dtype) == NULL || tensors[i].rank > LOCI__MAX_RANK)
      return loci__fail(error, LOCI_ERROR_USAGE, "%s: tensor '%s' has a type or rank that is not written", path,
                        tensors[i].name);
  const loci__tensor_out **order = n_tensors > 0 ? loci__alloc_array(context, n_tensors, sizeof *order) : NULL;
  if (n_tensors > 0 && order == NULL) return loci__fail_memory(error, n_tensors * sizeof *order, "the tensors' order");
  for (size_t i = 0; i < n_tensors; i++) order[i] = &tensors[i];
  if (n_tensors > 1) qsort((void *)order, n_tensors, sizeof *order, for_writing);

  /* One pass for the header, one for the data. */
  loci_status status = LOCI_OK;
  loci__buffer header_text, out;
  loci__buffer_init(&header_text, context, MAX_HEADER);
  loci__buffer_init(&out, context, 0);
  loci__json_writer json;
  loci__json_writer_init(&json, &header_text);
  loci__json_open(&json, '{');
  if (n_metadata > 0) {
    loci__json_key(&json, "__metadata__");
    loci__json_open(&json, '{');
    for (size_t i = 0; i < n_metadata; i++) {
      loci__json_key(&json, metadata[i][0]);
      loci__json_put_text(&json, metadata[i][1]);
    }
    loci__json_close(&json, '}');
  }
  size_t at = 0;
  for (size_t i = 0; i < n_tensors && status == LOCI_OK; i++) {
    const loci__tensor_out *t = order[i];
    size_t bytes = dtype_of(t->dtype)->bits / 8;
    bool fits = true;
    loci__json_key(&json, t->name);
    loci__json_open(&json, '{');
    loci__json_key(&json, "dtype");
    loci__json_put_text(&json, dtype_of(t->dtype)->name);
    loci__json_key(&json, "shape");
    loci__json_open(&json, '[');
    for (size_t d = 0; d < t->rank; d++) {
      loci__json_put_u64(&json, t->shape[d]);
      fits = fits && loci__mul(bytes, t->shape[d], &bytes);
    }
    loci__json_close(&json, ']');
    loci__json_key(&json, "data_offsets");
    loci__json_open(&json, '[');
    loci__json_put_u64(&json, at);
    fits = fits && loci__add(at, bytes, &at);
    loci__json_put_u64(&json, at);
    loci__json_close(&json, ']');
    loci__json_close(&json, '}');
    if (!fits) status = loci__fail(error, LOCI_ERROR_LIMIT, "%s: tensor '%s' is too large", path, t->name);
  }
  loci__json_close(&json, '}');
  while (header_text.failed == LOCI_OK && header_text.length % 8 != 0) loci__buffer_putc(&header_text, ' ');
  if (status == LOCI_OK) status = loci__buffer_status(&header_text, "a safetensors header", error);
  if (status == LOCI_OK) {
    const uint64_t n = header_text.length;
    loci__buffer_append(&out, &n, sizeof n);
    loci__buffer_append(&out, header_text.data, header_text.length);
    for (size_t i = 0; i < n_tensors; i++) {
      const loci__tensor_out *t = order[i];
      size_t bytes = dtype_of(t->dtype)->bits / 8;
      for (size_t d = 0; d < t->rank; d++) bytes *= t->shape[d]; /* checked above */
      loci__buffer_append(&out, t->data, bytes);
    }
    status = loci__buffer_status(&out, "a safetensors file", error);
  }
  if (status == LOCI_OK) status = loci__file_write_atomic(context, path, out.data, out.length, error);
  loci__buffer_release(&out);
  loci__buffer_release(&header_text);
  loci__free(context, (void *)order);
  return status;
}
