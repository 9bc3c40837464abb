#!/usr/bin/env python3
"""Real texts of mixed length through `loci embed` and through sentence-transformers' encode(), in one run.

usage: texts.py --loci BUILD/loci --model FOLDER [--n 500] [--threads 1] [--repeat 5]     (abstracts: SciFact in $LOCI_DATA)

Texts are titles and abstracts, cut by both at the model's own maximum. loci's time is the whole process, exec to exit, with
loading the model and writing the vectors; encode()'s is the call alone (its defaults), after one warm-up. The two run
in turn; medians, and the ratio of each pair.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("--loci", required=True)
parser.add_argument("--model", required=True)
parser.add_argument("--n", type=int, default=500)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--repeat", type=int, default=5)
options = parser.parse_args()
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(options.threads)
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy
import torch
from sentence_transformers import SentenceTransformer

torch.set_num_threads(options.threads)
texts = []
with open(os.path.join(os.environ["LOCI_DATA"], "retrieval/scifact/corpus.jsonl"), encoding="utf-8") as file:
    for line in file:
        document = json.loads(line)
        texts.append((document["title"] + " " + document["text"]).replace("\n", " "))
        if len(texts) == options.n:
            break
model = SentenceTransformer(options.model, device="cpu")
model.encode(texts[:32])
tokens = sum(min(len(ids), model.max_seq_length) for ids in model.tokenizer(texts, truncation=False)["input_ids"])
with tempfile.TemporaryDirectory() as folder:
    source, target = os.path.join(folder, "texts"), os.path.join(folder, "vectors")
    with open(source, "w", encoding="utf-8") as file:
        file.write("\n".join(texts) + "\n")
    environment = dict(os.environ, LOCI_THREADS=str(options.threads))
    ours, theirs, worst = [], [], 0.0
    for _ in range(options.repeat):
        began = time.perf_counter()
        with open(target, "wb") as out:
            subprocess.run([options.loci, "embed", "-q", "-m", options.model, "--format", "bin", "-f", source], env=environment,
                           stdout=out, check=False)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        vectors = model.encode(texts)
        theirs.append(time.perf_counter() - began)
        mine = numpy.fromfile(target, dtype="<f4").reshape(vectors.shape)
        worst = max(worst, float(numpy.abs(mine - vectors).max()))
ratio = statistics.median(b / a for a, b in zip(ours, theirs))
print(f"{options.n} texts, {tokens} tokens, {options.threads} thread(s); greatest difference of a number {worst:.1e}")
for name, times in (("loci embed, whole process", ours), ("sentence-transformers encode()", theirs)):
    middle = statistics.median(times)
    print(f"{name:32s} {options.n / middle:8.1f} texts/s {tokens / middle:9.0f} tokens/s  (median of {len(times)}; {min(times):.2f}-{max(times):.2f} s)")
print(f"ratio, pair by pair, median      {ratio:8.2f}")
