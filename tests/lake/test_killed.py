"""kill -9 at random instants, over a first run, incremental runs and a backfill: at every moment the lake loads, has
nothing twice, has lost nothing and made nothing older; and in the end it is the lake that nobody disturbed."""

import json
import os
import random
import signal
import time
from types import SimpleNamespace

import duckdb
import pytest

from compare import read_table, same, shown
from conftest import SEED, SEEDS, add, assert_complete, assert_lake, expectation_of
from program import Home
from sandbox import emulate
from worlds import NOW, account

KILLS = int(os.environ.get("CHECK_KILLS", "18"))  # of each vendor, in each of the three stages
WINDOW = [time.strftime("%Y-%m-%d", time.gmtime(NOW - days * 86400)) for days in (12, 4)]
BACKFILL = ["backfill", "--since", WINDOW[0], "--until", WINDOW[1]]


def held(home):
    """The contract's own query. → {id: (rows, µs of updated_at or 0)}; empty before the first file."""
    if not any(home.lake.glob("tickets/**/*.parquet")):
        return {}
    relation = f"read_parquet('{home.lake}/tickets/**/*.parquet', hive_partitioning = true, union_by_name = true)"
    found = duckdb.connect().execute(f"SELECT id, count(*), coalesce(max(epoch_us(updated_at)), 0) FROM {relation} GROUP BY id")
    return {number: (rows, updated) for number, rows, updated in found.fetchall()}


def look(home, before):
    """→ what the lake holds now; `before` is what it held at an earlier moment."""
    now = held(home)
    twice = [number for number, (rows, _) in now.items() if rows != 1]
    older = [number for number, (_, updated) in before.items() if number in now and now[number][1] < updated]
    assert not twice, f"tickets {twice[:20]} are there more than once"
    assert before.keys() <= now.keys(), f"tickets {sorted(before.keys() - now.keys())[:20]} are gone"
    assert not older, f"tickets {older[:20]} became older"
    return now


def disturb(home, command, usual, rng, change=None, afresh=False):
    """Runs `command` until it was killed KILLS times while it worked, at instants within `usual` seconds."""
    hits, within, before = 0, usual, held(home)
    while hits < KILLS:
        if change:
            change(rng)
        # A run that stops by itself commits what it has, so that later ones go on from the middle.
        deadline = ["--deadline", f"{max(1, int(rng.random() * usual * 1000))}ms"] if rng.random() < 0.3 else []
        process = home.start(*command, *deadline)
        time.sleep(rng.random() * within)
        process.kill()
        process.communicate()
        home.expire()
        hit = process.returncode == -signal.SIGKILL
        hits += hit
        # The machine's pace changes, and some runs have little left to do.
        within = min(usual, within * 1.1) if hit else max(0.01, within * 0.8)
        if rng.random() < 0.4:
            before = look(home, before)
        if afresh and process.returncode == 0:
            home.empty()
            before = {}
    look(home, before)
    return hits


def timed(home, *command):
    began = time.monotonic()
    assert_complete(home.run(*command, "--json"))
    return time.monotonic() - began


def differences(one, other):
    """Cells of two lakes that differ, `_synced_at` left aside and of `_deleted_at` whether it is there."""
    lines = []
    tables = [read_table(home.lake, "tickets", "shop") for home in (one, other)]
    # A field without a definition has a column where a version that carries it was read, which is a matter of time.
    names = sorted({name for names, _ in tables for name in names} - {"_synced_at"})
    rows = [{row["id"]: row for row in table} for _, table in tables]
    for number in sorted(rows[0].keys() | rows[1].keys()):
        if number not in rows[0] or number not in rows[1]:
            lines.append(f"ticket {number} is in one lake only")
            continue
        for name in names:
            cells = [row[number].get(name) for row in rows]
            if name == "_deleted_at":
                cells = [cell is not None for cell in cells]
            if not same(*cells):
                lines.append(f"ticket {number} {name}: {cells[0]!r} and {cells[1]!r}")
    return lines


def assert_same(one, other):
    lines = differences(one, other)
    assert not lines, shown(lines)


def promised(home, state, vendor):
    """The expectation of the account as it stands, and the columns that only an older version asked for."""
    made = expectation_of(state, vendor)
    ever = SimpleNamespace(fields=state.fields, texts=lambda: [text for texts in state.versions.values() for text in texts])
    names, _ = read_table(home.lake, "tickets", "shop")
    made.undefined |= expectation_of(ever, vendor).undefined & set(names)
    return made


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_kills_at_any_instant(tmp_path, home, vendor, seed):
    rng = random.Random(f"kills {vendor} {seed}")
    (tmp_path / "calm").mkdir()
    calm = Home(tmp_path / "calm")
    state = account(vendor, 400, seed)
    with emulate(vendor, state, latency=0.004) as emulator:
        for each in (calm, home):
            add(each, "shop", emulator, page_size=40)
        usual = timed(calm, "sync")
        killed = disturb(home, ["sync"], usual, rng, afresh=True)
        assert_complete(home.sync())
        assert_same(calm, home)
        assert_lake(home, "shop", vendor, expectation_of(state, vendor))

        def night(rng):
            state.change("update", rng.randrange(12))
            state.change("insert", rng.randrange(3))

        night(rng)
        usual = timed(calm, "sync")
        killed += disturb(home, ["sync"], usual, rng, change=night)
        assert_complete(home.sync())
        assert_complete(calm.sync())
        before = promised(home, state, vendor)
        assert_same(calm, home)
        assert_lake(home, "shop", vendor, before)

        dated = [ticket for ticket in state.by_id.values() if ticket.created and NOW - 11 * 86400 < ticket.created < NOW - 6 * 86400]
        gone = {ticket.id for ticket in rng.sample(sorted(dated, key=lambda ticket: ticket.id), 3)}
        for number in gone:
            state.drop(number)
        usual = timed(calm, *BACKFILL)
        killed += disturb(home, BACKFILL, usual, rng, change=lambda rng: state.change("update", rng.randrange(12)))
        for each in (calm, home):
            assert_complete(each.run(*BACKFILL, "--json"))
            assert_complete(each.sync())
        assert_same(calm, home)
        after = promised(home, state, vendor)
        after.rows.update({number: before.rows[number] for number in gone})
        after.partitions.update({number: before.partitions[number] for number in gone})
        assert_lake(home, "shop", vendor, after, gone=gone)
    assert killed == 3 * KILLS
    print(f"{vendor}: killed {killed} times")


def unfinished(home):
    """The readings that the source's newest state has left over."""
    states = sorted(home.lake.glob("_ticketlake/state/shop/*.json"))
    return json.loads(states[-1].read_text(encoding="utf-8"))["unfinished"] if states else []


def killed_after_a_commit(home):
    """Kills a sync as soon as a commit amid its reading is there to go on from."""
    process = home.start("sync")
    while not any(reading["done"] or reading.get("pages") for reading in unfinished(home)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.kill()
    process.communicate()
    home.expire()


@pytest.mark.nightly  # a long reading commits every 30 seconds
@pytest.mark.parametrize("vendor, partition", [("kf5", "day"), ("kf5", "month"), ("udesk", "day")])
def test_a_kill_after_a_commit_amid_a_long_reading(home, vendor, partition):
    home.lake_settings["partition"] = partition
    state = account(vendor, 900, SEED, chance=0)
    with emulate(vendor, state, latency=2.5) as emulator:
        add(home, "shop", emulator, page_size=20, concurrency=2)
        killed_after_a_commit(home)
        there = held(home).keys()
        assert there, "what the state tells as read is not in the lake"
        [reading] = unfinished(home)
        spans = [(span["from"] or 0, span["to"] or NOW) for span in reading["done"]]
        told = {ticket.id for ticket in state.by_id.values() if ticket.created and any(start <= ticket.created < end for start, end in spans)}
        assert told <= there, f"{len(told - there)} of {len(told)} tickets that are told as read are not in the lake"
        assert told or vendor == "udesk"  # which goes on by pages
        emulator.latency = 0
        before = len(emulator.requests)
        assert_complete(home.sync())
        rest = len(emulator.requests) - before
        assert_complete(home.sync("--full"))
        whole = len(emulator.requests) - before - rest
        assert rest < whole * 0.8, (rest, whole)
    assert_lake(home, "shop", vendor, expectation_of(state, vendor, partition=partition))
