#!/bin/sh
# Word vectors as models: embed, tokenize, show, index and search; analogies and similarity; a folder.
. "$SRC/tests/cli/tap"

cat >v.vec <<X
6 3
the 1 0 0
cat 0 1 0
dog 0 0.6 0.8
sleeps 0 0 1
Paris 0.5 0.5 0
mat 0.1 0.9 0
X
exits "a file is a model" 0 "$LOCI" embed -m v.vec --no-normalize "The cat."
is "the mean of its words" "$(echo "$out" | json .embedding.0) $(echo "$out" | json .embedding.1)" "0.5 0.5"
exits "unknown words" 0 "$LOCI" embed -m v.vec "a zebra"
like "are told" "$err" "*1 of 1 texts have no word*"
"$LOCI" embed -m v.vec --pooling sif "the cat" >sif.json
"$LOCI" embed -m 'v.vec#sif' "the cat" >name.json
"$LOCI" embed -m v.vec --pooling mean "the cat" >mean.json
yes "--pooling sif is #sif" cmp sif.json name.json
yes "and not the mean" sh -c "! cmp -s sif.json mean.json"
exits "--pooling wants vectors" 2 "$LOCI" embed --pooling sif "the cat"
exits "tokenize" 0 "$LOCI" tokenize -m v.vec "The zebra"
is "shows unknown words" "$out" "$(printf '0\tthe\t0\t3\n6\t[UNK]\t4\t9')"
exits "show" 0 "$LOCI" show 'v.vec#sif'
like "says what it is" "$out" "*architecture*words*pooling*sif*vocabulary*6*"
exits "a file that is none" 4 "$LOCI" embed -m "$SRC/README.md" "the cat"
exits "a file that is not there" 3 "$LOCI" embed -m ./nothing.bin "the cat"

mkdir docs
echo "The cat on the mat." >docs/cat.txt
echo "The dog sleeps." >docs/dog.txt
echo "Zebras graze." >docs/zebra.txt
exits "index" 0 "$LOCI" index --store c.db -m v.vec --pooling sif docs
like "tells passages of unknown words" "$err" "*1 passages have no word*"
mkdir elsewhere && cd elsewhere || exit 1
exits "search from another folder" 0 "$LOCI" search --store ../c.db --mode vector sleeps
like "finds the nearest" "$(echo "$out" | head -1)" "*dog.txt*"
cd ..
exits "the same model" 0 "$LOCI" index --store c.db docs
exits "another pooling is another model" 2 "$LOCI" index --store c.db -m v.vec docs

exits "a folder" 0 "$LOCI" convert v.vec folder
"$LOCI" embed -m v.vec "the Cat in Paris" >file.json
"$LOCI" embed -m folder "the Cat in Paris" >folder.json
yes "gives the same vector" cmp file.json folder.json

printf ': capital\nthe cat the cat\n' >q.txt
exits "analogy" 0 "$LOCI" eval analogy v.vec q.txt --json
is "questions" "$(echo "$out" | json .results.0.total.questions)" 1
exits "data is wanted" 2 "$LOCI" eval analogy v.vec
exits "--most is for analogies" 2 "$LOCI" eval similarity v.vec q.txt --most 3
exits "no model option" 2 "$LOCI" eval analogy -m v.vec v.vec q.txt
mkdir sets
printf 'cat\tdog\t9\nthe\tsleeps\t1\ncat\tmat\t8\n' >sets/one.txt
printf 'cat dog 9\nthe sleeps 1\n' >sets/two.txt
exits "similarity of a folder" 0 "$LOCI" eval similarity v.vec sets
is "a row a file" "$(echo "$out" | wc -l)" 2
exits "no pairs" 4 "$LOCI" eval similarity v.vec docs/cat.txt
finish
