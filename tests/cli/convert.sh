#!/bin/sh
# loci convert: formats by their endings, what is left behind is said, and fastText opens what is written.
. "$SRC/tests/cli/tap"
golden=$SRC/tests/golden/vectors

exits "fastText to text" 0 "$LOCI" convert "$golden/skipgram.bin" words.vec
is "prints the output" "$out" words.vec
like "says that subwords are dropped" "$err" "*dropped: subwords*"
is "has a header" "$(head -n 1 words.vec)" "40 5"
is "keeps the counts beside it" "$(head -n 1 words.vec.vocab | cut -d ' ' -f 1)" "$(sed -n 2p words.vec | cut -d ' ' -f 1)"
exits "text to word2vec" 0 "$LOCI" convert words.vec words.bin
is "says nothing when nothing is dropped" "$err" ""
exits "and back" 0 "$LOCI" convert words.bin again.txt
yes "is the same text" cmp words.vec again.txt
exits "to an array" 0 "$LOCI" convert words.bin words.npy --f16
like "says how much was rounded" "$err" "*rounded: by at most*"
is "has a label a word" "$(wc -l <words.labels | tr -d ' ')" 40
exits "from an array with labels of another name" 0 sh -c "mv words.labels l && \"$LOCI\" convert words.npy a.txt --labels l"
exits "without labels" 4 "$LOCI" convert words.npy b.txt
like "says what is missing" "$err" "*.labels*"
exits "--prune keeps the most frequent" 0 "$LOCI" convert words.vec few.vec --prune 3
like "and says so" "$err" "*dropped: 37 rarer words of 40*"
is "in their order" "$(tail -n +2 few.vec)" "$(sed -n 2,4p words.vec)"
exits "--quiet" 0 "$LOCI" convert -q "$golden/skipgram.bin" q.txt
is "says nothing" "$out$err" ""

exits "to a folder, int8" 0 "$LOCI" convert "$golden/skipgram.bin" model --int8
like "says how much was rounded, too" "$err" "*rounded: by at most 0.0039 *"
exits "the folder is a model" 0 "$LOCI" embed --model model "sun moon"
exits "and a table of words" 0 "$LOCI" convert model model.txt
is "with their counts" "$(cat model.txt.vocab)" "$(cat words.vec.vocab)"

cp "$golden/glove.txt" plain.txt
exits "over vectors with counts" 0 "$LOCI" convert plain.txt model.txt
like "says that the counts are of others" "$err" "*model.txt.vocab*other vectors*"

exits "an ending that says nothing" 2 "$LOCI" convert words.vec words.json
exits "--to does" 0 "$LOCI" convert words.vec words.json --to glove
is "GloVe has no header" "$(head -n 1 words.json)" "$(sed -n 2p words.vec)"
exits "--int8 into text" 2 "$LOCI" convert words.vec x.txt --int8
exits "--f16 and --int8" 2 "$LOCI" convert words.vec x.npy --int8 --f16
exits "onto itself" 2 "$LOCI" convert words.vec ./words.vec
exits "too little memory" 4 "$LOCI" convert words.bin x.txt --max-memory 100
exits "a quantised model" 4 "$LOCI" convert "$golden/quantised.ftz" x.txt
like "is named" "$err" "*.ftz*"
exits "GloVe's doubles" 4 "$LOCI" convert "$golden/glove.bin" x.txt
like "are named" "$err" "*GloVe's .bin*"
exits "an absent file" 5 "$LOCI" convert absent.bin x.txt
head -c 400 words.bin >short.bin
exits "a file that is cut short" 4 "$LOCI" convert short.bin x.txt
like "says where" "$err" "loci: short.bin: *"
is "nothing is left of what failed" "$(ls x.* ./*.tmp 2>/dev/null)" ""

if command -v fasttext >/dev/null 2>&1; then
  printf 'sun\nsunshine\nгород\n日本\n</s>\n' >asked
  for name in skipgram cbow words-only; do
    "$LOCI" convert -q "$golden/$name.bin" ours.bin --to fasttext
    is "fastText: vectors of $name" "$(fasttext print-word-vectors ours.bin <asked)" \
      "$(fasttext print-word-vectors "$golden/$name.bin" <asked)"
    is "fastText: neighbours in $name" "$(echo sun | fasttext nn ours.bin 5 2>/dev/null)" \
      "$(echo sun | fasttext nn "$golden/$name.bin" 5 2>/dev/null)"
  done
  "$LOCI" convert -q "$golden/skipgram.bin" small.bin --to fasttext --prune 10
  is "fastText: unseen words of a smaller model" "$(echo sunshine | fasttext print-word-vectors small.bin)" \
    "$(echo sunshine | fasttext print-word-vectors "$golden/skipgram.bin")"
  for name in softmax hs ns ova; do
    "$LOCI" convert -q "$golden/$name.bin" ours.bin --to fasttext
    is "fastText: labels by $name" "$(echo 'the film good sad' | fasttext predict-prob ours.bin - 2)" \
      "$(echo 'the film good sad' | fasttext predict-prob "$golden/$name.bin" - 2)"
  done
else
  skip "fastText opens what is written" "fasttext is not installed (scripts/setup test)"
fi
finish
