#!/usr/bin/env python3
"""bench/train and its peers on the same text, in one run: skip-gram and CBOW with negative sampling.

  word2vec.py --bench BUILD/bench/bench-train --corpus TEXT [--dims 100,300] [--epochs 1] [--threads 2] [--own-time]
              [--keep FOLDER] [--peers gensim,pword2vec]

TEXT: words with single spaces between them, in the case they are to have. Peers: gensim of this Python (corpus_file, as many
workers as threads), and the program named by $PWORD2VEC (Ji et al., "Parallelizing Word2Vec in Shared and Distributed
Memory", built against a BLAS; skip-gram only). The same settings for all: window 5, negative 5, sample 1e-4, min-count 5,
rate .025 (CBOW .05). Only the training counts. --keep leaves all vectors there (.bin), for their quality.

--own-time: processor time instead of the wall clock, for machines with other work. pWord2Vec does not tell its own: that is
taken as the difference of two runs, of 1 + epochs and of 1.
"""
import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time


def children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime



def gensim_rate(a, arch, dim):
    import gensim
    from gensim.models import Word2Vec
    model = Word2Vec(vector_size=dim, window=5, negative=5, hs=0, sample=1e-4, min_count=5, workers=a.threads,
                     sg=int(arch == "skipgram"), alpha=0.025 if arch == "skipgram" else 0.05, epochs=a.epochs, seed=1)
    model.build_vocab(corpus_file=a.corpus)
    clock = time.process_time if a.own_time else time.perf_counter
    began = clock()
    model.train(corpus_file=a.corpus, total_examples=model.corpus_count, total_words=model.corpus_total_words,
                epochs=a.epochs)
    seconds = clock() - began
    words = sum(model.wv.get_vecattr(w, "count") for w in model.wv.index_to_key) * a.epochs
    if a.keep:
        model.wv.save_word2vec_format(os.path.join(a.keep, f"gensim-{arch}-{dim}.bin"), binary=True)
    return f"gensim {gensim.__version__}", words / seconds / 1e3 * (a.threads if a.own_time else 1), words


def pword2vec_rate(a, program, dim, words):
    def run(epochs, output):
        before = children()
        out = subprocess.run([program, "-train", a.corpus, "-output", output, "-size", str(dim), "-window", "5",
                              "-negative", "5", "-sample", "1e-4", "-threads", str(a.threads), "-binary", "1", "-iter",
                              str(epochs), "-min-count", "5", "-alpha", "0.025", "-batch-size", "11"], check=True,
                             capture_output=True, text=True, env=dict(os.environ, OPENBLAS_NUM_THREADS="1")).stdout
        return children() - before, float(re.findall(r"Words/sec: ([0-9.]+)k", out)[-1])

    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(a.keep or folder, f"pword2vec-skipgram-{dim}.bin")
        if not a.own_time:
            return run(a.epochs, output)[1]
        once = run(1, os.path.join(folder, "once.bin"))[0]
        return words / (run(1 + a.epochs, output)[0] - once) / 1e3 * a.threads


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--bench", required=True)
    p.add_argument("--corpus", required=True)
    p.add_argument("--dims", default="100,300")
    p.add_argument("--archs", default="skipgram,cbow")
    p.add_argument("--epochs", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--own-time", action="store_true")
    p.add_argument("--keep")
    p.add_argument("--peers", default="gensim,pword2vec")
    a = p.parse_args()
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS=str(a.threads))
    print(f"{a.corpus}, {a.threads} threads, {a.epochs} epochs, {'processor' if a.own_time else 'wall'} time; "
          "ratios: of loci's two modes to the program")
    for arch in a.archs.split(","):
        for dim in map(int, a.dims.split(",")):
            own = {}
            for mode in ("fast", "default"):
                command = [a.bench, a.corpus, "--json", "--modes", mode, "--archs", arch, "--dims", str(dim), "--threads",
                           str(a.threads), "--epochs", str(a.epochs)]
                command += ["--own-time"] * a.own_time + (["--keep", a.keep] if a.keep else [])
                out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                own[mode] = json.loads(out)["rows"][0]["median"]
                print(f"loci, {arch}, d = {dim}, {mode:<20} {own[mode]:10.0f}  kwords/s", flush=True)
            peers, words = [], 0
            if "gensim" in a.peers:
                name, rate, words = gensim_rate(a, arch, dim)
                peers.append((name, rate))
            if arch == "skipgram" and "pword2vec" in a.peers and os.environ.get("PWORD2VEC"):
                words = words or sum(len(line.split()) for line in open(a.corpus, encoding="utf-8")) * a.epochs
                peers.append(("pWord2Vec", pword2vec_rate(a, os.environ["PWORD2VEC"], dim, words)))
            for name, rate in peers:
                print(f"{name}, {arch}, d = {dim:<18} {rate:10.0f}  kwords/s   fast {own['fast'] / rate:.1f} x, "
                      f"default {own['default'] / rate:.1f} x", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
