"""The program's own sandbox, as somebody else's reading of the vendors: its truth against the lake."""

import subprocess
import tomllib
import urllib.request
from contextlib import contextmanager

import pytest

from conftest import SEED, assert_complete, assert_lake
from expected import expect
from program import BINARY, Toml, environment

FAULTS = ["http500:0.03", "html200:0.03", "truncate:0.03", "reset:0.03", "slow:0.02"]


@contextmanager
def sandbox(tickets, *arguments, latency="0ms"):
    """→ the origin of a running sandbox."""
    command = [str(BINARY), "sandbox", "--port", "0", "--tickets", str(tickets), "--seed", str(SEED), "--rate", "unlimited", "--latency", latency, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()) as process:
        try:
            line = process.stdout.readline().strip()
            assert line.startswith("listening http://127.0.0.1:"), line
            yield line.removeprefix("listening ")
        finally:
            process.terminate()


def lines(origin, path):
    with urllib.request.urlopen(origin + "/__truth/" + path, timeout=60) as answer:
        return [line for line in answer.read().decode().split("\n") if line.strip()]


def add_sandbox(home, origin):
    (home.folder / "cascades.toml").write_text("\n".join(lines(origin, "udesk/cascades")) + "\n", encoding="utf-8")
    home.source("support", "kf5", origin, password=Toml('{ env = "SANDBOX_PASSWORD" }'))
    home.source("shop", "udesk", origin, secret=Toml('{ env = "SANDBOX_SECRET" }'), cascades="cascades.toml")


@pytest.mark.parametrize("tickets, faults", [(3000, FAULTS), (0, []), (1, [])], ids=["3000 with faults", "empty", "one"])
def test_every_cell_of_the_sandbox(home, tickets, faults):
    with sandbox(tickets, *(part for fault in faults for part in ("--fault", fault))) as origin:
        add_sandbox(home, origin)
        run = assert_complete(home.sync(env={"SANDBOX_PASSWORD": "sandbox", "SANDBOX_SECRET": "sandbox-secret"}))
        cascades = tomllib.loads((home.folder / "cascades.toml").read_text(encoding="utf-8"))
        made = {
            "support": expect("kf5", lines(origin, "kf5"), lines(origin, "kf5/fields")),
            "shop": expect("udesk", lines(origin, "udesk"), lines(origin, "udesk/fields"), cascades),
        }
    for name, expectation in made.items():
        assert len(expectation.rows) == tickets
        assert_lake(home, name, expectation.vendor, expectation, run)
