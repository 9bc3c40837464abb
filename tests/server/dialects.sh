#!/bin/sh
# loci serve: the dialects of text-embeddings-inference, Ollama and Cohere, field by field; several models, loaded on demand and
# unloaded. One model is word vectors small enough to know its numbers.
. "$SRC/tests/cli/tap"
. "$SRC/tests/server/serving"
cat >tiny.vec <<X
5 4
the 1 0 0 0
cat 0 1 0 0
dog 0 0.6 0.8 0
sleeps 0 0 1 0
up 0 0 0 -1
X
serve_start -m tiny=tiny.vec --port 0

# text-embeddings-inference
post /embed '{"inputs":"cat"}'
is "TEI: /embed is two-dimensional" "$status $body" "200 [[0,1,0,0]]"
like "TEI: tells times" "$headers" "*x-compute-type: cpu*x-compute-tokens: 1*x-inference-time: *"
post /embed '{"inputs":["cat","dog"],"normalize":false,"truncate":true,"truncation_direction":"Left","prompt_name":null}'
is "TEI: several, with every field" "$status $body" "200 [[0,1,0,0],[0,0.6,0.8,0]]"
post /embed '{"inputs":"the dog","dimensions":2}'
is "TEI: dimensions, scaled again" "$status $body" "200 [[0.8574929,0.5144958]]"
post /embed '{"inputs":[[1],"cat"]}'
is "TEI: ids beside texts" "$status $body" "200 [[0,1,0,0],[0,1,0,0]]"
for case in '{"inputs":[]} 400 Empty' '{"inputs":7} 422 Validation' '{} 422 Validation' '{"inputs":"x","dimensions":0} 422 Validation' \
  '{"inputs":"x","dimensions":5} 422 Validation' '{"inputs":"x","prompt_name":"none"} 422 Validation' 'x 422 Validation' \
  '{"inputs":"x","truncation_direction":"Up"} 422 Validation' '{"inputs":[[99]]} 422 Validation'; do
  # shellcheck disable=SC2086
  set -- $case
  post /embed "$1"
  is "TEI: /embed $1" "$status $(at .error_type)" "$2 $3"
done
post /embed_all '{"inputs":["the cat","dog"]}'
is "TEI: /embed_all has a vector a token" "$status $body" "200 [[[1,0,0,0],[0,1,0,0]],[[0,0.6,0.8,0]]]"
post /similarity '{"inputs":{"source_sentence":"cat","sentences":["dog","cat","the"]},"parameters":{"truncate":true}}'
is "TEI: /similarity" "$status $body" "200 [0.6,1,0]"
post /similarity '{"inputs":{"source_sentence":"cat","sentences":[]}}'
is "TEI: of nothing" "$status $(at .error_type)" "400 Empty"
post /similarity '{"inputs":"cat"}'
is "TEI: of no object" "$status $(at .error_type)" "422 Validation"
post /decode '{"ids":[[0,1],[2]]}'
is "TEI: /decode" "$status $body" '200 ["the cat","dog"]'
post /decode '{"ids":[0,1]}'
is "TEI: /decode of one" "$status $body" '200 ["the cat"]'
post /decode '{"ids":[77]}'
is "TEI: /decode of what is no token" "$status $(at .error_type)" "422 Validation"
post /tokenize '{"inputs":"The  CAT"}'
is "TEI: /tokenize" "$status $body" \
  '200 [[{"id":0,"text":"The","special":false,"start":0,"stop":3},{"id":1,"text":"CAT","special":false,"start":5,"stop":8}]]'
for path in rerank predict embed_sparse; do
  post /$path '{"inputs":"x","query":"x","texts":["y"]}'
  is "TEI: /$path is another kind of model" "$status $(at .error_type)" "424 Backend"
done
get /info
is "TEI: /info" "$status $(at .model_id .served_model_name .max_client_batch_size .auto_truncate | tr '\n' ' ')" "200 tiny tiny 2048 true "
at .model_type.embedding.pooling .model_sha .version .max_batch_tokens >/dev/null || fail "TEI: /info has its fields" "$body"
get /ping
is "TEI: /ping" "$status$body" 200

# Ollama
post /api/embed '{"model":"tiny","input":["cat","dog"]}'
is "Ollama: /api/embed" "$status $(at .model .embeddings.# .embeddings.1.2 .prompt_eval_count | tr '\n' ' ')" "200 tiny 2 0.8 2 "
at .total_duration .load_duration >/dev/null || fail "Ollama: durations" "$body"
post /api/embed '{"model":"tiny:latest","input":"cat","options":{"num_ctx":9},"keep_alive":"5m"}'
is "Ollama: name:latest, options, keep_alive" "$status $(at .embeddings.#)" "200 1"
post /api/embed '{"model":"tiny","input":"the dog","dimensions":2}'
is "Ollama: dimensions" "$status $(at .embeddings.0.0 .embeddings.0.# | tr '\n' ' ')" "200 0.8574929 2 "
post /api/embed '{"model":"tiny","input":"cat","dimensions":9}'
is "Ollama: too many are ignored" "$status $(at .embeddings.0.#)" "200 4"
post /api/embed '{"model":"tiny","input":""}'
is "Ollama: an empty input" "$status $(at .embeddings.#)" "200 0"
post /api/embed '{"model":"tiny","input":["","cat"]}'
is "Ollama: an empty one of several" "$status $(at .embeddings.#)" "200 2"
post /api/embed '{"model":"none","input":"cat"}'
is "Ollama: unknown model" "$status $body" "404 {\"error\":\"model 'none' not found\"}"
post /api/embed '{"model":"tiny","input":5}'
is "Ollama: wrong type" "$status $body" '400 {"error":"invalid input type"}'
post /api/embed '{"model":"tiny","input":"x","keep_alive":"soon"}'
is "Ollama: a duration that is none" "$status" 400
post /api/embeddings '{"model":"tiny","prompt":"cat"}'
is "Ollama: the old way" "$status $body" '200 {"embedding":[0,1,0,0]}'
post /api/embeddings '{"model":"tiny","prompt":""}'
is "Ollama: of nothing" "$status $body" '200 {"embedding":[]}'
get /api/tags
is "Ollama: /api/tags" "$status $(at .models.# .models.0.name .models.0.model .models.0.details.family | tr '\n' ' ')" "200 1 tiny tiny words "
is "Ollama: a digest" "$(at .models.0.digest | grep -cE '^[0-9a-f]{64}$')" 1
post /api/show '{"model":"tiny"}'
is "Ollama: /api/show" "$status $(at .capabilities.0 .details.family .modified_at | head -n 2 | tr '\n' ' ')" "200 embedding words "
post /api/show '{"model":"none"}'
is "Ollama: of none" "$status" 404
get /api/version
like "Ollama: /api/version" "$status $body" '200 {"version":"*.*.*"}'
get /
is "Ollama: /" "$status $body" "200 Ollama is running"
post /api/chat '{"model":"tiny"}'
is "Ollama: what is not there" "$status $(at .error | wc -l)" "404 1"
get /api/ps
is "Ollama: /api/ps" "$status $(at .models.# .models.0.name | tr '\n' ' ')" "200 1 tiny "
post /api/embed '{"model":"tiny","keep_alive":0}'
is "Ollama: keep_alive 0" "$status $(at .embeddings.#)" "200 0"
get /api/ps
is "Ollama: unloads" "$status $(at .models.#)" "200 0"
post /api/embed '{"model":"tiny","input":"cat"}'
is "Ollama: and loads again" "$status $(at .embeddings.0.1)" "200 1"

# Cohere
post /v2/embed '{"model":"tiny","texts":["dog","up"],"input_type":"search_document",
  "embedding_types":["float","int8","uint8","binary","ubinary","base64"]}'
is "Cohere: float" "$status $(at .embeddings.float.0.1 .embeddings.float.1.3 .response_type | tr '\n' ' ')" "200 0.6 -1 embeddings_by_type "
like "Cohere: int8" "$body" '*"int8":??0,95,127,0?,?0,0,0,-127??,*'
like "Cohere: uint8" "$body" '*"uint8":??128,223,255,128?,?128,128,128,1??,*'
like "Cohere: bits" "$body" '*"binary":??-32?,?-128??,"ubinary":??96?,?0??,*'
like "Cohere: texts" "$body" '*"texts":?"dog","up"?,*'
is "Cohere: base64" "$(at .embeddings.base64.0 | base64 -d | od -An -tx1 | tr -d ' \n')" 000000009a99193fcdcc4c3f00000000
at .id .meta.api_version.version .meta.billed_units.input_tokens >/dev/null || fail "Cohere: id and meta" "$body"
post /v2/embed '{"model":"tiny","inputs":[{"content":[{"type":"text","text":"cat"}]}],"input_type":"classification","output_dimension":2,"truncate":"START"}'
is "Cohere: inputs, output_dimension" "$status $(at .embeddings.float.0.1 .embeddings.float.0.# | tr '\n' ' ')" "200 1 2 "
for case in '{"model":"tiny","texts":["x"]} 400' '{"model":"none","texts":["x"],"input_type":"search_query"} 404' \
  '{"model":"tiny","texts":[],"input_type":"search_query"} 400' '{"model":"tiny","texts":"x","input_type":"search_query"} 400' \
  '{"model":"tiny","images":["data:"],"input_type":"image"} 400' '{"model":"tiny","texts":["x"],"input_type":"poem"} 400' \
  '{"model":"tiny","texts":["x"],"input_type":"search_query","embedding_types":["int4"]} 400' \
  '{"model":"tiny","texts":["x"],"input_type":"search_query","truncate":"MIDDLE"} 400'; do
  # shellcheck disable=SC2086
  set -- $case
  post /v2/embed "$1"
  is "Cohere: $1" "$status $(at .message .id | wc -l)" "$2 2"
done
serve_stop
is "ends" "$code" 0

# Several models.
sed 's/cat 0 1/cat 1 1/' tiny.vec >other.vec
serve_start -m one=tiny.vec -m two=other.vec -m other.vec --max-loaded 1 --port 0
get /v1/models
is "three models" "$(at .data.# .data.0.id .data.1.id .data.2.id | tr '\n' ' ')" "3 one two other.vec "
post /v1/embeddings '{"model":"two","input":"cat","normalize":false}'
is "the second is loaded when it is asked for" "$status $(at .data.0.embedding.0 .model | tr '\n' ' ')" "200 1 two "
get /api/ps
is "and the first is unloaded" "$(at .models.# .models.0.name | tr '\n' ' ')" "1 two "
post /v1/embeddings '{"model":"one","input":"cat"}'
is "and comes back" "$status $(at .data.0.embedding.0 .model | tr '\n' ' ')" "200 0 one "
post /v1/embeddings '{"model":"other.vec","input":"cat","normalize":false}'
is "a file's name is an id" "$status $(at .data.0.embedding.0)" "200 1"
serve_stop
is "ends" "$code" 0
is "the log tells of loading" "$(grep -c '"event":"model_loaded"' "$log")" 4
finish
