"""Lakes that an earlier version wrote (fixtures/make.py): a night goes on with them, and loses nothing."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from compare import compare_fields, compare_tickets, read_table, shown, whole_lake
from conftest import add, assert_complete, expectation_of
from layout import ticket_files, tree_complaints
from recorded import FIXTURES, PARTITIONS, SOURCES, recall
from sandbox import emulate

pytestmark = pytest.mark.folder


@pytest.fixture(params=PARTITIONS)
def lake_of_then(request, home):
    """→ home with a copy of a fixture as its lake."""
    shutil.copytree(FIXTURES / f"by_{request.param}", home.lake)
    home.lake_settings = {"partition": request.param}
    return home


def expected_of(name, state, gone, partition):
    """What a source of the lake must hold, and the ids that are marked as deleted."""
    vendor = SOURCES[name]
    expectation, before = (expectation_of(account, vendor, partition=partition) for account in (state, gone))
    marked = set(before.rows) | state.deleted
    expectation.rows.update(before.rows)
    expectation.partitions.update(before.partitions)
    expectation.undefined |= before.undefined
    return expectation, marked


def lake_complaints(home, name, expectation, marked):
    complaints = compare_tickets(home.lake, name, expectation, gone=marked) + compare_fields(home.lake, name, expectation)
    schemas = {path.parent.name: pq.read_schema(path) for path in ticket_files(home.lake, name)}
    first = next(iter(schemas.values()))
    return complaints + [f"{name} {key}: other columns or types than the first file" for key, schema in schemas.items() if not schema.equals(first)]


def test_a_night_after_an_upgrade(lake_of_then):
    """The first night goes on with the interrupted full read, the second reads everything."""
    home, partition = lake_of_then, lake_of_then.lake_settings["partition"]
    held = {key: count for key, count in whole_lake(home.lake).items()}
    accounts = {name: recall(vendor) for name, vendor in SOURCES.items()}
    (support, _), (shop, _) = accounts["support"], accounts["shop"]
    with emulate("kf5", support) as kf5, emulate("udesk", shop) as udesk:
        for name, emulator in (("support", kf5), ("shop", udesk)):
            add(home, name, emulator, page_size=4)
        for state in (support, shop):
            state.change("update", 2)
            state.change("insert", 1)
            moving = state.ordered("created")[0][-2]
            state.put(state.fresh(moving.id, state.between("created", 1, None)[0].created + 7))
        run = assert_complete(home.sync())
        assert all(source["mode"] == "full" for source in run.summary["sources"])
        now = whole_lake(home.lake)
        assert held.keys() <= now.keys() and set(now.values()) == {1}
        assert home.run("verify").code == 0
        expected = {}
        for name, (state, gone) in accounts.items():
            expectation, marked = expected_of(name, state, gone, partition)
            dropped = state.ordered("id")[0][7].id
            state.drop(dropped)
            expected[name] = expectation, marked | {dropped}
        assert_complete(home.sync("--full", "--accept-deletes"))
        assert home.run("verify").code == 0
        again = assert_complete(home.sync("--full"))
    complaints = tree_complaints(home.lake, list(SOURCES), partition)
    for name, (expectation, marked) in expected.items():
        complaints += lake_complaints(home, name, expectation, marked)
        counts = again.source(name)["tickets"]
        assert (counts["new"], counts["changed"], counts["deleted"]) == (0, 0, 0), counts
    assert not complaints, shown(complaints)


def test_the_fixtures_hold_what_they_are_for(lake_of_then):
    """So that a fixture made anew still tries each case."""
    home = lake_of_then
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in home.lake.glob("_ticketlake/runs/*.json")]
    assert sorted(run["outcome"] for run in runs) == ["complete"] * 3 + ["interrupted"] * 2
    for name, vendor in SOURCES.items():
        state, gone = recall(vendor)
        expectation, marked = expected_of(name, state, gone, home.lake_settings["partition"])
        assert not lake_complaints(home, name, expectation, marked)
        assert len(marked) == 2 and len(read_table(home.lake, "tickets", name)[1]) == len(expectation.rows) > 30
        assert "__HIVE_DEFAULT_PARTITION__" in expectation.partitions.values()
        newest = json.loads(max(home.lake.glob(f"_ticketlake/state/{name}/*.json")).read_text(encoding="utf-8"))
        [reading] = newest["unfinished"]
        assert reading["done"] or reading.get("pages")


def newest_state(home, name):
    return max(home.lake.glob(f"_ticketlake/state/{name}/*.json"))


def contents(home):
    """→ bytes of every file of the lake but the lock."""
    return {path: path.read_bytes() for path in home.lake.rglob("*") if path.is_file() and path.name != "lock"}


@pytest.mark.parametrize("command", [["sync"], ["backfill", "--since", "2020-01-01"], ["verify"]], ids=" ".join)
def test_a_state_that_cannot_be_read_is_damage(lake_of_then, command):
    home = lake_of_then
    path = newest_state(home, "support")
    path.write_bytes(path.read_bytes()[:-40])
    before = contents(home)
    with emulate("kf5", recall("kf5")[0]) as emulator:
        add(home, "support", emulator)
        run = home.run(*command, "--source", "support")
        assert run.code == 6 and path.name in run.out + run.err, run
        assert not [asked for _, asked in emulator.requests if "/tickets" in asked]
    tables = {path: content for path, content in before.items() if "_ticketlake/runs" not in str(path)}
    assert {path: content for path, content in contents(home).items() if "_ticketlake/runs" not in str(path)} == tables


@pytest.mark.parametrize("command", [["sync"], ["backfill", "--since", "2020-01-01"]], ids=" ".join)
def test_a_state_of_a_newer_version_is_left_alone(lake_of_then, command):
    """Its other keys may mean anything, so only the version is read."""
    home = lake_of_then
    path = newest_state(home, "support")
    path.with_name(f"{int(path.stem) + 1:010}.json").write_text(json.dumps({"version": 77, "cursor": {"of": "another kind"}}), encoding="utf-8")
    before = contents(home)
    with emulate("kf5", recall("kf5")[0]) as emulator:
        add(home, "support", emulator)
        run = home.run(*command, "--source", "support")
        assert not emulator.requests
    assert run.code == 2 and "77" in run.err, run
    assert contents(home) == before
