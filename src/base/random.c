/* base/random.c: xoshiro256** 1.0 (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018),
 * seeded by splitmix64 as its authors advise. */
#include "base.h"

#include <math.h>

void loci__random_init(loci__random *random, uint64_t seed) {
  for (int i = 0; i < 4; i++) {
    seed += 0x9E3779B97F4A7C15u;
    uint64_t z = seed;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    random->s[i] = z ^ z >> 31;
  }
}

static uint64_t rotate(uint64_t x, int k) {
  return x << k | x >> (64 - k);
}

uint64_t loci__random_next(loci__random *random) {
  uint64_t *s = random->s;
  uint64_t result = rotate(s[1] * 5, 7) * 9;
  uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate(s[3], 45);
  return result;
}

uint64_t loci__random_below(loci__random *random, uint64_t n) {
  if (n <= 1) return 0;
  /* Draws below 2^64 mod n would make the small remainders likelier. */
  uint64_t threshold = (0 - n) % n;
  for (;;) {
    uint64_t x = loci__random_next(random);
    if (x >= threshold) return x % n;
  }
}

double loci__random_unit(loci__random *random) {
  return (double)(loci__random_next(random) >> 11) * 0x1p-53;
}

double loci__random_normal(loci__random *random) {
  double u = 1.0 - loci__random_unit(random); /* (0, 1]: log never meets 0 */
  double v = loci__random_unit(random);
  return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}
