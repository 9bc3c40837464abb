/* text/vocab.h: the pieces of a WordPiece vocabulary.
 *
 * Two sets of keys: pieces that begin a word and pieces that continue one (stored without the "##"). A key of up to 15
 * bytes is held in two 64-bit words, the length in the top byte, so that a lookup is a multiplication, one cache line
 * and two comparisons; longer ones are looked up by hash and compared with the stored piece.
 *
 * Life: init, add every piece once, finish, then read-only.
 */
#ifndef LOCI_TEXT_VOCAB_H
#define LOCI_TEXT_VOCAB_H

#include "../base/base.h"

enum { LOCI__KEY_BYTES = 15, LOCI__KEY_PAD = 16 };

typedef struct loci__key {
  uint64_t low, high; /* high 0 = an empty slot: a key has ≥ 1 byte, so its length is not 0 */
} loci__key;

typedef struct loci__pieces {
  loci__key *keys; /* open addressing, linear */
  int32_t *ids;
  size_t mask, n;
  int32_t *long_ids; /* the same for longer pieces; −1 = empty */
  size_t long_mask, n_long;
  size_t skip;       /* bytes of prefix in the stored pieces */
  uint64_t *lengths; /* by the first three bytes: bit n = there may be a piece of n bytes (63: or more) */
  unsigned lengths_shift;
  uint64_t seed;
  size_t max_bytes;
} loci__pieces;

typedef struct loci__vocab {
  loci_context *context;
  char *text; /* the pieces one behind the other, each NUL-terminated */
  size_t text_length, text_capacity;
  uint64_t *at;              /* by id: where it stands in text; UINT64_MAX = none. The length in the upper 24 bits */
  size_t n_ids, at_capacity; /* greatest id + 1 */
  size_t n_pieces;
  size_t n_keys[2], n_long[2]; /* that begin, that continue a word; those longer than a key */
  char *prefix;
  size_t prefix_length;
  loci__pieces first, next;
} loci__vocab;

/* {0} is releasable. */
void loci__vocab_release(loci__vocab *vocab);
/* prefix: what continuing pieces begin with ("##"), may be "". Room for n pieces of `bytes` in all. */
loci_status loci__vocab_init(loci__vocab *vocab, loci_context *context, const char *prefix, size_t prefix_length,
                             size_t n, size_t bytes, loci_error *error);
/* `piece` is UTF-8 (checked before) and copied. An id given twice: FORMAT. */
loci_status loci__vocab_add(loci__vocab *vocab, const char *piece, size_t length, int32_t id, loci_error *error);
/* Builds the tables. Of two equal pieces the later id counts (`repeated` allowed), else FORMAT. */
loci_status loci__vocab_finish(loci__vocab *vocab, bool repeated, loci_error *error);

static inline const char *loci__vocab_piece(const loci__vocab *vocab, size_t id, size_t *length) {
  if (id >= vocab->n_ids || vocab->at[id] == UINT64_MAX) return NULL;
  if (length != NULL) *length = (size_t)(vocab->at[id] >> 40);
  return vocab->text + (vocab->at[id] & 0xFFFFFFFFFFu);
}

/* The id of a whole piece, its prefix included, or −1. */
int32_t loci__vocab_id(const loci__vocab *vocab, const char *piece, size_t length);

/* ---- lookup; word + n must be readable for LOCI__KEY_PAD bytes from any start that is asked for ---- */

static inline uint64_t loci__key_hash(loci__key key, uint64_t seed) {
  unsigned __int128 product = (unsigned __int128)(key.low ^ seed) * (key.high ^ 0x9E3779B97F4A7C15u);
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline int32_t loci__pieces_find_key(const loci__pieces *pieces, loci__key key) {
  for (size_t slot = (size_t)loci__key_hash(key, pieces->seed) & pieces->mask;; slot = (slot + 1) & pieces->mask) {
    loci__key there = pieces->keys[slot];
    if (there.low == key.low && there.high == key.high) return pieces->ids[slot];
    if (there.high == 0) return -1;
  }
}

extern const uint64_t loci__key_masks[16][2];

/* 1 ≤ length ≤ LOCI__KEY_BYTES. */
static inline loci__key loci__key_of(const unsigned char *bytes, size_t length) {
  loci__key key;
  memcpy(&key.low, bytes, 8);
  memcpy(&key.high, bytes + 8, 8);
  key.low &= loci__key_masks[length][0];
  key.high = (key.high & loci__key_masks[length][1]) | (uint64_t)length << 56;
  return key;
}

/* Any length ≥ 1. */
int32_t loci__pieces_find_long(const loci__vocab *vocab, const loci__pieces *pieces, const unsigned char *bytes,
                               size_t length);

static inline int32_t loci__pieces_find(const loci__vocab *vocab, const loci__pieces *pieces,
                                        const unsigned char *bytes, size_t length) {
  return length <= LOCI__KEY_BYTES ? loci__pieces_find_key(pieces, loci__key_of(bytes, length))
                                   : loci__pieces_find_long(vocab, pieces, bytes, length);
}

/* The longest piece that begins bytes[0..length), at least 1 byte long: its id and *used, or −1. */
int32_t loci__pieces_longest(const loci__vocab *vocab, const loci__pieces *pieces, const unsigned char *bytes,
                             size_t length, size_t *used);

#endif
