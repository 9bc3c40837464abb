#!/bin/sh
# Clusters of words: which words, which method, what no one should ask for; clusters held against classes.
. "$SRC/tests/cli/tap"

cat >v.txt <<X
9 2
cat 1 0.1
dog 1 0.2
lion 1 0
run 0 1
walk 0.1 1
jump 0.2 1
swim 0 0.9
nothing 0 0
none nan 1
X
exits "two clusters" 0 "$LOCI" cluster v.txt -k 2 --json
is "the method is named" "$(echo "$out" | json .method) $(echo "$out" | json .metric)" "kmeans cosine"
is "the largest is the first" "$(echo "$out" | json .clusters.0.size) $(echo "$out" | json .clusters.1.size)" "4 3"
is "words have a cluster" "$(echo "$out" | json .members.0.cluster) $(echo "$out" | json .members.4.cluster)" "2 1"
is "or none" "$(echo "$out" | json .members.7.cluster)" null
is "what is none is counted" "$(echo "$out" | json .left_out)" 2
like "and told" "$err" "*2 words have no place*"
first=$out
exits "one thread" 0 "$LOCI" cluster v.txt -k 2 --json --threads 1
is "gives the same bytes" "$out" "$first"
exits "the centre's words" 0 "$LOCI" cluster v.txt -k 2 -n 2
is "a line a cluster" "$(echo "$out" | wc -l)" 2
exits "words as arguments" 0 "$LOCI" cluster v.txt cat Dog run -k 2 --members
is "are clustered" "$out" "$(printf 'cat\t1\ndog\t1\nrun\t2')"
exits "twice is once" 0 "$LOCI" cluster v.txt cat cat run -k 2 --members
is "a word" "$(echo "$out" | wc -l)" 2
exits "one word" 0 "$LOCI" cluster v.txt cat --members
is "is a cluster" "$out" "$(printf 'cat\t1')"
exits "a word that is not there" 4 "$LOCI" cluster v.txt cat rnu
like "is compared with those that are" "$err" "*spelled alike: 'run'*"
printf 'cat\n\n# no word\nzebra\n run \nkoala\nemu\nokapi\n' >words
exits "words of a file" 0 "$LOCI" cluster v.txt --words words -k 2 --members
is "that have a vector" "$out" "$(printf 'cat\t1\nrun\t2')"
like "the others are told" "$err" "*left out: 'zebra'*1 more word*"
exits "from standard input" 0 sh -c "'$LOCI' cluster v.txt --words - --members <words"
echo zebra >none
exits "none of them" 4 "$LOCI" cluster v.txt --words none
exits "more clusters than words" 2 "$LOCI" cluster v.txt -k 8
like "says how many there are" "$err" "*8 clusters of 7 rows*"
printf '4 2\na 1 0\nb 1 0\nc 2 0\nd 0 1\n' >same.txt
exits "words that do not differ" 0 "$LOCI" cluster same.txt -k 3 --members
is "share a cluster" "$out" "$(printf 'a\t1\nb\t1\nc\t1\nd\t2')"
like "and that is told" "$err" "*2 clusters, not 3*"
exits "L2" 0 "$LOCI" cluster same.txt -k 3 --metric l2 --members
is "sees lengths" "$out" "$(printf 'a\t1\nb\t1\nc\t2\nd\t3')"
printf '1 2\nall 0 0\n' >zero.txt
exits "zero vectors alone" 2 "$LOCI" cluster zero.txt
exits "no number of clusters for hdbscan" 2 "$LOCI" cluster v.txt --method hdbscan -k 3
exits "no --leaf for kmeans" 2 "$LOCI" cluster v.txt --leaf
exits "--most and words" 2 "$LOCI" cluster v.txt cat --most 3
exits "--limit beyond" 2 "$LOCI" cluster v.txt -n 17
exits "--members and --json" 2 "$LOCI" cluster v.txt --members --json
exits "--min-size 1" 2 "$LOCI" cluster v.txt --method hdbscan --min-size 1
exits "density" 0 "$LOCI" cluster v.txt --method hdbscan --min-size 3 --json
is "finds both" "$(echo "$out" | json .clusters.0.size) $(echo "$out" | json .clusters.1.size)" "4 3"
exits "two points" 0 "$LOCI" cluster v.txt cat run --method hdbscan --members
is "are no cluster" "$(echo "$out" | cut -f 2 | tr -d '\n')" ""
exits "the first words" 0 "$LOCI" cluster v.txt --most 3 -k 1 --members
is "only" "$(echo "$out" | wc -l)" 3

mkdir docs
echo "The cat and the dog." >docs/animals.txt
echo "They run and walk." >docs/actions.txt
echo "Lion, cat, dog." >docs/more.txt
"$LOCI" index --store c.db -m v.txt docs 2>/dev/null
exits "a collection's passages" 0 "$LOCI" cluster --store c.db -k 2 --members
is "are clustered" "$(echo "$out" | sort)" "$(printf 'docs/actions.txt:1\t2\ndocs/animals.txt:1\t1\ndocs/more.txt:1\t1')"

printf 'animal\tcat\nanimal\tdog\nanimal\tlion\naction\trun\naction\twalk\naction\tfly\n' >kinds
exits "eval" 0 "$LOCI" eval cluster v.txt kinds
is "gives figures" "$out" "$(printf 'kinds\t6\t5\t2\t1.0000\t1.0000\t1.0000\t1.0000\t1.0000')"
exits "eval wants data" 2 "$LOCI" eval cluster v.txt
exits "eval takes no model" 2 "$LOCI" eval cluster -m v.txt v.txt kinds
exits "no classes" 4 "$LOCI" eval cluster v.txt words
exits "no file" 5 "$LOCI" eval cluster v.txt nothing
finish
