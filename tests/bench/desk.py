"""The help desk that is measured against: one `ticketlake sandbox` process."""

import json
import subprocess
import urllib.request
from contextlib import contextmanager

from measure import cpu_of

# What the sandbox takes from anybody.
USER, PASSWORD = "agent@example.com", "sandbox"


class Desk:
    def __init__(self, process, address):
        self.process, self.address = process, address

    def cpu(self):
        return cpu_of(self.process.pid)

    def get(self, path):
        with urllib.request.urlopen(self.address + path, timeout=600) as answer:
            return json.load(answer)

    def change(self, op, count, seed=7):
        """So many different tickets are changed in one stroke."""
        body = json.dumps({"op": op, "count": count, "seed": seed}).encode()
        request = urllib.request.Request(self.address + "/__change/kf5", body, method="POST")
        with urllib.request.urlopen(request, timeout=600) as answer:
            return len(json.load(answer)["ids"])

    def stats(self):
        return self.get("/__stats")["kf5"]

    def tickets_to(self, path):
        """Every ticket as it stands, one JSON object a line."""
        with urllib.request.urlopen(self.address + "/__truth/kf5", timeout=600) as answer, path.open("wb") as out:
            while block := answer.read(1 << 20):
                out.write(block)
        return path.stat().st_size


@contextmanager
def desk(binary, tickets, seed=1, rate="unlimited", latency="0ms", cores=None):
    """A sandbox with so many tickets, ready to answer. `cores`: the processors that it may use, as for taskset."""
    command = [] if cores is None else ["taskset", "-c", cores]
    command += [str(binary), "sandbox", "--tickets", str(tickets), "--seed", str(seed), "--rate", rate, "--latency", latency, "--plain"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().split()[1]
        opened = Desk(process, address)
        opened.stats()
        # A path of the sandbox's own waits until the tickets are made.
        urllib.request.urlopen(address + "/__truth/kf5/fields", timeout=600).read()
        yield opened
    finally:
        process.terminate()
        process.wait()
