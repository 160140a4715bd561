"""The help desk that is measured against: one `ticketlake sandbox` process."""

import json
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

# What the sandbox takes from anybody.
USER, PASSWORD = "agent@example.com", "sandbox"
# The same tickets in every run, so that their bytes can be compared with those of another version.
SEED, NOW = "1", "1795000000"


class Desk:
    def __init__(self, address):
        self.address = address

    def change(self, count, strokes):
        """Updates so many tickets, in strokes a second apart: agents do not change all in one second."""
        for stroke in range(strokes):
            body = json.dumps({"op": "update", "count": count // strokes, "seed": stroke}).encode()
            urllib.request.urlopen(urllib.request.Request(self.address + "/__change/kf5", body, method="POST"), timeout=600).close()
            time.sleep(1)

    def tickets(self):
        """Every ticket as it is now, one JSON object a line."""
        return urllib.request.urlopen(self.address + "/__truth/kf5", timeout=600)


@contextmanager
def listening(*command):
    """A process that prints its address first."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    try:
        yield Desk(process.stdout.readline().split()[1])
    finally:
        process.terminate()
        process.wait()


@contextmanager
def desk(binary, tickets, rate="unlimited", now=NOW):
    """A sandbox with so many tickets, ready to answer. `now` None is the real time."""
    world = ("--tickets", tickets, "--seed", SEED, "--plain", *(("--now", now) if now else ()))
    with listening(binary, "sandbox", *world, "--rate", rate, "--latency", "0ms") as opened:
        # A path of the sandbox's own waits until the tickets are made.
        urllib.request.urlopen(opened.address + "/__truth/kf5/fields", timeout=600).close()
        yield opened


def scattered(opened):
    """The same desk, its ids in random order over the days."""
    return listening(sys.executable, Path(__file__).parent / "scatter.py", opened.address)
