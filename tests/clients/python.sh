#!/bin/sh
# The real Python clients (clients.py). Run by `make ci`, which has them installed (scripts/clients).
. "$SRC/tests/cli/tap"
[ -e "$BUILD/clients/.installed" ] || skip_all "no clients in this build"
need_model
[ -z "$m" ] || skip_all "no built-in model"
PYTHONDONTWRITEBYTECODE=1 NO_PROXY=127.0.0.1 python3 "$SRC/tests/clients/clients.py"
