#!/usr/bin/env python3
"""Writes tests/golden/decode.json: what the pinned PyPI `tokenizers` decodes with the built-in model's tokenizer.

Needs tokenizers == 0.19.1 in a throw-away environment. A case: ids, text without and with special tokens.
"""
import json
import os
import random

import tokenizers
from tokenizers import Tokenizer, decoders

assert tokenizers.__version__ == "0.19.1"
root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
tokenizer = Tokenizer.from_file(os.path.join(root, "models", "loci-static-en", "tokenizer.json"))
# As in the tokenizer that the model was distilled from.
tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
texts = [
    "Hello, world!", "I don't know; he's here, they've gone, we're 3.5 m away.", "o ' clock ' s", "unaffable ##ing",
    "Zwölf Boxkämpfer jagen Viktor", "do not do not", "a . b ? c ! d , e n't f", "日本 東京 ...", "", "[CLS] in a text [MASK]",
    "I'm, you're: (it's) \"quoted\" -- dashes - and/or", "3 , 000 . 50 %", "naïve café", "x" * 120,
]
cases = [tokenizer.encode(t).ids for t in texts]
generator = random.Random(7)
for _ in range(60):
    cases.append([generator.randrange(1000, 30522) for _ in range(generator.randrange(1, 12))])
    cases.append([generator.choice([101, 102, 103, 0, 100, 1005, 1012, 1010, 1029, 999, 1055, 2025, 2079, 1056]) for _ in range(9)])
out = [{"ids": ids, "text": tokenizer.decode(ids), "whole": tokenizer.decode(ids, skip_special_tokens=False)} for ids in cases]
with open(os.path.join(root, "tests", "golden", "decode.json"), "w") as f:
    f.write('{"tokenizers":"0.19.1","cases":[\n' + ",\n".join(json.dumps(c, ensure_ascii=False) for c in out) + "\n]}\n")
