#!/bin/sh
# What the commands that explore work on: a file, a folder, a name, an array with labels, a collection's passages.
. "$SRC/tests/cli/tap"

printf '4 3\nking 1 0.9 0\nqueen 1 1 0\nprince 1 0.8 0.1\nbanana 0 0 1\n' >v.txt
nearest=$(printf 'king\tqueen\t0.9986\tcosine')
exits "a file" 0 "$LOCI" neighbors v.txt king -n 1
is "gives neighbours" "$out" "$nearest"
"$LOCI" convert v.txt folder >/dev/null 2>&1
exits "a model's folder" 0 "$LOCI" neighbors folder king -n 1
is "is a table of its tokens" "$out" "$nearest"
mkdir models && mv folder models/royal
export LOCI_MODEL_PATH="$work/models"
exits "a name in the model path" 0 "$LOCI" neighbors royal king -n 1
is "is looked up as a model's" "$out" "$nearest"
"$LOCI" convert v.txt a.npy >/dev/null 2>&1 && mv a.labels words
exits "an array without labels" 4 "$LOCI" neighbors a.npy king -n 1
exits "an array and its labels" 0 "$LOCI" neighbors a.npy king -n 1 --labels words
is "is a table" "$out" "$nearest"
exits "a name of nothing" 3 "$LOCI" neighbors no-such-thing king
like "says where it looked" "$err" "*no-such-thing*model path*"
exits "a word that is not there" 4 "$LOCI" neighbors v.txt kign
like "is compared with those that are" "$err" "*'kign'*spelled alike: 'king'*"
exits "in every command" 4 "$LOCI" analogy v.txt king prince Queen
like "case is no matter" "$err" "*spelled alike: 'queen'*"
exits "and nothing is proposed where nothing is near" 4 "$LOCI" similarity v.txt king xylophone
unlike "then" "$err" "*alike*"

mkdir docs
echo "A king and a queen." >docs/royals.txt
echo "The prince saw the queen." >docs/prince.txt
printf 'One banana.\n\nAnother banana.\n' >docs/fruit.txt
"$LOCI" index --store c.db -m v.txt docs 2>/dev/null
exits "a collection's passages" 0 "$LOCI" neighbors --store c.db docs/royals.txt:1 -n 1
is "are called by place" "$out" "$(printf 'docs/royals.txt:1\tdocs/prince.txt:1\t0.99')${out#*0.99}"
exits "a tail will do, and a line inside" 0 "$LOCI" similarity --store c.db royals.txt fruit.txt:3 --json
exits "three passages" 0 "$LOCI" odd-one-out --store c.db royals.txt prince.txt fruit.txt --json
is "the odd one" "$(echo "$out" | json .odd)" fruit.txt
mkdir -p data/loci/collections && cp c.db data/loci/collections/notes.db
exits "by name" 0 "$LOCI" neighbors -c notes docs/fruit.txt -n 2
is "the same table" "$(echo "$out" | wc -l)" 2
exits "no such document" 4 "$LOCI" neighbors --store c.db docs/bird.txt
exits "no such collection" 4 "$LOCI" neighbors --store nothing.db docs/fruit.txt
exits "labels are for arrays" 2 "$LOCI" neighbors --store c.db docs/fruit.txt --labels words
exits "VECTORS or a collection" 2 "$LOCI" similarity --store c.db v.txt docs/fruit.txt docs/prince.txt
exits "a word is wanted" 2 "$LOCI" neighbors --store c.db
finish
