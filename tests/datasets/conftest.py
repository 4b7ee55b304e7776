"""A web server on the loopback that misbehaves as told."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server:
    """Serves ``files``; ``misdeeds`` are done once each, in order, one per request."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, str] = {}
        self.misdeeds: list[tuple] = []
        self.requests: list[dict[str, str]] = []
        self.etag = '"v1"'
        self.ranges = True
        self.heeds_if_range = True
        self.stalled = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def version_string(self):
                return owner.headers.get("Server", "Loopback")

            def log_message(self, *args):
                pass

            def do_HEAD(self):
                owner.requests.append({**self.headers, "path": self.path, "method": "HEAD"})
                owner.answer(self, *(owner.misdeeds.pop(0) if owner.at_head() else ("none",)))

            def do_GET(self):
                owner.requests.append({**self.headers, "path": self.path})
                misdeed = owner.misdeeds.pop(0) if owner.misdeeds else ("none",)
                owner.answer(self, *misdeed)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def answer(self, handler, misdeed, *details):
        if misdeed == "status":
            handler.send_response(details[0])
            for name, value in details[1:]:
                handler.send_header(name, value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        body = self.files.get(handler.path)
        if body is None:
            handler.send_error(404)
            return
        start = self.start_of(handler, body)
        if start is None:
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(body)}")
            handler.end_headers()
            return
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(body) - start))
        for name, value in ({"ETag": self.etag} | self.headers).items():
            if value and name != "Server":
                handler.send_header(name, value)
        handler.end_headers()
        self.send(handler, body[start:], misdeed, *details)

    def send(self, handler, rest, misdeed, *details):
        if misdeed == "cut":
            rest = rest[: details[0]]
            handler.close_connection = True
        if misdeed == "stall":
            handler.wfile.write(rest[: details[0]])
            handler.wfile.flush()
            self.stalled.wait(10)
            handler.close_connection = True
            return
        if misdeed == "change":
            rest = bytes(len(rest))
        if handler.command != "HEAD":
            handler.wfile.write(rest)

    def at_head(self):
        """Whether the next misdeed is due: those of status are done to any request."""
        return self.misdeeds and self.misdeeds[0][0] == "status"

    def start_of(self, handler, body):
        wanted = handler.headers.get("Range")
        match = handler.headers.get("If-Range", self.etag) if self.heeds_if_range else self.etag
        if not self.ranges or not wanted or match != self.etag:
            return 0
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        return start if start < len(body) else None


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    """Keep what `datasets` converts out of the user's cache."""
    folder = str(tmp_path_factory.mktemp("hf-datasets"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", folder)


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running = Server()
    yield running
    running.stalled.set()
    running.http.shutdown()
    running.http.server_close()
