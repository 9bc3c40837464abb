#!/bin/sh
# The real JavaScript clients (clients.mjs). Run by `make ci`, which has them installed (scripts/clients).
. "$SRC/tests/cli/tap"
[ -e "$BUILD/clients/.installed" ] || skip_all "no clients in this build"
. "$SRC/tests/server/serving"
need_model
[ -z "$m" ] || skip_all "no built-in model"
node=$("$SRC/scripts/node" "$BUILD")/bin/node || skip_all "no Node"
echo key-of-the-tests >keys
serve_start --port 0 --api-key-file keys
cp "$SRC/tests/clients/clients.mjs" "$BUILD/clients/clients.mjs"
NO_PROXY=127.0.0.1 "$node" "$BUILD/clients/clients.mjs" "$url" key-of-the-tests
result=$?
serve_stop
exit $((result + code))
