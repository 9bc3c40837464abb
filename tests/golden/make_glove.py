#!/usr/bin/env python3
# What the GloVe programs (github.com/stanfordnlp/GloVe, commit 52f7dbc of 2025-07, its Makefile, gcc 12.2, glibc 2.36,
# x86-64) make of a synthetic corpus, for tests/unit/test_cooccur.c and test_glove.c, which make the same corpus.
#   GLOVE=/path/to/GloVe/build python3 make_glove.py
# Writes glove/cooccur.txt: "<lines> <words> <arguments of cooccur> <bytes> <FNV-1a, 64 bits, of the file>" a case,
# and glove/exact.txt: the text vectors of `glove -threads 1` with the commands' settings in its first line.
import os
import subprocess
import tempfile

build = os.environ["GLOVE"]
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "glove")
os.makedirs(here, exist_ok=True)


class Generator:
    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


def corpus(n_lines, n_words, seed):
    g = Generator(seed)
    lines = []
    for _ in range(n_lines):
        length = g.below(40)
        lines.append(" ".join("w%d" % g.below(g.below(g.below(n_words) + 1) + 1) for _ in range(length)))
    return "\n".join(lines) + "\n"


def fnv(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) % 2**64
    return h


def run(program, arguments, data):
    return subprocess.run([os.path.join(build, program)] + arguments, input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True).stdout


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    with open(os.path.join(here, "cooccur.txt"), "w") as out:
        for n_lines, n_words, arguments in (
            (4000, 2000, "-window-size 10 -symmetric 1 -memory 0.002"),
            (4000, 2000, "-window-size 10 -symmetric 0 -memory 0.002"),
            (4000, 2000, "-window-size 5 -symmetric 1 -memory 0.0005"),
            (4000, 2000, "-window-size 15 -symmetric 1 -memory 0.05"),
            (4000, 2000, "-window-size 10 -symmetric 1 -max-product 500 -overflow-length 900"),
            (4000, 2000, "-window-size 10 -symmetric 0 -max-product 500 -overflow-length 900"),
            (300, 20, "-window-size 10 -symmetric 1 -memory 1"),  # no pair overflows: the last run is empty
        ):
            text = corpus(n_lines, n_words, 11).encode()
            with open("vocab.txt", "wb") as f:
                f.write(run("vocab_count", ["-min-count", "3"], text))
            pairs = run("cooccur", ["-vocab-file", "vocab.txt"] + arguments.split(), text)
            print(n_lines, n_words, arguments, len(pairs), "%016x" % fnv(pairs), file=out)
    text = corpus(600, 120, 5).encode()
    with open("vocab.txt", "wb") as f:
        f.write(run("vocab_count", ["-min-count", "3"], text))
    pairs = run("cooccur", "-vocab-file vocab.txt -window-size 10 -memory 1".split(), text)
    with open("shuffled", "wb") as f:
        f.write(run("shuffle", "-memory 1 -seed 7".split(), pairs))
    run("glove", "-input-file shuffled -vocab-file vocab.txt -save-file vectors -vector-size 9 -threads 1 -iter 15 "
        "-seed 7 -x-max 10 -alpha 0.75 -eta 0.05 -binary 0 -verbose 0".split(), b"")
    with open("vectors.txt") as f, open(os.path.join(here, "exact.txt"), "w") as out:
        out.write(f.read())
    # shuffled in several pieces
    with open("shuffled", "wb") as f:
        f.write(run("shuffle", "-array-size 1000 -seed 3".split(), pairs))
    with open("shuffled", "rb") as f, open(os.path.join(here, "shuffle.txt"), "w") as out:
        data = f.read()
        print(len(data), "%016x" % fnv(data), file=out)
