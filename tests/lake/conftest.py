"""Fixtures of the lake checks."""

import json
import os

import pytest

from compare import compare_fields, compare_tickets, shown, whole_lake
from expected import expect
from layout import check_source, tree_complaints
from program import BINARY, Home
from store.home import BucketHome
from store.server import serve
from watch import looked_at, watch_files
from worlds.udesk import CASCADES, cascades_toml

TICKETS = int(os.environ.get("CHECK_TICKETS", "2000"))  # of each vendor, in the big test
CHANCE = float(os.environ.get("CHECK_CHANCE", "0.12"))  # how often a value is awkward there
SEED = int(os.environ.get("CHECK_SEED", "1"))
SEEDS = range(SEED, SEED + int(os.environ.get("CHECK_SEEDS", "1")))  # of tests that hold for every seed


LAKE = os.environ.get("CHECK_LAKE", "folder")  # or "bucket": every test that can, on a lake in an object store


@pytest.fixture
def home(request, tmp_path):
    """A fresh folder for a configuration and a lake, and the binary there to run."""
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is missing: build it first, or set TICKETLAKE_BIN")
    yield request.getfixturevalue("bucket") if LAKE == "bucket" else Home(tmp_path)
    watch_files(tmp_path)


@pytest.fixture
def bucket(tmp_path):
    """As `home`, with the lake in a bucket of a store of its own."""
    with serve(tmp_path) as address:
        yield BucketHome(tmp_path, server=address)


def add(home, name, emulator, **settings):
    """Adds an emulator's account to the configuration. Udesk gets its cascade map."""
    if emulator.vendor == "udesk":
        (home.folder / "cascades.toml").write_text(cascades_toml(), encoding="utf-8")
        settings = {"cascades": "cascades.toml", **settings}
    return home.source(name, emulator.vendor, emulator.origin, **settings)


def expectation_of(state, vendor, **more):
    """What the lake must hold of an account as it stands."""
    texts = [json.dumps(field, ensure_ascii=False) for field in state.fields]
    return expect(vendor, state.texts(), texts, CASCADES if vendor == "udesk" else None, **more)


def assert_lake(home, name, vendor, expectation, run=None, gone=()):
    """Layout, every cell, every definition; at most 20 complaints are shown."""
    partition = home.lake_settings.get("partition", "day")
    complaints = compare_tickets(home.lake, name, expectation, run.between if run else None, gone)
    complaints += compare_fields(home.lake, name, expectation)
    complaints += tree_complaints(home.lake, [source["name"] for source in home.sources], partition)
    complaints += check_source(home.lake, name, expectation, home.lake_settings.get("timezone", "Asia/Shanghai"))
    counts = {number: count for (source, number), count in whole_lake(home.lake).items() if source == name}
    if set(counts.values()) - {1} or counts.keys() != expectation.rows.keys():
        complaints.append(f"{name}: the plain query over the whole lake gives {len(counts)} tickets, {sum(counts.values())} rows")
    assert not complaints, shown(complaints)


def assert_complete(run):
    if run.code != 0 or not run.summary or run.summary["outcome"] != "complete":
        pytest.fail(f"the run is not complete: {run!r}")
    return run


def pytest_collection_modifyitems(items):
    """Skips tests of folders on a bucket, and puts the test that counts what was looked at last. Each worker counts its own."""
    for item in items:
        if LAKE == "bucket" and item.get_closest_marker("folder"):
            item.add_marker(pytest.mark.skip(reason="about a lake in a folder"))
    items.sort(key=lambda item: item.name == "test_every_failing_command_was_looked_at")


@pytest.fixture(scope="session")
def watched():
    return looked_at
