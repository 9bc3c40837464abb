/* format/vectors_spelling.c: the words of a table that are spelled like another, for "did you mean".
 *
 * The optimal string alignment distance (Damerau 1964: a letter more, less, another, or two exchanged count one), over
 * characters, ASCII case folded, in a band as wide as the distance that is still looked for. Words longer than MOST
 * characters are left out: nobody mistypes those by two letters and wants to be told.
 */
#include "vectors_private.h"

enum { MOST = 64 };

typedef struct spelled {
  uint32_t letters[MOST];
  size_t n;
} spelled;

/* False when it is too long. */
static bool spell(const char *word, size_t length, spelled *out) {
  out->n = 0;
  for (size_t at = 0; at < length;) {
    size_t used;
    uint32_t c = loci__utf8_next(word + at, length - at, &used, NULL);
    if (out->n == MOST) return false;
    out->letters[out->n++] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
    at += used;
  }
  return true;
}

/* The distance, or limit + 1 when it is greater. */
static size_t distance(const spelled *a, const spelled *b, size_t limit) {
  const size_t n = a->n, m = b->n;
  if ((n > m ? n - m : m - n) > limit) return limit + 1;
  size_t rows[3][MOST + 1];
  size_t *before = rows[0], *last = rows[1], *now = rows[2];
  for (size_t j = 0; j <= m; j++) last[j] = before[j] = j;
  for (size_t i = 1; i <= n; i++) {
    const size_t from = i > limit ? i - limit : 1, to = i + limit < m ? i + limit : m;
    size_t least = limit + 1;
    now[0] = i;
    if (from > 1) now[from - 1] = limit + 1;
    for (size_t j = from; j <= to; j++) {
      size_t best = last[j - 1] + (a->letters[i - 1] != b->letters[j - 1]);
      if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
      if (j < i + limit && last[j] + 1 < best) best = last[j] + 1;
      if (i > 1 && j > 1 && a->letters[i - 1] == b->letters[j - 2] && a->letters[i - 2] == b->letters[j - 1] &&
          before[j - 2] + 1 < best)
        best = before[j - 2] + 1;
      now[j] = best;
      if (best < least) least = best;
    }
    if (to < m) now[to + 1] = limit + 1;
    if (least > limit) return limit + 1;
    size_t *free_row = before;
    before = last, last = now, now = free_row;
  }
  return last[m] < limit + 1 ? last[m] : limit + 1;
}

size_t loci_vectors_spellings(const loci_vectors *vectors, const char *word, size_t length, size_t *out, size_t n) {
  spelled wanted, other;
  size_t found = 0, distances[16];
  if (n > LOCI__COUNT(distances)) n = LOCI__COUNT(distances);
  if (n == 0 || !spell(word, length, &wanted)) return 0;
  size_t limit = wanted.n < 4 ? 1 : 2;
  for (size_t i = 0; i < vectors->n; i++) {
    if (vectors->lengths[i] > 4 * (wanted.n + limit)) continue;
    if (!spell(vectors->words[i], vectors->lengths[i], &other)) continue;
    const size_t d = distance(&wanted, &other, limit);
    if (d > limit || (found == n && d >= distances[n - 1])) continue;
    size_t at = found < n ? found++ : n - 1;
    for (; at > 0 && distances[at - 1] > d; at--) out[at] = out[at - 1], distances[at] = distances[at - 1];
    out[at] = i, distances[at] = d;
  }
  return found;
}
