#!/usr/bin/env python3
"""bench/fasttext and the fastText program on the same text, in one run: skip-gram and CBOW with subwords.

  fasttext.py --bench BUILD/bench/bench-fasttext --corpus TEXT [--dims 100,300] [--archs skipgram,cbow] [--epochs 1]
              [--threads 2] [--own-time] [--keep FOLDER] [--program fasttext]

TEXT: words with single spaces between them, in the case they are to have. The same settings for both: window 5, negative 5,
sample 1e-4, min-count 5, rate .05, n-grams of 3 to 6 characters, 2,000,000 buckets. --keep leaves all models there.

Seconds of training are the difference of two runs of the program, of 1 + epochs and of 1 (its own figure counts from the
start of its threads too, but is an average that it tells with three digits); --own-time: of processor time instead of
the wall clock, for machines with other work.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time


def seconds(own, command):
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if own:
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began


def program_rate(a, arch, dim, words):
    with tempfile.TemporaryDirectory() as folder:
        def run(epochs):
            output = os.path.join(a.keep or folder, f"fasttext-{arch}-{dim}")
            return seconds(a.own_time, [a.program, arch, "-input", a.corpus, "-output", output, "-dim", str(dim), "-ws",
                                        "5", "-neg", "5", "-t", "1e-4", "-minCount", "5", "-lr", "0.05", "-minn", "3",
                                        "-maxn", "6", "-bucket", "2000000", "-thread", str(a.threads), "-epoch",
                                        str(epochs), "-verbose", "0"])
        once = run(1)
        return words * a.epochs / (run(1 + a.epochs) - once) / 1e3 * (a.threads if a.own_time else 1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--bench", required=True)
    p.add_argument("--corpus", required=True)
    p.add_argument("--program", default="fasttext")
    p.add_argument("--dims", default="100,300")
    p.add_argument("--archs", default="skipgram,cbow")
    p.add_argument("--epochs", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--own-time", action="store_true")
    p.add_argument("--keep")
    a = p.parse_args()
    words = sum(len(line.split()) for line in open(a.corpus, encoding="utf-8"))
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
            rate = program_rate(a, arch, dim, words)
            print(f"fastText, {arch}, d = {dim:<18} {rate:10.0f}  kwords/s   fast {own['fast'] / rate:.1f} x, "
                  f"default {own['default'] / rate:.1f} x", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
