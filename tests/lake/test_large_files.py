"""Months of more rows than wait in memory: written as they grow, read again column by column, and never of another row."""

import json

import duckdb
import pytest

from conftest import SEED, add, assert_complete, assert_lake, expectation_of
from layout import ticket_files
from sandbox import emulate
from worlds import account

pytestmark = pytest.mark.nightly
TICKETS = 7000


def crowded(vendor):
    """→ State of tickets that were all created within some weeks, of 6 KB each."""
    state = account(vendor, TICKETS, SEED, chance=0.0)
    state.awkward = 0.0  # what is read and written again here must be plain JSON
    first = min(ticket.created for ticket in state.by_id.values() if ticket.created)
    for ticket in list(state.by_id.values()):
        if ticket.created:
            fresh = state.fresh(ticket.id, first + (ticket.created - first) // 6)
            text = json.loads(fresh.text)
            text["description" if vendor == "kf5" else "content"] = f"{ticket.id} 长 " * 700
            state.put(type(fresh)(fresh.id, fresh.created, fresh.updated, json.dumps(text, ensure_ascii=False)))
    return state


def row_groups(home):
    """→ the rows of each group of each file, by its partition."""
    query = "SELECT row_group_id, max(row_group_num_rows) FROM parquet_metadata(?) GROUP BY 1 ORDER BY 1"
    files = ticket_files(home.lake, "shop")
    return {path.parent.name: [rows for _, rows in duckdb.execute(query, [str(path)]).fetchall()] for path in files}


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_month_larger_than_what_waits(home, vendor):
    home.lake_settings = {"partition": "month"}
    state = crowded(vendor)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        run = assert_complete(home.sync())
        assert_lake(home, "shop", vendor, expectation_of(state, vendor, partition="month"))
        groups = row_groups(home)
        assert run.source("shop")["lake"]["files_written"] > len(groups), "no file was written as it grew, so nothing was tried"
        assert max(map(sum, groups.values())) > 4096 and all(len(rows) == 1 for rows in groups.values()), groups

        state.awkward = 0.02
        changed = set(state.change("update", 40)) | set(state.change("insert", 3))
        run = assert_complete(home.sync())
        assert run.source("shop")["tickets"]["new"] == 3
        before = expectation_of(state, vendor, partition="month")
        assert_lake(home, "shop", vendor, before)

        gone = set(state.change("delete", 20))
        run = assert_complete(home.sync("--full"))
        assert run.source("shop")["tickets"]["deleted"] == len(gone)
        assert_lake(home, "shop", vendor, before, gone=gone)
        again = assert_complete(home.sync("--full"))
        assert again.source("shop")["lake"]["files_written"] == 0, "nothing changed"
        assert_lake(home, "shop", vendor, before, gone=gone)
    assert home.run("verify").code == 0
    assert changed - gone
