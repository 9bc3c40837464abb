#!/bin/sh
# loci train glove: what is written, the other programs' spelling, co-occurrences, what is refused, interruption.
. "$SRC/tests/cli/tap"
awk 'BEGIN { srand(5); for (l = 0; l < 1500; l++) { s = ""; n = int(rand() * 30)
  for (i = 0; i < n; i++) s = s "w" int(rand() * rand() * rand() * 900) " "; print s } }' >corpus.txt

exits "trains" 0 loci train glove corpus.txt -o v.bin --dim 12 --epochs 3
is "prints the output" "$out" v.bin
like "tells the memory" "$err" "*about * of memory for * words*"
yes "vectors, vocabulary, card" test -s v.bin -a -s v.bin.vocab -a -s v.bin.card.md
yes "no checkpoint is left" test ! -e v.bin.checkpoint
like "the card has the cost" "$(cat v.bin.card.md)" "*pairs: *cost: 0.*"
for threads in 1 2 3 7; do
  exits "$threads threads" 0 loci train glove corpus.txt -o t.bin --dim 12 --epochs 3 --threads $threads -q
  yes "the same bytes" cmp v.bin t.bin
done
exits "--fast" 0 loci train glove corpus.txt -o t.bin --dim 12 --epochs 3 --fast -q
yes "the same bytes" cmp v.bin t.bin
exits "another seed" 0 loci train glove corpus.txt -o t.bin --dim 12 --epochs 3 --seed 2 -q
unlike "other bytes" "$(cksum <v.bin)" "$(cksum <t.bin)"
exits "embeds" 0 loci embed -m v.bin "w1 w2"

# ---- co-occurrences: the order of sums depends on --memory, the pairs do not
exits "writes them" 0 loci train glove corpus.txt -o t.bin --dim 2 --epochs 1 --cooccurrences small.pairs --memory 0.0005 -q
exits "with more memory" 0 loci train glove corpus.txt -o t.bin --dim 2 --epochs 1 --cooccurrences large.pairs -q
is "as many" "$(wc -c <small.pairs)" "$(wc -c <large.pairs)"
is "records of 16 bytes" "$(($(wc -c <small.pairs) % 16))" 0
exits "not symmetric" 0 loci train glove corpus.txt -o t.bin --dim 2 --epochs 1 --cooccurrences left.pairs --symmetric no -q
yes "are fewer" test "$(wc -c <left.pairs)" -lt "$(wc -c <large.pairs)"

# ---- the GloVe programs' spelling
exits "its spelling" 0 loci train glove corpus.txt -save-file p -vector-size 12 -iter 3 -x-max 100 -alpha 0.75 -eta 0.05 \
  -window-size 10 -symmetric 1 -memory 3.0 -threads 2 -seed 1 -min-count 5 -verbose 2 -binary 0 -model 2 -write-header 0
is "prints the output" "$out" p.txt
exits "as text" 0 loci train glove corpus.txt -o t.txt --dim 12 --epochs 3 -q
yes "says the same" cmp p.txt t.txt
exits "-vocab-file" 0 loci train glove corpus.txt -o r.bin -vocab-file v.bin.vocab --dim 12 --epochs 3 -q
yes "gives the same" cmp v.bin r.bin
exits "-binary 1" 2 loci train glove corpus.txt -o r.bin -binary 1
exits "-model 0" 2 loci train glove corpus.txt -o r.bin -model 0
exits "-input-file" 2 loci train glove corpus.txt -o r.bin -input-file shuffled.bin
like "is refused by name" "$err" "*-input-file*"
exits "--save-file and --output" 2 loci train glove corpus.txt -o r.bin --save-file r

# ---- exact
exits "exact" 0 loci train glove corpus.txt -o e1.txt --exact --dim 5 --epochs 2 --threads 1 -q
exits "again" 0 loci train glove corpus.txt -o e2.txt --exact --dim 5 --epochs 2 --threads 3 -q
yes "the same bytes" cmp e1.txt e2.txt

# ---- refusals
exits "--exact and --fast" 2 loci train glove corpus.txt -o c.bin --exact --fast
exits "no output" 2 loci train glove corpus.txt
exits "a window of 300" 2 loci train glove corpus.txt -o c.bin --window 300
exits "x-max 0" 2 loci train glove corpus.txt -o c.bin --x-max 0
exits "too little memory" 4 loci train glove corpus.txt -o c.bin --max-memory 4K
exits "too little to count in" 4 loci train glove corpus.txt -o c.bin --memory 0.000001
: >empty.txt
exits "an empty corpus" 4 loci train glove empty.txt -o c.bin
printf 'one\ntwo\none\n' >lonely.txt
exits "no pair of words" 4 loci train glove lonely.txt -o c.bin --min-count 1
like "says so" "$err" "*no line of the corpus has two known words*"
yes "nothing is left of what was refused" test "$(echo c.*)" = 'c.*'

# ---- binary junk, NUL bytes, a long word, one long line
head -c 300000 /dev/urandom >junk.bin
exits "binary junk" 0 loci train glove junk.bin -o junk.vec --dim 4 --epochs 1 --min-count 2 --split space -q
awk 'BEGIN { for (i = 0; i < 200000; i++) printf "w%d ", i % 50; for (i = 0; i < 1000000; i++) printf "x" }' >line.txt
exits "one line, a word of 1 MB" 0 loci train glove line.txt -o line.vec --dim 4 --epochs 1 -q

# ---- interrupted and gone on with
set -- --dim 100 --epochs 100
exits "the whole" 0 loci train glove corpus.txt -o whole.bin "$@" -q
for signal in TERM KILL; do
  rm -rf i.bin*
  loci train glove corpus.txt -o i.bin "$@" --checkpoint 1 -q >i.out 2>i.err &
  pid=$!
  tries=0
  until [ -e i.bin.checkpoint/tiles ] || ! kill -0 $pid 2>/dev/null || [ $tries -ge 300 ]; do
    sleep 0.02
    tries=$((tries + 1))
  done
  sleep 0.1
  if kill -$signal $pid 2>/dev/null; then
    wait $pid
    code=$?
    if [ $signal = TERM ]; then
      is "SIGTERM: exit code" $code 130
      yes "a checkpoint is there" test -s i.bin.checkpoint/state
    fi
    exits "$signal: goes on" 0 loci train glove corpus.txt -o i.bin "$@" --resume -q
    yes "to the same bytes" cmp i.bin whole.bin
    yes "and leaves no checkpoint" test ! -e i.bin.checkpoint
  else
    skip "interrupted by $signal in time" "the training was over before the signal"
  fi
done
finish
