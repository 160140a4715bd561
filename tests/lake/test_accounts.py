"""Small and extreme accounts."""

import json
import re

import duckdb
import pytest

from conftest import SEED, add, assert_complete, assert_lake, expectation_of
from layout import ticket_files
from sandbox import emulate
from worlds import account

VENDORS = ["kf5", "udesk"]
KEYS = {"kf5": "description", "udesk": "content"}


def replace(state, number, **changes):
    """Changes keys of one ticket; its moments at the server stay."""
    ticket = state.by_id[number]
    data = {**json.loads(ticket.text), **changes}
    state.put(type(ticket)(ticket.id, ticket.created, ticket.updated, json.dumps(data, ensure_ascii=False)))


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_empty_account(home, vendor):
    state = account(vendor, 0)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        run = assert_complete(home.sync())
        again = assert_complete(home.sync())
    assert [path.parent.name for path in ticket_files(home.lake, "shop")] == ["created_date=__HIVE_DEFAULT_PARTITION__"]
    assert_lake(home, "shop", vendor, expectation_of(state, vendor), run)
    assert again.source("shop")["tickets"]["read"] == 0


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_account_without_fields(home, vendor):
    state = account(vendor, 0)
    state.fields.clear()
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        run = assert_complete(home.sync())
    assert_lake(home, "shop", vendor, expectation_of(state, vendor), run)


@pytest.mark.parametrize("vendor", VENDORS)
def test_one_ticket_then_a_second(home, vendor):
    state = account(vendor, 1, SEED, chance=0.0, undated=0.0)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        run = assert_complete(home.sync())
        assert_lake(home, "shop", vendor, expectation_of(state, vendor), run)
        state.change("insert")
        assert_complete(home.sync())
    assert_lake(home, "shop", vendor, expectation_of(state, vendor))


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_description_of_a_megabyte(home, vendor):
    state = account(vendor, 120, SEED)
    replace(state, list(state.by_id)[50], **{KEYS[vendor]: "长" * 350_000 + "终"})
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        run = assert_complete(home.sync())
    assert_lake(home, "shop", vendor, expectation_of(state, vendor), run)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_ticket_without_a_readable_id_makes_the_run_incomplete(home, vendor):
    state = account(vendor, 120, SEED, chance=0.0, undated=0.0)
    replace(state, list(state.by_id)[50], id="no number")
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator, max_retries=1)
        run = home.sync()
    assert run.code == 3 and run.source("shop")["outcome"] == "incomplete", run
    expectation = expectation_of(state, vendor)
    assert expectation.unreadable == 1
    assert_lake(home, "shop", vendor, expectation, run)


@pytest.mark.folder
def test_views(home):
    """views.sql runs in the lake's folder and shows custom columns under their labels."""
    kf5, udesk = account("kf5", 300, SEED), account("udesk", 300, SEED)
    with emulate("kf5", kf5) as one, emulate("udesk", udesk) as two:
        add(home, "help-desk", one)
        add(home, "shop", two)
        assert_complete(home.sync())
    database = duckdb.connect()
    database.execute(f"SET file_search_path = '{home.lake}'")
    database.execute((home.lake / "views.sql").read_text(encoding="utf-8"))

    def count(view):
        return database.execute(f'SELECT count(*) FROM "{view}"').fetchone()[0]

    assert count("tickets_help-desk") == count("tickets_shop") == 300
    assert count("tickets") == count("tickets_all") == 600
    assert count("ticket_fields") == len(kf5.fields) + len(udesk.fields)
    assert count("ticket_field_options") > 10
    labels = [row[0] for row in database.execute('DESCRIBE SELECT * FROM "tickets_help-desk"').fetchall()]
    assert "问题类型" in labels and '带键的"菜单"' in labels
    assert not [label for label in labels if re.fullmatch(r"单行(_\d+|:\d+)", label)], "labels that are there twice must be told apart by the field name"
