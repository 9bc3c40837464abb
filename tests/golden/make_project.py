#!/usr/bin/env python3
"""tests/golden/project/: principal components and trustworthiness by scikit-learn, t-SNE's divergence by openTSNE.

Made with scikit-learn 1.9.1, openTSNE 1.0.4, NumPy 2.4.6:  make_project.py OUT
  rows.f32      400 × 20 floats, row-major, little-endian
  xy.f32        400 × 2: a map that is not a good one
  pca.f32       400 × 3: PCA(3, svd_solver="full") of the rows, in double, as floats
  components.f32  3 × 20
  numbers.txt   name value: explained variances, trustworthiness(5, 15) with L2 and cosine, the divergence of xy for
                perplexity 20 on the exact 60 neighbours
"""
import sys
from pathlib import Path

import numpy as np
from openTSNE import affinity
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(7)
centres = random.normal(size=(6, 20)) * 2
rows = (centres[np.arange(400) % 6] + random.normal(size=(400, 20)) * np.linspace(0.3, 2, 20)).astype("<f4")
xy = (rows[:, :2] * 3 + random.normal(size=(400, 2))).astype("<f4")
rows.tofile(out / "rows.f32")
xy.tofile(out / "xy.f32")
pca = PCA(3, svd_solver="full").fit(rows.astype(float))
pca.transform(rows.astype(float)).astype("<f4").tofile(out / "pca.f32")
pca.components_.astype("<f4").tofile(out / "components.f32")
numbers = {f"variance_{i}": v for i, v in enumerate(pca.explained_variance_)}
for k in (5, 15):
    numbers[f"trust_l2_{k}"] = trustworthiness(rows.astype(float), xy, n_neighbors=k)
    numbers[f"trust_cosine_{k}"] = trustworthiness(rows.astype(float), xy, n_neighbors=k, metric="cosine")
P = affinity.PerplexityBasedNN(rows.astype(float), perplexity=20, k_neighbors=60, method="exact", symmetrize=True).P.tocoo()
y = xy.astype(float)
d = ((y[:, None] - y[None]) ** 2).sum(-1)
z = (1 / (1 + d)).sum() - len(y)
numbers["kl"] = float((P.data * np.log(P.data * (1 + d[P.row, P.col]) * z)).sum())
(out / "numbers.txt").write_text("".join(f"{name} {value:.10g}\n" for name, value in numbers.items()))
