"""What a run goes round: refusals that are not about the account, links that nobody can follow, packed answers, proxies. One small
input for each kind."""

import base64
import json

import pytest

from compare import read_table
from conftest import assert_complete
from damage import assert_whole, configure, settled, synced
from sandbox import emulate

LIST = {"kf5": "/apiv2/tickets.json", "udesk": "/api/v1/tickets.json"}


def ids_marked(home):
    names, rows = read_table(home.lake, "tickets", "shop")
    return {row["id"] for row in rows if row["_deleted_at"] is not None}


def forbid(**when):
    return {"when": when, "then": {"status": 403, "body": "<html>Access denied</html>", "headers": {"Retry-After": "0"}}}


def test_next_page_of_another_server_is_not_followed(home):
    """Behind a reverse proxy the vendor still names its own domain."""
    state = settled("kf5", 350)
    with emulate("kf5", state, next_host="https://support.kf5.com") as emulator:
        configure(home, "kf5", emulator)
        assert_complete(home.sync())
        assert_whole(home, state)


def test_show_many_is_a_404_because_one_of_its_ids_is_gone(home):
    with synced(home, "kf5") as (state, emulator):
        numbers = sorted(state.by_id)
        gone, hidden = numbers[10:13], numbers[40:44]
        for number in gone:
            state.drop(number)
        emulator.script = [{"when": {"path": "/apiv2/tickets/show_many.json"}, "then": {"status": 404, "body": "{}"}},
                           {"when": {"path": LIST["kf5"]}, "then": {"without": hidden}}]
        run = home.sync("--full")
        # The list counts what it does not show, so the run may not call itself complete; nothing that is there is marked.
        assert ids_marked(home) <= set(gone), run
        emulator.script = emulator.script[:1]
        assert_complete(home.sync("--full"))
        assert ids_marked(home) == set(gone)
        assert_whole(home, state, gone=gone)


@pytest.mark.parametrize("answer", [{"status": 410}, {"status": 200, "body": '{"ticket":null}'}, {"status": 404}], ids=["410", "null", "404"])
def test_a_deleted_ticket_is_gone_however_the_source_says_it(home, answer):
    with synced(home, "kf5") as (state, emulator):
        number = sorted(state.by_id)[20]
        state.drop(number)
        emulator.script = [{"when": {"path": f"/apiv2/tickets/{number}.json"}, "then": answer}]
        assert_complete(home.sync("--full"))
        assert ids_marked(home) == {number}


def test_a_ticket_of_which_the_source_says_nothing_is_not_marked_and_holds_up_nothing(home):
    with synced(home, "kf5") as (state, emulator):
        numbers = sorted(state.by_id)
        silent, gone, changed = numbers[20], numbers[30], numbers[40]
        state.drop(silent)
        state.drop(gone)
        state.put(state.fresh(changed, state.by_id[changed].created))
        for status in (403, 422):
            emulator.script = [{"when": {"path": f"/apiv2/tickets/{silent}.json"}, "then": {"status": status, "body": "{}"}},
                               {"when": {"path": "/apiv2/tickets/show_many.json", "contains": str(silent)}, "then": {"status": status, "body": "{}"}}]
            run = home.sync("--full")
            assert run.code != 4 and ids_marked(home) == {gone}, run
            assert str(silent) in run.err, run
        emulator.script = []
        assert_complete(home.sync("--full"))
        assert_whole(home, state, gone=[silent, gone])


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_403_amid_good_answers_is_asked_again(home, vendor):
    state = settled(vendor, 350)
    with emulate(vendor, state) as emulator:
        configure(home, vendor, emulator, max_retries=4)
        emulator.script = [forbid(path=LIST[vendor], first=3, times=2)]
        assert_complete(home.sync())
        assert_whole(home, state)


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_403_from_the_first_is_the_account(home, vendor):
    with emulate(vendor, settled(vendor, 350)) as emulator:
        configure(home, vendor, emulator, max_retries=8)
        emulator.script = [forbid(path=LIST[vendor])]
        run = home.sync()
        assert run.code == 4, run
        asked = [path for _, path in emulator.requests if path.startswith(LIST[vendor])]
        assert 4 <= len(asked) <= 8, asked


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_a_403_that_stays_after_good_answers_is_not_the_credentials(home, vendor):
    with synced(home, vendor, max_retries=1) as (_, emulator):
        emulator.script = [forbid(path=LIST[vendor], first=2)]
        run = home.sync("--full")
        assert run.code == 3 and "403" in run.source("shop")["error"], run


def test_a_parameter_that_is_wrong_stays_wrong(home):
    with emulate("udesk", settled("udesk", 150)) as emulator:
        configure(home, "udesk", emulator, max_retries=8)
        emulator.script = [{"when": {"contains": "ticket_fields"}, "then": {"status": 200, "body": json.dumps({"error": "subdomain is missing"})}}]
        run = home.sync()
        assert run.code == 3 and "subdomain is missing" in run.source("shop")["error"], run
        assert len([path for _, path in emulator.requests if "ticket_fields" in path]) == 1


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_packed_answers_are_unpacked(home, vendor):
    state = settled(vendor, 250)
    with emulate(vendor, state) as emulator:
        configure(home, vendor, emulator)
        emulator.script = [{"then": {"gzip": True}}]
        assert_complete(home.sync())
        assert_whole(home, state)


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"])
def test_requests_to_this_machine_reach_no_proxy(home, name):
    state = settled("kf5", 30)
    with emulate("kf5", state) as emulator:
        configure(home, "kf5", emulator)
        assert_complete(home.sync(env={name: "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}))


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_bytes_that_are_no_utf8_cost_only_themselves(home, vendor):
    state = settled(vendor, 250)
    number = sorted(state.by_id)[120]
    key = "title" if vendor == "kf5" else "subject"
    value = {**json.loads(state.by_id[number].text), key: "before MARK after"}
    state.put(type(state.by_id[number])(number, state.by_id[number].created, state.by_id[number].updated, json.dumps(value, ensure_ascii=False)))
    with emulate(vendor, state) as emulator:
        configure(home, vendor, emulator)
        emulator.script = [{"when": {"holds": number}, "then": {"replace": ["MARK", base64.b64encode(b"\xff\xfe").decode()]}}]
        run = assert_complete(home.sync())
        names, rows = read_table(home.lake, "tickets", "shop")
        assert len(rows) == 250 and "no UTF-8" in run.err, run
        assert next(row["subject"] for row in rows if row["id"] == number) == "before \ufffd\ufffd after"


@pytest.mark.parametrize("depth", [200, 5000])
def test_a_value_of_great_depth_costs_its_ticket_at_most(home, depth):
    state = settled("kf5", 250)
    number = sorted(state.by_id)[120]
    deep = state.by_id[number].text[:-1] + ',"x":' + "[" * depth + "]" * depth + "}"
    state.put(type(state.by_id[number])(number, state.by_id[number].created, state.by_id[number].updated, deep))
    with emulate("kf5", state) as emulator:
        configure(home, "kf5", emulator)
        run = home.sync()
        _, rows = read_table(home.lake, "tickets", "shop")
        found = {row["id"] for row in rows}
        assert found == set(state.by_id) if depth == 200 else found >= set(state.by_id) - {number}, run
        assert run.code == (0 if number in found else 3), run


def test_retries_are_told_of_from_the_third_on(home):
    with emulate("kf5", settled("kf5", 30)) as emulator:
        configure(home, "kf5", emulator, max_retries=4)
        emulator.script = [{"when": {"path": LIST["kf5"], "times": 3}, "then": {"status": 502, "body": "<html>bad gateway</html>"}}]
        run = assert_complete(home.sync())
        told = [line for line in run.err.splitlines() if "retry 3 of 4" in line]
        assert told and "HTTP 502" in told[0] and "retry 2 of" not in run.err, run


def test_filters_are_listed(home):
    with emulate("udesk", settled("udesk", 5)) as emulator:
        configure(home, "udesk", emulator)
        run = home.run("filters", "--json")
        [source] = json.loads(run.out)["sources"]
        assert run.code == 0 and 12 in [one["id"] for one in source["filters"]], run
        assert "12" in home.run("filters").out
        refused = home.run("filters", env={"CHECK_SECRET": "wrong"})
        assert refused.code == 4 and refused.err.startswith("error: "), refused


def test_kf5_has_no_filters(home):
    with emulate("kf5", settled("kf5", 5)) as emulator:
        configure(home, "kf5", emulator)
        assert home.run("filters").code == 2


def test_doctor_tries_the_filter_that_a_sync_would_read(home):
    with emulate("udesk", settled("udesk", 5)) as emulator:
        configure(home, "udesk by filter", emulator)
        assert home.run("doctor").code == 0
        configure(home, "udesk", emulator, incremental_filter=99)
        run = home.run("doctor")
        assert run.code == 3 and "incremental_filter" in run.out + run.err, run


def test_doctor_sees_that_the_lake_is_of_another_account(home):
    with synced(home, "kf5"):
        pass
    other = settled("kf5", 40, seed=77)
    for number in list(other.by_id):
        other.drop(number)
    with emulate("kf5", other) as emulator:
        configure(home, "kf5", emulator)
        run = home.run("doctor")
        assert run.code == 2, run
