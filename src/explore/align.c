/* explore/align.c: one language's vectors turned into another's space, and how well that went.
 *
 * Phases of loci_align: the given pairs as unit rows → Procrustes → rounds of refinement (Conneau, Lample, Ranzato, Denoyer
 * and Jégou 2018, "Word translation without parallel data", section 2.2): words that are each other's nearest by CSLS
 * are a dictionary, longer and cleaner than the given one; with the given pairs they are learned from anew.
 *
 * CSLS(x, y) = 2·cos(x, y) − r(x) − r(y), where r is the mean cosine with the k nearest words of the other language. For
 * one x the term r(x) is the same for every y, so the best y is that of greatest cos(x, y) − r(y)/2: a product with a
 * penalty a row.
 *
 * No held-out pair may be among those given: nothing here looks at any other.
 */
#include "align.h"

#include <math.h>

void loci_align_options_init(loci_align_options *options) {
  *options = (loci_align_options){.struct_size = sizeof *options, .refinements = 5, .csls_k = 10, .most = 15000};
}

void loci_alignment_release(loci_alignment *alignment) {
  loci__free(alignment->context, alignment->w);
  alignment->w = NULL;
}

static void map_row(const double *w, size_t dim, const float *x, double *sums, float *out) {
  memset(sums, 0, dim * sizeof *sums);
  for (size_t i = 0; i < dim; i++) {
    const double factor = x[i], *row = w + i * dim;
    for (size_t j = 0; j < dim; j++) sums[j] += factor * row[j];
  }
  for (size_t j = 0; j < dim; j++) out[j] = (float)sums[j];
}

typedef struct mapping {
  const double *w;
  size_t n, dim;
  const float *from;
  float *to;
  double *sums; /* dim a worker */
  bool unit;    /* rows are made unit vectors first */
} mapping;

enum { ROWS_A_TASK = 64 };

static loci_status map_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  const mapping *m = arg;
  const size_t last = (task + 1) * ROWS_A_TASK < m->n ? (task + 1) * ROWS_A_TASK : m->n;
  for (size_t i = task * ROWS_A_TASK; i < last; i++) {
    float *to = m->to + i * m->dim;
    const float *from = m->from + i * m->dim;
    if (m->unit) loci__unit(from, m->dim, to), from = to;
    map_row(m->w, m->dim, from, m->sums + worker * m->dim, to); /* reads a row before it writes it */
    if (m->unit) loci__unit(to, m->dim, to);
  }
  return LOCI_OK;
}

static loci_status map_rows(loci_context *context, const double *w, const float *from, size_t n, size_t dim, bool unit,
                            float *to, loci_error *error) {
  mapping m = {.w = w, .n = n, .dim = dim, .from = from, .to = to, .unit = unit};
  m.sums = loci__alloc_array(context, loci__pool_size(context), dim * sizeof *m.sums);
  if (m.sums == NULL) return loci__fail_memory(error, dim * sizeof *m.sums, "a row's sums");
  const loci_status status = loci__pool_run(context, (n + ROWS_A_TASK - 1) / ROWS_A_TASK, map_task, &m, error);
  loci__free(context, m.sums);
  return status;
}

/* Mean score of the k best of each of m targets among the rows: r of CSLS. `best`: m × k, room for it. */
static loci_status mean_nearest(const loci__packed_rows *rows, const float *targets, size_t m, size_t k,
                                loci_neighbor *best, float *out, loci_error *error) {
  const loci__wanted wanted = {.targets = targets, .m = m, .k = k};
  LOCI__TRY(loci__packed_rows_nearest(rows, &wanted, best, error));
  for (size_t i = 0; i < m; i++) {
    double sum = 0;
    size_t n = 0;
    for (; n < k && best[i * k + n].index != SIZE_MAX; n++) sum += best[i * k + n].score;
    out[i] = n > 0 ? (float)(sum / (double)n) : 0;
  }
  return LOCI_OK;
}

static loci_status unit_rows(loci_context *context, const float *from, size_t n, size_t dim, float **out,
                             loci_error *error) {
  size_t cells;
  *out = loci__mul(n, dim, &cells) ? loci__alloc_array(context, cells, sizeof **out) : NULL;
  if (*out == NULL) return loci__fail_memory(error, n * dim * sizeof **out, "unit rows");
  for (size_t i = 0; i < n; i++) loci__unit(from + i * dim, dim, *out + i * dim);
  return LOCI_OK;
}

/* ---- learning ------------------------------------------------------------------------------------------- */

typedef struct learner {
  loci_context *context;
  const loci_vectors *source, *target;
  const loci_align_options *options;
  loci_alignment *out;
  size_t dim, n_given, n_source, n_target; /* pairs given; rows of a refinement */
  size_t n, capacity;                      /* pairs to learn from: the given ones first */
  float *x, *y;
  float *mapped, *there;              /* n_source × dim, n_target × dim */
  float *reach_source, *reach_target; /* r of each */
  loci_neighbor *best, *forward, *backward;
  loci__procrustes_start start;
} learner;

static bool is_direction(const float *row, size_t dim) {
  double square = 0;
  for (size_t i = 0; i < dim; i++) square += (double)row[i] * row[i];
  return isfinite(square) && square > 0;
}

static loci_status add_pair(learner *l, size_t from, size_t to, loci_error *error) {
  const float *x = l->source->rows + from * l->dim, *y = l->target->rows + to * l->dim;
  if (!is_direction(x, l->dim) || !is_direction(y, l->dim)) return LOCI_OK;
  size_t other = l->capacity;
  if (!loci__grow(l->context, &l->x, &other, l->n + 1, l->dim * sizeof *l->x) ||
      !loci__grow(l->context, &l->y, &l->capacity, l->n + 1, l->dim * sizeof *l->y))
    return loci__fail_memory(error, (l->n + 1) * l->dim * sizeof *l->x, "the pairs");
  loci__unit(x, l->dim, l->x + l->n * l->dim);
  loci__unit(y, l->dim, l->y + l->n * l->dim);
  l->n++;
  return LOCI_OK;
}

static loci_status solve(learner *l, loci_error *error) {
  return loci__procrustes(l->context, l->x, l->y, l->n, l->dim, &l->start, l->out->w, error);
}

static loci_status fit(learner *l, loci_error *error) {
  double sum = 0, *sums = loci__alloc_array(l->context, l->dim, sizeof *sums);
  float *mapped = loci__alloc_array(l->context, l->dim, sizeof *mapped);
  loci_status status = LOCI_OK;
  if (sums == NULL || mapped == NULL) status = loci__fail_memory(error, l->dim * sizeof *sums, "a row");
  for (size_t i = 0; status == LOCI_OK && i < l->n_given; i++) {
    map_row(l->out->w, l->dim, l->x + i * l->dim, sums, mapped);
    sum += loci_measure(mapped, l->y + i * l->dim, l->dim, LOCI_METRIC_COSINE);
  }
  l->out->n_pairs = l->n_given;
  l->out->fit = sum / (double)l->n_given;
  loci__free(l->context, sums);
  loci__free(l->context, mapped);
  return status;
}

/* Pairs that are each other's nearest by CSLS replace those that the round before added. */
static loci_status refine_with(learner *l, const loci__packed_rows *sources, const loci__packed_rows *targets,
                               loci_error *error) {
  const size_t k = l->options->csls_k, ns = l->n_source, nt = l->n_target;
  LOCI__TRY(mean_nearest(targets, l->mapped, ns, k, l->best, l->reach_source, error));
  LOCI__TRY(mean_nearest(sources, l->there, nt, k, l->best, l->reach_target, error));
  for (size_t i = 0; i < ns; i++) l->reach_source[i] /= 2;
  for (size_t i = 0; i < nt; i++) l->reach_target[i] /= 2;
  const loci__wanted forward = {.targets = l->mapped, .m = ns, .k = 1, .penalties = l->reach_target};
  const loci__wanted backward = {.targets = l->there, .m = nt, .k = 1, .penalties = l->reach_source};
  LOCI__TRY(loci__packed_rows_nearest(targets, &forward, l->forward, error));
  LOCI__TRY(loci__packed_rows_nearest(sources, &backward, l->backward, error));
  l->n = l->n_given;
  for (size_t i = 0; i < ns; i++) {
    const size_t to = l->forward[i].index;
    if (to != SIZE_MAX && l->backward[to].index == i) LOCI__TRY(add_pair(l, i, to, error));
  }
  l->out->n_refined = l->n - l->n_given;
  return LOCI_OK;
}

static loci_status refine(learner *l, const loci__packed_rows *targets, loci_error *error) {
  LOCI__TRY(map_rows(l->context, l->out->w, l->source->rows, l->n_source, l->dim, true, l->mapped, error));
  loci__packed_rows sources;
  LOCI__TRY(loci__packed_rows_init(&sources, l->context, l->mapped, l->n_source, l->dim, error));
  const loci_status status = refine_with(l, &sources, targets, error);
  loci__packed_rows_release(&sources);
  LOCI__TRY(status);
  return solve(l, error);
}

static loci_status refine_all(learner *l, loci__meter *meter, loci_error *error) {
  const size_t ns = l->n_source, nt = l->n_target, most = ns > nt ? ns : nt;
  l->mapped = loci__alloc_array(l->context, ns, l->dim * sizeof *l->mapped);
  l->reach_source = loci__alloc_array(l->context, ns, sizeof *l->reach_source);
  l->reach_target = loci__alloc_array(l->context, nt, sizeof *l->reach_target);
  l->forward = loci__alloc_array(l->context, ns, sizeof *l->forward);
  l->backward = loci__alloc_array(l->context, nt, sizeof *l->backward);
  l->best = loci__alloc_array(l->context, most, l->options->csls_k * sizeof *l->best);
  if (l->mapped == NULL || l->reach_source == NULL || l->reach_target == NULL || l->forward == NULL ||
      l->backward == NULL || l->best == NULL)
    return loci__fail_memory(error, most * l->options->csls_k * sizeof *l->best, "a refinement");
  LOCI__TRY(unit_rows(l->context, l->target->rows, nt, l->dim, &l->there, error));
  loci__packed_rows targets;
  LOCI__TRY(loci__packed_rows_init(&targets, l->context, l->there, nt, l->dim, error));
  loci_status status = loci__meter_stage(meter, "refining", "rounds", l->options->refinements, error);
  for (size_t i = 0; status == LOCI_OK && i < l->options->refinements; i++) {
    status = refine(l, &targets, error);
    if (status == LOCI_OK) status = loci__meter_at(meter, i + 1, NULL, error);
  }
  loci__packed_rows_release(&targets);
  LOCI__TRY(status);
  return loci__meter_end(meter, error);
}

static loci_status learn(learner *l, const size_t *pairs, size_t n, loci_error *error) {
  for (size_t i = 0; i < n; i++) LOCI__TRY(add_pair(l, pairs[2 * i], pairs[2 * i + 1], error));
  l->n_given = l->n;
  if (l->n == 0)
    return loci__fail(
        error, LOCI_ERROR_USAGE,
        "no pair of the dictionary is usable: a pair counts when both words have a vector that is not zero");
  loci__meter meter;
  loci__meter_init(&meter, l->options->progress, l->options->progress_user);
  LOCI__TRY(loci__meter_stage(&meter, "aligning", "pairs", l->n, error));
  LOCI__TRY(solve(l, error));
  if (l->options->refinements > 0) LOCI__TRY(refine_all(l, &meter, error));
  return fit(l, error);
}

static loci_status same_width(const loci_vectors *a, const loci_vectors *b, loci_error *error) {
  if (a->dim == b->dim) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_USAGE,
                    "'%s' has vectors of %zu numbers and '%s' of %zu: train both with one --dim", a->path, a->dim,
                    b->path, b->dim);
}

static loci_status check_pairs(const loci_vectors *source, const loci_vectors *target, const size_t *pairs, size_t n,
                               loci_error *error) {
  LOCI__TRY(same_width(source, target, error));
  for (size_t i = 0; i < n; i++)
    if (pairs[2 * i] >= source->n || pairs[2 * i + 1] >= target->n)
      return loci__fail(error, LOCI_ERROR_USAGE, "pair %zu names a row that is not there", i);
  return LOCI_OK;
}

loci_status loci_align(const loci_vectors *source, const loci_vectors *target, const size_t *pairs, size_t n,
                       const loci_align_options *options, loci_alignment *out, loci_error *error) {
  loci_align_options given;
  loci_align_options_init(&given);
  if (options != NULL)
    memcpy(&given, options, options->struct_size < sizeof given ? options->struct_size : sizeof given);
  if (given.csls_k == 0) given.csls_k = 10;
  *out = (loci_alignment){.context = source->context, .dim = source->dim};
  LOCI__TRY(check_pairs(source, target, pairs, n, error));
  const size_t most = given.most > 0 ? given.most : SIZE_MAX;
  learner l = {.context = source->context,
               .source = source,
               .target = target,
               .options = &given,
               .out = out,
               .dim = source->dim,
               .n_source = source->n < most ? source->n : most,
               .n_target = target->n < most ? target->n : most};
  size_t cells;
  out->w = loci__mul(l.dim, l.dim, &cells) ? loci__alloc_array(l.context, cells, sizeof *out->w) : NULL;
  l.start.v = out->w != NULL ? loci__alloc_array(l.context, cells, sizeof *l.start.v) : NULL;
  const loci_status status = l.start.v != NULL ? learn(&l, pairs, n, error)
                                               : loci__fail_memory(error, l.dim * l.dim * sizeof *out->w, "a rotation");
  loci__free(l.context, l.start.v);
  loci__free(l.context, l.x);
  loci__free(l.context, l.y);
  loci__free(l.context, l.mapped);
  loci__free(l.context, l.there);
  loci__free(l.context, l.reach_source);
  loci__free(l.context, l.reach_target);
  loci__free(l.context, l.best);
  loci__free(l.context, l.forward);
  loci__free(l.context, l.backward);
  if (status != LOCI_OK) loci_alignment_release(out);
  return status;
}

loci_status loci_align_vectors(const loci_alignment *alignment, const loci_vectors *source, loci_vectors **out,
                               loci_error *error) {
  *out = NULL;
  if (source->dim != alignment->dim)
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' has vectors of %zu numbers, the alignment is of %zu", source->path,
                      source->dim, alignment->dim);
  loci_vectors *v;
  LOCI__TRY(loci_vectors_new(source->context, source->path, source->n, source->dim, &v, error));
  loci_status status = LOCI_OK;
  for (size_t i = 0; status == LOCI_OK && i < source->n; i++)
    status = loci_vectors_add(v, source->words[i], source->lengths[i], source->rows + i * source->dim, NULL, 0, error);
  if (status == LOCI_OK && source->counts != NULL) {
    v->counts = loci__alloc_array(v->context, v->n, sizeof *v->counts);
    if (v->counts == NULL) status = loci__fail_memory(error, v->n * sizeof *v->counts, "the counts");
    else memcpy(v->counts, source->counts, v->n * sizeof *v->counts);
  }
  if (status == LOCI_OK)
    status = map_rows(v->context, alignment->w, source->rows, v->n, v->dim, false, v->owned_rows, error);
  if (status != LOCI_OK) loci_vectors_close(v);
  else *out = v;
  return status;
}

/* ---- measuring -------------------------------------------------------------------------------------------- */

loci_share loci_share_of(size_t n_right, size_t n) {
  static const double z = 1.959963984540054; /* of the normal distribution, two-sided 95 % */
  loci_share s = {.n_right = n_right, .n = n, .low = 0, .high = 1};
  if (n == 0) return s;
  const double p = (double)n_right / (double)n, m = (double)n, zz = z * z / m;
  const double middle = (p + zz / 2) / (1 + zz), half = z / (1 + zz) * sqrt(p * (1 - p) / m + zz / (4 * m));
  s.value = p;
  s.low = n_right == 0 ? 0 : middle - half;
  s.high = n_right == n ? 1 : middle + half;
  return s;
}

/* Distinct words of the source among the pairs, in their order: *of[i] = the number of pair i's. */
static loci_status distinct(loci_context *context, const size_t *pairs, size_t n, size_t n_rows, size_t *words,
                            size_t *of, size_t *n_words, loci_error *error) {
  size_t *number = loci__alloc_array(context, n_rows, sizeof *number);
  if (number == NULL) return loci__fail_memory(error, n_rows * sizeof *number, "the words of a dictionary");
  memset(number, 0xff, n_rows * sizeof *number);
  *n_words = 0;
  for (size_t i = 0; i < n; i++) {
    size_t *at = &number[pairs[2 * i]];
    if (*at == SIZE_MAX) words[ *at = (*n_words)++] = pairs[2 * i];
    of[i] = *at;
  }
  loci__free(context, number);
  return LOCI_OK;
}

typedef struct score {
  const loci_vectors *mapped, *target;
  size_t n, n_words, k;
  const size_t *pairs;
  size_t *words, *of; /* n each */
  float *queries, *from, *there, *reach;
  loci_neighbor *best, *answers, *answers_csls;
  loci__packed_rows sources, targets;
} score;

static loci_share right_of(const score *s, const loci_neighbor *answers, bool *right) {
  size_t n_right = 0;
  memset(right, 0, s->n_words * sizeof *right);
  for (size_t i = 0; i < s->n; i++)
    if (answers[s->of[i]].index == s->pairs[2 * i + 1]) right[s->of[i]] = true;
  for (size_t i = 0; i < s->n_words; i++) n_right += right[i];
  return loci_share_of(n_right, s->n_words);
}

static loci_status measure(score *s, loci_align_report *out, loci_error *error) {
  loci_context *context = s->mapped->context;
  const size_t dim = s->mapped->dim;
  LOCI__TRY(distinct(context, s->pairs, s->n, s->mapped->n, s->words, s->of, &s->n_words, error));
  for (size_t i = 0; i < s->n_words; i++) loci__unit(s->mapped->rows + s->words[i] * dim, dim, s->queries + i * dim);
  LOCI__TRY(unit_rows(context, s->target->rows, s->target->n, dim, &s->there, error));
  LOCI__TRY(loci__packed_rows_init(&s->targets, context, s->there, s->target->n, dim, error));
  LOCI__TRY(loci__packed_rows_init(&s->sources, context, s->mapped->rows, s->mapped->n, dim, error));
  LOCI__TRY(mean_nearest(&s->sources, s->there, s->target->n, s->k, s->best, s->reach, error));
  for (size_t i = 0; i < s->target->n; i++) s->reach[i] /= 2;
  loci__wanted wanted = {.targets = s->queries, .m = s->n_words, .k = 1};
  LOCI__TRY(loci__packed_rows_nearest(&s->targets, &wanted, s->answers, error));
  wanted.penalties = s->reach;
  LOCI__TRY(loci__packed_rows_nearest(&s->targets, &wanted, s->answers_csls, error));
  bool *right = loci__alloc_array(context, s->n_words + 1, sizeof *right);
  if (right == NULL) return loci__fail_memory(error, s->n_words, "the right answers");
  out->cosine = right_of(s, s->answers, right);
  out->csls = right_of(s, s->answers_csls, right);
  loci__free(context, right);
  return LOCI_OK;
}

loci_status loci_align_score(const loci_vectors *mapped, const loci_vectors *target, const size_t *pairs, size_t n,
                             size_t csls_k, loci_align_report *out, loci_error *error) {
  *out = (loci_align_report){0};
  LOCI__TRY(check_pairs(mapped, target, pairs, n, error));
  out->cosine = out->csls = loci_share_of(0, 0);
  if (n == 0) return LOCI_OK;
  loci_context *context = mapped->context;
  score s = {.mapped = mapped, .target = target, .n = n, .k = csls_k > 0 ? csls_k : 10, .pairs = pairs};
  s.words = loci__alloc_array(context, n, sizeof *s.words);
  s.of = loci__alloc_array(context, n, sizeof *s.of);
  s.queries = loci__alloc_array(context, n, mapped->dim * sizeof *s.queries);
  s.reach = loci__alloc_array(context, target->n, sizeof *s.reach);
  s.best = loci__alloc_array(context, target->n, s.k * sizeof *s.best);
  s.answers = loci__alloc_array(context, n, sizeof *s.answers);
  s.answers_csls = loci__alloc_array(context, n, sizeof *s.answers_csls);
  const bool there = s.words != NULL && s.of != NULL && s.queries != NULL && s.reach != NULL && s.best != NULL &&
                     s.answers != NULL && s.answers_csls != NULL;
  const loci_status status =
      there ? measure(&s, out, error) : loci__fail_memory(error, target->n * s.k * sizeof *s.best, "a measurement");
  loci__packed_rows_release(&s.targets);
  loci__packed_rows_release(&s.sources);
  loci__free(context, s.words);
  loci__free(context, s.of);
  loci__free(context, s.queries);
  loci__free(context, s.there);
  loci__free(context, s.reach);
  loci__free(context, s.best);
  loci__free(context, s.answers);
  loci__free(context, s.answers_csls);
  return status;
}

/* ---- one word ------------------------------------------------------------------------------------------------- */

enum { CANDIDATES = 1000 };

/* Candidates come with their cosines, nearest first, and leave with their CSLS, best first. memory: n unit rows and a
 * number for each. */
static loci_status rescale(const loci_vectors *vectors, const loci__packed_rows *sources, size_t csls_k,
                           loci_neighbor *candidates, size_t n, float *memory, loci_neighbor *best, loci_error *error) {
  const size_t dim = vectors->dim, near = csls_k < n ? csls_k : n;
  float *reaches = memory + n * dim;
  for (size_t i = 0; i < n; i++) loci__unit(vectors->rows + candidates[i].index * dim, dim, memory + i * dim);
  LOCI__TRY(mean_nearest(sources, memory, n, csls_k, best, reaches, error));
  double reach = 0; /* of the query: its nearest are the first candidates */
  for (size_t i = 0; i < near; i++) reach += candidates[i].score / (double)near;
  for (size_t i = 0; i < n; i++) {
    const loci_neighbor c = {candidates[i].index, 2 * candidates[i].score - reach - reaches[i]};
    size_t at = i;
    for (; at > 0; at--) {
      const loci_neighbor *before = &candidates[at - 1];
      if (before->score > c.score || (before->score == c.score && before->index < c.index)) break;
      candidates[at] = *before;
    }
    candidates[at] = c;
  }
  return LOCI_OK;
}

loci_status loci_csls(const loci_vectors *vectors, const loci_vectors *from, const float *query, size_t k,
                      size_t csls_k, loci_neighbor *out, size_t *n, loci_error *error) {
  *n = 0;
  LOCI__TRY(same_width(from, vectors, error));
  if (k == 0) return LOCI_OK;
  if (csls_k == 0) csls_k = 10;
  loci_context *context = vectors->context;
  size_t room = k > CANDIDATES / 10 ? 10 * k : CANDIDATES;
  if (room < csls_k) room = csls_k;
  if (room > vectors->n) room = vectors->n;
  const size_t dim = vectors->dim;
  loci__packed_rows sources;
  LOCI__TRY(loci__packed_rows_init(&sources, context, from->rows, from->n, dim, error));
  loci_neighbor *candidates = loci__alloc_array(context, room, sizeof *candidates);
  loci_neighbor *best = loci__alloc_array(context, room, csls_k * sizeof *best);
  float *memory = loci__alloc_array(context, room, (dim + 1) * sizeof *memory);
  size_t n_candidates = 0;
  loci_status status = candidates != NULL && best != NULL && memory != NULL
                           ? LOCI_OK
                           : loci__fail_memory(error, room * (dim + 1) * sizeof *memory, "the candidates");
  if (status == LOCI_OK)
    status = loci_neighbors(vectors, query, room, LOCI_METRIC_COSINE, NULL, 0, candidates, &n_candidates, error);
  if (status == LOCI_OK) status = rescale(vectors, &sources, csls_k, candidates, n_candidates, memory, best, error);
  if (status == LOCI_OK) {
    *n = k < n_candidates ? k : n_candidates;
    memcpy(out, candidates, *n * sizeof *out);
  }
  loci__packed_rows_release(&sources);
  loci__free(context, candidates);
  loci__free(context, best);
  loci__free(context, memory);
  return status;
}
