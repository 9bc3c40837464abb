#!/bin/sh
# The examples of docs/cli/*.md do what the pages say.
exec "$SRC/tests/cli/run-doc-examples" "$SRC"/docs/cli/[a-z]*.md
