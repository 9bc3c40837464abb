#!/bin/sh
# The main job by its commands: index, status, search, similar, get, forget, reindex, check, in pipes.
. "$SRC/tests/cli/tap"
need_model
. "$SRC/tests/cli/notes"
tab=$(printf '\t')

# index
exits "a dry run" 0 "$LOCI" index $m --dry-run notes
is "lists what is new" "$(printf '%s\n' "$out" | cut -f 1 | sort | uniq -c | tr -s ' ')" " 3 new"
is "and makes nothing" "$(ls "$XDG_DATA_HOME/loci/collections" 2>/dev/null)" ""
exits "index" 0 "$LOCI" index $m notes
like "tells what was done" "$out" "3 files: 3 new; * embedded * in *"
exits "index again" 0 "$LOCI" index notes --json
is "all is known" "$(printf '%s\n' "$out" | json .seen .new .changed .unchanged .gone .chunks | tr '\n' ' ')" "3 0 0 3 0 0 "
printf 'GIF89a\000\001\000\001' >notes/picture.gif
echo "Thorns." >>notes/deep/garden.md
exits "a changed and a binary file" 0 "$LOCI" index notes
like "are counted" "$out" "*1 changed*1 skipped*"
like "the skipped one is listed by reason" "$err" "*skipped 1 file, *picture.gif*"
exits "-q tells of it by its exit code" 1 "$LOCI" index -q notes
is "and by nothing else" "$out$err" ""
exits "--exclude" 0 "$LOCI" index --exclude '*.gif' notes
unlike "leaves out" "$out" "*skipped*"
rm notes/picture.gif
exits "no such folder" 4 "$LOCI" index none
like "is named" "$err" "*none*"

# status
exits "status" 0 "$LOCI" status
like "says where and what" "$out" "collection${tab}$XDG_DATA_HOME/loci/collections/default.db*documents${tab}3*"
is "nothing changed" "$err" ""
echo "more" >>notes/bread.txt
exits "status --json" 0 "$LOCI" status --json
is "sees a changed file" "$(printf '%s\n' "$out" | json .documents .files_new .files_changed .files_gone .roots.0 | tr '\n' ' ')" \
  "3 0 1 0 $work/notes "
like "and says what to do" "$err" "*\`loci index\`*"
exits "index without arguments" 0 "$LOCI" index
like "looks at all again" "$out" "*1 changed*"
exits "bare loci" 0 "$LOCI"
like "counts the documents" "$out" "*holds 3 documents*"

# search
exits "search" 0 "$LOCI" search "how to fix a slow laptop"
is "every document once" "$(printf '%s\n' "$out" | cut -f 3 | sort)" "$(find "$work/notes" -type f | sort)"
like "the best first" "$out" "1${tab}*${tab}$work/notes/laptop.md${tab}*${tab}*${tab}${tab}Laptops*"
is "eight fields" "$(printf '%s\n' "$out" | awk -F'\t' '{ print NF }' | sort -u)" 8
exits "-n 1" 0 "$LOCI" search -n 1 "how to fix a slow laptop"
is "one" "$(printf '%s\n' "$out" | wc -l)" 1
exits "a question of several words without quotes" 0 "$LOCI" search -n 1 how to fix a slow laptop --json
is "is one question" "$(printf '%s\n' "$out" | json .query)" "how to fix a slow laptop"
is "the fields of JSON" "$(printf '%s\n' "$out" | json .results.# .results.0.rank .results.0.path .results.0.page | tr '\n' ' ')" \
  "1 1 $work/notes/laptop.md null "
printf '%s\n' "$out" | json .results.0.score .results.0.line_start .results.0.line_end .results.0.heading \
  .results.0.text .results.0.title .results.0.sentence .results.0.folded >/dev/null
is "are all there" "$?" 0
for mode in hybrid vector text; do
  exits "--mode $mode" 0 "$LOCI" search --mode $mode "slow disk" -n 1
  like "finds" "$out" "*laptop.md*"
done
exits "--fusion rrf" 0 "$LOCI" search --fusion rrf "slow disk" -n 1
exits "--explain" 0 "$LOCI" search --explain "slow disk" -n 1
is "thirteen fields" "$(printf '%s\n' "$out" | awk -F'\t' '{ print NF }')" 13
"$LOCI" search --explain --json "slow disk" | json .results.0.explain.cosine .results.0.explain.bm25 \
  .results.0.explain.cosine_percentile .results.0.explain.rank_vector .results.0.explain.rank_text >/dev/null
is "an object in JSON" "$?" 0
exits "--path" 0 "$LOCI" search --path 'garden.*' "slow disk"
is "takes what matches" "$(printf '%s\n' "$out" | cut -f 3)" "$work/notes/deep/garden.md"
exits "nothing found" 0 "$LOCI" search --path '*.pdf' "slow disk"
is "is nothing printed" "$out" ""
like "and said" "$err" "*nothing found*"
exits "with -q exit code 1" 1 "$LOCI" search -q --path '*.pdf' "slow disk"
is "and silence" "$out$err" ""
exits "nothing found in JSON" 0 "$LOCI" search --json --path '*.pdf' "slow disk"
is "an empty list" "$(printf '%s\n' "$out" | json .results.#)" 0
exits "found with -q" 0 "$LOCI" search -q "slow disk"
exits "a word that is nowhere" 0 "$LOCI" search --mode text xyzzy
is "has no match" "$out" ""
printf 'hot oven\n\nroses "in" (spring) AND NOT\n' >queries
exits "--queries" 0 "$LOCI" search --queries queries -n 1
printf '%s\n' "$out" >answers
is "an object a line" "$(wc -l <answers)" 3
is "in order" "$(json -l .query .results.# <answers | tr '\n' '|')" 'hot oven|1||0|roses "in" (spring) AND NOT|1|'
exits "another model is refused" 3 "$LOCI" search -m none/ "slow disk"

# similar and get
exits "similar" 0 "$LOCI" similar notes/laptop.md:3
unlike "the document is left out" "$out" "*laptop.md*"
is "the others are there" "$(printf '%s\n' "$out" | wc -l)" 2
exits "by the end of a path" 0 "$LOCI" similar laptop.md -n 1 --json
is "in JSON" "$(printf '%s\n' "$out" | json .results.#)" 1
exits "get" 0 "$LOCI" get notes/bread.txt
like "prints the text" "$out" "*Mix flour, water, salt and yeast.*"
exits "get a line" 0 "$LOCI" get laptop.md:10-12 --json
like "the passage there" "$(printf '%s\n' "$out" | json .results.0.text)" "*battery*"
exits "get from within the folder" 0 sh -c 'cd notes/deep && "$LOCI" get garden.md'
exits "get what is not there" 4 "$LOCI" get none.md
like "says where to look" "$err" "*\`loci status\`*"
exits "get line 0" 2 "$LOCI" get laptop.md:0

# Another model's vectors are refused by name, with the line that changes to it.
other=${LOCI_TEST_MODELS:-$BUILD/test-models}/minilm
if [ -z "$m" ] && [ -e "$other/model.safetensors" ]; then
  exits "vectors of another model are refused" 2 "$LOCI" index -m "$other" notes
  like "with the way out" "$err" "*loci reindex -m*"
  exits "a question through another model too" 2 "$LOCI" search -m "$other" oven
  exits "reindex changes the model" 0 "$LOCI" reindex -m "$other"
  is "for good" "$("$LOCI" status --json | json .dim)" 384
  exits "and back" 0 "$LOCI" reindex -m loci-static-en
else
  skip "vectors of another model are refused" "needs the built-in model and $other"
fi

# check, reindex, forget
exits "check" 0 "$LOCI" check
is "is healthy" "$out" healthy
exits "check --deep" 0 "$LOCI" check --deep
exits "reindex" 0 "$LOCI" reindex
like "embeds anew" "$out" "*embedded*"
exits "healthy again" 0 "$LOCI" check --deep
paths() { "$LOCI" search -q "how to fix a slow laptop" | cut -f 1,3-; }
before=$(paths)
find "$XDG_DATA_HOME/loci/collections" -mindepth 1 -type d -exec rm -rf {} +
is "without segments the same answer" "$(paths)" "$before"
exits "forget" 0 "$LOCI" forget notes/bread.txt
is "tells how many" "$out" "forgot 1 document"
exits "forget it again" 4 "$LOCI" forget notes/bread.txt
exits "forget the folder" 0 "$LOCI" forget notes
is "all of it" "$out" "forgot 2 documents"

# another script
if [ -z "$m" ]; then
  mkdir other
  for i in $(seq 40); do printf '記憶の宮殿は、場所を使って物事を覚える方法である。第%s章。\n' $i >other/$i.txt; done
  exits "a folder in another script" 0 "$LOCI" index -c other other
  like "gets a notice" "$err" "*loci-static-en*"
  exits "its words are found" 0 "$LOCI" search -c other --mode text 場所 -n 1
  is "although they have two characters" "$(printf '%s\n' "$out" | wc -l)" 1
fi

# other collections
exits "-c" 0 "$LOCI" index -q $m -c papers notes/bread.txt
exits "is another" 0 "$LOCI" search -c papers oven
is "with its own files" "$(printf '%s\n' "$out" | cut -f 3)" "$work/notes/bread.txt"
exits "--store" 0 "$LOCI" index -q $m --store "$work/my store.db" notes/bread.txt
exits "LOCI_STORE" 0 env LOCI_STORE="$work/my store.db" "$LOCI" search oven
is "is the same" "$(printf '%s\n' "$out" | wc -l)" 1
odd_name=$(printf 'odd\tname\\.txt')
mkdir odd && echo "Odd names are names too." >"odd/$odd_name"
exits "an odd name" 0 "$LOCI" index -q $m -c odd odd
is "is escaped" "$("$LOCI" search -c odd names | cut -f 3)" "$work/odd/odd\\tname\\\\.txt"
is "and whole in JSON" "$("$LOCI" search -c odd names --json | json .results.0.path | tail -c +$((${#work} + 6)))" "$odd_name"
printf 'not a database, but long enough to look like a file of one' >bad.db
exits "a file that is no collection" 4 "$LOCI" search --store bad.db x
like "is named" "$err" "*bad.db*"
finish
