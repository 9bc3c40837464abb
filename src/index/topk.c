/* index/topk.c: the k best of n scores.
 *
 * A binary heap of the k best seen so far with the worst on top: most scores lose one comparison with it. Then the
 * heap is taken apart from the worst to the best. The order is total (score, then lower index), so the answer does
 * not depend on the way there. O(n + m log k) for m scores that enter; the heap is the caller's out[], no memory.
 */
#include <math.h>

#include "index.h"

static float key_of(const float *scores, size_t i) {
  return isnan(scores[i]) ? -INFINITY : scores[i];
}

/* a stands behind b in the answer. */
static bool worse(const float *scores, size_t a, size_t b) {
  float x = key_of(scores, a), y = key_of(scores, b);
  return x < y || (!(x > y) && a > b);
}

static void sift_down(const float *scores, size_t *heap, size_t n, size_t i) {
  size_t item = heap[i];
  for (size_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && worse(scores, heap[child + 1], heap[child])) child++;
    if (!worse(scores, heap[child], item)) break;
    heap[i] = heap[child];
  }
  heap[i] = item;
}

size_t loci__top_k(loci_context *context, const float *scores, size_t n, size_t k, size_t *out) {
  (void)context;
  if (k > n) k = n;
  if (k == 0) return 0;
  for (size_t i = 0; i < k; i++) out[i] = i;
  for (size_t i = k / 2; i-- > 0;) sift_down(scores, out, k, i);
  float bound = key_of(scores, out[0]);
  for (size_t i = k; i < n; i++) {
    /* An equal score loses: its index is higher than all that are in the heap. NaN compares false. */
    if (!(scores[i] > bound)) continue;
    out[0] = i;
    sift_down(scores, out, k, 0);
    bound = key_of(scores, out[0]);
  }
  for (size_t left = k; left > 1; left--) {
    size_t worst = out[0];
    out[0] = out[left - 1];
    sift_down(scores, out, left - 1, 0);
    out[left - 1] = worst;
  }
  return k;
}
