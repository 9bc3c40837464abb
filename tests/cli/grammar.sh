#!/bin/sh
# Options, help, suggestions, exit codes, manual pages and completions: all read from one table.
. "$SRC/tests/cli/tap"

commands=$("$LOCI" --commands)

exits "bare loci" 0 "$LOCI"
is "bare loci shows three examples" "$(printf '%s\n' "$out" | grep -c '^  loci ')" 3
like "and what is there" "$out" "*There is no collection yet*"
exits "--version" 0 "$LOCI" --version
like "prints the version" "$out" "loci [0-9]*.[0-9]*.[0-9]*"
exits "--help" 0 "$LOCI" --help
overview=$out
exits "help" 0 "$LOCI" help
is "help is --help" "$out" "$overview"

for command in $commands; do
  exits "help $command" 0 "$LOCI" help "$command"
  help=$out
  exits "$command -h" 0 "$LOCI" "$command" -h
  is "$command -h is help $command" "$out" "$help"
  like "$command has an example" "$help" "*Examples*  loci *"
  spoken=$(printf %s "$command" | sed 's/^train-/train /') # of two words
  like "$command stands in the overview" "$overview" "*  $spoken *"
  # shellcheck disable=SC2086
  is "$spoken -h too" "$("$LOCI" $spoken -h)" "$help"
  # The page of docs/cli names every option, and no other.
  page=$SRC/docs/cli/$command.md
  if [ -e "$page" ]; then
    missing=$(printf '%s\n' "$help" | grep -oE '^ +(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+' |
      grep -vxE -- '--(quiet|verbose|no-progress|color|help|collection|store)' |
      while read -r option; do grep -q -- "$option" "$page" || echo "$option"; done)
    is "docs/cli/$command.md names every option" "$missing" ""
    extra=$(grep -oE '^\| `(-., )?--[a-z-]+' "$page" | grep -oE -- '--[a-z-]+' |
      while read -r option; do printf '%s\n' "$help" | grep -q -- "$option" || echo "$option"; done)
    is "docs/cli/$command.md names no other" "$extra" ""
  else
    fail "docs/cli/$command.md is there"
  fi
  exits "man page of $command" 0 "$LOCI" --man "$command"
  like "has its sections" "$out" ".TH LOCI-*.SH NAME*.SH SYNOPSIS*.SH DESCRIPTION*.SH OPTIONS*.SH EXAMPLES*.SH EXIT STATUS*"
  if command -v groff >/dev/null 2>&1; then
    is "groff has nothing to say" "$("$LOCI" --man "$command" | groff -man -Tutf8 -Kutf8 -ww -z 2>&1)" ""
  fi
  exits "$command --no-such-option" 2 "$LOCI" "$command" --no-such-option
  like "names it" "$err" "*unknown option --no-such-option*loci help $spoken*"
done
exits "man page of loci" 0 "$LOCI" --man
like "lists the commands" "$out" "*loci\\\\-search*"

# suggestions
exits "unknown command" 2 "$LOCI" serach
like "is corrected" "$err" "*did you mean \`loci search\`*"
exits "a word of another tool" 2 "$LOCI" add
like "is translated" "$err" "*\`loci index\`*"
exits "unknown command, nothing near" 2 "$LOCI" xyzzy
like "points to help" "$err" "*\`loci help\`*"
exits "unknown option" 2 "$LOCI" search --limt 3 x
like "is corrected" "$err" "*--limit*"
exits "one dash for two" 2 "$LOCI" search -limit 3 x
like "is corrected" "$err" "*--limit*"
exits "abbreviations are no options" 2 "$LOCI" search --exp x
like "but are understood" "$err" "*--explain*"

# values
exits "a word for a number" 2 "$LOCI" search -n many x
exits "0 results" 2 "$LOCI" search -n 0 x
exits "a number too large" 2 "$LOCI" search -n 99999999999999999999 x
exits "no value" 2 "$LOCI" search x -n
exits "a value for a flag" 2 "$LOCI" search x --json=yes
exits "no choice" 2 "$LOCI" search x --mode fuzzy
like "lists the choices" "$err" "*hybrid|vector|text*"
exits "no question" 2 "$LOCI" search
exits "an empty question" 2 "$LOCI" search " "
exits "a question and a file of them" 2 "$LOCI" search x --queries y
exits "two collections" 2 "$LOCI" search x -c a --store b
exits "a collection's name with a slash" 2 "$LOCI" search x -c a/b
like "points to --store" "$err" "*--store*"
exits "too many arguments" 2 "$LOCI" get a b
exits "too few arguments" 2 "$LOCI" get
exits "arguments where none are" 2 "$LOCI" status x
exits "embed without a text" 2 "$LOCI" embed
exits "embed with a text and a file" 2 "$LOCI" embed -f x y
exits "tokenize without a text" 2 "$LOCI" tokenize
exits "distil without -o" 2 "$LOCI" distil x
exits "eval of what" 2 "$LOCI" eval words x
exits "eval without data" 2 "$LOCI" eval sts
exits "completion for what" 2 "$LOCI" completion tcsh

# no collection, no model, no file
for command in "search x" "status" "get a.md:1" "similar a.md" "forget a" "reindex" "check" "index"; do
  # shellcheck disable=SC2086
  exits "no collection: $command" 4 "$LOCI" $command
  like "says how to make one" "$err" "*\`loci index FOLDER\`*"
done
exits "no collection of that name" 4 "$LOCI" search x -c papers
like "repeats the name" "$err" "*\`loci index FOLDER -c papers\`*"
exits "no such model" 3 "$LOCI" embed -m "$work/none" x
like "says what to do" "$err" "*loci doctor*"
exits "no such model by name" 3 "$LOCI" show no-such-model
exits "a bad LOCI_THREADS" 2 env LOCI_THREADS=many "$LOCI" doctor
exits "a bad LOCI_ISA" 2 env LOCI_ISA=mmx "$LOCI" doctor
like "is named" "$err" "*LOCI_ISA=mmx*"

# stdout
if [ -e /dev/full ]; then
  "$LOCI" help search >/dev/full 2>full.err
  is "a full disk is exit code 5" "$?" 5
  like "and is told" "$(cat full.err)" "*standard output*"
fi
{ "$LOCI" --man search 2>pipe.err; echo $? >pipe.code; } | true
is "a closed pipe is silent" "$(cat pipe.err)" ""

# doctor runs anywhere
exits "doctor" 0 "$LOCI" doctor
like "names the instruction set" "$out" "*instructions*threads*collection*"
"$LOCI" doctor --json | json .isa .threads .models >/dev/null
is "doctor --json is JSON" "$?" 0
exits "LOCI_ISA=ref" 0 env LOCI_ISA=ref "$LOCI" doctor
like "is obeyed" "$out" "*instructions	ref*"
exits "LOCI_THREADS=1" 0 env LOCI_THREADS=1 "$LOCI" doctor
like "is obeyed" "$out" "*threads	1*"

# colours
esc=$(printf '\033')
unlike "no colours in a pipe" "$("$LOCI" help)" "*$esc*"
like "--color always" "$("$LOCI" help --color always)" "*$esc*"
like "CLICOLOR_FORCE" "$(CLICOLOR_FORCE=1 "$LOCI" help)" "*$esc*"
unlike "NO_COLOR" "$(NO_COLOR=1 CLICOLOR_FORCE=1 "$LOCI" help)" "*$esc*"
unlike "--color never wins" "$(CLICOLOR_FORCE=1 "$LOCI" help --color never)" "*$esc*"

# completions
for shell in bash zsh fish; do
  exits "completion $shell" 0 "$LOCI" completion $shell
  "$LOCI" completion $shell >completion.$shell
  for command in $commands; do
    words=$(printf %s "$command" | sed 's/^train-/train.*/')
    grep -q -- "$words" completion.$shell || fail "completion $shell knows $command"
  done
  if command -v $shell >/dev/null 2>&1; then yes "$shell reads it" $shell -n completion.$shell; fi
done
if command -v bash >/dev/null 2>&1; then
  complete_bash() { # words…: what bash would offer for the last
    bash -c '. ./completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _loci; printf "%s " "${COMPREPLY[@]}"' bash "$@"
  }
  is "bash offers commands" "$(complete_bash loci sea)" "search "
  is "bash offers options" "$(complete_bash loci search --ex)" "--explain "
  is "bash offers choices" "$(complete_bash loci embed --format np)" "npy "
  is "bash offers words" "$(complete_bash loci eval st)" "sts "
  mkdir -p folder/deep
  is "bash offers folders for a model" "$(complete_bash loci embed -m fol)" "folder "
fi
finish
