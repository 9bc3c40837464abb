/* text/vocab.c: building and searching the tables of a WordPiece vocabulary.
 *
 * WordPiece takes, again and again, the longest piece that begins the rest of a word. Instead of walking a trie byte by
 * byte (a chain of dependent loads) the lengths that pieces with the same first three bytes have are kept as a bit set
 * and tried from the longest: usually two or three probes of a hash table. The sets are hashed and may hold lengths of
 * other beginnings: that costs a probe and never a wrong answer.
 *
 * The tables are as linear as their hashes are good. A file could be made so that its keys collide; building notices
 * long probe sequences, tries other seeds, and refuses the vocabulary when none helps.
 */
#include "vocab.h"

enum {
  MAX_ID = 1 << 22,    /* greatest id + 1: the largest vocabularies in use have half a million pieces */
  MAX_PIECE = 1 << 16, /* bytes */
  MAX_PROBES = 128,    /* measured on 30,522 pieces at a load of at most 1/2: 12 */
  LONG_LENGTH = 63     /* the last bit of a set of lengths: 63 bytes or more */
};

const uint64_t loci__key_masks[16][2] = {
    {0, 0},
    {0xFF, 0},
    {0xFFFF, 0},
    {0xFFFFFF, 0},
    {0xFFFFFFFF, 0},
    {0xFFFFFFFFFF, 0},
    {0xFFFFFFFFFFFF, 0},
    {0xFFFFFFFFFFFFFF, 0},
    {UINT64_MAX, 0},
    {UINT64_MAX, 0xFF},
    {UINT64_MAX, 0xFFFF},
    {UINT64_MAX, 0xFFFFFF},
    {UINT64_MAX, 0xFFFFFFFF},
    {UINT64_MAX, 0xFFFFFFFFFF},
    {UINT64_MAX, 0xFFFFFFFFFFFF},
    {UINT64_MAX, 0xFFFFFFFFFFFFFF},
};

static const uint64_t seeds[] = {0xA0761D6478BD642F, 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3};

/* ---- building -------------------------------------------------------------------------------- */

static void pieces_release(loci_context *context, loci__pieces *pieces) {
  loci__free(context, pieces->keys);
  loci__free(context, pieces->ids);
  loci__free(context, pieces->long_ids);
  loci__free(context, pieces->lengths);
  *pieces = (loci__pieces){0};
}

void loci__vocab_release(loci__vocab *vocab) {
  loci__free(vocab->context, vocab->text);
  loci__free(vocab->context, vocab->at);
  loci__free(vocab->context, vocab->prefix);
  pieces_release(vocab->context, &vocab->first);
  pieces_release(vocab->context, &vocab->next);
  *vocab = (loci__vocab){0};
}

loci_status loci__vocab_init(loci__vocab *vocab, loci_context *context, const char *prefix, size_t prefix_length,
                             size_t n, size_t bytes, loci_error *error) {
  *vocab = (loci__vocab){.context = context, .prefix_length = prefix_length};
  vocab->prefix = loci__strndup(context, prefix, prefix_length);
  size_t need;
  if (vocab->prefix == NULL || !loci__add(n, bytes, &need) || need >= (size_t)1 << 40 ||
      !loci__grow(context, &vocab->text, &vocab->text_capacity, need + LOCI__KEY_PAD, 1) ||
      !loci__grow(context, &vocab->at, &vocab->at_capacity, n + 1, sizeof(*vocab->at))) {
    loci__vocab_release(vocab);
    return loci__fail_memory(error, bytes, "the vocabulary");
  }
  return LOCI_OK;
}

static bool is_next(const loci__vocab *vocab, const char *piece, size_t length) {
  return length > vocab->prefix_length && memcmp(piece, vocab->prefix, vocab->prefix_length) == 0;
}

loci_status loci__vocab_add(loci__vocab *vocab, const char *piece, size_t length, int32_t id, loci_error *error) {
  if (id < 0 || id >= MAX_ID)
    return loci__fail(error, LOCI_ERROR_LIMIT, "token id %ld is outside of 0…%d", (long)id, MAX_ID - 1);
  if (length > MAX_PIECE)
    return loci__fail(error, LOCI_ERROR_LIMIT, "the piece of id %ld has %zu bytes, more than %d", (long)id, length,
                      MAX_PIECE);
  size_t i = (size_t)id;
  if (!loci__grow(vocab->context, &vocab->at, &vocab->at_capacity, i + 1, sizeof(*vocab->at)))
    return loci__fail_memory(error, (i + 1) * sizeof(*vocab->at), "the vocabulary");
  while (vocab->n_ids <= i) vocab->at[vocab->n_ids++] = UINT64_MAX;
  if (vocab->at[i] != UINT64_MAX) return loci__fail(error, LOCI_ERROR_FORMAT, "two pieces have the id %ld", (long)id);
  size_t need = vocab->text_length + length + 1 + LOCI__KEY_PAD;
  if (need >= (size_t)1 << 40 || !loci__grow(vocab->context, &vocab->text, &vocab->text_capacity, need, 1))
    return loci__fail_memory(error, need, "the vocabulary");
  memcpy(vocab->text + vocab->text_length, piece, length);
  vocab->text[vocab->text_length + length] = '\0';
  vocab->at[i] = (uint64_t)length << 40 | vocab->text_length;
  bool next = is_next(vocab, piece, length);
  vocab->n_keys[next]++;
  vocab->n_long[next] += length > LOCI__KEY_BYTES;
  vocab->text_length += length + 1;
  vocab->n_pieces++;
  return LOCI_OK;
}

static size_t power_of_two(size_t at_least) {
  size_t n = 16;
  while (n < at_least) n *= 2;
  return n;
}

/* The set of lengths of the pieces that begin with these three bytes. */
static size_t lengths_slot(const loci__pieces *pieces, const unsigned char *bytes) {
  uint32_t three = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
  return three * 0x9E3779B1u >> pieces->lengths_shift;
}

static bool pieces_allocate(loci_context *context, loci__pieces *pieces, size_t n, size_t n_long) {
  size_t slots = power_of_two(n * 2), long_slots = power_of_two(n_long * 2);
  size_t sets = power_of_two(n);
  if (sets > 65536) sets = 65536;
  pieces->mask = slots - 1;
  pieces->long_mask = long_slots - 1;
  pieces->lengths_shift = 32;
  for (size_t i = sets; i > 1; i /= 2) pieces->lengths_shift--;
  pieces->keys = loci__alloc_zero(context, slots, sizeof(*pieces->keys));
  pieces->ids = loci__alloc_array(context, slots, sizeof(*pieces->ids));
  pieces->long_ids = loci__alloc_array(context, long_slots, sizeof(*pieces->long_ids));
  pieces->lengths = loci__alloc_zero(context, sets, sizeof(*pieces->lengths));
  return pieces->keys != NULL && pieces->ids != NULL && pieces->long_ids != NULL && pieces->lengths != NULL;
}

/* Adds one piece (in the vocabulary's text, which is padded); *old = the id of an equal one whose place it took, or −1. False after too many probes. */
static bool pieces_insert(const loci__vocab *vocab, loci__pieces *pieces, const char *piece, size_t length, int32_t id,
                          int32_t *old) {
  size_t probes = 0;
  const unsigned char *bytes = (const unsigned char *)piece;
  *old = -1;
  if (length > pieces->max_bytes) pieces->max_bytes = length;
  if (length >= 3)
    pieces->lengths[lengths_slot(pieces, bytes)] |= UINT64_C(1) << (length < LONG_LENGTH ? length : LONG_LENGTH);
  if (length <= LOCI__KEY_BYTES) {
    loci__key key = loci__key_of(bytes, length);
    for (size_t slot = (size_t)loci__key_hash(key, pieces->seed) & pieces->mask;; slot = (slot + 1) & pieces->mask) {
      loci__key there = pieces->keys[slot];
      bool same = there.low == key.low && there.high == key.high;
      if (there.high != 0 && !same) {
        if (++probes > MAX_PROBES) return false;
        continue;
      }
      if (same) *old = pieces->ids[slot];
      pieces->keys[slot] = key;
      pieces->ids[slot] = id;
      return true;
    }
  }
  for (size_t slot = (size_t)loci__hash64(bytes, length, pieces->seed) & pieces->long_mask;;
       slot = (slot + 1) & pieces->long_mask) {
    int32_t there = pieces->long_ids[slot];
    if (there >= 0) {
      size_t there_length = 0;
      const char *text = loci__vocab_piece(vocab, (size_t)there, &there_length) + pieces->skip;
      if (there_length - pieces->skip != length || memcmp(text, bytes, length) != 0) {
        if (++probes > MAX_PROBES) return false;
        continue;
      }
      *old = there;
    }
    pieces->long_ids[slot] = id;
    return true;
  }
}

static loci_status build(loci__vocab *vocab, uint64_t seed, bool repeated, bool *crowded, loci_error *error) {
  pieces_release(vocab->context, &vocab->first);
  pieces_release(vocab->context, &vocab->next);
  /* With an empty prefix every piece can both begin and continue. */
  bool both = vocab->prefix_length == 0;
  const size_t *n = vocab->n_keys, *n_long = vocab->n_long;
  vocab->first.seed = vocab->next.seed = seed;
  vocab->next.skip = vocab->prefix_length;
  if (!pieces_allocate(vocab->context, &vocab->first, n[both], n_long[both]) ||
      !pieces_allocate(vocab->context, &vocab->next, n[1], n_long[1]))
    return loci__fail_memory(error, (n[0] + n[1]) * 2 * sizeof(loci__key), "the vocabulary's tables");
  memset(vocab->first.long_ids, 0xFF, (vocab->first.long_mask + 1) * sizeof(int32_t));
  memset(vocab->next.long_ids, 0xFF, (vocab->next.long_mask + 1) * sizeof(int32_t));
  *crowded = false;
  for (size_t id = 0; id < vocab->n_ids; id++) {
    size_t length;
    const char *piece = loci__vocab_piece(vocab, id, &length);
    if (piece == NULL || length == 0) continue;
    bool next = is_next(vocab, piece, length);
    int32_t old = -1;
    if ((next && !pieces_insert(vocab, &vocab->next, piece + vocab->prefix_length, length - vocab->prefix_length,
                                (int32_t)id, &old)) ||
        ((!next || both) && !pieces_insert(vocab, &vocab->first, piece, length, (int32_t)id, &old))) {
      *crowded = true;
      return LOCI_OK;
    }
    if (old >= 0) {
      if (!repeated)
        return loci__fail(error, LOCI_ERROR_FORMAT, "the ids %ld and %zu have the same piece", (long)old, id);
      vocab->at[old] = UINT64_MAX;
      vocab->n_pieces--;
    }
  }
  return LOCI_OK;
}

loci_status loci__vocab_finish(loci__vocab *vocab, bool repeated, loci_error *error) {
  for (size_t i = 0; i < LOCI__COUNT(seeds); i++) {
    bool crowded;
    LOCI__TRY(build(vocab, seeds[i], repeated, &crowded, error));
    if (!crowded) return LOCI_OK;
  }
  return loci__fail(error, LOCI_ERROR_LIMIT, "the vocabulary's pieces collide: it seems made to be slow");
}

/* ---- looking up ------------------------------------------------------------------------------ */

int32_t loci__pieces_find_long(const loci__vocab *vocab, const loci__pieces *pieces, const unsigned char *bytes,
                               size_t length) {
  if (length > pieces->max_bytes) return -1;
  for (size_t slot = (size_t)loci__hash64(bytes, length, pieces->seed) & pieces->long_mask;;
       slot = (slot + 1) & pieces->long_mask) {
    int32_t there = pieces->long_ids[slot];
    if (there < 0) return -1;
    size_t there_length = 0;
    const char *text = loci__vocab_piece(vocab, (size_t)there, &there_length);
    if (there_length - pieces->skip == length && memcmp(text + pieces->skip, bytes, length) == 0) return there;
  }
}

int32_t loci__pieces_longest(const loci__vocab *vocab, const loci__pieces *pieces, const unsigned char *bytes,
                             size_t length, size_t *used) {
  int32_t id;
  if (length >= 3) {
    uint64_t set = pieces->lengths[lengths_slot(pieces, bytes)];
    if (length < LONG_LENGTH) set &= (UINT64_C(2) << length) - 1;
    if (set >> LONG_LENGTH != 0) {
      size_t n = length < pieces->max_bytes ? length : pieces->max_bytes;
      for (; n >= LONG_LENGTH; n--) {
        if ((id = loci__pieces_find_long(vocab, pieces, bytes, n)) >= 0) {
          *used = n;
          return id;
        }
      }
      set &= ~(UINT64_C(1) << LONG_LENGTH);
    }
    while (set != 0) {
      size_t n = 63 - (size_t)__builtin_clzll(set);
      if ((id = loci__pieces_find(vocab, pieces, bytes, n)) >= 0) {
        *used = n;
        return id;
      }
      set &= ~(UINT64_C(1) << n);
    }
  }
  for (size_t n = length < 2 ? length : 2; n > 0; n--) {
    if ((id = loci__pieces_find_key(pieces, loci__key_of(bytes, n))) >= 0) {
      *used = n;
      return id;
    }
  }
  return -1;
}

int32_t loci__vocab_id(const loci__vocab *vocab, const char *piece, size_t length) {
  if (length == 0 || length > MAX_PIECE) return -1;
  bool next = is_next(vocab, piece, length);
  const loci__pieces *pieces = next ? &vocab->next : &vocab->first;
  if (next) {
    piece += vocab->prefix_length;
    length -= vocab->prefix_length;
  }
  if (length > LOCI__KEY_BYTES) return loci__pieces_find_long(vocab, pieces, (const unsigned char *)piece, length);
  unsigned char padded[LOCI__KEY_PAD] = {0};
  memcpy(padded, piece, length);
  return loci__pieces_find_key(pieces, loci__key_of(padded, length));
}
