#!/bin/sh
# run-doc-examples itself: it can fail, and its wild cards match what they should.
. "$SRC/tests/cli/tap"

page() { { echo '<!-- needs no model -->'; echo '```console'; cat; echo '```'; } >page.md; }
runs() { "$SRC/tests/cli/run-doc-examples" page.md >tap.out 2>&1; }

page <<'P'
$ printf 'one\ntwo\nthree\n'
one
...
three
$ echo a b c; echo d
a ... c
d
P
yes "wild cards for lines and inside of lines" runs
page <<'P'
$ printf 'one\ntwo\n'
one
P
if runs; then fail "a line too many is seen"; else pass "a line too many is seen"; fi
page <<'P'
$ echo one
...
two
P
if runs; then fail "a missing line is seen"; else pass "a missing line is seen"; fi
page <<'P'
$ echo abc
a...bc...c
P
if runs; then fail "parts must not overlap"; else pass "parts must not overlap"; fi
page <<'P'
$ false
P
if runs; then fail "an exit code is seen"; else pass "an exit code is seen"; fi
page <<'P'
$ for i in 1 2; do
>   echo $i
> done
1
2
P
yes "commands of several lines" runs
echo 'no example' >page.md
echo '<!-- needs no model -->' >>page.md
if runs; then fail "a page without an example is seen"; else pass "a page without an example is seen"; fi
finish
