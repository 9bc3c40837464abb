/* train/glove_shuffle.c: the order in which the GloVe programs see the co-occurrences, as a permutation.
 *
 * Their `shuffle` reads chunks, permutes each (Fisher and Yates, from the end), and writes them to files; then it takes an
 * equal part of each file in turn, as much as one chunk in all, and permutes that too. Both draw from the C library's
 * rand, whose numbers are therefore made here. In the GNU library (TYPE_3): r[i] = 16807·r[i−1] mod 2³¹ − 1 for 0 < i < 31,
 * r[i] = r[i−31] for the next three, then r[i] = r[i−3] + r[i−31] mod 2³², of which 310 are thrown away; the lowest bit is
 * never given out.
 */
#include "glove.h"

void loci__c_random_init(loci__c_random *random, uint32_t seed) {
  int32_t word = (int32_t)(seed ? seed : 1);
  random->state[0] = (uint32_t)word;
  for (size_t i = 1; i < LOCI__COUNT(random->state); i++) {
    int64_t product = 16807 * (int64_t)word % 2147483647;
    word = (int32_t)(product < 0 ? product + 2147483647 : product);
    random->state[i] = (uint32_t)word;
  }
  random->next = 3;
  for (int i = 0; i < 310; i++) loci__c_random_next(random);
}

uint32_t loci__c_random_next(loci__c_random *random) {
  const unsigned n = LOCI__COUNT(random->state), i = random->next; /* state[i] is 31 steps old */
  random->state[i] += random->state[(i + n - 3) % n];
  random->next = (i + 1) % n;
  return random->state[i] >> 1;
}

/* Uniform below n: two draws, the first the higher half; what lies above the last multiple of n is drawn again. */
static uint64_t below(loci__c_random *random, uint64_t n) {
  const uint64_t most = ((uint64_t)1 << 62) - 1, limit = most - most % n;
  uint64_t drawn;
  do {
    drawn = (uint64_t)loci__c_random_next(random) << 31;
    drawn += loci__c_random_next(random);
  } while (drawn >= limit);
  return drawn % n;
}

static void permute(loci__c_random *random, uint32_t *items, size_t n) {
  for (size_t i = n; i-- > 1;) {
    size_t j = (size_t)below(random, i + 1);
    uint32_t item = items[j];
    items[j] = items[i];
    items[i] = item;
  }
}

loci_status loci__glove_shuffle(loci_context *context, size_t n, size_t chunk, uint32_t seed, uint32_t *order,
                                loci_error *error) {
  if (chunk == 0 || n > UINT32_MAX) {
    return loci__fail(error, LOCI_ERROR_LIMIT, "%zu pairs cannot be shuffled in chunks of %zu", n, chunk);
  }
  loci__c_random random;
  loci__c_random_init(&random, seed);
  uint32_t *chunks = loci__alloc_array(context, n ? n : 1, sizeof *chunks);
  if (!chunks) return loci__fail_memory(error, n * sizeof *chunks, "shuffling");
  for (size_t i = 0; i < n; i++) chunks[i] = (uint32_t)i;
  /* A full last chunk is followed by an empty one, which counts as a file. */
  const size_t n_chunks = n / chunk + 1, part = chunk / n_chunks;
  for (size_t i = 0; i < n_chunks; i++) permute(&random, chunks + i * chunk, i + 1 < n_chunks ? chunk : n - i * chunk);
  if (part == 0 && n > 0) {
    loci__free(context, chunks);
    return loci__fail(error, LOCI_ERROR_LIMIT, "%zu pairs cannot be shuffled in chunks of %zu", n, chunk);
  }
  size_t out = 0;
  for (size_t round = 0; out < n; round++) {
    const size_t first = out;
    for (size_t i = 0; i < n_chunks; i++) {
      const size_t end = i + 1 < n_chunks ? (i + 1) * chunk : n;
      for (size_t j = i * chunk + round * part; j < end && j < i * chunk + (round + 1) * part; j++) {
        order[out++] = chunks[j];
      }
    }
    permute(&random, order + first, out - first);
  }
  loci__free(context, chunks);
  return LOCI_OK;
}
