#!/bin/sh
# loci serve: who may ask, and how much (limits.py).
. "$SRC/tests/cli/tap"
[ -x "$BUILD/libexec/loci/loci-serve" ] || skip_all "no loci-serve in this build"
command -v python3 >/dev/null 2>&1 || skip_all "no python3"
need_model
[ -z "$m" ] || skip_all "no built-in model"
PYTHONDONTWRITEBYTECODE=1 python3 "$SRC/tests/server/limits.py"
