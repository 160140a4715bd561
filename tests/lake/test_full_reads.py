"""What `sync --full` reads, and what a clock that was wrong once does to later nights."""

import json
import time
from datetime import datetime, timedelta, timezone

import pytest

from conftest import assert_complete
from damage import NO_DATE, assert_whole, configure, largest, newest_state, partitions, recovered, settled, status, synced, warnings
from sandbox import emulate, refused
from test_resumed import interrupted
from test_told import figures, of

pytestmark = pytest.mark.folder


def lists(emulator, first):
    """Requests for pages of tickets since the `first`."""
    return [path for _, path in emulator.requests[first:] if path.split("?")[0].removesuffix(".json").endswith("/tickets")]


@pytest.mark.parametrize("damaged", [False, True], ids=["sound", "a file cut meanwhile"])
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_full_read_begins_anew(home, vendor, damaged):
    """Who asks for everything gets everything. Today what an interrupted run had read is skipped, and a file of it that is
    set aside stays lost: 24 tickets, exit 0."""
    state = settled(vendor, 300)
    with emulate(vendor, state, latency=0.05) as emulator:
        configure(home, vendor, emulator, page_size=20, concurrency=1)
        interrupted(home, emulator, 12)
        assert partitions(home), "nothing was committed"
        if damaged:
            path = largest(home)[0][1]
            path.write_bytes(path.read_bytes()[:-100])
        emulator.latency = 0
        first = len(emulator.requests)
        run = assert_complete(home.sync("--full"))
        assert_whole(home, state, about=run)
        assert run.source("shop")["tickets"]["read"] >= 300, run
        assert run.source("shop")["mode"] == "full"
        assert len(lists(emulator, first)) >= 300 / 20, lists(emulator, first)


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_full_read_after_an_interrupted_one_begins_anew(home, vendor):
    """A ticket that changed without a sign (an old updated_at) in the part that was read already is found by the second."""
    with synced(home, vendor, count=300, page_size=20, concurrency=1) as (state, emulator):
        emulator.latency = 0.05
        process = home.start("sync", "--full")
        first = len(emulator.requests)
        while len(emulator.requests) < first + 12:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.terminate()
        process.communicate()
        emulator.latency = 0
        first = len(emulator.requests)
        for ticket in list(state.by_id.values()):
            if ticket.updated is not None:
                state.put(state.fresh(ticket.id, ticket.created, ticket.updated + 1))
        run = assert_complete(home.sync("--full"))
        assert run.source("shop")["tickets"]["read"] >= 300 and len(lists(emulator, first)) >= 15, run
        assert_whole(home, state, about=run)


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_an_interrupted_full_read_is_gone_on_with_by_a_plain_sync(home, vendor):
    state = settled(vendor, 300)
    with emulate(vendor, state, latency=0.05) as emulator:
        configure(home, vendor, emulator, page_size=20, concurrency=1)
        spent = interrupted(home, emulator, 12)
        emulator.latency = 0
        first = len(emulator.requests)
        run = assert_complete(home.sync())
        rest = len(emulator.requests) - first
        assert run.source("shop")["mode"] == "full"
        assert_whole(home, state, about=run)
        first = len(emulator.requests)
        assert_complete(home.sync("--full"))
        assert rest < len(emulator.requests) - first, f"{rest} after {spent}"


def years_later(value, years=2):
    """The same instant of another year; anything that is none as it is."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and len(value) > 18 else None
    except ValueError:
        moment = None
    return (moment + timedelta(days=365 * years)).astimezone(timezone.utc).isoformat().replace("+00:00", "Z") if moment else value


def set_clock_ahead(home, records=True):
    """Makes the newest state, and the records of runs, those of a machine whose clock was two years ahead."""
    path, content = newest_state(home)
    moved = {key: years_later(value) for key, value in content.items()}
    assert moved != content, f"no time in {path}"
    path.write_text(json.dumps(moved), encoding="utf-8")
    for record in (home.lake / "_ticketlake/runs").glob("*.json") if records else ():
        run = json.loads(record.read_text(encoding="utf-8"))
        ahead = {key: years_later(value) if key.endswith("_at") else value for key, value in run.items()}
        ahead["run_id"] = f"{int(run['run_id'][:4]) + 2}{run['run_id'][4:]}"
        record.unlink()
        record.with_name(f"{ahead['run_id']}.json").write_text(json.dumps(ahead), encoding="utf-8")


@pytest.mark.parametrize("records", [False, True], ids=["state", "state and records"])
@pytest.mark.parametrize("reading", ["kf5", "udesk by filter"])
def test_a_clock_that_was_two_years_ahead_costs_one_run(home, reading, records):
    """Otherwise every night reads everything, for two years, or nothing at all."""
    with synced(home, reading) as (state, _):
        set_clock_ahead(home, records)
        state.change("update", 10)
        healed = assert_complete(home.sync())
        assert warnings(healed), f"no warning of a time that is still to come: {healed!r}"
        assert_whole(home, state, about=healed)
        for _ in range(2):
            state.change("update", 10)
            night = assert_complete(home.sync())
            assert night.source("shop")["mode"] == ("incremental" if reading == "kf5" else "filter"), night
            assert_whole(home, state, about=night)
            assert not warnings(night), night
        now = datetime.now(timezone.utc)
        told = status(home)
        for key in ("cursor", "complete_at"):
            if key == "cursor" and reading != "kf5":
                continue  # Udesk tells no time of change
            assert told[key] and datetime.fromisoformat(told[key]) <= now, (key, told[key])


def test_a_clock_that_was_ahead_does_not_keep_the_alarm_asleep(home):
    """The metric of the last complete run lies never in the future, or the alarm on its age rings two years late."""
    file = home.folder / "ticketlake.prom"
    with synced(home, "kf5") as (_, emulator):
        set_clock_ahead(home)
        emulator.script = [refused()]
        run = home.sync("--metrics-file", str(file))
        assert run.code == 3, run
        values = figures(file).get("ticketlake_source_last_complete_timestamp_seconds", {})
        late = [value for value in values.values() if value > time.time()]
        assert not late, late
        emulator.script = []
        began = time.time()
        assert_complete(home.sync("--metrics-file", str(file)))
        last = of(figures(file), "ticketlake_source_last_complete_timestamp_seconds", source="shop", kind="kf5")
        assert last <= time.time() and last >= began - 3600, last


def test_tickets_without_a_date_are_in_a_full_read(home):
    """The window that no date names is read again, too."""
    with synced(home, "kf5", undated=0.1) as (state, _):
        path = partitions(home)[NO_DATE]
        path.write_bytes(path.read_bytes()[:-50])
        run = assert_complete(home.sync("--full"))
        assert_whole(home, state, about=run)
        assert recovered(run)["partitions"] == 1
