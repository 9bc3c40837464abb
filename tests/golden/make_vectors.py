#!/usr/bin/env python3
# Files of word vectors as other programs write them, with the floats that the same programs read out of them, for
# tests/unit/test_vectors_golden.c; and, with --check, files that `loci convert` wrote, opened by those programs.
# Made once in a throw-away environment: gensim 4.4.0, numpy 2.4.6, fasttext-numpy2 0.10.4 (the module of fastText 0.9.2's
# code, for vectors at full precision), Debian 12's fasttext 0.9.2+ds-1+b1, word2vec (tmikolov/word2vec 20c129a, gcc 12 -O2),
# GloVe (stanfordnlp/GloVe 52f7dbc).
#   WORD2VEC=/path/to/word2vec GLOVE=/path/to/GloVe/build python3 make_vectors.py           # writes vectors/
#   python3 make_vectors.py --check /path/to/loci                                           # last passed: 2026-11-22
# NAME.expected: "word<TAB>8 hexadecimal digits a float (its bits)" a line.
import os
import random
import struct
import subprocess
import sys
import tempfile

import fasttext
import gensim
import numpy

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors")
os.makedirs(here, exist_ok=True)
KeyedVectors = gensim.models.KeyedVectors


def at(name):
    return os.path.join(here, name)


def bits(row):
    return " ".join(f"{b:08x}" for b in numpy.asarray(row, dtype="<f4").view("<u4"))


def expect(name, pairs):
    with open(at(name), "w", encoding="utf-8") as f:
        for word, row in pairs:
            f.write(f"{word}\t{bits(row)}\n")


def from_gensim(path, binary, no_header=False):
    kv = KeyedVectors.load_word2vec_format(path, binary=binary, no_header=no_header)
    return [(word, kv[word]) for word in kv.index_to_key]


def table():
    rng = numpy.random.default_rng(11)
    words = ["</s>", "the", "naïve", "日本語", "größe", "1990", "-0.5", "\u0645\u0631\u062d\u0628\u0627", "😀", "a_b", "…", "x"]
    rows = rng.standard_normal((len(words), 6)).astype("<f4")
    rows[1] = [1e-30, -0.0, 3.4028235e38, 1.4e-45, 0.1, 1 / 3]
    return words, rows


def corpus(path):
    r = random.Random(5)
    stems = "sun moon sea ship king queen north wind house größe naïve 日本語 снег".split()
    words = stems + [s + e for s in stems for e in ("s", "ing")]
    with open(path, "w", encoding="utf-8") as f:
        for _ in range(300):
            f.write(" ".join(words[min(int(r.expovariate(0.12)), len(words) - 1)] for _ in range(12)) + "\n")


def labelled(path):
    r = random.Random(6)
    with open(path, "w", encoding="utf-8") as f:
        for _ in range(200):
            good = r.random() < 0.5
            words = ["good", "fine", "schön", "great"] if good else ["bad", "poor", "übel", "sad"]
            f.write(f"__label__{'yes' if good else 'no'} " + " ".join(r.choice(words + ["the", "film"]) for _ in range(6)) + "\n")


seen_and_unseen = ["sun", "größe", "日本語", "</s>", "sunshine", "größer", "日本", "нет", "x", "🙂smile", "kings", "ships'",
                   "an-even-longer-word-that-was-never-seen"]


def run(*arguments, **more):
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)


def make():
    words, rows = table()
    kv = KeyedVectors(rows.shape[1])
    kv.add_vectors(words, rows)
    kv.save_word2vec_format(at("gensim.bin"), binary=True)
    kv.save_word2vec_format(at("gensim.txt"), binary=False)
    kv.save_word2vec_format(at("gensim-glove.txt"), binary=False, write_header=False)
    expect("gensim.expected", zip(words, rows))
    small = numpy.clip(rows, -60000, 60000)
    with open(at("array.labels"), "w", encoding="utf-8") as f:
        f.write("".join(w + "\n" for w in words))
    for kind in ("<f2", "<f4", "<f8"):
        for version in ((1, 0), (2, 0)):
            name = f"array-{kind[1:]}-v{version[0]}"
            with open(at(name + ".npy"), "wb") as f:
                numpy.lib.format.write_array(f, small.astype(kind), version=version)
        expect(f"array-{kind[1:]}.expected", zip(words, small.astype(kind).astype("<f4")))
    with tempfile.TemporaryDirectory() as work:
        text = os.path.join(work, "text")
        corpus(text)
        for binary in (1, 0):
            out = at("word2vec.bin" if binary else "word2vec.txt")
            run(os.environ["WORD2VEC"], "-train", text, "-output", out, "-size", "5", "-min-count", "3", "-threads", "1",
                "-iter", "2", "-binary", str(binary))
            expect(os.path.basename(out) + ".expected", from_gensim(out, bool(binary)))
        glove = os.environ["GLOVE"]
        with open(text, "rb") as i, open(os.path.join(work, "vocab"), "wb") as o:
            run_io(os.path.join(glove, "vocab_count"), "-min-count", "3", "-verbose", "0", stdin=i, stdout=o)
        with open(text, "rb") as i, open(os.path.join(work, "cooccur"), "wb") as o:
            run_io(os.path.join(glove, "cooccur"), "-vocab-file", os.path.join(work, "vocab"), "-verbose", "0",
                   "-overflow-file", os.path.join(work, "overflow"), stdin=i, stdout=o)
        run(os.path.join(glove, "glove"), "-input-file", os.path.join(work, "cooccur"), "-vocab-file",
            os.path.join(work, "vocab"), "-save-file", at("glove"), "-vector-size", "5", "-threads", "1", "-iter", "3",
            "-binary", "2", "-seed", "1")
        expect("glove.txt.expected", from_gensim(at("glove.txt"), False, True))
        for name, mode, more in (
            ("skipgram", "skipgram", ["-minn", "2", "-maxn", "4", "-minCount", "3"]),
            ("cbow", "cbow", ["-minn", "1", "-maxn", "6", "-minCount", "3"]),
            ("words-only", "skipgram", ["-maxn", "0", "-minCount", "3"]),
        ):
            run("fasttext", mode, "-input", text, "-output", at(name), "-dim", "5", "-bucket", "50", "-thread", "1",
                "-epoch", "2", *more)
            model = fasttext.load_model(at(name + ".bin"))
            expect(name + ".expected", [(w, model.get_word_vector(w)) for w in model.words + seen_and_unseen])
            listed = subprocess.run(["fasttext", "print-word-vectors", at(name + ".bin")], check=True,
                                    input="\n".join(seen_and_unseen) + "\n", capture_output=True, text=True).stdout
            with open(at(name + ".words"), "w", encoding="utf-8") as f:
                f.write(listed)
            os.remove(at(name + ".vec"))
        train = os.path.join(work, "train")
        labelled(train)
        for loss in ("softmax", "hs", "ns", "ova"):
            run("fasttext", "supervised", "-input", train, "-output", at(loss), "-dim", "4", "-bucket", "20", "-thread", "1",
                "-loss", loss, "-minn", "2", "-maxn", "3", "-wordNgrams", "2")
            os.remove(at(loss + ".vec"))
        run("fasttext", "supervised", "-input", train, "-output", os.path.join(work, "q"), "-dim", "4", "-thread", "1",
            "-bucket", "300", "-minn", "2", "-maxn", "3")
        run("fasttext", "quantize", "-input", train, "-output", os.path.join(work, "q"), "-dsub", "2")
        os.replace(os.path.join(work, "q.ftz"), at("quantised.ftz"))
        # Version 11: the same bytes, but a supervised model has no character n-grams then.
        old = bytearray(open(at("softmax.bin"), "rb").read())
        struct.pack_into("<i", old, 4, 11)
        open(at("softmax-11.bin"), "wb").write(old)
        for name in ("softmax", "softmax-11"):
            model = fasttext.load_model(at(name + ".bin"))
            expect(name + ".expected", [(w, model.get_word_vector(w)) for w in model.words + ["goodness", "x"]])


def run_io(*arguments, **more):
    subprocess.run(arguments, check=True, stderr=subprocess.DEVNULL, **more)


def same(name, wanted, got):
    if len(wanted) != len(got):
        sys.exit(f"{name}: {len(got)} words, not {len(wanted)}")
    for (word, row), (other, mine) in zip(wanted, got):
        if word != other or bits(row) != bits(mine):
            sys.exit(f"{name}: {word}: {row} {mine}")
    print(f"{name}: {len(wanted)} words, the same bits")


def check(loci):
    words, rows = table()
    wanted = list(zip(words, rows))
    with tempfile.TemporaryDirectory() as work:
        def convert(source, target, *more):
            target = os.path.join(work, target)
            run(loci, "convert", source, target, *more)
            return target

        same("word2vec .bin in gensim", wanted, from_gensim(convert(at("gensim.txt"), "a.bin"), True))
        same("text in gensim", wanted, from_gensim(convert(at("gensim.bin"), "a.txt"), False))
        same("GloVe text in gensim", wanted,
             from_gensim(convert(at("gensim.bin"), "g.txt", "--to", "glove"), False, True))
        array = numpy.load(convert(at("gensim.bin"), "a.npy"))
        labels = open(os.path.join(work, "a.labels"), encoding="utf-8").read().split("\n")[:-1]
        same(".npy in numpy", wanted, list(zip(labels, array)))
        half = numpy.load(convert(at("array-f4-v1.npy"), "h.npy", "--f16", "--labels", at("array.labels")))
        if half.dtype != "float16" or half.tobytes() != numpy.clip(rows, -60000, 60000).astype("<f2").tobytes():
            sys.exit(".npy of float16 in numpy: other bits")
        print(".npy of float16 in numpy: the same bits")
        for name in ("skipgram", "cbow", "words-only"):
            ours = convert(at(name + ".bin"), name + ".bin", "--to", "fasttext", "-q")
            theirs, mine = fasttext.load_model(at(name + ".bin")), fasttext.load_model(ours)
            asked = theirs.words + seen_and_unseen
            same(f"fastText {name} in fastText", [(w, theirs.get_word_vector(w)) for w in asked],
                 [(w, mine.get_word_vector(w)) for w in asked])
            if theirs.get_nearest_neighbors("größe") != mine.get_nearest_neighbors("größe"):
                sys.exit(f"{name}: other neighbours")
            kv = gensim.models.fasttext.load_facebook_vectors(ours)
            for w in ["sun", "größe", "sunshine"]:  # gensim makes n-grams of "</s>" too
                if not name.startswith("words") and not numpy.allclose(kv[w], theirs.get_word_vector(w), atol=1e-6):
                    sys.exit(f"{name}: gensim has another vector of {w}")
        for name in ("softmax", "hs", "ns", "ova"):
            ours = convert(at(name + ".bin"), name + ".bin", "--to", "fasttext", "-q")
            for text in ("the film good fine", "bad sad übel", "goodness"):
                a, b = (fasttext.load_model(p).predict(text, k=2) for p in (at(name + ".bin"), ours))
                if a[0] != b[0] or a[1].tolist() != b[1].tolist():
                    sys.exit(f"{name}: other labels")
            print(f"fastText {name} in fastText: the same labels")


if len(sys.argv) == 3 and sys.argv[1] == "--check":
    check(sys.argv[2])
else:
    make()
