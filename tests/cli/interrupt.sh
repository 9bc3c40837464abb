#!/bin/sh
# Ctrl-C: exit code 130, what was done is kept, the same command goes on.
. "$SRC/tests/cli/tap"
need_model
# Enough for some seconds of work: a static model embeds a thousand times faster than MiniLM.
files=3000
[ -z "$m" ] || files=60
mkdir many
awk -v files=$files 'BEGIN { srand(1)
  for (f = 0; f < files; f++) {
    file = "many/" f ".txt"
    for (l = 0; l < 40; l++) { s = ""; for (w = 0; w < 12; w++) s = s " word" int(rand() * 9999); print s "." > file }
    close(file)
  } }'

# Interrupted as soon as something is stored. A background job of sh ignores SIGINT, so the signal is SIGTERM, which the
# command treats alike.
"$LOCI" index $m many >interrupted.out 2>interrupted.err &
pid=$!
store=$XDG_DATA_HOME/loci/collections/default.db
tries=0
while kill -0 $pid 2>/dev/null && [ $tries -lt 600 ]; do
  n=$("$LOCI" status --json 2>/dev/null | json .documents 2>/dev/null)
  [ "${n:-0}" -gt 0 ] && break
  sleep 0.05
  tries=$((tries + 1))
done
if kill -STOP $pid 2>/dev/null; then
  # Stopped in the middle, it is the one writer; readers do not wait for it.
  exits "a second writer is told" 5 "$LOCI" forget many/0.txt
  like "who writes" "$err" "*process $pid *"
  exits "a reader is not kept" 0 "$LOCI" search -q -n 1 --mode vector words
  kill -CONT $pid
fi
if kill -TERM $pid 2>/dev/null; then
  wait $pid
  code=$?
  if [ $code = 0 ]; then
    skip "interrupted in time" "the index was ready before the signal"
  else
    is "exit code" $code 130
    like "says what was kept and what to do" "$(cat interrupted.err)" "*interrupted*kept*run the same command to go on*"
  fi
else
  skip "interrupted in time" "the index was ready before the signal"
fi
exits "healthy" 0 "$LOCI" check --deep
kept=$("$LOCI" status --json 2>/dev/null | json .documents)
exits "the same command goes on" 0 "$LOCI" index many --json
is "with what was kept" "$(printf '%s\n' "$out" | json .unchanged)" "$kept"
is "to the end" "$("$LOCI" status --json | json .documents)" $files
[ -e "$store" ] || fail "the collection is where it should be"

# kill -9 at any time loses nothing that was committed.
"$LOCI" reindex >/dev/null 2>&1 &
pid=$!
sleep 0.2
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
exits "healthy after kill -9" 0 "$LOCI" check --deep
exits "and complete" 0 "$LOCI" reindex -q
is "all documents" "$("$LOCI" status --json | json .documents)" $files
finish
