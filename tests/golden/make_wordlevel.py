"""Golden ids of tokenizers with a WordLevel model, by Hugging Face's tokenizers.

    python3 make_wordlevel.py LOCI wordlevel

Two kinds, each NAME.json with what the reference says of texts.json in NAME.ids ("id:start:end …" a line, offsets of bytes):
the reference's own pre-tokenizers, and what LOCI (the command) writes for its ways of splitting and folding, from a file of
vectors and its card. Vocabulary: most of the words that the reference finds in the texts.
"""
import json
import os
import subprocess
import sys
import tempfile

import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

loci, out = sys.argv[1:3]
os.makedirs(out, exist_ok=True)
texts = [
    "The King's men were there in 1911, weren't they? plain words",
    "Na\u00efve caf\u00e9 \u017b\u00d3\u0141W \u0130stanbul STRASSE stra\u00dfe \u01c5 \ufb01ne",
    "\u6771\u4eac is the capital of \u65e5\u672c; \u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u30ab\u30bf\u30ab\u30ca too.",
    "U.S.A. 3.14 e.g. a.b.c x_y foo-bar l'\u00e9t\u00e9 1,000 a:b",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 the family \U0001f1eb\U0001f1f7\U0001f1e9\U0001f1ea of flags \u2764\ufe0f",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \ud55c\uad6d\uc5b4",
    "tab\tand\nnew line\u00a0no-break\u3000wide\u2003em  two",
    "combining e\u0301 A\u030a and \u00bd \u2167 \u00b2",
    "",
    "  \u2014 !? \u2026 ",
]
ALL = sorted({w for t in texts for w in t.split()} | {"the"})


def vocabulary(pre, fold):
    words = []
    for t in texts:
        t = fold.normalize_str(t) if fold else t
        words += [w for w, _ in pre.pre_tokenize_str(t)]
    kept = [w for i, w in enumerate(dict.fromkeys(words)) if i % 4 != 3]
    return kept


def put_ids(name, tokenizer):
    with open(f"{out}/{name}.ids", "w") as f:
        for t in texts:
            e = tokenizer.encode(t, add_special_tokens=False)
            place = lambda c: len(t[:c].encode())
            f.write(" ".join(f"{i}:{place(a)}:{place(b)}" for i, (a, b) in zip(e.ids, e.offsets)) + "\n")


with open(f"{out}/texts.json", "w") as f:
    json.dump(texts, f)
with open(f"{out}/version.txt", "w") as f:
    f.write(f"tokenizers {tokenizers.__version__}\n")

theirs = {
    "whitespacesplit": (pre_tokenizers.WhitespaceSplit(), normalizers.Lowercase()),
    "whitespace": (pre_tokenizers.Whitespace(), normalizers.Lowercase()),
    "whitespace-cased": (pre_tokenizers.Whitespace(), None),
    "bert": (pre_tokenizers.BertPreTokenizer(), normalizers.Lowercase()),
}
for name, (pre, fold) in theirs.items():
    words = vocabulary(pre, fold)
    t = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words + ["[UNK]"])}, unk_token="[UNK]"))
    t.pre_tokenizer = pre
    if fold:
        t.normalizer = fold
    t.save(f"{out}/{name}.json", pretty=False)
    put_ids(name, t)

PATTERNS = {
    "words": pre_tokenizers.Split(tokenizers.Regex(r"(?y{w})\X"), "isolated"),
    "space": pre_tokenizers.WhitespaceSplit(),
    "chars": pre_tokenizers.Split(tokenizers.Regex(r"\X"), "isolated"),
}
for split, pre in PATTERNS.items():
    for fold in ("lower", "ascii", "none"):
        words = vocabulary(pre, normalizers.Lowercase() if fold == "lower" else None)
        words = [w for w in words if w and not any(c.isspace() for c in w)]
        with tempfile.TemporaryDirectory() as d:
            with open(f"{d}/v.vec", "w") as f:
                f.write(f"{len(words)} 1\n" + "".join(f"{w} 1\n" for w in words))
            with open(f"{d}/v.vec.card.md", "w") as f:
                f.write(f"---\nsplit: {split}\nfold: {fold}\nngram: 1\nmax_word: 1024\n---\n")
            subprocess.run([loci, "convert", f"{d}/v.vec", f"{d}/folder", "-q"], check=True)
            text = open(f"{d}/folder/tokenizer.json", encoding="utf-8").read()
        name = f"loci-{split}-{fold}"
        with open(f"{out}/{name}.json", "w", encoding="utf-8") as f:
            f.write(text)
        put_ids(name, Tokenizer.from_file(f"{out}/{name}.json"))
