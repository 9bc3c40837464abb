/* eval/partition.c: how well clusters agree with classes. Purity; homogeneity, completeness and their harmonic mean, the
 * V-measure (Rosenberg and Hirschberg 2007); the Rand index adjusted for chance (Hubert and Arabie 1985).
 *
 * All are functions of the table of how many items of class i are in cluster j, which has at most n cells that are not 0:
 * items are sorted by class, cluster, and runs are counted.
 */
#include "eval.h"

#include <math.h>
#include <stdlib.h>

typedef struct item {
  int32_t class, cluster;
} item;

static int by_class(const void *a, const void *b) {
  const item *x = a, *y = b;
  if (x->class != y->class) return x->class < y->class ? -1 : 1;
  return (x->cluster > y->cluster) - (x->cluster < y->cluster);
}

static int by_cluster(const void *a, const void *b) {
  const item *x = a, *y = b;
  if (x->cluster != y->cluster) return x->cluster < y->cluster ? -1 : 1;
  return (x->class > y->class) - (x->class < y->class);
}

/* What one pass over sorted items gives: the entropy of the outer variable, Σ of squared counts of it and of the cells,
 * the joint entropy, and Σ over outer values of their greatest cell. Entropies in nats. */
typedef struct sums {
  double entropy, joint, pairs, pairs_joint, greatest;
} sums;

static double part_entropy(double count, double n) {
  return -count / n * log(count / n);
}

static sums sum_up(const item *items, size_t n, bool clusters) {
  sums s = {0};
  for (size_t i = 0, end; i < n; i = end) {
    double greatest = 0;
    const int32_t outer = clusters ? items[i].cluster : items[i].class;
    for (end = i; end < n && (clusters ? items[end].cluster : items[end].class) == outer;) {
      size_t cell = end;
      while (cell < n && items[cell].cluster == items[end].cluster && items[cell].class == items[end].class) cell++;
      const double count = (double)(cell - end);
      s.joint += part_entropy(count, (double)n);
      s.pairs_joint += count * (count - 1) / 2;
      if (count > greatest) greatest = count;
      end = cell;
    }
    const double count = (double)(end - i);
    s.entropy += part_entropy(count, (double)n);
    s.pairs += count * (count - 1) / 2;
    s.greatest += greatest;
  }
  return s;
}

loci_status loci_partition_measure(loci_context *context, const int32_t *classes, const int32_t *labels, size_t n,
                                   loci_partition_score *out, loci_error *error) {
  *out = (loci_partition_score){0};
  if (n == 0) return loci__fail(error, LOCI_ERROR_USAGE, "clusters of no items");
  if (n > INT32_MAX / 2) return loci__fail(error, LOCI_ERROR_LIMIT, "more than %d items", INT32_MAX / 2);
  item *items = loci__alloc_array(context, n, sizeof *items);
  if (items == NULL) return loci__fail_memory(error, n * sizeof *items, "the table of clusters and classes");
  int32_t alone = -1;
  for (size_t i = 0; i < n; i++) items[i] = (item){classes[i], labels[i] >= 0 ? labels[i] : alone--};
  qsort(items, n, sizeof *items, by_class);
  const sums class = sum_up(items, n, false);
  qsort(items, n, sizeof *items, by_cluster);
  const sums cluster = sum_up(items, n, true);
  loci__free(context, items);
  /* H(class | cluster) = H(class, cluster) − H(cluster) */
  out->homogeneity = class.entropy > 0 ? 1 - (class.joint - cluster.entropy) / class.entropy : 1;
  out->completeness = cluster.entropy > 0 ? 1 - (class.joint - class.entropy) / cluster.entropy : 1;
  if (out->homogeneity < 0) out->homogeneity = 0; /* by rounding */
  if (out->completeness < 0) out->completeness = 0;
  const double sum = out->homogeneity + out->completeness;
  out->v_measure = sum > 0 ? 2 * out->homogeneity * out->completeness / sum : 0;
  out->purity = cluster.greatest / (double)n;
  const double all = (double)n * ((double)n - 1) / 2, expected = all > 0 ? class.pairs * cluster.pairs / all : 0;
  const double most = (class.pairs + cluster.pairs) / 2;
  out->adjusted_rand = most == class.pairs_joint ? 1 : (class.pairs_joint - expected) / (most - expected);
  return LOCI_OK;
}
