"""The real Python clients, unchanged, against loci serve: openai, ollama, cohere, LangChain, LlamaIndex.

What is asked of each: the bits of `loci embed`, one and 2,048 inputs, empty strings, an unknown model, a wrong key; of openai also
overload and a request that is given up.
"""
import base64
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests", "server"))
sys.path.insert(0, os.path.join(os.environ["BUILD"], "clients", "python"))
from serving import LOCI, MINILM, Server, eq, finish, has_minilm, ok, skip, until  # noqa: E402

import cohere  # noqa: E402
import httpx  # noqa: E402
import ollama  # noqa: E402
import openai  # noqa: E402
from langchain_openai import OpenAIEmbeddings  # noqa: E402
from llama_index.embeddings.openai import OpenAIEmbedding  # noqa: E402

MODEL = "loci-static-en"
KEY = "key-of-the-tests"
TEXTS = ["a slow laptop", "", "Zwölf Boxkämpfer", "two\nlines"]
MANY = [f"text number {i}" for i in range(2048)]


def embedded(texts):
    """Floats of `loci embed`, bit for bit."""
    run = subprocess.run([LOCI, "embed", "-q", "--format", "bin", *texts], capture_output=True, check=True)
    n = len(run.stdout) // 4 // len(texts)
    values = struct.unpack(f"<{n * len(texts)}f", run.stdout)
    return [list(values[i * n:(i + 1) * n]) for i in range(len(texts))]


def same(got, wanted):
    """As float32, whatever number of digits a client kept."""
    return len(got) == len(wanted) and all(
        struct.pack(f"<{len(a)}f", *a) == struct.pack(f"<{len(b)}f", *b) for a, b in zip(got, wanted))


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    return None


def try_openai(s, wanted, many):
    client = openai.OpenAI(base_url=s.url + "/v1", api_key=KEY, max_retries=0)
    r = client.embeddings.create(model=MODEL, input=TEXTS)
    ok(same([d.embedding for d in r.data], wanted), "openai: its default encoding")
    r = client.embeddings.create(model=MODEL, input=TEXTS, encoding_format="float")
    ok(same([d.embedding for d in r.data], wanted), "openai: float")
    r = client.embeddings.create(model=MODEL, input="a slow laptop")
    ok(same([r.data[0].embedding], wanted[:1]) and r.usage.prompt_tokens == r.usage.total_tokens == 3, "openai: one string")
    ok(same([d.embedding for d in client.embeddings.create(model=MODEL, input=MANY).data], many), "openai: 2,048 inputs")
    eq(len(client.embeddings.create(model=MODEL, input="x", dimensions=64).data[0].embedding), 64, "openai: dimensions")
    ids = json.loads(subprocess.run([LOCI, "tokenize", "--json", "a slow laptop"], capture_output=True, check=True).stdout)["ids"]
    ok(same([client.embeddings.create(model=MODEL, input=[ids]).data[0].embedding], wanted[:1]), "openai: token ids")
    e = raises(openai.NotFoundError, lambda: client.embeddings.create(model="text-embedding-3-small", input="x"))
    ok(e is not None and e.code == "model_not_found" and e.param == "model", "openai: an unknown model", e)
    e = raises(openai.BadRequestError, lambda: client.embeddings.create(model=MODEL, input=MANY + ["x"]))
    ok(e is not None and e.param == "input", "openai: 2,049 inputs", e)
    e = raises(openai.AuthenticationError, lambda: openai.OpenAI(base_url=s.url + "/v1", api_key="wrong").embeddings.create(model=MODEL, input="x"))
    ok(e is not None and e.code == "invalid_api_key", "openai: a wrong key", e)
    eq([m.id for m in client.models.list()], [MODEL], "openai: models")
    eq(client.models.retrieve(MODEL).id, MODEL, "openai: a model")
    raw = client.embeddings.with_raw_response.create(model=MODEL, input="x")
    ok(raw.headers.get("x-request-id"), "openai: a request id")


def try_openai_busy():
    if not has_minilm():
        skip("openai: overload, a request given up", "no MiniLM")
        return
    big = [" ".join(["word"] * 300) + str(i) for i in range(2048)]
    with Server("-m", "mini=" + MINILM, "--port", "0", "--queue", "1") as s:
        patient = openai.OpenAI(base_url=s.url + "/v1", api_key="any", max_retries=0)
        hasty = patient.with_options(timeout=5.0)
        result = []
        thread = threading.Thread(target=lambda: result.append(raises(openai.APITimeoutError, lambda: hasty.embeddings.create(model="mini", input=big))))
        thread.start()
        seen = until(lambda: s.metric("te_queue_size") == 1 or result, "the long request waits")
        e = raises(openai.RateLimitError, lambda: patient.embeddings.create(model="mini", input="x")) if seen is True else None
        if seen is True and not result:
            ok(e is not None and e.code == "rate_limit_exceeded" and e.response.headers["retry-after"] == "1", "openai: overload", e)
        else:
            skip("openai: overload", "the request was given up before it waited")
        thread.join()
        ok(result[0] is not None, "openai: a request that is given up")
        until(lambda: s.metric("te_queue_size") == 0, "its place is free")
        # With its usual retries the client comes through.
        eq(len(openai.OpenAI(base_url=s.url + "/v1", api_key="any").embeddings.create(model="mini", input="x").data), 1,
           "openai: served after it")
        s.stop()


def try_ollama(s, wanted, many):
    client = ollama.Client(host=s.url, headers={"Authorization": "Bearer " + KEY})
    r = client.embed(model=MODEL, input=TEXTS)
    ok(same(r["embeddings"], wanted), "ollama: several")
    ok(r.prompt_eval_count > 0 and r.total_duration > 0, "ollama: its figures")
    ok(same(client.embed(model=MODEL + ":latest", input="a slow laptop").embeddings, wanted[:1]), "ollama: one, name:latest")
    ok(same(client.embed(model=MODEL, input=MANY).embeddings, many), "ollama: 2,048 inputs")
    ok(same([client.embeddings(model=MODEL, prompt="a slow laptop").embedding], wanted[:1]), "ollama: embeddings()")
    eq(len(client.embed(model=MODEL, input="x", dimensions=16).embeddings[0]), 16, "ollama: dimensions")
    e = raises(ollama.ResponseError, lambda: client.embed(model="none", input="x"))
    ok(e is not None and e.status_code == 404 and "not found" in e.error, "ollama: an unknown model", e)
    e = raises(ollama.ResponseError, lambda: ollama.Client(host=s.url).embed(model=MODEL, input="x"))
    ok(e is not None and e.status_code == 401, "ollama: no key", e)
    eq([m.model for m in client.list().models], [MODEL], "ollama: list()")
    eq([m.model for m in client.ps().models], [MODEL], "ollama: ps()")
    eq(client.show(MODEL).capabilities, ["embedding"], "ollama: show()")


def try_cohere(s, wanted, many):
    client = cohere.ClientV2(api_key=KEY, base_url=s.url)
    r = client.embed(model=MODEL, input_type="search_document", texts=TEXTS, embedding_types=["float", "int8", "ubinary", "base64"])
    ok(same(r.embeddings.float_, wanted), "cohere: float")
    ok(len(r.embeddings.int8) == len(TEXTS) and max(map(abs, r.embeddings.int8[0])) == 127, "cohere: int8")
    eq(len(r.embeddings.ubinary[0]), len(wanted[0]) // 8, "cohere: ubinary")
    eq(base64.b64decode(r.embeddings.base64[0]), struct.pack(f"<{len(wanted[0])}f", *wanted[0]), "cohere: base64")
    r = client.embed(model=MODEL, input_type="search_query", texts=MANY)
    ok(same(r.embeddings.float_, many), "cohere: 2,048 inputs, in its own parts")
    e = raises(cohere.NotFoundError, lambda: client.embed(model="none", input_type="search_query", texts=["x"]))
    ok(e is not None and "not found" in str(e.body), "cohere: an unknown model", e)
    e = raises(cohere.UnauthorizedError, lambda: cohere.ClientV2(api_key="wrong", base_url=s.url).embed(model=MODEL, input_type="search_query", texts=["x"]))
    ok(e is not None, "cohere: a wrong key")


def try_langchain(s, wanted, many):
    plain = OpenAIEmbeddings(model=MODEL, base_url=s.url + "/v1", api_key=KEY, check_embedding_ctx_length=False)
    ok(same(plain.embed_documents(TEXTS), wanted), "LangChain: documents, an empty one among them")
    ok(same([plain.embed_query("a slow laptop")], wanted[:1]), "LangChain: a query")
    ok(same(plain.embed_documents(MANY), many), "LangChain: 2,048 inputs")


def try_llamaindex(s, wanted, many):
    client = OpenAIEmbedding(model_name=MODEL, api_base=s.url + "/v1", api_key=KEY)
    ok(same(client.get_text_embedding_batch(["a slow laptop", "Zwölf Boxkämpfer"]), [wanted[0], wanted[2]]), "LlamaIndex: texts")
    ok(same([client.get_query_embedding("a slow laptop")], wanted[:1]), "LlamaIndex: a query")
    ok(same(client.get_text_embedding_batch(MANY), many), "LlamaIndex: 2,048 inputs")


def main():
    wanted = embedded(TEXTS)
    many = embedded(MANY)
    keys = os.path.join(tempfile.mkdtemp(), "keys")
    with open(keys, "w") as f:
        f.write(KEY + "\n")
    with Server("--port", "0", "--api-key-file", keys) as s:
        for attempt in (try_openai, try_ollama, try_cohere, try_langchain, try_llamaindex):
            try:
                attempt(s, wanted, many)
            except Exception as error:  # a client's own surprise is a failure with a name
                ok(False, f"{attempt.__name__} ends well", repr(error))
        s.stop()
    try_openai_busy()


main()
finish()
