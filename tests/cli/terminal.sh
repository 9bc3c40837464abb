#!/bin/sh
# What a person sees: tables, cards, highlights, links, progress. script(1) gives a terminal.
. "$SRC/tests/cli/tap"
command -v script >/dev/null 2>&1 || skip_all "no script(1)"
script -qec true /dev/null >/dev/null 2>&1 || skip_all "script(1) has no terminal to give"
need_model
. "$SRC/tests/cli/notes"
esc=$(printf '\033')

# terminal COMMAND: what a terminal of 80 columns gets, without the \r of line ends.
terminal() { TERM=xterm script -qec "stty cols 80 2>/dev/null; $1" /dev/null </dev/null | tr -d '\r'; }

# C1 controls in a text, and an escape sequence in a name.
printf 'Sequences \302\23331mof a document must not reach the terminal.\n' >"notes/hostile$esc[31m.txt"
"$LOCI" index -q $m notes
shown=$(terminal "'$LOCI' search 'how to fix a slow laptop' -n 1 --explain")
like "a card: rank, link, heading" "$shown" "* 1  *notes/laptop.md:*Laptops*"
like "a link to the file" "$shown" "*$esc]8;;file://*$work/notes/laptop.md$esc\\\\*"
like "the best sentence stands out" "$shown" "*$esc[[]1;32m*"
like "the explanation" "$shown" "*cosine*BM25*"
unlike "no link without a terminal" "$("$LOCI" search slow)" "*$esc*"
like "NO_COLOR keeps the link" "$(NO_COLOR=1 terminal "'$LOCI' search slow -n 1")" "*$esc]8;;*"
unlike "and nothing else" "$(NO_COLOR=1 terminal "'$LOCI' search slow -n 1")" "*$esc[[]*m*"
shown=$(terminal "'$LOCI' search 'sequences of a document' -n 1 --color never")
like "a hostile document is found" "$shown" "*hostile*.txt*"
unlike "and cannot colour" "$shown" "*$esc[[]31m*"
unlike "nor with the one-byte form" "$shown" "*$(printf '\302\233')*"
like "they are replaced" "$shown" "*hostile�[[]31m.txt*Sequences �31mof*"
is "no line is too long" "$(terminal "'$LOCI' search 'how to fix a slow laptop' --color never" |
  sed "s/…/./g; s/$esc]8;;[^$esc]*$esc\\\\//g" | grep '^    ' | awk 'length($0) > 80' | wc -l)" 0
like "tokens in a table" "$(terminal "'$LOCI' tokenize $m 'A slow laptop'")" "*id*piece*start*end*slow*"
like "status in a table" "$(terminal "'$LOCI' status")" "*what*value*documents*"
like "bytes are not for a terminal" "$(terminal "'$LOCI' embed $m x --format npy")" "*not for a terminal*"

# Progress stands on stderr, on one line that is taken away.
awk 'BEGIN { for (i = 0; i < 6000; i++) print "line number " i }' >many
shown=$(terminal "'$LOCI' embed $m -f many --format bin >/dev/null")
like "progress" "$shown" "*embedding *texts*"
unlike "not with --no-progress" "$(terminal "'$LOCI' embed $m -f many --no-progress --format bin >/dev/null")" "*embedding *"
unlike "not with -q" "$(terminal "'$LOCI' embed $m -f many -q --format bin >/dev/null")" "*embedding *"
finish
