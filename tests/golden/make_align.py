"""make_align.py: tests/golden/align/procrustes.txt and csls.txt, by NumPy's SVD and the formulas of Conneau et al. 2018.
Made with Python 3.11, NumPy 2.x (the version stands in the files' first line); float32 in, float64 throughout.
Run: python make_align.py FOLDER"""
import sys
import numpy as np

folder = sys.argv[1]
rng = np.random.default_rng(7)


def put(f, name, a):
    a = np.atleast_2d(a)
    f.write(f"{name} {a.shape[0]} {a.shape[1]}\n")
    for row in a:
        f.write(" ".join(repr(float(x)) for x in row) + "\n")


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


with open(f"{folder}/procrustes.txt", "w") as f:
    f.write(f"# numpy {np.__version__}: W = U·Vt of svd(Xt·Y)\n")
    for n, dim in ((60, 13), (80, 16)):
        # values on a coarse grid, so that float32 holds them exactly; one direction of X nearly flat
        x = np.round(rng.normal(size=(n, dim)) * 64) / 64
        x[:, 0] = np.round(x[:, 0]) / 1024
        y = np.round((x @ np.linalg.qr(rng.normal(size=(dim, dim)))[0] + rng.normal(size=(n, dim)) * 0.5) * 64) / 64
        u, s, vt = np.linalg.svd(x.T @ y)
        put(f, "x", x)
        put(f, "y", y)
        put(f, "w", u @ vt)

with open(f"{folder}/csls.txt", "w") as f:
    f.write(f"# numpy {np.__version__}: 2·cos − r − r, k = 10; the best 5 of each of the first 8 sources\n")
    common = rng.normal(size=6)  # makes hubs
    source = (np.round((rng.normal(size=(90, 6)) + common) * 64) / 64).astype(np.float32)
    target = (np.round((rng.normal(size=(120, 6)) + common) * 64) / 64).astype(np.float32)
    s = unit(source.astype(np.float64)) @ unit(target.astype(np.float64)).T
    r_source = np.sort(s, axis=1)[:, -10:].mean(1)
    r_target = np.sort(s, axis=0)[-10:].mean(0)
    c = 2 * s - r_source[:, None] - r_target[None]
    best = np.argsort(-c[:8], axis=1)[:, :5]
    put(f, "source", source)
    put(f, "target", target)
    put(f, "best", best)
    put(f, "score", np.take_along_axis(c[:8], best, axis=1))
