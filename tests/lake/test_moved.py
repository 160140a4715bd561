"""A ticket whose created_at changes belongs into another partition. It must leave the old one: whoever counts tickets counts it
twice otherwise, with two statuses, for as long as nobody looks. Never twice after a run, and after a kill only until the next."""

import os
import random
import shutil
import signal
import subprocess
import time

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from compare import whole_lake
from conftest import SEED, assert_complete
from damage import NO_DATE, READINGS, assert_each_in_its_place, assert_whole, configure, day, ids_in, largest, partitions, recovered, settled, synced
from sandbox import emulate, refused
from test_full_disk import failed
from worlds import NOW

KILLS = int(os.environ.get("CHECK_KILLS", "8"))  # of each reading, in each stage


def redate(state, number, created):
    state.put(state.fresh(number, created))


def dated(state):
    """The ids of tickets with a date, the oldest first."""
    return [ticket.id for ticket in state.ordered("created")[0] if ticket.created is not None]


def to_other_days(state):
    ids = dated(state)
    for number, of in zip(ids[20:26], ids[120:126]):
        redate(state, number, state.by_id[of].created)


def to_a_new_day(state):
    for place, number in enumerate(dated(state)[30:33]):
        redate(state, number, NOW - (60 + place) * 86400)


def to_no_date(state):
    for number in dated(state)[40:43]:
        redate(state, number, None)


def from_no_date(state):
    for number in [ticket.id for ticket in state.by_id.values() if ticket.created is None]:
        redate(state, number, NOW - 5 * 86400)


def two_change_places(state):
    one, other = (state.by_id[number] for number in (dated(state)[50], dated(state)[150]))
    redate(state, one.id, other.created)
    redate(state, other.id, one.created)


def a_whole_day_empties(state):
    """Nothing is left of the partition; its file must not stay with a row that moved."""
    first = state.by_id[dated(state)[0]].created
    for number in [number for number in dated(state) if state.by_id[number].created < first + 86400]:
        redate(state, number, NOW - 5 * 86400)


def past_the_cursor(state):
    """Created after the last run, as it says now: as if it were new."""
    for number in dated(state)[60:63]:
        redate(state, number, int(time.time()) - 1)


MOVES = [past_the_cursor, to_other_days, to_a_new_day, to_no_date, from_no_date, two_change_places, a_whole_day_empties]


@pytest.mark.parametrize("partition", ["day", "month"])
@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
@pytest.mark.parametrize("reading", READINGS)
def test_tickets_move_between_two_runs(home, reading, move, partition):
    """Today: 301 rows of 300 tickets, and `sync --full` does not heal it."""
    home.lake_settings["partition"] = partition
    with synced(home, reading, 200, 20 if partition == "day" else 100) as (state, _):
        move(state)
        state.change("update", 5)
        run = home.sync()
        assert_whole(home, state, about=run)
        assert_complete(run)
        run = assert_complete(home.sync("--full"))
        assert_whole(home, state, about=run)


@pytest.mark.parametrize("reading", READINGS)
def test_a_ticket_that_moved_is_not_new(home, reading):
    """A count of new tickets that holds old ones is wrong in every chart that is made of it."""
    with synced(home, reading, 200, 20) as (state, _):
        to_other_days(state)
        past_the_cursor(state)
        tickets = assert_complete(home.sync()).source("shop")["tickets"]
    assert (tickets["new"], tickets["changed"]) == (0, 9), tickets


@pytest.mark.parametrize("reading", READINGS)
def test_a_ticket_that_moves_every_night(home, reading):
    with synced(home, reading, 200, 20) as (state, _):
        number = dated(state)[60]
        first = state.by_id[number].created
        for created in (NOW - 3 * 86400, first, None, NOW - 70 * 86400, first):
            redate(state, number, created)
            run = assert_complete(home.sync())
            assert_whole(home, state, about=run)


def moving_at(emulator, place, move):
    """Lets tickets move just before the list answer of that number, counted from now."""
    first = emulator.lists

    def before_list(count):
        if count == first + place:
            move(emulator.state)
    emulator.before_list = before_list


def ahead_and_back(state):
    """From what is read first to what is read last, and the other way."""
    ids = dated(state)
    for one, other in zip(ids[:4], ids[-4:]):
        early, late = state.by_id[one].created, state.by_id[other].created
        redate(state, one, late)
        redate(state, other, early)


def settle(home, state, run):
    """After a run over moving tickets: each once, where its version belongs; after the next, as the source has it."""
    assert run.code in (0, 3), run
    assert_each_in_its_place(home, run)
    if run.code == 0:
        missing = state.by_id.keys() - {number for _, number in whole_lake(home.lake)}
        assert not missing, f"complete, and {sorted(missing)[:10]} are not there: {run!r}"
    calm = assert_complete(home.sync())
    assert_whole(home, state, about=calm)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("place", [1, 3, 6, 9, 12])
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_tickets_move_while_the_first_sync_reads(home, vendor, place, concurrency):
    state = settled(vendor, 200)
    with emulate(vendor, state) as emulator:
        configure(home, vendor, emulator, page_size=20, concurrency=concurrency)
        moving_at(emulator, place, ahead_and_back)
        run = home.sync()
        emulator.before_list = None
        settle(home, state, run)


@pytest.mark.parametrize("place", [1, 3, 6, 9])
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_tickets_move_while_a_full_read_reads(home, vendor, place):
    with synced(home, vendor, 200, 20, page_size=20) as (state, emulator):
        moving_at(emulator, place, ahead_and_back)
        run = home.sync("--full")
        emulator.before_list = None
        settle(home, state, run)


@pytest.mark.parametrize("seed", range(SEED, SEED + 3))
@pytest.mark.parametrize("reading", READINGS)
def test_tickets_move_all_the_time(home, reading, seed):
    """Before each list answer one ticket gets another date, over a first sync and two nights."""
    vendor = reading.split()[0]
    state = settled(vendor, 200, undated=0.02, seed=seed)
    with emulate(vendor, state, changes={"redate": 1}, seed=seed) as emulator:
        configure(home, reading, emulator, page_size=20)
        for _ in range(3):
            run = home.sync()
            assert run.code in (0, 3), run
            assert_each_in_its_place(home, run)
        emulator.changes = {}
        settle(home, state, home.sync())


def out_of_and_into(state):
    """Out of the window of the backfill, into it, and within it."""
    inside = [number for number in dated(state) if NOW - 13 * 86400 < state.by_id[number].created < NOW - 7 * 86400]
    outside = [number for number in dated(state) if state.by_id[number].created < NOW - 15 * 86400]
    for number in inside[:3]:
        redate(state, number, state.by_id[outside[-1]].created)
    for number in outside[:3]:
        redate(state, number, state.by_id[inside[-1]].created)
    redate(state, inside[4], state.by_id[inside[-4]].created)
    redate(state, inside[-5], state.by_id[inside[5]].created)


@pytest.mark.parametrize("place", [0, 1, 2, 4])
@pytest.mark.parametrize("reading", READINGS)
def test_tickets_move_before_and_while_a_backfill_reads(home, reading, place):
    with synced(home, reading, 200, 20, page_size=20) as (state, emulator):
        if place:
            moving_at(emulator, place, out_of_and_into)
        else:
            out_of_and_into(state)
        run = home.run("backfill", "--since", day(14), "--until", day(6), "--json")
        emulator.before_list = None
        settle(home, state, run)


def plan_windows(home):
    run = home.run("plan", "--json")
    assert run.code == 0, run
    return [window["id"] for window in run.summary["sources"][0]["windows"]]


@pytest.mark.parametrize("partition", ["day", "month"])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_tickets_move_between_two_workers(home, after, partition):
    """From a window that was read into one that was not, and the other way; `--finish` leaves each once, none nowhere."""
    home.lake_settings["partition"] = partition
    state = settled("kf5", 240, days=110, undated=0.02)
    with emulate("kf5", state) as emulator:
        configure(home, "kf5", emulator)
        windows = plan_windows(home)
        assert len(windows) > 3, windows
        for place, window in enumerate(windows):
            assert_complete(home.sync("--window", window))
            if place + 1 == after:
                ahead_and_back(state)
                to_no_date(state)
        run = home.sync("--finish")
        assert_whole(home, state, about=run)
        assert_complete(run)
        night = assert_complete(home.sync())
        assert_whole(home, state, about=night)


def test_a_ticket_that_two_workers_read(home):
    """Until `--finish` it may be there twice; that run removes the older one, also if it is the only thing left to do."""
    state = settled("kf5", 240, days=110)
    with emulate("kf5", state) as emulator:
        configure(home, "kf5", emulator)
        windows = plan_windows(home)
        assert_complete(home.sync("--window", windows[0]))
        number = dated(state)[0]
        redate(state, number, NOW - 5 * 86400)
        for window in windows[1:]:
            assert_complete(home.sync("--window", window))
        assert whole_lake(home.lake)["shop", number] == 2
        run = assert_complete(home.sync("--finish"))
        assert_whole(home, state, about=run)


def two_dates(state, count=3):
    """Tickets that moved, forwards and back, and that lists go on showing under the old date as well. → the old versions."""
    ids, old, now = dated(state), [], int(time.time())
    for one, other in zip(ids[10 : 10 + count], ids[150 : 150 + count]):
        early, late = state.by_id[one].created, state.by_id[other].created
        old += [state.fresh(one, early, now - 30), state.fresh(other, late, now - 30)]
        state.put(state.fresh(one, late, now))
        state.put(state.fresh(other, early, now))
    return old


@pytest.mark.parametrize("command", [["sync"], ["sync", "--full"], ["backfill", "--since", "2000-01-01"]], ids=" ".join)
@pytest.mark.parametrize("begun", [False, True], ids=["empty lake", "later night"])
@pytest.mark.parametrize("reading", READINGS)
def test_tickets_that_one_list_shows_twice_with_two_dates(home, reading, begun, command):
    """A vendor's index that lags shows both versions; the newer one counts, wherever the older one lies."""
    vendor = reading.split()[0]
    state = settled(vendor, 200)
    with emulate(vendor, state) as emulator:
        configure(home, reading, emulator, page_size=40)
        if begun:
            assert_complete(home.sync())
        old = two_dates(state)
        state.show_twice(old)
        run = home.run(*command, "--json")
        assert run.code in (0, 3), run
        assert_each_in_its_place(home, run)
        rows = whole_lake(home.lake)
        assert run.code == 3 or state.by_id.keys() <= {number for _, number in rows}
        state.show_twice([])
        calm = assert_complete(home.sync())
        assert_whole(home, state, about=calm)


def plant(home, into, age=0):
    """Puts a second row of a ticket into another partition by hand, updated `age` seconds before its own. → its id."""
    (_, path, ids), (_, other, _) = largest(home)
    number = sorted(ids)[2]
    row = pq.read_table(path, partitioning=None)
    row = row.filter(pc.equal(row["id"], number))
    place = row.schema.get_field_index("updated_at")
    moment = row["updated_at"].to_pylist()[0]
    row = row.set_column(place, row.schema.field(place), pa.array([moment.replace(year=moment.year - (1 if age else 0))], row.schema.field(place).type))
    if into == "a new partition":
        other = path.parent.with_name("created_date=2019-03-01") / path.name
        other.parent.mkdir()
        made = row
    else:
        made = pa.concat_tables([pq.read_table(other, partitioning=None), row]).sort_by("id")
    pq.write_table(made.cast(row.schema), other, compression="zstd", store_schema=False)
    assert whole_lake(home.lake)["shop", number] == 2
    return number


@pytest.mark.folder
@pytest.mark.parametrize("command", [["sync"], ["sync", "--full"], ["backfill", "--since", "2000-01-01"]], ids=" ".join)
@pytest.mark.parametrize("age", [0, 1], ids=["a copy", "an older version"])
@pytest.mark.parametrize("into", ["a new partition", "one that is there"])
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_ticket_that_is_there_twice_is_healed(home, vendor, into, age, command):
    """Planted by hand, left by an older version, or by a fault of ours: a run leaves the one that is right."""
    with synced(home, vendor) as (state, _):
        plant(home, into, age)
        run = home.run(*command, "--json")
        assert_whole(home, state, about=run)
        assert_complete(run)
        assert recovered(run)["partitions"] >= 1, run


def killed_runs(home, state, emulator, command, rng, kills, change):
    """Kills `command` at instants within its usual time; each time the next run is judged. → hits."""
    began = time.monotonic()
    change(state)
    assert_complete(home.run(*command, "--json"))
    within, hits = time.monotonic() - began, 0
    for _ in range(4 * kills):
        if hits == kills:
            break
        change(state)
        process = home.start(*command)
        time.sleep(rng.random() * within)
        process.kill()
        process.communicate()
        home.expire()
        hits += process.returncode == -signal.SIGKILL
        run = assert_complete(home.run(*rng.choice([command, ["sync"]]), "--json"))
        assert_each_in_its_place(home, run)
    return hits


@pytest.mark.parametrize("command", [["sync"], ["sync", "--full"], ["backfill", "--since", day(14), "--until", day(6)]], ids=["sync", "full", "backfill"])
@pytest.mark.parametrize("reading", ["kf5", "udesk"])
def test_kills_while_tickets_move(home, reading, command):
    """kill -9 at any instant: a moved ticket is there twice at most until the next run has ended, and is never nowhere."""
    rng = random.Random(f"moves {reading} {command} {SEED}")

    def change(state):
        state.change("redate", 4)
        state.change("update", 4)

    with synced(home, reading, 150, 20, quirks={"latency": 0.004}, page_size=40) as (state, emulator):
        hits = killed_runs(home, state, emulator, command, rng, KILLS, change)
        run = assert_complete(home.sync())
        assert_whole(home, state, about=run)
    assert hits >= KILLS // 2, hits


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_kills_while_tickets_move_in_the_first_sync(home, vendor):
    rng = random.Random(f"first moves {vendor} {SEED}")
    state = settled(vendor, 150)
    with emulate(vendor, state, changes={"redate": 1}, latency=0.004) as emulator:
        configure(home, vendor, emulator, page_size=20)
        began = time.monotonic()
        assert home.sync().code in (0, 3)
        usual = time.monotonic() - began
        for _ in range(KILLS):
            home.empty()
            for _ in range(3):
                process = home.start("sync")
                time.sleep(rng.random() * usual)
                process.kill()
                process.communicate()
                home.expire()
            run = home.sync()
            assert run.code in (0, 3), run
            assert_each_in_its_place(home, run)
        emulator.changes = {}
        run = assert_complete(home.sync())
        assert_whole(home, state, about=run)


@pytest.mark.folder
@pytest.mark.parametrize("then", ["sync", "backfill", "--finish"])
def test_a_move_that_stopped_half_way_is_ended_before_the_source_is_asked(home, then):
    """The next run, whatever it is, removes the copy that was left, also on a night on which the source is away."""
    with synced(home, "kf5", undated=0.05) as (state, emulator):
        undated = next(ticket for ticket in state.by_id.values() if ticket.created is None)
        redate(state, undated.id, NOW - 86400)
        path = partitions(home)[NO_DATE]
        places = [str(path.parent), str(path)]
        if subprocess.run(["chattr", "+i", *places], capture_output=True).returncode:
            pytest.skip("no file can be made immutable here")
        try:
            failed(home.start("sync", "--json"))
        finally:
            subprocess.run(["chattr", "-i", *places], check=True)
        assert whole_lake(home.lake)["shop", undated.id] == 2, "the new row is not there before the old one leaves"
        emulator.script = [refused()]
        command = {"sync": ["sync"], "backfill": ["backfill", "--since", day(3)], "--finish": ["sync", "--finish"]}[then]
        run = home.run(*command, "--json")
        assert run.code == 3, run
        assert_each_in_its_place(home, run)
        assert undated.id not in ids_in(path) if path.exists() else True
        emulator.script = []
        run = assert_complete(home.sync())
        assert_whole(home, state, about=run)


@pytest.mark.folder
@pytest.mark.parametrize("reading", READINGS)
def test_a_lost_ticket_that_moved_meanwhile(home, reading):
    """Lost with its partition, and of another date now: it comes back once, where it belongs now."""
    with synced(home, reading) as (state, _):
        (_, path, ids), (_, other, _) = largest(home)
        moved = sorted(ids)[:2]
        for number in moved:
            redate(state, number, state.by_id[min(ids_in(other))].created)
        shutil.rmtree(path.parent)
        run = home.sync()
        assert_whole(home, state, about=run)
        assert_complete(run)
