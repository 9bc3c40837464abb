#!/bin/sh
# loci embed: its formats say the same numbers, lines are texts, long texts are told, errors have their exit codes.
. "$SRC/tests/cli/tap"
need_model
# shellcheck disable=SC2086  # $m is one option and its value, or nothing
embed() { "$LOCI" embed $m "$@"; }

"$LOCI" embed $m "a text" >first.json 2>first.err
is "the first run" "$?" 0
if [ -z "$m" ]; then
  like "says the limits of the built-in model" "$(cat first.err)" "*English*"
  "$LOCI" embed "a text" >/dev/null 2>second.err
  is "once" "$(cat second.err)" ""
fi
if [ -z "$m" ]; then
  "$LOCI" embed bank >/dev/null 2>word.err
  like "one word has one vector, wherever it stands" "$(cat word.err)" "*same vector in every sentence*"
  "$LOCI" embed bank >/dev/null 2>word.err
  is "which is said once" "$(cat word.err)" ""
fi
is "a line a text" "$(wc -l <first.json)" 1
dim=$(json .embedding.# <first.json)
is "tokens and truncated stand beside" "$(json .truncated <first.json)" false
like "tokens is a number" "$(json .tokens <first.json)" "[0-9]*"

# Lines of a file: an empty one is a text, the last needs no line end, \r\n is one.
printf 'one\n\nthree words here\r\nfour' >lines
embed -f lines >lines.jsonl 2>lines.err
is "four lines, four vectors" "$(wc -l <lines.jsonl)" 4
yes "each a JSON object" sh -c '"$1" -l .embedding.# <lines.jsonl' sh "$BUILD/tests/jsoncheck"
embed - <lines >stdin.jsonl 2>/dev/null
yes "standard input is the same" cmp lines.jsonl stdin.jsonl
printf 'one\n\nthree words here\nfour\n' >lines.unix
embed -f lines.unix >unix.jsonl 2>/dev/null
yes "whatever the line ends" cmp lines.jsonl unix.jsonl
embed "one" "" "three words here" "four" >arguments.jsonl 2>/dev/null
yes "arguments are the same" cmp lines.jsonl arguments.jsonl
embed "three words here" 2>/dev/null >alone.jsonl
is "a text alone is the same" "$(cat alone.jsonl)" "$(sed -n 3p lines.jsonl)"
LOCI_THREADS=1 "$LOCI" embed $m -f lines >threads.jsonl
yes "one thread is the same" cmp lines.jsonl threads.jsonl
: >nothing
exits "no line, no vector" 0 embed -f nothing
is "nothing is printed" "$out" ""

# Formats.
for format in jsonl json npy csv bin base64; do
  embed -f lines --format $format >out.$format 2>/dev/null
  is "format $format" "$?" 0
done
yes "jsonl is the default" cmp out.jsonl lines.jsonl
is "json has every vector" "$(json .embeddings.# <out.json)" 4
is "json tells the width" "$(json .dim <out.json)" "$dim"
is "json counts what was cut" "$(json .truncated <out.json)" 0
like "json names the model" "$(json .model <out.json)" "?*"
sed 's/.*"embedding":\[\([^]]*\)\].*/\1/' out.jsonl >numbers
yes "csv has the numbers of jsonl" cmp out.csv numbers
sed 's/.*"embeddings":\[\[//; s/\]\].*//; s/\],\[/\n/g' out.json >numbers.json
yes "json has the numbers of jsonl" sh -c 'cmp numbers numbers.json || { echo >>numbers.json; cmp numbers numbers.json; }'
is "bin has 4 bytes a number" "$(wc -c <out.bin)" $((4 * 4 * dim))
base64 -d out.base64 >decoded 2>/dev/null || while read -r line; do echo "$line" | base64 -d; done <out.base64 >decoded
yes "base64 decodes to bin" cmp out.bin decoded
is "base64 is a line a text" "$(wc -l <out.base64)" 4
tail -c $((4 * 4 * dim)) out.npy >npy.data
yes "npy ends with bin" cmp out.bin npy.data
header=$(head -c $(($(wc -c <out.npy) - 4 * 4 * dim)) out.npy | tr -d '\000' | tail -c +8)
like "npy tells type and shape" "$header" "*'descr': '<f4', 'fortran_order': False, 'shape': (4, $dim), }*"
is "npy data is aligned" "$((($(wc -c <out.npy) - 4 * 4 * dim) % 64))" 0
embed --format npy - <lines >stdin.npy 2>/dev/null
yes "npy from standard input" cmp out.npy stdin.npy
# The numbers of csv are the floats of bin: od prints enough digits to compare by value.
od -An -v -tfF -w4 out.bin >floats
tr ',' '\n' <out.csv | paste floats - |
  awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-6 * ($1 < 0 ? -$1 : $1) + 1e-30) bad++ } END { print bad + 0 }' >differ
is "csv and bin are the same numbers" "$(cat differ)" 0
length() { tr ',' ' ' | awk '{ s = 0; for (i = 1; i <= NF; i++) s += $i * $i; printf "%.4f\n", sqrt(s) }'; }
is "vectors have length 1" "$(embed --format csv "three words here" 2>/dev/null | length)" 1.0000
exits "--no-normalize" 0 embed --no-normalize --format csv "three words here"
for role in query document; do exits "--role $role" 0 embed --role $role "a text"; done

# Long texts.
exits "--max-length cuts" 0 embed --max-length 4 "one two three four five six seven" "one"
is "and marks" "$(printf '%s\n' "$out" | head -n 1 | json .truncated .tokens | tr '\n' ' ')" "true 4 "
like "and tells" "$err" "*1 of 2 texts were cut*"
exits "--on-long error" 4 embed --max-length 4 --on-long error "one" "one two three four five six seven"
like "names the text" "$err" "*text 2 has*the limit is 4*"
exits "-q says nothing" 0 embed -q --max-length 4 "one two three four five six seven"
is "on standard error" "$err" ""
awk 'BEGIN { for (i = 0; i < 5000; i++) print "line number " i; print "one two three four five six seven eight nine ten" }' >many
exits "the number counts over batches" 4 embed --max-length 9 --on-long error -f many
like "of 4,096" "$err" "*text 5001 has*"
is "many lines" "$(embed -f many --format bin 2>/dev/null | wc -c)" $((5001 * 4 * dim))

# Errors.
exits "no such file" 5 embed -f none
like "is named" "$err" "*none*"
exits "a folder" 5 embed -f .
mkdir -p empty-folder
exits "an empty folder is no model" 3 "$LOCI" embed -m empty-folder/ x
exits "no such model" 3 "$LOCI" embed -m none/ x
like "says where models are" "$err" "*loci doctor*"
embed -f many 2>pipe.err | head -n 1 >/dev/null
is "a closed pipe is silent" "$(cat pipe.err)" ""
if [ -e /dev/full ]; then
  embed -f many >/dev/full 2>/dev/null
  is "a full disk is exit code 5" "$?" 5
fi
finish
