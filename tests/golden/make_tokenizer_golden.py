#!/usr/bin/env python3
"""Writes tests/golden/tokenizer: what the pinned PyPI `tokenizers` answers, for tests/unit/test_tokenizer_golden.c.

  make_tokenizer_golden.py --minilm FOLDER      # the folder of all-MiniLM-L6-v2 with its tokenizer.json

Needs tokenizers == 0.19.1 and xxhash in a throw-away environment:
  python3 -m venv v && v/bin/pip install tokenizers==0.19.1 xxhash

  generator.json   fragments and code point ranges that strings are put together from (C and Python read it)
  rules-N.json     small tokenizers with other rules and added tokens of every kind
  cases.json       readable answers, for when a hash differs
  hashes.txt       XXH3 of the answers: every scalar value alone and between "a" and "b" (a line for 4,096 of them), and
                   generated strings (a line for 1,000), with all-MiniLM-L6-v2's tokenizer and with the small ones

What is hashed, an answer after the other: n, then id, type id, start, end of each token, 32 bits each, little-endian;
offsets in bytes of the input. The oracle is given the input with every maximal subpart that is not UTF-8 replaced by
U+FFFD; offsets are brought back to the input's bytes here.
"""
import argparse
import json
import os
import struct
import sys

import tokenizers
import xxhash
from tokenizers import Tokenizer

PIN = "0.19.1"
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizer")
MASK = (1 << 64) - 1

FRAGMENTS = [
    "the", "The", "of", "ing", "embedding", "Tokenization", "unbelievable", "it's", "U.S.A.", "3.14159", "e-mail", "x",
    "Zürich", "naïve", "Ångström", "façade", "São", "İstanbul", "ĲSSEL", "ﬁne", "ǅ", "ΑΒΓ σς", "ΐ", "Привет", "й", "Ёлка", "שָׁלוֹם",
    "مُحَمَّد", "العربية", "हिन्दी", "ไทย", "กำ", "東京", "日本語", "中文", "漢", "한국어", "각", "ａＢＣ", "①", "ﷺ", "😀", "👩\u200d👩\u200d👧", "🇩🇪", "❤\ufe0f",
    "e\u0301", "\u0301", "\u0316\u0301", "\u0345\u0300\u0327", "\u0f73\u0f71", "\u0344", "a\u05b0\u05bc\u0591", "\u1e8d0",
    "\U0001e8d0\u0301", "\u302a\u0315", "\u3099か", "\u20dd", "\u0903\u093c", "\U0001d165\U0001d16d", "\U0001d15e", "\U00016ff0\u0300",
    " ", "  ", "\t", "\n", "\r\n", "\x0b", "\x0c", "\x00", "\x01", "\x7f", "\x85", "\u00a0", "\u2003", "\u2028", "\u3000", "\u200b",
    "\u200d", "\u200e", "\u202e", "\ufeff", "\u00ad", "\ufffd", "\ue000", "\U000e0001", "\u061c", "\u180e",
    "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "[mask]", "[", "##ing", "#", "...", "--", "«»", "¿", "。", "、", "‘’", "$", "€", "©", "½",
    "foo", "Foo bar", "foo bar", " sp", "<x>", "<X>", "é", "É", "ab", "Ab", "AB", "!!", "HELLO", "hello", "_", "\U0002b820", "\U0002b920",
    "supercalifragilisticexpialidocious", "https://example.org/a?b=c&d=%20#e", "abcdefghijklmno", "abcdefghijklmnop",
    "ABCDEFGHIJKLMNOPQ", "Donaudampfschifffahrtsgesellschaftskapitän", "ssssssssssssssssssssssssssssssssssssssssssssssssssss",
]
RANGES = [[0x20, 0x7E], [0x20, 0x7E], [0x61, 0x7A], [0x80, 0x24F], [0x300, 0x36F], [0x370, 0x5FF], [0x600, 0x6FF],
          [0x900, 0xDFF], [0xE00, 0xFFF], [0x1AB0, 0x1AFF], [0x1DC0, 0x1FFF], [0x2000, 0x206F], [0x20A0, 0x23FF],
          [0x3000, 0x30FF], [0x4E00, 0x9FFF], [0xA640, 0xABFF], [0xAC00, 0xD7A3], [0xF900, 0xFFFD], [0x10000, 0x11FFF],
          [0x1D100, 0x1D7FF], [0x1F300, 0x1FAFF], [0x2B700, 0x2CEFF], [0xE0000, 0xE01FF]]
N_MINILM, N_SMALL, N_RULES = 110, 10, 12


class Random:  # splitmix64
    def __init__(self, seed):
        self.s = seed & MASK

    def below(self, n):
        self.s = (self.s + 0x9E3779B97F4A7C15) & MASK
        z = self.s
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        return (z ^ z >> 31) % n


def encode(c):
    return chr(c).encode("utf-8", "surrogatepass")


def generate(seed):
    """String number `seed`, as bytes: the C test has the same function."""
    r = Random(seed)
    if seed % 1000 == 7:  # a word, or a chain, of 100 kB
        unit = b""
        for _ in range(1 + r.below(3)):
            a, b = RANGES[r.below(len(RANGES))]
            unit += encode(a + r.below(b - a + 1)) if r.below(2) else FRAGMENTS[r.below(len(FRAGMENTS))].encode()
        return unit * (100000 // len(unit) + 1)
    out = b""
    for _ in range(r.below(14)):
        kind = r.below(16)
        if kind < 7:
            out += FRAGMENTS[r.below(len(FRAGMENTS))].encode()
        elif kind < 13:
            a, b = RANGES[r.below(len(RANGES))]
            for _ in range(1 + r.below(6)):
                out += encode(a + r.below(b - a + 1))
        elif kind == 13:  # any code point, surrogates (which are not UTF-8) too
            out += encode(r.below(0x110000))
        elif kind == 14:  # any bytes
            for _ in range(1 + r.below(3)):
                out += bytes([128 + r.below(128)])
        else:  # a marked letter
            out += bytes([97 + r.below(26)])
            for _ in range(1 + r.below(4)):
                out += encode(0x300 + r.below(0x70))
        if r.below(4) == 0:
            out += b" "
    return out


def decode(data):
    """Characters, and where each begins in data (one more entry for the end)."""
    text = data.decode("utf-8", "replace")
    at, starts = 0, []
    for c in text:
        starts.append(at)
        e = c.encode()
        if data[at:at + len(e)] == e:
            at += len(e)
            continue
        assert c == "\ufffd"
        lead = data[at]
        low, high, more = 0x80, 0xBF, 0
        if 0xC2 <= lead <= 0xDF:
            more = 1
        elif 0xE0 <= lead <= 0xEF:
            more = 2
            low, high = 0xA0 if lead == 0xE0 else 0x80, 0x9F if lead == 0xED else 0xBF
        elif 0xF0 <= lead <= 0xF4:
            more = 3
            low, high = 0x90 if lead == 0xF0 else 0x80, 0x8F if lead == 0xF4 else 0xBF
        at += 1
        while more > 0 and at < len(data) and low <= data[at] <= high:
            at, more, low, high = at + 1, more - 1, 0x80, 0xBF
    assert at == len(data)
    starts.append(at)
    return text, starts


def answer(oracle, data):
    text, starts = decode(data)
    e = oracle.encode(text)
    return [(i, t, starts[a], starts[b]) for i, t, (a, b) in zip(e.ids, e.type_ids, e.offsets)]


def packed(tokens):
    return struct.pack(f"<{1 + 4 * len(tokens)}I", len(tokens), *(x for t in tokens for x in t))


def small_tokenizer(n, minilm):
    """Tokenizer n of the small ones: rules, word length, template and added tokens vary."""
    r = Random(1000 + n)
    j = dict(version="1.0", truncation=None, padding=None)
    special = lambda c, i: dict(id=i, content=c, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    j["added_tokens"] = [special(c, i) for i, c in enumerate(pieces)]
    for c in map(chr, [*range(33, 127), *range(0xC0, 0x180), *range(0x300, 0x330), 0x3B1, 0x3B2, 0x3C3, 0x43F, 0x439, 0x5B0,
                       0x651, 0x93C, 0x903, 0x1100, 0x1161, 0x11A8, 0x4E2D, 0x6587, 0x6771, 0x1F600, 0xFFFD, 0x1E8D0, 0x307,
                       0x304B, 0x3099, 0x3000, 0xA0, 0x85, 0x1, 0x200D]):
        if c not in pieces:
            pieces += [c] if ord(c) < 0x41 or r.below(3) else []
            pieces += ["##" + c] if r.below(3) else []
    for f in FRAGMENTS:
        for w in f.split():
            if len(w) > 1 and w not in pieces and r.below(2):
                pieces += [w]
            if len(w) > 3 and "##" + w[2:] not in pieces and r.below(2):
                pieces += ["##" + w[2:]]
    j["normalizer"] = None if n == 3 else dict(
        type="BertNormalizer", clean_text=n % 4 != 1, handle_chinese_chars=n % 3 != 2,
        strip_accents=[None, True, False][r.below(3)], lowercase=n % 2 == 0)
    j["pre_tokenizer"] = dict(type="BertPreTokenizer")
    single = [dict(SpecialToken=dict(id="[CLS]", type_id=0)), dict(Sequence=dict(id="A", type_id=n % 2)),
              dict(SpecialToken=dict(id="two", type_id=2))]
    pair = single + [dict(Sequence=dict(id="B", type_id=1))]
    table = {"[CLS]": dict(id="[CLS]", ids=[2], tokens=["[CLS]"]), "two": dict(id="two", ids=[3, 4], tokens=["[SEP]", "[MASK]"])}
    j["post_processor"] = [dict(type="BertProcessing", sep=["[SEP]", 3], cls=["[CLS]", 2]),
                           dict(type="TemplateProcessing", single=single, pair=pair, special_tokens=table), None][n % 3]
    j["decoder"] = None
    for c in ["foo", "Foo bar", " sp", "<x>", "é", "e\u0301", "\ufffd", "ab", "Ab", "!!", "東", "  ", "HELLO", "\u0316\u0301"]:
        rules = [bool(r.below(2)) for _ in range(5)]
        # Whole white space that others strip would let the oracle panic; what normalises to nothing loci refuses.
        if n == 0 or r.below(2) or (c in ("  ", " sp") and (rules[1] or rules[2])):
            continue
        if rules[4] and (n % 2 == 0 or n == 3) and c in ("\ufffd", "\u0316\u0301", "e\u0301", "  ", " sp"):
            continue
        j["added_tokens"].append(dict(id=5000, content=c, single_word=rules[0], lstrip=rules[1], rstrip=rules[2],
                                      special=rules[3], normalized=rules[4] and n % 3 == 0))
    j["model"] = dict(type="WordPiece", unk_token="[UNK]", continuing_subword_prefix="##",
                      max_input_chars_per_word=[100, 100, 15, 300, 1, 16][n % 6], vocab={p: i for i, p in enumerate(pieces)})
    return j


def blocks(oracle, name, n, out):
    for b in range(n):
        h = xxhash.xxh3_64()
        for i in range(b * 1000, b * 1000 + 1000):
            h.update(packed(answer(oracle, generate(i))))
        out.append(f"{name} strings {b} {h.hexdigest()}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--minilm", required=True)
    a = p.parse_args()
    if tokenizers.__version__ != PIN:
        sys.exit(f"tokenizers {tokenizers.__version__} is not the pinned {PIN}")
    os.makedirs(HERE, exist_ok=True)
    write = lambda name, text: open(os.path.join(HERE, name), "w").write(text)
    write("generator.json", json.dumps(dict(fragments=FRAGMENTS, ranges=RANGES), indent=0) + "\n")
    minilm = Tokenizer.from_file(os.path.join(a.minilm, "tokenizer.json"))
    minilm.no_truncation()
    minilm.no_padding()
    out = [f"# tests/golden/make_tokenizer_golden.py, tokenizers {tokenizers.__version__}; XXH3-64 of the answers"]
    for between in (0, 1):
        for at in range(0, 0x110000, 4096):
            h = xxhash.xxh3_64()
            for c in range(at, at + 4096):
                if not 0xD800 <= c <= 0xDFFF:
                    h.update(packed(answer(minilm, (b"a%sb" if between else b"%s") % chr(c).encode())))
            out.append(f"minilm {'between' if between else 'alone'} {at // 4096} {h.hexdigest()}")
    blocks(minilm, "minilm", N_MINILM, out)
    cases = []

    def case(name, oracle, data):
        t = answer(oracle, data)
        cases.append(dict(tokenizer=name, hex=data.hex(), text=data.decode("utf-8", "replace"), ids=[x[0] for x in t],
                          types=[x[1] for x in t], offsets=[[x[2], x[3]] for x in t]))

    for f in FRAGMENTS:
        case("minilm", minilm, f.encode())
    for text in ["Hello, World! tokenization is unbelievable.", "How to fix a slow laptop?", "a" * 101 + " b", "[CLS] the [MASK]."]:
        case("minilm", minilm, text.encode())
    for n in range(N_RULES):
        j = small_tokenizer(n, minilm)
        write(f"rules-{n}.json", json.dumps(j, ensure_ascii=True) + "\n")
        oracle = Tokenizer.from_str(json.dumps(j))
        blocks(oracle, f"rules-{n}", N_SMALL, out)
        for i in range(20, 32):
            case(f"rules-{n}", oracle, generate(i))
    write("hashes.txt", "\n".join(out) + "\n")
    write("cases.json", "[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main()
