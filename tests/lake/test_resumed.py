"""Runs that stop before they are done, and the next one, which goes on: a deadline, a window, a dead run's lock."""

import json
import signal
import time
from types import SimpleNamespace

import pytest

from compare import read_table, whole_lake
from conftest import LAKE, SEED, add, assert_complete, assert_lake, expectation_of
from sandbox import emulate
from worlds import NOW, account


def day(ago):
    return time.strftime("%Y-%m-%d", time.gmtime(NOW - ago * 86400))


def state_of(home):
    """What the source's newest state says."""
    newest = max(home.lake.glob("_ticketlake/state/shop/*.json"))
    return json.loads(newest.read_text(encoding="utf-8"))


def expectation_with(state, gone):
    """What the lake must hold of the account, and of tickets that are gone."""
    made = expectation_of(state, "udesk")
    before = expectation_of(SimpleNamespace(fields=state.fields, texts=lambda: [state.versions[number][-1] for number in gone]), "udesk")
    made.rows.update(before.rows)
    made.partitions.update(before.partitions)
    made.undefined |= before.undefined
    return made


def interrupted(home, emulator, requests):
    """Starts a sync, and asks it to stop when it has sent so many requests. → how many it sent in all."""
    before = len(emulator.requests)
    process = home.start("sync")
    while len(emulator.requests) < before + requests:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert process.returncode == 130, (out, err)
    return len(emulator.requests) - before


def cost(emulator, run):
    before = len(emulator.requests)
    made = run()
    return made, len(emulator.requests) - before


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_deadline_ends_a_run_and_the_next_goes_on(home, vendor):
    state = account(vendor, 900, SEED)
    with emulate(vendor, state, latency=0.1) as emulator:
        add(home, "shop", emulator, page_size=20, concurrency=2)
        stopped = home.sync("--deadline", "1s")
        assert stopped.code == 3 and stopped.seconds < 5, stopped
        assert stopped.summary["outcome"] == "incomplete" and "deadline" in stopped.source("shop")["error"]
        committed = set(whole_lake(home.lake))
        assert committed, "nothing that was read is in the lake"
        emulator.latency = 0
        _, rest = cost(emulator, lambda: assert_complete(home.sync()))
        assert committed <= set(whole_lake(home.lake))
        _, whole = cost(emulator, lambda: assert_complete(home.sync("--full")))
    assert_lake(home, "shop", vendor, expectation_of(state, vendor))
    if vendor == "kf5":
        assert rest < whole, f"{rest} requests to go on, {whole} from the start"


def test_a_window_is_read_again_beside_the_cursor(home):
    state = account("kf5", 1000, SEED)
    slow = 4 if LAKE == "folder" else 8  # half of the window is read at the deadline, on a busy machine too; a store takes its time
    window = ["--since", day(14), "--until", day(4)]
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator, page_size=20, concurrency=2)
        assert_complete(home.sync())
        emulator.latency = 0.05 * slow
        cursor = state_of(home)["cursor"]
        inside = [ticket for ticket in state.by_id.values() if ticket.created and NOW - 13 * 86400 < ticket.created < NOW - 6 * 86400]
        # A field that changes without its time of change: only reading it again can find that.
        for ticket in inside[:5]:
            state.put(type(ticket)(ticket.id, ticket.created, ticket.updated, ticket.text.replace('"priority":"', '"priority":"x', 1)))
        before = expectation_of(state, "kf5")
        fresh = state.change("insert", 3)  # first: an id that was deleted may be given again
        gone = {ticket.id for ticket in inside[-2:]}
        for number in gone:
            state.drop(number)
        stopped = home.run("backfill", *window, "--deadline", f"{500 * slow}ms", "--json")
        assert stopped.code == 3 and stopped.summary["command"] == "backfill", stopped
        assert state_of(home)["cursor"] == cursor
        assert [reading["done"] for reading in state_of(home)["unfinished"]] != [[]]
        emulator.latency = 0
        done, rest = cost(emulator, lambda: assert_complete(home.run("backfill", *window, "--json")))
        again, whole = cost(emulator, lambda: assert_complete(home.run("backfill", *window, "--json")))
        assert rest < whole
        changed = sum(run.source("shop")["tickets"]["changed"] for run in (stopped, done))
        assert changed == 5
        assert done.source("shop")["tickets"]["deleted"] == 2
        counts = again.source("shop")["tickets"]
        assert (counts["new"], counts["changed"], counts["deleted"]) == (0, 0, 0)
        assert counts["unchanged"] == counts["read"] > 0
        assert again.source("shop")["lake"]["files_written"] == 0
        assert state_of(home)["cursor"] == cursor and state_of(home)["unfinished"] == []
        assert_lake(home, "shop", "kf5", before, gone=gone)
        assert not set(fresh) & {number for _, number in whole_lake(home.lake)}
        assert_complete(home.sync())
        assert set(fresh) <= {number for _, number in whole_lake(home.lake)}
        told = home.run("backfill", *window).out
    assert f"0 added, 0 changed, {counts['unchanged']} unchanged, 0 vanished" in told, told


def test_a_list_without_dates_is_read_whole_and_written_in_part(home):
    state = account("udesk", 400, SEED)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator)
        window = ["--since", day(12), "--until", day(5)]
        assert_complete(home.run("backfill", *window, "--json"))
        dates = {row["created_date"] for row in read_table(home.lake, "tickets", "shop")[1]} - {None}
        assert dates and all(day(12) <= str(date) < day(5) for date in dates)
        assert_complete(home.sync())
    assert_lake(home, "shop", "udesk", expectation_of(state, "udesk"))


@pytest.mark.parametrize("order", ["id", "id_desc", "updated_desc"])
def test_pages_are_gone_on_with(home, order):
    state = account("udesk", 1500, SEED, undated=0)  # a ticket without a time may stand anywhere
    for place, ticket in enumerate([ticket for ticket in state.by_id.values() if ticket.updated == NOW - 3600]):
        # Neither is there an order to go on in where more than a page of tickets changed in one second.
        state.put(state.fresh(ticket.id, ticket.created, NOW - 3600 - 7 * place))
    with emulate("udesk", state, latency=0.04, order=order) as emulator:
        add(home, "shop", emulator, page_size=20, concurrency=2)
        whole = home.run("plan", "--json").summary["sources"][0]["requests"]
        spent = interrupted(home, emulator, 40)
        begun = home.run("status", "--json").summary["sources"][0]["begun"][0]["pages"]
        assert begun["of"] == 1500 and spent * 10 < begun["read"] < 1500, (begun, spent)
        assert "page by page █" in home.run("status").out
        # While nobody reads; those that are gone stay until everything is read again.
        fresh = {number for place in range(30) for number in state.change("insert", now=NOW - 1800 + place)}
        gone = set(state.change("delete", 25)) - fresh
        plan = home.run("plan", "--json").summary["sources"][0]
        assert plan["resumes"] and plan["requests"] < whole - spent / 2, plan
        more = interrupted(home, emulator, 15)
        emulator.latency = 0
        _, rest = cost(emulator, lambda: assert_complete(home.sync()))
        # Two looks at the front and at the end, and few steps to find where two stretches go on.
        assert spent + more + rest < whole * 1.15 + 35, (spent, more, rest, whole)
        held = {number for _, number in whole_lake(home.lake)}
        assert state.by_id.keys() <= held
        assert state_of(home)["unfinished"] == [] and state_of(home)["whole_at"]
        again = assert_complete(home.sync())
        assert again.source("shop")["tickets"]["deleted"] == len(gone & held)
    assert_lake(home, "shop", "udesk", expectation_with(state, gone & held), gone=gone & held)


def test_nights_that_are_too_short_read_each_part_in_turn(home):
    state = account("udesk", 900, SEED)
    with emulate("udesk", state) as emulator:
        add(home, "shop", emulator, page_size=20, concurrency=2)
        assert_complete(home.sync())
        emulator.latency = 0.04
        for _ in range(3):
            interrupted(home, emulator, 20)
            state.change("update", 20)
        assert state_of(home)["unfinished"][0]["pages"]["length"] == 900
        emulator.latency = 0
        # Each part is read again by the run that claims to know all.
        assert_complete(home.sync())
    assert_lake(home, "shop", "udesk", expectation_of(state, "udesk"))


@pytest.mark.parametrize("arguments, word", [
    (["--since", "2026-02-01", "--until", "2026-02-01"], "--until"),
    (["--since", "2026-02-01", "--until", "2026-01-01"], "--until"),
    (["--since", "yesterday"], "--since"),
    (["--since", "2026-02-30"], "--since"),
    (["--until", "2026-02-01"], "--since"),
], ids=" ".join)
def test_a_window_that_means_nothing(home, arguments, word):
    with emulate("kf5", account("kf5", 5, SEED)) as emulator:
        add(home, "shop", emulator)
        for command in ("backfill", "plan"):
            run = home.run(command, *arguments)
            assert run.code == 2 and word in run.err, run
        assert not emulator.requests and not home.lake.exists()


@pytest.mark.folder
def test_the_lock_of_a_dead_run_does_not_block(home):
    with emulate("kf5", account("kf5", 100, SEED), latency=0.3) as emulator:
        add(home, "shop", emulator, concurrency=1)
        process = home.start("sync")
        end = time.monotonic() + 20
        while len(emulator.requests) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        held = home.run("backfill", "--since", day(5), write=False)
        assert held.code == 5 and str(process.pid) in held.err, held
        process.kill()
        process.communicate()
        assert (home.lake / "_ticketlake/lock").exists()
        emulator.latency = 0
        assert_complete(home.sync())
