"""align.py SOURCE.bin TARGET.bin DICTIONARY: MUSE's supervised method (Conneau et al. 2018) in NumPy, beside `loci align`.
Procrustes by numpy.linalg.svd on unit vectors, five rounds of refinement by mutual CSLS neighbours, P@1 on every fifth word of
the dictionary. An independent program: it shares no line with loci."""
import sys
import numpy as np


def load(path):
    with open(path, "rb") as f:
        n, dim = map(int, f.readline().split())
        words, rows = [], np.empty((n, dim))
        for i in range(n):
            word = b""
            while (c := f.read(1)) != b" ":
                word += c if c != b"\n" else b""
            words.append(word.decode("utf-8", "replace"))
            rows[i] = np.frombuffer(f.read(4 * dim), "<f4")
    return {w: i for i, w in reversed(list(enumerate(words)))}, rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)


(source, x), (target, y) = load(sys.argv[1]), load(sys.argv[2])
partners = {}
for line in open(sys.argv[3], encoding="utf-8"):
    a, b = line.rstrip("\n").lower().split("\t")
    if a in source and b in target:
        partners.setdefault(a, set()).add(target[b])
given = list(partners)
learn = [(source[w], t) for i, w in enumerate(given) if i % 5 != 4 for t in partners[w]]
test = [(source[w], partners[w]) for i, w in enumerate(given) if i % 5 == 4]


def solve(pairs):
    p = np.array(pairs)
    u, _, vt = np.linalg.svd(x[p[:, 0]].T @ y[p[:, 1]])
    return u @ vt


def csls(s, k=10):
    return 2 * s - np.sort(s, axis=1)[:, -k:].mean(1)[:, None] - np.sort(s, axis=0)[-k:].mean(0)


w = solve(learn)
for rounds in range(6):
    s = x @ w @ y.T
    c = csls(s)
    right = [sum(int(m[i].argmax()) in gold for i, gold in test) for m in (s, c)]
    print(f"after {rounds} rounds: P@1 cosine {right[0]}, CSLS {right[1]} of {len(test)}")
    forth, back = c.argmax(1), c.argmax(0)
    w = solve(learn + [(i, j) for i, j in enumerate(forth) if back[j] == i])
