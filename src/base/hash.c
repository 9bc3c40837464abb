/* base/hash.c: XXH3 (https://github.com/Cyan4973/xxHash, specification in its doc/), header-only, so that no library
 * is loaded at start. Hashes name content; they keep no secrets. */
#include "base.h"

#define XXH_INLINE_ALL
#define XXH_NO_STDLIB_H_FREE
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <xxhash.h>
#pragma GCC diagnostic pop

struct loci__hash {
  XXH3_state_t state; /* wants 64-byte alignment */
};

loci__hash *loci__hash_new(loci_context *context) {
  loci__hash *hash = loci__alloc_aligned(context, sizeof *hash);
  if (hash != NULL) {
    XXH3_INITSTATE(&hash->state);
    XXH3_128bits_reset(&hash->state);
  }
  return hash;
}

void loci__hash_free(loci_context *context, loci__hash *hash) {
  loci__free_aligned(context, hash);
}

void loci__hash_add(loci__hash *hash, const void *data, size_t length) {
  if (length > 0) XXH3_128bits_update(&hash->state, data, length);
}

void loci__hash_add_u64(loci__hash *hash, uint64_t value) {
  unsigned char bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(value >> 8 * i);
  XXH3_128bits_update(&hash->state, bytes, sizeof bytes);
}

void loci__hash_add_text(loci__hash *hash, const char *text) {
  size_t length = strlen(text);
  loci__hash_add_u64(hash, length);
  loci__hash_add(hash, text, length);
}

static void hex_of(XXH128_hash_t hash, char out[33]) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  for (int i = 0; i < 16; i++) {
    out[2 * i] = "0123456789abcdef"[bytes.digest[i] >> 4];
    out[2 * i + 1] = "0123456789abcdef"[bytes.digest[i] & 15];
  }
  out[32] = '\0';
}

void loci__hash_hex(const loci__hash *hash, char out[33]) {
  hex_of(XXH3_128bits_digest(&hash->state), out);
}

void loci__hash_once(const void *data, size_t length, char out[33]) {
  hex_of(XXH3_128bits(data, length), out);
}

uint64_t loci__hash64(const void *data, size_t length, uint64_t seed) {
  return XXH3_64bits_withSeed(data, length, seed);
}
