#!/usr/bin/env python3
# What the word2vec program (github.com/tmikolov/word2vec, version 0.1c, built by gcc 12.2 -O2 -ffp-contract=off -pthread,
# glibc 2.36, x86-64) makes of a synthetic corpus, for tests/unit/test_word2vec_exact.c, which makes the same corpus
# (word2vec_corpus.h).
#   WORD2VEC=/path/to/word2vec python3 make_word2vec.py
# Writes word2vec/exact.txt, a line a case: "<cbow> <hs> <negative> <size> <window> <sample> <bytes of the .bin> <FNV-1a,
# 64 bits, of it>" and, to find a difference by, the first four numbers of the second word's vector as their bits.
import os
import struct
import subprocess
import tempfile

program = os.environ["WORD2VEC"]
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "word2vec")
os.makedirs(here, exist_ok=True)


class Generator:
    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


def corpus():
    g = Generator(7)
    out = []
    for line in range(3000):
        length = 1500 if line % 500 == 250 else g.below(30)
        for _ in range(length):
            a = g.below(4000)
            b = g.below(a + 1)
            out.append("w%d" % g.below(b + 1))
            out.append("\t" if g.below(50) == 0 else " ")
        if line % 97 == 0:
            out.append("long" + "x" * (110 + line % 2))
        if line % 10 == 3:
            out.append("\r")
        out.append("\n")
    out.append("w1 w2 cut")  # no line end: the program does not read the last word
    return "".join(out).encode()


def fnv(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


# cbow, hs, negative, size, window, sample
cases = [
    (0, 0, 5, 40, 5, "1e-3"),
    (0, 1, 0, 40, 5, "1e-3"),
    (1, 0, 5, 40, 5, "1e-3"),
    (1, 1, 0, 40, 5, "1e-3"),
    (0, 1, 3, 20, 3, "0"),
    (1, 1, 3, 20, 8, "1e-2"),
]

with tempfile.TemporaryDirectory() as folder, open(os.path.join(here, "exact.txt"), "w") as golden:
    text = os.path.join(folder, "corpus.txt")
    with open(text, "wb") as f:
        f.write(corpus())
    for cbow, hs, negative, size, window, sample in cases:
        vectors = os.path.join(folder, "vectors.bin")
        subprocess.run(
            [program, "-train", text, "-output", vectors, "-binary", "1", "-threads", "1", "-iter", "1", "-cbow", str(cbow),
             "-hs", str(hs), "-negative", str(negative), "-size", str(size), "-window", str(window), "-sample", sample,
             "-min-count", "5", "-debug", "0"], check=True, stdout=subprocess.DEVNULL)
        with open(vectors, "rb") as f:
            data = f.read()
        at = data.index(b"\n") + 1 + len("</s> ") + 4 * size + 1
        at = data.index(b" ", at) + 1
        bits = " ".join("%08x" % b for b in struct.unpack("<4I", data[at:at + 16]))
        golden.write("%d %d %d %d %d %s %d %016x %s\n" % (cbow, hs, negative, size, window, sample, len(data), fnv(data), bits))
