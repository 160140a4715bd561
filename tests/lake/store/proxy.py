"""A network between the program and its store that fails as it is told."""

import contextlib
import http.client
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.rule(self.command, self.path, self.headers)
        self.server.seen.append((self.command, self.path, fault))
        if isinstance(fault, tuple) and fault[0] == "late":
            time.sleep(fault[1])
        if fault == "reset":
            return self.reset()
        if fault == "busy":
            return self.answer(503, {"Content-Type": "application/xml"}, BUSY)
        status, headers, content = self.forward(body)
        if fault == "lost":  # it was done, and nobody is told
            return self.reset()
        if fault == "broken":  # it was done, and the answer says that it was not
            return self.answer(500, {}, b"")
        self.answer(status, headers, content, cut=fault == "cut")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

    def forward(self, body):
        connection = http.client.HTTPConnection(self.server.behind, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def answer(self, status, headers, content, cut=False):
        self.send_response_only(status)
        told = {name.lower(): value for name, value in headers.items()}
        length = told["content-length"] if self.command == "HEAD" and "content-length" in told else str(len(content))
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut and content:
            self.wfile.flush()
            self.reset()

    def reset(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def finish(self):
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """A client that was killed has gone away."""


@contextlib.contextmanager
def between(address, rule=lambda method, path, headers: None):
    """→ a server at `.address` in front of `address`. `rule` gives a fault for a request, or None: "busy", "reset", "lost",
    "broken", "cut" or ("late", seconds); it may be replaced at any time. `.seen` are the requests, each with its fault."""
    server = Server(("127.0.0.1", 0), Handler)
    server.behind, server.rule, server.seen = urlsplit(address).netloc, rule, []
    server.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
