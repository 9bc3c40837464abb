#!/usr/bin/env python3
"""Writes src/text/wordbreak_tables.c from the Unicode Character Database, version 15.0.0.

  make_wordbreak_tables.py [UCD] > src/text/wordbreak_tables.c      UCD: default /usr/share/unicode (Debian's unicode-data)

Taken: WordBreakProperty.txt, emoji-data.txt (Extended_Pictographic), UnicodeData.txt (general category, simple lower case).
"""
import sys

UCD = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode"
VERSION = "15.0.0"
CLASSES = ["Other", "CR", "LF", "Newline", "Extend", "ZWJ", "Format", "Regional_Indicator", "Katakana", "Hebrew_Letter",
           "ALetter", "Single_Quote", "Double_Quote", "MidNumLet", "MidLetter", "MidNum", "Numeric", "ExtendNumLet",
           "WSegSpace"]
PICTOGRAPH, LETTER_OR_NUMBER, SEPARATOR = 1, 2, 4


def ranges(path):
    with open(f"{UCD}/{path}", encoding="utf-8") as f:
        for line in f:
            line = line.split("#")[0].strip()
            if line:
                code, value = (x.strip() for x in line.split(";")[:2])
                a, _, b = code.partition("..")
                yield int(a, 16), int(b or a, 16), value


assert f"-{VERSION}.txt" in open(f"{UCD}/auxiliary/WordBreakProperty.txt", encoding="utf-8").readline()
klass, flags, lower = [0] * 0x110000, [0] * 0x110000, [0] * 0x110000
for a, b, value in ranges("auxiliary/WordBreakProperty.txt"):
    for c in range(a, b + 1):
        klass[c] = CLASSES.index(value)
for a, b, value in ranges("emoji/emoji-data.txt"):
    if value == "Extended_Pictographic":
        for c in range(a, b + 1):
            flags[c] |= PICTOGRAPH
first = None
for line in open(f"{UCD}/UnicodeData.txt", encoding="utf-8"):
    f = line.rstrip("\n").split(";")
    c, name, category = int(f[0], 16), f[1], f[2]
    begin = c
    if name.endswith(", First>"):
        first = c
        continue
    if name.endswith(", Last>"):
        begin = first
    for x in range(begin, c + 1):
        if category[0] in "LN":
            flags[x] |= LETTER_OR_NUMBER
        if category[0] == "Z" or category == "Cc":
            flags[x] |= SEPARATOR
    if f[13]:
        lower[c] = int(f[13], 16) - c

records, by_code = {(0, 0, 0): 0}, []
for c in range(0x110000):
    by_code.append(records.setdefault((klass[c], flags[c], lower[c]), len(records)))
assert len(records) <= 256
blocks, index = {}, []
for at in range(0, 0x110000, 128):
    index.append(blocks.setdefault(tuple(by_code[at:at + 128]), len(blocks)))
assert len(blocks) <= 65536


def array(kind, name, items):
    print(f"const {kind} {name}[{len(items)}] = {{")
    line = " "
    for item in items:
        if len(line) + len(str(item)) + 2 > 118:
            print(line)
            line = " "
        line += f" {item},"
    print(line)
    print("};\n")


print(f"""/* text/wordbreak_tables.c: word-break class, flags and simple lower case of each Unicode scalar value, Unicode {VERSION}.
 * Generated, do not edit: tests/golden/make_wordbreak_tables.py from the Unicode Character Database. text/wordbreak.h says
 * what the fields mean.
 */
/* clang-format off */
#include "wordbreak.h"
""")
array("loci__word_record", "loci__word_records", ["{%d, %d, %d}" % (l, k, f) for (k, f, l) in records])
array("uint8_t", "loci__word_blocks", [x for b in blocks for x in b])
array("uint16_t", "loci__word_index", index)
