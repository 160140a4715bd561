"""What the checks of damaged, moved and foreign lakes share: small plain accounts, the whole truth of a lake, what can be done
to its files behind the program's back, and what a run says of that."""

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import duckdb

from compare import compare_fields, compare_tickets, read_table, shown, whole_lake
from conftest import SEED, add, assert_complete
from expected import NO_DATE, expect, partition_of
from layout import tree_complaints
from sandbox import emulate
from worlds import NOW, WORLDS
from worlds.state import State
from worlds.udesk import CASCADES

SHANGHAI = ZoneInfo("Asia/Shanghai")
READINGS = ["kf5", "udesk", "udesk by filter"]  # a list of changes; everything each night; what a filter shows
NOTHING = {"partitions": 0, "tickets": 0, "lost": 0}


def settled(vendor, count=200, days=20, undated=0.0, seed=SEED):
    """→ State of plain tickets: no value of them, or of their changes, makes a new column."""
    world = WORLDS[vendor]
    fields = world.definitions(0)
    state = State(world.tickets(seed, count, NOW, fields, 0.0, undated, days), fields, world.fresh_ticket, seed)
    state.awkward = 0.0
    return state


def configure(home, reading, emulator, **settings):
    by_filter = {"incremental_filter": 12} if reading.endswith("filter") else {}
    add(home, "shop", emulator, **{"max_retries": 1, **by_filter, **settings})


@contextmanager
def synced(home, reading, count=120, days=10, undated=0.03, quirks=None, **settings):
    """An account that was read once, and lies still. → (state, emulator)."""
    vendor = reading.split()[0]
    state = settled(vendor, count, days, undated)
    with emulate(vendor, state, **(quirks or {})) as emulator:
        configure(home, reading, emulator, **settings)
        assert_complete(home.sync())
        if vendor == "udesk":
            emulator.quirks.filter_since = NOW - 1800  # only what changes from now on
        yield state, emulator


def day(ago):
    """The date so many days ago, in the lake's zone."""
    return datetime.fromtimestamp(NOW - ago * 86400, SHANGHAI).strftime("%Y-%m-%d")


# What the lake holds

def promised(home, state, gone=(), name="shop", zone="Asia/Shanghai"):
    """What the lake must hold of the account as it stands, and of tickets that are gone as they were last."""
    vendor = next(source["kind"] for source in home.sources if source["name"] == name)
    texts = state.texts() + [state.versions[number][-1] for number in gone]
    fields = [json.dumps(field, ensure_ascii=False) for field in state.fields]
    cut = {"partition": home.lake_settings.get("partition", "day"), "lake_zone": home.lake_settings.get("timezone", "Asia/Shanghai")}
    return expect(vendor, texts, fields, CASCADES if vendor == "udesk" else None, zone=zone, **cut)


def assert_whole(home, state, gone=(), name="shop", zone="Asia/Shanghai", about=""):
    """Every ticket once, in its partition, with the values that the source has now; every definition; no other file."""
    expectation = promised(home, state, gone, name, zone)
    complaints = compare_tickets(home.lake, name, expectation, gone=gone) + compare_fields(home.lake, name, expectation)
    complaints += tree_complaints(home.lake, [source["name"] for source in home.sources], home.lake_settings.get("partition", "day"))
    assert not complaints, f"{len(complaints)} complaints\n{shown(complaints)}\n{about}"


def misplaced(home, name="shop"):
    """Tickets that are there more than once, and rows that do not lie where their own created_at says."""
    names, rows = read_table(home.lake, "tickets", name)
    key, cut = ("created_month", "month") if "created_month" in names else ("created_date", "day")
    complaints = [f"ticket {number}: there {count} times" for (_, number), count in whole_lake(home.lake).items() if count > 1]
    for row in rows:
        right = partition_of(row["created_at"], ZoneInfo(home.lake_settings.get("timezone", "Asia/Shanghai")), cut)
        found = str(row[key]) if row[key] is not None else NO_DATE
        complaints += [f"ticket {row['id']} of {right} lies in {found}"] * (found != right)
    return complaints


def assert_each_in_its_place(home, about=""):
    complaints = misplaced(home)
    assert not complaints, f"{shown(complaints)}\n{about}"


def ids_in(path):
    return {number for (number,) in duckdb.connect().execute("SELECT id FROM read_parquet(?)", [str(path)]).fetchall()}


def partitions(home, name="shop"):
    """Value of the partition key → its file, in order."""
    found = (home.lake / "tickets" / f"source={name}").glob("*/part-0.parquet")
    return {path.parent.name.split("=", 1)[1]: path for path in sorted(found)}


def largest(home):
    """→ (value, file, ids) of the partition with the most tickets, and of the one that follows it in size."""
    found = [(value, path, ids_in(path)) for value, path in partitions(home).items() if value != NO_DATE]
    return sorted(found, key=lambda one: (-len(one[2]), one[0]))[:2]


def tree(folder):
    """Every path below and its bytes; locks left aside."""
    paths = (path for path in folder.rglob("*") if "lock" not in path.name)
    return {path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in paths}


def changed_paths(before, after):
    return sorted(path for path in before.keys() | after.keys() if before.get(path, 0) != after.get(path, 0))


def aside(home):
    """The contents of the files that were set aside."""
    return [path.read_bytes() for path in (home.lake / "_ticketlake/aside").rglob("*") if path.is_file()]


@contextmanager
def lake_held(home):
    """Holds the lock of a lake in a folder, as a run does."""
    with open(home.lake / "_ticketlake/lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# What was said

def said(run):
    return run.out + run.err


def warnings(run, *words):
    """The lines of standard error that warn, and hold one of the words (none given: all that warn)."""
    lines = [line for line in run.err.splitlines() if "warn" in line.lower()]
    return [line for line in lines if not words or any(word in line.lower() for word in words)]


def recovered(run, name="shop"):
    source = run.source(name)
    assert "recovered" in source, f"the summary does not say what was recovered: {run!r}"
    return source["recovered"]


def status(home, name="shop"):
    """What `status --json` says of a source."""
    run = home.run("status", "--json")
    assert run.code == 0, run
    return next(source for source in run.summary["sources"] if source["name"] == name)


def newest_state(home, name="shop"):
    """→ (path, content) of the newest state of a source."""
    path = max((home.lake / "_ticketlake/state" / name).glob("*.json"))
    return path, json.loads(path.read_text(encoding="utf-8"))


# What can be done to a lake: each gives (tickets that the lake lost, partitions that are wrong now, contents that no reader opens)

def delete_all(home):
    wrong = list(partitions(home))
    lost = {number for _, number in whole_lake(home.lake)}
    shutil.rmtree(home.lake / "tickets")
    return lost, wrong, []


def delete_folder(home):
    (value, path, ids), _ = largest(home)
    shutil.rmtree(path.parent)
    return ids, [value], []


def delete_file(home):
    (value, path, ids), _ = largest(home)
    path.unlink()
    return ids, [value], []


def delete_undated(home):
    path = partitions(home)[NO_DATE]
    ids = ids_in(path)
    path.unlink()
    return ids, [NO_DATE], []


def _spoil(home, make):
    (value, path, ids), _ = largest(home)
    content = make(path.read_bytes())
    path.write_bytes(content)
    return ids, [value], [content]


def truncate(home):
    return _spoil(home, lambda content: content[: len(content) // 2])


def cut_one_byte(home):
    return _spoil(home, lambda content: content[:-1])


def empty(home):
    return _spoil(home, lambda content: b"")


def overwrite_with_text(home):
    return _spoil(home, lambda content: b"<html>\n" * (len(content) // 7))


def overwrite_with_another(home):
    """The day of one is gone, and the tickets of the other are there twice."""
    (value, path, ids), (_, other, _) = largest(home)
    shutil.copy(other, path)
    return ids, [value], []


def swap(home):
    """Every ticket is there, and two days are wrong."""
    (value, path, _), (another, other, _) = largest(home)
    content = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(content)
    return set(), [value, another], []


def double(home):
    """A copy of a partition under a day of which the lake has no ticket."""
    (_, path, _), _ = largest(home)
    value = "2019-03-01" if path.parent.name.startswith("created_date") else "2019-03"
    folder = path.parent.with_name(path.parent.name.split("=")[0] + "=" + value)
    folder.mkdir()
    shutil.copy(path, folder / path.name)
    return set(), [value], []


DAMAGES = [delete_all, delete_folder, delete_file, truncate, cut_one_byte, empty, overwrite_with_text, overwrite_with_another, swap, double]


def touch(path):
    """Another time of change, the same bytes."""
    at = path.stat().st_mtime_ns + 3_600_000_000_000
    os.utime(path, ns=(at, at))
