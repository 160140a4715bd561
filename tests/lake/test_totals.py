"""What the source counts, against what the lake has: the night's own check, which finds what no list of changes shows."""

import json

import pytest

from compare import read_table
from conftest import assert_complete
from damage import assert_whole, settled, synced
from worlds import NOW

OLD = NOW - 9 * 86400


def marked(home):
    _, rows = read_table(home.lake, "tickets", "shop")
    return {row["id"] for row in rows if row["_deleted_at"] is not None}


def put_old(state, count=3):
    """Tickets that came by an import: both of their times are old. → their ids."""
    last = max(state.by_id)
    numbers = [last + step for step in range(1, count + 1)]
    for number in numbers:
        state.put(state.fresh(number, created=OLD, now=OLD))
    return numbers


def source(run):
    return run.source("shop")


@pytest.mark.parametrize("reading", ["kf5", "udesk", "udesk by filter"])
def test_imported_tickets_with_old_times_are_found_the_same_night(home, reading):
    with synced(home, reading) as (state, _):
        new = put_old(state)
        run = assert_complete(home.sync())
        assert_whole(home, state, about=run)
        assert source(run)["tickets"]["new"] == len(new), run
        assert source(run)["source_total"] == len(state.by_id) == source(run)["lake_total"], run


@pytest.mark.parametrize("reading", ["kf5", "udesk by filter"])
def test_deleted_tickets_are_found_the_same_night(home, reading):
    with synced(home, reading) as (state, _):
        gone = sorted(state.by_id)[30:32]
        for number in gone:
            state.drop(number)
        run = assert_complete(home.sync())
        assert marked(home) == set(gone), run
        assert_whole(home, state, gone=gone)


@pytest.mark.parametrize("reading", ["kf5", "udesk"])
@pytest.mark.parametrize("more", [1, 5])
def test_a_total_that_is_wrong_for_good_is_a_warning(home, reading, more):
    """Nobody can mend it: the run is complete, says so, and does not look for it again each night."""
    with synced(home, reading) as (state, emulator):
        for total in (len(state.by_id) + more,):
            emulator.script = [{"when": {"list": True, "lacks": ["_start", "_end", "filters"]}, "then": {"count": total}}]
        first = home.sync("--full")
        assert_complete(first)
        assert "count" in first.err or "total" in first.err, first
        before = len(emulator.requests)
        again = assert_complete(home.sync())
        assert not marked(home) and source(again)["tickets"]["deleted"] == 0
        gone = sorted(state.by_id)[7]
        state.drop(gone)
        emulator.script = [{"when": {"list": True, "lacks": ["_start", "_end", "filters"]}, "then": {"count": len(state.by_id) + more}}]
        assert_complete(home.sync("--full"))
        assert marked(home) == {gone}
        assert len(emulator.requests) - before < 120


def test_the_count_of_definitions_is_wrong_for_good(home):
    with synced(home, "kf5") as (state, emulator):
        emulator.script = [{"when": {"contains": "ticket_fields"}, "then": {"count": "+1"}}]
        number = sorted(state.by_id)[3]
        state.put(state.fresh(number, state.by_id[number].created))
        run = assert_complete(home.sync())
        assert_whole(home, state, about=run)


@pytest.mark.parametrize("reading", ["kf5", "udesk by filter"])
def test_a_total_that_halves_overnight_marks_nothing(home, reading):
    """The account lost rights: what is not shown is not gone."""
    with synced(home, reading) as (state, emulator):
        numbers = sorted(state.by_id)
        emulator.quirks.count = len(numbers) * 2 // 5
        emulator.script = [{"when": {"list": True}, "then": {"without": numbers[: len(numbers) * 3 // 5]}}]
        before = len(emulator.requests)
        run = home.sync()
        assert run.code == 3 and not marked(home), run
        assert len(emulator.requests) - before < 40


def test_a_ticket_without_updated_at_is_found(home):
    with synced(home, "kf5") as (state, emulator):
        number = max(state.by_id) + 1
        ticket = state.fresh(number, created=OLD, now=OLD)
        value = json.loads(ticket.text)
        value["updated_at"] = None
        state.put(type(ticket)(**{**ticket.__dict__, "updated": None, "text": json.dumps(value, ensure_ascii=False)}))
        run = assert_complete(home.sync())
        assert_whole(home, state, about=run)
