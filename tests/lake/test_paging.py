"""Servers that page in other ways than the plainest: the right lake, or `incomplete`, never silence."""

import pytest

from compare import whole_lake
from conftest import SEED, add, assert_complete, assert_lake, expectation_of
from sandbox import Budget, emulate
from worlds import account

COUNT = 330
KF5_QUIRKS = [
    {"envelope": "bare"},
    {"envelope": "count"},
    {"envelope": "next_page"},
    {"envelope": "bare", "page_cap": 30},
    {"envelope": "full", "page_cap": 30},
    {"envelope": "bare", "start_exclusive": True, "end_exclusive": True},
    {"envelope": "bare", "end_exclusive": True},
    {"envelope": "full", "start_exclusive": True},
    {"envelope": "full", "fields_cap": 7},
    {"envelope": "bare", "fields_cap": 7},
]
UDESK_QUIRKS = [
    {"order": "id_desc"},
    {"order": "updated_desc"},
    {"order": "shuffled"},
    {"page_cap": 30},
    {"page_cap": 7, "order": "id_desc"},
]
# What cannot be proven may end `incomplete`; whatever is claimed as complete must be.
DOUBTFUL = [
    ("kf5", {"repeat_page": 3}), ("kf5", {"repeat_page": 3, "envelope": "bare"}), ("kf5", {"order": "id_desc"}), ("kf5", {"order": "created_desc", "envelope": "bare"}),
    ("kf5", {"order": "shuffled"}), ("kf5", {"count": 3}), ("kf5", {"count": 10**6}), ("kf5", {"max_page": 2}), ("kf5", {"max_page": 2, "envelope": "bare"}),
    ("udesk", {"repeat_page": 3}), ("udesk", {"count": 3}), ("udesk", {"count": 10**6}), ("udesk", {"count": 0}), ("udesk", {"max_page": 2}),
]


def text(quirks):
    return ",".join(f"{key}={value}" for key, value in quirks.items())


@pytest.mark.parametrize("quirks", KF5_QUIRKS, ids=text)
def test_kf5_quirks(home, quirks):
    state = account("kf5", COUNT, SEED, extra_fields=5)
    with emulate("kf5", state, **quirks) as emulator:
        add(home, "shop", emulator)
        run = assert_complete(home.sync())
    assert_lake(home, "shop", "kf5", expectation_of(state, "kf5"), run)


@pytest.mark.parametrize("quirks", UDESK_QUIRKS, ids=text)
def test_udesk_quirks(home, quirks):
    state = account("udesk", COUNT, SEED)
    with emulate("udesk", state, **quirks) as emulator:
        add(home, "shop", emulator)
        run = assert_complete(home.sync())
    assert_lake(home, "shop", "udesk", expectation_of(state, "udesk"), run)


def test_kf5_more_than_a_page_in_one_second(home):
    state = account("kf5", 1000, SEED)  # 230 of them are created in one second
    with emulate("kf5", state, envelope="bare", page_cap=20) as emulator:
        add(home, "shop", emulator)
        run = assert_complete(home.sync())
    assert_lake(home, "shop", "kf5", expectation_of(state, "kf5"), run)


@pytest.mark.parametrize("vendor, quirks", DOUBTFUL, ids=lambda value: value if isinstance(value, str) else text(value))
def test_a_doubtful_server_never_ends_in_silence(home, vendor, quirks):
    state = account(vendor, COUNT, SEED)
    with emulate(vendor, state, **quirks) as emulator:
        add(home, "shop", emulator, max_retries=2)
        run = home.sync()
    assert run.code in (0, 3), run
    assert (run.code == 0) == (run.summary["outcome"] == "complete"), run
    if run.code == 0:
        assert_lake(home, "shop", vendor, expectation_of(state, vendor), run)
    else:
        assert run.source("shop")["error"], run


@pytest.mark.parametrize("vendor, page", [("kf5", 1), ("udesk", 2)])  # KF5 may be read by position: page 2 need not be asked for
def test_a_page_that_always_fails(home, vendor, page):
    state = account(vendor, COUNT, SEED)
    with emulate(vendor, state, break_page=page) as emulator:
        add(home, "shop", emulator, max_retries=1, concurrency=1)
        run = home.sync()
        assert run.code == 3, run
        assert run.source("shop")["outcome"] == "incomplete" and run.source("shop")["error"], run
        assert run.source("shop")["requests"]["failed"] > 0
        emulator.quirks.break_page = None
        healed = assert_complete(home.sync())
    assert_lake(home, "shop", vendor, expectation_of(state, vendor))
    assert healed.source("shop")["error"] is None


def test_next_page_on_another_host_is_never_followed(home):
    state = account("kf5", COUNT, SEED)
    with emulate("kf5", state, envelope="next_page") as victim, emulate("kf5", state) as stranger:
        victim.quirks.next_host = stranger.origin
        add(home, "shop", victim, max_retries=1)
        run = home.sync()
        assert stranger.requests == [], "credentials were sent to another origin"
    assert run.code in (0, 3), run
    if run.code == 0:
        assert_lake(home, "shop", "kf5", expectation_of(state, "kf5"), run)
    else:
        assert stranger.origin.split("//")[1].split(":")[1] in run.source("shop")["error"] or "next_page" in run.source("shop")["error"]


@pytest.mark.parametrize("vendor, retry_after, in_body", [("kf5", "seconds", False), ("kf5", "date", False), ("kf5", "none", False), ("udesk", "seconds", False), ("udesk", "none", True)])
def test_a_limit_below_our_rate_is_waited_out(home, vendor, retry_after, in_body):
    state = account(vendor, COUNT, SEED)
    budget = Budget(4, 1.0)
    quirks = {"limit_in_body": True} if in_body else {}
    with emulate(vendor, state, budget=budget, retry_after=retry_after, **quirks) as emulator:
        add(home, "shop", emulator)
        run = assert_complete(home.sync())
    assert_lake(home, "shop", vendor, expectation_of(state, vendor), run)
    assert budget.refused and run.source("shop")["requests"]["throttled"] > 0


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_no_more_in_flight_than_concurrency(home, vendor):
    state = account(vendor, COUNT, SEED)
    with emulate(vendor, state, latency=0.03) as emulator:
        add(home, "shop", emulator, concurrency=2)
        assert_complete(home.sync())
    assert emulator.most_in_flight <= 2


@pytest.mark.parametrize("vendor, count", [("udesk", 330), ("kf5", 1000)])  # of KF5's, 230 are created in one second
def test_a_limit_of_depth_is_named_and_what_stands_before_it_is_kept(home, vendor, count):
    state = account(vendor, count, SEED)
    with emulate(vendor, state, max_page=3) as emulator:
        add(home, "shop", emulator, page_size=20, max_retries=0)
        run = home.sync()
        assert run.code == 3 and run.summary["outcome"] == "incomplete", run
        assert "no page behind page 3 of 20" in run.source("shop")["error"], run
        held = {number for _, number in whole_lake(home.lake)}
        assert len(held) >= (60 if vendor == "udesk" else count - 230 + 60), len(held)
        emulator.quirks.max_page = None
        assert_complete(home.sync())
    assert_lake(home, "shop", vendor, expectation_of(state, vendor))
