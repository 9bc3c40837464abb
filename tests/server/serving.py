"""What the Python tests of this folder share: a server of its own, raw sockets, TAP. Standard library only.

Nothing sleeps for a time and hopes: until() asks again until something is so, or fails after a long time.
"""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

LOCI = os.environ["LOCI"]
BUILD = os.environ["BUILD"]
PATIENCE = 120.0  # seconds after which a condition has failed, not a speed
MINILM = os.path.join(os.environ.get("LOCI_TEST_MODELS") or os.path.join(BUILD, "test-models"), "minilm")

_tests = _failures = 0


def ok(good, name, *more):
    global _tests, _failures
    _tests += 1
    print(f"{'ok' if good else 'not ok'} {_tests} - {name}", flush=True)
    if not good:
        _failures += 1
        for text in more:
            for line in str(text)[:2000].splitlines():
                print("#   " + line, flush=True)
    return good


def eq(got, wanted, name):
    return ok(got == wanted, name, f"got:    {got!r}", f"wanted: {wanted!r}")


def skip(name, why):
    global _tests
    _tests += 1
    print(f"ok {_tests} - {name} # SKIP {why}", flush=True)


def finish():
    print(f"1..{_tests}", flush=True)
    os._exit(1 if _failures else 0)  # some clients leave threads behind that never end


def has_minilm():
    return os.path.exists(os.path.join(MINILM, "model.safetensors"))


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.01)


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"


class Wire:
    """A connection, byte by byte."""

    def __init__(self, address, timeout=PATIENCE):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def _more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        self.rest += data

    def response(self):
        """The next one; EOFError when the server closed instead."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        if status == 100:
            return self.response()
        length = int(headers.get("content-length", 0))
        while len(self.rest) < length:
            self._more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return Response(status, headers, body)

    def informed(self):
        """The status of an interim response (1xx)."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        return int(head.split()[1])

    def closed(self):
        """Reads to the end; True when the server closed."""
        try:
            while self.socket.recv(1 << 16):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.socket.close()


class Server:
    def __init__(self, *options, lines=1):
        self.folder = tempfile.mkdtemp()
        self.log = os.path.join(self.folder, "log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([LOCI, "serve", *options], stdout=subprocess.PIPE, stderr=log, text=True)
        self.urls = []
        for _ in range(lines):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(open(self.log).read())
            self.urls.append(line.split()[-1])
        self.url = self.urls[-1]
        self.address = self.place(self.url)

    @staticmethod
    def place(url):
        if url.startswith("unix:"):
            return url[5:]
        host, port = url.split("//")[1].rsplit(":", 1)
        return host.strip("[]"), int(port)

    def wire(self):
        return Wire(self.address)

    def ask(self, method, path, body=None, headers=(), wire=None):
        own = wire or self.wire()
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n"
        given = {name.lower() for name, _ in headers}
        if "host" not in given:
            head += "Host: localhost\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers)
        response = own.send(head.encode("latin-1") + b"\r\n" + data).response()
        if not wire:
            own.close()
        return response

    def post(self, path, body, **more):
        return self.ask("POST", path, body, **more)

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def metric(self, name):
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return 0.0

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        if self.process.poll() is None:
            self.terminate()
        return self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
