"""Running the real binary: a configuration made for the occasion, secrets by environment, what came out."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from watch import PASSWORD, SECRET, watch

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("TICKETLAKE_BIN", ROOT / "target/debug/ticketlake"))


@dataclass(repr=False)
class Run:
    code: int
    out: str
    err: str
    seconds: float
    between: tuple  # (start, end) of the run, µs since 1970
    summary: dict | None = None

    def source(self, name):
        return next(source for source in self.summary["sources"] if source["name"] == name)

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out[-3000:]}\n--- stderr\n{self.err[-3000:]}"


@dataclass
class Home:
    """A folder with a configuration and a lake."""

    folder: Path
    sources: list = field(default_factory=list)
    lake_settings: dict = field(default_factory=dict)

    @property
    def lake(self):
        return self.folder / "lake"

    @property
    def place(self):
        """What the configuration says of the lake."""
        return str(self.lake)

    def empty(self):
        """Takes the lake away."""
        shutil.rmtree(self.lake)

    def expire(self):
        """Lets the next run have what a killed one held: the lock of a folder is the system's to free."""

    @property
    def environment(self):
        """Variables that the program needs to reach the lake."""
        return {}

    @property
    def config(self):
        return self.folder / "ticketlake.toml"

    def source(self, name, kind, base_url, **settings):
        """Adds (or replaces) a source; a value is written as TOML, a `Toml` as it stands."""
        account = {"email": "agent@example.com", "password": Toml('{ env = "CHECK_PASSWORD" }')} if kind == "kf5" else {"secret": Toml('{ env = "CHECK_SECRET" }')}
        made = {"name": name, "kind": kind, "base_url": base_url, **account, "rate": "unlimited", **settings}
        self.sources = [source for source in self.sources if source["name"] != name] + [made]
        return self

    def write(self):
        lines = ["[lake]", f"path = {json.dumps(self.place)}"]
        lines += [f"{key} = {toml(value)}" for key, value in self.lake_settings.items()]
        for source in self.sources:
            lines += ["", "[[source]]"] + [f"{key} = {toml(value)}" for key, value in source.items() if value is not None]
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run(self, *arguments, env=None, timeout=300, write=True):
        """Runs the program with this configuration. With `--json` among the arguments, stdout is parsed."""
        if write:
            self.write()
        return run("--config", str(self.config), *arguments, env={**self.environment, **(env or {})}, timeout=timeout, cwd=self.folder)

    def start(self, *arguments, write=True, **more):
        """A run in the background; `more` goes to Popen."""
        if write:
            self.write()
        command = [str(BINARY), "--config", str(self.config), *arguments]
        return Watched(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(self.environment), cwd=self.folder, **more)

    def sync(self, *arguments, **more):
        return self.run("sync", "--json", *arguments, **more)


class Watched(subprocess.Popen):
    """A process whose words are looked through for secrets."""

    def communicate(self, *arguments, **more):
        out, err = super().communicate(*arguments, **more)
        watch(str(self.args), self.returncode, *(said.decode("utf-8", "replace") for said in (out, err) if said))
        return out, err


class Toml(str):
    """A TOML value that is written as it stands."""


def toml(value):
    return str(value) if isinstance(value, Toml) else json.dumps(value, ensure_ascii=False)


def environment(env=None):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TICKETLAKE", "AWS_", "AZ", "GOOGLE_")) and "proxy" not in key.lower()}
    return {**kept, "CHECK_PASSWORD": PASSWORD, "CHECK_SECRET": SECRET, "NO_PROXY": "*", **(env or {})}


def run(*arguments, env=None, timeout=300, cwd=None):
    start = time.time()
    done = subprocess.run([str(BINARY), *arguments], capture_output=True, timeout=timeout, cwd=cwd, env=environment(env))
    end = time.time()
    made = Run(done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace"), end - start,
               (int(start * 1e6) - 1_000_000, int(end * 1e6) + 1_000_000))
    watch(" ".join(map(str, arguments)), made.code, made.out, made.err)
    if "--json" in arguments and made.out.strip():
        made.summary = json.loads(made.out)
    return made
