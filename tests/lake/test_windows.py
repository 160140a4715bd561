"""What is read in part says so: a window is complete as a window, never as "everything"; the record of a run tells what it read
and how it ended, also where it was killed. An alarm that listens to `complete_at` must not fall asleep over one month of five."""

import json
import time
from datetime import datetime, timedelta

import pytest

from compare import whole_lake
from conftest import assert_complete
from damage import NO_DATE, NOTHING, SHANGHAI, assert_whole, changed_paths, configure, day, delete_folder, partitions, recovered, said, settled, status, synced, tree, warnings
from sandbox import emulate, refused
from test_full_disk import limited
from test_moved import plan_windows
from test_told import figures, of

pytestmark = pytest.mark.folder
METRIC = "ticketlake_source_last_complete_timestamp_seconds"


def instant(text):
    """A date in the lake's zone, or an instant."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def ends(window):
    """`shop:2026-09-01..2026-10-01` → its two instants; None where it is open."""
    return tuple(instant(end) if end else None for end in window.split(":", 1)[1].split(".."))


def range_of(source):
    assert "range" in source, f"no range in {source}"
    return tuple(instant(source["range"][key]) if source["range"][key] else None for key in ("since", "until"))


@pytest.fixture
def account(home):
    state = settled("kf5", 240, days=110, undated=0.02)
    with emulate("kf5", state) as emulator:
        configure(home, "kf5", emulator)
        yield state, emulator


@pytest.mark.parametrize("partition", ["day", "month"])
def test_a_window_is_complete_as_a_window(home, account, partition):
    home.lake_settings["partition"] = partition
    file = home.folder / "ticketlake.prom"
    windows = plan_windows(home)
    assert len(windows) >= 4
    for place, window in enumerate(windows):
        if place % 2:
            run = home.sync("--window", window, "--metrics-file", str(file))
            assert_complete(run)
            assert run.source("shop")["outcome"] == "complete" and run.source("shop")["mode"] == "window", run.source("shop")
            assert range_of(run.source("shop")) == ends(window)
            assert run.source("shop")["lake_total"] is None
        else:
            run = home.run("sync", "--window", window, "--metrics-file", str(file))
            assert run.code == 0 and "window complete" in said(run).lower(), run
        assert "everything" not in said(run).lower(), run
        assert METRIC not in figures(file), file.read_text(encoding="utf-8")
        told = status(home)
        assert "complete_at" in told and told["complete_at"] is None, told
    done = assert_complete(home.sync("--finish", "--metrics-file", str(file)))
    assert_whole(home, account[0], about=done)
    began = datetime.fromisoformat(done.summary["started_at"]).timestamp()
    assert began - 60 <= of(figures(file), METRIC, source="shop", kind="kf5") <= time.time()
    assert status(home)["complete_at"]


@pytest.mark.parametrize("partition", ["day", "month"])
def test_part_of_a_source_moves_nothing_of_what_speaks_of_all(home, account, partition):
    """A window and a backfill after a complete sync: `complete_at` and the metric stay what the sync made them."""
    home.lake_settings["partition"] = partition
    file = home.folder / "ticketlake.prom"
    assert_complete(home.sync("--metrics-file", str(file)))
    before, told = status(home), of(figures(file), METRIC, source="shop", kind="kf5")
    assert before["complete_at"]
    for command in (["sync", "--window", plan_windows(home)[1] if plan_windows(home)[1:] else f"shop:{day(0)[:8]}01.."], ["backfill", "--since", day(20), "--until", day(5)]):
        run = home.run(*command, "--json", "--metrics-file", str(file))
        assert_complete(run)
        assert "everything" not in said(run).lower(), run
        assert status(home)["complete_at"] == before["complete_at"], command
        assert of(figures(file), METRIC, source="shop", kind="kf5") == told, command


def test_a_window_writes_its_files_and_its_record_and_no_state(home, account):
    """Workers share a lake and no state: two that commit it would lose each other's."""
    windows = plan_windows(home)
    for window in windows[:2]:
        assert_complete(home.sync("--window", window))
        assert not list((home.lake / "_ticketlake/state").rglob("*.json"))
    for window in windows[2:]:
        assert_complete(home.sync("--window", window))
    assert_complete(home.sync("--finish"))
    state = tree(home.lake / "_ticketlake/state")
    assert_complete(home.sync("--window", windows[1]))
    assert changed_paths(state, tree(home.lake / "_ticketlake/state")) == []


FIRST = (datetime.now(SHANGHAI).replace(day=1) - timedelta(days=40)).replace(day=1)  # the first of a month, one or two months ago


def month(offset):
    """The first of the month `offset` months from FIRST."""
    place = FIRST.year * 12 + FIRST.month - 1 + offset
    return f"{place // 12:04}-{place % 12 + 1:02}-01"


WRONG = [
    f"shop:{month(0)[:8]}02..{month(1)}", f"shop:{month(0)}..{month(1)[:8]}15", f"shop:{month(0)[:8]}15..", f"shop:..{month(0)[:8]}02",
    f"shop:{month(-1)}..{month(1)}", f"shop:{month(1)}..{month(0)}", f"shop:{month(0)}..{month(0)}", f"shop:{month(0)}T00:00:00Z..{month(1)}",
    f"shop:{month(0)}", "shop", "shop:2024-13-01..2025-01-01", "shop:2024-1-1..2024-2-1", f"nobody:{month(0)}..{month(1)}", "",
]
RIGHT = [f"shop:{month(0)}..{month(1)}", f"shop:..{month(0)}", f"shop:{month(0)}.."]


@pytest.mark.parametrize("window", WRONG)
def test_an_id_that_is_no_month(home, account, window):
    """Two workers would share a partition, and the later one would undo the earlier."""
    run = home.sync("--window", window)
    assert run.code == 2 and ("--window" in run.err or "--source" in run.err), run
    assert not home.lake.exists() and not account[1].requests
    assert_complete(home.sync())
    before, first = tree(home.lake), len(account[1].requests)
    run = home.sync("--window", window)
    assert run.code == 2 and changed_paths(before, tree(home.lake)) == [] and len(account[1].requests) == first, run


@pytest.mark.parametrize("window", RIGHT)
def test_an_id_that_is_a_month(home, account, window):
    assert range_of(assert_complete(home.sync("--window", window)).source("shop")) == ends(window)


@pytest.mark.parametrize("partition", ["day", "month"])
def test_verify_sees_a_missing_partition_after_windows(home, account, partition):
    """The workers' records become the manifest: what they read is known, and its loss is seen."""
    home.lake_settings["partition"] = partition
    for window in plan_windows(home):
        assert_complete(home.sync("--window", window))
    assert_complete(home.sync("--finish"))
    assert home.run("verify").code == 0
    lost, [value], _ = delete_folder(home)
    run = home.run("verify")
    assert run.code == 6 and value in said(run), run
    healed = home.sync()
    assert_whole(home, account[0], about=healed)
    assert recovered(assert_complete(healed))["partitions"] == 1


@pytest.mark.parametrize("when", ["before the finish", "after it"])
def test_a_partition_that_is_lost_between_workers(home, account, when):
    """A worker heals nothing outside its window, but says what it sees; `--finish` brings it back."""
    windows = plan_windows(home)
    for window in windows:
        assert_complete(home.sync("--window", window))
    if when == "after it":
        assert_complete(home.sync("--finish"))
    lost, [value], _ = delete_folder(home)
    other = next(window for window in windows if not (ends(window)[0] or datetime.min.replace(tzinfo=SHANGHAI)) <= instant(value))
    if when == "after it":
        run = assert_complete(home.sync("--window", other))
        assert value in str(warnings(run)), run
        assert value not in partitions(home)
    run = home.sync("--finish")
    assert_whole(home, account[0], about=run)
    assert_complete(run)
    assert recovered(run)["tickets"] >= len(lost) and recovered(run)["partitions"] == 1


# Records of runs

def records(home):
    """run_id → the record, the oldest first."""
    found = sorted((home.lake / "_ticketlake/runs").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in found}


@pytest.mark.parametrize("reading", ["kf5", "udesk"])
def test_the_record_of_a_backfill_holds_its_range(home, reading):
    """Otherwise nobody knows in a month which weeks were read again."""
    with synced(home, reading, count=60):
        plain = assert_complete(home.sync())
        assert range_of(plain.source("shop")) == (None, None)
        for more in (["--until", day(5)], []):
            run = assert_complete(home.run("backfill", "--since", day(9), *more, "--json"))
            found = range_of(run.source("shop"))
            assert found[0] == instant(day(9)) and (found[1] == instant(day(5)) if more else True)
            assert run.source("shop")["mode"] == "window" and run.source("shop")["lake_total"] is None
            kept = records(home)[run.summary["run_id"]]
            assert kept["sources"][0]["range"] == run.source("shop")["range"]
        assert home.run("runs", "show", "last", "--json").summary["sources"][0]["range"]["since"]


@pytest.mark.parametrize("command", [["sync"], ["sync", "--full"], ["backfill", "--since", day(9)]], ids=lambda command: " ".join(command[:2]))
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_killed_run_is_seen(home, vendor, command):
    """A machine that runs out of memory every night leaves no line in any log: `runs` must show it."""
    with synced(home, vendor, count=100, page_size=20, concurrency=1) as (state, emulator):
        emulator.latency = 0.3
        state.change("update", 30)
        first = len(emulator.requests)
        process = home.start(*command)
        end = time.monotonic() + 20
        while len(emulator.requests) < first + 3 and time.monotonic() < end:
            time.sleep(0.01)
        running = [record["command"] for record in records(home).values() if record["outcome"] == "running"]
        assert running == command[:1], f"the run at work has no record: {running}"
        process.kill()
        process.communicate()
        shown, listed = home.run("runs"), home.run("runs", "--json")
        assert shown.code == 0 and "died" in shown.out, shown
        assert [run["outcome"] for run in listed.summary["runs"]][0] == "died", listed
        emulator.latency = 0
        run = assert_complete(home.sync())
        assert_whole(home, state, about=run)
        outcomes = [run["outcome"] for run in home.run("runs", "--json").summary["runs"]]
        assert outcomes[:2] == ["complete", "died"] and "running" not in outcomes, outcomes


def test_a_run_at_work_has_not_died(home):
    with synced(home, "kf5", count=60, concurrency=1) as (state, emulator):
        emulator.latency = 0.5
        state.change("update", 30)
        first = len(emulator.requests)
        process = home.start("sync")
        end = time.monotonic() + 20
        while len(emulator.requests) < first + 2 and time.monotonic() < end:
            time.sleep(0.01)
        outcomes = [run["outcome"] for run in home.run("runs", "--json").summary["runs"]]
        process.communicate()
        assert outcomes[0] == "running", outcomes


SOURCE_KEYS = {"name", "kind", "outcome", "mode", "tickets", "fields", "requests", "paging", "rescued", "lake", "recovered", "lake_total",
               "range", "cursor", "seconds", "error"}
RUN_KEYS = {"run_id", "command", "started_at", "finished_at", "outcome", "sources", "exit_code", "error", "peak_memory_bytes"}


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_the_summary_has_all_its_keys(home, vendor):
    """Scripts read them from every run, whatever it did."""
    with synced(home, vendor, count=60, delete_brake="50%") as (state, emulator):
        for number in sorted(state.by_id)[:2]:
            state.drop(number)
        runs = [home.sync("--full"), home.sync(), home.run("backfill", "--since", day(5), "--json")]
        for run in map(assert_complete, runs):
            assert RUN_KEYS <= run.summary.keys(), RUN_KEYS - run.summary.keys()
            source = run.source("shop")
            assert SOURCE_KEYS <= source.keys(), SOURCE_KEYS - source.keys()
            assert (run.summary["exit_code"], run.summary["error"]) == (0, None)
            assert source["recovered"] == NOTHING
            assert records(home)[run.summary["run_id"]] == run.summary
        assert runs[0].source("shop")["lake_total"] == len(state.by_id) == runs[1].source("shop")["lake_total"]
        emulator.script = [refused()]
        failed = home.sync()
        assert failed.code == failed.summary["exit_code"] == 3 and failed.source("shop")["error"], failed
        assert RUN_KEYS <= failed.summary.keys() and SOURCE_KEYS <= failed.source("shop").keys()


def test_a_run_that_is_refused_gives_the_whole_object(home):
    home.source("shop", "kf5", "http://127.0.0.1:9")
    run = home.sync("--source", "nobody")
    assert run.code == 2 and run.summary, run
    assert RUN_KEYS - {"peak_memory_bytes"} <= run.summary.keys()
    assert (run.summary["outcome"], run.summary["exit_code"], run.summary["sources"]) == ("failed", 2, []) and "nobody" in run.summary["error"]
    looked = home.run("status", "--json")
    assert looked.code == 2 and looked.summary == {"command": "status", "error": looked.summary["error"], "exit_code": 2}, looked


@pytest.mark.parametrize("size", [0, 3_000])
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_rows_that_were_not_written_are_not_counted_as_unchanged(home, vendor, size):
    """A disk that is full: "300 unchanged" would say that the lake has them."""
    state = settled(vendor, 200)
    with emulate(vendor, state) as emulator:
        configure(home, vendor, emulator)

        def failing(*arguments):
            process = home.start("sync", "--json", *arguments, preexec_fn=limited(size))
            out, err = process.communicate(timeout=60)
            assert process.returncode in (1, 3) and out, (out + err).decode()
            return next(iter(json.loads(out)["sources"]), {"tickets": {"new": 0, "changed": 0, "unchanged": 0}})["tickets"]

        counts = failing()
        held = len(whole_lake(home.lake)) if any(home.lake.glob("tickets/**/*.parquet")) else 0
        assert counts["unchanged"] == 0 and counts["new"] == held, (counts, held)
        assert_complete(home.sync())
        changed = set(state.change("update", 40))
        counts = failing("--full")
        assert counts["changed"] == counts["new"] == 0 and counts["unchanged"] <= 200 - len(changed), (counts, len(changed))
        assert NO_DATE not in partitions(home) and assert_complete(home.sync())
        assert_whole(home, state)
