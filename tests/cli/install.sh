#!/bin/sh
# An installation works from where it lies: a C program through pkg-config, the command, its pages, its model.
. "$SRC/tests/cli/tap"
command -v cmake >/dev/null 2>&1 || skip_all "no cmake"
[ -z "${LOCI_SANITIZER:-}" ] || skip_all "a sanitized library wants a sanitized example"
root=$work/root
if ! cmake --install "$BUILD" --prefix "$root" >install.log 2>&1; then
  fail "cmake --install" "$(tail -n 20 install.log)"
  finish
fi
pass "cmake --install"
installed=$root/bin/loci
for file in bin/loci include/loci.h include/loci/core.h share/man/man1/loci.1 share/man/man1/loci-search.1 \
  share/bash-completion/completions/loci share/zsh/site-functions/_loci share/fish/vendor_completions.d/loci.fish; do
  yes "$file" test -s "$root/$file"
done
for command in $("$LOCI" --commands); do
  [ -s "$root/share/man/man1/loci-$command.1" ] || fail "a manual page of $command"
done
for page in "$root"/share/man/man1/*.1; do
  head -n 1 "$page" | grep -q '^\.TH LOCI' || fail "$(basename "$page") begins with .TH"
done
exits "the installed command runs" 0 "$installed" --version
pc=$(find "$root" -name loci.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
exits "pkg-config knows loci" 0 pkg-config --modversion loci
is "in its version" "loci $out" "$("$LOCI" --version)"

# The command starts fast because it loads little; the library brings no parser, network or BLAS to its users either.
for file in "$installed" "$(find "$root" -name 'libloci.so')"; do
  heavy=$(ldd "$file" | grep -iE 'xml|archive|curl|microhttpd|blas|lapack|poppler|uchardet|md4c|libz\.|seccomp|stdc\+\+|ssl')
  is "$(basename "$file") loads no heavy library" "$heavy" ""
done
yes "the library exports loci_ names alone" sh -c '! nm -D --defined-only "$1" | grep -vE " (loci_|_init$|_fini$)" | grep .' sh \
  "$(find "$root" -name 'libloci.so')"

# shellcheck disable=SC2046
cc -std=c17 -Wall -Wextra -Werror -o search "$SRC/examples/search.c" $(pkg-config --cflags --libs loci) >cc.log 2>&1
is "the example compiles" "$?$(cat cc.log)" 0
is "in about thirty lines" "$(sed -n '/^int main/,$p' "$SRC/examples/search.c" | awk 'END { print NR <= 34 }')" 1
if command -v c++ >/dev/null 2>&1; then
  echo '#include <loci.h>' >header.cc
  # shellcheck disable=SC2046
  yes "the header is C++ too" c++ -std=c++17 -Wall -Werror -fsyntax-only $(pkg-config --cflags loci) header.cc
fi

need_model
. "$SRC/tests/cli/notes"
if [ -z "$m" ] && [ ! -e "$SRC/models/loci-static-en" ]; then
  model=$BUILD/models/loci-static-en m="-m $model" # one that somebody tries out
fi
if [ -z "$m" ]; then
  for file in "$root"/share/loci/models/loci-static-en/*; do yes "$(basename "$file") of the model" test -s "$file"; done
  exits "the installed command finds the built-in model" 0 "$installed" show
  like "in its own folder" "$out" "*path	$root/*"
fi
LD_LIBRARY_PATH=$(dirname "$(find "$root" -name 'libloci.so')")
export LD_LIBRARY_PATH
built_in=$root/share/loci/models/loci-static-en
exits "the example runs" 0 ./search notes "how to fix a slow laptop" "${model:-$built_in}"
like "and answers" "$(printf '%s\n' "$out" | head -n 1)" "*notes/laptop.md:*"
unset LD_LIBRARY_PATH
mv "$root" "$work/moved"
exits "a moved installation runs" 0 "$work/moved/bin/loci" index $m notes
like "with its helper and model" "$out" "3 files: 3 new*"
finish
