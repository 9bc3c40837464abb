/* format/: bytes on disk. Hostile bytes in, checked views out.
 *
 * A reader checks everything before it hands out a view: sizes, offsets, products, names. What passed needs no further
 * check by its users but that of meaning (is the tensor there, has it the wanted shape). Messages name the file, the
 * byte offset (loci_error.position) and what to do next.
 *
 * Ownership: an opened file owns its mapping and every view, name and path it gave out; they die with its close.
 * Threads: an opened file is read-only and shared.
 */
#ifndef LOCI_FORMAT_FORMAT_H
#define LOCI_FORMAT_FORMAT_H

#include "../base/base.h"
#include "../base/file.h"

/* ---- tensors ---------------------------------------------------------------------------------- */

typedef enum loci__dtype {
  LOCI__DTYPE_BOOL,
  LOCI__DTYPE_U8,
  LOCI__DTYPE_I8,
  LOCI__DTYPE_I16,
  LOCI__DTYPE_U16,
  LOCI__DTYPE_F16,
  LOCI__DTYPE_BF16,
  LOCI__DTYPE_I32,
  LOCI__DTYPE_U32,
  LOCI__DTYPE_F32,
  LOCI__DTYPE_I64,
  LOCI__DTYPE_U64,
  LOCI__DTYPE_F64,
  LOCI__DTYPE_C64,
  LOCI__DTYPE_OTHER /* a known type (4, 6 and 8 bit floats) that loci checks but does not compute with */
} loci__dtype;

enum { LOCI__MAX_RANK = 8 };

typedef struct loci__tensor {
  const char *name;
  loci__dtype dtype;
  const char *dtype_name; /* as in the file: "F32" */
  size_t rank;            /* 0 = a scalar */
  size_t shape[LOCI__MAX_RANK];
  size_t n_elements, n_bytes;
  const unsigned char *data; /* in the mapping, little-endian, of any alignment */
  const char *path;          /* of the file that holds it */
  int64_t offset;            /* of data in that file */
} loci__tensor;

/* Converts elements [first, first + count) to floats (F32, F16, BF16, F64, and the integers). UNSUPPORTED for the
 * other types. The range must lie inside the tensor. */
loci_status loci__tensor_floats(const loci__tensor *tensor, size_t first, size_t count, float *out, loci_error *error);
/* The F32 data in place, or NULL when it is of another type or not aligned to 4 bytes. */
const float *loci__tensor_view(const loci__tensor *tensor);
/* Element i of an integer tensor; false for other types or a value outside int64. */
bool loci__tensor_integer(const loci__tensor *tensor, size_t i, int64_t *out);
/* "[30522, 384]": for messages. */
void loci__tensor_shape_text(const loci__tensor *tensor, char out[160]);

float loci__half_to_float(uint16_t half);
/* The nearest binary16, ties to even; beyond 65504 infinity; a NaN stays one. */
uint16_t loci__float_to_half(float value);

/* ---- safetensors (safetensors.c) --------------------------------------------------------------- */

typedef struct loci__safetensors loci__safetensors;

/* Maps one file, or, for a path that ends with ".index.json", the shards that its weight_map names (files beside it).
 * FORMAT for anything that the format's rules forbid. */
loci_status loci__safetensors_open(loci_context *context, const char *path, loci__safetensors **out, loci_error *error);
void loci__safetensors_close(loci__safetensors *file);
/* The checks of a file's bytes alone: `bytes` must outlive the object. What loci__safetensors_open does after mapping;
 * for fuzzing. */
loci_status loci__safetensors_parse(loci_context *context, const char *name, const void *bytes, size_t length,
                                    loci__safetensors **out, loci_error *error);

size_t loci__safetensors_count(const loci__safetensors *file);
const loci__tensor *loci__safetensors_at(const loci__safetensors *file, size_t i);           /* by name, byte-wise */
const loci__tensor *loci__safetensors_find(const loci__safetensors *file, const char *name); /* NULL when absent */
/* A text of __metadata__ (of the first file that has the key), or NULL. */
const char *loci__safetensors_metadata(const loci__safetensors *file, const char *key);
/* The files mapped: shards, or the one. */
size_t loci__safetensors_n_files(const loci__safetensors *file);
const char *loci__safetensors_path(const loci__safetensors *file, size_t i, loci_file_info *info);

typedef struct loci__tensor_out {
  const char *name;
  loci__dtype dtype; /* BOOL … C64 */
  size_t rank;
  size_t shape[LOCI__MAX_RANK];
  const void *data; /* product of shape elements, little-endian */
} loci__tensor_out;

/* Writes a file that the reference library opens too: widest types first, then by name; the buffer begins at a multiple
 * of 8. metadata: pairs of key and value, or NULL. Atomic (loci__file_write_atomic). */
loci_status loci__safetensors_write(loci_context *context, const char *path, const loci__tensor_out *tensors,
                                    size_t n_tensors, const char *const (*metadata)[2], size_t n_metadata,
                                    loci_error *error);

#endif
