#!/usr/bin/env python3
"""Probes the pinned PyPI `tokenizers` for what it does with every Unicode scalar value, and writes that down.

  make_tokenizer_tables.py [--c src/text/unicode_tables.c] [--doc docs/tokenizer-unicode.md] [--digest]

Needs tokenizers == 0.19.1 (any other version: --digest prints a hash of the behaviour, to compare versions) and, for
--doc, libutf8proc.so.2. Nothing here comes from a Unicode data file: each property is what the library was seen to do.
"""
import argparse
import ctypes
import hashlib
import sys

import tokenizers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

PIN = "0.19.1"
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
DROP, SPACE, CHINESE, MARK, WHITE, PUNCT, WORD, REGEX_SPACE = (1 << i for i in range(8))
NAMES = ["DROP", "SPACE", "CHINESE", "MARK", "WHITE", "PUNCT", "WORD", "REGEX_SPACE"]
# One mark of each canonical combining class (class 6, U+16FF0, is younger than the library's tables); classes are stable since Unicode 3.1, the probe below checks their order.
CLASSES = {1: 0x334, 7: 0x93C, 8: 0x3099, 9: 0x94D, 10: 0x5B0, 11: 0x5B1, 12: 0x5B2, 13: 0x5B3, 14: 0x5B4,
           15: 0x5B5, 16: 0x5B6, 17: 0x5B7, 18: 0x5B8, 19: 0x5B9, 20: 0x5BB, 21: 0x5BC, 22: 0x5BD, 23: 0x5BF,
           24: 0x5C1, 25: 0x5C2, 26: 0xFB1E, 27: 0x64B, 28: 0x64C, 29: 0x64D, 30: 0x64E, 31: 0x64F, 32: 0x650,
           33: 0x651, 34: 0x652, 35: 0x670, 36: 0x711, 84: 0xC55, 91: 0xC56, 103: 0xE38, 107: 0xE48, 118: 0xEB8,
           122: 0xEC8, 129: 0xF71, 130: 0xF72, 132: 0xF74, 202: 0x321, 214: 0x1DCE, 216: 0x31B, 218: 0x302A,
           220: 0x316, 222: 0x59A, 224: 0x302E, 226: 0x1D16D, 228: 0x5AE, 230: 0x300, 232: 0x315, 233: 0x35C,
           234: 0x35D, 240: 0x345}


def bert(**on):
    flags = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    flags.update(on)
    return normalizers.BertNormalizer(**flags).normalize_str


def added_token_probe():
    """`\\w` and `\\s` as the single_word and lstrip rules of added tokens see them."""
    t = Tokenizer(models.WordLevel({"u": 0}, unk_token="u"))
    t.add_tokens([AddedToken("<w>", single_word=True, normalized=False),
                  AddedToken("<s>", lstrip=True, normalized=False)])
    w, s = t.token_to_id("<w>"), t.token_to_id("<s>")
    word = lambda c: w not in t.encode(c + "<w>").ids

    def space(c):
        e = t.encode(c + "<s>")
        return e.offsets[e.ids.index(s)][0] == 0

    return word, space


def combining_class(nfd, c):
    a = lambda x, y: nfd("a" + chr(x) + chr(y))[1:]
    order = sorted(CLASSES)
    top = CLASSES[240]
    if c == top:
        return 240
    if a(top, c) == chr(top) + chr(c):  # did not move before class 240: a starter, or of class 240
        return 240 if a(c, CLASSES[234]) == chr(CLASSES[234]) + chr(c) else 0
    if c in CLASSES.values():
        return next(k for k in order if CLASSES[k] == c)
    below = [k for k in order if a(c, CLASSES[k]) == chr(CLASSES[k]) + chr(c)]  # classes smaller than c's
    above = [k for k in order if a(CLASSES[k], c) == chr(c) + chr(CLASSES[k])]  # classes greater than c's
    equal = [k for k in order if k not in below and k not in above]
    assert len(equal) == 1, (hex(c), equal)
    return equal[0]


def probe():
    clean, chinese, strip = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
    nfd, lower = normalizers.NFD().normalize_str, normalizers.Lowercase().normalize_str
    pre = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    is_word, is_space = added_token_probe()
    rows = []
    for c in SCALARS:
        s = chr(c)
        flags = 0
        x = clean(s)
        assert x in ("", " ", s), hex(c)
        if x == "":
            flags |= DROP
        elif x == " " and s != " ":
            flags |= SPACE
        x = chinese(s)
        assert x in (s, " " + s + " "), hex(c)
        if x != s:
            flags |= CHINESE
        d, l = nfd(s), lower(s)
        if d == s:
            x = strip(s)
            assert x in ("", s), hex(c)
            if x == "":
                flags |= MARK
        n = len(pre("a" + s + "b"))
        if n == 2:
            flags |= WHITE
        elif n == 3:
            flags |= PUNCT
        else:
            assert n == 1
        if is_word(s):
            flags |= WORD
        if is_space(s):
            flags |= REGEX_SPACE
        ccc = combining_class(nfd, c) if d == s else 0
        rows.append((flags, ccc, () if d == s else tuple(map(ord, d)), () if l == s else tuple(map(ord, l))))
    return rows


def write_c(rows, path):
    pool, where = [], {}

    def put(seq):
        if not seq:
            return 0
        if seq not in where:
            where[seq] = len(pool)
            pool.extend(seq)
        return where[seq]

    records, numbers = [], {}

    def number(row):
        if row not in numbers:
            numbers[row] = len(records)
            records.append(row)
        return numbers[row]

    by_code = [0] * 0x110000
    number((0, 0, (), ()))
    for c, row in zip(SCALARS, rows):
        if 0xAC00 <= c <= 0xD7A3:  # Hangul syllables: by arithmetic (Unicode 3.12), as the C code does it
            i, jamo = c - 0xAC00, row[2]
            assert jamo == (0x1100 + i // 588, 0x1161 + i % 588 // 28) + ((0x11A7 + i % 28,) if i % 28 else ())
            row = (row[0], row[1], (), row[3])
        by_code[c] = number(row)
    blocks, block_numbers, index = [], {}, []
    for at in range(0, 0x110000, 128):
        b = tuple(by_code[at:at + 128])
        if b not in block_numbers:
            block_numbers[b] = len(blocks)
            blocks.append(b)
        index.append(block_numbers[b])
    assert len(blocks) < 65536 and len(records) < 65536

    body = []

    def array(kind, name, items):
        body.append(f"const {kind} {name}[{len(items)}] = {{")
        line = " "
        for item in items:
            if len(line) + len(item) + 2 > 118:
                body.append(line)
                line = " "
            line += " " + item + ","
        body.extend([line, "};", ""])

    recs = [f"{{{put(d)}, {put(l)}, {f}, {ccc}, {len(d)}, {len(l)}}}" for f, ccc, d, l in records]
    array("loci__unicode_record", "loci__unicode_records", recs)
    array("uint32_t", "loci__unicode_pool", [hex(c) for c in pool])
    array("uint16_t", "loci__unicode_blocks", [str(i) for b in blocks for i in b])
    array("uint16_t", "loci__unicode_index", [str(i) for i in index])
    head = f"""/* text/unicode_tables.c: what the reference tokenizer does with each Unicode scalar value. Generated, do not edit:
 * tests/golden/make_tokenizer_tables.py probed PyPI tokenizers {tokenizers.__version__}. text/unicode.h says what the fields mean,
 * docs/tokenizer-unicode.md where it differs from today's Unicode.
 */
/* clang-format off */
#include "unicode.h"

"""
    with open(path, "w") as f:
        f.write(head + "\n".join(body).rstrip() + "\n")
    print(f"{len(records)} records, {len(pool)} code points, {len(blocks)} blocks")


def ranges(codes):
    out, codes = [], sorted(codes)
    for c in codes:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return [f"U+{a:04X}" if a == b else f"U+{a:04X}–{b:04X}" for a, b in out]


def write_doc(rows, path):
    u = ctypes.CDLL("libutf8proc.so.2")
    u.utf8proc_unicode_version.restype = ctypes.c_char_p
    u.utf8proc_category_string.restype = ctypes.c_char_p
    u.utf8proc_decompose_char.argtypes = [ctypes.c_int32, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int,
                                          ctypes.c_void_p]
    u.utf8proc_decompose_char.restype = ctypes.c_ssize_t
    buf = (ctypes.c_int32 * 32)()

    def decompose(c):
        n = u.utf8proc_decompose_char(c, buf, 32, 1 << 4 | 1 << 1, None)  # DECOMPOSE | STABLE: canonical only
        return tuple(buf[:n])

    cjk = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
           (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]
    diff = {k: [] for k in ("mark kept", "mark stripped", "format kept", "other kept", "dropped", "cjk", "punct more",
                            "punct less", "lower", "nfd", "white")}
    white = set([*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000])
    for c, (flags, _, d, l) in zip(SCALARS, rows):
        cat = u.utf8proc_category_string(c).decode()
        if cat == "Mn" and not flags & MARK and not d:
            diff["mark kept"].append(c)
        if cat != "Mn" and flags & MARK:
            diff["mark stripped"].append(c)
        if cat == "Cf" and not flags & DROP:
            diff["format kept"].append(c)
        if cat in ("Cc", "Co") and not flags & DROP and c not in (9, 10, 13):
            diff["other kept"].append(c)
        if flags & DROP and cat not in ("Cc", "Cf", "Co") and c != 0xFFFD:
            diff["dropped"].append(c)
        if bool(flags & CHINESE) != any(a <= c <= b for a, b in cjk):
            diff["cjk"].append(c)
        p = cat[0] == "P" or c < 128 and cat[0] == "S"
        if flags & PUNCT and not p:
            diff["punct more"].append(c)
        if p and not flags & PUNCT:
            diff["punct less"].append(c)
        if (l or (c,)) != (u.utf8proc_tolower(c),) and c != 0x130:
            diff["lower"].append(c)
        if (d or (c,)) != decompose(c):
            diff["nfd"].append(c)
        if bool(flags & WHITE) != (c in white):
            diff["white"].append(c)
    say = {
        "mark kept": "nonspacing marks (Mn) that stripping accents keeps",
        "mark stripped": "characters that are stripped as accents although they are not Mn",
        "format kept": "format characters (Cf) that cleaning keeps",
        "other kept": "controls and private use (Cc, Co) that cleaning keeps",
        "dropped": "characters that cleaning drops although they are neither Cc, Cf nor Co (U+FFFD aside)",
        "cjk": "characters where the CJK spacing differs from the ranges that BERT's reference code names",
        "punct more": "characters that stand alone as punctuation although they are not P* (ASCII symbols aside)",
        "punct less": "punctuation (P*) that does not stand alone",
        "lower": "characters with another lower case (U+0130 becomes two characters in both)",
        "nfd": "characters with another canonical decomposition",
        "white": "characters whose white-space property differs",
    }
    version = u.utf8proc_unicode_version().decode()
    lines = [
        "# Where the tokenizer's Unicode is not today's", "",
        "Models were trained with the tables that their tokenizer carried, so the same text must be cut in the same way: loci's",
        "tables are not those of a Unicode version but what the reference was seen to do with every scalar value",
        f"(`tests/golden/make_tokenizer_tables.py`, PyPI `tokenizers` {tokenizers.__version__}). Against Unicode {version} (utf8proc):", "",
        "| what | count | where |", "| --- | --- | --- |",
    ]
    for k, codes in diff.items():
        r = ranges(codes)
        lines.append(f"| {say[k]} | {len(codes)} | {', '.join(r) if r else '–'} |")
    lines += [
        "", "A younger `tokenizers` (0.23.3, probed with the same script) differs from the pinned one in two things only: 55 letters of",
        "Unicode 16 and 17 have a lower case (U+1C89, U+A7CB–A7DC, U+10D50–10D65, U+16EA0–16EB8), and 5,055 characters more are",
        "`\\w` for the single_word rule of added tokens.",
    ]
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")
    for k, codes in diff.items():
        print(k, len(codes))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--c")
    p.add_argument("--doc")
    p.add_argument("--digest", action="store_true")
    a = p.parse_args()
    if tokenizers.__version__ != PIN and not a.digest:
        sys.exit(f"tokenizers {tokenizers.__version__} is not the pinned {PIN}")
    rows = probe()
    if a.digest:
        for i, name in enumerate(["flags", "ccc", "nfd", "lower"]):
            print(name, hashlib.sha256(repr([r[i] for r in rows]).encode()).hexdigest()[:16])
    if a.c:
        write_c(rows, a.c)
    if a.doc:
        write_doc(rows, a.doc)
