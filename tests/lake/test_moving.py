"""A source that changes while it is read: nothing that was there from start to end is missing, nothing is twice."""

import json
import os

import pytest

from compare import read_table, row_complaints, shown, whole_lake
from conftest import SEEDS, add, expectation_of
from expected import expect
from layout import tree_complaints
from sandbox import emulate
from worlds import account
from worlds.udesk import CASCADES

pytestmark = pytest.mark.moving
COUNT = int(os.environ.get("CHECK_MOVING_TICKETS", "900"))
CHANGES = [
    {"delete": 1}, {"insert": 1}, {"update": 1}, {"delete": 3}, {"delete": 2, "insert": 3, "update": 4}, {"delete": 1, "insert": 1, "update": 1},
]
QUIRKS = {
    "kf5": [{}, {"envelope": "bare"}, {"envelope": "next_page", "page_cap": 30}],
    "udesk": [{}, {"order": "id_desc"}, {"order": "updated_desc"}],
}


def as_text(value):
    return ",".join(f"{key}={item}" for key, item in value.items()) or "plain" if isinstance(value, dict) else str(value)


def version_complaints(home, name, vendor, state):
    """Each row must be one of the versions that its ticket had; each survivor must be there, once."""
    fields = [json.dumps(field, ensure_ascii=False) for field in state.fields]
    names, rows = read_table(home.lake, "tickets", name)
    found = {row["id"]: row for row in rows}
    complaints = [f"{name}: {len(rows)} rows of {len(found)} tickets"] * (len(rows) != len(found))
    survivors = [number for number in state.initial if number not in state.deleted]
    complaints += [f"{name} ticket {number}: missing, though it was there from start to end" for number in survivors if number not in found]
    passing = {"source", "created_date", "_synced_at", "_deleted_at"}
    for number, row in found.items():
        texts = state.versions.get(number)
        if not texts:
            complaints.append(f"{name} ticket {number}: nobody sent it")
            continue
        made = [expect(vendor, [text], fields, CASCADES if vendor == "udesk" else None).rows[number] for text in texts]
        wrong = [list(row_complaints(name, version, row, names, passing)) for version in made]
        if all(wrong):
            complaints.append(min(wrong, key=len)[0] + f" (and {len(texts) - 1} other versions)")
    return complaints


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("changes", CHANGES, ids=as_text)
@pytest.mark.parametrize("vendor, quirks", [(vendor, quirks) for vendor, all_ in QUIRKS.items() for quirks in all_], ids=as_text)
def test_nothing_is_lost_while_the_source_moves(home, vendor, quirks, changes, seed):
    state = account(vendor, COUNT, seed)
    with emulate(vendor, state, changes=changes, seed=seed, **quirks) as emulator:
        add(home, "shop", emulator, delete_brake="100%")
        run = home.sync()
        moved = list(emulator.changed)
        emulator.changes = {}
        print(f"{vendor} {changes} seed {seed}: exit {run.code}, {len(emulator.requests)} requests, {len(moved)} changes, paging {run.source('shop')['paging']}")
        assert run.code in (0, 3), run
        if run.code == 0:
            assert run.summary["outcome"] == "complete"
            complaints = version_complaints(home, "shop", vendor, state)
            complaints += tree_complaints(home.lake, ["shop"])
            assert not complaints, shown(complaints) + f"\n{run.summary}"
        else:
            assert run.source("shop")["error"], run
        assert all(count == 1 for count in whole_lake(home.lake).values())
        calm = home.sync("--full")
        assert calm.code == 0, calm
    compare_after_calm(home, vendor, state)


def compare_after_calm(home, vendor, state):
    """A later full run over a world at rest gives the whole truth; what was deleted may stay, marked as gone."""
    names, rows = read_table(home.lake, "tickets", "shop")
    expectation = expectation_of(state, vendor)
    passing = {"source", "created_date", "_synced_at", "_deleted_at"}
    complaints = []
    for row in rows:
        if row["id"] in state.by_id:
            complaints += row_complaints("shop", expectation.rows[row["id"]], row, names, passing)
            complaints += [f"shop ticket {row['id']}: marked as deleted"] * (row["_deleted_at"] is not None)
        elif row["_deleted_at"] is None:
            complaints.append(f"shop ticket {row['id']}: gone, and not marked")
    complaints += [f"shop ticket {number}: missing" for number in state.by_id.keys() - {row["id"] for row in rows}]
    assert not complaints, shown(complaints)


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
@pytest.mark.parametrize("seed", SEEDS)
def test_faults_and_changes_together(home, vendor, seed):
    faults = {kind: 0.03 for kind in ("http500", "html200", "broken_json", "truncate", "reset")}
    state = account(vendor, COUNT, seed)
    with emulate(vendor, state, faults, {"delete": 2, "insert": 2, "update": 2}, seed=seed) as emulator:
        add(home, "shop", emulator)
        run = home.sync()
    assert run.code in (0, 3), run
    if run.code == 0:
        complaints = version_complaints(home, "shop", vendor, state)
        assert not complaints, shown(complaints) + f"\n{run.summary}"
