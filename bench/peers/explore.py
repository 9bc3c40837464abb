#!/usr/bin/env python3
"""bench/peers/explore.py: maps by loci beside openTSNE, scikit-learn and umap-learn, one after the other, on two threads.

    explore.py --bench build/bench/bench-explore [--n 10000] [--dim 384] [--peers opentsne,sklearn,umap] FILE

FILE is anything that bench-explore opens as vectors (word2vec .bin, .npy with labels …) or an .npy alone; its first n rows, cut or
turned to dim columns where it has more, are mapped. Rows are of unit length, so that cosine and L2 have the same neighbours. Every t-SNE's divergence is measured in
one way: all pairs in double, over one P (openTSNE's, exact neighbours, perplexity 30). umap-learn runs twice, the second
run counts. Trustworthiness(15) is scikit-learn's. Needs openTSNE, umap-learn, scikit-learn.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time

import numpy as np

arguments = argparse.ArgumentParser()
arguments.add_argument("file")
arguments.add_argument("--bench", required=True)
arguments.add_argument("--n", type=int, default=10000)
arguments.add_argument("--dim", type=int, default=384)
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--peers", default="opentsne,sklearn,umap")
arguments.add_argument("--again", type=int, default=3, help="loci's runs, of which the median counts")
arguments.add_argument("--no-trust", action="store_true")
a = arguments.parse_args()
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = str(a.threads)


def word2vec(path, n):
    with open(path, "rb") as f:
        n_all, dim = map(int, f.readline().split())
        rows = np.empty((min(n, n_all), dim), np.float32)
        for i in range(len(rows)):
            while f.read(1) != b" ":
                pass
            rows[i] = np.frombuffer(f.read(4 * dim), np.float32)
    return rows


rows = np.load(a.file)[: a.n].astype(np.float32) if a.file.endswith(".npy") else word2vec(a.file, a.n)
rows = rows[:, : a.dim]
rows = np.ascontiguousarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30))
folder = tempfile.mkdtemp()
np.save(f"{folder}/rows.npy", rows)
with open(f"{folder}/rows.labels", "w") as f:
    f.writelines(f"{i}\n" for i in range(len(rows)))
print(f"{len(rows)} x {rows.shape[1]}, {a.threads} threads", flush=True)

P = None


def divergence(y):
    global P
    if P is None:
        from openTSNE import affinity

        P = affinity.PerplexityBasedNN(rows, perplexity=30, metric="euclidean", method="exact", n_jobs=a.threads).P.tocoo()
    y = np.asarray(y, float)
    z = sum((1 / (1 + ((y[i : i + 500, None] - y[None]) ** 2).sum(-1))).sum() for i in range(0, len(y), 500)) - len(y)
    p = P.data / P.data.sum()
    return float((p * (np.log(p) + np.log1p(((y[P.row] - y[P.col]) ** 2).sum(1)) + np.log(z))).sum())


def trust(y):
    if a.no_trust:
        return float("nan")
    from sklearn.manifold import trustworthiness

    return trustworthiness(rows, y, n_neighbors=15)


def tell(name, seconds, y, tsne):
    kl = f"KL {divergence(y):.4f}  " if tsne and len(rows) <= 20000 else ""
    print(f"{name:28} {seconds:8.2f} s  {kl}trustworthiness {trust(y):.4f}", flush=True)


def ours(method):
    runs = []
    for _ in range(a.again):
        out = subprocess.run([a.bench, "--method", method, "--threads", str(a.threads), "--out", f"{folder}/xy",
                              f"{folder}/rows.npy"], check=True, capture_output=True, text=True).stdout
        runs.append(json.loads(out))
    runs.sort(key=lambda r: r["seconds"])
    seconds = runs[len(runs) // 2]["seconds"]
    tell(f"loci {method}", seconds, np.fromfile(f"{folder}/xy", np.float32).reshape(-1, 2), method == "tsne")
    return seconds


def timed(name, work, tsne, base, count=True):
    began = time.perf_counter()
    y = work()
    seconds = time.perf_counter() - began
    tell(name, seconds, y, tsne)
    if count:
        print(f"{'':28} {seconds / base:8.1f} times loci's", flush=True)


peers = a.peers.split(",")
if "opentsne" in peers or "sklearn" in peers:
    base = ours("tsne")
    if "opentsne" in peers:
        import openTSNE

        timed("openTSNE", lambda: openTSNE.TSNE(n_jobs=a.threads, random_state=1).fit(rows), True, base)
        timed("openTSNE, exact neighbours", lambda: openTSNE.TSNE(n_jobs=a.threads, random_state=1, neighbors="exact").fit(rows),
              True, base)
    if "sklearn" in peers:
        from sklearn.manifold import TSNE

        timed("scikit-learn", lambda: TSNE(n_jobs=a.threads, random_state=1).fit_transform(rows), True, base)
if "umap" in peers:
    base = ours("umap")
    import umap

    timed("umap-learn, first run", lambda: umap.UMAP(n_jobs=a.threads).fit_transform(rows), False, base, False)
    timed("umap-learn, second run", lambda: umap.UMAP(n_jobs=a.threads).fit_transform(rows), False, base)
