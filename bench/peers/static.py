#!/usr/bin/env python3
"""model2vec beside bench/static: sentences a second of its encode(), one thread.

usage: static.py MODEL-FOLDER [SECONDS]     (pip install model2vec==0.10.0; sentences: STS-B in $LOCI_DATA)

Take the folder that `bench-static --write DIR` wrote, so that both run the same model. The tokenizer's threads are off:
both sides have one core.
"""
import os, statistics, sys, time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from model2vec import StaticModel

texts = []
for part in ("sts-train.csv", "sts-dev.csv"):
    with open(os.path.join(os.environ["LOCI_DATA"], "sentences/stsb", part), encoding="utf-8") as f:
        for line in f:
            columns = line.rstrip("\n").split("\t")
            texts += columns[5:7]
model = StaticModel.from_pretrained(sys.argv[1])
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 5
model.encode(texts[:1000], use_multiprocessing=False)
rates, until = [], time.perf_counter() + seconds
while time.perf_counter() < until or len(rates) < 3:
    t = time.perf_counter()
    model.encode(texts, use_multiprocessing=False)
    rates.append(len(texts) / (time.perf_counter() - t))
print(f"model2vec encode: {statistics.median(rates):,.0f} sentences/s (of {len(rates)} runs, {min(rates):,.0f} to "
      f"{max(rates):,.0f}); {len(texts)} sentences, mean {sum(map(len, texts)) / len(texts):.1f} characters")
