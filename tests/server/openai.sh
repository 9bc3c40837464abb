#!/bin/sh
# loci serve: OpenAI's embeddings and models, over a port and a Unix socket; bits, roles, truncation, errors, keys, drain.
. "$SRC/tests/cli/tap"
need_model
. "$SRC/tests/server/serving"
[ -z "$m" ] && model=loci-static-en
# shellcheck disable=SC2086
serve_start $m --port 0
like "listens on this machine" "$url" "http://127.0.0.1:[1-9]*"
id=$(basename "$model")

get /health
is "health" "$status$body" 200
get /ready
is "ready" "$status$body" 200
like "has a request id" "$headers" "*x-request-id: ????????*"
get /health -H 'X-Request-Id: mine-1.2_3'
like "or the client's own" "$headers" "*x-request-id: mine-1.2_3*"
get /health -H 'X-Request-Id: <script>'
unlike "when it is a plain one" "$headers" "*script*"

get /v1/models
is "one model" "$status $(at .object .data.# .data.0.id .data.0.object | tr '\n' ' ')" "200 list 1 $id model "
get "/v1/models/$id"
is "that model" "$status $(at .id)" "200 $id"
get "/v1/models/none%2Fof%2Fthem"
is "no other" "$status $(at .error.code .error.param .error.type | tr '\n' ' ')" "404 model_not_found model invalid_request_error "

# The bits are those of loci embed.
# shellcheck disable=SC2086
"$LOCI" embed $m "a slow laptop" "" "Zwölf Boxkämpfer" >embedded 2>/dev/null
post /v1/embeddings "{\"model\":\"$id\",\"input\":[\"a slow laptop\",\"\",\"Zwölf Boxkämpfer\"]}"
is "three inputs" "$status $(at .object .data.# .data.2.index .data.1.object .model | tr '\n' ' ')" "200 list 3 2 embedding $id "
sed 's/.*"embedding":\(\[[^]]*\]\).*/\1/' embedded >wanted
{ cat "$bodyfile"; echo; } | sed 's/"embedding":\[/\n&/g' | sed -n 's/^"embedding":\(\[[^]]*\]\).*/\1/p' >got
yes "the numbers are those of loci embed" cmp got wanted
tokens=$(awk -F'"tokens":' '{ n += $2 + 0 } END { print n }' embedded)
is "usage" "$(at .usage.prompt_tokens .usage.total_tokens .usage.truncated_inputs | tr '\n' ' ')" "$tokens $tokens 0 "
like "JSON" "$headers" "*content-type: application/json*"
post /embeddings "{\"model\":\"$id\",\"input\":\"a slow laptop\"}"
is "the alias, a string" "$status $(at .data.#)" "200 1"
post /v1/embeddings "{\"model\":\"$id:latest\",\"input\":\"a slow laptop\"}"
is "name:latest" "$status $(at .model)" "200 $id"

# base64 is the bytes.
# shellcheck disable=SC2086
"$LOCI" embed $m --format bin "a slow laptop" >wanted.bin 2>/dev/null
post /v1/embeddings "{\"model\":\"$id\",\"input\":\"a slow laptop\",\"encoding_format\":\"base64\"}"
at .data.0.embedding | base64 -d >got.bin
yes "base64 is the bytes of loci embed" cmp got.bin wanted.bin
is "of the whole width" "$(wc -c <got.bin)" "$(wc -c <wanted.bin)"

# Token ids are a text.
# shellcheck disable=SC2086
ids=$("$LOCI" tokenize $m --json "a slow laptop" 2>/dev/null | sed 's/.*"ids":\[\([^]]*\)\].*/\1/')
post /v1/embeddings "{\"model\":\"$id\",\"input\":[[$ids],\"a slow laptop\"],\"encoding_format\":\"base64\"}"
is "token ids are the text" "$(at .data.0.embedding)" "$(at .data.1.embedding)"
post /v1/embeddings "{\"model\":\"$id\",\"input\":[1000,1001]}"
is "an array of ids is one input" "$status $(at .data.#)" "200 1"
post /v1/embeddings "{\"model\":\"$id\",\"input\":[1000,99999999]}"
is "an id of another tokenizer" "$status $(at .error.param)" "400 input"
like "names LangChain's switch" "$body" "*check_embedding_ctx_length*"

# dimensions, roles, length
post /v1/embeddings "{\"model\":\"$id\",\"input\":\"a slow laptop\",\"dimensions\":8}"
is "dimensions" "$status $(at .data.0.embedding.#)" "200 8"
norm=$(at .data.0.embedding.0 .data.0.embedding.1 .data.0.embedding.2 .data.0.embedding.3 .data.0.embedding.4 \
  .data.0.embedding.5 .data.0.embedding.6 .data.0.embedding.7 | awk '{ s += $1 * $1 } END { printf "%.5f", sqrt(s) }')
is "of length 1" "$norm" 1.00000
for role in query document search_query; do
  post /v1/embeddings "{\"model\":\"$id\",\"input\":\"x\",\"input_type\":\"$role\"}"
  is "input_type $role" "$status" 200
done
post /v1/embeddings "{\"model\":\"$id\",\"input\":\"x\",\"prompt_name\":\"sonnet\"}"
is "an unknown prompt" "$status $(at .error.param)" "400 prompt_name"

# errors have all four keys
bad() { # name body status code-or-param
  post /v1/embeddings "$2"
  is "$1" "$status $(at .error.type .error."$4" 2>&1 | tr '\n' ' ')" "$3 invalid_request_error $5 "
  at .error.message .error.type .error.param .error.code >/dev/null || fail "$1 has all four keys" "$body"
}
bad "no JSON" '{"model":' 400 param null
bad "no object" '[1]' 400 param null
bad "nothing" '' 400 param null
bad "a key twice" "{\"model\":\"$id\",\"model\":\"$id\",\"input\":\"x\"}" 400 param null
bad "no model" '{"input":"x"}' 400 param model
bad "another model" '{"model":"text-embedding-3-small","input":"x"}' 404 code model_not_found
bad "no input" "{\"model\":\"$id\"}" 400 param input
bad "an empty array" "{\"model\":\"$id\",\"input\":[]}" 400 param input
bad "an empty array of ids" "{\"model\":\"$id\",\"input\":[[]]}" 400 param input
bad "a number" "{\"model\":\"$id\",\"input\":7}" 400 param input
bad "half ids" "{\"model\":\"$id\",\"input\":[1.5]}" 400 param input
bad "negative ids" "{\"model\":\"$id\",\"input\":[-1]}" 400 param input
bad "a model that is a number" '{"model":1,"input":"x"}' 400 param model
bad "an unknown encoding" "{\"model\":\"$id\",\"input\":\"x\",\"encoding_format\":\"hex\"}" 400 param encoding_format
bad "no dimension" "{\"model\":\"$id\",\"input\":\"x\",\"dimensions\":0}" 400 param dimensions
bad "too many dimensions" "{\"model\":\"$id\",\"input\":\"x\",\"dimensions\":100000}" 400 param dimensions
bad "a lone surrogate" "{\"model\":\"$id\",\"input\":7,\"user\":\"\\ud800\"}" 400 param input
printf '{"model":"%s","input":"\377"}' "$id" >latin1
post /v1/embeddings "$(cat latin1)"
is "bytes that are no UTF-8" "$status" 400
many=$(awk 'BEGIN { for (i = 0; i < 2049; i++) printf "%s\"x\"", i ? "," : "" }')
bad "2,049 inputs" "{\"model\":\"$id\",\"input\":[$many]}" 400 param input
post /v1/embeddings "{\"model\":\"$id\",\"input\":[${many#*,}]}"
is "2,048 inputs" "$status $(at .data.# .data.2047.index | tr '\n' ' ')" "200 2048 2047 "
deep=$(awk 'BEGIN { for (i = 0; i < 100000; i++) printf "[" }')
bad "depth 100,000" "$deep" 400 param null
get /nowhere
is "no such path" "$status $(at .error.code)" "404 not_found"
get /v1/embeddings
is "another method" "$status $(at .error.code)" "405 method_not_allowed"

# metrics, log
get /metrics
like "metrics" "$headers" "*text/plain; version=0.0.4*"
like "count requests" "$body" "*te_request_count{method=\"POST\",path=\"/v1/embeddings\"} [1-9]*"
like "and failures" "$body" "*te_request_failure{err=\"validation\"} [1-9]*"
is "each line is a comment or a number" "$(printf '%s\n' "$body" | grep -vcE '^(#.*|[a-z_]+(\{.*\})? [0-9.e+-]+)$')" 0
serve_stop
is "SIGTERM ends it" "$code" 0
is "the log is JSON lines" "$(json -l .time .event <"$log" >/dev/null; echo $?)" 0
unlike "without texts" "$(cat "$log")" "*laptop*"
like "with what was refused" "$(cat "$log")" '*"error":"validation"*'
like "and its end" "$(tail -n 1 "$log")" '*"event":"stopped","unanswered":"0"*'

# truncation
if [ -e "${LOCI_TEST_MODELS:-$BUILD/test-models}/minilm/model.safetensors" ]; then
  mini=${LOCI_TEST_MODELS:-$BUILD/test-models}/minilm
  serve_start -m "mini=$mini" --socket "$work/socket"
  is "a socket alone" "$url" "unix:$work/socket"
  is "for its owner" "$(stat -c %a "$work/socket")" 600
  url=http://localhost
  long=$(awk 'BEGIN { for (i = 0; i < 600; i++) printf "word " }')
  post /v1/embeddings "{\"model\":\"mini\",\"input\":[\"short\",\"$long\"],\"encoding_format\":\"base64\"}" --unix-socket "$work/socket"
  is "a long text is cut" "$status $(at .usage.truncated_inputs)" "200 1"
  like "and told in a header" "$headers" "*x-embedding-truncated: 1*"
  at .data.0.embedding | base64 -d >got.bin
  "$LOCI" embed -m "$mini" --format bin "short" >wanted.bin
  yes "the bits of loci embed" cmp got.bin wanted.bin
  post /v1/embeddings "{\"model\":\"mini\",\"input\":[\"short\",\"$long\"],\"truncate\":false}" --unix-socket "$work/socket"
  is "or refused" "$status $(at .error.code)" "400 context_length_exceeded"
  "$LOCI" tokenize -m "$mini" --json "a slow laptop" >/dev/null 2>&1
  serve_stop
  is "its end" "$code" 0
  yes "takes the socket away" test ! -e "$work/socket"
else
  skip "truncation, a socket" "no MiniLM"
fi

# what refuses to start
exits "another machine's address without keys" 2 timeout 20 "$LOCI" serve --host 0.0.0.0 --port 0
like "asks for keys" "$err" "*--api-key-file*"
exits "no such model" 3 timeout 20 "$LOCI" serve -m no-such-model --port 0
exits "two models of one name" 2 timeout 20 "$LOCI" serve -m a=x -m a=y --port 0
exits "no such key file" 5 timeout 20 "$LOCI" serve --api-key-file none --port 0
: >empty
exits "a key file without keys" 2 timeout 20 "$LOCI" serve --api-key-file empty --port 0
exits "a port that is none" 2 timeout 20 "$LOCI" serve --port 70000
finish
