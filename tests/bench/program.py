"""ticketlake under measure: a configuration for one KF5 account, a sync, and what its summary says."""

import json
import os

from desk import PASSWORD, USER
from measure import measure


class Program:
    """The binary, and a folder of its own for lakes."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.lakes = binary, folder, 0
        folder.mkdir(parents=True)

    @property
    def lake(self):
        return self.folder / f"lake-{self.lakes}"

    def empty(self):
        """Goes on with another lake."""
        self.lakes += 1

    def sync(self, desk, *options, partition="day", **source):
        """Runs `sync --json`; gives what was measured and the account of the source."""
        settings = {"name": "bench", "kind": "kf5", "base_url": desk.address, "email": USER, "rate": "unlimited", **source}
        lines = ["[lake]", f"path = {json.dumps(str(self.lake))}", f'partition = "{partition}"', "", "[[source]]", 'password = { env = "BENCH_PASSWORD" }']
        lines += [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        config = self.folder / "ticketlake.toml"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        env = {key: value for key, value in os.environ.items() if not key.startswith("TICKETLAKE")}
        env |= {"BENCH_PASSWORD": PASSWORD, "NO_PROXY": "*"}
        run = measure(self.binary, "--config", config, "sync", "--json", *options, env=env, log=self.folder / "sync.log")
        summary = json.loads(run.out)
        if summary["outcome"] != "complete":
            raise SystemExit(f"the run is {summary['outcome']}; see {self.folder / 'sync.log'}")
        return run, summary["sources"][0]

    def bytes_of_tickets(self):
        return sum(file.stat().st_size for file in (self.lake / "tickets").rglob("*.parquet"))


def account(run, source):
    """The figures of a run, and of its summary what a bar asks for."""
    return run.figures() | {
        "tickets": source["tickets"]["read"],
        "requests": source["requests"]["sent"],
        "files_written": source["lake"]["files_written"],
    }
