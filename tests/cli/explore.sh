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
# ---- align ----
awk 'BEGIN { srand(3); n = 60; print n, 8 > "en.vec"; print n, 8 > "fr.vec"
  for (i = 0; i < n; i++) { for (j = 0; j < 8; j++) x[j] = rand() + rand() + rand() - 1.5
    printf "W%d", i > "en.vec"; printf "m%d", i > "fr.vec"
    for (j = 0; j < 8; j++) { printf " %f", x[j] > "en.vec"; printf " %f", x[(j + 3) % 8] * (j % 2 ? 1 : -1) > "fr.vec" }
    print "" > "en.vec"; print "" > "fr.vec"; print "W" i "\tM" i > "dictionary" } print "no\tsuch" > "dictionary" }'
exits "align" 0 "$LOCI" align en.vec fr.vec --dictionary dictionary -o en-in-fr.vec --json
is "knows which pairs are usable" "$(echo "$out" | json .dictionary) $(echo "$out" | json .usable)" "61 60"
is "keeps a fifth back" "$(echo "$out" | json .csls.n) $(echo "$out" | json .learned_from)" "12 48"
is "finds a rotation again" "$(echo "$out" | json .csls.right) $(echo "$out" | json .cosine.right)" "12 12"
like "the card says how" "$(cat en-in-fr.vec.card.md)" "*orthogonal*48 pairs*n 12*"
exits "translated" 0 "$LOCI" neighbors fr.vec W5 W6 --from en-in-fr.vec --csls -n 1
is "the nearest" "$(echo "$out" | cut -f 2 | tr '\n' ' ')" "m5 m6 "
exits "--csls wants another language" 2 "$LOCI" neighbors fr.vec m5 --csls
head -n 20 dictionary >learned
exits "a dictionary of its own to measure with" 0 "$LOCI" align en.vec fr.vec --dictionary learned --test dictionary --json
is "has the words that were not learned from" "$(echo "$out" | json .csls.n) $(echo "$out" | json .learned_from)" "40 20"
exits "nothing kept back" 0 "$LOCI" align en.vec fr.vec --dictionary dictionary --held-out 0 --refine 0
unlike "nothing measured" "$out" "*P@1*"
exits "no dictionary" 2 "$LOCI" align en.vec fr.vec
echo "these	are-not-there" >none
exits "a dictionary without a usable pair" 2 "$LOCI" align en.vec fr.vec --dictionary none
like "says what to look at" "$err" "*none whose words both have a vector*written alike*"
echo "alone" >one
exits "a line that is no pair" 4 "$LOCI" align en.vec fr.vec --dictionary one
like "is named" "$err" "*one, line 1*"
printf "king\tm1\n" >widths
exits "two widths" 2 "$LOCI" align v.txt fr.vec --dictionary widths --held-out 0
exits "an ending that says nothing" 2 "$LOCI" align en.vec fr.vec --dictionary dictionary -o out.what

# ---- path ----
printf '6 2\nraven 1 0\ncrow 1 0.3\nbird 1 0.8\nperch 0.7 1\nwood 0.3 1\ndesk 0 1\n' >birds.txt
exits "path" 0 "$LOCI" path birds.txt raven desk -k 2 --json
is "goes by near words" "$(echo "$out" | json .path.1.word) $(echo "$out" | json .path.4.word)" "crow wood"
exits "and says that this proves nothing" 0 "$LOCI" path birds.txt raven desk -k 2
like "on stderr" "$err" "*says nothing about what they have in common*"
exits "no such word" 4 "$LOCI" path birds.txt rave desk
like "but one spelled alike" "$err" "*'raven'*"
printf '4 2\na 1 0\nb 1 0.1\nc 0 1\nd 0.1 1\n' >parted.txt
exits "no way" 4 "$LOCI" path parted.txt a c -k 1
like "says how there may be one" "$err" "*more of them*"
exits "a collection's passages" 0 "$LOCI" path --store c.db royals.txt fruit.txt


# ---- bias: a direction taken out ----
awk 'BEGIN { srand(4); print 62, 6; print "man 1 0 0.1 0 0 0"; print "woman -1 0 0.1 0 0 0"
  for (i = 0; i < 60; i++) { printf "w%d", i; for (j = 0; j < 6; j++) printf " %f", rand() - 0.5; print "" } }' >lean.txt
exits "debias" 0 "$LOCI" bias lean.txt --debias -o even.txt --json
is "leaves nothing along the direction" "$(echo "$out" | json .projection_after | cut -c 1-4 | tr -d 0-9.e-)" ""
like "says that it hides" "$err" "*hides*does not remove*"
like "and so does the card" "$(cat even.txt.card.md)" "*hides an*does not remove it*"
exits "and now" 0 "$LOCI" axis even.txt man:woman w5 w6
is "words have no part along it" "$(echo "$out" | cut -f 2 | tr -d '-' | sort -u)" 0.0000
exits "words that are kept" 0 sh -c "echo w5 >kept; '$LOCI' bias lean.txt --debias --keep kept --pairs man:woman --equalize -o kept.txt -q; '$LOCI' axis kept.txt man:woman w5 -q"
unlike "keep theirs" "$(echo "$out" | cut -f 2 | tr -d '-')" 0.0000
exits "an unknown pair" 4 "$LOCI" bias lean.txt --debias --pairs man:womam
like "is answered" "$err" "*'woman'*"
exits "no pair at all" 2 "$LOCI" bias birds.txt --debias
exits "options of --debias alone" 2 "$LOCI" bias lean.txt -o x.txt

# ---- tutorial ----
exits "tutorial" 0 "$LOCI" tutorial
like "does it by hand" "$out" "*king - man + woman *0.90 -0.80  0.10*The nearest is queen*"
printf '5 3\nking 0.9 0.6 0.1\nqueen 0.9 -0.6 0.1\nman 0.1 0.7 0\nwoman 0.1 -0.7 0\nbanana 0 0.1 0.9\n' >mine.txt
exits "and with vectors" 0 "$LOCI" tutorial mine.txt
like "asks them the same" "$out" "*1. queen*\"queen\" is number 1 of all words*"
exits "with others" 0 "$LOCI" tutorial birds.txt
like "says why it cannot" "$out" "*no \"man\"*"
exits "and with passages" 0 "$LOCI" tutorial --store c.db
exits "a wrong name" 3 "$LOCI" tutorial no-such-file
is "is told before the first page" "$out" ""
finish
