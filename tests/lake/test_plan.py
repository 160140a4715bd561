"""What `plan` says against what the run then does, and that it leaves no trace."""

import json
import time

import pytest

from conftest import SEED, add, assert_complete
from sandbox import emulate
from worlds import NOW, account


def day(ago):
    return time.strftime("%Y-%m-%d", time.gmtime(NOW - ago * 86400))


def everything(folder):
    """Every path below, with its time of change."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def plan(home, *arguments):
    made = home.run(*(arguments or ["plan"]), "--json")
    assert made.code == 0, made
    return json.loads(made.out)["sources"][0]


@pytest.mark.folder
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_plan_comes_true(home, vendor):
    state = account(vendor, 1500, SEED, chance=0.0, undated=0)
    window = ["--since", day(14), "--until", day(4)]
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator, page_size=50, rate="200/s", concurrency=2)
        first = plan(home)
        assert not home.lake.exists()
        assert (first["reading"], first["rows"], first["rows_from"]) == ("full", 1500, "source")
        assert len(emulator.requests) <= 2

        def compare(expected, *command):
            before = len(emulator.requests)
            assert_complete(home.run(*command, "--json"))
            sent = len(emulator.requests) - before
            assert abs(sent - expected["requests"]) <= max(4, 0.15 * sent), f"{expected['requests']} expected, {sent} sent"
            assert expected["minutes"] == pytest.approx((expected["requests"] - 1) / 200 / 60, abs=0.001)

        compare(first, "sync")
        held = everything(home.lake)
        state.change("update", 30)
        nightly = plan(home)
        assert plan(home, "sync", "--dry-run")["requests"] == nightly["requests"]
        backfill, full = plan(home, "plan", *window), plan(home, "plan", "--full")
        assert everything(home.lake) == held
        compare(nightly, "sync")
        compare(backfill, "backfill", *window)
        compare(full, "sync", "--full")
    dates = [path.name.split("=")[1] for path in home.lake.glob("tickets/source=shop/created_date=*")]
    assert full["partitions"] == {"held": len(dates), "rewritten_at_most": len(dates)}
    inside = [date for date in dates if window[1] <= date < window[3] or date.startswith("__")]
    assert backfill["partitions"] == {"held": len(dates), "rewritten_at_most": len(inside)}
    assert backfill["reading"] == "window"
    if vendor == "kf5":
        assert nightly["reading"] == "incremental" and 30 <= nightly["rows"] < 200 and nightly["requests"] < 20
        assert len(backfill["windows"]) == 1 and backfill["requests"] < first["requests"]
    else:
        assert (nightly["reading"], backfill["rows"], backfill["windows"]) == ("full", 1500, [])
        assert "cannot filter by date" in backfill["notes"][0]


def test_a_plan_for_people(home):
    with emulate("udesk", account("udesk", 120, SEED)) as emulator:
        add(home, "shop", emulator)
        told = home.run("plan", "--since", day(9))
        assert told.code == 0 and "cannot filter by date" in told.out and "unlimited" in told.out, told
        assert told.out == home.run("plan", "--since", day(9)).out
        refused = home.run("plan", "--json", env={"CHECK_SECRET": "wrong"})
        assert refused.code == 4 and "credentials" in json.loads(refused.out)["sources"][0]["error"], refused
    assert not home.lake.exists()


def test_a_source_that_tells_no_totals(home):
    with emulate("kf5", account("kf5", 200, SEED, undated=0), envelope="bare") as emulator:
        add(home, "shop", emulator)
        assert (plan(home)["rows"], plan(home)["requests"]) == (None, None)
        assert_complete(home.sync())
        full = plan(home, "plan", "--full")
        assert (full["rows"], full["rows_from"]) == (200, "lake") and full["requests"] > 2
        assert plan(home)["rows"] is None
