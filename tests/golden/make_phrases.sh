#!/bin/sh
# Makes tests/golden/phrases: a text of chance, and what word2phrase (code.google.com/archive/p/word2vec, 2013; built with
# gcc -O3) makes of it. usage: make_phrases.sh PATH-OF-WORD2PHRASE
set -eu
program=${1:?is the path of word2phrase}
cd "$(dirname "$0")/phrases"
python3 - >text.txt <<'PY'
import random
random.seed(1)
words = [f"w{i}" for i in range(300)] + ["a_b", "_", "été", "x" * 58, "y" * 30, "z" * 29, "</s>"]
pairs = [("new", "york"), ("san", "francisco"), ("a", "b"), ("york", "times"), ("y" * 30, "z" * 29)]
for _ in range(260):
    line = []
    for _ in range(random.randrange(0, 14)):
        line += random.choice(pairs) if random.random() < .25 else [words[int(len(words) * random.random() ** 2)]]
    print(random.choice([" ", " ", "  ", "\t"]).join(line) + random.choice(["", "", " "]))
PY
for way in "5 4" "1 8" "2 0"; do
  set -- $way
  "$program" -train text.txt -output "joined-$1-$2.txt" -min-count "$1" -threshold "$2" -debug 0 >/dev/null
done
