/* vectors.c: floats on their way out. As JSON numbers (the shortest that read back as the same float), as base64 of their
 * little-endian bytes, cut, in eight bits, in one.
 *
 * Nothing that is not finite leaves: the functions that put floats say so instead.
 */
#include "server.h"

#include <math.h>
#include <pthread.h>

bool loci__put_floats(loci__buffer *out, const float *vector, size_t dim) {
  for (size_t i = 0; i < dim; i++)
    if (!isfinite(vector[i])) return false;
  enum { WIDEST = 32 };
  if (!loci__buffer_reserve(out, WIDEST * (dim + 1))) return true; /* the buffer remembers its failure */
  char *at = out->data + out->length;
  *at++ = '[';
  for (size_t i = 0; i < dim; i++) {
    if (i) *at++ = ',';
    at += loci__format_float(vector[i], at);
  }
  *at++ = ']';
  *at = 0;
  out->length = (size_t)(at - out->data);
  return true;
}

/* Two characters for every twelve bits. */
static char pairs[4096][2];
static pthread_once_t pairs_once = PTHREAD_ONCE_INIT;

static void make_pairs(void) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (unsigned i = 0; i < 4096; i++) {
    pairs[i][0] = alphabet[i >> 6];
    pairs[i][1] = alphabet[i & 63];
  }
}

static unsigned char *put_little_endian(const float *vector, size_t dim, unsigned char *out) {
  for (size_t i = 0; i < dim; i++) {
    uint32_t bits;
    memcpy(&bits, &vector[i], sizeof bits);
    for (int b = 0; b < 4; b++) *out++ = (unsigned char)(bits >> (8 * b));
  }
  return out;
}

/* `bytes`: a multiple of three, but for the last call. */
static char *encode(char *at, const unsigned char *bytes, size_t n) {
  size_t i = 0;
  for (; i + 3 <= n; i += 3) {
    const unsigned bits = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];
    memcpy(at, pairs[bits >> 12], 2);
    memcpy(at + 2, pairs[bits & 4095], 2);
    at += 4;
  }
  if (i == n) return at;
  const unsigned bits = (unsigned)bytes[i] << 16 | (i + 1 < n ? (unsigned)bytes[i + 1] << 8 : 0);
  memcpy(at, pairs[bits >> 12], 2);
  at[2] = i + 1 < n ? pairs[bits & 4095][0] : '=';
  at[3] = '=';
  return at + 4;
}

bool loci__put_base64(loci__buffer *out, const float *vector, size_t dim) {
  for (size_t i = 0; i < dim; i++)
    if (!isfinite(vector[i])) return false;
  pthread_once(&pairs_once, make_pairs);
  if (!loci__buffer_reserve(out, (4 * dim + 2) / 3 * 4 + 3)) return true;
  char *at = out->data + out->length;
  *at++ = '"';
  enum { BLOCK = 96 }; /* floats: 384 bytes, a multiple of three */
  unsigned char bytes[4 * BLOCK];
  for (size_t i = 0; i < dim; i += BLOCK) {
    const size_t n = dim - i < BLOCK ? dim - i : BLOCK;
    at = encode(at, bytes, (size_t)(put_little_endian(vector + i, n, bytes) - bytes));
  }
  *at++ = '"';
  *at = 0;
  out->length = (size_t)(at - out->data);
  return true;
}

void loci__vector_cut(float *vector, size_t dim) {
  double sum = 0;
  for (size_t i = 0; i < dim; i++) sum += (double)vector[i] * (double)vector[i];
  if (sum == 0) return;
  const double scale = 1.0 / sqrt(sum);
  for (size_t i = 0; i < dim; i++) vector[i] = (float)((double)vector[i] * scale);
}

void loci__vector_int8(const float *vector, size_t dim, int8_t *out) {
  float largest = 0;
  for (size_t i = 0; i < dim; i++)
    if (fabsf(vector[i]) > largest) largest = fabsf(vector[i]);
  const double scale = largest > 0 ? 127.0 / (double)largest : 0;
  for (size_t i = 0; i < dim; i++) out[i] = (int8_t)lrint((double)vector[i] * scale);
}

void loci__vector_bits(const float *vector, size_t dim, uint8_t *out) {
  memset(out, 0, (dim + 7) / 8);
  for (size_t i = 0; i < dim; i++)
    if (vector[i] > 0) out[i / 8] = (uint8_t)(out[i / 8] | 0x80u >> i % 8);
}
