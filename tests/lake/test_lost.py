"""A lake that lost something between two nights: somebody deleted, cut, exchanged or restored files. Unnoticed, `complete`
is a lie, and the tickets are missing from every report until a ticket happens to change. The next run must bring back what
was lost, or say what is missing and end with exit 3."""

import shutil
from collections import Counter

import pytest

from compare import whole_lake
from conftest import assert_complete
from damage import (DAMAGES, NO_DATE, NOTHING, READINGS, aside, assert_whole, changed_paths, day, delete_all, delete_file, delete_folder, delete_undated, double,
                    empty, ids_in, largest, misplaced, overwrite_with_another, partitions, promised, recovered, said, status, swap, synced, touch, tree, truncate, warnings)

pytestmark = pytest.mark.folder


def assert_recovered(run, lost, wrong):
    """The run brought back what was lost, and does not take that for news of the source."""
    assert_complete(run)
    told, tickets = recovered(run), run.source("shop")["tickets"]
    assert told["partitions"] >= len(wrong) and told["tickets"] >= len(lost) and told["lost"] == 0, (told, len(lost), wrong)
    assert (tickets["new"], tickets["changed"], tickets["deleted"]) == (0, 0, 0), tickets
    assert tickets["read"] >= told["tickets"], tickets


def assert_calm(run):
    """A run that finds the lake as it left it."""
    assert_complete(run)
    assert recovered(run) == NOTHING, run
    assert run.source("shop")["lake"]["files_written"] == 0, run


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("reading", READINGS)
def test_the_next_sync_brings_back_what_was_lost(home, reading, damage):
    """Today: exit 0 and "complete", and the tickets stay lost for days."""
    with synced(home, reading) as (state, _):
        lost, wrong, unreadable = damage(home)
        run = home.sync()
        assert_whole(home, state, about=run)
        assert_recovered(run, lost, wrong)
        # What no reader opens would make every glob over the lake fail; it is kept for people to look at.
        kept = aside(home)
        assert all(content in kept for content in unreadable), f"{len(kept)} files in _ticketlake/aside"
        assert_calm(home.sync())
        assert_whole(home, state)


@pytest.mark.parametrize("damage", [delete_all, delete_folder, truncate, overwrite_with_another, swap, double], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("reading", ["kf5", "udesk"])
def test_a_lake_by_month_is_brought_back_too(home, reading, damage):
    home.lake_settings["partition"] = "month"
    with synced(home, reading, days=100) as (state, _):
        lost, wrong, _ = damage(home)
        run = home.sync()
        assert_whole(home, state, about=run)
        assert_recovered(run, lost, wrong)


@pytest.mark.parametrize("reading", READINGS)
def test_the_tickets_without_a_date_are_brought_back(home, reading):
    """No window of creation holds them."""
    with synced(home, reading, undated=0.1) as (state, _):
        lost, wrong, _ = delete_undated(home)
        assert len(lost) > 3
        run = home.sync()
        assert_whole(home, state, about=run)
        assert_recovered(run, lost, wrong)


@pytest.mark.parametrize("reading", READINGS)
def test_lost_tickets_come_back_as_they_are_at_the_source_now(home, reading):
    """Changes, new tickets and a loss in one night: none hides another."""
    with synced(home, reading) as (state, _):
        lost, _, _ = delete_folder(home)
        for number in sorted(lost)[:3]:
            state.put(state.fresh(number, state.by_id[number].created))
        state.change("update", 10)
        state.change("insert", 4)
        run = assert_complete(home.sync())
        assert_whole(home, state, about=run)
        assert run.source("shop")["tickets"]["new"] == 4
        assert recovered(run)["partitions"] == 1 and recovered(run)["tickets"] >= len(lost) - 3
        assert_whole(home, state, about=assert_complete(home.sync()))


@pytest.mark.parametrize("keep", ["time of the copy", "its own time"])
@pytest.mark.parametrize("reading", READINGS)
def test_a_file_restored_from_yesterdays_backup(home, reading, keep):
    """The file is sound and a day old: what changed since would be wrong until the tickets change again."""
    copy = shutil.copy2 if keep == "its own time" else shutil.copy
    with synced(home, reading) as (state, _):
        (value, path, ids), _ = largest(home)
        backup = home.folder / "backup.parquet"
        copy(path, backup)
        touched = sorted(ids)[:4]
        for number in touched:
            state.put(state.fresh(number, state.by_id[number].created))
        assert_complete(home.sync())
        copy(backup, path)
        run = home.sync()
        assert_whole(home, state, about=run)
        assert_recovered(run, touched, [value])
        assert_calm(home.sync())


@pytest.mark.parametrize("reading", ["kf5", "udesk"])
def test_a_whole_folder_restored_from_yesterdays_backup(home, reading):
    """As an administrator does it: `tickets/` back as it was, with the state of today beside it."""
    with synced(home, reading) as (state, _):
        shutil.copytree(home.lake / "tickets", home.folder / "backup")
        fresh = state.change("insert", 5)
        changed = set(state.change("update", 20)) - set(fresh)
        assert_complete(home.sync())
        shutil.rmtree(home.lake / "tickets")
        shutil.copytree(home.folder / "backup", home.lake / "tickets")
        run = home.sync()
        assert_whole(home, state, about=run)
        assert_complete(run)
        assert recovered(run)["tickets"] >= len(changed) + len(fresh), recovered(run)


@pytest.mark.parametrize("reading", ["kf5", "udesk by filter"])
def test_a_file_that_was_only_touched_is_no_damage(home, reading):
    """`rsync` without `-t`, `chmod`, a restored folder: other times, the same bytes. Nothing is read again."""
    with synced(home, reading) as (_, emulator):
        first = len(emulator.requests)
        assert_calm(home.sync())
        usual = len(emulator.requests) - first
        for path in partitions(home).values():
            touch(path)
        first = len(emulator.requests)
        run = home.sync()
        assert_calm(run)
        assert len(emulator.requests) - first == usual
        assert not aside(home) and not warnings(run), run
        assert_calm(home.sync())


@pytest.mark.parametrize("damage", [delete_all, delete_file, truncate, swap, double], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("reading", ["kf5", "udesk"])
def test_a_backfill_of_another_window_looks_at_the_whole_source(home, reading, damage):
    """A person who repairs one week by hand must not leave believing that the rest is there."""
    with synced(home, reading) as (state, _):
        first = next(iter(partitions(home)))
        lost, wrong, _ = damage(home)
        assert wrong[0] != first or len(wrong) > 2
        run = home.run("backfill", "--since", first, "--until", day(8), "--json")
        assert_whole(home, state, about=run)
        assert_recovered(run, lost, wrong)


@pytest.mark.parametrize("reading", ["kf5", "udesk"])
def test_a_full_read_brings_back_what_was_lost(home, reading):
    with synced(home, reading) as (state, _):
        truncate(home)
        run = home.sync("--full")
        assert_whole(home, state, about=run)
        assert_complete(run)
        assert recovered(run)["partitions"] >= 1


def unreadable(reading):
    """The source answers for its definitions and for what changed, and for nothing else."""
    if reading == "kf5":
        return lambda path: 500 if "/tickets" in path and "updated_" not in path else None
    return lambda path: 500 if path.startswith("/api/v1/tickets") else None


@pytest.mark.parametrize("damage", [delete_folder, truncate, delete_all], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("reading", ["kf5", "udesk by filter"])
def test_while_the_source_fails_the_run_says_what_is_missing(home, reading, damage):
    """Exit 3 until it is back, with the number and the partition; what changed meanwhile is not held up."""
    with synced(home, reading, max_retries=0) as (state, emulator):
        lost, wrong, _ = damage(home)
        # Where all is lost, those of the smallest partition: it is whole again, and no longer named.
        places = promised(home, state).partitions
        smallest = Counter(places.values()).most_common()[-1][0]
        inside = sorted(state.by_id.keys() - lost)[:5] or [number for number in places if places[number] == smallest]
        for number in inside:
            state.put(state.fresh(number, state.by_id[number].created))
        emulator.refuse = unreadable(reading)
        run = home.sync()
        assert run.code == 3 and run.summary["outcome"] == "incomplete", run
        why = run.source("shop")["error"]
        back = {number for _, number in whole_lake(home.lake)}
        missing, places = lost - back, promised(home, state).partitions
        wrong = sorted({places[number] for number in missing})
        assert missing and str(len(missing)) in why and any(value in why for value in wrong), why
        assert any(value in run.err for value in wrong), run
        told = status(home)["missing"]
        assert told["tickets"] == len(missing), told
        assert sorted(str(value).split("=")[-1] for value in told["partitions"]) == wrong, told
        assert not misplaced(home) and set(inside) <= back
        assert any(value in home.run("status").out for value in wrong)
        # A second night is no more complete than the first.
        assert home.sync().code == 3
        emulator.refuse = None
        for command in ("plan", "doctor"):
            looked = home.run(command)
            assert looked.code == 0 and any(value in said(looked) for value in wrong), looked
        healed = home.sync()
        assert_whole(home, state, about=healed)
        assert_complete(healed)
        assert status(home)["missing"] == {"partitions": [], "tickets": 0}


@pytest.mark.parametrize("reading", ["kf5", "udesk"])
def test_people_are_told_before_the_next_run(home, reading):
    """Who asks `status`, `plan` or `doctor` in the morning learns it there, and nothing is written by asking."""
    with synced(home, reading) as (_, _):
        calm = status(home)
        assert calm["missing"] == {"partitions": [], "tickets": 0} and not calm["changed_files"]
        lost, [value], _ = delete_folder(home)
        before = tree(home.lake)
        told = status(home)
        assert told["missing"]["tickets"] == len(lost) and [str(one).split("=")[-1] for one in told["missing"]["partitions"]] == [value], told
        for command in ("status", "plan", "doctor"):
            run = home.run(command)
            assert run.code == 0 and value in said(run), run
        assert changed_paths(before, tree(home.lake)) == []


def test_a_changed_file_is_named_by_status(home):
    with synced(home, "kf5"):
        _, [value], _ = truncate(home)
        assert value in str(status(home)["changed_files"]), status(home)
        run = home.run("doctor")
        assert run.code == 0 and value in said(run), run


@pytest.mark.parametrize("reading", READINGS)
def test_rows_of_tickets_that_are_gone_for_good(home, reading):
    """Tickets that the source no longer has cannot be read again: counted, warned of once, and no run is incomplete for them."""
    with synced(home, reading, delete_brake="50%") as (state, _):
        (value, path, ids), _ = largest(home)
        marked, unmarked = sorted(ids)[:2], sorted(ids)[2:3]
        for number in marked:
            state.drop(number)
        assert assert_complete(home.sync("--full")).source("shop")["tickets"]["deleted"] == len(marked)
        for number in unmarked:
            state.drop(number)
        shutil.rmtree(path.parent)
        run = assert_complete(home.sync())
        assert_whole(home, state, about=run)
        assert recovered(run)["lost"] == len(marked) + len(unmarked), recovered(run)
        assert recovered(run)["tickets"] >= len(ids) - len(marked) - len(unmarked)
        assert len(warnings(run, "deleted at the source")) == 1, run
        again = assert_complete(home.sync())
        assert recovered(again) == NOTHING and not warnings(again, "lost", "gone", value), again
        assert status(home)["missing"] == {"partitions": [], "tickets": 0}


@pytest.mark.parametrize("reading", ["kf5", "udesk"])
def test_a_partition_of_which_the_source_has_nothing_left(home, reading):
    with synced(home, reading, delete_brake="50%") as (state, _):
        (value, path, ids), _ = largest(home)
        for number in ids:
            state.drop(number)
        path.unlink()
        run = assert_complete(home.sync())
        assert recovered(run)["lost"] == len(ids) and value not in partitions(home)
        assert_whole(home, state, about=run)
        assert_calm(home.sync())


TABLES = ["ticket_fields", "ticket_field_options"]


def spoil_table(home, table, how):
    path = home.lake / table / "source=shop/part-0.parquet"
    if how == "deleted":
        shutil.rmtree(path.parents[1])
    elif how == "exchanged":
        shutil.copy(home.lake / TABLES[1 - TABLES.index(table)] / "source=shop/part-0.parquet", path)
    else:
        path.write_bytes(path.read_bytes()[: 0 if how == "emptied" else -20])


@pytest.mark.parametrize("how", ["deleted", "truncated", "emptied", "exchanged"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("reading", ["kf5", "udesk"])
def test_a_small_table_is_written_anew(home, reading, table, how):
    """Labels and options are in no other file; the run says that it wrote them, since inactive ones do not come back."""
    with synced(home, reading) as (state, _):
        spoil_table(home, table, how)
        run = assert_complete(home.sync())
        assert_whole(home, state, about=run)
        assert warnings(run, table), f"no warning names {table}: {run!r}"
        again = assert_complete(home.sync())
        assert not warnings(again, table), again


STATES = {"state": "the state of every source", "": "everything that is no table", "newest": "the newest version of the state"}


@pytest.mark.parametrize("also", [None, truncate, delete_folder, empty], ids=lambda damage: damage.__name__ if damage else "sound files")
@pytest.mark.parametrize("what", STATES, ids=STATES.get)
@pytest.mark.parametrize("reading", ["kf5", "udesk"])
def test_the_manifest_is_made_again_from_the_files(home, reading, what, also):
    """The manifest is a memory, never the only truth: without it a run ends right, with no ticket twice."""
    with synced(home, reading) as (state, _):
        state.change("update", 10)
        assert_complete(home.sync())
        if what == "newest":
            max((home.lake / "_ticketlake/state/shop").glob("*.json")).unlink()
        else:
            shutil.rmtree(home.lake / "_ticketlake" / what)
        if also:
            also(home)
        state.change("insert", 3)
        state.change("update", 10)
        run = home.sync()
        assert_whole(home, state, about=run)
        assert_complete(run)
        # And from then on it knows again what it holds.
        delete_file(home)
        run = home.sync()
        assert_whole(home, state, about=run)
        assert recovered(assert_complete(run))["partitions"] == 1


def test_one_source_of_two_is_healed_without_the_other(home):
    """`--source` looks at what it selects, and only there."""
    with synced(home, "kf5") as (state, emulator):
        home.source("other", "kf5", emulator.origin, max_retries=1)
        assert_complete(home.sync())
        (value, path, _), _ = largest(home)
        path.unlink()
        partitions(home, "other")[value].unlink()
        run = assert_complete(home.sync("--source", "shop"))
        assert recovered(run)["partitions"] == 1 and value not in partitions(home, "other")
        run = assert_complete(home.sync())
        assert recovered(run, "other")["partitions"] == 1 and recovered(run) == NOTHING
        for name in ("shop", "other"):
            assert_whole(home, state, name=name)


def test_files_that_are_not_ours_stay_where_they_are(home):
    """A stranger's folder below `tickets/` is another matter than a lost partition: no run deletes what it did not write."""
    with synced(home, "kf5") as (state, _):
        stranger = home.folder / "lake/tickets/source=stranger/created_date=2024-01-01/part-0.parquet"
        stranger.parent.mkdir(parents=True)
        shutil.copy(largest(home)[0][1], stranger)
        assert_complete(home.sync())
        assert len(ids_in(stranger)) > 0
        shutil.rmtree(stranger.parents[1])
        assert_whole(home, state)
