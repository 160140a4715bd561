"""A ticket that cannot be read costs that ticket: everything else is in the lake, the run says what is open, and each run tries again."""

import json

import pytest

from conftest import SEED, add, assert_complete
from sandbox import emulate
from worlds import account

BAD = {
    "kf5": [{"status": 500, "body": "broken"}, {"status": 200, "body": ""}, {"fault": "truncate"}, {"fault": "broken_json"}],
    "udesk": [{"status": 500, "body": "broken"}, {"status": 200, "body": ""}, {"fault": "broken_json"}],
}
CASES = [(vendor, then) for vendor, thens in BAD.items() for then in thens]


def spoil(emulator, *numbers, then=None):
    emulator.script = [{"when": {"holds": number}, "then": then or {"status": 500, "body": "broken"}} for number in numbers]


def ids_of(home):
    import duckdb

    return {row[0] for row in duckdb.sql(f"SELECT id FROM read_parquet('{home.lake}/tickets/**/*.parquet', union_by_name = true) WHERE _deleted_at IS NULL").fetchall()}


def status_of(home):
    [source] = json.loads(home.run("--json", "status").out)["sources"]
    return source


@pytest.mark.parametrize("vendor,then", CASES, ids=[f"{vendor}-{number}" for number, (vendor, _) in enumerate(CASES)])
def test_a_page_that_never_comes_is_read_around(home, vendor, then):
    state = account(vendor, 600, SEED)
    bad = sorted(state.by_id)[237]
    with emulate(vendor, state) as emulator:
        spoil(emulator, bad, then=then)
        add(home, "shop", emulator, max_retries=1)
        run = home.sync()
        assert run.code == 3 and run.summary["outcome"] == "incomplete", run
        [gap] = run.source("shop")["gaps"]
        assert list(gap) == ["by", "from", "to", "page", "ids", "why"] and gap["why"]
        assert gap["by"] == ("created" if vendor == "kf5" else "page"), gap
        assert ids_of(home) == set(state.by_id) - {bad}
        assert status_of(home)["gaps"] == [gap] and status_of(home)["complete_at"] is None
        # Changes to the others arrive all the same, and the gap is tried once a run.
        state.change("update", 20)
        state.change("insert", 3)
        run = home.sync()
        assert run.code == 3 and len(run.source("shop")["gaps"]) == 1, run
        assert vendor == "udesk" or run.source("shop")["mode"] == "incremental", run
        assert ids_of(home) == set(state.by_id) - {bad}
        accepted = home.sync("--accept-gaps")
        assert accepted.code == 0 and len(status_of(home)["gaps"]) == 1, accepted
        assert home.sync().code == 0 and status_of(home)["complete_at"]
        emulator.script = []
        run = assert_complete(home.sync())
        assert run.source("shop")["gaps"] == [] and ids_of(home) == set(state.by_id)


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_the_21st_gap_stops_the_source(home, vendor):
    state = account(vendor, 700, SEED)
    bad = sorted(state.by_id)[5::25][:24]
    with emulate(vendor, state) as emulator:
        spoil(emulator, *bad)
        # By page numbers a gap is known by its page: several on one page are one.
        add(home, "shop", emulator, max_retries=0, concurrency=1, **({"page_size": 20} if vendor == "udesk" else {}))
        run = home.sync()
        assert run.code == 3 and len(run.source("shop")["gaps"]) >= 20, run
        assert ids_of(home) and not ids_of(home) & set(bad)
        emulator.script = []
        if vendor == "udesk":
            # The rest of a list by page numbers does not show what the part before it could not: the next read from its start does.
            assert home.sync().code == 3
        assert_complete(home.sync())
        assert ids_of(home) == set(state.by_id)


def test_a_known_ticket_that_cannot_be_read_any_more_is_not_marked(home):
    state = account("kf5", 300, SEED)
    bad = sorted(state.by_id)[137]
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator, max_retries=0)
        assert_complete(home.sync())
        spoil(emulator, bad)
        run = home.sync("--full")
        assert run.code == 3 and run.source("shop")["tickets"]["deleted"] == 0, run
        assert ids_of(home) == set(state.by_id)
        assert run.source("shop")["mode"] == "full" and home.sync().source("shop")["mode"] == "incremental"
