/* explore/assign.c: which centre is nearest to each point.
 *
 * Plainly, one blocked product: BLOCK points a task times all centres, packed once, −|c|²/2 going along as the product's
 * bias. From the second call on most of it is spared by bounds as Elkan's (2003), on products instead of distances: since a
 * centre moved by Δ, x·c has grown by |x|·|Δ| at most. For each point and centre is kept P ≥ x·c − |x|·D, D being how far the
 * centre has come in all its moves; then s(x, c) ≤ P + |x|·D − |c|²/2, whatever happened since. Centres for which that lies
 * below the point's own s cannot be nearer. Sixteen centres have such a bound together, which moves with the one of them that
 * moves most and is looked at first, as in Ding et al.'s Yinyang k-means (2015); and the point's own s has a lower bound
 * alike, so that most points are done without looking at their numbers. Groups are of centres that lie together in the second
 * call (the first has but seeds): then whole groups are far from a point. The others are multiplied one by one, or, where they are many in a block,
 * all again as one product.
 *
 * Products are rounded. e bounds the error of one (Higham 2002, 3.1, and the roundings of the bounds); what lies within 2·e
 * of the greatest is measured in double. So labels are those of exact arithmetic but for ties in double, which go to the
 * lower centre: the same with and without bounds, by any kernels, at any number of threads.
 */
#include "cluster.h"

#include <float.h>
#include <math.h>

enum { BLOCK = 64, DENSE = 4, GROUP = 16 };
static const size_t MOST_BOUNDS = (size_t)1 << 30; /* bytes: beyond, products are made anew each time */

loci_status loci__assign_init(loci__assign *a, const loci__points *points, size_t k, bool plain, loci_error *error) {
  loci_context *context = points->context;
  *a = (loci__assign){.points = points, .kernels = loci__kernels_of(context), .k = k, .fresh = true};
  a->width = loci__panels(a->kernels, k);
  const size_t workers = loci__pool_size(context), dim = points->dim;
  size_t size, bounds, n_groups = a->width / GROUP;
  if (loci__mul(a->width, dim * sizeof *a->packed, &size)) a->packed = loci__alloc_aligned(context, size);
  const bool bounded = !plain && loci__mul(points->n, a->width * sizeof *a->bounds, &bounds) && bounds <= MOST_BOUNDS;
  a->bias = loci__alloc_aligned(context, a->width * sizeof *a->bias);
  a->drift = loci__alloc_aligned(context, a->width * sizeof *a->drift);
  a->scores = loci__alloc_aligned(context, workers * BLOCK * a->width * sizeof *a->scores);
  a->labels = loci__alloc_array(context, points->n, sizeof *a->labels);
  a->lengths = loci__alloc_array(context, points->n, sizeof *a->lengths);
  a->before = loci__alloc_array(context, k, dim * sizeof *a->before);
  a->centers = loci__alloc_array(context, k, dim * sizeof *a->centers);
  a->order = loci__alloc_array(context, k, sizeof *a->order);
  a->places = loci__alloc_array(context, k, sizeof *a->places);
  a->moved = loci__alloc_zero(context, k + 1, sizeof *a->moved);
  a->picked = loci__alloc_array(context, workers, a->width * sizeof *a->picked);
  a->picks = loci__alloc_array(context, workers, BLOCK * a->width * sizeof *a->picks);
  a->counts = loci__alloc_array(context, workers, BLOCK * sizeof *a->counts);
  a->n_products = loci__alloc_zero(context, workers, sizeof *a->n_products);
  if (bounded) {
    a->bounds = loci__alloc_aligned(context, bounds);
    a->groups = loci__alloc_array(context, points->n, n_groups * sizeof *a->groups);
    a->own = loci__alloc_array(context, points->n, sizeof *a->own);
  }
  a->group_moved = loci__alloc_zero(context, n_groups, 2 * sizeof *a->group_moved);
  a->group_drift = loci__alloc_zero(context, n_groups, 2 * sizeof *a->group_drift);
  if (!a->packed || !a->bias || !a->drift || !a->scores || !a->labels || !a->lengths || !a->before || !a->moved ||
      !a->centers || !a->order || !a->places || !a->picked || !a->picks || !a->counts || !a->n_products ||
      !a->group_moved || !a->group_drift || (bounded && (!a->bounds || !a->groups || !a->own))) {
    loci__assign_release(a);
    return loci__fail_memory(error, a->width * dim * sizeof *a->packed, "the centres of a clustering");
  }
  memset(a->packed, 0, size);
  memset(a->drift, 0, a->width * sizeof *a->drift);
  for (size_t i = 0; i < points->n; i++) {
    double square = 0;
    for (size_t j = 0; j < dim; j++) square += (double)points->rows[i * dim + j] * points->rows[i * dim + j];
    a->lengths[i] = (float)(sqrt(square) * (1 + FLT_EPSILON));
    a->labels[i] = -1;
  }
  for (size_t c = 0; c < k; c++) a->order[c] = a->places[c] = (uint32_t)c;
  return LOCI_OK;
}

void loci__assign_release(loci__assign *a) {
  loci_context *context = a->points->context;
  float *const aligned[] = {a->packed, a->bias, a->drift, a->scores, a->bounds};
  for (size_t i = 0; i < LOCI__COUNT(aligned); i++) loci__free_aligned(context, aligned[i]);
  void *const memory[] = {a->labels, a->lengths,    a->before, a->centers,     a->order,
                          a->places, a->moved,      a->picked, a->picks,       a->counts,
                          a->groups, a->n_products, a->own,    a->group_moved, a->group_drift};
  for (size_t i = 0; i < LOCI__COUNT(memory); i++) loci__free(context, memory[i]);
  *a = (loci__assign){.points = a->points};
}

uint64_t loci__assign_products(const loci__assign *a) {
  uint64_t sum = 0;
  for (size_t w = 0; w < loci__pool_size(a->points->context); w++) sum += a->n_products[w];
  return sum;
}

/* ---- one point ------------------------------------------------------------------------------------------- */

static float error_of(const loci__assign *a, size_t point) {
  const double length = (double)a->lengths[point], c = a->greatest;
  const double furthest = a->moved[a->k];
  return (float)(FLT_EPSILON * (((double)a->points->dim + 8) * length * c + 16 * (c * c + length * (c + furthest))));
}

static double exact(const loci__assign *a, size_t point, size_t center) {
  const size_t dim = a->points->dim;
  const float *x = a->points->rows + point * dim, *c = a->centers + center * dim;
  double product = 0, square = 0;
  for (size_t j = 0; j < dim; j++) {
    product += (double)x[j] * c[j];
    square += (double)c[j] * c[j];
  }
  return product - square / 2;
}

/* Centres are places in a->centers here. The greatest of n scores of centres `which` (NULL: 0 … n − 1, in order) and, in double, of those too near to it to
 * tell. */
static size_t greatest_of(const loci__assign *a, size_t point, const float *scores, const uint32_t *which, size_t n,
                          float e) {
  size_t best = 0, near = 0;
  for (size_t j = 1; j < n; j++)
    if (scores[j] > scores[best]) best = j;
  const float least = scores[best] - 2 * e;
  for (size_t j = 0; j < n; j++) near += scores[j] >= least;
  const size_t center = which ? which[best] : best;
  if (near <= 1) return center;
  size_t found = center;
  double most = exact(a, point, center);
  for (size_t j = 0; j < n; j++) {
    const size_t other = which ? which[j] : j;
    if (!(scores[j] >= least) || other == center) continue;
    const double score = exact(a, point, other);
    if (score > most || (score == most && a->order[other] < a->order[found])) most = score, found = other;
  }
  return found;
}

/* In a tree, four at a time: one after the other would wait for each. */
static inline float greatest_of_group(const float *x) {
  float four[4];
  for (size_t j = 0; j < 4; j++) {
    const float a = x[j] > x[j + 4] ? x[j] : x[j + 4], b = x[j + 8] > x[j + 12] ? x[j + 8] : x[j + 12];
    four[j] = a > b ? a : b;
  }
  const float a = four[0] > four[1] ? four[0] : four[1], b = four[2] > four[3] ? four[2] : four[3];
  return a > b ? a : b;
}

/* The greatest bound of a group, the point's own centre left out. */
static void bound_group(const loci__assign *a, size_t point, size_t g, size_t label) {
  const float length = a->lengths[point], *bound = a->bounds + point * a->width + g * GROUP;
  const float *drift = a->drift + g * GROUP, *bias = a->bias + g * GROUP;
  float most[GROUP];
  for (size_t j = 0; j < GROUP; j++) most[j] = bound[j] + length * drift[j] + bias[j];
  if (label / GROUP == g) most[label % GROUP] = -INFINITY;
  const float greatest = greatest_of_group(most);
  a->groups[point * (a->width / GROUP) + g] = greatest - length * a->group_drift[2 * g] - a->group_drift[2 * g + 1];
}

/* ---- a block of points --------------------------------------------------------------------------------------- */

static void multiply_all(const loci__assign *a, size_t first, size_t count, float *scores, size_t worker) {
  const size_t dim = a->points->dim, width = a->width;
  a->kernels->gemm_f32(&(loci__gemm){.x = a->points->rows + first * dim,
                                     .x_stride = dim,
                                     .m = count,
                                     .packed = a->packed,
                                     .n = width,
                                     .k = dim,
                                     .bias = a->bias,
                                     .activation = LOCI__KERNEL_IDENTITY,
                                     .y = scores,
                                     .y_stride = width});
  a->n_products[worker] += (uint64_t)count * a->k;
  for (size_t i = 0; i < count; i++) {
    const float *row = scores + i * width, e = error_of(a, first + i), length = a->lengths[first + i];
    const size_t label = greatest_of(a, first + i, row, NULL, a->k, e);
    a->labels[first + i] = (int32_t)a->order[label];
    if (!a->bounds) continue;
    float *bound = a->bounds + (first + i) * width;
    for (size_t c = 0; c < a->k; c++) bound[c] = row[c] - a->bias[c] + e - length * a->drift[c];
    for (size_t c = a->k; c < width; c++) bound[c] = -INFINITY;
    for (size_t g = 0; g < width / GROUP; g++) bound_group(a, first + i, g, label);
    a->own[first + i] = row[label] - a->bias[label] - e + length * a->drift[label];
  }
}

/* Centres that may be nearer than the point's own, which is put first; 0 when there are none for certain. */
static size_t look(const loci__assign *a, size_t point, uint32_t *picks, float *own) {
  const size_t dim = a->points->dim, label = a->places[a->labels[point]], n_groups = a->width / GROUP;
  const float length = a->lengths[point], *drift = a->drift, *bias = a->bias, *moved = a->group_drift;
  const float low = a->own[point] - length * drift[label] + bias[label];
  float *group = a->groups + point * n_groups;
  int any = 0;
  for (size_t g = 0; g < n_groups; g++) any |= group[g] + length * moved[2 * g] + moved[2 * g + 1] >= low;
  if (!any) return 0;
  const float e = error_of(a, point);
  *own = a->kernels->dot_f32(a->points->rows + point * dim, a->centers + label * dim, dim) + bias[label];
  a->own[point] = *own - bias[label] - e + length * drift[label];
  const float least = *own - 2 * e;
  size_t n = 0;
  picks[n++] = (uint32_t)label;
  for (size_t g = 0; g < n_groups; g++) {
    if (!(group[g] + length * moved[2 * g] + moved[2 * g + 1] >= least)) continue;
    const size_t c = g * GROUP;
    const float *bound = a->bounds + point * a->width + c;
    float most[GROUP];
    for (size_t j = 0; j < GROUP; j++) most[j] = bound[j] + length * drift[c + j] + bias[c + j];
    if (label / GROUP == g) most[label % GROUP] = -INFINITY;
    const float greatest = greatest_of_group(most);
    group[g] = greatest - length * moved[2 * g] - moved[2 * g + 1];
    if (!(greatest >= least)) continue;
    for (size_t j = 0; j < GROUP; j++)
      if (most[j] >= least && c + j < a->k) picks[n++] = (uint32_t)(c + j);
  }
  return n;
}

static void multiply_picked(const loci__assign *a, size_t point, const uint32_t *picks, size_t n, float own,
                            float *scores, size_t worker) {
  const size_t dim = a->points->dim;
  const float e = error_of(a, point), length = a->lengths[point];
  float *bound = a->bounds + point * a->width;
  a->kernels->dot_picked_f32(a->points->rows + point * dim, a->centers, dim, picks + 1, n - 1, dim, scores + 1);
  a->n_products[worker] += n;
  scores[0] = own;
  bound[picks[0]] = own - a->bias[picks[0]] + e - length * a->drift[picks[0]];
  for (size_t j = 1; j < n; j++) {
    bound[picks[j]] = scores[j] + e - length * a->drift[picks[j]];
    scores[j] += a->bias[picks[j]];
  }
  const size_t label = greatest_of(a, point, scores, picks, n, e);
  a->labels[point] = (int32_t)a->order[label];
  for (size_t j = 0; j < n; j++) { /* picks of a group stand together, but for the first */
    if (j < 2 || picks[j] / GROUP != picks[j - 1] / GROUP) bound_group(a, point, picks[j] / GROUP, label);
    if (picks[j] == label) a->own[point] = scores[j] - a->bias[label] - e + length * a->drift[label];
  }
}

static loci_status assign_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  const loci__assign *a = arg;
  const size_t n = a->points->n, first = task * BLOCK, count = first + BLOCK < n ? BLOCK : n - first;
  float *scores = a->scores + worker * BLOCK * a->width, own[BLOCK];
  if (!a->bounds || a->fresh) {
    multiply_all(a, first, count, scores, worker);
    return LOCI_OK;
  }
  uint32_t *picks = a->picks + worker * BLOCK * a->width;
  size_t *counts = a->counts + worker * BLOCK, all = 0;
  for (size_t i = 0; i < count; i++) {
    counts[i] = look(a, first + i, picks + i * a->width, &own[i]);
    if (counts[i] > 0) a->n_products[worker]++, all += counts[i] - 1;
  }
  if (all > count * a->k / DENSE) {
    multiply_all(a, first, count, scores, worker);
    return LOCI_OK;
  }
  for (size_t i = 0; i < count; i++)
    if (counts[i] > 1)
      multiply_picked(a, first + i, picks + i * a->width, counts[i], own[i], a->picked + worker * a->width, worker);
  return LOCI_OK;
}

/* Of its centres the furthest move, and the greatest growth of −|c|²/2. */
static void move_group(loci__assign *a, size_t g, double far, double most) {
  double *moved = a->group_moved + 2 * g;
  moved[0] += far, moved[1] += most;
  a->group_drift[2 * g] = (float)(moved[0] * (1 + FLT_EPSILON));
  a->group_drift[2 * g + 1] = (float)(moved[1] + fabs(moved[1]) * FLT_EPSILON);
  a->moved[a->k] = fmax(a->moved[a->k], moved[0] + fabs(moved[1]));
}

/* Groups of centres that lie together: of those that are left the first one and what is nearest to it. distances: k. */
static void arrange(loci__assign *a, const float *centers, float *distances) {
  const size_t dim = a->points->dim, k = a->k;
  uint32_t *order = a->order;
  for (size_t at = 0; at < k; at += GROUP) {
    for (size_t i = at; i < k; i++)
      distances[i] = a->kernels->l2sq_f32(centers + order[at] * dim, centers + order[i] * dim, dim);
    for (size_t i = at + 1; i < k && i < at + GROUP; i++) {
      size_t near = i;
      for (size_t j = i + 1; j < k; j++)
        if (distances[j] < distances[near]) near = j;
      const uint32_t t = order[i];
      const float d = distances[i];
      order[i] = order[near], distances[i] = distances[near];
      order[near] = t, distances[near] = d;
    }
  }
  for (size_t c = 0; c < k; c++) a->places[order[c]] = (uint32_t)c;
}

/* As if there had been no call before. */
static void begin_anew(loci__assign *a) {
  a->fresh = true;
  memset(a->moved, 0, (a->k + 1) * sizeof *a->moved);
  memset(a->drift, 0, a->width * sizeof *a->drift);
  memset(a->group_moved, 0, a->width / GROUP * 2 * sizeof *a->group_moved);
  memset(a->group_drift, 0, a->width / GROUP * 2 * sizeof *a->group_drift);
}

loci_status loci__assign_run(loci__assign *a, const float *given, loci_error *error) {
  const loci__points *p = a->points;
  if (++a->n_calls == 2 && a->bounds) {
    arrange(a, given, a->picked);
    begin_anew(a);
  }
  float *centers = a->centers;
  for (size_t c = 0; c < a->k; c++)
    memcpy(centers + c * p->dim, given + a->order[c] * p->dim, p->dim * sizeof *centers);
  loci__gemm_pack(a->kernels, centers, p->dim, a->k, p->dim, NULL, 0, p->dim, a->packed);
  a->greatest = 0;
  double far = 0, most = 0;
  for (size_t c = 0; c < a->width; c++) {
    double square = 0, move = 0;
    for (size_t j = 0; c < a->k && j < p->dim; j++) {
      const double x = centers[c * p->dim + j], d = a->fresh ? 0 : x - (double)a->before[c * p->dim + j];
      square += x * x;
      move += d * d;
    }
    const float was = a->bias[c];
    a->bias[c] = c < a->k ? (float)(-square / 2) : -INFINITY;
    if (c >= a->k) continue;
    a->greatest = fmax(a->greatest, sqrt(square));
    a->moved[c] += sqrt(move);
    a->drift[c] = (float)(a->moved[c] * (1 + FLT_EPSILON));
    const double grown = a->fresh ? 0 : (double)a->bias[c] - (double)was;
    if (c % GROUP == 0) far = sqrt(move), most = grown;
    far = fmax(far, sqrt(move)), most = fmax(most, grown);
    if (c % GROUP == GROUP - 1 || c + 1 == a->k) move_group(a, c / GROUP, far, most);
  }
  LOCI__TRY(loci__pool_run(p->context, (p->n + BLOCK - 1) / BLOCK, assign_task, a, error));
  memcpy(a->before, centers, a->k * p->dim * sizeof *centers);
  a->fresh = false;
  return LOCI_OK;
}
