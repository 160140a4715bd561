"""A source that answers well and shows little: not believed, unless somebody says so."""

import pytest

from compare import whole_lake
from conftest import SEED, add, assert_complete, assert_lake, expectation_of
from sandbox import emulate
from worlds import account
from worlds.state import State

EMPTY = State([], [], None)


def suspicious(run):
    assert run.code == 3 and run.summary["outcome"] == "incomplete", run
    assert "suspicious" in run.source("shop")["error"] and "--accept" in run.source("shop")["error"], run
    return run


def test_a_night_without_the_tickets_that_the_lake_knows_of(home):
    state = account("kf5", 400, SEED)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        for _ in range(3):
            state.change("update", 40)
            assert assert_complete(home.sync()).source("shop")["mode"] == "incremental"
        cursor = assert_complete(home.sync()).source("shop")["cursor"]
        empty = State([], state.fields, None)
        emulator.state = empty
        before = whole_lake(home.lake)
        run = suspicious(home.sync())
        assert run.source("shop")["cursor"] == cursor and whole_lake(home.lake) == before
        assert home.run("status").out.count("suspicious") >= 1
        # Part of the rights came back; still most of what is known is not there.
        emulator.state = State(state.ordered("updated")[0][-3:], state.fields, None)
        suspicious(home.sync())
        emulator.state = empty
        assert_complete(home.sync("--accept"))
        emulator.state = state
        state.change("insert", 5)
        assert_complete(home.sync())
    assert_lake(home, "shop", "kf5", expectation_of(state, "kf5"))


def test_quiet_nights_are_believed(home):
    state = account("kf5", 300, SEED)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        for count in (60, 60, 60, 0, 0, 1, 0):
            state.change("update", count)
            assert_complete(home.sync())


def test_a_quiet_night_on_which_the_last_ticket_is_deleted(home):
    state = account("kf5", 300, SEED)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator, overlap="0s")
        assert_complete(home.sync())
        for count in (60, 60, 60):
            state.change("update", count)
            assert_complete(home.sync())
        last = state.ordered("updated")[0][-1]
        newer = state.fresh(last.id, last.created, last.updated + 60)
        state.put(newer)
        assert_complete(home.sync())
        state.drop(last.id)
        assert_complete(home.sync())


def test_a_small_tenant_may_empty_its_night(home):
    state = account("kf5", 12, SEED)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        for number in list(state.by_id)[:8]:
            state.drop(number)
        # The counts tell of it the same night; that so many are gone is a matter of `delete_brake`, not of suspicion.
        run = home.sync()
        assert run.code == 3 and "suspicious" not in run.source("shop")["error"], run
        assert assert_complete(home.sync("--accept-deletes")).source("shop")["tickets"]["deleted"] == 8


@pytest.mark.parametrize("vendor, brake", [("kf5", "5%"), ("udesk", "100%")])
def test_a_full_reading_of_far_fewer_tickets(home, vendor, brake):
    state = account(vendor, 120, SEED)
    expected = expectation_of(state, vendor)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator, delete_brake=brake)
        assert_complete(home.sync())
        gone = set(list(state.by_id)[:70])
        for number in gone:
            state.drop(number)
        asked = len(emulator.requests)
        suspicious(home.sync("--full"))
        assert len(emulator.requests) - asked < 40, "it asked for each of them"
        assert_lake(home, "shop", vendor, expected)
        done = assert_complete(home.sync("--full", "--accept"))
        assert done.source("shop")["tickets"]["deleted"] == 70
    assert_lake(home, "shop", vendor, expected, gone=gone)
