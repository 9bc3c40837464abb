#!/usr/bin/env python3
# Opens the files that bench/vectors.c wrote into FOLDER with gensim (4.4.0 when this was written): MB of file a second.
#   python3 vectors.py FOLDER
import os
import sys
import time

from gensim.models import KeyedVectors

for name, binary, header in (("w.bin", True, True), ("w.txt", False, True), ("g.txt", False, False)):
    path = os.path.join(sys.argv[1], name)
    began = time.perf_counter()
    KeyedVectors.load_word2vec_format(path, binary=binary, no_header=not header)
    print(f"gensim opens {name}\t{os.path.getsize(path) * 1e-6 / (time.perf_counter() - began):.0f} MB/s")
