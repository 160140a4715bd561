"""Runs that meet, are stopped or are killed."""

import os
import random
import signal
import time

import pytest

from compare import whole_lake
from conftest import SEED, SEEDS, add, assert_complete, assert_lake, expectation_of
from sandbox import emulate
from worlds import account

KILLS = int(os.environ.get("CHECK_KILLS", "12"))


def start(home, *arguments):
    """A run in the background."""
    return home.start("sync", "--json", *arguments)


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_second_run_at_the_same_time(home):
    with emulate("kf5", account("kf5", 330, SEED), latency=0.3) as emulator:
        add(home, "shop", emulator, concurrency=1)
        first = start(home)
        wait_for(lambda: len(emulator.requests) >= 2)
        second = home.sync(write=False)
        assert second.code == 5, second
        assert str(first.pid) in second.out + second.err, f"the holder, process {first.pid}, is not named: {second}"
        first.communicate(timeout=60)
        assert first.returncode == 0
        assert_complete(home.sync())


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_stops_soon_and_well(home, name):
    state = account("udesk", 330, SEED)
    with emulate("udesk", state, latency=0.3) as emulator:
        add(home, "shop", emulator, concurrency=1)
        process = start(home)
        wait_for(lambda: len(emulator.requests) >= 3)
        process.send_signal(getattr(signal, name))
        began = time.monotonic()
        process.communicate(timeout=60)
        assert process.returncode == 130
        assert time.monotonic() - began < 5
        emulator.latency = 0
        assert_complete(home.sync())
    assert_lake(home, "shop", "udesk", expectation_of(state, "udesk"))


@pytest.mark.nightly
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_kills_at_any_instant(home, vendor, seed):
    """kill -9 over first and later runs: the lake always loads, has nothing twice and loses nothing committed."""
    rng = random.Random(f"kills {vendor} {seed}")
    state = account(vendor, 1000, seed)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        began = time.monotonic()
        assert_complete(home.sync())
        usual = time.monotonic() - began
        committed = set(whole_lake(home.lake))
        for _ in range(KILLS):
            state.change("update", 40)
            state.change("insert", 5)
            process = start(home, *rng.choice([[], ["--full"]]))
            time.sleep(rng.random() * usual)
            process.kill()
            process.communicate()
            now = whole_lake(home.lake)
            assert all(count == 1 for count in now.values())
            assert committed <= set(now)
            if rng.random() < 0.3:
                assert_complete(home.sync())
            committed = set(whole_lake(home.lake))
        assert_complete(home.sync("--full"))
    assert_lake(home, "shop", vendor, expectation_of(state, vendor))
