"""`pull`: each way to name tickets, each form of the file, against the account itself, cell by cell."""

import json
import os

import pytest

from compare import shown
from conftest import SEED, add, expectation_of
from extract import READERS, complaints_of
from sandbox import emulate
from worlds import account
from worlds.text import parsed

COUNT = 330


@pytest.fixture(params=["kf5", "udesk"])
def vendor(request):
    return request.param


def pull(home, *arguments, **more):
    """→ the run; its summary is parsed unless the extract goes to standard output."""
    return home.run("pull", "--json", *arguments, **more)


def assert_extract(home, run, path, state, vendor, ids, form=None, code=0, outcome="complete"):
    assert run.code == code and run.summary and run.summary["outcome"] == outcome, run
    form = form or path.suffix[1:]
    complaints = complaints_of(path, form, expectation_of(state, vendor), ids, between=run.between)
    assert not complaints, shown(complaints)
    summary = run.summary
    assert (summary["command"], summary["rows"], summary["format"]) == ("pull", len(ids), form)
    assert summary["bytes"] == path.stat().st_size and summary["file"] == path.name
    assert summary["sources"][0]["requests"]["sent"] >= 2 and summary["columns"] == len(READERS[form](path, expectation_of(state, vendor))[0])
    assert not home.lake.exists(), "the lake was touched"
    assert [entry for entry in os.listdir(home.folder) if entry.endswith(".part")] == []


def tickets_where(state, holds):
    return [number for number, ticket in state.by_id.items() if holds(parsed(ticket.text))]


@pytest.mark.parametrize("form", READERS)
def test_every_form_of_all_tickets(home, vendor, form):
    state = account(vendor, COUNT, SEED, chance=0.3)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        run = pull(home, "--all", "--out", f"all.{form}")
    assert_extract(home, run, home.folder / f"all.{form}", state, vendor, list(state.by_id), code=run.code)
    assert run.code == 0, run


def test_by_ids(home, vendor):
    state = account(vendor, COUNT, SEED)
    wanted = list(state.by_id)[::7]
    missing = [max(state.by_id) + 5, 999_999_999]
    (home.folder / "ids.csv").write_text("\ufeff" + "\r\n".join(map(str, wanted[3:] + missing)) + "\r\n", encoding="utf-8")
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        run = pull(home, "--ids", ",".join(map(str, wanted[:4])), "--ids", "@ids.csv", "--out", "some.parquet")
    assert_extract(home, run, home.folder / "some.parquet", state, vendor, wanted)
    assert run.summary["missing_ids"] == sorted(missing)
    assert f"2 of {len(wanted) + 2} ids are not at the source: {sorted(missing)[0]}, {sorted(missing)[1]}" in run.err


def test_no_ticket_at_all_is_an_empty_extract(home, vendor):
    state = account(vendor, 5, SEED)
    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        for form in READERS:
            run = pull(home, "--ids", "999999999", "--out", f"none.{form}")
            expectation = expectation_of(state, vendor)
            expectation.undefined.clear()
            assert run.code == 0 and run.summary["missing_ids"] == [999999999], run
            assert not complaints_of(home.folder / f"none.{form}", form, expectation, [])


def test_ids_are_asked_for_again_where_a_server_gives_fewer_at_once(home):
    state = account("kf5", 150, SEED)
    with emulate("kf5", state, show_cap=30) as emulator:
        add(home, "shop", emulator)
        run = pull(home, "--ids", ",".join(map(str, state.by_id)), "-o", "all.csv")
        assert_extract(home, run, home.folder / "all.csv", state, "kf5", list(state.by_id))


def customers(state):
    """Gives tickets to two customers beside the usual one. → ids by address."""
    owners = {}
    for place, (number, ticket) in enumerate(list(state.by_id.items())):
        if '"test@sample.com"' in ticket.text and place % 3:
            email = ["李+lei@sample.com", "o'hara@sample.com"][place % 3 - 1]
            text = ticket.text.replace('"test@sample.com"', json.dumps(email))
            state.put(type(ticket)(ticket.id, ticket.created, ticket.updated, text))
            owners.setdefault(email, []).append(number)
    return owners


LISTS = {
    "search": (["--search", "退款"], lambda t: any("退款" in str(t.get(key) or "").lower() for key in ("title", "description", "id"))),
    "status": (["--status", "open,solved"], lambda t: t.get("status") in ("open", "solved")),
    "both": (["--search", "订单", "--status", "open"], lambda t: t.get("status") == "open" and any("订单" in str(t.get(key) or "") for key in ("title", "description"))),
    "problems": (["--problems"], lambda t: t.get("type") == "problem"),
    "user": (["--user", "733"], lambda t: not isinstance(t.get("assignee_id"), (bool, float)) and str(t.get("assignee_id")) == "733"),
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("envelope", ["full", "bare"])
def test_lists_of_a_kf5_source(home, name, envelope):
    options, holds = LISTS[name]
    state = account("kf5", COUNT, SEED)
    wanted = tickets_where(state, holds)
    assert 3 < len(wanted) < COUNT
    with emulate("kf5", state, envelope=envelope) as emulator:
        add(home, "shop", emulator)
        run = pull(home, *options, "--out", f"{name}.parquet")
    assert_extract(home, run, home.folder / f"{name}.parquet", state, "kf5", wanted)


@pytest.mark.parametrize("unpaged", [False, True])
def test_incidents_of_a_problem(home, unpaged):
    state = account("kf5", COUNT, SEED, chance=0)
    problem = next(number for number in state.by_id if number > 12)
    wanted = []
    for number, ticket in list(state.by_id.items())[:240]:
        text = json.dumps({**parsed(ticket.text), "problem_id": problem})
        state.put(type(ticket)(ticket.id, ticket.created, ticket.updated, text))
        wanted.append(number)
    with emulate("kf5", state, unpaged=unpaged) as emulator:
        add(home, "shop", emulator)
        run = pull(home, "--incidents-of", str(problem), "--out", "incidents.csv")
        assert_extract(home, run, home.folder / "incidents.csv", state, "kf5", wanted)
        unknown = pull(home, "--incidents-of", "999999999", "--out", "none.csv")
        assert unknown.code == 2 and "--incidents-of" in unknown.err and not (home.folder / "none.csv").exists(), unknown


@pytest.mark.parametrize("field", ["field_36", "cf_field_36", "问题类型", ""])
def test_the_value_of_a_field(home, field):
    state = account("kf5", COUNT, SEED)

    def holds(ticket):
        entries = ticket.get("custom_fields")
        last = {entry.get("name"): entry.get("value") for entry in entries if isinstance(entry, dict)} if isinstance(entries, list) else {}
        return last.get("field_36") == "产品问题" if field else "产品问题" in [value for value in last.values() if isinstance(value, str)]

    wanted = tickets_where(state, holds)
    with emulate("kf5", state) as emulator:
        add(home, "shop", emulator)
        run = pull(home, "--field-value", f"{field}=产品问题", "-o", "typed.ndjson")
        assert_extract(home, run, home.folder / "typed.ndjson", state, "kf5", wanted)
        unknown = pull(home, "--field-value", "问题类=产品问题", "-o", "none.csv")
    assert unknown.code == 2 and "cf_field_36 (问题类型)" in unknown.err, unknown


def test_lists_of_a_udesk_source(home):
    state = account("udesk", COUNT, SEED)
    owners = customers(state)
    cut = sorted(ticket.updated or 0 for ticket in state.by_id.values())[COUNT // 2]
    recent = [number for number, ticket in state.by_id.items() if (ticket.updated or 0) >= cut]
    with emulate("udesk", state, filter_since=cut) as emulator:
        add(home, "shop", emulator)
        for place, (email, wanted) in enumerate(owners.items()):
            run = pull(home, "--customer", email, "--out", f"{place}.parquet")
            assert_extract(home, run, home.folder / f"{place}.parquet", state, "udesk", wanted)
        for place, name in enumerate(["12", "最近7天更新的工单"]):
            run = pull(home, "--filter", name, "--out", f"filter{place}.csv")
            assert_extract(home, run, home.folder / f"filter{place}.csv", state, "udesk", recent)
        unknown = pull(home, "--customer", "nobody@sample.com", "--out", "none.csv")
        assert unknown.code == 2 and "--customer" in unknown.err and "未找到相应客户" in unknown.err, unknown
        for name, code in (("77", 2), ("没有", 2)):
            unknown = pull(home, "--filter", name, "--out", "none.csv")
            assert unknown.code == code and "12 (最近7天更新的工单)" in unknown.err, unknown
        assert not (home.folder / "none.csv").exists()


def test_a_filter_as_an_agent_sees_it(home):
    state = account("udesk", 60, SEED)
    with emulate("udesk", state, filter_agent="760") as emulator:
        add(home, "shop", emulator)
        assert pull(home, "--filter", "12", "-o", "none.csv").code == 2
        run = pull(home, "--filter", "12", "--agent", "760", "-o", "mine.csv")
        dated = [number for number, ticket in state.by_id.items() if ticket.updated is not None]
        assert_extract(home, run, home.folder / "mine.csv", state, "udesk", dated)


@pytest.mark.parametrize("vendor, options", [("kf5", ["--all"]), ("kf5", ["--user", "734"]), ("udesk", []), ("udesk", ["--filter", "12"])])
def test_windows(home, vendor, options):
    state = account(vendor, COUNT, SEED)
    created = sorted(ticket.created for ticket in state.by_id.values() if ticket.created)
    low, high = created[COUNT // 4], created[COUNT // 2]
    middle = sorted(ticket.updated for ticket in state.by_id.values() if ticket.updated)[COUNT // 2]

    def of_list(number):
        return options != ["--user", "734"] or str(parsed(state.by_id[number].text).get("assignee_id")) == "734"

    def instant(second):
        from datetime import datetime, timezone
        return datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    with emulate(vendor, state) as emulator:
        add(home, "shop", emulator)
        run = pull(home, *options, "--since", instant(low), "--until", instant(high), "-o", "created.parquet")
        wanted = [n for n, t in state.by_id.items() if t.created is not None and low <= t.created < high and of_list(n)]
        assert_extract(home, run, home.folder / "created.parquet", state, vendor, wanted)
        run = pull(home, *options, "--updated-since", instant(middle), "--until", instant(high), "-o", "both.parquet")
        wanted = [n for n, t in state.by_id.items() if t.updated is not None and t.updated >= middle and t.created is not None and t.created < high and of_list(n)]
        assert_extract(home, run, home.folder / "both.parquet", state, vendor, wanted)
