#!/bin/sh
# What is odd about vectors, and taking it away.
. "$SRC/tests/cli/tap"

printf '5 3\na 1 5 0\nb 0 5.1 1\nc -1 5 0.5\nd 0.2 5.2 -1\nnil 0 0 0\n' >v.txt
exits "diagnose" 0 "$LOCI" diagnose v.txt --json
is "counts words" "$(echo "$out" | json .vectors.words) $(echo "$out" | json .vectors.zero)" "5 1"
like "sees the common direction" "$(echo "$out" | json .vectors.mean_cosine)" "0.9*"
is "the order is all it knows of frequency" "$(echo "$out" | json .vectors.frequency)" "order of the file"
printf 'a 9\nb 7\nc 3\nd 2\nnil 1\n' >v.txt.vocab
exits "counts beside the file" 0 "$LOCI" diagnose v.txt --json
is "are heard" "$(echo "$out" | json .vectors.frequency)" counts
exits "what would be without it" 0 "$LOCI" diagnose v.txt --all-but-the-top 0 --json
like "is shown beside" "$(echo "$out" | json .all_but_the_top.mean_cosine)" "-0.*"
exits "a table" 0 "$LOCI" diagnose v.txt --all-but-the-top 1
is "has a third column then" "$(echo "$out" | head -1)" "$(printf 'words\t5\t5')"
exits "more directions than there are" 2 "$LOCI" diagnose v.txt --all-but-the-top 3
like "says how many there are" "$err" "*of 3 dimensions at most 2*"
printf '1 2\nnil 0 0\n' >zero.txt
exits "zero vectors alone" 2 "$LOCI" diagnose zero.txt
printf '1 2\none 1 2\n' >one.txt
exits "one vector" 0 "$LOCI" diagnose one.txt
printf '2 2\none nan 2\ntwo 1 0\n' >nan.txt
exits "what is not finite" 0 "$LOCI" diagnose nan.txt --json
is "is counted" "$(echo "$out" | json .vectors.not_finite)" 1

exits "the mean is taken away" 0 "$LOCI" convert v.txt w.txt --all-but-the-top 0
is "words without a vector stay so" "$(tail -1 w.txt)" "nil 0 0 0"
sum=$(awk 'NR > 1 { s += $3 } END { printf "%.4f", s + 0 }' w.txt)
is "and the mean is gone" "${sum#-}" 0.0000
exits "and a direction" 0 "$LOCI" convert v.txt w.npy --all-but-the-top 1
exits "and too many" 2 "$LOCI" convert v.txt x.txt --all-but-the-top 3
yes "nothing was written" test ! -e x.txt
echo "# a card" >v.txt.card.md
exits "a card goes along" 0 "$LOCI" convert v.txt y.txt --all-but-the-top 1
like "and says what was done" "$(cat y.txt.card.md)" "# a card*top 1 principal*"
finish
