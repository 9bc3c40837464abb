#!/bin/sh
# loci vocab and loci phrases: totals, saved words, bad input, the other programs' spellings.
. "$SRC/tests/cli/tap"
tab=$(printf '\t')
printf 'the cat saw the dog\nthe dog ran\n' >corpus
exits "a corpus" 0 "$LOCI" vocab corpus --min-count 1 --json
printf '%s\n' "$out" >vocab.json
is "words, tokens, lines, bytes" "$(json .words .tokens .lines .bytes <vocab.json | tr '\n' ' ')" "5 8 2 32 "
is "the most frequent first" "$(json .top.0.word .top.0.count .top.1.word <vocab.json | tr '\n' ' ')" "the 3 dog "
exits "one thread" 0 "$LOCI" vocab corpus --min-count 1 --json --threads 1
is "gives the same" "$out" "$(cat vocab.json)"
exits "--sample 0" 0 "$LOCI" vocab corpus --min-count 1 --sample 0 -q
like "thins nothing" "$out" "*the${tab}3${tab}100.0 %*"
exits "-o" 0 "$LOCI" vocab corpus --min-count 2 -o saved -q
is "saves word and count" "$(cat saved)" "the 3
dog 2"
exits "a folder that is not there" 5 "$LOCI" vocab corpus --min-count 1 -o none/saved
like "is named" "$err" "*none/saved*"
: >empty
exits "an empty corpus" 4 "$LOCI" vocab empty
like "is named" "$err" "*'empty' holds no words*"
exits "no word is frequent enough" 4 "$LOCI" vocab corpus --min-count 9
like "and the most frequent is named" "$err" "*\"the\", occurs 3 times*"
exits "no such corpus" 5 "$LOCI" vocab none
exits "a folder" 2 "$LOCI" vocab .
exits "a pipe" 2 "$LOCI" vocab /dev/stdin
exits "too little memory" 4 "$LOCI" vocab corpus --max-memory 1K
like "and what to do" "$err" "*--max-memory*"
exits "a model that is not there" 3 "$LOCI" vocab corpus --split no-such-model
head -c 200000 /dev/urandom >junk
exits "junk" 0 "$LOCI" vocab junk --min-count 1 --json
printf '%s\n' "$out" | json >/dev/null
is "is JSON all the same" "$?" 0

awk 'BEGIN { for (i = 0; i < 100; i++) print "a" i % 9, "new york", "b" i % 7 }' >text
exits "phrases" 0 "$LOCI" phrases text -o joined --threshold 3 --json
is "found" "$(printf '%s\n' "$out" | json .tokens .joined | tr '\n' ' ')" "400 100 "
is "and joined" "$(head -n 1 joined)" " a0 new_york b0"
exits "word2phrase's spelling" 0 "$LOCI" phrases -train text -output again -threshold 3 -min-count 5 -debug 2
yes "gives the same" cmp joined again
exits "no output" 2 "$LOCI" phrases text
finish
