/* test_huffman.c: codes against what defines them: prefix-free, as short in total as a heap's tree, and the word2vec
 * program's choice where counts are equal. */
#include "support.h"

#include <stdlib.h>

#include "train/huffman.h"

/* The sum of all merged weights, by searching the two least each time: the least total length there is. */
static uint64_t least_total(const uint64_t *counts, size_t n) {
  uint64_t *left = malloc(n * sizeof *left), total = 0;
  assert_non_null(left);
  memcpy(left, counts, n * sizeof *left);
  while (n > 1) {
    for (size_t k = 0; k < 2; k++) { /* the two least to the end */
      size_t least = 0, last = n - 1 - k;
      for (size_t i = 1; i <= last; i++)
        if (left[i] < left[least]) least = i;
      uint64_t kept = left[last];
      left[last] = left[least];
      left[least] = kept;
    }
    left[n - 2] += left[n - 1];
    total += left[n - 2];
    n--;
  }
  free(left);
  return total;
}

static void check_code(const uint64_t *counts, size_t n) {
  loci_context *context = test_context_new(1, NULL);
  loci_error error = {0};
  loci__huffman code;
  assert_ok(loci__huffman_build(context, counts, n, &code, &error), &error);
  assert_int_equal(code.n, n);
  uint64_t total = 0;
  /* From the root, following points and bits, each word's code must lead to a leaf of its own: child[node][bit]. */
  int64_t(*child)[2] = malloc((n - 1) * sizeof *child);
  assert_non_null(child);
  for (size_t i = 0; i < n - 1; i++) child[i][0] = child[i][1] = INT64_MIN;
  size_t longest = 0;
  for (size_t i = 0; i < n; i++) {
    size_t length = code.begin[i + 1] - code.begin[i];
    total += length * counts[i];
    if (length > longest) longest = length;
    assert_int_equal(code.points[code.begin[i]], n - 2);
    for (size_t k = code.begin[i]; k < code.begin[i + 1]; k++) {
      assert_in_range(code.points[k], 0, n - 2);
      assert_in_range(code.bits[k], 0, 1);
      int64_t next = k + 1 < code.begin[i + 1] ? (int64_t)code.points[k + 1] : -1 - (int64_t)i;
      int64_t *known = &child[code.points[k]][code.bits[k]];
      if (*known == INT64_MIN) *known = next;
      assert_int_equal(*known, next);
    }
  }
  for (size_t i = 0; i < n - 1; i++) {
    assert_true(child[i][0] != INT64_MIN && child[i][1] != INT64_MIN);
    assert_true(child[i][0] != child[i][1]);
  }
  assert_int_equal(longest, code.longest);
  assert_true(total == least_total(counts, n));
  free(child);
  loci__huffman_release(&code);
  test_context_free(context);
}

static int descending(const void *a, const void *b) {
  const uint64_t *x = a, *y = b;
  return *x < *y ? 1 : *x > *y ? -1 : 0;
}

static void codes_are_optimal(void **state) {
  (void)state;
  loci__random random;
  loci__random_init(&random, 5);
  static uint64_t counts[700];
  for (size_t n = 2; n < 700; n += n < 40 ? 1 : 97) {
    for (size_t i = 0; i < n; i++) counts[i] = 1 + loci__random_below(&random, n % 2 ? 6 : 1000000);
    qsort(counts, n, sizeof *counts, descending);
    check_code(counts, n);
  }
}

/* Fibonacci counts give the deepest tree: the program's arrays of 40 bits would not hold it. */
static void deep_trees_are_whole(void **state) {
  (void)state;
  uint64_t counts[80], a = 1, b = 1;
  for (size_t i = 80; i-- > 0;) {
    counts[i] = a;
    uint64_t next = a + b;
    a = b;
    b = next;
  }
  check_code(counts, 80);
}

/* A hand-made example: </s> first with a small count, ties. Worked out on paper by the rule of two pointers. */
static void ties_take_the_inner_node(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error = {0};
  loci__huffman code;
  const uint64_t counts[] = {4, 2, 1, 1};
  assert_ok(loci__huffman_build(context, counts, 4, &code, &error), &error);
  /* 1 + 1 → node 0 (words 3, 2); tie of node 0 (2) and word 1 (2): node 0 first → node 1; tie of node 1 and word 0: node 1
   * first → node 2, the root. */
  const uint8_t bits[] = {1, 0, 1, 0, 0, 1, 0, 0, 0};
  const uint32_t points[] = {2, 2, 1, 2, 1, 0, 2, 1, 0};
  assert_int_equal(code.begin[4], 9);
  assert_memory_equal(code.bits, bits, sizeof bits);
  assert_memory_equal(code.points, points, sizeof points);
  loci__huffman_release(&code);

  assert_int_equal(loci__huffman_build(context, counts, 1, &code, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(codes_are_optimal),
      cmocka_unit_test(deep_trees_are_whole),
      cmocka_unit_test(ties_take_the_inner_node),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
