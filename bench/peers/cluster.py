#!/usr/bin/env python3
"""k-means: loci beside faiss and scikit-learn, from the same centres, for the same number of iterations.

    cluster.py --bench build-bench/bench/bench-cluster --vectors vectors.bin [--n 100000] [-k 256] [--iterations 25]

Peers: faiss-cpu 1.15.1 (Kmeans, all points, then the labels of all), scikit-learn 1.9.1 (KMeans, lloyd and elkan). The data are
the first n rows of a word2vec .bin, of unit length; without --vectors a mixture of Gaussians of 300 numbers. Every figure
is the smallest of --repeats runs, each program alone, two threads; the machine's multiply rate through NumPy's BLAS is
printed to see that it is well set up.
"""
import argparse
import os
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("--bench", required=True)
parser.add_argument("--vectors")
parser.add_argument("--n", type=int, default=100000)
parser.add_argument("-k", type=int, action="append")
parser.add_argument("--iterations", type=int, default=25)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeats", type=int, default=2)
args = parser.parse_args()
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(args.threads)

import faiss  # noqa: E402
import numpy  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402


def rows():
    if not args.vectors:
        rng = numpy.random.default_rng(1)
        means = rng.normal(size=(500, 300)) * 0.5
        x = means[rng.integers(0, 500, args.n)] + rng.normal(size=(args.n, 300))
    else:
        with open(args.vectors, "rb") as file:
            n, dim = map(int, file.readline().split())
            x = numpy.empty((min(n, args.n), dim), dtype=numpy.float32)
            for i in range(len(x)):
                while file.read(1) not in (b" ", b""):
                    pass
                x[i] = numpy.frombuffer(file.read(4 * dim), dtype=numpy.float32)
                file.read(1)
    x = x.astype(numpy.float32)
    return numpy.ascontiguousarray(x / numpy.linalg.norm(x, axis=1, keepdims=True))


def best(run):
    seconds, found = min((run() for _ in range(args.repeats)), key=lambda pair: pair[0])
    return seconds, found


def inertia(x, centers, labels):
    return float(((x - centers[labels]).astype(numpy.float64) ** 2).sum())


x = rows()
a = numpy.ones((2000, 2000), dtype=numpy.float32)
a @ a
began = time.perf_counter()
for _ in range(5):
    a @ a
print(f"NumPy's BLAS: {5 * 2 * 2000 ** 3 / (time.perf_counter() - began) / 1e9:.0f} GFLOP/s on {args.threads} threads")

for k in args.k or [64, 256, 1024]:
    centers = numpy.ascontiguousarray(x[numpy.random.default_rng(k).choice(len(x), k, replace=False)])

    def of_faiss():
        began = time.perf_counter()
        model = faiss.Kmeans(x.shape[1], k, niter=args.iterations, max_points_per_centroid=10 ** 9,
                             min_points_per_centroid=1)
        model.train(x, init_centroids=centers)
        labels = model.index.search(x, 1)[1][:, 0]
        return time.perf_counter() - began, inertia(x, model.centroids, labels)

    def of_sklearn(algorithm):
        began = time.perf_counter()
        model = KMeans(k, init=centers, n_init=1, max_iter=args.iterations, tol=0, algorithm=algorithm).fit(x)
        return time.perf_counter() - began, float(model.inertia_)

    def of_loci(*how):
        with tempfile.TemporaryDirectory() as folder:
            x.tofile(folder + "/x")
            centers.tofile(folder + "/c")
            text = subprocess.run([args.bench, folder + "/x", folder + "/c", *map(str, (*x.shape, k, args.iterations,
                                  args.threads)), *how], check=True, capture_output=True, text=True).stdout.split()
        return float(text[0]), float(text[1])

    print(f"{len(x)} × {x.shape[1]}, {k} clusters, {args.iterations} iterations")
    results = {"loci": best(of_loci), "loci, every distance": best(lambda: of_loci("plain")), "faiss": best(of_faiss),
               "scikit-learn lloyd": best(lambda: of_sklearn("lloyd")),
               "scikit-learn elkan": best(lambda: of_sklearn("elkan"))}
    fastest = min(seconds for name, (seconds, _) in results.items() if not name.startswith("loci"))
    for name, (seconds, found) in results.items():
        print(f"  {name:24} {seconds:8.2f} s   inertia {found:.4f}   {fastest / seconds:.2f} × the faster peer")
