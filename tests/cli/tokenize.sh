#!/bin/sh
# loci tokenize: rows and JSON agree, the whole input is one text, offsets are bytes.
. "$SRC/tests/cli/tap"
need_model
# shellcheck disable=SC2086
tokenize() { "$LOCI" tokenize $m "$@"; }

tab=$(printf '\t')
exits "a text" 0 tokenize "A slow laptop"
is "three words and two special tokens" "$(printf '%s\n' "$out" | wc -l)" 5
like "id, piece, start, end" "$out" "*${tab}slow${tab}2${tab}6*"
exits "--no-special" 0 tokenize --no-special "A slow laptop"
is "has the words alone" "$(printf '%s\n' "$out" | cut -f 2 | tr '\n' ' ')" "a slow laptop "
exits "--json" 0 tokenize --json "A slow laptop"
printf '%s\n' "$out" >tokens.json
is "has four lists of one length" "$(json .ids.# .type_ids.# .tokens.# .offsets.# <tokens.json | tr '\n' ' ')" "5 5 5 5 "
is "with the offsets" "$(json .offsets.2.0 .offsets.2.1 .tokens.2 <tokens.json | tr '\n' ' ')" "2 6 slow "
tokenize "A slow laptop" | cut -f 1 >ids.rows
for i in 0 1 2 3 4; do json .ids.$i <tokens.json; done >ids.json
yes "the same ids as the rows" cmp ids.rows ids.json

printf 'two\nlines\n' >text
is "a file is one text" "$(tokenize --no-special -f text | cut -f 2 | tr '\n' ' ')" "two lines "
is "standard input too" "$(tokenize --no-special - <text | cut -f 2 | tr '\n' ' ')" "two lines "
is "offsets are bytes" "$(tokenize --no-special "é x" | tail -n 1 | cut -f 3,4)" "3${tab}4"
exits "an empty text" 0 tokenize --no-special ""
is "has no tokens" "$out" ""
printf '\377x' >bad
exits "bytes that are no UTF-8" 0 tokenize -f bad --json
printf '%s\n' "$out" | json >/dev/null
is "are JSON all the same" "$?" 0
awk 'BEGIN { for (i = 0; i < 20000; i++) print "word" }' >long
is "never cut" "$(tokenize --no-special -f long | wc -l)" 20000
exits "no such file" 5 tokenize -f none
tokenize -f long 2>pipe.err | head -n 1 >/dev/null
is "a closed pipe is silent" "$(cat pipe.err)" ""
finish
