/* train/classify_loss.c: the losses of a classifier and the scores of its labels.
 *
 *   softmax            all labels: gradient δ − p
 *   negative sampling  the label against some others, drawn by √count
 *   hierarchical       the decisions on the way from the root of the labels' Huffman tree
 *   one-vs-all         each label for itself: a text may have several
 *
 * Scores are what the fastText program prints, so that a model gives the same answer there: p + 1e-5 (it keeps log(p +
 * 1e-5)), a logistic function in 513 steps for the losses that are made of it, and no label of a tree below 1e-5.
 */
#include "classify.h"

#include <math.h>

loci_status loci__labels_init(loci__labels *l, loci_context *context, int loss, size_t n, size_t dim, size_t stride,
                              size_t negative, const int64_t *counts, loci_error *error) {
  *l = (loci__labels){.context = context,
                      .kernels = loci__kernels_of(context),
                      .loss = loss,
                      .n = n,
                      .stride = stride,
                      .dim = dim,
                      .negative = negative};
  l->all = loci__alloc_array(context, n, sizeof *l->all);
  uint64_t *unsigned_counts = loci__alloc_array(context, n, sizeof *unsigned_counts);
  loci_status status = LOCI_OK;
  if (!l->all || !unsigned_counts) {
    status = loci__fail_memory(error, n * 12, "the labels");
  } else {
    for (size_t i = 0; i < n; i++) {
      l->all[i] = (uint32_t)i;
      unsigned_counts[i] = counts[i] > 0 ? (uint64_t)counts[i] : 0;
    }
    if (loss == LOCI__FASTTEXT_NEGATIVE) {
      double *weights = loci__alloc_array(context, n, sizeof *weights);
      for (size_t i = 0; weights && i < n; i++) weights[i] = sqrt((double)unsigned_counts[i]);
      status = weights ? loci__alias_build(context, weights, n, &l->noise, error)
                       : loci__fail_memory(error, n * 8, "labels");
      loci__free(context, weights);
    } else if (loss == LOCI__FASTTEXT_HIERARCHICAL && n > 1) {
      status = loci__huffman_build(context, unsigned_counts, n, &l->code, error);
      if (status == LOCI_OK) l->children = loci__alloc_array(context, n - 1, sizeof *l->children);
      if (status == LOCI_OK && !l->children) status = loci__fail_memory(error, 8 * n, "the labels' tree");
    }
  }
  loci__free(context, unsigned_counts);
  if (status != LOCI_OK) {
    loci__labels_release(l);
    return status;
  }
  for (size_t i = 0; l->children && i < n; i++) {
    for (size_t j = l->code.begin[i]; j < l->code.begin[i + 1]; j++) {
      bool leaf = j + 1 == l->code.begin[i + 1];
      l->children[l->code.points[j]][l->code.bits[j]] = leaf ? -1 - (int32_t)i : (int32_t)l->code.points[j + 1];
    }
  }
  return LOCI_OK;
}

void loci__labels_release(loci__labels *l) {
  loci__free(l->context, l->all);
  loci__free(l->context, l->children);
  if (l->code.context) loci__huffman_release(&l->code);
  if (l->noise.context) loci__alias_release(&l->noise);
  *l = (loci__labels){.context = l->context};
}

/* ---- training ---- */

/* Output rows against the hidden vector: weights[i] = rate·(label − σ(x)), all from the rows as they are, then moved.
 * `rows` are distinct but for noise words drawn twice, which then count twice. */
static double binary(const loci__labels *l, float *output, const float *hidden, const uint32_t *rows, size_t n,
                     const float *wanted, float rate, float *weights, float *gradient) {
  const loci__kernels *k = l->kernels;
  k->dot_picked_f32(hidden, output, l->stride, rows, n, l->dim, weights);
  k->logistic_f32(weights, n, weights);
  double loss = 0;
  for (size_t i = 0; i < n; i++) {
    double right = wanted[i] > 0 ? (double)weights[i] : 1 - (double)weights[i];
    loss -= log(right + 1e-7);
    weights[i] = rate * (wanted[i] - weights[i]);
  }
  k->add_picked_f32(gradient, output, l->stride, rows, weights, n, l->dim);
  for (size_t i = 0; i < n; i++) k->add_scaled_f32(weights[i], hidden, l->dim, output + rows[i] * l->stride);
  return loss;
}

static double teach_softmax(const loci__labels *l, float *output, const float *hidden, uint32_t target, float rate,
                            float *p, float *gradient) {
  const loci__kernels *k = l->kernels;
  k->dot_picked_f32(hidden, output, l->stride, l->all, l->n, l->dim, p);
  float most = p[0];
  for (size_t i = 1; i < l->n; i++) most = p[i] > most ? p[i] : most;
  float sum = k->exp_sum_f32(p, l->n, most, 1, p);
  double loss = -log((double)p[target] / (double)sum + 1e-7);
  for (size_t i = 0; i < l->n; i++) p[i] = rate * ((i == target ? 1.0f : 0.0f) - p[i] / sum);
  k->add_picked_f32(gradient, output, l->stride, l->all, p, l->n, l->dim);
  for (size_t i = 0; i < l->n; i++) k->add_scaled_f32(p[i], hidden, l->dim, output + i * l->stride);
  return loss;
}

enum { AT_ONCE = 64 };

static double teach_noise(const loci__labels *l, float *output, const float *hidden, uint32_t target, float rate,
                          loci__random *random, float *gradient) {
  double loss = 0;
  uint32_t rows[AT_ONCE];
  float wanted[AT_ONCE], weights[AT_ONCE];
  for (size_t i = 0, n = 0; i <= l->negative; i++) {
    uint32_t row = target;
    if (i > 0 && l->n > 1) do
        row = loci__alias_draw(&l->noise, loci__random_next(random));
      while (row == target);
    else if (i > 0) break; /* no other label to stand against */
    rows[n] = row;
    wanted[n++] = i == 0 ? 1 : 0;
    if (n < AT_ONCE && i < l->negative) continue;
    loss += binary(l, output, hidden, rows, n, wanted, rate, weights, gradient);
    n = 0;
  }
  return loss;
}

static double teach_tree(const loci__labels *l, float *output, const float *hidden, uint32_t target, float rate,
                         float *gradient) {
  double loss = 0;
  float wanted[AT_ONCE], weights[AT_ONCE];
  if (!l->children) return 0; /* one label: nothing to decide */
  for (size_t i = l->code.begin[target], end = l->code.begin[target + 1]; i < end;) {
    size_t n = end - i < AT_ONCE ? end - i : AT_ONCE;
    for (size_t j = 0; j < n; j++) wanted[j] = l->code.bits[i + j];
    loss += binary(l, output, hidden, l->code.points + i, n, wanted, rate, weights, gradient);
    i += n;
  }
  return loss;
}

double loci__labels_teach(const loci__labels *l, float *output, const float *hidden, const uint32_t *own, size_t n_own,
                          uint32_t target, float rate, loci__random *random, float *scratch, float *gradient) {
  memset(gradient, 0, l->dim * sizeof *gradient);
  switch (l->loss) {
    case LOCI__FASTTEXT_NEGATIVE: return teach_noise(l, output, hidden, target, rate, random, gradient);
    case LOCI__FASTTEXT_HIERARCHICAL: return teach_tree(l, output, hidden, target, rate, gradient);
    case LOCI__FASTTEXT_OVA: {
      float *wanted = scratch + l->n;
      memset(wanted, 0, l->n * sizeof *wanted);
      for (size_t i = 0; i < n_own; i++) wanted[own[i]] = 1;
      return binary(l, output, hidden, l->all, l->n, wanted, rate, scratch, gradient);
    }
    default: return teach_softmax(l, output, hidden, target, rate, scratch, gradient);
  }
}

/* ---- scores ---- */

/* The k best so far and one more, as a heap whose root is the worst of them. Scores come in steps, so equal ones are
 * common, and which of them are kept, and in which order, is a matter of the heap alone: it is the one of C++ libraries,
 * which sift a hole down to a leaf and then up again, so that ties fall as in the fastText program. */
typedef struct answer {
  float score;
  uint32_t label;
} answer;

typedef struct best {
  size_t k, n;
  answer *heap; /* k + 1 */
} best;

static void sift_up(best *b, size_t hole, answer value) {
  while (hole > 0 && b->heap[(hole - 1) / 2].score > value.score) {
    b->heap[hole] = b->heap[(hole - 1) / 2];
    hole = (hole - 1) / 2;
  }
  b->heap[hole] = value;
}

/* The root goes to the end of the n; the others are a heap again. */
static void take_root(best *b, size_t n) {
  if (n < 2) return;
  answer value = b->heap[n - 1];
  b->heap[n - 1] = b->heap[0];
  size_t hole = 0, left = n - 1;
  for (size_t child = 2; child < left; child = 2 * hole + 2) {
    if (b->heap[child].score > b->heap[child - 1].score) child--;
    b->heap[hole] = b->heap[child];
    hole = child;
  }
  if (2 * hole + 2 == left) { /* an only child */
    b->heap[hole] = b->heap[left - 1];
    hole = left - 1;
  }
  sift_up(b, hole, value);
}

static void offer(best *b, uint32_t label, float score) {
  if (b->n == b->k && score < b->heap[0].score) return;
  sift_up(b, b->n, (answer){score, label});
  if (++b->n > b->k) take_root(b, b->n--);
}

static float log_of(float p) {
  return (float)log((double)p + 1e-5);
}

/* In 513 steps over −8…8, as the reference has it. */
static float logistic_in_steps(float x) {
  if (x < -8) return 0;
  if (x > 8) return 1;
  int64_t i = (int64_t)((x + 8) * 512 / 8 / 2);
  return (float)(1.0 / (1.0 + (double)expf(-((float)(i * 2 * 8) / 512 - 8))));
}

/* Depth first with a stack of our own: a tree may be as deep as there are labels. Its length is at most the tree's depth
 * + 1; `stack` holds n + 1. */
static void walk_tree(const loci__labels *l, const float *output, const float *hidden, best *b, int32_t *stack,
                      float *scores) {
  size_t depth = 0;
  stack[depth] = (int32_t)l->n - 2;
  scores[depth++] = 0;
  while (depth > 0) {
    int32_t node = stack[--depth];
    float score = scores[depth];
    if (score < log_of(0) || (b->n == b->k && score < b->heap[0].score)) continue;
    if (node < 0) {
      offer(b, (uint32_t)(-1 - node), score);
      continue;
    }
    float f = l->kernels->dot_f32(output + (size_t)node * l->stride, hidden, l->dim);
    f = (float)(1 / (1 + exp(-(double)f)));
    stack[depth] = l->children[node][1];
    scores[depth++] = score + log_of(f);
    stack[depth] = l->children[node][0];
    scores[depth++] = score + log_of(1 - f);
  }
}

size_t loci__labels_best(const loci__labels *l, const float *output, const float *hidden, size_t k, uint32_t *labels,
                         float *probabilities, float *scratch) {
  float *scores = scratch;
  best b = {.k = k < l->n ? k : l->n, .heap = (answer *)(void *)(scratch + 2 * (l->n + 1))};
  if (b.k == 0) return 0;
  if (l->loss == LOCI__FASTTEXT_HIERARCHICAL && !l->children) {
    offer(&b, 0, 0);
  } else if (l->loss == LOCI__FASTTEXT_HIERARCHICAL) {
    walk_tree(l, output, hidden, &b, (int32_t *)(void *)(scratch + l->n + 1), scores);
  } else {
    l->kernels->dot_picked_f32(hidden, output, l->stride, l->all, l->n, l->dim, scores);
    if (l->loss == LOCI__FASTTEXT_SOFTMAX) {
      float most = scores[0];
      for (size_t i = 1; i < l->n; i++) most = scores[i] > most ? scores[i] : most;
      float sum = l->kernels->exp_sum_f32(scores, l->n, most, 1, scores);
      for (size_t i = 0; i < l->n; i++) offer(&b, (uint32_t)i, log_of(scores[i] / sum));
    } else {
      for (size_t i = 0; i < l->n; i++) offer(&b, (uint32_t)i, log_of(logistic_in_steps(scores[i])));
    }
  }
  for (size_t n = b.n; n > 1; n--) take_root(&b, n); /* the worst goes to the end */
  for (size_t i = 0; i < b.n; i++) {
    float p = expf(b.heap[i].score);
    labels[i] = b.heap[i].label;
    probabilities[i] = p < 1 ? p : 1;
  }
  return b.n;
}
