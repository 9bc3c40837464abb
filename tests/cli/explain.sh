#!/bin/sh
# Nine terms, each with live numbers.
. "$SRC/tests/cli/tap"

printf '14 3\nking 1 1 0.2\nqueen 1 -1 0.2\nman 0.2 1 0\nwoman 0.2 -1 0\nfather 0.3 1 0.1\nmother 0.3 -1 0.1\ncat 0 0.1 1\nkitten 0.1 0 1\ndog 0 0.2 1\nbanana -1 0 0.1\nhot 0 0 -1\ncold 0.1 0 -1\ngood -1 -1 -1\nbad -1 -1.1 -1\n' >v.txt
exits "the list" 0 "$LOCI" explain
is "has nine terms" "$(echo "$out" | wc -l)" 9
echo "$out" | cut -f 1 >terms
while read -r term; do
  # shellcheck disable=SC2086
  exits "$term" 0 "$LOCI" explain $term -m v.txt
  is "$term: the term, the text, the numbers" "$(echo "$out" | wc -l)" 3
  like "$term: live" "$(echo "$out" | tail -1)" "Here*[0-9]*"
  unlike "$term: all words are there" "$out" "*no vector for*"
  # shellcheck disable=SC2086
  "$LOCI" explain $term -m v.txt --json >one.json
  sed 's/ 1 / 0.7 /' v.txt >w.txt
  # shellcheck disable=SC2086
  "$LOCI" explain $term -m w.txt --json >other.json
  case $term in
    "dense vectors" | "sparse vectors" | dimension) ;; # their numbers may be equal
    *) yes "$term: another model has other numbers" sh -c "! cmp -s one.json other.json" ;;
  esac
done <terms
is "a cosine is a cosine" "$("$LOCI" explain embedding -m v.txt --json | json .numbers.cosine_cat_kitten | cut -c 1-6)" \
  "$("$LOCI" similarity v.txt cat kitten --json | json .cosine | cut -c 1-6)"
"$LOCI" explain dimension -m v.txt --json >turned.json
is "turning changes no cosine" "$(json .numbers.cosine_king_queen <turned.json | cut -c 1-6)" \
  "$(json .numbers.cosine_after_turning <turned.json | cut -c 1-6)"
exits "another spelling" 0 "$LOCI" explain -m v.txt Dense-Vector
exits "in several words" 0 "$LOCI" explain -m v.txt semantic similarity
exits "no such term" 2 "$LOCI" explain vectr
like "is corrected" "$err" "*'vector'*"
exits "nothing like it" 2 "$LOCI" explain xyzzy
like "points to the list" "$err" "*nine*"
exits "no such model" 3 "$LOCI" explain vector -m ./nothing
exits "--json of the list" 2 "$LOCI" explain --json
finish
