"""The HTTP side: one loopback server for one account of one vendor, with its limit, its faults and its moving world."""

import random
import socket
import threading
import time
from collections import Counter
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from . import kf5, trouble, udesk
from .trouble import Answer

SIGNING = ("timestamp", "nonce", "sign")  # differ from one asking to the next


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that went away is no news."""


class Emulator:
    """`with Emulator("kf5", state, Kf5Manners()) as emulator: emulator.origin`.

    faults: kind → probability, on list answers; one question is spoiled at most `spoilt_at_most` times (None: whenever drawn).
    changes: op → n, before every n-th list answer.
    budget: a Budget or None. retry_after: seconds | date | none, how a refusal names its wait.
    """

    def __init__(self, vendor, state, manners, faults=None, changes=None, budget=None, retry_after="seconds", latency=0.0, seed=1, spoilt_at_most=None):
        self.vendor, self.state, self.manners = vendor, state, manners
        self.faults, self.changes, self.budget = dict(faults or {}), dict(changes or {}), budget
        self.retry_after, self.latency = retry_after, latency
        self.spoilt_at_most = spoilt_at_most
        self.lists = 0
        self.before_list = None  # called before each list answer, with how many there have been
        self.refuse = None  # path with query → a status that is answered in place of anything else, or None
        self.injected = {}
        self._spoilt = Counter()  # question → times
        self.changed = []
        self.requests = []  # (monotonic time, path with query)
        self.in_flight = self.most_in_flight = 0
        self._rng = random.Random(f"trouble {seed}")
        self._lock = threading.Lock()

    def __enter__(self):
        emulator = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_GET(self):
                emulator.serve(self)

            def do_POST(self):
                emulator.serve(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))

            def log_message(self, *_):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def serve(self, handler, body=None):
        with self._lock:
            self.requests.append((time.monotonic(), handler.path))
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            self._serve(handler, body)
        except (BrokenPipeError, ConnectionError):
            handler.close_connection = True
        finally:
            with self._lock:
                self.in_flight -= 1

    def _serve(self, handler, body):
        wait = self.budget.refuse_for() if self.budget else None
        if wait is not None:
            return send(handler, self._refusal(wait))
        if self.latency:
            time.sleep(self.latency)
        url = urlsplit(handler.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        status = self.refuse(handler.path) if self.refuse else None
        if status:
            return send(handler, Answer.json({"message": "refused"}, status))
        self._move(url.path)
        try:
            if self.vendor == "kf5" and body is not None:
                answer, is_list = Answer.json({"error": "MethodNotAllowed"}, 405), False
            elif self.vendor == "kf5":
                answer, is_list = kf5.answer(self.state, self.manners, url.path, query, handler.headers, self.origin)
            else:
                answer, is_list = udesk.answer(self.state, self.manners, url.path, url.query, query, self.origin, body)
        except ValueError as error:
            answer, is_list = Answer.json({"error": f"bad parameter: {error}"}, 400), False
        with self._lock:
            question = (url.path, *sorted((key, value) for key, value in query.items() if key not in SIGNING), body)
            spared = self.spoilt_at_most is not None and self._spoilt[question] >= self.spoilt_at_most
            fault = trouble.draw(self._rng, self.faults) if is_list and not spared else None
            if fault:
                self._spoilt[question] += 1
                self.injected[fault] = self.injected.get(fault, 0) + 1
        self._deliver(handler, answer, fault)

    def _move(self, path):
        if not path.removesuffix(".json").endswith(("/tickets", "/search", "/problems", "/incidents", "/tickets/get")):
            return
        with self._lock:
            self.lists += 1
            if self.before_list:
                self.before_list(self.lists)
            for op, every in self.changes.items():
                if self.lists % every == 0:
                    self.changed += [(op, number) for number in self.state.change(op)]

    def _refusal(self, wait):
        forms = {"seconds": str(int(wait) + 1), "date": formatdate(time.time() + wait + 1, usegmt=True)}
        headers = (("Retry-After", forms[self.retry_after]),) if self.retry_after in forms else ()
        if self.vendor == "udesk" and self.manners.limit_in_body:
            return Answer.json({"status": 3001, "message": "接口调用过于频繁,请稍后再试"})
        return Answer.json({"message": "Too Many Requests"}, 429, headers)

    def _deliver(self, handler, answer, fault):
        if fault == "reset":
            handler.close_connection = True
            return trouble.reset(handler.connection)
        if fault == "hang":
            handler.close_connection = True
            handler.connection.settimeout(3600)
            handler.connection.recv(1)
            return None
        with self._lock:
            answer = trouble.spoil_answer(fault, self.vendor, answer, self._rng)
        return send(handler, answer, fault)


def send(handler, answer, fault=None):
    body = answer.body.encode("utf-8", "replace")
    handler.send_response(answer.status)
    handler.send_header("Content-Type", answer.content_type)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in answer.headers:
        handler.send_header(name, value)
    handler.end_headers()
    if fault == "cut":
        handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)
    elif fault == "slow":
        def piece(part):
            handler.wfile.write(part)
            handler.wfile.flush()
        trouble.trickle(piece, body)
    else:
        handler.wfile.write(body)
        handler.wfile.flush()
