"""A lake belongs to one account of one vendor, cut in one way. A slip of the pen in the configuration (another account under
the old name, another zone, `month` for `day`) must not overwrite it: exit 2 before anything is asked, nothing written, and the
message says what to do instead."""

import json
import shutil
import time
from dataclasses import replace

import pytest

from compare import compare_tickets, whole_lake
from conftest import add, assert_complete
from damage import assert_whole, changed_paths, configure, day, lake_held, promised, said, settled, synced, tree, warnings
from sandbox import emulate
from worlds import NOW
from worlds.state import State

pytestmark = pytest.mark.folder

COMMANDS = {
    "sync": ["sync"], "full": ["sync", "--full"], "accept": ["sync", "--full", "--accept", "--accept-deletes"], "backfill": ["backfill", "--since", day(15)],
    "finish": ["sync", "--finish"],
}


def assert_refused(home, before, run, *words):
    """Exit 2, the lake as it was to the byte, and a message with these words."""
    assert run.code == 2, run
    assert changed_paths(before, tree(home.lake)) == []
    missing = [word for word in words if word.lower() not in run.err.lower()]
    assert not missing, f"nothing about {missing}: {run!r}"


def assert_whole_object(run):
    """With --json there is one object, also where nothing began."""
    assert run.summary, run
    assert run.summary["outcome"] == "failed" and run.summary["exit_code"] == 2 and run.summary["error"], run.summary
    assert run.summary["sources"] == [], run.summary


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("vendor, other", [("kf5", "udesk"), ("udesk", "kf5")])
def test_another_vendor_under_the_old_name(home, vendor, other, command):
    with synced(home, vendor, count=60) as (state, _), emulate(other, settled(other, 60)) as foreign:
        before = tree(home.lake)
        add(home, "shop", foreign)
        run = home.run(*COMMANDS[command], "--json")
        assert_refused(home, before, run, vendor, other, "folder")
        assert not foreign.requests, foreign.requests
        assert_whole_object(run)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("key, value", [("timezone", "Europe/Berlin"), ("timezone", "Asia/Tokyo"), ("partition", "month")])
def test_another_cut_of_the_lake(home, key, value, command):
    """Rows would lie in wrong partitions, and after a kill 493 tickets twice, for good."""
    with synced(home, "kf5", count=60) as (state, emulator):
        before, first = tree(home.lake), len(emulator.requests)
        home.lake_settings[key] = value
        run = home.run(*COMMANDS[command], "--json")
        assert_refused(home, before, run, value, "folder")
        assert len(emulator.requests) == first
        assert_whole_object(run)
        del home.lake_settings[key]
        assert_complete(home.sync())
        assert_whole(home, state)


def test_a_month_becomes_a_day(home):
    home.lake_settings["partition"] = "month"
    with synced(home, "udesk", count=60):
        before = tree(home.lake)
        home.lake_settings["partition"] = "day"
        assert_refused(home, before, home.sync(), "month", "day", "folder")


def test_a_window_into_another_cut(home):
    with synced(home, "kf5", count=60):
        before = tree(home.lake)
        home.lake_settings["partition"] = "month"
        first = day(0)[:8] + "01"
        assert_refused(home, before, home.sync("--window", f"shop:{first}.."), "folder")


@pytest.mark.parametrize("alias", ["PRC", "Asia/Chongqing", "asia/shanghai"])
def test_other_names_of_one_zone_are_that_zone(home, alias):
    with synced(home, "kf5", count=60) as (state, _):
        home.lake_settings["timezone"] = alias
        assert_complete(home.sync())
        assert_complete(home.sync("--full"))
        home.lake_settings["timezone"] = "Asia/Shanghai"
        assert_whole(home, state)


def test_one_foreign_source_stops_the_run_for_all(home):
    """Checked for all selected sources before any is asked; without the foreign one the run is as ever."""
    with synced(home, "kf5", count=60) as (state, emulator), emulate("udesk", settled("udesk", 60)) as foreign:
        add(home, "other", foreign)
        assert_complete(home.sync())
        state.change("update", 5)
        before, first = tree(home.lake), len(emulator.requests) + len(foreign.requests)
        home.source("other", "kf5", emulator.origin)
        assert_refused(home, before, home.sync(), "other", "folder")
        assert len(emulator.requests) + len(foreign.requests) == first
        assert_complete(home.sync("--source", "shop"))
        add(home, "other", foreign)
        assert_whole(home, state)


def at_the_turn_of_a_day(state):
    """A ticket at one in the morning, Shanghai, on the oldest and on the newest day: another day in Los Angeles."""
    moments = [ticket.created for ticket in state.ordered("created")[0] if ticket.created is not None]
    for moment, number in ((moments[0], 10**7), (moments[-1], 10**7 + 1)):
        midnight = moment - (moment + 8 * 3600) % 86400
        state.put(state.fresh(number, midnight + 3600, midnight + 7200))


@pytest.mark.parametrize("key, value, right", [("timezone", "America/Los_Angeles", False), ("partition", "month", False), (None, None, True)])
def test_a_lake_that_does_not_say_its_zone(home, key, value, right):
    """Its oldest and newest file tell: the configured zone is taken only if their rows lie right in it."""
    state = settled("kf5", 60)
    at_the_turn_of_a_day(state)
    with emulate("kf5", state) as emulator:
        configure(home, "kf5", emulator)
        assert_complete(home.sync())
        shutil.rmtree(home.lake / "_ticketlake")
        before = tree(home.lake)
        if key:
            home.lake_settings[key] = value
        run = home.sync()
        if right:
            assert_complete(run)
            assert_whole(home, state)
        else:
            assert_refused(home, before, run, value, "folder")


# The zone of a source

def east(ticket):
    """The ticket of an account an hour east of Shanghai: the same texts mean earlier instants."""
    moved = {key: value - 3600 for key in ("created", "updated") if (value := getattr(ticket, key)) is not None}
    return replace(ticket, **moved)


def move_zone(state, vendor):
    """Udesk's times have offsets: only its custom fields move."""
    for ticket in list(state.by_id.values()) if vendor == "kf5" else ():
        state.put(east(ticket))


def update_there(state, vendor, count):
    for number in sorted(state.by_id)[10 : 10 + count]:
        created, hour = state.by_id[number].created, 3600 if vendor == "kf5" else 0
        fresh = state.fresh(number, created + hour if created else None, time.time() + hour)
        state.put(east(fresh) if hour else fresh)


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_another_zone_of_a_source_wants_a_full_read(home, vendor):
    """Half of the rows in one zone and half in another would be right nowhere. A full read replaces them whatever their updated_at."""
    with synced(home, vendor, count=120) as (state, emulator):
        before = tree(home.lake)
        add(home, "shop", emulator, timezone="Asia/Tokyo")
        for command in (["sync"], ["backfill", "--since", day(5)]):
            assert_refused(home, before, home.run(*command, "--json"), "Asia/Tokyo", "--full")
        move_zone(state, vendor)
        run = home.sync("--full")
        assert_whole(home, state, zone="Asia/Tokyo", about=run)
        assert_complete(run)
        update_there(state, vendor, 5)
        assert_whole(home, state, zone="Asia/Tokyo", about=assert_complete(home.sync()))


def test_a_zone_that_has_another_name_is_no_other_zone(home):
    with synced(home, "udesk", count=60) as (state, emulator):
        add(home, "shop", emulator, timezone="PRC")
        assert_complete(home.sync())
        assert_whole(home, state)


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_full_read_under_a_new_zone_is_gone_on_with(home, vendor):
    """Interrupted, the lake has rows of both zones; any run goes on until none is left of the old one."""
    with synced(home, vendor, count=120, page_size=20, concurrency=1) as (state, emulator):
        move_zone(state, vendor)
        add(home, "shop", emulator, timezone="Asia/Tokyo", page_size=20, concurrency=1)
        emulator.latency = 0.1
        stopped = home.sync("--full", "--deadline", "500ms")
        assert stopped.code == 3, stopped
        emulator.latency = 0
        run = assert_complete(home.sync())
        assert run.source("shop")["mode"] == "full"
        assert_whole(home, state, zone="Asia/Tokyo", about=run)


def test_tickets_that_are_deleted_keep_their_instants_under_a_new_zone(home):
    """Nobody can read them again: they stay as they were, and the run says how many."""
    with synced(home, "udesk", count=120, delete_brake="50%") as (state, emulator):
        gone = sorted(state.by_id)[20:23]
        for number in gone:
            state.drop(number)
        assert_complete(home.sync("--full"))
        old = promised(home, state, gone)
        add(home, "shop", emulator, timezone="Asia/Tokyo", delete_brake="50%")
        run = assert_complete(home.sync("--full"))
        wanted = promised(home, state, gone, zone="Asia/Tokyo")
        wanted.rows.update({number: old.rows[number] for number in gone})
        wanted.partitions.update({number: old.partitions[number] for number in gone})
        assert not compare_tickets(home.lake, "shop", wanted, gone=gone)
        assert warnings(run, "deleted") and any(str(len(gone)) in line for line in warnings(run, "deleted")), run


# Another address

def asked_by_id(emulator, first):
    """Requests for tickets by their ids."""
    return [path for _, path in emulator.requests[first:] if "show_many" in path or path.split("?")[0].removesuffix(".json").split("/")[-1].isdigit()]


@pytest.mark.parametrize("reading", ["kf5", "udesk", "udesk by filter"])
def test_the_account_moves_to_another_address(home, reading):
    """A vendor's new domain: a few known tickets are asked for, once, and the nights go on as ever."""
    with synced(home, reading) as (state, old), emulate(old.vendor, state) as new:
        if "filter" in reading:
            new.quirks.filter_since = NOW - 1800
        configure(home, reading, new)
        state.change("update", 5)
        run = assert_complete(home.sync())
        assert_whole(home, state, about=run)
        asked = asked_by_id(new, 0)
        assert 1 <= len(asked) <= 20, asked
        if reading == "kf5":
            assert run.source("shop")["mode"] == "incremental", run
        first, silent = len(new.requests), len(old.requests)
        assert_complete(home.sync())
        assert not asked_by_id(new, first) and len(old.requests) == silent
        # And home again.
        configure(home, reading, old)
        assert_complete(home.sync())


def test_an_account_that_lost_many_tickets_is_still_itself(home):
    """Most of those that are found count; those that are gone tell nothing."""
    with synced(home, "kf5", delete_brake="100%") as (state, old), emulate("kf5", state) as new:
        for number in sorted(state.by_id)[::3]:
            state.drop(number)
        configure(home, "kf5", new, delete_brake="100%")
        assert_complete(home.sync())


def renumbered(state, by):
    """The same tickets under other ids."""
    moved = [replace(ticket, id=ticket.id + by, text=_renumbered(ticket, by)) for ticket in state.by_id.values()]
    return State(moved, state.fields, state._make_fresh)


def _renumbered(ticket, by):
    data = json.loads(ticket.text)
    data["id"] = ticket.id + by
    return json.dumps(data, ensure_ascii=False)


def stranger(vendor, ids):
    """Another account: of none of the lake's ids, or of the same ids with other dates."""
    if ids == "other ids":
        return renumbered(settled(vendor, 200, seed=77), 10**6)
    own = settled(vendor, 200)
    for place, ticket in enumerate(list(own.by_id.values())):
        own.put(own.fresh(ticket.id, NOW - (40 + place) * 86400, NOW - 86400))
    return own


@pytest.mark.parametrize("command", ["sync", "full", "backfill"])
@pytest.mark.parametrize("ids", ["other ids", "the same ids"])
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_another_account_under_the_old_name(home, vendor, ids, command):
    """Today: 5,064 tickets overwritten, "Complete". The other source of the run is read all the same."""
    with synced(home, vendor) as (state, _), emulate(vendor, stranger(vendor, ids)) as foreign, emulate("kf5", settled("kf5", 60)) as beside:
        configure(home, vendor, foreign)
        home.source("beside", "kf5", beside.origin)
        before = whole_lake(home.lake)
        run = home.run(*COMMANDS[command], "--json")
        assert run.code == 2, run
        assert run.source("shop")["outcome"] == "failed" and run.source("shop")["error"], run.source("shop")
        assert "folder" in run.err and "shop" in run.err, run
        assert run.source("beside")["outcome"] == "complete" and run.source("beside")["tickets"]["new"] > 0
        held = whole_lake(home.lake)
        assert {key: count for key, count in held.items() if key[0] == "shop"} == before
        assert len(asked_by_id(foreign, 0)) <= 20 and len(foreign.requests) <= 25, foreign.requests
        assert_whole(home, state)


def test_another_account_is_refused_alone_without_a_trace(home):
    with synced(home, "kf5") as (_, _), emulate("kf5", stranger("kf5", "other ids")) as foreign:
        configure(home, "kf5", foreign)
        before = tree(home.lake)
        assert_refused(home, before, home.sync(), "folder")


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_an_empty_lake_takes_any_address(home, vendor):
    """A first try against an account without tickets does not bind the lake to it."""
    with synced(home, vendor, count=0), emulate(vendor, settled(vendor, 60)) as other:
        configure(home, vendor, other)
        assert_complete(home.sync())
        assert_whole(home, other.state)


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_new_address_that_does_not_answer_is_incomplete(home, vendor):
    """A network that is down says nothing about the account: exit 3, as on any other night."""
    with synced(home, vendor, count=60) as (state, _):
        home.source("shop", vendor, "http://127.0.0.1:9", max_retries=0)
        run = home.sync()
        assert run.code == 3 and run.source("shop")["outcome"] == "incomplete", run
        assert "127.0.0.1:9" in run.source("shop")["error"], run
        assert_whole(home, state)


# A run that leaves nothing

def test_exit_5_leaves_nothing(home):
    with synced(home, "kf5", count=60) as (state, emulator):
        state.change("update", 5)
        before, first = tree(home.lake), len(emulator.requests)
        with lake_held(home):
            for command in (["sync"], ["sync", "--full"], ["sync", "--finish"], ["sync", "--window", f"shop:{day(0)[:8]}01.."], ["backfill", "--since", day(5)],
                            ["verify", "--against-source", "--repair"]):
                run = home.run(*command, "--json")
                assert run.code == 5, (command, run)
        assert changed_paths(before, tree(home.lake)) == [] and len(emulator.requests) == first


def test_exit_2_makes_no_lake(home):
    home.source("shop", "kf5", "http://127.0.0.1:9", max_retries=0)
    for arguments in (["--source", "nobody"], ["--window", "shop:2024-01-15..2024-02-01"], ["--window", "nobody:.."]):
        run = home.sync(*arguments)
        assert run.code == 2 and not home.lake.exists(), run


def test_a_refused_run_keeps_what_a_metrics_file_says_of_the_sources(home):
    """An alarm on a source's age goes on counting; the run's own figures say that it failed."""
    file = home.folder / "ticketlake.prom"
    with synced(home, "kf5", count=60):
        assert_complete(home.sync("--metrics-file", str(file)))

        def lines(kind):
            return [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith(f"ticketlake_{kind}_")]

        of_source, of_run = lines("source"), lines("run")
        home.lake_settings["partition"] = "month"
        assert home.sync("--metrics-file", str(file)).code == 2
        assert lines("source") == of_source
        assert lines("run") != of_run and any(line.startswith("ticketlake_run_exit_code") and line.endswith(" 2.0") for line in lines("run")), lines("run")
        del home.lake_settings["partition"]
        with lake_held(home):
            assert home.sync("--metrics-file", str(file)).code == 5
        assert lines("source") == of_source and any(line.endswith(" 5.0") for line in lines("run"))


def test_doctor_and_plan_say_it_before(home):
    """`doctor` ends with the code that the sync would end with."""
    with synced(home, "kf5", count=60):
        home.lake_settings["timezone"] = "Europe/Berlin"
        run = home.run("doctor")
        assert run.code == 2 and "Europe/Berlin" in said(run), run
