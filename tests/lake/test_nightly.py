"""Night after night: deletions, what an incremental run costs, fields that drift."""

import json

import pytest

from compare import read_table
from conftest import SEED, add, assert_complete, assert_lake, expectation_of
from layout import ticket_files
from sandbox import emulate
from worlds import account

pytestmark = pytest.mark.nightly
VENDORS = ["kf5", "udesk"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_deletions_are_marked_and_keep_their_values(home, vendor):
    state = account(vendor, 450, SEED)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        before = expectation_of(state, vendor)
        gone = set(state.change("delete", 9))
        run = assert_complete(home.sync("--full"))
    assert run.source("shop")["tickets"]["deleted"] == 9
    assert_lake(home, "shop", vendor, before, gone=gone)


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_brake_stops_many_deletions(home, vendor):
    state = account(vendor, 450, SEED)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        before = expectation_of(state, vendor)
        gone = set(state.change("delete", 60))
        braked = home.sync("--full")
        assert braked.code == 3, braked
        assert "--accept-deletes" in braked.out + braked.err
        assert_lake(home, "shop", vendor, before)
        assert_complete(home.sync("--full", "--accept-deletes"))
    assert_lake(home, "shop", vendor, before, gone=gone)


def test_a_night_costs_in_proportion_to_the_change(home):
    state = account("kf5", 5000, SEED, chance=0.0)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        first = len(emulator.requests)
        before = {path: path.stat().st_ino for path in ticket_files(home.lake, "shop")}
        state.awkward = 0.0  # a new field would rewrite every file
        changed = set(state.change("update", 50))
        run = assert_complete(home.sync())
        requests = len(emulator.requests) - first
    expectation = expectation_of(state, "kf5")
    assert_lake(home, "shop", "kf5", expectation)
    assert run.source("shop")["mode"] == "incremental"
    assert requests <= 12, f"{requests} requests for 50 changes; the full run took {first}"
    rewritten = {path.parent.name.split("=")[1] for path in ticket_files(home.lake, "shop") if before.get(path) != path.stat().st_ino}
    assert rewritten == {expectation.partitions[number] for number in changed}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_crowd_of_changes_is_read_once_and_whole(home, vendor):
    state = account(vendor, 3000, SEED, chance=0.0)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        state.awkward = 0.0  # a new field would rewrite every file
        changed = set(state.change("update", 1500))
        first = len(emulator.requests)
        run = assert_complete(home.sync())
        requests = len(emulator.requests) - first
        expectation = expectation_of(state, vendor)
        assert_lake(home, "shop", vendor, expectation)
        again = assert_complete(home.sync())
    assert run.source("shop")["tickets"]["changed"] == len(changed)
    assert again.source("shop")["tickets"]["changed"] == 0 and again.source("shop")["lake"]["files_written"] == 0
    if vendor == "kf5":
        assert requests <= 45, f"{requests} requests for 15 pages of changes"
    assert_lake(home, "shop", vendor, expectation)


def test_udesk_by_an_incremental_filter(home):
    state = account("udesk", 2000, SEED)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator, incremental_filter=12)
        assert_complete(home.sync())
        first = len(emulator.requests)
        emulator.quirks.filter_since = max(ticket.updated or 0 for ticket in state.by_id.values()) + 1
        state.change("update", 20)
        assert_complete(home.sync())
        assert len(emulator.requests) - first < first / 2
    assert_lake(home, "shop", "udesk", expectation_of(state, "udesk"))


def test_an_int_field_that_becomes_text(home):
    state = account("kf5", 300, SEED)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        old = expectation_of(state, "kf5")
        next(field for field in state.fields if field["name"] == "field_8")["type"] = "text"
        state.define()
        changed = set(state.change("update", 5))
        assert_complete(home.sync())
    new = expectation_of(state, "kf5")
    names, rows = read_table(home.lake, "tickets", "shop")
    for row in rows:
        was, sent = old.rows[row["id"]].get("cf_field_8"), new.rows[row["id"]].get("cf_field_8")
        # A row that is read again has the value as sent; any other its number as text, or the rescued value come back.
        right = (sent,) if row["id"] in changed else (sent, None if was is None else str(was))
        assert row["cf_field_8"] in right, row["id"]


def test_a_field_that_is_removed_keeps_its_column(home):
    state = account("kf5", 300, SEED)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        before = expectation_of(state, "kf5")
        state.define([field for field in state.fields if field["name"] != "field_36"])
        assert_complete(home.sync())
    names, rows = read_table(home.lake, "tickets", "shop")
    assert [name for name in names if name.startswith("cf_field_36")] == ["cf_field_36", "cf_field_36__raw"]
    assert {row["id"]: row["cf_field_36"] for row in rows} == {number: row.get("cf_field_36") for number, row in before.rows.items()}
    _, fields = read_table(home.lake, "ticket_fields", "shop")
    assert [row["active"] for row in fields if row["field_name"] == "field_36"] == [False]
    _, options = read_table(home.lake, "ticket_field_options", "shop")
    assert {row["active"] for row in options if row["field_name"] == "field_36"} == {False}


def test_a_renamed_label_shows_at_once(home):
    state = account("udesk", 300, SEED)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        field = next(field for field in state.fields if field["field_name"] == "SelectField_1")
        field["field_label"], field["options"][0] = "新名字", {"0": "新选项"}
        state.define()
        run = assert_complete(home.sync())
    assert run.source("shop")["fields"]["changed"] == 1
    _, fields = read_table(home.lake, "ticket_fields", "shop")
    assert [row["label"] for row in fields if row["field_name"] == "SelectField_1"] == ["新名字"]
    assert json.loads(next(row["_raw"] for row in fields if row["field_name"] == "SelectField_1"))["field_label"] == "新名字"
    assert_lake(home, "shop", "udesk", expectation_of(state, "udesk"))
