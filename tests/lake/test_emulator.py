"""The emulator says what the vendors' documents say: signatures, credentials, paging, limits, faults."""

import base64
import http.client
import json
import time
import urllib.error
import urllib.request

import pytest

from emulator.udesk import signature
from sandbox import Budget, emulate
from worlds import account

SECRET = "99d80d18b0b9a994a8d0283e830e5099"


def get(url, user=None):
    request = urllib.request.Request(url)
    if user:
        request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read())


def udesk(emulator, path, query=""):
    return get(f"{emulator.origin}{path}?{query}{'&' if query else ''}sign={signature(query, SECRET)}")


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
        users = (f"{emulator.manners.email}:{emulator.manners.password}", f"{emulator.manners.email}/token:{emulator.manners.token}")
        pages = [get(f"{emulator.origin}/apiv2/tickets.json?page={page}&per_page=100", users[page % 2]) for page in (1, 2, 3, 4)]
        assert [len(page["tickets"]) for page in pages] == [100, 100, 30, 0]
        assert pages[0]["count"] == 230 and pages[1]["next_page"].endswith("page=3&per_page=100") and pages[2]["next_page"] is None
        middle = sorted(ticket.created for ticket in state.by_id.values() if ticket.created)[100]
        window = get(f"{emulator.origin}/apiv2/tickets.json?created_start={middle}&created_end={middle}", users[0])
        assert window["count"] >= 1
        for user in ("agent@example.com:wrong", None):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                get(f"{emulator.origin}/apiv2/tickets.json", user)


def test_udesk_pages_and_refusals():
    with emulate("udesk", account("udesk", 45)) as emulator:
        page = udesk(emulator, "/api/v1/tickets", "page=3&per_page=20")
        assert (page["status"], page["size"], page["total"], page["total_pages"], len(page["contents"])) == (0, 5, 45, 3, 5)
        assert udesk(emulator, "/api/v1/tickets.json", "page=1&per_page=101") == {"error": "per_page should be between 1 and 100"}
        assert get(emulator.origin + "/api/v1/tickets.json?page=1&sign=0")["status"] == 2002
        assert len(udesk(emulator, "/api/v2/ticket_fields.json")["ticket_fields"]) == 15


def test_a_strict_budget():
    with emulate("udesk", account("udesk", 5), budget=Budget(3, 0.5)) as emulator:
        for _ in range(3):
            udesk(emulator, "/api/v1/tickets.json", "page=1")
        with pytest.raises(urllib.error.HTTPError, match="429") as refusal:
            udesk(emulator, "/api/v1/tickets.json", "page=1")
        assert refusal.value.headers["Retry-After"] == "1"
        time.sleep(0.55)
        udesk(emulator, "/api/v1/tickets.json", "page=1")
        assert len(emulator.budget.accepted) == 4 and len(emulator.budget.refused) == 1


@pytest.mark.parametrize("fault", ["http500", "html200", "truncated", "cut", "reset"])
def test_faults_break_the_answer(fault):
    with emulate("udesk", account("udesk", 45), faults={fault: 1.0}) as emulator:
        with pytest.raises((OSError, ValueError, http.client.HTTPException)):
            udesk(emulator, "/api/v1/tickets.json", "page=1")
        assert emulator.injected == {fault: 1}


def test_a_moving_world_keeps_every_version():
    state = account("udesk", 50)
    with emulate("udesk", state, changes={"insert": 1, "update": 2, "delete": 3}) as emulator:
        for _ in range(6):
            udesk(emulator, "/api/v1/tickets.json", "page=1")
    assert [op for op, _ in emulator.changed] == ["insert", "insert", "update", "insert", "delete", "insert", "update", "insert", "insert", "update", "delete"]
    assert len(state.by_id) == 50 + 6 - 2 and len(state.deleted) == 2
    assert sum(len(texts) for texts in state.versions.values()) == 50 + 6 + 3
