"""Golden figures of word vectors: gensim's evaluate_word_analogies and evaluate_word_pairs on vectors made here.

    python3 make_words_eval.py words_eval

writes vectors.vec, questions.txt, pairs.tsv, ties.csv (data) and gensim.txt (what gensim 4.4.0, NumPy and SciPy's Spearman
say of them). Words are 120 pairs "a<i>", "b<i>" whose offset is nearly the same, in noise, so that about half of the
questions come out right; some questions and pairs have words that are not there, some are in capitals.
"""
import os
import sys

import gensim
import numpy as np
from gensim.models import KeyedVectors

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(7)
N, DIM = 120, 12
base = rng.normal(size=(N, DIM))
offset = rng.normal(size=DIM)
rows, words = [], []
for i in range(N):
    words += [f"a{i}", f"b{i}"]
    rows += [base[i] + 0.25 * rng.normal(size=DIM), base[i] + offset + 0.25 * rng.normal(size=DIM)]
order = rng.permutation(len(words))
with open(f"{out}/vectors.vec", "w") as f:
    f.write(f"{len(words)} {DIM}\n")
    for i in order:
        f.write(words[i] + "".join(f" {x:.4f}" for x in rows[i]) + "\n")

with open(f"{out}/questions.txt", "w") as f:
    for section in ("family", "gram1-plural", "gram2-missing", "currency"):
        f.write(f": {section}\n")
        for _ in range(60):
            i, j = rng.choice(N, 2, replace=False)
            four = [f"a{i}", f"b{i}", f"a{j}", f"b{j}"]
            if section == "gram2-missing" and rng.random() < 0.5:
                four[rng.integers(4)] = "zebra"
            if section == "currency":
                four = [w.upper() for w in four]
            f.write(" ".join(four) + "\n")

with open(f"{out}/pairs.tsv", "w") as f, open(f"{out}/ties.csv", "w") as g:
    g.write("Word 1,Word 2,Human (mean)\n")
    for k in range(80):
        i, j = rng.choice(N, 2, replace=False)
        a, b = (f"a{i}", f"b{i}") if k % 3 == 0 else (f"a{i}", f"b{j}")
        gold = 10 * rng.random() + (3 if k % 3 == 0 else 0)
        if k % 16 == 5:
            b = "nothing"
        f.write(f"{a}\t{b}\t{gold:.2f}\n")
        g.write(f"{a.upper() if k % 2 else a},{b},{round(gold)}\n")

kv = KeyedVectors.load_word2vec_format(f"{out}/vectors.vec", binary=False)
with open(f"{out}/gensim.txt", "w") as f:
    f.write(f"# gensim {gensim.__version__}, numpy {np.__version__}\n")
    for most in (300000, 150):
        score, sections = kv.evaluate_word_analogies(f"{out}/questions.txt", restrict_vocab=most)
        for s in sections:
            name = "total" if s["section"] == "Total accuracy" else s["section"]
            f.write(f"analogy {most} {name} {len(s['correct']) + len(s['incorrect'])} {len(s['correct'])}\n")
    for name, delimiter in (("pairs.tsv", "\t"), ("ties.csv", ",")):
        _, spearman, missing = kv.evaluate_word_pairs(f"{out}/{name}", delimiter=delimiter)
        f.write(f"similarity {name} {missing:.6f} {spearman[0]:.12f}\n")
