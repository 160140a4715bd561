"""What is measured: each case is a function from the bench to its figures, a plain dictionary."""

import json
import os
import statistics

from desk import PASSWORD, USER, desk
from load import pages_per_second
from measure import measure
from program import account

PER_PAGE = 100
CORES = os.cpu_count()


def full(bench, tickets):
    """A first full sync, the same again with nothing changed, and the rivals, in turn on one server."""
    rounds = []
    with desk(bench.binary, tickets, bench.seed) as opened:
        lines = bench.work / "tickets.ndjson"
        json_bytes = opened.tickets_to(lines)
        for number in range(bench.rounds):
            bench.say(f"full sync of {tickets:,} tickets, round {number + 1} of {bench.rounds}")
            bench.program.empty()
            before = opened.cpu()
            run, source = bench.program.sync(opened)
            one = {"ticketlake": account(run, source) | {"server_cpu_s": round(opened.cpu() - before, 3)}}
            one["unchanged"] = account(*bench.program.sync(opened, "--full"))
            if bench.python:
                one["duckdb"] = rival(bench, "duckdb", lines)
            if bench.python and tickets <= bench.dlt_up_to:
                one["dlt"] = rival(bench, "dlt", opened.address, USER, PASSWORD)
            rounds.append(one)
        lines.unlink()
    lake_bytes = bench.program.bytes_of_tickets()
    return {"tickets": tickets, "json_bytes": json_bytes, "lake_bytes": lake_bytes, "rounds": rounds}


def rival(bench, name, *arguments):
    run = measure(bench.python, bench.here / f"rival_{name}.py", *arguments, bench.folder(name), log=bench.work / f"{name}.log")
    return run.figures()


def incremental(bench, tickets):
    """A full sync, then one in a hundred tickets changed in one stroke, then the next run."""
    bench.say(f"incremental run over {tickets:,} tickets")
    bench.program.empty()
    with desk(bench.binary, tickets, bench.seed) as opened:
        first = account(*bench.program.sync(opened))
        changed = opened.change("update", tickets // 100)
        night = account(*bench.program.sync(opened))
    # The changed tickets page by page, and the field definitions.
    ideal = -(-changed // PER_PAGE) + 1
    return {"tickets": tickets, "changed": changed, "full": first, "incremental": night, "ideal_requests": ideal}


def concurrency(bench, tickets):
    """Full syncs with 1, 4 and 16 requests in flight."""
    figures = {}
    with desk(bench.binary, tickets, bench.seed) as opened:
        for number in (1, 4, 16):
            bench.say(f"full sync of {tickets:,} tickets, concurrency {number}")
            bench.program.empty()
            figures[str(number)] = account(*bench.program.sync(opened, concurrency=number))
    return {"tickets": tickets, "by_concurrency": figures}


def rate(bench, tickets):
    """A full sync under a limit of 600 requests a minute that the server holds too."""
    bench.say(f"full sync of {tickets:,} tickets at 600 requests a minute")
    bench.program.empty()
    with desk(bench.binary, tickets, bench.seed, rate="600/min") as opened:
        run = account(*bench.program.sync(opened, rate="600/min"))
        refused = opened.stats()["refused"]
    return run | {"refused": refused, "share": run["requests"] / (run["wall_s"] * 10)}


def latency(bench, tickets):
    """Full syncs against 200 ms of latency; ideal is each page and the definitions asked for once, never idle."""
    figures = {}
    requests = -(-tickets // PER_PAGE) + 1
    with desk(bench.binary, tickets, bench.seed, latency="200ms") as opened:
        for number in (1, 4, 16):
            bench.say(f"full sync of {tickets:,} tickets with 200 ms latency, concurrency {number}")
            bench.program.empty()
            run = account(*bench.program.sync(opened, concurrency=number))
            ideal = requests * 0.2 / number
            figures[str(number)] = run | {"ideal_s": round(ideal, 2), "ratio": run["wall_s"] / ideal}
    return {"tickets": tickets, "by_concurrency": figures}


def queries(bench, tickets):
    """Questions to a lake by day and a lake by month, against DuckDB's own files of the same rows."""
    figures = {}
    with desk(bench.binary, tickets, bench.seed) as opened:
        for partition in ("day", "month"):
            bench.say(f"questions to {tickets:,} tickets, partition by {partition}")
            bench.program.empty()
            made = account(*bench.program.sync(opened, partition=partition))
            files = bench.folder("files")
            asked = measure(bench.python, bench.here / "rival_queries.py", bench.program.lake, files, bench.rounds + 2, log=bench.work / "queries.log")
            figures[partition] = json.loads(asked.out) | {"sync": made}
    return {"tickets": tickets, "by_partition": figures}


def start(bench):
    """What starting the program costs, and how large it is."""
    bench.say("start-up")
    runs = [measure(bench.binary, "--help", log=bench.work / "help.log") for _ in range(21)]
    return {"help_cpu_ms": round(1000 * statistics.median(run.cpu for run in runs), 2), "binary_mb": round(bench.binary.stat().st_size / 1e6, 1)}


def sandbox(bench):
    """Whether the server could be what is measured."""
    bench.say("pages that the sandbox gives")
    return pages_per_second(bench.binary, 50_000, 10_000, CORES)
