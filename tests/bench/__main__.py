"""The benchmark: starts the sandbox, runs ticketlake beside DuckDB and dlt, prints a table and keeps it as JSON.

    make bench                                       100,000 tickets, some minutes
    make bench BENCH="--tickets 100000,1000000"      the large one too
    make bench BENCH="--cases full,night --readme"
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
# Cases that run for each size; the last one has a size of its own, which takes a minute.
CASES = ("full", "scattered_ids", "month", "night", "rate")
RATE_TICKETS = 64_000


@dataclass
class Bench:
    binary: Path
    python: Path | None
    work: Path
    rounds: int
    kept: Path
    program: Program
    here: Path = HERE

    def folder(self, name):
        """A new one. None is removed before the end: a file system that has just lost many files takes longer to make new ones."""
        folder = self.kept / f"{name}-{len(list(self.kept.iterdir()))}"
        folder.mkdir()
        return folder

    @staticmethod
    def say(text):
        print(f"{datetime.now():%H:%M:%S} {text}", flush=True)


def main():
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    work = options.work.resolve()
    kept = work / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    program = Program(options.binary.resolve(), kept / "home")
    bench = Bench(program.binary, python_of(options.python), work, options.rounds, kept, program)
    results = {}
    for name in options.cases:
        sizes = [RATE_TICKETS] if name == "rate" else options.tickets
        results[name] = [getattr(cases, name)(bench, size) for size in sizes]
    shutil.rmtree(kept)
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": subprocess.run([bench.binary, "--version"], capture_output=True, text=True, check=True).stdout.strip(),
        "machine": machine(),
        "settings": {"tickets": options.tickets, "rounds": options.rounds},
        "results": results,
        "bars": [bar.shown() for bar in bars(results)],
    }
    file = work / f"bench-{report['at'].replace(':', '')}.json"
    file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{markdown(report)}\nkept in {file}")
    if options.readme:
        into(ROOT / "README.md", markdown(report))


def arguments():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--tickets", type=lambda text: [int(size) for size in text.split(",")], default=[100_000], metavar="N,…", help="sizes (100000)")
    parser.add_argument("--cases", type=lambda text: text.split(","), default=CASES, metavar="NAME,…", help="of " + ", ".join(CASES))
    parser.add_argument("--rounds", type=int, default=3, help="how often the full case is repeated (3)")
    parser.add_argument("--binary", type=Path, default=target / "release/ticketlake")
    parser.add_argument("--python", type=Path, default=target / "bench/venv/bin/python", help="one with requirements.txt installed; without it the rivals are left out")
    parser.add_argument("--work", type=Path, default=target / "bench", help="where lakes and figures go")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md too")
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    return options


def python_of(path):
    # Not resolved: a virtual environment is known by the path that its Python is called by.
    path = path.absolute()
    installed = path.exists() and subprocess.run([path, "-c", "import duckdb"], capture_output=True).returncode == 0
    if not installed:
        print(f"DuckDB and dlt are left out: {path} does not have them")
    return path if installed else None


def machine():
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return f"{os.cpu_count()} cores of {models[0] if models else platform.processor()}"


main()
