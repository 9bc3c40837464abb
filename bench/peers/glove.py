#!/usr/bin/env python3
# An iteration of the GloVe programs' optimiser and one of ours, on the same co-occurrences, in one run.
#   GLOVE=/path/to/GloVe/build python3 glove.py BENCH_GLOVE CORPUS [--dim 300] [--iterations 3] [--threads 2] [--folder DIR]
# BENCH_GLOVE is build/bench/bench-glove; CORPUS a text, words separated by spaces. GLOVE holds vocab_count, cooccur,
# shuffle and glove as their Makefile builds them. The co-occurrence file of CORPUS must have the same bytes from ours, if
# LOCI names the command. Iterations are timed by when their line comes; the first, which holds the reading of the
# parameters, is left out where there are others. The programs go one after the other, so nothing else should run.
import argparse
import os
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("bench")
parser.add_argument("corpus")
parser.add_argument("--dim", default="300")
parser.add_argument("--iterations", type=int, default=3)
parser.add_argument("--threads", default="2")
parser.add_argument("--window", default="10")
parser.add_argument("--x-max", default="100")
parser.add_argument("--folder")
a = parser.parse_args()
build = os.path.abspath(os.environ["GLOVE"])
bench, corpus = os.path.abspath(a.bench), os.path.abspath(a.corpus)


def run(program, *arguments, stdin, stdout):
    began = time.monotonic()
    with open(stdin, "rb") as i, open(stdout, "wb") as o:
        subprocess.run([os.path.join(build, program), *arguments], stdin=i, stdout=o, stderr=subprocess.DEVNULL,
                       check=True)
    return time.monotonic() - began


with tempfile.TemporaryDirectory(dir=a.folder) as folder:
    os.chdir(folder)
    took = {"vocab_count": run("vocab_count", "-min-count", "5", stdin=corpus, stdout="vocab"),
            "cooccur": run("cooccur", "-memory", "4.0", "-vocab-file", "vocab", "-window-size", a.window, stdin=corpus,
                           stdout="pairs"),
            "shuffle": run("shuffle", "-memory", "4.0", "-seed", "1", stdin="pairs", stdout="shuffled")}
    with open("vocab", "rb") as f:
        n_words = sum(1 for _ in f)
    n_pairs = os.path.getsize("pairs") // 16
    loci = os.environ.get("LOCI")
    if loci:
        began = time.monotonic()
        subprocess.run([loci, "train", "glove", corpus, "-o", "v.bin", "--split", "space", "--fold", "none", "--vocabulary",
                        "vocab", "--window", a.window, "--memory", "4", "--dim", "1", "--epochs", "1", "--cooccurrences",
                        "ours", "-q"], check=True)
        took["loci: vocabulary, pairs, tiles, one epoch of one dimension"] = time.monotonic() - began
        same = subprocess.run(["cmp", "pairs", "ours"]).returncode == 0
        print("co-occurrences: %s" % ("the same bytes" if same else "OTHER BYTES"))
        os.remove("ours")
    for name, seconds in took.items():
        print("%-56s %8.1f s" % (name, seconds))
    program = subprocess.Popen(
        [os.path.join(build, "glove"), "-input-file", "shuffled", "-vocab-file", "vocab", "-save-file", "theirs",
         "-vector-size", a.dim, "-threads", a.threads, "-iter", str(a.iterations), "-x-max", a.x_max, "-seed", "1",
         "-verbose", "1"], stderr=subprocess.PIPE, text=True)
    times, costs, last = [], [], time.monotonic()
    for line in program.stderr:
        if "iter:" in line:
            now = time.monotonic()
            times.append(now - last)
            costs.append(float(line.rsplit("cost:", 1)[1]))
            last = now
    if program.wait() != 0:
        raise SystemExit("glove failed")
    steady = sorted(times[1:] or times)
    theirs = n_pairs / steady[len(steady) // 2]
    out = subprocess.run([bench, "--pairs", "pairs", "--words", str(n_words), "--dim", a.dim, "--epochs", str(a.iterations),
                          "--x-max", a.x_max, "--threads", a.threads, "--folder", folder], stdout=subprocess.PIPE, text=True,
                         check=True).stdout
    print(out, end="")
    for i, cost in enumerate(costs):
        print("glove iteration %d: cost %.6f, %.3g pairs/s" % (i + 1, cost, n_pairs / times[i]))
    ours = float([line for line in out.splitlines() if line.startswith("iteration")][0].split()[1])
    print("ratio to glove with %s threads, medians: %.1f" % (a.threads, ours / theirs))
