#!/usr/bin/env python3
# Clusterings and their measures by scikit-learn, for tests/unit/test_cluster.c and test_metrics of clusterings.
# Made once in a throw-away environment: scikit-learn 1.9.1, numpy 2.4.6.
#   python3 make_cluster.py > cluster/cluster.txt
# Lines of numbers behind a word:
#   kmeans <name> <n> <dim> <k> <unit 0|1>, then n "x" rows, k "c" rows (where the centres begin),
#     "=" <inertia> <iterations>, "l" labels
#   hdbscan <name> <n> <dim> <min_cluster_size> <min_samples> <leaf 0|1> <single 0|1>, then n "x" rows, "l" labels,
#     "p" probabilities
#   score <n>, "t" classes, "l" clusters, "=" <homogeneity> <completeness> <v-measure> <ARI> <purity> <NMI>
# Numbers are floats with few digits, so that both sides read the same ones; scikit-learn works on them in double.
import warnings

import numpy
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import (adjusted_rand_score, homogeneity_completeness_v_measure, normalized_mutual_info_score)
from sklearn.metrics.cluster import contingency_matrix

warnings.simplefilter("ignore")
rng = numpy.random.default_rng(5)


def rounded(x):
    return numpy.asarray([[float(f"{v:.5g}") for v in row] for row in x], dtype=numpy.float32)


def put(letter, rows):
    for row in rows:
        print(letter, *(f"{v:.9g}" for v in row))


def blobs(n, dim, k, spread, offset=0.0, noise=0):
    means = rng.normal(size=(k, dim)) * 3 + offset
    x = numpy.concatenate([means[rng.integers(0, k, n)] + rng.normal(size=(n, dim)) * spread,
                           rng.uniform(-9, 9, size=(noise, dim)) + offset])
    return rounded(x)


def kmeans(name, x, k, unit=False, centers=None):
    y = x.astype(numpy.float64)
    if unit:
        y /= numpy.linalg.norm(y, axis=1, keepdims=True)
    if centers is None:
        centers = rounded(y[rng.choice(len(y), k, replace=False)])
    got = KMeans(k, init=centers.astype(numpy.float64), n_init=1, max_iter=300, tol=1e-4, algorithm="lloyd").fit(y)
    print("kmeans", name, len(x), x.shape[1], k, int(unit))
    put("x", x)
    put("c", centers)
    print("=", repr(float(got.inertia_)), got.n_iter_)
    print("l", *got.labels_)


kmeans("blobs", blobs(300, 7, 6, 0.5), 6)
kmeans("overlapping", blobs(400, 5, 4, 3.0), 9)
kmeans("far-from-zero", blobs(200, 3, 4, 0.3, offset=1000.0), 4)
kmeans("unit", blobs(300, 20, 5, 2.0), 8, unit=True)
x = blobs(120, 4, 3, 0.4)
centers = numpy.concatenate([x[:3], numpy.full((2, 4), 60.0, dtype=numpy.float32)])  # two that win no point
kmeans("empty", x, 5, centers=rounded(centers))
kmeans("one", blobs(50, 3, 2, 1.0), 1)


def hdbscan(name, make, size, samples, leaf=False, single=False):
    """Mutual reachability has ties by its nature (many edges cost a core distance), and scikit-learn breaks them by the
    order of the rows: only a set on which it says the same after shuffling can be told to others."""

    def run(x):
        return HDBSCAN(min_cluster_size=size, min_samples=samples, cluster_selection_method="leaf" if leaf else "eom",
                       allow_single_cluster=single, algorithm="brute", copy=True).fit(x.astype(numpy.float64))

    for attempt in range(1000):
        x = make()
        got = run(x)
        orders = [rng.permutation(len(x)) for _ in range(4)]
        again = [(o, run(x[o])) for o in orders]
        if all(adjusted_rand_score(got.labels_[o], r.labels_) == 1 and numpy.array_equal(got.labels_[o] < 0, r.labels_ < 0)
               and numpy.allclose(got.probabilities_[o], r.probabilities_) for o, r in again):
            break
    else:
        raise SystemExit(f"{name}: ties everywhere")
    print("hdbscan", name, len(x), x.shape[1], size, samples, int(leaf), int(single))
    put("x", x)
    print("l", *got.labels_)
    print("p", *(f"{v:.9g}" for v in got.probabilities_))


def bent():
    t = rng.uniform(0, numpy.pi, 150)
    moons = numpy.stack([numpy.cos(t) + (t > 1.5) * 0.9, numpy.sin(t) * numpy.where(t > 1.5, 1, -1)], 1)
    return rounded(moons + rng.normal(size=moons.shape) * 0.04)


hdbscan("blobs", lambda: blobs(200, 3, 4, 0.4, noise=30), 5, 5)
hdbscan("many-samples", lambda: blobs(200, 2, 5, 0.5, noise=40), 8, 12)
hdbscan("leaf", lambda: blobs(120, 2, 3, 1.2, noise=20), 7, 2, leaf=True)
hdbscan("noise", lambda: rounded(rng.uniform(size=(80, 6))), 10, 5)
hdbscan("single", lambda: blobs(90, 4, 1, 1.0), 10, 5, single=True)
hdbscan("wide", lambda: blobs(150, 40, 3, 0.8), 6, 3)
hdbscan("bent", bent, 7, 3)
hdbscan("single-linkage", lambda: blobs(200, 3, 4, 0.4, noise=30), 5, 1)


def score(truth, labels):
    table = contingency_matrix(truth, labels)
    print("score", len(truth))
    print("t", *truth)
    print("l", *labels)
    print("=", *(repr(float(v)) for v in (*homogeneity_completeness_v_measure(truth, labels),
                                          adjusted_rand_score(truth, labels), table.max(axis=0).sum() / len(truth),
                                          normalized_mutual_info_score(truth, labels))))


score([0, 0, 0, 0], [0, 0, 0, 0])
score([0, 0, 1, 1], [1, 1, 0, 0])
score([0, 1, 2, 3], [0, 0, 0, 0])
score([0, 0, 0, 0], [0, 1, 2, 3])
score([0], [0])
for n, a, b in ((10, 3, 2), (60, 4, 4), (200, 12, 7)):
    truth = rng.integers(0, a, n)
    score(truth, numpy.where(rng.uniform(size=n) < 0.7, truth % b, rng.integers(0, b, n)))
