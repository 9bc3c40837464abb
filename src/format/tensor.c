/* format/tensor.c: elements of a tensor as numbers.
 *
 * The bytes are little-endian and of any alignment, so every element is read by memcpy (which compilers turn into a
 * plain load). IEEE 754 binary16 and bfloat16 are widened exactly.
 */
#include "format.h"

#include <math.h>
#include <stdio.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "loci reads little-endian files in place: a big-endian machine needs a byte-swapping reader"
#endif

float loci__half_to_float(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  const uint32_t fraction = half & 0x3ffu;
  uint32_t bits;
  if (exponent == 0) {
    /* Zero or subnormal: fraction · 2^-24, exact in binary32. */
    const float magnitude = (float)fraction * 0x1p-24f;
    memcpy(&bits, &magnitude, sizeof bits);
    bits |= sign;
  } else if (exponent == 31) {
    bits = sign | 0x7f800000u | (fraction << 13);
  } else {
    bits = sign | ((exponent + 112u) << 23) | (fraction << 13);
  }
  float out;
  memcpy(&out, &bits, sizeof out);
  return out;
}

uint16_t loci__float_to_half(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint16_t sign = (uint16_t)((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | ((magnitude >> 13) & 0x1ffu));
  if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and more round to infinity */
  if (magnitude < 0x38800000u) {
    /* Below 2^-14: a whole number of 2^-24, rounded by the addition of 2^-1 whose last place is that. */
    float shifted;
    memcpy(&shifted, &magnitude, sizeof shifted);
    shifted += 0.5f;
    uint32_t rounded;
    memcpy(&rounded, &shifted, sizeof rounded);
    return (uint16_t)(sign | (rounded - 0x3f000000u));
  }
  const uint32_t odd = (magnitude >> 13) & 1u;
  return (uint16_t)(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

static float bfloat_to_float(uint16_t half) {
  const uint32_t bits = (uint32_t)half << 16;
  float out;
  memcpy(&out, &bits, sizeof out);
  return out;
}

#define CONVERT(type, expression)                                 \
  do {                                                            \
    const unsigned char *p = tensor->data + first * sizeof(type); \
    for (size_t i = 0; i < count; i++) {                          \
      type v;                                                     \
      memcpy(&v, p + i * sizeof v, sizeof v);                     \
      out[i] = (expression);                                      \
    }                                                             \
  } while (0)

loci_status loci__tensor_floats(const loci__tensor *tensor, size_t first, size_t count, float *out, loci_error *error) {
  if (first > tensor->n_elements || count > tensor->n_elements - first)
    return loci__fail(error, LOCI_ERROR_INTERNAL, "%s: elements %zu + %zu of tensor '%s' with %zu", tensor->path, first,
                      count, tensor->name, tensor->n_elements);
  if (count == 0) return LOCI_OK;
  switch (tensor->dtype) {
    case LOCI__DTYPE_F32: memcpy(out, tensor->data + first * sizeof(float), count * sizeof(float)); break;
    case LOCI__DTYPE_F16: CONVERT(uint16_t, loci__half_to_float(v)); break;
    case LOCI__DTYPE_BF16: CONVERT(uint16_t, bfloat_to_float(v)); break;
    case LOCI__DTYPE_F64: CONVERT(double, (float)v); break;
    case LOCI__DTYPE_BOOL:
    case LOCI__DTYPE_U8: CONVERT(uint8_t, (float)v); break;
    case LOCI__DTYPE_I8: CONVERT(int8_t, (float)v); break;
    case LOCI__DTYPE_I16: CONVERT(int16_t, (float)v); break;
    case LOCI__DTYPE_U16: CONVERT(uint16_t, (float)v); break;
    case LOCI__DTYPE_I32: CONVERT(int32_t, (float)v); break;
    case LOCI__DTYPE_U32: CONVERT(uint32_t, (float)v); break;
    case LOCI__DTYPE_I64: CONVERT(int64_t, (float)v); break;
    case LOCI__DTYPE_U64: CONVERT(uint64_t, (float)v); break;
    case LOCI__DTYPE_C64:
    case LOCI__DTYPE_OTHER:
      return loci__fail_at(error, LOCI_ERROR_UNSUPPORTED, tensor->offset,
                           "%s: tensor '%s' has type %s, which loci does not compute with: convert the model to F32, "
                           "F16 or BF16",
                           tensor->path, tensor->name, tensor->dtype_name);
  }
  return LOCI_OK;
}

const float *loci__tensor_view(const loci__tensor *tensor) {
  if (tensor->dtype != LOCI__DTYPE_F32 || (uintptr_t)tensor->data % _Alignof(float) != 0) return NULL;
  return (const float *)(const void *)tensor->data;
}

#define INTEGER(type)                                  \
  do {                                                 \
    type v;                                            \
    memcpy(&v, tensor->data + i * sizeof v, sizeof v); \
    *out = (int64_t)v;                                 \
    return true;                                       \
  } while (0)

bool loci__tensor_integer(const loci__tensor *tensor, size_t i, int64_t *out) {
  if (i >= tensor->n_elements) return false;
  switch (tensor->dtype) {
    case LOCI__DTYPE_BOOL:
    case LOCI__DTYPE_U8: INTEGER(uint8_t);
    case LOCI__DTYPE_I8: INTEGER(int8_t);
    case LOCI__DTYPE_I16: INTEGER(int16_t);
    case LOCI__DTYPE_U16: INTEGER(uint16_t);
    case LOCI__DTYPE_I32: INTEGER(int32_t);
    case LOCI__DTYPE_U32: INTEGER(uint32_t);
    case LOCI__DTYPE_I64: INTEGER(int64_t);
    case LOCI__DTYPE_U64: {
      uint64_t v;
      memcpy(&v, tensor->data + i * sizeof v, sizeof v);
      if (v > (uint64_t)INT64_MAX) return false;
      *out = (int64_t)v;
      return true;
    }
    case LOCI__DTYPE_F16:
    case LOCI__DTYPE_BF16:
    case LOCI__DTYPE_F32:
    case LOCI__DTYPE_F64:
    case LOCI__DTYPE_C64:
    case LOCI__DTYPE_OTHER: break;
  }
  return false;
}

void loci__tensor_shape_text(const loci__tensor *tensor, char out[160]) {
  size_t at = 0;
  out[at++] = '[';
  for (size_t i = 0; i < tensor->rank; i++) {
    const int n = snprintf(out + at, 160 - at, "%s%zu", i > 0 ? ", " : "", tensor->shape[i]);
    if (n < 0 || (size_t)n >= 160 - at - 1) break;
    at += (size_t)n;
  }
  out[at++] = ']';
  out[at] = '\0';
}
