"""The program's own sandbox as the server of the tests: a process for each account, filled and steered by its control addresses.

What the account holds, and what it ever held, stands in Python (`worlds.state.State`): the sandbox is told, never asked.
"""

import http.client
import json
import subprocess
import threading
import time
from collections import deque
from urllib.parse import quote

from program import BINARY, environment
from watch import PASSWORD, SECRET, TOKEN

QUIRKS = {"kf5": {"subject": True}, "udesk": {"filter_since": 0}}  # of every server, where a test says nothing else
ACCOUNTS = {"kf5": {"email": "agent@example.com", "password": PASSWORD, "token": TOKEN}, "udesk": {"secret": SECRET}}
AT_ONCE = 4 << 20  # bytes of tickets in one request
PATIENCE = 5  # seconds that one look at the gate takes at most


class Budget:
    """A strict limit: never more than `requests` in any sliding window of `seconds`.

    The times of what was let through and of what was refused are there when the server has ended."""

    def __init__(self, requests, seconds):
        self.requests, self.seconds = requests, seconds
        self.accepted, self.refused = [], []


def refused(status=500, body="refused", **when):
    """A rule of a script: what it applies to is answered with this status in place of anything else."""
    return {"when": when, "then": {"status": status, "body": json.dumps({"message": body})}}


class Control:
    """One connection to the control addresses."""

    def __init__(self, port):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._lock = threading.Lock()

    def ask(self, method, path, body=None):
        with self._lock:
            self._connection.request(method, path, body=body)
            answer = self._connection.getresponse()
            content = answer.read().decode()
        assert answer.status < 300, f"{method} {path}: {answer.status} {content}"
        return content

    def put(self, path, value):
        self.ask("PUT", path, json.dumps(value, ensure_ascii=False).encode())

    def get(self, path):
        return json.loads(self.ask("GET", path))

    def close(self):
        self._connection.close()


class Settings:
    """Values of the server by name; each may be set at any time."""

    def __init__(self, values, tell):
        self.__dict__.update(values, _tell=tell)

    def __setattr__(self, name, value):
        self.__dict__[name] = value
        self._tell({name: value})

    def tell(self):
        self._tell({name: value for name, value in self.__dict__.items() if name != "_tell"})


class Gate(threading.Thread):
    """Lets list answers wait, each until `move` was called with how many there have been."""

    def __init__(self, port, path, move):
        super().__init__(daemon=True)
        self._control, self._path, self._move = Control(port), path, move
        self.over, self.failed = False, None

    def run(self):
        done = ""
        try:
            while not self.over:
                waiting = self._control.get(f"{self._path}?wait={PATIENCE}{done}").get("list")
                if waiting is not None and not self.over:
                    self._move(waiting)
                done = "" if waiting is None else f"&done={waiting}"
        except Exception as error:  # told by the one who ends the server
            self.failed = self.failed or error
        finally:
            self._control.close()


class Emulator:
    """`with Emulator("kf5", state) as emulator: emulator.origin`.

    faults: kind → probability, on list answers; one question is spoiled at most `spoilt_at_most` times (None: whenever drawn).
    changes: op → n, before every n-th list answer.
    quirks: by the names of the sandbox, each an attribute of `quirks` then; `account` has the credentials.
    budget: a Budget or None. retry_after: seconds | date | none, how a refusal names its wait.
    script: rules of the sandbox's `--script`. before_list: called before each list answer with how many there have been.
    """

    def __init__(self, vendor, state, quirks=None, faults=None, changes=None, budget=None, retry_after="seconds", latency=0.0, seed=1, spoilt_at_most=None):
        self.vendor, self.origin = vendor, None
        self._state = state
        self._faults, self._changes, self._before_list = {"faults": dict(faults or {}), "at_most": spoilt_at_most, "seed": seed}, dict(changes or {}), None
        self._budget, self._retry_after, self._latency, self._script = budget, retry_after, latency, []
        self.changed = []  # (op, id) of each change that was made by itself
        self._requests, self._stats = [], None
        self._control = self._gate = self._process = None
        self.quirks = Settings(QUIRKS[vendor] | (quirks or {}), lambda changed: self._put("quirks", changed))
        self.account = Settings(ACCOUNTS[vendor], lambda changed: self._put("account", changed))

    def __enter__(self):
        command = [str(BINARY), "sandbox", "--port", "0", "--tickets", "0", "--rate", "unlimited", "--latency", "0ms"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        try:
            line = self._process.stdout.readline().strip()
            assert line.startswith("listening http://127.0.0.1:"), line
            self.origin = line.removeprefix("listening ")
            self._port = int(self.origin.rpartition(":")[2])
            self._control = Control(self._port)
            self._fill()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        try:
            gate = self._gate
            self._open_gate()
            self._requests = self._look_at_requests(0)
            self._stats = self.stats
            if self._budget:
                self._budget.accepted = [request["at"] for request in self._requests if not request.get("limited")]
                self._budget.refused = [request["at"] for request in self._requests if request.get("limited")]
            assert gate is None or gate.failed is None, repr(gate.failed)
        finally:
            self._state.servers = [server for server in self._state.servers if server is not self]
            self._end()

    def _end(self):
        if self._control:
            self._control.close()
            self._control = None
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()

    def _fill(self):
        self.account.tell()
        self.quirks.tell()
        self._control.put("/__control/faults", self._faults)
        if self._budget:
            self._put("rate", {"requests": self._budget.requests, "seconds": self._budget.seconds, "retry_after": self._retry_after})
        self._show()
        self.latency = self._latency
        self._set_gate()

    def _show(self):
        """Tells the whole account as it stands, and each change of it from now on."""
        with self._state.lock:
            self.put_fields(self._state.fields)
            self.put_tickets(self._state.by_id.values(), replace=True)
            if self._state.doubles:
                self.show_twice(self._state.doubles)
            self._state.servers.append(self)

    # What the account is told by its state

    def _put(self, what, value):
        if self._control:
            self._control.put(f"/__control/{self.vendor}/{what}", value)

    def _tickets(self, tickets, options="", **more):
        lines = [{"id": ticket.id, "created": ticket.created, "updated": ticket.updated, "raw": ticket.text, **more} for ticket in tickets]
        encoded = deque(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n" for line in lines)  # half a pair that is not escaped is no text
        while encoded or options:
            body = b""
            while encoded and (not body or len(body) + len(encoded[0]) < AT_ONCE):
                body += encoded.popleft()
            self._control.ask("PUT", f"/__control/{self.vendor}/tickets{options}", body)
            options = ""

    def put_tickets(self, tickets, replace=False):
        self._tickets(tickets, "?replace=true" if replace else "")

    def delete_tickets(self, numbers):
        if numbers:
            self._control.ask("DELETE", f"/__control/{self.vendor}/tickets?ids=" + quote(",".join(map(str, numbers))))

    def show_twice(self, tickets):
        self._control.ask("DELETE", f"/__control/{self.vendor}/tickets?twice=true")
        if tickets:
            self._tickets(tickets, twice=True)

    def put_fields(self, fields):
        self._put("fields", fields)

    # What a test sets

    @property
    def state(self):
        return self._state

    @state.setter
    def state(self, other):
        self._state.servers = [server for server in self._state.servers if server is not self]
        self._state = other
        self._show()

    @property
    def latency(self):
        return self._latency

    @latency.setter
    def latency(self, seconds):
        self._latency = seconds
        self._control.put("/__control/latency", {"seconds": seconds})

    @property
    def script(self):
        return self._script

    @script.setter
    def script(self, rules):
        self._script = rules
        self._control.put("/__control/script", rules)

    @property
    def changes(self):
        return self._changes

    @changes.setter
    def changes(self, changes):
        self._changes = dict(changes)
        self._set_gate()

    @property
    def before_list(self):
        return self._before_list

    @before_list.setter
    def before_list(self, hook):
        self._before_list = hook
        self._set_gate()

    def _set_gate(self):
        self._open_gate()
        if self._changes or self._before_list:
            self._put("gate", {"every": 1})
            self._gate = Gate(self._port, f"/__control/{self.vendor}/gate", self._move)
            self._gate.start()

    def _open_gate(self):
        gate, self._gate = self._gate, None
        if gate:
            gate.over = True
            self._put("gate", None)
            gate.join()
            assert gate.failed is None, repr(gate.failed)

    def _move(self, lists):
        if self._before_list:
            self._before_list(lists)
        for op, every in self._changes.items():
            if lists % every == 0:
                self.changed += [(op, number) for number in self._state.change(op)]

    # What the server tells; the last of it is there when it has ended

    def _look_at_requests(self, first):
        return [json.loads(line) for line in self._control.ask("GET", f"/__control/requests?from={first}").splitlines()]

    @property
    def requests(self):
        """(time, path with query) of each request, in the order of arrival."""
        if self._control:
            new = self._look_at_requests(len(self._requests))
            if not new:
                time.sleep(0.002)  # some ask in a loop
            self._requests += new
        return [(request["at"], request["path"]) for request in self._requests]

    @property
    def stats(self):
        return self._control.get("/__control/stats") if self._control else self._stats

    @property
    def lists(self):
        return self.stats["lists"]

    @property
    def injected(self):
        return self.stats["injected"]

    @property
    def most_in_flight(self):
        return self.stats["most_in_flight"]


def emulate(vendor, state, faults=None, changes=None, budget=None, retry_after="seconds", latency=0.0, seed=1, spoilt_at_most=None, **quirks):
    """→ Emulator, to be entered. Further keywords are quirks, by the names of the sandbox."""
    return Emulator(vendor, state, quirks, faults, changes, budget, retry_after, latency, seed, spoilt_at_most)
