/* huffman.c: see huffman.h. Two pointers over counts that are sorted already: O(n) after the sort. */
#include "huffman.h"

typedef struct node_pair {
  size_t word, inner; /* next word to take + 1 (0 = none is left); next inner node to take */
} node_pair;

/* The rarer of the next word and the next inner node. `sums` past the inner nodes made so far count as infinite. */
static size_t take(node_pair *next, const uint64_t *counts, const uint64_t *sums, size_t n, size_t made) {
  bool word = next->word > 0 && (next->inner >= made || counts[next->word - 1] < sums[next->inner]);
  return word ? --next->word : n + next->inner++;
}

loci_status loci__huffman_build(loci_context *context, const uint64_t *counts, size_t n, loci__huffman *out,
                                loci_error *error) {
  memset(out, 0, sizeof *out);
  out->context = context;
  if (n < 2) return loci__fail(error, LOCI_ERROR_USAGE, "a Huffman code needs at least two words");
  if (n > INT32_MAX) return loci__fail(error, LOCI_ERROR_LIMIT, "%zu words: a Huffman code takes at most 2^31 - 1", n);
  size_t n_nodes = 2 * n - 1, root = n_nodes - 1;
  uint64_t *sums = loci__alloc_array(context, n - 1, sizeof *sums);
  uint32_t *parent = loci__alloc_zero(context, n_nodes, sizeof *parent);
  uint32_t *depth = loci__alloc_zero(context, n_nodes, sizeof *depth);
  uint8_t *bit = loci__alloc_zero(context, n_nodes, 1);
  out->begin = loci__alloc_array(context, n + 1, sizeof *out->begin);
  loci_status status = LOCI_OK;
  if (!sums || !parent || !depth || !bit || !out->begin) {
    status = loci__fail_memory(error, n_nodes * 9 + n * 16, "the Huffman tree");
    goto done;
  }

  node_pair next = {.word = n, .inner = 0};
  for (size_t made = 0; made < n - 1; made++) {
    size_t first = take(&next, counts, sums, n, made), second = take(&next, counts, sums, n, made);
    sums[made] = (first < n ? counts[first] : sums[first - n]) + (second < n ? counts[second] : sums[second - n]);
    parent[first] = parent[second] = (uint32_t)(n + made);
    bit[second] = 1;
  }

  /* A parent is made after its children, so depths are known from the root down. */
  size_t total = 0;
  for (size_t i = root; i-- > 0;) depth[i] = depth[parent[i]] + 1;
  for (size_t i = 0; i < n; i++) {
    out->begin[i] = total;
    total += depth[i];
    if (depth[i] > out->longest) out->longest = depth[i];
  }
  out->begin[n] = total;
  out->points = loci__alloc_array(context, total, sizeof *out->points);
  out->bits = loci__alloc(context, total);
  if (!out->points || !out->bits) {
    status = loci__fail_memory(error, total * 5, "the Huffman code");
    goto done;
  }
  for (size_t i = 0; i < n; i++) {
    size_t at = out->begin[i + 1];
    for (size_t node = i; node != root; node = parent[node]) {
      out->bits[--at] = bit[node];
      out->points[at] = parent[node] - (uint32_t)n;
    }
  }
  out->n = n;

done:
  loci__free(context, sums);
  loci__free(context, parent);
  loci__free(context, depth);
  loci__free(context, bit);
  if (status) loci__huffman_release(out);
  return status;
}

void loci__huffman_release(loci__huffman *code) {
  loci__free(code->context, code->begin);
  loci__free(code->context, code->points);
  loci__free(code->context, code->bits);
  memset(code, 0, sizeof *code);
}
