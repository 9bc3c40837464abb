#!/usr/bin/env python3
"""Sentence vectors of all-MiniLM-L6-v2 as sentence-transformers computes them, for 2,048 texts of 0 to 510 words.

usage: make_minilm_vectors.py MODEL_FOLDER OUT_FILE      (tests/golden/minilm/vectors.f32)
made with: sentence-transformers 3.0.1, transformers 4.44.2, torch 1.13.1, numpy 1.26.4 (CPU, fp32, max_seq_length 512)

The texts are drawn from the model's own vocabulary by a seeded generator that tests/unit/test_encoder.c repeats: the
pieces of vocab.txt that are two or more letters a-z, each of which is one token, joined by spaces. So a text of n words
has n + 2 tokens. Stored, little-endian float32: the whole vector of the first 96 texts, then, for every text, 24 of its
elements, which ones drawn anew for each text; every dimension is so looked at about 128 times.
"""
import re
import sys
import numpy as np
from sentence_transformers import SentenceTransformer

N_TEXTS, N_WHOLE, N_DIMS, DIM = 2048, 96, 24, 384
MASK = (1 << 64) - 1


class Numbers:  # splitmix64
    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        x = self.state
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        return (x ^ (x >> 31)) % n


def n_tokens(i, numbers):
    if i == 1:
        return 512
    if i == 2:
        return 2
    kind = i % 64
    if kind < 54:
        return 3 + numbers.below(30)
    if kind < 61:
        return 33 + numbers.below(96)
    if kind < 63:
        return 129 + numbers.below(128)
    return 257 + numbers.below(256)


def main(folder, out):
    pieces = open(folder + "/vocab.txt", encoding="utf-8").read().split("\n")
    words = [p for p in pieces if re.fullmatch("[a-z]{2,}", p)]
    texts, dims = [], []
    for i in range(N_TEXTS):
        numbers = Numbers(1000 + i)
        n = n_tokens(i, numbers) - 2
        texts.append(" ".join(words[numbers.below(len(words))] for _ in range(n)))
        dims.append([numbers.below(DIM) for _ in range(N_DIMS)])
    model = SentenceTransformer(folder, device="cpu")
    model.max_seq_length = 512
    for i in (0, 1, 2, 63, 127):
        assert len(model.tokenize([texts[i]])["input_ids"][0]) == len(texts[i].split()) + 2
    vectors = model.encode(texts, batch_size=16, normalize_embeddings=True, show_progress_bar=False)
    picked = np.take_along_axis(vectors, np.array(dims), axis=1)
    np.concatenate([vectors[:N_WHOLE].ravel(), picked.ravel()]).astype("<f4").tofile(out)
    print(len(words), "words;", sum(len(t.split()) + 2 for t in texts), "tokens")


if __name__ == "__main__":
    main(*sys.argv[1:])
