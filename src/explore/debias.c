/* explore/debias.c: a direction taken out of vectors, and what that leaves behind.
 *
 * Bolukbasi, Chang, Zou, Saligrama and Kalai 2016, "Man is to Computer Programmer as Woman is to Homemaker?": neutralise (a
 * word's part along the direction is taken out) and equalise (the two of a pair get the same part across it and opposite
 * parts along it). The direction is loci_direction's, the mean of the pairs' unit offsets; the paper takes the first
 * principal component of the pairs, which is nearly the same.
 *
 * Gonen and Goldberg 2019, "Lipstick on a Pig": words that leaned to one side keep each other's company. The report makes
 * two clusters of those that leaned most, before and after, and counts how many fall to their old side.
 */
#include "explore.h"

#include "loci/bias.h"
#include "loci/cluster.h"

#include <math.h>
#include <stdlib.h>

void loci_debias_options_init(loci_debias_options *options) {
  *options = (loci_debias_options){.struct_size = sizeof *options, .seed = 1};
}

typedef struct lean {
  double cosine;
  size_t row;
} lean;

static int by_lean(const void *a, const void *b) {
  const lean *x = a, *y = b;
  if (x->cosine != y->cosine) return x->cosine < y->cosine ? -1 : 1;
  return x->row < y->row ? -1 : x->row > y->row;
}

static double along(const float *row, const float *direction, size_t dim) {
  double sum = 0;
  for (size_t i = 0; i < dim; i++) sum += (double)row[i] * direction[i];
  return sum;
}

static void neutralise(float *row, const float *direction, size_t dim) {
  const double part = along(row, direction, dim);
  for (size_t i = 0; i < dim; i++) row[i] = (float)(row[i] - part * direction[i]);
  loci__unit(row, dim, row);
}

/* The same part across the direction for both, and ± what makes them unit vectors along it. */
static void equalise(float *a, float *b, const float *direction, size_t dim) {
  const bool first = along(a, direction, dim) > along(b, direction, dim);
  double square = 0;
  for (size_t i = 0; i < dim; i++) a[i] = b[i] = (a[i] + b[i]) / 2;
  const double part = along(a, direction, dim);
  for (size_t i = 0; i < dim; i++) {
    a[i] = b[i] = (float)(a[i] - part * direction[i]);
    square += (double)a[i] * a[i];
  }
  const double rest = square < 1 ? sqrt(1 - square) : 0;
  for (size_t i = 0; i < dim; i++) {
    a[i] = (float)(a[i] + (first ? rest : -rest) * direction[i]);
    b[i] = (float)(b[i] + (first ? -rest : rest) * direction[i]);
  }
}

/* Of 2·n rows, the first n of one side, the share that two clusters put together as they are. */
static loci_status part(const loci_vectors *vectors, const size_t *rows, size_t n, uint64_t seed, double *share,
                        loci_error *error) {
  loci_kmeans_options o;
  loci_kmeans_options_init(&o);
  o.k = 2;
  o.metric = LOCI_METRIC_COSINE;
  o.seed = seed;
  loci_clusters clusters;
  LOCI__TRY(loci_kmeans(vectors, rows, 2 * n, &o, &clusters, error));
  size_t right = 0;
  for (size_t i = 0; i < 2 * n; i++) right += clusters.labels[i] == (i < n ? 0 : 1);
  *share = (double)(right > 2 * n - right ? right : 2 * n - right) / (double)(2 * n);
  loci_clusters_release(&clusters);
  return LOCI_OK;
}

static loci_status look_back(const loci_vectors *before, const loci_vectors *after, const lean *leans, size_t n,
                             size_t n_most, uint64_t seed, loci_debias_report *out, loci_error *error) {
  size_t each = n_most > 0 ? n_most : 500;
  if (each > n / 10) each = n / 10;
  if (each < 2) return LOCI_OK; /* too few words to look at: n_words stays 0 */
  size_t *rows = loci__alloc_array(before->context, 2 * each, sizeof *rows);
  if (rows == NULL) return loci__fail_memory(error, 2 * each * sizeof *rows, "the words that lean");
  for (size_t i = 0; i < each; i++) rows[i] = leans[i].row, rows[each + i] = leans[n - 1 - i].row;
  out->n_words = 2 * each;
  loci_status status = part(before, rows, each, seed, &out->clusters_before, error);
  if (status == LOCI_OK) status = part(after, rows, each, seed, &out->clusters_after, error);
  loci__free(before->context, rows);
  return status;
}

static loci_status change(const loci_vectors *vectors, const loci_debias_options *o, const float *direction,
                          const bool *kept, lean *leans, loci_vectors *out, loci_debias_report *report,
                          loci_error *error) {
  const size_t dim = vectors->dim;
  size_t n = 0;
  float *row = loci__alloc_array(vectors->context, dim, sizeof *row);
  if (row == NULL) return loci__fail_memory(error, dim * sizeof *row, "a row");
  loci_status status = LOCI_OK;
  for (size_t i = 0; status == LOCI_OK && i < vectors->n; i++) {
    loci__unit(vectors->rows + i * dim, dim, row);
    const double cosine = along(row, direction, dim);
    if (!kept[i] && isfinite(cosine) && along(row, row, dim) > 0) {
      leans[n++] = (lean){cosine, i};
      report->projection_before += fabs(cosine);
      neutralise(row, direction, dim);
      report->projection_after += fabs(along(row, direction, dim));
    }
    status = loci_vectors_add(out, vectors->words[i], vectors->lengths[i], row, NULL, 0, error);
  }
  loci__free(vectors->context, row);
  LOCI__TRY(status);
  for (size_t i = 0; o->equalize && i < o->n_pairs; i++)
    equalise(out->owned_rows + o->pairs[2 * i] * dim, out->owned_rows + o->pairs[2 * i + 1] * dim, direction, dim);
  report->n_changed = n;
  if (n == 0) return LOCI_OK;
  report->projection_before /= (double)n;
  report->projection_after /= (double)n;
  qsort(leans, n, sizeof *leans, by_lean);
  return look_back(vectors, out, leans, n, o->n_most, o->seed, report, error);
}

loci_status loci_debias(const loci_vectors *vectors, const loci_debias_options *options, loci_vectors **out,
                        loci_debias_report *report, loci_error *error) {
  *out = NULL;
  loci_debias_options o;
  loci_debias_options_init(&o);
  memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
  loci_debias_report own;
  if (report == NULL) report = &own;
  *report = (loci_debias_report){0};
  if (o.n_pairs == 0) return loci__fail(error, LOCI_ERROR_USAGE, "loci_debias: pairs of words say which direction");
  for (size_t i = 0; i < 2 * o.n_pairs + o.n_keep; i++)
    if ((i < 2 * o.n_pairs ? o.pairs[i] : o.keep[i - 2 * o.n_pairs]) >= vectors->n)
      return loci__fail(error, LOCI_ERROR_USAGE, "loci_debias: a row that is not there");
  loci_context *context = vectors->context;
  float *direction = loci__alloc_array(context, vectors->dim, sizeof *direction);
  bool *kept = loci__alloc_zero(context, vectors->n, sizeof *kept);
  lean *leans = loci__alloc_array(context, vectors->n, sizeof *leans);
  loci_vectors *changed = NULL;
  loci_status status = direction != NULL && kept != NULL && leans != NULL
                           ? loci_direction(vectors, o.pairs, o.n_pairs, direction, error)
                           : loci__fail_memory(error, vectors->n * sizeof *leans, "the words");
  if (status == LOCI_OK) {
    for (size_t i = 0; i < 2 * o.n_pairs; i++) kept[o.pairs[i]] = true;
    for (size_t i = 0; i < o.n_keep; i++) kept[o.keep[i]] = true;
    status = loci_vectors_new(context, vectors->path, vectors->n, vectors->dim, &changed, error);
  }
  if (status == LOCI_OK) status = change(vectors, &o, direction, kept, leans, changed, report, error);
  if (status == LOCI_OK && vectors->counts != NULL) {
    changed->counts = loci__alloc_array(context, vectors->n, sizeof *changed->counts);
    if (changed->counts == NULL) status = loci__fail_memory(error, vectors->n * sizeof *changed->counts, "the counts");
    else memcpy(changed->counts, vectors->counts, vectors->n * sizeof *changed->counts);
  }
  loci__free(context, direction);
  loci__free(context, kept);
  loci__free(context, leans);
  if (status != LOCI_OK) loci_vectors_close(changed);
  else *out = changed;
  return status;
}
