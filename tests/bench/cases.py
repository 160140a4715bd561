"""What is measured: each case is a function from the bench to its figures, a plain dictionary."""

import json
import shutil

from desk import PASSWORD, USER, desk, scattered
from measure import measure
from program import account

PER_PAGE = 100
# dlt takes a minute and a half for so many tickets.
DLT_TICKETS = 100_000
STROKES = 20


def full(bench, tickets):
    """A first sync by day, a second full read with nothing changed, and the rivals, in turn on one server."""
    rounds = []
    with desk(bench.binary, tickets) as opened:
        lines = bench.work / "tickets.ndjson"
        with opened.tickets() as source, lines.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        json_bytes = lines.stat().st_size
        for number in range(bench.rounds):
            bench.say(f"full sync of {tickets:,} tickets, round {number + 1} of {bench.rounds}")
            bench.program.empty()
            one = {"ticketlake": account(*bench.program.sync(opened))}
            one["unchanged"] = account(*bench.program.sync(opened, "--full"))
            if bench.python:
                one["duckdb"] = rival(bench, "duckdb", lines)
            rounds.append(one)
        if bench.python and tickets <= DLT_TICKETS:
            bench.say("dlt")
            rounds[-1]["dlt"] = rival(bench, "dlt", opened.address, USER, PASSWORD)
        lines.unlink()
    lake_bytes = bench.program.bytes_of_tickets()
    return {"tickets": tickets, "json_bytes": json_bytes, "lake_bytes": lake_bytes, "rounds": rounds}


def rival(bench, name, *arguments):
    run = measure(bench.python, bench.here / f"rival_{name}.py", *arguments, bench.folder(name), log=bench.work / f"{name}.log")
    return run.figures()


def scattered_ids(bench, tickets):
    """A first sync of tickets whose ids are in random order over the days: each day's set of ids is as large as it can be."""
    bench.say(f"full sync of {tickets:,} tickets with ids in random order")
    bench.program.empty()
    with desk(bench.binary, tickets) as opened, scattered(opened) as other:
        return {"tickets": tickets, "sync": account(*bench.program.sync(other))}


def month(bench, tickets):
    """A first sync by month, and questions to it, against DuckDB's own files of the same rows."""
    bench.say(f"full sync of {tickets:,} tickets by month, and questions")
    bench.program.empty()
    with desk(bench.binary, tickets) as opened:
        figures = {"tickets": tickets, "sync": account(*bench.program.sync(opened, partition="month"))}
    if bench.python:
        asked = measure(bench.python, bench.here / "rival_queries.py", bench.program.lake, bench.folder("files"), log=bench.work / "queries.log")
        figures |= json.loads(asked.out)
    return figures


def night(bench, tickets):
    """A first sync, then one in a hundred tickets changed within seconds, then the next run: up to now, so the desk's is the real one."""
    bench.say(f"a night after {tickets:,} tickets")
    bench.program.empty()
    with desk(bench.binary, tickets, now=None) as opened:
        bench.program.sync(opened)
        opened.change(tickets // 100, STROKES)
        run = account(*bench.program.sync(opened))
    # The tickets since the last run, page by page, and the field definitions.
    return run | {"of": tickets, "fewest": -(-run["tickets"] // PER_PAGE) + 1}


def rate(bench, tickets):
    """A first sync under a limit of 600 requests a minute that the server holds too."""
    bench.say(f"full sync of {tickets:,} tickets at 600 requests a minute")
    bench.program.empty()
    with desk(bench.binary, tickets, rate="600/min") as opened:
        run = account(*bench.program.sync(opened, rate="600/min"))
    return run | {"share": run["requests"] / (run["wall_s"] * 10)}
