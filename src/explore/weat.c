/* explore/weat.c: the word embedding association test (Caliskan, Bryson and Narayanan 2017, Science 356).
 *
 * s(w) = mean cosine of w with the attribute words A − mean cosine with B. Effect size d = (mean s over X − mean s over
 * Y) / standard deviation of s over X ∪ Y, with n − 1. p: the share of the partitions of X ∪ Y into two sets of equal size
 * whose Σ s is greater for the first than Σ s(x): all of them are counted while there are at most EXACT, else DRAWN are
 * drawn. All in double.
 */
#include "explore.h"

#include <math.h>

enum { EXACT = 1000000, DRAWN = 100000, MOST = 4096 };

typedef struct weat_rows {
  size_t *rows; /* of the words that have a vector, in order */
  size_t n;
} weat_rows;

static int64_t find_word(const loci_vectors *vectors, const char *word) {
  const size_t length = strlen(word);
  const int64_t row = loci_vectors_find(vectors, word, length);
  char lower[256];
  if (row >= 0 || length >= sizeof lower) return row;
  for (size_t i = 0; i < length; i++)
    lower[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] - 'A' + 'a' : word[i]);
  return loci_vectors_find(vectors, lower, length);
}

static double mean_cosine(const loci_vectors *vectors, size_t row, const weat_rows *attributes) {
  double sum = 0;
  for (size_t i = 0; i < attributes->n; i++)
    sum += loci_measure(vectors->rows + row * vectors->dim, vectors->rows + attributes->rows[i] * vectors->dim,
                        vectors->dim, LOCI_METRIC_COSINE);
  return sum / (double)attributes->n;
}

/* n over k, or a number beyond EXACT. */
static uint64_t choose(size_t n, size_t k) {
  uint64_t c = 1;
  for (size_t i = 1; i <= k; i++) {
    c = c * (n - k + i) / i;
    if (c > EXACT) return EXACT + 1;
  }
  return c;
}

/* s: 2k values, the first k of X. Ties count as not greater; `slack` is the rounding of sums of equal numbers in another
 * order. */
static void permutations(const double *s, size_t k, uint64_t seed, size_t *chosen, loci_weat_report *out) {
  const size_t n = 2 * k;
  double total = 0, first = 0, size = 0;
  for (size_t i = 0; i < n; i++) total += s[i], size += fabs(s[i]);
  for (size_t i = 0; i < k; i++) first += s[i];
  const double slack = 1e-13 * (size + 1);
  /* Σ over the part − Σ over the rest > statistic ⇔ Σ over the part > Σ over X. */
  out->statistic = 2 * first - total;
  uint64_t greater = 0;
  const uint64_t all = choose(n, k);
  if (all <= EXACT) {
    for (size_t i = 0; i < k; i++) chosen[i] = i;
    for (;;) {
      double sum = 0;
      for (size_t i = 0; i < k; i++) sum += s[chosen[i]];
      greater += sum > first + slack;
      size_t i = k;
      while (i > 0 && chosen[i - 1] == n - k + i - 1) i--;
      if (i == 0) break;
      chosen[i - 1]++;
      for (size_t j = i; j < k; j++) chosen[j] = chosen[j - 1] + 1;
    }
    out->exact = 1;
    out->n_partitions = all;
  } else {
    loci__random random;
    loci__random_init(&random, seed);
    for (size_t i = 0; i < n; i++) chosen[i] = i;
    for (size_t t = 0; t < DRAWN; t++) {
      double sum = 0;
      for (size_t i = 0; i < k; i++) { /* the first k of a shuffle */
        const size_t j = i + loci__random_below(&random, n - i), x = chosen[i];
        chosen[i] = chosen[j], chosen[j] = x;
        sum += s[chosen[i]];
      }
      greater += sum > first + slack;
    }
    out->n_partitions = DRAWN;
  }
  out->p = (double)greater / (double)out->n_partitions;
}

static loci_status measure(const loci_vectors *vectors, const weat_rows found[4], uint64_t seed, loci_weat_report *out,
                           loci_error *error) {
  const size_t k = found[0].n < found[1].n ? found[0].n : found[1].n;
  double *s = loci__alloc_array(vectors->context, 2 * k, sizeof *s);
  size_t *chosen = loci__alloc_array(vectors->context, 2 * k, sizeof *chosen);
  loci_status status = LOCI_OK;
  if (s == NULL || chosen == NULL) status = loci__fail_memory(error, 2 * k * sizeof *s, "associations");
  if (status == LOCI_OK) {
    double mean = 0, parts[2] = {0, 0}, square = 0;
    for (size_t i = 0; i < 2 * k; i++) {
      const size_t row = i < k ? found[0].rows[i] : found[1].rows[i - k];
      s[i] = mean_cosine(vectors, row, &found[2]) - mean_cosine(vectors, row, &found[3]);
      mean += s[i];
      parts[i >= k] += s[i];
    }
    mean /= (double)(2 * k);
    for (size_t i = 0; i < 2 * k; i++) square += (s[i] - mean) * (s[i] - mean);
    const double deviation = sqrt(square / (double)(2 * k - 1));
    out->effect = deviation > 0 ? (parts[0] - parts[1]) / (double)k / deviation : 0;
    permutations(s, k, seed, chosen, out);
  }
  loci__free(vectors->context, s);
  loci__free(vectors->context, chosen);
  return status;
}

loci_status loci_weat(const loci_vectors *vectors, const loci_weat_set sets[4], uint64_t seed, loci_weat_report *out,
                      loci_error *error) {
  *out = (loci_weat_report){0};
  weat_rows found[4] = {{0}};
  size_t n = 0, seen = 0;
  loci_status status = LOCI_OK;
  for (size_t i = 0; i < 4 && status == LOCI_OK; i++) {
    if (sets[i].n == 0 || sets[i].n > MOST) {
      status = loci__fail(error, LOCI_ERROR_USAGE, "the list '%s' has %zu words: 1 to %d are taken", sets[i].name,
                          sets[i].n, MOST);
      break;
    }
    found[i].rows = loci__alloc_array(vectors->context, sets[i].n, sizeof *found[i].rows);
    if (found[i].rows == NULL) {
      status = loci__fail_memory(error, sets[i].n * sizeof *found[i].rows, "a list of words");
      break;
    }
    for (size_t w = 0; w < sets[i].n; w++) {
      const int64_t row = find_word(vectors, sets[i].words[w]);
      if (row >= 0) found[i].rows[found[i].n++] = (size_t)row;
    }
    out->n[i] = sets[i].n;
    out->n_seen[i] = found[i].n;
    n += sets[i].n;
    seen += found[i].n;
  }
  if (status == LOCI_OK) {
    out->coverage = (double)seen / (double)n;
    if (out->coverage < 0.8)
      status =
          loci__fail(error, LOCI_ERROR_LIMIT,
                     "only %zu of %zu words have a vector (%.0f %%; 80 %% are needed): the figure would be of other "
                     "lists",
                     seen, n, 100 * out->coverage);
  }
  for (size_t i = 0; i < 4 && status == LOCI_OK; i++)
    if (found[i].n < 2)
      status = loci__fail(error, LOCI_ERROR_LIMIT, "fewer than two words of the list '%s' have a vector", sets[i].name);
  if (status == LOCI_OK) status = measure(vectors, found, seed, out, error);
  for (size_t i = 0; i < 4; i++) loci__free(vectors->context, found[i].rows);
  return status;
}
