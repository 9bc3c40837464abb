#!/usr/bin/env python3
# Accuracy and seconds of `loci train classify` beside the fastText program on sets of $LOCI_DATA/sentences, same settings,
# several seeds. Only train parts are there, so a fifth of the lines, by their MD5, is the test; both programs get the same
# lines in the same order (by MD5), lower-cased, punctuation set apart. Both read the other's model too: the last column is how
# many first labels differ.
#   LOCI_DATA=… bench/peers/classify.py build/loci [--seeds 5] [--sets trec,banking77,20news] [--work FOLDER]
import argparse
import csv
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

a = argparse.ArgumentParser()
a.add_argument("loci")
a.add_argument("--fasttext", default="fasttext")
a.add_argument("--seeds", type=int, default=5)
a.add_argument("--sets", default="trec,trec-fine,banking77,20news")
a.add_argument("--work")
a = a.parse_args()
data = os.path.join(os.environ["LOCI_DATA"], "sentences")
work = a.work or tempfile.mkdtemp()
os.makedirs(work, exist_ok=True)


def read(name):
    if name.startswith("trec"):
        for line in open(f"{data}/trec-qc/train.txt", encoding="utf-8", errors="replace"):
            label, _, text = line.strip().partition(" ")
            if re.fullmatch(r"[A-Z]+:\w+", label):
                yield (label if name == "trec-fine" else label.split(":")[0]), text
    elif name == "banking77":
        for row in csv.DictReader(open(f"{data}/banking77/train.csv", encoding="utf-8")):
            yield row["category"], row["text"]
    else:
        for line in open(f"{data}/20news/train-4000.jsonl", encoding="utf-8"):
            row = json.loads(line)
            yield row["label"], row["subject"] + " " + row["body"]


def clean(text):
    return " ".join(re.sub(r"([^\w\s])", r" \1 ", text.lower()).split())


def write(name):
    parts = {"train": [], "test": []}
    for label, text in read(name):
        line = f"__label__{label} {clean(text)}\n"
        digest = hashlib.md5(line.encode()).hexdigest()
        parts["test" if int(digest[:8], 16) % 5 == 0 else "train"].append((digest[8:], line))
    for part, lines in parts.items():
        with open(f"{work}/{name}.{part}", "w", encoding="utf-8") as f:
            f.writelines(line for _, line in sorted(lines))
    return len(parts["train"]), len(parts["test"])


def run(*command):
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if done.returncode != 0:
        sys.exit("failed: " + " ".join(command))
    return done.stdout, time.monotonic() - began


def precision(model, test):
    return float(re.search(r"P@1\s+([\d.]+)", run(a.fasttext, "test", model, test)[0]).group(1))


def accuracy(model, test):
    right = n = 0
    labels = run(a.loci, "classify", model, "-f", test)[0].splitlines()
    for line, wanted in zip(labels, open(test, encoding="utf-8")):
        right += line.split("\t")[0] == wanted.split(" ", 1)[0][len("__label__"):]
        n += 1
    return right / n


SETTINGS = {
    "defaults, 25 epochs, lr .5": ["-epoch", "25", "-lr", "0.5"],
    "word pairs": ["-epoch", "25", "-lr", "0.5", "-wordNgrams", "2", "-bucket", "200000"],
    "subwords": ["-epoch", "25", "-lr", "0.5", "-minn", "3", "-maxn", "5", "-bucket", "200000"],
    "hs": ["-epoch", "25", "-lr", "0.5", "-loss", "hs"],
    "ns": ["-epoch", "25", "-lr", "0.25", "-loss", "ns"],
    "ova": ["-epoch", "25", "-lr", "0.5", "-loss", "ova"],
}
print("set\ttrain\ttest\tsettings\tfastText\t(sd)\tloci\t(sd)\tdifference\tfastText s\tloci s\tdiffering first labels")
for name in a.sets.split(","):
    n_train, n_test = write(name)
    for title, settings in SETTINGS.items():
        ours, theirs, seconds = [], [], [[], []]
        for seed in range(1, a.seeds + 1):
            for loci in (0, 1):
                out = f"{work}/{name}.{'loci' if loci else 'fasttext'}"
                program = [a.loci, "train", "classify"] if loci else [a.fasttext, "supervised"]
                threads = ["-thread", "2"] if loci else ["-thread", "1"]
                _, took = run(*program, "-input", f"{work}/{name}.train", "-output", out, "-seed", str(seed), "-dim",
                              "100", *threads, *settings, "-verbose", "0")
                seconds[loci].append(took)
            theirs.append(100 * precision(f"{work}/{name}.fasttext.bin", f"{work}/{name}.test"))
            ours.append(100 * accuracy(f"{work}/{name}.loci.bin", f"{work}/{name}.test"))
        differ = 0
        for program in ("loci", "fasttext"):  # each reads both
            model, test = f"{work}/{name}.{program}.bin", f"{work}/{name}.test"
            a_labels = [x.split("\t")[0] for x in run(a.loci, "classify", model, "-f", test)[0].splitlines()]
            b_labels = [x[len("__label__"):] for x in run(a.fasttext, "predict", model, test)[0].splitlines()]
            differ += sum(x != y for x, y in zip(a_labels, b_labels)) + abs(len(a_labels) - len(b_labels))
        sd = statistics.stdev if a.seeds > 1 else lambda x: 0
        print(f"{name}\t{n_train}\t{n_test}\t{title}\t{statistics.mean(theirs):.2f}\t{sd(theirs):.2f}\t"
              f"{statistics.mean(ours):.2f}\t{sd(ours):.2f}\t{statistics.mean(ours) - statistics.mean(theirs):+.2f}\t"
              f"{statistics.median(seconds[0]):.2f}\t{statistics.median(seconds[1]):.2f}\t{differ}", flush=True)
