/* explore/kmeans.c: k-means.
 *
 * Seeds by greedy k-means++ (Arthur and Vassilvitskii 2007; of 2 + ln k candidates drawn in proportion to the squared
 * distance, the one that leaves the smallest sum), over at most SEEDING points drawn from all. Then Lloyd's iterations
 * (1982): every point to its nearest centre (assign.c), every centre to the mean of its points. It ends when no label
 * changes, when the centres move less than the tolerance, or after `most` iterations; after either of the latter labels
 * are made once more, so that they are those of the centres. A cluster that lost all its points gets the point that lies
 * furthest from its own centre. From the same centres these are scikit-learn's steps, and so are the figures.
 *
 * Sums are in double: a cluster's points are added in their order, CHUNK of them a task, and the chunks' sums in order, so
 * the same bits come out at any number of threads.
 */
#include "cluster.h"

#include <math.h>
#include <stdlib.h>

enum { CHUNK = 1024, STRIPE = 64, SEEDING = 10000, SEEDING_A_CENTER = 20, SEED_BLOCK = 512, MANY_STARTS = 20000 };

void loci_kmeans_options_init(loci_kmeans_options *options) {
  *options = (loci_kmeans_options){.struct_size = sizeof *options, .tolerance = 1e-4, .seed = 1};
}

typedef struct kmeans {
  const loci_kmeans_options *options;
  const loci__points *points;
  loci_context *context;
  const loci__kernels *kernels;
  loci__assign assign;
  size_t k;
  float *centers, *next;           /* k × dim */
  int32_t *before;                 /* labels of the iteration before */
  size_t *order, *starts, *chunks; /* points by cluster; k + 1 starts in it; k + 1 starts among the chunks */
  double *sums;                    /* chunks × dim: at most k + n / CHUNK */
  double *totals;                  /* k × dim: the sum of each cluster's points */
  size_t *counts;                  /* k */
  size_t *changed, n_changed;      /* points with another label than before */
  size_t *taken;                   /* k: points that went to empty clusters */
  double *distances;               /* a point each */
  /* seeding */
  size_t *sample, n_sample;
  double *closest, *trial; /* squared distance from the nearest seed so far; n_trials × n_sample from the candidates */
  const float *candidates[64];
  size_t n_candidates;
  /* of the run that is best so far */
  float *best_centers;
  int32_t *best_labels;
  double best_inertia;
  size_t best_iterations, best_k;
  bool best_converged;
  loci__meter meter;
} kmeans;

static double distance(const float *a, const float *b, size_t dim) {
  double sum = 0;
  for (size_t j = 0; j < dim; j++) {
    const double d = (double)a[j] - b[j];
    sum += d * d;
  }
  return sum;
}

/* ---- seeds ------------------------------------------------------------------------------------------- */

static const float *sampled(const kmeans *m, size_t i) {
  return m->points->rows + (m->sample ? m->sample[i] : i) * m->points->dim;
}

/* Distances of the candidates from a block of the sample. */
static loci_status seed_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const kmeans *m = arg;
  const size_t first = task * SEED_BLOCK;
  const size_t last = first + SEED_BLOCK < m->n_sample ? first + SEED_BLOCK : m->n_sample;
  for (size_t i = first; i < last; i++) {
    const float *x = sampled(m, i);
    for (size_t t = 0; t < m->n_candidates; t++)
      m->trial[t * m->n_sample + i] = (double)m->kernels->l2sq_f32(x, m->candidates[t], m->points->dim);
  }
  return LOCI_OK;
}

static loci_status measure_candidates(kmeans *m, loci_error *error) {
  return loci__pool_run(m->context, (m->n_sample + SEED_BLOCK - 1) / SEED_BLOCK, seed_task, m, error);
}

/* One with the probability of its squared distance. */
static size_t draw(const kmeans *m, double total, loci__random *random) {
  double left = loci__random_unit(random) * total;
  size_t last = 0;
  for (size_t i = 0; i < m->n_sample; i++) {
    if (!(m->closest[i] > 0)) continue;
    last = i;
    left -= m->closest[i];
    if (left < 0) break;
  }
  return last;
}

/* Fills m->centers; m->k becomes smaller when the points run out. */
static loci_status seed_centers(kmeans *m, loci__random *random, loci_error *error) {
  const size_t dim = m->points->dim;
  size_t n_trials = 2 + (size_t)log((double)m->k), k = 0;
  if (n_trials > LOCI__COUNT(m->candidates)) n_trials = LOCI__COUNT(m->candidates);
  for (size_t i = 0; i < m->n_sample; i++) m->closest[i] = INFINITY;
  double total = 0;
  while (k < m->k) {
    m->n_candidates = k ? n_trials : 1;
    for (size_t t = 0; t < m->n_candidates; t++)
      m->candidates[t] = sampled(m, k ? draw(m, total, random) : loci__random_below(random, m->n_sample));
    LOCI__TRY(measure_candidates(m, error));
    size_t best = 0;
    double least = INFINITY;
    for (size_t t = 0; t < m->n_candidates; t++) {
      double sum = 0;
      for (size_t i = 0; i < m->n_sample; i++) sum += fmin(m->closest[i], m->trial[t * m->n_sample + i]);
      if (sum < least) least = sum, best = t;
    }
    memcpy(m->centers + k++ * dim, m->candidates[best], dim * sizeof *m->centers);
    total = 0;
    for (size_t i = 0; i < m->n_sample; i++) {
      m->closest[i] = fmin(m->closest[i], m->trial[best * m->n_sample + i]);
      total += m->closest[i];
    }
    if (!(total > 0)) break;
  }
  m->k = k;
  return LOCI_OK;
}

static void draw_sample(kmeans *m, loci__random *random) {
  if (!m->sample) return;
  size_t taken = 0;
  for (size_t i = 0; taken < m->n_sample; i++)
    if (loci__random_below(random, m->points->n - i) < m->n_sample - taken) m->sample[taken++] = i;
}

/* ---- an iteration -------------------------------------------------------------------------------------- */

static size_t chunk_cluster(const kmeans *m, size_t chunk) {
  size_t low = 0, high = m->k;
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    if (m->chunks[middle] <= chunk) low = middle;
    else high = middle;
  }
  return low;
}

static loci_status sum_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const kmeans *m = arg;
  const size_t c = chunk_cluster(m, task), dim = m->points->dim;
  const size_t first = m->starts[c] + (task - m->chunks[c]) * CHUNK;
  const size_t last = first + CHUNK < m->starts[c + 1] ? first + CHUNK : m->starts[c + 1];
  double *sum = m->sums + task * dim;
  memset(sum, 0, dim * sizeof *sum);
  for (size_t i = first; i < last; i++) {
    const float *x = m->points->rows + m->order[i] * dim;
    for (size_t j = 0; j < dim; j++) sum[j] += (double)x[j];
  }
  return LOCI_OK;
}

static loci_status distance_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const kmeans *m = arg;
  const size_t dim = m->points->dim, first = task * CHUNK;
  const size_t last = first + CHUNK < m->points->n ? first + CHUNK : m->points->n;
  for (size_t i = first; i < last; i++)
    m->distances[i] = distance(m->points->rows + i * dim, m->centers + (size_t)m->assign.labels[i] * dim, dim);
  return LOCI_OK;
}

/* Squared distances of all points from their centres. */
static loci_status measure_points(kmeans *m, loci_error *error) {
  return loci__pool_run(m->context, (m->points->n + CHUNK - 1) / CHUNK, distance_task, m, error);
}

/* Points by cluster, in order. */
static void sort_points(kmeans *m) {
  const size_t n = m->points->n;
  memset(m->starts, 0, (m->k + 1) * sizeof *m->starts);
  for (size_t i = 0; i < n; i++) m->starts[m->assign.labels[i] + 1]++;
  m->chunks[0] = 0;
  for (size_t c = 0; c < m->k; c++) {
    m->chunks[c + 1] = m->chunks[c] + (m->starts[c + 1] + CHUNK - 1) / CHUNK;
    m->starts[c + 1] += m->starts[c];
  }
  for (size_t i = 0; i < n; i++) m->order[m->starts[m->assign.labels[i]]++] = i;
  for (size_t c = m->k; c > 0; c--) m->starts[c] = m->starts[c - 1];
  m->starts[0] = 0;
}

/* The furthest point that was not taken yet: its distance becomes −1. */
static size_t take_furthest(kmeans *m) {
  size_t furthest = 0;
  for (size_t i = 1; i < m->points->n; i++)
    if (m->distances[i] > m->distances[furthest]) furthest = i;
  return furthest;
}

static loci_status sum_all(kmeans *m, loci_error *error) {
  const size_t dim = m->points->dim;
  sort_points(m);
  LOCI__TRY(loci__pool_run(m->context, m->chunks[m->k], sum_task, m, error));
  memset(m->totals, 0, m->k * dim * sizeof *m->totals);
  for (size_t c = 0; c < m->k; c++) {
    double *total = m->totals + c * dim;
    for (size_t chunk = m->chunks[c]; chunk < m->chunks[c + 1]; chunk++)
      for (size_t j = 0; j < dim; j++) total[j] += m->sums[chunk * dim + j];
    m->counts[c] = m->starts[c + 1] - m->starts[c];
  }
  return LOCI_OK;
}

/* A few dimensions of all points that went from one cluster to another. */
static loci_status change_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const kmeans *m = arg;
  const size_t dim = m->points->dim, first = task * STRIPE, last = first + STRIPE < dim ? first + STRIPE : dim;
  for (size_t i = 0; i < m->n_changed; i++) {
    const float *x = m->points->rows + m->changed[i] * dim;
    double *from = m->totals + (size_t)m->before[m->changed[i]] * dim;
    double *to = m->totals + (size_t)m->assign.labels[m->changed[i]] * dim;
    for (size_t j = first; j < last; j++) {
      from[j] -= (double)x[j];
      to[j] += (double)x[j];
    }
  }
  return LOCI_OK;
}

/* The sums of all clusters: of all points, or, where few have changed their cluster, by what those change. */
static loci_status sum_clusters(kmeans *m, bool first, loci_error *error) {
  const size_t n = m->points->n;
  if (first) return sum_all(m, error);
  m->n_changed = 0;
  for (size_t i = 0; i < n; i++)
    if (m->before[i] != m->assign.labels[i]) m->changed[m->n_changed++] = i;
  if (m->n_changed > n / 4) return sum_all(m, error);
  for (size_t i = 0; i < m->n_changed; i++) {
    m->counts[m->before[m->changed[i]]]--;
    m->counts[m->assign.labels[m->changed[i]]]++;
  }
  return loci__pool_run(m->context, (m->points->dim + STRIPE - 1) / STRIPE, change_task, m, error);
}

/* An empty cluster gets the furthest point, whose label stays until the next call: the sums take part in that for the
 * means only. */
static size_t fill_empty(kmeans *m) {
  const size_t dim = m->points->dim;
  size_t n_taken = 0;
  for (size_t c = 0; c < m->k; c++) {
    if (m->counts[c] > 0) continue;
    const size_t point = take_furthest(m), from = (size_t)m->assign.labels[point];
    if (!(m->distances[point] > 0) || m->counts[from] < 2) break;
    m->distances[point] = -1;
    const float *x = m->points->rows + point * dim;
    for (size_t j = 0; j < dim; j++) m->totals[from * dim + j] -= (double)x[j];
    m->counts[from]--;
    memcpy(m->next + c * dim, x, dim * sizeof *x);
    m->taken[n_taken++] = point;
  }
  return n_taken;
}

static void give_back(kmeans *m, size_t n_taken) {
  const size_t dim = m->points->dim;
  while (n_taken-- > 0) {
    const size_t point = m->taken[n_taken], from = (size_t)m->assign.labels[point];
    for (size_t j = 0; j < dim; j++) m->totals[from * dim + j] += (double)m->points->rows[point * dim + j];
    m->counts[from]++;
  }
}

static loci_status move_centers(kmeans *m, bool first, double *moved, loci_error *error) {
  const size_t dim = m->points->dim;
  LOCI__TRY(sum_clusters(m, first, error));
  size_t n_empty = 0, n_taken = 0;
  for (size_t c = 0; c < m->k; c++) n_empty += m->counts[c] == 0;
  memcpy(m->next, m->centers, m->k * dim * sizeof *m->next);
  if (n_empty) {
    LOCI__TRY(measure_points(m, error));
    n_taken = fill_empty(m);
  }
  *moved = 0;
  for (size_t c = 0; c < m->k; c++) {
    for (size_t j = 0; j < dim && m->counts[c] > 0; j++)
      m->next[c * dim + j] = (float)(m->totals[c * dim + j] / (double)m->counts[c]);
    *moved += distance(m->next + c * dim, m->centers + c * dim, dim);
  }
  give_back(m, n_taken);
  float *t = m->centers;
  m->centers = m->next, m->next = t;
  return LOCI_OK;
}

static loci_status iterate(kmeans *m, size_t *iterations, bool *converged, loci_error *error) {
  const size_t most = m->options->most ? m->options->most : 300;
  const double enough = m->options->tolerance * m->points->variance;
  const size_t bytes = m->points->n * sizeof *m->before;
  bool same = false;
  *converged = false;
  for (*iterations = 0; *iterations < most && !*converged;) {
    memcpy(m->before, m->assign.labels, bytes);
    LOCI__TRY(loci__assign_run(&m->assign, m->centers, error));
    double moved;
    LOCI__TRY(move_centers(m, *iterations == 0, &moved, error));
    same = *iterations > 0 && memcmp(m->before, m->assign.labels, bytes) == 0;
    *converged = same || moved <= enough;
    ++*iterations;
    LOCI__TRY(loci__meter_at(&m->meter, *iterations, NULL, error));
  }
  return same ? LOCI_OK : loci__assign_run(&m->assign, m->centers, error);
}

static loci_status one_run(kmeans *m, uint64_t seed, loci_error *error) {
  loci__random random;
  loci__random_init(&random, seed);
  m->k = m->options->k;
  if (m->options->centers) {
    for (size_t c = 0; c < m->k; c++)
      for (size_t j = 0; j < m->points->dim; j++)
        m->centers[c * m->points->dim + j] =
            (float)(((double)m->options->centers[c * m->points->dim + j] - m->points->mean[j]) * m->points->scale);
  } else {
    draw_sample(m, &random);
    LOCI__TRY(seed_centers(m, &random, error));
  }
  LOCI__TRY(loci__assign_init(&m->assign, m->points, m->k, m->options->plain, error));
  size_t iterations;
  bool converged;
  loci_status status = iterate(m, &iterations, &converged, error);
  if (status == LOCI_OK) status = measure_points(m, error);
  if (status == LOCI_OK) {
    double inertia = 0;
    for (size_t i = 0; i < m->points->n; i++) inertia += m->distances[i];
    if (inertia < m->best_inertia || m->best_k == 0) {
      m->best_inertia = inertia;
      m->best_iterations = iterations;
      m->best_converged = converged;
      m->best_k = m->k;
      memcpy(m->best_centers, m->centers, m->k * m->points->dim * sizeof *m->centers);
      memcpy(m->best_labels, m->assign.labels, m->points->n * sizeof *m->best_labels);
    }
  }
  loci__assign_release(&m->assign);
  return status;
}

/* ---- the answer ------------------------------------------------------------------------------------------ */

/* Centres that were given keep their numbers, and stay when they win no point. */
static loci_status answer_in_place(const kmeans *m, loci_clusters *out, loci_error *error) {
  const loci__points *p = m->points;
  const size_t k = m->best_k, dim = p->dim;
  out->labels = loci__alloc_array(m->context, p->n_rows, sizeof *out->labels);
  out->sizes = loci__alloc_zero(m->context, k, sizeof *out->sizes);
  out->centers = loci__alloc_array(m->context, k, dim * sizeof *out->centers);
  if (!out->labels || !out->sizes || !out->centers)
    return loci__fail_memory(error, k * dim * sizeof *out->centers, "clusters");
  for (size_t i = 0; i < p->n_rows; i++) out->labels[i] = -1;
  for (size_t i = 0; i < p->n; i++) {
    out->labels[p->origin[i]] = m->best_labels[i];
    out->sizes[m->best_labels[i]]++;
  }
  for (size_t i = 0; i < k * dim; i++)
    out->centers[i] = (float)((double)m->best_centers[i] / p->scale + p->mean[i % dim]);
  out->n = p->n_rows, out->k = k, out->dim = dim;
  out->n_left_out = p->n_rows - p->n;
  out->inertia = m->best_inertia / (p->scale * p->scale);
  return LOCI_OK;
}

/* Clusters without points have no number. */
static loci_status answer(kmeans *m, loci_clusters *out, loci_error *error) {
  if (m->options->centers) LOCI__TRY(answer_in_place(m, out, error));
  else {
    size_t kept = 0, *number = m->order;
    for (size_t c = 0; c < m->best_k; c++) number[c] = SIZE_MAX;
    for (size_t i = 0; i < m->points->n; i++) number[m->best_labels[i]] = 0;
    for (size_t c = 0; c < m->best_k; c++)
      if (number[c] == 0) number[c] = kept++;
    for (size_t i = 0; i < m->points->n; i++) m->best_labels[i] = (int32_t)number[m->best_labels[i]];
    LOCI__TRY(loci__clusters_make(m->points, m->best_labels, NULL, kept, out, error));
  }
  out->iterations = m->best_iterations;
  out->converged = m->best_converged;
  return LOCI_OK;
}

static loci_status prepare(kmeans *m, loci_error *error) {
  const loci__points *p = m->points;
  const size_t k = m->options->k, n = p->n, dim = p->dim;
  size_t n_sample = SEEDING_A_CENTER * k > SEEDING ? SEEDING_A_CENTER * k : SEEDING;
  if (n_sample > n || m->options->centers) n_sample = n;
  m->n_sample = n_sample;
  const size_t n_trials = 2 + (size_t)log((double)k);
  if (n_sample < n) m->sample = loci__alloc_array(m->context, n_sample, sizeof *m->sample);
  m->centers = loci__alloc_array(m->context, k, dim * sizeof *m->centers);
  m->next = loci__alloc_array(m->context, k, dim * sizeof *m->next);
  m->best_centers = loci__alloc_array(m->context, k, dim * sizeof *m->best_centers);
  m->before = loci__alloc_array(m->context, n, sizeof *m->before);
  m->best_labels = loci__alloc_array(m->context, n, sizeof *m->best_labels);
  m->order = loci__alloc_array(m->context, n, sizeof *m->order);
  m->starts = loci__alloc_array(m->context, k + 1, sizeof *m->starts);
  m->chunks = loci__alloc_array(m->context, k + 1, sizeof *m->chunks);
  m->sums = loci__alloc_array(m->context, k + n / CHUNK + 1, dim * sizeof *m->sums);
  m->distances = loci__alloc_array(m->context, n, sizeof *m->distances);
  m->totals = loci__alloc_array(m->context, k, dim * sizeof *m->totals);
  m->counts = loci__alloc_array(m->context, k, sizeof *m->counts);
  m->changed = loci__alloc_array(m->context, n, sizeof *m->changed);
  m->taken = loci__alloc_array(m->context, k, sizeof *m->taken);
  m->closest = loci__alloc_array(m->context, n_sample, sizeof *m->closest);
  m->trial = loci__alloc_array(m->context, n_sample, n_trials * sizeof *m->trial);
  if ((n_sample < n && !m->sample) || !m->centers || !m->next || !m->best_centers || !m->before || !m->best_labels ||
      !m->order || !m->starts || !m->chunks || !m->sums || !m->totals || !m->counts || !m->changed || !m->taken ||
      !m->distances || !m->closest || !m->trial)
    return loci__fail_memory(error, (3 * k + n / CHUNK) * dim * sizeof *m->sums, "a clustering");
  return LOCI_OK;
}

static void release(kmeans *m) {
  void *const memory[] = {m->sample, m->centers, m->next,   m->best_centers, m->before, m->best_labels,
                          m->order,  m->starts,  m->chunks, m->distances,    m->sums,   m->totals,
                          m->counts, m->changed, m->taken,  m->closest,      m->trial};
  for (size_t i = 0; i < LOCI__COUNT(memory); i++) loci__free(m->context, memory[i]);
}

static loci_status run(kmeans *m, loci_clusters *out, loci_error *error) {
  LOCI__TRY(prepare(m, error));
  size_t n_runs = m->options->n_init ? m->options->n_init : m->points->n <= MANY_STARTS ? 10 : 1;
  if (m->options->centers || m->options->k == 1) n_runs = 1;
  loci__meter_init(&m->meter, m->options->progress, m->options->progress_user);
  for (size_t r = 0; r < n_runs; r++) {
    LOCI__TRY(loci__meter_stage(&m->meter, "clustering", "iterations", 0, error));
    LOCI__TRY(one_run(m, m->options->seed + r, error));
  }
  LOCI__TRY(loci__meter_end(&m->meter, error));
  return answer(m, out, error);
}

loci_status loci_kmeans(const loci_vectors *vectors, const size_t *rows, size_t n_rows,
                        const loci_kmeans_options *options, loci_clusters *out, loci_error *error) {
  *out = (loci_clusters){.context = vectors->context};
  loci__points points;
  if (options->k == 0) return loci__fail(error, LOCI_ERROR_USAGE, "k-means of 0 clusters: k is at least 1");
  for (size_t i = 0; options->centers && i < options->k * vectors->dim; i++)
    if (!isfinite(options->centers[i]))
      return loci__fail(error, LOCI_ERROR_USAGE, "centre %zu is not finite", i / vectors->dim);
  LOCI__TRY(loci__points_make(vectors, rows, n_rows, options->metric, &points, error));
  loci_status status = LOCI_OK;
  if (options->k > points.n)
    status = loci__fail(error, LOCI_ERROR_USAGE, "%zu clusters of %zu %s%s: k is at most their number", options->k,
                        points.n, points.n == 1 ? "row" : "rows",
                        points.n < points.n_rows ? " that have a direction and are finite" : "");
  if (status == LOCI_OK) {
    kmeans m = {.options = options, .points = &points, .context = vectors->context};
    m.kernels = loci__kernels_of(vectors->context);
    status = run(&m, out, error);
    release(&m);
  }
  loci__points_release(&points);
  if (status != LOCI_OK) loci_clusters_release(out);
  return status;
}
