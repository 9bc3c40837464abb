/* sample.c: how near are random passages of this collection?
 *
 * A cosine of .4 says nothing by itself: with one model it is far, with another near. So the cosines of random pairs of
 * rows are the yardstick: up to 256 rows are drawn (by a generator with a fixed seed, so the same rows give the same
 * figures), every pair of them is compared (32,640 pairs), and 1,001 quantiles are kept as a setting of the store.
 * --explain tells a result's cosine as a percentile among them. Made at the end of an index run, so a search
 * only reads some ten kilobytes of text.
 */
#include "collection.h"

#include "loci/model.h"

#include <math.h>
#include <stdlib.h>

enum { N_SAMPLE = 256, N_QUANTILES = 1001 };

static const char setting[] = "random_pairs";

static int compare_float(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static int compare_size(const void *a, const void *b) {
  size_t x = *(const size_t *)a, y = *(const size_t *)b;
  return (x > y) - (x < y);
}

/* n distinct numbers below `below`, ascending (Floyd's sampling: Bentley and Floyd 1987). */
static void draw(loci__random *random, size_t below, size_t n, size_t *out) {
  size_t count = 0;
  for (size_t j = below - n; j < below; j++) {
    size_t t = (size_t)loci__random_below(random, (uint64_t)j + 1);
    for (size_t i = 0; i < count; i++) {
      if (out[i] == t) {
        t = j;
        break;
      }
    }
    out[count++] = t;
  }
  qsort(out, n, sizeof *out, compare_size);
}

/* Appends the quantiles of n ascending cosines to `text`. */
static void write_quantiles(loci__buffer *text, const float *sorted, size_t n) {
  for (size_t i = 0; i < N_QUANTILES; i++) {
    char number[32];
    loci__format_float(sorted[i * (n - 1) / (N_QUANTILES - 1)], number);
    if (i > 0) loci__buffer_putc(text, ' ');
    loci__buffer_puts(text, number);
  }
}

/* In a read transaction. Leaves `text` empty where there are no pairs. */
static loci_status sample(loci_collection *collection, loci__buffer *text, loci_error *error) {
  loci__store_model model;
  loci__store_rows rows;
  LOCI__TRY(loci__store_get_model(collection->store, &model, error));
  size_t dim = model.dim;
  LOCI__TRY(loci__store_get_rows(collection->store, &rows, error));
  if (rows.n < 2) return LOCI_OK;
  size_t n = rows.n < N_SAMPLE ? rows.n : N_SAMPLE, n_pairs = n * (n - 1) / 2;
  size_t picked[N_SAMPLE];
  loci__random random;
  loci__random_init(&random, 1);
  draw(&random, rows.n, n, picked);

  size_t size = 0;
  float *vectors = loci__mul(n, dim, &size) ? loci__alloc_array(collection->context, size, sizeof *vectors) : NULL;
  float *cosines = loci__alloc_array(collection->context, n_pairs, sizeof *cosines);
  loci_status status = LOCI_OK;
  if (vectors == NULL || cosines == NULL) status = loci__fail_memory(error, size, "a sample of vectors");
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    bool found = false;
    status = loci__store_get_vector(collection->store, rows.chunk_ids[picked[i]], vectors + i * dim, &found, error);
    if (status == LOCI_OK && !found) {
      status = loci__fail(error, LOCI_ERROR_CORRUPT, "'%s': passage %lld has lost its vector; see `loci check`",
                          collection->path, (long long)rows.chunk_ids[picked[i]]);
    }
  }
  if (status == LOCI_OK) {
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
      for (size_t j = i + 1; j < n; j++) {
        float dot = 0.0f; /* vectors are normalised */
        for (size_t d = 0; d < dim; d++) dot += vectors[i * dim + d] * vectors[j * dim + d];
        cosines[at++] = dot;
      }
    }
    qsort(cosines, n_pairs, sizeof *cosines, compare_float);
    write_quantiles(text, cosines, n_pairs);
  }
  loci__free(collection->context, vectors);
  loci__free(collection->context, cosines);
  return status;
}

loci_status loci__sample_pairs(loci_collection *collection, loci_error *error) {
  loci__store *store = collection->store;
  loci__buffer text;
  loci__buffer_init(&text, collection->context, 0);
  loci__buffer_puts(&text, "");
  loci_status status = loci__store_begin_read(store, error);
  if (status == LOCI_OK) {
    status = sample(collection, &text, error);
    if (status == LOCI_OK) status = loci__store_end(store, error);
    if (status != LOCI_OK) loci__store_rollback(store);
  }
  if (status == LOCI_OK) status = loci__buffer_status(&text, "the sample of random pairs", error);
  if (status == LOCI_OK) status = loci__store_begin_write(store, error);
  if (status == LOCI_OK) {
    status = loci__store_set_setting(store, setting, text.data, error);
    if (status == LOCI_OK) status = loci__store_end(store, error);
    if (status != LOCI_OK) loci__store_rollback(store);
  }
  loci__buffer_release(&text);
  return status;
}

loci_status loci__sample_quantiles(loci_collection *collection, double **quantiles, size_t *n, loci_error *error) {
  *quantiles = NULL;
  *n = 0;
  char *text = NULL;
  LOCI__TRY(loci__store_get_setting(collection->store, setting, &text, error));
  if (text == NULL) return LOCI_OK;
  loci_status status = LOCI_OK;
  double *values = loci__alloc_array(collection->context, N_QUANTILES, sizeof *values);
  if (values == NULL) status = loci__fail_memory(error, N_QUANTILES * sizeof *values, "the sample of random pairs");
  const char *at = text;
  size_t count = 0;
  while (status == LOCI_OK && *at != '\0' && count < N_QUANTILES) {
    size_t length = strcspn(at, " ");
    /* Something else wrote this setting: a figure for explaining is not worth a failed search. */
    if (!loci__parse_double(at, length, &values[count]) || (count > 0 && values[count] < values[count - 1])) break;
    count++;
    at += length;
    if (*at == ' ') at++;
  }
  loci__free(collection->context, text);
  if (status == LOCI_OK && count == N_QUANTILES) {
    *quantiles = values;
    *n = count;
  } else {
    loci__free(collection->context, values);
  }
  return status;
}

double loci__sample_percentile(const double *quantiles, size_t n, double x) {
  if (n < 2 || isnan(x)) return (double)NAN;
  if (x <= quantiles[0]) return 0.0;
  if (x >= quantiles[n - 1]) return 100.0;
  size_t low = 0, high = n - 1; /* quantiles[low] < x ≤ quantiles[high], or equal runs: the lowest fitting */
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (quantiles[middle] < x) low = middle;
    else high = middle;
  }
  double step = quantiles[high] - quantiles[low];
  double part = step > 0.0 ? (x - quantiles[low]) / step : 0.0;
  return 100.0 * ((double)low + part) / (double)(n - 1);
}
