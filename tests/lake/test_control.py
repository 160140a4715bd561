"""The sandbox does what the tests tell it, and says what the vendors' documents say: accounts, paging, limits, faults, scripts, moving worlds."""

import base64
import hashlib
import http.client
import json
import threading
import time
import urllib.error
import urllib.request

import pytest

from sandbox import Budget, emulate, refused
from watch import SECRET
from worlds import account
from worlds.state import State, Ticket


def signature(query, secret):
    """Of the raw query as sent, without `sign`. No query: of the secret alone."""
    return hashlib.md5((query + "&" + secret if query else secret).encode()).hexdigest()


def fetch(url, user=None):
    request = urllib.request.Request(url)
    if user:
        request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode()


def kf5(emulator, path, query=""):
    return json.loads(fetch(f"{emulator.origin}/apiv2/{path}.json{query and '?' + query}", f"{emulator.account.email}:{emulator.account.password}"))


def udesk(emulator, path, query=""):
    return json.loads(fetch(f"{emulator.origin}{path}?{query}{'&' if query else ''}sign={signature(query, SECRET)}"))


def listed(emulator, query=""):
    return [ticket["id"] for ticket in kf5(emulator, "tickets", query)["tickets"]]


@pytest.mark.parametrize("query, sign", [
    ("page=1&per_page=10", "b48d4134e7d13839b09b5423e300c352"),
    ("page=1&per_page=100", "aeef943db3a889ed76eb882b4f90ea71"),
    ("per_page=10&page=1", "03f67933ec5c7669fd63b35c9c161301"),
    ("", "e9fb0570fe9265fd55ea8b84f8fbcbbb"),
])
def test_the_signature_vectors(query, sign):
    assert signature(query, SECRET) == sign


def test_kf5_pages_windows_and_credentials():
    state = account("kf5", 230)
    with emulate("kf5", state) as emulator:
        users = (f"{emulator.account.email}:{emulator.account.password}", f"{emulator.account.email}/token:{emulator.account.token}")
        pages = [json.loads(fetch(f"{emulator.origin}/apiv2/tickets.json?page={page}&per_page=100", users[page % 2])) for page in (1, 2, 3, 4)]
        assert [len(page["tickets"]) for page in pages] == [100, 100, 30, 0]
        assert pages[0]["count"] == 230 and pages[1]["next_page"].endswith("per_page=100&page=3") and pages[2]["next_page"] is None
        middle = sorted(ticket.created for ticket in state.by_id.values() if ticket.created)[100]
        window = kf5(emulator, "tickets", f"created_start={middle}&created_end={middle}")
        assert window["count"] >= 1
        for user in ("agent@example.com:wrong", None):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                fetch(f"{emulator.origin}/apiv2/tickets.json", user)


def test_udesk_pages_and_refusals():
    with emulate("udesk", account("udesk", 45)) as emulator:
        page = udesk(emulator, "/api/v1/tickets", "page=3&per_page=20")
        assert (page["status"], page["size"], page["total"], page["total_pages"], len(page["contents"])) == (0, 5, 45, 3, 5)
        assert udesk(emulator, "/api/v1/tickets.json", "page=1&per_page=101") == {"error": "per_page should be between 1 and 100"}
        assert json.loads(fetch(emulator.origin + "/api/v1/tickets.json?page=1&sign=0"))["status"] == 2002
        assert len(udesk(emulator, "/api/v2/ticket_fields.json")["ticket_fields"]) == 15


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
def test_tickets_come_byte_for_byte(vendor):
    state = account(vendor, 60, chance=0.5)
    with emulate(vendor, state) as emulator:
        if vendor == "kf5":
            text = fetch(f"{emulator.origin}/apiv2/tickets.json?per_page=100&page=1", f"{emulator.account.email}:{emulator.account.password}")
        else:
            query = "page=1&per_page=100"
            text = fetch(f"{emulator.origin}/api/v1/tickets.json?{query}&sign={signature(query, SECRET)}")
    assert all(ticket.text in text for ticket in state.by_id.values())


def test_an_account_that_changes():
    tickets = [Ticket(number, 1_700_000_000 + number, 1_700_000_100 - number, json.dumps({"id": number})) for number in range(1, 7)]
    state = State(tickets, [], None)
    with emulate("kf5", state) as emulator:
        assert listed(emulator, "created_order=asc") == [1, 2, 3, 4, 5, 6] and listed(emulator, "updated_order=asc") == [6, 5, 4, 3, 2, 1]
        state.drop(2, 3)
        state.put(Ticket(9, None, None, '{"id": 9}'))
        assert listed(emulator, "created_order=asc") == [9, 1, 4, 5, 6]
        state.show_twice([Ticket(5, 1_600_000_000, 1_600_000_000, '{"id": 5, "title": "old"}')])
        assert listed(emulator, "created_order=asc") == [9, 5, 1, 4, 5, 6]
        assert kf5(emulator, "tickets/5")["ticket"] == {"id": 5}
        state.show_twice([])
        assert listed(emulator, "created_order=asc") == [9, 1, 4, 5, 6]
        state.define([{"id": 1, "name": "field_1", "active": True}, {"id": 2, "name": "field_2", "active": False}])
        assert [field["name"] for field in kf5(emulator, "ticket_fields")["ticket_fields"]] == ["field_1", "field_2"]
        assert [field["name"] for field in kf5(emulator, "ticket_fields/active")["ticket_fields"]] == ["field_1"]
        emulator.state = State(tickets[:2], [], None)
        assert listed(emulator) == [1, 2]
        state.drop(1)
        assert listed(emulator) == [1, 2]


def test_quirks_come_and_go():
    with emulate("kf5", account("kf5", 50), page_cap=20, count=7) as emulator:
        assert len(listed(emulator, "per_page=100")) == 20 and kf5(emulator, "tickets")["count"] == 7
        emulator.quirks.break_page = 2
        with pytest.raises(urllib.error.HTTPError, match="500"):
            listed(emulator, "page=2")
        emulator.quirks.break_page, emulator.quirks.count = None, None
        assert kf5(emulator, "tickets", "page=2")["count"] == 50
        emulator.quirks.next_host = "http://other.example"
        assert kf5(emulator, "tickets")["next_page"].startswith("http://other.example/apiv2/tickets.json?")


def test_a_strict_budget():
    budget = Budget(3, 0.5)
    with emulate("udesk", account("udesk", 5), budget=budget) as emulator:
        for _ in range(3):
            udesk(emulator, "/api/v1/tickets.json", "page=1")
        with pytest.raises(urllib.error.HTTPError, match="429") as refusal:
            udesk(emulator, "/api/v1/tickets.json", "page=1")
        assert refusal.value.headers["Retry-After"] == "1"
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                udesk(emulator, "/api/v1/tickets.json", "page=1")
                break
            except urllib.error.HTTPError:
                continue
    assert len(budget.accepted) == 4 and len(budget.refused) >= 1
    assert budget.accepted[3] - budget.accepted[0] >= 0.5


@pytest.mark.parametrize("fault", ["http500", "html200", "broken_json", "truncate", "reset"])
def test_faults_break_the_answer(fault):
    with emulate("udesk", account("udesk", 45), faults={fault: 1.0}) as emulator:
        with pytest.raises((OSError, ValueError, http.client.HTTPException)):
            udesk(emulator, "/api/v1/tickets.json", "page=1")
        assert emulator.injected == {fault: 1}


def test_a_fault_that_comes_so_often():
    with emulate("udesk", account("udesk", 45), faults={"error200": 1.0}, spoilt_at_most=2) as emulator:
        pages = [udesk(emulator, "/api/v1/tickets.json", f"page={page}&nonce={n}") for page in (1, 2) for n in range(3)]
    assert ["contents" in page for page in pages] == [False, False, True, False, False, True]
    assert emulator.injected == {"error200": 4}


def test_a_script_answers_in_place_of_the_account():
    with emulate("kf5", account("kf5", 5)) as emulator:
        emulator.script = [refused(status=503, contains="/tickets", lacks="updated_")]
        with pytest.raises(urllib.error.HTTPError, match="503"):
            kf5(emulator, "tickets")
        assert len(listed(emulator, "updated_start=0")) == 5
        emulator.script = [{"when": {}, "then": {"status": 200, "body": '{"was": "{target}"}'}}]
        assert kf5(emulator, "tickets", "page=1") == {"was": "/apiv2/tickets.json?page=1"}
        emulator.script = []
        assert len(listed(emulator)) == 5
        assert [path for _, path in emulator.requests][:2] == ["/apiv2/tickets.json", "/apiv2/tickets.json?updated_start=0"]
    assert emulator.lists == 2 and len(emulator.requests) == 4


def test_a_world_that_moves_before_an_answer():
    """Also while another request waits, and never between two tickets of one answer."""
    state = account("kf5", 20)
    with emulate("kf5", state) as emulator:
        emulator.before_list = lambda count: count == 2 and state.drop(*list(state.by_id)[:5])
        assert [len(listed(emulator)) for _ in range(3)] == [20, 15, 15]
        emulator.before_list = lambda count: state.change("insert")
        counts = []
        threads = [threading.Thread(target=lambda: counts.append(len(listed(emulator)))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(counts) == [16, 17, 18, 19]
        emulator.before_list = None
        assert len(listed(emulator)) == 19


def test_a_moving_world_keeps_every_version():
    state = account("udesk", 50)
    with emulate("udesk", state, changes={"insert": 1, "update": 2, "delete": 3}) as emulator:
        for _ in range(6):
            udesk(emulator, "/api/v1/tickets.json", "page=1")
    assert [op for op, _ in emulator.changed] == ["insert", "insert", "update", "insert", "delete", "insert", "update", "insert", "insert", "update", "delete"]
    assert len(state.by_id) == 50 + 6 - 2 and len(state.deleted) == 2
    assert sum(len(texts) for texts in state.versions.values()) == 50 + 6 + 3
