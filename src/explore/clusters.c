/* explore/clusters.c: labels of points → the answer of a clustering, numbered by size; and what a cluster is about.
 *
 * A cluster is told by its members: those nearest to its centre, and those that are typical of it, near to its centre and
 * far from the other centres. The cosines of all members with all centres are one blocked product on the pool.
 */
#include "cluster.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 256, SLICE = 512 };

void loci_clusters_release(loci_clusters *clusters) {
  loci__free(clusters->context, clusters->labels);
  loci__free(clusters->context, clusters->strength);
  loci__free(clusters->context, clusters->sizes);
  loci__free(clusters->context, clusters->centers);
  *clusters = (loci_clusters){.context = clusters->context};
}

typedef struct sized {
  size_t size, first, cluster;
} sized;

static int by_size(const void *a, const void *b) {
  const sized *x = a, *y = b;
  if (x->size != y->size) return x->size < y->size ? 1 : -1;
  return (x->first > y->first) - (x->first < y->first);
}

static loci_status make(const loci__points *p, const int32_t *labels, const float *strength, size_t k,
                        loci_clusters *out, sized *order, int32_t *number, double *sums, loci_error *error) {
  const size_t dim = p->dim;
  out->labels = loci__alloc_array(p->context, p->n_rows, sizeof *out->labels);
  out->strength = strength ? loci__alloc_zero(p->context, p->n_rows, sizeof *out->strength) : NULL;
  out->sizes = loci__alloc_array(p->context, k ? k : 1, sizeof *out->sizes);
  out->centers = loci__alloc_array(p->context, k ? k : 1, dim * sizeof *out->centers);
  if (!out->labels || (strength && !out->strength) || !out->sizes || !out->centers || !order || !number || !sums)
    return loci__fail_memory(error, k * dim * sizeof *sums, "clusters");
  for (size_t c = 0; c < k; c++) order[c] = (sized){0, 0, c};
  for (size_t i = 0; i < p->n; i++)
    if (labels[i] >= 0 && order[labels[i]].size++ == 0) order[labels[i]].first = i;
  if (k) qsort(order, k, sizeof *order, by_size);
  for (size_t c = 0; c < k; c++) {
    number[order[c].cluster] = (int32_t)c;
    out->sizes[c] = order[c].size;
  }
  memset(sums, 0, k * dim * sizeof *sums);
  for (size_t i = 0; i < p->n_rows; i++) out->labels[i] = -1;
  for (size_t i = 0; i < p->n; i++) {
    if (strength) out->strength[p->origin[i]] = strength[i];
    if (labels[i] < 0) continue;
    const size_t c = (size_t)number[labels[i]];
    out->labels[p->origin[i]] = (int32_t)c;
    for (size_t j = 0; j < dim; j++) sums[c * dim + j] += (double)p->rows[i * dim + j];
  }
  for (size_t c = 0; c < k; c++)
    for (size_t j = 0; j < dim; j++) sums[c * dim + j] /= (double)out->sizes[c];
  double inertia = 0;
  for (size_t i = 0; i < p->n; i++) {
    if (labels[i] < 0) continue;
    const double *center = sums + (size_t)number[labels[i]] * dim;
    for (size_t j = 0; j < dim; j++) {
      const double t = (double)p->rows[i * dim + j] - center[j];
      inertia += t * t;
    }
  }
  for (size_t i = 0; i < k * dim; i++) out->centers[i] = (float)(sums[i] / p->scale + p->mean[i % dim]);
  out->inertia = inertia / (p->scale * p->scale);
  out->n = p->n_rows, out->k = k, out->dim = dim;
  out->n_left_out = p->n_rows - p->n;
  return LOCI_OK;
}

loci_status loci__clusters_make(const loci__points *points, const int32_t *labels, const float *strength, size_t k,
                                loci_clusters *out, loci_error *error) {
  sized *order = loci__alloc_array(points->context, k ? k : 1, sizeof *order);
  int32_t *number = loci__alloc_array(points->context, k ? k : 1, sizeof *number);
  double *sums = loci__alloc_array(points->context, k ? k : 1, points->dim * sizeof *sums);
  const loci_status status = make(points, labels, strength, k, out, order, number, sums, error);
  loci__free(points->context, order);
  loci__free(points->context, number);
  loci__free(points->context, sums);
  if (status != LOCI_OK) loci_clusters_release(out);
  return status;
}

/* ---- what it is about ------------------------------------------------------------------------------------ */

typedef struct telling {
  const loci__kernels *kernels;
  const loci_vectors *vectors;
  const size_t *rows;
  const int32_t *labels;
  size_t n, k, width;
  float *packed, *bias, *scores, *unit; /* the centres, of unit length; a worker each: scores, rows */
  float *own, *other;                   /* n: cosine with the own centre; the greatest with another one */
} telling;

static size_t row_at(const telling *t, size_t i) {
  return t->rows ? t->rows[i] : i;
}

static loci_status cosine_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  const telling *t = arg;
  const size_t dim = t->vectors->dim, first = task * BLOCK, count = first + BLOCK < t->n ? BLOCK : t->n - first;
  float *unit = t->unit + worker * BLOCK * dim, *scores = t->scores + worker * BLOCK * SLICE;
  for (size_t i = 0; i < count; i++) {
    loci__unit(t->vectors->rows + row_at(t, first + i) * dim, dim, unit + i * dim);
    t->own[first + i] = t->other[first + i] = -INFINITY;
  }
  for (size_t c = 0; c < t->width; c += SLICE) {
    const size_t n = t->width - c < SLICE ? t->width - c : SLICE;
    t->kernels->gemm_f32(&(loci__gemm){.x = unit,
                                       .x_stride = dim,
                                       .m = count,
                                       .packed = t->packed + c * dim,
                                       .n = n,
                                       .k = dim,
                                       .bias = t->bias + c,
                                       .activation = LOCI__KERNEL_IDENTITY,
                                       .y = scores,
                                       .y_stride = SLICE});
    for (size_t i = 0; i < count; i++) {
      const int32_t label = t->labels[first + i];
      for (size_t j = 0; j < n; j++) {
        const float score = scores[i * SLICE + j];
        if ((int32_t)(c + j) == label) t->own[first + i] = score;
        else if (score > t->other[first + i]) t->other[first + i] = score;
      }
    }
  }
  return LOCI_OK;
}

/* Unit means of unit rows, packed. */
static loci_status pack_centers(telling *t, loci_error *error) {
  const size_t dim = t->vectors->dim;
  double *sums = loci__alloc_zero(t->vectors->context, t->k, dim * sizeof *sums);
  float *centers = loci__alloc_array(t->vectors->context, t->k, dim * sizeof *centers);
  loci_status status = LOCI_OK;
  if (!sums || !centers) status = loci__fail_memory(error, t->k * dim * sizeof *sums, "the centres of clusters");
  for (size_t i = 0; i < t->n && status == LOCI_OK; i++) {
    if (t->labels[i] < 0) continue;
    loci__unit(t->vectors->rows + row_at(t, i) * dim, dim, t->unit);
    for (size_t j = 0; j < dim; j++) sums[(size_t)t->labels[i] * dim + j] += (double)t->unit[j];
  }
  for (size_t c = 0; c < t->k && status == LOCI_OK; c++) {
    double square = 0;
    for (size_t j = 0; j < dim; j++) square += sums[c * dim + j] * sums[c * dim + j];
    const double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (size_t j = 0; j < dim; j++) centers[c * dim + j] = (float)(sums[c * dim + j] * scale);
  }
  if (status == LOCI_OK) loci__gemm_pack(t->kernels, centers, dim, t->k, dim, NULL, 0, dim, t->packed);
  loci__free(t->vectors->context, sums);
  loci__free(t->vectors->context, centers);
  return status;
}

static void insert(loci_neighbor *list, size_t n, loci_neighbor found) {
  size_t at = n < LOCI_CLUSTER_WORDS ? n : LOCI_CLUSTER_WORDS;
  for (; at > 0 && list[at - 1].score < found.score; at--)
    if (at < LOCI_CLUSTER_WORDS) list[at] = list[at - 1];
  if (at < LOCI_CLUSTER_WORDS) list[at] = found;
}

static loci_status tell(telling *t, size_t most, loci_cluster_words *out, loci_error *error) {
  LOCI__TRY(pack_centers(t, error));
  LOCI__TRY(loci__pool_run(t->vectors->context, (t->n + BLOCK - 1) / BLOCK, cosine_task, t, error));
  for (size_t c = 0; c < t->k; c++) out[c].n = 0;
  for (size_t i = 0; i < t->n; i++) {
    const size_t row = row_at(t, i);
    /* NaN is no cosine; with one cluster there is no other, and all are equally typical: by the own centre then. */
    if (t->labels[i] < 0 || (most && row >= most) || !(t->own[i] >= -2)) continue;
    loci_cluster_words *words = &out[t->labels[i]];
    insert(words->nearest, words->n, (loci_neighbor){row, (double)t->own[i]});
    insert(words->typical, words->n, (loci_neighbor){row, (double)t->own[i] - (t->k > 1 ? (double)t->other[i] : 0)});
    if (words->n < LOCI_CLUSTER_WORDS) words->n++;
  }
  return LOCI_OK;
}

loci_status loci_cluster_describe(const loci_vectors *vectors, const size_t *rows, const int32_t *labels, size_t n,
                                  size_t k, size_t most, loci_cluster_words *out, loci_error *error) {
  loci_context *context = vectors->context;
  const size_t dim = vectors->dim, workers = loci__pool_size(context);
  if (k == 0 || n == 0) return LOCI_OK;
  for (size_t i = 0; i < n; i++) {
    if ((rows ? rows[i] : i) >= vectors->n)
      return loci__fail(error, LOCI_ERROR_USAGE, "there is no row %zu: the vectors have %zu", rows ? rows[i] : i,
                        vectors->n);
    if (labels[i] < -1 || (labels[i] >= 0 && (size_t)labels[i] >= k))
      return loci__fail(error, LOCI_ERROR_USAGE, "label %d of %zu clusters", (int)labels[i], k);
  }
  telling t = {
      .kernels = loci__kernels_of(context), .vectors = vectors, .rows = rows, .labels = labels, .n = n, .k = k};
  t.width = loci__panels(t.kernels, k);
  size_t size;
  if (loci__mul(t.width, dim * sizeof *t.packed, &size)) t.packed = loci__alloc_aligned(context, size);
  t.bias = loci__alloc_aligned(context, t.width * sizeof *t.bias);
  t.scores = loci__alloc_aligned(context, workers * BLOCK * SLICE * sizeof *t.scores);
  t.unit = loci__alloc_aligned(context, workers * BLOCK * dim * sizeof *t.unit);
  t.own = loci__alloc_array(context, n, sizeof *t.own);
  t.other = loci__alloc_array(context, n, sizeof *t.other);
  loci_status status = LOCI_OK;
  if (!t.packed || !t.bias || !t.scores || !t.unit || !t.own || !t.other)
    status = loci__fail_memory(error, t.width * dim * sizeof *t.packed, "the cosines with the centres");
  if (status == LOCI_OK) {
    memset(t.packed, 0, size);
    for (size_t c = 0; c < t.width; c++) t.bias[c] = c < k ? 0 : -INFINITY;
    status = tell(&t, most, out, error);
  }
  loci__free_aligned(context, t.packed);
  loci__free_aligned(context, t.bias);
  loci__free_aligned(context, t.scores);
  loci__free_aligned(context, t.unit);
  loci__free(context, t.own);
  loci__free(context, t.other);
  return status;
}
