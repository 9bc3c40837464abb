#!/usr/bin/env python3
"""bench/tokenize and its peers on the same bytes, one thread each, in one run.

  wordpiece.py --bench BUILD/bench/bench-tokenize --tokenizer FOLDER --file TEXT [--bytes N] [--seconds S]

FOLDER holds a tokenizer.json of the BERT kind and its vocab.txt. Peers: PyPI `tokenizers` (encode_batch of 512 lines,
RAYON_NUM_THREADS=1) and, where installed, `blingfire` (its bert_base_tok.bin: the same vocabulary; it reads only
bert-base-uncased's). All get the file's lines; a figure is the median of its repetitions, in MB/s of input.
Each is one thread; on a machine with other work the greatest figures are the ones to compare.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"


def rate(work, size, seconds):
    work()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        t = time.perf_counter()
        work()
        times.append(time.perf_counter() - t)
    return size / 1e6 / statistics.median(times), size / 1e6 / max(times), size / 1e6 / min(times)


def show(name, figure, unit):
    print(f"{name:<44} {figure[0]:12.4g} {figure[1]:12.4g} {figure[2]:12.4g}  {unit}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--bench", required=True)
    p.add_argument("--tokenizer", required=True)
    p.add_argument("--file", required=True)
    p.add_argument("--bytes", type=int, default=4_000_000)
    p.add_argument("--seconds", type=float, default=2)
    a = p.parse_args()
    print(subprocess.run([a.bench, a.tokenizer, a.file, "--bytes", str(a.bytes), "--seconds", str(a.seconds)], check=True,
                         capture_output=True, text=True).stdout, end="")
    data = open(a.file, "rb").read(a.bytes + 1)
    if len(data) > a.bytes:
        data = data[: data.rfind(b"\n", 0, a.bytes) + 1]
    lines = data.decode("utf-8", "replace").removesuffix("\n").split("\n")

    import tokenizers
    t = tokenizers.Tokenizer.from_file(os.path.join(a.tokenizer, "tokenizer.json"))
    t.no_truncation()
    t.no_padding()

    def hugging_face():
        return sum(len(e) for i in range(0, len(lines), 512) for e in t.encode_batch(lines[i:i + 512]))

    figure = rate(hugging_face, len(data), a.seconds)
    show("tokenizers " + tokenizers.__version__, figure, f"MB/s ({hugging_face()} tokens)")
    try:
        import blingfire
    except ImportError:
        print("blingfire is not installed: not measured")
        return
    h = blingfire.load_model(os.path.join(os.path.dirname(blingfire.__file__), "bert_base_tok.bin"))

    def bling():  # the output array is as long as asked for: a line has no more tokens than characters
        return sum(len(blingfire.text_to_ids(h, s, len(s) + 1, 100, True)) for s in lines)

    figure = rate(bling, len(data), a.seconds)
    show("blingfire", figure, "MB/s (no special tokens, no offsets)")


if __name__ == "__main__":
    main()
