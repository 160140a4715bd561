"""The benchmark: starts the sandbox, runs ticketlake and its rivals in turn, prints a table and keeps it as JSON.

    make bench                                       everything at 100,000 tickets, some minutes
    make bench BENCH="--tickets 100000,1000000"      the big one
    make bench BENCH="--cases full,queries --readme"
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cases
from bars import bars
from program import Program
from table import into, markdown

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Cases that are repeated for each size, and the others with a size of their own that gives each some time to run.
SIZED = ("full", "incremental", "queries")
FIXED = {"concurrency": 100_000, "rate": 64_000, "latency": 100_000}
ALONE = ("start", "sandbox")


@dataclass
class Bench:
    binary: Path
    python: Path | None
    work: Path
    rounds: int
    seed: int
    dlt_up_to: int
    kept: Path
    program: Program
    here: Path = HERE

    def folder(self, name):
        """A new one. None is taken away before the end: a file system that has just lost many files takes a tenth longer
        to make new ones (ext4 passes over what was deleted within minutes)."""
        folder = self.kept / f"{name}-{len(list(self.kept.iterdir()))}"
        folder.mkdir()
        return folder

    @staticmethod
    def say(text):
        print(f"{datetime.now():%H:%M:%S} {text}", flush=True)


def main():
    told = arguments()
    told.work.mkdir(parents=True, exist_ok=True)
    work, binary = told.work.resolve(), told.binary.resolve()
    kept = work / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    program = Program(binary, kept / "home")
    bench = Bench(binary, python_of(told.python), work, told.rounds, told.seed, told.dlt_up_to, kept, program)
    results = {}
    for name in told.cases:
        if name == "queries" and not bench.python:
            bench.say("queries are left out: DuckDB is not there")
            continue
        case = getattr(cases, name)
        sizes = [(size,) for size in told.tickets] if name in SIZED else [(FIXED[name],)] if name in FIXED else [()]
        results[name] = [case(bench, *size) for size in sizes]
    shutil.rmtree(kept)
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": subprocess.run([bench.binary, "--version"], capture_output=True, text=True, check=True).stdout.strip(),
        "machine": machine(),
        "settings": {"tickets": told.tickets, "rounds": told.rounds, "seed": told.seed},
        "results": results,
        "bars": [bar.shown() for bar in bars(results)],
    }
    kept = told.work / f"bench-{report['at'].replace(':', '')}.json"
    kept.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{markdown(report)}\nkept in {kept}")
    if told.readme:
        into(ROOT / "README.md", markdown(report))


def arguments():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--tickets", type=sizes, default=[100_000], metavar="N,…", help="sizes of the full, incremental and queries cases (100000)")
    parser.add_argument("--cases", type=lambda text: text.split(","), default=[*ALONE, *SIZED, *FIXED], metavar="NAME,…", help="of " + ", ".join([*ALONE, *SIZED, *FIXED]))
    parser.add_argument("--rounds", type=int, default=3, help="how often the full case is repeated (3)")
    parser.add_argument("--seed", type=int, default=1, help="of the sandbox's tickets (1)")
    parser.add_argument("--dlt-up-to", type=int, default=100_000, metavar="N", help="dlt reads no more tickets than this: it takes its time (100000)")
    parser.add_argument("--binary", type=Path, default=target / "release/ticketlake")
    parser.add_argument("--python", type=Path, default=target / "bench/venv/bin/python", help="one with requirements.txt installed; without it the rivals are left out")
    parser.add_argument("--work", type=Path, default=target / "bench", help="where lakes and figures go")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md too")
    told = parser.parse_args()
    if unknown := set(told.cases) - {*ALONE, *SIZED, *FIXED}:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    return told


def sizes(text):
    return [int(size) for size in text.split(",")]


def python_of(path):
    # Not resolved: a virtual environment is told by the path that its Python is called by.
    path = path.absolute()
    installed = path.exists() and subprocess.run([path, "-c", "import dlt, duckdb"], capture_output=True).returncode == 0
    if not installed:
        print(f"DuckDB and dlt are left out: {path} does not have them")
    return path if installed else None


def machine():
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return f"{os.cpu_count()} cores of {models[0] if models else platform.processor()}"


main()
