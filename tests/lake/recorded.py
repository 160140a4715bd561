"""Accounts kept as JSON, so that the same tickets can be served again beside a lake that was written long ago."""

import json
from dataclasses import astuple
from pathlib import Path
from types import SimpleNamespace

from worlds import WORLDS
from worlds.state import State, Ticket

FIXTURES = Path(__file__).parent / "fixtures"
SOURCES = {"support": "kf5", "shop": "udesk"}  # by name
PARTITIONS = ("day", "month")


def keep(path, state):
    """Writes the account's definitions, its tickets, and the last version of each deleted one."""
    gone = [Ticket(number, None, None, state.versions[number][-1]) for number in sorted(state.deleted)]
    kept = {
        "fields": state.fields,
        "tickets": [astuple(ticket) for ticket in state.ordered("id")[0]],
        "gone": [astuple(ticket) for ticket in gone],
    }
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def recall(vendor):
    """→ (State, deleted tickets as an account of their own)."""
    kept = json.loads((FIXTURES / f"{vendor}.json").read_text(encoding="utf-8"))
    tickets = [Ticket(*ticket) for ticket in kept["tickets"]]
    state = State(tickets, kept["fields"], WORLDS[vendor].fresh_ticket)
    state.awkward = 0.0
    gone = [Ticket(*ticket) for ticket in kept["gone"]]
    return state, SimpleNamespace(fields=state.fields, texts=lambda: [ticket.text for ticket in gone])
