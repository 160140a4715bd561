"""A real Chromium, spoken to by its debugging protocol over a pipe: nothing but the browser itself is needed."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
]
PATIENCE = 120  # seconds for one answer, on a busy machine


def find():
    """The browser's path, or None. `make test` installs one where it may."""
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    def __init__(self, reading, writing):
        self.reading, self.writing = reading, writing
        self.rest, self.number, self.session, self.events = b"", 0, None, []

    def say(self, method, **params):
        """Asks, and gives the answer; events that come meanwhile are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params, **({"sessionId": self.session} if self.session else {})}
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        while True:
            told = self.next()
            if told.get("id") == self.number:
                assert "error" not in told, (method, told["error"])
                return told["result"]

    def next(self):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.reading], [], [], max(0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            part = os.read(self.reading, 1 << 20)
            assert part, "the browser has ended"
            self.rest += part
        text, _, self.rest = self.rest.partition(b"\0")
        told = json.loads(text)
        if "method" in told:
            self.events.append(told)
        return told

    def wait(self, method):
        while not any(event["method"] == method for event in self.events):
            self.next()

    def evaluate(self, expression):
        told = self.say("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def open(self, address):
        self.events = []
        self.say("Page.navigate", url=address)
        self.wait("Page.loadEventFired")

    def complaints(self):
        """Errors on the console, exceptions, dialogs."""
        def bad(event):
            method, params = event["method"], event["params"]
            return (method in ("Runtime.exceptionThrown", "Page.javascriptDialogOpening")
                    or method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert")
                    or method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"))
        return [event for event in self.events if bad(event)]

    def requests(self):
        return [event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"]


@contextmanager
def browse(folder):
    """→ a page of a new browser whose profile lies in `folder`."""
    there, writing = os.pipe()
    reading, back = os.pipe()
    ends = [there, back]
    # The browser reads from its descriptor 3 and writes to 4; out of their way first.
    there, back = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (there, back))
    command = [find(), *FLAGS, f"--user-data-dir={folder}", "about:blank"]
    given = {"pass_fds": (3, 4), "preexec_fn": lambda: (os.dup2(there, 3), os.dup2(back, 4))}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **given) as process:
        for end in (*ends, there, back):
            os.close(end)
        try:
            page = Page(reading, writing)
            target = next(target for target in page.say("Target.getTargets")["targetInfos"] if target["type"] == "page")
            page.session = page.say("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                page.say(f"{domain}.enable")
            yield page
        finally:
            process.terminate()
            os.close(reading)
            os.close(writing)
