"""loci serve: who may ask, and how much. Keys, Host, Origin, sizes, a full queue, clients that leave, stall or flood, draining."""
import os
import signal
import socket
import subprocess
import tempfile
import threading

from serving import MINILM, Server, Wire, eq, finish, has_minilm, ok, skip, until

MODEL = "loci-static-en"
GOOD = {"model": MODEL, "input": "a"}
folder = tempfile.mkdtemp()


def path_of(name, text=""):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def keys():
    secret = "s3cret-of-the-tests"
    with Server("--port", "0", "--host", "0.0.0.0", "--api-key-file", path_of("keys", f"# two\n{secret}\n  other \n")) as s:
        s.address = ("127.0.0.1", s.address[1])
        bearer = [("Authorization", "Bearer " + secret)]
        eq(s.post("/v1/embeddings", GOOD, headers=bearer).status, 200, "a key")
        eq(s.post("/v1/embeddings", GOOD, headers=[("authorization", "bearer other")]).status, 200, "another one")
        eq(s.post("/v1/embeddings", GOOD, headers=[("X-Api-Key", secret)]).status, 200, "in x-api-key")
        r = s.post("/v1/embeddings", GOOD, headers=[("Authorization", "Bearer wrong")])
        eq((r.status, r.json()["error"]["code"]), (401, "invalid_api_key"), "a wrong key")
        eq(r.headers.get("www-authenticate"), "Bearer", "asks for one")
        for path, shape in (("/v1/embeddings", "error"), ("/embed", "error_type"), ("/api/embed", "error"), ("/v2/embed", "message")):
            r = s.post(path, GOOD)
            ok(r.status == 401 and shape in r.json(), f"no key at {path}, in its dialect", r)
        for key in ("", secret[:-1], secret + "x", secret.upper()):
            eq(s.get("/v1/models", headers=[("Authorization", "Bearer " + key)]).status, 401, f"{len(key)} letters of it")
        for path in ("/health", "/ready", "/ping", "/metrics"):
            eq(s.get(path).status, 200, f"{path} without a key")
        eq(s.get("/v1/models", headers=bearer + [("Host", "anything.example")]).status, 200, "any Host, where keys guard")
        s.stop()
        ok(secret not in open(s.log).read(), "no key in the log")
        ok(secret not in " ".join(s.process.args), "none among the arguments")


def hosts():
    with Server("--port", "0", "--allow-host", "loci.example", "--allow-origin", "https://page.example") as s:
        for host in ("localhost", "127.0.0.1", f"localhost:{s.address[1]}", "[::1]:80", "LOCI.example:443"):
            eq(s.get("/v1/models", headers=[("Host", host)]).status, 200, f"Host {host}")
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""):
            eq(s.get("/v1/models", headers=[("Host", host)]).status, 403, f"Host '{host}'")
        own = f"http://localhost:{s.address[1]}"
        eq(s.get("/v1/models", headers=[("Host", own[7:]), ("Origin", own)]).status, 200, "its own origin")
        r = s.get("/v1/models", headers=[("Origin", "https://page.example")])
        eq((r.status, r.headers.get("access-control-allow-origin")), (200, "https://page.example"), "an origin that may ask")
        for origin in ("https://evil.example", "null", "https://page.example.evil", "http://page.example"):
            r = s.post("/v1/embeddings", GOOD, headers=[("Origin", origin)])
            ok(r.status == 403 and "access-control-allow-origin" not in r.headers, f"Origin {origin}", r)
        r = s.ask("OPTIONS", "/v1/embeddings", headers=[("Origin", "https://page.example"), ("Access-Control-Request-Method", "POST")])
        ok(r.status == 204 and "POST" in r.headers.get("access-control-allow-methods", ""), "a preflight", r)
        eq(s.ask("OPTIONS", "/v1/embeddings", headers=[("Origin", "https://evil.example")]).status, 403, "a preflight of another")
        s.stop()


def sizes():
    with Server("--port", "0", "--max-body", "4096", "--max-inputs", "3") as s:
        eq(s.post("/v1/embeddings", {"model": MODEL, "input": "x" * 5000}).status, 413, "a body that is too large")
        eq(s.post("/api/embed", {"model": MODEL, "input": "x" * 5000}).json().keys(), {"error"}, "told in the dialect")
        w = s.wire().send(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
        eq(w.response().status, 413, "told before it is sent")
        w = s.wire().send(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\nExpect: 100-continue\r\n\r\n")
        eq(w.response().status, 413, "instead of 100 Continue")
        w = s.wire().send(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
        eq(w.send(chunk * 8 + b"0\r\n\r\n").response().status, 413, "in chunks")
        eq(s.post("/v1/embeddings", {"model": MODEL, "input": ["x"] * 4}).json()["error"]["param"], "input", "too many inputs")
        eq(s.post("/embed", {"inputs": ["x"] * 4}).status, 422, "in TEI's way")
        eq(s.get("/health", headers=[("X", "y" * 100000)]).status, 431, "a head that is too large")
        body = b'{"model":"%s","input":"a"}' % MODEL.encode()
        parts = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]) for i in range(0, len(body), 7))
        w = s.wire().send(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n")
        eq(w.response().status, 200, "a body in chunks")
        w = s.wire().send((b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body) * 5)
        eq([w.response().status for _ in range(5)], [200] * 5, "five at once on a connection")
        # a request is let go of after its answer was sent
        ok(until(lambda: s.metric("loci_request_bytes") == 0.0, "their bytes are free"), "nothing is left of them")
        s.stop()


def two_readings():
    heads = {
        "Content-Length twice": b"Content-Length: 5\r\nContent-Length: 6\r\n",
        "the same twice": b"Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "chunks and Content-Length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "a coding that is not chunked": b"Transfer-Encoding: gzip\r\n",
        "a list of codings": b"Transfer-Encoding: chunked, chunked\r\n",
        "a space before the colon": b"Content-Length : 5\r\n",
        "a list of lengths": b"Content-Length: 5, 5\r\n",
        "a signed length": b"Content-Length: +5\r\n",
        "a hexadecimal length": b"Content-Length: 0x5\r\n",
        "a length below zero": b"Content-Length: -5\r\n",
        "an endless length": b"Content-Length: 99999999999999999999999\r\n",
        "two hosts": b"Host: localhost\r\n",
        "a control character": b"X-A: a\x01b\r\n",
    }
    chunks = {
        "a chunk without a size": b"x\r\nhello\r\n0\r\n\r\n",
        "a signed size": b"+5\r\nhello\r\n0\r\n\r\n",
        "a size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
        "an endless size": b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "a chunk that is longer than it says": b"3\r\nhello\r\n0\r\n\r\n",
    }
    with Server("--port", "0") as s:
        for name, head in heads.items():
            w = s.wire().send(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\nhelloGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            statuses = []
            try:
                while True:
                    statuses.append(w.response().status)
            except (EOFError, ConnectionError):
                pass
            ok(len(statuses) <= 1 and all(400 <= x < 500 for x in statuses), f"{name}: refused, closed", statuses)
        for name, body in chunks.items():
            w = s.wire().send(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            statuses = []
            try:
                while True:
                    statuses.append(w.response().status)
            except (EOFError, ConnectionError):
                pass
            ok(len(statuses) <= 1 and all(400 <= x < 500 for x in statuses), f"{name}: refused, closed", statuses)
        eq(s.get("/health").status, 200, "and all is well")
        s.stop()


def stalls():
    with Server("--port", "0", "--read-timeout", "1", "--idle-timeout", "1", "--max-connections", "16") as s:
        for name, bytes_ in (("nothing", b""), ("half a head", b"POST /embed HTTP/1.1\r\nHost: lo"),
                             ("half a body", b"POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab")):
            ok(s.wire().send(bytes_).closed(), f"{name}, and then nothing: is closed")
        w = s.wire()
        eq(s.get("/health", wire=w).status, 200, "a connection that was used")
        ok(w.closed(), "and is not any more: is closed")
        s.stop()
    with Server("--port", "0", "--max-connections", "16") as s:
        idle = []
        for _ in range(60):
            idle.append(s.wire())
        eq(s.get("/health").status, 200, "sixty idle connections, room for sixteen: it answers")
        until(lambda: s.metric("loci_connections") <= 17, "the idle ones are closed")
        ok(idle[0].closed(), "the longest idle one first")
        s.stop()


def busy():
    if not has_minilm():
        skip("a full queue", "no MiniLM")
        return
    long_text = " ".join(["word"] * 300)
    big = {"model": "mini", "input": [long_text + str(i) for i in range(2048)], "encoding_format": "base64"}
    small = {"model": "mini", "input": "a slow laptop", "encoding_format": "base64"}
    with Server("-m", "mini=" + MINILM, "--port", "0", "--queue", "1") as s:
        alone = s.post("/v1/embeddings", small).json()["data"][0]["embedding"]
        first = s.wire()
        data = __import__("json").dumps(big).encode()
        first.send(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        until(lambda: s.metric("te_queue_size") == 1, "the big one waits")
        r = s.post("/v1/embeddings", small)
        ok(r.status == 429 and r.json()["error"]["code"] == "rate_limit_exceeded", "a full queue", r)
        eq(r.headers.get("retry-after"), "1", "says when to come again")
        ok(s.post("/embed", {"inputs": "x"}).json()["error_type"] == "Overloaded", "in TEI's way")
        eq(s.get("/health").status, 200, "health is well meanwhile")
        first.close()
        until(lambda: s.metric("te_queue_size") == 0, "a client that leaves frees its place")
        ok(until(lambda: s.metric("loci_cancelled_requests_total") == 1.0, "it is counted"), "and is counted")
        eq(s.post("/v1/embeddings", small).json()["data"][0]["embedding"], alone, "the next one is served, with the same bits")
        s.stop()
    with Server("-m", "mini=" + MINILM, "--port", "0") as s:
        # Short requests overtake a long one, and have their own bits beside it.
        first = s.wire()
        first.send(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        until(lambda: s.metric("te_queue_size") >= 1, "the big one waits")
        wires = [s.wire() for _ in range(12)]
        body = __import__("json").dumps(small).encode()
        for w in wires:
            w.send(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        got = [w.response().json()["data"][0]["embedding"] for w in wires]
        ok(all(x == alone for x in got), "twelve beside a long one: the bits of one alone")
        ok(until(lambda: s.metric("te_queue_size") <= 1, "their places are free"), "their places are free")
        eq(s.metric("te_queue_size"), 1.0, "before the long one is done")
        # SIGTERM: what is at hand is answered.
        last = s.wire()
        last.send(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        ok(last.informed() == 100, "100 Continue")
        last.send(body[:-1])
        first.close()
        s.terminate()
        until(lambda: '"draining"' in open(s.log).read(), "it drains")
        refused = False
        try:
            Wire(s.address, 5).send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").response()
        except (OSError, EOFError):
            refused = True
        ok(refused, "draining: no new connection")
        r = last.send(body[-1:]).response()
        eq((r.status, r.json()["data"][0]["embedding"], r.headers.get("connection", "").lower()), (200, alone, "close"),
           "but what is at hand is answered")
        eq(s.stop(), 0, "and it ends")


def request_time():
    if not has_minilm():
        skip("a request's time", "no MiniLM")
        return
    big = {"model": "mini", "input": [" ".join(["word"] * 300) + str(i) for i in range(2048)]}
    with Server("-m", "mini=" + MINILM, "--port", "0", "--request-timeout", "1") as s:
        r = s.post("/v1/embeddings", big)
        ok(r.status == 504 and r.json()["error"]["type"] == "server_error", "--request-timeout", r)
        eq(r.headers.get("x-should-retry"), "false", "which is not to be tried again")
        s.stop()


def places():
    log = os.path.join(folder, "server.log")
    with Server("--port", "0", "--metrics-port", "0", "--log-file", log, lines=2) as s:
        main, metrics = (Server.place(u) for u in s.urls)
        s.address = main
        eq(s.get("/metrics").status, 404, "--metrics-port: not by the other one")
        s.address = metrics
        eq((s.get("/metrics").status, s.get("/health").status, s.get("/v1/models").status), (200, 200, 404), "only that there")
        s.address = main
        os.rename(log, log + ".1")
        s.process.send_signal(signal.SIGHUP)
        until(lambda: os.path.exists(log), "SIGHUP opens the log anew")
        s.get("/health")
        until(lambda: '"request"' in open(log).read(), "and writes there")
        ok(True, "SIGHUP opens the log anew")
        s.stop()
    path = os.path.join(folder, "socket")
    with Server("--socket", path) as s:
        eq(s.get("/health").status, 200, "a Unix socket")
        second = subprocess.run([s.process.args[0], "serve", "--socket", path], capture_output=True, text=True, timeout=60)
        eq(second.returncode, 5, "is not taken from one that lives")
        s.process.kill()
        s.process.wait()
        ok(os.path.exists(path), "a killed server leaves its socket")
    with Server("--socket", path) as s:
        eq(s.get("/health").status, 200, "which the next one takes over")
        s.stop()


for part in (keys, hosts, sizes, two_readings, stalls, busy, request_time, places):
    part()
finish()
