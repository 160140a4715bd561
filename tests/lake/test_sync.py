"""The main job against hostile accounts: everything there is, every cell, with an unreliable network."""

import json

import pytest

from conftest import CHANCE, SEED, SEEDS, TICKETS, add, assert_complete, assert_lake, expectation_of
from expected import expect
from layout import ticket_files
from program import Toml
from sandbox import emulate
from summary import summary_complaints
from worlds import account

FAULTS = {kind: 0.02 for kind in ("http500", "html200", "broken_json", "truncate", "reset", "error200", "no_list", "slow")}
VENDORS = ["kf5", "udesk"]


def stamps(home, name):
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in ticket_files(home.lake, name)}


def ordinary(text):
    """A ticket's text with another subject, nothing else changed."""
    data = json.loads(text)
    data["title" if "title" in data else "subject"] = "改过的标题"
    return json.dumps(data)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("vendor", VENDORS)
def test_every_cell_with_faults_on(home, vendor, seed):
    state = account(vendor, TICKETS, seed, extra_fields=120 if vendor == "kf5" else 3, chance=CHANCE)
    with emulate(vendor, state, FAULTS, seed=seed) as emulator:
        add(home, "shop", emulator)
        run = assert_complete(home.sync())
    assert_lake(home, "shop", vendor, expectation_of(state, vendor), run)
    assert summary_complaints(run.summary) == []
    source = run.source("shop")
    assert (source["kind"], source["outcome"], source["mode"], source["error"]) == (vendor, "complete", "full", None)
    assert source["tickets"]["new"] == len(state.by_id)
    assert source["tickets"]["changed"] == source["tickets"]["deleted"] == 0
    assert source["fields"]["defined"] == source["fields"]["new"] == len(state.fields)
    assert source["requests"]["sent"] <= len(emulator.requests), "more sent than arrived"
    assert source["requests"]["retried"] > 0 or sum(emulator.injected.values()) == emulator.injected.get("slow", 0)
    assert source["rescued"]["cells"] > 0
    kept = json.loads((home.lake / "_ticketlake/runs" / f"{run.summary['run_id']}.json").read_text())
    assert kept == run.summary


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_second_run_writes_nothing(home, vendor):
    state = account(vendor, 450, SEED)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        before = stamps(home, "shop")
        again = assert_complete(home.sync("--full"))
        nightly = assert_complete(home.sync())
    assert stamps(home, "shop") == before, "a partition in which nothing changed was written again"
    for run in (again, nightly):
        counts = run.source("shop")["tickets"]
        assert (counts["new"], counts["changed"], counts["deleted"]) == (0, 0, 0), counts
        assert run.source("shop")["lake"]["partitions_written"] == 0
    assert again.source("shop")["tickets"]["unchanged"] == len(state.by_id)
    assert_lake(home, "shop", vendor, expectation_of(state, vendor))


@pytest.mark.parametrize("vendor", VENDORS)
def test_updates_and_inserts_are_taken(home, vendor):
    state = account(vendor, 450, SEED)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        before = stamps(home, "shop")
        changed = set(state.change("update", 7))
        state.change("insert", 3)
        run = assert_complete(home.sync())
    expectation = expectation_of(state, vendor)
    assert_lake(home, "shop", vendor, expectation)
    counts = run.source("shop")["tickets"]
    assert (counts["new"], counts["changed"]) == (3, len(changed)), counts
    touched = {expectation.partitions[number] for number in changed | set(sorted(state.by_id)[-3:])}
    after = stamps(home, "shop")
    rewritten = {path.parent.name.split("=")[1] for path in after if after[path] != before.get(path)}
    # An inserted ticket may bring a field without a definition: then all files gain its column.
    assert rewritten == touched or run.source("shop")["lake"]["partitions_written"] == len(after)


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_older_copy_never_replaces_a_newer(home, vendor):
    state = account(vendor, 120, SEED, chance=0.0, undated=0.0)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        expectation = expectation_of(state, vendor)
        older, equal = list(state.by_id.values())[10:12]
        key = "title" if vendor == "kf5" else "subject"
        data = json.loads(older.text)
        data[key], data["updated_at"] = "旧的", "2001-01-01 00:00:00" + (" +0800" if vendor == "udesk" else "")
        state.put(type(older)(older.id, older.created, older.updated, json.dumps(data)))
        state.put(type(equal)(equal.id, equal.created, equal.updated, ordinary(equal.text)))
        run = assert_complete(home.sync("--full"))
    expectation.rows[equal.id]["subject"] = "改过的标题"
    assert_lake(home, "shop", vendor, expectation)
    assert run.source("shop")["tickets"]["changed"] == 1


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_new_field_reaches_every_file(home, vendor):
    state = account(vendor, 300, SEED)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        assert_complete(home.sync())
        new = ({"id": 9100, "name": "field_9100", "type": "dropdownlist", "agent_title": "后来的", "active": True, "custom_field_options": [{"key": "a", "value": "甲"}]}
               if vendor == "kf5" else {"field_name": "SelectField_91", "field_label": "后来的", "content_type": "droplist", "options": [{"1": "甲"}], "permission": 1})
        state.define([*state.fields, new])
        state.change("insert", 5)
        run = assert_complete(home.sync())
    assert run.source("shop")["fields"]["new"] == 1
    assert_lake(home, "shop", vendor, expectation_of(state, vendor))


def test_two_sources_months_and_zones(home):
    home.lake_settings = {"partition": "month", "timezone": "America/New_York"}
    kf5, udesk = account("kf5", 450, SEED), account("udesk", 450, SEED)
    with emulate("kf5", kf5) as one, emulate("udesk", udesk) as two:
        add(home, "a-1", one, timezone="Europe/Berlin", page_size=37)
        add(home, "b_2", two, timezone="Asia/Tokyo", page_size=50)
        run = assert_complete(home.sync())
    assert [source["name"] for source in run.summary["sources"]] == ["a-1", "b_2"]
    for name, vendor, state, zone in (("a-1", "kf5", kf5, "Europe/Berlin"), ("b_2", "udesk", udesk, "Asia/Tokyo")):
        expectation = expectation_of(state, vendor, zone=zone, lake_zone="America/New_York", partition="month")
        assert_lake(home, name, vendor, expectation)


def test_a_token_and_only_one_source(home):
    state = account("kf5", 120, SEED)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator, password=None, token=Toml('{ env = "CHECK_TOKEN" }'))
        home.source("other", "udesk", "http://127.0.0.1:9")
        run = assert_complete(home.sync("--source", "shop", env={"CHECK_TOKEN": emulator.account.token}))
    assert [source["name"] for source in run.summary["sources"]] == ["shop"]


def test_udesk_without_a_cascade_map(home):
    state = account("udesk", 300, SEED)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator, cascades=None)
        run = assert_complete(home.sync())
    expectation = expect("udesk", state.texts(), [json.dumps(field) for field in state.fields])
    assert_lake(home, "shop", "udesk", expectation, run)
