"""Readers that look at the lake again and again while runs write it: what they load shows all that earlier runs committed.

DuckDB and Polars do not read a file at one moment: they keep its size or its footer and open it again. A file that is replaced in
between can fail such a read, whoever writes it, or give it as many rows of the new file as the old one had: a read may fail, or miss
tickets of a file, where that file changed meanwhile, and only there. Nor does any reader
read all files at one moment: of a ticket that moves meanwhile it may meet both rows, or none if it comes to the new file too early and
to the old one too late.
"""

import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars
import pytest

from compare import whole_lake
from conftest import SEED, add, assert_complete
from sandbox import emulate
from worlds import NOW, account

pytestmark = pytest.mark.folder
TICKETS = 300
DAY = 86400
# While a run adds a column, files with and without it lie side by side.
SIDE_BY_SIDE = {"hive_partitioning": True, "missing_columns": "insert", "extra_columns": "ignore"}


def files_of(lake):
    """→ what tells a file from the one that replaces it, by path."""
    found = {}
    for path in (lake / "tickets").rglob("*.parquet"):
        known = path.stat()
        found[path] = known.st_ino, known.st_size, known.st_mtime_ns
    return found


def places(lake):
    """→ the file of each ticket; {} where files change too fast to tell."""
    query = f"SELECT id, filename FROM read_parquet('{lake}/tickets/**/*.parquet', hive_partitioning = true, filename = true)"
    for _ in range(20):
        try:
            return {number: Path(name) for number, name in duckdb.connect().execute(query).fetchall()}
        except duckdb.Error:
            continue
    return {}


def by_duckdb(lake):
    query = f"SELECT id FROM read_parquet('{lake}/tickets/source=shop/**/*.parquet', hive_partitioning = true)"
    return [number for number, in duckdb.connect().execute(query).fetchall()]


def by_duckdb_and_name(lake):
    query = f"SELECT * FROM read_parquet('{lake}/tickets/**/*.parquet', hive_partitioning = true, union_by_name = true)"
    return duckdb.connect().sql(query).to_arrow_table().column("id").to_pylist()


def by_polars_glob(lake):
    return polars.scan_parquet(lake / "tickets" / "source=shop" / "**" / "*.parquet", **SIDE_BY_SIDE).collect()["id"].to_list()


def by_polars_folder(lake):
    return polars.scan_parquet(lake / "tickets" / "source=shop", **SIDE_BY_SIDE).collect()["id"].to_list()


READERS = [by_duckdb, by_duckdb_and_name, by_polars_glob, by_polars_folder]


class Beside:
    """Reads in threads, until `stop`. `committed`: ids that must be there; `moving`: ids that may be met twice or not at all."""

    def __init__(self, lake):
        self.lake, self.committed, self.moving = lake, frozenset(), frozenset()
        self.complaints, self.reads, self.failed = [], Counter(), Counter()
        self.turn, self.stopped = threading.Condition(), False

    def read(self, reader):
        while not self.stopped:
            committed, moving, before = self.committed, self.moving, files_of(self.lake)
            try:
                found = Counter(reader(self.lake))
            except BaseException as why:  # whatever a library raises; a panic of Polars is no Exception
                if files_of(self.lake) == before:
                    self.complaints.append(f"{reader.__name__}: {type(why).__name__}: {str(why)[:500]}")
                self.failed[reader.__name__] += 1
            else:
                settled = committed - moving - self.moving
                missing = sorted(settled - found.keys())
                if missing:
                    after, held_by = files_of(self.lake), places(self.lake)
                    missing = [number for number in missing if before.get(held_by.get(number)) == after.get(held_by.get(number))]
                twice = sorted(number for number, count in found.items() if count > 1 and number not in moving | self.moving)
                self.complaints += [f"{reader.__name__}: {len(missing)} tickets are missing: {missing[:5]}"] * bool(missing)
                self.complaints += [f"{reader.__name__}: {len(twice)} tickets are there more than once: {twice[:5]}"] * bool(twice)
            with self.turn:
                self.reads[reader.__name__] += 1
                self.turn.notify_all()

    def loaded(self):
        """→ how often each reader has read without failing."""
        return self.reads - self.failed

    def another_read_of_each(self):
        """Returns when each reader has begun and ended a read since."""
        with self.turn:
            wanted = {reader.__name__: self.reads[reader.__name__] + 2 for reader in READERS}
            assert self.turn.wait_for(lambda: all(self.reads[name] >= count for name, count in wanted.items()), timeout=120)


@contextmanager
def reading(lake, committed):
    beside = Beside(lake)
    beside.committed = frozenset(committed)
    threads = [threading.Thread(target=beside.read, args=(reader,), daemon=True) for reader in READERS]
    for thread in threads:
        thread.start()
    try:
        yield beside
    finally:
        beside.stopped = True
        for thread in threads:
            thread.join()


def new_field(vendor, number):
    if vendor == "kf5":
        return {"id": number, "name": f"field_{number}", "type": "dropdownlist", "agent_title": f"后来的 {number}", "active": True,
                "custom_field_options": [{"key": "a", "value": "甲"}]}
    return {"field_name": f"SelectField_{number}", "field_label": f"后来的 {number}", "content_type": "droplist", "options": [{"1": "甲"}], "permission": 1}


def rounds(vendor, state, target):
    """What changes before each run. → (arguments of the run, ids that move)."""
    for turn in range(3):
        state.change("update", 25)
        state.change("insert", 5)
        yield [], set()
        state.define([*state.fields, new_field(vendor, 9100 + turn)])
        state.change("insert", 2)
        yield [], set()
        state.change("delete", 4)
        yield ["--full"], set()
        dated = [ticket for ticket in state.ordered("created")[0] if ticket.created and ticket.created < NOW - 3 * DAY]
        moving = dated[turn * 9 :: 40]
        for ticket in moving:
            state.put(state.fresh(ticket.id, target(ticket)))
        yield [], {ticket.id for ticket in moving}



def earlier(ticket):
    return ticket.created - 40 * DAY


def ahead(ticket):
    """A day whose partition begins after the watermark, as after a night in which nothing ran."""
    return NOW + 2 * DAY


@pytest.mark.parametrize("vendor, target", [("kf5", earlier), ("udesk", earlier), ("kf5", ahead), ("udesk", ahead)])
def test_readers_beside_runs(home, vendor, target):
    state = account(vendor, TICKETS, SEED, undated=0.02)
    state.awkward = 0.0
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator, page_size=20)
        assert_complete(home.sync())
        during = Counter()
        with reading(home.lake, state.by_id) as beside:
            for arguments, moving in rounds(vendor, state, target):
                beside.moving = frozenset(moving)
                before = beside.loaded()
                assert_complete(home.sync(*arguments))
                during += beside.loaded() - before
                beside.another_read_of_each()  # one that began beside the run may still see a ticket on its way
                beside.moving = frozenset()
                beside.committed |= state.by_id.keys()
                beside.another_read_of_each()
                assert not beside.complaints, "\n".join(beside.complaints[:10])
    print(f"{vendor}: loaded {dict(beside.loaded())}, {dict(during)} of them beside a run; failed {dict(beside.failed)}")
    assert all(during[reader.__name__] >= 5 for reader in READERS), f"too few reads beside runs: {during}"
    assert set(whole_lake(home.lake).values()) == {1}
