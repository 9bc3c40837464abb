#!/bin/sh
# Training from the command line: what is written, what is refused, interruption and going on, other programs' spelling.
. "$SRC/tests/cli/tap"
awk 'BEGIN { srand(3); for (l = 0; l < 1500; l++) { s = ""; n = int(rand() * 30)
  for (i = 0; i < n; i++) s = s "w" int(rand() * rand() * rand() * 900) " "; print s } }' >corpus.txt

# ---- what is written
exits "trains" 0 loci train word2vec corpus.txt -o v.bin --exact --dim 12 --epochs 1
is "prints the output" "$out" v.bin
like "tells the memory" "$err" "*about * of memory for * words*"
yes "vectors, vocabulary, card" test -s v.bin -a -s v.bin.vocab -a -s v.bin.card.md
yes "no checkpoint is left" test ! -e v.bin.checkpoint
is "the first line of the vocabulary" "$(head -n 1 v.bin.vocab)" "</s> 1500"
like "the card warns of little text" "$(cat v.bin.card.md)" "*fewer than 10 million tokens*loci train ppmi*"
like "and has the hash" "$(cat v.bin.card.md)" "*corpus_hash: xxh3-128:????????????????????????????????*"
exits "quiet" 0 loci train word2vec corpus.txt -o q.bin --exact --dim 12 --epochs 1 -q
is "is quiet" "$out$err" ""
yes "the same bytes" cmp v.bin q.bin
yes "and the same words" cmp v.bin.vocab q.bin.vocab

# ---- the default: the same bytes at any number of threads
exits "default" 0 loci train word2vec corpus.txt -o d1.vec --dim 12 --epochs 2 --threads 1 -q
for threads in 2 3 7; do
  exits "$threads threads" 0 loci train word2vec corpus.txt -o d.vec --dim 12 --epochs 2 --threads $threads -q
  yes "the same bytes" cmp d1.vec d.vec
done
exits "another seed" 0 loci train word2vec corpus.txt -o d.vec --dim 12 --epochs 2 --seed 2 -q
unlike "other bytes" "$(cksum <d.vec)" "$(cksum <d1.vec)"
exits "fast" 0 loci train word2vec corpus.txt -o d.vec --dim 12 --epochs 2 --fast -q
is "as many words" "$(head -n 1 d.vec)" "$(head -n 1 d1.vec)"
exits "embeds" 0 loci embed -m d1.vec "w1 w2"

# ---- the word2vec program's spelling
exits "its spelling" 0 loci train word2vec -train corpus.txt -output p.bin -size 12 -window 5 -sample 1e-4 -hs 0 \
  -negative 5 -threads 1 -iter 1 -min-count 5 -cbow 0 -alpha 0.025 -binary 1 -debug 2 -save-vocab words.txt --exact
yes "says the same" cmp v.bin p.bin
yes "-save-vocab" cmp v.bin.vocab words.txt
exits "-read-vocab" 0 loci train word2vec corpus.txt -o r.bin --exact --dim 12 --epochs 1 -read-vocab words.txt
yes "gives the same" cmp v.bin r.bin
exits "-classes" 2 loci train word2vec corpus.txt -o c.bin -classes 5
like "is refused by name" "$err" "*-classes*"
exits "-binary against the ending" 2 loci train word2vec corpus.txt -o c.txt -binary 1

# ---- refusals, before any work
exits "no output" 2 loci train word2vec corpus.txt
like "is asked for" "$err" "*-o*"
exits "an unknown ending" 2 loci train word2vec corpus.txt -o v.json --exact
exits "the corpus as output" 2 loci train word2vec corpus.txt -o corpus.txt --exact
exits "--exact and --fast" 2 loci train word2vec corpus.txt -o c.bin --exact --fast
exits "--exact with another split" 2 loci train word2vec corpus.txt -o c.bin --exact --split chars
exits "no corpus" 5 loci train word2vec nowhere.txt -o c.bin --exact
exits "no place for the output" 5 loci train word2vec corpus.txt -o nowhere/c.bin --exact
exits "too little memory" 4 loci train word2vec corpus.txt -o c.bin --exact --max-memory 4K
like "says how much" "$err" "*4.1 kB are allowed*"
: >empty.txt
exits "an empty corpus" 4 loci train word2vec empty.txt -o c.bin --exact
echo word >one.txt
exits "one word" 4 loci train word2vec one.txt -o c.bin --exact --min-count 2
mkdir c.bin.checkpoint
echo mine >c.bin.checkpoint/diary.txt
exits "a folder of that name that is not ours" 2 loci train word2vec corpus.txt -o c.bin --exact
yes "is left alone" test -s c.bin.checkpoint/diary.txt
rm -r c.bin.checkpoint
yes "nothing is left of what was refused" test "$(echo c.*)" = 'c.*'

# ---- interrupted and gone on with: interrupt SIGNAL option…
interrupt() {
  signal=$1
  shift
  loci train word2vec corpus.txt -o i.bin "$@" >i.out 2>i.err &
  pid=$!
  tries=0
  until [ -e i.bin.checkpoint/state ] || ! kill -0 $pid 2>/dev/null || [ $tries -ge 200 ]; do
    sleep 0.02
    tries=$((tries + 1))
  done
  kill -"$signal" $pid 2>/dev/null
  wait $pid
  code=$?
}
set -- --exact --dim 12 --epochs 400
exits "the whole" 0 loci train word2vec corpus.txt -o whole.bin "$@"
loci train word2vec corpus.txt -o i.bin "$@" >i.out 2>i.err &
pid=$!
tries=0
until [ -d i.bin.checkpoint ] || [ $tries -ge 500 ]; do
  sleep 0.01
  tries=$((tries + 1))
done
sleep 0.1
kill -TERM $pid 2>/dev/null
wait $pid
code=$?
if [ $code -ne 0 ]; then
  is "SIGTERM: exit code" $code 130
  like "says how to go on" "$(cat i.err)" "*i.bin.checkpoint*--resume*"
  yes "a checkpoint is there" test -s i.bin.checkpoint/state
  exits "other settings" 2 loci train word2vec corpus.txt -o i.bin "$@" --window 3 --resume
  like "are named" "$err" "*window: 5*window: 3*"
  yes "and it stays" test -s i.bin.checkpoint/state
  exits "goes on" 0 loci train word2vec corpus.txt -o i.bin "$@" --resume
  yes "to the same bytes" cmp i.bin whole.bin
  yes "and the same card" test "$(sed 's/i\.bin/whole.bin/g' i.bin.card.md)" = "$(cat whole.bin.card.md)"
else
  skip "interrupted in time" "the training was over before the signal"
fi
rm -rf i.bin*
set -- --dim 12 --epochs 300
exits "the whole, default mode" 0 loci train word2vec corpus.txt -o whole.bin "$@"
interrupt KILL "$@" --checkpoint 1
if [ $code = 137 ]; then
  exits "kill -9: goes on" 0 loci train word2vec corpus.txt -o i.bin "$@" --resume
  yes "to the same bytes" cmp i.bin whole.bin
else
  skip "killed in time" "the training was over before the signal"
fi

# ---- two at a time
loci train word2vec corpus.txt -o two.bin --exact --epochs 100000 -q 2>/dev/null &
pid=$!
tries=0
until [ -e two.bin.checkpoint/lock ] || [ $tries -ge 100 ]; do sleep 0.02; tries=$((tries + 1)); done
sleep 0.1
exits "a second run to the same output" 5 loci train word2vec corpus.txt -o two.bin --exact
like "is told" "$err" "*another run*"
kill $pid && wait $pid 2>/dev/null

# ---- a damaged checkpoint
size=$(wc -c <two.bin.checkpoint/state)
printf 'x' | dd of=two.bin.checkpoint/state bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
exits "a damaged checkpoint" 4 loci train word2vec corpus.txt -o two.bin --exact --epochs 100000 --resume
like "is named" "$err" "*two.bin.checkpoint/state*damaged*--resume*"
exits "without --resume it is dropped" 0 loci train word2vec corpus.txt -o two.bin --exact --epochs 1
like "and that is said" "$err" "*dropped*"
finish
